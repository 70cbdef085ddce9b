/* gradient_check: see mlp_gradient.h. */
#include "config.h"

#include "mlp_gradient.h"

#include "mlp_help.h"

#include "mlp/pass.h"

#define STEP      1e-5
#define TOLERANCE 1e-7 /* of max(1, |g|) */
#define KINK      1e-3 /* the slopes left and right of a parameter differ by more: it bends there */

/* Each difference takes two losses. A sanitizer looks at how they come about, which is the same for
 * every parameter of a tensor. */
#ifdef MLPD_SANITIZERS
#define STRIDE 13
#else
#define STRIDE 1
#endif

struct numbers {
    size_t n_params;
    double *params, *x, *targets, *weights, *offset;
    uint32_t *labels;
};

static double truth(enum mlp_loss loss, enum mlp_output output, uint64_t *seed)
{
    switch (loss) {
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        return help_unit(seed);
    case MLP_POISSON:
    case MLP_TWEEDIE:
        return floor(4 * help_unit(seed));
    case MLP_GAMMA:
        return 0.1 + 3 * help_unit(seed);
    default:
        return output == MLP_OUT_SIGMOID ? help_unit(seed) : help_bell(seed);
    }
}

static void draw(const struct gradient_case *c, struct numbers *n)
{
    const struct mlp_spec *s = c->spec;
    uint64_t seed = c->seed;

    ck_assert_msg(mlp_spec_parameters(s, &n->n_params) == MLP_OK, "%s: not a network", c->what);
    n->params = help_doubles(n->n_params);
    n->x = help_doubles(c->rows * s->n_inputs);
    n->targets = help_doubles(c->rows * s->n_outputs);
    n->weights = help_doubles(c->rows);
    n->offset = help_doubles(c->rows);
    n->labels = help_labels(&seed, c->rows, s->n_outputs);
    for (size_t i = 0; i < n->n_params; i++) {
        n->params[i] = help_exact(0.8 * help_bell(&seed));
    }
    for (size_t i = 0; i < c->rows * s->n_inputs; i++) {
        n->x[i] = help_exact(help_bell(&seed));
    }
    for (size_t i = 0; i < c->rows * s->n_embeddings; i++) { /* the last columns are indexes */
        size_t row = i / s->n_embeddings, e = i % s->n_embeddings;

        n->x[(row + 1) * s->n_inputs - s->n_embeddings + e] =
            floor(help_unit(&seed) * (double)s->embeddings[e].levels);
    }
    for (size_t r = 0; r < c->rows; r++) {
        double *row = n->targets + r * s->n_outputs, sum = 0;

        for (size_t j = 0; j < s->n_outputs; j++) {
            row[j] = help_exact(c->soft_targets ? help_unit(&seed) : truth(s->loss, s->output, &seed));
            sum += row[j];
        }
        for (size_t j = 0; j < s->n_outputs && c->soft_targets; j++) {
            row[j] = help_exact(row[j] / sum);
        }
        n->weights[r] = help_exact(2 * help_unit(&seed));
        n->offset[r] = help_exact(help_bell(&seed));
    }
}

static struct double_batch double_side(const struct gradient_case *c, const struct numbers *n)
{
    bool softmax = c->spec->output == MLP_OUT_SOFTMAX;

    return (struct double_batch){
        .spec = c->spec,
        .rows = c->rows,
        .params = n->params,
        .x = n->x,
        .targets = softmax && !c->soft_targets ? NULL : n->targets,
        .labels = softmax && !c->soft_targets ? n->labels : NULL,
        .weights = c->weighted ? n->weights : NULL,
        .offset = c->with_offset ? n->offset : NULL,
        .smoothing = c->smoothing,
        .seed = c->seed,
        .epoch = 3,
        .step = 5,
    };
}

static double loss_of(const struct double_batch *b)
{
    double loss = 0;

    ck_assert(double_batch_gradient(b, &loss, NULL));
    return loss;
}

static void check_differences(const struct gradient_case *c, const struct numbers *n,
                              const struct double_batch *b, const double *gradient, double middle)
{
    size_t bends = 0;

    for (size_t i = 0; i < n->n_params; i += STRIDE) {
        double w = n->params[i];

        n->params[i] = w + STEP;
        double above = loss_of(b);
        n->params[i] = w - STEP;
        double below = loss_of(b);
        n->params[i] = w;
        double difference = (above - below) / (2 * STEP), g = gradient[i];

        if (fabs(above - 2 * middle + below) / STEP > KINK * fmax(1, fabs(g))) {
            bends++; /* a unit of some row is about to switch within this step */
            continue;
        }
        ck_assert_msg(fabs(difference - g) <= TOLERANCE * fmax(1, fabs(g)),
                      "%s: parameter %zu: analytic %.12g, difference %.12g", c->what, i, g,
                      difference);
    }
    ck_assert_msg(STRIDE > 1 || bends * 10 <= n->n_params, "%s: %zu of %zu parameters at a bend",
                  c->what, bends, n->n_params);
}

/* The library's gradient, by the given table of kernels. */
static void float_gradient(const struct double_batch *b, const struct kernel *kernel,
                           float *gradient, double *loss)
{
    struct arena arena = {0};
    struct pass pass;
    struct mlp_net *net = help_net(b->spec, 0);
    size_t n_in = b->spec->n_inputs, n_out = b->spec->n_outputs;
    float *w = help_narrowed(b->params, net->n_params), *x = help_narrowed(b->x, b->rows * n_in);
    float *y = b->targets != NULL ? help_narrowed(b->targets, b->rows * n_out) : NULL;
    float *weights = b->weights != NULL ? help_narrowed(b->weights, b->rows) : NULL;
    float *offset = b->offset != NULL ? help_narrowed(b->offset, b->rows) : NULL;
    const struct mlp_data batch = {.rows = b->rows,
                                   .x = x,
                                   .targets = y,
                                   .labels = b->labels,
                                   .weights = weights,
                                   .offset = offset};
    const struct pass_moment moment = {.seed = b->seed, .epoch = b->epoch, .step = b->step};

    net->kernel = kernel;
    memcpy(mlp_net_params(net), w, net->n_params * sizeof(*w));
    pass_layout(&pass, b->spec, b->rows, true, &arena);
    void *memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(memory);
    arena.used = 0;
    pass_layout(&pass, b->spec, b->rows, true, &arena);
    ck_assert_int_eq(pass_init(&pass, net), MLP_OK);
    ck_assert_int_eq(pass_gradient(&pass, net, &batch, &moment, b->smoothing, gradient, loss),
                     MLP_OK);
    pass_fini(&pass);
    mlp_net_free(&net);
    free(memory);
    free(w);
    free(x);
    free(y);
    free(weights);
    free(offset);
}

/* learning.md's measure: the norm of the difference over the norm of the tensor. */
static void check_tensors(const struct gradient_case *c, const struct kernel *kernel,
                          const float *g, const double *gradient)
{
    struct mlp_net *net = help_net(c->spec, 0);
    double most = c->tolerance > 0 ? c->tolerance : 1e-5;

    for (size_t s = 0; s < net->n_segments; s++) {
        const struct segment *seg = &net->segments[s];
        double difference = 0, norm = 0;

        for (size_t i = seg->offset; i < seg->offset + seg->length; i++) {
            difference += pow((double)g[i] - gradient[i], 2);
            norm += gradient[i] * gradient[i];
        }
        ck_assert_msg(sqrt(difference) <= most * sqrt(norm) + 1e-7,
                      "%s, %s: layer %zu, kind %d: off by %g of %g", c->what, kernel->name,
                      seg->layer, (int)seg->kind, sqrt(difference), sqrt(norm));
    }
    mlp_net_free(&net);
}

void gradient_check(const struct gradient_case *c)
{
    const struct kernel *tables[KERNEL_MAX];
    struct numbers n;
    double value = 0, float_value = 0;

    draw(c, &n);
    const struct double_batch b = double_side(c, &n);
    double *gradient = help_doubles(n.n_params);
    float *float_g = help_narrowed(gradient, n.n_params);

    ck_assert_msg(double_batch_gradient(&b, &value, gradient), "%s: refused", c->what);
    check_differences(c, &n, &b, gradient, value);
    for (size_t i = kernel_tables(tables); i-- > 0;) {
        float_gradient(&b, tables[i], float_g, &float_value);
        ck_assert_msg(fabs(float_value - value) <= 4e-6 * fmax(1, fabs(value)),
                      "%s, %s: loss %.9g, in double %.9g", c->what, tables[i]->name, float_value,
                      value);
        check_tensors(c, tables[i], float_g, gradient);
    }
    free(gradient);
    free(float_g);
    free(n.params);
    free(n.x);
    free(n.targets);
    free(n.weights);
    free(n.offset);
    free(n.labels);
}
