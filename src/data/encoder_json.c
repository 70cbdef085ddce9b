/* The stored form of an encoder: JSON, written by us, read as if by a stranger.
 *
 *   {"version": 1, "numeric": "standardize", "missing": "mean", "target": "standardize",
 *    "features": [{"name", "type": "numeric", "used", "mean", "std", "min", "max"},
 *                 {"name", "type": "categorical", "used", "missing_level", "texts": [...]}],
 *    "targets": [{"name", "mean", "scale"}],
 *    "classes": null | ["a", ...], "class_values": null | [1, ...]}
 *
 * and, only where there are such, "offset" and "weight" (columns), "together_mean" and
 * "together_std" (of standardize_together).
 *
 * Doubles are written with 17 digits, so every bit comes back; a statistic without a value
 * is null. Reading takes exactly these keys, types and orders: anything else is ERR_CORRUPT.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/encoder_priv.h"

#define VERSION 1

static const char *const numeric_names[] = {
    [ENCODER_STANDARDIZE] = "standardize",
    [ENCODER_NONE] = "none",
    [ENCODER_TOGETHER] = "standardize_together"};
static const char *const missing_names[] = {[ENCODER_MEAN] = "mean", [ENCODER_ERROR] = "error"};

/* ---- writing ----------------------------------------------------------------- */

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

static json_t *write_feature(const struct encoder_feature *f)
{
    json_t *o = sure(json_object());

    put(o, "name", json_string(f->name));
    put(o, "type", json_string(column_type_name(f->type)));
    put(o, "used", json_boolean(f->width > 0));
    if (column_holds_numbers(f->type)) {
        put(o, "mean", number(f->mean));
        put(o, "std", number(f->std));
        put(o, "min", number(f->min));
        put(o, "max", number(f->max));
    } else {
        put(o, "missing_level", json_boolean(f->missing_level));
        put(o, "texts", texts(f->texts, f->n_texts));
    }
    return o;
}

char *encoder_to_json(const struct encoder *e)
{
    json_t *o = sure(json_object()), *features = sure(json_array()), *targets = sure(json_array());
    json_t *values = e->class_values != NULL ? sure(json_array()) : sure(json_null());
    char *text;
    size_t i;

    CHK_OBJ(e, ENCODER_MAGIC);
    for (i = 0; i < e->n_features; i++) {
        CHK(json_array_append_new(features, write_feature(&e->features[i])) == 0);
    }
    for (i = 0; i < e->n_targets; i++) {
        json_t *t = sure(json_object());

        put(t, "name", json_string(e->targets[i].name));
        put(t, "mean", json_real(e->targets[i].mean));
        put(t, "scale", json_real(e->targets[i].scale));
        CHK(json_array_append_new(targets, t) == 0);
    }
    for (i = 0; e->class_values != NULL && i < e->n_classes; i++) {
        CHK(json_array_append_new(values, sure(json_real(e->class_values[i]))) == 0);
    }
    put(o, "version", json_integer(VERSION));
    put(o, "numeric", json_string(numeric_names[e->numeric]));
    put(o, "missing", json_string(missing_names[e->missing]));
    put(o, "target", json_string(numeric_names[e->target]));
    put(o, "features", features);
    put(o, "targets", targets);
    put(o, "classes", e->is_classes ? texts(e->classes, e->n_classes) : json_null());
    put(o, "class_values", values);
    if (e->offset != NULL) {
        put(o, "offset", json_string(e->offset));
    }
    if (e->weight != NULL) {
        put(o, "weight", json_string(e->weight));
    }
    if (e->numeric == ENCODER_TOGETHER) {
        put(o, "together_mean", json_real(e->together_mean));
        put(o, "together_std", json_real(e->together_std));
    }
    text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(17));
    CHK(text != NULL);
    json_decref(o);
    return text;
}

/* ---- reading ----------------------------------------------------------------- */

/* Readers return false on anything unexpected; the encoder is then freed as far as it is. */

static bool read_choice(const json_t *o, const char *key, const char *const *names, size_t n,
                        size_t *out)
{
    const char *text = json_string_value(json_object_get(o, key));

    for (*out = 0; text != NULL && *out < n; (*out)++) {
        if (strcmp(text, names[*out]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_bool(const json_t *o, const char *key, bool *out)
{
    const json_t *value = json_object_get(o, key);

    *out = json_is_true(value);
    return json_is_boolean(value);
}

/* null is NaN where `nullable`. */
static bool read_number(const json_t *o, const char *key, bool nullable, double *out)
{
    const json_t *value = json_object_get(o, key);

    *out = json_is_number(value) ? json_number_value(value) : (double)NAN;
    return isfinite(*out) || (nullable && json_is_null(value));
}

static bool read_name(const json_t *o, char **out)
{
    const json_t *value = json_object_get(o, "name");
    size_t len = json_string_length(value);

    if (len == 0 || len > DATASET_MAX_NAME || strlen(json_string_value(value)) != len) {
        return false;
    }
    *out = xstrdup(json_string_value(value));
    return true;
}

/* An array of texts; `sorted` = strictly ascending by bytes. */
static bool read_texts(const json_t *array, bool sorted, size_t *n, char ***out)
{
    size_t size = json_array_size(array), i;

    if (!json_is_array(array)) {
        return false;
    }
    *out = xcalloc(size, sizeof **out);
    for (i = 0; i < size; i++) {
        const json_t *item = json_array_get(array, i);

        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item)) {
            return false;
        }
        (*out)[i] = xstrdup(json_string_value(item));
        *n = i + 1;
        if (sorted && i > 0 && strcmp((*out)[i - 1], (*out)[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static bool read_feature(const struct encoder *e, const json_t *o, struct encoder_feature *f)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    bool used;

    if (!read_name(o, &f->name) || type == NULL || !column_type_parse(type, &f->type) ||
        !read_bool(o, "used", &used)) {
        return false;
    }
    if (!column_holds_numbers(f->type)) {
        f->mean = f->std = f->min = f->max = NAN;
        if (json_object_size(o) != 5 || !read_bool(o, "missing_level", &f->missing_level) ||
            !read_texts(json_object_get(o, "texts"), true, &f->n_texts, &f->texts)) {
            return false;
        }
        f->width = used ? f->n_texts + f->missing_level : 0;
        return !used || f->width > 1;
    }
    if (json_object_size(o) != 7 || !read_number(o, "mean", !used, &f->mean) ||
        !read_number(o, "std", !used, &f->std) || !read_number(o, "min", !used, &f->min) ||
        !read_number(o, "max", !used, &f->max)) {
        return false;
    }
    f->width = used ? 1 : 0;
    return !used ||
           (f->std >= 0.0 && f->min <= f->max &&
            (f->std > 0.0 || e->numeric != ENCODER_STANDARDIZE));
}

static bool read_target(const json_t *o, struct encoder_target *t)
{
    return json_object_size(o) == 3 && read_name(o, &t->name) &&
           read_number(o, "mean", false, &t->mean) && read_number(o, "scale", false, &t->scale) &&
           t->scale > 0.0;
}

static bool read_classes(struct encoder *e, const json_t *classes, const json_t *values)
{
    size_t i;

    if (!e->is_classes) {
        return json_is_null(classes) && json_is_null(values);
    }
    if (!read_texts(classes, json_is_null(values), &e->n_classes, &e->classes) ||
        e->n_classes < 2 || e->n_classes > ENCODER_MAX_CLASSES || e->n_targets != 1) {
        return false;
    }
    if (json_is_null(values)) {
        return true;
    }
    if (json_array_size(values) != e->n_classes) {
        return false;
    }
    e->class_values = xcalloc(e->n_classes, sizeof *e->class_values);
    for (i = 0; i < e->n_classes; i++) {
        const json_t *value = json_array_get(values, i);

        e->class_values[i] = json_number_value(value);
        if (!json_is_number(value) || !isfinite(e->class_values[i]) ||
            (i > 0 && e->class_values[i - 1] >= e->class_values[i])) {
            return false;
        }
    }
    return true;
}

/* What is only there when it is used; *n: how many keys. */
static bool read_extras(const json_t *o, struct encoder *e, size_t *n)
{
    static const char *const names[] = {"offset", "weight"};
    char **into[] = {&e->offset, &e->weight};
    size_t i;

    *n = 0;
    for (i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *name = json_object_get(o, names[i]);
        size_t len = json_string_length(name);

        if (name == NULL) {
            continue;
        }
        if (len == 0 || len > DATASET_MAX_NAME || strlen(json_string_value(name)) != len) {
            return false;
        }
        *into[i] = xstrdup(json_string_value(name));
        (*n)++;
    }
    if (e->numeric != ENCODER_TOGETHER) {
        return true;
    }
    *n += 2;
    return read_number(o, "together_mean", false, &e->together_mean) &&
           read_number(o, "together_std", false, &e->together_std) && e->together_std > 0.0;
}

static bool read_encoder(const json_t *o, struct encoder **out)
{
    const json_t *features = json_object_get(o, "features"),
                 *targets = json_object_get(o, "targets");
    const json_t *classes = json_object_get(o, "classes");
    const json_t *version = json_object_get(o, "version");
    size_t n_features = json_array_size(features), n_targets = json_array_size(targets), i;
    size_t numeric, missing, target, extras = 0;
    struct encoder *e;

    if (!json_is_integer(version) ||
        json_integer_value(version) != VERSION || n_features == 0 ||
        n_features > DATASET_MAX_COLUMNS || n_targets == 0 || n_targets > DATASET_MAX_COLUMNS ||
        !read_choice(o, "numeric", numeric_names, ARRAY_LEN(numeric_names), &numeric) ||
        !read_choice(o, "missing", missing_names, ARRAY_LEN(missing_names), &missing) ||
        !read_choice(o, "target", numeric_names, ENCODER_NONE + 1, &target)) {
        return false;
    }
    e = *out = encoder_alloc(n_features, n_targets);
    e->numeric = (enum encoder_numeric)numeric;
    e->missing = (enum encoder_missing)missing;
    e->target = (enum encoder_numeric)target;
    e->is_classes = !json_is_null(classes);
    if (!read_extras(o, e, &extras) || json_object_size(o) != 8 + extras) {
        return false;
    }
    for (i = 0; i < n_features; i++) {
        if (!read_feature(e, json_array_get(features, i), &e->features[i])) {
            return false;
        }
    }
    for (i = 0; i < n_targets; i++) {
        if (!read_target(json_array_get(targets, i), &e->targets[i])) {
            return false;
        }
    }
    return read_classes(e, classes, json_object_get(o, "class_values")) &&
           encoder_place_features(e) == 0 && e->n_inputs > 0;
}

int encoder_from_json(const char *json, size_t len, struct encoder **out, struct err *err)
{
    struct encoder *e = NULL;
    json_error_t where;
    json_t *o = json_loadb(json, len, JSON_REJECT_DUPLICATES, &where);

    if (o == NULL || !read_encoder(o, &e)) {
        json_decref(o);
        encoder_free(&e);
        return err_set(err, ERR_CORRUPT, "the stored encoder is damaged");
    }
    json_decref(o);
    *out = e;
    return 0;
}
