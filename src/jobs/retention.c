/* Letting go of old jobs; see retention.h.
 *
 * One thread, which sleeps on a condition with the time of its next round and wakes early only to
 * end. It asks for one piece at a time and looks at `stop` between two, so that a stop never waits
 * for a long round. What goes wrong is logged, and tried again an hour later.
 */
#include "jobs/retention.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define ROUND_SECONDS (60 * 60)
#define DAY_MS        ((int64_t)24 * 60 * 60 * 1000)

struct retention_thread {
    struct retention retention; /* set once, like the next */
    struct datasets *datasets;
    pthread_t thread;
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t wake;
    bool stop; /* guarded by lock */
};

struct store_gc_rule retention_rule(const struct retention *r)
{
    int64_t now = clock_now_ms();
    struct store_gc_rule rule = {.keep_jobs = r->keep_jobs,
                                 .datasets_before = now - STORE_GC_GRACE_MS};

    if (r->keep_days >= 0) {
        rule.finished_before = now - r->keep_days * DAY_MS;
        if (r->keep_jobs < 0) {
            rule.keep_jobs = 0; /* only the age counts */
        }
    }
    return rule;
}

static bool stopping(struct retention_thread *t)
{
    bool stop;

    PTOK(pthread_mutex_lock(&t->lock));
    stop = t->stop;
    PTOK(pthread_mutex_unlock(&t->lock));
    return stop;
}

static void go_round(struct retention_thread *t)
{
    struct store_gc_rule rule = retention_rule(&t->retention);
    struct store_gc all = {.jobs = 0}, piece = {.more = true};
    struct err err = ERR_INIT;

    while (piece.more && !stopping(t)) {
        if (datasets_gc(t->datasets, &rule, false, &piece, &err) != 0) {
            log_warn("old jobs could not be removed: %s", err.detail);
            break;
        }
        all.jobs += piece.jobs;
        all.datasets += piece.datasets;
        all.dataset_bytes += piece.dataset_bytes;
    }
    err_fini(&err);
    if (all.jobs > 0 || all.datasets > 0) {
        log_info("removed %lld old jobs and %lld datasets that no job needs, %.1f MB",
                 (long long)all.jobs, (long long)all.datasets, (double)all.dataset_bytes / 1e6);
    }
}

static void *retention_main(void *arg)
{
    struct retention_thread *t = arg;
    struct timespec next;
    int rc;

    CHK(clock_gettime(CLOCK_MONOTONIC, &next) == 0);
    PTOK(pthread_mutex_lock(&t->lock));
    while (!t->stop) {
        PTOK(pthread_mutex_unlock(&t->lock));
        go_round(t);
        PTOK(pthread_mutex_lock(&t->lock));
        next.tv_sec += ROUND_SECONDS;
        rc = 0;
        while (!t->stop && rc != ETIMEDOUT) {
            rc = pthread_cond_timedwait(&t->wake, &t->lock, &next);
            CHK(rc == 0 || rc == ETIMEDOUT);
        }
    }
    PTOK(pthread_mutex_unlock(&t->lock));
    return NULL;
}

struct retention_thread *retention_start(const struct retention *retention,
                                         struct datasets *datasets)
{
    struct retention_thread *t;
    sigset_t all, old;

    if (retention->keep_jobs < 0 && retention->keep_days < 0) {
        return NULL;
    }
    t = xcalloc(1, sizeof *t);
    t->retention = *retention;
    t->datasets = datasets;
    PTOK(pthread_mutex_init(&t->lock, NULL));
    clock_cond_init(&t->wake);
    CHK(sigfillset(&all) == 0); /* signals are for main */
    PTOK(pthread_sigmask(SIG_SETMASK, &all, &old));
    PTOK(pthread_create(&t->thread, NULL, retention_main, t));
    PTOK(pthread_sigmask(SIG_SETMASK, &old, NULL));
    return t;
}

void retention_stop(struct retention_thread **thread)
{
    struct retention_thread *t = *thread;

    if (t == NULL) {
        return;
    }
    PTOK(pthread_mutex_lock(&t->lock));
    t->stop = true;
    PTOK(pthread_cond_signal(&t->wake));
    PTOK(pthread_mutex_unlock(&t->lock));
    PTOK(pthread_join(t->thread, NULL));
    PTOK(pthread_cond_destroy(&t->wake));
    PTOK(pthread_mutex_destroy(&t->lock));
    free(t);
    *thread = NULL;
}
