/* Rows of a client that are wrong: every problem is told at once with its place, none hides
 * another, and of very many some are told.
 */
#include "http_rows_help.h"
#include "reader_help.h"

#include "base/buf.h"

START_TEST(all_problems_of_json)
{
    struct err err = ERR_INIT;
    struct rows rows;

    rows_init(&rows, amounts, &number_spec, false);
    ck_assert_int_eq(from_json(&rows,
                               "[[1,\"red\"],{\"aa\":1,\"y\":2},[1],7,[\"x\",\"red\"],[[],{}],"
                               "{\"a\":1,\"kind\":\"red\",\"z/~\":1}]",
                               &err),
                     -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert(told(&err, "/instances/1/a", "missing"));
    ck_assert(told(&err, "/instances/1/kind", "missing"));
    ck_assert(told(&err, "/instances/1/aa", "did you mean \"a\"?"));
    ck_assert(told(&err, "/instances/1/y", "predicts"));
    ck_assert(told(&err, "/instances/2", "2 values"));
    ck_assert(told(&err, "/instances/3", "array in feature order"));
    ck_assert(told(&err, "/instances/4/a", "number"));
    ck_assert(told(&err, "/instances/5/a", "number, a text or null"));
    ck_assert(told(&err, "/instances/5/kind", "number, a text or null"));
    ck_assert(told(&err, "/instances/6/z~1~0", "no feature"));
    ck_assert_uint_eq(err.n_items, 10);
    err_fini(&err);
    rows_fini(&rows);
}
END_TEST

START_TEST(all_problems_of_csv)
{
    static const struct {
        const char *text, *place, *detail;
        int64_t row, line;
    } bad[] = {
        {"", "", "is no feature", 0, 1},
        {"a\n1\n", "kind", "missing", 0, 1},
        {"a,kind,a\n1,red,2\n", "a", "twice", 0, 1},
        {"a,kimd\n1,red\n", "kimd", "did you mean \"kind\"", 0, 1},
        {"a,kind\n", "", "no rows", 0, 0},
        {"a,kind\n1,red\n1\n", "", "1 cells", 2, 3},
        {"a,kind\n1,red,\n", "", "3 cells", 1, 2},
        {"a,kind\n\"1\nx\",red\n2,\"red", "", "never closed", 2, 4},
        {"a,kind\n1,\"red\"x\n", "", "follows", 1, 2},
        {"a,kind\n1,r\"ed\n", "", "quote inside", 1, 2},
        {"a,kind\nabc,red\n", "a", "number", 1, 2},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = ERR_INIT;
        struct rows rows;
        const struct err_item *last;

        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_msg(from_csv(&rows, bad[i].text, &err) == -1, "%s is taken", bad[i].text);
        ck_assert_msg(told(&err, bad[i].place, bad[i].detail), "%s: %s", bad[i].text, err.detail);
        last = &err.items[err.n_items - 1];
        ck_assert_msg(last->row == bad[i].row && last->line == bad[i].line, "%s: row %d line %d",
                      bad[i].text, (int)last->row, (int)last->line);
        err_fini(&err);
        rows_fini(&rows);
    }
}
END_TEST

START_TEST(problems_of_queries)
{
    struct err err = ERR_INIT;
    struct rows rows;

    rows_init(&rows, amounts, &number_spec, false);
    ck_assert_int_eq(from_query(&rows, "aa=1&kind=red", &err), -1);
    ck_assert(told(&err, "/a", "missing") && told(&err, "/aa", "did you mean"));
    err_fini(&err);
    ck_assert_int_eq(from_query(&rows, "x=1", &err), -1);
    ck_assert(told(&err, "/x", "2 values"));
    err_fini(&err);
    ck_assert_int_eq(from_query(&rows, "a=1&kind=red&x=1", &err), -1);
    ck_assert(told(&err, "/x", "no feature"));
    err_fini(&err);
    ck_assert_int_eq(from_query(&rows, "a=one&kind=red", &err), -1);
    ck_assert(told(&err, "/a", "number"));
    err_fini(&err);
    ck_assert_int_eq(from_query(&rows, NULL, &err), -1);
    ck_assert_uint_eq(err.n_items, 2);
    err_fini(&err);
    rows_fini(&rows);
}
END_TEST

/* What is missing hides nothing that is wrong beside it, nor a row the rows after it. */
START_TEST(one_problem_hides_no_other)
{
    static const struct {
        int (*read)(struct rows *, const char *, struct err *);
        const char *text;
        size_t n;
        struct {
            const char *place, *detail;
            int64_t row, line;
        } told[9];
    } cases[] = {
        {from_json,
         "[{\"a\":\"x\",\"label\":\"fox\",\"b\":1},[{},\"red\",\"fox\"],[1],"
         "{\"a\":\"x\",\"kind\":\"red\"},[\"1\",\"red\",{}]]",
         9,
         {{"/instances/0/kind", "is missing", 0, 0},
          {"/instances/0/b", "no feature", 0, 0},
          {"/instances/0/a", "must be a number, got \"x\"", 0, 0},
          {"/instances/0/label", "\"fox\" is no class", 0, 0},
          {"/instances/1/a", "number, a text or null", 0, 0},
          {"/instances/1/label", "\"fox\" is no class", 0, 0},
          {"/instances/2", "3 values", 0, 0},
          {"/instances/3/label", "is missing", 0, 0},
          {"/instances/4/label", "number, a text or null", 0, 0}}},
        {from_csv,
         "b,a,label\nq,x,cat\n1,2\n\n1,2,c\"t\n1,2,fox\n1,2,cat\n",
         6,
         {{"b", "no feature", 0, 1},
          {"kind", "is missing", 0, 1},
          {"a", "must be a number", 1, 2},
          {"", "the row has 2 cells", 2, 3},
          {"", "a quote inside", 3, 5},
          {"label", "no class", 4, 6}}},
        {from_csv,
         "a,kind,label\r\n1,\"red\"x,cat\r\ny,red,cat",
         2,
         {{"", "text follows", 1, 2}, {"a", "must be a number", 2, 3}}},
        {from_csv,
         "a,kind\nx,red\n",
         2,
         {{"label", "is missing", 0, 1}, {"a", "must be a number", 1, 2}}},
        {from_ndjson,
         "{\"a\":\"x\",\"label\":\"fox\",\"b\":1}\n{\"a\":\"y\",\"label\":\"cat\"}\n",
         5,
         {{"kind", "is missing", 0, 0},
          {"b", "no feature", 0, 0},
          {"a", "must be a number, got \"x\"", 1, 1},
          {"label", "\"fox\" is no class", 1, 1},
          {"a", "must be a number, got \"y\"", 2, 2}}},
        {from_query,
         "a=x&label=fox&b=1",
         4,
         {{"/kind", "is missing", 0, 0},
          {"/b", "no feature", 0, 0},
          {"/a", "must be a number", 0, 0},
          {"/label", "\"fox\" is no class", 0, 0}}},
    };
    size_t i, k, j;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        struct rows rows;

        rows_init(&rows, kinds, &class_spec, true);
        ck_assert_int_eq(cases[i].read(&rows, cases[i].text, &err), -1);
        ck_assert_int_eq(err.code, ERR_INVALID);
        for (k = 0; k < cases[i].n; k++) {
            ck_assert_msg(told(&err, cases[i].told[k].place, cases[i].told[k].detail),
                          "%zu: nothing of %s: %s", i, cases[i].told[k].place,
                          cases[i].told[k].detail);
            for (j = 0; cases[i].told[k].line != 0 && j < err.n_items; j++) {
                if (err.items[j].row == cases[i].told[k].row &&
                    err.items[j].line == cases[i].told[k].line &&
                    strstr(err.items[j].detail, cases[i].told[k].detail) != NULL) {
                    break;
                }
            }
            ck_assert_msg(j < err.n_items, "%zu: %s is elsewhere", i, cases[i].told[k].detail);
        }
        ck_assert_uint_eq(err.n_items, cases[i].n + (i == 0)); /* and the fourth row's a */
        ck_assert_uint_eq(rows.n, 0);
        err_fini(&err);
        rows_fini(&rows);
    }
}
END_TEST

/* Of very many problems some are told, and that there are more; the rest is not looked at. */
START_TEST(problems_are_bounded)
{
    struct buf json = BUF_INIT, csv = BUF_INIT, ndjson = BUF_INIT;
    int (*const read[])(struct rows *, const char *, struct err *) = {from_json, from_csv,
                                                                      from_ndjson};
    const struct buf *const texts[] = {&json, &csv, &ndjson};
    size_t i;

    buf_puts(&csv, "a,kind\n");
    for (i = 0; i < 300; i++) {
        buf_printf(&json, "%s[\"x\",\"red\"]", i == 0 ? "[" : ",");
        buf_puts(&csv, "x,red\n");
        buf_puts(&ndjson, "{\"a\":\"x\",\"kind\":\"red\"}\n");
    }
    buf_puts(&json, "]");
    for (i = 0; i < ARRAY_LEN(read); i++) {
        struct err err = ERR_INIT;
        struct rows rows;

        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_int_eq(read[i](&rows, texts[i]->data, &err), -1);
        ck_assert_uint_eq(err.n_items, ERR_MAX_ITEMS);
        ck_assert_msg(err.n_dropped == 1, "%zu: %zu", i, err.n_dropped);
        err_fini(&err);
        rows_fini(&rows);
    }
    buf_fini(&json);
    buf_fini(&csv);
    buf_fini(&ndjson);
}
END_TEST

/* A zip is unpacked while it is read, and no further than a body may be long or the ratio allows.
 */
START_TEST(a_zip_does_not_grow_without_end)
{
    static const struct {
        size_t len;
        uint64_t most;
        const char *words;
    } cases[] = {{(size_t)8 << 20, (uint64_t)1 << 30, "250 times"}, {5000, 1000, "1000 bytes"}};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct zip_member bomb = {.name = "x.npy", .len = cases[i].len, .deflated = true};
        struct buf npy = BUF_INIT, zip = BUF_INIT;
        char *zeros = xcalloc(cases[i].len, 1);
        struct err err = ERR_INIT;
        struct rows rows;

        npy_head(&npy, "<f8", "(99999999, 2)");
        memcpy(zeros, npy.data, npy.len);
        bomb.bytes = zeros;
        zip_write(&bomb, 1, &zip);
        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_int_eq(
            rows_read_table(&rows, READER_NPZ, zip.data, zip.len, folder, cases[i].most, &err), -1);
        ck_assert_int_eq(err.code, ERR_TOO_LARGE);
        ck_assert_msg(strstr(err.detail, cases[i].words) != NULL, "%s", err.detail);
        rows_fini(&rows);
        err_fini(&err);
        buf_fini(&npy);
        buf_fini(&zip);
        free(zeros);
    }
}
END_TEST

/* What a format cannot say is not taken for nothing. */
START_TEST(libsvm_has_no_offset)
{
    static const uint64_t all[] = {0, 1, 2, 3};
    static const size_t features[] = {0}, targets[] = {1, 2};
    struct encoder_options plans[] = {
        {.n_features = 1, .features = features, .n_targets = 1, .targets = targets},
        {.n_features = 1, .features = features, .n_targets = 2, .targets = targets}};
    static const struct mlp_spec specs[] = {{.n_outputs = 1, .loss = MLP_MSE},
                                            {.n_outputs = 2, .loss = MLP_MSE}};
    struct dataset *ds = table("a,y,z,o\n1,1,5,0\n2,3,6,1\n3,2,7,0\n4,4,9,1\n");
    struct err err = ERR_INIT;
    size_t i;

    plans[0].offset = "o";
    for (i = 0; i < 2; i++) {
        struct encoder *e = NULL;
        struct rows rows;

        ck_assert_int_eq(encoder_fit(ds, &plans[i], all, 4, &e, NULL, &err), 0);
        rows_init(&rows, e, &specs[i], i == 1);
        ck_assert_int_eq(from_libsvm(&rows, "1 1:2\n", &err), -1);
        ck_assert_msg(told(&err, i == 0 ? "o" : "z", "libsvm has no place for"), "%s", err.detail);
        err_fini(&err);
        rows_fini(&rows);
        encoder_free(&e);
    }
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_rows_wrong");
    TCase *tc = tcase_create("rows");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_problems_of_json);
    tcase_add_test(tc, all_problems_of_csv);
    tcase_add_test(tc, problems_of_queries);
    tcase_add_test(tc, one_problem_hides_no_other);
    tcase_add_test(tc, problems_are_bounded);
    tcase_add_test(tc, a_zip_does_not_grow_without_end);
    tcase_add_test(tc, libsvm_has_no_offset);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
