/* "data/filter" of the job config: JSON -> struct filter, and back.
 *
 * Values keep the kind they came in (number, text, boolean), so that the resolved form shows what
 * was asked for; whether they fit their column is seen when the dataset is there (filter_check).
 *
 * Any thread; no state.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

static bool read_value(const json_t *json, struct filter_value *out)
{
    if (json_is_number(json)) {
        *out = (struct filter_value){.kind = FILTER_NUMBER, .number = json_number_value(json)};
    } else if (json_is_boolean(json)) {
        *out = (struct filter_value){.kind = FILTER_BOOLEAN, .number = json_is_true(json)};
    } else if (json_is_string(json)) {
        *out = (struct filter_value){.kind = FILTER_TEXT, .text = xstrdup(json_string_value(json))};
    } else {
        return false;
    }
    return true;
}

/* The values of an op that has some. */
static void read_values(const json_t *json, struct buf *pointer, struct filter_condition *c,
                        struct err *err)
{
    bool list = c->op == FILTER_IN || c->op == FILTER_NOT_IN;
    size_t n = list ? json_array_size(json) : 1, i;
    char got[JSON_UTIL_SHOWN + 8];

    if (json == NULL || json_is_null(json)) {
        config_refuse(err, pointer, "value", "is required: what to compare with%s",
                      list ? "" : "; cells without a value have the op \"missing\"");
        return;
    }
    if (list && (!json_is_array(json) || n == 0 || n > FILTER_MAX_VALUES)) {
        config_refuse(err, pointer, "value", "must be an array of 1 to %d values, got %s",
                      FILTER_MAX_VALUES, json_util_describe(json, got));
        return;
    }
    c->values = xcalloc(n, sizeof *c->values);
    for (i = 0; i < n; i++) {
        const json_t *item = list ? json_array_get(json, i) : json;

        if (!read_value(item, &c->values[c->n])) {
            config_refuse(err, pointer, "value", "must be %s, got %s",
                          list ? "numbers, texts or booleans" : "a number, a text or a boolean",
                          json_util_describe(item, got));
            return;
        }
        c->n++;
    }
}

static void read_condition(const json_t *json, struct buf *pointer, struct filter_condition *c,
                           struct err *err)
{
    struct config_value values[KEY_COUNT] = {{.given = false}};
    char got[JSON_UTIL_SHOWN + 8];

    if (!json_is_object(json)) {
        config_refuse(err, pointer, NULL,
                      "must be an object such as {\"column\": \"age\", \"op\": \">=\", \"value\": "
                      "18}, got %s",
                      json_util_describe(json, got));
        return;
    }
    config_read_object(json, "data/filter[]", pointer, values, err);
    if (!values[KEY_FILTER_COLUMN].given) {
        config_refuse(err, pointer, "column", "is required: the column to look at");
    }
    if (!values[KEY_FILTER_OP].given) {
        config_refuse(err, pointer, "op", "is required: %s", config_keys[KEY_FILTER_OP].help);
    }
    if (values[KEY_FILTER_COLUMN].json == NULL || values[KEY_FILTER_OP].json == NULL) {
        return;
    }
    c->column = xstrdup(json_string_value(values[KEY_FILTER_COLUMN].json));
    c->op = (enum filter_op)values[KEY_FILTER_OP].choice;
    if (c->op != FILTER_MISSING && c->op != FILTER_NOT_MISSING) {
        read_values(values[KEY_FILTER_VALUE].json, pointer, c, err);
    } else if (values[KEY_FILTER_VALUE].json != NULL) {
        config_refuse(err, pointer, "value", "\"%s\" has none: leave it out",
                      filter_op_names[c->op]);
    }
}

int config_read_filter(const struct config *config, struct filter *out, struct err *err)
{
    const json_t *json = config->values[KEY_FILTER].json;
    size_t n = json_array_size(json), before = err->n_items + err->n_dropped, i;
    struct buf pointer = BUF_INIT;
    char got[JSON_UTIL_SHOWN + 8];

    *out = (struct filter){.n = 0};
    if (json == NULL) {
        return 0;
    }
    if (!json_is_array(json) || n > FILTER_MAX_CONDITIONS) {
        config_refuse_key(err, KEY_FILTER, "must be an array of at most %d conditions, got %s",
                          FILTER_MAX_CONDITIONS, json_util_describe(json, got));
        return -1;
    }
    out->conditions = xcalloc(n > 0 ? n : 1, sizeof *out->conditions);
    for (i = 0; i < n; i++) {
        buf_clear(&pointer);
        buf_puts(&pointer, "/data/filter");
        json_util_pointer_index(&pointer, i);
        read_condition(json_array_get(json, i), &pointer, &out->conditions[out->n++], err);
    }
    buf_fini(&pointer);
    if (err->n_items + err->n_dropped > before) {
        filter_fini(out);
        return -1;
    }
    return 0;
}

static void print_value(struct buf *b, const struct filter_value *value)
{
    if (value->kind == FILTER_TEXT) {
        json_util_text(b, value->text);
    } else if (value->kind == FILTER_BOOLEAN) {
        buf_puts(b, value->number > 0 ? "true" : "false");
    } else {
        json_util_number(b, value->number);
    }
}

void config_print_filter(struct buf *b, const struct filter *filter)
{
    size_t i, k;

    buf_puts(b, "[");
    for (i = 0; i < filter->n; i++) {
        const struct filter_condition *c = &filter->conditions[i];
        bool list = c->op == FILTER_IN || c->op == FILTER_NOT_IN;

        buf_puts(b, i > 0 ? ",{\"column\":" : "{\"column\":");
        json_util_text(b, c->column);
        buf_puts(b, ",\"op\":");
        json_util_text(b, filter_op_names[c->op]);
        if (c->n > 0) {
            buf_puts(b, list ? ",\"value\":[" : ",\"value\":");
        }
        for (k = 0; k < c->n; k++) {
            buf_puts(b, k > 0 ? "," : "");
            print_value(b, &c->values[k]);
        }
        buf_puts(b, c->n > 0 && list ? "]}" : "}");
    }
    buf_puts(b, "]");
}
