/* Weights that came inside a job: "initial_weights", in the form GET /models/{id}/weights
 * shows, {"layers": [{"weights": [[in][out]], "bias": [..], "gain", "shift", "slopes", "mean",
 * "variance": [..]}, ..], "embeddings": [[levels][width], ..], "input_scale": [..]}, or just the
 * array of layers. A member that a layer leaves out keeps the value that was drawn for it; so do
 * all tables without "embeddings". What the inputs are called there ("inputs") does not count here.
 *
 * One thread at a time.
 */
#ifndef MLPD_JOBS_CONFIG_WEIGHTS_H
#define MLPD_JOBS_CONFIG_WEIGHTS_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "mlp/mlp.h"

struct config_weights;

/* Numbers and shapes in themselves; problems point below /initial_weights. NULL when there is
 * one. */
struct config_weights *config_weights_read(const json_t *json, struct err *err);
void config_weights_free(struct config_weights **weights);
/* As JSON, numbers with the digits that bring a float32 back. */
void config_weights_print(const struct config_weights *weights, struct buf *out);

/* Whether they fit a network of this shape. n_inputs and n_outputs are only looked at when
 * `exact`, because before the encoder is fitted they are bounds. */
int config_weights_check(const struct config_weights *weights, const struct mlp_spec *spec,
                         bool exact, struct err *err) MUST_CHECK;
/* Into a network they were checked for. */
void config_weights_apply(const struct config_weights *weights, struct mlp_net *net);

#endif
