/* First values: weights drawn by a rule, everything else a constant.
 *
 * Weight i of layer k is drawn at (k, i / 4) of the stream "init", so neither the order of
 * drawing nor the rest of the network changes it. One thread, no state.
 */
#include <math.h>

#include "mlp/net.h"
#include "mlp/rng.h"

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
    default:
        return 0;
    }
}

static void init_weights(const struct layer *l, const struct rng *rng, size_t k, mlp_real *w)
{
    bool normal = l->init == MLP_GLOROT_NORMAL || l->init == MLP_HE_NORMAL;
    double deviation = init_deviation(l->init, (double)l->n_in, (double)l->n_z);
    double limit = deviation * sqrt(3.0); /* uniform in +-limit has that deviation */
    size_t n = l->n_in * l->n_z;

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

static void fill(mlp_real *p, size_t n, double value)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (mlp_real)value;
    }
}

enum mlp_status mlp_net_init(struct mlp_net *net, uint64_t seed)
{
    struct rng rng = rng_stream(seed, RNG_INIT);

    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];
        mlp_real *p = net->params + s->offset;

        switch (s->kind) {
        case SEGMENT_WEIGHTS:
            init_weights(&net->layers[s->layer], &rng, s->layer, p);
            break;
        case SEGMENT_INPUT_SCALE:
        case SEGMENT_GAIN:
            fill(p, s->length, 1);
            break;
        case SEGMENT_SLOPE:
            fill(p, s->length, 0.25);
            break;
        case SEGMENT_BIAS:
        case SEGMENT_SHIFT:
            fill(p, s->length, 0);
            break;
        }
    }
    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];

        if (l->norm == MLP_NORM_BATCH) {
            fill(net->params + l->mean, l->n_z, 0);
            fill(net->params + l->variance, l->n_z, 1);
        }
    }
    return MLP_OK;
}
