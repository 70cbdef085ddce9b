/* GET /metrics: what base/counters.h has counted, and what is true at the moment.
 *
 * Server threads. Three counts in the store, one look at the disk, one at /proc: well below 2 ms
 * with ten thousand jobs. What cannot be read (a sick store) is left out; the rest is said all the
 * same, for that is when somebody looks. No label holds a name, an id or anything else that a
 * client chose.
 */
#include "config.h"

#include <math.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/process.h"
#include "http/api.h"
#include "http/respond.h"
#include "http/server_priv.h"
#include "jobs/room.h"

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

/* By route_id; the last stands for what no route has. */
static const char *const routes[] = {
#define ROUTE(name, method, pattern, body, scope) "method=\"" method "\",route=\"" pattern "\"",
#include "http/routes.def"
#undef ROUTE
    "method=\"other\",route=\"none\"",
};
_Static_assert(ARRAY_LEN(routes) == ROUTES + 1 && ROUTES < COUNTER_ROUTES, "one label a route");

static void put(struct buf *out, enum reading id, double value)
{
    counters_head(out, id);
    counters_value(out, id, NULL, value);
}

static void put_labelled(struct buf *out, enum reading id, const char *label, const char *text,
                         double value)
{
    struct buf labels = BUF_INIT;

    counters_label(&labels, label, text);
    counters_value(out, id, labels.data, value);
    buf_fini(&labels);
}

static void put_build(struct buf *out, const struct server_context *c)
{
    struct buf labels = BUF_INIT;

    counters_label(&labels, "version", PACKAGE_VERSION);
    counters_label(&labels, "backend", mlp_backend());
    counters_label(&labels, "store", c->store_version);
    counters_head(out, READING_BUILD);
    counters_value(out, READING_BUILD, labels.data, 1);
    buf_fini(&labels);
}

static void put_jobs(struct buf *out, const int64_t counts[JOB_STATES])
{
    enum job_state state;

    counters_head(out, READING_JOBS);
    for (state = 0; state < JOB_STATES; state++) {
        put_labelled(out, READING_JOBS, "status", job_state_name(state), (double)counts[state]);
    }
}

static void put_workers(struct buf *out, struct pool *pool)
{
    size_t workers = 0, busy = 0, stalled = pool_stalled(pool);

    pool_counts(pool, &workers, &busy);
    stalled = stalled < busy ? stalled : busy; /* one may have ended between the two */
    counters_head(out, READING_WORKERS);
    put_labelled(out, READING_WORKERS, "state", "idle", (double)(workers - busy));
    put_labelled(out, READING_WORKERS, "state", "busy", (double)(busy - stalled));
    put_labelled(out, READING_WORKERS, "state", "stalled", (double)stalled);
}

/* What the store says; *err keeps the first thing that went wrong. */
static void put_store(struct buf *out, const struct server_context *c, struct err *err)
{
    const struct store_ops *ops = c->store->ops;
    int64_t counts[JOB_STATES] = {0}, datasets = 0, models = 0;
    bool paused = false;

    if (ops->job_counts(c->store, counts, err) == 0) {
        put_jobs(out, counts);
    }
    if (!err_is(err) && ops->queue_paused(c->store, &paused, err) == 0) {
        put(out, READING_QUEUE_PAUSED, paused ? 1 : 0);
    }
    if (!err_is(err) && ops->counts(c->store, &datasets, &models, err) == 0) {
        put(out, READING_DATASETS, (double)datasets);
        put(out, READING_MODELS, (double)models);
    }
}

static void put_room(struct buf *out, const struct server_context *c)
{
    struct room room = {.free = UINT64_MAX, .reserve = c->limits.disk_reserve};
    struct err why = ERR_INIT;

    put(out, READING_STORE_WRITABLE, api_may_write(c, &room, &why) == 0 ? 1 : 0);
    if (room.free != UINT64_MAX) {
        put(out, READING_DISK_FREE, (double)room.free);
        put(out, READING_DISK_HELD, (double)room.held);
    }
    put(out, READING_DISK_RESERVE, (double)room.reserve);
    err_fini(&why);
}

static void put_limits(struct buf *out, const struct server *server)
{
    const struct server_context *c = &server->context;
    int64_t expires = server_certificate_expires(server);
    size_t workers = 0, busy;

    pool_counts(c->pool, &workers, &busy);
    put(out, READING_QUEUE_LIMIT, (double)c->limits.max_queued);
    put(out, READING_JOB_MEMORY, (double)c->limits.memory_limit * (double)workers);
    put(out, READING_BODY_MEMORY, (double)atomic_load(&server->body_bytes));
    put(out, READING_BODY_LIMIT, (double)server->body_budget);
    put(out, READING_CONNECTIONS, (double)server_connections(server));
    if (expires != 0) {
        put(out, READING_CERTIFICATE, (double)expires);
    }
}

static void put_process(struct buf *out)
{
    struct process p;

    process_look(&p);
    put(out, READING_CPU, p.cpu_seconds);
    put(out, READING_RESIDENT, (double)p.resident_bytes);
    put(out, READING_VIRTUAL, (double)p.virtual_bytes);
    put(out, READING_FDS, (double)p.open_fds);
    put(out, READING_MAX_FDS, p.max_fds != SIZE_MAX ? (double)p.max_fds : INFINITY);
    put(out, READING_STARTED, p.started_at);
    put(out, READING_THREADS, (double)p.threads);
}

void api_metrics(struct request *req)
{
    const struct server_context *c = req->context;
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT;

    if (query_only(&req->query, NULL, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    put_build(&out, c);
    put_workers(&out, c->pool);
    put_store(&out, c, &err);
    if (err_is(&err)) {
        log_warn("the metrics are without what the store has: %s", err.detail);
    }
    put_room(&out, c);
    put_limits(&out, req->server);
    put_process(&out);
    counters_write(&out, routes, ARRAY_LEN(routes));
    respond_text(req, MHD_HTTP_OK, TYPE, &out);
    buf_fini(&out);
    err_fini(&err);
}
