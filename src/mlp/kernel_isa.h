/* What differs between the instruction sets a kernel file is compiled for.
 *
 * KERNEL_ISA (baseline, avx2, avx512) comes from the compiler's command line and
 * is appended to every global name. `vec` is one vector register of mlp_real;
 * FMA(a, b, c) is a b + c, rounded once where the set has it and always in the
 * same way within one table, as -ffp-contract=off leaves no choice to the compiler.
 */
#ifndef MLP_KERNEL_ISA_H
#define MLP_KERNEL_ISA_H

#include "mlp/kernel.h"

#ifdef KERNEL_ISA
#define ISA_PASTE(name, isa) name##_##isa
#define ISA_EXPAND(name, isa) ISA_PASTE(name, isa)
#define ISA(name)             ISA_EXPAND(name, KERNEL_ISA)
#define ISA_STRING_(x)        #x
#define ISA_STRING(x)         ISA_STRING_(x)

#define SIMD _Pragma("omp simd")
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined __FMA__ && !defined MLP_DOUBLE
#define FMA(a, b, c) __builtin_fmaf((a), (b), (c))
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#if defined __AVX512F__ && !defined MLP_DOUBLE
#include <immintrin.h>
#define vec              __m512
#define VEC_LENGTH       16
#define VEC_ROWS         8 /* rows of a product's tile; two vectors wide */
#define vec_load(p)      _mm512_loadu_ps(p)
#define vec_store(p, v)  _mm512_storeu_ps((p), (v))
#define vec_all(x)       _mm512_set1_ps(x)
#define vec_fma(a, b, c) _mm512_fmadd_ps((a), (b), (c))
#elif defined __AVX2__ && !defined MLP_DOUBLE
#include <immintrin.h>
#define vec              __m256
#define VEC_LENGTH       8
#define VEC_ROWS         4
#define vec_load(p)      _mm256_loadu_ps(p)
#define vec_store(p, v)  _mm256_storeu_ps((p), (v))
#define vec_all(x)       _mm256_set1_ps(x)
#define vec_fma(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#else
/* Any machine: the compiler's own vectors of 16 bytes. */
typedef mlp_real vec __attribute__((vector_size(16)));
#define VEC_LENGTH       (16 / sizeof(mlp_real))
#define VEC_ROWS         4
static inline vec vec_load(const mlp_real *p)
{
    vec v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}
static inline void vec_store(mlp_real *p, vec v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}
#define vec_all(x)       ((vec){0} + (x))
#define vec_fma(a, b, c) ((a) * (b) + (c))
#endif

/* The functions of one table, by file. */
void ISA(kernel_product)(const struct product *p);

void ISA(kernel_activate)(enum mlp_activation f, const mlp_real *z, mlp_real *a, size_t n);
void ISA(kernel_derive)(enum mlp_activation f, const mlp_real *from, mlp_real *delta, size_t n);
void ISA(kernel_prelu)(const mlp_real *z, const mlp_real *slope, size_t rows, size_t cols,
                       mlp_real *a);
void ISA(kernel_prelu_derive)(mlp_real *z, const mlp_real *slope, size_t rows, size_t cols,
                              mlp_real *delta);
void ISA(kernel_maxout)(const mlp_real *z, size_t rows, size_t units, size_t pieces, mlp_real *a);
void ISA(kernel_maxout_derive)(const mlp_real *z, const mlp_real *a, const mlp_real *da,
                               size_t rows, size_t units, size_t pieces, mlp_real *dz);
void ISA(kernel_column_sums)(const mlp_real *x, size_t rows, size_t cols, mlp_real *out);
void ISA(kernel_exp)(const mlp_real *x, mlp_real *out, size_t n);
void ISA(kernel_log)(const mlp_real *x, mlp_real *out, size_t n);
void ISA(kernel_tanh)(const mlp_real *x, mlp_real *out, size_t n);
void ISA(kernel_log1p)(const mlp_real *x, mlp_real *out, size_t n);

void ISA(kernel_softmax)(mlp_real *z, size_t rows, size_t cols);
void ISA(kernel_loss)(const struct kernel_loss *l);
void ISA(kernel_step)(const struct kernel_step *s, mlp_real *w, const mlp_real *g, mlp_real *m,
                      mlp_real *v, mlp_real *u, size_t n);
void ISA(kernel_clip)(mlp_real *x, size_t n, mlp_real bound);
double ISA(kernel_dot)(const mlp_real *a, const mlp_real *b, size_t n);
void ISA(kernel_add_scaled)(mlp_real *y, mlp_real factor, const mlp_real *x, size_t n);
void ISA(kernel_limit_columns)(mlp_real *w, size_t rows, size_t cols, double limit);
bool ISA(kernel_finite)(const mlp_real *x, size_t n);

void ISA(kernel_column_moments)(const mlp_real *x, size_t rows, size_t cols, mlp_real *mean,
                                mlp_real *squares);
void ISA(kernel_column_products)(const mlp_real *d, const mlp_real *x, size_t rows, size_t cols,
                                 mlp_real *sums, mlp_real *products);
void ISA(kernel_column_norm)(const struct kernel_norm *n);
void ISA(kernel_column_norm_back)(const struct kernel_norm *n);
void ISA(kernel_row_norm)(const struct kernel_norm *n);
void ISA(kernel_row_norm_back)(const struct kernel_norm *n);

void ISA(kernel_add)(const mlp_real *x, mlp_real *y, size_t n);
void ISA(kernel_multiply)(const mlp_real *x, mlp_real *y, size_t n);
void ISA(kernel_words)(const struct rng *rng, struct rng_at at, uint64_t block, size_t n,
                       uint32_t *out);
void ISA(kernel_normals)(const uint32_t *words, size_t n, mlp_real *out);
void ISA(kernel_perturb)(const mlp_real *h, const mlp_real *g, mlp_real deviation, size_t n,
                         mlp_real *a);
void ISA(kernel_drop)(const struct kernel_drop *d, const uint32_t *words, const mlp_real *h,
                      size_t n, mlp_real *mask, mlp_real *a);
#endif

#endif
