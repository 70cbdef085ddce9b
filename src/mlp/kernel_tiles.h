/* Products on a processor's bfloat16 units, which multiply far faster than its float32 ones.
 *
 * Operands are first packed: into tiles of 16 lines (rows of A, columns of B) by 32 terms, in
 * one part, rounded to bfloat16, or in three that together hold a float32 exactly. A product of
 * three parts is a float32 product: its error is below that of multiply-adds (kernel_tiles.c).
 *
 * An element of C has the same bits whatever rows and columns are computed with it. Infinity
 * in an operand of three parts becomes NaN; subnormal numbers count as zero.
 */
#ifndef MLP_KERNEL_TILES_H
#define MLP_KERNEL_TILES_H

#include "mlp/kernel.h"

#define TILE_LINES ((size_t)16)
#define TILE_TERMS ((size_t)32)
#define TILE_PAIRS (TILE_LINES * TILE_TERMS / 2) /* uint32_t in a tile: two bfloat16 each */

/* Panels of 16 lines: tile after tile along the terms, a tile's parts side by side. */
static inline size_t tiles_panel(size_t terms, size_t parts)
{
    return (terms + TILE_TERMS - 1) / TILE_TERMS * parts * TILE_PAIRS;
}

/* Line i, term q is from[i * line_step + q * term_step]; one of the steps is 1. With `at` it is
 * at[i], or at[q], that the other one is multiplied by: rows from anywhere in memory. */
struct kernel_pack {
    size_t lines, terms;
    const mlp_real *from;
    size_t line_step, term_step;
    const uint32_t *at; /* or NULL */
    bool right;   /* it is B */
    size_t parts; /* 1 or 3 */
    uint32_t *to; /* panels, aligned as the arena is; what is missing to whole tiles is 0 */
};

/* c (m, n) = A B + bias, or c + A B with `add`; A and B packed with k terms. */
struct kernel_tiles {
    size_t m, n, k;
    size_t parts;
    const uint32_t *a, *b;
    const mlp_real *bias; /* (n), or NULL; not with add */
    bool add;
    mlp_real *c; /* rows at a distance of c_row */
    size_t c_row;
};

struct kernel_units {
    const char *name;
    bool float32; /* three parts beat multiply-adds here */
    void (*pack)(const struct kernel_pack *p);
    void (*multiply)(const struct kernel_tiles *p);
};

/* What this processor has beside the table, best first; returns how many. Asks the operating
 * system for the right to use AMX, for the whole process. */
#define KERNEL_UNITS_MAX 2
size_t kernel_units_list(const struct kernel *k, const struct kernel_units *out[KERNEL_UNITS_MAX]);
const struct kernel_units *kernel_units(const struct kernel *k); /* the best, or NULL */

#endif
