/* What compares the last layer's linear output z with the truth.
 *
 * The output function (softmax, sigmoid, none) is part of the loss: fused with it, a
 * cross-entropy and its gradient need neither the logarithm of a rounded
 * probability nor a division by one.
 */
#ifndef MLP_LOSS_H
#define MLP_LOSS_H

#include "mlp/net.h"

/* Whether data has what the spec's loss needs: pointers, and labels in range. O(rows). */
bool loss_data_fits(const struct mlp_spec *spec, const struct mlp_data *data);

/* `data` from row `first` on; the caller keeps count of how many. */
struct mlp_data loss_rows(const struct mlp_spec *spec, const struct mlp_data *data, size_t first,
                          size_t rows);

/* z (rows, n_outputs) becomes dL/dz of the batch loss, the mean over `rows`; returns that loss. */
double loss_gradient(const struct mlp_net *net, const struct mlp_data *truth, mlp_real *z);

/* Add the rows' losses and hits to `sum`; z is used up. */
void loss_measure(const struct mlp_net *net, const struct mlp_data *truth, mlp_real *z,
                  struct kernel_sum *sum);

/* z (rows, n_outputs) becomes the prediction. */
void loss_output(const struct mlp_net *net, mlp_real *z, size_t rows);

#endif
