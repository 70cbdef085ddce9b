/* Who may talk to the daemon with a browser: the check against DNS rebinding and cross-site
 * requests. Pure functions.
 */
#ifndef MLPD_HTTP_GUARD_H
#define MLPD_HTTP_GUARD_H

#include "base/base.h"

#define GUARD_NAME_LEN 256 /* of a name in a Host header, with its NUL */

struct guard {
    char bound[64]; /* the address we listen on, as in a URL: "127.0.0.1", "[::1]" */
    uint16_t port;  /* the real one */
    bool tls;       /* a URL without a port means 443, not 80 */
    bool local;     /* a unix socket: there is no address and no port */
    const char *const *names; /* "NAME[:PORT]" that the operator added, NULL-terminated, or NULL */
};

/* Whether a Host header names us: localhost, 127.0.0.0/8, [::1] or the bound address, with our
 * port (80, under TLS 443, when it names none); on a unix socket the loopback names with any port,
 * and no name at all ("", NULL). Besides them the added names: with their port (80 and 443 need
 * not be said), and those without one with our port or none. */
bool guard_host(const struct guard *guard, const char *host);

/* GET, HEAD and OPTIONS change nothing; everything else may. */
bool guard_method_is_safe(const char *method);

/* Whether a request that may change something comes from our own page or from no browser at
 * all. NULL = the header is absent. */
bool guard_site(const char *sec_fetch_site, const char *origin, const char *host);

/* Whether an address literal ("127.0.0.1", "::1") is loopback. */
bool guard_is_loopback(const char *address);

#endif
