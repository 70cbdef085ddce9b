/* The second training of a job with refit: what it is trained on, what it is judged by, and what
 * is left when it is cancelled or cannot go on. That it survives stops and kills to the last bit
 * is among the jobs of check_runner_resume.c. */
#include "runner_drive.h"

static struct house h;

static void setup(void)
{
    house_open(&h, 1);
    h.checkpoint_seconds = 1e6; /* only when the test says so */
    house_clouds(&h, "clouds", 120);
    house_plane(&h, "plane", 120);
}

static void teardown(void)
{
    house_close(&h);
}

/* 84 training rows, 18 that validate: 6 batches an epoch, then 7. */
#define JOB(more)                                                                                  \
    "{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\"}, \"architecture\": {\"hidden\": "     \
    "[8]}, \"optimizer\": {\"learning_rate\": 0.02}, \"calibration\": \"temperature\","            \
    " \"training\": {\"epochs\": 12, \"batch_size\": 16, \"seed\": 7," more                        \
    " \"early_stopping\": {\"patience\": 4}}}"
#define REFIT " \"refit\": true,"

START_TEST(it_trains_on_all_and_is_judged_by_the_first)
{
    struct leavings plain = drive_whole(&h, JOB("")), refit = drive_whole(&h, JOB(REFIT));
    static const char *const same[] = {"loss", "accuracy", "log_loss"};
    size_t i;

    ck_assert_str_ne(plain.model.weights_sha256, refit.model.weights_sha256);
    same_curve(&plain, &refit);
    ck_assert_double_eq(house_number(refit.job.result_json, "refit.rows"), 84 + 18);
    ck_assert_double_eq(house_number(refit.job.result_json, "refit.epochs"),
                        house_number(refit.job.result_json, "best_epoch"));
    ck_assert_double_eq(house_number(refit.job.result_json, "rows.training"), 84);
    for (i = 0; i < ARRAY_LEN(same); i++) {
        char *path = xasprintf("validation.%s", same[i]);

        same_number(path, 0, house_number(plain.model.metrics_json, path),
                    house_number(refit.model.metrics_json, path));
        free(path);
    }
    same_text("evaluation", plain.evaluations[1], refit.evaluations[1]);
    same_number("temperature", 0, house_number(plain.model.info_json, "calibration.temperature"),
                house_number(refit.model.info_json, "calibration.temperature"));
    ck_assert_double_ne(house_number(plain.model.metrics_json, "test.log_loss"),
                        house_number(refit.model.metrics_json, "test.log_loss"));
    leavings_fini(&plain);
    leavings_fini(&refit);
}
END_TEST

/* _i 1: encoded when they are needed */
START_TEST(its_rows_are_sampled)
{
    char *config = xasprintf("{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\", \"filter\": "
                             "[{\"column\": \"x1\", \"op\": \">\", \"value\": -3}], "
                             "\"sampling\": \"oversample\"%s}, \"architecture\": {\"hidden\": "
                             "[8]}, \"training\": {\"epochs\": 4, \"batch_size\": 16, "
                             "\"seed\": 7, \"refit\": true}}",
                             _i == 0 ? "" : ", \"window\": 16");
    struct leavings l = drive_whole(&h, config);
    double most = house_number(l.job.result_json, "sampling.rows.before.a");
    double rows = house_number(l.job.result_json, "rows.training");

    ck_assert_double_lt(house_number(l.job.result_json, "sampling.rows.before.b"), 0.8 * most);
    ck_assert_double_ge(most, house_number(l.job.result_json, "sampling.rows.before.c"));
    ck_assert_double_eq(house_number(l.job.result_json, "sampling.rows.after.b"), most);
    ck_assert_double_eq(rows, 3 * most);
    /* Of the rows that validate as many of each class, too. */
    ck_assert_double_gt(house_number(l.job.result_json, "refit.rows"),
                        rows + house_number(l.job.result_json, "rows.validation"));
    ck_assert_int_eq((int)house_number(l.job.result_json, "refit.rows") % 3, 0);
    leavings_fini(&l);
    free(config);
}
END_TEST

START_TEST(without_early_stopping_it_runs_as_long_as_the_first)
{
    struct drive d = {.h = &h};
    struct leavings l;
    int64_t id = house_submit(&h,
                              "{\"data\": {\"dataset\": \"plane\", \"target\": \"y\","
                              " \"target_type\": \"numeric\"}, \"architecture\": {\"hidden\": [8]},"
                              " \"training\": {\"epochs\": 9, \"batch_size\": 16, \"seed\": 7,"
                              " \"refit\": true, \"early_stopping\": null}}",
                              NULL);

    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    l = drive_leavings(&h, id);
    ck_assert_double_eq(house_number(l.job.result_json, "refit.epochs"), 9);
    ck_assert_uint_eq(l.n, 9); /* the curve is the first one's */
    leavings_fini(&l);
}
END_TEST

/* The rate at the end is the one that the first training had after as many epochs. */
START_TEST(the_schedule_stays)
{
    struct drive d = {.h = &h};
    struct leavings l;
    size_t best;
    int64_t id = house_submit(&h,
                              "{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"
                              " \"architecture\": {\"hidden\": [64]}, \"schedule\": \"cosine\","
                              " \"optimizer\": {\"learning_rate\": 0.1},"
                              " \"training\": {\"epochs\": 60, \"batch_size\": 16, \"seed\": 7,"
                              " \"refit\": true, \"early_stopping\": {\"patience\": 5}}}",
                              NULL);

    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    l = drive_leavings(&h, id);
    best = (size_t)house_number(l.job.result_json, "best_epoch");
    ck_assert_uint_lt(best, 50); /* or it says nothing */
    ck_assert_double_eq(house_number(l.job.result_json, "refit.epochs"), (double)best);
    ck_assert_double_gt(d.progress.learning_rate, 0.9 * l.curve[best - 1].learning_rate);
    leavings_fini(&l);
}
END_TEST

START_TEST(cancelled_it_leaves_the_first)
{
    struct leavings plain = drive_whole(&h, JOB("")), left;
    struct drive d = {.h = &h};
    int64_t id = house_submit(&h, JOB(REFIT), NULL);

    d.cancel_at = 6 * (size_t)house_number(plain.job.result_json, "epochs") + 10;
    ck_assert_int_eq(drive_attempt(&d), JOB_CANCELLED);
    left = drive_leavings(&h, id);
    ck_assert_str_eq(plain.model.weights_sha256, left.model.weights_sha256);
    same_text("metrics", plain.model.metrics_json, left.model.metrics_json);
    ck_assert_ptr_nonnull(strstr(left.job.result_json, "\"refit\":null"));
    ck_assert_uint_eq(left.state_bytes, 0);
    leavings_fini(&plain);
    leavings_fini(&left);
}
END_TEST

static void spoil_checkpoint(int64_t id, bool cut)
{
    struct store_job job = {.id = 0};
    struct checkpoint c = {.state = NULL};
    struct err err = ERR_INIT;

    ck_assert_int_eq(h.store->ops->job_claim(h.store, h.owner, &job, &err), 0);
    ck_assert_int_eq(checkpoint_read(h.checkpoints, &job, h.owner, &c, &err), 0);
    ck_assert_ptr_nonnull(strstr(c.notes, "\"first\""));
    ((unsigned char *)c.state)[0] ^= 1;
    c.state_bytes = cut ? 8 : c.state_bytes;
    ck_assert_int_eq(checkpoint_write(h.checkpoints, &job, h.owner, &c, &err), 0);
    checkpoint_fini(&c);
    ck_assert_int_eq(h.store->ops->job_release(h.store, id, h.owner, &err), 0);
    store_job_fini(&job);
}

/* _i 0: another build's state; 1: one that is too short for the first one's weights */
START_TEST(what_cannot_go_on_begins_all_anew)
{
    struct leavings whole = drive_whole(&h, JOB(REFIT));
    struct drive d = {.h = &h};
    size_t first = 6 * (size_t)house_number(whole.job.result_json, "epochs");
    int64_t id = drive_stopped(&d, JOB(REFIT), first + 10);

    spoil_checkpoint(id, _i == 1);
    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    ck_assert_uint_eq(drive_events(&h, id, "resumed"), 0);
    drive_compare(&h, id, &whole);
    leavings_fini(&whole);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("refit");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, it_trains_on_all_and_is_judged_by_the_first);
    tcase_add_loop_test(tc, its_rows_are_sampled, 0, 2);
    tcase_add_test(tc, without_early_stopping_it_runs_as_long_as_the_first);
    tcase_add_test(tc, the_schedule_stays);
    tcase_add_test(tc, cancelled_it_leaves_the_first);
    tcase_add_loop_test(tc, what_cannot_go_on_begins_all_anew, 0, 2);
    return house_run("runner refit", &tc, 1);
}
