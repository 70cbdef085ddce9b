/* The arithmetic of a numeric feature, the same for rows of a table and for cells of a client:
 * one function each, so that both give the same bits. For encoder*.c only.
 *
 * A value is (value - center) / spread, after log1p where the feature has it, and then:
 *   FORM_LINEAR  as it is
 *   FORM_SOFT    z / sqrt(1 + (z / 3)^2): never beyond +-3
 *   FORM_SIGN    cut to [-1, 1]
 *   FORM_NORMAL  instead: the normal deviate of its place among the quantiles
 *   FORM_LEVELS  instead: 1 in the input of its value, if training had that, 0 in the others
 * A piecewise-linear code follows where the feature has edges: bin t is (v - e_t) /
 * (e_t+1 - e_t) between 0 and 1, the first bin down to -3, the last up to 4, each less its mean
 * over the training rows.
 */
#ifndef MLPD_DATA_ENCODER_NUMBER_H
#define MLPD_DATA_ENCODER_NUMBER_H

#include "data/encoder_priv.h"

/* Numbers that are present or filled in, values[n] -> out[n]; values are overwritten. Returns
 * whether all of them are finite: what no float32 holds, or has no logarithm, is not. */
bool encoder_form_numbers(const struct encoder_feature *f, double *values, size_t n,
                          float *out) MUST_CHECK;
/* The code of one value into out[n_edges - 1]. */
void encoder_code_number(const struct encoder_feature *f, double value, float *out);
/* FORM_LEVELS: one value into out[n_table]. */
void encoder_level_number(const struct encoder_feature *f, double value, float *out);
/* The code of one bin, not centred. */
double encoder_bin_code(const double *edges, size_t n_edges, size_t bin, double value);

/* The quantile number / of of sorted values (n > 0), linear between two of them. */
double encoder_quantile(const double *sorted, size_t n, size_t number, size_t of);
/* The inverse of the normal distribution function, 0 < p < 1, to 1e-15. */
double encoder_normal_deviate(double p);

#endif
