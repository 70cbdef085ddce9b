/* For the tests of submissions: a store and datasets in a folder of their own, a pool that only
 * counts, and the usual jobs.
 */
#ifndef MLPD_TESTS_SUBMIT_HELP_H
#define MLPD_TESTS_SUBMIT_HELP_H

#include <dirent.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "jobs/pool.h"
#include "jobs/submit.h"
#include "jobs_in_help.h"
#include "store/store_sqlite.h"

static struct store *store;
static struct datasets *datasets;
static struct submit_limits limits;
static char dir[96];
static int woken;

void pool_wake(struct pool *pool)
{
    ck_assert_ptr_null(pool);
    woken++;
}

static inline void submit_setup(void)
{
    struct store_sqlite_options options = {.dir = help_dir, .owner = "test"};
    struct err err = ERR_INIT;

    help_setup();
    ck_assert_msg(store_sqlite_open(&options, &store, &err) == 0, "%s", err.detail);
    (void)snprintf(dir, sizeof dir, "%s/datasets", help_dir);
    ck_assert_msg(datasets_new(dir, store, &datasets, &err) == 0, "%s", err.detail);
    limits = (struct submit_limits){.memory_limit = 1 << 30, .max_queued = 100};
    woken = 0;
}

static inline void submit_teardown(void)
{
    datasets_free(&datasets);
    store->ops->close(&store);
    help_teardown();
}

static inline void upload(const char *name, const char *csv)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct csv_reader *reader = NULL;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int64_t id;
    bool created;

    ck_assert_int_eq(csv_reader_new(dir, &options, &reader, &err), 0);
    ck_assert_int_eq(csv_reader_feed(reader, csv, strlen(csv), &err), 0);
    ck_assert_int_eq(csv_reader_finish(reader, &summary, &err), 0);
    csv_reader_free(&reader);
    ck_assert_int_eq(datasets_add(datasets, name, &summary, 3, false, &id, &created, &err), 0);
}

/* 60 rows, classes p and q, once r; numbers y; "fold" and "bad" for splits. */
static inline void upload_flowers(const char *name)
{
    struct buf csv = BUF_INIT;
    int i;

    buf_puts(&csv, "a,b,kind,lone,digit,y,fold,bad,half\n");
    for (i = 0; i < 60; i++) {
        buf_printf(&csv, "%d,%d,%s,%s,%d,%g,%s,%s,%s\n", i % 7, i % 5, i % 2 ? "p" : "q",
                   i == 31 ? "r"
                   : i % 2 ? "p"
                           : "q",
                   i == 31 ? 2 : i % 2, 0.37 * i, i % 4 ? "train" : "test",
                   i == 17 ? "tset" : "train", i % 2 ? "test" : "train");
    }
    upload(name, csv.data);
    buf_fini(&csv);
}

static inline size_t files(void)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    while ((entry = readdir(d)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    ck_assert_int_eq(closedir(d), 0);
    return n;
}

static inline int64_t queued(void)
{
    int64_t counts[JOB_STATES];
    struct err err = ERR_INIT;

    ck_assert_int_eq(store->ops->job_counts(store, counts, &err), 0);
    return counts[JOB_QUEUED];
}

static inline int submit(const char *body, bool dry_run, struct submitted *out, struct err *err)
{
    return submit_train(
        datasets, NULL, &limits,
        &(struct submit_body){.text = body, .len = strlen(body), .dry_run = dry_run}, out, err);
}

#define JOB(target, data, more)                                                                    \
    "{\"preset\":\"simple\",\"data\":{\"dataset\":\"flowers\",\"target\":\"" target "\"" data "}" more "}"
#define XOR                                                                                        \
    "{\"name\":\"xor\",\"preset\":\"simple\",\"data\":{\"x\":[[0,0],[0,1],[1,0],[1,1]],\"y\":[0,1,1,0]},"                \
    "\"training\":{\"seed\":1}"

#endif
