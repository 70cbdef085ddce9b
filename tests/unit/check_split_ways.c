/* Splits that keep rows together: groups, times; and given ranges of rows; and rows that a mask
 * leaves out. */
#include "data_help.h"

#include "base/buf.h"
#include "data/split.h"

static struct split make(const struct dataset *ds, const struct split_options *options)
{
    struct split split;
    struct err err = ERR_INIT;

    ck_assert_msg(split_make(ds, options, &split, NULL, &err) == 0, "%s", err.detail);
    return split;
}

static void refused(const struct dataset *ds, const struct split_options *options, int64_t row,
                    const char *words)
{
    struct split split;
    struct err err = ERR_INIT;

    ck_assert_int_eq(split_make(ds, options, &split, NULL, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_int_eq(err.items[0].row, row);
    ck_assert_msg(strstr(err.detail, words) != NULL, "%s", err.detail);
    err_fini(&err);
}

/* sizes[k] rows of group k, in turn; the group as a text and as a number, and a time. */
static struct dataset *groups(const size_t *sizes, size_t n)
{
    struct buf text = BUF_INIT;
    size_t left[64], i, row = 0;
    struct dataset *ds;
    bool any = true;

    memcpy(left, sizes, n * sizeof *left);
    buf_puts(&text, "g,n,x\n");
    while (any) {
        any = false;
        for (i = 0; i < n; i++) {
            if (left[i] > 0) {
                left[i]--;
                any = true;
                buf_printf(&text, "patient %zu,%g,%zu\n", i, 0.5 * (double)i - 3, row++);
            }
        }
    }
    ds = table(text.data);
    buf_fini(&text);
    return ds;
}

/* No group is in two parts. */
static void kept_together(const struct dataset *ds, const struct split *split, const char *column)
{
    double values[64];
    int parts[64];
    size_t n = 0, p, i, k;

    for (p = 0; p < SPLIT_PARTS; p++) {
        for (i = 0; i < split->n[p]; i++) {
            double v = number_at(ds, column, split->rows[p][i]);

            ck_assert(i == 0 || split->rows[p][i] > split->rows[p][i - 1]);
            for (k = 0; k < n && (values[k] < v || values[k] > v); k++) {
            }
            if (k == n) {
                values[n] = v;
                parts[n++] = (int)p;
            }
            ck_assert_int_eq(parts[k], (int)p);
        }
    }
}

START_TEST(groups_stay_together)
{
    size_t sizes[40], i, total = 0, seed, different = 0;
    struct dataset *ds;

    for (i = 0; i < ARRAY_LEN(sizes); i++) {
        total += sizes[i] = 1 + i * i % 23;
    }
    ds = groups(sizes, ARRAY_LEN(sizes));
    for (seed = 0; seed < 30; seed++) {
        struct split_options options = {.way = SPLIT_GROUP,
                                        .column = 1,
                                        .validation = 0.15,
                                        .test = 0.2,
                                        .seed = seed,
                                        .target = -1};
        struct split split = make(ds, &options), again = make(ds, &options), texts;
        size_t wanted[SPLIT_PARTS] = {total * 65 / 100, total * 15 / 100, total * 20 / 100}, p;

        kept_together(ds, &split, "n");
        ck_assert_uint_eq(split.n[0] + split.n[1] + split.n[2], total);
        for (p = 0; p < SPLIT_PARTS; p++) { /* small groups fill what large ones leave */
            ck_assert_uint_eq(split.n[p], again.n[p]);
            ck_assert(same_bits(split.rows[p], again.rows[p], split.n[p] * sizeof(uint64_t)));
            ck_assert_uint_le(split.n[p], wanted[p] + 3);
            ck_assert_uint_ge(split.n[p] + 3, wanted[p]);
        }
        different += split.rows[SPLIT_TEST][0] != 0;
        options.column = 0; /* the same groups by their texts */
        texts = make(ds, &options);
        kept_together(ds, &texts, "n");
        split_fini(&texts);
        split_fini(&split);
        split_fini(&again);
    }
    ck_assert_uint_gt(different, 5);
    ck_assert_uint_lt(different, 30);
    dataset_free(&ds);
}
END_TEST

START_TEST(few_groups_fill_every_part)
{
    static const size_t sizes[] = {98, 1, 1};
    struct dataset *ds = groups(sizes, 3);
    struct split_options options = {
        .way = SPLIT_GROUP, .column = 0, .validation = 0.15, .test = 0.15, .target = -1};

    for (options.seed = 0; options.seed < 10; options.seed++) {
        struct split split = make(ds, &options);

        ck_assert_uint_eq(split.n[SPLIT_TRAINING], 98);
        ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 1);
        ck_assert_uint_eq(split.n[SPLIT_TEST], 1);
        split_fini(&split);
    }
    dataset_free(&ds);
    ds = groups(sizes, 2);
    refused(ds, &options, 0, "the group column \"g\" has 2 different values among the rows, and 3");
    options.test = 0;
    {
        struct split split = make(ds, &options);

        ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 1);
        split_fini(&split);
    }
    dataset_free(&ds);
}
END_TEST

START_TEST(groups_need_a_value)
{
    struct dataset *ds = table("g,n,x\na,1,1\nb,2,2\n,3,3\nc,,4\n,5,5\nd,6,6\n");
    struct split_options options = {.way = SPLIT_GROUP, .column = 0, .test = 0.3, .target = -1};
    uint8_t keep[] = {1, 1, 0, 1, 0, 1};
    struct split split;

    refused(ds, &options, 3, "2 rows have no value of the group column \"g\", the first is row 3");
    options.column = 1;
    refused(ds, &options, 4, "1 row has no value of the group column \"n\", the first is row 4");
    options.column = 0;
    options.keep = keep;
    split = make(ds, &options);
    ck_assert_uint_eq(split.n[SPLIT_TRAINING] + split.n[SPLIT_TEST], 4);
    split_fini(&split);
    dataset_free(&ds);
}
END_TEST

static struct dataset *times(size_t n, size_t per_day)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    size_t i;

    buf_puts(&text, "day,x,word\n");
    for (i = 0; i < n; i++) { /* newest first */
        size_t day = (n - 1 - i) / per_day;

        buf_printf(&text, "2026-%02zu-%02zu,%zu,w%zu\n", 1 + day / 28, 1 + day % 28, day, i % 3);
    }
    ds = table(text.data);
    buf_fini(&text);
    return ds;
}

START_TEST(newest_test)
{
    struct split_options options = {
        .way = SPLIT_TIME, .column = 0, .validation = 0.2, .test = 0.1, .target = -1};
    struct dataset *ds = times(100, 1);
    struct split split = make(ds, &options);

    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 70);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 20);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 10);
    ck_assert_uint_eq(split.rows[SPLIT_TEST][9], 9); /* the first rows are the newest */
    ck_assert_uint_eq(split.rows[SPLIT_VALIDATION][0], 10);
    ck_assert_uint_eq(split.rows[SPLIT_TRAINING][0], 30);
    split_fini(&split);
    options.column = 1; /* the same as numbers */
    options.validation = 0;
    split = make(ds, &options);
    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 90);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 0);
    ck_assert_uint_eq(split.rows[SPLIT_TEST][9], 9);
    split_fini(&split);
    options.column = 2;
    refused(ds, &options, 0, "the time column \"word\" is categorical: times are");
    dataset_free(&ds);
}
END_TEST

START_TEST(equal_times_stay_together)
{
    struct split_options options = {
        .way = SPLIT_TIME, .column = 0, .validation = 0.2, .test = 0.2, .target = -1};
    struct dataset *ds = times(70, 10); /* 7 days: cuts at 42 and 56 move to 40 and 60 */
    struct split split = make(ds, &options);

    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 40);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 20);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 10);
    kept_together(ds, &split, "x");
    split_fini(&split);
    dataset_free(&ds);
    ds = times(100, 40); /* 20, 40, 40 rows a day */
    split = make(ds, &options);
    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 40);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 40);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 20);
    split_fini(&split);
    dataset_free(&ds);
    ds = times(100, 50);
    refused(ds, &options, 0, "the time column \"day\" has 2 different values among the rows");
    dataset_free(&ds);
}
END_TEST

/* The cut nearest to what the fraction says would leave one time for two parts. */
START_TEST(later_parts_keep_a_time)
{
    struct split_options options = {
        .way = SPLIT_TIME, .column = 0, .validation = 0.2, .test = 0.2, .target = -1};
    struct buf text = BUF_INIT;
    struct dataset *ds;
    struct split split;
    size_t i;

    buf_puts(&text, "day,x\n");
    for (i = 0; i < 100; i++) {
        buf_printf(&text, "%d,%zu\n", i < 2 ? (int)i : 2, i);
    }
    ds = table(text.data);
    split = make(ds, &options);
    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 1);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 1);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 98);
    split_fini(&split);
    buf_fini(&text);
    dataset_free(&ds);
}
END_TEST

START_TEST(given_rows)
{
    static const struct split_range training[] = {{50, 59}, {0, 9}}, test[] = {{98, 99}};
    static const struct split_range *const ranges[SPLIT_PARTS] = {training, NULL, test};
    struct split_options options = {
        .way = SPLIT_RANGES, .ranges = ranges, .n_ranges = {2, 0, 1}, .target = -1};
    struct dataset *ds = times(100, 1);
    struct split split = make(ds, &options);
    uint8_t keep[100];
    size_t n[SPLIT_PARTS];
    struct err err = ERR_INIT;

    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 20);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 0);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 2);
    ck_assert_uint_eq(split.rows[SPLIT_TRAINING][10], 50);
    ck_assert_uint_eq(split.rows[SPLIT_TEST][1], 99);
    split_fini(&split);
    memset(keep, 1, sizeof keep);
    keep[0] = keep[55] = keep[98] = keep[30] = 0;
    options.keep = keep;
    ck_assert_int_eq(split_count(ds, &options, n, &err), 0);
    ck_assert_uint_eq(n[SPLIT_TRAINING], 18);
    ck_assert_uint_eq(n[SPLIT_TEST], 1);
    memset(keep, 0, sizeof keep);
    refused(ds, &options, 0, "the split leaves no training rows");
    dataset_free(&ds);
}
END_TEST

START_TEST(rows_left_out_count_nowhere)
{
    struct dataset *ds = table("x,y,fold\n1,a,train\n2,b,oops\n3,b,test\n4,c,\n5,a,val\n"
                               "6,b,train\n7,d,test\n");
    uint8_t keep[] = {1, 0, 1, 0, 1, 1, 0};
    struct split_options options = {
        .way = SPLIT_COLUMN, .column = 2, .target = 1, .stratify = true, .keep = keep};
    struct split split = make(ds, &options);

    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 2); /* and no word of the classes c and d */
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 1);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 1);
    split_fini(&split);
    options = (struct split_options){.validation = 0.25, .test = 0.25, .target = -1, .keep = keep};
    split = make(ds, &options);
    ck_assert_uint_eq(split.n[SPLIT_TRAINING], 2);
    ck_assert_uint_eq(split.n[SPLIT_VALIDATION], 1);
    ck_assert_uint_eq(split.n[SPLIT_TEST], 1);
    split_fini(&split);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("split_ways");
    TCase *tc = tcase_create("ways");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, groups_stay_together);
    tcase_add_test(tc, few_groups_fill_every_part);
    tcase_add_test(tc, groups_need_a_value);
    tcase_add_test(tc, newest_test);
    tcase_add_test(tc, equal_times_stay_together);
    tcase_add_test(tc, later_parts_keep_a_time);
    tcase_add_test(tc, given_rows);
    tcase_add_test(tc, rows_left_out_count_nowhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
