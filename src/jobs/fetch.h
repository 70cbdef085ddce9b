/* One file from another server, whole: redirects, broken transfers taken up again, limits, a
 * checksum.
 *
 * Only from hosts that the operator allows, and over the addresses that net/outgoing allows. A
 * transfer that breaks goes on where it was, if the server gave an ETag or Last-Modified and
 * honours Range; else it begins anew, and its taker with it. A worker's thread; blocks.
 */
#ifndef MLPD_JOBS_FETCH_H
#define MLPD_JOBS_FETCH_H

#include "base/hash.h"
#include "net/outgoing.h"

#define FETCH_TRIES     6 /* requests for one file, redirects not counted */
#define FETCH_REDIRECTS 5 /* of each */

struct fetch_rules {
    const struct outgoing *outgoing;
    const char *const *hosts; /* patterns of net/host.h, NULL-terminated; NULL: none */
    uint64_t most_bytes;      /* of one file, as it comes and unpacked */
    double seconds;           /* for all of it, waits between tries included */
    double pace;              /* for tests: these waits are so many times as long; 0: 1 */
};

/* Whether a URL may be fetched. ERR_INVALID with an item at `pointer`; nothing may be when no host
 * is allowed. `rules` may be NULL. */
int fetch_check(const struct fetch_rules *rules, const char *url, const char *pointer,
                struct err *err) MUST_CHECK;

/* Who takes it. */
struct fetch_taker {
    /* The first byte comes, and again if all begins anew. total: UINT64_MAX if not known. */
    int (*begin)(void *arg, uint64_t total, struct err *err);
    int (*bytes)(void *arg, const void *bytes, size_t len, struct err *err);
    /* Asked about once a second at least: true ends it. */
    bool (*ends)(void *arg);
    void *arg;
};

struct fetched {
    uint64_t bytes; /* as they came */
    unsigned tries;
    char sha256[HASH_HEX_LEN]; /* of these bytes */
};

/* 0; 1: `ends` said so; -1: ERR_INVALID (URL, host, address or redirect refused, or another sha256
 * than `sha256`, which may be NULL), ERR_NOT_FOUND (404, 410), ERR_TOO_LARGE, ERR_IO (no
 * connection, another status, too slow; a class, no more), ERR_NO_MEMORY, the taker's. */
int fetch_run(const struct fetch_rules *rules, const char *url, const char *sha256,
              const struct fetch_taker *taker, struct fetched *out, struct err *err) MUST_CHECK;

#endif
