/* The first epochs of small trainings against PyTorch's (tests/golden/make_torch.py): each epoch's
 * loss and learning rate, and the parameters at the end, by every kernel table this processor can
 * run. To add cases see make_torch.py; a new group of them is one line more in `groups`. */
#include "mlp_help.h"

#include "mlp/net.h"

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
#include "../golden/torch_embeddings.h"
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
    GROUP(embeddings),
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
    ck_assert_msg(fabs(rate - t->rates[e]) <= 1e-12 * t->train.learning_rate,
                  "%s, %s: rate of epoch %zu is %.9g, not %.9g", t->name, table, e + 1, rate,
                  t->rates[e]);
}

struct watch {
    const struct trajectory *t;
    const char *table;
    size_t epochs;
};

static void check_told(void *arg, const struct mlp_epoch *e)
{
    struct watch *w = arg;

    ck_assert_uint_eq(e->epoch, ++w->epochs);
    check_epoch(w->t, w->table, e->epoch - 1, e->training_loss, e->learning_rate);
}

static void check_case(const struct trajectory *t, const float *x, const struct kernel *table)
{
    struct mlp_net *net = help_net(&t->spec, 0);
    struct watch watch = {.t = t, .table = table->name};
    const struct mlp_data data = {.rows = ROWS,
                                  .x = x,
                                  .labels = t->labels,
                                  .targets = t->targets,
                                  .weights = t->weights,
                                  .offset = t->offset};
    const struct mlp_callbacks callbacks = {.arg = &watch, .epoch = check_told};
    struct mlp_result result;

    net->kernel = table;
    ck_assert_uint_eq(mlp_net_values(net), t->n_values);
    memcpy(mlp_net_params(net), t->start, t->n_values * sizeof(float));
    ck_assert_msg(mlp_train(net, &t->train, &data, NULL, &callbacks, &result) == MLP_OK, "%s",
                  t->name);
    ck_assert_uint_eq(watch.epochs, EPOCHS);
    check_end(t, net);
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
