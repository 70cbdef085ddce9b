/* What the load measurement came to, as Markdown. Goals are marked where they are missed; being
 * slow is no error, a wrong or missing answer is. */
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define GOAL_MS  20.0 /* the 99th percentile of predictions */
#define GOAL_MIB 4.0  /* how far memory may go from the second to the last quarter */
#define MIB      1048576.0

static void machine(FILE *out, const struct run *run)
{
    char model[128] = "unknown processor", line[256], day[32];
    FILE *cpu = fopen("/proc/cpuinfo", "r");
    time_t now = time(NULL);

    while (cpu != NULL && fgets(line, sizeof line, cpu) != NULL) {
        if (sscanf(line, "model name : %127[^\n]", model) == 1) {
            break;
        }
    }
    if (cpu != NULL) {
        (void)fclose(cpu);
    }
    (void)strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
    fprintf(out, "- %s, %s, %ld cores, shared by the daemon and its clients\n", day, model,
            sysconf(_SC_NPROCESSORS_ONLN));
    fprintf(out, "- mlpd %s, `--workers 2`\n", run->daemon->version);
    fprintf(out, "- %.0f s, with", run->predict->until - run->predict->from);
    for (size_t kind = 0; kind < CROWD_KINDS; kind++) {
        fprintf(out, " %zu %s,", run->crowd->wanted[kind], crowd_name((enum crowd_kind)kind));
    }
    fprintf(out, " %zu queued jobs, 2 jobs that train\n\n", run->queued_jobs);
}

static void predictions(FILE *out, const struct run *run)
{
    static const double shares[] = {0.5, 0.9, 0.99, 0.999, 1};
    struct predict *p = run->predict;
    size_t seconds, bad;
    double worst, p99;

    bad = predict_bad_seconds(p, GOAL_MS / 1e3, &seconds, &worst); /* before they are sorted */
    p99 = samples_share(&p->latency, 0.99);
    fprintf(out, "| predictions | p50 | p90 | p99 | p99.9 | most |\n"
                 "| --- | --- | --- | --- | --- | --- |\n| from when due, ms |");
    for (size_t i = 0; i < COUNT(shares); i++) {
        fprintf(out, " %.2f%s |", 1e3 * samples_share(&p->latency, shares[i]),
                shares[i] != 0.99     ? ""
                : p99 * 1e3 < GOAL_MS ? " (goal: under 20)"
                                      : " (misses 20)");
    }
    fprintf(out, "\n| of that, before sending, ms |");
    for (size_t i = 0; i < COUNT(shares); i++) {
        fprintf(out, " %.2f |", 1e3 * samples_share(&p->late, shares[i]));
    }
    fprintf(out,
            "\n\n%.1f predictions/s of %.0f wanted; %zu of %zu seconds had a p99 above %.0f ms, the"
            " worst %.1f ms. Errors: ",
            (double)p->answered / (p->until - p->from), p->rate, bad, seconds, GOAL_MS,
            worst * 1e3);
    for (size_t i = 0; i < PREDICT_ERRORS && p->errors[i].n != 0; i++) {
        fprintf(out, "%s%llu times %s", i != 0 ? ", " : "", (unsigned long long)p->errors[i].n,
                p->errors[i].what);
    }
    fprintf(out, "%s.\n\n", predict_errors(p) == 0 ? "none" : "");
}

static bool crowd(FILE *out, const struct run *run)
{
    bool good = true;

    fprintf(out, "| others | opened | ended by mlpd | 200 | 304 | 503 | wrong | MB taken | "
                 "p50, p99 ms |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t kind = 0; kind < CROWD_KINDS; kind++) {
        struct crowd_count *c = &run->crowd->count[kind];

        fprintf(out, "| %s | %llu | %llu | %llu | %llu | %llu | %llu | %.1f | ",
                crowd_name((enum crowd_kind)kind), (unsigned long long)c->opened,
                (unsigned long long)c->ended, (unsigned long long)c->ok,
                (unsigned long long)c->unchanged, (unsigned long long)c->refused,
                (unsigned long long)c->bad, (double)c->bytes / 1e6);
        if (c->latency.n != 0) {
            fprintf(out, "%.2f, %.2f |\n", 1e3 * samples_share(&c->latency, 0.5),
                    1e3 * samples_share(&c->latency, 0.99));
        } else {
            fprintf(out, "- |\n");
        }
        good = good && c->bad == 0;
        if (c->bad != 0) {
            fprintf(stderr, "load: a wrong answer to %s: %s\n", crowd_name((enum crowd_kind)kind),
                    c->first_bad);
        }
    }
    fprintf(out, "\n");
    return good && run->crowd->count[CROWD_POLLER].refused == 0;
}

static double mean_rss(const struct run *run, size_t from, size_t to)
{
    double sum = 0;

    for (size_t i = from; i < to; i++) {
        sum += (double)run->seen[i].rss;
    }
    return to > from ? sum / (double)(to - from) : 0;
}

/* Bytes a second by least squares over the samples from this one on. */
static double slope(const struct run *run, size_t from)
{
    double n = (double)(run->n_seen - from), t = 0, m = 0, tt = 0, tm = 0;

    for (size_t i = from; i < run->n_seen; i++) {
        double at = run->seen[i].at - run->seen[from].at, rss = (double)run->seen[i].rss;

        t += at;
        m += rss;
        tt += at * at;
        tm += at * rss;
    }
    return n * tt > t * t ? (n * tm - t * m) / (n * tt - t * t) : 0;
}

static void memory(FILE *out, const struct run *run)
{
    size_t n = run->n_seen, most = 0, fds = 0;
    double growth = mean_rss(run, n * 3 / 4, n) - mean_rss(run, n / 4, n / 2);

    for (size_t i = 0; i < n; i++) {
        most = run->seen[i].rss > most ? run->seen[i].rss : most;
        fds = run->seen[i].descriptors > fds ? run->seen[i].descriptors : fds;
    }
    fprintf(out, "| resident memory, MiB | descriptors | when |\n| --- | --- | --- |\n");
    fprintf(out, "| %.1f | %zu | before the clients |\n", (double)run->before.rss / MIB,
            run->before.descriptors);
    fprintf(out, "| %.1f | %zu | at the beginning |\n", (double)run->seen[0].rss / MIB,
            run->seen[0].descriptors);
    fprintf(out, "| %.1f | %zu | at most (`VmHWM` %.1f) |\n", (double)most / MIB, fds,
            (double)run->seen[n - 1].hwm / MIB);
    fprintf(out, "| %.1f | %zu | at the end |\n", (double)run->seen[n - 1].rss / MIB,
            run->seen[n - 1].descriptors);
    fprintf(out, "| %.1f | %zu | after the clients |\n\n", (double)run->after.rss / MIB,
            run->after.descriptors);
    fprintf(out,
            "From the second quarter of the time to the last, memory went by %+.2f MiB (%s %.0f); "
            "by least squares over the last three quarters, %+.3f MiB a minute.\n\n",
            growth / MIB, growth / MIB < GOAL_MIB ? "goal: less than" : "misses", GOAL_MIB,
            slope(run, n / 4) * 60 / MIB);
}

static void shares(FILE *out, const struct run *run)
{
    const struct seen *a = &run->seen[0], *b = &run->seen[run->n_seen - 1];
    double seconds = b->at - a->at, workers = b->workers - a->workers;
    double ours = b->ours - a->ours, daemon = b->cpu - a->cpu, others = b->others - a->others;

    fprintf(out,
            "Of one processor: training %.2f, the rest of mlpd %.2f, its clients %.2f, others "
            "%.2f, taken from this machine by its host %.2f. The jobs trained %ld and %ld epochs. "
            "mlpd stopped in %.1f s.\n",
            workers / seconds, (daemon - workers) / seconds, ours / seconds,
            fmax(others, 0) / seconds, (b->stolen - a->stolen) / seconds, run->epochs[0],
            run->epochs[1], run->stop_seconds);
    if (others / seconds > 0.1) {
        fprintf(out,
                "\n**Other programs took %.0f %% of a processor meanwhile: times are too "
                "long.**\n",
                100 * others / seconds);
    }
}

bool report(FILE *out, const struct run *run)
{
    bool good;

    machine(out, run);
    predictions(out, run);
    good = crowd(out, run);
    memory(out, run);
    shares(out, run);
    if (run->after.descriptors > run->before.descriptors) {
        fprintf(stderr, "load: mlpd keeps descriptors\n");
        good = false;
    }
    return good && predict_errors(run->predict) == 0;
}
