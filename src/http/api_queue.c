/* The queue as a whole: its numbers, and pausing it.
 *
 * A paused queue begins nothing, also after a restart; what runs goes on, and jobs are still taken.
 */
#include "http/api.h"
#include "http/respond.h"

int api_queue_write(struct jw *w, const char *key, const struct server_context *c, struct err *err)
{
    int64_t counts[JOB_STATES] = {0};
    bool paused = false;

    if (c->store->ops->job_counts(c->store, counts, err) != 0 ||
        c->store->ops->queue_paused(c->store, &paused, err) != 0) {
        return -1;
    }
    jw_object(w, key);
    jw_int(w, "queued", counts[JOB_QUEUED]);
    jw_int(w, "running", counts[JOB_RUNNING]);
    jw_int(w, "paused", counts[JOB_PAUSED]);
    jw_int(w, "limit", c->limits.max_queued);
    jw_bool(w, "is_paused", paused);
    jw_end(w);
    return 0;
}

static void set_paused(struct request *req, bool paused)
{
    const struct server_context *c = req->context;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;

    if (query_only(&req->query, NULL, &err) != 0 ||
        c->store->ops->queue_pause(c->store, paused, &err) != 0 ||
        api_queue_write(&w, NULL, c, &err) != 0) {
        respond_err(req, &err);
    } else {
        respond_json(req, MHD_HTTP_OK, &w);
    }
    if (!paused && !err_is(&err)) {
        pool_wake(c->pool);
    }
    jw_fini(&w);
    err_fini(&err);
}

void api_queue_pause(struct request *req)
{
    set_paused(req, true);
}

void api_queue_resume(struct request *req)
{
    set_paused(req, false);
}
