/* Kernels of dropout and noise: random words in bulk, and what is made of them.
 *
 * Compiled once per instruction set, see kernel_isa.h. The words are integers, the same in every
 * table; tests hold them to rng_block. The multiplications of Philox are of 32 bits with all 64 of
 * the result: an even lane's work on x86, so there a block's four words are held in the lower
 * halves of four vectors of 64-bit lanes. Each element is computed by itself.
 */
#include <string.h>

#include "mlp/kernel_math.h"

#define ROUNDS     10
#define MULTIPLY_0 0xD2511F53U
#define MULTIPLY_1 0xCD9E8D57U
#define WEYL_0     0x9E3779B9U
#define WEYL_1     0xBB67AE85U

#if defined __AVX512F__ && !defined MLP_DOUBLE
#define WIDE            8 /* blocks in a vector */
#define PAIR            2 /* vectors at once, for the multiplier's latency; registers permitting */
#define wide            __m512i
#define wide_all(x)     _mm512_set1_epi64((long long)(x))
#define wide_count()    _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
#define wide_add(a, b)  _mm512_add_epi64((a), (b))
#define wide_mul(a, b)  _mm512_mul_epu32((a), (b))
#define wide_high(a)    _mm512_srli_epi64((a), 32)
#define wide_xor3(a, b, c) _mm512_ternarylogic_epi64((a), (b), (c), 0x96)

/* The lower halves of c0 .. c3, block after block: 32 words. */
static inline void wide_store(uint32_t *out, const wide c[4])
{
    const __m512i low = _mm512_set1_epi64(0xffffffff);
    const __m512i first = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
    const __m512i second = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
    __m512i a = _mm512_or_si512(_mm512_and_si512(c[0], low), _mm512_slli_epi64(c[1], 32));
    __m512i b = _mm512_or_si512(_mm512_and_si512(c[2], low), _mm512_slli_epi64(c[3], 32));

    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(a, first, b));
    _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi64(a, second, b));
}
#elif defined __AVX2__ && !defined MLP_DOUBLE
#define WIDE            4
#define PAIR            1
#define wide            __m256i
#define wide_all(x)     _mm256_set1_epi64x((long long)(x))
#define wide_count()    _mm256_set_epi64x(3, 2, 1, 0)
#define wide_add(a, b)  _mm256_add_epi64((a), (b))
#define wide_mul(a, b)  _mm256_mul_epu32((a), (b))
#define wide_high(a)    _mm256_srli_epi64((a), 32)
#define wide_xor3(a, b, c) _mm256_xor_si256(_mm256_xor_si256((a), (b)), (c))

static inline void wide_store(uint32_t *out, const wide c[4])
{
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i a = _mm256_or_si256(_mm256_and_si256(c[0], low), _mm256_slli_epi64(c[1], 32));
    __m256i b = _mm256_or_si256(_mm256_and_si256(c[2], low), _mm256_slli_epi64(c[3], 32));
    __m256i even = _mm256_unpacklo_epi64(a, b), odd = _mm256_unpackhi_epi64(a, b);
    __m256i *to = (__m256i *)(void *)out;

    _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
}
#endif

#ifdef WIDE
#define GROUP ((size_t)(PAIR * WIDE))

/* GROUP blocks from `block` on; the low word of the counter does not wrap within them. */
static inline void group_of_words(const struct rng *rng, struct rng_at at, uint32_t block,
                                  uint32_t *out)
{
    const wide m0 = wide_all(MULTIPLY_0), m1 = wide_all(MULTIPLY_1);
    wide k0 = wide_all(rng->key[0]), k1 = wide_all(rng->key[1]), c[PAIR][4];

    for (size_t h = 0; h < PAIR; h++) {
        c[h][0] = wide_all(at.epoch);
        c[h][1] = wide_all(at.step);
        c[h][2] = wide_all(at.layer);
        c[h][3] = wide_add(wide_all((uint64_t)block + h * WIDE), wide_count());
    }
    UNROLL
    for (int round = 0; round < ROUNDS; round++) { /* upper halves are anything, and do not count */
        for (size_t h = 0; h < PAIR; h++) {
            wide p0 = wide_mul(c[h][0], m0), p1 = wide_mul(c[h][2], m1);

            c[h][0] = wide_xor3(wide_high(p1), c[h][1], k0);
            c[h][1] = p1;
            c[h][2] = wide_xor3(wide_high(p0), c[h][3], k1);
            c[h][3] = p0;
        }
        k0 = wide_add(k0, wide_all(WEYL_0));
        k1 = wide_add(k1, wide_all(WEYL_1));
    }
    for (size_t h = 0; h < PAIR; h++) {
        wide_store(out + 4 * h * WIDE, c[h]);
    }
}
#else
#define GROUP ((size_t)4)

static inline void group_of_words(const struct rng *rng, struct rng_at at, uint32_t block,
                                  uint32_t *restrict out)
{
    SIMD
    for (uint32_t b = 0; b < GROUP; b++) {
        uint32_t c0 = at.epoch, c1 = at.step, c2 = at.layer, c3 = block + b;
        uint32_t k0 = rng->key[0], k1 = rng->key[1];

        UNROLL
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t p0 = (uint64_t)MULTIPLY_0 * c0, p1 = (uint64_t)MULTIPLY_1 * c2;

            c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint32_t)p1;
            c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint32_t)p0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        out[4 * b] = c0;
        out[4 * b + 1] = c1;
        out[4 * b + 2] = c2;
        out[4 * b + 3] = c3;
    }
}
#endif

/* n blocks whose numbers have the same upper half, which is in at.step already. */
static void run_of_words(const struct rng *rng, struct rng_at at, uint32_t block, size_t n,
                         uint32_t *out)
{
    uint32_t rest[4 * GROUP];
    size_t b = 0;

    for (; b + GROUP <= n; b += GROUP) {
        group_of_words(rng, at, block + (uint32_t)b, out + 4 * b);
    }
    if (b < n) { /* the counter may wrap beyond n: those words are not used */
        group_of_words(rng, at, block + (uint32_t)b, rest);
        memcpy(out + 4 * b, rest, 4 * (n - b) * sizeof(*out));
    }
}

void ISA(kernel_words)(const struct rng *rng, struct rng_at at, uint64_t block, size_t n,
                       uint32_t *out)
{
    uint32_t step = at.step;

    for (size_t done = 0, m; done < n; done += m, block += m) {
        uint64_t until = (UINT64_C(1) << 32) - (uint32_t)block; /* the low word wraps */

        m = n - done < until ? n - done : (size_t)until;
        at.step = step + (uint32_t)(block >> 32);
        run_of_words(rng, at, (uint32_t)block, m, out + 4 * done);
    }
}

/* (word >> 9) + 1/2 in units of 2^-23: exact in a float, never 0 and never 1 */
static inline mlp_real unit(uint32_t word)
{
    return ((mlp_real)(int32_t)(word >> 9) + (mlp_real)0.5) * (mlp_real)0x1p-23;
}

#ifdef MLP_DOUBLE
static inline void turn(double t, double *sine, double *cosine)
{
    *sine = sin(6.28318530717958647692 * t);
    *cosine = cos(6.28318530717958647692 * t);
}
#else
/* Sine and cosine of t full turns, 0 <= t <= 1: t less the nearest quarter is exact and within an
 * eighth; polynomials in its square there, (sin 2 pi f) / f and (cos 2 pi f - 1) / f^2. */
static inline void turn(float t, float *sine, float *cosine)
{
    int32_t quarter = (int32_t)(t * 4.0F + 0.5F);
    float f = t - 0.25F * (float)quarter;
    float u = f * f;
    float s = -75.39356F;

    s = FMA(s, u, 81.592354F);
    s = FMA(s, u, -41.341663F);
    s = FMA(s, u, 6.2831855F) * f;
    float c = 59.421707F;

    c = FMA(c, u, -85.44876F);
    c = FMA(c, u, 64.93937F);
    c = FMA(c, u, -19.739208F);
    c = FMA(c, u, 1.0F);
    float even = (quarter & 1) != 0 ? c : s, odd = (quarter & 1) != 0 ? s : c;

    *sine = (quarter & 2) != 0 ? -even : even;
    *cosine = ((quarter + 1) & 2) != 0 ? -odd : odd;
}
#endif

void ISA(kernel_normals)(const uint32_t *restrict words, size_t n, mlp_real *restrict out)
{
    SIMD
    for (size_t i = 0; i < n / 2; i++) {
        mlp_real radius = math_sqrt((mlp_real)-2 * math_log(unit(words[2 * i])));
        mlp_real sine, cosine;

        turn(unit(words[2 * i + 1]), &sine, &cosine);
        out[2 * i] = radius * cosine;
        out[2 * i + 1] = radius * sine;
    }
}

void ISA(kernel_perturb)(const mlp_real *h, const mlp_real *g, mlp_real deviation, size_t n,
                         mlp_real *a)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        a[i] = FMA(deviation, g[i], h[i]);
    }
}

void ISA(kernel_drop)(const struct kernel_drop *d, const uint32_t *words, const mlp_real *h,
                      size_t n, mlp_real *mask, mlp_real *a)
{
    uint32_t below = d->below;
    mlp_real factor = d->factor, kept = d->kept, dropped = d->dropped;

    SIMD
    for (size_t i = 0; i < n; i++) {
        bool drop = words[i] < below;
        mlp_real m = drop ? 0 : factor, c = drop ? dropped : kept;

        mask[i] = m;
        a[i] = FMA(m, h[i], c); /* NaN and infinity show, also when dropped */
    }
}

void ISA(kernel_add)(const mlp_real *x, mlp_real *y, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

void ISA(kernel_multiply)(const mlp_real *x, mlp_real *y, size_t n)
{
    SIMD
    for (size_t i = 0; i < n; i++) {
        y[i] *= x[i];
    }
}
