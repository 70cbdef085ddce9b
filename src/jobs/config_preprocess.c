/* The preprocess part of a config: values that are a choice or something else ("missing",
 * "missing_indicator"), and the choices of single columns. What needs the dataset waits for
 * config_resolve_preprocess.c.
 *
 * Any thread; no state.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

/* A choice, or {"constant": value}. */
static bool read_missing(const json_t *json, struct config_value *value)
{
    const json_t *constant = json_object_get(json, "constant");
    const char *text = json_string_value(json);

    if (json_is_object(json)) {
        value->choice = ENCODER_CONSTANT;
        return json_object_size(json) == 1 &&
               (json_is_number(constant) || json_is_boolean(constant) ||
                (json_is_string(constant) && json_string_length(constant) > 0));
    }
    for (value->choice = 0; encoder_missing_names[value->choice] != NULL; value->choice++) {
        if (text != NULL && strcmp(text, encoder_missing_names[value->choice]) == 0) {
            return true;
        }
    }
    return false;
}

static void refuse_missing(const json_t *json, const struct buf *pointer, struct err *err)
{
    const char *nearest = NULL, *text = json_string_value(json);
    char got[JSON_UTIL_SHOWN + 8];
    struct buf names = BUF_INIT;
    size_t n;

    for (n = 0; encoder_missing_names[n] != NULL; n++) {
        buf_printf(&names, "\"%s\", ", encoder_missing_names[n]);
    }
    if (text != NULL) {
        nearest = text_nearest(text, encoder_missing_names, n);
    }
    config_refuse(err, pointer, NULL,
                  "must be one of %s{\"constant\": number or text}; got %s%s%s%s", names.data,
                  json_util_describe(json, got), nearest != NULL ? ", did you mean \"" : "",
                  nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    buf_fini(&names);
}

/* "missing" and "missing_indicator", which the table leaves to us; what is wrong is not given. */
static void read_own(struct config_value *missing, struct config_value *indicator,
                     struct buf *pointer, struct err *err)
{
    size_t keep = pointer->len;
    char got[JSON_UTIL_SHOWN + 8];
    const char *text;

    if (missing->given && !read_missing(missing->json, missing)) {
        json_util_pointer(pointer, "missing");
        refuse_missing(missing->json, pointer, err);
        missing->json = NULL;
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
    if (!indicator->given) {
        return;
    }
    text = json_string_value(indicator->json);
    indicator->choice = json_is_true(indicator->json)    ? ENCODER_INDICATOR_ON
                        : json_is_false(indicator->json) ? ENCODER_INDICATOR_OFF
                                                         : ENCODER_INDICATOR_AUTO;
    if (!json_is_boolean(indicator->json) && (text == NULL || strcmp(text, "auto") != 0)) {
        config_refuse(err, pointer, "missing_indicator", "must be true, false or \"auto\", got %s",
                      json_util_describe(indicator->json, got));
        indicator->json = NULL;
    }
}

static void read_column(const char *name, const json_t *json, struct buf *pointer,
                        struct config_column *column, struct err *err)
{
    struct config_value values[KEY_COUNT] = {{.given = false}};
    char got[JSON_UTIL_SHOWN + 8];

    column->name = name;
    if (json_is_object(json)) {
        config_read_object(json, "preprocess/columns/*", pointer, values, err);
        read_own(&values[KEY_COLUMN_MISSING], &values[KEY_COLUMN_INDICATOR], pointer, err);
    } else {
        config_refuse(err, pointer, NULL,
                      "must be an object such as {\"numeric\": \"robust\"}, got %s",
                      json_util_describe(json, got));
    }
    memcpy(column->values, values + CONFIG_COLUMN_FIRST, sizeof column->values);
}

void config_read_preprocess(struct config *config, struct err *err)
{
    const json_t *columns = config->values[KEY_COLUMNS].json;
    struct buf pointer = BUF_INIT;
    char got[JSON_UTIL_SHOWN + 8];
    const char *name;
    json_t *member;
    size_t keep;

    buf_puts(&pointer, "/preprocess");
    read_own(&config->values[KEY_MISSING], &config->values[KEY_INDICATOR], &pointer, err);
    if (columns != NULL && !json_is_object(columns)) {
        config_refuse_key(err, KEY_COLUMNS, "must be an object of column to object, got %s",
                          json_util_describe(columns, got));
    } else if (json_object_size(columns) > DATASET_MAX_COLUMNS) {
        config_refuse_key(err, KEY_COLUMNS, "has %zu columns, the limit is %d",
                          json_object_size(columns), DATASET_MAX_COLUMNS);
    } else if (columns != NULL) {
        config->columns = xcalloc(json_object_size(columns) + 1, sizeof *config->columns);
        json_util_pointer(&pointer, "columns");
        keep = pointer.len;
        /* The macro wants a pointer that is not const, and only reads. */
        json_object_foreach((json_t *)(uintptr_t)columns, name, member)
        {
            json_util_pointer(&pointer, name);
            read_column(name, member, &pointer, &config->columns[config->n_columns++], err);
            pointer.len = keep;
            pointer.data[keep] = '\0';
        }
    }
    buf_fini(&pointer);
}
