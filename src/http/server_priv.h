/* What the files of http/ know of the server; see server.h. */
#ifndef MLPD_HTTP_SERVER_PRIV_H
#define MLPD_HTTP_SERVER_PRIV_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "http/clients.h"
#include "http/guard.h"
#include "http/listen.h"
#include "http/rates.h"
#include "http/server.h"

struct tls;

#define SERVER_MAGIC  0x5e41e401u
#define REQUEST_MAGIC 0x4e90e571u

#define SERVER_IDLE_SECONDS 30           /* without a byte */
#define SERVER_HEADER_BYTES (128u << 10) /* request line and headers live in it */

struct server {
    unsigned magic;
    struct MHD_Daemon *daemon;
    struct server_context context; /* set once */
    struct guard guard;            /* set once */
    char url[160];                 /* set once */
    struct listener listener;      /* main only */
    struct tls *tls;               /* NULL: plain HTTP */
    struct clients *clients;
    struct rates *rates; /* NULL: any number of requests */
    double slow_seconds; /* set once */
    size_t max_connections, max_per_client; /* 0: any; set once, as is */
    double rate;                            /* 0: any */
    struct rates *refused_tokens;
    bool token_needed; /* set once */
    atomic_bool quiescing;
    atomic_size_t body_bytes; /* bodies, their trees and encoded rows held right now */
    size_t body_budget;       /* set once */
};

#endif
