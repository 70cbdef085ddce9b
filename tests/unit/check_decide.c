/* Temperature and threshold: against a search over a grid and over every threshold, with the core's
 * own metrics as the measure; what little data may not do; and that predictions follow. */
#include "jobs/decide.h"
#include "judge_help.h"

#define ROWS 300

/* Rows of one feature, and truth that follows it by chance: P(second) = sigmoid(slope x). */
struct rows {
    float x[ROWS], targets[ROWS], weights[ROWS];
    uint32_t labels[ROWS];
    struct mlp_data data;
};

static double uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (double)(1u << 24);
}

static void fill(struct rows *r, size_t n, double slope, bool labels, bool weights)
{
    uint32_t state = 5;
    size_t i;

    *r = (struct rows){.data = {.rows = n}};
    for (i = 0; i < n; i++) {
        double x = 4 * uniform(&state) - 2;

        r->x[i] = (float)x;
        r->labels[i] = uniform(&state) < 1 / (1 + exp(-slope * x));
        r->targets[i] = (float)r->labels[i];
        r->weights[i] = (float)(0.5 + uniform(&state));
    }
    r->data.x = r->x;
    r->data.labels = labels ? r->labels : NULL;
    r->data.targets = labels ? NULL : r->targets;
    r->data.weights = weights ? r->weights : NULL;
}

/* z = 3 x for one sigmoid, or +-1.5 x for two softmax columns: the same probabilities. */
static struct mlp_net *net_of(bool softmax, float slope)
{
    const float one[] = {slope}, two[] = {-slope / 2, slope / 2}, bias[] = {0, 0};

    return softmax ? make_net(2, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, two, bias)
                   : make_net(1, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, one, bias);
}

static struct decision decided(const struct job_spec *spec, struct mlp_net *net,
                               const struct mlp_data *data)
{
    struct decision out;
    struct err err = ERR_INIT;

    ck_assert_msg(decide(spec, net, data, NULL, &out, &err) == 0, "%s", err.detail);
    return out;
}

/* The log loss of softmax or sigmoid of b z, by its definition. */
static double log_loss_at(const struct mlp_net *net, const struct mlp_data *d, double b)
{
    struct mlp_workspace *ws = NULL;
    size_t width = mlp_net_spec(net)->n_outputs, i, k;
    double sum = 0, weight = 0;

    ck_assert_int_eq(mlp_workspace_new(net, 1, &ws), MLP_OK);
    for (i = 0; i < d->rows; i++) {
        float z[8];
        double w = d->weights != NULL ? (double)d->weights[i] : 1, all = 0, loss = 0;

        ck_assert_int_eq(mlp_predict_linear(net, ws, d->x + i, NULL, 1, z), MLP_OK);
        for (k = 0; k < width; k++) {
            all += exp(b * (double)z[k]);
        }
        for (k = 0; k < width; k++) {
            double p = width > 1 ? exp(b * (double)z[k]) / all : 1 / (1 + exp(-b * (double)z[k]));
            double y = d->labels != NULL ? d->labels[i] == k : (double)d->targets[i * width + k];

            loss -= y * log(p) + (width > 1 ? 0 : (1 - y) * log(1 - p));
        }
        sum += w * loss;
        weight += w;
    }
    mlp_workspace_free(&ws);
    return sum / weight;
}

/* _i & 1: softmax and labels, else a sigmoid; _i & 2: weights */
START_TEST(the_temperature_is_the_best)
{
    const struct job_spec spec = {.calibrate = true, .threshold = 0.5};
    bool softmax = (_i & 1) != 0;
    struct mlp_net *net = net_of(softmax, 4), *raw = net_of(softmax, 4);
    struct decision d;
    struct rows r;
    double b, before, best = INFINITY, at = 0;

    fill(&r, ROWS, 1, softmax, (_i & 2) != 0);
    before = log_loss_at(raw, &r.data, 1);
    d = decided(&spec, net, &r.data);
    for (b = 0.1; b < 2; b += 0.001) { /* with the two rows that speak for 1 */
        double value = log_loss_at(raw, &r.data, b) + 2.0 / ROWS * (b - 1) * (b - 1);

        at = value < best ? b : at;
        best = fmin(best, value);
    }
    ck_assert(d.calibrated);
    ck_assert_uint_eq(d.rows, ROWS);
    ck_assert_double_eq_tol(1 / d.temperature, at, 0.002);
    ck_assert_double_eq_tol(d.log_loss_before, before, 1e-6);
    ck_assert_double_eq_tol(d.log_loss_after, log_loss_at(raw, &r.data, 1 / d.temperature), 1e-6);
    ck_assert_double_lt(d.log_loss_after, d.log_loss_before - 0.05);
    ck_assert_double_eq(mlp_net_spec(net)->temperature, d.temperature);
    ck_assert_double_eq(mlp_net_spec(net)->threshold, 0);
    mlp_net_free(&net);
    mlp_net_free(&raw);
}
END_TEST

START_TEST(several_labels_share_a_temperature)
{
    static const float slopes[] = {5, 3}, bias[] = {0, 0.5f};
    const struct job_spec spec = {.calibrate = true, .threshold = 0.5};
    struct mlp_net *net = make_net(2, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, slopes, bias);
    struct rows r;
    struct decision d;
    float targets[2 * ROWS];
    size_t i;

    fill(&r, ROWS, 1, false, false);
    for (i = 0; i < ROWS; i++) {
        targets[2 * i] = r.targets[i];
        targets[2 * i + 1] = r.targets[(i + 7) % ROWS];
    }
    r.data.targets = targets;
    d = decided(&spec, net, &r.data);
    ck_assert_double_gt(d.temperature, 2);
    ck_assert_double_lt(d.log_loss_after, d.log_loss_before);
    mlp_net_free(&net);
}
END_TEST

START_TEST(few_rows_that_are_right_do_not_make_it_certain)
{
    const struct job_spec spec = {.calibrate = true, .threshold = 0.5};
    struct mlp_net *net = net_of(false, 1);
    struct decision d;
    struct rows r;
    size_t i;

    fill(&r, 10, 1, false, false);
    for (i = 0; i < 10; i++) {
        r.targets[i] = r.x[i] > 0;
    }
    d = decided(&spec, net, &r.data);
    ck_assert_double_lt(d.temperature, 1);
    ck_assert_double_gt(d.temperature, 0.3);
    mlp_net_free(&net);
}
END_TEST

START_TEST(outputs_without_end_stay_as_they_are)
{
    const struct job_spec spec = {.calibrate = true, .threshold = 0.5};
    struct mlp_net *net = net_of(true, 3e38f);
    struct rows r;
    struct decision d;

    fill(&r, 20, 1, true, false);
    r.x[3] = 1e10f;
    d = decided(&spec, net, &r.data);
    ck_assert(!d.calibrated);
    ck_assert_double_eq(mlp_net_spec(net)->temperature, 0);
    mlp_net_free(&net);
}
END_TEST

static const enum mlp_metric metrics[] = {MLP_METRIC_ACCURACY, MLP_METRIC_BALANCED_ACCURACY,
                                          MLP_METRIC_F1, MLP_METRIC_F1_MACRO, MLP_METRIC_MCC};

static double metric_at(const struct rows *r, const float *p, size_t columns, double threshold,
                        enum mlp_metric which)
{
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = r->data.rows,
                                  .columns = columns,
                                  .n_classes = 2,
                                  .labels = r->labels,
                                  .weights = r->data.weights,
                                  .p = p,
                                  .threshold = threshold};
    double value = NAN;

    ck_assert_int_eq(mlp_metric_compute(&in, which, &value), MLP_OK);
    return value;
}

/* _i / 4: the metric; then softmax, then weights */
START_TEST(the_threshold_is_the_best)
{
    struct job_spec spec = {.chooses_threshold = true,
                            .threshold = 0.5,
                            .threshold_metric = metrics[_i / 4],
                            .calibrate = _i / 4 == 2};
    bool softmax = (_i & 1) != 0;
    size_t columns = softmax ? 2 : 1, i;
    struct mlp_net *net = net_of(softmax, 2);
    struct mlp_workspace *ws = NULL;
    struct decision d;
    struct rows r;
    float p[2 * ROWS];
    double best;

    fill(&r, ROWS, 1, softmax, (_i & 2) != 0);
    for (i = 0; i < ROWS; i += 2) { /* one of the classes is rare */
        r.labels[i] = (uint32_t)(_i / 4 % 2);
        r.targets[i] = (float)r.labels[i];
    }
    d = decided(&spec, net, &r.data);
    ck_assert_int_eq(mlp_workspace_new(net, ROWS, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, r.x, ROWS, p), MLP_OK);
    best = metric_at(&r, p, columns, 0.5, metrics[_i / 4]);
    ck_assert_double_eq_tol(d.metric_before, best, 1e-6);
    for (i = 0; i < ROWS; i++) {
        double t = (double)p[i * columns + columns - 1];

        best = fmax(best, metric_at(&r, p, columns, t, metrics[_i / 4]));
    }
    ck_assert(d.chosen);
    ck_assert_double_eq_tol(d.metric_after, best, 1e-6);
    ck_assert_double_eq_tol(metric_at(&r, p, columns, d.threshold, metrics[_i / 4]), best, 1e-6);
    ck_assert_double_eq(mlp_net_spec(net)->threshold, d.threshold);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

START_TEST(nothing_better_than_a_half_stays_there)
{
    const struct job_spec spec = {
        .chooses_threshold = true, .threshold = 0.5, .threshold_metric = MLP_METRIC_F1};
    struct mlp_net *net = net_of(false, 1);
    struct decision d;
    struct rows r;
    size_t i;

    fill(&r, 40, 1, false, false);
    for (i = 0; i < 40; i++) { /* every row is right already */
        r.targets[i] = r.x[i] >= 0;
    }
    d = decided(&spec, net, &r.data);
    ck_assert_double_eq(d.threshold, 0.5);
    ck_assert_double_eq(mlp_net_spec(net)->threshold, 0);
    ck_assert_double_eq(d.metric_after, 1);
    for (i = 0; i < 40; i++) { /* all of one class: no division by zero */
        r.targets[i] = 0;
    }
    d = decided(&spec, net, &r.data);
    ck_assert(isfinite(d.metric_after) && d.threshold > 0 && d.threshold < 1);
    mlp_net_free(&net);
}
END_TEST

START_TEST(predictions_follow)
{
    struct mlp_net *net = net_of(true, 4);
    struct mlp_workspace *ws = NULL;
    static const float x[] = {0.7f};
    float p[2], z[2];

    ck_assert_int_eq(mlp_net_set_answers(net, 2.5, 0), MLP_OK);
    ck_assert_int_eq(mlp_workspace_new(net, 1, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, x, 1, p), MLP_OK);
    ck_assert_int_eq(mlp_predict_linear(net, ws, x, NULL, 1, z), MLP_OK);
    ck_assert_float_eq_tol(z[1], 1.4f, 1e-6f);
    ck_assert_float_eq_tol(p[1], 1 / (1 + expf(-2.8f / 2.5f)), 1e-6f);
    ck_assert_int_eq(mlp_net_set_answers(net, -1, 0), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_net_set_answers(net, NAN, 0), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_net_set_answers(net, 1, 1), MLP_E_ARGUMENT);
    ck_assert_double_eq(mlp_net_spec(net)->temperature, 2.5);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("decide");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, the_temperature_is_the_best, 0, 4);
    tcase_add_test(tc, several_labels_share_a_temperature);
    tcase_add_test(tc, few_rows_that_are_right_do_not_make_it_certain);
    tcase_add_test(tc, outputs_without_end_stay_as_they_are);
    tcase_add_loop_test(tc, the_threshold_is_the_best, 0, 4 * (int)ARRAY_LEN(metrics));
    tcase_add_test(tc, nothing_better_than_a_half_stays_there);
    tcase_add_test(tc, predictions_follow);
    return house_run("decide", &tc, 1);
}
