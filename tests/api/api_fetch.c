/* Datasets and jobs whose data the daemon fetches, from servers of this program: what comes of it,
 * what is refused and told, and what a cancel, a stop and a kill in the middle leave.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/hash.h"
#include "client.h"
#include "net_help.h"
#include "work.h"

#define ROWS      4000
#define ROW_BYTES 20
#define TABLE     (ROW_BYTES * ROWS + 6)

static struct daemon d;
static struct net_server server;
static atomic_bool generous; /* it sends all of what it otherwise holds back */
static char table[TABLE + 1], table_sha256[HASH_HEX_LEN];

static const char *const allowed[] = {"--workers",
                                      "2",
                                      "--allow-private",
                                      "127.0.0.0/8",
                                      "--fetch-allow",
                                      "127.0.0.1",
                                      "--fetch-allow",
                                      "*.example.org",
                                      "--fetch-seconds",
                                      "300",
                                      "--max-dataset-bytes",
                                      "1M",
                                      NULL};

/* ---- the server -------------------------------------------------------------------------- */

static void say_table(int fd, const char *request, const char *more, size_t stop)
{
    const char *range = strstr(request, "\r\nRange: bytes=");
    unsigned long first = range != NULL ? strtoul(range + 15, NULL, 10) : 0;
    char head[400], part[100] = "";

    if (first > 0) {
        (void)snprintf(part, sizeof part, "Content-Range: bytes %lu-%d/%d\r\n", first, TABLE - 1,
                       TABLE);
    }
    (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %lu\r\n%s%s\r\n",
                   first > 0 ? "206 Partial Content" : "200 OK", TABLE - first, more, part);
    net_say(fd, head);
    if (stop > first) {
        net_say_bytes(fd, table + first, stop - first);
    }
}

static void say_bytes(int fd, const char *bytes, size_t n)
{
    char head[100];

    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
    net_say(fd, head);
    net_say_bytes(fd, bytes, n);
}

static void say_gzip(int fd)
{
    static unsigned char packed[TABLE];
    z_stream z = {.next_in = (unsigned char *)table,
                  .avail_in = TABLE,
                  .next_out = packed,
                  .avail_out = sizeof packed};

    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    say_bytes(fd, (const char *)packed, sizeof packed - z.avail_out);
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
}

static void serve(struct net_server *s, int fd, const char *request)
{
    char name[64] = "", head[200];

    (void)sscanf(request, "GET %63s", name);
    if (strcmp(name, "/table.csv") == 0) {
        say_table(fd, request, "", TABLE);
    } else if (strcmp(name, "/cut") == 0) {
        say_table(fd, request, "ETag: \"a\"\r\n", net_server_requests(s) == 1 ? TABLE / 2 : TABLE);
    } else if (strcmp(name, "/no-range") == 0) {
        say_table(fd, "", "", net_server_requests(s) == 1 ? TABLE / 2 : TABLE);
    } else if (strcmp(name, "/half") == 0) { /* and no more, however long one waits */
        say_table(fd, request, "", atomic_load(&generous) ? TABLE : TABLE / 2);
        if (!atomic_load(&generous)) {
            (void)net_wait_gone(s, fd, 120000);
        }
    } else if (strcmp(name, "/gzip") == 0) {
        say_gzip(fd);
    } else if (strcmp(name, "/elsewhere") == 0) {
        (void)snprintf(head, sizeof head,
                       "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:%u/table.csv\r\n"
                       "Content-Length: 0\r\n\r\n",
                       s->port);
        net_say(fd, head);
    } else if (strcmp(name, "/large") == 0) {
        net_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n");
    } else if (strcmp(name, "/ragged") == 0) {
        say_bytes(fd, "a,b\n1,2\n3\n", 10);
    } else {
        net_say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
}

static void make_table(void)
{
    size_t i;

    (void)snprintf(table, sizeof table, "a,b,y\n");
    for (i = 0; i < ROWS; i++) {
        (void)snprintf(table + 6 + i * ROW_BYTES, ROW_BYTES + 1, "%07zu,%09zu,%c\n", i,
                       i * 7919 % 100003, i * 7919 % 100003 > 50000 ? 'p' : 'n');
    }
    hash_hex(table, TABLE, table_sha256);
}

static void start(void)
{
    hash_start();
    atomic_store(&generous, false);
    net_reset();
    make_table();
    net_server_start(&server, serve);
    daemon_start(&d, NULL, allowed);
}

static void stop(void)
{
    if (d.pid > 0) {
        daemon_retire(&d);
    }
    net_server_stop(&server);
}

/* ---- asking ------------------------------------------------------------------------------ */

static char *url(const char *path)
{
    return text("http://127.0.0.1:%u%s", server.port, path);
}

static int64_t fetch(const char *path, const char *more)
{
    struct reply *r =
        want(http_post(q("{'url': '%s', 'name': 't'%s}", url(path), more), "/datasets"), 202);

    ck_assert_str_eq(str(r, "/kind"), "fetch");
    ck_assert(is_null(r, "/model_id"));
    ck_assert_str_eq(reply_header(r, "Location"), str(r, "/links/self"));
    return integer(r, "/id");
}

/* The job's fetch is half done. */
static struct reply *until_half(int64_t id)
{
    double until = now_seconds() + 40 * PATIENCE;

    for (;;) {
        struct reply *r = want(http_get("/jobs/%lld", (long long)id), 200);

        if (has(r, "/progress/fetch/bytes") && integer(r, "/progress/fetch/bytes") > 0) {
            return r;
        }
        ck_assert_msg(now_seconds() < until, "no bytes: %s", r->body);
        pause_briefly();
    }
}

static struct reply *fails(int64_t id, const char *code, const char *word)
{
    struct reply *r = wait_for_job(id, "failed");

    ck_assert_str_eq(str(r, "/error/code"), code);
    ck_assert_msg(strstr(str(r, "/error/detail"), word) != NULL, "%s", r->body);
    ck_assert_ptr_null(strstr(str(r, "/error/detail"), "127."));
    want(http_get("/datasets/t"), 404);
    return r;
}

/* Nothing but datasets that are whole. */
static void nothing_is_left(size_t files)
{
    ck_assert_uint_eq(folder_entries(text("%s/datasets", d.state)), files);
    ck_assert_uint_eq(length(want(http_get("/datasets"), 200), "/uploads"), 0);
}

/* ---- a dataset --------------------------------------------------------------------------- */

START_TEST(a_dataset_comes)
{
    static const char *const paths[] = {"/table.csv", "/cut", "/no-range", "/gzip"};
    struct reply *uploaded, *job, *there;

    uploaded = want(http_csv(table, "/datasets?name=same"), 201);
    job = wait_for_job(fetch(paths[_i], _i < 3 ? text(", 'sha256': '%s'", table_sha256) : ""),
                       "succeeded");
    there = want(http_get("/datasets/t"), 200);
    ck_assert_str_eq(str(there, "/sha256"), str(uploaded, "/sha256"));
    ck_assert_int_eq(integer(there, "/rows"), ROWS);
    ck_assert_int_eq(integer(job, "/result/dataset_id"), integer(there, "/id"));
    ck_assert_str_eq(str(job, "/result/sha256"), str(there, "/sha256"));
    ck_assert_str_eq(str(job, "/result/format"), "csv");
    ck_assert_int_eq(integer(job, "/result/fetched/tries"), _i == 1 || _i == 2 ? 2 : 1);
    if (_i < 3) {
        ck_assert_int_eq(integer(job, "/result/fetched/bytes"), TABLE);
        ck_assert_str_eq(str(job, "/result/fetched/sha256"), table_sha256);
    } else {
        ck_assert_int_lt(integer(job, "/result/fetched/bytes"), TABLE / 2);
    }
    ck_assert(_i != 1 || net_server_saw(&server, text("Range: bytes=%d-", TABLE / 2)));
    nothing_is_left(1); /* one file, two names */
}
END_TEST

START_TEST(the_same_and_another)
{
    want(http_csv("a,b\n1,2\n", "/datasets?name=t"), 201);
    ck_assert_str_eq(str(wait_for_job(fetch("/table.csv", ""), "failed"), "/error/code"),
                     "conflict");
    ck_assert(truth(wait_for_job(fetch("/table.csv", ", 'replace': true"), "succeeded"),
                    "/result/created"));
    ck_assert(!truth(wait_for_job(fetch("/table.csv", ""), "succeeded"), "/result/created"));
    ck_assert_int_eq(integer(want(http_get("/datasets/t"), 200), "/rows"), ROWS);
}
END_TEST

START_TEST(as_it_is_told_to)
{
    struct reply *there;

    wait_for_job(
        fetch("/table.csv", ", 'header': false, 'types': 'c1:categorical', 'delimiter': ';'"),
        "succeeded");
    there = want(http_get("/datasets/t"), 200);
    ck_assert_uint_eq(length(there, "/columns"), 1);
    ck_assert_str_eq(str(there, "/columns/0/name"), "c1");
}
END_TEST

START_TEST(shown_while_it_comes)
{
    int64_t id = fetch("/half", "");
    struct reply *r = until_half(id);

    ck_assert_int_eq(integer(r, "/progress/fetch/of_bytes"), TABLE);
    ck_assert_str_eq(str(want(http_get("/datasets/t"), 200), "/state"), "uploading");
    want_problem(http_csv("a\n1\n", "/datasets?name=t"), 409, NULL, "in progress");
    want(http_poke("/jobs/%lld/cancel", (long long)id), 200);
    r = wait_for_job(id, "cancelled");
    ck_assert(is_null(r, "/progress/fetch"));
    want(http_get("/datasets/t"), 404);
    nothing_is_left(0);
}
END_TEST

START_TEST(what_fails)
{
    fails(fetch("/nowhere", ""), "not_found", "the server answered 404");
    fails(fetch("/table.csv", text(", 'sha256': '%064d'", 7)), "invalid", "its sha256 is");
    fails(fetch("/elsewhere", ""), "invalid", "redirects to a host that is not allowed");
    fails(fetch("/large", ""), "too_large", "1048576 bytes");
    fails(fetch("/ragged", ""), "invalid", "row 2");
    fails(fetch("/table.csv", ", 'format': 'npy'"), "invalid", "");
    nothing_is_left(0);
    daemon_must_live(&d);
}
END_TEST

START_TEST(what_is_refused)
{
    want_problem(http_post(q("{'url': 'https://127.0.0.2/x', 'name': 't'}"), "/datasets"), 422,
                 "/url", "host is not one");
    want_problem(http_post(q("{'url': 'https://example.org/x', 'name': 't'}"), "/datasets"), 422,
                 "/url", "host is not one");
    want_problem(http_post(q("{'url': 'ftp://127.0.0.1/x', 'name': 't'}"), "/datasets"), 422,
                 "/url", "https");
    want_problem(http_post(q("{'url': 'https://10.0.0.1/x', 'name': 't'}"), "/datasets"), 422,
                 "/url", "--allow-private");
    want_problem(http_post(q("{'url': 'http://u:p@127.0.0.1/x', 'name': 't'}"), "/datasets"), 422,
                 "/url", "user or password");
    want_problem(http_post("{\"url\": ", "/datasets"), 400, NULL, "");
    want_problem(http_post(q("{'url': '%s', 'name': 't'}", url("/")), "/datasets?name=t"), 400,
                 NULL, "name");
    want_problem(http_post(q("{'url': '%s', 'name': 't'}", url("/")), "/datasets/t/rows"), 415,
                 NULL, "");
    ck_assert_uint_eq(net_server_requests(&server), 0);
}
END_TEST

/* ---- a job ------------------------------------------------------------------------------- */

#define SMALL                                                                                      \
    ", 'architecture': {'hidden': [4]}, 'training': {'epochs': 2, 'seed': 3, 'batch_size': 256}"

static int64_t train_url(const char *path, const char *more)
{
    struct reply *r =
        want(http_post(q("{'data': {'url': '%s', 'target': 'y'%s}%s}", url(path), more, SMALL),
                       "/train"),
             202);

    ck_assert(is_null(r, "/resolved") && is_null(r, "/estimate"));
    return integer(r, "/id");
}

START_TEST(a_job_fetches_its_data)
{
    int64_t id = train_url("/cut", text(", 'format': 'csv', 'sha256': '%s'", table_sha256)), again;
    struct reply *job = wait_for_job(id, "succeeded"), *other;
    const char *sha256 = str(want(http_csv(table, "/datasets?name=t"), 201), "/sha256");

    ck_assert_str_eq(str(job, "/config/data/url"), url("/cut"));
    ck_assert(!has(job, "/resolved/data/url"));
    ck_assert_str_eq(str(job, "/resolved/data/dataset"), text("sha256:%s", sha256));
    ck_assert_str_eq(str(job, "/summary/dataset/sha256"), sha256);
    want_same(canonical(at(job, "/summary/hidden")), "[4]");
    ck_assert_str_eq(str(want(http_get("/models/%lld", (long long)integer(job, "/model_id")), 200),
                         "/dataset/sha256"),
                     sha256);
    ck_assert_ptr_nonnull(strstr(http_get("/jobs/%lld/events", (long long)id)->body, "fetched"));
    again = integer(want(http_post(canonical(at(job, "/resolved")), "/train"), 202), "/id");
    other = wait_for_job(again, "succeeded");
    want_same(http_get("/models/%lld/weights", (long long)integer(job, "/model_id"))->body +
                  strlen("{\"model_id\":1"),
              http_get("/models/%lld/weights", (long long)integer(other, "/model_id"))->body +
                  strlen("{\"model_id\":2"));
    want(http_delete("/datasets/t"), 204);
}
END_TEST

START_TEST(a_job_that_cannot_be)
{
    struct reply *r;

    want_problem(http_post(q("{'data': {'url': 'https://127.0.0.2/x', 'target': 'y'}}"), "/train"),
                 422, "/data/url", "host is not one");
    want_problem(
        http_post(q("{'data': {'url': '%s', 'dataset': 't', 'target': 'y'}}", url("/")), "/train"),
        422, "/data/url", "not both");
    want_problem(
        http_post(q("{'data': {'url': '%s', 'target': 'y'}}", url("/")), "/train?dry_run=1"), 422,
        "/data/url", "dry run");
    want_problem(http_post(q("{'data': {'url': '%s', 'target': 'y', 'format': 'xls',"
                             " 'sha256': 'f00'}}",
                             url("/")),
                           "/train"),
                 422, "/data/format", "csv, tsv");
    want_problem(
        http_post(q("{'data': {'dataset': 't', 'target': 'y', 'sha256': 'f00'}}"), "/train"), 422,
        "/data/sha256", "belongs to data.url");
    r = want(http_post(q("{'data': {'url': '%s', 'target': 'z'}}", url("/table.csv")), "/train"),
             202);
    r = fails(integer(r, "/id"), "invalid", "/data/target");
    ck_assert_str_eq(
        str(want(http_get("/models/%lld", (long long)integer(r, "/model_id")), 200), "/state"),
        "failed");
    nothing_is_left(0);
}
END_TEST

START_TEST(a_job_cancelled_meanwhile)
{
    int64_t id = train_url("/half", "");

    until_half(id);
    want(http_poke("/jobs/%lld/cancel", (long long)id), 200);
    wait_for_job(id, "cancelled");
    nothing_is_left(0);
}
END_TEST

/* ---- ends in the middle ------------------------------------------------------------------ */

/* By a kill, or a stop: both jobs begin anew, and nothing is lost or double. The server has one
 * connection at a time, so that the second job comes after the first one's is held.
 */
START_TEST(begins_anew_after_an_end)
{
    int64_t dataset = fetch("/half", ""), job;
    struct reply *r;
    double began;

    until_half(dataset);
    job = train_url("/half", "");
    wait_for_job(job, "running");
    began = now_seconds();
    if (_i == 0) {
        daemon_kill(&d);
    } else {
        daemon_stop(&d);
        ck_assert_double_lt(now_seconds() - began, 5 * PATIENCE);
    }
    atomic_store(&generous, true);
    daemon_start(&d, text("%s", d.state), allowed);
    r = wait_for_job(dataset, "succeeded");
    ck_assert_int_eq(integer(r, "/attempt"), 2);
    ck_assert_int_eq(integer(r, "/result/rows"), ROWS);
    r = wait_for_job(job, "succeeded");
    ck_assert_str_eq(str(r, "/resolved/data/dataset"),
                     text("sha256:%s", str(want(http_get("/datasets/t"), 200), "/sha256")));
    nothing_is_left(1);
}
END_TEST

/* ---- without leave ----------------------------------------------------------------------- */

static const char *const hosts_alone[] = {"--fetch-allow", "127.0.0.1", NULL};

START_TEST(off_as_it_comes)
{
    daemon_retire(&d);
    daemon_start(&d, NULL, NULL);
    want_problem(http_post(q("{'url': '%s', 'name': 't'}", url("/table.csv")), "/datasets"), 422,
                 "/url", "--fetch-allow");
    want_problem(
        http_post(q("{'data': {'url': '%s', 'target': 'y'}}", url("/table.csv")), "/train"), 422,
        "/data/url", "--fetch-allow");
}
END_TEST

START_TEST(a_host_is_no_network)
{
    daemon_retire(&d);
    daemon_start(&d, NULL, hosts_alone);
    want_problem(http_post(q("{'url': '%s', 'name': 't'}", url("/table.csv")), "/datasets"), 422,
                 "/url", "");
    want_problem(http_post(q("{'url': 'https://127.0.0.1/x', 'name': 't'}"), "/datasets"), 422,
                 "/url", "--allow-private");
    ck_assert_uint_eq(net_server_requests(&server), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *tcase = tcase_create("fetch");

    tcase_add_checked_fixture(tcase, NULL, test_end);
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120 * PATIENCE);
    tcase_add_loop_test(tcase, a_dataset_comes, 0, 4);
    tcase_add_test(tcase, the_same_and_another);
    tcase_add_test(tcase, as_it_is_told_to);
    tcase_add_test(tcase, shown_while_it_comes);
    tcase_add_test(tcase, what_fails);
    tcase_add_test(tcase, what_is_refused);
    tcase_add_test(tcase, a_job_fetches_its_data);
    tcase_add_test(tcase, a_job_that_cannot_be);
    tcase_add_test(tcase, a_job_cancelled_meanwhile);
    tcase_add_loop_test(tcase, begins_anew_after_an_end, 0, 2);
    tcase_add_test(tcase, off_as_it_comes);
    tcase_add_test(tcase, a_host_is_no_network);
    suite_add_tcase(suite, tcase);
    return harness_main(suite);
}
