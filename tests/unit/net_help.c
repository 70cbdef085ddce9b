/* See net_help.h. Lookups run in threads of libcurl, servers in their own: the world has a lock. */
#include "net_help.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

#define MOST 32

struct name {
    char name[64];
    char lists[4][128];
    size_t n;
    unsigned asked;
};

static pthread_mutex_t mtx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct name names[MOST];
static size_t n_names;
static unsigned lookups, hanging, generation;
static struct {
    char address[64];
    unsigned port;
} played[MOST];
static size_t n_played;
static char tried[256][64];
static unsigned n_tried;

void net_reset(void)
{
    PTOK(pthread_mutex_lock(&mtx));
    generation++;
    PTOK(pthread_cond_broadcast(&released));
    while (hanging > 0) { /* libcurl left them to themselves */
        PTOK(pthread_cond_wait(&released, &mtx));
    }
    n_names = n_played = 0;
    n_tried = lookups = 0;
    PTOK(pthread_mutex_unlock(&mtx));
}

void net_name(const char *name, const char *const *lists, size_t n)
{
    struct name *to;
    size_t i;

    PTOK(pthread_mutex_lock(&mtx));
    CHK(n_names < MOST && n >= 1 && n <= ARRAY_LEN(to->lists));
    to = &names[n_names++];
    *to = (struct name){.n = n};
    (void)snprintf(to->name, sizeof to->name, "%s", name);
    for (i = 0; i < n; i++) {
        (void)snprintf(to->lists[i], sizeof to->lists[i], "%s", lists[i]);
    }
    PTOK(pthread_mutex_unlock(&mtx));
}

void net_play(const char *address, unsigned port)
{
    PTOK(pthread_mutex_lock(&mtx));
    CHK(n_played < MOST);
    (void)snprintf(played[n_played].address, sizeof played[n_played].address, "%s", address);
    played[n_played++].port = port;
    PTOK(pthread_mutex_unlock(&mtx));
}

unsigned net_lookups(void)
{
    unsigned n;

    PTOK(pthread_mutex_lock(&mtx));
    n = lookups;
    PTOK(pthread_mutex_unlock(&mtx));
    return n;
}

unsigned net_tried(const char *address)
{
    unsigned n = 0, i;

    PTOK(pthread_mutex_lock(&mtx));
    for (i = 0; i < n_tried; i++) {
        n += address == NULL || strcmp(tried[i], address) == 0;
    }
    PTOK(pthread_mutex_unlock(&mtx));
    return n;
}

/* ---- in front of libc ---------------------------------------------------------------- */

/* One entry and its address in one piece. */
struct entry {
    struct addrinfo info;
    struct sockaddr_storage address;
};

static struct addrinfo *entry_of(const char *text, unsigned port, const struct addrinfo *hints)
{
    struct entry *e = calloc(1, sizeof *e);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    CHK(e != NULL);
    e->info.ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM;
    e->info.ai_addr = (struct sockaddr *)&e->address;
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(&e->address, &in, sizeof in);
        e->info.ai_family = AF_INET;
        e->info.ai_addrlen = sizeof in;
    } else {
        CHK(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
        memcpy(&e->address, &in6, sizeof in6);
        e->info.ai_family = AF_INET6;
        e->info.ai_addrlen = sizeof in6;
    }
    return &e->info;
}

static const char *answer_locked(const char *node)
{
    size_t i;

    lookups++;
    for (i = 0; i < n_names; i++) {
        if (strcmp(names[i].name, node) == 0) {
            struct name *name = &names[i];
            size_t at = name->asked < name->n ? name->asked : name->n - 1;

            name->asked++;
            return name->lists[at];
        }
    }
    return NULL;
}

static void hang_locked(void)
{
    unsigned mine = generation;

    hanging++;
    while (generation == mine) {
        PTOK(pthread_cond_wait(&released, &mtx));
    }
    hanging--;
    PTOK(pthread_cond_broadcast(&released));
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo *first = NULL, **end = &first;
    unsigned port = service != NULL ? (unsigned)strtoul(service, NULL, 10) : 0;
    char list[128] = "", *rest = list, *one;
    const char *found;

    PTOK(pthread_mutex_lock(&mtx));
    found = answer_locked(node);
    if (found != NULL && strcmp(found, "hang") == 0) {
        hang_locked();
    } else if (found != NULL) {
        (void)snprintf(list, sizeof list, "%s", found);
    }
    PTOK(pthread_mutex_unlock(&mtx));
    while (list[0] != '\0' && (one = strsep(&rest, ",")) != NULL) {
        *end = entry_of(one, port, hints);
        end = &(*end)->ai_next;
    }
    *out = first;
    return first != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(list);
        list = next;
    }
}

/* "127.0.0.1" and its port, of either family. */
static bool in_words(const struct sockaddr *address, char text[INET6_ADDRSTRLEN], unsigned *port)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof in);
        *port = ntohs(in.sin_port);
        return inet_ntop(AF_INET, &in.sin_addr, text, INET6_ADDRSTRLEN) != NULL;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof in6);
        *port = ntohs(in6.sin6_port);
        return inet_ntop(AF_INET6, &in6.sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
    }
    return false;
}

/* The port of the server that plays it, or 0. */
static unsigned note_and_find(const char *text, unsigned port, bool six)
{
    unsigned found = 0;
    size_t i;

    PTOK(pthread_mutex_lock(&mtx));
    if (n_tried < ARRAY_LEN(tried)) {
        (void)snprintf(tried[n_tried++], sizeof tried[0], six ? "[%s]:%u" : "%s:%u", text, port);
    }
    for (i = 0; i < n_played; i++) {
        if (strcmp(played[i].address, text) == 0) {
            found = played[i].port;
        }
    }
    PTOK(pthread_mutex_unlock(&mtx));
    return found;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_in loop = {.sin_family = AF_INET};
    char text[INET6_ADDRSTRLEN];
    unsigned port, instead;

    if (!in_words(address, text, &port)) {
        return (int)syscall(SYS_connect, fd, address, len);
    }
    instead = note_and_find(text, port, address->sa_family == AF_INET6);
    if (instead != 0 && address->sa_family == AF_INET) {
        loop.sin_port = htons((uint16_t)instead);
        loop.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return (int)syscall(SYS_connect, fd, &loop, sizeof loop);
    }
    if (strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0) {
        return (int)syscall(SYS_connect, fd, address, len);
    }
    errno = ENETUNREACH;
    return -1;
}

/* ---- the server -------------------------------------------------------------------------- */

void net_say_bytes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0) {
            return; /* the other side has gone: that is for it to judge */
        }
        bytes += sent;
        n -= (size_t)sent;
    }
}

void net_say(int fd, const char *text)
{
    net_say_bytes(fd, text, strlen(text));
}

bool net_wait_gone(struct net_server *s, int fd, int ms)
{
    struct pollfd wait[2] = {{.fd = fd, .events = POLLIN | POLLRDHUP},
                             {.fd = s->wake[0], .events = POLLIN}};
    int n;

    do {
        n = poll(wait, 2, ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* The head, and as much as its Content-Length says. False: it did not come. */
static bool read_request(struct net_server *s, int fd, char *request, size_t most)
{
    size_t have = 0, want = 0;

    request[0] = '\0';
    while (have < most - 1) {
        ssize_t n;
        char *end, *length;

        if (!net_wait_gone(s, fd, 10000) ||
            (n = recv(fd, request + have, most - 1 - have, MSG_DONTWAIT)) <= 0) {
            return false;
        }
        have += (size_t)n;
        request[have] = '\0';
        end = strstr(request, "\r\n\r\n");
        if (end == NULL) {
            continue;
        }
        length = strstr(request, "Content-Length: ");
        want = (size_t)(end + 4 - request) + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
        if (have >= want) {
            return true;
        }
    }
    return false;
}

static void serve_one(struct net_server *s, int fd)
{
    char *request = malloc(sizeof s->last);
    bool whole;

    CHK(request != NULL);
    whole = read_request(s, fd, request, sizeof s->last);
    PTOK(pthread_mutex_lock(&s->mtx));
    (void)snprintf(s->last, sizeof s->last, "%s", request);
    s->n += whole;
    PTOK(pthread_mutex_unlock(&s->mtx));
    if (whole) {
        s->serve(s, fd, request);
    }
    free(request);
}

static void *server_main(void *arg)
{
    struct net_server *s = arg;

    for (;;) {
        struct pollfd wait[2] = {{.fd = s->listener, .events = POLLIN},
                                 {.fd = s->wake[0], .events = POLLIN}};
        int fd;

        if (poll(wait, 2, -1) < 0) {
            CHK(errno == EINTR);
            continue;
        }
        if (wait[1].revents != 0) {
            return NULL;
        }
        fd = accept(s->listener, NULL, NULL);
        if (fd >= 0) {
            serve_one(s, fd);
            (void)shutdown(fd, SHUT_WR);
            while (net_wait_gone(s, fd, 1000) && recv(fd, (char[256]){0}, 256, MSG_DONTWAIT) > 0) {
                /* what it still sent, so that the close is not a reset */
            }
            CHK(close(fd) == 0);
        }
    }
}

void net_server_start(struct net_server *s,
                      void (*serve)(struct net_server *s, int fd, const char *request))
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof in;

    *s = (struct net_server){.serve = serve};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    PTOK(pthread_mutex_init(&s->mtx, NULL));
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(s->listener, 0);
    ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&in, sizeof in), 0);
    ck_assert_int_eq(listen(s->listener, 16), 0);
    ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&in, &len), 0);
    s->port = ntohs(in.sin_port);
    ck_assert_int_eq(pipe(s->wake), 0);
    PTOK(pthread_create(&s->thread, NULL, server_main, s));
}

void net_server_stop(struct net_server *s)
{
    ck_assert_int_eq((int)write(s->wake[1], "x", 1), 1);
    PTOK(pthread_join(s->thread, NULL));
    ck_assert_int_eq(close(s->listener), 0);
    ck_assert_int_eq(close(s->wake[0]), 0);
    ck_assert_int_eq(close(s->wake[1]), 0);
    PTOK(pthread_mutex_destroy(&s->mtx));
}

unsigned net_server_requests(struct net_server *s)
{
    unsigned n;

    PTOK(pthread_mutex_lock(&s->mtx));
    n = s->n;
    PTOK(pthread_mutex_unlock(&s->mtx));
    return n;
}

bool net_server_saw(struct net_server *s, const char *text)
{
    bool saw;

    PTOK(pthread_mutex_lock(&s->mtx));
    saw = strstr(s->last, text) != NULL;
    PTOK(pthread_mutex_unlock(&s->mtx));
    return saw;
}
