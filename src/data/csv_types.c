/* The options of a CSV reader, and one of them as text: "col:categorical,day:datetime:%d/%m/%Y";
 * see csv.h.
 *
 * Names may hold anything, so ':' and ',' in them are written with a backslash before; the
 * backslash itself too. Every problem is reported at once, at the pointer "/types".
 */
#include "data/csv_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/datetime.h"

#define POINTER "/types"

char *csv_types_quote(const char *name)
{
    struct buf quoted = BUF_INIT;

    for (; *name != '\0'; name++) {
        buf_printf(&quoted, "%s%c", strchr(":,\\", *name) != NULL ? "\\" : "", *name);
    }
    return buf_take(&quoted);
}

/* The text up to an unescaped `stop` or the end, unescaped, into out; returns where it ended. */
static const char *take_until(const char *p, const char *stop, struct buf *out)
{
    buf_clear(out);
    while (*p != '\0' && strchr(stop, *p) == NULL) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
        }
        buf_printf(out, "%c", *p++);
    }
    return p;
}

static bool known(char *const *names, size_t n, const char *name)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a declaration, in words that follow its text; NULL when nothing is. */
static const char *bad_declaration(const struct buf *name, const char *word, const char *format,
                                   enum column_type *type)
{
    if (name->len == 0 || !column_type_parse(word, type)) {
        return "is not NAME:TYPE with one of numeric, categorical, boolean, datetime, text";
    }
    if (format != NULL && *type != COLUMN_DATETIME) {
        return "has a format, and only datetimes have one";
    }
    return format != NULL ? datetime_format_problem(format) : NULL;
}

int csv_types_parse(const char *text, struct csv_options *out, struct err *err)
{
    struct buf name = BUF_INIT, word = BUF_INIT, format = BUF_INIT;
    enum column_type *types = NULL, type = COLUMN_NUMERIC;
    char **names = NULL, **formats = NULL;
    size_t n = 0, limit = 1;
    const char *p;
    int result = 0;

    for (p = text; *p != '\0'; p++) {
        limit += *p == ',';
    }
    names = xcalloc(limit, sizeof *names);
    types = xcalloc(limit, sizeof *types);
    formats = xcalloc(limit, sizeof *formats);
    for (p = text; *p != '\0' && !err_full(err);) {
        const char *part = p, *problem, *given = NULL;

        p = take_until(p, ":,", &name);
        buf_clear(&word);
        if (*p == ':') {
            p = take_until(p + 1, ":,", &word);
        }
        if (*p == ':') {
            p = take_until(p + 1, ",", &format);
            given = format.data != NULL ? format.data : "";
        }
        problem = bad_declaration(&name, word.data != NULL ? word.data : "", given, &type);
        if (problem != NULL) {
            char *shown = cell_show(part, (size_t)(p - part));

            result = err_add(err, POINTER, "\"%s\" %s", shown, problem);
            free(shown);
        } else if (known(names, n, name.data)) {
            char *shown = cell_show(name.data, name.len);

            result = err_add(err, POINTER, "column \"%s\" is declared twice", shown);
            free(shown);
        } else {
            names[n] = xstrdup(name.data);
            formats[n] = given != NULL ? xstrdup(given) : NULL;
            types[n++] = type;
        }
        p += *p == ',';
    }
    buf_fini(&name);
    buf_fini(&word);
    buf_fini(&format);
    out->n_types = n;
    out->type_names = (const char *const *)names;
    out->types = types;
    out->type_formats = (const char *const *)formats;
    if (result != 0) {
        csv_options_fini(out);
    }
    return result;
}

void csv_options_copy(struct csv_options *to, const struct csv_options *from)
{
    char **names = xcalloc(from->n_types + 1, sizeof *names);
    char **formats = xcalloc(from->n_types + 1, sizeof *formats);
    enum column_type *types = xcalloc(from->n_types + 1, sizeof *types);
    size_t i;

    for (i = 0; i < from->n_types; i++) {
        bool formatted = from->type_formats != NULL && from->type_formats[i] != NULL;

        names[i] = xstrdup(from->type_names[i]);
        formats[i] = formatted ? xstrdup(from->type_formats[i]) : NULL;
        types[i] = from->types[i];
    }
    *to = *from;
    to->type_names = (const char *const *)names;
    to->types = types;
    to->type_formats = (const char *const *)formats;
    missing_copy(&to->missing, &from->missing);
}

/* The options promise not to change what they point to; here it is given back. */
static void give_back(const void *p)
{
    free((void *)(uintptr_t)p);
}

void csv_options_fini(struct csv_options *options)
{
    size_t i;

    for (i = 0; i < options->n_types; i++) {
        give_back(options->type_names[i]);
        give_back(options->type_formats != NULL ? options->type_formats[i] : NULL);
    }
    give_back(options->type_names);
    give_back(options->types);
    give_back(options->type_formats);
    options->n_types = 0;
    options->type_names = NULL;
    options->types = NULL;
    options->type_formats = NULL;
    missing_fini(&options->missing);
}
