/* Fits by L-BFGS: the optimum of a convex problem that Newton's method finds in double, and what
 * scikit-learn's tests ask of its own, with every activation: digits in two and three classes,
 * one and five numbers, several labels. */
#include "mlp_lbfgs_help.h"

#include <stdio.h>

/* ---- a convex problem, and Newton's method --------------------------------------------- */

#define N_IN    ((size_t)6)
#define N_ROWS  ((size_t)80)
#define N_COEFS (N_IN + 1)

/* f of logistic regression at w (weights, then bias); gradient and Hessian unless NULL */
static double logistic(const float *x, const float *y, double l2, const double *w, double *g,
                       double h[N_COEFS][N_COEFS])
{
    double f = 0;

    for (size_t i = 0; g != NULL && i < N_COEFS; i++) {
        g[i] = i < N_IN ? l2 * w[i] : 0;
        for (size_t j = 0; j < N_COEFS; j++) {
            h[i][j] = i == j && i < N_IN ? l2 : 0;
        }
    }
    for (size_t i = 0; i < N_IN; i++) {
        f += l2 / 2 * w[i] * w[i];
    }
    for (size_t r = 0; r < N_ROWS; r++) {
        double a[N_COEFS], z = w[N_IN];

        for (size_t i = 0; i < N_COEFS; i++) {
            a[i] = i < N_IN ? (double)x[r * N_IN + i] : 1;
            z += i < N_IN ? a[i] * w[i] : 0;
        }
        double p = 1 / (1 + exp(-z)), n = (double)N_ROWS;

        f += (log1p(exp(-fabs(z))) + (z > 0 ? z : 0) - (double)y[r] * z) / n;
        for (size_t i = 0; g != NULL && i < N_COEFS; i++) {
            g[i] += (p - (double)y[r]) * a[i] / n;
            for (size_t j = 0; j < N_COEFS; j++) {
                h[i][j] += p * (1 - p) * a[i] * a[j] / n;
            }
        }
    }
    return f;
}

/* x = h^-1 g by elimination; h is positive definite */
static void solve(double h[N_COEFS][N_COEFS], double *g)
{
    for (size_t k = 0; k < N_COEFS; k++) {
        for (size_t i = k + 1; i < N_COEFS; i++) {
            double factor = h[i][k] / h[k][k];

            for (size_t j = k; j < N_COEFS; j++) {
                h[i][j] -= factor * h[k][j];
            }
            g[i] -= factor * g[k];
        }
    }
    for (size_t k = N_COEFS; k-- > 0;) {
        for (size_t j = k + 1; j < N_COEFS; j++) {
            g[k] -= h[k][j] * g[j];
        }
        g[k] /= h[k][k];
    }
}

static double newton(const float *x, const float *y, double l2)
{
    double w[N_COEFS] = {0}, g[N_COEFS], h[N_COEFS][N_COEFS];
    double f = logistic(x, y, l2, w, g, h);

    for (int i = 0; i < 100; i++) {
        double next[N_COEFS], better = f, step = 1;

        solve(h, g);
        do {
            for (size_t j = 0; j < N_COEFS; j++) {
                next[j] = w[j] - step * g[j];
            }
            better = logistic(x, y, l2, next, NULL, NULL);
            step /= 2;
        } while (better > f && step > 1e-12);
        memcpy(w, next, sizeof(w));
        f = logistic(x, y, l2, w, g, h);
    }
    return f;
}

/* _i: how unlike the columns' sizes are, and the penalty */
START_TEST(convex_optimum)
{
    const double sizes[] = {1, 1, 5, 20}, penalties[] = {0, 0.1, 0.001, 0.01};
    uint64_t seed = 77 + (uint64_t)_i;
    float *x = help_floats(&seed, N_ROWS * N_IN, 1), y[N_ROWS];

    for (size_t r = 0; r < N_ROWS; r++) {
        double z = 0.5;

        for (size_t i = 0; i < N_IN; i++) {
            z += (double)x[r * N_IN + i] * (i % 2 == 0 ? 2 : -1);
            x[r * N_IN + i] *= (float)pow(sizes[_i], (double)i / 2 - 1);
        }
        y[r] = z + help_bell(&seed) > 0 ? 1 : 0; /* the classes overlap: a minimum exists */
    }
    struct rig rig = {
        .spec = help_spec(N_IN, 0, NULL, 1, MLP_BINARY_CROSS_ENTROPY),
        .train = {.l2 = penalties[_i]},
        .data = {.rows = N_ROWS, .x = x, .targets = y},
    };
    double best = newton(x, y, penalties[_i]), w[N_COEFS];

    rig_open(&rig, 5);
    size_t n = run(&rig, 300);

    ck_assert_uint_lt(n, 300);
    for (size_t i = 0; i < N_COEFS; i++) {
        w[i] = (double)mlp_net_params(rig.net)[i];
    }
    double f = logistic(x, y, penalties[_i], w, NULL, NULL);

    ck_assert_msg(f >= best && f <= best * (1 + 1e-6), "%.12g after %zu iterations, not %.12g", f,
                  n, best);
    ck_assert_double_eq_tol(rig.optimizer.lbfgs.loss, f, 1e-6 * f);
    rig_close(&rig);
    free(x);
}
END_TEST

/* ---- what scikit-learn's tests ask -------------------------------------------------- */

/* The first `rows` rows of 8 x 8 digits below `classes`, scaled to 0..1, with their labels. */
static float *digits(size_t rows, unsigned classes, uint32_t *labels)
{
    const char *top = getenv("top_srcdir");
    char path[4096], line[1024];
    float *x = malloc(rows * 64 * sizeof(*x));
    size_t n = 0;

    ck_assert_ptr_nonnull(x);
    ck_assert_int_lt(
        snprintf(path, sizeof(path), "%s/examples/data/digits.csv", top != NULL ? top : "."),
        (int)sizeof(path));
    FILE *file = fopen(path, "r");

    ck_assert_msg(file != NULL, "cannot open %s", path);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file)); /* the names */
    while (n < rows && fgets(line, sizeof(line), file) != NULL) {
        char *at = line;

        for (size_t i = 0; i < 64; i++) {
            x[n * 64 + i] = (float)strtod(at, &at) / 16;
            at += *at == ',';
        }
        labels[n] = (uint32_t)strtoul(at, NULL, 10);
        n += labels[n] < classes;
    }
    ck_assert_uint_eq(n, rows);
    ck_assert_int_eq(fclose(file), 0);
    return x;
}

/* _i is the activation; two and three classes */
START_TEST(classes)
{
    const struct mlp_layer_spec hidden = {
        .units = 50, .activation = (enum mlp_activation)_i, .pieces = _i == MLP_MAXOUT ? 2 : 0};

    for (unsigned n = 2; n <= 3; n++) {
        uint32_t labels[150];
        float *x = digits(150, n, labels);
        struct rig r = {
            .spec = help_spec(64, 1, &hidden, n, MLP_CROSS_ENTROPY),
            .data = {.rows = 150, .x = x, .labels = labels},
        };
        struct mlp_score score;

        rig_open(&r, 1);
        (void)run(&r, 150);
        ck_assert_int_eq(pass_score(&r.pass, r.net, &r.data, &score), MLP_OK);
        ck_assert_msg(score.accuracy > 0.95, "%s, %u classes: %g", mlp_activation_names()[_i], n,
                      score.accuracy);
        rig_close(&r);
        free(x);
    }
}
END_TEST

/* 1 - sum of squares left / sum of squares of all, over all targets */
static double r_squared(struct rig *r, const float *y, size_t targets)
{
    struct mlp_score score;
    double all = 0;

    for (size_t j = 0; j < targets; j++) {
        double mean = 0;

        for (size_t i = 0; i < r->data.rows; i++) {
            mean += (double)y[i * targets + j] / (double)r->data.rows;
        }
        for (size_t i = 0; i < r->data.rows; i++) {
            all += pow((double)y[i * targets + j] - mean, 2);
        }
    }
    ck_assert_int_eq(pass_score(&r->pass, r->net, &r->data, &score), MLP_OK);
    return 1 - score.loss * (double)(r->data.rows * targets) / all;
}

/* _i is the activation; one target in 150 iterations, five in 200 */
START_TEST(numbers)
{
    const struct mlp_layer_spec hidden = {
        .units = 50, .activation = (enum mlp_activation)_i, .pieces = _i == MLP_MAXOUT ? 2 : 0};

    for (size_t targets = 1; targets <= 5; targets += 4) {
        uint64_t seed = 31;
        float *x = help_floats(&seed, 200 * 10, 1.7), y[200 * 5];
        struct rig r = {
            .spec = help_spec(10, 1, &hidden, targets, MLP_MSE),
            .data = {.rows = 200, .x = x, .targets = y},
        };

        for (size_t i = 0; i < 200; i++) {
            for (size_t j = 0; j < targets; j++) {
                const float *row = x + i * 10;

                y[i * targets + j] = row[j] - 2 * row[j + 1] + 0.5F * row[j + 2] +
                                     0.7F * row[j] * row[j + 3] + (float)(0.1 * help_bell(&seed));
            }
        }
        rig_open(&r, 2);
        (void)run(&r, targets == 1 ? 150 : 200);
        double share = r_squared(&r, y, targets);
        double least = targets > 1 ? 0.9 : 0.95;

        ck_assert_msg(share > (_i == MLP_IDENTITY ? 0.8 : least), "%s, %zu targets: %g",
                      mlp_activation_names()[_i], targets, share);
        rig_close(&r);
        free(x);
    }
}
END_TEST

START_TEST(several_labels)
{
    const struct mlp_layer_spec hidden = {.units = 50, .activation = MLP_SIGMOID};
    uint64_t seed = 8;
    float *x = help_floats(&seed, 50 * 20, 1), y[50 * 5];
    struct rig r = {
        .spec = help_spec(20, 1, &hidden, 5, MLP_BINARY_CROSS_ENTROPY),
        .data = {.rows = 50, .x = x, .targets = y},
    };
    struct mlp_score score;

    for (size_t i = 0; i < 50 * 5; i++) {
        y[i] = x[i / 5 * 20 + i % 5] + 0.5F * x[i / 5 * 20 + 7] > 0 ? 1 : 0;
    }
    rig_open(&r, 4);
    (void)run(&r, 150);
    ck_assert_int_eq(pass_score(&r.pass, r.net, &r.data, &score), MLP_OK);
    ck_assert(score.accuracy > 0.97);
    rig_close(&r);
    free(x);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_lbfgs_fit");
    TCase *c = tcase_create("lbfgs_fit");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, convex_optimum, 0, 4);
    tcase_add_loop_test(c, classes, 0, MLP_MAXOUT + 1);
    tcase_add_loop_test(c, numbers, 0, MLP_MAXOUT + 1);
    tcase_add_test(c, several_labels);
    suite_add_tcase(s, c);
    return help_run(s);
}
