/* ARFF, the format of Weka and OpenML: declared columns, then rows; see docs/DATA.md.
 *
 * numeric, real, integer -> numeric; {a, b} -> categorical, of which a row may hold no other;
 * string -> by its texts; date -> datetime, by its pattern (arff_date.c). Rows are comma
 * separated with '...' or "..." and backslash escapes, or sparse: {index value, ...}, where what
 * is absent is 0, or the first of a nominal column's values. Relational attributes and weights of
 * rows are refused. Runs on the reader's thread.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "data/arff_priv.h"
#include "data/cell.h"
#include "data/dict.h"
#include "data/reader_priv.h"

enum attribute_kind { ATTRIBUTE_NUMERIC, ATTRIBUTE_NOMINAL, ATTRIBUTE_STRING, ATTRIBUTE_DATE };

struct attribute {
    char *name;
    enum attribute_kind kind;
    struct dict *levels; /* of a nominal one */
    size_t n_levels;
    char *first;   /* of them */
    char *pattern; /* of dates */
};

struct cell {
    const char *s;
    size_t len;
    bool quoted, given;
};

struct arff {
    struct reader_env env;
    struct reader_lines lines;
    struct attribute *attributes;
    size_t n, room;
    struct cell *cells; /* [n], of the row under way */
    bool in_data;
    int64_t row, line;
};

static void *arff_make(const struct reader_env *env)
{
    struct arff *a = xcalloc(1, sizeof *a);

    a->env = *env;
    a->lines = (struct reader_lines)READER_LINES_INIT;
    return a;
}

static void arff_free(void *state)
{
    struct arff *a = state;
    size_t i;

    if (a == NULL) {
        return;
    }
    for (i = 0; i < a->n; i++) {
        if (a->attributes[i].levels != NULL) {
            dict_free(&a->attributes[i].levels);
        }
        free(a->attributes[i].first);
        free(a->attributes[i].name);
        free(a->attributes[i].pattern);
    }
    free(a->attributes);
    free(a->cells);
    buf_fini(&a->lines.line);
    free(a);
}

static int bad(const struct arff *a, const char *column, struct err *err, const char *fmt, ...)
    PRINTF(4, 5);

static int bad(const struct arff *a, const char *column, struct err *err, const char *fmt, ...)
{
    va_list ap;
    char *what;

    va_start(ap, fmt);
    what = xvasprintf(fmt, ap);
    va_end(ap);
    if (a->row > 0) {
        err_add_cell(err, a->row, a->line, column, "row %lld (line %lld): %s", (long long)a->row,
                     (long long)a->line, what);
    } else {
        err_add_cell(err, 0, a->line, column, "line %lld: %s", (long long)a->line, what);
    }
    free(what);
    return -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static char *skip_space(char *p)
{
    while (is_space(*p)) {
        p++;
    }
    return p;
}

/* ---- words --------------------------------------------------------------------------- */

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

/* The word at *p, in quotes or up to one of `stops`, unescaped in place. -1: a quote is open. */
static int take_word(char **p, const char *stops, struct cell *out)
{
    char *s = skip_space(*p), *to, quote = *s;

    *out = (struct cell){.s = s, .given = true};
    if (quote == '\'' || quote == '"') {
        to = s;
        for (s++; *s != quote; s++) {
            if (*s == '\0') {
                return -1;
            }
            if (*s == '\\' && s[1] != '\0') {
                s++;
                *to++ = unescape(*s);
            } else {
                *to++ = *s;
            }
        }
        out->quoted = true;
        out->len = (size_t)(to - out->s);
        *p = skip_space(s + 1);
        return 0;
    }
    s += strcspn(s, stops);
    *p = s;
    while (s > out->s && is_space(s[-1])) {
        s--;
    }
    out->len = (size_t)(s - out->s);
    return 0;
}

/* ---- the head -------------------------------------------------------------------------- */

static int take_levels(struct arff *a, struct attribute *t, char *p, struct err *err)
{
    t->kind = ATTRIBUTE_NOMINAL;
    t->levels = dict_new();
    for (p = skip_space(p + 1); *p != '}'; p = skip_space(p)) {
        struct cell word;
        uint32_t code = 0;

        if (take_word(&p, ",}", &word) != 0 || (*p != ',' && *p != '}')) {
            return bad(a, t->name, err, "the values of \"%s\" do not end with }", t->name);
        }
        p += *p == ',';
        if (word.len == 0) {
            return bad(a, t->name, err, "\"%s\" has an empty value", t->name);
        }
        if (dict_add(t->levels, word.s, word.len, &code) != DICT_OK) {
            return bad(a, t->name, err, "\"%s\" has too many values", t->name);
        }
        if (code < t->n_levels) {
            return bad(a, t->name, err, "\"%s\" has a value twice", t->name);
        }
        t->first = t->n_levels++ == 0 ? xstrndup(word.s, word.len) : t->first;
    }
    return *skip_space(p + 1) == '\0'
               ? 0
               : bad(a, t->name, err, "text after the values of \"%s\"", t->name);
}

static int take_type(struct arff *a, struct attribute *t, char *p, struct err *err)
{
    static const struct {
        const char *word;
        enum attribute_kind kind;
    } kinds[] = {{"numeric", ATTRIBUTE_NUMERIC},
                 {"real", ATTRIBUTE_NUMERIC},
                 {"integer", ATTRIBUTE_NUMERIC},
                 {"string", ATTRIBUTE_STRING},
                 {"date", ATTRIBUTE_DATE}};
    struct cell word, pattern;
    char *shown;
    size_t i;

    if (*p == '{') {
        return take_levels(a, t, p, err);
    }
    (void)take_word(&p, " \t", &word); /* a quote that is open is no type, below */
    for (i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strlen(kinds[i].word) == word.len &&
            strncasecmp(kinds[i].word, word.s, word.len) == 0) {
            break;
        }
    }
    if (i == ARRAY_LEN(kinds)) {
        shown = cell_show(word.s, word.len);
        bad(a, t->name, err,
            "the type of \"%s\" is \"%s\"; numeric, real, integer, {value, ...}, string and date "
            "are taken",
            t->name, shown);
        free(shown);
        return -1;
    }
    t->kind = kinds[i].kind;
    p = skip_space(p);
    if (t->kind == ATTRIBUTE_DATE) {
        if (*p == '\0') {
            t->pattern = xstrdup("yyyy-MM-dd'T'HH:mm:ss");
            return 0;
        }
        if (take_word(&p, "", &pattern) != 0) {
            return bad(a, t->name, err, "the quote of the pattern of \"%s\" is open", t->name);
        }
        t->pattern = xstrndup(pattern.s, pattern.len);
        return arff_date_known(t->pattern)
                   ? 0
                   : bad(a, t->name, err,
                         "the pattern of \"%s\" has other letters than y, M, d, H, m, s, S, X "
                         "and Z",
                         t->name);
    }
    return *p == '\0' ? 0 : bad(a, t->name, err, "text after the type of \"%s\"", t->name);
}

static int take_attribute(struct arff *a, char *p, struct err *err)
{
    struct attribute *t;
    struct cell name;

    if (take_word(&p, " \t", &name) != 0 || name.len == 0) {
        return bad(a, NULL, err, "an attribute needs a name and a type");
    }
    if (a->n == DATASET_MAX_COLUMNS) {
        return bad(a, NULL, err, "there are more than %d attributes", DATASET_MAX_COLUMNS);
    }
    if (a->n == a->room) {
        a->room = a->room == 0 ? 64 : a->room * 2;
        a->attributes = xrealloc(a->attributes, a->room * sizeof *a->attributes);
    }
    t = &a->attributes[a->n++];
    *t = (struct attribute){.name = xstrndup(name.s, name.len)};
    return take_type(a, t, skip_space(p), err);
}

static int begin_data(struct arff *a, struct err *err)
{
    const char **names;
    int *types, rc = -1;
    size_t i;

    if (a->n == 0) {
        return bad(a, NULL, err, "there is no @attribute before @data");
    }
    names = mem_try_alloc(a->n, sizeof *names);
    types = mem_try_alloc(a->n, sizeof *types);
    a->cells = mem_try_alloc(a->n, sizeof *a->cells);
    if (names == NULL || types == NULL || a->cells == NULL) {
        err_set(err, ERR_NO_MEMORY, "not enough memory to read the table");
    } else {
        for (i = 0; i < a->n; i++) {
            static const int type_of[] = {[ATTRIBUTE_NUMERIC] = COLUMN_NUMERIC,
                                          [ATTRIBUTE_NOMINAL] = COLUMN_CATEGORICAL,
                                          [ATTRIBUTE_STRING] = READER_STRINGS,
                                          [ATTRIBUTE_DATE] = COLUMN_DATETIME};

            names[i] = a->attributes[i].name;
            types[i] = type_of[a->attributes[i].kind];
        }
        rc = a->env.sink->columns(a->env.sink->ctx, a->n, names, types, err);
    }
    free(names);
    free(types);
    a->in_data = true;
    return rc;
}

static int take_head(struct arff *a, char *p, struct err *err)
{
    size_t len = strcspn(p, " \t");

    if (*p == '\0' || *p == '%') {
        return 0;
    }
    if (len == 9 && strncasecmp(p, "@relation", len) == 0) {
        return 0;
    }
    if (len == 10 && strncasecmp(p, "@attribute", len) == 0) {
        return take_attribute(a, p + len, err);
    }
    if (len == 5 && strncasecmp(p, "@data", len) == 0) {
        return begin_data(a, err);
    }
    return bad(a, NULL, err, "is none of @relation, @attribute, @data and comments");
}

/* ---- rows ------------------------------------------------------------------------------- */

static int give_cell(struct arff *a, const struct attribute *t, const struct cell *cell,
                     struct err *err)
{
    struct reader_sink *sink = a->env.sink;
    uint32_t code = 0;
    double seconds = 0;
    int rc = 0;
    char *shown;

    if (!cell->given) { /* of a sparse row */
        return t->kind == ATTRIBUTE_NOMINAL
                   ? sink->text(sink->ctx, t->first != NULL ? t->first : "",
                                t->first != NULL ? strlen(t->first) : 0, err)
               : t->kind == ATTRIBUTE_STRING ? sink->text(sink->ctx, "", 0, err)
                                             : sink->number(sink->ctx, 0, err);
    }
    if (!cell->quoted && cell->len == 1 && *cell->s == '?') {
        return sink->text(sink->ctx, "", 0, err);
    }
    shown = cell_show(cell->s, cell->len);
    if (t->kind == ATTRIBUTE_NOMINAL) {
        rc = dict_add(t->levels, cell->s, cell->len, &code) != DICT_OK || code >= t->n_levels
                 ? bad(a, t->name, err, "\"%s\" is none of the values of \"%s\"", shown, t->name)
                 : 0;
    } else if (t->kind == ATTRIBUTE_DATE && !arff_date(t->pattern, cell->s, cell->len, &seconds)) {
        rc = bad(a, t->name, err, "\"%s\" in \"%s\" is no date of the pattern %s", shown, t->name,
                 t->pattern);
    }
    free(shown);
    return rc != 0                     ? -1
           : t->kind == ATTRIBUTE_DATE ? sink->number(sink->ctx, seconds, err)
                                       : sink->text(sink->ctx, cell->s, cell->len, err);
}

/* "{3 5.1, 7 red}": an index from 0, a blank, a value. */
static int take_sparse(struct arff *a, char *p, struct err *err)
{
    size_t next = 0;

    memset(a->cells, 0, a->n * sizeof *a->cells);
    for (p = skip_space(p + 1); *p != '}'; p = skip_space(p)) {
        size_t index = 0;
        char *start = p;

        for (; *p >= '0' && *p <= '9' && index <= DATASET_MAX_COLUMNS; p++) {
            index = index * 10 + (size_t)(*p - '0');
        }
        if (p == start || !is_space(*p)) {
            return bad(a, NULL, err, "a sparse row has \"index value\" pairs between { and }");
        }
        if (index < next || index >= a->n) {
            return bad(a, NULL, err, "the index %zu of a sparse row is %s", index,
                       index < next ? "not above the one before it" : "no column");
        }
        next = index + 1;
        if (take_word(&p, ",}", &a->cells[index]) != 0 || (*p != ',' && *p != '}')) {
            return bad(a, a->attributes[index].name, err, "the sparse row does not end with }");
        }
        p += *p == ',';
    }
    return *skip_space(p + 1) == '\0'
               ? 0
               : bad(a, NULL, err, "text after the row (weights of rows are not taken)");
}

static int take_dense(struct arff *a, char *p, struct err *err)
{
    size_t i = 0;

    for (;;) {
        struct cell word;

        if (take_word(&p, ",\t", &word) != 0) {
            return bad(a, i < a->n ? a->attributes[i].name : NULL, err, "a quote is never closed");
        }
        p = skip_space(p);
        if (*p != '\0' && *p != ',' && (word.quoted || *p == '{')) {
            return bad(a, i < a->n ? a->attributes[i].name : NULL, err,
                       *p == '{' ? "weights of rows are not taken"
                                 : "text follows the closing quote");
        }
        if (i < a->n) {
            a->cells[i] = word;
        }
        i++;
        if (*p == '\0') {
            break;
        }
        p += *p == ',';
    }
    return i == a->n ? 0
                     : bad(a, NULL, err, "the row has %zu value%s, and there are %zu attributes", i,
                           i == 1 ? "" : "s", a->n);
}

static int take_row(struct arff *a, char *p, struct err *err)
{
    struct reader_sink *sink = a->env.sink;
    size_t i;

    a->row++;
    if ((*p == '{' ? take_sparse(a, p, err) : take_dense(a, p, err)) != 0) {
        return -1;
    }
    sink->line = a->line;
    for (i = 0; i < a->n; i++) {
        if (give_cell(a, &a->attributes[i], &a->cells[i], err) != 0) {
            return -1;
        }
    }
    return sink->end_row(sink->ctx, err);
}

static int take_line(void *ctx, char *line, size_t len, struct err *err)
{
    struct arff *a = ctx;
    char *p = skip_space(line);

    while (len > 0 && is_space(line[len - 1])) {
        line[--len] = '\0';
    }
    a->line = a->lines.number;
    if (!a->in_data) {
        return take_head(a, p, err);
    }
    return *p == '\0' || *p == '%' ? 0 : take_row(a, p, err);
}

static int arff_feed(void *state, const char *bytes, size_t len, struct err *err)
{
    struct arff *a = state;

    return reader_lines_feed(&a->lines, bytes, len, take_line, a, err);
}

static int arff_finish(void *state, struct err *err)
{
    struct arff *a = state;

    if (reader_lines_finish(&a->lines, take_line, a, err) != 0) {
        return -1;
    }
    return a->in_data && a->row > 0
               ? 0
               : err_add(err, NULL,
                         a->in_data ? "there are no rows after @data" : "there is no @data");
}

const struct reader_impl reader_arff = {arff_make, arff_feed, arff_finish, arff_free};
