/* A curve in a few numbers, for a drawing the size of a word: of the epochs every stride-th from
 * the first on, the stride doubling whenever they become too many, and the last one. What it holds
 * depends on the values alone, not on when they came. No locks: copied like the struct it is in. */
#ifndef MLPD_JOBS_SPARK_H
#define MLPD_JOBS_SPARK_H

#include <jansson.h>

#include "base/base.h"

#define SPARK_MOST 32 /* numbers, the last one among them */

struct spark {        /* zeros: empty */
    size_t n, stride; /* stride 0 is 1 */
    size_t epochs;    /* seen so far */
    double values[SPARK_MOST - 1], last;
};

/* The next epoch's value. */
void spark_add(struct spark *s, double value);
/* All of it in order into out[SPARK_MOST], with six digits; how many. */
size_t spark_values(const struct spark *s, double *out);

/* For a checkpoint's notes: {"stride", "epochs", "last", "values"}, and back; false: that is none.
 */
json_t *spark_to_json(const struct spark *s);
bool spark_from_json(const json_t *json, struct spark *out) MUST_CHECK;

#endif
