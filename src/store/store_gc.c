/* Garbage: finished jobs beyond what is kept, and nameless datasets that no job names.
 *
 * One call removes one piece: jobs until their number or the time is up, oldest first, in one
 * transaction of the writer's; when no such job is left, some datasets in another. So a worker or
 * a request waits for the writer no longer than it would for any other write. Which jobs go is
 * asked in the transaction that removes them, so that what changes meanwhile is never removed by
 * an old answer.
 *
 * Never removed: a job that has not ended, one whose Idempotency-Key still counts (the client who
 * asks again must find it), what such a job names, a dataset with a name, and any model.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crashpoint.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

#define PIECE_JOBS     200
#define PIECE_SECONDS  0.02
#define PIECE_DATASETS 200

/* ?1 ended before, ?2 ?3 before this moment and id, ?4 its key is older. */
#define DOOMED                                                                                     \
    " job.finished_at IS NOT NULL AND job.finished_at < ?1"                                        \
    " AND (job.finished_at, job.id) < (?2, ?3) AND NOT EXISTS"                                     \
    " (SELECT 1 FROM job_key AS k WHERE k.job_id = job.id AND k.created_at > ?4)"

#define DATASET_DOOMED " dataset.name IS NULL AND dataset.created_at < ?5"

struct bounds {
    int64_t finished_before, at, id, key_at;
};

static void bind_bounds(struct sql *q, const struct bounds *b)
{
    sql_int(q, 1, b->finished_before);
    sql_int(q, 2, b->at);
    sql_int(q, 3, b->id);
    sql_int(q, 4, b->key_at);
}

/* 1 = no job may go. */
static int find_bounds(struct db *db, const struct store_gc_rule *rule, struct bounds *out,
                       struct err *err)
{
    struct sql q;
    int rc;

    *out = (struct bounds){
        .finished_before = rule->finished_before > 0 ? rule->finished_before : INT64_MAX,
        .at = INT64_MAX,
        .id = INT64_MAX,
        .key_at = clock_now_ms() - STORE_KEY_MS,
    };
    if (rule->keep_jobs < 0) {
        out->at = INT64_MIN;
        return 1;
    }
    if (rule->keep_jobs == 0) {
        return 0;
    }
    q = sql_open(db, "SELECT finished_at, id FROM job WHERE finished_at IS NOT NULL"
                     " ORDER BY finished_at DESC, id DESC LIMIT 1 OFFSET ?");
    sql_int(&q, 1, rule->keep_jobs - 1);
    rc = sql_step(&q, err);
    if (rc == 1) {
        out->at = sql_column_int(&q, 0);
        out->id = sql_column_int(&q, 1);
        rc = 0;
    } else if (rc == 0) {
        out->at = INT64_MIN; /* there are fewer than are kept */
        rc = 1;
    }
    sql_close(&q);
    return rc;
}

/* ---- what would go ---- */

static int count_doomed(struct db *db, const struct store_gc_rule *rule, struct store_gc *out,
                        struct err *err)
{
    struct bounds bounds;
    struct sql q;
    int rc;

    if (find_bounds(db, rule, &bounds, err) < 0) {
        return -1;
    }
    q = sql_open(db, "SELECT count(*) FROM job WHERE" DOOMED);
    bind_bounds(&q, &bounds);
    if (sql_scalar(&q, &out->jobs, err) != 0) {
        return -1;
    }
    /* As if those jobs were gone: no other job names it; its bytes, if no other row names them. */
    q = sql_open(db, "WITH gone AS MATERIALIZED (SELECT id, sha256, bytes FROM dataset WHERE"
                     DATASET_DOOMED " AND NOT EXISTS (SELECT 1 FROM job_dataset AS n"
                     " JOIN job ON job.id = n.job_id WHERE n.sha256 = dataset.sha256"
                     " AND NOT (" DOOMED ")))"
                     " SELECT (SELECT count(*) FROM gone), coalesce(sum(bytes), 0) FROM"
                     " (SELECT max(bytes) AS bytes FROM gone WHERE NOT EXISTS (SELECT 1 FROM"
                     " dataset AS d WHERE d.sha256 = gone.sha256 AND d.id NOT IN"
                     " (SELECT id FROM gone)) GROUP BY sha256)");
    bind_bounds(&q, &bounds);
    sql_int(&q, 5, rule->datasets_before);
    rc = sql_step(&q, err);
    if (rc == 1) {
        out->datasets = sql_column_int(&q, 0);
        out->dataset_bytes = sql_column_int(&q, 1);
        rc = 0;
    }
    sql_close(&q);
    return rc;
}

static int look(struct store *store, const struct store_gc_rule *rule, struct store_gc *out,
                struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_gc counted = {.jobs = 0};
    struct sql q = sql_open(db, "BEGIN"); /* one snapshot for both */
    int rc = sql_run(&q, err);

    if (rc == 0) {
        rc = count_doomed(db, rule, &counted, err);
    }
    db_rollback(db);
    store_sqlite_reader_back(s, db);
    if (rc == 0) {
        *out = counted;
    }
    return rc;
}

/* ---- a piece ---- */

struct piece {
    const struct store_gc_rule *rule;
    struct store_gc out;
};

static int run_jobs(struct db *db, void *arg, struct err *err)
{
    struct piece *p = arg;
    double began = clock_monotonic();
    struct bounds bounds;
    int rc = find_bounds(db, p->rule, &bounds, err);

    p->out = (struct store_gc){.jobs = 0};
    while (rc == 0) {
        int64_t id = 0;
        /* Curve, events, deliveries, key and needs for data go with the row. */
        struct sql q = sql_open(db, "DELETE FROM job WHERE id = (SELECT id FROM job WHERE" DOOMED
                                    " ORDER BY finished_at, id LIMIT 1) RETURNING id");

        bind_bounds(&q, &bounds);
        rc = sql_scalar(&q, &id, err);
        if (rc == 0) {
            p->out.jobs++;
            p->out.more =
                p->out.jobs == PIECE_JOBS || clock_monotonic() - began > PIECE_SECONDS;
            rc = p->out.more ? 1 : 0;
        }
    }
    CRASH_POINT("gc-before-jobs-commit");
    return rc < 0 ? -1 : 0;
}

struct doomed {
    int64_t id, bytes;
    char sha256[HASH_HEX_LEN];
};

static int list_datasets(struct db *db, int64_t before, struct doomed *list, size_t *n,
                         struct err *err)
{
    struct sql q = sql_open(db, "SELECT id, bytes, sha256 FROM dataset WHERE name IS NULL"
                                " AND created_at < ? AND NOT EXISTS (SELECT 1 FROM job_dataset"
                                " AS n WHERE n.sha256 = dataset.sha256) ORDER BY id LIMIT ?");
    int rc;

    sql_int(&q, 1, before);
    sql_int(&q, 2, PIECE_DATASETS);
    *n = 0;
    while ((rc = sql_step(&q, err)) == 1 && *n < PIECE_DATASETS) {
        list[*n] = (struct doomed){.id = sql_column_int(&q, 0), .bytes = sql_column_int(&q, 1)};
        sql_column_hash(&q, 2, list[*n].sha256);
        (*n)++;
    }
    sql_close(&q);
    return rc;
}

static int delete_dataset(struct db *db, const struct doomed *d, struct store_gc *out,
                          struct err *err)
{
    struct sql q = sql_open(db, "DELETE FROM dataset WHERE id = ?");
    int64_t there = 0;
    int rc;

    sql_int(&q, 1, d->id);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    out->datasets++;
    q = sql_open(db, "SELECT 1 FROM dataset WHERE sha256 = ? LIMIT 1");
    sql_text(&q, 1, d->sha256);
    rc = sql_scalar(&q, &there, err);
    if (rc == 1) { /* nobody names it now */
        memcpy(out->orphans[out->n_orphans++], d->sha256, HASH_HEX_LEN);
        out->dataset_bytes += d->bytes;
    }
    return rc < 0 ? -1 : 0;
}

static int run_datasets(struct db *db, void *arg, struct err *err)
{
    struct piece *p = arg;
    struct doomed *list = xcalloc(PIECE_DATASETS, sizeof *list);
    size_t n = 0;
    int rc = list_datasets(db, p->rule->datasets_before, list, &n, err);

    p->out.datasets = 0;
    p->out.dataset_bytes = 0;
    p->out.n_orphans = 0;
    p->out.more = n == PIECE_DATASETS;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = delete_dataset(db, &list[i], &p->out, err);
    }
    free(list);
    CRASH_POINT("gc-before-datasets-commit");
    return rc;
}

int store_gc(struct store *store, const struct store_gc_rule *rule, bool dry_run,
             struct store_gc *out, struct err *err)
{
    struct writer *writer = &store_sqlite_of(store)->writer;
    struct piece jobs = {.rule = rule}, datasets = {.rule = rule};

    if (dry_run) {
        return look(store, rule, out, err);
    }
    if (rule->keep_jobs >= 0 &&
        store_writer_call(writer, WRITER_HASTY, run_jobs, &jobs, err) != 0) {
        return -1;
    }
    if (jobs.out.more || rule->datasets_before <= 0) {
        *out = jobs.out;
        return 0;
    }
    datasets.out.orphans = xcalloc(PIECE_DATASETS, sizeof *datasets.out.orphans);
    if (store_writer_call(writer, WRITER_HASTY, run_datasets, &datasets, err) != 0) {
        free(datasets.out.orphans);
        return -1;
    }
    *out = datasets.out;
    out->jobs = jobs.out.jobs;
    return 0;
}
