/* The HTTP server; see server.h.
 *
 * The listening socket is made by us (listen.c), so that an address in use is named in our words.
 * Then libmicrohttpd runs its poll threads over it; main only starts, quiesces and stops. Threads
 * inherit main's blocked signals. poll, not epoll: with the latter, version 0.9.75 misses a
 * client that sends and closes in one go until the timeout (30 s, in which its upload seems to
 * run), for 0.1 ms less a request at 900 idle connections. What must hold: no connection is ever
 * suspended, and the request's memory goes with request_end, which the library calls for every
 * request it began but some, and which is called for those when their connection ends.
 */
#include "http/server.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/access.h"
#include "http/request.h"
#include "http/server_priv.h"
#include "http/tls.h"
#include "jobs/json_util_budget.h"

#define RATES_MOST 4096 /* addresses whose requests are counted */

void server_prepare(void)
{
    json_util_budget_install();
    json_object_seed(0); /* from the system's randomness: keys cannot be made to collide */
}

const char *server_libraries(char *out, size_t size)
{
    (void)snprintf(out, size, "libmicrohttpd %s, GnuTLS %s, jansson %s, zlib %s", MHD_get_version(),
                   gnutls_check_version(NULL), jansson_version_str(), zlibVersion());
    return out;
}

/* Debug, because most of it is about clients that went away. */
static void library_log(void *arg, const char *fmt, va_list ap) PRINTF(2, 0);

static void library_log(void *arg, const char *fmt, va_list ap)
{
    char text[512];

    (void)arg;
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a cut message is fine */
    text[strcspn(text, "\n")] = '\0';
    log_debug("microhttpd: %s", text);
}

static _Noreturn void library_panic(void *arg, const char *file, unsigned line, const char *reason)
{
    (void)arg;
    log_error("microhttpd: %s:%u: %s", file, line, reason != NULL ? reason : "no reason given");
    abort();
}

/* ---- connections ---- */

static void connection_begins(struct server *server, struct MHD_Connection *connection,
                              void **socket_context)
{
    const union MHD_ConnectionInfo *fd, *address, *session;
    struct client *client;

    fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    CHK(fd != NULL);
    client = clients_enter(server->clients, fd->connect_fd,
                           address != NULL ? address->client_addr : NULL);
    if (server->tls != NULL) {
        session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        CHK(session != NULL);
        client->own = tls_take(server->tls, session->tls_session);
    }
    *socket_context = client;
}

static void connection_changes(void *arg, struct MHD_Connection *connection, void **socket_context,
                               enum MHD_ConnectionNotificationCode what)
{
    struct server *server = arg;
    struct client *client;

    CHK_OBJ(server, SERVER_MAGIC);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_begins(server, connection, socket_context);
        return;
    }
    client = *socket_context;
    *socket_context = NULL;
    request_forgotten(client);
    if (client->own != NULL) {
        tls_drop(server->tls, client->own);
    }
    clients_leave(server->clients, client);
}

/* ---- start and stop ---- */

/* What is the machine's own is limited by nothing but the whole. */
static size_t each(const struct server_options *o, const struct listener *listener)
{
    if (o->max_per_client != SIZE_MAX) {
        return o->max_per_client;
    }
    return listener->loopback || o->behind_proxy ? 0 : (o->max_connections + 3) / 4;
}

static struct clients_options client_limits(const struct server_options *o)
{
    return (struct clients_options){.most = o->max_connections, .slow_seconds = o->slow_seconds};
}

size_t server_descriptors(const struct server_options *options)
{
    struct clients_options limits = client_limits(options);

    /* the library divides them over its threads: a little more, so that none is short */
    return options->max_connections + clients_spare(&limits) + options->threads;
}

static int open_all(struct server *server, const struct server_options *o, struct err *err)
{
    struct clients_options limits = client_limits(o);

    if (o->tls_cert != NULL && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        return err_set(err, ERR_INVALID, "this machine's libmicrohttpd was built without TLS");
    }
    if ((o->tls_cert != NULL && tls_new(o->tls_cert, o->tls_key, &server->tls, err) != 0) ||
        listen_open(o, &server->listener, err) != 0) {
        return -1;
    }
    server->guard = (struct guard){.port = server->listener.port,
                                   .tls = server->tls != NULL,
                                   .local = server->listener.local,
                                   .names = o->host_names};
    (void)snprintf(server->guard.bound, sizeof server->guard.bound, "%s", server->listener.bound);
    (void)snprintf(server->url, sizeof server->url, "%s%s",
                   server->listener.local ? "" : (server->tls != NULL ? "https://" : "http://"),
                   server->listener.name);
    limits.most_each = each(o, &server->listener);
    server->max_connections = limits.most;
    server->max_per_client = limits.most_each;
    server->rate = o->rate;
    server->clients = clients_new(&limits);
    server->rates = o->rate > 0 ? rates_new(o->rate, o->burst, RATES_MOST) : NULL;
    server->slow_seconds = o->slow_seconds;
    server->refused_tokens =
        rates_new(ACCESS_TRIES / ACCESS_TRIES_SECONDS, ACCESS_TRIES, ACCESS_CLIENTS);
    server->token_needed =
        server->context.require_token || !server->listener.loopback || o->behind_proxy;
    return 0;
}

static void close_listener(struct server *server)
{
    listen_remove_file(&server->listener);
    if (server->listener.fd >= 0) {
        (void)close(server->listener.fd); /* nothing was written to it */
    }
    server->listener.fd = -1;
}

static void server_free(struct server *server)
{
    clients_free(&server->clients);
    rates_free(&server->rates);
    rates_free(&server->refused_tokens);
    tls_free(&server->tls);
    server->magic = 0;
    free(server);
}

static bool start_library(struct server *server, const struct server_options *o)
{
    struct MHD_OptionItem secure[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES}, /* only read */
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)tls_retrieve},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;

    MHD_set_panic_func(library_panic, NULL);
    server->daemon = MHD_start_daemon(
        flags | (server->tls != NULL ? MHD_USE_TLS : 0), 0, NULL, NULL, request_handle, server,
        MHD_OPTION_EXTERNAL_LOGGER, library_log, NULL, MHD_OPTION_LISTEN_SOCKET,
        server->listener.fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)o->threads,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)server_descriptors(o),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_HEADER_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, request_start, server,
        MHD_OPTION_NOTIFY_COMPLETED, request_end, server, MHD_OPTION_NOTIFY_CONNECTION,
        connection_changes, server,
        MHD_OPTION_ARRAY, server->tls != NULL ? secure : plain, MHD_OPTION_END);
    return server->daemon != NULL;
}

int server_start(const struct server_options *options, const struct server_context *context,
                 struct server **out, struct err *err)
{
    struct server *server = xcalloc(1, sizeof *server);

    server->magic = SERVER_MAGIC;
    server->context = *context;
    server->listener.fd = -1;
    server->body_budget = request_budget(context->max_body);
    atomic_init(&server->quiescing, false);
    atomic_init(&server->body_bytes, 0);
    if (open_all(server, options, err) != 0) {
        server_free(server);
        return -1;
    }
    if (!start_library(server, options)) {
        close_listener(server);
        server_free(server);
        return err_set(err, ERR_INTERNAL, "libmicrohttpd does not start");
    }
    *out = server;
    return 0;
}

const char *server_url(const struct server *server)
{
    CHK_OBJ(server, SERVER_MAGIC);
    return server->url;
}

int server_reload(struct server *server, struct err *err)
{
    CHK_OBJ(server, SERVER_MAGIC);
    return server->tls != NULL ? tls_reload(server->tls, err) : 0;
}

int64_t server_certificate_expires(const struct server *server)
{
    CHK_OBJ(server, SERVER_MAGIC);
    return server->tls != NULL ? tls_expires(server->tls) : 0;
}

size_t server_connections(const struct server *server)
{
    CHK_OBJ(server, SERVER_MAGIC);
    return clients_open(server->clients);
}

void server_quiesce(struct server *server)
{
    CHK_OBJ(server, SERVER_MAGIC);
    atomic_store(&server->quiescing, true);
    if (MHD_quiesce_daemon(server->daemon) != MHD_INVALID_SOCKET) {
        /* clients are refused by the kernel from here on, and another daemon may have the place */
        close_listener(server);
    }
}

void server_stop(struct server **server)
{
    struct server *s = *server;

    if (s == NULL) {
        return;
    }
    CHK_OBJ(s, SERVER_MAGIC);
    *server = NULL;
    listen_remove_file(&s->listener);
    MHD_stop_daemon(s->daemon); /* closes the listening socket, if it still has it */
    CHK(atomic_load(&s->body_bytes) == 0);
    server_free(s);
}
