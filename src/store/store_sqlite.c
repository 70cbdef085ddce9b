/* The store on SQLite: opening, migrating, recovering, the pool of readers, closing.
 *
 * Opening runs on one thread. Nothing is written before the file was recognised as ours (or
 * as new). Then one read-write connection is set to write-ahead logging, brought to the
 * newest schema, cleaned of what a killed daemon left running, and given to the writer's
 * thread; the readers open after it and close before it, so that the last connection of all
 * is the writer's and only it ever checkpoints. (SQLite up to 3.51.2 can damage a database
 * when two connections write or checkpoint at one instant: one writer is a safety rule.)
 *
 * Migrations are the files of sql/sqlite, in the order of their numbers, embedded. Each runs
 * in one transaction that also sets user_version, so a kill leaves the schema before it or
 * after it, never between.
 */
#include "store/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/embed.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

EMBED(sql_0001, "sqlite/0001_first.sql");
EMBED(sql_0002, "sqlite/0002_start_from.sql");
EMBED(sql_0003, "sqlite/0003_survive.sql");
EMBED(sql_0004, "sqlite/0004_webhooks.sql");
EMBED(sql_0005, "sqlite/0005_versions.sql");
EMBED(sql_0006, "sqlite/0006_summary.sql");

static const struct {
    int version;
    const unsigned char *text;
} migrations[] = {
    {1, sql_0001},
    {2, sql_0002},
    {3, sql_0003},
    {4, sql_0004},
    {5, sql_0005},
    {6, sql_0006},
};

#define NEWEST (migrations[ARRAY_LEN(migrations) - 1].version)

#define DEFAULT_QUEUE_LIMIT 1024

int store_sqlite_newest(void)
{
    return NEWEST;
}

/* ---- open ---- */

static int scalar(struct db *db, const char *sql, int64_t *out, struct err *err)
{
    struct sql q = sql_open(db, sql);
    int rc = sql_scalar(&q, out, err);

    CHK(rc != 1); /* asked only of statements that always have a row */
    return rc;
}

/* Whose file is it? *version: 0 = a new one. Reads only. */
static int recognise(struct db *db, int64_t *version, struct err *err)
{
    int64_t application = 0, objects = 0;

    if (scalar(db, "PRAGMA application_id", &application, err) != 0
        || scalar(db, "PRAGMA user_version", version, err) != 0
        || scalar(db, "SELECT count(*) FROM sqlite_schema", &objects, err) != 0) {
        return -1;
    }
    if (application == 0 && *version == 0 && objects == 0) {
        return 0;
    }
    if (application != strtoll(STORE_APPLICATION_ID, NULL, 10)) {
        return err_set(err, ERR_CONFLICT,
                       "mlpd.db in the state folder is another program's database");
    }
    if (*version > NEWEST) {
        return err_set(err, ERR_CONFLICT,
                       "mlpd.db was written by a newer mlpd: its schema is %lld, this one "
                       "knows %d; start the newer one, or use another state folder",
                       (long long)*version, NEWEST);
    }
    if (*version < 1) {
        return err_set(err, ERR_CORRUPT, "mlpd.db names no schema version");
    }
    return 0;
}

static int set_wal(struct db *db, struct err *err)
{
    struct sql q = sql_open(db, "PRAGMA journal_mode = WAL");
    int rc = sql_step(&q, err);
    bool wal = false;

    if (rc == 1) {
        char *mode = sql_column_text(&q, 0);

        wal = mode != NULL && strcmp(mode, "wal") == 0;
        free(mode);
    }
    sql_close(&q);
    if (rc < 0) {
        return -1;
    }
    if (!wal) {
        return err_set(err, ERR_IO,
                       "the state folder's file system cannot hold a write-ahead log");
    }
    return db_exec(db, "PRAGMA journal_size_limit = 67108864", err);
}

/* Foreign keys are off while tables are built anew, so each migration ends with the question
 * whether all of them still hold. */
static int check_foreign_keys(struct db *db, struct err *err)
{
    struct sql q = sql_open(db, "PRAGMA foreign_key_check");
    int rc = sql_step(&q, err);

    sql_close(&q);
    if (rc == 1) {
        return err_set(err, ERR_CORRUPT,
                       "the database mlpd.db is damaged: rows name others that are not there");
    }
    return rc;
}

static int run_migration(struct db *db, int version, const unsigned char *text, struct err *err)
{
    char stamp[96];

    /* A number of ours; pragmas take no bound values. */
    (void)snprintf(stamp, sizeof stamp,
                   "PRAGMA application_id = " STORE_APPLICATION_ID "; PRAGMA user_version = %d",
                   version);
    if (db_exec(db, "BEGIN IMMEDIATE", err) != 0
        || db_exec(db, (const char *)text, err) != 0 || check_foreign_keys(db, err) != 0
        || db_exec(db, stamp, err) != 0) {
        return -1; /* closing rolls back */
    }
    CRASH_POINT("sqlite-before-migration-commit");
    if (db_exec(db, "COMMIT", err) != 0) {
        return -1;
    }
    CRASH_POINT("sqlite-after-migration-commit");
    log_info("the database has schema %d now", version);
    return 0;
}

static int migrate(struct db *db, int64_t version, struct err *err)
{
    int64_t on = 0;

    if (version == NEWEST) {
        return 0;
    }
    /* Has no effect inside a transaction. */
    if (db_exec(db, "PRAGMA foreign_keys = OFF", err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(migrations); i++) {
        if (migrations[i].version > version
            && run_migration(db, migrations[i].version, migrations[i].text, err) != 0) {
            return -1;
        }
    }
    if (db_exec(db, "PRAGMA foreign_keys = ON", err) != 0
        || scalar(db, "PRAGMA foreign_keys", &on, err) != 0) {
        return -1;
    }
    CHK(on == 1);
    return 0;
}

static int recover(struct db *db, const struct store_sqlite_options *options, struct err *err)
{
    struct store_recovered found = {.queued = 0};

    if (db_exec(db, "BEGIN IMMEDIATE", err) != 0
        || store_recover(db, options, &found, err) != 0) {
        return -1;
    }
    CRASH_POINT("sqlite-before-recovery-commit");
    if (db_exec(db, "COMMIT", err) != 0) {
        return -1;
    }
    CRASH_POINT("sqlite-after-recovery-commit");
    counter_add(COUNTER_JOBS_FINISHED, ENDED_CANCELLED, (uint64_t)found.cancelled);
    counter_add(COUNTER_JOBS_FINISHED, ENDED_FAILED, (uint64_t)found.failed);
    if (found.queued + found.paused + found.cancelled + found.failed > 0) {
        log_info("jobs that an earlier run left running: %lld back in the queue, %lld paused, "
                 "%lld cancelled, %lld failed",
                 (long long)found.queued, (long long)found.paused, (long long)found.cancelled,
                 (long long)found.failed);
    }
    return 0;
}

/* A new database is its owner's alone from its first byte; SQLite gives its other files the
 * same mode. An existing one is not opened here: closing such a descriptor would drop the
 * locks of any connection of this process. */
static int create_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno != EEXIST) {
        return err_set(err, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                       "mlpd.db cannot be made in the state folder: %s", strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd); /* an empty file has nothing to lose */
    }
    return 0;
}

static int open_writer(struct store_sqlite *s, const char *path,
                       const struct store_sqlite_options *options, struct err *err)
{
    struct db *db = &s->writer.db;
    int64_t version = 0;

    if (create_file(path, err) != 0 || db_open(db, path, DB_READ_WRITE, err) != 0) {
        return -1;
    }
    if (recognise(db, &version, err) != 0 || set_wal(db, err) != 0) {
        return -1;
    }
    if (version > 0 && version < NEWEST
        && store_backup_before_migrating(db, options->dir, version, err) != 0) {
        return -1;
    }
    return migrate(db, version, err) != 0 || recover(db, options, err) != 0 ? -1 : 0;
}

/* ---- the pool ---- */

struct store_sqlite *store_sqlite_of(struct store *store)
{
    struct store_sqlite *s = (struct store_sqlite *)store;

    CHK_OBJ(s, STORE_SQLITE_MAGIC);
    return s;
}

struct db *store_sqlite_reader(struct store_sqlite *s)
{
    struct db *db;

    PTOK(pthread_mutex_lock(&s->pool_lock));
    while (s->pool == NULL) {
        PTOK(pthread_cond_wait(&s->pool_free, &s->pool_lock));
    }
    db = s->pool;
    s->pool = db->next;
    s->n_idle--;
    PTOK(pthread_mutex_unlock(&s->pool_lock));
    return db;
}

void store_sqlite_reader_back(struct store_sqlite *s, struct db *db)
{
    CHK(sqlite3_get_autocommit(db->handle)); /* no snapshot goes back into the pool */
    PTOK(pthread_mutex_lock(&s->pool_lock));
    db->next = s->pool;
    s->pool = db;
    s->n_idle++;
    /* Broadcast: close waits for all of them on the same condition. */
    PTOK(pthread_cond_broadcast(&s->pool_free));
    PTOK(pthread_mutex_unlock(&s->pool_lock));
}

/* ---- close, health ---- */

static void close_all(struct store_sqlite *s)
{
    store_check_stop(s); /* before the writer, whom it may have something to tell */
    store_writer_stop(&s->writer);
    for (size_t i = 0; i < STORE_READERS; i++) {
        db_close(&s->readers[i]);
    }
    db_close(&s->writer.db); /* last: checkpoints and removes the log */
    PTOK(pthread_cond_destroy(&s->pool_free));
    PTOK(pthread_mutex_destroy(&s->pool_lock));
    s->magic = 0;
    free(s->path);
    free(s);
}

static void sqlite_close(struct store **store)
{
    struct store_sqlite *s;

    if (*store == NULL) {
        return;
    }
    s = store_sqlite_of(*store);
    PTOK(pthread_mutex_lock(&s->pool_lock));
    while (s->n_idle < STORE_READERS) {
        PTOK(pthread_cond_wait(&s->pool_free, &s->pool_lock));
    }
    PTOK(pthread_mutex_unlock(&s->pool_lock));
    close_all(s);
    *store = NULL;
}

static int sqlite_health(struct store *store, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    int64_t any = 0;
    struct sql q = sql_open(db, "SELECT count(*) FROM (SELECT 1 FROM job LIMIT 1)");
    int rc = sql_scalar(&q, &any, err);

    store_sqlite_reader_back(s, db);
    return rc != 0 ? -1 : store_writer_health(&s->writer, err);
}

static const struct store_ops sqlite_ops = {
    .close = sqlite_close,
    .health = sqlite_health,
    .job_submit = store_jobs_submit,
    .job_by_key = store_keys_get,
    .job_get = store_job_list_get,
    .job_list = store_job_list_page,
    .job_counts = store_job_list_counts,
    .job_position = store_job_list_position,
    .job_disk = store_job_list_disk,
    .job_claim_wait = store_queue_claim_wait,
    .job_claim = store_queue_claim,
    .job_note = store_queue_note,
    .job_finish = store_jobs_finish,
    .job_release = store_queue_release,
    .job_settle = store_jobs_settle,
    .job_cancel = store_jobs_cancel,
    .job_pause = store_queue_job_pause,
    .job_resume = store_queue_job_resume,
    .queue_pause = store_queue_pause,
    .queue_paused = store_queue_paused,
    .job_delete = store_jobs_delete,
    .curve_append = store_curves_append,
    .curve_read = store_curves_read,
    .curve_last = store_curves_last,
    .curve_cut = store_checkpoints_curve_cut,
    .checkpoint_add = store_checkpoints_add,
    .checkpoint_list = store_checkpoints_list,
    .checkpoint_all = store_checkpoints_all,
    .event_add = store_events_add,
    .event_list = store_events_list,
    .delivery_next = store_deliveries_next,
    .delivery_done = store_deliveries_done,
    .delivery_list = store_deliveries_list,
    .delivery_retry = store_deliveries_retry,
    .delivery_watch = store_deliveries_watch,
    .dataset_add = store_datasets_add,
    .dataset_append = store_datasets_append,
    .dataset_versions = store_datasets_versions,
    .dataset_get = store_datasets_get,
    .dataset_list = store_datasets_list,
    .dataset_delete = store_datasets_delete,
    .counts = store_datasets_count,
    .model_get = store_models_get,
    .model_by_name = store_models_by_name,
    .model_list = store_models_list,
    .model_weights = store_models_weights,
    .model_state = store_models_state,
    .model_evaluation = store_models_evaluation,
    .model_delete = store_models_delete,
    .gc = store_gc,
};

/* ---- open ---- */

static struct store_sqlite *new_store(const char *dir)
{
    struct store_sqlite *s = xcalloc(1, sizeof *s);

    CHK(sqlite3_threadsafe() != 0);
    s->base.ops = &sqlite_ops;
    s->magic = STORE_SQLITE_MAGIC;
    /* "./" keeps a folder named "file:..." from being read as a URI. */
    s->path = xasprintf("%s%s/mlpd.db", dir[0] == '/' ? "" : "./", dir);
    PTOK(pthread_mutex_init(&s->pool_lock, NULL));
    PTOK(pthread_cond_init(&s->pool_free, NULL));
    return s;
}

static int open_readers(struct store_sqlite *s, struct err *err)
{
    for (size_t i = 0; i < STORE_READERS; i++) {
        if (db_open(&s->readers[i], s->path, DB_READ_ONLY, err) != 0) {
            return -1;
        }
        s->readers[i].next = s->pool;
        s->pool = &s->readers[i];
        s->n_idle++;
    }
    return 0;
}

int store_sqlite_open(const struct store_sqlite_options *options, struct store **out,
                      struct err *err)
{
    struct store_sqlite *s = new_store(options->dir);

    CHK(options->owner != NULL && options->owner[0] != '\0');
    s->unclean = store_check_unclean(s->path);
    if (open_writer(s, s->path, options, err) != 0 || open_readers(s, err) != 0) {
        close_all(s);
        return -1;
    }
    store_writer_start(&s->writer,
                       options->queue_limit > 0 ? options->queue_limit : DEFAULT_QUEUE_LIMIT);
    *out = &s->base;
    return 0;
}

int store_sqlite_look(const char *dir, struct store **out, struct err *err)
{
    struct store_sqlite *s;
    struct db db;
    int64_t schema = 0;

    if (store_backup_open(dir, DB_READ_ONLY, &db, &schema, err) != 0) {
        return -1;
    }
    db_close(&db);
    if (schema != NEWEST) {
        return err_set(err, ERR_CONFLICT, "mlpd.db has schema %lld, and this program's is %d",
                       (long long)schema, NEWEST);
    }
    s = new_store(dir);
    if (open_readers(s, err) != 0) {
        close_all(s);
        return -1;
    }
    *out = &s->base;
    return 0;
}

static char version_text[48];

static void make_version(void)
{
    (void)snprintf(version_text, sizeof version_text, "SQLite %s", sqlite3_libversion());
}

const char *store_sqlite_version(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    PTOK(pthread_once(&once, make_version));
    return version_text;
}
