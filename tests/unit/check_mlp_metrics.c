/* Metrics against values worked out by hand. */
#include "mlp_help.h"

START_TEST(classes_with_a_tie)
{
    /* a tie of 0 and 1 goes to 0; the second row is wrong, the third right */
    const float p[9] = {0.4F, 0.4F, 0.2F, 0.5F, 0.25F, 0.25F, 0, 0.25F, 0.75F};
    const uint32_t labels[3] = {1, 2, 2};
    const uint64_t expected[9] = {0, 0, 0, 1, 0, 0, 1, 0, 1};
    struct mlp_class_metrics m;
    uint64_t confusion[9];

    memset(confusion, 0xff, sizeof(confusion)); /* must be cleared */
    mlp_metrics_classes(p, 3, labels, 3, 3, &m, confusion);
    ck_assert_double_eq_tol(m.accuracy, 1.0 / 3, 1e-15);
    ck_assert_double_eq_tol(m.log_loss, -(log((double)0.4F) + log(0.25) + log(0.75)) / 3, 1e-15);
    ck_assert_mem_eq(confusion, expected, sizeof(expected));
    mlp_metrics_classes(p, 3, (const uint32_t[]){0, 0, 2}, 3, 3, &m, NULL);
    ck_assert_double_eq(m.accuracy, 1);
}
END_TEST

START_TEST(one_column_for_two_classes)
{
    const float p[4] = {0.5F, 0.25F, 0.75F, 0.125F};
    const uint32_t labels[4] = {1, 0, 0, 1}; /* exactly one half chooses class 1 */
    const uint64_t expected[4] = {1, 1, 1, 1};
    struct mlp_class_metrics m;
    uint64_t confusion[4];

    mlp_metrics_classes(p, 1, labels, 4, 2, &m, confusion);
    ck_assert_double_eq(m.accuracy, 0.5);
    ck_assert_double_eq_tol(m.log_loss, -(log(0.5) + log(0.75) + log(0.25) + log(0.125)) / 4,
                            1e-15);
    ck_assert_mem_eq(confusion, expected, sizeof(expected));
}
END_TEST

START_TEST(log_loss_is_clipped)
{
    const float p[4] = {0, 1, 1, 0};
    struct mlp_class_metrics m;

    mlp_metrics_classes(p, 2, (const uint32_t[]){0, 1}, 2, 2, &m, NULL);
    ck_assert_double_eq_tol(m.log_loss, -log(2.220446049250313e-16), 1e-12);
    mlp_metrics_classes(p, 2, (const uint32_t[]){1, 0}, 2, 2, &m, NULL);
    ck_assert_double_eq_tol(m.log_loss, 2.220446049250313e-16, 1e-17);
    mlp_metrics_classes(p, 2, NULL, 0, 2, &m, NULL);
    ck_assert(isnan(m.accuracy) && isnan(m.log_loss));
}
END_TEST

START_TEST(regression_by_hand)
{
    const double truth[4] = {1, 2, 3, 6}, guess[4] = {2, 2, 1, 7};
    struct mlp_regression_metrics m;

    mlp_metrics_regression(truth, guess, 4, 1, &m);
    ck_assert_double_eq(m.mse, 6.0 / 4);
    ck_assert_double_eq(m.rmse, sqrt(1.5));
    ck_assert_double_eq(m.mae, 1);
    ck_assert_double_eq_tol(m.r2, 1 - 6.0 / 14, 1e-15); /* mean 3: 4 + 1 + 0 + 9 */
}
END_TEST

START_TEST(regression_of_one_of_two_columns)
{
    const double truth[6] = {1, 90, 2, 80, 6, 70}, guess[6] = {1, 0, 3, 0, 6, 0};
    struct mlp_regression_metrics m;

    mlp_metrics_regression(truth, guess, 3, 2, &m);
    ck_assert_double_eq_tol(m.mse, 1.0 / 3, 1e-15);
    ck_assert_double_eq_tol(m.r2, 1 - 1.0 / 14, 1e-15);
}
END_TEST

START_TEST(regression_of_a_constant)
{
    const double truth[3] = {0.1, 0.1, 0.1}, guess[3] = {0.1, 0.1, 0.2};
    struct mlp_regression_metrics m;

    mlp_metrics_regression(truth, truth, 3, 1, &m);
    ck_assert_double_eq(m.r2, 1);
    ck_assert_double_eq(m.mse, 0);
    mlp_metrics_regression(truth, guess, 3, 1, &m);
    ck_assert_double_eq(m.r2, 0);
    mlp_metrics_regression(truth, guess, 1, 1, &m);
    ck_assert(isnan(m.r2));
    ck_assert_double_eq(m.mae, 0);
    mlp_metrics_regression(truth, guess, 0, 1, &m);
    ck_assert(isnan(m.mse) && isnan(m.r2));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlp_metrics");
    TCase *c = tcase_create("metrics");

    tcase_add_test(c, classes_with_a_tie);
    tcase_add_test(c, one_column_for_two_classes);
    tcase_add_test(c, log_loss_is_clipped);
    tcase_add_test(c, regression_by_hand);
    tcase_add_test(c, regression_of_one_of_two_columns);
    tcase_add_test(c, regression_of_a_constant);
    suite_add_tcase(s, c);
    return help_run(s);
}
