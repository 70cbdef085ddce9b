/* Recovery: what a start does with the jobs that an earlier run of the daemon left running.
 *
 * Runs once, at open, in one transaction, before any other thread exists: a kill in the middle
 * of it changes nothing. A running row of another owner has lost its worker. It goes on from its
 * checkpoint, unless somebody asked for something else (pause, cancel), or it is poison:
 *
 *   - a fatal signal of the job's own thread left a mark in so many attempts that it is not
 *     chance. A mark counts for a row that is running under exactly the mark's owner; afterwards
 *     the row is not, so a mark that is told again changes nothing;
 *   - STORE_ATTEMPTS attempts in a row ended without a new checkpoint, though each had its ten
 *     seconds or never reached a batch. An attempt that reached one and was killed before its
 *     ten seconds (a light one) says nothing about the job: that is a daemon which is killed
 *     often. With one of those among them a job is tried for ever, but a second apart.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_sqlite_priv.h"

#define ATTEMPTS_AT_ONCE 5

struct lost {
    int64_t id;
    char owner[33];      /* "" when it is longer than a mark's can be */
    bool cancel, pause;
    int64_t crashes, barren, light;
};

/* The next running row of another owner: 1, 0 = none is left, -1. */
static int next_lost(struct db *db, const char *owner, struct lost *out, struct err *err)
{
    char *of = NULL;
    int rc;
    /* One at a time: at most as many rows as the killed daemon had workers. */
    struct sql q = sql_open(db, "SELECT id, owner, cancel_requested, pause_requested, crashes,"
                                " barren, light + (barren > 0 AND reached = 1 AND lasted = 0)"
                                " FROM job WHERE state = 'running' AND owner <> ? LIMIT 1");

    *out = (struct lost){.id = 0};
    sql_text(&q, 1, owner);
    rc = sql_step(&q, err);
    if (rc == 1) {
        out->id = sql_column_int(&q, 0);
        of = sql_column_text(&q, 1);
        out->cancel = sql_column_int(&q, 2) != 0;
        out->pause = sql_column_int(&q, 3) != 0;
        out->crashes = sql_column_int(&q, 4);
        out->barren = sql_column_int(&q, 5);
        out->light = sql_column_int(&q, 6);
        if (sql_full(&q, err) != 0) {
            rc = -1;
        } else if (of != NULL && strlen(of) < sizeof out->owner) {
            memcpy(out->owner, of, strlen(of) + 1);
        }
    }
    free(of);
    sql_close(&q);
    return rc;
}

static bool crashed(const struct store_sqlite_options *options, const struct lost *job)
{
    for (size_t i = 0; i < options->n_crashes; i++) {
        const struct store_crash *crash = &options->crashes[i];

        if (crash->job_id == job->id && strcmp(crash->owner, job->owner) == 0) {
            return true; /* once, however many threads of it left a mark */
        }
    }
    return false;
}

static int settle(struct db *db, const struct lost *job, int64_t not_before, struct err *err)
{
    struct sql q = sql_open(db, "UPDATE job SET crashes = ?2, light = ?3, not_before = ?4"
                                " WHERE id = ?1 AND state = 'running'");

    sql_int(&q, 1, job->id);
    sql_int(&q, 2, job->crashes);
    sql_int(&q, 3, job->light);
    sql_int(&q, 4, not_before);
    return store_jobs_change(db, &q, job->id, "it cannot be recovered", err);
}

static int fail(struct db *db, const struct lost *job, const char *code, const char *detail,
                struct store_recovered *out, struct err *err)
{
    out->failed++;
    return store_jobs_end(db, job->id, JOB_FAILED, code, detail, err);
}

static int recover_one(struct db *db, const struct lost *job, struct store_recovered *out,
                       struct err *err)
{
    static const char why[] = "the daemon was started again";
    bool slow = job->barren >= ATTEMPTS_AT_ONCE && !job->pause;
    char text[320];

    if (settle(db, job, slow ? clock_now_ms() + STORE_PAUSE_MS : 0, err) != 0) {
        return -1;
    }
    if (job->crashes > STORE_CRASHES_ALLOWED) {
        (void)snprintf(text, sizeof text,
                       "its computation crashed the daemon %" PRId64 " times, so it is not tried "
                       "again; please report it with its config and the daemon's log, or submit "
                       "it changed",
                       job->crashes);
        return fail(db, job, "crashed", text, out, err);
    }
    if (job->pause) {
        out->paused++;
        return store_queue_back(db, job->id, JOB_PAUSED, why, err);
    }
    if (job->cancel) {
        out->cancelled++;
        return store_jobs_end(db, job->id, JOB_CANCELLED, NULL, why, err);
    }
    if (job->barren >= STORE_ATTEMPTS && job->light == 0) {
        (void)snprintf(text, sizeof text,
                       "the daemon ended in %" PRId64 " attempts before one of them could store a "
                       "checkpoint, so it is not tried again; see in the system's log what ends "
                       "the daemon (often too little memory), or submit a smaller job",
                       job->barren);
        return fail(db, job, "no_progress", text, out, err);
    }
    out->queued++;
    return store_queue_back(db, job->id, JOB_QUEUED, why, err);
}

int store_recover(struct db *db, const struct store_sqlite_options *options,
                  struct store_recovered *out, struct err *err)
{
    struct lost job;
    int rc;

    while ((rc = next_lost(db, options->owner, &job, err)) == 1) {
        job.crashes += crashed(options, &job);
        if (recover_one(db, &job, out, err) != 0) {
            return -1;
        }
    }
    return rc;
}
