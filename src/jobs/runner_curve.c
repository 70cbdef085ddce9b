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
 * doubles): a full disk is waited for as long as the job runs. An error that will not heal
 * fails the curve, and the job with it: a curve never has a hole.
 *
 * The thread also tells the store what it wants to know of an attempt that has no checkpoint yet.
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

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/runner_priv.h"

#define FLUSH_POINTS  256
#define FLUSH_SECONDS 0.5
#define PAUSE_SECONDS 5 /* the longest between two tries */

struct runner_curve {
    struct runner_curve_job job;
    int64_t crash_job; /* of the thread that made it */
    pthread_t thread;

    /* the trainer's thread only */
    struct runner_point best, last; /* skipped since the last kept point; epoch 0: none */

    pthread_mutex_t mtx;
    pthread_cond_t cond, stored; /* on the monotonic clock; to the thread, from it */
    struct runner_point *points; /* guarded by mtx, like all that follows */
    size_t n, capacity;
    double oldest_at;            /* when points[0] came in */
    double lasts_at;             /* when it is worth a note that the attempt lasts; or infinite */
    bool began;                  /* it is worth a note that there was a batch */
    bool closing, leaving, flushing;
    bool carrying;               /* points are on their way */
    bool troubled;               /* the last append failed */

    atomic_bool failed;
    struct err err;              /* why; the thread's until it has ended */
};

/* ---- the thread's side -------------------------------------------------------------- */

static void wait_until(struct runner_curve *c, double seconds)
{
    double whole = floor(seconds);
    struct timespec t = {.tv_sec = (time_t)whole, .tv_nsec = (long)((seconds - whole) * 1e9)};
    int rc;

    if (isinf(seconds)) {
        PTOK(pthread_cond_wait(&c->cond, &c->mtx));
        return;
    }
    rc = pthread_cond_timedwait(&c->cond, &c->mtx, &t);
    CHK(rc == 0 || rc == ETIMEDOUT);
}

static int append(const struct runner_curve *c, const struct runner_point *points, size_t n,
                  struct err *err)
{
    const struct runner_curve_job *j = &c->job;
    struct store_point rows[FLUSH_POINTS];
    size_t i;
    int rc;

    for (i = 0; i < n; i++) {
        rows[i] = runner_point_row(&points[i]);
    }
    rc = j->store->ops->curve_append(j->store, j->job_id, j->owner, rows, n, err);
    for (i = 0; i < n; i++) {
        free(rows[i].metrics_json);
        free(rows[i].gradient_norms_json);
    }
    return rc;
}

/* Nobody wants the points so much any more. */
static bool gives_up_locked(const struct runner_curve *c)
{
    return c->leaving || (c->closing && c->job.stop != NULL && atomic_load(c->job.stop));
}

/* The store has refused: sleep, and say whether to ask again. */
static bool wait_in_trouble(struct runner_curve *c, double seconds)
{
    double again = clock_monotonic() + seconds, now;
    bool give_up;

    PTOK(pthread_mutex_lock(&c->mtx));
    c->troubled = true;
    PTOK(pthread_cond_broadcast(&c->stored));
    while (!(give_up = gives_up_locked(c)) && (now = clock_monotonic()) < again) {
        wait_until(c, again < now + FLUSH_SECONDS ? again : now + FLUSH_SECONDS);
    }
    PTOK(pthread_mutex_unlock(&c->mtx));
    if (c->job.pulse != NULL) {
        (void)atomic_fetch_add_explicit(c->job.pulse, 1, memory_order_relaxed);
    }
    return !give_up;
}

/* Append until it is done, or there is no hope: false and c->err. */
static bool store_points(struct runner_curve *c, const struct runner_point *points, size_t n)
{
    double pause = FLUSH_SECONDS;

    while (append(c, points, n, &c->err) != 0) {
        log_warn("points of job %lld could not be stored: %s", (long long)c->job.job_id,
                 c->err.detail);
        if (!runner_may_heal(c->err.code) || !wait_in_trouble(c, pause)) {
            return false;
        }
        err_fini(&c->err);
        pause = 2 * pause < PAUSE_SECONDS ? 2 * pause : PAUSE_SECONDS;
    }
    return true;
}

/* Carry the oldest points; false: the curve has failed. */
static bool carry_locked(struct runner_curve *c)
{
    struct runner_point batch[FLUSH_POINTS];
    size_t n = c->n < FLUSH_POINTS ? c->n : FLUSH_POINTS, i;
    bool ok;

    memcpy(batch, c->points, n * sizeof *batch);
    c->n -= n;
    memmove(c->points, c->points + n, c->n * sizeof *batch);
    c->oldest_at = clock_monotonic();
    c->carrying = true;
    PTOK(pthread_mutex_unlock(&c->mtx));
    ok = store_points(c, batch, n);
    for (i = 0; i < n; i++) {
        runner_point_fini(&batch[i]);
    }
    PTOK(pthread_mutex_lock(&c->mtx));
    c->carrying = false;
    c->troubled = !ok;
    atomic_store(&c->failed, !ok);
    PTOK(pthread_cond_broadcast(&c->stored));
    return ok;
}

/* A note that does not arrive makes the store think worse of the attempt, no more. */
static void note_locked(struct runner_curve *c, enum store_note note)
{
    const struct runner_curve_job *j = &c->job;
    struct err err = ERR_INIT;

    PTOK(pthread_mutex_unlock(&c->mtx));
    if (j->store->ops->job_note(j->store, j->job_id, j->owner, note, &err) != 0) {
        log_warn("no note could be made of job %lld: %s", (long long)j->job_id, err.detail);
    }
    err_fini(&err);
    PTOK(pthread_mutex_lock(&c->mtx));
}

enum task { WAIT, CARRY, NOTE_BEGUN, NOTE_LASTS, END };

/* What is to be done now; WAIT: nothing before *at. */
static enum task next_task_locked(const struct runner_curve *c, double *at)
{
    double now = clock_monotonic();

    if (c->began) {
        return NOTE_BEGUN;
    }
    if (now >= c->lasts_at) {
        return NOTE_LASTS;
    }
    if (c->n > 0 && (c->closing || c->flushing || c->n >= FLUSH_POINTS ||
                     now >= c->oldest_at + FLUSH_SECONDS)) {
        return CARRY;
    }
    *at = c->lasts_at;
    if (c->n > 0 && c->oldest_at + FLUSH_SECONDS < *at) {
        *at = c->oldest_at + FLUSH_SECONDS;
    }
    return c->closing ? END : WAIT;
}

static void work_locked(struct runner_curve *c)
{
    enum task task;
    double at;

    while ((task = next_task_locked(c, &at)) != END) {
        if (task == WAIT) {
            wait_until(c, at);
        } else if (task == NOTE_BEGUN) {
            c->began = false;
            note_locked(c, NOTE_BATCH);
        } else if (task == NOTE_LASTS) {
            c->lasts_at = INFINITY;
            note_locked(c, NOTE_LASTED);
        } else if (!carry_locked(c)) {
            return;
        }
    }
}

static void *curve_main(void *arg)
{
    struct runner_curve *c = arg;
    void *stack = crash_stack_new();

    crash_job_set(c->crash_job);
    PTOK(pthread_mutex_lock(&c->mtx));
    work_locked(c);
    PTOK(pthread_mutex_unlock(&c->mtx));
    crash_job_set(0);
    crash_stack_free(&stack);
    return NULL;
}

/* ---- the trainer's side ------------------------------------------------------------- */

struct runner_curve *runner_curve_new(const struct runner_curve_job *job)
{
    struct runner_curve *c = xcalloc(1, sizeof *c);

    c->job = *job;
    c->crash_job = crash_job();
    c->lasts_at = job->started > 0 ? job->started + STORE_LASTING_SECONDS : INFINITY;
    atomic_init(&c->failed, false);
    PTOK(pthread_mutex_init(&c->mtx, NULL));
    clock_cond_init(&c->cond);
    clock_cond_init(&c->stored);
    /* Inherits the worker's niceness and its blocked signals. */
    PTOK(pthread_create(&c->thread, NULL, curve_main, c));
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
    runner_point_set(&c->points[c->n++], point);
    if (c->n == 1 || c->n == FLUSH_POINTS) { /* no other number is worth waking for */
        PTOK(pthread_cond_signal(&c->cond));
    }
    PTOK(pthread_mutex_unlock(&c->mtx));
}

void runner_curve_add(struct runner_curve *c, const struct runner_point *point)
{
    if (!runner_point_is_kept(point->epoch)) {
        runner_point_set(&c->last, point);
        if (point->improved) {
            runner_point_set(&c->best, point);
        }
        return;
    }
    if (c->best.epoch != 0 && !point->improved) {
        push(c, &c->best);
    }
    push(c, point);
    runner_point_fini(&c->best);
    runner_point_fini(&c->last);
}

bool runner_curve_flush(struct runner_curve *c)
{
    bool done;

    PTOK(pthread_mutex_lock(&c->mtx));
    c->flushing = true;
    PTOK(pthread_cond_signal(&c->cond));
    while ((c->n > 0 || c->carrying) && !c->troubled && !runner_curve_failed(c)) {
        PTOK(pthread_cond_wait(&c->stored, &c->mtx));
    }
    done = c->n == 0 && !c->carrying && !runner_curve_failed(c);
    c->flushing = false;
    PTOK(pthread_mutex_unlock(&c->mtx));
    return done;
}

const struct runner_point *runner_curve_best(const struct runner_curve *c)
{
    return &c->best;
}

const struct runner_point *runner_curve_last(const struct runner_curve *c)
{
    return &c->last;
}

void runner_curve_restore(struct runner_curve *c, const struct runner_point *best,
                          const struct runner_point *last)
{
    runner_point_set(&c->best, best);
    runner_point_set(&c->last, last);
}

void runner_curve_began(struct runner_curve *c)
{
    if (c->job.attempt < 2) { /* most jobs' only one, and nothing counts against it yet */
        return;
    }
    PTOK(pthread_mutex_lock(&c->mtx));
    c->began = true;
    PTOK(pthread_cond_signal(&c->cond));
    PTOK(pthread_mutex_unlock(&c->mtx));
}

void runner_curve_saved(struct runner_curve *c)
{
    PTOK(pthread_mutex_lock(&c->mtx));
    c->began = false;
    c->lasts_at = INFINITY;
    PTOK(pthread_mutex_unlock(&c->mtx));
}

bool runner_curve_failed(struct runner_curve *c)
{
    return atomic_load_explicit(&c->failed, memory_order_relaxed);
}

/* ---- the end ---------------------------------------------------------------------------- */

static void join(struct runner_curve *c, bool leaving)
{
    PTOK(pthread_mutex_lock(&c->mtx));
    c->closing = true;
    c->leaving = leaving;
    c->lasts_at = INFINITY;
    PTOK(pthread_cond_signal(&c->cond));
    PTOK(pthread_mutex_unlock(&c->mtx));
    PTOK(pthread_join(c->thread, NULL));
}

static void curve_free(struct runner_curve *c)
{
    size_t i;

    err_fini(&c->err);
    PTOK(pthread_cond_destroy(&c->cond));
    PTOK(pthread_cond_destroy(&c->stored));
    PTOK(pthread_mutex_destroy(&c->mtx));
    for (i = 0; i < c->n; i++) { /* of a curve that failed */
        runner_point_fini(&c->points[i]);
    }
    runner_point_fini(&c->best);
    runner_point_fini(&c->last);
    free(c->points);
    free(c);
}

int runner_curve_close(struct runner_curve **cp, struct err *err)
{
    struct runner_curve *c = *cp;
    int rc = 0;

    *cp = NULL;
    if (c->best.epoch != 0 && c->best.epoch != c->last.epoch) {
        push(c, &c->best);
    }
    if (c->last.epoch != 0) {
        push(c, &c->last);
    }
    join(c, false);
    if (atomic_load(&c->failed)) {
        err_move(err, &c->err);
        rc = -1;
    }
    curve_free(c);
    return rc;
}

void runner_curve_leave(struct runner_curve **cp)
{
    struct runner_curve *c = *cp;

    *cp = NULL;
    join(c, true);
    curve_free(c);
}
