/* The helper of a dataset writer: with it and without it the file is the same; what fails behind
 * the caller's back he is told; and it can be left at any moment. */
#include <errno.h>

#include "base/file.h"
#include "data_help.h"

enum {
    COLUMNS = 3,
    ROWS = 5 * DATASET_GROUP + 123,
    WRITERS = 40 /* more than there are helpers */
};

static int new_writer(struct dataset_writer **out, struct err *err)
{
    static const char *const names[COLUMNS] = {"number", "text", "few"};
    static const enum column_type types[COLUMNS] = {COLUMN_NUMERIC, COLUMN_CATEGORICAL,
                                                    COLUMN_BOOLEAN};

    return dataset_writer_new(folder, COLUMNS, names, types, out, err);
}

/* Of the first group's rows 200 texts, then each row a new one: while the first group is written,
 * codes of 8 bits, the dictionary already needs more. */
static int write_row(struct dataset_writer *w, int i, struct err *err)
{
    char text[32];
    int n = snprintf(text, sizeof text, "t%d", i < DATASET_GROUP ? i % 200 : i);

    return dataset_writer_number(w, i % 7 == 0 ? (double)NAN : i / 3.0, err) != 0 ||
                   dataset_writer_text(w, text, (size_t)n, err) != 0 ||
                   dataset_writer_text(w, i % 2 ? "yes" : "no", i % 2 ? 3 : 2, err) != 0
               ? -1
               : 0;
}

START_TEST(same_file_without)
{
    struct dataset_writer *w[WRITERS] = {NULL};
    struct dataset_summary first = {.rows = 0}, summary;
    struct err err = ERR_INIT;
    int i, k, wrong = 0;

    for (k = 0; k < WRITERS; k++) {
        ck_assert_int_eq(new_writer(&w[k], &err), 0);
        for (i = 0; i < DATASET_GROUP + 300; i++) { /* it has a helper then, or none */
            wrong += write_row(w[k], i, &err) != 0;
        }
    }
    ck_assert_int_eq(wrong, 0);
    for (k = 0; k < WRITERS; k += WRITERS - 1) {
        for (i = DATASET_GROUP + 300; i < ROWS; i++) {
            wrong += write_row(w[k], i, &err) != 0;
        }
        ck_assert_int_eq(wrong, 0);
        ck_assert_int_eq(dataset_writer_finish(&w[k], &summary, &err), 0);
        ck_assert_uint_eq(summary.rows, ROWS);
        if (k == 0) {
            first = summary;
        }
    }
    ck_assert_str_eq(first.sha256, summary.sha256);
    for (k = 0; k < WRITERS; k++) {
        dataset_writer_abort(&w[k]);
    }
    ck_assert_uint_eq(folder_files(false), 1);
}
END_TEST

static int64_t may_write; /* bytes until the disk is full */

static int full_disk(const struct file_event *event)
{
    if (event->op == FILE_OP_WRITE) {
        may_write -= 1 << 20; /* what the writer gives at once */
    }
    return event->op == FILE_OP_WRITE && may_write < 0 ? ENOSPC : 0;
}

START_TEST(told_of_failures)
{
    enum { MANY = 1200000 }; /* numbers of 8 bytes: nine writes or so */
    static const char *const names[] = {"v"};
    static const enum column_type types[] = {COLUMN_NUMERIC};
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int megabytes, told_early = 0;

    for (megabytes = 0; megabytes < 12; megabytes++) {
        struct dataset_writer *w = NULL;
        int rc = 0, i;

        may_write = (int64_t)megabytes << 20;
        file_hook = full_disk;
        ck_assert_int_eq(dataset_writer_new(folder, 1, names, types, &w, &err), 0);
        for (i = 0; i < MANY && rc == 0; i++) {
            rc = dataset_writer_number(w, i / 7.0, &err);
        }
        if (rc != 0) {
            dataset_writer_abort(&w);
            told_early++;
        } else {
            rc = dataset_writer_finish(&w, &summary, &err);
        }
        file_hook = NULL;
        if (rc == 0) {
            break;
        }
        ck_assert_int_eq(err.code, ERR_NO_SPACE);
        ck_assert_uint_eq(folder_files(false), 0);
        err_fini(&err);
    }
    ck_assert_int_eq(megabytes, 10);
    ck_assert_int_ge(told_early, 5); /* long before the end */
}
END_TEST

START_TEST(left_at_work)
{
    struct err err = ERR_INIT;
    int rows, i, wrong = 0;

    for (rows = DATASET_GROUP - 1; rows < 3 * DATASET_GROUP; rows += 997) {
        struct dataset_writer *w = NULL;

        ck_assert_int_eq(new_writer(&w, &err), 0);
        for (i = 0; i < rows; i++) {
            wrong += write_row(w, i, &err) != 0;
        }
        dataset_writer_abort(&w);
        ck_assert_ptr_null(w);
    }
    ck_assert_int_eq(wrong, 0);
    ck_assert_uint_eq(folder_files(false), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset_behind");
    TCase *behind = tcase_create("behind");

    tcase_add_checked_fixture(behind, folder_make, folder_remove);
    tcase_set_timeout(behind, 120);
    tcase_add_test(behind, same_file_without);
    tcase_add_test(behind, told_of_failures);
    tcase_add_test(behind, left_at_work);
    suite_add_tcase(suite, behind);
    return run_suite(suite);
}
