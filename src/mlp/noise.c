/* Dropout, noise, shortcuts, and the stages of the input. See noise.h.
 *
 * Pure functions of position, seed and moment over the pass's buffers: any rows may be worked at
 * on any thread. Elements go in pieces whose random words stay in the nearest cache.
 */
#include "mlp/noise.h"

#include <math.h>
#include <string.h>

#include "mlp/norm.h"

#define PIECE      ((size_t)1024)        /* elements, a multiple of 4 */
#define SELU_LIMIT (-1.7580993408473766) /* of selu at minus infinity */

/* What is done to an array of elements. */
struct disturbance {
    const struct mlp_net *net;
    const struct pass_moment *moment;
    uint32_t layer;
    double noise, dropout;
    bool alpha;
};

static struct kernel_drop drop_of(const struct disturbance *d)
{
    double p = d->dropout, keep = 1 - p, below = ceil(p * 0x1p32);
    struct kernel_drop drop = {.below = below < 0x1p32 ? (uint32_t)below : UINT32_MAX,
                               .factor = (mlp_real)(1 / keep)};

    if (d->alpha) { /* mean 0 and variance 1 go to p L and (1 - p) (1 + p L^2) */
        double factor = 1 / sqrt(keep * (1 + p * SELU_LIMIT * SELU_LIMIT));

        drop.factor = (mlp_real)factor;
        drop.kept = (mlp_real)(-factor * p * SELU_LIMIT);
        drop.dropped = (mlp_real)(factor * (SELU_LIMIT - p * SELU_LIMIT));
    }
    return drop;
}

/* Elements [first, first + n) of h to a; mask takes the factors if anything is dropped. h may be a.
 * `before` (or NULL) is added. */
static void disturb(const struct disturbance *d, const mlp_real *h, const mlp_real *before,
                    mlp_real *mask, mlp_real *a, size_t first, size_t n)
{
    const struct kernel *kernel = d->net->kernel;
    const struct rng noise = rng_stream(d->moment->seed, RNG_NOISE);
    const struct rng dropout = rng_stream(d->moment->seed, RNG_DROPOUT);
    const struct rng_at at = {d->moment->epoch, d->moment->step, d->layer};
    const struct kernel_drop drop = drop_of(d);
    uint32_t word[PIECE];
    mlp_real normal[PIECE];

    for (size_t e = first, left = n, m; left > 0; e += m, left -= m) {
        size_t skip = e % 4, blocks;
        const mlp_real *from = h + e;

        m = left < PIECE - skip ? left : PIECE - skip;
        blocks = (skip + m + 3) / 4;
        if (d->noise > 0) {
            kernel->words(&noise, at, e / 4, blocks, word);
            kernel->normals(word, 4 * blocks, normal);
            kernel->perturb(from, normal + skip, (mlp_real)d->noise, m, a + e);
            from = a + e;
        }
        if (d->dropout > 0) {
            kernel->words(&dropout, at, e / 4, blocks, word);
            kernel->drop(&drop, word + skip, from, m, mask + e, a + e);
            from = a + e;
        }
        if (from != a + e) {
            memcpy(a + e, from, m * sizeof(*a));
        }
        if (before != NULL) {
            kernel->add(before + e, a + e, m);
        }
    }
}

void noise_apply(struct pass *p, const struct mlp_net *net, size_t k,
                 const struct pass_moment *moment, const mlp_real *before, size_t first,
                 size_t rows)
{
    const struct layer *l = &net->layers[k];
    const struct pass_layer *at = &p->layer[k];
    const struct disturbance d = {.net = net,
                                  .moment = moment,
                                  .layer = (uint32_t)k,
                                  .noise = l->noise,
                                  .dropout = l->dropout,
                                  .alpha = l->activation == MLP_SELU};

    if (at->a != at->h) {
        disturb(&d, at->h, l->residual ? before : NULL, at->mask, at->a, first * l->n_out,
                rows * l->n_out);
    }
}

void noise_back(struct pass *p, const struct mlp_net *net, size_t k, mlp_real *delta, size_t first,
                size_t rows)
{
    const mlp_real *mask = p->layer[k].mask;
    size_t n_out = net->layers[k].n_out;

    if (mask != NULL) {
        net->kernel->multiply(mask + first * n_out, delta + first * n_out, rows * n_out);
    }
}

/* a (rows, n_in of the first layer) times the input scale */
static void scale_rows(const struct mlp_net *net, mlp_real *a, size_t rows)
{
    size_t n = net->layers[0].n_in;

    for (size_t i = 0; i < rows; i++) {
        net->kernel->multiply(net->params + net->input_scale, a + i * n, n);
    }
}

const mlp_real *noise_scale_input(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                                  size_t rows)
{
    size_t n = net->layers[0].n_in;

    if (net->input_scale == NET_NONE) {
        return x;
    }
    memcpy(p->input, x, rows * n * sizeof(*x));
    scale_rows(net, p->input, rows);
    return p->input;
}

const mlp_real *noise_input(struct pass *p, const struct mlp_net *net,
                            const struct pass_moment *moment, const mlp_real *x, size_t rows)
{
    const mlp_real *scaled = noise_scale_input(p, net, x, rows);
    const struct disturbance d = {.net = net,
                                  .moment = moment,
                                  .layer = RNG_INPUT,
                                  .noise = net->spec.input_noise,
                                  .dropout = net->spec.input_dropout};

    if (d.noise > 0 || d.dropout > 0) {
        disturb(&d, scaled, NULL, p->input_mask, p->input, 0, rows * net->layers[0].n_in);
        return p->input;
    }
    return scaled;
}

/* dL/da_0 mask, of the columns that p->input_delta has */
static void mask_rows(const struct pass *p, const struct mlp_net *net, size_t rows)
{
    size_t n = net->layers[0].n_in, kept = n - p->delta_from;

    for (size_t i = 0; i < rows; i++) {
        net->kernel->multiply(p->input_mask + i * n + p->delta_from, p->input_delta + i * kept,
                              kept);
    }
}

/* dL/ds_j = sum over rows of dL/da_0 mask x_j,  dL/dx = dL/da_0 mask s */
void noise_input_back(struct pass *p, const struct mlp_net *net, const mlp_real *x, size_t rows,
                      mlp_real *gradient)
{
    if (p->input_mask != NULL) {
        mask_rows(p, net, rows);
    }
    if (net->input_scale == NET_NONE) {
        return;
    }
    norm_sum_products(p, net, p->input_delta, x, rows, net->layers[0].n_in,
                      gradient + net->input_scale);
    if (net->spec.n_embeddings > 0) {
        scale_rows(net, p->input_delta, rows);
    }
}
