/* POST /train: the body goes to jobs/submit, which checks everything; here the key that a client
 * may send with it, and the answer. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/api.h"
#include "http/job_json.h"
#include "http/respond.h"
#include "jobs/submit.h"


static void write_estimate(struct jw *w, const struct admission *estimate)
{
    jw_object(w, "estimate");
    jw_int(w, "parameters", (int64_t)estimate->parameters);
    jw_int(w, "bytes", (int64_t)estimate->bytes);
    jw_int(w, "disk_bytes", (int64_t)estimate->disk_bytes);
    if (estimate->window > 0) {
        jw_int(w, "window", (int64_t)estimate->window);
    } else {
        jw_null(w, "window");
    }
    jw_double(w, "flops", estimate->flops);
    jw_double(w, "seconds", estimate->seconds);
    jw_end(w);
}

static void write_job(struct jw *w, const struct submitted *s, const char *kind)
{
    const struct store_job job = {.id = s->job_id, .model_id = s->model_id, .state = s->state};

    jw_int(w, "id", s->job_id);
    jw_string(w, "kind", kind);
    job_json_model(w, s->model_id);
    jw_string(w, "state", job_state_name(s->state));
    job_json_links(w, &job);
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
    if (submitted->replayed) {
        respond_header(req, "Idempotency-Replayed", "true");
    }
    jw_raw(&w, "resolved", submitted->resolved_json);
    if (submitted->replayed || submitted->resolved_json == NULL) {
        jw_null(&w, "estimate");
    } else {
        write_estimate(&w, &submitted->estimate);
    }
    jw_raw(&w, "warnings", submitted->warnings_json != NULL ? submitted->warnings_json : "[]");
    jw_end(&w);
    respond_json(req, dry_run ? MHD_HTTP_OK : MHD_HTTP_ACCEPTED, &w);
    jw_fini(&w);
}

/* Idempotency-Key: *key is owned, or NULL. Each token has keys of its own. */
static int read_key(const struct request *req, char **key, struct err *err)
{
    size_t n = request_header_count(req, "Idempotency-Key"), i;
    const char *value = request_header(req, "Idempotency-Key");

    *key = NULL;
    if (n == 0) {
        return 0;
    }
    if (n > 1) {
        return err_set(err, ERR_SYNTAX, "Idempotency-Key may be there once only");
    }
    for (i = 0; value != NULL && value[i] >= '!' && value[i] <= '~'; i++) {
    }
    if (i == 0 || i > API_KEY_MOST || value[i] != '\0') {
        return err_set(err, ERR_SYNTAX,
                       "Idempotency-Key must be 1 to %d visible ASCII characters without spaces, "
                       "such as a UUID",
                       API_KEY_MOST);
    }
    *key = xasprintf("%s%s%s", req->token_id, req->token_id[0] != '\0' ? ":" : "", value);
    return 0;
}

void api_train_post(struct request *req)
{
    static const char *const known[] = {"dry_run", NULL};
    const struct server_context *c = req->context;
    struct submit_body body = {.text = req->body.data != NULL ? req->body.data : "",
                               .len = req->body.len};
    struct submitted submitted = {.job_id = 0};
    struct err err = ERR_INIT;
    char *key = NULL;
    int rc = query_only(&req->query, known, &err);

    if (rc == 0) {
        rc = query_bool(&req->query, "dry_run", false, &body.dry_run, &err);
    }
    if (rc == 0 && !body.dry_run) {
        rc = read_key(req, &key, &err);
    }
    if (rc == 0) {
        body.key = key;
        rc = submit_train(c->datasets, c->pool, &c->limits, &body, &submitted, &err);
    }
    if (rc != 0) {
        respond_err(req, &err);
    } else {
        api_answer_submitted(req, &submitted, "train");
    }
    free(key);
    submitted_fini(&submitted);
    err_fini(&err);
}
