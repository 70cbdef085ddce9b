/* The rows of an open dataset into a writer, group by group; see dataset.h. On the caller's
 * thread; memory: the cells of one group.
 *
 * The cells go in as they would from a text, one by one: dictionaries grow as the rows come, so a
 * table that grew by appending has the bytes of one that was sent whole.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/dataset_priv.h"

union value {
    double number;
    uint32_t code;
};

/* Rows [first, first + n) into cells (n, n_columns). */
static int read_rows(const struct dataset *ds, uint64_t first, size_t n, double *numbers,
                     uint32_t *codes, union value *cells, struct err *err)
{
    size_t columns = dataset_n_columns(ds), c, i;

    for (c = 0; c < columns; c++) {
        bool holds = column_holds_numbers(dataset_column(ds, c)->type);

        if ((holds ? dataset_read_numbers(ds, c, first, n, numbers, err)
                   : dataset_read_codes(ds, c, first, n, codes, err)) != 0) {
            return -1;
        }
        for (i = 0; i < n; i++) {
            if (holds) {
                cells[i * columns + c].number = numbers[i];
            } else {
                cells[i * columns + c].code = codes[i];
            }
        }
    }
    return 0;
}

static int write_row(struct dataset_writer *w, const struct dataset *ds, const union value *cells,
                     struct err *err)
{
    size_t columns = dataset_n_columns(ds), c;

    for (c = 0; c < columns; c++) {
        const struct dataset_column *column = dataset_column(ds, c);
        const char *text = NULL;

        if (column_holds_numbers(column->type)) {
            if (dataset_writer_number(w, cells[c].number, err) != 0) {
                return -1;
            }
            continue;
        }
        if (cells[c].code != DATASET_MISSING) {
            text = column->categories[cells[c].code];
        }
        if (dataset_writer_text(w, text, text != NULL ? strlen(text) : 0, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int dataset_writer_copy(struct dataset_writer *w, const struct dataset *ds, struct err *err)
{
    size_t columns = dataset_n_columns(ds), group = dataset_group_rows(columns), n, i;
    union value *cells = mem_try_alloc(columns * group, sizeof *cells);
    double *numbers = mem_try_alloc(group, sizeof *numbers);
    uint32_t *codes = mem_try_alloc(group, sizeof *codes);
    uint64_t at, rows = dataset_rows(ds);
    int rc = 0;

    if (cells == NULL || numbers == NULL || codes == NULL) {
        rc = err_set(err, ERR_NO_MEMORY, "not enough memory to copy the rows");
    }
    for (at = 0; at < rows && rc == 0; at += n) {
        n = rows - at < group ? (size_t)(rows - at) : group;
        rc = read_rows(ds, at, n, numbers, codes, cells, err);
        for (i = 0; i < n && rc == 0; i++) {
            rc = write_row(w, ds, cells + i * columns, err);
        }
    }
    free(cells);
    free(numbers);
    free(codes);
    return rc;
}
