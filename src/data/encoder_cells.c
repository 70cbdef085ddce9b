/* One row that a client sent, as the network sees it; see encoder.h.
 *
 * The same arithmetic as in encoder_rows.c (encoder_number.c), so that a row sent to predict
 * gives the bits it had in the table. Pure functions, any thread.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/datetime.h"
#include "data/encoder_level.h"
#include "data/encoder_number.h"
#include "data/encoder_parts.h"

/* `text` (may be NULL) is what came instead. */
static int bad_cell(const char *pointer, const char *name, const char *problem, const char *text,
                    struct err *err)
{
    char *place = encoder_pointer(pointer, name);
    char *shown = cell_show(text != NULL ? text : "", text != NULL ? strlen(text) : 0);

    err_add(err, place, "%s%s%s%s", problem, text != NULL ? ", got \"" : "", shown,
            text != NULL ? "\"" : "");
    free(place);
    free(shown);
    return -1;
}

/* A number, or what a boolean means that is taken as one. */
static bool read_number(const char *text, bool truth, double *value)
{
    int means = truth ? cell_boolean(text, strlen(text), NULL) : -1;

    if (means >= 0) {
        *value = means;
    }
    return means >= 0 || cell_number(text, strlen(text), value);
}

bool encoder_target_number(const struct encoder *e, size_t target, const struct encoder_cell *cell,
                           double *value)
{
    CHK(target < e->n_targets);
    *value = cell->number;
    return cell->text == NULL ||
           read_number(cell->text, e->targets[target].stored == COLUMN_BOOLEAN, value);
}

static int encode_number(const struct encoder_feature *f, const struct encoder_cell *cell,
                         const char *pointer, float *x, struct err *err)
{
    double value = cell->number;
    float z;

    if (cell->missing) {
        value = f->fill;
    } else if (cell->text != NULL &&
               !read_number(cell->text, f->stored == COLUMN_BOOLEAN, &value)) {
        return bad_cell(pointer, f->name, "must be a number", cell->text, err);
    }
    if (f->width == 0) {
        return 0;
    }
    x += f->offset;
    if (f->indicator) {
        x[f->width - 1] = (float)cell->missing;
    }
    if (f->n_edges > 0) {
        encoder_code_number(f, value, x + f->value);
    }
    if (f->form == FORM_LEVELS) {
        encoder_level_number(f, value, x);
    }
    if (!f->value) {
        return 0;
    }
    if (f->log && !(value > -1.0)) {
        return bad_cell(pointer, f->name, "the number must be above -1: it has no log1p", NULL,
                        err);
    }
    if (!encoder_form_numbers(f, &value, 1, &z)) {
        return bad_cell(pointer, f->name, "the number is too large", NULL, err);
    }
    x[0] = z;
    return 0;
}

static int encode_time(const struct encoder_feature *f, const struct encoder_cell *cell,
                       const char *pointer, float *x, struct err *err)
{
    double seconds = cell->missing ? (double)NAN : cell->number;

    if (!cell->missing && cell->text != NULL &&
        (f->format == NULL ||
         datetime_parse(cell->text, strlen(cell->text), f->format, &seconds) != DATETIME_OK) &&
        datetime_parse(cell->text, strlen(cell->text), NULL, &seconds) != DATETIME_OK &&
        !cell_number(cell->text, strlen(cell->text), &seconds)) {
        char *how = xasprintf("must be a datetime %s%s%s, or seconds since 1970",
                              f->format != NULL ? "written as " : "such as ",
                              f->format != NULL ? f->format : "\"2026-11-23T20:01:02Z\"",
                              f->format != NULL ? " or as RFC 3339 says" : "");
        int rc = bad_cell(pointer, f->name, how, cell->text, err);

        free(how);
        return rc;
    }
    if (f->width > 0 && !encoder_put_time(f, seconds, x + f->offset)) {
        return bad_cell(pointer, f->name, "the year must be from 1 to 9999", NULL, err);
    }
    return 0;
}

/* The text of a level that is the number by value, or its shortest text. */
static const char *text_of_number(const struct encoder_feature *f, double number,
                                  char shortest[CELL_NUMBER_LEN])
{
    double value;
    size_t i;

    cell_format(number, shortest);
    if (encoder_text_find(f->texts, f->n_texts, shortest) >= 0) {
        return shortest;
    }
    for (i = 0; i < f->n_texts; i++) {
        if (cell_number(f->texts[i], strlen(f->texts[i]), &value) && value == number) {
            return f->texts[i];
        }
    }
    return shortest;
}

/* The level's text that the cell's means, where the table has no texts but numbers or truths. */
static const char *text_of_stored(const struct encoder_feature *f, const char *text,
                                  char shortest[CELL_NUMBER_LEN])
{
    double value;
    size_t i;
    int truth;

    if (f->stored == COLUMN_NUMERIC && cell_number(text, strlen(text), &value)) {
        cell_format(value, shortest);
        return shortest;
    }
    truth = f->stored == COLUMN_BOOLEAN ? cell_boolean(text, strlen(text), NULL) : -1;
    for (i = 0; truth >= 0 && i < f->n_texts; i++) {
        if (cell_boolean(f->texts[i], strlen(f->texts[i]), NULL) == truth) {
            return f->texts[i];
        }
    }
    return text;
}

static int encode_text(const struct encoder_feature *f, const struct encoder_cell *cell,
                       const char *pointer, float *x, struct err *err)
{
    uint32_t level = encoder_missing_level(f);
    char shortest[CELL_NUMBER_LEN];
    const char *text = cell->text;

    if (f->width == 0) {
        return 0;
    }
    if (!cell->missing && text == NULL) {
        text = text_of_number(f, cell->number, shortest);
    }
    if (!cell->missing && f->stored != f->type && f->levels != LEVELS_TRUTH) {
        text = text_of_stored(f, text, shortest);
    }
    if (f->levels == LEVELS_WORDS) {
        encoder_put_words(f, text, cell->missing, x + f->offset);
        return 0;
    }
    if (!cell->missing && !encoder_find_level(f, text, &level)) {
        return bad_cell(pointer, f->name, "was never seen in training", text, err);
    }
    encoder_put_level(f, level, cell->missing, x + f->offset);
    return 0;
}

bool encoder_is_missing(const struct encoder *e, const struct encoder_cell *cell, bool number)
{
    char shortest[CELL_NUMBER_LEN];
    double value = cell->number;

    if (cell->missing) {
        return true;
    }
    if (cell->text != NULL && missing_is_text(&e->missing, cell->text, strlen(cell->text))) {
        return true;
    }
    if (number) {
        return e->missing.n_numbers > 0 &&
               (cell->text == NULL || cell_number(cell->text, strlen(cell->text), &value)) &&
               missing_is_number(&e->missing, value);
    }
    if (cell->text != NULL || e->missing.n_numbers == 0) {
        return false;
    }
    cell_format(value, shortest);
    return missing_is_text(&e->missing, shortest, strlen(shortest));
}

int encoder_encode_cells(const struct encoder *e, const struct encoder_cell *cells,
                         const char *pointer, float *x, struct err *err)
{
    int result = 0;
    size_t i;

    CHK_OBJ(e, ENCODER_MAGIC);
    for (i = 0; i < e->n_features; i++) {
        const struct encoder_feature *f = &e->features[i];
        struct encoder_cell cell = cells[i];

        if (cell.told) {
            result = -1;
            continue;
        }
        cell.missing = encoder_is_missing(e, &cell, f->stored == COLUMN_NUMERIC);
        if (cell.missing && encoder_plan_strict(&f->plan) && f->width > 0) {
            result = bad_cell(pointer, f->name, "a value is needed", NULL, err);
        } else if (f->type == COLUMN_NUMERIC) {
            result |= encode_number(f, &cell, pointer, x, err);
        } else if (f->type == COLUMN_DATETIME) {
            result |= encode_time(f, &cell, pointer, x, err);
        } else {
            result |= encode_text(f, &cell, pointer, x, err);
        }
    }
    return result;
}
