/* Which addresses the daemon may connect to. Pure functions.
 *
 * Refused: everything that is not global unicast. That is loopback, link-local (169.254.169.254 is where clouds
 * keep credentials), private, carrier-grade NAT, multicast, broadcast, 0/8, documentation and benchmark
 * networks, unique-local, and IPv6 forms that hold such an IPv4 address (mapped, compatible, 6to4, Teredo, NAT64).
 */
#ifndef MLPD_NET_ADDRESS_H
#define MLPD_NET_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

struct address_network { /* an IPv4 one stands as ::ffff:a.b.c.d/96+bits */
    unsigned char bytes[16];
    unsigned bits;
};
/* "10.0.0.0/8", "fd00::/8", or one address; bits beyond the mask must be 0. */
bool address_network_parse(const char *text, struct address_network *out);
bool address_is_global(const struct sockaddr *address);
bool address_is_in(const struct sockaddr *address, const struct address_network *networks,
                   size_t n);

#endif
