/* Connections of the load measurement: HTTP/1.1 on sockets that never block, just enough of it
 * for what mlpd answers. Used by one thread each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

bool conn_open(struct conn *c, uint16_t port, int epoll, void *owner, bool narrow)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
    int small = 4096, one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (epoll >= 0 ? SOCK_NONBLOCK : 0), 0);
    if (c->fd < 0) {
        fail("socket: %s", strerror(errno));
    }
    c->epoll = epoll;
    c->owner = owner;
    c->out_len = c->out_sent = c->in_len = c->in_used = 0;
    c->watched_out = false;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (narrow) {
        (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    if ((connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) ||
        (epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)) {
        conn_close(c);
        return false;
    }
    return true;
}

void conn_close(struct conn *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
}

void conn_free(struct conn *c)
{
    conn_close(c);
    free(c->out);
    free(c->in);
    c->out = c->in = NULL;
    c->out_room = c->in_room = 0;
}

static void reserve(char **bytes, size_t *room, size_t wanted)
{
    if (*room < wanted) {
        *room = wanted < 4096 ? 4096 : 2 * wanted;
        *bytes = need(realloc(*bytes, *room));
    }
}

static void watch(struct conn *c, bool out)
{
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c->owner};

    if (c->epoll >= 0 && out != c->watched_out) {
        (void)epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->fd, &event);
        c->watched_out = out;
    }
}

bool conn_flush(struct conn *c)
{
    while (c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            watch(c, true);
            return true;
        }
        if (n < 0) {
            return false;
        }
        c->out_sent += (size_t)n;
    }
    c->out_len = c->out_sent = 0;
    watch(c, false);
    return true;
}

bool conn_write(struct conn *c, const char *bytes, size_t len)
{
    reserve(&c->out, &c->out_room, c->out_len + len);
    memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
    return conn_flush(c);
}

/* The value of a header in a NUL-terminated head, or NULL. */
static const char *header(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);

    return at != NULL ? at + strlen(name) + strspn(at + strlen(name), " ") : NULL;
}

/* Whether `in` holds a whole answer. */
static bool parse(struct conn *c, struct answer *out)
{
    char *end = c->in_len != 0 ? memmem(c->in, c->in_len, "\r\n\r\n", 4) : NULL;
    const char *length, *etag;
    size_t head, body;

    if (end == NULL) {
        return false;
    }
    head = (size_t)(end - c->in) + 4;
    end[2] = '\0'; /* put back below: the head may be looked at again */
    length = header(c->in, "\r\nContent-Length:");
    etag = header(c->in, "\r\nETag:");
    *out = (struct answer){.status = c->in_len > 12 ? atoi(c->in + 9) : 0};
    body = length != NULL && out->status != 304 ? strtoul(length, NULL, 10) : 0;
    if (etag != NULL) {
        (void)snprintf(out->etag, sizeof out->etag, "%.*s", (int)strcspn(etag, "\r"), etag);
    }
    end[2] = '\r';
    if (c->in_len < head + body) {
        reserve(&c->in, &c->in_room, head + body + 1);
        return false;
    }
    out->body = c->in + head;
    out->len = body;
    c->in_used = head + body;
    return true;
}

enum conn_event conn_read(struct conn *c, struct answer *out)
{
    /* the answer of before was looked at by now */
    if (c->in_used != 0) {
        memmove(c->in, c->in + c->in_used, c->in_len - c->in_used);
        c->in_len -= c->in_used;
    }
    c->in_used = 0;
    for (;;) {
        ssize_t n;

        if (parse(c, out)) {
            return CONN_ANSWER;
        }
        reserve(&c->in, &c->in_room, c->in_len + 4096);
        n = recv(c->fd, c->in + c->in_len, c->in_room - c->in_len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return CONN_NOTHING;
        }
        if (n <= 0) {
            return CONN_ENDED;
        }
        c->in_len += (size_t)n;
    }
}

char *ask(uint16_t port, int wanted, const char *method, const char *path, const char *type,
          const char *body)
{
    size_t len = body != NULL ? strlen(body) : 0;
    struct conn c = {.fd = -1};
    struct answer answer;
    char *head, *out;

    head = type != NULL ? text("%s %s HTTP/1.1\r\nHost: localhost:%u\r\nContent-Type: %s\r\n"
                               "Content-Length: %zu\r\n\r\n",
                               method, path, port, type, len)
                        : text("%s %s HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", method, path, port);
    if (!conn_open(&c, port, -1, NULL, false) || !conn_write(&c, head, strlen(head)) ||
        (len != 0 && !conn_write(&c, body, len)) || conn_read(&c, &answer) != CONN_ANSWER) {
        fail("%s %s: no answer", method, path);
    }
    if (answer.status != wanted) {
        fail("%s %s: %d %.*s", method, path, answer.status, (int)answer.len, answer.body);
    }
    out = need(strndup(answer.body, answer.len));
    conn_free(&c);
    free(head);
    return out;
}
