/* How mlpd bears a crowd: predictions at a fixed rate while hundreds of clients idle, dawdle, stop
 * half way or poll, thousands of jobs wait and two train.
 *
 *   scripts/bench load [--minutes N | --seconds N]     (or: make tests/bench/load)
 *   tests/bench/load --mlpd FILE [--out FILE.md] [--daemon OPTION]...
 *   [--rate N] [--idle N] [--readers N] [--writers N] [--halves N] [--pollers N] [--queued N]
 *
 * It starts a daemon of its own on a new state folder below TMPDIR, makes a table, a small model
 * to predict with and a large one to read slowly, two jobs that train for as long as it takes and
 * the queue behind them; then the clients come (load_crowd.c, load_predict.c), each kind in a
 * thread, and are all gone before the daemon is stopped. Main looks at /proc meanwhile.
 * Exit status 1: an answer was wrong or missing; never for a time.
 */
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define ROWS         20000
#define COLUMNS      20
#define LOOK_SECONDS 2
#define WARM_SECONDS 3 /* for the crowd to be there */
#define MOST_LOOKS   100000
#define MOST_MORE    16

struct options {
    const char *mlpd, *out;
    double seconds, rate;
    size_t wanted[CROWD_KINDS], queued;
    char *more[MOST_MORE + 1]; /* for the daemon */
    size_t n_more;
};

_Noreturn void fail(const char *fmt, ...)
{
    va_list ap;

    (void)fputs("load: ", stderr);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(2);
}

void *need(void *allocated)
{
    if (allocated == NULL) {
        fail("%s", strerror(errno));
    }
    return allocated;
}

char *text(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0) {
        fail("no memory");
    }
    va_end(ap);
    return s;
}

double clock_seconds(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void samples_add(struct samples *s, double value)
{
    if (s->n == s->room) {
        s->room = s->room == 0 ? 1024 : 2 * s->room;
        s->v = need(realloc(s->v, s->room * sizeof *s->v));
    }
    s->v[s->n++] = value;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double samples_share(struct samples *s, double share)
{
    if (s->n == 0) {
        return 0;
    }
    qsort(s->v, s->n, sizeof *s->v, by_size);
    return s->v[(size_t)(share * (double)(s->n - 1))];
}

/* ---- the scene ---- */

/* Clouds around three points, always the same. */
static char *table(void)
{
    size_t room = (size_t)ROWS * COLUMNS * 8, n = 0;
    char *csv = need(malloc(room));
    uint32_t x = 1;

    for (size_t k = 0; k < COLUMNS; k++) {
        n += (size_t)snprintf(csv + n, room - n, "c%zu,", k + 1);
    }
    n += (size_t)snprintf(csv + n, room - n, "y\n");
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < COLUMNS; k++) {
            x = x * 1664525 + 1013904223;
            n += (size_t)snprintf(csv + n, room - n, "%.2f,",
                                  (double)(x >> 16) / 16384 - 2 +
                                      (double)(i % 3) * (k % 2 ? 1 : -1));
        }
        n += (size_t)snprintf(csv + n, room - n, "%c\n", (char)('a' + i % 3));
    }
    return csv;
}

static long number_after(const char *json, const char *key)
{
    const char *at = strstr(json, key);

    return at != NULL ? strtol(at + strlen(key), NULL, 10) : 0;
}

/* Posts a job, whose quotes are '; its id. */
static long submit(uint16_t port, const char *job)
{
    char *body = need(strdup(job)), *answer;
    long id;

    for (char *p = body; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    answer = ask(port, 202, "POST", "/train", "application/json", body);
    id = number_after(answer, "\"id\":");
    free(answer);
    free(body);
    return id;
}

static char *job_of(uint16_t port, long id)
{
    char *path = text("/jobs/%ld", id), *answer = ask(port, 200, "GET", path, NULL, NULL);

    free(path);
    return answer;
}

/* Waits until a job is in a state; its model. */
static long wait_for(uint16_t port, long id, const char *state)
{
    char *wanted = text("\"state\":\"%s\"", state);
    double until = clock_seconds() + 120;
    long model = 0;

    while (model == 0) {
        char *job = job_of(port, id);

        if (strstr(job, wanted) != NULL) {
            model = number_after(job, "\"model_id\":");
        } else if (strstr(job, "\"state\":\"failed\"") != NULL || clock_seconds() > until) {
            fail("job %ld does not become %s: %.300s", id, state, job);
        }
        free(job);
        (void)usleep(20000);
    }
    free(wanted);
    return model;
}

static long epochs_of(uint16_t port, long id)
{
    char *job = job_of(port, id);
    long epoch = number_after(job, "\"progress\":{\"epoch\":");

    free(job);
    return epoch;
}

#define BENCH_DATA "'preset': 'simple', 'data': {'dataset': 'bench', 'target': 'y'}"

static void set_scene(const struct options *o, struct crowd *crowd, struct predict *predict)
{
    uint16_t port = crowd->port;
    char *csv = table(), *job;
    long small;

    free(ask(port, 201, "POST", "/datasets?name=bench", "text/csv", csv));
    free(csv);
    small = wait_for(port,
                     submit(port, "{" BENCH_DATA ", 'architecture': {'hidden': [64, 64]}, "
                                  "'training': {'epochs': 3, 'seed': 1}}"),
                     "succeeded");
    predict_prepare(predict, small, COLUMNS);
    crowd->big_model =
        wait_for(port,
                 submit(port, "{'preset': 'simple', "
                              "'data': {'x': [[0,0],[0,1],[1,0],[1,1]], 'y': [0,1,1,0]}, "
                              "'architecture': {'hidden': [1600, 1600]}, "
                              "'training': {'epochs': 1, 'batch_size': 4, 'seed': 1}}"),
                 "succeeded");
    for (int i = 0; i < 2; i++) {
        job = text("{" BENCH_DATA ", 'architecture': {'hidden': [512, 512]}, 'training': "
                   "{'epochs': 1000000, 'batch_size': 128, 'seed': %d, 'early_stopping': null}}",
                   i + 1);
        crowd->running[i] = submit(port, job);
        free(job);
        (void)wait_for(port, crowd->running[i], "running");
    }
    for (size_t i = 0; i < o->queued; i++) {
        crowd->queued = submit(port, "{" BENCH_DATA "}");
    }
    if (crowd->queued == 0) {
        crowd->queued = crowd->running[0];
    }
}

/* ---- the run ---- */

static void start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
    if (pthread_create(thread, NULL, run, arg) != 0) {
        fail("no thread");
    }
}

static void measure(const struct options *o, struct daemon *d, struct run *run)
{
    struct seen *seen = need(calloc(MOST_LOOKS, sizeof *seen));
    struct predict *predict = run->predict;
    struct crowd *crowd = run->crowd;
    pthread_t threads[2];
    double next;

    run->seen = seen;
    run->before = daemon_look(d);
    start_thread(&threads[0], crowd_main, crowd);
    predict->from = clock_seconds() + WARM_SECONDS;
    predict->until = predict->from + o->seconds;
    start_thread(&threads[1], predict_main, predict);
    for (int i = 0; i < 2; i++) {
        run->epochs[i] = -epochs_of(d->port, crowd->running[i]);
    }
    for (next = predict->from; next <= predict->until; next += LOOK_SECONDS) {
        while (clock_seconds() < next) {
            (void)usleep(10000);
        }
        if (run->n_seen < MOST_LOOKS) {
            seen[run->n_seen++] = daemon_look(d);
        }
    }
    (void)pthread_join(threads[1], NULL);
    for (int i = 0; i < 2; i++) {
        run->epochs[i] += epochs_of(d->port, crowd->running[i]);
    }
    atomic_store(&crowd->stop, true);
    (void)pthread_join(threads[0], NULL);
    next = clock_seconds() + 10; /* all descriptors come back */
    do {
        run->after = daemon_look(d);
        (void)usleep(100000);
    } while (run->after.descriptors > run->before.descriptors && clock_seconds() < next);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int run_all(struct options *o)
{
    const char *tmp = getenv("TMPDIR");
    char *root = text("%s/mlpd-load-XXXXXX", tmp != NULL ? tmp : "/tmp"), *state, *log;
    struct predict *predict = need(calloc(1, sizeof *predict));
    struct crowd *crowd = need(calloc(1, sizeof *crowd));
    struct daemon d = {.pid = 0};
    struct run run = {.daemon = &d, .predict = predict, .crowd = crowd, .queued_jobs = o->queued};
    FILE *out = stdout;
    bool good;

    (void)need(mkdtemp(root));
    state = text("%s/state", root);
    log = text("%s/log", root);
    daemon_start(&d, o->mlpd, state, log, o->more);
    predict->port = crowd->port = d.port;
    predict->rate = o->rate;
    memcpy(crowd->wanted, o->wanted, sizeof crowd->wanted);
    (void)fprintf(stderr, "load: %zu jobs are queued first; log in %s\n", o->queued, log);
    set_scene(o, crowd, predict);
    (void)fprintf(stderr, "load: now %.0f s of clients\n", o->seconds);
    measure(o, &d, &run);
    run.stop_seconds = daemon_stop(&d);
    if (o->out != NULL) {
        out = need(fopen(o->out, "w"));
    }
    good = report(out, &run);
    if (fflush(out) != 0 || (out != stdout && fclose(out) != 0)) {
        fail("%s: %s", o->out, strerror(errno));
    }
    predict_free(predict);
    for (size_t kind = 0; kind < CROWD_KINDS; kind++) {
        free(crowd->count[kind].latency.v);
    }
    free(predict);
    free(crowd);
    free(run.seen);
    free(state);
    free(log);
    if (good) {
        (void)nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(root);
    return good ? 0 : 1;
}

static double positive(const char *word)
{
    char *end;
    double value = strtod(word, &end);

    if (*word == '\0' || *end != '\0' || !(value >= 0 && value < 1e6)) {
        fail("%s is no number that fits", word);
    }
    return value;
}

int main(int argc, char **argv)
{
    enum { MLPD = 1, OUT, DAEMON, MINUTES, SECONDS, RATE, QUEUED, KIND };
    static const struct option known[] = {{"mlpd", 1, NULL, MLPD},
                                          {"out", 1, NULL, OUT},
                                          {"daemon", 1, NULL, DAEMON},
                                          {"minutes", 1, NULL, MINUTES},
                                          {"seconds", 1, NULL, SECONDS},
                                          {"rate", 1, NULL, RATE},
                                          {"queued", 1, NULL, QUEUED},
                                          {"idle", 1, NULL, KIND + CROWD_IDLE},
                                          {"readers", 1, NULL, KIND + CROWD_READER},
                                          {"writers", 1, NULL, KIND + CROWD_WRITER},
                                          {"halves", 1, NULL, KIND + CROWD_HALF},
                                          {"pollers", 1, NULL, KIND + CROWD_POLLER},
                                          {NULL, 0, NULL, 0}};
    struct options o = {.seconds = 60,
                        .rate = 1000,
                        .queued = 2000,
                        .wanted = {[CROWD_IDLE] = 500,
                                   [CROWD_READER] = 16,
                                   [CROWD_WRITER] = 16,
                                   [CROWD_HALF] = 16,
                                   [CROWD_POLLER] = 64}};
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case MLPD:
            o.mlpd = optarg;
            break;
        case OUT:
            o.out = optarg;
            break;
        case DAEMON:
            if (o.n_more == MOST_MORE) {
                fail("too many --daemon");
            }
            o.more[o.n_more++] = optarg;
            break;
        case MINUTES:
            o.seconds = 60 * positive(optarg);
            break;
        case SECONDS:
            o.seconds = positive(optarg);
            break;
        case RATE:
            o.rate = positive(optarg);
            break;
        case QUEUED:
            o.queued = (size_t)positive(optarg);
            break;
        default:
            if (c < KIND || c >= KIND + CROWD_KINDS) {
                return 2; /* getopt has said it */
            }
            o.wanted[c - KIND] = (size_t)positive(optarg);
        }
    }
    if (o.mlpd == NULL || optind != argc || o.seconds < 1 || o.rate < 1) {
        fail("usage: load --mlpd FILE [--seconds N] [--rate N] [--out FILE.md] ...");
    }
    return run_all(&o);
}
