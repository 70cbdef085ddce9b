/* One request, from its first line to the end of its answer.
 *
 * Made when the request line is in, freed when libmicrohttpd says that the exchange is over,
 * however it ended. All of it runs on the one server thread that owns the connection, so nothing
 * here is locked; what is shared (the budget of body bytes) is atomic.
 */
#ifndef MLPD_HTTP_REQUEST_H
#define MLPD_HTTP_REQUEST_H

#include <microhttpd.h>

#include "http/guard.h"
#include "http/jw.h"
#include "http/query.h"
#include "http/route.h"
#include "http/server.h"
#include "http/tokens.h"

#define REQUEST_SMALL_BODY (1u << 20)  /* bodies that nobody reads, and early answers */
#define REQUEST_DRAIN      (64u << 20) /* refused bodies are read to their end up to this */

struct request_header {
    const char *name; /* static */
    char *value;      /* owned */
};

#define REQUEST_ID_LEN 65 /* with the NUL */

struct upload; /* api_datasets.c */

struct request {
    unsigned magic;
    struct server *server;
    const struct server_context *context;
    struct MHD_Connection *connection;
    struct client *client;     /* the connection's */
    char *target;              /* as sent; owned */
    char *path;                /* decoded; owned; NULL: not a path of ours */
    const char *method;        /* the library's, for the time of the exchange */
    const struct route *route; /* NULL: none */
    char arg[ROUTE_ARG_LEN];   /* what stands for {id} or {key} */
    int64_t id;                /* the same as a number; 0 when it is a name */
    struct query query;
    char token_id[TOKEN_ID_LEN]; /* of the token that came with it; "": none did */
    double started_at; /* clock_monotonic */
    char request_id[REQUEST_ID_LEN]; /* the client's or ours; "" until the headers were looked at */

    /* the body */
    bool begun; /* the headers were looked at */
    bool has_length;
    uint64_t length; /* Content-Length */
    uint64_t received;
    struct buf body;       /* JSON and ROWS: all of it */
    size_t reserved;       /* bytes taken from the server's budget */
    bool heavy;            /* its memory goes back to the system at the end */
    struct upload *upload; /* UPLOAD: where the bytes go */

    /* the answer */
    unsigned refused; /* not 0: the status to answer once the body is drained */
    struct err err;   /* why */
    struct request_header headers[8];
    size_t n_headers;
    unsigned status; /* of the answer that was queued; 0: none yet */
    uint64_t answer_bytes; /* of its body, made so far */
};

/* A connection is over: ends the request that the library began on it and, having no memory for all
 * the parts of its query, told nobody the end of. Most have none. */
void request_forgotten(struct client *client);

/* libmicrohttpd's three callbacks: the request line, the request in pieces, its end. */
void *request_start(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **con_cls);
void request_end(void *server, struct MHD_Connection *connection, void **con_cls,
                 enum MHD_RequestTerminationCode why);

/* The value of a request header, or NULL. */
const char *request_header(const struct request *req, const char *name);
/* How often it came. */
size_t request_header_count(const struct request *req, const char *name);

/* ---- what the log says of it (request_log.c) ---- */

/* Give it an id, the client's X-Request-Id if that is one, and this thread that context. */
void request_identify(struct request *req);
/* The audit line of what would change something that lasts; when its answer is about to go out. */
void request_audit(const struct request *req);
/* Its one line when it is over; `whole`: the answer went out to its end. */
void request_log(const struct request *req, bool whole);

/* ---- what it may cost (request_limits.c) ---- */

/* Whether this client may ask at all now; else req->refused and req->err say why not. */
int request_admit(struct request *req) MUST_CHECK;

/* What the bodies of all requests may take in memory, where one may have so many bytes. */
size_t request_budget(size_t max_body);
/* Take `bytes` from the server's budget until the request ends. ERR_BUSY when there is none. */
int request_reserve(struct request *req, size_t bytes, struct err *err) MUST_CHECK;

/* About what the tree of a JSON text takes once parsed; more rather than less. */
size_t request_tree_bytes(const char *json, size_t len);
/* What jansson may take while it reads a body of `len` bytes whose tree was given `tree`. */
size_t request_json_room(size_t len, size_t tree);

/* Too slow: JSON bodies have slow_seconds, uploads as much grace and then 1 KiB a second. */
bool request_too_slow(enum route_body body, double seconds, double slow_seconds, uint64_t received);

#endif
