/* Rows for a model from a table in another format than CSV: NDJSON, .npy, .npz, IDX, libsvm, ARFF.
 *
 * The same readers that make datasets (data/reader.h) give their cells to a sink here. Columns go
 * to features by their names; those of formats that have none of their own (arrays, IDX, libsvm),
 * where the names are not the model's, by position. A target among the columns is passed over
 * unless the rows are labelled. What libsvm leaves out is 0. Any thread, all local.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/rows.h"

#define NOWHERE SIZE_MAX /* a column that no feature is */

struct taker {
    struct rows *rows;
    enum reader_format format;
    struct reader_sink *sink;
    size_t n, at;    /* columns; the one of the next cell */
    size_t *columns; /* [n]: the model's, or NOWHERE */
    size_t *starts;  /* [rows->n_columns]: of texts, in `text`; NOWHERE: no text */
    struct buf text; /* of the row under way */
    int64_t row;
};

/* "x12": 12; else -1. */
static int64_t number_of(const char *name)
{
    int64_t n = 0;
    const char *p = name + 1;

    if (*name != 'x' || *p == '\0' || strlen(p) > 6) {
        return -1;
    }
    for (; *p != '\0'; p++) {
        if (!isdigit((unsigned char)*p)) {
            return -1;
        }
        n = n * 10 + (*p - '0');
    }
    return n;
}

/* Whether the features have libsvm's names, and which indices there are then. */
static bool numbered(const struct rows *rows, size_t *base, size_t *width)
{
    size_t n = encoder_n_features(rows->encoder), i;
    int64_t most = 0, number;

    *base = 1;
    for (i = 0; i < n; i++) {
        number = number_of(rows->names[i]);
        if (number < 0) {
            *base = 1;
            *width = n;
            return false;
        }
        *base = number == 0 ? 0 : *base;
        most = number > most ? number : most;
    }
    *width = (size_t)most - *base + 1;
    return true;
}

/* Columns by name, with every problem in err. */
static void by_name(const struct taker *t, const char *const *names, struct err *err)
{
    struct rows *rows = t->rows;
    bool *seen = xcalloc(rows->n_columns, sizeof *seen);
    size_t i;

    for (i = 0; i < t->n; i++) {
        ptrdiff_t column = rows_find(rows, names[i]);

        t->columns[i] = column >= 0 ? (size_t)column : NOWHERE;
        if (column >= 0) {
            if (seen[column]) {
                (void)err_add_cell(err, 0, 0, names[i], "column \"%.64s\" is there twice",
                                   names[i]);
            }
            seen[column] = true;
        } else if (t->format != READER_LIBSVM && !rows_is_target(rows, names[i])) {
            char *why = rows_why_not(rows, names[i]);

            (void)err_add_cell(err, 0, 0, names[i], "column \"%.64s\" %s", names[i], why);
            free(why);
        }
    }
    for (i = 0; i < rows->n_columns; i++) {
        if (!seen[i]) {
            rows_without(rows, i, 0, err);
        }
    }
    free(seen);
}

/* libsvm's own order: its label, then the features; for an offset or a second target it has no
 * place. */
static int by_index(const struct taker *t, struct err *err)
{
    size_t features = encoder_n_features(t->rows->encoder), i;

    if (t->rows->n_columns > features + t->rows->labelled) {
        const char *name = t->rows->names[t->rows->n_inputs > features ? features : features + 1];

        return err_add_cell(err, 0, 0, name,
                            "libsvm has no place for \"%.64s\"; send the rows as CSV, NDJSON or "
                            "JSON",
                            name);
    }
    t->columns[0] = t->rows->labelled ? features : NOWHERE;
    for (i = 1; i < t->n; i++) {
        t->columns[i] = i - 1 < features ? i - 1 : NOWHERE;
    }
    return 0;
}

static int by_position(const struct taker *t, struct err *err)
{
    size_t i;

    if (t->n != t->rows->n_columns) {
        return err_add(err, NULL,
                       "the rows have %zu columns, and the model needs %zu (the features in their "
                       "order%s)",
                       t->n, t->rows->n_columns, t->rows->labelled ? ", then the target" : "");
    }
    for (i = 0; i < t->n; i++) {
        t->columns[i] = i;
    }
    return 0;
}

static int take_columns(void *ctx, size_t n, const char *const *names, const int *types,
                        struct err *err)
{
    struct taker *t = ctx;
    bool named = t->format == READER_NDJSON || t->format == READER_ARFF;
    struct err names_err = ERR_INIT;
    int rc = 0;

    (void)types; /* the encoder knows what it wants */
    t->n = n;
    t->columns = mem_try_alloc(n, sizeof *t->columns);
    if (t->columns == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory for these rows");
    }
    by_name(t, names, named ? err : &names_err);
    if (!named && err_is(&names_err)) {
        rc = t->format == READER_LIBSVM ? by_index(t, err) : by_position(t, err);
    }
    err_fini(&names_err);
    return rc != 0 || err->n_dropped > 0 ? -1 : 0;
}

static int take_text(void *ctx, const char *s, size_t len, struct err *err)
{
    struct taker *t = ctx;
    size_t column = t->columns[t->at++];

    if (column == NOWHERE) {
        return 0;
    }
    t->starts[column] = NOWHERE;
    t->rows->cells[column] = (struct encoder_cell){.missing = len == 0};
    if (!t->rows->cells[column].missing) {
        t->starts[column] = t->text.len;
        if (buf_append(&t->text, s, len) != 0 || buf_append(&t->text, "", 1) != 0) {
            return err_set(err, ERR_NO_MEMORY, "no memory for these rows");
        }
    }
    return 0;
}

static int take_number(void *ctx, double value, struct err *err)
{
    struct taker *t = ctx;
    size_t column = t->columns[t->at++];

    if (column != NOWHERE) {
        t->starts[column] = NOWHERE;
        t->rows->cells[column] = (struct encoder_cell){.missing = isnan(value), .number = value};
    } else if (t->format == READER_LIBSVM && t->at > 1 && value != 0) {
        (void)err_add_cell(err, t->row + 1, t->sink->line, NULL,
                           "row %lld has a value at an index that is no feature of this model",
                           (long long)t->row + 1);
    }
    return 0;
}

static int end_row(void *ctx, struct err *err)
{
    struct taker *t = ctx;
    size_t i;
    int rc;

    t->row++;
    t->at = 0;
    for (i = 0; i < t->rows->n_columns; i++) {
        if (t->starts[i] != NOWHERE) {
            t->rows->cells[i].text = t->text.data + t->starts[i];
        }
    }
    rc = rows_add_line(t->rows, t->row, t->sink->line, err);
    buf_clear(&t->text);
    return rc;
}

int rows_read_table(struct rows *rows, enum reader_format format, const void *bytes, size_t len,
                    const char *dir, uint64_t max_bytes, struct err *err)
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct taker t = {.rows = rows, .format = format};
    struct reader_sink sink = {.ctx = &t,
                               .columns = take_columns,
                               .text = take_text,
                               .number = take_number,
                               .end_row = end_row};
    struct reader *reader = NULL;
    size_t base = 1, width = 0;
    int rc;

    t.sink = &sink;
    t.starts = xcalloc(rows->n_columns, sizeof *t.starts);
    memset(t.starts, 0xff, rows->n_columns * sizeof *t.starts); /* all NOWHERE */
    (void)numbered(rows, &base, &width);
    options.format = format;
    options.max_bytes = max_bytes;
    rc = reader_new_into(&sink, dir, &options, width, base, &reader, err);
    if (rc == 0) {
        rc = reader_feed(reader, bytes, len, err);
    }
    if (rc == 0) {
        rc = reader_finish_into(reader, err);
    }
    reader_free(&reader);
    free(t.columns);
    free(t.starts);
    buf_fini(&t.text);
    return rc != 0 || err_is(err) ? -1 : 0;
}
