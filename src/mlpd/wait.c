/* Waiting for signals; see wait.h.
 *
 * SIGHUP reads options again, as the daemon did at its start (flags, environment, file), and with
 * them the tokens and the certificate. Only what can change under a running daemon does: the log
 * level, tokens, the certificate; of the rest it says what a restart would change. What must hold:
 * a file with a problem in it changes nothing of what it is for, and the log says so.
 *
 * The watchdog's sign of life is sent only after the store has answered a read and the pool's lock,
 * which every worker takes, could be had. If either hangs, main hangs with it, and the service
 * manager does what its unit says. A full disk is no reason: reads go on.
 */
#include "mlpd/wait.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "mlpd/notify.h"

#define STATUS_SECONDS 5 /* between two looks at the queue, where somebody is told */

sigset_t wait_stop_signals(void)
{
    sigset_t set;

    CHK(sigemptyset(&set) == 0 && sigaddset(&set, SIGTERM) == 0 && sigaddset(&set, SIGINT) == 0);
    return set;
}

void wait_prepare(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
    sigset_t set = wait_stop_signals();

    CHK(sigaddset(&set, SIGHUP) == 0);
    PTOK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    /* not ignored, as nohup has it: it is waited for, and does no harm when a terminal closes */
    CHK(sigaction(SIGPIPE, &ignore, NULL) == 0 && sigaction(SIGHUP, &usual, NULL) == 0);
}

/* ---- reload ---- */

static void say_problems(const char *what, const struct err *err)
{
    size_t i;

    if (err->n_items == 0) {
        log_error("reload: %s: %s", what, err->detail);
    }
    for (i = 0; i < err->n_items; i++) {
        log_error("reload: %s: %s", what, err->items[i].detail);
    }
}

static void reload_tokens(const struct wait *w)
{
    size_t before = tokens_count(w->tokens), now;
    struct err err = ERR_INIT;

    if (tokens_reload(w->tokens, &err) != 0) {
        say_problems("tokens", &err);
        err_fini(&err);
        return;
    }
    now = tokens_count(w->tokens);
    log_info("reload: %zu token%s, %zu before", now, now == 1 ? "" : "s", before);
}

static void reload_certificate(const struct wait *w)
{
    struct err err = ERR_INIT;

    if (server_certificate_expires(w->server) == 0) {
        return; /* no TLS */
    }
    if (server_reload(w->server, &err) != 0) {
        say_problems("the certificate stays as it was", &err);
        err_fini(&err);
    } else {
        log_info("reload: certificate and key were read again");
    }
}

/* The line about it is shown if the level before or the one after shows such lines. */
static void reload_level(enum log_level now)
{
    enum log_level before = log_level();

    if (now == before) {
        return;
    }
    log_set_level(now < before ? now : before);
    log_info("reload: log level %s, %s before", log_level_name(now), log_level_name(before));
    log_set_level(now);
}

static void reload_all(const struct wait *w, const struct options *now)
{
    char *others = options_difference(w->options, now);

    reload_level(now->log_level);
    reload_tokens(w);
    reload_certificate(w);
    if (others != NULL) {
        log_warn("reload: changed, and not before a restart: %s", others);
    }
    free(others);
}

static void reload(const struct wait *w)
{
    struct options now;
    struct err err = ERR_INIT;

    notify_send("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)(clock_monotonic() * 1e6));
    if (options_parse(w->argc, w->argv, &now, &err) != 0) {
        say_problems("nothing is changed", &err);
        err_fini(&err);
    } else {
        reload_all(w, &now);
        options_fini(&now);
    }
    notify_send("READY=1");
}

/* ---- signs of life ---- */

/* What the manager was told last. */
struct told {
    char status[96];
};

/* Whether store and pool answer; *status says how busy they are. */
static bool is_well(const struct wait *w, char *status, size_t size)
{
    int64_t counts[JOB_STATES];
    size_t workers = 0, busy = 0;
    struct err err = ERR_INIT;

    if (w->store->ops->job_counts(w->store, counts, &err) != 0) {
        log_error("the store does not answer: %s", err.detail);
        err_fini(&err);
        (void)snprintf(status, size, "the store does not answer"); /* it fits */
        return false;
    }
    pool_counts(w->pool, &workers, &busy);
    (void)snprintf(status, size, "%" PRId64 " running, %" PRId64 " queued", counts[JOB_RUNNING],
                   counts[JOB_QUEUED]);
    return true;
}

static void tell(const struct wait *w, struct told *told)
{
    char status[sizeof told->status];
    bool well = is_well(w, status, sizeof status);

    if (well && notify_watchdog() > 0) {
        notify_send("WATCHDOG=1");
    }
    if (strcmp(status, told->status) != 0) {
        notify_send("STATUS=%s", status);
        memcpy(told->status, status, sizeof status);
    }
}

/* The next signal, or 0 when it was time to tell. */
static int next_signal(const sigset_t *set)
{
    double seconds =
        notify_watchdog() > 0 ? fmin(notify_watchdog(), STATUS_SECONDS) : STATUS_SECONDS;
    struct timespec wait = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    int sig = notify_is_on() ? sigtimedwait(set, NULL, &wait) : sigwaitinfo(set, NULL);

    CHK(sig > 0 || errno == EAGAIN || errno == EINTR);
    return sig > 0 ? sig : 0;
}

int wait_for_stop(const struct wait *w)
{
    sigset_t set = wait_stop_signals();
    struct told told = {.status = ""};
    int sig = 0;

    CHK(sigaddset(&set, SIGHUP) == 0);
    while (sig != SIGTERM && sig != SIGINT) {
        if (notify_is_on()) {
            tell(w, &told);
        }
        sig = next_signal(&set);
        if (sig == SIGHUP) {
            reload(w);
        }
    }
    return sig;
}
