/* Rows that are dropped because a column with ENCODER_DROP_ROW has no value in them; see
 * encoder.h. Only columns that lack values in that table are read. Any thread; reads datasets.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/encoder_fit.h"

struct buffers {
    double *numbers; /* [DATASET_GROUP] */
    uint32_t *codes; /* [DATASET_GROUP] */
};

/* Keep the rows of a block of k that have a value in the column; returns how many, or -1. */
static ptrdiff_t keep_rows(const struct dataset *ds, size_t column, const struct buffers *b,
                           const uint64_t *rows, size_t k, uint64_t *kept, struct err *err)
{
    bool numbers = column_holds_numbers(dataset_column(ds, column)->type);
    uint64_t first = rows[0];
    size_t span = (size_t)(rows[k - 1] - first) + 1, n = 0, i;

    if ((numbers ? dataset_read_numbers(ds, column, first, span, b->numbers, err)
                 : dataset_read_codes(ds, column, first, span, b->codes, err)) != 0) {
        return -1;
    }
    for (i = 0; i < k; i++) {
        uint64_t row = rows[i];

        if (!(numbers ? isnan(b->numbers[row - first])
                      : b->codes[row - first] == DATASET_MISSING)) {
            kept[n++] = row; /* never ahead of what is read next */
        }
    }
    return (ptrdiff_t)n;
}

static int drop_by(const struct dataset *ds, size_t column, const struct buffers *b, uint64_t *rows,
                   size_t *n, struct err *err)
{
    size_t kept = 0, at, k, span;
    uint64_t first;

    for (at = 0; at < *n; at += k) {
        ptrdiff_t here;

        k = encoder_block(rows + at, *n - at, &first, &span);
        here = keep_rows(ds, column, b, rows + at, k, rows + kept, err);
        if (here < 0) {
            return -1;
        }
        kept += (size_t)here;
    }
    *n = kept;
    return 0;
}

int encoder_drop_rows(const struct encoder_options *options, const struct dataset *fitted,
                      const struct dataset *ds, uint64_t *rows, size_t *n, struct err *err)
{
    struct buffers b = {mem_try_alloc(DATASET_GROUP, sizeof *b.numbers),
                        mem_try_alloc(DATASET_GROUP, sizeof *b.codes)};
    int rc = b.numbers == NULL || b.codes == NULL ? encoder_fit_no_memory(err) : 0;
    size_t i;

    for (i = 0; rc == 0 && i < options->n_features; i++) {
        ptrdiff_t column;

        if (encoder_plan_for(options, i)->missing != ENCODER_DROP_ROW) {
            continue;
        }
        column = dataset_find(ds, dataset_column(fitted, options->features[i])->name);
        if (column >= 0 && dataset_column(ds, (size_t)column)->missing > 0) {
            rc = drop_by(ds, (size_t)column, &b, rows, n, err);
        }
    }
    free(b.numbers);
    free(b.codes);
    return rc;
}

bool encoder_drops_rows(const struct encoder_options *options)
{
    size_t i;

    for (i = 0; i < options->n_features; i++) {
        if (encoder_plan_for(options, i)->missing == ENCODER_DROP_ROW) {
            return true;
        }
    }
    return false;
}
