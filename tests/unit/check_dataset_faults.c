/* Dataset files on a disk that fails and a power that fails, with a real store: afterwards there
 * is a row and a file that verifies, or neither, or a file without a row that the next start
 * removes; what was acknowledged is so. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "file_faults.h"
#include "jobs/datasets.h"
#include "jobs_in_help.h"
#include "store/store_sqlite.h"

static struct store *store;
static struct datasets *datasets;
static char dir[96];

/* What a life came to, told by the process that lived it. */
static struct told {
    int64_t number; /* its rows hold this, so that each life's contents are its own */
    char first[HASH_HEX_LEN], second[HASH_HEX_LEN]; /* contents, once they are known */
    int64_t first_id;
    bool first_added, second_added, first_deleted; /* acknowledged */
    bool first_doomed;                             /* its deletion was begun */
} * told;

static void open_all(void)
{
    struct store_sqlite_options options = {.dir = help_dir, .owner = "test"};
    struct err err = ERR_INIT;

    ck_assert_msg(store_sqlite_open(&options, &store, &err) == 0, "%s", err.detail);
    ck_assert_msg(datasets_new(dir, store, &datasets, &err) == 0, "%s", err.detail);
}

static void close_all(void)
{
    datasets_free(&datasets);
    store->ops->close(&store);
}

static int write_file(const char *folder, int64_t number, struct dataset_summary *out,
                      struct err *err)
{
    static const char *const names[] = {"a"};
    static const enum column_type types[] = {COLUMN_NUMERIC};
    struct dataset_writer *w = NULL;
    int i;

    if (dataset_writer_new(folder, 1, names, types, &w, err) != 0) {
        return -1;
    }
    for (i = 0; i < 10; i++) {
        if (dataset_writer_number(w, (double)(number * 100 + i), err) != 0) {
            dataset_writer_abort(&w);
            return -1;
        }
    }
    return dataset_writer_finish(&w, out, err);
}

static void setup(void)
{
    bool in_memory = access("/dev/shm", W_OK) == 0; /* where a sync takes no time */
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int64_t id;
    bool created;

    hash_start();
    log_set_level(LOG_ERROR);
    (void)snprintf(help_dir, sizeof help_dir, "%s/mlpd-check-XXXXXX",
                   in_memory ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(help_dir));
    (void)snprintf(dir, sizeof dir, "%s/datasets", help_dir);
    told = power_share(sizeof *told);
    open_all();
    /* One that stays: a store without any keeps files that it does not know. */
    ck_assert_int_eq(write_file(dir, 0, &summary, &err), 0);
    ck_assert_int_eq(datasets_add(datasets, "stays", &summary, 1, false, &id, &created, &err), 0);
}

static void teardown(void)
{
    file_hook = NULL;
    close_all();
    power_unshare(told, sizeof *told);
    help_teardown();
}

/* An upload, an inline one by way of a scratch folder, and the deletion of the first. What fails,
 * fails; the rest goes on. */
static void life(void)
{
    struct dataset_summary first, second;
    struct err err = ERR_INIT;
    char name[32], *scratch = NULL;
    bool created;
    int64_t id;

    (void)snprintf(name, sizeof name, "n%lld", (long long)told->number);
    power_point();
    if (write_file(dir, 2 * told->number, &first, &err) == 0) {
        memcpy(told->first, first.sha256, HASH_HEX_LEN);
        power_point();
        told->first_added =
            datasets_add(datasets, name, &first, 1, false, &told->first_id, &created, &err) == 0;
        power_point();
    }
    err_fini(&err);
    if (datasets_scratch_new(datasets, &scratch, &err) == 0 &&
        write_file(scratch, 2 * told->number + 1, &second, &err) == 0) {
        memcpy(told->second, second.sha256, HASH_HEX_LEN);
        power_point();
        if (datasets_scratch_keep(datasets, scratch, second.sha256, &err) == 0) {
            power_point();
            told->second_added =
                datasets_add(datasets, NULL, &second, 1, false, &id, &created, &err) == 0;
            power_point();
        }
    }
    datasets_scratch_free(&scratch);
    err_fini(&err);
    if (told->first_added) {
        power_point();
        told->first_doomed = true;
        told->first_deleted = datasets_delete(datasets, told->first_id, &err) == 0;
        power_point();
    }
    err_fini(&err);
}

static bool has_row(const char *sha256)
{
    struct store_dataset row = {.id = 0};
    struct err err = ERR_INIT;
    char key[8 + HASH_HEX_LEN];
    bool there;

    (void)snprintf(key, sizeof key, "sha256:%s", sha256);
    there = sha256[0] != '\0' && store->ops->dataset_get(store, key, &row, &err) == 0;
    store_dataset_fini(&row);
    err_fini(&err);
    return there;
}

/* After the next start: every row has its file, which verifies, and there is no other file. */
static void whole(void)
{
    struct store_dataset *list = NULL;
    const struct dirent *entry;
    struct err err = ERR_INIT;
    size_t n = 0, i, files = 0;
    bool more;
    DIR *d;

    ck_assert_int_eq(store->ops->dataset_list(store, 0, 500, &list, &n, &more, &err), 0);
    for (i = 0; i < n; i++) {
        char *path = xasprintf("%s/%s", dir, list[i].sha256);

        ck_assert_msg(dataset_verify(path, list[i].sha256, &err) == 0, "row %lld: %s",
                      (long long)list[i].id, err.detail);
        free(path);
    }
    d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    while ((entry = readdir(d)) != NULL) {
        files += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    ck_assert_int_eq(closedir(d), 0);
    ck_assert_uint_eq(files, n);
    store_datasets_free(&list, n);
    ck_assert(has_row(told->second) || !told->second_added);
    ck_assert(has_row(told->first) || !told->first_added || told->first_doomed);
    ck_assert(!has_row(told->first) || !told->first_deleted);
}

START_TEST(a_disk_fails)
{
    static const int codes[] = {EIO, ENOSPC};
    bool forever = _i % 2 == 1, met = true;
    struct err err = ERR_INIT;
    long n;

    for (n = 1; met; n++) {
        *told = (struct told){.number = n};
        faults_set(n, forever, codes[_i / 2]);
        life();
        met = faults_end();
        ck_assert(met || (told->first_deleted && told->second_added));
        /* A running daemon has its files, too. */
        if (told->second_added) {
            const struct dataset *ds = NULL;

            ck_assert_int_eq(datasets_open_verified(datasets, told->second, NULL, NULL, &ds, &err),
                             0);
            datasets_put(datasets, &ds);
        }
        datasets_free(&datasets);
        ck_assert_int_eq(datasets_new(dir, store, &datasets, &err), 0);
        whole();
    }
    ck_assert_int_gt(n, 18);
}
END_TEST

START_TEST(a_start_fails)
{
    bool met = true;
    long n;

    *told = (struct told){.number = 1};
    for (n = 1; met; n++) {
        struct dataset_summary summary;
        struct err err = ERR_INIT;

        ck_assert_int_eq(write_file(dir, 1000 + n, &summary, &err), 0); /* to be swept */
        datasets_free(&datasets);
        faults_set(n, _i == 1, EIO);
        if (datasets_new(dir, store, &datasets, &err) != 0) {
            ck_assert_ptr_null(datasets);
        }
        met = faults_end();
        if (datasets == NULL) {
            err_fini(&err);
            ck_assert_int_eq(datasets_new(dir, store, &datasets, &err), 0);
        }
    }
    ck_assert_int_gt(n, 4);
    whole();
}
END_TEST

/* ---- power ------------------------------------------------------------------------------- */

static void life_of_a_daemon(void)
{
    open_all();
    life();
}

START_TEST(power_fails)
{
    const char *const folders[] = {dir};
    enum power_loss loss = (enum power_loss)_i;
    unsigned seed, seeds = loss == POWER_MIXES ? 3 : 1;
    int64_t number = 0;
    bool was_cut;
    long n;

    for (seed = 0; seed < seeds; seed++) {
        for (n = 1, was_cut = true; was_cut; n++) {
            *told = (struct told){.number = ++number};
            close_all();
            was_cut = power_run(life_of_a_daemon, folders, 1, n, loss, seed) == 1;
            open_all();
            whole();
        }
        ck_assert_int_gt(n, 30);
        ck_assert(told->first_deleted && told->second_added);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset_faults");
    TCase *tc = tcase_create("dataset_faults");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 180);
    tcase_add_loop_test(tc, a_disk_fails, 0, 4);
    tcase_add_loop_test(tc, a_start_fails, 0, 2);
    tcase_add_loop_test(tc, power_fails, 0, POWER_LOSSES);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
