/* Activations: f and f' of every table of kernels against formulas in double that are written
 * another way. _i is the table. */
#include "mlp_activation_help.h"
#include "mlp_help.h"

#include "mlp/kernel.h"
#include "mlp/net.h"

/* Those that are one kernel for all; prelu and maxout have their own. */
static bool by_element(int f)
{
    return f != MLP_PRELU && f != MLP_MAXOUT;
}

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

/* How far f may be from the truth, in units of the last place: what is one operation is exact. */
static double most_ulps(enum mlp_activation f)
{
    switch (f) {
    case MLP_IDENTITY:
    case MLP_RELU:
    case MLP_LEAKY_RELU:
        return 1;
    case MLP_TANH:
    case MLP_ELU:
    case MLP_SELU:
    case MLP_SOFTSIGN:
        return 2;
    case MLP_GELU: /* down to its smallest values, where 1 + erf would have no digit left */
    case MLP_SILU:
    case MLP_MISH:
        return 5;
    default:
        return 3;
    }
}

/* ---- one element after the other --------------------------------------------------- */

/* Numbers in [-high, high]: even ones, and such that crowd towards 0. */
enum { SWEEP = 1 << 13 };
static float *sweep(double high)
{
    float *z = malloc(SWEEP * sizeof(*z));
    uint64_t seed = 11;

    ck_assert_ptr_nonnull(z);
    for (size_t i = 0; i < SWEEP; i++) {
        double u = help_unit(&seed), size = i % 2 == 0 ? high * u : high * pow(2, -40 * u);

        z[i] = (float)(i / 2 % 2 == 0 ? size : -size);
    }
    return z;
}

static double ulps(float got, double truth)
{
    float near = fabsf((float)truth);
    double unit = fmax((double)(nextafterf(near, INFINITY) - near), 0x1p-149);

    return fabs((double)got - truth) / unit;
}

#define TINY 0x1p-126 /* smaller ones are subnormal: 0 while training */

START_TEST(values_over_a_sweep)
{
    static const double highs[] = {2, 12, 100};
    const struct kernel *k = table(_i);

    for (int f = 0; f <= MLP_MAXOUT; f++) {
        for (size_t h = 0; h < 3 && by_element(f); h++) {
            float *z = sweep(highs[h]), *a = sweep(1);

            k->activate((enum mlp_activation)f, z, a, SWEEP);
            for (size_t i = 0; i < SWEEP; i++) {
                double truth = help_activation((enum mlp_activation)f, (double)z[i]);

                ck_assert_msg(fabs((double)a[i] - truth) < TINY ||
                                  ulps(a[i], truth) <= most_ulps((enum mlp_activation)f),
                              "%s: f(%.9g) = %.9g, not %.9g: %g ulp", mlp_activation_names()[f],
                              (double)z[i], (double)a[i], truth, ulps(a[i], truth));
            }
            free(z);
            free(a);
        }
    }
}
END_TEST

/* What a derivative is made of: z, or the value that the forward pass left. */
static void derivatives(const struct kernel *k, int f, const float *z, const float *delta, float *d,
                        size_t n)
{
    float *from = malloc(n * sizeof(*from) + 1);

    ck_assert_ptr_nonnull(from);
    memcpy(from, z, n * sizeof(*from));
    if (!activation_keeps_z((enum mlp_activation)f)) {
        k->activate((enum mlp_activation)f, from, from, n);
    }
    memcpy(d, delta, n * sizeof(*d));
    k->derive((enum mlp_activation)f, from, d, n);
    free(from);
}

START_TEST(derivatives_over_a_sweep)
{
    static const double highs[] = {2, 12, 100};
    const struct kernel *k = table(_i);

    for (int f = 0; f <= MLP_MAXOUT; f++) {
        for (size_t h = 0; h < 3 && by_element(f); h++) {
            float *z = sweep(highs[h]), *delta = sweep(3), *d = sweep(1);

            derivatives(k, f, z, delta, d, SWEEP);
            for (size_t i = 0; i < SWEEP; i++) {
                double truth = help_slope((enum mlp_activation)f, (double)z[i]) * (double)delta[i];

                ck_assert_msg(fabs((double)d[i] - truth) <=
                                  4e-7 * fmax(fabs((double)delta[i]), fabs(truth)),
                              "%s: f'(%.9g) times %.9g = %.9g, not %.9g", mlp_activation_names()[f],
                              (double)z[i], (double)delta[i], (double)d[i], truth);
            }
            free(z);
            free(delta);
            free(d);
        }
    }
}
END_TEST

/* Behind a function written in z, small slopes have their digits too. */
START_TEST(small_slopes_keep_their_digits)
{
    static const int kept[] = {MLP_SILU, MLP_MISH, MLP_GELU};
    const struct kernel *k = table(_i);

    for (size_t i = 0; i < 3; i++) {
        for (float z = -11; z < -3; z += 0.01F) {
            const float one = 1;
            float d;

            derivatives(k, kept[i], &z, &one, &d, 1);
            double truth = help_slope((enum mlp_activation)kept[i], (double)z);

            ck_assert_msg(fabs((double)d - truth) <= 1e-6 * fabs(truth), "%s'(%g) = %g, not %g",
                          mlp_activation_names()[kept[i]], (double)z, (double)d, truth);
        }
    }
}
END_TEST

START_TEST(nan_passes)
{
    const struct kernel *k = table(_i);
    float z[37], ones[37], d[37];

    for (int f = 0; f <= MLP_MAXOUT; f++) {
        bool bent = f == MLP_IDENTITY || f == MLP_RELU || f == MLP_LEAKY_RELU;

        for (size_t i = 0; i < 37 && by_element(f); i++) { /* at every place of a vector */
            for (size_t j = 0; j < 37; j++) {
                z[j] = j == i ? NAN : 0.5F;
                ones[j] = j == i && bent ? NAN : 1; /* those slopes are constants */
            }
            derivatives(k, f, z, ones, d, 37);
            k->activate((enum mlp_activation)f, z, z, 37);
            for (size_t j = 0; j < 37; j++) {
                ck_assert_msg(!!isnan(z[j]) == (j == i), "%s at %zu", mlp_activation_names()[f], j);
                ck_assert_msg(!!isnan(d[j]) == (j == i), "%s' at %zu", mlp_activation_names()[f],
                              j);
            }
        }
    }
}
END_TEST

/* Far out, f is what it tends to, and f' is finite. */
START_TEST(nothing_overflows)
{
    static const struct {
        enum mlp_activation f;
        double low, high_slope; /* f(-inf), f'(inf) */
        bool grows;             /* f(z) = z high_slope for large z, else f(inf) = 1 */
    } far[] = {
        {MLP_SIGMOID, 0, 0, false},
        {MLP_TANH, -1, 0, false},
        {MLP_RELU, 0, 1, true},
        {MLP_ELU, -1, 1, true},
        {MLP_SELU, -SELU_SCALE * SELU_ALPHA, SELU_SCALE, true},
        {MLP_GELU, 0, 1, true},
        {MLP_SILU, 0, 1, true},
        {MLP_SOFTPLUS, 0, 1, true},
        {MLP_SOFTSIGN, -1, 0, false},
        {MLP_MISH, 0, 1, true},
    };
    static const float sizes[] = {200, 1e4F, 1e10F, 1e20F, 3e37F, INFINITY};
    const struct kernel *k = table(_i);

    for (size_t c = 0; c < sizeof(far) / sizeof(*far); c++) {
        const char *name = mlp_activation_names()[far[c].f];

        for (size_t i = 0; i < 6; i++) {
            const float z[2] = {-sizes[i], sizes[i]}, ones[2] = {1, 1};
            double near = far[c].f == MLP_SOFTSIGN ? 1 / (double)sizes[i] : 0;
            double high = far[c].grows ? far[c].high_slope * (double)sizes[i] : 1;
            float a[2], d[2];

            derivatives(k, (int)far[c].f, z, ones, d, 2);
            k->activate(far[c].f, z, a, 2);
            ck_assert_msg(fabs((double)a[0] - far[c].low) <= near + 2e-7, "%s(%g) = %g", name,
                          (double)z[0], (double)a[0]);
            ck_assert_msg((double)a[1] == high || fabs((double)a[1] / high - 1) <= near + 2e-7,
                          "%s(%g) = %g", name, (double)z[1], (double)a[1]);
            ck_assert_msg(fabs((double)d[0]) <= near + 2e-7, "%s'(%g) = %g", name, (double)z[0],
                          (double)d[0]);
            ck_assert_msg(fabs((double)d[1] - far[c].high_slope) <= near + 2e-7, "%s'(%g) = %g",
                          name, (double)z[1], (double)d[1]);
        }
    }
    const float z[2] = {100, -100};
    float a[2];

    k->activate(MLP_SOFTPLUS, z, a, 2);
    ck_assert_float_eq(a[0], 100);
    ck_assert_double_eq_tol((double)a[1], exp(-100), 3e-45); /* a subnormal number */
}
END_TEST

/* The slopes at 0 are those of mlp.h. */
START_TEST(kinks_by_definition)
{
    const struct kernel *k = table(_i);
    const float zeros[2] = {0, -0.0F}, ones[2] = {1, 1}, slopes[2] = {0.25F, 0.25F};
    float d[2], z[2] = {0, -0.0F}, delta[2] = {1, 1};

    derivatives(k, MLP_RELU, zeros, ones, d, 2);
    ck_assert(d[0] == 0 && d[1] == 0);
    derivatives(k, MLP_LEAKY_RELU, zeros, ones, d, 2);
    ck_assert(d[0] == 0.01F && d[1] == 0.01F);
    derivatives(k, MLP_ELU, zeros, ones, d, 2);
    ck_assert(d[0] == 1 && d[1] == 1);
    derivatives(k, MLP_SELU, zeros, ones, d, 2);
    ck_assert_double_eq_tol((double)d[0], SELU_SCALE * SELU_ALPHA, 2e-7);
    k->prelu_derive(z, slopes, 1, 2, delta);
    ck_assert(delta[0] == 0.25F && delta[1] == 0.25F && z[0] == 0 && z[1] == 0);
}
END_TEST

/* An element's bits must not depend on where in an array it lies. */
START_TEST(position_does_not_matter)
{
    const struct kernel *k = table(_i);
    float *z = sweep(6), whole[300], slopes[300], ones[300], a[300], d[300];

    for (size_t i = 0; i < 300; i++) {
        ones[i] = 1;
    }
    for (int f = 0; f <= MLP_MAXOUT; f++) {
        if (!by_element(f)) {
            continue;
        }
        k->activate((enum mlp_activation)f, z, whole, 300);
        derivatives(k, f, z, ones, slopes, 300);
        for (size_t from = 0; from < 300;) {
            size_t n = 1 + from % 23 < 300 - from ? 1 + from % 23 : 300 - from;

            k->activate((enum mlp_activation)f, z + from, a, n);
            derivatives(k, f, z + from, ones, d, n);
            ck_assert_mem_eq(a, whole + from, n * sizeof(*a));
            ck_assert_mem_eq(d, slopes + from, n * sizeof(*d));
            from += n;
        }
    }
    free(z);
}
END_TEST

/* ---- prelu and maxout by hand -------------------------------------------------------- */

START_TEST(prelu_by_hand)
{
    const struct kernel *k = table(_i);
    uint64_t seed = 21;

    for (size_t cols = 1; cols < 40; cols += 3) {
        enum { ROWS = 5 };
        float *z = help_floats(&seed, ROWS * cols, 2), *s = help_floats(&seed, cols, 1);
        float *delta = help_floats(&seed, ROWS * cols, 1), *a = help_floats(&seed, ROWS * cols, 1);
        float *d = help_floats(&seed, ROWS * cols, 1), *left = help_floats(&seed, ROWS * cols, 1);

        z[cols / 2] = 0;
        z[ROWS * cols - 1] = NAN;
        memcpy(d, delta, ROWS * cols * sizeof(*d));
        memcpy(left, z, ROWS * cols * sizeof(*left));
        k->prelu(z, s, ROWS, cols, a);
        k->prelu_derive(left, s, ROWS, cols, d);
        ck_assert(isnan(a[ROWS * cols - 1]) && isnan(left[ROWS * cols - 1]));
        for (size_t i = 0; i + 1 < ROWS * cols; i++) {
            bool above = z[i] > 0;

            ck_assert_float_eq(a[i], above ? z[i] : s[i % cols] * z[i]);
            ck_assert_float_eq(d[i], above ? delta[i] : s[i % cols] * delta[i]);
            ck_assert_float_eq(left[i], above ? 0 : z[i] * delta[i]);
        }
        memcpy(d, z, ROWS * cols * sizeof(*d));
        k->prelu(d, s, ROWS, cols, d); /* in place */
        ck_assert_mem_eq(d, a, (ROWS * cols - 1) * sizeof(*d));
        free(z);
        free(s);
        free(delta);
        free(a);
        free(d);
        free(left);
    }
}
END_TEST

/* The piece that is to be taken: the first NaN, or the first of the largest. */
static size_t largest(const float *z, size_t units, size_t pieces)
{
    size_t best = 0;

    for (size_t q = 1; q < pieces && !isnan(z[best * units]); q++) {
        if (isnan(z[q * units]) || z[q * units] > z[best * units]) {
            best = q;
        }
    }
    return best;
}

static void check_maxout(const struct kernel *k, size_t units, size_t pieces)
{
    enum { ROWS = 4 };
    size_t n = ROWS * units, wide = n * pieces;
    uint64_t seed = units * 100 + pieces;
    float *z = help_floats(&seed, wide, 2), *delta = help_floats(&seed, n, 1);
    float *a = help_floats(&seed, n + 1, 1), *dz = help_floats(&seed, wide + 1, 1);

    for (size_t i = 0; i < wide; i++) {
        z[i] = roundf(z[i] * 2) / 2; /* many ties */
    }
    a[n] = dz[wide] = 77; /* nothing is written behind */
    k->maxout(z, ROWS, units, pieces, a);
    k->maxout_derive(z, a, delta, ROWS, units, pieces, dz);
    for (size_t i = 0; i < n; i++) {
        size_t at = i / units * units * pieces + i % units;
        size_t best = largest(z + at, units, pieces);

        ck_assert_float_eq(a[i], z[at + best * units]);
        for (size_t q = 0; q < pieces; q++) {
            ck_assert_float_eq(dz[at + q * units], q == best ? delta[i] : 0);
        }
    }
    ck_assert(a[n] == 77 && dz[wide] == 77);
    k->maxout(z, ROWS, units, pieces, z); /* in place, rows moving together */
    ck_assert_mem_eq(z, a, n * sizeof(*a));
    free(z);
    free(delta);
    free(a);
    free(dz);
}

START_TEST(maxout_by_hand)
{
    static const size_t units[] = {1, 2, 3, 7, 16, 17, 33, 63, 64, 65, 130};

    for (size_t u = 0; u < sizeof(units) / sizeof(*units); u++) {
        for (size_t pieces = 2; pieces <= MLP_MAX_PIECES; pieces += pieces < 5 ? 1 : 11) {
            check_maxout(table(_i), units[u], pieces);
        }
    }
}
END_TEST

/* Whichever piece is NaN, the unit is. */
START_TEST(maxout_lets_nan_through)
{
    const struct kernel *k = table(_i);

    for (size_t piece = 0; piece < 3; piece++) {
        for (size_t j = 0; j < 19; j++) {
            float z[3 * 19], a[19];

            for (size_t i = 0; i < 3 * 19; i++) {
                z[i] = (float)i;
            }
            z[piece * 19 + j] = NAN;
            k->maxout(z, 1, 19, 3, a);
            for (size_t i = 0; i < 19; i++) {
                ck_assert(i == j ? isnan(a[i]) : a[i] == (float)(38 + i));
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_activations");
    TCase *c = tcase_create("kernels");
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, values_over_a_sweep, 0, n);
    tcase_add_loop_test(c, derivatives_over_a_sweep, 0, n);
    tcase_add_loop_test(c, small_slopes_keep_their_digits, 0, n);
    tcase_add_loop_test(c, nan_passes, 0, n);
    tcase_add_loop_test(c, nothing_overflows, 0, n);
    tcase_add_loop_test(c, kinks_by_definition, 0, n);
    tcase_add_loop_test(c, position_does_not_matter, 0, n);
    tcase_add_loop_test(c, prelu_by_hand, 0, n);
    tcase_add_loop_test(c, maxout_by_hand, 0, n);
    tcase_add_loop_test(c, maxout_lets_nan_through, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}
