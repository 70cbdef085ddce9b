/* Loss and gradient of one batch, from either build of the learning core. `gradient` may be
 * NULL; return false when the library refuses. */
#ifndef MLP_GRADIENT_H
#define MLP_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mlp_spec;

bool double_gradient(const struct mlp_spec *spec, const double *params, const double *x,
                     const double *targets, const uint32_t *labels, size_t rows, double *loss,
                     double *gradient);

#endif
