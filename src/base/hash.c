/* SHA-256 and randomness from libsodium; see hash.h. */
#include "base/hash.h"

void hash_start(void)
{
    CHK(sodium_init() >= 0);
}

void hash_init(struct hash *hash)
{
    CHK(crypto_hash_sha256_init(&hash->state) == 0);
}

void hash_update(struct hash *hash, const void *bytes, size_t len)
{
    CHK(crypto_hash_sha256_update(&hash->state, bytes, len) == 0);
}

void hash_final_hex(struct hash *hash, char *out)
{
    unsigned char digest[HASH_BYTES];

    CHK(crypto_hash_sha256_final(&hash->state, digest) == 0);
    CHK(sodium_bin2hex(out, HASH_HEX_LEN, digest, sizeof digest) == out);
}

void hash_hex(const void *bytes, size_t len, char *out)
{
    struct hash hash;

    hash_init(&hash);
    hash_update(&hash, bytes, len);
    hash_final_hex(&hash, out);
}

void hash_random_hex(size_t bytes, char *out)
{
    unsigned char random[64];

    CHK(bytes <= sizeof random);
    randombytes_buf(random, bytes);
    CHK(sodium_bin2hex(out, 2 * bytes + 1, random, bytes) == out);
}

uint64_t hash_random_seed(void)
{
    uint64_t seed;

    randombytes_buf(&seed, sizeof seed);
    return seed >> 11;
}
