/* Rows of a dataset as the network sees them; see encoder.h.
 *
 * Row lists are ascending, so rows are taken in blocks that one read covers. Within a block
 * numeric features are standardised column by column into a tile of TILE columns, which is
 * then written row by row: the output, which does not fit a cache, is touched once and in
 * whole lines. Texts are looked up once per text and call, not once per row.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/encoder_level.h"
#include "data/encoder_number.h"
#include "data/encoder_parts.h"

#define TILE 16
/* Columns of the tile are this far apart: a power of two would put them into one cache set. */
#define TILE_STRIDE (DATASET_GROUP + 16)
#define LEVEL_NEW   (UINT32_MAX - 1) /* not looked up yet */
#define LEVEL_BAD   (UINT32_MAX - 2) /* never seen, which is an error */

struct work {
    const struct encoder *e;
    const struct dataset *ds;
    double *numbers;   /* [DATASET_GROUP] */
    uint32_t *codes;   /* [DATASET_GROUP] */
    float *tile;       /* (TILE, TILE_STRIDE) */
    float *missing;    /* [DATASET_GROUP] 1 where a number is missing */
    size_t *columns;   /* [n_features] of ds; features only */
    uint32_t **levels; /* [n_features] code -> level; NULL until needed */
};

int encoder_rows_no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to encode the rows");
}

static void work_fini(struct work *w)
{
    size_t i;

    for (i = 0; w->levels != NULL && i < w->e->n_features; i++) {
        free(w->levels[i]);
    }
    free(w->numbers);
    free(w->codes);
    free(w->tile);
    free(w->missing);
    free(w->columns);
    free(w->levels);
}

static int work_init(struct work *w, const struct encoder *e, const struct dataset *ds,
                     struct err *err)
{
    size_t i;

    CHK_OBJ(e, ENCODER_MAGIC);
    *w = (struct work){.e = e, .ds = ds};
    w->numbers = mem_try_alloc(DATASET_GROUP, sizeof *w->numbers);
    w->codes = mem_try_alloc(DATASET_GROUP, sizeof *w->codes);
    w->tile = mem_try_alloc((size_t)TILE * TILE_STRIDE, sizeof *w->tile);
    w->missing = mem_try_alloc(DATASET_GROUP, sizeof *w->missing);
    w->columns = mem_try_alloc(e->n_features, sizeof *w->columns);
    w->levels = calloc(e->n_features != 0 ? e->n_features : 1, sizeof *w->levels);
    if (w->numbers == NULL || w->codes == NULL || w->tile == NULL || w->missing == NULL ||
        w->columns == NULL || w->levels == NULL) {
        work_fini(w);
        return encoder_rows_no_memory(err);
    }
    for (i = 0; i < e->n_features; i++) {
        ptrdiff_t column = dataset_find(ds, e->features[i].name);

        CHK(column >= 0); /* encoder_check_dataset came first */
        w->columns[i] = (size_t)column;
    }
    return 0;
}

int encoder_bad_number(const char *what, const char *name, uint64_t row, double value, bool log,
                       struct err *err)
{
    unsigned long long shown = (unsigned long long)row + 1;

    if (isnan(value)) {
        return err_add_cell(err, (int64_t)row + 1, 0, name, "row %llu: %s \"%s\" has no value",
                            shown, what, name);
    }
    if (log && !(value > -1.0)) {
        return err_add_cell(err, (int64_t)row + 1, 0, name,
                            "row %llu: the number %.6g in %s \"%s\" is not above -1, and has no "
                            "log1p",
                            shown, value, what, name);
    }
    return err_add_cell(err, (int64_t)row + 1, 0, name,
                        "row %llu: the number %.6g in %s \"%s\" is too large to train on", shown,
                        value, what, name);
}

/* ---- features ---------------------------------------------------------------- */

/* The numbers of one feature of k rows into w->numbers, with what stands in for missing ones;
 * which those are into w->missing when the feature has an indicator. */
static int read_numbers(struct work *w, size_t feature, const uint64_t *rows, size_t k,
                        uint64_t first, size_t span, struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    bool whole = dataset_column(w->ds, w->columns[feature])->missing == 0;
    size_t i;

    if (dataset_read_numbers(w->ds, w->columns[feature], first, span, w->numbers, err) != 0) {
        return -1;
    }
    if (span != k) {
        for (i = 0; i < k; i++) {
            w->numbers[i] = w->numbers[rows[i] - first];
        }
    }
    for (i = 0; f->indicator && i < k; i++) {
        w->missing[i] = (float)isnan(w->numbers[i]);
    }
    for (i = 0; !whole && i < k; i++) {
        if (isnan(w->numbers[i])) {
            if (encoder_plan_strict(&f->plan)) {
                return encoder_bad_number("column", f->name, rows[i], NAN, false, err);
            }
            w->numbers[i] = f->fill;
        }
    }
    return 0;
}

/* The value's input of k rows: w->numbers into out[k]. */
static int form_numbers(struct work *w, size_t feature, const uint64_t *rows, size_t k, float *out,
                        struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    bool good = encoder_form_numbers(f, w->numbers, k, out);
    size_t i;

    for (i = 0; !good && i < k; i++) {
        double value;

        if (!(fabsf(out[i]) <= FLT_MAX)) {
            return dataset_read_numbers(w->ds, w->columns[feature], rows[i], 1, &value, err) != 0
                       ? -1
                       : encoder_bad_number("column", f->name, rows[i],
                                            isnan(value) ? f->fill : value, f->log, err);
        }
    }
    return 0;
}

/* A feature of several inputs: value, code and indicator of k rows into x (k, n_inputs). */
static int encode_numbers(struct work *w, size_t feature, const uint64_t *rows, size_t k,
                          float *value, float *x, struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    size_t stride = w->e->n_inputs, codes = encoder_n_codes(f), i;
    float *to = x + f->offset;

    for (i = 0; f->form == FORM_LEVELS && i < k; i++) {
        encoder_level_number(f, w->numbers[i], to + i * stride);
    }
    for (i = 0; codes > 0 && i < k; i++) { /* first: the value's form may overwrite the numbers */
        encoder_code_number(f, w->numbers[i], to + i * stride + f->value);
    }
    if (f->value && form_numbers(w, feature, rows, k, value, err) != 0) {
        return -1;
    }
    for (i = 0; f->value && i < k; i++) {
        to[i * stride] = value[i];
    }
    for (i = 0; f->indicator && i < k; i++) {
        to[i * stride + f->width - 1] = w->missing[i];
    }
    return 0;
}

/* A datetime's parts of k rows into x (k, n_inputs). */
static int encode_times(struct work *w, size_t feature, const uint64_t *rows, size_t k,
                        uint64_t first, size_t span, float *x, struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    size_t i;

    if (dataset_read_numbers(w->ds, w->columns[feature], first, span, w->numbers, err) != 0) {
        return -1;
    }
    for (i = 0; i < k; i++) {
        double seconds = w->numbers[rows[i] - first];

        if ((isnan(seconds) && encoder_plan_strict(&f->plan)) ||
            !encoder_put_time(f, seconds, x + i * w->e->n_inputs + f->offset)) {
            return encoder_bad_number("column", f->name, rows[i], seconds, false, err);
        }
    }
    return 0;
}

static uint32_t find_level(struct work *w, size_t feature, uint32_t code)
{
    const struct encoder_feature *f = &w->e->features[feature];
    uint32_t *level = &w->levels[feature][code];

    if (*level == LEVEL_NEW) {
        const char *text = dataset_column(w->ds, w->columns[feature])->categories[code];

        *level = encoder_find_level(f, text, level) ? *level : LEVEL_BAD;
    }
    return *level;
}

static int never_seen(const struct encoder_feature *f, const char *text, uint64_t row,
                      struct err *err)
{
    char *shown = cell_show(text, strlen(text));

    err_add_cell(err, (int64_t)row + 1, 0, f->name,
                 "row %llu: \"%s\" in column \"%s\" was never seen in training",
                 (unsigned long long)row + 1, shown, f->name);
    free(shown);
    return -1;
}

static int prepare_levels(struct work *w, size_t feature, struct err *err)
{
    uint32_t n = dataset_column(w->ds, w->columns[feature])->n_categories, i;

    if (w->levels[feature] != NULL) {
        return 0;
    }
    w->levels[feature] = mem_try_alloc(n, sizeof **w->levels);
    if (w->levels[feature] == NULL) {
        return encoder_rows_no_memory(err);
    }
    for (i = 0; i < n; i++) {
        w->levels[feature][i] = LEVEL_NEW;
    }
    return 0;
}

/* Texts of k rows into x (k, n_inputs). */
static int encode_texts(struct work *w, size_t feature, const uint64_t *rows, size_t k,
                        uint64_t first, size_t span, float *x, struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    char *const *texts = dataset_column(w->ds, w->columns[feature])->categories;
    uint32_t none = encoder_missing_level(f);
    size_t i;

    if (prepare_levels(w, feature, err) != 0 ||
        dataset_read_codes(w->ds, w->columns[feature], first, span, w->codes, err) != 0) {
        return -1;
    }
    for (i = 0; i < k; i++) {
        float *to = x + i * w->e->n_inputs + f->offset;
        uint32_t code = w->codes[rows[i] - first], level = none;
        bool missing = code == DATASET_MISSING;

        if (missing && encoder_plan_strict(&f->plan)) {
            return encoder_bad_number("column", f->name, rows[i], NAN, false, err);
        }
        if (f->levels == LEVELS_WORDS) {
            encoder_put_words(f, missing ? NULL : texts[code], missing, to);
            continue;
        }
        if (!missing) {
            level = find_level(w, feature, code);
            if (level == LEVEL_BAD) {
                return never_seen(f, texts[code], rows[i], err);
            }
        }
        encoder_put_level(f, level, missing, to);
    }
    return 0;
}

/* The tile's first n columns to the inputs from `offset` on. */
static void flush_tile(const struct work *w, size_t n, size_t offset, size_t k, float *x)
{
    size_t i, c;

    for (i = 0; n > 0 && i < k; i++) {
        float *to = x + i * w->e->n_inputs + offset;

        for (c = 0; c < n; c++) {
            to[c] = w->tile[c * TILE_STRIDE + i];
        }
    }
}

/* x (k, n_inputs) for k rows of one block. */
static int encode_block(struct work *w, const uint64_t *rows, size_t k, uint64_t first, size_t span,
                        float *x, struct err *err)
{
    size_t n = 0, offset = 0, i;
    int result = 0;

    for (i = 0; i < w->e->n_features; i++) {
        const struct encoder_feature *f = &w->e->features[i];

        if (f->width == 0) {
            continue;
        }
        if (f->type != COLUMN_NUMERIC) {
            result |= f->type == COLUMN_DATETIME ? encode_times(w, i, rows, k, first, span, x, err)
                                                 : encode_texts(w, i, rows, k, first, span, x, err);
            continue;
        }
        if (n == TILE || (n > 0 && f->offset != offset + n)) {
            flush_tile(w, n, offset, k, x);
            n = 0;
        }
        offset = n == 0 ? f->offset : offset;
        if (read_numbers(w, i, rows, k, first, span, err) != 0) {
            result = -1;
        } else if (f->width == 1 && f->value) {
            result |= form_numbers(w, i, rows, k, w->tile + n++ * TILE_STRIDE, err);
        } else {
            flush_tile(w, n, offset, k, x);
            n = 0;
            result |= encode_numbers(w, i, rows, k, w->tile, x, err);
        }
        if (err->code != ERR_NONE && err->code != ERR_INVALID) {
            return -1; /* not the data's fault: do not go on */
        }
    }
    flush_tile(w, n, offset, k, x);
    return result;
}

int encoder_encode_rows(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                        size_t n_rows, float *x, struct err *err)
{
    struct work w;
    size_t at, k, span;
    uint64_t first;
    int result = 0;

    if (work_init(&w, e, ds, err) != 0) {
        return -1;
    }
    for (at = 0; at < n_rows && result == 0; at += k) {
        k = encoder_block(rows + at, n_rows - at, &first, &span);
        result = encode_block(&w, rows + at, k, first, span, x + at * e->n_inputs, err);
    }
    work_fini(&w);
    return result;
}
