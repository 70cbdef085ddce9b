/* The queue: who runs next, what an attempt says of itself, pauses.
 *
 * The order of claims is the priority (highest first) and then the id (oldest first), so a job
 * that comes back is at its old place. All of it runs as commands on the writer's thread, as
 * compare-and-set transitions; see store_jobs.c.
 *
 * Each claim counts an attempt as barren, that is without a new checkpoint, until one is added
 * (then the count is 0) or the attempt is released (then it is taken back: a graceful end never
 * counts). What is left of the count when a daemon was killed is judged in store_recover.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "store/store_sqlite_priv.h"

/* ---- the whole queue ---- */

static int queue_is_paused(struct db *db, int64_t *out, struct err *err)
{
    struct sql q = sql_open(db, "SELECT EXISTS (SELECT 1 FROM setting"
                                " WHERE name = 'queue_paused' AND value = '1')");

    return sql_scalar(&q, out, err) == 0 ? 0 : -1;
}

static int run_queue_pause(struct db *db, void *arg, struct err *err)
{
    const bool *paused = arg;
    struct sql q = sql_open(db, "INSERT OR REPLACE INTO setting (name, value)"
                                " VALUES ('queue_paused', ?)");

    sql_text(&q, 1, *paused ? "1" : "0");
    return sql_run(&q, err);
}

int store_queue_pause(struct store *store, bool paused, struct err *err)
{
    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_queue_pause,
                             &paused, err);
}

int store_queue_paused(struct store *store, bool *out, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    int64_t paused = 0;
    int rc = queue_is_paused(db, &paused, err);

    store_sqlite_reader_back(s, db);
    if (rc == 0) {
        *out = paused != 0;
    }
    return rc;
}

/* ---- claim ---- */

struct claim {
    const char *owner;
    struct store_job job;
    int64_t wait_ms;
};

/* 0, 1 without one (then wait_ms is set). */
static int find_next(struct db *db, int64_t at, int64_t *id, int64_t *wait_ms, struct err *err)
{
    int64_t paused = 0, until = 0;
    struct sql q;
    int rc;

    if (queue_is_paused(db, &paused, err) != 0) {
        return -1;
    }
    if (paused) {
        return 1;
    }
    /* A time further away than any pause is a clock that was set back. */
    q = sql_open(db, "SELECT id FROM job INDEXED BY job_queue WHERE state = 'queued'"
                     " AND (not_before <= ?1 OR not_before > ?1 + ?2)"
                     " ORDER BY priority DESC, id LIMIT 1");
    sql_int(&q, 1, at);
    sql_int(&q, 2, STORE_PAUSE_MS);
    rc = sql_scalar(&q, id, err);
    if (rc != 1) {
        return rc;
    }
    q = sql_open(db, "SELECT min(not_before) FROM job INDEXED BY job_queue"
                     " WHERE state = 'queued'");
    if (sql_scalar(&q, &until, err) != 0) {
        return -1;
    }
    *wait_ms = until > at ? until - at : 0;
    return 1;
}

static int run_claim(struct db *db, void *arg, struct err *err)
{
    struct claim *c = arg;
    int64_t id = 0, at = clock_now_ms();
    char detail[48];
    int rc = find_next(db, at, &id, &c->wait_ms, err);
    struct sql q;

    if (rc != 0) {
        return rc;
    }
    q = sql_open(db, "UPDATE job SET state = 'running', owner = ?1, attempt = attempt + 1,"
                     " started_at = ?2, barren = barren + 1, reached = 0, lasted = 0,"
                     " not_before = 0 WHERE id = ?3 AND state = 'queued'");
    sql_text(&q, 1, c->owner);
    sql_int(&q, 2, at);
    sql_int(&q, 3, id);
    if (store_jobs_change(db, &q, id, "it cannot be claimed", err) != 0) {
        return -1;
    }
    CRASH_POINT("queue-after-claim-row");
    if (store_checkpoints_rewind(db, id, err) != 0
        || store_job_list_read(db, id, &c->job, err) != 0) {
        return -1;
    }
    CRASH_POINT("queue-before-claim-event");
    (void)snprintf(detail, sizeof detail, "attempt %lld", (long long)c->job.attempt);
    return store_jobs_became(db, id, at, JOB_RUNNING, detail, err);
}

int store_queue_claim_wait(struct store *store, const char *owner, struct store_job *out,
                           int64_t *wait_ms, struct err *err)
{
    struct claim c = {.owner = owner};
    int rc = store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_claim, &c,
                               err);

    if (rc == 1 && wait_ms != NULL) {
        *wait_ms = c.wait_ms;
    }
    if (rc != 0) {
        store_job_fini(&c.job); /* read, but the commit failed */
        return rc;
    }
    *out = c.job;
    return 0;
}

int store_queue_claim(struct store *store, const char *owner, struct store_job *out,
                      struct err *err)
{
    return store_queue_claim_wait(store, owner, out, NULL, err);
}

/* ---- what the attempt says ---- */

struct note {
    int64_t id;
    const char *owner;
    enum store_note note;
};

static int run_note(struct db *db, void *arg, struct err *err)
{
    const struct note *n = arg;
    struct sql q = sql_open(db, "UPDATE job SET reached = max(reached, ?3),"
                                " lasted = max(lasted, ?4)"
                                " WHERE id = ?1 AND state = 'running' AND owner = ?2");

    sql_int(&q, 1, n->id);
    sql_text(&q, 2, n->owner);
    sql_int(&q, 3, n->note == NOTE_BATCH);
    sql_int(&q, 4, n->note == NOTE_LASTED);
    return store_jobs_change(db, &q, n->id,
                             "this worker does not run it and has nothing to note", err);
}

int store_queue_note(struct store *store, int64_t id, const char *owner, enum store_note note,
                     struct err *err)
{
    struct note n = {.id = id, .owner = owner, .note = note};

    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_note, &n, err);
}

/* ---- release ---- */

int store_queue_back(struct db *db, int64_t id, enum job_state to, const char *detail,
                     struct err *err)
{
    struct sql q = sql_open(db, "UPDATE job SET state = ?2, owner = NULL, started_at = NULL,"
                                " pause_requested = 0 WHERE id = ?1 AND state = 'running'");

    CHK(to == JOB_QUEUED || to == JOB_PAUSED);
    sql_int(&q, 1, id);
    sql_text(&q, 2, job_state_name(to));
    if (store_jobs_change(db, &q, id, "it cannot go back to the queue", err) != 0) {
        return -1;
    }
    return store_jobs_became(db, id, clock_now_ms(), to, detail, err);
}

struct release {
    int64_t id;
    const char *owner;
    bool cancelled; /* out */
};

static int run_release(struct db *db, void *arg, struct err *err)
{
    struct release *r = arg;
    struct store_job job = {.id = 0};
    bool cancel, pause;
    /* The attempt, if it still counts, is taken back. */
    struct sql q = sql_open(db, "UPDATE job SET barren = max(barren - 1, 0)"
                                " WHERE id = ?1 AND state = 'running' AND owner = ?2");

    sql_int(&q, 1, r->id);
    sql_text(&q, 2, r->owner);
    if (store_jobs_change(db, &q, r->id, "this worker does not run it and cannot give it back",
                          err)
            != 0
        || store_job_list_read(db, r->id, &job, err) != 0) {
        return -1;
    }
    cancel = job.cancel_requested;
    pause = job.pause_requested;
    store_job_fini(&job);
    if (cancel) {
        r->cancelled = true;
        return store_jobs_end(db, r->id, JOB_CANCELLED, NULL, NULL, err);
    }
    return pause ? store_queue_back(db, r->id, JOB_PAUSED, NULL, err)
                 : store_queue_back(db, r->id, JOB_QUEUED, "the daemon was stopped", err);
}

int store_queue_release(struct store *store, int64_t id, const char *owner, struct err *err)
{
    struct release r = {.id = id, .owner = owner};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_release, &r, err)
        != 0) {
        return -1;
    }
    counter_add(COUNTER_JOBS_FINISHED, ENDED_CANCELLED, r.cancelled ? 1 : 0);
    return 0;
}

/* ---- pause, resume ---- */

struct turn {
    int64_t id;
    bool pause;           /* else resume */
    enum job_state state; /* after it */
};

/* One row; `sql` names the state it starts from. */
static int turn_change(struct db *db, int64_t id, const char *sql, struct err *err)
{
    struct sql q = sql_open(db, sql);

    sql_int(&q, 1, id);
    return store_jobs_change(db, &q, id, "it can neither be paused nor resumed", err);
}

/* And the event of one that goes on running. */
static int turn_asked(struct db *db, int64_t id, const char *sql, const char *event,
                      struct err *err)
{
    return turn_change(db, id, sql, err) != 0
               ? -1
               : store_events_insert(db, id, clock_now_ms(), event, NULL, err);
}

static int turn_into(struct db *db, int64_t id, const char *sql, enum job_state state,
                     const char *detail, struct err *err)
{
    return turn_change(db, id, sql, err) != 0
               ? -1
               : store_jobs_became(db, id, clock_now_ms(), state, detail, err);
}

static int run_turn(struct db *db, void *arg, struct err *err)
{
    struct turn *t = arg;
    struct store_job job = {.id = 0};
    bool cancelling, pausing;

    if (store_job_list_read(db, t->id, &job, err) != 0) {
        return -1;
    }
    t->state = job.state;
    cancelling = job.cancel_requested;
    pausing = job.pause_requested;
    store_job_fini(&job);
    if (t->state >= JOB_SUCCEEDED) {
        return err_set(err, ERR_CONFLICT, "job %lld has ended: there is nothing to %s",
                       (long long)t->id, t->pause ? "pause" : "resume");
    }
    if (t->state == JOB_RUNNING && t->pause == pausing) {
        return 0;
    }
    if (t->state == JOB_RUNNING && cancelling && t->pause) {
        return err_set(err, ERR_CONFLICT, "job %lld is being cancelled: it cannot be paused",
                       (long long)t->id);
    }
    if (t->state == JOB_RUNNING) {
        return t->pause ? turn_asked(db, t->id,
                                     "UPDATE job SET pause_requested = 1"
                                     " WHERE id = ? AND state = 'running'",
                                     "pause_requested", err)
                        : turn_asked(db, t->id,
                                     "UPDATE job SET pause_requested = 0"
                                     " WHERE id = ? AND state = 'running'",
                                     "resume_requested", err);
    }
    if (t->state == JOB_QUEUED && t->pause) {
        t->state = JOB_PAUSED;
        return turn_into(db, t->id,
                         "UPDATE job SET state = 'paused' WHERE id = ? AND state = 'queued'",
                         JOB_PAUSED, NULL, err);
    }
    if (t->state == JOB_PAUSED && !t->pause) {
        t->state = JOB_QUEUED;
        return turn_into(db, t->id,
                         "UPDATE job SET state = 'queued' WHERE id = ? AND state = 'paused'",
                         JOB_QUEUED, "resumed", err);
    }
    return 0;
}

static int call_turn(struct store *store, int64_t id, bool pause, enum job_state *out,
                     struct err *err)
{
    struct turn t = {.id = id, .pause = pause};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_turn, &t, err)
        != 0) {
        return -1;
    }
    *out = t.state;
    return 0;
}

int store_queue_job_pause(struct store *store, int64_t id, enum job_state *out, struct err *err)
{
    return call_turn(store, id, true, out, err);
}

int store_queue_job_resume(struct store *store, int64_t id, enum job_state *out,
                           struct err *err)
{
    return call_turn(store, id, false, out, err);
}
