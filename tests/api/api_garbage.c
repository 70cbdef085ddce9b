/* Garbage goes when it is asked to, and by the daemon's own rule; a stop has a deadline. */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "state.h"

static struct daemon d;

static void start_on(const char *state, const char *const *more)
{
    daemon_start(&d, state, more);
}

START_TEST(garbage_goes_when_asked)
{
    char *state = scratch_path("state"), *datasets = text("%s/datasets", state);
    int64_t ids[4], waiting, model;
    struct reply *r;

    start_on(state, (const char *const[]){"--workers", "1", NULL});
    upload_example("iris");
    for (size_t i = 0; i < COUNT(ids); i++) {
        ids[i] =
            train("{'preset': 'simple', "
                  "'data': {'x': [[0],[%zu]], 'y': [0,1]}, 'training': {'epochs': 2}}", i + 1);
        trained(ids[i]);
    }
    model = model_of(ids[0]);
    waiting = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    wait_for_epoch(waiting, 1);
    ck_assert_uint_eq(folder_entries(datasets), 6);

    r = want(http_poke("/gc"), 200); /* all is kept */
    ck_assert_int_eq(integer(r, "/jobs"), 0);
    ck_assert(is_null(r, "/keep_jobs") && is_null(r, "/keep_days") && !truth(r, "/dry_run"));
    r = want(http_post("{\"keep_jobs\": 1}", "/gc?dry_run=1"), 200);
    ck_assert_int_eq(integer(r, "/jobs"), 3);
    ck_assert(truth(r, "/dry_run"));
    want(http_get("/jobs/%lld", (long long)ids[0]), 200);
    r = want(http_post("{\"keep_days\": 1}", "/gc"), 200);
    ck_assert_int_eq(integer(r, "/jobs"), 0);
    r = want(http_post("{\"keep_jobs\": 1}", "/gc"), 200);
    ck_assert_int_eq(integer(r, "/jobs"), 3);
    ck_assert_int_eq(integer(r, "/keep_jobs"), 1);
    want(http_get("/jobs/%lld", (long long)ids[0]), 404);
    want(http_get("/jobs/%lld", (long long)ids[3]), 200);
    wait_for_job(waiting, "running");
    want(http_get("/models/%lld/predict?x=1", (long long)model), 200); /* models stay */
    ck_assert_uint_eq(folder_entries(datasets), 6); /* too young to go while others may ask */

    want_problem(http_post("{\"keep_jobs\": -1}", "/gc"), 422, "/keep_jobs", "from 0");
    want_problem(http_post("{\"keep_days\": 36501}", "/gc"), 422, "/keep_days", "to 36500");
    want_problem(http_post("{\"keep_jobs\": 1.0}", "/gc"), 422, "/keep_jobs", "whole");
    want_problem(http_post("{\"keep\": 1}", "/gc"), 422, "/keep", "unknown key");
    want_problem(http_post("[1]", "/gc"), 422, NULL, "object");
    want_problem(http_post("{", "/gc"), 400, NULL, "");
    want_problem(http_poke("/gc?dry=1"), 400, "/dry", "");
    want(http_csv("a\n1\n", "/gc"), 415);
    r = want(http_post("{}", "/gc"), 200); /* says nothing: the daemon's own rule */
    ck_assert(is_null(r, "/keep_jobs"));
    daemon_stop(&d);

    says(COMMAND(0, state, "gc", "--dry-run"), "would remove 0 jobs and 3 datasets");
    ck_assert_uint_eq(folder_entries(datasets), 6);
    says(COMMAND(0, state, "gc"), "removed 0 jobs and 3 datasets");
    ck_assert_uint_eq(folder_entries(datasets), 3); /* iris, the last job's, the waiting one's */
    says(COMMAND(0, state, "gc", "--keep-days", "0"), "removed 1 jobs and 1 datasets");
    says(COMMAND(0, state, "check"), "are whole");
    start_on(state, (const char *const[]){"--workers", "1", NULL});
    want(http_get("/datasets/iris"), 200);
    wait_for_epoch(waiting, 2); /* what it needs is there */
    cancel_job(waiting);
    daemon_stop(&d);
}
END_TEST

/* More than one piece: the answer comes when all is done. */
START_TEST(much_garbage_goes_at_once)
{
    char *state = scratch_path("state");
    struct reply *r;

    start_on(state, NULL);
    trained(train(XOR_JOB("")));
    daemon_stop(&d);
    state_sql(state, "INSERT INTO job (kind, state, created_at, finished_at)"
               " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
               " SELECT 'train', 'cancelled', 1, i FROM n");
    start_on(state, NULL);
    r = want(http_post("{\"keep_jobs\": 100}", "/gc?dry_run=1"), 200);
    ck_assert_int_eq(integer(r, "/jobs"), 1401);
    r = want(http_post("{\"keep_jobs\": 100}", "/gc"), 200);
    ck_assert_int_eq(integer(r, "/jobs"), 1401);
    r = want(http_post("{\"keep_jobs\": 100}", "/gc"), 200);
    ck_assert_int_eq(integer(r, "/jobs"), 0);
    ck_assert_uint_eq(length(want(http_get("/jobs?limit=500"), 200), "/jobs"), 100);
    daemon_stop(&d);
}
END_TEST

/* The daemon does it by itself, by its own rule. */
START_TEST(a_daemon_keeps_what_it_is_told)
{
    char *state = scratch_path("state");
    double deadline = now_seconds() + 30 * PATIENCE;
    struct reply *r;
    int64_t last = 0;

    start_on(state, NULL);
    for (int i = 0; i < 5; i++) {
        last = train(XOR_JOB(""));
        trained(last);
    }
    daemon_stop(&d);
    start_on(state, (const char *const[]){"--keep-days", "1", NULL}); /* none is so old */
    r = want(http_poke("/gc?dry_run=1"), 200);
    ck_assert_int_eq(integer(r, "/keep_days"), 1);
    daemon_stop(&d);
    start_on(state, (const char *const[]){"--keep-jobs", "2", NULL});
    while (length(want(http_get("/jobs"), 200), "/jobs") != 2) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
    want(http_get("/jobs/%lld", (long long)last), 200);
    r = want(http_poke("/gc"), 200);
    ck_assert_int_eq(integer(r, "/keep_jobs"), 2);
    ck_assert_int_eq(integer(r, "/jobs"), 0);
    r = want(http_post("{}", "/gc?dry_run=1"), 200); /* says nothing else */
    ck_assert_int_eq(integer(r, "/keep_jobs"), 2);
    ck_assert_uint_eq(length(want(http_get("/models"), 200), "/models"), 5);
    daemon_stop(&d);
}
END_TEST

/* ---- the deadline of a stop ---- */

/* A process that leaves at once joins no threads, of which one sanitizer complains. */
static void start_without_joins(const char *state)
{
    const char *now = getenv("TSAN_OPTIONS");
    char *before = now != NULL ? text("%s", now) : NULL;

    ck_assert_int_eq(setenv("TSAN_OPTIONS",
                            text("%s:report_thread_leaks=0", before != NULL ? before : ""), 1),
                     0);
    start_on(state, (const char *const[]){"--workers", "1", "--stop-seconds", "0.1", NULL});
    ck_assert_int_eq(before != NULL ? setenv("TSAN_OPTIONS", before, 1) : unsetenv("TSAN_OPTIONS"),
                     0);
}

/* The daemon is told to stop while the job is in a batch. Where that had nearly ended, the daemon
 * stopped in time: then again. */
static void stop_within_a_batch(const char *state, int64_t id, double *told)
{
    int status = 0;

    for (int tries = 0; tries < 20 && status == 0; tries++) {
        if (tries > 0) {
            start_without_joins(state);
        }
        wait_for_job(id, "running");
        *told = now_seconds();
        while (now_seconds() - *told < 1) { /* well inside its batches */
            pause_briefly();
        }
        *told = now_seconds();
        ck_assert_int_eq(kill(d.pid, SIGTERM), 0);
        ck_assert_int_eq(waitpid(d.pid, &status, 0), d.pid);
        d.pid = 0;
    }
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d", status);
}

/* One batch of this job takes longer than the daemon may; it ends as by a kill, and nothing is
 * lost. */
START_TEST(a_stop_has_a_deadline)
{
    char *state = scratch_path("state"), *rows = text("[0],[1]"), *truths = text("0,1");
    double begin;
    int64_t id;

    for (int i = 0; i < 11; i++) { /* 4096 rows */
        rows = text("%s,%s", rows, rows);
        truths = text("%s,%s", truths, truths);
    }
    start_without_joins(state);
    id = integer(want(http_post(q("{'preset': 'simple', "
                                  "'data': {'x': [%s], 'y': [%s]}, 'architecture': {'hidden': "
                                  "[3000, 3000]}, 'training': {'epochs': 1000, 'batch_size': 4096, "
                                  "'early_stopping': null}}",
                                  rows, truths),
                              "/train"),
                      202),
                 "/id");
    stop_within_a_batch(state, id, &begin);
    ck_assert_double_lt(now_seconds() - begin, 0.1 + 1 * PATIENCE);
    says(file_read(d.log, NULL), "took longer than 0.1 s");
    start_on(state, NULL);
    wait_for_job(id, "running");
    cancel_job(id);
    daemon_stop(&d);
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("api_garbage");
    TCase *tc = case_with("garbage", nothing, nothing);

    tcase_add_test(tc, garbage_goes_when_asked);
    tcase_add_test(tc, much_garbage_goes_at_once);
    tcase_add_test(tc, a_daemon_keeps_what_it_is_told);
    tcase_add_test(tc, a_stop_has_a_deadline);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
