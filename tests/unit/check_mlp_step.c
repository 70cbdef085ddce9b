/* Steps: that each setting does what it says and no more, that what is frozen stays, that lengths
 * are what they are limited to, that a bad gradient shows, and one step worked out by hand. */
#include "mlp_step_help.h"

#include "mlp/pass.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- what is left alone, and what is not -------------------------------------------- */

/* Each setting by itself changes what it is about, and nothing else. */
START_TEST(settings_one_by_one)
{
    static const struct mlp_layer_train rates[] = {{.rate = 1}, {.rate = 2}, {.rate = 1}};
    const struct mlp_train_spec plain = step_spec(MLP_ADAM);
    struct mlp_train_spec specs[6];
    static const enum segment_kind kinds[6] = {SEGMENT_BIAS,    SEGMENT_INPUT_SCALE,
                                               SEGMENT_WEIGHTS, SEGMENT_WEIGHTS,
                                               SEGMENT_WEIGHTS, SEGMENT_WEIGHTS};

    for (size_t i = 0; i < COUNT(specs); i++) {
        specs[i] = plain;
    }
    specs[0].bias_rate = 2;
    specs[1].input_scale_rate = 2;
    specs[2].l1 = 0.5;
    specs[3].l2 = 0.5;
    specs[4].weight_decay = 0.5;
    specs[5].layers = rates;
    for (size_t i = 0; i < COUNT(specs); i++) {
        struct rig r, other;

        rig_open(&r, &plain);
        rig_open(&other, &specs[i]);
        take_steps(&r, 0, 2);
        take_steps(&other, 0, 2);
        for (size_t k = 0; k < r.net->n_segments; k++) {
            const struct segment *s = &r.net->segments[k];
            bool about = i == 5 ? s->layer == 1 : s->kind == kinds[i];
            bool same = memcmp(r.net->params + s->offset, other.net->params + s->offset,
                               s->length * sizeof(float)) == 0;

            ck_assert_msg(same == !about, "setting %zu, segment %zu", i, k);
        }
        rig_close(&r);
        rig_close(&other);
    }
}
END_TEST

/* _i is the optimizer */
START_TEST(frozen_layers)
{
    const struct mlp_layer_train layers[] = {
        {.frozen = true}, {.rate = 1}, {.frozen = true, .l2 = 3}};
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
    const double end[] = {0.098,    0.195756, 0.2956664, 0.096008, 0.4939998, -0.002244,
                          0.098333, 0.09626,  0.04706,   0.154089, 0.9235};
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
    Suite *s = suite_create("mlp_step");
    TCase *c = tcase_create("step");

    tcase_add_test(c, settings_one_by_one);
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
