/* Activations by their formulas, in double and written another way than the kernels are. */
#ifndef MLP_ACTIVATION_HELP_H
#define MLP_ACTIVATION_HELP_H

#include <math.h>

#include "mlp/mlp.h"

#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_ALPHA 1.6732632423543772848170429916717

static inline double help_logistic(double z)
{
    return z > 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

static inline double help_normal_share(double z) /* Phi */
{
    return 0.5 * erfc(-z / sqrt(2));
}

static inline double help_plus(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static inline double help_activation(enum mlp_activation f, double z)
{
    switch (f) {
    case MLP_SIGMOID:
        return help_logistic(z);
    case MLP_TANH:
        return tanh(z);
    case MLP_RELU:
        return z > 0 ? z : 0;
    case MLP_LEAKY_RELU:
        return z > 0 ? z : 0.01 * z;
    case MLP_ELU:
        return z > 0 ? z : expm1(z);
    case MLP_SELU:
        return SELU_SCALE * (z > 0 ? z : SELU_ALPHA * expm1(z));
    case MLP_GELU:
        return z * help_normal_share(z);
    case MLP_SILU:
        return z * help_logistic(z);
    case MLP_SOFTPLUS:
        return help_plus(z);
    case MLP_SOFTSIGN:
        return z / (1 + fabs(z));
    case MLP_MISH:
        return z * tanh(help_plus(z));
    default:
        return z;
    }
}

static inline double help_slope(enum mlp_activation f, double z)
{
    double s = help_logistic(z), t = tanh(help_plus(z));

    switch (f) {
    case MLP_SIGMOID:
        return s * help_logistic(-z);
    case MLP_TANH:
        return pow(cosh(z), -2);
    case MLP_RELU:
        return z > 0 ? 1 : 0;
    case MLP_LEAKY_RELU:
        return z > 0 ? 1 : 0.01;
    case MLP_ELU:
        return z > 0 ? 1 : exp(z);
    case MLP_SELU:
        return SELU_SCALE * (z > 0 ? 1 : SELU_ALPHA * exp(z));
    case MLP_GELU:
        return help_normal_share(z) + z * exp(-z * z / 2) / sqrt(2 * acos(-1));
    case MLP_SILU:
        return s + z * s * help_logistic(-z);
    case MLP_SOFTPLUS:
        return s;
    case MLP_SOFTSIGN:
        return pow(1 + fabs(z), -2);
    case MLP_MISH:
        return t + z * (1 - t * t) * s;
    default:
        return 1;
    }
}

#endif
