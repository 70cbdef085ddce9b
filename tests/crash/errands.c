/* Killed starts and commands; see errands.h. Each is done in folders of its own; the state of the
 * loop is only read, as the source of a backup.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "errands.h"

/* Run a command to be killed at `point`; true when it was. Otherwise it must have worked. */
static bool dies(const char *point, const char *const *arguments)
{
    const char *out, *err;
    int status;

    setenv("MLPD_CRASH_AT", text("%s:1", point), 1);
    status = daemon_run_wait(arguments, &out, &err);
    unsetenv("MLPD_CRASH_AT");
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        return true;
    }
    ck_assert_msg(WEXITSTATUS(status) == 0, "mlpd %s: %s%s", arguments[0], out, err);
    return false;
}

static void works(const char *const *arguments)
{
    const char *out, *err;
    int status = daemon_run(arguments, &out, &err);

    ck_assert_msg(status == 0, "mlpd %s: exit %d, %s%s", arguments[0], status, out, err);
}

static void is_sound(const char *state)
{
    works((const char *const[]){"check", "--state", state, NULL});
}

/* How many jobs a daemon on this folder shows; nothing of it runs. */
static size_t jobs_in(const char *state)
{
    struct daemon d = {.pid = 0};
    size_t n;

    daemon_start(&d, state, NULL);
    n = length(want(http_get("/jobs?limit=500"), 200), "/jobs");
    daemon_stop(&d);
    return n;
}

/* The first start makes the database, step by step. */
static bool first_start(const char *point)
{
    char *state = scratch_path("first");
    struct daemon d = {.pid = 0};
    int status = 0;
    bool died;

    setenv("MLPD_CRASH_AT", text("%s:1", point), 1);
    died = !daemon_try_start(&d, state, NULL, &status);
    unsetenv("MLPD_CRASH_AT");
    if (died) {
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        daemon_start(&d, state, NULL);
    }
    daemon_stop(&d);
    is_sound(state);
    return died;
}

bool errand_is_likely(const char *point)
{
    return strstr(point, "migration") != NULL || strncmp(point, "backup-", 7) == 0 ||
           strncmp(point, "restore-", 8) == 0;
}

bool errand_run(struct world *w, const char *point)
{
    char *backup = scratch_path("backup"), *state = scratch_path("restored");
    bool died = first_start(point);
    size_t jobs;

    if (dies(point, (const char *const[]){"backup", backup, "--state", w->state, NULL})) {
        died = true;
        backup = scratch_path("again"); /* the half one is not taken for a whole one */
        works((const char *const[]){"backup", backup, "--state", w->state, NULL});
    }
    is_sound(backup);
    if (dies(point, (const char *const[]){"restore", backup, "--state", state, NULL})) {
        died = true;
        works((const char *const[]){"restore", backup, "--state", state, NULL});
    }
    is_sound(state);
    if (dies(point, (const char *const[]){"gc", "--keep-jobs", "1", "--state", state, NULL})) {
        died = true;
        works((const char *const[]){"gc", "--keep-jobs", "1", "--state", state, NULL});
    }
    is_sound(state);
    jobs = jobs_in(state);
    ck_assert_msg(jobs <= 1 + jobs_open(w) + w->n_jobs, "%zu jobs are left", jobs);
    test_end();
    forget_json();
    return died;
}
