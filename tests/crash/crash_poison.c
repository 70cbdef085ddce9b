/* Whose fault it is when the daemon dies: a job that crashes its worker is given up after its third
 * crash, while the job beside it comes to what it comes to; kills from outside cost no job
 * anything, however many, with checkpoints between them or none.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "fate.h"
#include "peek.h"
#include "recipes.h"
#include "verify.h"
#include "work.h"

#define LONG_JOB 5 /* in the recipes: takes longest */
#define BESIDE   6

static struct world w;

static void begin(void)
{
    world_begin(&w, 1);
}

static void end(void)
{
    daemon_stop(&w.d);
    verify_check(&w);
    world_end(&w);
}

/* A job that the world knows, so that peek tells of it. */
static size_t submit(size_t recipe, const char *name)
{
    struct job_known *job = job_add(&w);
    struct reply *r = want(http_post(recipe_body(recipe, name, 0, 0), "/train"), 202);

    job->recipe = recipe;
    job->sent = YES;
    job->id = integer(r, "/id");
    job->model_id = integer(r, "/model_id");
    return w.n_jobs - 1;
}

static struct reply *ends_well(const struct job_known *job)
{
    struct reply *r = wait_for_job(job->id, "succeeded");

    recipe_compare(job->recipe, job->id, job->model_id);
    return r;
}

/* ---- the poison ------------------------------------------------------------------------- */

#if defined(MLPD_CRASH_POINTS) && !defined(MLPD_SANITIZERS)

static const char *const two_workers[] = {"--workers", "2", "--checkpoint-seconds", "0.05", NULL};

/* How often an event of this kind is there. */
static size_t events(int64_t job, const char *kind)
{
    struct reply *r = want(http_get("/jobs/%lld/events", (long long)job), 200);
    size_t n = 0, i;
    json_t *event;

    json_array_foreach(at(r, "/events"), i, event)
    {
        n += strcmp(json_string_value(json_object_get(event, "kind")), kind) == 0;
    }
    return n;
}

/* Start a daemon that the poison may kill. True: it did, by a fault, and is reaped. */
static bool start_poisoned(void)
{
    int status = 0;
    bool ready;

    setenv("MLPD_CRASH_JOB", "poison", 1);
    ready = daemon_try_start(&w.d, w.state, two_workers, &status);
    unsetenv("MLPD_CRASH_JOB");
    ck_assert(ready || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
    return !ready;
}

static void dies_of_it(void)
{
    int status = daemon_wait(&w.d, 60 * PATIENCE);

    ck_assert_msg(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
                  "mlpd ended with status %d", status);
}

START_TEST(the_third_crash_is_the_last)
{
    size_t poison, beside, behind, deaths = 0;
    struct reply *r;

    begin();
    /* all three at once: the queue is opened when they are there */
    daemon_start(&w.d, w.state, two_workers);
    recipe_table();
    want(http_poke("/queue/pause"), 200);
    poison = submit(LONG_JOB, "poison");
    beside = submit(BESIDE, "beside");
    behind = submit(0, "behind");
    want(http_poke("/queue/resume"), 200);
    daemon_stop(&w.d);
    while (deaths < 10) {
        if (!start_poisoned()) {
            r = http_try(
                &(struct request){.path = text("/jobs/%lld", (long long)w.jobs[poison].id)});
            if (r != NULL && strcmp(str(want(r, 200), "/state"), "failed") == 0) {
                break;
            }
            dies_of_it();
        }
        deaths++;
    }
    ck_assert_uint_eq(deaths, 3);
    ck_assert_str_eq(str(r, "/error/code"), "crashed");
    /* the daemon was stopped before all this, perhaps while the poison ran */
    ck_assert_int_ge(integer(r, "/attempt"), 3);
    ck_assert_int_le(integer(r, "/attempt"), 4);
    ck_assert_uint_eq(events(w.jobs[poison].id, "failed"), 1);
    (void)ends_well(&w.jobs[beside]);
    (void)ends_well(&w.jobs[behind]);
    ck_assert_uint_eq(events(w.jobs[beside].id, "succeeded"), 1);
    /* marks that were counted are not counted again */
    fate_strike(&w);
    peek(&w);
    ck_assert(!start_poisoned());
    want(http_get("/readyz"), 200);
    ck_assert_str_eq(str(http_get("/jobs/%lld", (long long)w.jobs[poison].id), "/state"), "failed");
    end();
}
END_TEST

/* Twice a crash, then well again: two are forgiven, and its bits are right. */
START_TEST(two_crashes_are_forgiven)
{
    size_t poison, deaths = 0;
    struct reply *r;

    begin();
    daemon_start(&w.d, w.state, two_workers);
    recipe_table();
    want(http_poke("/queue/pause"), 200);
    poison = submit(LONG_JOB, "poison");
    want(http_poke("/queue/resume"), 200);
    daemon_stop(&w.d);
    while (deaths < 2) {
        if (!start_poisoned()) {
            dies_of_it();
        }
        deaths++;
    }
    daemon_start(&w.d, w.state, two_workers);
    r = ends_well(&w.jobs[poison]);
    ck_assert_int_ge(integer(r, "/attempt"), 3);
    end();
}
END_TEST

#endif

/* ---- kills from outside ------------------------------------------------------------------ */

/* Until the job has finished this epoch; its state then. */
static const char *until_epoch(int64_t id, int64_t epoch)
{
    double deadline = now_seconds() + 60 * PATIENCE;

    for (;;) {
        struct reply *r = want(http_get("/jobs/%lld", (long long)id), 200);

        if (is_final(str(r, "/state")) || integer(r, "/progress/epoch") >= epoch) {
            return str(r, "/state");
        }
        ck_assert_msg(now_seconds() < deadline, "no epoch %lld: %s", (long long)epoch, r->body);
        pause_briefly();
    }
}

#define OUTSIDE_KILLS (50 / PATIENCE)

START_TEST(fifty_kills_cost_nothing)
{
    static const char *const often[] = {"--workers", "1", "--checkpoint-seconds", "0.01", NULL};
    int64_t reached = -1, farther = 0;
    struct reply *r;
    size_t job, kills;

    begin();
    daemon_start(&w.d, w.state, often);
    recipe_table();
    job = submit(LONG_JOB, "kept");
    for (kills = 0; kills < OUTSIDE_KILLS; kills++) {
        const char *state = until_epoch(w.jobs[job].id, reached + 7);

        ck_assert_msg(strcmp(state, "running") == 0, "after %zu kills it is %s", kills, state);
        fate_strike(&w);
        peek(&w);
        ck_assert_int_ge(w.jobs[job].reached, reached);
        farther += w.jobs[job].reached > reached;
        reached = w.jobs[job].reached;
        test_end();
        forget_json();
        daemon_start(&w.d, w.state, often);
    }
    r = ends_well(&w.jobs[job]);
    ck_assert_int_eq(integer(r, "/attempt"), (int64_t)kills + 1);
    printf("# %zu kills, a further checkpoint between %lld of them, epoch %lld at the last\n",
           kills, (long long)farther, (long long)reached);
    /* how many it is hangs on how fast the disk is against seven epochs; none would be a defect */
    ck_assert_int_ge(farther, (int64_t)kills / 10);
    end();
}
END_TEST

/* No checkpoint, no progress, no blame: the job only begins anew each time. */
START_TEST(kills_before_the_first_checkpoint)
{
    static const char *const seldom[] = {"--workers", "1", "--checkpoint-seconds", "60", NULL};
    struct reply *r;
    size_t job, kills;

    begin();
    daemon_start(&w.d, w.state, seldom);
    recipe_table();
    job = submit(LONG_JOB, "again");
    for (kills = 0; kills < 7; kills++) {
        ck_assert_str_eq(until_epoch(w.jobs[job].id, 1), "running");
        fate_strike(&w);
        peek(&w);
        daemon_start(&w.d, w.state, seldom);
    }
    ck_assert_int_eq(w.jobs[job].reached, -1);
    r = ends_well(&w.jobs[job]);
    ck_assert_int_eq(integer(r, "/attempt"), (int64_t)kills + 1);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash_poison");
    TCase *tc = case_with("blame", recipes_cook, recipes_forget);

    setvbuf(stdout, NULL, _IOLBF, 0);
#if defined(MLPD_CRASH_POINTS) && !defined(MLPD_SANITIZERS)
    tcase_add_test(tc, the_third_crash_is_the_last);
    tcase_add_test(tc, two_crashes_are_forgiven);
#endif
    tcase_add_test(tc, fifty_kills_cost_nothing);
    tcase_add_test(tc, kills_before_the_first_checkpoint);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
