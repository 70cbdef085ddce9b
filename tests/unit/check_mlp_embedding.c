/* Embeddings: gradients in front of every kind of layer; that they are the one-hot network without
 * its product; what indexes are refused and where; first values; predictions row by row; trainings
 * that stop and go on, by every optimizer; and that only the tables' own rows move. */
#include "mlp_gradient.h"
#include "mlp_train_help.h"

#include <stdio.h>

#include "mlp/net.h"

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

static const struct mlp_embedding tables[] = {{.levels = 4, .width = 3}, {.levels = 9, .width = 2}};

static struct mlp_spec embedded(struct mlp_spec spec, size_t n)
{
    spec.n_embeddings = n;
    spec.embeddings = tables;
    return spec;
}

/* Rows of numbers in +-1 with indexes at their ends. */
static float *rows_for(const struct mlp_spec *spec, uint64_t seed, size_t rows)
{
    float *x = help_floats(&seed, rows * spec->n_inputs, 1);

    for (size_t r = 0; r < rows; r++) {
        float *end = x + (r + 1) * spec->n_inputs - spec->n_embeddings;

        for (size_t i = 0; i < spec->n_embeddings; i++) {
            end[i] = (float)floor(help_unit(&seed) * (double)spec->embeddings[i].levels);
        }
    }
    return x;
}

/* ---- gradients ---------------------------------------------------------------------------- */

enum kind {
    PLAIN,
    LINEAR,
    BATCH_NORM,
    LAYER_NORM,
    RESIDUAL,
    MAXOUT,
    SCALE,
    DROPPED,
    NOISY,
    ALL,
    ONLY_INDEXES,
    KINDS
};

/* 2 numbers and 5 of tables; or no number at all. */
static struct mlp_spec kind_spec(enum kind kind, enum mlp_activation f,
                                 struct mlp_layer_spec hidden[2])
{
    bool residual = kind == RESIDUAL || kind == ALL;

    hidden[0] =
        (struct mlp_layer_spec){.units = 7,
                                .activation = kind == MAXOUT ? MLP_MAXOUT : f,
                                .residual = residual,
                                .norm = kind == BATCH_NORM                  ? MLP_NORM_BATCH
                                        : kind == LAYER_NORM || kind == ALL ? MLP_NORM_LAYER
                                                                            : MLP_NORM_NONE};
    hidden[0].pieces = hidden[0].activation == MLP_MAXOUT ? 2 : 0;
    hidden[1] = (struct mlp_layer_spec){.units = 4, .activation = MLP_TANH};
    struct mlp_spec spec = embedded(help_spec(kind == ONLY_INDEXES ? 2 : 4, kind == LINEAR ? 0 : 2,
                                              hidden, 3, MLP_CROSS_ENTROPY),
                                    2);

    spec.input_scale = kind == SCALE || kind == ALL;
    spec.input_dropout = kind == DROPPED || kind == ALL ? 0.3 : 0;
    spec.input_noise = kind == NOISY || kind == ALL ? 0.2 : 0;
    return spec;
}

/* _i is the kind */
START_TEST(gradients)
{
    static const size_t rows[] = {3, 7, 66};

    for (int f = MLP_IDENTITY; f <= MLP_MAXOUT; f++) {
        for (size_t r = 0; r < COUNT(rows); r++) {
            struct mlp_layer_spec hidden[2];
            struct mlp_spec spec = kind_spec((enum kind)_i, (enum mlp_activation)f, hidden);
            char what[80];

            snprintf(what, sizeof(what), "kind %d, %s, %zu rows", _i, mlp_activation_names()[f],
                     rows[r]);
            gradient_check(
                &(struct gradient_case){.what = what,
                                        .spec = &spec,
                                        .rows = rows[r],
                                        .seed = 100 * (unsigned)_i + (unsigned)f,
                                        .weighted = rows[r] == 7,
                                        /* of few rows, some dropped: small differences */
                                        .tolerance = _i == BATCH_NORM ? 4e-5
                                                     : rows[r] == 3   ? 2e-5
                                                                      : 0});
        }
    }
}
END_TEST

/* ---- the one-hot network ----------------------------------------------------------------------
 */

/* Three numbers and a table in front of 5 units, and the same with a column for each level, whose
 * weights are what the table's rows come to behind the first layer: W' = (W_numbers, E W_table). */
START_TEST(it_is_the_one_hot_network)
{
    enum { ROWS = 40, LEVELS = 9, WIDTH = 5, NUMBERS = 3, OUT = 2, REST = OUT * WIDTH + OUT };
    static const struct mlp_embedding table = {.levels = LEVELS, .width = WIDTH};
    const struct mlp_layer_spec hidden = {.units = WIDTH, .activation = MLP_TANH};
    struct mlp_spec a = help_spec(NUMBERS + 1, 1, &hidden, OUT, MLP_MSE);
    struct mlp_spec b = help_spec(NUMBERS + LEVELS, 1, &hidden, OUT, MLP_MSE);
    double pa[LEVELS * WIDTH + (NUMBERS + WIDTH) * WIDTH + WIDTH + REST] = {0};
    double pb[(NUMBERS + LEVELS) * WIDTH + WIDTH + REST] = {0}, xa[ROWS * (NUMBERS + 1)];
    double xb[ROWS * (NUMBERS + LEVELS)] = {0}, y[ROWS * OUT], ga[COUNT(pa)], gb[COUNT(pb)];
    double *e = pa, *wa = e + LEVELS * WIDTH, *rest_a = wa + (NUMBERS + WIDTH) * WIDTH;
    double *wb = pb, *eb = wb + NUMBERS * WIDTH, *rest_b = eb + LEVELS * WIDTH, la = 0, lb = 0;
    uint64_t seed = 3;

    a.n_embeddings = 1;
    a.embeddings = &table;
    for (size_t i = 0; i < COUNT(pb); i++) { /* W_table is the identity: E W_table = E */
        pb[i] = help_bell(&seed);
    }
    memcpy(e, eb, LEVELS * WIDTH * sizeof(*e));
    memcpy(wa, wb, NUMBERS * WIDTH * sizeof(*wa));
    for (size_t j = 0; j < WIDTH; j++) {
        wa[(NUMBERS + j) * WIDTH + j] = 1;
    }
    memcpy(rest_a, rest_b, (WIDTH + REST) * sizeof(*rest_a));
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t j = 0; j < NUMBERS; j++) {
            xa[r * (NUMBERS + 1) + j] = xb[r * (NUMBERS + LEVELS) + j] = help_bell(&seed);
        }
        size_t level = (size_t)(help_unit(&seed) * (LEVELS - 1)); /* the last one never */

        xa[r * (NUMBERS + 1) + NUMBERS] = (double)level;
        xb[r * (NUMBERS + LEVELS) + NUMBERS + level] = 1;
        y[2 * r] = help_bell(&seed);
        y[2 * r + 1] = help_bell(&seed);
    }
    ck_assert(double_gradient(&a, pa, xa, y, NULL, ROWS, &la, ga));
    ck_assert(double_gradient(&b, pb, xb, y, NULL, ROWS, &lb, gb));
    ck_assert_double_eq_tol(la, lb, 1e-13);
    for (size_t i = 0; i < LEVELS * WIDTH; i++) {
        ck_assert_double_eq_tol(ga[i], gb[NUMBERS * WIDTH + i], 1e-14);
        ck_assert(i < (LEVELS - 1) * WIDTH || ga[i] == 0);
    }
    for (size_t i = 0; i < NUMBERS * WIDTH; i++) {
        ck_assert_double_eq_tol(ga[LEVELS * WIDTH + i], gb[i], 1e-14);
    }
    for (size_t i = 0; i < WIDTH + REST; i++) {
        ck_assert_double_eq_tol(ga[rest_a - pa + (ptrdiff_t)i], gb[rest_b - pb + (ptrdiff_t)i],
                                1e-14);
    }
}
END_TEST

/* ---- indexes ------------------------------------------------------------------------------- */

static void ask_all(const struct mlp_spec *spec, float *x, size_t rows, enum mlp_status wanted)
{
    struct mlp_train_spec train = help_adam(0.01, 1, 4);
    const uint32_t labels[8] = {0, 1, 2, 0, 1, 2, 0, 1};
    const struct mlp_data data = {.rows = rows, .x = x, .labels = labels};
    const struct mlp_data first = {.rows = 1, .x = x, .labels = labels};
    struct mlp_net *net = help_net(spec, 1);
    struct mlp_workspace *ws = NULL;
    struct mlp_score score;
    struct mlp_result r;
    float out[8 * 3];

    ck_assert_int_eq(mlp_workspace_new(net, 3, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, x, rows, out), wanted);
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), wanted);
    ck_assert_int_eq(mlp_train(net, &train, &data, NULL, NULL, &r), wanted);
    ck_assert_int_eq(mlp_train(net, &train, &first, &data, NULL, &r), wanted);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
}

START_TEST(indexes_are_of_the_table)
{
    static const float bad[] = {-1,    0.5F,   8.5F, 9,    10,        -0.001F,    16777216.0F,
                                1e30F, -1e30F, NAN,  -NAN, HUGE_VALF, -HUGE_VALF, 4294967296.0F};
    struct mlp_spec spec = embedded(help_spec(4, 1, xor_hidden, 3, MLP_CROSS_ENTROPY), 2);
    float *x = rows_for(&spec, 4, 8);

    x[3] = -0.0F;
    x[7] = 8;
    x[0] = x[5] = NAN; /* a number may be anything */
    ask_all(&spec, x, 8, MLP_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t row = 1; row < 8; row += 6) { /* in the second and in the last */
            float before = x[4 * row + 3];

            x[4 * row + 3] = bad[i];
            ask_all(&spec, x, 8, MLP_E_ARGUMENT);
            x[4 * row + 3] = before;
        }
    }
    x[6] = 4; /* the first table's levels are its own */
    ask_all(&spec, x, 8, MLP_E_ARGUMENT);
    free(x);
}
END_TEST

/* An index goes bad under a trainer that has seen it good: an error, and nothing read outside. */
START_TEST(indexes_that_change_are_seen)
{
    struct mlp_spec spec = embedded(help_spec(4, 1, xor_hidden, 3, MLP_CROSS_ENTROPY), 2);
    struct mlp_train_spec train = help_adam(0.01, 3, 4);
    const uint32_t labels[8] = {0, 1, 2, 0, 1, 2, 0, 1};
    float *x = rows_for(&spec, 4, 8);
    const struct mlp_data data = {.rows = 8, .x = x, .labels = labels};
    struct mlp_net *net = help_net(&spec, 1);
    struct mlp_trainer *t = NULL;
    struct mlp_result r;

    ck_assert_int_eq(mlp_trainer_new(net, &train, &data, NULL, NULL, &t), MLP_OK);
    x[7] = 1e9F;
    ck_assert_int_eq(mlp_trainer_run(t, &r), MLP_E_ARGUMENT);
    mlp_trainer_free(&t);
    mlp_net_free(&net);
    free(x);
}
END_TEST

/* A workspace of tables of another width would be too small. */
START_TEST(workspaces_are_of_the_tables)
{
    static const struct mlp_embedding wider[] = {{.levels = 4, .width = 300}, {9, 2}};
    struct mlp_spec spec = embedded(help_spec(4, 1, xor_hidden, 3, MLP_CROSS_ENTROPY), 2);
    struct mlp_net *net = help_net(&spec, 1), *other = NULL;
    struct mlp_workspace *ws = NULL;
    const float x[4] = {0};
    float out[3];

    ck_assert_int_eq(mlp_workspace_new(net, 3, &ws), MLP_OK);
    spec.embeddings = wider;
    other = help_net(&spec, 1);
    ck_assert_int_eq(mlp_predict(net, ws, x, 1, out), MLP_OK);
    ck_assert_int_eq(mlp_predict(other, ws, x, 1, out), MLP_E_ARGUMENT);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
    mlp_net_free(&other);
}
END_TEST

/* ---- the network itself -----------------------------------------------------------------------
 */

START_TEST(specs)
{
    struct mlp_embedding one = {.levels = 10, .width = 4};
    struct mlp_layer_spec hidden = {.units = 7, .activation = MLP_RELU, .residual = true};
    struct mlp_spec spec = help_spec(4, 1, &hidden, 3, MLP_CROSS_ENTROPY);
    size_t n = 0;

    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT); /* 4 in, 7 out */
    spec.n_embeddings = 1;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT); /* no tables */
    spec.embeddings = &one;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_OK); /* 3 + 4 are 7 */
    ck_assert_uint_eq(mlp_spec_width(&spec), 7);
    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_OK);
    ck_assert_uint_eq(n, 10 * 4 + 7 * 7 + 7 + 7 * 3 + 3);
    spec.input_scale = true;
    ck_assert_int_eq(mlp_spec_parameters(&spec, &n), MLP_OK);
    ck_assert_uint_eq(n, 7 + 10 * 4 + 7 * 7 + 7 + 7 * 3 + 3);
    one.levels = 0;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
    one.levels = MLP_MAX_LEVELS;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_OK);
    one.levels = (size_t)MLP_MAX_LEVELS + 1;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_TOO_LARGE);
    one = (struct mlp_embedding){.levels = 1, .width = 0};
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
    one.width = SIZE_MAX;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_TOO_LARGE);
    one.width = 4;
    spec.n_inputs = 1;
    hidden.units = 4;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_OK); /* nothing but an index */
    spec.n_embeddings = 2;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_ARGUMENT);
    spec.n_embeddings = SIZE_MAX;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_TOO_LARGE);
}
END_TEST

/* As wide as inputs may be, together. */
START_TEST(many_wide_tables)
{
    static struct mlp_embedding all[16];
    struct mlp_spec spec = help_spec(16, 0, NULL, 3, MLP_CROSS_ENTROPY);

    for (size_t i = 0; i < 16; i++) {
        all[i] = (struct mlp_embedding){.levels = MLP_MAX_LEVELS, .width = 62500};
    }
    spec.n_embeddings = 16;
    spec.embeddings = all;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_OK);
    all[15].width++;
    ck_assert_int_eq(mlp_spec_check(&spec), MLP_E_TOO_LARGE);
}
END_TEST

START_TEST(first_values)
{
    static const struct mlp_embedding big[] = {{.levels = 5, .width = 2},
                                               {.levels = 4000, .width = 3}};
    struct mlp_spec spec = help_spec(4, 1, xor_hidden, 3, MLP_CROSS_ENTROPY);
    struct mlp_spec plain = help_spec(7, 1, xor_hidden, 3, MLP_CROSS_ENTROPY);
    struct mlp_layer_view a, b;
    double sum = 0, squares = 0;

    spec.n_embeddings = 2;
    spec.embeddings = big;
    struct mlp_net *net = help_net(&spec, 9), *other = help_net(&plain, 9);
    const float *first = mlp_net_embedding(net, 0), *second = mlp_net_embedding(net, 1);

    ck_assert_ptr_eq(first, mlp_net_params_const(net));
    ck_assert_ptr_eq(second, first + 10);
    mlp_net_layer(net, 0, &a);
    mlp_net_layer(other, 0, &b);
    ck_assert_ptr_eq(a.weights, second + 12000);
    ck_assert_uint_eq(a.n_in, 7);
    ck_assert_mem_eq(a.weights, b.weights,
                     7 * 8 * sizeof(float)); /* tables take nothing of theirs */
    for (size_t i = 0; i < 3; i++) {
        ck_assert(second[i] == 0 && (i == 2 || first[i] == 0));
        ck_assert(second[3 + i] != 0 && second[3 + i] != first[3 + i]);
    }
    for (size_t i = 3; i < 12000; i++) {
        sum += (double)second[i];
        squares += (double)(second[i] * second[i]);
    }
    ck_assert_double_eq_tol(sum / 11997, 0, 4 * 0.05 / sqrt(11997));
    ck_assert_double_eq_tol(sqrt(squares / 11997), 0.05, 4 * 0.05 / sqrt(2 * 11997.0));
    mlp_net_free(&net);
    mlp_net_free(&other);
}
END_TEST

/* Row by row, in odd slices, all at once: the same bits, also of nets that take the backend. */
START_TEST(a_row_for_itself)
{
    static const struct mlp_embedding wide[] = {{.levels = 50, .width = 16}, {9, 40}, {300, 12}};
    const struct mlp_layer_spec hidden[2] = {{.units = 256, .activation = MLP_RELU},
                                             {.units = 33, .activation = MLP_TANH}};
    struct mlp_spec spec = help_spec(30, 2, hidden, 3, MLP_CROSS_ENTROPY);

    spec.n_embeddings = 3;
    spec.embeddings = wide;
    spec.input_scale = _i == 1;
    enum { ROWS = 150 };
    struct mlp_net *net = help_net(&spec, 5);
    float *x = rows_for(&spec, 8, ROWS), all[ROWS * 3], one[3];
    struct mlp_workspace *most = NULL, *some = NULL;

    ck_assert_int_eq(mlp_workspace_new(net, ROWS, &most), MLP_OK);
    ck_assert_int_eq(mlp_workspace_new(net, 7, &some), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, most, x, ROWS, all), MLP_OK);
    for (size_t r = 0; r < ROWS; r++) {
        ck_assert_int_eq(mlp_predict(net, some, x + r * 30, 1, one), MLP_OK);
        ck_assert_mem_eq(one, all + 3 * r, sizeof(one));
    }
    float again[ROWS * 3];
    ck_assert_int_eq(mlp_predict(net, some, x, ROWS, again), MLP_OK);
    ck_assert_mem_eq(again, all, sizeof(all));
    mlp_workspace_free(&most);
    mlp_workspace_free(&some);
    mlp_net_free(&net);
    free(x);
}
END_TEST

/* ---- training ---------------------------------------------------------------------------------
 */

static bool stop_often(void *arg)
{
    return ++*(size_t *)arg % 7 == 0;
}

/* To the end, with a new trainer and net for every 6 steps if `often`. */
static struct mlp_net *trained(const struct mlp_spec *spec, const struct mlp_train_spec *train,
                               const struct mlp_data *data, bool often, struct mlp_result *r)
{
    size_t asked = 0;
    const struct mlp_callbacks callbacks = {.arg = &asked, .stop = often ? stop_often : NULL};
    struct mlp_net *net = help_net(spec, 5);
    struct mlp_trainer *t = NULL;

    ck_assert_int_eq(mlp_trainer_new(net, train, data, NULL, &callbacks, &t), MLP_OK);
    for (;;) {
        ck_assert_int_eq(mlp_trainer_run(t, r), MLP_OK);
        if (r->stopped_by != MLP_BY_CALLER) {
            break;
        }
        size_t size = mlp_trainer_state_size(t);
        void *state = malloc(size);

        ck_assert_ptr_nonnull(state);
        mlp_trainer_save(t, state);
        mlp_trainer_free(&t);
        mlp_net_free(&net);
        net = help_net(spec, 77);
        ck_assert_int_eq(mlp_trainer_new(net, train, data, NULL, &callbacks, &t), MLP_OK);
        ck_assert_int_eq(mlp_trainer_load(t, state, size), MLP_OK);
        free(state);
    }
    mlp_trainer_publish(t);
    mlp_trainer_free(&t);
    return net;
}

/* Targets that only the indexes tell. */
static float *truths(const struct mlp_spec *spec, const float *x, size_t rows)
{
    float *y = malloc(rows * sizeof(*y));

    ck_assert_ptr_nonnull(y);
    for (size_t r = 0; r < rows; r++) {
        const float *end = x + (r + 1) * spec->n_inputs - 2;

        y[r] = (float)((int)end[0] * 3 % 4) - (float)((int)end[1] % 2);
    }
    return y;
}

/* Every optimizer learns them, and comes to the same bits however often it was stopped. _i is the
 * optimizer; the next ones are averages. */
START_TEST(optimizers_learn_tables)
{
    enum { ROWS = 60 };
    enum mlp_optimizer kind = _i > MLP_LBFGS ? MLP_ADAM : (enum mlp_optimizer)_i;
    struct mlp_spec spec = embedded(help_spec(4, 1, xor_hidden, 1, MLP_MSE), 2);
    struct mlp_train_spec train = help_optimizer(kind);
    float *x = rows_for(&spec, 2, ROWS), *y = truths(&spec, x, ROWS);
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    struct mlp_result whole, pieces;

    train.epochs = kind == MLP_LBFGS ? 60 : 250;
    train.average = _i == MLP_LBFGS + 1   ? MLP_AVERAGE_EMA
                    : _i == MLP_LBFGS + 2 ? MLP_AVERAGE_SWA
                                          : MLP_AVERAGE_NONE;
    train.average_decay = 0.9;
    train.average_start = 3;
    train.restore_best = true;
    if (kind == MLP_SGD) {
        train.learning_rate = 0.03;
    }
    struct mlp_net *a = trained(&spec, &train, &data, false, &whole);
    struct mlp_net *b = trained(&spec, &train, &data, true, &pieces);

    ck_assert_mem_eq(mlp_net_params(a), mlp_net_params(b), mlp_net_values(a) * sizeof(float));
    ck_assert_msg(whole.best_loss < 0.2, "%s: loss %g", mlp_optimizer_names()[kind],
                  whole.best_loss); /* the truth's variance is 1.5 */
    mlp_net_free(&a);
    mlp_net_free(&b);
    free(x);
    free(y);
}
END_TEST

START_TEST(states_are_of_the_tables)
{
    static const struct mlp_embedding these[] = {{.levels = 3, .width = 2}, {6, 2}};
    static const struct mlp_embedding turned[] = {{.levels = 6, .width = 2}, {3, 2}};
    struct mlp_spec spec = embedded(help_spec(4, 1, xor_hidden, 1, MLP_MSE), 2);
    struct mlp_spec other = spec;
    struct mlp_train_spec train = help_optimizer(MLP_SGD);
    const float x[8] = {0, 0, 1, 2, 0, 0, 2, 1}, y[2] = {1, 2};
    const struct mlp_data data = {.rows = 2, .x = x, .targets = y};
    struct mlp_net *a = NULL, *b = NULL;
    struct mlp_trainer *ta = NULL, *tb = NULL;
    static unsigned char state[1 << 16];

    spec.embeddings = these;
    other.embeddings = turned; /* all sizes are the same */
    a = help_net(&spec, 1);
    b = help_net(&other, 1);
    ck_assert_int_eq(mlp_trainer_new(a, &train, &data, NULL, NULL, &ta), MLP_OK);
    ck_assert_int_eq(mlp_trainer_new(b, &train, &data, NULL, NULL, &tb), MLP_OK);
    ck_assert_uint_le(mlp_trainer_state_size(ta), sizeof(state));
    mlp_trainer_save(ta, state);
    ck_assert_int_eq(mlp_trainer_load(tb, state, mlp_trainer_state_size(ta)), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_trainer_extend(tb, state, mlp_trainer_state_size(ta)), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_trainer_load(ta, state, mlp_trainer_state_size(ta)), MLP_OK);
    mlp_trainer_free(&ta);
    mlp_trainer_free(&tb);
    mlp_net_free(&a);
    mlp_net_free(&b);
}
END_TEST

/* Rows that no index names have a gradient of 0, so plain sgd leaves them as they are; what
 * freezes the first layer freezes them; pictures and indexes do not go together. */
START_TEST(what_moves)
{
    enum { ROWS = 12 };
    struct mlp_spec spec = embedded(help_spec(4, 1, xor_hidden, 1, MLP_MSE), 2);
    struct mlp_train_spec train = help_optimizer(MLP_SGD);
    const struct mlp_layer_train layers[2] = {{.frozen = true}, {.rate = 1}};
    float *x = rows_for(&spec, 2, ROWS), *y = truths(&spec, x, ROWS);
    const struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    struct mlp_net *net = help_net(&spec, 3), *before = help_net(&spec, 3);
    struct mlp_estimate e;
    const size_t tables_and_first = 12 + 18 + 7 * 8 + 8;
    struct mlp_result r;

    for (size_t i = 0; i < ROWS; i++) { /* levels 0 to 3 of 4, and 4 to 7 of 9 */
        x[4 * i + 3] = (float)(4 + i % 4);
    }
    train.layers = layers;
    ck_assert_int_eq(mlp_train(net, &train, &data, NULL, NULL, &r), MLP_OK);
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(before), tables_and_first * sizeof(float));
    train.layers = NULL;
    ck_assert_int_eq(mlp_train(net, &train, &data, NULL, NULL, &r), MLP_OK);
    for (size_t level = 0; level < 9; level++) {
        bool moved = memcmp(mlp_net_embedding(net, 1) + 2 * level,
                            mlp_net_embedding(before, 1) + 2 * level, 2 * sizeof(float)) != 0;

        ck_assert_int_eq(moved, level >= 4 && level < 8);
    }
    train.augment = (struct mlp_augment){.shift = 1, .height = 2, .width = 2, .channels = 1};
    ck_assert_int_eq(mlp_estimate(&spec, &train, ROWS, &e), MLP_E_ARGUMENT);
    train.augment.shift = 0;
    ck_assert_int_eq(mlp_estimate(&spec, &train, ROWS, &e), MLP_OK);
    /* of the first layer dL/da_0 is of the 5 numbers from tables alone */
    ck_assert_double_eq(e.flops, 2.0 * ROWS * (double)train.epochs * ((3 * 7 - 2) * 8 + 3 * 8));
    mlp_net_free(&net);
    mlp_net_free(&before);
    free(x);
    free(y);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_embedding");
    TCase *c = tcase_create("embedding");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gradients, 0, KINDS);
    tcase_add_test(c, it_is_the_one_hot_network);
    tcase_add_test(c, indexes_are_of_the_table);
    tcase_add_test(c, indexes_that_change_are_seen);
    tcase_add_test(c, workspaces_are_of_the_tables);
    tcase_add_test(c, specs);
    tcase_add_test(c, many_wide_tables);
    tcase_add_test(c, first_values);
    tcase_add_loop_test(c, a_row_for_itself, 0, 2);
    tcase_add_loop_test(c, optimizers_learn_tables, 0, MLP_LBFGS + 3);
    tcase_add_test(c, states_are_of_the_tables);
    tcase_add_test(c, what_moves);
    suite_add_tcase(s, c);
    return help_run(s);
}
