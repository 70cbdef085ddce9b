/* Datasets: which names people gave to which content.
 *
 * The content is a file of the layer above, named by its hash; here is only its row. Several
 * rows may share a hash (one content under two names, or a job's inline data that was also
 * uploaded), a name is on one row at most, and a name that moves leaves its old row without
 * one, because jobs refer to content by its hash. Changes run on the writer's thread; whether
 * a content may go is asked in the transaction that deletes its last row, so no job can be
 * queued for it in between.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store_sqlite_priv.h"

/* ---- add ---- */

struct add {
    const char *name, *sha256;
    int64_t rows, columns, bytes;
    bool replace;
    int64_t parent; /* of an appended version, else 0 */
    int64_t id;
    bool created;
};

static int insert_row(struct db *db, struct add *a, struct err *err)
{
    struct sql q = sql_open(db, "INSERT INTO dataset (name, sha256, rows, columns, bytes,"
                                " created_at, parent_id, origin_id) VALUES (?1, ?2, ?3, ?4, ?5,"
                                " ?6, nullif(?7, 0), (SELECT coalesce(origin_id, id) FROM dataset"
                                " WHERE id = ?7)) RETURNING id");

    sql_text(&q, 1, a->name);
    sql_text(&q, 2, a->sha256);
    sql_int(&q, 3, a->rows);
    sql_int(&q, 4, a->columns);
    sql_int(&q, 5, a->bytes);
    sql_int(&q, 6, clock_now_ms());
    sql_int(&q, 7, a->parent);
    a->created = true;
    return sql_scalar(&q, &a->id, err);
}

static int run_add(struct db *db, void *arg, struct err *err)
{
    struct add *a = arg;
    int64_t same = 0;
    struct sql q;
    int rc;

    if (a->name == NULL) {
        q = sql_open(db, "SELECT id FROM dataset WHERE sha256 = ? ORDER BY id LIMIT 1");
        sql_text(&q, 1, a->sha256);
        rc = sql_scalar(&q, &a->id, err);
        return rc == 1 ? insert_row(db, a, err) : rc;
    }
    q = sql_open(db, "SELECT sha256 = ?2 FROM dataset WHERE name = ?1");
    sql_text(&q, 1, a->name);
    sql_text(&q, 2, a->sha256);
    rc = sql_scalar(&q, &same, err);
    if (rc < 0) {
        return -1;
    }
    if (rc == 1) {
        return insert_row(db, a, err);
    }
    if (same) {
        q = sql_open(db, "SELECT id FROM dataset WHERE name = ?");
        sql_text(&q, 1, a->name);
        return sql_scalar(&q, &a->id, err);
    }
    if (!a->replace) {
        return err_set(err, ERR_CONFLICT, "a dataset named \"%s\" with other content exists",
                       a->name);
    }
    q = sql_open(db, "UPDATE dataset SET name = NULL WHERE name = ?");
    sql_text(&q, 1, a->name);
    return sql_run(&q, err) != 0 ? -1 : insert_row(db, a, err);
}

int store_datasets_add(struct store *store, const char *name, const char *sha256, int64_t rows,
                       int64_t columns, int64_t bytes, bool replace, int64_t *id,
                       bool *created, struct err *err)
{
    struct add a = {.name = name,
                    .sha256 = sha256,
                    .rows = rows,
                    .columns = columns,
                    .bytes = bytes,
                    .replace = replace};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_add, &a, err)
        != 0) {
        return -1;
    }
    *id = a.id;
    *created = a.created;
    return 0;
}

/* ---- versions ---- */

static int run_append(struct db *db, void *arg, struct err *err)
{
    struct add *a = arg;
    int64_t same = 0;
    struct sql q = sql_open(db, "SELECT name IS ?2 FROM dataset WHERE id = ?1");
    int rc;

    sql_int(&q, 1, a->parent);
    sql_text(&q, 2, a->name);
    rc = sql_scalar(&q, &same, err);
    if (rc < 0) {
        return -1;
    }
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND,
                       "dataset %" PRId64 " was deleted while rows were appended to it", a->parent);
    }
    if (!same) {
        return err_set(err, ERR_CONFLICT,
                       "\"%s\" has another version by now: append the rows to that one",
                       a->name != NULL ? a->name : "the dataset");
    }
    q = sql_open(db, "UPDATE dataset SET name = NULL WHERE id = ?");
    sql_int(&q, 1, a->parent);
    return sql_run(&q, err) != 0 ? -1 : insert_row(db, a, err);
}

int store_datasets_append(struct store *store, int64_t parent_id, const char *name,
                          const char *sha256, int64_t rows, int64_t columns, int64_t bytes,
                          int64_t *id, struct err *err)
{
    struct add a = {.name = name,
                    .sha256 = sha256,
                    .rows = rows,
                    .columns = columns,
                    .bytes = bytes,
                    .parent = parent_id};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_append, &a, err)
        != 0) {
        return -1;
    }
    *id = a.id;
    return 0;
}

/* ---- get, list ---- */

#define DATASET_SELECT                                                                             \
    "SELECT id, name, sha256, rows, columns, bytes, created_at, parent_id FROM dataset"

static int dataset_of_row(struct sql *q, struct store_dataset *out, struct err *err)
{
    *out = (struct store_dataset){
        .id = sql_column_int(q, 0),
        .name = sql_column_text(q, 1),
        .rows = sql_column_int(q, 3),
        .columns = sql_column_int(q, 4),
        .bytes = sql_column_int(q, 5),
        .created_at = sql_column_int(q, 6),
        .parent_id = sql_column_int(q, 7), /* NULL is 0 */
    };
    sql_column_hash(q, 2, out->sha256);
    return sql_full(q, err);
}

/* All digits, and few enough for 64 bits: names never begin with one. */
static bool key_is_id(const char *key, int64_t *id)
{
    size_t len = strspn(key, "0123456789");

    if (len == 0 || len > 18 || key[len] != '\0') {
        return false;
    }
    *id = (int64_t)strtoll(key, NULL, 10);
    return true;
}

static struct sql open_by_key(struct db *db, const char *key)
{
    static const char hash_prefix[] = "sha256:";
    const size_t skip = sizeof hash_prefix - 1;
    struct sql q;
    int64_t id;

    if (key_is_id(key, &id)) {
        q = sql_open(db, DATASET_SELECT " WHERE id = ?");
        sql_int(&q, 1, id);
    } else if (strncmp(key, hash_prefix, skip) == 0) {
        /* Any of its rows has the content; a named one says more, the newest at that. */
        q = sql_open(db, DATASET_SELECT " WHERE sha256 = ? ORDER BY name IS NULL, id DESC"
                                        " LIMIT 1");
        sql_text(&q, 1, key + skip);
    } else {
        q = sql_open(db, DATASET_SELECT " WHERE name = ?");
        sql_text(&q, 1, key);
    }
    return q;
}

int store_datasets_get(struct store *store, const char *key, struct store_dataset *out,
                       struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct store_dataset ds = {.id = 0};
    struct sql q = open_by_key(db, key);
    int rc = sql_step(&q, err);

    if (rc == 1) {
        rc = dataset_of_row(&q, &ds, err);
    } else if (rc == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no dataset %.80s", key);
    }
    sql_close(&q);
    store_sqlite_reader_back(s, db);
    if (rc != 0) {
        store_dataset_fini(&ds);
        return -1;
    }
    *out = ds;
    return 0;
}

/* At most `limit` rows of a query; *more: there were more. */
static int read_list(struct sql *q, size_t limit, struct store_dataset **out, size_t *n, bool *more,
                     struct err *err)
{
    struct store_dataset *list = NULL;
    size_t used = 0, room = 0;
    int rc;

    *more = false;
    while ((rc = sql_step(q, err)) == 1) {
        if (used == limit) {
            *more = true;
            break;
        }
        if (used == room) {
            room = room == 0 ? 16 : room * 2;
            list = xrealloc(list, room * sizeof *list);
        }
        rc = dataset_of_row(q, &list[used++], err);
        if (rc != 0) {
            break;
        }
    }
    sql_close(q);
    if (rc < 0) {
        store_datasets_free(&list, used);
        return -1;
    }
    *out = list;
    *n = used;
    return 0;
}

int store_datasets_list(struct store *store, int64_t before_id, size_t limit,
                        struct store_dataset **out, size_t *n, bool *more, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct sql q = sql_open(db, DATASET_SELECT " WHERE id < ? ORDER BY id DESC LIMIT ?");
    int rc;

    sql_int(&q, 1, before_id > 0 ? before_id : INT64_MAX);
    sql_int(&q, 2, (int64_t)limit + 1); /* one more tells whether there are older ones */
    rc = read_list(&q, limit, out, n, more, err);
    store_sqlite_reader_back(s, db);
    return rc;
}

int store_datasets_versions(struct store *store, int64_t id, size_t limit,
                            struct store_dataset **out, size_t *n, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct sql q = sql_open(
        db, DATASET_SELECT " WHERE id = (SELECT coalesce(origin_id, id) FROM dataset WHERE id = ?1)"
                           " OR origin_id = (SELECT coalesce(origin_id, id) FROM dataset"
                           " WHERE id = ?1) ORDER BY id DESC LIMIT ?2");
    bool more;
    int rc;

    sql_int(&q, 1, id);
    sql_int(&q, 2, (int64_t)limit);
    rc = read_list(&q, limit, out, n, &more, err);
    store_sqlite_reader_back(s, db);
    return rc;
}

int store_datasets_count(struct store *store, int64_t *datasets, int64_t *models, struct err *err)
{
    struct store_sqlite *s = store_sqlite_of(store);
    struct db *db = store_sqlite_reader(s);
    struct sql q = sql_open(db, "SELECT count(*) FROM dataset");
    int64_t n = 0;
    int rc = sql_scalar(&q, &n, err);

    if (rc == 0) {
        *datasets = n;
        q = sql_open(db, "SELECT count(*) FROM model");
        rc = sql_scalar(&q, models, err);
    }
    store_sqlite_reader_back(s, db);
    return rc == 0 ? 0 : -1;
}

/* ---- delete ---- */

struct delete {
    int64_t id;
    bool orphan;
};

static int run_delete(struct db *db, void *arg, struct err *err)
{
    struct delete *d = arg;
    int64_t others = 0, needed_by = 0;
    int rc;
    struct sql q = sql_open(db, "SELECT (SELECT count(*) FROM dataset AS o"
                                " WHERE o.sha256 = d.sha256 AND o.id <> d.id)"
                                " FROM dataset AS d WHERE d.id = ?");

    sql_int(&q, 1, d->id);
    rc = sql_scalar(&q, &others, err);
    if (rc == 1) {
        return err_set(err, ERR_NOT_FOUND, "there is no dataset %" PRId64, d->id);
    }
    if (rc < 0) {
        return -1;
    }
    if (others == 0) {
        q = sql_open(db, "SELECT j.id FROM dataset AS d"
                         " JOIN job_dataset AS n ON n.sha256 = d.sha256"
                         " JOIN job AS j ON j.id = n.job_id"
                         " WHERE d.id = ? AND j.state IN ('queued', 'running', 'paused') LIMIT 1");
        sql_int(&q, 1, d->id);
        rc = sql_scalar(&q, &needed_by, err);
        if (rc == 0) {
            return err_set(err, ERR_CONFLICT,
                           "job %" PRId64 ", which has not ended, needs dataset %" PRId64,
                           needed_by, d->id);
        }
        if (rc < 0) {
            return -1;
        }
    }
    q = sql_open(db, "DELETE FROM dataset WHERE id = ?");
    sql_int(&q, 1, d->id);
    d->orphan = others == 0;
    return sql_run(&q, err);
}

int store_datasets_delete(struct store *store, int64_t id, bool *orphan, struct err *err)
{
    struct delete d = {.id = id};

    if (store_writer_call(&store_sqlite_of(store)->writer, WRITER_HASTY, run_delete, &d, err)
        != 0) {
        return -1;
    }
    *orphan = d.orphan;
    return 0;
}
