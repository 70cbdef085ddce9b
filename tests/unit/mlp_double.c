/* The door to the double build of the learning core: see mlp_double.h. */
#include "mlp_gradient.h"

#include <string.h>

#include "mlp/pass.h"

#include "mlp_trace_flat.h"

static bool run(struct mlp_net *net, const struct double_batch *b, double *loss, double *gradient)
{
    struct arena arena = {0};
    struct pass pass;
    const struct mlp_data batch = {.rows = b->rows,
                                   .x = b->x,
                                   .targets = b->targets,
                                   .labels = b->labels,
                                   .weights = b->weights,
                                   .offset = b->offset};
    const struct pass_moment moment = {.seed = b->seed, .epoch = b->epoch, .step = b->step};

    pass_layout(&pass, &net->spec, batch.rows, true, &arena);
    arena.base = arena_alloc(&arena);
    arena.used = 0;
    void *memory = arena.base;
    if (memory == NULL) {
        return false;
    }
    pass_layout(&pass, &net->spec, batch.rows, true, &arena);
    double *g = malloc(net->n_params * sizeof(*g));
    bool ok = g != NULL && pass_init(&pass, net) == MLP_OK &&
              pass_gradient(&pass, net, &batch, &moment, b->smoothing, g, loss) == MLP_OK;

    if (ok && gradient != NULL) {
        memcpy(gradient, g, net->n_params * sizeof(*g));
    }
    pass_fini(&pass);
    free(g);
    free(memory);
    return ok;
}

bool double_batch_gradient(const struct double_batch *b, double *loss, double *gradient)
{
    struct mlp_net *net = NULL;

    if (mlp_net_new(b->spec, &net) != MLP_OK) {
        return false;
    }
    memcpy(net->params, b->params, net->n_params * sizeof(*b->params));
    bool ok = run(net, b, loss, gradient);

    mlp_net_free(&net);
    return ok;
}

bool double_gradient(const struct mlp_spec *spec, const double *params, const double *x,
                     const double *targets, const uint32_t *labels, size_t rows, double *loss,
                     double *gradient)
{
    const struct double_batch b = {.spec = spec,
                                   .rows = rows,
                                   .params = params,
                                   .x = x,
                                   .targets = targets,
                                   .labels = labels};

    return double_batch_gradient(&b, loss, gradient);
}

bool double_trace(const struct double_batch *b, size_t n_params, double *loss, double *gradient)
{
    const struct mlp_data row = {.rows = b->rows,
                                 .x = b->x,
                                 .targets = b->targets,
                                 .labels = b->labels,
                                 .offset = b->offset};
    struct mlp_net *net = NULL;
    struct mlp_trace *trace = NULL;
    struct mlp_trace_ends ends;

    if (mlp_net_new(b->spec, &net) != MLP_OK) {
        return false;
    }
    bool ok = net->n_values == n_params;

    if (ok) {
        memcpy(net->params, b->params, net->n_values * sizeof(*b->params));
        ok = mlp_trace_new(net, &row, &trace) == MLP_OK;
    }
    if (ok) {
        mlp_trace_ends(trace, &ends);
        *loss = ends.loss;
    }
    if (ok && gradient != NULL) {
        trace_flat(net, &row, trace, gradient);
    }
    mlp_trace_free(&trace);
    mlp_net_free(&net);
    return ok;
}
