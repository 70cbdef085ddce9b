/* What data a loss accepts, what an output function makes of z, and the first bias behind a log
 * link: what the library's users see of losses, beside training.
 */
#include "mlp_help.h"

#include <float.h>

#define ROWS 6
#define COLS 3

struct truth {
    float x[ROWS * 2], targets[ROWS * COLS], weights[ROWS], offset[ROWS];
    uint32_t labels[ROWS];
    struct mlp_data data;
};

/* Good for every loss: rows of shares above 0, labels in range. */
static void truth_init(struct truth *t, bool labels)
{
    static const float shares[COLS] = {0.5F, 0.25F, 0.25F};

    memset(t, 0, sizeof(*t));
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(t->targets + i * COLS, shares, sizeof(shares));
        t->labels[i] = i % COLS;
        t->weights[i] = i % 2 == 0 ? 0 : 2;
        t->offset[i] = (float)i - 2;
    }
    t->data = (struct mlp_data){.rows = ROWS,
                                .x = t->x,
                                .targets = labels ? NULL : t->targets,
                                .labels = labels ? t->labels : NULL,
                                .weights = t->weights,
                                .offset = t->offset};
}

/* What the three doors say, which must be the same. */
static bool accepted(enum mlp_loss loss, const struct mlp_data *data)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, COLS, loss);
    struct mlp_train_spec train = help_adam(0.001, 1, 4);
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_workspace *ws = NULL;
    struct mlp_score score;
    struct mlp_result result;

    ck_assert_int_eq(mlp_workspace_new(net, 4, &ws), MLP_OK);
    enum mlp_status evaluated = mlp_evaluate(net, ws, data, &score);
    enum mlp_status started = mlp_net_start_bias(net, data);
    enum mlp_status trained = mlp_train(net, &train, data, NULL, NULL, &result);

    ck_assert_int_eq(evaluated, trained);
    ck_assert_int_eq(started, trained);
    ck_assert(trained == MLP_OK || trained == MLP_E_ARGUMENT);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
    return trained == MLP_OK;
}

static bool accepts_target(enum mlp_loss loss, float y)
{
    struct truth t;

    truth_init(&t, false);
    t.targets[ROWS * COLS - 2] = y; /* in the last row */
    return accepted(loss, &t.data);
}

static bool of_softmax(enum mlp_loss loss)
{
    return loss == MLP_CROSS_ENTROPY || loss == MLP_FOCAL;
}

/* _i is the loss, here and in the next tests */
START_TEST(good_data)
{
    enum mlp_loss loss = (enum mlp_loss)_i;
    struct truth t;

    truth_init(&t, false);
    ck_assert(accepted(loss, &t.data));
    t.data.weights = t.data.offset = NULL;
    ck_assert(accepted(loss, &t.data));
    truth_init(&t, true);
    ck_assert_int_eq(accepted(loss, &t.data), of_softmax(loss));
    t.data.labels = NULL;
    ck_assert(!accepted(loss, &t.data));
}
END_TEST

START_TEST(labels_out_of_range)
{
    struct truth t;

    truth_init(&t, true);
    t.labels[ROWS - 1] = COLS - 1;
    ck_assert(accepted((enum mlp_loss)_i, &t.data));
    t.labels[ROWS - 1] = COLS;
    ck_assert(!accepted((enum mlp_loss)_i, &t.data));
    t.labels[ROWS - 1] = UINT32_MAX;
    ck_assert(!accepted((enum mlp_loss)_i, &t.data));
}
END_TEST

START_TEST(shares_that_are_none)
{
    enum mlp_loss loss = (enum mlp_loss)_i;
    struct truth t;

    ck_assert(accepts_target(loss, 0.25F + 8e-7F));
    ck_assert(!accepts_target(loss, 0.25F + 2e-6F));
    ck_assert(!accepts_target(loss, 0.25F - 2e-6F));
    truth_init(&t, false);
    t.targets[0] = 1.25F, t.targets[1] = -0.5F; /* still add up to 1 */
    ck_assert(!accepted(loss, &t.data));
    t.targets[0] = 0, t.targets[1] = 0.75F;
    ck_assert(accepted(loss, &t.data));
}
END_TEST

START_TEST(targets_out_of_range)
{
    enum mlp_loss loss = (enum mlp_loss)_i;
    bool binary = loss == MLP_BINARY_CROSS_ENTROPY || loss == MLP_BINARY_FOCAL;
    bool counts = loss == MLP_POISSON || loss == MLP_TWEEDIE, gamma = loss == MLP_GAMMA;

    ck_assert_int_eq(accepts_target(loss, 0), !gamma);
    ck_assert_int_eq(accepts_target(loss, -0.0F), !gamma);
    ck_assert_int_eq(accepts_target(loss, FLT_MIN / 2), !gamma);
    ck_assert(accepts_target(loss, FLT_MIN));
    ck_assert(accepts_target(loss, 1));
    ck_assert_int_eq(accepts_target(loss, 1.001F), !binary);
    ck_assert_int_eq(accepts_target(loss, -0.001F), !binary && !counts && !gamma);
    ck_assert_int_eq(accepts_target(loss, 1e9F), !binary);
}
END_TEST

START_TEST(what_is_no_number)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};

    for (size_t i = 0; i < 3; i++) {
        struct truth t;

        ck_assert(!accepts_target((enum mlp_loss)_i, bad[i]));
        truth_init(&t, false);
        t.weights[3] = bad[i];
        ck_assert(!accepted((enum mlp_loss)_i, &t.data));
        truth_init(&t, false);
        t.offset[3] = bad[i];
        ck_assert(!accepted((enum mlp_loss)_i, &t.data));
    }
}
END_TEST

START_TEST(weights_out_of_range)
{
    struct truth t;

    truth_init(&t, false);
    t.weights[5] = -0.001F;
    ck_assert(!accepted((enum mlp_loss)_i, &t.data));
    truth_init(&t, false);
    memset(t.weights, 0, sizeof(t.weights));
    ck_assert(!accepted((enum mlp_loss)_i, &t.data));
    t.weights[5] = 1e-3F;
    ck_assert(accepted((enum mlp_loss)_i, &t.data));
}
END_TEST

/* ---- the log link ------------------------------------------------------------------- */

/* A net without weights: its prediction is f(bias + offset). */
static void predict_bias(enum mlp_loss loss, const float *bias, const float *offset, size_t rows,
                         float *out)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, COLS, loss);
    struct mlp_net *net = NULL;
    struct mlp_workspace *ws = NULL;
    float x[ROWS * 2] = {0};

    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
    memcpy(mlp_net_params(net) + 2 * COLS, bias, COLS * sizeof(*bias));
    ck_assert_int_eq(mlp_workspace_new(net, 4, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict_offset(net, ws, x, offset, rows, out), MLP_OK);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}

START_TEST(prediction_behind_a_log_link)
{
    const float bias[COLS] = {0.5F, -29, 29}, offset[ROWS] = {0, 1, -1, 1.5F, -2, 60};
    float out[ROWS * COLS];

    predict_bias((enum mlp_loss)_i, bias, offset, ROWS, out);
    for (size_t i = 0; i < ROWS * COLS; i++) {
        double z = (double)(bias[i % COLS] + offset[i / COLS]);
        double truth = exp(fmax(-30, fmin(30, z)));

        ck_assert_double_eq_tol((double)out[i], truth, 2e-7 * truth);
    }
}
END_TEST

START_TEST(first_bias)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, COLS, (enum mlp_loss)_i);
    struct mlp_net *net = help_net(&spec, 1), *fresh = help_net(&spec, 1);
    float *bias = mlp_net_params(net) + 2 * COLS;
    uint64_t seed = 5;
    struct truth t;

    truth_init(&t, false);
    for (size_t i = 0; i < ROWS * COLS; i++) {
        t.targets[i] = (float)(0.1 + 5 * help_unit(&seed));
    }
    for (int with = 0; with < 4; with++) { /* weights, offset */
        t.data.weights = with & 1 ? t.weights : NULL;
        t.data.offset = with & 2 ? t.offset : NULL;
        bias[0] = bias[1] = bias[2] = 7;
        ck_assert_int_eq(mlp_net_start_bias(net, &t.data), MLP_OK);
        for (size_t j = 0; j < COLS; j++) {
            double truth = 0, exposure = 0;

            for (size_t i = 0; i < ROWS; i++) {
                double w = with & 1 ? (double)t.weights[i] : 1;

                truth += w * (double)t.targets[i * COLS + j];
                exposure += w * (with & 2 ? exp((double)t.offset[i]) : 1);
            }
            ck_assert_double_eq_tol((double)bias[j], log(truth / exposure), 2e-7);
        }
    }
    /* nothing but the bias */
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(fresh), 2 * COLS * sizeof(float));
    mlp_net_free(&net);
    mlp_net_free(&fresh);
}
END_TEST

/* All counts 0: the smallest prediction there is. */
START_TEST(first_bias_of_nothing)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, COLS, (enum mlp_loss)_i);
    struct mlp_net *net = help_net(&spec, 1);
    const float *bias = mlp_net_params(net) + 2 * COLS;
    struct truth t;

    truth_init(&t, false);
    memset(t.targets, 0, sizeof(t.targets));
    ck_assert_int_eq(mlp_net_start_bias(net, &t.data), MLP_OK);
    for (size_t j = 0; j < COLS; j++) {
        ck_assert_float_eq(bias[j], -30);
    }
    mlp_net_free(&net);
}
END_TEST

/* Poisson's best constant is the mean: with no weights but the bias it has no gradient, so a
 * step goes nowhere. */
START_TEST(first_bias_is_the_best_constant)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, COLS, MLP_POISSON);
    struct mlp_train_spec train = {
        .optimizer = MLP_SGD, .learning_rate = 0.1, .epochs = 1, .batch_size = ROWS};
    struct mlp_net *net = NULL;
    struct mlp_result result;
    struct truth t;

    truth_init(&t, false);
    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
    ck_assert_int_eq(mlp_net_start_bias(net, &t.data), MLP_OK);
    float before[COLS], *bias = mlp_net_params(net) + 2 * COLS;

    memcpy(before, bias, sizeof(before));
    ck_assert_int_eq(mlp_train(net, &train, &t.data, NULL, NULL, &result), MLP_OK);
    for (size_t j = 0; j < COLS; j++) {
        ck_assert_float_eq_tol(bias[j], before[j], 1e-6F);
    }
    mlp_net_free(&net);
}
END_TEST

START_TEST(other_losses_keep_their_bias)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, COLS, (enum mlp_loss)_i);
    struct mlp_net *net = help_net(&spec, 1), *fresh = help_net(&spec, 1);
    struct truth t;

    truth_init(&t, false);
    ck_assert_int_eq(mlp_net_start_bias(net, &t.data), MLP_OK);
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(fresh), 3 * COLS * sizeof(float));
    mlp_net_free(&net);
    mlp_net_free(&fresh);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_loss_data");
    TCase *c = tcase_create("data"), *l = tcase_create("log link");

    tcase_add_loop_test(c, good_data, 0, MLP_TWEEDIE + 1);
    tcase_add_loop_test(c, labels_out_of_range, MLP_CROSS_ENTROPY, MLP_CROSS_ENTROPY + 1);
    tcase_add_loop_test(c, labels_out_of_range, MLP_FOCAL, MLP_FOCAL + 1);
    tcase_add_loop_test(c, shares_that_are_none, MLP_CROSS_ENTROPY, MLP_CROSS_ENTROPY + 1);
    tcase_add_loop_test(c, shares_that_are_none, MLP_FOCAL, MLP_FOCAL + 1);
    tcase_add_loop_test(c, targets_out_of_range, MLP_BINARY_CROSS_ENTROPY,
                        MLP_BINARY_CROSS_ENTROPY + 1);
    tcase_add_loop_test(c, targets_out_of_range, MLP_BINARY_FOCAL, MLP_TWEEDIE + 1);
    tcase_add_loop_test(c, what_is_no_number, 0, MLP_TWEEDIE + 1);
    tcase_add_loop_test(c, weights_out_of_range, 0, MLP_TWEEDIE + 1);
    suite_add_tcase(s, c);
    tcase_add_loop_test(l, prediction_behind_a_log_link, MLP_POISSON, MLP_TWEEDIE + 1);
    tcase_add_loop_test(l, first_bias, MLP_POISSON, MLP_TWEEDIE + 1);
    tcase_add_loop_test(l, first_bias_of_nothing, MLP_POISSON, MLP_POISSON + 1);
    tcase_add_loop_test(l, first_bias_of_nothing, MLP_TWEEDIE, MLP_TWEEDIE + 1);
    tcase_add_test(l, first_bias_is_the_best_constant);
    tcase_add_loop_test(l, other_losses_keep_their_bias, 0, MLP_POISSON);
    suite_add_tcase(s, l);
    return help_run(s);
}
