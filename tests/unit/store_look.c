/* See store_life.h: what there is in a store's folder, told and judged past the store. */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store_life.h"

/* ---- what is there ----------------------------------------------------------- */

static void dump_value(struct buf *out, sqlite3_stmt *row, int i)
{
    char hash[HASH_HEX_LEN];

    if (sqlite3_column_type(row, i) == SQLITE_BLOB) {
        const void *bytes = sqlite3_column_blob(row, i);
        size_t len = (size_t)sqlite3_column_bytes(row, i);

        hash_hex(bytes, len, hash);
        buf_printf(out, "|%zu bytes %.16s", len, hash);
    } else {
        const unsigned char *text = sqlite3_column_text(row, i);

        buf_printf(out, "|%s", text != NULL ? (const char *)text : "-");
    }
}

static void dump_table(struct buf *out, sqlite3 *db, const char *table)
{
    char *sql = xasprintf("SELECT * FROM \"%s\" ORDER BY 1, 2", table);
    sqlite3_stmt *row = NULL;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        buf_puts(out, table);
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            dump_value(out, row, i);
        }
        buf_puts(out, "\n");
    }
    ck_assert_int_eq(sqlite3_finalize(row), SQLITE_OK);
    free(sql);
}

static char *dump(sqlite3 *db)
{
    struct buf out = BUF_INIT;
    sqlite3_stmt *table = NULL;

    ck_assert_int_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL),
                     SQLITE_OK); /* one moment of it all */
    ck_assert_int_eq(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_schema WHERE type = 'table'"
                                        " AND name <> 'sqlite_stat1' ORDER BY name",
                                        -1, &table, NULL),
                     SQLITE_OK);
    while (sqlite3_step(table) == SQLITE_ROW) {
        dump_table(&out, db, (const char *)sqlite3_column_text(table, 0));
    }
    ck_assert_int_eq(sqlite3_finalize(table), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    return buf_take(&out);
}

void life_same(const char *got, const char *want, const char *what)
{
    while (*got == *want && *got != '\0') {
        const char *g = strchr(got, '\n'), *w = strchr(want, '\n');

        if (g == NULL || w == NULL || g - got != w - want ||
            memcmp(got, want, (size_t)(g - got)) != 0) {
            break;
        }
        got = g + 1;
        want = w + 1;
    }
    ck_assert_msg(*got == '\0' && *want == '\0', "%s: got \"%.*s\", want \"%.*s\"", what,
                  (int)strcspn(got, "\n"), got, (int)strcspn(want, "\n"), want);
}

static void expect_none(sqlite3 *db, const char *what, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s: %s", what,
                  sqlite3_errmsg(db));
    ck_assert_msg(sqlite3_step(stmt) == SQLITE_DONE, "%s: %s", what,
                  (const char *)sqlite3_column_text(stmt, 0));
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
}

static void verify(sqlite3 *db)
{
    static const struct {
        const char *what, *sql;
    } rules[] = {
        {"a job without its model",
         "SELECT id FROM job AS j WHERE kind = 'train' AND finished_at IS NULL AND NOT EXISTS"
         " (SELECT 1 FROM model AS m WHERE m.id = j.model_id AND m.job_id = j.id)"},
        {"a job without its data",
         "SELECT id FROM job AS j WHERE NOT EXISTS"
         " (SELECT 1 FROM job_dataset AS d WHERE d.job_id = j.id AND d.seq = 0)"},
        {"data that a job needs and no row names",
         "SELECT d.sha256 FROM job_dataset AS d JOIN job AS j ON j.id = d.job_id"
         " WHERE j.finished_at IS NULL AND d.sha256 NOT IN (SELECT sha256 FROM dataset)"},
        {"a state that was not told",
         "SELECT id FROM job AS j WHERE state <> coalesce((SELECT kind FROM job_event AS e"
         " WHERE e.job_id = j.id AND kind IN ('queued', 'running', 'paused', 'succeeded',"
         " 'failed', 'cancelled') ORDER BY e.id DESC LIMIT 1), '')"},
        {"a pending model whose job has ended, or another whose job has not",
         "SELECT m.id FROM model AS m LEFT JOIN job AS j ON j.id = m.job_id"
         " WHERE (m.state = 'pending') <> (j.id IS NOT NULL AND j.finished_at IS NULL)"},
        {"a ready model without weights, or another with them",
         "SELECT id FROM model AS m WHERE (state = 'ready') <>"
         " ((SELECT count(*) FROM model_part AS p WHERE p.model_id = m.id) = 1)"},
        {"weights of no model",
         "SELECT id FROM weight WHERE id NOT IN (SELECT weight_id FROM model_part"
         " UNION ALL SELECT weight_id FROM model_state)"},
        {"chunks missing",
         "SELECT id FROM weight AS w WHERE bytes <> coalesce((SELECT sum(length(bytes))"
         " FROM weight_chunk AS c WHERE c.weight_id = w.id), 0) OR coalesce((SELECT max(seq) + 1"
         " FROM weight_chunk AS c WHERE c.weight_id = w.id), 0) <>"
         " (SELECT count(*) FROM weight_chunk AS c WHERE c.weight_id = w.id)"},
        {"a gap in a curve",
         "SELECT job_id FROM curve_point GROUP BY job_id HAVING count(*) <> max(epoch)"
         " OR min(epoch) <> 1"},
        {"a state that was to be told and was not, or was told twice",
         "SELECT j.id, e.kind FROM job AS j JOIN job_notify AS n ON n.job_id = j.id"
         " JOIN job_event AS e ON e.job_id = j.id AND e.kind IN ('running', 'paused', 'succeeded',"
         " 'failed', 'cancelled') WHERE n.events > 0 AND (SELECT count(*) FROM delivery AS d"
         " WHERE d.job_id = j.id AND d.event = e.kind) <> (SELECT count(*) FROM job_event AS o"
         " WHERE o.job_id = j.id AND o.kind = e.kind)"},
        {"too many checkpoints",
         "SELECT job_id FROM job_checkpoint GROUP BY job_id HAVING count(*) > 2"},
        {"a checkpoint of a job that has ended",
         "SELECT job_id FROM job_checkpoint AS c JOIN job AS j ON j.id = c.job_id"
         " WHERE j.finished_at IS NOT NULL"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        expect_none(db, rules[i].what, rules[i].sql);
    }
}

/* One connection for all: most of its time goes into reading the schema. */
static char *look(const char *dir, bool ours)
{
    char path[128], *text;
    sqlite3 *db = NULL;

    (void)snprintf(path, sizeof path, "%s/mlpd.db", dir);
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    /* The log stays for who opens the database next. */
    ck_assert_int_eq(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA cache_size = 1000", NULL, NULL, NULL), SQLITE_OK);
    expect_none(db, "integrity",
                "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'");
    expect_none(db, "references", "SELECT * FROM pragma_foreign_key_check");
    if (ours) {
        verify(db);
    }
    text = dump(db);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return text;
}

char *life_whole(const char *dir)
{
    return look(dir, false);
}

char *life_verified(const char *dir)
{
    return look(dir, true);
}

/* ---- folders ----------------------------------------------------------------- */

void life_make_dir(char out[64])
{
    /* Thousands of databases come and go: in memory, where there is such a folder. */
    const char *tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(out, 64, "%s/store_life.XXXXXX", tmp);
    ck_assert_ptr_nonnull(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void life_remove_dir(const char *dir)
{
    ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void copy_file(const char *from_dir, const char *to_dir, const char *name)
{
    static char block[1 << 16];
    char *from = xasprintf("%s/%s", from_dir, name), *to = xasprintf("%s/%s", to_dir, name);
    int in = open(from, O_RDONLY | O_CLOEXEC), out;
    ssize_t n;

    if (in >= 0) {
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_ge(out, 0);
        while ((n = read(in, block, sizeof block)) > 0) {
            ck_assert_int_eq(write(out, block, (size_t)n), n);
        }
        ck_assert_int_eq(n, 0);
        (void)close(out);
        (void)close(in);
    }
    free(from);
    free(to);
}

/* Closing a descriptor of the database drops this process's locks on it: no matter, nobody else
 * writes now, and the next reader takes its lock anew. The log's index is made again. */
void life_copy(const char *from, const char *to)
{
    if (access(to, F_OK) == 0) {
        life_remove_dir(to);
    }
    ck_assert_int_eq(mkdir(to, 0700), 0);
    copy_file(from, to, "mlpd.db");
    copy_file(from, to, "mlpd.db-wal");
}
