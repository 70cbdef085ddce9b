/* What the tests of L-BFGS share: a net, its optimizer, and the loss of all rows as its function.
 */
#ifndef MLP_LBFGS_HELP_H
#define MLP_LBFGS_HELP_H

#include "mlp_help.h"

#include "mlp/optimizer.h"
#include "mlp/pass.h"

struct rig {
    struct mlp_spec spec;
    struct mlp_train_spec train;
    struct mlp_data data;
    struct mlp_net *net;
    struct pass pass;
    struct optimizer optimizer;
    struct lbfgs_function f;
    void *memory;
};

static inline void lay_out(struct rig *r, struct arena *arena)
{
    optimizer_layout(&r->optimizer, &r->train, r->net->n_params, arena);
    pass_layout(&r->pass, &r->spec, r->data.rows > 0 ? r->data.rows : 1, true, arena);
}

static inline enum mlp_status whole_data(void *arg, struct mlp_net *net, mlp_real *gradient,
                                         double *loss)
{
    struct rig *r = arg;
    const struct pass_moment moment = {.epoch = 1};

    return pass_gradient(&r->pass, net, &r->data, &moment, 0, gradient, loss);
}

/* Takes r->spec, r->train and r->data. */
static inline void rig_open(struct rig *r, uint64_t seed)
{
    struct arena arena = {0};

    r->train.optimizer = MLP_LBFGS;
    r->train.epochs = r->train.batch_size = 1;
    r->net = help_net(&r->spec, seed);
    ck_assert(optimizer_spec_makes_sense(&r->train, r->net->n_layers));
    lay_out(r, &arena);
    r->memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(r->memory);
    arena.used = 0;
    lay_out(r, &arena);
    optimizer_start(&r->optimizer, r->net->n_params);
    ck_assert_int_eq(pass_init(&r->pass, r->net), MLP_OK);
    r->f = (struct lbfgs_function){.arg = r, .evaluate = whole_data};
}

static inline void rig_close(struct rig *r)
{
    pass_fini(&r->pass);
    free(r->memory);
    mlp_net_free(&r->net);
}

static inline enum lbfgs_outcome iterate(struct rig *r)
{
    enum lbfgs_outcome outcome = lbfgs_iterate(&r->optimizer.lbfgs, r->net, &r->f);

    ck_assert_uint_le(r->optimizer.lbfgs.evaluations, LBFGS_EVALUATIONS + 1);
    return outcome;
}

/* At most n iterations; how many it took. */
static inline size_t run(struct rig *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum lbfgs_outcome outcome = iterate(r);

        if (outcome != LBFGS_IMPROVED) {
            ck_assert_int_eq(outcome, LBFGS_CONVERGED);
            return i;
        }
    }
    return n;
}

#endif
