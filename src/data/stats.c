/* Moments and distinct values of a column; see stats.h.
 *
 * Pure arithmetic on the caller's thread, no state of its own. The sums run in four lanes
 * with a fixed end, so the result does not depend on what the compiler vectorises.
 */
#include "data/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 4

void stats_init(struct stats *s)
{
    *s = (struct stats){.min = NAN, .max = NAN};
}

/* 0 for everyday magnitudes, so that those are never scaled. */
static int unit_for(double magnitude)
{
    int e = magnitude > 0.0 ? ilogb(magnitude) : 0;

    if (e >= -400 && e <= 400) {
        return 0;
    }
    return e < -1000 ? -1000 : e; /* 2^-unit must stay a number */
}

static void set_unit(struct stats *s, int unit)
{
    if (unit != s->unit) {
        s->mean = ldexp(s->mean, s->unit - unit);
        s->m2 = ldexp(s->m2, 2 * (s->unit - unit));
        s->unit = unit;
    }
}

static double block_mean(const double *v, size_t n, double scale)
{
    double sum[LANES] = {0.0};
    size_t i = 0, k;

    /* Divided before it is added up: a block of the largest doubles must not overflow. */
    for (; i + LANES <= n; i += LANES) {
        for (k = 0; k < LANES; k++) {
            sum[k] += v[i + k] * scale;
        }
    }
    for (; i < n; i++) {
        sum[0] += v[i] * scale;
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) / (double)n;
}

/* The squared distances from *mean, which is sharpened on the way. */
static double block_m2(const double *v, size_t n, double scale, double *mean)
{
    double square[LANES] = {0.0}, rest[LANES] = {0.0}, off;
    size_t i = 0, k;

    for (; i + LANES <= n; i += LANES) {
        for (k = 0; k < LANES; k++) {
            double d = v[i + k] * scale - *mean;

            square[k] += d * d;
            rest[k] += d;
        }
    }
    for (; i < n; i++) {
        double d = v[i] * scale - *mean;

        square[0] += d * d;
        rest[0] += d;
    }
    off = ((rest[0] + rest[1]) + (rest[2] + rest[3])) / (double)n;
    *mean += off;
    return (square[0] + square[1]) + (square[2] + square[3]) - off * off * (double)n;
}

void stats_add(struct stats *s, const double *values, size_t n)
{
    double mean, m2, delta, share, scale, min, max;
    size_t i;

    if (n == 0) {
        return;
    }
    min = max = values[0];
    for (i = 1; i < n; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    s->min = s->n == 0 || min < s->min ? min : s->min;
    s->max = s->n == 0 || max > s->max ? max : s->max;
    set_unit(s, unit_for(fmax(fabs(s->min), fabs(s->max))));
    scale = ldexp(1.0, -s->unit);
    mean = block_mean(values, n, scale);
    m2 = block_m2(values, n, scale, &mean);
    m2 = m2 > 0.0 ? m2 : 0.0;
    delta = mean - s->mean;
    share = (double)n / ((double)s->n + (double)n);
    s->m2 += m2 + delta * delta * ((double)s->n * share);
    s->mean += delta * share;
    s->n += n;
}

double stats_mean(const struct stats *s)
{
    double mean;

    if (s->n == 0) {
        return NAN;
    }
    mean = ldexp(s->mean, s->unit);
    /* Rounding may carry the mean of equal values just outside of them. */
    return mean < s->min ? s->min : mean > s->max ? s->max : mean;
}

double stats_std(const struct stats *s)
{
    if (s->n == 0) {
        return NAN;
    }
    return s->min == s->max ? 0.0 : ldexp(sqrt(s->m2 / (double)s->n), s->unit);
}

void distinct_init(struct distinct *d, size_t limit)
{
    *d = (struct distinct){.limit = limit};
}

/* The first place whose value is not below `value`. */
static size_t lower_bound(const double *values, size_t n, double value)
{
    size_t low = 0;

    while (n > 0) {
        size_t half = n / 2;

        if (values[low + half] < value) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

int distinct_add(struct distinct *d, const double *values, size_t n)
{
    size_t i, at = 0;

    for (i = 0; i < n && !d->over; i++) {
        double value = values[i] + 0.0; /* -0 becomes 0 */

        if (at < d->n && d->values[at] == value) {
            continue; /* columns are often runs of one value */
        }
        at = lower_bound(d->values, d->n, value);
        if (at < d->n && d->values[at] == value) {
            continue;
        }
        if (d->n == d->capacity) {
            size_t capacity = d->capacity != 0 ? 2 * d->capacity : 8;
            double *grown = realloc(d->values, capacity * sizeof *grown);

            if (grown == NULL) {
                return -1;
            }
            d->values = grown;
            d->capacity = capacity;
        }
        memmove(d->values + at + 1, d->values + at, (d->n - at) * sizeof *d->values);
        d->values[at] = value;
        d->n++;
        d->over = d->n > d->limit;
    }
    return 0;
}

ptrdiff_t distinct_find(const double *values, size_t n, double value)
{
    size_t at = lower_bound(values, n, value);

    return at < n && values[at] == value ? (ptrdiff_t)at : -1;
}

void distinct_fini(struct distinct *d)
{
    free(d->values);
    *d = (struct distinct){.values = NULL};
}
