/* The senders of webhooks; see webhook.h.
 *
 * Each sender looks for the message that is due longest and whose receiver is not busy, sends it
 * and notes what came of it. One looks at a time, so that two never take one message or one
 * receiver; SQL, connections and waits for answers happen outside the lock. Who found nothing
 * sleeps until the next one is due, or `generation` says that something has changed: a commit made
 * one due, or a receiver is free again.
 *
 * A message was sent when that is noted, not before. While the store cannot write, its sender holds
 * on to what it knows and tries to note it again, so that a full disk does not make the receiver
 * see it over and over; when the store will write no more in this process, nothing is sent.
 */
#include "jobs/webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "jobs/webhook_message.h"

#define LONGEST_SLEEP 60.0       /* seconds: a wall clock that is set shows by then */
#define STORE_SECONDS 2.0        /* before the store is asked again after an error */
#define ANSWER_MOST   (1u << 20) /* bytes of an answer, which nobody reads */

struct webhooks {
    unsigned magic;
#define WEBHOOKS_MAGIC 0x77656268u
    struct webhook_options options; /* set once, like the next */
    char *secret_path;
    atomic_bool stop;               /* set under lock */
    pthread_mutex_t lock;           /* guards the rest; a leaf */
    pthread_cond_t changed;
    unsigned generation;
    bool looking;                   /* a sender asks the store what is next */
    bool started;
    size_t n_busy;
    const char *busy[WEBHOOK_SENDERS]; /* receivers; owned by those who send to them */
    pthread_t senders[WEBHOOK_SENDERS];
};

/* ---- waiting ---- */

/* Until something changes, at most so long. */
static void sleep_locked(struct webhooks *w, unsigned generation, double seconds)
{
    struct timespec until;
    double whole;
    int rc = 0;

    CHK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_nsec += (long)(modf(seconds, &whole) * 1e9);
    until.tv_sec += (time_t)whole + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!w->stop && w->generation == generation && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&w->changed, &w->lock, &until);
        CHK(rc == 0 || rc == ETIMEDOUT);
    }
}

static void change_locked(struct webhooks *w)
{
    w->generation++;
    PTOK(pthread_cond_broadcast(&w->changed));
}

/* A while, or until the stop. */
static void pause_for(struct webhooks *w, double seconds)
{
    double until = clock_monotonic() + seconds;

    PTOK(pthread_mutex_lock(&w->lock));
    while (!w->stop && clock_monotonic() < until) {
        sleep_locked(w, w->generation, until - clock_monotonic());
    }
    PTOK(pthread_mutex_unlock(&w->lock));
}

/* ---- taking one ---- */

/* 0, 1 = nothing is due for *seconds. */
static int look(struct webhooks *w, const char *const *busy, size_t n_busy,
                struct store_delivery *out, double *seconds)
{
    struct err err = ERR_INIT;
    int64_t wait_ms = 0;
    int rc = w->options.store->ops->delivery_next(w->options.store, clock_now_ms(), busy, n_busy,
                                                  out, &wait_ms, &err);

    *seconds = wait_ms > 0 ? fmin((double)wait_ms / 1e3, LONGEST_SLEEP) : LONGEST_SLEEP;
    if (rc < 0) {
        log_warn("webhooks: the store does not tell what is next: %s", err.detail);
        *seconds = STORE_SECONDS;
    }
    err_fini(&err);
    return rc != 0;
}

/* The next one, its receiver busy from here on; false: it is time to stop. */
static bool take(struct webhooks *w, struct store_delivery *out)
{
    char *busy[WEBHOOK_SENDERS];
    double seconds = 0;
    bool found = false;

    PTOK(pthread_mutex_lock(&w->lock));
    while (!w->stop && !found) {
        unsigned generation = w->generation;
        size_t n = w->n_busy, i;

        if (w->looking) {
            sleep_locked(w, generation, LONGEST_SLEEP);
            continue;
        }
        /* None becomes busy meanwhile, but one may become free, and go with its message. */
        w->looking = true;
        for (i = 0; i < n; i++) {
            busy[i] = xstrdup(w->busy[i]);
        }
        PTOK(pthread_mutex_unlock(&w->lock));
        found = look(w, (const char *const *)busy, n, out, &seconds) == 0;
        for (i = 0; i < n; i++) {
            free(busy[i]);
        }
        PTOK(pthread_mutex_lock(&w->lock));
        w->looking = false;
        if (found) {
            w->busy[w->n_busy++] = out->receiver;
            change_locked(w); /* another may look */
        } else {
            sleep_locked(w, generation, seconds); /* others that sleep need not look then */
        }
    }
    PTOK(pthread_mutex_unlock(&w->lock));
    return found;
}

static void give_back(struct webhooks *w, struct store_delivery *d)
{
    size_t i = 0;

    PTOK(pthread_mutex_lock(&w->lock));
    while (w->busy[i] != d->receiver) {
        i++;
        CHK(i < w->n_busy);
    }
    w->busy[i] = w->busy[--w->n_busy];
    change_locked(w);
    PTOK(pthread_mutex_unlock(&w->lock));
    store_delivery_fini(d);
}

/* ---- sending it ---- */

static bool drop(void *arg, const void *bytes, size_t len)
{
    (void)arg, (void)bytes, (void)len; /* what a receiver has to say is in its status */
    return true;
}

/* The headers that say what it is and that it is ours; owned. */
static int make_headers(struct webhooks *w, const struct store_delivery *d, const char *body,
                        char *headers[3], struct err *err)
{
    struct webhook_secrets secrets;
    char signature[WEBHOOK_SIGNATURE_LEN];
    int64_t seconds = clock_now_ms() / 1000;

    if (webhook_secrets_read(w->secret_path, &secrets, err) != 0) {
        return -1;
    }
    webhook_message_sign(&secrets, d->message_id, seconds, body, strlen(body), signature);
    webhook_secrets_wipe(&secrets);
    headers[0] = xasprintf("webhook-id: %s", d->message_id);
    headers[1] = xasprintf("webhook-timestamp: %" PRId64, seconds);
    headers[2] = xasprintf("webhook-signature: %s", signature);
    return 0;
}

static double chance(void)
{
    return (double)randombytes_uniform(1u << 20) / (1 << 20);
}

/* One send. False: it was ended by the stop, and nothing is known of it. */
static bool send_one(struct webhooks *w, const struct store_delivery *d, long *status,
                     struct webhook_verdict *out)
{
    char *body = webhook_message_body(d), *own[3] = {NULL};
    struct outgoing_reply reply = {.body = BUF_INIT};
    struct err err = ERR_INIT;
    int rc;

    *status = 0;
    rc = make_headers(w, d, body, own, &err);
    if (rc != 0) {
        log_error("a webhook cannot be signed: %s", err.detail);
        *out = webhook_message_unanswered(d->step, "it could not be signed: see the daemon's log",
                                          chance());
    } else {
        const char *const headers[] = {"Content-Type: application/json", own[0], own[1], own[2],
                                       NULL};
        const struct outgoing_request request = {.method = "POST",
                                                 .url = d->url,
                                                 .headers = headers,
                                                 .body = body,
                                                 .len = strlen(body),
                                                 .seconds = w->options.send_seconds > 0
                                                                ? w->options.send_seconds
                                                                : WEBHOOK_SECONDS,
                                                 .most_bytes = ANSWER_MOST,
                                                 .take = drop,
                                                 .stop = &w->stop};

        rc = outgoing_send(w->options.outgoing, &request, &reply, &err);
        *status = rc == 0 ? reply.status : 0;
        *out = rc == 0 ? webhook_message_judge(d->step, reply.status, reply.retry_after, chance())
                       : webhook_message_unanswered(d->step, err.detail, chance());
    }
    buf_fini(&reply.body);
    err_fini(&err);
    free(own[0]);
    free(own[1]);
    free(own[2]);
    free(body);
    return rc == 0 || !w->stop;
}

/* No URL and no body: a job's number says which. */
static void tell_log(const struct store_delivery *d, const struct webhook_verdict *v)
{
    if (v->state == DELIVERY_IS_DELIVERED) {
        log_debug("delivery %" PRId64 " of job %" PRId64 " (%s): delivered", d->id, d->job_id,
                  job_state_name(d->event));
    } else if (v->state == DELIVERY_IS_PENDING) {
        log_info("delivery %" PRId64 " of job %" PRId64 " (%s) failed: %s; again in %.0f s", d->id,
                 d->job_id, job_state_name(d->event), v->why, v->wait_seconds);
    } else {
        log_warn("delivery %" PRId64 " of job %" PRId64 " (%s) is given up: %s", d->id, d->job_id,
                 job_state_name(d->event), v->why);
    }
}

static void count(const struct webhook_verdict *v)
{
    enum counter_delivery what = v->state == DELIVERY_IS_DELIVERED ? DELIVERY_DELIVERED
                                 : v->state == DELIVERY_IS_PENDING ? DELIVERY_FAILED
                                                                   : DELIVERY_GIVEN_UP;

    counter_add(COUNTER_DELIVERIES, what, 1);
}

/* Until it is noted, or cannot be in this process. */
static void note(struct webhooks *w, const struct store_delivery *d, long status,
                 const struct webhook_verdict *v)
{
    double pace = w->options.pace > 0 ? w->options.pace : 1;
    struct store_delivery_result result = {
        .id = d->id,
        .state = v->state,
        .next_at = clock_now_ms() + (int64_t)(1e3 * v->wait_seconds * pace),
        .gone = v->gone,
        .status = status,
        .error = v->why[0] != '\0' ? v->why : NULL};
    struct store *store = w->options.store;
    double pause = STORE_SECONDS;
    bool again = true;

    for (; again; pause = fmin(2 * pause, LONGEST_SLEEP)) {
        struct err err = ERR_INIT;
        int rc = store->ops->delivery_done(store, &result, &err);

        /* Its job may have been deleted meanwhile: then nobody wants to know. */
        again = rc != 0 && err.code != ERR_NOT_FOUND && !w->stop;
        if (again) {
            log_warn("what came of delivery %" PRId64 " cannot be noted yet: %s", d->id,
                     err.detail);
            pause_for(w, pause);
        }
        err_fini(&err);
    }
}

static void *sender_main(void *arg)
{
    struct webhooks *w = arg;
    struct store_delivery d;

    while (take(w, &d)) {
        struct webhook_verdict verdict;
        long status;

        if (send_one(w, &d, &status, &verdict)) {
            tell_log(&d, &verdict);
            count(&verdict);
            note(w, &d, status, &verdict);
        }
        give_back(w, &d);
    }
    return NULL;
}

/* ---- from outside ---- */

static void start_locked(struct webhooks *w)
{
    sigset_t all, old;
    size_t i;

    CHK(sigfillset(&all) == 0); /* signals are for main */
    PTOK(pthread_sigmask(SIG_SETMASK, &all, &old));
    for (i = 0; i < WEBHOOK_SENDERS; i++) {
        PTOK(pthread_create(&w->senders[i], NULL, sender_main, w));
    }
    PTOK(pthread_sigmask(SIG_SETMASK, &old, NULL));
    w->started = true;
}

/* On the store's thread, after a commit. */
static void wake(void *arg)
{
    struct webhooks *w = arg;

    CHK_OBJ(w, WEBHOOKS_MAGIC);
    PTOK(pthread_mutex_lock(&w->lock));
    if (!w->started && !w->stop) {
        start_locked(w);
    }
    change_locked(w);
    PTOK(pthread_mutex_unlock(&w->lock));
}

/* Whether anything waits from before; if that cannot be told, as if it did. */
static bool anything_waits(struct store *store)
{
    struct store_delivery first = {.id = 0};
    struct err err = ERR_INIT;
    int64_t wait_ms = 0;
    int rc = store->ops->delivery_next(store, clock_now_ms(), NULL, 0, &first, &wait_ms, &err);

    store_delivery_fini(&first);
    err_fini(&err);
    return rc != 1 || wait_ms > 0;
}

struct webhooks *webhooks_start(const struct webhook_options *options)
{
    struct webhooks *w = xcalloc(1, sizeof *w);

    w->magic = WEBHOOKS_MAGIC;
    w->options = *options;
    w->secret_path = xstrdup(options->secret_path);
    PTOK(pthread_mutex_init(&w->lock, NULL));
    clock_cond_init(&w->changed);
    options->store->ops->delivery_watch(options->store, wake, w);
    if (anything_waits(options->store)) {
        wake(w);
    }
    return w;
}

void webhooks_stop(struct webhooks *w)
{
    bool started;
    size_t i;

    CHK_OBJ(w, WEBHOOKS_MAGIC);
    PTOK(pthread_mutex_lock(&w->lock));
    w->stop = true;
    started = w->started;
    w->started = false;
    change_locked(w);
    PTOK(pthread_mutex_unlock(&w->lock));
    for (i = 0; started && i < WEBHOOK_SENDERS; i++) {
        PTOK(pthread_join(w->senders[i], NULL));
    }
}

void webhooks_free(struct webhooks **webhooks)
{
    struct webhooks *w = *webhooks;

    *webhooks = NULL;
    if (w == NULL) {
        return;
    }
    CHK_OBJ(w, WEBHOOKS_MAGIC);
    CHK(!w->started);
    w->magic = 0;
    PTOK(pthread_cond_destroy(&w->changed));
    PTOK(pthread_mutex_destroy(&w->lock));
    free(w->secret_path);
    free(w);
}
