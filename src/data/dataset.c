/* What the writer and the reader of dataset files share: names, types, the check of a whole
 * file, and the folder's housekeeping. Nothing here keeps state; any thread.
 */
#include "data/dataset_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const type_names[] = {
    [COLUMN_NUMERIC] = "numeric", [COLUMN_CATEGORICAL] = "categorical",
    [COLUMN_BOOLEAN] = "boolean", [COLUMN_DATETIME] = "datetime",
    [COLUMN_TEXT] = "text",
};

const double dataset_quantiles[DATASET_QUANTILES] = {0,    0.01, 0.05, 0.25, 0.5,
                                                     0.75, 0.95, 0.99, 1};

const char *column_type_name(enum column_type type)
{
    CHK((size_t)type < ARRAY_LEN(type_names));
    return type_names[type];
}

bool column_type_parse(const char *name, enum column_type *out)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(type_names); i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *out = (enum column_type)i;
            return true;
        }
    }
    return false;
}

bool column_holds_numbers(enum column_type type)
{
    return type == COLUMN_NUMERIC || type == COLUMN_DATETIME;
}

size_t dataset_group_rows(size_t n_columns)
{
    size_t rows = DATASET_GROUP;

    while (rows > 16 && rows * n_columns > DATASET_GROUP_CELLS) {
        rows /= 2;
    }
    return rows;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = *(const char *const *const *)a, *const *y =
                                                               *(const char *const *const *)b;
    int order = strcmp(*x, *y);

    return order != 0 ? order : (x > y) - (x < y); /* equal names: by place */
}

int dataset_check_names(size_t n, const char *const *names, int64_t line, struct err *err)
{
    const char *const **sorted = mem_try_alloc(n, sizeof *sorted);
    bool bad = false;
    size_t i;

    if (sorted == NULL) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory for %zu columns", n);
    }
    for (i = 0; i < n; i++) {
        size_t len = strlen(names[i]);

        sorted[i] = &names[i];
        if (len == 0) {
            err_add_cell(err, 0, line, NULL, "column %zu has no name: give it one, or leave it out%s", i + 1,
                         i == 0 ? " (pandas: to_csv(index=False))" : "");
            bad = true;
        } else if (len > DATASET_MAX_NAME) {
            err_add_cell(err, 0, line, NULL,
                         "the name of column %zu has %zu bytes, the limit is %d", i + 1, len,
                         DATASET_MAX_NAME);
            bad = true;
        } else if (!text_is_utf8(names[i], len)) {
            err_add_cell(err, 0, line, NULL, "the name of column %zu is not valid UTF-8", i + 1);
            bad = true;
        }
    }
    qsort(sorted, n, sizeof *sorted, compare_names);
    for (i = 1; i < n; i++) {
        if (**sorted[i] != '\0' && strcmp(*sorted[i - 1], *sorted[i]) == 0) {
            err_add_cell(err, 0, line, NULL, "columns %zu and %zu have the same name, \"%s\"",
                         (size_t)(sorted[i - 1] - names) + 1, (size_t)(sorted[i] - names) + 1,
                         *sorted[i]);
            bad = true;
        }
    }
    free(sorted);
    return bad ? -1 : 0;
}

int dataset_verify_fd(int fd, const char *sha256, bool (*stop)(void *), void *ctx, struct err *err)
{
    enum { BLOCK = 256 << 10 };
    char *block = mem_try_alloc(BLOCK, 1);
    char hex[HASH_HEX_LEN];
    struct hash hash;
    off_t position = 0;
    ssize_t n;

    if (block == NULL) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to check the dataset");
    }
    hash_init(&hash);
    do {
        if (stop != NULL && stop(ctx)) {
            free(block);
            return 1;
        }
        do {
            n = pread(fd, block, BLOCK, position);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            free(block);
            return err_set(err, ERR_IO, "cannot read the dataset file: %s", strerrordesc_np(errno));
        }
        hash_update(&hash, block, (size_t)n);
        position += n;
    } while (n > 0);
    free(block);
    hash_final_hex(&hash, hex);
    return strcmp(hex, sha256) == 0
               ? 0
               : err_set(err, ERR_CORRUPT, "the dataset file does not hold what was written to it");
}

int dataset_verify(const char *path, const char *sha256, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                       "cannot open the dataset file: %s", strerrordesc_np(errno));
    }
    rc = dataset_verify_fd(fd, sha256, NULL, NULL, err);
    (void)close(fd); /* only read from */
    return rc;
}

void dataset_clean_folder(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (d == NULL) {
        return; /* no folder yet, nothing to clean */
    }
    while ((entry = readdir(d)) != NULL) {
        struct err err = ERR_INIT;

        if (strncmp(entry->d_name, DATASET_TMP, sizeof DATASET_TMP - 1) == 0 &&
            file_remove(dirfd(d), entry->d_name, "dataset", &err) != 0) {
            log_warn("%s: %s", entry->d_name, err.detail);
            err_fini(&err);
        }
    }
    (void)closedir(d); /* only read from */
}
