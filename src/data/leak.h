/* Does a feature alone tell the target almost perfectly? Then it may be the target in another form,
 * or be known only afterwards. docs/DATA.md has the rule with its numbers.
 *
 * Every feature by itself predicts each of at most LEAK_ROWS training rows from the others: from
 * those with the same value (the most frequent class, the mean), a number that no other row has
 * from its neighbours in value, a text that no other row has not at all. So a column with as many
 * texts as rows tells nothing. Any thread; reads datasets.
 */
#ifndef MLPD_DATA_LEAK_H
#define MLPD_DATA_LEAK_H

#include "data/dataset.h"

#define LEAK_ROWS         8192 /* at most, and fewer where there are many features: */
#define LEAK_CELLS        (2u << 20)
#define LEAK_MAX_FEATURES 2000 /* wider tables are not looked at */
#define LEAK_ERRORS       0.02 /* of what the most frequent class gets wrong */
#define LEAK_VARIANCE     0.01 /* of the target's, that is left */
#define LEAK_MIN_ROWS     50

/* A sentence for every such feature to `warnings`; of `rows` (ascending, [n]) a sample is read. */
int leak_check(const struct dataset *ds, const size_t *features, size_t n_features, size_t target,
               bool classes, const uint64_t *rows, size_t n, struct err *warnings,
               struct err *err) MUST_CHECK;

#endif
