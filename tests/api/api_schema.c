/* Columns as the service takes them: why each has its type, what is remembered and shown of it, and
 * versions of a dataset that grow by appended rows.
 *
 * One daemon for all tests; names are a test's own.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

#define PEOPLE                                                                                     \
    "age,member,joined,city\n"                                                                     \
    "31,yes,2026-01-02,Bonn\n"                                                                     \
    "-999,no,2026/01/03,Rome\n"                                                                    \
    "45,Yes,2026-01-04T12:30:00+01:00,Bonn\n"                                                      \
    "52,no,,unknown\n"

static size_t files(void)
{
    return folder_entries(text("%s/datasets", d.state));
}

START_TEST(every_column_is_explained)
{
    struct reply *r = want(http_csv(PEOPLE, "/datasets?name=people&missing=-999,unknown"), 201);

    ck_assert_str_eq(str(r, "/columns/0/why"), "numeric: 3 numbers, 1 missing");
    ck_assert_str_eq(str(r, "/columns/1/type"), "boolean");
    ck_assert_str_eq(str(r, "/columns/1/why"), "boolean: \"yes\" and \"no\"");
    ck_assert_str_eq(str(r, "/columns/2/type"), "datetime");
    ck_assert_str_eq(str(r, "/columns/2/min"), "2026-01-02T00:00:00Z");
    ck_assert_str_eq(str(r, "/columns/2/max"), "2026-01-04T11:30:00Z");
    ck_assert_str_eq(str(r, "/columns/2/quantiles/p50"), "2026-01-03T00:00:00Z");
    ck_assert_str_eq(str(r, "/columns/2/histogram/low"), "2026-01-02T00:00:00Z");
    ck_assert_str_eq(str(r, "/columns/3/why"), "categorical: 2 distinct texts, 1 missing");
    ck_assert_str_eq(str(r, "/columns/3/top/0/value"), "Bonn");
    ck_assert_int_eq(integer(r, "/columns/3/top/0/count"), 2);
    ck_assert_int_eq(integer(r, "/columns/3/rest"), 0);
    ck_assert_str_eq(str(r, "/missing_words/words/0"), "-999");
    ck_assert_double_eq(num(r, "/columns/0/quantiles/p50"), 45);
    ck_assert_int_eq(integer(r, "/columns/0/missing"), 1);
    r = want(http_get("/datasets/people/rows"), 200);
    ck_assert(is_null(r, "/rows/1/0"));
    ck_assert_str_eq(str(r, "/rows/2/1"), "yes"); /* as it was first */
    ck_assert_str_eq(str(r, "/rows/2/2"), "2026-01-04T11:30:00Z");
    ck_assert(is_null(r, "/rows/3/3"));
    r = want(http_get("/datasets/people?column=joined"), 200);
    ck_assert_uint_eq(length(r, "/columns"), 1);
    ck_assert_str_eq(str(r, "/columns/0/name"), "joined");
    want_problem(http_get("/datasets/people?column=nobody"), 404, NULL, "nobody");
}
END_TEST

START_TEST(a_format_is_declared)
{
    const char *days = "day,n\n01/02/2026,1\n28/02/2026,2\n";
    struct reply *r = want(http_csv(days, "/datasets?name=guessed"), 201);

    ck_assert_str_eq(str(r, "/columns/0/type"), "categorical");
    r = want(http_csv(days, "/datasets?name=days&types=day:datetime:%%25d/%%25m/%%25Y"), 201);
    ck_assert_str_eq(str(r, "/columns/0/min"), "2026-02-01T00:00:00Z");
    ck_assert_str_eq(str(r, "/columns/0/format"), "%d/%m/%Y");
    r = want_problem(http_csv("day,n\n01/02/2026,1\n30/02/2026,2\n",
                              "/datasets?name=no&types=day:datetime:%%25d/%%25m/%%25Y"),
                     422, NULL, "30/02/2026");
    ck_assert_msg(strstr(r->body, "\"row\":2") != NULL && strstr(r->body, "\"line\":3") != NULL,
                  "%s", r->body);
    want_problem(http_csv(days, "/datasets?name=no&types=day:datetime:%%25d"), 422, "/types",
                 "has no year");
    want_problem(http_csv(days, "/datasets?name=no&missing=%s",
                          "12345678901234567890123456789012345678901234567890123456789012345"),
                 422, "/missing", "too long");
}
END_TEST

START_TEST(rows_make_a_version)
{
    struct reply *r = want(http_csv(PEOPLE, "/datasets?name=grown&missing=-999,unknown"), 201);
    int64_t first = integer(r, "/id"), second;
    const char *whole;

    ck_assert(is_null(r, "/parent_id"));
    ck_assert_uint_eq(length(r, "/versions"), 1);
    r = want(http_csv("age,member,joined,city\n-999.0,TRUE,2027-01-01,Oslo\n60,NO,,unknown\n",
                      "/datasets/grown/rows"),
             201);
    second = integer(r, "/id");
    ck_assert_str_eq(reply_header(r, "Location"), text("/datasets/%lld", (long long)second));
    ck_assert_str_eq(str(r, "/name"), "grown");
    ck_assert_int_eq(integer(r, "/rows"), 6);
    ck_assert_int_eq(integer(r, "/parent_id"), first);
    ck_assert_int_eq(integer(r, "/columns/0/missing"), 2);
    ck_assert_str_eq(str(r, "/columns/1/why"), "boolean: \"yes\" and \"no\"");
    ck_assert_str_eq(str(r, "/columns/2/max"), "2027-01-01T00:00:00Z");
    ck_assert_uint_eq(length(r, "/versions"), 2);
    ck_assert_int_eq(integer(r, "/versions/0/id"), second);
    ck_assert_int_eq(integer(r, "/versions/1/id"), first);
    whole = str(r, "/sha256");
    r = want(http_get("/datasets/%lld", (long long)first), 200);
    ck_assert(is_null(r, "/name"));
    ck_assert_int_eq(integer(r, "/rows"), 4);
    ck_assert_uint_eq(length(r, "/versions"), 2);
    r = want(http_get("/datasets/grown/rows?offset=3"), 200);
    ck_assert_uint_eq(length(r, "/rows"), 3);
    ck_assert_str_eq(str(r, "/rows/1/1"), "yes");
    ck_assert_str_eq(str(r, "/rows/1/3"), "Oslo");
    /* The bytes of the table that comes whole. */
    r = want(http_csv(PEOPLE "-999,yes,2027-01-01,Oslo\n60,no,,\n",
                      "/datasets?name=at_once&missing=-999,unknown"),
             201);
    ck_assert_str_eq(str(r, "/sha256"), whole);
    ck_assert(is_null(r, "/parent_id"));
}
END_TEST

START_TEST(rows_that_do_not_fit)
{
    struct reply *r;
    size_t before;

    want(http_csv(PEOPLE, "/datasets?name=fixed"), 201);
    before = files();
    want_problem(
        http_csv("age,member,city,joined\n1,yes,Rome,2026-01-01\n", "/datasets/fixed/rows"), 422,
        NULL, "column 3 is \"city\", and the dataset has \"joined\" there");
    want_problem(http_csv("age,member\n1,yes\n", "/datasets/fixed/rows"), 422, NULL,
                 "there are 2 columns, and the dataset has 4");
    r = want_problem(
        http_csv("age,member,joined,city\n1,yes,,x\nold,no,,y\n", "/datasets/fixed/rows"), 422,
        NULL, "row 2: column \"age\" is numeric but has the text \"old\"");
    ck_assert_msg(strstr(r->body, "\"row\":2") != NULL && strstr(r->body, "\"line\":3") != NULL,
                  "%s", r->body);
    want_problem(http_csv("age,member,joined,city\n1,maybe,,x\n", "/datasets/fixed/rows"), 422,
                 NULL, "is boolean but has the text");
    want_problem(http_csv("age,member,joined,city\n", "/datasets/fixed/rows"), 422, NULL, NULL);
    want_problem(http_csv("age\n1\n", "/datasets/nosuch/rows"), 404, NULL, "nosuch");
    want_problem(http_csv("age\n1\n", "/datasets/fixed/rows?types=age:numeric"), 400, NULL, NULL);
    ck_assert_uint_eq(files(), before);
    r = want(http_get("/datasets/fixed"), 200);
    ck_assert_int_eq(integer(r, "/rows"), 4);
    ck_assert_uint_eq(length(r, "/versions"), 1);
}
END_TEST

/* What a job learns from stays its own, however the dataset grows. */
START_TEST(a_job_keeps_its_version)
{
    struct reply *r =
        want(http_csv("x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n", "/datasets?name=jobs"), 201);
    const char *sha = str(r, "/sha256");
    int64_t job = train("{'preset': 'simple', "
                        "'data': {'dataset': 'jobs', 'target': 'y'}, 'architecture': {'hidden': "
                        "[2]}, 'training': {'epochs': 2}}");

    want(http_csv("7,a\n8,b\n", "/datasets/jobs/rows?header=false"), 201);
    (void)trained(job);
    r = want(http_get("/jobs/%lld", (long long)job), 200);
    ck_assert_msg(strstr(r->body, sha) != NULL, "%s", r->body);
    r = want(http_get("/datasets/jobs"), 200);
    ck_assert_int_eq(integer(r, "/rows"), 8);
    ck_assert_str_ne(str(r, "/sha256"), sha);
}
END_TEST

/* A base of many groups: it is copied, and never in memory. */
START_TEST(a_large_base_keeps_memory_flat)
{
    enum { ROWS = 600000, COLUMNS = 12 };
    size_t room = (size_t)ROWS * COLUMNS * 9 + 1000, at = 0, i, k;
    char *csv = calloc(1, room);
    size_t before, most;
    struct reply *r;

    ck_assert_ptr_nonnull(csv);
    before = daemon_memory(&d);
    for (k = 0; k < COLUMNS; k++) {
        at += (size_t)snprintf(csv + at, room - at, "c%zu%s", k, k + 1 < COLUMNS ? "," : "\n");
    }
    for (i = 0; i < ROWS; i++) {
        for (k = 0; k < COLUMNS; k++) {
            at += (size_t)snprintf(csv + at, room - at, "%zu.%zu%s", (i * 7919 + k) % 9973, i % 100,
                                   k + 1 < COLUMNS ? "," : "\n");
        }
    }
    want(http_csv(csv, "/datasets?name=large"), 201);
    csv[strchr(csv, '\n') - csv + 1] = '\0'; /* the header, and one row */
    at = strlen(csv);
    for (k = 0; k < COLUMNS; k++) {
        at += (size_t)snprintf(csv + at, room - at, "%zu%s", k, k + 1 < COLUMNS ? "," : "\n");
    }
    r = want(http_csv(csv, "/datasets/large/rows"), 201);
    most = daemon_memory_peak(&d);
    printf("appending to %.0f MB: memory %zu -> at most %zu MiB\n",
           (double)integer(r, "/bytes") / 1e6, before >> 20, most >> 20);
    ck_assert_int_eq(integer(r, "/rows"), ROWS + 1);
#ifndef MLPD_SANITIZERS /* their shadow and quarantine are not the daemon's memory */
    ck_assert_uint_lt(most, before + ((size_t)48 << 20));
#endif
    free(csv);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_schema");
    TCase *tc = case_with("schema", start, stop);

    tcase_add_test(tc, every_column_is_explained);
    tcase_add_test(tc, a_format_is_declared);
    tcase_add_test(tc, rows_make_a_version);
    tcase_add_test(tc, rows_that_do_not_fit);
    tcase_add_test(tc, a_job_keeps_its_version);
    tcase_add_test(tc, a_large_base_keeps_memory_flat);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
