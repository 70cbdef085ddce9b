/* Philox4x32-10 and what is drawn from it. See rng.h.
 *
 * Pure functions of their arguments, so any thread may call them. Normal numbers
 * use libm in double: they are drawn once per weight, at the start.
 */
#include "mlp/rng.h"

#include <math.h>

#define ROUNDS 10

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57 * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9; /* the golden ratio */
        k1 += 0xBB67AE85; /* the square root of three */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

struct rng rng_stream(uint64_t seed, enum rng_stream stream)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)stream, 0, 0, 0};
    uint32_t out[4];

    rng_philox(counter, key, out);
    return (struct rng){{out[0], out[1]}};
}

void rng_block(const struct rng *rng, struct rng_at at, uint64_t block, uint32_t out[4])
{
    const uint32_t counter[4] = {at.epoch, at.step + (uint32_t)(block >> 32), at.layer,
                                 (uint32_t)block};

    rng_philox(counter, rng->key, out);
}

/* The middle of one of 2^32 equal cells, so never 0 and never 1. */
static double unit(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}

void rng_uniform4(const struct rng *rng, struct rng_at at, uint64_t block, double out[4])
{
    uint32_t words[4];

    rng_block(rng, at, block, words);
    for (int i = 0; i < 4; i++) {
        out[i] = unit(words[i]);
    }
}

void rng_normal4(const struct rng *rng, struct rng_at at, uint64_t block, double out[4])
{
    double u[4];

    rng_uniform4(rng, at, block, u);
    for (int i = 0; i < 4; i += 2) {
        double radius = sqrt(-2.0 * log(u[i]));
        double angle = 6.28318530717958647692 * u[i + 1];

        out[i] = radius * cos(angle);
        out[i + 1] = radius * sin(angle);
    }
}

/* A stream of words for draws whose number is not known beforehand. */
struct words {
    const struct rng *rng;
    struct rng_at at;
    uint64_t block;
    int left;
    uint32_t word[4];
};

static uint32_t words_next(struct words *w)
{
    if (w->left == 0) {
        rng_block(w->rng, w->at, w->block++, w->word);
        w->left = 4;
    }
    return w->word[--w->left];
}

/* Uniform in [0, bound), bound > 0: the high half of word * bound, with the few words thrown
 * back that would favour some results (Lemire's method). */
static uint32_t words_below(struct words *w, uint32_t bound)
{
    uint64_t product = (uint64_t)words_next(w) * bound;

    if ((uint32_t)product < bound) {
        uint32_t unfair = -bound % bound; /* 2^32 mod bound */

        while ((uint32_t)product < unfair) {
            product = (uint64_t)words_next(w) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}

void rng_permutation(const struct rng *rng, uint32_t epoch, uint32_t *out, size_t n)
{
    rng_permutation_at(rng, (struct rng_at){.epoch = epoch}, out, n);
}

void rng_permutation_at(const struct rng *rng, struct rng_at at, uint32_t *out, size_t n)
{
    struct words w = {.rng = rng, .at = at};

    for (size_t i = 0; i < n; i++) {
        out[i] = (uint32_t)i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = words_below(&w, (uint32_t)i);
        uint32_t t = out[i - 1];

        out[i - 1] = out[j];
        out[j] = t;
    }
}
