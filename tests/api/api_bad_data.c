/* Bad data over HTTP: rows inside a job, CSV uploads, uploads cut off half way, and a learning
 * rate that diverges. Each is told with its place; nothing stays behind, nobody else notices.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

static struct daemon d;
static int64_t bystander;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    upload_example("iris");
    bystander = integer(
        want(http_post(slow_job(FOREVER, 1, ", 'name': 'bystander'"), "/train"), 202), "/id");
    wait_for_epoch(bystander, 1);
    bad_baseline();
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- bodies that are made ------------------------------------------------------------- */

static char *text_on_row_15000(void)
{
    size_t room = 15100 * 16, n;
    char *csv = keep(malloc(room));

    n = (size_t)snprintf(csv, room, "a,b\n");
    for (int i = 1; i <= 15000; i++) {
        n += (size_t)snprintf(csv + n, room - n, i == 15000 ? "oops,1\n" : "%d,1\n", i);
    }
    return csv;
}

static char *field_of_1_mb(void)
{
    char *csv = keep(malloc((1 << 20) + 64));
    size_t n = (size_t)snprintf(csv, 64, "a,b\n1,2\n3,");

    memset(csv + n, 'x', 1 << 20);
    memcpy(csv + n + (1 << 20), "\n", 2);
    return csv;
}

/* 40 numbers and 1 text: 97 % numeric. */
static char *mostly_numbers(void)
{
    char *csv = text("a\n");

    for (int i = 0; i < 40; i++) {
        csv = text("%s%s\n", csv, i == 20 ? "twenty" : text("%d", i));
    }
    return csv;
}

/* 60 rows of two classes, and one row of a third. */
static char *one_of_a_class(void)
{
    char *x = text("%s", ""), *y = text("%s", "");

    for (int i = 0; i < 61; i++) {
        x = text("%s%s[%d]", x, i > 0 ? "," : "", i);
        y = text("%s%s'%s'", y, i > 0 ? "," : "", i == 60 ? "rare" : i % 2 ? "odd" : "even");
    }
    return q("{'data': {'x': [%s], 'y': [%s], 'split': {'test': 0.2, 'stratify': true}}}", x, y);
}

/* ---- the tables ----------------------------------------------------------------------- */

#define ROWS(name, x, y, pointer, fragment)                                                        \
    BAD(name, "POST", "/train", "{'data': {'x': " x ", 'y': " y "}}", 422, pointer, fragment)

static const struct bad_case rows[] = {
    ROWS("x and y of different lengths", "[[1],[2],[3]]", "[1,2]", "/data/y", "x has 3 rows"),
    ROWS("ragged rows", "[[1,2],[3]]", "[0,1]", "/data/x/1", "first row has 2"),
    ROWS("ragged targets", "[[1],[2]]", "[[1,2],[3]]", "/data/y/1", NULL),
    ROWS("a row that is none", "[[1],2]", "[0,1]", "/data/x/1", "must be an array"),
    ROWS("a cell that is none", "[[1],[[2]]]", "[0,1]", "/data/x/1/0", "must be a number"),
    ROWS("a text among numbers", "[[1],['two']]", "[0,1]", "/data/x/1/0", "number"),
    ROWS("a missing target", "[[1],[2]]", "[0,null]", "/data/y/1", "missing"),
    ROWS("empty data", "[]", "[]", "/data/x", "one at least"),
    ROWS("rows without cells", "[[],[]]", "[0,1]", "/data/x/0", "one at least"),
    ROWS("one class only", "[[1],[2],[3]]", "['a','a','a']", NULL, "class"),
    ROWS("a feature that never changes", "[[1],[1],[1]]", "[0,1,0]", NULL, NULL),
    BAD("x without y", "POST", "/train", "{'data': {'x': [[1],[2]]}}", 422, "/data/y", "required"),
    BAD("the wrong number of names", "POST", "/train",
        "{'data': {'x': [[1,2],[3,4]], 'y': [0,1], 'features': ['a']}}", 422, "/data/features",
        NULL),
    BAD("a name twice", "POST", "/train",
        "{'data': {'x': [[1,2],[3,4]], 'y': [0,1], 'features': ['a', 'a']}}", 422,
        "/data/features/1", "twice"),
    BAD("a class with one member, and stratify", "POST", "/train", NULL, 422, NULL, "rare",
        .make = one_of_a_class,
        .shown = "POST /train, 61 rows, one of class \"rare\", \"stratify\": true"),
};

#define CSV(name, body, fragment, ...)                                                             \
    BAD(name, "POST", "/datasets?name=bad", body, 422, NULL, fragment, .type = "text/csv",         \
        __VA_ARGS__)

static const struct bad_case tables[] = {
    CSV("CSV: ragged rows", "a,b\n1,2\n3\n5,6\n", NULL, .row = 2, .line = 3),
    CSV("CSV: a row too long", "a,b\n1,2\n3,4,5\n", NULL, .row = 2, .line = 3),
    CSV("CSV: a bad quote", "a,b\n1,x\"y\"\n", "quote", .row = 1, .line = 2),
    CSV("CSV: text after a quote", "a,b\n1,\"x\"y\n", "quote", .row = 1, .line = 2),
    CSV("CSV: a quote that never ends", "a,b\n1,\"x\n2,y\n", "quote", .row = 1),
    CSV("CSV: a NUL byte", "a,b\n1,2\n3,\0x\n", "NUL", .len = 13,
        .shown = "POST /datasets?name=bad a,b 1,2 3,\\0x", .row = 2, .line = 3),
    CSV("CSV: invalid UTF-8", "a,b\n1,x\n2,\xff\xfe\n", "UTF-8", .row = 2, .line = 3),
    CSV("CSV: invalid UTF-8 in the header", "a,\xff\n1,2\n", "UTF-8", .line = 1),
    CSV("CSV: a field of 1 MB", NULL, "64 KiB", .make = field_of_1_mb, .row = 2, .line = 3,
        .shown = "POST /datasets?name=bad a,b 1,2 3,xxxx..."),
    CSV("CSV: duplicate header names", "a,b,a\n1,2,3\n", "\"a\"", .line = 1),
    CSV("CSV: an empty header name", "a,,c\n1,2,3\n", NULL, .line = 1),
    CSV("CSV: no rows", "a,b\n", "row"),
    CSV("CSV: nothing", "", NULL),
    CSV("CSV: a text in a numeric column on row 15,000", NULL, "oops", .make = text_on_row_15000,
        .row = 15000, .line = 15001, .column = "a",
        .shown = "POST /datasets?name=bad a,b 1,1 2,1 ... oops,1"),
    CSV("CSV: one text among 40 numbers", NULL, "types=", .make = mostly_numbers, .row = 21,
        .line = 22, .column = "a", .shown = "POST /datasets?name=bad a 0 1 ... twenty 21 ..."),
    BAD("CSV: a dataset's name that is none", "POST", "/datasets?name=..%2fx", "a\n1\n", 400,
        "/name", NULL, .type = "text/csv"),
    BAD("CSV: a name of digits", "POST", "/datasets?name=12", "a\n1\n", 400, "/name", NULL,
        .type = "text/csv"),
    BAD("CSV: without a name", "POST", "/datasets", "a\n1\n", 400, "/name", NULL,
        .type = "text/csv"),
    BAD("CSV: a parameter that is none", "POST", "/datasets?name=bad&sep=x", "a\n1\n", 400, "/sep",
        NULL, .type = "text/csv"),
};

START_TEST(bad_rows)
{
    bad_case_run(&rows[_i]);
}
END_TEST

START_TEST(bad_tables)
{
    bad_case_run(&tables[_i]);
    want_problem(http_get("/datasets/bad"), 404, NULL, NULL);
}
END_TEST

/* ---- uploads that end too soon ---------------------------------------------------------- */

/* Poll until the upload of that name is seen, or is gone. */
static void wait_for_upload(const char *name, long status)
{
    double deadline = now_seconds() + 30 * PATIENCE;

    while (http_get("/datasets/%s", name)->status != status) {
        ck_assert_msg(now_seconds() < deadline, "GET /datasets/%s never became %ld", name, status);
        pause_briefly();
    }
}

START_TEST(an_upload_cut_off)
{
    char *head =
        text("POST /datasets?name=cut HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: text/csv\r\n"
             "Content-Length: 100000\r\n\r\na,b\n1,2\n3,",
             d.host, d.port);
    int fd = raw_open();

    raw_write(fd, head, strlen(head));
    wait_for_upload("cut", 200);
    close(fd);
    wait_for_upload("cut", 404);
    bad_check_unchanged("an upload cut off");
}
END_TEST

START_TEST(a_chunked_upload_cut_off)
{
    char *head =
        text("POST /datasets?name=cut HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: text/csv\r\n"
             "Transfer-Encoding: chunked\r\n\r\n8\r\na,b\n1,2\n\r\n",
             d.host, d.port);
    int fd = raw_open();

    raw_write(fd, head, strlen(head));
    wait_for_upload("cut", 200);
    close(fd);
    wait_for_upload("cut", 404);
    bad_check_unchanged("a chunked upload cut off");
}
END_TEST

/* 5 MB of which the second line is wrong: the answer arrives, though it was clear long before
 * the body's end. */
START_TEST(a_bad_upload_is_told_at_the_end)
{
    size_t len = 5 << 20;
    char *csv = keep(malloc(len + 1));
    struct reply *r;

    for (size_t i = 0; i < len; i++) {
        csv[i] = "1,2\n"[i % 4];
    }
    csv[len] = '\0';
    memcpy(csv + 4, "123\n", 4);
    for (int i = 0; i < 5; i++) {
        r = want_problem(http_csv(csv, "/datasets?name=bad"), 422, NULL, NULL);
    }
    bad_record("CSV: a wrong second line of 5 MB", "POST /datasets?name=bad, 5 MB", r);
}
END_TEST

/* ---- divergence --------------------------------------------------------------------------- */

static char *wild_job(const char *rate)
{
    char *x = text("%s", ""), *y = text("%s", "");

    for (int i = 0; i < 64; i++) {
        x = text("%s%s[%d,%d]", x, i > 0 ? "," : "", i % 13, i % 5);
        y = text("%s%s%d.5", y, i > 0 ? "," : "", (i * 37) % 11);
    }
    return q("{'preset': 'simple', 'data': {'x': [%s], 'y': [%s]}, 'architecture': {'hidden': [16, "
             "16]}, 'optimizer': "
             "{'type': 'sgd', 'learning_rate': %s}, 'training': {'epochs': 500, 'seed': 1, "
             "'batch_size': 8, 'early_stopping': null}}",
             x, y, rate);
}

/* A rate that first learns, then blows up: linear regression just past its stable rate. */
static char *slowly_wild_job(void)
{
    char *x = text("%s", ""), *y = text("%s", "");

    for (int i = 0; i < 64; i++) {
        x = text("%s%s[%d]", x, i > 0 ? "," : "", i % 13);
        y = text("%s%s%d.5", y, i > 0 ? "," : "", i % 13);
    }
    return q("{'preset': 'simple', 'data': {'x': [%s], 'y': [%s], 'split': null}, 'architecture': "
             "{'hidden': []}, "
             "'optimizer': {'type': 'sgd', 'learning_rate': 1.3}, 'training': {'epochs': 5000, "
             "'seed': 1, 'batch_size': 64, 'early_stopping': null}}",
             x, y);
}

START_TEST(a_rate_that_diverges)
{
    int64_t id = integer(want(http_post(wild_job("1e30"), "/train"), 202), "/id");
    struct reply *r = wait_for_job(id, "failed");

    ck_assert_str_eq(str(r, "/error/code"), "diverged");
    ck_assert_msg(strlen(str(r, "/error/detail")) > 10, "%s", r->body);
    ck_assert(strstr(r->body, "NaN") == NULL && strstr(r->body, "nan,") == NULL);
    /* not one finite epoch: there is nothing to predict with, and that is said */
    want_problem(http_get("/models/%lld/predict?x1=1&x2=2", (long long)model_of(id)), 409, NULL,
                 NULL);
    wait_for_job(bystander, "running");
    bad_baseline();
    r->json = json_object_get(r->json, "error");
    bad_record("a learning rate that diverges at once", "POST /train ... \"learning_rate\": 1e30",
               r);
}
END_TEST

START_TEST(the_best_weights_before_a_divergence_stay)
{
    int64_t id = integer(want(http_post(slowly_wild_job(), "/train"), 202), "/id");
    struct reply *r = wait_for_job(id, "failed"), *curve;
    int64_t model = integer(r, "/model_id");

    ck_assert_str_eq(str(r, "/error/code"), "diverged");
    ck_assert_int_ge(integer(r, "/best/epoch"), 1);
    curve = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    ck_assert(truth(curve, "/complete"));
    ck_assert_uint_ge(length(curve, "/points"), 1);
    r = want(http_get("/models/%lld/predict?x1=3", (long long)model), 200);
    ck_assert(isfinite(num(r, "/predictions/0/value")));
    r = want(http_get("/models/%lld/weights", (long long)model), 200);
    ck_assert(isfinite(num(r, "/layers/0/weights/0/0")));
    wait_for_job(bystander, "running");
    bad_baseline();
    r = wait_for_job(id, "failed");
    r->json = json_object_get(r->json, "error");
    bad_record("a learning rate that diverges later", "POST /train ... \"learning_rate\": 1.3", r);
}
END_TEST

/* The last test of a case: all that went wrong has not touched the job beside it. */
START_TEST(nobody_else_noticed)
{
    wait_for_job(bystander, "running");
    cancel_job(bystander);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_bad_data");
    TCase *tc = case_with("bad data", start, stop);

    tcase_add_loop_test(tc, bad_rows, 0, COUNT(rows));
    tcase_add_loop_test(tc, bad_tables, 0, COUNT(tables));
    tcase_add_test(tc, an_upload_cut_off);
    tcase_add_test(tc, a_chunked_upload_cut_off);
    tcase_add_test(tc, a_bad_upload_is_told_at_the_end);
    tcase_add_test(tc, a_rate_that_diverges); /* these make jobs */
    tcase_add_test(tc, nobody_else_noticed);
    suite_add_tcase(suite, tc);
    tc = case_with("divergence", start, stop);
    tcase_add_test(tc, the_best_weights_before_a_divergence_stay);
    tcase_add_test(tc, nobody_else_noticed);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
