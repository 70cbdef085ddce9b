/* A call that goes out: what is sent and what is answered. Its limits are
 * check_outgoing_limits.c's, where it may go check_outgoing_where.c's and check_outgoing_url.c's.
 */
#include "outgoing_help.h"

#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

static void say_retry_at(int fd, int64_t seconds)
{
    time_t at_time = time(NULL) + (time_t)seconds;
    char date[64];
    char text[200];
    struct tm tm;

    ck_assert(strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at_time, &tm)) >
              0);
    (void)snprintf(text, sizeof text,
                   "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n", date);
    net_say(fd, text);
}

static void serve(struct net_server *s, int fd, const char *request)
{
    const char *path = strchr(request, ' ');
    char name[64] = "", head[128];
    int n;

    (void)s;
    ck_assert(path != NULL && sscanf(path, " %63s", name) == 1);
    if (strcmp(name, "/ok") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello");
    } else if (strcmp(name, "/zero") == 0) {
        net_say_bytes(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b", 41);
    } else if (strcmp(name, "/chunked") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                    "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    } else if (strcmp(name, "/status") == 0) {
        net_say(fd, "HTTP/1.1 418 Teapot\r\nContent-Length: 3\r\n\r\ntea");
    } else if (strcmp(name, "/empty") == 0) {
        net_say(fd, "HTTP/1.1 204 None\r\n\r\n");
    } else if (strcmp(name, "/packed") == 0) {
        net_say(fd,
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8bzz");
    } else if (sscanf(name, "/long/%d", &n) == 1) { /* n bytes, and no word of how many */
        net_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        for (; n > 0; n--) {
            net_say(fd, "x");
        }
    } else if (strncmp(name, "/retry/", 7) == 0) {
        (void)snprintf(head, sizeof head,
                       "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nretry-after: %s\r\n\r\n",
                       name + 7);
        net_say(fd, head);
    } else if (sscanf(name, "/retry-at/%d", &n) == 1) {
        say_retry_at(fd, n);
    } /* else nothing: the connection ends */
}

/* ---- answers -------------------------------------------------------------------------- */

START_TEST(an_answer)
{
    struct outgoing_request request = get("/ok");

    answers(&request, 200, "hello");
    ck_assert(isnan(reply.retry_after));
    ck_assert(net_server_saw(&server, "GET /ok HTTP/1.1\r\n"));
}
END_TEST

START_TEST(any_status_is_an_answer)
{
    struct outgoing_request request = get("/status");

    answers(&request, 418, "tea");
}
END_TEST

START_TEST(no_body)
{
    struct outgoing_request request = get("/empty");

    request.most_bytes = 0;
    answers(&request, 204, "");
}
END_TEST

START_TEST(chunks)
{
    struct outgoing_request request = get("/chunked");

    answers(&request, 200, "hello");
}
END_TEST

START_TEST(bytes_of_any_kind)
{
    struct outgoing_request request = get("/zero");

    ck_assert_int_eq(outgoing_send(rules, &request, &reply, &err), 0);
    ck_assert_uint_eq(reply.body.len, 3);
    ck_assert(memcmp(reply.body.data, "a\0b", 3) == 0);
}
END_TEST

/* What is packed stays packed: nothing swells here. */
START_TEST(no_unpacking)
{
    struct outgoing_request request = get("/packed");

    answers(&request, 200, "\x1f\x8bzz");
    ck_assert(!net_server_saw(&server, "Accept-Encoding"));
    ck_assert(!net_server_saw(&server, "TE:"));
}
END_TEST

/* ---- what is sent ---------------------------------------------------------------------- */

START_TEST(a_post)
{
    const char *const headers[] = {"Content-Type: application/json", "webhook-id: msg_1", NULL};
    struct outgoing_request request = get("/ok");

    request.method = "POST";
    request.headers = headers;
    request.body = "{\"a\": 1}, and more";
    request.len = 8;
    answers(&request, 200, "hello");
    ck_assert(net_server_saw(&server, "POST /ok HTTP/1.1\r\n"));
    ck_assert(net_server_saw(&server, "\r\nContent-Length: 8\r\n"));
    ck_assert(net_server_saw(&server, "\r\nContent-Type: application/json\r\n"));
    ck_assert(net_server_saw(&server, "\r\nwebhook-id: msg_1\r\n"));
    ck_assert(net_server_saw(&server, "\r\n\r\n{\"a\": 1}"));
    ck_assert(!net_server_saw(&server, "and more"));
    ck_assert(!net_server_saw(&server, "Expect"));
}
END_TEST

START_TEST(a_long_post)
{
    struct outgoing_request request = get("/ok");
    size_t n = 12000;
    char *body = xmalloc(n);

    memset(body, 'y', n);
    request.method = "POST";
    request.body = body;
    request.len = n;
    answers(&request, 200, "hello");
    ck_assert(net_server_saw(&server, "\r\nContent-Length: 12000\r\n"));
    ck_assert(!net_server_saw(&server, "Expect"));
    free(body);
}
END_TEST

/* libcurl would wait for a 100 from a megabyte on; the server takes no such request. */
START_TEST(nothing_is_expected_first)
{
    struct outgoing_request request = get("/ok");
    size_t n = 2u << 20;
    char *body = xmalloc(n);

    memset(body, 'y', n);
    request.method = "POST";
    request.body = body;
    request.len = n;
    fails(&request, ERR_IO, "broke"); /* the server has no room for it */
    ck_assert(net_server_saw(&server, "\r\nContent-Length: 2097152\r\n"));
    ck_assert(net_server_saw(&server, "\r\n\r\nyyyy"));
    ck_assert(!net_server_saw(&server, "Expect"));
    free(body);
}
END_TEST

START_TEST(an_empty_post)
{
    struct outgoing_request request = get("/ok");

    request.method = "POST";
    answers(&request, 200, "hello");
    ck_assert(net_server_saw(&server, "POST /ok HTTP/1.1\r\n"));
    ck_assert(net_server_saw(&server, "\r\nContent-Length: 0\r\n"));
}
END_TEST

START_TEST(who_asks)
{
    struct outgoing_request request = get("/ok");

    answers(&request, 200, "hello");
    ck_assert(net_server_saw(&server, "\r\nUser-Agent: mlpd/"));
    ck_assert(!net_server_saw(&server, "curl"));
}
END_TEST

START_TEST(no_cookies)
{
    struct outgoing_request request = get("/ok");

    answers(&request, 200, "hello");
    buf_fini(&reply.body);
    answers(&request, 200, "hello");
    ck_assert_uint_eq(net_server_requests(&server), 2);
    ck_assert(!net_server_saw(&server, "Cookie"));
}
END_TEST

static const char *const no_headers[] = {"a: b\r\nc: d", "a: b\nc: d", "a: b\r", "a: \x7f",
                                         "a: b\tc",      "a",          "",       ": b",
                                         "a:",           "a: ",        "a b: c", "a;"};

START_TEST(headers_are_one_line)
{
    const char *const headers[] = {"X-First: fine", no_headers[_i], NULL};
    struct outgoing_request request = get("/ok");

    request.headers = headers;
    fails(&request, ERR_INVALID, "header");
    ck_assert_uint_eq(net_tried(NULL), 0);
}
END_TEST

START_TEST(the_environment_is_not_asked)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    struct outgoing_request request = get("/ok");
    char here[64];
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_int_eq(setenv(names[i], "http://127.0.0.1:9", 1), 0);
    }
    ck_assert_int_eq(unsetenv("no_proxy"), 0);
    ck_assert_int_eq(unsetenv("NO_PROXY"), 0);
    answers(&request, 200, "hello");
    (void)snprintf(here, sizeof here, "127.0.0.1:%u", server.port);
    ck_assert_uint_eq(net_tried(here), 1);
    ck_assert_uint_eq(net_tried(NULL), 1);
    for (i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_int_eq(unsetenv(names[i]), 0);
    }
}
END_TEST

START_TEST(no_netrc)
{
    struct outgoing_request request = get("/ok");
    char dir[] = "/tmp/mlpd-netrc-XXXXXX", path[64];
    FILE *f;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/.netrc", dir);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_gt(
        fprintf(f, "machine 127.0.0.1 login someone password secret\ndefault login x password y\n"),
        0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(setenv("HOME", dir, 1), 0);
    answers(&request, 200, "hello");
    ck_assert(!net_server_saw(&server, "Authorization"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* ---- taken as it comes --------------------------------------------------------------------- */

struct taken {
    char bytes[64];
    size_t n, calls, most;
    bool says; /* why not */
};

static bool take(void *arg, const void *bytes, size_t len)
{
    struct taken *taken = arg;

    taken->calls++;
    if (taken->n + len > taken->most) {
        if (taken->says) {
            (void)err_set(&err, ERR_INVALID, "row 3 is no row");
        }
        return false;
    }
    memcpy(taken->bytes + taken->n, bytes, len);
    taken->n += len;
    return true;
}

START_TEST(the_body_is_taken)
{
    struct outgoing_request request = get("/chunked");
    struct taken taken = {.most = 64};

    request.take = take;
    request.arg = &taken;
    answers(&request, 200, "");
    ck_assert_uint_eq(taken.n, 5);
    ck_assert(memcmp(taken.bytes, "hello", 5) == 0);
}
END_TEST

START_TEST(only_a_good_one_is_taken)
{
    struct outgoing_request request = get("/status");
    struct taken taken = {.most = 64};

    request.take = take;
    request.arg = &taken;
    answers(&request, 418, "");
    ck_assert_uint_eq(taken.calls, 0);
}
END_TEST

START_TEST(taking_has_the_limit_too)
{
    struct outgoing_request request = get("/long/50");
    struct taken taken = {.most = 64};

    request.take = take;
    request.arg = &taken;
    request.most_bytes = 49;
    fails(&request, ERR_TOO_LARGE, "49");
}
END_TEST

START_TEST(what_is_not_wanted)
{
    struct outgoing_request request = get("/ok");
    struct taken taken = {.most = 0};

    request.take = take;
    request.arg = &taken;
    fails(&request, ERR_IO, "wanted");
    ck_assert_uint_eq(taken.calls, 1);
    err_fini(&err);
    taken.says = true;
    fails(&request, ERR_INVALID, "row 3");
}
END_TEST

/* ---- Retry-After ---------------------------------------------------------------------------- */

static double retry(const char *path)
{
    struct outgoing_request request = get(path);

    answers(&request, 503, "");
    buf_fini(&reply.body);
    return reply.retry_after;
}

START_TEST(when_to_come_again)
{
    ck_assert_double_eq(retry("/retry/120"), 120);
    ck_assert_double_eq(retry("/retry/0"), 0);
    ck_assert_double_eq(retry("/retry/99999999999999999999999999"), 31536000);
    ck_assert(isnan(retry("/retry/soon")));
    ck_assert(isnan(retry("/retry/-5")));
    ck_assert(isnan(retry("/retry/1.5")));
    ck_assert(isnan(retry("/retry/1e3")));
    ck_assert(isnan(retry("/retry/0x10")));
    ck_assert_double_le(fabs(retry("/retry-at/120") - 120), 20);
    ck_assert_double_eq(retry("/retry-at/-120"), 0);
    ck_assert_double_eq(retry("/retry-at/100000000"), 31536000);
}
END_TEST

/* ---- many at once -----------------------------------------------------------------------------
 */

static void *calls(void *arg)
{
    struct outgoing_request request = {
        .method = "GET", .url = arg, .seconds = 30, .connect_seconds = 30, .most_bytes = 100};
    int i;

    for (i = 0; i < 5; i++) {
        struct outgoing_reply mine;
        struct err why = ERR_INIT;

        CHK(outgoing_send(rules, &request, &mine, &why) == 0);
        CHK(mine.status == 200 && mine.body.len == 5);
        buf_fini(&mine.body);
    }
    return NULL;
}

START_TEST(many_at_once)
{
    pthread_t threads[4];
    const char *const lists[] = {"127.0.0.1"};
    char name[64];
    size_t i;

    net_name("many.test", lists, 1);
    (void)snprintf(name, sizeof name, "http://many.test:%u/ok", server.port);
    for (i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_create(&threads[i], NULL, calls, name));
    }
    for (i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_join(threads[i], NULL));
    }
    ck_assert_uint_eq(net_server_requests(&server), 20);
}
END_TEST

/* ---- the rules ------------------------------------------------------------------------------ */

START_TEST(rules_that_are_none)
{
    const char *const networks[] = {"10.0.0.0/8", "10.0.0.1/8"};
    struct outgoing_options options = {.allow_private = networks, .n_allow_private = 2};
    struct outgoing *none = NULL;

    ck_assert_int_eq(outgoing_new(&options, &none, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.detail, "\"10.0.0.1/8\""));
    ck_assert_ptr_null(none);
    options = (struct outgoing_options){.ca_file = "/nonexistent/ca.pem"};
    ck_assert_int_eq(outgoing_new(&options, &none, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.detail, "certificates"));
    ck_assert_ptr_null(none);
    outgoing_free(&none);
}
END_TEST

START_TEST(each_network_counts)
{
    const char *const networks[] = {"10.0.0.0/8", "fd00::/8", "192.168.7.0/24"};
    struct outgoing_options options = {.allow_private = networks, .n_allow_private = 3};
    struct outgoing *o = NULL;

    ck_assert_int_eq(outgoing_new(&options, &o, &err), 0);
    ck_assert_int_eq(outgoing_check_url(o, "http://10.1.2.3/", &err), 0);
    ck_assert_int_eq(outgoing_check_url(o, "http://[fd00::1]/", &err), 0);
    ck_assert_int_eq(outgoing_check_url(o, "http://192.168.7.1/", &err), 0);
    ck_assert_int_eq(outgoing_check_url(o, "http://192.168.8.1/", &err), -1);
    outgoing_free(&o);
}
END_TEST

START_TEST(which_library)
{
    ck_assert(strncmp(outgoing_library(), "libcurl/", 8) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outgoing");
    TCase *tc = tcase_create("outgoing");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_answer);
    tcase_add_test(tc, any_status_is_an_answer);
    tcase_add_test(tc, no_body);
    tcase_add_test(tc, chunks);
    tcase_add_test(tc, bytes_of_any_kind);
    tcase_add_test(tc, no_unpacking);
    tcase_add_test(tc, a_post);
    tcase_add_test(tc, a_long_post);
    tcase_add_test(tc, nothing_is_expected_first);
    tcase_add_test(tc, an_empty_post);
    tcase_add_test(tc, who_asks);
    tcase_add_test(tc, no_cookies);
    tcase_add_loop_test(tc, headers_are_one_line, 0, (int)ARRAY_LEN(no_headers));
    tcase_add_test(tc, the_environment_is_not_asked);
    tcase_add_test(tc, no_netrc);
    tcase_add_test(tc, the_body_is_taken);
    tcase_add_test(tc, only_a_good_one_is_taken);
    tcase_add_test(tc, taking_has_the_limit_too);
    tcase_add_test(tc, what_is_not_wanted);
    tcase_add_test(tc, when_to_come_again);
    tcase_add_test(tc, many_at_once);
    tcase_add_test(tc, rules_that_are_none);
    tcase_add_test(tc, each_network_counts);
    tcase_add_test(tc, which_library);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
