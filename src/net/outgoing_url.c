/* Where the daemon may connect to: the rules of outgoing.h. Pure, any thread.
 *
 * The text of a URL is a filter that can only say no early and with a reason: digits in any of the
 * forms that libc takes, and names, become addresses later. What decides is outgoing_may_connect,
 * which sees the address itself when the socket is made. One parser (curl_url) serves both: the
 * parsed URL that was checked here is the one that libcurl is given.
 */
#include "net/host.h"
#include "net/outgoing_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define URL_MOST 2048 /* bytes */

static bool port_is_usual(unsigned port)
{
    return port == 80 || port == 443 || (port >= 8000 && port <= 8999);
}

static unsigned port_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof in);
        return ntohs(in.sin_port);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof in6);
        return ntohs(in6.sin6_port);
    }
    return 0;
}

bool outgoing_may_connect(const struct outgoing *o, const struct sockaddr *address, bool https)
{
    if (address_is_in(address, o->allowed, o->n_allowed)) {
        return true; /* the operator's own: any port, with or without TLS */
    }
    return address_is_global(address) && port_is_usual(port_of(address)) &&
           (https || o->allow_http);
}

static int refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_INVALID, "the URL is refused: %s", why);
}

/* The host if it is written in digits. curl_url has made plain ones of 127.1, 0x7f.1 and
 * 2130706433, but not of %31.2, so that this reads IPv4 as libc will. */
static bool host_address(const char *host, struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char inner[INET6_ADDRSTRLEN];
    size_t n = strlen(host);

    if (inet_aton(host, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof in);
        return true;
    }
    if (n < 2 || host[0] != '[' || host[n - 1] != ']' || n - 2 >= sizeof inner) {
        return false;
    }
    memcpy(inner, host + 1, n - 2);
    inner[n - 2] = '\0';
    if (inet_pton(AF_INET6, inner, &in6.sin6_addr) != 1) {
        return false;
    }
    memcpy(out, &in6, sizeof in6);
    return true;
}

/* Parts as texts of their own: a URL without one of them is refused. */
struct parts {
    char *scheme, *host, *port;
};

static char *part(const struct outgoing_url *url, CURLUPart which, unsigned flags)
{
    char *text = NULL;

    return curl_url_get(url->parsed, which, &text, flags) == CURLUE_OK ? text : NULL;
}

static int check_parts(const struct outgoing *o, const struct parts *parts,
                       struct outgoing_url *out, struct err *err)
{
    struct sockaddr_storage address;
    unsigned port = (unsigned)strtoul(parts->port, NULL, 10); /* curl_url made it: 1 to 65535 */

    if (!out->https && !o->allow_http && o->n_allowed == 0) {
        return refuse(err, "it must begin with https://, plain http is not allowed");
    }
    if (host_address(parts->host, &address)) {
        const struct sockaddr *sa = (const struct sockaddr *)&address;

        if (address_is_in(sa, o->allowed, o->n_allowed)) {
            return 0;
        }
        if (!address_is_global(sa)) {
            return refuse(err,
                          "its address is not a public one, and in no network that was allowed "
                          "with --allow-private");
        }
        if (!out->https && !o->allow_http) {
            return refuse(err, "it must begin with https://, plain http is not allowed there");
        }
    } else if (o->n_allowed > 0) {
        return 0; /* a name may lead into an allowed network, where every port will do */
    }
    if (!port_is_usual(port)) {
        return refuse(err, "its port is not 80, 443 or one from 8000 to 8999");
    }
    return 0;
}

static bool has_part(const struct outgoing_url *url, CURLUPart which)
{
    char *text = part(url, which, 0);

    curl_free(text);
    return text != NULL;
}

static int check_parsed(const struct outgoing *o, struct outgoing_url *out, struct err *err)
{
    struct parts parts = {.scheme = part(out, CURLUPART_SCHEME, 0),
                          .host = part(out, CURLUPART_HOST, 0),
                          .port = part(out, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
    int rc = -1;

    out->https = parts.scheme != NULL && strcmp(parts.scheme, "https") == 0;
    if (parts.scheme == NULL || (!out->https && strcmp(parts.scheme, "http") != 0)) {
        (void)refuse(err, "it must begin with https://");
    } else if (has_part(out, CURLUPART_ZONEID)) {
        (void)refuse(err, "there must be no zone in its address");
    } else if (parts.host == NULL || parts.port == NULL) {
        (void)refuse(err, "it must be an absolute one, https://host/path");
    } else {
        rc = check_parts(o, &parts, out, err);
    }
    curl_free(parts.scheme);
    curl_free(parts.host);
    curl_free(parts.port);
    return rc;
}

/* Only what a URL is made of: other alphabets would be translated to names, and to digits, later.
 */
static bool is_plain(const char *text)
{
    size_t i;

    for (i = 0; i <= URL_MOST && text[i] != '\0'; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '\\') {
            return false;
        }
    }
    return i >= 1 && i <= URL_MOST;
}

static int refuse_parse(CURLUcode rc, struct err *err)
{
    if (rc == CURLUE_OUT_OF_MEMORY) {
        return err_set(err, ERR_NO_MEMORY, "no memory to look at the URL");
    }
    if (rc == CURLUE_USER_NOT_ALLOWED) {
        return refuse(err, "there must be no user or password in it");
    }
    if (rc == CURLUE_UNSUPPORTED_SCHEME) {
        return refuse(err, "it must begin with https://");
    }
    return refuse(err, "it must be an absolute one, https://host/path");
}

int outgoing_url_parse(const struct outgoing *o, const char *text, struct outgoing_url *out,
                       struct err *err)
{
    struct outgoing_url url = {.parsed = NULL};
    CURLUcode rc;

    if (!is_plain(text)) {
        return refuse(err, "it must be 1 to 2048 characters of ASCII, without spaces");
    }
    url.parsed = curl_url();
    if (url.parsed == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to look at the URL");
    }
    rc = curl_url_set(url.parsed, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    if (rc != CURLUE_OK) {
        outgoing_url_fini(&url);
        return refuse_parse(rc, err);
    }
    if (check_parsed(o, &url, err) != 0) {
        outgoing_url_fini(&url);
        return -1;
    }
    *out = url;
    return 0;
}

void outgoing_url_fini(struct outgoing_url *url)
{
    curl_url_cleanup(url->parsed);
    *url = (struct outgoing_url){.parsed = NULL};
}

bool outgoing_host_allowed(const struct outgoing_url *url, const char *const *hosts)
{
    char *host = part(url, CURLUPART_HOST, 0);
    bool found = false;

    for (; host != NULL && *hosts != NULL && !found; hosts++) {
        found = host_matches(*hosts, host);
    }
    curl_free(host);
    return found;
}
