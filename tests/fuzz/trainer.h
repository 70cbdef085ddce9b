/* Small trainings, for the checkpoints' target and its seeds: which of them follows from the first
 * letter of the config's hash that stands in the file. */
#ifndef MLPD_TESTS_FUZZ_TRAINER_H
#define MLPD_TESTS_FUZZ_TRAINER_H

#include "fuzz.h"
#include "mlp/mlp.h"

#define TRAINERS 4

struct trainer {
    struct mlp_net *net;
    struct mlp_train_spec spec;
    struct mlp_data data;
    struct mlp_callbacks callbacks;
    struct mlp_trainer *trainer;
    size_t steps_left; /* until it is told to stop */
};

static inline bool trainer_stop(void *arg)
{
    struct trainer *t = arg;

    return t->steps_left == 0 || t->steps_left-- == 0;
}

/* Moments of adam with an average, momentum with another, lbfgs's history, rmsprop. */
static inline void trainer_open(struct trainer *t, unsigned kind, size_t steps)
{
    static const float x[] = {0, 0, 0, 1, 1, 0, 1, 1, 0.5f, 2, -1, 1}, y[] = {0, 1, 1, 0, 2, -1};
    static const enum mlp_optimizer optimizers[TRAINERS] = {MLP_ADAM, MLP_SGD, MLP_LBFGS,
                                                            MLP_RMSPROP};
    static const struct mlp_layer_spec hidden[] = {
        {.units = 3, .activation = MLP_TANH, .norm = MLP_NORM_BATCH, .init_scale = 1},
        {.units = 2, .activation = MLP_PRELU, .init_scale = 1},
    };
    const struct mlp_spec network = {.n_inputs = 2,
                                     .n_outputs = 1,
                                     .n_hidden = kind == 2 ? 1 : 2,
                                     .hidden = kind == 2 ? &hidden[1] : hidden,
                                     .output_init_scale = 1,
                                     .output = MLP_OUT_IDENTITY,
                                     .loss = MLP_MSE};
    bool whole = kind == 2;

    *t = (struct trainer){.net = NULL, .steps_left = steps};
    FUZZ_TRUE(mlp_net_new(&network, &t->net) == MLP_OK && mlp_net_init(t->net, 7) == MLP_OK);
    t->data = (struct mlp_data){.rows = 6, .x = x, .targets = y};
    t->spec = (struct mlp_train_spec){
        .optimizer = optimizers[kind],
        .learning_rate = whole ? 1 : 0.01,
        .momentum = kind == 1 ? 0.9 : 0,
        .rho = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .average = kind == 0   ? MLP_AVERAGE_EMA
                   : kind == 1 ? MLP_AVERAGE_SWA
                               : MLP_AVERAGE_NONE,
        .average_decay = 0.9,
        .average_start = 1,
        .epochs = 5,
        .batch_size = whole ? 6 : 2,
        .shuffle = !whole,
        .seed = 3,
        .patience = 3,
        .restore_best = true,
        .gradient_norms = true,
    };
    t->callbacks = (struct mlp_callbacks){.arg = t, .stop = trainer_stop};
    FUZZ_TRUE(mlp_trainer_new(t->net, &t->spec, &t->data, &t->data, &t->callbacks, &t->trainer) ==
              MLP_OK);
}

static inline void trainer_close(struct trainer *t)
{
    mlp_trainer_free(&t->trainer);
    mlp_net_free(&t->net);
}

#endif
