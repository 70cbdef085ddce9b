/* The worker pool: jobs at once, cancel, stop, a store that fails, and the races between. */
#include <dirent.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs_house.h"

static struct house h;
static struct store_ops ops; /* the real ones, some replaced */

static void setup(void)
{
    house_open(&h, 2);
    ops = *h.store->ops;
}

static void teardown(void)
{
    house_close(&h);
}

/* ---- running ----------------------------------------------------------------- */

START_TEST(workers_must_be_at_least_one)
{
    struct pool_options options = {.workers = 0, .owner = "me"};
    struct pool *pool = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(pool_new(&options, h.datasets, h.predictor, &pool, &err), -1);
    ck_assert_ptr_null(pool);
    err_fini(&err);
}
END_TEST

START_TEST(two_workers_run_two_jobs_at_once)
{
    struct pool_progress a, b;
    size_t workers, busy;
    int64_t first, second, third;
    struct store_job job;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    first = house_submit(&h, HOUSE_ENDLESS, NULL);
    second = house_submit(&h, HOUSE_ENDLESS, NULL);
    third = house_submit(&h, HOUSE_SHORT, NULL);
    house_until(house_is_running, &h, first);
    house_until(house_is_running, &h, second);
    ck_assert(pool_progress_get(h.pool, first, &a));
    ck_assert(pool_progress_get(h.pool, second, &b));
    ck_assert(!pool_progress_get(h.pool, third, &b));
    ck_assert_uint_eq(a.epochs, 1000000);
    ck_assert(a.fraction >= 0 && a.fraction < 1);
    ck_assert(isfinite(a.training_loss) && isfinite(a.validation_loss));
    ck_assert(isfinite(a.validation_accuracy) && isnan(a.validation_rmse));
    ck_assert_uint_ge(a.best_epoch, 1);
    ck_assert_uint_gt(a.parameters, 0);
    ck_assert(a.samples_per_second > 0 && a.eta_seconds > 0);
    pool_counts(h.pool, &workers, &busy);
    ck_assert_uint_eq(workers, 2);
    ck_assert_uint_eq(busy, 2);
    job = house_job(&h, third);
    ck_assert_int_eq(job.state, JOB_QUEUED);
    store_job_fini(&job);
    house_cancel(&h, first);
    job = house_end(&h, third, JOB_SUCCEEDED); /* by the worker that became free */
    store_job_fini(&job);
    house_cancel(&h, second);
    job = house_end(&h, second, JOB_CANCELLED);
    store_job_fini(&job);
}
END_TEST

/* Main, the store's writer, two workers, and a curve thread for each running job. */
START_TEST(one_job_is_one_thread)
{
    struct dirent *entry;
    size_t threads = 0;
    int64_t id;
    DIR *tasks;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, NULL);
    house_until(house_is_running, &h, id);
    tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        threads += entry->d_name[0] != '.';
    }
    ck_assert_int_eq(closedir(tasks), 0);
#if defined(__SANITIZE_THREAD__)
    threads--; /* its own */
#endif
    ck_assert_uint_eq(threads, 5);
}
END_TEST

START_TEST(a_model_answers_while_it_trains)
{
    const float x[] = {0, 1};
    struct servable *s = NULL;
    struct err err = ERR_INIT;
    struct store_job job;
    int64_t id, model_id;
    float p[3];

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, &model_id);
    house_until(house_has_weights, &h, model_id);
    ck_assert_int_eq(predictor_get(h.predictor, model_id, &s, &err), 0);
    ck_assert(servable_training(s));
    ck_assert_uint_ge(servable_epoch(s), 1);
    ck_assert_uint_eq(encoder_n_classes(servable_encoder(s)), 3);
    house_cancel(&h, id);
    job = house_end(&h, id, JOB_CANCELLED);
    store_job_fini(&job);
    /* What was borrowed lives on, and a new question is answered by the store. */
    ck_assert_int_eq(servable_run(s, x, 1, p, &err), 0);
    ck_assert_float_eq_tol(p[0] + p[1] + p[2], 1, 1e-5f);
    servable_put(&s);
    ck_assert_int_eq(predictor_get(h.predictor, model_id, &s, &err), 0);
    ck_assert(!servable_training(s));
    ck_assert_uint_eq(servable_epoch(s), 0);
    servable_put(&s);
}
END_TEST

/* An epoch takes well under a millisecond; weights are copied twice a second at most. */
START_TEST(weights_are_copied_now_and_then)
{
    double start = clock_monotonic(), seconds;
    size_t copies = 0, last = 0, epoch;
    struct pool_progress progress;
    int64_t id, model_id;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, &model_id);
    house_until(house_has_weights, &h, model_id);
    do {
        struct servable *s = NULL;
        struct err err = ERR_INIT;

        ck_assert_int_eq(predictor_get(h.predictor, model_id, &s, &err), 0);
        epoch = servable_epoch(s);
        servable_put(&s);
        copies += epoch != last;
        last = epoch;
        seconds = clock_monotonic() - start;
        ck_assert(pool_progress_get(h.pool, id, &progress));
    } while (seconds < 60 && (copies < 2 || progress.epoch < 50));
    ck_assert_uint_ge(copies, 2); /* they do follow */
    ck_assert_uint_le(copies, (size_t)(seconds / 0.5) + 1);
}
END_TEST

/* ---- cancel ------------------------------------------------------------------ */

START_TEST(a_cancelled_job_keeps_its_best_weights)
{
    struct store_point last = {.epoch = 0};
    struct err err = ERR_INIT;
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;
    char *text;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, &model_id);
    house_until(house_is_running, &h, id);
    house_cancel(&h, id);
    job = house_end(&h, id, JOB_CANCELLED);
    text = house_text(job.result_json, "stopped_by");
    ck_assert_str_eq(text, "cancelled");
    free(text);
    ck_assert_ptr_null(job.error_code);
    ck_assert_int_eq(h.store->ops->curve_last(h.store, id, &last, &err), 0);
    ck_assert_double_eq((double)last.epoch, house_number(job.result_json, "epochs"));
    free(last.metrics_json);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    ck_assert_str_eq(model.state, "ready");
    ck_assert(isfinite(house_number(model.metrics_json, "test.accuracy")));
    store_model_fini(&model);
}
END_TEST

static int (*real_claim)(struct store *, const char *, struct store_job *, int64_t *,
                         struct err *);

/* The cancel comes when the claim is committed and the pool does not know of it yet. */
static int claim_then_cancel(struct store *store, const char *owner, struct store_job *out,
                             int64_t *wait_ms, struct err *err)
{
    int rc = real_claim(store, owner, out, wait_ms, err);

    if (rc == 0) {
        house_cancel(&h, out->id);
    }
    return rc;
}

START_TEST(a_cancel_between_claim_and_start_is_not_lost)
{
    struct store_job job;
    int64_t id, model_id;

    house_clouds(&h, "clouds", 300);
    real_claim = ops.job_claim_wait;
    ops.job_claim_wait = claim_then_cancel;
    h.store->ops = &ops;
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_ENDLESS, &model_id);
    job = house_end(&h, id, JOB_CANCELLED);
    store_job_fini(&job);
    ck_assert(!house_has_weights(&h, model_id));
}
END_TEST

START_TEST(cancelling_what_nobody_runs_does_nothing)
{
    struct pool_progress progress;
    size_t workers, busy;

    pool_start(h.pool);
    pool_cancel(h.pool, 12345);
    pool_cancel(h.pool, 0); /* idle slots are not job 0 */
    ck_assert(!pool_progress_get(h.pool, 0, &progress));
    pool_counts(h.pool, &workers, &busy);
    ck_assert_uint_eq(busy, 0);
}
END_TEST

/* ---- stop -------------------------------------------------------------------- */

START_TEST(stop_gives_jobs_back_and_another_boot_completes_them)
{
    struct store_job job;
    int64_t running, waiting, model_id;

    house_clouds(&h, "clouds", 300);
    h.workers = 1;
    house_stop(&h);
    house_again(&h);
    pool_start(h.pool);
    running = house_submit(&h, HOUSE_ENDLESS, &model_id);
    waiting = house_submit(&h, HOUSE_SHORT, NULL);
    house_until(house_is_running, &h, running);
    pool_stop(h.pool);
    job = house_job(&h, running);
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.attempt, 1);
    store_job_fini(&job);
    job = house_job(&h, waiting);
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.attempt, 0);
    store_job_fini(&job);
    ck_assert(!house_has_weights(&h, model_id)); /* neither live nor stored */
    pool_stop(h.pool); /* twice is fine */

    house_stop(&h);
    house_again(&h);
    pool_start(h.pool);
    house_until(house_is_running, &h, running);
    job = house_job(&h, running);
    ck_assert_int_eq(job.attempt, 2);
    store_job_fini(&job);
    house_cancel(&h, running);
    job = house_end(&h, running, JOB_CANCELLED);
    store_job_fini(&job);
    job = house_end(&h, waiting, JOB_SUCCEEDED);
    store_job_fini(&job);
}
END_TEST

START_TEST(an_interrupted_job_gives_the_same_bytes)
{
    static const char config[] =
        "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"
        " \"training\": {\"epochs\": 4000, \"seed\": 5, \"early_stopping\": null}}";
    struct store_model model, other;
    int64_t id, model_id, other_id;
    struct store_job job;

    house_clouds(&h, "clouds", 60);
    pool_start(h.pool);
    id = house_submit(&h, config, &model_id);
    house_until(house_is_running, &h, id);
    house_stop(&h);
    house_again(&h);
    pool_start(h.pool);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    id = house_submit(&h, config, &other_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_int_eq(job.attempt, 1);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    other = house_model(&h, other_id);
    ck_assert_str_eq(model.weights_sha256, other.weights_sha256);
    store_model_fini(&model);
    store_model_fini(&other);
}
END_TEST

START_TEST(a_pool_that_never_started_stops)
{
    pool_wake(h.pool);
    pool_stop(h.pool);
}
END_TEST

/* ---- a store that fails ------------------------------------------------------ */

static atomic_size_t claims;

static int failing_claim(struct store *store, const char *owner, struct store_job *out,
                         int64_t *wait_ms, struct err *err)
{
    if (atomic_fetch_add(&claims, 1) < 3) {
        return err_set(err, ERR_NO_SPACE, "the test says no");
    }
    return real_claim(store, owner, out, wait_ms, err);
}

START_TEST(a_failing_claim_is_tried_again_in_peace)
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
    ops.job_claim_wait = failing_claim;
    h.store->ops = &ops;
    atomic_store(&claims, 0);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_SHORT, NULL);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert_double_gt(clock_monotonic() - start, 0.1 + 0.2 + 0.4 - 0.05);
    ck_assert_uint_le(atomic_load(&claims), 6);
}
END_TEST

static int (*real_finish)(struct store *, int64_t, const char *, const struct store_outcome *,
                          struct err *);
static atomic_size_t finishes;

static int failing_finish(struct store *store, int64_t id, const char *owner,
                          const struct store_outcome *outcome, struct err *err)
{
    if (atomic_fetch_add(&finishes, 1) < 6) { /* longer than until it is said */
        return err_set(err, ERR_NO_SPACE, "the test says no");
    }
    return real_finish(store, id, owner, outcome, err);
}

/* Room for rows, but never for a model. */
static int small_finish(struct store *store, int64_t id, const char *owner,
                        const struct store_outcome *outcome, struct err *err)
{
    if (outcome->has_model) {
        return err_set(err, ERR_NO_SPACE, "the test says no");
    }
    return real_finish(store, id, owner, outcome, err);
}

START_TEST(the_end_of_a_job_waits_for_the_disk)
{
    struct store_job job;
    int64_t id, model_id;

    house_clouds(&h, "clouds", 60);
    real_finish = ops.job_finish;
    ops.job_finish = failing_finish;
    h.store->ops = &ops;
    atomic_store(&finishes, 0);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_SHORT, &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert_uint_eq(atomic_load(&finishes), 7);
    ck_assert(house_has_weights(&h, model_id));
}
END_TEST

static bool says_it_waits(struct house *house, int64_t id)
{
    struct store_event *events = NULL;
    struct err err = ERR_INIT;
    bool found = false;
    size_t n = 0, i;

    ck_assert_int_eq(house->store->ops->event_list(house->store, id, &events, &n, &err), 0);
    for (i = 0; i < n; i++) {
        found |= strcmp(events[i].kind, "waits_for_room") == 0;
    }
    store_events_free(&events, n);
    return found;
}

/* It is never thrown away unasked: the job waits, and says for what. */
/* The live ones answer until the worker has left, a moment after the end is committed. */
static bool has_no_weights(struct house *house, int64_t model_id)
{
    return !house_has_weights(house, model_id);
}

START_TEST(a_model_that_finds_no_room_waits_for_it)
{
    struct store_job job;
    enum job_state state;
    struct err err = ERR_INIT;
    int64_t id, model_id;

    house_clouds(&h, "clouds", 60);
    real_finish = ops.job_finish;
    ops.job_finish = small_finish;
    h.store->ops = &ops;
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_SHORT, &model_id);
    house_until(says_it_waits, &h, id);
    ck_assert_int_eq(h.store->ops->job_cancel(h.store, id, &state, &err), 0);
    ck_assert_int_eq(state, JOB_RUNNING);
    pool_cancel(h.pool, id);
    job = house_end(&h, id, JOB_CANCELLED);
    store_job_fini(&job);
    house_until(has_no_weights, &h, model_id);
}
END_TEST

/* ---- many -------------------------------------------------------------------- */

START_TEST(each_job_runs_once)
{
    int64_t ids[20];
    struct store_job job;
    size_t i;

    house_clouds(&h, "clouds", 60);
    h.workers = 4;
    house_stop(&h);
    house_again(&h);
    pool_start(h.pool);
    for (i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = house_submit(&h, HOUSE_SHORT, NULL);
    }
    for (i = 0; i < ARRAY_LEN(ids); i++) {
        job = house_end(&h, ids[i], JOB_SUCCEEDED);
        ck_assert_int_eq(job.attempt, 1);
        store_job_fini(&job);
    }
}
END_TEST

int main(void)
{
    TCase *run = tcase_create("run"), *cancelled = tcase_create("cancel");
    TCase *stop = tcase_create("stop"), *trouble = tcase_create("trouble");
    TCase *cases[] = {run, cancelled, stop, trouble};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(run, workers_must_be_at_least_one);
    tcase_add_test(run, two_workers_run_two_jobs_at_once);
    tcase_add_test(run, one_job_is_one_thread);
    tcase_add_test(run, a_model_answers_while_it_trains);
    tcase_add_test(run, each_job_runs_once);
    tcase_add_test(run, weights_are_copied_now_and_then);
    tcase_add_test(cancelled, a_cancelled_job_keeps_its_best_weights);
    tcase_add_test(cancelled, a_cancel_between_claim_and_start_is_not_lost);
    tcase_add_test(cancelled, cancelling_what_nobody_runs_does_nothing);
    tcase_add_test(stop, stop_gives_jobs_back_and_another_boot_completes_them);
    tcase_add_test(stop, an_interrupted_job_gives_the_same_bytes);
    tcase_add_test(stop, a_pool_that_never_started_stops);
    tcase_add_test(trouble, a_failing_claim_is_tried_again_in_peace);
    tcase_add_test(trouble, the_end_of_a_job_waits_for_the_disk);
    tcase_add_test(trouble, a_model_that_finds_no_room_waits_for_it);
    return house_run("pool", cases, ARRAY_LEN(cases));
}
