/* The target of a format of tables, which includes this once: its bytes as an upload in FUZZ_FORMAT;
 * the first byte says in pieces of what size. In pieces or whole, the same dataset or the same refusal;
 * a dataset reads back, and nothing else stays in the folder.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/reader.h"

static int read_table(const uint8_t *data, size_t size, size_t piece,
                      struct dataset_summary *summary, struct err *err)
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct reader *reader = NULL;
    size_t at = 0;
    int rc;

    options.format = FUZZ_FORMAT;
    options.max_bytes = 8u << 20;
    rc = reader_new(fuzz_folder(), &options, &reader, err);
    while (rc == 0 && at < size) {
        size_t n = size - at < piece ? size - at : piece;

        rc = reader_feed(reader, data + at, n, err);
        at += n;
    }
    if (rc == 0) {
        rc = reader_finish(reader, summary, err);
    }
    FUZZ_TRUE(rc != 0 || reader_rows(reader) == summary->rows);
    reader_free(&reader);
    fuzz_err(rc, err);
    return rc;
}

static void read_back(const struct dataset_summary *summary)
{
    struct err err = ERR_INIT;
    struct dataset *ds = NULL;
    char *path = xasprintf("%s/%s", fuzz_folder(), summary->sha256);

    FUZZ_TRUE(dataset_open(path, &ds, &err) == 0);
    FUZZ_TRUE(dataset_rows(ds) == summary->rows);
    FUZZ_TRUE(fuzz_dataset_read(ds, &err) == 0);
    dataset_free(&ds);
    FUZZ_TRUE(remove(path) == 0);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dataset_summary whole = {.rows = 0}, pieces = {.rows = 0};
    struct err err = ERR_INIT, again = ERR_INIT;
    size_t piece;
    int rc;

    fuzz_start();
    if (size == 0) {
        return 0;
    }
    piece = data[0] % 16;
    rc = read_table(data + 1, size - 1, SIZE_MAX, &whole, &err);
    if (rc == 0) {
        read_back(&whole);
    }
    if (piece > 0) {
        int other = read_table(data + 1, size - 1, piece, &pieces, &again);

        if (err.code != ERR_TOO_LARGE && again.code != ERR_TOO_LARGE) { /* told block by block */
            FUZZ_TRUE(other == rc && err.code == again.code);
            FUZZ_TRUE(strcmp(err.detail, again.detail) == 0 && err.n_items == again.n_items);
            FUZZ_TRUE(rc != 0 || strcmp(whole.sha256, pieces.sha256) == 0);
        }
        if (other == 0) {
            read_back(&pieces);
        }
    }
    err_fini(&err);
    err_fini(&again);
    FUZZ_TRUE(rmdir(fuzz_folder()) == 0); /* nothing else is in it */
    FUZZ_TRUE(mkdir(fuzz_folder(), 0700) == 0);
    return 0;
}
