/* What clients are held to, as a table; limits.def has the lines. Set once: any thread. */
#ifndef MLPD_HTTP_LIMITS_H
#define MLPD_HTTP_LIMITS_H

#include "base/base.h"

struct server;

enum limit_unit { LIMIT_ONES, LIMIT_BYTES, LIMIT_SECONDS, LIMIT_RATE };

struct limit {
    const char *key; /* in GET /service */
    enum limit_unit unit;
    const char *option; /* "--max-body"; NULL: it is fixed */
    unsigned status;    /* of the answer beyond it; 0: the connection is closed; 1: the job fails */
    const char *what;   /* Markdown without '|' */
};

/* [*n], in the order of limits.def. */
const struct limit *limits_table(size_t *n);
/* What `server` holds its clients to; whole numbers but for SECONDS and RATE. */
double limits_value(const struct server *server, size_t limit);

#endif
