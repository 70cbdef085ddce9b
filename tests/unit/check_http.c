/* The pure parts of the server: routes, queries, headers, guard, curve thinning, the JSON writer,
 * the limits on slowness, gzip. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/curve.h"
#include "http/guard.h"
#include "data/gunzip.h"
#include "http/jw.h"
#include "http/media.h"
#include "http/query.h"
#include "http/request.h"
#include "http/route.h"

/* ---- routes ---- */

static const char *find(const char *method, const char *path, char *arg, char *allow)
{
    const struct route *route = route_find(method, path, arg, allow, 96);

    return route != NULL ? route->name : "none";
}

START_TEST(routes_match_exactly)
{
    char arg[ROUTE_ARG_LEN], allow[96];

    ck_assert_str_eq(find("GET", "/jobs", arg, allow), "jobs_list");
    ck_assert_str_eq(find("HEAD", "/jobs", arg, allow), "jobs_list");
    ck_assert_str_eq(find("GET", "/jobs/12", arg, allow), "jobs_get");
    ck_assert_str_eq(arg, "12");
    ck_assert_str_eq(find("GET", "/models/iris/predict", arg, allow), "models_predict");
    ck_assert_str_eq(arg, "iris");
    ck_assert_str_eq(find("POST", "/models/7/predict", arg, allow), "models_predict_rows");
    ck_assert_str_eq(find("GET", "/", arg, allow), "page");
    ck_assert_str_eq(find("GET", "/jobs/", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/jobs/12/", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/jobs/12/curve/x", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/Jobs", arg, allow), "none");
    ck_assert_str_eq(find("GET", "", arg, allow), "none");
    ck_assert_str_eq(allow, "");
}
END_TEST

START_TEST(ids_and_keys_are_checked)
{
    char arg[ROUTE_ARG_LEN], allow[96], path[160];

    ck_assert_str_eq(find("GET", "/jobs/iris", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/jobs/-1", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/jobs/123456789012345678", arg, allow), "jobs_get");
    ck_assert_str_eq(find("GET", "/jobs/1234567890123456789", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/models/1x", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/models/a@b", arg, allow), "none");
    ck_assert_str_eq(find("GET", "/models/a b", arg, allow), "none");
    (void)snprintf(path, sizeof path, "/models/a%063d", 0);
    ck_assert_str_eq(find("GET", path, arg, allow), "models_get");
    (void)snprintf(path, sizeof path, "/models/a%064d", 0);
    ck_assert_str_eq(find("GET", path, arg, allow), "none");
    (void)snprintf(path, sizeof path, "/datasets/sha256:%064d", 0);
    ck_assert_str_eq(find("GET", path, arg, allow), "datasets_get");
    ck_assert_uint_eq(strlen(arg), 71);
    path[strlen(path) - 1] = 'g';
    ck_assert_str_eq(find("GET", path, arg, allow), "none");
}
END_TEST

START_TEST(other_methods_are_told)
{
    char arg[ROUTE_ARG_LEN], allow[96];

    ck_assert_str_eq(find("PUT", "/jobs/1", arg, allow), "none");
    ck_assert_str_eq(allow, "GET, HEAD, DELETE, OPTIONS");
    ck_assert_str_eq(find("GET", "/train", arg, allow), "none");
    ck_assert_str_eq(allow, "POST, OPTIONS");
    ck_assert_str_eq(find("get", "/jobs", arg, allow), "none");
}
END_TEST

START_TEST(every_route_is_found_by_its_own_pattern)
{
    size_t n, i;
    const struct route *table = route_table(&n);

    ck_assert_uint_eq(n, ROUTES);
    for (i = 0; i < n; i++) {
        char path[128], arg[ROUTE_ARG_LEN], allow[96];
        const char *open = strchr(table[i].pattern, '{');

        ck_assert_uint_eq(table[i].id, i);
        (void)snprintf(
            path, sizeof path, "%.*s%s%s",
            (int)(open != NULL ? open - table[i].pattern : (ptrdiff_t)strlen(table[i].pattern)),
            table[i].pattern, open != NULL ? "5" : "", open != NULL ? strchr(open, '}') + 1 : "");
        ck_assert_str_eq(find(table[i].method, path, arg, allow), table[i].name);
    }
}
END_TEST

START_TEST(paths_that_are_none)
{
    static const char *const bad[] = {"",       "jobs",   "*",     "http://x/jobs", "/a%00",
                                      "/a%2",   "/a%zz",  "/..",   "/a/%2e%2e/b",   "/a%5cb",
                                      "/%252e", "/a%20b", "/\xff", "/a%0ab"};
    char *path;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(route_path(bad[i], strlen(bad[i])) == NULL, "%s is taken", bad[i]);
    }
    path = route_path("/models/iris%2D1?x", strlen("/models/iris%2D1"));
    ck_assert_str_eq(path, "/models/iris-1");
    free(path);
}
END_TEST

/* ---- queries ---- */

START_TEST(queries_are_decoded)
{
    static const char *const known[] = {"limit", "a b", "e", NULL};
    struct err err = ERR_INIT;
    struct query q;
    int64_t n = 0;
    bool yes = false;

    ck_assert_int_eq(query_parse("limit=%35&a+b=c%26d+e&&e", &q, &err), 0);
    ck_assert_uint_eq(q.n, 3);
    ck_assert_str_eq(query_get(&q, "a b"), "c&d e");
    ck_assert_str_eq(query_get(&q, "e"), "");
    ck_assert_ptr_null(query_get(&q, "x"));
    ck_assert_int_eq(query_int(&q, "limit", 1, 5, 9, &n, &err), 0);
    ck_assert_int_eq(n, 5);
    ck_assert_int_eq(query_int(&q, "none", 1, 5, 9, &n, &err), 0);
    ck_assert_int_eq(n, 9);
    ck_assert_int_eq(query_bool(&q, "e", false, &yes, &err), 0);
    ck_assert(yes);
    ck_assert_int_eq(query_only(&q, known, &err), 0);
    ck_assert(!err_is(&err));
    query_fini(&q);
    ck_assert_int_eq(query_parse(NULL, &q, &err), 0);
    ck_assert_uint_eq(q.n, 0);
    query_fini(&q);
}
END_TEST

START_TEST(bad_queries_are_400)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "%ff=1", "a=1&b=2&a=3"};
    static const char *const numbers[] = {
        "", "0", "6", "1.5", " 2", "2 ", "x", "+2", "0x2", "1e0", "99999999999999999999"};
    static const char *const known[] = {"limit", NULL};
    struct err err = ERR_INIT;
    struct query q;
    int64_t n;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(query_parse(bad[i], &q, &err), -1);
        ck_assert_int_eq(err.code, ERR_SYNTAX);
        err_fini(&err);
    }
    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        struct query_param param = {.name = (char[]){"limit"}};
        struct query one = {&param, 1};

        param.value = strdup(numbers[i]);
        ck_assert_msg(query_int(&one, "limit", 1, 5, 2, &n, &err) == -1, "\"%s\" is taken",
                      numbers[i]);
        ck_assert_int_eq(err.code, ERR_SYNTAX);
        ck_assert_str_eq(err.items[0].pointer, "/limit");
        err_fini(&err);
        free(param.value);
    }
    ck_assert_int_eq(query_parse("limt=3&other=1", &q, &err), 0);
    ck_assert_int_eq(query_only(&q, known, &err), -1);
    ck_assert_uint_eq(err.n_items, 2);
    ck_assert_ptr_nonnull(strstr(err.items[0].detail, "did you mean limit?"));
    ck_assert_str_eq(err.items[1].pointer, "/other");
    err_fini(&err);
    query_fini(&q);
}
END_TEST

/* ---- headers ---- */

START_TEST(media_types)
{
    ck_assert(media_is("application/json", "application/json"));
    ck_assert(media_is("Application/JSON; charset=utf-8", "application/json"));
    ck_assert(!media_is("application/jsonx", "application/json"));
    ck_assert(!media_is("text/plain; application/json", "application/json"));
    ck_assert(!media_is(NULL, "application/json"));
    ck_assert(media_prefers_csv("text/csv"));
    ck_assert(media_prefers_csv("text/csv, application/json;q=0.5"));
    ck_assert(media_prefers_csv("text/*"));
    ck_assert(!media_prefers_csv("text/csv;q=0.5, */*"));
    ck_assert(!media_prefers_csv("*/*"));
    ck_assert(!media_prefers_csv("text/csv, application/json"));
    ck_assert(!media_prefers_csv(NULL));
    ck_assert(media_takes_gzip("gzip, deflate, br"));
    ck_assert(media_takes_gzip("*"));
    ck_assert(!media_takes_gzip("gzip;q=0"));
    ck_assert(!media_takes_gzip("identity"));
    ck_assert(!media_takes_gzip(NULL));
}
END_TEST

START_TEST(etags)
{
    char one[MEDIA_ETAG_LEN], two[MEDIA_ETAG_LEN], list[200];

    media_etag("a", 1, one);
    media_etag("b", 1, two);
    ck_assert_str_ne(one, two);
    ck_assert(media_etag_matches(one, one));
    ck_assert(!media_etag_matches(two, one));
    (void)snprintf(list, sizeof list, "\"x\" , W/%s,%s", one, two);
    ck_assert(media_etag_matches(list, one) && media_etag_matches(list, two));
    ck_assert(media_etag_matches("*", one));
    ck_assert(!media_etag_matches("", one) && !media_etag_matches(NULL, one));
    (void)snprintf(list, sizeof list, "%sx", one);
    ck_assert(!media_etag_matches(list, one));
}
END_TEST

START_TEST(hosts)
{
    static const char *const good[] = {"127.0.0.1:6573", "localhost:6573", "LocalHost:6573",
                                       "[::1]:6573", "127.0.0.9:6573"};
    static const char *const bad[] = {"",
                                      ":6573",
                                      "localhost",
                                      "127.0.0.1",
                                      "127.0.0.1:6574",
                                      "evil.example:6573",
                                      "127.0.0.1.evil:6573",
                                      "localhost:6573x",
                                      "localhost:",
                                      "localhost:65730000",
                                      "[::1]6573",
                                      "[::2]:6573",
                                      "[::1:6573",
                                      "::1:6573",
                                      "0.0.0.0:6573",
                                      "10.0.0.1:6573",
                                      "localhost:6573:6573",
                                      "127.0.0.1@evil:6573",
                                      "[]:6573"};
    struct guard guard = {.bound = "127.0.0.1", .port = 6573};
    size_t i;

    for (i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(guard_host(&guard, good[i]), "%s is refused", good[i]);
    }
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!guard_host(&guard, bad[i]), "%s is let in", bad[i]);
    }
    guard.port = 80;
    ck_assert(guard_host(&guard, "localhost") && guard_host(&guard, "[::1]"));
}
END_TEST

START_TEST(sites)
{
    ck_assert(guard_site(NULL, NULL, "localhost:1"));
    ck_assert(guard_site("same-origin", NULL, "localhost:1"));
    ck_assert(guard_site("none", "http://evil", "localhost:1"));
    ck_assert(!guard_site("cross-site", NULL, "localhost:1"));
    ck_assert(!guard_site("same-site", "http://localhost:1", "localhost:1"));
    ck_assert(guard_site(NULL, "http://localhost:1", "localhost:1"));
    ck_assert(!guard_site(NULL, "http://localhost:2", "localhost:1"));
    ck_assert(!guard_site(NULL, "null", "localhost:1"));
    ck_assert(!guard_site(NULL, "http://x", NULL));
    ck_assert(guard_method_is_safe("GET") && guard_method_is_safe("HEAD") &&
              guard_method_is_safe("OPTIONS"));
    ck_assert(!guard_method_is_safe("POST") && !guard_method_is_safe("get") &&
              !guard_method_is_safe("BREW"));
    ck_assert(guard_is_loopback("127.1.2.3") && guard_is_loopback("::1"));
    ck_assert(!guard_is_loopback("0.0.0.0") && !guard_is_loopback("::") &&
              !guard_is_loopback("::ffff:10.0.0.1") && !guard_is_loopback("localhost"));
}
END_TEST

START_TEST(slow_bodies)
{
    ck_assert(!request_too_slow(BODY_JSON, 59, 60, 0));
    ck_assert(request_too_slow(BODY_JSON, 61, 60, UINT64_MAX));
    ck_assert(request_too_slow(BODY_NONE, 61, 60, 5));
    ck_assert(!request_too_slow(BODY_UPLOAD, 60, 60, 0));
    ck_assert(!request_too_slow(BODY_UPLOAD, 70, 60, 10 * 1024));
    ck_assert(request_too_slow(BODY_UPLOAD, 70, 60, 10 * 1024 - 1));
    ck_assert(!request_too_slow(BODY_UPLOAD, 100000, 60, (uint64_t)16 << 30));
}
END_TEST

START_TEST(trees_are_weighed)
{
    char *text = malloc(4000001);
    size_t i;

    ck_assert_uint_eq(request_tree_bytes("", 0), 0);
    ck_assert_uint_eq(request_tree_bytes("7", 1), 0);
    /* "[]," a million times: what jansson really takes is 136 bytes each */
    for (i = 0; i < 3000000; i++) {
        text[i] = "[],"[i % 3];
    }
    ck_assert_uint_ge(request_tree_bytes(text, 3000000), 136000000);
    ck_assert_uint_le(request_tree_bytes(text, 3000000), 272000000);
    for (i = 0; i < 4000000; i++) {
        text[i] = "1.5,"[i % 4];
    }
    ck_assert_uint_ge(request_tree_bytes(text, 4000000), 40000000);
    free(text);
}
END_TEST

/* ---- the curve ---- */

START_TEST(thinning_keeps_extremes)
{
    enum { N = 2000 };
    struct store_point points[N];
    bool keep[N];
    size_t most, i, n;

    for (i = 0; i < N; i++) {
        points[i] = (struct store_point){.epoch = (int64_t)i + 1,
                                         .training_loss = 1 / (double)(i + 1),
                                         .validation_loss = .5 + sin((double)i)};
    }
    points[777].training_loss = 1e6;   /* a spike */
    points[1234].validation_loss = -9; /* the best epoch */
    points[5].training_loss = NAN;
    points[6].validation_loss = INFINITY;
    for (most = 2; most < 2 * N; most = most < 20 ? most + 1 : most * 2) {
        curve_thin(points, N, most, 401, keep); /* by another measure the best */
        for (i = n = 0; i < N; i++) {
            n += keep[i];
        }
        ck_assert_uint_le(n, most);
        ck_assert(keep[0] && keep[N - 1]);
        ck_assert(most < 3 || keep[400]);
        ck_assert(most < 4 || keep[1234]);
        ck_assert(most < 7 || keep[777]);
        ck_assert(most < N || n == N);
    }
    curve_thin(points, 0, 2, 0, keep);
    curve_thin(points, 1, 2, 0, keep);
    ck_assert(keep[0]);
}
END_TEST

/* ---- the JSON writer ---- */

START_TEST(writer_makes_json)
{
    struct jw w = JW_INIT;
    json_t *json;

    jw_object(&w, NULL);
    jw_string(&w, "a\"b", "x\n\x01\"\\ \xC3\xBC \x7f");
    jw_string(&w, "cut", "gr\xC3");
    jw_string(&w, "none", NULL);
    jw_array(&w, "list");
    jw_int(&w, NULL, INT64_MIN);
    jw_double(&w, NULL, .1);
    jw_double(&w, NULL, NAN);
    jw_double(&w, NULL, -INFINITY);
    jw_object(&w, NULL);
    jw_end(&w);
    jw_array(&w, NULL);
    jw_end(&w);
    jw_bool(&w, NULL, true);
    jw_end(&w);
    jw_raw(&w, "raw", "[1]");
    jw_time(&w, "never", 0);
    jw_time(&w, "then", 1000);
    jw_end(&w);
    json = json_loadb(w.buf.data, w.buf.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(json != NULL, "%s", w.buf.data);
    ck_assert_str_eq(json_string_value(json_object_get(json, "a\"b")), "x\n\x01\"\\ \xC3\xBC \x7f");
    ck_assert_str_eq(json_string_value(json_object_get(json, "cut")), "gr?");
    ck_assert(json_is_null(json_array_get(json_object_get(json, "list"), 2)));
    ck_assert(json_real_value(json_array_get(json_object_get(json, "list"), 1)) == .1);
    ck_assert_ptr_nonnull(strstr(w.buf.data, "1970-01-01T00:00:01.000Z"));
    json_decref(json);
    jw_fini(&w);
}
END_TEST

START_TEST(singles_read_back_equal)
{
    static const float values[] = {0.1f, -3.4028235e38f, 1e-45f, 1, 16777216, 0.98f, -0.0f};
    struct buf buf = BUF_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(values); i++) {
        buf_clear(&buf);
        jw_single(&buf, (double)values[i]);
        ck_assert(strtof(buf.data, NULL) == values[i]);
    }
    buf_clear(&buf);
    jw_single(&buf, NAN);
    ck_assert_str_eq(buf.data, "null");
    buf_fini(&buf);
}
END_TEST

/* ---- gzip ---- */

static int collect(void *arg, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    return buf_append(arg, bytes, len);
}

/* One gzip member of `len` bytes at `text`. */
static size_t zip(const void *text, size_t len, unsigned char *out, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (unsigned)len};

    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = out;
    z.avail_out = (unsigned)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

START_TEST(gzip_in_pieces)
{
    unsigned char zipped[400];
    struct err err = ERR_INIT;
    size_t n = zip("a,b\n1,2\n", 8, zipped, 200), piece;

    n += zip("3,4\n", 4, zipped + n, 200); /* a second member */
    for (piece = 1; piece <= n; piece++) {
        struct gunzip *g = gunzip_new();
        struct buf out = BUF_INIT;
        size_t at;

        for (at = 0; at < n; at += piece) {
            ck_assert_int_eq(
                gunzip_feed(g, zipped + at, n - at < piece ? n - at : piece, collect, &out, &err),
                0);
        }
        ck_assert_int_eq(gunzip_finish(g, &err), 0);
        ck_assert_str_eq(out.data, "a,b\n1,2\n3,4\n");
        buf_fini(&out);
        gunzip_free(&g);
    }
}
END_TEST

START_TEST(gzip_damaged_cut_or_bombs)
{
    size_t n, room = (size_t)8 << 20;
    unsigned char *zeros = calloc(1, room), zipped[20000];
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT;
    struct gunzip *g = gunzip_new();

    n = zip(zeros, room, zipped, sizeof zipped);
    ck_assert_int_eq(gunzip_feed(g, zipped, n, collect, &out, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_uint_lt(out.len, ((size_t)1 << 20) + GUNZIP_RATIO * n + (64 << 10));
    gunzip_free(&g);
    err_fini(&err);
    g = gunzip_new();
    n = zip("a,b\n1,2\n", 8, zipped, sizeof zipped);
    ck_assert_int_eq(gunzip_feed(g, zipped, n - 1, collect, &out, &err), 0);
    ck_assert_int_eq(gunzip_finish(g, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    err_fini(&err);
    zipped[n - 1] ^= 1;
    ck_assert_int_eq(gunzip_feed(g, zipped + n - 1, 1, collect, &out, &err), -1);
    err_fini(&err);
    gunzip_free(&g);
    buf_fini(&out);
    free(zeros);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tc = tcase_create("pure");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, routes_match_exactly);
    tcase_add_test(tc, ids_and_keys_are_checked);
    tcase_add_test(tc, other_methods_are_told);
    tcase_add_test(tc, every_route_is_found_by_its_own_pattern);
    tcase_add_test(tc, paths_that_are_none);
    tcase_add_test(tc, queries_are_decoded);
    tcase_add_test(tc, bad_queries_are_400);
    tcase_add_test(tc, media_types);
    tcase_add_test(tc, etags);
    tcase_add_test(tc, hosts);
    tcase_add_test(tc, sites);
    tcase_add_test(tc, slow_bodies);
    tcase_add_test(tc, trees_are_weighed);
    tcase_add_test(tc, thinning_keeps_extremes);
    tcase_add_test(tc, writer_makes_json);
    tcase_add_test(tc, singles_read_back_equal);
    tcase_add_test(tc, gzip_in_pieces);
    tcase_add_test(tc, gzip_damaged_cut_or_bombs);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
