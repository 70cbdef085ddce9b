#!/usr/bin/env python3
"""Numbers the learning core is held to, worked out without it: python3 make_golden.py > mlp_golden.h

A developer runs this (NumPy is all it needs); the header is kept in the tree. Everything
is float64 from initial values that float32 can hold. Gradients are complex-step derivatives
of the forward pass, exact to rounding: there is no backward pass in this file that could share
a mistake with the one under test. Philox is written from its paper.
"""
import numpy as np

STEP = 1e-30


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def stream(seed, number):
    return philox([number, 0, 0, 0], [seed & 0xFFFFFFFF, seed >> 32])[:2]


def permutation(seed, epoch, n):
    """Fisher-Yates from the end; words of a block from its last to its first; a word w gives
    w * bound >> 32, refused when the low half is below 2^32 mod bound."""
    key = stream(seed, 2)

    def words():
        block = 0
        while True:
            yield from reversed(philox([epoch, 0, 0, block], key))
            block += 1

    source, order = words(), list(range(n))
    for i in range(n, 1, -1):
        product = next(source) * i
        while (product & 0xFFFFFFFF) < 2**32 % i:
            product = next(source) * i
        j = product >> 32
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


def uniform4(seed, layer, block):
    return [(w + 0.5) / 2**32 for w in philox([0, 0, layer, block], stream(seed, 1))]


def normal4(seed, layer, block):
    u = uniform4(seed, layer, block)
    out = []
    for i in (0, 2):
        r, angle = np.sqrt(-2 * np.log(u[i])), 2 * np.pi * u[i + 1]
        out += [r * np.cos(angle), r * np.sin(angle)]
    return out


# ---- networks -------------------------------------------------------------------

ACTIVATIONS = {
    "IDENTITY": lambda z: z,
    "SIGMOID": lambda z: 1 / (1 + np.exp(-z)),
    "TANH": np.tanh,
    "RELU": lambda z: np.where(z.real > 0, z, 0),
    "LEAKY_RELU": lambda z: np.where(z.real > 0, z, 0.01 * z),
}


def forward(job, w, x):
    a, at = x, 0
    sizes = [job["inputs"]] + [u for u, _ in job["hidden"]] + [job["outputs"]]
    for k in range(len(sizes) - 1):
        n, m = sizes[k], sizes[k + 1]
        z = a @ w[at:at + n * m].reshape(n, m) + w[at + n * m:at + n * m + m]
        at += n * m + m
        a = ACTIVATIONS[job["hidden"][k][1]](z) if k < len(job["hidden"]) else z
    return a


def loss(job, w, x, y):
    z = forward(job, w, x)
    if job["loss"] == "CROSS_ENTROPY":
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(y)), y])
    if job["loss"] == "BINARY_CROSS_ENTROPY":
        return np.mean(np.log(1 + np.exp(z)) - y * z)
    return np.mean((y - z) ** 2)


def gradient(job, w, x, y):
    g = np.empty(len(w))
    for i in range(len(w)):
        moved = w.astype(complex)
        moved[i] += 1j * STEP
        g[i] = loss(job, moved, x, y).imag / STEP
    return g


def weight_mask(job):
    sizes = [job["inputs"]] + [u for u, _ in job["hidden"]] + [job["outputs"]]
    parts = []
    for n, m in zip(sizes, sizes[1:]):
        parts += [np.ones(n * m), np.zeros(m)]
    return np.concatenate(parts)


# ---- optimizers, as PyTorch documents them ------------------------------------------


class Optimizer:
    def __init__(self, spec, n):
        self.spec, self.m, self.v, self.t = spec, np.zeros(n), np.zeros(n), 0

    def step(self, w, g, mask):
        s = self.spec
        g = g + s.get("l2", 0) * mask * w
        self.t += 1
        if s["optimizer"] == "ADAM":
            self.m = s["beta1"] * self.m + (1 - s["beta1"]) * g
            self.v = s["beta2"] * self.v + (1 - s["beta2"]) * g * g
            m_hat = self.m / (1 - s["beta1"] ** self.t)
            v_hat = self.v / (1 - s["beta2"] ** self.t)
            return w - s["rate"] * m_hat / (np.sqrt(v_hat) + s["epsilon"])
        self.m = s.get("momentum", 0) * self.m + g
        return w - s["rate"] * (g + s["momentum"] * self.m if s.get("nesterov") else self.m)


ADAM = dict(optimizer="ADAM", beta1=0.9, beta2=0.999, epsilon=1e-8)

JOBS = [
    dict(name="classes, adam", seed=1, inputs=4, hidden=[(6, "TANH"), (5, "RELU")], outputs=3,
         loss="CROSS_ENTROPY", rows=24, batch=24, spec=dict(ADAM, rate=0.01)),
    dict(name="classes in batches, adam with l2", seed=2, inputs=4, hidden=[(6, "LEAKY_RELU")],
         outputs=3, loss="CROSS_ENTROPY", rows=24, batch=7,
         spec=dict(ADAM, rate=0.02, beta1=0.8, beta2=0.99, epsilon=1e-6, l2=0.05)),
    dict(name="labels, nesterov with l2", seed=3, inputs=5, hidden=[(7, "SIGMOID")], outputs=2,
         loss="BINARY_CROSS_ENTROPY", rows=20, batch=20,
         spec=dict(optimizer="SGD", rate=0.3, momentum=0.9, nesterov=True, l2=0.01)),
    dict(name="numbers in batches, momentum", seed=4, inputs=3, hidden=[(6, "TANH"), (4, "SIGMOID")],
         outputs=2, loss="MSE", rows=20, batch=8,
         spec=dict(optimizer="SGD", rate=0.05, momentum=0.8)),
    dict(name="linear regression, plain sgd", seed=5, inputs=5, hidden=[], outputs=1, loss="MSE",
         rows=16, batch=16, spec=dict(optimizer="SGD", rate=0.05)),
]
EPOCHS = 20


def f32(x):
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def numbers(values, form="{:.9g}"):
    cells = [form.format(float(v)) for v in np.ravel(values)]
    lines = [", ".join(cells[i:i + 7]) for i in range(0, len(cells), 7)]
    return "{" + ", \\\n     ".join(lines).replace(" \\\n", "\n") + "}"


def run(job):
    rng = np.random.default_rng(job["seed"])
    n, mask = job["rows"], weight_mask(job)
    x = f32(rng.normal(size=(n, job["inputs"])))
    if job["loss"] == "CROSS_ENTROPY":
        y = rng.integers(0, job["outputs"], n)
    elif job["loss"] == "BINARY_CROSS_ENTROPY":
        y = rng.integers(0, 2, (n, job["outputs"])).astype(float)
    else:
        y = f32(rng.normal(size=(n, job["outputs"])))
    start = w = f32(rng.normal(size=len(mask)) * 0.5)
    optimizer, losses = Optimizer(job["spec"], len(mask)), []
    for _ in range(EPOCHS):
        total = 0
        for at in range(0, n, job["batch"]):
            xb, yb = x[at:at + job["batch"]], y[at:at + job["batch"]]
            total += loss(job, w, xb, yb).real * len(xb)
            w = optimizer.step(w, gradient(job, w, xb, yb), mask)
        losses.append(total / n)
    s = job["spec"]
    hidden = ", ".join(f"{{.units = {u}, .activation = MLP_{a}}}" for u, a in job["hidden"])
    classes = job["loss"] == "CROSS_ENTROPY"
    fields = [f'.name = "{job["name"]}"', f'.n_inputs = {job["inputs"]}',
              f'.n_outputs = {job["outputs"]}', f'.n_hidden = {len(job["hidden"])}',
              f".hidden = {{{hidden or '{0}'}}}", f'.loss = MLP_{job["loss"]}', f".rows = {n}",
              f".n_params = {len(mask)}",
              ".train = {" + f'.optimizer = MLP_{s["optimizer"]}, .learning_rate = {s["rate"]}, '
              f'.momentum = {s.get("momentum", 0)}, .nesterov = {str(s.get("nesterov", False)).lower()}, '
              f'.beta1 = {s.get("beta1", 0)}, .beta2 = {s.get("beta2", 0)}, '
              f'.epsilon = {s.get("epsilon", 0)}, .l2 = {s.get("l2", 0)}, '
              f'.epochs = {EPOCHS}, .batch_size = {job["batch"]}' + "}",
              f".x = {numbers(x)}",
              (".labels = " if classes else ".targets = ") + numbers(y, "{:.0f}" if classes else "{:.9g}"),
              f".start = {numbers(start)}", f'.losses = {numbers(losses, "{:.17g}")}',
              f'.end = {numbers(w, "{:.17g}")}']
    return "    {" + ",\n     ".join(fields) + "},"


# ---- single steps ---------------------------------------------------------------------

STEPS = [
    dict(ADAM, rate=0.001),
    dict(ADAM, rate=0.1, beta1=0.5, beta2=0.9, epsilon=0.01, l2=0.1),
    dict(optimizer="SGD", rate=0.1),
    dict(optimizer="SGD", rate=0.1, l2=0.2),
    dict(optimizer="SGD", rate=0.1, momentum=0.9, l2=0.2),
    dict(optimizer="SGD", rate=0.1, momentum=0.9, nesterov=True),
]


def steps():
    rng = np.random.default_rng(11)
    w0, mask = f32(rng.normal(size=6)), np.array([1, 1, 1, 1, 0, 0])  # 2 inputs, 2 outputs, bias
    grads = f32(rng.normal(size=(4, 6)) * [1, 1e-3, 10, 1, 1, 1e-6])
    grads[:, 3] = 0  # a weight without gradient: only l2 moves it
    lines = [f"#define GOLDEN_STEP_START {numbers(w0)}".replace("\n", " \\\n"),
             f"#define GOLDEN_STEP_GRADIENTS {numbers(grads)}".replace("\n", " \\\n"), "",
             "static const struct golden_step golden_steps[] = {"]
    for s in STEPS:
        optimizer, w = Optimizer(s, 6), w0
        for g in grads:
            w = optimizer.step(w, g, mask)
        lines.append(
            "    {{" + f'.optimizer = MLP_{s["optimizer"]}, .learning_rate = {s["rate"]}, '
            f'.momentum = {s.get("momentum", 0)}, .nesterov = {str(s.get("nesterov", False)).lower()},\n'
            f'      .beta1 = {s.get("beta1", 0)}, .beta2 = {s.get("beta2", 0)}, '
            f'.epsilon = {s.get("epsilon", 0)}, .l2 = {s.get("l2", 0)}' + "},\n     "
            + numbers(w, "{:.17g}") + "},")
    return "\n".join(lines + ["};"])


def main():
    print(f"""/* Written by tests/golden/make_golden.py; do not edit. */
#ifndef MLP_GOLDEN_H
#define MLP_GOLDEN_H

/* seed 42: the order of 8 in epoch 3; block 5 of layer 1 of the initial weights */
#define GOLDEN_PERMUTATION {{{", ".join(map(str, permutation(42, 3, 8)))}}}
#define GOLDEN_UNIFORM     {{{", ".join(f"{u:.17g}" for u in uniform4(42, 1, 5))}}}
#define GOLDEN_NORMAL      {{{", ".join(f"{u:.17g}" for u in normal4(42, 1, 5))}}}

#ifdef GOLDEN_TRAJECTORIES
#define GOLDEN_EPOCHS {EPOCHS}

struct golden_step {{ /* four steps of six parameters (2 x 2 weights, 2 biases) */
    struct mlp_train_spec train;
    double end[6];
}};

struct golden_job {{
    const char *name;
    size_t n_inputs, n_outputs, n_hidden;
    struct mlp_layer_spec hidden[2];
    enum mlp_loss loss;
    size_t rows, n_params;
    struct mlp_train_spec train;
    float x[128], targets[64];
    uint32_t labels[32];
    float start[96];
    double losses[GOLDEN_EPOCHS]; /* mean over the epoch's rows, each before its batch's step */
    double end[96];
}};

{steps()}

static const struct golden_job golden_jobs[] = {{""")
    for job in JOBS:
        print(run(job))
    print("};\n#endif\n\n#endif")


main()
