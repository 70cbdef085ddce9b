/* The encoder on small tables: fitted on the training rows only, and what it refuses. */
#include "base/buf.h"
#include "encoder_help.h"

static void fit_refused(const struct dataset *ds, const struct encoder_options *options, size_t n,
                        int64_t row, const char *column, const char *detail)
{
    struct encoder *e = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(encoder_fit(ds, options, all_rows, n, &e, NULL, &err), -1);
    ck_assert_ptr_null(e);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_str_eq(err.items[0].detail, detail);
    ck_assert_int_eq(err.items[0].row, row);
    ck_assert_pstr_eq(err.items[0].column, column);
    err_fini(&err);
}

/* In rows 0..3: n has mean 5, std sqrt(5); c has blue, red; the rest is for "not fitted". */
static const char mixed_text[] = "n,c,k,y\n2,red,1,10\n4,blue,1,20\n6,red,1,30\n8,blue,1,40\n"
                                 "1000,green,2,1000\n,,3,\n";

START_TEST(fits_training_rows_only)
{
    struct dataset *ds = table(mixed_text);
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err warnings = ERR_INIT, err = ERR_INIT;
    struct encoder *e = fit(ds, choose(&s, ds, "n+c+k", "y", false), all_rows, 4, &warnings);
    double mean, std, min, max;
    const char *const *texts;
    float x[6 * 3], y[5];
    float z = (float)(3.0 / sqrt(5.0)), z1 = (float)(1.0 / sqrt(5.0));
    const float want[] = {-z, 0, 1, -z1, 1, 0, z1, 0, 1, z, 1, 0, (float)(995.0 / sqrt(5.0)),
                          0,  0, 0, 0,   0};

    ck_assert_uint_eq(encoder_n_inputs(e), 3); /* k is constant in these rows */
    ck_assert_uint_eq(encoder_n_features(e), 3);
    ck_assert_str_eq(encoder_feature_names(e)[2], "k");
    ck_assert_uint_eq(warnings.n_items, 1);
    ck_assert_str_eq(warnings.items[0].detail,
                     "column \"k\" is constant in the training rows and is left out");
    ck_assert_ptr_null(warnings.items[0].pointer);
    encoder_feature_stats(e, 0, &mean, &std, &min, &max);
    ck_assert_double_eq(mean, 5.0);
    ck_assert_double_eq_tol(std, sqrt(5.0), 1e-15);
    ck_assert_double_eq(min, 2.0);
    ck_assert_double_eq(max, 8.0);
    ck_assert_uint_eq(encoder_feature_categories(e, 1, &texts), 2);
    ck_assert_str_eq(texts[0], "blue");
    ck_assert_str_eq(texts[1], "red");
    ck_assert_uint_eq(encoder_feature_categories(e, 0, &texts), 0);
    ck_assert_int_eq(encoder_feature_type(e, 1), COLUMN_CATEGORICAL);
    /* Row 4 holds an unseen text (zeros), row 5 misses both (the mean; no such level: zeros). */
    encode(e, ds, all_rows, 6, x);
    expect(x, want, ARRAY_LEN(want));
    ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, 5, y, &err), 0);
    ck_assert(!encoder_is_classes(e));
    ck_assert_float_eq_tol(y[0], -15.0 / sqrt(125.0), 1e-6);
    ck_assert_double_eq(encoder_decode_target(e, 0, 0.0), 25.0);
    ck_assert_double_eq_tol(encoder_target_scale(e, 0), sqrt(125.0), 1e-12);
    ck_assert_double_eq_tol(encoder_decode_target(e, 0, y[4]), 1000.0, 1e-4);
    ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, 6, (float[6]){0}, &err), -1);
    ck_assert_int_eq(err.items[0].row, 6);
    ck_assert_str_eq(err.items[0].detail, "row 6: the target \"y\" has no value");
    err_fini(&err);
    encoder_free(&e);

    /* With row 4 in, everything moves. */
    e = fit(ds, &s.options, all_rows, 5, NULL);
    encoder_feature_stats(e, 0, &mean, &std, &min, &max);
    ck_assert_double_eq(mean, 204.0);
    ck_assert_uint_eq(encoder_n_inputs(e), 5);
    encoder_free(&e);
    ck_assert_ptr_null(e);
    dataset_free(&ds);
    err_fini(&warnings);
}
END_TEST

START_TEST(missing_is_a_level)
{
    struct dataset *ds = table("n,c,y\n1,x,1\n3,?,2\n,y,3\n5,,4\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_NONE}}};
    struct encoder *e = fit(ds, choose(&s, ds, "n+c", "y", false), all_rows, 4, NULL);
    float x[16];
    const float want[] = {1, 1, 0, 0, 3, 0, 0, 1, 3, 0, 1, 0, 5, 0, 0, 1};
    struct encoder_cell cells[2] = {{.missing = true}, {.missing = true}};
    struct err err = ERR_INIT;

    ck_assert_uint_eq(encoder_n_inputs(e), 4);
    encode(e, ds, all_rows, 4, x);
    expect(x, want, ARRAY_LEN(want));
    ck_assert_int_eq(encoder_encode_cells(e, cells, "", x, &err), 0);
    expect(x, (const float[]){3, 0, 0, 1}, 4);
    encoder_free(&e);

    s.options.plan.missing = ENCODER_ERROR;
    ck_assert_int_eq(encoder_fit(ds, &s.options, all_rows, 4, &e, NULL, &err), -1);
    ck_assert_uint_eq(err.n_items, 2);
    ck_assert_str_eq(err.items[0].detail, "row 3: column \"n\" has no value");
    ck_assert_int_eq(err.items[1].row, 2);
    ck_assert_str_eq(err.items[1].column, "c");
    err_fini(&err);
    e = fit(ds, &s.options, all_rows, 1, NULL); /* c is constant in one row: left out */
    ck_assert_int_eq(encoder_encode_rows(e, ds, all_rows, 4, x, &err), -1);
    ck_assert_int_eq(err.items[0].row, 3);
    ck_assert_str_eq(err.items[0].column, "n");
    err_fini(&err);
    ck_assert_int_eq(encoder_encode_cells(e, cells, "/instances/3", x, &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, "/instances/3/n");
    err_fini(&err);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(constant_columns)
{
    struct dataset *ds = table(
        "a,b,c,d,e,y\n1,0.1,,x,1e-200,1\n1,0.10000000000000002,,x,3e-200,2\n1,0.1,,x,1e-200,3\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err warnings = ERR_INIT;
    struct encoder *e = fit(ds, choose(&s, ds, "a+b+c+d+e", "y", false), all_rows, 3, &warnings);
    float x[9];

    /* a is constant, b is but for rounding, c has no value, d one text; e is only small. */
    ck_assert_uint_eq(encoder_n_inputs(e), 1);
    ck_assert_uint_eq(warnings.n_items, 2);
    ck_assert_str_eq(
        warnings.items[0].detail,
        "columns \"a\", \"b\", \"d\" are constant in the training rows and are left out");
    ck_assert_str_eq(warnings.items[1].detail,
                     "column \"c\" has no value in the training rows and is left out");
    encode(e, ds, all_rows, 3, x);
    ck_assert_float_eq_tol(x[1], sqrt(2.0), 1e-6);
    encoder_free(&e);
    err_fini(&warnings);
    s.options.plan.numeric = ENCODER_NONE; /* numbers as they are, constant or not */
    e = fit(ds, choose(&s, ds, "a+b+c+d", "y", false), all_rows, 3, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 2);
    encode(e, ds, all_rows, 3, x);
    expect(x, (const float[]){1, 0.1f, 1, 0.1f, 1, 0.1f}, 6);
    encoder_free(&e);
    s.options.plan.numeric = ENCODER_STANDARDIZE;
    fit_refused(ds, choose(&s, ds, "a+b+c+d", "y", false), 3, 0, NULL,
                "every column is constant or empty in the training rows: there is nothing to learn "
                "from");
    fit_refused(ds, choose(&s, ds, "", "y", false), 3, 0, NULL, "there is no column to learn from");
    dataset_free(&ds);
}
END_TEST

START_TEST(constant_target)
{
    struct dataset *ds = table("a,y\n1,7\n2,7\n3,7\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err warnings = ERR_INIT, err = ERR_INIT;
    struct encoder *e = fit(ds, choose(&s, ds, "a", "y", false), all_rows, 3, &warnings);
    float y[3];

    ck_assert_uint_eq(warnings.n_items, 1);
    ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, 3, y, &err), 0);
    expect(y, (const float[]){0, 0, 0}, 3);
    ck_assert_double_eq(encoder_decode_target(e, 0, 0.5), 7.5);
    encoder_free(&e);
    err_fini(&warnings);
    dataset_free(&ds);
}
END_TEST

START_TEST(several_targets)
{
    struct dataset *ds = table("a,y,z\n1,10,-1\n2,20,-2\n3,30,-3\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}, .target = ENCODER_NONE}};
    struct encoder *e = fit(ds, choose(&s, ds, "a", "y+z", false), all_rows, 3, NULL);
    struct err err = ERR_INIT;
    float y[6];

    ck_assert_uint_eq(encoder_n_targets(e), 2);
    ck_assert_str_eq(encoder_target_name(e, 1), "z");
    ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, 3, y, &err), 0);
    expect(y, (const float[]){10, -1, 20, -2, 30, -3}, 6);
    ck_assert_double_eq(encoder_target_scale(e, 0), 1.0);
    ck_assert_double_eq(encoder_decode_target(e, 1, -2.0), -2.0);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(classes_of_texts)
{
    struct dataset *ds = table("a,y\n1,b\n2,a\n3,c\n4,a\n5,\n");
    struct dataset *other = table("y,a\nc,1\nzebra,2\n,3\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct encoder *e = fit(ds, choose(&s, ds, "a", "y", true), all_rows, 4, NULL);
    struct err err = ERR_INIT;
    uint32_t labels[4];

    ck_assert(encoder_is_classes(e));
    ck_assert_uint_eq(encoder_n_classes(e), 3);
    ck_assert_str_eq(encoder_class_name(e, 0), "a");
    ck_assert_str_eq(encoder_class_name(e, 2), "c");
    ck_assert_int_eq(encoder_encode_labels(e, ds, all_rows, 4, labels, &err), 0);
    ck_assert(same_bits(labels, (const uint32_t[]){1, 0, 2, 0}, sizeof labels));
    ck_assert_int_eq(encoder_class_find(e, "c"), 2);
    ck_assert_int_eq(encoder_class_find(e, "d"), -1);
    ck_assert_int_eq(encoder_encode_labels(e, other, all_rows, 3, labels, &err), -1);
    ck_assert_uint_eq(err.n_items, 2);
    ck_assert_str_eq(err.items[0].detail,
                     "row 2: \"zebra\" is not one of the 3 classes of the target \"y\"");
    ck_assert_str_eq(err.items[1].detail, "row 3: the target \"y\" has no value");
    err_fini(&err);
    encoder_free(&e);
    fit_refused(ds, &s.options, 5, 5, "y", "row 5: the target \"y\" has no value");
    fit_refused(ds, &s.options, 1, 0, "y",
                "the target \"y\" has only one class in the training rows, \"b\"");
    fit_refused(ds, choose(&s, ds, "a", "y", false), 4, 0, "y",
                "the target \"y\" is text, and numbers are asked for");
    dataset_free(&ds);
    dataset_free(&other);
}
END_TEST

START_TEST(classes_of_numbers)
{
    struct dataset *ds = table("a,y\n1,10\n2,9\n3,-1.5\n4,9.0\n5,-0\n");
    struct csv_options text = CSV_OPTIONS_INIT;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct encoder *e = fit(ds, choose(&s, ds, "a", "y", true), all_rows, 5, NULL);
    struct err err = ERR_INIT;
    struct dataset *other;
    uint32_t labels[5];

    ck_assert_uint_eq(encoder_n_classes(e), 4);
    ck_assert_str_eq(encoder_class_name(e, 0), "-1.5");
    ck_assert_str_eq(encoder_class_name(e, 1), "0");
    ck_assert_str_eq(encoder_class_name(e, 2), "9"); /* before 10: by value */
    ck_assert_str_eq(encoder_class_name(e, 3), "10");
    ck_assert_int_eq(encoder_encode_labels(e, ds, all_rows, 5, labels, &err), 0);
    ck_assert(same_bits(labels, (const uint32_t[]){3, 2, 0, 2, 1}, sizeof labels));
    ck_assert_int_eq(encoder_class_find(e, "9.0"), 2);
    ck_assert_int_eq(encoder_class_find(e, "1e1"), 3);
    ck_assert_int_eq(encoder_class_find(e, "nine"), -1);
    /* The same labels as text in another table are the same classes. */
    ck_assert_int_eq(csv_types_parse("y:categorical", &text, &err), 0);
    other = table_with("a,y\n1,10.0\n2,9\n", &text);
    csv_options_fini(&text);
    ck_assert_int_eq(encoder_check_dataset(e, other, true, &err), 0);
    ck_assert_int_eq(encoder_encode_labels(e, other, all_rows, 2, labels, &err), 0);
    ck_assert(same_bits(labels, (const uint32_t[]){3, 2}, 2 * sizeof *labels));
    encoder_free(&e);
    dataset_free(&ds);
    dataset_free(&other);
}
END_TEST

START_TEST(too_many_classes)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    uint64_t *rows = xcalloc(10001, sizeof *rows);
    struct encoder *e = NULL;
    struct err err = ERR_INIT;
    size_t i, n_inputs, n_outputs;

    buf_puts(&text, "a,t,n\n");
    for (i = 0; i < 10001; i++) {
        rows[i] = i;
        buf_printf(&text, "%zu,t%zu,%zu\n", i, i, i);
    }
    ds = table(text.data);
    choose(&s, ds, "a", "t", true);
    ck_assert_int_eq(encoder_fit(ds, &s.options, rows, 10001, &e, NULL, &err), -1);
    ck_assert_str_eq(err.detail, "the target \"t\" has 10001 classes, the limit is 10000");
    err_fini(&err);
    ck_assert_int_eq(encoder_estimate(ds, &s.options, 4, &n_inputs, &n_outputs, &err), -1);
    ck_assert_str_eq(err.detail, "the target \"t\" has 10001 classes, the limit is 10000; is it an "
                                 "identifier?");
    err_fini(&err);
    e = fit(ds, &s.options, rows, 10000, NULL);
    ck_assert_uint_eq(encoder_n_classes(e), 10000);
    encoder_free(&e);
    choose(&s, ds, "a", "n", true);
    ck_assert_int_eq(encoder_fit(ds, &s.options, rows, 10001, &e, NULL, &err), -1);
    ck_assert_str_eq(err.detail, "the target \"n\" has at least 10001 classes, the limit is 10000");
    err_fini(&err);
    e = fit(ds, &s.options, rows, 10000, NULL);
    ck_assert_uint_eq(encoder_n_classes(e), 10000);
    ck_assert_str_eq(encoder_class_name(e, 9999), "9999");
    encoder_free(&e);
    buf_fini(&text);
    free(rows);
    dataset_free(&ds);
}
END_TEST

/* Texts that a person reads as something else; of identifiers only those that are used. */
START_TEST(remarks_are_warnings)
{
    static const char *const expected[] = {
        "column \"price\" looks like numbers, written as \"$1\": write digits and a decimal point "
        "only",
        "column \"id\" looks like an identifier: 20 distinct of 20 rows: leave it out unless it "
        "means "
        "something for new rows",
        "target \"when\" looks like dates: declare it with types=...:datetime:%d/%m/%Y"};
    struct buf text = BUF_INIT;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err warnings = ERR_INIT;
    struct encoder *e;
    struct dataset *ds;
    size_t i;

    buf_puts(&text, "a,price,id,other,when\n");
    for (i = 0; i < 20; i++) {
        buf_printf(&text, "%zu.5,$%zu,%zu,%zu,%zu/02/2026\n", i * i % 7, 1 + i % 4, i, i,
                   13 + i % 2);
    }
    ds = table(text.data);
    e = fit(ds, choose(&s, ds, "a+price+id", "when", true), all_rows, 20, &warnings);
    ck_assert_uint_eq(warnings.n_items, ARRAY_LEN(expected));
    for (i = 0; i < ARRAY_LEN(expected); i++) {
        ck_assert_str_eq(warnings.items[i].detail, expected[i]);
    }
    err_fini(&warnings);
    encoder_free(&e);
    e = fit(ds, choose(&s, ds, "a", "when", true), all_rows, 20, NULL);
    encoder_free(&e);
    dataset_free(&ds);
    buf_fini(&text);
}
END_TEST

START_TEST(estimate_is_a_bound)
{
    struct dataset *ds = table(mixed_text);
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err err = ERR_INIT;
    size_t n_inputs = 0, n_outputs = 0;

    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n+c+k", "y", false), 6, &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_inputs, 1 + (3 + 1) + 1);
    ck_assert_uint_eq(n_outputs, 1);
    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n", "c", true), 6, &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_outputs, 3);
    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n", "y", true), 6, &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_outputs, 5);
    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n", "c", false), 6, &n_inputs, &n_outputs, &err), -1);
    ck_assert_str_eq(err.items[0].column, "c");
    err_fini(&err);
    dataset_free(&ds);
}
END_TEST

START_TEST(numbers_beyond_float)
{
    struct dataset *ds = table("a,b,y\n1,1,1\n2,2,2\n1e300,3,3\n4,1,4\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_NONE}, .target = ENCODER_NONE}};
    struct encoder *e = fit(ds, choose(&s, ds, "a+b", "y", false), all_rows, 2, NULL);
    struct err err = ERR_INIT;
    struct encoder_cell cells[2] = {{.number = 1e39}, {.number = 1}};
    float x[8];

    ck_assert_int_eq(encoder_encode_rows(e, ds, all_rows, 4, x, &err), -1);
    ck_assert_str_eq(err.items[0].detail,
                     "row 3: the number 1e+300 in column \"a\" is too large to train on");
    ck_assert_int_eq(err.items[0].row, 3);
    err_fini(&err);
    ck_assert_int_eq(encoder_encode_cells(e, cells, "/instances/0", x, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/instances/0/a");
    err_fini(&err);
    encoder_free(&e);
    s.options.plan.numeric = ENCODER_STANDARDIZE; /* standardised, it fits */
    e = fit(ds, &s.options, all_rows, 4, NULL);
    encode(e, ds, all_rows, 4, x);
    ck_assert_float_eq_tol(x[4], sqrt(3.0), 1e-6);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(cells_equal_rows)
{
    struct dataset *ds;
    struct csv_options text = CSV_OPTIONS_INIT;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct err err = ERR_INIT;
    struct encoder *e;
    float rows[12];
    struct encoder_cell cells[3] = {{.number = 2.5}, {.number = 3.0}, {.text = "x"}};

    ck_assert_int_eq(csv_types_parse("c:categorical", &text, &err), 0);
    ds = table_with("n/1,c,k,y\n2.5,3,x,1\n4.25,4.0,y,2\n-6,3,x,3\n", &text);
    csv_options_fini(&text);
    e = fit(ds, choose(&s, ds, "n/1+c+k", "y", false), all_rows, 3, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 5);
    {
        float x[15];

        encode(e, ds, all_rows, 3, x);
        ck_assert_int_eq(encoder_encode_cells(e, cells, "", x + 10, &err), 0);
        ck_assert(same_bits(x, x + 10, 5 * sizeof *x)); /* the same bits as the row in the table */
        cells[0] = (struct encoder_cell){.text = " 2.5 "};
        cells[1] = (struct encoder_cell){.text = "3"};
        ck_assert_int_eq(encoder_encode_cells(e, cells, "", x + 10, &err), 0);
        ck_assert(same_bits(x, x + 10, 5 * sizeof *x));
        cells[1] = (struct encoder_cell){.number = 4.0}; /* the table has "4.0" */
        ck_assert_int_eq(encoder_encode_cells(e, cells, "", x + 10, &err), 0);
        expect(x + 11, (const float[]){0, 1}, 2);
        cells[1] = (struct encoder_cell){.text = "5"};
        cells[2] = (struct encoder_cell){.text = "unseen"};
        ck_assert_int_eq(encoder_encode_cells(e, cells, "", x + 10, &err), 0);
        expect(x + 11, (const float[]){0, 0, 0, 0}, 4);
    }
    cells[0] = (struct encoder_cell){.text = "abc"};
    ck_assert_int_eq(encoder_encode_cells(e, cells, "/instances/7", rows, &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, "/instances/7/n~11");
    ck_assert_str_eq(err.items[0].detail, "must be a number, got \"abc\"");
    err_fini(&err);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(another_table)
{
    struct dataset *ds = table("n,c,y\n1,x,a\n2,y,b\n3,x,a\n");
    struct dataset *turned = table("y,extra,c,n\nb,9,y,2\n,8,x,1\n");
    struct dataset *wrong = table("num,c,y\n1,5,a\n2,6,b\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct encoder *e = fit(ds, choose(&s, ds, "n+c", "y", true), all_rows, 3, NULL);
    struct err err = ERR_INIT;
    float x[9], other[6];

    encode(e, ds, all_rows, 3, x);
    ck_assert_int_eq(encoder_check_dataset(e, turned, true, &err), 0);
    encode(e, turned, all_rows, 2, other);
    expect(other, x + 3, 3);
    expect(other + 3, x, 3);
    ck_assert_int_eq(encoder_check_dataset(e, wrong, true, &err), -1);
    ck_assert_uint_eq(err.n_items, 2);
    ck_assert_str_eq(err.items[0].pointer, "/n");
    ck_assert_ptr_nonnull(strstr(err.items[0].detail, "has no column \"n\""));
    ck_assert_str_eq(err.items[1].pointer, "/c");
    ck_assert_ptr_nonnull(strstr(err.items[1].detail, "is numeric here but categorical"));
    err_fini(&err);
    encoder_free(&e);
    dataset_free(&ds);
    dataset_free(&turned);
    dataset_free(&wrong);
}
END_TEST

/* One mean and one std of all numbers; a constant pixel is an input like the others. */
START_TEST(numbers_together)
{
    struct dataset *ds = table("p,q,r,c,y\n0,4,0,x,a\n2,4,0,y,b\n4,,0,x,a\n9,9,9,x,b\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_TOGETHER}}};
    struct encoder *e = fit(ds, choose(&s, ds, "p+q+r+c", "y", true), all_rows, 3, NULL), *back;
    /* 0 2 4 4 4 0 0 0: mean 1.75, mean square 6.5 */
    double mean = 1.75, std = sqrt(6.5 - mean * mean);
    struct encoder_cell cells[4] = {
        {.number = 2}, {.missing = true}, {.number = 9}, {.text = "x"}};
    char *json = encoder_to_json(e), *again;
    struct err err = ERR_INIT;
    float x[15], one[5];
    size_t i;

    ck_assert_uint_eq(encoder_n_inputs(e), 5);
    ck_assert_double_eq_tol(encoder_zero(e), -mean / std, 1e-12);
    encode(e, ds, all_rows, 3, x);
    for (i = 0; i < 3; i++) {
        ck_assert_float_eq_tol(x[5 * i], (float)((2 * (double)i - mean) / std), 1e-6);
        ck_assert_float_eq_tol(x[5 * i + 1], (float)((4 - mean) / std), 1e-6);
        ck_assert_float_eq_tol(x[5 * i + 2], (float)(-mean / std), 1e-6);
    }
    ck_assert_int_eq(encoder_encode_cells(e, cells, "", one, &err), 0);
    ck_assert(one[0] == x[5] && one[1] == x[11] && one[2] > 0);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &back, &err), 0);
    again = encoder_to_json(back);
    ck_assert_str_eq(json, again);
    encode(back, ds, all_rows, 3, x + 0);
    ck_assert(one[0] == x[5]);
    free(json);
    free(again);
    encoder_free(&back);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

/* Columns beside the features: stored with the encoder, wanted of every table. */
START_TEST(offset_and_weight)
{
    struct dataset *ds = table("n,w,o,y\n1,0.5,3,1\n2,2,6,2\n3,,9,5\n");
    struct dataset *bare = table("n,y\n1,1\n2,2\n"), *texts = table("n,o,y\n1,a,1\n2,b,2\n");
    struct setup s = {.options = {.offset = "o", .weight = "w"}};
    struct encoder *e = fit(ds, choose(&s, ds, "n", "y", false), all_rows, 2, NULL), *back;
    char *json = encoder_to_json(e);
    struct err err = ERR_INIT;
    float out[3];

    ck_assert_uint_eq(encoder_n_features(e), 1);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &back, &err), 0);
    ck_assert_str_eq(encoder_offset(back), "o");
    ck_assert_str_eq(encoder_weight(back), "w");
    encoder_set_weight(back, NULL);
    ck_assert_ptr_null(encoder_weight(back));
    ck_assert_int_eq(encoder_read_column(ds, "o", all_rows, 3, 1.5, out, &err), 0);
    expect(out, (const float[]){2, 4, 6}, 3);
    ck_assert_int_eq(encoder_read_column(ds, "w", all_rows, 3, 1, out, &err), -1);
    ck_assert_int_eq(err.items[0].row, 3);
    err_fini(&err);
    ck_assert_int_eq(encoder_check_dataset(e, bare, false, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/o");
    err_fini(&err);
    ck_assert_int_eq(encoder_check_dataset(e, texts, false, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.items[0].detail, "must be numeric"));
    err_fini(&err);
    ck_assert_int_eq(encoder_check_dataset(e, ds, false, &err), 0);
    free(json);
    encoder_free(&back);
    encoder_free(&e);
    dataset_free(&ds);
    dataset_free(&bare);
    dataset_free(&texts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoder");
    TCase *rows = tcase_create("rows");

    tcase_add_checked_fixture(rows, folder_make, folder_remove);
    tcase_set_timeout(rows, 120);
    tcase_add_test(rows, fits_training_rows_only);
    tcase_add_test(rows, missing_is_a_level);
    tcase_add_test(rows, constant_columns);
    tcase_add_test(rows, constant_target);
    tcase_add_test(rows, several_targets);
    tcase_add_test(rows, classes_of_texts);
    tcase_add_test(rows, classes_of_numbers);
    tcase_add_test(rows, too_many_classes);
    tcase_add_test(rows, remarks_are_warnings);
    tcase_add_test(rows, estimate_is_a_bound);
    tcase_add_test(rows, numbers_beyond_float);
    tcase_add_test(rows, cells_equal_rows);
    tcase_add_test(rows, another_table);
    tcase_add_test(rows, numbers_together);
    tcase_add_test(rows, offset_and_weight);
    suite_add_tcase(suite, rows);
    return run_suite(suite);
}
