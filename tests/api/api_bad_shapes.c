/* Rows to predict that are too wide, too long, wrong only far below, or arrays: those of every kind
 * give what they hold or the reason why not, sizes that overflow are not believed, and whatever is
 * refused is so quickly, in few words, and leaves nothing.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"

#include "../golden/npy_golden.h"

static struct daemon d;
static int64_t plane; /* a model of x1 and x2 */

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    plane = body_model();
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/* Every type and order that NumPy writes holds the same rows, by itself and packed; others say
 * what is wrong with them. */
START_TEST(arrays_of_every_kind)
{
    static const struct {
        const char *name, *words;
    } bad[] = {{"objects", "Python objects"}, {"records", "structured"},
               {"complex", "complex"},        {"dates", "dates"},
               {"scalar", "single value"},    {"empty", "no rows"},
               {"no_columns", "no columns"},  {"inf", "row 2, column \"x2\""}};
    struct body_state before = body_look(&d);
    char *whole = NULL, *halves = NULL;
    size_t tried = 0;

    for (size_t i = 0; i < COUNT(npy_golden); i++) {
        const char *name = npy_golden[i].name, *words = NULL;
        bool number = strncmp(name, "le_", 3) == 0 || strncmp(name, "be_", 3) == 0;
        char **expect = name[3] == 'f' || strcmp(name, "fortran") == 0 ? &halves : &whole;
        size_t packed_len;
        char *packed = body_gzip(npy_golden[i].bytes, npy_golden[i].len, &packed_len);

        for (size_t k = 0; k < COUNT(bad); k++) {
            words = strcmp(bad[k].name, name) == 0 ? bad[k].words : words;
        }
        for (int zipped = 0; zipped < 2 && (number || words || expect == &halves); zipped++) {
            const void *bytes = zipped ? packed : (const char *)npy_golden[i].bytes;
            size_t len = zipped ? packed_len : npy_golden[i].len;
            struct reply *r = body_post(body_predict(plane), "application/x-npy", bytes, len);

            tried++;
            if (words != NULL) {
                want_problem_at(r, 422, NULL, words, name, 0);
                want_problem_at(body_post("/datasets?name=a", "application/x-npy", bytes, len), 422,
                                NULL, words, name, 0);
                continue;
            }
            want_at(r, 200, name, 0);
            *expect = *expect == NULL ? canonical(at(r, "/predictions")) : *expect;
            want_same_at(canonical(at(r, "/predictions")), *expect, name, 0);
        }
    }
    ck_assert_uint_eq(tried, 2 * (22 + 1 + COUNT(bad))); /* with Fortran order */
    body_unchanged(&d, &before, "arrays");
}
END_TEST

/* Heads that promise more than there can be. */
START_TEST(sizes_that_overflow)
{
    static const char *const shapes[] = {"(4294967296, 4294967296)", "(18446744073709551615, 2)",
                                         "(2305843009213693952, 2)", "(99999999999999999999, 2)",
                                         "(1000000000000, 2)",       "(-1, 2)"};
    static const char *const images[] = {
        "\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        "\0\0\x0e\x02\xff\xff\xff\xff\0\0\0\2\0\0\0\0",
        "\0\0\x08\x02\xff\xff\xff\xff\0\0\0\2\0\0\0\0",
    };
    struct body_state before = body_look(&d);

    for (size_t i = 0; i < COUNT(shapes) + COUNT(images); i++) {
        char head[128] = "\x93NUMPY\1\0\0";
        const char *bytes = head, *type = "application/x-npy";
        size_t len = 16, packed_len;
        char *packed;

        if (i < COUNT(shapes)) {
            len = 10 + (size_t)snprintf(head + 10, sizeof head - 10,
                                        "{'descr':'<f8','fortran_order':False,'shape':%s}\n",
                                        shapes[i]);
            head[8] = (char)(len - 10);
        } else {
            bytes = images[i - COUNT(shapes)];
            type = "application/x-idx";
        }
        packed = body_gzip(bytes, len, &packed_len);
        want_problem(body_post(body_predict(plane), type, bytes, len), 422, NULL, NULL);
        want_problem(body_post(body_predict(plane), type, packed, packed_len), 422, NULL, NULL);
        want_problem(body_post("/datasets?name=a", type, bytes, len), 422, NULL, NULL);
        want_problem(body_post("/datasets?name=a", type, packed, packed_len), 422, NULL, NULL);
    }
    body_unchanged(&d, &before, "sizes");
}
END_TEST

/* ---- wide, long and late ------------------------------------------------------------------- */

static const char *const types[] = {"text/csv", "text/tab-separated-values", "application/x-ndjson",
                                    "text/x-libsvm", "text/x-arff"};

/* n columns and a row in the format of types[k]. */
static char *wide(size_t k, size_t n)
{
    size_t room = n * 40 + 100, at;
    char *out = keep(malloc(room));

#define ADD(...) at += (size_t)snprintf(out + at, room - at, __VA_ARGS__)
    at = 0;
    switch (k) {
    case 0:
    case 1:
        for (size_t i = 0; i < n; i++) {
            ADD("c%zu%c", i, i + 1 == n ? '\n' : k == 0 ? ',' : '\t');
        }
        break;
    case 2:
        for (size_t i = 0; i < n; i++) {
            ADD("%c\"c%zu\":1", i == 0 ? '{' : ',', i);
        }
        ADD("}\n");
        return out;
    case 3:
        ADD("1 %zu:1\n", n);
        return out;
    default:
        ADD("@relation r\n");
        for (size_t i = 0; i < n; i++) {
            ADD("@attribute c%zu real\n", i);
        }
        ADD("@data\n");
    }
    for (size_t i = 0; i < n; i++) {
        ADD("1%c", i + 1 == n ? '\n' : k == 1 ? '\t' : ',');
    }
    return out;
#undef ADD
}

START_TEST(wide_rows)
{
    struct body_state before = body_look(&d);
    size_t n = 100001;
    char *row, *p;

    for (size_t k = 0; k < COUNT(types); k++) {
        char *body = wide(k, n);
        struct reply *r = body_post(body_predict(plane), types[k], body, strlen(body));

        want_problem_at(r, 422, NULL, NULL, types[k], 0);
        ck_assert_uint_le(length(r, "/errors"), 100);
        ck_assert_uint_lt(r->len, 50000);
        want_problem_at(body_post("/datasets?name=a", types[k], body, strlen(body)), 422, NULL,
                        "100000", types[k], 0);
    }
    /* an array and an object of JSON, and a job's own rows */
    p = row = keep(malloc(2 * n + 8));
    for (size_t i = 0; i < n; i++) {
        p += snprintf(p, 3, "%s1", i > 0 ? "," : "");
    }
    want_problem(http_post(text("{\"instances\":[[%s]]}", row), "%s", body_predict(plane)), 422,
                 "/instances/0", "must have 2 values (the features in their order), has 100001");
    want_problem(http_post(text("{\"instances\":[%s]}", wide(2, n)), "%s", body_predict(plane)),
                 422, "/instances/0/x1", "is missing");
    want_problem(http_post(text("{\"data\":{\"x\":[[%s],[%s]],\"y\":[1,2]}}", row, row), "/train"),
                 422, "/data/x/0", "has 100001 values, the limit is 99999");
    body_unchanged(&d, &before, "wide rows");
}
END_TEST

/* A line of 17 MiB, in a comment or a cell: as rows to predict, which come whole. */
START_TEST(long_lines)
{
    static const struct {
        const char *type, *begin, *words;
        char unit;
    } cases[] = {
        {"text/csv", "x1,x2\n1,", "must be a number, got \"xxxx", 'x'},
        {"text/csv", "x1,x2\n1,", "", ' '},
        {"text/tab-separated-values", "x1\tx2\n1\t", "must be a number", 'x'},
        {"application/x-ndjson", "{\"x1\":\"", "MiB", 'x'},
        {"text/x-libsvm", "1 1:2 #", "16 MiB", 'x'},
        {"text/x-arff", "@relation r", "MiB", 'x'},
        {"application/json", "{\"instances\":[[1,\"", "not JSON", 'x'},
    };
    const size_t len = (size_t)17 << 20;
    char *body = keep(malloc(len + 1));

    body[len] = '\0';
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply *r;

        memset(body, cases[i].unit, len);
        memcpy(body, cases[i].begin, strlen(cases[i].begin));
        r = body_post(body_predict(plane), cases[i].type, body, len);
        if (cases[i].words[0] == '\0') { /* blanks do not belong to a cell: no value, and a row */
            want(r, 200);
        } else {
            want_problem_at(r, i + 1 == COUNT(cases) ? 400 : 422, NULL, cases[i].words,
                            cases[i].type, (int)i);
            ck_assert_uint_lt(r->len, 2000);
        }
    }
}
END_TEST

/* 5,000 rows, of which the last one changes its type: row, line and column are told. */
START_TEST(another_type_far_below)
{
    static const struct {
        const char *type, *head, *row, *last, *words;
        int64_t lines;
    } cases[] = {
        {"text/csv", "x1,x2\n", "1,2\n", "1,two\n", "got \"two\"", 1},
        {"text/tab-separated-values", "x1\tx2\n", "1\t2\n", "1\ttwo\n", "got \"two\"", 1},
        {"application/x-ndjson", "", "{\"x1\":1,\"x2\":2}\n", "{\"x1\":1,\"x2\":\"two\"}\n", "two",
         0},
        {"text/x-libsvm", "", "1 1:1 2:2\n", "1 1:1 2:two\n", "no finite number", 0},
        {"text/x-arff", "@relation r\n@attribute x1 real\n@attribute x2 real\n@data\n", "1,2\n",
         "1,two\n", "two", 4},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t row = strlen(cases[i].row), n = strlen(cases[i].head);
        char *body = keep(malloc(n + 5000 * row + 100));
        struct reply *r;

        memcpy(body, cases[i].head, n);
        for (int k = 1; k < 5000; k++, n += row) {
            memcpy(body + n, cases[i].row, row);
        }
        memcpy(body + n, cases[i].last, strlen(cases[i].last) + 1);
        r = want_problem_at(body_post(body_predict(plane), cases[i].type, body, strlen(body)), 422,
                            NULL, cases[i].words, cases[i].type, 0);
        ck_assert_int_eq(integer(r, "/errors/0/row"), 5000);
        ck_assert_int_eq(integer(r, "/errors/0/line"), 5000 + cases[i].lines);
        ck_assert(i == 3 || strcmp(str(r, "/errors/0/column"), "x2") == 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_bad_shapes");
    TCase *tc = case_with("bad shapes", start, stop);

    tcase_set_timeout(tc, 60 * PATIENCE);
    tcase_add_test(tc, arrays_of_every_kind);
    tcase_add_test(tc, sizes_that_overflow);
    tcase_add_test(tc, wide_rows);
    tcase_add_test(tc, long_lines);
    tcase_add_test(tc, another_type_far_below);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
