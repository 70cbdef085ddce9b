/* Specifications: what is accepted and refused, sizes, names, layout. */
#include "mlp_help.h"

#include "mlp/net.h"

/* Every word of an enum in its order, nothing behind them, and each parses to its number. */
#define CHECK_WORDS(kind, type, ...)                                                               \
    do {                                                                                           \
        static const char *const words[] = {__VA_ARGS__};                                          \
        const size_t n = sizeof(words) / sizeof(*words);                                           \
                                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            type parsed = (type)99;                                                                \
            size_t first = 0;                                                                      \
                                                                                                   \
            while (strcmp(words[first], words[i]) != 0) {                                          \
                first++; /* a name that stands twice means the first */                            \
            }                                                                                      \
            ck_assert_str_eq(mlp_##kind##_names()[i], words[i]);                                   \
            ck_assert(mlp_##kind##_parse(words[i], &parsed));                                      \
            ck_assert_int_eq((int)parsed, (int)first);                                             \
        }                                                                                          \
        ck_assert_ptr_null(mlp_##kind##_names()[n]);                                               \
    } while (0)

START_TEST(names_and_parsers_agree)
{
    CHECK_WORDS(activation, enum mlp_activation, "identity", "sigmoid", "tanh", "relu",
                "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "softplus", "softsign",
                "mish", "maxout");
    CHECK_WORDS(init, enum mlp_init, "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
                "lecun_uniform", "lecun_normal", "uniform_fan_in", "orthogonal", "uniform",
                "normal", "zeros");
    CHECK_WORDS(output, enum mlp_output, "identity", "sigmoid", "softmax", "exp");
    CHECK_WORDS(loss, enum mlp_loss, "cross_entropy", "cross_entropy", "focal", "focal", "mse",
                "mae", "huber", "quantile", "log_cosh", "poisson", "gamma", "tweedie");
    CHECK_WORDS(optimizer, enum mlp_optimizer, "sgd", "adam", "adamw", "nadam", "radam", "lion",
                "rmsprop", "adagrad", "adadelta", "rprop", "lbfgs");
    CHECK_WORDS(schedule, enum mlp_schedule_type, "constant", "step", "multistep", "exponential",
                "inverse_time", "polynomial", "cosine", "one_cycle", "plateau");
}
END_TEST

/* The list's ends are the enums': a word more or less would be seen. */
START_TEST(names_are_at_their_numbers)
{
    ck_assert_str_eq(mlp_activation_names()[MLP_MAXOUT], "maxout");
    ck_assert_str_eq(mlp_activation_names()[MLP_GELU], "gelu");
    ck_assert_str_eq(mlp_init_names()[MLP_ZEROS], "zeros");
    ck_assert_str_eq(mlp_init_names()[MLP_ORTHOGONAL], "orthogonal");
    ck_assert_str_eq(mlp_output_names()[MLP_OUT_EXP], "exp");
    ck_assert_str_eq(mlp_loss_names()[MLP_TWEEDIE], "tweedie");
    ck_assert_str_eq(mlp_loss_names()[MLP_MSE], "mse");
    ck_assert_str_eq(mlp_optimizer_names()[MLP_LBFGS], "lbfgs");
    ck_assert_str_eq(mlp_optimizer_names()[MLP_RMSPROP], "rmsprop");
    ck_assert_str_eq(mlp_schedule_names()[MLP_PLATEAU], "plateau");
    ck_assert_str_eq(mlp_schedule_names()[MLP_COSINE], "cosine");
}
END_TEST

START_TEST(other_words_are_refused)
{
    enum mlp_activation a;
    enum mlp_init i;
    enum mlp_output o;
    enum mlp_loss l;
    enum mlp_optimizer p;
    enum mlp_schedule_type t;

    ck_assert(!mlp_activation_parse("softmax", &a) && !mlp_activation_parse("", &a));
    ck_assert(!mlp_init_parse("he", &i) && !mlp_output_parse("relu", &o));
    ck_assert(!mlp_loss_parse("hinge", &l) && !mlp_schedule_parse("Cosine", &t));
    ck_assert(!mlp_optimizer_parse("Adam", &p));
}
END_TEST

START_TEST(status_has_words)
{
    for (int s = MLP_OK; s <= MLP_E_BACKEND; s++) {
        ck_assert_uint_gt(strlen(mlp_status_text((enum mlp_status)s)), 5);
    }
    ck_assert_str_eq(mlp_version(), "0.1.0");
}
END_TEST

static enum mlp_status check(size_t n_inputs, size_t units, size_t n_outputs)
{
    const struct mlp_layer_spec hidden[1] = {{.units = units, .activation = MLP_RELU}};
    struct mlp_spec spec = help_spec(n_inputs, 1, hidden, n_outputs, MLP_MSE);

    return mlp_spec_check(&spec);
}

START_TEST(widths_at_their_limits)
{
    ck_assert_int_eq(check(1, 1, 1), MLP_OK);
    ck_assert_int_eq(check(0, 1, 1), MLP_E_ARGUMENT);
    ck_assert_int_eq(check(1, 0, 1), MLP_E_ARGUMENT);
    ck_assert_int_eq(check(1, 1, 0), MLP_E_ARGUMENT);
    ck_assert_int_eq(check(MLP_MAX_INPUTS, MLP_MAX_UNITS, MLP_MAX_UNITS), MLP_OK);
    ck_assert_int_eq(check(MLP_MAX_INPUTS + 1, 1, 1), MLP_E_TOO_LARGE);
    ck_assert_int_eq(check(1, MLP_MAX_UNITS + 1, 1), MLP_E_TOO_LARGE);
    ck_assert_int_eq(check(1, 1, MLP_MAX_UNITS + 1), MLP_E_TOO_LARGE);
    ck_assert_int_eq(check(SIZE_MAX, 1, 1), MLP_E_TOO_LARGE);
    ck_assert_int_eq(check(1, SIZE_MAX, 1), MLP_E_TOO_LARGE);
}
END_TEST

START_TEST(depth_at_its_limit)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];

    for (size_t i = 0; i < MLP_MAX_LAYERS; i++) {
        hidden[i] = (struct mlp_layer_spec){.units = 3, .activation = MLP_TANH};
    }
    struct mlp_spec spec = help_spec(3, MLP_MAX_LAYERS, hidden, 3, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 1);

    ck_assert_uint_eq(mlp_net_parameters(net), 65 * 12);
    mlp_net_free(&net);
    spec.n_hidden = MLP_MAX_LAYERS + 1; /* the array is not looked at: it has no such element */
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_TOO_LARGE);
    spec.n_hidden = 10000;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_TOO_LARGE);
    spec.n_hidden = SIZE_MAX;
    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_E_TOO_LARGE);
    spec.n_hidden = 1;
    spec.hidden = NULL;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
}
END_TEST

START_TEST(output_must_fit_loss)
{
    static const bool fits[][4] = {
        /* identity, sigmoid, softmax, exp */
        [MLP_CROSS_ENTROPY] = {false, false, true, false},
        [MLP_BINARY_CROSS_ENTROPY] = {false, true, false, false},
        [MLP_FOCAL] = {false, false, true, false},
        [MLP_BINARY_FOCAL] = {false, true, false, false},
        [MLP_MSE] = {true, true, false, false},
        [MLP_MAE] = {true, true, false, false},
        [MLP_HUBER] = {true, true, false, false},
        [MLP_QUANTILE] = {true, true, false, false},
        [MLP_LOG_COSH] = {true, true, false, false},
        [MLP_POISSON] = {false, false, false, true},
        [MLP_GAMMA] = {false, false, false, true},
        [MLP_TWEEDIE] = {false, false, false, true},
    };

    for (int loss = 0; loss <= MLP_TWEEDIE; loss++) {
        for (int output = 0; output < 4; output++) {
            struct mlp_spec spec = help_spec(2, 0, NULL, 2, (enum mlp_loss)loss);

            spec.output = (enum mlp_output)output;
            ck_assert_int_eq(mlp_spec_check(&spec),
                             fits[loss][output] ? MLP_OK : MLP_E_ARGUMENT);
        }
    }
}
END_TEST

START_TEST(unknown_choices_are_refused)
{
    struct mlp_layer_spec hidden[1] = {{.units = 1}};
    struct mlp_spec spec = help_spec(2, 1, hidden, 2, MLP_MSE);
    const int beyond = 99;

    memcpy(&hidden[0].activation, &beyond, sizeof(beyond));
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
    hidden[0] = (struct mlp_layer_spec){.units = 1};
    memcpy(&hidden[0].init, &beyond, sizeof(beyond));
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
    hidden[0] = (struct mlp_layer_spec){.units = 1};
    memcpy(&spec.output_init, &beyond, sizeof(beyond));
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
    spec.output_init = MLP_HE_NORMAL;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_OK);
    memcpy(&spec.loss, &beyond, sizeof(beyond));
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
}
END_TEST

/* One hidden layer behind 3 inputs. */
static enum mlp_status check_layer(struct mlp_layer_spec hidden)
{
    struct mlp_spec spec = help_spec(3, 1, &hidden, 2, MLP_MSE);

    return mlp_spec_check(&spec);
}

START_TEST(layers_must_fit_together)
{
    static const double bad[] = {-0.1, -1, INFINITY, NAN};
    struct mlp_layer_spec good = {.units = 3}, l;

    for (int f = 0; f <= MLP_MAXOUT; f++) {
        l = good;
        l.activation = (enum mlp_activation)f;
        ck_assert_int_eq(check_layer(l), f == MLP_MAXOUT ? MLP_E_ARGUMENT : MLP_OK);
        for (size_t pieces = 1; pieces <= MLP_MAX_PIECES + 1; pieces++) {
            bool fits = f == MLP_MAXOUT && pieces >= 2 && pieces <= MLP_MAX_PIECES;

            l.pieces = pieces;
            ck_assert_int_eq(check_layer(l), fits ? MLP_OK : MLP_E_ARGUMENT);
        }
    }
    l = good;
    l.residual = true;
    ck_assert_int_eq(check_layer(l), MLP_OK);
    l.units = 4;
    ck_assert_int_eq(check_layer(l), MLP_E_ARGUMENT);
    for (size_t i = 0; i < 4; i++) {
        l = good;
        l.init_scale = bad[i];
        ck_assert_int_eq(check_layer(l), MLP_E_ARGUMENT);
        l = good;
        l.noise = bad[i];
        ck_assert_int_eq(check_layer(l), MLP_E_ARGUMENT);
        l = good;
        l.dropout = bad[i];
        ck_assert_int_eq(check_layer(l), MLP_E_ARGUMENT);
    }
    l = (struct mlp_layer_spec){.units = 3, .init_scale = 2, .noise = 1, .dropout = 0.999};
    ck_assert_int_eq(check_layer(l), MLP_OK);
    l.dropout = 1;
    ck_assert_int_eq(check_layer(l), MLP_E_ARGUMENT);
}
END_TEST

START_TEST(parameters_are_counted)
{
    const struct mlp_layer_spec hidden[2] = {{.units = 128}, {.units = 64}};
    struct mlp_spec spec = help_spec(784, 2, hidden, 10, MLP_CROSS_ENTROPY);
    size_t n = 0;

    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_OK);
    ck_assert_uint_eq(n, 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10);
    spec.n_hidden = 0;
    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_OK);
    ck_assert_uint_eq(n, 7850);
    n = 5;
    spec.n_inputs = 0;
    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_E_ARGUMENT);
    ck_assert_uint_eq(n, 5); /* untouched */
}
END_TEST

/* The largest network there can be is described in no time, and takes no memory. */
START_TEST(the_largest_is_only_counted)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];

    for (size_t i = 0; i < MLP_MAX_LAYERS; i++) {
        hidden[i] = (struct mlp_layer_spec){.units = MLP_MAX_UNITS};
    }
    struct mlp_spec spec = help_spec(MLP_MAX_INPUTS, MLP_MAX_LAYERS, hidden, MLP_MAX_UNITS,
                                     MLP_CROSS_ENTROPY);
    struct mlp_train_spec train = help_adam(0.1, 1, 32);
    struct mlp_estimate e;
    size_t expected = (size_t)MLP_MAX_INPUTS * MLP_MAX_UNITS +
                      (size_t)MLP_MAX_LAYERS * MLP_MAX_UNITS * MLP_MAX_UNITS +
                      (size_t)(MLP_MAX_LAYERS + 1) * MLP_MAX_UNITS;

    ck_assert_int_eq(mlp_estimate(&spec, &train, 1000, &e), MLP_OK);
    ck_assert_uint_eq(e.parameters, expected);
    ck_assert_uint_gt(e.net_bytes, 4 * expected);
    ck_assert_uint_gt(e.arena_bytes, 16 * expected);
    train.batch_size = SIZE_MAX;
    ck_assert_int_eq(mlp_estimate(&spec, &train, SIZE_MAX, &e), MLP_E_TOO_LARGE);
    ck_assert_int_eq(mlp_estimate(&spec, &train, UINT32_MAX, &e), MLP_OK);
    ck_assert_int_eq(mlp_estimate(&spec, &train, (size_t)UINT32_MAX + 1, &e), MLP_E_TOO_LARGE);
}
END_TEST

START_TEST(estimates_by_hand)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 20}};
    struct mlp_spec spec = help_spec(10, 1, hidden, 3, MLP_CROSS_ENTROPY);
    struct mlp_train_spec train = help_adam(0.1, 7, 16), sgd = train;
    struct mlp_estimate e, f;

    ck_assert_int_eq(mlp_estimate(&spec, &train, 100, &e), MLP_OK);
    ck_assert_uint_eq(e.parameters, 283);
    /* forward and both backward products, but no gradient of the inputs */
    ck_assert_double_eq(e.flops, 2.0 * (2 * 200 + 3 * 60) * 100 * 7);
    sgd.optimizer = MLP_SGD; /* no moments: two arrays of 283 floats less, in 64s */
    ck_assert_int_eq(mlp_estimate(&spec, &sgd, 100, &f), MLP_OK);
    ck_assert_uint_eq(e.arena_bytes - f.arena_bytes, 2 * (283 * 4 + 20));
    sgd.momentum = 0.5;
    ck_assert_int_eq(mlp_estimate(&spec, &sgd, 100, &f), MLP_OK);
    ck_assert_uint_eq(e.arena_bytes - f.arena_bytes, 283 * 4 + 20);
    ck_assert_int_eq(mlp_estimate(&spec, &train, 0, &f), MLP_E_ARGUMENT);
    train.batch_size = 1000000000; /* a batch is never larger than the data */
    sgd = train;
    sgd.batch_size = 100;
    ck_assert_int_eq(mlp_estimate(&spec, &train, 100, &e), MLP_OK);
    ck_assert_int_eq(mlp_estimate(&spec, &sgd, 100, &f), MLP_OK);
    ck_assert_uint_eq(e.arena_bytes, f.arena_bytes);
}
END_TEST

START_TEST(senseless_trainings_are_refused)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, 2, MLP_MSE);
    struct mlp_train_spec good = help_adam(0.1, 1, 1);
    struct mlp_estimate e;

    ck_assert_int_eq(mlp_estimate(&spec, &good, 1, &e), MLP_OK);
#define REFUSED(field, value)                                                                     \
    do {                                                                                          \
        struct mlp_train_spec bad = good;                                                         \
        bad.field = (value);                                                                      \
        ck_assert_msg(mlp_estimate(&spec, &bad, 1, &e) == MLP_E_ARGUMENT, #field " = " #value);   \
    } while (0)
    REFUSED(learning_rate, 0);
    REFUSED(learning_rate, -1);
    REFUSED(learning_rate, NAN);
    REFUSED(learning_rate, INFINITY);
    REFUSED(epochs, 0);
    REFUSED(batch_size, 0);
    REFUSED(beta1, 1);
    REFUSED(beta1, -0.1);
    REFUSED(beta2, NAN);
    REFUSED(epsilon, 0);
    REFUSED(l2, -1);
    REFUSED(l2, NAN);
    REFUSED(min_delta, -1);
    REFUSED(min_delta, NAN);
    REFUSED(optimizer, (enum mlp_optimizer)(MLP_LBFGS + 1));
    good.optimizer = MLP_SGD;
    ck_assert_int_eq(mlp_estimate(&spec, &good, 1, &e), MLP_OK);
    REFUSED(momentum, 1);
    REFUSED(momentum, -0.5);
    REFUSED(momentum, NAN);
#undef REFUSED
    spec.n_outputs = 0;
    ck_assert_int_eq(mlp_estimate(&spec, &good, 1, &e), MLP_E_ARGUMENT);
}
END_TEST

START_TEST(parameters_lie_layer_after_layer)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 4, .activation = MLP_TANH}};
    struct mlp_spec spec = help_spec(3, 1, hidden, 2, MLP_MSE);
    struct mlp_net *net = NULL;
    struct mlp_layer_view view;

    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
    ck_assert_uint_eq(mlp_net_parameters(net), 26);
    for (size_t i = 0; i < 26; i++) {
        ck_assert_float_eq(mlp_net_params(net)[i], 0);
    }
    mlp_net_layer(net, 0, &view);
    ck_assert(view.n_in == 3 && view.n_out == 4);
    ck_assert_ptr_eq(view.weights, mlp_net_params_const(net));
    ck_assert_ptr_eq(view.bias, mlp_net_params_const(net) + 12);
    mlp_net_layer(net, 1, &view);
    ck_assert(view.n_in == 4 && view.n_out == 2);
    ck_assert_ptr_eq(view.weights, mlp_net_params_const(net) + 16);
    ck_assert_ptr_eq(view.bias, mlp_net_params_const(net) + 24);
    /* the spec is a copy */
    ck_assert_ptr_ne(mlp_net_spec(net)->hidden, hidden);
    ck_assert_uint_eq(mlp_net_spec(net)->hidden[0].units, 4);
    ck_assert_int_eq(mlp_net_spec(net)->hidden[0].activation, MLP_TANH);
    mlp_net_free(&net);
    ck_assert_ptr_null(net);
    mlp_net_free(&net); /* and again does nothing */
}
END_TEST

/* The segment table covers the flat array once, and only weights decay. */
START_TEST(segments_cover_all_parameters)
{
    const struct mlp_layer_spec hidden[2] = {{.units = 4}, {.units = 9}};
    struct mlp_spec spec = help_spec(3, 2, hidden, 2, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 1);
    size_t at = 0;

    ck_assert_uint_eq(net->n_segments, 6);
    for (size_t i = 0; i < net->n_segments; i++) {
        const struct segment *s = &net->segments[i];

        ck_assert_uint_eq(s->offset, at);
        ck_assert_uint_eq(s->layer, i / 2);
        ck_assert_int_eq(s->kind, i % 2 == 0 ? SEGMENT_WEIGHTS : SEGMENT_BIAS);
        ck_assert_int_eq(s->decay, s->kind == SEGMENT_WEIGHTS);
        at += s->length;
    }
    ck_assert_uint_eq(at, mlp_net_parameters(net));
    mlp_net_free(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_spec");
    TCase *c = tcase_create("spec");

    tcase_add_test(c, names_and_parsers_agree);
    tcase_add_test(c, names_are_at_their_numbers);
    tcase_add_test(c, other_words_are_refused);
    tcase_add_test(c, status_has_words);
    tcase_add_test(c, widths_at_their_limits);
    tcase_add_test(c, depth_at_its_limit);
    tcase_add_test(c, output_must_fit_loss);
    tcase_add_test(c, unknown_choices_are_refused);
    tcase_add_test(c, layers_must_fit_together);
    tcase_add_test(c, parameters_are_counted);
    tcase_add_test(c, the_largest_is_only_counted);
    tcase_add_test(c, estimates_by_hand);
    tcase_add_test(c, senseless_trainings_are_refused);
    tcase_add_test(c, parameters_lie_layer_after_layer);
    tcase_add_test(c, segments_cover_all_parameters);
    suite_add_tcase(s, c);
    return help_run(s);
}
