/* What norms compute, while training and in a prediction, and what a prediction does with all
 * stages of a layer. _i is the table of kernels. */
#include "mlp_rig.h"

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

static const struct mlp_layer_spec normed[3] = {
    {.units = 70, .activation = MLP_TANH, .norm = MLP_NORM_BATCH},
    {.units = 70, .activation = MLP_TANH, .norm = MLP_NORM_LAYER},
    {.units = 9, .activation = MLP_PRELU, .norm = MLP_NORM_LAYER},
};

/* z of the first layer, by the book, for one row. */
static double linear(const struct mlp_layer_view *l, const float *x, size_t j)
{
    double z = l->bias != NULL ? (double)l->bias[j] : 0;

    for (size_t i = 0; i < l->n_in; i++) {
        z += (double)x[i] * (double)l->weights[i * l->n_out + j];
    }
    return z;
}

struct moments {
    double mean, variance; /* over n */
};

static struct moments column_of(const struct mlp_layer_view *l, const float *x, size_t rows,
                                size_t j)
{
    struct moments m = {0, 0};

    for (size_t r = 0; r < rows; r++) {
        m.mean += linear(l, x + r * l->n_in, j) / (double)rows;
    }
    for (size_t r = 0; r < rows; r++) {
        m.variance += pow(linear(l, x + r * l->n_in, j) - m.mean, 2) / (double)rows;
    }
    return m;
}

static double normed_by(const struct moments *m, const struct mlp_layer_view *l, double z, size_t j)
{
    return (z - m->mean) / sqrt(m->variance + 1e-5) * (double)l->gain[j] + (double)l->shift[j];
}

/* Batches around the chunks' edges, one after another in one net. */
START_TEST(batch_norm_by_the_formula)
{
    static const size_t batches[] = {2, 64, 63, 200, 65, 128, 1, 3};
    enum { MOST = 200, INPUTS = 6 };
    struct mlp_spec spec = help_spec(INPUTS, 1, normed, 1, MLP_MSE);
    struct rig rig = rig_new(&spec, MOST, (size_t)_i, 3);
    double mean[70] = {0}, variance[70];
    struct mlp_layer_view l;
    uint64_t seed = 17;

    mlp_net_layer(rig.net, 0, &l);
    ck_assert_ptr_null(l.bias);
    for (size_t j = 0; j < 70; j++) {
        variance[j] = 1;
    }
    for (size_t b = 0; b < COUNT(batches); b++) {
        size_t rows = batches[b];
        float *x = help_floats(&seed, rows * INPUTS, 2), *y = help_floats(&seed, rows, 1);

        for (size_t r = 0; r < rows; r++) { /* far from 0: squares of sums would be lost */
            x[r * INPUTS] += 300;
        }
        (void)rig_gradient(&rig, &(struct mlp_data){.rows = rows, .x = x, .targets = y},
                           &(struct pass_moment){.seed = 1});
        for (size_t j = 0; j < 70; j++) {
            struct moments m = column_of(&l, x, rows, j);

            for (size_t r = 0; r < rows; r++) {
                double truth = normed_by(&m, &l, linear(&l, x + r * INPUTS, j), j);

                /* z itself is known to about 300 x 2^-24 */
                ck_assert_double_eq_tol((double)rig.pass.layer[0].h[r * 70 + j], tanh(truth),
                                        rows == 1 ? 1e-2 : 4e-4);
            }
            mean[j] = 0.9 * mean[j] + 0.1 * m.mean;
            if (rows > 1) {
                variance[j] =
                    0.9 * variance[j] + 0.1 * m.variance * (double)rows / (double)(rows - 1);
            }
            ck_assert_double_eq_tol((double)l.mean[j], mean[j], 1e-6 * fmax(1, fabs(mean[j])));
            ck_assert_double_eq_tol((double)l.variance[j], variance[j],
                                    1e-4 * fmax(1, variance[j]));
        }
        ck_assert(rig.net->kernel->finite(rig.gradient, rig.net->n_params));
        free(x);
        free(y);
    }
    rig_free(&rig);
}
END_TEST

START_TEST(batch_norm_of_one_row_is_finite)
{
    struct mlp_spec spec = help_spec(4, 1, normed, 1, MLP_MSE);
    struct rig rig = rig_new(&spec, 1, (size_t)_i, 8);
    const float x[4] = {1, -2, 3, 0.5F}, y[1] = {1};
    const struct mlp_layer_spec *h = &spec.hidden[0];
    struct mlp_layer_view l;

    mlp_net_layer(rig.net, 0, &l);
    double loss = rig_gradient(&rig, &(struct mlp_data){.rows = 1, .x = x, .targets = y},
                               &(struct pass_moment){.seed = 1});

    ck_assert(isfinite(loss));
    ck_assert(rig.net->kernel->finite(rig.gradient, rig.net->n_params));
    for (size_t j = 0; j < h->units; j++) { /* z^ is 0, what is left is the shift */
        ck_assert_double_eq_tol((double)rig.pass.layer[0].h[j], tanh((double)l.shift[j]), 1e-6);
        ck_assert_float_eq(l.variance[j], 1);
    }
    rig_free(&rig);
}
END_TEST

START_TEST(layer_norm_by_the_formula)
{
    for (size_t which = 1; which < 3; which++) {
        struct mlp_spec spec = help_spec(5, 1, normed + which, 1, MLP_MSE);
        struct rig rig = rig_new(&spec, 66, (size_t)_i, 4);
        uint64_t seed = 6;
        float *x = help_floats(&seed, 66 * 5, 2), *y = help_floats(&seed, 66, 1);
        struct mlp_layer_view l;

        mlp_net_layer(rig.net, 0, &l);
        (void)rig_gradient(&rig, &(struct mlp_data){.rows = 66, .x = x, .targets = y},
                           &(struct pass_moment){.seed = 1});
        for (size_t r = 0; r < 66; r++) {
            struct moments m = {0, 0};

            for (size_t j = 0; j < l.n_out; j++) {
                m.mean += linear(&l, x + r * 5, j) / (double)l.n_out;
            }
            for (size_t j = 0; j < l.n_out; j++) {
                m.variance += pow(linear(&l, x + r * 5, j) - m.mean, 2) / (double)l.n_out;
            }
            for (size_t j = 0; j < l.n_out; j++) {
                double v = normed_by(&m, &l, linear(&l, x + r * 5, j), j);
                double truth = which == 1 ? tanh(v) : v > 0 ? v : v * (double)l.slope[j];

                ck_assert_double_eq_tol((double)rig.pass.layer[0].h[r * l.n_out + j], truth, 5e-6);
            }
        }
        rig_free(&rig);
        free(x);
        free(y);
    }
}
END_TEST

/* ---- predictions ----------------------------------------------------------------------- */

/* Batch norm by running statistics, the input scaled, nothing dropped, nothing noisy, the
 * shortcut taken: against the formula. Of the same net, a training's room gives the same. */
START_TEST(prediction_by_the_formula)
{
    enum { N = 6, ROWS = 9 };
    const struct mlp_layer_spec hidden[1] = {{.units = N,
                                              .activation = MLP_TANH,
                                              .norm = MLP_NORM_BATCH,
                                              .residual = true,
                                              .dropout = 0.5,
                                              .noise = 3}};
    struct mlp_spec spec = help_spec(N, 1, hidden, 1, MLP_MSE);
    struct mlp_workspace *ws = NULL;
    uint64_t seed = 21;
    float *x = help_floats(&seed, ROWS * N, 2), out[ROWS], *z = NULL;
    struct mlp_layer_view l, last;

    spec.input_scale = true;
    spec.input_dropout = 0.5;
    spec.input_noise = 2;
    struct rig rig = rig_new(&spec, ROWS, (size_t)_i, 2);

    for (size_t j = 0; j < 2 * N; j++) { /* the running statistics */
        rig.net->params[rig.net->n_params + j] = (float)(0.1 + help_unit(&seed));
    }
    mlp_net_layer(rig.net, 0, &l);
    mlp_net_layer(rig.net, 1, &last);
    ck_assert_int_eq(mlp_workspace_new(rig.net, 4, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(rig.net, ws, x, ROWS, out), MLP_OK);
    for (size_t r = 0; r < ROWS; r++) {
        double truth = (double)last.bias[0];
        float scaled[N];

        for (size_t i = 0; i < N; i++) {
            scaled[i] = x[r * N + i] * mlp_net_input_scale(rig.net)[i];
        }
        for (size_t j = 0; j < N; j++) {
            struct moments m = {(double)l.mean[j], (double)l.variance[j]};
            double h = tanh(normed_by(&m, &l, linear(&l, scaled, j), j)) + (double)scaled[j];

            truth += h * (double)last.weights[j];
        }
        ck_assert_double_eq_tol((double)out[r], truth, 3e-6 * fmax(1, fabs(truth)));
    }
    ck_assert_int_eq(pass_predict(&rig.pass, rig.net, x, NULL, ROWS, NULL, &z), MLP_OK);
    ck_assert_mem_eq(z, out, sizeof(out));
    mlp_workspace_free(&ws);
    rig_free(&rig);
    free(x);
}
END_TEST

/* More columns than are prepared at once. */
START_TEST(prediction_of_many_columns)
{
    enum { N = 600, ROWS = 3 };
    const struct mlp_layer_spec hidden[1] = {{.units = N, .norm = MLP_NORM_BATCH}};
    struct mlp_spec spec = help_spec(2, 1, hidden, 1, MLP_MSE);
    struct rig rig = rig_new(&spec, 1, (size_t)_i, 2);
    uint64_t seed = 3;
    float *z = help_floats(&seed, ROWS * N, 2);
    struct mlp_layer_view l;

    for (size_t j = 0; j < 2 * N; j++) {
        rig.net->params[rig.net->n_params + j] = (float)(0.1 + help_unit(&seed));
    }
    mlp_net_layer(rig.net, 0, &l);
    float *y = malloc(ROWS * N * sizeof(*y));

    ck_assert_ptr_nonnull(y);
    memcpy(y, z, ROWS * N * sizeof(*y));
    norm_predict(rig.net, &rig.net->layers[0], y, ROWS);
    for (size_t e = 0; e < ROWS * N; e++) {
        struct moments m = {(double)l.mean[e % N], (double)l.variance[e % N]};
        double truth = normed_by(&m, &l, (double)z[e], e % N);

        ck_assert_double_eq_tol((double)y[e], truth, 2e-6 * fmax(1, fabs(truth)));
    }
    rig_free(&rig);
    free(z);
    free(y);
}
END_TEST

/* A row's bits know nothing of the rows around it. */
START_TEST(a_row_alone_is_a_row_among_many)
{
    enum { N = 37, ROWS = 70 };

    for (int f = MLP_IDENTITY; f <= MLP_MAXOUT; f++) {
        struct mlp_layer_spec hidden[2];

        for (size_t i = 0; i < 2; i++) {
            hidden[i] = (struct mlp_layer_spec){.units = N,
                                                .activation = (enum mlp_activation)f,
                                                .pieces = f == MLP_MAXOUT ? 2 : 0,
                                                .norm = i == 0 ? MLP_NORM_BATCH : MLP_NORM_LAYER,
                                                .residual = true,
                                                .dropout = 0.4};
        }
        struct mlp_spec spec = help_spec(N, 2, hidden, 3, MLP_MSE);

        spec.input_scale = true;
        struct rig rig = rig_new(&spec, ROWS, (size_t)_i, 12);
        struct mlp_workspace *ws = NULL;
        uint64_t seed = 2;
        float *x = help_floats(&seed, ROWS * N, 2), all[ROWS * 3], one[3];

        ck_assert_int_eq(mlp_workspace_new(rig.net, ROWS, &ws), MLP_OK);
        ck_assert_int_eq(mlp_predict(rig.net, ws, x, ROWS, all), MLP_OK);
        for (size_t r = 0; r < ROWS; r++) {
            ck_assert_int_eq(mlp_predict(rig.net, ws, x + r * N, 1, one), MLP_OK);
            ck_assert_mem_eq(one, all + 3 * r, sizeof(one));
        }
        mlp_workspace_free(&ws);
        rig_free(&rig);
        free(x);
    }
}
END_TEST

/* Scores between steps, by the training's own room: the steps do not notice, and no running
 * statistic moves. */
START_TEST(scores_leave_a_training_alone)
{
    enum { N = 8, ROWS = 40 };
    struct mlp_layer_spec hidden[2] = {{.units = N,
                                        .activation = MLP_RELU,
                                        .norm = MLP_NORM_BATCH,
                                        .residual = true,
                                        .dropout = 0.2,
                                        .noise = 0.1}};
    struct mlp_spec spec = help_spec(N, 2, hidden, 2, MLP_MSE);
    uint64_t seed = 77;
    float *x = help_floats(&seed, ROWS * N, 1), *y = help_floats(&seed, ROWS * 2, 1);
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    const struct pass_moment moment = {.seed = 3, .epoch = 1, .step = 4};
    struct mlp_score score, again;
    struct mlp_workspace *ws = NULL;

    hidden[1] = hidden[0];
    spec.input_scale = true;
    spec.input_dropout = 0.1;
    struct rig a = rig_new(&spec, ROWS, (size_t)_i, 6), b = rig_new(&spec, ROWS, (size_t)_i, 6);

    for (int step = 0; step < 3; step++) {
        (void)rig_gradient(&a, &data, &moment);
        ck_assert_int_eq(pass_score(&a.pass, a.net, &data, &score), MLP_OK);
        (void)rig_gradient(&b, &data, &moment);
        ck_assert_mem_eq(a.gradient, b.gradient, a.net->n_params * sizeof(float));
        ck_assert_mem_eq(a.net->params, b.net->params, a.net->n_values * sizeof(float));
    }
    ck_assert_int_eq(mlp_workspace_new(a.net, 7, &ws), MLP_OK);
    ck_assert_int_eq(mlp_evaluate(a.net, ws, &data, &again), MLP_OK);
    ck_assert_double_eq_tol(score.loss, again.loss, 1e-12 * again.loss);
    mlp_workspace_free(&ws);
    rig_free(&a);
    rig_free(&b);
    free(x);
    free(y);
}
END_TEST

/* Parts of the rows, as threads would take them, in any order. */
START_TEST(norms_in_slices)
{
    static const size_t cuts[] = {128, 64, 0, 192, 250};
    enum { N = 21, ROWS = 250 };

    for (int norm = MLP_NORM_BATCH; norm <= MLP_NORM_LAYER; norm++) {
        const struct mlp_layer_spec hidden[1] = {{.units = N, .norm = (enum mlp_norm)norm}};
        struct mlp_spec spec = help_spec(4, 1, hidden, 1, MLP_MSE);
        struct rig whole = rig_new(&spec, ROWS, (size_t)_i, 6);
        struct rig parts = rig_new(&spec, ROWS, (size_t)_i, 6);
        uint64_t seed = 5;
        float *z = help_floats(&seed, ROWS * N, 2), *d = help_floats(&seed, ROWS * N, 1);

        for (struct rig *r = &whole;; r = &parts) {
            struct pass_layer *at = &r->pass.layer[0];

            memcpy(at->z, z, ROWS * N * sizeof(*z));
            memcpy(at->delta, d, ROWS * N * sizeof(*d));
            for (int step = 0; step < 6; step++) {
                if (step == 1) {
                    norm_settle(&r->pass, r->net, 0, ROWS);
                } else if (step == 4) {
                    norm_back_settle(&r->pass, r->net, 0, ROWS, r->gradient);
                }
                for (size_t c = 0; step != 1 && step != 4 && c < 4; c++) {
                    size_t first = r == &whole ? 0 : cuts[c];
                    size_t n = r == &whole ? ROWS : first + 64 < ROWS ? 64 : ROWS - first;

                    if (r == &whole && c > 0) {
                        break;
                    }
                    (step == 0   ? norm_measure
                     : step == 2 ? norm_apply
                     : step == 3 ? norm_back_measure
                                 : norm_back_apply)(&r->pass, r->net, 0, first, n);
                }
            }
            if (r == &parts) {
                break;
            }
        }
        ck_assert_mem_eq(whole.pass.layer[0].y, parts.pass.layer[0].y, ROWS * N * sizeof(float));
        ck_assert_mem_eq(whole.pass.layer[0].delta, parts.pass.layer[0].delta,
                         ROWS * N * sizeof(float));
        ck_assert_mem_eq(whole.net->params, parts.net->params, whole.net->n_values * sizeof(float));
        rig_free(&whole);
        rig_free(&parts);
        free(z);
        free(d);
    }
}
END_TEST

int main(void)
{
    const struct kernel *tables[KERNEL_MAX];
    int n = (int)kernel_tables(tables);
    Suite *s = suite_create("mlp_norm");
    TCase *c = tcase_create("norm");

    tcase_add_loop_test(c, batch_norm_by_the_formula, 0, n);
    tcase_add_loop_test(c, batch_norm_of_one_row_is_finite, 0, n);
    tcase_add_loop_test(c, layer_norm_by_the_formula, 0, n);
    tcase_add_loop_test(c, prediction_by_the_formula, 0, n);
    tcase_add_loop_test(c, prediction_of_many_columns, 0, n);
    tcase_add_loop_test(c, a_row_alone_is_a_row_among_many, 0, n);
    tcase_add_loop_test(c, scores_leave_a_training_alone, 0, n);
    tcase_add_loop_test(c, norms_in_slices, 0, n);
    suite_add_tcase(s, c);
    return help_run(s);
}
