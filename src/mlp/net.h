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

enum segment_kind { SEGMENT_WEIGHTS, SEGMENT_BIAS };

struct segment {
    size_t offset, length; /* in the flat array, in elements */
    enum segment_kind kind;
    size_t layer;
    bool decay; /* penalties apply: weights yes, biases no */
};

/* z (rows, n_out) = a (rows, n_in) W (n_in, n_out) + b (n_out), then f. */
struct layer {
    size_t n_in, n_out;
    size_t weights, bias;           /* offsets in the flat array */
    enum mlp_activation activation; /* the last layer's is MLP_IDENTITY: see loss.h */
    enum mlp_init init;
};

struct mlp_net {
    struct mlp_spec spec; /* spec.hidden is the net's own copy */
    struct mlp_layer_spec *hidden;
    const struct kernel *kernel;
    size_t n_layers; /* n_hidden + 1 */
    struct layer *layers;
    size_t n_segments;
    struct segment *segments;
    size_t n_params;
    mlp_real *params;
};

/* The sizes of layer k of a spec that mlp_spec_check accepts. */
void net_spec_layer(const struct mlp_spec *spec, size_t k, struct layer *out);

/* The widest of the hidden and output layers. */
size_t net_spec_widest(const struct mlp_spec *spec);

/* The pieces of a net, its head first; NULL while the arena only measures. */
struct mlp_net *net_layout(const struct mlp_spec *spec, size_t n_params, struct arena *arena);

#endif
