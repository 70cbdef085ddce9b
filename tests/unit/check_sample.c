/* Over- and undersampling: exact counts, every row as often as it should be, the same every time.
 */
#include "data_help.h"

#include "data/sample.h"

/* 70 rows of class 0, 20 of 1, 10 of 3; none of 2. */
static void labels_of(uint32_t *labels)
{
    size_t i;

    for (i = 0; i < 100; i++) {
        labels[i] = i % 10 < 7 ? 0 : i % 10 < 9 ? 1 : 3;
    }
}

static struct sampled make(enum sample_kind kind, double ratio, uint64_t seed)
{
    struct sample_options options = {kind, ratio, seed};
    struct err err = ERR_INIT;
    struct sampled s;
    uint32_t labels[100];
    size_t times[100] = {0}, i, k;

    labels_of(labels);
    ck_assert_int_eq(sample_rows(&options, labels, 100, 4, &s, &err), 0);
    for (i = 0; i < s.n; i++) {
        ck_assert(i == 0 || s.picks[i] >= s.picks[i - 1]);
        times[s.picks[i]]++;
    }
    for (k = 0; k < 4; k++) {
        uint64_t sum = 0;

        for (i = 0; i < 100; i++) {
            if (labels[i] == k) { /* no row more than once more often than another */
                ck_assert_uint_ge(times[i], s.after[k] / s.before[k]);
                ck_assert_uint_le(times[i], s.after[k] / s.before[k] + 1);
                sum += times[i];
            }
        }
        ck_assert_uint_eq(sum, s.after[k]);
    }
    return s;
}

static void counts(struct sampled s, uint64_t a, uint64_t b, uint64_t c)
{
    ck_assert_msg(s.after[0] == a && s.after[1] == b && s.after[2] == 0 && s.after[3] == c,
                  "%llu %llu %llu", (unsigned long long)s.after[0], (unsigned long long)s.after[1],
                  (unsigned long long)s.after[3]);
    ck_assert_uint_eq(s.n, a + b + c);
    ck_assert(s.before[0] == 70 && s.before[1] == 20 && s.before[3] == 10);
    sampled_fini(&s);
}

START_TEST(counts_come_out_exactly)
{
    uint64_t seed;

    for (seed = 0; seed < 20; seed++) {
        counts(make(SAMPLE_OVER, 1, seed), 70, 70, 70);
        counts(make(SAMPLE_OVER, 0.5, seed), 70, 35, 35);
        counts(make(SAMPLE_OVER, 0.2, seed), 70, 20, 14);
        counts(make(SAMPLE_UNDER, 1, seed), 10, 10, 10);
        counts(make(SAMPLE_UNDER, 0.4, seed), 25, 20, 10);
        counts(make(SAMPLE_NONE, 1, seed), 70, 20, 10);
    }
}
END_TEST

/* 0.07 * 100 is a little more than 7, 10 / (10 / 29) a little less than 29. */
START_TEST(ratios_are_not_exact)
{
    const uint64_t many[] = {100, 3}, few[] = {10, 60};
    uint64_t after[2];

    ck_assert_uint_eq(
        sample_counts(&(struct sample_options){SAMPLE_OVER, 0.07, 1}, many, 2, after), 107);
    ck_assert_uint_eq(after[1], 7);
    ck_assert_uint_eq(
        sample_counts(&(struct sample_options){SAMPLE_UNDER, 10.0 / 29, 1}, few, 2, after), 39);
    ck_assert_uint_eq(after[1], 29);
}
END_TEST

START_TEST(the_seed_decides)
{
    struct sampled a = make(SAMPLE_UNDER, 1, 1), b = make(SAMPLE_UNDER, 1, 1),
                   c = make(SAMPLE_UNDER, 1, 2);

    ck_assert(same_bits(a.picks, b.picks, a.n * sizeof *a.picks));
    ck_assert(!same_bits(a.picks, c.picks, a.n * sizeof *a.picks));
    sampled_fini(&a);
    sampled_fini(&b);
    sampled_fini(&c);
}
END_TEST

START_TEST(every_row_is_as_likely)
{
    size_t kept[100] = {0}, i;
    uint64_t seed;

    for (seed = 0; seed < 1400; seed++) {
        struct sampled s = make(SAMPLE_UNDER, 1, seed);

        for (i = 0; i < s.n; i++) {
            kept[s.picks[i]]++;
        }
        sampled_fini(&s);
    }
    for (i = 0; i < 100; i += 10) { /* 200 expected of class 0, standard deviation 13 */
        ck_assert_uint_gt(kept[i], 140);
        ck_assert_uint_lt(kept[i], 260);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sample");
    TCase *tc = tcase_create("sample");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_add_test(tc, counts_come_out_exactly);
    tcase_add_test(tc, ratios_are_not_exact);
    tcase_add_test(tc, the_seed_decides);
    tcase_add_test(tc, every_row_is_as_likely);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
