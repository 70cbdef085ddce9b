/* Metrics of classes and of labels: counts per class or column, by weight, and sums over
 * rows; everything but the ranking metrics follows from them.
 *
 * No matrix is needed: Matthews' coefficient and Cohen's kappa take only its diagonal and its
 * margins. Scores are set aside for metrics_rank.c, column by column.
 */
#include <math.h>

#include "mlp/metrics_priv.h"

static const size_t tops[METRICS_TOPS] = {2, 3, 5, 10};

static double clipped(double p)
{
    return p < METRICS_EPS ? METRICS_EPS : p > 1 - METRICS_EPS ? 1 - METRICS_EPS : p;
}

/* ---- adding rows ------------------------------------------------------------------- */

/* How many classes come before the true one. */
static size_t place_of(const mlp_real *p, size_t n, size_t truth)
{
    size_t before = 0;

    for (size_t k = 0; k < n; k++) {
        before += p[k] > p[truth] || (p[k] == p[truth] && k < truth);
    }
    return before;
}

/* The probability of class k, and its share in the truth. */
static double likely(const struct mlp_metric_input *in, const mlp_real *p, size_t k)
{
    if (in->columns > 1) {
        return (double)p[k];
    }
    return k == 1 ? (double)p[0] : 1 - (double)p[0];
}

static double share(const struct mlp_metric_input *in, size_t row, size_t truth, size_t k)
{
    if (in->labels == NULL && in->columns > 1) {
        return (double)in->targets[row * in->columns + k];
    }
    return truth == k;
}

static double log_loss(const struct mlp_metric_input *in, const mlp_real *p, size_t row,
                       size_t truth)
{
    double sum = 0;

    if (in->labels != NULL || in->columns == 1) {
        return -log(clipped(likely(in, p, truth)));
    }
    for (size_t k = 0; k < in->n_classes; k++) {
        double y = share(in, row, truth, k);

        sum -= y > 0 ? y * log(clipped(likely(in, p, k))) : 0;
    }
    return sum;
}

static double brier(const struct mlp_metric_input *in, const mlp_real *p, size_t row, size_t truth)
{
    double sum = 0;

    for (size_t k = in->n_classes == 2 ? 1 : 0; k < in->n_classes; k++) {
        double off = share(in, row, truth, k) - likely(in, p, k);

        sum += off * off;
    }
    return sum;
}

static void keep_scores(struct mlp_meter *m, const mlp_real *p, size_t row)
{
    size_t skip = m->in.columns - m->n_scores; /* two columns, one score: the second */

    for (size_t k = 0; k < m->n_scores; k++) {
        m->scores[k * m->in.rows + row] = (float)p[skip + k];
    }
}

static size_t guessed(const struct mlp_metric_input *in, const mlp_real *p)
{
    if (in->threshold > 0 && in->columns <= 2) {
        return (double)p[in->columns - 1] >= in->threshold;
    }
    return in->columns == 1 ? p[0] >= (mlp_real)0.5 : metrics_argmax(p, in->columns);
}

void metrics_classes_add(struct mlp_meter *m, const mlp_real *p, size_t n)
{
    const struct mlp_metric_input *in = &m->in;
    bool any_top = metrics_wants(m, MLP_METRIC_TOP_2) || metrics_wants(m, MLP_METRIC_TOP_3) ||
                   metrics_wants(m, MLP_METRIC_TOP_5) || metrics_wants(m, MLP_METRIC_TOP_10);

    for (size_t i = 0; i < n; i++, p += in->columns) {
        size_t row = m->done + i, truth = metrics_truth(in, row);
        size_t guess = guessed(in, p);
        double w = metrics_weight(in, row);

        m->classes[truth].support += w;
        m->classes[guess].chosen += w;
        m->classes[truth].seen = m->classes[guess].seen = true;
        if (truth == guess) {
            m->classes[truth].hits += w;
            m->right += w;
        }
        if (metrics_wants(m, MLP_METRIC_LOG_LOSS)) {
            m->log_loss += w * log_loss(in, p, row, truth);
        }
        if (metrics_wants(m, MLP_METRIC_BRIER)) {
            m->brier += w * brier(in, p, row, truth);
        }
        if (any_top) {
            size_t before = in->columns == 1 ? truth != guess : place_of(p, in->columns, truth);

            for (size_t t = 0; t < METRICS_TOPS; t++) {
                m->top[t] += before < tops[t] ? w : 0;
            }
        }
        if (m->confusion != NULL) {
            m->confusion[truth * m->n_sums + guess] += w;
        }
        keep_scores(m, p, row);
    }
}

void metrics_labels_add(struct mlp_meter *m, const mlp_real *p, size_t n)
{
    const struct mlp_metric_input *in = &m->in;
    bool logs = metrics_wants(m, MLP_METRIC_LOG_LOSS);

    for (size_t i = 0; i < n; i++, p += in->columns) {
        size_t row = m->done + i;
        const mlp_real *y = in->targets + row * in->columns;
        double w = metrics_weight(in, row), loss = 0, squares = 0;
        bool all = true;

        for (size_t k = 0; k < in->columns; k++) {
            struct metrics_class *c = &m->classes[k];
            bool is = y[k] >= (mlp_real)0.5, says = p[k] >= (mlp_real)0.5;
            double q = (double)p[k], t = (double)y[k];

            c->support += is ? w : 0;
            c->chosen += says ? w : 0;
            c->hits += is && says ? w : 0;
            c->seen = true;
            all &= is == says;
            if (logs) {
                loss -= t > 0 ? t * log(clipped(q)) : 0;
                loss -= t < 1 ? (1 - t) * log(clipped(1 - q)) : 0;
            }
            squares += (t - q) * (t - q);
        }
        m->right += all ? w : 0;
        m->log_loss += w * loss / (double)in->columns;
        m->brier += w * squares / (double)in->columns;
        keep_scores(m, p, row);
    }
}

/* ---- reading ------------------------------------------------------------------------- */

enum average { PLAIN, MACRO, MICRO, WEIGHTED };
enum quality { PRECISION, RECALL, F1 };

static double quality_of(const struct metrics_class *c, enum quality quality)
{
    double below = quality == PRECISION ? c->chosen
                   : quality == RECALL  ? c->support
                                        : (c->chosen + c->support) / 2;

    return below > 0 ? c->hits / below : 0;
}

static double averaged(const struct mlp_meter *m, enum quality quality, enum average average)
{
    struct metrics_class all = {0};
    double sum = 0, n = 0;

    if (average == PLAIN) {
        if (m->in.kind == MLP_OF_CLASSES && m->n_sums == 2) {
            return quality_of(&m->classes[1], quality);
        }
        average = MACRO;
    }
    for (size_t k = 0; k < m->n_sums; k++) {
        const struct metrics_class *c = &m->classes[k];
        double weight = average == WEIGHTED ? c->support : c->seen;

        all.hits += c->hits;
        all.chosen += c->chosen;
        all.support += c->support;
        sum += weight * quality_of(c, quality);
        n += weight;
    }
    if (average == MICRO) {
        return quality_of(&all, quality);
    }
    return n > 0 ? sum / n : 0;
}

static double balanced_accuracy(const struct mlp_meter *m)
{
    double sum = 0, n = 0;

    for (size_t k = 0; k < m->n_sums; k++) {
        if (m->classes[k].support > 0) {
            sum += quality_of(&m->classes[k], RECALL);
            n++;
        }
    }
    return sum / n; /* some class has weight, or this is not asked */
}

static double mcc(const struct mlp_meter *m)
{
    double n = 0, hits = 0, both = 0, chosen = 0, support = 0, product;

    for (size_t k = 0; k < m->n_sums; k++) {
        const struct metrics_class *c = &m->classes[k];

        n += c->chosen;
        hits += c->hits;
        both += c->chosen * c->support;
        chosen += c->chosen * c->chosen;
        support += c->support * c->support;
    }
    product = (n * n - chosen) * (n * n - support);
    return product > 0 ? (hits * n - both) / sqrt(product) : 0;
}

static struct mlp_metric_value cohen_kappa(const struct mlp_meter *m)
{
    double n = 0, off = 0, expected = 0;

    for (size_t k = 0; k < m->n_sums; k++) {
        n += m->classes[k].chosen;
    }
    for (size_t k = 0; k < m->n_sums; k++) {
        const struct metrics_class *c = &m->classes[k];

        off += c->support - c->hits;
        expected += c->support * (n - c->chosen) / n; /* exactly 0 if all is one class */
    }
    if (!(expected > 0)) {
        return metrics_none("truth and answers are all of one class");
    }
    return metrics_value(1 - off / expected);
}

struct mlp_metric_value metrics_classes_read(struct mlp_meter *m, enum mlp_metric which)
{
    switch (which) {
    case MLP_METRIC_ACCURACY:
        return metrics_value(m->right / m->weight);
    case MLP_METRIC_BALANCED_ACCURACY:
        return metrics_value(balanced_accuracy(m));
    case MLP_METRIC_LOG_LOSS:
        return metrics_value(m->log_loss / m->weight);
    case MLP_METRIC_BRIER:
        return metrics_value(m->brier / m->weight);
    case MLP_METRIC_MCC:
        return metrics_value(mcc(m));
    case MLP_METRIC_COHEN_KAPPA:
        return cohen_kappa(m);
    default: /* three families of four, in the order of enum average */
        break;
    }
    if (which >= MLP_METRIC_F1) {
        return metrics_value(averaged(m, F1, (enum average)(which - MLP_METRIC_F1)));
    }
    if (which >= MLP_METRIC_RECALL) {
        return metrics_value(averaged(m, RECALL, (enum average)(which - MLP_METRIC_RECALL)));
    }
    return metrics_value(averaged(m, PRECISION, (enum average)(which - MLP_METRIC_PRECISION)));
}

void mlp_meter_class(const struct mlp_meter *m, size_t k, struct mlp_class_score *out)
{
    const struct metrics_class *c = &m->classes[k];

    *out = (struct mlp_class_score){.precision = quality_of(c, PRECISION),
                                    .recall = quality_of(c, RECALL),
                                    .f1 = quality_of(c, F1),
                                    .support = c->support,
                                    .predicted = c->chosen};
}
