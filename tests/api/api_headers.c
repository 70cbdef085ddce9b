/* What answers carry beside their bodies is what docs/openapi.json says, of every kind of answer:
 * those without a body, refusals, and what only a full, a busy or a guarded daemon says. (Of the
 * usual ones api_contract looks at the headers too.) And no header of the contract is never sent.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "work.h"

static struct daemon d;
static json_t *sent; /* the names of the contract's headers that came */

static void forget_sent(void)
{
    json_decref(sent);
    sent = NULL;
}

static void note_sent(const struct reply *r)
{
    json_t *all = json_object_get(json_object_get(contract(), "components"), "headers"), *header;
    const char *name;

    json_object_foreach(all, name, header)
    {
        if (reply_header(r, name) != NULL) {
            json_object_set_new(sent, name, json_true());
        }
    }
}

/* The answer's headers are those of `response`. */
static struct reply *fits(json_t *response, const struct request *request, long status)
{
    struct reply *r = want(http_send(request), status);
    char *wrong = contract_headers_misfit(response, r);

    ck_assert_msg(response != NULL, "%s %s %ld is not in the contract",
                  request->method != NULL ? request->method : "GET", request->path, status);
    ck_assert_msg(wrong == NULL, "%s %s %ld: %s\n%s",
                  request->method != NULL ? request->method : "GET", request->path, status, wrong,
                  r->headers);
    note_sent(r);
    return r;
}

static json_t *response_of(const char *path, const char *method, long status)
{
    return json_object_get(json_object_get(contract_operation(path, method), "responses"),
                           text("%ld", status));
}

static json_t *component(const char *name)
{
    return json_find(contract(), text("/components/responses/%s", name));
}

static struct reply *get(const char *path, const char *template, long status)
{
    return fits(response_of(template, "get", status), &(struct request){.path = path}, status);
}

/* Again with the ETag of the answer before: 304, and the ETag once more. */
static void twice(const char *path, const char *template)
{
    const char *etag = reply_header(get(path, template, 200), "ETag");
    struct reply *r;

    ck_assert_msg(etag != NULL, "%s has no ETag", path);
    r = fits(
        response_of(template, "get", 304),
        &(struct request){.path = path,
                          .headers = (const char *const[]){text("If-None-Match: %s", etag), NULL}},
        304);
    ck_assert_str_eq(reply_header(r, "ETag"), etag);
    ck_assert_uint_eq(r->len, 0);
}

static void daily_answers(void)
{
    struct request key = {.method = "POST",
                          .path = "/train",
                          .headers = (const char *const[]){"Idempotency-Key: headers", NULL},
                          .body = q(XOR_JOB(", 'name': 'xor'"))};
    struct request table = {
        .method = "POST", .path = "/datasets?name=t", .type = "text/csv", .body = "a,b\n1,2\n"};
    int64_t job = integer(fits(response_of("/train", "post", 202), &key, 202), "/id");
    struct reply *r = fits(response_of("/train", "post", 202), &key, 202);

    ck_assert_str_eq(reply_header(r, "Idempotency-Replayed"), "true");
    ck_assert_str_eq(reply_header(r, "Location"), text("/jobs/%lld", (long long)job));
    trained(job);
    r = fits(response_of("/datasets", "post", 201), &table, 201);
    ck_assert_str_eq(reply_header(r, "Location"),
                     text("/datasets/%lld", (long long)integer(r, "/id")));
    fits(response_of("/datasets", "post", 200), &table, 200);
    twice(text("/jobs/%lld", (long long)job), "/jobs/{id}");
    twice("/jobs", "/jobs");
    twice(text("/jobs/%lld/curve", (long long)job), "/jobs/{id}/curve");
    twice(text("/jobs/%lld/events", (long long)job), "/jobs/{id}/events");
    twice("/datasets", "/datasets");
    twice("/datasets/t", "/datasets/{id}");
    twice("/datasets/t/rows", "/datasets/{id}/rows");
    twice("/models", "/models");
    twice("/models/xor", "/models/{id}");
    twice("/models/xor/evaluation?split=training", "/models/{id}/evaluation");
    twice("/models/xor/histograms", "/models/{id}/histograms");
    twice("/models/xor/importance", "/models/{id}/importance");
    twice("/models/xor/predict?x=0,1", "/models/{id}/predict");
    twice("/healthz", "/healthz");
    twice("/readyz", "/readyz");
    twice("/openapi.json", "/openapi.json");
    get("/service", "/service", 200); /* these change with time */
    get("/metrics", "/metrics", 200);
    get("/models/xor/weights", "/models/{id}/weights", 200);
    get("/", "/", 200);
    fits(response_of("/datasets/{id}", "delete", 204),
         &(struct request){.method = "DELETE", .path = "/datasets/t"}, 204);
}

static void refusals(void)
{
    struct request chunked = {.method = "POST", .path = "/train", .body = "{}", .chunked = true};
    struct request xml = {.method = "POST", .path = "/train", .body = "{}", .type = "text/xml"};

    get("/jobs?limit=0", "/jobs", 400);
    get("/jobs/999999", "/jobs/{id}", 404);
    fits(component("MethodNotAllowed"), &(struct request){.method = "PUT", .path = "/jobs"}, 405);
    fits(component("MethodNotAllowed"), &(struct request){.method = "OPTIONS", .path = "/jobs"},
         204);
    fits(response_of("/train", "post", 411), &chunked, 411);
    fits(response_of("/train", "post", 415), &xml, 415);
    fits(response_of("/train", "post", 422),
         &(struct request){.method = "POST", .path = "/train", .body = "{}"}, 422);
    fits(response_of("/train", "post", 413),
         &(struct request){.method = "POST", .path = "/train", .body = text("[%2000s]", "")}, 413);
    fits(response_of("/jobs", "get", 403),
         &(struct request){.path = "/jobs",
                           .headers = (const char *const[]){"Host: elsewhere.example", NULL}},
         403);
}

static void full_queue(void)
{
    struct request job = {.method = "POST", .path = "/train", .body = q(XOR_JOB(""))};

    want(http_poke("/queue/pause"), 200);
    fits(response_of("/train", "post", 202), &job, 202);
    fits(response_of("/train", "post", 503), &job, 503);
}

static void tokens(const char *reader)
{
    const char *const none[] = {"Authorization: Bearer mlpd_0123456789ab_0", NULL};
    const char *const small[] = {text("Authorization: Bearer %s", reader), NULL};
    struct request bad = {.path = "/jobs", .headers = none};
    struct reply *r = get("/jobs", "/jobs", 401);
    int tries = 0;

    ck_assert_str_eq(reply_header(r, "WWW-Authenticate"), "Bearer");
    r = fits(response_of("/jobs", "get", 401), &bad, 401);
    ck_assert_ptr_nonnull(strstr(reply_header(r, "WWW-Authenticate"), "invalid_token"));
    r = fits(response_of("/queue/pause", "post", 403),
             &(struct request){.method = "POST", .path = "/queue/pause", .headers = small}, 403);
    ck_assert_ptr_nonnull(strstr(reply_header(r, "WWW-Authenticate"), "scope=\"admin\""));
    while (http_send(&bad)->status != 429) {
        ck_assert_int_lt(++tries, 30);
    }
    fits(response_of("/jobs", "get", 429), &bad, 429);
}

START_TEST(headers_are_the_contract)
{
    json_t *all = json_object_get(json_object_get(contract(), "components"), "headers"), *header;
    const char *name, *out = NULL;

    sent = json_object();
    daemon_start(
        &d, NULL,
        (const char *const[]){"--workers", "1", "--max-body", "1K", "--max-queued", "1", NULL});
    daily_answers();
    refusals();
    full_queue();
    daemon_stop(&d);
    daemon_start(&d, NULL, (const char *const[]){"--require-token", NULL});
    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "read",
                                                      "--state", d.state, NULL},
                                &out, NULL),
                     0);
    tokens(text("%.82s", out));
    daemon_stop(&d);
    json_object_foreach(all, name, header)
    {
        ck_assert_msg(json_object_get(sent, name) != NULL, "%s was never sent", name);
    }
    forget_sent();
}
END_TEST

/* X-Request-Id is named wherever it is taken and sent: with every path, in every answer. */
START_TEST(ids_are_everywhere)
{
    json_t *item, *operation, *responses, *response, *parameter;
    const char *path, *method, *status;
    size_t i;

    json_object_foreach(json_object_get(contract(), "paths"), path, item)
    {
        bool taken = false;

        json_array_foreach(json_object_get(item, "parameters"), i, parameter)
        {
            const char *name =
                json_string_value(json_object_get(schema_resolve(parameter), "name"));

            taken = taken || strcmp(name, "X-Request-Id") == 0;
        }
        ck_assert_msg(taken, "%s does not say that it takes an X-Request-Id", path);
        json_object_foreach(item, method, operation)
        {
            responses = json_object_get(operation, "responses"); /* NULL of "parameters" */
            json_object_foreach(responses, status, response)
            {
                json_t *headers = json_object_get(schema_resolve(response), "headers");

                ck_assert_msg(json_object_get(headers, "X-Request-Id") != NULL,
                              "%s %s %s does not say that it has an X-Request-Id", method, path,
                              status);
            }
        }
    }
}
END_TEST

/* The check can fail: a header too many, one too few, one with another value. */
START_TEST(misfits_are_seen)
{
    json_t *response = response_of("/train", "post", 202), *bare = json_object();
    static const char usual[] =
        "HTTP/1.1 202 Accepted\r\nLocation: /jobs/1\r\nX-Request-Id: a\r\n"
        "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n"
        "Cache-Control: no-cache\r\nDate: now\r\n";
    const struct {
        const char *more, *wrong;
    } cases[] = {{"Retry-After: 1\r\n\r\n", NULL},
                 {"Retry-After: 1\r\nSet-Cookie: a=b\r\n\r\n", "Set-Cookie is not in the contract"},
                 {"Retry-After: 1\r\nETag: \"1\"\r\n\r\n", "ETag is not in the contract"},
                 {"Retry-After: soon\r\n\r\n", "the contract says"},
                 {"\r\n", "Retry-After is not there"}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply r = {.headers = text("%s%s", usual, cases[i].more)};
        char *wrong = contract_headers_misfit(response, &r);

        ck_assert_msg(cases[i].wrong == NULL ? wrong == NULL
                                             : wrong != NULL && strstr(wrong, cases[i].wrong),
                      "%zu: %s", i, wrong);
    }
    ck_assert_ptr_nonnull(
        contract_headers_misfit(bare, &(struct reply){.headers = text("%s", usual)}));
    json_decref(bare);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_headers");
    TCase *tc = case_with("headers", NULL, NULL);

    tcase_add_test(tc, headers_are_the_contract);
    tcase_add_test(tc, ids_are_everywhere);
    tcase_add_test(tc, misfits_are_seen);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
