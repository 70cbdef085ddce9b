/* A job as its JSON object; see job_json.h.
 *
 * Four sources, each for its time: a running job's numbers come from the pool's memory, a
 * finished one's from its result, its latest epoch from the curve in the store, and where a
 * waiting one will go on from its newest checkpoint. A job that has not begun has none, and shows
 * null.
 */
#include "http/job_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/json_util.h"

/* What any of the sources told; NaN and 0 where none did. */
struct numbers {
    int64_t epoch, epochs;
    double fraction, samples_per_second, eta_seconds;
    double training_loss, validation_loss;
    char *metrics_json; /* owned */
    int64_t latest_epoch; /* of these losses and metrics; 0: there are none */
    int64_t best_epoch;
    char best_of[64]; /* the monitor's name */
    double best_value;
    char *sparkline_json; /* owned; NULL: none */
    bool stalled;
    bool fetching;
    uint64_t fetched_bytes, fetch_bytes, fetched_rows;
};

static double member_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t member_integer(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : 0;
}

/* JSON of our own making; NULL when there is none. */
static json_t *parse_own(const char *text)
{
    struct err err = ERR_INIT;
    json_t *json = NULL;

    if (text != NULL && json_util_parse(text, strlen(text), JSON_UTIL_MANY, &json, &err) != 0) {
        json = NULL;
    }
    err_fini(&err);
    return json;
}

static char *live_metrics(const struct pool_progress *live)
{
    struct jw w = JW_INIT;

    jw_object(&w, NULL);
    if (!isnan(live->validation_accuracy)) {
        jw_double(&w, "accuracy", live->validation_accuracy);
    }
    if (!isnan(live->validation_rmse)) {
        jw_double(&w, "rmse", live->validation_rmse);
    }
    jw_end(&w);
    return buf_take(&w.buf);
}

static char *live_sparkline(const struct pool_progress *live)
{
    double values[SPARK_MOST];
    size_t n = spark_values(&live->spark, values), i;
    struct jw w = JW_INIT;

    if (n == 0) {
        return NULL;
    }
    jw_object(&w, NULL);
    jw_string(&w, "of", isnan(live->validation_loss) ? "training_loss" : "validation_loss");
    jw_array(&w, "values");
    for (i = 0; i < n; i++) {
        jw_double(&w, NULL, values[i]);
    }
    jw_end(&w);
    jw_end(&w);
    return buf_take(&w.buf);
}

static void from_pool(struct numbers *n, const struct pool_progress *live)
{
    n->epoch = n->latest_epoch = (int64_t)live->epoch;
    n->epochs = (int64_t)live->epochs;
    n->fraction = live->fraction;
    n->samples_per_second = live->samples_per_second;
    n->eta_seconds = live->eta_seconds;
    n->training_loss = live->training_loss;
    n->validation_loss = live->validation_loss;
    n->metrics_json = live_metrics(live);
    n->sparkline_json = live_sparkline(live);
    n->best_epoch = (int64_t)live->best_epoch;
    memcpy(n->best_of, live->best_of, sizeof n->best_of);
    n->best_value = live->best_value;
    n->stalled = live->stalled;
    n->fetching = live->fetching;
    n->fetched_bytes = live->fetched_bytes;
    n->fetch_bytes = live->fetch_bytes;
    n->fetched_rows = live->fetched_rows;
}

/* A training's result without its last member, the small curve, whose text becomes *sparkline: a
 * page of jobs would read and print all its numbers only to show them as they were. */
static char *take_sparkline(const char *result, char **sparkline)
{
    static const char member[] = ",\"sparkline\":";
    const char *at = result != NULL ? strstr(result, member) : NULL;
    size_t head, len;

    if (at == NULL) {
        return result != NULL ? xstrdup(result) : NULL;
    }
    head = (size_t)(at - result);
    len = strlen(at + sizeof member - 1);
    CHK(len > 0); /* the object's end */
    *sparkline = xasprintf("%.*s", (int)len - 1, at + sizeof member - 1);
    return xasprintf("%.*s}", (int)head, result);
}

static void from_result(struct numbers *n, const struct store_job *job)
{
    /* an evaluation's has columns' names in it, any of which may be "sparkline" */
    bool trains = strcmp(job->kind, "train") == 0;
    char *rest = take_sparkline(trains ? job->result_json : NULL, &n->sparkline_json);
    json_t *result = parse_own(rest), *summary = parse_own(job->summary_json);
    json_t *resolved = summary == NULL ? parse_own(job->resolved_json) : NULL;
    const char *best_of = json_string_value(json_object_get(result, "best_of"));

    n->epoch = member_integer(result, "epochs");
    n->epochs = summary != NULL
                    ? member_integer(summary, "epochs")
                    : member_integer(json_object_get(resolved, "training"), "epochs");
    n->best_epoch = member_integer(result, "best_epoch");
    n->best_value = member_number(result, "best_loss");
    (void)snprintf(n->best_of, sizeof n->best_of, "%s",
                   best_of != NULL ? best_of : "validation_loss");
    free(rest);
    json_decref(result);
    json_decref(summary);
    json_decref(resolved);
}

static void from_point(struct numbers *n, struct store_point *point)
{
    n->latest_epoch = point->epoch;
    n->training_loss = point->training_loss;
    n->validation_loss = point->validation_loss;
    n->metrics_json = point->metrics_json; /* ours now */
    point->metrics_json = NULL;
}

/* The newest point the store has. */
static int from_curve(struct numbers *n, const struct server_context *c, int64_t job_id,
                      struct err *err)
{
    struct store_point last = {.epoch = 0};
    int rc = c->store->ops->curve_last(c->store, job_id, &last, err);

    if (rc == 0) {
        from_point(n, &last);
        n->epoch = n->epoch > last.epoch ? n->epoch : last.epoch;
    }
    n->latest_epoch = n->epoch;
    return rc < 0 ? -1 : 0;
}

/* The point of that very epoch, when it was kept. */
static int from_epoch(struct numbers *n, const struct server_context *c, int64_t job_id,
                      int64_t epoch, struct err *err)
{
    struct store_point *points = NULL;
    size_t n_points = 0;

    if (c->store->ops->curve_read(c->store, job_id, epoch - 1, 1, &points, &n_points, err) != 0) {
        return -1;
    }
    if (n_points == 1 && points[0].epoch == epoch) {
        from_point(n, &points[0]);
    }
    store_points_free(&points, n_points);
    return 0;
}

/* A job that waits goes on from its checkpoint; points past it will be made again. */
static int from_checkpoint(struct numbers *n, const struct server_context *c, int64_t job_id,
                           struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct store_point last = {.epoch = 0};
    size_t n_rows = 0;
    int rc;

    if (c->store->ops->checkpoint_list(c->store, job_id, rows, &n_rows, err) != 0) {
        return -1;
    }
    if (n_rows == 0 || rows[0].epoch == 0) {
        return 0; /* it begins with the first epoch */
    }
    n->epoch = rows[0].epoch;
    rc = c->store->ops->curve_last(c->store, job_id, &last, err);
    if (rc == 0 && last.epoch <= n->epoch) {
        from_point(n, &last);
    } else if (rc == 0) {
        rc = from_epoch(n, c, job_id, n->epoch, err);
    }
    free(last.metrics_json);
    return rc < 0 ? -1 : 0;
}

static bool waits(const struct store_job *job)
{
    return job->state == JOB_QUEUED || job->state == JOB_PAUSED;
}

static int gather(struct numbers *n, const struct server_context *c, const struct store_job *job,
                  struct err *err)
{
    struct pool_progress live;

    *n = (struct numbers){.fraction = NAN,
                          .samples_per_second = NAN,
                          .eta_seconds = NAN,
                          .training_loss = NAN,
                          .validation_loss = NAN,
                          .best_value = NAN};
    if (job->state == JOB_RUNNING && pool_progress_get(c->pool, job->id, &live)) {
        from_pool(n, &live);
        return 0;
    }
    from_result(n, job);
    if (job->attempt > 0 &&
        (waits(job) ? from_checkpoint : from_curve)(n, c, job->id, err) != 0) {
        return -1;
    }
    if (job->state == JOB_SUCCEEDED) {
        n->fraction = 1;
    } else if (n->epochs > 0) {
        n->fraction = (double)n->epoch / (double)n->epochs;
    } else if (waits(job) && n->epoch == 0) {
        n->fraction = 0;
    }
    n->eta_seconds = job->state >= JOB_SUCCEEDED ? 0 : NAN;
    return 0;
}

static void write_fetch(struct jw *w, const struct numbers *n)
{
    if (!n->fetching) {
        jw_null(w, "fetch");
        return;
    }
    jw_object(w, "fetch");
    jw_int(w, "bytes", (int64_t)n->fetched_bytes);
    if (n->fetch_bytes <= INT64_MAX) {
        jw_int(w, "of_bytes", (int64_t)n->fetch_bytes);
    } else {
        jw_null(w, "of_bytes");
    }
    jw_int(w, "rows", (int64_t)n->fetched_rows);
    jw_end(w);
}

static void write_numbers(struct jw *w, const struct numbers *n)
{
    jw_object(w, "progress");
    jw_int(w, "epoch", n->epoch);
    if (n->epochs > 0) {
        jw_int(w, "epochs", n->epochs);
    } else {
        jw_null(w, "epochs");
    }
    jw_double(w, "fraction", n->fraction);
    jw_double(w, "samples_per_second", n->samples_per_second);
    jw_double(w, "eta_seconds", n->eta_seconds);
    jw_bool(w, "stalled", n->stalled);
    write_fetch(w, n);
    jw_end(w);
    if (n->latest_epoch == 0) {
        jw_null(w, "latest");
    } else {
        jw_object(w, "latest");
        jw_int(w, "epoch", n->latest_epoch);
        jw_double(w, "training_loss", n->training_loss);
        jw_double(w, "validation_loss", n->validation_loss);
        jw_raw(w, "metrics", n->metrics_json != NULL ? n->metrics_json : "{}");
        jw_end(w);
    }
    if (n->best_epoch == 0) {
        jw_null(w, "best");
    } else {
        jw_object(w, "best");
        jw_int(w, "epoch", n->best_epoch);
        jw_double(w, n->best_of, n->best_value);
        jw_end(w);
    }
}

static void write_link(struct jw *w, const char *key, const char *folder, int64_t id,
                       const char *rest)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/%s/%" PRId64 "%s", folder, id, rest);
    jw_string(w, key, path);
}

static void write_error(struct jw *w, const struct store_job *job)
{
    if (job->error_code == NULL) {
        jw_null(w, "error");
        return;
    }
    jw_object(w, "error");
    jw_string(w, "code", job->error_code);
    jw_string(w, "detail", job->error_detail);
    jw_end(w);
}

/* What a list shows of the config; the dataset by the name it has now. */
static void write_summary(struct jw *w, const struct store_job *job)
{
    struct buf text = BUF_INIT;
    struct jw dataset = JW_INIT;

    if (job->summary_json == NULL || job->summary_json[0] != '{') {
        jw_null(w, "summary");
        return;
    }
    jw_object(&dataset, NULL);
    jw_string(&dataset, "name", job->dataset_name);
    jw_string(&dataset, "sha256", job->dataset_sha256[0] != '\0' ? job->dataset_sha256 : NULL);
    jw_end(&dataset);
    buf_printf(&text, "{\"dataset\":%s,%s", dataset.buf.data, job->summary_json + 1);
    jw_raw(w, "summary", text.data);
    jw_fini(&dataset);
    buf_fini(&text);
}

void job_json_links(struct jw *w, const struct store_job *job)
{
    bool runs = job->state == JOB_RUNNING && !job->cancel_requested;

    jw_object(w, "links");
    write_link(w, "self", "jobs", job->id, "");
    write_link(w, "curve", "jobs", job->id, "/curve");
    write_link(w, "deliveries", "jobs", job->id, "/deliveries");
    write_link(w, "cancel", "jobs", job->id, "/cancel");
    if (job->state == JOB_QUEUED || (runs && !job->pause_requested)) {
        write_link(w, "pause", "jobs", job->id, "/pause");
    }
    if (job->state == JOB_PAUSED || (runs && job->pause_requested)) {
        write_link(w, "resume", "jobs", job->id, "/resume");
    }
    if (job->model_id != 0) {
        write_link(w, "model", "models", job->model_id, "");
    }
    jw_end(w);
}

void job_json_model(struct jw *w, int64_t model_id)
{
    if (model_id != 0) {
        jw_int(w, "model_id", model_id);
    } else {
        jw_null(w, "model_id");
    }
}

int job_json_write(struct jw *w, const char *key, const struct server_context *context,
                   const struct store_job *job, int64_t position, bool full, struct err *err)
{
    struct numbers n;

    if (gather(&n, context, job, err) != 0) {
        return -1;
    }
    jw_object(w, key);
    jw_int(w, "id", job->id);
    jw_string(w, "kind", job->kind);
    job_json_model(w, job->model_id);
    jw_string(w, "name", job->name);
    jw_string(w, "state", job_state_name(job->state));
    jw_int(w, "attempt", job->attempt);
    jw_int(w, "priority", job->priority);
    if (position > 0) {
        jw_int(w, "queue_position", position);
    } else {
        jw_null(w, "queue_position");
    }
    jw_bool(w, "cancel_requested", job->cancel_requested);
    jw_bool(w, "pause_requested", job->pause_requested);
    jw_time(w, "created_at", job->created_at);
    jw_time(w, "started_at", job->started_at);
    jw_time(w, "finished_at", job->finished_at);
    write_summary(w, job);
    write_numbers(w, &n);
    jw_raw(w, "sparkline", n.sparkline_json);
    if (full) {
        jw_raw(w, "config", job->config_json);
        jw_raw(w, "resolved", job->resolved_json);
        jw_raw(w, "result", job->result_json);
    }
    jw_raw(w, "warnings", job->warnings_json != NULL ? job->warnings_json : "[]");
    write_error(w, job);
    job_json_links(w, job);
    jw_end(w);
    free(n.metrics_json);
    free(n.sparkline_json);
    return 0;
}
