/* Which rows train, which validate, which test.
 *
 * One of five ways decides:
 *   fractions  from the job's seed (stratified for classes: per class by largest remainder,
 *              training gets at least one row of each; a class of one row goes to training with a
 *              warning)
 *   column     its values say it: train|training, val|valid|validation, test (any case); with no
 *              validation rows 15 % of the training rows validate
 *   group      fractions from the seed again, but rows with the same value stay together
 *   time       fractions, the oldest rows train, the newest test; rows of one time stay together
 *   ranges     given row numbers; what is in none of them is in no part
 * Row lists come out ascending, so the same seed and data give the same parts whatever the thread
 * or machine.
 */
#ifndef MLPD_DATA_SPLIT_H
#define MLPD_DATA_SPLIT_H

#include "data/dataset.h"

enum split_part { SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_PARTS };

enum split_way { SPLIT_FRACTIONS, SPLIT_COLUMN, SPLIT_GROUP, SPLIT_TIME, SPLIT_RANGES };

struct split {
    uint64_t *rows[SPLIT_PARTS]; /* ascending; owned; NULL when the part is absent */
    size_t n[SPLIT_PARTS];
};

struct split_range {
    uint64_t first, last; /* both are in it; 0 is the first row */
};

struct split_options {
    double validation, test; /* fractions, 0 = absent; sum < 1 */
    bool stratify;           /* by the target's classes; of fractions alone */
    bool stratify_asked;     /* the user asked: a class too small is then an error */
    uint64_t seed;
    ptrdiff_t target; /* the class column for stratify; -1 = none */
    enum split_way way;
    size_t column;                           /* of the ways that have one */
    const struct split_range *const *ranges; /* [SPLIT_PARTS] lists that exclude each other */
    size_t n_ranges[SPLIT_PARTS];
    const uint8_t *keep; /* [rows] 0: in no part, whatever is said above; NULL: all take part */
};

/* Rows with a missing target are the encoder's to refuse. Errors: no training rows, training would
 * miss a class, a part that was asked for gets no row because too many belong together, a missing
 * or unknown value of the deciding column with its row, memory. Free with split_fini. */
int split_make(const struct dataset *ds, const struct split_options *options, struct split *out,
               struct err *warnings, struct err *err) MUST_CHECK;
/* Only how many rows each part has; stratified, split_make may put a few elsewhere. */
int split_count(const struct dataset *ds, const struct split_options *options,
                size_t n[SPLIT_PARTS], struct err *err) MUST_CHECK;
/* Rows of each class in a part, of the options' target: *n_classes of them, the caller's. */
int split_classes(const struct dataset *ds, const struct split_options *options,
                  const struct split *split, enum split_part part, uint64_t **counts,
                  size_t *n_classes, struct err *err) MUST_CHECK;
void split_fini(struct split *split);

#endif
