/* The CSV reader; see csv.h for what is taken and what is refused.
 *
 * libcsv cuts the bytes into cells, csv_rows.c makes a table of them. Here are the bytes'
 * own troubles: what kind of text this is, the byte order mark, NUL bytes, quotes, cells
 * without end. libcsv gets slices, so that an error stops a long text soon, and a buffer
 * that never grows. One thread at a time per reader.
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
#define SLICE_BYTES  (64u << 10)
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
    csv_rows_line_end(ctx, c);
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

static int parse(struct csv_reader *r, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t n = len < SLICE_BYTES ? len : SLICE_BYTES, done;
        const char *nul = memchr(bytes, '\0', n);

        n = nul != NULL ? (size_t)(nul - bytes) : n;
        done = csv_parse(&r->parser, bytes, n, on_cell, on_line_end, &r->rows);
        if (r->rows.failed) {
            return -1;
        }
        if (done != n) {
            return parser_failed(r, bytes[done]);
        }
        if (nul != NULL) {
            return csv_rows_fail(&r->rows, "a NUL byte; is this a text?");
        }
        bytes += n;
        len -= n;
    }
    return 0;
}

/* The first bytes are in `head`: skip a byte order mark, and go on with the rest. */
static int start(struct csv_reader *r)
{
    const char *what = reader_foreign(READER_CSV, (const char *)r->head, r->n_head);
    size_t skip = r->n_head >= 3 && memcmp(r->head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    r->started = true;
    if (what != NULL) {
        r->rows.failed = true;
        return err_add_cell(r->rows.err, 0, 1, NULL, "this is %s, not CSV", what);
    }
    return parse(r, (const char *)r->head + skip, r->n_head - skip);
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
    return parse(r, p, len);
}

int csv_reader_finish(struct csv_reader *r, struct dataset_summary *out, struct err *err)
{
    CHK_OBJ(r, READER_MAGIC);
    CHK(!r->rows.failed);
    r->rows.err = err;
    if (!r->started && start(r) != 0) {
        return -1;
    }
    if (csv_fini(&r->parser, on_cell, on_line_end, &r->rows) != 0) {
        return csv_rows_fail(&r->rows, "the quote that opens here is never closed");
    }
    return csv_rows_end(&r->rows, out);
}
