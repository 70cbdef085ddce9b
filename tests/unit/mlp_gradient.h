/* Loss and gradient of one batch, from either build of the learning core. `gradient` may be
 * NULL; return false when the library refuses. */
#ifndef MLP_GRADIENT_H
#define MLP_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mlp_spec;

/* Arrays as in struct mlp_data, in double; params as long as mlp_net_parameters. The random
 * numbers of dropout and noise are those of (seed, epoch, step). */
struct double_batch {
    const struct mlp_spec *spec;
    size_t rows;
    const double *params, *x, *targets;
    const uint32_t *labels;
    const double *weights, *offset;
    double smoothing;
    uint64_t seed;
    uint32_t epoch, step;
};
bool double_batch_gradient(const struct double_batch *b, double *loss, double *gradient);

bool double_gradient(const struct mlp_spec *spec, const double *params, const double *x,
                     const double *targets, const uint32_t *labels, size_t rows, double *loss,
                     double *gradient);

/* The loss of one row's trace and all derivatives that it shows (mlp_trace_flat.h). params has the
 * state, too: n_values = mlp_net_values. */
bool double_trace(const struct double_batch *b, size_t n_values, double *loss, double *gradient);

/* A random batch for a network, and every parameter's derivative on it: the double build's
 * analytic one against central differences of its loss, then each kernel table's float32
 * gradients against the double ones, tensor by tensor. Fails the test with `what` in its words. */
struct gradient_case {
    const char *what;
    const struct mlp_spec *spec;
    size_t rows;
    uint64_t seed;
    bool soft_targets; /* a softmax's truth is rows of probabilities */
    bool weighted, with_offset;
    double smoothing;
    double tolerance; /* of float32, where its tensors are small differences; 0: 1e-5 */
};
void gradient_check(const struct gradient_case *c);

#endif
