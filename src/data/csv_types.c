/* The `types` option: "col:categorical,other:numeric"; see csv.h.
 *
 * Names may hold anything, so ':' and ',' in them are written with a backslash before; the
 * backslash itself too. Every problem is reported at once, at the pointer "/types".
 */
#include "data/csv_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"

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

int csv_types_parse(const char *text, struct csv_options *out, struct err *err)
{
    struct buf name = BUF_INIT, word = BUF_INIT;
    char **names = NULL;
    enum column_type *types = NULL, type = COLUMN_NUMERIC;
    size_t n = 0, limit = 1;
    const char *p;
    int result = 0;

    for (p = text; *p != '\0'; p++) {
        limit += *p == ',';
    }
    names = xcalloc(limit, sizeof *names);
    types = xcalloc(limit, sizeof *types);
    for (p = text; *p != '\0';) {
        const char *part = p;

        p = take_until(p, ":,", &name);
        buf_clear(&word);
        if (*p == ':') {
            p = take_until(p + 1, ",", &word);
        }
        if (name.len == 0 || !column_type_parse(word.data != NULL ? word.data : "", &type) ||
            type > COLUMN_CATEGORICAL) {
            char *shown = cell_show(part, (size_t)(p - part));

            result = err_add(err, POINTER, "\"%s\" is not NAME:numeric or NAME:categorical", shown);
            free(shown);
        } else if (known(names, n, name.data)) {
            char *shown = cell_show(name.data, name.len);

            result = err_add(err, POINTER, "column \"%s\" is declared twice", shown);
            free(shown);
        } else {
            names[n] = xstrdup(name.data);
            types[n++] = type;
        }
        p += *p == ',';
    }
    buf_fini(&name);
    buf_fini(&word);
    out->n_types = n;
    out->type_names = (const char *const *)names;
    out->types = types;
    if (result != 0) {
        csv_types_free(out);
    }
    return result;
}

/* The options promise not to change what they point to; here it is given back. */
static void give_back(const void *p)
{
    free((void *)(uintptr_t)p);
}

void csv_types_free(struct csv_options *options)
{
    size_t i;

    for (i = 0; i < options->n_types; i++) {
        give_back(options->type_names[i]);
    }
    give_back(options->type_names);
    give_back(options->types);
    options->n_types = 0;
    options->type_names = NULL;
    options->types = NULL;
}
