/* The query of a request target; see query.h. No threads, no state. */
#include "http/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "jobs/json_util.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool query_decode(const char *s, size_t len, bool plus, char **out)
{
    char *text = xmalloc(len + 1);
    size_t i, n = 0;

    for (i = 0; i < len; i++) {
        char c = s[i];

        if (c == '%') {
            int high = len - i > 2 ? hex_digit(s[i + 1]) : -1;
            int low = len - i > 2 ? hex_digit(s[i + 2]) : -1;

            if (high < 0 || low < 0) {
                break;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0') {
            break;
        }
        text[n++] = c;
    }
    if (i < len || !text_is_utf8(text, n)) {
        free(text);
        return false;
    }
    text[n] = '\0';
    *out = text;
    return true;
}

char *query_pointer(const char *name)
{
    struct buf buf = BUF_INIT;

    json_util_pointer(&buf, name);
    return buf_take(&buf);
}

static int refuse(struct err *err, const char *name, const char *detail)
{
    char *pointer = query_pointer(name);

    if (!err_is(err)) {
        (void)err_set(err, ERR_SYNTAX, "query parameter %.64s %s", name, detail);
    }
    (void)err_add(err, pointer, "%s", detail);
    free(pointer);
    return -1;
}

static int by_name(const void *a, const void *b)
{
    const struct query_param *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static int check_twice(const struct query *query, struct err *err)
{
    const struct query_param **sorted;
    size_t i;

    if (query->n < 2) {
        return 0;
    }
    sorted = xcalloc(query->n, sizeof *sorted);
    for (i = 0; i < query->n; i++) {
        sorted[i] = &query->params[i];
    }
    qsort(sorted, query->n, sizeof *sorted, by_name);
    for (i = 1; i < query->n; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            (void)refuse(err, sorted[i]->name, "is there twice");
            break;
        }
    }
    free(sorted);
    return err_is(err) ? -1 : 0;
}

int query_parse(const char *text, struct query *out, struct err *err)
{
    struct query query = {.params = NULL};
    size_t room = 0;

    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, "&"), eq = strcspn(text, "=&");
        struct query_param param = {.name = NULL};

        if (len != 0) {
            if (!query_decode(text, eq, true, &param.name) ||
                !query_decode(text + eq + (eq < len), len - eq - (eq < len), true, &param.value)) {
                free(param.name);
                query_fini(&query);
                return err_set(err, ERR_SYNTAX,
                               "the query does not decode to UTF-8 text (every %% needs two "
                               "hexadecimal digits; %%00 is refused)");
            }
            if (query.n == room) {
                room = room == 0 ? 8 : room * 2;
                query.params = xrealloc(query.params, room * sizeof *query.params);
            }
            query.params[query.n++] = param;
        }
        text += len;
        text += *text == '&';
    }
    if (check_twice(&query, err) != 0) {
        query_fini(&query);
        return -1;
    }
    *out = query;
    return 0;
}

void query_fini(struct query *query)
{
    size_t i;

    for (i = 0; i < query->n; i++) {
        free(query->params[i].name);
        free(query->params[i].value);
    }
    free(query->params);
    *query = (struct query){.params = NULL};
}

const char *query_get(const struct query *query, const char *name)
{
    size_t i;

    for (i = 0; i < query->n; i++) {
        if (strcmp(query->params[i].name, name) == 0) {
            return query->params[i].value;
        }
    }
    return NULL;
}

int query_int(const struct query *query, const char *name, int64_t min, int64_t max,
              int64_t otherwise, int64_t *out, struct err *err)
{
    const char *text = query_get(query, name);
    char *end, *detail;
    long long value;
    int rc = 0;

    if (text == NULL) {
        *out = otherwise;
        return 0;
    }
    errno = 0;
    value = strtoll(text, &end, 10);
    if (text[0] < '-' || text[0] > '9' || *end != '\0' || errno != 0 || value < min ||
        value > max) {
        detail = xasprintf("must be an integer from %" PRId64 " to %" PRId64 ", got \"%.40s\"", min,
                           max, text);
        rc = refuse(err, name, detail);
        free(detail);
        return rc;
    }
    *out = value;
    return 0;
}

int query_bool(const struct query *query, const char *name, bool otherwise, bool *out,
               struct err *err)
{
    const char *text = query_get(query, name);

    if (text == NULL) {
        *out = otherwise;
    } else if (strcmp(text, "") == 0 || strcmp(text, "1") == 0 || strcmp(text, "true") == 0) {
        *out = true;
    } else if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0) {
        *out = false;
    } else {
        return refuse(err, name, "must be true or false (1 or 0)");
    }
    return 0;
}

int query_only(const struct query *query, const char *const *names, struct err *err)
{
    size_t i, k, n_names = 0;

    while (names != NULL && names[n_names] != NULL) {
        n_names++;
    }
    for (i = 0; i < query->n; i++) {
        const char *name = query->params[i].name, *near;
        char *detail;

        for (k = 0; k < n_names && strcmp(names[k], name) != 0; k++) {
        }
        if (k < n_names) {
            continue;
        }
        near = n_names != 0 ? text_nearest(name, names, n_names) : NULL;
        detail = near != NULL ? xasprintf("is not known here; did you mean %s?", near)
                              : xstrdup("is not known here");
        (void)refuse(err, name, detail);
        free(detail);
    }
    return err_is(err) ? -1 : 0;
}
