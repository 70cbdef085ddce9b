/* Training: what it learns, that a job can be repeated to the byte, and what it reports. */
#include "mlp_train_help.h"

#include <pthread.h>

#include "mlp/rng.h"

/* ---- learning ------------------------------------------------------------------ */

START_TEST(xor_is_learnt)
{
    struct mlp_spec spec = xor_spec();
    struct mlp_train_spec train = help_adam(0.05, 400, 4);
    struct mlp_net *net = help_net(&spec, (uint64_t)_i);
    struct mlp_workspace *ws = NULL;
    float p[4];

    train.seed = (uint64_t)_i;
    struct mlp_result r = run(net, &train, &xor_data, NULL, NULL);

    ck_assert_int_eq(r.stopped_by, MLP_BY_EPOCHS);
    ck_assert_uint_eq(r.epochs, 400);
    ck_assert_uint_eq(r.steps, 400);
    ck_assert_double_lt(r.last_loss, 0.05);
    ck_assert_int_eq(mlp_workspace_new(net, 4, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, xor_x, 4, p), MLP_OK);
    for (int i = 0; i < 4; i++) {
        ck_assert_float_lt(fabsf(p[i] - xor_y[i]), 0.15F);
    }
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

START_TEST(sine_is_fitted_by_one_hidden_layer)
{
    enum { ROWS = 200 };
    const struct mlp_layer_spec hidden[1] = {{.units = 32, .activation = MLP_TANH}};
    struct mlp_spec spec = help_spec(1, 1, hidden, 1, MLP_MSE);
    struct mlp_train_spec train = help_adam(0.01, 600, 20);
    struct mlp_net *net = help_net(&spec, 4);
    struct mlp_workspace *ws = NULL;
    struct mlp_score score;
    float x[ROWS], y[ROWS], between[ROWS], truth[ROWS];

    for (int i = 0; i < ROWS; i++) {
        x[i] = (float)(-4 + 8 * (double)i / (ROWS - 1));
        between[i] = x[i] + 0.013F; /* not seen in training */
        y[i] = sinf(x[i]);
        truth[i] = sinf(between[i]);
    }
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    const struct mlp_data test = {.rows = ROWS, .x = between, .targets = truth};

    train.restore_best = true;
    run(net, &train, &data, NULL, NULL);
    ck_assert_int_eq(mlp_workspace_new(net, 64, &ws), MLP_OK);
    ck_assert_int_eq(mlp_evaluate(net, ws, &test, &score), MLP_OK);
    ck_assert_double_lt(sqrt(score.loss), 0.02);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}
END_TEST

/* Least squares has one answer, and gradient descent finds it: y = 2 - 3 x, exactly. */
START_TEST(linear_regression_is_solved)
{
    static const float x[4] = {-1, 0, 1, 2}, y[4] = {5, 2, -1, -4};
    const struct mlp_data data = {.rows = 4, .x = x, .targets = y};
    struct mlp_spec spec = help_spec(1, 0, NULL, 1, MLP_MSE);
    struct mlp_train_spec train = {.optimizer = MLP_SGD, .learning_rate = 0.1, .momentum = 0.5,
                                   .epochs = 400, .batch_size = 4};
    struct mlp_net *net = help_net(&spec, 1);

    run(net, &train, &data, NULL, NULL);
    ck_assert_float_eq_tol(mlp_net_params(net)[0], -3, 1e-5F);
    ck_assert_float_eq_tol(mlp_net_params(net)[1], 2, 1e-5F);
    mlp_net_free(&net);
}
END_TEST

/* ---- the same bytes --------------------------------------------------------------- */

static struct mlp_net *train_plane(uint64_t seed, bool shuffle, const struct plane *p,
                                   const struct plane *v)
{
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 10, 16);
    struct mlp_net *net = help_net(&spec, 1);

    train.seed = seed;
    train.shuffle = shuffle;
    run(net, &train, &p->data, v != NULL ? &v->data : NULL, NULL);
    return net;
}

START_TEST(the_same_job_gives_the_same_bytes)
{
    struct plane p = plane_new(1, 100, 0.1), v = plane_new(2, 30, 0.1);
    struct mlp_net *a = train_plane(5, true, &p, NULL), *b = train_plane(5, true, &p, &v);
    struct mlp_net *other = train_plane(6, true, &p, NULL);
    struct mlp_net *straight = train_plane(5, false, &p, NULL);
    size_t bytes = mlp_net_parameters(a) * sizeof(float);

    ck_assert_mem_eq(mlp_net_params(a), mlp_net_params(b), bytes); /* looking changes nothing */
    ck_assert_mem_ne(mlp_net_params(a), mlp_net_params(other), bytes);
    ck_assert_mem_ne(mlp_net_params(a), mlp_net_params(straight), bytes);
    mlp_net_free(&a);
    mlp_net_free(&b);
    mlp_net_free(&other);
    mlp_net_free(&straight);
    plane_free(&p);
    plane_free(&v);
}
END_TEST

/* An epoch of shuffled batches is an epoch of straight ones over the permuted rows: every
 * row is seen once, with its own truth, in the order of (seed, epoch). _i is the loss. */
START_TEST(shuffling_permutes_rows)
{
    enum { ROWS = 22 };
    struct mlp_spec spec = help_spec(4, 0, NULL, 3, (enum mlp_loss)_i);
    struct mlp_train_spec shuffled = {.optimizer = MLP_SGD, .learning_rate = 0.1, .epochs = 3,
                                      .batch_size = 5, .shuffle = true, .seed = 77};
    struct mlp_train_spec straight = shuffled;
    struct mlp_net *a = help_net(&spec, 1), *b = help_net(&spec, 1);
    uint64_t seed = 4;
    float *x = help_floats(&seed, ROWS * 4, 1), *y = help_floats(&seed, ROWS * 3, 1);
    uint32_t *labels = help_labels(&seed, ROWS, 3), order[ROWS], moved_labels[ROWS];
    float moved_x[ROWS * 4], moved_y[ROWS * 3];
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y, .labels = labels};
    const struct mlp_data moved = {
        .rows = ROWS, .x = moved_x, .targets = moved_y, .labels = moved_labels};
    struct rng rng = rng_stream(77, RNG_SHUFFLE);

    for (size_t i = 0; i < ROWS * 3; i++) {
        y[i] = fabsf(y[i]); /* a share, where the loss wants one */
    }
    run(a, &shuffled, &data, NULL, NULL);
    straight.shuffle = false;
    straight.epochs = 1;
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
        rng_permutation(&rng, epoch, order, ROWS);
        for (size_t i = 0; i < ROWS; i++) {
            memcpy(moved_x + 4 * i, x + 4 * order[i], 4 * sizeof(*x));
            memcpy(moved_y + 3 * i, y + 3 * order[i], 3 * sizeof(*y));
            moved_labels[i] = labels[order[i]];
        }
        run(b, &straight, &moved, NULL, NULL);
    }
    ck_assert_mem_eq(mlp_net_params(a), mlp_net_params(b), mlp_net_parameters(a) * sizeof(float));
    mlp_net_free(&a);
    mlp_net_free(&b);
    free(x);
    free(y);
    free(labels);
}
END_TEST

struct job {
    const struct mlp_data *data;
    struct mlp_net *net;
    bool ok;
};

static void *train_job(void *arg)
{
    struct job *job = arg;
    struct mlp_train_spec train = help_adam(0.001, 2, 64);
    struct mlp_result r;

    job->ok = mlp_train(job->net, &train, job->data, NULL, NULL, &r) == MLP_OK;
    return NULL;
}

/* Large enough for the backend; beside each other as alone. */
START_TEST(jobs_do_not_disturb_each_other)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 128, .activation = MLP_RELU}};
    struct mlp_spec spec = help_spec(200, 1, hidden, 10, MLP_CROSS_ENTROPY);
    uint64_t seed = 3;
    float *x = help_floats(&seed, 300 * 200, 1);
    uint32_t *labels = help_labels(&seed, 300, 10);
    const struct mlp_data data = {.rows = 300, .x = x, .labels = labels};
    struct job jobs[3];
    pthread_t threads[2];

    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct job){.data = &data, .net = help_net(&spec, 1)};
    }
    train_job(&jobs[2]);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, train_job, &jobs[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert(jobs[i].ok);
        ck_assert_mem_eq(mlp_net_params(jobs[i].net), mlp_net_params(jobs[2].net),
                         mlp_net_parameters(jobs[i].net) * sizeof(float));
    }
    for (int i = 0; i < 3; i++) {
        mlp_net_free(&jobs[i].net);
    }
    free(x);
    free(labels);
}
END_TEST

static double fake_time;

static double fake_clock(void)
{
    return fake_time += 0.25;
}

START_TEST(epochs_are_reported)
{
    struct plane p = plane_new(3, 22, 0.1), v = plane_new(4, 150, 0.1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 3, 4);
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_workspace *ws = NULL;
    struct diary d = diary_new(net);
    const struct mlp_callbacks callbacks = {.arg = &d, .epoch = write_diary, .clock = fake_clock};
    struct mlp_result r;
    struct mlp_score score;

    ck_assert_int_eq(mlp_train(net, &train, &p.data, &v.data, &callbacks, &r), MLP_OK);
    ck_assert_uint_eq(d.epochs, 3);
    for (size_t e = 0; e < 3; e++) {
        ck_assert_double_eq(d.epoch[e].seconds, 0.25);
        ck_assert_double_eq(d.epoch[e].learning_rate, 0.01);
        ck_assert_uint_eq(d.epoch[e].samples, 22);
        ck_assert(isfinite(d.epoch[e].training_loss) && isnan(d.epoch[e].validation.accuracy));
    }
    /* the net now is what the last epoch's validation saw */
    ck_assert_int_eq(mlp_workspace_new(net, 7, &ws), MLP_OK);
    ck_assert_int_eq(mlp_evaluate(net, ws, &v.data, &score), MLP_OK);
    ck_assert_double_eq_tol(score.loss, d.epoch[2].validation.loss, 1e-12);
    mlp_workspace_free(&ws);

    /* without validation rows there is no validation score */
    const struct mlp_data empty = {0};

    d.epochs = 0;
    run(net, &train, &p.data, &empty, &d);
    ck_assert(isnan(d.epoch[0].validation.loss) && d.epoch[0].seconds == 0);
    mlp_net_free(&net);
    free(d.best);
    plane_free(&p);
    plane_free(&v);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_train");
    TCase *c = tcase_create("train");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, xor_is_learnt, 0, 5);
    tcase_add_test(c, sine_is_fitted_by_one_hidden_layer);
    tcase_add_test(c, linear_regression_is_solved);
    tcase_add_test(c, the_same_job_gives_the_same_bytes);
    tcase_add_loop_test(c, shuffling_permutes_rows, MLP_CROSS_ENTROPY, MLP_MSE + 1);
    tcase_add_test(c, jobs_do_not_disturb_each_other);
    tcase_add_test(c, epochs_are_reported);
    suite_add_tcase(s, c);
    return help_run(s);
}
