/* Training's two phases: the mathematics of mlp.h, in its order.
 *
 * Phase one takes slices of rows from x to the loss and back, phase two makes the gradient piece
 * by piece; between them everybody waits. Helpers take slices and pieces of their own, so nothing
 * is written by two. Stages that sum over rows (norms, the input scale) take all rows in one slice.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "mlp/activation.h"
#include "mlp/embedding.h"
#include "mlp/noise.h"
#include "mlp/norm.h"
#include "mlp/pass_priv.h"

/* One batch on its way. */
struct step {
    struct pass *p;
    struct mlp_net *net;
    const struct mlp_data *batch;
    const struct pass_fill *fill; /* NULL: filled already */
    const struct pass_fill *ahead;
    const uint32_t *at; /* row i of the input is its row at[i]; NULL: they lie side by side */
    const struct pass_moment *moment;
    double smoothing;
    mlp_real *gradient;
    const struct pass_update *update; /* NULL: the gradient is wanted as a whole */
    const mlp_real *input;            /* of the first layer, all rows */
    size_t helpers, slice;
    size_t tables;   /* pieces of tables, which come first, */
    size_t pieces;   /* and of all layers' weights, and one a layer for the rest of it */
    atomic_size_t next;
    enum mlp_status status[PASS_MAX_THREADS];
};

/* ---- phase one: rows to the loss, and back ------------------------------------------- */

static enum mlp_status forward_layer(struct step *s, struct gemm_ctx *gemm, size_t k, size_t first,
                                     size_t rows)
{
    struct pass *p = s->p;
    struct mlp_net *net = s->net;
    const struct layer *l = &net->layers[k];
    struct pass_layer *at = &p->layer[k];
    const mlp_real *before = k > 0 ? p->layer[k - 1].a : s->input;
    const uint32_t *at_rows = k == 0 && s->at != NULL ? s->at + first : NULL;

    /* z_k = a_{k-1} W_k + b_k */
    enum mlp_status status =
        gemm_forward(gemm, (struct gemm_shape){k, rows, l->n_in, l->n_z, at_rows},
                     at_rows != NULL ? before : before + first * l->n_in,
                     pass_param(net, l->weights), pass_param(net, l->bias),
                     at->z + first * l->n_z);
    if (status != MLP_OK) {
        return status;
    }
    norm_measure(p, net, k, first, rows);
    norm_settle(p, net, k, rows);
    norm_apply(p, net, k, first, rows); /* y_k = norm_k(z_k) */
    activation_forward(net, l, at->y + first * l->n_z, rows,
                       at->h + first * l->n_out);            /* h_k = f_k(y_k) */
    /* a_k = dropped(h_k + noise), + a_{k-1} */
    noise_apply(p, net, k, s->moment, before, first, rows);
    return MLP_OK;
}

/* Where dL/da_0 of rows from `first` on is put; NULL: nobody asks for it. */
static mlp_real *into_input(const struct pass *p, const struct mlp_net *net, size_t first)
{
    size_t stride = net->layers[0].n_in - p->delta_from;

    return p->input_delta != NULL ? p->input_delta + first * stride : NULL;
}

/* Where dL/da_k of rows from `first` on is put: where dL/dz_k will be, or aside if that is wider.
 * Two layers in a row use different places, two slices too. */
static mlp_real *incoming(const struct pass *p, const struct mlp_net *net, size_t k, size_t first)
{
    const struct layer *l = &net->layers[k];

    return l->pieces > 1 ? p->turn[k % 2] + first * p->widest
                         : p->layer[k].delta + first * l->n_out;
}

/* incoming(k) holds dL/da_k and p->layer[k].delta becomes dL/dz_k; then dL/da_{k-1} is made. */
static enum mlp_status backward_layer(struct step *s, struct gemm_ctx *gemm, size_t k,
                                      size_t first, size_t rows)
{
    struct pass *p = s->p;
    struct mlp_net *net = s->net;
    const struct layer *l = &net->layers[k];
    struct pass_layer *at = &p->layer[k];
    mlp_real *in = incoming(p, net, k, first);
    mlp_real *before = k > 0 ? incoming(p, net, k - 1, first) : into_input(p, net, first);
    size_t from = k > 0 ? 0 : p->delta_from; /* columns of dL/da_{k-1} that are left out */
    size_t wide = first * l->n_z, narrow = first * l->n_out;

    if (l->residual && before != NULL) {
        memcpy(p->skip + narrow, in, rows * l->n_out * sizeof(*in));
    }
    noise_back(p, net, k, in - narrow, first, rows); /* dL/dh_k */
    activation_backward(net, l, at->y + wide, at->h + narrow, in, rows,
                        at->delta + wide); /* dL/dy_k */
    norm_back_measure(p, net, k, first, rows);
    norm_back_settle(p, net, k, rows, s->gradient);
    norm_back_apply(p, net, k, first, rows); /* dL/dz_k */
    if (before == NULL) {
        return MLP_OK; /* nobody asks for dL/dx */
    }
    /* dL/da_{k-1} = delta_k W_k^T, + dL/da_k */
    enum mlp_status status =
        gemm_back_delta(gemm, (struct gemm_shape){k, rows, l->n_in - from, l->n_z, NULL},
                        at->delta + wide, pass_param(net, l->weights + from * l->n_z), before);

    if (l->residual && status == MLP_OK) {
        net->kernel->add(p->skip + narrow, before, rows * l->n_out);
    }
    return status;
}

static void look_ahead(const struct step *s, size_t first, size_t part)
{
    if (s->ahead != NULL && first == 0) {
        s->ahead->ahead(s->ahead->arg, part, 2 * s->net->n_layers);
    }
}

static enum mlp_status forward(struct step *s, struct gemm_ctx *gemm, size_t first, size_t rows)
{
    enum mlp_status status = MLP_OK;

    for (size_t k = 0; k < s->net->n_layers && status == MLP_OK; k++) {
        look_ahead(s, first, k);
        status = forward_layer(s, gemm, k, first, rows);
    }
    return status;
}

/* The row losses, and delta = dL/dz of the last layer. */
static void last_delta(struct step *s, size_t first, size_t rows)
{
    const struct pass_layer *last = &s->p->layer[s->net->n_layers - 1];
    const struct mlp_data truth = loss_slice(&s->net->spec, s->batch, first, rows);
    size_t cols = s->net->spec.n_outputs, divisor = s->moment->rows;
    struct loss_rows r = {&truth, last->delta + first * cols, s->p->row_loss + first, NULL};

    pass_add_offset(truth.offset, rows, cols, last->z + first * cols);
    memcpy(r.z, last->z + first * cols, rows * cols * sizeof(*r.z));
    loss_gradient(s->net, &r, divisor > 0 ? divisor : s->batch->rows, (mlp_real)s->smoothing);
}

static void row_phase(void *arg, size_t helper)
{
    struct step *s = arg;
    struct gemm_ctx *gemm = &s->p->helper[helper].gemm;
    size_t first = helper * s->slice, rows = pass_slice_rows(s->batch->rows, s->slice, helper);

    if (rows > 0 && s->fill != NULL) {
        s->fill->rows(s->fill->arg, first, rows, s->at == NULL);
    }
    s->status[helper] = rows > 0 ? forward(s, gemm, first, rows) : MLP_OK;
    if (rows == 0 || s->status[helper] != MLP_OK) {
        return;
    }
    last_delta(s, first, rows);
    for (size_t k = s->net->n_layers; k-- > 0 && s->status[helper] == MLP_OK;) {
        look_ahead(s, first, s->net->n_layers + k);
        s->status[helper] = backward_layer(s, gemm, k, first, rows);
    }
}

/* ---- phase two: gradients ------------------------------------------------------------- */

static size_t layer_pieces(const struct step *s, size_t k, struct gemm_shape *shape, size_t *piece)
{
    const struct layer *l = &s->net->layers[k];

    *shape = (struct gemm_shape){k, s->batch->rows, l->n_in, l->n_z, k == 0 ? s->at : NULL};
    *piece = gemm_piece(&s->p->helper[0].gemm, *shape, s->helpers);
    return (l->n_in + *piece - 1) / *piece;
}

static void use_range(const struct step *s, const mlp_real *gradient, size_t offset, size_t length)
{
    if (s->update != NULL && length > 0) {
        s->update->range(s->update->arg, gradient, offset, length);
    }
}

/* What a layer has beside weights; norms' gradients were made in phase one. */
static void rest_of_layer(const struct step *s, size_t k)
{
    const struct mlp_net *net = s->net;
    const struct layer *l = &net->layers[k];
    const struct pass_layer *at = &s->p->layer[k];
    size_t from = l->weights + l->n_in * l->n_z;
    size_t to = k + 1 < net->n_layers ? net->layers[k + 1].weights : net->n_params;

    if (l->bias != NET_NONE) { /* dL/db_k = sum over rows of delta_k */
        net->kernel->column_sums(at->delta, s->batch->rows, l->n_z, s->gradient + l->bias);
    }
    activation_gradient(net, l, at->y, s->batch->rows, s->gradient);
    use_range(s, s->gradient + from, from, to - from);
    if (k == 0 && net->input_scale != NET_NONE) {
        use_range(s, s->gradient + net->input_scale, net->input_scale, l->n_in);
    }
}

/* Some rows of dL/dW_k = a_{k-1}^T delta_k */
static enum mlp_status weights_piece(const struct step *s, struct pass_helper *h,
                                     struct gemm_shape shape, size_t first, size_t count)
{
    const struct layer *l = &s->net->layers[shape.layer];
    const struct pass *p = s->p;
    size_t offset = l->weights + first * l->n_z, length = count * l->n_z;
    bool aside = s->update != NULL && length <= PASS_PIECE;
    mlp_real *dw = aside ? h->piece : s->gradient + offset;
    enum mlp_status status =
        gemm_back_weights(&h->gemm, shape, first, count,
                          shape.layer > 0 ? p->layer[shape.layer - 1].a : s->input,
                          p->layer[shape.layer].delta, dw);

    if (status == MLP_OK) {
        use_range(s, dw, offset, length);
    }
    return status;
}

/* Some levels of a table. */
static void table_piece(const struct step *s, struct pass_helper *h, size_t i)
{
    const struct embedding_piece piece = embedding_piece(s->net, i);
    size_t offset = piece.table->offset + piece.first * piece.table->width;
    mlp_real *dw = s->update != NULL ? h->piece : s->gradient + offset;

    embedding_gradient(s->p, s->net, &piece, s->batch->rows, dw);
    use_range(s, dw, offset, piece.count * piece.table->width);
}

static enum mlp_status run_piece(const struct step *s, struct pass_helper *h, size_t i)
{
    size_t k = 0, piece = 0, n = 0;
    struct gemm_shape shape;

    if (i < s->tables) {
        table_piece(s, h, i);
        return MLP_OK;
    }
    i -= s->tables;
    while (i > (n = layer_pieces(s, k, &shape, &piece))) {
        i -= n + 1;
        k++;
    }
    if (i == n) {
        rest_of_layer(s, k);
        return MLP_OK;
    }
    size_t first = i * piece, left = shape.in - first;

    return weights_piece(s, h, shape, first, left < piece ? left : piece);
}

static void gradient_phase(void *arg, size_t helper)
{
    struct step *s = arg;
    struct pass_helper *h = &s->p->helper[helper];
    size_t i = 0;

    gemm_new_batch(&h->gemm);
    s->status[helper] = MLP_OK;
    while (s->status[helper] == MLP_OK && (i = atomic_fetch_add(&s->next, 1)) < s->pieces) {
        s->status[helper] = run_piece(s, h, i);
    }
}

/* ---- both ------------------------------------------------------------------------------ */

static enum mlp_status share(struct step *s, size_t helpers, void (*work)(void *job, size_t helper))
{
    pass_share(s->p, helpers, work, s);
    for (size_t i = 0; i < helpers; i++) {
        if (s->status[i] != MLP_OK) {
            return s->status[i];
        }
    }
    return MLP_OK;
}

static bool sums_rows(const struct mlp_net *net)
{
    bool sums = net->input_scale != NET_NONE;

    for (size_t k = 0; k < net->n_layers; k++) {
        sums = sums || net->layers[k].norm != MLP_NORM_NONE;
    }
    return sums;
}

/* Inputs that the first layer's products alone ask for need not be brought: they are packed from
 * wherever they are. */
static void use_in_place(struct step *s)
{
    const struct layer *l = &s->net->layers[0];

    if (s->fill != NULL && s->fill->at != NULL && !l->residual &&
        gemm_gathers(&s->p->helper[0].gemm, l->n_in, l->n_z)) {
        s->at = s->fill->at;
        s->input = s->fill->x;
    }
}

enum mlp_status pass_step(struct pass *p, struct mlp_net *net, const struct mlp_data *batch,
                          const struct pass_fill *fill, const struct pass_moment *moment,
                          double smoothing, mlp_real *gradient, double *loss,
                          const struct pass_update *update)
{
    size_t rows = batch->rows, helpers = pass_helpers(p, net, rows);
    size_t row_helpers = sums_rows(net) ? 1 : helpers, piece = 0;
    struct gemm_shape shape;

    const struct pass_fill *ahead = fill;
    const mlp_real *embedded = NULL;

    if (fill != NULL && p->input != NULL) { /* a stage of the input wants all rows */
        fill->rows(fill->arg, 0, rows, true);
        fill = NULL;
    }
    enum mlp_status status = embedding_rows(p, net, batch->x, rows, &embedded);

    if (status != MLP_OK) {
        return status;
    }
    struct step s = {.p = p,
                     .net = net,
                     .batch = batch,
                     .fill = fill,
                     .ahead = ahead,
                     .moment = moment,
                     .smoothing = smoothing,
                     .gradient = gradient,
                     .update = update,
                     .input = noise_input(p, net, moment, embedded, rows),
                     .helpers = helpers,
                     .slice = pass_slice(rows, row_helpers)};

    use_in_place(&s);
    status = share(&s, row_helpers, row_phase);
    if (status != MLP_OK) {
        return status;
    }
    *loss = 0;
    loss_sum(batch, p->row_loss, loss);
    *loss /= (double)rows;
    if (p->input_delta != NULL) {
        noise_input_back(p, net, embedded, rows, gradient);
    }
    if (update != NULL && !update->begin(update->arg, *loss)) {
        return MLP_OK;
    }
    s.tables = s.pieces = embedding_pieces(net);
    for (size_t k = 0; k < net->n_layers; k++) {
        s.pieces += layer_pieces(&s, k, &shape, &piece) + 1;
    }
    return share(&s, helpers, gradient_phase);
}

enum mlp_status pass_gradient(struct pass *p, struct mlp_net *net, const struct mlp_data *batch,
                              const struct pass_moment *moment, double smoothing,
                              mlp_real *gradient, double *loss)
{
    return pass_step(p, net, batch, NULL, moment, smoothing, gradient, loss, NULL);
}

enum mlp_status pass_statistics(struct pass *p, struct mlp_net *net, const struct mlp_data *batch,
                                const struct pass_moment *moment, double share_of_batch)
{
    const mlp_real *embedded = NULL;
    enum mlp_status status = embedding_rows(p, net, batch->x, batch->rows, &embedded);

    if (status != MLP_OK) {
        return status;
    }
    struct step s = {.p = p,
                     .net = net,
                     .batch = batch,
                     .moment = moment,
                     .input = noise_input(p, net, moment, embedded, batch->rows)};
    double usual = p->share;

    p->share = share_of_batch;
    status = forward(&s, &p->helper[0].gemm, 0, batch->rows);
    p->share = usual;
    return status;
}
