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
#include "data/encoder_priv.h"
#include "data/cell.h"
#include "data/stats.h"

#define TILE 16
/* Columns of the tile are this far apart: a power of two would put them into one cache set. */
#define TILE_STRIDE (DATASET_GROUP + 16)
#define LEVEL_NEW   UINT32_MAX       /* not looked up yet */
#define LEVEL_NONE  (UINT32_MAX - 1) /* an unseen text: no level */

struct work {
    const struct encoder *e;
    const struct dataset *ds;
    double *numbers;   /* [DATASET_GROUP] */
    uint32_t *codes;   /* [DATASET_GROUP] */
    float *tile;       /* (TILE, TILE_STRIDE) */
    size_t *columns;   /* [n_features] of ds; features only */
    uint32_t **levels; /* [n_features] code -> level; NULL until needed */
};

static int no_memory(struct err *err)
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
    free(w->columns);
    free(w->levels);
}

static int work_init(struct work *w, const struct encoder *e, const struct dataset *ds,
                     bool features, struct err *err)
{
    size_t i;

    CHK_OBJ(e, ENCODER_MAGIC);
    *w = (struct work){.e = e, .ds = ds};
    w->numbers = mem_try_alloc(DATASET_GROUP, sizeof *w->numbers);
    w->codes = mem_try_alloc(DATASET_GROUP, sizeof *w->codes);
    if (features) {
        w->tile = mem_try_alloc((size_t)TILE * TILE_STRIDE, sizeof *w->tile);
        w->columns = mem_try_alloc(e->n_features, sizeof *w->columns);
        w->levels = calloc(e->n_features != 0 ? e->n_features : 1, sizeof *w->levels);
    }
    if (w->numbers == NULL || w->codes == NULL ||
        (features && (w->tile == NULL || w->columns == NULL || w->levels == NULL))) {
        work_fini(w);
        return no_memory(err);
    }
    for (i = 0; features && i < e->n_features; i++) {
        ptrdiff_t column = dataset_find(ds, e->features[i].name);

        CHK(column >= 0); /* encoder_check_dataset came first */
        w->columns[i] = (size_t)column;
    }
    return 0;
}

static int bad_number(const char *what, const char *name, uint64_t row, double value,
                      struct err *err)
{
    if (isnan(value)) {
        return err_add_cell(err, (int64_t)row + 1, 0, name, "row %llu: %s \"%s\" has no value",
                            (unsigned long long)row + 1, what, name);
    }
    return err_add_cell(err, (int64_t)row + 1, 0, name,
                        "row %llu: the number %.6g in %s \"%s\" is too large to train on",
                        (unsigned long long)row + 1, value, what, name);
}

/* ---- features ---------------------------------------------------------------- */

/* One feature of k rows into out[k]. */
static int encode_numbers(struct work *w, size_t feature, const uint64_t *rows, size_t k,
                          uint64_t first, size_t span, float *out, struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    bool strict = w->e->missing == ENCODER_ERROR, good = true;
    size_t i;

    if (dataset_read_numbers(w->ds, w->columns[feature], first, span, w->numbers, err) != 0) {
        return -1;
    }
    if (span != k) {
        for (i = 0; i < k; i++) {
            w->numbers[i] = w->numbers[rows[i] - first];
        }
    }
    for (i = 0; i < k; i++) {
        double value = w->numbers[i];
        double filled = isnan(value) ? f->mean : value;

        out[i] = (float)((filled - f->center) / f->spread);
        good = good && fabsf(out[i]) <= FLT_MAX && !(strict && isnan(value));
    }
    for (i = 0; i < k && !good; i++) {
        if (!(fabsf(out[i]) <= FLT_MAX) || (strict && isnan(w->numbers[i]))) {
            return bad_number("column", f->name, rows[i], w->numbers[i], err);
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
        ptrdiff_t found = encoder_text_find(f->texts, f->n_texts, text);

        *level = found >= 0 ? (uint32_t)found : LEVEL_NONE;
    }
    return *level;
}

/* One-hot of k rows into x (k, n_inputs). */
static int encode_texts(struct work *w, size_t feature, const uint64_t *rows, size_t k,
                        uint64_t first, size_t span, float *x, struct err *err)
{
    const struct encoder_feature *f = &w->e->features[feature];
    const struct dataset_column *c = dataset_column(w->ds, w->columns[feature]);
    size_t i;

    if (w->levels[feature] == NULL) {
        w->levels[feature] = mem_try_alloc(c->n_categories, sizeof **w->levels);
        if (w->levels[feature] == NULL) {
            return no_memory(err);
        }
        for (i = 0; i < c->n_categories; i++) {
            w->levels[feature][i] = LEVEL_NEW;
        }
    }
    if (dataset_read_codes(w->ds, w->columns[feature], first, span, w->codes, err) != 0) {
        return -1;
    }
    for (i = 0; i < k; i++) {
        float *to = x + i * w->e->n_inputs + f->offset;
        uint32_t code = w->codes[rows[i] - first], level = LEVEL_NONE;

        if (code != DATASET_MISSING) {
            level = find_level(w, feature, code);
        } else if (w->e->missing == ENCODER_ERROR) {
            return bad_number("column", f->name, rows[i], NAN, err);
        } else if (f->missing_level) {
            level = (uint32_t)f->n_texts;
        }
        memset(to, 0, f->width * sizeof *to);
        if (level != LEVEL_NONE) {
            to[level] = 1.0f;
        }
    }
    return 0;
}

/* The tile's first n columns to the inputs from `offset` on. */
static void flush_tile(const struct work *w, size_t n, size_t offset, size_t k, float *x)
{
    size_t i, c;

    for (i = 0; i < k; i++) {
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
        if (!column_holds_numbers(f->type)) {
            result |= encode_texts(w, i, rows, k, first, span, x, err);
            continue;
        }
        if (n == TILE || (n > 0 && f->offset != offset + n)) {
            flush_tile(w, n, offset, k, x);
            n = 0;
        }
        offset = n == 0 ? f->offset : offset;
        result |= encode_numbers(w, i, rows, k, first, span, w->tile + n * TILE_STRIDE, err);
        n++;
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

    if (work_init(&w, e, ds, true, err) != 0) {
        return -1;
    }
    for (at = 0; at < n_rows && result == 0; at += k) {
        k = encoder_block(rows + at, n_rows - at, &first, &span);
        result = encode_block(&w, rows + at, k, first, span, x + at * e->n_inputs, err);
    }
    work_fini(&w);
    return result;
}

/* ---- targets ----------------------------------------------------------------- */

static int unknown_class(const struct encoder *e, uint64_t row, const char *text, struct err *err)
{
    const char *name = e->targets[0].name;
    char *shown;

    if (text == NULL) {
        return bad_number("the target", name, row, NAN, err);
    }
    shown = cell_show(text, strlen(text));
    err_add_cell(err, (int64_t)row + 1, 0, name,
                 "row %llu: \"%s\" is not one of the %zu classes of the target \"%s\"",
                 (unsigned long long)row + 1, shown, e->n_classes, name);
    free(shown);
    return -1;
}

static int labels_of_numbers(struct work *w, size_t column, const uint64_t *rows, size_t k,
                             uint64_t first, size_t span, uint32_t *labels, struct err *err)
{
    char text[CELL_NUMBER_LEN];
    int result = 0;
    size_t i;

    if (dataset_read_numbers(w->ds, column, first, span, w->numbers, err) != 0) {
        return -1;
    }
    for (i = 0; i < k; i++) {
        double value = w->numbers[rows[i] - first];
        ptrdiff_t found = -1;

        if (!isnan(value)) {
            cell_format(value, text);
            found = w->e->class_values != NULL
                        ? distinct_find(w->e->class_values, w->e->n_classes, value)
                        : encoder_class_find(w->e, text);
        }
        if (found < 0) {
            result = unknown_class(w->e, rows[i], isnan(value) ? NULL : text, err);
        } else {
            labels[i] = (uint32_t)found;
        }
    }
    return result;
}

/* `known` maps codes to classes, LEVEL_NEW before the first look. */
static int labels_of_texts(struct work *w, size_t column, uint32_t *known, const uint64_t *rows,
                           size_t k, uint64_t first, size_t span, uint32_t *labels, struct err *err)
{
    char *const *texts = dataset_column(w->ds, column)->categories;
    int result = 0;
    size_t i;

    if (dataset_read_codes(w->ds, column, first, span, w->codes, err) != 0) {
        return -1;
    }
    for (i = 0; i < k; i++) {
        uint32_t code = w->codes[rows[i] - first];

        if (code != DATASET_MISSING && known[code] == LEVEL_NEW) {
            ptrdiff_t found = encoder_class_find(w->e, texts[code]);

            known[code] = found >= 0 ? (uint32_t)found : LEVEL_NONE;
        }
        if (code == DATASET_MISSING || known[code] == LEVEL_NONE) {
            result =
                unknown_class(w->e, rows[i], code == DATASET_MISSING ? NULL : texts[code], err);
        } else {
            labels[i] = known[code];
        }
    }
    return result;
}

int encoder_encode_labels(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                          size_t n_rows, uint32_t *labels, struct err *err)
{
    ptrdiff_t column = dataset_find(ds, e->targets[0].name);
    const struct dataset_column *c;
    uint32_t *known = NULL;
    struct work w;
    size_t at, k, span, i;
    uint64_t first;
    int result = 0;

    CHK(e->is_classes && column >= 0);
    c = dataset_column(ds, (size_t)column);
    if (work_init(&w, e, ds, false, err) != 0) {
        return -1;
    }
    if (!column_holds_numbers(c->type)) {
        known = mem_try_alloc(c->n_categories, sizeof *known);
        if (known == NULL) {
            work_fini(&w);
            return no_memory(err);
        }
        for (i = 0; i < c->n_categories; i++) {
            known[i] = LEVEL_NEW;
        }
    }
    for (at = 0; at < n_rows && result == 0; at += k) {
        k = encoder_block(rows + at, n_rows - at, &first, &span);
        result = known == NULL ? labels_of_numbers(&w, (size_t)column, rows + at, k, first, span,
                                                   labels + at, err)
                               : labels_of_texts(&w, (size_t)column, known, rows + at, k, first,
                                                 span, labels + at, err);
    }
    free(known);
    work_fini(&w);
    return result;
}

int encoder_encode_targets(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                           size_t n_rows, float *y, struct err *err)
{
    struct work w;
    size_t at, k, span, i, t;
    uint64_t first;
    int result = 0;

    CHK(!e->is_classes);
    if (work_init(&w, e, ds, false, err) != 0) {
        return -1;
    }
    for (at = 0; at < n_rows && result == 0; at += k) {
        k = encoder_block(rows + at, n_rows - at, &first, &span);
        for (t = 0; t < e->n_targets; t++) {
            const struct encoder_target *target = &e->targets[t];
            ptrdiff_t column = dataset_find(ds, target->name);

            CHK(column >= 0);
            if (dataset_read_numbers(ds, (size_t)column, first, span, w.numbers, err) != 0) {
                result = -1;
                break;
            }
            for (i = 0; i < k; i++) {
                double value = w.numbers[rows[at + i] - first];
                float z = (float)((value - target->mean) / target->scale);

                y[(at + i) * e->n_targets + t] = z;
                if (!(fabsf(z) <= FLT_MAX)) {
                    result = bad_number("the target", target->name, rows[at + i], value, err);
                }
            }
        }
    }
    work_fini(&w);
    return result;
}
