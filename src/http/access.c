/* Who may do what; see access.h.
 *
 * Runs on the server thread of the request. What is shared is locked inside (tokens, rates). What
 * must hold: nothing of an Authorization header goes to a log or into an answer.
 */
#include "http/access.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "http/respond.h"
#include "http/server_priv.h"
#include "http/tokens.h"

static const char *address_of(const struct request *req, char *out, socklen_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    const void *bytes = NULL;

    if (address != NULL && address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    return bytes != NULL && inet_ntop(address->sa_family, bytes, out, size) != NULL
               ? out
               : "a unix socket";
}

static int no_token(struct request *req)
{
    req->refused = MHD_HTTP_UNAUTHORIZED;
    counter_add(COUNTER_REFUSALS, REFUSED_TOKEN, 1);
    respond_header(req, "WWW-Authenticate", "Bearer");
    return err_set(&req->err, ERR_INVALID,
                   "this needs a token with the scope %s: send it as Authorization: Bearer TOKEN "
                   "(mlpd token create makes one)",
                   route_scope_name(req->route->scope));
}

static int bad_token(struct request *req)
{
    double wait = rates_take(req->server->refused_tokens, &req->client->key, clock_monotonic());
    char address[INET6_ADDRSTRLEN];

    counter_add(COUNTER_REFUSALS, wait > 0 ? REFUSED_RATE : REFUSED_TOKEN, 1);
    if (wait > 0) {
        req->refused = MHD_HTTP_TOO_MANY_REQUESTS;
        respond_header(req, "Retry-After", "%.0f", ceil(wait));
        return err_set(&req->err, ERR_BUSY,
                       "too many tokens from this address were not good; this one is not either");
    }
    log_warn("a token was refused: %.16s %.128s from %s", req->method, req->path,
             address_of(req, address, sizeof address));
    req->refused = MHD_HTTP_UNAUTHORIZED;
    respond_header(req, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
    return err_set(
        &req->err, ERR_INVALID,
        "what came as Authorization is no token of this server, or one that was revoked");
}

static int small_scope(struct request *req, enum route_scope has)
{
    const char *needed = route_scope_name(req->route->scope);

    req->refused = MHD_HTTP_FORBIDDEN;
    counter_add(COUNTER_REFUSALS, REFUSED_SCOPE, 1);
    respond_header(req, "WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"%s\"",
                   needed);
    return err_set(&req->err, ERR_INVALID,
                   "this needs a token with the scope %s; the scope of the one sent is %s", needed,
                   route_scope_name(has));
}

int access_check(struct request *req)
{
    bool sent = request_header_count(req, "Authorization") != 0;
    const char *value = request_header(req, "Authorization");
    enum route_scope has = SCOPE_OPEN;

    if (req->route == NULL || req->route->scope == SCOPE_OPEN) {
        return 0;
    }
    if (!sent) {
        return req->server->token_needed ? no_token(req) : 0;
    }
    if (!tokens_check(req->context->tokens, value != NULL ? value : "", &has, req->token_id)) {
        return bad_token(req);
    }
    return has < req->route->scope ? small_scope(req, has) : 0;
}
