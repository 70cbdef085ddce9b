/* Checkpoints as rows: which files a job can go on from, and the curve that belongs to them.
 *
 * The bytes are files of the layer above, written before their row. A row is added only by the
 * job's owner, and says that no attempt before counts against the job any more. The newest
 * STORE_CHECKPOINTS rows stay; all of them go in the transaction that ends the job, so a row
 * always names what a job that has not ended may need. A curve's points past the checkpoint that
 * a job goes on from are removed in the transaction that claims it: the attempt writes them
 * again, and there is never a gap or a doubled epoch.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/crashpoint.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

/* ---- parts of transactions ---- */

int store_checkpoints_forget(struct db *db, int64_t job_id, struct err *err)
{
    struct sql q = sql_open(db, "DELETE FROM job_checkpoint WHERE job_id = ?");

    sql_int(&q, 1, job_id);
    return sql_run(&q, err);
}

int store_checkpoints_rewind(struct db *db, int64_t job_id, struct err *err)
{
    struct sql q = sql_open(db, "DELETE FROM curve_point WHERE job_id = ?1 AND epoch > coalesce("
                                "(SELECT epoch FROM job_checkpoint WHERE job_id = ?1"
                                " ORDER BY generation DESC LIMIT 1), -1)");

    sql_int(&q, 1, job_id);
    return sql_run(&q, err);
}

/* ---- add ---- */

struct add {
    const char *owner;
    const struct store_checkpoint *checkpoint;
};

static int run_add(struct db *db, void *arg, struct err *err)
{
    const struct add *a = arg;
    const struct store_checkpoint *c = a->checkpoint;
    int64_t newest = 0;
    struct sql q = sql_open(db, "UPDATE job SET barren = 0, light = 0"
                                " WHERE id = ?1 AND state = 'running' AND owner = ?2");

    sql_int(&q, 1, c->job_id);
    sql_text(&q, 2, a->owner);
    if (store_jobs_change(db, &q, c->job_id,
                          "this worker does not run it and has no checkpoint of it", err)
        != 0) {
        return -1;
    }
    q = sql_open(db, "SELECT max(generation) FROM job_checkpoint WHERE job_id = ?");
    sql_int(&q, 1, c->job_id);
    if (sql_scalar(&q, &newest, err) != 0) {
        return -1;
    }
    if (c->generation <= newest) {
        return err_set(err, ERR_CONFLICT,
                       "job %lld has checkpoint %lld already, and %lld comes after it",
                       (long long)c->job_id, (long long)newest, (long long)c->generation);
    }
    q = sql_open(db, "INSERT INTO job_checkpoint (job_id, generation, epoch, bytes, at, sha256)"
                     " VALUES (?, ?, ?, ?, ?, ?)");
    sql_int(&q, 1, c->job_id);
    sql_int(&q, 2, c->generation);
    sql_int(&q, 3, c->epoch);
    sql_int(&q, 4, c->bytes);
    sql_int(&q, 5, c->at);
    sql_text(&q, 6, c->sha256);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    CRASH_POINT("checkpoints-after-row");
    q = sql_open(db, "DELETE FROM job_checkpoint WHERE job_id = ?1 AND generation NOT IN"
                     " (SELECT generation FROM job_checkpoint WHERE job_id = ?1"
                     " ORDER BY generation DESC LIMIT ?2)");
    sql_int(&q, 1, c->job_id);
    sql_int(&q, 2, STORE_CHECKPOINTS);
    return sql_run(&q, err);
}

int store_checkpoints_add(struct store *store, const char *owner,
                          const struct store_checkpoint *checkpoint, struct err *err)
{
    struct store_checkpoint c = *checkpoint;
    struct add a = {.owner = owner, .checkpoint = &c};

    if (c.at == 0) {
        c.at = clock_now_ms();
    }
    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_add, &a, err);
}

/* ---- read ---- */

#define CHECKPOINT_SELECT                                                                          \
    "SELECT job_id, generation, epoch, bytes, at, sha256 FROM job_checkpoint"

static void checkpoint_of_row(struct sql *q, struct store_checkpoint *out)
{
    *out = (struct store_checkpoint){
        .job_id = sql_column_int(q, 0),
        .generation = sql_column_int(q, 1),
        .epoch = sql_column_int(q, 2),
        .bytes = sql_column_int(q, 3),
        .at = sql_column_int(q, 4),
    };
    sql_column_hash(q, 5, out->sha256);
}

int store_checkpoints_list(struct store *store, int64_t job_id,
                           struct store_checkpoint out[STORE_CHECKPOINTS], size_t *n,
                           struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    size_t used = 0;
    int rc;
    struct sql q = sql_open(db, CHECKPOINT_SELECT " WHERE job_id = ? ORDER BY generation DESC"
                                                  " LIMIT ?");

    sql_int(&q, 1, job_id);
    sql_int(&q, 2, STORE_CHECKPOINTS);
    while ((rc = sql_step(&q, err)) == 1) {
        checkpoint_of_row(&q, &out[used++]);
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc == 0) {
        *n = used;
    }
    return rc;
}

int store_checkpoints_all(struct store *store, struct store_checkpoint **out, size_t *n,
                          struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_checkpoint *list = NULL;
    size_t used = 0, room = 0;
    int rc;
    struct sql q = sql_open(db, CHECKPOINT_SELECT);

    while ((rc = sql_step(&q, err)) == 1) {
        if (used == room) {
            room = room == 0 ? 16 : room * 2;
            list = xrealloc(list, room * sizeof *list);
        }
        checkpoint_of_row(&q, &list[used++]);
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc < 0) {
        free(list);
        return -1;
    }
    *out = list;
    *n = used;
    return 0;
}

/* ---- cut ---- */

struct cut {
    int64_t job_id;
    const char *owner;
    int64_t epoch;
};

static int run_cut(struct db *db, void *arg, struct err *err)
{
    const struct cut *c = arg;
    struct sql q = sql_open(db, "SELECT 1 FROM job WHERE id = ?1 AND state = 'running'"
                                " AND owner = ?2");
    int64_t mine = 0;
    int rc;

    sql_int(&q, 1, c->job_id);
    sql_text(&q, 2, c->owner);
    rc = sql_scalar(&q, &mine, err);
    if (rc != 0) {
        return rc < 0 ? -1
                      : store_jobs_refused(db, c->job_id,
                                           "this worker does not run it and cannot cut its curve",
                                           err);
    }
    q = sql_open(db, "DELETE FROM curve_point WHERE job_id = ? AND epoch > ?");
    sql_int(&q, 1, c->job_id);
    sql_int(&q, 2, c->epoch);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    q = sql_open(db, "DELETE FROM job_checkpoint WHERE job_id = ? AND epoch > ?");
    sql_int(&q, 1, c->job_id);
    sql_int(&q, 2, c->epoch);
    return sql_run(&q, err);
}

int store_checkpoints_curve_cut(struct store *store, int64_t job_id, const char *owner,
                                int64_t epoch, struct err *err)
{
    struct cut c = {.job_id = job_id, .owner = owner, .epoch = epoch};

    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_cut, &c, err);
}
