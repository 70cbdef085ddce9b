/* A net with the room of a training and nothing around it, for tests of single stages. */
#ifndef MLP_RIG_H
#define MLP_RIG_H

#include "mlp_help.h"

#include "mlp/noise.h"
#include "mlp/norm.h"
#include "mlp/pass.h"

struct rig {
    struct mlp_net *net;
    struct pass pass;
    void *memory;
    float *gradient;
};

/* Random parameters everywhere (help_net's are 0 and 1 in a norm), by the given kernel table. */
static inline struct rig rig_new(const struct mlp_spec *spec, size_t max_rows, size_t table,
                                 uint64_t seed)
{
    const struct kernel *tables[KERNEL_MAX];
    struct arena arena = {0};
    struct rig r = {.net = help_net(spec, seed)};

    ck_assert_uint_lt(table, kernel_tables(tables));
    r.net->kernel = tables[table];
    for (size_t i = 0; i < r.net->n_params; i++) {
        r.net->params[i] += (float)(0.4 * help_bell(&seed));
    }
    pass_layout(&r.pass, spec, max_rows, true, &arena);
    r.memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(r.memory);
    memset(r.memory, 0xff, arena.used); /* NaN: nothing may be read before it is written */
    arena.used = 0;
    pass_layout(&r.pass, spec, max_rows, true, &arena);
    ck_assert_int_eq(pass_init(&r.pass, r.net), MLP_OK);
    r.gradient = help_floats(&seed, r.net->n_params, 1);
    return r;
}

static inline void rig_free(struct rig *r)
{
    pass_fini(&r->pass);
    mlp_net_free(&r->net);
    free(r->memory);
    free(r->gradient);
}

static inline double rig_gradient(struct rig *r, const struct mlp_data *batch,
                                  const struct pass_moment *moment)
{
    double loss = 0;

    ck_assert_int_eq(pass_gradient(&r->pass, r->net, batch, moment, 0, r->gradient, &loss), MLP_OK);
    return loss;
}

#endif
