/* The listening socket; see listen.h. Main only.
 *
 * A unix socket's file outlives a daemon that was killed. Nobody listens on such a file, which a
 * connection attempt tells, and it is replaced; where someone does, we refuse. Its mode is 0660:
 * who may connect is then what the file's group and its folder say. Sockets that the service
 * manager hands over (LISTEN_PID and LISTEN_FDS) begin at descriptor 3.
 */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/guard.h"

#define BACKLOG         512
#define FIRST_INHERITED 3
#define SOCKET_MODE     0660

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage room;
};

static int make_address(const char *host, uint16_t port, union address *out, socklen_t *len,
                        struct err *err)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        *len = sizeof out->v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        *len = sizeof out->v6;
        return 0;
    }
    return err_set(err, ERR_INVALID, "%.64s is not an address", host);
}

/* What the socket's own address says. */
static int describe(struct listener *l, struct err *err)
{
    union address at;
    socklen_t len = sizeof at;
    char text[INET6_ADDRSTRLEN];

    memset(&at, 0, sizeof at);
    if (getsockname(l->fd, &at.any, &len) != 0) {
        return err_set(err, ERR_IO, "cannot ask a socket for its address: %s", strerror(errno));
    }
    switch (at.any.sa_family) {
    case AF_UNIX:
        l->local = l->loopback = true;
        (void)snprintf(l->name, sizeof l->name, "unix:%.108s",
                       at.un.sun_path[0] != '\0' ? at.un.sun_path : "(no name)");
        return 0;
    case AF_INET:
        (void)inet_ntop(AF_INET, &at.v4.sin_addr, text, sizeof text); /* it has the room */
        l->port = ntohs(at.v4.sin_port);
        (void)snprintf(l->bound, sizeof l->bound, "%s", text);
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &at.v6.sin6_addr, text, sizeof text);
        l->port = ntohs(at.v6.sin6_port);
        (void)snprintf(l->bound, sizeof l->bound, "[%s]", text);
        break;
    default:
        return err_set(err, ERR_INVALID,
                       "the socket is of family %d; a TCP or a unix socket is wanted",
                       at.any.sa_family);
    }
    l->loopback = guard_is_loopback(text);
    (void)snprintf(l->name, sizeof l->name, "%s:%u", l->bound, (unsigned)l->port);
    return 0;
}

static int open_tcp(const struct server_options *options, struct listener *l, struct err *err)
{
    union address address;
    socklen_t len = 0;
    int one = 1;

    if (make_address(options->host, options->port, &address, &len, err) != 0) {
        return -1;
    }
    l->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0) {
        return err_set(err, ERR_IO, "cannot make a socket: %s", strerror(errno));
    }
    /* a restart must not wait for old connections to be forgotten */
    if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(l->fd, &address.any, len) != 0 || listen(l->fd, BACKLOG) != 0) {
        return err_set(err, ERR_IO, "cannot listen on %s port %u: %s", options->host,
                       (unsigned)options->port, strerror(errno));
    }
    return 0;
}

/* ---- unix sockets ---- */

/* Whether the file there may go: a socket that nobody listens on. */
static int is_stale(const union address *address, const char *path, struct err *err)
{
    struct stat st;
    int fd, why;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return err_set(err, ERR_IO,
                       "cannot listen on unix:%s: there is something else than a socket", path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set(err, ERR_IO, "cannot make a socket: %s", strerror(errno));
    }
    why = connect(fd, &address->any, sizeof address->un) == 0 ? 0 : errno;
    (void)close(fd); /* nothing was written to it */
    if (why == ECONNREFUSED) {
        return 0;
    }
    return err_set(err, ERR_IO, "cannot listen on unix:%s: %s", path,
                   why == 0 || why == EAGAIN ? "another process listens there" : strerror(why));
}

static int bind_path(int fd, const union address *address, const char *path, struct err *err)
{
    if (bind(fd, &address->any, sizeof address->un) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return err_set(err, ERR_IO, "cannot listen on unix:%s: %s", path, strerror(errno));
    }
    if (is_stale(address, path, err) != 0) {
        return -1;
    }
    log_info("unix:%s was left by a daemon that is gone; replacing it", path);
    if (unlink(path) != 0 || bind(fd, &address->any, sizeof address->un) != 0) {
        return err_set(err, ERR_IO, "cannot listen on unix:%s: %s", path, strerror(errno));
    }
    return 0;
}

static int open_unix(const char *path, struct listener *l, struct err *err)
{
    union address address;

    memset(&address, 0, sizeof address);
    address.un.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.un.sun_path) {
        return err_set(err, ERR_INVALID, "a unix socket's path has at most %zu bytes",
                       sizeof address.un.sun_path - 1);
    }
    memcpy(address.un.sun_path, path, strlen(path));
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0) {
        return err_set(err, ERR_IO, "cannot make a socket: %s", strerror(errno));
    }
    if (bind_path(l->fd, &address, path, err) != 0) {
        return -1;
    }
    l->path = xstrdup(path);
    l->file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    /* nobody can connect before listen, so the mode is never wider than it says */
    if (l->file < 0 || chmod(path, SOCKET_MODE) != 0 || listen(l->fd, BACKLOG) != 0) {
        (void)err_set(err, ERR_IO, "cannot listen on unix:%s: %s", path, strerror(errno));
        (void)unlink(path); /* made a moment ago */
        return -1;
    }
    return 0;
}

void listen_remove_file(struct listener *listener)
{
    struct stat ours, there;

    if (listener->path == NULL) {
        return;
    }
    /* another daemon may have made its own there, if somebody removed ours before */
    if (fstat(listener->file, &ours) == 0 && lstat(listener->path, &there) == 0 &&
        ours.st_dev == there.st_dev && ours.st_ino == there.st_ino &&
        unlink(listener->path) != 0) {
        log_warn("unix:%s stays: %s", listener->path, strerror(errno));
    }
    (void)close(listener->file); /* only a place holder */
    listener->file = -1;
    free(listener->path);
    listener->path = NULL;
}

/* ---- inherited ---- */

static int check_inherited(int fd, struct err *err)
{
    int type = 0, listening = 0, flags = fcntl(fd, F_GETFL);
    socklen_t len = sizeof type;

    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || listening == 0) {
        return err_set(err, ERR_INVALID,
                       "descriptor %d, handed over by the service manager, is not a listening "
                       "stream socket",
                       fd);
    }
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return err_set(err, ERR_IO, "cannot prepare the inherited socket: %s", strerror(errno));
    }
    return 0;
}

int server_take_inherited(int *fd, struct err *err)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    long n = fds != NULL ? strtol(fds, NULL, 10) : 0, i;
    bool ours = pid != NULL && strtol(pid, NULL, 10) == (long)getpid() && n > 0 && n < 1024;

    *fd = 0;
    (void)unsetenv("LISTEN_PID"); /* only said to us, not to those whom we might start */
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    for (i = 0; ours && i < n; i++) {
        if (fcntl(FIRST_INHERITED + (int)i, F_SETFD, FD_CLOEXEC) != 0) {
            return err_set(err, ERR_INVALID,
                           "LISTEN_FDS says that %ld sockets were handed over, but descriptor %ld "
                           "is not open",
                           n, FIRST_INHERITED + i);
        }
    }
    if (!ours) {
        return 0;
    }
    if (n > 1) {
        log_warn("%ld sockets were handed over by the service manager; listening on the first, "
                 "the others are closed",
                 n);
    }
    for (i = 1; i < n; i++) {
        (void)close(FIRST_INHERITED + (int)i); /* nothing was written to it */
    }
    if (check_inherited(FIRST_INHERITED, err) != 0) {
        return -1;
    }
    *fd = FIRST_INHERITED;
    return 0;
}

/* ---- */

bool listen_is_wide(const struct server_options *options)
{
    struct listener l = {.fd = options->inherited, .file = -1};
    struct err err = ERR_INIT;
    bool wide;

    if (options->inherited == 0) {
        return options->path == NULL && !guard_is_loopback(options->host);
    }
    wide = describe(&l, &err) != 0 || !l.loopback;
    err_fini(&err);
    return wide;
}

int server_may_listen(const struct server_options *options, size_t n_tokens, struct err *err)
{
    const char *where = options->inherited != 0 ? "the inherited socket" : options->host;

    if (!listen_is_wide(options)) {
        return !options->behind_proxy || n_tokens != 0
                   ? 0
                   : err_set(err, ERR_INVALID,
                             "--behind-proxy says that others come through a proxy: that needs at "
                             "least one token (mlpd token create)");
    }
    if (n_tokens == 0) {
        return err_set(err, ERR_INVALID,
                       "%s is not a loopback address: serving other machines needs at least one "
                       "token (mlpd token create); for this machine alone, use 127.0.0.1, [::1] or "
                       "unix:/PATH",
                       where);
    }
    if (options->tls_cert == NULL && !options->behind_proxy) {
        return err_set(err, ERR_INVALID,
                       "%s is not a loopback address: tokens must not travel in the clear, so give "
                       "--tls-cert and --tls-key, or --behind-proxy where a proxy speaks TLS",
                       where);
    }
    return 0;
}

int listen_open(const struct server_options *options, struct listener *out, struct err *err)
{
    struct listener l = {.fd = -1, .file = -1};
    int rc = 0;

    if (options->inherited != 0) {
        l.fd = options->inherited;
    } else if (options->path != NULL) {
        rc = open_unix(options->path, &l, err);
    } else {
        rc = open_tcp(options, &l, err);
    }
    if (rc != 0 || describe(&l, err) != 0) {
        if (l.fd >= 0) {
            (void)close(l.fd); /* nothing was written to it */
        }
        if (l.file >= 0) {
            (void)close(l.file); /* only a place holder */
        }
        free(l.path);
        return -1;
    }
    *out = l;
    return 0;
}
