/* For the tests of the jobs' way in: a folder that goes away, datasets from CSV text, and
 * looking for a problem in an error. */
#ifndef MLPD_TESTS_JOBS_IN_HELP_H
#define MLPD_TESTS_JOBS_IN_HELP_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/csv.h"
#include "data/dataset.h"

static char help_dir[64];

static int help_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void help_setup(void)
{
    (void)snprintf(help_dir, sizeof help_dir, "/tmp/mlpd-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(help_dir));
}

static inline void help_teardown(void)
{
    ck_assert_int_eq(nftw(help_dir, help_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* CSV text -> a file in the folder -> opened. */
static inline struct dataset *help_dataset(const char *csv, struct dataset_summary *summary)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct csv_reader *reader = NULL;
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;
    char *path;

    ck_assert_int_eq(csv_reader_new(help_dir, &options, &reader, &err), 0);
    ck_assert_msg(csv_reader_feed(reader, csv, strlen(csv), &err) == 0 &&
                      csv_reader_finish(reader, summary, &err) == 0,
                  "%s", err.detail);
    csv_reader_free(&reader);
    path = xasprintf("%s/%s", help_dir, summary->sha256);
    ck_assert_msg(dataset_open(path, &ds, &err) == 0, "%s", err.detail);
    free(path);
    return ds;
}

/* Whether one item has this pointer and a detail with this in it. */
static inline bool help_has(const struct err *err, const char *pointer, const char *fragment)
{
    size_t i;

    for (i = 0; i < err->n_items; i++) {
        if (err->items[i].pointer != NULL && strcmp(err->items[i].pointer, pointer) == 0 &&
            strstr(err->items[i].detail, fragment) != NULL) {
            return true;
        }
    }
    return false;
}

/* All items in one text, for a failing test's message; freed by nobody, it fails anyway. */
static inline const char *help_show(const struct err *err)
{
    char *text = xasprintf("code %s, %s", err_code_name(err->code), err->detail), *more;
    size_t i;

    for (i = 0; i < err->n_items; i++) {
        more = xasprintf("%s\n  %s: %s", text,
                         err->items[i].pointer != NULL ? err->items[i].pointer : "(none)",
                         err->items[i].detail);
        free(text);
        text = more;
    }
    return text;
}

/* main of a test program. */
static inline int help_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
