/* POST /models/{id}/evaluate of a dataset: a model and a key -> a committed job; see submit.h.
 *
 * Whether the dataset has the model's columns, and whether its rows fit into memory, is known
 * before the job is taken.
 *
 * Any thread; the one that asks waits for the commit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/mem.h"
#include "data/encoder.h"
#include "jobs/config.h"
#include "jobs/json_util.h"
#include "jobs/pool.h"
#include "jobs/submit_notify.h"
#include "jobs/submit_priv.h"

#define EVALUATION_BYTES (1u << 20) /* what an evaluation leaves, at most; see judge.h */

/* The model's encoder, checked against the dataset's columns; how wide it makes x, and the
 * truth. */
static int check_columns(const struct store_model *model, const struct dataset **ds,
                         size_t *n_inputs, size_t *n_truths, struct err *err)
{
    struct encoder *encoder = NULL;
    int rc;

    if (encoder_from_json(model->encoder_json, strlen(model->encoder_json), &encoder, err) != 0) {
        return -1;
    }
    *n_inputs = encoder_n_inputs(encoder);
    *n_truths = encoder_is_classes(encoder) ? 1 : encoder_n_targets(encoder);
    rc = encoder_view_dataset(encoder, ds, err);
    if (rc == 0) {
        rc = encoder_check_dataset(encoder, *ds, true, err);
    }
    encoder_free(&encoder);
    return rc;
}

/* Truth as 4 bytes a value; so is x, of which a piece at a time is encoded if it is large. */
static int weigh(const struct store_model *model, const struct dataset *ds, size_t n_inputs,
                 size_t n_truths, const struct submit_limits *limits, struct admission *out,
                 struct err *err)
{
    struct admission a = {
        .n_inputs = n_inputs, .n_outputs = n_truths, .parameters = (size_t)model->parameters};
    double rows = (double)dataset_rows(ds);
    size_t n = (size_t)dataset_rows(ds), x;

    if (!mem_mul(n_inputs, sizeof(float), &x) || !mem_mul(x, n, &x) ||
        !mem_mul(n_truths, sizeof(float), &a.data_bytes) ||
        !mem_mul(a.data_bytes, n, &a.data_bytes) ||
        !mem_add(a.data_bytes, x < ADMIT_WINDOW_BYTES ? x : ADMIT_WINDOW_BYTES, &a.data_bytes) ||
        a.data_bytes > limits->memory_limit) {
        return err_add(err, "/dataset", "the job needs %.1f GB for its rows, the limit is %.1f GB",
                       (double)n_truths * sizeof(float) * rows / 1e9,
                       (double)limits->memory_limit / 1e9);
    }
    a.bytes = a.data_bytes;
    a.disk_bytes = EVALUATION_BYTES;
    a.flops = 2 * (double)a.parameters * rows;
    a.seconds = a.flops / ADMIT_FLOPS_PER_SECOND;
    *out = a;
    return 0;
}

int submit_evaluate(struct datasets *datasets, struct pool *pool,
                    const struct submit_limits *limits, int64_t model_id, const char *dataset_key,
                    const struct job_notify *notify, struct submitted *out, struct err *err)
{
    struct store *store = datasets_store(datasets);
    struct store_model model = {.id = 0};
    struct submit_used u = {.ds = NULL};
    struct submitted done = {.warnings_json = NULL};
    struct buf asked = BUF_INIT, resolved = BUF_INIT;
    size_t n_inputs = 0, n_truths = 0;
    int rc = -1;

    if (store->ops->model_get(store, model_id, &model, err) != 0) {
        return -1;
    }
    if (model.encoder_json == NULL) {
        err_set(err, ERR_CONFLICT, "model %lld has no weights yet", (long long)model_id);
    } else if (submit_notify_check(limits->outgoing, notify, err) == 0 &&
               submit_use(datasets, dataset_key, "/dataset", &u, err) == 0 &&
               check_columns(&model, &u.ds, &n_inputs, &n_truths, err) == 0 &&
               weigh(&model, u.ds, n_inputs, n_truths, limits, &done.estimate, err) == 0 &&
               submit_check_room(store, limits, done.estimate.disk_bytes, err) == 0) {
        const char *hash = u.sha256;
        struct store_job_new job = {
            .kind = "evaluate",
            .name = model.name,
            .model_id = model_id,
            .datasets = &hash,
            .n_datasets = 1,
            .max_queued = limits->max_queued,
            .disk_bytes = (int64_t)done.estimate.disk_bytes,
        };
        struct submit_notify wish;

        buf_printf(&asked, "{\"model_id\":%lld,\"dataset\":", (long long)model_id);
        json_util_text(&asked, dataset_key);
        if (notify != NULL && notify->url != NULL) {
            buf_puts(&asked, ",\"notify\":");
            config_print_notify(&asked, notify);
        }
        buf_puts(&asked, "}");
        buf_printf(&resolved, "{\"model_id\":%lld,\"dataset\":\"sha256:%s\"}", (long long)model_id,
                   u.sha256);
        done.resolved_json = buf_take(&resolved);
        done.warnings_json = xstrdup("[]");
        job.config_json = asked.data;
        job.resolved_json = done.resolved_json;
        job.warnings_json = done.warnings_json;
        job.notify = submit_notify_init(&wish, notify);
        rc = store->ops->job_submit(store, &job, &done.job_id, &done.model_id, err);
        submit_notify_fini(&wish);
    }
    submit_used_fini(datasets, &u);
    store_model_fini(&model);
    buf_fini(&asked);
    if (rc != 0) {
        submitted_fini(&done);
        return -1;
    }
    *out = done;
    counter_add(COUNTER_JOBS_SUBMITTED, KIND_EVALUATE, 1);
    pool_wake(pool);
    return 0;
}
