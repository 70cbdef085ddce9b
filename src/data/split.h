/* Which rows train, which validate, which test.
 *
 * By fractions from the job's seed (stratified for classes: per class by largest remainder,
 * training gets at least one row of each; a class of one row goes to training with a
 * warning), or by the values of a column. Row lists come out ascending, so the same seed
 * and data give the same parts whatever the thread or machine.
 */
#ifndef MLPD_DATA_SPLIT_H
#define MLPD_DATA_SPLIT_H

#include "data/dataset.h"

enum split_part { SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_PARTS };

struct split {
    uint64_t *rows[SPLIT_PARTS]; /* ascending; owned; NULL when the part is absent */
    size_t n[SPLIT_PARTS];
};

struct split_options {
    double validation, test; /* fractions, 0 = absent; sum < 1 */
    bool stratify;           /* by the target's classes */
    bool stratify_asked;     /* the user asked: a class too small is then an error */
    uint64_t seed;
    ptrdiff_t column; /* split by this column's values instead; -1 = none */
    ptrdiff_t target; /* the class column for stratify; -1 = none */
};

/* Rows with a missing target are the encoder's to refuse; here every row has a part.
 * A split column's values are train|training, val|valid|validation, test (any case), else
 * an error with the row; with no validation rows 15 % of its training rows validate.
 * Errors: no training rows, training would miss a class, memory. Free with split_fini. */
int split_make(const struct dataset *ds, const struct split_options *options, struct split *out,
               struct err *warnings, struct err *err) MUST_CHECK;
void split_fini(struct split *split);

#endif
