/* A world of its own for tests of what goes out: no packet leaves the machine.
 *
 * The program's own getaddrinfo() and connect() stand in front of libc's, so that libcurl calls them: names
 * are what a test says they are, each connection that is tried is written down, and a public address can
 * be played by a server in a thread of this process. What is neither loopback nor played is unreachable.
 */
#ifndef TESTS_UNIT_NET_HELP_H
#define TESTS_UNIT_NET_HELP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- the world; reset before each case ------------------------------------------ */
void net_reset(void);
/* The n-th lookup of the name answers the n-th of the lists, the last one for ever: "127.0.0.1" or
 * "8.8.8.8,127.0.0.2"; "hang" is a name server that says nothing until net_reset. */
void net_name(const char *name, const char *const *lists, size_t n);
unsigned net_lookups(void);
/* Connections to that public address and any port reach 127.0.0.1:port. */
void net_play(const char *address, unsigned port);
/* How many connections were tried (the first 256 are remembered), to "127.0.0.1:8080" or "[::1]:80"; NULL: to anywhere. */
unsigned net_tried(const char *address);

/* ---- a server on 127.0.0.1 -------------------------------------------------------- */
struct net_server {
    unsigned port;
    /* In the server's thread, one connection at a time, closed afterwards. `request` is the whole of it. */
    void (*serve)(struct net_server *s, int fd, const char *request);
    pthread_t thread;
    int listener, wake[2];
    pthread_mutex_t mtx;
    char last[16384]; /* the last request, or what came of it; guarded by mtx */
    unsigned n;       /* whole requests; guarded by mtx */
};
void net_server_start(struct net_server *s,
                      void (*serve)(struct net_server *s, int fd, const char *request));
void net_server_stop(struct net_server *s);
unsigned net_server_requests(struct net_server *s);
/* Whether the last request held the text (letters' case counts). */
bool net_server_saw(struct net_server *s, const char *text);

/* For serve: */
void net_say(int fd, const char *text);
void net_say_bytes(int fd, const char *bytes, size_t n);
/* Waits until the other side has gone or the server stops, at most so long; false: time is up. */
bool net_wait_gone(struct net_server *s, int fd, int ms);

#endif
