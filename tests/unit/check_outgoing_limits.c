/* The limits of a call: bytes, time, slowness, a stop; and what is told when it breaks.
 */
#include "outgoing_help.h"

#include <time.h>

#include "base/clock.h"

static void say_long_headers(int fd, size_t n)
{
    size_t i;

    net_say(fd, "HTTP/1.1 200 OK\r\n");
    for (i = 0; i < n; i++) {
        net_say(fd, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"); /* 64 */
    }
    net_say(fd, "Content-Length: 2\r\n\r\nok");
}

static void serve(struct net_server *s, int fd, const char *request)
{
    const char *path = strchr(request, ' ');
    char name[64] = "", head[128];
    int n;

    ck_assert(path != NULL && sscanf(path, " %63s", name) == 1);
    if (strcmp(name, "/ok") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello");
    } else if (sscanf(name, "/long/%d", &n) == 1) { /* n bytes, and no word of how many */
        net_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        for (; n > 0; n--) {
            net_say(fd, "x");
        }
    } else if (sscanf(name, "/declared/%d", &n) == 1) { /* a length, and then nothing */
        (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n);
        net_say(fd, head);
        (void)net_wait_gone(s, fd, 30000);
    } else if (sscanf(name, "/headers/%d", &n) == 1) {
        say_long_headers(fd, (size_t)n);
    } else if (strcmp(name, "/informed") == 0) { /* news without end, and never an answer */
        while (!net_wait_gone(s, fd, 0)) {
            net_say(fd, "HTTP/1.1 103 Early\r\nX-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n");
        }
    } else if (strcmp(name, "/hang") == 0) {
        (void)net_wait_gone(s, fd, 30000);
    } else if (strcmp(name, "/drip") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
        while (!net_wait_gone(s, fd, 200)) {
            net_say(fd, "x");
        }
    } else if (strcmp(name, "/cut") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    } else if (strcmp(name, "/garbage") == 0) {
        net_say(fd, "\x16\x03\x01\x02 what is this?\r\n\r\n");
    } /* else nothing: the connection ends */
}

/* ---- limits ------------------------------------------------------------------------------ */

START_TEST(as_long_as_allowed)
{
    struct outgoing_request request = get("/long/1000");

    ck_assert_int_eq(outgoing_send(rules, &request, &reply, &err), 0);
    ck_assert_uint_eq(reply.body.len, 1000);
    buf_fini(&reply.body);
    reply = (struct outgoing_reply){.status = -7};
    request.url = at("/long/1001");
    fails(&request, ERR_TOO_LARGE, "1000 bytes");
}
END_TEST

START_TEST(nothing_allowed)
{
    struct outgoing_request request = get("/long/1");

    request.most_bytes = 0;
    fails(&request, ERR_TOO_LARGE, "longer");
}
END_TEST

/* Known before a byte of it comes. */
START_TEST(declared_too_long)
{
    struct outgoing_request request = get("/declared/1001");
    double began = clock_monotonic();

    fails(&request, ERR_TOO_LARGE, "longer");
    ck_assert_double_lt(clock_monotonic() - began, 5);
}
END_TEST

START_TEST(long_headers)
{
    struct outgoing_request request = get("/headers/1000");

    answers(&request, 200, "ok");
    buf_fini(&reply.body);
    reply = (struct outgoing_reply){.status = -7};
    request.url = at("/headers/1030");
    fails(&request, ERR_TOO_LARGE, "headers");
}
END_TEST

START_TEST(news_without_end)
{
    struct outgoing_request request = get("/informed");

    fails(&request, ERR_TOO_LARGE, "headers");
}
END_TEST

START_TEST(a_deadline)
{
    struct outgoing_request request = get("/hang");
    double began = clock_monotonic(), took;

    request.seconds = 0.4;
    fails(&request, ERR_BUSY, "in time");
    took = clock_monotonic() - began;
    ck_assert_double_ge(took, 0.35);
    ck_assert_double_lt(took, 5);
}
END_TEST

START_TEST(a_drip_meets_the_deadline)
{
    struct outgoing_request request = get("/drip");
    double began = clock_monotonic();

    request.seconds = 0.7;
    fails(&request, ERR_BUSY, "in time");
    ck_assert_double_lt(clock_monotonic() - began, 5);
}
END_TEST

START_TEST(too_slow)
{
    struct outgoing_request request = get("/drip");
    double began = clock_monotonic(), took;

    request.seconds = 30;
    request.slow_seconds = 2;
    fails(&request, ERR_BUSY, "in time");
    took = clock_monotonic() - began;
    ck_assert_double_ge(took, 1);
    ck_assert_double_lt(took, 15);
}
END_TEST

/* A name server that says nothing holds nobody up. */
START_TEST(a_silent_name_server)
{
    const char *const lists[] = {"hang"};
    struct outgoing_request request = get("/ok");
    double began = clock_monotonic();

    net_name("silent.test", lists, 1);
    request.url = "https://silent.test:8443/";
    request.seconds = 10;
    request.connect_seconds = 0.4;
    fails(&request, ERR_BUSY, "in time");
    ck_assert_double_lt(clock_monotonic() - began, 5);
    ck_assert_uint_eq(net_lookups(), 1);
}
END_TEST

static void *stop_soon(void *arg)
{
    struct timespec a_while = {.tv_nsec = 200000000};
    atomic_bool *stop = arg;

    CHK(nanosleep(&a_while, NULL) == 0);
    atomic_store(stop, true);
    return NULL;
}

static void stops(struct outgoing_request *request)
{
    atomic_bool stop = false;
    pthread_t thread;
    double began = clock_monotonic(), took;

    request->seconds = 30;
    request->stop = &stop;
    PTOK(pthread_create(&thread, NULL, stop_soon, &stop));
    fails(request, ERR_BUSY, "stop");
    took = clock_monotonic() - began;
    PTOK(pthread_join(thread, NULL));
    ck_assert_double_ge(took, 0.15);
    ck_assert_double_lt(took, 5);
}

START_TEST(a_stop)
{
    struct outgoing_request request = get("/hang");

    stops(&request);
}
END_TEST

START_TEST(a_stop_while_it_drips)
{
    struct outgoing_request request = get("/drip");

    stops(&request);
}
END_TEST

START_TEST(a_stop_while_a_name_is_looked_up)
{
    const char *const lists[] = {"hang"};
    struct outgoing_request request = get("/ok");

    net_name("silent.test", lists, 1);
    request.url = "https://silent.test:8443/";
    request.connect_seconds = 30;
    stops(&request);
}
END_TEST

/* TLS to who does not speak it, and says nothing. */
START_TEST(a_handshake_without_end)
{
    struct outgoing_request request = get("/");
    double began = clock_monotonic();

    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", server.port);
    request.seconds = 0.4;
    fails(&request, ERR_BUSY, "in time");
    ck_assert_double_lt(clock_monotonic() - began, 5);
    err_fini(&err);
    stops(&request);
}
END_TEST

START_TEST(stopped_before)
{
    struct outgoing_request request = get("/ok");
    atomic_bool stop = true;

    request.stop = &stop;
    fails(&request, ERR_BUSY, "stop");
}
END_TEST

START_TEST(not_stopped)
{
    struct outgoing_request request = get("/ok");
    atomic_bool stop = false;

    request.stop = &stop;
    answers(&request, 200, "hello");
}
END_TEST

/* ---- what breaks ------------------------------------------------------------------------ */

/* One sentence for all of it. */
START_TEST(what_breaks)
{
    static const char *const paths[] = {"/cut", "/nothing", "/garbage"};
    const char *const nobody[] = {"127.0.0.1"};
    struct outgoing_request request = get(paths[0]);
    char first[sizeof err.detail];
    size_t i;

    fails(&request, ERR_IO, "could not connect, or the connection broke");
    (void)snprintf(first, sizeof first, "%s", err.detail);
    for (i = 1; i < ARRAY_LEN(paths); i++) {
        err_fini(&err);
        request.url = at(paths[i]);
        fails(&request, ERR_IO, first);
    }
    err_fini(&err);
    request.url = "http://127.0.0.1:1/"; /* nobody listens */
    fails(&request, ERR_IO, first);
    err_fini(&err);
    request.url = "http://unknown.test/";
    fails(&request, ERR_IO, first);
    err_fini(&err);
    net_name("known.test", nobody, 1);
    request.url = "https://known.test:1/";
    fails(&request, ERR_IO, first);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outgoing_limits");
    TCase *tc = tcase_create("outgoing_limits");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, as_long_as_allowed);
    tcase_add_test(tc, nothing_allowed);
    tcase_add_test(tc, declared_too_long);
    tcase_add_test(tc, long_headers);
    tcase_add_test(tc, news_without_end);
    tcase_add_test(tc, a_deadline);
    tcase_add_test(tc, a_drip_meets_the_deadline);
    tcase_add_test(tc, too_slow);
    tcase_add_test(tc, a_silent_name_server);
    tcase_add_test(tc, a_stop);
    tcase_add_test(tc, a_stop_while_it_drips);
    tcase_add_test(tc, a_stop_while_a_name_is_looked_up);
    tcase_add_test(tc, a_handshake_without_end);
    tcase_add_test(tc, stopped_before);
    tcase_add_test(tc, not_stopped);
    tcase_add_test(tc, what_breaks);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
