/* The judge of numbers and of columns of 0 and 1 against values worked out by hand. */
#include "judge_help.h"

/* ---- labels ------------------------------------------------------------------ */

START_TEST(labels_by_hand)
{
    static const char *const asked[] = {"f1_micro", "mcc", "f1"};
    const float w[] = {1, -1}, b[] = {0, 0};
    const double table[] = {0, 0, 0, 1, 1, 1};
    const float x[] = {2, -2, 2}, y[] = {1, 0, 0, 1, 1, 1}; /* (3, 2) */
    struct encoder *encoder = make_encoder(table, 2, 2, false, false);
    struct mlp_net *net = make_net(2, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, w, b);
    struct mlp_data data = {.rows = 3, .x = x, .targets = y};
    struct judged judged = judge_it(net, encoder, &data);
    const double right = -log(1 / (1 + exp(-2))), wrong = -log(1 / (1 + exp(2)));

    check_number(judged.metrics_json, "accuracy", 2.0 / 3);
    check_number(judged.metrics_json, "log_loss", (5 * right + wrong) / 6);
    check_number(judged.metrics_json, "loss", (5 * right + wrong) / 6);
    check_text(judged.evaluation_json, "type", "labels");
    check_text(judged.evaluation_json, "labels.1", "t1");
    check_number(judged.evaluation_json, "per_class.0.recall", 1);
    check_number(judged.evaluation_json, "per_class.1.recall", 0.5);
    check_number(judged.evaluation_json, "per_class.1.precision", 1);
    check_number(judged.evaluation_json, "per_class.1.support", 2);
    check_number(judged.evaluation_json, "per_class.1.roc.auc", 0.75); /* one tie in two pairs */
    judged_fini(&judged);
    judged = judge_more(net, encoder, &data, asked, 3);
    check_number(judged.metrics_json, "f1_micro", 6.0 / 7);
    check_number(judged.metrics_json, "f1", (1 + 2.0 / 3) / 2);
    ck_assert_ptr_null(strstr(judged.metrics_json, "mcc")); /* of classes alone */
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* ---- numbers ----------------------------------------------------------------- */

START_TEST(one_number_in_its_own_units)
{
    /* Truth 10 to 50, scaled by its mean 30 and deviation sqrt(200); predicted: always 40. */
    const double table[] = {0, 10, 0, 20, 0, 30, 0, 40, 0, 50};
    const double scale = sqrt(200);
    const float w[] = {0}, b[] = {(float)(10 / scale)};
    struct encoder *encoder = make_encoder(table, 5, 1, false, true);
    struct mlp_net *net = make_net(1, MLP_OUT_IDENTITY, MLP_MSE, w, b);
    float x[] = {0, 0, 0, 0, 0}, y[5];
    struct mlp_data data = {.rows = 5, .x = x, .targets = y};
    struct judged judged;
    double bins = 0;
    size_t i;

    for (i = 0; i < 5; i++) {
        y[i] = (float)((table[2 * i + 1] - 30) / scale);
    }
    judged = judge_it(net, encoder, &data);
    check_number(judged.metrics_json, "rmse", sqrt((900 + 400 + 100 + 0 + 100) / 5.0));
    check_number(judged.metrics_json, "mae", (30 + 20 + 10 + 0 + 10) / 5.0);
    check_number(judged.metrics_json, "r2", 1 - 1500.0 / 1000);
    check_number(judged.metrics_json, "loss", 300.0 / 200);
    ck_assert_ptr_null(strstr(judged.metrics_json, "targets"));
    check_text(judged.evaluation_json, "type", "numbers");
    check_text(judged.evaluation_json, "targets.0.target", "t0");
    check_number(judged.evaluation_json, "targets.0.sample.1.true", 20);
    check_number(judged.evaluation_json, "targets.0.sample.4.predicted", 40);
    check_number(judged.evaluation_json, "targets.0.residuals.mean", 10);
    check_number(judged.evaluation_json, "targets.0.residuals.std", sqrt(200));
    check_number(judged.evaluation_json, "targets.0.residuals.min", -10);
    check_number(judged.evaluation_json, "targets.0.residuals.max", 30);
    check_number(judged.evaluation_json, "targets.0.residuals.edges.0", -10);
    check_number(judged.evaluation_json, "targets.0.residuals.edges.30", 30);
    check_number(judged.evaluation_json, "targets.0.residuals.counts.0", 1);
    check_number(judged.evaluation_json, "targets.0.residuals.counts.29", 1);
    for (i = 0; i < JUDGE_BINS; i++) {
        char *path = xasprintf("targets.0.residuals.counts.%zu", i);

        bins += house_number(judged.evaluation_json, path);
        free(path);
    }
    ck_assert_double_eq(bins, 5);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

START_TEST(several_numbers_are_averaged)
{
    static const char *const asked[] = {"median_ae", "pinball", "deviance"};
    const double table[] = {0, 0, 5, 0, 2, 5};
    const float w[] = {0, 0}, b[] = {1, 5}, x[] = {0, 0}, y[] = {0, 5, 2, 5};
    struct encoder *encoder = make_encoder(table, 2, 2, false, false);
    struct mlp_net *net = make_net(2, MLP_OUT_IDENTITY, MLP_MSE, w, b);
    struct mlp_data data = {.rows = 2, .x = x, .targets = y};
    struct judged judged = judge_it(net, encoder, &data);

    check_number(judged.metrics_json, "targets.t0.rmse", 1);
    check_number(judged.metrics_json, "targets.t0.r2", 0);
    check_number(judged.metrics_json, "targets.t1.rmse", 0);
    check_number(judged.metrics_json, "targets.t1.r2", 1); /* constant, and exact */
    check_number(judged.metrics_json, "rmse", 0.5);
    check_number(judged.metrics_json, "r2", 0.5);
    check_number(judged.metrics_json, "loss", 0.5);
    check_number(judged.evaluation_json, "targets.1.sample.0.true", 5);
    ck_assert_ptr_null(strstr(judged.metrics_json, "median_ae"));
    judged_fini(&judged);
    judged = judge_more(net, encoder, &data, asked, 3);
    check_number(judged.metrics_json, "targets.t0.median_ae", 1);
    check_number(judged.metrics_json, "targets.t0.pinball", 0.5);
    check_number(judged.metrics_json, "median_ae", 0.5);
    check_number(judged.metrics_json, "deviance", 0.5);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* pinball and deviance take the loss's own parameter; the loss says what kind of truth it is. */
START_TEST(metrics_follow_the_loss)
{
    static const struct {
        enum mlp_loss loss;
        enum mlp_output output;
        enum mlp_metric_kind kind;
        double parameter, tau, power;
    } cases[] = {
        {MLP_MSE, MLP_OUT_IDENTITY, MLP_OF_NUMBERS, 0, 0, 0},
        {MLP_QUANTILE, MLP_OUT_IDENTITY, MLP_OF_NUMBERS, 0.75, 0.75, 0},
        {MLP_HUBER, MLP_OUT_IDENTITY, MLP_OF_NUMBERS, 0.75, 0, 0},
        {MLP_POISSON, MLP_OUT_EXP, MLP_OF_NUMBERS, 0, 0, 1},
        {MLP_GAMMA, MLP_OUT_EXP, MLP_OF_NUMBERS, 0, 0, 2},
        {MLP_TWEEDIE, MLP_OUT_EXP, MLP_OF_NUMBERS, 1.5, 0, 1.5},
        {MLP_BINARY_CROSS_ENTROPY, MLP_OUT_SIGMOID, MLP_OF_LABELS, 0, 0, 0},
        {MLP_BINARY_FOCAL, MLP_OUT_SIGMOID, MLP_OF_LABELS, 2, 0, 0},
        {MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, MLP_OF_CLASSES, 0, 0, 0},
        {MLP_FOCAL, MLP_OUT_SOFTMAX, MLP_OF_CLASSES, 2, 0, 0},
    };
    const double table[] = {0, 1, 0, 0, 4, 1};
    const float x[] = {0, 0}, y[] = {1, 0, 0, 1}, weights[] = {1, 2};
    struct mlp_data data = {.rows = 2, .x = x, .targets = y, .weights = weights};
    struct encoder *encoder = make_encoder(table, 2, 2, false, true);
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mlp_spec spec = {.n_inputs = 1,
                                .n_outputs = 2,
                                .output = cases[i].output,
                                .loss = cases[i].loss,
                                .loss_parameter = cases[i].parameter};
        struct mlp_net *net = NULL;
        struct mlp_metric_input in;

        ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
        in = judge_input(net, encoder, &data);
        ck_assert_int_eq(in.kind, cases[i].kind);
        ck_assert_double_eq(in.tau, cases[i].tau);
        ck_assert_double_eq(in.power, cases[i].power);
        ck_assert_uint_eq(in.n_classes, in.kind == MLP_OF_CLASSES ? 2 : 0);
        ck_assert(in.rows == 2 && in.columns == 2 && in.targets == y && in.weights == weights);
        if (in.kind == MLP_OF_NUMBERS) { /* 1 and 4: mean 2.5, deviation 1.5 */
            ck_assert_double_eq_tol(in.decode(in.decode_arg, 0, 1), 4, 1e-12);
        }
        mlp_net_free(&net);
    }
    ck_assert_int_eq(judge_kind(MLP_BINARY_CROSS_ENTROPY, true), MLP_OF_CLASSES);
    encoder_free(&encoder);
}
END_TEST

START_TEST(what_is_undefined_is_null)
{
    const double table[] = {0, 1, 0, 3};
    const float w[] = {0}, b[] = {2}, x[] = {0, 0}, y[] = {1, 1};
    struct encoder *encoder = make_encoder(table, 2, 1, false, false);
    struct mlp_net *net = make_net(1, MLP_OUT_IDENTITY, MLP_MSE, w, b);
    struct mlp_data data = {.rows = 1, .x = x, .targets = y};
    struct judged judged = judge_it(net, encoder, &data);

    ck_assert_ptr_nonnull(strstr(judged.metrics_json, "\"r2\":null")); /* of one row */
    check_text(judged.metrics_json, "notes.r2", "there are under two rows");
    check_number(judged.metrics_json, "rmse", 1);
    judged_fini(&judged);
    data.rows = 2; /* a constant truth, not hit */
    judged = judge_it(net, encoder, &data);
    check_number(judged.metrics_json, "r2", 0);
    judged_fini(&judged);
    mlp_net_params(net)[1] = INFINITY;
    judged = judge_it(net, encoder, &data);
    ck_assert_ptr_nonnull(strstr(judged.metrics_json, "\"rmse\":null"));
    ck_assert_ptr_nonnull(strstr(judged.metrics_json, "\"loss\":null"));
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* More rows than are sampled: the sample spreads over all of them, first to last place. */
START_TEST(many_numbers)
{
    enum { ROWS = 3001 };
    const float w[] = {2}, b[] = {0.5f};
    const double table[] = {0, -1, 0, 1};
    struct encoder *encoder = make_encoder(table, 2, 1, false, false);
    struct mlp_net *net = make_net(1, MLP_OUT_IDENTITY, MLP_MSE, w, b);
    float *x = xcalloc(ROWS, sizeof *x), *y = xcalloc(ROWS, sizeof *y);
    double *truth = xcalloc(ROWS, sizeof *truth), *predicted = xcalloc(ROWS, sizeof *predicted);
    double squares = 0, absolutes = 0, sum = 0, spread = 0;
    struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    struct judged judged;
    size_t i;

    for (i = 0; i < ROWS; i++) {
        x[i] = (float)i;
        y[i] = 2 * x[i] + (float)((i * 7919) % 101) / 10;
        truth[i] = y[i];
        predicted[i] = 2 * x[i] + 0.5f;
        squares += pow(truth[i] - predicted[i], 2);
        absolutes += fabs(truth[i] - predicted[i]);
        sum += truth[i];
    }
    for (i = 0; i < ROWS; i++) {
        spread += pow(truth[i] - sum / ROWS, 2);
    }
    judged = judge_it(net, encoder, &data);
    check_number(judged.metrics_json, "rmse", sqrt(squares / ROWS));
    check_number(judged.metrics_json, "mae", absolutes / ROWS);
    check_number(judged.metrics_json, "r2", 1 - squares / spread);
    for (i = 0; i < JUDGE_MAX_SAMPLE; i++) {
        char *path = xasprintf("targets.0.sample.%zu.true", i);

        check_number(judged.evaluation_json, path, truth[i * ROWS / JUDGE_MAX_SAMPLE]);
        free(path);
        path = xasprintf("targets.0.sample.%zu.predicted", i);
        check_number(judged.evaluation_json, path, predicted[i * ROWS / JUDGE_MAX_SAMPLE]);
        free(path);
    }
    ck_assert(isnan(house_number(judged.evaluation_json, "targets.0.sample.500.true")));
    judged_fini(&judged);
    free(x);
    free(y);
    free(truth);
    free(predicted);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

int main(void)
{
    TCase *labels = tcase_create("labels"), *numbers = tcase_create("numbers");
    TCase *cases[] = {labels, numbers};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(labels, labels_by_hand);
    tcase_add_test(numbers, one_number_in_its_own_units);
    tcase_add_test(numbers, several_numbers_are_averaged);
    tcase_add_test(numbers, metrics_follow_the_loss);
    tcase_add_test(numbers, what_is_undefined_is_null);
    tcase_add_test(numbers, many_numbers);
    return house_run("judge_numbers", cases, ARRAY_LEN(cases));
}
