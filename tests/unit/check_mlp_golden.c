/* Optimizer steps and whole trainings against numbers worked out elsewhere
 * (tests/golden/make_golden.py), by every kernel table this processor can run. */
#include "mlp_help.h"

#include "mlp/optimizer.h"
#define GOLDEN_TRAJECTORIES
#include "../golden/mlp_golden.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* _i is the kind of step */
START_TEST(optimizer_steps)
{
    static const float start[6] = GOLDEN_STEP_START, gradients[24] = GOLDEN_STEP_GRADIENTS;
    const struct golden_step *golden = &golden_steps[_i];
    struct mlp_spec spec = help_spec(2, 0, NULL, 2, MLP_MSE);
    const struct kernel *tables[KERNEL_MAX];

    for (size_t k = kernel_tables(tables); k-- > 0;) {
        struct mlp_net *net = help_net(&spec, 0);
        struct arena arena = {0};
        struct optimizer o;
        float gradient[6];

        net->kernel = tables[k];
        memcpy(mlp_net_params(net), start, sizeof(start));
        optimizer_layout(&o, &golden->train, 6, &arena);
        void *memory = arena.base = arena_alloc(&arena);
        ck_assert_ptr_nonnull(memory);
        arena.used = 0;
        optimizer_layout(&o, &golden->train, 6, &arena);
        optimizer_start(&o, 6);
        for (size_t t = 0; t < 4; t++) {
            memcpy(gradient, gradients + 6 * t, sizeof(gradient));
            optimizer_step(&o, net, gradient, golden->train.learning_rate);
        }
        for (size_t i = 0; i < 6; i++) {
            double w = (double)mlp_net_params(net)[i], truth = golden->end[i];

            ck_assert_msg(fabs(w - truth) <= 5e-7 * (fabs(truth) + 0.1),
                          "%s, kind %d, parameter %zu: %.9g, not %.9g", tables[k]->name, _i, i, w,
                          truth);
        }
        free(memory);
        mlp_net_free(&net);
    }
}
END_TEST

struct history {
    double losses[GOLDEN_EPOCHS];
};

static void remember(void *arg, const struct mlp_epoch *e)
{
    struct history *h = arg;

    ck_assert_uint_le(e->epoch, GOLDEN_EPOCHS);
    h->losses[e->epoch - 1] = e->training_loss;
}

/* learning.md: |d| <= 1e-5 (|w| + rms of the tensor) */
static void check_weights(const struct golden_job *job, const struct mlp_net *net)
{
    const float *w = mlp_net_params_const(net);

    for (size_t s = 0; s < net->n_segments; s++) {
        const struct segment *seg = &net->segments[s];
        double squares = 0;

        for (size_t i = seg->offset; i < seg->offset + seg->length; i++) {
            squares += job->end[i] * job->end[i];
        }
        for (size_t i = seg->offset; i < seg->offset + seg->length; i++) {
            double rms = sqrt(squares / (double)seg->length);

            ck_assert_msg(fabs((double)w[i] - job->end[i]) <= 1e-5 * (fabs(job->end[i]) + rms),
                          "%s, %s: parameter %zu is %.9g, not %.9g", job->name, net->kernel->name,
                          i, (double)w[i], job->end[i]);
        }
    }
}

/* _i is the job */
START_TEST(trajectories)
{
    const struct golden_job *job = &golden_jobs[_i];
    struct mlp_spec spec =
        help_spec(job->n_inputs, job->n_hidden, job->hidden, job->n_outputs, job->loss);
    const struct mlp_data data = {
        .rows = job->rows, .x = job->x, .targets = job->targets, .labels = job->labels};
    const struct kernel *tables[KERNEL_MAX];

    for (size_t k = kernel_tables(tables); k-- > 0;) {
        struct mlp_net *net = help_net(&spec, 0);
        struct history history = {{0}};
        const struct mlp_callbacks callbacks = {.arg = &history, .epoch = remember};
        struct mlp_result result;

        net->kernel = tables[k];
        ck_assert_uint_eq(mlp_net_parameters(net), job->n_params);
        memcpy(mlp_net_params(net), job->start, job->n_params * sizeof(float));
        ck_assert_int_eq(mlp_train(net, &job->train, &data, NULL, &callbacks, &result), MLP_OK);
        for (size_t e = 0; e < GOLDEN_EPOCHS; e++) {
            ck_assert_msg(fabs(history.losses[e] - job->losses[e]) <= 1e-5 * job->losses[e],
                          "%s, %s: loss of epoch %zu is %.9g, not %.9g", job->name,
                          tables[k]->name, e + 1, history.losses[e], job->losses[e]);
        }
        check_weights(job, net);
        mlp_net_free(&net);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_golden");
    TCase *c = tcase_create("golden");

    tcase_add_loop_test(c, optimizer_steps, 0, (int)COUNT(golden_steps));
    tcase_add_loop_test(c, trajectories, 0, (int)COUNT(golden_jobs));
    suite_add_tcase(s, c);
    return help_run(s);
}
