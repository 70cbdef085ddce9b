/* What the log says of a request: its id, one line when it is over, one line when it changed
 * something; see request.h.
 *
 * The id stands in every line that the request's thread writes meanwhile (log_context_set), and in
 * the answer (X-Request-Id), so that a client's trouble can be found in the log. The audit line is
 * written before the answer goes out: what a client was told is in the log. Neither line has a
 * query, a header or a body, which may hold secrets; paths appear as their route's pattern and the
 * id or name in it. Server threads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "http/request.h"

#define ID_BYTES 8 /* of our own ids, which are twice as many digits */

static bool is_id(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._-";
    size_t len = strlen(text); /* bounded by the memory for headers */

    return len >= 1 && len <= REQUEST_ID_LEN - 1 && strspn(text, letters) == len;
}

void request_identify(struct request *req)
{
    const char *theirs = request_header(req, "X-Request-Id");

    if (theirs != NULL && is_id(theirs) && request_header_count(req, "X-Request-Id") == 1) {
        (void)snprintf(req->request_id, sizeof req->request_id, "%s", theirs);
    } else {
        hash_random_hex(ID_BYTES, req->request_id);
    }
    log_context_set(req->request_id);
}

/* Whether this request, answered well, has changed something that lasts. */
static bool changes_state(const struct request *req)
{
    return req->route != NULL && !guard_method_is_safe(req->route->method) &&
           req->route->id != ROUTE_models_predict_rows &&
           req->route->id != ROUTE_models_trace;
}

/* The id or name of what was made (its Location's last part), or of what the path names; NULL. */
static const char *object_of(const struct request *req)
{
    const char *slash;
    size_t i;

    for (i = 0; i < req->n_headers; i++) {
        slash = strrchr(req->headers[i].value, '/');
        if (strcmp(req->headers[i].name, "Location") == 0 && slash != NULL) {
            return slash + 1;
        }
    }
    return req->arg[0] != '\0' ? req->arg : NULL;
}

void request_audit(const struct request *req)
{
    char status[16];
    /* who may not ask at all changed nothing, and must not be able to fill the disk by asking */
    bool turned_away = req->status == MHD_HTTP_UNAUTHORIZED || req->status == MHD_HTTP_FORBIDDEN ||
                       req->status == MHD_HTTP_TOO_MANY_REQUESTS;
    struct log_field fields[] = {
        {"audit", "true", true},
        {"token", req->token_id[0] != '\0' ? req->token_id : "-", true},
        {"route", req->route != NULL ? req->route->name : NULL, true},
        {"object", object_of(req), false},
        {"status", status, true},
        {"result",
         req->status < 400   ? "done"
         : req->status < 500 ? "refused"
                             : "failed",
         true},
    };

    if (!changes_state(req)) {
        return;
    }
    (void)snprintf(status, sizeof status, "%u", req->status); /* it fits */
    log_fields(turned_away ? LOG_DEBUG : LOG_INFO, "state change asked for", fields,
               ARRAY_LEN(fields));
}

void request_log(const struct request *req, bool whole)
{
    char status[16], ms[32], bytes[24];
    struct log_field fields[] = {
        {"method", req->method, false},
        {"route", req->route != NULL ? req->route->pattern : "none", false},
        {"status", status, true},
        {"ms", ms, true},
        {"bytes", bytes, true},
        {"ended", whole ? NULL : "early", true},
    };

    (void)snprintf(status, sizeof status, "%u", req->status); /* these fit */
    (void)snprintf(ms, sizeof ms, "%.1f", (clock_monotonic() - req->started_at) * 1e3);
    (void)snprintf(bytes, sizeof bytes, "%" PRIu64, req->answer_bytes);
    log_fields(req->status >= 500 ? LOG_INFO : LOG_DEBUG, "request", fields, ARRAY_LEN(fields));
}
