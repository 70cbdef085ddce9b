/* The trace of one row: its way there is a prediction's to the bit, its loss that of an evaluation,
 * and every derivative it shows is the difference quotient of its loss, in double, for every
 * activation, loss, norm, and what else a layer may have; the float build agrees with that. */
#include "mlp_gradient.h"
#include "mlp_help.h"
#include "mlp_trace_flat.h"

#define STEP      1e-5
#define TOLERANCE 1e-7 /* of max(1, |g|) */
#define KINK      1e-3 /* the slopes on both sides differ by more: it bends there */

struct numbers {
    size_t n_params, n_values;
    double *values, *x, *targets, *offset;
    uint32_t *label;
};

static double truth(enum mlp_loss loss, uint64_t *seed)
{
    switch (loss) {
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        return help_unit(seed);
    case MLP_POISSON:
    case MLP_GAMMA:
    case MLP_TWEEDIE:
        return 1 + floor(3 * help_unit(seed));
    default:
        return help_bell(seed);
    }
}

static bool takes_label(const struct mlp_spec *spec)
{
    return spec->output == MLP_OUT_SOFTMAX;
}

static void draw(const struct mlp_spec *spec, uint64_t seed, struct numbers *n)
{
    struct mlp_net *net = help_net(spec, 0);
    struct mlp_layer_view view;

    *n = (struct numbers){.n_params = net->n_params, .n_values = net->n_values};
    n->values = help_doubles(n->n_values);
    n->x = help_doubles(spec->n_inputs);
    n->targets = help_doubles(spec->n_outputs);
    n->offset = help_doubles(1);
    n->label = help_labels(&seed, 1, spec->n_outputs);
    for (size_t i = 0; i < n->n_values; i++) {
        n->values[i] = help_exact(0.8 * help_bell(&seed));
    }
    for (size_t k = 0; k <= spec->n_hidden; k++) { /* variances are not negative */
        mlp_net_layer(net, k, &view);
        for (size_t j = 0; view.variance != NULL && j < view.n_out; j++) {
            size_t at = (size_t)(view.variance - mlp_net_params_const(net)) + j;

            n->values[at] = help_exact(0.5 + help_unit(&seed));
        }
    }
    for (size_t i = 0; i < spec->n_inputs; i++) {
        n->x[i] = help_exact(help_bell(&seed));
    }
    for (size_t i = 0; i < spec->n_embeddings; i++) {
        n->x[spec->n_inputs - spec->n_embeddings + i] =
            floor(help_unit(&seed) * (double)spec->embeddings[i].levels);
    }
    for (size_t i = 0; i < spec->n_outputs; i++) {
        n->targets[i] = help_exact(truth(spec->loss, &seed));
    }
    n->offset[0] = help_exact(0.3 * help_bell(&seed));
    mlp_net_free(&net);
}

static void numbers_fini(struct numbers *n)
{
    free(n->values);
    free(n->x);
    free(n->targets);
    free(n->offset);
    free(n->label);
}

static double loss_of(const struct mlp_spec *spec, const struct numbers *n, double *gradient)
{
    const struct double_batch b = {.spec = spec,
                                   .rows = 1,
                                   .params = n->values,
                                   .x = n->x,
                                   .targets = takes_label(spec) ? NULL : n->targets,
                                   .labels = takes_label(spec) ? n->label : NULL,
                                   .offset = n->offset};
    double loss = NAN;

    ck_assert(double_trace(&b, n->n_values, &loss, gradient));
    ck_assert(isfinite(loss));
    return loss;
}

/* Every parameter's derivative against the difference of losses; a tenth may stand at a bend. */
static void check_differences(const char *what, const struct mlp_spec *spec, struct numbers *n,
                              const double *gradient)
{
    size_t bends = 0;
    double here = loss_of(spec, n, NULL);

    for (size_t i = 0; i < n->n_params; i++) {
        double w = n->values[i], g = gradient[i];

        n->values[i] = w + STEP;
        double above = loss_of(spec, n, NULL);
        n->values[i] = w - STEP;
        double below = loss_of(spec, n, NULL);
        n->values[i] = w;
        if (fabs((above - here) - (here - below)) > KINK * STEP) {
            bends++;
            continue;
        }
        ck_assert_msg(fabs((above - below) / (2 * STEP) - g) <= TOLERANCE * fmax(1, fabs(g)),
                      "%s, parameter %zu: the trace has %.12g, the difference is %.12g", what, i, g,
                      (above - below) / (2 * STEP));
    }
    ck_assert_msg(bends * 10 <= n->n_params, "%s: %zu of %zu parameters at a bend", what, bends,
                  n->n_params);
}

/* The float build: a prediction's output to the bit, an evaluation's loss, the double gradient. */
static void check_float(const char *what, const struct mlp_spec *spec, const struct numbers *n,
                        const double *gradient)
{
    struct mlp_net *net = help_net(spec, 0);
    struct mlp_workspace *ws = NULL;
    struct mlp_trace *trace = NULL;
    struct mlp_trace_ends ends;
    struct mlp_score score;
    float *values = help_narrowed(n->values, n->n_values), *x = help_narrowed(n->x, spec->n_inputs);
    float *y = help_narrowed(n->targets, spec->n_outputs), *offset = help_narrowed(n->offset, 1);
    float *out = help_narrowed(n->targets, spec->n_outputs),
          *g = help_narrowed(gradient, n->n_params);
    const struct mlp_data row = {.rows = 1,
                                 .x = x,
                                 .targets = takes_label(spec) ? NULL : y,
                                 .labels = takes_label(spec) ? n->label : NULL,
                                 .offset = offset};

    memcpy(mlp_net_params(net), values, n->n_values * sizeof(*values));
    ck_assert_int_eq(mlp_trace_new(net, &row, &trace), MLP_OK);
    mlp_trace_ends(trace, &ends);
    ck_assert_int_eq(mlp_workspace_new(net, 1, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict_offset(net, ws, x, offset, 1, out), MLP_OK);
    ck_assert_msg(memcmp(out, ends.output, spec->n_outputs * sizeof(*out)) == 0,
                  "%s: not the prediction", what);
    ck_assert_int_eq(mlp_evaluate(net, ws, &row, &score), MLP_OK);
    ck_assert_msg(fabs(score.loss - ends.loss) <= 1e-6 * fmax(1, fabs(score.loss)),
                  "%s: loss %.9g, but the evaluation has %.9g", what, ends.loss, score.loss);
    trace_flat(net, &row, trace, g);
    for (size_t i = 0; i < n->n_params; i++) {
        ck_assert_msg(fabs((double)g[i] - gradient[i]) <= 2e-4 * fmax(1, fabs(gradient[i])),
                      "%s, parameter %zu: %.9g in float, %.9g in double", what, i, (double)g[i],
                      gradient[i]);
    }
    mlp_trace_free(&trace);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
    free(values);
    free(x);
    free(y);
    free(offset);
    free(out);
    free(g);
}

static void check(const char *what, const struct mlp_spec *spec, uint64_t seed)
{
    struct numbers n;

    draw(spec, seed, &n);
    double *gradient = help_doubles(n.n_params);

    (void)loss_of(spec, &n, gradient);
    check_differences(what, spec, &n, gradient);
    check_float(what, spec, &n, gradient);
    free(gradient);
    numbers_fini(&n);
}

START_TEST(every_activation)
{
    enum mlp_activation f = (enum mlp_activation)_i;
    const size_t pieces = f == MLP_MAXOUT ? 3 : 0;
    struct mlp_layer_spec hidden[] = {{.units = 6, .activation = f, .pieces = pieces},
                                      {.units = 5, .activation = f, .pieces = pieces}};
    struct mlp_spec spec = help_spec(4, 2, hidden, 3, MLP_CROSS_ENTROPY);

    check(mlp_activation_names()[f], &spec, 100 + (uint64_t)_i);
}
END_TEST

START_TEST(every_loss)
{
    enum mlp_loss loss = (enum mlp_loss)_i;
    struct mlp_layer_spec hidden[] = {{.units = 5, .activation = MLP_TANH}};
    struct mlp_spec spec = help_spec(4, 1, hidden, 3, loss);

    spec.loss_parameter = help_loss_parameter(loss);
    check(mlp_loss_names()[loss], &spec, 200 + (uint64_t)_i);
    spec.n_hidden = 0;
    check("no hidden layer", &spec, 300 + (uint64_t)_i);
}
END_TEST

/* A norm before each kind of activation, with residuals and what acts in a training alone. */
START_TEST(norms_and_residuals)
{
    enum mlp_norm norm = (enum mlp_norm)_i;
    struct mlp_layer_spec hidden[] = {
        {.units = 6, .activation = MLP_GELU, .norm = norm, .dropout = 0.5},
        {.units = 6, .activation = MLP_SILU, .norm = norm, .residual = true, .noise = 0.3},
        {.units = 6, .activation = MLP_PRELU, .norm = norm, .residual = true},
        {.units = 6, .activation = MLP_MAXOUT, .pieces = 2, .norm = norm, .residual = true},
        {.units = 4, .activation = MLP_SELU, .norm = norm}};
    struct mlp_spec spec = help_spec(5, 5, hidden, 2, MLP_MSE);

    check("norms", &spec, 400 + (uint64_t)_i);
}
END_TEST

START_TEST(inputs)
{
    struct mlp_layer_spec hidden[] = {{.units = 7, .activation = MLP_TANH, .residual = true},
                                      {.units = 3, .activation = MLP_SOFTPLUS}};
    const struct mlp_embedding tables[] = {{.levels = 4, .width = 2}, {.levels = 3, .width = 3}};
    struct mlp_spec spec = help_spec(4, 2, hidden, 1, MLP_BINARY_CROSS_ENTROPY);

    spec.n_embeddings = 2; /* two numbers, two indexes */
    spec.embeddings = tables;
    spec.input_dropout = 0.2;
    spec.input_noise = 0.1;
    check("embeddings", &spec, 500);
    spec.input_scale = _i == 1;
    check("input scale", &spec, 501);
}
END_TEST

START_TEST(temperature_is_the_predictions_alone)
{
    struct mlp_layer_spec hidden[] = {{.units = 5, .activation = MLP_TANH}};
    struct mlp_spec spec = help_spec(4, 1, hidden, 3, MLP_CROSS_ENTROPY);

    spec.temperature = 2.5;
    check("temperature", &spec, 600);
}
END_TEST

START_TEST(without_truth_there_is_no_way_back)
{
    struct mlp_layer_spec hidden[] = {{.units = 5, .activation = MLP_PRELU}};
    struct mlp_spec spec = help_spec(2, 1, hidden, 3, MLP_CROSS_ENTROPY);
    struct mlp_net *net = help_net(&spec, 7);
    struct mlp_trace *trace = NULL;
    struct mlp_trace_layer layer;
    struct mlp_trace_ends ends;
    const float x[] = {0.5f, -1};
    const uint32_t wrong = 3;
    struct mlp_data row = {.rows = 1, .x = x};

    ck_assert_int_eq(mlp_trace_new(net, &row, &trace), MLP_OK);
    mlp_trace_ends(trace, &ends);
    ck_assert(isnan(ends.loss));
    ck_assert_ptr_null(ends.delta);
    mlp_trace_layer(trace, 0, &layer);
    ck_assert_ptr_null(layer.delta_a);
    ck_assert_ptr_null(layer.delta_y);
    ck_assert_ptr_null(layer.delta);
    ck_assert_ptr_null(layer.dslope);
    ck_assert_ptr_nonnull(layer.derivative);
    mlp_trace_free(&trace);
    row.rows = 2;
    ck_assert_int_eq(mlp_trace_new(net, &row, &trace), MLP_E_ARGUMENT);
    row.rows = 1;
    row.labels = &wrong;
    ck_assert_int_eq(mlp_trace_new(net, &row, &trace), MLP_E_ARGUMENT);
    mlp_net_free(&net);
}
END_TEST

START_TEST(an_index_outside_is_refused)
{
    const struct mlp_embedding table = {.levels = 3, .width = 2};
    struct mlp_spec spec = help_spec(1, 0, NULL, 1, MLP_MSE);
    const float x = 3;
    const struct mlp_data row = {.rows = 1, .x = &x};
    struct mlp_trace *trace = NULL;

    spec.n_embeddings = 1;
    spec.embeddings = &table;
    struct mlp_net *net = help_net(&spec, 7);

    ck_assert_int_eq(mlp_trace_new(net, &row, &trace), MLP_E_ARGUMENT);
    ck_assert_ptr_null(trace);
    mlp_net_free(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_trace");
    TCase *t = tcase_create("trace");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_activation, 0, MLP_MAXOUT + 1);
    tcase_add_loop_test(t, every_loss, 0, MLP_TWEEDIE + 1);
    tcase_add_loop_test(t, norms_and_residuals, MLP_NORM_NONE, MLP_NORM_LAYER + 1);
    tcase_add_loop_test(t, inputs, 0, 2);
    tcase_add_test(t, temperature_is_the_predictions_alone);
    tcase_add_test(t, without_truth_there_is_no_way_back);
    tcase_add_test(t, an_index_outside_is_refused);
    suite_add_tcase(s, t);
    return help_run(s);
}
