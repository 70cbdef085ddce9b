/* A network: one block of memory holding its description, the segment table and the
 * flat parameter array. See net.h.
 *
 * Whoever makes a net owns it; readers may share it while nobody writes to its parameters.
 */
#include "mlp/net.h"

#include <math.h>
#include <string.h>

#include "mlp/gemm.h"
#include "mlp/rng.h"

const char *mlp_version(void)
{
    return MLP_VERSION; /* from the build */
}

const char *mlp_backend(void)
{
    return gemm_backend_text(kernel_best());
}

struct mlp_net *net_layout(const struct mlp_spec *spec, size_t n_params, struct arena *arena)
{
    size_t n_layers = spec->n_hidden + 1;
    struct mlp_net *net = arena_take(arena, 1, sizeof(*net));
    struct mlp_layer_spec *hidden = arena_take(arena, spec->n_hidden, sizeof(*hidden));
    struct layer *layers = arena_take(arena, n_layers, sizeof(*layers));
    struct segment *segments = arena_take(arena, 2 * n_layers, sizeof(*segments));
    mlp_real *params = arena_take(arena, n_params, sizeof(*params));

    if (net != NULL) {
        *net = (struct mlp_net){
            .spec = *spec,
            .hidden = hidden,
            .kernel = kernel_best(),
            .n_layers = n_layers,
            .layers = layers,
            .n_segments = 2 * n_layers,
            .segments = segments,
            .n_params = n_params,
            .params = params,
        };
    }
    return net;
}

/* Layer after layer: weights, then bias. */
static void fill_tables(struct mlp_net *net)
{
    size_t at = 0;

    for (size_t k = 0; k < net->n_layers; k++) {
        struct layer *l = &net->layers[k];

        net_spec_layer(&net->spec, k, l);
        l->weights = at;
        l->bias = at + l->n_in * l->n_out;
        at = l->bias + l->n_out;
        net->segments[2 * k] = (struct segment){.offset = l->weights,
                                                .length = l->n_in * l->n_out,
                                                .kind = SEGMENT_WEIGHTS,
                                                .layer = k,
                                                .decay = true};
        net->segments[2 * k + 1] = (struct segment){
            .offset = l->bias, .length = l->n_out, .kind = SEGMENT_BIAS, .layer = k};
    }
}

enum mlp_status mlp_net_new(const struct mlp_spec *spec, struct mlp_net **out)
{
    struct arena arena = {0};
    size_t n_params = 0;
    enum mlp_status status = mlp_spec_parameters(spec, &n_params);

    if (status != MLP_OK) {
        return status;
    }
    (void)net_layout(spec, n_params, &arena); /* measures only */
    if (arena.overflow) {
        return MLP_E_TOO_LARGE;
    }
    arena.base = arena_alloc(&arena);
    if (arena.base == NULL) {
        return MLP_E_MEMORY;
    }
    arena.used = 0;
    struct mlp_net *net = net_layout(spec, n_params, &arena);

    if (spec->n_hidden > 0) {
        memcpy(net->hidden, spec->hidden, spec->n_hidden * sizeof(*net->hidden));
    }
    net->spec.hidden = net->hidden;
    fill_tables(net);
    memset(net->params, 0, n_params * sizeof(*net->params));
    *out = net;
    return MLP_OK;
}

void mlp_net_free(struct mlp_net **net)
{
    if (net != NULL) {
        free(*net); /* one block: the net is its first piece */
        *net = NULL;
    }
}

/* The standard deviation each rule wants: Glorot keeps the variance of both passes,
 * He that of the forward pass behind a relu. */
static double init_deviation(enum mlp_init init, double n_in, double n_out)
{
    switch (init) {
    case MLP_GLOROT_UNIFORM:
    case MLP_GLOROT_NORMAL:
        return sqrt(2.0 / (n_in + n_out));
    case MLP_HE_UNIFORM:
    case MLP_HE_NORMAL:
        return sqrt(2.0 / n_in);
    }
    return 0;
}

static void init_weights(const struct layer *l, const struct rng *rng, size_t k, mlp_real *w)
{
    bool normal = l->init == MLP_GLOROT_NORMAL || l->init == MLP_HE_NORMAL;
    double deviation = init_deviation(l->init, (double)l->n_in, (double)l->n_out);
    double limit = deviation * sqrt(3.0); /* uniform in +-limit has that deviation */
    size_t n = l->n_in * l->n_out;

    for (size_t i = 0; i < n; i += 4) {
        struct rng_at at = {.layer = (uint32_t)k};
        double draw[4];

        if (normal) {
            rng_normal4(rng, at, i / 4, draw);
        } else {
            rng_uniform4(rng, at, i / 4, draw);
        }
        for (size_t j = 0; j < 4 && i + j < n; j++) {
            w[i + j] = (mlp_real)(normal ? deviation * draw[j] : limit * (2 * draw[j] - 1));
        }
    }
}

void mlp_net_init(struct mlp_net *net, uint64_t seed)
{
    struct rng rng = rng_stream(seed, RNG_INIT);

    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];

        if (s->kind == SEGMENT_WEIGHTS) {
            init_weights(&net->layers[s->layer], &rng, s->layer, net->params + s->offset);
        } else {
            memset(net->params + s->offset, 0, s->length * sizeof(*net->params));
        }
    }
}

const struct mlp_spec *mlp_net_spec(const struct mlp_net *net)
{
    return &net->spec;
}

size_t mlp_net_parameters(const struct mlp_net *net)
{
    return net->n_params;
}

mlp_real *mlp_net_params(struct mlp_net *net)
{
    return net->params;
}

const mlp_real *mlp_net_params_const(const struct mlp_net *net)
{
    return net->params;
}

void mlp_net_layer(const struct mlp_net *net, size_t k, struct mlp_layer_view *out)
{
    const struct layer *l = &net->layers[k];

    *out = (struct mlp_layer_view){.n_in = l->n_in,
                                   .n_out = l->n_out,
                                   .weights = net->params + l->weights,
                                   .bias = net->params + l->bias};
}
