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

/* What a Host header says. */
struct authority {
    char name[GUARD_NAME_LEN];
    long port; /* -1: it says none */
};

/* False when it is no authority of a URL. */
static bool take_apart(const char *host, struct authority *out)
{
    const char *colon = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    size_t len;
    char *end;

    /* the name ends at the first colon, unless that stands inside [v6] */
    if (host[0] == '[' && colon != NULL) {
        colon++;
    }
    len = colon != NULL ? (size_t)(colon - host) : strlen(host);
    if (len == 0 || len >= sizeof out->name) {
        return false;
    }
    memcpy(out->name, host, len);
    out->name[len] = '\0';
    out->port = -1;
    if (colon != NULL && *colon != '\0') {
        if (*colon != ':' || colon[1] < '0' || colon[1] > '9' || strlen(colon) > 6) {
            return false;
        }
        out->port = strtol(colon + 1, &end, 10);
        return *end == '\0';
    }
    return true;
}

static bool is_added(const struct guard *guard, const struct authority *host)
{
    const char *const *one;
    struct authority added;

    for (one = guard->names; one != NULL && *one != NULL; one++) {
        if (!take_apart(*one, &added) || strcasecmp(added.name, host->name) != 0) {
            continue;
        }
        if (added.port < 0 ? host->port < 0 || host->port == guard->port
                           : host->port == added.port ||
                                 (host->port < 0 && (added.port == 80 || added.port == 443))) {
            return true;
        }
    }
    return false;
}

static bool is_loopback_name(const char *name)
{
    char address[GUARD_NAME_LEN];
    size_t len = strlen(name);

    if (strcasecmp(name, "localhost") == 0) {
        return true;
    }
    if (name[0] != '[' || name[len - 1] != ']') {
        return strchr(name, ':') == NULL && guard_is_loopback(name);
    }
    memcpy(address, name + 1, len - 2);
    address[len - 2] = '\0';
    return guard_is_loopback(address);
}

bool guard_host(const struct guard *guard, const char *host)
{
    struct authority authority;

    if (host == NULL || host[0] == '\0') {
        return guard->local;
    }
    if (!take_apart(host, &authority)) {
        return false;
    }
    if (is_added(guard, &authority)) {
        return true;
    }
    if (guard->local) {
        return is_loopback_name(authority.name);
    }
    if ((authority.port < 0 ? (guard->tls ? 443 : 80) : authority.port) != guard->port) {
        return false;
    }
    return is_loopback_name(authority.name) || strcasecmp(authority.name, guard->bound) == 0;
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
