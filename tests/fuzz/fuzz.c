/* What the fuzz targets share; see fuzz.h. One thread; the folder is the only state. */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "data/csv.h"

static char folder[128];

void fuzz_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

void fuzz_err(int rc, const struct err *err)
{
    size_t i;

    FUZZ_TRUE(rc == 0 || rc == -1);
    FUZZ_TRUE((rc != 0) == err_is(err));
    FUZZ_TRUE(text_is_utf8(err->detail, strlen(err->detail)));
    FUZZ_TRUE(rc == 0 || err->detail[0] != '\0' || err->n_items > 0);
    FUZZ_TRUE(err->n_items <= ERR_MAX_ITEMS);
    for (i = 0; i < err->n_items; i++) {
        const struct err_item *item = &err->items[i];

        FUZZ_TRUE(item->detail != NULL && item->detail[0] != '\0');
        FUZZ_TRUE(text_is_utf8(item->detail, strlen(item->detail)));
        FUZZ_TRUE(item->pointer == NULL || ((item->pointer[0] == '/' || item->pointer[0] == '\0') &&
                                            text_is_utf8(item->pointer, strlen(item->pointer))));
        FUZZ_TRUE(item->column == NULL || text_is_utf8(item->column, strlen(item->column)));
        FUZZ_TRUE(item->row >= 0 && item->line >= 0);
    }
}

void fuzz_start(void)
{
    static bool started;

    if (!started) {
        started = true;
        log_set_level(LOG_ERROR);
        hash_start();
        /* no option comes from outside */
        for (char **one = environ; one != NULL && *one != NULL;) {
            if (strncmp(*one, "MLPD_", 5) == 0) {
                char *name = xstrndup(*one, strcspn(*one, "="));

                (void)unsetenv(name);
                free(name);
            } else {
                one++;
            }
        }
    }
}

/* ---- bytes ---- */

char *fuzz_text(const uint8_t *data, size_t size)
{
    return xstrndup(size > 0 ? (const char *)data : "", size);
}

char *fuzz_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    size_t len = end != NULL ? (size_t)(end - *data) : *size;
    char *line = fuzz_text(*data, len);

    len += end != NULL;
    *data += len;
    *size -= len;
    return line;
}

/* ---- files ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    return ftw->level == 0 ? 0 : remove(path);
}

void fuzz_folder_empty(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void folder_remove(void)
{
    fuzz_folder_empty();
    (void)rmdir(folder);
}

const char *fuzz_folder(void)
{
    const char *above = getenv("TMPDIR");

    if (folder[0] == '\0') {
        if (above == NULL || above[0] == '\0') {
            above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        }
        (void)snprintf(folder, sizeof folder, "%.100s/mlpd-fuzz-XXXXXX", above);
        FUZZ_TRUE(mkdtemp(folder) != NULL);
        (void)atexit(folder_remove);
    }
    return folder;
}

int fuzz_file(const void *bytes, size_t size, char path[32])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    FUZZ_TRUE(fd >= 0);
    FUZZ_TRUE(size == 0 || write(fd, bytes, size) == (ssize_t)size);
    (void)snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* ---- datasets ---- */

struct dataset *fuzz_dataset(const char *csv, char *sha256)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset_summary summary;
    struct csv_reader *reader = NULL;
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;
    char *path;

    FUZZ_TRUE(csv_reader_new(fuzz_folder(), &options, &reader, &err) == 0);
    FUZZ_TRUE(csv_reader_feed(reader, csv, strlen(csv), &err) == 0);
    FUZZ_TRUE(csv_reader_finish(reader, &summary, &err) == 0);
    csv_reader_free(&reader);
    path = xasprintf("%s/%s", fuzz_folder(), summary.sha256);
    FUZZ_TRUE(dataset_open(path, &ds, &err) == 0);
    free(path);
    if (sha256 != NULL) {
        memcpy(sha256, summary.sha256, HASH_HEX_LEN);
    }
    return ds;
}

static int read_numbers(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                        struct err *err)
{
    double *numbers = xcalloc(n, sizeof *numbers);
    int rc = dataset_read_numbers(ds, column, first, n, numbers, err);
    size_t i;

    for (i = 0; i < n && rc == 0; i++) {
        FUZZ_TRUE(!isinf(numbers[i]));
    }
    free(numbers);
    return rc;
}

static int read_codes(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                      struct err *err)
{
    uint32_t *codes = xcalloc(n, sizeof *codes);
    int rc = dataset_read_codes(ds, column, first, n, codes, err);
    size_t i;

    for (i = 0; i < n && rc == 0; i++) {
        FUZZ_TRUE(codes[i] == DATASET_MISSING ||
                  codes[i] < dataset_column(ds, column)->n_categories);
    }
    free(codes);
    return rc;
}

static void look_at_column(const struct dataset *ds, size_t column)
{
    const struct dataset_column *c = dataset_column(ds, column);
    size_t i;

    FUZZ_TRUE(c->name[0] != '\0' && strlen(c->name) <= DATASET_MAX_NAME);
    FUZZ_TRUE(text_is_utf8(c->name, strlen(c->name)));
    FUZZ_TRUE(dataset_find(ds, c->name) == (ptrdiff_t)column);
    FUZZ_TRUE(strcmp(dataset_names(ds)[column], c->name) == 0);
    FUZZ_TRUE(c->missing <= dataset_rows(ds));
    FUZZ_TRUE(c->type != COLUMN_BOOLEAN || c->n_categories <= 2);
    FUZZ_TRUE(c->histogram.n <= SKETCH_BINS);
    if (c->why != NULL && column_holds_numbers(c->type) && c->missing < dataset_rows(ds)) {
        uint64_t left = dataset_rows(ds) - c->missing - c->histogram.below - c->histogram.above;

        for (i = 0; i < c->histogram.n; i++) {
            left -= c->histogram.counts[i];
        }
        FUZZ_TRUE(left == 0);
        for (i = 1; i < DATASET_QUANTILES; i++) {
            FUZZ_TRUE(c->quantiles[i - 1] <= c->quantiles[i]);
        }
    }
    for (i = 0; i < c->n_categories; i++) {
        FUZZ_TRUE(text_is_utf8(c->categories[i], strlen(c->categories[i])));
    }
    for (i = 0; c->values != NULL && column_holds_numbers(c->type) && i < c->distinct; i++) {
        FUZZ_TRUE(isfinite(c->values[i]));
        FUZZ_TRUE(i == 0 || c->values[i - 1] < c->values[i]);
    }
}

int fuzz_dataset_read(const struct dataset *ds, struct err *err)
{
    enum { PIECE = 3000 }; /* not a divisor of a group */
    uint64_t rows = dataset_rows(ds), first;
    size_t i;
    int rc = 0;

    FUZZ_TRUE(rows > 0 && dataset_n_columns(ds) > 0);
    for (i = 0; i < dataset_n_columns(ds); i++) {
        look_at_column(ds, i);
        for (first = 0; first < rows && rc == 0; first += PIECE) {
            size_t n = rows - first < PIECE ? (size_t)(rows - first) : PIECE;

            rc = column_holds_numbers(dataset_column(ds, i)->type)
                     ? read_numbers(ds, i, first, n, err)
                     : read_codes(ds, i, first, n, err);
        }
        if (rc != 0) {
            return -1;
        }
    }
    return 0;
}
