/* Exponential and stochastic weight averaging. See average.h.
 *
 * Element by element, so the order of elements cannot matter. One thread.
 */
#include "mlp/average.h"

#include <string.h>

void average_layout(struct average *a, const struct mlp_train_spec *spec, size_t n_values,
                    struct arena *arena)
{
    *a = (struct average){.spec = spec};
    if (spec->average != MLP_AVERAGE_NONE) {
        a->mean = arena_take(arena, n_values, sizeof(mlp_real));
        a->raw = arena_take(arena, n_values, sizeof(mlp_real));
    }
}

/* mean += part (w - mean) */
static void move(mlp_real *restrict mean, const mlp_real *restrict w, size_t n, double part)
{
    mlp_real share = (mlp_real)part;

    for (size_t i = 0; i < n; i++) {
        mean[i] += share * (w[i] - mean[i]);
    }
}

static void add(struct average *a, const struct mlp_net *net, double part)
{
    if (a->count++ == 0) {
        memcpy(a->mean, net->params, net->n_values * sizeof(*a->mean));
    } else {
        move(a->mean, net->params, net->n_values, part);
    }
}

void average_step(struct average *a, const struct mlp_net *net)
{
    if (a->spec->average == MLP_AVERAGE_EMA) {
        add(a, net, 1 - a->spec->average_decay);
    }
}

void average_epoch(struct average *a, const struct mlp_net *net, size_t epoch)
{
    if (a->spec->average == MLP_AVERAGE_SWA && (double)epoch > a->spec->average_start) {
        add(a, net, 1.0 / (double)(a->count + 1));
    }
}

bool average_show(struct average *a, struct mlp_net *net)
{
    size_t bytes = net->n_values * sizeof(*a->raw);

    if (a->count == 0) {
        return false;
    }
    memcpy(a->raw, net->params, bytes);
    memcpy(net->params, a->mean, bytes);
    a->shown = true;
    return true;
}

void average_hide(struct average *a, struct mlp_net *net)
{
    if (a->shown) {
        memcpy(net->params, a->raw, net->n_values * sizeof(*a->raw));
        a->shown = false;
    }
}
