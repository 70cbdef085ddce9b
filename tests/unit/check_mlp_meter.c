/* The meter: what it says of what cannot be told, its memory, its manners. */
#include "metrics_help.h"

#include <errno.h>

static size_t taken;   /* bytes of the last block */
static bool no_memory; /* the next block is refused */

int __real_posix_memalign(void **p, size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);

int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
    taken = size;
    return no_memory ? ENOMEM : __real_posix_memalign(p, alignment, size);
}

/* A score whose rows weigh nothing is no step of the curve. */
START_TEST(a_score_of_weight_0)
{
    const float p[] = {0.875F, 0.5F, 0.25F}, w[] = {0, 1, 3};
    const uint32_t labels[] = {1, 1, 0};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 3,
                                  .columns = 1,
                                  .n_classes = 2,
                                  .labels = labels,
                                  .weights = w,
                                  .p = p};
    struct mlp_curve_point points[4];
    struct mlp_curve curve;
    struct mlp_meter *meter = NULL;

    check_value(compute(&in, "pr_auc"), 1, "weight 0", "pr_auc");
    ck_assert_int_eq(mlp_meter_new(&in, NULL, 0, MLP_METER_CURVES, &meter), MLP_OK);
    ck_assert_int_eq(mlp_meter_add(meter, p, 3), MLP_OK);
    mlp_meter_curve(meter, 1, 4, points, &curve);
    ck_assert_uint_eq(curve.n_points, 3);
    ck_assert_double_eq(points[1].threshold, 0.5);
    mlp_meter_free(&meter);
}
END_TEST

/* ---- what cannot be told -------------------------------------------------------------- */

static void check_why(const struct mlp_metric_input *in, const char *name, const char *why)
{
    enum mlp_metric which = metric(name);
    struct mlp_metric_value got;
    struct mlp_meter *meter = NULL;

    ck_assert_int_eq(mlp_meter_new(in, &which, 1, 0, &meter), MLP_OK);
    ck_assert_int_eq(mlp_meter_add(meter, in->p, in->rows), MLP_OK);
    got = mlp_meter_read(meter, which);
    ck_assert_msg(isnan(got.value), "%s is %g", name, got.value);
    ck_assert_str_eq(got.why, why);
    mlp_meter_free(&meter);
}

START_TEST(why_no_class_metric)
{
    const float p[] = {0.5F, 0.25F, 0.25F, 0.25F, 0.5F, 0.25F}, zeros[] = {0, 0};
    const float broken[] = {0.5F, NAN, 0.25F, 0.25F, 0.5F, 0.25F};
    const uint32_t labels[] = {0, 1}, ones[] = {0, 0};
    struct mlp_metric_input c = {.kind = MLP_OF_CLASSES,
                                 .rows = 2,
                                 .columns = 3,
                                 .n_classes = 3,
                                 .labels = labels,
                                 .p = p};
    struct mlp_metric_input two = {.kind = MLP_OF_CLASSES,
                                   .rows = 2,
                                   .columns = 1,
                                   .n_classes = 2,
                                   .labels = ones,
                                   .p = zeros};
    struct mlp_metric_input l = {
        .kind = MLP_OF_LABELS, .rows = 2, .columns = 1, .targets = zeros, .p = p};

    check_why(&c, "roc_auc", "a class has no rows");
    check_why(&c, "pr_auc", "a class has no rows");
    check_why(&two, "roc_auc", "the rows are all of one class");
    check_why(&two, "cohen_kappa", "truth and answers are all of one class");
    check_why(&l, "roc_auc", "a column has the same label in all rows");
    c.weights = zeros;
    check_why(&c, "accuracy", "the weights of these rows are all 0");
    c.weights = NULL;
    c.p = broken;
    check_why(&c, "accuracy", "a prediction is not a finite number");
    check_why(&c, "roc_auc", "a prediction is not a finite number");
}
END_TEST

START_TEST(why_no_number_metric)
{
    const float y[] = {1, -1}, up[] = {1, 2}, big[] = {3e38F, 3e38F};
    struct mlp_metric_input n = {
        .kind = MLP_OF_NUMBERS, .rows = 2, .columns = 1, .targets = y, .p = up};

    check_why(&n, "rmsle", "a true value is negative");
    n.power = 1.5;
    check_why(&n, "deviance", "a true value is negative");
    n.power = 2;
    check_why(&n, "deviance", "a true value is not above 0");
    n.power = 0.5;
    check_why(&n, "deviance", "no deviance has a power between 0 and 1");
    n.targets = up;
    n.p = y;
    n.power = 1;
    check_why(&n, "deviance", "a predicted value is not above 0");
    check_why(&n, "rmsle", "a predicted value is -1 or less");
    n.power = -200;
    n.p = up;
    ck_assert(isfinite(compute(&n, "deviance")));
    n.p = big;
    check_why(&n, "deviance", "it is too large a number");
    n.rows = 1;
    check_why(&n, "r2", "there are under two rows");
    n.rows = 0;
    check_why(&n, "mse", "there are no rows");
}
END_TEST

START_TEST(a_meter_that_is_not_full)
{
    const float y[] = {1, 2}, p[] = {1, 4};
    const enum mlp_metric mae = MLP_METRIC_MAE;
    struct mlp_metric_input in = {
        .kind = MLP_OF_NUMBERS, .rows = 2, .columns = 1, .targets = y};
    struct mlp_meter *meter = NULL;

    ck_assert_int_eq(mlp_meter_new(&in, &mae, 1, 0, &meter), MLP_OK);
    ck_assert_int_eq(mlp_meter_add(meter, p, 1), MLP_OK);
    ck_assert_str_eq(mlp_meter_read(meter, mae).why, "not all rows are measured yet");
    ck_assert_int_eq(mlp_meter_add(meter, p, 2), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_meter_add(meter, p + 1, 1), MLP_OK);
    ck_assert_double_eq(mlp_meter_read(meter, mae).value, 1);
    mlp_meter_free(&meter);
}
END_TEST

START_TEST(arguments_that_make_no_sense)
{
    const float y[] = {0, 1}, p[] = {0.5F, 0.5F};
    const uint32_t labels[] = {0, 1};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 2,
                                  .columns = 1,
                                  .n_classes = 2,
                                  .labels = labels,
                                  .p = p};
    struct mlp_metric_input huge = in;
    const enum mlp_metric rank = MLP_METRIC_ROC_AUC;
    double out = 5;
    size_t bytes = 7;

    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRIC_RMSE, &out), MLP_E_ARGUMENT);
    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRICS, &out), MLP_E_ARGUMENT);
    in.n_classes = 3;
    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRIC_ACCURACY, &out), MLP_E_ARGUMENT);
    in.n_classes = 2;
    in.labels = NULL;
    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRIC_ACCURACY, &out), MLP_E_ARGUMENT);
    in.targets = y;
    in.columns = 0;
    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRIC_ACCURACY, &out), MLP_E_ARGUMENT);
    in = (struct mlp_metric_input){
        .kind = MLP_OF_LABELS, .rows = 2, .columns = 1, .labels = labels, .p = p};
    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRIC_ACCURACY, &out), MLP_E_ARGUMENT);
    ck_assert_double_eq(out, 5);
    huge.rows = (size_t)UINT32_MAX + 1;
    ck_assert_int_eq(mlp_meter_bytes(&huge, &rank, 1, 0, &bytes), MLP_E_TOO_LARGE);
    huge.rows = SIZE_MAX / 2;
    ck_assert_int_eq(mlp_meter_bytes(&huge, &rank, 1, 0, &bytes), MLP_E_TOO_LARGE);
    ck_assert_uint_eq(bytes, 7);
}
END_TEST

START_TEST(one_block_of_memory)
{
    const float y[] = {0, 1}, p[] = {0.5F, 0.5F};
    const enum mlp_metric which[] = {MLP_METRIC_ROC_AUC, MLP_METRIC_F1};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 2,
                                  .columns = 1,
                                  .n_classes = 2,
                                  .targets = y,
                                  .p = p};
    struct mlp_meter *meter = NULL;
    double out = 5;
    size_t bytes = 0;

    ck_assert_int_eq(mlp_meter_bytes(&in, which, 2, MLP_METER_CONFUSION, &bytes), MLP_OK);
    ck_assert_int_eq(mlp_meter_new(&in, which, 2, MLP_METER_CONFUSION, &meter), MLP_OK);
    ck_assert_uint_eq(taken, bytes);
    mlp_meter_free(&meter);
    no_memory = true;
    ck_assert_int_eq(mlp_meter_new(&in, which, 2, 0, &meter), MLP_E_MEMORY);
    ck_assert_ptr_null(meter);
    ck_assert_int_eq(mlp_metric_compute(&in, MLP_METRIC_F1, &out), MLP_E_MEMORY);
    ck_assert_double_eq(out, 5);
    no_memory = false;
}
END_TEST

START_TEST(bytes_grow_by_what_is_asked)
{
    const float y[1] = {0};
    const enum mlp_metric roc = MLP_METRIC_ROC_AUC, f1 = MLP_METRIC_F1;
    const enum mlp_metric median = MLP_METRIC_MEDIAN_AE;
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 64000,
                                  .columns = 10,
                                  .n_classes = 10,
                                  .targets = y};
    size_t small = 0, large = 0;

    ck_assert_int_eq(mlp_meter_bytes(&in, &f1, 1, 0, &small), MLP_OK);
    ck_assert_int_eq(mlp_meter_bytes(&in, &roc, 1, 0, &large), MLP_OK);
    ck_assert_uint_eq(large - small, in.rows * (4 * 10 + 16));
    in.kind = MLP_OF_NUMBERS;
    ck_assert_int_eq(mlp_meter_bytes(&in, NULL, 0, 0, &small), MLP_OK);
    ck_assert_int_eq(mlp_meter_bytes(&in, &median, 1, 0, &large), MLP_OK);
    ck_assert_uint_eq(large - small, in.rows * (8 * 10 + 16));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_meter");
    TCase *c = tcase_create("meter");

    tcase_add_test(c, a_score_of_weight_0);
    tcase_add_test(c, why_no_class_metric);
    tcase_add_test(c, why_no_number_metric);
    tcase_add_test(c, a_meter_that_is_not_full);
    tcase_add_test(c, arguments_that_make_no_sense);
    tcase_add_test(c, one_block_of_memory);
    tcase_add_test(c, bytes_grow_by_what_is_asked);
    suite_add_tcase(s, c);
    return help_run(s);
}
