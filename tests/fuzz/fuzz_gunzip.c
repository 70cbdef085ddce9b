/* A compressed upload: whole or byte by byte the same bytes or the same refusal, and never more of
 * them than the ratio allows.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "data/gunzip.h"

struct plain {
    struct hash hash;
    uint64_t bytes;
};

static int sink(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct plain *plain = arg;

    (void)err;
    FUZZ_TRUE(len > 0);
    hash_update(&plain->hash, bytes, len);
    plain->bytes += len;
    return 0;
}

static int unzip(const uint8_t *data, size_t size, size_t piece, struct plain *plain,
                 struct err *err)
{
    struct gunzip *g = gunzip_new();
    size_t at = 0;
    int rc = 0;

    plain->bytes = 0;
    hash_init(&plain->hash);
    while (rc == 0 && at < size) {
        size_t n = size - at < piece ? size - at : piece;

        rc = gunzip_feed(g, data + at, n, sink, plain, err);
        at += n;
    }
    if (rc == 0) {
        rc = gunzip_finish(g, err);
    }
    gunzip_free(&g);
    FUZZ_TRUE(plain->bytes <= (1u << 20) + (uint64_t)GUNZIP_RATIO * size);
    fuzz_err(rc, err);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT, again = ERR_INIT;
    char a[HASH_HEX_LEN], b[HASH_HEX_LEN];
    struct plain whole, pieces;
    int rc;

    fuzz_start();
    rc = unzip(data, size, SIZE_MAX, &whole, &err);
    if (unzip(data, size, 1, &pieces, &again) == 0) {
        /* a bomb may burst within a piece that the whole's length still allows */
        FUZZ_TRUE(rc == 0);
        hash_final_hex(&whole.hash, a);
        hash_final_hex(&pieces.hash, b);
        FUZZ_TRUE(strcmp(a, b) == 0);
    } else {
        FUZZ_TRUE(rc != 0 || again.code == ERR_TOO_LARGE);
    }
    err_fini(&err);
    err_fini(&again);
    return 0;
}
