/* Batch norm and layer norm, between a layer's linear output and its activation:
 *
 *     z^ = (z - mean) / sqrt(variance + 1e-5)        y = z^ gain + shift
 *
 * Batch norm takes mean and variance of each column over the batch's rows, layer norm of each row
 * over its columns. In a prediction batch norm uses the running statistics, which each batch of
 * training moves by one tenth towards its own; the variance is the one over n to normalise and the
 * one over n - 1 for running. A batch of one row moves the running mean only.
 *
 * Rows are summed in chunks of NORM_CHUNK, then chunks in order, in double: so chunks may be
 * worked at side by side. Both directions have three parts: measure (any rows, from a multiple of
 * NORM_CHUNK on), settle (once, one thread, when all rows are measured), apply (any
 * rows). A layer without a norm does nothing in any of them.
 */
#ifndef MLP_NORM_H
#define MLP_NORM_H

#include "mlp/pass.h"

#define NORM_CHUNK   ((size_t)64)
#define NORM_EPSILON 1e-5

static inline size_t norm_chunks(size_t rows)
{
    return rows / NORM_CHUNK + (rows % NORM_CHUNK > 0);
}

/* Training, forward: layer[k].z (all rows of the batch) becomes z^, and layer[k].y is written. */
void norm_measure(struct pass *p, const struct mlp_net *net, size_t k, size_t first, size_t rows);
void norm_settle(struct pass *p, struct mlp_net *net, size_t k, size_t rows);
void norm_apply(struct pass *p, const struct mlp_net *net, size_t k, size_t first, size_t rows);

/* Backward: layer[k].delta = dL/dy becomes dL/dz; settle writes the gradients of gain and shift,
 * `rows` is the batch's. */
void norm_back_measure(struct pass *p, const struct mlp_net *net, size_t k, size_t first,
                       size_t rows);
void norm_back_settle(struct pass *p, const struct mlp_net *net, size_t k, size_t rows,
                      mlp_real *gradient);
void norm_back_apply(struct pass *p, const struct mlp_net *net, size_t k, size_t first,
                     size_t rows);

/* Prediction: z (rows, n_z) becomes y. A row never depends on another. */
void norm_predict(const struct mlp_net *net, const struct layer *l, mlp_real *z, size_t rows);

/* The same sums for others: sums[j] = sum over rows of d[i][j] x[i][j], by way of p->partial. */
void norm_sum_products(struct pass *p, const struct mlp_net *net, const mlp_real *d,
                       const mlp_real *x, size_t rows, size_t cols, mlp_real *sums);

#endif
