/* The encoder on many rows and columns, and its stored form. */
#include "encoder_help.h"

#include <time.h>

/* ---- many rows and columns --------------------------------------------------- */

/* The definition, cell by cell, for a table whose numeric columns are c0, c1, ...; column 5 is
 * constant and column 7 is text. */
START_TEST(blocks_equal_the_definition)
{
    enum { ROWS = 20000, COLUMNS = 41 };
    char(*names)[8] = xcalloc(COLUMNS, sizeof *names);
    const char *pointers[COLUMNS];
    enum column_type types[COLUMNS];
    size_t features[COLUMNS - 1], target = COLUMNS - 1, i, k, n = 0, at, wrong = 0, width;
    uint64_t *rows = xcalloc(ROWS, sizeof *rows);
    struct encoder_options options = {
        .n_features = COLUMNS - 1, .features = features, .n_targets = 1, .targets = &target};
    struct dataset_summary summary;
    struct dataset_writer *w;
    struct err err = ERR_INIT;
    struct dataset *ds;
    struct encoder *e;
    float *x, *one;

    for (k = 0; k < COLUMNS; k++) {
        (void)snprintf(names[k], sizeof names[k], "c%zu", k);
        pointers[k] = names[k];
        types[k] = k == 7 ? COLUMN_CATEGORICAL : COLUMN_NUMERIC;
        if (k < COLUMNS - 1) {
            features[k] = k;
        }
    }
    ck_assert_int_eq(dataset_writer_new(folder, COLUMNS, pointers, types, &w, &err), 0);
    for (i = 0; i < ROWS; i++) {
        for (k = 0; k < COLUMNS; k++) {
            double value = k == 5 ? 3.0 : (double)((i * (k + 3)) % 977) / (double)(k + 1);
            char text[8] = {(char)('a' + i % 3), '\0'};

            wrong += (k == 7 ? dataset_writer_text(w, i % 50 == 0 ? NULL : text, 1, &err)
                             : dataset_writer_number(w, (i + k) % 97 == 0 && k < 40 ? NAN : value,
                                                     &err)) != 0;
        }
        if (i % 7 != 0 && (i < 9000 || i > 15000)) {
            rows[n++] = i;
        }
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    ds = dataset_of(&summary);
    e = fit(ds, &options, rows, n, NULL);
    width = encoder_n_inputs(e);
    ck_assert_uint_eq(width, 40 - 1 - 1 + 4);
    x = xcalloc(n * width, sizeof *x);
    one = xcalloc(width, sizeof *one);
    encode(e, ds, rows, n, x);
    for (k = 0; k < 40; k++) { /* two passes over the column, written down plainly */
        double *column = xcalloc(ROWS, sizeof *column), sum = 0.0, square = 0.0, mean, std, m, sd,
               low, high;
        size_t present = 0;

        if (k == 5 || k == 7) {
            free(column);
            continue;
        }
        ck_assert_int_eq(dataset_read_numbers(ds, k, 0, ROWS, column, &err), 0);
        for (i = 0; i < n; i++) {
            if (!isnan(column[rows[i]])) {
                sum += column[rows[i]];
                present++;
            }
        }
        mean = sum / (double)present;
        for (i = 0; i < n; i++) {
            if (!isnan(column[rows[i]])) {
                square += (column[rows[i]] - mean) * (column[rows[i]] - mean);
            }
        }
        std = sqrt(square / (double)present);
        encoder_feature_stats(e, k, &m, &sd, &low, &high);
        ck_assert_double_eq_tol(m / mean, 1.0, 1e-13);
        ck_assert_double_eq_tol(sd / std, 1.0, 1e-13);
        at = k < 5 ? k : k < 7 ? k - 1 : k - 2 + 4;
        for (i = 0; i < n; i++) {
            double v = column[rows[i]];

            wrong += x[i * width + at] != (isnan(v) ? 0.0f : (float)((v - m) / sd));
        }
        free(column);
    }
    ck_assert_uint_eq(wrong, 0);
    for (i = 0; i < n; i += 333) { /* a row alone, and sent by a client, is the row among all */
        struct encoder_cell cells[COLUMNS - 1];

        ck_assert_int_eq(encoder_encode_rows(e, ds, &rows[i], 1, one, &err), 0);
        wrong += !same_bits(one, x + i * width, width * sizeof *one);
        for (k = 0; k < COLUMNS - 1; k++) {
            cells[k] = (struct encoder_cell){
                .text = k == 7 ? text_at(ds, names[k], rows[i]) : NULL,
                .number = k == 7 ? 0.0 : number_at(ds, names[k], rows[i])};
            cells[k].missing = k == 7 ? cells[k].text == NULL : (bool)isnan(cells[k].number);
        }
        memset(one, 0x5a, width * sizeof *one);
        ck_assert_int_eq(encoder_encode_cells(e, cells, "", one, &err), 0);
        wrong += !same_bits(one, x + i * width, width * sizeof *one);
    }
    for (i = 0; i < n; i++) {
        const float *hot = x + i * width + 6;
        size_t level = rows[i] % 50 == 0 ? 3 : rows[i] % 3;

        for (k = 0; k < 4; k++) {
            wrong += hot[k] != (k == level ? 1.0f : 0.0f);
        }
    }
    ck_assert_uint_eq(wrong, 0);
    free(x);
    free(one);
    free(rows);
    free(names);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(wide_and_fast)
{
    enum { COLUMNS = 784 };
    const size_t n_rows = SLOW ? 2000 : 60000;
    char(*names)[8] = xcalloc(COLUMNS, sizeof *names);
    const char **pointers = xcalloc(COLUMNS, sizeof *pointers);
    enum column_type *types = xcalloc(COLUMNS, sizeof *types);
    size_t *features = xcalloc(COLUMNS, sizeof *features), i, k, wrong = 0;
    uint64_t *rows = xcalloc(n_rows, sizeof *rows);
    struct encoder_options options = {.n_features = COLUMNS - 1,
                                      .features = features,
                                      .n_targets = 1,
                                      .targets = (const size_t[]){COLUMNS - 1}};
    struct dataset_summary summary;
    struct dataset_writer *w;
    struct err err = ERR_INIT;
    struct dataset *ds;
    struct encoder *e;
    double took, best = 1e9;
    clock_t begun;
    float *x;

    for (k = 0; k < COLUMNS; k++) {
        (void)snprintf(names[k], sizeof names[k], "p%zu", k);
        pointers[k] = names[k];
        features[k] = k;
    }
    ck_assert_int_eq(dataset_writer_new(folder, COLUMNS, pointers, types, &w, &err), 0);
    for (i = 0; i < n_rows; i++) {
        rows[i] = i;
        for (k = 0; k < COLUMNS; k++) {
            wrong += dataset_writer_number(w, (double)((i * 31 + k * 17) % 256), &err) != 0;
        }
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    /* A byte a pixel, and less than 2 % beside it. */
    ck_assert_uint_lt(summary.bytes, (SLOW ? 125 : 102) * n_rows * COLUMNS / 100);
    ds = dataset_of(&summary);
    e = fit(ds, &options, rows, n_rows, NULL);
    x = mem_try_alloc(n_rows * (COLUMNS - 1), sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (i = 0; i < 2; i++) {
        begun = clock();
        ck_assert_int_eq(encoder_encode_rows(e, ds, rows, n_rows, x, &err), 0);
        took = (double)(clock() - begun) / CLOCKS_PER_SEC; /* this process's own time */
        best = took < best ? took : best;
    }
    ck_assert_msg(SLOW || best < 1.0, "took %.2f s", best); /* 0.15 s on an idle core */
    free(x);
    free(names);
    free(pointers);
    free(types);
    free(features);
    free(rows);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

/* ---- stored form ------------------------------------------------------------- */

static void round_trip(const struct dataset *ds, const struct encoder *e, size_t n, bool classes)
{
    char *json = encoder_to_json(e), *again;
    size_t width = encoder_n_inputs(e), outputs = encoder_n_targets(e), i;
    float *a = xcalloc(n * width + n * outputs, sizeof *a),
          *b = xcalloc(n * width + n * outputs, sizeof *b);
    struct encoder *back = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(encoder_from_json(json, strlen(json), &back, &err) == 0, "%s", json);
    again = encoder_to_json(back);
    ck_assert_str_eq(json, again);
    ck_assert_uint_eq(encoder_n_inputs(back), width);
    ck_assert_uint_eq(encoder_n_classes(back), encoder_n_classes(e));
    ck_assert_int_eq(encoder_is_classes(back), classes);
    encode(e, ds, all_rows, n, a);
    encode(back, ds, all_rows, n, b);
    if (!classes) {
        ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, n, a + n * width, &err), 0);
        ck_assert_int_eq(encoder_encode_targets(back, ds, all_rows, n, b + n * width, &err), 0);
    }
    ck_assert(same_bits(a, b, (n * width + n * outputs) * sizeof *a));
    for (i = 0; i < encoder_n_features(e); i++) {
        double was[4], is[4];

        encoder_feature_stats(e, i, &was[0], &was[1], &was[2], &was[3]);
        encoder_feature_stats(back, i, &is[0], &is[1], &is[2], &is[3]);
        ck_assert(same_bits(was, is, sizeof was));
    }
    for (i = 0; i < outputs; i++) {
        double was = encoder_decode_target(e, i, 1.0 / 3.0);
        double is = encoder_decode_target(back, i, 1.0 / 3.0);

        ck_assert(same_bits(&was, &is, sizeof was));
    }
    for (i = 0; i < encoder_n_classes(e); i++) {
        ck_assert_str_eq(encoder_class_name(e, i), encoder_class_name(back, i));
        ck_assert_int_eq(encoder_class_find(back, encoder_class_name(e, i)), (ptrdiff_t)i);
    }
    encoder_free(&back);
    free(json);
    free(again);
    free(a);
    free(b);
}

static const char json_text[] =
    "n,w,c,k,e,y,z,t\n0.1,1e-7,\"caf\xc3\xa9 \"\"\",1,,1,0.1,u\n0.7,3e5,x,1,,2,-7,v\n"
    "0.30000000000000004,12,,1,,1,3e-5,u\n-1e-3,5,x,1,,2,1,v\n";

START_TEST(json_round_trip)
{
    struct dataset *ds = table(json_text);
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    static const char *const targets[] = {"t", "y", "y+z", "z"};
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(targets); i++) {
        for (k = 0; k < 2; k++) {
            struct encoder *e;

            s.options.plan.numeric = k == 0 ? ENCODER_STANDARDIZE : ENCODER_NONE;
            s.options.target = k == 0 ? ENCODER_STANDARDIZE : ENCODER_NONE;
            e = fit(ds, choose(&s, ds, "n+w+c+k+e", targets[i], i < 2), all_rows, 4, NULL);
            round_trip(ds, e, 4, i < 2);
            encoder_free(&e);
        }
    }
    dataset_free(&ds);
}
END_TEST

/* Replace the first `from` by `to` in the JSON: it must be refused. */
static void json_refused(const char *json, const char *from, const char *to)
{
    const char *at = strstr(json, from);
    struct encoder *e = NULL;
    struct err err = ERR_INIT;
    char *bad;

    ck_assert_msg(at != NULL, "no %s in %s", from, json);
    bad = xasprintf("%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
    ck_assert_msg(encoder_from_json(bad, strlen(bad), &e, &err) == -1, "taken: %s", bad);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    ck_assert_ptr_null(e);
    free(bad);
}

START_TEST(json_is_not_believed)
{
    struct dataset *ds = table(json_text);
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct encoder *e = fit(ds, choose(&s, ds, "n+c+k", "y", true), all_rows, 4, NULL), *back;
    char *json = encoder_to_json(e);
    struct err err = ERR_INIT;
    size_t i;

    json_refused(json, "\"version\":2", "\"version\":3");
    json_refused(json, "\"version\":2", "\"version\":1");
    json_refused(json, "\"version\":2", "\"version\":2,\"more\":1");
    json_refused(json, "\"standardize\"", "\"something\"");
    json_refused(json, "\"numeric\":\"standardize\"", "\"numeric\":7");
    json_refused(json, "\"constant\":null", "\"constant\":\"1\"");
    json_refused(json, "\"missing\":\"mean\"", "\"missing\":\"constant\"");
    json_refused(json, "\"form\":\"linear\"", "\"form\":\"normal\"");
    json_refused(json, "\"edges\":[]", "\"edges\":[1.0,1.0]");
    json_refused(json, "\"edges\":[],\"bin_means\":[]", "\"edges\":[0.0,1.0],\"bin_means\":[5.0]");
    json_refused(json, "\"quantiles\":[]", "\"quantiles\":[1.0]");
    json_refused(json, "\"spread\":", "\"spread\":-");
    json_refused(json, "\"name\":\"n\"", "\"name\":\"\"");
    json_refused(json, "\"used\":true", "\"used\":1");
    json_refused(json, "\"std\":", "\"std\":0,\"x\":");
    json_refused(json, "\"std\":", "\"std\":-");
    json_refused(json, "\"mean\":", "\"mean\":null,\"x\":");
    json_refused(json, "\"missing_level\":true,", "");
    json_refused(json, "\"x\"]", "\"a\"]"); /* not sorted */
    json_refused(json, "[1.0,2.0]", "[2.0,1.0]");
    json_refused(json, "[1.0,2.0]", "[1.0]");
    json_refused(json, "[\"1\",\"2\"]", "[\"1\"]");
    json_refused(json, "[\"1\",\"2\"]", "[\"1\",2]");
    json_refused(json, "\"scale\":1.0", "\"scale\":0.0");
    json_refused(json, "\"numeric\",\"used\"", "\"numbers\",\"used\"");
    for (i = 0; i < strlen(json); i++) { /* cut off anywhere */
        ck_assert_int_eq(encoder_from_json(json, i, &back, &err), -1);
    }
    ck_assert_int_eq(encoder_from_json("[]", 2, &back, &err), -1);
    ck_assert_int_eq(encoder_from_json("{\"features\":[]}", 15, &back, &err), -1);
    encoder_free(&e);
    free(json);
    dataset_free(&ds);
}
END_TEST

/* Words for no value and a datetime's format: damaged ones are refused, too. */
START_TEST(json_of_words_is_not_believed)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err err = ERR_INIT;
    struct encoder *e;
    struct dataset *ds;
    char *json;

    ck_assert_int_eq(csv_types_parse("d:datetime:%d.%m.%Y", &options, &err), 0);
    ck_assert_int_eq(missing_parse(&options.missing, "-1,none", &err), 0);
    ds = table_with("d,n,y\n1.2.2026,1,1\n2.3.2025,2,2\nnone,-1,3\n4.5.2024,4,4\n", &options);
    csv_options_fini(&options);
    e = fit(ds, choose(&s, ds, "d+n", "y", false), all_rows, 4, NULL);
    round_trip(ds, e, 4, false);
    json = encoder_to_json(e);
    json_refused(json, "\"defaults\":true", "\"defaults\":1");
    json_refused(json, "\"defaults\":true,", "");
    json_refused(json, "[\"-1\",\"none\"]", "[\"-1\",\"-1\"]");
    json_refused(json, "[\"-1\",\"none\"]", "[\"-1\",\"\"]");
    json_refused(json, "[\"-1\",\"none\"]", "[\"-1\",7]");
    json_refused(json, "[\"-1\",\"none\"]", "\"none\"");
    json_refused(json, "%d.%m.%Y", "%d.%m");
    json_refused(json, "\"%d.%m.%Y\"", "null");
    json_refused(json, "\"%d.%m.%Y\"", "\"%Y\\u0000\"");
    free(json);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoder_rows");
    TCase *rows = tcase_create("rows"), *stored = tcase_create("stored");

    tcase_add_checked_fixture(rows, folder_make, folder_remove);
    tcase_set_timeout(rows, 120);
    tcase_add_test(rows, blocks_equal_the_definition);
    tcase_add_test(rows, wide_and_fast);
    suite_add_tcase(suite, rows);
    tcase_add_checked_fixture(stored, folder_make, folder_remove);
    tcase_set_timeout(stored, 60);
    tcase_add_test(stored, json_round_trip);
    tcase_add_test(stored, json_is_not_believed);
    tcase_add_test(stored, json_of_words_is_not_believed);
    suite_add_tcase(suite, stored);
    return run_suite(suite);
}
