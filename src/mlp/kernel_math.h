/* exp, expm1, log, log1p, tanh, sigmoid and the normal distribution without branches, so that
 * compilers can make vectors of them (libm's are calls). At most 2 ulp from the true value,
 * tests/unit/check_mlp_kernel.c and check_mlp_activations.c hold them to it. NaN passes: every
 * comparison is written so that a NaN falls through.
 *
 * The polynomials are least-maximum fits of the given functions on the given
 * ranges. The double build, which exists to check gradients, takes libm's.
 */
#ifndef MLP_KERNEL_MATH_H
#define MLP_KERNEL_MATH_H

#include <math.h>
#include <stdint.h>

#include "mlp/kernel_isa.h"

#ifdef MLP_DOUBLE
static inline double math_exp(double x)
{
    return exp(x);
}
static inline double math_log(double x)
{
    return log(x);
}
static inline double math_tanh(double x)
{
    return tanh(x);
}
static inline double math_log1p(double x)
{
    return log1p(x);
}
static inline double math_expm1(double x)
{
    return expm1(x);
}
static inline double math_gauss(double t)
{
    return exp(-0.5 * t * t);
}
static inline double math_mills(double t)
{
    return 0.5 * erfc(t * 0.70710678118654752440) * exp(0.5 * t * t);
}
#define math_abs  fabs
#define math_sqrt sqrt
#else
#define math_abs  fabsf
#define math_sqrt sqrtf

static inline float math_pow2(int32_t n) /* -126 <= n <= 127; of a NaN's n anything */
{
    union {
        uint32_t i;
        float f;
    } u = {.i = (uint32_t)(n + 127) << 23};

    return u.f;
}

/* x = n ln 2 + r with |r| <= ln(2)/2, for |x| < 2^21. NaN gives some n and stays in r. */
static inline float math_reduce(float x, int32_t *n)
{
    const float magic = 12582912.0F; /* 1.5 * 2^23: adding it rounds to an integer */
    union {
        float f;
        int32_t i;
    } u;

    u.f = FMA(x, 1.44269504F, magic);
    *n = (u.i & 0x7fffff) - 0x400000;
    float t = u.f - magic;
    float r = FMA(t, -0.693359375F, x); /* ln 2 in two parts, the first with few bits */

    return FMA(t, 2.12194440e-4F, r);
}

/* e^r - 1 on |r| <= ln(2)/2 */
static inline float math_expm1_near(float r)
{
    float p = 0.001381465F; /* (e^r - 1 - r) / r^2 */

    p = FMA(p, r, 0.00836870261F);
    p = FMA(p, r, 0.0416683853F);
    p = FMA(p, r, 0.166665211F);
    p = FMA(p, r, 0.49999994F);
    return FMA(r * r, p, r);
}

static inline float math_exp(float x)
{
    int32_t n;

    x = x < -104.0F ? -104.0F : x; /* exp is 0 below, */
    x = x > 89.0F ? 89.0F : x;     /* and infinite above */
    float e = 1.0F + math_expm1_near(math_reduce(x, &n));

    int32_t half = n >> 1; /* in two steps, for n in [-151, 129) */
    return e * math_pow2(half) * math_pow2(n - half);
}

/* e^x - 1 for x <= 0 */
static inline float math_expm1(float x)
{
    int32_t n;

    x = x < -30.0F ? -30.0F : x; /* -1 below */
    float e = math_expm1_near(math_reduce(x, &n));
    float power = math_pow2(n);

    return FMA(power, e, power - 1.0F);
}

/* e^(-t^2/2) for t in [0, 14.5]. The square in two parts, or its rounding would be seen. */
static inline float math_gauss(float t)
{
    union {
        float f;
        uint32_t i;
    } u = {.f = t};
    int32_t n;

    u.i &= 0xfffff000U; /* twelve bits: the square is exact */
    float large = -0.5F * u.f * u.f, rest = -0.5F * (t - u.f) * (t + u.f);
    float e = 1.0F + math_expm1_near(math_reduce(large, &n) + rest);

    int32_t half = n >> 1;
    return e * math_pow2(half) * math_pow2(n - half);
}

/* P(X > t) / e^(-t^2/2), X standard normal, for t in [0, 14.5]: 4 ulp, and 5 with the factor that
 * is missing. */
static inline float math_mills(float t)
{
    float u = (t - 4.0F) / (t + 4.0F);

    /* times (t + 1), which is nearly flat, in u */
    float p = 8.96319997e-5F;
    p = FMA(p, u, 0.000724478801F);
    p = FMA(p, u, -0.000408459587F);
    p = FMA(p, u, -0.00505046779F);
    p = FMA(p, u, 0.0179652191F);
    p = FMA(p, u, -0.0321853412F);
    p = FMA(p, u, 0.028597565F);
    p = FMA(p, u, 0.0139986908F);
    p = FMA(p, u, -0.096703392F);
    p = FMA(p, u, 0.472053217F);
    return p / (t + 1.0F);
}

/* log x = k ln 2 + log(1 + f) with 1 + f between sqrt(1/2) and sqrt(2). */
static inline float math_log(float x)
{
    bool small = x < 0x1p-126F; /* subnormal, zero or negative */
    union {
        float f;
        uint32_t i;
    } u = {.f = small ? x * 0x1p23F : x};
    int32_t k = (int32_t)(u.i - 0x3F3504F3U) >> 23;

    u.i -= (uint32_t)k << 23;
    float f = u.f - 1.0F, n = (float)(small ? k - 23 : k);
    float s = f / (2.0F + f), z = s * s, half = 0.5F * f * f;

    /* (2 atanh s - 2 s) / s^3 in s^2, on s^2 <= 0.0295; log(1 + f) = 2 atanh s */
    float q = 0.233329132F;
    q = FMA(q, z, 0.285507321F);
    q = FMA(q, z, 0.400001228F);
    q = FMA(q, z, 0.666666687F);
    float tail = FMA(s, FMA(z, q, half), n * -2.12194440e-4F);
    float y = FMA(n, 0.693359375F, f - (half - tail)); /* ln 2 in two parts */

    y = x == 0 ? -INFINITY : y;
    y = x < 0 ? NAN : y;
    return x <= 0x1.fffffep127F ? y : x; /* infinity and NaN are their own */
}

static inline float math_tanh(float x)
{
    float a = fabsf(x);
    float u = x * x;

    /* (tanh x - x) / x^3 in x^2, on |x| <= 0.625 */
    float q = -0.00571750384F;
    q = FMA(q, u, 0.0206510518F);
    q = FMA(q, u, -0.0537436642F);
    q = FMA(q, u, 0.133314937F);
    q = FMA(q, u, -0.333332837F);
    float small = FMA(x * u, q, x);
    float large = copysignf(1.0F - 2.0F / (math_exp(2.0F * a) + 1.0F), x);

    return a < 0.625F ? small : large;
}

/* For x in [0, 1]: 2 atanh(s), s = x / (2 + x). */
static inline float math_log1p(float x)
{
    float s = x / (2.0F + x);
    float u = s * s;

    /* (2 atanh s - 2 s) / s^3 in s^2, on s <= 1/3 */
    float q = 0.242965817F;
    q = FMA(q, u, 0.214289159F);
    q = FMA(q, u, 0.286167562F);
    q = FMA(q, u, 0.39998883F);
    q = FMA(q, u, 0.666666746F);
    return FMA(s * u, q, 2.0F * s);
}
#endif

static inline mlp_real math_sigmoid(mlp_real z)
{
    return (mlp_real)1 / ((mlp_real)1 + math_exp(-z));
}

/* z between -limit and limit; NaN stays */
static inline mlp_real math_clamp(mlp_real z, mlp_real limit)
{
    z = z < -limit ? -limit : z;
    return z > limit ? limit : z;
}

#endif
