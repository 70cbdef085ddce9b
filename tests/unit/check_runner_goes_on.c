/* Pausing, stopping and cancelling between attempts; what cannot be gone on from; and all that a
 * resumed job must not do twice. */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>

#include "runner_drive.h"

static struct house h;
static struct store_ops ops; /* the real ones, some replaced */
static const struct store_ops *real;

static void setup(void)
{
    house_open(&h, 1);
    h.checkpoint_seconds = 1e6; /* only when the test says so */
    house_clouds(&h, "clouds", 120);
    real = h.store->ops;
    ops = *real;
}

static void teardown(void)
{
    house_close(&h);
}

/* ---- pausing, stopping, cancelling ------------------------------------------------------- */

START_TEST(a_paused_job_goes_on_with_the_same_bits)
{
    struct leavings whole = drive_whole(&h, DRIVE_JOB("8", ""));
    int64_t id = house_submit(&h, DRIVE_JOB("8", ""), NULL), epoch = 0;
    struct drive d = {.h = &h, .pause_at = 21};
    struct store_job none = {.id = 0};
    struct err err = ERR_INIT;
    enum job_state state;

    ops = *real;
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED); /* nobody had asked the store */
    d.pause_at = 9;
    d.look = NULL;
    ck_assert_int_eq(real->job_pause(h.store, id, &state, &err), 0);
    ck_assert_int_eq(state, JOB_PAUSED);
    ck_assert_int_eq(real->job_claim(h.store, h.owner, &none, &err), 1);
    ck_assert_int_eq(real->job_resume(h.store, id, &state, &err), 0);
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_int_gt(drive_generation(&h, id, &epoch), 1);
    ck_assert_int_eq(epoch, 4); /* 20 and 8 batches of 6 */
    ck_assert(!house_has_weights(&h, whole.model.id + 1));
    d.pause_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

START_TEST(without_a_batch_there_is_no_new_checkpoint)
{
    struct drive d = {.h = &h};
    int64_t id = drive_stopped(&d, DRIVE_JOB("8", ""), 10), first = drive_generation(&h, id, NULL);

    ck_assert_int_eq(first, 1);
    d.stop_at = 1;
    d.every = 1;
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_int_eq(drive_generation(&h, id, NULL), first);
    d.stop_at = 2;
    d.every = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_int_eq(drive_generation(&h, id, NULL), first + 1);
}
END_TEST

static bool answered;
static size_t answered_epoch;

static void ask_the_model(struct drive *d)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;
    struct store_job job;

    if (d->batch > 1) {
        return;
    }
    job = house_job(d->h, d->job_id);
    answered = predictor_get(d->h->predictor, job.model_id, &s, &err) == 0;
    answered_epoch = answered ? servable_epoch(s) : 0;
    servable_put(&s);
    err_fini(&err);
    store_job_fini(&job);
}

START_TEST(the_best_weights_answer_from_the_first_batch)
{
    struct drive d = {.h = &h};

    (void)drive_stopped(&d, DRIVE_JOB("30", ""), 125);
    d.look = ask_the_model;
    answered = false;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert(answered);
    ck_assert_uint_ge(answered_epoch, 1);
    ck_assert_uint_le(answered_epoch, 20);
    ck_assert_uint_ge(d.progress.epoch, 29);
}
END_TEST

static struct pool_progress first_progress;
static bool first_had_a_curve;

static void keep_first_progress(struct drive *d)
{
    struct store_point last = {.epoch = 0};
    struct err err = ERR_INIT;

    if (d->batch == 1) {
        first_progress = d->progress;
        first_had_a_curve = real->curve_last(h.store, d->job_id, &last, &err) == 0;
        free(last.metrics_json);
    }
}

START_TEST(what_is_shown_goes_on)
{
    struct drive d = {.h = &h};

    (void)drive_stopped(&d, DRIVE_JOB("30", ""), 124); /* 123 batches: 3 of epoch 21 */
    d.look = keep_first_progress;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(first_progress.epoch, 20);
    ck_assert(first_had_a_curve);
    ck_assert_uint_eq(first_progress.epochs, 30);
    ck_assert_uint_eq(first_progress.batch, 3);
    ck_assert_double_eq_tol(first_progress.fraction, 20.5 / 30, 1e-9);
    ck_assert_uint_ge(first_progress.best_epoch, 1);
    ck_assert(isfinite(first_progress.best_value) && isfinite(first_progress.training_loss));
    ck_assert(isfinite(first_progress.validation_loss) && first_progress.samples_per_second > 0);
    ck_assert_str_eq(first_progress.phase, "training");
}
END_TEST

static void cancel_now(struct drive *d)
{
    struct err err = ERR_INIT;
    enum job_state state;

    ck_assert_int_eq(real->job_cancel(h.store, d->job_id, &state, &err), 0);
    atomic_store(&d->cancel, true);
}

static struct drive *driven;

/* The cancel comes right after the claim. */
static int claim_then_cancel(struct store *store, const char *owner, struct store_job *out,
                             struct err *err)
{
    (void)store;
    ck_assert_int_eq(real->job_claim(h.store, owner, out, err), 0);
    driven->job_id = out->id;
    cancel_now(driven);
    return 0;
}

START_TEST(a_job_cancelled_while_it_is_prepared_keeps_its_weights)
{
    struct drive d = {.h = &h};
    int64_t id = drive_stopped(&d, DRIVE_JOB("30", ""), 100);
    struct store_job job;

    driven = &d;
    ops.job_claim = claim_then_cancel;
    h.store->ops = &ops;
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    job = house_job(&h, id);
    ck_assert_double_eq(house_number(job.result_json, "epochs"), 16);
    ck_assert(house_has_weights(&h, job.model_id));
    ck_assert_int_eq(drive_generation(&h, id, NULL), 0);
    store_job_fini(&job);
}
END_TEST

static int cancel_then_add(struct store *store, const char *owner,
                           const struct store_checkpoint *checkpoint, struct err *err)
{
    cancel_now(driven);
    return real->checkpoint_add(store, owner, checkpoint, err);
}

START_TEST(a_job_cancelled_while_it_pauses_keeps_its_weights)
{
    struct drive d = {.h = &h, .pause_at = 100};
    int64_t id = house_submit(&h, DRIVE_JOB("30", ""), NULL);
    struct store_job job;

    driven = &d;
    ops.checkpoint_add = cancel_then_add;
    h.store->ops = &ops;
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    job = house_job(&h, id);
    ck_assert(house_has_weights(&h, job.model_id));
    store_job_fini(&job);
}
END_TEST

static size_t files_of_checkpoints(void)
{
    char *path = xasprintf("%s/checkpoints", h.dir);
    struct dirent *entry;
    DIR *dir = opendir(path);
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    ck_assert_int_eq(closedir(dir), 0);
    free(path);
    return n;
}

/* Only the store has heard of the cancel when the job is given back. */
static void cancel_unheard(struct drive *d)
{
    struct err err = ERR_INIT;
    enum job_state state;

    if (d->batch == 90) {
        ck_assert_int_eq(real->job_cancel(h.store, d->job_id, &state, &err), 0);
    }
}

START_TEST(a_job_that_is_given_back_as_cancelled_leaves_no_files)
{
    struct drive d = {.h = &h, .every = 30, .pause_at = 100, .look = cancel_unheard};

    (void)house_submit(&h, DRIVE_JOB("30", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    ck_assert_uint_eq(files_of_checkpoints(), 0);
}
END_TEST

/* What the watchdog looks at. */
START_TEST(every_batch_is_a_sign_of_life)
{
    struct drive d = {.h = &h};

    (void)house_submit(&h, DRIVE_JOB("30", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(d.batch, 180);
    ck_assert_uint_ge(atomic_load(&d.pulse), 180 + 30);
}
END_TEST

/* ---- what cannot be gone on from --------------------------------------------------------- */

static void replace_checkpoint(int64_t id, const char *notes, bool state_too)
{
    struct store_job job = {.id = 0};
    struct checkpoint c = {.state = NULL};
    struct err err = ERR_INIT;

    ck_assert_int_eq(real->job_claim(h.store, h.owner, &job, &err), 0);
    ck_assert_int_eq(job.id, id);
    ck_assert_int_eq(checkpoint_read(h.checkpoints, &job, h.owner, &c, &err), 0);
    if (notes != NULL) {
        free(c.notes);
        c.notes = xstrdup(notes);
    }
    if (state_too) {
        ((unsigned char *)c.state)[0] ^= 1;
    }
    ck_assert_msg(checkpoint_write(h.checkpoints, &job, h.owner, &c, &err) == 0, "%s", err.detail);
    checkpoint_fini(&c);
    ck_assert_int_eq(real->job_release(h.store, id, h.owner, &err), 0);
    store_job_fini(&job);
}

/* _i 0: another build's state; 1: another version's notes */
START_TEST(a_job_without_a_usable_checkpoint_begins_anew)
{
    struct leavings whole = drive_whole(&h, DRIVE_JOB("30", ""));
    struct drive d = {.h = &h};
    int64_t id = drive_stopped(&d, DRIVE_JOB("30", ""), 100);

    replace_checkpoint(id, _i == 1 ? "{\"version\": 2}" : NULL, _i == 0);
    d.look = keep_first_progress;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(first_progress.epoch, 0);
    ck_assert(!first_had_a_curve);
    ck_assert_uint_eq(drive_events(&h, id, "checkpoint_unusable"), 1);
    ck_assert_uint_eq(drive_events(&h, id, "resumed"), 0);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

/* ---- once, and in all -------------------------------------------------------------------- */

START_TEST(the_event_says_where_it_goes_on)
{
    struct drive d = {.h = &h};
    int64_t id = drive_stopped(&d, DRIVE_JOB("30", ""), 100);
    struct store_event *events = NULL;
    struct err err = ERR_INIT;
    size_t n = 0, i, found = 0;

    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_int_eq(real->event_list(h.store, id, &events, &n, &err), 0);
    for (i = 0; i < n; i++) {
        found += strcmp(events[i].kind, "resumed") == 0 &&
                 strcmp(events[i].detail, "goes on from epoch 17 (checkpoint 1)") == 0;
    }
    ck_assert_uint_eq(found, 1);
    store_events_free(&events, n);
}
END_TEST

static void take_time(struct drive *d)
{
    (void)d;
    drive_sleep(0.002);
}

START_TEST(time_is_that_of_all_attempts)
{
    struct drive d = {.h = &h, .look = take_time};
    struct store_point last = {.epoch = 0};
    int64_t id = drive_stopped(&d, DRIVE_JOB("40", ""), 200);
    struct err err = ERR_INIT;
    struct store_job job;
    struct store_model model;

    d.look = NULL;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    job = house_job(&h, id);
    model = house_model(&h, job.model_id);
    ck_assert_double_ge(house_number(job.result_json, "seconds"), 0.4);
    ck_assert_double_ge(house_number(model.info_json, "seconds"), 0.4);
    ck_assert_int_eq(real->curve_last(h.store, id, &last, &err), 0);
    ck_assert_double_ge(last.elapsed_seconds, 0.4);
    ck_assert_double_le(last.elapsed_seconds, house_number(job.result_json, "seconds") + 5);
    free(last.metrics_json);
    store_model_fini(&model);
    store_job_fini(&job);
}
END_TEST

START_TEST(max_seconds_are_those_of_all_attempts)
{
    struct drive d = {.h = &h, .look = take_time};
    int64_t id = house_submit(&h, DRIVE_JOB("100000", ", \"max_seconds\": 0.5"), NULL);
    enum job_state state = JOB_QUEUED;
    struct store_job job;
    size_t attempts = 0;
    char *by;

    d.stop_at = 60; /* 0.12 s at least */
    while (state == JOB_QUEUED) {
        attempts++;
        state = drive_attempt(&d);
        ck_assert_uint_le(attempts, 6);
    }
    job = house_job(&h, id);
    by = house_text(job.result_json, "stopped_by");
    ck_assert_str_eq(by, "max_seconds");
    ck_assert_double_ge(house_number(job.result_json, "seconds"), 0.5);
    ck_assert_uint_ge(attempts, 2);
    free(by);
    store_job_fini(&job);
}
END_TEST

/* The attempt's own preparation finds them anew each time. */
START_TEST(warnings_do_not_double)
{
    const char *const columns[] = {"x", "same", "y"}, *const labels[] = {"a", "b"};
    static const char config[] =
        "{\"preset\": \"simple\", \"data\": {\"dataset\": \"odd\", \"target\": \"y\"},"
        " \"training\": {\"epochs\": 20, \"batch_size\": 16, \"seed\": 1}}";
    struct drive d = {.h = &h};
    struct leavings whole;
    double values[80][3];
    int64_t id;
    size_t i;

    for (i = 0; i < 80; i++) {
        values[i][0] = (double)(i % 7);
        values[i][1] = 5;
        values[i][2] = (double)(i % 2);
    }
    house_dataset(&h, "odd", 3, columns, 80, values[0], labels);
    whole = drive_whole(&h, config);
    ck_assert_ptr_nonnull(strstr(whole.job.warnings_json, "same"));
    id = drive_stopped(&d, config, 9);
    d.stop_at = 4;
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    d.stop_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

int main(void)
{
    TCase *on = tcase_create("on");
    TCase *cases[] = {on};

    tcase_add_checked_fixture(on, setup, teardown);
    tcase_add_loop_test(on, a_job_without_a_usable_checkpoint_begins_anew, 0, 2);
    tcase_add_test(on, a_paused_job_goes_on_with_the_same_bits);
    tcase_add_test(on, without_a_batch_there_is_no_new_checkpoint);
    tcase_add_test(on, the_best_weights_answer_from_the_first_batch);
    tcase_add_test(on, what_is_shown_goes_on);
    tcase_add_test(on, a_job_cancelled_while_it_is_prepared_keeps_its_weights);
    tcase_add_test(on, a_job_cancelled_while_it_pauses_keeps_its_weights);
    tcase_add_test(on, a_job_that_is_given_back_as_cancelled_leaves_no_files);
    tcase_add_test(on, every_batch_is_a_sign_of_life);
    tcase_add_test(on, the_event_says_where_it_goes_on);
    tcase_add_test(on, time_is_that_of_all_attempts);
    tcase_add_test(on, max_seconds_are_those_of_all_attempts);
    tcase_add_test(on, warnings_do_not_double);
    return house_run("runner goes on", cases, ARRAY_LEN(cases));
}
