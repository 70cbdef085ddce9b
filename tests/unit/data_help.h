/* What the data tests share: a folder of their own for each case, and tables from CSV text. */
#ifndef MLPD_TESTS_DATA_HELP_H
#define MLPD_TESTS_DATA_HELP_H

#include <check.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/csv.h"

/* Under a sanitizer the heavy cases shrink. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 1
#endif
#endif
#ifndef SLOW
#define SLOW 0
#endif

#define HELPER __attribute__((unused)) static

static char folder[64];

HELPER void folder_make(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/mlpd-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    hash_start();
}

/* The files left in the folder, `count` of them returned; all are removed when `remove_all`. */
HELPER size_t folder_files(bool remove_all)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    while ((entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            n++;
            ck_assert(!remove_all || unlinkat(dirfd(d), entry->d_name, 0) == 0);
        }
    }
    ck_assert_int_eq(closedir(d), 0);
    return n;
}

HELPER void folder_remove(void)
{
    folder_files(true);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Feed `text` in pieces of `piece` bytes (0 = at once). */
HELPER int csv_try(const char *text, size_t len, const struct csv_options *options, size_t piece,
                   struct dataset_summary *out, struct err *err)
{
    struct csv_reader *r = NULL;
    size_t at, n;
    int result;

    result = csv_reader_new(folder, options, &r, err);
    for (at = 0; result == 0 && at < len; at += n) {
        n = piece == 0 || len - at < piece ? len - at : piece;
        result = csv_reader_feed(r, text + at, n, err);
    }
    if (result == 0) {
        result = csv_reader_finish(r, out, err);
    }
    if (result == 0) {
        ck_assert_uint_eq(csv_reader_rows(r), out->rows);
    }
    csv_reader_free(&r);
    ck_assert_ptr_null(r);
    return result;
}

HELPER struct dataset *dataset_of(const struct dataset_summary *summary)
{
    char path[256];
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;

    (void)snprintf(path, sizeof path, "%s/%s", folder, summary->sha256);
    ck_assert_msg(dataset_open(path, &ds, &err) == 0, "%s", err.detail);
    ck_assert_msg(dataset_verify(path, summary->sha256, &err) == 0, "%s", err.detail);
    return ds;
}

/* A table of one numeric column "v". */
HELPER struct dataset *numbers(const double *values, size_t n, struct dataset_summary *summary)
{
    static const char *const names[] = {"v"};
    static const enum column_type types[] = {COLUMN_NUMERIC};
    struct dataset_writer *w = NULL;
    struct err err = ERR_INIT;
    size_t i;

    ck_assert_int_eq(dataset_writer_new(folder, 1, names, types, &w, &err), 0);
    for (i = 0; i < n; i++) {
        if (dataset_writer_number(w, values[i], &err) != 0) {
            ck_abort_msg("%s", err.detail);
        }
    }
    ck_assert_msg(dataset_writer_finish(&w, summary, &err) == 0, "%s", err.detail);
    ck_assert_ptr_null(w);
    ck_assert_uint_eq(summary->rows, n);
    return dataset_of(summary);
}

/* A whole file; the caller frees. */
HELPER size_t slurp(const char *path, unsigned char **out)
{
    FILE *f = fopen(path, "rb");
    struct stat st;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fstat(fileno(f), &st), 0);
    *out = xmalloc((size_t)st.st_size);
    ck_assert_uint_eq(fread(*out, 1, (size_t)st.st_size, f), (size_t)st.st_size);
    ck_assert_int_eq(fclose(f), 0);
    return (size_t)st.st_size;
}

HELPER struct dataset *table_with(const char *text, const struct csv_options *options)
{
    struct dataset_summary summary;
    struct err err = ERR_INIT;

    ck_assert_msg(csv_try(text, strlen(text), options, 0, &summary, &err) == 0, "%s", err.detail);
    return dataset_of(&summary);
}

HELPER struct dataset *table(const char *text)
{
    struct csv_options options = CSV_OPTIONS_INIT;

    return table_with(text, &options);
}

HELPER size_t column_named(const struct dataset *ds, const char *name)
{
    ptrdiff_t column = dataset_find(ds, name);

    ck_assert_msg(column >= 0, "no column %s", name);
    return (size_t)column;
}

HELPER double number_at(const struct dataset *ds, const char *name, uint64_t row)
{
    struct err err = ERR_INIT;
    double value;

    ck_assert_int_eq(dataset_read_numbers(ds, column_named(ds, name), row, 1, &value, &err), 0);
    return value;
}

/* NULL = missing. */
HELPER const char *text_at(const struct dataset *ds, const char *name, uint64_t row)
{
    size_t column = column_named(ds, name);
    struct err err = ERR_INIT;
    uint32_t code;

    ck_assert_int_eq(dataset_read_codes(ds, column, row, 1, &code, &err), 0);
    return code == DATASET_MISSING ? NULL : dataset_column(ds, column)->categories[code];
}

HELPER bool same_bits(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

/* Run a suite; the exit status of the program. */
HELPER int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
