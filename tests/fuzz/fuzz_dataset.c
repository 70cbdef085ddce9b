/* A dataset's file: opened, every cell read. A hash over the footer keeps chance out; here it is
 * made right again, so that what stands behind it is looked at: a file that opens either reads to
 * its end, in the types and ranges it promises, or is said to be damaged.
 */
#include "fuzz.h"

#include <unistd.h>

#include "data/dataset_priv.h"

/* The footer's hash as it should be, where there is a footer. */
static void seal(uint8_t *bytes, size_t size)
{
    char hex[HASH_HEX_LEN];
    uint64_t len;

    if (size < DATASET_HEAD_LEN + DATASET_TAIL_LEN) {
        return;
    }
    memcpy(&len, bytes + size - DATASET_TAIL_LEN, sizeof len);
    if (len <= size - DATASET_HEAD_LEN - DATASET_TAIL_LEN) {
        hash_hex(bytes + size - DATASET_TAIL_LEN - len, (size_t)len, hex);
        memcpy(bytes + size - DATASET_TAIL_LEN + sizeof len, hex, HASH_HEX_LEN - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = xmalloc(size + 1);
    struct err err = ERR_INIT;
    struct dataset *ds = NULL;
    char path[32], hex[HASH_HEX_LEN];
    int fd, rc;

    fuzz_start();
    memcpy(bytes, data, size);
    seal(bytes, size);
    fd = fuzz_file(bytes, size, path);
    rc = dataset_open(path, &ds, &err);
    FUZZ_TRUE((rc == 0) == (ds != NULL));
    if (rc == 0) {
        rc = fuzz_dataset_read(ds, &err);
        hash_hex(bytes, size, hex);
        FUZZ_TRUE(rc != 0 || dataset_verify(path, hex, &err) == 0);
        dataset_free(&ds);
    }
    fuzz_err(rc, &err);
    FUZZ_TRUE(rc == 0 || err.code == ERR_CORRUPT);
    err_fini(&err);
    (void)close(fd); /* only read since */
    free(bytes);
    return 0;
}
