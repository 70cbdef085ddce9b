/* The client's knowledge; see world.h. */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

void world_begin(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    ck_assert_int_eq(setenv("MLPD_ALLOW_PRIVATE", "127.0.0.1/32", 1), 0); /* for deliveries */
    w->random = seed * 0x9e3779b97f4a7c15u + 1;
    snprintf(w->state, sizeof w->state, "%s", scratch_path("state"));
    w->trail = fopen(scratch_path("trail-log"), "w"); /* printed with the logs on a failure */
    ck_assert_ptr_nonnull(w->trail);
}

void world_end(struct world *w)
{
    fclose(w->trail);
    free(w->jobs);
    free(w->tables);
    free(w->d.state);
    free(w->d.log);
}

size_t chance(struct world *w, size_t n)
{
    uint64_t x = w->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (size_t)((x ^ (x >> 31)) % n);
}

void say(struct world *w, const char *fmt, ...)
{
    static int loud = -1;
    va_list ap;

    if (loud < 0) {
        loud = getenv("CRASH_VERBOSE") != NULL;
    }
    fprintf(w->trail, "%.3f ", now_seconds());
    va_start(ap, fmt);
    vfprintf(w->trail, fmt, ap);
    va_end(ap);
    fputc('\n', w->trail);
    fflush(w->trail);
    if (loud) {
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
    }
}

bool is_final(const char *state)
{
    return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 ||
           strcmp(state, "cancelled") == 0;
}

struct job_known *job_add(struct world *w)
{
    w->jobs = realloc(w->jobs, (w->n_jobs + 1) * sizeof *w->jobs);
    ck_assert_ptr_nonnull(w->jobs);
    w->jobs[w->n_jobs] = (struct job_known){.serial = ++w->serial, .reached = -1};
    snprintf(w->jobs[w->n_jobs].name, sizeof w->jobs->name, "j%u", w->serial);
    return &w->jobs[w->n_jobs++];
}

struct table_known *table_add(struct world *w)
{
    w->tables = realloc(w->tables, (w->n_tables + 1) * sizeof *w->tables);
    ck_assert_ptr_nonnull(w->tables);
    w->tables[w->n_tables] = (struct table_known){.content = ++w->serial};
    snprintf(w->tables[w->n_tables].name, sizeof w->tables->name, "t%u", w->serial);
    return &w->tables[w->n_tables++];
}

void job_drop(struct world *w, struct job_known *job)
{
    size_t at = (size_t)(job - w->jobs);

    memmove(job, job + 1, (--w->n_jobs - at) * sizeof *job);
}

bool is_promised(const struct job_known *job)
{
    return job->id != 0 && job->deleted == NO;
}

size_t jobs_open(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_jobs; i++) {
        n += w->jobs[i].sent != NO && w->jobs[i].deleted != YES && w->jobs[i].final[0] == '\0';
    }
    return n;
}
