/* What the files of the metrics share: a meter's sums, and who fills them.
 *
 * metrics_meter.c owns the memory and the walk over rows; metrics_classes.c and
 * metrics_numbers.c add slices and read values; metrics_rank.c sorts scores.
 */
#ifndef MLP_METRICS_PRIV_H
#define MLP_METRICS_PRIV_H

#include <math.h>

#include "mlp/arena.h"
#include "mlp/mlp.h"

#define METRICS_EPS   2.220446049250313e-16 /* the double after 1, minus 1 */
#define METRICS_TOPS  4                     /* top_2, top_3, top_5, top_10 */

/* Of one class or label column, by weight. */
struct metrics_class {
    double hits, chosen, support;
    bool seen; /* in truth or answers, be it with weight 0 */
};

/* Of one target column, by weight. The first line is known before any prediction. */
struct metrics_number {
    double mean, spread, low; /* truth: mean, sum of (y - mean)^2, smallest */
    bool constant;            /* all true values equal */
    double squares, absolute, relative, squared_logs, pinball, deviance;
    double off_weight, off_mean, off_spread; /* y - p: its mean, sum of squares around it */
    double low_p;                            /* smallest prediction */
};

struct metrics_item { /* a score in sorting */
    uint32_t key;     /* grows as the score falls */
    uint32_t row;
};

struct metrics_error {
    double error, weight;
};

struct mlp_meter {
    struct mlp_metric_input in;
    uint64_t wanted; /* bit per enum mlp_metric */
    unsigned flags;
    size_t done;     /* rows that came */
    bool broken;     /* a prediction was not finite */
    double weight;   /* of all rows */

    /* classes and labels */
    size_t n_sums;
    struct metrics_class *classes; /* [n_sums]: n_classes or columns */
    double right, log_loss, brier; /* sums over rows */
    double top[METRICS_TOPS];
    double *confusion;             /* [n_sums][n_sums] or NULL */
    size_t n_scores;               /* columns of scores: 0, 1 of two classes, else n_sums */
    float *scores;                 /* [n_scores][rows] */
    struct metrics_item *items;    /* [2][rows] */

    /* numbers */
    struct metrics_number *numbers; /* [columns] */
    double *errors;                 /* [columns][rows] |y - p|, for the median */
    struct metrics_error *sorted;   /* [rows] */
};

static inline bool metrics_wants(const struct mlp_meter *m, enum mlp_metric which)
{
    return (m->wanted >> which & 1) != 0;
}

static inline double metrics_weight(const struct mlp_metric_input *in, size_t row)
{
    return in->weights != NULL ? (double)in->weights[row] : 1;
}

/* The largest of n, the lowest index if several. */
static inline size_t metrics_argmax(const mlp_real *p, size_t n)
{
    size_t best = 0;

    for (size_t j = 1; j < n; j++) {
        if (p[j] > p[best]) {
            best = j;
        }
    }
    return best;
}

/* A row's true class. */
static inline size_t metrics_truth(const struct mlp_metric_input *in, size_t row)
{
    if (in->labels != NULL) {
        return in->labels[row];
    }
    if (in->columns == 1) {
        return in->targets[row] >= (mlp_real)0.5;
    }
    return metrics_argmax(in->targets + row * in->columns, in->columns);
}

static inline struct mlp_metric_value metrics_none(const char *why)
{
    return (struct mlp_metric_value){(double)NAN, why};
}

static inline struct mlp_metric_value metrics_value(double value)
{
    return (struct mlp_metric_value){value, NULL};
}

/* Rows [m->done, m->done + n). */
void metrics_classes_add(struct mlp_meter *m, const mlp_real *p, size_t n);
void metrics_labels_add(struct mlp_meter *m, const mlp_real *p, size_t n);
void metrics_numbers_add(struct mlp_meter *m, const mlp_real *p, size_t n);

/* What is known of the true numbers alone. */
void metrics_numbers_begin(struct mlp_meter *m);

struct mlp_metric_value metrics_classes_read(struct mlp_meter *m, enum mlp_metric which);
struct mlp_metric_value metrics_numbers_read(struct mlp_meter *m, enum mlp_metric which,
                                             size_t column);
/* roc_auc and pr_auc. */
struct mlp_metric_value metrics_rank_read(struct mlp_meter *m, enum mlp_metric which);

#endif
