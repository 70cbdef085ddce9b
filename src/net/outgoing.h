/* Outgoing connections: the only ones the daemon makes, and the only place with libcurl.
 *
 * A connection is made only to an address that was looked at when it is made
 * (CURLOPT_OPENSOCKETFUNCTION), after every name was resolved and every redirect followed: a public
 * one, or one inside a network that the operator allowed (--allow-private CIDR). No proxy, no
 * cookies, no .netrc, no other protocol, no redirect unless asked for. A public address is asked on
 * ports 80, 443 and 8000 to 8999 only, an allowed network on any.
 * What is told to a client about a failure is a class, not a map of the network.
 *
 * Any thread; each call has a handle of its own. Blocks up to its deadline; never called by an HTTP
 * thread.
 */
#ifndef MLPD_NET_OUTGOING_H
#define MLPD_NET_OUTGOING_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

struct outgoing; /* the rules, shared by all calls; never changes */

/* "libcurl/7.88.1 GnuTLS/3.7.9 ...", for the log. */
const char *outgoing_library(void);

struct outgoing_options {
    const char *const *allow_private; /* CIDRs: "10.0.0.0/8", "127.0.0.1/32", "fd00::/8" */
    size_t n_allow_private;
    bool allow_http;                  /* plain http too (private networks: always) */
    const char *ca_file;              /* PEM, in place of the system's certificates; or NULL */
};
/* ERR_INVALID names a CIDR that is none, or says that the file of certificates cannot be read. */
int outgoing_new(const struct outgoing_options *options, struct outgoing **out,
                 struct err *err) MUST_CHECK;
void outgoing_free(struct outgoing **out);

/* Whether a URL could be asked at all: scheme, port, no user, no address that is refused when it is
 * written in digits (names are looked at when they are resolved). ERR_INVALID with the reason. */
int outgoing_check_url(const struct outgoing *o, const char *url, struct err *err) MUST_CHECK;

/* As outgoing_check_url, and its host must be one of `hosts` (NULL-terminated patterns of
 * host.h). */
int outgoing_check_host(const struct outgoing *o, const char *url, const char *const *hosts,
                        struct err *err) MUST_CHECK;

/* What a 2xx answer says of its body. */
struct outgoing_head {
    long status;
    uint64_t first;        /* where its bytes begin in the whole: 0, but of a 206; UINT64_MAX:
                            * it does not say */
    uint64_t total;        /* bytes of the whole; UINT64_MAX: it does not say */
    char validator[256];   /* of the whole, for a later `validator`: a strong ETag, else
                            * Last-Modified; "": neither */
};

struct outgoing_request {
    const char *method;               /* "POST" | "GET" */
    const char *url;
    const char *const *headers;       /* "Name: value", NULL-terminated, or NULL; not sent to
                                       * where a redirect leads */
    const void *body;                 /* of a POST, or NULL; say its Content-Type in headers */
    size_t len;
    double connect_seconds, seconds;  /* limits; 0: 5 and 20 */
    double slow_seconds;              /* fewer than 100 bytes/s for so long ends it; 0: 30 */
    size_t most_bytes;                /* of the answer's body; more ends the call: ERR_TOO_LARGE */
    unsigned redirects;               /* of a GET, followed at most; one more is the answer */
    const char *const *hosts;         /* the URL's host and that of each redirect must be one of
                                       * these; NULL: any */
    uint64_t first;                   /* of a GET: ask for the bytes from here on, */
    const char *validator;            /* if what is there is still this (of a head); else all */
    atomic_bool *stop;                /* polled about once a second; may be NULL */
    bool (*ends)(void *arg);          /* the same, asked; may be NULL */
    /* Before the first of the body's bytes, or at the end where there are none; as take. */
    bool (*head)(void *arg, const struct outgoing_head *head);
    /* Takes the body of a 2xx answer as it comes (of others it is dropped), and out->body stays
     * empty; false ends the call, with what it put in the call's own err, or ERR_IO. May be
     * NULL. */
    bool (*take)(void *arg, const void *bytes, size_t len);
    void *arg;
};
struct outgoing_reply {
    long status;
    struct buf body;                  /* the caller's to buf_fini after a 0 */
    double retry_after;               /* seconds from now, of that header; NaN: none */
};
/* 0: there is an answer, whatever its status. -1, and nothing in *out: ERR_INVALID (URL, header or
 * address refused, or no allowed host), ERR_IO (could not connect, resolve or trust, or the
 * connection broke: one sentence for all of it), ERR_BUSY (a limit of time, *stop or ends),
 * ERR_TOO_LARGE (the body, or 64 KiB of headers), ERR_NO_MEMORY. */
int outgoing_send(const struct outgoing *o, const struct outgoing_request *request,
                  struct outgoing_reply *out, struct err *err) MUST_CHECK;

#endif
