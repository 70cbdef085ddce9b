/* What the tests of training share: two problems, and a callback that keeps a diary. */
#ifndef MLP_TRAIN_HELP_H
#define MLP_TRAIN_HELP_H

#include "mlp_help.h"

static const float xor_x[8] = {0, 0, 0, 1, 1, 0, 1, 1}, xor_y[4] = {0, 1, 1, 0};
static const struct mlp_data xor_data = {.rows = 4, .x = xor_x, .targets = xor_y};
static const struct mlp_layer_spec xor_hidden[1] = {{.units = 8, .activation = MLP_TANH}};

static inline struct mlp_spec xor_spec(void)
{
    return help_spec(2, 1, xor_hidden, 1, MLP_BINARY_CROSS_ENTROPY);
}

/* A noisy plane: 4 inputs, 2 targets; rows as asked for. */
struct plane {
    float *x, *y;
    struct mlp_data data;
};

static inline struct plane plane_new(uint64_t seed, size_t rows, double noise)
{
    struct plane p = {.x = help_floats(&seed, rows * 4, 1), .y = help_floats(&seed, rows * 2, 1)};

    for (size_t i = 0; i < rows; i++) {
        const float *x = p.x + 4 * i;

        for (size_t j = 0; j < 2; j++) {
            p.y[2 * i + j] = (float)noise * p.y[2 * i + j] + x[j] - 2 * x[3 - j];
        }
    }
    p.data = (struct mlp_data){.rows = rows, .x = p.x, .targets = p.y};
    return p;
}

static inline void plane_free(struct plane *p)
{
    free(p->x);
    free(p->y);
}

static const struct mlp_layer_spec plane_hidden[1] = {{.units = 24, .activation = MLP_RELU}};

static inline struct mlp_spec plane_spec(void)
{
    return help_spec(4, 1, plane_hidden, 2, MLP_MSE);
}

/* A training by each optimizer, with the numbers it usually goes by. */
static inline struct mlp_train_spec help_optimizer(enum mlp_optimizer kind)
{
    struct mlp_train_spec s = {.optimizer = kind,
                               .learning_rate = 0.01,
                               .epochs = 1,
                               .batch_size = 16,
                               .shuffle = true,
                               .seed = 7};

    switch (kind) {
    case MLP_SGD:
        s.momentum = 0.9;
        break;
    case MLP_ADAM:
    case MLP_ADAMW:
    case MLP_NADAM:
    case MLP_RADAM:
        s.beta1 = 0.9;
        s.beta2 = 0.999;
        s.epsilon = 1e-8;
        s.momentum_decay = kind == MLP_NADAM ? 0.004 : 0;
        s.weight_decay = kind == MLP_ADAMW ? 0.01 : 0;
        break;
    case MLP_LION:
        s.learning_rate = 0.001;
        s.beta1 = 0.9;
        s.beta2 = 0.99;
        break;
    case MLP_RMSPROP:
        s.rho = 0.99;
        s.momentum = 0.5;
        s.epsilon = 1e-8;
        break;
    case MLP_ADAGRAD:
        s.epsilon = 1e-10;
        break;
    case MLP_ADADELTA:
        s.learning_rate = 1;
        s.rho = 0.9;
        s.epsilon = 1e-6;
        break;
    case MLP_RPROP:
        break;
    case MLP_LBFGS:
        s.learning_rate = 1;
        break;
    }
    return s;
}

/* What the callback saw. */
#define MOST_EPOCHS 400
struct diary {
    size_t epochs, polls, stop_at;
    struct mlp_epoch epoch[MOST_EPOCHS];
    const struct mlp_net *net;
    float *best; /* a copy of best_params, [n_params] */
};

static inline void write_diary(void *arg, const struct mlp_epoch *e)
{
    struct diary *d = arg;

    ck_assert_uint_eq(e->epoch, d->epochs + 1);
    ck_assert_uint_lt(d->epochs, MOST_EPOCHS);
    d->epoch[d->epochs++] = *e;
    ck_assert_int_eq(e->best_params == NULL, e->best_epoch == 0);
    if (e->best_params != NULL) {
        size_t bytes = mlp_net_parameters(d->net) * sizeof(*d->best);

        if (e->improved) {
            ck_assert_uint_eq(e->best_epoch, e->epoch);
            ck_assert_mem_eq(e->best_params, mlp_net_params_const(d->net), bytes);
            memcpy(d->best, e->best_params, bytes);
        } else {
            ck_assert_mem_eq(e->best_params, d->best, bytes);
        }
    }
}

static inline bool poll(void *arg)
{
    struct diary *d = arg;

    return ++d->polls == d->stop_at;
}

static inline struct diary diary_new(const struct mlp_net *net)
{
    struct diary d = {.net = net, .best = calloc(mlp_net_parameters(net), sizeof(float))};

    ck_assert_ptr_nonnull(d.best);
    return d;
}

static inline struct mlp_result run(struct mlp_net *net, const struct mlp_train_spec *train,
                                    const struct mlp_data *data,
                                    const struct mlp_data *validation, struct diary *d)
{
    const struct mlp_callbacks callbacks = {.arg = d, .stop = poll, .epoch = write_diary};
    struct mlp_result r;

    ck_assert_int_eq(mlp_train(net, train, data, validation, d != NULL ? &callbacks : NULL, &r),
                     MLP_OK);
    return r;
}

static inline bool all_finite(const struct mlp_net *net)
{
    for (size_t i = 0; i < mlp_net_parameters(net); i++) {
        if (!isfinite(mlp_net_params_const(net)[i])) {
            return false;
        }
    }
    return true;
}

#endif
