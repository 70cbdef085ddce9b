/* What the encoder makes of numbers: each form against its definition, and encoders that were
 * stored before there were such forms. */
#include "encoder_help.h"

#include "base/buf.h"

#include "../golden/encoder_golden.h"
#include "fixtures/encoders_1.h"

/* A table of one numeric column "a" and a target "y" that counts the rows. NaN is missing. */
static struct dataset *column_of(const double *values, size_t n)
{
    static const char *const names[] = {"a", "y"};
    static const enum column_type types[] = {COLUMN_NUMERIC, COLUMN_NUMERIC};
    struct dataset_summary summary;
    struct dataset_writer *w = NULL;
    struct err err = ERR_INIT;
    size_t i, wrong = 0;

    ck_assert_int_eq(dataset_writer_new(folder, 2, names, types, &w, &err), 0);
    for (i = 0; i < n; i++) {
        wrong += dataset_writer_number(w, values[i], &err) != 0;
        wrong += dataset_writer_number(w, (double)i, &err) != 0;
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    return dataset_of(&summary);
}

START_TEST(old_encoders_load)
{
    struct dataset *ds = table(encoders_1_table);
    struct err err = ERR_INIT;
    float x[24];
    size_t i;

    for (i = 0; i < ARRAY_LEN(encoders_1); i++) {
        struct encoder *e = NULL, *again = NULL;
        const char *json = encoders_1[i].json;
        char *now;

        ck_assert_msg(encoder_from_json(json, strlen(json), &e, &err) == 0, "%s",
                      encoders_1[i].name);
        ck_assert_uint_eq(encoder_n_inputs(e), encoders_1[i].n_inputs);
        encode(e, ds, all_rows, 4, x);
        ck_assert_msg(same_bits(x, encoders_1[i].x, 4 * encoder_n_inputs(e) * sizeof *x), "%s",
                      encoders_1[i].name);
        now = encoder_to_json(e);
        ck_assert_int_eq(encoder_from_json(now, strlen(now), &again, &err), 0);
        encode(again, ds, all_rows, 4, x);
        ck_assert(same_bits(x, encoders_1[i].x, 4 * encoder_n_inputs(e) * sizeof *x));
        free(now);
        encoder_free(&again);
        encoder_free(&e);
    }
    dataset_free(&ds);
}
END_TEST

/* 800 rows make two bins: of 0..799 with the edges 0, 399.5 and 799. */
START_TEST(auto_is_clipped_and_coded)
{
    enum { N = 800 };
    double values[N + 3], mean = 399.5, std = sqrt((N * (double)N - 1) / 12), sum[2] = {0, 0};
    uint64_t rows[N + 3];
    struct setup s = {.options = {.plan = {.numeric = ENCODER_AUTO}}};
    struct err err = ERR_INIT;
    struct encoder_cell cell = {.number = 1e300};
    struct dataset *ds;
    struct encoder *e;
    size_t i, width, n_inputs, n_outputs;
    float x[3 * (N + 3)], one[3];

    for (i = 0; i < N + 3; i++) {
        rows[i] = i;
        values[i] = i < N ? (double)((i * 7) % N) : i == N ? -4000 : i == N + 1 ? 9000 : NAN;
        if (i < N) {
            sum[0] += fmin(values[i] / 399.5, 1);
            sum[1] += fmax((values[i] - 399.5) / 399.5, 0);
        }
    }
    ds = column_of(values, N + 3);
    e = fit(ds, choose(&s, ds, "a", "y", false), rows, N, NULL);
    width = encoder_n_inputs(e);
    ck_assert_uint_eq(width, 3); /* nothing is missing in training: no indicator */
    encode(e, ds, rows, N + 3, x);
    for (i = 0; i < N + 3; i++) {
        double v = isnan(values[i]) ? mean : values[i], z = (v - mean) / std;
        double code[2] = {v < 399.5 ? fmax(v / 399.5, -3) : 1,
                          v < 399.5 ? 0 : fmin((v - 399.5) / 399.5, 4)};

        ck_assert_float_eq_tol(x[3 * i], z / sqrt(1 + z * z / 9), 2e-7);
        ck_assert_float_eq_tol(x[3 * i + 1], code[0] - sum[0] / N, 3e-7);
        ck_assert_float_eq_tol(x[3 * i + 2], code[1] - sum[1] / N, 3e-7);
    }
    ck_assert_float_eq_tol(x[3 * N + 1], -3 - sum[0] / N, 1e-6);
    ck_assert_float_eq_tol(x[3 * N + 5], 4 - sum[1] / N, 1e-6);
    ck_assert_int_eq(encoder_encode_cells(e, &cell, "", one, &err), 0);
    ck_assert_float_eq(one[0], 3);
    ck_assert_int_eq(encoder_estimate(ds, &s.options, N, &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_inputs, 4); /* the whole table lacks a number */
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(auto_of_two_values_and_of_none)
{
    struct dataset *ds = table("a,b,y\n3,5,1\n7,,2\n3,5,3\n,5,4\n9,5,5\n5,1,6\n-9,,7\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_AUTO}}};
    struct encoder *e = fit(ds, choose(&s, ds, "a+b", "y", false), all_rows, 4, NULL);
    const float third = (float)((13.0 / 3 - 5) / 2);
    /* a: 3 and 7, their mean for none, and what says so; b: constant, but missing once */
    const float want[] = {-1, 0, 0, 1, 0, 1, -1, 0, 0, third, 1, 0, 1, 0, 0, 0, 0, 0, -1, 0, 1};
    struct err err = ERR_INIT;
    struct encoder_cell cells[2] = {{.missing = true}, {.number = 5}};
    float x[21];

    ck_assert_uint_eq(encoder_n_inputs(e), 3);
    encode(e, ds, all_rows, 7, x);
    expect(x, want, 21);
    ck_assert_int_eq(encoder_encode_cells(e, cells, "", x, &err), 0);
    expect(x, want + 9, 3);
    encoder_free(&e);
    s.options.plan.indicator = ENCODER_INDICATOR_OFF;
    e = fit(ds, choose(&s, ds, "a", "y", false), all_rows, 4, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 1);
    encoder_free(&e);
    s.options.plan = (struct encoder_plan){.indicator = ENCODER_INDICATOR_ON};
    e = fit(ds, choose(&s, ds, "a", "y", false), all_rows, 4, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 2);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

/* Numbers that are names: an input each. */
START_TEST(numbers_as_levels)
{
    static const float want[] = {0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    static const char *const texts[] = {"3.0", "1", NULL, "3", "7", "2"};
    struct dataset *ds = table("a,y\n3,1\n1,2\n,3\n3,4\n7,5\n");
    struct setup s = {.options.plan = {.numeric = ENCODER_LEVELS,
                                       .indicator = ENCODER_INDICATOR_AUTO}};
    struct encoder *e = fit(ds, choose(&s, ds, "a", "y", false), all_rows, 4, NULL), *back = NULL;
    struct err err = ERR_INIT;
    char *json = encoder_to_json(e), *bad;
    struct buf many = BUF_INIT;
    size_t n_inputs = 0, n_outputs, i;
    float x[15], cell[3];

    ck_assert_uint_eq(encoder_n_inputs(e), 3); /* 1, 3, none */
    ck_assert_str_eq(encoder_feature_encoding(e, 0), "one_hot");
    ck_assert_int_eq(encoder_estimate(ds, &s.options, 4, &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_ge(n_inputs, 3);
    encode(e, ds, all_rows, 5, x);
    expect(x, want, 15);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &back, &err), 0);
    for (i = 0; i < ARRAY_LEN(texts); i++) { /* 7 and 2 were never seen */
        struct encoder_cell c = {.missing = texts[i] == NULL, .text = texts[i]};

        ck_assert_int_eq(encoder_encode_cells(back, &c, "", cell, &err), 0);
        expect(cell, want + 3 * i, 3);
    }
    encoder_free(&back);
    bad = strstr(json, "[1.0,3.0]");
    ck_assert_ptr_nonnull(bad);
    memcpy(bad, "[3.0,3.0]", 9);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &back, &err), -1);
    err_fini(&err);
    free(json);
    encoder_free(&e);
    s.options.plan.missing = ENCODER_MOST_FREQUENT; /* stands in as what it is */
    s.options.plan.indicator = ENCODER_INDICATOR_OFF;
    e = fit(ds, &s.options, all_rows, 4, NULL);
    encode(e, ds, all_rows, 5, x);
    ck_assert_uint_eq(encoder_n_inputs(e), 2);
    ck_assert(x[4] == 0 && x[5] == 1);
    encoder_free(&e);
    dataset_free(&ds);
    buf_puts(&many, "a,y\n");
    for (i = 0; i <= ENCODER_MAX_ONE_HOT; i++) {
        buf_printf(&many, "%zu,%zu\n", i, i % 2);
    }
    ds = table(many.data);
    {
        uint64_t rows[ENCODER_MAX_ONE_HOT + 1];

        for (i = 0; i < ARRAY_LEN(rows); i++) {
            rows[i] = i;
        }
        choose(&s, ds, "a", "y", false);
        e = fit(ds, &s.options, rows, ENCODER_MAX_ONE_HOT, NULL);
        ck_assert_uint_eq(encoder_n_inputs(e), ENCODER_MAX_ONE_HOT);
        encoder_free(&e);
        ck_assert_int_eq(encoder_fit(ds, &s.options, rows, ARRAY_LEN(rows), &e, NULL, &err), -1);
        ck_assert_ptr_nonnull(strstr(err.detail, "more than 256 different numbers"));
        err_fini(&err);
    }
    buf_fini(&many);
    dataset_free(&ds);
}
END_TEST

/* ---- scikit-learn and NumPy ------------------------------------------------------ */

static const struct golden {
    const char *name;
    struct encoder_plan plan;
    const double *want;
    double within; /* of the value; float32 has 6e-8 */
} goldens[] = {
    {"standardize", {.numeric = ENCODER_STANDARDIZE}, golden_standard, 1e-6},
    {"minmax", {.numeric = ENCODER_MINMAX}, golden_minmax, 1e-6},
    {"robust", {.numeric = ENCODER_ROBUST}, golden_robust, 1e-6},
    {"auto", {.numeric = ENCODER_AUTO, .indicator = ENCODER_INDICATOR_OFF}, golden_soft, 1e-6},
    {"quantile", {.numeric = ENCODER_QUANTILE}, golden_normal, 2e-6},
    {"log1p", {.numeric = ENCODER_LOG1P}, golden_log, 1e-6},
    {"median", {.missing = ENCODER_MEDIAN}, golden_median, 1e-6},
    {"most_frequent", {.missing = ENCODER_MOST_FREQUENT}, golden_mode, 1e-6},
};

START_TEST(others_numbers)
{
    const struct golden *g = &goldens[_i];
    struct dataset *ds = column_of(golden_x, GOLDEN_ROWS);
    struct setup s = {.options = {.plan = g->plan}};
    uint64_t rows[GOLDEN_ROWS];
    struct encoder *e;
    size_t width, i, k;
    float *x;

    for (i = 0; i < GOLDEN_ROWS; i++) {
        rows[i] = i;
    }
    e = fit(ds, choose(&s, ds, "a", "y", false), rows, GOLDEN_TRAIN, NULL);
    width = encoder_n_inputs(e);
    ck_assert_uint_eq(width, g->plan.numeric == ENCODER_AUTO ? 1 + GOLDEN_BINS : 1);
    x = xcalloc(GOLDEN_ROWS * width, sizeof *x);
    encode(e, ds, rows, GOLDEN_ROWS, x);
    for (i = 0; i < GOLDEN_ROWS; i += GOLDEN_STEP) {
        double want = g->want[i / GOLDEN_STEP];

        ck_assert_msg(fabs((double)x[i * width] - want) <= g->within * fmax(1, fabs(want)),
                      "%s of row %zu (%g): %.9g, not %.9g", g->name, i, golden_x[i],
                      (double)x[i * width], want);
        for (k = 1; k < width; k++) {
            double code = golden_codes[i / GOLDEN_STEP * GOLDEN_BINS + k - 1];

            ck_assert_msg(fabs((double)x[i * width + k] - code) <= 1e-6,
                          "code %zu of row %zu (%g): %.9g, not %.9g", k, i, golden_x[i],
                          (double)x[i * width + k], code);
        }
    }
    free(x);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(log1p_refuses)
{
    struct dataset *ds = table("a,y\n1,1\n3,2\n-1,3\n0,4\n");
    struct setup s = {.options = {.plan = {.numeric = ENCODER_LOG1P}}};
    struct err err = ERR_INIT;
    struct encoder_cell cell = {.number = -1};
    struct encoder *e = NULL;
    float x[4];

    choose(&s, ds, "a", "y", false);
    ck_assert_int_eq(encoder_fit(ds, &s.options, all_rows, 4, &e, NULL, &err), -1);
    ck_assert_str_eq(err.items[0].detail, "row 3: column \"a\" is not above -1, and has no log1p");
    ck_assert_int_eq(err.items[0].row, 3);
    err_fini(&err);
    e = fit(ds, &s.options, all_rows, 2, NULL);
    ck_assert_int_eq(encoder_encode_rows(e, ds, all_rows, 4, x, &err), -1);
    ck_assert_str_eq(err.items[0].detail,
                     "row 3: the number -1 in column \"a\" is not above -1, and has no log1p");
    err_fini(&err);
    ck_assert_int_eq(encoder_encode_cells(e, &cell, "/instances/0", x, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/instances/0/a");
    err_fini(&err);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(log1p_of_the_target)
{
    struct dataset *ds = table("a,y\n1,0\n2,9\n3,99\n4,-1\n");
    struct setup s = {.options = {.target = ENCODER_LOG1P}};
    struct encoder *e = fit(ds, choose(&s, ds, "a", "y", false), all_rows, 3, NULL);
    double mean = (log(10) + log(100)) / 3,
           std = sqrt((mean * mean + pow(log(10) - mean, 2) + pow(log(100) - mean, 2)) / 3);
    struct err err = ERR_INIT;
    char *json;
    float y[4];

    ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, 3, y, &err), 0);
    ck_assert_float_eq_tol(y[0], -mean / std, 1e-6);
    ck_assert_float_eq_tol(y[2], (log(100) - mean) / std, 1e-6);
    ck_assert_double_eq_tol(encoder_decode_target(e, 0, (log(10) - mean) / std), 9, 1e-12);
    json = encoder_to_json(e);
    encoder_free(&e);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &e, &err), 0);
    ck_assert_double_eq_tol(encoder_decode_target(e, 0, (log(10) - mean) / std), 9, 1e-12);
    free(json);
    ck_assert_int_eq(encoder_encode_targets(e, ds, all_rows, 4, y, &err), -1);
    ck_assert_str_eq(err.items[0].detail,
                     "row 4: the number -1 in the target \"y\" is not above -1, and has no log1p");
    err_fini(&err);
    encoder_free(&e);
    choose(&s, ds, "a", "y", false);
    ck_assert_int_eq(encoder_fit(ds, &s.options, all_rows, 4, &e, NULL, &err), -1);
    ck_assert_int_eq(err.items[0].row, 4);
    err_fini(&err);
    dataset_free(&ds);
}
END_TEST

START_TEST(constants_stand_in)
{
    struct dataset *ds = table("a,b,y\n1,1,1\n,,2\n3,5,3\n");
    char constant[] = "-7.5";
    struct encoder_plan columns[2] = {
        {.numeric = ENCODER_NONE, .missing = ENCODER_CONSTANT, .constant = constant},
        {.numeric = ENCODER_NONE, .missing = ENCODER_DROP_ROW}};
    struct setup s = {.options = {.columns = columns}};
    uint64_t rows[3] = {0, 1, 2};
    struct err err = ERR_INIT;
    struct encoder_cell cells[2] = {{.missing = true}, {.missing = true}};
    struct encoder *e = NULL;
    size_t n = 3;
    float x[6];

    choose(&s, ds, "a+b", "y", false);
    ck_assert_int_eq(encoder_fit(ds, &s.options, all_rows, 3, &e, NULL, &err), -1);
    ck_assert_str_eq(err.items[0].detail, "row 2: column \"b\" has no value");
    err_fini(&err);
    ck_assert(encoder_drops_rows(&s.options));
    ck_assert_int_eq(encoder_drop_rows(&s.options, ds, ds, rows, &n, &err), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert(rows[0] == 0 && rows[1] == 2);
    e = fit(ds, &s.options, rows, 2, NULL);
    encode(e, ds, rows, 2, x);
    expect(x, (const float[]){1, 1, 3, 5}, 4);
    ck_assert_int_eq(encoder_encode_cells(e, cells, "", x, &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, "/b");
    err_fini(&err);
    cells[1] = (struct encoder_cell){.number = 2};
    ck_assert_int_eq(encoder_encode_cells(e, cells, "", x, &err), 0);
    expect(x, (const float[]){-7.5f, 2}, 2);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoder_numbers");
    TCase *numbers_case = tcase_create("numbers");

    tcase_add_checked_fixture(numbers_case, folder_make, folder_remove);
    tcase_set_timeout(numbers_case, 60);
    tcase_add_test(numbers_case, old_encoders_load);
    tcase_add_test(numbers_case, auto_is_clipped_and_coded);
    tcase_add_test(numbers_case, auto_of_two_values_and_of_none);
    tcase_add_test(numbers_case, numbers_as_levels);
    tcase_add_loop_test(numbers_case, others_numbers, 0, ARRAY_LEN(goldens));
    tcase_add_test(numbers_case, log1p_refuses);
    tcase_add_test(numbers_case, log1p_of_the_target);
    tcase_add_test(numbers_case, constants_stand_in);
    suite_add_tcase(suite, numbers_case);
    return run_suite(suite);
}
