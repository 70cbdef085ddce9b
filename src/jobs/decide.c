/* Temperature and threshold; see decide.h.
 *
 * The temperature T minimises the log loss of z / T. In b = 1 / T that is convex, so Newton's
 * method inside a bracket finds it in some five walks over the rows; nothing is kept of them. A few
 * validation rows that happen to be all right would ask for T = 0: so a term (b - 1)^2 is added
 * that weighs as much as PRIOR_ROWS rows do, and T stays near 1 where little speaks against it.
 *
 * The threshold is the best of all places between two neighbouring probabilities, found in one walk
 * down the sorted rows; of equal ones the nearest to one half, where nothing is better that one.
 *
 * Runs on the job's worker; sums in double, in the order of the rows.
 */
#include "jobs/decide.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/model_json.h"

#define SLICE_ROWS 512
#define PRIOR_ROWS 2.0
#define LEAST      0.02 /* of b */
#define MOST       50.0
#define MAX_WALKS  40
#define ENOUGH     1e-7 /* relative change of b */
#define SAME       1e-12

struct deciding {
    struct mlp_net *net;
    const struct mlp_data *data;
    atomic_ulong *pulse;
    struct mlp_workspace *ws;
    size_t width;
    mlp_real *z; /* (SLICE_ROWS, width) */
};

/* The next slice's outputs in d->z; linear: before the output function. */
static int slice(struct deciding *d, size_t first, size_t n, bool linear, struct err *err)
{
    const mlp_real *x = mlp_data_x(d->data, mlp_net_spec(d->net)->n_inputs, first, n);
    const mlp_real *offset = d->data->offset != NULL ? d->data->offset + first : NULL;
    enum mlp_status status = x == NULL ? MLP_E_SOURCE
                             : linear  ? mlp_predict_linear(d->net, d->ws, x, offset, n, d->z)
                                    : mlp_predict_offset(d->net, d->ws, x, offset, n, d->z);

    if (d->pulse != NULL) {
        (void)atomic_fetch_add_explicit(d->pulse, 1, memory_order_relaxed);
    }
    return status == MLP_OK ? 0 : model_json_status(err, status, "the calibration failed");
}

static size_t rows_of(const struct deciding *d, size_t first)
{
    size_t left = d->data->rows - first;

    return left < SLICE_ROWS ? left : SLICE_ROWS;
}

static double weight_of(const struct mlp_data *data, size_t row)
{
    return data->weights != NULL ? (double)data->weights[row] : 1;
}

/* ---- temperature ---------------------------------------------------------------------- */

struct sums {
    double weight, loss, first, second; /* the log loss at b, and its derivatives */
};

/* -sum_k y_k log softmax(b z)_k of one row. */
static void add_softmax(struct sums *s, const mlp_real *z, size_t n, const struct mlp_data *data,
                        size_t row, double b, double w)
{
    double most = -INFINITY, sum = 0, mean = 0, square = 0, truth = 0;
    size_t k;

    for (k = 0; k < n; k++) {
        most = fmax(most, (double)z[k]);
        if (data->labels == NULL) {
            truth += (double)data->targets[row * n + k] * (double)z[k];
        }
    }
    truth = data->labels != NULL ? (double)z[data->labels[row]] : truth;
    for (k = 0; k < n; k++) {
        double v = (double)z[k] - most, p = exp(b * v);

        sum += p;
        mean += p * v;
        square += p * v * v;
    }
    mean /= sum;
    s->loss += w * (log(sum) + b * (most - truth));
    s->first += w * (mean + most - truth);
    s->second += w * (square / sum - mean * mean);
}

/* softplus(b z) - y b z, the mean over columns. */
static void add_sigmoid(struct sums *s, const mlp_real *z, size_t n, const struct mlp_data *data,
                        size_t row, double b, double w)
{
    size_t k;

    for (k = 0; k < n; k++) {
        double v = (double)z[k], y = (double)data->targets[row * n + k], e = exp(-fabs(b * v));
        double p = v >= 0 ? 1 / (1 + e) : e / (1 + e);

        s->loss += w / (double)n * (fmax(b * v, 0) + log1p(e) - y * b * v);
        s->first += w / (double)n * (p - y) * v;
        s->second += w / (double)n * p * (1 - p) * v * v;
    }
}

static int walk(struct deciding *d, double b, struct sums *out, struct err *err)
{
    bool softmax = mlp_net_spec(d->net)->output == MLP_OUT_SOFTMAX;
    struct sums s = {.weight = 0};
    size_t first, n, i;

    for (first = 0; first < d->data->rows; first += n) {
        n = rows_of(d, first);
        if (slice(d, first, n, true, err) != 0) {
            return -1;
        }
        for (i = 0; i < n; i++) {
            const mlp_real *z = d->z + i * d->width;
            double w = weight_of(d->data, first + i);

            s.weight += w;
            (softmax ? add_softmax : add_sigmoid)(&s, z, d->width, d->data, first + i, b, w);
        }
    }
    *out = (struct sums){.weight = s.weight,
                         .loss = s.loss / s.weight,
                         .first = s.first / s.weight,
                         .second = s.second / s.weight};
    return 0;
}

static int calibrate(struct deciding *d, struct decision *out, struct err *err)
{
    double prior = PRIOR_ROWS / (double)d->data->rows, b = 1, low = LEAST, high = MOST, next;
    struct sums s = {.weight = 0};
    int walks;

    for (walks = 0; walks < MAX_WALKS; walks++) {
        if (walk(d, b, &s, err) != 0) {
            return -1;
        }
        if (!isfinite(s.loss) || !isfinite(s.first) || !isfinite(s.second)) {
            return 0; /* nothing to be learnt of such outputs */
        }
        out->log_loss_before = walks == 0 ? s.loss : out->log_loss_before;
        out->log_loss_after = s.loss;
        s.first += 2 * prior * (b - 1);
        s.second += 2 * prior;
        *(s.first > 0 ? &high : &low) = b;
        next = b - s.first / s.second;
        next = next > low && next < high ? next : (low + high) / 2;
        if (fabs(next - b) <= ENOUGH * b) {
            break;
        }
        b = next;
    }
    out->calibrated = true;
    out->temperature = 1 / b;
    return 0;
}

/* ---- threshold --------------------------------------------------------------------------- */

struct scored {
    float p; /* of the second class */
    float weight;
    bool second;
};

static int from_highest(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    return (x->p < y->p) - (x->p > y->p);
}

/* What is answered rightly and wrongly: the second class is the positive one. */
struct counts {
    double tp, fp, fn, tn;
};

static double share(double part, double rest)
{
    return part + rest > 0 ? part / (part + rest) : 0;
}

static double f1(double hits, double off)
{
    return share(2 * hits, off);
}

static double value_of(enum mlp_metric metric, const struct counts *c)
{
    double off = c->fp + c->fn, product;

    switch (metric) {
    case MLP_METRIC_BALANCED_ACCURACY:
        if (!(c->tp + c->fn > 0) || !(c->tn + c->fp > 0)) {
            return share(c->tp + c->tn, off); /* one class is all there is */
        }
        return (share(c->tp, c->fn) + share(c->tn, c->fp)) / 2;
    case MLP_METRIC_F1:
        return f1(c->tp, off);
    case MLP_METRIC_F1_MACRO:
        return (f1(c->tp, off) + f1(c->tn, off)) / 2;
    case MLP_METRIC_MCC:
        product = (c->tp + c->fp) * (c->tp + c->fn) * (c->tn + c->fp) * (c->tn + c->fn);
        return product > 0 ? (c->tp * c->tn - c->fp * c->fn) / sqrt(product) : 0;
    default:
        return share(c->tp + c->tn, off);
    }
}

static int read_scores(struct deciding *d, struct scored *rows, struct err *err)
{
    const struct mlp_data *data = d->data;
    size_t first, n, i;

    for (first = 0; first < data->rows; first += n) {
        n = rows_of(d, first);
        if (slice(d, first, n, false, err) != 0) {
            return -1;
        }
        for (i = 0; i < n; i++) {
            size_t row = first + i;

            rows[row] = (struct scored){.p = (float)d->z[i * d->width + d->width - 1],
                                        .weight = (float)weight_of(data, row),
                                        .second = data->labels != NULL
                                                      ? data->labels[row] == 1
                                                      : data->targets[row] >= (mlp_real)0.5};
        }
    }
    return 0;
}

/* Down the sorted rows: c has what is answered when all up to here are the second class. */
static void sweep(const struct scored *rows, size_t n, enum mlp_metric metric, struct decision *out)
{
    struct counts c = {.tp = 0}, half = {.tp = 0};
    double best;
    size_t i;

    for (i = 0; i < n; i++) {
        bool says = (double)rows[i].p >= 0.5;

        *(rows[i].second ? &c.fn : &c.tn) += (double)rows[i].weight;
        *(rows[i].second ? (says ? &half.tp : &half.fn) : (says ? &half.fp : &half.tn)) +=
            (double)rows[i].weight;
    }
    best = out->metric_before = value_of(metric, &half);
    out->threshold = 0.5;
    for (i = 0; i + 1 < n; i++) {
        double between = ((double)rows[i].p + (double)rows[i + 1].p) / 2, value;

        *(rows[i].second ? &c.tp : &c.fp) += (double)rows[i].weight;
        *(rows[i].second ? &c.fn : &c.tn) -= (double)rows[i].weight;
        if (!(rows[i].p > rows[i + 1].p) || !(between > 0 && between < 1)) {
            continue; /* the same probability, the same answer */
        }
        value = value_of(metric, &c);
        if (value > best + SAME ||
            (value > best - SAME && fabs(between - 0.5) < fabs(out->threshold - 0.5))) {
            best = fmax(best, value);
            out->threshold = between;
        }
    }
    out->metric_after = best;
}

static int choose_threshold(struct deciding *d, enum mlp_metric metric, struct decision *out,
                            struct err *err)
{
    struct scored *rows = mem_try_alloc(d->data->rows, sizeof *rows);
    int rc;

    if (rows == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to choose the threshold");
    }
    rc = read_scores(d, rows, err);
    if (rc == 0) {
        qsort(rows, d->data->rows, sizeof *rows, from_highest);
        sweep(rows, d->data->rows, metric, out);
        out->chosen = true;
    }
    free(rows);
    return rc;
}

/* ---- both ---------------------------------------------------------------------------------- */

static int set(struct deciding *d, const struct decision *made, struct err *err)
{
    double threshold = made->threshold < 0.5 || made->threshold > 0.5 ? made->threshold : 0;
    enum mlp_status status =
        mlp_net_set_answers(d->net, made->calibrated ? made->temperature : 0, threshold);

    return status == MLP_OK ? 0 : model_json_status(err, status, "the calibration failed");
}

int decide(const struct job_spec *spec, struct mlp_net *net, const struct mlp_data *data,
           atomic_ulong *pulse, struct decision *out, struct err *err)
{
    struct deciding d = {.net = net, .data = data, .pulse = pulse};
    enum mlp_status status = MLP_OK;
    int rc = 0;

    CHK(data->rows > 0);
    *out = (struct decision){.temperature = 1, .threshold = spec->threshold, .rows = data->rows};
    if (!spec->calibrate && !spec->chooses_threshold) {
        return 0;
    }
    d.width = mlp_net_spec(net)->n_outputs;
    d.z = mem_try_alloc(SLICE_ROWS * d.width, sizeof *d.z);
    status = d.z == NULL ? MLP_E_MEMORY : mlp_workspace_new(net, SLICE_ROWS, &d.ws);
    if (status != MLP_OK) {
        rc = model_json_status(err, status, "the calibration failed");
    }
    if (rc == 0 && spec->calibrate) {
        rc = calibrate(&d, out, err);
    }
    if (rc == 0) {
        rc = set(&d, out, err); /* the threshold is one of calibrated probabilities */
    }
    if (rc == 0 && spec->chooses_threshold) {
        rc = choose_threshold(&d, spec->threshold_metric, out, err);
        rc = rc == 0 ? set(&d, out, err) : rc;
    }
    mlp_workspace_free(&d.ws);
    free(d.z);
    return rc;
}
