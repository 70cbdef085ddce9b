/* SGD (momentum, Nesterov) and Adam over the segment table; definitions as PyTorch's.
 *
 * l2 adds l2 W to the gradient of segments that decay (weights, not biases). Bias
 * corrections are computed in double. One thread at a time, no allocation.
 */
#include "mlp/optimizer.h"

#include <math.h>
#include <string.h>

void optimizer_layout(struct optimizer *o, const struct mlp_train_spec *spec, size_t n_params,
                      struct arena *arena)
{
    bool adam = spec->optimizer == MLP_ADAM;

    *o = (struct optimizer){.spec = spec};
    if (adam || spec->momentum > 0) {
        o->m = arena_take(arena, n_params, sizeof(mlp_real));
    }
    if (adam) {
        o->v = arena_take(arena, n_params, sizeof(mlp_real));
    }
}

void optimizer_start(struct optimizer *o, size_t n_params)
{
    if (o->m != NULL) {
        memset(o->m, 0, n_params * sizeof(*o->m));
    }
    if (o->v != NULL) {
        memset(o->v, 0, n_params * sizeof(*o->v));
    }
    o->power1 = 1;
    o->power2 = 1;
}

static void step_part(const struct optimizer *o, struct mlp_net *net, const mlp_real *gradient,
                      double rate, size_t offset, size_t length, mlp_real l2)
{
    const struct mlp_train_spec *s = o->spec;
    mlp_real *w = net->params + offset;
    mlp_real *m = o->m != NULL ? o->m + offset : NULL;

    if (s->optimizer == MLP_ADAM) {
        const struct kernel_adam adam = {
            .beta1 = (mlp_real)s->beta1,
            .beta2 = (mlp_real)s->beta2,
            .step = (mlp_real)(rate / (1 - o->power1)),
            .root = (mlp_real)(1 / sqrt(1 - o->power2)),
            .epsilon = (mlp_real)s->epsilon,
            .l2 = l2,
        };

        net->kernel->adam(&adam, w, gradient + offset, m, o->v + offset, length);
    } else {
        const struct kernel_sgd sgd = {
            .rate = (mlp_real)rate,
            .momentum = (mlp_real)s->momentum,
            .l2 = l2,
            .nesterov = s->nesterov,
        };

        net->kernel->sgd(&sgd, w, gradient + offset, m, length);
    }
}

void optimizer_step(struct optimizer *o, struct mlp_net *net, mlp_real *gradient, double rate)
{
    o->power1 *= o->spec->beta1;
    o->power2 *= o->spec->beta2;
    if (o->spec->l2 == 0) { /* all segments are treated alike: one long run */
        step_part(o, net, gradient, rate, 0, net->n_params, 0);
        return;
    }
    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];

        step_part(o, net, gradient, rate, s->offset, s->length, s->decay ? (mlp_real)o->spec->l2 : 0);
    }
}
