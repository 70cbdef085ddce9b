/* What the tests of the store share: a folder of their own, a store in it, and the common
 * steps in one line. Every helper fails the test when its step fails; what is meant to fail
 * is called through `ops` in the test itself, with REFUSED.
 */
#ifndef CHECK_STORE_H
#define CHECK_STORE_H

#include <check.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_sqlite.h"

#define OWNER "boot-1"

/* A file-wide fixture: each case has its own. */
static char help_dir[64];
static struct store *help_store;

static inline void help_open(const char *owner, size_t queue_limit)
{
    struct store_sqlite_options options = {
        .dir = help_dir, .owner = owner, .queue_limit = queue_limit};
    struct err err = ERR_INIT;
    int rc = store_sqlite_open(&options, &help_store, &err);

    ck_assert_msg(rc == 0, "open: %s", err.detail);
}

static inline void help_close(void)
{
    help_store->ops->close(&help_store);
    ck_assert_ptr_null(help_store);
}

static inline void help_make_dir_in(const char *tmp)
{
    hash_start();
    log_set_level(LOG_WARN);
    (void)snprintf(help_dir, sizeof help_dir, "%.40s/check_store.XXXXXX", tmp);
    ck_assert_ptr_nonnull(mkdtemp(help_dir));
}

static inline void help_make_dir(void)
{
    const char *tmp = getenv("TMPDIR");

    help_make_dir_in(tmp != NULL && strlen(tmp) <= 40 ? tmp : "/tmp");
}

static inline void help_remove_dir(void)
{
    DIR *dir = opendir(help_dir);
    struct dirent *entry;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            ck_assert_int_eq(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        }
    }
    (void)closedir(dir);
    ck_assert_int_eq(rmdir(help_dir), 0);
}

static inline void help_setup(void)
{
    help_make_dir();
    help_open(OWNER, 0);
}

static inline void help_teardown(void)
{
    if (help_store != NULL) {
        help_close();
    }
    help_remove_dir();
}

/* The store as another daemon finds it after this one was killed. */
static inline void help_reopen(const char *owner)
{
    help_close();
    help_open(owner, 0);
}

/* A call that must fail with this code and a sentence. */
#define REFUSED(want, call)                                                                        \
    do {                                                                                           \
        struct err refused_err = ERR_INIT;                                                         \
        struct err *err = &refused_err;                                                            \
        int refused_rc = (call);                                                                   \
                                                                                                   \
        ck_assert_int_eq(refused_rc, -1);                                                          \
        ck_assert_str_eq(err_code_name(err->code), err_code_name(want));                           \
        ck_assert_int_gt(strlen(err->detail), 0);                                                  \
        err_fini(err);                                                                             \
    } while (0)

/* A call that must succeed. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err ok_err = ERR_INIT;                                                              \
        struct err *err = &ok_err;                                                                 \
        int ok_rc = (call);                                                                        \
                                                                                                   \
        ck_assert_msg(ok_rc == 0, "%s: %d, %s", #call, ok_rc, err->detail);                        \
        err_fini(err);                                                                             \
    } while (0)

/* A call that must find nothing: 1, and no error. */
#define NOTHING(call)                                                                              \
    do {                                                                                           \
        struct err nothing_err = ERR_INIT;                                                         \
        struct err *err = &nothing_err;                                                            \
                                                                                                   \
        ck_assert_int_eq((call), 1);                                                               \
        ck_assert(!err_is(err));                                                                   \
    } while (0)

#define OPS help_store->ops

/* Threads may ask for one that somebody has asked for before them. */
static inline const char *help_hash(char fill)
{
    static char hashes[128][HASH_HEX_LEN];

    if (hashes[(int)fill][0] == '\0') {
        memset(hashes[(int)fill], fill, HASH_HEX_LEN - 1);
    }
    return hashes[(int)fill];
}

static inline int64_t help_submit(const char *kind, const char *name, int64_t model)
{
    struct store_job_new job = {.kind = kind,
                                .name = name,
                                .model_id = model,
                                .config_json = "{\"config\":1}",
                                .resolved_json = "{\"resolved\":1}",
                                .warnings_json = "[\"careful\"]"};
    int64_t id = 0, model_id = 0;

    OK(OPS->job_submit(help_store, &job, &id, &model_id, err));
    return id;
}

static inline int64_t help_train(void)
{
    return help_submit("train", NULL, 0);
}

static inline struct store_job help_get(int64_t id)
{
    struct store_job job;

    OK(OPS->job_get(help_store, id, &job, err));
    return job;
}

static inline enum job_state help_state(int64_t id)
{
    struct store_job job = help_get(id);
    enum job_state state = job.state;

    store_job_fini(&job);
    return state;
}

static inline int64_t help_model_of(int64_t id)
{
    struct store_job job = help_get(id);
    int64_t model = job.model_id;

    store_job_fini(&job);
    return model;
}

/* Claims the oldest; it must be this one. */
static inline void help_claim(int64_t id, const char *owner)
{
    struct store_job job;

    OK(OPS->job_claim(help_store, owner, &job, err));
    ck_assert_int_eq(job.id, id);
    store_job_fini(&job);
}

static const float help_weights[3] = {1.5F, -2.25F, 0.125F};

static inline struct store_outcome help_outcome(enum job_state state, bool has_model)
{
    static const struct store_evaluation evaluations[] = {{"training", "{\"t\":1}"},
                                                          {"test", "{\"t\":2}"}};
    struct store_outcome outcome = {.state = state, .result_json = "{\"epochs\":7}"};

    if (state == JOB_FAILED) {
        outcome.error_code = "diverged";
        outcome.error_detail = "the loss is not a number";
    }
    if (has_model) {
        outcome.has_model = true;
        outcome.spec_json = "{\"spec\":1}";
        outcome.encoder_json = "{\"encoder\":1}";
        outcome.info_json = "{\"info\":1}";
        outcome.metrics_json = "{\"metrics\":1}";
        outcome.weights = help_weights;
        outcome.weights_bytes = sizeof help_weights;
        outcome.parameters = 3;
        outcome.n_evaluations = ARRAY_LEN(evaluations);
        outcome.evaluations = evaluations;
    }
    return outcome;
}

static inline void help_finish(int64_t id, const char *owner, enum job_state state, bool model)
{
    struct store_outcome outcome = help_outcome(state, model);

    OK(OPS->job_finish(help_store, id, owner, &outcome, err));
}

static inline struct store_checkpoint help_checkpoint_of(int64_t job, int64_t generation,
                                                         int64_t epoch)
{
    struct store_checkpoint c = {
        .job_id = job, .generation = generation, .epoch = epoch, .bytes = 4096, .at = 7};

    memcpy(c.sha256, help_hash('c'), HASH_HEX_LEN);
    return c;
}

static inline void help_checkpoint(int64_t job, const char *owner, int64_t generation,
                                   int64_t epoch)
{
    struct store_checkpoint c = help_checkpoint_of(job, generation, epoch);

    OK(OPS->checkpoint_add(help_store, owner, &c, err));
}

static inline void help_model_state(int64_t id, const char *want)
{
    struct store_model model;

    OK(OPS->model_get(help_store, id, &model, err));
    ck_assert_str_eq(model.state, want);
    ck_assert_int_eq(model.finished_at > 0, strcmp(want, "pending") != 0);
    store_model_fini(&model);
}

/* "queued running:attempt 1 ..." */
static inline void help_events(int64_t id, const char *want)
{
    struct store_event *events = NULL;
    size_t n = 0;
    char got[512] = "";

    OK(OPS->event_list(help_store, id, &events, &n, err));
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(got);

        ck_assert_int_gt(events[i].at, 0);
        (void)snprintf(got + used, sizeof got - used, "%s%s%s%s", i > 0 ? " | " : "",
                       events[i].kind, events[i].detail != NULL ? ":" : "",
                       events[i].detail != NULL ? events[i].detail : "");
    }
    store_events_free(&events, n);
    ck_assert_str_eq(got, want);
}

/* A connection past the store, for what only damage can do. Only while the store is closed,
 * but for taking the lock. */
static inline sqlite3 *help_raw_open(void)
{
    char path[96];
    sqlite3 *db = NULL;

    (void)snprintf(path, sizeof path, "%s/mlpd.db", help_dir);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static inline void help_raw_exec(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    int rc = sqlite3_exec(db, sql, NULL, NULL, &message);

    ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, message);
}

static inline int64_t help_raw_int(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return value;
}

/* While the store is closed: the database is whole and its states agree with each other. */
static inline void help_verify(void)
{
    sqlite3 *db = help_raw_open();
    sqlite3_stmt *stmt = NULL;

    ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "ok");
    (void)sqlite3_finalize(stmt);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &stmt, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_DONE);
    (void)sqlite3_finalize(stmt);
    /* A model is pending exactly while the job that makes it has not ended. */
    ck_assert_int_eq(
        help_raw_int(db, "SELECT count(*) FROM model AS m LEFT JOIN job AS j ON j.id = m.job_id"
                         " WHERE (m.state = 'pending') <> coalesce(j.state IN"
                         " ('queued', 'running', 'paused'), 0)"),
        0);
    /* Checkpoints belong to jobs that have not ended, and no more of them than are kept. */
    ck_assert_int_eq(
        help_raw_int(db, "SELECT count(*) FROM job_checkpoint AS c JOIN job AS j ON j.id = c.job_id"
                         " WHERE j.finished_at IS NOT NULL"),
        0);
    ck_assert_int_le(
        help_raw_int(db, "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n"
                         " FROM job_checkpoint GROUP BY job_id)"),
        STORE_CHECKPOINTS);
    /* Weights belong to ready models, and each ready model has them. */
    ck_assert_int_eq(
        help_raw_int(db, "SELECT (SELECT count(*) FROM weight) + (SELECT count(*) FROM model_part)"
                         " - 2 * (SELECT count(*) FROM model WHERE state = 'ready')"),
        0);
    /* Each job was announced, and its last change of state is its state. */
    ck_assert_int_eq(
        help_raw_int(db, "SELECT count(*) FROM job AS j WHERE j.state <> coalesce((SELECT e.kind"
                         " FROM job_event AS e WHERE e.job_id = j.id AND e.kind IN ('queued',"
                         " 'running', 'paused', 'succeeded', 'failed', 'cancelled')"
                         " ORDER BY e.id DESC LIMIT 1), '')"),
        0);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* A suite of one file's cases, each in a folder of its own. */
static inline int help_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
