/* Splitting rows into training, validation and test; see split.h.
 *
 * How many rows of each class go where is decided first, by largest remainder. Then rows are
 * visited in order, and a row goes to a part with the chance of the seats that its class has
 * left there: so the counts come out exactly, every choice is equally likely, the lists are
 * ascending without sorting, and nothing is shuffled.
 *
 * The random number of a row is a hash of (seed, row): splitmix64's output function on a
 * counter, key = splitmix64(seed), number(row) = splitmix64(key + row). It depends on nothing
 * else, and fills 64 bits, so that a choice among n seats is fair to n / 2^64.
 */
#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/stats.h"

#define MAX_CLASSES         10000
#define FALLBACK_VALIDATION 0.15 /* of the training rows, with a split column without any */
#define PART_NONE           UINT8_MAX

struct job {
    const struct dataset *ds;
    const struct split_options *options;
    struct err *warnings;
    size_t n_rows;
    uint8_t *part;   /* [n_rows] */
    double *numbers; /* [DATASET_GROUP] */
    uint32_t *codes; /* [DATASET_GROUP] */
    /* the target's classes; without a target one class of all rows. The last one holds the
     * rows without a target. */
    struct distinct values;
    size_t n_classes;
    uint32_t *class_of_row; /* [n_rows], NULL when there is one class only */
};

/* The seats of one class: rows in all, and how many go to each part. */
struct seats {
    uint64_t rows, seats[SPLIT_PARTS];
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to split the rows");
}

static uint64_t splitmix64(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A number in [0, n), n > 0. */
static uint64_t pick(uint64_t key, uint64_t row, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)splitmix64(key + row) * n) >> 64);
}

/* ---- classes ----------------------------------------------------------------- */

static char *class_name(const struct job *job, size_t k)
{
    const struct dataset_column *c = dataset_column(job->ds, (size_t)job->options->target);
    char text[CELL_NUMBER_LEN];

    if (!column_holds_numbers(c->type)) {
        return cell_show(c->categories[k], strlen(c->categories[k]));
    }
    cell_format(job->values.values[k], text);
    return xstrdup(text);
}

static int find_number_classes(struct job *job, size_t column, struct err *err)
{
    size_t at, n, i;

    distinct_init(&job->values, MAX_CLASSES);
    for (at = 0; at < job->n_rows; at += n) {
        size_t present = 0;

        n = job->n_rows - at < DATASET_GROUP ? job->n_rows - at : DATASET_GROUP;
        if (dataset_read_numbers(job->ds, column, at, n, job->numbers, err) != 0) {
            return -1;
        }
        for (i = 0; i < n; i++) {
            if (!isnan(job->numbers[i])) {
                job->numbers[present++] = job->numbers[i];
            }
        }
        if (distinct_add(&job->values, job->numbers, present) != 0) {
            return no_memory(err);
        }
    }
    if (job->values.over) {
        const char *name = dataset_column(job->ds, column)->name;

        return err_add_cell(err, 0, 0, name,
                            "the target \"%s\" has more than %d different values; too many for "
                            "classes",
                            name, MAX_CLASSES);
    }
    job->n_classes = job->values.n + 1;
    return 0;
}

static int find_classes(struct job *job, struct err *err)
{
    const struct dataset_column *c;
    size_t column, at, n, i;

    job->n_classes = 1;
    if (job->options->target < 0) {
        return 0;
    }
    column = (size_t)job->options->target;
    c = dataset_column(job->ds, column);
    if (column_holds_numbers(c->type)) {
        if (find_number_classes(job, column, err) != 0) {
            return -1;
        }
    } else {
        job->n_classes = (size_t)c->n_categories + 1;
    }
    job->class_of_row = mem_try_alloc(job->n_rows, sizeof *job->class_of_row);
    if (job->class_of_row == NULL) {
        return no_memory(err);
    }
    for (at = 0; at < job->n_rows; at += n) {
        uint32_t *to = job->class_of_row + at;
        int bad;

        n = job->n_rows - at < DATASET_GROUP ? job->n_rows - at : DATASET_GROUP;
        bad = column_holds_numbers(c->type)
                  ? dataset_read_numbers(job->ds, column, at, n, job->numbers, err)
                  : dataset_read_codes(job->ds, column, at, n, to, err);
        if (bad) {
            return -1;
        }
        for (i = 0; i < n; i++) {
            if (!column_holds_numbers(c->type)) {
                to[i] = to[i] == DATASET_MISSING ? c->n_categories : to[i];
            } else if (isnan(job->numbers[i])) {
                to[i] = (uint32_t)job->values.n;
            } else {
                to[i] = (uint32_t)distinct_find(job->values.values, job->values.n, job->numbers[i]);
            }
        }
    }
    return 0;
}

static size_t class_of(const struct job *job, size_t row)
{
    return job->class_of_row != NULL ? job->class_of_row[row] : 0;
}

/* ---- seats ------------------------------------------------------------------- */

/* Seats of one class by largest remainder. `owed` carries from class to class what each part
 * lacks against its share: remainders that tie go to whom most is owed, so that many small
 * classes do not all round the same way. */
static void share_seats(struct seats *s, const double *fraction, double *owed)
{
    double rest[SPLIT_PARTS];
    uint64_t left = s->rows;
    int p, best;

    for (p = 0; p < SPLIT_PARTS; p++) {
        double share = (double)s->rows * fraction[p];

        s->seats[p] = (uint64_t)(share + 1e-9); /* 0.7 * 10 is a whole number here */
        s->seats[p] = s->seats[p] < left ? s->seats[p] : left;
        rest[p] = share - (double)s->seats[p];
        owed[p] += rest[p];
        left -= s->seats[p];
    }
    for (; left > 0; left--) {
        for (p = 1, best = 0; p < SPLIT_PARTS; p++) {
            if (rest[p] > rest[best] + 1e-9 ||
                (rest[p] > rest[best] - 1e-9 && owed[p] > owed[best] + 1e-9)) {
                best = p;
            }
        }
        s->seats[best]++;
        rest[best] -= 1.0;
        owed[best] -= 1.0;
    }
    if (s->seats[SPLIT_TRAINING] == 0 && s->rows > 0) {
        best = s->seats[SPLIT_TEST] > s->seats[SPLIT_VALIDATION] ? SPLIT_TEST : SPLIT_VALIDATION;
        s->seats[best]--;
        owed[best] += 1.0;
        s->seats[SPLIT_TRAINING]++;
        owed[SPLIT_TRAINING] -= 1.0;
    }
}

static int lone_classes(struct job *job, const struct seats *seats, struct err *err)
{
    int result = 0;
    size_t k;

    for (k = 0; k + 1 < job->n_classes; k++) {
        char *name;

        if (seats[k].rows != 1) {
            continue;
        }
        name = class_name(job, k);
        if (job->options->stratify_asked) {
            result = err_add(err, NULL, "class \"%s\" has one row only, too few to stratify", name);
        } else if (job->warnings != NULL) {
            err_add(job->warnings, NULL,
                    "class \"%s\" has one row only; it is used for training and measured nowhere",
                    name);
        }
        free(name);
    }
    return result;
}

/* Give every row whose part is `from` a part, by fractions. */
static int split_by_fraction(struct job *job, uint8_t from, double validation, double test,
                             struct err *err)
{
    const double fraction[SPLIT_PARTS] = {[SPLIT_TRAINING] = 1.0 - validation - test,
                                          [SPLIT_VALIDATION] = validation,
                                          [SPLIT_TEST] = test};
    bool stratify = job->options->stratify && job->class_of_row != NULL;
    size_t n = stratify ? job->n_classes : 1, row, k;
    struct seats *seats = calloc(n, sizeof *seats);
    double owed[SPLIT_PARTS] = {0.0};
    uint64_t key = splitmix64(job->options->seed);

    if (seats == NULL) {
        return no_memory(err);
    }
    for (row = 0; row < job->n_rows; row++) {
        if (job->part[row] == from) {
            seats[stratify ? class_of(job, row) : 0].rows++;
        }
    }
    if (stratify && lone_classes(job, seats, err) != 0) {
        free(seats);
        return -1;
    }
    for (k = 0; k < n; k++) {
        share_seats(&seats[k], fraction, owed);
    }
    for (row = 0; row < job->n_rows; row++) {
        struct seats *s = &seats[stratify ? class_of(job, row) : 0];
        uint64_t at;
        uint8_t p = SPLIT_TRAINING;

        if (job->part[row] != from) {
            continue;
        }
        at = pick(key, row, s->rows--);
        while (at >= s->seats[p]) {
            at -= s->seats[p++];
        }
        s->seats[p]--;
        job->part[row] = p;
    }
    free(seats);
    return 0;
}

/* ---- by a column ------------------------------------------------------------- */

static uint8_t part_named(const char *text)
{
    static const struct {
        const char *name;
        uint8_t part;
    } names[] = {
        {"train", SPLIT_TRAINING},   {"training", SPLIT_TRAINING}, {"val", SPLIT_VALIDATION},
        {"valid", SPLIT_VALIDATION}, {"test", SPLIT_TEST},         {"validation", SPLIT_VALIDATION},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            return names[i].part;
        }
    }
    return PART_NONE;
}

static void bad_part(const struct dataset_column *c, size_t row, const char *text, struct err *err)
{
    char *shown = cell_show(text != NULL ? text : "", text != NULL ? strlen(text) : 0);

    err_add_cell(err, (int64_t)row + 1, 0, c->name,
                 "row %zu: the split column \"%s\" has %s%s%s; a part is train, validation or test",
                 row + 1, c->name, text != NULL ? "\"" : "no value", shown,
                 text != NULL ? "\"" : "");
    free(shown);
}

static int split_by_column(struct job *job, struct err *err)
{
    size_t column = (size_t)job->options->column, at, n, i;
    const struct dataset_column *c = dataset_column(job->ds, column);
    bool validates = false, told_missing = false, bad = false;
    uint8_t *parts;

    if (column_holds_numbers(c->type)) {
        return err_add_cell(
            err, 1, 0, c->name,
            "row 1: the split column \"%s\" has numbers; a part is train, validation "
            "or test",
            c->name);
    }
    parts = mem_try_alloc(c->n_categories, sizeof *parts);
    if (parts == NULL) {
        return no_memory(err);
    }
    for (i = 0; i < c->n_categories; i++) {
        parts[i] = part_named(c->categories[i]);
    }
    for (at = 0; at < job->n_rows; at += n) {
        n = job->n_rows - at < DATASET_GROUP ? job->n_rows - at : DATASET_GROUP;
        if (dataset_read_codes(job->ds, column, at, n, job->codes, err) != 0) {
            free(parts);
            return -1;
        }
        for (i = 0; i < n; i++) {
            uint32_t code = job->codes[i];
            uint8_t part = code != DATASET_MISSING ? parts[code] : PART_NONE;

            if (part == PART_NONE && (code != DATASET_MISSING || !told_missing)) {
                bad_part(c, at + i, code != DATASET_MISSING ? c->categories[code] : NULL, err);
                bad = true;
            }
            if (part == PART_NONE && code != DATASET_MISSING) {
                parts[code] = SPLIT_TRAINING; /* told: once is enough */
            }
            told_missing = told_missing || code == DATASET_MISSING;
            validates = validates || part == SPLIT_VALIDATION;
            job->part[at + i] = part;
        }
    }
    free(parts);
    if (bad) {
        return -1;
    }
    return validates ? 0 : split_by_fraction(job, SPLIT_TRAINING, FALLBACK_VALIDATION, 0.0, err);
}

/* ---- all of it --------------------------------------------------------------- */

static int check_training(struct job *job, struct err *err)
{
    bool *trained = calloc(job->n_classes, sizeof *trained), any = false;
    bool *known = calloc(job->n_classes, sizeof *known);
    int result = 0;
    size_t row, k;

    if (trained == NULL || known == NULL) {
        free(trained);
        free(known);
        return no_memory(err);
    }
    for (row = 0; row < job->n_rows; row++) {
        known[class_of(job, row)] = true;
        if (job->part[row] == SPLIT_TRAINING) {
            trained[class_of(job, row)] = any = true;
        }
    }
    if (!any) {
        result = err_add(err, NULL, "the split leaves no training rows");
    }
    for (k = 0; any && k + 1 < job->n_classes; k++) {
        if (known[k] && !trained[k]) {
            char *name = class_name(job, k);

            result = err_add(err, NULL, "class \"%s\" has no training row", name);
            free(name);
        }
    }
    free(trained);
    free(known);
    return result;
}

static int collect(const struct job *job, struct split *out, struct err *err)
{
    size_t n[SPLIT_PARTS] = {0}, row, p;

    for (row = 0; row < job->n_rows; row++) {
        n[job->part[row]]++;
    }
    for (p = 0; p < SPLIT_PARTS; p++) {
        if (n[p] == 0) {
            continue;
        }
        out->rows[p] = mem_try_alloc(n[p], sizeof *out->rows[p]);
        if (out->rows[p] == NULL) {
            split_fini(out);
            return no_memory(err);
        }
    }
    for (row = 0; row < job->n_rows; row++) {
        p = job->part[row];
        out->rows[p][out->n[p]++] = row;
    }
    return 0;
}

int split_make(const struct dataset *ds, const struct split_options *options, struct split *out,
               struct err *warnings, struct err *err)
{
    struct job job = {
        .ds = ds, .options = options, .warnings = warnings, .n_rows = (size_t)dataset_rows(ds)};
    struct split split = {.n = {0}};
    int result = -1;

    CHK(options->validation >= 0.0 && options->test >= 0.0 &&
        options->validation + options->test < 1.0);
    job.part = mem_try_alloc(job.n_rows, sizeof *job.part);
    job.numbers = mem_try_alloc(DATASET_GROUP, sizeof *job.numbers);
    job.codes = mem_try_alloc(DATASET_GROUP, sizeof *job.codes);
    if (job.part == NULL || job.numbers == NULL || job.codes == NULL) {
        no_memory(err);
        goto out;
    }
    memset(job.part, PART_NONE, job.n_rows);
    if (find_classes(&job, err) == 0 &&
        (options->column >= 0
             ? split_by_column(&job, err)
             : split_by_fraction(&job, PART_NONE, options->validation, options->test, err)) == 0 &&
        check_training(&job, err) == 0 && collect(&job, &split, err) == 0) {
        *out = split;
        result = 0;
    }
out:
    free(job.part);
    free(job.numbers);
    free(job.codes);
    free(job.class_of_row);
    distinct_fini(&job.values);
    return result;
}

void split_fini(struct split *split)
{
    size_t p;

    for (p = 0; p < SPLIT_PARTS; p++) {
        free(split->rows[p]);
    }
    *split = (struct split){.n = {0}};
}
