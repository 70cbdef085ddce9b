/* What outgoing*.c share: the rules, and a URL that passed them. */
#ifndef MLPD_NET_OUTGOING_PRIV_H
#define MLPD_NET_OUTGOING_PRIV_H

#include <curl/curl.h>
#include <sys/socket.h>

#include "net/address.h"
#include "net/outgoing.h"

struct outgoing {
    uint32_t magic;
    struct address_network *allowed; /* owned */
    size_t n_allowed;
    bool allow_http;
    char *ca_file; /* owned, or NULL */
};
#define OUTGOING_MAGIC 0x6f757467u

struct outgoing_url {
    CURLU *parsed; /* what was checked is what is used */
    bool https;
};

/* The one parser and the rules of the text; a -1 leaves nothing to free. */
int outgoing_url_parse(const struct outgoing *o, const char *text, struct outgoing_url *out,
                       struct err *err) MUST_CHECK;
void outgoing_url_fini(struct outgoing_url *url);

/* Whether its host is one of these. */
bool outgoing_host_allowed(const struct outgoing_url *url, const char *const *hosts) MUST_CHECK;
/* outgoing_head.c: of an answer whose headers are in. */
void outgoing_head_read(CURL *easy, long status, struct outgoing_head *out);

/* The rule of a connection: whether this address and port may be asked with or without TLS. */
bool outgoing_may_connect(const struct outgoing *o, const struct sockaddr *address,
                          bool https) MUST_CHECK;

#endif
