/* The stored form of an encoder, read as if from a stranger; encoder_json.c says what it is. It
 * takes exactly its keys, types and orders: anything else is ERR_CORRUPT.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/datetime.h"
#include "data/encoder_json.h"
#include "data/encoder_level.h"

#define MAX_CODE  4.0     /* of a piecewise-linear code */
#define MAX_COUNT 1000000 /* a plan's min_count */

/* Readers return false on anything unexpected; the encoder is then freed as far as it is. */

bool encoder_json_choice(const json_t *o, const char *key, const char *const *names, size_t *out)
{
    const char *text = json_string_value(json_object_get(o, key));

    for (*out = 0; text != NULL && names[*out] != NULL; (*out)++) {
        if (strcmp(text, names[*out]) == 0) {
            return true;
        }
    }
    return false;
}

bool encoder_json_bool(const json_t *o, const char *key, bool *out)
{
    const json_t *value = json_object_get(o, key);

    *out = json_is_true(value);
    return json_is_boolean(value);
}

bool encoder_json_number(const json_t *o, const char *key, bool nullable, double *out)
{
    const json_t *value = json_object_get(o, key);

    *out = json_is_number(value) ? json_number_value(value) : (double)NAN;
    return isfinite(*out) || (nullable && json_is_null(value));
}

bool encoder_json_name(const json_t *o, const char *key, bool nullable, char **out)
{
    const json_t *value = json_object_get(o, key);
    size_t len = json_string_length(value);

    if (nullable && json_is_null(value)) {
        return true;
    }
    if (len == 0 || len > DATASET_MAX_NAME || strlen(json_string_value(value)) != len) {
        return false;
    }
    *out = xstrdup(json_string_value(value));
    return true;
}

bool encoder_json_texts(const json_t *array, bool sorted, size_t *n, char ***out)
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

/* An array of finite numbers, each above (or, `equal`, not below) the one before; 0 or >= 2. */
static bool read_sorted(const json_t *array, bool equal, size_t *n, double **out)
{
    size_t size = json_array_size(array), i;

    if (!json_is_array(array) || size == 1) {
        return false;
    }
    *out = xcalloc(size, sizeof **out);
    *n = size;
    for (i = 0; i < size; i++) {
        const json_t *item = json_array_get(array, i);
        double v = json_number_value(item);

        if (!json_is_number(item) || !isfinite(v) ||
            (i > 0 && !(equal ? v >= (*out)[i - 1] : v > (*out)[i - 1]))) {
            return false;
        }
        (*out)[i] = v;
    }
    return true;
}

static bool read_means(const json_t *array, size_t n, double **out)
{
    size_t i;

    if (!json_is_array(array) || json_array_size(array) != n) {
        return false;
    }
    *out = xcalloc(n, sizeof **out);
    for (i = 0; i < n; i++) {
        const json_t *item = json_array_get(array, i);

        (*out)[i] = json_number_value(item);
        if (!json_is_number(item) || !(fabs((*out)[i]) <= MAX_CODE)) {
            return false;
        }
    }
    return true;
}

static bool read_count(const json_t *o, const char *key, size_t low, size_t high, size_t *out)
{
    const json_t *value = json_object_get(o, key);
    json_int_t n = json_integer_value(value);

    *out = (size_t)n;
    return json_is_integer(value) && n >= (json_int_t)low && n <= (json_int_t)high;
}

static bool read_time(const char *name, enum encoder_time *out)
{
    for (*out = 0; *out < ENCODER_TIMES; (*out)++) {
        if (name != NULL && strcmp(name, encoder_time_names[*out]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_times(const json_t *array, unsigned *out)
{
    enum encoder_time part;
    size_t i;

    for (i = 0; i < json_array_size(array); i++) {
        if (!read_time(json_string_value(json_array_get(array, i)), &part)) {
            return false;
        }
        *out |= ENCODER_TIME_BIT(part);
    }
    return json_is_array(array);
}

static bool read_plan(const json_t *o, struct encoder_plan *plan)
{
    const json_t *constant = json_object_get(o, "constant");
    const char *missing = json_string_value(json_object_get(o, "missing"));
    bool is_constant = missing != NULL && strcmp(missing, "constant") == 0;
    const json_t *times = json_object_get(o, "datetime");
    size_t numeric, other = ENCODER_CONSTANT, indicator, categorical, unseen;

    if (json_object_size(o) != 10 ||
        !encoder_json_choice(o, "numeric", encoder_numeric_names, &numeric) ||
        (!is_constant && !encoder_json_choice(o, "missing", encoder_missing_names, &other)) ||
        !encoder_json_choice(o, "missing_indicator", encoder_indicator_names, &indicator) ||
        !encoder_json_choice(o, "categorical", encoder_categorical_names, &categorical) ||
        !encoder_json_choice(o, "unseen", encoder_unseen_names, &unseen) ||
        !read_count(o, "width", 0, ENCODER_MAX_WIDTH, &plan->width) ||
        !read_count(o, "min_count", 0, MAX_COUNT, &plan->min_count) ||
        !read_count(o, "hash_buckets", 0, ENCODER_MAX_HASH, &plan->buckets) ||
        !(is_constant ? json_is_string(constant) : json_is_null(constant)) ||
        !read_times(times, &plan->times)) {
        return false;
    }
    plan->categorical = (enum encoder_categorical)categorical;
    plan->unseen = (enum encoder_unseen)unseen;
    plan->numeric = (enum encoder_numeric)numeric;
    plan->missing = (enum encoder_missing)other;
    plan->indicator = (enum encoder_indicator)indicator;
    if (is_constant) {
        if (strlen(json_string_value(constant)) != json_string_length(constant)) {
            return false;
        }
        plan->constant = xstrdup(json_string_value(constant));
    }
    return true;
}

/* "stored" is there only where a job took a column as another type. */
static bool read_stored(const json_t *o, bool is_old, enum column_type *out)
{
    const json_t *stored = json_object_get(o, "stored");

    return stored == NULL || (!is_old && json_is_string(stored) &&
                              column_type_parse(json_string_value(stored), out));
}

/* Without that one. */
static size_t members(const json_t *o)
{
    return json_object_size(o) - (json_object_get(o, "stored") != NULL);
}

static bool read_stats(const json_t *o, struct encoder_feature *f)
{
    return encoder_json_number(o, "mean", !f->used, &f->mean) &&
           encoder_json_number(o, "std", !f->used, &f->std) &&
           encoder_json_number(o, "min", !f->used, &f->min) &&
           encoder_json_number(o, "max", !f->used, &f->max) &&
           encoder_json_bool(o, "indicator", &f->indicator) &&
           (!f->used || (f->std >= 0.0 && f->min <= f->max));
}

/* One input a value: no two are equal, and nothing else is asked of the number. */
static bool levels_are_good(const struct encoder_feature *f)
{
    size_t i;

    if (f->form != FORM_LEVELS) {
        return true;
    }
    for (i = 1; i < f->n_table && f->table[i] > f->table[i - 1]; i++) {
    }
    return i == f->n_table && f->n_table <= ENCODER_MAX_ONE_HOT && !f->value && !f->log &&
           f->n_edges == 0;
}

static bool read_numeric(const json_t *o, struct encoder_feature *f)
{
    size_t form;

    if (members(o) != 18 || !read_stats(o, f) ||
        !encoder_json_number(o, "fill", !f->used, &f->fill) ||
        !encoder_json_bool(o, "value", &f->value) || !encoder_json_bool(o, "log", &f->log) ||
        !encoder_json_choice(o, "form", encoder_form_names, &form) ||
        !encoder_json_number(o, "center", false, &f->center) ||
        !encoder_json_number(o, "spread", false, &f->spread) ||
        !read_sorted(json_object_get(o, "quantiles"), true, &f->n_table, &f->table) ||
        !read_sorted(json_object_get(o, "edges"), false, &f->n_edges, &f->edges) ||
        !read_means(json_object_get(o, "bin_means"), encoder_n_codes(f), &f->bin_means)) {
        return false;
    }
    f->form = (enum encoder_form)form;
    return f->spread > 0.0 && levels_are_good(f) &&
           (f->form == FORM_NORMAL || f->form == FORM_LEVELS) == (f->n_table > 0) &&
           (!f->used || f->value || f->indicator || f->n_edges > 0 || f->n_table > 0);
}

static bool read_format(const json_t *format, struct encoder_feature *f)
{
    size_t len = json_string_length(format);

    if (format == NULL) {
        return true;
    }
    if (!json_is_string(format) || len > DATETIME_MAX_FORMAT ||
        strlen(json_string_value(format)) != len ||
        datetime_format_problem(json_string_value(format)) != NULL) {
        return false;
    }
    f->format = xstrdup(json_string_value(format));
    return true;
}

static bool read_datetime(const json_t *o, struct encoder_feature *f)
{
    const json_t *parts = json_object_get(o, "parts"), *format = json_object_get(o, "format");
    size_t i;

    if (members(o) != 11 + (size_t)(format != NULL) || !read_format(format, f) ||
        !read_stats(o, f) ||
        !encoder_json_number(o, "fill", true, &f->fill) || !json_is_array(parts) ||
        json_array_size(parts) > ENCODER_TIMES) {
        return false;
    }
    f->parts = xcalloc(ENCODER_TIMES, sizeof *f->parts);
    f->n_parts = json_array_size(parts);
    for (i = 0; i < f->n_parts; i++) {
        const json_t *part = json_array_get(parts, i);
        struct encoder_part *p = &f->parts[i];

        if (json_object_size(part) != 3 ||
            !read_time(json_string_value(json_object_get(part, "part")), &p->part) ||
            !encoder_json_number(part, "mean", false, &p->mean) ||
            !encoder_json_number(part, "std", false, &p->std) || !(p->std > 0.0)) {
            return false;
        }
    }
    return !f->used || f->n_parts > 0 || f->indicator;
}

static bool read_levels(const json_t *o, struct encoder_feature *f)
{
    const json_t *fill = json_object_get(o, "fill");
    size_t levels;
    bool hashes, several;

    if (members(o) != 15 ||
        !encoder_json_choice(o, "levels", encoder_levels_names, &levels) ||
        !encoder_json_bool(o, "indicator", &f->indicator) ||
        !encoder_json_bool(o, "missing_level", &f->missing_level) ||
        !encoder_json_bool(o, "other", &f->other) ||
        !encoder_json_number(o, "center", false, &f->center) ||
        !encoder_json_number(o, "spread", false, &f->spread) || !(f->spread > 0.0) ||
        !read_count(o, "buckets", 0, ENCODER_MAX_HASH, &f->buckets) ||
        !read_count(o, "embedding", 0, ENCODER_MAX_WIDTH, &f->embedding) ||
        !encoder_json_texts(json_object_get(o, "texts"), true, &f->n_texts, &f->texts) ||
        !encoder_json_texts(json_object_get(o, "pooled"), true, &f->n_pooled, &f->pooled) ||
        !(json_is_null(fill) ||
          (json_is_string(fill) && strlen(json_string_value(fill)) == json_string_length(fill)))) {
        return false;
    }
    f->levels = (enum encoder_levels)levels;
    f->fill_text = json_is_string(fill) ? xstrdup(json_string_value(fill)) : NULL;
    hashes = f->levels == LEVELS_HASH || f->levels == LEVELS_WORDS;
    several = f->levels != LEVELS_ONE_HOT || encoder_n_levels(f) > 1;
    return !f->used ||
           (several && hashes == (f->buckets > 0) &&
            (f->levels == LEVELS_INDEX) == (f->embedding > 0) &&
            (!f->missing_level || f->levels == LEVELS_ONE_HOT || f->levels == LEVELS_HASH) &&
            (!f->indicator || f->levels != LEVELS_INDEX));
}

/* `old`: the whole of version 1, or NULL. */
static bool read_feature(const struct encoder *e, const json_t *old, const json_t *o,
                         struct encoder_feature *f)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    const json_t *plan = json_object_get(o, "plan");

    if (!encoder_json_name(o, "name", false, &f->name) || type == NULL ||
        !column_type_parse(type, &f->type) || (old != NULL && f->type > COLUMN_CATEGORICAL) ||
        !encoder_json_bool(o, "used", &f->used)) {
        return false;
    }
    f->stored = f->type;
    if (!read_stored(o, old != NULL, &f->stored)) {
        return false;
    }
    if (old != NULL || json_is_null(plan)) {
        encoder_plan_copy(&f->plan, &e->plan);
    } else if (!read_plan(plan, &f->plan)) {
        return false;
    }
    f->center = 0.0;
    f->spread = 1.0;
    if (column_holds_numbers(f->type)) {
        return old != NULL                  ? encoder_json_old_number(old, o, e, f)
               : f->type == COLUMN_DATETIME ? read_datetime(o, f)
                                            : read_numeric(o, f);
    }
    f->mean = f->std = f->min = f->max = f->fill = NAN;
    return old != NULL ? encoder_json_old_texts(o, f) : read_levels(o, f);
}

static bool read_target(const json_t *o, bool is_old, struct encoder_target *t)
{
    return read_stored(o, is_old, &t->stored) && members(o) == (is_old ? 3 : 4) &&
           encoder_json_name(o, "name", false, &t->name) &&
           encoder_json_number(o, "mean", false, &t->mean) &&
           encoder_json_number(o, "scale", false, &t->scale) &&
           (is_old || encoder_json_bool(o, "log", &t->log)) && t->scale > 0.0;
}

static bool read_classes(struct encoder *e, const json_t *classes, const json_t *values)
{
    size_t i;

    if (!e->is_classes) {
        return json_is_null(classes) && json_is_null(values);
    }
    if (!encoder_json_texts(classes, json_is_null(values), &e->n_classes, &e->classes) ||
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

static bool read_words(const json_t *o, struct missing *out)
{
    const json_t *words = json_object_get(o, "words");
    size_t i;

    if (o == NULL) {
        return true;
    }
    if (json_object_size(o) != 2 || !encoder_json_bool(o, "defaults", &out->defaults) ||
        !json_is_array(words)) {
        return false;
    }
    for (i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));

        if (word == NULL || !missing_add(out, word, strlen(word)) || out->n != i + 1) {
            return false;
        }
    }
    return true;
}

/* The choices of the whole; *n: how many keys it has. */
static bool read_choices(const json_t *o, struct encoder *e, size_t *n)
{
    const json_t *words = json_object_get(o, "missing_words");
    size_t target;

    *n = 9 + (size_t)(words != NULL);
    if (!read_words(words, &e->missing) || !read_plan(json_object_get(o, "plan"), &e->plan) ||
        !encoder_json_choice(o, "target", encoder_numeric_names, &target) ||
        target > ENCODER_LOG1P) {
        return false;
    }
    e->target = (enum encoder_numeric)target;
    return encoder_json_name(o, "offset", true, &e->offset) &&
           encoder_json_name(o, "weight", true, &e->weight);
}

static bool read_encoder(const json_t *o, struct encoder **out)
{
    const json_t *features = json_object_get(o, "features"),
                 *targets = json_object_get(o, "targets");
    const json_t *classes = json_object_get(o, "classes");
    const json_t *version = json_object_get(o, "version");
    size_t n_features = json_array_size(features), n_targets = json_array_size(targets), n_keys, i;
    bool is_old = json_integer_value(version) == 1;
    struct encoder *e;

    if (!json_is_integer(version) || (!is_old && json_integer_value(version) != ENCODER_VERSION) ||
        n_features == 0 || n_features > DATASET_MAX_COLUMNS || n_targets == 0 ||
        n_targets > DATASET_MAX_COLUMNS) {
        return false;
    }
    e = *out = encoder_alloc(n_features, n_targets);
    e->is_classes = !json_is_null(classes);
    if (!(is_old ? encoder_json_old(o, e, &n_keys) : read_choices(o, e, &n_keys)) ||
        json_object_size(o) != n_keys) {
        return false;
    }
    for (i = 0; i < n_features; i++) {
        if (!read_feature(e, is_old ? o : NULL, json_array_get(features, i), &e->features[i])) {
            return false;
        }
    }
    for (i = 0; i < n_targets; i++) {
        if (!read_target(json_array_get(targets, i), is_old, &e->targets[i])) {
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
