/* What the files of http/ know of the server; see server.h. */
#ifndef MLPD_HTTP_SERVER_PRIV_H
#define MLPD_HTTP_SERVER_PRIV_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "http/guard.h"
#include "http/server.h"

#define SERVER_MAGIC  0x5e41e401u
#define REQUEST_MAGIC 0x4e90e571u

struct server {
    unsigned magic;
    struct MHD_Daemon *daemon;
    struct server_context context; /* set once */
    struct guard guard;            /* set once */
    char url[96];                  /* set once */
    int listener;                  /* main only */
    atomic_bool quiescing;
    atomic_size_t body_bytes; /* bodies, their trees and encoded rows held right now */
    size_t body_budget;       /* set once */
};

#endif
