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
    ENCODER_PIECEWISE,
    ENCODER_LEVELS /* "one_hot": numbers that are names of something */
};
enum encoder_missing {
    ENCODER_MEAN,
    ENCODER_ERROR,
    ENCODER_MEDIAN,
    ENCODER_MOST_FREQUENT,
    ENCODER_DROP_ROW,
    ENCODER_CONSTANT /* the plan's; no name, {"constant": v} */
};
enum encoder_categorical {
    ENCODER_ONE_HOT,
    ENCODER_CATEGORICAL_AUTO,
    ENCODER_ORDINAL,
    ENCODER_EMBEDDING,
    ENCODER_HASHING
};
enum encoder_unseen { ENCODER_ZEROS, ENCODER_OTHER, ENCODER_UNSEEN_ERROR };
enum encoder_time {
    ENCODER_YEAR,
    ENCODER_MONTH,
    ENCODER_DAY,
    ENCODER_WEEKDAY,
    ENCODER_HOUR,
    ENCODER_MINUTE,
    ENCODER_YEAR_DAY,
    ENCODER_SECONDS,     /* since 1970 */
    ENCODER_MONTH_CYCLE, /* cycles are two inputs, sine and cosine */
    ENCODER_WEEKDAY_CYCLE,
    ENCODER_HOUR_CYCLE,
    ENCODER_YEAR_CYCLE,
    ENCODER_TIMES
};
#define ENCODER_TIME_BIT(part) (1u << (part))
/* Where a plan says nothing: year, month, day, weekday, hour, and the cycles of the last but one,
 * of the day, of the year's months. */
#define ENCODER_USUAL_TIMES                                                                        \
    (ENCODER_TIME_BIT(ENCODER_YEAR) | ENCODER_TIME_BIT(ENCODER_MONTH) |                            \
     ENCODER_TIME_BIT(ENCODER_DAY) | ENCODER_TIME_BIT(ENCODER_WEEKDAY) |                           \
     ENCODER_TIME_BIT(ENCODER_HOUR) | ENCODER_TIME_BIT(ENCODER_MONTH_CYCLE) |                      \
     ENCODER_TIME_BIT(ENCODER_WEEKDAY_CYCLE) | ENCODER_TIME_BIT(ENCODER_HOUR_CYCLE))
#define ENCODER_MAX_ONE_HOT 256 /* "auto" embeds what has more levels in the whole table */
#define ENCODER_MAX_WIDTH   256 /* of an embedding */
#define ENCODER_USUAL_HASH  32  /* buckets */
#define ENCODER_MAX_HASH    65536
enum encoder_indicator { ENCODER_INDICATOR_AUTO, ENCODER_INDICATOR_OFF, ENCODER_INDICATOR_ON };

/* NULL-terminated, in the order of the enums. */
extern const char *const encoder_numeric_names[];
extern const char *const encoder_missing_names[]; /* but ENCODER_CONSTANT */
extern const char *const encoder_categorical_names[];
extern const char *const encoder_unseen_names[];
extern const char *const encoder_time_names[];

struct encoder_plan {
    enum encoder_numeric numeric;
    enum encoder_missing missing;
    char *constant; /* of ENCODER_CONSTANT: a number's shortest text, or a text; owned, or NULL */
    enum encoder_indicator indicator;
    enum encoder_categorical categorical;
    size_t width;     /* of an embedding; 0: by its levels, see encoder_usual_width */
    size_t min_count; /* rarer texts are one level; 0, 1: none are */
    size_t buckets;   /* of ENCODER_HASHING; 0: ENCODER_USUAL_HASH */
    enum encoder_unseen unseen;
    unsigned times; /* bits of enum encoder_time; 0: ENCODER_USUAL_TIMES */
};

/* `to` gets a copy of its own; what it held is not looked at. */
void encoder_plan_copy(struct encoder_plan *to, const struct encoder_plan *from);
void encoder_plan_fini(struct encoder_plan *plan);
bool encoder_plan_equal(const struct encoder_plan *a, const struct encoder_plan *b);
/* Whether numbers that are missing in training get an input that says so. */
bool encoder_plan_indicates(const struct encoder_plan *plan);
/* min(16, 1.6 levels^0.56), rounded: how wide an embedding of so many levels is. */
size_t encoder_usual_width(size_t levels);
/* Whether a missing cell is an error in a prediction. */
bool encoder_plan_strict(const struct encoder_plan *plan);

#endif
