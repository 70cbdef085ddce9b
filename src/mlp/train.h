/* The inside of a training. See mlp.h for what it does.
 *
 *   trainer.c      what it takes: checks, memory, the estimate; new, publish, free
 *   train.c        steps and epochs
 *   train_state.c  saving and going on
 *
 * What always holds: `best` has the parameters of best_epoch, and they are finite; the net's
 * parameters were finite when the last finished epoch was reported; between two calls
 * `progress` and the arrays say all there is to say about where the training is.
 */
#ifndef MLP_TRAIN_H
#define MLP_TRAIN_H

#include "mlp/average.h"
#include "mlp/batches.h"
#include "mlp/optimizer.h"
#include "mlp/pass.h"
#include "mlp/rng.h"
#include "mlp/schedule.h"

/* Rows of a validation slice, unless batches are larger. */
#define TRAIN_MIN_PASS_ROWS ((size_t)64)

/* Plain numbers, saved as they are. */
struct train_progress {
    uint64_t before;      /* epochs of the training that this one extends */
    uint64_t batch;       /* the next one of the epoch under way */
    uint64_t samples;     /* rows trained in that epoch, */
    double loss;          /* the sum of their losses, */
    double seconds;       /* and the time that took */
    uint64_t norm_steps;  /* steps in trainer.squares */
    uint64_t waited;      /* epochs since the best one */
    double all_seconds;   /* of training in all epochs */
    double rate;          /* learning rate of the last step */
    struct schedule_state schedule;
    struct mlp_result result;
};

struct mlp_trainer {
    struct mlp_net *net;
    const struct mlp_train_spec *spec;
    const struct mlp_data *data;
    const struct mlp_data *validation; /* NULL: none */
    const struct mlp_callbacks *callbacks;

    struct pass pass;
    struct batches batches;
    struct optimizer optimizer;
    struct average average;
    mlp_real *gradient;        /* [n_params] */
    mlp_real *part;            /* [n_params], of one batch where a step has several; or NULL */
    mlp_real *best;            /* [n_values] */
    double *squares;           /* [n_layers], sums of |dL/dW_k|^2; or NULL */
    double *norms;             /* [n_layers], for the epoch callback */

    struct train_progress progress;
    bool told_to_stop;         /* in the middle of a line search */
};

/* The trainer's pieces of one arena, itself the first; NULL while the arena only measures. */
struct mlp_trainer *train_layout(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                                 size_t rows, struct arena *arena);

/* Steps of an epoch. */
size_t train_steps(const struct mlp_trainer *t);

#endif
