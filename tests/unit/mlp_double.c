/* The door to the double build of the learning core: see mlp_double.h. */
#include "mlp_gradient.h"

#include <string.h>

#include "mlp/pass.h"

static bool run(struct mlp_net *net, const struct mlp_data *batch, double *loss, double *gradient)
{
    struct arena arena = {0};
    struct pass pass;

    pass_layout(&pass, &net->spec, batch->rows, true, &arena);
    arena.base = arena_alloc(&arena);
    arena.used = 0;
    void *memory = arena.base;
    if (memory == NULL) {
        return false;
    }
    pass_layout(&pass, &net->spec, batch->rows, true, &arena);
    double *g = malloc(net->n_params * sizeof(*g));
    bool ok = g != NULL && pass_init(&pass, net) == MLP_OK &&
              pass_gradient(&pass, net, batch, g, loss) == MLP_OK;

    if (ok && gradient != NULL) {
        memcpy(gradient, g, net->n_params * sizeof(*g));
    }
    pass_fini(&pass);
    free(g);
    free(memory);
    return ok;
}

bool double_gradient(const struct mlp_spec *spec, const double *params, const double *x,
                     const double *targets, const uint32_t *labels, size_t rows, double *loss,
                     double *gradient)
{
    struct mlp_net *net = NULL;

    if (mlp_net_new(spec, &net) != MLP_OK) {
        return false;
    }
    memcpy(net->params, params, net->n_params * sizeof(*params));
    const struct mlp_data batch = {.rows = rows, .x = x, .targets = targets, .labels = labels};
    bool ok = run(net, &batch, loss, gradient);

    mlp_net_free(&net);
    return ok;
}
