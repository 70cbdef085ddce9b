/* The life of the daemon under test, and of the test program's folder.
 *
 * The daemon's stdout is a pipe (for the ready line), its stderr a file in the program's
 * folder. Nothing here waits by sleeping for a fixed time: each wait looks at a condition
 * and has a deadline.
 *
 * Processes: main makes the folder and removes it at the end; in check's fork mode tests
 * are children of main. A child must not clean up what is main's, hence `owner`.
 */
#include "config.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define MAX_DAEMONS 64
#define LOG_LINES   120 /* of each log, when a test fails */

struct daemon *target;

static char root[256];          /* the program's folder */
static pid_t owner;             /* the process that removes it */
static pid_t live[MAX_DAEMONS]; /* started by this process and not yet reaped */
static unsigned serial;
static bool trouble; /* outside of any test */

/* ---- files ---------------------------------------------------------------------- */

static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    size_t n = 0, room = 0;

    if (f == NULL) {
        return NULL;
    }
    do {
        if (room - n < 4096) {
            char *more = realloc(data, room = room == 0 ? 65536 : 2 * room);

            if (more == NULL) {
                break;
            }
            data = more;
        }
        n += fread(data + n, 1, room - n - 1, f);
    } while (!feof(f) && !ferror(f));
    fclose(f);
    if (data != NULL) {
        data[n] = '\0';
    }
    if (len != NULL) {
        *len = n;
    }
    return data;
}

char *file_read(const char *path, size_t *len)
{
    char *data = slurp(path, len);

    ck_assert_msg(data != NULL, "cannot read %s: %s", path, strerror(errno));
    return keep(data);
}

char *source_path(const char *relative)
{
    const char *top = getenv("top_srcdir");

    return text("%s/%s", top != NULL ? top : TOP_SRCDIR, relative);
}

char *scratch_path(const char *name)
{
    return text("%s/%d-%u-%s", root, (int)getpid(), serial++, name);
}

size_t folder_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    if (dir == NULL) {
        return 0;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(dir);
    return n;
}

void wait_for_entries(const char *path, size_t n)
{
    double deadline = now_seconds() + 60 * PATIENCE;

    while (folder_entries(path) != n) {
        ck_assert_msg(now_seconds() < deadline, "%s has %zu entries, not %zu", path,
                      folder_entries(path), n);
        pause_briefly();
    }
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

/* ---- the daemon ------------------------------------------------------------------ */

static const char *daemon_binary(void)
{
    const char *given = getenv("MLPD"), *build = getenv("top_builddir");

    return given != NULL ? given : text("%s/mlpd", build != NULL ? build : ".");
}

static void note_live(pid_t pid)
{
    for (size_t i = 0; i < MAX_DAEMONS; i++) {
        if (live[i] == 0) {
            live[i] = pid;
            return;
        }
    }
    ck_abort_msg("more than %d daemons at once", MAX_DAEMONS);
}

static void note_dead(pid_t pid)
{
    for (size_t i = 0; i < MAX_DAEMONS; i++) {
        if (live[i] == pid) {
            live[i] = 0;
        }
    }
}

/* Fork and exec mlpd. out_fd becomes its stdout, the log its stderr. */
static pid_t spawn(const char *const *arguments, int out_fd, const char *log)
{
    static const char *const ours[] = {"MLPD_LISTEN", "MLPD_STATE", "MLPD_WORKERS",
                                       "MLPD_LOG_LEVEL", "STATE_DIRECTORY"};
    const char *binary = daemon_binary();
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int err_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        char **argv = calloc(64, sizeof(*argv));
        sigset_t none;

        /* It must not outlive us, even if we are killed. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < COUNT(ours); i++) {
            unsetenv(ours[i]);
        }
        if (err_fd < 0 || null_fd < 0 || argv == NULL || dup2(null_fd, 0) < 0 ||
            dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0) {
            _exit(126);
        }
        argv[0] = strdup(binary);
        for (size_t i = 0; arguments[i] != NULL && i < 62; i++) {
            argv[i + 1] = strdup(arguments[i]);
        }
        execv(binary, argv);
        dprintf(2, "cannot run %s: %s\n", binary, strerror(errno));
        _exit(127);
    }
    note_live(pid);
    return pid;
}

/* Wait for the end, at most `seconds`; then it is killed, and the answer is -1. */
static int reap(pid_t pid, double seconds)
{
    double deadline = now_seconds() + seconds;
    bool late = false;
    int status;

    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got != 0) {
            note_dead(pid);
            return got == pid && !late ? status : -1;
        }
        if (!late && now_seconds() > deadline) {
            late = true;
            kill(pid, SIGKILL);
        }
        pause_briefly();
    }
}

/* Read the ready line, at most 30 s. NULL, or what mlpd said when it ended before. */
static const char *read_ready_line(struct daemon *d, int fd, int *status)
{
    double deadline = now_seconds() + 30 * PATIENCE;
    char line[256];
    size_t n = 0;
    int fields;

    while (n == 0 || line[n - 1] != '\n') {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got;

        ck_assert_msg(now_seconds() < deadline, "no ready line in time");
        if (poll(&p, 1, 100) <= 0) {
            continue;
        }
        ck_assert_uint_lt(n, sizeof(line) - 1);
        got = read(fd, line + n, 1);
        if (got <= 0) {
            *status = reap(d->pid, 30);
            d->pid = 0;
            return text("%.*s\n%s", (int)n, line, file_read(d->log, NULL));
        }
        n += (size_t)got;
    }
    line[n - 1] = '\0';
    fields = sscanf(line, "mlpd %15s listening on %159s", d->version, d->url);
    ck_assert_msg(fields == 2, "the ready line is \"%s\"", line);
    ck_assert_msg(sscanf(d->url, "http://%47[0-9.]:%7[0-9]", d->host, d->port) == 2 ||
                      sscanf(d->url, "https://%47[0-9.]:%7[0-9]", d->host, d->port) == 2 ||
                      strncmp(d->url, "unix:/", 6) == 0,
                  "the ready line's address is \"%s\"", d->url);
    return NULL;
}

/* A copy that lasts as long as the program: a daemon may outlive the struct that knew it. */
static char *lasting(const char *s)
{
    static char **all;
    static size_t n;

    all = realloc(all, (n + 1) * sizeof(*all));
    ck_assert_ptr_nonnull(all);
    all[n] = strdup(s);
    ck_assert_ptr_nonnull(all[n]);
    return all[n++];
}

/* NULL, or what it said when it ended instead. */
static const char *launch(struct daemon *d, const char *state, const char *const *arguments,
                          int *status)
{
    const char *said, *argv[32] = {"--listen", "127.0.0.1:0", "--state"};
    char *old_log = d->log;
    size_t n = 3;
    int pipe_fd[2];

    memset(d, 0, sizeof(*d));
    d->state = lasting(state != NULL ? state : scratch_path("state"));
    d->log = old_log != NULL ? old_log : lasting(scratch_path("log"));
    argv[n++] = d->state;
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++) {
        ck_assert_uint_lt(n, COUNT(argv) - 1);
        argv[n++] = arguments[i];
    }
    ck_assert_int_eq(pipe2(pipe_fd, O_CLOEXEC), 0);
    d->pid = spawn(argv, pipe_fd[1], d->log);
    close(pipe_fd[1]);
    said = read_ready_line(d, pipe_fd[0], status);
    close(pipe_fd[0]);
    target = said == NULL ? d : NULL;
    return said;
}

void daemon_start(struct daemon *d, const char *state, const char *const *arguments)
{
    int status = 0;
    const char *said = launch(d, state, arguments, &status);

    ck_assert_msg(said == NULL, "mlpd did not start (status %d, said \"%s\")", status, said);
}

bool daemon_try_start(struct daemon *d, const char *state, const char *const *arguments,
                      int *status)
{
    return launch(d, state, arguments, status) == NULL;
}

static void forget(struct daemon *d)
{
    d->pid = 0;
    if (target == d) {
        target = NULL;
    }
}

int daemon_wait(struct daemon *d, double seconds)
{
    pid_t pid = d->pid;

    ck_assert_int_gt(pid, 0);
    forget(d);
    return reap(pid, seconds);
}

/* NULL, or how it ended instead of with exit 0. */
static const char *end_by(struct daemon *d, int signal_number)
{
    pid_t pid = d->pid;
    int status;

    forget(d);
    if (pid <= 0 || kill(pid, signal_number) != 0) {
        return "mlpd is not there to be stopped";
    }
    status = reap(pid, 30 * PATIENCE);
    if (status == -1) {
        return "mlpd did not stop in time";
    }
    if (WIFSIGNALED(status)) {
        return text("mlpd was ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? NULL : text("mlpd ended with exit %d", WEXITSTATUS(status));
}

void daemon_stop(struct daemon *d)
{
    daemon_stop_by(d, SIGTERM);
}

void daemon_stop_by(struct daemon *d, int signal_number)
{
    const char *wrong = end_by(d, signal_number);

    ck_assert_msg(wrong == NULL, "%s", wrong);
}

void daemon_retire(struct daemon *d)
{
    const char *wrong = d->pid > 0 ? end_by(d, SIGTERM) : NULL;

    if (wrong != NULL) {
        printf("at the end: %s\n", wrong);
        trouble = true;
    }
}

void daemon_kill(struct daemon *d)
{
    pid_t pid = d->pid;
    int status;

    ck_assert_int_gt(pid, 0);
    forget(d);
    kill(pid, SIGKILL);
    status = reap(pid, 30);
    ck_assert_msg(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                  "mlpd was gone before the kill -9");
}

void daemon_must_live(const struct daemon *d)
{
    char state;
    char *stat = file_read(text("/proc/%d/stat", (int)d->pid), NULL);
    char *after = strrchr(stat, ')');

    ck_assert(after != NULL && sscanf(after, ") %c", &state) == 1);
    ck_assert_msg(state != 'Z', "mlpd died");
}

int daemon_run_wait(const char *const *arguments, const char **out, const char **err_out)
{
    char *out_path = scratch_path("stdout"), *log = scratch_path("log");
    int fd = open(out_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), status;
    pid_t pid;

    ck_assert_int_ge(fd, 0);
    pid = spawn(arguments, fd, log);
    close(fd);
    status = reap(pid, 30 * PATIENCE);
    ck_assert_msg(status != -1, "mlpd ran on");
    if (out != NULL) {
        *out = file_read(out_path, NULL);
    }
    if (err_out != NULL) {
        *err_out = file_read(log, NULL);
    }
    return status;
}

int daemon_run(const char *const *arguments, const char **out, const char **err_out)
{
    int status = daemon_run_wait(arguments, out, err_out);

    ck_assert_msg(WIFEXITED(status), "mlpd ended with signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static size_t status_kilobytes(const struct daemon *d, const char *key)
{
    char *status = file_read(text("/proc/%d/status", (int)d->pid), NULL);
    char *line = strstr(status, key);
    size_t kilobytes = 0;

    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(sscanf(line + strlen(key), " %zu", &kilobytes), 1);
    return kilobytes * 1024;
}

size_t daemon_memory(const struct daemon *d)
{
    return status_kilobytes(d, "VmRSS:");
}

size_t daemon_memory_peak(const struct daemon *d)
{
    return status_kilobytes(d, "VmHWM:");
}

/* ---- the program ------------------------------------------------------------------ */

TCase *case_with(const char *name, void (*start)(void), void (*stop)(void))
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 120 * PATIENCE);
    tcase_add_unchecked_fixture(tc, start, stop);
    tcase_add_checked_fixture(tc, NULL, test_end);
    return tc;
}

/* The last lines of a log. */
static void print_log(const char *path)
{
    size_t len = 0;
    char *data = slurp(path, &len);
    const char *from;
    int lines = 0;

    if (data == NULL || len == 0) {
        free(data);
        return;
    }
    from = data + len;
    while (from > data && lines <= LOG_LINES) {
        from--;
        lines += *from == '\n';
    }
    printf("--- %s\n%s\n", path, from);
    free(data);
}

static bool log_has_report(const char *path)
{
    static const char *const signs[] = {"AddressSanitizer", "ThreadSanitizer", "LeakSanitizer",
                                        "runtime error:"};
    char *data = slurp(path, NULL);
    bool found = false;

    for (size_t i = 0; data != NULL && i < COUNT(signs); i++) {
        found = found || strstr(data, signs[i]) != NULL;
    }
    free(data);
    return found;
}

/* Print logs where wanted; true when one holds a sanitizer's report. */
static bool look_at_logs(bool print)
{
    DIR *dir = opendir(root);
    bool report = false;

    if (dir == NULL) {
        return false;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[600];
        size_t n = strlen(e->d_name);

        if (n < 4 || strcmp(e->d_name + n - 4, "-log") != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", root, e->d_name);
        if (log_has_report(path)) {
            report = true;
            print_log(path);
        } else if (print) {
            print_log(path);
        }
    }
    closedir(dir);
    return report;
}

/* At exit, whatever the way out: no daemon and no folder stays. */
static void clean_up(void)
{
    for (size_t i = 0; i < MAX_DAEMONS; i++) {
        if (live[i] > 0 && getpid() == owner) {
            kill(live[i], SIGKILL);
            waitpid(live[i], NULL, 0);
        }
    }
    if (getpid() == owner) {
        nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

int harness_main(Suite *suite)
{
    const char *tmp = getenv("TMPDIR");
    SRunner *runner;
    int failed;
    bool report;

    signal(SIGPIPE, SIG_IGN);
    snprintf(root, sizeof(root), "%s/mlpd-api-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(root) == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        perror("a folder for the test");
        return 1;
    }
    owner = getpid();
    atexit(clean_up);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    report = look_at_logs(failed > 0 || trouble);
    if (report) {
        printf("a daemon's log holds a sanitizer report\n");
    }
    srunner_free(runner);
    test_end();
    curl_global_cleanup();
    return failed == 0 && !report && !trouble ? 0 : 1;
}
