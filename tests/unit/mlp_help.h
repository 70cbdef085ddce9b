/* What the tests of the learning core share: numbers that look random and are the same
 * everywhere, and nets in one line.
 *
 * The generator is not the library's own: a fault in that one must not hide here.
 */
#ifndef MLP_HELP_H
#define MLP_HELP_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlp/mlp.h"

static inline double help_unit(uint64_t *state) /* [0, 1), splitmix64 */
{
    uint64_t z = *state += 0x9E3779B97F4A7C15U;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Roughly normal, in (-3, 3): the sum of some uniform numbers. */
static inline double help_bell(uint64_t *state)
{
    double sum = 0;

    for (int i = 0; i < 6; i++) {
        sum += help_unit(state) - 0.5;
    }
    return sum * sqrt(2.0);
}

/* n floats between -size and size; free them. At least one byte, so NULL means trouble. */
static inline float *help_floats(uint64_t *state, size_t n, double size)
{
    float *x = malloc(n * sizeof(*x) + 1);

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(size * (2 * help_unit(state) - 1));
    }
    return x;
}

/* Numbers that are the same in float and double. */
static inline double help_exact(double x)
{
    return (double)(float)x;
}

/* n zeros; free them. */
static inline double *help_doubles(size_t n)
{
    double *x = calloc(n + 1, sizeof(*x));

    ck_assert_ptr_nonnull(x);
    return x;
}

/* The same numbers as floats; free them. */
static inline float *help_narrowed(const double *x, size_t n)
{
    float *out = malloc(n * sizeof(*out) + 1);

    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)x[i];
    }
    return out;
}

static inline uint32_t *help_labels(uint64_t *state, size_t n, size_t classes)
{
    uint32_t *labels = malloc(n * sizeof(*labels) + 1);

    ck_assert_ptr_nonnull(labels);
    for (size_t i = 0; i < n; i++) {
        labels[i] = (uint32_t)(help_unit(state) * (double)classes);
    }
    return labels;
}

/* The output that goes with a loss (identity for numbers). */
static inline enum mlp_output help_output(enum mlp_loss loss)
{
    switch (loss) {
    case MLP_CROSS_ENTROPY:
    case MLP_FOCAL:
        return MLP_OUT_SOFTMAX;
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        return MLP_OUT_SIGMOID;
    case MLP_POISSON:
    case MLP_GAMMA:
    case MLP_TWEEDIE:
        return MLP_OUT_EXP;
    default:
        return MLP_OUT_IDENTITY;
    }
}

/* A parameter for those losses that have one. */
static inline double help_loss_parameter(enum mlp_loss loss)
{
    switch (loss) {
    case MLP_FOCAL:
    case MLP_BINARY_FOCAL:
        return 2;
    case MLP_HUBER:
        return 0.7;
    case MLP_QUANTILE:
        return 0.3;
    case MLP_TWEEDIE:
        return 1.5;
    default:
        return 0;
    }
}

static inline struct mlp_spec help_spec(size_t n_inputs, size_t n_hidden,
                                        const struct mlp_layer_spec *hidden, size_t n_outputs,
                                        enum mlp_loss loss)
{
    return (struct mlp_spec){.n_inputs = n_inputs,
                             .n_outputs = n_outputs,
                             .n_hidden = n_hidden,
                             .hidden = hidden,
                             .output = help_output(loss),
                             .loss = loss,
                             .loss_parameter = help_loss_parameter(loss)};
}

static inline struct mlp_net *help_net(const struct mlp_spec *spec, uint64_t seed)
{
    struct mlp_net *net = NULL;

    ck_assert_int_eq(mlp_net_new(spec, &net), MLP_OK);
    ck_assert_int_eq(mlp_net_init(net, seed), MLP_OK);
    return net;
}

static inline struct mlp_train_spec help_adam(double rate, size_t epochs, size_t batch)
{
    return (struct mlp_train_spec){.optimizer = MLP_ADAM,
                                   .learning_rate = rate,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .epochs = epochs,
                                   .batch_size = batch,
                                   .shuffle = true,
                                   .seed = 7};
}

static inline int help_run(Suite *s)
{
    SRunner *r = srunner_create(s);

    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);

    srunner_free(r);
    return failed == 0 ? 0 : 1;
}

#endif
