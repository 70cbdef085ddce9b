/* Copies of the database, stores that are only looked at, and the copy before an upgrade. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "check_store.h"

#define NEWEST 6

static char *path_in(const char *name)
{
    return xasprintf("%s/%s", help_dir, name);
}

static bool is_there(const char *name)
{
    char *path = path_in(name);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

/* A folder in help_dir, which its teardown only empties of files. */
static void remove_copy(const char *dir)
{
    char *path = path_in(dir), *db = xasprintf("%s/mlpd.db", path);

    (void)unlink(db);
    ck_assert_int_eq(rmdir(path), 0);
    free(db);
    free(path);
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

/* Rows as text: each value's type and hash. */
static void print_rows(sqlite3 *db, const char *sql, struct buf *out)
{
    sqlite3_stmt *row = NULL;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    buf_printf(out, "%.60s\n", sql);
    while (sqlite3_step(row) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            char hash[HASH_HEX_LEN];

            hash_hex(sqlite3_column_blob(row, i), (size_t)sqlite3_column_bytes(row, i), hash);
            buf_printf(out, "|%d:%.16s", sqlite3_column_type(row, i), hash);
        }
        buf_puts(out, "\n");
    }
    ck_assert_int_eq(sqlite3_finalize(row), SQLITE_OK);
}

/* Everything in a database but its pages' places. */
static char *content(const char *path)
{
    struct buf out = BUF_INIT;
    sqlite3 *db = open_file(path);
    sqlite3_stmt *table = NULL;

    print_rows(db, "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2", &out);
    print_rows(db, "PRAGMA user_version", &out);
    print_rows(db, "PRAGMA application_id", &out);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT 'SELECT * FROM ' || name || ' ORDER BY 1, 2'"
                                            " FROM sqlite_schema WHERE type = 'table'"
                                            " ORDER BY name",
                                        -1, &table, NULL),
                     SQLITE_OK);
    while (sqlite3_step(table) == SQLITE_ROW) {
        print_rows(db, (const char *)sqlite3_column_text(table, 0), &out);
    }
    ck_assert_int_eq(sqlite3_finalize(table), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return buf_take(&out);
}

static void same(const char *got, const char *want)
{
    size_t at = 0;

    while (got[at] == want[at] && got[at] != '\0') {
        at++;
    }
    ck_assert_msg(got[at] == want[at], "differs at %zu: %.200s; not %.200s", at, got + at,
                  want + at);
}

/* Jobs of every state, a model, data and a checkpoint. */
static int64_t fill(void)
{
    struct store_checkpoint checkpoint = {.generation = 1, .epoch = 3, .bytes = 10, .at = 5};
    const char *hash = help_hash('a');
    struct store_job_new job = {.kind = "train",
                                .config_json = "{}",
                                .resolved_json = "{}",
                                .datasets = &hash,
                                .n_datasets = 1};
    int64_t dataset, id, model, done = help_train();
    bool created;

    help_claim(done, OWNER);
    help_finish(done, OWNER, JOB_SUCCEEDED, true);
    OK(OPS->dataset_add(help_store, "iris", help_hash('a'), 1, 1, 1, false, &dataset, &created,
                        err));
    OK(OPS->dataset_add(help_store, NULL, help_hash('b'), 1, 1, 1, false, &dataset, &created, err));
    OK(OPS->job_submit(help_store, &job, &id, &model, err));
    help_claim(id, OWNER);
    checkpoint.job_id = id;
    memcpy(checkpoint.sha256, help_hash('c'), HASH_HEX_LEN);
    OK(OPS->checkpoint_add(help_store, OWNER, &checkpoint, err));
    checkpoint.generation = 2;
    checkpoint.epoch = 4;
    OK(OPS->checkpoint_add(help_store, OWNER, &checkpoint, err));
    (void)help_train();
    return id;
}

/* ---- copies ---- */

START_TEST(a_copy_is_the_database)
{
    char *path = path_in("copy.db"), *original = path_in("mlpd.db"), *before, *after;
    struct stat st;

    (void)fill();
    OK(store_sqlite_backup(help_dir, path, err)); /* beside the store */
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    after = content(path);
    ck_assert(!is_there("copy.db-wal") && !is_there("copy.db-journal"));
    help_close();
    before = content(original);
    same(after, before);
    free(original);
    free(before);
    free(after);
    /* of a stopped daemon's too, and never over another file */
    REFUSED(ERR_IO, store_sqlite_backup(help_dir, path, err));
    ck_assert_int_eq(unlink(path), 0);
    OK(store_sqlite_backup(help_dir, path, err));
    free(path);
    path = path_in("no/such/folder.db");
    REFUSED(ERR_IO, store_sqlite_backup(help_dir, path, err));
    free(path);
    REFUSED(ERR_NOT_FOUND, store_sqlite_backup("/no/such/state", "/tmp/never", err));
}
END_TEST

static atomic_bool enough;

static void *submit_on(void *n)
{
    atomic_size_t *made = n;

    while (!atomic_load(&enough)) {
        int64_t id = help_submit("train", "iris", 0);

        help_claim(id, OWNER);
        help_finish(id, OWNER, JOB_SUCCEEDED, true);
        atomic_fetch_add(made, 1);
    }
    return NULL;
}

/* Each copy is of one moment, although every moment has another content. */
START_TEST(copies_under_load_are_whole)
{
    enum { COPIES = 12 };
    atomic_size_t made = 0;
    int64_t last = 0;
    pthread_t thread;

    help_open(OWNER, 0);
    PTOK(pthread_create(&thread, NULL, submit_on, &made));
    for (int i = 0; i < COPIES || atomic_load(&made) < COPIES; i++) {
        char *dir = path_in("copy"), *path = xasprintf("%s/mlpd.db", dir);
        size_t before = atomic_load(&made);
        int64_t models = 0;
        struct err problems = ERR_INIT;
        sqlite3 *db;

        ck_assert_int_eq(mkdir(dir, 0700), 0);
        OK(store_sqlite_backup(help_dir, path, err));
        OK(store_sqlite_check(dir, false, &models, &problems, err));
        ck_assert_msg(problems.n_items == 0, "%s", problems.items[0].detail);
        ck_assert_int_ge(models, (int64_t)before); /* what was there is in it */
        ck_assert_int_ge(models, last);
        last = models;
        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        ck_assert_int_eq(
            help_raw_int(db, "SELECT (SELECT count(*) FROM job) - (SELECT count(DISTINCT job_id)"
                             " FROM job_event) + (SELECT count(*) FROM model WHERE state ="
                             " 'ready') - (SELECT count(*) FROM job WHERE state = 'succeeded')"),
            0);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        remove_copy("copy");
        free(path);
        free(dir);
    }
    atomic_store(&enough, true);
    PTOK(pthread_join(thread, NULL));
}
END_TEST

START_TEST(files_are_named_and_forgotten)
{
    char *dir = path_in("copy"), *path = xasprintf("%s/mlpd.db", dir);
    struct store_files files;
    char gone[2][HASH_HEX_LEN];
    int64_t id = fill();

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    OK(store_sqlite_backup(help_dir, path, err));
    OK(store_sqlite_files(dir, &files, err));
    ck_assert_int_eq(files.schema, NEWEST);
    ck_assert_uint_eq(files.n_datasets, 2);
    ck_assert_str_eq(files.datasets[0], help_hash('a'));
    ck_assert_str_eq(files.datasets[1], help_hash('b'));
    ck_assert_uint_eq(files.n_checkpoints, 2);
    ck_assert_int_eq(files.checkpoints[1].job_id, id);
    ck_assert_int_eq(files.checkpoints[1].generation, 2);
    ck_assert_str_eq(files.checkpoints[1].sha256, help_hash('c'));
    OK(store_sqlite_forget(dir, &files.checkpoints[1], 1, err));
    store_files_fini(&files);
    OK(store_sqlite_files(dir, &files, err));
    ck_assert_uint_eq(files.n_checkpoints, 1);
    ck_assert_int_eq(files.checkpoints[0].generation, 1);
    store_files_fini(&files);
    /* b is nobody's; a is what the running job needs: all or nothing */
    memcpy(gone[0], help_hash('b'), HASH_HEX_LEN);
    memcpy(gone[1], help_hash('a'), HASH_HEX_LEN);
    NOTHING(store_sqlite_forget_datasets(dir, (const char(*)[HASH_HEX_LEN])gone, 2, err));
    OK(store_sqlite_forget_datasets(dir, (const char(*)[HASH_HEX_LEN])gone, 1, err));
    OK(store_sqlite_files(dir, &files, err));
    ck_assert_uint_eq(files.n_datasets, 1);
    ck_assert_str_eq(files.datasets[0], help_hash('a'));
    store_files_fini(&files);
    OK(store_sqlite_files(help_dir, &files, err)); /* the original is as it was */
    ck_assert_uint_eq(files.n_checkpoints, 2);
    ck_assert_uint_eq(files.n_datasets, 2);
    store_files_fini(&files);
    remove_copy("copy");
    free(path);
    free(dir);
}
END_TEST

/* ---- looking ---- */

START_TEST(looking_changes_nothing)
{
    struct store *looked = NULL;
    struct store_job job;
    struct store_job_new new_job = {.kind = "train", .config_json = "{}", .resolved_json = "{}"};
    struct store_gc_rule all = {.keep_jobs = 0};
    struct store_gc gc = {.jobs = 0};
    struct err problems = ERR_INIT;
    struct store_files files;
    enum job_state state;
    int64_t id = fill(), made, model;
    sqlite3 *db;

    OK(store_sqlite_look(help_dir, &looked, err)); /* beside the daemon */
    OK(looked->ops->job_get(looked, id, &job, err));
    ck_assert_int_eq(job.state, JOB_RUNNING); /* not recovered */
    store_job_fini(&job);
    OK(looked->ops->health(looked, err));
    REFUSED(ERR_CONFLICT, looked->ops->job_submit(looked, &new_job, &made, &model, err));
    REFUSED(ERR_CONFLICT, looked->ops->job_cancel(looked, id, &state, err));
    REFUSED(ERR_CONFLICT, looked->ops->gc(looked, &all, false, &gc, err));
    OK(looked->ops->gc(looked, &all, true, &gc, err));
    ck_assert_int_eq(gc.jobs, 1);
    looked->ops->close(&looked);
    help_close();
    OK(store_sqlite_look(help_dir, &looked, err)); /* and after it */
    looked->ops->close(&looked);
    db = help_raw_open();
    help_raw_exec(db, "PRAGMA user_version = 2");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    REFUSED(ERR_CONFLICT, store_sqlite_look(help_dir, &looked, err));
    db = help_raw_open();
    help_raw_exec(db, "PRAGMA user_version = 7");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    REFUSED(ERR_CONFLICT, store_sqlite_look(help_dir, &looked, err));
    REFUSED(ERR_CONFLICT, store_sqlite_files(help_dir, &files, err)); /* a newer one's */
    REFUSED(ERR_CONFLICT, store_sqlite_check(help_dir, true, NULL, &problems, err));
    REFUSED(ERR_NOT_FOUND, store_sqlite_look("/no/such/state", &looked, err));
    ck_assert_ptr_null(looked);
}
END_TEST

/* ---- before an upgrade ---- */

static char *read_text(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text;

    ck_assert_msg(fd >= 0, "%s", path);
    ck_assert_int_eq(fstat(fd, &st), 0);
    text = xcalloc(1, (size_t)st.st_size + 1);
    ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
    ck_assert_int_eq(close(fd), 0);
    return text;
}

/* A database as the daemon of that schema left it, with a kill in the middle of its work. */
static void load_fixture(int schema)
{
    const char *top = getenv("top_srcdir");
    char *path = xasprintf("%s/tests/unit/fixtures/schema-%d.sql", top != NULL ? top : ".", schema);
    char *sql = read_text(path);
    sqlite3 *db = help_raw_open();

    help_raw_exec(db, sql);
    ck_assert_int_eq(help_raw_int(db, "PRAGMA user_version"), schema);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    free(sql);
    free(path);
}

/* What an upgrade may not change: every old column of every row, but of the jobs that recovery
 * settles, and their events. */
static char *old_content(const char *path)
{
    static const char *const queries[] = {
        "SELECT id, kind, name, state, model_id, attempt, created_at, started_at, finished_at,"
        " error_code, error_detail, warnings, result, config, resolved FROM job"
        " WHERE id NOT IN (SELECT job_id FROM job_event WHERE kind = 'running' EXCEPT"
        " SELECT job_id FROM job_event WHERE kind IN ('succeeded', 'failed', 'cancelled'))"
        " ORDER BY id",
        "SELECT job_id, epoch, training_loss, validation_loss, learning_rate, seconds,"
        " elapsed_seconds, samples, metrics FROM curve_point ORDER BY 1, 2",
        "SELECT id, job_id, at, kind, detail FROM job_event WHERE job_id IN (SELECT job_id FROM"
        " job_event WHERE kind IN ('succeeded', 'failed', 'cancelled')) ORDER BY id",
        "SELECT id, name, sha256, rows, columns, bytes, created_at FROM dataset ORDER BY 1",
        "SELECT * FROM job_dataset ORDER BY 1, 2",
        "SELECT * FROM model ORDER BY 1", "SELECT * FROM model_part ORDER BY 1, 2",
        "SELECT * FROM weight ORDER BY 1", "SELECT * FROM weight_chunk ORDER BY 1, 2",
        "SELECT * FROM evaluation ORDER BY 1, 2",
        "SELECT * FROM sqlite_sequence WHERE name <> 'job_event' ORDER BY 1",
    };
    struct buf out = BUF_INIT;
    sqlite3 *db = open_file(path);

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        print_rows(db, queries[i], &out);
    }
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return buf_take(&out);
}

/* _i: the schema. */
START_TEST(every_schema_is_upgraded_and_kept)
{
    char *db = path_in("mlpd.db"), name[48], *kept, *before, *after, *whole, *copy;
    struct err problems = ERR_INIT;
    int64_t models = 0;

    (void)snprintf(name, sizeof name, "backup-schema-%d.db", _i);
    kept = path_in(name);
    load_fixture(_i);
    before = old_content(db);
    whole = content(db);
    ck_assert_int_gt(strlen(before), 5000); /* rows of every kind */
    help_open(OWNER, 0);
    help_close();
    after = old_content(db);
    same(after, before);
    OK(store_sqlite_check(help_dir, false, &models, &problems, err));
    ck_assert_msg(problems.n_items == 0, "%s", problems.items[0].detail);
    ck_assert_int_ge(models, 2);
    copy = content(kept);
    same(copy, whole);
    ck_assert(!is_there("backup-schema-6.db"));
    free(before);
    free(after);
    free(whole);
    free(copy);
    free(kept);
    free(db);
}
END_TEST

static void expect_refusal(enum err_code code, const char *part)
{
    struct store_sqlite_options options = {.dir = help_dir, .owner = OWNER};
    struct store *store = NULL;
    struct err err = ERR_INIT;
    sqlite3 *db;

    ck_assert_int_eq(store_sqlite_open(&options, &store, &err), -1);
    ck_assert_str_eq(err_code_name(err.code), err_code_name(code));
    ck_assert_msg(strstr(err.detail, part) != NULL, "%s", err.detail);
    ck_assert_ptr_null(strstr(err.detail, help_dir));
    err_fini(&err);
    ck_assert(!is_there("backup-schema-2.db"));
    ck_assert(!is_there("backup-schema-2.db.part"));
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "PRAGMA user_version"), 2);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static enum file_op failing_op;
static long failing_nth;

static int fail_nth(const struct file_event *event)
{
    return event->op == failing_op && --failing_nth == 0 ? EIO : 0;
}

/* Whatever goes wrong with the copy, nothing is migrated; then all is well. */
START_TEST(no_copy_no_upgrade)
{
    static const enum file_op ops[] = {FILE_OP_SPACE,  FILE_OP_FOLDER_OPEN, FILE_OP_CREATE,
                                       FILE_OP_CLOSE,  FILE_OP_OPEN,        FILE_OP_SYNC,
                                       FILE_OP_RENAME, FILE_OP_FOLDER_SYNC};

    load_fixture(2);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        failing_op = ops[i];
        failing_nth = 1;
        file_hook = fail_nth;
        expect_refusal(ERR_IO, "was not upgraded, because it could not be copied");
        ck_assert_int_eq(failing_nth, 0); /* it was met */
        file_hook = NULL;
    }
    help_open(OWNER, 0);
    ck_assert(is_there("backup-schema-2.db"));
}
END_TEST

/* What cannot be whole in its copy is not upgraded. */
START_TEST(damage_is_not_upgraded)
{
    sqlite3 *db;

    load_fixture(2);
    db = help_raw_open();
    help_raw_exec(db, "PRAGMA ignore_check_constraints = ON; UPDATE weight SET bytes = -1");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    expect_refusal(ERR_CORRUPT, "the database is damaged: ");
}
END_TEST

/* The one that file.c asks, told what to answer. */
static uint64_t free_bytes;
int __real_file_free_space(const char *dir, uint64_t *bytes, struct err *err);
int __wrap_file_free_space(const char *dir, uint64_t *bytes, struct err *err);
int __wrap_file_free_space(const char *dir, uint64_t *bytes, struct err *err)
{
    int rc = __real_file_free_space(dir, bytes, err);

    if (rc == 0 && free_bytes > 0) {
        *bytes = free_bytes;
    }
    return rc;
}

START_TEST(no_room_no_upgrade)
{
    struct stat st;
    char *path = path_in("mlpd.db");

    load_fixture(2);
    ck_assert_int_eq(stat(path, &st), 0);
    free_bytes = (uint64_t)st.st_size + (16u << 20) - 1;
    expect_refusal(ERR_NO_SPACE, "MB free");
    free_bytes++;
    help_open(OWNER, 0);
    ck_assert(is_there("backup-schema-2.db"));
    free_bytes = 0;
    free(path);
}
END_TEST

/* A kill in the middle of the copy, or after it, is no obstacle. */
START_TEST(leftovers_of_a_copy_are_replaced)
{
    static const char *const names[] = {"backup-schema-2.db.part",
                                        "backup-schema-2.db.part-journal", "backup-schema-2.db"};
    struct stat st;
    char *path;

    load_fixture(2);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        path = path_in(names[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ck_assert_int_eq(write(fd, "half", 4), 4);
        ck_assert_int_eq(close(fd), 0);
        free(path);
    }
    help_open(OWNER, 0);
    ck_assert(!is_there(names[0]) && !is_there(names[1]));
    path = path_in(names[2]);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_gt(st.st_size, 4096);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_backup");
    TCase *copies = tcase_create("copies"), *upgrades = tcase_create("upgrades");

    tcase_add_checked_fixture(copies, help_make_dir, help_teardown);
    tcase_set_timeout(copies, 120);
    tcase_add_test(copies, copies_under_load_are_whole);
    suite_add_tcase(suite, copies);
    copies = tcase_create("stores");
    tcase_add_checked_fixture(copies, help_setup, help_teardown);
    tcase_add_test(copies, a_copy_is_the_database);
    tcase_add_test(copies, files_are_named_and_forgotten);
    tcase_add_test(copies, looking_changes_nothing);
    suite_add_tcase(suite, copies);
    tcase_add_checked_fixture(upgrades, help_make_dir, help_teardown);
    tcase_set_timeout(upgrades, 120);
    tcase_add_loop_test(upgrades, every_schema_is_upgraded_and_kept, 1, NEWEST);
    tcase_add_test(upgrades, no_copy_no_upgrade);
    tcase_add_test(upgrades, damage_is_not_upgraded);
    tcase_add_test(upgrades, no_room_no_upgrade);
    tcase_add_test(upgrades, leftovers_of_a_copy_are_replaced);
    suite_add_tcase(suite, upgrades);
    return help_run(suite);
}
