/* One row that a client sent, as the network sees it; see encoder.h.
 *
 * The same arithmetic as in encoder_rows.c (encoder_number.c), so that a row sent to predict
 * gives the bits it had in the table. Pure functions, any thread.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell.h"
#include "data/encoder_number.h"

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

static int encode_number(const struct encoder_feature *f, const struct encoder_cell *cell,
                         const char *pointer, float *x, struct err *err)
{
    double value = cell->number;
    float z;

    if (cell->missing) {
        value = f->fill;
    } else if (cell->text != NULL && !cell_number(cell->text, strlen(cell->text), &value)) {
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
    if (!f->value) {
        return 0;
    }
    if (f->log && !(value > -1.0)) {
        return bad_cell(pointer, f->name, "the number must be above -1: it has no log1p", NULL,
                        err);
    }
    encoder_form_numbers(f, &value, 1, &z);
    if (!(fabsf(z) <= FLT_MAX)) {
        return bad_cell(pointer, f->name, "the number is too large", NULL, err);
    }
    x[0] = z;
    return 0;
}

/* The level whose text is the number, by its shortest text or else by value. */
static ptrdiff_t find_number(const struct encoder_feature *f, double number)
{
    char text[CELL_NUMBER_LEN];
    ptrdiff_t found;
    double value;
    size_t i;

    cell_format(number, text);
    found = encoder_text_find(f->texts, f->n_texts, text);
    for (i = 0; found < 0 && i < f->n_texts; i++) {
        if (cell_number(f->texts[i], strlen(f->texts[i]), &value) && value == number) {
            found = (ptrdiff_t)i;
        }
    }
    return found;
}

static void encode_text(const struct encoder_feature *f, const struct encoder_cell *cell, float *x)
{
    ptrdiff_t level = -1;

    if (f->width == 0) {
        return;
    }
    if (cell->missing) {
        level = f->missing_level ? (ptrdiff_t)f->n_texts : -1;
    } else if (cell->text != NULL) {
        level = encoder_text_find(f->texts, f->n_texts, cell->text);
    } else {
        level = find_number(f, cell->number);
    }
    memset(x + f->offset, 0, f->width * sizeof *x);
    if (level >= 0) {
        x[f->offset + (size_t)level] = 1.0f;
    }
}

int encoder_encode_cells(const struct encoder *e, const struct encoder_cell *cells,
                         const char *pointer, float *x, struct err *err)
{
    int result = 0;
    size_t i;

    CHK_OBJ(e, ENCODER_MAGIC);
    for (i = 0; i < e->n_features; i++) {
        const struct encoder_feature *f = &e->features[i];

        if (cells[i].missing && encoder_plan_strict(&f->plan) && f->width > 0) {
            result = bad_cell(pointer, f->name, "a value is needed", NULL, err);
        } else if (column_holds_numbers(f->type)) {
            result |= encode_number(f, &cells[i], pointer, x, err);
        } else {
            encode_text(f, &cells[i], x);
        }
    }
    return result;
}
