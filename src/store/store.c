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

unsigned store_notify_bit(enum job_state state)
{
    switch (state) {
    case JOB_RUNNING:
        return NOTIFY_RUNNING;
    case JOB_PAUSED:
        return NOTIFY_PAUSED;
    case JOB_SUCCEEDED:
        return NOTIFY_SUCCEEDED;
    case JOB_FAILED:
        return NOTIFY_FAILED;
    case JOB_CANCELLED:
        return NOTIFY_CANCELLED;
    case JOB_QUEUED:
    case JOB_STATES:
        break;
    }
    return 0;
}

const char *store_delivery_state_name(enum store_delivery_state state)
{
    static const char *const names[] = {[DELIVERY_IS_PENDING] = "pending",
                                        [DELIVERY_IS_DELIVERED] = "delivered",
                                        [DELIVERY_IS_GIVEN_UP] = "given_up"};

    CHK((unsigned)state < ARRAY_LEN(names));
    return names[state];
}

void store_job_fini(struct store_job *job)
{
    free(job->kind);
    free(job->name);
    free(job->config_json);
    free(job->resolved_json);
    free(job->warnings_json);
    free(job->summary_json);
    free(job->dataset_name);
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
    free(model->splits);
    free(model->dataset_name);
    free(model->encoder_json);
    free(model->info_json);
    free(model->metrics_json);
    *model = (struct store_model){.id = 0};
}

void store_delivery_fini(struct store_delivery *delivery)
{
    free(delivery->message_id);
    free(delivery->url);
    free(delivery->receiver);
    free(delivery->last_error);
    free(delivery->kind);
    free(delivery->name);
    free(delivery->error_code);
    *delivery = (struct store_delivery){.id = 0};
}

void store_deliveries_free(struct store_delivery **list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        store_delivery_fini(&(*list)[i]);
    }
    free(*list);
    *list = NULL;
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
