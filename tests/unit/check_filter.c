/* Filters: every op on every type of column, missing cells, what does not fit; and columns as the
 * rows that are left show them. */
#include "data_help.h"

#include "base/buf.h"
#include "data/filter.h"

static const char cells[] = "n,t,b,d,s\n"
                            "1,red,yes,2025-01-01,a\n"
                            "2,blue,no,2025-06-01,a\n"
                            "2.5,red,yes,2026-01-01T12:00:00Z,b\n"
                            ",,,,b\n"
                            "-4,green,no,2027-01-01,c\n"
                            "7,3,yes,2024-01-01,c\n";

#define NUMBER(x)                                                                                  \
    {                                                                                              \
        .kind = FILTER_NUMBER, .number = (x)                                                       \
    }
#define TEXT(x)                                                                                    \
    {                                                                                              \
        .kind = FILTER_TEXT, .text = (char *)(uintptr_t)(x)                                        \
    }
#define TRUTH(x)                                                                                   \
    {                                                                                              \
        .kind = FILTER_BOOLEAN, .number = (x)                                                      \
    }

static const struct {
    const char *column;
    enum filter_op op;
    size_t n;
    struct filter_value values[3];
    const char *kept; /* a digit a row */
} cases[] = {
    {"n", FILTER_EQ, 1, {NUMBER(2)}, "010000"},
    {"n", FILTER_NE, 1, {NUMBER(2)}, "101011"},
    {"n", FILTER_LT, 1, {NUMBER(2)}, "100010"},
    {"n", FILTER_LE, 1, {NUMBER(2)}, "110010"},
    {"n", FILTER_GT, 1, {NUMBER(2)}, "001001"},
    {"n", FILTER_GE, 1, {NUMBER(2)}, "011001"},
    {"n", FILTER_IN, 3, {NUMBER(7), NUMBER(-4), NUMBER(2.5)}, "001011"},
    {"n", FILTER_NOT_IN, 2, {NUMBER(7), NUMBER(-4)}, "111000"},
    {"n", FILTER_MISSING, 0, {NUMBER(0)}, "000100"},
    {"n", FILTER_NOT_MISSING, 0, {NUMBER(0)}, "111011"},
    {"t", FILTER_EQ, 1, {TEXT("red")}, "101000"},
    {"t", FILTER_NE, 1, {TEXT("red")}, "010011"},
    {"t", FILTER_EQ, 1, {NUMBER(3)}, "000001"},
    {"t", FILTER_EQ, 1, {TEXT("pink")}, "000000"},
    {"t", FILTER_IN, 2, {TEXT("red"), TEXT("blue")}, "111000"},
    {"t", FILTER_NOT_IN, 2, {TEXT("red"), TEXT("blue")}, "000011"},
    {"t", FILTER_MISSING, 0, {NUMBER(0)}, "000100"},
    {"t", FILTER_NOT_MISSING, 0, {NUMBER(0)}, "111011"},
    {"b", FILTER_EQ, 1, {TRUTH(1)}, "101001"},
    {"b", FILTER_EQ, 1, {TEXT("no")}, "010010"},
    {"b", FILTER_EQ, 1, {TEXT("true")}, "101001"},
    {"b", FILTER_NE, 1, {NUMBER(1)}, "010010"},
    {"b", FILTER_IN, 2, {TRUTH(1), TRUTH(0)}, "111011"},
    {"d", FILTER_GE, 1, {TEXT("2026-01-01")}, "001010"},
    {"d", FILTER_LT, 1, {TEXT("2026-01-01T12:00:00Z")}, "110001"},
    {"d", FILTER_EQ, 1, {NUMBER(1735689600)}, "100000"},
    {"d", FILTER_MISSING, 0, {NUMBER(0)}, "000100"},
};

/* The condition of a case, borrowed. */
static struct filter_condition condition(size_t i)
{
    return (struct filter_condition){.column = (char *)(uintptr_t)cases[i].column,
                                     .op = cases[i].op,
                                     .n = cases[i].n,
                                     .values = (struct filter_value *)(uintptr_t)cases[i].values};
}

START_TEST(every_op_on_every_type)
{
    struct dataset *ds = table(cells);
    size_t i, row;

    ck_assert_int_eq(dataset_column(ds, 2)->type, COLUMN_BOOLEAN);
    ck_assert_int_eq(dataset_column(ds, 3)->type, COLUMN_DATETIME);
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct filter_condition c = condition(i);
        struct filter filter = {1, &c};
        struct err err = ERR_INIT;
        uint8_t keep[6];
        uint64_t alone, n = 0;

        memset(keep, 1, sizeof keep);
        ck_assert_int_eq(filter_check(&filter, ds, "/f", &err), 0);
        ck_assert_int_eq(filter_rows(&filter, ds, keep, &alone, &err), 0);
        for (row = 0; row < sizeof keep; row++) {
            ck_assert_msg(keep[row] == cases[i].kept[row] - '0', "case %zu row %zu: %d", i, row,
                          keep[row]);
            n += keep[row];
        }
        ck_assert_uint_eq(alone, n);
    }
    dataset_free(&ds);
}
END_TEST

START_TEST(all_conditions_hold)
{
    struct dataset *ds = table(cells);
    struct filter_condition c[2] = {condition(3), condition(12)}; /* n <= 2, t == 3 */
    struct filter filter = {2, c};
    struct err err = ERR_INIT;
    uint8_t keep[6];
    uint64_t alone[2];

    memset(keep, 1, sizeof keep);
    ck_assert_int_eq(filter_rows(&filter, ds, keep, alone, &err), 0);
    ck_assert_uint_eq(alone[0], 3);
    ck_assert_uint_eq(alone[1], 1);
    ck_assert_int_eq(keep[0] + keep[1] + keep[2] + keep[3] + keep[4] + keep[5], 0);
    dataset_free(&ds);
}
END_TEST

static void refused(const struct dataset *ds, const char *column, enum filter_op op,
                    struct filter_value value, const char *pointer, const char *words)
{
    struct filter_condition c = {(char *)(uintptr_t)column, op, 1, &value};
    struct filter filter = {1, &c};
    struct err err = ERR_INIT;

    ck_assert_int_eq(filter_check(&filter, ds, "/f", &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, pointer);
    ck_assert_msg(strstr(err.items[0].detail, words) != NULL, "%s", err.items[0].detail);
    err_fini(&err);
}

START_TEST(what_does_not_fit)
{
    struct dataset *ds = table(cells);

    refused(ds, "nn", FILTER_EQ, (struct filter_value)NUMBER(1), "/f/0/column", "no column \"nn\"");
    refused(ds, "n", FILTER_EQ, (struct filter_value)TEXT("1"), "/f/0/value",
            "\"n\" is numeric: the value must be a number");
    refused(ds, "n", FILTER_IN, (struct filter_value)TRUTH(1), "/f/0/value/0", "must be a number");
    refused(ds, "t", FILTER_EQ, (struct filter_value)TRUTH(1), "/f/0/value", "must be a text");
    refused(ds, "t", FILTER_LT, (struct filter_value)NUMBER(1), "/f/0/op",
            "\"t\" is categorical: < is for numbers and datetimes");
    refused(ds, "b", FILTER_EQ, (struct filter_value)NUMBER(2), "/f/0/value", "true or false");
    refused(ds, "d", FILTER_GT, (struct filter_value)TEXT("soon"), "/f/0/value",
            "must be a datetime");
    dataset_free(&ds);
}
END_TEST

START_TEST(columns_of_what_is_left)
{
    struct dataset *ds = table(cells);
    uint8_t keep[] = {1, 1, 0, 1, 1, 0};
    struct dataset_column *c;
    struct err err = ERR_INIT;
    uint64_t n;

    ck_assert_int_eq(filter_column(ds, 0, keep, &c, &err), 0);
    ck_assert_uint_eq(c->missing, 1);
    ck_assert(c->min <= -4 && c->min >= -4 && c->max <= 2 && c->max >= 2 && c->integers);
    ck_assert_uint_eq(c->distinct, 3);
    ck_assert(c->values[0] <= -4);
    filter_column_free(&c);
    keep[2] = 1; /* 2.5 */
    ck_assert_int_eq(filter_column(ds, 0, keep, &c, &err), 0);
    ck_assert(!c->integers);
    filter_column_free(&c);
    keep[2] = 0;
    ck_assert_int_eq(filter_column(ds, 4, keep, &c, &err), 0);
    ck_assert_uint_eq(c->n_categories, 3);
    ck_assert_uint_eq(c->counts[0], 2);
    filter_column_free(&c);
    ck_assert_int_eq(filter_column(ds, 1, keep, &c, &err), 0);
    ck_assert_uint_eq(c->n_categories, 3);
    ck_assert_str_eq(c->categories[2], "green");
    ck_assert_uint_eq(c->missing, 1);
    filter_column_free(&c);
    ck_assert_int_eq(filter_first_missing(ds, 1, NULL), 3);
    ck_assert_int_eq(filter_first_missing(ds, 4, NULL), -1);
    ck_assert_int_eq(filter_missing(ds, 1, keep, &n, &err), 0);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(keep[3], 0);
    ck_assert_int_eq(filter_first_missing(ds, 1, keep), -1);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter");
    TCase *tc = tcase_create("filter");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_add_test(tc, every_op_on_every_type);
    tcase_add_test(tc, all_conditions_hold);
    tcase_add_test(tc, what_does_not_fit);
    tcase_add_test(tc, columns_of_what_is_left);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
