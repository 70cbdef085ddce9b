/* Random acts; see acts.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "acts.h"
#include "recipes.h"

#define OPEN_MOST 6  /* jobs without an end at once */
#define KEPT_MOST 24 /* jobs altogether; then finished ones are deleted */

/* A request; NULL: no answer. */
static struct reply *send_to(struct world *w, const char *method, const char *path,
                             const char *body)
{
    struct reply *r =
        http_try(&(struct request){.method = method,
                                   .path = path,
                                   .body = body,
                                   .type = body != NULL && body[0] != '{' ? "text/csv" : NULL});

    w->acts++;
    w->answers += r != NULL;
    w->cut_off += r == NULL;
    say(w, "%s %s -> %ld", method, path, r != NULL ? r->status : 0);
    return r;
}

static struct reply *poke(struct world *w, const struct job_known *job, const char *what)
{
    return send_to(w, "POST", text("/jobs/%lld/%s", (long long)job->id, what), NULL);
}

/* A random job that fits, or NULL. */
static struct job_known *pick(struct world *w, bool (*fits)(const struct job_known *))
{
    size_t n = 0, k;

    for (size_t i = 0; i < w->n_jobs; i++) {
        n += fits(&w->jobs[i]);
    }
    k = n > 0 ? chance(w, n) : 0;
    for (size_t i = 0; i < w->n_jobs && n > 0; i++) {
        if (fits(&w->jobs[i]) && k-- == 0) {
            return &w->jobs[i];
        }
    }
    return NULL;
}

static bool is_open(const struct job_known *j)
{
    return is_promised(j) && j->final[0] == '\0';
}

static bool is_held(const struct job_known *j)
{
    return is_open(j) && j->held != NO;
}

static bool has_ended(const struct job_known *j)
{
    return is_promised(j) && j->final[0] != '\0' &&
           (j->compared || strcmp(j->final, "succeeded") != 0); /* what came out was looked at */
}

static bool has_model(const struct job_known *j)
{
    return j->id != 0 && strcmp(j->final, "succeeded") == 0 && j->model_deleted == NO;
}

static bool is_parent(const struct job_known *j)
{
    return has_model(j) && j->recipe == 0;
}

/* The answer tells the job's state. */
static void learn_state(struct world *w, struct job_known *job, const char *state)
{
    if (is_final(state) && job->final[0] == '\0') {
        snprintf(job->final, sizeof job->final, "%s", state);
        job->held = NO;
        w->finished++;
    }
}

/* ---- submit --------------------------------------------------------------------------- */

/* Each job tells of all its states, to where nobody listens: deliveries are made, and tried. */
static char *body_of(const struct job_known *job)
{
    char *body = recipe_body(job->recipe, job->name, job->parent, job->priority);

    return text("%.*s, \"notify\": {\"url\": \"http://127.0.0.1:9/\", \"events\": [\"running\","
                " \"paused\", \"succeeded\", \"failed\", \"cancelled\"]}}",
                (int)strlen(body) - 1, body);
}

static bool send_job(struct world *w, struct job_known *job)
{
    const char *headers[] = {job->key[0] != '\0' ? text("Idempotency-Key: %s", job->key) : NULL,
                             NULL};
    struct reply *r = http_try(&(struct request){
        .method = "POST", .path = "/train", .headers = headers, .body = body_of(job)});

    w->acts++;
    w->answers += r != NULL;
    w->cut_off += r == NULL;
    say(w, "POST /train %s \"%s\"%s%s -> %ld %s", job->name, recipes[job->recipe].name,
        job->key[0] != '\0' ? " key " : "", job->key, r != NULL ? r->status : 0,
        r != NULL && r->json != NULL && has(r, "/id") ? text("%lld", (long long)integer(r, "/id"))
                                                      : "");
    if (r == NULL) {
        job->sent = job->sent == YES ? YES : MAYBE;
        return false;
    }
    if (r->status == 503) { /* busy: it was not taken */
        if (job->sent == NO) {
            job_drop(w, job);
        }
        return true;
    }
    want(r, 202);
    ck_assert_msg(job->id == 0 || job->id == integer(r, "/id"),
                  "the key %s made job %lld and now %lld", job->key, (long long)job->id,
                  (long long)integer(r, "/id"));
    job->id = integer(r, "/id");
    job->model_id = integer(r, "/model_id");
    job->sent = YES;
    return true;
}

bool act_submit(struct world *w, size_t recipe)
{
    struct job_known *parent = recipes[recipe].goes_on ? pick(w, is_parent) : NULL, *job;
    int64_t parent_id = parent != NULL ? parent->model_id : 0;

    if (recipes[recipe].goes_on && parent == NULL) {
        recipe = 0;
    }
    job = job_add(w);
    job->recipe = recipe;
    job->parent = parent_id;
    job->priority = chance(w, 4) == 0 ? (int)chance(w, 5) - 2 : 0;
    if (chance(w, 2) == 0) {
        snprintf(job->key, sizeof job->key, "key-%u", job->serial);
    }
    return send_job(w, job);
}

bool act_submit_again(struct world *w, struct job_known *job)
{
    return send_job(w, job);
}

static bool submit_any(struct world *w)
{
    return jobs_open(w) >= OPEN_MOST || act_submit(w, chance(w, n_recipes));
}

/* A client that does not trust its own memory: the key makes no second job. */
static bool repeat_key(struct world *w)
{
    struct job_known *job = pick(w, is_promised);

    return job == NULL || job->key[0] == '\0' || send_job(w, job);
}

/* ---- jobs -------------------------------------------------------------------------------- */

static bool cancel(struct world *w)
{
    struct job_known *job = pick(w, is_open);
    struct reply *r;

    if (job == NULL) {
        return true;
    }
    r = poke(w, job, "cancel");
    if (r == NULL) {
        job->cancelled = job->cancelled == YES ? YES : MAYBE;
        return false;
    }
    if (r->status != 503) {
        ck_assert_msg(r->status == 200 || r->status == 202, "cancel: %ld %s", r->status, r->body);
        job->cancelled = YES;
        learn_state(w, job, str(r, "/state"));
    }
    return true;
}

static bool pause_or_resume(struct world *w, struct job_known *job, bool hold)
{
    struct reply *r = poke(w, job, hold ? "pause" : "resume");

    if (r == NULL) {
        job->held = job->held == (hold ? YES : NO) ? job->held : MAYBE;
        return false;
    }
    if (r->status == 409) { /* it has ended meanwhile, or it is being cancelled */
        struct reply *now =
            http_try(&(struct request){.path = text("/jobs/%lld", (long long)job->id)});

        if (now == NULL) {
            return false;
        }
        ck_assert_msg(is_final(str(want(now, 200), "/state")) || job->cancelled != NO,
                      "refused, but it is %s: %s", str(now, "/state"), r->body);
        learn_state(w, job, str(now, "/state"));
    } else if (r->status != 503) {
        want(r, 200);
        job->held = hold ? YES : NO;
        learn_state(w, job, str(r, "/state"));
    }
    return true;
}

static bool pause_one(struct world *w)
{
    struct job_known *job = pick(w, is_open);

    return job == NULL || pause_or_resume(w, job, true);
}

static bool resume_one(struct world *w)
{
    struct job_known *job = pick(w, is_held);

    return job == NULL || pause_or_resume(w, job, false);
}

static bool hold_queue(struct world *w)
{
    bool hold = w->queue_held == NO && chance(w, 8) == 0;
    struct reply *r = send_to(w, "POST", hold ? "/queue/pause" : "/queue/resume", NULL);

    if (r == NULL) {
        w->queue_held = MAYBE;
        return false;
    }
    if (r->status != 503) {
        want(r, 200);
        w->queue_held = hold ? YES : NO;
    }
    return true;
}

static bool delete_job(struct world *w)
{
    struct job_known *job = pick(w, chance(w, 4) == 0 ? is_promised : has_ended);
    struct reply *r;

    if (job == NULL) {
        return true;
    }
    r = send_to(w, "DELETE", text("/jobs/%lld", (long long)job->id), NULL);
    if (r == NULL) {
        job->deleted = MAYBE;
        return false;
    }
    if (r->status == 409) {
        ck_assert_msg(job->final[0] == '\0', "job %lld is %s and cannot be deleted: %s",
                      (long long)job->id, job->final, r->body);
    } else if (r->status != 503) {
        ck_assert_msg(r->status == 200 || r->status == 204, "delete: %ld %s", r->status, r->body);
        job->deleted = YES;
    }
    return true;
}

static bool delete_model(struct world *w)
{
    struct job_known *job = pick(w, has_model);
    struct reply *r;

    if (job == NULL) {
        return true;
    }
    r = send_to(w, "DELETE", text("/models/%lld", (long long)job->model_id), NULL);
    if (r == NULL) {
        job->model_deleted = MAYBE;
        return false;
    }
    if (r->status != 503 && r->status != 409) { /* 409: a job goes on from it */
        ck_assert_msg(r->status == 200 || r->status == 204, "delete: %ld %s", r->status, r->body);
        job->model_deleted = YES;
    }
    return true;
}

static bool tidy(struct world *w)
{
    return w->n_jobs < KEPT_MOST || (delete_job(w) && delete_model(w));
}

static bool look(struct world *w)
{
    struct job_known *job = pick(w, is_promised);
    struct reply *r;
    size_t n;

    if (job == NULL) {
        return true;
    }
    r = send_to(w, "GET", text("/jobs/%lld", (long long)job->id), NULL);
    if (r == NULL) {
        return false;
    }
    learn_state(w, job, str(want(r, 200), "/state"));
    r = send_to(w, "GET", text("/jobs/%lld/curve", (long long)job->id), NULL);
    if (r != NULL) {
        (void)recipe_curve(want(r, 200), &n); /* no gap, no duplicate */
    }
    return r != NULL;
}

/* ---- models ------------------------------------------------------------------------------- */

bool act_predict(struct world *w)
{
    struct job_known *job = pick(w, has_model);
    struct reply *r;
    bool is_inline;

    if (job == NULL) {
        job = pick(w, is_promised);
    }
    if (job == NULL) {
        return true;
    }
    is_inline = strstr(recipes[job->recipe].config, "'x':") != NULL;
    r = send_to(w, "POST", text("/models/%lld/predict", (long long)job->model_id),
                is_inline ? "{\"instances\": [[0, 1], [1, 1], [0.5, 0.25]]}" : recipe_probe());
    if (r == NULL) {
        return false;
    }
    if (has_model(job)) {
        want_same(recipe_prediction(want(r, 200)), recipe_product(job->recipe)->predictions);
    } else {
        ck_assert_msg(r->status == 200 || r->status == 404 || r->status == 409 || r->status == 503,
                      "predict: %ld %s", r->status, r->body);
    }
    return true;
}

/* ---- tables -------------------------------------------------------------------------------- */

static char *table_csv(unsigned content)
{
    char *csv = text("n,m\n");

    for (unsigned i = 0; i < 20; i++) {
        csv = text("%s%u,%u\n", csv, content, content * i);
    }
    return csv;
}

bool act_upload(struct world *w)
{
    struct table_known *t = table_add(w);
    struct reply *r = send_to(w, "POST", text("/datasets?name=%s", t->name), table_csv(t->content));

    if (r == NULL) {
        t->there = MAYBE;
        return false;
    }
    if (r->status == 503) {
        w->n_tables--;
        return true;
    }
    want(r, 201);
    t->there = YES;
    snprintf(t->sha256, sizeof t->sha256, "%s", str(r, "/sha256"));
    return true;
}

static bool tables(struct world *w)
{
    struct table_known *t;
    struct reply *r;

    if (w->n_tables < 4 || chance(w, 2) == 0) {
        return w->n_tables > 12 || act_upload(w);
    }
    t = &w->tables[chance(w, w->n_tables)];
    r = send_to(w, "DELETE", text("/datasets/%s", t->name), NULL);
    if (r == NULL) {
        t->there = t->there == NO ? NO : MAYBE;
        return false;
    }
    if (r->status != 503) {
        ck_assert_msg(t->there == YES ? r->status == 200 || r->status == 204
                                      : t->there == MAYBE || r->status == 404,
                      "table %s: %ld %s", t->name, r->status, r->body);
        *t = w->tables[--w->n_tables];
    }
    return true;
}

/* The table that jobs wait for stays. */
static bool refuse(struct world *w)
{
    struct job_known *job = NULL;
    struct reply *r;

    for (size_t i = 0; i < w->n_jobs && job == NULL; i++) {
        if (is_held(&w->jobs[i]) && w->jobs[i].held == YES && w->jobs[i].cancelled == NO &&
            strstr(recipes[w->jobs[i].recipe].config, "cloud") != NULL) {
            job = &w->jobs[i];
        }
    }
    if (job == NULL) {
        return true;
    }
    r = send_to(w, "GET", text("/jobs/%lld", (long long)job->id), NULL);
    if (r == NULL) {
        return false;
    }
    if (strcmp(str(want(r, 200), "/state"), "paused") == 0) { /* it stays so: we are alone */
        r = send_to(w, "DELETE", "/datasets/cloud", NULL);
        ck_assert_msg(r == NULL || r->status == 409 || r->status == 503,
                      "the table of a paused job was deleted: %ld", r->status);
    }
    return r != NULL;
}

/* Old jobs may go: which of the ended ones did, the next look says. The newest stay, so that no
 * job goes that ends only now. */
static bool collect(struct world *w)
{
    struct reply *r = send_to(w, "GET", "/jobs?limit=500", NULL);
    json_t *row;
    size_t i, k;

    if (r == NULL) {
        return false;
    }
    json_array_foreach(at(want(r, 200), "/jobs"), k, row)
    {
        for (i = 0; i < w->n_jobs; i++) {
            struct job_known *job = &w->jobs[i];

            if (job->id == json_integer_value(json_object_get(row, "id")) && is_promised(job)) {
                learn_state(w, job, json_string_value(json_object_get(row, "state")));
                job->deleted = job->final[0] != '\0' ? MAYBE : NO;
            }
        }
    }
    r = send_to(w, "POST", "/gc", "{\"keep_jobs\": 6}");
    ck_assert(r == NULL || r->status == 200 || r->status == 503);
    return r != NULL;
}

/* Clients think, too; the processor is the workers' meanwhile. */
static bool rest(struct world *w)
{
    for (size_t n = chance(w, 6); n > 0; n--) {
        pause_briefly();
    }
    return true;
}

bool act(struct world *w)
{
    static const struct {
        unsigned weight;
        bool (*act)(struct world *);
    } acts[] = {{30, submit_any}, {14, act_predict}, {2, cancel},     {4, pause_one},
                {12, resume_one}, {5, hold_queue},   {6, delete_job}, {3, delete_model},
                {8, tables},      {4, repeat_key},   {14, look},      {3, refuse},
                {1, collect},     {6, tidy},         {30, rest}};
    size_t all = 0, i, k;
    bool answered;

    for (i = 0; i < COUNT(acts); i++) {
        all += acts[i].weight;
    }
    k = chance(w, all);
    for (i = 0; k >= acts[i].weight; i++) {
        k -= acts[i].weight;
    }
    answered = acts[i].act(w);
    test_end();
    forget_json();
    return answered;
}
