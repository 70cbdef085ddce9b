/* Looking at the state of a dead daemon; see peek.h. */
#include "config.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peek.h"

/* What may lie about at any moment, per open job: two generations and one being written. */
#define FILES_A_JOB 3
#define WAL_MOST    ((size_t)24 << 20)

static void copy(const char *from, const char *to)
{
    size_t len;
    char *bytes = file_read(from, &len);
    FILE *f = fopen(to, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static size_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
    return statement;
}

/* A query that finds what must not be: each row is one complaint. */
static void nothing_from(sqlite3 *db, const char *what, const char *sql)
{
    sqlite3_stmt *s = ask(db, sql);

    if (sqlite3_step(s) == SQLITE_ROW) {
        ck_abort_msg("%s: %s %s %s", what, (const char *)sqlite3_column_text(s, 0),
                     sqlite3_column_count(s) > 1 ? (const char *)sqlite3_column_text(s, 1) : "",
                     sqlite3_column_count(s) > 2 ? (const char *)sqlite3_column_text(s, 2) : "");
    }
    sqlite3_finalize(s);
}

static void sha256_of(const char *path, char *hex)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    size_t len;
    char *bytes = file_read(path, &len);

    crypto_hash_sha256(digest, (const unsigned char *)bytes, len);
    sodium_bin2hex(hex, 2 * sizeof digest + 1, digest, sizeof digest);
}

/* A row promises its file: the whole of it, at any moment. */
static void checkpoints(struct world *w, sqlite3 *db)
{
    sqlite3_stmt *s = ask(db, "SELECT job_id, generation, epoch, bytes, sha256 FROM job_checkpoint"
                              " ORDER BY job_id, generation");
    char hex[2 * crypto_hash_sha256_BYTES + 1];

    for (size_t i = 0; i < w->n_jobs; i++) {
        w->jobs[i].reached = -1;
    }
    while (sqlite3_step(s) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0);
        char *path = text("%s/checkpoints/%lld.%lld", w->state, (long long)id,
                          (long long)sqlite3_column_int64(s, 1));

        ck_assert_msg(size_of(path) == (size_t)sqlite3_column_int64(s, 3),
                      "a row names checkpoint %s of %lld bytes, the file has %zu", path,
                      (long long)sqlite3_column_int64(s, 3), size_of(path));
        sha256_of(path, hex);
        ck_assert_msg(strcmp(hex, (const char *)sqlite3_column_text(s, 4)) == 0,
                      "checkpoint %s is not what its row says", path);
        for (size_t i = 0; i < w->n_jobs; i++) {
            if (w->jobs[i].id == id) {
                w->jobs[i].reached = sqlite3_column_int64(s, 2);
            }
        }
    }
    sqlite3_finalize(s);
}

static void curves(struct world *w, sqlite3 *db)
{
    sqlite3_stmt *s = ask(db, "SELECT count(*) FROM curve_point WHERE job_id = ?");

    for (size_t i = 0; i < w->n_jobs; i++) {
        sqlite3_bind_int64(s, 1, w->jobs[i].id);
        ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
        w->jobs[i].points = (size_t)sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
}

static void rows(sqlite3 *db)
{
    nothing_from(db, "the database",
                 "SELECT * FROM (SELECT * FROM pragma_integrity_check)"
                 " WHERE integrity_check <> 'ok'");
    nothing_from(db, "a foreign key", "SELECT * FROM pragma_foreign_key_check");
    nothing_from(db, "a job ended more than once, or without its event",
                 "SELECT job.id, job.state, count(job_event.id) FROM job LEFT JOIN job_event"
                 " ON job_event.job_id = job.id"
                 " AND job_event.kind IN ('succeeded', 'failed', 'cancelled')"
                 " GROUP BY job.id HAVING count(job_event.id) <> (job.finished_at IS NOT NULL)");
    nothing_from(db, "attempts and events differ",
                 "SELECT job.id, job.attempt, count(job_event.id) FROM job LEFT JOIN job_event"
                 " ON job_event.job_id = job.id AND job_event.kind = 'running'"
                 " GROUP BY job.id HAVING count(job_event.id) <> job.attempt");
    nothing_from(db, "a curve with a gap",
                 "SELECT job_id, count(*), max(epoch) FROM curve_point GROUP BY job_id"
                 " HAVING count(*) <> max(epoch) OR min(epoch) <> 1");
    nothing_from(db, "a checkpoint further than its curve",
                 "SELECT c.job_id, c.epoch, (SELECT count(*) FROM curve_point AS p"
                 " WHERE p.job_id = c.job_id) AS points FROM job_checkpoint AS c"
                 " WHERE points < c.epoch");
    nothing_from(db, "a finished job with checkpoints",
                 "SELECT job.id, job.state FROM job JOIN job_checkpoint ON job_id = job.id"
                 " WHERE finished_at IS NOT NULL");
    nothing_from(db, "a succeeded job whose model is not ready",
                 "SELECT job.id, model.state FROM job JOIN model ON model.id = job.model_id"
                 " WHERE kind = 'train' AND job.state = 'succeeded' AND model.state <> 'ready'");
    nothing_from(db, "a ready model without weights",
                 "SELECT id FROM model WHERE state = 'ready'"
                 " AND id NOT IN (SELECT model_id FROM model_part)");
}

/* Every state that a job was to tell of waits to be told, or was, exactly once; none else. */
static void deliveries(sqlite3 *db)
{
    nothing_from(db, "deliveries and states differ",
                 "SELECT n.job_id, e.kind, count(*) FROM job_notify AS n JOIN job_event AS e"
                 " ON e.job_id = n.job_id AND e.kind IN ('running', 'paused', 'succeeded',"
                 " 'failed', 'cancelled') GROUP BY n.job_id, e.kind HAVING count(*) <>"
                 " (SELECT count(*) FROM delivery AS d WHERE d.job_id = n.job_id"
                 " AND d.event = e.kind) AND (SELECT count(*) FROM delivery AS d"
                 " WHERE d.job_id = n.job_id) < 100");
    nothing_from(db, "a delivery of a state that never was",
                 "SELECT d.id, d.event FROM delivery AS d WHERE NOT EXISTS (SELECT 1 FROM"
                 " job_event AS e WHERE e.job_id = d.job_id AND e.kind = d.event)");
}

void peek(struct world *w)
{
    char *at = scratch_path("peek.db"), *wal = text("%s/mlpd.db-wal", w->state);
    char *db_path = text("%s/mlpd.db", w->state);
    size_t files = folder_entries(text("%s/checkpoints", w->state)), wal_bytes = size_of(wal);
    sqlite3 *db;

    w->most_wal = wal_bytes > w->most_wal ? wal_bytes : w->most_wal;
    w->most_checkpoints = files > w->most_checkpoints ? files : w->most_checkpoints;
    w->most_bytes = size_of(db_path) > w->most_bytes ? size_of(db_path) : w->most_bytes;
    ck_assert_msg(wal_bytes <= WAL_MOST, "the log has grown to %zu bytes", wal_bytes);
    ck_assert_msg(files <= FILES_A_JOB * (jobs_open(w) + 2), "%zu checkpoint files of %zu jobs",
                  files, jobs_open(w));
    if (access(db_path, F_OK) != 0) {
        return; /* killed before there was one */
    }
    copy(db_path, at);
    if (wal_bytes > 0) {
        copy(wal, text("%s-wal", at));
    }
    ck_assert_int_eq(sqlite3_open_v2(at, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_stmt *version = ask(db, "PRAGMA user_version");
    ck_assert_int_eq(sqlite3_step(version), SQLITE_ROW);
    if (sqlite3_column_int(version, 0) >= 3) {
        rows(db);
        checkpoints(w, db);
        curves(w, db);
    }
    if (sqlite3_column_int(version, 0) >= 4) {
        deliveries(db);
    }
    sqlite3_finalize(version);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    unlink(at);
    unlink(text("%s-wal", at));
    unlink(text("%s-shm", at));
}
