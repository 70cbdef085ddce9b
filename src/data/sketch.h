/* Quantiles and a histogram of a column that passes by, in bounded memory.
 *
 * Up to `capacity` values are kept as they are: what comes out is then exact. Of more, one value of
 * every 2^shift in a row is kept, chosen by a hash of its place; whenever the room is full the
 * values are sorted, every second one stays and the shift grows by one. So there are always
 * between capacity / 2 and capacity values, each speaking for 2^shift, and a quantile p is that of
 * a rank within about 2 sqrt(p (1 - p) / capacity) of it. Nothing is random: the same values in
 * the same order give the same answer, to the last bit.
 *
 * One thread at a time.
 */
#ifndef MLPD_DATA_SKETCH_H
#define MLPD_DATA_SKETCH_H

#include "base/base.h"

struct sketch {
    size_t capacity; /* even */
    uint64_t count;  /* values added */
    unsigned shift;
    double *kept; /* [room], n of them used; owned */
    size_t n, room, sorted; /* the first `sorted` are */
    uint64_t taken; /* values of the block under way that have passed */
    uint64_t block; /* blocks begun */
    double pending; /* the one of them that is kept if the block ends now */
};

/* A capacity for each of n columns so that all of them stay under some 32 MiB. */
size_t sketch_capacity(size_t n_columns);
void sketch_init(struct sketch *s, size_t capacity);
void sketch_fini(struct sketch *s);
/* Finite values only. -1 without memory. */
int sketch_add(struct sketch *s, const double *values, size_t n) MUST_CHECK;

/* ---- afterwards; sketch_sort first, and nothing is added any more ---- */

int sketch_sort(struct sketch *s) MUST_CHECK; /* -1 without memory */
static inline bool sketch_is_exact(const struct sketch *s)
{
    return s->shift == 0;
}
/* Interpolated between the two nearest ranks, as numpy does; NaN of nothing. 0 <= p <= 1. */
double sketch_quantile(const struct sketch *s, double p);
/* Of an exact one: whether no two values are equal. */
bool sketch_all_differ(const struct sketch *s);

#define SKETCH_BINS 32
struct histogram {
    size_t n;              /* bins, at most SKETCH_BINS; 0 without values */
    double low, high;      /* the bins share [low, high] evenly; the last one has `high` too */
    uint64_t below, above; /* values outside */
    uint64_t counts[SKETCH_BINS];
};
/* Integers that span no more than the bins have one bin each. Else from min to max; values that lie
 * further out than half of the span between the 1 % and the 99 % quantile are outside. */
void sketch_histogram(const struct sketch *s, double min, double max, bool integers,
                      struct histogram *out);

#endif
