/* Jobs and uploads for the end-to-end tests; see work.h. Nothing here sleeps for a fixed
 * time: it looks, waits 2 ms, and looks again until a deadline.
 */
#include "config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

int64_t train(const char *job_fmt, ...)
{
    va_list ap;
    char *job;
    struct reply *r;

    va_start(ap, job_fmt);
    ck_assert_int_ge(vasprintf(&job, job_fmt, ap), 0);
    va_end(ap);
    keep(job);
    r = want(http_post(q("%s", job), "/train"), 202);
    return integer(r, "/id");
}

char *slow_job(int epochs, int seed, const char *more)
{
    char *rows = text("%s", ""), *truth_rows = text("%s", "");

    for (int i = 0; i < 200; i++) {
        double a = sin(i * 0.7), b = cos(i * 1.3), c = sin(i * i * 0.01);

        rows = text("%s%s[%.4f,%.4f,%.4f]", rows, i > 0 ? "," : "", a, b, c);
        truth_rows = text("%s%s%.4f", truth_rows, i > 0 ? "," : "", a * b + c);
    }
    return q("{'preset': 'simple', "
             "'data': {'x': [%s], 'y': [%s]}, 'architecture': {'hidden': [128, 128]}, "
             "'training': {'epochs': %d, 'batch_size': 1, 'seed': %d, 'early_stopping': null}%s}",
             rows, truth_rows, epochs, seed, more);
}

static bool is_final(const char *state)
{
    return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 ||
           strcmp(state, "cancelled") == 0;
}

struct reply *wait_for_job(int64_t id, const char *state)
{
    double deadline = now_seconds() + 60 * PATIENCE;

    for (;;) {
        struct reply *r = want(http_get("/jobs/%lld", (long long)id), 200);
        const char *is = str(r, "/state");

        if (strcmp(is, state) == 0) {
            return r;
        }
        ck_assert_msg(!is_final(is), "job %lld became %s instead of %s: %.3000s", (long long)id, is,
                      state, r->body);
        ck_assert_msg(now_seconds() < deadline, "job %lld is still %s, not %s: %.3000s",
                      (long long)id, is, state, r->body);
        pause_briefly();
    }
}

void wait_for_epoch(int64_t id, int64_t epoch)
{
    double deadline = now_seconds() + 60 * PATIENCE;

    for (;;) {
        struct reply *r = wait_for_job(id, "running");

        if (has(r, "/progress/epoch") && !is_null(r, "/progress/epoch") &&
            integer(r, "/progress/epoch") >= epoch) {
            return;
        }
        ck_assert_msg(now_seconds() < deadline, "job %lld has no epoch %lld: %.3000s",
                      (long long)id, (long long)epoch, r->body);
        pause_briefly();
    }
}

void wait_for_missing(const char *name)
{
    double deadline = now_seconds() + 30 * PATIENCE;

    while (http_get("/datasets/%s", name)->status != 404) {
        ck_assert_msg(now_seconds() < deadline, "the upload of %s goes on", name);
        pause_briefly();
    }
}

void cancel_job(int64_t id)
{
    struct reply *r = http_poke("/jobs/%lld/cancel", (long long)id);

    ck_assert_msg(r->status == 200 || r->status == 202, "cancel: %ld %s", r->status, r->body);
    wait_for_job(id, "cancelled");
}

int64_t model_of(int64_t job)
{
    return integer(want(http_get("/jobs/%lld", (long long)job), 200), "/model_id");
}

int64_t trained(int64_t job)
{
    return integer(wait_for_job(job, "succeeded"), "/model_id");
}

char *weights_of(int64_t model)
{
    struct reply *r = want(http_get("/models/%lld/weights", (long long)model), 200);

    ck_assert_int_eq(integer(r, "/model_id"), model);
    return canonical(at(r, "/layers"));
}

bool is_time(const char *value)
{
    int y, mo, d, h, mi, s, used = 0;

    return sscanf(value, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &used) == 6 &&
           used == 19 && y >= 2024 && value[strlen(value) - 1] == 'Z';
}

void upload_example(const char *name)
{
    size_t len;
    char *csv = file_read(source_path(text("examples/data/%s.csv", name)), &len);
    struct reply *r = http_csv(csv, "/datasets?name=%s", name);

    ck_assert_msg(r->status == 201 || r->status == 200, "uploading %s: %ld %s", name, r->status,
                  r->body);
}

char *features_of(const char *name)
{
    char *csv = file_read(source_path(text("examples/data/%s.csv", name)), NULL), *to = csv;

    for (char *line = csv, *end; *line != '\0'; line = end) {
        char *comma;

        end = line + strcspn(line, "\n");
        end += *end == '\n';
        comma = memrchr(line, ',', (size_t)(end - line));
        ck_assert_ptr_nonnull(comma);
        memmove(to, line, (size_t)(comma - line));
        to += comma - line;
        *to++ = '\n';
    }
    *to = '\0';
    return csv;
}
