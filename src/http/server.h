/* The HTTP server: libmicrohttpd's thread pool in front of one exact route table.
 *
 * The life of a request: guard (Host, Origin, duplicate headers) -> route and method ->
 * body limits and media type -> body -> handler -> one response. A handler runs at most
 * about 2 ms and may wait only for a commit.
 */
#ifndef MLPD_HTTP_SERVER_H
#define MLPD_HTTP_SERVER_H

#include "jobs/datasets.h"
#include "jobs/pool.h"
#include "jobs/predictor.h"
#include "jobs/retention.h"
#include "jobs/submit.h"
#include "store/store.h"

/* What the handlers work with; everything outlives the server. */
struct server_context {
    struct store *store;
    struct datasets *datasets;
    struct pool *pool;
    struct predictor *predictor;
    struct checkpoints *checkpoints; /* NULL: none are made */
    struct submit_limits limits;
    struct retention retention; /* what POST /gc keeps unless it is told */
    size_t max_body;           /* JSON bodies: /train, predict, evaluate */
    uint64_t max_dataset;      /* bytes of one upload */
    const char *store_version; /* "SQLite 3.40.1" */
    double started_at;         /* clock_monotonic at start */
};

struct server;

/* main only, before any thread: what libraries want once in a process. */
void server_prepare(void);
/* "libmicrohttpd 0.9.75, jansson 2.14, zlib 1.2.13", for the log. */
const char *server_libraries(char *out, size_t size);

struct server_options {
    const char *host; /* address literal: "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;    /* 0: any free one */
    size_t threads;   /* 2 to 4 */
    size_t max_connections;
};

/* Bind and listen; errors name the address. */
int server_start(const struct server_options *options, const struct server_context *context,
                 struct server **out, struct err *err) MUST_CHECK;
/* "http://127.0.0.1:6573", with the real port. Owned by the server. */
const char *server_url(const struct server *server);
/* New work is refused with 503 from now on; what is running goes on. */
void server_quiesce(struct server *server);
/* Stop listening, finish or drop what is open, join the threads, free. */
void server_stop(struct server **server);

#endif
