/* Steps: what holds for every optimizer alike (that pieces, saved states and order change no
 * bit; that what is frozen stays; that lengths are what they are limited to), and one step
 * worked out by hand. That each is the method it is called: check_mlp_trajectories.c. */
#include "mlp_step_help.h"

#include "mlp/pass.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* All that a spec can ask for at once. */
static const struct mlp_layer_train own_layers[] = {
    {.l1 = 0.01, .rate = 0.5}, {.l2 = 0.1}, {.rate = 3, .l2 = 0.01}};

static struct mlp_train_spec full_spec(enum mlp_optimizer kind)
{
    struct mlp_train_spec s = step_spec(kind);

    s.layers = own_layers;
    s.weight_decay = 0.1;
    s.bias_rate = 0.2;
    s.input_scale_rate = 4;
    s.clip_value = 1.5;
    s.clip_norm = 10;
    s.max_norm = 1.2;
    s.amsgrad = true;
    return s;
}

static void take_steps(struct rig *r, size_t from, size_t to)
{
    for (size_t t = from; t < to; t++) {
        float *g = step_gradient(r->net->n_params, t);

        optimizer_step(&r->optimizer, r->net, g, 0.01 + 0.001 * (double)t);
        free(g);
    }
}

static void check_same(const struct rig *a, const struct rig *b)
{
    ck_assert_mem_eq(a->net->params, b->net->params, a->net->n_params * sizeof(float));
}

/* ---- pieces -------------------------------------------------------------------- */

/* Ranges of all sizes, the last one first. */
static void step_in_pieces(struct rig *r, size_t t, size_t piece)
{
    size_t n = r->net->n_params;
    float *g = step_gradient(n, t);

    optimizer_begin(&r->optimizer, 0.01 + 0.001 * (double)t);
    if (optimizer_needs_clip(&r->optimizer)) {
        optimizer_clip(&r->optimizer, r->net, g);
    }
    for (size_t end = n; end > 0;) {
        size_t length = end < piece ? end : piece;

        end -= length;
        optimizer_range(&r->optimizer, r->net, g, end, length);
    }
    optimizer_end(&r->optimizer, r->net);
    free(g);
}

/* _i is the optimizer; with everything else at work, and with nothing */
START_TEST(pieces_are_the_whole)
{
    const struct mlp_train_spec specs[] = {full_spec((enum mlp_optimizer)_i),
                                           step_spec((enum mlp_optimizer)_i)};
    const struct kernel *tables[KERNEL_MAX];

    for (size_t k = kernel_tables(tables); k-- > 0;) {
        for (size_t i = 0; i < COUNT(specs); i++) {
            for (size_t piece = 1; piece < 2000; piece = piece * 3 + 1) {
                struct rig whole, parts;

                rig_open(&whole, &specs[i]);
                rig_open(&parts, &specs[i]);
                whole.net->kernel = parts.net->kernel = tables[k];
                take_steps(&whole, 0, 4);
                for (size_t t = 0; t < 4; t++) {
                    step_in_pieces(&parts, t, piece);
                }
                check_same(&whole, &parts);
                rig_close(&whole);
                rig_close(&parts);
            }
        }
    }
}
END_TEST

/* ---- saved states ----------------------------------------------------------------- */

/* _i is the optimizer */
START_TEST(saved_and_loaded)
{
    const struct mlp_train_spec specs[] = {full_spec((enum mlp_optimizer)_i),
                                           step_spec((enum mlp_optimizer)_i)};

    for (size_t i = 0; i < COUNT(specs); i++) {
        struct rig whole, first, second;

        rig_open(&whole, &specs[i]);
        rig_open(&first, &specs[i]);
        rig_open(&second, &specs[i]);
        size_t bytes = optimizer_state_bytes(&first.optimizer);
        unsigned char *state = malloc(bytes + 1);

        ck_assert_ptr_nonnull(state);
        state[bytes] = 0x5A;
        take_steps(&whole, 0, 9);
        take_steps(&first, 0, 5);
        optimizer_save(&first.optimizer, state);
        ck_assert_int_eq(state[bytes], 0x5A);
        take_steps(&second, 7, 9); /* a state to forget */
        memcpy(second.net->params, first.net->params, first.net->n_params * sizeof(float));
        ck_assert(optimizer_load(&second.optimizer, state));
        take_steps(&second, 5, 9);
        check_same(&whole, &second);
        free(state);
        rig_close(&whole);
        rig_close(&first);
        rig_close(&second);
    }
}
END_TEST

/* Every optimizer takes its own state and none of another's. */
START_TEST(strange_states)
{
    struct mlp_train_spec specs[MLP_LBFGS + 5];
    size_t n = 0;

    for (enum mlp_optimizer kind = MLP_SGD; kind <= MLP_LBFGS; kind++) {
        specs[n++] = step_spec(kind);
    }
    specs[n] = step_spec(MLP_SGD);
    specs[n++].momentum = 0;
    specs[n] = step_spec(MLP_ADAM);
    specs[n++].amsgrad = true;
    specs[n] = step_spec(MLP_RMSPROP);
    specs[n++].momentum = 0;
    for (size_t i = 0; i < n; i++) {
        struct rig from;

        rig_open(&from, &specs[i]);
        void *state = calloc(1, 1 << 20); /* room for the longest: a reader may look at its head */

        ck_assert_ptr_nonnull(state);
        ck_assert_uint_le(optimizer_state_bytes(&from.optimizer), 1 << 20);
        optimizer_save(&from.optimizer, state);
        for (size_t j = 0; j < n; j++) {
            struct rig to;

            rig_open(&to, &specs[j]);
            ck_assert_int_eq(optimizer_load(&to.optimizer, state), i == j);
            to.optimizer.n_params--;
            to.optimizer.lbfgs.n_params--;
            ck_assert(!optimizer_load(&to.optimizer, state));
            rig_close(&to);
        }
        free(state);
        rig_close(&from);
    }
}
END_TEST

START_TEST(damaged_states)
{
    const struct mlp_train_spec spec = step_spec(MLP_ADAM);
    const double bad[] = {-0.5, 1.5, (double)NAN, (double)INFINITY};
    struct rig r;

    rig_open(&r, &spec);
    unsigned char *state = malloc(optimizer_state_bytes(&r.optimizer));

    ck_assert_ptr_nonnull(state);
    for (size_t field = 0; field < 3; field++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            optimizer_save(&r.optimizer, state);
            ck_assert(optimizer_load(&r.optimizer, state));
            memcpy(state + 32 + 8 * field, &bad[i], sizeof(double)); /* behind four counters */
            ck_assert(!optimizer_load(&r.optimizer, state));
        }
    }
    free(state);
    rig_close(&r);
}
END_TEST

/* Arrays as long as the parameters, in 64s, and no more than the kind needs. */
START_TEST(room)
{
    static const size_t arrays[] = {1, 2, 2, 2, 2, 1, 2, 1, 2, 2, 24};

    ck_assert_uint_eq(COUNT(arrays), MLP_LBFGS + 1);
    for (enum mlp_optimizer kind = MLP_SGD; kind <= MLP_LBFGS; kind++) {
        struct mlp_train_spec spec = step_spec(kind);
        struct rig r;

        rig_open(&r, &spec);
        size_t one = (r.net->n_params * sizeof(float) + 63) / 64 * 64;

        ck_assert_uint_eq(r.bytes, arrays[kind] * one);
        rig_close(&r);
        spec.amsgrad = true;
        spec.momentum = 0;
        rig_open(&r, &spec);
        size_t more = kind == MLP_ADAM || kind == MLP_ADAMW;
        size_t less = kind == MLP_SGD || kind == MLP_RMSPROP;

        ck_assert_uint_eq(r.bytes, (arrays[kind] + more - less) * one);
        rig_close(&r);
    }
}
END_TEST

/* ---- what is left alone, and what is not -------------------------------------------- */

/* _i is the optimizer */
START_TEST(frozen_layers)
{
    const struct mlp_layer_train layers[] = {{.frozen = true}, {.rate = 1}, {.frozen = true, .l2 = 3}};
    struct mlp_train_spec spec = full_spec((enum mlp_optimizer)_i);
    struct rig r, before;

    spec.layers = layers;
    spec.max_norm = 0.1;
    rig_open(&r, &spec);
    rig_open(&before, &spec);
    take_steps(&r, 0, 3);
    for (size_t i = 0; i < r.net->n_segments; i++) {
        const struct segment *s = &r.net->segments[i];
        bool frozen = s->kind != SEGMENT_INPUT_SCALE && s->layer != 1;
        size_t moved = 0;

        for (size_t j = s->offset; j < s->offset + s->length; j++) {
            bool same = memcmp(r.net->params + j, before.net->params + j, sizeof(float)) == 0;
            float zero = 0;

            moved += !same;
            if (frozen) { /* moments too */
                ck_assert(r.optimizer.m == NULL ||
                          memcmp(r.optimizer.m + j, &zero, sizeof(float)) == 0);
                ck_assert(r.optimizer.v == NULL ||
                          memcmp(r.optimizer.v + j, &zero, sizeof(float)) == 0);
            }
        }
        ck_assert_int_eq(moved == 0, frozen);
    }
    rig_close(&r);
    rig_close(&before);
}
END_TEST

/* _i is the optimizer: a NaN or an infinite gradient shows in the parameter, and only there */
START_TEST(bad_gradients_show)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const struct mlp_train_spec spec = step_spec((enum mlp_optimizer)_i);
    bool by_sign = _i == MLP_LION || _i == MLP_RPROP; /* an infinite one is a direction to these */

    for (size_t b = 0; b < COUNT(bad); b++) {
        struct rig r;

        rig_open(&r, &spec);
        size_t n = r.net->n_params;
        float *g = step_gradient(n, 1);

        g[3] = g[n - 2] = bad[b];
        optimizer_step(&r.optimizer, r.net, g, 0.01);
        for (size_t i = 0; i < n; i++) {
            bool hit = (i == 3 || i == n - 2) && (b == 0 || !by_sign);

            ck_assert_msg(isfinite(r.net->params[i]) == !hit, "gradient %g, parameter %zu: %g",
                          (double)bad[b], i, (double)r.net->params[i]);
        }
        free(g);
        rig_close(&r);
    }
}
END_TEST

/* ---- clipping and lengths -------------------------------------------------------------- */

/* Plain sgd of rate 1: the step is the gradient as it was clipped. */
static void steps_taken(const struct mlp_train_spec *spec, const float *gradient, double *step)
{
    struct rig r, before;

    rig_open(&r, spec);
    rig_open(&before, spec);
    size_t n = r.net->n_params;
    float *g = malloc(n * sizeof(*g));

    ck_assert_ptr_nonnull(g);
    memcpy(g, gradient, n * sizeof(*g));
    memset(r.net->params, 0, n * sizeof(float)); /* so that no bit of the step is lost */
    optimizer_step(&r.optimizer, r.net, g, 1);
    for (size_t i = 0; i < n; i++) {
        step[i] = -(double)r.net->params[i];
    }
    free(g);
    rig_close(&r);
    rig_close(&before);
}

static size_t rig_size(void)
{
    const struct mlp_train_spec spec = step_spec(MLP_SGD);
    struct rig r;

    rig_open(&r, &spec);
    size_t n = r.net->n_params;

    rig_close(&r);
    return n;
}

START_TEST(clipping)
{
    struct mlp_train_spec spec = {.optimizer = MLP_SGD, .learning_rate = 1};
    size_t n = rig_size();
    float *g = step_gradient(n, 3);
    double *step = malloc(n * sizeof(*step)), length = 0;

    ck_assert_ptr_nonnull(step);
    for (size_t i = 0; i < n; i++) {
        length += (double)g[i] * (double)g[i];
    }
    length = sqrt(length);
    spec.clip_norm = length * 1.0001; /* not reached: not a bit changes */
    steps_taken(&spec, g, step);
    for (size_t i = 0; i < n; i++) {
        ck_assert(step[i] == (double)g[i]);
    }
    spec.clip_norm = length / 3; /* shorter, in the same direction */
    steps_taken(&spec, g, step);
    for (size_t i = 0; i < n; i++) {
        ck_assert(fabs(step[i] - (double)g[i] / 3) <= 2e-7 * fabs((double)g[i]));
    }
    spec.clip_norm = 0;
    spec.clip_value = 0.5;
    steps_taken(&spec, g, step);
    for (size_t i = 0; i < n; i++) {
        double low = (double)g[i] < -0.5 ? -0.5 : (double)g[i];

        ck_assert(step[i] == (low > 0.5 ? 0.5 : low));
    }
    spec.clip_norm = 1; /* of what was clipped already */
    steps_taken(&spec, g, step);
    double both = 0, most = 0;

    for (size_t i = 0; i < n; i++) {
        both += step[i] * step[i];
        most = fabs(step[i]) > most ? fabs(step[i]) : most;
    }
    ck_assert_double_eq_tol(both, 1, 1e-6);
    ck_assert_double_lt(most, 0.5);
    free(step);
    free(g);
}
END_TEST

/* The length leaves out what is frozen. */
START_TEST(length_of_what_moves)
{
    const struct mlp_layer_train layers[] = {{.rate = 1}, {.frozen = true}, {.rate = 1}};
    struct mlp_train_spec spec = {
        .optimizer = MLP_SGD, .learning_rate = 1, .clip_norm = 1, .layers = layers};
    size_t n = rig_size();
    float *g = step_gradient(n, 3);
    double *step = malloc(n * sizeof(*step)), length = 0;

    ck_assert_ptr_nonnull(step);
    steps_taken(&spec, g, step);
    for (size_t i = 0; i < n; i++) {
        length += step[i] * step[i];
    }
    ck_assert_double_eq_tol(length, 1, 1e-6);
    free(step);
    free(g);
}
END_TEST

START_TEST(limited_columns)
{
    struct mlp_train_spec spec = step_spec(MLP_SGD);
    const struct kernel *tables[KERNEL_MAX];

    spec.max_norm = 0.9;
    for (size_t k = kernel_tables(tables); k-- > 0;) {
        struct mlp_train_spec free_spec = spec;
        struct rig r, unlimited;
        size_t over = 0, under = 0;

        free_spec.max_norm = 0;
        rig_open(&r, &spec);
        rig_open(&unlimited, &free_spec);
        r.net->kernel = unlimited.net->kernel = tables[k];
        float *g = step_gradient(r.net->n_params, 1), *same = step_gradient(r.net->n_params, 1);

        optimizer_step(&r.optimizer, r.net, g, 0.1);
        optimizer_step(&unlimited.optimizer, unlimited.net, same, 0.1);
        for (size_t l = 0; l < r.net->n_layers; l++) {
            const struct layer *layer = &r.net->layers[l];
            const float *w = r.net->params + layer->weights;
            float *all = unlimited.net->params + layer->weights;

            for (size_t j = 0; j < layer->n_z; j++) {
                double is = 0, was = 0;

                for (size_t i = 0; i < layer->n_in; i++) {
                    is += pow((double)w[i * layer->n_z + j], 2);
                    was += pow((double)all[i * layer->n_z + j], 2);
                }
                bool longer = sqrt(was) > 0.9;

                for (size_t i = 0; i < layer->n_in; i++) {
                    double factor = longer ? 0.9 / sqrt(was) : 1;
                    double truth = (double)all[i * layer->n_z + j] * factor;

                    ck_assert(fabs((double)w[i * layer->n_z + j] - truth) <=
                              (longer ? 2e-7 : 0) * fabs(truth));
                }
                ck_assert(sqrt(is) <= 0.9 * (1 + 1e-6));
                over += longer;
                under += !longer;
            }
            memcpy(all, w, layer->n_in * layer->n_z * sizeof(float));
        }
        ck_assert_uint_gt(over, 5);
        ck_assert_uint_gt(under, 5);
        check_same(&r, &unlimited); /* nothing but weights was touched */
        free(g);
        free(same);
        rig_close(&r);
        rig_close(&unlimited);
    }
}
END_TEST

START_TEST(layer_norms)
{
    const struct mlp_train_spec spec = step_spec(MLP_SGD);
    const struct kernel *tables[KERNEL_MAX];
    struct rig r;

    rig_open(&r, &spec);
    float *g = step_gradient(r.net->n_params, 2);

    for (size_t k = kernel_tables(tables); k-- > 0;) {
        double squares[3] = {1, 2, 3}; /* added to */

        r.net->kernel = tables[k];
        optimizer_layer_norms(r.net, g, squares);
        for (size_t l = 0; l < 3; l++) {
            const struct layer *layer = &r.net->layers[l];
            double truth = 1 + (double)l;

            for (size_t i = 0; i < layer->n_in * layer->n_z; i++) {
                truth += pow((double)g[layer->weights + i], 2);
            }
            ck_assert_double_eq_tol(squares[l], truth, 1e-12 * truth);
        }
    }
    free(g);
    rig_close(&r);
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------------- */

/* scikit-learn's test_fit: three inputs, two logistic units, one output, one row of class 0,
 * sgd of rate .1, alpha .1, and a table worked out by hand. */
START_TEST(one_step_by_hand)
{
    const struct mlp_layer_spec hidden = {.units = 2, .activation = MLP_SIGMOID};
    const struct mlp_spec spec = help_spec(3, 1, &hidden, 1, MLP_BINARY_CROSS_ENTROPY);
    const struct mlp_train_spec train = {.optimizer = MLP_SGD, .l2 = 0.1};
    const float start[] = {0.1F, 0.2F, 0.3F, 0.1F, 0.5F, 0, 0.1F, 0.1F, 0.1F, 0.2F, 1};
    const double end[] = {0.098, 0.195756, 0.2956664, 0.096008, 0.4939998, -0.002244,
                          0.098333, 0.09626, 0.04706, 0.154089, 0.9235};
    const float x[] = {0.6F, 0.8F, 0.7F}, y[] = {0};
    const struct mlp_data row = {.rows = 1, .x = x, .targets = y};
    const struct pass_moment moment = {.epoch = 1};
    struct mlp_net *net = help_net(&spec, 0);
    struct mlp_workspace *ws = NULL;
    struct arena arena = {0};
    struct optimizer o;
    struct pass pass;
    float g[11], p = 0;
    double loss = 0;

    ck_assert_uint_eq(net->n_params, 11);
    memcpy(net->params, start, sizeof(start));
    pass_layout(&pass, &spec, 1, true, &arena);
    arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(arena.base);
    arena.used = 0;
    pass_layout(&pass, &spec, 1, true, &arena);
    ck_assert_int_eq(pass_init(&pass, net), MLP_OK);
    optimizer_layout(&o, &train, 11, &(struct arena){0});
    optimizer_start(&o, 11);
    ck_assert_int_eq(pass_gradient(&pass, net, &row, &moment, 0, g, &loss), MLP_OK);
    optimizer_step(&o, net, g, 0.1);
    for (size_t i = 0; i < 11; i++) {
        ck_assert_double_eq_tol((double)net->params[i], end[i], 1e-3);
    }
    ck_assert_int_eq(mlp_workspace_new(net, 1, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, x, 1, &p), MLP_OK);
    ck_assert_double_eq_tol((double)p, 0.739, 1e-3);
    mlp_workspace_free(&ws);
    pass_fini(&pass);
    free(arena.base);
    mlp_net_free(&net);
}
END_TEST

/* rprop's steps stay within their bounds however long the way, and turn on the spot. */
START_TEST(rprop_bounds)
{
    const struct mlp_train_spec spec = step_spec(MLP_RPROP);
    struct rig r;

    rig_open(&r, &spec);
    size_t n = r.net->n_params;
    float *g = malloc(n * sizeof(*g)), *before = malloc(n * sizeof(*before));

    ck_assert_ptr_nonnull(g);
    ck_assert_ptr_nonnull(before);
    for (int t = 0; t < 200; t++) { /* always on: up to 50; then to and fro: down to 1e-6 */
        for (size_t i = 0; i < n; i++) {
            g[i] = t < 80 || t % 4 < 2 ? 1e-20F : -1e-20F;
        }
        memcpy(before, r.net->params, n * sizeof(*before));
        optimizer_step(&r.optimizer, r.net, g, 0.01);
        bool turns = t >= 80 && t % 2 == 0 && t > 80;

        for (size_t i = 0; i < n; i++) {
            ck_assert(r.optimizer.v[i] >= 1e-6F && r.optimizer.v[i] <= 50);
            if (turns) {
                ck_assert(memcmp(before + i, r.net->params + i, sizeof(float)) == 0);
            }
        }
        if (t == 79) {
            ck_assert(r.optimizer.v[0] == 50);
        }
    }
    ck_assert(r.optimizer.v[0] < 1e-3F);
    free(g);
    free(before);
    rig_close(&r);
}
END_TEST

/* _i is the optimizer: a million steps' worth of corrections are still numbers */
START_TEST(late_steps)
{
    const struct mlp_train_spec spec = step_spec((enum mlp_optimizer)_i);
    struct rig r;

    rig_open(&r, &spec);
    for (int t = 0; t < 200000; t++) {
        optimizer_begin(&r.optimizer, 0.01);
    }
    take_steps(&r, 0, 2);
    ck_assert(r.net->kernel->finite(r.net->params, r.net->n_params));
    rig_close(&r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_optimizer");
    TCase *c = tcase_create("optimizer");

    tcase_add_loop_test(c, pieces_are_the_whole, 0, MLP_LBFGS);
    tcase_add_loop_test(c, saved_and_loaded, 0, MLP_LBFGS);
    tcase_add_test(c, strange_states);
    tcase_add_test(c, damaged_states);
    tcase_add_test(c, room);
    tcase_add_loop_test(c, frozen_layers, 0, MLP_LBFGS);
    tcase_add_loop_test(c, bad_gradients_show, 0, MLP_LBFGS);
    tcase_add_test(c, clipping);
    tcase_add_test(c, length_of_what_moves);
    tcase_add_test(c, limited_columns);
    tcase_add_test(c, layer_norms);
    tcase_add_test(c, one_step_by_hand);
    tcase_add_test(c, rprop_bounds);
    tcase_add_loop_test(c, late_steps, 0, MLP_LBFGS);
    suite_add_tcase(s, c);
    return help_run(s);
}
