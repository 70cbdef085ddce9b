/* Quantiles and histograms: exact where they say so, near where they do not, always the same. */
#include "data_help.h"

#include "data/sketch.h"

static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

static void add_all(struct sketch *s, const double *values, size_t n, size_t piece)
{
    size_t at;

    for (at = 0; at < n; at += piece) {
        ck_assert_int_eq(sketch_add(s, values + at, n - at < piece ? n - at : piece), 0);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static uint64_t sum(const struct histogram *h)
{
    uint64_t total = h->below + h->above;
    size_t i;

    for (i = 0; i < h->n; i++) {
        total += h->counts[i];
    }
    return total;
}

/* numpy.quantile of the same values. */
START_TEST(exact_as_numpy)
{
    static const double values[] = {3, 1, 4, 1, 5, 9, 2, 6}, minus_zero = -0.0;
    struct sketch s;

    sketch_init(&s, 64);
    add_all(&s, values, ARRAY_LEN(values), 3);
    ck_assert_int_eq(sketch_sort(&s), 0);
    ck_assert(sketch_is_exact(&s));
    ck_assert_double_eq(sketch_quantile(&s, 0.0), 1.0);
    ck_assert_double_eq_tol(sketch_quantile(&s, 0.25), 1.75, 1e-12);
    ck_assert_double_eq_tol(sketch_quantile(&s, 0.5), 3.5, 1e-12);
    ck_assert_double_eq_tol(sketch_quantile(&s, 0.95), 7.95, 1e-12);
    ck_assert_double_eq(sketch_quantile(&s, 1.0), 9.0);
    ck_assert(!sketch_all_differ(&s));
    sketch_fini(&s);
    sketch_init(&s, 64);
    ck_assert_int_eq(sketch_add(&s, &minus_zero, 1), 0);
    ck_assert_int_eq(sketch_sort(&s), 0);
    ck_assert(!signbit(sketch_quantile(&s, 0.5))); /* 0 and -0 are one */
    sketch_fini(&s);
    sketch_init(&s, 64);
    ck_assert_int_eq(sketch_sort(&s), 0);
    ck_assert(isnan(sketch_quantile(&s, 0.5)));
    sketch_fini(&s);
}
END_TEST

/* However close values are, or far apart, a quantile is between them, and they ascend. */
START_TEST(quantiles_ascend)
{
    static const double shares[] = {0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1};
    uint64_t state = 1;
    size_t i, k;

    for (i = 0; i < 2000; i++) {
        double values[3] = {ldexp(uniform(&state) - 0.5, (int)(i % 100) - 20)}, before = -INFINITY;
        struct sketch s;

        values[1] = values[0];
        for (k = 0; k <= i % 7; k++) {
            values[1] = nextafter(values[1], INFINITY);
        }
        values[2] = i % 3 == 0 ? 1e308 : values[1];
        values[0] = i % 5 == 0 ? -1e308 : values[0];
        sketch_init(&s, 64);
        add_all(&s, values, 2 + i % 2, 1);
        ck_assert_int_eq(sketch_sort(&s), 0);
        for (k = 0; k < ARRAY_LEN(shares); k++) {
            double q = sketch_quantile(&s, shares[k]);

            ck_assert_msg(q >= values[0] && q <= values[1 + i % 2] && q >= before,
                          "%zu: %.17g after %.17g", i, q, before);
            before = q;
        }
        ck_assert_double_eq(before, values[1 + i % 2]);
        sketch_fini(&s);
    }
}
END_TEST

/* The capacity-th value is still exact, the next one no more; signs, huge and tiny ones sort. */
START_TEST(the_edge_of_exact)
{
    double values[129];
    struct sketch s;
    uint64_t state = 1;
    size_t i;

    for (i = 0; i < ARRAY_LEN(values); i++) {
        values[i] = ldexp(uniform(&state) - 0.5, (int)(i * 37 % 1800) - 900);
    }
    sketch_init(&s, 128);
    add_all(&s, values, 128, 128);
    ck_assert(sketch_is_exact(&s));
    ck_assert_int_eq(sketch_sort(&s), 0);
    for (i = 1; i < 128; i++) {
        ck_assert(s.kept[i - 1] < s.kept[i]);
    }
    ck_assert(sketch_all_differ(&s));
    qsort(values, 128, sizeof *values, compare);
    ck_assert(same_bits(s.kept, values, 128 * sizeof *values));
    sketch_fini(&s);
    sketch_init(&s, 128);
    add_all(&s, values, 129, 129);
    ck_assert(!sketch_is_exact(&s));
    ck_assert_uint_le(s.n, 128);
    sketch_fini(&s);
}
END_TEST

/* In any order of values, within the promised error; however the values come in pieces, the same
 * bits. */
START_TEST(near_when_large)
{
    enum { N = 1000003, CAPACITY = 4096 };
    double *values = xcalloc(N, sizeof *values), *sorted = xcalloc(N, sizeof *values);
    static const double ps[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
    uint64_t state = 7;
    size_t i, order;

    for (order = 0; order < 4; order++) {
        struct histogram a, b;
        struct sketch s, again;

        for (i = 0; i < N; i++) {
            double u = uniform(&state);

            values[i] = order == 0   ? -log(1.0 - u)
                        : order == 1 ? (double)i
                        : order == 2 ? (double)(N - i)
                                     : (double)(i % 4096) + u;
        }
        memcpy(sorted, values, N * sizeof *values);
        qsort(sorted, N, sizeof *sorted, compare);
        sketch_init(&s, CAPACITY);
        sketch_init(&again, CAPACITY);
        add_all(&s, values, N, 8192);
        add_all(&again, values, N, 1013);
        ck_assert_uint_eq(s.n, again.n);
        ck_assert_int_eq(sketch_sort(&s), 0);
        ck_assert_int_eq(sketch_sort(&again), 0);
        ck_assert(same_bits(s.kept, again.kept, s.n * sizeof *s.kept));
        ck_assert_uint_ge(s.n, CAPACITY / 2);
        for (i = 0; i < ARRAY_LEN(ps); i++) {
            double bound = 2 * sqrt(ps[i] * (1 - ps[i]) / CAPACITY) + 2.0 / CAPACITY;
            double got = sketch_quantile(&s, ps[i]);
            double low = sorted[(size_t)(fmax(0.0, ps[i] - bound) * (N - 1))];
            double high = sorted[(size_t)(fmin(1.0, ps[i] + bound) * (N - 1))];

            ck_assert_msg(got >= low && got <= high, "order %zu, p %g: %g is not in %g..%g", order,
                          ps[i], got, low, high);
        }
        sketch_histogram(&s, sorted[0], sorted[N - 1], false, &a);
        sketch_histogram(&again, sorted[0], sorted[N - 1], false, &b);
        ck_assert(same_bits(&a, &b, sizeof a));
        ck_assert_uint_eq(sum(&a), N);
        sketch_fini(&s);
        sketch_fini(&again);
    }
    free(values);
    free(sorted);
}
END_TEST

static void histogram_of(const double *values, size_t n, bool integers, struct histogram *out)
{
    double min = INFINITY, max = -INFINITY;
    struct sketch s;
    size_t i;

    for (i = 0; i < n; i++) {
        min = fmin(min, values[i]);
        max = fmax(max, values[i]);
    }
    sketch_init(&s, 65536);
    add_all(&s, values, n, n);
    ck_assert_int_eq(sketch_sort(&s), 0);
    sketch_histogram(&s, min, max, integers, out);
    ck_assert_uint_eq(sum(out), n);
    ck_assert_uint_le(out->n, SKETCH_BINS);
    sketch_fini(&s);
}

START_TEST(bins)
{
    static const double dice[] = {1, 6, 3, 3, 2, 6, 6};
    static const double huge[] = {-1.7e308, 1.7e308, 0, 1, 2, 3, 4, 5};
    double values[1000];
    struct histogram h;
    size_t i;

    histogram_of(dice, ARRAY_LEN(dice), true, &h);
    ck_assert_uint_eq(h.n, 6);
    ck_assert_double_eq(h.low, 0.5);
    ck_assert_double_eq(h.high, 6.5);
    ck_assert_uint_eq(h.counts[5], 3);
    ck_assert_uint_eq(h.counts[3], 0);
    histogram_of(dice, 1, false, &h);
    ck_assert_uint_eq(h.n, 1);
    ck_assert_double_eq(h.low, 1);
    histogram_of(huge, ARRAY_LEN(huge), false, &h);
    ck_assert_uint_eq(h.n, 4); /* twice the cube root of 8 */
    for (i = 0; i < 1000; i++) {
        values[i] = (double)i / 10;
    }
    histogram_of(values, 1000, false, &h);
    ck_assert_uint_eq(h.n, 20);
    ck_assert_uint_eq(h.below + h.above, 0);
    ck_assert_double_eq(h.low, 0);
    ck_assert_double_eq(h.high, 99.9);
    ck_assert_uint_eq(h.counts[0], 50);
    ck_assert_uint_eq(h.counts[19], 50);
    /* Two that are far out do not press the others into one bin. */
    values[0] = -1e9;
    values[1] = 1e12;
    histogram_of(values, 1000, false, &h);
    ck_assert_uint_eq(h.below, 1);
    ck_assert_uint_eq(h.above, 1);
    ck_assert(h.low > -100 && h.high < 200);
    /* Nearly all the same: no span to measure by. */
    for (i = 0; i < 1000; i++) {
        values[i] = i < 998 ? 0 : 1e6 * (double)(i - 997);
    }
    histogram_of(values, 1000, false, &h);
    ck_assert_uint_eq(h.below + h.above, 0);
    ck_assert_double_eq(h.high, 2e6);
    histogram_of(values, 0 + 1, true, &h);
    ck_assert_uint_eq(h.n, 1);
}
END_TEST

START_TEST(room_for_all_columns)
{
    static const size_t columns[] = {1, 14, 64, 65, 785, 10000, 100000};
    size_t i;

    ck_assert_uint_eq(sketch_capacity(1), 65536);
    ck_assert_uint_eq(sketch_capacity(64), 65536);
    for (i = 0; i < ARRAY_LEN(columns); i++) {
        size_t capacity = sketch_capacity(columns[i]);

        ck_assert_uint_ge(capacity, 64);
        ck_assert_uint_eq(capacity & (capacity - 1), 0);
        ck_assert(capacity == 64 || capacity * columns[i] * sizeof(double) <= 32u << 20);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sketch");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, exact_as_numpy);
    tcase_add_test(all, quantiles_ascend);
    tcase_add_test(all, the_edge_of_exact);
    tcase_add_test(all, near_when_large);
    tcase_add_test(all, bins);
    tcase_add_test(all, room_for_all_columns);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
