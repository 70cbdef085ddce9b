/* Where the daemon may connect to: the first line is a network, the second a URL. A network that
 * is taken prints and reads back as the same one; a URL that is taken and has digits for a host is
 * of an address that may be asked, in whatever form they came.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

#include "net/address.h"
#include "net/outgoing.h"
#include "net/outgoing_priv.h"

static struct outgoing *strict, *wide; /* public and https only; one network and http besides */

static void setup(void)
{
    static const char *const allowed[] = {"10.0.0.0/8"};
    struct outgoing_options options = {.allow_http = false};
    struct err err = ERR_INIT;

    FUZZ_TRUE(outgoing_new(&options, &strict, &err) == 0);
    options = (struct outgoing_options){
        .allow_private = allowed, .n_allow_private = 1, .allow_http = true};
    FUZZ_TRUE(outgoing_new(&options, &wide, &err) == 0);
}

static void look_at_network(const char *text)
{
    struct address_network network, again;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char digits[INET6_ADDRSTRLEN], *printed;

    if (!address_network_parse(text, &network)) {
        return;
    }
    FUZZ_TRUE(network.bits <= 128);
    FUZZ_TRUE(strspn(text, "0123456789abcdefABCDEF.:/") == strlen(text));
    FUZZ_TRUE(inet_ntop(AF_INET6, network.bytes, digits, sizeof digits) != NULL);
    printed = xasprintf("%s/%u", digits, network.bits);
    FUZZ_TRUE(address_network_parse(printed, &again));
    FUZZ_TRUE(memcmp(network.bytes, again.bytes, 16) == 0 && network.bits == again.bits);
    free(printed);
    memcpy(&in6.sin6_addr, network.bytes, 16);
    FUZZ_TRUE(address_is_in((const struct sockaddr *)&in6, &network, 1));
    /* of IPv6, what is not in 2000::/3 is global only where an IPv4 address is in it */
    FUZZ_TRUE(!address_is_global((const struct sockaddr *)&in6) || network.bytes[0] >> 5 == 1 ||
              network.bytes[0] == 0);
}

/* What libc would make of the host, without asking anybody. */
static void look_at_host(const struct outgoing *rules, const struct outgoing_url *url)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
    char *host = NULL, *bare;
    size_t len;

    FUZZ_TRUE(curl_url_get(url->parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    len = strlen(host);
    bare = host[0] == '[' ? xstrndup(host + 1, len - 2) : xstrdup(host);
    if (getaddrinfo(bare, NULL, &hints, &found) == 0) {
        FUZZ_TRUE(address_is_global(found->ai_addr) ||
                  address_is_in(found->ai_addr, rules->allowed, rules->n_allowed));
        freeaddrinfo(found);
    }
    free(bare);
    curl_free(host);
}

static bool look_at_url(const struct outgoing *rules, const char *text)
{
    struct outgoing_url url;
    struct err err = ERR_INIT;
    char *part = NULL;
    int rc = outgoing_check_url(rules, text, &err);

    fuzz_err(rc, &err);
    if (rc != 0) {
        FUZZ_TRUE(err.code == ERR_INVALID);
        err_fini(&err);
        return false;
    }
    FUZZ_TRUE(outgoing_url_parse(rules, text, &url, &err) == 0);
    look_at_host(rules, &url);
    FUZZ_TRUE(curl_url_get(url.parsed, CURLUPART_USER, &part, 0) != CURLUE_OK);
    FUZZ_TRUE(curl_url_get(url.parsed, CURLUPART_SCHEME, &part, 0) == CURLUE_OK);
    FUZZ_TRUE(strcmp(part, url.https ? "https" : "http") == 0);
    FUZZ_TRUE(url.https || rules->allow_http);
    curl_free(part);
    outgoing_url_fini(&url);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *network, *url;

    fuzz_start();
    if (strict == NULL) {
        setup();
    }
    network = fuzz_line(&data, &size);
    url = fuzz_line(&data, &size);
    look_at_network(network);
    if (look_at_url(strict, url)) {
        FUZZ_TRUE(look_at_url(wide, url)); /* what is allowed besides shuts nothing out */
    } else {
        (void)look_at_url(wide, url);
    }
    free(network);
    free(url);
    return 0;
}
