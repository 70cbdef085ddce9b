/* Copies of the database, and what they name.
 *
 * A copy is made by VACUUM INTO on a read-only connection: one consistent moment of a database
 * that a daemon may be writing, without holding it up and without starting over at each of its
 * commits. (The file alone, copied beside its write-ahead log, would be no copy.) The copy is in
 * the mode that needs no log, so it is one file, readable from read-only media.
 *
 * Nothing here needs a store or the lock of the state folder. The calling thread has the
 * connection for itself and closes it before it returns. The database's own file is never opened
 * in another way: closing such a descriptor would drop the locks of this process.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_sqlite.h"
#include "store/store_sqlite_priv.h"

#define WHAT       "copy of the database"
#define MIGRATING  (16u << 20) /* room that a migration may want besides the copy */
#define SCHEMA_CHECKPOINTS 3          /* the first schema that has job_checkpoint */

/* ---- opening ---- */

int store_backup_open(const char *dir, bool read_only, struct db *db, int64_t *schema,
                      struct err *err)
{
    /* "./" keeps a folder named "file:..." from being read as a URI. */
    char *path = xasprintf("%s%s/mlpd.db", dir[0] == '/' ? "" : "./", dir);
    int64_t application = 0, version = 0;
    struct sql q;
    int rc = -1;

    *db = (struct db){.handle = NULL};
    if (access(path, F_OK) != 0) {
        (void)err_set(err, ERR_NOT_FOUND, "there is no mlpd.db in the folder");
    } else if (db_open(db, path, read_only, err) == 0) {
        q = sql_open(db, "PRAGMA application_id");
        rc = sql_scalar(&q, &application, err);
        if (rc == 0) {
            q = sql_open(db, "PRAGMA user_version");
            rc = sql_scalar(&q, &version, err);
        }
        if (rc == 0 && application == 0 && version == 0) {
            rc = err_set(err, ERR_NOT_FOUND, "mlpd.db is empty");
        } else if (rc == 0 && application != strtoll(STORE_APPLICATION_ID, NULL, 10)) {
            rc = err_set(err, ERR_CONFLICT, "mlpd.db is another program's database");
        } else if (rc == 0 && version > store_sqlite_newest()) {
            rc = err_set(err, ERR_CONFLICT,
                         "mlpd.db was written by a newer mlpd: its schema is %" PRId64
                         ", this one knows %d",
                         version, store_sqlite_newest());
        }
    }
    if (rc != 0) {
        db_close(db);
        rc = -1;
    } else {
        *schema = version;
    }
    free(path);
    return rc;
}

/* ---- copying ---- */

/* The folder of a path, open, and where its name begins. */
static int open_folder_of(const char *path, int *folder, const char **name, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir;
    int rc;

    *name = slash != NULL ? slash + 1 : path;
    dir = slash == NULL ? xstrdup(".") : xstrndup(path, slash > path ? (size_t)(slash - path) : 1);
    rc = file_folder_open(dir, WHAT, folder, err);
    free(dir);
    return rc;
}

/* The connection's database into the empty file at `path`. */
static int vacuum_into(struct db *db, const char *path, struct err *err)
{
    char *target = xasprintf("%s%s", path[0] == '/' ? "" : "./", path);
    /* The copy is attached while it is written, by a connection that otherwise changes nothing. */
    int attached = sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 1);
    int64_t query_only = 0;
    struct sql q = sql_open(db, "PRAGMA query_only");
    int rc = sql_scalar(&q, &query_only, err);

    if (rc == 0) {
        rc = db_exec(db, "PRAGMA query_only = OFF", err);
    }
    if (rc == 0) {
        q = sql_open(db, "VACUUM INTO ?");
        sql_text(&q, 1, target);
        rc = sql_run(&q, err);
    }
    if (rc == 0 && query_only != 0) {
        rc = db_exec(db, "PRAGMA query_only = ON", err);
    }
    (void)sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, attached); /* it was 1 */
    if (rc != 0 && err->code == ERR_NO_SPACE) {
        (void)err_set(err, ERR_NO_SPACE, "there is no room for a copy of the database");
    }
    free(target);
    return rc != 0 ? -1 : 0;
}

/* To a file that was not there; on failure it is not there again. */
static int copy_into(struct db *db, const char *path, struct err *err)
{
    struct file f = FILE_INIT;
    struct err ignored = ERR_INIT;
    const char *name;
    uint64_t size;
    int folder = -1, rc = -1;

    if (open_folder_of(path, &folder, &name, err) != 0) {
        return -1;
    }
    /* Made first, so that nobody else may read it, and no file is overwritten. */
    if (file_create(&f, folder, name, WHAT, err) == 0) {
        f.made = false; /* removed below, or kept */
        rc = file_close(&f, err);
        if (rc == 0) {
            rc = vacuum_into(db, path, err);
        }
        CRASH_POINT("backup-after-vacuum");
        if (rc == 0) {
            rc = file_open(&f, folder, name, WHAT, &size, err);
        }
        if (rc == 0) {
            rc = file_sync(&f, err);
            file_done(&f);
        }
        if (rc == 0) {
            rc = file_folder_sync(folder, WHAT, err);
        }
        if (rc != 0 && file_remove(folder, name, WHAT, &ignored) != 0) {
            log_warn("%s", ignored.detail);
        }
    }
    err_fini(&ignored);
    file_folder_close(&folder);
    return rc;
}

int store_sqlite_backup(const char *dir, const char *path, struct err *err)
{
    struct db db;
    int64_t schema;
    int rc = store_backup_open(dir, DB_READ_ONLY, &db, &schema, err);

    if (rc == 0) {
        rc = copy_into(&db, path, err);
        db_close(&db);
    }
    return rc;
}

/* ---- before a migration ---- */

static int check_room(struct db *db, const char *dir, struct err *err)
{
    int64_t pages = 0, page = 0;
    uint64_t room = 0;
    struct sql q = sql_open(db, "PRAGMA page_count");

    if (sql_scalar(&q, &pages, err) != 0) {
        return -1;
    }
    q = sql_open(db, "PRAGMA page_size");
    if (sql_scalar(&q, &page, err) != 0 || file_free_space(dir, &room, err) != 0) {
        return -1;
    }
    if (room < (uint64_t)(pages * page) + MIGRATING) {
        return err_set(err, ERR_NO_SPACE,
                       "it needs %.0f MB, and there are %.0f MB free in the state folder",
                       ((double)(pages * page) + MIGRATING) / 1e6, (double)room / 1e6);
    }
    return 0;
}

/* Not read-only: SQLite (3.40) would not look at CHECK constraints then, which the upgrade does. */
static int check_copy(const char *path, struct err *err)
{
    struct err problems = ERR_INIT;
    struct db copy;
    int rc = db_open(&copy, path, DB_READ_WRITE, err);

    if (rc == 0) {
        rc = store_check_structure(&copy, true, &problems, err);
        if (rc == 0 && problems.n_items > 0) {
            rc = err_set(err, ERR_CORRUPT, "the database is damaged: %.200s",
                         problems.items[0].detail);
        }
        db_close(&copy);
    }
    err_fini(&problems);
    return rc;
}

static int keep_copy(struct db *db, const char *dir, const char *name, struct err *err)
{
    char *part = xasprintf("%s%s/%s.part", dir[0] == '/' ? "" : "./", dir, name);
    char *part_name = strrchr(part, '/') + 1, *journal = xasprintf("%s-journal", part_name);
    struct err ignored = ERR_INIT;
    int folder = -1, rc = -1;

    if (check_room(db, dir, err) == 0 && file_folder_open(dir, WHAT, &folder, err) == 0 &&
        file_remove(folder, part_name, WHAT, err) == 0 && /* a kill may have left them */
        file_remove(folder, journal, WHAT, err) == 0 && copy_into(db, part, err) == 0) {
        if (check_copy(part, err) == 0) {
            rc = file_move(folder, part_name, folder, name, WHAT, err);
        }
        if (rc != 0 && file_remove(folder, part_name, WHAT, &ignored) != 0) {
            log_warn("%s", ignored.detail);
        }
        if (rc == 0) {
            rc = file_folder_sync(folder, WHAT, err);
        }
    }
    err_fini(&ignored);
    if (folder >= 0) {
        file_folder_close(&folder);
    }
    free(journal);
    free(part);
    return rc;
}

int store_backup_before_migrating(struct db *db, const char *dir, int64_t schema, struct err *err)
{
    char name[48];
    struct err why = ERR_INIT;

    (void)snprintf(name, sizeof name, "backup-schema-%" PRId64 ".db", schema);
    if (keep_copy(db, dir, name, &why) != 0) {
        (void)err_set(err, why.code,
                      "the database was not upgraded, because it could not be copied first: %s",
                      why.detail);
        err_fini(&why);
        return -1;
    }
    log_info("the database of schema %" PRId64 " is kept as %s", schema, name);
    return 0;
}

/* ---- the files it names ---- */

static int read_datasets(struct db *db, struct store_files *out, struct err *err)
{
    struct sql q = sql_open(db, "SELECT DISTINCT sha256 FROM dataset ORDER BY sha256");
    size_t room = 0;
    int rc;

    while ((rc = sql_step(&q, err)) == 1) {
        if (out->n_datasets == room) {
            room = room == 0 ? 64 : 2 * room;
            out->datasets = xrealloc(out->datasets, room * sizeof *out->datasets);
        }
        sql_column_hash(&q, 0, out->datasets[out->n_datasets++]);
    }
    sql_close(&q);
    return rc;
}

static int read_checkpoints(struct db *db, struct store_files *out, struct err *err)
{
    struct sql q = sql_open(db, "SELECT job_id, generation, epoch, bytes, at, sha256"
                                " FROM job_checkpoint ORDER BY job_id, generation");
    size_t room = 0;
    int rc;

    while ((rc = sql_step(&q, err)) == 1) {
        struct store_checkpoint *c;

        if (out->n_checkpoints == room) {
            room = room == 0 ? 64 : 2 * room;
            out->checkpoints = xrealloc(out->checkpoints, room * sizeof *out->checkpoints);
        }
        c = &out->checkpoints[out->n_checkpoints++];
        *c = (struct store_checkpoint){.job_id = sql_column_int(&q, 0),
                                       .generation = sql_column_int(&q, 1),
                                       .epoch = sql_column_int(&q, 2),
                                       .bytes = sql_column_int(&q, 3),
                                       .at = sql_column_int(&q, 4)};
        sql_column_hash(&q, 5, c->sha256);
    }
    sql_close(&q);
    return rc;
}

int store_sqlite_files(const char *dir, struct store_files *out, struct err *err)
{
    struct store_files files = {.schema = 0};
    struct db db;
    int rc;

    if (store_backup_open(dir, DB_READ_ONLY, &db, &files.schema, err) != 0) {
        return -1;
    }
    rc = read_datasets(&db, &files, err);
    if (rc == 0 && files.schema >= SCHEMA_CHECKPOINTS) {
        rc = read_checkpoints(&db, &files, err);
    }
    db_close(&db);
    if (rc != 0) {
        store_files_fini(&files);
        return -1;
    }
    *out = files;
    return 0;
}

void store_files_fini(struct store_files *files)
{
    free(files->datasets);
    free(files->checkpoints);
    *files = (struct store_files){.schema = 0};
}

int store_sqlite_forget(const char *dir, const struct store_checkpoint *gone, size_t n,
                        struct err *err)
{
    struct db db;
    int64_t schema;
    int rc;

    if (store_backup_open(dir, DB_READ_WRITE, &db, &schema, err) != 0) {
        return -1;
    }
    rc = db_exec(&db, "BEGIN IMMEDIATE", err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct sql q =
            sql_open(&db, "DELETE FROM job_checkpoint WHERE job_id = ? AND generation = ?");

        sql_int(&q, 1, gone[i].job_id);
        sql_int(&q, 2, gone[i].generation);
        rc = sql_run(&q, err);
    }
    if (rc == 0) {
        rc = db_exec(&db, "COMMIT", err);
    }
    db_rollback(&db);
    db_close(&db);
    return rc;
}

/* 1 = a job that has not ended needs it. */
static int forget_dataset(struct db *db, const char *sha256, struct err *err)
{
    struct sql q = sql_open(db, "SELECT 1 FROM job_dataset AS n JOIN job AS j ON j.id = n.job_id"
                                " WHERE n.sha256 = ? AND j.finished_at IS NULL LIMIT 1");
    int64_t needed = 0;
    int rc;

    sql_text(&q, 1, sha256);
    rc = sql_scalar(&q, &needed, err);
    if (rc != 1) {
        return rc == 0 ? 1 : -1;
    }
    q = sql_open(db, "DELETE FROM dataset WHERE sha256 = ?");
    sql_text(&q, 1, sha256);
    return sql_run(&q, err);
}

int store_sqlite_forget_datasets(const char *dir, const char (*gone)[HASH_HEX_LEN], size_t n,
                                 struct err *err)
{
    struct db db;
    int64_t schema;
    int rc;

    if (store_backup_open(dir, DB_READ_WRITE, &db, &schema, err) != 0) {
        return -1;
    }
    rc = db_exec(&db, "BEGIN IMMEDIATE", err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = forget_dataset(&db, gone[i], err);
    }
    if (rc == 0) {
        rc = db_exec(&db, "COMMIT", err);
    }
    db_rollback(&db);
    db_close(&db);
    return rc;
}
