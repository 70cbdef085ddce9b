/* Fetching one file: what breaks and is taken up again, what is refused, and what is told of it.
 *
 * The servers are threads of this process and no packet leaves the machine. The file is a few KiB
 * of text of which every place is different, so that a byte too many or too few shows.
 */
#include "jobs/fetch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/host.h"
#include "net_help.h"

#define FILE_BYTES 6000
#define CUT        2500

static struct outgoing *rules;
static struct net_server server;
static struct err err;
static struct fetched fetched;
static char file[FILE_BYTES + 1], file_sha256[HASH_HEX_LEN], url[128];

/* What the taker got. */
static struct buf got;
static uint64_t got_total;
static unsigned begins, asked;
static bool refuses;     /* bytes */
static unsigned ends_at; /* when it was asked so often; 0: never */

static int begin(void *arg, uint64_t total, struct err *e)
{
    (void)arg, (void)e;
    buf_clear(&got);
    got_total = total;
    begins++;
    return 0;
}

static int take(void *arg, const void *bytes, size_t len, struct err *e)
{
    (void)arg;
    if (refuses) {
        return err_add(e, "/there", "no such thing");
    }
    ck_assert_int_eq(buf_append(&got, bytes, len), 0);
    return 0;
}

static bool ends(void *arg)
{
    (void)arg;
    return ++asked == ends_at;
}

static const struct fetch_taker taker = {.begin = begin, .bytes = take, .ends = ends};

/* ---- the server -------------------------------------------------------------------------- */

static void say_head(int fd, const char *status, size_t len, const char *more)
{
    char head[512];

    (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, len,
                   more);
    net_say(fd, head);
}

static size_t range_of(const char *request)
{
    const char *range = strstr(request, "\r\nRange: bytes=");
    unsigned first = 0;

    return range != NULL && sscanf(range, "\r\nRange: bytes=%u-", &first) == 1 ? first : 0;
}

/* The rest that was asked for, or all. `stop`: so far and no further. */
static void say_file(int fd, const char *request, const char *validator, const char *if_range,
                     size_t stop)
{
    size_t first = range_of(request);
    char more[256];

    if (first > 0 && if_range != NULL && strstr(request, if_range) == NULL) {
        first = 0;
    }
    (void)snprintf(more, sizeof more, "%sContent-Range: bytes %zu-%d/%d\r\n", validator, first,
                   FILE_BYTES - 1, FILE_BYTES);
    say_head(fd, first > 0 ? "206 Partial Content" : "200 OK", FILE_BYTES - first,
             first > 0 ? more : validator);
    if (first < stop) {
        net_say_bytes(fd, file + first, stop - first);
    }
}

static void serve(struct net_server *s, int fd, const char *request)
{
    static const char tag[] = "ETag: \"one\"\r\n",
                      date[] = "Last-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n";
    unsigned n = net_server_requests(s);
    char name[64] = "", more[256];

    ck_assert_int_eq(sscanf(request, "GET %63s", name), 1);
    if (strcmp(name, "/whole") == 0) {
        say_file(fd, request, "", NULL, FILE_BYTES);
    } else if (strcmp(name, "/unsized") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        net_say_bytes(fd, file, FILE_BYTES);
    } else if (strcmp(name, "/empty") == 0) {
        say_head(fd, "200 OK", 0, "");
    } else if (strcmp(name, "/tag") == 0) { /* three pieces */
        say_file(fd, request, tag, "If-Range: \"one\"\r\n", n < 3 ? n * CUT : FILE_BYTES);
    } else if (strcmp(name, "/date") == 0) {
        say_file(fd, request, date, "If-Range: Sun, 01 Nov 2026 00:00:00 GMT\r\n",
                 n == 1 ? CUT : FILE_BYTES);
    } else if (strcmp(name, "/weak") == 0) { /* says nothing that would do */
        say_file(fd, request, "ETag: W/\"one\"\r\n", NULL, n == 1 ? CUT : FILE_BYTES);
    } else if (strcmp(name, "/changed") == 0) { /* another version, or the same anew */
        (void)snprintf(more, sizeof more, "ETag: \"v%u\"\r\n", n);
        file[0] = (char)('0' + n);
        say_file(fd, request, more, "never", n == 1 ? CUT : FILE_BYTES);
    } else if (strcmp(name, "/other-part") == 0) {
        if (n == 2) {
            (void)snprintf(more, sizeof more, "%sContent-Range: bytes %d-%d/%d\r\n", tag, CUT - 1,
                           FILE_BYTES - 1, FILE_BYTES);
            say_head(fd, "206 Partial Content", FILE_BYTES - CUT + 1, more);
            net_say_bytes(fd, file + CUT - 1, FILE_BYTES - CUT + 1);
        } else {
            say_file(fd, request, tag, NULL, n == 1 ? CUT : FILE_BYTES);
        }
    } else if (strcmp(name, "/other-length") == 0) {
        if (n == 2) {
            (void)snprintf(more, sizeof more, "%sContent-Range: bytes %d-%d/%d\r\n", tag, CUT,
                           FILE_BYTES - 2, FILE_BYTES - 1);
            say_head(fd, "206 Partial Content", FILE_BYTES - CUT - 1, more);
            net_say_bytes(fd, file + CUT, FILE_BYTES - CUT - 1);
        } else {
            say_file(fd, request, tag, NULL, n == 1 ? CUT : FILE_BYTES);
        }
    } else if (strcmp(name, "/no-such-range") == 0) {
        if (n == 2) {
            say_head(fd, "416 Range Not Satisfiable", 0, "");
        } else {
            say_file(fd, request, tag, NULL, n == 1 ? CUT : FILE_BYTES);
        }
    } else if (strcmp(name, "/part-unasked") == 0) {
        (void)snprintf(more, sizeof more, "Content-Range: bytes 0-%d/%d\r\n", FILE_BYTES - 1,
                       FILE_BYTES);
        say_head(fd, "206 Partial Content", FILE_BYTES, more);
        net_say_bytes(fd, file, FILE_BYTES);
    } else if (strcmp(name, "/cut") == 0) { /* always, and always at the same place */
        say_file(fd, "", "", NULL, CUT);
    } else if (strcmp(name, "/busy-once") == 0 && n == 1) {
        say_head(fd, "503 Busy", 4, "Retry-After: 1\r\n");
        net_say(fd, "busy");
    } else if (strcmp(name, "/busy-once") == 0) {
        say_file(fd, request, "", NULL, FILE_BYTES);
    } else if (sscanf(name, "/status/%u", &n) == 1) {
        (void)snprintf(more, sizeof more, "%u Word", n);
        say_head(fd, more, 2, "");
        net_say(fd, "no");
    } else if (strcmp(name, "/drip") == 0) {
        say_head(fd, "200 OK", FILE_BYTES, "");
        while (!net_wait_gone(s, fd, 20)) {
            net_say(fd, "x");
        }
    } else if (strcmp(name, "/to-here") == 0) {
        (void)snprintf(more, sizeof more, "Location: http://127.0.0.1:%u/tag-after\r\n", s->port);
        say_head(fd, "302 Found", 0, more);
    } else if (strcmp(name, "/tag-after") == 0) { /* cut once, and Range must come along */
        say_file(fd, request, tag, "If-Range: \"one\"\r\n", n == 2 ? CUT : FILE_BYTES);
    } else if (strcmp(name, "/to-elsewhere") == 0) {
        (void)snprintf(more, sizeof more, "Location: http://127.0.0.2:%u/whole\r\n", s->port);
        say_head(fd, "302 Found", 0, more);
    } else if (strcmp(name, "/round") == 0) {
        say_head(fd, "307 Again", 0, "Location: /round\r\n");
    } /* else nothing: the connection ends */
}

/* ---- the world --------------------------------------------------------------------------- */

static const char *const hosts[] = {"127.0.0.1", "*.example.org", NULL};

static void setup(void)
{
    const char *const networks[] = {"127.0.0.0/8"};
    size_t i;

    for (i = 0; i < FILE_BYTES; i += 6) {
        (void)snprintf(file + i, 7, "%05zu\n", i);
    }
    hash_start();
    hash_hex(file, FILE_BYTES, file_sha256);
    net_reset();
    net_server_start(&server, serve);
    err = (struct err)ERR_INIT;
    fetched = (struct fetched){.tries = 77};
    got = (struct buf)BUF_INIT;
    begins = asked = ends_at = 0;
    refuses = false;
    ck_assert_int_eq(
        outgoing_new(&(struct outgoing_options){.allow_private = networks, .n_allow_private = 1},
                     &rules, &err),
        0);
}

static void teardown(void)
{
    outgoing_free(&rules);
    buf_fini(&got);
    err_fini(&err);
    net_server_stop(&server);
    net_reset();
}

static struct fetch_rules usual(void)
{
    return (struct fetch_rules){
        .outgoing = rules, .hosts = hosts, .most_bytes = 100000, .seconds = 20, .pace = 0.01};
}

static const char *at(const char *path)
{
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server.port, path);
    return url;
}

static int run(const char *path, const char *sha256)
{
    struct fetch_rules r = usual();

    return fetch_run(&r, at(path), sha256, &taker, &fetched, &err);
}

static void comes(const char *path, unsigned tries, unsigned wanted_begins)
{
    ck_assert_msg(run(path, NULL) == 0, "%s: %s", path, err.detail);
    hash_hex(file, FILE_BYTES, file_sha256);
    ck_assert_uint_eq(got.len, FILE_BYTES);
    ck_assert_int_eq(memcmp(got.data, file, FILE_BYTES), 0);
    ck_assert_uint_eq(fetched.bytes, FILE_BYTES);
    ck_assert_str_eq(fetched.sha256, file_sha256);
    ck_assert_uint_eq(fetched.tries, tries);
    ck_assert_uint_eq(begins, wanted_begins);
    ck_assert(!err_is(&err));
}

static void fails(int rc, enum err_code code, const char *word)
{
    ck_assert_int_eq(rc, -1);
    ck_assert_msg(err.code == code, "%s: %s", err_code_name(err.code), err.detail);
    ck_assert_msg(strstr(err.detail, word) != NULL, "%s", err.detail);
    ck_assert_msg(strstr(err.detail, "127.") == NULL, "an address in: %s", err.detail);
    ck_assert_uint_eq(fetched.tries, 77); /* untouched */
}

/* ---- what comes -------------------------------------------------------------------------- */

START_TEST(at_once)
{
    comes("/whole", 1, 1);
    ck_assert_uint_eq(got_total, FILE_BYTES);
    begins = 0;
    comes("/unsized", 1, 1);
    ck_assert(got_total == UINT64_MAX);
}
END_TEST

START_TEST(nothing_at_all)
{
    ck_assert_int_eq(run("/empty", NULL), 0);
    ck_assert_uint_eq(begins, 1);
    ck_assert_uint_eq(fetched.bytes, 0);
}
END_TEST

START_TEST(in_pieces_by_tag)
{
    comes("/tag", 3, 1);
    ck_assert(net_server_saw(&server, "Range: bytes=5000-"));
    ck_assert(net_server_saw(&server, "If-Range: \"one\""));
}
END_TEST

START_TEST(in_pieces_by_date)
{
    comes("/date", 2, 1);
}
END_TEST

START_TEST(in_pieces_behind_a_redirect)
{
    comes("/to-here", 2, 1);
    ck_assert(net_server_saw(&server, "Range: bytes=2500-"));
}
END_TEST

START_TEST(anew_without_a_validator)
{
    comes("/weak", 2, 2);
    ck_assert(!net_server_saw(&server, "Range"));
}
END_TEST

START_TEST(anew_when_it_changed)
{
    comes("/changed", 2, 2);
    ck_assert_int_eq(got.data[0], '2'); /* not a byte of the first version */
}
END_TEST

START_TEST(anew_after_another_part)
{
    static const char *const paths[] = {"/other-part", "/other-length", "/no-such-range"};

    comes(paths[_i], 3, 2);
}
END_TEST

START_TEST(after_a_busy_server)
{
    comes("/busy-once", 2, 1);
}
END_TEST

START_TEST(with_its_checksum)
{
    ck_assert_int_eq(run("/tag", file_sha256), 0);
}
END_TEST

/* ---- what does not ----------------------------------------------------------------------- */

START_TEST(another_checksum)
{
    file_sha256[5] ^= 1;
    fails(run("/whole", file_sha256), ERR_INVALID, "its sha256 is");
}
END_TEST

START_TEST(always_cut)
{
    fails(run("/cut", NULL), ERR_IO, "connection broke");
    ck_assert_uint_eq(net_server_requests(&server), FETCH_TRIES);
    ck_assert_uint_eq(begins, FETCH_TRIES);
}
END_TEST

START_TEST(part_that_nobody_asked_for)
{
    fails(run("/part-unasked", NULL), ERR_IO, "nobody asked for");
    ck_assert_uint_eq(begins, 0);
}
END_TEST

START_TEST(statuses)
{
    static const struct {
        const char *path;
        enum err_code code;
        const char *word;
        unsigned requests;
    } cases[] = {
        {"/status/404", ERR_NOT_FOUND, "answered 404", 1},
        {"/status/410", ERR_NOT_FOUND, "answered 410", 1},
        {"/status/403", ERR_IO, "answered 403", 1},
        {"/status/203", ERR_IO, "answered 203", 1},
        {"/status/500", ERR_IO, "answered 500", FETCH_TRIES},
        {"/status/429", ERR_IO, "answered 429", FETCH_TRIES},
        {"/round", ERR_IO, "redirects more than 5", FETCH_REDIRECTS + 1},
    };

    fails(run(cases[_i].path, NULL), cases[_i].code, cases[_i].word);
    ck_assert_uint_eq(net_server_requests(&server), cases[_i].requests);
    ck_assert_uint_eq(begins, 0);
}
END_TEST

START_TEST(too_large)
{
    struct fetch_rules r = usual();

    r.most_bytes = FILE_BYTES;
    ck_assert_int_eq(fetch_run(&r, at("/unsized"), NULL, &taker, &fetched, &err), 0);
    fetched.tries = 77;
    r.most_bytes = FILE_BYTES - 1;
    fails(fetch_run(&r, at("/unsized"), NULL, &taker, &fetched, &err), ERR_TOO_LARGE, "longer");
    err_fini(&err);
    fails(fetch_run(&r, at("/whole"), NULL, &taker, &fetched, &err), ERR_TOO_LARGE, "longer");
    ck_assert_uint_eq(net_server_requests(&server), 3);
}
END_TEST

START_TEST(too_slow)
{
    struct fetch_rules r = usual();

    r.seconds = 0.3;
    fails(fetch_run(&r, at("/drip"), NULL, &taker, &fetched, &err), ERR_IO, "longer than 0.3 s");
    ck_assert_uint_eq(net_server_requests(&server), 1);
}
END_TEST

START_TEST(ended_by_its_taker)
{
    ends_at = 20; /* libcurl asks before there is a connection, too */
    ck_assert_int_eq(run("/drip", NULL), 1);
    ck_assert(!err_is(&err));
    asked = 0;
    ends_at = 1;
    ck_assert_int_eq(run("/whole", NULL), 1); /* before it begins */
    ck_assert_uint_eq(net_server_requests(&server), 1);
}
END_TEST

/* While it waits to try again. */
START_TEST(ended_in_a_pause)
{
    struct fetch_rules r = usual();

    r.pace = 1000;
    ends_at = 4;
    ck_assert_int_eq(fetch_run(&r, at("/status/500"), NULL, &taker, &fetched, &err), 1);
    ck_assert(!err_is(&err));
}
END_TEST

START_TEST(refused_by_its_taker)
{
    refuses = true;
    fails(run("/whole", NULL), ERR_INVALID, "no such thing");
    ck_assert_str_eq(err.items[0].pointer, "/there");
    ck_assert_uint_eq(net_server_requests(&server), 1);
}
END_TEST

START_TEST(redirected_to_another_host)
{
    fails(run("/to-elsewhere", NULL), ERR_INVALID, "host that is not allowed");
    ck_assert_uint_eq(net_server_requests(&server), 1);
    ck_assert_uint_eq(net_tried(NULL), 1);
}
END_TEST

START_TEST(another_host)
{
    struct fetch_rules r = usual();
    char there[64];

    (void)snprintf(there, sizeof there, "http://127.0.0.2:%u/whole", server.port);
    fails(fetch_run(&r, there, NULL, &taker, &fetched, &err), ERR_INVALID, "its host");
    err_fini(&err);
    ck_assert_int_eq(fetch_check(&r, there, "/url", &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/url");
    ck_assert_uint_eq(net_tried(NULL), 0);
}
END_TEST

START_TEST(no_host_at_all)
{
    static const char *const none[] = {NULL};
    struct fetch_rules r = usual();
    unsigned i;

    for (i = 0; i < 3; i++) {
        r.hosts = i == 0 ? none : NULL;
        ck_assert_int_eq(fetch_check(i < 2 ? &r : NULL, at("/whole"), "/data/url", &err), -1);
        ck_assert_ptr_nonnull(strstr(err.items[0].detail, "--fetch-allow"));
        err_fini(&err);
    }
}
END_TEST

/* An allowed name is no way into a network that is not. */
START_TEST(allowed_name_of_a_private_address)
{
    static const char *const lists[] = {"10.1.2.3"};
    struct fetch_rules r = usual();

    net_name("data.example.org", lists, 1);
    fails(fetch_run(&r, "https://data.example.org/x.csv", NULL, &taker, &fetched, &err),
          ERR_INVALID, "address is refused");
    ck_assert_uint_eq(net_tried(NULL), 0);
}
END_TEST

/* ---- hosts ------------------------------------------------------------------------------- */

START_TEST(patterns)
{
    static const char *const good[] = {"a",         "data.example.org", "*.example.org",
                                       "192.0.2.7", "[2001:db8::1]",    "A-b_c.X"};
    static const char *const bad[] = {"",       "*",       "*.",          "a.*.org",     "a..b",
                                      ".a",     "a.",      "http://a",    "a:80",        "a/b",
                                      "a b",    "*.[::1]", "[]",          "[fe80::1%1]", "%61.org",
                                      "user@a", "**.a",    "\xc3\xa9.org"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(host_is_pattern(good[i]), "%s", good[i]);
    }
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!host_is_pattern(bad[i]), "%s", bad[i]);
    }
}
END_TEST

START_TEST(matches)
{
    ck_assert(host_matches("data.example.org", "data.example.org"));
    ck_assert(host_matches("data.example.org", "DATA.Example.org."));
    ck_assert(!host_matches("data.example.org", "data.example.org.."));
    ck_assert(!host_matches("data.example.org", "xdata.example.org"));
    ck_assert(!host_matches("data.example.org", "data.example.orgx"));
    ck_assert(host_matches("*.example.org", "a.example.org"));
    ck_assert(host_matches("*.example.org", "a.b.example.ORG"));
    ck_assert(!host_matches("*.example.org", "example.org"));
    ck_assert(!host_matches("*.example.org", ".example.org"));
    ck_assert(!host_matches("*.example.org", "badexample.org"));
    ck_assert(!host_matches("*.example.org", "a.example.org.evil.net"));
    ck_assert(!host_matches("*.example.org", "evil.net%2f.example.org"));
    ck_assert(host_matches("[2001:db8::1]", "[2001:DB8::1]"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *good = tcase_create("comes"), *bad = tcase_create("does not"),
          *names = tcase_create("hosts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(good, setup, teardown);
    tcase_set_timeout(good, 60);
    tcase_add_test(good, at_once);
    tcase_add_test(good, nothing_at_all);
    tcase_add_test(good, in_pieces_by_tag);
    tcase_add_test(good, in_pieces_by_date);
    tcase_add_test(good, in_pieces_behind_a_redirect);
    tcase_add_test(good, anew_without_a_validator);
    tcase_add_test(good, anew_when_it_changed);
    tcase_add_loop_test(good, anew_after_another_part, 0, 3);
    tcase_add_test(good, after_a_busy_server);
    tcase_add_test(good, with_its_checksum);
    suite_add_tcase(suite, good);
    tcase_add_checked_fixture(bad, setup, teardown);
    tcase_set_timeout(bad, 60);
    tcase_add_test(bad, another_checksum);
    tcase_add_test(bad, always_cut);
    tcase_add_test(bad, part_that_nobody_asked_for);
    tcase_add_loop_test(bad, statuses, 0, 7);
    tcase_add_test(bad, too_large);
    tcase_add_test(bad, too_slow);
    tcase_add_test(bad, ended_by_its_taker);
    tcase_add_test(bad, ended_in_a_pause);
    tcase_add_test(bad, refused_by_its_taker);
    tcase_add_test(bad, redirected_to_another_host);
    tcase_add_test(bad, another_host);
    tcase_add_test(bad, no_host_at_all);
    tcase_add_test(bad, allowed_name_of_a_private_address);
    suite_add_tcase(suite, bad);
    tcase_add_test(names, patterns);
    tcase_add_test(names, matches);
    suite_add_tcase(suite, names);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
