/* Rows to parts by the words of a column; see split.h. Every word that names no part is told once,
 * with its first row. Rows that take no part may have any.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/split_priv.h"

#define FALLBACK_VALIDATION 0.15 /* of the training rows, where none validates */

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
    return SPLIT_OPEN;
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

int split_by_column(struct split_job *job, struct err *err)
{
    size_t column = job->options->column, at, n, i;
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
        return split_no_memory(err);
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
            uint8_t part = code != DATASET_MISSING ? parts[code] : SPLIT_OPEN;

            if (job->part[at + i] == SPLIT_OUT) {
                continue;
            }
            if (part == SPLIT_OPEN && (code != DATASET_MISSING || !told_missing)) {
                bad_part(c, at + i, code != DATASET_MISSING ? c->categories[code] : NULL, err);
                bad = true;
            }
            if (part == SPLIT_OPEN && code != DATASET_MISSING) {
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
