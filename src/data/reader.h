/* Tables in any format that we know, into a dataset file: bytes go in as they arrive, memory
 * stays flat.
 *
 * The format is what the caller says, or else what the first bytes look like (READER_LOOK).
 * One file a format does the reading: csv.c, ndjson.c, npy.c, npz.c (and zip.c), idx.c, libsvm.c,
 * arff.c. What each takes, how its columns are named and what it refuses stands in docs/DATA.md.
 * Errors name the row (1 = the first), the line where there are lines, and the column.
 *
 * Several arrays can be one table: the members of an .npz, or parts that the caller announces
 * with reader_part (.npy and IDX only).
 *
 * Formats whose rows cannot be told before the last byte (.npz, joined parts, arrays in Fortran
 * order, libsvm) keep their bytes in a temporary file in `dir`; it goes with the reader.
 *
 * One thread at a time per reader.
 */
#ifndef MLPD_DATA_READER_H
#define MLPD_DATA_READER_H

#include "data/csv.h"
#include "data/dataset.h"

enum reader_format {
    READER_LOOK, /* by the first bytes */
    READER_CSV,
    READER_TSV, /* CSV with tabs */
    READER_NDJSON,
    READER_NPY,
    READER_NPZ,
    READER_IDX,
    READER_LIBSVM,
    READER_ARFF,
    READER_FORMATS
};
/* "csv", "tsv", "ndjson", "npy", "npz", "idx", "libsvm", "arff"; "look" is none. */
const char *reader_format_name(enum reader_format format);
bool reader_format_parse(const char *name, enum reader_format *out);
#define READER_MAX_ROW    (16u << 20) /* bytes of a row, but CSV's */
#define READER_MAX_ARRAYS 1000        /* of a zip or a form */
/* Rows times columns of libsvm: zeros take no room, but time to write. */
#define READER_MAX_SPARSE (UINT64_C(1) << 28)

/* "csv, tsv, ..." for sentences. */
#define READER_NAMES "csv, tsv, ndjson, npy, npz, idx, libsvm or arff"

/* What the first bytes look like; never READER_LOOK. `whole`: there are no more. */
enum reader_format reader_look(const char *head, size_t len, bool whole);
/* What bytes that start like this are, if that is not `format`: "gzip within ...", or NULL. */
const char *reader_foreign(enum reader_format format, const char *head, size_t len);

struct reader_options {
    enum reader_format format;
    bool sniff_header, sniff_delimiter; /* of CSV: look, whatever `csv` says */
    struct csv_options csv;             /* its declared types are for every format */
    uint64_t max_bytes;                 /* of what a zip unpacks to; 0: no limit */
    const char *arrays; /* of an .npz: the names wanted, "x_train,y_train"; NULL: all */
};
/* clang-format off */
#define READER_OPTIONS_INIT                                                                        \
    { .sniff_header = true, .sniff_delimiter = true, .csv = CSV_OPTIONS_INIT }
/* clang-format on */

struct reader;

/* The dataset file is written into folder `dir`. Options are copied. */
int reader_new(const char *dir, const struct reader_options *options, struct reader **out,
               struct err *err) MUST_CHECK;
/* Bytes from now on belong to another part. Before any byte, or between arrays. */
int reader_part(struct reader *r, const char *name, struct err *err) MUST_CHECK;
/* After an error the reader only wants reader_free. */
int reader_feed(struct reader *r, const void *bytes, size_t len, struct err *err) MUST_CHECK;
/* The end: publish the file. Still free the reader afterwards. */
int reader_finish(struct reader *r, struct dataset_summary *out, struct err *err) MUST_CHECK;
/* Rows so far, of those that are read as they come. Another thread may ask. */
uint64_t reader_rows(const struct reader *r);
/* How it was read once it is known: the format, for CSV its delimiter and header too. */
enum reader_format reader_format(const struct reader *r);
const struct csv_options *reader_csv(const struct reader *r);
void reader_free(struct reader **r);

/* ---- rows for another taker than a dataset file ---- */

/* Who takes a table cell by cell, column after column; the functions return 0, or -1 with err. */
struct reader_sink {
    void *ctx;
    int64_t line; /* where the row under way began; 0: the format has no lines */
    /* All columns, before the first cell. types[i] is what the format says the column is, or
     * READER_UNTYPED. */
    int (*columns)(void *ctx, size_t n, const char *const *names, const int *types,
                   struct err *err);
    /* UTF-8 without NUL; the empty text is a missing cell. */
    int (*text)(void *ctx, const char *s, size_t len, struct err *err);
    /* Finite, or NaN for a missing cell. */
    int (*number)(void *ctx, double value, struct err *err);
    int (*end_row)(void *ctx, struct err *err);
};
#define READER_UNTYPED (-1) /* by its texts */
#define READER_STRINGS (-2) /* by its texts, which are no numbers even where they look like some   \
                             */

/* Read into `sink`, which outlives the reader. Not for CSV. width: how many features a libsvm row
 * has (its columns are then "y", "x<base>"...), 0: as many as the text has. */
int reader_new_into(struct reader_sink *sink, const char *dir, const struct reader_options *options,
                    size_t width, size_t base, struct reader **out, struct err *err) MUST_CHECK;
/* The end of the bytes. */
int reader_finish_into(struct reader *r, struct err *err) MUST_CHECK;

#endif
