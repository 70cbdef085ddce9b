/* Fitting an encoder: what the training rows say about every column; see encoder.h.
 *
 * Columns are visited one after another, each in blocks of at most DATASET_GROUP rows, and
 * only the given rows count: nothing of the validation or test part gets in. Memory: one block,
 * one flag per text of a column, and the encoder. All problems are reported at once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "data/encoder_priv.h"
#include "data/cell.h"
#include "data/stats.h"

#define ROUNDING  1e-13 /* a std below this share of the mean is rounding, not information */
#define MAX_NAMED 20    /* columns named in one warning */

struct fit {
    const struct dataset *ds;
    const struct encoder_options *options;
    const uint64_t *rows;
    size_t n_rows;
    struct encoder *e;
    double *numbers;            /* [DATASET_GROUP] */
    uint32_t *codes;            /* [DATASET_GROUP] */
    struct buf constant, empty; /* names for the warnings */
    size_t n_constant, n_empty;
    bool bad; /* a problem of the user's is in err */
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to prepare the data");
}

static void add_name(struct buf *list, size_t *n, const char *name)
{
    if ((*n)++ < MAX_NAMED) {
        buf_printf(list, "%s\"%s\"", *n > 1 ? ", " : "", name);
    }
}

static void warn_about(struct err *warnings, const struct buf *list, size_t n, const char *what)
{
    if (warnings == NULL || n == 0) {
        return;
    }
    if (n > MAX_NAMED) {
        err_add(warnings, NULL, "%zu columns %s and are left out: %s, ...", n, what, list->data);
    } else {
        err_add(warnings, NULL, "column%s %s %s and %s left out", n == 1 ? "" : "s", list->data,
                what, n == 1 ? "is" : "are");
    }
}

/* ---- columns ----------------------------------------------------------------- */

/* One pass over the training rows of a numeric column. Any of the outs may be NULL. */
static int scan_numbers(struct fit *fit, size_t column, struct stats *stats,
                        struct distinct *distinct, uint64_t *missing_row, struct err *err)
{
    size_t at, k, i, span;
    uint64_t first;

    *missing_row = UINT64_MAX;
    for (at = 0; at < fit->n_rows; at += k) {
        size_t present = 0;

        k = encoder_block(fit->rows + at, fit->n_rows - at, &first, &span);
        if (dataset_read_numbers(fit->ds, column, first, span, fit->numbers, err) != 0) {
            return -1;
        }
        for (i = 0; i < k; i++) {
            double value = fit->numbers[fit->rows[at + i] - first];

            if (isnan(value)) {
                *missing_row = *missing_row == UINT64_MAX ? fit->rows[at + i] : *missing_row;
            } else {
                fit->numbers[present++] = value; /* never ahead of what is read next */
            }
        }
        if (stats != NULL) {
            stats_add(stats, fit->numbers, present);
        }
        if (distinct != NULL && distinct_add(distinct, fit->numbers, present) != 0) {
            return no_memory(err);
        }
    }
    return 0;
}

/* The same for texts: the sorted ones that occur. Texts are the caller's on success. */
static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int scan_texts(struct fit *fit, size_t column, size_t *n_texts, char ***texts,
                      uint64_t *missing_row, struct err *err)
{
    const struct dataset_column *c = dataset_column(fit->ds, column);
    bool *seen = calloc(c->n_categories != 0 ? c->n_categories : 1, sizeof *seen);
    size_t at, k, i, span, n = 0;
    uint64_t first;
    int result = -1;

    *missing_row = UINT64_MAX;
    if (seen == NULL) {
        return no_memory(err);
    }
    for (at = 0; at < fit->n_rows; at += k) {
        k = encoder_block(fit->rows + at, fit->n_rows - at, &first, &span);
        if (dataset_read_codes(fit->ds, column, first, span, fit->codes, err) != 0) {
            goto out;
        }
        for (i = 0; i < k; i++) {
            uint32_t code = fit->codes[fit->rows[at + i] - first];

            if (code == DATASET_MISSING) {
                *missing_row = *missing_row == UINT64_MAX ? fit->rows[at + i] : *missing_row;
            } else {
                n += !seen[code];
                seen[code] = true;
            }
        }
    }
    *texts = calloc(n != 0 ? n : 1, sizeof **texts);
    if (*texts == NULL) {
        no_memory(err);
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

static int missing_cell(struct fit *fit, uint64_t row, const char *what, const char *name,
                        struct err *err)
{
    fit->bad = true;
    return err_add_cell(err, (int64_t)row + 1, 0, name, "row %llu: %s \"%s\" has no value",
                        (unsigned long long)row + 1, what, name);
}

static int fit_numeric(struct fit *fit, struct encoder_feature *f, size_t column,
                       uint64_t *missing_row, double *count, struct err *err)
{
    struct stats stats;

    stats_init(&stats);
    if (scan_numbers(fit, column, &stats, NULL, missing_row, err) != 0) {
        return -1;
    }
    f->mean = stats_mean(&stats);
    f->std = stats_std(&stats);
    f->min = stats.min;
    f->max = stats.max;
    f->width = 1;
    *count = (double)stats.n;
    if (stats.n == 0) {
        add_name(&fit->empty, &fit->n_empty, f->name);
        f->width = 0;
    } else if (fit->options->numeric == ENCODER_STANDARDIZE &&
               !(f->std > ROUNDING * fabs(f->mean))) {
        add_name(&fit->constant, &fit->n_constant, f->name);
        f->width = 0;
    }
    return 0;
}

static int fit_categorical(struct fit *fit, struct encoder_feature *f, size_t column,
                           uint64_t *missing_row, struct err *err)
{
    f->mean = f->std = f->min = f->max = NAN;
    if (scan_texts(fit, column, &f->n_texts, &f->texts, missing_row, err) != 0) {
        return -1;
    }
    f->missing_level = *missing_row != UINT64_MAX;
    f->width = f->n_texts + f->missing_level;
    if (f->n_texts == 0) {
        add_name(&fit->empty, &fit->n_empty, f->name);
        f->width = 0;
    } else if (f->width == 1) {
        add_name(&fit->constant, &fit->n_constant, f->name);
        f->width = 0;
    }
    return 0;
}

/* One mean and std of all numeric columns that have values. */
static void fit_together(struct fit *fit, const double *counts)
{
    struct encoder *e = fit->e;
    double n = 0, mean = 0, square = 0;
    size_t i;

    for (i = 0; i < e->n_features; i++) {
        n += counts[i];
        mean += counts[i] > 0 ? counts[i] * e->features[i].mean : 0;
    }
    mean = n > 0 ? mean / n : 0;
    for (i = 0; i < e->n_features; i++) {
        const struct encoder_feature *f = &e->features[i];
        double away = f->mean - mean;

        square += counts[i] > 0 ? counts[i] * (f->std * f->std + away * away) : 0;
    }
    e->together_mean = mean;
    e->together_std = n > 0 ? sqrt(square / n) : 1;
    if (e->together_std > ROUNDING * fabs(mean)) {
        return;
    }
    e->together_std = 1;
    for (i = 0; i < e->n_features; i++) {
        if (counts[i] > 0) {
            add_name(&fit->constant, &fit->n_constant, e->features[i].name);
            e->features[i].width = 0;
        }
    }
}

static int fit_feature(struct fit *fit, struct encoder_feature *f, size_t column, double *count,
                       struct err *err)
{
    const struct dataset_column *c = dataset_column(fit->ds, column);
    uint64_t missing_row;

    f->name = xstrdup(c->name);
    f->type = c->type;
    if ((column_holds_numbers(f->type) ? fit_numeric(fit, f, column, &missing_row, count, err)
                                       : fit_categorical(fit, f, column, &missing_row, err)) != 0) {
        return -1;
    }
    if (fit->options->missing == ENCODER_ERROR && missing_row != UINT64_MAX) {
        missing_cell(fit, missing_row, "column", f->name, err);
    }
    return 0;
}

/* ---- targets ----------------------------------------------------------------- */

static int fit_number_target(struct fit *fit, struct encoder_target *t, size_t column,
                             struct err *warnings, struct err *err)
{
    struct stats stats;
    uint64_t missing_row;

    if (!column_holds_numbers(dataset_column(fit->ds, column)->type)) {
        fit->bad = true;
        err_add_cell(err, 0, 0, t->name, "the target \"%s\" is text, and numbers are asked for",
                     t->name);
        return 0;
    }
    stats_init(&stats);
    if (scan_numbers(fit, column, &stats, NULL, &missing_row, err) != 0) {
        return -1;
    }
    if (missing_row != UINT64_MAX) {
        missing_cell(fit, missing_row, "the target", t->name, err);
        return 0;
    }
    if (fit->options->target == ENCODER_STANDARDIZE) {
        t->mean = stats_mean(&stats);
        t->scale = stats_std(&stats);
        if (!(t->scale > ROUNDING * fabs(t->mean))) {
            t->scale = 1.0;
            if (warnings != NULL) {
                err_add(warnings, NULL, "the target \"%s\" is constant in the training rows",
                        t->name);
            }
        }
    }
    return 0;
}

static int fit_number_classes(struct fit *fit, size_t column, uint64_t *missing_row,
                              struct err *err)
{
    struct distinct distinct;
    char text[CELL_NUMBER_LEN];
    size_t i;

    distinct_init(&distinct, ENCODER_MAX_CLASSES);
    if (scan_numbers(fit, column, NULL, &distinct, missing_row, err) != 0) {
        distinct_fini(&distinct);
        return -1;
    }
    fit->e->classes = xcalloc(distinct.n, sizeof *fit->e->classes);
    for (i = 0; i < distinct.n; i++) {
        cell_format(distinct.values[i], text);
        fit->e->classes[i] = xstrdup(text);
    }
    fit->e->n_classes = distinct.n;
    fit->e->class_values = distinct.values; /* taken over */
    return 0;
}

static int fit_classes(struct fit *fit, size_t column, struct err *err)
{
    const char *name = fit->e->targets[0].name;
    uint64_t missing_row;

    if (column_holds_numbers(dataset_column(fit->ds, column)->type)) {
        if (fit_number_classes(fit, column, &missing_row, err) != 0) {
            return -1;
        }
    } else if (scan_texts(fit, column, &fit->e->n_classes, &fit->e->classes, &missing_row, err) !=
               0) {
        return -1;
    }
    if (missing_row != UINT64_MAX) {
        missing_cell(fit, missing_row, "the target", name, err);
    } else if (fit->e->n_classes > ENCODER_MAX_CLASSES) {
        fit->bad = true;
        err_add_cell(err, 0, 0, name, "the target \"%s\" has %s%zu classes, the limit is %d", name,
                     fit->e->class_values != NULL ? "at least " : "", fit->e->n_classes,
                     ENCODER_MAX_CLASSES);
    } else if (fit->e->n_classes == 1) {
        fit->bad = true;
        err_add_cell(err, 0, 0, name,
                     "the target \"%s\" has only one class in the training rows, \"%s\"", name,
                     fit->e->classes[0]);
    }
    return 0;
}

/* ---- all of it --------------------------------------------------------------- */

static int fit_all(struct fit *fit, struct err *warnings, struct err *err)
{
    struct encoder *e = fit->e;
    double *counts = xcalloc(e->n_features + 1, sizeof *counts); /* values of numeric columns */
    size_t i;

    for (i = 0; i < e->n_features; i++) {
        if (fit_feature(fit, &e->features[i], fit->options->features[i], &counts[i], err) != 0) {
            free(counts);
            return -1;
        }
    }
    if (e->numeric == ENCODER_TOGETHER) {
        fit_together(fit, counts);
    }
    free(counts);
    for (i = 0; i < e->n_targets; i++) {
        size_t column = fit->options->targets[i];

        e->targets[i].name = xstrdup(dataset_column(fit->ds, column)->name);
        e->targets[i].mean = 0.0;
        e->targets[i].scale = 1.0;
        if ((e->is_classes ? fit_classes(fit, column, err)
                           : fit_number_target(fit, &e->targets[i], column, warnings, err)) != 0) {
            return -1;
        }
    }
    if (encoder_place_features(e) != 0) {
        return no_memory(err);
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
    fit.e->numeric = options->numeric;
    fit.e->missing = options->missing;
    fit.e->target = options->target;
    fit.e->is_classes = options->classes;
    fit.e->offset = options->offset != NULL ? xstrdup(options->offset) : NULL;
    fit.e->weight = options->weight != NULL ? xstrdup(options->weight) : NULL;
    fit.numbers = mem_try_alloc(DATASET_GROUP, sizeof *fit.numbers);
    fit.codes = mem_try_alloc(DATASET_GROUP, sizeof *fit.codes);
    if (fit.numbers == NULL || fit.codes == NULL) {
        no_memory(err);
    } else {
        result = fit_all(&fit, warnings, err);
    }
    free(fit.numbers);
    free(fit.codes);
    buf_fini(&fit.constant);
    buf_fini(&fit.empty);
    if (result != 0) {
        encoder_free(&fit.e);
        return -1;
    }
    *out = fit.e;
    return 0;
}

/* ---- before any row is read -------------------------------------------------- */

/* How many classes a column can have at most. */
static size_t class_bound(const struct dataset *ds, const struct dataset_column *c)
{
    uint64_t present = dataset_rows(ds) - c->missing;

    if (!column_holds_numbers(c->type) || c->distinct <= DATASET_MAX_DISTINCT) {
        return (size_t)c->distinct;
    }
    if (c->integers && c->max - c->min < (double)present) {
        present = (uint64_t)(c->max - c->min) + 1;
    }
    return present < ENCODER_MAX_CLASSES ? (size_t)present : ENCODER_MAX_CLASSES;
}

int encoder_estimate(const struct dataset *ds, const struct encoder_options *options,
                     size_t *n_inputs, size_t *n_outputs, struct err *err)
{
    size_t inputs = 0, outputs = options->n_targets, i;
    int result = 0;

    for (i = 0; i < options->n_features; i++) {
        const struct dataset_column *c = dataset_column(ds, options->features[i]);
        size_t width =
            column_holds_numbers(c->type) ? 1 : (size_t)c->n_categories + (c->missing != 0);

        if (!mem_add(inputs, width, &inputs)) {
            return no_memory(err);
        }
    }
    for (i = 0; i < options->n_targets; i++) {
        const struct dataset_column *c = dataset_column(ds, options->targets[i]);

        if (options->classes) {
            outputs = class_bound(ds, c);
            if (outputs > ENCODER_MAX_CLASSES) {
                result = err_add_cell(err, 0, 0, c->name,
                                      "the target \"%s\" has %zu classes, the limit is %d", c->name,
                                      outputs, ENCODER_MAX_CLASSES);
            } else if (outputs <= 1) {
                result = err_add_cell(err, 0, 0, c->name, "the target \"%s\" has %s", c->name,
                                      outputs == 1 ? "only one class" : "no value");
            }
        } else if (!column_holds_numbers(c->type)) {
            result = err_add_cell(err, 0, 0, c->name,
                                  "the target \"%s\" is text, and numbers are asked for", c->name);
        }
    }
    if (result == 0) {
        *n_inputs = inputs;
        *n_outputs = outputs;
    }
    return result;
}
