/* The trace of one row; see mlp_trace.h.
 *
 * The formulas are those of pass.c and pass_step.c, and what is arithmetic is theirs: products by
 * gemm_predict, norms, activations, the loss with its gradient by the same functions, so a trace's
 * output has a prediction's bits. What differs is that nothing is done in place, for everything is
 * to be looked at, and that the way back is of the function that predicts: a norm by running
 * statistics is a scale and a shift. Products on the way back are of one row, each a sum in double.
 *
 * One block of memory holds it all. Threads: any; the net is only read.
 */
#include <math.h>
#include <string.h>

#include "mlp/activation.h"
#include "mlp/embedding.h"
#include "mlp/noise.h"
#include "mlp/norm.h"
#include "mlp/pass_priv.h"

struct mlp_trace {
    struct pass pass; /* room for the input and the products */
    const struct mlp_net *net;
    struct trace_layer {
        const mlp_real *in;
        mlp_real *z, *normal, *y, *h, *a, *derivative, *delta_a, *delta_y, *delta, *dslope;
    } layer[MLP_MAX_LAYERS + 1];
    mlp_real *x, *a0, *delta0; /* [wide] */
    mlp_real *output;          /* [n_outputs] */
    mlp_real *scratch;         /* [widest] */
    double loss;
    bool judged; /* there was truth */
};

/* ---- room ------------------------------------------------------------------------- */

static void layer_layout(struct trace_layer *t, const struct layer *l, bool last,
                         struct arena *arena)
{
    const size_t one = sizeof(mlp_real);
    bool norm = l->norm != MLP_NORM_NONE;

    t->z = arena_take(arena, l->n_z, one);
    t->normal = norm ? arena_take(arena, l->n_z, one) : NULL;
    t->y = norm ? arena_take(arena, l->n_z, one) : t->z;
    t->h = arena_take(arena, l->n_out, one);
    t->a = l->residual || last ? arena_take(arena, l->n_out, one) : t->h;
    t->derivative = arena_take(arena, l->n_z, one);
    t->delta_a = arena_take(arena, l->n_out, one);
    t->delta_y = arena_take(arena, l->n_z, one);
    t->delta = norm ? arena_take(arena, l->n_z, one) : t->delta_y;
    t->dslope = l->activation == MLP_PRELU ? arena_take(arena, l->n_out, one) : NULL;
}

static struct mlp_trace *layout(struct mlp_trace *t, const struct mlp_spec *spec,
                                struct arena *arena)
{
    struct mlp_trace *head = arena_take(arena, 1, sizeof(*head));
    size_t wide = mlp_spec_width(spec);

    *t = (struct mlp_trace){.judged = false, .loss = NAN};
    pass_layout(&t->pass, spec, 1, false, arena);
    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        layer_layout(&t->layer[k], &l, k == spec->n_hidden, arena);
    }
    t->x = arena_take(arena, wide, sizeof(mlp_real));
    t->a0 = arena_take(arena, wide, sizeof(mlp_real));
    t->delta0 = arena_take(arena, wide, sizeof(mlp_real));
    t->output = arena_take(arena, spec->n_outputs, sizeof(mlp_real));
    t->scratch = arena_take(arena, net_spec_widest(spec), sizeof(mlp_real));
    return head;
}

void mlp_trace_free(struct mlp_trace **trace)
{
    if (trace != NULL && *trace != NULL) {
        pass_fini(&(*trace)->pass);
        free(*trace);
        *trace = NULL;
    }
}

/* ---- forward ------------------------------------------------------------------------ */

/* z^ and y, as a prediction has y. */
static void normalise(const struct mlp_net *net, const struct layer *l, struct trace_layer *t)
{
    memcpy(t->normal, t->z, l->n_z * sizeof(*t->normal));
    if (l->norm == MLP_NORM_LAYER) {
        net->kernel->row_norm(&(struct kernel_norm){.rows = 1,
                                                    .cols = l->n_z,
                                                    .stride = l->n_z,
                                                    .gain = net->params + l->gain,
                                                    .shift = net->params + l->shift,
                                                    .z = t->normal,
                                                    .y = t->y});
        return;
    }
    memcpy(t->y, t->z, l->n_z * sizeof(*t->y));
    norm_predict(net, l, t->y, 1);
    for (size_t j = 0; j < l->n_z; j++) {
        double away = (double)t->z[j] - (double)net->params[l->mean + j];

        t->normal[j] = (mlp_real)(away / sqrt((double)net->params[l->variance + j] + NORM_EPSILON));
    }
}

/* f'(y): the backward pass of ones. */
static void derive(struct mlp_trace *t, const struct layer *l, struct trace_layer *at)
{
    mlp_real *ones = l->pieces > 1 ? t->scratch : at->derivative;

    for (size_t j = 0; j < l->n_out; j++) {
        ones[j] = 1;
    }
    if (l->slope != NET_NONE) { /* it would leave something else in y */
        memcpy(t->scratch, at->y, l->n_z * sizeof(*t->scratch));
    }
    activation_backward(t->net, l, l->slope != NET_NONE ? t->scratch : at->y, at->h, ones, 1,
                        at->derivative);
}

static enum mlp_status forward(struct mlp_trace *t, const mlp_real *offset)
{
    const struct mlp_net *net = t->net;

    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];
        struct trace_layer *at = &t->layer[k];

        at->in = k > 0 ? t->layer[k - 1].a : t->a0;
        enum mlp_status status =
            gemm_predict(&t->pass.helper[0].gemm, (struct gemm_shape){k, 1, l->n_in, l->n_z, NULL},
                         at->in, pass_param(net, l->weights), pass_param(net, l->bias), at->z);

        if (status != MLP_OK) {
            return status;
        }
        if (l->norm != MLP_NORM_NONE) {
            normalise(net, l, at);
        }
        activation_forward(net, l, at->y, 1, at->h);
        derive(t, l, at);
        if (at->a != at->h) {
            memcpy(at->a, at->h, l->n_out * sizeof(*at->a));
        }
        if (l->residual) {
            net->kernel->add(at->in, at->a, l->n_out);
        }
    }
    mlp_real *last = t->layer[net->n_layers - 1].a;

    pass_add_offset(offset, 1, net->spec.n_outputs, last);
    memcpy(t->output, last, net->spec.n_outputs * sizeof(*last));
    loss_output(net, t->output, 1);
    return MLP_OK;
}

/* ---- back ---------------------------------------------------------------------------- */

/* The last layer's dl/da, and the loss. */
static void begin_back(struct mlp_trace *t, const struct mlp_data *row)
{
    const struct mlp_net *net = t->net;
    struct trace_layer *last = &t->layer[net->n_layers - 1];
    struct loss_rows r = {row, last->delta_a, &t->loss, NULL};

    memcpy(last->delta_a, last->a, net->spec.n_outputs * sizeof(*last->a));
    loss_gradient(net, &r, 1, 0);
}

/* delta_y = delta_a f'(y), and through the norm. */
static void back_to_z(struct mlp_trace *t, const struct layer *l, struct trace_layer *at)
{
    const struct mlp_net *net = t->net;

    for (size_t c = 0; c < l->n_z; c++) {
        at->delta_y[c] = at->delta_a[c % l->n_out] * at->derivative[c];
    }
    for (size_t j = 0; at->dslope != NULL && j < l->n_out; j++) {
        at->dslope[j] = at->y[j] > 0 ? 0 : at->delta_a[j] * at->y[j];
    }
    if (l->norm == MLP_NORM_BATCH) {
        for (size_t c = 0; c < l->n_z; c++) {
            double deviation = sqrt((double)net->params[l->variance + c] + NORM_EPSILON);

            at->delta[c] =
                (mlp_real)((double)at->delta_y[c] * (double)net->params[l->gain + c] / deviation);
        }
    } else if (l->norm == MLP_NORM_LAYER) {
        mlp_real scale = 0;

        memcpy(t->scratch, at->z, l->n_z * sizeof(*t->scratch));
        memcpy(at->delta, at->delta_y, l->n_z * sizeof(*at->delta));
        struct kernel_norm n = {.rows = 1,
                                .cols = l->n_z,
                                .stride = l->n_z,
                                .gain = net->params + l->gain,
                                .shift = net->params + l->shift,
                                .z = t->scratch,
                                .y = t->scratch,
                                .scale = &scale};

        net->kernel->row_norm(&n); /* for its scale */
        n.z = at->normal;
        n.delta = at->delta;
        net->kernel->row_norm_back(&n);
    }
}

/* dl/din = delta W^T, + dl/da */
static void back_to_input(const struct mlp_net *net, const struct layer *l,
                          const struct trace_layer *at, mlp_real *before)
{
    const mlp_real *w = net->params + l->weights;

    for (size_t i = 0; i < l->n_in; i++, w += l->n_z) {
        double sum = net->kernel->dot(w, at->delta, l->n_z);

        before[i] = (mlp_real)(l->residual ? sum + (double)at->delta_a[i] : sum);
    }
}

static void back(struct mlp_trace *t, const struct mlp_data *row)
{
    const struct mlp_net *net = t->net;

    begin_back(t, row);
    for (size_t k = net->n_layers; k-- > 0;) {
        back_to_z(t, &net->layers[k], &t->layer[k]);
        back_to_input(net, &net->layers[k], &t->layer[k],
                      k > 0 ? t->layer[k - 1].delta_a : t->delta0);
    }
    t->judged = true;
}

/* ---- both ------------------------------------------------------------------------------ */

static enum mlp_status run(struct mlp_trace *t, const struct mlp_data *row)
{
    const struct mlp_net *net = t->net;
    size_t bytes = net->layers[0].n_in * sizeof(*t->x);
    const mlp_real *a = NULL;
    enum mlp_status status = pass_init(&t->pass, net);

    if (status == MLP_OK) {
        status = embedding_rows(&t->pass, net, row->x, 1, &a);
    }
    if (status != MLP_OK) {
        return status;
    }
    memcpy(t->x, a, bytes);
    memcpy(t->a0, noise_scale_input(&t->pass, net, a, 1), bytes);
    status = forward(t, row->offset);
    if (status == MLP_OK && (row->labels != NULL || row->targets != NULL)) {
        back(t, row);
    }
    return status;
}

enum mlp_status mlp_trace_new(const struct mlp_net *net, const struct mlp_data *row,
                              struct mlp_trace **out)
{
    bool judged = row->labels != NULL || row->targets != NULL;
    struct arena arena = {0};
    struct mlp_trace room;

    if (row->rows != 1 || (judged && !loss_data_fits(&net->spec, row))) {
        return MLP_E_ARGUMENT;
    }
    (void)layout(&room, &net->spec, &arena);
    enum mlp_status status = arena_begin(&arena);

    if (status != MLP_OK) {
        return status;
    }
    struct mlp_trace *t = layout(&room, &net->spec, &arena);

    *t = room;
    t->net = net;
    status = run(t, row);
    if (status != MLP_OK) {
        mlp_trace_free(&t);
        return status;
    }
    *out = t;
    return MLP_OK;
}

void mlp_trace_layer(const struct mlp_trace *trace, size_t k, struct mlp_trace_layer *out)
{
    const struct trace_layer *t = &trace->layer[k];

    *out = (struct mlp_trace_layer){.in = t->in,
                                    .z = t->z,
                                    .normal = t->normal,
                                    .y = t->y,
                                    .h = t->h,
                                    .a = t->a,
                                    .derivative = t->derivative};
    if (trace->judged) {
        out->delta_a = t->delta_a;
        out->delta_y = t->delta_y;
        out->delta = t->delta;
        out->dslope = t->dslope;
    }
}

void mlp_trace_ends(const struct mlp_trace *trace, struct mlp_trace_ends *out)
{
    *out = (struct mlp_trace_ends){.x = trace->x,
                                   .delta = trace->judged ? trace->delta0 : NULL,
                                   .output = trace->output,
                                   .loss = trace->loss};
}
