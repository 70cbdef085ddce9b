/* Optimizer updates: one pass over parameters, gradient and moments.
 *
 * Compiled once per instruction set, see kernel_isa.h. The definitions are PyTorch's.
 * Moments under 1e-30 become 0: decaying by a factor each step they would otherwise
 * end among the subnormal numbers, never to leave them, at a hundred times the cost.
 */
#include <math.h>

#include "mlp/kernel_math.h"

#define TINY ((mlp_real)1e-30)

static inline mlp_real settle(mlp_real x)
{
    return math_abs(x) < TINY ? 0 : x;
}

void ISA(kernel_adam)(const struct kernel_adam *s, mlp_real *restrict w, const mlp_real *restrict g,
                      mlp_real *restrict m, mlp_real *restrict v, size_t n)
{
    const mlp_real beta1 = s->beta1, beta2 = s->beta2, l2 = s->l2;
    const mlp_real rest1 = 1 - beta1, rest2 = 1 - beta2;
    const mlp_real step = s->step, root = s->root, epsilon = s->epsilon;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = FMA(l2, w[i], g[i]);
        mlp_real mi = settle(FMA(beta1, m[i], rest1 * gi));
        mlp_real vi = settle(FMA(beta2, v[i], rest2 * gi * gi));

        m[i] = mi;
        v[i] = vi;
        w[i] -= step * mi / FMA(math_sqrt(vi), root, epsilon);
    }
}

void ISA(kernel_sgd)(const struct kernel_sgd *s, mlp_real *restrict w, const mlp_real *restrict g,
                     mlp_real *restrict m, size_t n)
{
    const mlp_real rate = s->rate, momentum = s->momentum, l2 = s->l2;
    const mlp_real look_ahead = s->nesterov ? momentum : 0;

    if (momentum == 0) {
        SIMD
        for (size_t i = 0; i < n; i++) {
            w[i] -= rate * FMA(l2, w[i], g[i]);
        }
    } else if (s->nesterov) {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real gi = FMA(l2, w[i], g[i]);
            mlp_real mi = settle(FMA(momentum, m[i], gi));

            m[i] = mi;
            w[i] -= rate * FMA(look_ahead, mi, gi);
        }
    } else {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real mi = settle(FMA(momentum, m[i], FMA(l2, w[i], g[i])));

            m[i] = mi;
            w[i] -= rate * mi;
        }
    }
}

/* x - x is 0 for a finite x and NaN for all others. */
bool ISA(kernel_finite)(const mlp_real *x, size_t n)
{
    int bad = 0;

    _Pragma("omp simd reduction(| : bad)") for (size_t i = 0; i < n; i++)
    {
        bad |= !(x[i] - x[i] == 0);
    }
    return !bad;
}

extern const struct kernel ISA(kernel);
const struct kernel ISA(kernel) = {
    .name = ISA_STRING(KERNEL_ISA),
#if defined __AVX512F__
    .isa = KERNEL_AVX512,
#elif defined __AVX2__
    .isa = KERNEL_AVX2,
#else
    .isa = KERNEL_BASELINE,
#endif
    .product = ISA(kernel_product),
    .activate = ISA(kernel_activate),
    .derive = ISA(kernel_derive),
    .prelu = ISA(kernel_prelu),
    .prelu_derive = ISA(kernel_prelu_derive),
    .maxout = ISA(kernel_maxout),
    .maxout_derive = ISA(kernel_maxout_derive),
    .column_sums = ISA(kernel_column_sums),
    .softmax = ISA(kernel_softmax),
    .loss = ISA(kernel_loss),
    .adam = ISA(kernel_adam),
    .sgd = ISA(kernel_sgd),
    .finite = ISA(kernel_finite),
    .add = ISA(kernel_add),
    .multiply = ISA(kernel_multiply),
    .column_moments = ISA(kernel_column_moments),
    .column_products = ISA(kernel_column_products),
    .column_norm = ISA(kernel_column_norm),
    .column_norm_back = ISA(kernel_column_norm_back),
    .row_norm = ISA(kernel_row_norm),
    .row_norm_back = ISA(kernel_row_norm_back),
    .words = ISA(kernel_words),
    .normals = ISA(kernel_normals),
    .perturb = ISA(kernel_perturb),
    .drop = ISA(kernel_drop),
    .exp = ISA(kernel_exp),
    .log = ISA(kernel_log),
    .tanh = ISA(kernel_tanh),
    .log1p = ISA(kernel_log1p),
};
