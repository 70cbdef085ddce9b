/* A dataset: an immutable table in one columnar file, named by the SHA-256 of its bytes.
 *
 * File layout (little-endian; the byte table is in dataset_priv.h): a magic and version, then
 * row groups of DATASET_GROUP rows (fewer in tables of more than 128 columns), each holding one
 * chunk a column in the narrowest type that keeps every value exact (numbers: 8, 16, 32 bit
 * integers, float32, float64; texts: dictionary indexes of 8, 16, 32 bits) and the chunks'
 * places, then the footer: columns with their statistics and dictionaries, the places of the
 * groups, the footer's length and hash, and the magic again. Written once from front to
 * back, so that memory stays flat and the hash is the hash of the whole file. The same cells
 * always give the same bytes, so a table has one name.
 *
 * Threads: an open dataset is read by pread and may be shared by threads. The bytes are
 * trusted no more than a stranger's: every count is bounded before it is used.
 */
#ifndef MLPD_DATA_DATASET_H
#define MLPD_DATA_DATASET_H

#include "base/base.h"
#include "base/err.h"
#include "base/hash.h"
#include "data/missing.h"
#include "data/sketch.h"

#define DATASET_GROUP       8192 /* rows of a row group: read whole groups where you can */
#define DATASET_MAX_COLUMNS 100000
#define DATASET_MAX_NAME    256        /* bytes of a column's name */
#define DATASET_MISSING     UINT32_MAX /* the code of a missing text */
#define DATASET_QUANTILES   9
/* the different texts of all columns, with their tables, while a file is written */
#define DATASET_MAX_TEXT_BYTES (256u << 20)

/* numeric and datetime columns hold numbers: a datetime is seconds since 1970 in UTC, fractions
 * kept. The others hold codes into a dictionary of texts; a boolean has one or two, as they came
 * ("true", "no"), and cell_boolean says which of them is true. The files keep these numbers. */
enum column_type {
    COLUMN_NUMERIC,
    COLUMN_CATEGORICAL,
    COLUMN_BOOLEAN,
    COLUMN_DATETIME,
    COLUMN_TEXT
};
const char *column_type_name(enum column_type type); /* "numeric", "categorical", ... */
bool column_type_parse(const char *name, enum column_type *out);
/* Which of dataset_read_numbers and dataset_read_codes is for it. */
bool column_holds_numbers(enum column_type type);

struct dataset_column {
    char *name;
    enum column_type type;
    enum column_type stored; /* the file's; another than `type` only in a view (dataset_view.h) */
    uint64_t missing; /* cells without a value */
    /* numeric, datetime: of the present cells; NaN when there is none. std is the population's. */
    double min, max, mean, std;
    bool integers;     /* numeric, datetime: every present value is an integer */
    uint64_t distinct; /* numeric, datetime: distinct values, counted up to
                        * DATASET_MAX_DISTINCT + 1; texts: n_categories */
    double *values;    /* numeric, datetime with distinct <= DATASET_MAX_DISTINCT: sorted values */
    /* categorical, boolean, text: texts in order of first appearance; the code is the index */
    uint32_t n_categories;
    char **categories;
    uint64_t *counts; /* [n_categories] */
    /* Files of version 1 have nothing of the following: NULL, NaN and false. */
    char *why;    /* why it is of that type: "categorical: 7 distinct texts" */
    char *remark; /* "constant: ...", "looks like an identifier: ...", else what texts could have
                   * been, had they been written or declared otherwise; or NULL */
    bool constant, identifier;
    bool declared; /* the upload said the type, and the cells alone would have said another */
    char *format;  /* a datetime's, as datetime.h has them; NULL: none needed */
    /* numeric, datetime: what dataset_quantiles says of the present cells, and a histogram;
     * exact unless the column has more values than a sketch keeps (sketch.h) */
    double quantiles[DATASET_QUANTILES];
    bool exact;
    struct histogram histogram;
};
#define DATASET_MAX_DISTINCT 64
/* 0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1 */
extern const double dataset_quantiles[DATASET_QUANTILES];

struct dataset;

/* Open `path` read-only, read and check the footer. The errors: ERR_NOT_FOUND, ERR_IO,
 * ERR_CORRUPT, ERR_NO_MEMORY. */
int dataset_open(const char *path, struct dataset **out, struct err *err) MUST_CHECK;
void dataset_free(struct dataset **ds);

uint64_t dataset_rows(const struct dataset *ds);
size_t dataset_n_columns(const struct dataset *ds);
const struct dataset_column *dataset_column(const struct dataset *ds, size_t column);
/* The column of that name, or -1. */
ptrdiff_t dataset_find(const struct dataset *ds, const char *name);
/* The words that stood for no value when it was read. */
const struct missing *dataset_missing(const struct dataset *ds);
/* The names, [n_columns], for "did you mean"; owned by the dataset. */
const char *const *dataset_names(const struct dataset *ds);

/* Rows [first, first + n) of one column. Of numbers: doubles, NaN = missing, else finite.
 * Of texts: codes, DATASET_MISSING = missing, else below n_categories. The type must fit
 * the call and the rows exist. Errors: ERR_IO, ERR_CORRUPT. */
int dataset_read_numbers(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                         double *out, struct err *err) MUST_CHECK;
int dataset_read_codes(const struct dataset *ds, size_t column, uint64_t first, size_t n,
                       uint32_t *out, struct err *err) MUST_CHECK;

/* Read the whole file again and compare its hash with `sha256` (hex): 0, or ERR_CORRUPT. */
int dataset_verify(const char *path, const char *sha256, struct err *err) MUST_CHECK;
/* The same of an open one. `stop` (or NULL) is asked often: when it says true, 1. */
int dataset_verify_open(const struct dataset *ds, const char *sha256, bool (*stop)(void *ctx),
                        void *ctx, struct err *err) MUST_CHECK;

/* ---- writing ----------------------------------------------------------------- */

struct dataset_writer;

/* Write to an unnamed-until-finished temporary file in folder `dir`. Columns as given
 * (names and types copied). Bad names (empty, equal, over DATASET_MAX_NAME bytes, not UTF-8)
 * are ERR_INVALID. */
int dataset_writer_new(const char *dir, size_t n_columns, const char *const *names,
                       const enum column_type *types, struct dataset_writer **out,
                       struct err *err) MUST_CHECK;
/* The cells of the next row, column after column; a row is complete after n_columns calls.
 * A NaN or a NULL text is a missing cell. Numbers are finite; texts are UTF-8 without NUL, those of
 * a boolean are cell_boolean's, and each of the two keeps the spelling it came with first.
 * Errors: ERR_INVALID (more different texts in a column than a dictionary takes), ERR_NO_SPACE,
 * ERR_NO_MEMORY, ERR_IO; then the writer only wants dataset_writer_abort. */
int dataset_writer_number(struct dataset_writer *w, double value, struct err *err) MUST_CHECK;
int dataset_writer_text(struct dataset_writer *w, const char *text, size_t len,
                        struct err *err) MUST_CHECK;

/* What is remembered with the table beside its cells, before the first cell: see dataset_missing,
 * and `declared` and `format` of a column. Copied. */
void dataset_writer_missing(struct dataset_writer *w, const struct missing *missing);
void dataset_writer_about(struct dataset_writer *w, size_t column, bool declared,
                          const char *format);

/* All rows of `ds`, whose columns have the writer's types in the writer's order, as the next ones.
 * Never more than one group of them in memory. */
int dataset_writer_copy(struct dataset_writer *w, const struct dataset *ds,
                        struct err *err) MUST_CHECK;

struct dataset_summary {
    char sha256[HASH_HEX_LEN];
    uint64_t rows;
    uint64_t bytes; /* of the file */
};
/* Write the footer, fsync, rename to DIR/<sha256>, fsync the folder. The writer is freed
 * either way; on failure nothing stays on disk (when it was the folder's sync that failed, a
 * whole file: another row may name it). A table without rows is ERR_INVALID. */
int dataset_writer_finish(struct dataset_writer **w, struct dataset_summary *out,
                          struct err *err) MUST_CHECK;
/* Give up: the temporary file is removed. NULL is fine. */
void dataset_writer_abort(struct dataset_writer **w);

/* Remove temporary files that a killed daemon left in `dir`. At start, before threads. */
void dataset_clean_folder(const char *dir);

#endif
