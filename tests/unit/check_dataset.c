/* The columnar dataset file: exact cells, narrow chunks, statistics, threads. */
#include "data_help.h"

#include <float.h>
#include <pthread.h>

START_TEST(every_bit_survives)
{
    static const double values[] = {
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        DBL_MAX,
        -DBL_MAX,
        DBL_MIN,
        4.9e-324,
        FLT_MAX,
        1e-40,
        127,
        128,
        -127,
        -128,
        -129,
        255,
        256,
        32767,
        -32768,
        2147483647.0,
        -2147483648.0,
        2147483648.0,
        9007199254740993.0,
        0.30000000000000004,
        16777217.0,
        3.4028235677973366e38,
    };
    struct dataset_summary summary;
    size_t n = ARRAY_LEN(values), i, k;

    /* Alone, beside a missing cell, and all together: each takes another kind of chunk. */
    for (i = 0; i < n; i++) {
        double pair[2] = {values[i], NAN}, back[2];
        struct err err = ERR_INIT;

        for (k = 1; k <= 2; k++) {
            struct dataset *ds = numbers(pair, k, &summary);

            ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, k, back, &err), 0);
            ck_assert_msg(same_bits(&back[0], &values[i], sizeof(double)),
                          "%.17g came back as %.17g", values[i], back[0]);
            ck_assert(k == 1 || isnan(back[1]));
            ck_assert_uint_eq(dataset_column(ds, 0)->missing, k - 1);
            dataset_free(&ds);
        }
    }
    {
        struct dataset *ds = numbers(values, n, &summary);
        double back[ARRAY_LEN(values)];
        struct err err = ERR_INIT;

        ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, n, back, &err), 0);
        ck_assert(same_bits(back, values, sizeof back));
        dataset_free(&ds);
    }
}
END_TEST

/* What a file of numbers of `width` bytes in one group weighs. */
static size_t file_bytes(const struct dataset *ds, size_t width)
{
    const struct dataset_column *c = dataset_column(ds, 0);
    size_t head = 16, directory = 8, tail = 8 + 64 + 8, values = c->values != NULL ? c->distinct : 0;
    size_t footer = 8 + 4 + 4 + 8 + 8 + 1 + 4;
    size_t about = 1 + 4 + strlen("v") + 8 + 1 + 4 + strlen(c->why) + 4 +
                   (c->remark != NULL ? strlen(c->remark) : 0) + 4;
    size_t numbers = 4 * 8 + 1 + 8 + 4 + 8 * values + 8 * DATASET_QUANTILES;
    size_t histogram = 4 + 2 * 8 + 2 * 8 + 8 * c->histogram.n;

    return head + dataset_rows(ds) * width + directory + footer + about + numbers + histogram + tail;
}

START_TEST(narrowest_kind)
{
    static const struct {
        double low, step;
        bool missing;
        size_t width;
    } cases[] = {
        {-127, 1, true, 1},
        {0, 1, false, 1},
        {56, 1, false, 1},
        {56, 1, true, 2},
        {57, 1, false, 2},
        {-128, 1, false, 2},
        {32568, 1, true, 2},
        {32569, 1, false, 4},
        {-32767, 1, true, 2},
        {-32768, 1, false, 4},
        {2147483448.0, 1, true, 4},
        {2147483449.0, 1, false, 8},
        {0.5, 0.25, true, 4},
        {0.1, 0.1, false, 8},
        {1e300, 1e299, false, 8},
        {16777216.0, 2, true, 4},
        {4294967296.0, 512, false, 4},
    };
    double values[200];
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct dataset_summary summary;
        struct dataset *ds;

        for (k = 0; k < 200; k++) {
            values[k] = cases[i].low + (double)k * cases[i].step;
        }
        if (cases[i].missing) {
            values[100] = NAN;
        }
        ds = numbers(values, 200, &summary);
        ck_assert_msg(summary.bytes == file_bytes(ds, cases[i].width),
                      "case %zu: %zu bytes, not %zu", i, (size_t)summary.bytes,
                      file_bytes(ds, cases[i].width));
        dataset_free(&ds);
    }
}
END_TEST

START_TEST(group_edges)
{
    static const size_t sizes[] = {1, 8191, 8192, 8193, 16384, 16385};
    double *values = xcalloc(16385, sizeof *values), *back = xcalloc(16385, sizeof *back);
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(sizes); i++) {
        struct dataset_summary summary;
        struct err err = ERR_INIT;
        struct dataset *ds;
        size_t n = sizes[i];

        for (k = 0; k < n; k++) {
            values[k] = k % 5 == 0 ? NAN : (double)k / 3.0;
        }
        ds = numbers(values, n, &summary);
        ck_assert_uint_eq(dataset_rows(ds), n);
        ck_assert_int_eq(dataset_read_numbers(ds, 0, 0, n, back, &err), 0);
        ck_assert(same_bits(back, values, n * sizeof *back));
        for (k = 0; k < n; k += 1021) { /* odd pieces across the edges */
            size_t len = n - k < 9000 ? n - k : 9000;

            ck_assert_int_eq(dataset_read_numbers(ds, 0, k, len, back, &err), 0);
            ck_assert(same_bits(back, values + k, len * sizeof *back));
        }
        ck_assert_int_eq(dataset_read_numbers(ds, 0, n, 0, back, &err), 0);
        dataset_free(&ds);
    }
    free(values);
    free(back);
}
END_TEST

START_TEST(wide_tables_have_smaller_groups)
{
    enum { COLUMNS = 1000, ROWS = 5000 };
    char(*names)[8] = xcalloc(COLUMNS, sizeof *names);
    const char **pointers = xcalloc(COLUMNS, sizeof *pointers);
    enum column_type *types = xcalloc(COLUMNS, sizeof *types);
    double *back = xcalloc(ROWS, sizeof *back);
    uint32_t *codes = xcalloc(ROWS, sizeof *codes);
    struct dataset_summary summary;
    struct dataset_writer *w;
    struct err err = ERR_INIT;
    struct dataset *ds;
    size_t i, k, wrong = 0;

    for (k = 0; k < COLUMNS; k++) {
        (void)snprintf(names[k], sizeof names[k], "c%zu", k);
        pointers[k] = names[k];
        types[k] = k % 3 == 1 ? COLUMN_CATEGORICAL : COLUMN_NUMERIC;
    }
    ck_assert_int_eq(dataset_writer_new(folder, COLUMNS, pointers, types, &w, &err), 0);
    for (i = 0; i < ROWS; i++) {
        for (k = 0; k < COLUMNS; k++) {
            char text[32];
            int n = snprintf(text, sizeof text, "t%zu", (i * k) % 300);

            wrong +=
                (types[k] == COLUMN_NUMERIC ? dataset_writer_number(w, (double)(i * 1000 + k), &err)
                                            : dataset_writer_text(w, text, (size_t)n, &err)) != 0;
        }
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    ds = dataset_of(&summary);
    for (k = 0; k < COLUMNS; k += 37) {
        ck_assert_int_eq(dataset_find(ds, names[k]), (ptrdiff_t)k);
        if (types[k] == COLUMN_NUMERIC) {
            ck_assert_int_eq(dataset_read_numbers(ds, k, 0, ROWS, back, &err), 0);
        } else {
            ck_assert_int_eq(dataset_read_codes(ds, k, 0, ROWS, codes, &err), 0);
        }
        for (i = 0; i < ROWS; i++) {
            if (types[k] == COLUMN_NUMERIC) {
                wrong += back[i] != (double)(i * 1000 + k);
            } else {
                wrong += strtoul(dataset_column(ds, k)->categories[codes[i]] + 1, NULL, 10) !=
                         (i * k) % 300;
            }
        }
    }
    ck_assert_uint_eq(wrong, 0);
    dataset_free(&ds);
    free(names);
    free(pointers);
    free(types);
    free(back);
    free(codes);
}
END_TEST

START_TEST(codes_of_all_widths)
{
    enum { ROWS = 70000 };
    static const char *const names[] = {"t"};
    static const enum column_type types[] = {COLUMN_CATEGORICAL};
    uint32_t *codes = xcalloc(ROWS, sizeof *codes);
    struct dataset_summary summary;
    struct dataset_writer *w;
    struct err err = ERR_INIT;
    struct dataset *ds;
    const struct dataset_column *c;
    char text[32];
    uint64_t counted = 0, present = 0;
    uint32_t i, wrong = 0;

    /* The dictionary passes 255 in the first group and 65535 in the last. */
    ck_assert_int_eq(dataset_writer_new(folder, 1, names, types, &w, &err), 0);
    for (i = 0; i < ROWS; i++) {
        int n = snprintf(text, sizeof text, "%u", i < 200 ? i % 20 : i < 300 ? i : i / 2 * 2);

        wrong += dataset_writer_text(w, i % 11 == 0 ? NULL : text, (size_t)n, &err) != 0;
    }
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    ds = dataset_of(&summary);
    c = dataset_column(ds, 0);
    ck_assert_uint_eq(c->missing, (ROWS + 10) / 11);
    ck_assert_uint_eq(c->distinct, c->n_categories);
    ck_assert_str_eq(c->categories[0], "1"); /* row 0 is missing; first appearance */
    ck_assert_int_eq(dataset_read_codes(ds, 0, 0, ROWS, codes, &err), 0);
    for (i = 0; i < ROWS; i++) {
        (void)snprintf(text, sizeof text, "%u", i < 200 ? i % 20 : i < 300 ? i : i / 2 * 2);
        wrong +=
            i % 11 == 0 ? codes[i] != DATASET_MISSING : strcmp(c->categories[codes[i]], text) != 0;
        present += i % 11 != 0;
    }
    for (i = 0; i < c->n_categories; i++) {
        counted += c->counts[i];
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(counted, present);
    dataset_free(&ds);
    free(codes);
}
END_TEST

/* One text more, and the code would be the mark of a missing cell. */
START_TEST(codes_at_the_edges)
{
    static const uint32_t sizes[] = {254, 255, 256, 257, 65534, 65535, 65536, 65537};
    static const char *const names[] = {"t"};
    static const enum column_type types[] = {COLUMN_CATEGORICAL};
    uint32_t *codes = xcalloc(65538, sizeof *codes);
    size_t k;

    for (k = 0; k < ARRAY_LEN(sizes); k++) {
        struct dataset_summary summary;
        struct dataset_writer *w;
        struct err err = ERR_INIT;
        struct dataset *ds;
        uint32_t i, wrong = 0;

        ck_assert_int_eq(dataset_writer_new(folder, 1, names, types, &w, &err), 0);
        for (i = 0; i <= sizes[k]; i++) {
            char text[16];
            int n = snprintf(text, sizeof text, "%u", i);

            wrong += dataset_writer_text(w, i == sizes[k] ? NULL : text, (size_t)n, &err) != 0;
        }
        ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
        ds = dataset_of(&summary);
        ck_assert_int_eq(dataset_read_codes(ds, 0, 0, sizes[k] + 1, codes, &err), 0);
        for (i = 0; i < sizes[k]; i++) {
            wrong += codes[i] != i;
        }
        ck_assert_uint_eq(codes[sizes[k]], DATASET_MISSING);
        ck_assert_uint_eq(wrong, 0);
        dataset_free(&ds);
    }
    free(codes);
}
END_TEST

START_TEST(statistics)
{
    enum { N = 100000 };
    double *v = xcalloc(N, sizeof *v);
    struct dataset_summary summary;
    const struct dataset_column *c;
    struct dataset *ds;
    size_t i;

    for (i = 0; i < N; i++) { /* 0 .. n-1: mean (n-1)/2, variance (n^2-1)/12 */
        v[i] = (double)i;
    }
    ds = numbers(v, N, &summary);
    c = dataset_column(ds, 0);
    ck_assert_double_eq(c->min, 0.0);
    ck_assert_double_eq(c->max, N - 1.0);
    ck_assert_double_eq_tol(c->mean, (N - 1.0) / 2.0, 1e-9);
    ck_assert_double_eq_tol(c->std / sqrt(((double)N * N - 1.0) / 12.0), 1.0, 1e-14);
    ck_assert(c->integers);
    ck_assert_uint_eq(c->distinct, DATASET_MAX_DISTINCT + 1);
    ck_assert_ptr_null(c->values);
    dataset_free(&ds);

    for (i = 0; i < N; i++) { /* where a sum of squares in one pass would lose everything */
        v[i] = 1e9 + (double)(i % 2) * 1e-3;
    }
    ds = numbers(v, N, &summary);
    c = dataset_column(ds, 0);
    ck_assert_double_eq_tol(c->std, (v[1] - v[0]) / 2.0, 1e-12);
    ck_assert_uint_eq(c->distinct, 2);
    ck_assert_double_eq(c->values[1], 1e9 + 1e-3);
    ck_assert(!c->integers);
    dataset_free(&ds);

    for (i = 0; i < N; i++) { /* squares and sums beyond double */
        v[i] = i % 2 ? DBL_MAX : -DBL_MAX;
    }
    ds = numbers(v, N, &summary);
    c = dataset_column(ds, 0);
    ck_assert_double_eq_tol(c->mean / DBL_MAX, 0.0, 1e-12);
    ck_assert_double_eq_tol(c->std / DBL_MAX, 1.0, 1e-12);
    dataset_free(&ds);

    for (i = 0; i < N; i++) { /* everyday values first, then huge ones */
        v[i] = i < 50000 ? 1.0 : i % 2 ? 2e200 : 4e200;
    }
    ds = numbers(v, N, &summary);
    c = dataset_column(ds, 0);
    ck_assert_double_eq_tol(c->mean / 1.5e200, 1.0, 1e-12);
    ck_assert_double_eq_tol(c->std / (sqrt(2.75) * 1e200), 1.0, 1e-12);
    dataset_free(&ds);

    for (i = 0; i < N; i++) { /* tiny ones, whose squares vanish */
        v[i] = i % 2 ? 1e-300 : 3e-300;
    }
    ds = numbers(v, N, &summary);
    c = dataset_column(ds, 0);
    ck_assert_double_eq_tol(c->std / 1e-300, 1.0, 1e-12);
    dataset_free(&ds);

    for (i = 0; i < N; i++) {
        v[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -0.0 : 7.0;
    }
    ds = numbers(v, N, &summary);
    c = dataset_column(ds, 0);
    ck_assert_uint_eq(c->missing, (N + 2) / 3);
    ck_assert_uint_eq(c->distinct, 2);
    ck_assert_double_eq_tol(c->mean, 3.5, 1e-3);
    ck_assert(c->integers);
    dataset_free(&ds);

    v[0] = 0.0; /* one value, whatever its sign */
    v[1] = -0.0;
    ds = numbers(v, 2, &summary);
    c = dataset_column(ds, 0);
    ck_assert_uint_eq(c->distinct, 1);
    ck_assert(!signbit(c->values[0]));
    dataset_free(&ds);

    v[0] = v[1] = NAN;
    ds = numbers(v, 2, &summary);
    c = dataset_column(ds, 0);
    ck_assert(isnan(c->min) && isnan(c->max) && isnan(c->mean) && isnan(c->std));
    ck_assert_uint_eq(c->distinct, 0);
    ck_assert(!c->integers);
    dataset_free(&ds);
    free(v);
}
END_TEST

/* By numpy: mean, std (population) of the columns of scikit-learn's iris. */
START_TEST(statistics_of_real_data)
{
    static const struct {
        const char *name;
        double mean, std;
    } columns[] = {
        {"sepal_length", 5.843333333333334, 0.8253012917851409},
        {"sepal_width", 3.0573333333333337, 0.4344109677354946},
        {"petal_length", 3.7580000000000005, 1.759404065775303},
        {"petal_width", 1.1993333333333336, 0.7596926279021594},
    };
    const char *top = getenv("top_srcdir");
    char *path = xasprintf("%s/examples/data/iris.csv", top != NULL ? top : ".");
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    unsigned char *bytes;
    struct dataset *ds;
    size_t i, len = slurp(path, &bytes);

    ck_assert_int_eq(csv_try((const char *)bytes, len, &options, 100, &summary, &err), 0);
    ds = dataset_of(&summary);
    ck_assert_uint_eq(dataset_rows(ds), 150);
    for (i = 0; i < ARRAY_LEN(columns); i++) {
        const struct dataset_column *c = dataset_column(ds, column_named(ds, columns[i].name));

        ck_assert_double_eq_tol(c->mean, columns[i].mean, 1e-14);
        ck_assert_double_eq_tol(c->std, columns[i].std, 1e-14);
    }
    ck_assert_uint_eq(dataset_column(ds, 4)->n_categories, 3);
    ck_assert_uint_eq(dataset_column(ds, 4)->counts[2], 50);
    dataset_free(&ds);
    free(bytes);
    free(path);
}
END_TEST

START_TEST(same_cells_same_name)
{
    static const double thirds[] = {1.0, 1.5, 0.1}; /* int8, float32, float64 */
    size_t k;

    for (k = 0; k < ARRAY_LEN(thirds); k++) {
        double values[] = {thirds[k], NAN, 3.0}, other[] = {thirds[k], NAN, 4.0};
        struct dataset_summary a, b, c;
        struct dataset *x = numbers(values, 3, &a), *y, *z;

        values[1] = -NAN; /* another NaN is the same missing cell */
        y = numbers(values, 3, &b);
        z = numbers(other, 3, &c);
        ck_assert_str_eq(a.sha256, b.sha256);
        ck_assert_str_ne(a.sha256, c.sha256);
        dataset_free(&x);
        dataset_free(&y);
        dataset_free(&z);
    }
    ck_assert_uint_eq(folder_files(false), 2 * ARRAY_LEN(thirds));
}
END_TEST

/* ---- threads ----------------------------------------------------------------- */

static void *reader(void *ctx)
{
    const struct dataset *ds = ctx;
    double *back = xcalloc(20000, sizeof *back);
    struct err err = ERR_INIT;
    size_t i, wrong = 0, round;

    for (round = 0; round < 20; round++) {
        wrong += dataset_read_numbers(ds, 0, round, 20000 - round, back, &err) != 0;
        for (i = 0; i < 20000 - round; i++) {
            wrong += back[i] != (double)(i + round) / 3.0;
        }
    }
    free(back);
    return (void *)(uintptr_t)wrong;
}

START_TEST(threads_share_a_table)
{
    double *values = xcalloc(20000, sizeof *values);
    struct dataset_summary summary;
    pthread_t threads[4];
    struct dataset *ds;
    size_t i;

    for (i = 0; i < 20000; i++) {
        values[i] = (double)i / 3.0;
    }
    ds = numbers(values, 20000, &summary);
    for (i = 0; i < 4; i++) {
        PTOK(pthread_create(&threads[i], NULL, reader, ds));
    }
    for (i = 0; i < 4; i++) {
        void *wrong;

        PTOK(pthread_join(threads[i], &wrong));
        ck_assert_ptr_null(wrong);
    }
    dataset_free(&ds);
    free(values);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset");
    TCase *cells = tcase_create("cells");

    tcase_add_checked_fixture(cells, folder_make, folder_remove);
    tcase_set_timeout(cells, 120);
    tcase_add_test(cells, every_bit_survives);
    tcase_add_test(cells, narrowest_kind);
    tcase_add_test(cells, group_edges);
    tcase_add_test(cells, wide_tables_have_smaller_groups);
    tcase_add_test(cells, codes_of_all_widths);
    tcase_add_test(cells, codes_at_the_edges);
    tcase_add_test(cells, statistics);
    tcase_add_test(cells, statistics_of_real_data);
    tcase_add_test(cells, same_cells_same_name);
    tcase_add_test(cells, threads_share_a_table);
    suite_add_tcase(suite, cells);
    return run_suite(suite);
}
