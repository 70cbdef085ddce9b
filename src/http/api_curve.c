/* GET /jobs/{id}/curve: the points of a learning curve, as JSON or CSV, thinned on request.
 *
 * Thinning cuts the curve into stretches and keeps, of each, where the two losses are lowest
 * and highest, and always the first and the last point: a spike or the best epoch is never
 * smoothed away. The job's state is read before its points, so that "complete" is never said
 * of a curve that still lacked some.
 */
#include <jansson.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/api.h"
#include "http/curve.h"
#include "http/media.h"
#include "http/respond.h"
#include "jobs/json_util.h"

static void write_json(struct jw *w, int64_t job_id, const struct store_point *points, size_t n,
                       const bool *keep, bool complete)
{
    size_t i;

    jw_object(w, NULL);
    jw_int(w, "job_id", job_id);
    jw_array(w, "points");
    for (i = 0; i < n; i++) {
        const struct store_point *p = &points[i];

        if (!keep[i]) {
            continue;
        }
        jw_object(w, NULL);
        jw_int(w, "epoch", p->epoch);
        jw_double(w, "training_loss", p->training_loss);
        jw_double(w, "validation_loss", p->validation_loss);
        jw_double(w, "learning_rate", p->learning_rate);
        jw_raw(w, "metrics", p->metrics_json != NULL ? p->metrics_json : "{}");
        if (p->gradient_norms_json != NULL) {
            jw_raw(w, "gradient_norms", p->gradient_norms_json);
        }
        jw_double(w, "seconds", p->seconds);
        jw_int(w, "samples", p->samples);
        jw_double(w, "elapsed_seconds", p->elapsed_seconds);
        jw_end(w);
    }
    jw_end(w);
    jw_bool(w, "complete", complete);
    jw_end(w);
}

static json_t *tree_of(const char *json)
{
    return json != NULL ? json_loads(json, 0, NULL) : NULL;
}

static void csv_number(struct buf *out, double value)
{
    buf_puts(out, ",");
    if (isfinite(value)) {
        json_util_number(out, value);
    }
}

/* The metrics' columns are those of the first point; all points of a job have the same. Their
 * names are our own words and need no quotes. */
static void write_csv(struct buf *out, const struct store_point *points, size_t n, const bool *keep)
{
    json_t *names = n != 0 ? tree_of(points[0].metrics_json) : NULL, *metrics, *value;
    json_t *norms = n != 0 ? tree_of(points[0].gradient_norms_json) : NULL;
    size_t layers = json_array_size(norms), i, k;
    const char *name;

    json_decref(norms);

    buf_puts(out, "epoch,training_loss,validation_loss,learning_rate,seconds,samples,"
                  "elapsed_seconds");
    json_object_foreach(names, name, value)
    {
        buf_printf(out, ",%s", name);
    }
    for (k = 0; k < layers; k++) {
        buf_printf(out, ",gradient_norm_%zu", k + 1);
    }
    buf_puts(out, "\n");
    for (i = 0; i < n; i++) {
        const struct store_point *p = &points[i];

        if (!keep[i]) {
            continue;
        }
        buf_printf(out, "%" PRId64, p->epoch);
        csv_number(out, p->training_loss);
        csv_number(out, p->validation_loss);
        csv_number(out, p->learning_rate);
        csv_number(out, p->seconds);
        buf_printf(out, ",%" PRId64, p->samples);
        csv_number(out, p->elapsed_seconds);
        metrics = tree_of(p->metrics_json);
        json_object_foreach(names, name, value)
        {
            const json_t *m = json_object_get(metrics, name);

            csv_number(out, json_is_number(m) ? json_number_value(m) : NAN);
        }
        json_decref(metrics);
        norms = layers > 0 ? tree_of(p->gradient_norms_json) : NULL;
        for (k = 0; k < layers; k++) {
            const json_t *norm = json_array_get(norms, k);

            csv_number(out, json_is_number(norm) ? json_number_value(norm) : NAN);
        }
        json_decref(norms);
        buf_puts(out, "\n");
    }
    json_decref(names);
}

void api_jobs_curve(struct request *req)
{
    static const char *const known[] = {"after", "max_points", NULL};
    const struct server_context *c = req->context;
    struct store_point *points = NULL;
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    struct buf csv = BUF_INIT;
    struct jw w = JW_INIT;
    int64_t after = 0, max_points = 0;
    bool *keep = NULL;
    size_t n = 0;

    if (query_only(&req->query, known, &err) != 0 ||
        query_int(&req->query, "after", 0, INT64_MAX, 0, &after, &err) != 0 ||
        query_int(&req->query, "max_points", 2, CURVE_MOST_POINTS, CURVE_MOST_POINTS, &max_points,
                  &err) != 0 ||
        c->store->ops->job_get(c->store, req->id, &job, &err) != 0 ||
        c->store->ops->curve_read(c->store, req->id, after, 0, &points, &n, &err) != 0) {
        respond_err(req, &err);
    } else {
        keep = xcalloc(n + 1, sizeof *keep);
        curve_thin(points, n, (size_t)max_points, keep);
        respond_header(req, "Vary", "Accept");
        if (media_prefers_csv(request_header(req, "Accept"))) {
            write_csv(&csv, points, n, keep);
            respond_text(req, MHD_HTTP_OK, "text/csv; charset=utf-8", &csv);
        } else {
            write_json(&w, req->id, points, n, keep, job.state >= JOB_SUCCEEDED);
            respond_json(req, MHD_HTTP_OK, &w);
        }
    }
    free(keep);
    jw_fini(&w);
    buf_fini(&csv);
    store_job_fini(&job);
    store_points_free(&points, n);
    err_fini(&err);
}
