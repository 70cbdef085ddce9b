/* For the tests of going on: a worker of the test's own, which runs one attempt of a job and can
 * be told, batch by batch, to leave a checkpoint, to stop, or to die; and what a job leaves behind,
 * to compare. */
#ifndef MLPD_TESTS_RUNNER_DRIVE_H
#define MLPD_TESTS_RUNNER_DRIVE_H

#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/runner.h"
#include "jobs_house.h"
#include "mlp/train.h"

struct drive {
    /* given; batches are counted from 1 in each attempt, 0 is never */
    struct house *h;
    size_t every;                                 /* a checkpoint before each so many-th batch */
    size_t stop_at, kill_at, pause_at, cancel_at; /* before this batch */
    void (*look)(struct drive *d);                /* before each batch; or NULL */
    int64_t job_id;

    size_t batch;
    size_t calls; /* of the hook */
    bool was_due;
    atomic_bool stop, cancel, pause;
    atomic_ulong pulse;
    struct pool_progress progress;
};

static inline bool drive_batch(void *arg)
{
    struct drive *d = arg;

    d->calls++;
    if (d->was_due) { /* the same batch again, after its checkpoint */
        d->was_due = false;
        return false;
    }
    d->batch++;
    if (d->look != NULL) {
        d->look(d);
    }
    if (d->batch == d->kill_at) {
        (void)kill(getpid(), SIGKILL);
    }
    atomic_store(&d->stop, d->batch == d->stop_at);
    atomic_store(&d->pause, d->batch == d->pause_at);
    atomic_store(&d->cancel, atomic_load(&d->cancel) || d->batch == d->cancel_at);
    d->was_due = d->every > 0 && d->batch > 1 && d->batch % d->every == 0 &&
                 d->batch != d->stop_at && d->batch != d->pause_at;
    return d->was_due;
}

static inline void drive_progress(void *arg, const struct pool_progress *progress)
{
    struct drive *d = arg;

    d->progress = *progress;
}

/* Claim the next job and run it until it ends or is left; what it is then. */
static inline enum job_state drive_attempt(struct drive *d)
{
    struct runner_slot slot = {
        .datasets = d->h->datasets,
        .predictor = d->h->predictor,
        .owner = d->h->owner,
        .checkpoints = d->h->checkpoints,
        .checkpoint_seconds = d->h->checkpoint_seconds,
        .stop = &d->stop,
        .cancel = &d->cancel,
        .pause = &d->pause,
        .pulse = &d->pulse,
        .progress = drive_progress,
        .batch = drive_batch,
        .arg = d,
    };
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;
    enum job_state state;

    d->batch = 0;
    d->calls = 0;
    d->was_due = false;
    atomic_store(&d->stop, false);
    atomic_store(&d->pause, false);
    atomic_store(&d->cancel, false);
    ck_assert_int_eq(d->h->store->ops->job_claim(d->h->store, d->h->owner, &job, &err), 0);
    d->job_id = job.id;
    runner_run(&slot, &job);
    store_job_fini(&job);
    job = house_job(d->h, d->job_id);
    state = job.state;
    store_job_fini(&job);
    return state;
}

/* The same in a process of its own, the house here being stopped; false: it came to its end before
 * it was to be killed. */
static inline bool drive_killed(struct drive *d)
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        house_again(d->h);
        (void)drive_attempt(d);
        house_stop(d->h);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : status == 0,
                  "the child ended with status %d", status);
    return WIFSIGNALED(status);
}

/* ---- what a job leaves ---------------------------------------------------------------------- */

struct leavings {
    struct store_job job;
    struct store_model model;
    char *evaluations[3];
    void *state;
    size_t state_bytes, n;
    struct store_point *curve;
};

/* A JSON object without its times. */
static inline char *drive_timeless(char *text)
{
    json_t *root = text != NULL ? json_loads(text, 0, NULL) : NULL;
    char *out;

    json_object_del(root, "seconds");
    out = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    free(text);
    return out;
}

/* And a trainer's state. */
static inline void drive_timeless_state(void *state)
{
    size_t at = 5 * sizeof(uint64_t) + offsetof(struct train_progress, all_seconds);

    memset((char *)state + at, 0, sizeof(double));
}

static inline struct leavings drive_leavings(struct house *h, int64_t job_id)
{
    static const char *const splits[] = {"training", "validation", "test"};
    struct leavings l = {.job = house_job(h, job_id)};
    const struct store_ops *ops = h->store->ops;
    struct err err = ERR_INIT;
    size_t i;

    l.model = house_model(h, l.job.model_id);
    l.job.result_json = drive_timeless(l.job.result_json);
    l.model.info_json = drive_timeless(l.model.info_json);
    for (i = 0; i < ARRAY_LEN(splits); i++) {
        if (ops->model_evaluation(h->store, l.model.id, splits[i], &l.evaluations[i], &err) != 0) {
            err_fini(&err);
        }
    }
    if (ops->model_state(h->store, l.model.id, &l.state, &l.state_bytes, &err) == 0) {
        drive_timeless_state(l.state);
    }
    err_fini(&err);
    ck_assert_int_eq(ops->curve_read(h->store, job_id, 0, 0, &l.curve, &l.n, &err), 0);
    return l;
}

static inline void leavings_fini(struct leavings *l)
{
    size_t i;

    store_job_fini(&l->job);
    store_model_fini(&l->model);
    for (i = 0; i < ARRAY_LEN(l->evaluations); i++) {
        free(l->evaluations[i]);
    }
    free(l->state);
    store_points_free(&l->curve, l->n);
}

static inline void same_text(const char *what, const char *a, const char *b)
{
    ck_assert_msg((a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0),
                  "%s: %.300s, then %.300s", what, a != NULL ? a : "-", b != NULL ? b : "-");
}

static inline void same_number(const char *what, int64_t epoch, double a, double b)
{
    ck_assert_msg(memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)),
                  "%s of epoch %lld: %.17g, then %.17g", what, (long long)epoch, a, b);
}

static inline void same_curve(const struct leavings *a, const struct leavings *b)
{
    double before = 0;
    size_t i;

    for (i = 0; i < a->n && i < b->n; i++) {
        const struct store_point *p = &a->curve[i], *q = &b->curve[i];

        ck_assert_msg(p->epoch == q->epoch, "point %zu: epoch %lld, then %lld", i,
                      (long long)p->epoch, (long long)q->epoch);
        same_number("training_loss", p->epoch, p->training_loss, q->training_loss);
        same_number("validation_loss", p->epoch, p->validation_loss, q->validation_loss);
        same_number("learning_rate", p->epoch, p->learning_rate, q->learning_rate);
        ck_assert_int_eq(p->samples, q->samples);
        same_text("metrics", p->metrics_json, q->metrics_json);
        same_text("gradient norms", p->gradient_norms_json, q->gradient_norms_json);
        ck_assert(q->elapsed_seconds >= before && q->seconds >= 0);
        before = q->elapsed_seconds;
    }
    ck_assert_uint_eq(a->n, b->n);
}

/* But for the time it took, the two are one. */
static inline void same_leavings(const struct leavings *a, const struct leavings *b)
{
    size_t i;

    ck_assert_str_eq(job_state_name(a->job.state), job_state_name(b->job.state));
    same_text("result", a->job.result_json, b->job.result_json);
    same_text("warnings", a->job.warnings_json, b->job.warnings_json);
    same_text("error", a->job.error_detail, b->job.error_detail);
    ck_assert_str_eq(a->model.weights_sha256, b->model.weights_sha256);
    same_text("spec", a->model.spec_json, b->model.spec_json);
    same_text("encoder", a->model.encoder_json, b->model.encoder_json);
    same_text("info", a->model.info_json, b->model.info_json);
    same_text("metrics", a->model.metrics_json, b->model.metrics_json);
    for (i = 0; i < ARRAY_LEN(a->evaluations); i++) {
        same_text("evaluation", a->evaluations[i], b->evaluations[i]);
    }
    ck_assert_uint_eq(a->state_bytes, b->state_bytes);
    ck_assert_msg(a->state_bytes == 0 || memcmp(a->state, b->state, a->state_bytes) == 0,
                  "another trainer's state");
    same_curve(a, b);
}

/* How many events of this kind the job has. */
static inline size_t drive_events(struct house *h, int64_t job_id, const char *kind)
{
    struct store_event *events = NULL;
    struct err err = ERR_INIT;
    size_t n = 0, found = 0, i;

    ck_assert_int_eq(h->store->ops->event_list(h->store, job_id, &events, &n, &err), 0);
    for (i = 0; i < n; i++) {
        found += strcmp(events[i].kind, kind) == 0;
    }
    store_events_free(&events, n);
    return found;
}

/* The newest checkpoint's generation; 0: it has none. */
static inline int64_t drive_generation(struct house *h, int64_t job_id, int64_t *epoch)
{
    struct store_checkpoint rows[STORE_CHECKPOINTS];
    struct err err = ERR_INIT;
    size_t n = 0;

    ck_assert_int_eq(h->store->ops->checkpoint_list(h->store, job_id, rows, &n, &err), 0);
    if (n > 0 && epoch != NULL) {
        *epoch = rows[0].epoch;
    }
    return n > 0 ? rows[0].generation : 0;
}

/* ---- one small job ------------------------------------------------------------------------- */

/* On 120 rows of clouds: 6 batches an epoch. */
#define DRIVE_JOB(epochs, more)                                                                    \
    "{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\"}, \"architecture\": {\"hidden\": "     \
    "[8]},"                                                                                        \
    " \"optimizer\": {\"learning_rate\": 0.02}, \"training\": {\"epochs\": " epochs ","            \
    " \"batch_size\": 16, \"seed\": 7, \"early_stopping\": {\"patience\": 10000}" more "}}"

/* What a job leaves when nothing happens. */
static inline struct leavings drive_whole(struct house *h, const char *config)
{
    struct drive d = {.h = h};
    int64_t id = house_submit(h, config, NULL);

    ck_assert_int_eq(drive_attempt(&d), JOB_SUCCEEDED);
    return drive_leavings(h, id);
}

static inline void drive_compare(struct house *h, int64_t id, const struct leavings *whole)
{
    struct leavings pieces = drive_leavings(h, id);

    same_leavings(whole, &pieces);
    leavings_fini(&pieces);
}

/* A job that was stopped before this batch; its id. */
static inline int64_t drive_stopped(struct drive *d, const char *config, size_t batch)
{
    int64_t id = house_submit(d->h, config, NULL);

    d->stop_at = batch;
    ck_assert_int_eq(drive_attempt(d), JOB_QUEUED);
    d->stop_at = 0;
    return id;
}

static inline void drive_sleep(double seconds)
{
    const struct timespec t = {.tv_nsec = (long)(seconds * 1e9)};

    (void)nanosleep(&t, NULL);
}

#endif
