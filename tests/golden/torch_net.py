"""The networks of mlp.h in PyTorch, in float64: what make_torch.py trains.

All of a layer and a loss is written from its definition or is PyTorch's own function; the gradient
is autograd's. Names are those of mlp.h's enums without MLP_. A new activation or loss is one line
here; a new kind of layer is a few lines in Net.
"""
import torch
import torch.nn.functional as F

from torch_noise import INPUT, disturb

torch.set_default_dtype(torch.float64)

ACTIVATIONS = {
    "IDENTITY": lambda z: z,
    "SIGMOID": torch.sigmoid,
    "TANH": torch.tanh,
    "RELU": F.relu,
    "LEAKY_RELU": lambda z: F.leaky_relu(z, 0.01),
    "ELU": F.elu,
    "SELU": F.selu,
    "GELU": F.gelu,
    "SILU": F.silu,
    "SOFTPLUS": F.softplus,
    "SOFTSIGN": F.softsign,
    "MISH": F.mish,
}  # PRELU and MAXOUT: see Net.activate


def cross_entropy(z, y, smoothing):
    return F.cross_entropy(z, y, reduction="none", label_smoothing=smoothing)


def focal(z, y, g):
    p = F.softmax(z, 1)
    return -(y * (1 - p) ** g * torch.log(p)).sum(1)


def binary_focal(z, y, g):
    p = torch.sigmoid(z)
    return -(y * (1 - p) ** g * torch.log(p) + (1 - y) * p ** g * torch.log(1 - p)).mean(1)


def poisson(z, y, p):
    """Twice PyTorch's loss, and what makes it the deviance."""
    own = F.poisson_nll_loss(z, y, log_input=True, full=False, reduction="none")
    return 2 * (own + torch.xlogy(y, y) - y).mean(1)


def gamma(z, y, p):
    return 2 * (y / torch.exp(z) - 1 - torch.log(y) + z).mean(1)


def tweedie(z, y, q):
    parts = y ** (2 - q) / ((1 - q) * (2 - q)) - y * torch.exp(z * (1 - q)) / (1 - q) + \
        torch.exp(z * (2 - q)) / (2 - q)
    return 2 * parts.mean(1)


def numbers(f):
    """A loss of the residual and its parameter, columns averaged."""
    return lambda z, y, p: f(y - z, p).mean(1)


# z (rows, outputs), y (rows, outputs), loss_parameter -> (rows). Numbers behind a sigmoid: z is
# its output. Cross-entropy gets the smoothing as its parameter.
LOSSES = {
    "CROSS_ENTROPY": cross_entropy,
    "BINARY_CROSS_ENTROPY": lambda z, y, p: F.binary_cross_entropy_with_logits(
        z, y, reduction="none").mean(1),
    "FOCAL": focal,
    "BINARY_FOCAL": binary_focal,
    "MSE": numbers(lambda r, p: r * r),
    "MAE": numbers(lambda r, p: r.abs()),
    "HUBER": lambda z, y, d: F.huber_loss(z, y, reduction="none", delta=d).mean(1),
    "QUANTILE": numbers(lambda r, t: torch.maximum(t * r, (t - 1) * r)),
    "LOG_COSH": numbers(lambda r, p: torch.log(torch.cosh(r))),
    "POISSON": poisson,
    "GAMMA": gamma,
    "TWEEDIE": tweedie,
}
BEHIND = {"MSE", "MAE", "HUBER", "QUANTILE", "LOG_COSH"}  # of OUT_SIGMOID: a sigmoid


class Segment:
    """One run of the flat array: a tensor that is trained."""

    def __init__(self, kind, layer, value):
        self.kind, self.layer = kind, layer
        self.tensor = torch.tensor(value, requires_grad=True)


def rounded(rng, shape, center, size, digits=3):
    """Random numbers with few digits, as float32 holds them."""
    return (center + size * rng.standard_normal(shape)).round(digits).astype("float32") \
        .astype("float64")


class Net:
    """spec: as struct mlp_spec, `hidden` a list of dicts like struct mlp_layer_spec."""

    def __init__(self, spec, rng):
        self.spec, self.segments, self.state = spec, [], []
        self.moment = (0, 0, 0)  # seed, epoch, step: what noise and dropout are drawn from
        self.layers = spec["hidden"] + [dict(units=spec["n_outputs"], activation="IDENTITY")]
        if spec.get("input_scale"):
            self.add("INPUT_SCALE", 0, rounded(rng, self.width(), 1, 0.2))
        for table in spec.get("embeddings", []):
            self.add("TABLE", 0, rounded(rng, (table["levels"], table["width"]), 0, 0.5))
        n = self.width()
        for k, layer in enumerate(self.layers):
            z, norm = layer["units"] * layer.get("pieces", 1), layer.get("norm")
            self.add("WEIGHTS", k, rounded(rng, (n, z), 0, 0.5))
            if norm != "NORM_BATCH":
                self.add("BIAS", k, rounded(rng, z, 0, 0.2))
            if norm:
                self.add("GAIN", k, rounded(rng, z, 1, 0.2))
                self.add("SHIFT", k, rounded(rng, z, 0, 0.2))
            if layer["activation"] == "PRELU":
                self.add("SLOPE", k, rounded(rng, layer["units"], 0.25, 0.05))
            if norm == "NORM_BATCH":
                self.state.append((k, torch.zeros(z), torch.ones(z)))
            n = layer["units"]

    def width(self):
        tables = self.spec.get("embeddings", [])
        return self.spec["n_inputs"] - len(tables) + sum(t["width"] for t in tables)

    def embed(self, x):
        tables = [s.tensor for s in self.segments if s.kind == "TABLE"]
        n = x.shape[1] - len(tables)
        rows = [F.embedding(x[:, n + i].long(), table) for i, table in enumerate(tables)]
        return torch.cat([x[:, :n]] + rows, 1)

    def add(self, kind, layer, value):
        self.segments.append(Segment(kind, layer, value))

    def get(self, kind, layer):
        found = [s.tensor for s in self.segments if (s.kind, s.layer) == (kind, layer)]
        return found[0] if found else None

    def values(self):
        """The flat array of mlp_net_values numbers."""
        parts = [s.tensor.detach() for s in self.segments]
        parts += [x for _, mean, variance in self.state for x in (mean, variance)]
        return torch.cat([p.reshape(-1) for p in parts]).numpy().copy()

    def normalise(self, k, z):
        gain, shift = self.get("GAIN", k), self.get("SHIFT", k)
        if self.layers[k].get("norm") == "NORM_LAYER":
            return F.layer_norm(z, z.shape[1:], gain, shift, 1e-5)
        if self.layers[k].get("norm") == "NORM_BATCH":
            mean, variance = [(m, v) for layer, m, v in self.state if layer == k][0]
            return F.batch_norm(z, mean, variance, gain, shift, True, 0.1, 1e-5)
        return z

    def activate(self, k, z):
        kind = self.layers[k]["activation"]
        if kind == "PRELU":
            return torch.where(z > 0, z, self.get("SLOPE", k) * z)
        if kind == "MAXOUT":
            return z.reshape(len(z), self.layers[k]["pieces"], -1).max(1).values
        return ACTIVATIONS[kind](z)

    def forward(self, x, offset=None):
        scale, a = self.get("INPUT_SCALE", 0), self.embed(x)
        if scale is not None:
            a = a * scale
        a = disturb(a, self.spec.get("input_noise"), self.spec.get("input_dropout"), False,
                    self.moment, INPUT)
        for k in range(len(self.layers)):
            z, bias = a @ self.get("WEIGHTS", k), self.get("BIAS", k)
            z = z if bias is None else z + bias
            h = self.activate(k, self.normalise(k, z))
            layer = self.layers[k]
            h = disturb(h, layer.get("noise"), layer.get("dropout"),
                        layer["activation"] == "SELU", self.moment, k)
            a = h + a if self.layers[k].get("residual") else h
        return a if offset is None else a + offset[:, None]

    def loss(self, x, y, weights=None, offset=None, smoothing=0):
        """sum w_i l_i / rows"""
        loss, parameter = self.spec["loss"], self.spec.get("loss_parameter", 0)
        z = self.forward(x, offset)
        if loss in BEHIND and self.spec["output"] == "OUT_SIGMOID":
            z = torch.sigmoid(z)
        if loss == "CROSS_ENTROPY":
            parameter = smoothing
        elif smoothing:
            k = y.shape[1] if loss == "FOCAL" else 2
            y = (1 - smoothing) * y + smoothing / k
        rows = LOSSES[loss](z, y, parameter)
        return (rows if weights is None else rows * weights).mean()
