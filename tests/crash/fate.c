/* How the daemon dies; see fate.h. The thread only sleeps and sends one signal; the process is
 * not reaped before the thread is joined, so that the number cannot mean another one.
 */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "fate.h"

/* ---- crash points ------------------------------------------------------------------ */

static char **points;
static size_t n_points;

#ifdef MLPD_CRASH_POINTS

static int look_into(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    static const char mark[] = "CRASH_POINT(\"";
    size_t len = strlen(path);
    const char *at, *end;

    (void)st;
    (void)where;
    if (kind != FTW_F || len < 2 || strcmp(path + len - 2, ".c") != 0) {
        return 0;
    }
    for (at = file_read(path, NULL); (at = strstr(at, mark)) != NULL; at = end) {
        at += sizeof mark - 1;
        end = strchr(at, '"');
        ck_assert_ptr_nonnull(end);
        points = realloc(points, (n_points + 1) * sizeof *points);
        ck_assert_ptr_nonnull(points);
        points[n_points] = strndup(at, (size_t)(end - at));
        ck_assert_ptr_nonnull(points[n_points++]);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#endif

const char *const *fate_points(size_t *n)
{
#ifdef MLPD_CRASH_POINTS
    if (points == NULL) {
        size_t kept = 0;

        ck_assert_int_eq(nftw(source_path("src"), look_into, 16, FTW_PHYS), 0);
        qsort(points, n_points, sizeof *points, by_name);
        for (size_t i = 0; i < n_points; i++) { /* one name may stand in two places */
            if (kept > 0 && strcmp(points[kept - 1], points[i]) == 0) {
                free(points[i]);
            } else {
                points[kept++] = points[i];
            }
        }
        n_points = kept;
    }
#endif
    *n = n_points;
    return (const char *const *)points;
}

void fate_forget(void)
{
    while (n_points > 0) {
        free(points[--n_points]);
    }
    free(points);
    points = NULL;
}

/* ---- the daemon's life ---------------------------------------------------------------- */

static struct {
    pthread_t thread;
    pthread_mutex_t mtx;
    pthread_cond_t changed;
    struct timespec when;
    pid_t pid;
    bool armed, called_off, sent;
} reaper = {.mtx = PTHREAD_MUTEX_INITIALIZER};

static void died_by_kill(int status)
{
    ck_assert_msg(status != -1, "mlpd did not die in time");
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                  "mlpd was not killed, it ended with %s %d",
                  WIFSIGNALED(status) ? "signal" : "exit",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

bool fate_start(struct world *w, const char *const *options, const char *point, unsigned n)
{
    double begin = now_seconds(), took;
    int status = 0;
    bool ready;

    if (point != NULL) {
        setenv("MLPD_CRASH_AT", text("%s:%u", point, n), 1);
    }
    ready = daemon_try_start(&w->d, w->state, options, &status);
    unsetenv("MLPD_CRASH_AT");
    w->starts++;
    if (!ready) {
        ck_assert_msg(point != NULL, "mlpd does not start: status %d", status);
        died_by_kill(status);
        return false;
    }
    took = now_seconds() - begin;
    w->start_seconds += took;
    w->slowest_start = took > w->slowest_start ? took : w->slowest_start;
    return true;
}

static void *strike_then(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&reaper.mtx);
    while (!reaper.called_off &&
           pthread_cond_timedwait(&reaper.changed, &reaper.mtx, &reaper.when) != ETIMEDOUT) {
    }
    if (!reaper.called_off) {
        reaper.sent = kill(reaper.pid, SIGKILL) == 0;
    }
    pthread_mutex_unlock(&reaper.mtx);
    return NULL;
}

void fate_arm(const struct world *w, double seconds)
{
    pthread_condattr_t attr;
    double when = now_seconds() + seconds;

    ck_assert(!reaper.armed && w->d.pid > 0);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper.changed, &attr);
    pthread_condattr_destroy(&attr);
    reaper.when.tv_sec = (time_t)when;
    reaper.when.tv_nsec = (long)((when - (double)reaper.when.tv_sec) * 1e9);
    reaper.pid = w->d.pid;
    reaper.called_off = reaper.sent = false;
    reaper.armed = true;
    ck_assert_int_eq(pthread_create(&reaper.thread, NULL, strike_then, NULL), 0);
}

/* Wait for a dead one without reaping it. */
static void until_dead(pid_t pid)
{
    double deadline = now_seconds() + 60 * PATIENCE;
    siginfo_t info = {.si_pid = 0};

    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
        ck_assert_msg(now_seconds() < deadline, "no answer came, and yet mlpd lives");
        pause_briefly();
    }
}

bool fate_await(struct world *w)
{
    bool by_itself = true;

    until_dead(w->d.pid);
    if (reaper.armed) {
        pthread_mutex_lock(&reaper.mtx);
        by_itself = !reaper.sent;
        reaper.called_off = true;
        pthread_cond_signal(&reaper.changed);
        pthread_mutex_unlock(&reaper.mtx);
        pthread_join(reaper.thread, NULL);
        pthread_cond_destroy(&reaper.changed);
        reaper.armed = false;
    }
    died_by_kill(daemon_wait(&w->d, 30));
    return by_itself;
}

bool fate_strike(struct world *w)
{
    ck_assert_int_eq(kill(w->d.pid, SIGKILL), 0);
    return fate_await(w);
}
