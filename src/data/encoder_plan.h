/* What is asked of a column: how its cells become inputs. A job has one plan for all columns and
 * may have others for some; a plan holds the choices for every type, and a column looks at those
 * of its own. docs/DATA.md says in words and formulas what each of them does.
 *
 * A plan of zeros is {"numeric": "standardize", "missing": "mean", "categorical": "one_hot"}.
 */
#ifndef MLPD_DATA_ENCODER_PLAN_H
#define MLPD_DATA_ENCODER_PLAN_H

#include "base/base.h"

/* The first three are for regression targets too. */
enum encoder_numeric {
    ENCODER_STANDARDIZE,
    ENCODER_NONE,
    ENCODER_LOG1P,
    ENCODER_TOGETHER,
    ENCODER_AUTO,
    ENCODER_MINMAX,
    ENCODER_ROBUST,
    ENCODER_QUANTILE,
    ENCODER_PIECEWISE
};
enum encoder_missing {
    ENCODER_MEAN,
    ENCODER_ERROR,
    ENCODER_MEDIAN,
    ENCODER_MOST_FREQUENT,
    ENCODER_DROP_ROW,
    ENCODER_CONSTANT /* the plan's; no name, {"constant": v} */
};
enum encoder_indicator { ENCODER_INDICATOR_AUTO, ENCODER_INDICATOR_OFF, ENCODER_INDICATOR_ON };

/* NULL-terminated, in the order of the enums. */
extern const char *const encoder_numeric_names[];
extern const char *const encoder_missing_names[]; /* but ENCODER_CONSTANT */

struct encoder_plan {
    enum encoder_numeric numeric;
    enum encoder_missing missing;
    char *constant; /* of ENCODER_CONSTANT: a number's shortest text, or a text; owned, or NULL */
    enum encoder_indicator indicator;
};

/* `to` gets a copy of its own; what it held is not looked at. */
void encoder_plan_copy(struct encoder_plan *to, const struct encoder_plan *from);
void encoder_plan_fini(struct encoder_plan *plan);
bool encoder_plan_equal(const struct encoder_plan *a, const struct encoder_plan *b);
/* Whether numbers that are missing in training get an input that says so. */
bool encoder_plan_indicates(const struct encoder_plan *plan);
/* Whether a missing cell is an error in a prediction. */
bool encoder_plan_strict(const struct encoder_plan *plan);

#endif
