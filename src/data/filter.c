/* Conditions on rows; see filter.h.
 *
 * A condition on texts is decided once for every level of the column, and then looked up by code;
 * one on numbers is decided row by row, lists of numbers sorted first. Columns are read a group at
 * a time, only those that a condition names.
 */
#include "data/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/datetime.h"
#include "data/stats.h"

const char *const filter_op_names[] = {
    "==", "!=", "<", "<=", ">", ">=", "in", "not_in", "missing", "not_missing", NULL};

void filter_fini(struct filter *filter)
{
    size_t i, k;

    for (i = 0; i < filter->n; i++) {
        struct filter_condition *c = &filter->conditions[i];

        for (k = 0; k < c->n; k++) {
            free(c->values[k].text);
        }
        free(c->values);
        free(c->column);
    }
    free(filter->conditions);
    *filter = (struct filter){.n = 0};
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to filter the rows");
}

/* ---- values against types --------------------------------------------------------- */

/* What a value is as a number of such a column; false: it is none. */
static bool number_of(const struct filter_value *value, enum column_type type, double *out)
{
    if (value->kind == FILTER_NUMBER) {
        *out = value->number;
        return true;
    }
    return value->kind == FILTER_TEXT && type == COLUMN_DATETIME &&
           datetime_parse(value->text, strlen(value->text), NULL, out) == DATETIME_OK;
}

/* Of a boolean column: 0, 1, or -1 for neither. */
static int truth_of(const struct filter_value *value)
{
    if (value->kind == FILTER_TEXT) {
        return cell_boolean(value->text, strlen(value->text), NULL);
    }
    return value->number == 0 ? 0 : value->number == 1 ? 1 : -1;
}

static bool fits(const struct filter_value *value, enum column_type type)
{
    double number;

    if (column_holds_numbers(type)) {
        return number_of(value, type, &number);
    }
    return type == COLUMN_BOOLEAN ? truth_of(value) >= 0 : value->kind != FILTER_BOOLEAN;
}

static void check_condition(const struct filter_condition *c, const struct dataset *ds,
                            const char *pointer, size_t i, struct err *err)
{
    static const char *const wants[] = {
        [COLUMN_NUMERIC] = "a number",
        [COLUMN_CATEGORICAL] = "a text",
        [COLUMN_BOOLEAN] = "true or false",
        [COLUMN_DATETIME] = "a datetime, such as \"2026-11-23\" or \"2026-11-23T20:01:00Z\"",
        [COLUMN_TEXT] = "a text",
    };
    ptrdiff_t at = dataset_find(ds, c->column);
    char *place, *name = cell_show(c->column, strlen(c->column));
    enum column_type type;
    size_t k;

    if (at < 0) {
        const char *near = err_full(err)
                               ? NULL
                               : text_nearest(c->column, dataset_names(ds), dataset_n_columns(ds));

        place = xasprintf("%s/%zu/column", pointer, i);
        err_add(err, place, "the dataset has no column \"%s\"%s%s%s", name,
                near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                near != NULL ? "\"?" : "");
        goto out;
    }
    type = dataset_column(ds, (size_t)at)->type;
    if (c->op >= FILTER_LT && c->op <= FILTER_GE && !column_holds_numbers(type)) {
        place = xasprintf("%s/%zu/op", pointer, i);
        err_add(err, place, "\"%s\" is %s: %s is for numbers and datetimes", name,
                column_type_name(type), filter_op_names[c->op]);
        goto out;
    }
    for (k = 0; k < c->n && fits(&c->values[k], type); k++) {
    }
    place = c->op == FILTER_IN || c->op == FILTER_NOT_IN
                ? xasprintf("%s/%zu/value/%zu", pointer, i, k)
                : xasprintf("%s/%zu/value", pointer, i);
    if (k < c->n) {
        err_add(err, place, "\"%s\" is %s: the value must be %s", name, column_type_name(type),
                wants[type]);
    }
out:
    free(place);
    free(name);
}

int filter_check(const struct filter *filter, const struct dataset *ds, const char *pointer,
                 struct err *err)
{
    size_t before = err->n_items + err->n_dropped, i;

    for (i = 0; i < filter->n; i++) {
        check_condition(&filter->conditions[i], ds, pointer, i, err);
    }
    return err->n_items + err->n_dropped > before ? -1 : 0;
}

/* ---- one condition --------------------------------------------------------------------- */

struct condition {
    const struct filter_condition *c;
    double *numbers; /* [n] sorted */
    bool *levels;    /* [n_categories] whether the op holds for the text */
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool holds_for_number(const struct condition *k, double v)
{
    double w = k->c->n > 0 ? k->numbers[0] : 0;

    switch (k->c->op) {
    case FILTER_EQ:
    case FILTER_IN:
        return distinct_find(k->numbers, k->c->n, v) >= 0;
    case FILTER_NE:
    case FILTER_NOT_IN:
        return distinct_find(k->numbers, k->c->n, v) < 0;
    case FILTER_LT:
        return v < w;
    case FILTER_LE:
        return v <= w;
    case FILTER_GT:
        return v > w;
    case FILTER_GE:
        return v >= w;
    default:
        return k->c->op == FILTER_NOT_MISSING;
    }
}

/* Which texts of the column are among the values. */
static void find_levels(struct condition *k, const struct dataset_column *col)
{
    size_t n = k->c->n, i, j;
    bool want = k->c->op == FILTER_EQ || k->c->op == FILTER_IN;
    char **texts = xcalloc(n + 1, sizeof *texts);
    bool truths[2] = {false, false};
    char number[CELL_NUMBER_LEN];

    for (j = 0; j < n; j++) {
        const struct filter_value *v = &k->c->values[j];

        if (v->kind == FILTER_NUMBER) {
            cell_format(v->number, number);
        }
        texts[j] = xstrdup(v->kind == FILTER_TEXT ? v->text : number);
        if (col->type == COLUMN_BOOLEAN) {
            truths[truth_of(v)] = true;
        }
    }
    qsort(texts, n, sizeof *texts, compare_texts);
    for (i = 0; i < col->n_categories; i++) {
        const char *text = col->categories[i];
        bool found = col->type == COLUMN_BOOLEAN
                         ? truths[cell_boolean(text, strlen(text), NULL) == 1]
                         : n > 0 && bsearch(&text, texts, n, sizeof *texts, compare_texts) != NULL;

        k->levels[i] = k->c->op == FILTER_MISSING       ? false
                       : k->c->op == FILTER_NOT_MISSING ? true
                                                        : found == want;
    }
    for (j = 0; j < n; j++) {
        free(texts[j]);
    }
    free(texts);
}

static int condition_init(struct condition *k, const struct filter_condition *c,
                          const struct dataset_column *col, struct err *err)
{
    size_t i;

    *k = (struct condition){.c = c};
    if (column_holds_numbers(col->type)) {
        k->numbers = xcalloc(c->n + 1, sizeof *k->numbers);
        for (i = 0; i < c->n; i++) {
            CHK(number_of(&c->values[i], col->type, &k->numbers[i])); /* it was checked */
        }
        qsort(k->numbers, c->n, sizeof *k->numbers, compare_doubles);
        return 0;
    }
    k->levels = mem_try_alloc(col->n_categories + 1, sizeof *k->levels);
    if (k->levels == NULL) {
        return no_memory(err);
    }
    find_levels(k, col);
    return 0;
}

/* A column's cells, group by group. */
struct cells {
    const struct dataset *ds;
    size_t column;
    bool numbers;
    double *number; /* [DATASET_GROUP] */
    uint32_t *code; /* [DATASET_GROUP] */
};

static int cells_init(struct cells *s, const struct dataset *ds, size_t column, struct err *err)
{
    *s = (struct cells){.ds = ds,
                        .column = column,
                        .numbers = column_holds_numbers(dataset_column(ds, column)->type)};
    s->number = mem_try_alloc(DATASET_GROUP, sizeof *s->number);
    s->code = mem_try_alloc(DATASET_GROUP, sizeof *s->code);
    return s->number != NULL && s->code != NULL ? 0 : no_memory(err);
}

static void cells_fini(struct cells *s)
{
    free(s->number);
    free(s->code);
}

/* The group from row `at` on; its length, 0 behind the last row, or -1. */
static ptrdiff_t cells_read(struct cells *s, size_t at, struct err *err)
{
    size_t left = (size_t)dataset_rows(s->ds) - at;
    size_t n = left < DATASET_GROUP ? left : DATASET_GROUP;

    if (n == 0) {
        return 0;
    }
    return (s->numbers ? dataset_read_numbers(s->ds, s->column, at, n, s->number, err)
                       : dataset_read_codes(s->ds, s->column, at, n, s->code, err)) == 0
               ? (ptrdiff_t)n
               : -1;
}

static bool cells_missing(const struct cells *s, size_t i)
{
    return s->numbers ? isnan(s->number[i]) : s->code[i] == DATASET_MISSING;
}

static int apply(const struct filter_condition *c, const struct dataset *ds, uint8_t *keep,
                 uint64_t *met, struct err *err)
{
    ptrdiff_t column = dataset_find(ds, c->column), n;
    struct condition k = {.c = c};
    struct cells s;
    size_t at, i;
    int rc;

    CHK(column >= 0); /* it was checked */
    rc = cells_init(&s, ds, (size_t)column, err);
    if (rc == 0) {
        rc = condition_init(&k, c, dataset_column(ds, (size_t)column), err);
    }
    for (at = 0, *met = 0; rc == 0 && (n = cells_read(&s, at, err)) != 0; at += (size_t)n) {
        if (n < 0) {
            rc = -1;
            break;
        }
        for (i = 0; i < (size_t)n; i++) {
            bool holds = cells_missing(&s, i) ? c->op == FILTER_MISSING
                         : s.numbers          ? holds_for_number(&k, s.number[i])
                                              : k.levels[s.code[i]];

            *met += holds;
            keep[at + i] = keep[at + i] && holds;
        }
    }
    free(k.numbers);
    free(k.levels);
    cells_fini(&s);
    return rc;
}

int filter_rows(const struct filter *filter, const struct dataset *ds, uint8_t *keep,
                uint64_t *alone, struct err *err)
{
    uint64_t met;
    size_t i;

    for (i = 0; i < filter->n; i++) {
        if (apply(&filter->conditions[i], ds, keep, alone != NULL ? &alone[i] : &met, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- cells without a value ----------------------------------------------------------------- */

int filter_missing(const struct dataset *ds, size_t column, uint8_t *keep, uint64_t *n,
                   struct err *err)
{
    struct cells s;
    size_t at, i;
    ptrdiff_t here;
    int rc = cells_init(&s, ds, column, err);

    *n = 0;
    for (at = 0; rc == 0 && (here = cells_read(&s, at, err)) != 0; at += (size_t)here) {
        if (here < 0) {
            rc = -1;
            break;
        }
        for (i = 0; i < (size_t)here; i++) {
            if (keep[at + i] && cells_missing(&s, i)) {
                keep[at + i] = 0;
                ++*n;
            }
        }
    }
    cells_fini(&s);
    return rc;
}

int64_t filter_first_missing(const struct dataset *ds, size_t column, const uint8_t *keep)
{
    struct err err = ERR_INIT;
    struct cells s;
    int64_t found = -1;
    ptrdiff_t n = cells_init(&s, ds, column, &err);
    size_t at, i;

    for (at = 0; n >= 0 && found < 0 && (n = cells_read(&s, at, &err)) > 0; at += (size_t)n) {
        for (i = 0; i < (size_t)n && found < 0; i++) {
            if ((keep == NULL || keep[at + i]) && cells_missing(&s, i)) {
                found = (int64_t)(at + i);
            }
        }
    }
    cells_fini(&s);
    err_fini(&err);
    return found;
}

/* ---- a column in the rows that are left --------------------------------------------------------
 */

static int count_numbers(struct cells *s, const uint8_t *keep, struct dataset_column *out,
                         struct err *err)
{
    struct distinct values;
    struct stats stats;
    ptrdiff_t n;
    size_t at, i, present;

    distinct_init(&values, DATASET_MAX_DISTINCT);
    stats_init(&stats);
    out->integers = true;
    for (at = 0; (n = cells_read(s, at, err)) > 0; at += (size_t)n) {
        for (i = 0, present = 0; i < (size_t)n; i++) {
            if (!keep[at + i]) {
                continue;
            }
            if (isnan(s->number[i])) {
                out->missing++;
            } else {
                out->integers = out->integers && s->number[i] == floor(s->number[i]);
                s->number[present++] = s->number[i];
            }
        }
        stats_add(&stats, s->number, present);
        if (distinct_add(&values, s->number, present) != 0) {
            distinct_fini(&values);
            return no_memory(err);
        }
    }
    out->min = stats.min;
    out->max = stats.max;
    out->mean = stats_mean(&stats);
    out->std = stats_std(&stats);
    out->distinct = values.n;
    if (values.n <= DATASET_MAX_DISTINCT) {
        out->values = values.values;
    } else {
        distinct_fini(&values);
    }
    return n < 0 ? -1 : 0;
}

static int count_texts(struct cells *s, const uint8_t *keep, const struct dataset_column *all,
                       struct dataset_column *out, struct err *err)
{
    uint32_t i;
    ptrdiff_t n;
    size_t at;

    out->counts = mem_try_alloc(all->n_categories + 1, sizeof *out->counts);
    out->categories = mem_try_alloc(all->n_categories + 1, sizeof *out->categories);
    if (out->counts == NULL || out->categories == NULL) {
        return no_memory(err);
    }
    memset(out->counts, 0, (all->n_categories + 1) * sizeof *out->counts);
    for (at = 0; (n = cells_read(s, at, err)) > 0; at += (size_t)n) {
        for (i = 0; i < (uint32_t)n; i++) {
            if (keep[at + i] && s->code[i] == DATASET_MISSING) {
                out->missing++;
            } else if (keep[at + i]) {
                out->counts[s->code[i]]++;
            }
        }
    }
    for (i = 0; i < all->n_categories; i++) {
        if (out->counts[i] > 0) {
            out->counts[out->n_categories] = out->counts[i];
            out->categories[out->n_categories++] = all->categories[i];
        }
    }
    out->distinct = out->n_categories;
    return n < 0 ? -1 : 0;
}

int filter_column(const struct dataset *ds, size_t column, const uint8_t *keep,
                  struct dataset_column **out, struct err *err)
{
    const struct dataset_column *all = dataset_column(ds, column);
    struct dataset_column *found = xcalloc(1, sizeof *found);
    struct cells s;
    int rc = cells_init(&s, ds, column, err);

    found->name = all->name;
    found->type = all->type;
    found->stored = all->stored;
    if (rc == 0) {
        rc = s.numbers ? count_numbers(&s, keep, found, err)
                       : count_texts(&s, keep, all, found, err);
    }
    cells_fini(&s);
    if (rc != 0) {
        filter_column_free(&found);
        return -1;
    }
    *out = found;
    return 0;
}

void filter_column_free(struct dataset_column **column)
{
    if (*column != NULL) {
        free((*column)->values);
        free((*column)->categories);
        free((*column)->counts);
        free(*column);
        *column = NULL;
    }
}
