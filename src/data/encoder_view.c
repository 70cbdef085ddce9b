/* What an encoder answers about itself; see encoder.h. Any thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/encoder_level.h"
#include "data/stats.h"

size_t encoder_n_inputs(const struct encoder *e)
{
    return e->n_inputs;
}

size_t encoder_n_embeddings(const struct encoder *e)
{
    return e->n_slots;
}

size_t encoder_embedding(const struct encoder *e, size_t i, size_t *input, size_t *levels,
                         size_t *width)
{
    size_t k;

    CHK(i < e->n_slots);
    *input = e->n_inputs - e->n_slots + i;
    for (k = 0; !e->features[k].used || !encoder_is_slot(&e->features[k]) ||
                e->features[k].offset != *input;
         k++) {
        CHK(k + 1 < e->n_features);
    }
    *levels = 1 + encoder_n_levels(&e->features[k]);
    *width = e->features[k].embedding;
    return k;
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

enum column_type encoder_feature_stored(const struct encoder *e, size_t feature)
{
    CHK(feature < e->n_features);
    return e->features[feature].stored;
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

static const char *encoding_of_number(const struct encoder_feature *f)
{
    switch (f->form) {
    case FORM_SOFT:
        return f->plan.numeric == ENCODER_ROBUST ? "robust" : "soft";
    case FORM_SIGN:
        return "two_values";
    case FORM_NORMAL:
        return "quantile";
    case FORM_LEVELS:
        return "one_hot";
    default:
        return f->value ? encoder_numeric_names[f->plan.numeric] : "missing";
    }
}

const char *encoder_feature_encoding(const struct encoder *e, size_t feature)
{
    static const char *const names[] = {
        [LEVELS_ONE_HOT] = "one_hot", [LEVELS_RANK] = "ordinal", [LEVELS_INDEX] = "embedding",
        [LEVELS_HASH] = "hashing",    [LEVELS_WORDS] = "words",  [LEVELS_TRUTH] = "boolean"};
    const struct encoder_feature *f = &e->features[feature];

    CHK(feature < e->n_features);
    if (!f->used) {
        return "dropped";
    }
    return f->type == COLUMN_NUMERIC    ? encoding_of_number(f)
           : f->type == COLUMN_DATETIME ? "datetime"
                                        : names[f->levels];
}

struct encoder_shape encoder_feature_shape(const struct encoder *e, size_t feature)
{
    const struct encoder_feature *f = &e->features[feature];

    CHK(feature < e->n_features);
    return (struct encoder_shape){.inputs = f->width,
                                  .bins = f->used ? encoder_n_codes(f) : 0,
                                  .embedding = f->used ? f->embedding : 0,
                                  .indicator = f->used && f->indicator};
}
