/* The inside of a training, for tests. See mlp.h for what it does. */
#ifndef MLP_TRAIN_H
#define MLP_TRAIN_H

#include "mlp/optimizer.h"
#include "mlp/pass.h"
#include "mlp/rng.h"

/* Rows of a validation slice, unless batches are larger. */
#define TRAIN_MIN_PASS_ROWS ((size_t)64)

struct trainer {
    struct mlp_net *net;
    const struct mlp_train_spec *spec;
    const struct mlp_data *data;
    const struct mlp_data *validation; /* NULL: none */
    const struct mlp_callbacks *callbacks;
    size_t batch_rows; /* of a full batch */

    struct pass pass;
    struct optimizer optimizer;
    mlp_real *gradient;        /* [n_params] */
    mlp_real *best;            /* [n_values] */
    uint32_t *order;           /* [rows], and one gathered batch; only with shuffle */
    mlp_real *x, *targets, *weights, *offset;
    uint32_t *labels;

    size_t waited; /* epochs since the best one */
    struct mlp_result result;
};

/* The trainer's pieces of one arena. */
void train_layout(struct trainer *t, const struct mlp_spec *spec,
                  const struct mlp_train_spec *train, size_t rows, struct arena *arena);

#endif
