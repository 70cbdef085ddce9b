/* Idempotency keys: a client that lost an answer asks again, and gets the same job.
 *
 * A key is written in the transaction that makes its job, and asked for in the same transaction
 * before anything else, so of two requests with one key that come at once one makes the job and
 * the other finds it. It is known for 24 hours; old ones are removed when a new one comes, and
 * one goes with its job. A clock that was set back makes keys live longer, never shorter.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_sqlite_priv.h"

/* 0 with ids and the body's hash, 1 without such a key, -1; on any connection. */
static int find(struct db *db, const char *key, int64_t now, int64_t *job_id, int64_t *model_id,
                char body_sha256[HASH_HEX_LEN], struct err *err)
{
    int rc;
    struct sql q = sql_open(db, "SELECT k.job_id, j.model_id, k.body_sha256 FROM job_key AS k"
                                " JOIN job AS j ON j.id = k.job_id"
                                " WHERE k.key = ? AND k.created_at > ?");

    sql_text(&q, 1, key);
    sql_int(&q, 2, now - STORE_KEY_MS);
    rc = sql_step(&q, err);
    if (rc == 1) {
        *job_id = sql_column_int(&q, 0);
        *model_id = sql_column_int(&q, 1);
        sql_column_hash(&q, 2, body_sha256);
    }
    sql_close(&q);
    return rc < 0 ? -1 : rc == 0;
}

int store_keys_find(struct db *db, const char *key, const char *body_sha256, int64_t now,
                    int64_t *job_id, int64_t *model_id, struct err *err)
{
    char body[HASH_HEX_LEN];
    int rc = find(db, key, now, job_id, model_id, body, err);

    if (rc == 0 && strcmp(body, body_sha256) != 0) {
        return err_set(err, ERR_INVALID,
                       "this Idempotency-Key came with another body in the last 24 hours, and "
                       "made job %lld; send a new key with a new job",
                       (long long)*job_id);
    }
    return rc;
}

int store_keys_insert(struct db *db, const char *key, const char *body_sha256, int64_t now,
                      int64_t job_id, struct err *err)
{
    struct sql q = sql_open(db, "DELETE FROM job_key WHERE created_at <= ?");

    sql_int(&q, 1, now - STORE_KEY_MS);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    q = sql_open(db, "INSERT INTO job_key (key, body_sha256, job_id, created_at)"
                     " VALUES (?, ?, ?, ?)");
    sql_text(&q, 1, key);
    sql_text(&q, 2, body_sha256);
    sql_int(&q, 3, job_id);
    sql_int(&q, 4, now);
    return sql_run(&q, err);
}

int store_keys_get(struct store *store, const char *key, int64_t *job_id, int64_t *model_id,
                   char body_sha256[HASH_HEX_LEN], struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    int rc = find(db, key, clock_now_ms(), job_id, model_id, body_sha256, err);

    store_sqlite_reader_back(s, db);
    return rc;
}
