/* Targets that nothing can be learnt from, sent to POST /train: without values, with one, with far
 * too many classes, too large for a network; a split that trains on nothing or not on every class;
 * a column that there is none of. Each is refused with its place before there is a job, except what
 * only the training can see: that fails and names the row.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "table.h"

#include "../golden/npy_golden.h"

static struct daemon d;

/* A table of n rows, each as `row` says, in one column text; owned by the test. */
static char *rows_of(const char *head, int n, void (*row)(int i, char *out, size_t room))
{
    size_t room = strlen(head) + (size_t)n * 64 + 8, at;
    char *csv = keep(malloc(room));

    at = (size_t)snprintf(csv, room, "%s\n", head);
    for (int i = 0; i < n; i++) {
        row(i, csv + at, 64);
        at += strlen(csv + at);
    }
    return csv;
}

/* The fourth row of ten has neither y nor c; k, s and t never change; f is train, then test; g is
 * val; y goes with nothing; r is a class that f's training rows lack; big is 1e300 in row 8. */
static void flaws_row(int i, char *out, size_t room)
{
    bool gap = i % 10 == 3;

    (void)snprintf(out, room, "%d,%s,%s,3.5,x,true,%s,val,%c,%s\n", i * 7 % 30,
                   gap ? "" : text("%d.5", i % 6),
                   gap     ? ""
                   : i % 2 ? "p"
                           : "q",
                   i < 15 ? "train" : "test", i < 15 ? "pq"[i % 2] : "pqr"[i % 3],
                   i == 7 ? "1e300" : text("%d.25", i));
}

static void many_row(int i, char *out, size_t room)
{
    (void)snprintf(out, room, "%d,t%d,%d\n", i % 97, i, i * 3);
}

static void upload(const char *name, const char *csv)
{
    want(http_csv(csv, "/datasets?name=%s", name), 201);
}

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    upload("flaws", rows_of("a,y,c,k,s,t,f,g,r,big", 30, flaws_row));
    upload("many", rows_of("a,text,number", 50000, many_row));
    bad_baseline();
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- refused --------------------------------------------------------------------------- */

#define JOB(name, data, pointer, fragment)                                                         \
    BAD(name, "POST", "/train", "{'data': {" data "}}", 422, pointer, fragment)
#define FLAWS "'dataset': 'flaws', 'target': "
#define GAPS(column)                                                                               \
    "3 rows have no value of \"" column "\", the first is row 4; every row needs its target, or "  \
    "set data.missing_target to \"drop_row\""

static const struct bad_case targets[] = {
    JOB("numbers with gaps", FLAWS "'y'", "/data/target", GAPS("y")),
    JOB("classes with gaps", FLAWS "'c'", "/data/target", GAPS("c")),
    JOB("gaps that are an error", FLAWS "'y', 'missing_target': 'error'", "/data/target",
        GAPS("y")),
    JOB("gaps in one of several targets", FLAWS "['a', 'y']", "/data/target", GAPS("y")),
    JOB("gaps in a table that validates",
        FLAWS "'y', 'split': {'validation_dataset': 'flaws'}", "/data/split/validation_dataset",
        "has rows without a value of the target \"y\"; data.missing_target \"drop_row\" leaves"),
    JOB("another word for gaps", FLAWS "'y', 'missing_target': 'drop'", "/data/missing_target",
        "must be one of \"error\", \"drop_row\""),
    JOB("nothing but gaps",
        FLAWS "'y', 'missing_target': 'drop_row', 'filter': [{'column': 'y', 'op': 'missing'}]",
        "/data/filter",
        "0 of 30 rows are left, and a job needs 2 at least; alone the conditions keep 3; 3 have no "
        "target"),
    JOB("a gap in the job's own rows", "'x': [[1],[2],[3]], 'y': [0.5,null,2]", "/data/y/1",
        "every row needs its target, or must be left out"),
    JOB("one text", FLAWS "'s'", "/data/target",
        "every row has the same class, \"s\" has one value; a model needs two"),
    JOB("one boolean", FLAWS "'t'", "/data/target", "the same class"),
    JOB("one number as classes", FLAWS "'k', 'target_type': 'classes'", "/data/target",
        "the same class"),
    JOB("one class after the filter",
        FLAWS "'r', 'filter': [{'column': 'r', 'op': '==', 'value': 'p'}]", "/data/target",
        "the same class"),
    JOB("50,000 texts", "'dataset': 'many', 'target': 'text'", "/data/target",
        "has 50000 classes, the limit is 10000; is it an identifier?"),
    JOB("50,000 numbers as classes",
        "'dataset': 'many', 'target': 'number', 'target_type': 'classes'", "/data/target",
        "more than 10000 different values, too many for classes; is it a number"),
    JOB("a split column that trains on nothing", FLAWS "'r', 'split': {'column': 'g'}",
        "/data/split/column", "no rows are left to train on: the column says train in none"),
    JOB("a class that the training part lacks", FLAWS "'r', 'split': {'column': 'f'}",
        "/data/split/column", "class \"r\" has no training row: let one of its rows train"),
    JOB("ranges that lack a class",
        FLAWS "'r', 'split': {'rows': {'training': [[0,14]], 'test': [[15,29]]}}",
        "/data/split/rows", "class \"r\" has no training row"),
    JOB("ranges without one to train",
        FLAWS "'r', 'split': {'rows': {'training': [], 'test': [[15,29]]}}",
        "/data/split/rows/training", "ranges [first, last] of rows that train"),
    JOB("ranges beyond the table",
        FLAWS "'r', 'split': {'rows': {'training': [[0,14]], 'test': [[15,30]]}}",
        "/data/split/rows/test/0", "beyond the last row, which is 29"),
    JOB("groups that leave a part empty", FLAWS "'r', 'split': {'group': 'f', 'test': 0.2}",
        "/data/split/group", "has 2 different values among the rows, and 3 parts need as many"),
    JOB("times that leave a part empty", FLAWS "'r', 'split': {'time': 'k', 'test': 0.2}",
        "/data/split/time", "has 1 different value"),
    JOB("shares that leave nothing", FLAWS "'r', 'split': {'validation': 0.5, 'test': 0.5}",
        "/data/split", "leave no rows to train on"),
    JOB("a column near another", "'dataset': 'many', 'target': 'nubmer'", "/data/target",
        "no column \"nubmer\", did you mean \"number\"?"),
    JOB("a column near none", "'dataset': 'many', 'target': 'price'", "/data/target",
        "no column \"price\"; it has \"a\", \"text\", \"number\""),
    JOB("a column near none of many", FLAWS "'z'", "/data/target", "\"g\" and 2 more"),
    JOB("the second of two columns", FLAWS "['a', 'bigg']", "/data/target/1",
        "did you mean \"big\"?"),
    BAD("an infinite number of JSON", "POST", "/train",
        "{'data': {'x': [[1],[2]], 'y': [1, Infinity]}}", 400, NULL,
        "not JSON: invalid token (line 1, column 43)"),
    BAD("a number beyond double", "POST", "/train", "{'data': {'x': [[1],[1e999]], 'y': [1, 2]}}",
        400, NULL, "a number too large to be read (line 1, column 26)"),
};

START_TEST(bad_targets)
{
    bad_case_run(&targets[_i]);
}
END_TEST

/* ---- infinite numbers -------------------------------------------------------------------- */

/* 60 rows, one of which is none in the column asked for. */
static char *infinite(const char *word, bool in_y)
{
    char *csv = text("a,y\n");

    for (int i = 1; i <= 60; i++) {
        csv = text("%s%s,%s\n", csv, i == 33 && !in_y ? word : text("%d", i * 7 % 60),
                   i == 33 && in_y ? word : text("%d.5", i));
    }
    return csv;
}

START_TEST(infinite_numbers)
{
    static const char *const words[] = {"inf", "-Infinity", "1e999"};
    struct bad_case c = {.name = "an infinite number of CSV", .row = 33, .line = 34};

    for (size_t i = 0; i < 2 * COUNT(words); i++) {
        const char *word = words[i / 2], *column = i % 2 ? "y" : "a";
        struct reply *r =
            want_problem(http_csv(infinite(word, i % 2), "/datasets?name=infinite"), 422, NULL,
                         text("column \"%s\" is numeric but has the text \"%s\"; declare it with "
                              "types=%s:categorical, or send missing=%s if that means no value",
                              column, word, column, word));

        ck_assert_int_eq(integer(r, "/errors/0/row"), 33);
        ck_assert_int_eq(integer(r, "/errors/0/line"), 34);
        ck_assert_str_eq(str(r, "/errors/0/column"), column);
        bad_record(c.name, text("POST /datasets?name=infinite, row 33 has %s", word), r);
        want_problem(
            http_csv(infinite(word, i % 2), "/datasets?name=infinite&types=%s:numeric", column),
            422, NULL, text("declared numeric but has the text \"%s\"", word));
    }
    bad_record("an infinite number of NumPy", "POST /datasets?name=infinite, .npy",
               want_problem(http_send(&(struct request){.method = "POST",
                                                        .path = "/datasets?name=infinite",
                                                        .type = "application/x-npy",
                                                        .body = (const char *)npy_inf,
                                                        .len = sizeof npy_inf}),
                            422, NULL, "row 2, column \"x2\""));
}
END_TEST

/* ---- what is taken ------------------------------------------------------------------------- */

static struct reply *tried(const char *job)
{
    return want(http_post(q("%s", job), "/train?dry_run=true"), 200);
}

/* The ways out that the words name. */
START_TEST(ways_out)
{
    struct reply *r = tried("{'data': {" FLAWS "'y', 'missing_target': 'drop_row'}}");

    ck_assert(strstr(str(r, "/resolved/why/data.missing_target"), "3 of 30 rows have no target") !=
              NULL);
    r = tried("{'data': {" FLAWS "'y', 'filter': [{'column': 'y', 'op': 'not_missing'}]}}");
    ck_assert(strstr(str(r, "/resolved/why/data.filter"), "27 of 30 rows") != NULL);
    tried("{'data': {" FLAWS "'r', 'split': {'column': 'f'}, "
          "'filter': [{'column': 'r', 'op': '!=', 'value': 'r'}]}}");
    tried("{'data': {'dataset': 'many', 'target': 'number'}}");
    want(http_csv(infinite("inf", true), "/datasets?name=infinite&missing=inf"), 201);
    want(http_delete("/datasets/infinite"), 204);
    /* one number is a warning, and so is a part that is too small a share of the rows */
    r = tried("{'data': {'x': [[1],[2],[3]], 'y': [4.5,4.5,4.5], 'split': {'test': 0.1}}}");
    ck_assert_msg(strstr(r->body, "the test part is empty: 0.1 of 3 rows is none") != NULL, "%s",
                  r->body);
    bad_check_unchanged("ways out");
}
END_TEST

/* Finite in a double, but not in what a network computes with: seen when the rows are read. */
START_TEST(too_large_for_a_network)
{
    static const struct {
        const char *data, *more, *words;
    } cases[] = {
        {FLAWS "'r'", "'numeric': 'none'",
         "row 8: the number 1e+300 in column \"big\" is too large to train on"},
        {FLAWS "'big'", "'target': 'none'",
         "row 8: the number 1e+300 in the target \"big\" is too large to train on"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t id = train("{'preset': 'simple', 'data': {%s, 'exclude': ['y']}, 'preprocess': "
                           "{%s}, 'training': {'epochs': 1, 'seed': 1}}",
                           cases[i].data, cases[i].more);
        struct reply *r = wait_for_job(id, "failed");

        ck_assert_str_eq(str(r, "/error/code"), "invalid");
        ck_assert_str_eq(str(r, "/error/detail"), cases[i].words);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_bad_targets");
    TCase *tc = case_with("bad targets", start, stop);

    tcase_add_loop_test(tc, bad_targets, 0, (int)COUNT(targets));
    tcase_add_test(tc, infinite_numbers);
    tcase_add_test(tc, ways_out);
    tcase_add_test(tc, too_large_for_a_network); /* last: it makes jobs */
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
