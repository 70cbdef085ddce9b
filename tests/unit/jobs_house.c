/* See jobs_house.h. */
#include "jobs_house.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_sqlite.h"

#define PATIENCE_SECONDS 60

static const struct submit_limits limits = {.memory_limit = 1u << 30, .max_queued = 1000};

static void start(struct house *h)
{
    struct store_sqlite_options options = {.dir = h->dir, .owner = h->owner};
    struct pool_options pool = {
        .workers = h->workers,
        .owner = h->owner,
        .checkpoint_seconds = h->checkpoint_seconds,
        .stall_seconds = h->stall_seconds,
    };
    char *dir = xasprintf("%s/datasets", h->dir);
    char *checkpoints = xasprintf("%s/checkpoints", h->dir);
    struct err err = ERR_INIT;

    hash_random_hex(16, h->owner);
    ck_assert_msg(store_sqlite_open(&options, &h->store, &err) == 0, "%s", err.detail);
    ck_assert_msg(datasets_new(dir, h->store, &h->datasets, &err) == 0, "%s", err.detail);
    ck_assert_msg(checkpoints_new(checkpoints, h->store, &h->checkpoints, &err) == 0, "%s",
                  err.detail);
    pool.checkpoints = h->checkpoints;
    h->predictor = predictor_new(h->store, h->cache_bytes);
    ck_assert_msg(pool_new(&pool, h->datasets, h->predictor, &h->pool, &err) == 0, "%s",
                  err.detail);
    free(dir);
    free(checkpoints);
}

void house_open(struct house *h, size_t workers)
{
    hash_start();
    log_set_level(LOG_ERROR);
    *h = (struct house){
        .workers = workers, .cache_bytes = 64u << 20, .checkpoint_seconds = 10};
    (void)snprintf(h->dir, sizeof h->dir, "/tmp/mlpd-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(h->dir));
    start(h);
}

void house_stop(struct house *h)
{
    pool_free(&h->pool);
    predictor_free(&h->predictor);
    checkpoints_free(&h->checkpoints);
    datasets_free(&h->datasets);
    if (h->store != NULL) {
        h->store->ops->close(&h->store);
    }
}

void house_again(struct house *h)
{
    start(h);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void house_close(struct house *h)
{
    house_stop(h);
    ck_assert_int_eq(nftw(h->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- jobs -------------------------------------------------------------------- */

static const char *problems(const struct err *err)
{
    return err->n_items > 0 ? err->items[0].detail : err->detail;
}

int64_t house_submit(struct house *h, const char *config, int64_t *model_id)
{
    const struct submit_body body = {.text = config, .len = strlen(config)};
    struct submitted s = {.job_id = 0};
    struct err err = ERR_INIT;
    int64_t id;

    ck_assert_msg(submit_train(h->datasets, h->pool, &limits, &body, &s, &err) == 0, "%s",
                  problems(&err));
    id = s.job_id;
    if (model_id != NULL) {
        *model_id = s.model_id;
    }
    submitted_fini(&s);
    return id;
}

void house_cancel(struct house *h, int64_t job_id)
{
    struct err err = ERR_INIT;
    enum job_state state;

    ck_assert_int_eq(h->store->ops->job_cancel(h->store, job_id, &state, &err), 0);
    pool_cancel(h->pool, job_id);
}

int64_t house_evaluate(struct house *h, int64_t model_id, const char *dataset)
{
    struct submitted s = {.job_id = 0};
    struct err err = ERR_INIT;
    int64_t id;

    ck_assert_msg(submit_evaluate(h->datasets, h->pool, &limits, model_id, dataset, NULL, &s, &err) ==
                      0,
                  "%s", problems(&err));
    id = s.job_id;
    submitted_fini(&s);
    return id;
}

void house_until(bool (*holds)(struct house *h, int64_t id), struct house *h, int64_t id)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    double deadline = clock_monotonic() + PATIENCE_SECONDS;

    while (!holds(h, id)) {
        ck_assert_msg(clock_monotonic() < deadline, "nothing came in a minute");
        (void)nanosleep(&moment, NULL); /* the store has nothing to wait on */
    }
}

struct store_job house_job(struct house *h, int64_t job_id)
{
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;

    ck_assert_msg(h->store->ops->job_get(h->store, job_id, &job, &err) == 0, "%s", err.detail);
    return job;
}

static enum job_state state_of(struct house *h, int64_t job_id)
{
    struct store_job job = house_job(h, job_id);
    enum job_state state = job.state;

    store_job_fini(&job);
    return state;
}

bool house_is_running(struct house *h, int64_t job_id)
{
    struct pool_progress progress;

    return pool_progress_get(h->pool, job_id, &progress) && progress.epoch > 0;
}

bool house_has_weights(struct house *h, int64_t model_id)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;
    bool has = predictor_get(h->predictor, model_id, &s, &err) == 0;

    servable_put(&s);
    err_fini(&err);
    return has;
}

static bool has_ended(struct house *h, int64_t job_id)
{
    enum job_state state = state_of(h, job_id);

    return state != JOB_QUEUED && state != JOB_RUNNING;
}

struct store_job house_end(struct house *h, int64_t job_id, enum job_state state)
{
    struct store_job job;

    house_until(has_ended, h, job_id);
    job = house_job(h, job_id);
    ck_assert_msg(job.state == state, "job %lld is %s: %s: %s", (long long)job_id,
                  job_state_name(job.state), job.error_code != NULL ? job.error_code : "",
                  job.error_detail != NULL ? job.error_detail : "");
    return job;
}

struct store_model house_model(struct house *h, int64_t model_id)
{
    struct store_model model = {.id = 0};
    struct err err = ERR_INIT;

    ck_assert_msg(h->store->ops->model_get(h->store, model_id, &model, &err) == 0, "%s",
                  err.detail);
    return model;
}

float *house_predict(struct house *h, int64_t model_id, const float *x, size_t rows)
{
    struct servable *s = NULL;
    struct err err = ERR_INIT;
    float *out;

    ck_assert_msg(predictor_get(h->predictor, model_id, &s, &err) == 0, "%s", err.detail);
    out = xcalloc(rows * mlp_net_spec(servable_net(s))->n_outputs, sizeof *out);
    ck_assert_msg(servable_run(s, x, rows, out, &err) == 0, "%s", err.detail);
    servable_put(&s);
    return out;
}

/* ---- data -------------------------------------------------------------------- */

void house_dataset(struct house *h, const char *name, size_t n_columns, const char *const *names,
                   size_t rows, const double *values, const char *const *labels)
{
    enum column_type *types = xcalloc(n_columns, sizeof *types);
    struct dataset_writer *w = NULL;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    bool created;
    int64_t id;
    size_t i;

    types[n_columns - 1] = labels != NULL ? COLUMN_CATEGORICAL : COLUMN_NUMERIC;
    ck_assert_int_eq(dataset_writer_new(datasets_dir(h->datasets), n_columns, names, types, &w,
                                        &err),
                     0);
    for (i = 0; i < rows * n_columns; i++) {
        if (labels != NULL && i % n_columns == n_columns - 1) {
            const char *label = labels[(size_t)values[i]];

            ck_assert_int_eq(dataset_writer_text(w, label, strlen(label), &err), 0);
        } else {
            ck_assert_int_eq(dataset_writer_number(w, values[i], &err), 0);
        }
    }
    ck_assert_msg(dataset_writer_finish(&w, &summary, &err) == 0, "%s", err.detail);
    ck_assert_msg(datasets_add(h->datasets, name, &summary, n_columns, false, &id, &created,
                               &err) == 0,
                  "%s", err.detail);
    free(types);
}

/* A number in [-1, 1), the i-th of a fixed sequence. */
static double noise(size_t i)
{
    uint64_t z = (uint64_t)i * 0x9e3779b97f4a7c15u + 0x1234567u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 4503599627370496.0 - 1;
}

static const char *const names[] = {"x1", "x2", "y"};

void house_clouds(struct house *h, const char *name, size_t rows)
{
    static const double centres[3][2] = {{0, 3}, {-3, -2}, {3, -2}};
    static const char *const labels[] = {"a", "b", "c"};
    double *values = xcalloc(rows * 3, sizeof *values);
    size_t i;

    for (i = 0; i < rows; i++) {
        values[3 * i] = centres[i % 3][0] + noise(2 * i);
        values[3 * i + 1] = centres[i % 3][1] + noise(2 * i + 1);
        values[3 * i + 2] = (double)(i % 3);
    }
    house_dataset(h, name, 3, names, rows, values, labels);
    free(values);
}

void house_plane(struct house *h, const char *name, size_t rows)
{
    double *values = xcalloc(rows * 3, sizeof *values);
    size_t i;

    for (i = 0; i < rows; i++) {
        values[3 * i] = noise(3 * i);
        values[3 * i + 1] = noise(3 * i + 1);
        values[3 * i + 2] =
            3 * values[3 * i] - 2 * values[3 * i + 1] + 1 + 0.05 * noise(3 * i + 2);
    }
    house_dataset(h, name, 3, names, rows, values, NULL);
    free(values);
}

/* ---- JSON -------------------------------------------------------------------- */

/* Borrowed from root. */
static const json_t *walk(const json_t *root, const char *path)
{
    char *copy = xstrdup(path), *rest = copy, *key;

    while (root != NULL && (key = strsep(&rest, ".")) != NULL) {
        root = json_is_array(root) ? json_array_get(root, strtoul(key, NULL, 10))
                                   : json_object_get(root, key);
    }
    free(copy);
    return root;
}

double house_number(const char *json, const char *path)
{
    json_t *root = json_loads(json, 0, NULL);
    const json_t *value = walk(root, path);
    double number = json_is_number(value) ? json_number_value(value) : NAN;

    json_decref(root);
    return number;
}

char *house_text(const char *json, const char *path)
{
    json_t *root = json_loads(json, 0, NULL);
    const json_t *value = walk(root, path);
    char *text = json_is_string(value) ? xstrdup(json_string_value(value)) : NULL;

    json_decref(root);
    return text;
}

int house_run(const char *name, TCase *const *cases, size_t n)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    size_t i;
    int failed;

    for (i = 0; i < n; i++) {
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(suite, cases[i]);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
