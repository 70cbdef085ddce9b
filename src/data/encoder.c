/* The encoder's life and the questions it answers; see encoder.h.
 *
 * Fitting is in encoder_fit.c, rows of a dataset in encoder_rows.c, cells of a client in
 * encoder_cells.c, the stored form in encoder_json.c. An encoder never changes after it was
 * made, so everything here may be called from any thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/encoder_priv.h"
#include "data/cell.h"
#include "data/stats.h"

struct encoder *encoder_alloc(size_t n_features, size_t n_targets)
{
    struct encoder *e = xcalloc(1, sizeof *e);

    e->magic = ENCODER_MAGIC;
    e->n_features = n_features;
    e->features = xcalloc(n_features, sizeof *e->features);
    e->feature_names = xcalloc(n_features, sizeof *e->feature_names);
    e->n_targets = n_targets;
    e->targets = xcalloc(n_targets, sizeof *e->targets);
    return e;
}

void encoder_free(struct encoder **encoder)
{
    struct encoder *e = *encoder;
    size_t i, k;

    if (e == NULL) {
        return;
    }
    CHK_OBJ(e, ENCODER_MAGIC);
    for (i = 0; i < e->n_features; i++) {
        for (k = 0; k < e->features[i].n_texts; k++) {
            free(e->features[i].texts[k]);
        }
        free(e->features[i].texts);
        free(e->features[i].table);
        free(e->features[i].edges);
        free(e->features[i].bin_means);
        free(e->features[i].full);
        free(e->features[i].empty);
        free(e->features[i].name);
        encoder_plan_fini(&e->features[i].plan);
    }
    for (i = 0; i < e->n_targets; i++) {
        free(e->targets[i].name);
    }
    for (i = 0; i < e->n_classes; i++) {
        free(e->classes[i]);
    }
    encoder_plan_fini(&e->plan);
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
    if (column_holds_numbers(f->type)) {
        return f->value + encoder_n_codes(f) + f->indicator;
    }
    return f->n_texts + f->missing_level;
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

    e->n_inputs = 0;
    for (i = 0; i < e->n_features; i++) {
        struct encoder_feature *f = &e->features[i];

        f->offset = e->n_inputs;
        f->width = f->used ? width_of(f) : 0;
        e->feature_names[i] = f->name;
        if (f->n_edges > 0) {
            derive_codes(f);
        }
        if (!mem_add(e->n_inputs, f->width, &e->n_inputs)) {
            return -1;
        }
    }
    return 0;
}

size_t encoder_block(const uint64_t *rows, size_t n, uint64_t *first, size_t *span)
{
    uint64_t end = (rows[0] / DATASET_GROUP + 1) * DATASET_GROUP;
    size_t k = 1;

    while (k < n && rows[k] < end) {
        CHK(rows[k] > rows[k - 1]); /* ascending, or whole groups could not be read once */
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

/* ---- questions --------------------------------------------------------------- */

size_t encoder_n_inputs(const struct encoder *e)
{
    return e->n_inputs;
}

size_t encoder_n_embeddings(const struct encoder *e)
{
    (void)e; /* every categorical column is one-hot */
    return 0;
}

size_t encoder_embedding(const struct encoder *e, size_t i, size_t *input, size_t *levels,
                         size_t *width)
{
    CHK(i < encoder_n_embeddings(e));
    *input = *levels = *width = 0;
    return 0;
}

size_t encoder_estimate_embeddings(const struct dataset *ds,
                                   const struct encoder_options *options, size_t most,
                                   size_t *levels, size_t *width)
{
    (void)ds;
    (void)options;
    (void)most;
    (void)levels;
    (void)width;
    return 0;
}

size_t encoder_n_features(const struct encoder *e)
{
    return e->n_features;
}

const char *encoder_feature_name(const struct encoder *e, size_t feature)
{
    CHK(feature < e->n_features);
    return e->features[feature].name;
}

const char *const *encoder_feature_names(const struct encoder *e)
{
    return e->feature_names;
}

enum column_type encoder_feature_type(const struct encoder *e, size_t feature)
{
    CHK(feature < e->n_features);
    return e->features[feature].type;
}

size_t encoder_feature_categories(const struct encoder *e, size_t feature,
                                  const char *const **texts)
{
    CHK(feature < e->n_features);
    *texts = (const char *const *)e->features[feature].texts;
    return e->features[feature].n_texts;
}

void encoder_feature_stats(const struct encoder *e, size_t feature, double *mean, double *std,
                           double *min, double *max)
{
    const struct encoder_feature *f = &e->features[feature];

    CHK(feature < e->n_features);
    *mean = f->mean;
    *std = f->std;
    *min = f->min;
    *max = f->max;
}

const struct encoder_plan *encoder_plan_of(const struct encoder *e)
{
    return &e->plan;
}

const struct encoder_plan *encoder_feature_plan(const struct encoder *e, size_t feature)
{
    CHK(feature < e->n_features);
    return &e->features[feature].plan;
}

enum encoder_numeric encoder_target_of(const struct encoder *e)
{
    return e->target;
}

const char *encoder_offset(const struct encoder *e)
{
    return e->offset;
}

const char *encoder_weight(const struct encoder *e)
{
    return e->weight;
}

void encoder_set_weight(struct encoder *e, const char *column)
{
    free(e->weight);
    e->weight = column != NULL ? xstrdup(column) : NULL;
}

double encoder_zero(const struct encoder *e)
{
    size_t i;

    for (i = 0; i < e->n_features; i++) {
        const struct encoder_feature *f = &e->features[i];

        if (f->plan.numeric == ENCODER_TOGETHER && f->value) {
            return -f->center / f->spread;
        }
    }
    return 0.0;
}

bool encoder_is_classes(const struct encoder *e)
{
    return e->is_classes;
}

size_t encoder_n_classes(const struct encoder *e)
{
    return e->n_classes;
}

const char *encoder_class_name(const struct encoder *e, size_t class_index)
{
    CHK(class_index < e->n_classes);
    return e->classes[class_index];
}

ptrdiff_t encoder_class_find(const struct encoder *e, const char *text)
{
    double value, other;
    bool number = cell_number(text, strlen(text), &value);
    ptrdiff_t found;
    size_t i;

    if (e->class_values != NULL) {
        return number ? distinct_find(e->class_values, e->n_classes, value) : -1;
    }
    found = encoder_text_find(e->classes, e->n_classes, text);
    for (i = 0; found < 0 && number && i < e->n_classes; i++) {
        if (cell_number(e->classes[i], strlen(e->classes[i]), &other) && other == value) {
            found = (ptrdiff_t)i;
        }
    }
    return found;
}

size_t encoder_n_targets(const struct encoder *e)
{
    return e->n_targets;
}

const char *encoder_target_name(const struct encoder *e, size_t target)
{
    CHK(target < e->n_targets);
    return e->targets[target].name;
}

double encoder_decode_target(const struct encoder *e, size_t target, double y)
{
    const struct encoder_target *t = &e->targets[target];

    CHK(target < e->n_targets);
    y = y * t->scale + t->mean;
    return t->log ? expm1(y) : y;
}

double encoder_target_scale(const struct encoder *e, size_t target)
{
    CHK(target < e->n_targets);
    return e->targets[target].scale;
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
        if (dataset_column(ds, (size_t)column)->type != f->type) {
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
