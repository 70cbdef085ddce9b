/* What training does to numbers on their way, at random or not: noise and dropout behind an
 * activation, the shortcut of a residual layer, and the stages of the input.
 *
 *     a = dropped(h + deviation g) [+ the layer's input]     g standard normal
 *     a_0 = dropped(x s + deviation g)                       s the learnt input scale; x with
 *                                                            its rows of tables (embedding.h)
 *
 * dropped() is h / (1 - p) or, with probability p, 0 (inverted dropout). Behind selu it is alpha
 * dropout (Klambauer 2017): a dropped number becomes -1.7580993, the limit of selu, and all are
 * mapped so that mean 0 and variance 1 stay. In a prediction nothing is dropped, no noise added.
 *
 * An element's random word depends on its position only: word (row n_out + column) of the stream,
 * that is element % 4 of block element / 4 at (epoch, step, layer), the input's layer being
 * RNG_INPUT. It is dropped when its word of stream "dropout" is below p 2^32; g is Box-Muller of
 * the block's words 0 and 1, 2 and 3 of stream "noise": with u = ((word >> 9) + 1/2) / 2^23,
 * sqrt(-2 log u_0) cos(2 pi u_1) for the even one, with sin for the odd one.
 * p = 0 and deviation 0 draw nothing.
 */
#ifndef MLP_NOISE_H
#define MLP_NOISE_H

#include "mlp/pass.h"

/* layer[k].h, rows [first, first + rows) of the batch, to layer[k].a, keeping layer[k].mask;
 * `before` is the layer's input, all rows of it. */
void noise_apply(struct pass *p, const struct mlp_net *net, size_t k,
                 const struct pass_moment *moment, const mlp_real *before, size_t first,
                 size_t rows);

/* delta, all rows, holds dL/da; these rows become dL/dh. (What residual adds to the derivative of
 * the layer's input is not here.) */
void noise_back(struct pass *p, const struct mlp_net *net, size_t k, mlp_real *delta, size_t first,
                size_t rows);

/* Here x is (rows, mlp_spec_width), what embedding_rows made; the rooms may be the same.
 *
 * x times the input scale, for a prediction: x itself without one, else p->input. */
const mlp_real *noise_scale_input(struct pass *p, const struct mlp_net *net, const mlp_real *x,
                                  size_t rows);

/* The first layer's input while training: x itself if nothing is done to it, else p->input. */
const mlp_real *noise_input(struct pass *p, const struct mlp_net *net,
                            const struct pass_moment *moment, const mlp_real *x, size_t rows);

/* p->input_delta holds dL/da_0, and becomes dL/dx where tables ask for it; the input scale's
 * gradient is written. */
void noise_input_back(struct pass *p, const struct mlp_net *net, const mlp_real *x, size_t rows,
                      mlp_real *gradient);

#endif
