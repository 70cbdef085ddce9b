/* Jobs: how they come to be, and how they end.
 *
 *   submit -> queued -> running -> succeeded | failed | cancelled
 *                ^ ^       | |
 *                | +-------+ |  release (shutdown) and recovery (a killed daemon)
 *                +-- paused -+
 *   queued and paused -> cancelled directly; running keeps running with cancel_requested
 *
 * What happens in between (claim, release, pause) is in store_queue.c, what a restart finds in
 * store_recover.c. All of it runs as commands on the writer's thread. Every transition is
 * compare-and-set: an UPDATE names the state (and the owner) it starts from, and one that
 * changed no row is refused. Each writes its event and what the job tells others of it
 * (store_deliveries.c) and settles the job's model in the same transaction: while a train job has
 * not ended its model is pending, and never afterwards; and a job that has ended has no
 * checkpoints.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

/* ---- helpers of transitions ---- */

int store_jobs_refused(struct db *db, int64_t id, const char *what, struct err *err)
{
    struct store_job job = {.id = 0};
    const char *state;

    if (store_job_list_read(db, id, &job, err) != 0) {
        return -1; /* there is none */
    }
    state = job_state_name(job.state);
    store_job_fini(&job);
    return err_set(err, ERR_CONFLICT, "job %lld is %s: %s", (long long)id, state, what);
}

int store_jobs_change(struct db *db, struct sql *q, int64_t id, const char *what,
                      struct err *err)
{
    if (sql_run(q, err) != 0) {
        return -1;
    }
    return db_changes(db) == 1 ? 0 : store_jobs_refused(db, id, what, err);
}

int store_jobs_became(struct db *db, int64_t id, int64_t at, enum job_state state,
                      const char *detail, struct err *err)
{
    return store_events_insert(db, id, at, job_state_name(state), detail, err) != 0
               ? -1
               : store_deliveries_add(db, id, at, state, err);
}

/* "code: detail", "code" or NULL; owned. */
static char *reason(const char *code, const char *detail)
{
    if (code == NULL) {
        return NULL;
    }
    return detail == NULL ? xstrdup(code) : xasprintf("%s: %s", code, detail);
}

/* ---- submit ---- */

struct submit {
    const struct store_job_new *job;
    int64_t job_id, model_id;
};

/* As far as it matters: a long queue is not counted to its end. */
static int check_queue(struct db *db, int64_t max_queued, struct err *err)
{
    int64_t queued = 0;
    struct sql q;

    if (max_queued <= 0) {
        return 0;
    }
    q = sql_open(db, "SELECT count(*) FROM (SELECT 1 FROM job WHERE state = 'queued' LIMIT ?)");
    sql_int(&q, 1, max_queued);
    if (sql_scalar(&q, &queued, err) != 0) {
        return -1;
    }
    if (queued >= max_queued) {
        counter_add(COUNTER_REFUSALS, REFUSED_QUEUE, 1);
        return err_set(err, ERR_BUSY, "%lld jobs are queued, and no more are taken until one ends",
                       (long long)queued);
    }
    return 0;
}

/* Its data must still be there at the commit, or the job could never run. */
static int add_datasets(struct db *db, int64_t job_id, const struct store_job_new *job,
                        struct err *err)
{
    for (size_t i = 0; i < job->n_datasets; i++) {
        int64_t there = 0;
        struct sql q = sql_open(db, "SELECT 1 FROM dataset WHERE sha256 = ? LIMIT 1");
        int rc;

        sql_text(&q, 1, job->datasets[i]);
        rc = sql_scalar(&q, &there, err);
        if (rc < 0) {
            return -1;
        }
        if (rc == 1) {
            return err_set(err, ERR_CONFLICT, "the dataset sha256:%s was deleted meanwhile",
                           job->datasets[i]);
        }
        q = sql_open(db, "INSERT INTO job_dataset (job_id, seq, sha256) VALUES (?, ?, ?)");
        sql_int(&q, 1, job_id);
        sql_int(&q, 2, (int64_t)i);
        sql_text(&q, 3, job->datasets[i]);
        if (sql_run(&q, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_model(struct db *db, int64_t model_id, struct err *err)
{
    int64_t failed = 0;
    struct sql q = sql_open(db, "SELECT state = 'failed' FROM model WHERE id = ?");
    int rc;

    sql_int(&q, 1, model_id);
    rc = sql_scalar(&q, &failed, err);
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND, "there is no model %lld", (long long)model_id);
    }
    if (rc == 0 && failed) {
        return err_set(err, ERR_CONFLICT, "model %lld has no weights and will get none",
                       (long long)model_id);
    }
    return rc;
}

static int put_summary(struct db *db, int64_t id, const char *json, struct err *err)
{
    struct sql q;

    if (json == NULL) {
        return 0;
    }
    q = sql_open(db, "INSERT OR REPLACE INTO job_summary (job_id, json) VALUES (?, ?)");
    sql_int(&q, 1, id);
    sql_text(&q, 2, json);
    return sql_run(&q, err);
}

static int run_submit(struct db *db, void *arg, struct err *err)
{
    struct submit *s = arg;
    const struct store_job_new *job = s->job;
    int64_t at = clock_now_ms();
    struct sql q;
    int rc;

    if (job->key != NULL) { /* first: asked again, it is no new job, whatever else holds */
        rc = store_keys_find(db, job->key, job->body_sha256, at, &s->job_id, &s->model_id, err);
        if (rc <= 0) {
            return rc == 0 ? 1 : -1;
        }
    }
    if (check_queue(db, job->max_queued, err) != 0
        || (job->model_id != 0 && check_model(db, job->model_id, err) != 0)
        || (job->parent_id != 0 && check_model(db, job->parent_id, err) != 0)) {
        return -1;
    }
    q = sql_open(db, "INSERT INTO job (kind, name, state, created_at, warnings, config, resolved,"
                     " parent_id, priority, disk_bytes) VALUES (?, ?, 'queued', ?,"
                     " coalesce(?, '[]'), ?, ?, nullif(?, 0), ?, ?) RETURNING id");
    sql_text(&q, 1, job->kind);
    sql_text(&q, 2, job->name);
    sql_int(&q, 3, at);
    sql_text(&q, 4, job->warnings_json);
    sql_text(&q, 5, job->config_json);
    sql_text(&q, 6, job->resolved_json);
    sql_int(&q, 7, job->parent_id);
    sql_int(&q, 8, job->priority);
    sql_int(&q, 9, job->disk_bytes);
    if (sql_scalar(&q, &s->job_id, err) != 0) {
        return -1;
    }
    CRASH_POINT("jobs-after-submit-row");
    s->model_id = job->model_id;
    if (s->model_id == 0 && !job->no_model
        && store_models_insert(db, s->job_id, job, at, &s->model_id, err) != 0) {
        return -1;
    }
    q = sql_open(db, "UPDATE job SET model_id = nullif(?, 0) WHERE id = ?");
    sql_int(&q, 1, s->model_id);
    sql_int(&q, 2, s->job_id);
    if (sql_run(&q, err) != 0 || add_datasets(db, s->job_id, job, err) != 0
        || put_summary(db, s->job_id, job->summary_json, err) != 0
        || (job->key != NULL
            && store_keys_insert(db, job->key, job->body_sha256, at, s->job_id, err) != 0)
        || (job->notify != NULL
            && store_deliveries_wish(db, s->job_id, job->notify, err) != 0)) {
        return -1;
    }
    CRASH_POINT("jobs-before-submit-event");
    return store_jobs_became(db, s->job_id, at, JOB_QUEUED, NULL, err);
}

int store_jobs_submit(struct store *store, const struct store_job_new *job, int64_t *job_id,
                      int64_t *model_id, struct err *err)
{
    struct submit s = {.job = job};
    int rc;

    CHK(job->key == NULL || job->body_sha256 != NULL);
    rc = store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_submit, &s, err);
    if (rc < 0) {
        return -1;
    }
    *job_id = s.job_id;
    *model_id = s.model_id;
    return rc;
}

/* ---- settle ---- */

struct settle {
    int64_t id;
    const char *owner;
    const struct store_job_new *job;
};

static int run_settle(struct db *db, void *arg, struct err *err)
{
    const struct settle *s = arg;
    struct sql q = sql_open(db, "UPDATE job SET resolved = ?1, warnings = coalesce(?2, '[]'),"
                                " disk_bytes = ?3"
                                " WHERE id = ?4 AND state = 'running' AND owner = ?5");

    sql_text(&q, 1, s->job->resolved_json);
    sql_text(&q, 2, s->job->warnings_json);
    sql_int(&q, 3, s->job->disk_bytes);
    sql_int(&q, 4, s->id);
    sql_text(&q, 5, s->owner);
    if (store_jobs_change(db, &q, s->id, "this worker does not run it and cannot settle it", err)
        != 0) {
        return -1;
    }
    q = sql_open(db, "DELETE FROM job_dataset WHERE job_id = ?");
    sql_int(&q, 1, s->id);
    if (sql_run(&q, err) != 0 || add_datasets(db, s->id, s->job, err) != 0
        || put_summary(db, s->id, s->job->summary_json, err) != 0) {
        return -1;
    }
    CRASH_POINT("jobs-before-settle-model");
    q = sql_open(db, "UPDATE model SET dataset_sha256 = ? WHERE job_id = ? AND state = 'pending'");
    sql_text(&q, 1, s->job->n_datasets > 0 ? s->job->datasets[0] : NULL);
    sql_int(&q, 2, s->id);
    return sql_run(&q, err);
}

int store_jobs_settle(struct store *store, int64_t id, const char *owner,
                      const struct store_job_new *job, struct err *err)
{
    struct settle s = {.id = id, .owner = owner, .job = job};

    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_settle, &s, err);
}

/* ---- finish ---- */

struct finish {
    int64_t id;
    const char *owner;
    const struct store_outcome *outcome;
    struct store_hashes hashes;
};

static int run_finish(struct db *db, void *arg, struct err *err)
{
    const struct finish *f = arg;
    const struct store_outcome *o = f->outcome;
    const char *error_code = o->state == JOB_FAILED ? o->error_code : NULL;
    const char *error_detail = o->state == JOB_FAILED ? o->error_detail : NULL;
    int64_t at = clock_now_ms();
    char *detail;
    int rc;
    struct sql q = sql_open(db, "UPDATE job SET state = ?1, owner = NULL, finished_at = ?2,"
                                " pause_requested = 0,"
                                " result = ?3, warnings = coalesce(?4, warnings),"
                                " error_code = ?5, error_detail = ?6"
                                " WHERE id = ?7 AND state = 'running' AND owner = ?8");

    sql_text(&q, 1, job_state_name(o->state));
    sql_int(&q, 2, at);
    sql_text(&q, 3, o->result_json);
    sql_text(&q, 4, o->warnings_json);
    sql_text(&q, 5, error_code);
    sql_text(&q, 6, error_detail);
    sql_int(&q, 7, f->id);
    sql_text(&q, 8, f->owner);
    if (store_jobs_change(db, &q, f->id, "this worker does not run it and cannot end it", err)
        != 0) {
        return -1;
    }
    CRASH_POINT("jobs-after-finish-row");
    rc = o->has_model ? store_models_publish(db, f->id, o, &f->hashes, at, err)
                      : store_models_fail(db, f->id, at, err);
    if (rc != 0 || store_checkpoints_forget(db, f->id, err) != 0) {
        return -1;
    }
    CRASH_POINT("jobs-before-finish-event");
    detail = reason(error_code, error_detail);
    rc = store_jobs_became(db, f->id, at, o->state, detail, err);
    free(detail);
    return rc;
}

_Static_assert(JOB_FAILED - JOB_SUCCEEDED == (int)ENDED_FAILED
                   && JOB_CANCELLED - JOB_SUCCEEDED == (int)ENDED_CANCELLED,
               "the ends that are counted are the states, in their order");

int store_jobs_finish(struct store *store, int64_t id, const char *owner,
                      const struct store_outcome *outcome, struct err *err)
{
    struct finish f = {.id = id, .owner = owner, .outcome = outcome};

    CHK(outcome->state == JOB_SUCCEEDED || outcome->state == JOB_FAILED
        || outcome->state == JOB_CANCELLED);
    if (outcome->has_model) {
        /* Here, on the worker's thread: hashing a large model would hold the writer up. */
        hash_hex(outcome->weights, outcome->weights_bytes, f.hashes.weights);
        if (outcome->state_bytes > 0) {
            hash_hex(outcome->trainer_state, outcome->state_bytes, f.hashes.state);
        }
    }
    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_finish, &f, err)
        != 0) {
        return -1;
    }
    counter_add(COUNTER_JOBS_FINISHED, (size_t)(outcome->state - JOB_SUCCEEDED), 1);
    return 0;
}

/* ---- ends without a worker's word, delete ---- */

int store_jobs_end(struct db *db, int64_t id, enum job_state state, const char *error_code,
                   const char *detail, struct err *err)
{
    int64_t at = clock_now_ms();
    char *text;
    int rc;
    struct sql q = sql_open(db, "UPDATE job SET state = ?1, owner = NULL, finished_at = ?2,"
                                " pause_requested = 0,"
                                " cancel_requested = cancel_requested OR ?1 = 'cancelled',"
                                " error_code = ?3, error_detail = iif(?3 IS NULL, NULL, ?4)"
                                " WHERE id = ?5 AND state IN ('queued', 'running', 'paused')");

    CHK(state == JOB_CANCELLED || (state == JOB_FAILED && error_code != NULL));
    sql_text(&q, 1, job_state_name(state));
    sql_int(&q, 2, at);
    sql_text(&q, 3, error_code);
    sql_text(&q, 4, detail);
    sql_int(&q, 5, id);
    if (store_jobs_change(db, &q, id, "it has ended", err) != 0
        || store_models_fail(db, id, at, err) != 0 || store_checkpoints_forget(db, id, err) != 0) {
        return -1;
    }
    if (error_code == NULL) {
        return store_jobs_became(db, id, at, state, detail, err);
    }
    text = reason(error_code, detail);
    rc = store_jobs_became(db, id, at, state, text, err);
    free(text);
    return rc;
}

struct cancel {
    int64_t id;
    enum job_state state; /* after it */
    bool ended;           /* by this */
};

static int run_cancel(struct db *db, void *arg, struct err *err)
{
    struct cancel *c = arg;
    struct store_job job = {.id = 0};
    bool asked;
    struct sql q;

    if (store_job_list_read(db, c->id, &job, err) != 0) {
        return -1;
    }
    c->state = job.state;
    asked = job.cancel_requested;
    store_job_fini(&job);
    if (c->state == JOB_QUEUED || c->state == JOB_PAUSED) {
        c->state = JOB_CANCELLED;
        c->ended = true;
        return store_jobs_end(db, c->id, JOB_CANCELLED, NULL, NULL, err);
    }
    if (c->state != JOB_RUNNING || asked) {
        return 0;
    }
    /* The stronger word: a pause asked for before is off. */
    q = sql_open(db, "UPDATE job SET cancel_requested = 1, pause_requested = 0"
                     " WHERE id = ? AND state = 'running'");
    sql_int(&q, 1, c->id);
    if (store_jobs_change(db, &q, c->id, "it cannot be cancelled", err) != 0) {
        return -1;
    }
    return store_events_insert(db, c->id, clock_now_ms(), "cancel_requested", NULL, err);
}

int store_jobs_cancel(struct store *store, int64_t id, enum job_state *out, struct err *err)
{
    struct cancel c = {.id = id};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_cancel, &c, err)
        != 0) {
        return -1;
    }
    counter_add(COUNTER_JOBS_FINISHED, ENDED_CANCELLED, c.ended ? 1 : 0);
    *out = c.state;
    return 0;
}

static int run_delete(struct db *db, void *arg, struct err *err)
{
    const int64_t *id = arg;
    /* The curve, events, deliveries, the key and the needs for datasets go with the row. */
    struct sql q = sql_open(db, "DELETE FROM job WHERE id = ?"
                                " AND state IN ('succeeded', 'failed', 'cancelled')");

    sql_int(&q, 1, *id);
    return store_jobs_change(db, &q, *id, "cancel it and wait for its end before deleting it", err);
}

int store_jobs_delete(struct store *store, int64_t id, struct err *err)
{
    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_delete, &id,
                             err);
}
