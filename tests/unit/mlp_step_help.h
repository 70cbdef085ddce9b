/* What the tests of optimizers share: a net of some layers with an optimizer of its own. */
#ifndef MLP_STEP_HELP_H
#define MLP_STEP_HELP_H

#include "mlp_help.h"

#include "mlp/optimizer.h"

struct rig {
    struct mlp_net *net;
    struct optimizer optimizer;
    void *memory;
    size_t bytes; /* of the optimizer */
};

/* 5 inputs with a scale, 9 prelu units behind a norm, 70 (more than a band of columns) of maxout,
 * 3 outputs. */
static inline void rig_open(struct rig *r, const struct mlp_train_spec *train)
{
    static const struct mlp_layer_spec hidden[] = {
        {.units = 9, .activation = MLP_PRELU, .norm = MLP_NORM_LAYER},
        {.units = 35, .activation = MLP_MAXOUT, .pieces = 2}};
    struct mlp_spec spec = help_spec(5, 2, hidden, 3, MLP_CROSS_ENTROPY);
    struct arena arena = {0};

    spec.input_scale = true;
    r->net = help_net(&spec, 11);
    optimizer_layout(&r->optimizer, train, r->net->n_params, &arena);
    r->bytes = arena.used;
    r->memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(r->memory);
    arena.used = 0;
    optimizer_layout(&r->optimizer, train, r->net->n_params, &arena);
    memset(r->memory, 0xA5, r->bytes); /* whatever was there */
    optimizer_start(&r->optimizer, r->net->n_params);
}

static inline void rig_close(struct rig *r)
{
    free(r->memory);
    mlp_net_free(&r->net);
}

/* Every element of it everywhere else: of all kinds there are. */
static inline struct mlp_train_spec step_spec(enum mlp_optimizer kind)
{
    return (struct mlp_train_spec){.optimizer = kind,
                                   .learning_rate = 0.01,
                                   .momentum = 0.9,
                                   .beta1 = 0.9,
                                   .beta2 = 0.99,
                                   .epsilon = 1e-6,
                                   .rho = 0.9,
                                   .momentum_decay = 0.004,
                                   .epochs = 1,
                                   .batch_size = 1};
}

/* A gradient for step t, some elements 0. Free it. */
static inline float *step_gradient(size_t n, size_t t)
{
    uint64_t seed = 1000 + t;
    float *g = help_floats(&seed, n, 2);

    for (size_t i = t; i < n; i += 17) {
        g[i] = 0;
    }
    return g;
}

/* All that a spec can ask for at once. */
static inline struct mlp_train_spec full_spec(enum mlp_optimizer kind)
{
    static const struct mlp_layer_train layers[] = {
        {.l1 = 0.01, .rate = 0.5}, {.l2 = 0.1}, {.rate = 3, .l2 = 0.01}};
    struct mlp_train_spec s = step_spec(kind);

    s.layers = layers;
    s.weight_decay = 0.1;
    s.bias_rate = 0.2;
    s.input_scale_rate = 4;
    s.clip_value = 1.5;
    s.clip_norm = 10;
    s.max_norm = 1.2;
    s.amsgrad = true;
    return s;
}

/* Steps [from, to) of a training that every rig goes the same way. */
static inline void take_steps(struct rig *r, size_t from, size_t to)
{
    for (size_t t = from; t < to; t++) {
        float *g = step_gradient(r->net->n_params, t);

        optimizer_step(&r->optimizer, r->net, g, 0.01 + 0.001 * (double)t);
        free(g);
    }
}

static inline void check_same(const struct rig *a, const struct rig *b)
{
    ck_assert_mem_eq(a->net->params, b->net->params, a->net->n_params * sizeof(float));
}

#endif
