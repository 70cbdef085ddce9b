/* The learning curve of a job, and its events.
 *
 * Points are written by the worker that runs the job and by nobody else: every append is
 * fenced by the job's owner and state, so that a worker that lost its job (another boot
 * claimed it) cannot write into the new run's curve. Numbers that are not finite are stored
 * as NULL and come back as NaN. An epoch written twice keeps the later point, which makes an
 * append safe to repeat. Reads run on the callers' threads with a borrowed connection.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

/* ---- points ---- */

struct append {
    int64_t job_id;
    const char *owner;
    const struct store_point *points;
    size_t n;
};

static int run_append(struct db *db, void *arg, struct err *err)
{
    const struct append *a = arg;
    int64_t mine = 0;
    struct sql q = sql_open(db, "SELECT state = 'running' AND owner = ?2 FROM job WHERE id = ?1");
    int rc;

    sql_int(&q, 1, a->job_id);
    sql_text(&q, 2, a->owner);
    rc = sql_scalar(&q, &mine, err);
    if (rc < 0) {
        return -1;
    }
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)a->job_id);
    }
    if (mine != 1) {
        return err_set(err, ERR_CONFLICT, "job %lld is not run by this worker",
                       (long long)a->job_id);
    }
    for (size_t i = 0; i < a->n; i++) {
        const struct store_point *p = &a->points[i];

        q = sql_open(db, "INSERT OR REPLACE INTO curve_point (job_id, epoch, training_loss,"
                         " validation_loss, learning_rate, seconds, elapsed_seconds, samples,"
                         " metrics, gradient_norms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        sql_int(&q, 1, a->job_id);
        sql_int(&q, 2, p->epoch);
        sql_real(&q, 3, p->training_loss);
        sql_real(&q, 4, p->validation_loss);
        sql_real(&q, 5, p->learning_rate);
        sql_real(&q, 6, p->seconds);
        sql_real(&q, 7, p->elapsed_seconds);
        sql_int(&q, 8, p->samples);
        sql_text(&q, 9, p->metrics_json);
        sql_text(&q, 10, p->gradient_norms_json);
        if (sql_run(&q, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int store_curves_append(struct store *store, int64_t job_id, const char *owner,
                        const struct store_point *points, size_t n, struct err *err)
{
    struct append a = {.job_id = job_id, .owner = owner, .points = points, .n = n};

    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_append, &a,
                             err);
}

#define POINT_COLUMNS                                                                              \
    "epoch, training_loss, validation_loss, learning_rate, seconds, elapsed_seconds, samples,"     \
    " metrics, gradient_norms"

static void point_of_row(struct sql *q, struct store_point *out)
{
    *out = (struct store_point){
        .epoch = sql_column_int(q, 0),
        .training_loss = sql_column_real(q, 1),
        .validation_loss = sql_column_real(q, 2),
        .learning_rate = sql_column_real(q, 3),
        .seconds = sql_column_real(q, 4),
        .elapsed_seconds = sql_column_real(q, 5),
        .samples = sql_column_int(q, 6),
        .metrics_json = sql_column_text(q, 7),
        .gradient_norms_json = sql_column_text(q, 8),
    };
}

int store_curves_read(struct store *store, int64_t job_id, int64_t after, size_t limit,
                      struct store_point **out, size_t *n, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_point *points = NULL;
    size_t used = 0, room = 0;
    int rc;
    struct sql q = sql_open(db, "SELECT " POINT_COLUMNS " FROM curve_point"
                                " WHERE job_id = ? AND epoch > ? ORDER BY epoch LIMIT ?");

    sql_int(&q, 1, job_id);
    sql_int(&q, 2, after);
    sql_int(&q, 3, limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit);
    while ((rc = sql_step(&q, err)) == 1) {
        if (used == room) {
            room = room == 0 ? 64 : room * 2;
            points = xrealloc(points, room * sizeof *points);
        }
        point_of_row(&q, &points[used++]);
        if (sql_full(&q, err) != 0) {
            rc = -1;
            break;
        }
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc < 0) {
        store_points_free(&points, used);
        return -1;
    }
    *out = points;
    *n = used;
    return 0;
}

int store_curves_last(struct store *store, int64_t job_id, struct store_point *out,
                      struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_point point = {.epoch = 0};
    int rc;
    struct sql q = sql_open(db, "SELECT " POINT_COLUMNS " FROM curve_point WHERE job_id = ?"
                                " ORDER BY epoch DESC LIMIT 1");

    sql_int(&q, 1, job_id);
    rc = sql_step(&q, err);
    if (rc == 1) {
        point_of_row(&q, &point);
        free(point.gradient_norms_json); /* nobody asks the last point for them */
        point.gradient_norms_json = NULL;
        if (sql_full(&q, err) != 0) {
            rc = -1;
        }
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc != 1) {
        free(point.metrics_json);
        return rc == 0 ? 1 : -1;
    }
    *out = point;
    return 0;
}

/* ---- events ---- */

int store_events_insert(struct db *db, int64_t job_id, int64_t at, const char *kind,
                        const char *detail, struct err *err)
{
    struct sql q = sql_open(db, "INSERT INTO job_event (job_id, at, kind, detail)"
                                " VALUES (?, ?, ?, ?)");

    sql_int(&q, 1, job_id);
    sql_int(&q, 2, at);
    sql_text(&q, 3, kind);
    sql_text(&q, 4, detail);
    return sql_run(&q, err);
}

struct event {
    int64_t job_id;
    const char *kind, *detail;
};

static int run_event(struct db *db, void *arg, struct err *err)
{
    const struct event *e = arg;
    int64_t there = 0;
    struct sql q = sql_open(db, "SELECT 1 FROM job WHERE id = ?");
    int rc;

    sql_int(&q, 1, e->job_id);
    rc = sql_scalar(&q, &there, err);
    if (rc < 0) {
        return -1;
    }
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)e->job_id);
    }
    return store_events_insert(db, e->job_id, clock_now_ms(), e->kind, e->detail, err);
}

int store_events_add(struct store *store, int64_t job_id, const char *kind, const char *detail,
                     struct err *err)
{
    struct event e = {.job_id = job_id, .kind = kind, .detail = detail};

    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_event, &e,
                             err);
}

int store_events_list(struct store *store, int64_t job_id, struct store_event **out, size_t *n,
                      struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_event *events = NULL;
    size_t used = 0, room = 0;
    int rc;
    struct sql q = sql_open(db, "SELECT id, at, kind, detail FROM job_event WHERE job_id = ?"
                                " ORDER BY id");

    sql_int(&q, 1, job_id);
    while ((rc = sql_step(&q, err)) == 1) {
        if (used == room) {
            room = room == 0 ? 16 : room * 2;
            events = xrealloc(events, room * sizeof *events);
        }
        events[used++] = (struct store_event){
            .id = sql_column_int(&q, 0),
            .at = sql_column_int(&q, 1),
            .kind = sql_column_text(&q, 2),
            .detail = sql_column_text(&q, 3),
        };
        if (sql_full(&q, err) != 0) {
            rc = -1;
            break;
        }
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc < 0) {
        store_events_free(&events, used);
        return -1;
    }
    *out = events;
    *n = used;
    return 0;
}
