/* The stages around an activation: gradients of each alone and of what they make together. */
#include "mlp_gradient.h"
#include "mlp_help.h"

#include <stdio.h>

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

static const size_t rows_of[] = {2, 7, 65};
static const size_t rows_of_batch_norm[] = {3, 7, 65}; /* of two rows: see below */

enum stage { BATCH_NORM, LAYER_NORM, DROPOUT, NOISE, RESIDUAL, INPUT_SCALE, STAGES };
#define BIT(s) (1U << (s))

static const char *const stage_names[STAGES] = {"batch_norm", "layer_norm", "dropout",
                                                "noise",      "residual",   "input_scale"};

/* Two hidden layers as wide as the input, the stages in both; the first of another activation. */
static void check_stages(unsigned stages, enum mlp_activation f, size_t width, size_t rows)
{
    struct mlp_layer_spec hidden[2];
    char what[160];
    int n = snprintf(what, sizeof(what), "%s, %zu wide, %zu rows:", mlp_activation_names()[f],
                     width, rows);

    for (size_t s = 0; s < STAGES; s++) {
        if ((stages & BIT(s)) != 0) {
            n += snprintf(what + n, sizeof(what) - (size_t)n, " %s", stage_names[s]);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        hidden[i] =
            (struct mlp_layer_spec){.units = width,
                                    .activation = i == 1 ? f : MLP_TANH,
                                    .norm = (stages & BIT(BATCH_NORM)) != 0   ? MLP_NORM_BATCH
                                            : (stages & BIT(LAYER_NORM)) != 0 ? MLP_NORM_LAYER
                                                                              : MLP_NORM_NONE,
                                    .residual = (stages & BIT(RESIDUAL)) != 0,
                                    .dropout = (stages & BIT(DROPOUT)) != 0 ? 0.3 : 0,
                                    .noise = (stages & BIT(NOISE)) != 0 ? 0.2 : 0};
        hidden[i].pieces = hidden[i].activation == MLP_MAXOUT ? 3 : 0;
    }
    struct mlp_spec spec = help_spec(width, 2, hidden, 2, MLP_MSE);

    spec.input_scale = (stages & BIT(INPUT_SCALE)) != 0;
    if (spec.input_scale) { /* only so can one see that its gradient is of what was dropped */
        spec.input_dropout = (stages & BIT(DROPOUT)) != 0 ? 0.25 : 0;
        spec.input_noise = (stages & BIT(NOISE)) != 0 ? 0.1 : 0;
    }
    gradient_check(
        &(struct gradient_case){.what = what,
                                .spec = &spec,
                                .rows = rows,
                                .seed = 1000 * stages + 10 * (unsigned)f + width,
                                .weighted = rows == 7,
                                /* sums over the batch that batch norm makes cancel */
                                .tolerance = (stages & BIT(BATCH_NORM)) != 0 ? 4e-5 : 0});
}

/* Each stage alone, behind every activation. _i is the stage. */
START_TEST(gradient_of_a_stage)
{
    for (int f = MLP_IDENTITY; f <= MLP_MAXOUT; f++) {
        for (size_t r = 0; r < COUNT(rows_of); r++) {
            check_stages(BIT(_i), (enum mlp_activation)f, 5,
                         (_i == BATCH_NORM ? rows_of_batch_norm : rows_of)[r]);
        }
    }
}
END_TEST

/* Of two rows batch norm leaves the signs and little else: what comes through to the weights is
 * rounding in float32, so this one is held to central differences alone. */
START_TEST(gradient_of_batch_norm_of_two_rows)
{
    const struct mlp_layer_spec hidden[1] = {
        {.units = 5, .activation = MLP_SILU, .norm = MLP_NORM_BATCH}};
    struct mlp_spec spec = help_spec(3, 1, hidden, 2, MLP_MSE);
    uint64_t seed = 31;
    double params[64], x[6], y[4], gradient[64], loss = 0, largest = 0;
    struct double_batch b = {
        .spec = &spec, .rows = 2, .params = params, .x = x, .targets = y, .epoch = 1};
    size_t n = 0;

    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_OK);
    ck_assert_uint_le(n, 64);
    for (size_t i = 0; i < n; i++) {
        params[i] = help_bell(&seed);
    }
    for (size_t i = 0; i < 6; i++) { /* near each other, so that 1e-5 is not nothing */
        x[i] = 0.01 * help_bell(&seed);
    }
    for (size_t i = 0; i < 4; i++) {
        y[i] = help_bell(&seed);
    }
    ck_assert(double_batch_gradient(&b, &loss, gradient));
    for (size_t i = 0; i < n; i++) {
        double w = params[i], above = 0, below = 0;

        params[i] = w + 1e-5;
        ck_assert(double_batch_gradient(&b, &above, NULL));
        params[i] = w - 1e-5;
        ck_assert(double_batch_gradient(&b, &below, NULL));
        params[i] = w;
        ck_assert_double_eq_tol(gradient[i], (above - below) / 2e-5, 1e-7);
        largest = i < 15 ? fmax(largest, fabs(gradient[i])) : largest;
    }
    ck_assert_double_gt(largest, 0.1); /* of the weights before the norm */
}
END_TEST

/* Every combination that can be. */
START_TEST(gradient_of_stages_together)
{
    static const enum mlp_activation some[] = {MLP_RELU, MLP_SELU, MLP_MAXOUT, MLP_PRELU};

    for (unsigned stages = 0; stages < BIT(STAGES); stages++) {
        if ((stages & 3) != 3) { /* one norm at a time */
            enum mlp_activation f = some[(stages + stages / 4) % 4];

            check_stages(stages, f, 4, rows_of[1 + stages % 2]);
        }
    }
}
END_TEST

/* More columns than a kernel takes at once, more rows than two chunks, odd numbers of both. */
START_TEST(gradient_of_wide_layers)
{
    static const enum mlp_norm norms[2] = {MLP_NORM_BATCH, MLP_NORM_LAYER};
    const struct mlp_layer_spec hidden[1] = {
        {.units = 71, .activation = MLP_GELU, .norm = norms[_i], .dropout = 0.5, .noise = 0.1}};
    struct mlp_spec spec = help_spec(3, 1, hidden, 2, MLP_MSE);

    spec.input_scale = true;
    gradient_check(
        &(struct gradient_case){.what = "71 units", .spec = &spec, .rows = 131, .seed = 5});
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_stages");
    TCase *c = tcase_create("stages");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gradient_of_a_stage, 0, STAGES);
    tcase_add_test(c, gradient_of_batch_norm_of_two_rows);
    tcase_add_test(c, gradient_of_stages_together);
    tcase_add_loop_test(c, gradient_of_wide_layers, 0, 2);
    suite_add_tcase(s, c);
    return help_run(s);
}
