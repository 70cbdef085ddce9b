/* How trainings end: by patience, by divergence, by the caller; and what they leave behind. */
#include "mlp_train_help.h"

#include <float.h>

/* ---- early stopping ------------------------------------------------------------------ */

/* The rule, applied to the losses the callback saw. */
static size_t expected_end(const struct diary *d, const struct mlp_train_spec *train,
                           bool validated, size_t *best)
{
    double best_loss = INFINITY;
    size_t waited = 0;

    *best = 0;
    for (size_t e = 0; e < d->epochs; e++) {
        double loss = validated ? d->epoch[e].validation.loss : d->epoch[e].training_loss;

        ck_assert_int_eq(d->epoch[e].improved, *best == 0 || best_loss - loss > train->min_delta);
        if (d->epoch[e].improved) {
            best_loss = loss;
            *best = e + 1;
            waited = 0;
        } else if (++waited == train->patience) {
            return e + 1;
        }
        ck_assert_uint_eq(d->epoch[e].best_epoch, *best);
    }
    return d->epochs;
}

/* Few rows, much noise, a large net: the validation loss soon rises. _i: 0 with, 1 without
 * the best restored. */
START_TEST(patience_ends_and_the_best_is_restored)
{
    struct plane p = plane_new(3, 12, 3), v = plane_new(4, 30, 3);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.02, MOST_EPOCHS, 4);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);
    size_t best = 0, bytes = mlp_net_parameters(net) * sizeof(float);

    train.patience = 7;
    train.min_delta = 0.001;
    train.restore_best = _i == 0;
    struct mlp_result r = run(net, &train, &p.data, &v.data, &d);
    size_t end = expected_end(&d, &train, true, &best);

    ck_assert_int_eq(r.stopped_by, MLP_BY_PATIENCE);
    ck_assert_uint_eq(r.epochs, end);
    ck_assert_uint_eq(d.epochs, end);
    ck_assert_uint_eq(r.best_epoch, best);
    ck_assert_uint_ge(end, best + 7);
    ck_assert_double_eq(r.best_loss, d.epoch[best - 1].validation.loss);
    if (_i == 0) {
        ck_assert_mem_eq(mlp_net_params(net), d.best, bytes);
    } else {
        ck_assert_mem_ne(mlp_net_params(net), d.best, bytes);
    }
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
    plane_free(&v);
}
END_TEST

/* With a min_delta nothing can beat, the first epoch is the best one and patience starts at
 * once: exactly 1 + patience epochs. A patience of 0 never stops. */
START_TEST(patience_is_exact)
{
    struct plane p = plane_new(3, 20, 0.1);
    struct mlp_spec spec = plane_spec();

    for (size_t patience = 0; patience <= 5; patience++) {
        struct mlp_train_spec train = help_adam(0.01, 9, 4);
        struct mlp_net *net = help_net(&spec, 1);
        struct diary d = diary_new(net);

        train.patience = patience;
        train.min_delta = 1e6;
        struct mlp_result r = run(net, &train, &p.data, NULL, &d);

        ck_assert_uint_eq(r.best_epoch, 1);
        ck_assert_uint_eq(r.epochs, patience == 0 ? 9 : 1 + patience);
        ck_assert_int_eq(r.stopped_by, patience == 0 ? MLP_BY_EPOCHS : MLP_BY_PATIENCE);
        mlp_net_free(&net);
        free(d.best);
    }
    plane_free(&p);
}
END_TEST

/* A loss that stays the same is no gain: the earlier epoch is kept. With targets equal to the
 * predictions the gradient is 0 and nothing ever moves. */
START_TEST(ties_keep_the_earlier_epoch)
{
    static const float x[2] = {1, 2}, y[2] = {0, 0};
    const struct mlp_data data = {.rows = 2, .x = x, .targets = y};
    struct mlp_spec spec = help_spec(1, 0, NULL, 1, MLP_MSE);
    struct mlp_train_spec train = help_adam(0.01, 5, 2);
    struct mlp_net *net = NULL;

    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK); /* zeros */
    struct mlp_result r = run(net, &train, &data, &data, NULL);

    ck_assert_uint_eq(r.best_epoch, 1);
    ck_assert_double_eq(r.best_loss, 0);
    ck_assert_uint_eq(r.epochs, 5);
    mlp_net_free(&net);
}
END_TEST

/* ---- divergence ----------------------------------------------------------------------- */

START_TEST(divergence_at_once)
{
    struct plane p = plane_new(3, 20, 0.1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(1e30, 9, 4);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);
    struct mlp_result r = run(net, &train, &p.data, NULL, &d);

    ck_assert_int_eq(r.stopped_by, MLP_BY_DIVERGENCE);
    ck_assert_uint_eq(r.epochs, 0);
    ck_assert_uint_eq(r.best_epoch, 0);
    ck_assert_uint_eq(d.epochs, 0);
    ck_assert(!isfinite(r.last_loss) && isnan(r.best_loss));
    ck_assert_uint_ge(r.steps, 1);
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
}
END_TEST

/* A step too long for plain descent: the loss grows from epoch to epoch until it is infinite.
 * The first epoch was the best, and it is what stays, asked for or not. */
START_TEST(divergence_keeps_the_best)
{
    struct plane p = plane_new(3, 20, 0.1);
    struct mlp_spec spec = help_spec(4, 0, NULL, 2, MLP_MSE);
    struct mlp_train_spec train = {.optimizer = MLP_SGD, .learning_rate = 30, .epochs = 300,
                                   .batch_size = 20, .restore_best = false};
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);
    struct mlp_result r = run(net, &train, &p.data, NULL, &d);

    ck_assert_int_eq(r.stopped_by, MLP_BY_DIVERGENCE);
    ck_assert_uint_eq(r.best_epoch, 1);
    ck_assert_uint_gt(r.epochs, 3);
    ck_assert_uint_eq(r.epochs, d.epochs);
    ck_assert(isfinite(r.best_loss));
    ck_assert(all_finite(net));
    ck_assert_mem_eq(mlp_net_params(net), d.best, mlp_net_parameters(net) * sizeof(float));
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
}
END_TEST

/* The last batch's loss is finite, but its step overflows: the epoch must not be the best one,
 * nor the training a success. */
START_TEST(divergence_in_the_last_step)
{
    static const float x[1] = {1e4F}, y[1] = {-1e4F};
    const struct mlp_data data = {.rows = 1, .x = x, .targets = y};
    struct mlp_spec spec = help_spec(1, 0, NULL, 1, MLP_MSE);
    struct mlp_train_spec train = {.optimizer = MLP_SGD, .learning_rate = 1e36, .epochs = 1,
                                   .batch_size = 1};
    struct mlp_net *net = NULL;

    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_OK);
    struct mlp_result r = run(net, &train, &data, NULL, NULL);

    ck_assert(isfinite(r.last_loss));
    ck_assert_uint_eq(r.steps, 1);
    ck_assert_int_eq(r.stopped_by, MLP_BY_DIVERGENCE);
    ck_assert_uint_eq(r.epochs, 0);
    ck_assert_uint_eq(r.best_epoch, 0);
    mlp_net_free(&net);
}
END_TEST

START_TEST(not_a_number_in_the_data)
{
    struct plane p = plane_new(3, 20, 0.1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 9, 20);
    struct mlp_net *net = help_net(&spec, 1), *fresh = help_net(&spec, 1);

    p.x[17] = NAN;
    struct mlp_result r = run(net, &train, &p.data, NULL, NULL);

    ck_assert_int_eq(r.stopped_by, MLP_BY_DIVERGENCE);
    ck_assert_uint_eq(r.steps, 0);
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(fresh),
                     mlp_net_parameters(net) * sizeof(float));
    mlp_net_free(&net);
    mlp_net_free(&fresh);
    plane_free(&p);
}
END_TEST

/* Validation rows with a loss that is infinite: no epoch is ever the best, yet training itself is fine. */
START_TEST(validation_without_a_number)
{
    struct plane p = plane_new(3, 20, 0.1), v = plane_new(4, 5, 0.1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 4, 20);
    struct mlp_net *net = help_net(&spec, 1);

    v.y[3] = FLT_MAX; /* its square is none */
    train.restore_best = true;
    struct mlp_result r = run(net, &train, &p.data, &v.data, NULL);

    ck_assert_int_eq(r.stopped_by, MLP_BY_EPOCHS);
    ck_assert_uint_eq(r.epochs, 4);
    ck_assert_uint_eq(r.best_epoch, 0);
    ck_assert(all_finite(net));
    mlp_net_free(&net);
    plane_free(&p);
    plane_free(&v);
}
END_TEST

/* ---- the stop callback --------------------------------------------------------------- */

/* 22 rows in batches of 4: six polls an epoch. _i is the poll that stops. */
START_TEST(stop_is_asked_before_every_batch)
{
    struct plane p = plane_new(3, 22, 0.1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 5, 4);
    struct mlp_net *net = help_net(&spec, 1);
    struct diary d = diary_new(net);

    d.stop_at = (size_t)_i;
    train.restore_best = true;
    struct mlp_result r = run(net, &train, &p.data, NULL, &d);

    if (_i <= 30) {
        ck_assert_int_eq(r.stopped_by, MLP_BY_CALLER);
        ck_assert_uint_eq(r.steps, (size_t)_i - 1);
        ck_assert_uint_eq(r.epochs, ((size_t)_i - 1) / 6);
        ck_assert_uint_eq(d.polls, (size_t)_i);
    } else {
        ck_assert_int_eq(r.stopped_by, MLP_BY_EPOCHS);
        ck_assert_uint_eq(d.polls, 30);
        ck_assert_uint_eq(r.steps, 30);
    }
    if (r.best_epoch > 0) {
        ck_assert_mem_eq(mlp_net_params(net), d.best, mlp_net_parameters(net) * sizeof(float));
    }
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_stop");
    TCase *c = tcase_create("stop");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, patience_ends_and_the_best_is_restored, 0, 2);
    tcase_add_test(c, patience_is_exact);
    tcase_add_test(c, ties_keep_the_earlier_epoch);
    tcase_add_test(c, divergence_at_once);
    tcase_add_test(c, divergence_keeps_the_best);
    tcase_add_test(c, divergence_in_the_last_step);
    tcase_add_test(c, not_a_number_in_the_data);
    tcase_add_test(c, validation_without_a_number);
    tcase_add_loop_test(c, stop_is_asked_before_every_batch, 1, 32);
    suite_add_tcase(s, c);
    return help_run(s);
}
