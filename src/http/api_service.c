/* The daemon about itself: /service, /healthz, /readyz, /openapi.json. */
#include "config.h"

#include <gnu/libc-version.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/mem.h"
#include "http/api.h"
#include "http/limits.h"
#include "http/media.h"
#include "http/respond.h"
#include "http/server_priv.h"
#include "jobs/room.h"

EMBED(openapi_json, "openapi.json");

static void write_limits(struct jw *w, const struct server *server)
{
    const struct limit *table;
    size_t n = 0, i;

    table = limits_table(&n);
    jw_object(w, "limits");
    for (i = 0; i < n; i++) {
        if (table[i].unit == LIMIT_SECONDS || table[i].unit == LIMIT_RATE) {
            jw_double(w, table[i].key, limits_value(server, i));
        } else {
            jw_int(w, table[i].key, (int64_t)limits_value(server, i));
        }
    }
    jw_end(w);
}

static void write_versions(struct jw *w, const struct server_context *c)
{
    jw_object(w, "versions");
    jw_string(w, "mlpd", PACKAGE_VERSION);
    jw_string(w, "store", c->store_version);
    jw_string(w, "libmicrohttpd", MHD_get_version());
    jw_string(w, "jansson", jansson_version_str());
    jw_string(w, "zlib", zlibVersion());
    jw_string(w, "libc", gnu_get_libc_version());
    jw_end(w);
}

int api_may_write(const struct server_context *c, struct room *room, struct err *err)
{
    struct room unheld;

    if (c->limits.state != NULL &&
        room_look(c->store, c->limits.state, c->limits.disk_reserve, room, err) != 0) {
        return -1;
    }
    if (c->store->ops->health(c->store, err) != 0) {
        return -1;
    }
    /* what is held comes back as jobs end, and a smaller job may fit before; without the reserve
     * nothing does */
    unheld = *room;
    unheld.held = 0;
    return room_for(&unheld, 0, "any job or dataset", err);
}

static void write_store(struct jw *w, const struct server_context *c)
{
    struct room room = {.free = UINT64_MAX, .reserve = c->limits.disk_reserve};
    struct err why = ERR_INIT;
    bool writable = api_may_write(c, &room, &why) == 0;

    jw_object(w, "store");
    jw_bool(w, "writable", writable);
    jw_string(w, "reason", writable ? NULL : why.detail);
    if (room.free <= INT64_MAX) {
        jw_int(w, "free_bytes", (int64_t)room.free);
    } else {
        jw_null(w, "free_bytes");
    }
    jw_int(w, "held_bytes", (int64_t)room.held);
    jw_int(w, "reserve_bytes", (int64_t)room.reserve);
    jw_end(w);
    err_fini(&why);
}

void api_service(struct request *req)
{
    const struct server_context *c = req->context;
    size_t workers = 0, busy = 0;
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;

    if (query_only(&req->query, NULL, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    pool_counts(c->pool, &workers, &busy);
    jw_object(&w, NULL);
    jw_string(&w, "version", PACKAGE_VERSION);
    jw_int(&w, "uptime_seconds", (int64_t)floor(clock_monotonic() - c->started_at));
    jw_object(&w, "workers");
    jw_int(&w, "total", (int64_t)workers);
    jw_int(&w, "busy", (int64_t)busy);
    jw_end(&w);
    if (api_queue_write(&w, "queue", c, &err) != 0) {
        respond_err(req, &err);
        jw_fini(&w);
        err_fini(&err);
        return;
    }
    write_store(&w, c);
    jw_object(&w, "memory");
    jw_int(&w, "resident_bytes", (int64_t)mem_resident());
    jw_int(&w, "limit_bytes", (int64_t)(c->limits.memory_limit * workers));
    jw_end(&w);
    write_limits(&w, req->server);
    jw_string(&w, "backend", mlp_backend());
    write_versions(&w, c);
    jw_end(&w);
    respond_json(req, MHD_HTTP_OK, &w);
    err_fini(&err);
}

static void answer_status(struct request *req, const char *status)
{
    struct jw w = JW_INIT;

    jw_object(&w, NULL);
    jw_string(&w, "status", status);
    jw_end(&w);
    respond_json(req, MHD_HTTP_OK, &w);
}

void api_healthz(struct request *req)
{
    answer_status(req, "ok");
}

void api_readyz(struct request *req)
{
    struct room room = {.free = UINT64_MAX};
    struct err err = ERR_INIT;

    if (atomic_load(&req->server->quiescing)) {
        respond_problem(req, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    } else if (api_may_write(req->context, &room, &err) != 0) {
        respond_refusal(req, MHD_HTTP_SERVICE_UNAVAILABLE, &err);
    } else {
        answer_status(req, "ready");
    }
    err_fini(&err);
}

void api_openapi(struct request *req)
{
    char etag[MEDIA_ETAG_LEN];

    media_etag(openapi_json, EMBED_LEN(openapi_json), etag);
    respond_static(req, "application/json", openapi_json, EMBED_LEN(openapi_json), NULL, etag);
}
