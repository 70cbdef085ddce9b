/* The one reader in front of all formats; see reader.h.
 *
 * The first bytes are held back until there are READER_HEAD of them, or no more: they tell the
 * format, where it is not given, and for CSV the delimiter and the header. Then they and all later
 * ones go to the format's reader, and its cells to a table (csv_rows.c) that infers what the
 * format does not say and writes the dataset file. CSV goes to its table without the detour.
 * Runs on the caller's thread.
 *
 * Invariant: exactly one of csv, arrays and impl is in work once `started`.
 */
#include "data/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/csv_priv.h"
#include "data/csv_sniff.h"
#include "data/reader_priv.h"

#define READER_MAGIC 0x72656164u

struct reader {
    uint32_t magic;
    char *dir;
    struct reader_options options; /* owns its texts */
    char *wanted;                  /* options.arrays */
    enum reader_format format;     /* READER_LOOK until it is known */
    bool started;
    char *part; /* the part under way; NULL: there are none */
    struct buf head;

    size_t line_bytes; /* since the last line's end, of formats that keep no line themselves */
    struct csv_reader *csv;
    const struct reader_impl *impl;
    void *state;
    struct arrays *arrays; /* of several parts */

    struct reader_env env;
    struct reader_sink own; /* the table's */
    struct csv_rows table;
};

static const char *const format_names[READER_FORMATS] = {
    [READER_LOOK] = "look",     [READER_CSV] = "csv",       [READER_TSV] = "tsv",
    [READER_NDJSON] = "ndjson", [READER_NPY] = "npy",       [READER_NPZ] = "npz",
    [READER_IDX] = "idx",       [READER_LIBSVM] = "libsvm", [READER_ARFF] = "arff",
};

const char *reader_format_name(enum reader_format format)
{
    CHK((size_t)format < READER_FORMATS);
    return format_names[format];
}

bool reader_format_parse(const char *name, enum reader_format *out)
{
    int i;

    for (i = READER_CSV; i < READER_FORMATS; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *out = (enum reader_format)i;
            return true;
        }
    }
    return false;
}

/* ---- the table as a sink ------------------------------------------------------------- */

static struct csv_rows *table_of(void *ctx, struct err *err)
{
    struct reader *r = ctx;

    r->table.err = err;
    if (r->table.column == 0) {
        r->table.line = r->own.line;
    }
    return &r->table;
}

static int table_columns(void *ctx, size_t n, const char *const *names, const int *types,
                         struct err *err)
{
    struct csv_rows *table = table_of(ctx, err);

    table->line = 0;
    csv_rows_columns(table, n, names, types);
    return table->failed ? -1 : 0;
}

static int table_text(void *ctx, const char *s, size_t len, struct err *err)
{
    struct csv_rows *table = table_of(ctx, err);

    csv_rows_cell(table, s, len);
    return table->failed ? -1 : 0;
}

static int table_number(void *ctx, double value, struct err *err)
{
    struct csv_rows *table = table_of(ctx, err);

    csv_rows_number(table, value);
    return table->failed ? -1 : 0;
}

static int table_end_row(void *ctx, struct err *err)
{
    struct reader *r = ctx;

    r->table.err = err;
    csv_rows_end_row(&r->table);
    return r->table.failed ? -1 : 0;
}

/* ---- life ------------------------------------------------------------------------------ */

static struct reader *make(const char *dir, const struct reader_options *options)
{
    struct reader *r = xcalloc(1, sizeof *r);

    r->magic = READER_MAGIC;
    r->dir = xstrdup(dir);
    r->options = *options;
    csv_options_copy(&r->options.csv, &options->csv);
    r->wanted = options->arrays != NULL ? xstrdup(options->arrays) : NULL;
    r->options.arrays = r->wanted;
    r->format = options->format;
    r->env = (struct reader_env){.dir = r->dir, .options = &r->options};
    return r;
}

int reader_new(const char *dir, const struct reader_options *options, struct reader **out,
               struct err *err)
{
    struct reader *r;

    if (!options->sniff_delimiter && csv_check_delimiter(options->csv.delimiter, err) != 0) {
        return -1;
    }
    r = make(dir, options);
    r->own = (struct reader_sink){.ctx = r,
                                  .columns = table_columns,
                                  .text = table_text,
                                  .number = table_number,
                                  .end_row = table_end_row};
    r->env.sink = &r->own;
    r->table.dir = r->dir;
    r->table.options = &r->options.csv;
    *out = r;
    return 0;
}

int reader_new_into(struct reader_sink *sink, const char *dir, const struct reader_options *options,
                    size_t width, size_t base, struct reader **out, struct err *err)
{
    struct reader *r;

    if (options->format == READER_CSV || options->format == READER_TSV) {
        return err_set(err, ERR_INTERNAL, "CSV goes another way");
    }
    r = make(dir, options);
    r->env.sink = sink;
    r->env.width = width;
    r->env.base = base;
    *out = r;
    return 0;
}

void reader_free(struct reader **reader)
{
    struct reader *r = *reader;

    if (r == NULL) {
        return;
    }
    CHK_OBJ(r, READER_MAGIC);
    csv_reader_free(&r->csv);
    if (r->impl != NULL) {
        r->impl->free(r->state);
    }
    arrays_free(r->arrays);
    csv_rows_fini(&r->table);
    csv_options_fini(&r->options.csv);
    buf_fini(&r->head);
    free(r->wanted);
    free(r->part);
    free(r->dir);
    r->magic = 0;
    free(r);
    *reader = NULL;
}

uint64_t reader_rows(const struct reader *r)
{
    return r->csv != NULL ? csv_reader_rows(r->csv)
                          : atomic_load_explicit(&r->table.rows, memory_order_relaxed);
}

enum reader_format reader_format(const struct reader *r)
{
    return r->format;
}

const struct csv_options *reader_csv(const struct reader *r)
{
    return &r->options.csv;
}

/* ---- the first bytes --------------------------------------------------------------------- */

static int start_csv(struct reader *r, bool whole, struct err *err)
{
    struct csv_options *options = &r->options.csv;

    if (r->env.sink != &r->own) {
        return err_add(err, NULL, "these rows are none of " READER_NAMES);
    }
    if (r->format == READER_TSV) {
        options->delimiter = '\t';
    } else if (r->options.sniff_delimiter) {
        options->delimiter = csv_sniff_delimiter(r->head.data, r->head.len, whole);
    }
    if (r->options.sniff_header) {
        options->header = csv_sniff_header(r->head.data, r->head.len, whole, options->delimiter);
    }
    return csv_reader_new(r->dir, options, &r->csv, err);
}

static int start_impl(struct reader *r, bool whole, struct err *err)
{
    static const struct reader_impl *const impls[READER_FORMATS] = {
        [READER_NDJSON] = &reader_ndjson, [READER_NPY] = &reader_npy,
        [READER_NPZ] = &reader_npz,       [READER_IDX] = &reader_idx,
        [READER_LIBSVM] = &reader_libsvm, [READER_ARFF] = &reader_arff,
    };

    if (r->part != NULL && (r->format == READER_NPY || r->format == READER_IDX)) {
        r->arrays = arrays_new(&r->env, false);
        return arrays_begin(r->arrays, r->part, err);
    }
    if (impls[r->format] == NULL) {
        return start_csv(r, whole, err);
    }
    r->impl = impls[r->format];
    r->state = r->impl->make(&r->env);
    return 0;
}

/* CSV and libsvm are read by the cell, in which a line without end could hide: blanks, a comment. */
static int check_line(struct reader *r, const char *bytes, size_t len, struct err *err)
{
    const char *last = len > 0 ? memrchr(bytes, '\n', len) : NULL;

    if (r->csv == NULL && r->format != READER_LIBSVM) {
        return 0;
    }
    if (last == NULL && len > 0) {
        last = memrchr(bytes, '\r', len);
    }
    r->line_bytes = last != NULL ? (size_t)(bytes + len - last) : r->line_bytes + len;
    return r->line_bytes > READER_MAX_ROW
               ? err_add(err, NULL, "a line has more than %u MiB", READER_MAX_ROW >> 20)
               : 0;
}

static int pass_on(struct reader *r, const char *bytes, size_t len, struct err *err)
{
    if (check_line(r, bytes, len, err) != 0) {
        return -1;
    }
    return r->csv != NULL      ? csv_reader_feed(r->csv, bytes, len, err)
           : r->arrays != NULL ? arrays_feed(r->arrays, bytes, len, err)
                               : r->impl->feed(r->state, bytes, len, err);
}

/* `whole`: what is in `head` is all there is. */
static int start(struct reader *r, bool whole, struct err *err)
{
    static char nothing[1] = "";
    char *head = r->head.data != NULL ? r->head.data : nothing;
    size_t skip = r->head.len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const char *what;
    int rc;

    r->started = true;
    if (r->head.len == 0) {
        return err_add(err, NULL, "the body is empty");
    }
    what =
        reader_foreign(r->format == READER_LOOK ? reader_look(head, r->head.len, whole) : r->format,
                       head, r->head.len);
    if (what != NULL) {
        return r->format == READER_LOOK || strchr(what, ';') != NULL /* and what to do */
                   ? err_add(err, NULL, "this is %s", what)
                   : err_add(err, NULL, "this is %s, not %s", what, format_names[r->format]);
    }
    if (r->format == READER_LOOK) {
        r->format = reader_look(head, r->head.len, whole);
    }
    if (start_impl(r, whole, err) != 0) {
        return -1;
    }
    /* a text's mark is nobody's cell; CSV knows it, and counts lines from there */
    skip = r->csv != NULL || r->format == READER_NPY || r->format == READER_IDX ||
                   r->format == READER_NPZ
               ? 0
               : skip;
    rc = pass_on(r, head + skip, r->head.len - skip, err);
    buf_fini(&r->head);
    return rc;
}

int reader_part(struct reader *r, const char *name, struct err *err)
{
    CHK_OBJ(r, READER_MAGIC);
    if (r->part != NULL) {
        if (!r->started && start(r, true, err) != 0) {
            return -1;
        }
        if (r->arrays == NULL) {
            return err_add(err, NULL,
                           "there are several parts; only arrays, .npy and IDX, can be joined");
        }
        if (arrays_end(r->arrays, err) != 0 || arrays_begin(r->arrays, name, err) != 0) {
            return -1;
        }
        free(r->part);
    }
    r->part = xstrdup(name);
    return 0;
}

int reader_feed(struct reader *r, const void *bytes, size_t len, struct err *err)
{
    size_t more = READER_HEAD - r->head.len;

    CHK_OBJ(r, READER_MAGIC);
    if (r->started) {
        return pass_on(r, bytes, len, err);
    }
    more = more < len ? more : len;
    if (buf_append(&r->head, bytes, more) != 0) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to read the table");
    }
    if (r->head.len < READER_HEAD) {
        return 0;
    }
    return start(r, false, err) != 0 ? -1
           : len == more             ? 0
                                     : pass_on(r, (const char *)bytes + more, len - more, err);
}

int reader_finish_into(struct reader *r, struct err *err)
{
    CHK_OBJ(r, READER_MAGIC);
    if (!r->started && start(r, true, err) != 0) {
        return -1;
    }
    if (r->csv != NULL) {
        return 0;
    }
    if (r->arrays != NULL) {
        if (arrays_end(r->arrays, err) != 0) {
            return -1;
        }
        arrays_name_only(r->arrays, "x"); /* as it is without a form around it */
        return arrays_finish(r->arrays, err);
    }
    return r->impl->finish(r->state, err);
}

int reader_finish(struct reader *r, struct dataset_summary *out, struct err *err)
{
    if (reader_finish_into(r, err) != 0) {
        return -1;
    }
    if (r->csv != NULL) {
        return csv_reader_finish(r->csv, out, err);
    }
    r->table.err = err;
    return csv_rows_end(&r->table, out);
}
