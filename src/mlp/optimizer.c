/* A step, from the summed gradient to the new parameters; the loops are in kernel_step.c, the
 * definitions in optimizer.h.
 *
 * Parameters are walked by the net's segment table, as runs of segments with equal rules: where
 * nothing special is asked the whole flat array is one run. Everything that depends on the step
 * number is computed once a step, in double. No allocation; threads as optimizer.h says.
 */
#include "mlp/optimizer.h"

#include <math.h>
#include <string.h>

/* ---- state -------------------------------------------------------------------- */

void optimizer_layout(struct optimizer *o, const struct mlp_train_spec *spec, size_t n_params,
                      struct arena *arena)
{
    enum mlp_optimizer kind = spec->optimizer;
    bool m = true, v = true;

    switch (kind) {
    case MLP_SGD:
        m = spec->momentum > 0;
        v = false;
        break;
    case MLP_RMSPROP:
        m = spec->momentum > 0;
        break;
    case MLP_LION:
        v = false;
        break;
    case MLP_ADAGRAD:
        m = false;
        break;
    case MLP_LBFGS:
        m = v = false;
        break;
    case MLP_ADAM:
    case MLP_ADAMW:
    case MLP_NADAM:
    case MLP_RADAM:
    case MLP_ADADELTA:
    case MLP_RPROP:
        break;
    }
    bool u = spec->amsgrad && (kind == MLP_ADAM || kind == MLP_ADAMW);

    *o = (struct optimizer){.spec = spec, .n_params = n_params};
    o->m = m ? arena_take(arena, n_params, sizeof(mlp_real)) : NULL;
    o->v = v ? arena_take(arena, n_params, sizeof(mlp_real)) : NULL;
    o->u = u ? arena_take(arena, n_params, sizeof(mlp_real)) : NULL;
    if (kind == MLP_LBFGS) {
        lbfgs_layout(&o->lbfgs, spec, n_params, arena);
    }
}

void optimizer_start(struct optimizer *o, size_t n_params)
{
    mlp_real *const arrays[] = {o->m, o->v, o->u};

    for (size_t i = 0; i < 3; i++) {
        if (arrays[i] != NULL) {
            memset(arrays[i], 0, n_params * sizeof(mlp_real));
        }
    }
    o->steps = 0;
    o->power1 = o->power2 = o->product = 1;
    if (o->spec->optimizer == MLP_LBFGS) {
        lbfgs_start(&o->lbfgs);
    }
}

/* What comes first in a saved state; the arrays follow. */
struct head {
    uint64_t kind, n_params, arrays, steps;
    double power1, power2, product;
};

static uint64_t arrays_of(const struct optimizer *o)
{
    return (o->m != NULL ? 1U : 0U) | (o->v != NULL ? 2U : 0U) | (o->u != NULL ? 4U : 0U);
}

size_t optimizer_state_bytes(const struct optimizer *o)
{
    size_t arrays = (o->m != NULL) + (size_t)(o->v != NULL) + (o->u != NULL);

    return sizeof(struct head) + arrays * o->n_params * sizeof(mlp_real) +
           (o->spec->optimizer == MLP_LBFGS ? lbfgs_state_bytes(&o->lbfgs) : 0);
}

void optimizer_save(const struct optimizer *o, void *out)
{
    const mlp_real *const arrays[] = {o->m, o->v, o->u};
    const struct head head = {.kind = o->spec->optimizer,
                              .n_params = o->n_params,
                              .arrays = arrays_of(o),
                              .steps = o->steps,
                              .power1 = o->power1,
                              .power2 = o->power2,
                              .product = o->product};
    unsigned char *at = out;

    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    for (size_t i = 0; i < 3; i++) {
        if (arrays[i] != NULL) {
            memcpy(at, arrays[i], o->n_params * sizeof(mlp_real));
            at += o->n_params * sizeof(mlp_real);
        }
    }
    if (o->spec->optimizer == MLP_LBFGS) {
        lbfgs_save(&o->lbfgs, at);
    }
}

static bool share(double x)
{
    return x >= 0 && x <= 1;
}

bool optimizer_load(struct optimizer *o, const void *in)
{
    mlp_real *const arrays[] = {o->m, o->v, o->u};
    const unsigned char *at = in;
    struct head head;

    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    if (head.kind != (uint64_t)o->spec->optimizer || head.n_params != o->n_params ||
        head.arrays != arrays_of(o) || !share(head.power1) || !share(head.power2) ||
        !share(head.product)) {
        return false;
    }
    if (o->spec->optimizer == MLP_LBFGS && !lbfgs_load(&o->lbfgs, at)) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (arrays[i] != NULL) {
            memcpy(arrays[i], at, o->n_params * sizeof(mlp_real));
            at += o->n_params * sizeof(mlp_real);
        }
    }
    o->steps = head.steps;
    o->power1 = head.power1;
    o->power2 = head.power2;
    o->product = head.product;
    return true;
}

/* ---- the rules for a run of parameters ------------------------------------------ */

static double factor(double x) /* 0: not given */
{
    return x > 0 ? x : 1;
}

struct optimizer_rule optimizer_rule(const struct mlp_train_spec *spec, const struct segment *s)
{
    /* the inputs' scale lies in front of the layers and is part of none */
    bool scale = s->kind == SEGMENT_INPUT_SCALE;
    const struct mlp_layer_train *own =
        spec->layers != NULL && !scale ? &spec->layers[s->layer] : NULL;
    struct optimizer_rule t = {.rate = 1};

    if (own != NULL) {
        t.rate = factor(own->rate);
        t.frozen = own->frozen;
    }
    if (s->kind == SEGMENT_BIAS) {
        t.rate *= factor(spec->bias_rate);
    } else if (scale) {
        t.rate *= factor(spec->input_scale_rate);
    }
    if (s->decay) {
        t.l1 = own != NULL ? own->l1 : spec->l1;
        t.l2 = own != NULL ? own->l2 : spec->l2;
        t.weight_decay = spec->weight_decay;
    }
    return t;
}

static bool rules_equal(const struct optimizer_rule *a, const struct optimizer_rule *b)
{
    return a->rate == b->rate && a->l1 == b->l1 && a->l2 == b->l2 &&
           a->weight_decay == b->weight_decay && a->frozen == b->frozen;
}

/* ---- one step ------------------------------------------------------------------- */

/* psi: each mu is nearer to beta1 than the one before */
static double nadam_mu(const struct mlp_train_spec *s, double t)
{
    return s->beta1 * (1 - 0.5 * pow(0.96, t * s->momentum_decay));
}

static void begin_nadam(struct optimizer *o)
{
    double t = (double)o->steps, mu = nadam_mu(o->spec, t), next = nadam_mu(o->spec, t + 1);

    o->product *= mu;
    o->unit = next / (1 - o->product * next);
    o->unit_g = (1 - mu) / (1 - o->product);
}

static void begin_radam(struct optimizer *o)
{
    double rest2 = 1 - o->power2, r = 2 / (1 - o->spec->beta2) - 1;
    double r_t = r - 2 * (double)o->steps * o->power2 / rest2;

    o->now.plain = !(r_t > 5);
    o->unit = 1 / (1 - o->power1);
    if (!o->now.plain) {
        o->unit *= sqrt((r_t - 4) * (r_t - 2) * r / ((r - 4) * (r - 2) * r_t)) * sqrt(rest2);
    }
}

void optimizer_begin(struct optimizer *o, double rate)
{
    const struct mlp_train_spec *s = o->spec;
    bool rho = s->optimizer == MLP_RMSPROP || s->optimizer == MLP_ADADELTA;
    double beta2 = rho ? s->rho : s->beta2;

    o->steps++;
    o->power1 *= s->beta1;
    o->power2 *= beta2;
    o->rate = rate;
    o->unit = 1;
    o->unit_g = 0;
    o->now = (struct kernel_step){
        .kind = s->optimizer,
        .nesterov = s->nesterov,
        .scale = 1,
        .momentum = (mlp_real)s->momentum,
        .beta1 = (mlp_real)s->beta1,
        .rest1 = (mlp_real)(1 - s->beta1),
        .beta2 = (mlp_real)beta2,
        .rest2 = (mlp_real)(1 - beta2),
        .root = (mlp_real)(1 / sqrt(1 - o->power2)),
        .epsilon = (mlp_real)s->epsilon,
    };
    if (s->optimizer == MLP_ADAM || s->optimizer == MLP_ADAMW) {
        o->unit = 1 / (1 - o->power1);
    } else if (s->optimizer == MLP_NADAM) {
        begin_nadam(o);
    } else if (s->optimizer == MLP_RADAM) {
        begin_radam(o);
    }
    o->uniform = s->layers == NULL && s->l1 == 0 && s->l2 == 0 && s->weight_decay == 0 &&
                 factor(s->bias_rate) == 1 && factor(s->input_scale_rate) == 1;
}

bool optimizer_needs_clip(const struct optimizer *o)
{
    return o->spec->clip_value > 0 || o->spec->clip_norm > 0;
}

/* Sums of squares go by pieces of this many elements, which are added in order. */
#define CHUNK ((size_t)4096)

static double squares_of(const struct mlp_net *net, const mlp_real *x, size_t n)
{
    double sum = 0;

    for (size_t at = 0; at < n; at += CHUNK) {
        sum += net->kernel->dot(x + at, x + at, n - at < CHUNK ? n - at : CHUNK);
    }
    return sum;
}

void optimizer_clip(struct optimizer *o, const struct mlp_net *net, mlp_real *gradient)
{
    const struct mlp_train_spec *spec = o->spec;
    double squares = 0;

    if (spec->clip_value > 0) {
        net->kernel->clip(gradient, net->n_params, (mlp_real)spec->clip_value);
    }
    if (!(spec->clip_norm > 0)) {
        return;
    }
    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];

        if (!optimizer_rule(spec, s).frozen) {
            squares += squares_of(net, gradient + s->offset, s->length);
        }
    }
    double length = sqrt(squares);

    if (length > spec->clip_norm) {
        o->now.scale = (mlp_real)(spec->clip_norm / length);
    }
}

static void update(const struct optimizer *o, const struct optimizer_rule *t, struct mlp_net *net,
                   const mlp_real *gradient, size_t offset, size_t length)
{
    struct kernel_step step = o->now;
    double rate = o->rate * t->rate;

    if (t->frozen) {
        return;
    }
    step.l1 = (mlp_real)t->l1;
    step.l2 = (mlp_real)t->l2;
    step.decay = (mlp_real)(1 - rate * t->weight_decay);
    step.rate = (mlp_real)(rate * o->unit);
    step.rate_g = (mlp_real)(rate * o->unit_g);
    net->kernel->step(&step, net->params + offset, gradient,
                      o->m != NULL ? o->m + offset : NULL, o->v != NULL ? o->v + offset : NULL,
                      o->u != NULL ? o->u + offset : NULL, length);
}

void optimizer_piece(const struct optimizer *o, struct mlp_net *net, const mlp_real *gradient,
                     size_t offset, size_t length)
{
    size_t end = offset + length, i = 0;

    if (o->uniform) {
        const struct optimizer_rule plain = {.rate = 1};

        update(o, &plain, net, gradient, offset, length);
        return;
    }
    while (offset < end) {
        while (net->segments[i].offset + net->segments[i].length <= offset) {
            i++;
        }
        const struct optimizer_rule t = optimizer_rule(o->spec, &net->segments[i]);
        size_t stop = net->segments[i].offset + net->segments[i].length;

        for (i++; stop < end; i++) { /* as far as all is the same */
            const struct optimizer_rule next = optimizer_rule(o->spec, &net->segments[i]);

            if (!rules_equal(&t, &next)) {
                break;
            }
            stop = net->segments[i].offset + net->segments[i].length;
        }
        stop = stop < end ? stop : end;
        update(o, &t, net, gradient, offset, stop - offset);
        gradient += stop - offset;
        offset = stop;
    }
}

void optimizer_range(const struct optimizer *o, struct mlp_net *net, const mlp_real *gradient,
                     size_t offset, size_t length)
{
    optimizer_piece(o, net, gradient + offset, offset, length);
}

void optimizer_end(const struct optimizer *o, struct mlp_net *net)
{
    if (!(o->spec->max_norm > 0)) {
        return;
    }
    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];

        if (o->spec->layers == NULL || !o->spec->layers[k].frozen) {
            net->kernel->limit_columns(net->params + l->weights, l->n_in, l->n_z,
                                       o->spec->max_norm);
        }
    }
}

void optimizer_step(struct optimizer *o, struct mlp_net *net, mlp_real *gradient, double rate)
{
    optimizer_begin(o, rate);
    if (optimizer_needs_clip(o)) {
        optimizer_clip(o, net, gradient);
    }
    optimizer_range(o, net, gradient, 0, net->n_params);
    optimizer_end(o, net);
}

void optimizer_layer_norms(const struct mlp_net *net, const mlp_real *gradient, double *squares)
{
    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];

        if (s->kind == SEGMENT_WEIGHTS) {
            squares[s->layer] += squares_of(net, gradient + s->offset, s->length);
        }
    }
}
