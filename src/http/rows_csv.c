/* Rows for a model from CSV text (RFC 4180: quotes, doubled quotes, CRLF, an optional end of
 * the last line), with a header that names the columns in any order.
 *
 * The body is in memory already, so cells are cut out of it in place: no copy, no allocation
 * a row. Tables that become datasets go through data/csv.h instead, which streams and infers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/csv_sniff.h"
#include "http/rows.h"

#define SNIFF_BYTES (64u << 10)

struct cutter {
    char *at, *end;
    int64_t line; /* of `at`, from 1 */
    char delimiter;
};

enum cut { CUT_CELL, CUT_LAST_CELL, CUT_BAD };

/* The next cell, NUL-terminated in place; CUT_LAST_CELL ends its line. */
static enum cut next_cell(struct cutter *c, char **out, const char **why)
{
    char *to = c->at, *start = c->at;
    bool quoted = c->at < c->end && *c->at == '"', closed = !quoted;
    enum cut cut = CUT_LAST_CELL;

    c->at += quoted;
    for (; c->at < c->end; c->at++) {
        if (!closed && *c->at == '"') {
            if (c->at + 1 < c->end && c->at[1] == '"') {
                *to++ = '"';
                c->at++;
            } else {
                closed = true;
            }
            continue;
        }
        if (closed && (*c->at == c->delimiter || *c->at == '\n')) {
            cut = *c->at == c->delimiter ? CUT_CELL : CUT_LAST_CELL;
            break;
        }
        if (closed && *c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n')) {
            continue;
        }
        if (closed && (quoted || *c->at == '"')) {
            *why = quoted ? "text follows the closing quote" : "a quote inside an unquoted cell";
            return CUT_BAD;
        }
        c->line += *c->at == '\n';
        *to++ = *c->at;
    }
    if (!closed) {
        *why = "the quote is never closed";
        return CUT_BAD;
    }
    if (c->at < c->end) {
        c->line += *c->at == '\n';
        c->at++;
    }
    *to = '\0'; /* at or before the delimiter that was just passed, or the text's own NUL */
    *out = start;
    return cut;
}

/* columns[k]: where the table's k-th column goes. */
static int read_header(struct rows *rows, struct cutter *c, size_t **columns, size_t *n,
                       struct err *err)
{
    bool *seen = xcalloc(rows->n_columns, sizeof *seen);
    const char *why = NULL;
    enum cut cut;
    size_t i;

    do {
        char *name;
        ptrdiff_t column;

        cut = next_cell(c, &name, &why);
        if (cut == CUT_BAD) {
            (void)err_add_cell(err, 0, 1, NULL, "%s", why);
            break;
        }
        column = rows_find(rows, name);
        if (column < 0) {
            char *no = rows_why_not(rows, name);

            (void)err_add_cell(err, 0, 1, name, "column \"%.64s\" %s", name, no);
            free(no);
        } else if (seen[column]) {
            (void)err_add_cell(err, 0, 1, name, "column \"%.64s\" is there twice", name);
        } else {
            seen[column] = true;
        }
        if (*n % 64 == 0) {
            *columns = xrealloc(*columns, (*n + 64) * sizeof **columns);
        }
        (*columns)[(*n)++] = column >= 0 ? (size_t)column : 0;
    } while (cut == CUT_CELL && err->n_dropped == 0);
    for (i = 0; i < rows->n_columns && cut != CUT_BAD; i++) {
        if (!seen[i]) {
            (void)err_add_cell(err, 0, 1, rows->names[i], "column \"%s\" is missing",
                               rows->names[i]);
        }
    }
    free(seen);
    return err_is(err) ? -1 : 0;
}

/* Pointers' escapes do not matter for showing. */
void rows_move_problems(struct err *err, struct err *from, int64_t row, int64_t line)
{
    size_t i;

    for (i = 0; i < from->n_items; i++) {
        const char *pointer = from->items[i].pointer;

        (void)err_add_cell(err, row, line, pointer != NULL ? pointer + 1 : NULL, "%s",
                           from->items[i].detail);
    }
    if (from->n_items == 0) {
        (void)err_set(err, from->code, "%s", from->detail);
    }
    err_fini(from);
}

/* One line into rows->cells. 1: it was an empty last line. */
static int read_line(struct rows *rows, struct cutter *c, const size_t *columns, size_t n,
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
            return err_add_cell(err, row, line, NULL, "%s", why);
        }
        if (k == 0 && cut == CUT_LAST_CELL && text[0] == '\0' && n > 1) {
            return 1;
        }
        if (k < n) {
            rows->cells[columns[k]] =
                (struct encoder_cell){.missing = cell_missing(text, strlen(text)), .text = text};
        }
        k++;
    } while (cut == CUT_CELL);
    if (k != n) {
        return err_add_cell(err, row, line, NULL, "the row has %zu cells, and the header %zu", k,
                            n);
    }
    return 0;
}

int rows_read_csv(struct rows *rows, char *text, size_t len, struct err *err)
{
    struct cutter c = {.at = text, .end = text + len, .line = 1, .delimiter = ','};
    size_t *columns = NULL, n = 0;
    int64_t row = 0, line;
    bool bad = false;
    int rc;

    if (memchr(text, '\0', len) != NULL || !text_is_utf8(text, len)) {
        return err_add(err, NULL, "the table is not UTF-8 text without NUL bytes");
    }
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        c.at += 3;
    }
    c.delimiter = csv_sniff_delimiter(text, len < SNIFF_BYTES ? len : SNIFF_BYTES,
                                      len <= SNIFF_BYTES);
    rc = read_header(rows, &c, &columns, &n, err);
    while (rc == 0 && c.at < c.end) {
        struct err here = ERR_INIT;

        line = c.line;
        row++;
        rc = read_line(rows, &c, columns, n, row, err);
        if (rc == 1) {
            row--;
            rc = 0;
            continue;
        }
        if (rc == 0 && rows_add(rows, "", &here) != 0) {
            bad = true;
            rc = here.code == ERR_INVALID ? 0 : -1;
            rows_move_problems(err, &here, row, line);
        }
        err_fini(&here);
    }
    if (rc == 0 && !bad && row == 0) {
        rc = err_add(err, NULL, "the table has no rows");
    }
    free(columns);
    return rc != 0 || bad ? -1 : 0;
}
