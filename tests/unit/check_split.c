/* Splits: exact counts by largest remainder, stratified, by a column, the same every time. */
#include "data_help.h"

#include "base/buf.h"
#include "data/split.h"

static struct split_options options_for(double validation, double test, ptrdiff_t target)
{
    return (struct split_options){.validation = validation,
                                  .test = test,
                                  .stratify = target >= 0,
                                  .seed = 42,
                                  .target = target};
}

/* Every row is in exactly one part, and parts are ascending. */
static void whole(const struct split *split, size_t n_rows)
{
    uint8_t *seen = xcalloc(n_rows, 1);
    size_t p, i, total = 0;

    for (p = 0; p < SPLIT_PARTS; p++) {
        ck_assert((split->rows[p] == NULL) == (split->n[p] == 0));
        for (i = 0; i < split->n[p]; i++) {
            ck_assert_uint_lt(split->rows[p][i], n_rows);
            ck_assert(i == 0 || split->rows[p][i] > split->rows[p][i - 1]);
            seen[split->rows[p][i]]++;
        }
        total += split->n[p];
    }
    ck_assert_uint_eq(total, n_rows);
    for (i = 0; i < n_rows; i++) {
        ck_assert_uint_eq(seen[i], 1);
    }
    free(seen);
}

static struct split make(const struct dataset *ds, const struct split_options *options,
                         struct err *warnings)
{
    struct split split;
    struct err err = ERR_INIT;

    ck_assert_msg(split_make(ds, options, &split, warnings, &err) == 0, "%s", err.detail);
    whole(&split, (size_t)dataset_rows(ds));
    return split;
}

static void counts(const struct split *split, size_t training, size_t validation, size_t test)
{
    ck_assert_msg(split->n[0] == training && split->n[1] == validation && split->n[2] == test,
                  "%zu %zu %zu, not %zu %zu %zu", split->n[0], split->n[1], split->n[2], training,
                  validation, test);
}

/* How many rows of a part have the text in column "y". */
static size_t of_class(const struct dataset *ds, const struct split *split, enum split_part part,
                       const char *text)
{
    size_t n = 0, i;

    for (i = 0; i < split->n[part]; i++) {
        const char *found = text_at(ds, "y", split->rows[part][i]);

        n += found == NULL ? text == NULL : text != NULL && strcmp(found, text) == 0;
    }
    return n;
}

/* sizes[k] rows of class a, b, c ..., interleaved. */
static struct dataset *classes(const size_t *sizes, size_t n)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    size_t left[26], i, any = 1, row = 0;

    memcpy(left, sizes, n * sizeof *left);
    buf_puts(&text, "x,y\n");
    while (any) {
        for (i = 0, any = 0; i < n; i++) {
            if (left[i] > 0) {
                left[i]--;
                any = 1;
                buf_printf(&text, "%zu,%c\n", row++, (char)('a' + i));
            }
        }
    }
    ds = table(text.data);
    buf_fini(&text);
    return ds;
}

START_TEST(fractions_come_out_exactly)
{
    static const struct {
        size_t rows;
        double validation, test;
        size_t want[SPLIT_PARTS];
    } cases[] = {
        {100, 0.15, 0.15, {70, 15, 15}},
        {10, 0.2, 0.1, {7, 2, 1}},
        {10, 0.0, 0.3, {7, 0, 3}},
        {10, 0.3, 0.0, {7, 3, 0}},
        {10, 0.0, 0.0, {10, 0, 0}},
        {3, 0.15, 0.15, {2, 1, 0}},
        {1, 0.4, 0.5, {1, 0, 0}},
        {2, 0.4, 0.5, {1, 0, 1}},
        {7, 0.15, 0.15, {5, 1, 1}},
        {1000, 0.123, 0.3, {577, 123, 300}},
        {9000, 0.15, 0.15, {6300, 1350, 1350}},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct split_options options = options_for(cases[i].validation, cases[i].test, -1);
        size_t sizes[1] = {cases[i].rows};
        struct dataset *ds = classes(sizes, 1);
        struct split split = make(ds, &options, NULL);

        counts(&split, cases[i].want[0], cases[i].want[1], cases[i].want[2]);
        split_fini(&split);
        dataset_free(&ds);
    }
}
END_TEST

START_TEST(stratified)
{
    static const size_t sizes[] = {50, 50, 50, 20, 7, 2};
    struct dataset *ds = classes(sizes, ARRAY_LEN(sizes));
    struct split_options options = options_for(0.15, 0.15, 1);
    struct err warnings = ERR_INIT;
    struct split split = make(ds, &options, &warnings);
    /* 50: 35, 7.5, 7.5: ties in turn; 20: 14, 3, 3; 7: 4.9, 1.05, 1.05; 2: 1.4, .3, .3. */
    static const size_t want[6][3] = {{35, 8, 7}, {35, 7, 8}, {35, 8, 7},
                                      {14, 3, 3}, {5, 1, 1},  {2, 0, 0}};
    size_t k, p;

    for (k = 0; k < 6; k++) {
        char name[2] = {(char)('a' + k), '\0'};

        for (p = 0; p < SPLIT_PARTS; p++) {
            ck_assert_msg(of_class(ds, &split, (enum split_part)p, name) == want[k][p],
                          "class %s part %zu has %zu", name, p,
                          of_class(ds, &split, (enum split_part)p, name));
        }
    }
    ck_assert_uint_eq(warnings.n_items, 0);
    split_fini(&split);
    options.stratify = false; /* the same totals, but not by class */
    options.seed = 1;
    split = make(ds, &options, &warnings);
    counts(&split, 125, 27, 27);
    split_fini(&split);
    dataset_free(&ds);
}
END_TEST

START_TEST(numbers_are_classes_too)
{
    struct buf text = BUF_INIT;
    struct split_options options = options_for(0.25, 0.25, 0);
    struct dataset *ds;
    struct split split;
    size_t i, p;

    buf_puts(&text, "y,x\n");
    for (i = 0; i < 400; i++) {
        buf_printf(&text, "%s,%zu\n", i % 4 == 0 ? "3.5" : i % 4 == 1 ? "-1" : "7", i);
    }
    ds = table(text.data);
    split = make(ds, &options, NULL);
    counts(&split, 200, 100, 100);
    for (p = 0; p < SPLIT_PARTS; p++) {
        size_t sevens = 0;

        for (i = 0; i < split.n[p]; i++) {
            sevens += number_at(ds, "y", split.rows[p][i]) == 7.0;
        }
        ck_assert_uint_eq(sevens, split.n[p] / 2);
    }
    split_fini(&split);
    buf_fini(&text);
    dataset_free(&ds);
}
END_TEST

/* Three are named one by one, four are counted. */
START_TEST(many_classes_of_one)
{
    static const size_t sizes[] = {20, 1, 1, 1, 1};
    struct split_options options = options_for(0.2, 0.2, 1);
    size_t n;

    for (n = 4; n <= 5; n++) {
        struct dataset *ds = classes(sizes, n);
        struct err warnings = ERR_INIT;
        struct split split = make(ds, &options, &warnings);

        ck_assert_uint_eq(warnings.n_items, n == 4 ? 3 : 1);
        ck_assert_ptr_nonnull(strstr(warnings.items[0].detail,
                                     n == 4 ? "class \"b\" has one row only"
                                            : "4 classes have one row only, \"b\" and others"));
        split_fini(&split);
        err_fini(&warnings);
        dataset_free(&ds);
    }
}
END_TEST

START_TEST(a_class_of_one)
{
    static const size_t sizes[] = {20, 1, 20};
    struct dataset *ds = classes(sizes, 3);
    struct split_options options = options_for(0.45, 0.45, 1);
    struct err warnings = ERR_INIT, err = ERR_INIT;
    struct split split = make(ds, &options, &warnings), none = {.n = {99}};

    ck_assert_uint_eq(of_class(ds, &split, SPLIT_TRAINING, "b"), 1);
    ck_assert_uint_eq(warnings.n_items, 1);
    ck_assert_ptr_nonnull(strstr(warnings.items[0].detail, "class \"b\" has one row only"));
    split_fini(&split);
    err_fini(&warnings);
    options.stratify_asked = true;
    ck_assert_int_eq(split_make(ds, &options, &none, &warnings, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.detail, "class \"b\" has one row only, too few to stratify"));
    ck_assert_uint_eq(none.n[0], 99); /* untouched */
    err_fini(&err);
    err_fini(&warnings);
    dataset_free(&ds);
}
END_TEST

START_TEST(a_part_of_no_row)
{
    static const size_t three[] = {3};
    struct dataset *ds = classes(three, 1);
    struct split_options options = options_for(0.1, 0.1, -1);
    struct err warnings = ERR_INIT;
    struct split split = make(ds, &options, &warnings);

    counts(&split, 3, 0, 0);
    ck_assert_uint_eq(warnings.n_items, 2);
    ck_assert_str_eq(warnings.items[0].detail,
                     "the validation part is empty: 0.1 of 3 rows is none");
    ck_assert_str_eq(warnings.items[1].detail, "the test part is empty: 0.1 of 3 rows is none");
    split_fini(&split);
    err_fini(&warnings);
    options = options_for(0, 0.4, -1); /* of what was not asked for nothing is said */
    split = make(ds, &options, &warnings);
    counts(&split, 2, 0, 1);
    ck_assert_uint_eq(warnings.n_items, 0);
    split_fini(&split);
    dataset_free(&ds);
}
END_TEST

START_TEST(training_has_every_class)
{
    static const size_t sizes[] = {300, 2, 2, 2, 2, 2, 2};
    struct dataset *ds = classes(sizes, ARRAY_LEN(sizes));
    struct split_options options = options_for(0.45, 0.45, 1);
    struct split split;
    struct err err = ERR_INIT;
    size_t seed, missed = 0;
    char name[2] = "b";

    for (seed = 0; seed < 20; seed++) {
        options.seed = seed;
        options.stratify = true;
        split = make(ds, &options, NULL);
        for (name[0] = 'b'; name[0] <= 'g'; name[0]++) {
            ck_assert_uint_ge(of_class(ds, &split, SPLIT_TRAINING, name), 1);
        }
        split_fini(&split);
        options.stratify = false; /* by chance, training misses some: that is said */
        if (split_make(ds, &options, &split, NULL, &err) != 0) {
            ck_assert_int_eq(err.code, ERR_INVALID);
            ck_assert_ptr_nonnull(strstr(err.detail, "has no training row"));
            missed++;
            err_fini(&err);
        } else {
            split_fini(&split);
        }
    }
    ck_assert_uint_ge(missed, 15);
    dataset_free(&ds);
}
END_TEST

START_TEST(rows_without_a_class_have_a_part)
{
    struct buf text = BUF_INIT;
    struct split_options options = options_for(0.2, 0.2, 1);
    struct dataset *ds;
    struct split split;
    size_t i;

    buf_puts(&text, "x,y\n");
    for (i = 0; i < 100; i++) {
        buf_printf(&text, "%zu,%s\n", i, i % 10 == 0 ? "" : i % 2 ? "a" : "b");
    }
    ds = table(text.data);
    split = make(ds, &options, NULL);
    counts(&split, 60, 20, 20);
    ck_assert_uint_eq(of_class(ds, &split, SPLIT_TEST, NULL), 2);
    split_fini(&split);
    buf_fini(&text);
    dataset_free(&ds);
}
END_TEST

START_TEST(same_seed_same_split)
{
    static const size_t sizes[] = {9000, 5000, 3000};
    struct dataset *ds = classes(sizes, 3);
    struct split_options options = options_for(0.15, 0.15, 1);
    struct split a = make(ds, &options, NULL), b = make(ds, &options, NULL), c;
    size_t p, common = 0, i, k;

    for (p = 0; p < SPLIT_PARTS; p++) {
        ck_assert_uint_eq(a.n[p], b.n[p]);
        ck_assert(same_bits(a.rows[p], b.rows[p], a.n[p] * sizeof *a.rows[p]));
    }
    options.seed = 43;
    c = make(ds, &options, NULL);
    /* Two draws of 15 % share about 15 % of their rows. */
    for (i = 0, k = 0; i < a.n[SPLIT_TEST]; i++) {
        while (k < c.n[SPLIT_TEST] && c.rows[SPLIT_TEST][k] < a.rows[SPLIT_TEST][i]) {
            k++;
        }
        common += k < c.n[SPLIT_TEST] && c.rows[SPLIT_TEST][k] == a.rows[SPLIT_TEST][i];
    }
    ck_assert_double_eq_tol((double)common / (double)a.n[SPLIT_TEST], 0.15, 0.03);
    /* Pinned: a change of the generator would change every stored job's split. */
    ck_assert_uint_eq(a.rows[SPLIT_TEST][0], 1);
    ck_assert_uint_eq(a.rows[SPLIT_TEST][1000], 6926);
    split_fini(&a);
    split_fini(&b);
    split_fini(&c);
    dataset_free(&ds);
}
END_TEST

START_TEST(every_row_is_as_likely)
{
    static const size_t sizes[] = {12, 12};
    struct dataset *ds = classes(sizes, 2);
    struct split_options options = options_for(0.25, 0.25, 1);
    size_t tested[24] = {0}, i, row;

    for (i = 0; i < 2000; i++) {
        struct split split;
        struct err err = ERR_INIT;

        options.seed = i;
        ck_assert_int_eq(split_make(ds, &options, &split, NULL, &err), 0);
        for (row = 0; row < split.n[SPLIT_TEST]; row++) {
            tested[split.rows[SPLIT_TEST][row]]++;
        }
        split_fini(&split);
    }
    for (row = 0; row < 24; row++) { /* 500 expected, standard deviation 19 */
        ck_assert_msg(tested[row] > 400 && tested[row] < 600, "row %zu: %zu of 2000", row,
                      tested[row]);
    }
    dataset_free(&ds);
}
END_TEST

START_TEST(by_a_column)
{
    struct dataset *ds = table("x,y,fold\n1,a,train\n2,b,TEST\n3,b,Valid\n4,b,Training\n5,a,val\n"
                               "6,a,validation\n7,a,test\n");
    struct split_options options = {.way = SPLIT_COLUMN, .column = 2, .target = 1, .seed = 1};
    struct split split = make(ds, &options, NULL);

    counts(&split, 2, 3, 2);
    ck_assert_uint_eq(split.rows[SPLIT_TRAINING][1], 3);
    ck_assert_uint_eq(split.rows[SPLIT_TEST][0], 1);
    split_fini(&split);
    dataset_free(&ds);
}
END_TEST

static void column_refused(const char *text, int64_t row, size_t items, const char *detail)
{
    struct dataset *ds = table(text);
    struct split_options options = {.way = SPLIT_COLUMN, .column = 0, .target = 1};
    struct split split;
    struct err err = ERR_INIT;

    ck_assert_int_eq(split_make(ds, &options, &split, NULL, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_uint_eq(err.n_items, items);
    ck_assert_int_eq(err.items[0].row, row);
    ck_assert_str_eq(err.items[0].detail, detail);
    err_fini(&err);
    dataset_free(&ds);
}

START_TEST(bad_columns)
{
    column_refused(
        "f,y\ntrain,a\ntrain,b\nTrial,a\ntrial,a\nTrial,a\n,b\n", 3, 3,
        "row 3: the split column \"f\" has \"Trial\"; a part is train, validation or test");
    column_refused(
        "f,y\ntrain,a\n?,a\n", 2, 1,
        "row 2: the split column \"f\" has no value; a part is train, validation or test");
    column_refused(
        "f,y\n1,a\n2,b\n", 1, 1,
        "row 1: the split column \"f\" has numbers; a part is train, validation or test");
    column_refused("f,y\ntest,a\nval,b\n", 0, 1, "the split leaves no training rows");
    column_refused("f,y\ntrain,a\ntest,b\nval,c\ntrain,d\n", 0, 2,
                   "class \"b\" has no training row: let one of its rows train, or leave them all out "
                   "(data.filter)");
}
END_TEST

START_TEST(column_without_validation)
{
    struct buf text = BUF_INIT;
    struct split_options options = {.way = SPLIT_COLUMN, .column = 2, .target = 1, .stratify = true, .seed = 3};
    struct dataset *ds;
    struct split split;
    size_t i;

    buf_puts(&text, "x,y,part\n");
    for (i = 0; i < 300; i++) {
        buf_printf(&text, "%zu,%s,%s\n", i, i % 5 == 0 ? "rare" : "common",
                   i < 200 ? "train" : "test");
    }
    ds = table(text.data);
    split = make(ds, &options, NULL);
    counts(&split, 170, 30, 100);
    ck_assert_uint_eq(of_class(ds, &split, SPLIT_VALIDATION, "rare"), 6);
    ck_assert_uint_eq(split.rows[SPLIT_TEST][0], 200);
    ck_assert_uint_lt(split.rows[SPLIT_VALIDATION][29], 200);
    split_fini(&split);
    buf_fini(&text);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("split");
    TCase *fractions = tcase_create("fractions"), *column = tcase_create("column");

    tcase_add_checked_fixture(fractions, folder_make, folder_remove);
    tcase_set_timeout(fractions, 60);
    tcase_add_test(fractions, fractions_come_out_exactly);
    tcase_add_test(fractions, stratified);
    tcase_add_test(fractions, numbers_are_classes_too);
    tcase_add_test(fractions, a_class_of_one);
    tcase_add_test(fractions, many_classes_of_one);
    tcase_add_test(fractions, a_part_of_no_row);
    tcase_add_test(fractions, training_has_every_class);
    tcase_add_test(fractions, rows_without_a_class_have_a_part);
    tcase_add_test(fractions, same_seed_same_split);
    tcase_add_test(fractions, every_row_is_as_likely);
    suite_add_tcase(suite, fractions);
    tcase_add_checked_fixture(column, folder_make, folder_remove);
    tcase_add_test(column, by_a_column);
    tcase_add_test(column, bad_columns);
    tcase_add_test(column, column_without_validation);
    suite_add_tcase(suite, column);
    return run_suite(suite);
}
