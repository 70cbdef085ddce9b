/* Fits by L-BFGS reach what scikit-learn's tests ask of its own, with every activation: digits in
 * two and three classes, one and five numbers, several labels. */
#include "mlp_lbfgs_help.h"

#include <stdio.h>

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
    tcase_add_loop_test(c, classes, 0, MLP_MAXOUT + 1);
    tcase_add_loop_test(c, numbers, 0, MLP_MAXOUT + 1);
    tcase_add_test(c, several_labels);
    suite_add_tcase(s, c);
    return help_run(s);
}
