/* How fast the store is when many jobs are in it.
 *
 *   make tests/bench/store && tests/bench/store [DIR [JOBS]]
 *
 * Fills a new store in DIR (a new folder below /tmp) with JOBS (10,000) jobs: half of them ended,
 * each with 100 points of curve and a model of 100 kB, half queued. Then it says, in milliseconds
 * or per second: opening it after a kill, submitting and claiming (one caller, and 8 at once), the
 * place in the queue, counts, the held room, a page of the list. Each write is durable: the figures
 * are those of the disk below DIR, and the last line is what one write with fsync costs there.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_sqlite.h"

enum { CALLERS = 8, POINTS = 100, WRITES = 1000, READS = 1000, WEIGHTS = 100000 };

static struct store *store;
static atomic_long n_left;
static atomic_bool submitting;

static void must(int rc, const struct err *err)
{
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", err->detail);
        exit(1);
    }
}

static void open_store(const char *dir, const char *owner)
{
    struct store_sqlite_options options = {.dir = dir, .owner = owner};
    struct err err = ERR_INIT;

    must(store_sqlite_open(&options, &store, &err), &err);
}

static void submit(void)
{
    static char config[2000];
    struct store_job_new job = {.kind = "train",
                                .name = "bench",
                                .config_json = config,
                                .resolved_json = config,
                                .max_queued = 1000000,
                                .disk_bytes = 1 << 20};
    struct err err = ERR_INIT;
    int64_t id, model;

    memset(config, ' ', sizeof config - 1); /* about what a config and its defaults come to */
    must(store->ops->job_submit(store, &job, &id, &model, &err), &err);
}

static int64_t claim(void)
{
    struct store_job job;
    struct err err = ERR_INIT;
    int64_t id;

    must(store->ops->job_claim(store, "bench", &job, &err), &err);
    id = job.id;
    store_job_fini(&job);
    return id;
}

static void finish(int64_t id)
{
    static struct store_point points[POINTS];
    static char weights[WEIGHTS];
    struct store_outcome outcome = {.state = JOB_SUCCEEDED,
                                    .result_json = "{}",
                                    .has_model = true,
                                    .spec_json = "{}",
                                    .encoder_json = "{}",
                                    .info_json = "{}",
                                    .metrics_json = "{}",
                                    .weights = weights,
                                    .weights_bytes = sizeof weights};
    struct err err = ERR_INIT;

    for (int i = 0; i < POINTS; i++) {
        points[i].epoch = i + 1;
    }
    must(store->ops->curve_append(store, id, "bench", points, POINTS, &err), &err);
    must(store->ops->job_finish(store, id, "bench", &outcome, &err), &err);
}

/* ---- many at once ---- */

static void *caller(void *arg)
{
    (void)arg; /* none */
    while (atomic_fetch_sub(&n_left, 1) > 0) {
        if (atomic_load(&submitting)) {
            submit();
        } else {
            (void)claim();
        }
    }
    return NULL;
}

static double per_second(int n_callers, int n, bool submits)
{
    pthread_t threads[CALLERS];
    double from = clock_monotonic();

    atomic_store(&n_left, n);
    atomic_store(&submitting, submits);
    for (int i = 0; i < n_callers; i++) {
        PTOK(pthread_create(&threads[i], NULL, caller, NULL));
    }
    for (int i = 0; i < n_callers; i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    return n / (clock_monotonic() - from);
}

static void *fill_caller(void *arg)
{
    (void)arg; /* none */
    while (atomic_fetch_sub(&n_left, 1) > 0) {
        finish(claim());
    }
    return NULL;
}

static void fill(int jobs)
{
    pthread_t threads[CALLERS];

    (void)per_second(CALLERS, jobs, true);
    atomic_store(&n_left, jobs / 2);
    for (int i = 0; i < CALLERS; i++) {
        PTOK(pthread_create(&threads[i], NULL, fill_caller, NULL));
    }
    for (int i = 0; i < CALLERS; i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
}

/* ---- reads ---- */

static void read_once(int what, int64_t newest)
{
    struct store_job_filter filter = {.state = -1, .limit = 100};
    struct store_job *jobs = NULL;
    int64_t number, counts[JOB_STATES];
    struct err err = ERR_INIT;
    size_t n;
    bool more;

    switch (what) {
    case 0:
        must(store->ops->job_position(store, newest, &number, &err), &err);
        break;
    case 1:
        must(store->ops->job_counts(store, counts, &err), &err);
        break;
    case 2:
        must(store->ops->job_disk(store, &number, &err), &err);
        break;
    default:
        must(store->ops->job_list(store, &filter, &jobs, &n, &more, &err), &err);
        store_jobs_free(&jobs, n);
        break;
    }
}

static void read_all(int64_t newest)
{
    static const char *const names[] = {"place of the last in the queue", "counts by state",
                                        "held room", "a page of 100 jobs"};

    for (int what = 0; what < (int)ARRAY_LEN(names); what++) {
        double from = clock_monotonic();

        for (int i = 0; i < READS; i++) {
            read_once(what, newest);
        }
        (void)printf("%-34s %8.3f ms\n", names[what], (clock_monotonic() - from) * 1000 / READS);
    }
}

static void one_write(const char *dir)
{
    char *path = xasprintf("%s/one", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static char page[4096];
    double from = clock_monotonic();

    CHK(fd >= 0);
    for (int i = 0; i < 200; i++) {
        CHK(pwrite(fd, page, sizeof page, (off_t)i * 4096) == (ssize_t)sizeof page);
        CHK(fdatasync(fd) == 0);
    }
    (void)printf("%-34s %8.3f ms\n", "one page with fdatasync",
                 (clock_monotonic() - from) * 1000 / 200);
    (void)close(fd);
    (void)unlink(path);
    free(path);
}

/* In a child, which is killed with 8 of them running and a log not yet taken in. */
static void killed(const char *dir, int jobs)
{
    pid_t child = fork();
    int status;

    CHK(child >= 0);
    if (child == 0) {
        open_store(dir, "bench");
        fill(jobs);
        for (int i = 0; i < CALLERS; i++) {
            (void)claim();
        }
        (void)raise(SIGKILL);
    }
    CHK(waitpid(child, &status, 0) == child);
    CHK(WIFSIGNALED(status));
}

int main(int argc, char **argv)
{
    char made[] = "/tmp/bench_store.XXXXXX";
    const char *dir = argc > 1 ? argv[1] : mkdtemp(made);
    int jobs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 10000;
    double from;

    CHK(dir != NULL && jobs > 0);
    hash_start();
    log_set_level(LOG_WARN);
    from = clock_monotonic();
    killed(dir, jobs);
    (void)printf("%s, %d jobs in %s (%.1f s to fill)\n", store_sqlite_version(), jobs, dir,
                 clock_monotonic() - from);
    from = clock_monotonic();
    open_store(dir, "bench");
    (void)printf("%-34s %8.3f ms\n", "open after the kill", (clock_monotonic() - from) * 1000);
    read_all(jobs);
    (void)printf("%-34s %8.0f /s\n", "submit, 1 caller", per_second(1, WRITES, true));
    (void)printf("%-34s %8.0f /s\n", "submit, 8 callers", per_second(CALLERS, WRITES, true));
    (void)printf("%-34s %8.0f /s\n", "claim, 1 caller", per_second(1, WRITES, false));
    (void)printf("%-34s %8.0f /s\n", "claim, 8 callers", per_second(CALLERS, WRITES, false));
    store->ops->close(&store);
    from = clock_monotonic();
    open_store(dir, "bench-2"); /* 2,000 running jobs go back */
    (void)printf("%-34s %8.3f ms\n", "open with 2,000 running jobs",
                 (clock_monotonic() - from) * 1000);
    store->ops->close(&store);
    from = clock_monotonic();
    open_store(dir, "bench-2");
    (void)printf("%-34s %8.3f ms\n", "open, nothing to do", (clock_monotonic() - from) * 1000);
    store->ops->close(&store);
    one_write(dir);
    return 0;
}
