/* Room for the passes, and the one that predicts; training's two phases are in pass_step.c.
 *
 * A pass works on the caller's thread in its own room, with a team's help where it was given one.
 * Stages of a layer that many networks do not have (norm, noise, dropout, residual) each are a
 * line here and a file of their own.
 */
#include "mlp/pass.h"

#include <math.h>
#include <string.h>

#include "mlp/activation.h"
#include "mlp/embedding.h"
#include "mlp/fpmode.h"
#include "mlp/noise.h"
#include "mlp/norm.h"

#include "mlp/pass_priv.h"

/* ---- room ---------------------------------------------------------------------- */

static size_t threads_within(size_t threads)
{
    return threads < 1 ? 1 : threads < PASS_MAX_THREADS ? threads : PASS_MAX_THREADS;
}

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

void pass_layout_team(struct pass *p, const struct mlp_spec *spec, const struct pass_size *size,
                      struct arena *arena)
{
    const size_t max_rows = size->max_rows;
    const bool training = size->training;
    size_t widest = net_spec_widest(spec), row_bytes = widest * sizeof(mlp_real);
    size_t wide = mlp_spec_width(spec), max_in = wide > widest ? wide : widest;
    size_t input_bytes = wide * sizeof(mlp_real), n_tables = spec->n_embeddings;
    bool own_input = spec->input_scale || (training && n_tables == 0 &&
                                           (spec->input_dropout > 0 || spec->input_noise > 0));
    bool turns = !training;
    size_t summed = training && spec->input_scale ? wide : 0, skipped = 0;

    *p = (struct pass){.max_rows = max_rows,
                       .n_layers = spec->n_hidden + 1,
                       .widest = widest,
                       .training = training,
                       .threads = threads_within(size->threads),
                       .share = 0.1};
    const struct gemm_size products = {.n_layers = p->n_layers,
                                       .max_in = max_in,
                                       .max_out = widest,
                                       .max_rows = max_rows,
                                       .training = training,
                                       .precision = size->precision};

    for (size_t i = 0; i < p->threads; i++) {
        gemm_layout(&p->helper[i].gemm, &products, arena);
        p->helper[i].piece = training ? arena_take(arena, PASS_PIECE, sizeof(mlp_real)) : NULL;
    }
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
    if (n_tables > 0) {
        p->embedded = arena_take(arena, max_rows, input_bytes);
        p->input = p->embedded; /* what comes behind works in place, but for the scale */
    }
    if (own_input) {
        p->input = arena_take(arena, max_rows, input_bytes);
    }
    if (training && spec->input_dropout > 0) {
        p->input_mask = arena_take(arena, max_rows, input_bytes);
    }
    if (training && n_tables > 0) {
        p->index = arena_take(arena, n_tables, max_rows * sizeof(*p->index));
        /* numbers have no use for a derivative, unless a stage goes over whole rows */
        p->delta_from = spec->input_scale || (spec->n_hidden > 0 && spec->hidden[0].residual)
                            ? 0
                            : spec->n_inputs - n_tables;
    }
    if (training && (spec->input_scale || n_tables > 0)) {
        p->input_delta =
            arena_take(arena, max_rows, input_bytes - p->delta_from * sizeof(mlp_real));
    }
    for (int i = 0; i < 2 && turns; i++) {
        p->turn[i] = arena_take(arena, max_rows, row_bytes);
    }
    p->row_loss = arena_take(arena, max_rows, sizeof(*p->row_loss));
    p->row_hit = arena_take(arena, max_rows, sizeof(*p->row_hit));
}

void pass_layout(struct pass *p, const struct mlp_spec *spec, size_t max_rows, bool training,
                 struct arena *arena)
{
    const struct pass_size size = {.max_rows = max_rows, .training = training};

    pass_layout_team(p, spec, &size, arena);
}

enum mlp_status pass_init(struct pass *p, const struct mlp_net *net)
{
    enum mlp_status status = MLP_OK;

    for (size_t i = 0; i < p->threads && status == MLP_OK; i++) {
        status = gemm_init(&p->helper[i].gemm, net->kernel);
    }
    return status;
}

void pass_fini(struct pass *p)
{
    for (size_t i = 0; i < p->threads; i++) {
        gemm_fini(&p->helper[i].gemm);
    }
}

/* ---- a team's work ------------------------------------------------------------------ */

size_t pass_helpers(const struct pass *p, const struct mlp_net *net, size_t rows)
{
    double work = 0; /* multiply-adds of one direction */

    if (p->team.parallel_for == NULL || p->threads == 1) {
        return 1;
    }
    for (size_t k = 0; k < net->n_layers; k++) {
        work += (double)net->layers[k].n_in * (double)net->layers[k].n_z;
    }
    work *= (double)rows;
    return work / PASS_WORTH < (double)p->threads ? 1 + (size_t)(work / PASS_WORTH) : p->threads;
}

size_t pass_slice(size_t rows, size_t helpers)
{
    size_t slice = (rows + helpers - 1) / helpers;

    return (slice + 15) / 16 * 16;
}

struct errand {
    void (*work)(void *job, size_t helper);
    void *job;
    unsigned mode;
};

/* With the arithmetic of the caller's thread: subnormal numbers may count as zero there. */
static void help(void *arg, size_t i)
{
    const struct errand *e = arg;
    unsigned before = fpmode_get();

    fpmode_set(e->mode);
    e->work(e->job, i);
    fpmode_set(before);
}

void pass_share(struct pass *p, size_t helpers, void (*work)(void *job, size_t helper), void *job)
{
    struct errand e = {.work = work, .job = job, .mode = fpmode_get()};

    if (helpers <= 1) {
        work(job, 0);
        return;
    }
    p->team.parallel_for(p->team.arg, helpers, help, &e);
}

/* ---- prediction ------------------------------------------------------------------- */

/* Rows [first, first + rows) of a_0, in the same rows of the pass's room; `out` is where the first
 * of them goes. */
static enum mlp_status predict_rows(struct pass *p, struct gemm_ctx *gemm,
                                    const struct mlp_net *net, const mlp_real *input,
                                    const mlp_real *offset, size_t first, size_t rows,
                                    mlp_real *out, mlp_real **z_out)
{
    const mlp_real *a = input + first * net->layers[0].n_in;
    mlp_real *z = NULL;

    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];
        mlp_real *room = p->training ? p->layer[k].z : p->turn[k % 2];

        /* in a turn rows lie as far apart as the widest layer's */
        room += first * (p->training ? l->n_z : p->widest);
        z = k + 1 == net->n_layers && out != NULL ? out : room;
        /* z_k = a_{k-1} W_k + b_k */
        enum mlp_status status =
            gemm_predict(gemm, (struct gemm_shape){k, rows, l->n_in, l->n_z, NULL}, a,
                         pass_param(net, l->weights), pass_param(net, l->bias), z);
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
    pass_add_offset(offset != NULL ? offset + first : NULL, rows, net->spec.n_outputs, z);
    *z_out = z;
    return MLP_OK;
}

enum mlp_status pass_predict(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                             const mlp_real *offset, size_t rows, mlp_real *out, mlp_real **z_out)
{
    const mlp_real *input = NULL;
    mlp_real *z = NULL;
    enum mlp_status status = embedding_rows(p, net, x, rows, &input);

    if (status == MLP_OK) {
        status = predict_rows(p, &p->helper[0].gemm, net, noise_scale_input(p, net, input, rows),
                              offset, 0, rows, out, &z);
    }
    if (z_out != NULL) {
        *z_out = z;
    }
    return status;
}

struct scoring {
    struct pass *p;
    const struct mlp_net *net;
    const struct mlp_data *data; /* at most max_rows */
    const mlp_real *input;
    size_t slice;
    enum mlp_status status[PASS_MAX_THREADS];
};

static void score_rows(void *arg, size_t helper)
{
    struct scoring *s = arg;
    struct pass *p = s->p;
    size_t first = helper * s->slice, rows = pass_slice_rows(s->data->rows, s->slice, helper);

    const struct mlp_data slice = loss_slice(&s->net->spec, s->data, first, rows);
    struct loss_rows r = {&slice, NULL, p->row_loss + first, p->row_hit + first};

    if (rows > 0) {
        s->status[helper] = predict_rows(p, &p->helper[helper].gemm, s->net, s->input,
                                         s->data->offset, first, rows, NULL, &r.z);
    }
    if (rows > 0 && s->status[helper] == MLP_OK) {
        loss_measure(s->net, &r);
    }
}

/* Row losses and hits of at most max_rows rows. */
static enum mlp_status score_block(struct pass *p, const struct mlp_net *net,
                                   const struct mlp_data *data)
{
    size_t helpers = pass_helpers(p, net, data->rows);
    const mlp_real *input = NULL;
    enum mlp_status status = embedding_rows(p, net, data->x, data->rows, &input);

    if (status != MLP_OK) {
        return status;
    }
    struct scoring s = {.p = p,
                        .net = net,
                        .data = data,
                        .input = noise_scale_input(p, net, input, data->rows),
                        .slice = pass_slice(data->rows, helpers)};

    pass_share(p, helpers, score_rows, &s);
    for (size_t i = 0; i < helpers; i++) {
        if (s.status[i] != MLP_OK) {
            return s.status[i];
        }
    }
    return MLP_OK;
}

enum mlp_status pass_score(struct pass *p, const struct mlp_net *net, const struct mlp_data *data,
                           struct mlp_score *out)
{
    double loss = 0, hits = 0, weight = 0;

    size_t most = p->max_rows;

    most = data->source != NULL && most > MLP_SOURCE_ROWS ? MLP_SOURCE_ROWS : most;
    for (size_t i = 0; i < data->rows; i += most) {
        size_t rows = data->rows - i < most ? data->rows - i : most;
        struct mlp_data some = loss_slice(&net->spec, data, i, rows);

        some.x = mlp_data_x(data, net->spec.n_inputs, i, rows);
        enum mlp_status status = some.x != NULL ? score_block(p, net, &some) : MLP_E_SOURCE;

        if (status != MLP_OK) {
            return status;
        }
        loss_sum(&some, p->row_loss, &loss);
        for (size_t j = 0; j < rows; j++) {
            double w = some.weights != NULL ? (double)some.weights[j] : 1;

            weight += w;
            hits += p->row_hit[j] ? w : 0;
        }
    }
    out->loss = loss / weight;
    out->accuracy = loss_of_classes(net->spec.loss) ? hits / weight : NAN;
    return MLP_OK;
}
