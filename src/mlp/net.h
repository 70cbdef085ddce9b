/* The inside of a network: what mlp.h keeps opaque.
 *
 * All parameters are one flat array. A table of segments {offset, length, kind,
 * layer, decay} says what is where; whatever walks over parameters (initial
 * values, optimizers, penalties) walks that table, and gradients and moments
 * are flat arrays of the same length.
 */
#ifndef MLP_NET_H
#define MLP_NET_H

#include "mlp/arena.h"
#include "mlp/kernel.h"
#include "mlp/mlp.h"

enum segment_kind {
    SEGMENT_INPUT_SCALE,
    SEGMENT_WEIGHTS,
    SEGMENT_BIAS,
    SEGMENT_GAIN,  /* of a norm */
    SEGMENT_SHIFT,
    SEGMENT_SLOPE, /* prelu's */
    SEGMENT_TABLE, /* an embedding's; counts as the first layer's */
};

struct segment {
    size_t offset, length; /* in the flat array, in elements */
    enum segment_kind kind;
    size_t layer;
    bool decay; /* penalties apply: weights and tables yes, all others no */
};
#define NET_SEGMENTS_PER_LAYER 5

#define NET_NONE SIZE_MAX /* the layer has no such parameters */

/* z (rows, n_z) = a (rows, n_in) W (n_in, n_z) + b (n_z); z^ = norm(z); h (rows, n_out) = f(z^);
 * while training noise and dropout; + a if residual. */
struct layer {
    size_t n_in, n_z, n_out;        /* n_z = n_out x pieces */
    size_t weights, bias, gain, shift, slope; /* offsets in the flat array, or NET_NONE */
    size_t mean, variance;          /* likewise, in the state behind the parameters */
    enum mlp_activation activation; /* the last layer's is MLP_IDENTITY: see loss.h */
    size_t pieces;                  /* of maxout, else 1 */
    enum mlp_norm norm;
    bool residual;
    enum mlp_init init;
    double init_scale;
    double dropout, noise;
};

/* An embedding: see embedding.h. */
struct table {
    size_t levels, width;
    size_t offset; /* in the flat array */
    size_t column; /* where its numbers begin in a_0 */
};

struct mlp_net {
    struct mlp_spec spec; /* spec.hidden and .embeddings are the net's own copies */
    struct mlp_layer_spec *hidden;
    struct mlp_embedding *embeddings;
    const struct kernel *kernel;
    size_t n_layers; /* n_hidden + 1 */
    struct layer *layers;
    size_t n_segments;
    struct segment *segments;
    size_t input_scale; /* offset, or NET_NONE */
    struct table *tables; /* [spec.n_embeddings] */
    size_t n_params;    /* trained */
    size_t n_values;    /* n_params, then the state */
    mlp_real *params;   /* [n_values] */
};

/* The sizes and settings of layer k of a spec that mlp_spec_check accepts; offsets NET_NONE. */
void net_spec_layer(const struct mlp_spec *spec, size_t k, struct layer *out);

/* The widest n_z of all layers. */
size_t net_spec_widest(const struct mlp_spec *spec);

/* Trained parameters and state; the spec must have passed mlp_spec_check. */
MLP_CHECK enum mlp_status net_spec_sizes(const struct mlp_spec *spec, size_t *n_params,
                                         size_t *n_values);

/* Whether temperature and threshold make sense behind the output. */
bool net_answers_make_sense(const struct mlp_spec *spec);

/* The pieces of a net, its head first; NULL while the arena only measures. */
struct mlp_net *net_layout(const struct mlp_spec *spec, struct arena *arena);

/* Whether f'(z) is written in terms of z; else in terms of f(z). */
static inline bool activation_keeps_z(enum mlp_activation f)
{
    switch (f) {
    case MLP_PRELU:
    case MLP_GELU:
    case MLP_SILU:
    case MLP_MISH:
    case MLP_MAXOUT:
        return true;
    default:
        return false;
    }
}

#endif
