/* The HTTP server; see server.h.
 *
 * The listening socket is made here, so that an address in use is named in our words. Then
 * libmicrohttpd runs its poll threads over it; main only starts, quiesces and stops. Threads
 * inherit main's blocked signals. poll, not epoll: with the latter, version 0.9.75 misses a
 * client that sends and closes in one go until the timeout (30 s, in which its upload seems to
 * run), for 0.1 ms less a request at 900 idle connections. What must hold: no connection is ever
 * suspended, and the request's memory goes with request_end, which the library calls for every
 * request it began.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/request.h"
#include "http/rows.h"
#include "http/server_priv.h"

#define CONNECTION_SECONDS 30           /* without a byte */
#define CONNECTION_MEMORY  (128u << 10) /* request line and headers live in it */
#define BACKLOG            512

void server_prepare(void)
{
    json_object_seed(0); /* from the system's randomness: keys cannot be made to collide */
}

const char *server_libraries(char *out, size_t size)
{
    (void)snprintf(out, size, "libmicrohttpd %s, jansson %s, zlib %s", MHD_get_version(),
                   jansson_version_str(), zlibVersion());
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

static int make_address(const char *host, uint16_t port, struct sockaddr_storage *out,
                        socklen_t *len, struct err *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof *v6;
        return 0;
    }
    return err_set(err, ERR_INVALID, "%.64s is not an address", host);
}

static int listen_on(const struct server_options *options, struct server *server, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    int fd, one = 1;

    if (make_address(options->host, options->port, &address, &len, err) != 0) {
        return -1;
    }
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set(err, ERR_IO, "cannot make a socket: %s", strerror(errno));
    }
    /* a restart must not wait for old connections to be forgotten */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        (void)err_set(err, ERR_IO, "cannot listen on %s port %u: %s", options->host,
                      (unsigned)options->port, strerror(errno));
        (void)close(fd); /* nothing was written to it */
        return -1;
    }
    server->listener = fd;
    server->guard.port =
        ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                           : ((struct sockaddr_in6 *)&address)->sin6_port);
    (void)snprintf(server->guard.bound, sizeof server->guard.bound,
                   address.ss_family == AF_INET ? "%s" : "[%s]", options->host);
    (void)snprintf(server->url, sizeof server->url, "http://%s:%u", server->guard.bound,
                   (unsigned)server->guard.port);
    return 0;
}

int server_start(const struct server_options *options, const struct server_context *context,
                 struct server **out, struct err *err)
{
    struct server *server = xcalloc(1, sizeof *server);

    server->magic = SERVER_MAGIC;
    server->context = *context;
    /* a tree takes up to 16 times its text; 768 MiB with the usual 32 MiB */
    server->body_budget = context->max_body * 16 + (size_t)ROWS_MOST_BYTES * 4;
    atomic_init(&server->quiescing, false);
    atomic_init(&server->body_bytes, 0);
    if (listen_on(options, server, err) != 0) {
        free(server);
        return -1;
    }
    MHD_set_panic_func(library_panic, NULL);
    server->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        request_handle, server, MHD_OPTION_EXTERNAL_LOGGER, library_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)options->threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_URI_LOG_CALLBACK, request_start, server, MHD_OPTION_NOTIFY_COMPLETED,
        request_end, server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        (void)close(server->listener); /* nothing was written to it */
        free(server);
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

void server_quiesce(struct server *server)
{
    MHD_socket listener;

    CHK_OBJ(server, SERVER_MAGIC);
    atomic_store(&server->quiescing, true);
    listener = MHD_quiesce_daemon(server->daemon);
    if (listener != MHD_INVALID_SOCKET) {
        /* clients are refused by the kernel from here on, and another daemon may have the port */
        (void)close(listener);
    }
    server->listener = -1;
}

void server_stop(struct server **server)
{
    struct server *s = *server;

    if (s == NULL) {
        return;
    }
    CHK_OBJ(s, SERVER_MAGIC);
    *server = NULL;
    MHD_stop_daemon(s->daemon);
    CHK(atomic_load(&s->body_bytes) == 0);
    s->magic = 0;
    free(s);
}
