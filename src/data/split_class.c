/* The target's classes of a split, so that each part gets its share of every one; see split.h.
 *
 * Texts are classes by their codes, numbers by their place among the sorted distinct ones. Rows
 * without a target make one class more, the last.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/split_priv.h"

#define MAX_CLASSES 10000

char *split_class_name(const struct split_job *job, size_t k)
{
    const struct dataset_column *c = dataset_column(job->ds, (size_t)job->options->target);
    char text[CELL_NUMBER_LEN];

    if (!column_holds_numbers(c->type)) {
        return cell_show(c->categories[k], strlen(c->categories[k]));
    }
    cell_format(job->values.values[k], text);
    return xstrdup(text);
}

static int find_number_classes(struct split_job *job, size_t column, struct err *err)
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
            if (!isnan(job->numbers[i]) && job->part[at + i] != SPLIT_OUT) {
                job->numbers[present++] = job->numbers[i];
            }
        }
        if (distinct_add(&job->values, job->numbers, present) != 0) {
            return split_no_memory(err);
        }
    }
    if (job->values.over) {
        const char *name = dataset_column(job->ds, column)->name;

        return err_add_cell(err, 0, 0, name,
                            "the target \"%s\" has more than %d different values, too many for "
                            "classes; is it a number to predict, or an identifier?",
                            name, MAX_CLASSES);
    }
    job->n_classes = job->values.n + 1;
    return 0;
}

int split_find_classes(struct split_job *job, struct err *err)
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
        return split_no_memory(err);
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
