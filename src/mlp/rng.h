/* Random numbers by counting: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A number is a function of (seed, stream) and of a counter (epoch, step, layer,
 * block), nothing else: there is no state to save, a dropout mask or an epoch's
 * permutation can be had again at any time, and streams never disturb each other.
 * Block b holds the elements 4b .. 4b+3.
 */
#ifndef MLP_RNG_H
#define MLP_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The numbers are part of what a seed means: never renumber. */
enum rng_stream {
    RNG_INIT = 1,
    RNG_SHUFFLE = 2,
    RNG_DROPOUT = 3,
    RNG_SPLIT = 4,
    RNG_NOISE = 5,
    RNG_AUGMENT = 6,
    RNG_BLOCKS = 7,
};

struct rng {
    uint32_t key[2];
};

/* The bare function: ten rounds. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The key of a stream: the first two words of philox(key = seed, counter = (stream, 0, 0, 0)). */
struct rng rng_stream(uint64_t seed, enum rng_stream stream);

struct rng_at {
    uint32_t epoch, step, layer;
};
#define RNG_INPUT UINT32_MAX /* the "layer" of what is done to a network's input */

/* Four words, or four numbers: uniform in (0, 1), or standard normal (Box-Muller). The upper
 * half of a block number over 32 bits is added to the step. */
void rng_block(const struct rng *rng, struct rng_at at, uint64_t block, uint32_t out[4]);
void rng_uniform4(const struct rng *rng, struct rng_at at, uint64_t block, double out[4]);
void rng_normal4(const struct rng *rng, struct rng_at at, uint64_t block, double out[4]);

/* The permutation of an epoch: Fisher and Yates from the identity, every order equally likely. */
void rng_permutation(const struct rng *rng, uint32_t epoch, uint32_t *out, size_t n);
/* The same of another moment; at.step is the generator's own. */
void rng_permutation_at(const struct rng *rng, struct rng_at at, uint32_t *out, size_t n);

#endif
