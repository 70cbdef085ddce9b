/* Who is connected: limits by number, and an end for those who are too slow.
 *
 * Each connection is entered when it begins and leaves when it ends. Beyond the limits a few are
 * let in only to be told so (client_excess), for two seconds at most; beyond those few they are
 * shut at once. A thread looks once a second (or more often, where the limit is shorter) for
 * connections that are
 *   WAITING    for a request's headers (a TLS handshake too) longer than slow_seconds, or
 *   ANSWERING  longer than that, with fewer bytes taken by the peer than 1 KiB for each second
 *              beyond it,
 * and shuts them; the library then sees the end. What the peer took is the kernel's count of
 * acknowledged bytes; on a unix socket it is what a streamed answer has written, less what lies in
 * the socket. Bodies that
 * come slowly are request_too_slow's.
 */
#ifndef MLPD_HTTP_CLIENTS_H
#define MLPD_HTTP_CLIENTS_H

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/base.h"
#include "http/rates.h"

#define CLIENTS_MINIMUM 1024 /* bytes a second */

struct clients_options {
    size_t most;
    size_t most_each; /* of one address; 0: any */
    double slow_seconds;
};

enum client_phase {
    CLIENT_WAITING, /* for headers */
    CLIENT_READING, /* a body, or nothing any more: the handler's */
    CLIENT_ANSWERING,
};

enum client_excess {
    CLIENT_WITHIN,
    CLIENT_TOO_MANY,      /* all together */
    CLIENT_TOO_MANY_EACH, /* of its address */
};

struct client {
    struct rates_key key;      /* set once */
    enum client_excess excess; /* set once */
    int fd;                    /* the library's; open until client_leave */
    bool local;                /* a unix socket */
    void *own;                 /* the server's: its TLS identity */
    void *request;             /* the server's: begun and not ended; its thread's alone */
    atomic_ullong handed;      /* bytes of this streamed answer that were written */
    /* under the lock of struct clients */
    enum client_phase phase;
    double since;  /* of the phase, clock_monotonic */
    uint64_t base; /* bytes taken when the phase began */
    bool shut;
    struct client *next, *previous;
};

struct clients;

struct clients *clients_new(const struct clients_options *options);
/* How many more than `most` the library must let in, so that they can be told. */
size_t clients_spare(const struct clients_options *options);
/* A connection begins. Never NULL; one that was shut at once is entered too. */
struct client *clients_enter(struct clients *clients, int fd, const struct sockaddr *address);
void clients_phase(struct clients *clients, struct client *client, enum client_phase phase);
void clients_leave(struct clients *clients, struct client *client);
/* Connections now. */
size_t clients_open(struct clients *clients);
/* All have left. */
void clients_free(struct clients **clients);

/* Pure: whether a peer that took `taken` bytes in `seconds` is too slow. */
bool clients_too_slow(double seconds, double slow_seconds, uint64_t taken);

#endif
