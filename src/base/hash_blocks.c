/* SHA-256 blocks by the x86 SHA instructions; see hash_blocks.h.
 *
 * libsodium's own loop is portable C, about a tenth as fast, and everything that is written here
 * (datasets, checkpoints, weights) is hashed on the way. The words of a hash lie in two registers
 * as the instructions want them, (a b e f) and (c d g h); the message's last 16 words in four. No
 * state; any thread. hash.c compares this with libsodium before it relies on it.
 */
#include "base/hash_blocks.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define CPUID_SSSE3 (1u << 9)
#define CPUID_SSE41 (1u << 19)
#define CPUID_SHA   (1u << 29)

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

bool hash_blocks_usable(void)
{
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & CPUID_SSSE3) == 0 || (c & CPUID_SSE41) == 0) {
        return false;
    }
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & CPUID_SHA) != 0;
}

__attribute__((target("sha,ssse3,sse4.1"))) void hash_blocks(uint32_t words[8],
                                                             const unsigned char *bytes, size_t n)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)words), 0xb1);
    __m128i high =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(words + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

    for (; n > 0; n--, bytes += 64) {
        __m128i abef_before = abef, cdgh_before = cdgh, w[4];
        int i;

#pragma GCC unroll 16
        for (i = 0; i < 16; i++) { /* four rounds each */
            __m128i m, *now = &w[i % 4];

            if (i < 4) {
                m = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
                *now = _mm_shuffle_epi8(m, swap);
            } else {
                __m128i one = w[(i + 3) % 4], two = w[(i + 2) % 4], three = w[(i + 1) % 4];

                m = _mm_add_epi32(_mm_sha256msg1_epu32(*now, three), _mm_alignr_epi8(one, two, 4));
                *now = _mm_sha256msg2_epu32(m, one);
            }
            m = _mm_add_epi32(*now,
                              _mm_load_si128((const __m128i *)(const void *)(constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, m);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(m, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)words, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(words + 4), _mm_alignr_epi8(high, low, 8));
}

#else

bool hash_blocks_usable(void)
{
    return false;
}

void hash_blocks(uint32_t words[8], const unsigned char *bytes, size_t n)
{
    (void)words;
    (void)bytes;
    CHK(n == 0);
}

#endif
