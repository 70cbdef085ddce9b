/* The life of a request; see request.h.
 *
 * guard -> route -> token -> limits -> body -> handler -> answer, on the server thread that owns
 * the connection. An answer may be queued at the first call (headers only) or at the last (all of
 * the body in), never between. A refusal is therefore decided early and, as a rule, answered
 * late: a client that is still sending loses an early answer with the broken connection. It
 * goes out at once only when the client waits for it (Expect: 100-continue), when the body is
 * too long to be worth reading, or when the message's framing cannot be trusted.
 */
#include "http/request.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/access.h"
#include "http/api.h"
#include "http/media.h"
#include "http/respond.h"
#include "http/server_priv.h"
#include "jobs/json_util_budget.h"

#define SMALL_TREE     (64u << 10) /* bodies whose trees are not worth counting */
#define TRIM           (8u << 20)  /* trees whose memory is worth giving back to the system */

static void (*const handlers[])(struct request *req) = {
#define ROUTE(name, method, pattern, body, scope) [ROUTE_##name] = api_##name,
#include "http/routes.def"
#undef ROUTE
};

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    CHK(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

void *request_start(void *server, const char *target, struct MHD_Connection *connection)
{
    struct request *req = xcalloc(1, sizeof *req);

    req->magic = REQUEST_MAGIC;
    req->server = server;
    CHK_OBJ(req->server, SERVER_MAGIC);
    req->context = &req->server->context;
    req->connection = connection;
    req->client = client_of(connection);
    req->client->request = req;
    req->target = xstrdup(target);
    req->started_at = clock_monotonic();
    req->err = (struct err)ERR_INIT;
    return req;
}

/* What is counted of it. */
static void count(const struct request *req)
{
    size_t route = req->route != NULL ? (size_t)req->route->id : ROUTES;

    counters_request(route, req->status, clock_monotonic() - req->started_at);
    if (req->route != NULL && req->route->body == BODY_UPLOAD) {
        counter_add(COUNTER_UPLOAD_BYTES, 0, req->received);
    }
    if (req->status == MHD_HTTP_INSUFFICIENT_STORAGE) {
        counter_add(COUNTER_REFUSALS, REFUSED_DISK, 1);
    }
}

void request_end(void *server, struct MHD_Connection *connection, void **con_cls,
                 enum MHD_RequestTerminationCode why)
{
    struct request *req = *con_cls;
    size_t i;

    (void)server;
    (void)connection;
    if (req == NULL) {
        return;
    }
    CHK_OBJ(req, REQUEST_MAGIC);
    *con_cls = NULL;
    req->client->request = NULL;
    clients_phase(req->server->clients, req->client, CLIENT_WAITING);
    log_context_set(req->request_id);
    if (req->begun) {
        request_log(req, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        count(req);
    }
    api_datasets_free(req);
    if (req->reserved != 0) {
        (void)atomic_fetch_sub(&req->server->body_bytes, req->reserved);
    }
    for (i = 0; i < req->n_headers; i++) {
        free(req->headers[i].value);
    }
    if (req->heavy) {
        buf_fini(&req->body);
        (void)malloc_trim(0); /* a parsed body leaves its tree's memory in the thread's arena */
    }
    buf_fini(&req->body);
    err_fini(&req->err);
    query_fini(&req->query);
    free(req->path);
    free(req->target);
    req->magic = 0;
    free(req);
    log_context_set(NULL);
}

void request_forgotten(struct client *client)
{
    void *req = client->request;

    request_end(NULL, NULL, &req, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

const char *request_header(const struct request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

/* A header looked for, and how often it was met. */
struct search {
    const char *name;
    size_t n;
};

static enum MHD_Result count_one(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct search *search = cls;

    (void)kind;
    (void)value;
    search->n += strcasecmp(name, search->name) == 0;
    return MHD_YES;
}

size_t request_header_count(const struct request *req, const char *name)
{
    struct search search = {.name = name};

    (void)MHD_get_connection_values(req->connection, MHD_HEADER_KIND, count_one, &search);
    return search.n;
}

/* ---- the first call: headers only ---- */

/* Headers that must not come twice, counted. */
struct counts {
    unsigned host, length, transfer, authorization;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct counts *counts = cls;

    (void)kind;
    (void)value;
    counts->host += strcasecmp(name, "Host") == 0;
    counts->length += strcasecmp(name, "Content-Length") == 0;
    counts->transfer += strcasecmp(name, "Transfer-Encoding") == 0;
    counts->authorization += strcasecmp(name, "Authorization") == 0;
    return MHD_YES;
}

static int refuse(struct request *req, unsigned status, const char *fmt, ...) PRINTF(3, 4);

static int refuse(struct request *req, unsigned status, const char *fmt, ...)
{
    va_list ap;

    req->refused = status;
    va_start(ap, fmt);
    (void)vsnprintf(req->err.detail, sizeof req->err.detail, fmt, ap); /* a cut sentence is fine */
    va_end(ap);
    return -1;
}

/* Whether the message is framed in one way only. Nothing after it can be trusted otherwise. */
static int check_framing(struct request *req, bool *chunked)
{
    struct counts counts = {.host = 0};
    const char *length;
    char *end;

    (void)MHD_get_connection_values(req->connection, MHD_HEADER_KIND, count_header, &counts);
    if (counts.host > 1 || counts.length > 1 || counts.transfer > 1 || counts.authorization > 1) {
        return refuse(req, MHD_HTTP_BAD_REQUEST,
                      "Host, Content-Length, Transfer-Encoding and Authorization may each be "
                      "there once only");
    }
    if (counts.length != 0 && counts.transfer != 0) {
        return refuse(req, MHD_HTTP_BAD_REQUEST,
                      "Content-Length and Transfer-Encoding exclude each other");
    }
    *chunked = counts.transfer != 0;
    if (*chunked && strcasecmp(request_header(req, "Transfer-Encoding"), "chunked") != 0) {
        return refuse(req, MHD_HTTP_BAD_REQUEST, "the only Transfer-Encoding here is chunked");
    }
    length = request_header(req, "Content-Length");
    if (length != NULL) {
        errno = 0;
        req->length = strtoull(length, &end, 10);
        if (length[0] < '0' || length[0] > '9' || *end != '\0' || errno != 0) {
            return refuse(req, MHD_HTTP_BAD_REQUEST, "Content-Length is not a number");
        }
        req->has_length = true;
    }
    return 0;
}

static int check_sender(struct request *req)
{
    const char *host = request_header(req, "Host");
    bool open = req->path != NULL &&
                (strcmp(req->path, "/healthz") == 0 || strcmp(req->path, "/readyz") == 0);

    if (!open && !guard_host(&req->server->guard, host)) {
        counter_add(COUNTER_REFUSALS, REFUSED_HOST, 1);
        return refuse(req, MHD_HTTP_FORBIDDEN,
                      "the Host header \"%.64s\" is not a name of this server; it answers at %s%s",
                      host != NULL ? host : "", req->server->url,
                      req->server->guard.names != NULL ? " and its --host-name" : "");
    }
    if (!guard_method_is_safe(req->method) &&
        !guard_site(request_header(req, "Sec-Fetch-Site"), request_header(req, "Origin"), host)) {
        counter_add(COUNTER_REFUSALS, REFUSED_ORIGIN, 1);
        return refuse(req, MHD_HTTP_FORBIDDEN,
                      "a page of another site asked for this; only this server's own page may");
    }
    return 0;
}

static int find_route(struct request *req)
{
    char allow[96] = "";

    if (req->path != NULL) {
        req->route = route_find(req->method, req->path, req->arg, allow, sizeof allow);
    }
    if (req->route != NULL) {
        req->id = req->arg[0] >= '0' && req->arg[0] <= '9' ? strtoll(req->arg, NULL, 10) : 0;
        return 0;
    }
    if (allow[0] == '\0') {
        /* the page's assets have no routes; api_page_asset looks for them at the end */
        return req->path != NULL &&
                       (strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0)
                   ? 0
                   : refuse(req, MHD_HTTP_NOT_FOUND, "there is nothing at this address");
    }
    respond_header(req, "Allow", "%s", allow);
    if (strcmp(req->method, "OPTIONS") == 0) {
        return refuse(req, MHD_HTTP_NO_CONTENT, "%s", "");
    }
    return refuse(req, MHD_HTTP_METHOD_NOT_ALLOWED, "%.16s is not possible here, only %s",
                  req->method, allow);
}

/* What kind of body comes: one that may be left out counts as JSON when it is there, and in place
 * of a new table JSON may come that says where it is. */
static enum route_body body_of(const struct request *req)
{
    enum route_body body = req->route != NULL ? req->route->body : BODY_NONE;

    if (body == BODY_UPLOAD && req->route->id == ROUTE_datasets_post &&
        media_is(request_header(req, "Content-Type"), "application/json")) {
        return BODY_JSON;
    }
    if (body != BODY_OPTIONAL) {
        return body;
    }
    return req->length > 0 || request_header(req, "Transfer-Encoding") != NULL ? BODY_JSON
                                                                               : BODY_NONE;
}

static int check_type(struct request *req)
{
    const char *type = request_header(req, "Content-Type");
    bool json = media_is(type, "application/json");
    enum reader_format format;

    switch (body_of(req)) {
    case BODY_NONE:
    case BODY_OPTIONAL: /* it is one of the others */
        return 0;
    case BODY_JSON:
        return json ? 0
                    : refuse(req, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                             "send JSON with Content-Type: application/json (curl --json), not "
                             "%.64s",
                             type != NULL ? type : "a body without a type");
    case BODY_ROWS:
        return json || media_format(type, &format)
                   ? 0
                   : refuse(req, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                            "send JSON with Content-Type: application/json (curl --json) or a "
                            "table with Content-Type: text/csv, application/x-ndjson, "
                            "application/x-npy or another of GET /openapi.json, not %.64s",
                            type != NULL ? type : "a body without a type");
    case BODY_UPLOAD:
        return media_format(type, &format) || media_is(type, "multipart/form-data")
                   ? 0
                   : refuse(req, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                            "send a table as a form (curl -F file=@table.csv) or with its "
                            "Content-Type, such as text/csv (curl --data-binary @table.csv -H "
                            "'Content-Type: text/csv'), not %.64s",
                            type != NULL ? type : "a body without a type");
    }
    return 0;
}

/* The most bytes of body this route takes. */
static uint64_t body_limit(const struct request *req)
{
    if (body_of(req) == BODY_NONE) {
        return REQUEST_SMALL_BODY;
    }
    return body_of(req) == BODY_UPLOAD ? req->context->max_dataset : req->context->max_body;
}

static int refuse_size(struct request *req, uint64_t size)
{
    return refuse(req, MHD_HTTP_CONTENT_TOO_LARGE,
                  "the body has %s%" PRIu64 " bytes, and the limit here is %" PRIu64,
                  req->has_length ? "" : "more than ", size, body_limit(req));
}

static int check_body(struct request *req)
{
    enum route_body body = body_of(req);

    if (body != BODY_NONE && check_type(req) != 0) {
        return -1;
    }
    if ((body == BODY_JSON || body == BODY_ROWS) && !req->has_length) {
        return refuse(req, MHD_HTTP_LENGTH_REQUIRED, "send the body with a Content-Length");
    }
    if (req->length > body_limit(req)) {
        return refuse_size(req, req->length);
    }
    if ((body == BODY_JSON || body == BODY_ROWS) &&
        request_reserve(req, (size_t)req->length, &req->err) != 0) {
        req->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
        return -1;
    }
    return 0;
}

/* Work that the daemon should not begin any more. */
static bool starts_work(const struct request *req)
{
    return req->route != NULL &&
           (req->route->id == ROUTE_train_post || req->route->body == BODY_UPLOAD);
}

static int check_all(struct request *req)
{
    if (check_sender(req) != 0 || find_route(req) != 0 || access_check(req) != 0) {
        return -1;
    }
    if (starts_work(req) && atomic_load(&req->server->quiescing)) {
        return refuse(req, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    }
    if (check_body(req) != 0) {
        return -1;
    }
    if (query_parse(strchr(req->target, '?') != NULL ? strchr(req->target, '?') + 1 : NULL,
                    &req->query, &req->err) != 0) {
        req->refused = respond_status_of(req->err.code);
        return -1;
    }
    if (body_of(req) == BODY_UPLOAD && api_datasets_begin(req, &req->err) != 0) {
        req->refused = respond_status(req, &req->err);
        return -1;
    }
    return 0;
}

static void answer_refusal(struct request *req)
{
    /* before the answer: who reads it may send the table again at once, under the same name */
    api_datasets_free(req);
    if (req->refused == MHD_HTTP_NO_CONTENT) {
        respond_empty(req, req->refused);
    } else {
        respond_refusal(req, req->refused, &req->err);
    }
}

static enum MHD_Result begin(struct request *req, const char *method)
{
    const char *expect;
    bool chunked = false, trusted, excess;

    req->begun = true;
    req->method = method;
    request_identify(req);
    req->path = route_path(req->target, strcspn(req->target, "?"));
    clients_phase(req->server->clients, req->client, CLIENT_READING);
    trusted = check_framing(req, &chunked) == 0;
    if (trusted && request_admit(req) == 0 && check_all(req) == 0) {
        return MHD_YES;
    }
    expect = request_header(req, "Expect");
    excess = req->client->excess != CLIENT_WITHIN; /* its time is short */
    if (!trusted || excess || req->length > REQUEST_DRAIN ||
        ((req->length != 0 || chunked) && expect != NULL &&
         strcasecmp(expect, "100-continue") == 0)) {
        respond_header(req, "Connection", "close");
        answer_refusal(req);
    }
    return MHD_YES;
}

/* ---- the calls between: pieces of the body ---- */

static enum MHD_Result take_piece(struct request *req, const char *bytes, size_t len)
{
    enum route_body body = body_of(req);

    req->received += len;
    if (request_too_slow(body, clock_monotonic() - req->started_at, req->server->slow_seconds,
                         req->received)) {
        log_info("%s: the body comes too slowly, %" PRIu64 " bytes so far; closing",
                 req->path != NULL ? req->path : "?", req->received);
        return MHD_NO;
    }
    if (req->refused == 0 && req->received > body_limit(req)) {
        (void)refuse_size(req, body_limit(req));
    }
    if (req->refused != 0) {
        uint64_t limit = body_limit(req) > REQUEST_DRAIN ? body_limit(req) : REQUEST_DRAIN;

        return req->received > limit + REQUEST_DRAIN ? MHD_NO : MHD_YES;
    }
    if (body == BODY_UPLOAD) {
        if (api_datasets_feed(req, bytes, len, &req->err) != 0) {
            req->refused = respond_status(req, &req->err);
        }
    } else if (body != BODY_NONE &&
               (buf_reserve(&req->body, (size_t)req->length - req->body.len) != 0 ||
                buf_append(&req->body, bytes, len) != 0)) {
        (void)refuse(req, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for a body of %" PRIu64 " bytes",
                     req->length);
    }
    return MHD_YES;
}

/* ---- the last call ---- */

/* The handler, with room for the body's tree taken from the budget while it runs: one request of
 * the heaviest kind at a time, and many ordinary ones. */
static void handle(struct request *req)
{
    size_t most = req->server->body_budget / 4 * 3, before = req->reserved, tree = 0;

    if (req->body.len > SMALL_TREE) {
        tree = request_tree_bytes(req->body.data, req->body.len);
        if (tree > req->server->body_budget) {
            respond_problem(req, MHD_HTTP_CONTENT_TOO_LARGE,
                            "this JSON would take about %zu bytes of memory, and the limit is %zu",
                            tree, req->server->body_budget);
            return;
        }
        tree = tree < most ? tree : most;
        req->heavy = tree > TRIM;
    }
    if (request_reserve(req, tree, &req->err) != 0) {
        respond_err(req, &req->err);
        return;
    }
    json_util_budget_set(request_json_room(req->body.len, tree));
    handlers[req->route->id](req);
    json_util_budget_set(0);
    CHK(req->reserved >= before + tree);
    req->reserved -= tree;
    (void)atomic_fetch_sub(&req->server->body_bytes, tree);
}

static void answer(struct request *req)
{
    if (req->refused != 0) {
        answer_refusal(req);
    } else if (req->route != NULL) {
        handle(req);
    } else if (!api_page_asset(req)) {
        respond_problem(req, MHD_HTTP_NOT_FOUND, "there is nothing at this address");
    }
    CHK(req->status != 0);
}

enum MHD_Result request_handle(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **con_cls)
{
    struct request *req = *con_cls;
    enum MHD_Result result = MHD_YES;

    (void)server;
    (void)connection;
    (void)url; /* decoded by the library; ours comes from the target as sent */
    (void)version;
    CHK_OBJ(req, REQUEST_MAGIC);
    log_context_set(req->request_id); /* this thread may have been at another one's meanwhile */
    if (!req->begun) {
        result = begin(req, method);
    } else if (*upload_data_size != 0) {
        result = take_piece(req, upload_data, *upload_data_size);
        *upload_data_size = 0;
    } else if (req->status == 0) {
        answer(req);
    }
    log_context_set(NULL);
    if (req->status != 0) {
        clients_phase(req->server->clients, req->client, CLIENT_ANSWERING);
    }
    return result;
}
