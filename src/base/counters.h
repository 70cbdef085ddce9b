/* What the daemon counts about itself, for GET /metrics: counters and histograms in memory, from
 * any thread, without a lock.
 *
 * Families are a fixed table (counters.def), and so are the values of their labels: states,
 * outcomes, reasons, and the routes, which are numbers here and have their names in http. Nothing a
 * client sends makes a new series. Counts are whole numbers in the unit's smallest part (one, a
 * byte, a nanosecond), so that a sum never loses anything; one add is one relaxed atomic addition,
 * some nanoseconds.
 *
 * Counts begin at 0 with the process. Readers see each number whole, but not all of them at one
 * instant; a histogram's count is the sum of its buckets as they were read, and so never differs
 * from them.
 */
#ifndef MLPD_BASE_COUNTERS_H
#define MLPD_BASE_COUNTERS_H

#include "base/buf.h"

/* Values of labels: V(name, text). */
#define COUNTER_REASONS(V)                                                                         \
    V(HOST, "host")                                                                                \
    V(ORIGIN, "origin")                                                                            \
    V(TOKEN, "token")                                                                              \
    V(SCOPE, "scope")                                                                              \
    V(RATE, "rate")                                                                                \
    V(CONNECTIONS, "connections")                                                                  \
    V(BUDGET, "budget")                                                                            \
    V(QUEUE, "queue")                                                                              \
    V(DISK, "disk")
#define COUNTER_ENDS(V)                                                                            \
    V(SUCCEEDED, "succeeded")                                                                      \
    V(FAILED, "failed")                                                                            \
    V(CANCELLED, "cancelled")
#define COUNTER_KINDS(V)                                                                           \
    V(TRAIN, "train")                                                                              \
    V(EVALUATE, "evaluate")                                                                        \
    V(FETCH, "fetch")
#define COUNTER_SAVES(V)                                                                           \
    V(WRITTEN, "written")                                                                          \
    V(FAILED, "failed")
#define COUNTER_DELIVERIES(V)                                                                      \
    V(DELIVERED, "delivered") /* the other side said 2xx */                                        \
    V(FAILED, "failed")       /* and is tried again */                                             \
    V(GIVEN_UP, "given_up")
/* The statuses that answers of ours have. "none": the exchange ended without an answer. */
#define COUNTER_CODES(V)                                                                           \
    V(NONE, 0)                                                                                     \
    V(OK, 200)                                                                                     \
    V(CREATED, 201)                                                                                \
    V(ACCEPTED, 202)                                                                               \
    V(NO_CONTENT, 204)                                                                             \
    V(NOT_MODIFIED, 304)                                                                           \
    V(BAD_REQUEST, 400)                                                                            \
    V(UNAUTHORIZED, 401)                                                                           \
    V(FORBIDDEN, 403)                                                                              \
    V(NOT_FOUND, 404)                                                                              \
    V(NOT_ALLOWED, 405)                                                                            \
    V(TIMEOUT, 408)                                                                                \
    V(CONFLICT, 409)                                                                               \
    V(LENGTH_REQUIRED, 411)                                                                        \
    V(TOO_LARGE, 413)                                                                              \
    V(MEDIA_TYPE, 415)                                                                             \
    V(UNPROCESSABLE, 422)                                                                          \
    V(TOO_MANY, 429)                                                                               \
    V(INTERNAL, 500)                                                                               \
    V(UNAVAILABLE, 503)                                                                            \
    V(NO_STORAGE, 507)                                                                             \
    V(OTHER, 999)

#define COUNTER_VALUE(set, name) set##_##name
#define V(name, text)            COUNTER_VALUE(REFUSED, name),
enum counter_reason { COUNTER_REASONS(V) COUNTER_REASON_N };
#undef V
#define V(name, text) COUNTER_VALUE(ENDED, name),
enum counter_end { COUNTER_ENDS(V) COUNTER_END_N };
#undef V
#define V(name, text) COUNTER_VALUE(KIND, name),
enum counter_kind { COUNTER_KINDS(V) COUNTER_KIND_N };
#undef V
#define V(name, text) COUNTER_VALUE(SAVE, name),
enum counter_save { COUNTER_SAVES(V) COUNTER_SAVE_N };
#undef V
#define V(name, text) COUNTER_VALUE(DELIVERY, name),
enum counter_delivery { COUNTER_DELIVERIES(V) COUNTER_DELIVERY_N };
#undef V
#define V(name, status) COUNTER_VALUE(CODE, name),
enum counter_code { COUNTER_CODES(V) COUNTER_CODE_N };
#undef V

#define COUNTER_ROUTES 64 /* at most so many */

enum counter {
#define COUNTER(id, name, labels, unit, help) COUNTER_##id,
#include "base/counters.def"
    COUNTERS
};
enum histogram_id {
#define HISTOGRAM(id, name, labels, unit, bounds, help) HISTOGRAM_##id,
#include "base/counters.def"
    HISTOGRAMS
};
/* What is not counted but read when it is asked for. */
enum reading {
#define READING(id, name, type, labels, help) READING_##id,
#include "base/counters.def"
    READINGS
};

/* ---- counting: any thread ---- */

/* One more of a family, or `by` (in ones, bytes or nanoseconds). `label`: one of the family's
 * values, as its set in counters.def names them; 0 for a family without labels. */
void counter_add(enum counter id, size_t label, uint64_t by);
/* One observation, in ones, bytes or seconds. What is negative or no number counts as 0 (a wall
 * clock may have been set back). */
void histogram_add(enum histogram_id id, size_t label, double value);
/* One request that is over; `route`: its place in what counters_write is given. */
void counters_request(size_t route, unsigned status, double seconds);

uint64_t counter_get(enum counter id, size_t label);
uint64_t histogram_count(enum histogram_id id, size_t label);

/* ---- saying it: the text format of Prometheus, version 0.0.4 ---- */

/* All families that are counted. Of those with a route only the series that were ever counted;
 * of the others every one. routes: the labels of each, as `method="GET",route="/jobs"`. */
void counters_write(struct buf *out, const char *const *routes, size_t n_routes);
/* What is read: HELP and TYPE once, then its values. `labels` NULL: none. */
void counters_head(struct buf *out, enum reading id);
void counters_value(struct buf *out, enum reading id, const char *labels, double value);
/* name="value", escaped. */
void counters_label(struct buf *out, const char *name, const char *value);

/* All families, for the page of docs and for tests. */
struct counters_family {
    const char *name, *type;   /* "counter", "gauge", "histogram" */
    const char *labels;        /* the labels' names, "method, route, code", or "" */
    const char *const *values; /* of the last label, NULL-terminated; NULL: any */
    const char *help;
};
const struct counters_family *counters_families(size_t *n);

#endif
