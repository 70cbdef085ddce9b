/* The losses that each column has by itself, in every table of kernels this processor can run,
 * against their definitions in long double and those definitions' differences. _i is the table.
 * What holds for all losses (rows do not see each other, weights, numbers that ran
 * away) is in check_mlp_loss_rows.c, those of a softmax in check_mlp_softmax.c.
 */
#include "mlp_help.h"

#include <float.h>

#include "mlp/kernel.h"

#define DIFFERENCE 1e-6L

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

struct kind {
    const char *name;
    enum mlp_loss loss;
    enum mlp_output output;
    double parameter, smoothing;
};

static const struct kind kinds[] = {
    {"bce", MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, 0, 0},
    {"bce, smoothed", MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, 0, 0.125},
    {"focal 0", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 0, 0},
    {"focal .5", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 0.5, 0},
    {"focal 2", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 2, 0},
    {"focal 5.25, smoothed", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 5.25, 0.25},
    {"mse", MLP_MSE, MLP_OUT_IDENTITY, 0, 0},
    {"mae", MLP_MAE, MLP_OUT_IDENTITY, 0, 0},
    {"huber", MLP_HUBER, MLP_OUT_IDENTITY, 0.75, 0},
    {"huber 3", MLP_HUBER, MLP_OUT_IDENTITY, 3, 0},
    {"quantile", MLP_QUANTILE, MLP_OUT_IDENTITY, 0.875, 0},
    {"log_cosh", MLP_LOG_COSH, MLP_OUT_IDENTITY, 0, 0},
    {"mse behind sigmoid", MLP_MSE, MLP_OUT_SIGMOID, 0, 0},
    {"mae behind sigmoid", MLP_MAE, MLP_OUT_SIGMOID, 0, 0},
    {"huber behind sigmoid", MLP_HUBER, MLP_OUT_SIGMOID, 0.25, 0},
    {"quantile behind sigmoid", MLP_QUANTILE, MLP_OUT_SIGMOID, 0.25, 0},
    {"log_cosh behind sigmoid", MLP_LOG_COSH, MLP_OUT_SIGMOID, 0, 0},
    {"poisson", MLP_POISSON, MLP_OUT_EXP, 0, 0},
    {"gamma", MLP_GAMMA, MLP_OUT_EXP, 0, 0},
    {"tweedie 1.5", MLP_TWEEDIE, MLP_OUT_EXP, 1.5, 0},
    {"tweedie 1.0625", MLP_TWEEDIE, MLP_OUT_EXP, 1.0625, 0},
    {"tweedie 1.9375", MLP_TWEEDIE, MLP_OUT_EXP, 1.9375, 0},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const struct kind *named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    ck_abort_msg("no kind %s", name);
    return NULL;
}

/* ---- the definitions -------------------------------------------------------------- */

static long double side(long double z, long double g) /* -(1-p)^g log p, p = sigmoid(z) */
{
    long double q = 1 / (1 + expl(z));

    return powl(q, g) * (z > 0 ? log1pl(expl(-z)) : -z + log1pl(expl(z)));
}

/* r = y - f, with its digits where f is near 1 and y is 1. */
static long double residual(const struct kind *k, long double z, long double y)
{
    if (k->output == MLP_OUT_IDENTITY) {
        return y - z;
    }
    return z < 0 ? y - 1 / (1 + expl(-z)) : (y - 1) + 1 / (1 + expl(z));
}

static long double deviance(long double q, long double p, long double y)
{
    if (q == 1) {
        return 2 * ((y > 0 ? y * logl(y / p) : 0) - y + p);
    }
    if (q == 2) {
        return 2 * (y / p - 1 - logl(y / p));
    }
    return 2 * (powl(y, 2 - q) / ((1 - q) * (2 - q)) - y * powl(p, 1 - q) / (1 - q) +
                powl(p, 2 - q) / (2 - q));
}

static long double define(const struct kind *k, long double z, long double y)
{
    long double c = (long double)k->parameter, yes, r;

    switch (k->loss) {
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        yes = (1 - (long double)k->smoothing) * y + (long double)k->smoothing / 2;
        return yes * side(z, c) + (1 - yes) * side(-z, c);
    case MLP_POISSON:
        return deviance(1, expl(fmaxl(-30, fminl(30, z))), y);
    case MLP_GAMMA:
        return deviance(2, expl(fmaxl(-30, fminl(30, z))), y);
    case MLP_TWEEDIE:
        return deviance(c, expl(fmaxl(-30, fminl(30, z))), y);
    default:
        break;
    }
    r = residual(k, z, y);
    switch (k->loss) {
    case MLP_MAE:
        return fabsl(r);
    case MLP_HUBER:
        return fabsl(r) <= c ? r * r / 2 : c * (fabsl(r) - c / 2);
    case MLP_QUANTILE:
        return fmaxl(c * r, (c - 1) * r);
    case MLP_LOG_COSH:
        return fabsl(r) < 1e-3L ? r * r / 2 - r * r * r * r / 12
                                : fabsl(r) + log1pl(expl(-2 * fabsl(r))) - logl(2);
    default:
        return r * r;
    }
}

static long double slope(const struct kind *k, long double z, long double y)
{
    return (define(k, z + DIFFERENCE, y) - define(k, z - DIFFERENCE, y)) / (2 * DIFFERENCE);
}

/* ---- the kernels against them ------------------------------------------------------ */

struct batch {
    size_t rows, cols;
    float *z, *y, *g;
    double *loss;
};

static float some_truth(const struct kind *k, size_t i, uint64_t *seed)
{
    double u = help_unit(seed);

    switch (k->output) {
    case MLP_OUT_SIGMOID: /* 0, 1 or a share */
        return i % 3 == 0 ? (float)u : u > 0.5;
    case MLP_OUT_EXP: /* small, large; and 0 */
        u = exp(8 * u - 4);
        return k->loss == MLP_GAMMA || i % 3 != 0 ? (float)u : (float)floor(u);
    default:
        return (float)(6 * u - 3);
    }
}

static struct batch batch_new(const struct kind *k, size_t rows, size_t cols, double size)
{
    uint64_t seed = rows * 1000 + cols;
    size_t n = rows * cols;
    struct batch b = {.rows = rows, .cols = cols};

    b.z = help_floats(&seed, n, size);
    b.y = help_floats(&seed, n, 0);
    b.g = help_floats(&seed, n, 0);
    b.loss = malloc(rows * sizeof(*b.loss));
    for (size_t i = 0; i < n; i++) {
        b.y[i] = some_truth(k, i, &seed);
    }
    return b;
}

static void batch_free(struct batch *b)
{
    free(b->z);
    free(b->y);
    free(b->g);
    free(b->loss);
}

static void run(const struct kernel *kernel, const struct kind *k, struct batch *b, float scale)
{
    memcpy(b->g, b->z, b->rows * b->cols * sizeof(*b->g));
    kernel->loss(&(struct kernel_loss){.loss = k->loss,
                                       .output = k->output,
                                       .parameter = (float)k->parameter,
                                       .smoothing = (float)k->smoothing,
                                       .rows = b->rows,
                                       .cols = b->cols,
                                       .z = b->g,
                                       .targets = b->y,
                                       .scale = scale,
                                       .row_loss = b->loss});
}

/* How far off a loss may be: some bits of its own; and what the last bits of the sigmoid, or of
 * eta and log y behind a log link, make in it. */
static double tolerance(const struct kind *k, double loss, double z, double y, double dldz)
{
    double link = fabs(z) + 1 + (y > 0 ? fabs(log(y)) : 0);
    double bits = k->output == MLP_OUT_EXP ? link : k->output == MLP_OUT_SIGMOID ? 4 : 0;

    return 2e-6 * fabs(loss) + 1.2e-7 * bits * fabs(dldz) + 1e-37;
}

/* The size of what a slope is the difference of. */
static double terms(const struct kind *k, double z, double y)
{
    double q = k->loss == MLP_POISSON ? 1 : k->loss == MLP_GAMMA ? 2 : k->parameter;
    double eta = fmax(-30, fmin(30, z));

    return k->output == MLP_OUT_EXP
               ? (1 + fabs(z) / 4) * (exp((2 - q) * eta) + y * exp((1 - q) * eta))
               : 1;
}

static void check_batch(const struct kernel *kernel, const struct kind *k, struct batch *b)
{
    run(kernel, k, b, 0.5F);
    for (size_t r = 0; r < b->rows; r++) {
        double loss = 0, allowed = 0;

        for (size_t j = 0; j < b->cols; j++) {
            size_t i = r * b->cols + j;
            double z = (double)b->z[i], y = (double)b->y[i];
            double l = (double)define(k, (long double)z, (long double)y);
            double g = (double)slope(k, (long double)z, (long double)y);
            double got = (double)b->g[i] * 2 * (double)b->cols;

            loss += l;
            allowed += tolerance(k, l, z, y, g);
            ck_assert_msg(fabs(got - g) <= 2e-6 * fabs(g) + 2.4e-7 * terms(k, z, y),
                          "%s, %s: slope at z %.9g, y %.9g: %.9g, not %.9g", kernel->name, k->name,
                          z, y, got, g);
        }
        ck_assert_msg(fabs(b->loss[r] * (double)b->cols - loss) <= allowed,
                      "%s, %s, %zu x %zu: loss of row %zu: %.12g, not %.12g (z %.9g, y %.9g)",
                      kernel->name, k->name, b->rows, b->cols, r, b->loss[r] * (double)b->cols,
                      loss, (double)b->z[r * b->cols], (double)b->y[r * b->cols]);
    }
}

static const size_t shapes[][2] = {{300, 1}, {7, 3},   {65, 17}, {2, 255},
                                   {3, 256}, {2, 257}, {1, 700}};

START_TEST(losses_and_slopes)
{
    const double sizes[] = {0.25, 3, 20, 60};

    for (size_t k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++) {
            for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                struct batch b = batch_new(&kinds[k], shapes[s][0], shapes[s][1], sizes[i]);

                check_batch(table(_i), &kinds[k], &b);
                batch_free(&b);
            }
        }
    }
}
END_TEST

/* Prediction and truth that are near each other: a loss that is the difference of large numbers
 * must not become noise. */
START_TEST(small_losses_keep_their_digits)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct batch b = batch_new(&kinds[k], 200, 1, 0);

        for (size_t i = 0; i < b.rows; i++) {
            double near = (i % 2 == 0 ? 1 : -1) * pow(2, -(double)i / 16), y = (double)b.y[i];

            if (kinds[k].output == MLP_OUT_IDENTITY) {
                b.z[i] = (float)(y + near);
            } else if (kinds[k].output == MLP_OUT_EXP) {
                b.z[i] = (float)(log(y > 0 ? y : 1e-3) + near);
            } else if (y > 0 && y < 1) {
                b.z[i] = (float)(log(y / (1 - y)) + near);
            } else {
                b.z[i] = (float)((y > 0 ? 1 : -1) * (double)i / 3);
            }
        }
        check_batch(table(_i), &kinds[k], &b);
        batch_free(&b);
    }
}
END_TEST

/* One element's loss and slope. */
static double one(int i, const struct kind *k, float z, float y, double *g)
{
    struct batch b = batch_new(k, 1, 1, 0);

    b.z[0] = z;
    b.y[0] = y;
    run(table(i), k, &b, 1);
    double loss = b.loss[0];

    *g = (double)b.g[0];
    batch_free(&b);
    return loss;
}

#define NEAR(x, truth) ck_assert_msg(fabs((x) / (truth)-1) <= 4e-6, "%.9g, not %.9g", x, truth)

/* An answer that is right and sure has a small loss and a small slope, both with their digits;
 * one that is wrong and sure a large, finite one. */
START_TEST(sure_answers)
{
    const struct kind *bce = named("bce"), *focal = named("focal 2");
    const struct kind *mse = named("mse behind sigmoid"), *mae = named("mae behind sigmoid");
    double g;

    NEAR(one(_i, bce, 25, 1, &g), exp(-25));
    NEAR(g, -exp(-25));
    NEAR(one(_i, bce, -25, 0, &g), exp(-25));
    NEAR(g, exp(-25));
    ck_assert_double_eq(one(_i, bce, -500, 1, &g), 500);
    ck_assert_double_eq(g, -1);
    NEAR(one(_i, focal, 10, 1, &g), exp(-30) * pow(1 + exp(-10), -2) * log1p(exp(-10)) * exp(10));
    NEAR(one(_i, focal, -500, 1, &g), 500.0);
    NEAR(g, -1.0);
    NEAR(one(_i, mse, 20, 1, &g), exp(-40)); /* f' = f (1 - f), r = 1 - f */
    NEAR(g, -2 * exp(-40));
    NEAR(one(_i, mae, 20, 0, &g), 1.0);
    NEAR(g, exp(-20));
    ck_assert_double_eq(one(_i, mae, -300, 1, &g), 1);
    ck_assert_double_eq(g, 0);
}
END_TEST

/* At a bend the slope is 0 (mae, quantile) or one of the sides that agree (huber). */
START_TEST(bends)
{
    double g;

    ck_assert_double_eq(one(_i, named("mae"), 2, 2, &g), 0);
    ck_assert_double_eq(g, 0);
    ck_assert_double_eq(one(_i, named("quantile"), 2, 2, &g), 0);
    ck_assert_double_eq(g, 0);
    ck_assert_double_eq(one(_i, named("huber"), 1.75F, 1, &g), 0.75 * 0.75 / 2);
    ck_assert_double_eq(g, 0.75);
    ck_assert_double_eq(one(_i, named("log_cosh"), 1, 1, &g), 0);
    ck_assert_double_eq(g, 0);
}
END_TEST

/* Behind a log link z counts within +-30; beyond the loss stays as it is and the slope is 0. */
START_TEST(log_link_is_cut)
{
    for (size_t k = (size_t)(named("poisson") - kinds); k < KINDS; k++) {
        double g, at, beyond;

        at = one(_i, &kinds[k], 30, 2, &g);
        ck_assert_double_gt(g, 0);
        beyond = one(_i, &kinds[k], 30.001F, 2, &g);
        ck_assert_double_eq(at, beyond);
        ck_assert_double_eq(g, 0);
        at = one(_i, &kinds[k], -30, 2, &g);
        ck_assert_double_lt(g, 0);
        beyond = one(_i, &kinds[k], -FLT_MAX, 2, &g);
        ck_assert_double_eq(at, beyond);
        ck_assert_double_eq(g, 0);
        ck_assert(isfinite(at));
    }
}
END_TEST

/* Truth at the ends of what there is, where a part of a formula overflows or is 0 times that. */
START_TEST(odd_truth)
{
    const float truths[] = {0, FLT_MIN, 1e-30F, 1e-20F, 1e10F, 1e20F};
    const float zs[] = {-30, -1, 0, 1, 29, 30};

    for (size_t k = (size_t)(named("poisson") - kinds); k < KINDS; k++) {
        for (size_t i = kinds[k].loss == MLP_GAMMA ? 1 : 0; i < 6; i++) {
            for (size_t j = 0; j < 6; j++) {
                double g, z = (double)zs[j], y = (double)truths[i];
                double truth = (double)define(&kinds[k], (long double)z, (long double)y);
                double got = one(_i, &kinds[k], zs[j], truths[i], &g);

                /* eta and log y each have a bit to lose, at most 90 in all */
                ck_assert_msg(fabs(got - truth) <= 3e-5 * truth, "%s: z %g, y %g: %.9g, not %.9g",
                              kinds[k].name, z, y, got, truth);
                ck_assert(isfinite(g));
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_loss");
    TCase *c = tcase_create("columns");
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, losses_and_slopes, 0, n);
    tcase_add_loop_test(c, small_losses_keep_their_digits, 0, n);
    tcase_add_loop_test(c, sure_answers, 0, n);
    tcase_add_loop_test(c, bends, 0, n);
    tcase_add_loop_test(c, log_link_is_cut, 0, n);
    tcase_add_loop_test(c, odd_truth, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}
