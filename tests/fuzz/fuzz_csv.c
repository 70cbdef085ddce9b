/* An uploaded table: the first line says how it is read ("c" no header, "t" or ";" the delimiter,
 * a digit the size of the pieces, what stands between "!" and "?" are words for no value, what
 * follows a "?" is the `types` option), the rest is the CSV.
 * In pieces or whole, the same dataset or the same refusal; a dataset reads back.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/csv.h"

static void read_options(const char *line, struct csv_options *options, size_t *piece)
{
    const char *types = strchr(line, '?');
    const char *words = strchr(line, '!');
    size_t len = types != NULL ? (size_t)(types - line) : strlen(line), i;
    struct err err = ERR_INIT;

    *options = (struct csv_options)CSV_OPTIONS_INIT;
    *piece = SIZE_MAX;
    for (i = 0; i < len; i++) {
        switch (line[i]) {
        case 'c':
            options->header = false;
            break;
        case 't':
            options->delimiter = '\t';
            break;
        case ';':
            options->delimiter = ';';
            break;
        default:
            *piece = line[i] >= '1' && line[i] <= '9' ? (size_t)(line[i] - '0') : *piece;
            break;
        }
    }
    if (words != NULL && words < line + len && text_is_utf8(words, len - (size_t)(words - line))) {
        char *list = xstrndup(words + 1, len - (size_t)(words + 1 - line));

        fuzz_err(missing_parse(&options->missing, list, &err), &err);
        free(list);
        err_fini(&err);
        err = (struct err)ERR_INIT;
    }
    if (types != NULL && text_is_utf8(types, strlen(types))) { /* what comes from a query is */
        fuzz_err(csv_types_parse(types + 1, options, &err), &err);
        err_fini(&err);
    }
}

static int read_table(const struct csv_options *options, const uint8_t *data, size_t size,
                      size_t piece, struct dataset_summary *summary, struct err *err)
{
    struct csv_reader *reader = NULL;
    size_t at = 0;
    int rc = csv_reader_new(fuzz_folder(), options, &reader, err);

    while (rc == 0 && at < size) {
        size_t n = size - at < piece ? size - at : piece;

        rc = csv_reader_feed(reader, data + at, n, err);
        at += n;
    }
    if (rc == 0) {
        rc = csv_reader_finish(reader, summary, err);
    }
    FUZZ_TRUE(rc != 0 || csv_reader_rows(reader) == summary->rows);
    csv_reader_free(&reader);
    fuzz_err(rc, err);
    return rc;
}

static void read_back(const struct dataset_summary *summary)
{
    struct err err = ERR_INIT;
    struct dataset *ds = NULL;
    char *path = xasprintf("%s/%s", fuzz_folder(), summary->sha256);

    FUZZ_TRUE(dataset_verify(path, summary->sha256, &err) == 0);
    FUZZ_TRUE(dataset_open(path, &ds, &err) == 0);
    FUZZ_TRUE(dataset_rows(ds) == summary->rows);
    FUZZ_TRUE(fuzz_dataset_read(ds, &err) == 0);
    dataset_free(&ds);
    free(path);
}

/* Nothing of a refused table stays, and of a good one the one file. */
static void remove_table(const struct dataset_summary *summary)
{
    char *path = xasprintf("%s/%s", fuzz_folder(), summary->sha256);

    if (summary->rows > 0) {
        FUZZ_TRUE(remove(path) == 0);
    }
    free(path);
    FUZZ_TRUE(rmdir(fuzz_folder()) == 0);
    FUZZ_TRUE(mkdir(fuzz_folder(), 0700) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dataset_summary whole = {.rows = 0}, pieces = {.rows = 0};
    struct err err = ERR_INIT, again = ERR_INIT;
    struct csv_options options;
    size_t piece;
    char *line;
    int rc;

    fuzz_start();
    line = fuzz_line(&data, &size);
    read_options(line, &options, &piece);
    free(line);
    rc = read_table(&options, data, size, SIZE_MAX, &whole, &err);
    if (rc == 0) {
        read_back(&whole);
    }
    if (piece != SIZE_MAX) {
        FUZZ_TRUE(read_table(&options, data, size, piece, &pieces, &again) == rc);
        FUZZ_TRUE(err.code == again.code && strcmp(err.detail, again.detail) == 0);
        FUZZ_TRUE(err.n_items == again.n_items);
        FUZZ_TRUE(rc != 0 || strcmp(whole.sha256, pieces.sha256) == 0);
    }
    remove_table(&whole);
    csv_options_fini(&options);
    err_fini(&err);
    err_fini(&again);
    return 0;
}
