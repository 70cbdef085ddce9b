/* A layer's activation as the passes see it: whichever it is, from (rows, n_z) to (rows, n_out)
 * and back. Pure functions over the caller's buffers; a row never depends on another. */
#ifndef MLP_ACTIVATION_H
#define MLP_ACTIVATION_H

#include "mlp/net.h"

/* h (rows, n_out) = f(y), y (rows, n_z). h may be y: its rows then lie n_out apart. */
void activation_forward(const struct mlp_net *net, const struct layer *l, const mlp_real *y,
                        size_t rows, mlp_real *h);

/* dy (rows, n_z) = dL/dy from dh (rows, n_out) = dL/dh, with y and h of the forward pass. dh must
 * be dy, but apart from it for maxout. prelu leaves in y what its slopes' gradient is
 * the sum over rows of. */
void activation_backward(const struct mlp_net *net, const struct layer *l, mlp_real *y,
                         const mlp_real *h, const mlp_real *dh, size_t rows, mlp_real *dy);

/* The slopes' gradient, after activation_backward of all rows; nothing without slopes. */
void activation_gradient(const struct mlp_net *net, const struct layer *l, const mlp_real *y,
                         size_t rows, mlp_real *gradient);

#endif
