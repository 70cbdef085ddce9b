#!/usr/bin/env python3
"""First epochs of small trainings by PyTorch: python3 make_torch.py optimizers > torch_optimizers.h

A developer with PyTorch 2 runs this, a group at a time; the headers are kept in the tree, and
tests/unit/check_mlp_trajectories.c holds the learning core to them. All is float64 from numbers
that float32 holds; batches go as the rows lie.

A case is a name and what differs from the usual network, training and data. Keys and values are
the C names: of struct mlp_layer_spec in LAYER(...), of struct mlp_train_spec in train=..., enum
values without MLP_. To add one, put it into the list of its group (a new group also goes into
GROUPS) and run this; the test finds it.
"""
import sys
import zlib

import numpy as np
import torch
from torch.optim import lr_scheduler as S

from torch_net import ACTIVATIONS, Net, rounded
from torch_train import Warm, train

EPOCHS = 20


def LAYER(units, activation, **more):
    return dict(units=units, activation=activation, **more)


# ---- data: 20 rows of 4 columns -----------------------------------------------------------


def make_data():
    """Some truths for the same rows; weights and offsets for those cases that take them."""
    rng = np.random.default_rng(1)
    x = rounded(rng, (20, 4), 0, 1, 2)
    hidden = np.tanh(x @ rng.standard_normal((4, 3)))
    y = rounded(rng, (20, 2), 0, 0.2) + np.stack([hidden[:, 0] * 2, hidden.sum(1)], 1)
    soft = np.exp(2 * hidden)
    soft = (soft / soft.sum(1, keepdims=True)).round(2)
    soft[:, 2] = (1 - soft[:, 0] - soft[:, 1]).round(2)
    return {
        "x": x,
        "classes": hidden.argmax(1),                          # labels, 3 outputs
        "soft": soft.astype("float32").astype(float),         # rows of probabilities
        "labels": (hidden[:, :2] > 0).astype(float),          # 2 outputs
        "numbers": y.round(2).astype("float32").astype(float),  # 2 outputs
        "counts": np.floor(np.exp(hidden[:, :2])).astype(float),  # 2 outputs, >= 0
        "positive": np.exp(y / 3).round(2).astype("float32").astype(float),  # 2 outputs, > 0
        "weights": (np.arange(20) % 4 / 2 + 0.25),             # mean 1
        "offset": rounded(rng, 20, 0, 0.5, 2),
        # x and two indexes: of 7 levels, some of them never and some often, and of 3
        "coded": np.column_stack([x, np.arange(20) ** 2 % 6, np.arange(20) % 3]),
    }


DATA = make_data()
USUAL = {"CROSS_ENTROPY": "classes", "FOCAL": "classes", "BINARY_CROSS_ENTROPY": "labels",
         "BINARY_FOCAL": "labels", "POISSON": "counts", "TWEEDIE": "counts", "GAMMA": "positive"}
OUTPUT = {"CROSS_ENTROPY": "OUT_SOFTMAX", "FOCAL": "OUT_SOFTMAX", "POISSON": "OUT_EXP",
          "BINARY_CROSS_ENTROPY": "OUT_SIGMOID", "BINARY_FOCAL": "OUT_SIGMOID",
          "GAMMA": "OUT_EXP", "TWEEDIE": "OUT_EXP"}

# ---- cases --------------------------------------------------------------------------------

USUAL_LAYERS = [LAYER(6, "TANH"), LAYER(5, "SIGMOID")]
ADAM = dict(optimizer="ADAM", learning_rate=0.02, beta1=0.9, beta2=0.999, epsilon=1e-8)


def case(name, hidden=None, loss="CROSS_ENTROPY", truth=None, weights=False, offset=False,
         tolerance=1e-5, scheduler=None, warmup=0, plateau=None, spec=None, **changes):
    """spec: more of struct mlp_spec. changes: of ADAM, batch_size 8; optimizer=... gives all anew.
    scheduler: PyTorch's, after `warmup` steps; plateau: one that is told each epoch's loss."""
    truth = truth or USUAL.get(loss, "numbers")
    outputs = 3 if truth in ("classes", "soft") else 2
    t = dict({} if "optimizer" in changes else ADAM, **changes)
    t.setdefault("batch_size", 8)
    return dict(name=name, truth=truth, weights=weights, offset=offset, tolerance=tolerance,
                scheduler=scheduler, warmup=warmup, plateau=plateau, train=t,
                spec=dict(dict(n_inputs=4, n_outputs=outputs, loss=loss,
                               output=OUTPUT.get(loss, "OUT_IDENTITY"),
                               hidden=USUAL_LAYERS if hidden is None else hidden), **(spec or {})))


SGD = dict(optimizer="SGD", learning_rate=0.3)
MOMENTUM = dict(SGD, learning_rate=0.1, momentum=0.9)
GENTLE = dict(MOMENTUM, learning_rate=0.03)
LION = dict(optimizer="LION", learning_rate=0.01, beta1=0.9, beta2=0.99)
RMSPROP = dict(optimizer="RMSPROP", learning_rate=0.01, rho=0.99, epsilon=1e-8, tolerance=5e-5)
NADAM = dict(ADAM, optimizer="NADAM", momentum_decay=0.004)
ADAGRAD = dict(optimizer="ADAGRAD", learning_rate=0.1, epsilon=1e-10)
ADADELTA = dict(optimizer="ADADELTA", learning_rate=1, rho=0.9, epsilon=1e-6)
RPROP = dict(optimizer="RPROP", learning_rate=0.01, batch_size=20)
OWN = [dict(rate=0.5, l1=0.01), dict(l2=0.1), dict(rate=2)]


def optimizers():
    return [
        case("sgd", **SGD),
        case("sgd, momentum", **MOMENTUM),
        case("sgd, nesterov", **MOMENTUM, nesterov=True),
        case("adam"),
        case("adam of other betas and epsilon", beta1=0.7, beta2=0.95, epsilon=1e-3),
        case("adam, amsgrad", beta2=0.8, amsgrad=True),
        case("adamw", **dict(ADAM, optimizer="ADAMW"), weight_decay=0.5),
        case("adamw, amsgrad", **dict(ADAM, optimizer="ADAMW", beta2=0.8), weight_decay=0.5,
             amsgrad=True),
        case("nadam", **NADAM),
        case("nadam of another decay", **dict(NADAM, momentum_decay=0.2)),
        case("radam", **dict(ADAM, optimizer="RADAM")),
        case("radam that never rectifies", **dict(ADAM, optimizer="RADAM", beta2=0.6)),
        case("lion", **LION),
        case("rmsprop", **RMSPROP),
        case("rmsprop, momentum", **dict(RMSPROP, rho=0.9, learning_rate=0.003), momentum=0.8),
        case("adagrad", **ADAGRAD),
        case("adadelta", **ADADELTA),
        case("rprop", **RPROP),
        case("sgd, decay", **SGD, weight_decay=0.02),
        case("lion, decay", **LION, weight_decay=0.5),
        case("rmsprop, decay", **RMSPROP, weight_decay=0.5),
        case("adagrad, decay", **ADAGRAD, weight_decay=0.02),
        case("adadelta, decay", **ADADELTA, weight_decay=0.02),
        case("nadam, decay", **NADAM, weight_decay=0.5),
        case("radam, decay", **dict(ADAM, optimizer="RADAM"), weight_decay=0.5),
        case("rprop, decay", **RPROP, weight_decay=0.5),
        case("sgd, l2", **MOMENTUM, l2=0.02),
        case("adam, l2", l2=0.05),
        case("adam, l1", l1=0.01),
        case("adam, l1, l2 and decay", l1=0.01, l2=0.02, weight_decay=0.2),
        case("rmsprop, l1 and l2", **RMSPROP, l1=0.01, l2=0.02),
        case("sgd, clip_value", **dict(SGD, learning_rate=1), clip_value=0.05),
        case("sgd, clip_norm", **dict(SGD, learning_rate=1), clip_norm=0.3),
        case("sgd, clip_value and clip_norm, l2", **dict(SGD, learning_rate=1), clip_value=0.1,
             clip_norm=0.3, l2=0.05),
        case("sgd, max_norm", **SGD, max_norm=1.1),
        case("adam, max_norm and decay", max_norm=0.9, weight_decay=0.1),
        case("adam, rates of layers", layers=OWN, bias_rate=0.1, weight_decay=0.2),
        case("sgd, rates of layers", **MOMENTUM, layers=OWN, bias_rate=0.1),
        case("adam, a frozen layer", layers=[{}, dict(frozen=True), {}], l2=0.5, clip_norm=0.2,
             max_norm=1, weight_decay=0.1),
        case("rprop, rates of layers", **RPROP, layers=OWN, bias_rate=0.1),
        case("nadam, rates of layers", **NADAM, layers=OWN, bias_rate=0.1),
        case("adadelta, rates of layers", **ADADELTA, layers=OWN, bias_rate=0.1),
    ]


def lambda_(f):
    return lambda o, steps: S.LambdaLR(o, lambda i: f(i, steps))


def cosine(final):
    return lambda o, steps: S.CosineAnnealingLR(o, steps - 1, final * o.param_groups[0]["lr"])


def schedule(name, kind, torch_schedule, warmup_epochs=0, epochs=3, **fields):
    """3 steps an epoch."""
    fields = dict(type=kind, warmup_epochs=warmup_epochs, **fields)
    return case(name, **MOMENTUM, scheduler=torch_schedule, warmup=int(3 * warmup_epochs),
                schedule=fields)


def schedules():
    per = 3  # steps an epoch
    poly = lambda o, steps: S.PolynomialLR(o, steps, 1.5)
    return [
        schedule("step", "STEP", lambda o, n: S.StepLR(o, 4 * per, 0.5), every=4, factor=0.5),
        schedule("multistep", "MULTISTEP", lambda o, n: S.MultiStepLR(o, [3 * per, 10 * per], 0.3),
                 factor=0.3, milestones=[3, 10]),
        schedule("exponential", "EXPONENTIAL", lambda o, n: S.ExponentialLR(o, 0.9 ** (1 / per)),
                 factor=0.9),
        schedule("inverse_time", "INVERSE_TIME", lambda_(lambda i, n: 1 / (1 + 0.3 * i / per)),
                 factor=0.3),
        schedule("polynomial", "POLYNOMIAL", poly, power=1.5),
        schedule("cosine", "COSINE", cosine(0)),
        schedule("cosine, warm-up", "COSINE", cosine(0.1), warmup_epochs=2, final=0.1),
        schedule("cosine, restarts", "COSINE",
                 lambda_(lambda i, n: (1 + np.cos(np.pi * (i % 15) / 14)) / 2), cycle_epochs=5,
                 cycle_growth=1),
        schedule("one_cycle", "ONE_CYCLE",
                 lambda o, n: S.OneCycleLR(o, o.param_groups[0]["lr"], n, pct_start=0.3,
                                           cycle_momentum=False, div_factor=25,
                                           final_div_factor=1e4),
                 peak=0.3, start_divisor=25, final_divisor=1e4),
        schedule("constant, warm-up", "CONSTANT", lambda_(lambda i, n: 1), warmup_epochs=3),
        schedule("polynomial, a warm-up of 7 steps", "POLYNOMIAL", poly, warmup_epochs=7 / 3,
                 power=1.5),
        # PyTorch waits for one epoch more than `patience`
        case("plateau", **dict(SGD, learning_rate=4), plateau=lambda o: S.ReduceLROnPlateau(
            o, factor=0.4, patience=1, threshold=0.02, threshold_mode="abs", cooldown=2,
            min_lr=0.3 * 4 * 0.2),
             schedule=dict(type="PLATEAU", factor=0.4, patience=2, cooldown=2, min_delta=0.02,
                           final=0.06)),
    ]


def activations():
    names = list(ACTIVATIONS) + ["PRELU"]
    return [case(n.lower(), [LAYER(5, n), LAYER(4, n)], **MOMENTUM) for n in names] + [
        case("maxout", [LAYER(5, "MAXOUT", pieces=2), LAYER(4, "MAXOUT", pieces=3)], **MOMENTUM),
        case("prelu between maxout and gelu", [LAYER(4, "MAXOUT", pieces=2), LAYER(5, "PRELU"),
                                               LAYER(4, "GELU")], loss="MSE"),
    ]


def layers():
    batch, layer, skip = dict(norm="NORM_BATCH"), dict(norm="NORM_LAYER"), dict(residual=True)
    plain = LAYER(5, "TANH")
    return [
        case("none hidden", [], **GENTLE),
        case("batch_norm", [LAYER(5, "RELU", **batch), LAYER(4, "TANH", **batch)], **GENTLE),
        case("layer_norm", [LAYER(6, "RELU", **layer), LAYER(5, "TANH", **layer)]),
        case("residual", [plain, LAYER(5, "SILU", **skip), LAYER(5, "RELU", **skip)], **GENTLE),
        case("residual from the input", [LAYER(4, "TANH", **skip)], **GENTLE,
             spec=dict(input_scale=True)),
        case("input_scale", [plain], **GENTLE, spec=dict(input_scale=True)),
        case("input_scale of another rate", [plain], input_scale_rate=3,
             spec=dict(input_scale=True)),
        case("batch_norm, prelu, residual", [plain, LAYER(5, "PRELU", **batch, **skip)]),
        case("layer_norm, maxout, residual",
             [plain, LAYER(5, "MAXOUT", pieces=2, **layer, **skip)]),
        case("batch_norm, maxout", [LAYER(4, "MAXOUT", pieces=3, **batch), plain], loss="MSE"),
    ]


def losses():
    def of(name, loss, parameter=None, output=None, **more):
        spec = dict(loss_parameter=parameter) if parameter else {}
        if output:
            spec["output"] = output
        return case(name, loss=loss, spec=spec, **more)

    smooth, soft = dict(label_smoothing=0.1), dict(truth="soft")
    heavy, shifted = dict(weights=True), dict(offset=True)
    behind = dict(output="OUT_SIGMOID", truth="labels")
    return [
        of("cross_entropy", "CROSS_ENTROPY"),
        of("cross_entropy, weights", "CROSS_ENTROPY", **heavy),
        of("cross_entropy, offset", "CROSS_ENTROPY", **shifted),
        of("cross_entropy, smoothing", "CROSS_ENTROPY", **smooth),
        of("cross_entropy, shares", "CROSS_ENTROPY", **soft),
        of("cross_entropy, shares, smoothing, weights", "CROSS_ENTROPY", **soft, **smooth, **heavy),
        of("focal", "FOCAL", 2),
        of("focal .5, weights", "FOCAL", 0.5, **heavy),
        of("focal, shares, smoothing", "FOCAL", 2, **soft, **smooth),
        of("binary_cross_entropy", "BINARY_CROSS_ENTROPY"),
        of("binary_cross_entropy, smoothing", "BINARY_CROSS_ENTROPY", **smooth),
        of("binary_cross_entropy, weights, offset", "BINARY_CROSS_ENTROPY", **heavy, **shifted),
        of("binary focal", "BINARY_FOCAL", 2),
        of("binary focal .5, smoothing, weights", "BINARY_FOCAL", 0.5, **smooth, **heavy),
        of("mse", "MSE"),
        of("mse, weights, offset", "MSE", **heavy, **shifted),
        of("mae", "MAE"),
        of("huber", "HUBER", 0.5),
        of("quantile", "QUANTILE", 0.9),
        of("log_cosh", "LOG_COSH"),
        of("mse behind a sigmoid", "MSE", **behind),
        of("mae behind a sigmoid", "MAE", **behind),
        of("huber behind a sigmoid", "HUBER", 0.25, **behind),
        of("quantile behind a sigmoid", "QUANTILE", 0.3, **behind),
        of("log_cosh behind a sigmoid", "LOG_COSH", **behind),
        of("poisson", "POISSON"),
        of("poisson, weights, offset", "POISSON", **heavy, **shifted),
        of("gamma", "GAMMA"),
        of("gamma, offset", "GAMMA", **shifted),
        of("tweedie 1.5", "TWEEDIE", 1.5),
        of("tweedie 1.1, weights, offset", "TWEEDIE", 1.1, **heavy, **shifted),
    ]


def noises():
    """The random numbers are those of src/mlp/noise.h: see torch_noise.py."""
    drop, both = dict(dropout=0.3), dict(dropout=0.25, noise=0.1, residual=True)
    seeded = dict(MOMENTUM, seed=0x123456789)
    return [
        case("dropout", [LAYER(5, "RELU", **drop), LAYER(7, "TANH", **drop)], **seeded),
        case("dropout, maxout, prelu",
             [LAYER(5, "MAXOUT", pieces=2, **drop), LAYER(5, "PRELU", **drop)], seed=2),
        case("alpha dropout", [LAYER(5, "SELU", **drop), LAYER(4, "SELU", dropout=0.6)], **seeded),
        case("noise", [LAYER(5, "TANH", noise=0.3), LAYER(3, "SILU", noise=0.1)], **seeded),
        case("input_dropout", [LAYER(5, "TANH")], **seeded, spec=dict(input_dropout=0.4)),
        case("input_noise", [LAYER(5, "TANH")], **seeded, spec=dict(input_noise=0.2)),
        case("dropout, noise, residual", [LAYER(4, "TANH", **both), LAYER(4, "GELU", **both)],
             **seeded, spec=dict(input_scale=True, input_dropout=0.2, input_noise=0.1)),
        case("dropout, noise, residual, batch_norm",
             [LAYER(4, "TANH", norm="NORM_BATCH", **both)], **seeded, loss="MSE"),
        case("dropout, noise, residual, layer_norm",
             [LAYER(4, "RELU", norm="NORM_LAYER", **both), LAYER(4, "SELU", **both)], seed=3),
    ]


def embeddings():
    spec = dict(n_inputs=6, embeddings=[dict(levels=7, width=3), dict(levels=3, width=2)])
    wide = [LAYER(9, "TANH", residual=True), LAYER(4, "RELU")]

    def of(name, *more, **changes):
        return case(name, *more, spec=dict(spec, **changes.pop("spec", {})), **changes)

    return [
        of("sgd", **SGD),
        of("sgd, momentum, decay", **MOMENTUM, weight_decay=0.02),
        of("adam"),
        of("adam, l2 and decay", l2=0.02, weight_decay=0.2),
        of("sgd, l1", **SGD, l1=0.002),
        of("adamw, decay", **dict(ADAM, optimizer="ADAMW"), weight_decay=0.5),
        of("rmsprop", **RMSPROP),
        of("lion", **LION),
        of("sgd, clip_norm", **dict(SGD, learning_rate=1), clip_norm=0.3),
        of("sgd, clip_value, max_norm", **dict(SGD, learning_rate=1), clip_value=0.05, max_norm=0.9),
        of("adam, rates of layers", layers=OWN, bias_rate=0.1, weight_decay=0.2),
        of("adam, the first layer frozen", layers=[dict(frozen=True), {}, {}], clip_norm=0.2),
        of("none hidden", [], **GENTLE),
        of("none hidden, input_scale", [], **GENTLE, spec=dict(input_scale=True)),
        of("residual from the input", wide, **GENTLE),
        of("residual, input_scale, dropout, noise", wide, **dict(GENTLE, seed=4),
           spec=dict(input_scale=True, input_dropout=0.25, input_noise=0.1)),
        of("dropout, noise", **dict(GENTLE, seed=5), loss="MSE",
           spec=dict(input_dropout=0.4, input_noise=0.2)),
    ]


GROUPS = dict(activations=activations, embeddings=embeddings, layers=layers, losses=losses,
              noises=noises, optimizers=optimizers, schedules=schedules)
ROWS = {embeddings: "coded"}  # what a group has as x, if not "x"

# ---- C --------------------------------------------------------------------------------------


def numbers(values, form="{:.9g}", indent="     "):
    cells = [form.format(float(v)) for v in np.ravel(values)]
    lines, line = [], ""
    for c in cells:
        if len(line) + len(c) > 88:
            lines.append(line.rstrip())
            line = ""
        line += c + ", "
    return "{" + f"\n{indent}".join(lines + [line[:-2]]) + "}"


def value(v):
    if isinstance(v, bool):
        return str(v).lower()
    return "MLP_" + v if isinstance(v, str) else repr(v)


def struct(d):
    return "{" + ", ".join(f".{k} = {value(v)}" for k, v in d.items()) + "}"


def array(kind, parts):
    return f"(const {kind}[]){{{', '.join(parts)}}}"


def spec_text(spec):
    plain = {k: v for k, v in spec.items() if k not in ("hidden", "embeddings")}
    hidden, tables = spec["hidden"], spec.get("embeddings")
    if tables:
        rows = array("struct mlp_embedding", [struct(t) for t in tables])
        return spec_text(dict(plain, hidden=hidden))[:-1] + \
            f",\n         .n_embeddings = {len(tables)}, .embeddings = {rows}}}"
    layers = array("struct mlp_layer_spec", [struct(h) for h in hidden]) if hidden else "NULL"
    return f"{struct(plain)[:-1]},\n         .n_hidden = {len(hidden)}, .hidden = {layers}}}"


def train_text(t):
    text = struct({k: v for k, v in t.items() if k not in ("layers", "schedule")})[:-1]
    if "layers" in t:
        layers = array("struct mlp_layer_train", [struct(one or dict(rate=0)) for one in t["layers"]])
        text += f",\n         .layers = {layers}"
    if "schedule" in t:
        fields = dict(t["schedule"])
        stones = fields.pop("milestones", None)
        inner = struct(fields)[:-1]
        if stones:
            inner += f", .n_milestones = {len(stones)}, .milestones = " + \
                array("double", [value(v) for v in stones])
        text += f",\n         .schedule = {inner}}}"
    return text + "}"


def one_hot(labels):
    return np.eye(3)[labels]


def case_text(group, c):
    rng = np.random.default_rng(zlib.crc32(c["name"].encode()))
    net = Net(c["spec"], rng)
    start = net.values()
    truth = DATA[c["truth"]]
    data = dict(x=DATA[ROWS.get(GROUPS[group], "x")], y=one_hot(truth) if c["truth"] == "classes" else truth)
    for extra in ("weights", "offset"):
        if c[extra]:
            data[extra] = DATA[extra]
    plain, warmup = c["scheduler"], c["warmup"]
    scheduler = (lambda o, n: Warm(o, n, warmup, plain)) if warmup else plain
    t = dict(c["train"], epochs=EPOCHS)
    losses, rates = train(net, t, {k: torch.tensor(v) for k, v in data.items()}, EPOCHS,
                          scheduler, c["plateau"])
    truth_name = "labels" if c["truth"] == "classes" else "targets"
    fields = [f'.name = "{c["name"]}"', f".spec = {spec_text(c['spec'])}",
              f".train = {train_text(t)}", f".{truth_name} = {group}_{c['truth']}"]
    fields += [f".{extra} = {group}_{extra}" for extra in ("weights", "offset") if c[extra]]
    fields += [f".tolerance = {c['tolerance']:g}", f".n_values = {len(start)}",
               f".start = (const float[]){numbers(start, '{:.4g}')}",
               f".losses = {numbers(losses, '{:.10g}')}",
               f".rates = {numbers(rates, '{!r}')}",
               f".end = (const double[]){numbers(net.values())}"]
    return "    {" + ",\n     ".join(fields) + "},"


def main(group):
    cases = GROUPS[group]()
    print(f"/* make_torch.py {group}, PyTorch {torch.__version__.split('+')[0]}: do not edit. */")
    print("/* clang-format off */")
    x = ROWS.get(GROUPS[group], "x")
    used = {x} | {c["truth"] for c in cases}
    used |= {extra for extra in ("weights", "offset") for c in cases if c[extra]}
    for name in DATA:
        if name in used:
            kind = "uint32_t" if name == "classes" else "float"
            there = "x" if name == x else name
            print(f"static const {kind} {group}_{there}[] = {numbers(DATA[name], '{:.4g}')};")
    print(f"\nstatic const struct trajectory {group}[] = {{")
    for c in cases:
        print(case_text(group, c))
    print("};")


if __name__ == "__main__":
    main(sys.argv[1])
