/* Gradients of whole networks, for every loss, output, form of truth, with and without weights,
 * offset and smoothing; see mlp_gradient.h for what is held to what.
 */
#include <stdio.h>

#include "mlp_gradient.h"
#include "mlp_help.h"

struct kind {
    const char *name;
    enum mlp_loss loss;
    enum mlp_output output;
    double parameter;
    bool soft;   /* truth is rows of shares */
    bool smooth; /* smoothing means something */
};

static const struct kind kinds[] = {
    {"cross-entropy", MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, 0, false, true},
    {"cross-entropy of shares", MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, 0, true, true},
    {"focal 0", MLP_FOCAL, MLP_OUT_SOFTMAX, 0, false, true},
    {"focal .5", MLP_FOCAL, MLP_OUT_SOFTMAX, 0.5, false, true},
    {"focal 2", MLP_FOCAL, MLP_OUT_SOFTMAX, 2, false, true},
    {"focal 2 of shares", MLP_FOCAL, MLP_OUT_SOFTMAX, 2, true, true},
    {"focal 3.75 of shares", MLP_FOCAL, MLP_OUT_SOFTMAX, 3.75, true, true},
    {"binary cross-entropy", MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, 0, false, true},
    {"binary focal 0", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 0, false, true},
    {"binary focal .5", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 0.5, false, true},
    {"binary focal 2", MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, 2, false, true},
    {"mse", MLP_MSE, MLP_OUT_IDENTITY, 0, false, false},
    {"mae", MLP_MAE, MLP_OUT_IDENTITY, 0, false, false},
    {"huber", MLP_HUBER, MLP_OUT_IDENTITY, 0.75, false, false},
    {"quantile", MLP_QUANTILE, MLP_OUT_IDENTITY, 0.125, false, false},
    {"log_cosh", MLP_LOG_COSH, MLP_OUT_IDENTITY, 0, false, false},
    {"mse behind sigmoid", MLP_MSE, MLP_OUT_SIGMOID, 0, false, false},
    {"mae behind sigmoid", MLP_MAE, MLP_OUT_SIGMOID, 0, false, false},
    {"huber behind sigmoid", MLP_HUBER, MLP_OUT_SIGMOID, 0.25, false, false},
    {"quantile behind sigmoid", MLP_QUANTILE, MLP_OUT_SIGMOID, 0.75, false, false},
    {"log_cosh behind sigmoid", MLP_LOG_COSH, MLP_OUT_SIGMOID, 0, false, false},
    {"poisson", MLP_POISSON, MLP_OUT_EXP, 0, false, false},
    {"gamma", MLP_GAMMA, MLP_OUT_EXP, 0, false, false},
    {"tweedie 1.25", MLP_TWEEDIE, MLP_OUT_EXP, 1.25, false, false},
    {"tweedie 1.75", MLP_TWEEDIE, MLP_OUT_EXP, 1.75, false, false},
};
#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

/* With and without weights (1), offset (2) and smoothing (4): from combination `first` on. */
static void check(const struct kind *k, int first, size_t n_in, size_t n_hidden, size_t n_out,
                  size_t rows)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 4, .activation = MLP_TANH}};
    struct mlp_spec spec = help_spec(n_in, n_hidden, hidden, n_out, k->loss);
    char what[96];

    spec.output = k->output;
    spec.loss_parameter = k->parameter;
    for (int with = first; with < (k->smooth ? 8 : 4); with++) {
        snprintf(what, sizeof(what), "%s, %zu columns%s%s%s", k->name, n_out,
                 with & 1 ? ", weights" : "", with & 2 ? ", offset" : "",
                 with & 4 ? ", smoothing" : "");
        gradient_check(&(struct gradient_case){.what = what,
                                               .spec = &spec,
                                               .rows = rows,
                                               .seed = 100 * n_out + (uint64_t)with,
                                               .soft_targets = k->soft,
                                               .weighted = with & 1,
                                               .with_offset = with & 2,
                                               .smoothing = with & 4 ? 0.125 : 0});
    }
}

START_TEST(some_columns)
{
    check(&kinds[_i], 0, 3, 0, 3, 9);
    check(&kinds[_i], 0, 3, 1, 4, 21);
}
END_TEST

START_TEST(one_column)
{
    check(&kinds[_i], 0, 3, 1, 1, 20);
}
END_TEST

START_TEST(more_columns_than_a_block)
{
    check(&kinds[_i], kinds[_i].smooth ? 7 : 3, 1, 0, 270, 3); /* all of them at once */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_loss_gradient");
    TCase *c = tcase_create("losses");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, some_columns, 0, KINDS);
    tcase_add_loop_test(c, one_column, 0, KINDS);
    tcase_add_loop_test(c, more_columns_than_a_block, 0, KINDS);
    suite_add_tcase(s, c);
    return help_run(s);
}
