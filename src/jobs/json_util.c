/* JSON from strangers and JSON for people; see json_util.h.
 *
 * The scan before the parse is one pass over the bytes that knows strings and escapes and
 * nothing else of the grammar: it only has to be right about how many values and levels
 * jansson would build at most. What is malformed, jansson refuses afterwards.
 *
 * Any thread; no state.
 */
#include "jobs/json_util.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/reader.h"
#include "jobs/json_util_budget.h"

#define MAX_KEY 128 /* bytes of a client's key kept in a pointer */

struct place {
    size_t line, column;
};

static struct place place_of(const char *text, size_t at)
{
    struct place p = {.line = 1, .column = 1};
    size_t i;

    for (i = 0; i < at; i++) {
        if (text[i] == '\n') {
            p.line++;
            p.column = 1;
        } else {
            p.column++;
        }
    }
    return p;
}

/* Past the string whose opening quote is at `i`. */
static size_t skip_string(const char *text, size_t len, size_t i)
{
    for (i++; i < len && text[i] != '"'; i++) {
        if (text[i] == '\\') {
            i++;
        }
    }
    return i < len ? i + 1 : len;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '+' || c == '.';
}

static int scan(const char *text, size_t len, size_t max_values, struct err *err)
{
    size_t depth = 0, values = 0, strings = 0, i = 0;

    while (i < len) {
        char c = text[i];

        if (c == '"') {
            i = skip_string(text, len, i);
            strings++;
        } else if (c == '{' || c == '[') {
            values++;
            i++;
            if (++depth > JSON_UTIL_MAX_DEPTH) {
                struct place p = place_of(text, i - 1);

                return err_set(err, ERR_SYNTAX,
                               "nested deeper than %d levels (line %zu, column %zu)",
                               JSON_UTIL_MAX_DEPTH, p.line, p.column);
            }
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
            i++;
        } else if (c == ':') {
            strings -= strings > 0; /* that string was a key */
            i++;
        } else if (is_word(c)) {
            values++;
            while (i < len && is_word(text[i])) {
                i++;
            }
        } else {
            i++;
        }
        /* One string may still turn out to be a key. */
        if (values + strings > max_values + 1) {
            break;
        }
    }
    if (values + strings > max_values) {
        return err_set(err, ERR_TOO_LARGE, "more than %zu JSON values, the limit here", max_values);
    }
    return 0;
}

static int refuse_parse(const json_error_t *error, struct err *err)
{
    int line = error->line > 0 ? error->line : 1, column = error->column > 0 ? error->column : 1;
    /* jansson repeats the source behind " near"; the place says as much, and more safely. */
    const char *near = strstr(error->text, " near ");
    int cut = near != NULL ? (int)(near - error->text) : (int)strlen(error->text);

    if (error->text[0] == '\0') { /* its first allocation failed: then it says nothing at all */
        return err_set(err, ERR_NO_MEMORY, "no memory for this JSON");
    }
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return err_set(err, ERR_SYNTAX, "duplicate object key (line %d, column %d)", line, column);
    case json_error_out_of_memory:
        return err_set(err, ERR_NO_MEMORY, "no memory for this JSON");
    case json_error_numeric_overflow:
        return err_set(err, ERR_SYNTAX, "a number too large to be read (line %d, column %d)", line,
                       column);
    default:
        return err_set(err, ERR_SYNTAX, "not JSON: %.*s (line %d, column %d)", cut, error->text,
                       line, column);
    }
}

int json_util_parse(const char *text, size_t len, size_t max_values, json_t **out, struct err *err)
{
    json_error_t error;
    const char *foreign;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a mark is no part of the text */
        text += 3;
        len -= 3;
    }
    if (len >= 2 && memcmp(text, "\x1f\x8b", 2) == 0) {
        return err_set(err, ERR_SYNTAX, "not JSON: this is gzip; send it unpacked");
    }
    foreign = reader_foreign(READER_NDJSON, text, len);
    if (foreign != NULL) {
        return err_set(err, ERR_SYNTAX, "not JSON: this is %s", foreign);
    }
    if (!text_is_utf8(text, len)) {
        return err_set(err, ERR_SYNTAX, "not JSON: the text is not UTF-8");
    }
    if (scan(text, len, max_values, err) != 0) {
        return -1;
    }
    json_util_budget_begin();
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (json_util_budget_end()) {
        json_decref(*out);
        *out = NULL;
        return err_set(err, ERR_TOO_LARGE,
                       "this JSON takes more than %zu bytes of memory once it is read, the limit "
                       "for it here",
                       json_util_budget());
    }
    return *out != NULL ? 0 : refuse_parse(&error, err);
}

/* ---- writing ---- */

void json_util_number(struct buf *buf, double value)
{
    char text[40];
    int digits;

    if (!isfinite(value)) {
        buf_puts(buf, "null");
        return;
    }
    if (value == 0 && signbit(value)) {
        buf_puts(buf, "-0.0"); /* "-0" would read back as the integer 0 */
        return;
    }
    if (fabs(value) < 9007199254740992.0 && value == floor(value)) {
        buf_printf(buf, "%.0f", value);
        return;
    }
    for (digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value); /* fits: at most 24 */
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_puts(buf, text);
}

void json_util_text(struct buf *buf, const char *text)
{
    const char *plain = text, *p;

    buf_puts(buf, "\"");
    for (p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            continue;
        }
        CHK(buf_append(buf, plain, (size_t)(p - plain)) == 0);
        if (c == '"' || c == '\\') {
            buf_printf(buf, "\\%c", c);
        } else if (c == '\n') {
            buf_puts(buf, "\\n");
        } else {
            buf_printf(buf, "\\u%04x", c);
        }
        plain = p + 1;
    }
    CHK(buf_append(buf, plain, (size_t)(p - plain)) == 0);
    buf_puts(buf, "\"");
}

static void dump_object(struct buf *buf, const json_t *json)
{
    const char *separator = "", *key;
    json_t *member;

    buf_puts(buf, "{");
    /* The macro wants a pointer that is not const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)json, key, member)
    {
        buf_puts(buf, separator);
        json_util_text(buf, key);
        buf_puts(buf, ":");
        json_util_dump(buf, member);
        separator = ",";
    }
    buf_puts(buf, "}");
}

/* Recursion is as deep as the tree: JSON_UTIL_MAX_DEPTH for what was parsed here. */
void json_util_dump(struct buf *buf, const json_t *json)
{
    size_t i;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        dump_object(buf, json);
        break;
    case JSON_ARRAY:
        buf_puts(buf, "[");
        for (i = 0; i < json_array_size(json); i++) {
            buf_puts(buf, i > 0 ? "," : "");
            json_util_dump(buf, json_array_get(json, i));
        }
        buf_puts(buf, "]");
        break;
    case JSON_STRING:
        json_util_text(buf, json_string_value(json));
        break;
    case JSON_INTEGER:
        buf_printf(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        break;
    case JSON_REAL:
        json_util_number(buf, json_real_value(json));
        break;
    case JSON_TRUE:
        buf_puts(buf, "true");
        break;
    case JSON_FALSE:
        buf_puts(buf, "false");
        break;
    case JSON_NULL:
        buf_puts(buf, "null");
        break;
    }
}

/* ---- messages ---- */

void json_util_pointer(struct buf *pointer, const char *key)
{
    size_t i;

    buf_puts(pointer, "/");
    for (i = 0; key[i] != '\0'; i++) {
        if (i >= MAX_KEY && ((unsigned char)key[i] & 0xc0) != 0x80) {
            buf_puts(pointer, "...");
            break;
        } else if (key[i] == '~') {
            buf_puts(pointer, "~0");
        } else if (key[i] == '/') {
            buf_puts(pointer, "~1");
        } else {
            CHK(buf_append(pointer, &key[i], 1) == 0);
        }
    }
}

void json_util_pointer_index(struct buf *pointer, size_t index)
{
    buf_printf(pointer, "/%zu", index);
}

const char *json_util_shown(const char *text, char *out)
{
    size_t len = strnlen(text, JSON_UTIL_SHOWN), keep = len;

    if (len == JSON_UTIL_SHOWN) {
        keep = JSON_UTIL_SHOWN - 4;
        while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
            keep--;
        }
    }
    memcpy(out, text, keep);
    memcpy(out + keep, keep < len ? "..." : "", keep < len ? 4 : 1);
    return out;
}

const char *json_util_describe(const json_t *json, char *out)
{
    char shown[JSON_UTIL_SHOWN];
    struct buf number = BUF_INIT;
    const char *what = "null";

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        what = "an object";
        break;
    case JSON_ARRAY:
        what = json_array_size(json) > 0 ? "an array" : "an empty array";
        break;
    case JSON_STRING:
        (void)snprintf(out, JSON_UTIL_SHOWN + 8, "\"%s\"",
                       json_util_shown(json_string_value(json), shown));
        return out;
    case JSON_INTEGER:
    case JSON_REAL:
        json_util_dump(&number, json);
        (void)snprintf(out, JSON_UTIL_SHOWN + 8, "%s", number.data);
        buf_fini(&number);
        return out;
    case JSON_TRUE:
        what = "true";
        break;
    case JSON_FALSE:
        what = "false";
        break;
    case JSON_NULL:
        break;
    }
    (void)snprintf(out, JSON_UTIL_SHOWN + 8, "%s", what);
    return out;
}
