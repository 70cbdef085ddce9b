/* Checkpoint files and the rows that name them; see checkpoint.h for the promise.
 *
 * Writing: the file under a temporary name, synced, renamed, its folder synced, then the row, then
 * away with what is neither it nor the one before. A kill between any two of these leaves the rows
 * naming whole files; what it leaves besides is swept by the next write of the job or the next
 * start. When the row's fate is unknown the file stays, so that a row never loses its file.
 *
 * A generation is one more than all the rows and files of its job that can be seen, so that a file
 * never takes the place of another. One file's content is checkpoint_file.c's.
 *
 * Threads: any; the folder's descriptor and the store are set once. One call at a time for a job.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/checkpoint_priv.h"

struct checkpoints {
    unsigned magic;
#define CHECKPOINTS_MAGIC 0x7d0c4ec9
    int folder;
    struct store *store; /* not ours */
};

/* ---- beginning and end -------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const struct store_checkpoint *x = a, *y = b;

    if (x->job_id != y->job_id) {
        return x->job_id < y->job_id ? -1 : 1;
    }
    return x->generation < y->generation ? -1 : x->generation > y->generation;
}

/* Away with temporary files and those that no row names. */
static int sweep(int folder, struct store *store, struct err *err)
{
    struct store_checkpoint *rows = NULL;
    struct checkpoint_name *names = NULL;
    size_t n_rows = 0, n = 0, i;

    if (store->ops->checkpoint_all(store, &rows, &n_rows, err) != 0) {
        return -1;
    }
    if (checkpoint_scan(folder, 0, &names, &n, err) != 0) {
        free(rows);
        return -1;
    }
    if (n_rows > 0) {
        qsort(rows, n_rows, sizeof *rows, compare_rows);
    }
    for (i = 0; i < n; i++) {
        struct store_checkpoint key = {.job_id = names[i].job_id,
                                       .generation = names[i].generation};

        if (names[i].temporary || n_rows == 0 ||
            bsearch(&key, rows, n_rows, sizeof *rows, compare_rows) == NULL) {
            log_info("removing checkpoint %lld of job %lld, which was never finished or is not "
                     "needed any more",
                     (long long)names[i].generation, (long long)names[i].job_id);
            checkpoint_file_remove(folder, &names[i]);
        }
    }
    free(names);
    free(rows);
    return 0;
}

int checkpoints_new(const char *dir, struct store *store, struct checkpoints **out, struct err *err)
{
    struct checkpoints *cs;
    int folder = -1;

    if (file_folder_make(dir, CHECKPOINT_WHAT, err) != 0 ||
        file_folder_open(dir, CHECKPOINT_WHAT, &folder, err) != 0) {
        return -1;
    }
    if (sweep(folder, store, err) != 0) {
        file_folder_close(&folder);
        return -1;
    }
    cs = xcalloc(1, sizeof *cs);
    cs->magic = CHECKPOINTS_MAGIC;
    cs->folder = folder;
    cs->store = store;
    *out = cs;
    return 0;
}

void checkpoints_free(struct checkpoints **checkpoints)
{
    struct checkpoints *cs = *checkpoints;

    if (cs == NULL) {
        return;
    }
    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    file_folder_close(&cs->folder);
    cs->magic = 0;
    free(cs);
    *checkpoints = NULL;
}

void checkpoint_fini(struct checkpoint *c)
{
    free(c->notes);
    free(c->state);
    *c = (struct checkpoint){.state = NULL};
}

/* ---- writing ---------------------------------------------------------------------------- */

/* After checkpoint_add failed: when the row is certainly not there, nor need the file be. */
static void take_back(const struct checkpoints *cs, const struct store_checkpoint *row)
{
    struct checkpoint_name name = {.job_id = row->job_id, .generation = row->generation};
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct err err = ERR_INIT;
    bool there = false;
    size_t n = 0, i;

    if (cs->store->ops->checkpoint_list(cs->store, row->job_id, rows, &n, &err) != 0) {
        err_fini(&err);
        return; /* the next write or start finds out */
    }
    for (i = 0; i < n; i++) {
        there = there || rows[i].generation >= row->generation;
    }
    if (!there) {
        checkpoint_file_remove(cs->folder, &name);
    }
}

int checkpoint_write(struct checkpoints *cs, const struct store_job *job, const char *owner,
                     struct checkpoint *c, struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS], row = {.job_id = job->id, .epoch = c->epoch};
    int64_t before, newest = 0;
    struct checkpoint_name *names = NULL;
    size_t n_rows = 0, n = 0, i;
    int rc = -1;

    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    CHK(job->id > 0 && job->resolved_json != NULL && c->notes != NULL && c->epoch >= 0);
    if (cs->store->ops->checkpoint_list(cs->store, job->id, rows, &n_rows, err) != 0 ||
        checkpoint_scan(cs->folder, job->id, &names, &n, err) != 0) {
        return -1;
    }
    before = n_rows > 0 ? rows[0].generation : 0;
    newest = before;
    for (i = 0; i < n; i++) {
        newest = names[i].generation > newest ? names[i].generation : newest;
    }
    row.generation = newest + 1;
    row.at = clock_now_ms();
    if (checkpoint_file_write(cs->folder, job, c, &row, err) != 0) {
        goto out;
    }
    CRASH_POINT("checkpoint-before-row");
    if (cs->store->ops->checkpoint_add(cs->store, owner, &row, err) != 0) {
        take_back(cs, &row);
        goto out;
    }
    CRASH_POINT("checkpoint-after-row");
    c->generation = row.generation;
    counter_add(COUNTER_CHECKPOINTS, SAVE_WRITTEN, 1);
    counter_add(COUNTER_CHECKPOINT_BYTES, 0, (uint64_t)row.bytes);
    rc = 0;
    CRASH_POINT("checkpoint-before-remove");
    for (i = 0; i < n; i++) {
        if (names[i].temporary || names[i].generation != before) {
            checkpoint_file_remove(cs->folder, &names[i]);
        }
    }
out:
    free(names);
    return rc;
}

/* ---- reading ---------------------------------------------------------------------------- */

static int tell_unusable(struct checkpoints *cs, const struct store_checkpoint *row,
                         const char *why, struct err *err)
{
    char *sentence =
        xasprintf("checkpoint %lld cannot be used: %s", (long long)row->generation, why);
    int rc;

    log_warn("job %lld: %s", (long long)row->job_id, sentence);
    rc = cs->store->ops->event_add(cs->store, row->job_id, "checkpoint_unusable", sentence, err);
    free(sentence);
    return rc;
}

int checkpoint_read(struct checkpoints *cs, const struct store_job *job, const char *owner,
                    struct checkpoint *out, struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct checkpoint found = {.state = NULL};
    char config[HASH_HEX_LEN];
    size_t n = 0, i;
    int rc = 0;

    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    CHK(job->resolved_json != NULL);
    if (cs->store->ops->checkpoint_list(cs->store, job->id, rows, &n, err) != 0) {
        return -1;
    }
    hash_hex(job->resolved_json, strlen(job->resolved_json), config);
    for (i = 0; i < n; i++) {
        struct err why = ERR_INIT;

        if (checkpoint_file_read(cs->folder, &rows[i], config, &found, &why) == 0) {
            break;
        }
        if (why.code == ERR_NO_MEMORY) { /* which is not the file's fault */
            err_move(err, &why);
            return -1;
        }
        rc = tell_unusable(cs, &rows[i], why.detail, err);
        err_fini(&why);
        if (rc != 0) {
            return -1;
        }
    }
    if (i > 0) {
        rc = cs->store->ops->curve_cut(cs->store, job->id, owner, i < n ? found.epoch : 0, err);
    }
    if (rc != 0) {
        checkpoint_fini(&found);
        return -1;
    }
    if (i == n) {
        return 1;
    }
    *out = found;
    return 0;
}

void checkpoint_remove(struct checkpoints *cs, int64_t job_id)
{
    struct err err = ERR_INIT;
    struct checkpoint_name *names = NULL;
    size_t n = 0, i;

    CHK_OBJ(cs, CHECKPOINTS_MAGIC);
    CHK(job_id > 0);
    if (checkpoint_scan(cs->folder, job_id, &names, &n, &err) != 0) {
        log_warn("job %lld: its checkpoints stay until the next start: %s", (long long)job_id,
                 err.detail);
        err_fini(&err);
        return;
    }
    for (i = 0; i < n; i++) {
        checkpoint_file_remove(cs->folder, &names[i]);
    }
    free(names);
}

/* ---- checking --------------------------------------------------------------------------- */

/* Whether the row is still there: 1, 0, or -1. */
static int still_named(struct store *store, const struct store_checkpoint *row, struct err *err)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    size_t n = 0, i;

    if (store->ops->checkpoint_list(store, row->job_id, rows, &n, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (rows[i].generation == row->generation) {
            return 1;
        }
    }
    return 0;
}

/* folder: -1 when it cannot be opened. */
static int check_one(int folder, struct store *store, const struct store_checkpoint *row,
                     struct err *problems, struct err *err)
{
    struct store_job job = {.id = 0};
    char config[HASH_HEX_LEN] = "";
    struct err why = ERR_INIT;
    int named = 0, rc = -1;

    if (store->ops->job_get(store, row->job_id, &job, &why) == 0) {
        hash_hex(job.resolved_json, strlen(job.resolved_json), config);
        rc = folder < 0 ? err_set(&why, ERR_NOT_FOUND, "the checkpoints' folder cannot be opened")
                        : checkpoint_file_read(folder, row, config, NULL, &why);
    }
    store_job_fini(&job);
    if (rc != 0) {
        named = still_named(store, row, err);
    }
    if (named == 1) {
        err_add(problems, NULL, "checkpoint %lld of job %lld: %s", (long long)row->generation,
                (long long)row->job_id, why.detail);
    }
    err_fini(&why);
    return named < 0 ? -1 : 0;
}

int checkpoints_check(const char *dir, struct store *store, size_t *n, struct err *problems,
                      struct err *err)
{
    struct store_checkpoint *rows = NULL;
    struct err none = ERR_INIT;
    size_t n_rows = 0, i;
    int folder = -1, rc = 0;

    if (store->ops->checkpoint_all(store, &rows, &n_rows, err) != 0) {
        return -1;
    }
    if (file_folder_open(dir, CHECKPOINT_WHAT, &folder, &none) != 0) {
        err_fini(&none); /* each row tells */
    }
    for (i = 0; i < n_rows && rc == 0; i++) {
        rc = check_one(folder, store, &rows[i], problems, err);
    }
    file_folder_close(&folder);
    free(rows);
    if (rc == 0) {
        *n = n_rows;
    }
    return rc;
}
