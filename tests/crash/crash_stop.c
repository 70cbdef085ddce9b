/* The ways to go: SIGTERM under load, twice, and too late; a kill between the commit and the
 * answer; and two daemons that want one folder.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fate.h"
#include "recipes.h"
#include "verify.h"
#include "work.h"

#define CLIENTS       3
#define STOP_DEADLINE (10.0 * PATIENCE)

static struct world w;

static void begin(const char *const *options)
{
    world_begin(&w, 1);
    daemon_start(&w.d, w.state, options);
    recipe_table();
}

static void end(void)
{
    daemon_stop(&w.d);
    verify_check(&w);
    world_end(&w);
}

/* One step of it takes long, and so does its checkpoint of 80 MB: a stop waits for both. */
static int64_t submit_heavy(void)
{
    char *job = recipe_body(0, "heavy", 0, 0), *at = strstr(job, "\"hidden\": [8]");

    ck_assert_ptr_nonnull(at);
    job = text("%.*s\"hidden\": [2600, 2600]%s", (int)(at - job), job, at + 13);
    at = strstr(job, "\"batch_size\": 16");
    ck_assert_ptr_nonnull(at);
    job = text("%.*s\"batch_size\": 600%s", (int)(at - job), job, at + 16);
    return integer(want(http_post(job, "/train"), 202), "/id");
}

static void until_busy(void)
{
    double deadline = now_seconds() + 30 * PATIENCE;

    while (integer(want(http_get("/service"), 200), "/workers/busy") == 0) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
}

/* ---- SIGTERM under load -------------------------------------------------------------------- */

/* What a client was promised, as it goes through a pipe: one write, so never mixed. */
struct promise {
    char what; /* 'j': job `id` of `recipe`; 't': table `id` */
    int64_t id, model;
    size_t recipe;
};

/* A client's life: send things until nobody answers. Runs in a child and reports by the pipe. */
static void be_a_client(int number, int out)
{
    for (unsigned i = 0;; i++) {
        struct promise p = {.recipe = (number + i) % 4 == 0 ? 5 + i % (n_recipes - 5) : i % 4};
        struct reply *r;

        if (number == 0 && i % 2 == 0) {
            p.what = 't';
            p.id = (int64_t)i;
            r = http_try(&(struct request){.method = "POST",
                                           .path = text("/datasets?name=up%u", i),
                                           .type = "text/csv",
                                           .body = text("a,b\n%u,2\n3,4\n", i)});
        } else {
            p.what = 'j';
            r = http_try(
                &(struct request){.method = "POST",
                                  .path = "/train",
                                  .body = recipe_body(p.recipe, text("c%dn%u", number, i), 0, 0)});
        }
        if (r == NULL) {
            _exit(0); /* it has gone */
        }
        if (r->status == 202) {
            p.id = integer(r, "/id");
            p.model = integer(r, "/model_id");
        }
        if ((r->status == 202 || r->status == 201) &&
            write(out, &p, sizeof p) != (ssize_t)sizeof p) {
            _exit(1);
        }
        if (r->status != 202 && r->status != 201 && r->status != 503) {
            dprintf(2, "client %d: %ld %s\n", number, r->status, r->body);
            _exit(1);
        }
        r = http_try(&(struct request){.path = "/models/1/predict?a=1&b=0&c=0&d=0"});
        if (r == NULL) {
            _exit(0);
        }
        if (r->status != 200 && r->status != 503) {
            dprintf(2, "client %d: predict %ld %s\n", number, r->status, r->body);
            _exit(1);
        }
        test_end();
        forget_json();
    }
}

static void check_promise(const struct promise *p)
{
    struct reply *r;

    if (p->what == 't') {
        want(http_get("/datasets/up%lld", (long long)p->id), 200);
        return;
    }
    r = want(http_get("/jobs/%lld", (long long)p->id), 200);
    ck_assert(!is_final(str(r, "/state")) || strcmp(str(r, "/state"), "succeeded") == 0);
    ck_assert_int_eq(integer(r, "/model_id"), p->model);
}

/* How many promises lie in the pipe. */
static size_t promised(int fd)
{
    int bytes = 0;

    ck_assert_int_eq(ioctl(fd, FIONREAD, &bytes), 0);
    return (size_t)bytes / sizeof(struct promise);
}

START_TEST(sigterm_under_load)
{
    static const char *const options[] = {"--workers", "2", "--checkpoint-seconds", "0.05", NULL};
    struct promise promises[4096];
    size_t n = 0, compared = 0;
    pid_t clients[CLIENTS];
    double deadline, began;
    int ends[2], status;

    begin(options);
    ck_assert_int_eq(
        trained(integer(want(http_post(recipe_body(0, "first", 0, 0), "/train"), 202), "/id")), 1);
    ck_assert_int_eq(pipe(ends), 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        ck_assert_int_ge(clients[i], 0);
        if (clients[i] == 0) {
            close(ends[0]);
            be_a_client(i, ends[1]);
        }
    }
    close(ends[1]);
    until_busy();
    deadline = now_seconds() + 1.0 * PATIENCE; /* of load */
    /* and on a slow machine until there is something to hold it to */
    while (now_seconds() < deadline ||
           (promised(ends[0]) <= 5 && now_seconds() < deadline + 60 * PATIENCE)) {
        pause_briefly();
    }
    began = now_seconds();
    daemon_stop(&w.d); /* exit 0, or it fails here */
    printf("# stopped under load in %.2f s\n", now_seconds() - began);
    ck_assert_double_lt(now_seconds() - began, STOP_DEADLINE);
    while (n < COUNT(promises) &&
           read(ends[0], &promises[n], sizeof promises[n]) == (ssize_t)sizeof promises[n]) {
        n++;
    }
    close(ends[0]);
    ck_assert_uint_lt(n, COUNT(promises));
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(waitpid(clients[i], &status, 0), clients[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "client %d saw an error", i);
    }
    ck_assert_uint_gt(n, 5);
    daemon_start(&w.d, w.state, options);
    for (size_t i = 0; i < n; i++) {
        check_promise(&promises[i]);
        test_end();
        forget_json();
    }
    /* those that ran at the stop come to the same as ever; the rest is too much to wait for */
    for (size_t i = 0; i < n && compared < 6; i++) {
        if (promises[i].what == 'j') {
            wait_for_job(promises[i].id, "succeeded");
            recipe_compare(promises[i].recipe, promises[i].id, promises[i].model);
            compared++;
        }
    }
    printf("# %zu promises kept, %zu products compared\n", n, compared);
    end();
}
END_TEST

/* ---- impatience ---------------------------------------------------------------------------- */

/* A stop that waits for a step of the heavy job is cut short, and nothing is lost by that. */
static void cut_short(const char *const *options, bool second_signal, const char *word)
{
    const char *own = getenv("TSAN_OPTIONS");
    int64_t heavy, waiting;
    int status;
    char *log;

    /* it leaves with threads running: that is the point */
    setenv("TSAN_OPTIONS", text("%s:report_thread_leaks=0", own != NULL ? own : ""), 1);
    begin(options);
    heavy = submit_heavy();
    waiting = integer(want(http_post(recipe_body(0, "waiting", 0, 0), "/train"), 202), "/id");
    wait_for_epoch(heavy, 1);
    ck_assert_int_eq(kill(w.d.pid, SIGTERM), 0);
    if (second_signal) {
        double deadline = now_seconds() + 30 * PATIENCE;

        do { /* that it has heard the first is in its log */
            ck_assert_double_lt(now_seconds(), deadline);
            pause_briefly();
            log = file_read(w.d.log, NULL);
        } while (strstr(log, "stopping") == NULL);
        ck_assert_int_eq(kill(w.d.pid, SIGTERM), 0);
    }
    status = daemon_wait(&w.d, 30 * PATIENCE);
    ck_assert_msg(status != -1 && WIFEXITED(status) && WEXITSTATUS(status) != 0, "status %d",
                  status);
    log = file_read(w.d.log, NULL);
    ck_assert_msg(strstr(log, word) != NULL, "the log does not say \"%s\": %s", word, log);
    daemon_start(&w.d, w.state, (const char *const[]){"--workers", "2", NULL});
    wait_for_job(waiting, "succeeded");
    ck_assert_int_eq(integer(wait_for_job(heavy, "running"), "/attempt"), 2);
    cancel_job(heavy);
    end();
}

START_TEST(a_second_sigterm_ends_it_at_once)
{
    cut_short((const char *const[]){"--workers", "1", NULL}, true, "leaving at once");
}
END_TEST

START_TEST(a_stop_has_a_deadline)
{
    cut_short((const char *const[]){"--workers", "1", "--stop-seconds", "0.1", NULL}, false,
              "0.1 s");
}
END_TEST

/* ---- the answer that was lost ---------------------------------------------------------------- */

#ifdef MLPD_CRASH_POINTS

/* A job of that name, with its name as its key. */
static struct reply *submit_with_key(const char *name)
{
    return http_try(
        &(struct request){.method = "POST",
                          .path = "/train",
                          .headers = (const char *const[]){text("Idempotency-Key: %s", name), NULL},
                          .body = recipe_body(0, name, 0, 0)});
}

static size_t jobs_named(const char *name)
{
    return length(want(http_get("/jobs?name=%s", name), 200), "/jobs");
}

/* Send a job to a daemon that dies when it comes to `point` for the n-th time, and start another.
 * Whether the job is there and nobody was told. */
static bool lose_the_answer(const char *const *options, const char *point, unsigned n,
                            const char *name)
{
    bool told = false;
    size_t there;

    fate_strike(&w);
    if (fate_start(&w, options, point, n)) {
        told = submit_with_key(name) != NULL;
        if (told) {
            fate_strike(&w);
        } else {
            ck_assert(fate_await(&w));
        }
    }
    daemon_start(&w.d, w.state, options);
    there = jobs_named(name);
    ck_assert_uint_le(there, 1);
    ck_assert(!told || there == 1);
    return there == 1 && !told;
}

/* The retry makes no second one, now and after another kill. */
static void retry(const char *const *options, const char *name, bool there)
{
    struct reply *r = submit_with_key(name);
    int64_t id;

    ck_assert(r != NULL && want(r, 202) != NULL);
    ck_assert_int_eq(reply_header(r, "Idempotency-Replayed") != NULL, there);
    id = integer(r, "/id");
    fate_strike(&w);
    daemon_start(&w.d, w.state, options);
    r = submit_with_key(name);
    ck_assert(r != NULL && want(r, 202) != NULL);
    ck_assert_ptr_nonnull(reply_header(r, "Idempotency-Replayed"));
    ck_assert_int_eq(integer(r, "/id"), id);
    ck_assert_uint_eq(jobs_named(name), 1);
    want(http_poke("/queue/resume"), 200);
    wait_for_job(id, "succeeded");
}

/* Committed, and killed before the answer. The daemon commits things of its own before or after:
 * which commit is the job's is tried out, each time with another job. */
START_TEST(a_202_that_was_lost)
{
    static const char *const options[] = {"--workers", "1", NULL};
    const char *name = "lost";
    unsigned tries = 0;

    begin(options);
    want(http_poke("/queue/pause"), 200); /* the job stays queued */
    while (!lose_the_answer(options, "writer-after-commit", 1 + tries % 4, name)) {
        ck_assert_uint_lt(tries, 40);
        tries++;
        name = text("lost-%u", tries);
    }
    retry(options, name, true);
    end();
}
END_TEST

/* Killed between the row and the commit. */
START_TEST(a_commit_that_was_lost)
{
    static const char *const options[] = {"--workers", "1", NULL};

    begin(options);
    want(http_poke("/queue/pause"), 200);
    ck_assert(!lose_the_answer(options, "jobs-after-submit-row", 1, "lost"));
    retry(options, "lost", false);
    end();
}
END_TEST

#endif

/* ---- two on one folder ------------------------------------------------------------------------
 */

START_TEST(two_on_one_folder)
{
    static const char *const options[] = {"--workers", "1", "--checkpoint-seconds", "0.05", NULL};
    const char *err, *out;
    int64_t id;
    int status;

    begin(options);
    id = integer(want(http_post(recipe_body(5, "undisturbed", 0, 0), "/train"), 202), "/id");
    wait_for_job(id, "running");
    for (int i = 0; i < 3; i++) {
        status = daemon_run(
            (const char *const[]){"--listen", "127.0.0.1:0", "--state", w.state, NULL}, &out, &err);
        ck_assert_int_ne(status, 0);
        ck_assert_msg(strstr(err, text("%d", (int)w.d.pid)) != NULL, "does not name %d: %s",
                      (int)w.d.pid, err);
        ck_assert_str_eq(out, "");
    }
    ck_assert_int_ne(daemon_run((const char *const[]){"gc", "--state", w.state, NULL}, NULL, NULL),
                     0);
    wait_for_job(id, "succeeded");
    recipe_compare(5, id, model_of(id));
    ck_assert_int_eq(integer(want(http_get("/jobs/%lld", (long long)id), 200), "/attempt"), 1);
    fate_strike(&w); /* the lock goes with it */
    daemon_start(&w.d, w.state, options);
    wait_for_job(id, "succeeded");
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash_stop");
    TCase *tc = case_with("stop", recipes_cook, recipes_forget);

    setvbuf(stdout, NULL, _IOLBF, 0);
    tcase_add_test(tc, sigterm_under_load);
    tcase_add_test(tc, a_second_sigterm_ends_it_at_once);
    tcase_add_test(tc, a_stop_has_a_deadline);
#ifdef MLPD_CRASH_POINTS
    tcase_add_test(tc, a_202_that_was_lost);
    tcase_add_test(tc, a_commit_that_was_lost);
#endif
    tcase_add_test(tc, two_on_one_folder);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
