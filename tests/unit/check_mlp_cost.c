/* What a training takes and leaves alone: memory to the byte, threads, the caller's
 * arithmetic; and what it refuses. */
#include "mlp_train_help.h"

#include <errno.h>
#include <stdio.h>

/* ---- every block the library takes, counted (see -Wl,--wrap in mlp.mk) ----------- */

int __real_posix_memalign(void **p, size_t align, size_t bytes);
int __wrap_posix_memalign(void **p, size_t align, size_t bytes);

static _Thread_local size_t alloc_count, alloc_first, alloc_fail_at;

int __wrap_posix_memalign(void **p, size_t align, size_t bytes)
{
    alloc_count++;
    if (alloc_count == 1) {
        alloc_first = bytes;
    }
    return alloc_count == alloc_fail_at ? ENOMEM : __real_posix_memalign(p, align, bytes);
}

static void alloc_reset(void)
{
    alloc_count = 0;
    alloc_first = 0;
    alloc_fail_at = 0;
}

/* ---- what it takes ------------------------------------------------------------------------ */

START_TEST(wrong_data_is_refused)
{
    struct mlp_spec spec = help_spec(2, 0, NULL, 3, MLP_CROSS_ENTROPY);
    struct mlp_train_spec train = help_adam(0.05, 1, 4);
    struct mlp_net *net = help_net(&spec, 1);
    const uint32_t good[4] = {0, 1, 2, 0}, bad[4] = {0, 1, 2, 3};
    const struct mlp_data ok = {.rows = 4, .x = xor_x, .labels = good};
    const struct mlp_data wrong = {.rows = 4, .x = xor_x, .labels = bad};
    const struct mlp_data missing = {.rows = 4, .x = xor_x, .targets = xor_y};
    const struct mlp_data none = {.rows = 0, .x = xor_x, .labels = good};
    struct mlp_result r;

    ck_assert_int_eq(mlp_train(net, &train, &ok, NULL, NULL, &r), MLP_OK);
    ck_assert_int_eq(mlp_train(net, &train, &wrong, NULL, NULL, &r), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_train(net, &train, &ok, &wrong, NULL, &r), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_train(net, &train, &missing, NULL, NULL, &r), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_train(net, &train, &none, NULL, NULL, &r), MLP_E_ARGUMENT);
    train.learning_rate = -1;
    ck_assert_int_eq(mlp_train(net, &train, &ok, NULL, NULL, &r), MLP_E_ARGUMENT);
    mlp_net_free(&net);
}
END_TEST

/* One block for the net and one for the training, of exactly the estimated sizes, however
 * many steps are done. */
START_TEST(estimates_are_exact)
{
    static const size_t widths[][2] = {{3, 0}, {5, 7}, {64, 64}, {17, 33}};
    struct plane p = plane_new(3, 45, 0.1);
    struct mlp_spec linear = help_spec(4, 0, NULL, 2, MLP_MSE);
    struct mlp_train_spec once = help_adam(0.01, 1, 45);
    struct mlp_net *first = help_net(&linear, 1);

    run(first, &once, &p.data, NULL, NULL); /* what a backend sets up once in a process */
    mlp_net_free(&first);
    for (size_t i = 0; i < 4; i++) {
        for (size_t batch = 1; batch <= 100; batch += 11) {
            struct mlp_layer_spec hidden[2] = {{.units = widths[i][0], .activation = MLP_SIGMOID},
                                               {.units = widths[i][1]}};
            struct mlp_spec spec = help_spec(4, widths[i][1] > 0 ? 2 : 1, hidden, 2, MLP_MSE);
            struct mlp_train_spec train = help_adam(0.01, 1 + batch % 3, batch);
            struct mlp_estimate e;
            struct mlp_result r;

            train.optimizer = i % 2 == 0 ? MLP_ADAM : MLP_SGD;
            train.momentum = batch % 2 == 0 ? 0.5 : 0;
            train.shuffle = batch % 3 != 0;
            ck_assert_int_eq(mlp_estimate(&spec, &train, 45, &e), MLP_OK);
            alloc_reset();
            struct mlp_net *net = help_net(&spec, 1);

            ck_assert_uint_eq(alloc_count, 1);
            ck_assert_uint_eq(alloc_first, e.net_bytes);
            alloc_reset();
            ck_assert_int_eq(mlp_train(net, &train, &p.data, &p.data, NULL, &r), MLP_OK);
            ck_assert_uint_eq(alloc_count, 1);
            ck_assert_uint_eq(alloc_first, e.arena_bytes);
            mlp_net_free(&net);
        }
    }
    plane_free(&p);
}
END_TEST

/* With each stage alone and with all; what a stage needs must be in the estimate, and touched by
 * nothing that is not (the sanitizers' business). */
START_TEST(estimates_are_exact_for_every_stage)
{
    static const struct mlp_embedding table = {.levels = 5, .width = 1}; /* rows stay as wide */
    struct plane p = plane_new(3, 70, 0.1);
    struct mlp_spec linear = help_spec(4, 0, NULL, 2, MLP_MSE);
    struct mlp_train_spec train = help_adam(0.01, 2, 66);
    struct mlp_net *first = help_net(&linear, 1);

    run(first, &train, &p.data, NULL, NULL); /* what a backend sets up once in a process */
    mlp_net_free(&first);
    for (size_t i = 0; i < p.data.rows; i++) {
        p.x[4 * i + 3] = (float)(i % 5); /* a number, or an index */
    }
    for (int stage = 0; stage < 10; stage++) {
        bool all = stage == 9;
        struct mlp_layer_spec h = {.units = 4,
                                   .activation = MLP_MAXOUT,
                                   .pieces = 3,
                                   .norm = stage == 0   ? MLP_NORM_BATCH
                                           : stage == 1 ? MLP_NORM_LAYER
                                           : all        ? MLP_NORM_BATCH
                                                        : MLP_NORM_NONE,
                                   .residual = all || stage == 2,
                                   .dropout = all || stage == 3 ? 0.2 : 0,
                                   .noise = all || stage == 4 ? 0.1 : 0};
        const struct mlp_layer_spec hidden[2] = {h, h};
        struct mlp_spec spec = help_spec(4, 2, hidden, 2, MLP_MSE);
        struct mlp_estimate e;
        struct mlp_result r;

        spec.input_scale = all || stage == 5;
        spec.input_dropout = all || stage == 6 ? 0.2 : 0;
        spec.input_noise = all || stage == 7 ? 0.2 : 0;
        spec.n_embeddings = all || stage == 8;
        spec.embeddings = &table;
        ck_assert_int_eq(mlp_estimate(&spec, &train, 70, &e), MLP_OK);
        alloc_reset();
        struct mlp_net *net = help_net(&spec, 1);

        ck_assert_uint_eq(alloc_first, e.net_bytes);
        alloc_reset();
        ck_assert_int_eq(mlp_train(net, &train, &p.data, &p.data, NULL, &r), MLP_OK);
        ck_assert_uint_eq(alloc_count, 1);
        ck_assert_uint_eq(alloc_first, e.arena_bytes);
        ck_assert_uint_gt(r.best_epoch, 0);
        mlp_net_free(&net);
    }
    plane_free(&p);
}
END_TEST

START_TEST(no_memory_is_a_status)
{
    struct mlp_spec spec = xor_spec();
    struct mlp_train_spec train = help_adam(0.05, 2, 4);
    struct mlp_net *net = NULL;
    struct mlp_workspace *ws = NULL;
    struct mlp_result r;

    alloc_reset();
    alloc_fail_at = 1;
    ck_assert_int_eq(mlp_net_new(&spec, &net), MLP_E_MEMORY);
    ck_assert_ptr_null(net);
    alloc_reset();
    net = help_net(&spec, 1);
    alloc_reset();
    alloc_fail_at = 1;
    ck_assert_int_eq(mlp_workspace_new(net, 5, &ws), MLP_E_MEMORY);
    ck_assert_ptr_null(ws);
    alloc_reset();
    alloc_fail_at = 1;
    ck_assert_int_eq(mlp_train(net, &train, &xor_data, NULL, NULL, &r), MLP_E_MEMORY);
    alloc_reset();
    mlp_net_free(&net);
}
END_TEST

/* From the kernel's own books; 0 when they cannot be read. */
static int process_threads(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    int n = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "Threads: %d", &n) == 1) {
            break;
        }
    }
    if (f != NULL) {
        (void)fclose(f); /* read only: nothing to lose */
    }
    return n;
}

extern void omp_set_num_threads(int n) __attribute__((weak));
extern int omp_get_max_threads(void) __attribute__((weak));

/* Large enough to tempt any library into threads, with a caller that allows four. */
START_TEST(no_threads_are_started)
{
    const struct mlp_layer_spec hidden[1] = {{.units = 256, .activation = MLP_RELU}};
    struct mlp_spec spec = help_spec(784, 1, hidden, 10, MLP_CROSS_ENTROPY);
    struct mlp_train_spec train = help_adam(0.001, 1, 128);
    uint64_t seed = 3;
    float *x = help_floats(&seed, 256 * 784, 1);
    uint32_t *labels = help_labels(&seed, 256, 10);
    const struct mlp_data data = {.rows = 256, .x = x, .labels = labels};
    struct mlp_net *net = help_net(&spec, 1);

    if (strncmp(mlp_backend(), "cblas", 5) == 0) { /* OpenBLAS has an idle pool of its own */
        run(net, &train, &data, &data, NULL);
    }
    int before = process_threads();

    if (omp_set_num_threads != NULL) {
        omp_set_num_threads(4);
    }
    run(net, &train, &data, &data, NULL);
    ck_assert_int_eq(process_threads(), before);
    if (omp_get_max_threads != NULL) {
        ck_assert_int_eq(omp_get_max_threads(), 4); /* the caller's setting is left alone */
    }
    mlp_net_free(&net);
    free(x);
    free(labels);
}
END_TEST

static void add_subnormals(void *arg, const struct mlp_epoch *e)
{
    volatile float tiny = 1e-38F;

    *(volatile float *)arg = tiny * 0.1F;
    ck_assert_uint_ge(e->epoch, 1);
}

/* Training treats subnormal numbers as zero; the caller's own arithmetic must not notice. */
START_TEST(subnormal_numbers_stay_the_callers)
{
    struct mlp_spec spec = xor_spec();
    struct mlp_train_spec train = help_adam(0.05, 2, 4);
    struct mlp_net *net = help_net(&spec, 1);
    volatile float product = 0, tiny = 1e-38F;
    float seen = 0;
    const struct mlp_callbacks callbacks = {.arg = &seen, .epoch = add_subnormals};
    struct mlp_result r;

    ck_assert_int_eq(mlp_train(net, &train, &xor_data, NULL, &callbacks, &r), MLP_OK);
    product = tiny * 0.1F;
    ck_assert(product > 0 && seen > 0);
    mlp_net_free(&net);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_cost");
    TCase *c = tcase_create("cost");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, subnormal_numbers_stay_the_callers);
    tcase_add_test(c, wrong_data_is_refused);
    tcase_add_test(c, estimates_are_exact);
    tcase_add_test(c, estimates_are_exact_for_every_stage);
    tcase_add_test(c, no_memory_is_a_status);
    tcase_add_test(c, no_threads_are_started);
    suite_add_tcase(s, c);
    return help_run(s);
}
