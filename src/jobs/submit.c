/* A job's way from a request's body to a committed row; see submit.h.
 *
 * Nothing is kept before everything is known to be well: inline rows are written to a
 * scratch folder, looked at there, and moved among the datasets right before the commit. A
 * dry run is the same path without the last step.
 *
 * Any thread; the one that asks waits for the commit.
 */
#include "jobs/submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/dataset_view.h"
#include "data/split.h"
#include "jobs/config.h"
#include "jobs/fetch.h"
#include "jobs/json_util.h"
#include "jobs/parent.h"
#include "jobs/pool.h"
#include "jobs/room.h"
#include "jobs/submit_key.h"
#include "jobs/submit_notify.h"
#include "jobs/submit_priv.h"

/* Up to so many rows the split itself is tried here, so that what it refuses is refused at
 * once; it takes a few milliseconds. For more rows the job would say it. */
#define LOOK_ROWS 200000
#define NAMES     500 /* for "did you mean" */

void submitted_fini(struct submitted *s)
{
    free(s->resolved_json);
    free(s->summary_json);
    free(s->warnings_json);
    *s = (struct submitted){.job_id = 0};
}

void submit_used_fini(struct datasets *datasets, struct submit_used *u)
{
    dataset_view_end(&u->ds);
    if (u->own != NULL) {
        dataset_free(&u->own);
        u->ds = NULL;
    } else {
        datasets_put(datasets, &u->ds);
    }
}

static void refuse_dataset(struct datasets *datasets, const char *key, const char *pointer,
                           struct err *err)
{
    struct store *store = datasets_store(datasets);
    struct store_dataset *list = NULL;
    const char *names[NAMES], *nearest;
    char shown[JSON_UTIL_SHOWN];
    struct err ignored = ERR_INIT;
    size_t n = 0, named = 0, i;
    bool more;

    if (store->ops->dataset_list(store, 0, NAMES, &list, &n, &more, &ignored) != 0) {
        n = 0; /* no suggestion then */
    }
    for (i = 0; i < n; i++) {
        if (list[i].name != NULL) {
            names[named++] = list[i].name;
        }
    }
    nearest = text_nearest(key, names, named);
    json_util_shown(key, shown);
    if (nearest != NULL) {
        err_add(err, pointer, "there is no dataset \"%s\", did you mean \"%s\"?", shown, nearest);
    } else {
        err_add(err, pointer, "there is no dataset \"%s\"", shown);
    }
    store_datasets_free(&list, n);
    err_fini(&ignored);
}

int submit_use(struct datasets *datasets, const char *key, const char *pointer,
               struct submit_used *out, struct err *err)
{
    struct store *store = datasets_store(datasets);
    struct store_dataset row = {.id = 0};
    struct err problem = ERR_INIT;
    int rc;

    if (store->ops->dataset_get(store, key, &row, &problem) != 0) {
        if (problem.code == ERR_NOT_FOUND) {
            refuse_dataset(datasets, key, pointer, err);
            err_fini(&problem);
        } else {
            err_move(err, &problem);
        }
        return -1;
    }
    memcpy(out->sha256, row.sha256, HASH_HEX_LEN);
    rc = datasets_open(datasets, row.sha256, &out->ds, &problem);
    if (rc != 0 && problem.code == ERR_NOT_FOUND) {
        err_set(err, ERR_CORRUPT, "the file of dataset %lld is missing", (long long)row.id);
        err_fini(&problem);
    } else if (rc != 0) {
        err_move(err, &problem);
    }
    store_dataset_fini(&row);
    return rc;
}

static char *warnings_to_json(const struct err *warnings)
{
    struct buf b = BUF_INIT;
    size_t i;

    buf_puts(&b, "[");
    for (i = 0; i < warnings->n_items; i++) {
        buf_puts(&b, i > 0 ? "," : "");
        json_util_text(&b, warnings->items[i].detail);
    }
    buf_puts(&b, "]");
    return buf_take(&b);
}

/* ---- train ----------------------------------------------------------------------- */

struct submission {
    struct datasets *datasets;
    struct config *config;
    struct job_spec spec;
    struct parent parent;          /* with start_from */
    struct submit_used used[SPLIT_PARTS]; /* the data, and what validates and tests instead of a
                                           * part */
    char *scratch;                 /* folder of inline rows */
    struct dataset_summary rows;
    struct err warnings;
    const char *key;               /* or NULL */
    char body_sha256[HASH_HEX_LEN];
};

int submit_check_queue(struct store *store, const struct submit_limits *limits, struct err *err)
{
    int64_t counts[JOB_STATES];

    if (store->ops->job_counts(store, counts, err) != 0) {
        return -1;
    }
    if (limits->max_queued > 0 && counts[JOB_QUEUED] >= limits->max_queued) {
        counter_add(COUNTER_REFUSALS, REFUSED_QUEUE, 1);
        return err_set(err, ERR_BUSY, "%lld jobs are waiting, the limit is %lld",
                       (long long)counts[JOB_QUEUED], (long long)limits->max_queued);
    }
    return 0;
}

int submit_check_room(struct store *store, const struct submit_limits *limits, size_t bytes,
                      struct err *err)
{
    struct room room = {.free = 0};

    if (limits->state == NULL) {
        return 0;
    }
    return room_look(store, limits->state, limits->disk_reserve, &room, err) != 0
               ? -1
               : room_for(&room, bytes, "the job", err);
}

static int use_inline(struct submission *s, struct err *err)
{
    struct submit_used *u = &s->used[0];
    char *path;
    int rc;

    if (datasets_scratch_new(s->datasets, &s->scratch, err) != 0 ||
        config_write_inline(s->config, s->scratch, &s->rows, err) != 0) {
        return -1;
    }
    memcpy(u->sha256, s->rows.sha256, HASH_HEX_LEN);
    path = xasprintf("%s/%s", s->scratch, s->rows.sha256);
    rc = dataset_open(path, &u->own, err);
    free(path);
    if (rc != 0) {
        return -1;
    }
    u->ds = u->own;
    config_replace_inline(s->config, s->rows.sha256);
    return 0;
}

/* All the datasets; unknown ones are told together. */
static int use_all(struct submission *s, struct err *err)
{
    static const char *const pointers[] = {"/data/dataset", "/data/split/validation_dataset",
                                           "/data/split/test_dataset"};
    const char *keys[] = {config_dataset_key(s->config), config_validation_key(s->config),
                          config_test_key(s->config)};
    size_t i;

    for (i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i] != NULL &&
            submit_use(s->datasets, keys[i], pointers[i], &s->used[i], err) != 0 &&
            err->code != ERR_INVALID) {
            return -1;
        }
    }
    if (err_is(err)) {
        return -1;
    }
    return keys[0] != NULL || config_url(s->config) != NULL ? 0 : use_inline(s, err);
}

static int load_parent(struct submission *s, struct err *err)
{
    const char *key = config_model_key(s->config);

    return key != NULL ? parent_load(datasets_store(s->datasets), key, &s->parent, err) : 0;
}

/* Problems of the rows at the key that chose them, those of their classes at the target. */
static void point_at_split(const struct job_spec *spec, struct err *problems)
{
    size_t i;

    for (i = 0; i < problems->n_items; i++) {
        struct err_item *item = &problems->items[i];
        bool target = item->column != NULL && strcmp(item->column, spec->targets[0]) == 0;

        if (item->pointer == NULL) {
            item->pointer = xstrdup(target ? "/data/target" : job_spec_split_pointer(spec));
        }
    }
}

/* Try the split the job will make; its counts replace those of parts that have no dataset
 * of their own. */
static int look_at_split(struct submission *s, size_t rows[SPLIT_PARTS], struct err *err)
{
    const struct job_spec *spec = &s->spec;
    const struct dataset *ds = s->used[0].ds;
    struct split_options options = job_spec_split(spec, ds);
    struct split split = {.n = {0}};
    size_t part;

    if (split_make(ds, &options, &split, &s->warnings, err) != 0) {
        point_at_split(spec, err);
        return -1;
    }
    for (part = 0; part < SPLIT_PARTS; part++) {
        if (part == SPLIT_TRAINING && spec->sampling != SAMPLE_NONE) {
            continue; /* counted as sampled */
        }
        rows[part] = s->used[part].ds == NULL || part == 0 ? split.n[part] : rows[part];
    }
    split_fini(&split);
    return 0;
}

/* Everything there is to know before a row is trained on. The job is weighed before the split
 * is tried, which costs memory, and again with the split's own counts. */
static int look(struct submission *s, const struct submit_limits *limits, struct submitted *out,
                struct err *err)
{
    struct submit_used *u = s->used;
    size_t rows[SPLIT_PARTS];
    struct config_sources sources = {
        .sha256 = u[0].sha256,
        .validation_sha256 = u[1].sha256,
        .test_sha256 = u[2].sha256,
        .parent = config_model_key(s->config) != NULL ? &s->parent.as : NULL,
    };

    if (config_view(s->config, sources.parent != NULL ? sources.parent->encoder : NULL, &u[0].ds,
                    &u[1].ds, &u[2].ds, err) != 0) {
        return -1;
    }
    sources.ds = u[0].ds;
    sources.validation = u[1].ds;
    sources.test = u[2].ds;
    if (config_resolve(s->config, &sources, &s->spec, &s->warnings, err) != 0 ||
        admit_rows(&s->spec, u[0].ds, u[1].ds, u[2].ds, rows, err) != 0 ||
        admit(&s->spec, u[0].ds, rows, limits->memory_limit, &out->estimate, err) != 0) {
        return -1;
    }
    if (dataset_rows(u[0].ds) <= LOOK_ROWS &&
        (look_at_split(s, rows, err) != 0 ||
         admit(&s->spec, u[0].ds, rows, limits->memory_limit, &out->estimate, err) != 0)) {
        return -1;
    }
    s->spec.train.window = out->estimate.window;
    out->estimate.disk_bytes += (size_t)s->rows.bytes; /* far from any end: admit saw to it */
    out->resolved_json = config_print(&s->spec);
    out->summary_json = config_summary(&s->spec);
    out->warnings_json = warnings_to_json(&s->warnings);
    return 0;
}

/* Of all the datasets it uses; how many. */
static size_t list_hashes(const struct submission *s, const char *hashes[SPLIT_PARTS])
{
    size_t n = 0, i;

    for (i = 0; i < ARRAY_LEN(s->used); i++) {
        if (s->used[i].ds != NULL) {
            hashes[n++] = s->used[i].sha256;
        }
    }
    return n;
}

/* The store's row, and the file of inline rows among the datasets. 0, 1 (another submission with
 * the same key was faster: out has its ids) or -1. */
static int commit(struct submission *s, const struct submit_limits *limits, struct submitted *out,
                  struct err *err)
{
    struct store *store = datasets_store(s->datasets);
    const char *hashes[ARRAY_LEN(s->used)];
    size_t to_come = out->estimate.disk_bytes - (size_t)s->rows.bytes; /* these are there */
    struct store_job_new job = {
        .kind = "train",
        .name = s->spec.name,
        .parent_id = s->spec.start_model,
        .resolved_json = out->resolved_json,
        .summary_json = out->summary_json,
        .warnings_json = out->warnings_json,
        .datasets = hashes,
        .max_queued = limits->max_queued,
        .priority = s->spec.priority,
        .disk_bytes = (int64_t)to_come,
        .key = s->key,
        .body_sha256 = s->body_sha256,
    };
    struct submit_notify notify;
    int64_t dataset_id = 0;
    bool created = false;
    char *config_json;
    int rc = 0;

    if (submit_check_room(store, limits, to_come, err) != 0) {
        return -1;
    }
    job.n_datasets = list_hashes(s, hashes);
    job.config_json = config_json = config_text(s->config);
    job.notify = submit_notify_init(&notify, &s->spec.notify);
    if (s->scratch != NULL &&
        (datasets_scratch_keep(s->datasets, s->scratch, s->rows.sha256, err) != 0 ||
         datasets_add(s->datasets, NULL, &s->rows, dataset_n_columns(s->used[0].ds), false,
                      &dataset_id, &created, err) != 0)) {
        rc = -1;
    }
    if (rc == 0) {
        rc = store->ops->job_submit(store, &job, &out->job_id, &out->model_id, err);
    }
    if (rc < 0 && created) {
        struct err ignored = ERR_INIT; /* the rows stay, nameless and harmless */

        (void)!datasets_delete(s->datasets, dataset_id, &ignored);
        err_fini(&ignored);
    }
    submit_notify_fini(&notify);
    free(config_json);
    return rc;
}

/* The store's row of a job whose data is yet to be fetched: all that can be told now was told. As
 * commit. */
static int commit_unsettled(struct submission *s, const struct submit_limits *limits,
                            struct submitted *out, struct err *err)
{
    struct store *store = datasets_store(s->datasets);
    struct job_notify told = config_notify(s->config);
    struct submit_notify notify;
    struct store_job_new job = {
        .kind = "train",
        .name = config_name(s->config),
        .parent_id = config_model_key(s->config) != NULL ? s->parent.as.id : 0,
        .max_queued = limits->max_queued,
        .priority = config_priority(s->config),
        .key = s->key,
        .body_sha256 = s->body_sha256,
    };
    char *config_json = config_text(s->config);
    int rc;

    job.config_json = config_json;
    job.notify = submit_notify_init(&notify, &told);
    rc = store->ops->job_submit(store, &job, &out->job_id, &out->model_id, err);
    submit_notify_fini(&notify);
    job_notify_fini(&told);
    free(config_json);
    return rc;
}

static int submit_with_url(struct submission *s, const struct submit_limits *limits, bool dry_run,
                           struct submitted *out, struct err *err)
{
    if (dry_run) {
        return err_add(err, "/data/url",
                       "a dry run fetches nothing: make a dataset of it with POST /datasets first");
    }
    return commit_unsettled(s, limits, out, err);
}

/* From the text to the commit, in which *done is filled in. As commit. */
static int submit(struct submission *s, const struct submit_limits *limits,
                  const struct submit_body *body, struct submitted *done, struct err *err)
{
    struct store *store = datasets_store(s->datasets);
    struct job_notify notify;

    if (!body->dry_run && (submit_check_queue(store, limits, err) != 0 ||
                           submit_check_room(store, limits, 0, err) != 0)) {
        return -1;
    }
    if (config_parse(body->text, body->len, &s->config, err) != 0) {
        return -1;
    }
    notify = config_notify(s->config);
    (void)submit_notify_check(limits->outgoing, &notify, err);
    job_notify_fini(&notify);
    if (config_url(s->config) != NULL) {
        (void)!fetch_check(limits->fetch, config_url(s->config), "/data/url", err);
    }
    if (use_all(s, err) != 0 || /* which tells what is wrong so far, too */
        load_parent(s, err) != 0) {
        return -1;
    }
    if (config_url(s->config) != NULL) {
        return submit_with_url(s, limits, body->dry_run, done, err);
    }
    if (look(s, limits, done, err) != 0) {
        return -1;
    }
    return body->dry_run ? 0 : commit(s, limits, done, err);
}

static void submission_fini(struct submission *s)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(s->used); i++) {
        submit_used_fini(s->datasets, &s->used[i]);
    }
    datasets_scratch_free(&s->scratch);
    job_spec_fini(&s->spec);
    parent_fini(&s->parent);
    config_free(&s->config);
    err_fini(&s->warnings);
}

/* The faster one's job as the answer. */
static int replay(struct store *store, struct submitted *done, struct err *err)
{
    int64_t job_id = done->job_id;
    int rc;

    submitted_fini(done);
    rc = submit_key_replay(store, job_id, done, err);
    return rc <= 0 ? rc
                   : err_set(err, ERR_BUSY, "the job of this Idempotency-Key was just being "
                                            "deleted: send it again");
}

int submit_train(struct datasets *datasets, struct pool *pool, const struct submit_limits *limits,
                 const struct submit_body *body, struct submitted *out, struct err *err)
{
    struct store *store = datasets_store(datasets);
    struct submission s = {.datasets = datasets};
    struct submitted done = {.job_id = 0};
    int rc = 1;

    if (body->key != NULL && !body->dry_run) {
        s.key = body->key;
        hash_hex(body->text, body->len, s.body_sha256);
        rc = submit_key_find(store, s.key, s.body_sha256, &done, err);
    }
    if (rc == 1) {
        rc = submit(&s, limits, body, &done, err);
        submission_fini(&s);
        if (rc == 1) {
            rc = replay(store, &done, err);
        } else if (rc == 0 && !body->dry_run) {
            counter_add(COUNTER_JOBS_SUBMITTED, KIND_TRAIN, 1);
            pool_wake(pool);
        }
    }
    if (rc != 0) {
        submitted_fini(&done);
        return -1;
    }
    *out = done;
    return 0;
}

/* ---- settle ---------------------------------------------------------------------- */

static int settle(struct submission *s, const struct submit_limits *limits,
                  const struct store_job *job, const char *owner, struct submitted *done,
                  struct err *err)
{
    struct store *store = datasets_store(s->datasets);
    const char *hashes[ARRAY_LEN(s->used)];
    struct store_job_new now = {.datasets = hashes};

    if (use_all(s, err) != 0 || load_parent(s, err) != 0 || look(s, limits, done, err) != 0 ||
        submit_check_room(store, limits, done->estimate.disk_bytes, err) != 0) {
        return -1;
    }
    now.n_datasets = list_hashes(s, hashes);
    now.resolved_json = done->resolved_json;
    now.summary_json = done->summary_json;
    now.warnings_json = done->warnings_json;
    now.disk_bytes = (int64_t)done->estimate.disk_bytes;
    return store->ops->job_settle(store, job->id, owner, &now, err);
}

int submit_settle(struct datasets *datasets, const struct submit_limits *limits,
                  const struct store_job *job, const char *owner, const char *sha256,
                  struct err *err)
{
    struct submission s = {.datasets = datasets};
    struct submitted done = {.job_id = 0};
    int rc = config_parse(job->config_json, strlen(job->config_json), &s.config, err);

    if (rc == 0) {
        config_replace_url(s.config, sha256);
        rc = settle(&s, limits, job, owner, &done, err);
    }
    submission_fini(&s);
    submitted_fini(&done);
    return rc;
}
