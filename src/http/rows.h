/* Rows from a client for a model: JSON instances, CSV, or one query, checked and encoded.
 *
 * The whole body is checked first, all problems at once with their places, and only encoded
 * float32 rows remain of it. Columns are the features, then the model's offset if it has one,
 * then, of labelled rows (evaluate), the targets.
 */
#ifndef MLPD_HTTP_ROWS_H
#define MLPD_HTTP_ROWS_H

#include <jansson.h>

#include "data/encoder.h"
#include "data/reader.h"
#include "http/query.h"
#include "mlp/mlp.h"

#define ROWS_MOST           100000      /* in one request */
#define ROWS_MOST_BYTES     (64u << 20) /* encoded */
#define ROWS_MOST_EVALUATED 10000       /* in one body; more are a job's work, on a dataset */

struct rows {
    size_t n;         /* so far */
    size_t limit;     /* at most */
    float *x;         /* (n, n_inputs); owned */
    uint32_t *labels; /* (n): truth for classes on a softmax; owned */
    float *targets;   /* (n, n_outputs): truth for the other losses; owned */
    float *offset;    /* (n), in training units; owned; NULL: the model has none */

    /* what they are rows of; set by rows_init */
    const struct encoder *encoder;
    const struct mlp_spec *spec;
    bool labelled;
    size_t n_inputs;            /* features, and the offset */
    size_t n_columns;           /* with the targets when labelled */
    const char **names;         /* [n_columns]; owned array of the encoder's strings */
    struct encoder_cell *cells; /* [n_columns]: the row in work; owned */
    size_t room;                /* rows allocated */
};

void rows_init(struct rows *rows, const struct encoder *encoder, const struct mlp_spec *spec,
               bool labelled);
void rows_fini(struct rows *rows);

/* How many rows of this width one request may have. */
size_t rows_limit(size_t n_inputs);

/* instances: an array of objects by name or arrays in order. Pointers "/instances/3/name".
 * ERR_INVALID, ERR_TOO_LARGE, ERR_NO_MEMORY. */
int rows_read_json(struct rows *rows, const json_t *instances, struct err *err) MUST_CHECK;
/* A table with a header, columns in any order; its delimiter is seen (data/csv_sniff.h). Errors
 * carry row, line and column. The text is changed (cells are cut out in place). */
int rows_read_csv(struct rows *rows, char *text, size_t len, struct err *err) MUST_CHECK;
/* A table in another format. `dir`: for temporary files; max_bytes: of what a zip unpacks to. */
int rows_read_table(struct rows *rows, enum reader_format format, const void *bytes, size_t len,
                    const char *dir, uint64_t max_bytes, struct err *err) MUST_CHECK;
/* One row from query parameters: every one a feature, or x=1,2,3 by position when no feature is
 * named x. */
int rows_read_query(struct rows *rows, const struct query *query, struct err *err) MUST_CHECK;

/* ---- for rows_csv.c and rows_table.c ---- */
/* Append the row in `cells`. Pointers of problems start with `pointer`. A row with a cell that is
 * `told` is not appended, but everything else that is wrong with it is said. */
int rows_add(struct rows *rows, const char *pointer, struct err *err) MUST_CHECK;
/* The same for a row of a table, where problems have row, line and column for a pointer; -1 only
 * when no other row needs to be looked at. */
int rows_add_line(struct rows *rows, int64_t row, int64_t line, struct err *err) MUST_CHECK;
/* A column that no row has, with words for it: its cells need none of their own. */
void rows_without(struct rows *rows, size_t column, int64_t line, struct err *err);
/* The column of that name; -1 when there is none. */
ptrdiff_t rows_find(const struct rows *rows, const char *name);
bool rows_is_target(const struct rows *rows, const char *name);
/* Why there is none, with a suggestion ("is no feature of this model; ..."); caller frees. */
char *rows_why_not(const struct rows *rows, const char *name);

#endif
