/* Rows that must not be parted: groups (all rows of a patient, say) and times; see split.h.
 *
 * Groups: each part has seats, as without groups. The largest group is seated first (of equally
 * large ones the seed decides), in a part that has room for all of it, with the chance of the seats
 * left there; where no part has, in the one with most room. So the large ones take the shares
 * roughly and the small ones fill what is left. When there are only as many groups left as parts
 * without any, each of these gets one.
 *
 * Times: rows in the order of their time; a cut between two parts lies where the time changes, as
 * near as possible to where the fraction has it (of two equally near places the earlier one), and
 * no part is left empty. Nothing is random.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/split_priv.h"

struct numbered {
    double value;
    uint64_t row;
};

/* Every row that takes part has a value there: else -1, with the first that has none. */
static int check_values(const struct split_job *job, size_t missing, uint64_t first,
                        const char *what, size_t column, struct err *err)
{
    const char *name = dataset_column(job->ds, column)->name;

    if (missing == 0) {
        return 0;
    }
    return err_add_cell(err, (int64_t)first + 1, 0, name,
                        "%zu row%s no value of the %s column \"%s\", the first is row %llu: leave "
                        "such rows out with data.filter",
                        missing, missing == 1 ? " has" : "s have", what, name,
                        (unsigned long long)first + 1);
}

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;

    if (x->value < y->value || x->value > y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The open rows with their numbers, in the order of these; *n of them, the caller's. */
static int sort_numbers(struct split_job *job, size_t column, const char *what,
                        struct numbered **out, size_t *n, struct err *err)
{
    struct numbered *all = mem_try_alloc(job->n_rows, sizeof *all);
    size_t at, here, i, missing = 0, found = 0;
    uint64_t first = 0;

    if (all == NULL) {
        return split_no_memory(err);
    }
    for (at = 0; at < job->n_rows; at += here) {
        here = job->n_rows - at < DATASET_GROUP ? job->n_rows - at : DATASET_GROUP;
        if (dataset_read_numbers(job->ds, column, at, here, job->numbers, err) != 0) {
            free(all);
            return -1;
        }
        for (i = 0; i < here; i++) {
            if (job->part[at + i] == SPLIT_OUT) {
                continue;
            }
            if (isnan(job->numbers[i])) {
                first = missing++ == 0 ? at + i : first;
            } else {
                all[found++] = (struct numbered){job->numbers[i], at + i};
            }
        }
    }
    if (check_values(job, missing, first, what, column, err) != 0) {
        free(all);
        return -1;
    }
    qsort(all, found, sizeof *all, compare_numbered);
    *out = all;
    *n = found;
    return 0;
}

/* A part that was asked for must get something. */
static int check_enough(const struct split_job *job, size_t column, const char *what, size_t found,
                        struct err *err)
{
    size_t parts = 1 + (job->options->validation > 0) + (job->options->test > 0);
    const char *name = dataset_column(job->ds, column)->name;

    if (found >= parts) {
        return 0;
    }
    return err_add_cell(err, 0, 0, name,
                        "the %s column \"%s\" has %zu different value%s among the rows, and %zu "
                        "parts need as many",
                        what, name, found, found == 1 ? "" : "s", parts);
}

static void seats_of_all(const struct split_job *job, size_t n, struct split_seats *seats)
{
    const struct split_options *o = job->options;
    double fraction[SPLIT_PARTS] = {1 - o->validation - o->test, o->validation, o->test};
    double owed[SPLIT_PARTS] = {0};

    *seats = (struct split_seats){.rows = n};
    split_share(seats, fraction, owed);
}

/* ---- groups ------------------------------------------------------------------- */

struct group {
    uint64_t size, order; /* order: by chance, among those as large */
    uint32_t index;
    uint8_t part;
};

struct groups {
    uint32_t *of_row; /* [rows]; of rows that are out nothing */
    struct group *all;
    size_t n;
};

static int groups_of_numbers(struct split_job *job, size_t column, struct groups *g,
                             struct err *err)
{
    struct numbered *sorted;
    size_t n, i;

    if (sort_numbers(job, column, "group", &sorted, &n, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        g->n += i == 0 || sorted[i].value > sorted[i - 1].value;
        g->of_row[sorted[i].row] = (uint32_t)g->n - 1;
    }
    free(sorted);
    return 0;
}

static int groups_of_texts(struct split_job *job, size_t column, struct groups *g, struct err *err)
{
    size_t at, here, i, missing = 0;
    uint64_t first = 0;

    for (at = 0; at < job->n_rows; at += here) {
        here = job->n_rows - at < DATASET_GROUP ? job->n_rows - at : DATASET_GROUP;
        if (dataset_read_codes(job->ds, column, at, here, g->of_row + at, err) != 0) {
            return -1;
        }
        for (i = 0; i < here; i++) {
            if (job->part[at + i] != SPLIT_OUT && g->of_row[at + i] == DATASET_MISSING) {
                first = missing++ == 0 ? at + i : first;
            }
        }
    }
    g->n = dataset_column(job->ds, column)->n_categories;
    return check_values(job, missing, first, "group", column, err);
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    if (x->size != y->size) {
        return x->size > y->size ? -1 : 1;
    }
    if (x->order != y->order) {
        return x->order < y->order ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Count the groups and put the largest first; empty ones are gone. */
static int measure_groups(const struct split_job *job, struct groups *g, uint64_t *rows,
                          struct err *err)
{
    uint64_t key = split_key(job->options->seed);
    size_t i, kept = 0;

    g->all = mem_try_alloc(g->n > 0 ? g->n : 1, sizeof *g->all);
    if (g->all == NULL) {
        return split_no_memory(err);
    }
    for (i = 0; i < g->n; i++) {
        g->all[i] = (struct group){.order = split_pick(key, i, UINT64_MAX), .index = (uint32_t)i};
    }
    *rows = 0;
    for (i = 0; i < job->n_rows; i++) {
        if (job->part[i] != SPLIT_OUT) {
            g->all[g->of_row[i]].size++;
            ++*rows;
        }
    }
    for (i = 0; i < g->n; i++) {
        if (g->all[i].size > 0) {
            g->all[kept++] = g->all[i];
        }
    }
    g->n = kept;
    qsort(g->all, g->n, sizeof *g->all, compare_groups);
    return 0;
}

/* A part for a group; `may` are those that it can go to. */
static uint8_t seat(const struct group *group, const int64_t room[SPLIT_PARTS],
                    const bool may[SPLIT_PARTS], uint64_t key)
{
    int64_t fitting = 0, at;
    int p, most = -1;

    for (p = 0; p < SPLIT_PARTS; p++) {
        if (!may[p]) {
            continue;
        }
        fitting += room[p] >= (int64_t)group->size ? room[p] : 0;
        most = most < 0 || room[p] > room[most] ? p : most;
    }
    CHK(most >= 0);
    if (fitting == 0) {
        return (uint8_t)most;
    }
    at = (int64_t)split_pick(key, group->index, (uint64_t)fitting);
    for (p = 0;; p++) {
        if (may[p] && room[p] >= (int64_t)group->size) {
            if (at < room[p]) {
                return (uint8_t)p;
            }
            at -= room[p];
        }
    }
}

static void seat_groups(const struct split_job *job, struct groups *g, uint64_t rows)
{
    const struct split_options *o = job->options;
    const bool wanted[SPLIT_PARTS] = {true, o->validation > 0, o->test > 0};
    uint64_t key = split_key(split_key(o->seed));
    bool empty[SPLIT_PARTS];
    int64_t room[SPLIT_PARTS];
    struct split_seats seats;
    size_t i, n_empty = 0;
    int p;

    seats_of_all(job, rows, &seats);
    for (p = 0; p < SPLIT_PARTS; p++) {
        room[p] = (int64_t)seats.seats[p];
        empty[p] = wanted[p];
        n_empty += wanted[p];
    }
    for (i = 0; i < g->n; i++) {
        struct group *group = &g->all[i];

        group->part = seat(group, room, g->n - i <= n_empty ? empty : wanted, key);
        room[group->part] -= (int64_t)group->size;
        n_empty -= empty[group->part];
        empty[group->part] = false;
    }
}

int split_by_group(struct split_job *job, struct err *err)
{
    size_t column = job->options->column, i;
    struct groups g = {.of_row = mem_try_alloc(job->n_rows, sizeof *g.of_row)};
    uint8_t *part_of = NULL;
    size_t n_indexes;
    uint64_t rows;
    int rc = -1;

    if (g.of_row == NULL) {
        return split_no_memory(err);
    }
    if ((column_holds_numbers(dataset_column(job->ds, column)->type)
             ? groups_of_numbers(job, column, &g, err)
             : groups_of_texts(job, column, &g, err)) != 0) {
        goto out;
    }
    n_indexes = g.n;
    if (measure_groups(job, &g, &rows, err) != 0 ||
        check_enough(job, column, "group", g.n, err) != 0) {
        goto out;
    }
    part_of = mem_try_alloc(n_indexes > 0 ? n_indexes : 1, sizeof *part_of);
    if (part_of == NULL) {
        split_no_memory(err);
        goto out;
    }
    seat_groups(job, &g, rows);
    for (i = 0; i < g.n; i++) {
        part_of[g.all[i].index] = g.all[i].part;
    }
    for (i = 0; i < job->n_rows; i++) {
        if (job->part[i] != SPLIT_OUT) {
            job->part[i] = part_of[g.of_row[i]];
        }
    }
    rc = 0;
out:
    free(part_of);
    free(g.all);
    free(g.of_row);
    return rc;
}

/* ---- times ---------------------------------------------------------------------- */

/* The place behind `from` nearest to `ideal` at which the time changes and that leaves `after`
 * times or more above it. */
static size_t cut(const struct numbered *sorted, size_t n, size_t from, size_t after, size_t ideal)
{
    size_t i, left = 0, best = n;

    for (i = from + 1; i < n; i++) {
        left += sorted[i].value > sorted[i - 1].value;
    }
    for (i = from + 1; i < n; i++) {
        if (!(sorted[i].value > sorted[i - 1].value)) {
            continue;
        }
        if (left-- >= after && (best == n || (i > ideal ? i - ideal : ideal - i) <
                                                 (best > ideal ? best - ideal : ideal - best))) {
            best = i;
        }
    }
    return best;
}

int split_by_time(struct split_job *job, struct err *err)
{
    size_t column = job->options->column, n, i, times = 0, ends[SPLIT_PARTS];
    bool validates = job->options->validation > 0, tests = job->options->test > 0;
    const struct dataset_column *c = dataset_column(job->ds, column);
    struct numbered *sorted;
    struct split_seats seats;

    if (!column_holds_numbers(c->type)) {
        return err_add_cell(err, 0, 0, c->name,
                            "the time column \"%s\" is %s: times are datetimes or numbers", c->name,
                            column_type_name(c->type));
    }
    if (sort_numbers(job, column, "time", &sorted, &n, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        times += i == 0 || sorted[i].value > sorted[i - 1].value;
    }
    if (check_enough(job, column, "time", times, err) != 0) {
        free(sorted);
        return -1;
    }
    seats_of_all(job, n, &seats);
    ends[SPLIT_TRAINING] = n;
    if (validates || tests) {
        ends[SPLIT_TRAINING] =
            cut(sorted, n, 0, (size_t)validates + tests, (size_t)seats.seats[SPLIT_TRAINING]);
    }
    ends[SPLIT_VALIDATION] =
        !tests       ? n
        : !validates ? ends[SPLIT_TRAINING]
                     : cut(sorted, n, ends[SPLIT_TRAINING], 1, n - (size_t)seats.seats[SPLIT_TEST]);
    for (i = 0; i < n; i++) {
        job->part[sorted[i].row] = i < ends[SPLIT_TRAINING]     ? SPLIT_TRAINING
                                   : i < ends[SPLIT_VALIDATION] ? SPLIT_VALIDATION
                                                                : SPLIT_TEST;
    }
    free(sorted);
    return 0;
}
