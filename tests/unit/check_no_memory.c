/* Memory that runs out, at every allocation in turn: of a job's way from its text to its model.
 *
 * Each part of it is done with the n-th allocation failing, once or from then on, for n = 1, 2, ...
 * until a run meets no fault: it succeeds, or says that there is no memory; nothing leaks (the
 * sanitizer's word), nothing half done stays, and with memory again all works.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "data/csv.h"
#include "data/encoder.h"
#include "failing_memory.h"
#include "jobs/config.h"
#include "jobs/predictor.h"
#include "jobs_house.h"

static struct house h;

static void setup(void)
{
    house_open(&h, 1);
    log_set_level((enum log_level)(LOG_ERROR + 1));
    house_clouds(&h, "clouds", 120);
}

static void teardown(void)
{
    (void)failing_memory_end();
    house_close(&h);
}

#define CLOUDS                                                                                     \
    "{\"preset\": \"simple\", \"data\": {\"dataset\": \"clouds\", \"target\": \"y\"},"             \
    " \"architecture\": {\"hidden\": [{\"units\": 6, \"activation\": \"tanh\"}]},"                 \
    " \"training\": {\"epochs\": 3, \"batch_size\": 32, \"seed\": 7, \"early_stopping\": null}}"

/* ---- parts ------------------------------------------------------------------- */

/* Each does its work from nothing to nothing: 0, or -1 and why. */

static int open_clouds(struct dataset **ds, struct store_dataset *row, struct err *err)
{
    char *path;
    int rc;

    if (h.store->ops->dataset_get(h.store, "clouds", row, err) != 0) {
        return -1;
    }
    path = xasprintf("%s/%s", datasets_dir(h.datasets), row->sha256);
    rc = dataset_open(path, ds, err);
    free(path);
    return rc;
}

static int part_config(struct err *err)
{
    struct err warnings = ERR_INIT;
    struct store_dataset row = {.id = 0};
    struct job_spec spec = {.name = NULL};
    struct config *config = NULL;
    struct dataset *ds = NULL;
    int rc = -1;

    if (config_parse(CLOUDS, strlen(CLOUDS), &config, err) == 0 &&
        open_clouds(&ds, &row, err) == 0) {
        const struct config_sources sources = {.ds = ds, .sha256 = row.sha256};

        rc = config_resolve(config, &sources, &spec, &warnings, err);
        if (rc == 0) {
            char *text = config_print(&spec);

            ck_assert_ptr_nonnull(strstr(text, "\"tanh\""));
            free(text);
            job_spec_fini(&spec);
        }
    }
    config_free(&config);
    dataset_free(&ds);
    store_dataset_fini(&row);
    err_fini(&warnings);
    return rc;
}

static int part_upload(struct err *err)
{
    static const char csv[] = "a,b,y\n1,red,2\n2.5,blue,3\n,red,4\n7,green,5\n";
    struct csv_options options = CSV_OPTIONS_INIT;
    struct csv_reader *reader = NULL;
    struct dataset_summary summary;
    int rc = csv_reader_new(datasets_dir(h.datasets), &options, &reader, err);

    if (rc == 0) {
        rc = csv_reader_feed(reader, csv, sizeof csv - 1, err) == 0
                 ? csv_reader_finish(reader, &summary, err)
                 : -1;
    }
    csv_reader_free(&reader);
    if (rc == 0) {
        ck_assert_uint_eq(summary.rows, 4);
    }
    return rc;
}

static int encode(const struct dataset *ds, const struct encoder *e, struct err *err)
{
    static const uint64_t rows[] = {0, 5, 7, 100, 119};
    float x[ARRAY_LEN(rows) * 2];
    uint32_t labels[ARRAY_LEN(rows)];
    struct encoder *back = NULL;
    char *json = encoder_to_json(e);
    int rc = encoder_from_json(json, strlen(json), &back, err);

    if (rc == 0) {
        rc = encoder_encode_rows(back, ds, rows, ARRAY_LEN(rows), x, err) == 0
                 ? encoder_encode_labels(back, ds, rows, ARRAY_LEN(rows), labels, err)
                 : -1;
    }
    if (rc == 0) {
        ck_assert(isfinite(x[0]) && labels[1] < 3);
    }
    encoder_free(&back);
    free(json);
    return rc;
}

static int part_encoder(struct err *err)
{
    static const size_t features[] = {0, 1}, targets[] = {2};
    static uint64_t rows[120];
    const struct encoder_options options = {
        .features = features, .n_features = 2, .targets = targets, .n_targets = 1, .classes = true};
    struct store_dataset row = {.id = 0};
    struct dataset *ds = NULL;
    struct encoder *e = NULL;
    int rc;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i] = i;
    }
    rc = open_clouds(&ds, &row, err);
    if (rc == 0) {
        rc = encoder_fit(ds, &options, rows, ARRAY_LEN(rows), &e, NULL, err);
    }
    if (rc == 0) {
        rc = encode(ds, e, err);
    }
    encoder_free(&e);
    dataset_free(&ds);
    store_dataset_fini(&row);
    return rc;
}

static int64_t trained; /* a model that is ready */

static int part_predict(struct err *err)
{
    static const float x[] = {0.5f, -0.5f};
    struct predictor *p = predictor_new(h.store, 1 << 20);
    struct servable *s = NULL;
    float out[3];
    int rc = predictor_get(p, trained, &s, err);

    if (rc == 0) {
        rc = servable_run(s, x, 1, out, err);
        servable_put(&s);
    }
    if (rc == 0) {
        ck_assert_float_eq_tol(out[0] + out[1] + out[2], 1.0f, 1e-5f);
    }
    predictor_free(&p);
    return rc;
}

static int part_submit(struct err *err)
{
    static const struct submit_limits limits = {.memory_limit = 1u << 30, .max_queued = 100000};
    const struct submit_body body = {.text = CLOUDS, .len = strlen(CLOUDS)};
    struct submitted s = {.job_id = 0};
    int rc = submit_train(h.datasets, h.pool, &limits, &body, &s, err);

    if (rc == 0) {
        submitted_fini(&s);
    }
    return rc;
}

static int part_evaluate(struct err *err)
{
    static const struct submit_limits limits = {.memory_limit = 1u << 30, .max_queued = 100000};
    struct submitted s = {.job_id = 0};
    int rc = submit_evaluate(h.datasets, h.pool, &limits, trained, "clouds", NULL, &s, err);

    if (rc == 0) {
        submitted_fini(&s);
    }
    return rc;
}

static const struct {
    const char *name;
    int (*work)(struct err *err);
    bool needs_model;
} parts[] = {
    {"config", part_config, false},   {"upload", part_upload, false},
    {"encoder", part_encoder, false}, {"predict", part_predict, true},
    {"submit", part_submit, false},   {"evaluate", part_evaluate, true},
};

START_TEST(a_part_ends_in_an_error)
{
    struct err err = ERR_INIT;

    if (parts[_i].needs_model) {
        struct store_job job;

        pool_start(h.pool);
        job = house_end(&h, house_submit(&h, CLOUDS, &trained), JOB_SUCCEEDED);
        store_job_fini(&job);
        house_stop(&h);
        house_again(&h); /* with a pool that is not started */
    }
    for (int forever = 0; forever < 2; forever++) {
        long n = 1;

        for (bool met = true; met; n++) {
            int rc;

            failing_memory_set(n, forever);
            rc = parts[_i].work(&err);
            met = failing_memory_end();
            if (rc != 0) {
                ck_assert_msg(met && err.code == ERR_NO_MEMORY, "%s, allocation %ld: %s: %s",
                              parts[_i].name, n, err_code_name(err.code), err.detail);
            }
            err_fini(&err);
        }
        ck_assert_msg(n > 3, "%s allocates nothing?", parts[_i].name);
        ck_assert_msg(parts[_i].work(&err) == 0, "%s: %s", parts[_i].name, err.detail);
    }
}
END_TEST

static void *no_malloc(size_t bytes)
{
    (void)bytes;
    return NULL;
}

START_TEST(json_without_memory_is_not_called_wrong)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;
    json_malloc_t usual;
    json_free_t release;

    json_get_alloc_funcs(&usual, &release);
    json_set_alloc_funcs(no_malloc, release);
    ck_assert_int_eq(config_parse(CLOUDS, strlen(CLOUDS), &config, &err), -1);
    json_set_alloc_funcs(usual, release);
    ck_assert_str_eq(err_code_name(err.code), "no_memory");
    err_fini(&err);
}
END_TEST

/* ---- a whole job ------------------------------------------------------------- */

/* Neither a job nor its model is between states, whatever became of it. */
static bool ended_well(int64_t id, int64_t model_id)
{
    struct store_job job = house_job(&h, id);
    struct store_model model = house_model(&h, model_id);
    bool succeeded = job.state == JOB_SUCCEEDED;

    ck_assert(succeeded || job.state == JOB_FAILED);
    if (succeeded) {
        ck_assert_str_eq(model.state, "ready");
    } else {
        ck_assert_msg(strcmp(job.error_code, "no_memory") == 0, "%s: %s", job.error_code,
                      job.error_detail);
        ck_assert_str_ne(model.state, "pending");
    }
    store_job_fini(&job);
    store_model_fini(&model);
    return succeeded;
}

static bool has_ended(struct house *house, int64_t id)
{
    struct store_job job = house_job(house, id);
    bool is = job.finished_at > 0;

    store_job_fini(&job);
    return is;
}

START_TEST(a_job_ends_in_an_error)
{
    bool met = true;
    long n = 1, failed = 0;

    house_stop(&h);
    h.checkpoint_seconds = 1e-9; /* at every batch */
    house_again(&h);
    failing_memory_spare(); /* the worker runs out, we look on */
    pool_start(h.pool);
    for (; met || (n < 100 && failed <= 30); n++) { /* one that ended before it was set met none */
        int64_t model_id, id = house_submit(&h, CLOUDS, &model_id);

        /* It may be claimed already: then its beginning is another n's. */
        failing_memory_set(n, false);
        house_until(has_ended, &h, id);
        met = failing_memory_end();
        failed += !ended_well(id, model_id);
    }
    ck_assert_int_gt(failed, 30);
    for (int i = 0; i < 2; i++) {
        struct store_job job = house_end(&h, house_submit(&h, CLOUDS, NULL), JOB_SUCCEEDED);

        store_job_fini(&job);
    }
}
END_TEST

int main(void)
{
    TCase *memory = tcase_create("memory");

    tcase_add_checked_fixture(memory, setup, teardown);
    tcase_add_loop_test(memory, a_part_ends_in_an_error, 0, (int)ARRAY_LEN(parts));
    tcase_add_test(memory, json_without_memory_is_not_called_wrong);
    tcase_add_test(memory, a_job_ends_in_an_error);
    return house_run("no_memory", (TCase *[]){memory}, 1);
}
