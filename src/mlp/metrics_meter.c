/* The meter: room for what the asked metrics need, the walk over slices of predictions, and
 * the questions that are the same for all metrics (rows? weights? finite?).
 *
 * One block of memory, laid out twice like every block of the library: first to measure,
 * then for good. Sums are added row after row whatever the slices are, so that these
 * cannot be seen in a value.
 */
#include <math.h>
#include <string.h>

#include "mlp/metrics_priv.h"

static const enum mlp_metric tops[METRICS_TOPS] = {MLP_METRIC_TOP_2, MLP_METRIC_TOP_3,
                                                   MLP_METRIC_TOP_5, MLP_METRIC_TOP_10};

static bool fits(const struct mlp_metric_input *in, const enum mlp_metric *which, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((size_t)which[i] >= MLP_METRICS || !mlp_metric_applies(which[i], in->kind)) {
            return false;
        }
    }
    if (in->columns == 0 || (in->rows > 0 && in->labels == NULL && in->targets == NULL)) {
        return false;
    }
    if (in->kind != MLP_OF_CLASSES) {
        return in->rows == 0 || in->targets != NULL;
    }
    return in->columns > 1 ? in->n_classes == in->columns : in->n_classes == 2;
}

static struct mlp_meter *layout(struct mlp_meter *m, struct arena *arena)
{
    struct mlp_meter *place = arena_take(arena, 1, sizeof(*place));
    size_t rows = m->in.rows;

    if (m->in.kind == MLP_OF_NUMBERS) {
        bool median = metrics_wants(m, MLP_METRIC_MEDIAN_AE);
        size_t cells = 0;

        if (median && __builtin_mul_overflow(m->in.columns, rows, &cells)) {
            arena->overflow = true;
        }
        m->numbers = arena_take(arena, m->in.columns, sizeof(*m->numbers));
        m->errors = arena_take(arena, cells, sizeof(*m->errors));
        m->sorted = arena_take(arena, median ? rows : 0, sizeof(*m->sorted));
        return place;
    }
    size_t n = m->n_sums, cells = 0, square = 0;

    if (__builtin_mul_overflow(m->n_scores, rows, &cells) ||
        __builtin_mul_overflow(n, n, &square) ||
        (m->n_scores > 0 && rows > UINT32_MAX)) { /* an item holds its row in 32 bits */
        arena->overflow = true;
    }
    m->classes = arena_take(arena, n, sizeof(*m->classes));
    m->confusion =
        arena_take(arena, m->flags & MLP_METER_CONFUSION ? square : 0, sizeof(*m->confusion));
    m->scores = arena_take(arena, cells, sizeof(*m->scores));
    m->items = arena_take(arena, m->n_scores > 0 ? rows : 0, 2 * sizeof(*m->items));
    return place;
}

/* Everything but memory. */
static enum mlp_status prepare(struct mlp_meter *m, const struct mlp_metric_input *in,
                               const enum mlp_metric *which, size_t n, unsigned flags)
{
    *m = (struct mlp_meter){.in = *in, .flags = flags};
    if (!fits(in, which, n)) {
        return MLP_E_ARGUMENT;
    }
    for (size_t i = 0; i < n; i++) {
        m->wanted |= (uint64_t)1 << which[i];
    }
    if (in->kind != MLP_OF_CLASSES) {
        m->flags &= ~(unsigned)MLP_METER_CONFUSION;
    }
    if (in->kind == MLP_OF_NUMBERS) {
        m->flags = 0;
        return MLP_OK;
    }
    m->n_sums = in->kind == MLP_OF_CLASSES ? in->n_classes : in->columns;
    if ((m->flags & MLP_METER_CURVES) != 0 || metrics_wants(m, MLP_METRIC_ROC_AUC) ||
        metrics_wants(m, MLP_METRIC_PR_AUC)) {
        m->n_scores = in->kind == MLP_OF_CLASSES && in->n_classes == 2 ? 1 : m->n_sums;
    }
    return MLP_OK;
}

/* What it takes, before it takes anything. */
static enum mlp_status measure(struct mlp_meter *m, const struct mlp_metric_input *in,
                               const enum mlp_metric *which, size_t n, unsigned flags,
                               struct arena *arena)
{
    enum mlp_status status = prepare(m, in, which, n, flags);

    if (status == MLP_OK) {
        (void)layout(m, arena);
    }
    return arena->overflow ? MLP_E_TOO_LARGE : status;
}

enum mlp_status mlp_meter_bytes(const struct mlp_metric_input *in, const enum mlp_metric *which,
                                size_t n, unsigned flags, size_t *out)
{
    struct mlp_meter m;
    struct arena arena = {0};
    enum mlp_status status = measure(&m, in, which, n, flags, &arena);

    if (status == MLP_OK) {
        *out = arena.used;
    }
    return status;
}

enum mlp_status mlp_meter_new(const struct mlp_metric_input *in, const enum mlp_metric *which,
                              size_t n, unsigned flags, struct mlp_meter **out)
{
    struct mlp_meter m;
    struct arena arena = {0};
    enum mlp_status status = measure(&m, in, which, n, flags, &arena);

    if (status != MLP_OK) {
        return status;
    }
    status = arena_begin(&arena);
    if (status != MLP_OK) {
        return status;
    }
    struct mlp_meter *meter = layout(&m, &arena);

    for (size_t i = 0; i < in->rows; i++) {
        m.weight += metrics_weight(in, i);
    }
    *meter = m;
    if (in->kind == MLP_OF_NUMBERS) {
        metrics_numbers_begin(meter);
    }
    mlp_meter_reset(meter);
    *out = meter;
    return MLP_OK;
}

void mlp_meter_free(struct mlp_meter **meter)
{
    free(*meter);
    *meter = NULL;
}

void mlp_meter_reset(struct mlp_meter *m)
{
    m->done = 0;
    m->broken = false;
    m->right = m->log_loss = m->brier = 0;
    memset(m->top, 0, sizeof(m->top));
    if (m->in.kind == MLP_OF_NUMBERS) {
        for (size_t k = 0; k < m->in.columns; k++) {
            struct metrics_number *t = &m->numbers[k];

            *t = (struct metrics_number){.mean = t->mean,
                                         .spread = t->spread,
                                         .low = t->low,
                                         .constant = t->constant,
                                         .low_p = (double)INFINITY};
        }
        return;
    }
    memset(m->classes, 0, m->n_sums * sizeof(*m->classes));
    if (m->confusion != NULL) {
        memset(m->confusion, 0, m->n_sums * m->n_sums * sizeof(*m->confusion));
    }
}

enum mlp_status mlp_meter_add(struct mlp_meter *m, const mlp_real *p, size_t n)
{
    if (n > m->in.rows - m->done) {
        return MLP_E_ARGUMENT;
    }
    for (size_t i = 0; i < n * m->in.columns && !m->broken; i++) {
        m->broken = !isfinite(p[i]);
    }
    if (m->broken) {
        /* nothing can be said any more; and no sum must meet what is not a number */
    } else if (m->in.kind == MLP_OF_CLASSES) {
        metrics_classes_add(m, p, n);
    } else if (m->in.kind == MLP_OF_LABELS) {
        metrics_labels_add(m, p, n);
    } else {
        metrics_numbers_add(m, p, n);
    }
    m->done += n;
    return MLP_OK;
}

/* Why no metric at all can be told, or NULL. */
static const char *hindrance(const struct mlp_meter *m)
{
    if (m->in.rows == 0) {
        return "there are no rows";
    }
    if (m->done < m->in.rows) {
        return "not all rows are measured yet";
    }
    if (m->broken) {
        return "a prediction is not a finite number";
    }
    return m->weight > 0 ? NULL : "the weights of these rows are all 0";
}

static struct mlp_metric_value told(struct mlp_metric_value v)
{
    return v.why == NULL && !isfinite(v.value) ? metrics_none("it is too large a number") : v;
}

struct mlp_metric_value mlp_meter_read_column(struct mlp_meter *m, enum mlp_metric which,
                                              size_t column)
{
    const char *why = hindrance(m);

    if (!metrics_wants(m, which) || m->in.kind != MLP_OF_NUMBERS || column >= m->in.columns) {
        return metrics_none("it is not measured");
    }
    return why != NULL ? metrics_none(why) : told(metrics_numbers_read(m, which, column));
}

static struct mlp_metric_value mean_of_columns(struct mlp_meter *m, enum mlp_metric which)
{
    double sum = 0;

    for (size_t k = 0; k < m->in.columns; k++) {
        struct mlp_metric_value v = mlp_meter_read_column(m, which, k);

        if (v.why != NULL) {
            return v;
        }
        sum += v.value;
    }
    return told(metrics_value(sum / (double)m->in.columns));
}

struct mlp_metric_value mlp_meter_read(struct mlp_meter *m, enum mlp_metric which)
{
    const char *why = hindrance(m);

    if (!metrics_wants(m, which)) {
        return metrics_none("it is not measured");
    }
    if (why != NULL) {
        return metrics_none(why);
    }
    if (m->in.kind == MLP_OF_NUMBERS) {
        return mean_of_columns(m, which);
    }
    for (size_t i = 0; i < METRICS_TOPS; i++) {
        if (which == tops[i]) {
            return metrics_value(m->top[i] / m->weight);
        }
    }
    if (which == MLP_METRIC_ROC_AUC || which == MLP_METRIC_PR_AUC) {
        return metrics_rank_read(m, which);
    }
    return told(metrics_classes_read(m, which));
}

const double *mlp_meter_confusion(const struct mlp_meter *m)
{
    return m->confusion;
}
