/* This process as the system sees it; see process.h.
 *
 * From /proc/self and two system calls; nothing is remembered but when the process started, which
 * the kernel knows as time since boot: turned into a date once, so that a clock that is set does
 * not make it look like a new process. Any thread.
 */
#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static double started_at; /* set once */

struct stat_line {
    unsigned long threads, virtual_bytes;
    long pages;
    unsigned long long start_ticks;
};

static bool read_stat(struct stat_line *out)
{
    FILE *f = fopen("/proc/self/stat", "re");
    char line[1024];
    const char *p = NULL;

    if (f == NULL) {
        return false;
    }
    if (fgets(line, sizeof line, f) != NULL) {
        p = strrchr(line, ')'); /* the name before it may hold anything */
    }
    (void)fclose(f); /* it was only read */
    return p != NULL &&
           sscanf(p,
                  ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                  "%*d %lu %*d %llu %lu %ld",
                  &out->threads, &out->start_ticks, &out->virtual_bytes, &out->pages) == 4;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    CHK(clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void find_start(void)
{
    struct stat_line stat = {.threads = 0};

    if (read_stat(&stat)) {
        started_at = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) +
                     (double)stat.start_ticks / (double)sysconf(_SC_CLK_TCK);
    }
}

static size_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    size_t n = 0;

    if (dir == NULL) {
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(dir);      /* it was only read */
    return n > 0 ? n - 1 : 0; /* not our own */
}

static double seconds_in(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void process_look(struct process *out)
{
    struct process p = {.max_fds = SIZE_MAX};
    struct stat_line stat = {.threads = 0};
    struct rusage usage;
    struct rlimit limit;

    PTOK(pthread_once(&once, find_start));
    p.started_at = started_at;
    if (read_stat(&stat)) {
        p.threads = stat.threads;
        p.virtual_bytes = stat.virtual_bytes;
        p.resident_bytes = (uint64_t)stat.pages * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    CHK(getrusage(RUSAGE_SELF, &usage) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    p.cpu_seconds = seconds_in(usage.ru_utime) + seconds_in(usage.ru_stime);
    if (limit.rlim_cur != RLIM_INFINITY) {
        p.max_fds = (size_t)limit.rlim_cur;
    }
    p.open_fds = count_fds();
    *out = p;
}
