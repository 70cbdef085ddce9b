/* Dataset files that are cut, flipped or forged, a full disk, and what is left behind. */
#include "data_help.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char *path_of(const struct dataset_summary *summary)
{
    return xasprintf("%s/%s", folder, summary->sha256);
}

static void spill(const char *path, const unsigned char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

/* ---- damage ------------------------------------------------------------------ */

/* Read all there is of a table that opened; nothing may crash, whatever comes. */
static void read_all(const struct dataset *ds)
{
    size_t n = (size_t)dataset_rows(ds), k;
    double *values = xcalloc(n, sizeof *values);
    uint32_t *codes = xcalloc(n, sizeof *codes);

    for (k = 0; k < dataset_n_columns(ds); k++) {
        const struct dataset_column *c = dataset_column(ds, k);
        struct err err = ERR_INIT;
        size_t i;

        ck_assert_uint_le(c->missing, n);
        if (c->type == COLUMN_NUMERIC) {
            if (dataset_read_numbers(ds, k, 0, n, values, &err) == 0) {
                for (i = 0; i < n; i++) {
                    ck_assert(!isinf(values[i]));
                }
            }
        } else if (dataset_read_codes(ds, k, 0, n, codes, &err) == 0) {
            for (i = 0; i < n; i++) {
                ck_assert(codes[i] == DATASET_MISSING || codes[i] < c->n_categories);
            }
        }
        ck_assert(err.code == ERR_NONE || err.code == ERR_CORRUPT);
    }
    free(values);
    free(codes);
}

static const char small_text[] =
    "id,name,value\n1,red,0.5\n2,green,\n3,red,-1e300\n4,,7\n5,blue,0.1\n";

static struct dataset_summary small(unsigned char **bytes, char **path)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;

    ck_assert_int_eq(csv_try(small_text, strlen(small_text), &options, 0, &summary, &err), 0);
    *path = path_of(&summary);
    ck_assert_uint_eq(slurp(*path, bytes), summary.bytes);
    return summary;
}

START_TEST(truncated_anywhere)
{
    unsigned char *bytes;
    char *path, *cut;
    struct dataset_summary summary = small(&bytes, &path);
    size_t n;

    cut = xasprintf("%s/cut", folder);
    for (n = 0; n < summary.bytes; n++) {
        struct dataset *ds = NULL;
        struct err err = ERR_INIT;

        spill(cut, bytes, n);
        ck_assert_int_eq(dataset_open(cut, &ds, &err), -1);
        ck_assert_int_eq(err.code, ERR_CORRUPT);
        ck_assert_ptr_null(ds);
        ck_assert_int_eq(dataset_verify(cut, summary.sha256, &err), -1);
        ck_assert_int_eq(err.code, ERR_CORRUPT);
    }
    free(bytes);
    free(path);
    free(cut);
}
END_TEST

START_TEST(flipped_anywhere)
{
    unsigned char *bytes;
    char *path, *bad;
    struct dataset_summary summary = small(&bytes, &path);
    uint64_t footer_len;
    size_t n, footer;

    memcpy(&footer_len, bytes + summary.bytes - 80, sizeof footer_len);
    footer = (size_t)(summary.bytes - 80 - footer_len);
    bad = xasprintf("%s/bad", folder);
    for (n = 0; n < summary.bytes; n++) {
        struct dataset *ds = NULL;
        struct err err = ERR_INIT;
        int result;

        bytes[n] ^= 0x41;
        spill(bad, bytes, summary.bytes);
        result = dataset_open(bad, &ds, &err);
        if (n < 12 || n >= footer) {
            ck_assert_msg(result == -1 && err.code == ERR_CORRUPT, "byte %zu was believed", n);
        } else {
            ck_assert_int_eq(result, 0); /* cells: found by dataset_verify */
            read_all(ds);
            dataset_free(&ds);
        }
        ck_assert_int_eq(dataset_verify(bad, summary.sha256, &err), -1);
        bytes[n] ^= 0x41;
    }
    free(bytes);
    free(path);
    free(bad);
}
END_TEST

/* No table gives an infinite number, whatever its file holds. */
START_TEST(infinity_in_a_chunk)
{
    static const double infinite = INFINITY;
    unsigned char *bytes;
    char *path, *bad;
    struct dataset_summary summary = small(&bytes, &path);
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;
    double values[5];
    size_t at;

    /* The column "value" is a float64 chunk, and 0.5 is its first cell. */
    for (at = 16; memcmp(bytes + at, (const double[]){0.5}, sizeof(double)) != 0; at++) {
    }
    memcpy(bytes + at, &infinite, sizeof infinite);
    bad = xasprintf("%s/bad", folder);
    spill(bad, bytes, summary.bytes);
    ck_assert_int_eq(dataset_open(bad, &ds, &err), 0);
    ck_assert_int_eq(dataset_read_numbers(ds, 2, 0, 5, values, &err), -1);
    ck_assert_int_eq(err.code, ERR_CORRUPT);
    dataset_free(&ds);
    free(bytes);
    free(path);
    free(bad);
}
END_TEST

/* A forged footer with a hash that fits: every number in it is a stranger's. */
START_TEST(forged_footers)
{
    unsigned char *bytes;
    char *path, *bad;
    struct dataset_summary summary = small(&bytes, &path);
    static const unsigned char strange[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    uint64_t footer_len;
    size_t n, footer, k, opened = 0;

    memcpy(&footer_len, bytes + summary.bytes - 80, sizeof footer_len);
    footer = (size_t)(summary.bytes - 80 - footer_len);
    bad = xasprintf("%s/forged", folder);
    for (n = footer; n < summary.bytes - 72; n++) {
        for (k = 0; k < ARRAY_LEN(strange); k++) {
            unsigned char was = bytes[n];
            struct dataset *ds = NULL;
            struct err err = ERR_INIT;
            char hex[HASH_HEX_LEN];

            bytes[n] = strange[k];
            hash_hex(bytes + footer, (size_t)footer_len, hex);
            memcpy(bytes + summary.bytes - 72, hex, 64);
            spill(bad, bytes, summary.bytes);
            if (dataset_open(bad, &ds, &err) == 0) {
                opened++;
                read_all(ds);
                dataset_free(&ds);
            } else {
                ck_assert_int_eq(err.code, ERR_CORRUPT);
            }
            bytes[n] = was;
        }
    }
    ck_assert_uint_gt(opened, 0); /* the hash did fit */
    free(bytes);
    free(path);
    free(bad);
}
END_TEST

START_TEST(not_there)
{
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;
    char *path = xasprintf("%s/none", folder);

    ck_assert_int_eq(dataset_open(path, &ds, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_ptr_null(strstr(err.detail, folder)); /* no paths in messages */
    ck_assert_int_eq(dataset_verify(path, "00", &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_int_eq(dataset_open(folder, &ds, &err), -1);
    free(path);
}
END_TEST

/* ---- writing fails ----------------------------------------------------------- */

/* The child's exit status names the first thing that was wrong. No assertions in here: they
 * write files too. */
static int without_space(void)
{
    static const char *const names[] = {"v"};
    static const enum column_type types[] = {COLUMN_NUMERIC};
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    struct dataset_writer *w = NULL;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int result = 0, i;

    /* A limit on the size of files stands in for a full disk: the same write(2) fails. */
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
        dataset_writer_new(folder, 1, names, types, &w, &err) != 0) {
        return 1;
    }
    for (i = 0; i < 400000 && result == 0; i++) {
        result = dataset_writer_number(w, i / 7.0, &err);
    }
    if (result != -1 || err.code != ERR_NO_SPACE) {
        return 2;
    }
    dataset_writer_abort(&w);
    err_fini(&err);
    if (dataset_writer_new(folder, 1, names, types, &w, &err) != 0) {
        return 3;
    }
    for (i = 0; i < 2000; i++) { /* fits the buffer: fails at the end */
        if (dataset_writer_number(w, i / 7.0, &err) != 0) {
            return 4;
        }
    }
    if (dataset_writer_finish(&w, &summary, &err) != -1 || err.code != ERR_NO_SPACE || w != NULL) {
        return 5;
    }
    return 0;
}

START_TEST(no_space)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        _exit(without_space());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_uint_eq(folder_files(false), 0);
}
END_TEST

START_TEST(given_up)
{
    static const char *const names[] = {"a", "b"};
    static const enum column_type types[] = {COLUMN_NUMERIC, COLUMN_CATEGORICAL};
    struct dataset_writer *w = NULL;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    char *left;

    ck_assert_int_eq(dataset_writer_new(folder, 2, names, types, &w, &err), 0);
    ck_assert_uint_eq(folder_files(false), 1);
    dataset_writer_abort(&w);
    dataset_writer_abort(&w);
    ck_assert_uint_eq(folder_files(false), 0);
    ck_assert_int_eq(dataset_writer_new(folder, 2, names, types, &w, &err), 0);
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), -1); /* no rows */
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_uint_eq(folder_files(false), 0);
    err_fini(&err);
    ck_assert_int_eq(dataset_writer_new("/nonexistent/folder", 2, names, types, &w, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);

    /* What a killed daemon leaves is cleaned; datasets are not. */
    left = xasprintf("%s/.tmp-0123456789abcdef", folder);
    spill(left, (const unsigned char *)"x", 1);
    {
        double one = 1.0;
        struct dataset *ds = numbers(&one, 1, &summary);

        dataset_free(&ds);
    }
    ck_assert_uint_eq(folder_files(false), 2);
    dataset_clean_folder(folder);
    ck_assert_uint_eq(folder_files(false), 1);
    ck_assert_int_eq(access(left, F_OK), -1);
    dataset_clean_folder("/nonexistent/folder");
    free(left);
}
END_TEST

START_TEST(bad_names)
{
    static const char *const names[] = {"a", "", "a", "b\xff", "c", "c"};
    static const enum column_type types[6] = {COLUMN_NUMERIC};
    struct dataset_writer *w = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(dataset_writer_new(folder, 6, names, types, &w, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_uint_eq(err.n_items, 4);
    err_fini(&err);
    ck_assert_int_eq(dataset_writer_new(folder, 0, names, types, &w, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    err_fini(&err);
    ck_assert_uint_eq(folder_files(false), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset_damage");
    TCase *damage = tcase_create("damage");

    tcase_add_checked_fixture(damage, folder_make, folder_remove);
    tcase_set_timeout(damage, 120);
    tcase_add_test(damage, truncated_anywhere);
    tcase_add_test(damage, flipped_anywhere);
    tcase_add_test(damage, infinity_in_a_chunk);
    tcase_add_test(damage, forged_footers);
    tcase_add_test(damage, not_there);
    tcase_add_test(damage, no_space);
    tcase_add_test(damage, given_up);
    tcase_add_test(damage, bad_names);
    suite_add_tcase(suite, damage);
    return run_suite(suite);
}
