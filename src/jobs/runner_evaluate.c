/* A job of kind evaluate: a model on every row of a dataset.
 *
 * resolved_json is {"model_id": 12, "dataset": "sha256:..."}. The rows go through the
 * encoder that is stored with the model, as they would in a prediction; the result is
 * {"metrics": {..}, "evaluation": {..}} as judge.h describes, its split called "dataset".
 *
 * Runs on a worker thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/admit.h"
#include "jobs/json_util.h"
#include "jobs/model_json.h"
#include "jobs/runner_priv.h"

#define HASH_PREFIX "sha256:"

/* What to judge on what; *sha256 is the caller's. */
static int read_config(const char *text, int64_t *model_id, char **sha256, struct err *err)
{
    json_t *root = NULL;
    const char *key;
    json_error_t jerr;
    json_int_t id;
    int rc = -1;

    if (text == NULL || json_util_parse(text, strlen(text), JSON_UTIL_FEW, &root, err) != 0) {
        return err_set(err, ERR_CORRUPT, "the job has no stored config");
    }
    if (json_unpack_ex(root, &jerr, JSON_STRICT, "{s:I, s:s}", "model_id", &id, "dataset",
                       &key) != 0 ||
        strncmp(key, HASH_PREFIX, strlen(HASH_PREFIX)) != 0) {
        (void)err_set(err, ERR_CORRUPT, "the job's stored config is damaged");
    } else {
        *model_id = id;
        *sha256 = xstrdup(key + strlen(HASH_PREFIX));
        rc = 0;
    }
    json_decref(root);
    return rc;
}

/* 0, -1, or 1 when interrupted. */
static int evaluate(const struct runner_slot *slot, const struct store_job *job,
                    struct judged *out, struct err *err)
{
    struct runner_part part = {.x = NULL};
    struct err unread = ERR_INIT;
    const struct dataset *ds = NULL;
    struct servable *model = NULL;
    char *sha256 = NULL;
    int64_t model_id = 0;
    int rc = read_config(job->resolved_json, &model_id, &sha256, err);

    if (rc == 0) {
        rc = predictor_get(slot->predictor, model_id, &model, err);
    }
    if (rc == 0) {
        rc = runner_open_dataset(slot, sha256, &ds, err);
    }
    if (rc == 0) {
        rc = encoder_view_dataset(servable_encoder(model), &ds, err);
    }
    if (rc == 0) {
        rc = encoder_check_dataset(servable_encoder(model), ds, true, err);
    }
    if (rc == 0) {
        const struct encoder *e = servable_encoder(model);

        part.streams = dataset_rows(ds) > ADMIT_WINDOW_BYTES / sizeof(float) / encoder_n_inputs(e)
                           ? &unread
                           : NULL;
        rc = runner_part_encode(slot, servable_encoder(model), ds, NULL,
                                (size_t)dataset_rows(ds),
                                mlp_net_spec(servable_net(model))->output, &part, err);
    }
    if (rc == 0) {
        rc = judge_asked(servable_net(model), servable_encoder(model), &part.data, NULL, 0,
                         "dataset", slot->pulse, out, err);
    }
    if (rc < 0 && err_is(&unread)) {
        err_move(err, &unread);
    }
    err_fini(&unread);
    runner_part_fini(&part);
    datasets_put(slot->datasets, &ds);
    servable_put(&model);
    free(sha256);
    return rc;
}

void runner_evaluate(const struct runner_slot *slot, const struct store_job *job)
{
    struct judged judged = {.metrics_json = NULL};
    struct err err = ERR_INIT;
    int rc = evaluate(slot, job, &judged, &err);

    if (rc == 1) {
        runner_give_up(slot, job, NULL);
    } else if (rc != 0) {
        runner_fail(slot, job, &err, NULL);
    } else {
        char *result = runner_report_evaluation(&judged);
        struct store_outcome outcome = {.state = JOB_SUCCEEDED, .result_json = result};

        runner_finish(slot, job, &outcome);
        free(result);
    }
    judged_fini(&judged);
    err_fini(&err);
}
