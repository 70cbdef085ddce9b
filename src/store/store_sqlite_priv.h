/* Between the files of the SQLite backend only. The layers of it, bottom to top:
 *
 *   store_db.c       one connection, its prepared statements, its errors
 *   store_writer.c   the writer thread: commands in batches, one commit each
 *   store_jobs.c, store_queue.c, store_recover.c, store_keys.c, store_checkpoints.c,
 *   store_job_list.c, store_curves.c, store_deliveries.c, store_datasets.c, store_models.c
 *                    what each operation does, as SQL
 *   store_gc.c       what may go, a piece at a time
 *   store_sqlite.c   open, migrate, recover, the pool of readers, close, the table of operations
 *   store_backup.c, store_check.c
 *                    copies of the database and damage in it, on connections of their own
 */
#ifndef MLPD_STORE_STORE_SQLITE_PRIV_H
#define MLPD_STORE_STORE_SQLITE_PRIV_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "store/store.h"
#include "store/store_sqlite.h"

/* ---- store_db.c ---- */

#define DB_STATEMENTS 128

/* One connection; used by one thread at a time. */
struct db {
    sqlite3 *handle;
    struct {
        const char *sql;     /* the address is the key: texts of ours in static memory */
        sqlite3_stmt *stmt;  /* owned */
    } cache[DB_STATEMENTS];
    size_t n_cached;
    int log_pages;           /* the writer's: of the write-ahead log, as the last commit left it, */
    bool wrote;              /* and there was one since this was cleared */
    bool deliveries;         /* the writer's: one may have become due since this was cleared */
    struct db *next;         /* in the pool; guarded by its lock */
};

#define DB_READ_ONLY true
#define DB_READ_WRITE false

int db_open(struct db *db, const char *path, bool read_only, struct err *err) MUST_CHECK;
/* Aborts when a statement was left open: that is a bug. Harmless on one never opened. */
void db_close(struct db *db);
/* Statements without values or rows. */
int db_exec(struct db *db, const char *sql, struct err *err) MUST_CHECK;
/* Out of the transaction, if one is open. */
void db_rollback(struct db *db);
/* What result code `rc` means for a user; logs what it means for us. Returns -1. */
int db_error(struct db *db, int rc, struct err *err);
/* Rows that the last sql_run changed. */
int64_t db_changes(struct db *db);

/* A prepared statement at work. Errors of opening and binding wait for the next
 * sql_step, so that a statement reads as: open, bind, step. Columns count from 0,
 * parameters from 1. Ends with sql_run, sql_scalar or sql_close, on every path. */
struct sql {
    struct db *db;
    sqlite3_stmt *stmt;
    int rc;
};

struct sql sql_open(struct db *db, const char *sql);
void sql_int(struct sql *q, int i, int64_t value);
void sql_text(struct sql *q, int i, const char *text);  /* NULL is NULL; borrowed */
void sql_real(struct sql *q, int i, double value);      /* not finite is NULL */
void sql_blob(struct sql *q, int i, const void *bytes, size_t len); /* borrowed */
/* 1 = a row, 0 = no more, -1. */
int sql_step(struct sql *q, struct err *err) MUST_CHECK;
/* To the end, rows ignored, and closed. */
int sql_run(struct sql *q, struct err *err) MUST_CHECK;
/* The first column of the first row: 0; 1 when there is no row (*out untouched). Closed. */
int sql_scalar(struct sql *q, int64_t *out, struct err *err) MUST_CHECK;
void sql_close(struct sql *q);

int64_t sql_column_int(struct sql *q, int i);   /* NULL is 0 */
double sql_column_real(struct sql *q, int i);   /* NULL is NaN */
char *sql_column_text(struct sql *q, int i);    /* owned, NULL is NULL; see sql_full */
void sql_column_hash(struct sql *q, int i, char out[HASH_HEX_LEN]); /* NULL is "" */
/* Whether memory sufficed for every sql_column_text since the last step: else -1. */
int sql_full(struct sql *q, struct err *err) MUST_CHECK;

/* ---- store_writer.c ---- */

/* What a command does, on the writer's thread inside a transaction and a savepoint of its
 * own. Returns 0, a positive number for the caller, or -1 (its changes are undone). It may
 * not touch what the caller gets until the caller sees success: the commit can still fail. */
typedef int writer_run_f(struct db *db, void *arg, struct err *err);

enum writer_manner {
    WRITER_HASTY,   /* HTTP: ERR_BUSY when the command was not begun within 2 s */
    WRITER_PATIENT, /* workers: wait */
};

struct command;
TAILQ_HEAD(command_list, command);

struct writer {
    struct db db;                 /* the writer's thread only, once it runs */
    pthread_t thread;
    pthread_mutex_t lock;         /* a leaf: no SQL under it */
    pthread_cond_t work, space, idle;
    struct command_list queue;    /* guarded by lock, like all that follows */
    size_t n_queued, queue_limit;
    size_t n_callers;             /* inside store_writer_call */
    bool stop, running;
    struct err sick;              /* writes fail: the last reason; set by the writer's thread */
    bool stuck;                   /* and no write is tried again before a restart */
    void (*wake)(void *arg);      /* after commits that may have made a delivery due, or NULL */
    void *wake_arg;
};

/* `w->db` is open and set up; starts the thread. */
void store_writer_start(struct writer *w, size_t queue_limit);
/* Runs what waits, ends the thread. Nobody may call after it. */
void store_writer_stop(struct writer *w);
/* Enqueue, wait, and return what `run` returned once that is durable. */
int store_writer_call(struct writer *w, enum writer_manner manner, writer_run_f *run, void *arg,
                struct err *err) MUST_CHECK;
/* See store.h, delivery_watch. */
void store_writer_watch(struct writer *w, void (*wake)(void *arg), void *arg);
/* 0 when the last write worked; else the reason. After ERR_NO_SPACE it tries one. */
int store_writer_health(struct writer *w, struct err *err) MUST_CHECK;

/* ---- store_sqlite.c ---- */

#define STORE_READERS 4
#define STORE_APPLICATION_ID "1835823204" /* "mlpd" */

struct store_sqlite {
    struct store base;
    unsigned magic;
#define STORE_SQLITE_MAGIC 0x5a1e57a0u
    struct writer writer;
    struct db readers[STORE_READERS];
    pthread_mutex_t pool_lock;    /* a leaf */
    pthread_cond_t pool_free;
    struct db *pool;              /* idle readers; guarded by pool_lock */
    size_t n_idle;
    char *path;                   /* of mlpd.db; set once */
    bool unclean;                 /* set once */
    bool check_running;           /* by the thread that opens and closes */
    pthread_t check_thread;
    atomic_bool check_stop;
};

struct store_sqlite *store_sqlite_of(struct store *store);
int store_sqlite_newest(void); /* schema */
/* Borrow a read-only connection; waits for one. Every statement is closed before it goes back. */
struct db *store_sqlite_reader(struct store_sqlite *s);
void store_sqlite_reader_back(struct store_sqlite *s, struct db *db);

/* ---- store_backup.c, store_check.c ---- */

/* A connection of its own to DIR/mlpd.db, if that is ours: see store_sqlite.h. `db` is closed on
 * failure. */
int store_backup_open(const char *dir, bool read_only, struct db *db, int64_t *schema,
                      struct err *err) MUST_CHECK;
/* `db`, of an older schema, as DIR/backup-schema-N.db: checked, synced, or nothing is migrated. */
int store_backup_before_migrating(struct db *db, const char *dir, int64_t schema,
                                  struct err *err) MUST_CHECK;
/* SQLite's integrity check, or its quick one; each problem is an item. */
int store_check_structure(struct db *db, bool quick, struct err *problems,
                          struct err *err) MUST_CHECK;
/* Whether a log with something in it lies beside the database, before that is opened. */
bool store_check_unclean(const char *path);
/* Ends the check after an unclean stop, if it runs. */
void store_check_stop(struct store_sqlite *s);

/* ---- operations; see store.h ---- */

int store_gc(struct store *store, const struct store_gc_rule *rule, bool dry_run,
             struct store_gc *out, struct err *err);

int store_jobs_submit(struct store *store, const struct store_job_new *job, int64_t *job_id,
                      int64_t *model_id, struct err *err);
int store_jobs_finish(struct store *store, int64_t id, const char *owner,
                      const struct store_outcome *outcome, struct err *err);
int store_jobs_settle(struct store *store, int64_t id, const char *owner,
                      const struct store_job_new *job, struct err *err);
int store_jobs_cancel(struct store *store, int64_t id, enum job_state *out, struct err *err);
int store_jobs_delete(struct store *store, int64_t id, struct err *err);
/* Parts of transactions. Why a compare-and-set on a job changed nothing: returns -1. */
int store_jobs_refused(struct db *db, int64_t id, const char *what, struct err *err);
/* Run; one row changed, as it must be, or the refusal. */
int store_jobs_change(struct db *db, struct sql *q, int64_t id, const char *what,
                      struct err *err) MUST_CHECK;
/* A job that no worker brings home ends: cancelled (error_code NULL, `detail` for the event or
 * NULL), or failed with a code and a sentence. */
int store_jobs_end(struct db *db, int64_t id, enum job_state state, const char *error_code,
                   const char *detail, struct err *err) MUST_CHECK;

/* The job has this state now: its event, and what it tells others of it. The last part of every
 * transition. `detail` or NULL. */
int store_jobs_became(struct db *db, int64_t id, int64_t at, enum job_state state,
                      const char *detail, struct err *err) MUST_CHECK;

#define STORE_PAUSE_MS 1000 /* before an attempt, after many that brought nothing */

int store_queue_claim(struct store *store, const char *owner, struct store_job *out,
                      struct err *err);
int store_queue_claim_wait(struct store *store, const char *owner, struct store_job *out,
                           int64_t *wait_ms, struct err *err);
int store_queue_note(struct store *store, int64_t id, const char *owner, enum store_note note,
                     struct err *err);
int store_queue_release(struct store *store, int64_t id, const char *owner, struct err *err);
int store_queue_job_pause(struct store *store, int64_t id, enum job_state *out,
                          struct err *err);
int store_queue_job_resume(struct store *store, int64_t id, enum job_state *out,
                           struct err *err);
int store_queue_pause(struct store *store, bool paused, struct err *err);
int store_queue_paused(struct store *store, bool *out, struct err *err);
/* A running job leaves its worker, to be queued or paused; in the caller's transaction. */
int store_queue_back(struct db *db, int64_t id, enum job_state to, const char *detail,
                     struct err *err) MUST_CHECK;

/* At open, in a transaction: running rows of other owners are settled. */
struct store_recovered { /* jobs */
    int64_t queued, paused, cancelled, failed;
};
int store_recover(struct db *db, const struct store_sqlite_options *options,
                  struct store_recovered *out, struct err *err) MUST_CHECK;

#define STORE_KEY_MS ((int64_t)24 * 60 * 60 * 1000) /* how long a key counts */

/* In a transaction: 0 = the key is known, with this body; 1 = it is new; -1. */
int store_keys_find(struct db *db, const char *key, const char *body_sha256, int64_t now,
                    int64_t *job_id, int64_t *model_id, struct err *err) MUST_CHECK;
int store_keys_insert(struct db *db, const char *key, const char *body_sha256, int64_t now,
                      int64_t job_id, struct err *err) MUST_CHECK;
int store_keys_get(struct store *store, const char *key, int64_t *job_id, int64_t *model_id,
                   char body_sha256[HASH_HEX_LEN], struct err *err);

int store_checkpoints_add(struct store *store, const char *owner,
                          const struct store_checkpoint *checkpoint, struct err *err);
int store_checkpoints_list(struct store *store, int64_t job_id,
                           struct store_checkpoint out[STORE_CHECKPOINTS], size_t *n,
                           struct err *err);
int store_checkpoints_all(struct store *store, struct store_checkpoint **out, size_t *n,
                          struct err *err);
int store_checkpoints_curve_cut(struct store *store, int64_t job_id, const char *owner,
                                int64_t epoch, struct err *err);
/* In a transaction: the job ends, its rows go. */
int store_checkpoints_forget(struct db *db, int64_t job_id, struct err *err) MUST_CHECK;
/* In a transaction: the curve past the newest checkpoint goes (all of it without one). */
int store_checkpoints_rewind(struct db *db, int64_t job_id, struct err *err) MUST_CHECK;

/* One whole job, on any connection; ERR_NOT_FOUND. */
int store_job_list_read(struct db *db, int64_t id, struct store_job *out,
                        struct err *err) MUST_CHECK;
int store_job_list_get(struct store *store, int64_t id, struct store_job *out, struct err *err);
int store_job_list_page(struct store *store, const struct store_job_filter *filter,
                        struct store_job **out, size_t *n, bool *more, struct err *err);
int store_job_list_counts(struct store *store, int64_t counts[JOB_STATES], struct err *err);
int store_job_list_position(struct store *store, int64_t id, int64_t *out, struct err *err);
int store_job_list_disk(struct store *store, int64_t *out, struct err *err);

int store_curves_append(struct store *store, int64_t job_id, const char *owner,
                        const struct store_point *points, size_t n, struct err *err);
int store_curves_read(struct store *store, int64_t job_id, int64_t after, size_t limit,
                      struct store_point **out, size_t *n, struct err *err);
int store_curves_last(struct store *store, int64_t job_id, struct store_point *out,
                      struct err *err);

int store_events_add(struct store *store, int64_t job_id, const char *kind, const char *detail,
                     struct err *err);
int store_events_list(struct store *store, int64_t job_id, struct store_event **out, size_t *n,
                      struct err *err);
/* One row, in the caller's transaction. */
int store_events_insert(struct db *db, int64_t job_id, int64_t at, const char *kind,
                        const char *detail, struct err *err) MUST_CHECK;

int store_deliveries_next(struct store *store, int64_t now, const char *const *busy, size_t n_busy,
                          struct store_delivery *out, int64_t *wait_ms, struct err *err);
int store_deliveries_done(struct store *store, const struct store_delivery_result *result,
                          struct err *err);
int store_deliveries_list(struct store *store, int64_t job_id, struct store_delivery **out,
                          size_t *n, struct err *err);
int store_deliveries_retry(struct store *store, int64_t id, int64_t *job_id, struct err *err);
void store_deliveries_watch(struct store *store, void (*wake)(void *arg), void *arg);
/* Parts of transactions: a new job's wish; a delivery, if the job wants that state told. */
int store_deliveries_wish(struct db *db, int64_t job_id, const struct store_notify *notify,
                          struct err *err) MUST_CHECK;
int store_deliveries_add(struct db *db, int64_t job_id, int64_t at, enum job_state state,
                         struct err *err) MUST_CHECK;

int store_datasets_add(struct store *store, const char *name, const char *sha256, int64_t rows,
                       int64_t columns, int64_t bytes, bool replace, int64_t *id,
                       bool *created, struct err *err);
int store_datasets_append(struct store *store, int64_t parent_id, const char *name,
                          const char *sha256, int64_t rows, int64_t columns, int64_t bytes,
                          int64_t *id, struct err *err);
int store_datasets_versions(struct store *store, int64_t id, size_t limit,
                            struct store_dataset **out, size_t *n, struct err *err);
int store_datasets_get(struct store *store, const char *key, struct store_dataset *out,
                       struct err *err);
int store_datasets_list(struct store *store, int64_t before_id, size_t limit,
                        struct store_dataset **out, size_t *n, bool *more, struct err *err);
int store_datasets_delete(struct store *store, int64_t id, bool *orphan, struct err *err);
int store_datasets_count(struct store *store, int64_t *datasets, int64_t *models, struct err *err);

int store_models_get(struct store *store, int64_t id, struct store_model *out, struct err *err);
int store_models_by_name(struct store *store, const char *name, struct store_model *out,
                         struct err *err);
int store_models_list(struct store *store, const char *name, int64_t before_id, size_t limit,
                      struct store_model **out, size_t *n, bool *more, struct err *err);
int store_models_weights(struct store *store, int64_t id, void **bytes, size_t *len,
                         struct err *err);
int store_models_evaluation(struct store *store, int64_t id, const char *split, char **json,
                            struct err *err);
int store_models_delete(struct store *store, int64_t id, struct err *err);
int store_models_state(struct store *store, int64_t id, void **bytes, size_t *len,
                       struct err *err);
/* Parts of the transaction that makes or ends a job. */
struct store_hashes { /* of an outcome's bytes */
    char weights[HASH_HEX_LEN], state[HASH_HEX_LEN];
};
int store_models_insert(struct db *db, int64_t job_id, const struct store_job_new *job,
                        int64_t at, int64_t *id, struct err *err) MUST_CHECK;
int store_models_publish(struct db *db, int64_t job_id, const struct store_outcome *outcome,
                         const struct store_hashes *hashes, int64_t at,
                         struct err *err) MUST_CHECK;
int store_models_fail(struct db *db, int64_t job_id, int64_t at, struct err *err) MUST_CHECK;

#endif
