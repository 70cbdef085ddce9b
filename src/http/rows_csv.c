/* Rows for a model from CSV text (RFC 4180: quotes, doubled quotes, CRLF, an optional end of
 * the last line), with a header that names the columns in any order.
 *
 * Lines end with LF, CRLF or CR, also in turns; blank ones are passed over.
 *
 * The body is in memory already, so cells are cut out of it in place: no copy, no allocation
 * a row. Tables that become datasets go through data/csv.h instead, which streams and infers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/csv_sniff.h"
#include "http/rows.h"

#define SNIFF_BYTES (64u << 10)
#define NOWHERE     SIZE_MAX

struct cutter {
    char *at, *end;
    int64_t line; /* of `at`, from 1 */
    char delimiter;
};

enum cut { CUT_CELL, CUT_LAST_CELL, CUT_BLANK, CUT_BAD };

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_blanks(struct cutter *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t') && *c->at != c->delimiter) {
        c->at++;
    }
}

/* What is between quotes, whose first was passed; what follows them is at c->at. */
static bool cut_quoted(struct cutter *c, char **to)
{
    for (; c->at < c->end; c->at++) {
        if (*c->at == '"') {
            if (c->at + 1 == c->end || c->at[1] != '"') {
                c->at++;
                return true;
            }
            c->at++;
        }
        c->line += *c->at == '\n';
        *(*to)++ = *c->at;
    }
    return false;
}

static bool cut_plain(struct cutter *c, char **to)
{
    char *start = *to;

    for (; c->at < c->end && *c->at != c->delimiter && !is_end(*c->at); c->at++) {
        if (*c->at == '"') {
            return false;
        }
        *(*to)++ = *c->at;
    }
    while (*to > start && ((*to)[-1] == ' ' || (*to)[-1] == '\t')) {
        (*to)--;
    }
    return true;
}

/* A line ends with LF, CRLF or CR. */
static void end_line(struct cutter *c)
{
    c->at += *c->at == '\r' && c->at + 1 < c->end && c->at[1] == '\n' ? 2 : 1;
    c->line++;
}

/* The next cell, NUL-terminated in place; CUT_LAST_CELL ends its line, and
 * CUT_BLANK is the whole of an empty one. As in tables that are sent (data/csv.h), blanks around a
 * cell do not belong to it. */
static enum cut next_cell(struct cutter *c, char **out, const char **why)
{
    enum cut cut = CUT_LAST_CELL;
    bool quoted;
    char *to;

    skip_blanks(c);
    to = *out = c->at;
    quoted = c->at < c->end && *c->at == '"';
    if (quoted) {
        c->at++;
        if (!cut_quoted(c, &to)) {
            *why = "the quote is never closed";
            return CUT_BAD;
        }
        skip_blanks(c);
        if (c->at < c->end && *c->at != c->delimiter && !is_end(*c->at)) {
            *why = "text follows the closing quote";
            return CUT_BAD;
        }
    } else if (!cut_plain(c, &to)) {
        *why = "a quote inside an unquoted cell";
        return CUT_BAD;
    }
    if (c->at < c->end && *c->at == c->delimiter) {
        cut = CUT_CELL;
        c->at++;
    } else if (c->at < c->end) {
        end_line(c);
    }
    *to = '\0'; /* at or before the delimiter that was just passed, or the text's own NUL */
    return cut == CUT_LAST_CELL && !quoted && **out == '\0' ? CUT_BLANK : cut;
}

/* What is left of a line that cannot be cut. */
static void skip_line(struct cutter *c)
{
    while (c->at < c->end && !is_end(*c->at)) {
        c->at++;
    }
    if (c->at < c->end) {
        end_line(c);
    }
}

/* columns[k]: where the table's k-th column goes; a target that nobody asked for, nowhere. -1: the
 * rows cannot be read. */
static int read_header(struct rows *rows, struct cutter *c, size_t **columns, size_t *n,
                       struct err *err)
{
    bool *seen = xcalloc(rows->n_columns, sizeof *seen);
    const char *why = NULL;
    int64_t line;
    enum cut cut;
    size_t i;

    do {
        char *name;
        ptrdiff_t column;

        line = c->line;
        cut = next_cell(c, &name, &why);
        if (cut == CUT_BLANK && *n == 0 && c->at < c->end) {
            continue;
        }
        if (cut == CUT_BAD) {
            (void)err_add_cell(err, 0, line, NULL, "%s", why);
            break;
        }
        column = rows_find(rows, name);
        if (column < 0 && !rows_is_target(rows, name)) {
            char *no = rows_why_not(rows, name);

            (void)err_add_cell(err, 0, line, name, "column \"%.64s\" %s", name, no);
            free(no);
        } else if (column >= 0 && seen[column]) {
            (void)err_add_cell(err, 0, line, name, "column \"%.64s\" is there twice", name);
        } else if (column >= 0) {
            seen[column] = true;
        }
        if (*n % 64 == 0) {
            *columns = xrealloc(*columns, (*n + 64) * sizeof **columns);
        }
        (*columns)[(*n)++] = column >= 0 ? (size_t)column : NOWHERE;
    } while ((cut == CUT_CELL || *n == 0) && err->n_dropped == 0);
    for (i = 0; i < rows->n_columns && cut != CUT_BAD; i++) {
        if (!seen[i]) {
            rows_without(rows, i, line, err);
        }
    }
    free(seen);
    return cut == CUT_BAD || err->n_dropped > 0 ? -1 : 0;
}

enum line { LINE_CELLS, LINE_BLANK, LINE_BAD };

/* One line into rows->cells; what is wrong with its form is said, and the next can be read. */
static enum line read_line(struct rows *rows, struct cutter *c, const size_t *columns, size_t n,
                           int64_t row, struct err *err)
{
    int64_t line = c->line;
    const char *why = NULL;
    size_t k = 0;
    enum cut cut;

    do {
        char *text;

        cut = next_cell(c, &text, &why);
        if (cut == CUT_BAD) {
            (void)err_add_cell(err, row, line, NULL, "%s", why);
            skip_line(c);
            return LINE_BAD;
        }
        if (k == 0 && cut == CUT_BLANK) {
            return LINE_BLANK;
        }
        if (k < n && columns[k] != NOWHERE) {
            rows->cells[columns[k]] = (struct encoder_cell){.text = text};
        }
        k++;
    } while (cut == CUT_CELL);
    if (k != n) {
        (void)err_add_cell(err, row, line, NULL, "the row has %zu cells, and the header %zu", k, n);
        return LINE_BAD;
    }
    return LINE_CELLS;
}

/* UTF-8 without NUL, or words for what it is instead. */
static int check_text(const char *text, size_t len, struct err *err)
{
    const char *foreign = reader_foreign(READER_CSV, text, len), *p = text, *end = text + len;
    int64_t line = 1;

    if (foreign != NULL) {
        return err_add(err, NULL, "this is %s", foreign);
    }
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = stop != NULL ? (size_t)(stop - p) : (size_t)(end - p);

        if (memchr(p, '\0', n) != NULL || !text_is_utf8(p, n)) {
            return err_add_cell(err, 0, line, NULL, "line %lld: %s", (long long)line,
                                memchr(p, '\0', n) != NULL
                                    ? "a NUL byte; is this a text?"
                                    : "invalid UTF-8; save the text as UTF-8");
        }
        p += n + (stop != NULL);
        line++;
    }
    return 0;
}

int rows_read_csv(struct rows *rows, char *text, size_t len, struct err *err)
{
    struct cutter c = {.at = text, .end = text + len, .line = 1, .delimiter = ','};
    size_t *columns = NULL, n = 0;
    int64_t row = 0, line;
    int rc;

    if (check_text(text, len, err) != 0) {
        return -1;
    }
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        c.at += 3;
    }
    c.delimiter = csv_sniff_delimiter(text, len < SNIFF_BYTES ? len : SNIFF_BYTES,
                                      len <= SNIFF_BYTES);
    rc = read_header(rows, &c, &columns, &n, err);
    while (rc == 0 && c.at < c.end && err->n_dropped == 0) {
        enum line read;

        line = c.line;
        read = read_line(rows, &c, columns, n, row + 1, err);
        row += read != LINE_BLANK;
        if (read == LINE_CELLS) {
            rc = rows_add_line(rows, row, line, err);
        }
    }
    if (row == 0 && !err_is(err)) {
        (void)err_add(err, NULL, "the table has no rows");
    }
    free(columns);
    return err_is(err) ? -1 : 0;
}
