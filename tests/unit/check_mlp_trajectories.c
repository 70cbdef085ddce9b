/* The first epochs of small trainings against PyTorch's (tests/golden/make_torch.py): each epoch's
 * loss and learning rate, and the parameters at the end, by every kernel table this processor can
 * run. To add cases see make_torch.py; a new group of them is one line more in `groups`. */
#include "mlp_help.h"

#include "mlp/optimizer.h"
#include "mlp/pass.h"
#include "mlp/schedule.h"

#define EPOCHS ((size_t)20)
#define ROWS   ((size_t)20)

struct trajectory {
    const char *name;
    struct mlp_spec spec;
    struct mlp_train_spec train;
    const uint32_t *labels; /* or */
    const float *targets;
    const float *weights, *offset;
    double tolerance; /* of parameters: learning.md's is 1e-5, rmsprop's 5e-5 */
    size_t n_values;
    const float *start; /* [n_values] */
    double losses[EPOCHS], rates[EPOCHS];
    const double *end; /* [n_values] */
};

#include "../golden/torch_activations.h"
#include "../golden/torch_layers.h"
#include "../golden/torch_noises.h"
#include "../golden/torch_losses.h"
#include "../golden/torch_optimizers.h"
#include "../golden/torch_schedules.h"

#define GROUP(name) {#name, name##_x, name, sizeof(name) / sizeof(*(name))}
static const struct {
    const char *name;
    const float *x;
    const struct trajectory *cases;
    size_t n;
} groups[] = {
    GROUP(activations),
    GROUP(layers),
    GROUP(noises),
    GROUP(losses),
    GROUP(optimizers),
    GROUP(schedules),
};

/* |d| <= tolerance (|w| + rms of the tensor) */
static void check_run(const struct trajectory *t, const char *table, const float *w, size_t offset,
                      size_t length)
{
    double squares = 0;

    for (size_t i = offset; i < offset + length; i++) {
        squares += t->end[i] * t->end[i];
    }
    double rms = sqrt(squares / (double)length);

    for (size_t i = offset; i < offset + length; i++) {
        ck_assert_msg(fabs((double)w[i] - t->end[i]) <= t->tolerance * (fabs(t->end[i]) + rms),
                      "%s, %s: parameter %zu is %.9g, not %.9g", t->name, table, i, (double)w[i],
                      t->end[i]);
    }
}

static void check_end(const struct trajectory *t, const struct mlp_net *net)
{
    const float *w = mlp_net_params_const(net);

    for (size_t s = 0; s < net->n_segments; s++) {
        check_run(t, net->kernel->name, w, net->segments[s].offset, net->segments[s].length);
    }
    for (size_t k = 0; k < net->n_layers; k++) {
        const struct layer *l = &net->layers[k];

        if (l->norm == MLP_NORM_BATCH) {
            check_run(t, net->kernel->name, w, l->mean, l->n_z);
            check_run(t, net->kernel->name, w, l->variance, l->n_z);
        }
    }
}

static void check_epoch(const struct trajectory *t, const char *table, size_t e, double loss,
                        double rate)
{
    ck_assert_msg(fabs(loss - t->losses[e]) <= 1e-5 * fabs(t->losses[e]),
                  "%s, %s: loss of epoch %zu is %.9g, not %.9g", t->name, table, e + 1, loss,
                  t->losses[e]);
    ck_assert_msg(fabs(rate - t->rates[e]) <= 1e-8 * t->rates[e] + 1e-12,
                  "%s, %s: rate of epoch %zu is %.9g, not %.9g", t->name, table, e + 1, rate,
                  t->rates[e]);
}

struct room {
    struct pass pass;
    struct optimizer optimizer;
    mlp_real *gradient;
};

static void lay_out(struct room *r, const struct trajectory *t, size_t n_params,
                    struct arena *arena)
{
    r->gradient = arena_take(arena, n_params, sizeof(*r->gradient));
    optimizer_layout(&r->optimizer, &t->train, n_params, arena);
    pass_layout(&r->pass, &t->spec, t->train.batch_size, true, arena);
}

/* Rows first .. of all. */
static struct mlp_data batch_at(const struct trajectory *t, const float *x, size_t first)
{
    size_t left = ROWS - first, n_out = t->spec.n_outputs;

    return (struct mlp_data){
        .rows = left < t->train.batch_size ? left : t->train.batch_size,
        .x = x + first * t->spec.n_inputs,
        .labels = t->labels != NULL ? t->labels + first : NULL,
        .targets = t->targets != NULL ? t->targets + first * n_out : NULL,
        .weights = t->weights != NULL ? t->weights + first : NULL,
        .offset = t->offset != NULL ? t->offset + first : NULL,
    };
}

/* The trainer's loop, reduced to what these cases need. */
static void train(struct room *r, const struct trajectory *t, const float *x, struct mlp_net *net)
{
    struct schedule_state schedule;
    size_t steps = (ROWS + t->train.batch_size - 1) / t->train.batch_size, step = 0;

    optimizer_start(&r->optimizer, net->n_params);
    schedule_start(&schedule);
    for (size_t e = 0; e < EPOCHS; e++) {
        double sum = 0, rate = 0;

        for (size_t first = 0; first < ROWS; first += t->train.batch_size, step++) {
            const struct mlp_data batch = batch_at(t, x, first);
            const struct pass_moment moment = {.seed = t->train.seed,
                                               .epoch = (uint32_t)e + 1,
                                               .step = (uint32_t)(first / t->train.batch_size)};
            double loss = 0;

            ck_assert_int_eq(pass_gradient(&r->pass, net, &batch, &moment, t->train.label_smoothing,
                                           r->gradient, &loss),
                             MLP_OK);
            rate = t->train.learning_rate *
                   schedule_rate(&t->train.schedule, &schedule, (double)EPOCHS,
                                 (double)step / (double)steps, (double)steps);
            optimizer_step(&r->optimizer, net, r->gradient, rate);
            sum += loss * (double)batch.rows;
        }
        schedule_epoch(&schedule, &t->train.schedule, sum / (double)ROWS, false);
        check_epoch(t, net->kernel->name, e, sum / (double)ROWS, rate);
    }
}

static void check_case(const struct trajectory *t, const float *x, const struct kernel *table)
{
    struct mlp_net *net = help_net(&t->spec, 0);
    struct arena arena = {0};
    struct room r = {0};

    net->kernel = table;
    ck_assert_uint_eq(mlp_net_values(net), t->n_values);
    ck_assert(optimizer_spec_makes_sense(&t->train, net->n_layers));
    memcpy(mlp_net_params(net), t->start, t->n_values * sizeof(float));
    lay_out(&r, t, net->n_params, &arena);
    arena.base = arena_alloc(&arena);
    ck_assert_ptr_nonnull(arena.base);
    arena.used = 0;
    lay_out(&r, t, net->n_params, &arena);
    ck_assert_int_eq(pass_init(&r.pass, net), MLP_OK);
    train(&r, t, x, net);
    check_end(t, net);
    pass_fini(&r.pass);
    free(arena.base);
    mlp_net_free(&net);
}

/* _i is the group */
START_TEST(trajectories)
{
    const struct kernel *tables[KERNEL_MAX];

    for (size_t k = kernel_tables(tables); k-- > 0;) {
        for (size_t i = 0; i < groups[_i].n; i++) {
            check_case(&groups[_i].cases[i], groups[_i].x, tables[k]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_trajectories");
    TCase *c = tcase_create("trajectories");

    tcase_add_loop_test(c, trajectories, 0, (int)(sizeof(groups) / sizeof(*groups)));
    suite_add_tcase(s, c);
    return help_run(s);
}
