/* A job's curve on its way to the store: which points are kept, and that none is lost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/runner_priv.h"
#include "jobs_house.h"

static struct house h;
static int64_t job_id;

/* A running job without a worker. */
static void setup(void)
{
    struct store_job_new new_job = {.kind = "train", .config_json = "{}", .resolved_json = "{}",
                                    .warnings_json = "[]", .max_queued = 10};
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    int64_t model_id;

    house_open(&h, 1);
    ck_assert_int_eq(h.store->ops->job_submit(h.store, &new_job, &job_id, &model_id, &err), 0);
    ck_assert_int_eq(h.store->ops->job_claim(h.store, h.owner, &job, &err), 0);
    store_job_fini(&job);
}

static void teardown(void)
{
    house_close(&h);
}

static struct runner_point point_of(size_t epoch, bool improved)
{
    return (struct runner_point){
        .epoch = epoch,
        .samples = 10,
        .training_loss = 1.0 / (double)epoch,
        .validation_loss = NAN,
        .validation_accuracy = NAN,
        .validation_rmse = NAN,
        .learning_rate = 0.1,
        .improved = improved,
    };
}

static struct store_ops ops; /* the real ones, some replaced */
static int (*real_append)(struct store *, int64_t, const char *, const struct store_point *, size_t,
                          struct err *);

static void replace_append(int (*append)(struct store *, int64_t, const char *,
                                         const struct store_point *, size_t, struct err *))
{
    ops = *h.store->ops;
    real_append = ops.curve_append;
    ops.curve_append = append;
    h.store->ops = &ops;
}

/* A reader who asks for what is new must miss none, so points come in order, each once. */
static int64_t newest;
static bool in_order;

static int ordered_append(struct store *store, int64_t id, const char *owner,
                          const struct store_point *points, size_t n, struct err *err)
{
    size_t i;

    for (i = 0; i < n; i++) {
        in_order = in_order && points[i].epoch > newest;
        newest = points[i].epoch;
    }
    return real_append(store, id, owner, points, n, err);
}

static struct runner_curve *new_curve(void)
{
    const struct runner_curve_job job = {
        .store = h.store, .job_id = job_id, .owner = h.owner, .attempt = 1};

    return runner_curve_new(&job);
}

/* Train `epochs` epochs that get better up to `best`, then compare what is stored with what
 * must be. */
static void check_kept(size_t epochs, size_t best, const size_t *extra, size_t n_extra)
{
    bool *want = xcalloc(epochs + 1, sizeof *want);
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    struct runner_curve *curve;
    size_t epoch, n, i = 0;
    char norms[40];

    replace_append(ordered_append);
    newest = 0;
    in_order = true;
    curve = new_curve();
    for (epoch = 1; epoch <= epochs; epoch++) {
        struct runner_point point = point_of(epoch, epoch <= best && (epoch == best || epoch < 10));
        double gradient[2] = {(double)epoch, 0.5}; /* the trainer's: gone after the call */

        point.gradient_norms = gradient;
        point.n_norms = 2;
        runner_curve_add(curve, &point);
        gradient[0] = -1;
        want[epoch] = epoch <= 2000 || (epoch <= 4000 && epoch % 2 == 0) ||
                      (epoch <= 8000 && epoch % 4 == 0);
    }
    ck_assert_int_eq(runner_curve_close(&curve, &err), 0);
    ck_assert_ptr_null(curve);
    ck_assert(in_order);
    for (i = 0; i < n_extra; i++) {
        want[extra[i]] = true;
    }
    ck_assert_int_eq(h.store->ops->curve_read(h.store, job_id, 0, 0, &points, &n, &err), 0);
    for (epoch = 1, i = 0; epoch <= epochs; epoch++) {
        if (want[epoch]) {
            ck_assert_uint_lt(i, n);
            ck_assert_int_eq(points[i].epoch, (int64_t)epoch);
            ck_assert_double_eq(points[i].training_loss, 1.0 / (double)epoch);
            ck_assert(isnan(points[i].validation_loss));
            ck_assert_ptr_null(points[i].metrics_json);
            (void)snprintf(norms, sizeof norms, "[%zu,0.5]", epoch);
            ck_assert_str_eq(points[i].gradient_norms_json, norms);
            i++;
        }
    }
    ck_assert_uint_eq(i, n);
    store_points_free(&points, n);
    free(want);
}

START_TEST(all_of_a_short_one)
{
    check_kept(1, 1, NULL, 0);
}
END_TEST

START_TEST(all_up_to_two_thousand)
{
    check_kept(2000, 1500, NULL, 0);
}
END_TEST

START_TEST(one_more_is_the_last)
{
    const size_t extra[] = {2001};

    check_kept(2001, 9, extra, 1);
}
END_TEST

START_TEST(the_best_and_the_last_of_the_skipped)
{
    const size_t extra[] = {4003, 6001};

    check_kept(6001, 4003, extra, 2);
}
END_TEST

START_TEST(the_best_right_before_the_end)
{
    const size_t extra[] = {4098, 4099};

    check_kept(4099, 4098, extra, 2);
}
END_TEST

/* ---- a store that will not --------------------------------------------------- */

static size_t failures, calls;
static enum err_code failure;

/* Only the curve's thread calls it, and the test looks after that has ended. */
static int failing_append(struct store *store, int64_t id, const char *owner,
                          const struct store_point *points, size_t n, struct err *err)
{
    if (calls++ < failures) {
        return err_set(err, failure, "the test says no");
    }
    return real_append(store, id, owner, points, n, err);
}

static int run_with_failures(size_t n, enum err_code code, struct err *err)
{
    struct runner_curve *curve;
    size_t epoch;

    replace_append(failing_append);
    failures = n;
    failure = code;
    calls = 0;
    curve = new_curve();
    for (epoch = 1; epoch <= 300; epoch++) {
        struct runner_point point = point_of(epoch, true);

        runner_curve_add(curve, &point);
    }
    return runner_curve_close(&curve, err);
}

START_TEST(a_full_disk_is_waited_for)
{
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    size_t n;

    ck_assert_int_eq(run_with_failures(2, ERR_NO_SPACE, &err), 0);
    ck_assert_int_eq(h.store->ops->curve_read(h.store, job_id, 0, 0, &points, &n, &err), 0);
    ck_assert_uint_eq(n, 300);
    store_points_free(&points, n);
}
END_TEST

/* ---- all so far ---------------------------------------------------------------------- */

static size_t stored(void)
{
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    size_t n = 0;

    ck_assert_int_eq(h.store->ops->curve_read(h.store, job_id, 0, 0, &points, &n, &err), 0);
    store_points_free(&points, n);
    return n;
}

static void add(struct runner_curve *curve, size_t first, size_t last)
{
    for (; first <= last; first++) {
        struct runner_point point = point_of(first, false);

        runner_curve_add(curve, &point);
    }
}

START_TEST(a_flush_waits_for_all_that_is_kept)
{
    struct runner_curve *curve = new_curve();
    struct err err = ERR_INIT;

    ck_assert(runner_curve_flush(curve)); /* nothing is stored at once */
    add(curve, 1, 700); /* more than two loads */
    ck_assert(runner_curve_flush(curve));
    ck_assert_uint_eq(stored(), 700);
    add(curve, 701, 2001);
    ck_assert(runner_curve_flush(curve));
    ck_assert_uint_eq(stored(), 2000); /* the last is pending */
    ck_assert_uint_eq(runner_curve_last(curve)->epoch, 2001);
    ck_assert_int_eq(runner_curve_close(&curve, &err), 0);
    ck_assert_uint_eq(stored(), 2001);
}
END_TEST

START_TEST(what_is_left_has_nothing_pending)
{
    struct runner_curve *curve = new_curve();

    add(curve, 1, 2001);
    ck_assert(runner_curve_flush(curve));
    runner_curve_leave(&curve);
    ck_assert_ptr_null(curve);
    ck_assert_uint_eq(stored(), 2000);
}
END_TEST

/* A store that fails is not waited for by a flush, nor by one who leaves. */
START_TEST(a_flush_does_not_wait_for_the_disk)
{
    struct runner_curve *curve;
    double start = clock_monotonic();

    replace_append(failing_append);
    failures = SIZE_MAX;
    failure = ERR_NO_SPACE;
    calls = 0;
    curve = new_curve();
    add(curve, 1, 3);
    ck_assert(!runner_curve_flush(curve));
    ck_assert(!runner_curve_flush(curve));
    ck_assert(!runner_curve_failed(curve)); /* it may heal */
    runner_curve_leave(&curve);
    ck_assert_double_lt(clock_monotonic() - start, 10);
    ck_assert_uint_eq(stored(), 0);
}
END_TEST

START_TEST(a_flush_of_a_failed_curve_fails)
{
    struct runner_curve *curve;
    struct err err = ERR_INIT;

    replace_append(failing_append);
    failures = SIZE_MAX;
    failure = ERR_IO;
    calls = 0;
    curve = new_curve();
    add(curve, 1, 3);
    ck_assert(!runner_curve_flush(curve));
    ck_assert(runner_curve_failed(curve));
    add(curve, 4, 5);
    ck_assert(!runner_curve_flush(curve));
    ck_assert_int_eq(runner_curve_close(&curve, &err), -1);
    err_fini(&err);
}
END_TEST

/* More failures than there is patience for anything but a full disk. */
START_TEST(a_full_disk_is_waited_for_until_the_daemon_stops)
{
    atomic_bool stop = true;
    struct runner_curve_job of = {.store = h.store, .job_id = job_id, .owner = h.owner,
                                  .attempt = 1, .stop = &stop};
    struct runner_curve *curve;
    struct err err = ERR_INIT;

    replace_append(failing_append);
    failures = SIZE_MAX;
    failure = ERR_NO_SPACE;
    calls = 0;
    curve = runner_curve_new(&of);
    add(curve, 1, 3);
    ck_assert_int_eq(runner_curve_close(&curve, &err), -1);
    ck_assert_int_eq(err.code, ERR_NO_SPACE);
    err_fini(&err);
}
END_TEST

START_TEST(a_broken_disk_is_not)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(run_with_failures(SIZE_MAX, ERR_IO, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_uint_eq(calls, 1);
    err_fini(&err);
}
END_TEST

START_TEST(a_lost_job_takes_no_points)
{
    const struct runner_curve_job other = {
        .store = h.store, .job_id = job_id, .owner = "somebody else", .attempt = 1};
    struct runner_curve *curve = runner_curve_new(&other);
    struct runner_point point = point_of(1, true);
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    size_t n;

    runner_curve_add(curve, &point);
    ck_assert_int_eq(runner_curve_close(&curve, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    err_fini(&err);
    ck_assert_int_eq(h.store->ops->curve_read(h.store, job_id, 0, 0, &points, &n, &err), 0);
    ck_assert_uint_eq(n, 0);
    store_points_free(&points, n);
}
END_TEST

/* The curve in a few numbers: evenly spaced, the first and the last among them, and the same
 * whether it was written down in between or not. */
START_TEST(sparks_are_even)
{
    struct spark s = {.n = 0}, other = {.n = 0}, read = {.n = 9};
    double values[SPARK_MOST];
    size_t epoch, n, i;
    json_t *json;

    ck_assert_uint_eq(spark_values(&s, values), 0);
    for (epoch = 1; epoch <= 1000; epoch++) {
        spark_add(&s, (double)epoch);
        spark_add(&other, (double)epoch);
        n = spark_values(&s, values);
        ck_assert_uint_le(n, SPARK_MOST);
        ck_assert_uint_ge(n, epoch < 17 ? epoch : 17);
        ck_assert_double_eq(values[0], 1);
        ck_assert_double_eq(values[n - 1], (double)epoch);
        for (i = 1; i + 1 < n; i++) {
            ck_assert_double_eq(values[i] - values[i - 1], values[1] - values[0]);
        }
        json = spark_to_json(&other);
        ck_assert(spark_from_json(json, &read));
        json_decref(json);
        other = read;
        ck_assert_uint_eq(spark_values(&other, values), n);
        ck_assert_double_eq(values[n - 1], (double)epoch);
    }
    json = json_pack("{s:i, s:i, s:f, s:[f, f]}", "stride", 0, "epochs", 2, "last", 1.0, "values",
                     1.0, 1.0);
    ck_assert(!spark_from_json(json, &read)); /* no stride */
    json_decref(json);
    ck_assert(!spark_from_json(NULL, &read) || read.n == 0);
}
END_TEST

int main(void)
{
    TCase *kept = tcase_create("kept"), *trouble = tcase_create("trouble");
    TCase *sparks = tcase_create("sparks"), *cases[] = {kept, trouble, sparks};

    tcase_add_checked_fixture(kept, setup, teardown);
    tcase_add_checked_fixture(trouble, setup, teardown);
    tcase_add_test(kept, all_of_a_short_one);
    tcase_add_test(kept, all_up_to_two_thousand);
    tcase_add_test(kept, one_more_is_the_last);
    tcase_add_test(kept, the_best_and_the_last_of_the_skipped);
    tcase_add_test(kept, the_best_right_before_the_end);
    tcase_add_test(sparks, sparks_are_even);
    tcase_add_test(trouble, a_full_disk_is_waited_for);
    tcase_add_test(trouble, a_broken_disk_is_not);
    tcase_add_test(trouble, a_flush_waits_for_all_that_is_kept);
    tcase_add_test(trouble, what_is_left_has_nothing_pending);
    tcase_add_test(trouble, a_flush_does_not_wait_for_the_disk);
    tcase_add_test(trouble, a_flush_of_a_failed_curve_fails);
    tcase_add_test(trouble, a_full_disk_is_waited_for_until_the_daemon_stops);
    tcase_add_test(trouble, a_lost_job_takes_no_points);
    return house_run("curve", cases, ARRAY_LEN(cases));
}
