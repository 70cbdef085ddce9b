/* The CSV reader's parts: how types are told from a sample, and how cells are shown. */
#ifndef MLPD_DATA_CSV_PRIV_H
#define MLPD_DATA_CSV_PRIV_H

#include <stdatomic.h>

#include "base/buf.h"
#include "data/csv.h"

struct csv_column {
    char *name;
    bool declared;
    enum column_type type; /* declared, or decided after the sample */
    /* counted in the sample, undeclared and declared numeric columns */
    uint32_t present, numeric;
    int64_t bad_row, bad_line; /* the first present cell that is no number; 0 = none */
    char *bad_text;            /* as cell_show gives it; owned */
};

/* Look at one cell of the sample. */
void csv_infer_cell(struct csv_column *c, const char *s, size_t len, int64_t row, int64_t line);
/* Decide all types. Every column that is nearly but not wholly numeric is an error. */
int csv_infer_decide(struct csv_column *columns, size_t n, struct err *err) MUST_CHECK;
/* The one sentence for a text in a numeric column; returns -1. */
int csv_not_numeric(const struct csv_column *c, const char *shown, int64_t row, int64_t line,
                    struct err *err);

enum csv_phase { PHASE_FIRST_ROW, PHASE_SAMPLE, PHASE_STREAM };

/* The table that is being read. Starts as zeros with dir, options and line 1. */
struct csv_rows {
    const char *dir;
    const struct csv_options *options;
    enum csv_phase phase;
    struct err *err; /* of the running call */
    bool failed;

    size_t n_columns;
    struct csv_column *columns;
    size_t column; /* of the next cell */
    int64_t line;
    int64_t row_line; /* where the current row began */
    bool after_cr;    /* a line feed now belongs to the line's end before it */
    _Atomic uint64_t rows;

    struct buf sample;
    size_t row_start; /* of the current row in the sample */
    struct dataset_writer *writer;
};

void csv_rows_cell(struct csv_rows *r, const char *s, size_t len);
/* Every line's end outside of quotes, those of blank lines too (there was no cell then); -1 is
 * the end of the text. */
void csv_rows_line_end(struct csv_rows *r, int c);
/* All cells are in: publish. */
int csv_rows_end(struct csv_rows *r, struct dataset_summary *out) MUST_CHECK;
/* A problem at the cell that comes next; returns -1. */
int csv_rows_fail(struct csv_rows *r, const char *problem);
int csv_rows_no_memory(struct csv_rows *r);
void csv_rows_fini(struct csv_rows *r);
/* Line ends inside a cell. */
int64_t csv_count_lines(const char *s, size_t len);

/* A name as it stands in `types`: ':', ',' and backslash behind a backslash. */
char *csv_types_quote(const char *name);

#endif
