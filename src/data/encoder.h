/* The encoder: from a table's cells to the network's float32 inputs, and back from its
 * outputs to labels and values. Fitted on the training rows only, stored with the model,
 * applied the same way in training, evaluation and prediction.
 *
 * What a column becomes is said by its plan (encoder_plan.h); docs/DATA.md has the formulas.
 * Statistics are of the training rows, in double, in two passes over blocks that are then merged;
 * quantiles are of all of them up to ENCODER_MAX_SAMPLE, of more rows of every n-th. A column that
 * is constant (or so up to rounding: std below 1e-13 of the mean) is dropped, but where numbers
 * pass as they are or are scaled together. Categorical columns are one-hot over the training part's
 * texts in sorted order; missing is a level of its own if training had it; an unseen text is all
 * zeros; a column with one level is dropped. A dropped column stays a feature (clients still name
 * it) but has no input; a warning names it. A number that does not fit float32 is an error with its
 * row.
 *
 * Target: classes (the distinct values' texts, sorted: numbers by value, texts by bytes) or
 * one or more numbers, standardised by the training part's mean and std, perhaps after log1p.
 *
 * An encoder is immutable once made; threads may share it.
 */
#ifndef MLPD_DATA_ENCODER_H
#define MLPD_DATA_ENCODER_H

#include "data/dataset.h"
#include "data/encoder_plan.h"

#define ENCODER_MAX_CLASSES 10000

#define ENCODER_MAX_SAMPLE  (1u << 20)
/* "auto" gives piecewise-linear codes where at most so many features are numbers with more than two
 * values in the whole table. */
#define ENCODER_MAX_CODED   32

struct encoder_options {
    struct encoder_plan plan;           /* features */
    const struct encoder_plan *columns; /* [n_features], or NULL: all have `plan` */
    enum encoder_numeric target;        /* regression targets: the first three */
    bool classes;                       /* the target is classes, else numbers */
    size_t n_features;
    const size_t *features; /* [n_features] columns of the dataset */
    size_t n_targets;       /* classes: 1 */
    const size_t *targets;  /* [n_targets] columns of the dataset */
    const char *offset;     /* column of every row's offset, weight: see below; or NULL */
    const char *weight;
};

struct encoder;

/* Fit on `rows` (indices into ds, ascending, [n_rows]). `warnings` (may be NULL) collects
 * sentences through err_add with pointer NULL. Errors: ERR_INVALID with what is wrong (no
 * feature left, one class only, a missing or non-numeric target with its row, ...), ERR_IO,
 * ERR_NO_MEMORY. */
int encoder_fit(const struct dataset *ds, const struct encoder_options *options,
                const uint64_t *rows, size_t n_rows, struct encoder **out, struct err *warnings,
                struct err *err) MUST_CHECK;
void encoder_free(struct encoder **e);

/* Rows of `ds` (ascending, [*n]) without a value in a column of ENCODER_DROP_ROW are taken out of
 * the list, before it is fitted on or encoded. `fitted`: what the options' columns are of. */
bool encoder_drops_rows(const struct encoder_options *options);
int encoder_drop_rows(const struct encoder_options *options, const struct dataset *fitted,
                      const struct dataset *ds, uint64_t *rows, size_t *n,
                      struct err *err) MUST_CHECK;

/* How wide encoder_fit will make the input at most for so many training rows, and how many classes,
 * from the dataset's own statistics, before any row is read: for admission. */
int encoder_estimate(const struct dataset *ds, const struct encoder_options *options, size_t n_rows,
                     size_t *n_inputs, size_t *n_outputs, struct err *err) MUST_CHECK;

/* And the embeddings it will make, at most: levels and width of the first `most` of them, in order.
 * Returns how many there are. */
size_t encoder_estimate_embeddings(const struct dataset *ds,
                                   const struct encoder_options *options, size_t most,
                                   size_t *levels, size_t *width);

size_t encoder_n_inputs(const struct encoder *e);   /* width of the network's input */
/* Embeddings: the last encoder_n_embeddings of those inputs hold an index each, below `levels`, in
 * place of `width` numbers that the network learns for it; index 0 is what is missing or was
 * never seen. Returns the feature. */
size_t encoder_n_embeddings(const struct encoder *e);
size_t encoder_embedding(const struct encoder *e, size_t i, size_t *input, size_t *levels,
                         size_t *width);
size_t encoder_n_features(const struct encoder *e); /* columns a client names, in order */
const char *encoder_feature_name(const struct encoder *e, size_t feature);
const char *const *encoder_feature_names(const struct encoder *e);
enum column_type encoder_feature_type(const struct encoder *e, size_t feature);
/* What the table has it as; another type only where a job asked for one (dataset_view.h). */
enum column_type encoder_feature_stored(const struct encoder *e, size_t feature);
/* Categorical feature: its known texts, sorted. Numeric: n = 0. */
size_t encoder_feature_categories(const struct encoder *e, size_t feature,
                                  const char *const **texts);
/* What it became: "standardize", "soft" (standardized with a soft limit), "two_values", "minmax",
 * ..., "one_hot", "ordinal", "embedding", "hashing", "words", "boolean", "datetime", "dropped". */
const char *encoder_feature_encoding(const struct encoder *e, size_t feature);
struct encoder_shape {
    size_t inputs;    /* of the network; an index counts as one */
    size_t bins;      /* of them in a piecewise-linear code */
    size_t embedding; /* numbers learnt for an index; 0: none is */
    bool indicator;   /* one of them says that the cell is missing */
};
struct encoder_shape encoder_feature_shape(const struct encoder *e, size_t feature);
/* Its first input; the others follow. An index (shape.embedding > 0) has but one, and the network
 * `embedding` numbers in its place. */
size_t encoder_feature_offset(const struct encoder *e, size_t feature);
/* What its i-th input is, or the i-th number learnt for an index: "age", "sex=male",
 * "when (hour_cycle, sine)", "age (missing)". Caller frees. */
char *encoder_input_name(const struct encoder *e, size_t feature, size_t i);
/* Numeric feature: training statistics (for forms and reports). */
void encoder_feature_stats(const struct encoder *e, size_t feature, double *mean, double *std,
                           double *min, double *max);
bool encoder_is_classes(const struct encoder *e);
size_t encoder_n_classes(const struct encoder *e); /* 0 for numbers */
const char *encoder_class_name(const struct encoder *e, size_t class_index);
/* The class of that text, or -1; numbers compare by value ("3" is "3.0"). */
ptrdiff_t encoder_class_find(const struct encoder *e, const char *text);
size_t encoder_n_targets(const struct encoder *e);
const char *encoder_target_name(const struct encoder *e, size_t target);

/* The choices it was fitted with. */
const struct encoder_plan *encoder_plan_of(const struct encoder *e);
const struct encoder_plan *encoder_feature_plan(const struct encoder *e, size_t feature);
enum encoder_numeric encoder_target_of(const struct encoder *e);
/* A column that every row must have beside its features, in evaluation and prediction too, and
 * that is added to the last layer's sum; and one that says how much a row counts, where there
 * is truth. NULL: none. */
const char *encoder_offset(const struct encoder *e);
const char *encoder_weight(const struct encoder *e);
/* Another weight column (NULL: none), before anybody else sees the encoder: weights are a job's,
 * and a job may start from another's encoder. */
void encoder_set_weight(struct encoder *e, const char *column);
/* What 0 becomes in a numeric input of ENCODER_TOGETHER and ENCODER_NONE. */
double encoder_zero(const struct encoder *e);

/* ---- rows of a dataset ------------------------------------------------------- */

/* Columns are found by name, so `ds` may be another table than the one fitted on; check
 * first that it has them with the same types (pointers "/<column>"). */
int encoder_check_dataset(const struct encoder *e, const struct dataset *ds, bool with_target,
                          struct err *err) MUST_CHECK;

/* The dataset as a view (dataset_view.h) in which it has the types that the encoder's job asked
 * for; dataset_view_end. Comes before encoder_check_dataset. */
int encoder_view_dataset(const struct encoder *e, const struct dataset **ds,
                         struct err *err) MUST_CHECK;

/* x (n_rows, n_inputs) for the given rows of ds. */
int encoder_encode_rows(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                        size_t n_rows, float *x, struct err *err) MUST_CHECK;
/* Classes: labels (n_rows). An unknown class or a missing target is an error with its row. */
int encoder_encode_labels(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                          size_t n_rows, uint32_t *labels, struct err *err) MUST_CHECK;
/* Numbers: y (n_rows, n_targets), standardised as the encoder says. */
int encoder_encode_targets(const struct encoder *e, const struct dataset *ds, const uint64_t *rows,
                           size_t n_rows, float *y, struct err *err) MUST_CHECK;

/* Numbers of the column `name`, which the dataset has, divided by `scale`: offsets, weights. A
 * missing one, or one that no float32 holds, is an error with its row. */
int encoder_read_column(const struct dataset *ds, const char *name, const uint64_t *rows,
                        size_t n_rows, double scale, float *out, struct err *err) MUST_CHECK;

/* ---- one row from a client --------------------------------------------------- */

/* A client's cell: a number, a text, or missing (neither). A text for a numeric feature is
 * taken when it is a plain number; a number for a categorical feature is its shortest text
 * ("3" for 3 and 3.0). What stood for "no value" in the table that was fitted does so here, whether
 * `missing` is set or not. */
struct encoder_cell {
    bool missing;
    const char *text; /* NULL: `number` holds the value */
    double number;
    bool told; /* what is wrong with it has been said; the row is refused, the others looked at */
};
/* Whether there is no value in a cell; `number`: of a column of numbers. */
bool encoder_is_missing(const struct encoder *e, const struct encoder_cell *cell, bool number);
/* cells [n_features] in feature order -> x (n_inputs). `pointer` prefixes the pointers of
 * errors ("/instances/3" -> "/instances/3/petal_width"); all problems at once. */
int encoder_encode_cells(const struct encoder *e, const struct encoder_cell *cells,
                         const char *pointer, float *x, struct err *err) MUST_CHECK;

/* From the target's own units to the network's scale; false when there is no such float32. */
bool encoder_encode_target(const struct encoder *e, size_t target, double value,
                           float *out) MUST_CHECK;
/* A number target's cell: false where it is none. Words for true and false are 1 and 0 where the
 * table had a boolean. */
bool encoder_target_number(const struct encoder *e, size_t target, const struct encoder_cell *cell,
                           double *value) MUST_CHECK;
/* From the network's scale to the target's own units. */
double encoder_decode_target(const struct encoder *e, size_t target, double y);
/* Standard deviation that the target, or its log1p, was divided by (1 without standardisation). */
double encoder_target_scale(const struct encoder *e, size_t target);

/* ---- stored form ------------------------------------------------------------- */

/* JSON text that reads back equal (17 digits); caller frees. */
char *encoder_to_json(const struct encoder *e);
int encoder_from_json(const char *json, size_t len, struct encoder **out,
                      struct err *err) MUST_CHECK;

#endif
