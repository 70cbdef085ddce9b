/* Pictures as training sees them: mirrored, turned, zoomed and shifted, a little differently in
 * every epoch, so that the network learns what does not change by it.
 *
 * What is done to a row is a function of (seed, epoch, row) alone.
 */
#ifndef MLP_AUGMENT_H
#define MLP_AUGMENT_H

#include <stdbool.h>

#include "mlp/net.h"
#include "mlp/rng.h"

/* Whether anything is done at all. */
static inline bool augment_on(const struct mlp_augment *g)
{
    return g->shift > 0 || g->mirror || g->rotate > 0 || g->zoom > 0;
}

/* Whether it can be done to the inputs of `net`. */
bool augment_makes_sense(const struct mlp_augment *g, const struct mlp_spec *net);

/* `from` into `to`, [height * width * channels] each, which do not overlap. `rng` is the stream of
 * RNG_AUGMENT. Any number of threads. */
void augment_row(const struct mlp_augment *g, const struct rng *rng, uint32_t epoch, size_t row,
                 const mlp_real *from, mlp_real *to);

#endif
