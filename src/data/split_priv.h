/* Between the files of split.h only:
 *
 *   split.c           all of it, and the checks at the end
 *   split_class.c     the target's classes
 *   split_fraction.c  shares by chance, class by class
 *   split_column.c    a column that says the part
 *   split_group.c     groups that stay together, and times
 */
#ifndef MLPD_DATA_SPLIT_PRIV_H
#define MLPD_DATA_SPLIT_PRIV_H

#include "data/split.h"
#include "data/stats.h"

#define SPLIT_OPEN UINT8_MAX       /* a row that takes part and has none yet */
#define SPLIT_OUT  (UINT8_MAX - 1) /* a row that is in no part */

struct split_job {
    const struct dataset *ds;
    const struct split_options *options;
    struct err *warnings;
    size_t n_rows;
    uint8_t *part;   /* [n_rows] an enum split_part, or one of the above */
    double *numbers; /* [DATASET_GROUP] */
    uint32_t *codes; /* [DATASET_GROUP] */
    /* the target's classes; without a target one class of all rows. The last one holds the
     * rows without a target. */
    struct distinct values;
    size_t n_classes;
    uint32_t *class_of_row; /* [n_rows], NULL when there is one class only */
};

int split_no_memory(struct err *err);

/* A random number of a row: a hash of (seed, row), so that it depends on nothing else; splitmix64's
 * output function on a counter. */
uint64_t split_key(uint64_t seed);
/* In [0, n), n > 0; fair to n / 2^64. */
uint64_t split_pick(uint64_t key, uint64_t row, uint64_t n);

/* ---- split_class.c ---- */
int split_find_classes(struct split_job *job, struct err *err) MUST_CHECK;
static inline size_t split_class_of(const struct split_job *job, size_t row)
{
    return job->class_of_row != NULL ? job->class_of_row[row] : 0;
}
char *split_class_name(const struct split_job *job, size_t k); /* the caller's */

/* ---- split_fraction.c ---- */
/* The seats of one class: rows in all, and how many go to each part. */
struct split_seats {
    uint64_t rows, seats[SPLIT_PARTS];
};
/* By largest remainder, training has one at least. `owed` carries from class to class what each
 * part lacks against its share: remainders that tie go to whom most is owed, so that many small
 * classes do not all round the same way. */
void split_share(struct split_seats *s, const double fraction[SPLIT_PARTS],
                 double owed[SPLIT_PARTS]);
/* Give every row whose part is `from` a part, by fractions. */
int split_by_fraction(struct split_job *job, uint8_t from, double validation, double test,
                      struct err *err) MUST_CHECK;

/* ---- split_column.c ---- */
int split_by_column(struct split_job *job, struct err *err) MUST_CHECK;

/* ---- split_group.c ---- */
int split_by_group(struct split_job *job, struct err *err) MUST_CHECK;
int split_by_time(struct split_job *job, struct err *err) MUST_CHECK;

#endif
