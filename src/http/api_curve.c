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

/* What is answered. */
struct curve {
    int64_t job_id;
    const struct store_point *points;
    const bool *keep;
    size_t n, kept;
    int64_t best_epoch;        /* 0: none yet */
    int64_t batch, accumulate; /* rows of a batch, batches of a step; 0: steps are not known */
    bool complete;
};

static void put_known(struct jw *w, const char *key, int64_t n)
{
    if (n > 0) {
        jw_int(w, key, n);
    } else {
        jw_null(w, key);
    }
}

/* Steps of the optimizer up to the end of this epoch: all epochs have equally many. */
static int64_t step_of(const struct curve *c, const struct store_point *p)
{
    int64_t batches;

    if (c->batch <= 0 || p->samples <= 0) {
        return 0;
    }
    batches = (p->samples + c->batch - 1) / c->batch;
    return p->epoch * ((batches + c->accumulate - 1) / c->accumulate);
}

static void write_point(struct jw *w, const struct curve *c, const struct store_point *p)
{
    jw_object(w, NULL);
    jw_int(w, "epoch", p->epoch);
    put_known(w, "step", step_of(c, p));
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

static void write_json(struct jw *w, const struct curve *c)
{
    size_t i;

    jw_object(w, NULL);
    jw_int(w, "job_id", c->job_id);
    jw_array(w, "points");
    for (i = 0; i < c->n; i++) {
        if (c->keep[i]) {
            write_point(w, c, &c->points[i]);
        }
    }
    jw_end(w);
    jw_int(w, "of_points", (int64_t)c->n);
    put_known(w, "best_epoch", c->best_epoch);
    jw_bool(w, "complete", c->complete);
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

/* ---- columns: what draws curves wants whole lists ---- */

enum column { EPOCH, STEP, TRAINING_LOSS, VALIDATION_LOSS, LEARNING_RATE, SECONDS, ELAPSED, SAMPLES };
static const char *const columns[] = {"epoch",         "step",    "training_loss",
                                      "validation_loss", "learning_rate", "seconds",
                                      "elapsed_seconds", "samples"};

static void write_column(struct jw *w, const struct curve *c, enum column column)
{
    size_t i;

    jw_array(w, columns[column]);
    for (i = 0; i < c->n; i++) {
        const struct store_point *p = &c->points[i];
        const double numbers[] = {[TRAINING_LOSS] = p->training_loss,
                                  [VALIDATION_LOSS] = p->validation_loss,
                                  [LEARNING_RATE] = p->learning_rate,
                                  [SECONDS] = p->seconds,
                                  [ELAPSED] = p->elapsed_seconds};

        if (!c->keep[i]) {
            continue;
        }
        if (column == STEP) {
            put_known(w, NULL, step_of(c, p));
        } else if (column == EPOCH || column == SAMPLES) {
            jw_int(w, NULL, column == EPOCH ? p->epoch : p->samples);
        } else {
            jw_double(w, NULL, numbers[column]);
        }
    }
    jw_end(w);
}

/* Of trees [kept], the member `name`, or item k. */
static void write_members(struct jw *w, json_t *const *trees, size_t kept, const char *name,
                          size_t k)
{
    size_t i;

    jw_array(w, name);
    for (i = 0; i < kept; i++) {
        const json_t *value =
            name != NULL ? json_object_get(trees[i], name) : json_array_get(trees[i], k);

        jw_double(w, NULL, json_is_number(value) ? json_number_value(value) : NAN);
    }
    jw_end(w);
}

/* Metrics and gradient norms: those that the first point has, as in a table. */
static void write_trees(struct jw *w, const struct curve *c)
{
    json_t **metrics = xcalloc(c->kept + 1, sizeof(json_t *));
    json_t **norms = xcalloc(c->kept + 1, sizeof(json_t *)), *value;
    const char *name;
    size_t i, n = 0;

    for (i = 0; i < c->n; i++) {
        if (c->keep[i]) {
            metrics[n] = tree_of(c->points[i].metrics_json);
            norms[n++] = tree_of(c->points[i].gradient_norms_json);
        }
    }
    jw_object(w, "metrics");
    json_object_foreach(metrics[0], name, value)
    {
        write_members(w, metrics, n, name, 0);
    }
    jw_end(w);
    if (json_array_size(norms[0]) == 0) {
        jw_null(w, "gradient_norms");
    } else {
        jw_array(w, "gradient_norms");
        for (i = 0; i < json_array_size(norms[0]); i++) {
            write_members(w, norms, n, NULL, i);
        }
        jw_end(w);
    }
    for (i = 0; i < n; i++) {
        json_decref(metrics[i]);
        json_decref(norms[i]);
    }
    free(metrics);
    free(norms);
}

static void write_columns(struct jw *w, const struct curve *c)
{
    size_t i;

    jw_object(w, NULL);
    jw_int(w, "job_id", c->job_id);
    jw_object(w, "columns");
    for (i = 0; i < ARRAY_LEN(columns); i++) {
        write_column(w, c, (enum column)i);
    }
    write_trees(w, c);
    jw_end(w);
    jw_int(w, "points", (int64_t)c->kept);
    jw_int(w, "of_points", (int64_t)c->n);
    put_known(w, "best_epoch", c->best_epoch);
    jw_bool(w, "complete", c->complete);
    jw_end(w);
}

/* ---- the request ---- */

/* What the job knows of its curve. A line search takes as many steps as it likes. */
static void look_at_job(struct curve *c, const struct server_context *context,
                        const struct store_job *job)
{
    json_t *resolved = tree_of(job->resolved_json), *result = tree_of(job->result_json);
    const json_t *training = json_object_get(resolved, "training");
    const char *optimizer =
        json_string_value(json_object_get(json_object_get(resolved, "optimizer"), "type"));
    struct pool_progress live;

    c->complete = job->state >= JOB_SUCCEEDED;
    c->batch = json_integer_value(json_object_get(training, "batch_size"));
    c->accumulate = json_integer_value(json_object_get(training, "accumulate"));
    c->accumulate = c->accumulate > 0 ? c->accumulate : 1;
    if (optimizer != NULL && strcmp(optimizer, "rprop") == 0) {
        c->batch = INT64_MAX / 2; /* all rows */
    }
    c->best_epoch = json_integer_value(json_object_get(result, "best_epoch"));
    if (job->state == JOB_RUNNING && pool_progress_get(context->pool, job->id, &live)) {
        c->best_epoch = (int64_t)live.best_epoch;
    }
    json_decref(resolved);
    json_decref(result);
}

static int read_form(const struct request *req, bool *columnwise, struct err *err)
{
    const char *form = query_get(&req->query, "form");

    *columnwise = form != NULL && strcmp(form, "columns") == 0;
    if (form != NULL && !*columnwise && strcmp(form, "points") != 0) {
        (void)err_set(err, ERR_SYNTAX, "there is no form \"%.40s\"", form);
        return err_add(err, "/form", "points or columns");
    }
    return 0;
}

static void answer(struct request *req, const struct curve *c, bool columnwise)
{
    struct buf csv = BUF_INIT;
    struct jw w = JW_INIT;

    respond_header(req, "Vary", "Accept");
    if (media_prefers_csv(request_header(req, "Accept"))) {
        write_csv(&csv, c->points, c->n, c->keep);
        respond_text(req, MHD_HTTP_OK, "text/csv; charset=utf-8", &csv);
    } else {
        (columnwise ? write_columns : write_json)(&w, c);
        respond_json(req, MHD_HTTP_OK, &w);
    }
    jw_fini(&w);
    buf_fini(&csv);
}

void api_jobs_curve(struct request *req)
{
    static const char *const known[] = {"after", "max_points", "form", NULL};
    const struct server_context *context = req->context;
    struct store_point *points = NULL;
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    struct curve c = {.job_id = req->id};
    int64_t after = 0, max_points = 0;
    bool *keep = NULL, columnwise = false;
    size_t i;

    if (query_only(&req->query, known, &err) != 0 || read_form(req, &columnwise, &err) != 0 ||
        query_int(&req->query, "after", 0, INT64_MAX, 0, &after, &err) != 0 ||
        query_int(&req->query, "max_points", 2, CURVE_MOST_POINTS, CURVE_MOST_POINTS, &max_points,
                  &err) != 0 ||
        context->store->ops->job_get(context->store, req->id, &job, &err) != 0 ||
        context->store->ops->curve_read(context->store, req->id, after, 0, &points, &c.n, &err) !=
            0) {
        respond_err(req, &err);
    } else {
        look_at_job(&c, context, &job);
        c.points = points;
        c.keep = keep = xcalloc(c.n + 1, sizeof *keep);
        curve_thin(points, c.n, (size_t)max_points, c.best_epoch, keep);
        for (i = 0; i < c.n; i++) {
            c.kept += keep[i];
        }
        answer(req, &c, columnwise);
    }
    free(keep);
    store_job_fini(&job);
    store_points_free(&points, c.n);
    err_fini(&err);
}
