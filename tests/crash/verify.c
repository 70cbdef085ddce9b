/* Holding a daemon that was started again to what is known; see verify.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "acts.h"
#include "recipes.h"
#include "verify.h"
#include "work.h"

#define AGAIN 12 /* one in so many finished jobs is compared once more */

/* ---- jobs ----------------------------------------------------------------------------- */

/* Its request was cut off: by now it is there, once, or not at all. */
static void settle_sent(struct world *w, struct job_known *job)
{
    struct reply *r;
    size_t n;

    if (job->key[0] != '\0') {
        ck_assert(act_submit_again(w, job));
    }
    r = want(http_get("/jobs?name=%s", job->name), 200);
    n = length(r, "/jobs");
    ck_assert_msg(n <= 1, "%s was sent once and is there %zu times", job->name, n);
    if (n == 0) {
        ck_assert_msg(job->key[0] == '\0', "%s got 202 and is not there", job->name);
        job->sent = NO;
        return;
    }
    job->sent = YES;
    job->id = integer(r, "/jobs/0/id");
    job->model_id = integer(r, "/jobs/0/model_id");
}

static void check_events(const struct job_known *job, const struct reply *job_reply)
{
    struct reply *r = want(http_get("/jobs/%lld/events", (long long)job->id), 200);
    size_t ends = 0, runs = 0, i;
    const char *last = "";
    json_t *event;

    json_array_foreach(at(r, "/events"), i, event)
    {
        const char *kind = json_string_value(json_object_get(event, "kind"));

        ck_assert_ptr_nonnull(kind);
        ends += is_final(kind);
        runs += strcmp(kind, "running") == 0;
        last = ends > 0 && is_final(kind) ? kind : last;
    }
    if (!is_final(str(job_reply, "/state"))) {
        return; /* it may end between the two answers */
    }
    ck_assert_msg(ends == 1, "job %lld ended %zu times: %s", (long long)job->id, ends, r->body);
    ck_assert_str_eq(last, str(job_reply, "/state"));
    ck_assert_msg((int64_t)runs == integer(job_reply, "/attempt"), "%zu runs, attempt %lld", runs,
                  (long long)integer(job_reply, "/attempt"));
}

static void check_progress(const struct job_known *job, const char *state)
{
    size_t points;

    (void)recipe_curve(want(http_get("/jobs/%lld/curve", (long long)job->id), 200), &points);
    if (job->reached > 0 && strcmp(state, "cancelled") != 0) {
        ck_assert_msg((int64_t)points >= job->reached,
                      "job %lld had a checkpoint at epoch %lld, its curve now has %zu points",
                      (long long)job->id, (long long)job->reached, points);
    }
}

/* Each state against what was asked; `fresh`: the daemon has just started. */
static void check_state(struct job_known *job, const char *state, bool fresh, const char *body)
{
    if (job->final[0] != '\0') {
        ck_assert_msg(strcmp(state, job->final) == 0, "job %lld was %s and is %s",
                      (long long)job->id, job->final, state);
        return;
    }
    ck_assert_msg(strcmp(state, "failed") != 0, "job %lld failed: %s", (long long)job->id, body);
    ck_assert_msg(strcmp(state, "cancelled") != 0 || job->cancelled != NO,
                  "nobody cancelled job %lld", (long long)job->id);
    ck_assert_msg(strcmp(state, "paused") != 0 || job->held != NO, "nobody paused job %lld",
                  (long long)job->id);
    if (!fresh || is_final(state)) {
        return;
    }
    ck_assert_msg(job->cancelled != YES, "job %lld was cancelled and is %s", (long long)job->id,
                  state);
    ck_assert_msg(job->held != YES || strcmp(state, "paused") == 0, "job %lld was paused and is %s",
                  (long long)job->id, state);
    job->held = strcmp(state, "paused") == 0 ? YES : NO;
    job->cancelled = NO;
}

static void note_end(struct world *w, struct job_known *job, const struct reply *r)
{
    const char *state = str(r, "/state");

    if (!is_final(state)) {
        return;
    }
    if (job->finished_at[0] != '\0') {
        ck_assert_str_eq(job->finished_at, str(r, "/finished_at"));
    }
    snprintf(job->finished_at, sizeof job->finished_at, "%s", str(r, "/finished_at"));
    w->finished += job->final[0] == '\0';
    snprintf(job->final, sizeof job->final, "%s", state);
    job->held = NO;
    if (strcmp(state, "succeeded") == 0 && (!job->compared || chance(w, AGAIN) == 0) &&
        job->model_deleted == NO) {
        recipe_compare(job->recipe, job->id, job->model_id);
        w->compared += !job->compared;
        w->resumed += !job->compared && integer(r, "/attempt") > 1;
        job->compared = true;
    }
}

static void check_model(struct job_known *job)
{
    struct reply *r = http_get("/models/%lld", (long long)job->model_id);

    if (job->model_deleted == MAYBE) {
        job->model_deleted = r->status == 404 ? YES : NO;
    }
    ck_assert_msg(r->status == (job->model_deleted == YES ? 404 : 200), "model %lld: %ld %s",
                  (long long)job->model_id, r->status, r->body);
    if (job->model_deleted == NO && strcmp(job->final, "succeeded") == 0) {
        ck_assert_str_eq(str(r, "/state"), "ready");
        ck_assert_str_eq(str(r, "/weights_sha256"), recipe_product(job->recipe)->sha256);
    }
}

static void check_job(struct world *w, struct job_known *job, bool fresh)
{
    struct reply *r = http_get("/jobs/%lld", (long long)job->id);

    if (job->deleted == MAYBE) {
        job->deleted = r->status == 404 ? YES : NO;
    }
    ck_assert_msg(r->status == (job->deleted == YES ? 404 : 200), "job %lld: %ld %s",
                  (long long)job->id, r->status, r->body);
    if (job->deleted == NO) {
        ck_assert_str_eq(str(r, "/name"), job->name);
        ck_assert_int_eq(integer(r, "/model_id"), job->model_id);
        ck_assert_int_eq(integer(r, "/priority"), job->priority);
        ck_assert_msg(integer(r, "/attempt") >= job->attempt, "the attempts of job %lld went down",
                      (long long)job->id);
        job->attempt = integer(r, "/attempt");
        check_state(job, str(r, "/state"), fresh, r->body);
        check_events(job, r);
        check_progress(job, str(r, "/state"));
        note_end(w, job, r);
    }
    if (job->model_deleted != YES) {
        check_model(job);
    }
}

/* Nothing more can be said about it. */
static bool is_gone(const struct job_known *job)
{
    return job->sent == NO || (job->deleted == YES &&
                               (job->model_deleted == YES || strcmp(job->final, "succeeded") != 0));
}

static void check_jobs(struct world *w, bool fresh)
{
    size_t i;

    for (i = 0; i < w->n_jobs; i++) {
        if (w->jobs[i].sent == MAYBE) {
            settle_sent(w, &w->jobs[i]);
        }
        if (w->jobs[i].sent == YES) {
            check_job(w, &w->jobs[i], fresh);
        }
        test_end();
        forget_json();
    }
    for (i = w->n_jobs; i-- > 0;) {
        if (is_gone(&w->jobs[i])) {
            job_drop(w, &w->jobs[i]);
        }
    }
}

/* ---- the rest --------------------------------------------------------------------------- */

static void check_tables(struct world *w)
{
    size_t contents = 2, i; /* the table of all, and the inline one */

    for (i = w->n_tables; i-- > 0;) {
        struct table_known *t = &w->tables[i];
        struct reply *r = http_get("/datasets/%s", t->name);

        ck_assert_msg(t->there == MAYBE || r->status == (t->there == YES ? 200 : 404),
                      "table %s: %ld %s", t->name, r->status, r->body);
        if (r->status == 404) {
            *t = w->tables[--w->n_tables];
            continue;
        }
        t->there = YES;
        ck_assert_int_eq(integer(r, "/rows"), 20);
        ck_assert_msg(t->sha256[0] == '\0' || strcmp(t->sha256, str(r, "/sha256")) == 0,
                      "table %s is another", t->name);
        snprintf(t->sha256, sizeof t->sha256, "%s", str(r, "/sha256"));
    }
    contents += w->n_tables;
    i = folder_entries(text("%s/datasets", w->state));
    ck_assert_msg(i <= contents, "%zu dataset files of %zu contents", i, contents);
    want(http_get("/datasets/cloud"), 200);
}

static void check_queue(struct world *w)
{
    bool held = truth(want(http_get("/service"), 200), "/queue/is_paused");

    ck_assert_msg(w->queue_held == MAYBE || held == (w->queue_held == YES), "the queue is %spaused",
                  held ? "" : "not ");
    w->queue_held = held ? YES : NO;
}

void verify(struct world *w)
{
    double begin = now_seconds();

    want(http_get("/readyz"), 200);
    check_queue(w);
    check_jobs(w, true);
    check_tables(w);
    test_end();
    forget_json();
    say(w, "verified %zu jobs, %zu tables in %.3f s", w->n_jobs, w->n_tables,
        now_seconds() - begin);
}

void verify_end(struct world *w)
{
    double deadline = now_seconds() + 120 * PATIENCE;
    size_t i;

    want(http_post("", "/queue/resume"), 200);
    w->queue_held = NO;
    for (i = 0; i < w->n_jobs; i++) {
        if (is_promised(&w->jobs[i]) && w->jobs[i].final[0] == '\0') {
            struct reply *r = http_post("", "/jobs/%lld/resume", (long long)w->jobs[i].id);

            ck_assert_msg(r->status == 200 || r->status == 409, "resume: %ld %s", r->status,
                          r->body);
            w->jobs[i].held = NO;
        }
    }
    while (jobs_open(w) > 0) {
        for (i = 0; i < w->n_jobs; i++) {
            if (is_promised(&w->jobs[i]) && w->jobs[i].final[0] == '\0') {
                check_job(w, &w->jobs[i], false);
            }
        }
        ck_assert_msg(now_seconds() < deadline, "%zu jobs do not come to their end", jobs_open(w));
        test_end();
        forget_json();
        pause_briefly();
    }
    check_jobs(w, false);
    check_tables(w);
    wait_for_entries(text("%s/checkpoints", w->state), 0);
}

void verify_check(struct world *w)
{
    const char *out, *err;
    int status = daemon_run((const char *const[]){"check", "--state", w->state, NULL}, &out, &err);

    ck_assert_msg(status == 0, "mlpd check: %s%s", out, err);
}
