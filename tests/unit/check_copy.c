/* Copying a state while it changes: the moments at which a daemon would pull a file away are chosen
 * here, by the seam that all files are written through.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/file.h"
#include "check_store.h"
#include "mlpd/copy.h"

static char *to; /* the copy */

/* What happens before and after each copy of the database. */
static void (*before_database)(int times), (*after_database)(int times);
static int databases, syncs, folder_syncs;

static void write_in(const char *folder, const char *name, const char *bytes)
{
    char *path = xasprintf("%s/%s/%s", help_dir, folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    ck_assert_int_eq(close(fd), 0);
    free(path);
}

static void remove_in(const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s/%s", help_dir, folder, name);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
}

static bool copied(const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s/%s", to, folder, name);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

static void setup(void)
{
    static const char *const folders[] = {"datasets", "checkpoints", "copy"};

    help_setup();
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char *path = xasprintf("%s/%s", help_dir, folders[i]);

        ck_assert_int_eq(mkdir(path, 0700), 0);
        free(path);
    }
    to = xasprintf("%s/copy", help_dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    file_hook = NULL;
    before_database = after_database = NULL;
    if (help_store != NULL) {
        help_close();
    }
    ck_assert_int_eq(nftw(help_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(to);
}

/* A dataset of these bytes, file and row. */
static const char *add_dataset(const char *bytes, char hash[HASH_HEX_LEN])
{
    int64_t id;
    bool created;

    hash_hex(bytes, strlen(bytes), hash);
    write_in("datasets", hash, bytes);
    OK(OPS->dataset_add(help_store, NULL, hash, 1, 1, 1, false, &id, &created, err));
    return hash;
}

static int64_t add_job(const char *hash)
{
    struct store_job_new job = {.kind = "train",
                                .config_json = "{}",
                                .resolved_json = "{}",
                                .datasets = &hash,
                                .n_datasets = 1};
    int64_t id, model;

    OK(OPS->job_submit(help_store, &job, &id, &model, err));
    return id;
}

static void add_checkpoint(int64_t job, int64_t generation, const char *bytes)
{
    struct store_checkpoint row = {
        .job_id = job, .generation = generation, .epoch = generation, .bytes = 1, .at = 1};
    char name[32];

    (void)snprintf(name, sizeof name, "%lld.%lld", (long long)job, (long long)generation);
    hash_hex(bytes, strlen(bytes), row.sha256);
    write_in("checkpoints", name, bytes);
    OK(OPS->checkpoint_add(help_store, OWNER, &row, err));
}

/* Everything the copied database names is there, and nothing else. */
static void is_whole(size_t datasets, size_t checkpoints)
{
    struct err problems = ERR_INIT;
    struct store_files files;

    OK(store_sqlite_files(to, &files, err));
    ck_assert_uint_eq(files.n_datasets, datasets);
    ck_assert_uint_eq(files.n_checkpoints, checkpoints);
    for (size_t i = 0; i < files.n_datasets; i++) {
        ck_assert(copied("datasets", files.datasets[i]));
    }
    for (size_t i = 0; i < files.n_checkpoints; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "%lld.%lld", (long long)files.checkpoints[i].job_id,
                       (long long)files.checkpoints[i].generation);
        ck_assert_msg(copied("checkpoints", name), "%s", name);
    }
    store_files_fini(&files);
    OK(store_sqlite_check(to, false, NULL, &problems, err));
    ck_assert_msg(problems.n_items == 0, "%s", problems.items[0].detail);
}

static int watch(const struct file_event *event)
{
    syncs += event->op == FILE_OP_SYNC;
    folder_syncs += event->op == FILE_OP_FOLDER_SYNC;
    if (event->op == FILE_OP_CREATE && strcmp(event->name, "mlpd.db") == 0 &&
        before_database != NULL) {
        before_database(databases + 1);
    }
    if (event->op == FILE_OP_SYNC && strcmp(event->name, "mlpd.db") == 0) {
        databases++;
        if (after_database != NULL) {
            after_database(databases);
        }
    }
    return 0;
}

static struct copied copy(void)
{
    struct copied done = {.datasets = 0};

    databases = syncs = folder_syncs = 0;
    file_hook = watch;
    OK(copy_state(help_dir, to, &done, err));
    file_hook = NULL;
    return done;
}

static int64_t job;
static char first[HASH_HEX_LEN], second[HASH_HEX_LEN];

/* A running job with two checkpoints, and its data; other data. */
static void fill(void)
{
    job = add_job(add_dataset("needed", first));
    (void)add_dataset("idle", second);
    help_claim(job, OWNER);
    add_checkpoint(job, 1, "one");
    add_checkpoint(job, 2, "two");
}

START_TEST(all_of_it_is_copied)
{
    struct copied done;

    fill();
    write_in("datasets", "scratch", "not named");
    write_in("checkpoints", "9.9", "not named");
    after_database = NULL;
    done = copy();
    ck_assert_uint_eq(done.datasets, 2);
    ck_assert_uint_eq(done.checkpoints, 2);
    ck_assert_uint_eq(done.forgotten, 0);
    ck_assert_int_eq(databases, 1);
    ck_assert_int_eq(syncs, 5);        /* every file */
    ck_assert_int_eq(folder_syncs, 6); /* two made, two filled, the database in, and all of it */
    is_whole(2, 2);
    ck_assert(!copied("datasets", "scratch") && !copied("checkpoints", "9.9"));
}
END_TEST

static void rotate_all(int times)
{
    (void)times;
    add_checkpoint(job, 3, "three");
    add_checkpoint(job, 4, "four");
    remove_in("checkpoints", "1.1");
    remove_in("checkpoints", "1.2");
}

/* Both were made anew while the database was copied: they were held. */
START_TEST(checkpoints_that_go_are_held)
{
    struct copied done;

    fill();
    after_database = rotate_all;
    done = copy();
    ck_assert_uint_eq(done.checkpoints, 2);
    ck_assert_uint_eq(done.forgotten, 0);
    is_whole(1 + 1, 2);
    ck_assert(copied("checkpoints", "1.1") && copied("checkpoints", "1.2"));
}
END_TEST

/* What is damaged, or gone before anybody looked, is left out, rows too. */
START_TEST(checkpoints_that_are_gone_are_forgotten)
{
    struct copied done;

    fill();
    after_database = NULL;
    remove_in("checkpoints", "1.1");
    done = copy();
    ck_assert_uint_eq(done.checkpoints, 1);
    ck_assert_uint_eq(done.forgotten, 1);
    is_whole(2, 1);
    copy_remove(to);
    ck_assert_int_eq(mkdir(to, 0700), 0);
    write_in("checkpoints", "1.2", "twO");
    done = copy();
    ck_assert_uint_eq(done.checkpoints, 0);
    ck_assert_uint_eq(done.forgotten, 2);
    is_whole(2, 0);
    ck_assert(!copied("checkpoints", "1.2"));
}
END_TEST

static void delete_data(const char *hash)
{
    struct store_dataset row;
    char key[80];
    bool orphan;

    (void)snprintf(key, sizeof key, "sha256:%s", hash);
    OK(OPS->dataset_get(help_store, key, &row, err));
    OK(OPS->dataset_delete(help_store, row.id, &orphan, err));
    store_dataset_fini(&row);
    ck_assert(orphan);
    remove_in("datasets", hash);
}

static void delete_idle(int times)
{
    ck_assert_int_eq(times, 1);
    delete_data(second);
}

/* Deleted after the database's moment: deleted in the copy, too, which is made once. */
START_TEST(deleted_data_is_deleted)
{
    struct copied done;

    fill();
    after_database = delete_idle;
    done = copy();
    ck_assert_uint_eq(done.datasets, 1);
    is_whole(1, 2);
    ck_assert(copied("datasets", first));
}
END_TEST

static void end_and_delete(int times)
{
    if (times == 1) {
        help_finish(job, OWNER, JOB_SUCCEEDED, true);
        delete_data(first);
        (void)add_dataset("new", first);
    }
}

static void delete_then(int times)
{
    if (times == 2) {
        delete_data(second);
    }
}

/* The copied database has a job running that needs what is gone: it is copied again. What the first
 * try brought and the second does not name is away. */
START_TEST(a_job_that_ended_meanwhile_begins_it_again)
{
    struct copied done;

    fill();
    before_database = delete_then;
    after_database = end_and_delete;
    done = copy();
    ck_assert_int_eq(databases, 2);
    ck_assert_int_eq(done.models, 1);
    ck_assert_uint_eq(done.checkpoints, 0);
    is_whole(1, 0);
    ck_assert(copied("datasets", first) && !copied("datasets", second));
}
END_TEST

/* At each copy the job that it shows running has ended, and its data is gone; another runs. */
static void always_another(int times)
{
    char bytes[16];

    help_finish(job, OWNER, JOB_SUCCEEDED, true);
    delete_data(first);
    (void)snprintf(bytes, sizeof bytes, "%d", times);
    job = add_job(add_dataset(bytes, first));
    help_claim(job, OWNER);
}

/* Time after time: it gives up, and says why. */
START_TEST(it_does_not_try_for_ever)
{
    struct copied done = {.datasets = 0};

    fill();
    after_database = always_another;
    databases = 0;
    file_hook = watch;
    REFUSED(ERR_BUSY, copy_state(help_dir, to, &done, err));
    ck_assert_int_eq(databases, 5);
}
END_TEST

/* A file that the database still names is damage, however it went. */
START_TEST(a_missing_file_is_damage)
{
    struct copied done;

    fill();
    after_database = NULL;
    remove_in("datasets", second);
    REFUSED(ERR_CORRUPT, copy_state(help_dir, to, &done, err));
    copy_remove(to);
    ck_assert_int_eq(mkdir(to, 0700), 0);
    write_in("datasets", second, "Idle");
    REFUSED(ERR_CORRUPT, copy_state(help_dir, to, &done, err));
}
END_TEST

static enum file_op failing_op;
static int failing_error, failing_nth, seen;

static int fail_nth(const struct file_event *event)
{
    return event->op == failing_op && ++seen == failing_nth ? failing_error : 0;
}

/* Every operation fails once: an error with a sentence, or a copy that is whole all the same. */
START_TEST(every_failure_is_told)
{
    static const enum file_op ops[] = {
        FILE_OP_FOLDER_MAKE, FILE_OP_FOLDER_OPEN, FILE_OP_FOLDER_SYNC, FILE_OP_CREATE,
        FILE_OP_WRITE,       FILE_OP_SYNC,        FILE_OP_CLOSE,       FILE_OP_OPEN,
        FILE_OP_READ,
    };
    int failures = 0;

    fill();
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        for (failing_nth = 1;; failing_nth++) {
            struct copied done = {.datasets = 0};
            struct err err = ERR_INIT;
            int rc;

            failing_op = ops[i];
            failing_error = failing_nth % 2 == 0 ? ENOSPC : EIO;
            seen = 0;
            file_hook = fail_nth;
            rc = copy_state(help_dir, to, &done, &err);
            file_hook = NULL;
            if (rc != 0) {
                failures++;
                ck_assert_int_gt(strlen(err.detail), 0);
                ck_assert(err.code == ERR_IO || err.code == ERR_NO_SPACE);
            } else {
                is_whole(2, 2);
                ck_assert_uint_eq(done.forgotten, 0); /* a failure says nothing of the file */
            }
            err_fini(&err);
            copy_remove(to);
            ck_assert_int_eq(mkdir(to, 0700), 0);
            if (seen < failing_nth) {
                break; /* it was never met */
            }
        }
    }
    ck_assert_int_gt(failures, 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("copy");
    TCase *cases = tcase_create("copy");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, all_of_it_is_copied);
    tcase_add_test(cases, checkpoints_that_go_are_held);
    tcase_add_test(cases, checkpoints_that_are_gone_are_forgotten);
    tcase_add_test(cases, deleted_data_is_deleted);
    tcase_add_test(cases, a_job_that_ended_meanwhile_begins_it_again);
    tcase_add_test(cases, it_does_not_try_for_ever);
    tcase_add_test(cases, a_missing_file_is_damage);
    tcase_add_test(cases, every_failure_is_told);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}
