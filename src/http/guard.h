/* Who may talk to a daemon on loopback: the check against DNS rebinding and cross-site requests
 * of a browser on the same machine. Pure functions.
 */
#ifndef MLPD_HTTP_GUARD_H
#define MLPD_HTTP_GUARD_H

#include "base/base.h"

struct guard {
    char bound[64]; /* the address we listen on, as in a URL: "127.0.0.1", "[::1]" */
    uint16_t port;  /* the real one */
};

/* Whether a Host header names us: localhost, 127.0.0.0/8, [::1] or the bound address, with our
 * port (80 when it names none). */
bool guard_host(const struct guard *guard, const char *host);

/* GET, HEAD and OPTIONS change nothing; everything else may. */
bool guard_method_is_safe(const char *method);

/* Whether a request that may change something comes from our own page or from no browser at
 * all. NULL = the header is absent. */
bool guard_site(const char *sec_fetch_site, const char *origin, const char *host);

/* Whether an address literal ("127.0.0.1", "::1") is loopback. */
bool guard_is_loopback(const char *address);

#endif
