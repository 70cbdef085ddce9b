/* SHA-256 (libsodium), the name of every dataset and the seal of every blob. */
#ifndef MLPD_BASE_HASH_H
#define MLPD_BASE_HASH_H

#include <sodium.h>

#include "base/base.h"

#define HASH_BYTES 32
#define HASH_HEX_LEN 65 /* 64 digits and the NUL */

struct hash {
    crypto_hash_sha256_state state;
};

/* Once, before threads start. Aborts when the machine has no randomness. */
void hash_start(void);

void hash_init(struct hash *hash);
void hash_update(struct hash *hash, const void *bytes, size_t len);
/* The digest as lower-case hex into out[HASH_HEX_LEN]. */
void hash_final_hex(struct hash *hash, char *out);
/* All at once. */
void hash_hex(const void *bytes, size_t len, char *out);

/* Whether two texts of 64 digits are equal, in a time that does not tell where they part. */
bool hash_equal(const char *a, const char *b);

/* `bytes` random bytes as hex into out[2 * bytes + 1]. */
void hash_random_hex(size_t bytes, char *out);
/* A random number in [0, 2^53), exact as a JSON number: seeds. */
uint64_t hash_random_seed(void);

#endif
