/* Fitting a feature of numbers (and what datetimes share with it): its moments, its quantiles where
 * it wants them, and what follows from the plan; see encoder.h. One column at a time: a pass over
 * the training rows, and for quantiles a sorted sample of at most ENCODER_MAX_SAMPLE values.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"
#include "data/encoder_fit.h"
#include "data/encoder_number.h"

#define MAX_TABLE  256 /* quantiles that are stored */
#define MAX_LEVELS ENCODER_MAX_ONE_HOT

/* ---- sorting ----------------------------------------------------------------- */

/* Doubles as integers of the same order. */
static uint64_t key_of(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

/* By bytes from the lowest, skipping those that all have in common: linear in n, and columns
 * of small integers take two or three passes. Neither NaN nor -0. */
static void sort_numbers(double *values, double *scratch, size_t n)
{
    size_t counts[8][256] = {{0}}, i;
    double *from = values, *to = scratch, *turn;
    int byte, k;

    for (i = 0; i < n; i++) {
        uint64_t key = key_of(values[i]);

        for (byte = 0; byte < 8; byte++) {
            counts[byte][key >> (8 * byte) & 0xff]++;
        }
    }
    for (byte = 0; byte < 8 && n > 0; byte++) {
        size_t at[256], sum = 0;

        if (counts[byte][key_of(from[0]) >> (8 * byte) & 0xff] == n) {
            continue;
        }
        for (k = 0; k < 256; k++) {
            at[k] = sum;
            sum += counts[byte][k];
        }
        for (i = 0; i < n; i++) {
            to[at[key_of(from[i]) >> (8 * byte) & 0xff]++] = from[i];
        }
        turn = from;
        from = to;
        to = turn;
    }
    if (from != values) {
        memcpy(values, from, n * sizeof *values);
    }
}

/* The value of the longest run; of equally long ones the lowest. */
static double most_frequent(const double *sorted, size_t n)
{
    size_t best = 0, longest = 0, begin = 0, i;

    for (i = 1; i <= n; i++) {
        if (i == n || sorted[i] > sorted[begin]) {
            if (i - begin > longest) {
                longest = i - begin;
                best = begin;
            }
            begin = i;
        }
    }
    return sorted[best];
}

double encoder_sample_median(const struct scan *scan)
{
    return encoder_quantile(scan->sample, scan->n_sample, 1, 2);
}

double encoder_sample_mode(const struct scan *scan)
{
    return most_frequent(scan->sample, scan->n_sample);
}

/* ---- piecewise-linear codes -------------------------------------------------- */

/* The mean of a bin's code over the sorted values: those below are 0 (or down to -3), those
 * above 1. */
static double bin_mean(const struct encoder_feature *f, size_t bin, const double *sorted, size_t n,
                       size_t *first)
{
    double sum = 0.0;
    size_t i = *first;

    while (i < n && (sorted[i] < f->edges[bin + 1] || bin + 2 == f->n_edges)) {
        sum += encoder_bin_code(f->edges, f->n_edges, bin, sorted[i]);
        i++;
    }
    *first = i;
    return (sum + (double)(n - i)) / (double)n;
}

static int fit_codes(const struct fit *fit, struct encoder_feature *f, const double *sorted,
                     size_t n, struct err *err)
{
    size_t bins = encoder_n_bins(fit->n_rows), first = 0, i;

    f->edges = mem_try_alloc(bins + 1, sizeof *f->edges);
    f->bin_means = mem_try_alloc(bins, sizeof *f->bin_means);
    if (f->edges == NULL || f->bin_means == NULL) {
        return encoder_fit_no_memory(err);
    }
    for (i = 0; i <= bins; i++) {
        double edge = i == 0      ? f->min /* of all rows, where there is only a sample of them */
                      : i == bins ? f->max
                                  : encoder_quantile(sorted, n, i, bins);

        if (f->n_edges == 0 || edge > f->edges[f->n_edges - 1]) {
            f->edges[f->n_edges++] = edge;
        }
    }
    for (i = 0; i + 1 < f->n_edges; i++) {
        f->bin_means[i] = bin_mean(f, i, sorted, n, &first);
    }
    return 0;
}

/* ---- forms ------------------------------------------------------------------- */

static void scale(struct encoder_feature *f, enum encoder_form form, double center, double spread)
{
    f->form = form;
    f->center = center;
    f->spread = isfinite(spread) ? spread : DBL_MAX;
}

static int fit_table(struct encoder_feature *f, const double *sorted, size_t n, struct err *err)
{
    size_t i;

    f->n_table = n < MAX_TABLE ? n : MAX_TABLE;
    f->table = mem_try_alloc(f->n_table, sizeof *f->table);
    if (f->table == NULL) {
        return encoder_fit_no_memory(err);
    }
    for (i = 0; i < f->n_table; i++) {
        f->table[i] = encoder_quantile(sorted, n, i, f->n_table - 1);
    }
    f->table[0] = f->min;
    f->table[f->n_table - 1] = f->max;
    f->form = FORM_NORMAL;
    return 0;
}

/* One input a value; the mean of numbers that are names means nothing, so no value has none. */
static int fit_levels(struct fit *fit, struct encoder_feature *f, const struct distinct *values,
                      struct err *err)
{
    if (values->over) {
        fit->bad = true;
        return err_add_cell(err, 0, 0, f->name,
                            "column \"%s\" has more than %d different numbers, too many for "
                            "one_hot: send it as texts (types=...:categorical), which may be "
                            "embedded",
                            f->name, MAX_LEVELS);
    }
    f->table = mem_try_alloc(values->n, sizeof *f->table);
    if (f->table == NULL) {
        return encoder_fit_no_memory(err);
    }
    memcpy(f->table, values->values, values->n * sizeof *f->table);
    f->n_table = values->n;
    f->form = FORM_LEVELS;
    f->value = false;
    return 0;
}

static void fit_robust(struct encoder_feature *f, const double *sorted, size_t n)
{
    double range = encoder_quantile(sorted, n, 3, 4) - encoder_quantile(sorted, n, 1, 4);

    /* Half of the column is one value: the rest of it would be infinitely far away. */
    range = range > ENCODER_ROUNDING * fabs(f->mean) ? range : f->max / 2.0 - f->min / 2.0;
    scale(f, FORM_SOFT, encoder_quantile(sorted, n, 1, 2), range);
}

/* The plan's form of a column that is not constant. */
static int fit_form(struct fit *fit, struct encoder_feature *f, const struct scan *scan,
                    struct err *err)
{
    double low = f->min, high = f->max;

    switch (f->plan.numeric) {
    case ENCODER_STANDARDIZE:
        scale(f, FORM_LINEAR, f->mean, f->std);
        return 0;
    case ENCODER_NONE:
    case ENCODER_TOGETHER: /* encoder_fit_together comes later */
        scale(f, FORM_LINEAR, 0.0, 1.0);
        return 0;
    case ENCODER_LOG1P:
        f->log = true;
        scale(f, FORM_LINEAR, stats_mean(scan->logs), stats_std(scan->logs));
        return 0;
    case ENCODER_MINMAX:
        scale(f, FORM_LINEAR, low, high - low);
        return 0;
    case ENCODER_ROBUST:
        fit_robust(f, scan->sample, scan->n_sample);
        return 0;
    case ENCODER_QUANTILE:
        return fit_table(f, scan->sample, scan->n_sample, err);
    case ENCODER_LEVELS:
        return fit_levels(fit, f, scan->distinct, err);
    case ENCODER_AUTO:
    case ENCODER_PIECEWISE:
        if (!scan->distinct->over) {
            scale(f, FORM_SIGN, low / 2.0 + high / 2.0, high / 2.0 - low / 2.0);
            return 0;
        }
        scale(f, FORM_SOFT, f->mean, f->std);
        return fit->codes || f->plan.numeric == ENCODER_PIECEWISE
                   ? fit_codes(fit, f, scan->sample, scan->n_sample, err)
                   : 0;
    }
    return 0;
}

/* What stands in for no value. */
static int fit_fill(struct fit *fit, struct encoder_feature *f, const struct scan *scan,
                    struct err *err)
{
    const char *constant = f->plan.constant;

    f->fill = f->form == FORM_LEVELS ? fmin(f->max + fmax(1.0, fabs(f->max)), DBL_MAX) : f->mean;
    switch (f->plan.missing) {
    case ENCODER_MEDIAN:
        f->fill = encoder_sample_median(scan);
        break;
    case ENCODER_MOST_FREQUENT:
        f->fill = encoder_sample_mode(scan);
        break;
    case ENCODER_CONSTANT:
        if (!cell_number(constant, strlen(constant), &f->fill)) {
            fit->bad = true;
            return err_add_cell(err, 0, 0, f->name,
                                "column \"%s\" is numeric: \"%s\" cannot stand in for a missing "
                                "number",
                                f->name, constant);
        }
        if (f->log && !(f->fill > -1.0)) {
            fit->bad = true;
            return err_add_cell(err, 0, 0, f->name,
                                "column \"%s\": the constant %s has no log1p, it must be above -1",
                                f->name, constant);
        }
        break;
    default:
        break;
    }
    return 0;
}

/* ---- the whole --------------------------------------------------------------- */

/* Room for a sample, when the plan looks at quantiles. */
static int prepare_sample(struct fit *fit, const struct encoder_plan *plan, bool is_number,
                          struct scan *scan, struct err *err)
{
    bool wants = plan->missing == ENCODER_MEDIAN || plan->missing == ENCODER_MOST_FREQUENT;

    if (is_number) {
        wants = wants || plan->numeric == ENCODER_ROBUST || plan->numeric == ENCODER_QUANTILE ||
                plan->numeric == ENCODER_PIECEWISE || (plan->numeric == ENCODER_AUTO && fit->codes);
    }
    if (!wants) {
        return 0;
    }
    scan->stride = (fit->n_rows - 1) / ENCODER_MAX_SAMPLE + 1;
    if (fit->sample == NULL) {
        size_t room = (fit->n_rows - 1) / scan->stride + 1;

        fit->sample = mem_try_alloc(room, sizeof *fit->sample);
        fit->scratch = mem_try_alloc(room, sizeof *fit->scratch);
        if (fit->sample == NULL || fit->scratch == NULL) {
            return encoder_fit_no_memory(err);
        }
    }
    scan->sample = fit->sample;
    return 0;
}

/* The stats are there; the plan's inputs. */
static int fit_inputs(struct fit *fit, struct encoder_feature *f, const struct scan *scan,
                      struct err *err)
{
    bool as_is = f->plan.numeric == ENCODER_NONE || f->plan.numeric == ENCODER_TOGETHER;

    f->value = as_is || f->std > ENCODER_ROUNDING * fabs(f->mean);
    f->indicator = scan->missing_row != NO_ROW && encoder_plan_indicates(&f->plan);
    f->used = f->value || f->indicator;
    if (!f->used) {
        encoder_fit_name(&fit->constant, &fit->n_constant, f->name);
        return 0;
    }
    if (f->value) {
        if (f->plan.numeric == ENCODER_LOG1P && scan->log_row != NO_ROW) {
            return encoder_no_log(fit, scan->log_row, "column", f->name, err);
        }
        if (fit_form(fit, f, scan, err) != 0) {
            return -1;
        }
    }
    return fit_fill(fit, f, scan, err);
}

int encoder_fit_number(struct fit *fit, struct encoder_feature *f, size_t column,
                       uint64_t *missing_row, double *count, struct err *err)
{
    bool is_number = f->type == COLUMN_NUMERIC;
    bool is_auto = f->plan.numeric == ENCODER_AUTO || f->plan.numeric == ENCODER_PIECEWISE;
    bool has_levels = f->plan.numeric == ENCODER_LEVELS;
    struct stats stats, logs;
    struct distinct values;
    struct scan scan = {.stats = &stats,
                        .logs = is_number && f->plan.numeric == ENCODER_LOG1P ? &logs : NULL,
                        .distinct = is_number && (is_auto || has_levels) ? &values : NULL};
    int rc;

    stats_init(&stats);
    stats_init(&logs);
    distinct_init(&values, has_levels ? MAX_LEVELS : 2);
    rc = prepare_sample(fit, &f->plan, is_number, &scan, err);
    if (rc == 0) {
        rc = encoder_scan_numbers(fit, column, &scan, err);
    }
    if (rc == 0) {
        f->mean = f->fill = stats_mean(&stats);
        f->std = stats_std(&stats);
        f->min = stats.min;
        f->max = stats.max;
        f->center = 0.0;
        f->spread = 1.0;
        *count = (double)stats.n;
        *missing_row = scan.missing_row;
        if (stats.n == 0) {
            encoder_fit_name(&fit->empty, &fit->n_empty, f->name);
        } else {
            if (scan.sample != NULL) {
                sort_numbers(scan.sample, fit->scratch, scan.n_sample);
            }
            rc = is_number ? fit_inputs(fit, f, &scan, err)
                           : encoder_fit_time(fit, f, column, &scan, err);
        }
    }
    distinct_fini(&values);
    return rc != 0 && err->code != ERR_INVALID ? -1
                                               : 0; /* what is the data's fault is in fit->bad */
}

static bool is_together(const struct encoder_feature *f)
{
    return f->type == COLUMN_NUMERIC && f->plan.numeric == ENCODER_TOGETHER;
}

void encoder_fit_together(struct fit *fit, const double *counts)
{
    struct encoder *e = fit->e;
    double n = 0, mean = 0, square = 0, std;
    size_t i;

    for (i = 0; i < e->n_features; i++) {
        if (counts[i] > 0 && is_together(&e->features[i])) {
            n += counts[i];
            mean += counts[i] * e->features[i].mean;
        }
    }
    mean = n > 0 ? mean / n : 0;
    for (i = 0; i < e->n_features; i++) {
        const struct encoder_feature *f = &e->features[i];
        double away = f->mean - mean;

        if (counts[i] > 0 && is_together(f)) {
            square += counts[i] * (f->std * f->std + away * away);
        }
    }
    std = n > 0 ? sqrt(square / n) : 1;
    for (i = 0; i < e->n_features; i++) {
        struct encoder_feature *f = &e->features[i];

        if (!(counts[i] > 0) || !is_together(f)) {
            continue;
        }
        if (std > ENCODER_ROUNDING * fabs(mean)) {
            scale(f, FORM_LINEAR, mean, std);
        } else {
            encoder_fit_name(&fit->constant, &fit->n_constant, f->name);
            f->used = false;
        }
    }
}
