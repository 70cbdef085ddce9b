/* The choices of a plan by name, and plans as values; see encoder_plan.h. Any thread. */
#include "data/encoder_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *const encoder_numeric_names[] = {[ENCODER_STANDARDIZE] = "standardize",
                                             [ENCODER_NONE] = "none",
                                             [ENCODER_LOG1P] = "log1p",
                                             [ENCODER_TOGETHER] = "standardize_together",
                                             [ENCODER_AUTO] = "auto",
                                             [ENCODER_MINMAX] = "minmax",
                                             [ENCODER_ROBUST] = "robust",
                                             [ENCODER_QUANTILE] = "quantile",
                                             [ENCODER_PIECEWISE] = "piecewise",
                                             [ENCODER_LEVELS] = "one_hot",
                                             NULL};

const char *const encoder_missing_names[] = {
    [ENCODER_MEAN] = "mean",         [ENCODER_ERROR] = "error",
    [ENCODER_MEDIAN] = "median",     [ENCODER_MOST_FREQUENT] = "most_frequent",
    [ENCODER_DROP_ROW] = "drop_row", NULL};

const char *const encoder_categorical_names[] = {
    [ENCODER_ONE_HOT] = "one_hot", [ENCODER_CATEGORICAL_AUTO] = "auto",
    [ENCODER_ORDINAL] = "ordinal", [ENCODER_EMBEDDING] = "embedding",
    [ENCODER_HASHING] = "hashing", NULL};

const char *const encoder_unseen_names[] = {
    [ENCODER_ZEROS] = "zeros", [ENCODER_OTHER] = "other", [ENCODER_UNSEEN_ERROR] = "error", NULL};

const char *const encoder_time_names[] = {[ENCODER_YEAR] = "year",
                                          [ENCODER_MONTH] = "month",
                                          [ENCODER_DAY] = "day",
                                          [ENCODER_WEEKDAY] = "weekday",
                                          [ENCODER_HOUR] = "hour",
                                          [ENCODER_MINUTE] = "minute",
                                          [ENCODER_YEAR_DAY] = "year_day",
                                          [ENCODER_SECONDS] = "seconds",
                                          [ENCODER_MONTH_CYCLE] = "month_cycle",
                                          [ENCODER_WEEKDAY_CYCLE] = "weekday_cycle",
                                          [ENCODER_HOUR_CYCLE] = "hour_cycle",
                                          [ENCODER_YEAR_CYCLE] = "year_cycle",
                                          NULL};

void encoder_plan_copy(struct encoder_plan *to, const struct encoder_plan *from)
{
    *to = *from;
    to->constant = from->constant != NULL ? xstrdup(from->constant) : NULL;
}

void encoder_plan_fini(struct encoder_plan *plan)
{
    free(plan->constant);
    *plan = (struct encoder_plan){.constant = NULL};
}

bool encoder_plan_equal(const struct encoder_plan *a, const struct encoder_plan *b)
{
    return a->numeric == b->numeric && a->missing == b->missing && a->indicator == b->indicator &&
           a->categorical == b->categorical && a->width == b->width &&
           a->min_count == b->min_count && a->buckets == b->buckets && a->unseen == b->unseen &&
           a->times == b->times && (a->constant == NULL) == (b->constant == NULL) &&
           (a->constant == NULL || strcmp(a->constant, b->constant) == 0);
}

bool encoder_plan_strict(const struct encoder_plan *plan)
{
    return plan->missing == ENCODER_ERROR || plan->missing == ENCODER_DROP_ROW;
}

bool encoder_plan_indicates(const struct encoder_plan *plan)
{
    return plan->indicator == ENCODER_INDICATOR_ON ||
           (plan->indicator == ENCODER_INDICATOR_AUTO &&
            (plan->numeric == ENCODER_AUTO || plan->numeric == ENCODER_PIECEWISE ||
             plan->numeric == ENCODER_LEVELS));
}

size_t encoder_usual_width(size_t levels)
{
    double width = floor(1.6 * pow((double)levels, 0.56) + 0.5);

    return width < 1.0 ? 1 : width > 16.0 ? 16 : (size_t)width;
}
