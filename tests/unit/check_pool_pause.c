/* The worker pool, continued: pauses and their races, the watchdog, waiting for what the store
 * said, and whose thread a worker is. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "jobs_house.h"

static struct house h;
static struct store_ops ops; /* the real ones, some replaced */
static atomic_size_t claims;
static int (*real_claim)(struct store *, const char *, struct store_job *, int64_t *, struct err *);

static void setup(void)
{
    house_open(&h, 2);
    ops = *h.store->ops;
}

static void teardown(void)
{
    house_close(&h);
}

/* ---- pause ---------------------------------------------------------------------------- */

static void ask_for_pause(int64_t job_id)
{
    struct err err = ERR_INIT;
    enum job_state state;

    ck_assert_int_eq(h.store->ops->job_pause(h.store, job_id, &state, &err), 0);
    pool_pause(h.pool, job_id, true);
}

static bool is_paused(struct house *house, int64_t job_id)
{
    struct store_job job = house_job(house, job_id);
    bool is = job.state == JOB_PAUSED;

    store_job_fini(&job);
    return is;
}

START_TEST(a_paused_job_gives_its_worker_back)
{
    static const char config[] =
        "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"
        " \"training\": {\"epochs\": 3000, \"seed\": 5, \"early_stopping\": null}}";
    int64_t id, next, model_id, other, other_model;
    struct store_model model, same;
    struct err err = ERR_INIT;
    enum job_state state;
    struct store_job job;

    house_clouds(&h, "clouds", 60);
    h.workers = 1;
    house_stop(&h);
    house_again(&h);
    pool_start(h.pool);
    id = house_submit(&h, config, &model_id);
    next = house_submit(&h, HOUSE_SHORT, NULL);
    house_until(house_is_running, &h, id);
    ask_for_pause(id);
    house_until(is_paused, &h, id);
    job = house_end(&h, next, JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert(!house_has_weights(&h, model_id));
    ck_assert_int_eq(h.store->ops->job_resume(h.store, id, &state, &err), 0);
    pool_wake(h.pool);
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_int_eq(job.attempt, 2);
    store_job_fini(&job);
    other = house_submit(&h, config, &other_model);
    job = house_end(&h, other, JOB_SUCCEEDED);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    same = house_model(&h, other_model);
    ck_assert_str_eq(model.weights_sha256, same.weights_sha256);
    store_model_fini(&model);
    store_model_fini(&same);
}
END_TEST

static int claim_then_pause(struct store *store, const char *owner, struct store_job *out,
                            int64_t *wait_ms, struct err *err)
{
    int rc = real_claim(store, owner, out, wait_ms, err);

    if (rc == 0) {
        ask_for_pause(out->id);
    }
    return rc;
}

START_TEST(a_pause_between_claim_and_start_is_not_lost)
{
    int64_t id;

    house_clouds(&h, "clouds", 300);
    real_claim = ops.job_claim_wait;
    ops.job_claim_wait = claim_then_pause;
    h.store->ops = &ops;
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, NULL);
    house_until(is_paused, &h, id);
}
END_TEST

static int (*real_get)(struct store *, int64_t, struct store_job *, struct err *);
static atomic_bool took_back;

/* The worker has read that a pause is wanted; before it can say so, that is taken back. */
static int get_then_resume(struct store *store, int64_t id, struct store_job *out, struct err *err)
{
    enum job_state state;
    int rc = real_get(store, id, out, err);

    if (rc == 0 && out->pause_requested && !atomic_exchange(&took_back, true)) {
        ck_assert_int_eq(store->ops->job_resume(store, id, &state, err), 0);
        pool_pause(h.pool, id, false);
    }
    return rc;
}

START_TEST(a_pause_that_is_taken_back_does_not_stop_the_job)
{
    struct store_job job;
    int64_t id;

    house_clouds(&h, "clouds", 300);
    real_claim = ops.job_claim_wait;
    ops.job_claim_wait = claim_then_pause;
    real_get = ops.job_get;
    ops.job_get = get_then_resume;
    h.store->ops = &ops;
    atomic_store(&took_back, false);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, NULL);
    house_until(house_is_running, &h, id);
    ck_assert(atomic_load(&took_back));
    job = house_job(&h, id);
    ck_assert_int_eq(job.state, JOB_RUNNING);
    ck_assert_int_eq(job.attempt, 1); /* it was not given back meanwhile either */
    store_job_fini(&job);
    house_cancel(&h, id);
    job = house_end(&h, id, JOB_CANCELLED);
    store_job_fini(&job);
}
END_TEST

START_TEST(an_evaluation_pauses_too)
{
    struct store_job job;
    int64_t id, model_id;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    job = house_end(&h, house_submit(&h, HOUSE_SHORT, &model_id), JOB_SUCCEEDED);
    store_job_fini(&job);
    house_stop(&h);
    house_again(&h);
    ops = *h.store->ops;
    real_claim = ops.job_claim_wait;
    ops.job_claim_wait = claim_then_pause;
    h.store->ops = &ops;
    pool_start(h.pool);
    id = house_evaluate(&h, model_id, "clouds");
    house_until(is_paused, &h, id);
}
END_TEST

/* ---- the watchdog ------------------------------------------------------------------ */

static size_t events_of(int64_t job_id, const char *kind)
{
    struct store_event *events = NULL;
    struct err err = ERR_INIT;
    size_t n = 0, found = 0, i;

    ck_assert_int_eq(h.store->ops->event_list(h.store, job_id, &events, &n, &err), 0);
    for (i = 0; i < n; i++) {
        found += strcmp(events[i].kind, kind) == 0;
    }
    store_events_free(&events, n);
    return found;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int (*real_add)(struct store *, const char *, const struct store_checkpoint *, struct err *);

/* The job hangs in its first checkpoint for as long as the gate is shut. */
static int hanging_add(struct store *store, const char *owner,
                       const struct store_checkpoint *checkpoint, struct err *err)
{
    PTOK(pthread_mutex_lock(&gate));
    PTOK(pthread_mutex_unlock(&gate));
    return real_add(store, owner, checkpoint, err);
}

static bool is_stalled(struct house *house, int64_t job_id)
{
    struct pool_progress p;

    return pool_progress_get(house->pool, job_id, &p) && p.stalled &&
           pool_stalled(house->pool) == 1 && events_of(job_id, "stalled") == 1;
}

static bool is_told_to_move(struct house *house, int64_t job_id)
{
    struct pool_progress p;

    return pool_progress_get(house->pool, job_id, &p) && !p.stalled &&
           pool_stalled(house->pool) == 0 && events_of(job_id, "moving_again") == 1;
}

START_TEST(a_job_without_a_pulse_is_called_stalled)
{
    struct pool_progress p;
    struct store_job job;
    int64_t id, other;

    house_clouds(&h, "clouds", 300);
    h.checkpoint_seconds = 0.05;
    h.stall_seconds = 0.3;
    house_stop(&h);
    house_again(&h);
    ops = *h.store->ops;
    real_add = ops.checkpoint_add;
    ops.checkpoint_add = hanging_add;
    h.store->ops = &ops;
    PTOK(pthread_mutex_lock(&gate));
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, NULL);
    house_until(is_stalled, &h, id);
    ck_assert(pool_progress_get(h.pool, id, &p));
    ck_assert_str_eq(p.phase, "saving");
    PTOK(pthread_mutex_unlock(&gate));
    house_until(is_told_to_move, &h, id);
    house_cancel(&h, id);
    job = house_end(&h, id, JOB_CANCELLED);
    store_job_fini(&job);
    other = house_submit(&h, HOUSE_SHORT, NULL);
    job = house_end(&h, other, JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert_uint_eq(events_of(other, "stalled"), 0);
    ck_assert_uint_eq(events_of(id, "stalled"), 1);
}
END_TEST

/* ---- waiting, and whose thread it is ------------------------------------------------ */

/* Nothing now, but something in 50 ms without anybody's doing. */
static int later_claim(struct store *store, const char *owner, struct store_job *out,
                       int64_t *wait_ms, struct err *err)
{
    if (atomic_fetch_add(&claims, 1) < 3) {
        *wait_ms = 50;
        return 1;
    }
    return real_claim(store, owner, out, wait_ms, err);
}

START_TEST(a_worker_comes_back_when_the_store_said)
{
    double start = clock_monotonic();
    struct store_job job;
    int64_t id;

    house_clouds(&h, "clouds", 60);
    h.workers = 1;
    house_stop(&h);
    house_again(&h);
    ops = *h.store->ops;
    real_claim = ops.job_claim_wait;
    ops.job_claim_wait = later_claim;
    h.store->ops = &ops;
    atomic_store(&claims, 0);
    id = house_submit(&h, HOUSE_SHORT, NULL);
    pool_start(h.pool);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert_double_ge(clock_monotonic() - start, 0.14);
}
END_TEST

static int (*real_finish)(struct store *, int64_t, const char *, const struct store_outcome *,
                          struct err *);
static atomic_int_least64_t crash_job_seen, crash_job_of_points;
static atomic_bool faults_are_open;

static int marked_finish(struct store *store, int64_t id, const char *owner,
                         const struct store_outcome *outcome, struct err *err)
{
    sigset_t mask;

    PTOK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    atomic_store(&faults_are_open, !sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGBUS) &&
                                       !sigismember(&mask, SIGFPE) && !sigismember(&mask, SIGILL) &&
                                       !sigismember(&mask, SIGABRT) && sigismember(&mask, SIGTERM));
    atomic_store(&crash_job_seen, crash_job());
    return real_finish(store, id, owner, outcome, err);
}

static int (*real_append)(struct store *, int64_t, const char *, const struct store_point *, size_t,
                          struct err *);

static int marked_append(struct store *store, int64_t id, const char *owner,
                         const struct store_point *points, size_t n, struct err *err)
{
    atomic_store(&crash_job_of_points, crash_job());
    return real_append(store, id, owner, points, n, err);
}

/* So that a fatal signal is known to be that job's. */
START_TEST(a_worker_says_whose_work_it_does)
{
    struct store_job job;
    int64_t id;

    house_clouds(&h, "clouds", 60);
    real_finish = ops.job_finish;
    ops.job_finish = marked_finish;
    real_append = ops.curve_append;
    ops.curve_append = marked_append;
    h.store->ops = &ops;
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_SHORT, NULL);
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_int_eq(atomic_load(&crash_job_seen), id);
    ck_assert_int_eq(atomic_load(&crash_job_of_points), id);
    ck_assert(atomic_load(&faults_are_open));
    store_job_fini(&job);
}
END_TEST

int main(void)
{
    TCase *paused = tcase_create("pause"), *watch = tcase_create("watch");
    TCase *cases[] = {paused, watch};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(paused, a_paused_job_gives_its_worker_back);
    tcase_add_test(paused, a_pause_between_claim_and_start_is_not_lost);
    tcase_add_test(paused, a_pause_that_is_taken_back_does_not_stop_the_job);
    tcase_add_test(paused, an_evaluation_pauses_too);
    tcase_add_test(watch, a_job_without_a_pulse_is_called_stalled);
    tcase_add_test(watch, a_worker_comes_back_when_the_store_said);
    tcase_add_test(watch, a_worker_says_whose_work_it_does);
    return house_run("pool pause", cases, ARRAY_LEN(cases));
}
