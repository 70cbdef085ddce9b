/* Threads that share loops; see team.h.
 *
 * A loop is published by raising `round`; every helper comes once for every round, takes
 * indexes until there are none, and reports back, so that no helper of an old round can touch
 * a new one. The owner works too and then waits for all reports. Who waits spins first and then
 * sleeps under the mutex; a change is followed by a look at the mutex, so that no wake-up is
 * lost between the last look and the sleep.
 *
 * Locks: mtx guards nothing but the sleeping. body, ctx and n are written by the owner before
 * round is raised and only read until all have reported.
 */
#include "jobs/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"

#define SPINS 4000 /* looks before sleeping: some ten microseconds */

struct team {
    size_t n_helpers;
    pthread_t *helpers;
    int64_t job; /* whose loops they are; see base/crash.h */

    void (*body)(void *ctx, size_t i); /* of the round */
    void *ctx;
    size_t n;
    atomic_size_t next;    /* the index to take */
    atomic_size_t working; /* helpers that have not reported */
    atomic_uint round;
    atomic_bool over;

    pthread_mutex_t mtx;
    pthread_cond_t begun, done;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Wait for another round than `seen`; the new one. */
static unsigned next_round(struct team *t, unsigned seen)
{
    unsigned round = atomic_load(&t->round);
    size_t i;

    for (i = 0; i < SPINS && round == seen; i++) {
        relax();
        round = atomic_load(&t->round);
    }
    if (round == seen) {
        PTOK(pthread_mutex_lock(&t->mtx));
        while ((round = atomic_load(&t->round)) == seen) {
            PTOK(pthread_cond_wait(&t->begun, &t->mtx));
        }
        PTOK(pthread_mutex_unlock(&t->mtx));
    }
    return round;
}

static void take_all(struct team *t)
{
    size_t i;

    while ((i = atomic_fetch_add(&t->next, 1)) < t->n) {
        t->body(t->ctx, i);
    }
}

static void *helper_main(void *arg)
{
    struct team *t = arg;
    void *stack = crash_stack_new();
    unsigned round = 0;

    crash_job_set(t->job);
    for (;;) {
        round = next_round(t, round);
        if (atomic_load(&t->over)) {
            crash_stack_free(&stack);
            return NULL;
        }
        take_all(t);
        if (atomic_fetch_sub(&t->working, 1) == 1) {
            PTOK(pthread_mutex_lock(&t->mtx));
            PTOK(pthread_cond_signal(&t->done));
            PTOK(pthread_mutex_unlock(&t->mtx));
        }
    }
}

static void begin_round(struct team *t)
{
    atomic_fetch_add(&t->round, 1);
    PTOK(pthread_mutex_lock(&t->mtx));
    PTOK(pthread_cond_broadcast(&t->begun));
    PTOK(pthread_mutex_unlock(&t->mtx));
}

struct team *team_new(size_t threads)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct team *t;
    size_t i;

    if (processors > 0 && threads > (size_t)processors) {
        threads = (size_t)processors;
    }
    if (threads <= 1) {
        return NULL;
    }
    t = xcalloc(1, sizeof *t);
    t->helpers = xcalloc(threads - 1, sizeof *t->helpers);
    t->job = crash_job();
    atomic_init(&t->next, 0);
    atomic_init(&t->working, 0);
    atomic_init(&t->round, 0);
    atomic_init(&t->over, false);
    PTOK(pthread_mutex_init(&t->mtx, NULL));
    PTOK(pthread_cond_init(&t->begun, NULL));
    PTOK(pthread_cond_init(&t->done, NULL));
    for (i = 0; i < threads - 1; i++) { /* a system out of threads is a smaller team */
        if (pthread_create(&t->helpers[i], NULL, helper_main, t) != 0) {
            break;
        }
        PTOK(pthread_setname_np(t->helpers[i], "mlpd-team"));
        t->n_helpers++;
    }
    if (t->n_helpers == 0) {
        team_free(&t);
    }
    return t;
}

void team_free(struct team **team)
{
    struct team *t = *team;
    size_t i;

    if (t == NULL) {
        return;
    }
    atomic_store(&t->over, true);
    begin_round(t);
    for (i = 0; i < t->n_helpers; i++) {
        PTOK(pthread_join(t->helpers[i], NULL));
    }
    PTOK(pthread_cond_destroy(&t->begun));
    PTOK(pthread_cond_destroy(&t->done));
    PTOK(pthread_mutex_destroy(&t->mtx));
    free(t->helpers);
    free(t);
    *team = NULL;
}

void team_run(struct team *t, size_t n, void (*body)(void *ctx, size_t i), void *ctx)
{
    size_t i;

    if (t == NULL || n <= 1) {
        for (i = 0; i < n; i++) {
            body(ctx, i);
        }
        return;
    }
    t->body = body;
    t->ctx = ctx;
    t->n = n;
    atomic_store(&t->next, 0);
    atomic_store(&t->working, t->n_helpers);
    begin_round(t);
    take_all(t);
    for (i = 0; i < SPINS && atomic_load(&t->working) > 0; i++) {
        relax();
    }
    PTOK(pthread_mutex_lock(&t->mtx));
    while (atomic_load(&t->working) > 0) {
        PTOK(pthread_cond_wait(&t->done, &t->mtx));
    }
    PTOK(pthread_mutex_unlock(&t->mtx));
}
