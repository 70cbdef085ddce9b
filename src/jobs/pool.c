/* The worker pool; see pool.h.
 *
 * Each worker thread loops: claim the next queued job from the store, run it
 * (runner_run), look for the next. With nothing to claim it sleeps until pool_wake,
 * pool_stop, or the moment the store named. Wakes are counted, so one that falls between an
 * empty-handed claim and the sleep is not lost. A store that fails is asked again after
 * 0.1 s, doubling up to 5 s; new submissions do not shorten that.
 *
 * Cancelling a job that is just being claimed: the canceller first commits
 * cancel_requested, then calls pool_cancel; the worker first makes its slot known, then
 * reads the job's row again. Whatever the order, one of the two sees the other. Pausing is the
 * same, but may be taken back: what the row said counts only if pool_pause has said nothing
 * since before it was read.
 *
 * A watchdog thread looks at every worker's pulse, which counts batches and the pieces of work
 * before and after them. A job whose pulse stands still is called stalled; that is all that can be
 * done about it from outside, because no thread can be ended safely.
 *
 * Locks: pool.mtx guards the slots and the counters, and is a leaf: nothing is called
 * under it. The flags that a running job polls every batch are atomics.
 */
#include "jobs/pool.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/runner.h"

#define POOL_MAGIC       0x706f6f6cu
#define POOL_MAX_WORKERS 1024
#define POOL_NICE        10

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000

#define LOOK_MS 1000 /* between two looks of the watchdog */

struct worker {
    struct pool *pool;
    pthread_t thread;
    int64_t job_id;                /* guarded by pool->mtx; 0 = idle */
    struct pool_progress progress; /* guarded by pool->mtx */
    bool stalled;                  /* guarded by pool->mtx */
    uint64_t pauses_told;          /* guarded by pool->mtx; of this job */
    atomic_bool cancel, pause;
    atomic_ulong pulse;

    /* the watchdog's */
    int64_t seen_job;
    unsigned long seen_pulse;
    double moved_at;               /* the pulse did, or the job began */
};

struct pool {
    unsigned magic;
    size_t n_workers;
    char *owner;
    struct checkpoints *checkpoints; /* NULL: none */
    double checkpoint_seconds, stall_seconds;
    const struct submit_limits *limits; /* may be NULL */
    struct datasets *datasets;
    struct predictor *predictor;
    struct store *store;
    struct worker *workers; /* [n_workers] */
    pthread_t watchdog;     /* with stall_seconds */

    pthread_mutex_t mtx;
    pthread_cond_t cond; /* on the monotonic clock */
    uint64_t wakes;      /* guarded by mtx */
    bool started;        /* guarded by mtx */
    atomic_bool stop;    /* written under mtx, so that no sleeper misses it */
};

static const struct pool_progress nothing_yet = POOL_PROGRESS_INIT;

static void on_progress(void *arg, const struct pool_progress *progress)
{
    struct worker *w = arg;

    PTOK(pthread_mutex_lock(&w->pool->mtx));
    w->progress = *progress;
    PTOK(pthread_mutex_unlock(&w->pool->mtx));
}

static void slot_set(struct worker *w, int64_t job_id)
{
    PTOK(pthread_mutex_lock(&w->pool->mtx));
    w->job_id = job_id;
    w->progress = nothing_yet;
    w->stalled = false;
    w->pauses_told = 0;
    atomic_store(&w->cancel, false);
    atomic_store(&w->pause, false);
    PTOK(pthread_mutex_unlock(&w->pool->mtx));
}

static uint64_t pauses_told(struct worker *w)
{
    uint64_t told;

    PTOK(pthread_mutex_lock(&w->pool->mtx));
    told = w->pauses_told;
    PTOK(pthread_mutex_unlock(&w->pool->mtx));
    return told;
}

/* What the row asks for by now. A store that cannot say is no reason not to run: the job's own
 * writes will tell. */
static void read_requests(struct worker *w, const struct store_job *claimed)
{
    struct pool *pool = w->pool;
    uint64_t told = pauses_told(w);
    struct store_job job = {.id = 0};
    struct err err = ERR_INIT;

    if (claimed->cancel_requested) {
        atomic_store(&w->cancel, true);
    }
    if (pool->store->ops->job_get(pool->store, claimed->id, &job, &err) == 0) {
        PTOK(pthread_mutex_lock(&pool->mtx));
        if (job.cancel_requested) {
            atomic_store(&w->cancel, true);
        }
        if (job.pause_requested && w->pauses_told == told) {
            atomic_store(&w->pause, true);
        }
        PTOK(pthread_mutex_unlock(&pool->mtx));
        store_job_fini(&job);
    }
    err_fini(&err);
}

static void run_job(struct worker *w, const struct store_job *job)
{
    struct pool *pool = w->pool;
    struct runner_slot slot = {
        .datasets = pool->datasets,
        .predictor = pool->predictor,
        .owner = pool->owner,
        .checkpoints = pool->checkpoints,
        .checkpoint_seconds = pool->checkpoint_seconds,
        .limits = pool->limits,
        .stop = &pool->stop,
        .cancel = &w->cancel,
        .pause = &w->pause,
        .pulse = &w->pulse,
        .progress = on_progress,
        .arg = w,
    };

    slot_set(w, job->id);
    read_requests(w, job);
    crash_job_set(job->id);
    runner_run(&slot, job);
    crash_job_set(0);
    slot_set(w, 0);
}

static struct timespec deadline_in(int64_t ms)
{
    struct timespec t;

    CHK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

/* Sleep until something was submitted after `seen` was read, or the pool stops, or `ms` are over
 * (0: however long). */
static void wait_for_work(struct pool *pool, uint64_t seen, int64_t ms)
{
    struct timespec until = deadline_in(ms);
    int rc = 0;

    PTOK(pthread_mutex_lock(&pool->mtx));
    while (!atomic_load(&pool->stop) && pool->wakes == seen && rc != ETIMEDOUT) {
        rc = ms > 0 ? pthread_cond_timedwait(&pool->cond, &pool->mtx, &until)
                    : pthread_cond_wait(&pool->cond, &pool->mtx);
        CHK(rc == 0 || rc == ETIMEDOUT);
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
}

/* Sleep `ms`, or until the pool stops. */
static void wait_in_peace(struct pool *pool, int64_t ms)
{
    struct timespec until = deadline_in(ms);
    int rc = 0;

    PTOK(pthread_mutex_lock(&pool->mtx));
    while (!atomic_load(&pool->stop) && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&pool->cond, &pool->mtx, &until);
        CHK(rc == 0 || rc == ETIMEDOUT);
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
}

static uint64_t wakes_seen(struct pool *pool)
{
    uint64_t seen;

    PTOK(pthread_mutex_lock(&pool->mtx));
    seen = pool->wakes;
    PTOK(pthread_mutex_unlock(&pool->mtx));
    return seen;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *pool = w->pool;
    long backoff_ms = BACKOFF_FIRST_MS;
    void *stack = crash_stack_new();

    /* Linux gives each thread a niceness of its own. Without permission we run as we are. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), POOL_NICE);

    while (!atomic_load(&pool->stop)) {
        uint64_t seen = wakes_seen(pool);
        struct store_job job = {.id = 0};
        struct err err = ERR_INIT;
        int64_t wait_ms = 0;
        int rc = pool->store->ops->job_claim_wait(pool->store, pool->owner, &job, &wait_ms, &err);

        if (rc == 0) {
            backoff_ms = BACKOFF_FIRST_MS;
            run_job(w, &job);
            store_job_fini(&job);
        } else if (rc == 1) {
            backoff_ms = BACKOFF_FIRST_MS;
            wait_for_work(pool, seen, wait_ms);
        } else {
            log_error("no job could be claimed, next try in %ld ms: %s", backoff_ms, err.detail);
            wait_in_peace(pool, backoff_ms);
            backoff_ms = backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : backoff_ms * 2;
        }
        err_fini(&err);
    }
    crash_stack_free(&stack);
    return NULL;
}

/* ---- the watchdog ------------------------------------------------------------------------ */

static void tell(struct pool *pool, int64_t job_id, const char *kind, const char *detail)
{
    struct err err = ERR_INIT;

    log_warn("job %lld: %s", (long long)job_id, detail);
    if (pool->store->ops->event_add(pool->store, job_id, kind, detail, &err) != 0) {
        log_warn("an event of job %lld could not be stored: %s", (long long)job_id, err.detail);
    }
    err_fini(&err);
}

static void tell_stalled(struct pool *pool, int64_t job_id, const struct pool_progress *p)
{
    char *detail = xasprintf("nothing has moved for %g s: %s, epoch %zu, after %zu of its batches",
                             pool->stall_seconds, p->phase != NULL ? p->phase : "starting",
                             p->epoch + 1, p->batch);

    tell(pool, job_id, "stalled", detail);
    free(detail);
}

/* Note a change of one worker's job, if there is one, and tell it. */
static void look_at(struct worker *w, double now)
{
    struct pool *pool = w->pool;
    unsigned long pulse = atomic_load(&w->pulse);
    struct pool_progress progress;
    bool was, is;
    int64_t id;

    PTOK(pthread_mutex_lock(&pool->mtx));
    id = w->job_id;
    if (id != w->seen_job || pulse != w->seen_pulse) {
        w->seen_job = id;
        w->seen_pulse = pulse;
        w->moved_at = now;
    }
    was = w->stalled;
    w->stalled = is = id != 0 && now - w->moved_at >= pool->stall_seconds;
    progress = w->progress;
    PTOK(pthread_mutex_unlock(&pool->mtx));
    if (is && !was) {
        tell_stalled(pool, id, &progress);
    } else if (was && !is) { /* still this job: slot_set makes it false for the next */
        tell(pool, id, "moving_again", "it moves again");
    }
}

static void *watchdog_main(void *arg)
{
    struct pool *pool = arg;
    double half_ms = pool->stall_seconds * 1000 / 2;
    int64_t pause = half_ms > LOOK_MS ? LOOK_MS : half_ms < 1 ? 1 : (int64_t)half_ms;
    size_t i;

    while (!atomic_load(&pool->stop)) {
        for (i = 0; i < pool->n_workers; i++) {
            look_at(&pool->workers[i], clock_monotonic());
        }
        wait_in_peace(pool, pause);
    }
    return NULL;
}

/* ---- life --------------------------------------------------------------------------- */

int pool_new(const struct pool_options *options, struct datasets *datasets,
             struct predictor *predictor, struct pool **out, struct err *err)
{
    struct pool *pool;
    size_t i;

    if (options->workers < 1 || options->workers > POOL_MAX_WORKERS) {
        return err_set(err, ERR_INVALID, "workers must be 1 to %d, got %zu", POOL_MAX_WORKERS,
                       options->workers);
    }
    pool = xcalloc(1, sizeof *pool);
    pool->magic = POOL_MAGIC;
    pool->n_workers = options->workers;
    pool->owner = xstrdup(options->owner);
    pool->checkpoints = options->checkpoints;
    pool->checkpoint_seconds = options->checkpoint_seconds;
    pool->stall_seconds = options->stall_seconds;
    pool->limits = options->limits;
    pool->datasets = datasets;
    pool->predictor = predictor;
    pool->store = datasets_store(datasets);
    PTOK(pthread_mutex_init(&pool->mtx, NULL));
    clock_cond_init(&pool->cond);
    atomic_init(&pool->stop, false);
    pool->workers = xcalloc(pool->n_workers, sizeof *pool->workers);
    for (i = 0; i < pool->n_workers; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].progress = nothing_yet;
        atomic_init(&pool->workers[i].cancel, false);
        atomic_init(&pool->workers[i].pause, false);
        atomic_init(&pool->workers[i].pulse, 0);
    }
    *out = pool;
    return 0;
}

void pool_start(struct pool *pool)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t all, before;
    size_t i;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    CHK(!pool->started);
    pool->started = true;
    PTOK(pthread_mutex_unlock(&pool->mtx));

    /* Signals are main's, but for those that a thread brings upon itself; threads inherit the
     * mask of their maker. */
    CHK(sigfillset(&all) == 0);
    for (i = 0; i < ARRAY_LEN(faults); i++) {
        CHK(sigdelset(&all, faults[i]) == 0);
    }
    PTOK(pthread_sigmask(SIG_SETMASK, &all, &before));
    for (i = 0; i < pool->n_workers; i++) {
        struct worker *w = &pool->workers[i];

        PTOK(pthread_create(&w->thread, NULL, worker_main, w));
        PTOK(pthread_setname_np(w->thread, "mlpd-worker"));
    }
    if (pool->stall_seconds > 0) {
        PTOK(pthread_create(&pool->watchdog, NULL, watchdog_main, pool));
        PTOK(pthread_setname_np(pool->watchdog, "mlpd-watchdog"));
    }
    PTOK(pthread_sigmask(SIG_SETMASK, &before, NULL));
}

void pool_stop(struct pool *pool)
{
    bool started;
    size_t i;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    started = pool->started;
    pool->started = false;
    atomic_store(&pool->stop, true);
    PTOK(pthread_cond_broadcast(&pool->cond));
    PTOK(pthread_mutex_unlock(&pool->mtx));
    if (!started) {
        return;
    }
    for (i = 0; i < pool->n_workers; i++) {
        PTOK(pthread_join(pool->workers[i].thread, NULL));
    }
    if (pool->stall_seconds > 0) {
        PTOK(pthread_join(pool->watchdog, NULL));
    }
}

void pool_free(struct pool **pp)
{
    struct pool *pool = *pp;

    *pp = NULL;
    if (pool == NULL) {
        return;
    }
    pool_stop(pool);
    PTOK(pthread_cond_destroy(&pool->cond));
    PTOK(pthread_mutex_destroy(&pool->mtx));
    free(pool->workers);
    free(pool->owner);
    pool->magic = 0;
    free(pool);
}

/* ---- from other threads ---------------------------------------------------------------- */

void pool_wake(struct pool *pool)
{
    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    pool->wakes++;
    PTOK(pthread_cond_broadcast(&pool->cond));
    PTOK(pthread_mutex_unlock(&pool->mtx));
}

/* The slot that runs this job, or NULL. */
static struct worker *find_locked(struct pool *pool, int64_t job_id)
{
    size_t i;

    for (i = 0; i < pool->n_workers; i++) {
        if (pool->workers[i].job_id == job_id) {
            return &pool->workers[i];
        }
    }
    return NULL;
}

void pool_cancel(struct pool *pool, int64_t job_id)
{
    struct worker *w;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    w = job_id != 0 ? find_locked(pool, job_id) : NULL;
    if (w != NULL) {
        atomic_store(&w->cancel, true);
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
}

void pool_pause(struct pool *pool, int64_t job_id, bool pause)
{
    struct worker *w;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    w = job_id != 0 ? find_locked(pool, job_id) : NULL;
    if (w != NULL) {
        atomic_store(&w->pause, pause);
        w->pauses_told++;
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
}

void pool_counts(struct pool *pool, size_t *workers, size_t *busy)
{
    size_t i, n = 0;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    for (i = 0; i < pool->n_workers; i++) {
        n += pool->workers[i].job_id != 0;
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
    *workers = pool->n_workers;
    *busy = n;
}

size_t pool_stalled(struct pool *pool)
{
    size_t i, n = 0;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    for (i = 0; i < pool->n_workers; i++) {
        n += pool->workers[i].stalled;
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
    return n;
}

bool pool_progress_get(struct pool *pool, int64_t job_id, struct pool_progress *out)
{
    struct worker *w;

    CHK_OBJ(pool, POOL_MAGIC);
    PTOK(pthread_mutex_lock(&pool->mtx));
    w = job_id != 0 ? find_locked(pool, job_id) : NULL;
    if (w != NULL) {
        *out = w->progress;
        out->stalled = w->stalled;
    }
    PTOK(pthread_mutex_unlock(&pool->mtx));
    return w != NULL;
}
