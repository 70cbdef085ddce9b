/* The two passes: the mathematics of mlp.h, in its order.
 *
 * A pass works on the caller's thread in its own room. Stages of a layer that many networks
 * do not have (norm, noise, dropout, residual) each are a line here and a file of their own.
 */
#include "mlp/pass.h"

#include <math.h>
#include <string.h>

#include "mlp/activation.h"
#include "mlp/noise.h"
#include "mlp/norm.h"

/* ---- room ---------------------------------------------------------------------- */

static void layer_layout(struct pass_layer *b, const struct layer *l, size_t rows,
                         struct arena *arena)
{
    size_t wide = l->n_z * sizeof(mlp_real), narrow = l->n_out * sizeof(mlp_real);
    bool behind = l->dropout > 0 || l->noise > 0 || l->residual;

    b->z = arena_take(arena, rows, wide);
    b->y = l->norm != MLP_NORM_NONE ? arena_take(arena, rows, wide) : b->z;
    b->h = activation_keeps_z(l->activation) ? arena_take(arena, rows, narrow) : b->y;
    b->a = behind ? arena_take(arena, rows, narrow) : b->h;
    b->mask = l->dropout > 0 ? arena_take(arena, rows, narrow) : NULL;
    b->delta = arena_take(arena, rows, wide);
    b->mean = l->norm == MLP_NORM_BATCH ? arena_take(arena, l->n_z, sizeof(mlp_real)) : NULL;
    b->scale = l->norm == MLP_NORM_LAYER   ? arena_take(arena, rows, sizeof(mlp_real))
               : l->norm == MLP_NORM_BATCH ? arena_take(arena, l->n_z, sizeof(mlp_real))
                                           : NULL;
}

void pass_layout(struct pass *p, const struct mlp_spec *spec, size_t max_rows, bool training,
                 struct arena *arena)
{
    size_t widest = net_spec_widest(spec), row_bytes = widest * sizeof(mlp_real);
    size_t max_in = spec->n_inputs > widest ? spec->n_inputs : widest;
    size_t input_bytes = spec->n_inputs * sizeof(mlp_real);
    bool own_input = spec->input_scale || (training && (spec->input_dropout > 0 ||
                                                        spec->input_noise > 0));
    bool turns = !training;
    size_t summed = training && spec->input_scale ? spec->n_inputs : 0, skipped = 0;

    *p = (struct pass){.max_rows = max_rows,
                       .n_layers = spec->n_hidden + 1,
                       .training = training,
                       .share = 0.1};
    gemm_layout(&p->gemm,
                &(struct gemm_size){.n_layers = p->n_layers,
                                    .max_in = max_in,
                                    .max_out = widest,
                                    .max_rows = max_rows,
                                    .training = training},
                arena);
    for (size_t k = 0; k < p->n_layers && training; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        layer_layout(&p->layer[k], &l, max_rows, arena);
        turns = turns || l.pieces > 1;
        skipped = l.residual && l.n_out > skipped ? l.n_out : skipped;
        summed = l.norm != MLP_NORM_NONE && l.n_z > summed ? l.n_z : summed;
    }
    if (summed > 0) {
        p->partial = arena_take(arena, norm_chunks(max_rows), 2 * summed * sizeof(mlp_real));
    }
    if (skipped > 0) {
        p->skip = arena_take(arena, max_rows, skipped * sizeof(mlp_real));
    }
    if (own_input) {
        p->input = arena_take(arena, max_rows, input_bytes);
    }
    if (training && spec->input_dropout > 0) {
        p->input_mask = arena_take(arena, max_rows, input_bytes);
    }
    if (training && spec->input_scale) {
        p->input_delta = arena_take(arena, max_rows, input_bytes);
    }
    for (int i = 0; i < 2 && turns; i++) {
        p->turn[i] = arena_take(arena, max_rows, row_bytes);
    }
    p->row_loss = arena_take(arena, max_rows, sizeof(*p->row_loss));
    p->row_hit = arena_take(arena, max_rows, sizeof(*p->row_hit));
}

enum mlp_status pass_init(struct pass *p, const struct mlp_net *net)
{
    return gemm_init(&p->gemm, net->kernel);
}

void pass_fini(struct pass *p)
{
    gemm_fini(&p->gemm);
}

static const mlp_real *param(const struct mlp_net *net, size_t offset)
{
    return offset != NET_NONE ? net->params + offset : NULL;
}

/* ---- prediction ------------------------------------------------------------------- */

static void add_offset(const mlp_real *offset, size_t rows, size_t cols, mlp_real *z)
{
    for (size_t i = 0; offset != NULL && i < rows; i++) {
        for (size_t j = 0; j < cols; j++) {
            z[i * cols + j] += offset[i];
        }
    }
}

enum mlp_status pass_predict(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                             const mlp_real *offset, size_t rows, mlp_real *out, mlp_real **z_out)
{
    const mlp_real *a = noise_scale_input(p, net, x, rows);
    mlp_real *z = NULL;

    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];
        const mlp_real *W = param(net, l->weights), *b = param(net, l->bias);
        bool last = k + 1 == net->n_layers;

        z = last && out != NULL ? out : p->training ? p->layer[k].z : p->turn[k % 2];
        /* z_k = a_{k-1} W_k + b_k */
        enum mlp_status status =
            gemm_predict(&p->gemm, (struct gemm_shape){k, rows, l->n_in, l->n_z}, a, W, b, z);
        if (status != MLP_OK) {
            return status;
        }
        norm_predict(net, l, z, rows);
        activation_forward(net, l, z, rows, z);
        if (l->residual) {
            net->kernel->add(a, z, rows * l->n_out);
        }
        a = z;
    }
    add_offset(offset, rows, net->spec.n_outputs, z);
    if (z_out != NULL) {
        *z_out = z;
    }
    return MLP_OK;
}

enum mlp_status pass_score(struct pass *p, const struct mlp_net *net, const struct mlp_data *data,
                           struct mlp_score *out)
{
    double loss = 0, hits = 0, weight = 0;

    for (size_t i = 0; i < data->rows; i += p->max_rows) {
        size_t rows = data->rows - i < p->max_rows ? data->rows - i : p->max_rows;
        const struct mlp_data slice = loss_slice(&net->spec, data, i, rows);
        struct loss_rows r = {&slice, NULL, p->row_loss, p->row_hit};
        enum mlp_status status =
            pass_predict(p, net, slice.x, slice.offset, rows, NULL, &r.z);

        if (status != MLP_OK) {
            return status;
        }
        loss_measure(net, &r);
        loss_sum(&slice, p->row_loss, &loss);
        for (size_t j = 0; j < rows; j++) {
            double w = slice.weights != NULL ? (double)slice.weights[j] : 1;

            weight += w;
            hits += p->row_hit[j] ? w : 0;
        }
    }
    out->loss = loss / weight;
    out->accuracy = loss_of_classes(net->spec.loss) ? hits / weight : NAN;
    return MLP_OK;
}

/* ---- phase one: rows to the loss, and back ------------------------------------------- */

static enum mlp_status forward_layer(struct pass *p, struct mlp_net *net, size_t k,
                                     const mlp_real *a, const struct pass_moment *moment,
                                     size_t rows)
{
    const struct layer *l = &net->layers[k];
    struct pass_layer *at = &p->layer[k];
    const mlp_real *W = param(net, l->weights), *b = param(net, l->bias);

    /* z_k = a_{k-1} W_k + b_k */
    enum mlp_status status =
        gemm_forward(&p->gemm, (struct gemm_shape){k, rows, l->n_in, l->n_z}, a, W, b, at->z);
    if (status != MLP_OK) {
        return status;
    }
    norm_measure(p, net, k, 0, rows);
    norm_settle(p, net, k, rows);
    norm_apply(p, net, k, 0, rows); /* y_k = norm_k(z_k) */
    activation_forward(net, l, at->y, rows, at->h); /* h_k = f_k(y_k) */
    noise_apply(p, net, k, moment, a, 0, rows); /* a_k = dropped(h_k + noise), + a_{k-1} */
    return MLP_OK;
}

/* Where dL/da_k is put: where dL/dz_k will be, or aside if that is wider. Two layers in a row use
 * different places. */
static mlp_real *incoming(const struct pass *p, const struct mlp_net *net, size_t k)
{
    return net->layers[k].pieces > 1 ? p->turn[k % 2] : p->layer[k].delta;
}

/* incoming(k) holds dL/da_k and p->layer[k].delta becomes dL/dz_k; then dL/da_{k-1} is made. */
static enum mlp_status backward_layer(struct pass *p, const struct mlp_net *net, size_t k,
                                      size_t rows, mlp_real *gradient)
{
    const struct layer *l = &net->layers[k];
    struct pass_layer *at = &p->layer[k];
    mlp_real *in = incoming(p, net, k);
    mlp_real *before = k > 0 ? incoming(p, net, k - 1) : p->input_delta; /* dL/da_{k-1} */

    if (l->residual && before != NULL) {
        memcpy(p->skip, in, rows * l->n_out * sizeof(*in));
    }
    noise_back(p, net, k, in, 0, rows);                             /* dL/dh_k */
    activation_backward(net, l, at->y, at->h, in, rows, at->delta); /* dL/dy_k */
    norm_back_measure(p, net, k, 0, rows);
    norm_back_settle(p, net, k, rows, gradient);
    norm_back_apply(p, net, k, 0, rows); /* dL/dz_k */
    if (before == NULL) {
        return MLP_OK; /* nobody asks for dL/dx */
    }
    /* dL/da_{k-1} = delta_k W_k^T, + dL/da_k */
    enum mlp_status status =
        gemm_back_delta(&p->gemm, (struct gemm_shape){k, rows, l->n_in, l->n_z}, at->delta,
                        param(net, l->weights), before);

    if (l->residual && status == MLP_OK) {
        net->kernel->add(p->skip, before, rows * l->n_out);
    }
    return status;
}

/* ---- phase two: gradients ------------------------------------------------------------- */

/* dL/dW_k = a_{k-1}^T delta_k    dL/db_k = sum over rows of delta_k */
static enum mlp_status layer_gradient(struct pass *p, const struct mlp_net *net, size_t k,
                                      const mlp_real *a, size_t rows, mlp_real *gradient)
{
    const struct layer *l = &net->layers[k];
    const mlp_real *delta = p->layer[k].delta;

    if (l->bias != NET_NONE) {
        net->kernel->column_sums(delta, rows, l->n_z, gradient + l->bias);
    }
    activation_gradient(net, l, p->layer[k].y, rows, gradient);
    const struct gemm_shape shape = {k, rows, l->n_in, l->n_z};
    enum mlp_status status = MLP_OK;

    gemm_new_batch(&p->gemm);
    for (size_t i = 0, n = gemm_piece(&p->gemm, shape); i < l->n_in && status == MLP_OK; i += n) {
        status = gemm_back_weights(&p->gemm, shape, i, n < l->n_in - i ? n : l->n_in - i, a, delta,
                                   gradient + l->weights + i * l->n_z);
    }
    return status;
}

static enum mlp_status forward(struct pass *p, struct mlp_net *net, const mlp_real *input,
                               const struct pass_moment *moment, size_t rows)
{
    enum mlp_status status = MLP_OK;

    for (size_t k = 0; k < net->n_layers && status == MLP_OK; k++) {
        status = forward_layer(p, net, k, k > 0 ? p->layer[k - 1].a : input, moment, rows);
    }
    return status;
}

enum mlp_status pass_statistics(struct pass *p, struct mlp_net *net, const struct mlp_data *batch,
                                const struct pass_moment *moment, double share)
{
    double usual = p->share;

    p->share = share;
    enum mlp_status status =
        forward(p, net, noise_input(p, net, moment, batch->x, batch->rows), moment, batch->rows);
    p->share = usual;
    return status;
}

enum mlp_status pass_gradient(struct pass *p, struct mlp_net *net, const struct mlp_data *batch,
                              const struct pass_moment *moment, double smoothing,
                              mlp_real *gradient, double *loss)
{
    size_t rows = batch->rows, last = net->n_layers - 1;
    const mlp_real *input = noise_input(p, net, moment, batch->x, rows);
    enum mlp_status status = forward(p, net, input, moment, rows);

    if (status != MLP_OK) {
        return status;
    }
    add_offset(batch->offset, rows, net->spec.n_outputs, p->layer[last].z);
    /* delta = dL/dz of the last layer */
    struct loss_rows r = {batch, p->layer[last].delta, p->row_loss, NULL};

    memcpy(r.z, p->layer[last].z, rows * net->spec.n_outputs * sizeof(*r.z));
    loss_gradient(net, &r, moment->rows > 0 ? moment->rows : rows, (mlp_real)smoothing);
    *loss = 0;
    loss_sum(batch, p->row_loss, loss);
    *loss /= (double)rows;

    for (size_t k = net->n_layers; k-- > 0 && status == MLP_OK;) {
        status = backward_layer(p, net, k, rows, gradient);
    }
    if (net->input_scale != NET_NONE && status == MLP_OK) {
        noise_scale_gradient(p, net, batch->x, rows, gradient);
    }
    for (size_t k = 0; k < net->n_layers && status == MLP_OK; k++) {
        status = layer_gradient(p, net, k, k > 0 ? p->layer[k - 1].a : input, rows, gradient);
    }
    return status;
}
