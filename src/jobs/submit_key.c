/* Submissions that come again; see submit_key.h.
 *
 * Two reads, the key's row and the job's, with nothing held between them: a job that is deleted in
 * between has ended, and its key is free again.
 */
#include "jobs/submit_key.h"

#include <string.h>

int submit_key_replay(struct store *store, int64_t job_id, struct submitted *out, struct err *err)
{
    struct store_job job = {.id = 0};
    struct err problem = ERR_INIT;

    if (store->ops->job_get(store, job_id, &job, &problem) != 0) {
        bool gone = problem.code == ERR_NOT_FOUND;

        if (gone) {
            err_fini(&problem);
            return 1;
        }
        err_move(err, &problem);
        return -1;
    }
    *out = (struct submitted){.job_id = job.id,
                              .model_id = job.model_id,
                              .replayed = true,
                              .state = job.state,
                              .resolved_json = job.resolved_json,
                              .warnings_json = job.warnings_json};
    job.resolved_json = job.warnings_json = NULL; /* taken over */
    store_job_fini(&job);
    return 0;
}

int submit_key_find(struct store *store, const char *key, const char *body_sha256,
                    struct submitted *out, struct err *err)
{
    char before[HASH_HEX_LEN] = "";
    int64_t job_id = 0, model_id = 0;
    int rc = store->ops->job_by_key(store, key, &job_id, &model_id, before, err);

    if (rc != 0) {
        return rc;
    }
    if (strcmp(before, body_sha256) != 0) {
        return err_set(
            err, ERR_INVALID,
            "this Idempotency-Key came with another body before and made job %lld; a new "
            "job needs a new key",
            (long long)job_id);
    }
    return submit_key_replay(store, job_id, out, err);
}
