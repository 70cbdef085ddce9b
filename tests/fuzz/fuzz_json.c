/* JSON from strangers (json_util.h): what is taken can be written and taken again and is then the
 * same, whatever the reading costs stays within the thread's budget, and a refusal says where.
 */
#include "fuzz.h"

#include "jobs/json_util.h"
#include "jobs/json_util_budget.h"

#define BUDGET ((size_t)4 << 20)

static char *dumped(const json_t *json)
{
    struct buf buf = BUF_INIT;

    json_util_dump(&buf, json);
    return buf_take(&buf);
}

/* Any text can be shown, pointed to and quoted. */
static void look_at_text(const char *text)
{
    struct buf buf = BUF_INIT;
    char shown[JSON_UTIL_SHOWN];
    json_error_t why;
    json_t *back;

    FUZZ_TRUE(strlen(json_util_shown(text, shown)) < JSON_UTIL_SHOWN);
    json_util_pointer(&buf, text);
    FUZZ_TRUE(buf.data[0] == '/');
    buf_clear(&buf);
    json_util_text(&buf, text);
    back = json_loadb(buf.data, buf.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    FUZZ_TRUE(back != NULL && strcmp(json_string_value(back), text) == 0);
    json_decref(back);
    buf_fini(&buf);
}

static void look_at(const json_t *json, size_t depth)
{
    char shown[JSON_UTIL_SHOWN + 8];
    const json_t *value;
    const char *key;
    size_t i;

    depth += json_is_array(json) || json_is_object(json);
    FUZZ_TRUE(depth <= JSON_UTIL_MAX_DEPTH);
    FUZZ_TRUE(strlen(json_util_describe(json, shown)) < sizeof shown);
    if (json_is_string(json)) {
        look_at_text(json_string_value(json));
    }
    for (i = 0; i < json_array_size(json); i++) {
        look_at(json_array_get(json, i), depth);
    }
    /* the macro wants it without const, and only reads */
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        look_at_text(key);
        look_at(value, depth);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    json_t *json = NULL, *again = NULL;
    char *text, *twice;
    static bool installed;

    fuzz_start();
    if (!installed) {
        installed = true;
        json_util_budget_install();
    }
    json_util_budget_set(BUDGET);
    fuzz_err(json_util_parse((const char *)data, size, JSON_UTIL_FEW, &json, &err), &err);
    if (json == NULL) {
        FUZZ_TRUE(err.code == ERR_SYNTAX || err.code == ERR_TOO_LARGE);
        err_fini(&err);
        return 0;
    }
    json_util_budget_set(0);
    look_at(json, 0);
    text = dumped(json);
    FUZZ_TRUE(json_util_parse(text, strlen(text), JSON_UTIL_FEW, &again, &err) == 0);
    twice = dumped(again);
    FUZZ_TRUE(strcmp(text, twice) == 0);
    free(text);
    free(twice);
    json_decref(json);
    json_decref(again);
    return 0;
}
