/* What the tests of metrics share. */
#ifndef METRICS_HELP_H
#define METRICS_HELP_H

#include "mlp_help.h"

#define METRICS_TOLERANCE 1e-9 /* relative; of values under 1 absolute */

static inline enum mlp_metric metric(const char *name)
{
    enum mlp_metric which;

    ck_assert_msg(mlp_metric_parse(name, &which), "no metric %s", name);
    return which;
}

static inline double compute(const struct mlp_metric_input *in, const char *name)
{
    double value = 12345;

    ck_assert_int_eq(mlp_metric_compute(in, metric(name), &value), MLP_OK);
    return value;
}

static inline void check_value(double got, double want, const char *of, const char *name)
{
    if (isnan(want)) {
        ck_assert_msg(isnan(got), "%s: %s is %.17g, not NaN", of, name, got);
    } else {
        ck_assert_msg(fabs(got - want) <= METRICS_TOLERANCE * fmax(1, fabs(want)),
                      "%s: %s is %.17g, not %.17g", of, name, got, want);
    }
}

#endif
