/* A checkpoint's notes; when checkpoints are made and what they cost; what happens when they cannot
 * be; what the store is told of an attempt without one. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "jobs/runner_priv.h"
#include "runner_drive.h"

static struct house h;
static struct store_ops ops; /* the real ones, some replaced */
static const struct store_ops *real;

static double slow_batch; /* seconds that each takes */
static int64_t seen_generation, seen_epoch;
static int64_t enough; /* checkpoints until the job is cancelled */
static double first_at, started_at;
static size_t first_batch;        /* before which the first was seen */
static atomic_size_t notes_of[2]; /* enum store_note */

static void setup(void)
{
    slow_batch = 0;
    seen_generation = enough = 0;
    atomic_store(&notes_of[NOTE_BATCH], 0);
    atomic_store(&notes_of[NOTE_LASTED], 0);
    house_open(&h, 1);
    h.checkpoint_seconds = 1e6; /* only when the test says so */
    house_clouds(&h, "clouds", 120);
    real = h.store->ops;
    ops = *real;
}

static void teardown(void)
{
    file_hook = NULL;
    house_close(&h);
}

/* ---- notes ------------------------------------------------------------------------------- */

START_TEST(notes_read_back_equal)
{
    const double norms[] = {0.1, NAN, 1.0 / 3};
    struct runner_notes in = {
        .elapsed_seconds = 1.0 / 7,
        .seconds = 3,
        .steps = SIZE_MAX >> 12,
        .batches = 5,
        .epoch_seconds = NAN,
        .epoch_so_far = 1e-9,
        .progress = POOL_PROGRESS_INIT,
        .best = {.epoch = 2001,
                 .samples = 84,
                 .training_loss = 5e-324,
                 .validation_loss = -0.0,
                 .validation_accuracy = NAN,
                 .validation_rmse = INFINITY,
                 .learning_rate = 0.1,
                 .seconds = 1e300,
                 .elapsed_seconds = 2,
                 .monitored = 0.1 + 0.2,
                 .gradient_norms = norms,
                 .n_norms = 3},
    };
    struct runner_notes out = {.steps = 0};
    struct err err = ERR_INIT;
    char *text, *again;

    in.progress.epoch = 12;
    in.progress.best_value = 1.0 / 3;
    text = runner_notes_write(&in);
    ck_assert_msg(runner_notes_read(text, &out, &err) == 0, "%s", err.detail);
    again = runner_notes_write(&out);
    ck_assert_str_eq(text, again);
    ck_assert_double_eq(out.elapsed_seconds, in.elapsed_seconds);
    ck_assert_uint_eq(out.steps, in.steps);
    ck_assert_uint_eq(out.progress.epoch, 12);
    ck_assert(memcmp(&out.best.training_loss, &in.best.training_loss, sizeof(double)) == 0);
    ck_assert(memcmp(&out.best.validation_loss, &in.best.validation_loss, sizeof(double)) == 0);
    ck_assert_double_eq(out.best.monitored, in.best.monitored);
    ck_assert_uint_eq(out.best.n_norms, 3);
    ck_assert_double_eq(out.best.gradient_norms[2], norms[2]);
    ck_assert(isnan(out.best.gradient_norms[1]) && isnan(out.best.validation_rmse));
    ck_assert_uint_eq(out.last.epoch, 0);
    ck_assert_ptr_null(out.last.gradient_norms);
    runner_notes_fini(&out);
    free(again);
    free(text);
}
END_TEST

START_TEST(foreign_notes_are_refused)
{
    struct runner_notes some = {.progress = POOL_PROGRESS_INIT, .last = {.epoch = 3}}, out;
    char *text = runner_notes_write(&some), *at;
    struct err err = ERR_INIT;
    static const char *const members[] = {"\"version\":1",    "\"steps\":0", "\"seconds\":0",
                                          "\"best_epoch\":0", "\"epoch\":3", "\"samples\":0"};
    size_t i;

    ck_assert_int_eq(runner_notes_read(text, &out, &err), 0);
    runner_notes_fini(&out);
    for (i = 0; i < ARRAY_LEN(members); i++) {
        at = strstr(text, members[i]);
        ck_assert_msg(at != NULL, "%s is not in %s", members[i], text);
        at[1] ^= 1; /* another name */
        ck_assert_int_eq(runner_notes_read(text, &out, &err), -1);
        at[1] ^= 1;
        err_fini(&err);
    }
    at = strstr(text, "\"version\":1");
    at[strlen("\"version\":")] = '2';
    ck_assert_int_eq(runner_notes_read(text, &out, &err), -1);
    err_fini(&err);
    ck_assert_int_eq(runner_notes_read("{}", &out, &err), -1);
    ck_assert_int_eq(runner_notes_read("", &out, &err), -1);
    err_fini(&err);
    free(text);
}
END_TEST

/* ---- when -------------------------------------------------------------------------------- */

static void look_for_checkpoints(struct drive *d)
{
    int64_t generation = drive_generation(d->h, d->job_id, &seen_epoch);

    if (d->batch == 1) {
        started_at = clock_monotonic();
    }
    if (seen_generation == 0 && generation > 0) {
        first_at = clock_monotonic() - started_at;
        first_batch = d->batch;
    }
    seen_generation = generation;
    if (enough > 0 && generation >= enough) {
        atomic_store(&d->cancel, true);
    }
    drive_sleep(slow_batch);
}

START_TEST(the_first_is_made_after_a_second)
{
    struct drive d = {.h = &h, .look = look_for_checkpoints};

    slow_batch = 0.02;
    enough = 1;
    h.checkpoint_seconds = 1000;
    (void)house_submit(&h, DRIVE_JOB("2000", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    ck_assert_int_eq(seen_generation, 1);
    ck_assert_double_ge(first_at, 0.98);
    ck_assert_double_lt(first_at, 30);
}
END_TEST

START_TEST(then_every_so_often)
{
    struct drive d = {.h = &h, .look = look_for_checkpoints};
    double seconds;

    slow_batch = 0.01;
    enough = 4;
    h.checkpoint_seconds = 0.1;
    (void)house_submit(&h, DRIVE_JOB("2000", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    seconds = clock_monotonic() - started_at;
    ck_assert_double_ge(first_at, 0.08);
    ck_assert_double_le((double)seen_generation, seconds / 0.1 + 1);
}
END_TEST

/* Batches so long that the clock must be looked at before each: 21 of them in the one epoch. */
START_TEST(long_batches_do_not_hide_the_clock)
{
    struct drive d = {.h = &h, .look = look_for_checkpoints};

    slow_batch = 0.1;
    h.checkpoint_seconds = 0.25;
    (void)house_submit(&h,
                       "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"
                       " \"training\": {\"epochs\": 1, \"batch_size\": 4, \"seed\": 7}}",
                       NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_double_ge(first_at, 0.2);
    ck_assert_uint_le(first_batch, 8);
}
END_TEST

/* A disk that takes 20 ms for a sync: however short the interval, a twentieth of the time. */
static int slow_sync(const struct file_event *event)
{
    if (event->op == FILE_OP_SYNC) {
        drive_sleep(0.02);
    }
    return 0;
}

START_TEST(never_for_more_than_a_share_of_the_time)
{
    struct drive d = {.h = &h, .look = look_for_checkpoints};
    double seconds;

    slow_batch = 0.005;
    enough = 4;
    h.checkpoint_seconds = 0;
    file_hook = slow_sync;
    (void)house_submit(&h, DRIVE_JOB("2000", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    seconds = clock_monotonic() - started_at;
    ck_assert_double_ge(seconds, 3 * 20 * 0.02);
}
END_TEST

START_TEST(a_short_job_has_none)
{
    struct drive d = {.h = &h, .look = look_for_checkpoints};

    h.checkpoint_seconds = 10;
    (void)house_submit(&h, DRIVE_JOB("5", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_int_eq(seen_generation, 0);
}
END_TEST

/* ---- when they cannot be made ------------------------------------------------------------ */

static atomic_size_t failures;
static enum file_op fails;

static int failing_file(const struct file_event *event)
{
    if (event->op == fails && atomic_load(&failures) > 0) {
        atomic_fetch_sub(&failures, 1);
        return ENOSPC;
    }
    return 0;
}

START_TEST(a_full_disk_costs_a_checkpoint_and_nothing_else)
{
    static const enum file_op each[] = {FILE_OP_CREATE, FILE_OP_WRITE, FILE_OP_SYNC, FILE_OP_RENAME,
                                        FILE_OP_FOLDER_SYNC};
    struct leavings whole = drive_whole(&h, DRIVE_JOB("8", ""));
    struct drive d = {.h = &h, .every = 5};
    int64_t id = house_submit(&h, DRIVE_JOB("8", ""), NULL);

    fails = each[_i];
    atomic_store(&failures, 3);
    file_hook = failing_file;
    d.stop_at = 30;
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_uint_eq(atomic_load(&failures), 0);
    ck_assert_uint_eq(drive_events(&h, id, "checkpoint_failed"), 1);
    ck_assert_int_gt(drive_generation(&h, id, NULL), 0); /* later ones are there */
    d.stop_at = 0;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

START_TEST(after_a_failure_it_is_tried_again)
{
    struct drive d = {.h = &h, .look = look_for_checkpoints};

    slow_batch = 0.01;
    enough = 1;
    h.checkpoint_seconds = 0.05;
    fails = FILE_OP_SYNC;
    atomic_store(&failures, 1);
    file_hook = failing_file;
    (void)house_submit(&h, DRIVE_JOB("2000", ""), NULL);
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    ck_assert_uint_eq(atomic_load(&failures), 0);
    ck_assert_double_ge(first_at, 1); /* not at once */
}
END_TEST

START_TEST(a_disk_that_stays_full_costs_no_more)
{
    struct leavings whole = drive_whole(&h, DRIVE_JOB("8", ""));
    struct drive d = {.h = &h, .every = 5};
    int64_t id = house_submit(&h, DRIVE_JOB("8", ""), NULL);

    fails = FILE_OP_WRITE;
    atomic_store(&failures, SIZE_MAX);
    file_hook = failing_file;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(drive_events(&h, id, "checkpoint_failed"), 1);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

static atomic_size_t append_failures;

static int failing_append(struct store *store, int64_t id, const char *owner,
                          const struct store_point *points, size_t n, struct err *err)
{
    if (atomic_load(&append_failures) > 0) {
        atomic_fetch_sub(&append_failures, 1);
        return err_set(err, ERR_NO_SPACE, "the test says no");
    }
    return real->curve_append(store, id, owner, points, n, err);
}

static int64_t generation_without_points;

/* At batch 20 the store has no points of the three epochs, and so no checkpoint may be there. */
static void no_checkpoint_without_points(struct drive *d)
{
    if (d->batch == 20) {
        generation_without_points = drive_generation(d->h, d->job_id, NULL);
    }
}

START_TEST(no_checkpoint_is_ahead_of_its_curve)
{
    struct leavings whole = drive_whole(&h, DRIVE_JOB("8", ""));
    struct drive d = {.h = &h, .every = 7, .look = no_checkpoint_without_points};
    int64_t id = house_submit(&h, DRIVE_JOB("8", ""), NULL);

    ops.curve_append = failing_append;
    h.store->ops = &ops;
    atomic_store(&append_failures, 1);
    generation_without_points = -1;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED); /* it waits for the disk */
    ck_assert_int_eq(generation_without_points, 0);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

/* The disk is full for good, the training is over, the daemon stops: the job has not failed. */
static int never_append(struct store *store, int64_t id, const char *owner,
                        const struct store_point *points, size_t n, struct err *err)
{
    (void)store, (void)id, (void)owner, (void)points, (void)n;
    return err_set(err, ERR_NO_SPACE, "the test says no");
}

static void *stop_later(void *arg)
{
    struct drive *d = arg;

    drive_sleep(0.3);
    atomic_store(&d->stop, true);
    return NULL;
}

START_TEST(a_stop_on_a_full_disk_loses_nothing)
{
    struct leavings whole = drive_whole(&h, DRIVE_JOB("3", ""));
    int64_t id = house_submit(&h, DRIVE_JOB("3", ""), NULL);
    struct drive d = {.h = &h};
    pthread_t thread;

    ops.curve_append = never_append;
    h.store->ops = &ops;
    PTOK(pthread_create(&thread, NULL, stop_later, &d));
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    PTOK(pthread_join(thread, NULL));
    h.store->ops = real;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

/* ---- what the store is told of an attempt ------------------------------------------------ */

static int counted_note(struct store *store, int64_t id, const char *owner, enum store_note note,
                        struct err *err)
{
    atomic_fetch_add(&notes_of[note], 1);
    return real->job_note(store, id, owner, note, err);
}

static void take_time(struct drive *d)
{
    (void)d;
    drive_sleep(0.002);
}

START_TEST(a_first_batch_is_noted_from_the_second_attempt_on)
{
    struct drive d = {.h = &h};

    ops.job_note = counted_note;
    h.store->ops = &ops;
    (void)drive_stopped(&d, DRIVE_JOB("30", ""), 50);
    ck_assert_uint_eq(atomic_load(&notes_of[NOTE_BATCH]), 0);
    d.stop_at = 1; /* none is done */
    ck_assert_int_eq(drive_attempt(&d), JOB_QUEUED);
    ck_assert_uint_eq(atomic_load(&notes_of[NOTE_BATCH]), 0);
    d.stop_at = 0;
    d.look = take_time;
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(atomic_load(&notes_of[NOTE_BATCH]), 1);
    ck_assert_uint_eq(atomic_load(&notes_of[NOTE_LASTED]), 0);
}
END_TEST

/* _i 1: the attempt has a checkpoint in time. */
START_TEST(that_an_attempt_lasts_is_noted)
{
    struct runner_curve_job of = {.store = h.store, .owner = h.owner, .attempt = 1};
    struct store_job job = {.id = 0};
    struct runner_curve *curve;
    struct err err = ERR_INIT;
    double until;

    (void)house_submit(&h, DRIVE_JOB("3", ""), NULL);
    ck_assert_int_eq(real->job_claim(h.store, h.owner, &job, &err), 0);
    ops.job_note = counted_note;
    h.store->ops = &ops;
    of.job_id = job.id;
    of.started = clock_monotonic() - STORE_LASTING_SECONDS + 0.2;
    curve = runner_curve_new(&of);
    if (_i == 1) {
        runner_curve_saved(curve);
    }
    until = clock_monotonic() + (_i == 1 ? 0.5 : 20);
    while (clock_monotonic() < until && atomic_load(&notes_of[NOTE_LASTED]) == 0) {
        drive_sleep(0.005);
    }
    ck_assert_int_eq(runner_curve_close(&curve, &err), 0);
    ck_assert_uint_eq(atomic_load(&notes_of[NOTE_LASTED]), _i == 1 ? 0 : 1);
    ck_assert_uint_eq(atomic_load(&notes_of[NOTE_BATCH]), 0);
    store_job_fini(&job);
}
END_TEST

int main(void)
{
    TCase *notes = tcase_create("notes"), *when = tcase_create("when");
    TCase *trouble = tcase_create("trouble");
    TCase *cases[] = {notes, when, trouble};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(notes, notes_read_back_equal);
    tcase_add_test(notes, foreign_notes_are_refused);
    tcase_add_test(notes, a_first_batch_is_noted_from_the_second_attempt_on);
    tcase_add_loop_test(notes, that_an_attempt_lasts_is_noted, 0, 2);
    tcase_add_test(when, the_first_is_made_after_a_second);
    tcase_add_test(when, then_every_so_often);
    tcase_add_test(when, long_batches_do_not_hide_the_clock);
    tcase_add_test(when, never_for_more_than_a_share_of_the_time);
    tcase_add_test(when, a_short_job_has_none);
    tcase_add_loop_test(trouble, a_full_disk_costs_a_checkpoint_and_nothing_else, 0, 5);
    tcase_add_test(trouble, after_a_failure_it_is_tried_again);
    tcase_add_test(trouble, a_disk_that_stays_full_costs_no_more);
    tcase_add_test(trouble, no_checkpoint_is_ahead_of_its_curve);
    tcase_add_test(trouble, a_stop_on_a_full_disk_loses_nothing);
    return house_run("runner saves", cases, ARRAY_LEN(cases));
}
