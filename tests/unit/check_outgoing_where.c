/* Where a call may go: the addresses behind names, when they change too, ports, redirects. The
 * proof of "refused" is that no connection was tried.
 */
#include "where_help.h"

static char location[4200]; /* where /go leads */

static void one_name(const char *name, const char *list)
{
    net_name(name, &list, 1);
}

static void say_go(int fd, const char *status)
{
    char text[4400];

    (void)snprintf(text, sizeof text,
                   "HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 7\r\n\r\nnot yet", status,
                   location);
    net_say(fd, text);
}

static void serve(struct net_server *s, int fd, const char *request)
{
    char path[128] = "", text[128];
    int n;

    ck_assert_int_eq(sscanf(request, "%*s %127s", path), 1);
    if (sscanf(path, "/go/%d", &n) == 1) {
        (void)snprintf(text, sizeof text, "%d Go", n);
        say_go(fd, text);
    } else if (sscanf(path, "/steps/%d", &n) == 1 && n > 0) { /* relative, and so many of them */
        (void)snprintf(text, sizeof text,
                       "HTTP/1.1 302 Go\r\nlocation: %d\r\nContent-Length: 0\r\n\r\n", n - 1);
        net_say(fd, text);
    } else if (strcmp(path, "/nowhere") == 0) {
        net_say(fd, "HTTP/1.1 302 Go\r\nContent-Length: 4\r\n\r\nlost");
    } else if (strcmp(path, "/again") == 0) {
        net_say(fd, "HTTP/1.1 302 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/slow") == 0) {
        (void)net_wait_gone(s, fd, 100);
        net_say(fd, "HTTP/1.1 302 Go\r\nLocation: /slow\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/made") == 0) {
        net_say(fd, "HTTP/1.1 201 Made\r\nLocation: /here\r\nContent-Length: 4\r\n\r\nmade");
    } else {
        net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere");
    }
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const private_addresses[] = {"127.0.0.1",
                                                "127.0.0.2",
                                                "10.0.0.1",
                                                "169.254.169.254",
                                                "192.168.0.1",
                                                "172.31.0.1",
                                                "100.64.0.1",
                                                "0.0.0.0",
                                                "224.0.0.1",
                                                "255.255.255.255",
                                                "198.18.0.1",
                                                "::1",
                                                "::",
                                                "::ffff:127.0.0.1",
                                                "::ffff:169.254.169.254",
                                                "::127.0.0.1",
                                                "64:ff9b::10.0.0.1",
                                                "2002:7f00:1::1",
                                                "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                                                "fe80::1",
                                                "fd00::1",
                                                "ff02::1",
                                                "127.0.0.1,127.0.0.2,10.0.0.1",
                                                "::1,127.0.0.1"};

START_TEST(a_name_that_leads_inside)
{
    one_name("rebind.example", private_addresses[_i]);
    ck_assert_int_eq(outgoing_check_url(nobody, "https://rebind.example/", &err), 0);
    refused(nobody, "https://rebind.example/", 0, 0);
    ck_assert_ptr_nonnull(strstr(err.detail, "--allow-private"));
    ck_assert_ptr_null(strstr(err.detail, "127."));
    ck_assert_uint_eq(net_lookups(), 1);
    refused(plain, "http://rebind.example:8080/", 0, 0);
}
END_TEST

START_TEST(localhost)
{
    one_name("localhost", "127.0.0.1");
    one_name("localhost.", "127.0.0.1");
    one_name("127.0.0.1.", "127.0.0.1");
    one_name("0x7f.1.", "127.0.0.1");
    refused(nobody, "https://localhost/", 0, 0);
    refused(nobody, "https://localhost./", 0, 0);
    refused(nobody, "https://LocalHost:8443/", 0, 0);
    refused(nobody, "https://a.localhost/", 0, 0);
    refused(plain, "http://localhost:8080/", 0, 0);
    refused(plain, "http://127.0.0.1./", 0, 0);
    refused(plain, "http://0x7f.1./", 0, 0);
    answers(loop, "http://localhost:%u/", 0, "here"); /* not by way of ::1 */
    ck_assert_uint_eq(net_tried(NULL), 1);
}
END_TEST

/* Names that libc, not the parser, takes for digits. */
START_TEST(digits_for_libc)
{
    one_name("1.2.3.4.5", "127.0.0.1");
    one_name("127.1", "127.0.0.1");
    one_name("4294967296", "127.0.0.1");
    one_name("0x100000000", "127.0.0.1");
    refused(nobody, "https://1.2.3.4.5/", 0, 0);
    refused(nobody, "https://1%32%37.1/", 0, 0); /* decoded too late to be digits for curl_url */
    refused(nobody, "https://4294967296/", 0, 0);
    refused(nobody, "https://0x100000000/", 0, 0);
}
END_TEST

/* Public at the first look, private at the second: each look counts for itself. */
START_TEST(a_name_that_changes)
{
    const char *const lists[] = {PUBLIC, "127.0.0.1"};

    net_name("rebind.example", lists, 2);
    net_play(PUBLIC, server.port);
    ck_assert_int_eq(outgoing_check_url(plain, "http://rebind.example/", &err), 0);
    answers(plain, "http://rebind.example/", 0, "here");
    ck_assert_uint_eq(net_tried(PUBLIC ":80"), 1);
    refused(plain, "http://rebind.example/", 0, 1);
    ck_assert_uint_eq(net_lookups(), 2);
}
END_TEST

/* The same inside one call, where a redirect asks again. */
START_TEST(a_name_that_changes_on_the_way)
{
    const char *const lists[] = {PUBLIC, "169.254.169.254"};

    net_name("rebind.example", lists, 2);
    net_play(PUBLIC, server.port);
    (void)snprintf(location, sizeof location, "http://rebind.example/latest/meta-data/");
    refused(plain, "http://rebind.example/go/302", 3, 1);
    ck_assert_uint_eq(net_lookups(), 2);
    ck_assert_uint_eq(net_server_requests(&server), 1);
}
END_TEST

/* Of several addresses only those that may be are tried, whatever comes of it. */
START_TEST(a_name_of_both_kinds)
{
    one_name("both.example", "127.0.0.2," PUBLIC ",10.0.0.1");
    net_play(PUBLIC, server.port);
    answers(plain, "http://both.example/", 0, "here");
    ck_assert_uint_eq(net_tried(NULL), 1);
    one_name("dead.example", "127.0.0.2,8.8.8.8"); /* which nobody plays */
    ck_assert_int_eq(get(plain, "http://dead.example/", 0), -1);
    ck_assert_int_eq(err.code, ERR_IO); /* it could have been */
    ck_assert_uint_eq(net_tried("8.8.8.8:80"), 1);
    ck_assert_uint_eq(net_tried(NULL), 2);
}
END_TEST

START_TEST(a_public_ipv6)
{
    one_name("six.example", PUBLIC_6);
    ck_assert_int_eq(get(nobody, "https://six.example/", 0), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_uint_le(net_tried("[" PUBLIC_6 "]:443"), 1); /* 0 where the kernel has no IPv6 */
    ck_assert_uint_eq(net_tried(NULL), net_tried("[" PUBLIC_6 "]:443"));
}
END_TEST

/* Ports and the clear are judged by the address behind the name. */
START_TEST(a_name_and_its_port)
{
    one_name("public.example", PUBLIC);
    one_name("inside.example", "127.0.0.1");
    net_play(PUBLIC, server.port);
    refused(loop, "https://public.example:22/", 0, 0);
    refused(loop, "http://public.example/", 0, 0);
    refused(loop, "http://public.example:8080/", 0, 0);
    answers(loop, "http://inside.example:%u/", 0, "here");
    answers(plain, "http://public.example:8999/", 0, "here");
    refused(plain, "http://public.example:7999/", 0, 2);
    refused(plain, "http://inside.example:8080/", 0, 2);
}
END_TEST

/* ---- redirects --------------------------------------------------------------------------------
 */

START_TEST(not_followed_unasked)
{
    (void)snprintf(location, sizeof location, "/");
    ck_assert_int_eq(get(loop, "http://127.0.0.1:%u/go/302", 0), 0);
    ck_assert_int_eq(reply.status, 302);
    ck_assert_str_eq(reply.body.data, "not yet");
    ck_assert_uint_eq(net_server_requests(&server), 1);
}
END_TEST

static const int followed[] = {301, 302, 303, 307, 308};

START_TEST(followed_when_asked)
{
    char format[64];

    (void)snprintf(location, sizeof location, "http://127.0.0.1:%u/there", server.port);
    (void)snprintf(format, sizeof format, "http://127.0.0.1:%%u/go/%d", followed[_i]);
    answers(loop, format, 1, "here");
    ck_assert_uint_eq(net_server_requests(&server), 2);
    ck_assert(net_server_saw(&server, "GET /there HTTP/1.1\r\n"));
}
END_TEST

START_TEST(other_statuses_lead_nowhere)
{
    static const int statuses[] = {300, 304, 305, 306, 309, 400};
    char format[64];
    size_t i;

    (void)snprintf(location, sizeof location, "http://127.0.0.1:%u/there", server.port);
    for (i = 0; i < ARRAY_LEN(statuses); i++) {
        (void)snprintf(format, sizeof format, "http://127.0.0.1:%%u/go/%d", statuses[i]);
        ck_assert_int_eq(get(loop, format, 3), 0);
        ck_assert_int_eq(reply.status, statuses[i]);
    }
    ck_assert_int_eq(get(loop, "http://127.0.0.1:%u/made", 3), 0);
    ck_assert_int_eq(reply.status, 201);
    ck_assert_str_eq(reply.body.data, "made");
    ck_assert_int_eq(get(loop, "http://127.0.0.1:%u/nowhere", 3), 0);
    ck_assert_int_eq(reply.status, 302);
    ck_assert_str_eq(reply.body.data, "lost");
    (void)snprintf(location, sizeof location, "/nowhere"); /* and so at the second step */
    ck_assert_int_eq(get(loop, "http://127.0.0.1:%u/go/302", 3), 0);
    ck_assert_int_eq(reply.status, 302);
    ck_assert_str_eq(reply.body.data, "lost");
}
END_TEST

START_TEST(as_often_as_allowed)
{
    answers(loop, "http://127.0.0.1:%u/steps/3", 3, "here");
    ck_assert_uint_eq(net_server_requests(&server), 4);
    ck_assert_int_eq(get(loop, "http://127.0.0.1:%u/steps/4", 3), 0);
    ck_assert_int_eq(reply.status, 302);
    ck_assert_int_eq(get(loop, "http://127.0.0.1:%u/again", 20), 0);
    ck_assert_int_eq(reply.status, 302);
    ck_assert_uint_eq(net_server_requests(&server), 4 + 4 + 21);
}
END_TEST

static const char *const bad_places[] = {"http://169.254.169.254/latest/meta-data/",
                                         "http://127.0.0.2/",
                                         "http://127.0.0.2:%u/",
                                         "http://2130706434/",
                                         "//127.0.0.2/",
                                         "//127.0.0.2:%u/x",
                                         "http://[::1]:%u/",
                                         "http://[::ffff:127.0.0.2]:%u/",
                                         "http://10.0.0.1/",
                                         "http://user:pass@127.0.0.1:%u/",
                                         "http://@127.0.0.1:%u/",
                                         "file:///etc/passwd",
                                         "file://127.0.0.1/etc/passwd",
                                         "gopher://127.0.0.1:%u/x",
                                         "ftp://127.0.0.1:%u/x",
                                         "ftp://127.0.0.1/",
                                         "dict://127.0.0.1:%u/x",
                                         "ldap://127.0.0.1/",
                                         "http://inside.example/",
                                         "http://localhost.example:%u/",
                                         "http://" PUBLIC "/",
                                         "http://" PUBLIC ":22/",
                                         "https://" PUBLIC ":22/",
                                         "https://",
                                         "http://",
                                         "unknown-scheme://127.0.0.1/",
                                         "http://127.0.0.1:99999/",
                                         "http://[",
                                         ""};

START_TEST(a_bad_place_to_go)
{
    const char *hole = strstr(bad_places[_i], "%u");

    one_name("inside.example", "169.254.169.254");
    one_name("localhost.example", "127.0.0.2");
    (void)snprintf(location, sizeof location, "%.*s",
                   hole != NULL ? (int)(hole - bad_places[_i]) : 1000, bad_places[_i]);
    if (hole != NULL) {
        size_t n = strlen(location);

        (void)snprintf(location + n, sizeof location - n, "%u%s", server.port, hole + 2);
    }
    refused(loop, "http://127.0.0.1:%u/go/302", 3, 1);
    ck_assert_msg(strstr(err.detail, "redirects") != NULL || strstr(err.detail, "address") != NULL,
                  "%s", err.detail);
    ck_assert_uint_eq(net_server_requests(&server), 1);
}
END_TEST

START_TEST(a_long_place_to_go)
{
    memset(location, 'a', 3000);
    memcpy(location, "/", 1);
    location[3000] = '\0';
    refused(loop, "http://127.0.0.1:%u/go/302", 3, 1);
}
END_TEST

/* Where a redirect leads, nothing of the caller's follows: not a header, not a body. */
START_TEST(no_secret_follows)
{
    static const char *const headers[] = {"Authorization: Bearer secret", "X-Mine: secret",
                                          "Cookie: secret", NULL};
    char url[64];
    struct outgoing_request request = {
        .method = "GET", .url = url, .headers = headers, .most_bytes = 100, .redirects = 3};

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/go/307", server.port);
    (void)snprintf(location, sizeof location, "/there");
    ck_assert_int_eq(outgoing_send(loop, &request, &reply, &err), 0);
    ck_assert_int_eq(reply.status, 200);
    ck_assert(net_server_saw(&server, "GET /there"));
    ck_assert(!net_server_saw(&server, "secret"));
    ck_assert(!net_server_saw(&server, "Referer"));
    buf_fini(&reply.body);
    request.redirects = 0;
    ck_assert_int_eq(outgoing_send(loop, &request, &reply, &err), 0);
    ck_assert(net_server_saw(&server, "Authorization: Bearer secret\r\n"));
}
END_TEST

START_TEST(a_post_goes_nowhere_else)
{
    char url[64];
    struct outgoing_request request = {.method = "POST",
                                       .url = url,
                                       .body = "secret",
                                       .len = 6,
                                       .most_bytes = 100,
                                       .redirects = 3};
    size_t i;

    (void)snprintf(location, sizeof location, "/there");
    for (i = 0; i < ARRAY_LEN(followed); i++) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/go/%d", server.port, followed[i]);
        ck_assert_int_eq(outgoing_send(loop, &request, &reply, &err), 0);
        ck_assert_int_eq(reply.status, followed[i]);
        buf_fini(&reply.body);
    }
    ck_assert_uint_eq(net_server_requests(&server), ARRAY_LEN(followed));
}
END_TEST

static bool count(void *arg, const void *bytes, size_t len)
{
    (void)bytes;
    *(size_t *)arg += len;
    return true;
}

/* The steps' own bodies are nobody's, but they count. */
START_TEST(bodies_on_the_way)
{
    char url[64];
    size_t n = 0;
    struct outgoing_request request = {
        .method = "GET", .url = url, .most_bytes = 11, .redirects = 1, .take = count, .arg = &n};

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/go/302", server.port);
    (void)snprintf(location, sizeof location, "/there");
    ck_assert_int_eq(outgoing_send(loop, &request, &reply, &err), 0);
    ck_assert_uint_eq(n, 4);
    request.most_bytes = 10;
    ck_assert_int_eq(outgoing_send(loop, &request, &reply, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
}
END_TEST

/* The deadline is the whole call's. */
START_TEST(steps_without_end)
{
    char url[64];
    struct outgoing_request request = {
        .method = "GET", .url = url, .seconds = 0.5, .most_bytes = 100, .redirects = 20};

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/slow", server.port);
    ck_assert_int_eq(outgoing_send(loop, &request, &reply, &err), -1);
    ck_assert_int_eq(err.code, ERR_BUSY);
    ck_assert_uint_ge(net_server_requests(&server), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outgoing_where");
    TCase *tc = tcase_create("outgoing_where");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_name_that_leads_inside, 0, (int)ARRAY_LEN(private_addresses));
    tcase_add_test(tc, localhost);
    tcase_add_test(tc, digits_for_libc);
    tcase_add_test(tc, a_name_that_changes);
    tcase_add_test(tc, a_name_that_changes_on_the_way);
    tcase_add_test(tc, a_name_of_both_kinds);
    tcase_add_test(tc, a_public_ipv6);
    tcase_add_test(tc, a_name_and_its_port);
    tcase_add_test(tc, not_followed_unasked);
    tcase_add_loop_test(tc, followed_when_asked, 0, (int)ARRAY_LEN(followed));
    tcase_add_test(tc, other_statuses_lead_nowhere);
    tcase_add_test(tc, as_often_as_allowed);
    tcase_add_loop_test(tc, a_bad_place_to_go, 0, (int)ARRAY_LEN(bad_places));
    tcase_add_test(tc, a_long_place_to_go);
    tcase_add_test(tc, no_secret_follows);
    tcase_add_test(tc, a_post_goes_nowhere_else);
    tcase_add_test(tc, bodies_on_the_way);
    tcase_add_test(tc, steps_without_end);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
