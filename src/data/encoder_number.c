/* From a number to inputs; see encoder_number.h. Pure functions, any thread.
 *
 * The loops are plain enough to be vectorised; each operation is rounded as IEEE 754 says, so a
 * value's bits do not depend on whether it came in a block or alone.
 */
#include "data/encoder_number.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SOFT_LIMIT 3.0
#define FAR        1e6 /* beyond it the soft clip is its limit to the last bit of a float32 */
#define FIRST_CODE (-3.0)
#define LAST_CODE  4.0
#define TINY_P     1e-7 /* what lies outside of the quantiles: deviates of +-5.2 */

static inline double cut(double v, double low, double high)
{
    return v > low ? (v < high ? v : high) : low; /* NaN is low */
}

double encoder_quantile(const double *sorted, size_t n, size_t number, size_t of)
{
    /* The place (n - 1) number / of, without rounding. */
    size_t whole = (n - 1) / of * number + (n - 1) % of * number / of;
    size_t rest = (n - 1) % of * number % of;
    double a = sorted[whole], b, share;

    if (rest == 0) {
        return a;
    }
    b = sorted[whole + 1];
    share = (double)rest / (double)of;
    /* From the nearer end, so that equal neighbours give themselves. */
    return share < 0.5 ? a + (b - a) * share : b - (b - a) * (1.0 - share);
}

/* Wichura's AS 241, PPND16: rational approximations in three regions. */
double encoder_normal_deviate(double p)
{
    static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1.0,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    const double *top = a, *bottom = b;
    double q = p - 0.5, r, above, below, z;
    int k;

    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
    } else {
        r = sqrt(-log(q < 0 ? p : 1.0 - p));
        top = r <= 5.0 ? c : e;
        bottom = r <= 5.0 ? d : f;
        r -= r <= 5.0 ? 1.6 : 5.0;
    }
    above = top[7];
    below = bottom[7];
    for (k = 6; k >= 0; k--) {
        above = above * r + top[k];
        below = below * r + bottom[k];
    }
    z = above / below;
    return fabs(q) <= 0.425 ? q * z : q < 0 ? -z : z;
}

/* The first place whose value is not below (or, `after`, is above) v. */
static size_t find_place(const double *sorted, size_t n, double v, bool after)
{
    size_t low = 0;

    while (n > 0) {
        size_t half = n / 2;

        if (sorted[low + half] < v || (after && sorted[low + half] <= v)) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

/* The share of training values below v, half of those equal to it counted: between the table's
 * quantiles, which are equally far apart, a straight line. */
static double find_share(const double *table, size_t n, double v)
{
    size_t first = find_place(table, n, v, false), last;
    double steps = (double)(n - 1);

    if (first == n || (first == 0 && table[0] > v)) {
        return first == 0 ? 0.0 : 1.0;
    }
    if (table[first] > v) {
        double low = table[first - 1];

        return ((double)(first - 1) + (v - low) / (table[first] - low)) / steps;
    }
    last = find_place(table, n, v, true) - 1;
    return ((double)first + (double)last) / 2.0 / steps;
}

bool encoder_form_numbers(const struct encoder_feature *f, double *values, size_t n, float *out)
{
    const double center = f->center, spread = f->spread;
    bool good = true;
    size_t i;

    if (f->form == FORM_NORMAL) {
        for (i = 0; i < n; i++) {
            double p = cut(find_share(f->table, f->n_table, values[i]), TINY_P, 1.0 - TINY_P);

            out[i] = (float)encoder_normal_deviate(p);
        }
        return true;
    }
    for (i = 0; f->log && i < n; i++) {
        values[i] = log1p(values[i]);
    }
    switch (f->form) {
    case FORM_SOFT:
        for (i = 0; i < n; i++) {
            double z = (values[i] - center) / spread, u;

            z = z < -FAR ? -FAR : z > FAR ? FAR : z;
            u = z / SOFT_LIMIT;
            out[i] = (float)(z / sqrt(1.0 + u * u));
            good = good && fabsf(out[i]) <= FLT_MAX;
        }
        break;
    case FORM_SIGN:
        for (i = 0; i < n; i++) {
            double z = (values[i] - center) / spread;

            out[i] = (float)(z < -1.0 ? -1.0 : z > 1.0 ? 1.0 : z);
            good = good && fabsf(out[i]) <= FLT_MAX;
        }
        break;
    default:
        for (i = 0; i < n; i++) {
            out[i] = (float)((values[i] - center) / spread);
            good = good && fabsf(out[i]) <= FLT_MAX;
        }
        break;
    }
    return good;
}

double encoder_bin_code(const double *edges, size_t n_edges, size_t bin, double value)
{
    double u = (value - edges[bin]) / (edges[bin + 1] - edges[bin]);

    return cut(u, bin == 0 ? FIRST_CODE : 0.0, bin + 2 == n_edges ? LAST_CODE : 1.0);
}

void encoder_code_number(const struct encoder_feature *f, double value, float *out)
{
    size_t n = f->n_edges - 1, place = find_place(f->edges, f->n_edges, value, true);
    size_t bin = place == 0 ? 0 : place - 1 < n ? place - 1 : n - 1;

    memcpy(out, f->full, bin * sizeof *out);
    out[bin] = (float)(encoder_bin_code(f->edges, f->n_edges, bin, value) - f->bin_means[bin]);
    memcpy(out + bin + 1, f->empty + bin + 1, (n - bin - 1) * sizeof *out);
}

void encoder_level_number(const struct encoder_feature *f, double value, float *out)
{
    size_t place = find_place(f->table, f->n_table, value, false);

    memset(out, 0, f->n_table * sizeof *out);
    if (place < f->n_table && !(f->table[place] > value)) {
        out[place] = 1.0f;
    }
}
