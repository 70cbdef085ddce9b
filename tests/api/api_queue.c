/* The queue over HTTP: two workers train two jobs at once and the rest wait in order; cancel in
 * both states; delete; lists with pages and filters; names as families; idempotency.
 *
 * One daemon with two workers for all tests; each test ends the long jobs it started.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct daemon d;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
}

static void stop(void)
{
    daemon_retire(&d);
}

static int64_t train_forever(int seed)
{
    return integer(want(http_post(slow_job(FOREVER, seed, ""), "/train"), 202), "/id");
}

START_TEST(two_train_and_the_rest_wait)
{
    int64_t a = train_forever(1), b, c, e;
    struct reply *r;

    b = train_forever(2);
    wait_for_epoch(a, 1);
    wait_for_epoch(b, 1); /* both at once */
    wait_for_job(a, "running");
    c = train(XOR_JOB(""));
    e = train(XOR_JOB(""));
    r = wait_for_job(c, "queued");
    ck_assert_int_eq(integer(r, "/queue_position"), 1);
    ck_assert(is_null(r, "/started_at"));
    r = wait_for_job(e, "queued");
    ck_assert_int_eq(integer(r, "/queue_position"), 2);
    r = want(http_get("/service"), 200);
    ck_assert_msg(strstr(r->body, "worker") != NULL, "%s", r->body);

    cancel_job(a); /* its worker takes the next */
    wait_for_job(c, "succeeded");
    wait_for_job(e, "succeeded");
    wait_for_job(b, "running");
    cancel_job(b);
}
END_TEST

START_TEST(cancel_a_queued_job)
{
    int64_t a = train_forever(1), b, c;
    struct reply *r;

    b = train_forever(2);
    wait_for_epoch(a, 1);
    wait_for_epoch(b, 1);
    c = train(XOR_JOB(""));
    r = want(http_poke("/jobs/%lld/cancel", (long long)c), 200);
    ck_assert_str_eq(str(r, "/state"), "cancelled"); /* at once */
    r = wait_for_job(c, "cancelled");
    ck_assert(is_time(str(r, "/finished_at")) && is_null(r, "/started_at"));
    ck_assert(is_null(r, "/queue_position"));
    want_problem(http_post(q("{'instances': [[0,1]]}"), "/models/%lld/predict",
                           (long long)integer(r, "/model_id")),
                 409, NULL, NULL);
    cancel_job(a);
    cancel_job(b);
    /* cancelling what is over changes nothing */
    r = http_poke("/jobs/%lld/cancel", (long long)c);
    ck_assert(r->status == 200 || r->status == 409);
    wait_for_job(c, "cancelled");
}
END_TEST

START_TEST(cancel_a_running_job_keeps_its_weights)
{
    int64_t id = train_forever(1), model;
    struct reply *r;

    wait_for_epoch(id, 2);
    model = model_of(id);
    cancel_job(id);
    r = want(http_get("/models/%lld/predict?x1=0.5&x2=0.5&x3=0.5", (long long)model), 200);
    ck_assert(at(r, "/predictions/0/value") != NULL);
    ck_assert_msg(!has(r, "/state") || strcmp(str(r, "/state"), "training") != 0, "%s", r->body);
    r = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    ck_assert(truth(r, "/complete"));
    ck_assert_uint_ge(length(r, "/points"), 2);
    r = want(http_get("/jobs/%lld/events", (long long)id), 200);
    ck_assert_str_eq(str(r, text("/events/%zu/kind", length(r, "/events") - 1)), "cancelled");
}
END_TEST

START_TEST(delete_a_job_and_its_model)
{
    int64_t id = train(XOR_JOB("")), model, other;
    struct reply *r = wait_for_job(id, "succeeded");

    model = integer(r, "/model_id");
    r = http_delete("/jobs/%lld", (long long)id);
    ck_assert_msg(r->status == 204 || r->status == 200, "%ld %s", r->status, r->body);
    want_problem(http_get("/jobs/%lld", (long long)id), 404, NULL, NULL);
    want_problem(http_get("/jobs/%lld/curve", (long long)id), 404, NULL, NULL);
    want_problem(http_delete("/jobs/%lld", (long long)id), 404, NULL, NULL);
    want(http_get("/models/%lld", (long long)model), 200); /* its model stays */
    want(http_get("/models/%lld/predict?x1=0&x2=1", (long long)model), 200);
    r = http_delete("/models/%lld", (long long)model);
    ck_assert_msg(r->status == 204 || r->status == 200, "%ld %s", r->status, r->body);
    want_problem(http_get("/models/%lld", (long long)model), 404, NULL, NULL);
    want_problem(http_get("/models/%lld/predict?x1=0&x2=1", (long long)model), 404, NULL, NULL);
    /* an id is never used twice */
    other = train(XOR_JOB(""));
    ck_assert_int_gt(other, id);
    ck_assert_int_gt(model_of(other), model);
    wait_for_job(other, "succeeded");
}
END_TEST

START_TEST(what_is_busy_is_not_deleted)
{
    int64_t id = train_forever(1);

    wait_for_epoch(id, 1);
    want_problem(http_delete("/jobs/%lld", (long long)id), 409, NULL, NULL);
    want_problem(http_delete("/models/%lld", (long long)model_of(id)), 409, NULL, NULL);
    wait_for_job(id, "running");
    cancel_job(id);
    ck_assert_int_lt(http_delete("/jobs/%lld", (long long)id)->status, 300);
}
END_TEST

START_TEST(pages_newest_first)
{
    int64_t ids[5], before = INT64_MAX;
    const char *token = "";
    int seen = 0;

    for (size_t i = 0; i < COUNT(ids); i++) {
        ids[i] = train(XOR_JOB(", 'name': 'paged'"));
        wait_for_job(ids[i], "succeeded");
    }
    do {
        struct reply *r = want(
            http_get("/jobs?name=paged&limit=2%s%s", *token ? "&page_token=" : "", token), 200);
        size_t n = length(r, "/jobs");

        ck_assert(n >= 1 && n <= 2);
        for (size_t i = 0; i < n; i++, seen++) {
            const char *row = text("/jobs/%zu", i);

            ck_assert_int_lt(integer(r, text("%s/id", row)), before);
            before = integer(r, text("%s/id", row));
            ck_assert_str_eq(str(r, text("%s/name", row)), "paged");
            ck_assert(!has(r, text("%s/config", row)) && !has(r, text("%s/resolved", row)));
        }
        token = has(r, "/next_page_token") ? str(r, "/next_page_token") : "";
    } while (*token != '\0');
    ck_assert_int_eq(seen, 5);
    want(http_get("/jobs?limit=500"), 200);
    want_problem(http_get("/jobs?limit=501"), 400, "/limit", NULL);
    want_problem(http_get("/jobs?limit=0"), 400, "/limit", NULL);
    want_problem(http_get("/jobs?limit=ten"), 400, "/limit", NULL);
    want_problem(http_get("/jobs?page_token=nonsense"), 400, "/page_token", NULL);
    want_problem(http_get("/jobs?colour=red"), 400, "/colour", NULL);

    ck_assert_uint_eq(length(want(http_get("/models?name=paged&limit=3"), 200), "/models"), 3);
    ck_assert_uint_eq(length(want(http_get("/datasets?limit=1"), 200), "/datasets"), 1);
}
END_TEST

START_TEST(filters)
{
    int64_t id = train_forever(9);
    struct reply *r;

    wait_for_epoch(id, 1);
    r = want(http_get("/jobs?state=running"), 200);
    ck_assert_uint_eq(length(r, "/jobs"), 1);
    ck_assert_int_eq(integer(r, "/jobs/0/id"), id);
    ck_assert_int_ge(integer(r, "/jobs/0/progress/epoch"), 1);
    ck_assert_uint_eq(length(want(http_get("/jobs?state=queued"), 200), "/jobs"), 0);
    ck_assert_uint_eq(length(want(http_get("/jobs?kind=evaluate"), 200), "/jobs"), 0);
    ck_assert_uint_eq(length(want(http_get("/jobs?name=nobody"), 200), "/jobs"), 0);
    want_problem(http_get("/jobs?state=sleeping"), 400, "/state", NULL);
    cancel_job(id);
    r = want(http_get("/jobs?state=cancelled&kind=train&limit=1"), 200);
    ck_assert_int_eq(integer(r, "/jobs/0/id"), id);
}
END_TEST

/* Jobs of one name add models to a family; the name alone is the newest succeeded one. */
START_TEST(a_name_is_a_family)
{
    int64_t a = train(XOR_JOB(", 'name': 'fam.ily-1'")), b, c;
    struct reply *r;

    wait_for_job(a, "succeeded");
    b = train(XOR_JOB(", 'name': 'fam.ily-1'"));
    wait_for_job(b, "succeeded");
    r = want(http_get("/models/fam.ily-1"), 200);
    ck_assert_int_eq(integer(r, "/id"), model_of(b));
    c = integer(want(http_post(slow_job(FOREVER, 1, ", 'name': 'fam.ily-1'"), "/train"), 202),
                "/id");
    wait_for_epoch(c, 1);
    r = want(http_get("/models/fam.ily-1/predict?x1=0&x2=1"), 200); /* not the one in training */
    ck_assert_int_eq(integer(r, "/model_id"), model_of(b));
    cancel_job(c);
    r = want(http_get("/models/fam.ily-1"), 200);
    ck_assert_int_eq(integer(r, "/id"), model_of(b));
    r = want(http_get("/models?name=fam.ily-1"), 200);
    ck_assert_uint_eq(length(r, "/models"), 3);
    want_problem(http_get("/models/nobody"), 404, NULL, "nobody");
}
END_TEST

START_TEST(head_and_options)
{
    struct reply *r = http_send(&(struct request){.method = "HEAD", .path = "/jobs"});

    want(r, 200);
    ck_assert_uint_eq(r->len, 0);
    r = http_send(&(struct request){.method = "OPTIONS", .path = "/train"});
    ck_assert_msg(r->status == 200 || r->status == 204, "%ld", r->status);
    ck_assert(strstr(reply_header(r, "Allow"), "POST") != NULL);
}
END_TEST

START_TEST(health_and_service)
{
    struct reply *r;

    want(http_get("/healthz"), 200);
    want(http_get("/readyz"), 200);
    r = want(http_get("/service"), 200);
    ck_assert_str_eq(str(r, "/version"), d.version);
    ck_assert(has(r, "/uptime_seconds"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_queue");
    TCase *tc = case_with("queue", start, stop);

    tcase_add_test(tc, two_train_and_the_rest_wait);
    tcase_add_test(tc, cancel_a_queued_job);
    tcase_add_test(tc, cancel_a_running_job_keeps_its_weights);
    tcase_add_test(tc, delete_a_job_and_its_model);
    tcase_add_test(tc, what_is_busy_is_not_deleted);
    tcase_add_test(tc, pages_newest_first);
    tcase_add_test(tc, filters);
    tcase_add_test(tc, a_name_is_a_family);
    tcase_add_test(tc, head_and_options);
    tcase_add_test(tc, health_and_service);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
