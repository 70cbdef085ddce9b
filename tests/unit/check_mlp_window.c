/* Rows that are not in memory: a training that holds a window of them comes to the bits of rows in
 * memory where the order is the same, to its own bits wherever it is stopped and on any number of
 * threads, and it sees every row once an epoch. */
#include "mlp_train_help.h"

#include "mlp/batches.h"

#define WIDTH 4

/* A source over an array; it forgets what it gave before. */
struct shelf {
    const struct mlp_data *from;
    float given[MLP_SOURCE_ROWS * WIDTH];
    size_t calls, fails_at; /* the call that gives nothing; 0: none */
};

static const mlp_real *take(void *arg, size_t first, size_t n)
{
    struct shelf *s = arg;

    ck_assert_uint_le(n, MLP_SOURCE_ROWS);
    ck_assert_uint_le(first + n, s->from->rows);
    if (++s->calls == s->fails_at) {
        return NULL;
    }
    memset(s->given, 0x7f, sizeof s->given);
    memcpy(s->given, s->from->x + first * WIDTH, n * WIDTH * sizeof(float));
    return s->given;
}

static struct mlp_data on_shelf(const struct mlp_data *d, struct shelf *shelf,
                                struct mlp_source *source)
{
    struct mlp_data far = *d;

    *shelf = (struct shelf){.from = d};
    *source = (struct mlp_source){take, shelf};
    far.x = NULL;
    far.source = source;
    return far;
}

static const struct mlp_layer_spec hidden[2] = {
    {.units = 9, .activation = MLP_RELU, .norm = MLP_NORM_BATCH, .dropout = 0.2},
    {.units = 6, .activation = MLP_TANH}};

static struct mlp_train_spec training(size_t window)
{
    struct mlp_train_spec s = help_optimizer(MLP_ADAM);

    s.epochs = 5;
    s.batch_size = 8;
    s.window = window;
    return s;
}

static bool stop_often(void *arg)
{
    size_t *asked = arg;

    return ++*asked % 7 == 0;
}

static void one_after_another(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx)
{
    (void)arg;
    for (size_t i = n; i-- > 0;) {
        body(ctx, i);
    }
}

/* Trained from seed 5; in pieces, each by a trainer that knows the state alone. */
static struct mlp_net *trained(const struct mlp_train_spec *train, const struct mlp_data *data,
                               const struct mlp_data *validation, bool pieces)
{
    const struct mlp_spec spec = help_spec(WIDTH, 2, hidden, 2, MLP_MSE);
    size_t asked = 0;
    const struct mlp_callbacks callbacks = {
        .arg = &asked, .stop = pieces ? stop_often : NULL, .parallel_for = one_after_another};
    struct mlp_net *net = help_net(&spec, 5);
    struct mlp_trainer *t = NULL;
    struct mlp_result result;

    ck_assert_int_eq(mlp_trainer_new(net, train, data, validation, &callbacks, &t), MLP_OK);
    for (;;) {
        ck_assert_int_eq(mlp_trainer_run(t, &result), MLP_OK);
        if (result.stopped_by != MLP_BY_CALLER) {
            break;
        }
        size_t size = mlp_trainer_state_size(t);
        void *state = malloc(size);

        ck_assert_ptr_nonnull(state);
        mlp_trainer_save(t, state);
        mlp_trainer_free(&t);
        ck_assert_int_eq(mlp_trainer_new(net, train, data, validation, &callbacks, &t), MLP_OK);
        ck_assert_int_eq(mlp_trainer_load(t, state, size), MLP_OK);
        free(state);
    }
    mlp_trainer_publish(t);
    mlp_trainer_free(&t);
    return net;
}

static bool same(struct mlp_net *a, struct mlp_net *b)
{
    bool equal = memcmp(mlp_net_params_const(a), mlp_net_params_const(b),
                        mlp_net_values(a) * sizeof(float)) == 0;

    mlp_net_free(&a);
    mlp_net_free(&b);
    return equal;
}

/* 45, 57 and 81 rows: whole batches, a rest, and a rest of one row, which joins its neighbours. */
static const size_t sizes[] = {45, 56, 57, 81};
#define N_SIZES ((int)(sizeof sizes / sizeof *sizes))

START_TEST(one_window_is_memory)
{
    struct plane p = plane_new(8, sizes[_i], 1), v = plane_new(9, 20, 1);
    struct mlp_train_spec near = training(0), far = training(sizes[_i]);
    struct shelf shelf, other;
    struct mlp_source source, another;
    struct mlp_data data = on_shelf(&p.data, &shelf, &source);
    struct mlp_data validation = on_shelf(&v.data, &other, &another);

    ck_assert(
        same(trained(&near, &p.data, &v.data, false), trained(&far, &data, &validation, false)));
    ck_assert_uint_gt(other.calls, 0);
    far.window = 1000;
    ck_assert(same(trained(&near, &p.data, &v.data, false), trained(&far, &data, &v.data, true)));
    plane_free(&p);
    plane_free(&v);
}
END_TEST

START_TEST(in_order_any_window_is_memory)
{
    static const size_t windows[] = {1, 8, 16, 20, 40, 44, 80};
    struct plane p = plane_new(8, sizes[_i], 1);
    struct mlp_train_spec near = training(0), far = near;
    struct shelf shelf;
    struct mlp_source source;
    struct mlp_data data = on_shelf(&p.data, &shelf, &source);

    near.shuffle = far.shuffle = false;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        far.window = windows[i];
        ck_assert_msg(same(trained(&near, &p.data, NULL, false), trained(&far, &data, NULL, false)),
                      "a window of %zu", windows[i]);
    }
    plane_free(&p);
}
END_TEST

START_TEST(stopped_anywhere_and_on_threads)
{
    struct plane p = plane_new(8, sizes[_i], 1);
    struct shelf shelf;
    struct mlp_source source;
    struct mlp_data data = on_shelf(&p.data, &shelf, &source);

    for (size_t window = 16; window <= 32; window += 16) {
        struct mlp_train_spec alone = training(window), team = alone;

        ck_assert(same(trained(&alone, &data, NULL, false), trained(&alone, &data, NULL, true)));
        team.threads = 3;
        ck_assert(same(trained(&alone, &data, NULL, false), trained(&team, &data, NULL, true)));
        team.window = 0;
        ck_assert(!same(trained(&alone, &data, NULL, false), trained(&team, &p.data, NULL, false)));
    }
    plane_free(&p);
}
END_TEST

/* Rows whose x and target are their number. */
START_TEST(every_row_once_in_another_order)
{
    enum { ROWS = 3001 };
    static float x[ROWS * WIDTH], y[ROWS * 2];
    const struct mlp_data d = {.rows = ROWS, .x = x, .targets = y};
    const struct mlp_spec spec = help_spec(WIDTH, 2, hidden, 2, MLP_MSE);
    struct mlp_train_spec train = training(160);
    size_t before[ROWS], moved = 0, apart = 0;
    struct shelf shelf;
    struct mlp_source source;
    struct mlp_data data = on_shelf(&d, &shelf, &source);
    struct arena arena = {0};
    struct batches b;

    for (size_t i = 0; i < ROWS; i++) {
        x[i * WIDTH] = y[2 * i] = (float)i;
    }
    batches_layout(&b, &spec, &train, ROWS, &arena);
    arena.base = calloc(1, arena.used);
    ck_assert_ptr_nonnull(arena.base);
    arena.used = 0;
    batches_layout(&b, &spec, &train, ROWS, &arena);
    b.data = &data;
    for (uint32_t epoch = 1; epoch <= 2; epoch++) {
        unsigned char seen[ROWS] = {0};
        size_t at = 0;

        batches_epoch(&b, epoch);
        for (size_t i = 0; i < b.n; i++) {
            ck_assert_int_eq(batches_hold(&b, &spec, i), MLP_OK);
            const struct mlp_data batch = batches_at(&b, i);

            for (size_t r = 0; r < batch.rows; r++, at++) {
                size_t row = (size_t)batch.x[r * WIDTH];

                ck_assert(batch.x[r * WIDTH] == batch.targets[2 * r]);
                ck_assert_msg(!seen[row], "row %zu twice", row);
                seen[row] = 1;
                moved += epoch == 2 && before[at] != row;
                apart += at > 0 && before[at - 1] + 160 < row;
                before[at] = row;
            }
        }
        ck_assert_uint_eq(at, ROWS);
    }
    ck_assert_uint_gt(moved, ROWS * 9 / 10);
    ck_assert_uint_gt(apart, ROWS / 4); /* neighbours come from all over the data */
    free(arena.base);
}
END_TEST

START_TEST(what_cannot_be_had_is_told)
{
    struct plane p = plane_new(8, 100, 1);
    const struct mlp_spec spec = help_spec(WIDTH, 2, hidden, 2, MLP_MSE);
    struct mlp_train_spec train = training(32);
    struct mlp_net *net = help_net(&spec, 5);
    struct shelf shelf;
    struct mlp_source source;
    struct mlp_data data = on_shelf(&p.data, &shelf, &source);
    struct mlp_trainer *t = NULL;
    struct mlp_workspace *ws = NULL;
    struct mlp_score score;
    struct mlp_result result;

    ck_assert_int_eq(mlp_trainer_new(net, &train, &p.data, NULL, NULL, &t), MLP_E_ARGUMENT);
    train.window = 0;
    ck_assert_int_eq(mlp_trainer_new(net, &train, &data, NULL, NULL, &t), MLP_E_ARGUMENT);
    train.window = 32;
    shelf.fails_at = 25;
    ck_assert_int_eq(mlp_train(net, &train, &data, NULL, NULL, &result), MLP_E_SOURCE);
    ck_assert_int_eq(mlp_workspace_new(net, 16, &ws), MLP_OK);
    shelf.fails_at = shelf.calls + 2;
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_E_SOURCE);
    ck_assert_int_eq(mlp_evaluate(net, ws, &data, &score), MLP_OK);
    mlp_workspace_free(&ws);
    mlp_net_free(&net);
    plane_free(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlp_window");
    TCase *c = tcase_create("window");

    tcase_add_loop_test(c, one_window_is_memory, 0, N_SIZES);
    tcase_add_loop_test(c, in_order_any_window_is_memory, 0, N_SIZES);
    tcase_add_loop_test(c, stopped_anywhere_and_on_threads, 0, N_SIZES);
    tcase_add_test(c, every_row_once_in_another_order);
    tcase_add_test(c, what_cannot_be_had_is_told);
    suite_add_tcase(suite, c);
    return help_run(suite);
}
