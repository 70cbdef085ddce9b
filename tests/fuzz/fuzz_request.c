/* The line that begins a request, "METHOD TARGET": path, route, query. A decoded path has nothing
 * that could lead elsewhere; a route's variable is an id or a name and nothing else; a query has
 * each name once; and reading what was read, written again, changes nothing.
 */
#include "fuzz.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "http/query.h"
#include "http/route.h"

static void look_at_path(const char *method, const char *path)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._:-";
    const struct route *route;
    char arg[ROUTE_ARG_LEN] = "", allow[128], *again;
    size_t n, i;

    FUZZ_TRUE(path[0] == '/' && text_is_utf8(path, strlen(path)));
    FUZZ_TRUE(strstr(path, "..") == NULL && strpbrk(path, "\\%") == NULL);
    again = route_path(path, strlen(path)); /* once decoded there is nothing left to decode */
    FUZZ_TRUE(again != NULL && strcmp(again, path) == 0);
    free(again);
    route = route_find(method, path, arg, allow, sizeof allow);
    FUZZ_TRUE(strlen(allow) < sizeof allow);
    if (route != NULL) {
        FUZZ_TRUE(strstr(allow, route->method) != NULL);
        FUZZ_TRUE(strspn(arg, letters) == strlen(arg));
        FUZZ_TRUE(route == &route_table(&n)[route->id] && route->id < n);
        FUZZ_TRUE((strchr(route->pattern, '{') != NULL) == (arg[0] != '\0'));
        FUZZ_TRUE(route_matches(route->pattern, path, arg));
    }
    for (i = 0; i < ROUTES; i++) {
        (void)route_matches(route_table(&n)[i].pattern, path, arg);
    }
}

static void escape(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        buf_printf(out, "%%%02x", (unsigned char)*text);
    }
}

static void look_at_query(const struct query *query)
{
    static const char *const known[] = {"after", "limit", "dry_run", "name", "x", NULL};
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    struct query again;
    int64_t number;
    size_t i;
    bool yes;

    for (i = 0; i < query->n; i++) {
        const struct query_param *p = &query->params[i];

        FUZZ_TRUE(text_is_utf8(p->name, strlen(p->name)));
        FUZZ_TRUE(text_is_utf8(p->value, strlen(p->value)));
        FUZZ_TRUE(query_get(query, p->name) == p->value);
        buf_puts(&text, i > 0 ? "&" : "");
        escape(&text, p->name);
        buf_puts(&text, "=");
        escape(&text, p->value);
        fuzz_err(query_int(query, p->name, -5, 1000, 7, &number, &err), &err);
        FUZZ_TRUE(err_is(&err) || (number >= -5 && number <= 1000));
        err_fini(&err);
        fuzz_err(query_bool(query, p->name, false, &yes, &err), &err);
        err_fini(&err);
    }
    fuzz_err(query_only(query, known, &err), &err);
    err_fini(&err);
    FUZZ_TRUE(query_parse(text.data, &again, &err) == 0 && again.n == query->n);
    for (i = 0; i < query->n; i++) {
        FUZZ_TRUE(strcmp(query->params[i].name, again.params[i].name) == 0);
        FUZZ_TRUE(strcmp(query->params[i].value, again.params[i].value) == 0);
    }
    query_fini(&again);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line, *target, *mark, *path;
    struct err err = ERR_INIT;
    struct query query;
    int rc;

    fuzz_start();
    line = fuzz_text(data, size);
    target = strchr(line, ' ');
    if (target != NULL) {
        *target++ = '\0';
        mark = strchr(target, '?');
        path = route_path(target, mark != NULL ? (size_t)(mark - target) : strlen(target));
        if (path != NULL) { /* whole: nothing in it ends it early */
            FUZZ_TRUE(strcspn(target, "?") >= strlen(path));
            FUZZ_TRUE(strchr(target, '%') != NULL || strcspn(target, "?") == strlen(path));
            FUZZ_TRUE(mark != NULL || strstr(target, "%00") == NULL);
            look_at_path(line, path);
            free(path);
        }
        rc = query_parse(mark != NULL ? mark + 1 : NULL, &query, &err);
        fuzz_err(rc, &err);
        if (rc == 0) {
            FUZZ_TRUE(mark == NULL || strstr(mark, "%00") == NULL);
            look_at_query(&query);
            query_fini(&query);
        }
        FUZZ_TRUE(rc == 0 || err.code == ERR_SYNTAX);
        err_fini(&err);
    }
    free(line);
    return 0;
}
