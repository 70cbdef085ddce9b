/* Fitting an encoder: what the training rows say about every column; see encoder.h.
 *
 * Columns are visited one after another, each in blocks of at most DATASET_GROUP rows, and
 * only the given rows count: nothing of the validation or test part gets in. Memory: one block,
 * one flag per text of a column, and the encoder. All problems are reported at once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/encoder_fit.h"

int encoder_fit_no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to prepare the data");
}

static void warn_about(struct err *warnings, const struct buf *list, size_t n, const char *what)
{
    if (warnings == NULL || n == 0) {
        return;
    }
    if (n > ENCODER_MAX_NAMED) {
        err_add(warnings, NULL, "%zu columns %s and are left out: %s, ...", n, what, list->data);
    } else {
        err_add(warnings, NULL, "column%s %s %s and %s left out", n == 1 ? "" : "s", list->data,
                what, n == 1 ? "is" : "are");
    }
}

/* ---- columns ----------------------------------------------------------------- */

/* The values[n] that are present, and their rows; `at` is the first row's place among all. */
static int take_block(struct scan *scan, double *values, size_t n, struct err *err)
{
    size_t i;

    if (scan->stats != NULL) {
        stats_add(scan->stats, values, n);
    }
    if (scan->distinct != NULL && distinct_add(scan->distinct, values, n) != 0) {
        return encoder_fit_no_memory(err);
    }
    if (scan->logs != NULL && scan->log_row == NO_ROW) {
        for (i = 0; i < n; i++) {
            values[i] = log1p(values[i]);
        }
        stats_add(scan->logs, values, n);
    }
    return 0;
}

/* Numbers without a logarithm, and those of the sample; rows [at, at + k) are in fit->numbers. */
static void look_at_block(const struct fit *fit, struct scan *scan, size_t at, size_t k,
                          uint64_t first)
{
    size_t i;

    for (i = 0; i < k; i++) {
        double value = fit->numbers[fit->rows[at + i] - first];

        if (isnan(value)) {
            continue;
        }
        if (scan->logs != NULL && scan->log_row == NO_ROW && !(value > -1.0)) {
            scan->log_row = fit->rows[at + i];
        }
        if (scan->sample != NULL && (at + i) % scan->stride == 0) {
            scan->sample[scan->n_sample++] = value + 0.0; /* -0 becomes 0 */
        }
    }
}

int encoder_scan_numbers(struct fit *fit, size_t column, struct scan *scan, struct err *err)
{
    size_t at, k, i, span;
    uint64_t first;

    scan->missing_row = scan->log_row = NO_ROW;
    scan->n_sample = 0;
    for (at = 0; at < fit->n_rows; at += k) {
        size_t present = 0;

        k = encoder_block(fit->rows + at, fit->n_rows - at, &first, &span);
        if (dataset_read_numbers(fit->ds, column, first, span, fit->numbers, err) != 0) {
            return -1;
        }
        if (scan->logs != NULL || scan->sample != NULL) {
            look_at_block(fit, scan, at, k, first);
        }
        for (i = 0; i < k; i++) {
            double value = fit->numbers[fit->rows[at + i] - first];

            if (isnan(value)) {
                scan->missing_row =
                    scan->missing_row == NO_ROW ? fit->rows[at + i] : scan->missing_row;
            } else {
                fit->numbers[present++] = value; /* never ahead of what is read next */
            }
        }
        if (take_block(scan, fit->numbers, present, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int encoder_scan_texts(struct fit *fit, size_t column, size_t *n_texts, char ***texts,
                       uint64_t *missing_row, struct err *err)
{
    const struct dataset_column *c = dataset_column(fit->ds, column);
    bool *seen = calloc(c->n_categories != 0 ? c->n_categories : 1, sizeof *seen);
    size_t at, k, i, span, n = 0;
    uint64_t first;
    int result = -1;

    *missing_row = NO_ROW;
    if (seen == NULL) {
        return encoder_fit_no_memory(err);
    }
    for (at = 0; at < fit->n_rows; at += k) {
        k = encoder_block(fit->rows + at, fit->n_rows - at, &first, &span);
        if (dataset_read_codes(fit->ds, column, first, span, fit->texts, err) != 0) {
            goto out;
        }
        for (i = 0; i < k; i++) {
            uint32_t code = fit->texts[fit->rows[at + i] - first];

            if (code == DATASET_MISSING) {
                *missing_row = *missing_row == NO_ROW ? fit->rows[at + i] : *missing_row;
            } else {
                n += !seen[code];
                seen[code] = true;
            }
        }
    }
    *texts = calloc(n != 0 ? n : 1, sizeof **texts);
    if (*texts == NULL) {
        encoder_fit_no_memory(err);
        goto out;
    }
    for (i = 0, *n_texts = 0; i < c->n_categories; i++) {
        if (seen[i]) {
            (*texts)[(*n_texts)++] = xstrdup(c->categories[i]);
        }
    }
    qsort(*texts, *n_texts, sizeof **texts, compare_texts);
    result = 0;
out:
    free(seen);
    return result;
}

int encoder_missing_cell(struct fit *fit, uint64_t row, const char *what, const char *name,
                         struct err *err)
{
    fit->bad = true;
    return err_add_cell(err, (int64_t)row + 1, 0, name, "row %llu: %s \"%s\" has no value",
                        (unsigned long long)row + 1, what, name);
}

int encoder_no_log(struct fit *fit, uint64_t row, const char *what, const char *name,
                   struct err *err)
{
    fit->bad = true;
    return err_add_cell(err, (int64_t)row + 1, 0, name,
                        "row %llu: %s \"%s\" is not above -1, and has no log1p",
                        (unsigned long long)row + 1, what, name);
}

static int fit_feature(struct fit *fit, struct encoder_feature *f, size_t column, double *count,
                       struct err *err)
{
    const struct dataset_column *c = dataset_column(fit->ds, column);
    uint64_t missing_row;

    f->name = xstrdup(c->name);
    f->type = c->type;
    f->stored = c->stored;
    if ((column_holds_numbers(f->type)
             ? encoder_fit_number(fit, f, column, &missing_row, count, err)
             : encoder_fit_text(fit, f, column, &missing_row, err)) != 0) {
        return -1;
    }
    if (encoder_plan_strict(&f->plan) && missing_row != NO_ROW) {
        encoder_missing_cell(fit, missing_row, "column", f->name, err);
    }
    return 0;
}

/* ---- all of it --------------------------------------------------------------- */

/* Columns that tell rows apart, not what rows have in common; and texts that a person would read as
 * something else, be they the target. */
static void warn_of_remarks(const struct fit *fit, struct err *warnings)
{
    const struct encoder_options *options = fit->options;
    size_t n = options->n_features, i;

    for (i = 0; warnings != NULL && i < n + options->n_targets; i++) {
        size_t column = i < n ? options->features[i] : options->targets[i - n];
        const struct dataset_column *c = dataset_column(fit->ds, column);

        if (c->remark == NULL || c->constant) {
            continue;
        }
        if (!c->identifier) {
            err_add(warnings, NULL, "%s \"%s\" %s", i < n ? "column" : "target", c->name,
                    c->remark);
        } else if (i < n && fit->e->features[i].used) {
            err_add(warnings, NULL,
                    "column \"%s\" %s: leave it out unless it means something for new rows",
                    c->name, c->remark);
        }
    }
}

static int fit_all(struct fit *fit, struct err *warnings, struct err *err)
{
    struct encoder *e = fit->e;
    double *counts = xcalloc(e->n_features + 1, sizeof *counts); /* values of numeric columns */
    size_t i;

    fit->codes = encoder_gives_codes(fit->ds, fit->options);
    for (i = 0; i < e->n_features; i++) {
        encoder_plan_copy(&e->features[i].plan, encoder_plan_for(fit->options, i));
        if (fit_feature(fit, &e->features[i], fit->options->features[i], &counts[i], err) != 0) {
            free(counts);
            return -1;
        }
    }
    encoder_fit_together(fit, counts);
    free(counts);
    for (i = 0; i < e->n_targets; i++) {
        if (encoder_fit_target(fit, i, warnings, err) != 0) {
            return -1;
        }
    }
    if (encoder_place_features(e) != 0) {
        return encoder_fit_no_memory(err);
    }
    if (e->n_inputs == 0) {
        fit->bad = true;
        err_add(err, NULL,
                e->n_features == 0
                    ? "there is no column to learn from"
                    : "every column is constant or empty in the training rows: there is "
                      "nothing to learn from");
    }
    if (fit->bad) {
        return -1;
    }
    warn_about(warnings, &fit->constant, fit->n_constant,
               fit->n_constant == 1 ? "is constant in the training rows"
                                    : "are constant in the training rows");
    warn_about(warnings, &fit->empty, fit->n_empty,
               fit->n_empty == 1 ? "has no value in the training rows"
                                 : "have no value in the training rows");
    warn_about(warnings, &fit->free_text, fit->n_free_text,
               fit->n_free_text == 1 ? "is free text, which is not used unless hashed,"
                                     : "are free text, which is not used unless hashed,");
    warn_of_remarks(fit, warnings);
    return 0;
}

int encoder_fit(const struct dataset *ds, const struct encoder_options *options,
                const uint64_t *rows, size_t n_rows, struct encoder **out, struct err *warnings,
                struct err *err)
{
    struct fit fit = {.ds = ds, .options = options, .rows = rows, .n_rows = n_rows};
    int result = -1;

    CHK(options->n_targets > 0 && (!options->classes || options->n_targets == 1));
    if (n_rows == 0) {
        return err_add(err, NULL, "there are no training rows");
    }
    fit.e = encoder_alloc(options->n_features, options->n_targets);
    encoder_plan_copy(&fit.e->plan, &options->plan);
    missing_copy(&fit.e->missing, dataset_missing(ds));
    fit.e->target = options->target;
    fit.e->is_classes = options->classes;
    fit.e->offset = options->offset != NULL ? xstrdup(options->offset) : NULL;
    fit.e->weight = options->weight != NULL ? xstrdup(options->weight) : NULL;
    fit.numbers = mem_try_alloc(DATASET_GROUP, sizeof *fit.numbers);
    fit.texts = mem_try_alloc(DATASET_GROUP, sizeof *fit.texts);
    if (fit.numbers == NULL || fit.texts == NULL) {
        encoder_fit_no_memory(err);
    } else {
        result = fit_all(&fit, warnings, err);
    }
    free(fit.numbers);
    free(fit.texts);
    free(fit.sample);
    free(fit.scratch);
    buf_fini(&fit.constant);
    buf_fini(&fit.empty);
    buf_fini(&fit.free_text);
    if (result != 0) {
        encoder_free(&fit.e);
        return -1;
    }
    *out = fit.e;
    return 0;
}
