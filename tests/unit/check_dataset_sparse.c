/* Chunks that are mostly zero: read back whole and in parts, small in the file, never trusted. */
#include "data_help.h"

#include <sys/mman.h>

#include "data/dataset_sparse.h"

/* Every `step`-th value is one; of all kinds of numbers by `unit`. */
static void fill(double *values, size_t n, size_t step, double unit)
{
    size_t i;

    for (i = 0; i < n; i++) {
        values[i] = step != 0 && i % step == step / 2 ? (double)(i % 100 + 1) * unit : 0.0;
    }
}

START_TEST(reads_back)
{
    static const double units[] = {1, -1, 300, 70000, 0.5, 0.1};
    static const size_t steps[] = {0, 1, 2, 5, 13, 50, 4000};
    enum { N = 8192 + 1000 };
    double *values = xmalloc(N * sizeof *values), *back = xmalloc(N * sizeof *back);
    size_t u, s, i;

    for (u = 0; u < ARRAY_LEN(units); u++) {
        for (s = 0; s < ARRAY_LEN(steps); s++) {
            struct dataset_summary summary;
            struct err err = ERR_INIT;
            struct dataset *ds;

            fill(values, N, steps[s], units[u]);
            values[77] = (double)NAN;
            values[78] = -0.0;
            ds = numbers(values, N, &summary);
            for (i = 0; i < N; i += 1777) {
                size_t n = N - i < 3000 ? N - i : 3000;

                ck_assert_int_eq(dataset_read_numbers(ds, 0, i, n, back, &err), 0);
                for (size_t k = 0; k < n; k++) {
                    if (isnan(values[i + k]) ? !isnan(back[k])
                                             : memcmp(&back[k], &values[i + k], 8) != 0) {
                        ck_abort_msg("unit %g, step %zu, row %zu", units[u], steps[s], i + k);
                    }
                }
            }
            dataset_free(&ds);
            folder_files(true);
        }
    }
    free(values);
    free(back);
}
END_TEST

START_TEST(takes_little)
{
    enum { N = 80000 };
    double *values = xmalloc(N * sizeof *values);
    struct dataset_summary full, sparse, zeros;
    struct dataset *ds;

    fill(values, N, 1, 0.1);
    ds = numbers(values, N, &full);
    dataset_free(&ds);
    fill(values, N, 50, 0.1);
    ds = numbers(values, N, &sparse);
    dataset_free(&ds);
    fill(values, N, 0, 0.1);
    ds = numbers(values, N, &zeros);
    dataset_free(&ds);
    ck_assert_uint_gt(full.bytes, 8 * N);
    ck_assert_uint_lt(sparse.bytes, N / 50 * 10 + 4000);
    ck_assert_uint_lt(zeros.bytes, 3000);
    free(values);
}
END_TEST

/* The limits of the choice: a quarter of the bytes, and of zeros alone a half. */
START_TEST(packed_when_it_pays)
{
    unsigned char dense[400] = {0}, out[400];
    size_t count;

    ck_assert_uint_eq(dataset_sparse_pack(dense, 16, CHUNK_INT8, out), 8);
    ck_assert_uint_eq(dataset_sparse_pack(dense, 15, CHUNK_INT8, out), 0);
    for (count = 1; count <= 30; count++) {
        dense[count * 2] = 1;
        ck_assert_uint_eq(dataset_sparse_pack(dense, 400, CHUNK_INT8, out),
                          8 + 3 * count <= 100 ? 8 + 3 * count : 0);
    }
}
END_TEST

static int read_chunk(const void *bytes, size_t len, uint64_t room, double *out)
{
    int fd = memfd_create("chunk", MFD_CLOEXEC), rc;
    struct err err = ERR_INIT;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, bytes, len), (int)len);
    rc = dataset_sparse_read(fd, 0, room, 100, 0, 100, out, &err);
    ck_assert(rc == 0 ? !err_is(&err) : err.code == ERR_CORRUPT || err.code == ERR_IO);
    err_fini(&err);
    (void)close(fd); /* a test's */
    return rc;
}

START_TEST(damage_is_found)
{
    /* kind, count, two places, two cells */
    static const unsigned char good[] = {CHUNK_INT16, 0, 0, 0, 2, 0, 0, 0,
                                         3,           0, 9, 0, 5, 0, 0, 0x80};
    static const struct {
        size_t at;
        unsigned char byte;
    } bad[] = {{0, 0},    {0, CHUNK_CODE8}, {0, CHUNK_SPARSE}, {1, 1},    {4, 3}, {4, 101},
               {7, 0xff}, {8, 9},           {8, 10},           {10, 100}, {11, 1}};
    unsigned char copy[sizeof good];
    double out[100];
    size_t i;

    ck_assert_int_eq(read_chunk(good, sizeof good, sizeof good, out), 0);
    ck_assert_double_eq(out[3], 5);
    ck_assert(isnan(out[9]));
    ck_assert_double_eq(out[4], 0);
    for (i = 0; i < sizeof good; i++) {
        ck_assert_int_eq(read_chunk(good, sizeof good, i, out), -1);
        ck_assert_int_eq(read_chunk(good, i, sizeof good, out), -1);
    }
    for (i = 0; i < ARRAY_LEN(bad); i++) {
        memcpy(copy, good, sizeof good);
        copy[bad[i].at] = bad[i].byte;
        ck_assert_msg(read_chunk(copy, sizeof copy, sizeof copy, out) == -1, "%zu is taken", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset_sparse");
    TCase *tc = tcase_create("sparse");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_back);
    tcase_add_test(tc, takes_little);
    tcase_add_test(tc, packed_when_it_pays);
    tcase_add_test(tc, damage_is_found);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
