/* Rows of a client: JSON, CSV and query give the same numbers. What is wrong with them:
 * check_http_rows_wrong.c.
 */
#include "http_rows_help.h"

static const struct mlp_spec sigmoid_spec = {.n_outputs = 1, .loss = MLP_BINARY_CROSS_ENTROPY};

static void same(const struct rows *rows, const struct rows *other)
{
    ck_assert_uint_eq(rows->n, other->n);
    ck_assert_mem_eq(rows->x, other->x, rows->n * encoder_n_inputs(rows->encoder) * sizeof(float));
}

START_TEST(three_ways_in)
{
    static const char *const json[] = {"[[2.5,\"red\"]]", "[{\"kind\":\"red\",\"a\":2.5}]",
                                       "[[\"2.5\",\"red\"]]"};
    static const char *const csv[] = {"a,kind\n2.5,red\n", "kind,a\r\nred,2.5\r\n",
                                      "\xEF\xBB\xBF\"a\",kind\n\"2.5\",\"red\"",
                                      "a,kind\n2.5,red\n\n"};
    static const char *const query[] = {"a=2.5&kind=red", "kind=red&a=2.5", "x=2.5,red",
                                        "x=2.5%2Cred"};
    struct err err = ERR_INIT;
    struct rows first, rows;
    size_t i;

    rows_init(&first, amounts, &number_spec, false);
    ck_assert_int_eq(from_json(&first, json[0], &err), 0);
    ck_assert_uint_eq(first.n, 1);
    for (i = 1; i < ARRAY_LEN(json); i++) {
        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_int_eq(from_json(&rows, json[i], &err), 0);
        same(&rows, &first);
        rows_fini(&rows);
    }
    for (i = 0; i < ARRAY_LEN(csv); i++) {
        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_msg(from_csv(&rows, csv[i], &err) == 0, "%s: %s", csv[i], err.detail);
        same(&rows, &first);
        rows_fini(&rows);
    }
    for (i = 0; i < ARRAY_LEN(query); i++) {
        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_msg(from_query(&rows, query[i], &err) == 0, "%s: %s", query[i], err.detail);
        same(&rows, &first);
        rows_fini(&rows);
    }
    rows_fini(&first);
}
END_TEST

START_TEST(missing_cells)
{
    struct err err = ERR_INIT;
    struct rows json, csv;

    rows_init(&json, amounts, &number_spec, false);
    rows_init(&csv, amounts, &number_spec, false);
    ck_assert_int_eq(from_json(&json, "[[null,\"red\"],[2,\"never seen\"]]", &err), 0);
    ck_assert_int_eq(from_csv(&csv, "a,kind\nNA,red\n2,never seen\n", &err), 0);
    same(&json, &csv);
    rows_fini(&json);
    rows_fini(&csv);
}
END_TEST

START_TEST(truth_of_labelled_rows)
{
    struct err err = ERR_INIT;
    struct rows rows;

    rows_init(&rows, kinds, &class_spec, true);
    ck_assert_int_eq(
        from_json(&rows, "[[1,\"red\",\"eel\"],{\"label\":\"cat\",\"a\":1,\"kind\":null}]", &err),
        0);
    ck_assert_uint_eq(rows.labels[0], 2);
    ck_assert_uint_eq(rows.labels[1], 0);
    rows_fini(&rows);
    rows_init(&rows, kinds, &class_spec, true);
    ck_assert_int_eq(
        from_json(&rows, "[[1,\"red\",\"fox\"],[1,\"red\",null],[1,\"red\"],[1,\"red\",3]]", &err),
        -1);
    ck_assert(told(&err, "/instances/0/label", "\"fox\" is no class"));
    ck_assert(told(&err, "/instances/1/label", "missing"));
    ck_assert(told(&err, "/instances/2", "3 values"));
    ck_assert(told(&err, "/instances/3/label", "\"3\" is no class"));
    err_fini(&err);
    rows_fini(&rows);

    rows_init(&rows, amounts, &number_spec, true);
    ck_assert_int_eq(from_csv(&rows, "y,a,kind\n25,1,red\n10,1,red\n", &err), 0);
    ck_assert_double_eq_tol(encoder_decode_target(amounts, 0, (double)rows.targets[0]), 25, 1e-5);
    ck_assert_double_eq_tol(encoder_decode_target(amounts, 0, (double)rows.targets[1]), 10, 1e-5);
    rows_fini(&rows);
    rows_init(&rows, amounts, &number_spec, true);
    ck_assert_int_eq(from_csv(&rows, "y,a,kind\n,1,red\nx,1,red\n1e300,1,red\n", &err), -1);
    ck_assert_uint_eq(err.n_items, 3);
    ck_assert(told(&err, "y", "missing") && told(&err, "y", "number") &&
              told(&err, "y", "too large"));
    err_fini(&err);
    rows_fini(&rows);

    /* one sigmoid output for two classes: the truth is 0 or 1 */
    rows_init(&rows, kinds, &sigmoid_spec, true);
    ck_assert_int_eq(from_json(&rows, "[[1,\"red\",\"dog\"],[1,\"red\",\"cat\"]]", &err), 0);
    ck_assert(rows.targets[0] == 1 && rows.targets[1] == 0);
    rows_fini(&rows);
}
END_TEST

/* What a table says of itself holds for the rows that are sent later: its words for no value, the
 * way its days are written. In the table, as JSON, as CSV and in a query a row is the same. */
START_TEST(words_and_formats_of_the_table)
{
    static const char *const rows_sent[][4] = {
        /* JSON, CSV, NDJSON, query; all are the first row: no n, no c, 13 February, no k */
        {"[[-999,\"unknown\",\"13/02/2026\",7]]", "n,c,day,k\n-999.0,unknown,13/02/2026,7\n",
         "{\"n\":-999,\"c\":\"unknown\",\"day\":\"13/02/2026\",\"k\":\"7\"}",
         "n=-999&c=unknown&day=13/02/2026&k=7"},
        {"[[null,null,\"2026-02-13\",\"7\"]]", "n,c,day,k\n,\"\",2026-02-13, 7 \n",
         "{\"n\":\"\",\"c\":null,\"day\":1770940800,\"k\":7}", "x=,unknown,13/2/2026,7"},
    };
    static const char *const cells[] = {"n", "c", "day", "k"};
    int (*const read[])(struct rows *, const char *, struct err *) = {from_json, from_csv,
                                                                      from_ndjson, from_query};
    static const uint64_t all[] = {0, 1, 2, 3};
    static const size_t features[] = {0, 1, 2, 3}, target = 4;
    struct encoder_options plan = {
        .n_features = 4, .features = features, .n_targets = 1, .targets = &target};
    struct csv_options options = CSV_OPTIONS_INIT;
    struct encoder *e = NULL, *back = NULL;
    struct err err = ERR_INIT;
    struct dataset *ds;
    float *want;
    size_t i, k;
    char *json;

    ck_assert_int_eq(csv_types_parse("day:datetime:%d/%m/%Y,k:categorical", &options, &err), 0);
    ck_assert_int_eq(missing_parse(&options.missing, "-999,unknown,7", &err), 0);
    options.missing.defaults = false; /* NA is Namibia */
    ds = table_with("n,c,day,k,y\n-999,unknown,13/02/2026,7,1\n2,NA,01/02/2026,8,2\n"
                    "3,DE,04/03/2025,9,3\n4,DE,05/06/2024,8,4\n",
                    &options);
    csv_options_fini(&options);
    ck_assert_msg(encoder_fit(ds, &plan, all, 4, &e, NULL, &err) == 0, "%s", err.detail);
    json = encoder_to_json(e);
    ck_assert_msg(encoder_from_json(json, strlen(json), &back, &err) == 0, "%s", json);
    want = xcalloc(2 * encoder_n_inputs(e), sizeof *want);
    ck_assert_int_eq(encoder_encode_rows(e, ds, all, 2, want, &err), 0);
    for (i = 0; i < ARRAY_LEN(rows_sent); i++) {
        for (k = 0; k < ARRAY_LEN(read); k++) {
            struct rows rows;

            rows_init(&rows, back, &number_spec, false);
            ck_assert_msg(read[k](&rows, rows_sent[i][k], &err) == 0, "%s: %s", rows_sent[i][k],
                          err.detail);
            ck_assert_uint_eq(rows.n, 1);
            ck_assert_msg(memcmp(rows.x, want, encoder_n_inputs(e) * sizeof *want) == 0, "%s",
                          rows_sent[i][k]);
            rows_fini(&rows);
        }
    }
    { /* and NA is a value */
        struct rows rows;

        rows_init(&rows, back, &number_spec, false);
        ck_assert_int_eq(from_csv(&rows, "n,c,day,k\n2,NA,1/2/2026,8\n", &err), 0);
        ck_assert_mem_eq(rows.x, want + encoder_n_inputs(e), encoder_n_inputs(e) * sizeof *want);
        rows_fini(&rows);
        rows_init(&rows, back, &number_spec, false);
        ck_assert_int_eq(from_csv(&rows, "n,c,day,k\n2,DE,30/02/2026,8\n", &err), -1);
        ck_assert(told(&err, cells[2], "a datetime written as %d/%m/%Y"));
        ck_assert(told(&err, cells[2], "30/02/2026"));
        err_fini(&err);
        rows_fini(&rows);
    }
    free(want);
    free(json);
    encoder_free(&e);
    encoder_free(&back);
    dataset_free(&ds);
}
END_TEST

/* Texts as they come from anywhere: the same rows, or words for what is wrong. */
START_TEST(csv_of_every_kind)
{
    static const char *const same_rows[] = {
        "a,kind\n1,red\n2,blue\n",
        "\r\n\na,kind\r1,red\r\n\r\n  \n2,blue\r",
        "\xEF\xBB\xBF a ; kind\n 1; red\t\n 2 ;\"blue\" \n",
        "a\tkind\n1\tred\n2\tblue",
        "y,a,kind\n9,1,red\n,2,blue\n", /* what is to be predicted may be there */
    };
    static const struct {
        const char *text;
        size_t len;
        const char *words;
        int64_t line;
    } bad[] = {
        {"\xff\xfe"
         "a\0,\0",
         6, "UTF-16", 0},
        {"a\0,\0k\0i\0n\0d\0\n\0", 14, "UTF-16", 0},
        {"a,kind\n1,red\n2,caf\xe9\n", 20, "line 3: invalid UTF-8", 3},
        {"a,kind\n1,r\0d\n", 13, "line 2: a NUL byte", 2},
        {"PAR1", 4, "Parquet", 0},
        {"<!DOCTYPE html><p>Not found", 27, "HTML", 0},
    };
    struct err err = ERR_INIT;
    struct rows first, rows;
    size_t i;

    rows_init(&first, amounts, &number_spec, false);
    ck_assert_int_eq(from_csv(&first, same_rows[0], &err), 0);
    ck_assert_uint_eq(first.n, 2);
    for (i = 1; i < ARRAY_LEN(same_rows); i++) {
        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_msg(from_csv(&rows, same_rows[i], &err) == 0, "%s: %s", same_rows[i],
                      err.detail);
        same(&rows, &first);
        rows_fini(&rows);
    }
    rows_fini(&first);
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        char *copy = xcalloc(1, bad[i].len + 1);

        memcpy(copy, bad[i].text, bad[i].len);
        rows_init(&rows, amounts, &number_spec, false);
        ck_assert_int_eq(rows_read_csv(&rows, copy, bad[i].len, &err), -1);
        ck_assert_msg(strstr(err.detail, bad[i].words) != NULL, "%s", err.detail);
        ck_assert_int_eq(err.items[0].line, bad[i].line);
        err_fini(&err);
        rows_fini(&rows);
        free(copy);
    }
}
END_TEST

START_TEST(limits)
{
    struct err err = ERR_INIT;
    struct rows rows;

    ck_assert_uint_eq(rows_limit(4), ROWS_MOST);
    ck_assert_uint_eq(rows_limit(784), ROWS_MOST_BYTES / 784 / 4);
    ck_assert_uint_eq(rows_limit(1000000), 16);
    ck_assert_uint_eq(rows_limit((size_t)1 << 40), 1);
    rows_init(&rows, amounts, &number_spec, false);
    rows.limit = 2;
    ck_assert_int_eq(from_csv(&rows, "a,kind\n1,red\n2,red\n", &err), 0);
    rows.n = 0;
    ck_assert_int_eq(from_csv(&rows, "a,kind\n1,red\n2,red\n3,red\n", &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.detail, "at most 2 rows"));
    err_fini(&err);
    rows.n = 0;
    ck_assert_int_eq(from_json(&rows, "[[1,\"red\"],[1,\"red\"],[1,\"red\"]]", &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    err_fini(&err);
    rows_fini(&rows);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_rows");
    TCase *tc = tcase_create("rows");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, three_ways_in);
    tcase_add_test(tc, missing_cells);
    tcase_add_test(tc, truth_of_labelled_rows);
    tcase_add_test(tc, words_and_formats_of_the_table);
    tcase_add_test(tc, csv_of_every_kind);
    tcase_add_test(tc, limits);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
