/* What a model is judged by: metrics of predictions and truth, all in double, with
 * scikit-learn's definitions. Part of mlp.h, which includes it; never needed by itself.
 *
 * There are three kinds of truth: classes (one of n a row), labels (several 0/1 columns a row)
 * and numbers (one or more columns, in the target's own units). A meter is told the truth and
 * takes the predictions slice by slice; mlp_metric_compute is a meter for one metric of
 * predictions that are all there. How rows are sliced cannot be seen in a value, to the last bit.
 *
 * What is not defined on the given rows is NaN, with the reason as a sentence.
 *
 * Threads: no state of its own; a meter is one thread's at a time.
 */
#ifndef MLP_METRICS_H
#define MLP_METRICS_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mlp_metric_kind { MLP_OF_CLASSES, MLP_OF_LABELS, MLP_OF_NUMBERS };

/* Of classes and labels (C, L) or numbers (N); the names in JSON are the same in small letters.
 * A class chosen: the largest probability, the lowest index if several; of one column the
 * second class from the threshold on. A label chosen: .5 or more. Divisions by zero are 0. */
enum mlp_metric {
    MLP_METRIC_ACCURACY,          /* CL; labels: every column of the row right */
    MLP_METRIC_BALANCED_ACCURACY, /* C: mean recall of the classes that are in the truth */
    MLP_METRIC_TOP_2,             /* C: the truth is among the 2 likeliest; ties as above */
    MLP_METRIC_TOP_3,
    MLP_METRIC_TOP_5,
    MLP_METRIC_TOP_10,
    /* CL. Plain: of the second class when there are two classes, else macro. Macro: mean over
     * the classes in truth or answers, or over all label columns. Micro: of all counts
     * together. Weighted: mean by how many rows have the class. */
    MLP_METRIC_PRECISION,
    MLP_METRIC_PRECISION_MACRO,
    MLP_METRIC_PRECISION_MICRO,
    MLP_METRIC_PRECISION_WEIGHTED,
    MLP_METRIC_RECALL,
    MLP_METRIC_RECALL_MACRO,
    MLP_METRIC_RECALL_MICRO,
    MLP_METRIC_RECALL_WEIGHTED,
    MLP_METRIC_F1,
    MLP_METRIC_F1_MACRO,
    MLP_METRIC_F1_MICRO,
    MLP_METRIC_F1_WEIGHTED,
    MLP_METRIC_LOG_LOSS,    /* CL: probabilities clipped at 2.2e-16; labels: mean of columns */
    MLP_METRIC_BRIER,       /* CL: two classes and labels (y - p)^2, else summed over classes */
    MLP_METRIC_ROC_AUC,     /* CL: ties one half; over two classes or labels the mean of one
                             * against the rest; NaN if one has no rows, or all of them */
    MLP_METRIC_PR_AUC,      /* CL: average precision, the mean as above; no rows of the class:
                             * 0, over two classes NaN */
    MLP_METRIC_MCC,         /* C */
    MLP_METRIC_COHEN_KAPPA, /* C: NaN if truth and answers are all of one class */
    /* N. Several columns: the mean over them; one that is NaN makes all NaN. */
    MLP_METRIC_MSE,
    MLP_METRIC_RMSE,
    MLP_METRIC_MAE,
    MLP_METRIC_MEDIAN_AE,
    MLP_METRIC_MAPE,               /* |r| / max(|y|, 2.2e-16): a share, not percent */
    MLP_METRIC_RMSLE,              /* NaN if a true value is negative, or a predicted <= -1 */
    MLP_METRIC_R2,                 /* constant truth: 1 if exact, else 0; NaN under 2 rows */
    MLP_METRIC_EXPLAINED_VARIANCE, /* as r2, but for a constant offset */
    MLP_METRIC_PINBALL,            /* max(tau r, (tau - 1) r), r = y - p */
    MLP_METRIC_DEVIANCE,           /* mean Tweedie deviance of `power`; NaN outside its range */
    MLP_METRICS,                   /* how many there are */
};

/* NULL-terminated, in enum order: "accuracy", ..., "f1_macro", ... */
MLP_API const char *const *mlp_metric_names(void);
MLP_API bool mlp_metric_parse(const char *name, enum mlp_metric *out);
MLP_API bool mlp_metric_higher_is_better(enum mlp_metric which);
MLP_API bool mlp_metric_applies(enum mlp_metric which, enum mlp_metric_kind kind);

/* Truth, and how to read predictions; p (rows, columns) is what mlp_predict gives. All arrays
 * are borrowed. A row of weight 0 counts for nothing but the list of classes seen. */
struct mlp_metric_input {
    enum mlp_metric_kind kind;
    size_t rows;
    size_t columns;          /* of p */
    size_t n_classes;        /* classes: columns, or 2 when p is one column, the second class's */
    const uint32_t *labels;  /* classes: (rows), each < n_classes; or NULL: from targets */
    const mlp_real *targets; /* (rows, columns): labels 0 or 1, numbers; classes: 0/1 of one
                              * column, or shares (the largest is the class; log_loss and
                              * brier use them all) */
    const mlp_real *weights; /* (rows), none negative, or NULL: all 1 */
    const mlp_real *p;       /* (rows, columns); for mlp_metric_compute alone */
    /* Numbers, from training units to the target's own; NULL: as they are. */
    double (*decode)(const void *arg, size_t column, double y);
    const void *decode_arg;
    double threshold;        /* two classes: as in struct mlp_spec; 0 means .5 */
    double tau;              /* pinball; 0 means .5 */
    double power;            /* deviance: 0 normal (mse), 1 poisson, 2 gamma, between: tweedie */
};

struct mlp_metric_value {
    double value;
    const char *why; /* a constant sentence when value is NaN, else NULL */
};

/* NaN when undefined. MLP_E_ARGUMENT: the metric is not of this kind, or sizes that make no
 * sense; MLP_E_MEMORY, MLP_E_TOO_LARGE. */
MLP_API MLP_CHECK enum mlp_status mlp_metric_compute(const struct mlp_metric_input *in,
                                                     enum mlp_metric which, double *out);

/* ---- a meter: several metrics in one walk ---------------------------------------- */

struct mlp_meter;

enum {
    MLP_METER_CURVES = 1,    /* keep what mlp_meter_curve needs */
    MLP_METER_CONFUSION = 2, /* classes: count the matrix */
};

/* Made to measure which[0..n) (each of the kind of `in`, which is copied; its arrays must
 * outlive the meter; p is not looked at). All memory is taken here: mlp_meter_bytes of it, in
 * one block. Curves, roc_auc and pr_auc take 4 bytes a score (one of two classes, else one a
 * class) and 16 a row; median_ae 8 a value and 16 a row. */
MLP_API MLP_CHECK enum mlp_status mlp_meter_new(const struct mlp_metric_input *in,
                                                const enum mlp_metric *which, size_t n,
                                                unsigned flags, struct mlp_meter **out);
MLP_API MLP_CHECK enum mlp_status mlp_meter_bytes(const struct mlp_metric_input *in,
                                                  const enum mlp_metric *which, size_t n,
                                                  unsigned flags, size_t *out);
MLP_API void mlp_meter_free(struct mlp_meter **meter);

/* The predictions of the next n rows, p (n, columns). MLP_E_ARGUMENT beyond the last row. */
MLP_API MLP_CHECK enum mlp_status mlp_meter_add(struct mlp_meter *meter, const mlp_real *p,
                                                size_t n);
/* From the first row again, with other predictions: the next epoch. */
MLP_API void mlp_meter_reset(struct mlp_meter *meter);

/* Once all rows are in; any number of times. `which` is one the meter was made for. */
MLP_API struct mlp_metric_value mlp_meter_read(struct mlp_meter *meter, enum mlp_metric which);
/* Numbers: of one column alone. */
MLP_API struct mlp_metric_value mlp_meter_read_column(struct mlp_meter *meter,
                                                      enum mlp_metric which, size_t column);

/* Classes or labels: one class or column by itself. */
struct mlp_class_score {
    double precision, recall, f1;
    double support;   /* rows of it, by weight */
    double predicted; /* rows taken for it, likewise */
};
MLP_API void mlp_meter_class(const struct mlp_meter *meter, size_t k,
                             struct mlp_class_score *out);

/* [n_classes][n_classes], truth by row, counted by weight; NULL unless asked for. */
MLP_API const double *mlp_meter_confusion(const struct mlp_meter *meter);

/* A point of the ROC and of the precision-recall curve: what scores threshold or more is
 * chosen. */
struct mlp_curve_point {
    double threshold; /* NaN in the first point: nothing is chosen */
    double fpr;       /* alarms / negatives */
    double tpr;       /* hits / positives: the recall */
    double precision; /* 1 in the first point */
};
struct mlp_curve {
    double roc_auc, average_precision; /* of the whole curve; NaN without both sides */
    double positives, negatives;       /* rows by weight: tpr and fpr are shares of them */
    size_t n_points;                   /* 0 without both sides */
};
/* Class or label k against the rest; of two classes k is 1. One point a distinct score, from
 * the highest down, thinned by index to max_points (>= 2) with both ends kept. */
MLP_API void mlp_meter_curve(struct mlp_meter *meter, size_t k, size_t max_points,
                             struct mlp_curve_point *points, struct mlp_curve *out);

#ifdef __cplusplus
}
#endif
#endif
