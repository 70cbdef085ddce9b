/* What every backend shares: the words for states and the freeing of records.
 *
 * Nothing here knows where records come from. Every fini leaves a record empty, so that a
 * second one is harmless; every list function takes the list's address and clears it. Any
 * thread may call any of it on records of its own.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[JOB_STATES] = {
    [JOB_QUEUED] = "queued",       [JOB_RUNNING] = "running", [JOB_PAUSED] = "paused",
    [JOB_SUCCEEDED] = "succeeded", [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};

const char *job_state_name(enum job_state state)
{
    CHK((unsigned)state < JOB_STATES);
    return state_names[state];
}

bool job_state_parse(const char *name, enum job_state *out)
{
    for (unsigned i = 0; i < JOB_STATES; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *out = (enum job_state)i;
            return true;
        }
    }
    return false;
}

void store_job_fini(struct store_job *job)
{
    free(job->kind);
    free(job->name);
    free(job->config_json);
    free(job->resolved_json);
    free(job->warnings_json);
    free(job->result_json);
    free(job->error_code);
    free(job->error_detail);
    *job = (struct store_job){.id = 0};
}

void store_dataset_fini(struct store_dataset *ds)
{
    free(ds->name);
    *ds = (struct store_dataset){.id = 0};
}

void store_model_fini(struct store_model *model)
{
    free(model->name);
    free(model->state);
    free(model->spec_json);
    free(model->encoder_json);
    free(model->info_json);
    free(model->metrics_json);
    *model = (struct store_model){.id = 0};
}

void store_points_free(struct store_point **points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((*points)[i].metrics_json);
        free((*points)[i].gradient_norms_json);
    }
    free(*points);
    *points = NULL;
}

void store_events_free(struct store_event **events, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((*events)[i].kind);
        free((*events)[i].detail);
    }
    free(*events);
    *events = NULL;
}

void store_jobs_free(struct store_job **jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        store_job_fini(&(*jobs)[i]);
    }
    free(*jobs);
    *jobs = NULL;
}

void store_datasets_free(struct store_dataset **list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        store_dataset_fini(&(*list)[i]);
    }
    free(*list);
    *list = NULL;
}

void store_models_free(struct store_model **list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        store_model_fini(&(*list)[i]);
    }
    free(*list);
    *list = NULL;
}
