/* What a training measures of itself, and what ends it: norms of gradients, the clock, a caller's
 * own value, a plateau, a target. */
#include "mlp_train_help.h"

/* Of the squared loss of one weight vector the gradient is known: 2 X^T (Xw - y) / n. */
struct norm_log {
    double norm[2];
    size_t n;
};

static void log_norm(void *arg, const struct mlp_epoch *e)
{
    struct norm_log *log = arg;

    ck_assert_ptr_nonnull(e->gradient_norms);
    log->norm[log->n++] = e->gradient_norms[0];
}

START_TEST(gradient_norms_by_definition)
{
    static const float x[4] = {1, 2, -1, 0.5F}, y[2] = {3, -1};
    static const struct mlp_data data = {.rows = 2, .x = x, .targets = y};
    struct mlp_spec spec = help_spec(2, 0, NULL, 1, MLP_MSE);
    struct mlp_train_spec train = help_optimizer(MLP_SGD);
    struct mlp_net *net = help_net(&spec, 3);
    struct norm_log log = {.n = 0};
    const struct mlp_callbacks callbacks = {.arg = &log, .epoch = log_norm};
    struct mlp_result r;
    double w[3], last = 0;

    for (int j = 0; j < 3; j++) {
        w[j] = (double)mlp_net_params(net)[j];
    }
    train.momentum = 0;
    train.shuffle = false;
    train.batch_size = 1; /* two steps an epoch: the mean of their squares */
    train.epochs = 2;
    train.gradient_norms = true;
    ck_assert_int_eq(mlp_train(net, &train, &data, NULL, &callbacks, &r), MLP_OK);
    for (size_t epoch = 0; epoch < 2; epoch++) {
        double squares = 0;

        for (int i = 0; i < 2; i++) {
            const float *row = x + 2 * i;
            double e = w[0] * (double)row[0] + w[1] * (double)row[1] + w[2] - (double)y[i];

            squares += 4 * e * e * (pow((double)row[0], 2) + pow((double)row[1], 2));
            w[0] -= 0.02 * e * (double)row[0];
            w[1] -= 0.02 * e * (double)row[1];
            w[2] -= 0.02 * e;
            last = e * e;
        }
        ck_assert_double_eq_tol(log.norm[epoch], sqrt(squares / 2), 1e-5);
    }
    ck_assert_double_eq_tol(r.last_loss, last, 1e-5);
    mlp_net_free(&net);
}
END_TEST

/* A clock that moves on by a second whenever it is looked at. */
static double fake_time;

static double fake_clock(void)
{
    return fake_time++;
}

/* Time runs out in the first epoch, in a later one, or at the end of one (ten looks at the clock
 * are an epoch): what was trained counts. */
START_TEST(time_runs_out)
{
    static const double limits[] = {4, 45, 40};
    static const size_t epochs[] = {1, 5, 4};
    struct plane p = plane_new(2, 80, 1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 1000, 8);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);
    const struct mlp_callbacks callbacks = {.arg = &d, .epoch = write_diary, .clock = fake_clock};
    struct mlp_result r;

    train.max_seconds = limits[_i];
    train.restore_best = true;
    fake_time = 0;
    ck_assert_int_eq(mlp_train(net, &train, &p.data, NULL, &callbacks, &r), MLP_OK);
    ck_assert_int_eq(r.stopped_by, MLP_BY_MAX_SECONDS);
    ck_assert_uint_eq(r.epochs, d.epochs);
    ck_assert_uint_ge(r.best_epoch, 1);
    ck_assert_uint_eq(r.epochs, epochs[_i]);
    size_t last = d.epoch[d.epochs - 1].samples;

    ck_assert(_i == 2 ? last == 80 : last % 8 == 0 && last > 0 && last < 80);
    ck_assert_mem_eq(mlp_net_params(net), d.best, mlp_net_parameters(net) * sizeof(float));
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
}
END_TEST

/* A value of the caller's own: a hill whose top is epoch 5. */
static double hill(void *arg, const struct mlp_net *net, const struct mlp_epoch *e)
{
    struct diary *d = arg;

    ck_assert_ptr_eq(net, d->net);
    ck_assert(isfinite(e->training_loss));
    return 100 - fabs((double)e->epoch - 5);
}

START_TEST(a_callers_value_decides)
{
    struct plane p = plane_new(2, 40, 1), v = plane_new(3, 10, 1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 50, 8);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);
    const struct mlp_callbacks callbacks = {.arg = &d, .epoch = write_diary, .monitor = hill};
    struct mlp_result r;

    train.maximize = true;
    train.patience = 3;
    train.restore_best = true;
    ck_assert_int_eq(mlp_train(net, &train, &p.data, &v.data, &callbacks, &r), MLP_OK);
    ck_assert_int_eq(r.stopped_by, MLP_BY_PATIENCE);
    ck_assert_uint_eq(r.best_epoch, 5);
    ck_assert_uint_eq(r.epochs, 8);
    ck_assert_double_eq(r.best_loss, 100);
    ck_assert_double_eq(d.epoch[6].monitored, 98);
    ck_assert(isfinite(d.epoch[6].validation.loss));
    ck_assert_mem_eq(mlp_net_params(net), d.best, mlp_net_parameters(net) * sizeof(float));

    d.epochs = 0;
    train.has_target = true;
    train.target = 98;
    ck_assert_int_eq(mlp_train(net, &train, &p.data, &v.data, &callbacks, &r), MLP_OK);
    ck_assert_int_eq(r.stopped_by, MLP_BY_TARGET);
    ck_assert_uint_eq(r.epochs, 3);
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
    plane_free(&v);
}
END_TEST

/* Nothing gets better after epoch 5: the rate is halved from there on, every third epoch. */
START_TEST(the_rate_falls_on_a_plateau)
{
    struct plane p = plane_new(2, 40, 1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 12, 8);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);
    const struct mlp_callbacks callbacks = {.arg = &d, .epoch = write_diary, .monitor = hill};
    struct mlp_result r;

    train.maximize = true;
    train.schedule = (struct mlp_schedule){.type = MLP_PLATEAU, .factor = 0.5, .patience = 3};
    ck_assert_int_eq(mlp_train(net, &train, &p.data, NULL, &callbacks, &r), MLP_OK);
    for (size_t e = 1; e <= 12; e++) {
        double rate = e <= 8 ? 0.01 : e <= 11 ? 0.005 : 0.0025;

        ck_assert_double_eq_tol(d.epoch[e - 1].learning_rate, rate, 1e-15);
    }
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
}
END_TEST

/* Without a caller's value the loss is what is to come down to the target. */
START_TEST(the_loss_reaches_a_target)
{
    struct plane p = plane_new(2, 40, 0);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, MOST_EPOCHS, 8);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);

    train.has_target = true;
    train.target = 0.1;
    struct mlp_result r = run(net, &train, &p.data, NULL, &d);

    ck_assert_int_eq(r.stopped_by, MLP_BY_TARGET);
    ck_assert_uint_gt(r.epochs, 1);
    ck_assert_double_le(d.epoch[r.epochs - 1].training_loss, 0.1);
    ck_assert_double_gt(d.epoch[r.epochs - 2].training_loss, 0.1);
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_ends");
    TCase *c = tcase_create("ends");

    tcase_add_test(c, gradient_norms_by_definition);
    tcase_add_loop_test(c, time_runs_out, 0, 3);
    tcase_add_test(c, a_callers_value_decides);
    tcase_add_test(c, the_rate_falls_on_a_plateau);
    tcase_add_test(c, the_loss_reaches_a_target);
    suite_add_tcase(s, c);
    return help_run(s);
}
