/* CSV into a dataset, streamed: bytes go in as they arrive, memory stays flat.
 *
 * Handled: quoted commas, quotes and newlines, CRLF, no newline
 * at the end, a byte order mark. Refused, with row (1 = first data row), line and column:
 * NUL bytes, invalid UTF-8, an unterminated or misplaced quote, ragged rows, duplicate or
 * empty header names, a field over 64 KiB, no rows, no columns.
 *
 * Types are decided on the first CSV_SAMPLE_ROWS rows (or CSV_SAMPLE_BYTES of cells), by the
 * rules in csv_infer.c; a column that is nearly but not wholly of numbers or datetimes is an error
 * that names the first cell that is not ("declare it with types="), and so is a cell that does not
 * fit its column's type later on. What stands for "no value": data/missing.h.
 *
 * One thread at a time per reader.
 */
#ifndef MLPD_DATA_CSV_H
#define MLPD_DATA_CSV_H

#include "data/dataset.h"
#include "data/missing.h"

#define CSV_SAMPLE_ROWS  10000
#define CSV_SAMPLE_BYTES (16u << 20)
#define CSV_MAX_FIELD    (64u << 10)
#define CSV_MAX_ROW      (16u << 20) /* bytes, in the sample */

struct csv_options {
    bool header; /* the first row names the columns; else c1..cn */
    char delimiter;
    size_t n_types; /* declared types, by column name */
    const char *const *type_names;
    const enum column_type *types;
    const char *const *type_formats; /* of datetimes; NULL: as datetime.h says without one */
    struct missing missing;
    /* The rows are appended to this one, or NULL: its columns in its order, with its types; they
     * come after its own in what is written. The caller's, open until the end. */
    const struct dataset *base;
    bool in_turns; /* the caller's thread serves others too: see turns.h */
};
/* clang-format off */
#define CSV_OPTIONS_INIT { .header = true, .delimiter = ',', .missing = MISSING_INIT }
/* clang-format on */

struct csv_reader;

/* The dataset file is written into folder `dir`. Options are copied. */
int csv_reader_new(const char *dir, const struct csv_options *options, struct csv_reader **out,
                   struct err *err) MUST_CHECK;
/* After an error the reader only wants csv_reader_free. */
int csv_reader_feed(struct csv_reader *r, const void *bytes, size_t len,
                    struct err *err) MUST_CHECK;
/* The end of the text: publish the file. Still free the reader afterwards. */
int csv_reader_finish(struct csv_reader *r, struct dataset_summary *out,
                      struct err *err) MUST_CHECK;
/* Data rows so far. Another thread may ask. */
uint64_t csv_reader_rows(const struct csv_reader *r);
void csv_reader_free(struct csv_reader **r);

/* The `types` option of a query, "col:categorical,other:numeric,day:datetime:%d/%m/%Y" (a ':',
 * ',' or backslash in a name and a ',' or backslash in a format has a backslash before it). Fills
 * n_types, type_names, types, type_formats; csv_options_fini. */
int csv_types_parse(const char *text, struct csv_options *out, struct err *err) MUST_CHECK;
void csv_options_copy(struct csv_options *to, const struct csv_options *from); /* over nothing */
void csv_options_fini(struct csv_options *options); /* of options parsed or copied */

#endif
