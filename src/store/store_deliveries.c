/* Deliveries: what jobs tell others of their states.
 *
 * A delivery is written in the transaction that changes its job's state (store_deliveries_add, by
 * store_jobs_became), so none is lost, and none tells of a state that was not committed. It is
 * pending until it was delivered or given up; who sends it, and how often, is above. Only what is
 * needed to make the message is kept: its words are made when it is sent, the same ones each time.
 *
 * Rows are bounded: by a job's ends, by STORE_DELIVERIES_JOB for states that may come again and
 * again, and those that wait by STORE_DELIVERIES_RECEIVER for each receiver.
 *
 * Reads run on readers' connections, changes as commands on the writer's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

#define BUSY_MOST 8

/* ---- in the transactions of jobs ---- */

int store_deliveries_wish(struct db *db, int64_t job_id, const struct store_notify *notify,
                          struct err *err)
{
    struct sql q = sql_open(db, "INSERT INTO job_notify (job_id, url, receiver, events, key)"
                                " VALUES (?, ?, ?, ?, ?)");

    sql_int(&q, 1, job_id);
    sql_text(&q, 2, notify->url);
    sql_text(&q, 3, notify->receiver);
    sql_int(&q, 4, notify->events);
    sql_text(&q, 5, notify->key);
    return sql_run(&q, err);
}

/* Whether the job wants that state told: 1, 0, -1. *crowded: as many as may wait do so. */
static int is_wanted(struct db *db, int64_t job_id, unsigned bit, bool *crowded, struct err *err)
{
    int64_t rows = 0, waiting = 0;
    struct sql q = sql_open(db, "SELECT (SELECT count(*) FROM delivery AS d WHERE d.job_id ="
                                " n.job_id), (SELECT count(*) FROM (SELECT 1 FROM delivery AS d"
                                " WHERE d.receiver = n.receiver AND d.state = 'pending' LIMIT ?3))"
                                " FROM job_notify AS n WHERE n.job_id = ?1 AND n.events & ?2 <> 0");
    int rc;

    sql_int(&q, 1, job_id);
    sql_int(&q, 2, bit);
    sql_int(&q, 3, STORE_DELIVERIES_RECEIVER);
    rc = sql_step(&q, err);
    if (rc == 1) {
        rows = sql_column_int(&q, 0);
        waiting = sql_column_int(&q, 1);
    }
    sql_close(&q);
    *crowded = waiting >= STORE_DELIVERIES_RECEIVER;
    return rc == 1 && (bit & NOTIFY_ENDS) == 0 && rows >= STORE_DELIVERIES_JOB ? 0 : rc;
}

int store_deliveries_add(struct db *db, int64_t job_id, int64_t at, enum job_state state,
                         struct err *err)
{
    unsigned bit = store_notify_bit(state);
    bool crowded = false;
    int rc = bit != 0 ? is_wanted(db, job_id, bit, &crowded, err) : 0;
    struct sql q;

    if (rc != 1) {
        return rc;
    }
    q = sql_open(db, "INSERT INTO delivery (job_id, event, at, attempt, receiver, state, next_at,"
                     " last_error) SELECT n.job_id, ?2, ?3, j.attempt, n.receiver,"
                     " iif(?4, 'given_up', 'pending'), iif(?4, NULL, ?3), iif(?4, ?5, NULL)"
                     " FROM job_notify AS n JOIN job AS j ON j.id = n.job_id WHERE n.job_id = ?1");
    sql_int(&q, 1, job_id);
    sql_text(&q, 2, job_state_name(state));
    sql_int(&q, 3, at);
    sql_int(&q, 4, crowded);
    sql_text(&q, 5, "too many messages wait for its receiver already");
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    CRASH_POINT("deliveries-after-row");
    db->deliveries = true;
    counter_add(COUNTER_DELIVERIES, DELIVERY_GIVEN_UP, crowded ? 1 : 0);
    return 0;
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
    "SELECT d.id, n.key, n.url, d.receiver, d.event, d.at, d.attempt, d.state, d.sends, d.step,"   \
    " d.next_at, d.last_at, d.last_status, d.last_error, j.id, j.model_id, j.created_at, j.kind,"  \
    " j.name, j.error_code FROM delivery AS d JOIN job_notify AS n ON n.job_id = d.job_id"         \
    " JOIN job AS j ON j.id = d.job_id"

static int read_words(struct sql *q, struct store_delivery *d, struct err *err)
{
    char *event = sql_column_text(q, 4), *state = sql_column_text(q, 7);
    enum store_delivery_state s = DELIVERY_IS_PENDING;
    int rc = sql_full(q, err);

    if (rc == 0 && !job_state_parse(event, &d->event)) {
        rc = err_set(err, ERR_CORRUPT, "delivery %lld tells of no state", (long long)d->id);
    }
    while (rc == 0 && strcmp(state, store_delivery_state_name(s)) != 0) {
        CHK(s != DELIVERY_IS_GIVEN_UP); /* the table has a CHECK */
        s++;
    }
    d->state = s;
    free(event);
    free(state);
    return rc;
}

static int read_row(struct sql *q, struct store_delivery *out, struct err *err)
{
    struct store_delivery d = {
        .id = sql_column_int(q, 0),
        .url = sql_column_text(q, 2),
        .receiver = sql_column_text(q, 3),
        .at = sql_column_int(q, 5),
        .attempt = sql_column_int(q, 6),
        .sends = sql_column_int(q, 8),
        .step = sql_column_int(q, 9),
        .next_at = sql_column_int(q, 10),
        .last_at = sql_column_int(q, 11),
        .last_status = sql_column_int(q, 12),
        .last_error = sql_column_text(q, 13),
        .job_id = sql_column_int(q, 14),
        .model_id = sql_column_int(q, 15),
        .created_at = sql_column_int(q, 16),
        .kind = sql_column_text(q, 17),
        .name = sql_column_text(q, 18),
        .error_code = sql_column_text(q, 19),
    };
    char *key = sql_column_text(q, 1);

    if (read_words(q, &d, err) != 0) {
        free(key);
        store_delivery_fini(&d);
        return -1;
    }
    d.message_id = xasprintf("msg_%s_%lld", key, (long long)d.id);
    free(key);
    *out = d;
    return 0;
}

/* ---- the next one ---- */

struct search {
    const char *const *busy;
    size_t n_busy;
    int64_t id, next_at; /* what was found */
};

/* The first that waits for a time in (after, until]: 0; 1 = there is none. */
static int find(struct db *db, int64_t after, int64_t until, struct search *s, struct err *err)
{
    struct sql q = sql_open(db, "SELECT id, next_at FROM delivery INDEXED BY delivery_due"
                                " WHERE state = 'pending' AND next_at > ?1 AND next_at <= ?2"
                                " AND receiver NOT IN (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                                " ORDER BY next_at, id LIMIT 1");
    int rc;

    sql_int(&q, 1, after);
    sql_int(&q, 2, until);
    for (size_t i = 0; i < BUSY_MOST; i++) {
        sql_text(&q, 3 + (int)i, i < s->n_busy ? s->busy[i] : ""); /* which nobody is called */
    }
    rc = sql_step(&q, err);
    if (rc == 1) {
        s->id = sql_column_int(&q, 0);
        s->next_at = sql_column_int(&q, 1);
    }
    sql_close(&q);
    return rc < 0 ? -1 : rc == 0;
}

/* As delivery_next, with one's number in s->id. */
static int find_due(struct db *db, int64_t now, struct search *s, int64_t *wait_ms,
                    struct err *err)
{
    int rc = find(db, INT64_MIN, now, s, err);

    if (rc == 1) {
        rc = find(db, now + STORE_DELIVERY_MOST_MS, INT64_MAX, s, err);
    }
    if (rc != 1) {
        return rc;
    }
    rc = find(db, now, now + STORE_DELIVERY_MOST_MS, s, err);
    *wait_ms = rc == 0 ? s->next_at - now : 0;
    return rc < 0 ? -1 : 1;
}

int store_deliveries_next(struct store *store, int64_t now, const char *const *busy, size_t n_busy,
                          struct store_delivery *out, int64_t *wait_ms, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct search search = {.busy = busy, .n_busy = n_busy};
    int rc;

    CHK(n_busy <= BUSY_MOST);
    rc = find_due(db, now, &search, wait_ms, err);
    if (rc == 0) {
        struct sql q = sql_open(db, COLUMNS " WHERE d.id = ?");

        sql_int(&q, 1, search.id);
        rc = sql_step(&q, err);
        if (rc == 1) {
            rc = read_row(&q, out, err);
        } else if (rc == 0) { /* it went with its job in between */
            *wait_ms = 1;
            rc = 1;
        }
        sql_close(&q);
    }
    store_sqlite_reader_back(s, db);
    return rc;
}

int store_deliveries_list(struct store *store, int64_t job_id, struct store_delivery **out,
                          size_t *n, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_delivery *list = NULL;
    size_t used = 0;
    int rc;
    struct sql q = sql_open(db, COLUMNS " WHERE d.job_id = ? ORDER BY d.id");

    sql_int(&q, 1, job_id);
    while ((rc = sql_step(&q, err)) == 1) {
        list = xrealloc(list, (used + 1) * sizeof *list); /* a hundred at most */
        if (read_row(&q, &list[used], err) != 0) {
            rc = -1;
            break;
        }
        used++;
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc < 0) {
        store_deliveries_free(&list, used);
        return -1;
    }
    *out = list;
    *n = used;
    return 0;
}

/* ---- changes ---- */

/* Nothing more to a receiver that is gone. */
static int forget_receiver(struct db *db, int64_t id, struct err *err)
{
    struct sql q = sql_open(db, "UPDATE job_notify SET events = 0 WHERE job_id ="
                                " (SELECT job_id FROM delivery WHERE id = ?)");

    sql_int(&q, 1, id);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    q = sql_open(db, "UPDATE delivery SET state = 'given_up', next_at = NULL,"
                     " last_error = 'its receiver wants no more' WHERE state = 'pending' AND job_id"
                     " = (SELECT job_id FROM delivery WHERE id = ?)");
    sql_int(&q, 1, id);
    return sql_run(&q, err);
}

static int run_done(struct db *db, void *arg, struct err *err)
{
    const struct store_delivery_result *r = arg;
    struct sql q = sql_open(db, "UPDATE delivery SET state = ?2, next_at = iif(?2 = 'pending', ?3,"
                                " NULL), sends = sends + 1, step = step + 1, last_at = ?4,"
                                " last_status = nullif(?5, 0), last_error = ?6"
                                " WHERE id = ?1 AND state = 'pending'");

    sql_int(&q, 1, r->id);
    sql_text(&q, 2, store_delivery_state_name(r->state));
    sql_int(&q, 3, r->next_at);
    sql_int(&q, 4, clock_now_ms());
    sql_int(&q, 5, r->status);
    sql_text(&q, 6, r->error);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    if (db_changes(db) == 0) {
        return err_set(err, ERR_NOT_FOUND, "delivery %lld waits no more", (long long)r->id);
    }
    CRASH_POINT("deliveries-after-done");
    return r->gone ? forget_receiver(db, r->id, err) : 0;
}

int store_deliveries_done(struct store *store, const struct store_delivery_result *result,
                          struct err *err)
{
    struct store_delivery_result r = *result;

    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_PATIENT, run_done, &r, err);
}

struct retry {
    int64_t id, job_id;
};

static int run_retry(struct db *db, void *arg, struct err *err)
{
    struct retry *r = arg;
    struct sql q = sql_open(db, "UPDATE delivery SET state = 'pending', step = 0, next_at = ?2"
                                " WHERE id = ?1 RETURNING job_id");
    int rc;

    sql_int(&q, 1, r->id);
    sql_int(&q, 2, clock_now_ms());
    rc = sql_scalar(&q, &r->job_id, err);
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND, "there is no delivery %lld", (long long)r->id);
    }
    db->deliveries = true;
    return rc;
}

int store_deliveries_retry(struct store *store, int64_t id, int64_t *job_id, struct err *err)
{
    struct retry r = {.id = id};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_retry, &r, err) != 0) {
        return -1;
    }
    *job_id = r.job_id;
    return 0;
}

void store_deliveries_watch(struct store *store, void (*wake)(void *arg), void *arg)
{
    store_writer_watch(&store_sqlite_of(store)->writer, wake, arg);
}
