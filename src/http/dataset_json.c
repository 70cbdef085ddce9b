/* A dataset as its JSON object; see dataset_json.h.
 *
 * A column of texts may have a million of them: the answer shows the first ones with their
 * counts and says how many there are.
 */
#include "http/dataset_json.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define CATEGORIES_SHOWN 100

static void write_column(struct jw *w, const struct dataset_column *column)
{
    uint32_t i;

    jw_object(w, NULL);
    jw_string(w, "name", column->name);
    jw_string(w, "type", column_type_name(column->type));
    jw_int(w, "missing", (int64_t)column->missing);
    if (column_holds_numbers(column->type)) {
        jw_double(w, "min", column->min);
        jw_double(w, "max", column->max);
        jw_double(w, "mean", column->mean);
        jw_double(w, "std", column->std);
        jw_bool(w, "integers", column->integers);
        /* counted no further than the limit */
        if (column->distinct <= DATASET_MAX_DISTINCT) {
            jw_int(w, "distinct", (int64_t)column->distinct);
        } else {
            jw_null(w, "distinct");
        }
    } else {
        jw_int(w, "distinct", (int64_t)column->n_categories);
        jw_array(w, "categories");
        for (i = 0; i < column->n_categories && i < CATEGORIES_SHOWN; i++) {
            jw_object(w, NULL);
            jw_string(w, "value", column->categories[i]);
            jw_int(w, "count", (int64_t)column->counts[i]);
            jw_end(w);
        }
        jw_end(w);
    }
    jw_end(w);
}

void dataset_json_write(struct jw *w, const char *key, const struct store_dataset *row,
                        const struct dataset *opened)
{
    size_t i;

    jw_object(w, key);
    jw_int(w, "id", row->id);
    jw_string(w, "name", row->name);
    jw_string(w, "state", "ready");
    jw_int(w, "rows", row->rows);
    jw_int(w, "n_columns", row->columns);
    jw_int(w, "bytes", row->bytes);
    jw_string(w, "sha256", row->sha256);
    jw_time(w, "created_at", row->created_at);
    if (opened != NULL) {
        jw_array(w, "columns");
        for (i = 0; i < dataset_n_columns(opened); i++) {
            write_column(w, dataset_column(opened, i));
        }
        jw_end(w);
    }
    jw_end(w);
}

/* Columns lie one after another in the file and rows in the answer: the cells of all columns
 * are read first. Numbers and codes share the room, a double each. */
int dataset_json_rows(struct jw *w, const char *key, const struct dataset *ds, uint64_t first,
                      size_t n, struct err *err)
{
    size_t columns = dataset_n_columns(ds), cells, c, r;
    double *numbers;
    uint32_t *codes;
    int rc = 0;

    if (!mem_mul(columns, n, &cells)) {
        return err_set(err, ERR_NO_MEMORY, "no memory for these rows");
    }
    numbers = mem_try_alloc(cells + 1, sizeof *numbers);
    codes = mem_try_alloc(n + 1, sizeof *codes);
    if (numbers == NULL || codes == NULL) {
        free(numbers);
        free(codes);
        return err_set(err, ERR_NO_MEMORY, "no memory for %zu rows of %zu columns", n, columns);
    }
    for (c = 0; rc == 0 && n != 0 && c < columns; c++) {
        if (column_holds_numbers(dataset_column(ds, c)->type)) {
            rc = dataset_read_numbers(ds, c, first, n, numbers + c * n, err);
            continue;
        }
        rc = dataset_read_codes(ds, c, first, n, codes, err);
        for (r = 0; rc == 0 && r < n; r++) {
            numbers[c * n + r] = codes[r] == DATASET_MISSING ? NAN : (double)codes[r];
        }
    }
    jw_array(w, key);
    for (r = 0; rc == 0 && r < n; r++) {
        jw_array(w, NULL);
        for (c = 0; c < columns; c++) {
            const struct dataset_column *column = dataset_column(ds, c);
            double value = numbers[c * n + r];

            if (column_holds_numbers(column->type) || isnan(value)) {
                jw_double(w, NULL, value);
            } else {
                jw_string(w, NULL, column->categories[(uint32_t)value]);
            }
        }
        jw_end(w);
    }
    jw_end(w);
    free(numbers);
    free(codes);
    return rc;
}
