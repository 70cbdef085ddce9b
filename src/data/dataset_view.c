/* Columns as another type; see dataset_view.h.
 *
 * A view has the fields of the dataset that it is of, all borrowed, and beside them the few columns
 * that are seen otherwise, sorted. From texts to numbers a table leads, from numbers to texts a
 * search among the sorted levels. Any thread; immutable once made.
 */
#include "data/dataset_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/dataset_read_priv.h"
#include "data/stats.h"

#define BLOCK 4096 /* cells that are turned at a time, on the stack */

struct dataset_retyped {
    size_t column;
    struct dataset_column
        as;          /* name, why, remark: the file's; the rest is owned where it differs */
    double *numbers; /* texts as numbers: [n_categories of the file]; owned */
    double *levels;  /* numbers as texts: [as.n_categories], rising; owned */
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to take a column as another type");
}

static void retyped_fini(struct dataset_retyped *r)
{
    free(r->numbers);
    if (r->levels != NULL) {
        free(r->as.categories != NULL ? r->as.categories[0] : NULL);
        free(r->as.categories);
        free(r->as.counts);
    }
    if (r->numbers != NULL) {
        free(r->as.values);
    }
    free(r->levels);
}

/* ---- numbers as texts -------------------------------------------------------- */

struct levels {
    size_t n;
    double *values; /* rising */
    uint64_t *counts;
};

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The sorted block[n] goes in; what is new is merged from behind. */
static int merge(struct levels *l, const double *block, size_t n)
{
    size_t fresh = 0, i, at, from;
    void *values, *counts;

    for (i = 0; i < n; i++) {
        if (i > 0 && block[i] <= block[i - 1]) {
            continue;
        }
        fresh += distinct_find(l->values, l->n, block[i]) < 0;
    }
    values = realloc(l->values, (l->n + fresh + 1) * sizeof *l->values);
    l->values = values != NULL ? values : l->values;
    counts = realloc(l->counts, (l->n + fresh + 1) * sizeof *l->counts);
    l->counts = counts != NULL ? counts : l->counts;
    if (values == NULL || counts == NULL) {
        return -1;
    }
    for (at = l->n + fresh, from = l->n, i = n; i > 0;) {
        size_t same = 1;

        while (same < i && block[i - same - 1] >= block[i - 1]) {
            same++;
        }
        while (from > 0 && l->values[from - 1] > block[i - 1]) {
            l->values[--at] = l->values[--from];
            l->counts[at] = l->counts[from];
        }
        if (from > 0 && l->values[from - 1] >= block[i - 1]) {
            l->counts[from - 1] += same;
        } else {
            l->values[--at] = block[i - 1];
            l->counts[at] = same;
        }
        i -= same;
    }
    l->n += fresh;
    return 0;
}

static int find_levels(const struct dataset *ds, size_t column, struct levels *out, struct err *err)
{
    double block[BLOCK];
    uint64_t first;
    size_t n, k, i;

    for (first = 0; first < ds->rows && out->n <= DATASET_VIEW_LEVELS; first += n) {
        n = ds->rows - first < BLOCK ? (size_t)(ds->rows - first) : BLOCK;
        if (dataset_read_raw(ds, column, first, n, block, NULL, err) != 0) {
            return -1;
        }
        for (i = k = 0; i < n; i++) {
            if (!isnan(block[i])) {
                block[k++] = block[i] + 0.0; /* -0 becomes 0 */
            }
        }
        qsort(block, k, sizeof *block, compare_numbers);
        if (merge(out, block, k) != 0) {
            return no_memory(err);
        }
    }
    return 0;
}

/* Their texts, in the numbers' order. */
static int name_levels(struct dataset_retyped *r, struct levels *l, struct err *err)
{
    char *text = mem_try_alloc(l->n + 1, CELL_NUMBER_LEN);
    size_t i;

    r->as.categories = mem_try_alloc(l->n + 1, sizeof *r->as.categories);
    if (text == NULL || r->as.categories == NULL) {
        free(text);
        free(r->as.categories);
        r->as.categories = NULL;
        return no_memory(err);
    }
    r->as.categories[0] = text;
    for (i = 0; i < l->n; i++) {
        r->as.categories[i] = text + i * CELL_NUMBER_LEN;
        cell_format(l->values[i], r->as.categories[i]);
    }
    r->as.n_categories = (uint32_t)l->n;
    r->as.distinct = l->n;
    r->levels = l->values;
    r->as.counts = l->counts;
    *l = (struct levels){.n = 0};
    return 0;
}

static int texts_of_numbers(const struct dataset *ds, struct dataset_retyped *r,
                            const char *pointer, struct err *err)
{
    const struct dataset_column *c = &ds->columns[r->column];
    struct levels l = {.n = 0};
    int rc;

    if (r->as.type == COLUMN_BOOLEAN && (!c->integers || c->min < 0 || c->max > 1)) {
        return err_add(err, pointer, "a boolean is 0 or 1, and the numbers go from %g to %g%s",
                       c->min, c->max, c->integers ? "" : ", with fractions");
    }
    rc = find_levels(ds, r->column, &l, err);
    if (rc == 0 && l.n > DATASET_VIEW_LEVELS) {
        rc = err_add(err, pointer, "has more than %d different numbers: too many for names",
                     DATASET_VIEW_LEVELS);
    }
    if (rc == 0) {
        r->as.values = NULL;
        r->as.integers = false;
        r->as.min = r->as.max = r->as.mean = r->as.std = NAN;
        r->as.histogram.n = 0;
        rc = name_levels(r, &l, err);
    }
    free(l.values);
    free(l.counts);
    return rc;
}

/* ---- texts as numbers -------------------------------------------------------- */

/* The first row with the code, from 1. */
static int find_row(const struct dataset *ds, size_t column, uint32_t code, uint64_t *row,
                    struct err *err)
{
    uint32_t block[BLOCK];
    uint64_t first;
    size_t n, i;

    for (first = 0; first < ds->rows; first += n) {
        n = ds->rows - first < BLOCK ? (size_t)(ds->rows - first) : BLOCK;
        if (dataset_read_raw(ds, column, first, n, NULL, block, err) != 0) {
            return -1;
        }
        for (i = 0; i < n; i++) {
            if (block[i] == code) {
                *row = first + i + 1;
                return 0;
            }
        }
    }
    *row = 0; /* a text that no row has: no writer writes it */
    return 0;
}

/* Texts stand in the order of their first rows, so the first bad one is the first bad row's. */
static int refuse_text(const struct dataset *ds, size_t column, uint32_t code, const char *pointer,
                       const char *why, struct err *err)
{
    const char *text = ds->columns[column].categories[code];
    uint64_t row;
    char *shown;

    if (find_row(ds, column, code, &row, err) != 0) {
        return -1;
    }
    shown = cell_show(text, strlen(text));
    err_add(err, pointer, "row %llu: \"%s\" is %s", (unsigned long long)row, shown, why);
    free(shown);
    return -1;
}

/* What the texts say as numbers, each as often as it is there. */
static int describe_numbers(struct dataset_retyped *r, const struct dataset_column *c,
                            struct err *err)
{
    struct dataset_column *as = &r->as;
    double sum = 0, squares = 0;
    uint64_t n = 0;
    struct distinct distinct;
    uint32_t i;

    as->min = as->max = as->mean = as->std = NAN;
    as->integers = true;
    distinct_init(&distinct, DATASET_MAX_DISTINCT);
    if (distinct_add(&distinct, r->numbers, c->n_categories) != 0) {
        distinct_fini(&distinct);
        return no_memory(err);
    }
    for (i = 0; i < c->n_categories; i++) {
        double value = r->numbers[i];

        as->min = i == 0 || value < as->min ? value : as->min;
        as->max = i == 0 || value > as->max ? value : as->max;
        as->integers = as->integers && floor(value) >= value;
        sum += value * (double)c->counts[i];
        n += c->counts[i];
    }
    as->mean = n > 0 ? sum / (double)n : NAN;
    for (i = 0; i < c->n_categories; i++) {
        double away = r->numbers[i] - as->mean;

        squares += away * away * (double)c->counts[i];
    }
    as->std = n > 0 ? sqrt(squares / (double)n) : NAN;
    as->integers = as->integers && n > 0;
    as->distinct = distinct.n;
    as->values = distinct.over ? NULL : distinct.values;
    as->categories = NULL;
    as->counts = NULL;
    as->n_categories = 0;
    if (distinct.over) {
        distinct_fini(&distinct);
    }
    return 0;
}

static int numbers_of_texts(const struct dataset *ds, struct dataset_retyped *r,
                            const char *pointer, struct err *err)
{
    const struct dataset_column *c = &ds->columns[r->column];
    uint32_t i;

    r->numbers = mem_try_alloc((size_t)c->n_categories + 1, sizeof *r->numbers);
    if (r->numbers == NULL) {
        return no_memory(err);
    }
    r->as.values = NULL;
    for (i = 0; i < c->n_categories; i++) {
        const char *text = c->categories[i];

        if (c->type == COLUMN_BOOLEAN) {
            r->numbers[i] = cell_boolean(text, strlen(text), NULL);
        } else if (!cell_number(text, strlen(text), &r->numbers[i])) {
            return refuse_text(ds, r->column, i, pointer, "no number", err);
        }
    }
    return describe_numbers(r, c, err);
}

/* ---- all of it --------------------------------------------------------------- */

/* Two texts, one that means true and one that means false. */
static int check_boolean(const struct dataset *ds, size_t column, const char *pointer,
                         struct err *err)
{
    const struct dataset_column *c = &ds->columns[column];
    int truth[2] = {-1, -1}, one;
    uint32_t i;

    for (i = 0; i < c->n_categories; i++) {
        one = cell_boolean(c->categories[i], strlen(c->categories[i]), NULL);
        if (one < 0) {
            return refuse_text(ds, column, i, pointer,
                               "neither true nor false (true/false, yes/no, t/f, y/n or 1/0)", err);
        }
        if (i > 1 || (i == 1 && one == truth[0])) {
            return refuse_text(ds, column, i, pointer,
                               "one more word for what another row says otherwise; a boolean has "
                               "two",
                               err);
        }
        truth[i] = one;
    }
    return 0;
}

static int retype(const struct dataset *ds, struct dataset_retyped *r, const char *pointer,
                  struct err *err)
{
    enum column_type has = ds->columns[r->column].type, want = r->as.type;
    bool numbers = column_holds_numbers(want);

    if (has == COLUMN_DATETIME) {
        return err_add(err, pointer,
                       "the dataset has it as datetime, and as nothing else: take parts of it with "
                       "preprocess.datetime (\"seconds\" is one number), or upload it with "
                       "types=NAME:%s",
                       column_type_name(want));
    }
    if (want == COLUMN_DATETIME && has != COLUMN_NUMERIC) {
        return err_add(err, pointer,
                       "the dataset has it as %s, from which no datetime can be made: upload it "
                       "with types=NAME:datetime:FORMAT",
                       column_type_name(has));
    }
    if (column_holds_numbers(has) == numbers) {
        return want == COLUMN_BOOLEAN ? check_boolean(ds, r->column, pointer, err) : 0;
    }
    return numbers ? numbers_of_texts(ds, r, pointer, err) : texts_of_numbers(ds, r, pointer, err);
}

int dataset_view(const struct dataset **ds, const struct dataset_wish *wishes, size_t n,
                 struct err *err)
{
    const struct dataset *base = *ds;
    struct dataset *view;
    size_t i;
    int rc = 0;

    CHK_OBJ(base, DATASET_OBJ);
    CHK(base->base == NULL);
    view = xcalloc(1, sizeof *view);
    *view = *base;
    view->base = base;
    view->retyped = xcalloc(n + 1, sizeof *view->retyped);
    view->n_retyped = 0;
    for (i = 0; i < n; i++) {
        const struct dataset_column *c = dataset_column(base, wishes[i].column);
        struct dataset_retyped *r = &view->retyped[view->n_retyped];

        if (c->type == wishes[i].type) {
            continue;
        }
        r->column = wishes[i].column;
        r->as = *c;
        r->as.type = wishes[i].type;
        view->n_retyped++;
        rc |= retype(base, r, wishes[i].pointer, err);
    }
    *ds = view;
    if (rc != 0 || view->n_retyped == 0) {
        dataset_view_end(ds);
    }
    return rc;
}

void dataset_view_end(const struct dataset **ds)
{
    struct dataset *view;
    size_t i;

    if (*ds == NULL || (*ds)->base == NULL) {
        return;
    }
    CHK_OBJ(*ds, DATASET_OBJ);
    view = (struct dataset *)(uintptr_t)*ds; /* its maker's, not its readers' */
    *ds = view->base;
    for (i = 0; i < view->n_retyped; i++) {
        retyped_fini(&view->retyped[i]);
    }
    free(view->retyped);
    view->magic = 0;
    free(view);
}

static const struct dataset_retyped *find(const struct dataset *ds, size_t column)
{
    size_t low = 0, high = ds->n_retyped;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ds->retyped[middle].column == column) {
            return &ds->retyped[middle];
        }
        if (ds->retyped[middle].column > column) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct dataset_column *dataset_view_column(const struct dataset *ds, size_t column)
{
    const struct dataset_retyped *r = find(ds, column);

    return r != NULL ? &r->as : &ds->columns[column];
}

int dataset_view_numbers(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                         double *out, struct err *err)
{
    const struct dataset_retyped *r = find(ds, column);
    uint32_t codes[BLOCK];
    size_t k, i;

    if (r == NULL || r->numbers == NULL) {
        return dataset_read_raw(ds, column, first, n, out, NULL, err);
    }
    for (; n > 0; n -= k, first += k, out += k) {
        k = n < BLOCK ? n : BLOCK;
        if (dataset_read_raw(ds, column, first, k, NULL, codes, err) != 0) {
            return -1;
        }
        for (i = 0; i < k; i++) {
            out[i] = codes[i] != DATASET_MISSING ? r->numbers[codes[i]] : (double)NAN;
        }
    }
    return 0;
}

int dataset_view_codes(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                       uint32_t *out, struct err *err)
{
    const struct dataset_retyped *r = find(ds, column);
    double numbers[BLOCK];
    size_t k, i;

    if (r == NULL || r->levels == NULL) {
        return dataset_read_raw(ds, column, first, n, NULL, out, err);
    }
    for (; n > 0; n -= k, first += k, out += k) {
        k = n < BLOCK ? n : BLOCK;
        if (dataset_read_raw(ds, column, first, k, numbers, NULL, err) != 0) {
            return -1;
        }
        for (i = 0; i < k; i++) {
            ptrdiff_t at =
                isnan(numbers[i]) ? -1 : distinct_find(r->levels, r->as.n_categories, numbers[i]);

            if (at < 0 && !isnan(numbers[i])) {
                return dataset_read_corrupt(err); /* it was not there when the view was made */
            }
            out[i] = at < 0 ? DATASET_MISSING : (uint32_t)at;
        }
    }
    return 0;
}
