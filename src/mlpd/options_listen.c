/* The options that say where and how the daemon listens; see options.h.
 *
 * Only the words are judged here. Whether the address may be listened on at all depends on tokens
 * and on TLS, and is the server's to say (server_may_listen). Main thread, before any other.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/text.h"
#include "mlpd/options_priv.h"
#include "net/address.h"
#include "net/host.h"

#define MAX_NAMES 64
#define MAX_RATE  1000000
#define UNIX      "unix:"

static int read_unix(const struct given *g, struct options *out, struct err *err)
{
    const char *path = g->value + strlen(UNIX);
    struct sockaddr_un address;

    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path) {
        return options_refuse(err, g, "unix:/PATH with an absolute path of at most 107 bytes");
    }
    out->listen_path = xstrdup(path);
    return 0;
}

int options_read_listen(const struct given *g, struct options *out, struct err *err)
{
    const char *colon = strrchr(g->value, ':');
    struct given port = {.source = g->source};
    unsigned char address[sizeof(struct in6_addr)];
    uint64_t n = 0;
    size_t len;
    bool v6 = g->value[0] == '[';

    if (strncmp(g->value, UNIX, strlen(UNIX)) == 0) {
        return read_unix(g, out, err);
    }
    if (colon == NULL) {
        return options_refuse(err, g, "ADDR:PORT, for example 127.0.0.1:6573, or unix:/PATH");
    }
    port.value = colon + 1;
    if (port.value[0] == '\0' || options_read_count(&port, 0, 65535, &n, err) != 0) {
        return options_refuse(err, g, "ADDR:PORT with a port from 0 to 65535");
    }
    len = (size_t)(colon - g->value);
    if (v6) {
        if (len < 2 || colon[-1] != ']') {
            return options_refuse(err, g, "[ADDR]:PORT for IPv6, for example [::1]:6573");
        }
        out->host = xstrndup(g->value + 1, len - 2);
    } else if (len == strlen("localhost") && strncmp(g->value, "localhost", len) == 0) {
        out->host = xstrdup("127.0.0.1");
    } else {
        out->host = xstrndup(g->value, len);
    }
    if (inet_pton(v6 ? AF_INET6 : AF_INET, out->host, address) != 1) {
        return options_refuse(err, g,
                              "ADDR:PORT with an address in digits, for example 127.0.0.1:6573");
    }
    out->port = (uint16_t)n;
    return 0;
}

int options_read_tls(const struct given *cert, const struct given *key, struct options *out,
                     struct err *err)
{
    const struct given *present = cert->value != NULL ? cert : key;

    if ((cert->value == NULL) != (key->value == NULL)) {
        return err_set(err, ERR_INVALID, "%s needs %s too: a certificate and its key go together",
                       present->source, cert->value != NULL ? "--tls-key" : "--tls-cert");
    }
    if (cert->value != NULL) {
        out->tls_cert = xstrdup(cert->value);
        out->tls_key = xstrdup(key->value);
    }
    return 0;
}

/* A DNS name or an IPv4 address, or [IPv6]; then perhaps a port. */
static bool is_host_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct given port = {.source = ""};
    struct err err = ERR_INIT;
    struct in6_addr v6;
    char address[INET6_ADDRSTRLEN];
    const char *rest;
    size_t len;
    uint64_t n;
    bool good;

    if (text[0] == '[') {
        len = strcspn(text, "]");
        if (text[len] != ']' || len - 1 >= sizeof address) {
            return false;
        }
        memcpy(address, text + 1, len - 1);
        address[len - 1] = '\0';
        if (inet_pton(AF_INET6, address, &v6) != 1) {
            return false;
        }
        rest = text + len + 1;
    } else {
        len = strcspn(text, ":");
        if (len == 0 || len > 253 || strspn(text, letters) == 0) {
            return false;
        }
        for (n = 0; n < len; n++) {
            if (strchr(letters, text[n]) == NULL && strchr(".-_", text[n]) == NULL) {
                return false;
            }
        }
        rest = text + len;
    }
    if (*rest == '\0') {
        return true;
    }
    port.value = rest + 1;
    good =
        *rest == ':' && port.value[0] != '\0' && options_read_count(&port, 1, 65535, &n, &err) == 0;
    err_fini(&err);
    return good;
}

int options_read_names(const struct given *g, struct options *out, struct err *err)
{
    struct given one = {.source = g->source};
    size_t i;

    if (options_read_list(g, MAX_NAMES, &out->host_names, err) != 0) {
        return -1;
    }
    for (i = 0; out->host_names != NULL && out->host_names[i] != NULL; i++) {
        if (!is_host_name(out->host_names[i])) {
            one.value = out->host_names[i];
            return options_refuse(err, &one,
                                  "NAME or NAME:PORT as it stands in a URL, for example "
                                  "mlpd.example.org or 192.0.2.7:6573");
        }
    }
    return 0;
}

int options_read_networks(const struct given *g, struct options *out, struct err *err)
{
    struct given one = {.source = g->source};
    struct address_network unused;
    size_t i;

    if (options_read_list(g, MAX_NAMES, &out->allow_private, err) != 0) {
        return -1;
    }
    for (i = 0; out->allow_private != NULL && out->allow_private[i] != NULL; i++) {
        if (!address_network_parse(out->allow_private[i], &unused)) {
            one.value = out->allow_private[i];
            return options_refuse(err, &one,
                                  "a network like 10.0.0.0/8 or fd00::/8, with no bits behind the "
                                  "mask, or an address");
        }
    }
    return 0;
}

int options_read_hosts(const struct given *g, struct options *out, struct err *err)
{
    struct given one = {.source = g->source};
    size_t i;

    if (options_read_list(g, MAX_NAMES, &out->fetch_allow, err) != 0) {
        return -1;
    }
    for (i = 0; out->fetch_allow != NULL && out->fetch_allow[i] != NULL; i++) {
        if (!host_is_pattern(out->fetch_allow[i])) {
            one.value = out->fetch_allow[i];
            return options_refuse(err, &one,
                                  "a host like data.example.org, or *.example.org for all names "
                                  "below it, without a scheme and a port");
        }
    }
    return 0;
}

int options_read_rate(const struct given *g, struct options *out, struct err *err)
{
    size_t len;
    bool good;

    out->rate = out->burst = 0;
    if (g->value == NULL) {
        return 0;
    }
    len = strcspn(g->value, ":");
    good = text_to_double(g->value, len, &out->rate) && out->rate >= 0.01 && out->rate <= MAX_RATE;
    out->burst = out->rate > 1 ? out->rate : 1;
    if (good && g->value[len] == ':') {
        const char *burst = g->value + len + 1;

        good = text_to_double(burst, strlen(burst), &out->burst) && out->burst >= 1 &&
               out->burst <= MAX_RATE;
    }
    return good ? 0
                : options_refuse(err, g,
                                 "requests a second from 0.01 to 1000000, perhaps with how many "
                                 "may come at once, for example 20 or 20:100");
}
