/* Targets of rows of a dataset: labels of classes, or numbers on the network's scale; see
 * encoder.h. Any thread; reads datasets.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/encoder_priv.h"
#include "data/cell.h"
#include "data/stats.h"

#define LEVEL_NEW  UINT32_MAX       /* not looked up yet */
#define LEVEL_NONE (UINT32_MAX - 1) /* no class */

struct work {
    const struct encoder *e;
    const struct dataset *ds;
    double *numbers; /* [DATASET_GROUP] */
    uint32_t *codes; /* [DATASET_GROUP] */
};

static void work_fini(struct work *w)
{
    free(w->numbers);
    free(w->codes);
}

static int work_init(struct work *w, const struct encoder *e, const struct dataset *ds,
                     struct err *err)
{
    CHK_OBJ(e, ENCODER_MAGIC);
    *w = (struct work){.e = e, .ds = ds};
    w->numbers = mem_try_alloc(DATASET_GROUP, sizeof *w->numbers);
    w->codes = mem_try_alloc(DATASET_GROUP, sizeof *w->codes);
    if (w->numbers == NULL || w->codes == NULL) {
        work_fini(w);
        return encoder_rows_no_memory(err);
    }
    return 0;
}

bool encoder_encode_target(const struct encoder *e, size_t target, double value, float *out)
{
    const struct encoder_target *t = &e->targets[target];

    *out = (float)(((t->log ? log1p(value) : value) - t->mean) / t->scale);
    return fabsf(*out) <= FLT_MAX;
}

static int unknown_class(const struct encoder *e, uint64_t row, const char *text, struct err *err)
{
    const char *name = e->targets[0].name;
    char *shown;

    if (text == NULL) {
        return encoder_bad_number("the target", name, row, NAN, false, err);
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
    if (work_init(&w, e, ds, err) != 0) {
        return -1;
    }
    if (!column_holds_numbers(c->type)) {
        known = mem_try_alloc(c->n_categories, sizeof *known);
        if (known == NULL) {
            work_fini(&w);
            return encoder_rows_no_memory(err);
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
    if (work_init(&w, e, ds, err) != 0) {
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

                if (!encoder_encode_target(e, t, value, &y[(at + i) * e->n_targets + t])) {
                    result = encoder_bad_number("the target", target->name, rows[at + i], value,
                                                target->log, err);
                }
            }
        }
    }
    work_fini(&w);
    return result;
}
