/* Opening the store: new, again, what it must not open, and what it finds after a kill. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "check_store.h"

#define NEWEST 6 /* the schema; a_newer_schema_is_refused has it in SQL */

/* Refuses, and leaves no trace: the file's bytes are as before. */
static void expect_refusal(enum err_code code, const char *part)
{
    struct store_sqlite_options options = {.dir = help_dir, .owner = OWNER};
    struct store *store = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(store_sqlite_open(&options, &store, &err), -1);
    ck_assert_ptr_null(store);
    ck_assert_str_eq(err_code_name(err.code), err_code_name(code));
    ck_assert_msg(strstr(err.detail, part) != NULL, "%s", err.detail);
    ck_assert_ptr_null(strstr(err.detail, help_dir)); /* no paths for users */
    err_fini(&err);
}

static void write_file(const void *bytes, size_t len)
{
    char path[96];
    int fd;

    (void)snprintf(path, sizeof path, "%s/mlpd.db", help_dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    ck_assert_int_eq(close(fd), 0);
}

/* NUL-terminated. */
static char *read_file_at(const char *path, size_t *len)
{
    char *bytes;
    struct stat st;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    *len = (size_t)st.st_size;
    bytes = xmalloc(*len + 1);
    ck_assert_int_eq(read(fd, bytes, *len), (ssize_t)*len);
    ck_assert_int_eq(close(fd), 0);
    bytes[*len] = '\0';
    return bytes;
}

static char *read_file(size_t *len)
{
    char path[96];

    (void)snprintf(path, sizeof path, "%s/mlpd.db", help_dir);
    return read_file_at(path, len);
}

START_TEST(a_new_store_is_set_up)
{
    char path[96];
    struct stat st;
    sqlite3 *db;

    help_open(OWNER, 0);
    OK(OPS->health(help_store, err));
    (void)snprintf(path, sizeof path, "%s/mlpd.db", help_dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    (void)snprintf(path, sizeof path, "%s/mlpd.db-wal", help_dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    (void)help_train();
    help_close();
    /* The last connection took the log along. */
    ck_assert_int_eq(stat(path, &st), -1);
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "PRAGMA application_id"), 0x6d6c7064); /* "mlpd" */
    ck_assert_int_eq(help_raw_int(db, "PRAGMA user_version"), NEWEST);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM job"), 1);
    /* Tables are strict, and states are checked by the database too. */
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main'"
                                      " AND name NOT LIKE 'sqlite%' AND strict = 0"), 0);
    ck_assert_int_ne(sqlite3_exec(db, "UPDATE job SET state = 'asleep'", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_ne(sqlite3_exec(db, "UPDATE job SET attempt = 'x'", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_verify();
}
END_TEST

START_TEST(opening_again_finds_everything)
{
    int64_t id;

    help_open(OWNER, 0);
    id = help_submit("train", "iris", 0);
    for (int i = 0; i < 3; i++) {
        help_reopen(OWNER);
        ck_assert_int_eq(help_state(id), JOB_QUEUED);
    }
    help_events(id, "queued");
    ck_assert_int_eq(strncmp(store_sqlite_version(), "SQLite 3.", 9), 0);
}
END_TEST

START_TEST(a_relative_folder_works)
{
    char old[256];
    char *name = strrchr(help_dir, '/') + 1;
    struct store_sqlite_options options = {.dir = name, .owner = OWNER};
    struct stat st;

    ck_assert_ptr_nonnull(getcwd(old, sizeof old));
    ck_assert_int_eq(chdir(help_dir), 0);
    ck_assert_int_eq(chdir(".."), 0);
    OK(store_sqlite_open(&options, &help_store, err));
    ck_assert_int_eq(chdir(help_dir), 0);
    ck_assert_int_eq(stat("mlpd.db", &st), 0);
    ck_assert_int_eq(chdir(".."), 0);
    help_close();
    ck_assert_int_eq(chdir(old), 0);
}
END_TEST

/* The schema as it was released first: sql/sqlite/0001 up to `version`. */
static sqlite3 *make_schema(int version)
{
    static const char *const files[] = {"0001_first.sql", "0002_start_from.sql"};
    const char *dir = getenv("top_srcdir");
    sqlite3 *db = help_raw_open();

    for (int i = 0; i < version; i++) {
        char *path = xasprintf("%s/sql/sqlite/%s", dir != NULL ? dir : ".", files[i]);
        size_t n = 0;
        char *sql = read_file_at(path, &n);

        help_raw_exec(db, sql);
        free(sql);
        free(path);
    }
    return db;
}

/* A state folder of the first schema, with a finished job, its model and its curve. */
START_TEST(the_first_schema_is_upgraded)
{
    static const char content[] =
        "INSERT INTO job (kind, state, model_id, attempt, created_at, started_at, finished_at)"
        " VALUES ('train', 'succeeded', 1, 1, 1, 2, 3);"
        "INSERT INTO model (job_id, state, succeeded, created_at, finished_at, parameters)"
        " VALUES (1, 'ready', 1, 1, 3, 0);"
        "INSERT INTO curve_point (job_id, epoch, training_loss, samples) VALUES (1, 1, 0.5, 10);"
        "PRAGMA application_id = 0x6d6c7064; PRAGMA user_version = 1;";
    struct store_point *points = NULL;
    struct store_model model;
    sqlite3 *db = make_schema(1);
    size_t n = 0;

    help_raw_exec(db, content);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    OK(OPS->curve_read(help_store, 1, 0, 0, &points, &n, err));
    ck_assert_uint_eq(n, 1);
    ck_assert_double_eq(points[0].training_loss, 0.5);
    ck_assert_ptr_null(points[0].gradient_norms_json);
    store_points_free(&points, n);
    OK(OPS->model_get(help_store, 1, &model, err));
    ck_assert_int_eq(model.state_bytes, 0);
    store_model_fini(&model);
    help_close();
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "PRAGMA user_version"), NEWEST);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

/* Jobs in every state of schema 2, each with what hangs on it; the newest ones were deleted. */
static void fill_schema_2(sqlite3 *db)
{
    static const char content[] =
        "INSERT INTO job (id, kind, name, state, model_id, parent_id, owner, attempt,"
        " cancel_requested, created_at, started_at, finished_at, error_code, error_detail,"
        " warnings, result, config, resolved) VALUES"
        " (3, 'train', 'iris', 'queued', 1, NULL, NULL, 0, 0, 101, NULL, NULL, NULL, NULL,"
        "  '[\"w\"]', NULL, '{\"c\":3}', '{\"r\":3}'),"
        " (5, 'train', NULL, 'running', 2, 9, 'boot-0', 4, 0, 102, 202, NULL, NULL, NULL,"
        "  '[]', NULL, '{}', '{}'),"
        " (6, 'train', NULL, 'running', 3, NULL, 'boot-0', 1, 1, 103, 203, NULL, NULL, NULL,"
        "  '[]', NULL, NULL, NULL),"
        " (7, 'evaluate', 'iris', 'succeeded', 4, NULL, NULL, 1, 0, 104, 204, 304, NULL, NULL,"
        "  '[]', '{\"e\":1}', '{}', '{}'),"
        " (8, 'train', NULL, 'failed', 5, NULL, NULL, 2, 0, 105, 205, 305, 'diverged', 'why',"
        "  '[]', NULL, '{}', '{}'),"
        " (9, 'train', NULL, 'cancelled', 6, NULL, NULL, 0, 1, 106, NULL, 306, NULL, NULL,"
        "  '[]', NULL, '{}', '{}'),"
        " (41, 'train', NULL, 'cancelled', 7, NULL, NULL, 0, 1, 107, NULL, 307, NULL, NULL,"
        "  '[]', NULL, '{}', '{}');"
        "INSERT INTO model (job_id, state, created_at, finished_at)"
        " SELECT id, CASE WHEN finished_at IS NULL THEN 'pending' ELSE 'failed' END, created_at,"
        " finished_at FROM job;"
        "INSERT INTO curve_point (job_id, epoch, training_loss, samples)"
        " SELECT job.id, e.value, 0.5, 10 FROM job, json_each('[1,2,3]') AS e;"
        "INSERT INTO job_event (job_id, at, kind) SELECT id, created_at, state FROM job;"
        "INSERT INTO dataset (sha256, rows, columns, bytes, created_at)"
        " VALUES (printf('%064d', 7), 1, 1, 1, 1);"
        "INSERT INTO job_dataset (job_id, seq, sha256)"
        " SELECT id, 0, printf('%064d', 7) FROM job;"
        "PRAGMA foreign_keys = ON; DELETE FROM job WHERE id = 41;"
        "PRAGMA application_id = 0x6d6c7064; PRAGMA user_version = 2;";

    help_raw_exec(db, content);
}

START_TEST(the_second_schema_is_upgraded)
{
    static const char digest[] = /* of every old column of the rows that recovery leaves alone */
        "SELECT sum(id * 7 + created_at * 3 + coalesce(finished_at, 0)"
        " + coalesce(started_at, 0) * 5 + attempt + model_id"
        " + length(kind || coalesce(name, '') || state || warnings || coalesce(config, '')"
        " || coalesce(resolved, '') || coalesce(result, '') || coalesce(error_code, '')"
        " || coalesce(error_detail, ''))) FROM job WHERE id NOT IN (5, 6)";
    static const char children[] =
        "SELECT 10000 * (SELECT count(*) FROM curve_point) + 100 * (SELECT count(*) FROM job_event)"
        " + (SELECT count(*) FROM job_dataset)";
    sqlite3 *db = make_schema(2);
    struct store_job job;
    int64_t want, id;

    fill_schema_2(db);
    want = help_raw_int(db, digest);
    ck_assert_int_eq(help_raw_int(db, children), 180606);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    job = help_get(5); /* recovered in the same start */
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.attempt, 4);
    ck_assert_int_eq(job.priority, 0);
    ck_assert_int_eq(job.crashes, 0);
    store_job_fini(&job);
    ck_assert_int_eq(help_state(6), JOB_CANCELLED);
    job = help_get(3);
    ck_assert_str_eq(job.name, "iris");
    ck_assert_str_eq(job.config_json, "{\"c\":3}");
    ck_assert_str_eq(job.resolved_json, "{\"r\":3}");
    ck_assert_str_eq(job.warnings_json, "[\"w\"]");
    store_job_fini(&job);
    help_close();
    help_verify();
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "PRAGMA user_version"), NEWEST);
    ck_assert_int_eq(help_raw_int(db, digest), want);
    ck_assert_int_eq(help_raw_int(db, children), 180806); /* and recovery's two events */
    ck_assert_int_eq(help_raw_int(db, "SELECT parent_id FROM job WHERE id = 5"), 9);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE"
                                      " 'job_new%' OR sql LIKE '%job_new%'"), 0);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'index'"
                                      " AND name IN ('job_state', 'job_name', 'job_model',"
                                      " 'job_parent', 'job_queue', 'job_disk')"), 6);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    ck_assert_int_eq(help_train(), 42); /* 41 was deleted, and means nothing else now */
    help_claim(3, OWNER);
    id = help_model_of(3);
    help_finish(3, OWNER, JOB_SUCCEEDED, true);
    help_model_state(id, "ready");
    OK(OPS->job_delete(help_store, 3, err)); /* and the children know the new parent */
    help_close();
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "SELECT (SELECT count(*) FROM curve_point WHERE job_id = 3)"
                                      " + (SELECT count(*) FROM job_event WHERE job_id = 3)"
                                      " + (SELECT count(*) FROM job_dataset WHERE job_id = 3)"),
                     0);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_verify();
}
END_TEST

/* With no job at all, ids still go on where they were. */
START_TEST(an_empty_second_schema_is_upgraded)
{
    sqlite3 *db = make_schema(2);

    fill_schema_2(db);
    help_raw_exec(db, "DELETE FROM job; DELETE FROM model");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
    ck_assert_int_eq(help_train(), 42);
    help_close();
    help_verify();
}
END_TEST

/* Rows that name others which are not there: the upgrade is refused, and nothing was done. */
START_TEST(a_broken_reference_stops_the_upgrade)
{
    sqlite3 *db = make_schema(2);

    fill_schema_2(db);
    help_raw_exec(db, "PRAGMA foreign_keys = OFF; DELETE FROM job WHERE id = 7");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    expect_refusal(ERR_CORRUPT, "rows name others");
    db = help_raw_open();
    ck_assert_int_eq(help_raw_int(db, "PRAGMA user_version"), 2);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM job"), 5);
    ck_assert_int_eq(help_raw_int(db, "SELECT count(*) FROM sqlite_schema"
                                      " WHERE name = 'job_checkpoint'"), 0);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
    sqlite3 *db;

    help_open(OWNER, 0);
    help_close();
    db = help_raw_open();
    help_raw_exec(db, "PRAGMA user_version = 7");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    expect_refusal(ERR_CONFLICT, "newer mlpd");
    db = help_raw_open();
    help_raw_exec(db, "PRAGMA user_version = 0");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    expect_refusal(ERR_CORRUPT, "no schema version");
    db = help_raw_open();
    help_raw_exec(db, "PRAGMA user_version = 6");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    help_open(OWNER, 0);
}
END_TEST

START_TEST(a_foreign_file_is_refused_and_untouched)
{
    static const char *const foreign[] = {
        "PRAGMA application_id = 77",                 /* another's mark */
        "CREATE TABLE cookies (id)",                  /* no mark, but content */
        "PRAGMA user_version = 1; CREATE TABLE t (a)",
    };
    char path[96];

    (void)snprintf(path, sizeof path, "%s/mlpd.db", help_dir);
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        size_t before_len, after_len;
        char *before, *after;
        sqlite3 *db = help_raw_open();

        help_raw_exec(db, foreign[i]);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        before = read_file(&before_len);
        expect_refusal(ERR_CONFLICT, "another program's");
        after = read_file(&after_len);
        ck_assert_uint_eq(before_len, after_len);
        ck_assert_mem_eq(before, after, before_len);
        free(before);
        free(after);
        ck_assert_int_eq(unlink(path), 0);
    }
}
END_TEST

START_TEST(garbage_is_refused)
{
    char *bytes;
    size_t len;

    write_file("This is not a database, but long enough to look at. "
               "This is not a database, but long enough to look at. ", 104);
    expect_refusal(ERR_CORRUPT, "not a database");
    write_file("", 0); /* an empty file is a new database: a kill right after its making */
    help_open(OWNER, 0);
    for (int i = 0; i < 50; i++) {
        (void)help_train();
    }
    help_close();
    /* The schema's page is nothing but ones. */
    bytes = read_file(&len);
    memset(bytes + 100, 0xff, 3996);
    write_file(bytes, len);
    expect_refusal(ERR_CORRUPT, "damaged");
    free(bytes);
}
END_TEST

START_TEST(a_missing_folder_is_refused)
{
    struct store_sqlite_options options = {.dir = "/no/such/folder", .owner = OWNER};
    struct store *store = NULL;

    REFUSED(ERR_IO, store_sqlite_open(&options, &store, err));
    ck_assert_ptr_null(store);
}
END_TEST

/* A damaged page of one table: reads of it say so, writes end, the rest is still read. */
START_TEST(a_damaged_page_is_an_error)
{
    int64_t id, page;
    size_t len;
    char *bytes;
    struct store_event *events = NULL;
    size_t n = 0;
    sqlite3 *db;

    help_open(OWNER, 0);
    id = help_train();
    help_close();
    db = help_raw_open();
    page = help_raw_int(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'job_event'");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    bytes = read_file(&len);
    memset(bytes + (page - 1) * 4096, 0xff, 4096);
    write_file(bytes, len);
    free(bytes);

    help_open(OWNER, 0);
    ck_assert_int_eq(help_state(id), JOB_QUEUED);
    REFUSED(ERR_CORRUPT, OPS->event_list(help_store, id, &events, &n, err));
    OK(OPS->health(help_store, err));
    REFUSED(ERR_CORRUPT, OPS->event_add(help_store, id, "note", NULL, err));
    REFUSED(ERR_CORRUPT, OPS->job_release(help_store, id, OWNER, err)); /* not even tried */
    REFUSED(ERR_CORRUPT, OPS->health(help_store, err));
    ck_assert_int_eq(help_state(id), JOB_QUEUED);
}
END_TEST

/* ---- durability ---- */

/* In the child: submit for ever, and say each acknowledged id. */
static void submit_until_killed(int out, unsigned round)
{
    char owner[16];

    (void)snprintf(owner, sizeof owner, "child-%u", round);
    help_open(owner, 0);
    for (;;) {
        int64_t id = help_submit("train", "iris", 0);

        if (write(out, &id, sizeof id) != (ssize_t)sizeof id) {
            _exit(1);
        }
        if (id % 3 == 0) { /* leave some running, end some with weights */
            struct store_job job;
            struct err err = ERR_INIT;

            if (OPS->job_claim(help_store, owner, &job, &err) != 0) {
                _exit(1);
            }
            if (job.id % 2 == 0) {
                help_finish(job.id, owner, JOB_SUCCEEDED, true);
            }
            store_job_fini(&job);
        }
    }
}

START_TEST(acknowledged_jobs_survive_a_kill)
{
    enum { ROUNDS = 12, MOST = 100000 };
    int64_t *acked = xcalloc(MOST, sizeof *acked);
    size_t n = 0;
    struct timespec now;
    uint64_t random;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    random = (uint64_t)now.tv_nsec;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct timespec wait = {.tv_nsec = 0};
        int pipe_fd[2], status;
        size_t before = n;
        pid_t child;

        ck_assert_int_eq(pipe(pipe_fd), 0);
        child = fork(); /* nothing of SQLite is open here: it does not survive a fork */
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            (void)close(pipe_fd[0]);
            submit_until_killed(pipe_fd[1], round);
        }
        ck_assert_int_eq(close(pipe_fd[1]), 0);
        /* The first id, then a random moment within 60 ms. */
        ck_assert_int_eq(read(pipe_fd[0], &acked[n], sizeof *acked), (ssize_t)sizeof *acked);
        n++;
        random = random * 6364136223846793005U + 1442695040888963407U;
        wait.tv_nsec = (long)(random >> 33) % 60000000;
        (void)nanosleep(&wait, NULL);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        while (n < MOST && read(pipe_fd[0], &acked[n], sizeof *acked) == (ssize_t)sizeof *acked) {
            n++;
        }
        ck_assert_int_eq(close(pipe_fd[0]), 0);
        ck_assert_uint_gt(n, before);

        help_open("parent", 0);
        for (size_t i = 0; i < n; i++) {
            struct store_job job = help_get(acked[i]);

            ck_assert_int_ne(job.state, JOB_RUNNING); /* recovered */
            ck_assert_str_eq(job.resolved_json, "{\"resolved\":1}");
            store_job_fini(&job);
        }
        help_close();
        help_verify();
    }
    free(acked);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_open");
    TCase *cases = tcase_create("open");

    tcase_add_checked_fixture(cases, help_make_dir, help_teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_new_store_is_set_up);
    tcase_add_test(cases, opening_again_finds_everything);
    tcase_add_test(cases, a_relative_folder_works);
    tcase_add_test(cases, the_first_schema_is_upgraded);
    tcase_add_test(cases, the_second_schema_is_upgraded);
    tcase_add_test(cases, an_empty_second_schema_is_upgraded);
    tcase_add_test(cases, a_broken_reference_stops_the_upgrade);
    tcase_add_test(cases, a_newer_schema_is_refused);
    tcase_add_test(cases, a_foreign_file_is_refused_and_untouched);
    tcase_add_test(cases, garbage_is_refused);
    tcase_add_test(cases, a_missing_folder_is_refused);
    tcase_add_test(cases, a_damaged_page_is_an_error);
    tcase_add_test(cases, acknowledged_jobs_survive_a_kill);
    suite_add_tcase(suite, cases);
    return help_run(suite);
}
