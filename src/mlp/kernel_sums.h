/* What the loss kernels share: how much they take at a time, and sums in double whose order
 * depends on the number of elements only.
 *
 * Rows are taken in small blocks that stay in the nearest cache: a pass along the rows, then one
 * long element-wise pass over the whole block (so that three classes fill a vector as well
 * as a thousand), then a pass along the rows again.
 */
#ifndef MLP_KERNEL_SUMS_H
#define MLP_KERNEL_SUMS_H

#include "mlp/kernel_math.h"

#define BLOCK 256 /* elements, unless one row is longer */
#define LANES 8

/* How many rows make a block. */
static inline size_t block_rows(size_t cols)
{
    return cols >= BLOCK ? 1 : BLOCK / cols;
}

static inline double lanes_total(const double lane[LANES])
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* The sum of x[0..n). */
static inline double total(const mlp_real *x, size_t n)
{
    double lane[LANES] = {0};
    size_t i = 0;

    if (n == 1) {
        return (double)x[0];
    }
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            lane[l] += (double)x[i + l];
        }
    }
    for (size_t l = 0; i < n; i++, l++) {
        lane[l] += (double)x[i];
    }
    return lanes_total(lane);
}

/* The sum of x[i] y[i]. */
static inline double dot(const mlp_real *x, const mlp_real *y, size_t n)
{
    double lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            lane[l] += (double)x[i + l] * (double)y[i + l];
        }
    }
    for (size_t l = 0; i < n; i++, l++) {
        lane[l] += (double)x[i] * (double)y[i];
    }
    return lanes_total(lane);
}

static inline void scale_row(mlp_real *x, size_t n, mlp_real factor)
{
    SIMD
    for (size_t j = 0; j < n; j++) {
        x[j] *= factor;
    }
}

#ifdef KERNEL_ISA
/* The two kinds of losses: of a whole row, and of each column by itself. */
void ISA(kernel_loss_softmax)(const struct kernel_loss *l);
void ISA(kernel_loss_columns)(const struct kernel_loss *l);
#endif

#endif
