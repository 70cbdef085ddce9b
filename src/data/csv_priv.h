/* The CSV reader's parts: how types are told from a sample, and how cells are shown. */
#ifndef MLPD_DATA_CSV_PRIV_H
#define MLPD_DATA_CSV_PRIV_H

#include <stdatomic.h>

#include "base/buf.h"
#include "data/cell.h"
#include "data/csv.h"

/* A cell that does not fit; row 0 = none. */
struct csv_misfit {
    int64_t row, line;
    char *shown; /* as cell_show gives it; owned */
};

struct csv_column {
    char *name;
    bool declared, strings;        /* strings: texts of digits are texts too */
    bool given;                    /* the type is the format's, and its numbers come as numbers */
    enum column_type type;         /* declared, or decided after the sample */
    bool appends;                  /* the type is that of the rows that are there already */
    bool overrides;                /* declared as what the sample alone would not have said */
    const char *format;            /* a declared datetime's, or NULL; the options' */
    const struct missing *missing; /* the options' */
    /* counted in the sample */
    uint32_t present, numeric;
    uint32_t dates, days_that_are_not; /* datetimes, and what is only written like one */
    uint32_t pair[CELL_PAIRS][2];      /* false and true */
    uint32_t n_texts, texts_room;      /* cells that are no numbers */
    uint64_t *texts;                   /* their hashes */
    uint64_t text_bytes, text_words;
    struct csv_misfit no_number, no_date, no_boolean; /* the first ones */
};

/* Look at one cell of the sample; -1 without memory. */
int csv_infer_cell(struct csv_column *c, const char *s, size_t len, int64_t row,
                   int64_t line) MUST_CHECK;
/* Decide all types. Every column that is nearly but not wholly of numbers or datetimes, or not of
 * what was declared, is an error. */
int csv_infer_decide(struct csv_column *columns, size_t n, struct err *err) MUST_CHECK;
/* A cell of a column whose type is decided goes to the writer. */
int csv_column_write(const struct csv_column *c, struct dataset_writer *w, const char *s,
                     size_t len, int64_t row, int64_t line, struct err *err) MUST_CHECK;
void csv_column_fini(struct csv_column *c);

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
    bool *plain;   /* [n_columns], once they stream: numbers, and no number means "missing" */
    size_t column; /* of the next cell */
    int64_t line;
    int64_t row_line; /* where the current row began */
    bool after_cr;    /* a line feed now belongs to the line's end before it */
    bool line_ended;  /* for csv.c: one has ended since it last looked */
    _Atomic uint64_t rows;

    struct buf sample;
    size_t row_start; /* of the current row in the sample */
    struct dataset_writer *writer;
};

void csv_rows_cell(struct csv_rows *r, const char *s, size_t len);
/* The next n cells: cell i ends at ends[i] and begins behind the cell before and its delimiter,
 * spaces around it not counted. None has a line's end in it. `room` bytes of the line and behind
 * it may be read. */
void csv_rows_cells(struct csv_rows *r, const char *line, size_t room, const uint32_t *ends,
                    size_t n, char delimiter);
/* Every line's end outside of quotes, those of blank lines too (there was no cell then); -1 is
 * the end of the text. */
void csv_rows_line_end(struct csv_rows *r, int c);
/* For formats that know their columns (types as in reader_sink): instead of a first row, a cell's
 * number (NaN: missing), and the end of a row. `line` is the caller's to set, 0 where there are
 * none. */
void csv_rows_columns(struct csv_rows *r, size_t n, const char *const *names, const int *types);
void csv_rows_number(struct csv_rows *r, double value);
void csv_rows_end_row(struct csv_rows *r);
/* All cells are in: publish. */
int csv_rows_end(struct csv_rows *r, struct dataset_summary *out) MUST_CHECK;
/* A problem at the cell that comes next; returns -1. */
int csv_rows_fail(struct csv_rows *r, const char *problem);
int csv_rows_no_memory(struct csv_rows *r);
void csv_rows_fini(struct csv_rows *r);
/* Line ends inside a cell. */
int64_t csv_count_lines(const char *s, size_t len);

/* ---- csv_cut.c ---- */

/* Lines without quotes, cut where they lie. */
struct csv_cut;
struct csv_cut *csv_cut_new(char delimiter);
void csv_cut_free(struct csv_cut **cut);
/* Whole lines from the front of `bytes`, which begin a line and hold no NUL, up to the first that
 * has a quote or no end. How many bytes that was; r->failed may be set. */
size_t csv_cut_lines(struct csv_cut *cut, struct csv_rows *r, const char *bytes, size_t len);

/* A name as it stands in `types`: ':', ',' and backslash behind a backslash. */
char *csv_types_quote(const char *name);

#endif
