#!/usr/bin/env python3
"""Numbers as scikit-learn and NumPy prepare them: python3 make_encoder.py > encoder_golden.h

A developer runs this; the header is kept in the tree (made with scikit-learn 1.9.1 and NumPy
2.4.6). One column of skewed numbers with ties and a few missing; each preparation is fitted on
the first part of it, as a pipeline of an imputer after the scaler would (scalers look at what is
there), and applied to all of it.
"""
import numpy as np
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler

rng = np.random.default_rng(11)
N, TRAIN, STEP = 2500, 2100, 30       # every STEP-th row is kept: TRAIN is one of them
x = np.round(np.exp(rng.normal(1.0, 1.2, N)), 3)
x[rng.random(N) < 0.25] = 2.5          # a tie in the middle
x[TRAIN] = 500.0                        # far outside of training
x[TRAIN + STEP] = 0.0
x[rng.random(N) < 0.05] = np.nan
x[0] = np.nan
train = x[:TRAIN][~np.isnan(x[:TRAIN])].reshape(-1, 1)
out = ["/* Made by make_encoder.py: do not edit. */", "#ifndef MLPD_TESTS_ENCODER_GOLDEN_H",
       "#define MLPD_TESTS_ENCODER_GOLDEN_H", "", f"#define GOLDEN_ROWS {N}", f"#define GOLDEN_TRAIN {TRAIN}",
       f"#define GOLDEN_STEP {STEP}", ""]


def put(name, values, kind="double"):
    items = ["NAN" if np.isnan(v) else repr(float(v)) for v in np.asarray(values).ravel()]
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) > 96:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    lines.append(line.rstrip(","))
    out.append(f"static const {kind} {name}[] = {{\n" + "\n".join(lines) + "};\n")


def soft(z):
    return z / np.sqrt(1 + (z / 3) ** 2)


def scaled(scaler, fill=np.nanmean(train)):
    return scaler.fit(train).transform(np.where(np.isnan(x), fill, x).reshape(-1, 1))[:, 0]


def codes(v, fitted):
    """The piecewise-linear code of v, and edges from what it is fitted on."""
    bins = int(np.clip(TRAIN // 400, 2, 48))
    edges = np.unique(np.quantile(fitted, np.linspace(0, 1, bins + 1)))
    parts = []
    for t in range(len(edges) - 1):
        low = -3.0 if t == 0 else 0.0
        high = 4.0 if t == len(edges) - 2 else 1.0
        code = lambda a: np.clip((a - edges[t]) / (edges[t + 1] - edges[t]), low, high)
        parts.append(code(v) - code(fitted).mean())
    return edges, np.stack(parts, axis=1)


values, counts = np.unique(train, return_counts=True)
put("golden_x", x)
put("golden_standard", (scaled(StandardScaler()))[::STEP])
put("golden_minmax", (scaled(MinMaxScaler()))[::STEP])
put("golden_robust", (soft(scaled(RobustScaler())))[::STEP])
put("golden_soft", (soft(scaled(StandardScaler())))[::STEP])
put("golden_normal", (scaled(QuantileTransformer(n_quantiles=256, output_distribution="normal")))[::STEP])
logs = np.log1p(train)
put("golden_log", ((np.log1p(np.where(np.isnan(x), np.nanmean(train), x)) - logs.mean()) / logs.std())[::STEP])
put("golden_median", (scaled(StandardScaler(), np.nanmedian(train)))[::STEP])
put("golden_mode", (scaled(StandardScaler(), values[counts.argmax()]))[::STEP])
edges, coded = codes(np.where(np.isnan(x), np.nanmean(train), x), train[:, 0])
out.append(f"#define GOLDEN_BINS {len(edges) - 1}\n")
put("golden_codes", coded[::STEP])
out.append("#endif")
print("\n".join(out))
