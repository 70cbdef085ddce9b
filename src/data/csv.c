/* The CSV reader; see csv.h for what is taken and what is refused.
 *
 * csv_rows.c makes a table of cells. Here are the bytes' own troubles: what kind of text this is,
 * the byte order mark, NUL bytes, quotes, cells without end. Lines without a quote, which most are,
 * are cut into cells where they lie (csv_cut.c); libcsv gets the others, and those that are longer
 * than any cell may be. The end of a piece that is no whole line waits for the next piece, so that
 * a text is read alike however it was cut. Memory never grows: libcsv's buffer is a cell's, and
 * what waits is at most LINE_BYTES. One thread at a time per reader.
 *
 * Invariant: libcsv is between two lines whenever `between` says so.
 */
#include "data/csv.h"

#include <csv.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/csv_priv.h"
#include "data/csv_sniff.h"
#include "data/reader_priv.h"

#define READER_MAGIC 0x63737672u
#define LINE_BYTES   (64u << 10)
#define SLICE_BYTES  (64u << 10) /* for libcsv at once, so that an error stops a long text soon */
#define PARSER_BYTES (CSV_MAX_FIELD + 2) /* a cell, its closing quote, and one over */
#define HEAD_BYTES   4

struct csv_reader {
    uint32_t magic;
    char *dir;
    struct csv_options options; /* owns its names and types */
    struct csv_parser parser;
    unsigned char head[HEAD_BYTES]; /* the first bytes, until we know what text this is */
    size_t n_head;
    bool started;
    bool between;     /* lines: nothing of the next one is with libcsv */
    struct buf line;  /* the beginning of one that has not ended; only between lines */
    struct csv_cut *cut;
    struct csv_rows rows;
};

/* ---- life -------------------------------------------------------- */

/* libcsv asks for the whole buffer at once and never gets more: a longer cell ends there. */
static void *bounded_realloc(void *p, size_t bytes)
{
    return bytes <= PARSER_BYTES ? realloc(p, bytes) : NULL;
}

int csv_reader_new(const char *dir, const struct csv_options *options, struct csv_reader **out,
                   struct err *err)
{
    struct csv_reader *r;

    if (csv_check_delimiter(options->delimiter, err) != 0) {
        return -1;
    }
    r = xcalloc(1, sizeof *r);
    r->magic = READER_MAGIC;
    r->dir = xstrdup(dir);
    csv_options_copy(&r->options, options);
    r->rows.dir = r->dir;
    r->rows.options = &r->options;
    r->rows.line = 1;
    CHK(csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) == 0);
    csv_set_delim(&r->parser, (unsigned char)options->delimiter);
    csv_set_blk_size(&r->parser, PARSER_BYTES);
    csv_set_realloc_func(&r->parser, bounded_realloc);
    r->between = true;
    r->cut = csv_cut_new(options->delimiter);
    *out = r;
    return 0;
}

void csv_reader_free(struct csv_reader **reader)
{
    struct csv_reader *r = *reader;

    if (r == NULL) {
        return;
    }
    CHK_OBJ(r, READER_MAGIC);
    csv_rows_fini(&r->rows);
    csv_free(&r->parser);
    csv_cut_free(&r->cut);
    buf_fini(&r->line);
    csv_options_fini(&r->options);
    free(r->dir);
    r->magic = 0;
    free(r);
    *reader = NULL;
}

uint64_t csv_reader_rows(const struct csv_reader *r)
{
    return atomic_load_explicit(&r->rows.rows, memory_order_relaxed);
}

static void on_cell(void *bytes, size_t len, void *ctx)
{
    csv_rows_cell(ctx, bytes, len);
}

static void on_line_end(int c, void *ctx)
{
    struct csv_rows *rows = ctx;

    csv_rows_line_end(rows, c);
    rows->line_ended = true;
}

/* Why libcsv stopped; `next` is the byte it did not take. */
static int parser_failed(struct csv_reader *r, int next)
{
    const char *hint = "";
    char *problem;

    switch (csv_error(&r->parser)) {
    case CSV_EPARSE:
        r->rows.line += csv_count_lines((const char *)r->parser.entry_buf, r->parser.entry_pos);
        if (r->rows.n_columns == 0 && (next == ';' || next == '\t' || next == '|')) {
            hint = next == '\t'  ? "; is the delimiter a tab?"
                   : next == ';' ? "; is the delimiter \";\"?"
                                 : "; is the delimiter \"|\"?";
        }
        problem = xasprintf("a misplaced quote: a field with a quote in it stands in quotes, and "
                            "the quote is doubled%s",
                            hint);
        csv_rows_fail(&r->rows, problem);
        free(problem);
        return -1;
    case CSV_ENOMEM:
        return csv_get_buffer_size(&r->parser) < PARSER_BYTES
                   ? csv_rows_no_memory(&r->rows)
                   : csv_rows_fail(&r->rows,
                                   "the field has more than 64 KiB; is a quote not closed?");
    default:
        return csv_rows_fail(&r->rows, "not readable as CSV");
    }
}

/* To the end of the line, or of a slice. *done: bytes taken. */
static int parse_slow(struct csv_reader *r, const char *bytes, size_t len, size_t *done)
{
    size_t n = len < SLICE_BYTES ? len : SLICE_BYTES, i;

    for (i = 0; i < n && bytes[i] != '\n' && bytes[i] != '\r'; i++) {
    }
    n = i < n ? i + 1 : n;
    r->rows.line_ended = false;
    *done = csv_parse(&r->parser, bytes, n, on_cell, on_line_end, &r->rows);
    r->between = r->rows.line_ended;
    return r->rows.failed ? -1 : *done != n ? parser_failed(r, bytes[*done]) : 0;
}

static int parse(struct csv_reader *r, const char *bytes, size_t len)
{
    const char *nul = len > 0 ? memchr(bytes, '\0', len) : NULL;
    size_t n = nul != NULL ? (size_t)(nul - bytes) : len, at = 0, done;

    while (at < n) {
        done = r->between ? csv_cut_lines(r->cut, &r->rows, bytes + at, n - at) : 0;
        if (r->rows.failed) {
            return -1;
        }
        if (done == 0 && parse_slow(r, bytes + at, n - at, &done) != 0) {
            return -1;
        }
        at += done;
    }
    return nul != NULL ? csv_rows_fail(&r->rows, "a NUL byte; is this a text?") : 0;
}

static int parse_waiting(struct csv_reader *r)
{
    int rc = parse(r, r->line.data, r->line.len);

    buf_clear(&r->line);
    return rc;
}

/* Whole lines at once, as far as they fit. */
static int take(struct csv_reader *r, const char *bytes, size_t len)
{
    const char *last = len > 0 ? memrchr(bytes, '\n', len) : NULL;
    size_t whole = last != NULL ? (size_t)(last - bytes) + 1 : 0;

    if (r->line.len > 0 && (whole > 0 || r->line.len + len > LINE_BYTES)) {
        const char *first = memchr(bytes, '\n', len);
        size_t n = first != NULL ? (size_t)(first - bytes) + 1 : 0;

        if (buf_append(&r->line, bytes, n) != 0) {
            return csv_rows_no_memory(&r->rows);
        }
        if (parse_waiting(r) != 0) {
            return -1;
        }
        bytes += n;
        len -= n;
        whole -= n;
    }
    if (parse(r, bytes, whole) != 0) {
        return -1;
    }
    bytes += whole;
    len -= whole;
    if (!r->between || len > LINE_BYTES) {
        return parse(r, bytes, len);
    }
    return buf_append(&r->line, bytes, len) != 0 ? csv_rows_no_memory(&r->rows) : 0;
}

/* The first bytes are in `head`: skip a byte order mark, and go on with the rest. */
static int start(struct csv_reader *r)
{
    const char *what = reader_foreign(READER_CSV, (const char *)r->head, r->n_head);
    size_t skip = r->n_head >= 3 && memcmp(r->head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    r->started = true;
    if (what != NULL) {
        r->rows.failed = true;
        return err_add_cell(r->rows.err, 0, 1, NULL, "this is %s%s", what,
                            strchr(what, ';') != NULL ? "" : ", not CSV");
    }
    return take(r, (const char *)r->head + skip, r->n_head - skip);
}

int csv_reader_feed(struct csv_reader *r, const void *bytes, size_t len, struct err *err)
{
    const char *p = bytes;

    CHK_OBJ(r, READER_MAGIC);
    CHK(!r->rows.failed);
    r->rows.err = err;
    while (!r->started && len > 0) {
        r->head[r->n_head++] = (unsigned char)*p++;
        len--;
        if (r->n_head == HEAD_BYTES && start(r) != 0) {
            return -1;
        }
    }
    return take(r, p, len);
}

int csv_reader_finish(struct csv_reader *r, struct dataset_summary *out, struct err *err)
{
    CHK_OBJ(r, READER_MAGIC);
    CHK(!r->rows.failed);
    r->rows.err = err;
    if ((!r->started && start(r) != 0) || parse_waiting(r) != 0) {
        return -1;
    }
    if (csv_fini(&r->parser, on_cell, on_line_end, &r->rows) != 0) {
        return csv_rows_fail(&r->rows, "the quote that opens here is never closed");
    }
    return csv_rows_end(&r->rows, out);
}
