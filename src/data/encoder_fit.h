/* Between the files that fit an encoder; for encoder_fit*.c only.
 *
 *   encoder_fit.c         all of it, and reading training rows
 *   encoder_fit_number.c  features of numbers
 *   encoder_fit_time.c    and of datetimes
 *   encoder_fit_level.c   and of texts
 *   encoder_fit_target.c  targets
 *   encoder_estimate.c    how wide it can become
 */
#ifndef MLPD_DATA_ENCODER_FIT_H
#define MLPD_DATA_ENCODER_FIT_H

#include "base/buf.h"
#include "data/encoder_priv.h"
#include "data/stats.h"

#define ENCODER_MAX_NAMED 20    /* columns named in one warning */
#define ENCODER_ROUNDING  1e-13 /* a std below this share of the mean is rounding, no information  \
                                 */

struct fit {
    const struct dataset *ds;
    const struct encoder_options *options;
    const uint64_t *rows;
    size_t n_rows;
    struct encoder *e;
    bool codes;                            /* "auto" has piecewise-linear codes */
    double *numbers;                       /* [DATASET_GROUP] */
    uint32_t *texts;                       /* [DATASET_GROUP] */
    double *sample, *scratch;              /* of quantiles; NULL until needed */
    struct buf constant, empty, free_text; /* names for the warnings */
    size_t n_constant, n_empty, n_free_text;
    bool bad; /* a problem of the user's is in err */
};

/* What one pass over the training rows of a column finds. */
struct scan {
    /* in; NULL: not wanted */
    struct stats *stats, *logs; /* of the values, of their log1p */
    struct distinct *distinct;
    double *sample; /* every stride-th row's value */
    size_t stride;
    /* out */
    size_t n_sample;
    uint64_t missing_row, log_row; /* first without a value, first without a logarithm; or NO_ROW */
};
#define NO_ROW UINT64_MAX

int encoder_fit_no_memory(struct err *err);
int encoder_scan_numbers(struct fit *fit, size_t column, struct scan *scan, struct err *err);
/* The same for texts: the sorted ones that occur. Texts are the caller's on success. */
int encoder_scan_texts(struct fit *fit, size_t column, size_t *n_texts, char ***texts,
                       uint64_t *missing_row, struct err *err);
/* A cell that must have a value has none; returns -1. */
int encoder_missing_cell(struct fit *fit, uint64_t row, const char *what, const char *name,
                         struct err *err);
/* A number without a logarithm; returns -1. */
int encoder_no_log(struct fit *fit, uint64_t row, const char *what, const char *name,
                   struct err *err);

/* ---- encoder_fit_level.c ---- */
int encoder_fit_text(struct fit *fit, struct encoder_feature *f, size_t column,
                     uint64_t *missing_row, struct err *err) MUST_CHECK;

/* ---- encoder_fit_time.c ---- */
/* The column's missing cells, moments and, for a median or mode, its sample are in `scan`. */
int encoder_fit_time(struct fit *fit, struct encoder_feature *f, size_t column,
                     const struct scan *scan, struct err *err) MUST_CHECK;

/* ---- encoder_fit_number.c: numbers and datetimes ---- */
/* Of a sorted sample with values. */
double encoder_sample_median(const struct scan *scan);
double encoder_sample_mode(const struct scan *scan);
int encoder_fit_number(struct fit *fit, struct encoder_feature *f, size_t column,
                       uint64_t *missing_row, double *count, struct err *err) MUST_CHECK;
/* One mean and std of all columns that are scaled together; counts[n_features] of their values. */
void encoder_fit_together(struct fit *fit, const double *counts);

/* ---- encoder_fit_target.c ---- */
int encoder_fit_target(struct fit *fit, size_t target, struct err *warnings,
                       struct err *err) MUST_CHECK;

/* ---- encoder_estimate.c ---- */
/* Whether "auto" gives codes: by the table, not by the training rows, so that it is known before.
 */
bool encoder_gives_codes(const struct dataset *ds, const struct encoder_options *options);
size_t encoder_n_bins(size_t n_rows);
/* What a column of texts becomes; false: free text, which is not used unless hashed. */
bool encoder_takes_texts(const struct dataset_column *c, const struct encoder_plan *plan,
                         enum encoder_levels *out);

static inline const struct encoder_plan *encoder_plan_for(const struct encoder_options *options,
                                                          size_t feature)
{
    return options->columns != NULL ? &options->columns[feature] : &options->plan;
}

static inline void encoder_fit_name(struct buf *list, size_t *n, const char *name)
{
    if ((*n)++ < ENCODER_MAX_NAMED) {
        buf_printf(list, "%s\"%s\"", *n > 1 ? ", " : "", name);
    }
}

#endif
