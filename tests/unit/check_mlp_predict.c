/* Predictions: what they are, that a row's bits do not depend on the rows around it nor on the
 * workspace, and that threads may share a net. */
#include "mlp_activation_help.h"
#include "mlp_help.h"

#include <pthread.h>

/* Nets of many shapes; narrow outputs, wide inputs, no hidden layer. */
static const struct {
    size_t n_inputs, n_hidden, units[3], n_outputs;
    enum mlp_activation activation;
    enum mlp_loss loss;
} nets[] = {
    {1, 0, {0}, 1, MLP_IDENTITY, MLP_MSE},
    {8, 2, {64, 64}, 1, MLP_RELU, MLP_MSE},
    {4, 1, {16}, 3, MLP_TANH, MLP_CROSS_ENTROPY},
    {64, 1, {64}, 10, MLP_RELU, MLP_CROSS_ENTROPY},
    {100, 2, {256, 33}, 15, MLP_SIGMOID, MLP_BINARY_CROSS_ENTROPY},
    {784, 1, {128}, 10, MLP_RELU, MLP_CROSS_ENTROPY},
    {784, 0, {0}, 16, MLP_IDENTITY, MLP_CROSS_ENTROPY},
    {13, 3, {300, 200, 100}, 7, MLP_LEAKY_RELU, MLP_MSE},
    {20, 1, {1000}, 300, MLP_TANH, MLP_CROSS_ENTROPY},
};
#define NETS ((int)(sizeof(nets) / sizeof(*nets)))

static struct mlp_net *make_net(int i)
{
    struct mlp_layer_spec hidden[3];

    for (size_t k = 0; k < nets[i].n_hidden; k++) {
        hidden[k] = (struct mlp_layer_spec){.units = nets[i].units[k],
                                            .activation = nets[i].activation};
    }
    struct mlp_spec spec =
        help_spec(nets[i].n_inputs, nets[i].n_hidden, hidden, nets[i].n_outputs, nets[i].loss);
    struct mlp_net *net = help_net(&spec, 21 + (uint64_t)i);
    uint64_t seed = 5;

    for (size_t p = 0; p < mlp_net_parameters(net); p++) { /* biases too */
        mlp_net_params(net)[p] += (float)(0.1 * (help_unit(&seed) - 0.5));
    }
    return net;
}

static struct mlp_workspace *make_workspace(const struct mlp_net *net, size_t rows)
{
    struct mlp_workspace *ws = NULL;

    ck_assert_int_eq(mlp_workspace_new(net, rows, &ws), MLP_OK);
    return ws;
}

/* One row in double, through the public view of the layers. */
static void naive_row(const struct mlp_net *net, const float *x, double *out)
{
    const struct mlp_spec *spec = mlp_net_spec(net);
    double a[1024], z[1024], sum = 0;

    for (size_t i = 0; i < spec->n_inputs; i++) {
        a[i] = (double)x[i];
    }
    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct mlp_layer_view l;

        mlp_net_layer(net, k, &l);
        for (size_t j = 0; j < l.n_out; j++) {
            z[j] = (double)l.bias[j];
            for (size_t i = 0; i < l.n_in; i++) {
                z[j] += a[i] * (double)l.weights[i * l.n_out + j];
            }
        }
        for (size_t j = 0; j < l.n_out; j++) {
            a[j] = k < spec->n_hidden ? help_activation(spec->hidden[k].activation, z[j]) : z[j];
        }
    }
    for (size_t j = 0; j < spec->n_outputs; j++) {
        sum += exp(a[j]);
    }
    for (size_t j = 0; j < spec->n_outputs; j++) {
        out[j] = spec->output == MLP_OUT_SOFTMAX   ? exp(a[j]) / sum
                 : spec->output == MLP_OUT_SIGMOID ? 1 / (1 + exp(-a[j]))
                                                   : a[j];
    }
}

START_TEST(predictions_by_definition)
{
    enum { ROWS = 9 };
    struct mlp_net *net = make_net(_i);
    struct mlp_workspace *ws = make_workspace(net, 4);
    size_t n_in = nets[_i].n_inputs, n_out = nets[_i].n_outputs;
    uint64_t seed = 1;
    float *x = help_floats(&seed, ROWS * n_in, 2), *p = help_floats(&seed, ROWS * n_out, 1);
    double truth[1024];

    ck_assert_int_eq(mlp_predict(net, ws, x, ROWS, p), MLP_OK);
    for (size_t r = 0; r < ROWS; r++) {
        naive_row(net, x + r * n_in, truth);
        for (size_t j = 0; j < n_out; j++) {
            ck_assert_double_eq_tol((double)p[r * n_out + j], truth[j],
                                    1e-5 * fmax(1, fabs(truth[j])));
        }
    }
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
    free(x);
    free(p);
}
END_TEST

START_TEST(rows_do_not_see_each_other)
{
    static const size_t slices[] = {1, 2, 3, 7, 13, 16, 31, 64};
    enum { ROWS = 131 };
    struct mlp_net *net = make_net(_i);
    struct mlp_workspace *large = make_workspace(net, ROWS), *small = make_workspace(net, 5);
    size_t n_in = nets[_i].n_inputs, n_out = nets[_i].n_outputs;
    uint64_t seed = 2;
    float *x = help_floats(&seed, ROWS * n_in, 2);
    float *whole = malloc(ROWS * n_out * sizeof(*whole)), *p = malloc(ROWS * n_out * sizeof(*p));

    ck_assert_int_eq(mlp_predict(net, large, x, ROWS, whole), MLP_OK);
    for (size_t s = 0; s < sizeof(slices) / sizeof(*slices); s++) {
        memset(p, 0, ROWS * n_out * sizeof(*p));
        for (size_t i = 0; i < ROWS; i += slices[s]) {
            size_t n = ROWS - i < slices[s] ? ROWS - i : slices[s];

            ck_assert_int_eq(mlp_predict(net, large, x + i * n_in, n, p + i * n_out), MLP_OK);
        }
        ck_assert_msg(memcmp(whole, p, ROWS * n_out * sizeof(*p)) == 0, "slices of %zu", slices[s]);
    }
    ck_assert_int_eq(mlp_predict(net, small, x, ROWS, p), MLP_OK);
    ck_assert_mem_eq(whole, p, ROWS * n_out * sizeof(*p));
    mlp_workspace_free(&large);
    mlp_workspace_free(&small);
    mlp_net_free(&net);
    free(x);
    free(whole);
    free(p);
}
END_TEST

START_TEST(no_rows_are_no_work)
{
    struct mlp_net *net = make_net(2);
    struct mlp_workspace *ws = make_workspace(net, 1);
    float x[4] = {0}, out[3] = {7, 7, 7};

    ck_assert_int_eq(mlp_predict(net, ws, x, 0, out), MLP_OK);
    ck_assert_float_eq(out[0], 7);
    mlp_workspace_free(&ws);
    ck_assert_ptr_null(ws);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

START_TEST(workspaces_fit_a_spec)
{
    struct mlp_net *net = make_net(2), *twin = make_net(2), *other = make_net(3);
    struct mlp_workspace *ws = make_workspace(net, 2), *huge = NULL;
    float x[64] = {1, 2, 3, 4}, a[10], b[10];

    ck_assert_int_eq(mlp_net_init(twin, 99), MLP_OK);
    memcpy(mlp_net_params(twin), mlp_net_params(net), mlp_net_parameters(net) * sizeof(float));
    ck_assert_int_eq(mlp_predict(net, ws, x, 1, a), MLP_OK);
    ck_assert_int_eq(mlp_predict(twin, ws, x, 1, b), MLP_OK);
    ck_assert_mem_eq(a, b, 3 * sizeof(*a));
    ck_assert_int_eq(mlp_predict(other, ws, x, 1, a), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_workspace_new(net, 0, &huge), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_workspace_new(net, SIZE_MAX, &huge), MLP_E_TOO_LARGE);
    ck_assert_int_eq(mlp_workspace_new(net, SIZE_MAX / 64, &huge), MLP_E_TOO_LARGE);
    ck_assert_ptr_null(huge);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
    mlp_net_free(&twin);
    mlp_net_free(&other);
}
END_TEST

/* Loss and accuracy from predictions, by the definitions in mlp.h. */
static void naive_score(const struct mlp_net *net, const struct mlp_data *d,
                        struct mlp_score *score)
{
    const struct mlp_spec *spec = mlp_net_spec(net);
    double p[1024], loss = 0, hits = 0;

    for (size_t r = 0; r < d->rows; r++) {
        bool hit = true;

        naive_row(net, d->x + r * spec->n_inputs, p);
        for (size_t j = 0; j < spec->n_outputs && d->targets != NULL; j++) {
            double y = (double)d->targets[r * spec->n_outputs + j];
            double l = spec->loss == MLP_MSE ? (y - p[j]) * (y - p[j])
                                             : -y * log(p[j]) - (1 - y) * log(1 - p[j]);

            loss += l / (double)spec->n_outputs;
            hit &= (p[j] >= 0.5) == (y >= 0.5);
        }
        for (size_t j = 0; j < spec->n_outputs && d->labels != NULL; j++) {
            hit &= p[j] <= p[d->labels[r]];
        }
        loss -= d->labels != NULL ? log(p[d->labels[r]]) : 0;
        hits += hit;
    }
    score->loss = loss / (double)d->rows;
    score->accuracy = spec->loss == MLP_MSE ? NAN : hits / (double)d->rows;
}

START_TEST(evaluation_by_definition)
{
    enum { ROWS = 83 };
    struct mlp_net *net = make_net(_i);
    size_t n_in = nets[_i].n_inputs, n_out = nets[_i].n_outputs;
    bool classes = nets[_i].loss == MLP_CROSS_ENTROPY;
    uint64_t seed = 6;
    float *x = help_floats(&seed, ROWS * n_in, 1), *y = help_floats(&seed, ROWS * n_out, 1);
    uint32_t *labels = help_labels(&seed, ROWS, n_out);
    struct mlp_score truth, first, score;
    struct mlp_data data = {.rows = ROWS, .x = x};

    for (size_t i = 0; i < ROWS * n_out && nets[_i].loss == MLP_BINARY_CROSS_ENTROPY; i++) {
        y[i] = y[i] > 0;
    }
    data.targets = classes ? NULL : y;
    data.labels = classes ? labels : NULL;
    naive_score(net, &data, &truth);
    for (size_t rows = 1; rows <= 128; rows += 9) { /* the same bits in slices of any size */
        struct mlp_workspace *ws = make_workspace(net, rows);

        ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_OK);
        mlp_workspace_free(&ws);
        if (rows == 1) {
            first = score;
            ck_assert_double_eq_tol(score.loss, truth.loss, 1e-5 * fmax(1, truth.loss));
        }
        ck_assert_mem_eq(&score.loss, &first.loss, sizeof(score.loss));
        ck_assert(isnan(truth.accuracy) ? isnan(score.accuracy)
                                        : score.accuracy == truth.accuracy);
    }
    mlp_net_free(&net);
    free(x);
    free(y);
    free(labels);
}
END_TEST

START_TEST(evaluation_refuses_wrong_data)
{
    struct mlp_net *net = make_net(2); /* three classes */
    struct mlp_workspace *ws = make_workspace(net, 8);
    float x[8] = {0};
    uint32_t labels[2] = {0, 2};
    struct mlp_data data = {.rows = 2, .x = x, .labels = labels};
    struct mlp_score score;

    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_OK);
    labels[1] = 3;
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_E_ARGUMENT);
    data.rows = 1;
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_OK);
    data.rows = 0;
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_E_ARGUMENT);
    data = (struct mlp_data){.rows = 1, .x = x, .targets = x};
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_E_ARGUMENT);
    data = (struct mlp_data){.rows = 1, .labels = labels};
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_E_ARGUMENT);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

struct reader {
    const struct mlp_net *net;
    struct mlp_workspace *ws; /* made by another thread */
    const float *x;
    float *out;
};

static void *read_net(void *arg)
{
    struct reader *r = arg;
    bool ok = true;

    for (int i = 0; i < 20; i++) {
        ok &= mlp_predict(r->net, r->ws, r->x, 40, r->out) == MLP_OK;
    }
    return ok ? r : NULL;
}

START_TEST(threads_share_a_net)
{
    struct mlp_net *net = make_net(5);
    uint64_t seed = 3;
    float *x = help_floats(&seed, 40 * 784, 1), out[3][400];
    struct reader readers[3];
    pthread_t threads[3];

    for (int i = 0; i < 3; i++) {
        readers[i] = (struct reader){net, make_workspace(net, 16), x, out[i]};
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_net, &readers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *result = NULL;

        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, &readers[i]);
        mlp_workspace_free(&readers[i].ws);
    }
    ck_assert_mem_eq(out[0], out[1], sizeof(out[0]));
    ck_assert_mem_eq(out[0], out[2], sizeof(out[0]));
    mlp_net_free(&net);
    free(x);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_predict");
    TCase *c = tcase_create("predict");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, predictions_by_definition, 0, NETS);
    tcase_add_loop_test(c, rows_do_not_see_each_other, 0, NETS);
    tcase_add_test(c, no_rows_are_no_work);
    tcase_add_test(c, workspaces_fit_a_spec);
    tcase_add_loop_test(c, evaluation_by_definition, 0, NETS);
    tcase_add_test(c, evaluation_refuses_wrong_data);
    tcase_add_test(c, threads_share_a_net);
    suite_add_tcase(s, c);
    return help_run(s);
}
