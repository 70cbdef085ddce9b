/* Looking for damage: what SQLite can tell of its own file, and what only we know.
 *
 * store_sqlite_check works on a connection of its own, beside a running daemon too. Each weight is
 * read and hashed in a snapshot of its own, so that the write-ahead log is never pinned for long;
 * a model that is deleted meanwhile is simply not met. A statement that fails because the file is
 * damaged is one more problem, and the next thing is looked at.
 *
 * The check after an unclean stop runs on a thread that close joins. It reads only; what it finds
 * goes to the writer as a command that fails with ERR_CORRUPT, which is how any damage ends
 * writing.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_sqlite.h"
#include "store/store_sqlite_priv.h"

#define SCHEMA_STATE     2    /* the first schema that has model_state */
#define PROGRESS         1000 /* steps of SQLite's between two looks at `stop` */
#define LOGGED_PROBLEMS  10

/* ---- what SQLite knows ---- */

/* What went wrong because the file is damaged is a problem; all else is an error. */
static int or_problem(int rc, const char *where, struct err *why, struct err *problems,
                      struct err *err)
{
    if (rc >= 0) {
        return 0;
    }
    if (why->code != ERR_CORRUPT) {
        err_move(err, why);
        return -1;
    }
    err_add(problems, NULL, "mlpd.db: %s: %s", where, why->detail);
    err_fini(why);
    *why = (struct err)ERR_INIT;
    return 0;
}

int store_check_structure(struct db *db, bool quick, struct err *problems, struct err *err)
{
    struct err why = ERR_INIT;
    struct sql q = sql_open(db, quick ? "PRAGMA quick_check" : "PRAGMA integrity_check");
    int rc;

    while ((rc = sql_step(&q, &why)) == 1) {
        char *text = sql_column_text(&q, 0);

        if (text != NULL && strcmp(text, "ok") != 0) {
            err_add(problems, NULL, "mlpd.db: %s", text);
        }
        free(text);
    }
    sql_close(&q);
    return or_problem(rc, "its pages", &why, problems, err);
}

static int check_foreign_keys(struct db *db, struct err *problems, struct err *err)
{
    struct err why = ERR_INIT;
    struct sql q = sql_open(db, "PRAGMA foreign_key_check");
    int rc;

    while ((rc = sql_step(&q, &why)) == 1) {
        char *table = sql_column_text(&q, 0), *parent = sql_column_text(&q, 2);

        err_add(problems, NULL, "mlpd.db: row %" PRId64 " of %s refers to a row of %s that is gone",
                sql_column_int(&q, 1), table != NULL ? table : "?", parent != NULL ? parent : "?");
        free(table);
        free(parent);
    }
    sql_close(&q);
    return or_problem(rc, "its references", &why, problems, err);
}

/* ---- what we know ---- */

/* Each row of the query is one problem: `format` takes its number, and its text. */
static int check_rows(struct db *db, const char *sql, const char *before, const char *after,
                      struct err *problems, struct err *err)
{
    struct err why = ERR_INIT;
    struct sql q = sql_open(db, sql);
    int rc;

    while ((rc = sql_step(&q, &why)) == 1) {
        char *text = sql_column_text(&q, 1);

        err_add(problems, NULL, "%s %" PRId64 " %s%s%.12s", before, sql_column_int(&q, 0), after,
                text != NULL ? " " : "", text != NULL ? text : "");
        free(text);
    }
    sql_close(&q);
    return or_problem(rc, before, &why, problems, err);
}

static int check_states(struct db *db, int64_t schema, struct err *problems, struct err *err)
{
    if (check_rows(db,
                   "SELECT m.id, NULL FROM model AS m WHERE m.state = 'ready' AND NOT EXISTS"
                   " (SELECT 1 FROM model_part AS p WHERE p.model_id = m.id AND p.seq = 0)",
                   "model", "is ready and has no weights", problems, err) != 0 ||
        check_rows(db,
                   "SELECT m.id, NULL FROM model AS m LEFT JOIN job AS j ON j.id = m.job_id"
                   " WHERE m.state = 'pending' AND (j.id IS NULL OR j.finished_at IS NOT NULL)",
                   "model", "waits for a job that has ended", problems, err) != 0 ||
        check_rows(db,
                   "SELECT n.job_id, n.sha256 FROM job_dataset AS n JOIN job AS j ON j.id ="
                   " n.job_id WHERE j.finished_at IS NULL AND NOT EXISTS"
                   " (SELECT 1 FROM dataset AS d WHERE d.sha256 = n.sha256)",
                   "job", "needs a dataset that is gone:", problems, err) != 0) {
        return -1;
    }
    if (schema < SCHEMA_STATE) {
        return 0;
    }
    return check_rows(db,
                      "SELECT w.id, NULL FROM weight AS w WHERE NOT EXISTS"
                      " (SELECT 1 FROM model_part AS p WHERE p.weight_id = w.id) AND NOT EXISTS"
                      " (SELECT 1 FROM model_state AS s WHERE s.weight_id = w.id)",
                      "weights", "belong to no model", problems, err);
}

/* The chunks of weight `id` into a hash and a length. */
static int hash_chunks(struct db *db, int64_t id, char got[HASH_HEX_LEN], int64_t *bytes,
                       struct err *err)
{
    struct sql q = sql_open(db, "SELECT bytes FROM weight_chunk WHERE weight_id = ? ORDER BY seq");
    struct hash hash;
    int rc;

    hash_init(&hash);
    *bytes = 0;
    sql_int(&q, 1, id);
    while ((rc = sql_step(&q, err)) == 1) {
        const void *chunk = sqlite3_column_blob(q.stmt, 0);
        size_t len = (size_t)sqlite3_column_bytes(q.stmt, 0);

        if (chunk == NULL) {
            rc = err_set(err, ERR_NO_MEMORY, "no memory to read weights");
            break;
        }
        hash_update(&hash, chunk, len);
        *bytes += (int64_t)len;
    }
    sql_close(&q);
    hash_final_hex(&hash, got);
    return rc;
}

/* Whose weights these are: one problem each. */
static int name_owners(struct db *db, int64_t id, int64_t schema, struct err *problems,
                       struct err *err)
{
    struct sql q = sql_open(
        db, schema < SCHEMA_STATE
                ? "SELECT model_id, 0 FROM model_part WHERE weight_id = ?"
                : "SELECT model_id, 0 FROM model_part WHERE weight_id = ?1 UNION ALL"
                  " SELECT model_id, 1 FROM model_state WHERE weight_id = ?1");
    int rc;

    sql_int(&q, 1, id);
    while ((rc = sql_step(&q, err)) == 1) {
        err_add(problems, NULL, "the %s of model %" PRId64 " are damaged",
                sql_column_int(&q, 1) != 0 ? "optimizer's state and weights" : "weights",
                sql_column_int(&q, 0));
    }
    sql_close(&q);
    return rc;
}

/* The next weight after *id: 1 = verified or told, 0 = there is none. */
static int check_next_weight(struct db *db, int64_t *id, int64_t schema, struct err *problems,
                             struct err *err)
{
    struct sql q =
        sql_open(db, "SELECT id, sha256, bytes FROM weight WHERE id > ? ORDER BY id LIMIT 1");
    char wanted[HASH_HEX_LEN], got[HASH_HEX_LEN];
    int64_t bytes, found = 0;
    int rc;

    sql_int(&q, 1, *id);
    rc = sql_step(&q, err);
    if (rc == 1) {
        /* It stays open meanwhile: head and chunks are of one snapshot. */
        *id = sql_column_int(&q, 0);
        sql_column_hash(&q, 1, wanted);
        bytes = sql_column_int(&q, 2);
        rc = hash_chunks(db, *id, got, &found, err);
        if (rc == 0 && (found != bytes || strcmp(got, wanted) != 0)) {
            rc = name_owners(db, *id, schema, problems, err);
        }
        rc = rc == 0 ? 1 : rc;
    }
    sql_close(&q);
    return rc;
}

static int check_weights(struct db *db, int64_t schema, struct err *problems, struct err *err)
{
    struct err why = ERR_INIT;
    int64_t id = 0, before;
    int rc;

    do {
        before = id;
        rc = check_next_weight(db, &id, schema, problems, &why);
        if (rc < 0 && why.code == ERR_CORRUPT && id != before) {
            err_add(problems, NULL, "weights %" PRId64 ": %s", id, why.detail);
            err_fini(&why);
            why = (struct err)ERR_INIT;
            rc = 1; /* the next one may be whole */
        }
    } while (rc == 1);
    return or_problem(rc, "the weights", &why, problems, err);
}

int store_sqlite_check(const char *dir, bool quick, int64_t *n_models, struct err *problems,
                       struct err *err)
{
    struct err why = ERR_INIT;
    struct db db;
    int64_t schema = 0, models = 0;
    int rc = store_backup_open(dir, DB_READ_ONLY, &db, &schema, &why);

    if (n_models != NULL) {
        *n_models = 0;
    }
    if (rc != 0) { /* so damaged that it cannot be opened */
        return or_problem(rc, "the file", &why, problems, err);
    }
    rc = store_check_structure(&db, quick, problems, err);
    if (rc == 0) {
        rc = check_foreign_keys(&db, problems, err);
    }
    if (rc == 0 && !quick) {
        rc = check_states(&db, schema, problems, err);
    }
    if (rc == 0 && !quick) {
        rc = check_weights(&db, schema, problems, err);
    }
    if (rc == 0 && !quick) {
        struct sql q = sql_open(&db, "SELECT count(*) FROM model WHERE state = 'ready'");

        rc = or_problem(sql_scalar(&q, &models, &why), "the models", &why, problems, err);
    }
    db_close(&db);
    if (rc == 0 && n_models != NULL) {
        *n_models = models;
    }
    return rc;
}

/* ---- after an unclean stop ---- */

bool store_check_unclean(const char *path)
{
    char *wal = xasprintf("%s-wal", path);
    struct stat st;
    bool unclean = stat(wal, &st) == 0 && st.st_size > 0; /* a reader alone leaves an empty one */

    free(wal);
    return unclean;
}

static int stopping(void *arg)
{
    struct store_sqlite *s = arg;

    return atomic_load(&s->check_stop) ? 1 : 0;
}

static int run_condemn(struct db *db, void *arg, struct err *err)
{
    (void)db; /* it is not touched */
    return err_set(err, ERR_CORRUPT,
                   "the database mlpd.db is damaged (%.200s): stop the daemon, run mlpd check, "
                   "and restore a backup",
                   (const char *)arg);
}

static void condemn(struct store_sqlite *s, const struct err *problems)
{
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < problems->n_items && i < LOGGED_PROBLEMS; i++) {
        log_error("%s", problems->items[i].detail);
    }
    /* What it returns is what it was told to. */
    (void)!store_writer_call(&s->writer, WRITER_PATIENT, run_condemn, problems->items[0].detail,
                             &err);
    err_fini(&err);
}

static void *check_main(void *arg)
{
    struct store_sqlite *s = arg;
    struct err problems = ERR_INIT, err = ERR_INIT;
    double began = clock_monotonic();
    struct db db;
    int rc;

    (void)setpriority(PRIO_PROCESS, 0, 10); /* this thread alone, and only kindness */
    rc = db_open(&db, s->path, DB_READ_ONLY, &err);
    if (rc == 0) {
        sqlite3_progress_handler(db.handle, PROGRESS, stopping, s);
        rc = store_check_structure(&db, true, &problems, &err);
        db_close(&db);
    }
    if (atomic_load(&s->check_stop)) {
        log_info("the check of the database was not finished");
    } else if (rc != 0) {
        log_warn("the database could not be checked: %s", err.detail);
    } else if (problems.n_items > 0) {
        condemn(s, &problems);
    } else {
        log_info("the database is whole, checked in %.1f s", clock_monotonic() - began);
    }
    err_fini(&problems);
    err_fini(&err);
    return NULL;
}

void store_sqlite_quick_check(struct store *store)
{
    struct store_sqlite *s = store_sqlite_of(store);
    sigset_t all, old;

    if (!s->unclean || s->check_running) {
        return;
    }
    log_info("the daemon before did not stop cleanly: checking the database");
    CHK(sigfillset(&all) == 0); /* signals are for main */
    PTOK(pthread_sigmask(SIG_SETMASK, &all, &old));
    PTOK(pthread_create(&s->check_thread, NULL, check_main, s));
    PTOK(pthread_sigmask(SIG_SETMASK, &old, NULL));
    s->check_running = true;
}

void store_check_stop(struct store_sqlite *s)
{
    if (s->check_running) {
        atomic_store(&s->check_stop, true);
        PTOK(pthread_join(s->check_thread, NULL));
        s->check_running = false;
    }
}
