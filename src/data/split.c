/* Splitting rows into training, validation and test; see split.h.
 *
 * Every row has a byte: open at first (or out, where the caller's mask says so), then the part that
 * one of the ways gave it. The ways are in files of their own; here are what is the same for all,
 * and the checks at the end.
 */
#include "data/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/split_priv.h"

int split_no_memory(struct err *err)
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

uint64_t split_key(uint64_t seed)
{
    return splitmix64(seed);
}

uint64_t split_pick(uint64_t key, uint64_t row, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)splitmix64(key + row) * n) >> 64);
}

/* Which rows take part at all. */
static void open_rows(struct split_job *job)
{
    const uint8_t *keep = job->options->keep;
    size_t i;

    memset(job->part, SPLIT_OPEN, job->n_rows);
    for (i = 0; keep != NULL && i < job->n_rows; i++) {
        job->part[i] = keep[i] ? SPLIT_OPEN : SPLIT_OUT;
    }
}

static void by_ranges(struct split_job *job)
{
    const struct split_options *o = job->options;
    size_t i, k;
    int p;

    for (p = 0; p < SPLIT_PARTS; p++) {
        for (k = 0; k < o->n_ranges[p]; k++) {
            const struct split_range *range = &o->ranges[p][k];

            CHK(range->first <= range->last && range->last < job->n_rows);
            for (i = (size_t)range->first; i <= range->last; i++) {
                job->part[i] = job->part[i] == SPLIT_OPEN ? (uint8_t)p : job->part[i];
            }
        }
    }
    for (i = 0; i < job->n_rows; i++) {
        job->part[i] = job->part[i] == SPLIT_OPEN ? SPLIT_OUT : job->part[i];
    }
}

static int give_parts(struct split_job *job, struct err *err)
{
    const struct split_options *o = job->options;

    switch (o->way) {
    case SPLIT_FRACTIONS:
        return split_by_fraction(job, SPLIT_OPEN, o->validation, o->test, err);
    case SPLIT_COLUMN:
        return split_by_column(job, err);
    case SPLIT_GROUP:
        return split_by_group(job, err);
    case SPLIT_TIME:
        return split_by_time(job, err);
    case SPLIT_RANGES:
        by_ranges(job);
        return 0;
    }
    CHK(false);
    return -1;
}

static int check_training(struct split_job *job, struct err *err)
{
    bool *trained = calloc(job->n_classes, sizeof *trained), any = false;
    bool *known = calloc(job->n_classes, sizeof *known);
    int result = 0;
    size_t row, k;

    if (trained == NULL || known == NULL) {
        free(trained);
        free(known);
        return split_no_memory(err);
    }
    for (row = 0; row < job->n_rows; row++) {
        if (job->part[row] != SPLIT_OUT) {
            known[split_class_of(job, row)] = true;
        }
        if (job->part[row] == SPLIT_TRAINING) {
            trained[split_class_of(job, row)] = any = true;
        }
    }
    if (!any) {
        result = err_add(err, NULL, "the split leaves no training rows");
    }
    for (k = 0; any && k + 1 < job->n_classes; k++) {
        if (known[k] && !trained[k]) {
            char *name = split_class_name(job, k);

            result = err_add(err, NULL,
                             "class \"%s\" has no training row: let one of its rows train, or leave "
                             "them all out (data.filter)",
                             name);
            free(name);
        }
    }
    free(trained);
    free(known);
    return result;
}

static void count(const struct split_job *job, size_t n[SPLIT_PARTS])
{
    size_t row, p;

    for (p = 0; p < SPLIT_PARTS; p++) {
        n[p] = 0;
    }
    for (row = 0; row < job->n_rows; row++) {
        if (job->part[row] != SPLIT_OUT) {
            n[job->part[row]]++;
        }
    }
}

static int collect(const struct split_job *job, struct split *out, struct err *err)
{
    size_t n[SPLIT_PARTS], row, p;

    count(job, n);
    for (p = 0; p < SPLIT_PARTS; p++) {
        if (n[p] == 0) {
            continue;
        }
        out->rows[p] = mem_try_alloc(n[p], sizeof *out->rows[p]);
        if (out->rows[p] == NULL) {
            split_fini(out);
            return split_no_memory(err);
        }
    }
    for (row = 0; row < job->n_rows; row++) {
        p = job->part[row];
        if (p != SPLIT_OUT) {
            out->rows[p][out->n[p]++] = row;
        }
    }
    return 0;
}

static int start(struct split_job *job, struct err *err)
{
    CHK(job->options->validation >= 0.0 && job->options->test >= 0.0 &&
        job->options->validation + job->options->test < 1.0);
    job->n_rows = (size_t)dataset_rows(job->ds);
    job->part = mem_try_alloc(job->n_rows, sizeof *job->part);
    job->numbers = mem_try_alloc(DATASET_GROUP, sizeof *job->numbers);
    job->codes = mem_try_alloc(DATASET_GROUP, sizeof *job->codes);
    if (job->part == NULL || job->numbers == NULL || job->codes == NULL) {
        return split_no_memory(err);
    }
    open_rows(job);
    return 0;
}

static void end(struct split_job *job)
{
    free(job->part);
    free(job->numbers);
    free(job->codes);
    free(job->class_of_row);
    distinct_fini(&job->values);
}

int split_make(const struct dataset *ds, const struct split_options *options, struct split *out,
               struct err *warnings, struct err *err)
{
    struct split_job job = {.ds = ds, .options = options, .warnings = warnings};
    struct split split = {.n = {0}};
    int result = -1;

    if (start(&job, err) == 0 && split_find_classes(&job, err) == 0 && give_parts(&job, err) == 0 &&
        check_training(&job, err) == 0 && collect(&job, &split, err) == 0) {
        *out = split;
        result = 0;
    }
    end(&job);
    return result;
}

int split_count(const struct dataset *ds, const struct split_options *options,
                size_t n[SPLIT_PARTS], struct err *err)
{
    struct split_options of_all = *options;
    struct split_job job = {.ds = ds, .options = &of_all};
    int result = -1;

    of_all.target = -1; /* classes change the counts by a few rows */
    of_all.stratify = false;
    if (start(&job, err) == 0 && split_find_classes(&job, err) == 0 && give_parts(&job, err) == 0) {
        count(&job, n);
        result = 0;
    }
    end(&job);
    return result;
}

int split_classes(const struct dataset *ds, const struct split_options *options,
                  const struct split *split, enum split_part part, uint64_t **counts,
                  size_t *n_classes, struct err *err)
{
    struct split_job job = {.ds = ds, .options = options};
    int result = -1;
    size_t i;

    if (start(&job, err) == 0 && split_find_classes(&job, err) == 0) {
        *counts = xcalloc(job.n_classes, sizeof **counts);
        *n_classes = job.n_classes;
        for (i = 0; i < split->n[part]; i++) {
            ++(*counts)[split_class_of(&job, (size_t)split->rows[part][i])];
        }
        result = 0;
    }
    end(&job);
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
