/* What jobs tell other servers: /jobs/{id}/deliveries, and sending one again. */
#include <inttypes.h>
#include <stdio.h>

#include "http/api.h"
#include "http/respond.h"

static void write_delivery(struct jw *w, const char *key, const struct store_delivery *d)
{
    char event[24];

    (void)snprintf(event, sizeof event, "job.%s", job_state_name(d->event)); /* it fits */
    jw_object(w, key);
    jw_int(w, "id", d->id);
    jw_string(w, "message_id", d->message_id);
    jw_string(w, "event", event);
    jw_time(w, "at", d->at);
    jw_string(w, "url", d->url);
    jw_string(w, "state", store_delivery_state_name(d->state));
    jw_int(w, "sends", d->sends);
    jw_time(w, "next_at", d->next_at);
    jw_time(w, "last_at", d->last_at);
    if (d->last_status != 0) {
        jw_int(w, "last_status", d->last_status);
    } else {
        jw_null(w, "last_status");
    }
    jw_string(w, "last_error", d->last_error);
    jw_end(w);
}

void api_jobs_deliveries(struct request *req)
{
    const struct server_context *c = req->context;
    struct store_delivery *list = NULL;
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    size_t n = 0, i;

    if (query_only(&req->query, NULL, &err) != 0 ||
        c->store->ops->job_get(c->store, req->id, &job, &err) != 0 ||
        c->store->ops->delivery_list(c->store, req->id, &list, &n, &err) != 0) {
        respond_err(req, &err);
    } else {
        jw_object(&w, NULL);
        jw_int(&w, "job_id", req->id);
        jw_array(&w, "deliveries");
        for (i = 0; i < n; i++) {
            write_delivery(&w, NULL, &list[i]);
        }
        jw_end(&w);
        jw_end(&w);
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
    store_job_fini(&job);
    store_deliveries_free(&list, n);
    err_fini(&err);
}

/* Due now. The answer does not wait for it: the list says what came of it. */
void api_deliveries_retry(struct request *req)
{
    const struct server_context *c = req->context;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    int64_t job_id = 0;
    char path[48];

    if (query_only(&req->query, NULL, &err) != 0 ||
        c->store->ops->delivery_retry(c->store, req->id, &job_id, &err) != 0) {
        respond_err(req, &err);
    } else {
        (void)snprintf(path, sizeof path, "/jobs/%" PRId64 "/deliveries", job_id); /* it fits */
        jw_object(&w, NULL);
        jw_int(&w, "id", req->id);
        jw_int(&w, "job_id", job_id);
        jw_string(&w, "state", store_delivery_state_name(DELIVERY_IS_PENDING));
        jw_object(&w, "links");
        jw_string(&w, "deliveries", path);
        jw_end(&w);
        jw_end(&w);
        respond_json(req, MHD_HTTP_ACCEPTED, &w);
    }
    jw_fini(&w);
    err_fini(&err);
}
