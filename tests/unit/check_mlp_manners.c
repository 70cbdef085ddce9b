/* What any multi-layer perceptron can be held to: the checks of scikit-learn's test_mlp.py that are
 * about what a network does, with their thresholds, on tables that are in this repository. What
 * lbfgs fits is in check_mlp_lbfgs_fit.c, one step by hand in check_mlp_step.c, gradients in
 * check_mlp_gradient.c, exact patience in check_mlp_stop.c. */
#include <stdio.h>

#include "mlp_train_help.h"

/* The first `rows` digits below `classes`, scaled to 0..1. */
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

static const struct mlp_layer_spec fifty = {.units = 50, .activation = MLP_RELU};

static struct mlp_train_spec sgd(double rate, double momentum, size_t epochs, size_t batch)
{
    return (struct mlp_train_spec){.optimizer = MLP_SGD,
                                   .learning_rate = rate,
                                   .momentum = momentum,
                                   .epochs = epochs,
                                   .batch_size = batch,
                                   .shuffle = true,
                                   .seed = 1};
}

/* Trains, or goes on from *state, which it replaces. */
static struct mlp_result fit(struct mlp_net *net, const struct mlp_train_spec *train,
                             const struct mlp_data *data, void **state, size_t *size)
{
    struct mlp_trainer *t = NULL;
    struct mlp_result r;

    ck_assert_int_eq(mlp_trainer_new(net, train, data, NULL, NULL, &t), MLP_OK);
    if (state != NULL && *state != NULL) {
        ck_assert_int_eq(mlp_trainer_extend(t, *state, *size), MLP_OK);
    }
    ck_assert_int_eq(mlp_trainer_run(t, &r), MLP_OK);
    if (state != NULL) {
        free(*state);
        *size = mlp_trainer_state_size(t);
        *state = malloc(*size);
        ck_assert_ptr_nonnull(*state);
        mlp_trainer_save(t, *state);
    }
    mlp_trainer_publish(t);
    mlp_trainer_free(&t);
    return r;
}

static float *predict(const struct mlp_net *net, const struct mlp_data *d)
{
    struct mlp_workspace *ws = NULL;
    float *p = malloc(d->rows * mlp_net_spec(net)->n_outputs * sizeof(*p));

    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(mlp_workspace_new(net, 64, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, d->x, d->rows, p), MLP_OK);
    mlp_workspace_free(&ws);
    return p;
}

static double metric(const struct mlp_net *net, const struct mlp_data *d, enum mlp_metric_kind kind,
                     enum mlp_metric which)
{
    float *p = predict(net, d);
    size_t columns = mlp_net_spec(net)->n_outputs;
    struct mlp_metric_input in = {.kind = kind,
                                  .rows = d->rows,
                                  .columns = columns,
                                  .n_classes = columns > 1 ? columns : 2,
                                  .labels = d->labels,
                                  .targets = d->targets,
                                  .p = p};
    double value = NAN;

    ck_assert_int_eq(mlp_metric_compute(&in, which, &value), MLP_OK);
    free(p);
    return value;
}

/* test_alpha: a penalty makes the weights of every layer smaller. */
START_TEST(penalty_shrinks_every_layer)
{
    uint32_t labels[100];
    float *x = digits(100, 2, labels);
    const struct mlp_data data = {.rows = 100, .x = x, .labels = labels};
    const struct mlp_layer_spec ten = {.units = 10, .activation = MLP_RELU};
    struct mlp_spec spec = help_spec(64, 1, &ten, 2, MLP_CROSS_ENTROPY);
    double sums[2][2] = {{0}};

    for (int i = 0; i < 2; i++) {
        struct mlp_net *net = help_net(&spec, 1);
        struct mlp_train_spec train = help_optimizer(MLP_ADAM);

        train.epochs = 60;
        train.l2 = i; /* alpha 0 and 1 */
        (void)fit(net, &train, &data, NULL, NULL);
        for (size_t k = 0; k < 2; k++) {
            struct mlp_layer_view view;

            mlp_net_layer(net, k, &view);
            for (size_t j = 0; j < view.n_in * view.n_out; j++) {
                sums[i][k] += fabs((double)view.weights[j]);
            }
        }
        mlp_net_free(&net);
    }
    ck_assert_double_gt(sums[0][0], sums[1][0]);
    ck_assert_double_gt(sums[0][1], sums[1][1]);
    free(x);
}
END_TEST

/* test_partial_fit_classification: a hundred fits that go on from one another are one of a hundred
 * epochs; and learn. */
START_TEST(a_hundred_epochs_one_by_one)
{
    uint32_t labels[200];
    float *x = digits(200, 3, labels);
    const struct mlp_data data = {.rows = 200, .x = x, .labels = labels};
    struct mlp_spec spec = help_spec(64, 1, &fifty, 3, MLP_CROSS_ENTROPY);
    struct mlp_net *whole = help_net(&spec, 1), *pieces = help_net(&spec, 1);
    struct mlp_train_spec all = sgd(0.1, 0.9, 100, 200), one = sgd(0.1, 0.9, 1, 200);
    void *state = NULL;
    size_t size = 0;

    (void)fit(whole, &all, &data, NULL, NULL);
    for (int i = 0; i < 100; i++) {
        (void)fit(pieces, &one, &data, &state, &size);
    }
    ck_assert_mem_eq(mlp_net_params(whole), mlp_net_params(pieces),
                     mlp_net_values(whole) * sizeof(float));
    ck_assert_double_gt(metric(whole, &data, MLP_OF_CLASSES, MLP_METRIC_ACCURACY), 0.95);
    free(state);
    free(x);
    mlp_net_free(&whole);
    mlp_net_free(&pieces);
}
END_TEST

/* test_partial_fit_regression, _i: without and with momentum */
START_TEST(numbers_one_by_one)
{
    struct plane p = plane_new(3, 200, 0.2);
    struct mlp_spec spec = help_spec(4, 1, &fifty, 2, MLP_MSE);
    struct mlp_net *whole = help_net(&spec, 1), *pieces = help_net(&spec, 1);
    double momentum = _i == 0 ? 0 : 0.9;
    struct mlp_train_spec all = sgd(0.02, momentum, 100, 50), one = sgd(0.02, momentum, 1, 50);
    void *state = NULL;
    size_t size = 0;

    (void)fit(whole, &all, &p.data, NULL, NULL);
    for (int i = 0; i < 100; i++) {
        (void)fit(pieces, &one, &p.data, &state, &size);
    }
    float *a = predict(whole, &p.data), *b = predict(pieces, &p.data);

    for (size_t i = 0; i < 400; i++) {
        ck_assert_float_eq_tol(a[i], b[i], 1e-2F);
    }
    ck_assert_double_gt(metric(whole, &p.data, MLP_OF_NUMBERS, MLP_METRIC_R2), 0.75);
    free(a);
    free(b);
    free(state);
    mlp_net_free(&whole);
    mlp_net_free(&pieces);
    plane_free(&p);
}
END_TEST

/* test_multilabel: several labels a row by plain steps; probabilities are each label's own. */
START_TEST(labels_by_small_steps)
{
    const struct mlp_layer_spec logistic = {.units = 50, .activation = MLP_SIGMOID};
    struct mlp_spec spec = help_spec(20, 1, &logistic, 5, MLP_BINARY_CROSS_ENTROPY);
    struct mlp_net *net = help_net(&spec, 4);
    struct mlp_train_spec train = sgd(2, 0.9, 100, 10);
    uint64_t seed = 8;
    float *x = help_floats(&seed, 50 * 20, 1), y[50 * 5], *p;
    const struct mlp_data data = {.rows = 50, .x = x, .targets = y};
    bool apart = false;

    for (size_t i = 0; i < 50 * 5; i++) {
        y[i] = x[i / 5 * 20 + i % 5] + 0.5F * x[i / 5 * 20 + 7] > 0 ? 1 : 0;
    }
    (void)fit(net, &train, &data, NULL, NULL);
    ck_assert_double_gt(metric(net, &data, MLP_OF_LABELS, MLP_METRIC_ACCURACY), 0.9);
    p = predict(net, &data);
    for (size_t i = 0; i < 50; i++) {
        float sum = 0;

        for (size_t k = 0; k < 5; k++) {
            sum += p[5 * i + k];
        }
        apart = apart || fabsf(sum - 1) > 0.1F;
    }
    ck_assert(apart);
    free(p);
    free(x);
    mlp_net_free(&net);
}
END_TEST

/* test_predict_proba_binary, _multiclass. _i: classes */
START_TEST(probabilities)
{
    uint32_t labels[200];
    size_t classes = (size_t)_i;
    float *x = digits(200, (unsigned)_i, labels), *p;
    const struct mlp_data data = {.rows = 200, .x = x, .labels = labels};
    const struct mlp_layer_spec five = {.units = 5, .activation = MLP_RELU};
    struct mlp_spec spec = help_spec(64, 1, &five, classes, MLP_CROSS_ENTROPY);
    struct mlp_net *net = help_net(&spec, 3);
    struct mlp_train_spec train = help_optimizer(MLP_ADAM);

    train.epochs = 100;
    (void)fit(net, &train, &data, NULL, NULL);
    p = predict(net, &data);
    for (size_t i = 0; i < 200; i++) {
        double sum = 0;

        for (size_t k = 0; k < classes; k++) {
            ck_assert(p[i * classes + k] >= 0 && p[i * classes + k] <= 1);
            sum += (double)p[i * classes + k];
        }
        ck_assert_double_eq_tol(sum, 1, 1e-5);
    }
    if (classes == 2) {
        ck_assert_double_eq(metric(net, &data, MLP_OF_CLASSES, MLP_METRIC_ROC_AUC), 1);
    }
    free(p);
    free(x);
    mlp_net_free(&net);
}
END_TEST

static void keep_rate(void *arg, const struct mlp_epoch *epoch)
{
    *(double *)arg = epoch->learning_rate;
}

/* test_adaptive_learning_rate: a rate that falls whenever nothing is gained ends below 1e-6, long
 * before 3000 epochs. */
START_TEST(the_rate_falls_where_nothing_is_gained)
{
    struct plane p = plane_new(5, 4, 0.5);
    struct mlp_spec spec = help_spec(4, 0, NULL, 2, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_train_spec train = sgd(0.1, 0, 3000, 4);
    double rate = NAN;
    const struct mlp_callbacks callbacks = {.arg = &rate, .epoch = keep_rate};
    struct mlp_result r;

    train.schedule =
        (struct mlp_schedule){.type = MLP_PLATEAU, .factor = 0.2, .patience = 2, .min_delta = 0.5};
    train.min_delta = 0.5;
    train.patience = 30;
    ck_assert_int_eq(mlp_train(net, &train, &p.data, NULL, &callbacks, &r), MLP_OK);
    ck_assert_uint_lt(r.epochs, 3000);
    ck_assert_int_eq(r.stopped_by, MLP_BY_PATIENCE);
    ck_assert_double_lt(rate, 1e-6);
    mlp_net_free(&net);
    plane_free(&p);
}
END_TEST

/* test_n_iter_no_change: stops exactly so many epochs after the last gain; _i of them */
START_TEST(patience_counts)
{
    static const size_t patiences[] = {2, 5, 10, 50, 100};
    struct plane p = plane_new(5, 20, 0.5);
    struct mlp_spec spec = help_spec(4, 0, NULL, 2, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_train_spec train = sgd(1e-9, 0, 1000, 20);
    struct mlp_result r;

    train.patience = patiences[_i];
    train.min_delta = 0.5; /* no gain is as large */
    ck_assert_int_eq(mlp_train(net, &train, &p.data, NULL, NULL, &r), MLP_OK);
    ck_assert_uint_eq(r.epochs, patiences[_i] + 1);
    train.patience = 0; /* never */
    train.epochs = 300;
    ck_assert_int_eq(mlp_train(net, &train, &p.data, NULL, NULL, &r), MLP_OK);
    ck_assert_uint_eq(r.epochs, 300);
    mlp_net_free(&net);
    plane_free(&p);
}
END_TEST

/* test_shuffle */
START_TEST(shuffling_is_by_the_seed)
{
    struct plane p = plane_new(5, 50, 0.5);
    struct mlp_spec spec = plane_spec();
    struct mlp_net *nets[3];
    size_t bytes;

    for (int i = 0; i < 3; i++) {
        struct mlp_train_spec train = sgd(0.01, 0, 3, 5);

        train.shuffle = i < 2;
        nets[i] = help_net(&spec, 1);
        (void)fit(nets[i], &train, &p.data, NULL, NULL);
    }
    bytes = mlp_net_values(nets[0]) * sizeof(float);
    ck_assert_mem_eq(mlp_net_params(nets[0]), mlp_net_params(nets[1]), bytes);
    ck_assert_mem_ne(mlp_net_params(nets[0]), mlp_net_params(nets[2]), bytes);
    for (int i = 0; i < 3; i++) {
        mlp_net_free(&nets[i]);
    }
    plane_free(&p);
}
END_TEST

/* test_mlp_loading_from_joblib_partial_fit: what was saved goes on to another target. */
START_TEST(a_saved_one_learns_a_new_target)
{
    const struct mlp_layer_spec ten = {.units = 10, .activation = MLP_RELU};
    struct mlp_spec spec = help_spec(2, 1, &ten, 1, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 1);
    const float x[2] = {2.5F, 3}, first = 2.5F, second = 1;
    struct mlp_data data = {.rows = 1, .x = x, .targets = &first};
    struct mlp_train_spec train = sgd(0.01, 0, 400, 1);
    void *state = NULL;
    size_t size = 0;
    float *p;

    (void)fit(net, &train, &data, &state, &size);
    mlp_net_free(&net); /* all of it is in the state */
    net = help_net(&spec, 2);
    data.targets = &second;
    (void)fit(net, &train, &data, &state, &size);
    p = predict(net, &data);
    ck_assert_float_eq_tol(p[0], second, 1e-4F);
    free(p);
    free(state);
    mlp_net_free(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlp manners");
    TCase *c = tcase_create("manners");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, penalty_shrinks_every_layer);
    tcase_add_test(c, a_hundred_epochs_one_by_one);
    tcase_add_loop_test(c, numbers_one_by_one, 0, 2);
    tcase_add_test(c, labels_by_small_steps);
    tcase_add_loop_test(c, probabilities, 2, 4);
    tcase_add_test(c, the_rate_falls_where_nothing_is_gained);
    tcase_add_loop_test(c, patience_counts, 0, 5);
    tcase_add_test(c, shuffling_is_by_the_seed);
    tcase_add_test(c, a_saved_one_learns_a_new_target);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
