/* What an epoch goes through: the plan of its batches, several batches in a step, moved
 * pictures, averages of weights. What it measures, and what ends it, is in check_mlp_ends.c. */
#include "mlp_train_help.h"

#include "mlp/batches.h"

/* ---- the plan -------------------------------------------------------------------------- */

static struct batches plan(size_t rows, size_t batch, bool drop_last, enum mlp_norm norm,
                           enum mlp_optimizer optimizer)
{
    struct mlp_layer_spec hidden[1] = {{.units = 3, .norm = norm}};
    struct mlp_spec spec = help_spec(2, 1, hidden, 1, MLP_MSE);
    struct mlp_train_spec train = help_optimizer(optimizer);
    struct batches b;

    train.batch_size = batch;
    train.drop_last = drop_last;
    batches_plan(&b, &spec, &train, rows);
    size_t sum = 0, most = 0;
    for (size_t i = 0; i < b.n; i++) {
        size_t n = batches_rows(&b, i);

        ck_assert_uint_ge(n, 1);
        most = n > most ? n : most;
        sum += n;
    }
    ck_assert_uint_eq(sum, batches_total(&b));
    ck_assert_uint_le(most, b.most);
    return b;
}

START_TEST(an_epoch_is_cut_as_promised)
{
    static const struct {
        size_t rows, batch;
        bool drop_last;
        enum mlp_norm norm;
        enum mlp_optimizer optimizer;
        size_t n, total, last;
    } cases[] = {
        {10, 5, false, MLP_NORM_NONE, MLP_SGD, 2, 10, 5},
        {11, 5, false, MLP_NORM_NONE, MLP_SGD, 3, 11, 1},
        {11, 5, false, MLP_NORM_LAYER, MLP_SGD, 3, 11, 1},
        {11, 5, false, MLP_NORM_BATCH, MLP_SGD, 2, 11, 6}, /* no batch of one row */
        {12, 5, false, MLP_NORM_BATCH, MLP_SGD, 3, 12, 2},
        {12, 5, true, MLP_NORM_NONE, MLP_SGD, 2, 10, 5},
        {11, 5, true, MLP_NORM_BATCH, MLP_SGD, 2, 10, 5},
        {3, 5, true, MLP_NORM_NONE, MLP_SGD, 1, 3, 3}, /* the only one stays */
        {1, 5, false, MLP_NORM_BATCH, MLP_SGD, 1, 1, 1},
        {1200, 5, true, MLP_NORM_NONE, MLP_LBFGS, 3, 1200, 176}, /* all rows, in pieces */
        {1025, 5, false, MLP_NORM_NONE, MLP_RPROP, 3, 1025, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct batches b = plan(cases[i].rows, cases[i].batch, cases[i].drop_last, cases[i].norm,
                                cases[i].optimizer);

        ck_assert_msg(b.n == cases[i].n && batches_total(&b) == cases[i].total &&
                          batches_rows(&b, b.n - 1) == cases[i].last,
                      "case %zu: %zu batches, %zu rows, the last has %zu", i, b.n,
                      batches_total(&b), batches_rows(&b, b.n - 1));
    }
}
END_TEST

/* Rows left out by drop_last are not learnt from, and not counted. */
START_TEST(dropped_rows_do_not_matter)
{
    struct plane p = plane_new(2, 22, 1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_adam(0.01, 2, 8);
    struct mlp_net *a = help_net(&spec, 1), *b = help_net(&spec, 1);
    struct diary d = diary_new(a);

    train.shuffle = false;
    train.drop_last = true;
    (void)run(a, &train, &p.data, NULL, &d);
    ck_assert_uint_eq(d.epoch[1].samples, 16);
    for (size_t i = 16 * 4; i < 22 * 4; i++) {
        p.x[i] += 5;
    }
    (void)run(b, &train, &p.data, NULL, NULL);
    ck_assert_mem_eq(mlp_net_params(a), mlp_net_params(b), mlp_net_parameters(a) * sizeof(float));
    mlp_net_free(&a);
    mlp_net_free(&b);
    free(d.best);
    plane_free(&p);
}
END_TEST

/* Three batches of 8 in a step are one of 24, but for the order of sums; the rest of 5 rows is a
 * step of its own in both. */
START_TEST(accumulated_batches_are_one)
{
    struct plane p = plane_new(2, 53, 1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec train = help_optimizer(MLP_SGD), large;
    struct mlp_net *a = help_net(&spec, 1), *b = help_net(&spec, 1);

    train.epochs = 3;
    train.batch_size = 8;
    train.accumulate = 3;
    large = train;
    large.batch_size = 24;
    large.accumulate = 1;
    struct mlp_result ra = run(a, &train, &p.data, NULL, NULL);
    struct mlp_result rb = run(b, &large, &p.data, NULL, NULL);

    ck_assert_uint_eq(ra.steps, 9);
    ck_assert_uint_eq(rb.steps, 9);
    for (size_t i = 0; i < mlp_net_parameters(a); i++) {
        ck_assert_float_eq_tol(mlp_net_params(a)[i], mlp_net_params(b)[i], 2e-6);
    }
    mlp_net_free(&a);
    mlp_net_free(&b);
    plane_free(&p);
}
END_TEST

START_TEST(work_is_counted_by_the_rows_trained)
{
    struct mlp_spec spec = plane_spec(); /* 4-24-2 */
    struct mlp_train_spec train = help_adam(0.01, 3, 8);
    struct mlp_estimate e;

    ck_assert_int_eq(mlp_estimate(&spec, &train, 22, &e), MLP_OK);
    ck_assert_double_eq(e.flops, 2.0 * (2 * 4 * 24 + 3 * 24 * 2) * 22 * 3);
    train.drop_last = true;
    ck_assert_int_eq(mlp_estimate(&spec, &train, 22, &e), MLP_OK);
    ck_assert_double_eq(e.flops, 2.0 * (2 * 4 * 24 + 3 * 24 * 2) * 16 * 3);
    spec.input_scale = true; /* then dL/dx is wanted, too */
    ck_assert_int_eq(mlp_estimate(&spec, &train, 22, &e), MLP_OK);
    ck_assert_double_eq(e.flops, 2.0 * (3 * 4 * 24 + 3 * 24 * 2) * 16 * 3);
}
END_TEST

static struct mlp_augment picture(size_t height, size_t width, float fill)
{
    return (struct mlp_augment){
        .shift = 1, .height = height, .width = width, .channels = 1, .fill = fill};
}

/* Trainings that cannot be: each change alone makes a good one senseless. */
START_TEST(senseless_settings_are_refused)
{
#define REFUSED(optimizer_, change)                                                                \
    do {                                                                                           \
        struct mlp_layer_spec layer = {.units = 3, .activation = MLP_RELU};                        \
        struct mlp_spec net = help_spec(6, 1, &layer, 2, MLP_MSE);                                 \
        struct mlp_train_spec s = help_optimizer(optimizer_);                                      \
        struct mlp_estimate e;                                                                     \
                                                                                                   \
        ck_assert_int_eq(mlp_estimate(&net, &s, 30, &e), MLP_OK);                                  \
        change;                                                                                    \
        ck_assert_msg(mlp_estimate(&net, &s, 30, &e) == MLP_E_ARGUMENT, #change);                  \
    } while (0)

    REFUSED(MLP_ADAM, s.label_smoothing = 0.1);
    REFUSED(MLP_ADAM, s.label_smoothing = -0.1; net.output = MLP_OUT_SOFTMAX;
            net.loss = MLP_CROSS_ENTROPY);
    REFUSED(MLP_ADAM, s.label_smoothing = 1; net.output = MLP_OUT_SOFTMAX;
            net.loss = MLP_CROSS_ENTROPY);
    REFUSED(MLP_ADAM, s.average = MLP_AVERAGE_EMA);
    REFUSED(MLP_ADAM, s.average = MLP_AVERAGE_EMA; s.average_decay = 1);
    REFUSED(MLP_ADAM, s.average = MLP_AVERAGE_SWA; s.average_start = -1);
    REFUSED(MLP_ADAM, s.max_seconds = -1);
    REFUSED(MLP_ADAM, s.max_seconds = NAN);
    REFUSED(MLP_ADAM, s.has_target = true; s.target = NAN);
    REFUSED(MLP_ADAM, s.augment = picture(1, 3, 0));
    REFUSED(MLP_ADAM, s.augment = picture(2, 4, 0));
    REFUSED(MLP_ADAM, s.augment = picture(2, 3, NAN));
    REFUSED(MLP_ADAM, s.augment = picture(SIZE_MAX, 3, 0));
    REFUSED(MLP_RPROP, s.accumulate = 2);
    REFUSED(MLP_LBFGS, s.augment = picture(2, 3, 0));
    REFUSED(MLP_ADAM, s.augment = picture(2, 3, 0); s.augment.rotate = -1);
    REFUSED(MLP_ADAM, s.augment = picture(2, 3, 0); s.augment.rotate = 180.5);
    REFUSED(MLP_ADAM, s.augment = picture(2, 3, 0); s.augment.zoom = 1);
    REFUSED(MLP_ADAM, s.augment = picture(2, 3, 0); s.augment.zoom = NAN);
    REFUSED(MLP_ADAM, s.augment = (struct mlp_augment){.mirror = true});
    REFUSED(MLP_ADAM, s.augment = (struct mlp_augment){.rotate = 5});
    REFUSED(MLP_LBFGS, s.augment = picture(2, 3, 0); s.augment.shift = 0; s.augment.mirror = true);
    REFUSED(MLP_LBFGS, layer.dropout = 0.1);
    REFUSED(MLP_LBFGS, layer.noise = 0.1);
    REFUSED(MLP_LBFGS, net.input_dropout = 0.1);
    REFUSED(MLP_LBFGS, net.input_noise = 0.1);
    REFUSED(MLP_RPROP, layer.norm = MLP_NORM_BATCH);
}
END_TEST

/* ---- moved pictures ---------------------------------------------------------------------- */

/* A picture of 4 x 5 pixels with two channels: row 0 of the data, moved in each epoch. */
START_TEST(pictures_move_by_whole_pixels)
{
    enum { HEIGHT = 4, WIDTH = 5, CHANNELS = 2, SIZE = HEIGHT * WIDTH * CHANNELS, ROWS = 3 };
    struct mlp_spec spec = help_spec(SIZE, 0, NULL, 1, MLP_MSE);
    struct mlp_train_spec train = help_optimizer(MLP_SGD);
    struct arena arena = {0};
    struct batches b;
    float x[ROWS * SIZE], y[ROWS] = {0};
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    bool seen[5][5] = {{false}};

    for (size_t i = 0; i < ROWS * SIZE; i++) {
        x[i] = (float)(i + 1);
    }
    train.augment = (struct mlp_augment){
        .shift = 2, .height = HEIGHT, .width = WIDTH, .channels = CHANNELS, .fill = -7};
    batches_layout(&b, &spec, &train, ROWS, &arena);
    void *memory = arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(memory);
    arena.used = 0;
    batches_layout(&b, &spec, &train, ROWS, &arena);
    b.data = &data;
    for (uint32_t epoch = 1; epoch <= 200; epoch++) {
        batches_epoch(&b, epoch);
        const struct mlp_data batch = batches_at(&b, 0);

        for (size_t r = 0; r < ROWS; r++) {
            const float *picture = batch.x + r * SIZE, *from = x + b.order[r] * SIZE;
            bool found = false;

            for (int down = -2; down <= 2; down++) {
                for (int right = -2; right <= 2; right++) {
                    bool same = true;

                    for (int i = 0; i < HEIGHT * WIDTH && same; i++) {
                        int si = i / WIDTH - down, sj = i % WIDTH - right;
                        bool inside = si >= 0 && si < HEIGHT && sj >= 0 && sj < WIDTH;

                        for (int c = 0; c < CHANNELS; c++) {
                            float want = inside ? from[(si * WIDTH + sj) * CHANNELS + c] : -7;

                            same = same && picture[i * CHANNELS + c] == want;
                        }
                    }
                    if (same) {
                        found = true;
                        seen[down + 2][right + 2] = true;
                    }
                }
            }
            ck_assert_msg(found, "epoch %u, row %zu is no moved picture", epoch, r);
        }
    }
    for (int i = 0; i < 25; i++) {
        ck_assert_msg(seen[i / 5][i % 5], "never moved by (%d, %d)", i / 5 - 2, i % 5 - 2);
    }
    free(memory);
}
END_TEST

/* ---- averages ------------------------------------------------------------------------------ */

struct weights_log {
    const struct mlp_net *net;
    size_t n, epochs;
    float shown[64][8];
};

static void log_weights(void *arg, const struct mlp_epoch *e)
{
    struct weights_log *log = arg;

    (void)e;
    memcpy(log->shown[log->epochs++], mlp_net_params_const(log->net), log->n * sizeof(float));
}

/* A linear net of three parameters, one batch an epoch: epochs are steps. */
static struct weights_log log_run(const struct mlp_train_spec *train, struct mlp_net **net)
{
    static const float x[8] = {1, 2, -1, 0.5F, 0.25F, -2, 3, 1}, y[4] = {1, -1, 2, 0.5F};
    static const struct mlp_data data = {.rows = 4, .x = x, .targets = y};
    struct mlp_spec spec = help_spec(2, 0, NULL, 1, MLP_MSE);
    struct weights_log log = {.n = 3};
    const struct mlp_callbacks callbacks = {.arg = &log, .epoch = log_weights};
    struct mlp_result r;

    *net = help_net(&spec, 3);
    log.net = *net;
    ck_assert_int_eq(mlp_train(*net, train, &data, NULL, &callbacks, &r), MLP_OK);
    ck_assert_uint_eq(r.epochs, train->epochs);
    return log;
}

START_TEST(averages_by_definition)
{
    struct mlp_train_spec train = help_optimizer(MLP_SGD);
    struct mlp_net *raw_net, *net;

    train.epochs = 12;
    struct weights_log raw = log_run(&train, &raw_net);
    train.average = _i == 0 ? MLP_AVERAGE_EMA : MLP_AVERAGE_SWA;
    train.average_decay = 0.8;
    train.average_start = 4;
    struct weights_log shown = log_run(&train, &net);

    for (size_t j = 0; j < 3; j++) {
        double mean = (double)raw.shown[0][j], sum = 0;

        for (size_t e = 0; e < 12; e++) {
            double want;

            if (_i == 0) {
                want = mean = e == 0 ? mean : 0.8 * mean + 0.2 * (double)raw.shown[e][j];
            } else {
                sum += e >= 4 ? (double)raw.shown[e][j] : 0;
                want = e < 4 ? (double)raw.shown[e][j] : sum / (double)(e - 3);
            }
            ck_assert_double_eq_tol((double)shown.shown[e][j], want, 1e-6);
        }
        /* what is left in the net is the average, too */
        ck_assert_float_eq(mlp_net_params(net)[j], shown.shown[11][j]);
        ck_assert_float_ne(mlp_net_params(net)[j], mlp_net_params(raw_net)[j]);
    }
    mlp_net_free(&raw_net);
    mlp_net_free(&net);
}
END_TEST

/* Under swa the running statistics are the plain means of the batches' own, with the averaged
 * weights. */
START_TEST(statistics_of_averaged_weights)
{
    static const struct mlp_layer_spec hidden[1] = {
        {.units = 3, .activation = MLP_TANH, .norm = MLP_NORM_BATCH}};
    struct plane p = plane_new(2, 20, 1);
    struct mlp_spec spec = help_spec(4, 1, hidden, 2, MLP_MSE);
    struct mlp_train_spec train = help_optimizer(MLP_SGD);
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_layer_view v;

    train.epochs = 6;
    train.batch_size = 10;
    train.shuffle = false;
    train.average = MLP_AVERAGE_SWA;
    train.average_start = 2;
    struct mlp_result r = run(net, &train, &p.data, NULL, NULL);

    ck_assert_uint_eq(r.epochs, 6);
    mlp_net_layer(net, 0, &v);
    for (size_t j = 0; j < 3; j++) {
        double mean = 0, variance = 0;

        for (size_t b = 0; b < 2; b++) {
            double z[10], sum = 0, squares = 0;

            for (size_t i = 0; i < 10; i++) {
                z[i] = 0;
                for (size_t q = 0; q < 4; q++) {
                    z[i] += (double)p.x[(10 * b + i) * 4 + q] * (double)v.weights[q * 3 + j];
                }
                sum += z[i];
            }
            for (size_t i = 0; i < 10; i++) {
                squares += pow(z[i] - sum / 10, 2);
            }
            mean += sum / 10 / 2;
            variance += squares / 9 / 2;
        }
        ck_assert_double_eq_tol((double)v.mean[j], mean, 1e-6);
        ck_assert_double_eq_tol((double)v.variance[j], variance, 1e-5 * variance);
    }
    mlp_net_free(&net);
    plane_free(&p);
}
END_TEST

/* ---- rows where they are ------------------------------------------------------------------ */

static struct mlp_net *trained(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                               const struct mlp_data *data)
{
    struct mlp_net *net = help_net(spec, 3);

    (void)run(net, train, data, NULL, NULL);
    return net;
}

/* An epoch in shuffled order has the bits of one over rows that lie in that order, however long
 * they are and whatever is done to them on their way. */
static void check_order(const struct mlp_spec *spec, struct mlp_train_spec train)
{
    enum { ROWS = 129 }; /* the last batch is one row */
    const size_t n = spec->n_inputs;
    const struct rng shuffle = rng_stream(train.seed, RNG_SHUFFLE);
    uint64_t seed = 5;
    float *x = help_floats(&seed, ROWS * n, 1), *moved = help_floats(&seed, ROWS * n, 1);
    uint32_t *labels = help_labels(&seed, ROWS, 3), moved_labels[ROWS], order[ROWS];
    const struct mlp_data data = {.rows = ROWS, .x = x, .labels = labels};
    const struct mlp_data in_order = {.rows = ROWS, .x = moved, .labels = moved_labels};

    rng_permutation(&shuffle, 1, order, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(moved + i * n, x + order[i] * n, n * sizeof(*x));
        moved_labels[i] = labels[order[i]];
    }
    struct mlp_net *first = trained(spec, &train, &data);

    train.shuffle = false;
    struct mlp_net *second = trained(spec, &train, &in_order);

    ck_assert_mem_eq(mlp_net_params_const(first), mlp_net_params_const(second),
                     mlp_net_values(first) * sizeof(float));
    mlp_net_free(&first);
    mlp_net_free(&second);
    free(x);
    free(moved);
    free(labels);
}

START_TEST(a_shuffled_epoch_is_its_rows_in_order)
{
    static const size_t inputs[] = {20, 100, 255, 256, 300};
    struct mlp_train_spec train = help_adam(0.01, 1, 32);

    train.shuffle = true;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
        struct mlp_layer_spec hidden = {.units = 100, .activation = MLP_RELU};
        struct mlp_spec spec = help_spec(inputs[i], 1, &hidden, 3, MLP_CROSS_ENTROPY);

        train.drop_last = i % 2 == 0;
        check_order(&spec, train);
        hidden.norm = MLP_NORM_LAYER;
        check_order(&spec, train);
        hidden = (struct mlp_layer_spec){.units = inputs[i], .residual = true};
        check_order(&spec, train);
        spec.input_dropout = 0.2;
        check_order(&spec, train);
        spec.input_dropout = 0;
        spec.input_scale = true;
        check_order(&spec, train);
    }
}
END_TEST

START_TEST(long_rows_that_stay_as_they_are_are_used_in_place)
{
    struct mlp_spec spec = help_spec(256, 0, NULL, 3, MLP_CROSS_ENTROPY);
    struct mlp_train_spec train = help_adam(0.01, 1, 32);
    uint32_t order[100];
    struct batches b;

    batches_plan(&b, &spec, &train, 100);
    ck_assert_ptr_null(batches_places(&b, 1)); /* in order */
    b.order = order;
    ck_assert_ptr_eq(batches_places(&b, 0), order);
    ck_assert_ptr_eq(batches_places(&b, 3), order + 96);
    train.augment = (struct mlp_augment){.height = 16, .width = 16, .channels = 1, .shift = 1};
    ck_assert_ptr_null(batches_places(&b, 1)); /* moved about */
    train.augment.shift = 0;
    b.n_inputs = 255;
    ck_assert_ptr_null(batches_places(&b, 1)); /* short */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_batches");
    TCase *c = tcase_create("batches");

    tcase_add_test(c, an_epoch_is_cut_as_promised);
    tcase_add_test(c, dropped_rows_do_not_matter);
    tcase_add_test(c, accumulated_batches_are_one);
    tcase_add_test(c, work_is_counted_by_the_rows_trained);
    tcase_add_test(c, senseless_settings_are_refused);
    tcase_add_test(c, pictures_move_by_whole_pixels);
    tcase_add_loop_test(c, averages_by_definition, 0, 2);
    tcase_add_test(c, statistics_of_averaged_weights);
    tcase_add_test(c, a_shuffled_epoch_is_its_rows_in_order);
    tcase_add_test(c, long_rows_that_stay_as_they_are_are_used_in_place);
    suite_add_tcase(s, c);
    return help_run(s);
}
