/* Columns of a dataset as another type: cells and what the columns tell of themselves, refusals
 * with the row that is the reason, and an encoder that gives rows of a table, cells of a client and
 * rows of another table the same inputs.
 */
#include "data/dataset_view.h"

#include "base/buf.h"
#include "data/filter.h"
#include "encoder_help.h"

static const struct dataset *view_of(struct dataset *ds, const char *column, enum column_type type,
                                     const char *problem)
{
    const struct dataset *view = ds;
    struct dataset_wish wish = {column_named(ds, column), type, "/here"};
    struct err err = ERR_INIT;
    int rc = dataset_view(&view, &wish, 1, &err);

    if (problem == NULL) {
        ck_assert_msg(rc == 0, "%s", err.detail);
    } else {
        ck_assert_msg(rc != 0, "%s as %s", column, column_type_name(type));
        ck_assert_ptr_eq(view, ds);
        ck_assert_uint_eq(err.n_items, 1);
        ck_assert_str_eq(err.items[0].pointer, "/here");
        ck_assert_msg(strstr(err.items[0].detail, problem) != NULL, "%s", err.items[0].detail);
    }
    err_fini(&err);
    return view;
}

static void end(const struct dataset **view, struct dataset *ds)
{
    dataset_view_end(view);
    ck_assert_ptr_eq(*view, ds);
}

#define TABLE                                                                                      \
    "code,flag,text,when,bit,half,mixed,word\n"                                                    \
    "10,yes,1.0,2026-01-01,0,2.5,yes,7\n"                                                          \
    "2,no,1,2026-01-02,1,-0.5,no,8\n"                                                              \
    ",,,,,,,\n"                                                                                    \
    "10,no,1e1,2026-01-02,1,-0.5,true,9\n"                                                         \
    "-3,yes,2.5,2026-01-03,0,1e300,no,x\n"

static struct dataset *sample(void)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset *ds;
    struct err err = ERR_INIT;

    ck_assert_int_eq(
        csv_types_parse("text:categorical,mixed:categorical,word:categorical", &options, &err), 0);
    ds = table_with(TABLE, &options);
    csv_options_fini(&options);
    return ds;
}

START_TEST(numbers_become_texts)
{
    static const char *const levels[] = {"-3", "2", "10"};
    static const uint32_t want[] = {2, 1, DATASET_MISSING, 2, 0};
    struct dataset *ds = sample();
    const struct dataset *view = view_of(ds, "code", COLUMN_CATEGORICAL, NULL);
    size_t at = column_named(ds, "code"), i;
    const struct dataset_column *c = dataset_column(view, at);
    uint32_t codes[5];
    double number;
    struct err err = ERR_INIT;

    ck_assert_ptr_ne(view, ds);
    ck_assert_int_eq(c->type, COLUMN_CATEGORICAL);
    ck_assert_int_eq(c->stored, COLUMN_NUMERIC);
    ck_assert_uint_eq(c->n_categories, 3);
    ck_assert_uint_eq(c->distinct, 3);
    ck_assert_uint_eq(c->missing, 1);
    ck_assert_ptr_null(c->values);
    for (i = 0; i < 3; i++) {
        ck_assert_str_eq(c->categories[i], levels[i]);
        ck_assert_uint_eq(c->counts[i], i == 2 ? 2 : 1);
    }
    ck_assert_int_eq(dataset_read_codes(view, at, 0, 5, codes, &err), 0);
    ck_assert_mem_eq(codes, want, sizeof want);
    ck_assert_int_eq(dataset_read_codes(view, at, 3, 1, codes, &err), 0);
    ck_assert_uint_eq(codes[0], 2);
    /* the dataset itself, and other columns, are what they were */
    ck_assert_int_eq(dataset_column(ds, at)->type, COLUMN_NUMERIC);
    ck_assert_int_eq(dataset_column(ds, at)->stored, COLUMN_NUMERIC);
    ck_assert_int_eq(dataset_read_numbers(view, column_named(ds, "half"), 1, 1, &number, &err), 0);
    ck_assert_double_eq(number, -0.5);
    end(&view, ds);
    view = view_of(ds, "half", COLUMN_TEXT, NULL);
    c = dataset_column(view, column_named(ds, "half"));
    ck_assert_str_eq(c->categories[0], "-0.5");
    ck_assert_str_eq(c->categories[1], "2.5");
    ck_assert_str_eq(c->categories[2], "1e+300");
    end(&view, ds);
    view = view_of(ds, "bit", COLUMN_BOOLEAN, NULL);
    c = dataset_column(view, column_named(ds, "bit"));
    ck_assert_int_eq(c->type, COLUMN_BOOLEAN);
    ck_assert_uint_eq(c->n_categories, 2);
    ck_assert_str_eq(c->categories[1], "1");
    end(&view, ds);
    dataset_free(&ds);
}
END_TEST

START_TEST(texts_become_numbers)
{
    static const double texts[] = {1, 1, 0, 10, 2.5}, flags[] = {1, 0, 0, 0, 1};
    struct dataset *ds = sample();
    const struct dataset *view = view_of(ds, "text", COLUMN_NUMERIC, NULL);
    size_t at = column_named(ds, "text"), i;
    const struct dataset_column *c = dataset_column(view, at);
    double got[5];
    struct err err = ERR_INIT;

    ck_assert_int_eq(c->type, COLUMN_NUMERIC);
    ck_assert_int_eq(c->stored, COLUMN_CATEGORICAL);
    ck_assert_double_eq(c->min, 1);
    ck_assert_double_eq(c->max, 10);
    ck_assert_double_eq(c->mean, 14.5 / 4);
    ck_assert_double_eq_tol(c->std, 3.7312028, 1e-6);
    ck_assert(!c->integers);
    ck_assert_uint_eq(c->distinct, 3);
    ck_assert_double_eq(c->values[2], 10);
    ck_assert_uint_eq(c->n_categories, 0);
    ck_assert_int_eq(dataset_read_numbers(view, at, 0, 5, got, &err), 0);
    for (i = 0; i < 5; i++) {
        ck_assert_msg(i == 2 ? isnan(got[i]) : got[i] == texts[i], "row %zu is %g", i, got[i]);
    }
    end(&view, ds);
    view = view_of(ds, "flag", COLUMN_NUMERIC, NULL);
    at = column_named(ds, "flag");
    ck_assert(dataset_column(view, at)->integers);
    ck_assert_double_eq(dataset_column(view, at)->mean, 0.5);
    ck_assert_int_eq(dataset_read_numbers(view, at, 0, 5, got, &err), 0);
    for (i = 0; i < 5; i++) {
        ck_assert_msg(i == 2 ? isnan(got[i]) : got[i] == flags[i], "row %zu is %g", i, got[i]);
    }
    end(&view, ds);
    dataset_free(&ds);
}
END_TEST

START_TEST(some_keep_their_cells)
{
    struct dataset *ds = sample();
    const struct dataset *view = view_of(ds, "flag", COLUMN_CATEGORICAL, NULL);
    uint32_t code;
    double number;
    struct err err = ERR_INIT;

    ck_assert_int_eq(dataset_column(view, 1)->type, COLUMN_CATEGORICAL);
    ck_assert_str_eq(dataset_column(view, 1)->categories[0], "yes");
    ck_assert_int_eq(dataset_read_codes(view, 1, 1, 1, &code, &err), 0);
    ck_assert_uint_eq(code, 1);
    end(&view, ds);
    view = view_of(ds, "code", COLUMN_DATETIME, NULL);
    ck_assert_int_eq(dataset_column(view, 0)->type, COLUMN_DATETIME);
    ck_assert_int_eq(dataset_read_numbers(view, 0, 1, 1, &number, &err), 0);
    ck_assert_double_eq(number, 2);
    end(&view, ds);
    view = view_of(ds, "code", COLUMN_NUMERIC, NULL); /* as it is: no view at all */
    ck_assert_ptr_eq(view, ds);
    dataset_view_end(&view);
    ck_assert_ptr_eq(view, ds);
    view = NULL;
    dataset_view_end(&view);
    dataset_free(&ds);
}
END_TEST

START_TEST(what_cannot_be_had_is_refused)
{
    struct dataset *ds = sample();

    view_of(ds, "word", COLUMN_NUMERIC, "row 5: \"x\" is no number");
    view_of(ds, "text", COLUMN_BOOLEAN, "row 1: \"1.0\" is neither true nor false");
    view_of(ds, "mixed", COLUMN_BOOLEAN, "row 4: \"true\" is one more word");
    view_of(ds, "code", COLUMN_BOOLEAN, "go from -3 to 10");
    view_of(ds, "half", COLUMN_BOOLEAN, "with fractions");
    view_of(ds, "when", COLUMN_NUMERIC, "preprocess.datetime");
    view_of(ds, "when", COLUMN_CATEGORICAL, "types=NAME:categorical");
    view_of(ds, "flag", COLUMN_DATETIME, "upload it with types=NAME:datetime");
    view_of(ds, "word", COLUMN_DATETIME, "categorical, from which no datetime");
    dataset_free(&ds);
}
END_TEST

START_TEST(all_refusals_at_once)
{
    struct dataset *ds = sample();
    const struct dataset *view = ds;
    const struct dataset_wish wishes[] = {
        {0, COLUMN_BOOLEAN, "/a"}, {1, COLUMN_NUMERIC, "/b"}, {7, COLUMN_NUMERIC, "/c"}};
    struct err err = ERR_INIT;

    ck_assert_int_ne(dataset_view(&view, wishes, 3, &err), 0);
    ck_assert_uint_eq(err.n_items, 2);
    ck_assert_str_eq(err.items[1].pointer, "/c");
    ck_assert_ptr_eq(view, ds);
    err_fini(&err);
    dataset_free(&ds);
}
END_TEST

/* More rows than a block and levels that come out of order, each block with some of the last. */
START_TEST(many_levels)
{
    enum { ROWS = 20000, LEVELS = 7001 };
    struct buf csv = BUF_INIT;
    struct dataset *ds;
    const struct dataset *view;
    const struct dataset_column *c;
    uint32_t *codes = xcalloc(ROWS, sizeof *codes);
    struct err err = ERR_INIT;
    uint64_t all = 0;
    size_t i;

    buf_puts(&csv, "n,one\n");
    for (i = 0; i < ROWS; i++) {
        buf_printf(&csv, "%zu,1\n", i * 3163 % LEVELS);
    }
    ds = table(csv.data);
    view = view_of(ds, "n", COLUMN_CATEGORICAL, NULL);
    c = dataset_column(view, 0);
    ck_assert_uint_eq(c->n_categories, LEVELS);
    ck_assert_int_eq(dataset_read_codes(view, 0, 0, ROWS, codes, &err), 0);
    for (i = 0; i < ROWS; i++) {
        ck_assert_uint_eq(codes[i], i * 3163 % LEVELS);
    }
    for (i = 0; i < LEVELS; i++) {
        all += c->counts[i];
        ck_assert_uint_eq(c->counts[i], (uint64_t)(ROWS / LEVELS) + (c->counts[i] == 3));
    }
    ck_assert_uint_eq(all, ROWS);
    end(&view, ds);
    view = view_of(ds, "one", COLUMN_CATEGORICAL, NULL);
    ck_assert_uint_eq(dataset_column(view, 1)->counts[0], ROWS);
    end(&view, ds);
    dataset_free(&ds);
    buf_fini(&csv);
    free(codes);
}
END_TEST

START_TEST(a_filter_sees_the_view)
{
    struct dataset *ds = sample();
    const struct dataset *view = view_of(ds, "code", COLUMN_CATEGORICAL, NULL);
    const uint8_t keep[] = {1, 0, 1, 1, 0};
    struct dataset_column *c;
    struct err err = ERR_INIT;

    ck_assert_int_eq(filter_column(view, 0, keep, &c, &err), 0);
    ck_assert_int_eq(c->stored, COLUMN_NUMERIC);
    ck_assert_uint_eq(c->n_categories, 1);
    ck_assert_str_eq(c->categories[0], "10");
    filter_column_free(&c);
    end(&view, ds);
    dataset_free(&ds);
}
END_TEST

/* ---- with an encoder ---- */

static void cell_gives(const struct encoder *e, size_t feature, struct encoder_cell cell,
                       const float *want)
{
    struct encoder_cell cells[3] = {{.missing = true}, {.missing = true}, {.missing = true}};
    float x[16];
    struct err err = ERR_INIT;
    size_t at = encoder_feature_offset(e, feature);

    cells[feature] = cell;
    ck_assert_msg(encoder_encode_cells(e, cells, "", x, &err) == 0, "%s", err.detail);
    expect(x + at, want + at, encoder_feature_shape(e, feature).inputs);
}

START_TEST(cells_of_a_client_mean_the_same)
{
    struct dataset *ds = sample();
    const struct dataset *view = ds, *plain = ds;
    const struct dataset_wish wishes[] = {
        {0, COLUMN_CATEGORICAL, ""}, {1, COLUMN_NUMERIC, ""}, {4, COLUMN_NUMERIC, ""}};
    struct encoder *e;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    struct encoder_cell cells[3] = {{.missing = true}, {.text = "maybe"}, {.missing = true}};
    struct err err = ERR_INIT;
    float rows[5 * 8], other[5 * 8], x[8];
    size_t width;
    char *json, *again;

    ck_assert_int_eq(dataset_view(&view, wishes, 3, &err), 0);
    e = fit(view, choose(&s, ds, "code+flag+half", "bit", false), all_rows, 2, NULL);
    width = encoder_n_inputs(e);
    json = encoder_to_json(e);
    encoder_free(&e);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &e, &err), 0);
    again = encoder_to_json(e);
    ck_assert_str_eq(again, json);
    free(again);
    ck_assert_int_eq(encoder_feature_stored(e, 0), COLUMN_NUMERIC);
    ck_assert_int_eq(encoder_feature_type(e, 0), COLUMN_CATEGORICAL);
    ck_assert_int_eq(encoder_feature_stored(e, 1), COLUMN_BOOLEAN);
    encode(e, view, all_rows, 2, rows);
    cell_gives(e, 0, (struct encoder_cell){.number = 10}, rows);
    cell_gives(e, 0, (struct encoder_cell){.text = "10"}, rows);
    cell_gives(e, 0, (struct encoder_cell){.text = "1.0e1"}, rows);
    cell_gives(e, 0, (struct encoder_cell){.text = "2.00"}, rows + width);
    cell_gives(e, 1, (struct encoder_cell){.text = "yes"}, rows);
    cell_gives(e, 1, (struct encoder_cell){.text = "TRUE"}, rows);
    cell_gives(e, 1, (struct encoder_cell){.number = 1}, rows);
    cell_gives(e, 1, (struct encoder_cell){.text = "0"}, rows + width);
    ck_assert_int_eq(encoder_encode_cells(e, cells, "/i", x, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/i/flag");
    err_fini(&err);
    /* another table, by itself of the types that the file has */
    ck_assert_int_eq(encoder_check_dataset(e, plain, true, &err), -1);
    err_fini(&err);
    ck_assert_int_eq(encoder_view_dataset(e, &plain, &err), 0);
    ck_assert_int_eq(encoder_check_dataset(e, plain, true, &err), 0);
    encode(e, plain, all_rows, 2, other);
    expect(other, rows, 2 * width);
    dataset_view_end(&plain);
    ck_assert_ptr_eq(plain, ds);
    encoder_free(&e);
    free(json);
    end(&view, ds);
    dataset_free(&ds);
}
END_TEST

START_TEST(a_boolean_as_texts_goes_by_meaning)
{
    struct dataset *ds = sample();
    const struct dataset *view = view_of(ds, "flag", COLUMN_CATEGORICAL, NULL);
    struct encoder *e;
    struct setup s = {.options = {.plan = {.numeric = ENCODER_STANDARDIZE}}};
    float rows[2 * 2];

    e = fit(view, choose(&s, ds, "flag", "bit", false), all_rows, 2, NULL);
    encode(e, view, all_rows, 2, rows);
    cell_gives(e, 0, (struct encoder_cell){.text = "yes"}, rows);
    cell_gives(e, 0, (struct encoder_cell){.text = "true"}, rows);
    cell_gives(e, 0, (struct encoder_cell){.number = 1}, rows);
    cell_gives(e, 0, (struct encoder_cell){.text = "f"}, rows + 2);
    encoder_free(&e);
    end(&view, ds);
    dataset_free(&ds);
}
END_TEST

START_TEST(boolean_targets_are_0_and_1)
{
    struct dataset *ds = sample();
    const struct dataset *view = view_of(ds, "flag", COLUMN_NUMERIC, NULL), *plain = ds;
    struct encoder *e;
    struct setup s = {
        .options = {.plan = {.numeric = ENCODER_STANDARDIZE}, .target = ENCODER_NONE}};
    struct err err = ERR_INIT;
    double value;
    float y[2];
    char *json;

    e = fit(view, choose(&s, ds, "code", "flag", false), all_rows, 2, NULL);
    json = encoder_to_json(e);
    encoder_free(&e);
    ck_assert_int_eq(encoder_from_json(json, strlen(json), &e, &err), 0);
    free(json);
    ck_assert_int_eq(encoder_encode_targets(e, view, all_rows, 2, y, &err), 0);
    ck_assert_float_eq(y[0], 1);
    ck_assert_float_eq(y[1], 0);
    ck_assert(encoder_target_number(e, 0, &(struct encoder_cell){.text = "Yes"}, &value));
    ck_assert_double_eq(value, 1);
    ck_assert(encoder_target_number(e, 0, &(struct encoder_cell){.number = 0.5}, &value));
    ck_assert_double_eq(value, 0.5);
    ck_assert(!encoder_target_number(e, 0, &(struct encoder_cell){.text = "x"}, &value));
    ck_assert_int_eq(encoder_view_dataset(e, &plain, &err), 0);
    ck_assert_int_eq(encoder_check_dataset(e, plain, true, &err), 0);
    dataset_view_end(&plain);
    encoder_free(&e);
    e = fit(ds, choose(&s, ds, "code", "bit", false), all_rows, 2, NULL);
    ck_assert(!encoder_target_number(e, 0, &(struct encoder_cell){.text = "yes"}, &value));
    encoder_free(&e);
    end(&view, ds);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset_view");
    TCase *tc = tcase_create("view");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, numbers_become_texts);
    tcase_add_test(tc, texts_become_numbers);
    tcase_add_test(tc, some_keep_their_cells);
    tcase_add_test(tc, what_cannot_be_had_is_refused);
    tcase_add_test(tc, all_refusals_at_once);
    tcase_add_test(tc, many_levels);
    tcase_add_test(tc, a_filter_sees_the_view);
    tcase_add_test(tc, cells_of_a_client_mean_the_same);
    tcase_add_test(tc, a_boolean_as_texts_goes_by_meaning);
    tcase_add_test(tc, boolean_targets_are_0_and_1);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
