/* Datasets over HTTP: upload in every manner, types and statistics, names and contents, looking
 * at rows, deleting, and memory that stays flat however large the upload.
 *
 * One daemon for all tests; names are a test's own.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

static struct daemon d;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
}

static void stop(void)
{
    daemon_retire(&d);
}

#define SMALL "size,kind,price\n1.5,a,10\n2.5,b,20\n,a,30\n4.5,\"b, really\",40\n"

/* The column of that name in GET's object, as a pointer. */
static const char *column(const struct reply *r, const char *name)
{
    for (size_t i = 0; i < length(r, "/columns"); i++) {
        const char *p = text("/columns/%zu", i);

        if (strcmp(str(r, text("%s/name", p)), name) == 0) {
            return p;
        }
    }
    ck_abort_msg("no column %s in %s", name, r->body);
}

START_TEST(upload_and_look)
{
    struct reply *r = want(http_csv(SMALL, "/datasets?name=small"), 201), *again;
    const char *c;
    int64_t id = integer(r, "/id");

    ck_assert_str_eq(reply_header(r, "Location"), text("/datasets/%lld", (long long)id));
    ck_assert_str_eq(str(r, "/name"), "small");
    ck_assert_int_eq(integer(r, "/rows"), 4);
    ck_assert_int_gt(integer(r, "/bytes"), 0);
    ck_assert_uint_eq(strlen(str(r, "/sha256")), 64);
    ck_assert(is_time(str(r, "/created_at")));
    ck_assert_str_eq(str(r, "/state"), "ready");
    ck_assert_uint_eq(length(r, "/columns"), 3);

    c = column(r, "size");
    ck_assert_str_eq(str(r, text("%s/type", c)), "numeric");
    ck_assert_int_eq(integer(r, text("%s/missing", c)), 1);
    ck_assert_double_eq(num(r, text("%s/min", c)), 1.5);
    ck_assert_double_eq(num(r, text("%s/max", c)), 4.5);
    ck_assert_double_eq_tol(num(r, text("%s/mean", c)), 8.5 / 3, 1e-12);
    ck_assert_double_eq_tol(num(r, text("%s/std", c)), sqrt(14.0 / 9), 1e-12);
    c = column(r, "kind");
    ck_assert_str_eq(str(r, text("%s/type", c)), "categorical");
    ck_assert_int_eq(integer(r, text("%s/missing", c)), 0);
    ck_assert_msg(strstr(r->body, "b, really") != NULL, "%s", r->body);

    for (int i = 0; i < 3; i++) {
        const char *key = i == 0   ? "small"
                          : i == 1 ? text("%lld", (long long)id)
                                   : text("sha256:%s", str(r, "/sha256"));

        again = want(http_get("/datasets/%s", key), 200);
        want_same(canonical(again->json), canonical(r->json));
    }
    again = want(http_get("/datasets"), 200);
    ck_assert_uint_ge(length(again, "/datasets"), 1);
    want_problem(http_get("/datasets/nosuch"), 404, NULL, "nosuch");
    want_problem(http_get("/datasets/999999"), 404, NULL, NULL);
}
END_TEST

START_TEST(rows_of_a_dataset)
{
    struct reply *r;

    want(http_csv(SMALL, "/datasets?name=rows"), 201);
    r = want(http_get("/datasets/rows/rows"), 200);
    ck_assert_uint_eq(length(r, "/rows"), 4);
    ck_assert_double_eq(num(r, "/rows/0/0"), 1.5);
    ck_assert_str_eq(str(r, "/rows/3/1"), "b, really");
    ck_assert(is_null(r, "/rows/2/0"));
    r = want(http_get("/datasets/rows/rows?offset=2&limit=1"), 200);
    ck_assert_uint_eq(length(r, "/rows"), 1);
    ck_assert_double_eq(num(r, "/rows/0/2"), 30);
    r = want(http_get("/datasets/rows/rows?offset=4"), 200);
    ck_assert_uint_eq(length(r, "/rows"), 0);
    want_problem(http_get("/datasets/rows/rows?offset=-1"), 400, "/offset", NULL);
    want_problem(http_get("/datasets/rows/rows?limit=501"), 400, "/limit", NULL);
}
END_TEST

/* The same bytes in pieces, also cut inside quotes and numbers. */
static size_t by_few(void *arg, char *out, size_t room)
{
    const char **at_ = arg;
    size_t n = strnlen(*at_, room < 7 ? room : 7);

    memcpy(out, *at_, n);
    *at_ += n;
    return n;
}

START_TEST(chunked_is_the_same)
{
    const char *csv = SMALL;
    struct reply *r = http_csv(SMALL, "/datasets?name=whole");
    const char *sha = str(r, "/sha256");

    ck_assert_int_lt(r->status, 300);
    r = want(http_send(&(struct request){.method = "POST",
                                         .path = "/datasets?name=chunked",
                                         .type = "text/csv; charset=utf-8",
                                         .make = by_few,
                                         .arg = &csv}),
             201);
    ck_assert_str_eq(str(r, "/sha256"), sha);
    ck_assert_int_eq(integer(r, "/rows"), 4);
}
END_TEST

START_TEST(names_and_contents)
{
    const char *other = "a,b\n1,2\n3,4\n";
    struct reply *r = want(http_csv("a,b\n1,2\n", "/datasets?name=twice"), 201);
    int64_t id = integer(r, "/id"), next;
    const char *sha = str(r, "/sha256");

    r = want(http_csv("a,b\n1,2\n", "/datasets?name=twice"), 200); /* the same again */
    ck_assert_int_eq(integer(r, "/id"), id);
    want_problem(http_csv(other, "/datasets?name=twice"), 409, NULL, "twice");
    ck_assert_int_eq(integer(want(http_get("/datasets/twice"), 200), "/id"), id);
    r = http_csv(other, "/datasets?name=twice&replace=1");
    ck_assert_msg(r->status == 201 || r->status == 200, "%ld %s", r->status, r->body);
    next = integer(r, "/id");
    ck_assert_int_ne(next, id);
    r = want(http_get("/datasets/twice"), 200);
    ck_assert_int_eq(integer(r, "/id"), next);
    ck_assert_int_eq(integer(r, "/rows"), 2);
    /* the old one is still there by its content */
    ck_assert_int_eq(integer(want(http_get("/datasets/sha256:%s", sha), 200), "/rows"), 1);
    /* one content under two names is one file */
    next = (int64_t)folder_entries(text("%s/datasets", d.state));
    want(http_csv(other, "/datasets?name=second"), 201);
    ck_assert_int_eq((int64_t)folder_entries(text("%s/datasets", d.state)), next);
}
END_TEST

START_TEST(without_header_and_other_delimiter)
{
    struct reply *r =
        want(http_csv("1;x\n2;y\n", "/datasets?name=bare&header=false&delimiter=%%3B"), 201);

    ck_assert_int_eq(integer(r, "/rows"), 2);
    ck_assert_str_eq(str(r, "/columns/0/name"), "c1");
    ck_assert_str_eq(str(r, "/columns/1/name"), "c2");
    ck_assert_str_eq(str(r, "/columns/1/type"), "categorical");
    r = want(http_csv("a\tb\n1\t2\n", "/datasets?name=tabs&delimiter=%%09"), 201);
    ck_assert_uint_eq(length(r, "/columns"), 2);
    want_problem(http_csv(SMALL, "/datasets?name=wide&delimiter=%%3B%%3B"), 400, "/delimiter",
                 NULL);
}
END_TEST

START_TEST(declared_types)
{
    struct reply *r = want(http_csv("zip,n\n01234,1\n90210,2\n",
                                    "/datasets?name=zips&types=zip:categorical,n:numeric"),
                           201);

    ck_assert_str_eq(str(r, text("%s/type", column(r, "zip"))), "categorical");
    r = want(http_get("/datasets/zips/rows"), 200);
    ck_assert_str_eq(str(r, "/rows/0/0"), "01234");
    r = want_problem(http_csv("n\nx\n", "/datasets?name=bad&types=n:numeric"), 422, NULL, NULL);
    ck_assert_msg(strstr(r->body, "\"n\"") != NULL, "%s", r->body);
    r = http_csv("n\n1\n", "/datasets?name=bad&types=n:colour");
    ck_assert_msg(r->status == 400 || r->status == 422, "%ld %s", r->status, r->body);
    r = http_csv("n\n1\n", "/datasets?name=bad&types=m:numeric");
    ck_assert_msg(r->status == 400 || r->status == 422, "%ld %s", r->status, r->body);
    want_problem(http_get("/datasets/bad"), 404, NULL, NULL);
}
END_TEST

/* Known by its first bytes, whatever the name; "a,b\n1,2\n3,4\n". */
static const char zipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xd4\x49\xe2\x32\xd4"
                             "\x31\xe2\x32\xd6\x31\xe1\x02\x00\xe5\xe9\xd6\xce\x0c\x00\x00\x00";

static struct reply *upload_zipped(const char *path, size_t len)
{
    return http_send(&(struct request){
        .method = "POST", .path = path, .type = "text/csv", .body = zipped, .len = len});
}

START_TEST(gzip_is_unpacked)
{
    struct reply *r = http_csv("a,b\n1,2\n3,4\n", "/datasets?name=plain"), *z;

    ck_assert_int_lt(r->status, 300);
    z = want(upload_zipped("/datasets?name=zipped", sizeof(zipped) - 1), 201);
    ck_assert_str_eq(str(z, "/sha256"), str(r, "/sha256"));
    want_problem(upload_zipped("/datasets?name=short", sizeof(zipped) - 9), 422, NULL, "gzip");
    want_problem(http_get("/datasets/short"), 404, NULL, NULL);
}
END_TEST

START_TEST(texts_that_are_hard)
{
    struct reply *r = want(http_csv("\xEF\xBB\xBF"
                                    "t,n\r\n\"two\nlines\",1\r\n\"a \"\"quote\"\"\",2\r\n"
                                    "gr\xC3\xBC\xC3\x9F,NA\r\n\"=cmd()\",4",
                                    "/datasets?name=hard"),
                           201);

    ck_assert_int_eq(integer(r, "/rows"), 4);
    ck_assert_str_eq(str(r, "/columns/0/name"), "t");
    ck_assert_int_eq(integer(r, text("%s/missing", column(r, "n"))), 1);
    r = want(http_get("/datasets/hard/rows"), 200);
    ck_assert_str_eq(str(r, "/rows/0/0"), "two\nlines");
    ck_assert_str_eq(str(r, "/rows/1/0"), "a \"quote\"");
    ck_assert_str_eq(str(r, "/rows/2/0"), "gr\xC3\xBC\xC3\x9F");
    ck_assert_str_eq(str(r, "/rows/3/0"), "=cmd()");
}
END_TEST

/* Numbers come back as they were written, to the last bit, whatever type holds them. */
START_TEST(numbers_are_exact)
{
    static const double values[] = {0.1, 1.0 / 3, 1e-300, 16777217, -128, 3.5, 9007199254740993.0};
    char *csv = text("%s", "a\n");
    struct reply *r;

    for (size_t i = 0; i < COUNT(values); i++) {
        csv = text("%s%.17g\n", csv, values[i]);
    }
    want(http_csv(csv, "/datasets?name=exact"), 201);
    r = want(http_get("/datasets/exact/rows"), 200);
    for (size_t i = 0; i < COUNT(values); i++) {
        ck_assert_double_eq(num(r, text("/rows/%zu/0", i)), values[i]);
    }
}
END_TEST

START_TEST(delete_follows_the_jobs)
{
    struct reply *r = want(http_csv("a,b\n1,2\n2,3.5\n3,4\n4,1\n", "/datasets?name=needed"), 201);
    int64_t id = integer(r, "/id"), running, waiting;
    size_t files;

    running = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    wait_for_epoch(running, 1);
    waiting = train("{'preset': 'simple', "
                    "'data': {'dataset': 'needed', 'target': 'b'}, 'training': {'epochs': 2}}");
    want_problem(http_delete("/datasets/%lld", (long long)id), 409, NULL, NULL);
    r = want(http_get("/jobs/%lld", (long long)running), 200);
    want_problem(http_delete("/datasets/%s", str(r, "/resolved/data/dataset")), 409, NULL, NULL);
    cancel_job(running);
    wait_for_job(waiting, "succeeded");

    files = folder_entries(text("%s/datasets", d.state));
    r = http_delete("/datasets/needed");
    ck_assert_msg(r->status == 204 || r->status == 200, "%ld %s", r->status, r->body);
    ck_assert_uint_eq(folder_entries(text("%s/datasets", d.state)), files - 1);
    want_problem(http_get("/datasets/needed"), 404, NULL, NULL);
    want_problem(http_delete("/datasets/needed"), 404, NULL, NULL);
    /* the model made from it still answers */
    want(http_get("/models/%lld/predict?a=2", (long long)model_of(waiting)), 200);
    /* and a job that wants it says so */
    want_problem(http_post(q("{'data': {'dataset': 'needed', 'target': 'b'}}"), "/train"), 422,
                 "/data/dataset", "needed");
}
END_TEST

/* ---- size ------------------------------------------------------------------------------ */

#define BIG_BYTES ((size_t)60 << 20)

struct big {
    size_t sent;
    unsigned line;
    char piece[128];
    size_t have, used;
    size_t most_memory;
};

/* About 60 MB of lines; looks at the daemon's memory on the way. */
static size_t big_rows(void *arg, char *out, size_t room)
{
    struct big *b = arg;
    size_t n = 0;

    while (n < room) {
        size_t take;

        if (b->used == b->have) {
            unsigned i = b->line;

            if (b->sent >= BIG_BYTES) {
                break;
            }
            b->line++;
            b->have = (size_t)snprintf(b->piece, sizeof(b->piece),
                                       i == 0 ? "a,b,c,d,kind\n" : "%u.25,%u,-%u,%u.5,k%u\n",
                                       i % 9973, i % 211, i, i % 65536, i % 12);
            b->used = 0;
        }
        take = b->have - b->used < room - n ? b->have - b->used : room - n;
        memcpy(out + n, b->piece + b->used, take);
        b->used += take;
        n += take;
        b->sent += take;
    }
    if ((b->sent >> 22) != ((b->sent - n) >> 22)) { /* every 4 MiB */
        size_t now = daemon_memory(&d);

        b->most_memory = now > b->most_memory ? now : b->most_memory;
    }
    return n;
}

START_TEST(a_big_upload_keeps_memory_flat)
{
    struct big b = {.sent = 0};
    size_t before, after;
    struct reply *r;

    want(http_csv(SMALL, "/datasets?name=warm"), 201);
    before = daemon_memory(&d);
    r = want(http_send(&(struct request){.method = "POST",
                                         .path = "/datasets?name=big",
                                         .type = "text/csv",
                                         .make = big_rows,
                                         .arg = &b}),
             201);
    ck_assert_int_eq(integer(r, "/rows"), (int64_t)b.line - 1);
    after = daemon_memory(&d);
    b.most_memory = after > b.most_memory ? after : b.most_memory;
    printf("60 MB upload: %.1f s, memory %zu -> at most %zu MiB\n", r->seconds, before >> 20,
           b.most_memory >> 20);
#ifndef MLPD_SANITIZERS /* their shadow and quarantine are not the daemon's memory */
    ck_assert_uint_lt(b.most_memory, before + ((size_t)48 << 20));
#endif
    ck_assert_int_lt(integer(r, "/bytes"), (int64_t)BIG_BYTES);
    ck_assert_uint_eq(
        length(want(http_get("/datasets/big/rows?offset=1000000&limit=5"), 200), "/rows"), 5);
    ck_assert_int_lt(http_delete("/datasets/big")->status, 300);
}
END_TEST

/* While an upload runs, GET shows how far it is; a second one of that name must wait. */
START_TEST(an_upload_in_progress_is_seen)
{
    int fd = raw_open();
    const char *head = text("POST /datasets?name=slowly HTTP/1.1\r\nHost: %s:%s\r\n"
                            "Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "8\r\na,b\n1,2\n\r\n",
                            d.host, d.port);
    double deadline = now_seconds() + 30 * PATIENCE;
    struct reply *r;

    raw_write(fd, head, strlen(head));
    do {
        r = http_get("/datasets/slowly");
        ck_assert_msg(now_seconds() < deadline, "the upload is not seen: %s", r->body);
        pause_briefly();
    } while (r->status == 404);
    want(r, 200);
    ck_assert_str_eq(str(r, "/state"), "uploading");
    want_problem(http_csv(SMALL, "/datasets?name=slowly"), 409, NULL, NULL);
    raw_write(fd, "4\r\n3,4\n\r\n0\r\n\r\n", 15);
    r = raw_read(fd, 30 * PATIENCE);
    close(fd);
    ck_assert_ptr_nonnull(r);
    want(r, 201);
    ck_assert_int_eq(integer(r, "/rows"), 2);
    ck_assert_str_eq(str(http_get("/datasets/slowly"), "/state"), "ready");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_datasets");
    TCase *tc = case_with("datasets", start, stop);

    tcase_add_test(tc, upload_and_look);
    tcase_add_test(tc, rows_of_a_dataset);
    tcase_add_test(tc, chunked_is_the_same);
    tcase_add_test(tc, names_and_contents);
    tcase_add_test(tc, without_header_and_other_delimiter);
    tcase_add_test(tc, declared_types);
    tcase_add_test(tc, gzip_is_unpacked);
    tcase_add_test(tc, texts_that_are_hard);
    tcase_add_test(tc, numbers_are_exact);
    tcase_add_test(tc, delete_follows_the_jobs);
    tcase_add_test(tc, an_upload_in_progress_is_seen);
    tcase_add_test(tc, a_big_upload_keeps_memory_flat);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
