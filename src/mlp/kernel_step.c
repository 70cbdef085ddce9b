/* Optimizer updates: one pass over parameters, gradient and moments, and the few other loops
 * that a step needs (clipping, lengths).
 *
 * Compiled once per instruction set, see kernel_isa.h. The definitions are PyTorch's.
 * Moments under 1e-30 become 0: decaying by a factor each step they would otherwise
 * end among the subnormal numbers, never to leave them, at a hundred times the cost.
 *
 * A parameter's new bits depend on its own numbers alone: a run may be done in pieces, in any
 * order. A NaN in the gradient becomes one in the parameter, for every kind.
 */
#include <math.h>

#include "mlp/kernel_math.h"

#define TINY ((mlp_real)1e-30)

static inline mlp_real settle(mlp_real x)
{
    return math_abs(x) < TINY ? 0 : x;
}

/* 1, -1, or x itself: 0 or NaN */
static inline mlp_real sign(mlp_real x)
{
    mlp_real below = x < 0 ? -1 : x;

    return x > 0 ? 1 : below;
}

/* The gradient with its penalties. */
static inline mlp_real pull(const struct kernel_step *s, mlp_real w, mlp_real g)
{
    return FMA(s->l1, sign(w), FMA(s->l2, w, s->scale * g));
}

/* The running mean of gradients, and of their squares, with one more. */
static inline mlp_real mean_of(const struct kernel_step *s, mlp_real m, mlp_real g)
{
    return settle(FMA(s->beta1, m, s->rest1 * g));
}

static inline mlp_real square_of(const struct kernel_step *s, mlp_real v, mlp_real g)
{
    return settle(FMA(s->beta2, v, s->rest2 * g * g));
}

/* w after its decay and a step */
static inline mlp_real moved(const struct kernel_step *s, mlp_real w, mlp_real step)
{
    return FMA(s->decay, w, -step);
}

static void step_sgd(const struct kernel_step *p, mlp_real *restrict w, const mlp_real *restrict g,
                     mlp_real *restrict m, size_t n)
{
    const struct kernel_step s = *p;

    if (s.momentum == 0) {
        SIMD
        for (size_t i = 0; i < n; i++) {
            w[i] = moved(&s, w[i], s.rate * pull(&s, w[i], g[i]));
        }
    } else if (s.nesterov) {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real gi = pull(&s, w[i], g[i]);
            mlp_real mi = settle(FMA(s.momentum, m[i], gi));

            m[i] = mi;
            w[i] = moved(&s, w[i], s.rate * FMA(s.momentum, mi, gi));
        }
    } else {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real mi = settle(FMA(s.momentum, m[i], pull(&s, w[i], g[i])));

            m[i] = mi;
            w[i] = moved(&s, w[i], s.rate * mi);
        }
    }
}

#if defined __AVX512F__ && !defined MLP_DOUBLE
/* Square root and division take most of adam's time where there is a unit for them, but one of it.
 * So: estimates of 14 bits and a step of Newton's each, to within 1 ulp or so, for a whole vector.
 * The last of a run are done under a mask: an element's bits do not depend on its place. */
#define FAST_ADAM 1

/* b of ordinary size */
static inline __m512 quotient(__m512 a, __m512 b)
{
    __m512 r = _mm512_rcp14_ps(b), q = _mm512_mul_ps(a, r);

    return _mm512_fmadd_ps(r, _mm512_fnmadd_ps(b, q, a), q);
}

static inline __attribute__((always_inline)) void adam_vector(const struct kernel_step *s,
                                                              mlp_real *w, const mlp_real *g,
                                                              mlp_real *m, mlp_real *v,
                                                              __mmask16 some)
{
    __m512 wi = _mm512_maskz_loadu_ps(some, w);
    __m512 gi = _mm512_fmadd_ps(_mm512_set1_ps(s->l2), wi,
                                _mm512_mul_ps(_mm512_set1_ps(s->scale),
                                              _mm512_maskz_loadu_ps(some, g)));
    __m512 mi = _mm512_fmadd_ps(_mm512_set1_ps(s->beta1), _mm512_maskz_loadu_ps(some, m),
                                _mm512_mul_ps(_mm512_set1_ps(s->rest1), gi));
    __m512 vi = _mm512_fmadd_ps(_mm512_set1_ps(s->beta2), _mm512_maskz_loadu_ps(some, v),
                                _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(s->rest2), gi), gi));

    mi = _mm512_maskz_mov_ps(
        _mm512_cmp_ps_mask(_mm512_abs_ps(mi), _mm512_set1_ps(TINY), _CMP_NLT_UQ), mi);
    __mmask16 above = _mm512_cmp_ps_mask(vi, _mm512_set1_ps(TINY), _CMP_NLT_UQ);
    __m512 within = _mm512_min_ps(_mm512_set1_ps(3e38F), vi); /* NaN stays */
    __m512 r = _mm512_rsqrt14_ps(within), root = _mm512_mul_ps(within, r);

    vi = _mm512_maskz_mov_ps(above, vi);
    root = _mm512_maskz_fmadd_ps(above, _mm512_mul_ps(_mm512_set1_ps(0.5F), r),
                                 _mm512_fnmadd_ps(root, root, within), root);
    __m512 below = _mm512_fmadd_ps(root, _mm512_set1_ps(s->root), _mm512_set1_ps(s->epsilon));
    __m512 step = quotient(_mm512_mul_ps(_mm512_set1_ps(s->rate), mi), below);

    _mm512_mask_storeu_ps(m, some, mi);
    _mm512_mask_storeu_ps(v, some, vi);
    _mm512_mask_storeu_ps(w, some, _mm512_fmsub_ps(_mm512_set1_ps(s->decay), wi, step));
}

static bool step_adam_fast(const struct kernel_step *p, mlp_real *w, const mlp_real *g, mlp_real *m,
                           mlp_real *v, size_t n)
{
    const struct kernel_step s = *p;
    size_t i = 0;

    if (s.l1 != 0 || s.epsilon < TINY) {
        return false;
    }
    for (; i + VEC_LENGTH <= n; i += VEC_LENGTH) {
        adam_vector(&s, w + i, g + i, m + i, v + i, 0xffff);
    }
    if (i < n) {
        adam_vector(&s, w + i, g + i, m + i, v + i, (__mmask16)((1U << (n - i)) - 1));
    }
    return true;
}
#endif

static void step_adam(const struct kernel_step *p, mlp_real *restrict w, const mlp_real *restrict g,
                      mlp_real *restrict m, mlp_real *restrict v, size_t n)
{
    const struct kernel_step s = *p;

#ifdef FAST_ADAM
    if (step_adam_fast(p, w, g, m, v, n)) {
        return;
    }
#endif
    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = pull(&s, w[i], g[i]);
        mlp_real mi = mean_of(&s, m[i], gi);
        mlp_real vi = square_of(&s, v[i], gi);

        m[i] = mi;
        v[i] = vi;
        w[i] = moved(&s, w[i], s.rate * mi / FMA(math_sqrt(vi), s.root, s.epsilon));
    }
}

/* u: the largest v so far */
static void step_amsgrad(const struct kernel_step *p, mlp_real *restrict w,
                         const mlp_real *restrict g, mlp_real *restrict m, mlp_real *restrict v,
                         mlp_real *restrict u, size_t n)
{
    const struct kernel_step s = *p;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = pull(&s, w[i], g[i]);
        mlp_real mi = mean_of(&s, m[i], gi);
        mlp_real vi = square_of(&s, v[i], gi);
        mlp_real ui = u[i] > vi ? u[i] : vi;

        m[i] = mi;
        v[i] = vi;
        u[i] = ui;
        w[i] = moved(&s, w[i], s.rate * mi / FMA(math_sqrt(ui), s.root, s.epsilon));
    }
}

static void step_nadam(const struct kernel_step *p, mlp_real *restrict w,
                       const mlp_real *restrict g, mlp_real *restrict m, mlp_real *restrict v,
                       size_t n)
{
    const struct kernel_step s = *p;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = pull(&s, w[i], g[i]);
        mlp_real mi = mean_of(&s, m[i], gi);
        mlp_real vi = square_of(&s, v[i], gi);

        m[i] = mi;
        v[i] = vi;
        w[i] = moved(&s, w[i],
                     FMA(s.rate, mi, s.rate_g * gi) / FMA(math_sqrt(vi), s.root, s.epsilon));
    }
}

/* The first steps go along m alone: too little is known of v. */
static void step_radam(const struct kernel_step *p, mlp_real *restrict w,
                       const mlp_real *restrict g, mlp_real *restrict m, mlp_real *restrict v,
                       size_t n)
{
    const struct kernel_step s = *p;

    if (s.plain) {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real gi = pull(&s, w[i], g[i]);
            mlp_real mi = mean_of(&s, m[i], gi);

            m[i] = mi;
            v[i] = square_of(&s, v[i], gi);
            w[i] = moved(&s, w[i], s.rate * mi);
        }
    } else {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real gi = pull(&s, w[i], g[i]);
            mlp_real mi = mean_of(&s, m[i], gi);
            mlp_real vi = square_of(&s, v[i], gi);

            m[i] = mi;
            v[i] = vi;
            w[i] = moved(&s, w[i], s.rate * mi / (math_sqrt(vi) + s.epsilon));
        }
    }
}

static void step_lion(const struct kernel_step *p, mlp_real *restrict w,
                      const mlp_real *restrict g, mlp_real *restrict m, size_t n)
{
    const struct kernel_step s = *p;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = pull(&s, w[i], g[i]);
        mlp_real mi = m[i];

        m[i] = settle(FMA(s.beta2, mi, s.rest2 * gi));
        w[i] = moved(&s, w[i], s.rate * sign(FMA(s.beta1, mi, s.rest1 * gi)));
    }
}

static void step_rmsprop(const struct kernel_step *p, mlp_real *restrict w,
                         const mlp_real *restrict g, mlp_real *restrict m, mlp_real *restrict v,
                         size_t n)
{
    const struct kernel_step s = *p;

    if (s.momentum == 0) {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real gi = pull(&s, w[i], g[i]);
            mlp_real vi = square_of(&s, v[i], gi);

            v[i] = vi;
            w[i] = moved(&s, w[i], s.rate * gi / (math_sqrt(vi) + s.epsilon));
        }
    } else {
        SIMD
        for (size_t i = 0; i < n; i++) {
            mlp_real gi = pull(&s, w[i], g[i]);
            mlp_real vi = square_of(&s, v[i], gi);
            mlp_real mi = settle(FMA(s.momentum, m[i], gi / (math_sqrt(vi) + s.epsilon)));

            m[i] = mi;
            v[i] = vi;
            w[i] = moved(&s, w[i], s.rate * mi);
        }
    }
}

static void step_adagrad(const struct kernel_step *p, mlp_real *restrict w,
                         const mlp_real *restrict g, mlp_real *restrict v, size_t n)
{
    const struct kernel_step s = *p;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = pull(&s, w[i], g[i]);
        mlp_real vi = FMA(gi, gi, v[i]);

        v[i] = vi;
        w[i] = moved(&s, w[i], s.rate * gi / (math_sqrt(vi) + s.epsilon));
    }
}

/* m: mean square of the steps */
static void step_adadelta(const struct kernel_step *p, mlp_real *restrict w,
                          const mlp_real *restrict g, mlp_real *restrict m, mlp_real *restrict v,
                          size_t n)
{
    const struct kernel_step s = *p;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real gi = pull(&s, w[i], g[i]);
        mlp_real vi = square_of(&s, v[i], gi);
        mlp_real step = math_sqrt((m[i] + s.epsilon) / (vi + s.epsilon)) * gi;

        v[i] = vi;
        m[i] = square_of(&s, m[i], step);
        w[i] = moved(&s, w[i], s.rate * step);
    }
}

/* m: the last gradient's sign; v: this parameter's own step, 0 before its first one */
static void step_rprop(const struct kernel_step *p, mlp_real *restrict w,
                       const mlp_real *restrict g, mlp_real *restrict m, mlp_real *restrict v,
                       size_t n)
{
    const struct kernel_step s = *p;

    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real way = sign(pull(&s, w[i], g[i]));
        mlp_real turn = way * m[i];
        mlp_real step = v[i] == 0 ? s.rate : v[i];

        step *= turn > 0 ? (mlp_real)1.2 : (turn < 0 ? (mlp_real)0.5 : 1);
        step = step > 50 ? 50 : step;
        step = step < (mlp_real)1e-6 ? (mlp_real)1e-6 : step;
        way = turn < 0 ? 0 : way; /* gone too far: stay, and forget the way */
        m[i] = way;
        v[i] = step;
        w[i] = moved(&s, w[i], way * step);
    }
}

void ISA(kernel_step)(const struct kernel_step *s, mlp_real *w, const mlp_real *g, mlp_real *m,
                      mlp_real *v, mlp_real *u, size_t n)
{
    switch (s->kind) {
    case MLP_SGD:
        step_sgd(s, w, g, m, n);
        break;
    case MLP_ADAM:
    case MLP_ADAMW:
        if (u != NULL) {
            step_amsgrad(s, w, g, m, v, u, n);
        } else {
            step_adam(s, w, g, m, v, n);
        }
        break;
    case MLP_NADAM:
        step_nadam(s, w, g, m, v, n);
        break;
    case MLP_RADAM:
        step_radam(s, w, g, m, v, n);
        break;
    case MLP_LION:
        step_lion(s, w, g, m, n);
        break;
    case MLP_RMSPROP:
        step_rmsprop(s, w, g, m, v, n);
        break;
    case MLP_ADAGRAD:
        step_adagrad(s, w, g, v, n);
        break;
    case MLP_ADADELTA:
        step_adadelta(s, w, g, m, v, n);
        break;
    case MLP_RPROP:
        step_rprop(s, w, g, m, v, n);
        break;
    case MLP_LBFGS: /* has its own way: lbfgs.c */
        break;
    }
}

void ISA(kernel_clip)(mlp_real *x, size_t n, mlp_real bound)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        mlp_real low = x[i] < -bound ? -bound : x[i];

        x[i] = low > bound ? bound : low;
    }
}

/* By halves, side by side: two sums of which none waits for the other. */
static double sum_of_squares(const mlp_real *x, size_t n)
{
    const size_t half = n / 2;
    double low = 0, high = 0;

    _Pragma("omp simd reduction(+ : low, high)") for (size_t i = 0; i < half; i++)
    {
        double a = (double)x[i], b = (double)x[half + i];

        low += a * a;
        high += b * b;
    }
    double last = n % 2 != 0 ? (double)x[n - 1] : 0;

    return low + high + last * last;
}

double ISA(kernel_dot)(const mlp_real *a, const mlp_real *b, size_t n)
{
    double sum = 0;

    if (a == b) { /* half as much to convert, which is what takes the time */
        return sum_of_squares(a, n);
    }
    _Pragma("omp simd reduction(+ : sum)") for (size_t i = 0; i < n; i++)
    {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

void ISA(kernel_add_scaled)(mlp_real *restrict y, mlp_real factor, const mlp_real *restrict x,
                            size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        y[i] = FMA(factor, x[i], y[i]);
    }
}

#define BAND ((size_t)64) /* columns measured at a time: some cache lines of each row */

void ISA(kernel_limit_columns)(mlp_real *w, size_t rows, size_t cols, double limit)
{
    for (size_t first = 0; first < cols; first += BAND) {
        size_t band = cols - first < BAND ? cols - first : BAND;
        double squares[BAND] = {0};
        mlp_real factor[BAND];
        bool any = false;

        for (size_t i = 0; i < rows; i++) {
            const mlp_real *row = w + i * cols + first;

            SIMD
            for (size_t j = 0; j < band; j++) {
                squares[j] += (double)row[j] * (double)row[j];
            }
        }
        for (size_t j = 0; j < band; j++) {
            bool over = squares[j] > limit * limit;

            factor[j] = over ? (mlp_real)(limit / sqrt(squares[j])) : 1;
            any |= over;
        }
        for (size_t i = 0; any && i < rows; i++) {
            mlp_real *row = w + i * cols + first;

            SIMD
            for (size_t j = 0; j < band; j++) {
                row[j] *= factor[j];
            }
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
    .step = ISA(kernel_step),
    .clip = ISA(kernel_clip),
    .dot = ISA(kernel_dot),
    .add_scaled = ISA(kernel_add_scaled),
    .limit_columns = ISA(kernel_limit_columns),
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
