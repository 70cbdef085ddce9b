/* Answers. Each function queues exactly one on the request's connection. */
#ifndef MLPD_HTTP_RESPOND_H
#define MLPD_HTTP_RESPOND_H

#include "http/request.h"

/* A header for the coming answer; `name` is a literal. */
void respond_header(struct request *req, const char *name, const char *fmt, ...) PRINTF(3, 4);

/* The writer's text (taken over; the writer ends empty). GET's 200 carries an ETag, or becomes
 * a 304. */
void respond_json(struct request *req, unsigned status, struct jw *w);
/* The same for a text of another type. */
void respond_text(struct request *req, unsigned status, const char *type, struct buf *text);
/* Bytes that live as long as the program. `etag` may be NULL; `encoding` NULL or "gzip". */
void respond_static(struct request *req, const char *type, const void *bytes, size_t len,
                    const char *encoding, const char *etag);
/* No body: 204. */
void respond_empty(struct request *req, unsigned status);

/* problem+json from what went wrong; the status follows err's code. Always returns nothing to
 * free: err is left to its owner. */
void respond_err(struct request *req, const struct err *err);
/* The same with a status of its own and a sentence. */
void respond_problem(struct request *req, unsigned status, const char *fmt, ...) PRINTF(3, 4);
/* The same with err's sentence and items. */
void respond_refusal(struct request *req, unsigned status, const struct err *err);

/* A long answer made piece by piece. next appends some bytes to `out`: 1 = there is more,
 * 0 = that was the end, -1 = give up (the connection is cut, so that nobody takes half an answer
 * for a whole one). done frees arg, whatever happened. */
struct respond_source {
    int (*next)(void *arg, struct buf *out);
    void (*done)(void *arg);
    void *arg;
};
void respond_stream(struct request *req, unsigned status, const char *type,
                    const struct respond_source *source);

unsigned respond_status_of(enum err_code code);
/* The same for this request: what it could not write is 503, for reading may go on. */
unsigned respond_status(const struct request *req, const struct err *err);

#endif
