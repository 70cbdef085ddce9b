/* Judging numbers: rmse, mae and r2 per target in its own units, a sample of true and
 * predicted values, and a histogram of the residuals (predicted - true).
 *
 * Two walks over the truth (mean and range first, then the sums around it) and one over the
 * predictions; nothing but the residuals of the first JUDGE_MAX_TARGETS targets is kept per
 * row. r2 of a constant truth is 1 if exact, else 0; under two rows it is undefined: the
 * same definitions as mlp_metrics_regression, and a test holds the two together.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/judge_priv.h"

struct target {
    double truth_sum, truth_min, truth_max; /* in the target's units */
    double squares, absolutes, spread;      /* sums: residual^2, |residual|, (truth - mean)^2 */
    float *residuals;                       /* [rows], or NULL */
    double *sample;                         /* [n_sample][true, predicted], or NULL */
};

struct fit {
    double rmse, mae, r2;
};

static double decoded(const struct judging *j, const mlp_real *y, size_t width, size_t row,
                      size_t target)
{
    return encoder_decode_target(j->encoder, target, y[row * width + target]);
}

static size_t sample_size(const struct judging *j)
{
    return j->data->rows < JUDGE_MAX_SAMPLE ? j->data->rows : JUDGE_MAX_SAMPLE;
}

static int targets_init(const struct judging *j, struct target *targets, size_t width,
                        struct err *err)
{
    size_t rows = j->data->rows, i, k;

    for (k = 0; k < width; k++) {
        struct target *t = &targets[k];

        t->truth_min = INFINITY;
        t->truth_max = -INFINITY;
        for (i = 0; i < rows; i++) {
            double y = decoded(j, j->data->targets, width, i, k);

            t->truth_sum += y;
            t->truth_min = y < t->truth_min ? y : t->truth_min;
            t->truth_max = y > t->truth_max ? y : t->truth_max;
        }
        if (k < JUDGE_MAX_TARGETS) {
            t->residuals = mem_try_alloc(rows, sizeof *t->residuals);
            t->sample = xcalloc(2 * sample_size(j), sizeof *t->sample);
            if (t->residuals == NULL) {
                return err_set(err, ERR_NO_MEMORY, "no memory to evaluate the model");
            }
        }
    }
    return 0;
}

static void targets_free(struct target *targets, size_t width)
{
    size_t k;

    for (k = 0; k < width; k++) {
        free(targets[k].residuals);
        free(targets[k].sample);
    }
    free(targets);
}

/* Rows [first, first + n), whose predictions are in j->p. */
static void add_slice(const struct judging *j, struct target *targets, size_t width, size_t first,
                      size_t n)
{
    size_t rows = j->data->rows, n_sample = sample_size(j), i, k;

    for (i = 0; i < n; i++) {
        size_t row = first + i;
        size_t place = (row * n_sample + rows - 1) / rows; /* first row of this or a later place */
        bool is_sampled = place < n_sample && place * rows / n_sample == row;

        for (k = 0; k < width; k++) {
            struct target *t = &targets[k];
            double truth = decoded(j, j->data->targets, width, row, k);
            double predicted = decoded(j, j->p, width, i, k);
            double residual = predicted - truth, off = truth - t->truth_sum / (double)rows;

            t->squares += residual * residual;
            t->absolutes += fabs(residual);
            t->spread += off * off;
            if (t->residuals != NULL) {
                t->residuals[row] = (float)residual;
                if (is_sampled) {
                    t->sample[2 * place] = truth;
                    t->sample[2 * place + 1] = predicted;
                }
            }
        }
    }
}

static struct fit target_fit(const struct target *t, size_t rows)
{
    struct fit fit = {
        .rmse = sqrt(t->squares / (double)rows),
        .mae = t->absolutes / (double)rows,
        .r2 = NAN,
    };

    if (rows >= 2 && t->truth_min == t->truth_max) {
        fit.r2 = t->squares == 0;
    } else if (rows >= 2) {
        fit.r2 = 1 - t->squares / t->spread;
    }
    return fit;
}

static json_t *histogram(const float *residuals, size_t rows)
{
    json_t *edges = model_json_array(), *counts = model_json_array();
    json_t *out = model_json_object();
    uint64_t bins[JUDGE_BINS] = {0};
    double low = residuals[0], high = residuals[0], width;
    size_t i, bin;

    for (i = 1; i < rows; i++) {
        low = residuals[i] < low ? residuals[i] : low;
        high = residuals[i] > high ? residuals[i] : high;
    }
    if (low == high) { /* all alike: one bin in the middle */
        double room = low != 0 ? fabs(low) * 1e-3 : 1;

        low -= room;
        high += room;
    }
    width = (high - low) / JUDGE_BINS;
    for (i = 0; i < rows; i++) {
        double at = (residuals[i] - low) / width;

        /* Not finite or rounded over the edge: the last bin. */
        bin = at >= 0 && at < JUDGE_BINS ? (size_t)at : JUDGE_BINS - 1;
        bins[bin]++;
    }
    for (bin = 0; bin < JUDGE_BINS; bin++) {
        model_json_push(edges, model_json_number(low + (double)bin * width));
        model_json_push(counts, model_json_count(bins[bin]));
    }
    model_json_push(edges, model_json_number(high));
    model_json_put(out, "edges", edges);
    model_json_put(out, "counts", counts);
    return out;
}

static json_t *target_json(const struct judging *j, const struct target *t, const char *name)
{
    json_t *out = model_json_object(), *sample = model_json_array();
    size_t n = sample_size(j), i;

    for (i = 0; i < n; i++) {
        json_t *pair = model_json_object();

        model_json_put(pair, "true", model_json_number(t->sample[2 * i]));
        model_json_put(pair, "predicted", model_json_number(t->sample[2 * i + 1]));
        model_json_push(sample, pair);
    }
    model_json_put(out, "target", model_json_string(name));
    model_json_put(out, "sample", sample);
    model_json_put(out, "residuals", histogram(t->residuals, j->data->rows));
    return out;
}

static void put_fit(json_t *object, const struct fit *fit)
{
    model_json_put(object, "rmse", model_json_number(fit->rmse));
    model_json_put(object, "mae", model_json_number(fit->mae));
    model_json_put(object, "r2", model_json_number(fit->r2));
}

static void report(const struct judging *j, const struct target *targets, size_t width)
{
    json_t *each = model_json_object(), *details = model_json_array();
    struct fit mean = {.rmse = 0}, fit;
    size_t k;

    for (k = 0; k < width; k++) {
        const char *name = encoder_target_name(j->encoder, k);
        json_t *item = model_json_object();

        fit = target_fit(&targets[k], j->data->rows);
        mean.rmse += fit.rmse / (double)width;
        mean.mae += fit.mae / (double)width;
        mean.r2 += fit.r2 / (double)width;
        put_fit(item, &fit);
        model_json_put(each, name, item);
        if (targets[k].residuals != NULL) {
            model_json_push(details, target_json(j, &targets[k], name));
        }
    }
    put_fit(j->metrics, &mean);
    if (width > 1) {
        model_json_put(j->metrics, "targets", each);
    } else {
        json_decref(each);
    }
    model_json_put(j->evaluation, "targets", details);
}

int judge_numbers(struct judging *j, struct err *err)
{
    size_t width = mlp_net_spec(j->net)->n_outputs, first, n;
    struct target *targets = xcalloc(width, sizeof *targets);
    int rc = targets_init(j, targets, width, err);

    for (first = 0; rc == 0; first += n) {
        rc = judging_slice(j, first, &n, err);
        if (rc == 0 && n == 0) {
            report(j, targets, width);
            break;
        }
        if (rc == 0) {
            add_slice(j, targets, width, first, n);
        }
    }
    targets_free(targets, width);
    return rc;
}
