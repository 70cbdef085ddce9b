/* Activations and their derivatives, element by element.
 *
 * Compiled once per instruction set, see kernel_isa.h. Each element is computed by itself and
 * without branches, so neither vector width nor position can change its bits. Comparisons are
 * written so that NaN stays NaN.
 */
#include <string.h>

#include "mlp/kernel_math.h"

#define LEAK       ((mlp_real)0.01)
#define SELU_SCALE ((mlp_real)1.0507009873554804934)
#define SELU_LOW   ((mlp_real)1.7580993408473768599) /* scale times alpha: what -f tends to */

/* Beyond these, f is z or its limit to all digits; so an infinite z gives the limit. */
#define FAR        ((mlp_real)104) /* e^-FAR is 0 */
#define GAUSS_FAR  ((mlp_real)14.5)
#define MISH_FAR   ((mlp_real)20)
#define ROOT_2PI   ((mlp_real)2.5066282746310005024)

static inline mlp_real relu(mlp_real z)
{
    return z < 0 ? 0 : z;
}

static inline mlp_real leaky_relu(mlp_real z)
{
    return z < 0 ? LEAK * z : z;
}

static inline mlp_real elu(mlp_real z)
{
    mlp_real low = math_expm1(z > 0 ? 0 : z);

    return z > 0 ? z : low;
}

static inline mlp_real selu(mlp_real z)
{
    mlp_real low = SELU_LOW * math_expm1(z > 0 ? 0 : z);

    return z > 0 ? SELU_SCALE * z : low;
}

/* z Phi(z) = relu(z) - t Q(t), t = |z|, Q(t) = Phi(-t): no digits are lost on either side */
static inline mlp_real gelu(mlp_real z)
{
    mlp_real t = math_abs(math_clamp(z, GAUSS_FAR));

    return relu(z) - t * math_gauss(t) * math_mills(t);
}

static inline mlp_real silu(mlp_real z)
{
    mlp_real low = z < -FAR ? -FAR : z;
    mlp_real e = math_exp(-math_abs(low)); /* <= 1 */
    mlp_real s = 1 / (1 + e);

    return low * (z < 0 ? e * s : s);
}

static inline mlp_real softplus(mlp_real z)
{
    return relu(z) + math_log1p(math_exp(-math_abs(z)));
}

static inline mlp_real softsign(mlp_real z)
{
    mlp_real v = math_clamp(z, (mlp_real)1e30);

    return v / (1 + math_abs(v));
}

/* tanh(log(1 + e)) = w / (w + 2), w = e (e + 2), e = e^z */
static inline mlp_real mish(mlp_real z)
{
    mlp_real low = z < -FAR ? -FAR : z;
    mlp_real e = math_exp(low > MISH_FAR ? MISH_FAR : low);
    mlp_real w = e * (e + 2);

    return low * (w / (w + 2));
}

/* The derivatives. `a` is f(z), see activation_keeps_z. */

static inline mlp_real sigmoid_slope(mlp_real a)
{
    return a * (1 - a);
}

static inline mlp_real tanh_slope(mlp_real a) /* 1 - a^2, without losing the small ones */
{
    return (1 - a) * (1 + a);
}

static inline mlp_real elu_slope(mlp_real a)
{
    return a > 0 ? 1 : 1 + a;
}

static inline mlp_real selu_slope(mlp_real a)
{
    return a > 0 ? SELU_SCALE : a + SELU_LOW;
}

static inline mlp_real softplus_slope(mlp_real a) /* sigmoid(z) */
{
    return -math_expm1(-a);
}

static inline mlp_real softsign_slope(mlp_real a)
{
    mlp_real rest = 1 - math_abs(a);

    return rest * rest;
}

/* Phi(z) + z phi(z) */
static inline mlp_real gelu_slope(mlp_real z)
{
    mlp_real v = math_clamp(z, GAUSS_FAR), t = math_abs(v);
    mlp_real e = math_gauss(t), tail = e * math_mills(t);

    return (z > 0 ? 1 - tail : tail) + v * e * (1 / ROOT_2PI);
}

/* s (1 + z (1 - s)), s = sigmoid(z) */
static inline mlp_real silu_slope(mlp_real z)
{
    mlp_real v = math_clamp(z, FAR);
    mlp_real e = math_exp(-math_abs(v)), high = 1 / (1 + e), low = e * high;
    mlp_real s = z < 0 ? low : high, rest = z < 0 ? high : low;

    return s * (1 + v * rest);
}

/* t + z (1 - t^2) sigmoid(z), t = w / (w + 2) as above; 1 - t^2 = (2 (1 + e) / (w + 2))^2 */
static inline mlp_real mish_slope(mlp_real z)
{
    mlp_real low = z < -FAR ? -FAR : z, v = low > MISH_FAR ? MISH_FAR : low;
    mlp_real e = math_exp(v), w = e * (e + 2), r = 1 / (w + 2);

    return w * r + v * (4 * e * (1 + e) * r) * r;
}

#define FORWARD(f)                                                                                 \
    do {                                                                                           \
        SIMD                                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            a[i] = f(z[i]);                                                                        \
        }                                                                                          \
    } while (0)

void ISA(kernel_activate)(enum mlp_activation f, const mlp_real *z, mlp_real *a, size_t n)
{
    switch (f) {
    case MLP_SIGMOID:
        FORWARD(math_sigmoid);
        break;
    case MLP_TANH:
        FORWARD(math_tanh);
        break;
    case MLP_RELU:
        FORWARD(relu);
        break;
    case MLP_LEAKY_RELU:
        FORWARD(leaky_relu);
        break;
    case MLP_ELU:
        FORWARD(elu);
        break;
    case MLP_SELU:
        FORWARD(selu);
        break;
    case MLP_GELU:
        FORWARD(gelu);
        break;
    case MLP_SILU:
        FORWARD(silu);
        break;
    case MLP_SOFTPLUS:
        FORWARD(softplus);
        break;
    case MLP_SOFTSIGN:
        FORWARD(softsign);
        break;
    case MLP_MISH:
        FORWARD(mish);
        break;
    case MLP_IDENTITY:
    case MLP_PRELU: /* these two have kernels of their own */
    case MLP_MAXOUT:
        if (a != z) {
            memcpy(a, z, n * sizeof(*a));
        }
        break;
    }
}

#define BACKWARD(f)                                                                                \
    do {                                                                                           \
        SIMD                                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            delta[i] *= f(from[i]);                                                                \
        }                                                                                          \
    } while (0)

void ISA(kernel_derive)(enum mlp_activation f, const mlp_real *restrict from,
                        mlp_real *restrict delta, size_t n)
{
    switch (f) {
    case MLP_SIGMOID:
        BACKWARD(sigmoid_slope);
        break;
    case MLP_TANH:
        BACKWARD(tanh_slope);
        break;
    case MLP_RELU: /* 1 where z > 0, which is where a > 0; 0 at 0 */
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] = from[i] <= 0 ? 0 : delta[i];
        }
        break;
    case MLP_LEAKY_RELU:
        SIMD
        for (size_t i = 0; i < n; i++) {
            delta[i] = from[i] <= 0 ? LEAK * delta[i] : delta[i];
        }
        break;
    case MLP_ELU:
        BACKWARD(elu_slope);
        break;
    case MLP_SELU:
        BACKWARD(selu_slope);
        break;
    case MLP_GELU:
        BACKWARD(gelu_slope);
        break;
    case MLP_SILU:
        BACKWARD(silu_slope);
        break;
    case MLP_SOFTPLUS:
        BACKWARD(softplus_slope);
        break;
    case MLP_SOFTSIGN:
        BACKWARD(softsign_slope);
        break;
    case MLP_MISH:
        BACKWARD(mish_slope);
        break;
    case MLP_IDENTITY:
    case MLP_PRELU:
    case MLP_MAXOUT:
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

                to[j] = ((v > best) | (v != v)) ? v : best; /* nothing beats a NaN */
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
