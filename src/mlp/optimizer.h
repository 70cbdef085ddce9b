/* From a gradient to a step. State is flat arrays as long as the parameters. */
#ifndef MLP_OPTIMIZER_H
#define MLP_OPTIMIZER_H

#include "mlp/net.h"

struct optimizer {
    const struct mlp_train_spec *spec;
    mlp_real *m, *v;       /* [n_params] each, or NULL where the kind needs none */
    double power1, power2; /* beta1^t, beta2^t */
};

void optimizer_layout(struct optimizer *o, const struct mlp_train_spec *spec, size_t n_params,
                      struct arena *arena);
/* Moments zero, t = 0. */
void optimizer_start(struct optimizer *o, size_t n_params);
/* One step of the net's parameters along -gradient. */
void optimizer_step(struct optimizer *o, struct mlp_net *net, mlp_real *gradient, double rate);

#endif
