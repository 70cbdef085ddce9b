/* The bytes of a table, packed or not: gzip is known by its first two bytes. One thread at a time.
 */
#ifndef MLPD_DATA_UNPACK_H
#define MLPD_DATA_UNPACK_H

#include "base/err.h"

struct unpack;

/* Who takes the plain bytes; -1 with err ends it. */
typedef int unpack_sink_f(void *arg, const void *bytes, size_t len, struct err *err);

/* limit: plain bytes, of all parts together. */
struct unpack *unpack_new(uint64_t limit, unpack_sink_f *sink, void *arg);
/* ERR_TOO_LARGE: over the limit, or a bomb (gunzip.h); ERR_INVALID: damaged; the sink's. */
int unpack_feed(struct unpack *u, const void *bytes, size_t len, struct err *err) MUST_CHECK;
/* The bytes, or a part of them that is packed by itself, are over; another may begin. */
int unpack_finish(struct unpack *u, struct err *err) MUST_CHECK;
/* Plain ones so far. */
uint64_t unpack_bytes(const struct unpack *u);
void unpack_free(struct unpack **u);

#endif
