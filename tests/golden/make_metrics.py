#!/usr/bin/env python3
"""Metrics as scikit-learn computes them: python3 make_metrics.py > metrics_golden.h

A developer runs this; the header is kept in the tree (made with scikit-learn 1.9.1). All inputs are
numbers that float32 can hold, probabilities multiples of 1/64, so that ties and exact zeros
and ones are frequent. Where scikit-learn refuses or gives NaN, NAN is written. Two rules differ
from its own and are built from it: top_k counts ties to the lowest class (the columns are
turned around, because scikit-learn counts them to the highest), and rmsle refuses any
negative truth.
"""
import math
import warnings

import numpy as np
import sklearn.metrics as sk

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
out = []


def number(x):
    x = float(x)
    if math.isnan(x):
        return "NAN"
    return repr(x)


def wrapped(kind, name, items):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) > 96:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    lines.append(line.rstrip(","))
    out.append(f"static const {kind} {name}[] = {{\n" + "\n".join(lines) + "};")
    return name


def array(kind, name, values):
    values = np.asarray(values).ravel()
    return wrapped(kind, name, [str(int(v)) if kind == "uint32_t" else
                                number(v) + ("F" if kind == "float" else "") for v in values])


def tried(f):
    try:
        return float(f())
    except (ValueError, ZeroDivisionError):
        return math.nan


def averages(y, said, w, plain):
    values = {}
    for name, f in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        values[name] = f(y, said, average=plain, sample_weight=w, zero_division=0)
        for average in ("macro", "micro", "weighted"):
            values[f"{name}_{average}"] = f(y, said, average=average, sample_weight=w, zero_division=0)
    return values


def of_classes(y, p, k, w):
    """p is (rows,) of class 1, or (rows, k)"""
    y = np.asarray(y)
    said = (p >= 0.5).astype(int) if p.ndim == 1 else np.argmax(p, axis=1)
    values = {"accuracy": sk.accuracy_score(y, said, sample_weight=w),
              "balanced_accuracy": sk.balanced_accuracy_score(y, said, sample_weight=w),
              "log_loss": sk.log_loss(y, p.astype(float), labels=range(k), sample_weight=w),
              "mcc": sk.matthews_corrcoef(y, said, sample_weight=w),
              "cohen_kappa": tried(lambda: sk.cohen_kappa_score(y, said, labels=range(k), sample_weight=w))}
    values |= averages(y, said, w, "binary" if k == 2 else "macro")
    if k == 2:
        score = p if p.ndim == 1 else p[:, 1]
        values["brier"] = sk.brier_score_loss(y, score, pos_label=1, sample_weight=w)
        values["roc_auc"] = tried(lambda: sk.roc_auc_score(y, score, sample_weight=w))
        values["pr_auc"] = sk.average_precision_score(y == 1, score, sample_weight=w)
    else:
        values["brier"] = sk.brier_score_loss(y, p, labels=range(k), sample_weight=w)
        values["roc_auc"] = tried(lambda: sk.roc_auc_score(
            y, p.astype(float), multi_class="ovr", average="macro", labels=range(k), sample_weight=w))
        absent = len(set(y)) < k
        values["pr_auc"] = math.nan if absent else np.mean(
            [sk.average_precision_score(y == c, p[:, c], sample_weight=w) for c in range(k)])
        for n in (2, 3, 5, 10):
            values[f"top_{n}"] = sk.top_k_accuracy_score(
                k - 1 - y, p[:, ::-1], k=n, labels=range(k), sample_weight=w)
    return values


def of_labels(y, p, w):
    said = (p >= 0.5).astype(int)
    columns = range(y.shape[1])
    values = {"accuracy": sk.accuracy_score(y, said, sample_weight=w),
              "log_loss": np.mean([sk.log_loss(y[:, c], p[:, c].astype(float), labels=[0, 1],
                                               sample_weight=w) for c in columns]),
              "brier": np.mean([sk.brier_score_loss(y[:, c], p[:, c], pos_label=1,
                                                    sample_weight=w) for c in columns]),
              "roc_auc": tried(lambda: sk.roc_auc_score(y, p, average="macro", sample_weight=w)),
              "pr_auc": sk.average_precision_score(y, p, average="macro", sample_weight=w)}
    return values | averages(y, said, w, "macro")


def of_numbers(y, p, w, tau, power):
    y, p = y.astype(float), p.astype(float)
    keys = {"sample_weight": w}
    negative = (y < 0).any()
    deviance = [tried(lambda: sk.mean_tweedie_deviance(y[:, c], p[:, c], power=power, **keys))
                for c in range(y.shape[1])]
    return {"mse": sk.mean_squared_error(y, p, **keys),
            "rmse": sk.root_mean_squared_error(y, p, **keys),
            "mae": sk.mean_absolute_error(y, p, **keys),
            "median_ae": sk.median_absolute_error(y, p, **keys),
            "mape": sk.mean_absolute_percentage_error(y, p, **keys),
            "rmsle": math.nan if negative else
            tried(lambda: sk.root_mean_squared_log_error(y, p, **keys)),
            "r2": sk.r2_score(y, p, **keys),
            "explained_variance": sk.explained_variance_score(y, p, **keys),
            "pinball": sk.mean_pinball_loss(y, p, alpha=tau, **keys),
            "deviance": np.mean(deviance)}


cases = []


def case(name, kind, columns, classes, p, labels, targets, w, values, tau=0, power=0):
    i = len(cases)
    rows = len(p)
    parts = {"p": array("float", f"p_{i}", p)}
    parts["labels"] = array("uint32_t", f"labels_{i}", labels) if labels is not None else None
    parts["targets"] = array("float", f"targets_{i}", targets) if targets is not None else None
    parts["weights"] = array("float", f"weights_{i}", w) if w is not None else None
    wrapped("struct golden_value", f"values_{i}",
            [f'{{"{k}", {number(v)}}}' for k, v in values.items()])
    fields = [f'"{name}"', f"MLP_OF_{kind}", str(rows), str(columns), str(classes), repr(float(tau)),
              repr(float(power))]
    fields += [parts[k] or "NULL" for k in ("p", "labels", "targets", "weights")]
    fields += [f"values_{i}", str(len(values))]
    cases.append(fields)


def shares(rows, k):
    return rng.multinomial(64, rng.dirichlet(np.ones(k), rows)) / 64


def weights(rows):
    return rng.integers(0, 9, rows) / 4


def classes(name, y, p, k, w=None):
    p = np.asarray(p)
    case(name, "CLASSES", 1 if p.ndim == 1 else k, k, p, y, None, w, of_classes(y, p, k, w))


def numbers(name, y, p, w=None, tau=0.5, power=0):
    y, p = (np.asarray(v, dtype=np.float32) for v in (y, p))
    y, p = (v.reshape(len(v), -1) for v in (y, p))
    case(name, "NUMBERS", y.shape[1], 0, p, None, y, w, of_numbers(y, p, w, tau, power), tau, power)


# ---- classes
y = rng.integers(0, 2, 24)
p = np.clip((rng.integers(0, 10, 24) + 2 * y) * 6, 0, 64) / 64
classes("two classes, one column", y, p, 2)
classes("two classes, one column, weights", y, p, 2, weights(24))
classes("two classes, two columns", y, np.stack([1 - p, p], 1), 2)
classes("two classes, two columns, weights", y, np.stack([1 - p, p], 1), 2, weights(24))
classes("all negative", np.zeros(6, int), p[:6], 2)
classes("all positive", np.ones(6, int), p[:6], 2)
classes("all negative and seen", np.zeros(3, int), np.array([0.25, 0, 0.125]), 2)
classes("always the same answer", y, np.full(24, 0.75), 2)
y = rng.integers(0, 4, 40)
p = shares(40, 4)
p[np.arange(40), y] += 0.5
p /= p.sum(1, keepdims=True)
p = np.round(p * 64) / 64
p[:, 0] = 1 - p[:, 1:].sum(1)
classes("four classes", y, p, 4)
classes("four classes, weights", y, p, 4, weights(40))
classes("a class absent from the truth", np.where(y == 2, 1, y), p, 4)
classes("a class absent from the truth, weights", np.where(y == 2, 1, y), p, 4, weights(40))
q = p.copy()
q[:, 1] += q[:, 2]
q[:, 2] = 0
classes("a class absent from truth and answers", np.where(y == 2, 1, y), q, 4)
classes("a class never the answer", y, q, 4, weights(40))
classes("one class of three", np.full(5, 2), np.tile([0.25, 0.25, 0.5], (5, 1)), 3)
y = np.concatenate([np.arange(12), rng.integers(0, 12, 28)])
p = shares(40, 12)
classes("twelve classes", y, p, 12)
classes("twelve classes, weights", y, p, 12, weights(40) + 0.25)

# ---- labels
y = rng.integers(0, 2, (20, 3))
p = np.clip(rng.integers(0, 40, (20, 3)) + 24 * y, 0, 64) / 64
for name, w in (("three labels", None), ("three labels, weights", weights(20))):
    case(name, "LABELS", 3, 0, p, None, y, w, of_labels(y, p, w))
z = y.copy()
z[:, 1] = 0
case("a label that is never there", "LABELS", 3, 0, p, None, z, None, of_labels(z, p, None))
z = np.zeros((6, 2), int)
case("no label at all", "LABELS", 2, 0, p[:6, :2], None, z, None, of_labels(z, p[:6, :2], None))

# ---- numbers
y = rng.integers(-40, 60, 25) / 8
p = y + rng.integers(-16, 17, 25) / 16
numbers("one number", y, p)
numbers("one number, weights", y, p, weights(25), tau=0.25)
numbers("an even count", y[:24], p[:24], tau=0.875)
numbers("weights with half of their sum on each side", [0, 0, 0, 0, 0], [1, 2, 3, 4, 9],
        np.array([2, 1, 0, 1, 2.0]))
numbers("far from zero", 1e6 + y, 1e6 + 3 + y + rng.integers(-4, 5, 25) / 4)
numbers("an offset alone", y, y + 2)
numbers("constant and exact", [3, 3, 3], [3, 3, 3])
numbers("constant and missed", [3, 3, 3], [3, 4, 3])
numbers("constant with an offset", [3, 3, 3], [4, 4, 4])
y = rng.integers(0, 60, (30, 2)) / 8
p = np.abs(y + rng.integers(-16, 17, (30, 2)) / 16) + 0.125
numbers("two columns from 0 on", y, p, power=1)
numbers("two columns from 0 on, weights", y, p, weights(30), power=1.5)
numbers("gamma with a zero", y, p, power=2)
numbers("gamma", y + 0.5, p, power=2)
numbers("gamma, weights", y + 0.5, p, weights(30), power=2)
numbers("inverse normal", y + 0.5, p, power=3)
numbers("extreme stable", y - 1, p, power=-1)
numbers("a prediction that is 0", y, p - p.min(), power=1)
numbers("a prediction under -1", y, p - 4)
numbers("a prediction between -1 and 0", y, p - p.min() - 0.5)

# ---- curves, matrix and single classes
y = rng.integers(0, 2, 16)
p = np.clip(rng.integers(0, 12, 16) + 3 * y, 0, 16) / 16
w = rng.integers(1, 9, 16) / 4
fpr, tpr, at = sk.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
precision, recall, _ = sk.precision_recall_curve(y, p, sample_weight=w)
array("float", "curve_p", p)
array("uint32_t", "curve_labels", y)
array("float", "curve_weights", w)
array("double", "curve_threshold", at[1:])
array("double", "curve_fpr", fpr[1:])
array("double", "curve_tpr", tpr[1:])
array("double", "curve_precision", precision[::-1][1:])
assert len(precision) == len(at) and np.allclose(recall[::-1], tpr)
y = rng.integers(0, 3, 20)
p = shares(20, 3)
w = rng.integers(1, 9, 20) / 4
said = np.argmax(p, axis=1)
array("float", "matrix_p", p)
array("uint32_t", "matrix_labels", y)
array("float", "matrix_weights", w)
array("double", "matrix_counts", sk.confusion_matrix(y, said, labels=range(3), sample_weight=w))
array("double", "matrix_scores", np.array(sk.precision_recall_fscore_support(
    y, said, labels=range(3), sample_weight=w, zero_division=0)).T)

print("/* Written by tests/golden/make_metrics.py; do not edit. */")
print("#ifndef METRICS_GOLDEN_H\n#define METRICS_GOLDEN_H\n")
print("struct golden_value {\n    const char *metric;\n    double value;\n};\n")
print("struct golden_case {\n    const char *name;\n    enum mlp_metric_kind kind;\n"
      "    size_t rows, columns, n_classes;\n    double tau, power;\n    const float *p;\n"
      "    const uint32_t *labels;\n    const float *targets, *weights;\n"
      "    const struct golden_value *values;\n    size_t n_values;\n};\n")
print("\n".join(out))
print("\nstatic const struct golden_case golden_cases[] = {")
for fields in cases:
    print("    {" + ", ".join(fields) + "},")
print("};\n\n#endif")
