/* How often one client may come: a token bucket for each address.
 *
 * A bucket holds `burst` requests and fills by `rate` a second. At most `most` addresses are
 * remembered; the one that did not come for the longest time is forgotten first, and comes back
 * with a full bucket. Any thread.
 */
#ifndef MLPD_HTTP_RATES_H
#define MLPD_HTTP_RATES_H

#include <sys/socket.h>

#include "base/base.h"

/* One client: an IPv4 address (mapped in IPv6 too), the /64 of an IPv6 address, or all that comes
 * by a unix socket. */
struct rates_key {
    unsigned char bytes[9];
};

/* NULL, or of another family: that of a unix socket. */
struct rates_key rates_key_of(const struct sockaddr *address);
bool rates_key_equal(const struct rates_key *a, const struct rates_key *b);

struct rates;

/* rate > 0, burst >= 1, most >= 1. */
struct rates *rates_new(double rate, double burst, size_t most);
/* Takes one request at the time `now` (clock_monotonic). 0: it may go on; else the seconds until
 * one may, and nothing was taken. */
double rates_take(struct rates *rates, const struct rates_key *key, double now);
void rates_free(struct rates **rates);

#endif
