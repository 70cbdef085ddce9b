/* Answers; see respond.h.
 *
 * Runs on the server thread of the request. What must hold: every answer carries the headers
 * that keep a browser from guessing (nosniff, CORP, no-cache), every error is problem+json with
 * all its items, and no answer shows a path, SQL or an address of ours.
 */
#include "http/respond.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/media.h"
#include "http/server_priv.h"

#define STREAM_BLOCK (64u << 10)

void respond_header(struct request *req, const char *name, const char *fmt, ...)
{
    va_list ap;

    CHK(req->n_headers < ARRAY_LEN(req->headers));
    va_start(ap, fmt);
    req->headers[req->n_headers].value = xvasprintf(fmt, ap);
    va_end(ap);
    req->headers[req->n_headers++].name = name;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        log_warn("a response header %s could not be added", name);
    }
}

/* What goes out of a body of `len` bytes. */
static uint64_t sent_of(const struct request *req, size_t len)
{
    return strcmp(req->method, "HEAD") == 0 ? 0 : len;
}

/* Takes the response over. */
static void queue(struct request *req, unsigned status, struct MHD_Response *response)
{
    size_t i;

    CHK(req->status == 0);
    req->status = status;
    request_audit(req);
    if (response == NULL) {
        return; /* no memory: request_handle closes the connection */
    }
    for (i = 0; i < req->n_headers; i++) {
        add(response, req->headers[i].name, req->headers[i].value);
    }
    add(response, "X-Request-Id", req->request_id);
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add(response, "Cache-Control", "no-cache");
    if (MHD_queue_response(req->connection, status, response) != MHD_YES) {
        log_debug("an answer could not be queued");
    }
    MHD_destroy_response(response);
}

void respond_empty(struct request *req, unsigned status)
{
    queue(req, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

static bool not_modified(struct request *req, const char *etag)
{
    respond_header(req, "ETag", "%s", etag);
    return media_etag_matches(request_header(req, "If-None-Match"), etag);
}

void respond_text(struct request *req, unsigned status, const char *type, struct buf *text)
{
    struct MHD_Response *response;
    char etag[MEDIA_ETAG_LEN];
    size_t len = text->len;
    char *bytes;

    if (status == MHD_HTTP_OK && guard_method_is_safe(req->method)) {
        media_etag(text->data != NULL ? text->data : "", len, etag);
        if (not_modified(req, etag)) {
            buf_fini(text);
            respond_empty(req, MHD_HTTP_NOT_MODIFIED);
            return;
        }
    }
    bytes = buf_take(text);
    req->answer_bytes = sent_of(req, len);
    response = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
    } else {
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    queue(req, status, response);
}

void respond_json(struct request *req, unsigned status, struct jw *w)
{
    CHK(w->depth == 0);
    if (w->failed) {
        jw_fini(w);
        respond_problem(req, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for this answer");
        return;
    }
    respond_text(req, status, "application/json", &w->buf);
    jw_fini(w);
}

void respond_static(struct request *req, const char *type, const void *bytes, size_t len,
                    const char *encoding, const char *etag)
{
    struct MHD_Response *response;
    /* the library's function takes no const, and only reads */
    void *readable = (void *)(uintptr_t)bytes;

    if (etag != NULL && not_modified(req, etag)) {
        respond_empty(req, MHD_HTTP_NOT_MODIFIED);
        return;
    }
    req->answer_bytes = sent_of(req, len);
    response = MHD_create_response_from_buffer(len, readable, MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        if (encoding != NULL) {
            add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, encoding);
        }
    }
    queue(req, MHD_HTTP_OK, response);
}

/* ---- errors ---- */

unsigned respond_status_of(enum err_code code)
{
    switch (code) {
    case ERR_SYNTAX:
        return MHD_HTTP_BAD_REQUEST;
    case ERR_INVALID:
        return MHD_HTTP_UNPROCESSABLE_CONTENT;
    case ERR_NOT_FOUND:
        return MHD_HTTP_NOT_FOUND;
    case ERR_CONFLICT:
        return MHD_HTTP_CONFLICT;
    case ERR_TOO_LARGE:
        return MHD_HTTP_CONTENT_TOO_LARGE;
    case ERR_BUSY:
    case ERR_NO_MEMORY:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case ERR_NO_SPACE:
        return MHD_HTTP_INSUFFICIENT_STORAGE;
    case ERR_NONE:
    case ERR_IO:
    case ERR_CORRUPT:
    case ERR_INTERNAL:
        break;
    }
    return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

/* Whether the request wants something kept. */
static bool writes(const struct request *req)
{
    return req->route != NULL && !guard_method_is_safe(req->route->method) &&
           req->route->id != ROUTE_models_predict_rows &&
           req->route->id != ROUTE_models_trace;
}

unsigned respond_status(const struct request *req, const struct err *err)
{
    const struct server_context *c = req->context;
    struct err sick = ERR_INIT;
    bool unwritable = false;

    if (writes(req) && err->code == ERR_IO) {
        unwritable = true;
    } else if (writes(req) && err->code == ERR_CORRUPT) { /* the database, or one thing in it? */
        unwritable = c->store->ops->health(c->store, &sick) != 0;
        err_fini(&sick);
    }
    return unwritable ? MHD_HTTP_SERVICE_UNAVAILABLE : respond_status_of(err->code);
}

/* The library's phrases are those of an older RFC. */
static const char *title_of(unsigned status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "Content Too Large";
    case MHD_HTTP_UNPROCESSABLE_CONTENT:
        return "Unprocessable Content";
    default:
        return MHD_get_reason_phrase_for(status);
    }
}

static void write_item(struct jw *w, const struct err_item *item)
{
    jw_object(w, NULL);
    if (item->pointer != NULL) {
        jw_string(w, "pointer", item->pointer);
    }
    jw_string(w, "detail", item->detail);
    if (item->row != 0) {
        jw_int(w, "row", item->row);
    }
    if (item->line != 0) {
        jw_int(w, "line", item->line);
    }
    if (item->column != NULL) {
        jw_string(w, "column", item->column);
    }
    jw_end(w);
}

/* One sentence that stands alone. An item's words do not ("is missing"), so its place goes before
 * them, and how many more there are after them. */
static char *sentence(const struct err *err, unsigned status)
{
    const struct err_item *first = err->n_items != 0 ? &err->items[0] : NULL;
    size_t more = err->n_items + err->n_dropped - 1;
    struct buf out = BUF_INIT;

    if (first == NULL || (err->detail[0] != '\0' && strcmp(err->detail, first->detail) != 0)) {
        return xstrdup(err->detail[0] != '\0' ? err->detail : title_of(status));
    }
    if (first->pointer != NULL && first->pointer[0] != '\0') {
        buf_printf(&out, "%s: ", first->pointer);
    } else if (first->row != 0 && strncmp(first->detail, "row ", 4) != 0) {
        buf_printf(&out, "row %" PRId64, first->row);
        if (first->column != NULL) {
            buf_printf(&out, ", column \"%s\"", first->column);
        }
        buf_puts(&out, ": ");
    }
    buf_puts(&out, first->detail);
    if (more != 0) {
        buf_printf(&out, " (and %zu more problem%s)", more, more == 1 ? "" : "s");
    }
    return buf_take(&out);
}

void respond_refusal(struct request *req, unsigned status, const struct err *err)
{
    struct jw w = JW_INIT;
    char *detail;
    size_t i;

    if (status == MHD_HTTP_INTERNAL_SERVER_ERROR) {
        log_error("%s %s: %s", req->method, req->path != NULL ? req->path : "?", err->detail);
    }
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        respond_header(req, "Retry-After", "1");
    }
    jw_object(&w, NULL);
    jw_string(&w, "type", "about:blank");
    jw_string(&w, "title", title_of(status));
    jw_int(&w, "status", status);
    detail = sentence(err, status);
    jw_string(&w, "detail", detail);
    free(detail);
    if (err->n_items != 0) {
        jw_array(&w, "errors");
        for (i = 0; i < err->n_items; i++) {
            write_item(&w, &err->items[i]);
        }
        jw_end(&w);
    }
    if (err->n_dropped != 0) {
        jw_int(&w, "errors_left_out", (int64_t)err->n_dropped);
    }
    jw_end(&w);
    respond_text(req, status, "application/problem+json", &w.buf);
    jw_fini(&w);
}

void respond_err(struct request *req, const struct err *err)
{
    respond_refusal(req, respond_status(req, err), err);
}

void respond_problem(struct request *req, unsigned status, const char *fmt, ...)
{
    struct err err = ERR_INIT;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err.detail, sizeof err.detail, fmt, ap); /* a cut sentence is fine */
    va_end(ap);
    respond_refusal(req, status, &err);
}

/* ---- streams ---- */

struct stream {
    struct respond_source source;
    struct buf pending; /* made and not yet sent */
    size_t sent;        /* of pending */
    bool last;          /* next has nothing more */
    struct request *req; /* it outlives the sending, not this struct */
};

static ssize_t stream_take(struct stream *stream, char *out, size_t room)
{
    size_t n;
    int rc;

    while (stream->sent == stream->pending.len) {
        if (stream->last) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        buf_clear(&stream->pending);
        stream->sent = 0;
        rc = stream->source.next(stream->source.arg, &stream->pending);
        if (rc < 0) {
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        stream->last = rc == 0;
    }
    n = stream->pending.len - stream->sent;
    n = n < room ? n : room;
    memcpy(out, stream->pending.data + stream->sent, n);
    stream->sent += n;
    stream->req->answer_bytes += n;
    return (ssize_t)n;
}

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t room)
{
    struct stream *stream = cls;
    ssize_t n;

    /* the library asks in order, and for more when it has written what it had */
    atomic_store(&stream->req->client->handed, pos);
    log_context_set(stream->req->request_id);
    n = stream_take(stream, out, room);
    log_context_set(NULL);
    return n;
}

static void stream_free(void *cls)
{
    struct stream *stream = cls;

    stream->source.done(stream->source.arg);
    buf_fini(&stream->pending);
    free(stream);
}

void respond_stream(struct request *req, unsigned status, const char *type,
                    const struct respond_source *source)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    struct MHD_Response *response;

    stream->source = *source;
    stream->req = req;
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read,
                                                 stream, stream_free);
    if (response == NULL) {
        stream_free(stream);
    } else {
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        /* the library ends a chunked body even where there is none; without chunks it does not */
        if (strcmp(req->method, "HEAD") == 0) {
            CHK(MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) ==
                MHD_YES);
        }
    }
    queue(req, status, response);
}
