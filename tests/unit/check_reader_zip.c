/* Arrays in a zip (.npz) are the arrays: every one that NumPy wrote, good or bad, of any type,
 * order and version, is read or refused as it is by itself. Sizes in the zip that overflow are
 * refused.
 */
#include "reader_help.h"

static int try_zip(const void *bytes, size_t len, bool deflated, struct dataset_summary *out,
                   struct err *err)
{
    const struct zip_member x = {.name = "x.npy", .bytes = bytes, .len = len, .deflated = deflated};
    struct reader_options options = READER_OPTIONS_INIT;
    struct buf zip = BUF_INIT;
    int rc;

    zip_write(&x, 1, &zip);
    rc = read_try(zip.data, zip.len, &options, 0, out, err);
    buf_fini(&zip);
    return rc;
}

/* The same table by itself and in a zip, or the same words. */
static void same_in_a_zip(const void *bytes, size_t len, const char *name, size_t counts[2])
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary plain, zipped;
    struct err err = ERR_INIT, zip_err = ERR_INIT;
    int rc = read_try(bytes, len, &options, 0, &plain, &err), deflated;

    for (deflated = 0; deflated < 2; deflated++) {
        ck_assert_msg(try_zip(bytes, len, deflated, &zipped, &zip_err) == rc, "%s: %s | %s", name,
                      err.detail, zip_err.detail);
        if (rc == 0) {
            ck_assert_msg(strcmp(plain.sha256, zipped.sha256) == 0, "%s is another", name);
        } else {
            ck_assert_msg(strstr(zip_err.detail, err.detail) != NULL, "%s: %s | %s", name,
                          err.detail, zip_err.detail);
            ck_assert_int_eq(zip_err.items[0].row, err.items[0].row);
            ck_assert_pstr_eq(zip_err.items[0].column, err.items[0].column);
        }
        err_fini(&zip_err);
    }
    counts[rc == 0]++;
    ck_assert_uint_eq(folder_files(true), rc == 0);
    err_fini(&err);
}

START_TEST(arrays_are_the_same_in_a_zip)
{
    size_t counts[2] = {0}, i;

    for (i = 0; i < ARRAY_LEN(npy_golden); i++) {
        if (strncmp(npy_golden[i].name, "npz", 3) != 0) {
            same_in_a_zip(npy_golden[i].bytes, npy_golden[i].len, npy_golden[i].name, counts);
        }
    }
    ck_assert_uint_eq(counts[0], 8); /* objects, records, complex, dates, scalar, empty, ... */
    ck_assert_uint_ge(counts[1], 30);
}
END_TEST

/* Heads of arrays whose sizes overflow, or promise more than comes. */
START_TEST(shapes_are_refused_in_a_zip)
{
    static const char *const shapes[] = {"(4294967296, 4294967296)", "(18446744073709551615, 9)",
                                         "(2305843009213693952,)",   "(99999999999999999999,)",
                                         "(1000000000000, 99999)",   "(-1, 2)"};
    size_t counts[2] = {0}, i;

    for (i = 0; i < ARRAY_LEN(shapes); i++) {
        struct buf npy = BUF_INIT;

        npy_head(&npy, "<f8", shapes[i]);
        same_in_a_zip(npy.data, npy.len, shapes[i], counts);
        buf_fini(&npy);
    }
    ck_assert_uint_eq(counts[0], ARRAY_LEN(shapes));
}
END_TEST

/* Each size of a stored or packed member replaced by the most that its field holds, and by what
 * overflows when the head's length is added. */
START_TEST(sizes_of_members_are_not_believed)
{
    static const size_t sizes_at[] = {18, 22}; /* packed and plain, 4 bytes each */
    static const size_t wide_at[] = {39, 47};  /* the same of zip64, 8 bytes each, after "x.npy" */
    struct reader_options options = READER_OPTIONS_INIT;
    int kind, field, k;

    for (kind = 0; kind < 4; kind++) {
        for (field = 0; field < 2; field++) {
            for (k = 0; k < 2; k++) {
                bool wide = (kind & 2) != 0;
                const struct zip_member x = {.name = "x.npy",
                                             .bytes = npy_le_f4,
                                             .len = sizeof npy_le_f4,
                                             .deflated = (kind & 1) != 0,
                                             .zip64 = wide};
                struct dataset_summary summary;
                struct buf zip = BUF_INIT;
                struct err err = ERR_INIT;

                zip_write(&x, 1, &zip);
                memset(zip.data + (wide ? wide_at : sizes_at)[field], 0xff, wide ? 8 : 4);
                zip.data[(wide ? wide_at : sizes_at)[field]] = (char)(k == 0 ? 0xff : 0xe0);
                ck_assert_int_eq(read_try(zip.data, zip.len, &options, 0, &summary, &err), -1);
                ck_assert(err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
                ck_assert_uint_gt(strlen(err.detail), 8);
                err_fini(&err);
                buf_fini(&zip);
            }
        }
    }
    ck_assert_uint_eq(folder_files(false), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader_zip");
    TCase *tc = tcase_create("reader_zip");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_add_test(tc, arrays_are_the_same_in_a_zip);
    tcase_add_test(tc, shapes_are_refused_in_a_zip);
    tcase_add_test(tc, sizes_of_members_are_not_believed);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
