/* One SQLite connection, its prepared statements and its errors.
 *
 * A connection is used by one thread at a time (the writer's own, or a borrowed reader), so
 * it is opened without SQLite's mutexes. Statements are prepared once and kept; their text
 * is always a constant of ours and every value is bound. Invariant: between two operations
 * no statement is in the middle of its rows, because an open SELECT would pin the
 * write-ahead log and let it grow. sql_open checks it for its own, db_close for all.
 *
 * What SQLite says becomes one of our codes with a sentence for the user; the details go to
 * the log.
 */
#include "store/store_sqlite_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define BUSY_TIMEOUT_MS 5000

/* ---- errors ---- */

int db_error(struct db *db, int rc, struct err *err)
{
    /* Read first: logging may change it. (SQLite's own record is not set by a failed commit.) */
    int os = errno;
    bool io = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    /* After a failed sync nobody knows what is on the disk, full or not. */
    bool sync = rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
    bool no_space = rc == SQLITE_FULL || (io && !sync && (os == ENOSPC || os == EDQUOT));

    log_error("database: %s (code %d, errno %d)", sqlite3_errmsg(db->handle), rc, os);
    if (no_space) {
        return err_set(err, ERR_NO_SPACE, "the disk of the state folder is full");
    }
    if (rc == SQLITE_IOERR_NOMEM) {
        rc = SQLITE_NOMEM;
    }
    switch (rc & 0xff) {
    case SQLITE_IOERR:
        return err_set(err, ERR_IO, "the disk of the state folder fails; see the daemon's log");
    case SQLITE_CORRUPT:
        return err_set(err, ERR_CORRUPT, "the database mlpd.db is damaged");
    case SQLITE_NOTADB:
        return err_set(err, ERR_CORRUPT, "the file mlpd.db is not a database of mlpd");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return err_set(err, ERR_IO, "the database mlpd.db may not be written");
    case SQLITE_CANTOPEN:
        return err_set(err, ERR_IO, "the database mlpd.db cannot be opened");
    case SQLITE_NOMEM:
        return err_set(err, ERR_NO_MEMORY, "no memory for what the database was asked");
    case SQLITE_TOOBIG:
        return err_set(err, ERR_TOO_LARGE, "a value is larger than the database takes");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_BUSY, "another program holds the database mlpd.db");
    default:
        return err_set(err, ERR_INTERNAL, "the database refused; see the daemon's log");
    }
}

/* ---- connections ---- */

static void set_limits(sqlite3 *handle)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 256 * 1024 * 1024}, /* a row: several JSON texts of a request */
        {SQLITE_LIMIT_SQL_LENGTH, 64 * 1024},     /* all of it is ours */
        {SQLITE_LIMIT_COLUMN, 64},
        {SQLITE_LIMIT_EXPR_DEPTH, 64},
        {SQLITE_LIMIT_COMPOUND_SELECT, 8},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 32},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 8}, /* cascades count */
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        /* Returns the limit it had, which nobody needs. */
        (void)sqlite3_limit(handle, limits[i].id, limits[i].value);
    }
}

static int set_config(struct db *db, struct err *err)
{
    static const struct {
        int id, value;
    } configs[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},     {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},       {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},   {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        int got = -1;
        int rc = sqlite3_db_config(db->handle, configs[i].id, configs[i].value, &got);

        if (rc != SQLITE_OK) {
            return db_error(db, rc, err);
        }
        CHK(got == configs[i].value);
    }
    return 0;
}

int db_open(struct db *db, const char *path, bool read_only, struct err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
    int rc;

    *db = (struct db){.handle = NULL};
    errno = 0;
    flags |= read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    rc = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (db->handle == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to open the database mlpd.db");
    }
    if (rc != SQLITE_OK) {
        (void)db_error(db, rc, err);
        goto fail;
    }
    rc = sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    CHK(rc == SQLITE_OK);
    set_limits(db->handle);
    /* Temporary tables and undo pages stay in memory: nothing is written outside the state
     * folder. Freed pages are overwritten only where that costs no writing of its own. */
    if (set_config(db, err) != 0
        || db_exec(db,
                   "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;"
                   "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                   "PRAGMA secure_delete = FAST;",
                   err) != 0
        || (read_only && db_exec(db, "PRAGMA query_only = ON", err) != 0)) {
        goto fail;
    }
    return 0;

fail:
    db_close(db);
    return -1;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < db->n_cached; i++) {
        CHK(!sqlite3_stmt_busy(db->cache[i].stmt));
        /* Repeats the error of its last step, which was reported then. */
        (void)sqlite3_finalize(db->cache[i].stmt);
    }
    db->n_cached = 0;
    CHK(sqlite3_close(db->handle) == SQLITE_OK); /* fails when a statement is left */
    db->handle = NULL;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_error(db, rc, err);
}

void db_rollback(struct db *db)
{
    struct err err = ERR_INIT;

    if (sqlite3_get_autocommit(db->handle)) {
        return;
    }
    if (db_exec(db, "ROLLBACK", &err) != 0) {
        log_error("a rollback failed: %s", err.detail);
    }
    err_fini(&err);
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->handle);
}

/* ---- statements ---- */

struct sql sql_open(struct db *db, const char *sql)
{
    struct sql q = {.db = db, .rc = SQLITE_OK};

    for (size_t i = 0; i < db->n_cached; i++) {
        if (db->cache[i].sql == sql) {
            q.stmt = db->cache[i].stmt;
            CHK(!sqlite3_stmt_busy(q.stmt));
            return q;
        }
    }
    CHK(db->n_cached < DB_STATEMENTS);
    errno = 0;
    q.rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.stmt, NULL);
    if (q.rc == SQLITE_OK) {
        db->cache[db->n_cached].sql = sql;
        db->cache[db->n_cached].stmt = q.stmt;
        db->n_cached++;
    }
    return q;
}

static void bound(struct sql *q, int rc)
{
    if (q->rc == SQLITE_OK) {
        q->rc = rc;
    }
}

void sql_int(struct sql *q, int i, int64_t value)
{
    if (q->stmt != NULL) {
        bound(q, sqlite3_bind_int64(q->stmt, i, value));
    }
}

void sql_text(struct sql *q, int i, const char *text)
{
    if (q->stmt != NULL) {
        bound(q, sqlite3_bind_text64(q->stmt, i, text, text == NULL ? 0 : strlen(text),
                                     SQLITE_STATIC, SQLITE_UTF8));
    }
}

void sql_real(struct sql *q, int i, double value)
{
    if (q->stmt != NULL) {
        bound(q, isfinite(value) ? sqlite3_bind_double(q->stmt, i, value)
                                 : sqlite3_bind_null(q->stmt, i));
    }
}

void sql_blob(struct sql *q, int i, const void *bytes, size_t len)
{
    if (q->stmt != NULL) {
        bound(q, sqlite3_bind_blob64(q->stmt, i, bytes, len, SQLITE_STATIC));
    }
}

int sql_step(struct sql *q, struct err *err)
{
    if (q->rc == SQLITE_OK || q->rc == SQLITE_ROW) {
        errno = 0; /* for db_error: what it is now is no reason */
        q->rc = sqlite3_step(q->stmt);
    }
    if (q->rc == SQLITE_ROW) {
        return 1;
    }
    return q->rc == SQLITE_DONE ? 0 : db_error(q->db, q->rc, err);
}

int sql_run(struct sql *q, struct err *err)
{
    int rc;

    do {
        rc = sql_step(q, err);
    } while (rc == 1);
    sql_close(q);
    return rc;
}

int sql_scalar(struct sql *q, int64_t *out, struct err *err)
{
    int rc = sql_step(q, err);
    int64_t value = 0;
    bool found = rc == 1;

    if (found) {
        value = sql_column_int(q, 0);
    }
    while (rc == 1) { /* to the end: a change with RETURNING is checked there */
        rc = sql_step(q, err);
    }
    sql_close(q);
    if (rc != 0) {
        return -1;
    }
    if (found) {
        *out = value;
    }
    return found ? 0 : 1;
}

void sql_close(struct sql *q)
{
    if (q->stmt != NULL) {
        /* Repeats the error of the last step; and clearing cannot fail. */
        (void)sqlite3_reset(q->stmt);
        (void)sqlite3_clear_bindings(q->stmt);
        q->stmt = NULL;
    }
}

/* ---- columns ---- */

int64_t sql_column_int(struct sql *q, int i)
{
    return sqlite3_column_int64(q->stmt, i);
}

double sql_column_real(struct sql *q, int i)
{
    return sqlite3_column_type(q->stmt, i) == SQLITE_NULL ? NAN
                                                           : sqlite3_column_double(q->stmt, i);
}

/* The text's size came from a user once, so running out of memory is an error here. */
char *sql_column_text(struct sql *q, int i)
{
    const unsigned char *text;
    char *copy = NULL;

    if (sqlite3_column_type(q->stmt, i) == SQLITE_NULL) {
        return NULL;
    }
    text = sqlite3_column_text(q->stmt, i);
    if (text != NULL) {
        size_t len = (size_t)sqlite3_column_bytes(q->stmt, i);

        copy = malloc(len + 1);
        if (copy != NULL) {
            memcpy(copy, text, len);
            copy[len] = '\0';
        }
    }
    if (copy == NULL) {
        q->rc = SQLITE_NOMEM;
    }
    return copy;
}

void sql_column_hash(struct sql *q, int i, char out[HASH_HEX_LEN])
{
    const unsigned char *text = sqlite3_column_text(q->stmt, i);
    size_t len = text == NULL ? 0 : (size_t)sqlite3_column_bytes(q->stmt, i);

    /* Another length means a damaged row; an empty hash then matches nothing. */
    if (len != HASH_HEX_LEN - 1) {
        len = 0;
    }
    if (len > 0) {
        memcpy(out, text, len);
    }
    out[len] = '\0';
}

int sql_full(struct sql *q, struct err *err)
{
    return q->rc == SQLITE_NOMEM ? db_error(q->db, SQLITE_NOMEM, err) : 0;
}
