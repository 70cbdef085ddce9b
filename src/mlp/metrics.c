/* The metrics' names, what each is for and which way is better; and one metric of
 * predictions that are all there.
 *
 * Pure functions; the table is the only place where a metric's nature is written down.
 */
#include <string.h>

#include "mlp/mlp.h"

#define C (1u << MLP_OF_CLASSES)
#define L (1u << MLP_OF_LABELS)
#define N (1u << MLP_OF_NUMBERS)

static const struct {
    unsigned kinds;
    bool higher; /* is better */
} natures[] = {
    [MLP_METRIC_ACCURACY] = {C | L, true},
    [MLP_METRIC_BALANCED_ACCURACY] = {C, true},
    [MLP_METRIC_TOP_2] = {C, true},
    [MLP_METRIC_TOP_3] = {C, true},
    [MLP_METRIC_TOP_5] = {C, true},
    [MLP_METRIC_TOP_10] = {C, true},
    [MLP_METRIC_PRECISION] = {C | L, true},
    [MLP_METRIC_PRECISION_MACRO] = {C | L, true},
    [MLP_METRIC_PRECISION_MICRO] = {C | L, true},
    [MLP_METRIC_PRECISION_WEIGHTED] = {C | L, true},
    [MLP_METRIC_RECALL] = {C | L, true},
    [MLP_METRIC_RECALL_MACRO] = {C | L, true},
    [MLP_METRIC_RECALL_MICRO] = {C | L, true},
    [MLP_METRIC_RECALL_WEIGHTED] = {C | L, true},
    [MLP_METRIC_F1] = {C | L, true},
    [MLP_METRIC_F1_MACRO] = {C | L, true},
    [MLP_METRIC_F1_MICRO] = {C | L, true},
    [MLP_METRIC_F1_WEIGHTED] = {C | L, true},
    [MLP_METRIC_LOG_LOSS] = {C | L, false},
    [MLP_METRIC_BRIER] = {C | L, false},
    [MLP_METRIC_ROC_AUC] = {C | L, true},
    [MLP_METRIC_PR_AUC] = {C | L, true},
    [MLP_METRIC_MCC] = {C, true},
    [MLP_METRIC_COHEN_KAPPA] = {C, true},
    [MLP_METRIC_MSE] = {N, false},
    [MLP_METRIC_RMSE] = {N, false},
    [MLP_METRIC_MAE] = {N, false},
    [MLP_METRIC_MEDIAN_AE] = {N, false},
    [MLP_METRIC_MAPE] = {N, false},
    [MLP_METRIC_RMSLE] = {N, false},
    [MLP_METRIC_R2] = {N, true},
    [MLP_METRIC_EXPLAINED_VARIANCE] = {N, true},
    [MLP_METRIC_PINBALL] = {N, false},
    [MLP_METRIC_DEVIANCE] = {N, false},
};

static const char *const names[] = {
    [MLP_METRIC_ACCURACY] = "accuracy",
    [MLP_METRIC_BALANCED_ACCURACY] = "balanced_accuracy",
    [MLP_METRIC_TOP_2] = "top_2",
    [MLP_METRIC_TOP_3] = "top_3",
    [MLP_METRIC_TOP_5] = "top_5",
    [MLP_METRIC_TOP_10] = "top_10",
    [MLP_METRIC_PRECISION] = "precision",
    [MLP_METRIC_PRECISION_MACRO] = "precision_macro",
    [MLP_METRIC_PRECISION_MICRO] = "precision_micro",
    [MLP_METRIC_PRECISION_WEIGHTED] = "precision_weighted",
    [MLP_METRIC_RECALL] = "recall",
    [MLP_METRIC_RECALL_MACRO] = "recall_macro",
    [MLP_METRIC_RECALL_MICRO] = "recall_micro",
    [MLP_METRIC_RECALL_WEIGHTED] = "recall_weighted",
    [MLP_METRIC_F1] = "f1",
    [MLP_METRIC_F1_MACRO] = "f1_macro",
    [MLP_METRIC_F1_MICRO] = "f1_micro",
    [MLP_METRIC_F1_WEIGHTED] = "f1_weighted",
    [MLP_METRIC_LOG_LOSS] = "log_loss",
    [MLP_METRIC_BRIER] = "brier",
    [MLP_METRIC_ROC_AUC] = "roc_auc",
    [MLP_METRIC_PR_AUC] = "pr_auc",
    [MLP_METRIC_MCC] = "mcc",
    [MLP_METRIC_COHEN_KAPPA] = "cohen_kappa",
    [MLP_METRIC_MSE] = "mse",
    [MLP_METRIC_RMSE] = "rmse",
    [MLP_METRIC_MAE] = "mae",
    [MLP_METRIC_MEDIAN_AE] = "median_ae",
    [MLP_METRIC_MAPE] = "mape",
    [MLP_METRIC_RMSLE] = "rmsle",
    [MLP_METRIC_R2] = "r2",
    [MLP_METRIC_EXPLAINED_VARIANCE] = "explained_variance",
    [MLP_METRIC_PINBALL] = "pinball",
    [MLP_METRIC_DEVIANCE] = "deviance",
    [MLP_METRICS] = NULL,
};

_Static_assert(sizeof(natures) / sizeof(*natures) == MLP_METRICS, "one line a metric");

const char *const *mlp_metric_names(void)
{
    return names;
}

bool mlp_metric_parse(const char *name, enum mlp_metric *out)
{
    for (size_t i = 0; i < MLP_METRICS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum mlp_metric)i;
            return true;
        }
    }
    return false;
}

bool mlp_metric_higher_is_better(enum mlp_metric which)
{
    return natures[which].higher;
}

bool mlp_metric_applies(enum mlp_metric which, enum mlp_metric_kind kind)
{
    return (natures[which].kinds >> kind & 1) != 0;
}

enum mlp_status mlp_metric_compute(const struct mlp_metric_input *in, enum mlp_metric which,
                                   double *out)
{
    struct mlp_meter *meter = NULL;
    enum mlp_status status = mlp_meter_new(in, &which, 1, 0, &meter);

    if (status == MLP_OK) {
        status = mlp_meter_add(meter, in->p, in->rows);
    }
    if (status == MLP_OK) {
        *out = mlp_meter_read(meter, which).value;
    }
    mlp_meter_free(&meter);
    return status;
}
