/* /jobs: list, one, events, cancel, pause, resume, delete. The curve is in api_curve.c, the queue
 * as a whole in api_queue.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/api.h"
#include "http/job_json.h"
#include "http/respond.h"

/* "running" or "running,queued": bits of the states; 0 and err where one is none. */
static unsigned read_states(const char *text, struct err *err)
{
    enum job_state state = JOB_QUEUED;
    unsigned states = 0;
    char name[16];

    for (;;) {
        size_t len = strcspn(text, ",");

        (void)snprintf(name, sizeof name, "%.*s", (int)len, text);
        if (len >= sizeof name || !job_state_parse(name, &state)) {
            (void)err_set(err, ERR_SYNTAX, "there is no state \"%.*s\"",
                          len < 40 ? (int)len : 40, text);
            (void)err_add(err, "/state",
                          "one or more of queued, running, paused, succeeded, failed, cancelled, "
                          "with commas between them");
            return 0;
        }
        states |= 1u << state;
        if (text[len] == '\0') {
            return states;
        }
        text += len + 1;
    }
}

/* The state of which this is the bit; -1: there are several, or none. */
static int only_state(unsigned states)
{
    int state;

    for (state = 0; state < JOB_STATES; state++) {
        if (states == 1u << state) {
            return state;
        }
    }
    return -1;
}

static int read_filter(struct request *req, struct store_job_filter *out, struct err *err)
{
    static const char *const known[] = {"state", "name", "kind", "limit", "page_token", NULL};
    const char *state = query_get(&req->query, "state"), *kind = query_get(&req->query, "kind");
    unsigned states = 0;
    struct api_page page;

    if (query_only(&req->query, known, err) != 0 || api_page_read(req, &page, err) != 0 ||
        api_name_check(query_get(&req->query, "name"), err) != 0) {
        return -1;
    }
    if (state != NULL && (states = read_states(state, err)) == 0) {
        return -1;
    }
    if (kind != NULL && strcmp(kind, "train") != 0 && strcmp(kind, "evaluate") != 0 &&
        strcmp(kind, "fetch") != 0) {
        (void)err_set(err, ERR_SYNTAX, "there is no kind \"%.40s\"", kind);
        return err_add(err, "/kind", "one of train, evaluate, fetch");
    }
    *out = (struct store_job_filter){.kind = kind,
                                     .name = query_get(&req->query, "name"),
                                     .state = only_state(states),
                                     .states = states,
                                     .before_id = page.before_id,
                                     .limit = (size_t)page.limit};
    return 0;
}

/* Positions on one page. Of one priority the queue is first in, first out: in a list that hides no
 * job, the position of one gives that of the next older one of its priority. */
struct positions {
    size_t n;
    struct position {
        int64_t priority, last;
    } of[8]; /* the priorities met last; there are few */
};

static struct position *position_find(struct positions *positions, int64_t priority)
{
    size_t i;

    for (i = 0; i < positions->n; i++) {
        if (positions->of[i].priority == priority) {
            return &positions->of[i];
        }
    }
    i = positions->n < ARRAY_LEN(positions->of) ? positions->n++ : 0;
    positions->of[i] = (struct position){.priority = priority};
    return &positions->of[i];
}

static int position_of(const struct server_context *c, const struct store_job *job,
                       const struct store_job_filter *filter, struct positions *positions,
                       int64_t *out, struct err *err)
{
    struct position *known;

    *out = 0;
    if (job->state != JOB_QUEUED) {
        return 0;
    }
    known = position_find(positions, job->priority);
    if (known->last > 1 && filter->kind == NULL && filter->name == NULL) {
        *out = known->last - 1;
    } else if (c->store->ops->job_position(c->store, job->id, out, err) != 0) {
        return -1;
    }
    known->last = *out;
    return 0;
}

void api_jobs_list(struct request *req)
{
    const struct server_context *c = req->context;
    struct store_job_filter filter;
    struct store_job *jobs = NULL;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    struct positions positions = {.n = 0};
    int64_t position;
    size_t n = 0, i;
    bool more = false;

    if (read_filter(req, &filter, &err) != 0 ||
        c->store->ops->job_list(c->store, &filter, &jobs, &n, &more, &err) != 0) {
        goto out;
    }
    jw_object(&w, NULL);
    jw_array(&w, "jobs");
    for (i = 0; i < n; i++) {
        if (position_of(c, &jobs[i], &filter, &positions, &position, &err) != 0 ||
            job_json_write(&w, NULL, c, &jobs[i], position, false, &err) != 0) {
            goto out;
        }
    }
    jw_end(&w);
    api_page_next(&w, more, n != 0 ? jobs[n - 1].id : 0);
    jw_end(&w);
out:
    if (err_is(&err)) {
        respond_err(req, &err);
    } else {
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
    store_jobs_free(&jobs, n);
    err_fini(&err);
}

static void answer_job(struct request *req)
{
    const struct server_context *c = req->context;
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    int64_t position = 0;

    if (c->store->ops->job_get(c->store, req->id, &job, &err) != 0 ||
        (job.state == JOB_QUEUED &&
         c->store->ops->job_position(c->store, job.id, &position, &err) != 0) ||
        job_json_write(&w, NULL, c, &job, position, true, &err) != 0) {
        respond_err(req, &err);
    } else {
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
    store_job_fini(&job);
    err_fini(&err);
}

/* Most routes take no query; one that comes is a mistake worth telling. */
static bool refuse_query(struct request *req)
{
    struct err err = ERR_INIT;
    bool refused = query_only(&req->query, NULL, &err) != 0;

    if (refused) {
        respond_err(req, &err);
    }
    err_fini(&err);
    return refused;
}

void api_jobs_get(struct request *req)
{
    if (!refuse_query(req)) {
        answer_job(req);
    }
}

void api_jobs_cancel(struct request *req)
{
    const struct server_context *c = req->context;
    enum job_state state = JOB_QUEUED;
    struct err err = ERR_INIT;

    if (c->store->ops->job_cancel(c->store, req->id, &state, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    if (state == JOB_RUNNING) {
        pool_cancel(c->pool, req->id);
    } else if (state == JOB_CANCELLED && c->checkpoints != NULL) {
        checkpoint_remove(c->checkpoints, req->id); /* of one that waited with its checkpoint */
    }
    answer_job(req);
}

/* The store first, then the worker: it reads the row again once it has the job. */
void api_jobs_pause(struct request *req)
{
    const struct server_context *c = req->context;
    enum job_state state = JOB_QUEUED;
    struct err err = ERR_INIT;

    if (refuse_query(req)) {
        return;
    }
    if (c->store->ops->job_pause(c->store, req->id, &state, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    if (state == JOB_RUNNING) {
        pool_pause(c->pool, req->id, true);
    }
    answer_job(req);
}

void api_jobs_resume(struct request *req)
{
    const struct server_context *c = req->context;
    enum job_state state = JOB_QUEUED;
    struct err err = ERR_INIT;

    if (refuse_query(req)) {
        return;
    }
    if (c->store->ops->job_resume(c->store, req->id, &state, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    if (state == JOB_RUNNING) {
        pool_pause(c->pool, req->id, false);
    } else {
        pool_wake(c->pool);
    }
    answer_job(req);
}

void api_jobs_delete(struct request *req)
{
    const struct server_context *c = req->context;
    struct err err = ERR_INIT;

    if (c->store->ops->job_delete(c->store, req->id, &err) != 0) {
        respond_err(req, &err);
    } else {
        respond_empty(req, MHD_HTTP_NO_CONTENT);
    }
    err_fini(&err);
}

void api_jobs_events(struct request *req)
{
    const struct server_context *c = req->context;
    struct store_event *events = NULL;
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    size_t n = 0, i;

    if (refuse_query(req)) {
        return;
    }
    if (c->store->ops->job_get(c->store, req->id, &job, &err) != 0 ||
        c->store->ops->event_list(c->store, req->id, &events, &n, &err) != 0) {
        respond_err(req, &err);
    } else {
        jw_object(&w, NULL);
        jw_int(&w, "job_id", req->id);
        jw_array(&w, "events");
        for (i = 0; i < n; i++) {
            jw_object(&w, NULL);
            jw_int(&w, "id", events[i].id);
            jw_time(&w, "at", events[i].at);
            jw_string(&w, "kind", events[i].kind);
            jw_string(&w, "detail", events[i].detail);
            jw_end(&w);
        }
        jw_end(&w);
        jw_end(&w);
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
    store_job_fini(&job);
    store_events_free(&events, n);
    err_fini(&err);
}
