/* Jobs that go wrong and how that reads; evaluations; what a restart keeps, what damage does.
 * With a real store and real training. */
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

/* ---- jobs that go wrong ------------------------------------------------------ */

START_TEST(divergence_hurts_only_itself)
{
    int64_t bad, good, bad_model;
    struct store_model model;
    struct store_job job;

    house_plane(&h, "plane", 200);
    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    bad = house_submit(&h, HOUSE_PLANE("\"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 1e30},"
                                 " \"training\": {\"epochs\": 50, \"seed\": 1}"),
                       &bad_model);
    good = house_submit(&h, HOUSE_CLOUDS, NULL);
    job = house_end(&h, bad, JOB_FAILED);
    ck_assert_str_eq(job.error_code, "diverged");
    ck_assert_ptr_nonnull(strstr(job.error_detail, "1e+30"));
    ck_assert_ptr_nonnull(strstr(job.error_detail, "epoch 1"));
    ck_assert_ptr_nonnull(strstr(job.result_json, "\"stopped_by\":\"diverged\""));
    ck_assert_ptr_nonnull(strstr(job.result_json, "\"best_epoch\":null"));
    store_job_fini(&job);
    model = house_model(&h, bad_model);
    ck_assert_str_eq(model.state, "failed");
    store_model_fini(&model);
    ck_assert(!house_has_weights(&h, bad_model));
    job = house_end(&h, good, JOB_SUCCEEDED);
    store_job_fini(&job);
}
END_TEST

START_TEST(divergence_keeps_the_best_finite_weights)
{
    const float x[] = {0.5f, -0.5f};
    struct store_model model;
    struct store_job job;
    int64_t id, model_id;
    float *p;

    house_plane(&h, "plane", 200);
    pool_start(h.pool);
    /* A line by gradient descent on all rows: each step multiplies the error, slowly. */
    id = house_submit(
        &h,
        "{\"preset\": \"simple\", \"data\": {\"dataset\": \"plane\", \"target\": \"y\","
        " \"target_type\": \"numeric\"}, \"architecture\": {\"hidden\": []},"
        " \"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 1.5},"
        " \"training\": {\"epochs\": 2000, \"batch_size\": 1000, \"seed\": 1,"
        " \"early_stopping\": null}}",
        &model_id);
    job = house_end(&h, id, JOB_FAILED);
    ck_assert_str_eq(job.error_code, "diverged");
    ck_assert_ptr_nonnull(strstr(job.error_detail, "are kept"));
    ck_assert_double_ge(house_number(job.result_json, "best_epoch"), 1);
    ck_assert_double_gt(house_number(job.result_json, "epochs"), 20);
    store_job_fini(&job);
    model = house_model(&h, model_id);
    ck_assert_str_eq(model.state, "ready");
    ck_assert(isfinite(house_number(model.metrics_json, "test.rmse")));
    store_model_fini(&model);
    p = house_predict(&h, model_id, x, 1);
    ck_assert(isfinite(p[0]));
    free(p);
}
END_TEST

START_TEST(a_missing_file_is_the_jobs_error)
{
    struct store_dataset ds = {.id = 0};
    struct err err = ERR_INIT;
    struct store_job job;
    char *path;
    int64_t id;

    house_clouds(&h, "clouds", 60);
    ck_assert_int_eq(h.store->ops->dataset_get(h.store, "clouds", &ds, &err), 0);
    id = house_submit(&h, HOUSE_CLOUDS, NULL);
    path = xasprintf("%s/%s", datasets_dir(h.datasets), ds.sha256);
    house_stop(&h); /* forgets what is open */
    ck_assert_int_eq(remove(path), 0);
    house_again(&h);
    pool_start(h.pool);
    job = house_end(&h, id, JOB_FAILED);
    ck_assert_str_eq(job.error_code, "not_found");
    store_job_fini(&job);
    store_dataset_fini(&ds);
    free(path);
}
END_TEST

START_TEST(an_unknown_kind_is_the_jobs_error)
{
    struct store_job_new new_job = {.kind = "sweep", .config_json = "{}", .resolved_json = "{}",
                                    .warnings_json = "[]", .max_queued = 10};
    struct err err = ERR_INIT;
    int64_t id, model_id;
    struct store_job job;

    ck_assert_int_eq(h.store->ops->job_submit(h.store, &new_job, &id, &model_id, &err), 0);
    pool_start(h.pool);
    job = house_end(&h, id, JOB_FAILED);
    ck_assert_str_eq(job.error_code, "invalid");
    ck_assert_ptr_nonnull(strstr(job.error_detail, "sweep"));
    store_job_fini(&job);
}
END_TEST

START_TEST(a_damaged_config_is_the_jobs_error)
{
    static const char *const texts[] = {
        "{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\"}}", /* by name, not content */
        "{\"data\": {}}", "[", "{}"};
    struct store_job_new new_job = {.config_json = "{}", .warnings_json = "[]", .max_queued = 10};
    struct err err = ERR_INIT;
    int64_t id, model_id;
    struct store_job job;
    size_t i;

    house_clouds(&h, "clouds", 60);
    pool_start(h.pool);
    for (i = 0; i < 2 * ARRAY_LEN(texts); i++) {
        new_job.kind = i % 2 == 0 ? "train" : "evaluate";
        new_job.resolved_json = texts[i / 2];
        new_job.model_id = 0;
        ck_assert_int_eq(h.store->ops->job_submit(h.store, &new_job, &id, &model_id, &err), 0);
        pool_wake(h.pool);
        job = house_end(&h, id, JOB_FAILED);
        ck_assert_ptr_nonnull(job.error_detail);
        ck_assert_int_gt(strlen(job.error_detail), 0);
        store_job_fini(&job);
    }
}
END_TEST

/* ---- evaluate ---------------------------------------------------------------- */

START_TEST(a_model_is_evaluated_on_a_dataset)
{
    struct store_job job;
    int64_t id, model_id;

    house_clouds(&h, "clouds", 300);
    house_clouds(&h, "more", 600);
    pool_start(h.pool);
    job = house_end(&h, house_submit(&h, HOUSE_CLOUDS, &model_id), JOB_SUCCEEDED);
    store_job_fini(&job);
    id = house_evaluate(&h, model_id, "more");
    job = house_end(&h, id, JOB_SUCCEEDED);
    ck_assert_int_eq(job.model_id, model_id);
    ck_assert_double_gt(house_number(job.result_json, "metrics.accuracy"), 0.95);
    ck_assert_double_eq(house_number(job.result_json, "evaluation.rows"), 600);
    ck_assert_double_gt(house_number(job.result_json, "evaluation.confusion_matrix.0.0"), 190);
    store_job_fini(&job);
}
END_TEST

/* ---- a restart, and damage --------------------------------------------------- */

START_TEST(a_stored_model_answers_the_same_after_a_restart)
{
    float x[2 * 100], *before, *after, *one;
    struct store_job job;
    int64_t model_id;
    size_t i;

    for (i = 0; i < ARRAY_LEN(x); i++) {
        x[i] = (float)i / 50 - 2;
    }
    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    job = house_end(&h, house_submit(&h, HOUSE_CLOUDS, &model_id), JOB_SUCCEEDED);
    store_job_fini(&job);
    before = house_predict(&h, model_id, x, 100);
    house_stop(&h);
    house_again(&h);
    after = house_predict(&h, model_id, x, 100);
    ck_assert_mem_eq(before, after, 300 * sizeof *before);
    one = house_predict(&h, model_id, x + 2 * 42, 1);
    ck_assert_mem_eq(one, before + 3 * 42, 3 * sizeof *one);
    free(one);
    free(after);
    free(before);
}
END_TEST

/* Turn one bit of the weights around, wherever the file has them. */
static void damage_weights(const char *path, const unsigned char *bytes, size_t len)
{
    FILE *f = fopen(path, "r+b");
    unsigned char *file;
    long size;
    void *at;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    file = xmalloc((size_t)size);
    rewind(f);
    ck_assert_uint_eq(fread(file, 1, (size_t)size, f), (size_t)size);
    at = memmem(file, (size_t)size, bytes, len);
    ck_assert_ptr_nonnull(at);
    while (at != NULL) { /* the state of the training may have them, too */
        *(unsigned char *)at ^= 1;
        at = memmem(file, (size_t)size, bytes, len);
    }
    rewind(f);
    ck_assert_uint_eq(fwrite(file, 1, (size_t)size, f), (size_t)size);
    ck_assert_int_eq(fclose(f), 0);
    free(file);
}

START_TEST(damaged_weights_are_named)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;
    struct store_job job;
    int64_t model_id;
    char *path, named[32];
    void *bytes;
    size_t len;

    house_clouds(&h, "clouds", 300);
    pool_start(h.pool);
    job = house_end(&h, house_submit(&h, HOUSE_CLOUDS, &model_id), JOB_SUCCEEDED);
    store_job_fini(&job);
    ck_assert_int_eq(h.store->ops->model_weights(h.store, model_id, &bytes, &len, &err), 0);
    house_stop(&h);
    path = xasprintf("%s/mlpd.db", h.dir);
    damage_weights(path, bytes, len);
    free(path);
    free(bytes);
    house_again(&h);
    ck_assert_int_eq(predictor_get(h.predictor, model_id, &s, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    (void)snprintf(named, sizeof named, "model %lld", (long long)model_id);
    ck_assert_msg(strstr(err.detail, named) != NULL, "%s", err.detail);
    err_fini(&err);
}
END_TEST

int main(void)
{
    TCase *failure = tcase_create("failure"), *stored = tcase_create("stored");
    TCase *cases[] = {failure, stored};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(failure, divergence_hurts_only_itself);
    tcase_add_test(failure, divergence_keeps_the_best_finite_weights);
    tcase_add_test(failure, a_missing_file_is_the_jobs_error);
    tcase_add_test(failure, an_unknown_kind_is_the_jobs_error);
    tcase_add_test(failure, a_damaged_config_is_the_jobs_error);
    tcase_add_test(stored, a_model_is_evaluated_on_a_dataset);
    tcase_add_test(stored, a_stored_model_answers_the_same_after_a_restart);
    tcase_add_test(stored, damaged_weights_are_named);
    return house_run("runner trouble", cases, ARRAY_LEN(cases));
}
