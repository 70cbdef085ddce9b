/* Host, Origin and Sec-Fetch-Site; see guard.h.
 *
 * A page of another site can make a browser send requests to 127.0.0.1. Two headers that a page
 * cannot forge stop it: Host tells the name the browser believes it is talking to (a rebound DNS
 * name is not ours), Sec-Fetch-Site or Origin tells which page asked.
 */
#include "http/guard.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool guard_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, address, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool guard_host(const struct guard *guard, const char *host)
{
    char name[64];
    const char *colon;
    size_t len;
    long port = 80;
    char *end;

    /* the name ends at the last colon, unless that stands inside [v6] */
    colon = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    if (host[0] == '[' && colon != NULL) {
        colon++;
    }
    len = colon != NULL ? (size_t)(colon - host) : strlen(host);
    if (len == 0 || len >= sizeof name) {
        return false;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    if (colon != NULL && *colon != '\0') {
        if (*colon != ':' || colon[1] < '0' || colon[1] > '9' || strlen(colon) > 6) {
            return false;
        }
        port = strtol(colon + 1, &end, 10);
        if (*end != '\0') {
            return false;
        }
    }
    if (port != guard->port) {
        return false;
    }
    if (strcasecmp(name, "localhost") == 0 || strcasecmp(name, guard->bound) == 0) {
        return true;
    }
    if (name[0] == '[' && name[len - 1] == ']') {
        name[len - 1] = '\0';
        return guard_is_loopback(name + 1);
    }
    return strchr(name, ':') == NULL && guard_is_loopback(name);
}

bool guard_method_is_safe(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

bool guard_site(const char *sec_fetch_site, const char *origin, const char *host)
{
    const char *authority;

    if (sec_fetch_site != NULL) {
        return strcmp(sec_fetch_site, "same-origin") == 0 || strcmp(sec_fetch_site, "none") == 0;
    }
    if (origin == NULL) {
        return true;
    }
    authority = strstr(origin, "://");
    return authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0;
}
