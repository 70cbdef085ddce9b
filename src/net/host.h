/* Hosts that somebody allows, by name: a rule beside that of addresses, never in its place. Pure,
 * any thread.
 */
#ifndef MLPD_NET_HOST_H
#define MLPD_NET_HOST_H

#include <stdbool.h>

/* Whether it is one: "data.example.org" is that very name or address ("[2001:db8::1]"),
 * "*.example.org" all names below it and not itself. No scheme, no port. */
bool host_is_pattern(const char *pattern);
/* Whether the host of a URL is that of a pattern; letters' case and the root's dot at the end do
 * not count. What does not look like a name or an address matches nothing. */
bool host_matches(const char *pattern, const char *host);

#endif
