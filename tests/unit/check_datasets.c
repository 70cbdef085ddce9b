/* Datasets on disk, in the store and in memory: files come with their row and go with the
 * last one, readers outlive a deletion, leftovers go at the start. */
#include "jobs/datasets.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "jobs_in_help.h"
#include "store/store_sqlite.h"

static struct store *store;
static struct datasets *datasets;
static char dir[96];

static void open_all(void)
{
    struct store_sqlite_options options = {.dir = help_dir, .owner = "test"};
    struct err err = ERR_INIT;

    ck_assert_msg(store_sqlite_open(&options, &store, &err) == 0, "%s", err.detail);
    (void)snprintf(dir, sizeof dir, "%s/datasets", help_dir);
    ck_assert_msg(datasets_new(dir, store, &datasets, &err) == 0, "%s", err.detail);
}

static void close_all(void)
{
    datasets_free(&datasets);
    store->ops->close(&store);
}

static void setup(void)
{
    help_setup();
    open_all();
}

static void teardown(void)
{
    close_all();
    help_teardown();
}

/* A file in the folder, without a row yet. */
static struct dataset_summary write_file(double value)
{
    static const char *const names[] = {"a"};
    static const enum column_type types[] = {COLUMN_NUMERIC};
    struct dataset_summary summary;
    struct dataset_writer *w = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(dataset_writer_new(dir, 1, names, types, &w, &err), 0);
    ck_assert_int_eq(dataset_writer_number(w, value, &err), 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    return summary;
}

static int64_t add(const char *name, const struct dataset_summary *summary)
{
    struct err err = ERR_INIT;
    int64_t id = 0;
    bool created;

    ck_assert_msg(datasets_add(datasets, name, summary, 1, false, &id, &created, &err) == 0, "%s",
                  err.detail);
    return id;
}

static size_t files(void)
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

START_TEST(opened_ones_are_shared)
{
    struct dataset_summary summary = write_file(1);
    const struct dataset *a, *b;
    struct err err = ERR_INIT;

    add("one", &summary);
    ck_assert_int_eq(datasets_open(datasets, summary.sha256, &a, &err), 0);
    ck_assert_int_eq(datasets_open(datasets, summary.sha256, &b, &err), 0);
    ck_assert_ptr_eq(a, b);
    datasets_put(datasets, &a);
    ck_assert_ptr_null(a);
    ck_assert_uint_eq(dataset_rows(b), 1);
    datasets_put(datasets, &b);
    datasets_put(datasets, &b); /* NULL is fine */
}
END_TEST

static bool count_and_go_on(void *ctx)
{
    (*(int *)ctx)++;
    return false;
}

static bool stop_at_once(void *ctx)
{
    (void)ctx;
    return true;
}

/* The cell becomes another one that is as plausible. */
static void damage(const char *sha256)
{
    char *path = xasprintf("%s/%s", dir, sha256);
    int fd = open(path, O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "\x2a", 1, 16), 1); /* the first cell, after the head */
    ck_assert_int_eq(close(fd), 0);
    free(path);
}

START_TEST(verified_before_the_first_use)
{
    struct dataset_summary good = write_file(3), bad = write_file(4);
    const struct dataset *ds, *other;
    struct err err = ERR_INIT;
    double value;
    int asked = 0;

    add("good", &good);
    add("bad", &bad);
    damage(bad.sha256);
    ck_assert_int_eq(datasets_open(datasets, bad.sha256, &ds, &err), 0);
    ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, 1, &value, &err), 0);
    ck_assert_double_eq(value, 42); /* nobody could see it here */
    ck_assert_int_eq(datasets_open_verified(datasets, bad.sha256, NULL, NULL, &other, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    ck_assert_int_eq(datasets_open_verified(datasets, bad.sha256, NULL, NULL, &other, &err), -1);
    datasets_put(datasets, &ds);
    err_fini(&err);
    ck_assert_int_eq(
        datasets_open_verified(datasets, good.sha256, stop_at_once, NULL, &other, &err), 1);
    ck_assert_int_eq(
        datasets_open_verified(datasets, good.sha256, count_and_go_on, &asked, &ds, &err), 0);
    ck_assert_int_gt(asked, 0);
    asked = 0;
    ck_assert_int_eq(
        datasets_open_verified(datasets, good.sha256, count_and_go_on, &asked, &other, &err), 0);
    ck_assert_int_eq(asked, 0); /* once is enough */
    ck_assert_ptr_eq(ds, other);
    datasets_put(datasets, &ds);
    datasets_put(datasets, &other);
    ck_assert_int_eq(datasets_open_verified(datasets, good.sha256, NULL, NULL, &ds, &err), 0);
    datasets_put(datasets, &ds);
}
END_TEST

START_TEST(more_than_are_kept_open)
{
    struct err err = ERR_INIT;
    const struct dataset *ds;
    int round, i;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < 40; i++) {
            struct dataset_summary summary = write_file(i);
            double value;

            add(NULL, &summary);
            ck_assert_int_eq(datasets_open(datasets, summary.sha256, &ds, &err), 0);
            ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, 1, &value, &err), 0);
            ck_assert_double_eq(value, i);
            datasets_put(datasets, &ds);
        }
    }
}
END_TEST

START_TEST(a_reader_outlives_a_deletion)
{
    struct dataset_summary summary = write_file(3);
    int64_t id = add("one", &summary);
    const struct dataset *ds, *gone;
    struct err err = ERR_INIT;
    double value;

    ck_assert_int_eq(datasets_open(datasets, summary.sha256, &ds, &err), 0);
    ck_assert_int_eq(datasets_delete(datasets, id, &err), 0);
    ck_assert_uint_eq(files(), 0);
    ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, 1, &value, &err), 0);
    ck_assert_double_eq(value, 3);
    ck_assert_int_eq(datasets_open(datasets, summary.sha256, &gone, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    err_fini(&err);
    /* The same content again, while the deleted one is still read. */
    summary = write_file(3);
    add("again", &summary);
    ck_assert_int_eq(datasets_open(datasets, summary.sha256, &gone, &err), 0);
    datasets_put(datasets, &gone);
    datasets_put(datasets, &ds);
    ck_assert_int_eq(datasets_delete(datasets, id, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    err_fini(&err);
}
END_TEST

START_TEST(the_file_goes_with_its_last_row)
{
    struct dataset_summary summary = write_file(3);
    int64_t first = add("one", &summary), second = add("two", &summary);
    struct err err = ERR_INIT;

    ck_assert_int_ne(first, second);
    ck_assert_int_eq(datasets_delete(datasets, first, &err), 0);
    ck_assert_uint_eq(files(), 1);
    ck_assert_int_eq(datasets_delete(datasets, second, &err), 0);
    ck_assert_uint_eq(files(), 0);
}
END_TEST

START_TEST(a_refused_file_is_removed)
{
    struct dataset_summary one = write_file(1), two = write_file(2);
    struct err err = ERR_INIT;
    int64_t id;
    bool created;

    add("name", &one);
    ck_assert_int_eq(datasets_add(datasets, "name", &two, 1, false, &id, &created, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    err_fini(&err);
    ck_assert_uint_eq(files(), 1);
    /* Refused under this name, but another row holds the file. */
    two = write_file(2);
    add("other", &two);
    ck_assert_int_eq(datasets_add(datasets, "name", &two, 1, false, &id, &created, &err), -1);
    err_fini(&err);
    ck_assert_uint_eq(files(), 2);
    ck_assert_int_eq(datasets_add(datasets, "name", &two, 1, true, &id, &created, &err), 0);
}
END_TEST

/* An upload that was published, and its file deleted, before its row came. */
START_TEST(a_file_that_is_gone_gets_no_row)
{
    struct dataset_summary summary = write_file(1);
    char *path = xasprintf("%s/%s", dir, summary.sha256);
    struct err err = ERR_INIT;
    int64_t id;
    bool created;

    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(datasets_add(datasets, "name", &summary, 1, false, &id, &created, &err), -1);
    ck_assert_int_eq(err.code, ERR_BUSY);
    err_fini(&err);
    free(path);
}
END_TEST

START_TEST(leftovers_go_at_the_start)
{
    struct dataset_summary kept = write_file(1), orphan = write_file(2);
    char *path = xasprintf("%s/%s", dir, orphan.sha256), *scratch = NULL, *inside;
    struct err err = ERR_INIT;
    int fd;

    ck_assert_int_eq(datasets_scratch_new(datasets, &scratch, &err), 0);
    inside = xasprintf("%s/file", scratch);
    fd = open(inside, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    close_all();
    open_all(); /* a store without any dataset: its files stay */
    ck_assert_int_eq(access(scratch, F_OK), -1);
    ck_assert_uint_eq(files(), 2);
    add("kept", &kept);
    close_all();
    open_all();
    ck_assert_uint_eq(files(), 1);
    ck_assert_int_eq(access(path, F_OK), -1);
    free(path);
    free(scratch);
    free(inside);
}
END_TEST

START_TEST(scratch_is_moved_in)
{
    static const char *const names[] = {"a"};
    static const enum column_type types[] = {COLUMN_NUMERIC};
    struct dataset_summary summary;
    struct dataset_writer *w = NULL;
    struct err err = ERR_INIT;
    char *scratch = NULL;

    ck_assert_int_eq(datasets_scratch_new(datasets, &scratch, &err), 0);
    ck_assert_int_eq(dataset_writer_new(scratch, 1, names, types, &w, &err), 0);
    ck_assert_int_eq(dataset_writer_number(w, 5, &err), 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    ck_assert_int_eq(datasets_scratch_keep(datasets, scratch, summary.sha256, &err), 0);
    datasets_scratch_free(&scratch);
    ck_assert_ptr_null(scratch);
    datasets_scratch_free(&scratch); /* NULL is fine */
    add(NULL, &summary);
    ck_assert_uint_eq(files(), 1);
}
END_TEST

START_TEST(uploads_are_shown)
{
    struct err err = ERR_INIT;
    int64_t a, b, c, refused;
    struct datasets_upload *list;
    size_t n;

    ck_assert_int_eq(datasets_upload_begin(datasets, "one", &a, &err), 0);
    ck_assert_int_eq(datasets_upload_begin(datasets, "two", &b, &err), 0);
    ck_assert_int_eq(datasets_upload_begin(datasets, "one", &refused, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    err_fini(&err);
    datasets_upload_progress(datasets, a, 10, 100);
    list = datasets_uploads(datasets, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(list[1].name, "one");
    ck_assert_uint_eq(list[1].rows, 10);
    ck_assert_uint_eq(list[1].bytes, 100);
    free(list);
    datasets_upload_end(datasets, a);
    ck_assert_int_eq(datasets_upload_begin(datasets, "one", &c, &err), 0);
    ck_assert_int_ne(c, a);
    datasets_upload_end(datasets, b);
    datasets_upload_end(datasets, c);
    list = datasets_uploads(datasets, &n);
    ck_assert_uint_eq(n, 0);
    free(list);
}
END_TEST

/* ---- many threads ------------------------------------------------------------------ */

static struct dataset_summary shared[24];

static void *read_many(void *arg)
{
    size_t i, seed = (size_t)(uintptr_t)arg;

    for (i = 0; i < 200; i++) {
        size_t k = (i * 7 + seed) % ARRAY_LEN(shared);
        const struct dataset *ds = NULL;
        struct err err = ERR_INIT;
        double value;

        CHK(datasets_open(datasets, shared[k].sha256, &ds, &err) == 0);
        CHK(dataset_read_numbers(ds, 0, 0, 1, &value, &err) == 0 && value == (double)k);
        datasets_put(datasets, &ds);
    }
    return NULL;
}

/* The same content added and deleted at once: a row always has its file. */
static void *come_and_go(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < 10; i++) {
        struct dataset_summary summary = write_file(1000);
        struct err err = ERR_INIT;
        int64_t id;
        bool created;

        if (datasets_add(datasets, NULL, &summary, 1, false, &id, &created, &err) == 0) {
            (void)!datasets_delete(datasets, id, &err); /* the other may have done it */
        } else {
            CHK(err.code == ERR_BUSY);
        }
        err_fini(&err);
    }
    return NULL;
}

START_TEST(threads_share)
{
    pthread_t threads[4];
    size_t i;

    for (i = 0; i < ARRAY_LEN(shared); i++) {
        shared[i] = write_file((double)i);
        add(NULL, &shared[i]);
    }
    for (i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_create(&threads[i], NULL, i < 2 ? read_many : come_and_go,
                            (void *)(uintptr_t)i));
    }
    for (i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    ck_assert_uint_le(files(), ARRAY_LEN(shared) + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("datasets");
    TCase *tc = tcase_create("datasets");

    hash_start();
    log_set_level(LOG_WARN);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, opened_ones_are_shared);
    tcase_add_test(tc, verified_before_the_first_use);
    tcase_add_test(tc, more_than_are_kept_open);
    tcase_add_test(tc, a_reader_outlives_a_deletion);
    tcase_add_test(tc, the_file_goes_with_its_last_row);
    tcase_add_test(tc, a_refused_file_is_removed);
    tcase_add_test(tc, a_file_that_is_gone_gets_no_row);
    tcase_add_test(tc, leftovers_go_at_the_start);
    tcase_add_test(tc, scratch_is_moved_in);
    tcase_add_test(tc, uploads_are_shown);
    tcase_add_test(tc, threads_share);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
