/* What outlives the daemon: after SIGTERM and after kill -9 every job, curve, model and dataset
 * is there, a job that ran or waited is trained, and a stored model predicts the same bytes.
 *
 * Each test starts daemons of its own, one after the other, on one state folder.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work.h"

/* Of the interrupted job: long enough to be caught running, and a second or two to train. */
#define EPOCHS (150 / PATIENCE)

static struct daemon d;

static void start_on(const char *state)
{
    daemon_start(&d, state, (const char *const[]){"--workers", "1", NULL});
}

/* The body of GET path, for comparing before and after. */
static char *body_of(const char *path)
{
    return text("%s", want(http_get("%s", path), 200)->body);
}

struct before {
    char *job, *curve, *events, *model, *weights, *evaluation, *dataset, *rows, *predictions;
    int64_t id, model_id;
};

static void look(struct before *b)
{
    const char *job = text("/jobs/%lld", (long long)b->id);
    const char *model = text("/models/%lld", (long long)b->model_id);

    b->job = body_of(job);
    b->curve = body_of(text("%s/curve", job));
    b->events = body_of(text("%s/events", job));
    b->model = body_of(model);
    b->weights = body_of(text("%s/weights", model));
    b->evaluation = body_of(text("%s/evaluation?split=test", model));
    b->dataset = body_of("/datasets/iris");
    b->rows = body_of("/datasets/iris/rows?offset=10&limit=5");
    b->predictions =
        text("%s", want(http_csv(features_of("iris"), "%s/predict", model), 200)->body);
}

static void compare(const struct before *was)
{
    struct before is = {.id = was->id, .model_id = was->model_id};

    look(&is);
    want_same(is.job, was->job);
    want_same(is.curve, was->curve);
    want_same(is.events, was->events);
    want_same(is.model, was->model);
    want_same(is.weights, was->weights);
    want_same(is.evaluation, was->evaluation);
    want_same(is.dataset, was->dataset);
    want_same(is.rows, was->rows);
    want_same(is.predictions, was->predictions);
}

/* One trained, one running, one queued; end it; start again; all is well. */
static void end_and_restart(void (*end)(struct daemon *))
{
    char *state = scratch_path("state");
    struct before was;
    int64_t running, queued, first;
    struct reply *r;

    start_on(state);
    upload_example("iris");
    was.id = train("{'name': 'iris', 'preset': 'simple', "
                   "'data': {'dataset': 'iris', 'target': 'species', 'split': "
                   "{'test': 0.25}}, 'training': {'epochs': 20}}");
    was.model_id = trained(was.id);
    look(&was);
    /* the same job twice: one is interrupted, one is not, and both must learn the same */
    running =
        integer(want(http_post(slow_job(EPOCHS, 7, ", 'name': 'cut'"), "/train"), 202), "/id");
    queued =
        integer(want(http_post(slow_job(EPOCHS, 7, ", 'name': 'whole'"), "/train"), 202), "/id");
    wait_for_epoch(running, 3);
    wait_for_job(queued, "queued");
    end(&d);

    start_on(state);
    want(http_get("/readyz"), 200);
    compare(&was);
    first = integer(want(http_get("/jobs?limit=1"), 200), "/jobs/0/id");
    ck_assert_int_eq(first, queued); /* nothing was made or lost */
    r = wait_for_job(running, "succeeded");
    ck_assert_int_eq(integer(r, "/attempt"), 2);
    r = wait_for_job(queued, "succeeded");
    ck_assert_int_eq(integer(r, "/attempt"), 1);
    want_same(weights_of(model_of(running)), weights_of(model_of(queued)));
    r = want(http_get("/jobs/%lld/curve", (long long)running), 200);
    ck_assert_int_eq(integer(r, "/points/0/epoch"), 1);
    ck_assert_uint_eq(
        length(r, "/points"),
        length(want(http_get("/jobs/%lld/curve", (long long)queued), 200), "/points"));
    /* ids go on where they were */
    ck_assert_int_gt(train(XOR_JOB("")), queued);
    daemon_stop(&d);
}

START_TEST(sigterm_and_restart)
{
    end_and_restart(daemon_stop);
}
END_TEST

START_TEST(kill_and_restart)
{
    end_and_restart(daemon_kill);
}
END_TEST

/* A 202 is a promise: kill right after it. */
START_TEST(an_accepted_job_survives_the_kill)
{
    char *state = scratch_path("state");
    int64_t ids[6];

    start_on(state);
    for (size_t i = 0; i < COUNT(ids); i++) {
        ids[i] = train(XOR_JOB(""));
        daemon_kill(&d);
        start_on(state);
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        wait_for_job(ids[i], "succeeded");
    }
    ck_assert_uint_eq(length(want(http_get("/jobs"), 200), "/jobs"), COUNT(ids));
    daemon_stop(&d);
}
END_TEST

/* Deletes are as durable, and no file stays that nothing names. */
START_TEST(what_was_deleted_stays_deleted)
{
    char *state = scratch_path("state");
    int64_t id, model;
    struct reply *r;

    start_on(state);
    upload_example("iris");
    want(http_csv("a,b\n1,2\n", "/datasets?name=gone"), 201);
    id = train(XOR_JOB(""));
    model = trained(id);
    ck_assert_int_lt(http_delete("/jobs/%lld", (long long)id)->status, 300);
    ck_assert_int_lt(http_delete("/models/%lld", (long long)model)->status, 300);
    ck_assert_int_lt(http_delete("/datasets/gone")->status, 300);
    daemon_kill(&d);
    start_on(state);
    want(http_get("/jobs/%lld", (long long)id), 404);
    want(http_get("/models/%lld", (long long)model), 404);
    want(http_get("/datasets/gone"), 404);
    want(http_get("/datasets/iris"), 200);
    id = train(XOR_JOB("")); /* ids are not used again */
    r = wait_for_job(id, "succeeded");
    ck_assert_int_ge(id, 2);
    ck_assert_int_gt(integer(r, "/model_id"), model);
    daemon_stop(&d);
}
END_TEST

/* Half an upload at the kill leaves nothing. */
START_TEST(a_killed_upload_leaves_nothing)
{
    char *state = scratch_path("state");
    double deadline = now_seconds() + 30 * PATIENCE;
    const char *head;
    int fd;

    start_on(state);
    upload_example("iris");
    fd = raw_open();
    head = text("POST /datasets?name=half HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: text/csv\r\n"
                "Content-Length: 100000\r\n\r\na,b\n1,2\n",
                d.host, d.port);
    raw_write(fd, head, strlen(head));
    while (http_get("/datasets/half")->status != 200) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
    daemon_kill(&d);
    close(fd);
    start_on(state);
    ck_assert_uint_eq(folder_entries(text("%s/datasets", state)), 1);
    want(http_get("/datasets/half"), 404);
    daemon_stop(&d);
}
END_TEST

/* An upload that stands still does not hold the stop up. */
START_TEST(sigterm_with_a_hanging_client)
{
    const char *head;
    double begin;
    int fd;

    start_on(NULL);
    fd = raw_open();
    head = text("POST /datasets?name=slow HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: text/csv\r\n"
                "Content-Length: 100000\r\n\r\na,b\n1,2\n",
                d.host, d.port);
    raw_write(fd, head, strlen(head));
    want(http_get("/healthz"), 200);
    begin = now_seconds();
    daemon_stop(&d);
    ck_assert_double_lt(now_seconds() - begin, 10 * PATIENCE);
    close(fd);
}
END_TEST

START_TEST(sigint_stops_it_too)
{
    start_on(NULL);
    integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    daemon_stop_by(&d, SIGINT);
}
END_TEST

/* ---- the command line ----------------------------------------------------------------------- */

START_TEST(a_second_daemon_refuses)
{
    const char *err;
    int status;

    start_on(NULL);
    status = daemon_run((const char *const[]){"--listen", "127.0.0.1:0", "--state", d.state, NULL},
                        NULL, &err);
    ck_assert_int_ne(status, 0);
    ck_assert_msg(strstr(err, text("%d", (int)d.pid)) != NULL, "does not name %d: %s", (int)d.pid,
                  err);
    want(http_get("/healthz"), 200);
    daemon_stop(&d);
    start_on(d.state); /* the lock went with the first */
    daemon_stop(&d);
}
END_TEST

START_TEST(version_and_help)
{
    const char *out, *err;

    ck_assert_int_eq(daemon_run((const char *const[]){"--version", NULL}, &out, NULL), 0);
    ck_assert_msg(strncmp(out, "mlpd 0.", 7) == 0, "%s", out);
    ck_assert_int_eq(daemon_run((const char *const[]){"--help", NULL}, &out, NULL), 0);
    ck_assert(strstr(out, "--listen") && strstr(out, "--state") && strstr(out, "--workers") &&
              strstr(out, "--log-level") && strstr(out, "MLPD_LISTEN"));
    ck_assert_int_ne(daemon_run((const char *const[]){"--wokers", "2", NULL}, &out, &err), 0);
    ck_assert_msg(strstr(err, "wokers") != NULL, "%s", err);
    ck_assert_str_eq(out, "");
    ck_assert_int_ne(daemon_run((const char *const[]){"--listen", "127.0.0.1:99999", "--state",
                                                      scratch_path("state"), NULL},
                                NULL, &err),
                     0);
    ck_assert_int_ne(
        daemon_run((const char *const[]){"--workers", "-1", "--state", scratch_path("state"), NULL},
                   NULL, &err),
        0);
    ck_assert_msg(strstr(err, "workers") != NULL, "%s", err);
}
END_TEST

/* A port that is taken, and a state folder that cannot be. */
START_TEST(what_cannot_start_says_why)
{
    const char *err, *path = scratch_path("file");
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fclose(f);
    start_on(NULL);
    ck_assert_int_ne(daemon_run((const char *const[]){"--listen", text("127.0.0.1:%s", d.port),
                                                      "--state", scratch_path("state"), NULL},
                                NULL, &err),
                     0);
    ck_assert_msg(strstr(err, d.port) != NULL, "%s", err);
    ck_assert_int_ne(
        daemon_run((const char *const[]){"--listen", "127.0.0.1:0", "--state", path, NULL}, NULL,
                   &err),
        0);
    ck_assert_msg(strlen(err) > 10, "%s", err);
    daemon_stop(&d);
}
END_TEST

/* The state folder is the owner's alone. */
START_TEST(state_is_private)
{
    struct stat st;

    start_on(NULL);
    ck_assert_int_eq(stat(d.state, &st), 0);
    ck_assert_msg((st.st_mode & 077) == 0, "mode %o", (unsigned)st.st_mode & 0777);
    ck_assert_int_eq(stat(text("%s/mlpd.db", d.state), &st), 0);
    ck_assert_msg((st.st_mode & 077) == 0, "mode %o", (unsigned)st.st_mode & 0777);
    daemon_stop(&d);
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    Suite *suite = suite_create("api_restart");
    TCase *tc = case_with("restart", nothing, nothing);

    tcase_add_test(tc, sigterm_and_restart);
    tcase_add_test(tc, kill_and_restart);
    tcase_add_test(tc, an_accepted_job_survives_the_kill);
    tcase_add_test(tc, what_was_deleted_stays_deleted);
    tcase_add_test(tc, a_killed_upload_leaves_nothing);
    tcase_add_test(tc, sigterm_with_a_hanging_client);
    tcase_add_test(tc, sigint_stops_it_too);
    tcase_add_test(tc, a_second_daemon_refuses);
    tcase_add_test(tc, version_and_help);
    tcase_add_test(tc, what_cannot_start_says_why);
    tcase_add_test(tc, state_is_private);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
