/* What compares the last layer's linear output z with the truth.
 *
 * The output function (softmax, sigmoid, none) is part of the loss: fused with it, a
 * cross-entropy and its gradient need neither the logarithm of a rounded
 * probability nor a division by one.
 */
#ifndef MLP_LOSS_H
#define MLP_LOSS_H

#include "mlp/net.h"

#define LOSS_LINK_MOST 30 /* the log link's z is cut to +- this */

/* Whether data is what the spec's loss can be computed from, see struct mlp_data. One walk over
 * the truth, the weights and the offset; x is not looked at. */
bool loss_data_fits(const struct mlp_spec *spec, const struct mlp_data *data);

/* `data` from row `first` on; the caller keeps count of how many. */
struct mlp_data loss_slice(const struct mlp_spec *spec, const struct mlp_data *data, size_t first,
                          size_t rows);

/* Rows [first, first + rows) of the truth of a batch: what a loss is computed from, and where its
 * results go. */
struct loss_rows {
    const struct mlp_data *truth; /* `rows` rows of it */
    mlp_real *z;                  /* (rows, n_outputs), the last layer's linear output */
    double *row_loss;             /* (rows), written: l_i without its weight */
    unsigned char *row_hit;       /* (rows), written; or NULL */
};

/* z becomes dL/dz of a batch of batch_rows rows, of which these are some: w_i / batch_rows
 * dl_i/dz. */
void loss_gradient(const struct mlp_net *net, const struct loss_rows *r, size_t batch_rows,
                   mlp_real smoothing);

/* row_loss and row_hit only; z is used up. */
void loss_measure(const struct mlp_net *net, const struct loss_rows *r);

/* Add w_i l_i to *sum, row after row. */
void loss_sum(const struct mlp_data *truth, const double *row_loss, double *sum);

/* z (rows, n_outputs) becomes the prediction. */
void loss_output(const struct mlp_net *net, mlp_real *z, size_t rows);

/* Whether "accuracy" means something: the loss is of classes or of labels. */
bool loss_of_classes(enum mlp_loss loss);

#endif
