/* Metrics that ask for an order: the area under the ROC curve, average precision, and the two
 * curves themselves.
 *
 * Scores are sorted by radix, three passes of 11 bits: stable, no comparison, the same time
 * for any input. Rows of one score are one step of the curve, which makes ties count one
 * half in the area. Rows of weight 0 are left out.
 */
#include <math.h>
#include <string.h>

#include "mlp/metrics_priv.h"

#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)

/* Bits that grow as the score falls; -0 is 0. */
static uint32_t falling(float score)
{
    float positive_zero = score + 0.0f;
    uint32_t bits;

    memcpy(&bits, &positive_zero, sizeof(bits));
    return (bits >> 31) != 0 ? bits : ~bits & 0x7fffffffu;
}

static float score_of(uint32_t key)
{
    uint32_t bits = (key >> 31) != 0 ? key : ~key & 0x7fffffffu;
    float score;

    memcpy(&score, &bits, sizeof(score));
    return score;
}

/* Sorts a[n] by key; spare[n] is lost. Three passes end in the other array. */
static struct metrics_item *sort_items(struct metrics_item *a, struct metrics_item *spare,
                                       size_t n)
{
    for (unsigned shift = 0; shift < 32; shift += DIGIT_BITS) {
        size_t at[DIGITS] = {0}, sum = 0;

        for (size_t i = 0; i < n; i++) {
            at[a[i].key >> shift & (DIGITS - 1)]++;
        }
        for (size_t d = 0; d < DIGITS; d++) {
            size_t count = at[d];

            at[d] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++) {
            spare[at[a[i].key >> shift & (DIGITS - 1)]++] = a[i];
        }
        struct metrics_item *swap = a;

        a = spare;
        spare = swap;
    }
    return a;
}

/* Class or label k against the rest, its rows in order. */
struct ranking {
    const struct mlp_metric_input *in;
    const struct metrics_item *items;
    size_t n, k;
    double positives, negatives; /* by weight */
};

static bool is_positive(const struct mlp_metric_input *in, size_t row, size_t k)
{
    if (in->kind == MLP_OF_LABELS) {
        return in->targets[row * in->columns + k] >= (mlp_real)0.5;
    }
    return metrics_truth(in, row) == k;
}

/* k is a class or column; of two classes it is 1. */
static struct ranking rank(struct mlp_meter *m, size_t k)
{
    const float *scores = m->scores + (m->n_scores > 1 ? k : 0) * m->in.rows;
    struct ranking r = {.in = &m->in, .k = k};

    for (size_t i = 0; i < m->in.rows; i++) {
        double w = metrics_weight(&m->in, i);

        if (w > 0) {
            m->items[r.n++] = (struct metrics_item){falling(scores[i]), (uint32_t)i};
            *(is_positive(&m->in, i, k) ? &r.positives : &r.negatives) += w;
        }
    }
    r.items = sort_items(m->items, m->items + m->in.rows, r.n);
    return r;
}

struct step { /* up to and with one distinct score, by weight */
    double hits, alarms;
};

/* Adds the rows of the next distinct score; returns the index behind them. */
static size_t next_step(const struct ranking *r, size_t i, struct step *s)
{
    uint32_t key = r->items[i].key;

    for (; i < r->n && r->items[i].key == key; i++) {
        size_t row = r->items[i].row;

        *(is_positive(r->in, row, r->k) ? &s->hits : &s->alarms) += metrics_weight(r->in, row);
    }
    return i;
}

/* Both areas, and how many distinct scores there are. */
static size_t areas(const struct ranking *r, double *roc_auc, double *average_precision)
{
    struct step now = {0}, before = now;
    double area = 0, average = 0;
    size_t n = 0;

    for (size_t i = 0; i < r->n; n++, before = now) {
        i = next_step(r, i, &now);
        area += (now.alarms - before.alarms) * (now.hits + before.hits) / 2;
        average += (now.hits - before.hits) * now.hits / (now.hits + now.alarms);
    }
    /* Divided by the last step, which is the sum in the same order: a perfect one is 1. */
    *roc_auc = area / now.hits / now.alarms;
    *average_precision = now.hits > 0 ? average / now.hits : 0;
    return n;
}

struct mlp_metric_value metrics_rank_read(struct mlp_meter *m, enum mlp_metric which)
{
    bool two = m->in.kind == MLP_OF_CLASSES && m->n_sums == 2;
    bool many = m->in.kind == MLP_OF_CLASSES && !two;
    double sum = 0;

    for (size_t k = two ? 1 : 0; k < m->n_sums; k++) {
        struct ranking r = rank(m, k);
        double roc_auc, average_precision;

        if (many && !(r.positives > 0)) {
            return metrics_none("a class has no rows");
        }
        if (which == MLP_METRIC_ROC_AUC && !(r.positives > 0 && r.negatives > 0)) {
            return metrics_none(m->in.kind == MLP_OF_LABELS
                                    ? "a column has the same label in all rows"
                                    : "the rows are all of one class");
        }
        (void)areas(&r, &roc_auc, &average_precision);
        sum += which == MLP_METRIC_ROC_AUC ? roc_auc : average_precision;
    }
    return metrics_value(sum / (double)m->n_scores);
}

/* Is point i of n, not the first, one of at most `most` evenly spread ones? The last is. */
static bool is_kept(size_t i, size_t n, size_t most)
{
    return n <= most || i * (most - 1) / (n - 1) != (i - 1) * (most - 1) / (n - 1);
}

void mlp_meter_curve(struct mlp_meter *m, size_t k, size_t max_points,
                     struct mlp_curve_point *points, struct mlp_curve *out)
{
    struct step now = {0};

    *out = (struct mlp_curve){.roc_auc = (double)NAN, .average_precision = (double)NAN};
    if (m->n_scores == 0 || m->done < m->in.rows || m->broken) {
        return;
    }
    struct ranking r = rank(m, k);

    if (!(r.positives > 0 && r.negatives > 0)) {
        return;
    }
    out->positives = r.positives;
    out->negatives = r.negatives;
    size_t n = 1 + areas(&r, &out->roc_auc, &out->average_precision), at = 0;

    points[out->n_points++] = (struct mlp_curve_point){(double)NAN, 0, 0, 1};
    for (size_t i = 0; i < r.n;) {
        float score = score_of(r.items[i].key);

        i = next_step(&r, i, &now);
        if (is_kept(++at, n, max_points)) {
            points[out->n_points++] =
                (struct mlp_curve_point){.threshold = (double)score,
                                         .fpr = i < r.n ? now.alarms / r.negatives : 1,
                                         .tpr = i < r.n ? now.hits / r.positives : 1,
                                         .precision = now.hits / (now.hits + now.alarms)};
        }
    }
}
