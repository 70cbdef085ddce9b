/* Any number of threads, the same bytes: trainings of all kinds of networks, and evaluations. */
#include "mlp_train_help.h"

#include <fenv.h>
#include <pthread.h>

/* ---- a plain team: threads for each call, so that every order of events occurs ---------- */

#define MOST 8

struct call {
    void (*body)(void *ctx, size_t i);
    void *ctx;
    size_t i;
};

static size_t calls, widest;

static void *run_call(void *arg)
{
    const struct call *c = arg;

    /* a new thread has its maker's arithmetic; a helper that was there before has the usual one */
    ck_assert_int_eq(fesetenv(FE_DFL_ENV), 0);
    c->body(c->ctx, c->i);
    return NULL;
}

static void in_threads(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx)
{
    pthread_t threads[MOST];
    struct call call[MOST];

    ck_assert_uint_le(n, *(const size_t *)arg);
    calls++;
    widest = n > widest ? n : widest;
    for (size_t i = 0; i < n; i++) { /* the caller's own thread has no share of its own */
        call[i] = (struct call){body, ctx, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_call, &call[i]), 0);
    }
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}

/* ---- trainings ---------------------------------------------------------------------------- */

static const struct mlp_layer_spec plain[] = {{.units = 300, .activation = MLP_RELU},
                                              {.units = 170, .activation = MLP_TANH}};
static const struct mlp_layer_spec deep[] = {
    {.units = 128, .activation = MLP_RELU}, {.units = 120, .activation = MLP_GELU},
    {.units = 130, .activation = MLP_RELU}, {.units = 96, .activation = MLP_SIGMOID},
    {.units = 64, .activation = MLP_ELU},   {.units = 33, .activation = MLP_SILU}};
static const struct mlp_layer_spec wide[] = {{.units = 1500, .activation = MLP_RELU}};
static const struct mlp_layer_spec noisy[] = {
    {.units = 200, .activation = MLP_RELU, .dropout = 0.3},
    {.units = 200, .activation = MLP_SELU, .dropout = 0.1, .residual = true},
    {.units = 100, .activation = MLP_TANH, .noise = 0.1}};
static const struct mlp_layer_spec pieces[] = {
    {.units = 120, .activation = MLP_MAXOUT, .pieces = 3, .init = MLP_HE_UNIFORM},
    {.units = 120, .activation = MLP_PRELU, .residual = true},
    {.units = 90, .activation = MLP_MAXOUT, .pieces = 2}};
static const struct mlp_layer_spec norms[] = {
    {.units = 200, .activation = MLP_RELU, .norm = MLP_NORM_BATCH},
    {.units = 150, .activation = MLP_RELU, .norm = MLP_NORM_LAYER, .dropout = 0.2}};

static const struct {
    const char *name;
    const struct mlp_layer_spec *hidden;
    size_t n_hidden;
    double input_dropout;
    bool input_scale;
    size_t inputs; /* 0: INPUTS */
    size_t n_tables;
} nets[] = {
    {"plain", plain, 2, 0, false, 0, 0},   {"deep", deep, 6, 0, false, 0, 0},
    {"wide", wide, 1, 0, false, 0, 0},     {"tables", plain, 2, 0, false, 0, 3},
    {"noisy", noisy, 3, 0.1, false, 0, 0}, {"pieces", pieces, 3, 0, false, 0, 0},
    {"norms", norms, 2, 0, false, 0, 0},   {"scaled", plain, 2, 0.1, true, 0, 0},
    {"long rows", plain, 2, 0, false, 300, 0},
    {"long rows, scaled", plain, 2, 0.1, true, 300, 0},
    {"tables, noisy", noisy, 3, 0.1, false, 0, 3},
    {"tables, scaled", plain, 2, 0.1, true, 300, 3},
    {"tables, norms", norms, 2, 0, false, 0, 2},
};
/* The last is more than one thread takes at once. */
static const struct mlp_embedding tables[] = {{5, 3}, {300, 16}, {40000, 5}};
#define NETS ((int)(sizeof(nets) / sizeof(*nets)))

enum { ROWS = 700, INPUTS = 90, CLASSES = 10 };

struct outcome {
    size_t n;
    float *values;
    double training_loss, validation_loss, norm;
};

/* What the callbacks' arg points to; in_threads reads the bound at its start. */
struct record {
    size_t threads;
    struct outcome outcome;
};

static void note(void *arg, const struct mlp_epoch *e)
{
    struct outcome *o = &((struct record *)arg)->outcome;

    o->training_loss = e->training_loss;
    o->validation_loss = e->validation.loss;
    o->norm = e->gradient_norms != NULL ? e->gradient_norms[0] : 0;
}

static void (*prepare)(struct mlp_net *net); /* changes what a training begins with, or NULL */

static struct outcome train(const struct mlp_spec *spec, struct mlp_train_spec t, size_t threads,
                            const struct mlp_data *data)
{
    struct mlp_net *net = help_net(spec, 11);
    struct record d = {.threads = threads};
    const struct mlp_callbacks callbacks = {
        .arg = &d, .epoch = note, .parallel_for = in_threads};
    struct mlp_result r;

    t.threads = threads;
    if (prepare != NULL) {
        prepare(net);
    }
    ck_assert_int_eq(mlp_train(net, &t, data, data, &callbacks, &r), MLP_OK);
    ck_assert_int_eq(r.stopped_by, MLP_BY_EPOCHS);
    d.outcome.n = mlp_net_values(net);
    d.outcome.values = malloc(d.outcome.n * sizeof(float));
    ck_assert_ptr_nonnull(d.outcome.values);
    memcpy(d.outcome.values, mlp_net_params(net), d.outcome.n * sizeof(float));
    mlp_net_free(&net);
    return d.outcome;
}

static void check_threads(const char *name, const struct mlp_spec *spec,
                          const struct mlp_train_spec *t)
{
    static const size_t counts[] = {2, 3, 8};
    uint64_t seed = 5;
    float *x = help_floats(&seed, ROWS * spec->n_inputs, 1);
    uint32_t *labels = help_labels(&seed, ROWS, CLASSES);
    const struct mlp_data data = {.rows = ROWS, .x = x, .labels = labels};

    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < spec->n_embeddings; i++) {
            x[(r + 1) * spec->n_inputs - spec->n_embeddings + i] =
                (float)floor(help_unit(&seed) * (double)spec->embeddings[i].levels);
        }
    }
    calls = 0;
    struct outcome alone = train(spec, *t, 1, &data);

    ck_assert_uint_eq(calls, 0);
    for (size_t i = 0; i < 3; i++) {
        widest = 0;
        struct outcome team = train(spec, *t, counts[i], &data);

        ck_assert_msg(widest == counts[i], "%s: %zu of %zu threads were used", name, widest,
                      counts[i]);
        ck_assert_msg(memcmp(alone.values, team.values, alone.n * sizeof(float)) == 0,
                      "%s: %zu threads give other weights", name, counts[i]);
        ck_assert_double_eq(alone.training_loss, team.training_loss);
        ck_assert_double_eq(alone.validation_loss, team.validation_loss);
        ck_assert_double_eq(alone.norm, team.norm);
        free(team.values);
    }
    free(alone.values);
    free(x);
    free(labels);
}

static struct mlp_spec spec_of(int i)
{
    struct mlp_spec spec = help_spec(nets[i].inputs > 0 ? nets[i].inputs : INPUTS,
                                     nets[i].n_hidden, nets[i].hidden, CLASSES, MLP_CROSS_ENTROPY);

    spec.input_dropout = nets[i].input_dropout;
    spec.input_scale = nets[i].input_scale;
    spec.n_embeddings = nets[i].n_tables;
    spec.embeddings = tables;
    return spec;
}

START_TEST(every_network_trains_to_the_same_bytes)
{
    struct mlp_spec spec = spec_of(_i);
    struct mlp_train_spec t = help_adam(0.003, 2, 300); /* a last batch of 100 */

    check_threads(nets[_i].name, &spec, &t);
}
END_TEST

/* What needs the gradient as a whole, and what does not; each optimizer does its own sums. */
START_TEST(every_way_to_step_gives_the_same_bytes)
{
    struct mlp_spec spec = spec_of(_i < 14 ? 0 : 3);
    struct mlp_train_spec t = help_optimizer((enum mlp_optimizer)(_i % (MLP_RPROP + 1)));

    t.batch_size = 256;
    t.epochs = 2;
    t.l2 = 1e-4;
    t.weight_decay = 1e-3;
    t.clip_norm = _i % 2 == 0 ? 0.5 : 0;
    t.gradient_norms = _i % 3 == 0;
    t.accumulate = _i % 4 == 0 && t.optimizer != MLP_RPROP ? 2 : 0;
    t.max_norm = _i % 5 == 0 ? 2 : 0;
    check_threads(_i < 14 ? "plain" : "tables", &spec, &t);
}
END_TEST

START_TEST(bfloat16_trains_to_the_same_bytes)
{
    struct mlp_spec spec = spec_of(_i);
    struct mlp_train_spec t = help_adam(0.003, 2, 300);

    t.precision = MLP_BFLOAT16;
    if (mlp_bfloat16_available(&(const char *){NULL})) {
        check_threads(nets[_i].name, &spec, &t);
    }
}
END_TEST

START_TEST(pictures_change_to_the_same_bytes)
{
    struct mlp_spec spec = spec_of(0);
    struct mlp_train_spec t = help_adam(0.003, 2, 300);

    t.augment = (struct mlp_augment){.shift = 1,
                                     .mirror = true,
                                     .rotate = _i * 20,
                                     .zoom = _i * 0.2,
                                     .height = 9,
                                     .width = INPUTS / 9,
                                     .channels = 1};
    check_threads("pictures", &spec, &t);
}
END_TEST

/* Small steps are not worth a second thread. */
START_TEST(small_steps_stay_alone)
{
    struct plane p = plane_new(3, 200, 0.1);
    struct mlp_spec spec = plane_spec();
    struct mlp_train_spec t = help_adam(0.01, 2, 32);
    calls = 0;
    struct outcome o = train(&spec, t, 8, &p.data);

    ck_assert_uint_eq(calls, 0);
    free(o.values);
    plane_free(&p);
}
END_TEST

/* A ceiling without anybody who helps is no ceiling at all. */
START_TEST(threads_without_a_team)
{
    struct mlp_spec spec = spec_of(0);
    struct mlp_train_spec t = help_adam(0.003, 1, 300);
    uint64_t seed = 5;
    float *x = help_floats(&seed, (size_t)ROWS * INPUTS, 1);
    uint32_t *labels = help_labels(&seed, ROWS, CLASSES);
    const struct mlp_data data = {.rows = ROWS, .x = x, .labels = labels};
    struct mlp_net *net = help_net(&spec, 11), *other = help_net(&spec, 11);
    struct mlp_result r;

    ck_assert_int_eq(mlp_train(net, &t, &data, NULL, NULL, &r), MLP_OK);
    t.threads = 1000;
    ck_assert_int_eq(mlp_train(other, &t, &data, NULL, NULL, &r), MLP_OK);
    ck_assert_mem_eq(mlp_net_params(net), mlp_net_params(other),
                     mlp_net_values(net) * sizeof(float));
    mlp_net_free(&net);
    mlp_net_free(&other);
    free(x);
    free(labels);
}
END_TEST

/* Weights that make the second layer's output subnormal, and then a gradient for weights of 0. */
static void make_tiny(struct mlp_net *net)
{
    static const float values[] = {1e-30F, 1e-11F, 0, 1};
    struct mlp_layer_view l;

    for (size_t k = 0; k < 4; k++) {
        mlp_net_layer(net, k, &l);
        float *w = mlp_net_params(net) + (l.weights - mlp_net_params_const(net));

        for (size_t i = 0; i < l.n_in * l.n_out; i++) {
            w[i] = k == 3 ? (float)(i % 7) : values[k]; /* unlike for each class */
        }
    }
}

/* Numbers too small for a float32's normal range count as zero on every thread. Layers too small
 * for the units, which never keep such numbers. */
START_TEST(helpers_flush_what_the_caller_flushes)
{
    const struct mlp_layer_spec hidden[3] = {
        {.units = 64, .activation = MLP_IDENTITY},
        {.units = 64, .activation = MLP_IDENTITY},
        {.units = 64, .activation = MLP_IDENTITY},
    };
    struct mlp_spec spec = help_spec(INPUTS, 3, hidden, CLASSES, MLP_CROSS_ENTROPY);
    struct mlp_train_spec t = help_optimizer(MLP_SGD);

    t.learning_rate = 1000;
    t.momentum = 0; /* its buffer would drop them */
    t.nesterov = false;
    t.batch_size = ROWS;
    prepare = make_tiny;
    check_threads("tiny", &spec, &t);
    prepare = NULL;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_threads");
    TCase *c = tcase_create("threads");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, every_network_trains_to_the_same_bytes, 0, NETS);
    tcase_add_loop_test(c, every_way_to_step_gives_the_same_bytes, 0, 28);
    tcase_add_loop_test(c, bfloat16_trains_to_the_same_bytes, 0, 4);
    tcase_add_loop_test(c, pictures_change_to_the_same_bytes, 0, 2);
    tcase_add_test(c, small_steps_stay_alone);
    tcase_add_test(c, threads_without_a_team);
    tcase_add_test(c, helpers_flush_what_the_caller_flushes);
    suite_add_tcase(s, c);
    return help_run(s);
}
