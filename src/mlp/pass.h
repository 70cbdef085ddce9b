/* The forward and the backward pass over a net's layers.
 *
 * A struct pass is the room they need. For training every layer's output is kept; for
 * prediction two buffers take turns. One thread at a time.
 */
#ifndef MLP_PASS_H
#define MLP_PASS_H

#include "mlp/gemm.h"
#include "mlp/loss.h"
#include "mlp/net.h"

struct pass {
    struct gemm_ctx gemm;
    size_t max_rows;
    size_t n_layers;
    mlp_real *a[MLP_MAX_LAYERS + 1]; /* a[k] (max_rows, n_out of layer k) */
    mlp_real *delta[2];              /* (max_rows, widest layer), training only */
};

/* Reserve room for passes of max_rows rows; `backward`: for training. */
void pass_layout(struct pass *p, const struct mlp_spec *spec, size_t max_rows, bool backward,
                 struct arena *arena);
/* After a layout with memory; pass_fini also after a failure. */
MLP_CHECK enum mlp_status pass_init(struct pass *p, const struct mlp_net *net);
void pass_fini(struct pass *p);

/* x (rows, n_inputs), rows <= max_rows, to the last layer's linear output. `out` (rows,
 * n_outputs) takes it, or is NULL: then it is in p->a[last]. */
MLP_CHECK enum mlp_status pass_forward(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                                       size_t rows, mlp_real *out);

/* Forward, loss and backward of one batch: gradient [n_params] is written, not added to. */
MLP_CHECK enum mlp_status pass_gradient(struct pass *p, const struct mlp_net *net,
                                        const struct mlp_data *batch, mlp_real *gradient,
                                        double *loss);

/* Mean loss and accuracy over data of any number of rows, which must fit the spec. */
MLP_CHECK enum mlp_status pass_score(struct pass *p, const struct mlp_net *net,
                                     const struct mlp_data *data, struct mlp_score *out);

#endif
