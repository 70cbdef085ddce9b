/* The socket that the server listens on: an address, a path, or one that we were started with. */
#ifndef MLPD_HTTP_LISTEN_H
#define MLPD_HTTP_LISTEN_H

#include "base/base.h"
#include "base/err.h"
#include "http/server.h"

struct listener {
    int fd;         /* -1: none */
    char name[128]; /* as in a URL: "127.0.0.1:6573", "[::1]:80", "unix:/run/mlpd.sock" */
    char bound[64]; /* the address alone: "127.0.0.1", "[::1]"; "" for a unix socket */
    uint16_t port;  /* the real one; 0 for a unix socket */
    bool local;     /* a unix socket */
    bool loopback;  /* only this machine reaches it; true for a unix socket too */
    char *path;     /* the file to remove at the end; owned; NULL: none */
    int file; /* that file, by O_PATH: while we hold it, no other file has its inode; -1: none */
};

/* Listening when it returns. */
int listen_open(const struct server_options *options, struct listener *out,
                struct err *err) MUST_CHECK;
/* Whether other machines can reach what the options say; an inherited socket is looked at. */
bool listen_is_wide(const struct server_options *options);
/* The socket's file, if it is still ours, goes. */
void listen_remove_file(struct listener *listener);

#endif
