/* The query of a request target, "a=1&b=x+y": split, decoded and checked once.
 *
 * A name may stand there once; what does not decode to UTF-8 text without NUL is refused.
 * Problems are ERR_SYNTAX (400) with the pointer "/<name>". Immutable once parsed.
 */
#ifndef MLPD_HTTP_QUERY_H
#define MLPD_HTTP_QUERY_H

#include "base/err.h"

struct query_param {
    char *name, *value; /* owned; value "" when there is no '=' */
};

struct query {
    struct query_param *params; /* in the order sent */
    size_t n;
};

/* text: what follows the '?', or NULL. */
int query_parse(const char *text, struct query *out, struct err *err) MUST_CHECK;
void query_fini(struct query *query);

/* The value, or NULL. */
const char *query_get(const struct query *query, const char *name);
/* An integer within [min, max]; `otherwise` when it is absent. */
int query_int(const struct query *query, const char *name, int64_t min, int64_t max,
              int64_t otherwise, int64_t *out, struct err *err) MUST_CHECK;
/* true|1|(empty) or false|0. */
int query_bool(const struct query *query, const char *name, bool otherwise, bool *out,
               struct err *err) MUST_CHECK;
/* Every name must be one of `names` (NULL-terminated, may be NULL); a suggestion is given. */
int query_only(const struct query *query, const char *const *names, struct err *err) MUST_CHECK;

/* Decode %XX (and '+' as a space when `plus`) in place of `len` bytes; false when an escape is
 * broken or the text is not UTF-8 without NUL. *out is a fresh string. */
bool query_decode(const char *s, size_t len, bool plus, char **out) MUST_CHECK;
/* "/" and the name with ~ and / escaped as JSON pointers want it; caller frees. */
char *query_pointer(const char *name);

#endif
