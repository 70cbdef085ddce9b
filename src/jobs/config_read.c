/* A JSON object against the table of keys: types, ranges, unknown keys.
 *
 * The reader never stops at the first problem: each goes to the caller's struct err with
 * its JSON pointer, and the value counts as not given. Messages say what must be and what
 * came. Recursion follows the table, so it is as deep as the table's paths.
 *
 * Any thread; no state.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

#define DESCRIBED (JSON_UTIL_SHOWN + 8)

void config_refuse(struct err *err, const struct buf *pointer, const char *key, const char *fmt,
                   ...)
{
    struct buf where = BUF_INIT;
    char *detail;
    va_list ap;

    buf_puts(&where, pointer->len > 0 ? pointer->data : "");
    if (key != NULL) {
        json_util_pointer(&where, key);
    }
    va_start(ap, fmt);
    detail = xvasprintf(fmt, ap);
    va_end(ap);
    err_add(err, where.data, "%s", detail);
    free(detail);
    buf_fini(&where);
}

/* "must be X, got Y" */
static void refuse_value(struct err *err, const struct buf *pointer, const char *must,
                         const json_t *json)
{
    char got[DESCRIBED];

    config_refuse(err, pointer, NULL, "must be %s, got %s", must, json_util_describe(json, got));
}

/* The last part of a path, and the length of what stands before it. */
static const char *leaf_of(const char *path, size_t *parent_len)
{
    const char *slash = strrchr(path, '/');

    *parent_len = slash != NULL ? (size_t)(slash - path) : 0;
    return slash != NULL ? slash + 1 : path;
}

static bool is_member(enum config_id id, const char *parent, const char **leaf)
{
    size_t len;

    *leaf = leaf_of(config_keys[id].path, &len);
    return strlen(parent) == len && strncmp(config_keys[id].path, parent, len) == 0;
}

static void refuse_unknown(const char *parent, const char *key, const struct buf *pointer,
                           struct err *err)
{
    const char *names[KEY_COUNT], *leaf, *nearest;
    struct buf all = BUF_INIT;
    char shown[JSON_UTIL_SHOWN];
    size_t n = 0;
    enum config_id id;

    for (id = 0; id < KEY_COUNT; id++) {
        if (is_member(id, parent, &leaf)) {
            names[n++] = leaf;
            buf_printf(&all, "%s%s", n > 1 ? ", " : "", leaf);
        }
    }
    json_util_shown(key, shown);
    /* The right word in the wrong place is a likelier slip than a wrong word. */
    for (id = 0; id < KEY_COUNT; id++) {
        size_t len;

        if (strcmp(leaf_of(config_keys[id].path, &len), key) != 0) {
            continue;
        }
        if (len > 0) {
            config_refuse(err, pointer, key, "unknown key \"%s\" here; it belongs in \"%.*s\"",
                          shown, (int)len, config_keys[id].path);
        } else {
            config_refuse(err, pointer, key, "unknown key \"%s\" here; it belongs at the top",
                          shown);
        }
        buf_fini(&all);
        return;
    }
    nearest = text_nearest(key, names, n);
    if (nearest != NULL) {
        config_refuse(err, pointer, key, "unknown key \"%s\", did you mean \"%s\"?", shown,
                      nearest);
    } else {
        config_refuse(err, pointer, key, "unknown key \"%s\"; known here: %s", shown, all.data);
    }
    buf_fini(&all);
}

static bool has_members(enum config_id id)
{
    return config_keys[id].type == TYPE_OBJECT || config_keys[id].type == TYPE_SHORT;
}

/* The value of its one member in place of an object. */
static void read_short(const json_t *json, enum config_id id, struct buf *pointer,
                       struct config_value *values, struct err *err)
{
    const char *leaf;
    enum config_id k = 0;

    while (!(is_member(k, config_keys[id].path, &leaf) &&
             strcmp(leaf, config_keys[id].member) == 0)) {
        k++;
        CHK(k < KEY_COUNT);
    }
    config_read_value(json, k, pointer, &values[k], err);
}

void config_read_object(const json_t *object, const char *path, struct buf *pointer,
                        struct config_value *values, struct err *err)
{
    const char *key, *leaf;
    json_t *member;

    /* The macro wants a pointer that is not const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)object, key, member)
    {
        size_t keep = pointer->len;
        enum config_id id = 0;

        if (err_full(err)) {
            return;
        }
        while (id < KEY_COUNT && !(is_member(id, path, &leaf) && strcmp(leaf, key) == 0)) {
            id++;
        }
        if (id == KEY_COUNT) {
            refuse_unknown(path, key, pointer, err);
            continue;
        }
        json_util_pointer(pointer, key);
        config_read_value(member, id, pointer, &values[id], err);
        if (json_is_object(values[id].json) && has_members(id)) {
            config_read_object(member, config_keys[id].path, pointer, values, err);
        } else if (config_keys[id].type == TYPE_SHORT && values[id].json != NULL) {
            read_short(member, id, pointer, values, err);
        }
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
}

/* ---- one value -------------------------------------------------------------- */

static void print_bound(char *out, size_t size, double v)
{
    struct buf text = BUF_INIT;

    json_util_number(&text, v);
    (void)snprintf(out, size, "%s", text.data);
    buf_fini(&text);
}

static bool read_number(const json_t *json, const struct config_key *key, const struct buf *pointer,
                        struct config_value *value, struct err *err)
{
    double v = json_number_value(json);
    char bound[40], must[96];
    bool low = key->open_low ? v > key->low : v >= key->low;
    bool high = key->open_high ? v < key->high : v <= key->high;

    if (!json_is_number(json)) {
        refuse_value(err, pointer, "a number", json);
        return false;
    }
    if (!low) {
        print_bound(bound, sizeof bound, key->low);
        (void)snprintf(must, sizeof must, "%s %s", key->open_low ? ">" : ">=", bound);
    } else if (!high) {
        print_bound(bound, sizeof bound, key->high);
        (void)snprintf(must, sizeof must, "%s %s%s", key->open_high ? "<" : "at most", bound,
                       key->single ? " (a float32)" : "");
    } else if (key->single && v > 0 && (float)v == 0) {
        (void)snprintf(must, sizeof must, "at least 1.5e-45 (a float32)");
    } else {
        value->number = v;
        return true;
    }
    refuse_value(err, pointer, must, json);
    return false;
}

static bool read_integer(const json_t *json, const struct config_key *key,
                         const struct buf *pointer, struct config_value *value, struct err *err)
{
    char must[96];
    json_int_t v = json_integer_value(json);

    /* Compared as integers: 2^53 + 1 is 2^53 as a double. */
    if (json_is_integer(json) && v >= (json_int_t)key->low && v <= (json_int_t)key->high) {
        value->number = (double)v;
        return true;
    }
    (void)snprintf(must, sizeof must, "a whole number from %.0f to %.0f%s", key->low, key->high,
                   json_is_real(json) ? ", written without point or exponent" : "");
    refuse_value(err, pointer, must, json);
    return false;
}

static void refuse_choice(const json_t *json, const char *const *names, size_t n,
                          const struct buf *pointer, struct err *err)
{
    const char *text = json_string_value(json), *nearest = NULL;
    struct buf must = BUF_INIT;
    char got[DESCRIBED];
    size_t i;

    for (i = 0; i < n; i++) {
        buf_printf(&must, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
    }
    if (text != NULL) {
        nearest = text_nearest(text, names, n);
    }
    json_util_describe(json, got);
    if (nearest != NULL) {
        config_refuse(err, pointer, NULL, "must be one of %s; got %s, did you mean \"%s\"?",
                      must.data, got, nearest);
    } else {
        config_refuse(err, pointer, NULL, "must be %s%s, got %s", n > 1 ? "one of " : "", must.data,
                      got);
    }
    buf_fini(&must);
}

static bool read_choice(const json_t *json, const struct config_key *key, const struct buf *pointer,
                        size_t *choice, struct err *err)
{
    const char *const *names = key->choices();
    const char *text = json_string_value(json);
    size_t n;

    for (n = 0; names[n] != NULL; n++) {
        if (text != NULL && strcmp(names[n], text) == 0) {
            *choice = n;
            return true;
        }
    }
    refuse_choice(json, names, n, pointer, err);
    return false;
}

/* Every item that an earlier one equals is a problem. */
static bool texts_distinct(const json_t *array, struct buf *pointer, struct err *err)
{
    json_t *seen = json_object();
    size_t i, keep = pointer->len;
    bool ok = true;

    CHK(seen != NULL);
    for (i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));

        if (text != NULL && json_object_get(seen, text) != NULL) {
            char shown[JSON_UTIL_SHOWN];

            json_util_pointer_index(pointer, i);
            config_refuse(err, pointer, NULL, "\"%s\" is there twice",
                          json_util_shown(text, shown));
            pointer->len = keep;
            pointer->data[keep] = '\0';
            ok = false;
        } else if (text != NULL) {
            CHK(json_object_set_new(seen, text, json_true()) == 0);
        }
    }
    json_decref(seen);
    return ok;
}

static bool read_texts(const json_t *json, const struct config_key *key, struct buf *pointer,
                       struct err *err)
{
    size_t n = json_array_size(json), most = key->most > 0 ? key->most : DATASET_MAX_COLUMNS;
    size_t keep = pointer->len, i;
    bool ok = true, choices = key->type == TYPE_CHOICES;

    if (n > most) {
        config_refuse(err, pointer, NULL, "has %zu items, the limit is %zu", n, most);
        return false;
    }
    if (n == 0 && key->type == TYPE_TEXT_OR_TEXTS) {
        refuse_value(err, pointer, "a text or an array of texts", json);
        return false;
    }
    for (i = 0; i < n; i++) {
        const json_t *item = json_array_get(json, i);
        size_t choice;

        json_util_pointer_index(pointer, i);
        if (choices) {
            ok = read_choice(item, key, pointer, &choice, err) && ok;
        } else if (!json_is_string(item)) {
            refuse_value(err, pointer, "a text", item);
            ok = false;
        }
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
    return texts_distinct(json, pointer, err) && ok;
}

/* Each a number as the table says, each larger than the one before. */
static bool read_numbers(const json_t *json, const struct config_key *key, struct buf *pointer,
                         struct err *err)
{
    size_t n = json_array_size(json), keep = pointer->len, i;
    struct config_value value, before = {.number = -HUGE_VAL};
    bool ok = true;

    if (n > key->most) {
        config_refuse(err, pointer, NULL, "has %zu items, the limit is %zu", n, key->most);
        return false;
    }
    for (i = 0; i < n && ok; i++) {
        const json_t *item = json_array_get(json, i);

        json_util_pointer_index(pointer, i);
        ok = key->type == TYPE_NUMBERS ? read_number(item, key, pointer, &value, err)
                                       : read_integer(item, key, pointer, &value, err);
        if (ok && value.number <= before.number) {
            config_refuse(err, pointer, NULL, "must be larger than the one before it");
            ok = false;
        }
        before = value;
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
    return ok;
}

/* Numbers are equal by value, else as jansson says. */
static bool equals(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        return json_number_value(a) == json_number_value(b);
    }
    return json_equal(a, b) == 1;
}

static void read_absent(const json_t *json, const struct config_key *key, const struct buf *pointer,
                        struct err *err)
{
    json_t *passes = json_loads(key->neutral, 0, NULL);
    struct buf may = BUF_INIT;
    bool ok = false;
    size_t i;

    CHK(passes != NULL);
    for (i = 0; i < json_array_size(passes); i++) {
        ok = ok || equals(json, json_array_get(passes, i));
        buf_puts(&may, i > 0 ? " or " : "");
        json_util_dump(&may, json_array_get(passes, i));
    }
    if (!ok) {
        config_refuse(err, pointer, NULL, "not available in this version: leave it out, or %s",
                      may.data);
    }
    buf_fini(&may);
    json_decref(passes);
}

void config_read_value(const json_t *json, enum config_id id, struct buf *pointer,
                       struct config_value *value, struct err *err)
{
    const struct config_key *key = &config_keys[id];
    const char *must = NULL; /* the readers of more than a type say it themselves */
    bool ok = false;

    *value = (struct config_value){.given = true};
    if (json_is_null(json) && key->null_ok) {
        return;
    }
    switch (key->type) {
    case TYPE_OBJECT:
        ok = json_is_object(json);
        must = key->null_ok ? "an object or null" : "an object";
        break;
    case TYPE_NUMBER:
        ok = read_number(json, key, pointer, value, err);
        break;
    case TYPE_INTEGER:
        ok = read_integer(json, key, pointer, value, err);
        break;
    case TYPE_BOOL:
        ok = json_is_boolean(json);
        value->number = json_is_true(json);
        must = "true or false";
        break;
    case TYPE_TEXT:
        ok = json_is_string(json) && json_string_length(json) > 0;
        must = "a text";
        break;
    case TYPE_KEY:
        ok = (json_is_string(json) && json_string_length(json) > 0) ||
             (json_is_integer(json) && json_integer_value(json) > 0);
        must = "a dataset's name, id or \"sha256:...\"";
        break;
    case TYPE_MODEL:
        ok = (json_is_string(json) && json_string_length(json) > 0) ||
             (json_is_integer(json) && json_integer_value(json) > 0);
        must = "a model's id or name";
        break;
    case TYPE_SHORT:
        ok = json_is_object(json) || json_is_string(json) || json_is_integer(json);
        must = strcmp(key->member, "model") == 0 ? "an object, or a model's id or name"
                                                 : "an object, or the name of its type";
        break;
    case TYPE_NUMBERS:
    case TYPE_INTEGERS:
        ok = json_is_array(json) && read_numbers(json, key, pointer, err);
        must = json_is_array(json) ? NULL : "an array of numbers";
        break;
    case TYPE_TEXTS:
    case TYPE_CHOICES:
        ok = json_is_array(json) && read_texts(json, key, pointer, err);
        must = json_is_array(json) ? NULL : "an array of texts";
        break;
    case TYPE_TEXT_OR_TEXTS:
        ok = (json_is_string(json) && json_string_length(json) > 0) ||
             (json_is_array(json) && read_texts(json, key, pointer, err));
        must = json_is_array(json) ? NULL : "a text or an array of texts";
        break;
    case TYPE_CHOICE:
        ok = read_choice(json, key, pointer, &value->choice, err);
        break;
    case TYPE_OWN:
        ok = true;
        break;
    case TYPE_ABSENT:
        read_absent(json, key, pointer, err);
        break;
    }
    if (ok) {
        value->json = json;
    } else if (must != NULL) {
        refuse_value(err, pointer, must, json);
    }
}
