/* POST /gc: let go of old jobs and unneeded datasets now, or only say what would go (?dry_run=1).
 *
 * Removing many jobs takes many commits, longer than a server's thread may be held. So the answer
 * is a stream whose text comes when all is done: each time the server asks for more, one piece is
 * removed. Until then there are only spaces, which JSON ignores and which keep the connection from
 * looking dead. When a piece fails after the first, the connection is cut; what is gone is gone,
 * and asking again goes on from there.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/api.h"
#include "http/respond.h"
#include "jobs/json_util.h"
#include "jobs/retention.h"

struct collecting {
    struct datasets *datasets;
    struct retention retention;
    struct store_gc_rule rule;
    struct store_gc done; /* all pieces together */
};

static void add(struct store_gc *done, const struct store_gc *piece)
{
    done->jobs += piece->jobs;
    done->datasets += piece->datasets;
    done->dataset_bytes += piece->dataset_bytes;
    done->more = piece->more;
}

/* ---- the body: {"keep_jobs": 100, "keep_days": 30}, each or both or nothing ---- */

static void read_keep(const json_t *body, const char *key, int64_t most, int64_t *out,
                      struct err *err)
{
    const json_t *value = json_object_get(body, key);
    char pointer[32], shown[JSON_UTIL_SHOWN + 8];

    if (value == NULL) {
        return;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > most) {
        (void)snprintf(pointer, sizeof pointer, "/%s", key); /* fits: our own keys */
        err_add(err, pointer, "must be a whole number from 0 to %lld, got %s", (long long)most,
                json_util_describe(value, shown));
        return;
    }
    *out = json_integer_value(value);
}

/* What is said replaces the daemon's own rule, all of it. */
static int read_body(const struct request *req, struct retention *out, struct err *err)
{
    struct retention said = {.keep_jobs = RETENTION_ALL, .keep_days = RETENTION_ALL};
    json_t *body = NULL;
    const char *key;
    json_t *value;

    if (req->body.len == 0) {
        return 0;
    }
    if (json_util_parse(req->body.data, req->body.len, JSON_UTIL_FEW, &body, err) != 0) {
        return -1;
    }
    if (!json_is_object(body)) {
        err_add(err, "", "must be an object");
    }
    json_object_foreach(body, key, value)
    {
        if (!err_full(err) && strcmp(key, "keep_jobs") != 0 && strcmp(key, "keep_days") != 0) {
            struct buf pointer = BUF_INIT;

            json_util_pointer(&pointer, key);
            err_add(err, pointer.data, "unknown key: keep_jobs and keep_days are known");
            buf_fini(&pointer);
        }
    }
    read_keep(body, "keep_jobs", RETENTION_MAX_JOBS, &said.keep_jobs, err);
    read_keep(body, "keep_days", RETENTION_MAX_DAYS, &said.keep_days, err);
    if (json_object_size(body) > 0) {
        *out = said;
    }
    json_decref(body);
    return err_is(err) ? -1 : 0;
}

/* ---- the answer ---- */

static void write_keep(struct jw *w, const char *key, int64_t value)
{
    if (value < 0) {
        jw_null(w, key);
    } else {
        jw_int(w, key, value);
    }
}

static void write_done(struct jw *w, const struct collecting *c, bool dry_run)
{
    jw_object(w, NULL);
    jw_bool(w, "dry_run", dry_run);
    write_keep(w, "keep_jobs", c->retention.keep_jobs);
    write_keep(w, "keep_days", c->retention.keep_days);
    jw_int(w, "jobs", c->done.jobs);
    jw_int(w, "datasets", c->done.datasets);
    jw_int(w, "dataset_bytes", c->done.dataset_bytes);
    jw_end(w);
}

static int stream_next(void *arg, struct buf *out)
{
    struct collecting *c = arg;
    struct store_gc piece = {.jobs = 0};
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    int rc;

    if (c->done.more) {
        if (datasets_gc(c->datasets, &c->rule, false, &piece, &err) != 0) {
            log_error("collecting garbage ended early: %s", err.detail);
            err_fini(&err);
            return -1;
        }
        add(&c->done, &piece);
    }
    if (c->done.more) {
        buf_puts(out, " ");
        return 1;
    }
    log_info("removed %lld old jobs and %lld datasets that no job needs, %.1f MB",
             (long long)c->done.jobs, (long long)c->done.datasets,
             (double)c->done.dataset_bytes / 1e6);
    write_done(&w, c, false);
    rc = w.failed ? -1 : buf_append(out, w.buf.data, w.buf.len);
    jw_fini(&w);
    return rc;
}

void api_gc_post(struct request *req)
{
    static const char *const known[] = {"dry_run", NULL};
    const struct server_context *context = req->context;
    struct collecting c = {.datasets = context->datasets, .retention = context->retention};
    struct store_gc piece = {.jobs = 0};
    struct err err = ERR_INIT;
    struct jw w = JW_INIT;
    bool dry_run = false;

    if (query_only(&req->query, known, &err) != 0 ||
        query_bool(&req->query, "dry_run", false, &dry_run, &err) != 0 ||
        read_body(req, &c.retention, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    c.rule = retention_rule(&c.retention);
    if (datasets_gc(c.datasets, &c.rule, dry_run, &piece, &err) != 0) {
        respond_err(req, &err);
        err_fini(&err);
        return;
    }
    add(&c.done, &piece);
    if (dry_run) {
        write_done(&w, &c, true);
        respond_json(req, MHD_HTTP_OK, &w);
        jw_fini(&w);
    } else {
        struct collecting *going = xcalloc(1, sizeof *going);

        *going = c;
        respond_stream(
            req, MHD_HTTP_OK, "application/json",
            &(struct respond_source){.next = stream_next, .done = free, .arg = going});
    }
    err_fini(&err);
}
