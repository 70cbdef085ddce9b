/* The arithmetic of a datetime: parts of the calendar, each standardised, and cycles, each a sine
 * and a cosine. The same for rows of a table and cells of a client. For encoder*.c only. */
#ifndef MLPD_DATA_ENCODER_PARTS_H
#define MLPD_DATA_ENCODER_PARTS_H

#include "data/encoder_priv.h"

static inline bool encoder_is_cycle(enum encoder_time part)
{
    return part >= ENCODER_MONTH_CYCLE;
}

/* A part of a time: a number, or of a cycle the angle. False when there is no such day. */
bool encoder_time_part(double seconds, enum encoder_time part, double *out) MUST_CHECK;
/* Inputs of all parts. */
size_t encoder_n_part_inputs(const struct encoder_feature *f);
/* The inputs of a time into out[width]; NaN: no value. False when there is no such day. */
bool encoder_put_time(const struct encoder_feature *f, double seconds, float *out) MUST_CHECK;

#endif
