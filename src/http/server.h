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

struct tokens;

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
    struct tokens *tokens;     /* who may do what */
    bool require_token;        /* on loopback and a unix socket too */
    const char *ui_dir;        /* the page's files are read there; NULL: those built in */
    const char *store_version; /* "SQLite 3.40.1" */
    double started_at;         /* clock_monotonic at start */
};

struct server;

/* main only, before any thread: what libraries want once in a process. */
void server_prepare(void);
/* "libmicrohttpd 0.9.75, GnuTLS 3.7.9, jansson 2.14, zlib 1.2.13", for the log. */
const char *server_libraries(char *out, size_t size);

struct server_options {
    const char *host; /* address literal: "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;    /* 0: any free one */
    const char *path; /* not NULL: a unix socket there instead, mode 0660 */
    int inherited;    /* not 0: this listening descriptor instead (server_take_inherited) */
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */
    const char *const *host_names;  /* "NAME[:PORT]" besides ours, NULL-terminated, or NULL; they
                                       outlive the server */
    bool behind_proxy; /* a proxy in front speaks TLS, and brings others here: tokens are needed */
    size_t threads;                 /* 2 to 4 */
    size_t max_connections;
    size_t max_per_client; /* connections of one address; SIZE_MAX: our choice; 0: any */
    double rate, burst;    /* requests a second of one address, and at once; 0: any */
    double slow_seconds;   /* how long a slow client is borne (clients.h) */
};

/* main only, once, before threads: the socket that a service manager started us with (LISTEN_PID,
 * LISTEN_FDS), or *fd = 0. The variables are gone after it. */
int server_take_inherited(int *fd, struct err *err) MUST_CHECK;

/* The one rule for every kind of listener: loopback addresses and unix sockets always; what other
 * machines reach only with a token, and with TLS or behind a proxy; behind a proxy nothing without
 * a token. The sentence says what is missing. */
int server_may_listen(const struct server_options *options, size_t n_tokens,
                      struct err *err) MUST_CHECK;

/* How many descriptors its connections may take, those included that are told to come later. */
size_t server_descriptors(const struct server_options *options);

/* Bind and listen; errors name the address. The caller has asked server_may_listen. */
int server_start(const struct server_options *options, const struct server_context *context,
                 struct server **out, struct err *err) MUST_CHECK;
/* "http://127.0.0.1:6573" or "https://...", with the real port, or "unix:/path". Owned by the
 * server. */
const char *server_url(const struct server *server);
/* Read certificate and key again, for connections that begin from now on. When they are no good,
 * those before stay. Nothing to do without TLS. Main only. */
int server_reload(struct server *server, struct err *err) MUST_CHECK;
/* When the certificate ends, in seconds since 1970; 0 without TLS. Any thread. */
int64_t server_certificate_expires(const struct server *server);
/* Connections open now. Any thread. */
size_t server_connections(const struct server *server);
/* New work is refused with 503 from now on; what is running goes on. */
void server_quiesce(struct server *server);
/* Stop listening, finish or drop what is open, join the threads, free. */
void server_stop(struct server **server);

#endif
