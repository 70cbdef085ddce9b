/* Jobs from their config text to the model they leave, with a real store and real training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs_house.h"

static struct house h;

static void setup(void)
{
    house_open(&h, 2);
}

static void teardown(void)
{
    house_close(&h);
}

/* ---- a job that succeeds ----------------------------------------------------- */

static void check_curve(int64_t job_id, size_t epochs, const char *metric)
{
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    size_t n, i;

    ck_assert_int_eq(h.store->ops->curve_read(h.store, job_id, 0, 0, &points, &n, &err), 0);
    ck_assert_uint_eq(n, epochs);
    for (i = 0; i < n; i++) {
        ck_assert_int_eq(points[i].epoch, (int64_t)i + 1);
        ck_assert(isfinite(points[i].training_loss));
        ck_assert(isfinite(points[i].validation_loss));
        ck_assert(isfinite(house_number(points[i].metrics_json, metric)));
        ck_assert_int_gt(points[i].samples, 0);
        ck_assert(points[i].seconds >= 0 && points[i].elapsed_seconds > 0);
        ck_assert(i == 0 || points[i].elapsed_seconds >= points[i - 1].elapsed_seconds);
        ck_assert(points[i].learning_rate > 0);
    }
    ck_assert_double_lt(points[n - 1].training_loss, points[0].training_loss);
    store_points_free(&points, n);
}

START_TEST(classes_are_learnt)
{
    static const char *const splits[] = {"training", "validation", "test"};
    const float x[] = {0, 1.2f, -1.2f, -0.8f, 1.2f, -0.8f}; /* near the clouds, encoded */
    struct err err = ERR_INIT;
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;
    char *text;
    float *p;
    size_t i;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_CLOUDS, &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    check_curve(id, 40, "accuracy");
    ck_assert_double_eq(house_number(job.result_json, "epochs"), 40);
    ck_assert_double_eq(house_number(job.result_json, "rows.training"), 210);
    ck_assert_double_eq(house_number(job.result_json, "rows.validation"), 45);
    ck_assert_double_eq(house_number(job.result_json, "rows.test"), 45);
    text = house_text(job.result_json, "stopped_by");
    ck_assert_str_eq(text, "epochs");
    free(text);
    store_job_fini(&job);

    model = house_model(&h, model_id);
    ck_assert_str_eq(model.state, "ready");
    ck_assert_int_eq(model.parameters, 2 * 8 + 8 + 8 * 3 + 3);
    for (i = 0; i < 3; i++) {
        char *path = xasprintf("%s.accuracy", splits[i]), *json = NULL;

        ck_assert_double_gt(house_number(model.metrics_json, path), 0.95);
        free(path);
        ck_assert_int_eq(
            h.store->ops->model_evaluation(h.store, model_id, splits[i], &json, &err), 0);
        ck_assert_double_eq(house_number(json, "rows"), i == 0 ? 210 : 45);
        ck_assert_double_gt(house_number(json, "confusion_matrix.1.1"), 10);
        free(json);
    }
    ck_assert_double_eq(house_number(model.info_json, "seed"), 7);
    text = house_text(model.info_json, "classes.2");
    ck_assert_str_eq(text, "c");
    free(text);
    text = house_text(model.info_json, "features.0.name");
    ck_assert_str_eq(text, "x1");
    free(text);
    text = house_text(model.info_json, "loss");
    ck_assert_str_eq(text, "cross_entropy");
    free(text);
    ck_assert(isfinite(house_number(model.info_json, "features.0.std")));
    store_model_fini(&model);

    p = house_predict(&h, model_id, x, 3);
    for (i = 0; i < 3; i++) {
        ck_assert_float_gt(p[4 * i], 0.5f); /* row i is of class i */
    }
    free(p);
}
END_TEST

START_TEST(numbers_are_learnt)
{
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;

    house_plane(&h, "plane", 400);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_PLANE("\"training\": {\"epochs\": 60, \"seed\": 1,"
                                " \"early_stopping\": null}"),
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    check_curve(id, 60, "rmse");
    store_job_fini(&job);
    model = house_model(&h, model_id);
    ck_assert_double_gt(house_number(model.metrics_json, "test.r2"), 0.97);
    ck_assert_double_lt(house_number(model.metrics_json, "test.rmse"), 0.4);
    /* One target: the loss is the square of what rmse is, in units of the target's std. */
    ck_assert_double_lt(house_number(model.metrics_json, "test.loss"),
                        house_number(model.metrics_json, "test.rmse"));
    store_model_fini(&model);
}
END_TEST

/* The rmse of the curve and of the metrics are the same number in the same units. */
START_TEST(curve_and_metrics_agree)
{
    struct store_point last = {.epoch = 0};
    struct err err = ERR_INIT;
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;

    house_plane(&h, "plane", 200);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_PLANE("\"training\": {\"epochs\": 5, \"seed\": 1,"
                                " \"early_stopping\": null}"),
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert_int_eq(h.store->ops->curve_last(h.store, id, &last, &err), 0);
    model = house_model(&h, model_id);
    ck_assert_double_eq_tol(house_number(last.metrics_json, "rmse"),
                            house_number(model.metrics_json, "validation.rmse"), 1e-5);
    ck_assert_double_eq_tol(last.validation_loss,
                            house_number(model.metrics_json, "validation.loss"), 1e-6);
    free(last.metrics_json);
    store_model_fini(&model);
}
END_TEST

START_TEST(xor_is_learnt)
{
    /* Standardised inputs are -1 and 1. */
    const float x[] = {-1, -1, -1, 1, 1, -1, 1, 1};
    const float y[] = {0, 1, 1, 0};
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;
    float *p;
    size_t i;

    pool_start(h.pool);
    id = house_submit(&h,
                      "{\"data\": {\"x\": [[0,0],[0,1],[1,0],[1,1]], \"y\": [0,1,1,0]},"
                      " \"architecture\": {\"hidden\": [8], \"activation\": \"tanh\"},"
                      " \"optimizer\": {\"learning_rate\": 0.05},"
                      " \"training\": {\"epochs\": 300, \"seed\": 3}}",
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    p = house_predict(&h, model_id, x, 4);
    for (i = 0; i < 4; i++) {
        ck_assert_float_eq_tol(p[i], y[i], 0.1f);
    }
    free(p);
    model = house_model(&h, model_id);
    ck_assert_double_eq(house_number(model.metrics_json, "training.accuracy"), 1);
    ck_assert(isnan(house_number(model.metrics_json, "validation.loss"))); /* no such part */
    ck_assert_double_eq(house_number(model.info_json, "rows.validation"), 0);
    store_model_fini(&model);
}
END_TEST

START_TEST(same_job_same_bytes)
{
    char first[HASH_HEX_LEN] = "";
    int i;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    for (i = 0; i < 3; i++) {
        int64_t model_id, id = house_submit(&h, HOUSE_CLOUDS, &model_id);
        struct store_job job = house_end(&h, id, JOB_SUCCEEDED);
        struct store_model model = house_model(&h, model_id);

        if (i == 0) {
            memcpy(first, model.weights_sha256, sizeof first);
        }
        ck_assert_str_eq(model.weights_sha256, first);
        if (i == 1) { /* and what "resolved" says is the same job again */
            int64_t again_model, again = house_submit(&h, job.resolved_json, &again_model);
            struct store_job end = house_end(&h, again, JOB_SUCCEEDED);
            struct store_model same = house_model(&h, again_model);

            ck_assert_str_eq(same.weights_sha256, first);
            store_job_fini(&end);
            store_model_fini(&same);
        }
        store_model_fini(&model);
        store_job_fini(&job);
    }
}
END_TEST

START_TEST(early_stopping_by_training_loss_keeps_the_validation_curve)
{
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    struct store_job job;
    size_t n, i;
    int64_t id;

    house_plane(&h, "plane", 200);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_PLANE("\"training\": {\"epochs\": 30, \"seed\": 1, \"early_stopping\":"
                                " {\"monitor\": \"training_loss\", \"patience\": 30}}"),
                      NULL);
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_int_eq(h.store->ops->curve_read(h.store, id, 0, 0, &points, &n, &err), 0);
    ck_assert_uint_eq(n, 30);
    for (i = 0; i < n; i++) {
        ck_assert(isfinite(points[i].validation_loss));
    }
    i = (size_t)house_number(job.result_json, "best_epoch");
    ck_assert_double_eq(house_number(job.result_json, "best_loss"), points[i - 1].training_loss);
    store_points_free(&points, n);
    store_job_fini(&job);
}
END_TEST

START_TEST(other_datasets_validate_and_test)
{
    struct store_job job;
    int64_t id, model_id;
    struct store_model model;

    house_clouds(&h, "clouds", 90);
    house_clouds(&h, "more", 33);
    house_clouds(&h, "most", 60);
    pool_start(h.pool);
    id = house_submit(&h,
                      "{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\", \"split\":"
                      " {\"validation_dataset\": \"more\", \"test_dataset\": \"most\"}},"
                      " \"training\": {\"epochs\": 5, \"seed\": 1}}",
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_double_eq(house_number(job.result_json, "rows.training"), 90);
    ck_assert_double_eq(house_number(job.result_json, "rows.validation"), 33);
    ck_assert_double_eq(house_number(job.result_json, "rows.test"), 60);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    ck_assert(isfinite(house_number(model.metrics_json, "test.accuracy")));
    store_model_fini(&model);
}
END_TEST

START_TEST(several_labels_a_row)
{
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;

    pool_start(h.pool);
    id = house_submit(&h,
                      "{\"data\": {\"x\": [[0,0],[0,1],[1,0],[1,1]],"
                      " \"y\": [[0,0],[0,1],[0,1],[1,1]]}, \"loss\": \"cross_entropy\","
                      " \"architecture\": {\"hidden\": [8]},"
                      " \"optimizer\": {\"learning_rate\": 0.05},"
                      " \"training\": {\"epochs\": 200, \"seed\": 1}}",
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    ck_assert_double_eq(house_number(model.metrics_json, "training.accuracy"), 1);
    ck_assert_double_lt(house_number(model.metrics_json, "training.log_loss"), 0.1);
    store_model_fini(&model);
}
END_TEST

/* y is whether x > 0 in the training rows, by a coin in the validation rows, and the other way
 * round in the test rows; where x lies there is nobody's business but theirs. */
START_TEST(each_part_is_measured_by_itself)
{
    static const char *const columns[] = {"x", "y", "part"};
    static const char *const parts[] = {"train", "validation", "test"};
    double values[120][3];
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;
    size_t i;

    for (i = 0; i < 120; i++) {
        size_t part = i % 3, sign = i % 2, coin = i / 6 % 2;

        values[i][0] = (sign ? 1.0 : -1.0) * (part == 2 ? 50 : part == 1 ? 9 : 1);
        values[i][1] = (double)(part == 0 ? sign : part == 1 ? sign ^ coin : !sign);
        values[i][2] = (double)part;
    }
    values[0][0] = -2; /* a mean of its own */
    house_dataset(&h, "parts", 3, columns, 120, values[0], parts);
    pool_start(h.pool);
    id = house_submit(&h,
                      "{\"data\": {\"dataset\": \"parts\", \"target\": \"y\", \"split\":"
                      " {\"column\": \"part\"}}, \"architecture\": {\"hidden\": []},"
                      " \"optimizer\": {\"learning_rate\": 0.1},"
                      " \"training\": {\"epochs\": 50, \"seed\": 1, \"early_stopping\": null}}",
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    ck_assert_double_eq(house_number(model.metrics_json, "training.accuracy"), 1);
    ck_assert_double_eq(house_number(model.metrics_json, "validation.accuracy"), 0.5);
    ck_assert_double_eq(house_number(model.metrics_json, "test.accuracy"), 0);
    /* The encoder has seen the training rows alone, and the split column is no feature. */
    ck_assert_double_eq_tol(house_number(model.info_json, "features.0.mean"), -1.0 / 40, 1e-12);
    ck_assert_double_eq(house_number(model.info_json, "features.0.max"), 1);
    ck_assert_ptr_null(house_text(model.info_json, "features.1.name"));
    store_model_fini(&model);
}
END_TEST

START_TEST(the_best_epoch_is_what_is_kept)
{
    struct store_point *points = NULL;
    struct err err = ERR_INIT;
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;
    size_t n, best;

    house_plane(&h, "plane", 60);
    pool_start(h.pool);
    id = house_submit(&h, HOUSE_PLANE("\"optimizer\": {\"learning_rate\": 0.1},"
                                " \"training\": {\"epochs\": 400, \"batch_size\": 4, \"seed\": 1,"
                                " \"early_stopping\": {\"patience\": 5}}"),
                      &model_id);
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_ptr_nonnull(strstr(job.result_json, "\"stopped_by\":\"patience\""));
    best = (size_t)house_number(job.result_json, "best_epoch");
    ck_assert_int_eq(h.store->ops->curve_read(h.store, id, 0, 0, &points, &n, &err), 0);
    ck_assert_uint_eq(n, best + 5);
    model = house_model(&h, model_id);
    ck_assert_double_eq_tol(house_number(model.metrics_json, "validation.loss"),
                            points[best - 1].validation_loss, 1e-6);
    ck_assert_double_gt(fabs(points[n - 1].validation_loss - points[best - 1].validation_loss),
                        1e-5); /* the last one is another */
    store_points_free(&points, n);
    store_model_fini(&model);
    store_job_fini(&job);
}
END_TEST

START_TEST(warnings_of_the_work_join_those_of_the_submission)
{
    const char *const columns[] = {"x1", "same", "y"};
    double values[60][3];
    struct store_job job;
    char *text;
    size_t i;

    for (i = 0; i < 60; i++) {
        values[i][0] = (double)i;
        values[i][1] = 5;
        values[i][2] = (double)i * 0.5;
    }
    house_dataset(&h, "plain", 3, columns, 60, values[0], NULL);
    pool_start(h.pool);
    i = (size_t)house_submit(&h,
                             "{\"data\": {\"dataset\": \"plain\", \"target\": \"y\"},"
                             " \"training\": {\"epochs\": 2}}",
                             NULL);
    job = house_end(&h, (int64_t)i, JOB_SUCCEEDED);
    text = house_text(job.warnings_json, "0");
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(strstr(job.warnings_json, "same"));
    free(text);
    store_job_fini(&job);
}
END_TEST

/* The split is tried at the submission and made again by the job: one warning, not two. */
START_TEST(a_warning_is_said_once)
{
    const char *const columns[] = {"x", "y"}, *const labels[] = {"a", "b", "rare"};
    double values[61][2];
    struct store_job job;
    json_t *warnings;
    size_t i, same = 0;
    int64_t id;

    for (i = 0; i < 61; i++) {
        values[i][0] = (double)(i % 7);
        values[i][1] = i == 60 ? 2 : (double)(i % 2);
    }
    house_dataset(&h, "rare", 2, columns, 61, values[0], labels);
    pool_start(h.pool);
    id = house_submit(&h,
                      "{\"data\": {\"dataset\": \"rare\", \"target\": \"y\"},"
                      " \"training\": {\"epochs\": 2}}",
                      NULL);
    job = house_end(&h, id, JOB_SUCCEEDED);
    warnings = json_loads(job.warnings_json, 0, NULL);
    for (i = 0; i < json_array_size(warnings); i++) {
        same += strstr(json_string_value(json_array_get(warnings, i)), "rare") != NULL;
    }
    ck_assert_msg(same == 1, "%s", job.warnings_json);
    json_decref(warnings);
    store_job_fini(&job);
}
END_TEST

int main(void)
{
    TCase *success = tcase_create("success");
    TCase *cases[] = {success};

    tcase_add_checked_fixture(success, setup, teardown);
    tcase_add_test(success, classes_are_learnt);
    tcase_add_test(success, numbers_are_learnt);
    tcase_add_test(success, curve_and_metrics_agree);
    tcase_add_test(success, xor_is_learnt);
    tcase_add_test(success, same_job_same_bytes);
    tcase_add_test(success, early_stopping_by_training_loss_keeps_the_validation_curve);
    tcase_add_test(success, other_datasets_validate_and_test);
    tcase_add_test(success, several_labels_a_row);
    tcase_add_test(success, each_part_is_measured_by_itself);
    tcase_add_test(success, the_best_epoch_is_what_is_kept);
    tcase_add_test(success, warnings_of_the_work_join_those_of_the_submission);
    tcase_add_test(success, a_warning_is_said_once);
    return house_run("runner", cases, ARRAY_LEN(cases));
}
