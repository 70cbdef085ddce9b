/* The evaluation of numbers: per target, in its own units, a sample of true and predicted
 * values and a histogram of the residuals (predicted - true). The metrics are the meter's.
 *
 * Nothing but the residuals of the first JUDGE_MAX_TARGETS targets is kept per row.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/judge_priv.h"

struct target {
    float *residuals; /* [rows] */
    double *sample;   /* [n_sample][true, predicted] */
};

struct judge_numbers {
    size_t n_targets; /* those that are shown */
    size_t n_sample;
    struct target targets[JUDGE_MAX_TARGETS];
};

int judge_numbers_new(const struct judging *j, struct judge_numbers **out, struct err *err)
{
    struct judge_numbers *numbers = xcalloc(1, sizeof *numbers);
    size_t rows = j->data->rows, k;

    numbers->n_targets = j->width < JUDGE_MAX_TARGETS ? j->width : JUDGE_MAX_TARGETS;
    numbers->n_sample = rows < JUDGE_MAX_SAMPLE ? rows : JUDGE_MAX_SAMPLE;
    for (k = 0; k < numbers->n_targets; k++) {
        struct target *t = &numbers->targets[k];

        t->residuals = mem_try_alloc(rows, sizeof *t->residuals);
        t->sample = xcalloc(2 * numbers->n_sample, sizeof *t->sample);
        if (t->residuals == NULL) {
            judge_numbers_free(&numbers);
            return err_set(err, ERR_NO_MEMORY, "no memory to evaluate the model");
        }
    }
    *out = numbers;
    return 0;
}

void judge_numbers_free(struct judge_numbers **numbers)
{
    size_t k;

    for (k = 0; *numbers != NULL && k < (*numbers)->n_targets; k++) {
        free((*numbers)->targets[k].residuals);
        free((*numbers)->targets[k].sample);
    }
    free(*numbers);
    *numbers = NULL;
}

void judge_numbers_add(struct judge_numbers *numbers, const struct judging *j, size_t first,
                       size_t n)
{
    size_t rows = j->data->rows, n_sample = numbers->n_sample, width = j->width, i, k;

    for (i = 0; i < n; i++) {
        size_t row = first + i;
        size_t place = (row * n_sample + rows - 1) / rows; /* first row of this or a later place */
        bool is_sampled = place < n_sample && place * rows / n_sample == row;

        for (k = 0; k < numbers->n_targets; k++) {
            struct target *t = &numbers->targets[k];
            double truth =
                encoder_decode_target(j->encoder, k, j->data->targets[row * width + k]);
            double predicted = encoder_decode_target(j->encoder, k, j->p[i * width + k]);

            t->residuals[row] = (float)(predicted - truth);
            if (is_sampled) {
                t->sample[2 * place] = truth;
                t->sample[2 * place + 1] = predicted;
            }
        }
    }
}

static json_t *histogram(const float *residuals, size_t rows)
{
    json_t *edges = model_json_array(), *counts = model_json_array();
    json_t *out = model_json_object();
    uint64_t bins[JUDGE_BINS] = {0};
    double low = residuals[0], high = residuals[0], mean = 0, squares = 0, width;
    size_t i, bin;

    for (i = 1; i < rows; i++) {
        low = residuals[i] < low ? residuals[i] : low;
        high = residuals[i] > high ? residuals[i] : high;
    }
    for (i = 0; i < rows; i++) {
        mean += residuals[i] / (double)rows;
    }
    for (i = 0; i < rows; i++) {
        squares += (residuals[i] - mean) * (residuals[i] - mean) / (double)rows;
    }
    model_json_put(out, "mean", model_json_number(mean));
    model_json_put(out, "std", model_json_number(sqrt(squares)));
    model_json_put(out, "min", model_json_number(low));
    model_json_put(out, "max", model_json_number(high));
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

static json_t *target_json(const struct judge_numbers *numbers, size_t k, size_t rows,
                           const char *name)
{
    const struct target *t = &numbers->targets[k];
    json_t *out = model_json_object(), *sample = model_json_array();
    size_t i;

    for (i = 0; i < numbers->n_sample; i++) {
        json_t *pair = model_json_object();

        model_json_put(pair, "true", model_json_number(t->sample[2 * i]));
        model_json_put(pair, "predicted", model_json_number(t->sample[2 * i + 1]));
        model_json_push(sample, pair);
    }
    model_json_put(out, "target", model_json_string(name));
    model_json_put(out, "sample", sample);
    model_json_put(out, "residuals", histogram(t->residuals, rows));
    return out;
}

void judge_numbers_report(const struct judge_numbers *numbers, const struct judging *j)
{
    json_t *details = model_json_array();
    size_t k;

    for (k = 0; k < numbers->n_targets; k++) {
        model_json_push(details, target_json(numbers, k, j->data->rows,
                                             encoder_target_name(j->encoder, k)));
    }
    model_json_put(j->evaluation, "targets", details);
}
