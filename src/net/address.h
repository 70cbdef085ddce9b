/* Which addresses the daemon may connect to. Pure functions, any thread.
 *
 * Refused is everything that is not global unicast: loopback, link-local (169.254.169.254 is where
 * clouds keep credentials), private, carrier-grade NAT, multicast, broadcast, 0/8, documentation
 * and benchmark networks, unique-local, and of IPv6 all that is not yet given out as global unicast
 * (outside 2000::/3). An IPv6 address that holds an IPv4 one is judged by the IPv4 one where that
 * is where its packets go (mapped ::ffff:a.b.c.d, NAT64 64:ff9b::a.b.c.d); the forms that nobody
 * needs any more (compatible, 6to4, Teredo, a NAT64 prefix of one's own) are refused whatever they
 * hold.
 */
#ifndef MLPD_NET_ADDRESS_H
#define MLPD_NET_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

struct address_network { /* an IPv4 one stands as ::ffff:a.b.c.d/96+bits */
    unsigned char bytes[16];
    unsigned bits;
};

/* "10.0.0.0/8", "fd00::/8", or one address; bits beyond the mask must be 0. Four plain decimal
 * numbers or the IPv6 form: no "127.1", octal, hexadecimal, zone, space or anything behind. */
bool address_network_parse(const char *text, struct address_network *out) MUST_CHECK;

/* Whether packets to it go to a public place; false for what is neither AF_INET nor AF_INET6. */
bool address_is_global(const struct sockaddr *address) MUST_CHECK;

/* Whether one of the networks holds it. A mapped ::ffff:10.0.0.1 is in 10.0.0.0/8; the other forms
 * that hold an IPv4 address are not. (::/0 therefore holds all there is, 0.0.0.0/0 all of IPv4.) */
bool address_is_in(const struct sockaddr *address, const struct address_network *networks,
                   size_t n) MUST_CHECK;

#endif
