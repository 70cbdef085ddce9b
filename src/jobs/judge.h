/* How good a model is on given rows: the metrics of one split, and the evaluation that
 * GET /models/{id}/evaluation shows. All in double, in the target's own units but for `loss`,
 * rows by their sample weights. What is not finite (or not defined on these rows) is null.
 *
 * metrics: "loss", then those that are always there, then those asked for:
 *   classes     {"loss", "accuracy", "log_loss", ..}
 *   numbers     {"loss", "rmse", "mae", "r2", ..}; several targets: the means over them, and
 *               "targets": {"<name>": {"rmse", "mae", "r2", ..}, ...} beside
 *   0/1 columns {"loss", "accuracy", "log_loss", ..}: several labels a row; accuracy wants
 *               all of a row right, log_loss is the mean over columns
 *   and if a metric is null, "notes": {"<metric>": "<why>", ..}
 * What each metric is: mlp/mlp_metrics.h.
 *
 * evaluation, first {"split", "rows", "type": "classes" | "numbers" | "labels"}, then
 *   classes     "labels": [..], "confusion_matrix": [[..]] (truth by row; null over
 *               JUDGE_MAX_MATRIX classes), "per_class": [{"label", "precision", "recall",
 *               "f1", "support", "predicted"}]; two classes: "positive": "<label>", "threshold":
 *               the one in use, and unless only one class is in the rows
 *               "roc": {"auc", "points": [{"threshold", "fpr", "tpr"}]} and
 *               "precision_recall": {"average_precision", "points": [{"threshold", "recall",
 *               "precision"}]} and "thresholds": {"positives", "negatives", "points":
 *               [{"threshold", "tp", "fp", "tn", "fn"}]}, else all null; a threshold is null where
 *               nothing is chosen.
 *               3 to JUDGE_MAX_CURVES classes: in each item of "per_class" the same three
 *               members, of this class against the rest (see judge_has_curves)
 *   numbers     "targets": [{"target", "sample": [{"true", "predicted"}], "residuals":
 *               {"mean", "std", "min", "max", "edges": [31], "counts": [30]}}], residual =
 *               predicted - true; of the first JUDGE_MAX_TARGETS targets
 *   labels      "labels": [..], "per_class" as above, with curves up to JUDGE_MAX_CURVES
 * Counts (matrix, support) are whole unless rows have weights; then they are sums of these.
 */
#ifndef MLPD_JOBS_JUDGE_H
#define MLPD_JOBS_JUDGE_H

#include <stdatomic.h>

#include "data/encoder.h"
#include "mlp/mlp.h"

#define JUDGE_MAX_MATRIX  256 /* classes of a confusion matrix */
#define JUDGE_MAX_CURVES  20  /* classes or labels with curves of one against the rest */
#define JUDGE_MAX_SCORES  (16u << 20) /* rows x classes of these: 64 MiB */
#define JUDGE_MAX_POINTS  200 /* of a ROC or precision-recall curve */
#define JUDGE_REST_POINTS 100 /* the same of each class against the rest */
#define JUDGE_MAX_SAMPLE  500 /* (true, predicted) pairs */
#define JUDGE_MAX_TARGETS 32  /* targets with a sample and a histogram */
#define JUDGE_BINS        30

struct judged {
    char *metrics_json;
    char *evaluation_json;
};
void judged_fini(struct judged *j);

/* data: encoded rows with their truth, at least one. Predictions go in slices; memory stays
 * small: scores of classes with curves, residuals of numbers. */
int judge(const struct mlp_net *net, const struct encoder *encoder, const struct mlp_data *data,
          const char *split, struct judged *out, struct err *err) MUST_CHECK;

/* The same with metrics [n] besides those that are always there. A name that is no metric, or
 * not one of this kind of target, is passed over: config_resolve has refused it. `pulse` counts
 * slices, as signs of life; may be NULL. */
int judge_asked(const struct mlp_net *net, const struct encoder *encoder,
                const struct mlp_data *data, char *const *metrics, size_t n, const char *split,
                atomic_ulong *pulse, struct judged *out, struct err *err) MUST_CHECK;

/* What kind of truth a loss is for; `classes`: the target is text that names them. */
enum mlp_metric_kind judge_kind(enum mlp_loss loss, bool classes);

/* Whether an evaluation has curves: always of two classes (n_classes 2), else of up to
 * JUDGE_MAX_CURVES classes or columns while all scores are at most JUDGE_MAX_SCORES. */
bool judge_has_curves(size_t n_classes, size_t columns, size_t rows);

/* What is to be measured of a network's predictions on `data`: kind, truth, weights, units,
 * the loss's parameter. Borrows all; for a meter. */
struct mlp_metric_input judge_input(const struct mlp_net *net, const struct encoder *encoder,
                                    const struct mlp_data *data);

#endif
