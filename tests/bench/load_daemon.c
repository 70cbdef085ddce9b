/* The daemon of the load measurement, from outside: started, looked at through /proc, stopped. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

#define STOP_SECONDS 60

static _Noreturn void become(const char *program, const char *state, const char *log, int out,
                             char *const *more)
{
    const char *const ours[] = {program,     "--listen", "127.0.0.1:0", "--state", state,
                                "--workers", "2"};
    char *argv[32] = {NULL};
    int err = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t n = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive us */
    while (n < COUNT(ours)) {
        argv[n] = need(strdup(ours[n]));
        n++;
    }
    while (*more != NULL && n < COUNT(argv) - 1) {
        argv[n++] = *more++;
    }
    if (err >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0) {
        execv(program, argv);
    }
    _exit(127);
}

void daemon_start(struct daemon *d, const char *program, const char *state, const char *log,
                  char *const *more)
{
    unsigned port = 0;
    char line[256];
    int fds[2];
    FILE *out;

    if (pipe2(fds, O_CLOEXEC) != 0 || (d->pid = fork()) < 0) {
        fail("%s", strerror(errno));
    }
    if (d->pid == 0) {
        become(program, state, log, fds[1], more);
    }
    (void)close(fds[1]);
    out = need(fdopen(fds[0], "r"));
    if (fgets(line, sizeof line, out) == NULL ||
        sscanf(line, "mlpd %31s listening on %63s", d->version, d->url) != 2 ||
        sscanf(d->url, "http://127.0.0.1:%u", &port) != 1) {
        fail("%s did not start; %s has its log", program, log);
    }
    (void)fclose(out);
    d->port = (uint16_t)port;
}

/* A file of /proc; it fits. */
static char *slurp(char *into, size_t room, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, into, room - 1) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    into[n > 0 ? n : 0] = '\0';
    return into;
}

static size_t kilobytes(const char *status, const char *key)
{
    const char *at = strstr(status, key);

    return at != NULL ? strtoul(at + strlen(key), NULL, 10) * 1024 : 0;
}

/* Seconds of processor in a stat of a process or thread. */
static double seconds_of(const char *stat)
{
    const char *after = strrchr(stat, ')');
    unsigned long user = 0, system = 0;

    if (after != NULL) {
        (void)sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &system);
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static size_t entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return n > 2 ? n - 2 : 0; /* . and .. */
}

static double worker_seconds(const struct daemon *d)
{
    char path[300], stat[1024];
    double seconds = 0;
    DIR *dir;

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)d->pid);
    dir = opendir(path);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        (void)snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)d->pid, e->d_name);
        if (strstr(slurp(stat, sizeof stat, path), "(mlpd-worker)") != NULL) {
            seconds += seconds_of(stat);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return seconds;
}

/* What the machine's processors have done since it started, without waiting. */
static double machine_seconds(double *stolen)
{
    unsigned long user = 0, nice = 0, system = 0, irq = 0, softirq = 0, steal = 0;
    char stat[4096];

    (void)sscanf(slurp(stat, sizeof stat, "/proc/stat"), "cpu %lu %lu %lu %*u %*u %lu %lu %lu",
                 &user, &nice, &system, &irq, &softirq, &steal);
    *stolen = (double)steal / (double)sysconf(_SC_CLK_TCK);
    return (double)(user + nice + system + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
}

struct seen daemon_look(const struct daemon *d)
{
    struct seen seen = {.at = clock_seconds()};
    struct rusage usage;
    char path[64], bytes[4096];

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
    (void)slurp(bytes, sizeof bytes, path);
    seen.rss = kilobytes(bytes, "VmRSS:");
    seen.hwm = kilobytes(bytes, "VmHWM:");
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)d->pid);
    seen.cpu = seconds_of(slurp(bytes, sizeof bytes, path));
    seen.workers = worker_seconds(d);
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)d->pid);
    seen.descriptors = entries(path);
    (void)getrusage(RUSAGE_SELF, &usage);
    seen.ours = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    seen.others = machine_seconds(&seen.stolen) - seen.cpu - seen.ours;
    if (seen.rss == 0) {
        fail("the daemon is gone");
    }
    return seen;
}

double daemon_stop(struct daemon *d)
{
    double from = clock_seconds();
    int status = 0;

    (void)kill(d->pid, SIGTERM);
    while (waitpid(d->pid, &status, WNOHANG) == 0) {
        if (clock_seconds() - from > STOP_SECONDS) {
            (void)kill(d->pid, SIGKILL);
        }
        (void)usleep(10000);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail("the daemon ended with status 0x%x", (unsigned)status);
    }
    return clock_seconds() - from;
}
