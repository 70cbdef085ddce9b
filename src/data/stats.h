/* Statistics of a column that passes by in blocks: moments and distinct values.
 *
 * Within a block the variance takes two passes; blocks are merged pairwise, so a column of
 * any length loses nothing against two passes over all of it. Which bits come out depends on
 * the values and the cuts between blocks only, so callers cut at fixed places.
 *
 * Any finite double may come, 1e308 included: sums are kept in a unit (a power of two) that
 * follows the largest magnitude, so that squares neither overflow nor vanish.
 */
#ifndef MLPD_DATA_STATS_H
#define MLPD_DATA_STATS_H

#include "base/base.h"

struct stats {
    uint64_t n;
    double min, max; /* NaN while n is 0 */
    double mean, m2; /* in units of 2^unit; m2 is the sum of squared distances */
    int unit;
};

void stats_init(struct stats *s);
/* Finite values only. */
void stats_add(struct stats *s, const double *values, size_t n);
double stats_mean(const struct stats *s); /* NaN when n is 0 */
double stats_std(const struct stats *s);  /* the population's; NaN when n is 0 */

/* The distinct values of a column, sorted; 0 and -0 are one. */
struct distinct {
    double *values; /* owned */
    size_t n, capacity;
    size_t limit;
    bool over; /* more than `limit`: n is then limit + 1, later values are ignored */
};

void distinct_init(struct distinct *d, size_t limit);
/* -1 without memory. */
int distinct_add(struct distinct *d, const double *values, size_t n) MUST_CHECK;
/* The place of `value`, or -1. */
ptrdiff_t distinct_find(const double *values, size_t n, double value);
void distinct_fini(struct distinct *d);

#endif
