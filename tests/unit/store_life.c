/* See store_life.h. The steps name jobs by the ids they get: A = 1, B = 2, C = 3, D = 4. */
#include "store_life.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { A = 1, B, C, D };
enum { WEIGHTS = 3 * LIFE_CHUNK + 1234, STATE = LIFE_CHUNK + 1 };
#define NOON 1700000000000

int64_t __wrap_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void)
{
    return NOON;
}

/* ---- steps ------------------------------------------------------------------- */

static const char *hash_of(char fill)
{
    static char hashes[2][HASH_HEX_LEN];
    char *hash = hashes[fill - 'a'];

    memset(hash, fill, HASH_HEX_LEN - 1);
    return hash;
}

static int dataset(struct store *s, const char *name, char fill, int64_t want, struct err *err)
{
    int64_t id = 0;
    bool created = false;
    int rc = s->ops->dataset_add(s, name, hash_of(fill), 150, 5, 4000, false, &id, &created, err);

    ck_assert(rc != 0 || (created && id == want));
    return rc;
}

static int add_iris(struct store *s, struct err *err)
{
    return dataset(s, "iris", 'a', 1, err);
}

static int add_wine(struct store *s, struct err *err)
{
    return dataset(s, "wine", 'b', 2, err);
}

static int submit(struct store *s, int64_t want, struct store_job_new job, struct err *err)
{
    const char *data[] = {hash_of('a')};
    int64_t id = 0, model = 0;
    int rc;

    job.kind = "train";
    job.config_json = "{\"config\":1}";
    job.resolved_json = "{\"resolved\":1}";
    job.warnings_json = "[\"careful\"]";
    job.datasets = data;
    job.n_datasets = 1;
    job.disk_bytes = 1000 * want;
    rc = s->ops->job_submit(s, &job, &id, &model, err);
    ck_assert(rc != 0 || (id == want && model == want));
    return rc;
}

static const struct store_notify notify = {
    .url = "https://r.example/hook", .receiver = "https://r.example", .key = "k", .events = 31};

static int submit_a(struct store *s, struct err *err)
{
    return submit(s, A,
                  (struct store_job_new){.name = "iris",
                                         .priority = 5,
                                         .max_queued = 100,
                                         .key = "once",
                                         .body_sha256 = hash_of('b'),
                                         .notify = &notify},
                  err);
}

static int submit_b(struct store *s, struct err *err)
{
    return submit(s, B, (struct store_job_new){.name = NULL}, err);
}

static int submit_c(struct store *s, struct err *err)
{
    return submit(s, C, (struct store_job_new){.max_queued = 3, .notify = &notify}, err);
}

static int submit_d(struct store *s, struct err *err)
{
    return submit(s, D, (struct store_job_new){.name = "late", .priority = -1, .notify = &notify},
                  err);
}

static int pause_queue(struct store *s, struct err *err)
{
    return s->ops->queue_pause(s, true, err);
}

static int resume_queue(struct store *s, struct err *err)
{
    return s->ops->queue_pause(s, false, err);
}

typedef int change_f(struct store *, int64_t, enum job_state *, struct err *);

static int change(struct store *s, change_f *op, int64_t id, enum job_state want, struct err *err)
{
    enum job_state state = JOB_STATES;
    int rc = op(s, id, &state, err);

    ck_assert(rc != 0 || state == want);
    return rc;
}

static int pause_d(struct store *s, struct err *err)
{
    return change(s, s->ops->job_pause, D, JOB_PAUSED, err);
}

static int resume_d(struct store *s, struct err *err)
{
    return change(s, s->ops->job_resume, D, JOB_QUEUED, err);
}

static int claim(struct store *s, int64_t want, struct err *err)
{
    struct store_job job = {.id = 0};
    int rc = s->ops->job_claim(s, LIFE_OWNER, &job, err);

    ck_assert_int_le(rc, 0); /* there is one to claim */
    ck_assert(rc != 0 || (job.id == want && job.state == JOB_RUNNING));
    ck_assert(rc == 0 || job.config_json == NULL);
    store_job_fini(&job);
    return rc;
}

static int claim_a(struct store *s, struct err *err)
{
    return claim(s, A, err);
}

static int note_a(struct store *s, struct err *err)
{
    return s->ops->job_note(s, A, LIFE_OWNER, NOTE_BATCH, err);
}

static int append_a(struct store *s, int64_t from, int64_t to, struct err *err)
{
    struct store_point points[20];
    size_t n = 0;

    for (int64_t epoch = from; epoch <= to; epoch++) {
        points[n++] = (struct store_point){.epoch = epoch,
                                           .training_loss = 1.0 / (double)epoch,
                                           .validation_loss = NAN,
                                           .learning_rate = 0.25,
                                           .seconds = 0.5,
                                           .elapsed_seconds = 0.5 * (double)epoch,
                                           .samples = 120};
    }
    return s->ops->curve_append(s, A, LIFE_OWNER, points, n, err);
}

static int append_first(struct store *s, struct err *err)
{
    return append_a(s, 1, 10, err);
}

static int append_second(struct store *s, struct err *err)
{
    return append_a(s, 11, 20, err);
}

static int append_again(struct store *s, struct err *err)
{
    return append_a(s, 13, 20, err);
}

static int checkpoint_a(struct store *s, int64_t generation, int64_t epoch, struct err *err)
{
    struct store_checkpoint c = {
        .job_id = A, .generation = generation, .epoch = epoch, .bytes = 5000, .at = NOON};

    (void)snprintf(c.sha256, sizeof c.sha256, "%s", hash_of('b'));
    return s->ops->checkpoint_add(s, LIFE_OWNER, &c, err);
}

static int checkpoint_1(struct store *s, struct err *err)
{
    return checkpoint_a(s, 1, 5, err);
}

static int checkpoint_2(struct store *s, struct err *err)
{
    return checkpoint_a(s, 2, 12, err);
}

static int checkpoint_3(struct store *s, struct err *err)
{
    return checkpoint_a(s, 3, 18, err);
}

static int cut_a(struct store *s, struct err *err)
{
    return s->ops->curve_cut(s, A, LIFE_OWNER, 12, err);
}

/* A resumed attempt: the curve past the newest checkpoint goes with the claim. */
static int release_a(struct store *s, struct err *err)
{
    return s->ops->job_release(s, A, LIFE_OWNER, err);
}

static int finish_a(struct store *s, struct err *err)
{
    static const struct store_evaluation evaluations[] = {{"training", "{\"t\":1}"},
                                                          {"test", "{\"t\":2}"}};
    static unsigned char weights[WEIGHTS], state[STATE];
    const struct store_outcome outcome = {.state = JOB_SUCCEEDED,
                                          .result_json = "{\"epochs\":20}",
                                          .has_model = true,
                                          .spec_json = "{\"spec\":1}",
                                          .encoder_json = "{\"encoder\":1}",
                                          .info_json = "{\"info\":1}",
                                          .metrics_json = "{\"metrics\":1}",
                                          .weights = weights,
                                          .weights_bytes = WEIGHTS,
                                          .trainer_state = state,
                                          .state_bytes = STATE,
                                          .parameters = WEIGHTS / 4,
                                          .n_evaluations = ARRAY_LEN(evaluations),
                                          .evaluations = evaluations};

    for (size_t i = 0; i < WEIGHTS; i++) {
        weights[i] = (unsigned char)(i * 7 + i / 251);
    }
    for (size_t i = 0; i < STATE; i++) {
        state[i] = (unsigned char)(i * 11 + i / 241);
    }
    return s->ops->job_finish(s, A, LIFE_OWNER, &outcome, err);
}

static int claim_b(struct store *s, struct err *err)
{
    return claim(s, B, err);
}

static int cancel_running_b(struct store *s, struct err *err)
{
    return change(s, s->ops->job_cancel, B, JOB_RUNNING, err);
}

static int release_b(struct store *s, struct err *err)
{
    return s->ops->job_release(s, B, LIFE_OWNER, err);
}

static int claim_c(struct store *s, struct err *err)
{
    return claim(s, C, err);
}

static int pause_c(struct store *s, struct err *err)
{
    return change(s, s->ops->job_pause, C, JOB_RUNNING, err);
}

static int release_c(struct store *s, struct err *err)
{
    return s->ops->job_release(s, C, LIFE_OWNER, err);
}

static int resume_c(struct store *s, struct err *err)
{
    return change(s, s->ops->job_resume, C, JOB_QUEUED, err);
}

static int finish_c(struct store *s, struct err *err)
{
    const struct store_outcome outcome = {
        .state = JOB_FAILED, .error_code = "diverged", .error_detail = "the loss is not a number"};

    return s->ops->job_finish(s, C, LIFE_OWNER, &outcome, err);
}

static int cancel_d(struct store *s, struct err *err)
{
    return change(s, s->ops->job_cancel, D, JOB_CANCELLED, err);
}

static int delete_d(struct store *s, struct err *err)
{
    return s->ops->job_delete(s, D, err);
}

static int event_a(struct store *s, struct err *err)
{
    return s->ops->event_add(s, A, "note", "said", err);
}

/* The oldest is sent; then it has this state. */
static int send(struct store *s, int64_t id, struct store_delivery_result result, struct err *err)
{
    struct store_delivery d = {.id = 0};
    int64_t wait_ms = 0;
    int rc = s->ops->delivery_next(s, NOON, NULL, 0, &d, &wait_ms, err);

    ck_assert(rc != 1 && (rc != 0 || d.id == id));
    store_delivery_fini(&d);
    result.id = id;
    return rc != 0 ? -1 : s->ops->delivery_done(s, &result, err);
}

static int deliver_first(struct store *s, struct err *err)
{
    return send(s, 1, (struct store_delivery_result){.state = DELIVERY_IS_DELIVERED, .status = 204},
                err);
}

static int fail_second(struct store *s, struct err *err)
{
    return send(s, 2,
                (struct store_delivery_result){.state = DELIVERY_IS_PENDING,
                                               .next_at = NOON + 5000,
                                               .status = 500,
                                               .error = "the receiver answered 500"},
                err);
}

static int retry_first(struct store *s, struct err *err)
{
    int64_t job = 0;
    int rc = s->ops->delivery_retry(s, 1, &job, err);

    ck_assert(rc != 0 || job == D);
    return rc;
}

/* 410: what else its job had to say goes with it. */
static int end_first(struct store *s, struct err *err)
{
    return send(s, 1,
                (struct store_delivery_result){.state = DELIVERY_IS_GIVEN_UP,
                                               .gone = true,
                                               .status = 410,
                                               .error = "the receiver answered 410"},
                err);
}

static int delete_wine(struct store *s, struct err *err)
{
    bool orphan = false;
    int rc = s->ops->dataset_delete(s, 2, &orphan, err);

    ck_assert(rc != 0 || orphan);
    return rc;
}

static int delete_model_c(struct store *s, struct err *err)
{
    return s->ops->model_delete(s, C, err);
}

/* Every finished job but the newest, C, and A, whose key still counts. */
static int collect(struct store *s, struct err *err)
{
    const struct store_gc_rule rule = {.keep_jobs = 1};
    struct store_gc gone = {.jobs = 0};
    int rc = s->ops->gc(s, &rule, false, &gone, err);

    ck_assert(rc != 0 || gone.jobs == 1);
    free(gone.orphans);
    return rc;
}

static const struct {
    const char *name;
    int (*run)(struct store *s, struct err *err);
} steps[] = {
    {"add iris", add_iris},
    {"add wine", add_wine},
    {"submit A", submit_a},
    {"submit B", submit_b},
    {"submit C", submit_c},
    {"submit D", submit_d},
    {"pause the queue", pause_queue},
    {"resume the queue", resume_queue},
    {"pause D", pause_d},
    {"resume D", resume_d},
    {"claim A", claim_a},
    {"note of A", note_a},
    {"first points of A", append_first},
    {"checkpoint 1 of A", checkpoint_1},
    {"second points of A", append_second},
    {"checkpoint 2 of A", checkpoint_2},
    {"checkpoint 3 of A", checkpoint_3},
    {"cut the curve of A", cut_a},
    {"points of A again", append_again},
    {"deliver the pause of D", deliver_first},
    {"fail to deliver the first attempt of A", fail_second},
    {"send the pause of D again", retry_first},
    {"hear that the receiver of D is gone", end_first},
    {"release A", release_a},
    {"claim A again", claim_a},
    {"finish A", finish_a},
    {"claim B", claim_b},
    {"ask B to end", cancel_running_b},
    {"release B", release_b},
    {"claim C", claim_c},
    {"ask C to pause", pause_c},
    {"release C", release_c},
    {"resume C", resume_c},
    {"claim C again", claim_c},
    {"finish C", finish_c},
    {"cancel D", cancel_d},
    {"delete D", delete_d},
    {"event of A", event_a},
    {"delete wine", delete_wine},
    {"delete the model of C", delete_model_c},
    {"collect", collect},
};

size_t life_steps(void)
{
    return ARRAY_LEN(steps);
}

const char *life_name(size_t k)
{
    return k < ARRAY_LEN(steps) ? steps[k].name : "the end";
}

/* The writer has done with one command when it has answered the next. This one changes nothing. */
void life_settle(struct store *store)
{
    struct err err = ERR_INIT;

    (void)store->ops->job_delete(store, 999, &err); /* there is no such job */
    err_fini(&err);
}

int life_step(struct store *store, size_t k, struct err *err)
{
    int rc = steps[k].run(store, err);

    ck_assert_msg(rc == 0 || (rc == -1 && err->code != ERR_NONE && err->detail[0] != '\0'),
                  "%s: %d without a word", life_name(k), rc);
    return rc;
}

int life_run(struct store *store, size_t k, struct err *err)
{
    int rc = life_step(store, k, err);

    life_settle(store);
    return rc;
}

int life_read(struct store *store, struct err *err)
{
    const struct store_job_filter all = {.state = -1, .limit = 100};
    struct store_job *jobs = NULL;
    struct store_point *points = NULL;
    struct store_event *events = NULL;
    struct store_delivery *deliveries = NULL;
    void *weights = NULL;
    size_t n_jobs = 0, n_points = 0, n_events = 0, n_deliveries = 0, n_weights = 0;
    bool more;
    int rc = 0;

    if (store->ops->job_list(store, &all, &jobs, &n_jobs, &more, err) != 0 ||
        store->ops->curve_read(store, A, 0, 0, &points, &n_points, err) != 0 ||
        store->ops->event_list(store, A, &events, &n_events, err) != 0 ||
        store->ops->delivery_list(store, A, &deliveries, &n_deliveries, err) != 0 ||
        (n_jobs > 0 && jobs[n_jobs - 1].id == A && jobs[n_jobs - 1].state == JOB_SUCCEEDED &&
         store->ops->model_weights(store, A, &weights, &n_weights, err) != 0)) {
        rc = -1;
    }
    free(weights);
    store_jobs_free(&jobs, n_jobs);
    store_points_free(&points, n_points);
    store_events_free(&events, n_events);
    store_deliveries_free(&deliveries, n_deliveries);
    return rc;
}

/* ---- opening ----------------------------------------------------------------- */

struct store *life_open(const char *dir)
{
    struct store_sqlite_options options = {.dir = dir, .owner = LIFE_OWNER};
    struct store *store = NULL;
    struct err err = ERR_INIT;
    int rc = store_sqlite_open(&options, &store, &err);

    ck_assert_msg(rc == 0, "open: %s", err.detail);
    return store;
}

/* Called by SQLite for each new connection. */
static int be_frugal(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    (void)sqlite3_wal_autocheckpoint(db, 12);
    return sqlite3_exec(db, "PRAGMA cache_size = 10; PRAGMA cache_spill = 5", NULL, NULL, NULL);
}

void life_frugal(bool on)
{
    if (on) {
        ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))be_frugal), SQLITE_OK);
    } else {
        sqlite3_reset_auto_extension();
    }
}
