/* Types from the sample of a table's texts, and the cells of a column whose type is known.
 *
 * Columns are counted cell by cell while the sample comes in; csv_infer_decide then speaks once
 * for all columns. Of the cells that are there (data/missing.h), in this order:
 *   all are numbers, or there are none                        numeric
 *   at least 95 % are numbers                                 an error
 *   all are datetimes (datetime.h)                            datetime
 *   at least 95 % are, or all are written like one and at
 *   least half exist                                          an error
 *   all are true and false of one pair (cell.h), but not 0
 *   and 1, and of one-letter words both                       boolean
 *   free text: 20 cells or more, most of them different, of
 *   48 bytes and 5 words or more on average; or 200 cells or
 *   more, at least 90 % of them different                     text
 *   else                                                      categorical
 *
 * What must hold: the same cells always give the same types, so nothing here is random.
 */
#include "data/csv_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/datetime.h"

#define LONG_CELLS     20
#define LONG_BYTES     48
#define LONG_WORDS     5
#define DISTINCT_CELLS 200

enum verdict { SURE, NEARLY_NUMBERS, NEARLY_DATES };

static void misfit(struct csv_misfit *m, const char *s, size_t len, int64_t row, int64_t line)
{
    if (m->row == 0) {
        *m = (struct csv_misfit){.row = row, .line = line, .shown = cell_show(s, len)};
    }
}

/* Any hash will do that a text always has. */
static uint64_t hash_text(const char *s, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < len; i++) {
        h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    }
    return h ^ h >> 32;
}

static int count_text(struct csv_column *c, const char *s, size_t len)
{
    size_t i;

    if (c->n_texts == c->texts_room) {
        uint32_t room = c->texts_room != 0 ? 2 * c->texts_room : 16;
        uint64_t *grown = realloc(c->texts, room * sizeof *grown);

        if (grown == NULL) {
            return -1;
        }
        c->texts = grown;
        c->texts_room = room;
    }
    c->texts[c->n_texts++] = hash_text(s, len);
    c->text_bytes += len;
    for (i = 0; i < len; i++) {
        c->text_words += s[i] != ' ' && (i == 0 || s[i - 1] == ' ');
    }
    return 0;
}

int csv_infer_cell(struct csv_column *c, const char *s, size_t len, int64_t row, int64_t line)
{
    bool dated = c->declared && c->type == COLUMN_DATETIME, number;
    enum cell_pair pair = CELL_PAIRS;
    double value;
    int truth;

    if (missing_is_text(c->missing, s, len)) {
        return 0;
    }
    number = cell_number(s, len, &value);
    if (number && missing_is_number(c->missing, value)) {
        return 0;
    }
    c->present++;
    truth = cell_boolean(s, len, &pair);
    if (truth >= 0) {
        c->pair[pair][truth]++;
    } else {
        misfit(&c->no_boolean, s, len, row, line);
    }
    if (!number) {
        misfit(&c->no_number, s, len, row, line);
    }
    number = number && !c->strings;
    c->numeric += number;
    if (dated || !number) {
        enum datetime_result result = datetime_parse(s, len, dated ? c->format : NULL, &value);

        c->dates += result == DATETIME_OK;
        c->days_that_are_not += result == DATETIME_NO_SUCH;
        if (result != DATETIME_OK) {
            misfit(&c->no_date, s, len, row, line);
        }
    } else {
        misfit(&c->no_date, s, len, row, line);
    }
    return number ? 0 : count_text(c, s, len);
}

/* ---- deciding ---------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool is_free_text(struct csv_column *c)
{
    uint64_t n = c->n_texts, distinct = 0;
    bool is_long =
        n >= LONG_CELLS && c->text_bytes >= LONG_BYTES * n && c->text_words >= LONG_WORDS * n;
    uint32_t i;

    if (n < c->present || (n < DISTINCT_CELLS && !is_long)) {
        return false;
    }
    qsort(c->texts, n, sizeof *c->texts, compare_hashes);
    for (i = 0; i < n; i++) {
        distinct += i == 0 || c->texts[i] != c->texts[i - 1];
    }
    return (is_long && distinct * 2 > n) || (n >= DISTINCT_CELLS && distinct * 10 >= n * 9);
}

static bool is_boolean(const struct csv_column *c)
{
    int pair;

    for (pair = CELL_TRUE_FALSE; pair < CELL_1_0; pair++) {
        const uint32_t *n = c->pair[pair];
        bool letters = pair == CELL_T_F || pair == CELL_Y_N;

        if (n[0] + n[1] == c->present) {
            return !letters || (n[0] > 0 && n[1] > 0);
        }
    }
    return false;
}

static enum verdict guess(struct csv_column *c, enum column_type *type)
{
    uint64_t present = c->present;

    *type = COLUMN_NUMERIC;
    if (c->numeric == present) {
        return SURE;
    }
    if (c->numeric * UINT64_C(100) >= present * 95) {
        return NEARLY_NUMBERS;
    }
    *type = COLUMN_DATETIME;
    if (c->dates == present) {
        return SURE;
    }
    if (c->dates * UINT64_C(100) >= present * 95 ||
        (c->dates + c->days_that_are_not == present && c->dates * UINT64_C(2) >= present)) {
        return NEARLY_DATES;
    }
    *type = is_boolean(c) ? COLUMN_BOOLEAN : is_free_text(c) ? COLUMN_TEXT : COLUMN_CATEGORICAL;
    return SURE;
}

/* What helps: "; declare it with types=a:categorical, or send missing=None if that means no
 * value". The caller frees. */
static char *remedy(const struct csv_column *c, const char *shown)
{
    char *name = csv_types_quote(c->name), *word = csv_types_quote(shown), *out;

    if (c->declared) {
        out = xstrdup("");
    } else if (strlen(shown) > MISSING_MAX_BYTES / 2) {
        out = xasprintf("; declare it with types=%s:categorical", name);
    } else {
        out = xasprintf("; declare it with types=%s:categorical, or send missing=%s if that means "
                        "no value",
                        name, word);
    }
    free(name);
    free(word);
    return out;
}

/* The one sentence for a cell that does not fit its column; returns -1. */
static int refuse(const struct csv_column *c, const char *shown, int64_t row, int64_t line,
                  struct err *err)
{
    const char *format = c->type == COLUMN_DATETIME ? c->format : NULL, *what;
    char *help = remedy(c, shown);
    double value;

    what = c->type != COLUMN_DATETIME ? "the text"
           : datetime_parse(shown, strlen(shown), format, &value) == DATETIME_NO_SUCH
               ? "a day or time that does not exist,"
               : "the text";
    err_add_cell(
        err, row, line, c->name, "row %lld: column \"%s\" is %s%s%s%s but has %s \"%s\"%s",
        (long long)row, c->name,
        c->appends    ? ""
        : c->declared ? "declared "
                      : "",
        column_type_name(c->type), format != NULL ? " as " : "", format != NULL ? format : "", what,
        shown, help);
    free(help);
    return -1;
}

int csv_infer_decide(struct csv_column *columns, size_t n, struct err *err)
{
    int result = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        struct csv_column *c = &columns[i];
        enum column_type type;
        enum verdict verdict = guess(c, &type);
        const struct csv_misfit *bad = NULL;

        if (c->declared) {
            c->overrides =
                c->appends ? c->overrides
                           : !c->given && (verdict != SURE || type != c->type || c->format != NULL);
            bad = c->type == COLUMN_NUMERIC    ? &c->no_number
                  : c->type == COLUMN_DATETIME ? &c->no_date
                  : c->type == COLUMN_BOOLEAN  ? &c->no_boolean
                                               : NULL;
        } else {
            c->type = type;
            bad = verdict == NEARLY_NUMBERS ? &c->no_number
                  : verdict == NEARLY_DATES ? &c->no_date
                                            : NULL;
        }
        if (bad != NULL && bad->row != 0) {
            result = refuse(c, bad->shown, bad->row, bad->line, err);
        }
        free(c->texts);
        c->texts = NULL;
    }
    return result;
}

/* ---- after the sample ---------------------------------------------------------- */

static int misfit_cell(const struct csv_column *c, const char *s, size_t len, int64_t row,
                       int64_t line, struct err *err)
{
    char *shown = cell_show(s, len);

    refuse(c, shown, row, line, err);
    free(shown);
    return -1;
}

int csv_column_write(const struct csv_column *c, struct dataset_writer *w, const char *s,
                     size_t len, int64_t row, int64_t line, struct err *err)
{
    bool gone = missing_is_text(c->missing, s, len);
    double value = NAN;

    if (!column_holds_numbers(c->type)) {
        if (!gone && c->type == COLUMN_BOOLEAN && cell_boolean(s, len, NULL) < 0) {
            return misfit_cell(c, s, len, row, line, err);
        }
        return dataset_writer_text(w, gone ? NULL : s, len, err);
    }
    if (!gone) {
        bool good = c->type == COLUMN_NUMERIC
                        ? cell_number(s, len, &value)
                        : datetime_parse(s, len, c->format, &value) == DATETIME_OK;

        if (!good) {
            return misfit_cell(c, s, len, row, line, err);
        }
        if (c->type == COLUMN_NUMERIC && missing_is_number(c->missing, value)) {
            value = NAN;
        }
    }
    return dataset_writer_number(w, value, err);
}

void csv_column_fini(struct csv_column *c)
{
    free(c->name);
    free(c->texts);
    free(c->no_number.shown);
    free(c->no_date.shown);
    free(c->no_boolean.shown);
}
