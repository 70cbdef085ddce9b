/* The encoder's life, the places of its inputs, and whether a table fits it; see encoder.h.
 *
 * Fitting is in encoder_fit*.c, rows of a dataset in encoder_rows.c and encoder_truth.c, cells of
 * a client in encoder_cells.c, the arithmetic of both in encoder_number.c, encoder_level.c and
 * encoder_parts.c, the stored form in encoder_json*.c, questions in encoder_view.c. An encoder
 * never changes after it was made, so everything here may be called from any thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/dataset_view.h"
#include "data/encoder_level.h"
#include "data/encoder_parts.h"
#include "data/cell.h"
#include "data/stats.h"

struct encoder *encoder_alloc(size_t n_features, size_t n_targets)
{
    struct encoder *e = xcalloc(1, sizeof *e);

    e->magic = ENCODER_MAGIC;
    e->missing = (struct missing)MISSING_INIT;
    e->n_features = n_features;
    e->features = xcalloc(n_features, sizeof *e->features);
    e->feature_names = xcalloc(n_features, sizeof *e->feature_names);
    e->n_targets = n_targets;
    e->targets = xcalloc(n_targets, sizeof *e->targets);
    return e;
}

static void free_texts(char **texts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        free(texts[i]);
    }
    free(texts);
}

static void free_feature(struct encoder_feature *f)
{
    free_texts(f->texts, f->n_texts);
    free_texts(f->pooled, f->n_pooled);
    free(f->fill_text);
    free(f->format);
    free(f->ranks);
    free(f->parts);
    free(f->table);
    free(f->edges);
    free(f->bin_means);
    free(f->full);
    free(f->empty);
    free(f->name);
    encoder_plan_fini(&f->plan);
}

void encoder_free(struct encoder **encoder)
{
    struct encoder *e = *encoder;
    size_t i;

    if (e == NULL) {
        return;
    }
    CHK_OBJ(e, ENCODER_MAGIC);
    for (i = 0; i < e->n_features; i++) {
        free_feature(&e->features[i]);
    }
    for (i = 0; i < e->n_targets; i++) {
        free(e->targets[i].name);
    }
    for (i = 0; i < e->n_classes; i++) {
        free(e->classes[i]);
    }
    encoder_plan_fini(&e->plan);
    missing_fini(&e->missing);
    free(e->offset);
    free(e->weight);
    free(e->features);
    free(e->feature_names);
    free(e->targets);
    free(e->classes);
    free(e->class_values);
    e->magic = 0;
    free(e);
    *encoder = NULL;
}

static size_t width_of(const struct encoder_feature *f)
{
    if (f->type == COLUMN_NUMERIC) {
        return f->value + encoder_n_codes(f) + encoder_n_values(f) + f->indicator;
    }
    if (f->type == COLUMN_DATETIME) {
        return encoder_n_part_inputs(f) + f->indicator;
    }
    switch (f->levels) {
    case LEVELS_ONE_HOT:
    case LEVELS_HASH:
        return encoder_n_levels(f) + f->indicator;
    case LEVELS_WORDS:
        return f->buckets + f->indicator;
    default:
        return 1 + f->indicator;
    }
}

/* What whole and empty bins are after centring. */
static void derive_codes(struct encoder_feature *f)
{
    size_t n = encoder_n_codes(f), k;

    f->full = xcalloc(n + 1, sizeof *f->full);
    f->empty = xcalloc(n + 1, sizeof *f->empty);
    for (k = 0; k < n; k++) {
        f->full[k] = (float)(1.0 - f->bin_means[k]);
        f->empty[k] = (float)(0.0 - f->bin_means[k]);
    }
}

int encoder_place_features(struct encoder *e)
{
    size_t i;

    e->n_inputs = e->n_slots = 0;
    for (i = 0; i < e->n_features; i++) {
        struct encoder_feature *f = &e->features[i];

        e->feature_names[i] = f->name;
        f->width = f->used ? width_of(f) : 0;
        if (f->n_edges > 0) {
            derive_codes(f);
        }
        encoder_derive_levels(f);
        if (f->used && encoder_is_slot(f)) {
            e->n_slots++;
            continue;
        }
        f->offset = e->n_inputs;
        if (!mem_add(e->n_inputs, f->width, &e->n_inputs)) {
            return -1;
        }
    }
    for (i = 0; i < e->n_features; i++) { /* indexes come last */
        if (e->features[i].used && encoder_is_slot(&e->features[i])) {
            e->features[i].offset = e->n_inputs++;
        }
    }
    return 0;
}

size_t encoder_block(const uint64_t *rows, size_t n, uint64_t *first, size_t *span)
{
    uint64_t end = (rows[0] / DATASET_GROUP + 1) * DATASET_GROUP;
    size_t k = 1;

    while (k < n && k < DATASET_GROUP && rows[k] < end) {
        CHK(rows[k] >= rows[k - 1]); /* rising, or whole groups could not be read once */
        k++;
    }
    *first = rows[0];
    *span = (size_t)(rows[k - 1] - rows[0]) + 1;
    return k;
}

char *encoder_pointer(const char *pointer, const char *name)
{
    struct buf out = BUF_INIT;

    buf_printf(&out, "%s/", pointer);
    for (; *name != '\0'; name++) {
        if (*name == '~') {
            buf_puts(&out, "~0");
        } else if (*name == '/') {
            buf_puts(&out, "~1");
        } else {
            buf_printf(&out, "%c", *name);
        }
    }
    return buf_take(&out);
}

ptrdiff_t encoder_text_find(char *const *texts, size_t n, const char *text)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(text, texts[middle]);

        if (order == 0) {
            return (ptrdiff_t)middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return -1;
}

/* ---- another table ----------------------------------------------------------- */

static int column_missing(const struct dataset *ds, const char *name, struct err *err)
{
    const char *near = text_nearest(name, dataset_names(ds), dataset_n_columns(ds));
    char *pointer = encoder_pointer("", name);

    err_add(err, pointer, "the dataset has no column \"%s\"%s%s%s", name,
            near != NULL ? "; the nearest is \"" : "", near != NULL ? near : "",
            near != NULL ? "\"" : "");
    free(pointer);
    return -1;
}

/* Any column of texts has texts for a feature: what is not known is unseen. */
static bool types_fit(enum column_type have, enum column_type want)
{
    return have == want || (!column_holds_numbers(have) && !column_holds_numbers(want));
}

int encoder_check_dataset(const struct encoder *e, const struct dataset *ds, bool with_target,
                          struct err *err)
{
    int result = 0;
    size_t i;

    for (i = 0; i < e->n_features; i++) {
        const struct encoder_feature *f = &e->features[i];
        ptrdiff_t column = dataset_find(ds, f->name);
        char *pointer;

        if (column < 0) {
            result = column_missing(ds, f->name, err);
            continue;
        }
        if (!types_fit(dataset_column(ds, (size_t)column)->type, f->type)) {
            pointer = encoder_pointer("", f->name);
            result = err_add(err, pointer,
                             "column \"%s\" is %s here but %s in the model; declare it with types=",
                             f->name, column_type_name(dataset_column(ds, (size_t)column)->type),
                             column_type_name(f->type));
            free(pointer);
        }
    }
    if (e->offset != NULL) {
        ptrdiff_t column = dataset_find(ds, e->offset);

        if (column < 0) {
            result = column_missing(ds, e->offset, err);
        } else if (!column_holds_numbers(dataset_column(ds, (size_t)column)->type)) {
            char *pointer = encoder_pointer("", e->offset);

            result = err_add(err, pointer, "the offset \"%s\" must be numeric here", e->offset);
            free(pointer);
        }
    }
    for (i = 0; with_target && i < e->n_targets; i++) {
        const char *name = e->targets[i].name;
        ptrdiff_t column = dataset_find(ds, name);
        char *pointer;

        if (column < 0) {
            result = column_missing(ds, name, err);
        } else if (!e->is_classes &&
                   !column_holds_numbers(dataset_column(ds, (size_t)column)->type)) {
            pointer = encoder_pointer("", name);
            result = err_add(err, pointer, "the target \"%s\" must be numeric here", name);
            free(pointer);
        }
    }
    return result;
}

/* ---- and as the job that it is of wanted to see it ---- */

static void wish(const struct dataset *ds, struct dataset_wish *wishes, const char *name,
                 enum column_type type)
{
    ptrdiff_t column = dataset_find(ds, name);

    if (column >= 0) {
        wishes[column] =
            (struct dataset_wish){(size_t)column, type, encoder_pointer("", name)};
    }
}

int encoder_view_dataset(const struct encoder *e, const struct dataset **ds, struct err *err)
{
    size_t n = dataset_n_columns(*ds), kept = 0, i;
    struct dataset_wish *wishes = xcalloc(n + 1, sizeof *wishes);
    int rc;

    for (i = 0; i < e->n_features; i++) {
        if (e->features[i].stored != e->features[i].type) {
            wish(*ds, wishes, e->features[i].name, e->features[i].type);
        }
    }
    for (i = 0; i < e->n_targets; i++) {
        if (!e->is_classes && !column_holds_numbers(e->targets[i].stored)) {
            wish(*ds, wishes, e->targets[i].name, COLUMN_NUMERIC);
        }
    }
    for (i = 0; i < n; i++) {
        if (wishes[i].pointer != NULL) {
            wishes[kept++] = wishes[i];
        }
    }
    rc = dataset_view(ds, wishes, kept, err);
    for (i = 0; i < kept; i++) {
        free((char *)(uintptr_t)wishes[i].pointer); /* wish() made it */
    }
    free(wishes);
    return rc;
}
