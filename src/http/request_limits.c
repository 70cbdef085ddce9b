/* What one request may cost; see request.h.
 *
 * Runs on the server thread of the request. What is shared is atomic (the budget of body bytes) or
 * locked inside (rates). The estimates are pure.
 */
#include <math.h>

#include "base/clock.h"
#include "base/counters.h"
#include "http/request.h"
#include "http/respond.h"
#include "http/rows.h"
#include "http/server_priv.h"

#define SMALL_ROOM (8u << 20) /* for a small body's JSON, whatever it is */

size_t request_budget(size_t max_body)
{
    /* a tree takes up to 16 times its text; 768 MiB with the usual 32 MiB */
    return max_body * 16 + (size_t)ROWS_MOST_BYTES * 4;
}

int request_reserve(struct request *req, size_t bytes, struct err *err)
{
    size_t before = atomic_fetch_add(&req->server->body_bytes, bytes);

    if (before + bytes > req->server->body_budget) {
        (void)atomic_fetch_sub(&req->server->body_bytes, bytes);
        counter_add(COUNTER_REFUSALS, REFUSED_BUDGET, 1);
        return err_set(err, ERR_BUSY,
                       "too many large requests at once: %zu bytes are in work, and the limit is "
                       "%zu",
                       before, req->server->body_budget);
    }
    req->reserved += bytes;
    return 0;
}

/* jansson's costs on 64 bits, allocation included: an object 240 bytes, an array 140, a member
 * of an object 96, an element 48, a text 56 beside its bytes. Marks inside strings count too: they
 * only add. */
size_t request_tree_bytes(const char *json, size_t len)
{
    size_t bytes = 0, i;

    for (i = 0; i < len; i++) {
        switch (json[i]) {
        case '{':
            bytes += 240;
            break;
        case '[':
            bytes += 140;
            break;
        case ':':
            bytes += 96;
            break;
        case ',':
            bytes += 48;
            break;
        case '"': /* of two */
            bytes += 28;
            break;
        default:
            break;
        }
    }
    return bytes;
}

bool request_too_slow(enum route_body body, double seconds, double slow_seconds, uint64_t received)
{
    return body == BODY_UPLOAD ? clients_too_slow(seconds, slow_seconds, received)
                               : seconds > slow_seconds;
}

size_t request_json_room(size_t len, size_t tree)
{
    /* while jansson reads, a text is there up to three times, and a table that grows twice */
    return SMALL_ROOM + 4 * len + tree + tree / 4;
}

int request_admit(struct request *req)
{
    const struct server *server = req->server;
    double wait = 0;

    if (req->client->excess != CLIENT_WITHIN) {
        counter_add(COUNTER_REFUSALS, REFUSED_CONNECTIONS, 1);
    }
    if (req->client->excess == CLIENT_TOO_MANY) {
        req->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
        return err_set(&req->err, ERR_BUSY, "all connections of this server are taken");
    }
    if (req->client->excess == CLIENT_TOO_MANY_EACH) {
        req->refused = MHD_HTTP_TOO_MANY_REQUESTS;
        respond_header(req, "Retry-After", "1");
        return err_set(&req->err, ERR_BUSY, "too many connections from this address");
    }
    if (server->rates != NULL) {
        wait = rates_take(server->rates, &req->client->key, clock_monotonic());
    }
    if (wait > 0) {
        counter_add(COUNTER_REFUSALS, REFUSED_RATE, 1);
        req->refused = MHD_HTTP_TOO_MANY_REQUESTS;
        respond_header(req, "Retry-After", "%.0f", ceil(wait));
        return err_set(&req->err, ERR_BUSY, "too many requests from this address");
    }
    return 0;
}
