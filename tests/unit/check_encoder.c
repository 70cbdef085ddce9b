/* The encoder: fitted on the training rows only, the same numbers on every way in, and back. */
#include "data_help.h"

#include <time.h>

#include "base/buf.h"
#include "data/encoder.h"

#define ALL_ROWS 64

static const uint64_t all_rows[ALL_ROWS] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

struct setup {
    struct encoder_options options;
    size_t features[16], targets[4];
};

/* The columns of a list of names with '+' between them. */
static size_t columns_named(const struct dataset *ds, const char *names, size_t *out)
{
    size_t n = 0;

    while (*names != '\0') {
        size_t len = strcspn(names, "+");
        char *name = xstrndup(names, len);

        out[n++] = column_named(ds, name);
        free(name);
        names += len + (names[len] == '+');
    }
    return n;
}

static struct encoder_options *choose(struct setup *s, const struct dataset *ds,
                                      const char *features, const char *targets, bool classes)
{
    s->options.n_features = columns_named(ds, features, s->features);
    s->options.n_targets = columns_named(ds, targets, s->targets);
    s->options.features = s->features;
    s->options.targets = s->targets;
    s->options.classes = classes;
    return &s->options;
}

static struct encoder *fit(const struct dataset *ds, const struct encoder_options *options,
                           const uint64_t *rows, size_t n, struct err *warnings)
{
    struct encoder *e = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(encoder_fit(ds, options, rows, n, &e, warnings, &err) == 0, "%s", err.detail);
    return e;
}

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

static void encode(const struct encoder *e, const struct dataset *ds, const uint64_t *rows, size_t n,
                   float *x)
{
    struct err err = ERR_INIT;

    memset(x, 0x5a, n * encoder_n_inputs(e) * sizeof *x); /* every input must be written */
    ck_assert_msg(encoder_encode_rows(e, ds, rows, n, x, &err) == 0, "%s", err.detail);
}

static void expect(const float *x, const float *want, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        ck_assert_msg(x[i] == want[i], "input %zu is %.9g, not %.9g", i, x[i], want[i]);
    }
}

/* In rows 0..3: n has mean 5, std sqrt(5); c has blue, red; the rest is for "not fitted". */
static const char mixed_text[] = "n,c,k,y\n2,red,1,10\n4,blue,1,20\n6,red,1,30\n8,blue,1,40\n"
                                 "1000,green,2,1000\n,,3,\n";

START_TEST(fits_training_rows_only)
{
    struct dataset *ds = table(mixed_text);
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
    struct err warnings = ERR_INIT, err = ERR_INIT;
    struct encoder *e = fit(ds, choose(&s, ds, "n+c+k", "y", false), all_rows, 4, &warnings);
    double mean, std, min, max;
    const char *const *texts;
    float x[6 * 3], y[5];
    float z = (float)(3.0 / sqrt(5.0)), z1 = (float)(1.0 / sqrt(5.0));
    const float want[] = {-z, 0, 1, -z1, 1, 0, z1, 0, 1, z, 1, 0,
                          (float)(995.0 / sqrt(5.0)), 0, 0, 0, 0, 0};

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
    struct setup s = {.options = {.numeric = ENCODER_NONE}};
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

    s.options.missing = ENCODER_ERROR;
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
    struct dataset *ds =
        table("a,b,c,d,e,y\n1,0.1,,x,1e-200,1\n1,0.10000000000000002,,x,3e-200,2\n1,0.1,,x,1e-200,3\n");
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
    struct err warnings = ERR_INIT;
    struct encoder *e = fit(ds, choose(&s, ds, "a+b+c+d+e", "y", false), all_rows, 3, &warnings);
    float x[9];

    /* a is constant, b is but for rounding, c has no value, d one text; e is only small. */
    ck_assert_uint_eq(encoder_n_inputs(e), 1);
    ck_assert_uint_eq(warnings.n_items, 2);
    ck_assert_str_eq(warnings.items[0].detail,
                     "columns \"a\", \"b\", \"d\" are constant in the training rows and are left out");
    ck_assert_str_eq(warnings.items[1].detail,
                     "column \"c\" has no value in the training rows and is left out");
    encode(e, ds, all_rows, 3, x);
    ck_assert_float_eq_tol(x[1], sqrt(2.0), 1e-6);
    encoder_free(&e);
    err_fini(&warnings);
    s.options.numeric = ENCODER_NONE; /* numbers as they are, constant or not */
    e = fit(ds, choose(&s, ds, "a+b+c+d", "y", false), all_rows, 3, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 2);
    encode(e, ds, all_rows, 3, x);
    expect(x, (const float[]){1, 0.1f, 1, 0.1f, 1, 0.1f}, 6);
    encoder_free(&e);
    s.options.numeric = ENCODER_STANDARDIZE;
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE, .target = ENCODER_NONE}};
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
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
    csv_types_free(&text);
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
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
    ck_assert_int_eq(encoder_estimate(ds, &s.options, &n_inputs, &n_outputs, &err), -1);
    ck_assert_str_eq(err.detail, "the target \"t\" has 10001 classes, the limit is 10000");
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

START_TEST(estimate_is_a_bound)
{
    struct dataset *ds = table(mixed_text);
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
    struct err err = ERR_INIT;
    size_t n_inputs = 0, n_outputs = 0;

    ck_assert_int_eq(encoder_estimate(ds, choose(&s, ds, "n+c+k", "y", false), &n_inputs,
                                      &n_outputs, &err),
                     0);
    ck_assert_uint_eq(n_inputs, 1 + (3 + 1) + 1);
    ck_assert_uint_eq(n_outputs, 1);
    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n", "c", true), &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_outputs, 3);
    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n", "y", true), &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_outputs, 5);
    ck_assert_int_eq(
        encoder_estimate(ds, choose(&s, ds, "n", "c", false), &n_inputs, &n_outputs, &err), -1);
    ck_assert_str_eq(err.items[0].column, "c");
    err_fini(&err);
    dataset_free(&ds);
}
END_TEST

START_TEST(numbers_beyond_float)
{
    struct dataset *ds = table("a,b,y\n1,1,1\n2,2,2\n1e300,3,3\n4,1,4\n");
    struct setup s = {.options = {.numeric = ENCODER_NONE, .target = ENCODER_NONE}};
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
    s.options.numeric = ENCODER_STANDARDIZE; /* standardised, it fits */
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
    struct err err = ERR_INIT;
    struct encoder *e;
    float rows[12];
    struct encoder_cell cells[3] = {{.number = 2.5}, {.number = 3.0}, {.text = "x"}};

    ck_assert_int_eq(csv_types_parse("c:categorical", &text, &err), 0);
    ds = table_with("n/1,c,k,y\n2.5,3,x,1\n4.25,4.0,y,2\n-6,3,x,3\n", &text);
    csv_types_free(&text);
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
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

/* ---- many rows and columns -------------------------------------------------------------------- */

/* The definition, cell by cell, for a table whose numeric columns are c0, c1, ...; column 5 is
 * constant and column 7 is text. */
START_TEST(blocks_equal_the_definition)
{
    enum { ROWS = 20000, COLUMNS = 41 };
    char (*names)[8] = xcalloc(COLUMNS, sizeof *names);
    const char *pointers[COLUMNS];
    enum column_type types[COLUMNS];
    size_t features[COLUMNS - 1], target = COLUMNS - 1, i, k, n = 0, at, wrong = 0, width;
    uint64_t *rows = xcalloc(ROWS, sizeof *rows);
    struct encoder_options options = {.n_features = COLUMNS - 1, .features = features,
                                      .n_targets = 1, .targets = &target};
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
            cells[k].text = k == 7 ? text_at(ds, names[k], rows[i]) : NULL;
            cells[k].number = k == 7 ? 0.0 : number_at(ds, names[k], rows[i]);
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

/* ---- stored form ------------------------------------------------------------------------------ */

static void round_trip(const struct dataset *ds, const struct encoder *e, size_t n, bool classes)
{
    char *json = encoder_to_json(e), *again;
    size_t width = encoder_n_inputs(e), outputs = encoder_n_targets(e), i;
    float *a = xcalloc(n * width + n * outputs, sizeof *a), *b = xcalloc(n * width + n * outputs,
                                                                        sizeof *b);
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
    static const char *const targets[] = {"t", "y", "y+z", "z"};
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(targets); i++) {
        for (k = 0; k < 2; k++) {
            struct encoder *e;

            s.options.numeric = k == 0 ? ENCODER_STANDARDIZE : ENCODER_NONE;
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
    struct setup s = {.options = {.numeric = ENCODER_STANDARDIZE}};
    struct encoder *e = fit(ds, choose(&s, ds, "n+c+k", "y", true), all_rows, 4, NULL), *back;
    char *json = encoder_to_json(e);
    struct err err = ERR_INIT;
    size_t i;

    json_refused(json, "\"version\":1", "\"version\":2");
    json_refused(json, "\"version\":1", "\"version\":1,\"more\":1");
    json_refused(json, "\"standardize\"", "\"something\"");
    json_refused(json, "\"numeric\":\"standardize\"", "\"numeric\":7");
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

START_TEST(wide_and_fast)
{
    enum { COLUMNS = 784 };
    const size_t n_rows = SLOW ? 2000 : 60000;
    char (*names)[8] = xcalloc(COLUMNS, sizeof *names);
    const char **pointers = xcalloc(COLUMNS, sizeof *pointers);
    enum column_type *types = xcalloc(COLUMNS, sizeof *types);
    size_t *features = xcalloc(COLUMNS, sizeof *features), i, k, wrong = 0;
    uint64_t *rows = xcalloc(n_rows, sizeof *rows);
    struct encoder_options options = {.n_features = COLUMNS - 1, .features = features,
                                      .n_targets = 1, .targets = (const size_t[]){COLUMNS - 1}};
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
    /* A byte a pixel, and less than 1 % beside it. */
    ck_assert_uint_lt(summary.bytes, (SLOW ? 120 : 101) * n_rows * COLUMNS / 100);
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

int main(void)
{
    Suite *suite = suite_create("encoder");
    TCase *rows = tcase_create("rows"), *stored = tcase_create("stored");

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
    tcase_add_test(rows, estimate_is_a_bound);
    tcase_add_test(rows, numbers_beyond_float);
    tcase_add_test(rows, cells_equal_rows);
    tcase_add_test(rows, another_table);
    tcase_add_test(rows, blocks_equal_the_definition);
    tcase_add_test(rows, wide_and_fast);
    suite_add_tcase(suite, rows);
    tcase_add_checked_fixture(stored, folder_make, folder_remove);
    tcase_set_timeout(stored, 60);
    tcase_add_test(stored, json_round_trip);
    tcase_add_test(stored, json_is_not_believed);
    suite_add_tcase(suite, stored);
    return run_suite(suite);
}
