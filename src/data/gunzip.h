/* Gzip in pieces, bounded: an upload may be compressed, a bomb may not. One thread at a time. */
#ifndef MLPD_DATA_GUNZIP_H
#define MLPD_DATA_GUNZIP_H

#include "base/err.h"

struct gunzip;

/* The most a stream may grow: 1 MiB, and this many bytes for each that came in. CSV of real
 * data stays under 50. */
#define GUNZIP_RATIO 250

struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip **g);
/* Hands the plain bytes to `sink`, which may refuse (-1 with err). */
int gunzip_feed(struct gunzip *g, const void *bytes, size_t len,
                int (*sink)(void *arg, const void *bytes, size_t len, struct err *err), void *arg,
                struct err *err) MUST_CHECK;
/* Whether the stream came to its end. */
int gunzip_finish(const struct gunzip *g, struct err *err) MUST_CHECK;

#endif
