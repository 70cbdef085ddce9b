/* NDJSON: one object a line, each key a column; see docs/DATA.md for the rules.
 *
 * Lines are kept until there are CSV_SAMPLE_ROWS of them or HEAD_BYTES: every key in them is a
 * column, in the order of first appearance. A key that first appears later must have been
 * declared in `types`, which makes it a column from the start. A line is cut up in place: no tree,
 * no allocation a value. Runs on the reader's thread.
 *
 * Invariant: after the head, n_columns and the order of the columns never change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/dict.h"
#include "data/reader_priv.h"

#define HEAD_BYTES (16u << 20)

struct key {
    char *name;
    size_t index;
    bool strings;  /* every value so far was a string */
    bool appeared; /* with a value or null */
};

struct value {
    const char *s; /* NULL: the row has none */
    size_t len;
    int64_t row; /* that set it: nothing to clear between rows */
};

struct ndjson {
    struct reader_env env;
    struct reader_lines lines;
    struct buf head; /* the first lines: number, length, bytes of each */
    bool streaming;
    int64_t row; /* of the object under way, from 1 */
    int64_t line;
    struct dict *keys;    /* their names; the code is the column */
    struct key **columns; /* [n_columns], owned */
    size_t n_columns, room;
    struct value *values; /* [n_columns] of the row under way */
    size_t next;          /* the column that comes next if rows have one order */
};

static void *ndjson_make(const struct reader_env *env)
{
    struct ndjson *n = xcalloc(1, sizeof *n);

    n->env = *env;
    n->lines = (struct reader_lines)READER_LINES_INIT;
    n->keys = dict_new();
    return n;
}

static void ndjson_free(void *state)
{
    struct ndjson *n = state;
    size_t i;

    if (n == NULL) {
        return;
    }
    dict_free(&n->keys);
    for (i = 0; i < n->n_columns; i++) {
        free(n->columns[i]->name);
        free(n->columns[i]);
    }
    free(n->columns);
    free(n->values);
    buf_fini(&n->head);
    buf_fini(&n->lines.line);
    free(n);
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to read the table");
}

/* ---- JSON, one line of it ------------------------------------------------------- */

static int bad(const struct ndjson *n, const char *column, struct err *err, const char *fmt, ...)
    PRINTF(4, 5);

static int bad(const struct ndjson *n, const char *column, struct err *err, const char *fmt, ...)
{
    va_list ap;
    char *what;

    va_start(ap, fmt);
    what = xvasprintf(fmt, ap);
    va_end(ap);
    err_add_cell(err, n->row, n->line, column, "row %lld (line %lld): %s", (long long)n->row,
                 (long long)n->line, what);
    free(what);
    return -1;
}

static char *skip_space(char *p)
{
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    return p;
}

static int hex4(const char *p)
{
    int value = 0, i;

    for (i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9') {
            value = value * 16 + (c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        } else {
            return -1; /* the text's end too: a NUL is no digit */
        }
    }
    return value;
}

/* "\u....", maybe two of them, at *p; NULL with *why when it is none. */
static char *take_unicode(char **p, char *to, const char **why)
{
    int c = hex4(*p + 2), low;

    *p += 6;
    if (c >= 0xd800 && c < 0xdc00 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        low = hex4(*p + 2);
        *p += 6;
        c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : -1;
    }
    if (c <= 0 || (c >= 0xd800 && c < 0xe000)) {
        *why = c == 0 ? "\\u0000 in a string" : "a broken \\u in a string";
        return NULL;
    }
    return to + reader_utf8((uint32_t)c, to);
}

/* The string whose opening quote is at *p, unescaped in place; 0, or -1 with *why. */
static int take_string(char **p, char **out, size_t *len, const char **why)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char *s = *p + 1, *to = s, *start = s;
    const char *escape;

    while (*s != '"') {
        if ((unsigned char)*s < 0x20) {
            *why = *s == '\0' ? "a string that does not end in its line"
                              : "a control character in a string";
            return -1;
        }
        if (*s != '\\') {
            *to++ = *s++;
        } else if (s[1] == 'u') {
            to = take_unicode(&s, to, why);
            if (to == NULL) {
                return -1;
            }
        } else {
            escape = s[1] != '\0' ? strchr(from, s[1]) : NULL;
            if (escape == NULL) {
                *why = "a \\ in a string that begins no escape";
                return -1;
            }
            *to++ = into[escape - from];
            s += 2;
        }
    }
    *p = s + 1;
    *out = start;
    *len = (size_t)(to - start);
    return 0;
}

/* Whether the text is a number as JSON has it. */
static bool is_json_number(const char *s, size_t len)
{
    const char *p = s, *end = s + len;

    p += p < end && *p == '-';
    if (p == end || *p < '0' || *p > '9') {
        return false;
    }
    if (*p == '0' && p + 1 < end && p[1] >= '0' && p[1] <= '9') {
        return false;
    }
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    if (p < end && *p == '.') {
        const char *digits = ++p;

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
        if (p == digits) {
            return false;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *digits;

        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
        if (p == digits) {
            return false;
        }
    }
    return p == end;
}

/* ---- keys and values -------------------------------------------------------------- */

static int add_key(struct ndjson *n, const char *name, size_t len, struct key **out,
                   struct err *err)
{
    struct key *key;

    if (n->n_columns == DATASET_MAX_COLUMNS) {
        return bad(n, NULL, err, "there are more than %d different keys", DATASET_MAX_COLUMNS);
    }
    if (len == 0 || len > DATASET_MAX_NAME) {
        return bad(n, NULL, err, len == 0 ? "a key is empty" : "a key has more than %d bytes",
                   DATASET_MAX_NAME);
    }
    if (n->n_columns == n->room) {
        size_t room = n->room == 0 ? 64 : n->room * 2;
        struct key **columns = realloc(n->columns, room * sizeof *columns);
        struct value *values;

        n->columns = columns != NULL ? columns : n->columns;
        values = columns != NULL ? realloc(n->values, room * sizeof *values) : NULL;
        if (values == NULL) {
            return no_memory(err);
        }
        memset(values + n->room, 0, (room - n->room) * sizeof *values);
        n->values = values;
        n->room = room;
    }
    key = xcalloc(1, sizeof *key);
    key->name = xstrndup(name, len);
    key->index = n->n_columns;
    key->strings = true;
    n->columns[n->n_columns++] = key;
    *out = key;
    return 0;
}

/* NULL: there is no such column, or no memory. */
static struct key *find_key(struct ndjson *n, const char *name, size_t len, struct err *err)
{
    struct key *key = n->next < n->n_columns ? n->columns[n->next] : NULL;
    char *shown;

    if (key == NULL || strncmp(key->name, name, len) != 0 || key->name[len] != '\0') {
        uint32_t code = 0;

        if (dict_add(n->keys, name, len, &code) != DICT_OK) {
            (void)no_memory(err); /* there are fewer keys than a dictionary takes */
            return NULL;
        }
        key = code < n->n_columns ? n->columns[code] : NULL;
    }
    if (key == NULL && !n->streaming && add_key(n, name, len, &key, err) != 0) {
        return NULL;
    }
    if (key == NULL) {
        shown = cell_show(name, len);
        bad(n, shown, err,
            "the key \"%s\" appears here first, after the first %d rows; declare it with "
            "types=%s:numeric (or another type), so that it is a column from the start",
            shown, CSV_SAMPLE_ROWS, shown);
        free(shown);
        return NULL;
    }
    n->next = key->index + 1;
    key->appeared = true;
    return key;
}

/* The value at *p into the row. */
static int take_value(struct ndjson *n, struct key *key, char **p, struct err *err)
{
    struct value *v = &n->values[key->index];
    const char *why = NULL;
    char *s, *shown;

    if (v->row == n->row) {
        return bad(n, key->name, err, "the key \"%s\" is there twice", key->name);
    }
    v->row = n->row;
    switch (**p) {
    case '"':
        if (take_string(p, &s, &v->len, &why) != 0) {
            return bad(n, key->name, err, "%s, at the key \"%s\"", why, key->name);
        }
        v->s = s;
        return 0;
    case '{':
    case '[':
        return bad(n, key->name, err,
                   "\"%s\" holds %s; nested values are not taken: make each of its parts a key of "
                   "its own",
                   key->name, **p == '{' ? "an object" : "an array");
    default:
        break;
    }
    v->s = *p;
    v->len = strcspn(*p, ",} \t");
    *p += v->len;
    if (v->len == 4 && memcmp(v->s, "null", 4) == 0) {
        v->s = NULL;
        return 0;
    }
    key->strings = false;
    if (is_json_number(v->s, v->len) || (v->len == 4 && memcmp(v->s, "true", 4) == 0) ||
        (v->len == 5 && memcmp(v->s, "false", 5) == 0)) {
        return 0;
    }
    shown = cell_show(v->s, v->len);
    bad(n, key->name, err,
        v->len == 0 ? "the key \"%s\" has no value%s"
                    : "the value of \"%s\" is no JSON: \"%s\"; texts stand in quotes, a missing "
                      "value is null",
        key->name, shown);
    free(shown);
    return -1;
}

/* `line` (NUL-terminated) into n->values. */
static int take_object(struct ndjson *n, char *line, struct err *err)
{
    char *p = skip_space(line);
    const char *why = NULL;

    n->next = 0;
    if (*p == '[' && n->row == 1) {
        return bad(n, NULL, err,
                   "this is a JSON array; NDJSON has one object a line (jq -c '.[]' makes it)");
    }
    if (*p != '{') {
        return bad(n, NULL, err, "is no object; NDJSON has one object a line, {\"name\": value}");
    }
    p = skip_space(p + 1);
    while (*p != '}') {
        struct key *key;
        char *name;
        size_t len;

        if (*p == '\0') {
            return bad(n, NULL, err, "the object does not end in its line");
        }
        if (*p != '"') {
            return bad(n, NULL, err, "a key stands in double quotes");
        }
        if (take_string(&p, &name, &len, &why) != 0) {
            return bad(n, NULL, err, "%s, in a key", why);
        }
        p = skip_space(p);
        if (*p != ':') {
            return bad(n, NULL, err, "after a key comes a colon");
        }
        p = skip_space(p + 1);
        key = find_key(n, name, len, err);
        if (key == NULL || take_value(n, key, &p, err) != 0) {
            return -1;
        }
        p = skip_space(p);
        if (*p == ',') {
            p = skip_space(p + 1);
            if (*p == '}') {
                return bad(n, NULL, err, "a comma before the end of the object");
            }
        } else if (*p != '}') {
            return bad(n, key->name, err,
                       *p == '\0' ? "the object does not end in its line"
                                  : "after the value of \"%s\" comes a comma or }",
                       key->name);
        }
    }
    p = skip_space(p + 1);
    return *p == '\0' ? 0
                      : bad(n, NULL, err, "text after the object; NDJSON has one object a line");
}

/* ---- rows ---------------------------------------------------------------------------- */

static int give_row(struct ndjson *n, struct err *err)
{
    struct reader_sink *sink = n->env.sink;
    size_t i;

    sink->line = n->line;
    for (i = 0; i < n->n_columns; i++) {
        const struct value *v = &n->values[i];
        bool has = v->row == n->row && v->s != NULL;

        if (sink->text(sink->ctx, has ? v->s : "", has ? v->len : 0, err) != 0) {
            return -1;
        }
    }
    return sink->end_row(sink->ctx, err);
}

/* Whether the columns of the head, and those declared, are the table's. */
static int give_columns(struct ndjson *n, struct err *err)
{
    const struct csv_options *declared = &n->env.options->csv;
    const char **names;
    int *types;
    size_t i;
    int rc;

    for (i = 0; i < declared->n_types; i++) {
        const char *name = declared->type_names[i];
        struct key *key = NULL;
        uint32_t code = 0;

        if (dict_add(n->keys, name, strlen(name), &code) != DICT_OK) {
            return no_memory(err);
        }
        if (code == n->n_columns && add_key(n, name, strlen(name), &key, err) != 0) {
            return -1;
        }
    }
    if (n->n_columns == 0) {
        return err_add(err, NULL, "no object has a key");
    }
    names = mem_try_alloc(n->n_columns, sizeof *names);
    types = mem_try_alloc(n->n_columns, sizeof *types);
    if (names == NULL || types == NULL) {
        free(names);
        free(types);
        return no_memory(err);
    }
    for (i = 0; i < n->n_columns; i++) {
        names[i] = n->columns[i]->name;
        types[i] =
            n->columns[i]->strings && n->columns[i]->appeared ? READER_STRINGS : READER_UNTYPED;
    }
    rc = n->env.sink->columns(n->env.sink->ctx, n->n_columns, names, types, err);
    free(names);
    free(types);
    return rc;
}

/* The head is complete: its lines go the way of all later ones. They were unescaped in place when
 * they were looked at, so what is kept is a copy. */
static int end_head(struct ndjson *n, struct err *err)
{
    char *p = n->head.data, *end = p + n->head.len;

    if (give_columns(n, err) != 0) {
        return -1;
    }
    n->streaming = true;
    memset(n->values, 0, n->n_columns * sizeof *n->values);
    for (n->row = 0; p < end;) {
        size_t len;

        memcpy(&n->line, p, sizeof n->line);
        memcpy(&len, p + sizeof n->line, sizeof len);
        p += sizeof n->line + sizeof len;
        n->row++;
        if (take_object(n, p, err) != 0 || give_row(n, err) != 0) {
            return -1;
        }
        p += len + 1;
    }
    buf_fini(&n->head);
    return 0;
}

static int take_line(void *ctx, char *line, size_t len, struct err *err)
{
    struct ndjson *n = ctx;

    n->line = n->lines.number;
    if (*skip_space(line) == '\0') {
        return 0;
    }
    n->row++;
    if (!n->streaming) {
        if (buf_append(&n->head, &n->line, sizeof n->line) != 0 ||
            buf_append(&n->head, &len, sizeof len) != 0 ||
            buf_append(&n->head, line, len + 1) != 0) {
            return no_memory(err);
        }
        if (take_object(n, line, err) != 0) {
            return -1;
        }
        return n->row >= CSV_SAMPLE_ROWS || n->head.len >= HEAD_BYTES ? end_head(n, err) : 0;
    }
    return take_object(n, line, err) != 0 ? -1 : give_row(n, err);
}

static int ndjson_feed(void *state, const char *bytes, size_t len, struct err *err)
{
    struct ndjson *n = state;

    return reader_lines_feed(&n->lines, bytes, len, take_line, n, err);
}

static int ndjson_finish(void *state, struct err *err)
{
    struct ndjson *n = state;
    size_t i;

    if (reader_lines_finish(&n->lines, take_line, n, err) != 0) {
        return -1;
    }
    if (n->row == 0) {
        return err_add(err, NULL, "there are no rows");
    }
    if (!n->streaming && end_head(n, err) != 0) {
        return -1;
    }
    for (i = 0; i < n->n_columns; i++) {
        if (!n->columns[i]->appeared) {
            err_add(err, "/types", "there is no column \"%s\"", n->columns[i]->name);
        }
    }
    return err_is(err) ? -1 : 0;
}

const struct reader_impl reader_ndjson = {ndjson_make, ndjson_feed, ndjson_finish, ndjson_free};
