/* One column of numbers for given rows, beside the features: offsets and sample weights; see
 * encoder.h. Read in whole blocks, as rows are. Any thread; reads datasets.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/encoder_priv.h"

int encoder_read_column(const struct dataset *ds, const char *name, const uint64_t *rows,
                        size_t n_rows, double scale, float *out, struct err *err)
{
    ptrdiff_t column = dataset_find(ds, name);
    double *numbers = mem_try_alloc(DATASET_GROUP, sizeof *numbers);
    size_t at, k, i, span;
    uint64_t first;
    int result = 0;

    CHK(column >= 0);
    if (numbers == NULL) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to read the data");
    }
    for (at = 0; at < n_rows && result == 0; at += k) {
        k = encoder_block(rows + at, n_rows - at, &first, &span);
        if (dataset_read_numbers(ds, (size_t)column, first, span, numbers, err) != 0) {
            result = -1;
            break;
        }
        for (i = 0; i < k && result == 0; i++) {
            double value = numbers[rows[at + i] - first];
            unsigned long long row = (unsigned long long)rows[at + i] + 1;

            out[at + i] = (float)(value / scale);
            if (isnan(value)) {
                result = err_add_cell(err, (int64_t)row, 0, name,
                                      "row %llu: column \"%s\" has no value", row, name);
            } else if (!(fabsf(out[at + i]) <= FLT_MAX)) {
                result = err_add_cell(err, (int64_t)row, 0, name,
                                      "row %llu: the number %.6g in column \"%s\" is too large",
                                      row, value, name);
            }
        }
    }
    free(numbers);
    return result;
}
