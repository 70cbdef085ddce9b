/* First values: weights drawn by a rule, everything else a constant.
 *
 * Number i of layer k (its weights as they lie, behind them its biases) is drawn at (k, i / 4) of
 * the stream "init", so neither the order of drawing nor the rest of the network changes it. A
 * piece of maxout is drawn as a layer of its own would be; table i stands for layer
 * RNG_INPUT - 1 - i. One thread, no state.
 */
#include <math.h>
#include <stdlib.h>

#include "mlp/net.h"
#include "mlp/rng.h"

/* The standard deviation each rule wants: Glorot keeps the variance of both passes, He that of the
 * forward pass behind a relu, LeCun that behind what is nearly linear around 0. */
static double init_deviation(const struct layer *l)
{
    double n_in = (double)l->n_in, n_out = (double)l->n_out;
    double scale = l->init_scale > 0 ? l->init_scale : 0.05;

    switch (l->init) {
    case MLP_GLOROT_UNIFORM:
    case MLP_GLOROT_NORMAL:
        return sqrt(2.0 / (n_in + n_out));
    case MLP_HE_UNIFORM:
    case MLP_HE_NORMAL:
        return sqrt(2.0 / n_in);
    case MLP_LECUN_UNIFORM:
    case MLP_LECUN_NORMAL:
        return sqrt(1.0 / n_in);
    case MLP_UNIFORM_FAN_IN:
        return sqrt(1.0 / (3 * n_in));
    case MLP_UNIFORM:
        return scale / sqrt(3.0);
    case MLP_NORMAL:
        return scale;
    case MLP_ORTHOGONAL:
        return 1;
    case MLP_ZEROS:
        return 0;
    }
    return 0;
}

static bool is_normal(enum mlp_init init)
{
    return init == MLP_GLOROT_NORMAL || init == MLP_HE_NORMAL || init == MLP_LECUN_NORMAL ||
           init == MLP_NORMAL || init == MLP_ORTHOGONAL;
}

/* A layer's numbers, best asked for in order. */
struct drawer {
    const struct rng *rng;
    uint32_t layer;
    bool normal;
    double deviation;
    uint64_t block; /* what `draw` holds, and one more */
    double draw[4];
};

static double drawer_at(struct drawer *d, size_t i)
{
    if (d->block != i / 4 + 1) {
        struct rng_at at = {.layer = d->layer};

        d->block = i / 4 + 1;
        if (d->normal) {
            rng_normal4(d->rng, at, i / 4, d->draw);
        } else {
            rng_uniform4(d->rng, at, i / 4, d->draw);
        }
    }
    double x = d->draw[i % 4];
    double limit = d->deviation * sqrt(3.0); /* uniform in +-limit has that deviation */

    return d->normal ? d->deviation * x : limit * (2 * x - 1);
}

static struct drawer drawer_of(const struct layer *l, const struct rng *rng, size_t k)
{
    return (struct drawer){.rng = rng,
                           .layer = (uint32_t)k,
                           .normal = is_normal(l->init),
                           .deviation = init_deviation(l)};
}

/* A level that training never meets keeps what it has here, so let that be next to nothing. */
#define TABLE_DEVIATION 0.05

/* Level 0, which stands for nothing known, begins as all zeros. */
static void init_table(const struct table *t, const struct rng *rng, size_t i, mlp_real *w)
{
    struct drawer d = {.rng = rng,
                       .layer = RNG_INPUT - 1 - (uint32_t)i,
                       .normal = true,
                       .deviation = TABLE_DEVIATION};

    for (size_t e = 0; e < t->levels * t->width; e++) {
        w[e] = e < t->width ? 0 : (mlp_real)drawer_at(&d, e);
    }
}

/* ---- orthogonal -------------------------------------------------------------------- */

typedef double pair __attribute__((vector_size(16)));

static pair pair_load(const double *p)
{
    pair v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

/* The sum of a[i] b[i] in eight lanes: an order fixed by n. */
static double dot(const double *a, const double *b, size_t n)
{
    pair lane[4] = {{0}, {0}, {0}, {0}};
    double tail = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        lane[0] += pair_load(a + i) * pair_load(b + i);
        lane[1] += pair_load(a + i + 2) * pair_load(b + i + 2);
        lane[2] += pair_load(a + i + 4) * pair_load(b + i + 4);
        lane[3] += pair_load(a + i + 6) * pair_load(b + i + 6);
    }
    for (; i < n; i++) {
        tail += a[i] * b[i];
    }
    pair sum = (lane[0] + lane[2]) + (lane[1] + lane[3]);

    return (sum[0] + sum[1]) + tail;
}

/* v loses its part along the unit vector u. */
static void remove_part(double *restrict v, const double *restrict u, size_t n)
{
    double part = dot(v, u, n);

    _Pragma("omp simd") for (size_t i = 0; i < n; i++)
    {
        v[i] -= part * u[i];
    }
}

/* `m` vectors of n >= m numbers become orthonormal: modified Gram-Schmidt, which leaves the same
 * distribution as the Q of a QR decomposition with positive diagonal, uniform over all. Vectors
 * are taken PANEL at a time, so that those before are read once for so many. */
#define PANEL 16

static void orthonormalise(double *v, size_t m, size_t n)
{
    for (size_t first = 0; first < m; first += PANEL) {
        size_t end = m - first < PANEL ? m : first + PANEL;

        for (size_t i = 0; i < first; i++) {
            for (size_t j = first; j < end; j++) {
                remove_part(v + j * n, v + i * n, n);
            }
        }
        for (size_t j = first; j < end; j++) {
            double *own = v + j * n;

            for (size_t i = first; i < j; i++) {
                remove_part(own, v + i * n, n);
            }
            double length = sqrt(dot(own, own, n));

            for (size_t i = 0; i < n; i++) {
                own[i] /= length;
            }
        }
    }
}

/* The smaller side's vectors: columns of W when it is not wider than high, else rows. */
static void init_orthogonal(const struct layer *l, struct drawer *d, mlp_real *w, double *scratch)
{
    size_t n_in = l->n_in, n_out = l->n_out;
    size_t down = n_in >= n_out ? 1 : n_out, across = n_in >= n_out ? n_in : 1;
    double scale = l->init_scale > 0 ? l->init_scale : 1;

    for (size_t piece = 0; piece < l->pieces; piece++) {
        size_t first = piece * n_out;

        for (size_t i = 0; i < n_in; i++) {
            for (size_t j = 0; j < n_out; j++) {
                scratch[i * down + j * across] = drawer_at(d, i * l->n_z + first + j);
            }
        }
        orthonormalise(scratch, n_in < n_out ? n_in : n_out, n_in < n_out ? n_out : n_in);
        for (size_t i = 0; i < n_in; i++) {
            for (size_t j = 0; j < n_out; j++) {
                w[i * l->n_z + first + j] = (mlp_real)(scale * scratch[i * down + j * across]);
            }
        }
    }
}

/* Room for the largest piece that is to be orthogonal; NULL when none is, or on failure. */
static enum mlp_status scratch_new(const struct mlp_net *net, double **out)
{
    size_t most = 0, bytes = 0;

    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];

        if (l->init == MLP_ORTHOGONAL && l->n_in * l->n_out > most) {
            most = l->n_in * l->n_out;
        }
    }
    *out = NULL;
    if (most == 0) {
        return MLP_OK;
    }
    if (__builtin_mul_overflow(most, sizeof(**out), &bytes)) {
        return MLP_E_MEMORY;
    }
    *out = malloc(bytes);
    return *out != NULL ? MLP_OK : MLP_E_MEMORY;
}

/* ---- all of a net ---------------------------------------------------------------------- */

static void fill(mlp_real *p, size_t n, double value)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (mlp_real)value;
    }
}

static void init_weights(const struct layer *l, struct drawer *d, mlp_real *w, double *scratch)
{
    if (l->init == MLP_ORTHOGONAL) {
        init_orthogonal(l, d, w, scratch);
        return;
    }
    for (size_t i = 0; i < l->n_in * l->n_z; i++) {
        w[i] = l->init == MLP_ZEROS ? 0 : (mlp_real)drawer_at(d, i);
    }
}

static void init_bias(const struct layer *l, struct drawer *d, mlp_real *b)
{
    for (size_t j = 0; j < l->n_z; j++) {
        b[j] = l->init == MLP_UNIFORM_FAN_IN ? (mlp_real)drawer_at(d, l->n_in * l->n_z + j) : 0;
    }
}

enum mlp_status mlp_net_init(struct mlp_net *net, uint64_t seed)
{
    struct rng rng = rng_stream(seed, RNG_INIT);
    double *scratch = NULL;
    size_t tables = 0;
    enum mlp_status status = scratch_new(net, &scratch);

    if (status != MLP_OK) {
        return status; /* nothing is changed */
    }
    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];
        const struct layer *l = &net->layers[s->layer];
        struct drawer d = drawer_of(l, &rng, s->layer);
        mlp_real *p = net->params + s->offset;

        switch (s->kind) {
        case SEGMENT_WEIGHTS:
            init_weights(l, &d, p, scratch);
            break;
        case SEGMENT_BIAS:
            init_bias(l, &d, p);
            break;
        case SEGMENT_INPUT_SCALE:
        case SEGMENT_GAIN:
            fill(p, s->length, 1);
            break;
        case SEGMENT_SLOPE:
            fill(p, s->length, 0.25);
            break;
        case SEGMENT_SHIFT:
            fill(p, s->length, 0);
            break;
        case SEGMENT_TABLE:
            init_table(&net->tables[tables], &rng, tables, p);
            tables++;
            break;
        }
    }
    free(scratch);
    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];

        if (l->norm == MLP_NORM_BATCH) {
            fill(net->params + l->mean, l->n_z, 0);
            fill(net->params + l->variance, l->n_z, 1);
        }
    }
    return MLP_OK;
}
