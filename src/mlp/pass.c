/* The two passes: the mathematics of mlp.h, in its order.
 *
 * A pass works on the caller's thread in its own room; the net is only read. The
 * derivative of every activation can be had from its value, so z is never kept: a_k
 * takes its place.
 */
#include "mlp/pass.h"

#include <math.h>

void pass_layout(struct pass *p, const struct mlp_spec *spec, size_t max_rows, bool backward,
                 struct arena *arena)
{
    size_t widest = net_spec_widest(spec), row_bytes = widest * sizeof(mlp_real);
    size_t max_in = spec->n_inputs > widest ? spec->n_inputs : widest;

    *p = (struct pass){.max_rows = max_rows, .n_layers = spec->n_hidden + 1};
    gemm_layout(&p->gemm, p->n_layers, max_in, widest, backward, arena);
    for (size_t k = 0; k < p->n_layers; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        if (backward) {
            p->a[k] = arena_take(arena, max_rows, l.n_out * sizeof(mlp_real));
        } else { /* in turn: a layer's input may go once its output is there */
            p->a[k] = k < 2 ? arena_take(arena, max_rows, row_bytes) : p->a[k - 2];
        }
    }
    for (int i = 0; i < 2 && backward; i++) {
        p->delta[i] = arena_take(arena, max_rows, row_bytes);
    }
}

enum mlp_status pass_init(struct pass *p, const struct mlp_net *net)
{
    return gemm_init(&p->gemm, net->kernel);
}

void pass_fini(struct pass *p)
{
    gemm_fini(&p->gemm);
}

enum mlp_status pass_forward(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                             size_t rows, mlp_real *out)
{
    const mlp_real *a = x;

    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];
        const mlp_real *W = net->params + l->weights, *b = net->params + l->bias;
        mlp_real *z = k + 1 == net->n_layers && out != NULL ? out : p->a[k];

        /* z_k = a_{k-1} W_k + b_k */
        enum mlp_status status =
            gemm_forward(&p->gemm, (struct gemm_shape){k, rows, l->n_in, l->n_out}, a, W, b, z);
        if (status != MLP_OK) {
            return status;
        }
        /* a_k = f_k(z_k) */
        net->kernel->activate(l->activation, z, rows * l->n_out);
        a = z;
    }
    return MLP_OK;
}

enum mlp_status pass_gradient(struct pass *p, const struct mlp_net *net,
                              const struct mlp_data *batch, mlp_real *gradient, double *loss)
{
    size_t rows = batch->rows;
    enum mlp_status status = pass_forward(p, net, batch->x, rows, NULL);

    if (status != MLP_OK) {
        return status;
    }
    /* delta = dL/dz of the last layer, in place of z */
    mlp_real *delta = p->a[net->n_layers - 1];
    *loss = loss_gradient(net, batch, delta);

    for (size_t k = net->n_layers; k-- > 0;) {
        const struct layer *l = &net->layers[k];
        const struct gemm_shape shape = {k, rows, l->n_in, l->n_out};
        const mlp_real *a = k > 0 ? p->a[k - 1] : batch->x;
        const mlp_real *W = net->params + l->weights;
        mlp_real *dW = gradient + l->weights, *db = gradient + l->bias;

        /* dL/dW_k = a_{k-1}^T delta_k    dL/db_k = sum over rows of delta_k */
        status = gemm_back_weights(&p->gemm, shape, a, delta, dW);
        if (status != MLP_OK) {
            return status;
        }
        net->kernel->column_sums(delta, rows, l->n_out, db);
        if (k == 0) {
            break; /* nobody asks for dL/dx */
        }
        /* delta_{k-1} = (delta_k W_k^T) * f'(z_{k-1}) */
        mlp_real *before = p->delta[k % 2];

        status = gemm_back_delta(&p->gemm, shape, delta, W, before);
        if (status != MLP_OK) {
            return status;
        }
        net->kernel->derive(net->layers[k - 1].activation, a, before, rows * l->n_in);
        delta = before;
    }
    return MLP_OK;
}

enum mlp_status pass_score(struct pass *p, const struct mlp_net *net, const struct mlp_data *data,
                           struct mlp_score *out)
{
    struct kernel_sum sum = {0};

    for (size_t i = 0; i < data->rows; i += p->max_rows) {
        size_t rows = data->rows - i < p->max_rows ? data->rows - i : p->max_rows;
        const struct mlp_data slice = loss_rows(&net->spec, data, i, rows);
        enum mlp_status status = pass_forward(p, net, slice.x, rows, NULL);

        if (status != MLP_OK) {
            return status;
        }
        loss_measure(net, &slice, p->a[net->n_layers - 1], &sum);
    }
    out->loss = sum.loss / (double)data->rows;
    out->accuracy = net->spec.loss == MLP_MSE ? NAN : (double)sum.hits / (double)data->rows;
    return MLP_OK;
}
