/* From cells to a dataset: columns, sample, types, line numbers; see csv.h for the rules.
 *
 * The first row gives the columns; rows are then kept as they are (the line, then length and
 * bytes of each cell) until the sample is full; the types are decided, the sample is
 * replayed into a dataset writer, and later cells go there directly. So memory is one
 * sample, one row group and the dictionaries. Runs on the reader's thread.
 *
 * Invariant: once `failed`, nothing more happens, and r->err holds the reason. `line` is the
 * line of the next unread byte, as far as whole cells tell.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/csv_priv.h"
#include "data/dataset_priv.h"
#include "data/cell.h"
#include "data/datetime.h"
#include "data/reader.h"
#include "data/turns.h"

void csv_rows_fini(struct csv_rows *r)
{
    size_t i;

    dataset_writer_abort(&r->writer);
    for (i = 0; i < r->n_columns; i++) {
        csv_column_fini(&r->columns[i]);
    }
    free(r->columns);
    free(r->plain);
    buf_fini(&r->sample);
}

static uint64_t rows_so_far(const struct csv_rows *r)
{
    return atomic_load_explicit(&r->rows, memory_order_relaxed);
}

/* ---- cells ------------------------------------------------------------------- */

/* The number of the row under way; 0 while it is the header. */
static int64_t current_row(const struct csv_rows *r)
{
    bool header = r->phase == PHASE_FIRST_ROW && r->options->header;

    return header ? 0 : (int64_t)rows_so_far(r) + 1;
}

/* "row 7, column "age"" for the cell that comes next; the caller frees. */
static char *describe_cell(const struct csv_rows *r)
{
    char *where;

    if (r->phase == PHASE_FIRST_ROW && r->options->header) {
        return xasprintf("header, column %zu", r->column + 1);
    }
    where = r->column < r->n_columns
                ? xasprintf("row %lld, column \"%s\"", (long long)current_row(r),
                            r->columns[r->column].name)
                : xasprintf("row %lld, field %zu", (long long)current_row(r), r->column + 1);
    return where;
}

int csv_rows_fail(struct csv_rows *r, const char *problem)
{
    char *where = describe_cell(r);

    r->failed = true;
    err_add_cell(r->err, current_row(r), r->line,
                 r->column < r->n_columns ? r->columns[r->column].name : NULL,
                 r->line != 0 ? "%s (line %lld): %s" : "%s%.0lld: %s", where, (long long)r->line,
                 problem);
    free(where);
    return -1;
}

int csv_rows_no_memory(struct csv_rows *r)
{
    r->failed = true;
    return err_set(r->err, ERR_NO_MEMORY, "not enough memory to read the table");
}

int64_t csv_count_lines(const char *s, size_t len)
{
    int64_t n = 0;
    size_t i;

    if (len == 0 || (memchr(s, '\n', len) == NULL && memchr(s, '\r', len) == NULL)) {
        return 0;
    }
    for (i = 0; i < len; i++) {
        n += s[i] == '\n' || (s[i] == '\r' && (i + 1 == len || s[i + 1] != '\n'));
    }
    return n;
}

static int keep_cell(struct csv_rows *r, const char *s, uint32_t len)
{
    if (r->sample.len - r->row_start + sizeof len + len > CSV_MAX_ROW) {
        char *where = describe_cell(r);

        err_add_cell(r->err, current_row(r), r->row_line, NULL, "%s: the row has more than %u MiB",
                     where, CSV_MAX_ROW >> 20);
        free(where);
        return -1;
    }
    if (buf_append(&r->sample, &len, sizeof len) != 0 || buf_append(&r->sample, s, len) != 0) {
        return csv_rows_no_memory(r);
    }
    return 0;
}

/* Most cells of most tables: true when this was one. A number has no line in it and is ASCII. */
static inline bool take_number(struct csv_rows *r, const char *s, size_t len, size_t room)
{
    double value = 0.0;

    if (r->plain == NULL || r->column >= r->n_columns || !r->plain[r->column] ||
        !cell_number_in(s, len, room, &value)) {
        return false;
    }
    r->failed = dataset_writer_number(r->writer, value, r->err) != 0;
    return true;
}

static void take_cell(struct csv_rows *r, const char *s, size_t len)
{
    size_t limit = r->phase == PHASE_FIRST_ROW ? DATASET_MAX_COLUMNS : r->n_columns;

    if (r->column == 0) {
        r->row_line = r->line;
        r->row_start = r->sample.len;
        if (r->phase != PHASE_STREAM &&
            buf_append(&r->sample, &r->row_line, sizeof r->row_line) != 0) {
            csv_rows_no_memory(r);
            return;
        }
    }
    if (take_number(r, s, len, len)) {
        return;
    }
    if (len > CSV_MAX_FIELD) {
        csv_rows_fail(r, "the field has more than 64 KiB");
    } else if (!text_is_utf8(s, len)) {
        csv_rows_fail(r, "invalid UTF-8; save the text as UTF-8");
    } else if (r->column < limit) {
        r->failed = r->phase == PHASE_STREAM
                        ? csv_column_write(&r->columns[r->column], r->writer, s, len,
                                           current_row(r), r->line, r->err) != 0
                                             : keep_cell(r, s, (uint32_t)len) != 0;
    } else if (r->phase == PHASE_FIRST_ROW) {
        r->failed = true;
        err_add_cell(r->err, 0, r->line, NULL, "there are more than %d columns",
                     DATASET_MAX_COLUMNS);
    } /* else counted for the sentence at the row's end; nothing is kept */
    if (!r->failed) {
        r->line += csv_count_lines(s, len);
    }
}

void csv_rows_cell(struct csv_rows *r, const char *s, size_t len)
{
    if (r->failed) {
        return;
    }
    r->after_cr = false;
    take_cell(r, s, len);
    if (!r->failed) {
        r->column++;
    }
}

void csv_rows_cells(struct csv_rows *r, const char *line, size_t room, const uint32_t *ends,
                    size_t n, char delimiter)
{
    bool spaces = delimiter != ' ', tabs = delimiter != '\t'; /* that are taken off */
    size_t i, begin = 0;

    r->after_cr = false;
    for (i = 0; i < n && !r->failed; i++) {
        const char *s = line + begin, *end = line + ends[i];

        while (s < end && ((*s == ' ' && spaces) || (*s == '\t' && tabs))) {
            s++;
        }
        while (s < end && ((end[-1] == ' ' && spaces) || (end[-1] == '\t' && tabs))) {
            end--;
        }
        if (r->column == 0 || !take_number(r, s, (size_t)(end - s), room - (size_t)(s - line))) {
            take_cell(r, s, (size_t)(end - s)); /* which knows where a row begins */
        }
        r->column += !r->failed;
        begin = ends[i] + 1;
    }
}

/* ---- rows -------------------------------------------------------------------- */

/* The next cell of a row in the sample. */
static const char *next_cell(const char **p, uint32_t *len)
{
    const char *s;

    memcpy(len, *p, sizeof *len);
    s = *p + sizeof *len;
    *p = s + *len;
    return s;
}

static int declare_types(struct csv_rows *r, const char *const *names)
{
    int result = 0;
    size_t i, k;

    for (i = 0; i < r->options->n_types && !err_full(r->err); i++) {
        const char *want = r->options->type_names[i], *near;

        for (k = 0; k < r->n_columns && strcmp(names[k], want) != 0; k++) {
        }
        if (k < r->n_columns) {
            r->columns[k].declared = true;
            r->columns[k].given = false;
            r->columns[k].type = r->options->types[i];
            r->columns[k].format =
                r->options->type_formats != NULL ? r->options->type_formats[i] : NULL;
            continue;
        }
        near = text_nearest(want, names, r->n_columns);
        result = err_add(r->err, "/types", "there is no column \"%s\"%s%s%s", want,
                         near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                         near != NULL ? "\"?" : "");
    }
    return result;
}

/* The columns are those of the table that the rows are appended to, by name and place. */
static int match_base(struct csv_rows *r, const char *const *names)
{
    const struct dataset *base = r->options->base;
    const char *const *want = dataset_names(base);
    size_t n = dataset_n_columns(base), i;
    int result = 0;

    if (r->n_columns != n) {
        return err_add(r->err, NULL, "there are %zu columns, and the dataset has %zu", r->n_columns,
                       n);
    }
    for (i = 0; i < n; i++) {
        const struct dataset_column *column = dataset_column(base, i);
        struct csv_column *c = &r->columns[i];

        if (strcmp(names[i], want[i]) != 0) {
            result = err_add_cell(r->err, 0, r->row_line, names[i],
                                  "column %zu is \"%s\", and the dataset has \"%s\" there", i + 1,
                                  names[i], want[i]);
        }
        c->given = c->given && c->type == column->type;
        c->declared = c->appends = true;
        c->overrides = column->declared;
        c->type = column->type;
        c->format = column->format;
    }
    return result;
}

/* A table of one column whose name holds another usual delimiter was cut at the wrong one. */
static int check_delimiter(struct csv_rows *r, const char *name)
{
    const char *found = r->n_columns == 1 ? strpbrk(name, ",;\t|") : NULL;
    char *shown;

    if (found == NULL) {
        return 0;
    }
    shown = cell_show(name, strlen(name));
    err_add(r->err, "/delimiter", "the header is one column, \"%s\"; is the delimiter %s?", shown,
            *found == '\t'  ? "a tab"
            : *found == ';' ? "\";\""
            : *found == '|' ? "\"|\""
                            : "\",\"");
    free(shown);
    return -1;
}

/* A first row of numbers that no header would have was data. Whole numbers in a row are fine:
 * many tools number their columns. */
static int check_header(struct csv_rows *r, const char *const *names)
{
    struct err names_err = ERR_INIT;
    bool fractions = false, good;
    size_t i;

    for (i = 0; i < r->n_columns; i++) {
        double value;

        if (!cell_number(names[i], strlen(names[i]), &value)) {
            return 0;
        }
        fractions = fractions || value != trunc(value);
    }
    good = dataset_check_names(r->n_columns, names, 0, &names_err) == 0;
    err_fini(&names_err);
    if (good && !fractions) {
        return 0;
    }
    return err_add(r->err, "/header",
                   "the first row holds numbers, not names; if it is data, send header=false");
}

/* The first row is in the sample: make the columns. */
static int make_columns(struct csv_rows *r)
{
    const char *p = r->sample.data + sizeof r->row_line;
    const char **names = mem_try_alloc(r->column, sizeof *names);
    int result = -1;
    size_t i;

    r->columns = calloc(r->column, sizeof *r->columns);
    if (names == NULL || r->columns == NULL) {
        csv_rows_no_memory(r);
        goto out;
    }
    r->n_columns = r->column;
    for (i = 0; i < r->n_columns; i++) {
        uint32_t len;
        const char *s = next_cell(&p, &len);

        r->columns[i].name = r->options->header ? xstrndup(s, len)
                             : r->options->base != NULL && i < dataset_n_columns(r->options->base)
                                 ? xstrdup(dataset_names(r->options->base)[i])
                                 : xasprintf("c%zu", i + 1);
        r->columns[i].missing = &r->options->missing;
        names[i] = r->columns[i].name;
    }
    if (r->options->header && (check_delimiter(r, names[0]) != 0 || check_header(r, names) != 0)) {
        goto out;
    }
    if (dataset_check_names(r->n_columns, names, r->row_line, r->err) == 0 &&
        declare_types(r, names) == 0) {
        result = r->options->base != NULL ? match_base(r, names) : 0;
    }
out:
    free(names);
    return result;
}

/* Look at the row that was just added to the sample. */
static int look_at_row(struct csv_rows *r)
{
    const char *p = r->sample.data + r->row_start;
    int64_t line, row = current_row(r);
    size_t i;

    memcpy(&line, p, sizeof line);
    p += sizeof line;
    for (i = 0; i < r->n_columns; i++) {
        uint32_t len;
        const char *s = next_cell(&p, &len);

        if (csv_infer_cell(&r->columns[i], s, len, row, line) != 0) {
            return csv_rows_no_memory(r);
        }
        line += csv_count_lines(s, len);
    }
    return 0;
}

/* The rows of the table that is appended to. */
static int copy_base(struct csv_rows *r)
{
    const struct dataset *base = r->options->base;
    bool turn = false;
    int rc;

    if (base == NULL) {
        return 0;
    }
    if (turns_take(r->options->in_turns, dataset_rows(base) * r->n_columns, &turn, r->err) != 0) {
        return -1;
    }
    rc = dataset_writer_copy(r->writer, base, r->err);
    turns_give(turn);
    return rc;
}

/* The sample is complete: decide, and let its rows go the way of all later ones. */
static int end_sample(struct csv_rows *r)
{
    const char **names = NULL, *p = r->sample.data, *end = p;
    enum column_type *types = NULL;
    int64_t row = 0;
    size_t i;
    int result = -1;

    if (csv_infer_decide(r->columns, r->n_columns, r->err) != 0) {
        return -1;
    }
    names = mem_try_alloc(r->n_columns, sizeof *names);
    types = mem_try_alloc(r->n_columns, sizeof *types);
    r->plain = mem_try_alloc(r->n_columns, sizeof *r->plain);
    if (names == NULL || types == NULL || r->plain == NULL) {
        csv_rows_no_memory(r);
        goto out;
    }
    for (i = 0; i < r->n_columns; i++) {
        names[i] = r->columns[i].name;
        types[i] = r->columns[i].type;
        r->plain[i] = types[i] == COLUMN_NUMERIC && r->options->missing.n_numbers == 0;
    }
    if (dataset_writer_new(r->dir, r->n_columns, names, types, &r->writer, r->err) != 0) {
        goto out;
    }
    dataset_writer_missing(r->writer, &r->options->missing);
    for (i = 0; i < r->n_columns; i++) {
        dataset_writer_about(r->writer, i, r->columns[i].overrides, r->columns[i].format);
    }
    if (copy_base(r) != 0) {
        goto out;
    }
    if (p != NULL) { /* NULL where no row came as text */
        end += r->sample.len;
    }
    while (p < end) {
        int64_t line;

        memcpy(&line, p, sizeof line);
        p += sizeof line;
        row++;
        for (i = 0; i < r->n_columns; i++) {
            uint32_t len;
            const char *s = next_cell(&p, &len);

            if (csv_column_write(&r->columns[i], r->writer, s, len, row, line, r->err) != 0) {
                goto out;
            }
            line += csv_count_lines(s, len);
        }
    }
    buf_fini(&r->sample);
    r->phase = PHASE_STREAM;
    result = 0;
out:
    free(names);
    free(types);
    return result;
}

static int end_row(struct csv_rows *r)
{
    if (r->phase == PHASE_FIRST_ROW) {
        if (make_columns(r) != 0) {
            return -1;
        }
        r->phase = PHASE_SAMPLE;
        if (r->options->header) {
            buf_clear(&r->sample);
            return 0;
        }
    }
    if (r->column != r->n_columns) {
        return err_add_cell(r->err, current_row(r), r->row_line, NULL,
                            "row %lld (line %lld) has %zu field%s, expected %zu",
                            (long long)current_row(r), (long long)r->row_line, r->column,
                            r->column == 1 ? "" : "s", r->n_columns);
    }
    if (r->phase == PHASE_SAMPLE && look_at_row(r) != 0) {
        return -1;
    }
    atomic_store_explicit(&r->rows, rows_so_far(r) + 1, memory_order_relaxed);
    if (r->phase == PHASE_SAMPLE &&
        (rows_so_far(r) >= CSV_SAMPLE_ROWS || r->sample.len >= CSV_SAMPLE_BYTES)) {
        return end_sample(r);
    }
    return 0;
}

void csv_rows_line_end(struct csv_rows *r, int c)
{
    if (r->failed) {
        return;
    }
    if (r->column > 0) {
        r->failed = end_row(r) != 0;
        r->column = 0;
    }
    if (c == '\n' && r->after_cr) {
        r->after_cr = false;
    } else if (c != -1) {
        r->line++;
        r->after_cr = c == '\r';
    }
}

/* ---- columns that the format gives ------------------------------------------- */

/* -1 when a name is bad or a declared one is not there. *all: every type is known. */
static int take_columns(struct csv_rows *r, size_t n, const char *const *names, const int *types,
                        bool *all)
{
    size_t i;

    if (n == 0 || n > DATASET_MAX_COLUMNS) {
        return err_add(r->err, NULL, "a table has 1 to %d columns, not %zu", DATASET_MAX_COLUMNS,
                       n);
    }
    r->columns = calloc(n, sizeof *r->columns);
    if (r->columns == NULL) {
        return csv_rows_no_memory(r);
    }
    r->n_columns = n;
    for (i = 0; i < n; i++) {
        struct csv_column *c = &r->columns[i];

        c->name = xstrdup(names[i]);
        c->missing = &r->options->missing;
        c->strings = types[i] == READER_STRINGS;
        c->given = c->declared = types[i] >= 0;
        c->type = types[i] >= 0 ? (enum column_type)types[i] : COLUMN_NUMERIC;
    }
    if (dataset_check_names(n, names, r->line, r->err) != 0 || declare_types(r, names) != 0 ||
        (r->options->base != NULL && match_base(r, names) != 0)) {
        return -1;
    }
    *all = true;
    for (i = 0; i < n; i++) {
        *all = *all && r->columns[i].declared;
    }
    return 0;
}

void csv_rows_columns(struct csv_rows *r, size_t n, const char *const *names, const int *types)
{
    bool all = false;

    CHK(r->phase == PHASE_FIRST_ROW && !r->failed);
    r->failed = take_columns(r, n, names, types, &all) != 0;
    r->phase = PHASE_SAMPLE;
    if (!r->failed && all) {
        r->failed = end_sample(r) != 0; /* nothing is left to find out */
    }
}

void csv_rows_number(struct csv_rows *r, double value)
{
    const struct csv_column *c = &r->columns[r->column];
    char text[DATETIME_LEN + CELL_NUMBER_LEN] = "";

    if (r->failed) {
        return;
    }
    CHK(r->column < r->n_columns);
    if (r->phase == PHASE_STREAM && (c->type == COLUMN_NUMERIC || c->given) &&
        column_holds_numbers(c->type) && r->options->missing.n_numbers == 0) {
        r->failed = dataset_writer_number(r->writer, value, r->err) != 0;
        r->column++;
        return;
    }
    if (!isnan(value) && c->given && c->type == COLUMN_DATETIME) {
        datetime_show(value, text);
    } else if (!isnan(value)) {
        cell_format(value, text);
    }
    csv_rows_cell(r, text, strlen(text));
}

void csv_rows_end_row(struct csv_rows *r)
{
    if (!r->failed) {
        r->failed = end_row(r) != 0;
        r->column = 0;
    }
}

int csv_rows_end(struct csv_rows *r, struct dataset_summary *out)
{
    if (r->failed) {
        return -1;
    }
    if (r->phase == PHASE_FIRST_ROW) {
        return err_add(r->err, NULL, "the text is empty");
    }
    if (rows_so_far(r) == 0) {
        return err_add(r->err, NULL, "there is a header but no rows");
    }
    if (r->phase == PHASE_SAMPLE && end_sample(r) != 0) {
        return -1;
    }
    return dataset_writer_finish(&r->writer, out, r->err);
}
