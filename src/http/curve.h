/* Thinning a learning curve without losing its extremes. Pure. */
#ifndef MLPD_HTTP_CURVE_H
#define MLPD_HTTP_CURVE_H

#include "store/store.h"

#define CURVE_MOST_POINTS 100000 /* that an answer may be asked for */

/* keep[i] = whether point i stays; at most `most` (>= 2) do, all of them if they fit. The first and
 * the last stay always, then that of best_epoch (0: none), then the lowest and highest losses of each
 * stretch. */
void curve_thin(const struct store_point *points, size_t n, size_t most, int64_t best_epoch,
                bool *keep);

#endif
