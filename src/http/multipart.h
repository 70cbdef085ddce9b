/* multipart/form-data in pieces (RFC 7578), as curl -F sends it: parts with a name, streamed. One
 * thread at a time.
 */
#ifndef MLPD_HTTP_MULTIPART_H
#define MLPD_HTTP_MULTIPART_H

#include "base/err.h"

struct multipart;

/* Who takes the parts: their beginnings, with the field's name (UTF-8, not empty, at most 64
 * bytes), and their bytes. Either may refuse (-1 with err). */
struct multipart_sink {
    int (*part)(void *arg, const char *name, struct err *err);
    int (*bytes)(void *arg, const void *bytes, size_t len, struct err *err);
    void *arg;
};

/* content_type: the header, with its boundary. ERR_SYNTAX when there is none. */
int multipart_new(const char *content_type, struct multipart **out, struct err *err) MUST_CHECK;
void multipart_free(struct multipart **m);
int multipart_feed(struct multipart *m, const void *bytes, size_t len,
                   const struct multipart_sink *sink, struct err *err) MUST_CHECK;
/* Whether the last boundary came. */
int multipart_finish(const struct multipart *m, struct err *err) MUST_CHECK;

#endif
