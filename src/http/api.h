/* The handlers, one api_*.c a resource. Each is called once with the whole body in, and queues
 * one answer (respond.h).
 */
#ifndef MLPD_HTTP_API_H
#define MLPD_HTTP_API_H

#include "http/request.h"

#define ROUTE(name, method, pattern, body, scope) void api_##name(struct request *req);
#include "http/routes.def"
#undef ROUTE

/* A path that no route has: an asset of the page. False when it is none. */
bool api_page_asset(struct request *req);

/* An upload in pieces: begin (query checked), feed, and api_datasets_post at its end.
 * upload_free, whatever happened; an unfinished one leaves nothing. */
int api_datasets_begin(struct request *req, struct err *err) MUST_CHECK;
int api_datasets_feed(struct request *req, const void *bytes, size_t len,
                      struct err *err) MUST_CHECK;
void api_datasets_free(struct request *req);
/* POST /datasets with a body of JSON. */
void api_fetch(struct request *req);

/* ---- shared by handlers ---- */
#define API_PAGE_MOST 500 /* items of one answer */
#define API_KEY_MOST  255 /* characters of an Idempotency-Key */

/* ?limit= and ?page_token= of a list; answers 400 itself and returns -1. */
struct api_page {
    int64_t limit;     /* 1 to API_PAGE_MOST */
    int64_t before_id; /* 0 = from the newest */
};
int api_page_read(const struct request *req, struct api_page *out, struct err *err) MUST_CHECK;
/* "next_page_token" when there are older ones. */
void api_page_next(struct jw *w, bool more, int64_t last_id);

/* The model that {key} names: an id as it is, a family's newest succeeded one. */
int api_model_id(const struct request *req, int64_t *out, struct err *err) MUST_CHECK;

/* 202 with Location for a committed job; 200 for a dry run (job_id 0). */
struct submitted;
void api_answer_submitted(struct request *req, const struct submitted *submitted, const char *kind);

/* Whether jobs and datasets are taken now. *room is set where it can be told. */
struct room;
int api_may_write(const struct server_context *context, struct room *room,
                  struct err *err) MUST_CHECK;

/* The queue's numbers and whether it is paused. */
int api_queue_write(struct jw *w, const char *key, const struct server_context *context,
                    struct err *err) MUST_CHECK;

/* The name of the family, or NULL, in a filter: checked. */
int api_name_check(const char *name, struct err *err) MUST_CHECK;

#endif
