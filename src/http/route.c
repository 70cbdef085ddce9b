/* The route table and its matching; see route.h.
 *
 * Some thirty patterns against a short path: a linear walk is tens of nanoseconds and has no
 * state. A path never becomes a file name; what is odd is not found.
 */
#include "http/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/query.h"

static const struct route table[] = {
#define ROUTE(name, method, pattern, body, scope)                                                  \
    {ROUTE_##name, #name, method, pattern, BODY_##body, SCOPE_##scope},
#include "http/routes.def"
#undef ROUTE
};

const struct route *route_table(size_t *n)
{
    *n = ARRAY_LEN(table);
    return table;
}

static const char *const scopes[] = {[SCOPE_OPEN] = "open",
                                     [SCOPE_READ] = "read",
                                     [SCOPE_PREDICT] = "predict",
                                     [SCOPE_TRAIN] = "train",
                                     [SCOPE_ADMIN] = "admin"};

const char *route_scope_name(enum route_scope scope)
{
    CHK((size_t)scope < ARRAY_LEN(scopes));
    return scopes[scope];
}

bool route_scope_parse(const char *name, enum route_scope *out)
{
    enum route_scope scope;

    for (scope = SCOPE_READ; scope <= SCOPE_ADMIN; scope++) {
        if (strcmp(scopes[scope], name) == 0) {
            *out = scope;
            return true;
        }
    }
    return false;
}

char *route_path(const char *target, size_t len)
{
    char *path, *p;

    if (len == 0 || target[0] != '/' || !query_decode(target, len, false, &path)) {
        return NULL;
    }
    for (p = path; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x21 || *p == 0x7f || *p == '%' || *p == '\\' ||
            (p[0] == '.' && p[1] == '.')) {
            free(path);
            return NULL;
        }
    }
    return path;
}

static bool is_id(const char *s, size_t len)
{
    size_t i;

    for (i = 0; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
    }
    return i == len && len >= 1 && len <= 18;
}

static bool is_key(const char *s, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    size_t i;

    if (s[0] >= '0' && s[0] <= '9') {
        return is_id(s, len); /* names do not start with a digit */
    }
    if (len == 71 && strncmp(s, "sha256:", 7) == 0) {
        return strspn(s + 7, "0123456789abcdef") >= 64;
    }
    for (i = 0; i < len && strchr(letters, s[i]) != NULL; i++) {
    }
    return i == len && len >= 1 && len <= 64;
}

bool route_matches(const char *pattern, const char *path, char *arg)
{
    arg[0] = '\0';
    while (*pattern != '\0') {
        size_t len;

        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        len = strcspn(path, "/");
        if (len >= ROUTE_ARG_LEN ||
            !(strncmp(pattern, "{id}", 4) == 0 ? is_id(path, len) : is_key(path, len))) {
            return false;
        }
        memcpy(arg, path, len);
        arg[len] = '\0';
        path += len;
        pattern += strcspn(pattern, "}") + 1;
    }
    return *path == '\0';
}

const struct route *route_find(const char *method, const char *path, char *arg, char *allow,
                               size_t size)
{
    const char *as = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const struct route *found = NULL;
    char unused[ROUTE_ARG_LEN];
    size_t i, n = 0;

    allow[0] = '\0';
    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (!route_matches(table[i].pattern, path, unused)) {
            continue;
        }
        n += (size_t)snprintf(allow + n, size - n, "%s%s%s", n == 0 ? "" : ", ", table[i].method,
                              strcmp(table[i].method, "GET") == 0 ? ", HEAD" : "");
        CHK(n < size);
        if (found == NULL && strcmp(table[i].method, as) == 0) {
            found = &table[i];
            memcpy(arg, unused, sizeof unused);
        }
    }
    if (n != 0) {
        (void)snprintf(allow + n, size - n, ", OPTIONS"); /* the caller's size has room for it */
    }
    return found;
}
