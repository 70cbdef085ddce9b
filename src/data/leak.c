/* Looking for features that tell the target; see leak.h.
 *
 * The sample is up to 16 runs of neighbouring training rows, spread evenly, so that few groups of
 * the file are read. For a feature its rows are sorted by (value, target); rows of one value make a
 * level, and what is told of a row never counts the row itself.
 */
#include "data/leak.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define RUNS 16

struct pair {
    double x, y; /* texts are their codes; NaN is no value */
};

struct level {
    double x, mean; /* mean: of the target, or the most frequent class */
    size_t first, n;
};

struct looking {
    const struct dataset *ds;
    uint64_t *rows; /* [n] the sample */
    size_t n;
    bool classes;
    double *y, *cells;    /* [n]; cells is for one column */
    double usual, worst;  /* most frequent class and rows of others; mean and sum of squares */
    struct pair *pairs;   /* [n] */
    struct level *levels; /* [n] */
    double *numbers;      /* [DATASET_GROUP] */
    uint32_t *codes;      /* [DATASET_GROUP] */
};

static int read_column(struct looking *l, size_t column, double *out, struct err *err)
{
    bool numbers = column_holds_numbers(dataset_column(l->ds, column)->type);
    size_t at, k, i;

    for (at = 0; at < l->n; at += k) {
        uint64_t first = l->rows[at], end = first + DATASET_GROUP;
        size_t span;

        for (k = 1; at + k < l->n && l->rows[at + k] < end; k++) {
        }
        span = (size_t)(l->rows[at + k - 1] - first) + 1;
        if ((numbers ? dataset_read_numbers(l->ds, column, first, span, l->numbers, err)
                     : dataset_read_codes(l->ds, column, first, span, l->codes, err)) != 0) {
            return -1;
        }
        for (i = 0; i < k; i++) {
            size_t place = (size_t)(l->rows[at + i] - first);

            out[at + i] = numbers                              ? l->numbers[place]
                          : l->codes[place] == DATASET_MISSING ? NAN
                                                               : (double)l->codes[place];
        }
    }
    return 0;
}

static int compare(double a, double b)
{
    if (isnan(a) || isnan(b)) { /* behind all others */
        return isnan(a) ? (isnan(b) ? 0 : 1) : -1;
    }
    return a < b ? -1 : a > b;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    int order = compare(p->x, q->x);

    return order != 0 ? order : compare(p->y, q->y);
}

/* The most frequent y of sorted pairs, how often it is there, and the next one. */
static double most_frequent(const struct pair *pairs, size_t n, size_t *most, size_t *next)
{
    double which = pairs[0].y;
    size_t i, k;

    *most = *next = 0;
    for (i = 0; i < n; i += k) {
        for (k = 1; i + k < n && compare(pairs[i + k].y, pairs[i].y) == 0; k++) {
        }
        if (k > *most) {
            *next = *most;
            *most = k;
            which = pairs[i].y;
        } else if (k > *next) {
            *next = k;
        }
    }
    return which;
}

static double mean_of(const struct pair *pairs, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        sum += pairs[i].y;
    }
    return sum / (double)n;
}

/* What levels k-1 and k+1 say of a number between them. */
static double between(const struct looking *l, const struct level *levels, size_t n, size_t k)
{
    const struct level *low = k > 0 ? &levels[k - 1] : &levels[k + 1];
    const struct level *high = k + 1 < n ? &levels[k + 1] : low;
    double x = levels[k].x;

    if (low->x >= high->x || x <= low->x) {
        return low->mean;
    }
    if (l->classes) {
        return x - low->x <= high->x - x ? low->mean : high->mean;
    }
    return low->mean + (high->mean - low->mean) * ((x - low->x) / (high->x - low->x));
}

/* What is wrong about the rows of a level, by classes or squares. */
static double wrong_of_level(const struct looking *l, size_t k, size_t n_numbers, bool number)
{
    const struct level *level = &l->levels[k];
    const struct pair *pairs = l->pairs + level->first;
    double wrong = 0, told;
    size_t most, next, i;

    if (level->n == 1) {
        told = number && k < n_numbers && n_numbers > 1 ? between(l, l->levels, n_numbers, k)
                                                        : l->usual;
        return l->classes ? compare(told, pairs[0].y) != 0
                          : (pairs[0].y - told) * (pairs[0].y - told);
    }
    if (l->classes) {
        (void)most_frequent(pairs, level->n, &most, &next);
        return (double)(level->n - most) + (most - 1 > next ? 0 : (double)most);
    }
    for (i = 0; i < level->n; i++) { /* the mean of the others */
        double d = (pairs[i].y - level->mean) * (double)level->n / (double)(level->n - 1);

        wrong += d * d;
    }
    return wrong;
}

static double wrong_of_column(struct looking *l, bool number)
{
    size_t n = 0, n_numbers = 0, most, next, i, k;
    double wrong = 0;

    for (i = 0; i < l->n; i++) {
        l->pairs[i] = (struct pair){l->cells[i], l->y[i]};
    }
    qsort(l->pairs, l->n, sizeof *l->pairs, compare_pairs);
    for (i = 0; i < l->n; i += k) {
        for (k = 1; i + k < l->n && compare(l->pairs[i + k].x, l->pairs[i].x) == 0; k++) {
        }
        l->levels[n] = (struct level){.x = l->pairs[i].x, .first = i, .n = k};
        l->levels[n].mean =
            l->classes ? most_frequent(l->pairs + i, k, &most, &next) : mean_of(l->pairs + i, k);
        n_numbers += !isnan(l->pairs[i].x);
        n++;
    }
    for (i = 0; i < n; i++) {
        wrong += wrong_of_level(l, i, n_numbers, number);
    }
    return wrong;
}

static void warn(const struct looking *l, size_t feature, size_t target, double wrong,
                 struct err *warnings)
{
    const char *x = dataset_column(l->ds, feature)->name, *y = dataset_column(l->ds, target)->name;

    if (l->classes) {
        err_add(warnings, NULL,
                "\"%s\" alone tells the target \"%s\" almost perfectly (%.0f of %zu rows wrong, "
                "%.0f by guessing): if it is not known when predictions are made, leave it out "
                "with data.exclude",
                x, y, wrong, l->n, l->worst);
    } else {
        err_add(warnings, NULL,
                "\"%s\" alone tells the target \"%s\" almost perfectly (%.3g %% of its variance "
                "left, of %zu rows): if it is not known when predictions are made, leave it out "
                "with data.exclude",
                x, y, 100 * wrong / l->worst, l->n);
    }
}

/* What is known without any feature. */
static void look_at_target(struct looking *l)
{
    size_t i, most, next;

    for (i = 0; i < l->n; i++) {
        l->pairs[i] = (struct pair){0, l->y[i]};
    }
    qsort(l->pairs, l->n, sizeof *l->pairs, compare_pairs);
    if (l->classes) {
        l->usual = most_frequent(l->pairs, l->n, &most, &next);
        l->worst = (double)(l->n - most);
        return;
    }
    l->usual = mean_of(l->pairs, l->n);
    for (i = 0; i < l->n; i++) {
        l->worst += (l->y[i] - l->usual) * (l->y[i] - l->usual);
    }
}

static int look_at_features(struct looking *l, const size_t *features, size_t n_features,
                            size_t target, struct err *warnings, struct err *err)
{
    size_t i;

    for (i = 0; i < n_features; i++) {
        const struct dataset_column *c = dataset_column(l->ds, features[i]);
        double wrong;

        if (c->identifier || (c->constant && c->missing == 0) || c->type == COLUMN_TEXT) {
            continue; /* said already, or not used */
        }
        if (read_column(l, features[i], l->cells, err) != 0) {
            return -1;
        }
        wrong = wrong_of_column(l, column_holds_numbers(c->type));
        if (l->classes ? wrong + 1 <= LEAK_ERRORS * l->worst
                       : l->worst > 0 && wrong <= LEAK_VARIANCE * l->worst) {
            warn(l, features[i], target, wrong, warnings);
        }
    }
    return 0;
}

/* Up to RUNS runs of the rows, as many in all as the features allow. */
static void sample(struct looking *l, const uint64_t *rows, size_t n, size_t most)
{
    size_t each = most / RUNS, run, i;

    for (run = 0; run < RUNS && n > most; run++) {
        for (i = 0; i < each; i++) {
            l->rows[l->n++] = rows[n / RUNS * run + i];
        }
    }
    for (i = 0; i < n && n <= most; i++) {
        l->rows[l->n++] = rows[i];
    }
}

int leak_check(const struct dataset *ds, const size_t *features, size_t n_features, size_t target,
               bool classes, const uint64_t *rows, size_t n, struct err *warnings, struct err *err)
{
    struct looking l = {.ds = ds, .classes = classes};
    size_t most = LEAK_CELLS / (n_features > 0 ? n_features : 1);
    int rc = -1;

    most = most > LEAK_ROWS ? LEAK_ROWS : most;
    if (n_features < 2 || n_features > LEAK_MAX_FEATURES || n < LEAK_MIN_ROWS) {
        return 0; /* a single feature is all there is to learn from */
    }
    l.rows = mem_try_alloc(most, sizeof *l.rows);
    l.y = mem_try_alloc(most, sizeof *l.y);
    l.cells = mem_try_alloc(most, sizeof *l.cells);
    l.pairs = mem_try_alloc(most, sizeof *l.pairs);
    l.levels = mem_try_alloc(most, sizeof *l.levels);
    l.numbers = mem_try_alloc(DATASET_GROUP, sizeof *l.numbers);
    l.codes = mem_try_alloc(DATASET_GROUP, sizeof *l.codes);
    if (l.rows == NULL || l.y == NULL || l.cells == NULL || l.pairs == NULL || l.levels == NULL ||
        l.numbers == NULL || l.codes == NULL) {
        err_set(err, ERR_NO_MEMORY, "not enough memory to look at single features");
        goto out;
    }
    sample(&l, rows, n, most);
    if (read_column(&l, target, l.y, err) == 0) {
        look_at_target(&l);
        rc = look_at_features(&l, features, n_features, target, warnings, err);
    }
out:
    free(l.rows);
    free(l.y);
    free(l.cells);
    free(l.pairs);
    free(l.levels);
    free(l.numbers);
    free(l.codes);
    return rc;
}
