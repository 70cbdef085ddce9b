/* Activations in networks: gradients through any mixture of them, predictions, training, sizes.
 * _i is the activation. */
#include "mlp_activation_help.h"
#include "mlp_gradient.h"
#include "mlp_help.h"

#include <stdio.h>

#include "mlp/net.h"

static struct mlp_layer_spec layer(size_t units, int f, size_t pieces)
{
    return (struct mlp_layer_spec){
        .units = units, .activation = (enum mlp_activation)f, .pieces = pieces};
}

static void check_net(const char *what, size_t n_hidden, const struct mlp_layer_spec *hidden,
                      enum mlp_loss loss)
{
    static const size_t rows[] = {1, 9};

    for (size_t r = 0; r < 2; r++) {
        struct mlp_spec spec = help_spec(5, n_hidden, hidden, 3, loss);

        gradient_check(&(struct gradient_case){
            .what = what, .spec = &spec, .rows = rows[r], .seed = 1000 * n_hidden + rows[r]});
    }
}

/* _i is the activation, in one to three layers of different widths */
START_TEST(gradient_of_each)
{
    struct mlp_layer_spec hidden[3];
    size_t pieces = _i == MLP_MAXOUT ? 3 : 0;

    for (size_t n = 0; n < 3; n++) {
        hidden[n] = layer(7 - n, _i, pieces);
        check_net(mlp_activation_names()[_i], n + 1, hidden, MLP_MSE);
        check_net(mlp_activation_names()[_i], n + 1, hidden, MLP_CROSS_ENTROPY);
    }
}
END_TEST

START_TEST(gradient_of_maxout_of_any_pieces)
{
    static const size_t pieces[] = {2, 3, 5, MLP_MAX_PIECES};

    for (size_t i = 0; i < 4; i++) {
        const struct mlp_layer_spec hidden[3] = {layer(4, MLP_MAXOUT, pieces[i]),
                                                 layer(6, MLP_MAXOUT, pieces[3 - i]),
                                                 layer(3, MLP_MAXOUT, 2)};

        for (size_t n = 1; n <= 3; n++) {
            check_net("maxout", n, hidden, MLP_MSE);
        }
    }
}
END_TEST

/* Wide enough for the product library and for more than one vector. */
START_TEST(gradient_of_wide_layers)
{
    static const int mixed[] = {MLP_PRELU, MLP_GELU, MLP_MAXOUT};

    for (size_t i = 0; i < 3; i++) {
        const struct mlp_layer_spec hidden[1] = {layer(70, mixed[i], mixed[i] == MLP_MAXOUT ? 2 : 0)};
        struct mlp_spec spec = help_spec(3, 1, hidden, 2, MLP_MSE);

        gradient_check(&(struct gradient_case){
            .what = mlp_activation_names()[mixed[i]], .spec = &spec, .rows = 20, .seed = 4});
    }
}
END_TEST

/* Every activation in front of and behind another one. */
START_TEST(gradient_of_mixtures)
{
    for (int f = 0; f <= MLP_MAXOUT; f++) {
        int g = (f + _i) % (MLP_MAXOUT + 1), h = (f + 3 * _i + 1) % (MLP_MAXOUT + 1);
        const struct mlp_layer_spec hidden[3] = {layer(5, f, f == MLP_MAXOUT ? 2 : 0),
                                                 layer(4, g, g == MLP_MAXOUT ? 5 : 0),
                                                 layer(6, h, h == MLP_MAXOUT ? 3 : 0)};
        char what[64];

        (void)snprintf(what, sizeof(what), "%s, %s, %s", mlp_activation_names()[f],
                       mlp_activation_names()[g], mlp_activation_names()[h]);
        check_net(what, 3, hidden, MLP_BINARY_CROSS_ENTROPY);
    }
}
END_TEST

/* What training sees and what a prediction does are the same numbers. */
static double predict_one(const double *params, const struct mlp_spec *spec, const float *x,
                          float *out)
{
    double a[64], z[64];
    const double *w = params;
    size_t n_in = spec->n_inputs;

    for (size_t i = 0; i < n_in; i++) {
        a[i] = (double)x[i];
    }
    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        for (size_t j = 0; j < l.n_z; j++) {
            z[j] = w[n_in * l.n_z + j];
            for (size_t i = 0; i < n_in; i++) {
                z[j] += a[i] * w[i * l.n_z + j];
            }
        }
        w += (n_in + 1) * l.n_z;
        for (size_t j = 0; j < l.n_out; j++) {
            a[j] = z[j];
            for (size_t q = 1; q < l.pieces; q++) {
                a[j] = fmax(a[j], z[q * l.n_out + j]);
            }
            if (l.activation == MLP_PRELU) {
                a[j] = z[j] > 0 ? z[j] : w[j] * z[j];
            } else if (l.activation != MLP_MAXOUT) {
                a[j] = help_activation(l.activation, z[j]);
            }
        }
        w += l.activation == MLP_PRELU ? l.n_out : 0;
        n_in = l.n_out;
    }
    double worst = 0;

    for (size_t j = 0; j < n_in; j++) {
        worst = fmax(worst, fabs(a[j] - (double)out[j]));
    }
    return worst;
}

START_TEST(predictions_by_the_book)
{
    enum { ROWS = 23 };
    const struct mlp_layer_spec hidden[3] = {layer(6, _i, _i == MLP_MAXOUT ? 4 : 0),
                                             layer(9, MLP_PRELU, 0), layer(5, MLP_MAXOUT, 3)};
    struct mlp_spec spec = help_spec(4, 3, hidden, 2, MLP_MSE);
    struct mlp_net *net = help_net(&spec, 5);
    struct mlp_workspace *few = NULL, *many = NULL;
    uint64_t seed = 77;
    float *x = help_floats(&seed, ROWS * 4, 2), out[2 * ROWS], again[2 * ROWS];
    double params[500];

    ck_assert_uint_le(mlp_net_parameters(net), 500);
    for (size_t i = 0; i < mlp_net_parameters(net); i++) {
        params[i] = (double)mlp_net_params_const(net)[i];
    }
    ck_assert_int_eq(mlp_workspace_new(net, ROWS, &many), MLP_OK);
    ck_assert_int_eq(mlp_workspace_new(net, 3, &few), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, many, x, ROWS, out), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, few, x, ROWS, again), MLP_OK);
    ck_assert_mem_eq(out, again, sizeof(out));
    for (size_t r = 0; r < ROWS; r++) {
        ck_assert_double_le(predict_one(params, &spec, x + 4 * r, out + 2 * r), 2e-6);
    }
    mlp_workspace_free(&few);
    mlp_workspace_free(&many);
    mlp_net_free(&net);
    free(x);
}
END_TEST

struct seen {
    const struct mlp_net *net;
    const struct mlp_data *data;
    size_t epochs;
};

static void compare_scores(void *arg, const struct mlp_epoch *e)
{
    struct seen *s = arg;
    struct mlp_workspace *ws = NULL;
    struct mlp_score score;

    ck_assert_int_eq(mlp_workspace_new(s->net, 7, &ws), MLP_OK);
    ck_assert_int_eq(mlp_evaluate(s->net, ws, s->data, &score), MLP_OK);
    ck_assert_double_eq(score.loss, e->validation.loss);
    s->epochs++;
    mlp_workspace_free(&ws);
}

/* Training in batches makes the loss smaller, and what it evaluates in its own room is what a
 * workspace gives. */
START_TEST(training_and_evaluation_agree)
{
    enum { ROWS = 60 };
    const struct mlp_layer_spec hidden[2] = {layer(8, _i, _i == MLP_MAXOUT ? 3 : 0),
                                             layer(5, _i, _i == MLP_MAXOUT ? 2 : 0)};
    struct mlp_spec spec = help_spec(2, 2, hidden, 1, MLP_MSE);
    struct mlp_train_spec train = help_adam(0.02, 40, 16);
    struct mlp_net *net = help_net(&spec, 9);
    uint64_t seed = 31;
    float *x = help_floats(&seed, ROWS * 2, 1), *y = help_floats(&seed, ROWS, 1);

    for (size_t i = 0; i < ROWS; i++) {
        y[i] = x[2 * i] * 2 - x[2 * i + 1];
    }
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    struct seen seen = {net, &data, 0};
    const struct mlp_callbacks callbacks = {.arg = &seen, .epoch = compare_scores};
    struct mlp_result r;

    ck_assert_int_eq(mlp_train(net, &train, &data, &data, &callbacks, &r), MLP_OK);
    ck_assert_uint_eq(seen.epochs, 40);
    ck_assert_msg(r.best_loss < 0.25, "%s ends at %g", mlp_activation_names()[_i], r.best_loss);
    mlp_net_free(&net);
    free(x);
    free(y);
}
END_TEST

/* ---- sizes ---------------------------------------------------------------------------- */

START_TEST(slopes_and_pieces_are_counted)
{
    const struct mlp_layer_spec hidden[2] = {layer(6, MLP_MAXOUT, 4), layer(5, MLP_PRELU, 0)};
    struct mlp_spec spec = help_spec(3, 2, hidden, 2, MLP_MSE);
    struct mlp_train_spec train = help_adam(0.1, 7, 16);
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_layer_view view;
    struct mlp_estimate e;
    size_t n = 0;

    /* (3 + 1) 24, (6 + 1) 5 + 5, (5 + 1) 2 */
    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_OK);
    ck_assert_uint_eq(n, 96 + 40 + 12);
    ck_assert_uint_eq(mlp_net_parameters(net), n);
    ck_assert_uint_eq(mlp_net_values(net), n);
    mlp_net_layer(net, 0, &view);
    ck_assert(view.n_in == 3 && view.n_out == 24 && view.units == 6 && view.slope == NULL);
    mlp_net_layer(net, 1, &view);
    ck_assert(view.n_in == 6 && view.n_out == 5 && view.units == 5);
    ck_assert_ptr_eq(view.slope, mlp_net_params_const(net) + 96 + 35);
    for (size_t j = 0; j < 5; j++) {
        ck_assert_float_eq(view.slope[j], 0.25F);
    }
    ck_assert_int_eq(mlp_estimate(&spec, &train, 100, &e), MLP_OK);
    ck_assert_uint_eq(e.parameters, n);
    ck_assert_double_eq(e.flops, 2.0 * (2 * 72 + 3 * 30 + 3 * 10) * 100 * 7);
    mlp_net_free(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_activation_nets");
    TCase *c = tcase_create("networks");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gradient_of_each, 0, MLP_MAXOUT + 1);
    tcase_add_test(c, gradient_of_maxout_of_any_pieces);
    tcase_add_test(c, gradient_of_wide_layers);
    tcase_add_loop_test(c, gradient_of_mixtures, 0, 4);
    tcase_add_loop_test(c, predictions_by_the_book, 0, MLP_MAXOUT + 1);
    tcase_add_loop_test(c, training_and_evaluation_agree, 0, MLP_MAXOUT + 1);
    tcase_add_test(c, slopes_and_pieces_are_counted);
    suite_add_tcase(s, c);
    return help_run(s);
}
