/* POST /train: the body goes to jobs/submit, which checks everything; here only the answer. */
#include <inttypes.h>
#include <stdio.h>

#include "http/api.h"
#include "http/respond.h"
#include "jobs/submit.h"

static void write_estimate(struct jw *w, const struct admission *estimate)
{
    jw_object(w, "estimate");
    jw_int(w, "parameters", (int64_t)estimate->parameters);
    jw_int(w, "bytes", (int64_t)estimate->bytes);
    jw_double(w, "flops", estimate->flops);
    jw_double(w, "seconds", estimate->seconds);
    jw_end(w);
}

static void write_job(struct jw *w, const struct submitted *s, const char *kind)
{
    char path[48];

    jw_int(w, "id", s->job_id);
    jw_string(w, "kind", kind);
    jw_int(w, "model_id", s->model_id);
    jw_string(w, "state", job_state_name(JOB_QUEUED));
    jw_object(w, "links");
    (void)snprintf(path, sizeof path, "/jobs/%" PRId64, s->job_id);
    jw_string(w, "self", path);
    (void)snprintf(path, sizeof path, "/jobs/%" PRId64 "/curve", s->job_id);
    jw_string(w, "curve", path);
    (void)snprintf(path, sizeof path, "/jobs/%" PRId64 "/cancel", s->job_id);
    jw_string(w, "cancel", path);
    (void)snprintf(path, sizeof path, "/models/%" PRId64, s->model_id);
    jw_string(w, "model", path);
    jw_end(w);
}

void api_answer_submitted(struct request *req, const struct submitted *submitted, const char *kind)
{
    bool dry_run = submitted->job_id == 0;
    struct jw w = JW_INIT;

    jw_object(&w, NULL);
    if (!dry_run) {
        write_job(&w, submitted, kind);
        respond_header(req, "Location", "/jobs/%" PRId64, submitted->job_id);
        respond_header(req, "Retry-After", "1");
    }
    jw_raw(&w, "resolved", submitted->resolved_json);
    write_estimate(&w, &submitted->estimate);
    jw_raw(&w, "warnings", submitted->warnings_json != NULL ? submitted->warnings_json : "[]");
    jw_end(&w);
    respond_json(req, dry_run ? MHD_HTTP_OK : MHD_HTTP_ACCEPTED, &w);
    jw_fini(&w);
}

void api_train_post(struct request *req)
{
    static const char *const known[] = {"dry_run", NULL};
    const struct server_context *c = req->context;
    struct submitted submitted = {.job_id = 0};
    struct err err = ERR_INIT;
    bool dry_run = false;

    if (query_only(&req->query, known, &err) != 0 ||
        query_bool(&req->query, "dry_run", false, &dry_run, &err) != 0 ||
        submit_train(c->datasets, c->pool, &c->limits, req->body.data != NULL ? req->body.data : "",
                     req->body.len, dry_run, &submitted, &err) != 0) {
        respond_err(req, &err);
    } else {
        api_answer_submitted(req, &submitted, "train");
    }
    submitted_fini(&submitted);
    err_fini(&err);
}
