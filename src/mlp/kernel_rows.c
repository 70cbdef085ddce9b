/* Element-wise kernels: activations, their derivatives, column sums.
 *
 * Compiled once per instruction set, see kernel_isa.h. Each element is computed by
 * itself, so neither vector width nor position can change its bits.
 */
#include <string.h>

#include "mlp/kernel_math.h"

#define LEAK ((mlp_real)0.01)

static void sigmoid(const mlp_real *z, mlp_real *a, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        a[i] = math_sigmoid(z[i]);
    }
}

static void hyperbolic(const mlp_real *z, mlp_real *a, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        a[i] = math_tanh(z[i]);
    }
}

/* slope below zero; written so that NaN stays NaN */
static void rectify(const mlp_real *z, mlp_real *a, size_t n, mlp_real slope)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        a[i] = z[i] < 0 ? slope * z[i] : z[i];
    }
}

static void relu(const mlp_real *z, mlp_real *a, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        a[i] = z[i] < 0 ? 0 : z[i];
    }
}

void ISA(kernel_activate)(enum mlp_activation f, const mlp_real *z, mlp_real *a, size_t n)
{
    switch (f) {
    case MLP_SIGMOID:
        sigmoid(z, a, n);
        break;
    case MLP_TANH:
        hyperbolic(z, a, n);
        break;
    case MLP_RELU:
        relu(z, a, n);
        break;
    case MLP_LEAKY_RELU:
        rectify(z, a, n, LEAK);
        break;
    default:
        if (a != z) {
            memcpy(a, z, n * sizeof(*a));
        }
        break;
    }
}

void ISA(kernel_derive)(enum mlp_activation f, const mlp_real *restrict a, mlp_real *restrict delta,
                        size_t n)
{
    switch (f) {
    case MLP_IDENTITY:
        break;
    case MLP_SIGMOID: /* a (1 - a) */
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] *= a[i] * (1 - a[i]);
        }
        break;
    case MLP_TANH: /* 1 - a^2, without losing the small ones */
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] *= (1 - a[i]) * (1 + a[i]);
        }
        break;
    case MLP_RELU: /* 1 where z > 0, which is where a > 0; 0 at 0 */
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] = a[i] > 0 ? delta[i] : 0;
        }
        break;
    case MLP_LEAKY_RELU:
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] = a[i] > 0 ? delta[i] : LEAK * delta[i];
        }
        break;
    default:
        break;
    }
}

void ISA(kernel_column_sums)(const mlp_real *restrict x, size_t rows, size_t cols,
                             mlp_real *restrict out)
{
    if (cols == 1) { /* no columns to run along: lanes of rows, an order fixed by `rows` */
        mlp_real lane[8] = {0};
        size_t i = 0;

        for (; i + 8 <= rows; i += 8) {
            for (size_t l = 0; l < 8; l++) {
                lane[l] += x[i + l];
            }
        }
        for (size_t l = 0; i < rows; i++, l++) {
            lane[l] += x[i];
        }
        out[0] = ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
                 ((lane[1] + lane[5]) + (lane[3] + lane[7]));
        return;
    }
    SIMD
    for (size_t j = 0; j < cols; j++) {
        out[j] = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *row = x + i * cols;

        SIMD
        for (size_t j = 0; j < cols; j++) {
            out[j] += row[j];
        }
    }
}

void ISA(kernel_exp)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_exp(x[i]);
    }
}

void ISA(kernel_tanh)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_tanh(x[i]);
    }
}

void ISA(kernel_log1p)(const mlp_real *restrict x, mlp_real *restrict out, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        out[i] = math_log1p(x[i]);
    }
}
