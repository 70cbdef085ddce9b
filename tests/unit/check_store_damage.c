/* Damage is found and named, by a check and after an unclean stop. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "check_store.h"
#include "store/store_sqlite_priv.h"

/* ---- damage ---- */

/* Two models, the second with an optimizer's state; data, and a queued job that needs it. */
static void fill(void)
{
    struct store_outcome outcome = help_outcome(JOB_SUCCEEDED, true);
    const char *hash = help_hash('a');
    struct store_job_new job = {.kind = "train",
                                .config_json = "{}",
                                .resolved_json = "{}",
                                .datasets = &hash,
                                .n_datasets = 1};
    int64_t id = help_train(), model, dataset;
    bool created;

    help_claim(id, OWNER);
    help_finish(id, OWNER, JOB_SUCCEEDED, true);
    id = help_train();
    help_claim(id, OWNER);
    outcome.trainer_state = "the optimizer's state";
    outcome.state_bytes = 21;
    OK(OPS->job_finish(help_store, id, OWNER, &outcome, err));
    OK(OPS->dataset_add(help_store, "iris", hash, 1, 1, 1, false, &dataset, &created, err));
    OK(OPS->job_submit(help_store, &job, &id, &model, err));
}

/* Rows changed past the store, which is closed. */
static void damage_rows(const char *sql)
{
    sqlite3 *db = help_raw_open();

    help_raw_exec(db, sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* Bytes of the closed file, at the root page of a table (0: the file's first). */
static void damage_page(const char *table, int64_t at, size_t len)
{
    char sql[128], path[96], bytes[4096];
    int64_t page = 1;
    int fd;

    if (table != NULL) {
        sqlite3 *db = help_raw_open();

        (void)snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'",
                       table);
        page = help_raw_int(db, sql);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    }
    (void)snprintf(path, sizeof path, "%s/mlpd.db", help_dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_le(len, sizeof bytes);
    memset(bytes, 0xff, len);
    ck_assert_int_eq(pwrite(fd, bytes, len, (page - 1) * 4096 + at), (ssize_t)len);
    ck_assert_int_eq(close(fd), 0);
}

static size_t look(bool quick, struct err *problems)
{
    int64_t models = -1;

    *problems = (struct err)ERR_INIT;
    OK(store_sqlite_check(help_dir, quick, &models, problems, err));
    ck_assert_int_ge(models, 0);
    return problems->n_items;
}

static void finds(const char *part)
{
    struct err problems;
    size_t n = look(false, &problems), i = 0;

    ck_assert_uint_gt(n, 0);
    while (i < n && strstr(problems.items[i].detail, part) == NULL) {
        i++;
    }
    ck_assert_msg(i < n, "not \"%s\" but %s", part, problems.items[0].detail);
    for (i = 0; i < n; i++) {
        ck_assert_ptr_null(strstr(problems.items[i].detail, help_dir));
    }
    err_fini(&problems);
}

START_TEST(what_is_whole_has_no_problems)
{
    struct err problems;

    fill();
    ck_assert_uint_eq(look(false, &problems), 0); /* beside the store */
    ck_assert_uint_eq(look(true, &problems), 0);
    help_close();
    ck_assert_uint_eq(look(false, &problems), 0); /* and after it */
    ck_assert_uint_eq(look(true, &problems), 0);
}
END_TEST

/* Each damage alone, in a fresh store. */
static const struct {
    const char *sql, *found;
    bool quick; /* the quick check finds it too */
} damages[] = {
    {"UPDATE weight_chunk SET bytes = CAST(x'ff' || substr(bytes, 2) AS BLOB) WHERE weight_id = 1",
     "the weights of model 1 are damaged", false},
    {"UPDATE weight_chunk SET bytes = substr(bytes, 2) WHERE weight_id = 2",
     "the weights of model 2 are damaged", false},
    {"UPDATE weight_chunk SET bytes = CAST(x'ff' || substr(bytes, 2) AS BLOB) WHERE weight_id = 3",
     "the optimizer's state and weights of model 2 are damaged", false},
    {"DELETE FROM weight_chunk WHERE weight_id = 1", "the weights of model 1 are damaged", false},
    {"INSERT INTO weight_chunk VALUES (1, 1, x'00')", "the weights of model 1 are damaged", false},
    {"UPDATE weight SET sha256 = printf('%064d', 1) WHERE id = 1",
     "the weights of model 1 are damaged", false},
    {"UPDATE weight SET bytes = bytes + 1 WHERE id = 1", "the weights of model 1 are damaged",
     false},
    {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
     " 'CREATE INDEX job_model ON job (created_at)' WHERE name = 'job_model'",
     "missing from index job_model", false},
    {"DELETE FROM model_part WHERE model_id = 1", "model 1 is ready and has no weights", false},
    {"DELETE FROM model_part WHERE model_id = 1", "weights 1 belong to no model", false},
    {"UPDATE model SET state = 'pending', finished_at = NULL, succeeded = 0 WHERE id = 1",
     "model 1 waits for a job that has ended", false},
    {"PRAGMA foreign_keys = ON; DELETE FROM job WHERE id = 3",
     "model 3 waits for a job that has ended", false},
    {"DELETE FROM dataset", "job 3 needs a dataset that is gone: aaaaaaaaaaaa", false},
    {"PRAGMA foreign_keys = OFF; INSERT INTO job_event (job_id, at, kind) VALUES (99, 1, 'x')",
     "of job_event refers to a row of job that is gone", true},
    {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage ="
     " (SELECT rootpage FROM sqlite_schema WHERE name = 'job_model') WHERE name = 'job_state'",
     "mlpd.db: ", true},
};

START_TEST(every_damage_of_rows_is_named)
{
    struct err problems;

    fill();
    help_close();
    damage_rows(damages[_i].sql);
    finds(damages[_i].found);
    ck_assert_int_eq(look(true, &problems) > 0, damages[_i].quick);
    err_fini(&problems);
}
END_TEST

/* A page that says nothing any more, wherever it is; the check goes on with the others. */
START_TEST(every_damage_of_pages_is_named)
{
    static const char *const tables[] = {"job_event", "job", "model", "weight_chunk", "weight",
                                         "dataset",   "job_state", "model_part", "setting"};
    struct err problems;

    fill();
    help_close();
    damage_page(tables[_i], 0, 4096);
    finds("mlpd.db: ");
    ck_assert_uint_gt(look(true, &problems), 0);
    err_fini(&problems);
}
END_TEST

START_TEST(a_file_that_is_none_is_told)
{
    struct err problems = ERR_INIT;

    fill();
    help_close();
    damage_page(NULL, 0, 100);
    OK(store_sqlite_check(help_dir, false, NULL, &problems, err));
    ck_assert_uint_eq(problems.n_items, 1);
    ck_assert_ptr_nonnull(strstr(problems.items[0].detail, "not a database"));
    err_fini(&problems);
    problems = (struct err)ERR_INIT;
    REFUSED(ERR_NOT_FOUND, store_sqlite_check("/no/such", false, NULL, &problems, err));
}
END_TEST

/* ---- after an unclean stop ---- */

/* In a process of its own that is killed: the log stays. */
static void write_and_die(void)
{
    pid_t child = fork(); /* nothing of SQLite is open here: it does not survive a fork */
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int64_t id;
        bool created;
        struct err err = ERR_INIT;

        help_open("boot-2", 0);
        if (OPS->dataset_add(help_store, "later", help_hash('d'), 1, 1, 1, false, &id, &created,
                             &err) == 0) {
            (void)raise(SIGKILL);
        }
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static struct store_sqlite *opened(void)
{
    return store_sqlite_of(help_store);
}

START_TEST(a_clean_stop_needs_no_check)
{
    struct err problems;

    fill();
    help_reopen(OWNER);
    store_sqlite_quick_check(help_store);
    ck_assert(!opened()->check_running);
    help_close();
    ck_assert_uint_eq(look(false, &problems), 0); /* a reader leaves a log without content */
    help_open(OWNER, 0);
    store_sqlite_quick_check(help_store);
    ck_assert(!opened()->check_running);
}
END_TEST

START_TEST(an_unclean_stop_is_checked_and_well)
{
    fill();
    help_close();
    write_and_die();
    help_open(OWNER, 0);
    store_sqlite_quick_check(help_store);
    ck_assert(opened()->check_running);
    store_sqlite_quick_check(help_store); /* once is enough */
    store_check_stop(opened());
    OK(OPS->health(help_store, err));
    (void)help_train();
    help_close(); /* or it ends with the store */
    write_and_die();
    help_open(OWNER, 0);
    store_sqlite_quick_check(help_store);
    help_close();
    help_open(OWNER, 0);
    store_sqlite_quick_check(help_store);
    ck_assert(!opened()->check_running); /* that was clean */
}
END_TEST

START_TEST(damage_after_an_unclean_stop_ends_writing)
{
    struct store_job_new job = {.kind = "train", .config_json = "{}", .resolved_json = "{}"};
    struct err problem = ERR_INIT;
    int64_t id, model;

    fill();
    help_close();
    damage_page("job_key", 0, 4096);
    write_and_die(); /* nothing of all this touches that table */
    help_open(OWNER, 0);
    OK(OPS->health(help_store, err));
    store_sqlite_quick_check(help_store);
    while (OPS->health(help_store, &problem) == 0) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* the test's time ends it */
    }
    ck_assert_str_eq(err_code_name(problem.code), "corrupt");
    ck_assert_msg(strstr(problem.detail, "mlpd check") != NULL, "%s", problem.detail);
    err_fini(&problem);
    REFUSED(ERR_CORRUPT, OPS->job_submit(help_store, &job, &id, &model, err));
    ck_assert_int_eq(help_state(3), JOB_QUEUED); /* reads go on */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_damage");
    TCase *damage = tcase_create("damage");

    tcase_add_checked_fixture(damage, help_setup, help_teardown);
    tcase_set_timeout(damage, 60);
    tcase_add_test(damage, what_is_whole_has_no_problems);
    tcase_add_loop_test(damage, every_damage_of_rows_is_named, 0, (int)ARRAY_LEN(damages));
    tcase_add_loop_test(damage, every_damage_of_pages_is_named, 0, 9);
    tcase_add_test(damage, a_file_that_is_none_is_told);
    tcase_add_test(damage, a_clean_stop_needs_no_check);
    tcase_add_test(damage, an_unclean_stop_is_checked_and_well);
    tcase_add_test(damage, damage_after_an_unclean_stop_ends_writing);
    suite_add_tcase(suite, damage);
    return help_run(suite);
}
