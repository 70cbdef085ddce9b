/* Who is connected; see clients.h.
 *
 * One list under one lock: server threads enter, mark and leave; the sweeper reads and shuts. A
 * descriptor is only touched under the lock by the sweeper, and is the library's to close after
 * client_leave, so that it cannot be another connection's by then. shutdown() from another thread
 * wakes the library's poll, which then ends the connection as if the peer had.
 */
#include "http/clients.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define CLIENTS_MAGIC   0xc11e4750u
#define EXCESS_SECONDS  2 /* for hearing that there is no room */
#define SPARE_LEAST     16
#define SPARE_SHARE     16 /* of `most` */
#define SWEEPS_SLOWEST  1  /* second between two looks */
#define SWEEPS_OF_LIMIT 8

struct clients {
    unsigned magic;
    struct clients_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* only to stop */
    pthread_t sweeper;
    bool stopping;
    struct client *first;
    size_t n, n_excess;
};

bool clients_too_slow(double seconds, double slow_seconds, uint64_t taken)
{
    return seconds > slow_seconds && (double)taken < (seconds - slow_seconds) * CLIENTS_MINIMUM;
}

size_t clients_spare(const struct clients_options *options)
{
    size_t share = options->most / SPARE_SHARE;

    return share > SPARE_LEAST ? share : SPARE_LEAST;
}

/* Of a streamed answer on a unix socket: what was written before its latest piece, without what
 * lies in the socket; less rather than more. */
static uint64_t taken_here(struct client *c)
{
    uint64_t handed = atomic_load(&c->handed);
    int lying = 0;

    if (ioctl(c->fd, SIOCOUTQ, &lying) != 0 || lying < 0) {
        return handed;
    }
    return handed > (uint64_t)lying ? handed - (uint64_t)lying : 0;
}

/* What the peer has taken so far: of everything sent on this connection, or as above. */
static uint64_t taken(struct client *c)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t len = sizeof info;

    if (c->local) {
        return taken_here(c);
    }
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) {
        return UINT64_MAX; /* a kernel that does not say: nobody is too slow */
    }
    return info.tcpi_bytes_acked;
}

/* An answer that nobody takes is thrown away with its connection: the kernel would go on offering
 * what it holds, megabytes of it, for as long as the peer takes a byte now and then. */
static void forget_answer(struct client *c)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    /* where it is not understood the peer's end is only later */
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void shut(struct client *c)
{
    c->shut = true;
    (void)shutdown(c->fd, SHUT_RDWR); /* a peer that is gone already is as well */
}

static const char *fault_of(struct clients *clients, struct client *c, double now)
{
    double seconds = now - c->since;

    if (c->excess != CLIENT_WITHIN && seconds > EXCESS_SECONDS) {
        return "one connection too many stays";
    }
    if (c->phase == CLIENT_WAITING && seconds > clients->options.slow_seconds) {
        return "the headers come too slowly";
    }
    if (c->phase == CLIENT_ANSWERING && seconds > clients->options.slow_seconds &&
        clients_too_slow(seconds, clients->options.slow_seconds, taken(c) - c->base)) {
        return "the answer is read too slowly";
    }
    return NULL;
}

static void sweep(struct clients *clients)
{
    double now = clock_monotonic();
    struct client *c;

    for (c = clients->first; c != NULL; c = c->next) {
        const char *fault = c->shut ? NULL : fault_of(clients, c, now);

        if (fault != NULL) {
            log_info("%s; closing after %.1f s", fault, now - c->since);
            if (c->phase == CLIENT_ANSWERING) {
                forget_answer(c);
            }
            shut(c);
        }
    }
}

static void *sweeper_main(void *arg)
{
    struct clients *clients = arg;
    double seconds = clients->options.slow_seconds / SWEEPS_OF_LIMIT;
    struct timespec until;
    int rc;

    seconds = seconds < SWEEPS_SLOWEST ? seconds : SWEEPS_SLOWEST;
    PTOK(pthread_mutex_lock(&clients->lock));
    while (!clients->stopping) {
        CHK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
        until.tv_nsec += (long)(seconds * 1e9);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        rc = pthread_cond_timedwait(&clients->wake, &clients->lock, &until);
        CHK(rc == 0 || rc == ETIMEDOUT);
        sweep(clients);
    }
    PTOK(pthread_mutex_unlock(&clients->lock));
    return NULL;
}

struct clients *clients_new(const struct clients_options *options)
{
    struct clients *clients = xcalloc(1, sizeof *clients);

    clients->magic = CLIENTS_MAGIC;
    clients->options = *options;
    PTOK(pthread_mutex_init(&clients->lock, NULL));
    clock_cond_init(&clients->wake);
    PTOK(pthread_create(&clients->sweeper, NULL, sweeper_main, clients));
    return clients;
}

static size_t count_of(const struct clients *clients, const struct rates_key *key)
{
    const struct client *c;
    size_t n = 0;

    for (c = clients->first; c != NULL; c = c->next) {
        n += c->excess == CLIENT_WITHIN && rates_key_equal(&c->key, key);
    }
    return n;
}

struct client *clients_enter(struct clients *clients, int fd, const struct sockaddr *address)
{
    const struct clients_options *o = &clients->options;
    struct client *c = xcalloc(1, sizeof *c);

    CHK_OBJ(clients, CLIENTS_MAGIC);
    c->key = rates_key_of(address);
    c->local = address == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6);
    c->fd = fd;
    c->phase = CLIENT_WAITING;
    c->since = clock_monotonic();
    atomic_init(&c->handed, 0);
    PTOK(pthread_mutex_lock(&clients->lock));
    if (clients->n - clients->n_excess >= o->most) {
        c->excess = CLIENT_TOO_MANY;
    } else if (o->most_each != 0 && count_of(clients, &c->key) >= o->most_each) {
        c->excess = CLIENT_TOO_MANY_EACH;
    }
    if (c->excess != CLIENT_WITHIN && ++clients->n_excess > clients_spare(o)) {
        shut(c);
    }
    clients->n++;
    c->next = clients->first;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    clients->first = c;
    PTOK(pthread_mutex_unlock(&clients->lock));
    return c;
}

void clients_phase(struct clients *clients, struct client *client, enum client_phase phase)
{
    uint64_t base = phase == CLIENT_ANSWERING && !client->local ? taken(client) : 0;
    double now = clock_monotonic();

    PTOK(pthread_mutex_lock(&clients->lock));
    if (phase != CLIENT_ANSWERING) {
        atomic_store(&client->handed, 0);
    }
    client->phase = phase;
    client->base = base;
    if (client->excess == CLIENT_WITHIN) { /* the others' time is counted from their beginning */
        client->since = now;
    }
    PTOK(pthread_mutex_unlock(&clients->lock));
}

void clients_leave(struct clients *clients, struct client *client)
{
    CHK_OBJ(clients, CLIENTS_MAGIC);
    PTOK(pthread_mutex_lock(&clients->lock));
    if (client->previous != NULL) {
        client->previous->next = client->next;
    } else {
        clients->first = client->next;
    }
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    clients->n--;
    clients->n_excess -= client->excess != CLIENT_WITHIN;
    PTOK(pthread_mutex_unlock(&clients->lock));
    free(client);
}

size_t clients_open(struct clients *clients)
{
    size_t n;

    CHK_OBJ(clients, CLIENTS_MAGIC);
    PTOK(pthread_mutex_lock(&clients->lock));
    n = clients->n;
    PTOK(pthread_mutex_unlock(&clients->lock));
    return n;
}

void clients_free(struct clients **clients)
{
    struct clients *c = *clients;

    if (c == NULL) {
        return;
    }
    CHK_OBJ(c, CLIENTS_MAGIC);
    *clients = NULL;
    PTOK(pthread_mutex_lock(&c->lock));
    c->stopping = true;
    PTOK(pthread_cond_signal(&c->wake));
    PTOK(pthread_mutex_unlock(&c->lock));
    PTOK(pthread_join(c->sweeper, NULL));
    CHK(c->n == 0 && c->n_excess == 0);
    PTOK(pthread_cond_destroy(&c->wake));
    PTOK(pthread_mutex_destroy(&c->lock));
    c->magic = 0;
    free(c);
}
