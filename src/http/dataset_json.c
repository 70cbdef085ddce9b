/* A dataset as its JSON object; see dataset_json.h.
 *
 * A column of texts may have a million of them: the answer shows the first ones with their
 * counts and says how many there are.
 */
#include "http/dataset_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/datetime.h"

#define CATEGORIES_SHOWN 100
#define TOP_SHOWN        20
#define VERSIONS_SHOWN   100
#define WIDE_COLUMNS     1000 /* of wider tables quantiles and histograms only when asked for */

/* A value of a column of numbers: a datetime as people write it. */
static void write_value(struct jw *w, const char *key, enum column_type type, double value)
{
    char text[DATETIME_LEN];

    if (type == COLUMN_DATETIME && !isnan(value)) {
        datetime_show(value, text);
        jw_string(w, key, text);
    } else {
        jw_double(w, key, value);
    }
}

static void write_histogram(struct jw *w, const struct dataset_column *column)
{
    const struct histogram *h = &column->histogram;
    char key[16];
    size_t i;

    jw_object(w, "quantiles");
    for (i = 0; i < DATASET_QUANTILES; i++) {
        (void)snprintf(key, sizeof key, "p%.0f", dataset_quantiles[i] * 100);
        write_value(w, key, column->type, column->quantiles[i]);
    }
    jw_end(w);
    jw_object(w, "histogram");
    write_value(w, "low", column->type, h->low);
    write_value(w, "high", column->type, h->high);
    jw_int(w, "below", (int64_t)h->below);
    jw_int(w, "above", (int64_t)h->above);
    jw_array(w, "counts");
    for (i = 0; i < h->n; i++) {
        jw_int(w, NULL, (int64_t)h->counts[i]);
    }
    jw_end(w);
    jw_end(w);
    jw_bool(w, "exact", column->exact);
}

static void write_numbers(struct jw *w, const struct dataset_column *column, bool distribution)
{
    write_value(w, "min", column->type, column->min);
    write_value(w, "max", column->type, column->max);
    write_value(w, "mean", column->type, column->mean);
    jw_double(w, "std", column->std);
    jw_bool(w, "integers", column->integers);
    /* counted no further than the limit */
    if (column->distinct <= DATASET_MAX_DISTINCT) {
        jw_int(w, "distinct", (int64_t)column->distinct);
    } else {
        jw_null(w, "distinct");
    }
    if (distribution && column->why != NULL) { /* old files have none */
        write_histogram(w, column);
    }
}

static void write_category(struct jw *w, const struct dataset_column *column, uint32_t code)
{
    jw_object(w, NULL);
    jw_string(w, "value", column->categories[code]);
    jw_int(w, "count", (int64_t)column->counts[code]);
    jw_end(w);
}

/* The most frequent texts, of equals the first; and how many cells have another. */
static void write_top(struct jw *w, const struct dataset_column *column)
{
    uint32_t top[TOP_SHOWN], i;
    uint64_t rest = 0;
    size_t n = 0, at;

    for (i = 0; i < column->n_categories; i++) {
        if (n == TOP_SHOWN && column->counts[i] <= column->counts[top[n - 1]]) {
            rest += column->counts[i];
            continue;
        }
        if (n == TOP_SHOWN) {
            rest += column->counts[top[--n]];
        }
        for (at = n++; at > 0 && column->counts[i] > column->counts[top[at - 1]]; at--) {
            top[at] = top[at - 1];
        }
        top[at] = i;
    }
    jw_array(w, "top");
    for (at = 0; at < n; at++) {
        write_category(w, column, top[at]);
    }
    jw_end(w);
    jw_int(w, "rest", (int64_t)rest);
}

static void write_texts(struct jw *w, const struct dataset_column *column)
{
    uint32_t i;

    jw_int(w, "distinct", (int64_t)column->n_categories);
    jw_array(w, "categories");
    for (i = 0; i < column->n_categories && i < CATEGORIES_SHOWN; i++) {
        write_category(w, column, i);
    }
    jw_end(w);
    write_top(w, column);
}

static void write_column(struct jw *w, const struct dataset_column *column, bool distribution)
{
    jw_object(w, NULL);
    jw_string(w, "name", column->name);
    jw_string(w, "type", column_type_name(column->type));
    jw_string(w, "why", column->why);
    jw_bool(w, "declared", column->declared);
    jw_string(w, "remark", column->remark);
    jw_bool(w, "constant", column->constant);
    jw_bool(w, "identifier", column->identifier);
    jw_string(w, "format", column->format);
    jw_int(w, "missing", (int64_t)column->missing);
    if (column_holds_numbers(column->type)) {
        write_numbers(w, column, distribution);
    } else {
        write_texts(w, column);
    }
    jw_end(w);
}

static void write_words(struct jw *w, const struct missing *words)
{
    size_t i;

    jw_object(w, "missing_words");
    jw_bool(w, "defaults", words->defaults);
    jw_array(w, "words");
    for (i = 0; i < words->n; i++) {
        jw_string(w, NULL, words->words[i]);
    }
    jw_end(w);
    jw_end(w);
}

static void write_columns(struct jw *w, const struct dataset *ds, ptrdiff_t only)
{
    size_t first = only < 0 ? 0 : (size_t)only, i;
    size_t past = only < 0 ? dataset_n_columns(ds) : first + 1;

    jw_array(w, "columns");
    for (i = first; i < past; i++) {
        write_column(w, dataset_column(ds, i), past - first <= WIDE_COLUMNS);
    }
    jw_end(w);
}

static void write_parent(struct jw *w, const struct store_dataset *row)
{
    if (row->parent_id != 0) {
        jw_int(w, "parent_id", row->parent_id);
    } else {
        jw_null(w, "parent_id");
    }
}

static void write_versions(struct jw *w, const struct store_dataset *versions, size_t n)
{
    size_t i;

    jw_array(w, "versions");
    for (i = 0; i < n; i++) {
        const struct store_dataset *v = &versions[i];

        jw_object(w, NULL);
        jw_int(w, "id", v->id);
        write_parent(w, v);
        jw_string(w, "name", v->name);
        jw_int(w, "rows", v->rows);
        jw_time(w, "created_at", v->created_at);
        jw_end(w);
    }
    jw_end(w);
}

static void write_row(struct jw *w, const struct store_dataset *row)
{
    jw_int(w, "id", row->id);
    jw_string(w, "name", row->name);
    jw_string(w, "state", "ready");
    jw_int(w, "rows", row->rows);
    jw_int(w, "n_columns", row->columns);
    jw_int(w, "bytes", row->bytes);
    jw_string(w, "sha256", row->sha256);
    jw_time(w, "created_at", row->created_at);
    write_parent(w, row);
}

void dataset_json_row(struct jw *w, const char *key, const struct store_dataset *row)
{
    jw_object(w, key);
    write_row(w, row);
    jw_end(w);
}

int dataset_json_whole(struct jw *w, struct store *store, const struct store_dataset *row,
                       const struct dataset *opened, ptrdiff_t only, struct err *err)
{
    struct store_dataset *versions = NULL;
    size_t n = 0;

    if (store->ops->dataset_versions(store, row->id, VERSIONS_SHOWN, &versions, &n, err) != 0) {
        return -1;
    }
    jw_object(w, NULL);
    write_row(w, row);
    write_versions(w, versions, n);
    write_words(w, dataset_missing(opened));
    write_columns(w, opened, only);
    jw_end(w);
    store_datasets_free(&versions, n);
    return 0;
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
                write_value(w, NULL, column->type, value);
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
