/* Every kernel of every table this processor can run, against loops nobody could get wrong,
 * on odd sizes and odd addresses; activations are in check_mlp_activations.c. _i is the table. */
#include "mlp_help.h"

#include <float.h>

#include "mlp/arena.h"
#include "mlp/kernel.h"

static const struct kernel *table(int i)
{
    const struct kernel *tables[KERNEL_MAX];

    ck_assert_uint_lt((size_t)i, kernel_tables(tables));
    return tables[i];
}

/* The distance in units in the last place of the float next to the truth. */
static double ulps(float got, double truth)
{
    float near = (float)truth;

    if (isnan(truth) || isinf(near)) {
        return (isnan(truth) && isnan(got)) || got == near ? 0 : INFINITY;
    }
    double unit = (double)(nextafterf(fabsf(near), INFINITY) - fabsf(near));

    return fabs((double)got - truth) / unit;
}

typedef void vector_f(const float *x, float *out, size_t n);
typedef double scalar_f(double x);

static void check_function(vector_f *f, scalar_f *truth, float low, float high, const char *name)
{
    enum { N = 1 << 15 };
    float *x = malloc(N * sizeof(*x)), *out = malloc(N * sizeof(*out));
    uint64_t seed = 1;
    double worst = 0, at = 0;

    ck_assert(x != NULL && out != NULL);
    for (size_t i = 0; i < N; i++) { /* evenly, and crowding towards 0 */
        double u = help_unit(&seed);

        x[i] = i % 2 == 0 ? (float)((double)low + u * ((double)high - (double)low))
                          : (float)((i % 4 == 1 ? (double)low : (double)high) * pow(2, -30 * u));
    }
    f(x, out, N);
    for (size_t i = 0; i < N; i++) {
        double d = ulps(out[i], truth((double)x[i]));

        if (!(d <= worst)) {
            worst = d;
            at = (double)x[i];
        }
    }
    ck_assert_msg(worst <= 2, "%s: %g ulp at %.9g", name, worst, at);
    free(x);
    free(out);
}

START_TEST(functions_within_two_ulp)
{
    const struct kernel *k = table(_i);

    check_function(k->exp, exp, -110, 95, "exp");
    check_function(k->exp, exp, -1, 1, "exp");
    check_function(k->log, log, 0, 100, "log");
    check_function(k->log, log, 0.5F, 2, "log");
    check_function(k->log, log, 1e-45F, FLT_MAX, "log");
    check_function(k->tanh, tanh, -12, 12, "tanh");
    check_function(k->tanh, tanh, -1, 1, "tanh");
    check_function(k->log1p, log1p, 0, 1, "log1p");
}
END_TEST

START_TEST(functions_at_the_edges)
{
    const struct kernel *k = table(_i);
    float x[6] = {0, -0.0F, INFINITY, -INFINITY, NAN, FLT_MAX}, e[6], l[6], t[6];

    k->exp(x, e, 6);
    k->log(x, l, 6);
    k->tanh(x, t, 6);
    ck_assert_float_eq(e[0], 1);
    ck_assert_float_eq(e[1], 1);
    ck_assert(isinf(e[2]) && e[2] > 0);
    ck_assert_float_eq(e[3], 0);
    ck_assert(isnan(e[4]) && isnan(t[4]));
    ck_assert(isinf(e[5]));
    ck_assert(isinf(l[0]) && l[0] < 0 && isinf(l[1]) && l[1] < 0);
    ck_assert(isinf(l[2]) && l[2] > 0);
    ck_assert(isnan(l[3]) && isnan(l[4]));
    ck_assert_float_eq(t[0], 0);
    ck_assert_float_eq(t[2], 1);
    ck_assert_float_eq(t[3], -1);
    ck_assert_float_eq(t[5], 1);
}
END_TEST

START_TEST(column_sums)
{
    const struct kernel *k = table(_i);
    uint64_t seed = 12;

    for (size_t rows = 1; rows < 40; rows += 4) {
        for (size_t cols = 1; cols < 37; cols += 3) {
            float *x = help_floats(&seed, rows * cols, 1), out[40];

            k->column_sums(x, rows, cols, out);
            for (size_t j = 0; j < cols; j++) {
                double sum = 0;

                for (size_t i = 0; i < rows; i++) {
                    sum += (double)x[i * cols + j];
                }
                ck_assert_double_eq_tol((double)out[j], sum, 5e-6);
            }
            free(x);
        }
    }
}
END_TEST

START_TEST(finite_or_not)
{
    const struct kernel *k = table(_i);
    const float bad[3] = {NAN, INFINITY, -INFINITY};
    float x[67];

    for (size_t n = 0; n <= 67; n++) {
        for (size_t i = 0; i < n; i++) {
            x[i] = FLT_MAX;
        }
        ck_assert(k->finite(x, n));
        for (size_t i = 0; i < n; i++) {
            x[i] = bad[i % 3];
            ck_assert(!k->finite(x, n));
            x[i] = -FLT_MAX;
        }
    }
}
END_TEST

/* Optimizer updates: the same for every element, wherever it lies (what they compute is in
 * check_mlp_trajectories.c), and moments never stay subnormal. */
START_TEST(updates_are_even)
{
    const struct kernel *k = table(_i);
    struct kernel_step step = {.scale = 1, .decay = 1, .rate = 0.01F, .rate_g = 0.02F,
                               .beta1 = 0.9F, .rest1 = 0.1F, .beta2 = 0.99F, .rest2 = 0.01F,
                               .root = 1.1F, .epsilon = 1e-8F, .l2 = 0.1F, .l1 = 0.01F,
                               .momentum = 0.9F};

    for (size_t n = 1; n < 50; n++) {
        for (enum mlp_optimizer kind = MLP_SGD; kind < MLP_LBFGS; kind++) {
            float w[50], g[50], m[50], v[50], u[50];

            for (size_t i = 0; i < n; i++) {
                w[i] = 0.5F;
                g[i] = 0.25F;
                m[i] = v[i] = u[i] = 0.125F;
            }
            step.kind = kind;
            step.nesterov = step.plain = n % 2 == 0;
            k->step(&step, w, g, m, v, n % 3 == 0 ? u : NULL, n);
            for (size_t i = 0; i < n; i++) {
                ck_assert(w[i] == w[0] && m[i] == m[0] && v[i] == v[0] && u[i] == u[0]);
            }
            ck_assert(w[0] < 0.5F);
        }
    }
    float w = 0, g = 0, m = 1e-28F, v = 1e-29F;

    step.kind = MLP_ADAM;
    step.rate = step.l1 = step.l2 = 0;
    for (int i = 0; i < 3000; i++) {
        k->step(&step, &w, &g, &m, &v, NULL, 1);
    }
    ck_assert(m == 0 && v == 0);
}
END_TEST

/* A product by the definition, in double. */
static void check_product(const struct kernel *k, size_t m, size_t n, size_t inner, int orientation,
                          float *panel)
{
    uint64_t seed = m * 10007 + n * 101 + inner;
    float *a = help_floats(&seed, m * inner, 1), *b = help_floats(&seed, inner * n, 1);
    float *bias = help_floats(&seed, n, 1), *c = malloc((m * n + 1) * sizeof(*c));
    bool a_turned = orientation == 2, b_turned = orientation == 1;
    const struct product p = {
        .m = m, .n = n, .k = inner,
        .a = a, .a_row = a_turned ? 1 : inner, .a_col = a_turned ? m : 1,
        .b = b, .b_row = b_turned ? 1 : n, .b_col = b_turned ? inner : 1,
        .bias = orientation == 0 ? bias : NULL, .c = c, .panel = panel,
    };

    ck_assert_ptr_nonnull(c);
    for (size_t i = 0; i <= m * n; i++) {
        c[i] = NAN; /* whatever was there */
    }
    k->product(&p);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = i % 3 % n; j < n; j += 1 + m * n / 500) { /* some of the large ones */
            double sum = p.bias != NULL ? (double)bias[j] : 0, size = fabs(sum);

            for (size_t q = 0; q < inner; q++) {
                double term = (double)a[i * p.a_row + q * p.a_col] *
                              (double)b[q * p.b_row + j * p.b_col];

                sum += term;
                size += fabs(term);
            }
            ck_assert_msg(fabs((double)c[i * n + j] - sum) <= 1e-6 * size + 1e-12,
                          "%zu x %zu x %zu, orientation %d, at (%zu, %zu): %g, not %g", m, inner, n,
                          orientation, i, j, (double)c[i * n + j], sum);
        }
    }
    ck_assert(isnan(c[m * n])); /* nothing written behind */
    free(a);
    free(b);
    free(bias);
    free(c);
}

START_TEST(products)
{
    static const size_t sizes[] = {1, 2, 3, 5, 8, 13, 16, 17, 31, 32, 33, 64, 67};
    static const size_t inner[] = {1, 3, 16, 19, 255, 257, 520};
    float *panel = aligned_alloc(ARENA_ALIGN, KERNEL_PANEL * sizeof(*panel));

    ck_assert_ptr_nonnull(panel);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++) {
            for (size_t q = 0; q < sizeof(inner) / sizeof(*inner); q++) {
                check_product(table(_i), sizes[i], sizes[j], inner[q], (int)((i + j + q) % 3),
                              panel);
            }
        }
    }
    for (int orientation = 0; orientation < 3; orientation++) { /* wide: strips are copied */
        check_product(table(_i), 70, 1100, 9, orientation, panel);
    }
    free(panel);
}
END_TEST

START_TEST(tables_are_named)
{
    const struct kernel *tables[KERNEL_MAX];
    static const char *const names[KERNEL_MAX] = {"baseline", "avx2", "avx512"};
    size_t n = kernel_tables(tables);

    ck_assert_uint_ge(n, 1);
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(tables[i]->name, names[i]);
    }
    ck_assert_ptr_eq(kernel_best(), tables[n - 1]);
    ck_assert_ptr_nonnull(strstr(mlp_backend(), names[n - 1]));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_kernel");
    TCase *c = tcase_create("kernels");
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);

    tcase_set_timeout(c, 60);
    tcase_add_test(c, tables_are_named);
    tcase_add_loop_test(c, functions_within_two_ulp, 0, n);
    tcase_add_loop_test(c, functions_at_the_edges, 0, n);
    tcase_add_loop_test(c, column_sums, 0, n);
    tcase_add_loop_test(c, finite_or_not, 0, n);
    tcase_add_loop_test(c, updates_are_even, 0, n);
    tcase_add_loop_test(c, products, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}
