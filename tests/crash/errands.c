/* Killed starts and commands; see errands.h. Each is done in folders of its own; the state of the
 * loop is only read, as the source of a backup.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "errands.h"
#include "net_help.h"
#include "work.h"

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

/* ---- a training that fetches its table ---- */

static void say_table(struct net_server *s, int fd, const char *request)
{
    (void)s;
    (void)request;
    net_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 31\r\n\r\n"
                "a,b\n1,2.5\n2,4\n3,6.5\n4,8\n5,10.5\n");
}

/* What a reply says of the state, or NULL: the daemon is gone. */
static const char *state_of(int64_t job)
{
    struct reply *r = http_try(&(struct request){.path = text("/jobs/%lld", (long long)job)});

    return r == NULL ? NULL : str(want(r, 200), "/state");
}

static bool fetched_training(const char *point)
{
    static const char *const options[] = {"--fetch-allow", "127.0.0.1", "--allow-private",
                                          "127.0.0.0/8", NULL};
    char *folder = scratch_path("fetched");
    struct daemon d = {.pid = 0};
    struct net_server server;
    const char *state = NULL;
    int64_t job;
    int status = 0;
    bool died;

    daemon_start(&d, folder, options);
    net_server_start(&server, say_table);
    want(http_poke("/queue/pause"), 200);
    job = integer(want(http_post(q("{'preset': 'simple', "
                                   "'data': {'url': 'http://127.0.0.1:%u/t.csv', 'target': 'b'}, "
                                   "'training': {'epochs': 2}}",
                                   server.port),
                                 "/train"),
                       202),
                  "/id");
    daemon_kill(&d);
    setenv("MLPD_CRASH_AT", text("%s:1", point), 1);
    died = !daemon_try_start(&d, folder, options, &status);
    unsetenv("MLPD_CRASH_AT");
    if (!died) {
        (void)http_try(&(struct request){.method = "POST", .path = "/queue/resume"});
    }
    while (!died && (state = state_of(job)) != NULL && !is_final(state)) {
        pause_briefly();
    }
    if (!died && state == NULL) {
        status = daemon_wait(&d, 30 * PATIENCE);
        died = true;
    }
    if (died) {
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        daemon_start(&d, folder, options);
        want(http_poke("/queue/resume"), 200);
    }
    wait_for_job(job, "succeeded");
    daemon_stop(&d);
    net_server_stop(&server);
    is_sound(folder);
    return died;
}

bool errand_is_likely(const char *point)
{
    return strstr(point, "settle") != NULL || strstr(point, "migration") != NULL ||
           strncmp(point, "backup-", 7) == 0 || strncmp(point, "restore-", 8) == 0;
}

bool errand_run(struct world *w, const char *point)
{
    char *backup = scratch_path("backup"), *state = scratch_path("restored");
    bool died = first_start(point);
    size_t jobs;

    died |= fetched_training(point);
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
