/* The route table and its matching. Pure: no handlers here, so that a test can link the table
 * and compare it with the published contract.
 */
#ifndef MLPD_HTTP_ROUTE_H
#define MLPD_HTTP_ROUTE_H

#include "base/base.h"

enum route_id {
#define ROUTE(name, method, pattern, body, scope) ROUTE_##name,
#include "http/routes.def"
#undef ROUTE
    ROUTES
};

enum route_body { BODY_NONE, BODY_JSON, BODY_OPTIONAL, BODY_ROWS, BODY_UPLOAD };
enum route_scope { SCOPE_OPEN, SCOPE_READ, SCOPE_PREDICT, SCOPE_TRAIN, SCOPE_ADMIN };

/* "read", "predict", "train", "admin"; "open" is none that a token has. */
const char *route_scope_name(enum route_scope scope);
/* False, and *out as it was, when it is none of the four. */
bool route_scope_parse(const char *name, enum route_scope *out);

struct route {
    enum route_id id;
    const char *name, *method, *pattern;
    enum route_body body;
    enum route_scope scope;
};

/* [ROUTES], in the order of routes.def. */
const struct route *route_table(size_t *n);

#define ROUTE_ARG_LEN 72 /* "sha256:" and 64 digits, and the NUL */

/* The path of a request target decoded: a fresh string, or NULL when it is no path of ours
 * (broken escapes, NUL, control characters, a backslash, "..", a second decoding's '%'). */
char *route_path(const char *target, size_t len);

/* Whether `path` has the pattern's form; its one variable part goes to arg[ROUTE_ARG_LEN]. */
bool route_matches(const char *pattern, const char *path, char *arg);

/* The route for method and path, or NULL. `allow` (size bytes, at least 64) becomes the Allow
 * header of the path, "" when no route has it. HEAD finds GET's. */
const struct route *route_find(const char *method, const char *path, char *arg, char *allow,
                               size_t size);

#endif
