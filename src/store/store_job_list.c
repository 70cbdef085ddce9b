/* Reading jobs: one, a page of them, how many in each state, the place in the queue.
 *
 * Runs on the callers' threads with a borrowed read-only connection; every statement sees
 * one committed state of the database. A page has three forms of one statement, because
 * SQLite picks the index by the text: by name, by state, or by id alone. Lists leave out the
 * two long texts, which stand last in the row and so are not even read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store_sqlite_priv.h"

#define FIRST_DATASET                                                                              \
    " (SELECT u.sha256 FROM job_dataset AS u WHERE u.job_id = job.id AND u.seq = 0)"
#define LIST_COLUMNS                                                                               \
    "id, kind, name, state, model_id, attempt, cancel_requested, created_at, started_at,"          \
    " finished_at, error_code, error_detail, warnings, result, priority, pause_requested, crashes,"            \
    " (SELECT s.json FROM job_summary AS s WHERE s.job_id = job.id)," FIRST_DATASET                 \
    ", (SELECT d.name FROM dataset AS d WHERE d.sha256 = " FIRST_DATASET                           \
    " AND d.name IS NOT NULL ORDER BY d.id DESC LIMIT 1)"

/* -1 without memory, or for a state that no schema of ours has. */
static int job_of_row(struct sql *q, bool whole, struct store_job *out, struct err *err)
{
    char *state = sql_column_text(q, 3), *sha256 = sql_column_text(q, 18);
    bool known;

    *out = (struct store_job){
        .id = sql_column_int(q, 0),
        .kind = sql_column_text(q, 1),
        .name = sql_column_text(q, 2),
        .model_id = sql_column_int(q, 4),
        .attempt = sql_column_int(q, 5),
        .cancel_requested = sql_column_int(q, 6) != 0,
        .created_at = sql_column_int(q, 7),
        .started_at = sql_column_int(q, 8),
        .finished_at = sql_column_int(q, 9),
        .error_code = sql_column_text(q, 10),
        .error_detail = sql_column_text(q, 11),
        .warnings_json = sql_column_text(q, 12),
        .result_json = sql_column_text(q, 13),
        .priority = sql_column_int(q, 14),
        .pause_requested = sql_column_int(q, 15) != 0,
        .crashes = sql_column_int(q, 16),
        .summary_json = sql_column_text(q, 17),
        .dataset_name = sql_column_text(q, 19),
        .config_json = whole ? sql_column_text(q, 20) : NULL,
        .resolved_json = whole ? sql_column_text(q, 21) : NULL,
    };
    if (sha256 != NULL && strlen(sha256) == HASH_HEX_LEN - 1) {
        memcpy(out->dataset_sha256, sha256, HASH_HEX_LEN);
    }
    free(sha256);
    known = state != NULL && job_state_parse(state, &out->state);
    free(state);
    if (sql_full(q, err) != 0) {
        return -1;
    }
    return known ? 0 : err_set(err, ERR_CORRUPT, "job %lld is in no known state",
                               (long long)out->id);
}

int store_job_list_read(struct db *db, int64_t id, struct store_job *out, struct err *err)
{
    struct store_job job = {.id = 0};
    struct sql q = sql_open(db, "SELECT " LIST_COLUMNS ", config, resolved FROM job"
                                " WHERE id = ?");
    int rc;

    sql_int(&q, 1, id);
    rc = sql_step(&q, err);
    if (rc == 1) {
        rc = job_of_row(&q, true, &job, err);
    } else if (rc == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)id);
    }
    sql_close(&q);
    if (rc != 0) {
        store_job_fini(&job);
        return -1;
    }
    *out = job;
    return 0;
}

int store_job_list_get(struct store *store, int64_t id, struct store_job *out, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    int rc = store_job_list_read(db, id, out, err);

    store_sqlite_reader_back(s, db);
    return rc;
}

/* ?1 name, ?2 state, ?3 kind, ?4 below this id, ?5 limit; ?6 to ?11 states, NULL where there are
 * fewer: of several states the index is worth a sort only where few jobs are in them. */
#define PAGE_SELECT "SELECT " LIST_COLUMNS " FROM job WHERE id < ?4"
#define PAGE_KIND   " AND (?3 IS NULL OR kind = ?3)"
#define PAGE_STATE  " AND (?2 IS NULL OR state = ?2)"
#define PAGE_SOME   " AND state IN (?6, ?7, ?8, ?9, ?10, ?11)"
#define PAGE_MANY   " AND +state IN (?6, ?7, ?8, ?9, ?10, ?11)"
#define PAGE_ORDER  " ORDER BY id DESC LIMIT ?5"

static const char page_by_name[] = PAGE_SELECT " AND name = ?1" PAGE_KIND PAGE_STATE PAGE_ORDER;
static const char page_by_state[] =
    PAGE_SELECT " AND ?1 IS NULL AND state = ?2" PAGE_KIND PAGE_ORDER;
static const char page_by_id[] =
    PAGE_SELECT " AND ?1 IS NULL AND ?2 IS NULL" PAGE_KIND PAGE_ORDER;
static const char page_by_name_states[] =
    PAGE_SELECT " AND name = ?1 AND ?2 IS NULL" PAGE_KIND PAGE_MANY PAGE_ORDER;
static const char page_by_some_states[] =
    PAGE_SELECT " AND ?1 IS NULL AND ?2 IS NULL" PAGE_KIND PAGE_SOME PAGE_ORDER;
static const char page_by_many_states[] =
    PAGE_SELECT " AND ?1 IS NULL AND ?2 IS NULL" PAGE_KIND PAGE_MANY PAGE_ORDER;

static const char *page_of(const struct store_job_filter *filter)
{
    const unsigned ended = 1u << JOB_SUCCEEDED | 1u << JOB_FAILED | 1u << JOB_CANCELLED;

    if (filter->state < 0 && filter->states != 0) {
        return filter->name != NULL              ? page_by_name_states
               : (filter->states & ended) == 0 ? page_by_some_states
                                                 : page_by_many_states;
    }
    return filter->name != NULL ? page_by_name : filter->state >= 0 ? page_by_state : page_by_id;
}

static void bind_states(struct sql *q, const struct store_job_filter *filter)
{
    int at = 6;

    for (int state = 0; state < JOB_STATES; state++) {
        if ((filter->states & 1u << state) != 0) {
            sql_text(q, at++, job_state_name((enum job_state)state));
        }
    }
}

int store_job_list_page(struct store *store, const struct store_job_filter *filter,
                        struct store_job **out, size_t *n, bool *more, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    const char *state = filter->state < 0 ? NULL : job_state_name((enum job_state)filter->state);
    struct store_job *jobs = NULL;
    size_t used = 0, room = 0;
    bool older = false;
    int rc;
    struct sql q = sql_open(db, page_of(filter));

    sql_text(&q, 1, filter->name);
    sql_text(&q, 2, state);
    sql_text(&q, 3, filter->kind);
    sql_int(&q, 4, filter->before_id > 0 ? filter->before_id : INT64_MAX);
    if (filter->state < 0 && filter->states != 0) {
        bind_states(&q, filter);
    }
    sql_int(&q, 5, (int64_t)filter->limit + 1); /* one more tells whether there are older ones */
    while ((rc = sql_step(&q, err)) == 1) {
        if (used == filter->limit) {
            older = true;
            break;
        }
        if (used == room) {
            room = room == 0 ? 16 : room * 2;
            jobs = xrealloc(jobs, room * sizeof *jobs);
        }
        rc = job_of_row(&q, false, &jobs[used++], err);
        if (rc != 0) {
            break;
        }
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc < 0) {
        store_jobs_free(&jobs, used);
        return -1;
    }
    *out = jobs;
    *n = used;
    *more = older;
    return 0;
}

int store_job_list_counts(struct store *store, int64_t counts[JOB_STATES], struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    int64_t got[JOB_STATES] = {0};
    int rc;
    struct sql q = sql_open(db, "SELECT state, count(*) FROM job GROUP BY state");

    while ((rc = sql_step(&q, err)) == 1) {
        char *name = sql_column_text(&q, 0);
        enum job_state state;

        if (name != NULL && job_state_parse(name, &state)) {
            got[state] = sql_column_int(&q, 1);
        }
        free(name);
        if (sql_full(&q, err) != 0) {
            rc = -1;
            break;
        }
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    for (size_t i = 0; rc == 0 && i < JOB_STATES; i++) {
        counts[i] = got[i];
    }
    return rc;
}

int store_job_list_position(struct store *store, int64_t id, int64_t *out, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    int rc;
    /* The order of claims, as two ranges of its index. */
    struct sql q =
        sql_open(db, "SELECT CASE j.state WHEN 'queued' THEN"
                     " (SELECT count(*) FROM job AS o INDEXED BY job_queue"
                     " WHERE o.state = 'queued' AND o.priority > j.priority)"
                     " + (SELECT count(*) FROM job AS o INDEXED BY job_queue"
                     " WHERE o.state = 'queued' AND o.priority = j.priority AND o.id <= j.id)"
                     " ELSE 0 END FROM job AS j WHERE j.id = ?1");

    sql_int(&q, 1, id);
    rc = sql_scalar(&q, out, err);
    store_sqlite_reader_back(s, db);
    return rc == 1 ? err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)id) : rc;
}

int store_job_list_disk(struct store *store, int64_t *out, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct sql q = sql_open(db, "SELECT coalesce(sum(disk_bytes), 0) FROM job"
                                " INDEXED BY job_disk WHERE finished_at IS NULL");
    int rc = sql_scalar(&q, out, err);

    store_sqlite_reader_back(s, db);
    return rc == 0 ? 0 : -1;
}
