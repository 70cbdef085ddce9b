/* Types from the sample of a CSV text; see csv.h for the rules.
 *
 * Columns are counted cell by cell while the sample comes in; csv_infer_decide then speaks
 * once for all columns. A column without a single value is numeric: there is no text in it.
 */
#include "data/csv_priv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/cell.h"

void csv_infer_cell(struct csv_column *c, const char *s, size_t len, int64_t row, int64_t line)
{
    double value;

    if (c->declared && c->type == COLUMN_CATEGORICAL) {
        return;
    }
    if (cell_number(s, len, &value)) {
        c->present++;
        c->numeric++;
    } else if (!cell_missing(s, len)) {
        c->present++;
        if (c->bad_row == 0) {
            c->bad_row = row;
            c->bad_line = line;
            c->bad_text = cell_show(s, len);
        }
    }
}

int csv_not_numeric(const struct csv_column *c, const char *shown, int64_t row, int64_t line,
                    struct err *err)
{
    char *quoted;

    if (c->declared) {
        return err_add_cell(err, row, line, c->name,
                            "row %lld: column \"%s\" is declared numeric but has the text \"%s\"",
                            (long long)row, c->name, shown);
    }
    quoted = csv_types_quote(c->name);
    err_add_cell(err, row, line, c->name,
                 "row %lld: column \"%s\" is numeric but has the text \"%s\"; "
                 "declare it with types=%s:categorical",
                 (long long)row, c->name, shown, quoted);
    free(quoted);
    return -1;
}

int csv_infer_decide(struct csv_column *columns, size_t n, struct err *err)
{
    int result = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        struct csv_column *c = &columns[i];
        bool mixed = c->numeric < c->present;

        if (c->declared) {
            if (c->type == COLUMN_NUMERIC && mixed) {
                result = csv_not_numeric(c, c->bad_text, c->bad_row, c->bad_line, err);
            }
        } else if (!mixed) {
            c->type = COLUMN_NUMERIC;
        } else if ((uint64_t)c->numeric * 100 >= (uint64_t)c->present * 95) {
            result = csv_not_numeric(c, c->bad_text, c->bad_row, c->bad_line, err);
        } else {
            c->type = COLUMN_CATEGORICAL;
        }
    }
    return result;
}
