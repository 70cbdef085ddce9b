/* What pass.c and pass_step.c share. */
#ifndef MLP_PASS_PRIV_H
#define MLP_PASS_PRIV_H

#include "mlp/pass.h"

#define PASS_WORTH 1e6 /* multiply-adds of one direction that keep a thread busy for 10 us or so */

static inline const mlp_real *pass_param(const struct mlp_net *net, size_t offset)
{
    return offset != NET_NONE ? net->params + offset : NULL;
}

static inline void pass_add_offset(const mlp_real *offset, size_t rows, size_t cols, mlp_real *z)
{
    for (size_t i = 0; offset != NULL && i < rows; i++) {
        for (size_t j = 0; j < cols; j++) {
            z[i * cols + j] += offset[i];
        }
    }
}

/* How many threads this many rows are worth, and the rows of each but the last. */
size_t pass_helpers(const struct pass *p, const struct mlp_net *net, size_t rows);
size_t pass_slice(size_t rows, size_t helpers);

/* The rows of this helper's slice, the last shorter and any past it empty. */
static inline size_t pass_slice_rows(size_t rows, size_t slice, size_t helper)
{
    size_t first = helper * slice;

    return first >= rows ? 0 : rows - first < slice ? rows - first : slice;
}

/* work(job, i) for every i < helpers, on the team's threads. */
void pass_share(struct pass *p, size_t helpers, void (*work)(void *job, size_t helper), void *job);

#endif
