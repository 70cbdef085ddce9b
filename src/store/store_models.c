/* Models: their rows, their weights, their evaluations.
 *
 * A model is made (pending) with its train job, and ends as ready or failed in the
 * transaction that ends the job. Weights never change: chunks of at most 4 MiB, a head row
 * with the length and the SHA-256 of all of them, and the model's part that points to the
 * head, all written in that one transaction. Reading verifies length and hash, so a damaged
 * byte is an error that names the model and never a wrong prediction.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store_sqlite_priv.h"

#ifndef STORE_CHUNK_BYTES /* a test makes them small */
#define STORE_CHUNK_BYTES 4194304
#endif
#define CHUNK_BYTES ((size_t)STORE_CHUNK_BYTES)

/* ---- parts of a job's transactions ---- */

int store_models_insert(struct db *db, int64_t job_id, const struct store_job_new *job,
                        int64_t at, int64_t *id, struct err *err)
{
    struct sql q = sql_open(db, "INSERT INTO model (job_id, name, state, created_at,"
                                " dataset_sha256) VALUES (?, ?, 'pending', ?, ?) RETURNING id");

    sql_int(&q, 1, job_id);
    sql_text(&q, 2, job->name);
    sql_int(&q, 3, at);
    sql_text(&q, 4, job->n_datasets > 0 ? job->datasets[0] : NULL);
    return sql_scalar(&q, id, err);
}

int store_models_fail(struct db *db, int64_t job_id, int64_t at, struct err *err)
{
    struct sql q = sql_open(db, "UPDATE model SET state = 'failed', finished_at = ?2"
                                " WHERE job_id = ?1 AND state = 'pending'");

    sql_int(&q, 1, job_id);
    sql_int(&q, 2, at);
    return sql_run(&q, err);
}

/* Bytes in chunks behind their head, whose id goes to *weight_id. */
static int insert_chunks(struct db *db, const void *weights, size_t bytes, const char *sha256,
                         int64_t *weight_id, struct err *err)
{
    const unsigned char *from = weights;
    struct sql q = sql_open(db, "INSERT INTO weight (sha256, bytes) VALUES (?, ?) RETURNING id");

    sql_text(&q, 1, sha256);
    sql_int(&q, 2, (int64_t)bytes);
    if (sql_scalar(&q, weight_id, err) != 0) {
        return -1;
    }
    for (size_t at = 0, seq = 0; at < bytes; at += CHUNK_BYTES, seq++) {
        size_t len = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;

        q = sql_open(db, "INSERT INTO weight_chunk (weight_id, seq, bytes) VALUES (?, ?, ?)");
        sql_int(&q, 1, *weight_id);
        sql_int(&q, 2, (int64_t)seq);
        sql_blob(&q, 3, from + at, len);
        if (sql_run(&q, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int insert_weights(struct db *db, int64_t model_id, const struct store_outcome *outcome,
                          const struct store_hashes *hashes, struct err *err)
{
    int64_t weight_id = 0;
    struct sql q;

    if (insert_chunks(db, outcome->weights, outcome->weights_bytes, hashes->weights, &weight_id,
                      err) != 0) {
        return -1;
    }
    q = sql_open(db, "INSERT INTO model_part (model_id, seq, weight_id) VALUES (?, 0, ?)");
    sql_int(&q, 1, model_id);
    sql_int(&q, 2, weight_id);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    if (outcome->state_bytes == 0) {
        return 0;
    }
    if (insert_chunks(db, outcome->trainer_state, outcome->state_bytes, hashes->state, &weight_id,
                      err) != 0) {
        return -1;
    }
    q = sql_open(db, "INSERT INTO model_state (model_id, weight_id) VALUES (?, ?)");
    sql_int(&q, 1, model_id);
    sql_int(&q, 2, weight_id);
    return sql_run(&q, err);
}

int store_models_publish(struct db *db, int64_t job_id, const struct store_outcome *outcome,
                         const struct store_hashes *hashes, int64_t at, struct err *err)
{
    int64_t id = 0;
    int rc;
    struct sql q = sql_open(db, "UPDATE model SET state = 'ready', succeeded = ?2,"
                                " finished_at = ?3, spec = ?4, encoder = ?5, info = ?6,"
                                " metrics = ?7, parameters = ?8"
                                " WHERE job_id = ?1 AND state = 'pending' RETURNING id");

    sql_int(&q, 1, job_id);
    sql_int(&q, 2, outcome->state == JOB_SUCCEEDED);
    sql_int(&q, 3, at);
    sql_text(&q, 4, outcome->spec_json);
    sql_text(&q, 5, outcome->encoder_json);
    sql_text(&q, 6, outcome->info_json);
    sql_text(&q, 7, outcome->metrics_json);
    sql_int(&q, 8, outcome->parameters);
    rc = sql_scalar(&q, &id, err);
    if (rc == 1) {
        return err_set(err, ERR_INTERNAL, "job %lld makes no model", (long long)job_id);
    }
    if (rc != 0
        || insert_weights(db, id, outcome, hashes, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < outcome->n_evaluations; i++) {
        q = sql_open(db, "INSERT INTO evaluation (model_id, split, json) VALUES (?, ?, ?)");
        sql_int(&q, 1, id);
        sql_text(&q, 2, outcome->evaluations[i].split);
        sql_text(&q, 3, outcome->evaluations[i].json);
        if (sql_run(&q, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- get, list ---- */

#define NAMED_DATASET                                                                              \
    " FROM dataset AS d WHERE d.sha256 = m.dataset_sha256 AND d.name IS NOT NULL"                  \
    " ORDER BY d.id DESC LIMIT 1"
#define MODEL_COLUMNS                                                                              \
    "m.id, m.job_id, m.name, m.state, m.created_at, m.finished_at, m.dataset_sha256, w.sha256,"    \
    " m.parameters, m.metrics, m.info, sw.bytes, m.spec,"                                          \
    " (SELECT group_concat(e.split, ' ') FROM evaluation AS e WHERE e.model_id = m.id),"           \
    " (SELECT d.id" NAMED_DATASET "), (SELECT d.name" NAMED_DATASET ")"
#define MODEL_FROM                                                                                 \
    " FROM model AS m LEFT JOIN model_part AS p ON p.model_id = m.id AND p.seq = 0"                \
    " LEFT JOIN weight AS w ON w.id = p.weight_id"                                                 \
    " LEFT JOIN model_state AS s ON s.model_id = m.id LEFT JOIN weight AS sw ON sw.id = s.weight_id"
#define MODEL_WHOLE "SELECT " MODEL_COLUMNS ", m.encoder" MODEL_FROM
#define MODEL_LIST  "SELECT " MODEL_COLUMNS MODEL_FROM

static int model_of_row(struct sql *q, bool whole, struct store_model *out, struct err *err)
{
    *out = (struct store_model){
        .id = sql_column_int(q, 0),
        .job_id = sql_column_int(q, 1),
        .name = sql_column_text(q, 2),
        .state = sql_column_text(q, 3),
        .created_at = sql_column_int(q, 4),
        .finished_at = sql_column_int(q, 5),
        .parameters = sql_column_int(q, 8),
        .metrics_json = sql_column_text(q, 9),
        .info_json = sql_column_text(q, 10),
        .state_bytes = sql_column_int(q, 11),
        .spec_json = sql_column_text(q, 12),
        .splits = sql_column_text(q, 13),
        .dataset_id = sql_column_int(q, 14),
        .dataset_name = sql_column_text(q, 15),
        .encoder_json = whole ? sql_column_text(q, 16) : NULL,
    };
    sql_column_hash(q, 6, out->dataset_sha256);
    sql_column_hash(q, 7, out->weights_sha256);
    return sql_full(q, err);
}

/* 0, 1 without a row, -1; closes. */
static int read_model(struct sql *q, struct store_model *out, struct err *err)
{
    struct store_model model = {.id = 0};
    int rc = sql_step(q, err);

    if (rc == 1) {
        rc = model_of_row(q, true, &model, err);
        if (rc == 0) {
            *out = model;
        } else {
            store_model_fini(&model);
        }
    } else if (rc == 0) {
        rc = 1;
    }
    sql_close(q);
    return rc;
}

static int no_model(int64_t id, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no model %lld", (long long)id);
}

int store_models_get(struct store *store, int64_t id, struct store_model *out, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct sql q = sql_open(db, MODEL_WHOLE " WHERE m.id = ?");
    int rc;

    sql_int(&q, 1, id);
    rc = read_model(&q, out, err);
    store_sqlite_reader_back(s, db);
    return rc == 1 ? no_model(id, err) : rc;
}

int store_models_by_name(struct store *store, const char *name, struct store_model *out,
                         struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct sql q = sql_open(db, MODEL_WHOLE " WHERE m.name = ? AND m.state = 'ready'"
                                            " AND m.succeeded = 1 ORDER BY m.id DESC LIMIT 1");
    int rc;

    sql_text(&q, 1, name);
    rc = read_model(&q, out, err);
    store_sqlite_reader_back(s, db);
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND, "no model named %.80s has been trained to its end",
                       name);
    }
    return rc;
}

int store_models_list(struct store *store, const char *name, int64_t before_id, size_t limit,
                      struct store_model **out, size_t *n, bool *more, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_model *list = NULL;
    size_t used = 0, room = 0;
    bool older = false;
    int rc;
    struct sql q = sql_open(
        db, name != NULL ? MODEL_LIST " WHERE m.id < ?1 AND m.name = ?3 ORDER BY m.id DESC LIMIT ?2"
                         : MODEL_LIST
                               " WHERE m.id < ?1 AND ?3 IS NULL ORDER BY m.id DESC LIMIT ?2");

    sql_int(&q, 1, before_id > 0 ? before_id : INT64_MAX);
    sql_int(&q, 2, (int64_t)limit + 1); /* one more tells whether there are older ones */
    sql_text(&q, 3, name);
    while ((rc = sql_step(&q, err)) == 1) {
        if (used == limit) {
            older = true;
            break;
        }
        if (used == room) {
            room = room == 0 ? 16 : room * 2;
            list = xrealloc(list, room * sizeof *list);
        }
        rc = model_of_row(&q, false, &list[used++], err);
        if (rc != 0) {
            break;
        }
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc < 0) {
        store_models_free(&list, used);
        return -1;
    }
    *out = list;
    *n = used;
    *more = older;
    return 0;
}

/* ---- weights, evaluations ---- */

static int damaged(int64_t id, struct err *err)
{
    return err_set(err, ERR_CORRUPT,
                   "the stored weights of model %lld are damaged: their hash does not verify",
                   (long long)id);
}

/* Exactly `bytes` into `to`; -1 with ERR_CORRUPT when the chunks hold fewer or more. */
static int read_chunks(struct db *db, int64_t id, int64_t weight_id, unsigned char *to,
                       size_t bytes, struct err *err)
{
    size_t at = 0;
    int rc;
    struct sql q = sql_open(db, "SELECT bytes FROM weight_chunk WHERE weight_id = ?"
                                " ORDER BY seq");

    sql_int(&q, 1, weight_id);
    while ((rc = sql_step(&q, err)) == 1) {
        const void *chunk = sqlite3_column_blob(q.stmt, 0);
        size_t len = (size_t)sqlite3_column_bytes(q.stmt, 0);

        if (chunk == NULL) {
            rc = err_set(err, ERR_NO_MEMORY, "no memory to read the weights of model %lld",
                         (long long)id);
            break;
        }
        if (len > bytes - at) {
            rc = damaged(id, err);
            break;
        }
        memcpy(to + at, chunk, len);
        at += len;
    }
    sql_close(&q);
    if (rc < 0) {
        return -1;
    }
    return at == bytes ? 0 : damaged(id, err);
}

/* Verified bytes into *out, by the head row that `q` stands on. */
static int read_weights(struct db *db, int64_t id, struct sql *q, unsigned char **out,
                        size_t *len, struct err *err)
{
    int64_t weight_id = sql_column_int(q, 0);
    int64_t bytes = sql_column_int(q, 2), stored = sql_column_int(q, 3);
    char wanted[HASH_HEX_LEN], got[HASH_HEX_LEN];
    unsigned char *to;

    sql_column_hash(q, 1, wanted);
    /* The length is believed only when the chunks bear it out: it decides an allocation. */
    if (bytes < 0 || bytes != stored) {
        return damaged(id, err);
    }
    to = mem_try_alloc((size_t)bytes + 1, 1);
    if (to == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to read the weights of model %lld",
                       (long long)id);
    }
    if (read_chunks(db, id, weight_id, to, (size_t)bytes, err) != 0) {
        free(to);
        return -1;
    }
    hash_hex(to, (size_t)bytes, got);
    if (strcmp(wanted, got) != 0) {
        free(to);
        return damaged(id, err);
    }
    *out = to;
    *len = (size_t)bytes;
    return 0;
}

/* The bytes whose head the query finds for a model; `what` they are. */
static int read_bytes(struct store *store, const char *sql, int64_t id, const char *what,
                      void **bytes, size_t *len, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    unsigned char *out = NULL;
    size_t out_len = 0;
    int rc;
    struct sql q = sql_open(db, sql);

    sql_int(&q, 1, id);
    rc = sql_step(&q, err);
    if (rc == 1) {
        /* The head's statement stays open meanwhile: chunks and head are of one snapshot, even
         * when the model is deleted now. */
        rc = read_weights(db, id, &q, &out, &out_len, err);
    } else if (rc == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "there %s of model %lld", what, (long long)id);
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc != 0) {
        return -1;
    }
    *bytes = out;
    *len = out_len;
    return 0;
}

#define HEAD                                                                                       \
    "SELECT w.id, w.sha256, w.bytes, coalesce((SELECT sum(length(c.bytes)) FROM weight_chunk AS c" \
    " WHERE c.weight_id = w.id), 0)"

int store_models_weights(struct store *store, int64_t id, void **bytes, size_t *len,
                         struct err *err)
{
    return read_bytes(store,
                      HEAD " FROM model_part AS p JOIN weight AS w ON w.id = p.weight_id"
                           " WHERE p.model_id = ? AND p.seq = 0",
                      id, "are no weights", bytes, len, err);
}

int store_models_state(struct store *store, int64_t id, void **bytes, size_t *len,
                       struct err *err)
{
    return read_bytes(store,
                      HEAD " FROM model_state AS s JOIN weight AS w ON w.id = s.weight_id"
                           " WHERE s.model_id = ?",
                      id, "is no optimizer state", bytes, len, err);
}

int store_models_evaluation(struct store *store, int64_t id, const char *split, char **json,
                            struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    char *text = NULL;
    struct sql q = sql_open(db, "SELECT json FROM evaluation WHERE model_id = ? AND split = ?");
    int rc;

    sql_int(&q, 1, id);
    sql_text(&q, 2, split);
    rc = sql_step(&q, err);
    if (rc == 1) {
        text = sql_column_text(&q, 0);
        rc = sql_full(&q, err);
    } else if (rc == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "model %lld has no evaluation on the %.20s split",
                     (long long)id, split);
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc != 0) {
        return -1;
    }
    *json = text;
    return 0;
}

/* ---- delete ---- */

static int run_delete(struct db *db, void *arg, struct err *err)
{
    const int64_t *id = arg;
    int64_t needed_by = 0;
    int rc;
    /* The job that makes it names it as well as those that judge it or go on from it. */
    struct sql q = sql_open(db, "SELECT id FROM job WHERE (model_id = ?1 OR parent_id = ?1)"
                                " AND state IN ('queued', 'running', 'paused') LIMIT 1");

    sql_int(&q, 1, *id);
    rc = sql_scalar(&q, &needed_by, err);
    if (rc < 0) {
        return -1;
    }
    if (rc == 0) {
        return err_set(err, ERR_CONFLICT, "job %lld, which has not ended, works on model %lld",
                       (long long)needed_by, (long long)*id);
    }
    q = sql_open(db, "DELETE FROM weight WHERE id IN"
                     " (SELECT weight_id FROM model_part WHERE model_id = ?1"
                     " UNION SELECT weight_id FROM model_state WHERE model_id = ?1)");
    sql_int(&q, 1, *id);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    q = sql_open(db, "DELETE FROM model WHERE id = ?");
    sql_int(&q, 1, *id);
    if (sql_run(&q, err) != 0) {
        return -1;
    }
    return db_changes(db) == 1 ? 0 : no_model(*id, err);
}

int store_models_delete(struct store *store, int64_t id, struct err *err)
{
    return store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_delete, &id,
                             err);
}
