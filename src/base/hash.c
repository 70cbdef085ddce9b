/* SHA-256 and randomness from libsodium; see hash.h.
 *
 * Whole blocks go through the processor's instructions for SHA-256 where there are some: they work
 * on libsodium's own state (eight words, the bits so far, the bytes of an unfinished block), so
 * that it can take over at any edge of a block. That this is how the state lies is tried once, at
 * the start; if it is not, libsodium does all of it.
 */
#include "base/hash.h"

#include <string.h>

#include "base/hash_blocks.h"

#define BLOCK 64

static bool fast; /* set once, by hash_start */

/* Whether both ways give the same state, at each place that an update may begin and end. */
static bool agrees(void)
{
    unsigned char bytes[5 * BLOCK];
    size_t i, cut;

    for (i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 37 + 11);
    }
    for (cut = 0; cut <= 2 * BLOCK; cut++) {
        struct hash ours, theirs;

        hash_init(&ours);
        hash_init(&theirs);
        fast = true;
        hash_update(&ours, bytes, cut);
        hash_update(&ours, bytes + cut, sizeof bytes - cut - 3);
        fast = false;
        hash_update(&theirs, bytes, sizeof bytes - 3);
        if (memcmp(ours.state.state, theirs.state.state, sizeof ours.state.state) != 0 ||
            ours.state.count != theirs.state.count ||
            memcmp(ours.state.buf, theirs.state.buf, BLOCK - 3) != 0) {
            return false;
        }
    }
    return true;
}

void hash_start(void)
{
    CHK(sodium_init() >= 0);
    fast = hash_blocks_usable() && agrees();
}

void hash_init(struct hash *hash)
{
    CHK(crypto_hash_sha256_init(&hash->state) == 0);
}

void hash_update(struct hash *hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    if (fast && len >= 2 * BLOCK) {
        size_t held = (size_t)(hash->state.count / 8 % BLOCK), fill = held > 0 ? BLOCK - held : 0;
        size_t blocks = (len - fill) / BLOCK;

        CHK(crypto_hash_sha256_update(&hash->state, p, fill) == 0);
        hash_blocks(hash->state.state, p + fill, blocks);
        hash->state.count += (uint64_t)blocks * BLOCK * 8;
        p += fill + blocks * BLOCK;
        len -= fill + blocks * BLOCK;
    }
    CHK(crypto_hash_sha256_update(&hash->state, p, len) == 0);
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

bool hash_equal(const char *a, const char *b)
{
    return sodium_memcmp(a, b, HASH_HEX_LEN - 1) == 0;
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
