/* A dataset as a job wants to see it: some columns of another type than the file has them.
 *
 *   file has      as numeric        as categorical, text     as boolean            as datetime
 *   numeric       -                 levels in their order,   only 0 and 1          seconds since
 *                                   written the shortest way                       1970, UTC
 *   boolean       false 0, true 1   the two texts            -                     refused
 *   categorical,  every text must   the same texts           two texts that mean   refused
 *   text          be a number                                true and false
 *   datetime      refused: only the upload knows how it was written; a job may take its parts
 *
 * A view is a dataset like any other, for all who read it: what its columns tell of themselves is
 * as if they had been uploaded so, but for quantiles and histograms. Nothing is copied but the
 * names of levels; cells are turned while they are read. Threads may share it.
 */
#ifndef MLPD_DATA_DATASET_VIEW_H
#define MLPD_DATA_DATASET_VIEW_H

#include "data/dataset.h"

#define DATASET_VIEW_LEVELS 100000 /* different numbers that may become names */

struct dataset_wish {
    size_t column;
    enum column_type type;
    const char *pointer; /* of its errors */
};

/* *ds is replaced by a view of itself, which borrows it until dataset_view_end; if every column has
 * its type already it stays what it is. Wishes: ascending columns, each once. Every one that cannot
 * be had goes to `err`, with the first row that is the reason; then *ds is untouched. Reads columns
 * of numbers, and may say ERR_IO, ERR_CORRUPT, ERR_NO_MEMORY too. */
int dataset_view(const struct dataset **ds, const struct dataset_wish *wishes, size_t n,
                 struct err *err) MUST_CHECK;
/* *ds becomes what it was before; of no view, or NULL, nothing happens. */
void dataset_view_end(const struct dataset **ds);

#endif
