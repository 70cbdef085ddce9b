/* Activations and their derivatives, element by element.
 *
 * Compiled once per instruction set, see kernel_isa.h. Each element is computed by itself and
 * without branches, so neither vector width nor position can change its bits. Comparisons are
 * written so that NaN stays NaN.
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

void ISA(kernel_derive)(enum mlp_activation f, const mlp_real *restrict from,
                        mlp_real *restrict delta, size_t n)
{
    const mlp_real *restrict a = from;

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
            delta[i] = a[i] <= 0 ? 0 : delta[i];
        }
        break;
    case MLP_LEAKY_RELU:
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] = a[i] <= 0 ? LEAK * delta[i] : delta[i];
        }
        break;
    default:
        break;
    }
}

void ISA(kernel_prelu)(const mlp_real *z, const mlp_real *slope, size_t rows, size_t cols,
                       mlp_real *a)
{
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *from = z + i * cols;
        mlp_real *to = a + i * cols;

        SIMD
        for (size_t j = 0; j < cols; j++) {
            to[j] = from[j] <= 0 ? slope[j] * from[j] : from[j];
        }
    }
}

void ISA(kernel_prelu_derive)(mlp_real *restrict z, const mlp_real *restrict slope, size_t rows,
                              size_t cols, mlp_real *restrict delta)
{
    for (size_t i = 0; i < rows; i++) {
        mlp_real *restrict from = z + i * cols;
        mlp_real *restrict d = delta + i * cols;

        SIMD
        for (size_t j = 0; j < cols; j++) {
            mlp_real v = from[j], incoming = d[j];

            d[j] = v <= 0 ? slope[j] * incoming : incoming;
            from[j] = v > 0 ? 0 : v * incoming;
        }
    }
}

/* The largest so far in `a`, then piece after piece against it. In place each row moves to the
 * left of all that is still to be read. */
void ISA(kernel_maxout)(const mlp_real *z, size_t rows, size_t units, size_t pieces, mlp_real *a)
{
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *piece = z + i * units * pieces;
        mlp_real *to = a + i * units;

        SIMD
        for (size_t j = 0; j < units; j++) {
            to[j] = piece[j];
        }
        for (size_t q = 1; q < pieces; q++) {
            piece += units;
            SIMD
            for (size_t j = 0; j < units; j++) {
                mlp_real v = piece[j], best = to[j];

                to[j] = (v > best) | (v != v) ? v : best; /* nothing beats a NaN */
            }
        }
    }
}

#define BLOCK 64

void ISA(kernel_maxout_derive)(const mlp_real *restrict z, const mlp_real *restrict a,
                               const mlp_real *restrict da, size_t rows, size_t units,
                               size_t pieces, mlp_real *restrict dz)
{
    for (size_t at = 0, n; at < rows * units; at += n) { /* a piece of a row at a time */
        size_t i = at / units, first = at % units, most = units - first;
        mlp_real left[BLOCK]; /* for the first piece that is the largest, then 0 */

        n = most < BLOCK ? most : BLOCK;
        memcpy(left, da + at, n * sizeof(*left));
        for (size_t q = 0; q < pieces; q++) {
            const mlp_real *restrict v = z + (i * pieces + q) * units + first;
            const mlp_real *restrict best = a + at;
            mlp_real *restrict to = dz + (i * pieces + q) * units + first;

            SIMD
            for (size_t j = 0; j < n; j++) {
                mlp_real d = left[j];

                to[j] = v[j] < best[j] ? 0 : d;
                left[j] = v[j] < best[j] ? d : 0;
            }
        }
    }
}
