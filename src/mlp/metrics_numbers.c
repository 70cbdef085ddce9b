/* Metrics of numbers, a column at a time, in the target's own units.
 *
 * What needs the truth alone (its mean and the squares around it) is summed in two passes
 * before the first prediction; residuals are summed as they come, their variance around a
 * running mean, so that a large offset costs no digits. Rows of weight 0 are passed over.
 */
#include <math.h>
#include <stdlib.h>

#include "mlp/metrics_priv.h"

static double decoded(const struct mlp_metric_input *in, size_t column, mlp_real y)
{
    return in->decode != NULL ? in->decode(in->decode_arg, column, (double)y) : (double)y;
}

void metrics_numbers_begin(struct mlp_meter *m)
{
    const struct mlp_metric_input *in = &m->in;

    for (size_t k = 0; k < in->columns; k++) {
        double sum = 0, low = (double)INFINITY, high = -(double)INFINITY, spread = 0;

        for (size_t i = 0; i < in->rows; i++) {
            double w = metrics_weight(in, i);

            if (w > 0) {
                double y = decoded(in, k, in->targets[i * in->columns + k]);

                sum += w * y;
                low = y < low ? y : low;
                high = y > high ? y : high;
            }
        }
        double mean = m->weight > 0 ? sum / m->weight : 0;

        for (size_t i = 0; i < in->rows; i++) {
            double off = decoded(in, k, in->targets[i * in->columns + k]) - mean;

            spread += metrics_weight(in, i) * off * off;
        }
        /* not "spread > 0": the mean of equal numbers may be off by a rounding */
        m->numbers[k] = (struct metrics_number){
            .mean = mean, .spread = spread, .low = low, .constant = !(low < high)};
    }
}

/* Half of y's and p's Tweedie deviance where it is defined, else anything. */
static double half_deviance(double y, double p, double power)
{
    if (power == 0) {
        return (y - p) * (y - p) / 2;
    }
    if (power == 1) {
        return (y != 0 ? y * log(y / p) : 0) - y + p;
    }
    if (power == 2) {
        return log(p / y) + y / p - 1;
    }
    return pow(y > 0 ? y : 0, 2 - power) / ((1 - power) * (2 - power)) -
           y * pow(p, 1 - power) / (1 - power) + pow(p, 2 - power) / (2 - power);
}

static void add_value(struct mlp_meter *m, struct metrics_number *t, double y, double p, double w)
{
    double r = y - p, tau = m->in.tau > 0 ? m->in.tau : 0.5, off;

    t->squares += w * r * r;
    t->absolute += w * fabs(r);
    t->low_p = p < t->low_p ? p : t->low_p;
    t->relative += w * fabs(r) / (fabs(y) > METRICS_EPS ? fabs(y) : METRICS_EPS);
    t->pinball += w * (r > 0 ? tau * r : (tau - 1) * r);
    t->off_weight += w;
    off = r - t->off_mean;
    t->off_mean += w / t->off_weight * off;
    t->off_spread += w * off * (r - t->off_mean);
    if (metrics_wants(m, MLP_METRIC_RMSLE)) {
        double d = log1p(y) - log1p(p);

        t->squared_logs += w * d * d;
    }
    if (metrics_wants(m, MLP_METRIC_DEVIANCE)) {
        t->deviance += w * 2 * half_deviance(y, p, m->in.power);
    }
}

void metrics_numbers_add(struct mlp_meter *m, const mlp_real *p, size_t n)
{
    const struct mlp_metric_input *in = &m->in;

    for (size_t i = 0; i < n; i++) {
        size_t row = m->done + i;
        double w = metrics_weight(in, row);

        for (size_t k = 0; k < in->columns; k++) {
            double y = decoded(in, k, in->targets[row * in->columns + k]);
            double guess = decoded(in, k, p[i * in->columns + k]);

            if (w > 0) {
                add_value(m, &m->numbers[k], y, guess, w);
            }
            if (m->errors != NULL) {
                m->errors[k * in->rows + row] = fabs(y - guess);
            }
        }
    }
}

/* ---- reading ------------------------------------------------------------------------- */

static int by_error(const void *a, const void *b)
{
    const struct metrics_error *x = a, *y = b;

    return (x->error > y->error) - (x->error < y->error);
}

/* The error at which half of the weight is reached; the middle between it and the next one
 * where that falls exactly between two. */
static double median(const struct mlp_meter *m, size_t column)
{
    size_t n = 0, i = 0;
    double total = 0, reached;

    for (size_t row = 0; row < m->in.rows; row++) {
        double w = metrics_weight(&m->in, row);

        if (w > 0) {
            m->sorted[n++] =
                (struct metrics_error){m->errors[column * m->in.rows + row], w};
        }
    }
    qsort(m->sorted, n, sizeof(*m->sorted), by_error);
    for (size_t k = 0; k < n; k++) { /* in this order, as `reached` is: the halves must agree */
        total += m->sorted[k].weight;
    }
    reached = m->sorted[0].weight;
    while (reached < total / 2 && i + 1 < n) {
        reached += m->sorted[++i].weight;
    }
    if (reached - total / 2 > METRICS_EPS || i + 1 == n) {
        return m->sorted[i].error;
    }
    return (m->sorted[i].error + m->sorted[i + 1].error) / 2;
}

static struct mlp_metric_value deviance(const struct mlp_meter *m, const struct metrics_number *t)
{
    double power = m->in.power;

    if (power > 0 && power < 1) {
        return metrics_none("no deviance has a power between 0 and 1");
    }
    if (power >= 1 && power < 2 && t->low < 0) {
        return metrics_none("a true value is negative");
    }
    if (power >= 2 && t->low <= 0) {
        return metrics_none("a true value is not above 0");
    }
    if (power != 0 && t->low_p <= 0) {
        return metrics_none("a predicted value is not above 0");
    }
    return metrics_value(t->deviance / m->weight);
}

static struct mlp_metric_value rmsle(const struct mlp_meter *m, const struct metrics_number *t)
{
    if (t->low < 0) {
        return metrics_none("a true value is negative");
    }
    if (t->low_p <= -1) {
        return metrics_none("a predicted value is -1 or less");
    }
    return metrics_value(sqrt(t->squared_logs / m->weight));
}

/* 1 - left / spread of the truth; of a constant truth 1 if nothing is left, else 0. */
static struct mlp_metric_value explained(const struct metrics_number *t, double left)
{
    if (t->constant) {
        return metrics_value(left > 0 ? 0 : 1);
    }
    return metrics_value(1 - left / t->spread);
}

struct mlp_metric_value metrics_numbers_read(struct mlp_meter *m, enum mlp_metric which,
                                             size_t column)
{
    const struct metrics_number *t = &m->numbers[column];

    switch (which) {
    case MLP_METRIC_MSE:
        return metrics_value(t->squares / m->weight);
    case MLP_METRIC_RMSE:
        return metrics_value(sqrt(t->squares / m->weight));
    case MLP_METRIC_MAE:
        return metrics_value(t->absolute / m->weight);
    case MLP_METRIC_MEDIAN_AE:
        return metrics_value(median(m, column));
    case MLP_METRIC_MAPE:
        return metrics_value(t->relative / m->weight);
    case MLP_METRIC_RMSLE:
        return rmsle(m, t);
    case MLP_METRIC_R2:
        return m->in.rows < 2 ? metrics_none("there are under two rows")
                              : explained(t, t->squares);
    case MLP_METRIC_EXPLAINED_VARIANCE:
        return explained(t, t->off_spread);
    case MLP_METRIC_PINBALL:
        return metrics_value(t->pinball / m->weight);
    case MLP_METRIC_DEVIANCE:
        return deviance(m, t);
    default:
        return metrics_none("it is not measured");
    }
}
