/* A job's curve on its way to the store.
 *
 * The trainer must never wait for a commit, so points go into a list in memory and a thread
 * of the job's own carries them to the store: at most FLUSH_POINTS at once, at the latest
 * FLUSH_SECONDS after the oldest came in. The list is bounded by what is kept of a curve:
 *
 *   epochs 1 to 2,000 all, up to 4,000 every second, up to 8,000 every fourth, ...
 *   and always the first, the last, and the best.
 *
 * The best of the skipped epochs waits until the next point that is kept, and goes before
 * it, so that points come in ascending order and a reader who asks for what is new misses
 * none. An append is repeated until the store takes it (it replaces equal epochs, so nothing
 * doubles); after TRIES failures, or one that will not heal, the curve has failed, and the
 * job with it: a curve never has a hole.
 *
 * Locks: mtx guards the list and the flags; the store is called without it.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/json_util.h"
#include "jobs/runner_priv.h"

#define FLUSH_POINTS  256
#define FLUSH_SECONDS 0.5
#define TRIES         10
#define ALL_EPOCHS    2000 /* up to here no epoch is skipped */

struct runner_curve {
    struct store *store;
    int64_t job_id;
    const char *owner;
    pthread_t thread;

    /* the trainer's thread only */
    struct runner_point best, last; /* skipped since the last kept point; epoch 0: none */

    pthread_mutex_t mtx;
    pthread_cond_t cond;         /* on the monotonic clock */
    struct runner_point *points; /* guarded by mtx, like all that follows */
    size_t n, capacity;
    double oldest_at;            /* when points[0] came in */
    bool closing;

    atomic_bool failed;
    struct err err;              /* why; the flusher's until it has ended */
};

/* ---- points: epoch 0 is none; each owns its norms ------------------------------------- */

static void point_fini(struct runner_point *p)
{
    free((double *)(uintptr_t)p->gradient_norms);
    *p = (struct runner_point){.epoch = 0};
}

static void point_set(struct runner_point *to, const struct runner_point *from)
{
    double *norms = NULL;

    if (from->gradient_norms != NULL) {
        norms = xcalloc(from->n_norms, sizeof *norms);
        memcpy(norms, from->gradient_norms, from->n_norms * sizeof *norms);
    }
    point_fini(to);
    *to = *from;
    to->gradient_norms = norms;
}

/* ---- the flusher's side ------------------------------------------------------------- */

static void wait_until(struct runner_curve *c, double seconds)
{
    double whole = floor(seconds);
    struct timespec t = {.tv_sec = (time_t)whole, .tv_nsec = (long)((seconds - whole) * 1e9)};
    int rc = pthread_cond_timedwait(&c->cond, &c->mtx, &t);

    CHK(rc == 0 || rc == ETIMEDOUT);
}

static void put_metric(struct buf *out, const char *name, double value)
{
    if (isfinite(value)) {
        buf_printf(out, "%s\"%s\":", out->len > 0 ? "," : "{", name);
        json_util_number(out, value);
    }
}

static char *norms_json(const struct runner_point *p)
{
    struct buf out = BUF_INIT;
    size_t i;

    if (p->gradient_norms == NULL) {
        return NULL;
    }
    for (i = 0; i < p->n_norms; i++) {
        buf_puts(&out, i > 0 ? "," : "[");
        json_util_number(&out, p->gradient_norms[i]);
    }
    buf_puts(&out, "]");
    return buf_take(&out);
}

static char *metrics_json(const struct runner_point *p)
{
    struct buf out = BUF_INIT;

    put_metric(&out, "accuracy", p->validation_accuracy);
    put_metric(&out, "rmse", p->validation_rmse);
    if (p->monitor != NULL && strcmp(p->monitor, "accuracy") != 0 &&
        strcmp(p->monitor, "rmse") != 0) {
        put_metric(&out, p->monitor, p->monitored);
    }
    if (out.len == 0) {
        return NULL;
    }
    buf_puts(&out, "}");
    return buf_take(&out);
}

static double finite_or_absent(double x)
{
    return isfinite(x) ? x : NAN;
}

static int append(struct runner_curve *c, const struct runner_point *points, size_t n,
                  struct err *err)
{
    struct store_point rows[FLUSH_POINTS];
    size_t i;
    int rc;

    for (i = 0; i < n; i++) {
        const struct runner_point *p = &points[i];

        rows[i] = (struct store_point){
            .epoch = (int64_t)p->epoch,
            .training_loss = finite_or_absent(p->training_loss),
            .validation_loss = finite_or_absent(p->validation_loss),
            .learning_rate = p->learning_rate,
            .seconds = p->seconds,
            .elapsed_seconds = p->elapsed_seconds,
            .samples = (int64_t)p->samples,
            .metrics_json = metrics_json(p),
            .gradient_norms_json = norms_json(p),
        };
    }
    rc = c->store->ops->curve_append(c->store, c->job_id, c->owner, rows, n, err);
    for (i = 0; i < n; i++) {
        free(rows[i].metrics_json);
        free(rows[i].gradient_norms_json);
    }
    return rc;
}

static bool may_heal(enum err_code code)
{
    return code == ERR_NO_SPACE || code == ERR_BUSY || code == ERR_NO_MEMORY;
}

/* Append until it is done, or there is no hope: false and c->err. */
static bool store_points(struct runner_curve *c, const struct runner_point *points, size_t n)
{
    size_t tries;

    for (tries = 0; append(c, points, n, &c->err) != 0; tries++) {
        double again = clock_monotonic() + FLUSH_SECONDS;

        log_warn("points of job %lld could not be stored: %s", (long long)c->job_id,
                 c->err.detail);
        if (!may_heal(c->err.code) || tries + 1 == TRIES) {
            return false;
        }
        err_fini(&c->err);
        PTOK(pthread_mutex_lock(&c->mtx));
        while (clock_monotonic() < again) {
            wait_until(c, again);
        }
        PTOK(pthread_mutex_unlock(&c->mtx));
    }
    return true;
}

/* Wait for a batch and take it out; 0 when the curve is closing and nothing is left. */
static size_t take_batch(struct runner_curve *c, struct runner_point *batch)
{
    size_t n;

    PTOK(pthread_mutex_lock(&c->mtx));
    while (!c->closing && c->n == 0) {
        PTOK(pthread_cond_wait(&c->cond, &c->mtx));
    }
    while (!c->closing && c->n < FLUSH_POINTS &&
           clock_monotonic() < c->oldest_at + FLUSH_SECONDS) {
        wait_until(c, c->oldest_at + FLUSH_SECONDS);
    }
    n = c->n < FLUSH_POINTS ? c->n : FLUSH_POINTS;
    if (n > 0) {
        memcpy(batch, c->points, n * sizeof *batch);
        c->n -= n;
        memmove(c->points, c->points + n, c->n * sizeof *batch);
        c->oldest_at = clock_monotonic();
    }
    PTOK(pthread_mutex_unlock(&c->mtx));
    return n;
}

static void *flusher_main(void *arg)
{
    struct runner_curve *c = arg;
    struct runner_point batch[FLUSH_POINTS];
    bool ok = true;
    size_t n, i;

    while (ok && (n = take_batch(c, batch)) > 0) {
        ok = store_points(c, batch, n);
        for (i = 0; i < n; i++) {
            point_fini(&batch[i]);
        }
    }
    if (!ok) {
        atomic_store(&c->failed, true);
    }
    return NULL;
}

/* ---- the trainer's side ------------------------------------------------------------- */

struct runner_curve *runner_curve_new(struct store *store, int64_t job_id, const char *owner)
{
    struct runner_curve *c = xcalloc(1, sizeof *c);
    pthread_condattr_t attr;

    c->store = store;
    c->job_id = job_id;
    c->owner = owner;
    atomic_init(&c->failed, false);
    PTOK(pthread_mutex_init(&c->mtx, NULL));
    PTOK(pthread_condattr_init(&attr));
    PTOK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    PTOK(pthread_cond_init(&c->cond, &attr));
    PTOK(pthread_condattr_destroy(&attr));
    /* Inherits the worker's niceness and its blocked signals. */
    PTOK(pthread_create(&c->thread, NULL, flusher_main, c));
    PTOK(pthread_setname_np(c->thread, "mlpd-curve"));
    return c;
}

static void push(struct runner_curve *c, const struct runner_point *point)
{
    PTOK(pthread_mutex_lock(&c->mtx));
    if (c->n == c->capacity) {
        c->capacity = c->capacity > 0 ? 2 * c->capacity : 64;
        c->points = xrealloc(c->points, c->capacity * sizeof *c->points);
    }
    if (c->n == 0) {
        c->oldest_at = clock_monotonic();
    }
    c->points[c->n] = (struct runner_point){.epoch = 0};
    point_set(&c->points[c->n++], point);
    if (c->n == 1 || c->n == FLUSH_POINTS) { /* no other number is worth waking for */
        PTOK(pthread_cond_signal(&c->cond));
    }
    PTOK(pthread_mutex_unlock(&c->mtx));
}

/* 1 up to ALL_EPOCHS, 2 up to twice that, 4 up to four times, ... */
static size_t stride_at(size_t epoch)
{
    size_t stride = 1;

    while (epoch / stride > ALL_EPOCHS) {
        stride *= 2;
    }
    return stride;
}

void runner_curve_add(struct runner_curve *c, const struct runner_point *point)
{
    if (point->epoch != 1 && point->epoch % stride_at(point->epoch) != 0) {
        point_set(&c->last, point);
        if (point->improved) {
            point_set(&c->best, point);
        }
        return;
    }
    if (c->best.epoch != 0 && !point->improved) {
        push(c, &c->best);
    }
    push(c, point);
    point_fini(&c->best);
    point_fini(&c->last);
}

bool runner_curve_failed(struct runner_curve *c)
{
    return atomic_load_explicit(&c->failed, memory_order_relaxed);
}

int runner_curve_close(struct runner_curve **cp, struct err *err)
{
    struct runner_curve *c = *cp;
    size_t i;
    int rc = 0;

    *cp = NULL;
    if (c->best.epoch != 0 && c->best.epoch != c->last.epoch) {
        push(c, &c->best);
    }
    if (c->last.epoch != 0) {
        push(c, &c->last);
    }
    PTOK(pthread_mutex_lock(&c->mtx));
    c->closing = true;
    PTOK(pthread_cond_signal(&c->cond));
    PTOK(pthread_mutex_unlock(&c->mtx));
    PTOK(pthread_join(c->thread, NULL));
    if (atomic_load(&c->failed)) {
        err_move(err, &c->err);
        rc = -1;
    }
    err_fini(&c->err);
    PTOK(pthread_cond_destroy(&c->cond));
    PTOK(pthread_mutex_destroy(&c->mtx));
    for (i = 0; i < c->n; i++) { /* of a curve that failed */
        point_fini(&c->points[i]);
    }
    point_fini(&c->best);
    point_fini(&c->last);
    free(c->points);
    free(c);
    return rc;
}
