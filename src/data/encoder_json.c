/* The stored form of an encoder, written; encoder_json_read.c reads it.
 *
 *   {"version": 2,
 *    "plan": {"numeric", "missing", "constant", "missing_indicator", "categorical", "width",
 *             "min_count", "hash_buckets", "unseen", "datetime": ["year", ...]},
 *    "target": "standardize",
 *    "features": [{"name", "type": "numeric", "used", "plan",
 *                  "mean", "std", "min", "max", "fill", "indicator", "value", "log", "form",
 *                  "center", "spread", "quantiles": [...], "edges": [...], "bin_means": [...]},
 *                 {"name", "type": "datetime", "used", "plan", "mean", "std", "min", "max",
 *                  "fill", "indicator", "parts": [{"part": "year", "mean", "std"}, ...]},
 *                 {"name", "type": "categorical" | "boolean" | "text", "used", "plan", "levels",
 *                  "indicator", "missing_level", "other", "fill", "center", "spread", "buckets",
 *                  "embedding", "texts": [...], "pooled": [...]}],
 *    "targets": [{"name", "mean", "scale", "log"}],
 *    "classes": null | ["a", ...], "class_values": null | [1, ...],
 *    "offset": null | "column", "weight": null | "column",
 *    "missing_words": {"defaults": true, "words": [...]}}
 *
 * "missing_words" is there unless they are the usual ones, "format" in a datetime that has one.
 *
 * A feature's "plan" is null where it is the encoder's; "constant" is null but where it is what
 * stands in for missing cells. Doubles are written with 17 digits, so every bit comes back; a
 * statistic without a value is null.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/encoder_json.h"

const char *const encoder_form_names[] = {[FORM_LINEAR] = "linear",
                                          [FORM_SOFT] = "soft",
                                          [FORM_SIGN] = "sign",
                                          [FORM_NORMAL] = "normal",
                                          [FORM_LEVELS] = "levels",
                                          NULL};
const char *const encoder_levels_names[] = {[LEVELS_ONE_HOT] = "one_hot", [LEVELS_RANK] = "rank",
                                            [LEVELS_INDEX] = "index",     [LEVELS_HASH] = "hash",
                                            [LEVELS_WORDS] = "words",     [LEVELS_TRUTH] = "truth",
                                            NULL};
const char *const encoder_indicator_names[] = {[ENCODER_INDICATOR_AUTO] = "auto",
                                               [ENCODER_INDICATOR_OFF] = "off",
                                               [ENCODER_INDICATOR_ON] = "on",
                                               NULL};

/* Texts were checked when they came in and memory of this size is ours: NULL is a bug. */
static json_t *sure(json_t *value)
{
    CHK(value != NULL);
    return value;
}

static void put(json_t *object, const char *key, json_t *value)
{
    CHK(json_object_set_new(object, key, sure(value)) == 0);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *texts(char *const *list, size_t n)
{
    json_t *array = sure(json_array());
    size_t i;

    for (i = 0; i < n; i++) {
        CHK(json_array_append_new(array, sure(json_string(list[i]))) == 0);
    }
    return array;
}

static json_t *numbers(const double *list, size_t n)
{
    json_t *array = sure(json_array());
    size_t i;

    for (i = 0; i < n; i++) {
        CHK(json_array_append_new(array, sure(json_real(list[i]))) == 0);
    }
    return array;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *write_plan(const struct encoder_plan *plan)
{
    json_t *o = sure(json_object()), *times = sure(json_array());
    enum encoder_time part;

    put(o, "numeric", json_string(encoder_numeric_names[plan->numeric]));
    put(o, "missing",
        json_string(plan->missing == ENCODER_CONSTANT ? "constant"
                                                      : encoder_missing_names[plan->missing]));
    put(o, "constant", text_or_null(plan->constant));
    put(o, "missing_indicator", json_string(encoder_indicator_names[plan->indicator]));
    put(o, "categorical", json_string(encoder_categorical_names[plan->categorical]));
    put(o, "width", json_integer((json_int_t)plan->width));
    put(o, "min_count", json_integer((json_int_t)plan->min_count));
    put(o, "hash_buckets", json_integer((json_int_t)plan->buckets));
    put(o, "unseen", json_string(encoder_unseen_names[plan->unseen]));
    for (part = 0; part < ENCODER_TIMES; part++) {
        if ((plan->times & ENCODER_TIME_BIT(part)) != 0) {
            CHK(json_array_append_new(times, sure(json_string(encoder_time_names[part]))) == 0);
        }
    }
    put(o, "datetime", times);
    return o;
}

static void write_stats(json_t *o, const struct encoder_feature *f)
{
    put(o, "mean", number(f->mean));
    put(o, "std", number(f->std));
    put(o, "min", number(f->min));
    put(o, "max", number(f->max));
    put(o, "fill", number(f->fill));
    put(o, "indicator", json_boolean(f->indicator));
}

static void write_time(json_t *o, const struct encoder_feature *f)
{
    json_t *parts = sure(json_array());
    size_t i;

    write_stats(o, f);
    for (i = 0; i < f->n_parts; i++) {
        json_t *part = sure(json_object());

        put(part, "part", json_string(encoder_time_names[f->parts[i].part]));
        put(part, "mean", json_real(f->parts[i].mean));
        put(part, "std", json_real(f->parts[i].std));
        CHK(json_array_append_new(parts, part) == 0);
    }
    put(o, "parts", parts);
    if (f->format != NULL) {
        put(o, "format", json_string(f->format));
    }
}

static void write_texts(json_t *o, const struct encoder_feature *f)
{
    put(o, "levels", json_string(encoder_levels_names[f->levels]));
    put(o, "indicator", json_boolean(f->indicator));
    put(o, "missing_level", json_boolean(f->missing_level));
    put(o, "other", json_boolean(f->other));
    put(o, "fill", text_or_null(f->fill_text));
    put(o, "center", number(f->center));
    put(o, "spread", number(f->spread));
    put(o, "buckets", json_integer((json_int_t)f->buckets));
    put(o, "embedding", json_integer((json_int_t)f->embedding));
    put(o, "texts", texts(f->texts, f->n_texts));
    put(o, "pooled", texts(f->pooled, f->n_pooled));
}

static void write_number(json_t *o, const struct encoder_feature *f)
{
    write_stats(o, f);
    put(o, "value", json_boolean(f->value));
    put(o, "log", json_boolean(f->log));
    put(o, "form", json_string(encoder_form_names[f->form]));
    put(o, "center", number(f->center));
    put(o, "spread", number(f->spread));
    put(o, "quantiles", numbers(f->table, f->n_table));
    put(o, "edges", numbers(f->edges, f->n_edges));
    put(o, "bin_means", numbers(f->bin_means, encoder_n_codes(f)));
}

static json_t *write_feature(const struct encoder *e, const struct encoder_feature *f)
{
    json_t *o = sure(json_object());

    put(o, "name", json_string(f->name));
    put(o, "type", json_string(column_type_name(f->type)));
    if (f->stored != f->type) {
        put(o, "stored", json_string(column_type_name(f->stored)));
    }
    put(o, "used", json_boolean(f->used));
    put(o, "plan", encoder_plan_equal(&f->plan, &e->plan) ? json_null() : write_plan(&f->plan));
    if (f->type == COLUMN_NUMERIC) {
        write_number(o, f);
    } else if (f->type == COLUMN_DATETIME) {
        write_time(o, f);
    } else {
        write_texts(o, f);
    }
    return o;
}

char *encoder_to_json(const struct encoder *e)
{
    json_t *o = sure(json_object()), *features = sure(json_array()), *targets = sure(json_array());
    char *text;
    size_t i;

    CHK_OBJ(e, ENCODER_MAGIC);
    for (i = 0; i < e->n_features; i++) {
        CHK(json_array_append_new(features, write_feature(e, &e->features[i])) == 0);
    }
    for (i = 0; i < e->n_targets; i++) {
        json_t *t = sure(json_object());

        put(t, "name", json_string(e->targets[i].name));
        put(t, "mean", json_real(e->targets[i].mean));
        put(t, "scale", json_real(e->targets[i].scale));
        put(t, "log", json_boolean(e->targets[i].log));
        if (!column_holds_numbers(e->targets[i].stored)) {
            put(t, "stored", json_string(column_type_name(e->targets[i].stored)));
        }
        CHK(json_array_append_new(targets, t) == 0);
    }
    put(o, "version", json_integer(ENCODER_VERSION));
    put(o, "plan", write_plan(&e->plan));
    put(o, "target", json_string(encoder_numeric_names[e->target]));
    put(o, "features", features);
    put(o, "targets", targets);
    put(o, "classes", e->is_classes ? texts(e->classes, e->n_classes) : json_null());
    put(o, "class_values",
        e->class_values != NULL ? numbers(e->class_values, e->n_classes) : json_null());
    put(o, "offset", text_or_null(e->offset));
    put(o, "weight", text_or_null(e->weight));
    if (!e->missing.defaults || e->missing.n > 0) {
        json_t *words = sure(json_object());

        put(words, "defaults", json_boolean(e->missing.defaults));
        put(words, "words", texts(e->missing.words, e->missing.n));
        put(o, "missing_words", words);
    }
    text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(17));
    CHK(text != NULL);
    json_decref(o);
    return text;
}
