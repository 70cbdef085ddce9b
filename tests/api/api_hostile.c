/* Requests that mean harm, each many times over: the answer must be the right one every time, and
 * resident memory, its peak and the descriptors must be where they were.
 *
 * The answers to most of them, once, are in api_bad_input; here it is about what they cost. Under
 * sanitizers memory is not looked at, which keep what was freed.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

#define MIB           ((size_t)1 << 20)
#define JSON_PEAK_MIB 640 /* one body of the heaviest kind: its text, the copies, the tree */

static struct daemon d;
static size_t memory, peak, descriptors; /* before a test's requests */
static int64_t model;

static size_t open_descriptors(void)
{
    return folder_entries(text("/proc/%d/fd", (int)d.pid));
}

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", "--memory-limit", "1G", NULL});
    upload_example("iris");
    model = trained(train(XOR_JOB("")));
}

static void stop(void)
{
    daemon_retire(&d);
}

static void before(void)
{
    want(http_get("/models/%lld/predict?x1=0&x2=1", (long long)model), 200);
    memory = daemon_memory(&d);
    peak = daemon_memory_peak(&d);
    descriptors = open_descriptors();
}

/* Descriptors as before; memory at most this much more, and meanwhile at most that. */
static void want_back(size_t after_mib, size_t peak_mib)
{
    double until = now_seconds() + 30 * PATIENCE;

    daemon_must_live(&d);
    while (open_descriptors() > descriptors) {
        ck_assert_msg(now_seconds() < until, "%zu descriptors, and there were %zu",
                      open_descriptors(), descriptors);
        pause_briefly();
    }
#ifdef MLPD_SANITIZERS
    (void)after_mib;
    (void)peak_mib;
#else
    while (daemon_memory(&d) > memory + after_mib * MIB) {
        ck_assert_msg(now_seconds() < until, "%zu MiB, and there were %zu", daemon_memory(&d) / MIB,
                      memory / MIB);
        pause_briefly();
    }
    ck_assert_msg(daemon_memory_peak(&d) <= (peak > memory ? peak : memory) + peak_mib * MIB,
                  "%zu MiB at the most, and before %zu", daemon_memory_peak(&d) / MIB, peak / MIB);
#endif
    want(http_get("/models/%lld/predict?x1=0&x2=1", (long long)model), 200);
}

/* ---- networks that are only declared ---- */

/* 1 GiB of weights, or far more, for four rows: refused by arithmetic alone. */
START_TEST(declared_networks)
{
    static const char *const networks[] = {
        "[16384, 16384]", "[65536, 4096]", "[65536, 65536, 65536, 65536]",
        "[{'units': 16384, 'activation': 'maxout', 'pieces': 8}, 16384]"};

    before();
    for (int round = 0; round < 25; round++) {
        for (size_t i = 0; i < COUNT(networks); i++) {
            const char *job = q("{" XOR_DATA ", 'architecture': {'hidden': %s}}", networks[i]);

            want_problem(http_post(job, "/train"), 422, "/architecture/hidden", NULL);
            want_problem(http_post(job, "/train?dry_run=1"), 422, "/architecture/hidden", NULL);
        }
    }
    want_back(8, 16);
}
END_TEST

/* ---- JSON ---- */

static char *repeated(const char *first, const char *piece, size_t n, const char *last)
{
    size_t len = strlen(piece), at_ = strlen(first);
    char *s = keep(malloc(at_ + n * len + strlen(last) + 1));

    memcpy(s, first, at_);
    for (size_t i = 0; i < n; i++, at_ += len) {
        memcpy(s + at_, piece, len);
    }
    memcpy(s + at_, last, strlen(last) + 1);
    return s;
}

/* An object of so many different keys. */
static char *wide(size_t n)
{
    size_t room = n * 16 + 3, len = 1;
    char *s = keep(malloc(room));

    s[0] = '{';
    for (size_t i = 0; i < n; i++) {
        len +=
            (size_t)snprintf(s + len, room - len, "\"k%zu\":%c%c", i, '1', i + 1 < n ? ',' : '}');
    }
    return s;
}

START_TEST(json_bombs)
{
    const struct bomb {
        const char *what;
        char *body;
        long train, predict;
    } bombs[] = {
        {"depth", repeated("", "[", 1000000, ""), 400, 400},
        {"depth of objects", repeated("", "{\"a\":", 200000, "1"), 400, 400},
        {"width", wide(500000), 422, 422},
        {"a whole number of 1e6 digits", repeated("{\"a\": ", "7", 1000000, "}"), 400, 400},
        {"a fraction of 1e6 digits", repeated("{\"a\": 0.", "7", 1000000, "}"), 422, 422},
        {"an exponent of 1e6 digits", repeated("{\"a\": 1e", "9", 1000000, "}"), 400, 400},
        {"an exponent below", repeated("{\"a\": 1e-", "9", 1000000, "}"), 422, 422},
        {"a key of 1e6 letters", repeated("{\"", "k", 1000000, "\": 1}"), 422, 422},
        {"escapes", repeated("{\"a\": \"", "\\u0041", 500000, "\"}"), 422, 422},
        {"rows of nothing", repeated("{\"instances\": [", "[],", 500000, "[]]}"), 422, 413},
    };

    before();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(bombs); i++) {
            struct reply *r = http_post(bombs[i].body, "/train");

            ck_assert_msg(r->status == bombs[i].train, "%s: %ld %.300s", bombs[i].what, r->status,
                          r->body);
            r = http_post(bombs[i].body, "/models/%lld/predict", (long long)model);
            ck_assert_msg(r->status == bombs[i].predict, "%s: %ld %.300s", bombs[i].what, r->status,
                          r->body);
            ck_assert_msg(r->len < 65536, "%s: an answer of %zu bytes", bombs[i].what, r->len);
        }
    }
    want_back(64, JSON_PEAK_MIB);
}
END_TEST

/* The hundredth problem is the last that is looked for: a body of a million wrong names holds its
 * server's thread no longer than that. */
static void want_short(const struct reply *r)
{
    ck_assert_int_eq(r->status, 422);
    ck_assert_uint_eq(length(r, "/errors"), 100);
    ck_assert_msg(!has(r, "/errors_left_out") || integer(r, "/errors_left_out") < 10, "%.300s",
                  strstr(r->body, "errors_left_out"));
}

START_TEST(a_million_wrong_names)
{
    char *names = wide(300000), *types = text("%s", "");
    const char *where = text("/models/%lld/predict", (long long)model);

    before();
    want_short(http_post(names, "/train"));
    want_short(http_post(text("{\"data\": %s}", names), "/train"));
    want_short(http_post(names, "%s", where));
    want_short(http_post(text("{\"instances\": [%s]}", names), "%s", where));
    want_short(http_post(repeated("{\"instances\": [", "{\"z\":1},", 90000, "{}]}"), "%s", where));
    want_short(http_post(text("{"
                              "\"data\": {\"dataset\": \"iris\", \"target\": \"species\"},"
                              "\"training\": {\"class_weight\": %s}}",
                              names),
                         "/train"));
    want_short(http_csv("a,b\n1,2\n", "/datasets?name=x&types=%s",
                        repeated("", "zz:numeric,", 5000, "zz:numeric")));
    for (int i = 0; i < 500; i++) {
        types = text("%sz%d:numeric,", types, i);
    }
    want_short(http_csv("a,b\n1,2\n", "/datasets?name=x&types=%s", types));
    want_back(64, JSON_PEAK_MIB);
}
END_TEST

/* ---- framing ---- */

#define JSON_HEAD "Content-Type: application/json\r\n"

START_TEST(framing_that_means_two_things)
{
    static const struct framing {
        const char *method, *headers, *body;
        long status;
    } framings[] = {
        {"POST /train", "Content-Length: 2\r\nContent-Length: 3\r\n", "{}x", 400},
        {"POST /train", "Content-Length: 2\r\nContent-Length: 2\r\n", "{}", 400},
        {"POST /train", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400},
        {"POST /train", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n", 400},
        {"POST /train", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n",
         400},
        {"POST /train", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 400},
        {"POST /train", "Content-Length: -1\r\n", "", 400},
        {"POST /train", "Content-Length: 2, 2\r\n", "{}", 400},
        {"POST /train", "Content-Length: 99999999999999999999999\r\n", "{}", 0},
        {"GET /service", "Host: localhost\r\n", "", 400},
        {"GET /service", "Host: evil.example\r\n", "", 400},
        {"GET /service", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", "", 400},
        {"POST /datasets?name=x", "Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\nx", 0},
        {"POST /datasets?name=x", "Transfer-Encoding: chunked\r\n", "-5\r\nx", 0},
    };

    before();
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT(framings); i++) {
            const struct framing *f = &framings[i];
            char *bytes = text("%s HTTP/1.1\r\nHost: localhost:%s\r\n%s%s\r\n%s", f->method, d.port,
                               f->method[0] != 'P'             ? ""
                               : strstr(f->method, "datasets") ? "Content-Type: text/csv\r\n"
                                                               : JSON_HEAD,
                               f->headers, f->body);
            struct reply *r = raw_exchange(bytes, strlen(bytes));

            /* status 0: the library ends it, with an answer of its own or without */
            ck_assert_msg(f->status == 0 ? r == NULL || (r->status >= 400 && r->status < 500)
                                         : r != NULL && r->status == f->status,
                          "%s, %s: %ld %.200s", f->method, f->headers, r != NULL ? r->status : 0,
                          r != NULL ? r->body : "no answer");
            ck_assert_msg(r == NULL || strstr(r->headers, "onnection: close") != NULL ||
                              f->status == 0,
                          "%s, %s: the connection stays", f->method, f->headers);
        }
    }
    wait_for_missing("x");
    want_back(8, 16);
}
END_TEST

/* ---- queries and headers ---- */

START_TEST(long_queries_and_headers)
{
    char *query = text("%s", "x1=1"), *head, *many;
    struct reply *r;

    for (int i = 2; i <= 784; i++) {
        query = text("%s&x%d=%d", query, i, i);
    }
    query = text("/models/%lld/predict?%s", (long long)model, query);
    many = repeated(text("/models/%lld/predict?x1=0&x2=1", (long long)model), "&a=1", 10000, "");
    head = repeated(text("GET /service HTTP/1.1\r\nHost: localhost:%s\r\n", d.port),
                    "X-More: and more\r\n", 20000, "\r\n");
    before();
    for (int round = 0; round < 50; round++) {
        want_problem(http_get("%s", query), 422, "/x3", NULL);
        for (int i = 0; i < 10; i++) {
            /* too many for the room that there is: the library ends the connection */
            r = http_try(&(struct request){.path = many});
            ck_assert(r == NULL || r->status == 431 || r->status == 400);
        }
        r = raw_exchange(head, strlen(head));
        ck_assert(r == NULL || r->status == 431 || r->status == 413 || r->status == 400);
    }
    want_back(8, 24);
}
END_TEST

/* ---- bodies ---- */

/* Too long in what they say, or in what they send; half of one, and gone. */
START_TEST(bodies_too_long_or_aborted)
{
    static const char *const heads[] = {
        "POST /train HTTP/1.1\r\n" JSON_HEAD "Content-Length: 30000000\r\n",
        "POST /datasets?name=gone HTTP/1.1\r\nContent-Type: text/csv\r\n"
        "Content-Length: 30000000\r\n",
        "POST /datasets?name=gone HTTP/1.1\r\nContent-Type: text/csv\r\n"
        "Transfer-Encoding: chunked\r\n"};
    static const char *const begins[] = {"{", "a,b\n", "1C9C380\r\na,b\n"};
    char *body = repeated("", "1,2\n", 250000, ""), *head;
    double until;

    before();
    for (int round = 0; round < 12; round++) {
        for (size_t i = 0; i < COUNT(heads); i++) {
            int fd = raw_open();

            head = text("%sHost: localhost:%s\r\n\r\n%s", heads[i], d.port, begins[i]);
            raw_write(fd, head, strlen(head));
            raw_write(fd, body, strlen(body));
            close(fd);
            until = now_seconds() + 30 * PATIENCE;
            while (http_get("/datasets/gone")->status != 404) { /* the next has the same name */
                ck_assert_msg(now_seconds() < until, "an upload that was given up goes on");
                pause_briefly();
            }
        }
        head = text("POST /train HTTP/1.1\r\nHost: localhost:%s\r\n" JSON_HEAD
                    "Content-Length: 34359738368\r\n\r\n{",
                    d.port);
        want_problem(raw_exchange(head, strlen(head)), 413, NULL, "limit");
    }
    want_back(24, 128);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tc = case_with("all", start, stop);

    tcase_add_test(tc, declared_networks);
    tcase_add_test(tc, json_bombs);
    tcase_add_test(tc, a_million_wrong_names);
    tcase_add_test(tc, framing_that_means_two_things);
    tcase_add_test(tc, long_queries_and_headers);
    tcase_add_test(tc, bodies_too_long_or_aborted);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
