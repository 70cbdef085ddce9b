/* Fitting a datetime: which parts of it vary over the training rows, and their means; see
 * encoder.h. Parts are computed block by block; a second pass is not needed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/datetime.h"
#include "data/encoder_fit.h"
#include "data/encoder_parts.h"

/* Add the parts of a block of n present times. */
static int add_parts(const double *times, size_t n, unsigned wanted, double *values,
                     struct stats stats[ENCODER_TIMES])
{
    enum encoder_time part;
    size_t i;

    for (part = 0; part < ENCODER_TIMES; part++) {
        if ((wanted & ENCODER_TIME_BIT(part)) == 0) {
            continue;
        }
        for (i = 0; i < n; i++) {
            if (!encoder_time_part(times[i], part, &values[i])) {
                return -1;
            }
        }
        stats_add(&stats[part], values, n);
    }
    return 0;
}

static int scan_parts(struct fit *fit, struct encoder_feature *f, size_t column, unsigned wanted,
                      struct stats stats[ENCODER_TIMES], struct err *err)
{
    double *values = mem_try_alloc(DATASET_GROUP, sizeof *values);
    size_t at, k, i, span;
    uint64_t first;
    int rc = 0;

    if (values == NULL) {
        return encoder_fit_no_memory(err);
    }
    for (at = 0; at < fit->n_rows && rc == 0; at += k) {
        size_t present = 0;

        k = encoder_block(fit->rows + at, fit->n_rows - at, &first, &span);
        rc = dataset_read_numbers(fit->ds, column, first, span, fit->numbers, err);
        for (i = 0; rc == 0 && i < k; i++) {
            double value = fit->numbers[fit->rows[at + i] - first];

            if (!isnan(value)) {
                fit->numbers[present++] = value; /* never ahead of what is read next */
            }
        }
        if (rc == 0 && add_parts(fit->numbers, present, wanted, values, stats) != 0) {
            fit->bad = true;
            rc = err_add_cell(err, 0, 0, f->name,
                              "column \"%s\" has times before year 1 or after 9999", f->name);
        }
    }
    free(values);
    return rc;
}

/* What stands in for no value: nothing (each part its mean), or a time. */
static int fit_fill(struct fit *fit, struct encoder_feature *f, const struct scan *scan,
                    struct err *err)
{
    const char *constant = f->plan.constant;

    f->fill = NAN;
    switch (f->plan.missing) {
    case ENCODER_MEDIAN:
        f->fill = encoder_sample_median(scan);
        return 0;
    case ENCODER_MOST_FREQUENT:
        f->fill = encoder_sample_mode(scan);
        return 0;
    case ENCODER_CONSTANT:
        if (datetime_parse(constant, strlen(constant), NULL, &f->fill) != DATETIME_OK) {
            fit->bad = true;
            return err_add_cell(err, 0, 0, f->name,
                                "column \"%s\" holds datetimes: \"%s\" cannot stand in for a "
                                "missing one",
                                f->name, constant);
        }
        return 0;
    default:
        return 0;
    }
}

int encoder_fit_time(struct fit *fit, struct encoder_feature *f, size_t column,
                     const struct scan *scan, struct err *err)
{
    unsigned wanted = f->plan.times != 0 ? f->plan.times : ENCODER_USUAL_TIMES;
    struct stats stats[ENCODER_TIMES];
    const char *format = dataset_column(fit->ds, column)->format;
    enum encoder_time part;

    f->format = format != NULL ? xstrdup(format) : NULL;
    for (part = 0; part < ENCODER_TIMES; part++) {
        stats_init(&stats[part]);
    }
    if (scan_parts(fit, f, column, wanted, stats, err) != 0 || fit_fill(fit, f, scan, err) != 0) {
        return -1;
    }
    f->parts = xcalloc(ENCODER_TIMES, sizeof *f->parts);
    for (part = 0; part < ENCODER_TIMES; part++) {
        const struct stats *s = &stats[part];

        if (s->n > 0 && stats_std(s) > ENCODER_ROUNDING * fabs(stats_mean(s))) {
            f->parts[f->n_parts++] =
                (struct encoder_part){.part = part,
                                      .mean = encoder_is_cycle(part) ? 0.0 : stats_mean(s),
                                      .std = encoder_is_cycle(part) ? 1.0 : stats_std(s)};
        }
    }
    f->indicator = scan->missing_row != NO_ROW && f->plan.indicator != ENCODER_INDICATOR_OFF;
    f->used = f->n_parts > 0 || f->indicator;
    if (!f->used) {
        encoder_fit_name(&fit->constant, &fit->n_constant, f->name);
    }
    return 0;
}
