/* One row's way through a network and back, with every number kept: a part of mlp.h, which
 * includes it; never needed by itself.
 *
 * The pass is a prediction's: no dropout, no noise, batch norm by its running statistics. So the
 * derivatives are those of that function, and the loss is of this one row: no weight, no penalty,
 * no smoothing. Each layer is linear -> norm -> activation -> + the layer's input if residual:
 *
 *     z = in W + b        y = norm(z)        h = f(y)        a = h, or h + in
 *     delta_a = dl/da     delta_y = dl/dy    delta = dl/dz
 *     dW[i][c] = in[i] delta[c]              db = delta
 *     dgain = delta_y normal                 dshift = delta_y
 *
 * Stages that a layer does not have share the array of the one before: y is z, a is h.
 */
#ifndef MLP_TRACE_H
#define MLP_TRACE_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mlp_trace;

/* Of one row, which is not needed any more afterwards; of the net only the parameters are. Without
 * labels and targets there is no loss and no way back. MLP_E_ARGUMENT: not one row, truth that the
 * loss cannot mean, an index that its table does not have. Free with mlp_trace_free. */
MLP_API MLP_CHECK enum mlp_status mlp_trace_new(const struct mlp_net *net,
                                                const struct mlp_data *row, struct mlp_trace **out);
MLP_API void mlp_trace_free(struct mlp_trace **trace);

struct mlp_trace_layer {
    const mlp_real *in;         /* [n_in]: the layer's input, a of the layer before */
    const mlp_real *z;          /* [n_out]: in W + b; as mlp_layer_view counts columns */
    const mlp_real *normal;     /* [n_out]: z of mean 0 and deviation 1; NULL without a norm */
    const mlp_real *y;          /* [n_out]: what the activation gets */
    const mlp_real *h;          /* [units]: f(y) */
    const mlp_real *a;          /* [units]: the layer's output; of the last one with the offset */
    const mlp_real *derivative; /* [n_out]: da/dy; maxout: 1 for the piece that was taken */
    /* NULL without truth */
    const mlp_real *delta_a; /* [units] */
    const mlp_real *delta_y; /* [n_out] */
    const mlp_real *delta;   /* [n_out] */
    const mlp_real *dslope;  /* [units], of prelu; else NULL */
};
/* Layer k of n_hidden + 1. The pointers are the trace's. */
MLP_API void mlp_trace_layer(const struct mlp_trace *trace, size_t k, struct mlp_trace_layer *out);

struct mlp_trace_ends {
    const mlp_real *x;      /* [mlp_spec_width]: indexes replaced by their rows of tables, before
                             * the input scale; layer 0's `in` is behind it */
    const mlp_real *delta;  /* dl/din of layer 0; NULL without truth */
    const mlp_real *output; /* [n_outputs]: the prediction, temperature and all */
    double loss;            /* NaN without truth */
};
MLP_API void mlp_trace_ends(const struct mlp_trace *trace, struct mlp_trace_ends *out);

#ifdef __cplusplus
}
#endif
#endif
