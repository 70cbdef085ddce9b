/* Which addresses the daemon may connect to; see address.h.
 *
 * Pure: no lookups, no state. Every address becomes 16 bytes, IPv4 as ::ffff:a.b.c.d, so that there
 * is one comparison of prefixes. The tables follow the special-purpose registries of RFC 6890; what
 * is not known to be global is refused: of IPv6 only 2000::/3 counts, less the lines below.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */
static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};    /* 64:ff9b::/96 */

struct prefix {
    unsigned char bytes[4];
    unsigned bits;
};

static const struct prefix not_global_4[] = {
    {{0, 0, 0, 0}, 8},       /* "this network": reaches the machine itself */
    {{10, 0, 0, 0}, 8},      /* private */
    {{100, 64, 0, 0}, 10},   /* carrier-grade NAT */
    {{127, 0, 0, 0}, 8},     /* loopback */
    {{169, 254, 0, 0}, 16},  /* link-local, cloud credentials */
    {{172, 16, 0, 0}, 12},   /* private */
    {{192, 0, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2, 0}, 24},    /* documentation */
    {{192, 88, 99, 0}, 24},  /* 6to4 relays */
    {{192, 168, 0, 0}, 16},  /* private */
    {{198, 18, 0, 0}, 15},   /* benchmarks */
    {{198, 51, 100, 0}, 24}, /* documentation */
    {{203, 0, 113, 0}, 24},  /* documentation */
    {{224, 0, 0, 0}, 4},     /* multicast */
    {{240, 0, 0, 0}, 4},     /* reserved, and 255.255.255.255 */
};

static const struct prefix global_6 = {{0x20}, 3}; /* 2000::/3: all that was ever given out */

static const struct prefix not_global_6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments: Teredo, benchmarks, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3f, 0xff}, 20},             /* documentation */
};

/* Whether the first `bits` bits of both are alike. */
static bool same_start(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool in_table(const unsigned char *bytes, const struct prefix *table, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (same_start(bytes, table[i].bytes, table[i].bits)) {
            return true;
        }
    }
    return false;
}

static bool to_bytes(const struct sockaddr *address, unsigned char out[16])
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in; /* copied: the caller's may be aligned for a sockaddr only */

        memcpy(&in, address, sizeof in);
        memcpy(out, mapped, 12);
        memcpy(out + 12, &in.sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof in6);
        memcpy(out, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

bool address_is_global(const struct sockaddr *address)
{
    unsigned char bytes[16];

    if (!to_bytes(address, bytes)) {
        return false;
    }
    if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0) {
        return !in_table(bytes + 12, not_global_4, ARRAY_LEN(not_global_4));
    }
    return in_table(bytes, &global_6, 1) && !in_table(bytes, not_global_6, ARRAY_LEN(not_global_6));
}

bool address_is_in(const struct sockaddr *address, const struct address_network *networks, size_t n)
{
    unsigned char bytes[16];
    size_t i;

    if (!to_bytes(address, bytes)) {
        return false;
    }
    for (i = 0; i < n; i++) {
        if (same_start(bytes, networks[i].bytes, networks[i].bits)) {
            return true;
        }
    }
    return false;
}

/* Whether every bit from `bits` on is 0. */
static bool rest_is_zero(const unsigned char bytes[16], unsigned bits)
{
    unsigned i;

    for (i = bits; i < 128; i++) {
        if (bytes[i / 8] & (0x80 >> i % 8)) {
            return false;
        }
    }
    return true;
}

/* "0" to "128", without a sign or leading zeros. */
static bool parse_bits(const char *s, unsigned most, unsigned *out)
{
    unsigned value = 0;
    size_t n = strlen(s), i;

    if (n == 0 || n > 3 || (n > 1 && s[0] == '0')) {
        return false;
    }
    for (i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(s[i] - '0');
    }
    *out = value;
    return value <= most;
}

bool address_network_parse(const char *text, struct address_network *out)
{
    struct address_network network = {.bits = 0};
    const char *slash = strchr(text, '/');
    size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char address[INET6_ADDRSTRLEN];
    unsigned bits, most;

    if (n >= sizeof address) {
        return false;
    }
    memcpy(address, text, n);
    address[n] = '\0';
    if (inet_pton(AF_INET, address, network.bytes + 12) == 1) { /* four decimal numbers only */
        memcpy(network.bytes, mapped, 12);
        most = 32;
    } else if (inet_pton(AF_INET6, address, network.bytes) == 1) {
        most = 128;
    } else {
        return false;
    }
    bits = most;
    if (slash != NULL && !parse_bits(slash + 1, most, &bits)) {
        return false;
    }
    network.bits = bits + (128 - most);
    if (!rest_is_zero(network.bytes, network.bits)) {
        return false;
    }
    *out = network;
    return true;
}
