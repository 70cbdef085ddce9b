/* Which rows of a dataset take part: conditions on its columns, all of which must hold. And what a
 * column looks like in the rows that are left.
 *
 * Numbers are compared as numbers, datetimes too (a text is one as datetime.h reads it without a
 * format, a number is seconds since 1970); texts are compared byte by byte, a number in place of a
 * text is its shortest form; booleans by what they mean. A cell without a value meets
 * FILTER_MISSING and nothing else, so that neither x < 3 nor its contrary takes it.
 *
 * Rows are a byte each, 1: takes part. Any thread; reads datasets.
 */
#ifndef MLPD_DATA_FILTER_H
#define MLPD_DATA_FILTER_H

#include "data/dataset.h"

#define FILTER_MAX_CONDITIONS 100
#define FILTER_MAX_VALUES     10000 /* of one condition */

enum filter_op {
    FILTER_EQ,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE,
    FILTER_IN,
    FILTER_NOT_IN,
    FILTER_MISSING,
    FILTER_NOT_MISSING
};
extern const char *const filter_op_names[]; /* "==", .., "in", "not_in", "missing"; then NULL */

enum filter_kind { FILTER_NUMBER, FILTER_TEXT, FILTER_BOOLEAN };
struct filter_value {
    enum filter_kind kind;
    double number; /* of a boolean 0 or 1 */
    char *text;    /* owned; of a text */
};

struct filter_condition {
    char *column; /* owned */
    enum filter_op op;
    size_t n; /* values: 1, any number for FILTER_IN and FILTER_NOT_IN, 0 for the last two */
    struct filter_value *values; /* owned */
};

struct filter {
    size_t n;
    struct filter_condition *conditions; /* owned */
};

void filter_fini(struct filter *filter);

/* Whether the dataset has the columns, and the values and ops fit their types: every problem goes
 * to `err`, at "/data/filter/3/column" where `pointer` is "/data/filter". */
int filter_check(const struct filter *filter, const struct dataset *ds, const char *pointer,
                 struct err *err) MUST_CHECK;
/* Clear keep[row] of every row that does not meet a condition; alone[i] (or `alone` NULL) is how
 * many rows meet condition i. The filter was checked. */
int filter_rows(const struct filter *filter, const struct dataset *ds, uint8_t *keep,
                uint64_t *alone, struct err *err) MUST_CHECK;
/* Clear keep[row] of every row without a value in the column; *n: how many that were. */
int filter_missing(const struct dataset *ds, size_t column, uint8_t *keep, uint64_t *n,
                   struct err *err) MUST_CHECK;
/* The first row that is kept (NULL: all are) and has no value in the column; -1: none, or an
 * error. */
int64_t filter_first_missing(const struct dataset *ds, size_t column, const uint8_t *keep);

/* The column as it is in the rows that are kept: name, type, missing, min, max, mean, std,
 * integers, distinct, values, categories with counts; the texts are the dataset's. Free with
 * filter_column_free. */
int filter_column(const struct dataset *ds, size_t column, const uint8_t *keep,
                  struct dataset_column **out, struct err *err) MUST_CHECK;
void filter_column_free(struct dataset_column **column);

#endif
