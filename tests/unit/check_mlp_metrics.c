/* Metrics against scikit-learn's numbers (tests/golden/make_metrics.py) and, where it has
 * none or another rule, against values worked out by hand. */
#include "metrics_help.h"

#include "../golden/metrics_golden.h"

static struct mlp_metric_input golden_input(const struct golden_case *g)
{
    return (struct mlp_metric_input){.kind = g->kind,
                                     .rows = g->rows,
                                     .columns = g->columns,
                                     .n_classes = g->n_classes,
                                     .labels = g->labels,
                                     .targets = g->targets,
                                     .weights = g->weights,
                                     .p = g->p,
                                     .tau = g->tau,
                                     .power = g->power};
}

/* ---- against scikit-learn ---------------------------------------------------------- */

START_TEST(as_scikit_learn)
{
    const struct golden_case *g = &golden_cases[_i];
    struct mlp_metric_input in = golden_input(g);
    size_t applicable = 0;

    for (size_t k = 0; k < MLP_METRICS; k++) {
        applicable += mlp_metric_applies((enum mlp_metric)k, g->kind);
    }
    /* of two classes scikit-learn has no top_k */
    ck_assert_uint_eq(applicable, g->n_values + (g->n_classes == 2 ? 4 : 0));
    for (size_t k = 0; k < g->n_values; k++) {
        check_value(compute(&in, g->values[k].metric), g->values[k].value, g->name,
                    g->values[k].metric);
    }
}
END_TEST

/* All metrics of one walk, in slices of any size, each read twice: the same bits. */
START_TEST(slices_cannot_be_seen)
{
    const struct golden_case *g = &golden_cases[_i];
    struct mlp_metric_input in = golden_input(g);
    struct mlp_meter *meter = NULL;
    enum mlp_metric which[MLP_METRICS];
    const size_t slices[] = {1, 7, 1000};

    for (size_t k = 0; k < g->n_values; k++) {
        which[k] = metric(g->values[k].metric);
    }
    ck_assert_int_eq(mlp_meter_new(&in, which, g->n_values,
                                   MLP_METER_CURVES | MLP_METER_CONFUSION, &meter),
                     MLP_OK);
    for (size_t s = 0; s < 3; s++) {
        mlp_meter_reset(meter);
        for (size_t i = 0; i < g->rows; i += slices[s]) {
            size_t n = g->rows - i < slices[s] ? g->rows - i : slices[s];

            ck_assert_int_eq(mlp_meter_add(meter, g->p + i * g->columns, n), MLP_OK);
        }
        for (size_t k = 0; k < 2 * g->n_values; k++) {
            enum mlp_metric one = which[k % g->n_values];
            double want = compute(&in, mlp_metric_names()[one]);
            struct mlp_metric_value got = mlp_meter_read(meter, one);

            ck_assert((got.why != NULL) == isnan(want) && isnan(got.value) == isnan(want));
            ck_assert_msg(isnan(want) || memcmp(&got.value, &want, sizeof(want)) == 0,
                          "%s: %s", g->name, mlp_metric_names()[one]);
        }
    }
    ck_assert_int_eq(mlp_meter_add(meter, g->p, 1), MLP_E_ARGUMENT);
    mlp_meter_free(&meter);
    ck_assert_ptr_null(meter);
}
END_TEST

START_TEST(curves_as_scikit_learn)
{
    enum { ROWS = sizeof(curve_p) / sizeof(*curve_p), N = sizeof(curve_fpr) / sizeof(*curve_fpr) };
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = ROWS,
                                  .columns = 1,
                                  .n_classes = 2,
                                  .labels = curve_labels,
                                  .weights = curve_weights,
                                  .p = curve_p};
    struct mlp_curve_point points[ROWS + 1];
    struct mlp_curve curve;
    struct mlp_meter *meter = NULL;

    ck_assert_int_eq(mlp_meter_new(&in, NULL, 0, MLP_METER_CURVES, &meter), MLP_OK);
    mlp_meter_curve(meter, 1, ROWS + 1, points, &curve);
    ck_assert_uint_eq(curve.n_points, 0); /* no row yet */
    ck_assert_int_eq(mlp_meter_add(meter, curve_p, ROWS), MLP_OK);
    mlp_meter_curve(meter, 1, ROWS + 1, points, &curve);
    ck_assert_uint_eq(curve.n_points, N + 1);
    ck_assert(isnan(points[0].threshold));
    ck_assert(points[0].fpr == 0 && points[0].tpr == 0 && points[0].precision == 1);
    for (size_t i = 0; i < N; i++) {
        ck_assert_double_eq(points[i + 1].threshold, curve_threshold[i]);
        check_value(points[i + 1].fpr, curve_fpr[i], "curve", "fpr");
        check_value(points[i + 1].tpr, curve_tpr[i], "curve", "tpr");
        check_value(points[i + 1].precision, curve_precision[i], "curve", "precision");
    }
    check_value(curve.roc_auc, compute(&in, "roc_auc"), "curve", "area");
    check_value(curve.average_precision, compute(&in, "pr_auc"), "curve", "average precision");
    mlp_meter_curve(meter, 1, 4, points, &curve); /* thinned: both ends stay */
    ck_assert_uint_eq(curve.n_points, 4);
    ck_assert(isnan(points[0].threshold));
    ck_assert(points[3].fpr == 1 && points[3].tpr == 1);
    check_value(curve.roc_auc, compute(&in, "roc_auc"), "thinned curve", "area");
    mlp_meter_free(&meter);
}
END_TEST

START_TEST(matrix_as_scikit_learn)
{
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = sizeof(matrix_labels) / sizeof(*matrix_labels),
                                  .columns = 3,
                                  .n_classes = 3,
                                  .labels = matrix_labels,
                                  .weights = matrix_weights};
    struct mlp_meter *meter = NULL;

    ck_assert_int_eq(mlp_meter_new(&in, NULL, 0, MLP_METER_CONFUSION, &meter), MLP_OK);
    for (size_t again = 0; again < 2; again++) { /* reset clears the counts */
        mlp_meter_reset(meter);
        ck_assert_int_eq(mlp_meter_add(meter, matrix_p, in.rows), MLP_OK);
    }
    ck_assert_mem_eq(mlp_meter_confusion(meter), matrix_counts, sizeof(matrix_counts));
    for (size_t k = 0; k < 3; k++) {
        const double *want = matrix_scores + 4 * k;
        struct mlp_class_score got;

        mlp_meter_class(meter, k, &got);
        check_value(got.precision, want[0], "class", "precision");
        check_value(got.recall, want[1], "class", "recall");
        check_value(got.f1, want[2], "class", "f1");
        check_value(got.support, want[3], "class", "support");
    }
    mlp_meter_free(&meter);
    ck_assert_int_eq(mlp_meter_new(&in, NULL, 0, 0, &meter), MLP_OK);
    ck_assert_ptr_null(mlp_meter_confusion(meter));
    mlp_meter_free(&meter);
}
END_TEST

/* ---- by hand ------------------------------------------------------------------------- */

START_TEST(ties_go_to_the_lowest_class)
{
    /* a tie of 0 and 1 goes to 0; the second row is wrong, the third right */
    const float p[] = {0.4F, 0.4F, 0.2F, 0.5F, 0.25F, 0.25F, 0, 0.25F, 0.75F};
    const uint32_t labels[] = {1, 2, 2};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 3,
                                  .columns = 3,
                                  .n_classes = 3,
                                  .labels = labels,
                                  .p = p};

    check_value(compute(&in, "accuracy"), 1.0 / 3, "ties", "accuracy");
    check_value(compute(&in, "top_2"), 2.0 / 3, "ties", "top_2"); /* the 2 of row two is third */
    check_value(compute(&in, "top_3"), 1, "ties", "top_3");
    check_value(compute(&in, "log_loss"), -(log((double)0.4F) + log(0.25) + log(0.75)) / 3, "ties",
                "log_loss");
}
END_TEST

START_TEST(one_column_for_two_classes)
{
    const float p[] = {0.5F, 0.25F, 0.75F, 0.125F}, y[] = {1, 0, 0, 1};
    const uint32_t labels[] = {1, 0, 0, 1}; /* exactly one half chooses class 1 */
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 4,
                                  .columns = 1,
                                  .n_classes = 2,
                                  .labels = labels,
                                  .p = p};
    struct mlp_metric_input by_targets = in;

    by_targets.labels = NULL;
    by_targets.targets = y;
    check_value(compute(&in, "accuracy"), 0.5, "one column", "accuracy");
    check_value(compute(&in, "top_2"), 1, "one column", "top_2");
    for (size_t k = 0; k < MLP_METRICS; k++) {
        if (mlp_metric_applies((enum mlp_metric)k, MLP_OF_CLASSES)) {
            const char *name = mlp_metric_names()[k];

            ck_assert_double_eq(compute(&by_targets, name), compute(&in, name));
        }
    }
}
END_TEST

/* Shares as truth: the largest is the class; log_loss and brier use them all. */
START_TEST(truth_in_shares)
{
    const float p[] = {0.5F, 0.25F, 0.25F, 0.25F, 0.25F, 0.5F};
    const float shares[] = {0.5F, 0.5F, 0, 0, 0.25F, 0.75F};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 2,
                                  .columns = 3,
                                  .n_classes = 3,
                                  .targets = shares,
                                  .p = p};

    check_value(compute(&in, "accuracy"), 1, "shares", "accuracy");
    check_value(compute(&in, "log_loss"),
                -(0.5 * log(0.5) + 0.5 * log(0.25) + 0.25 * log(0.25) + 0.75 * log(0.5)) / 2,
                "shares", "log_loss");
    check_value(compute(&in, "brier"), (0.0625 + 0.0625 + 0.0625 + 0.0625) / 2, "shares",
                "brier");
}
END_TEST

/* Two labels are no two classes: the plain f1 is the mean of both. One half is chosen. */
START_TEST(two_labels)
{
    const float p[] = {0.5F, 0.25F, 0.75F, 0.5F}, y[] = {1, 1, 0, 1};
    struct mlp_metric_input in = {
        .kind = MLP_OF_LABELS, .rows = 2, .columns = 2, .targets = y, .p = p};

    check_value(compute(&in, "f1"), (2.0 / 3 + 2.0 / 3) / 2, "two labels", "f1");
    check_value(compute(&in, "precision"), (0.5 + 1) / 2, "two labels", "precision");
    check_value(compute(&in, "recall"), (1 + 0.5) / 2, "two labels", "recall");
    check_value(compute(&in, "accuracy"), 0, "two labels", "accuracy");
}
END_TEST

START_TEST(log_loss_is_clipped)
{
    const float p[] = {0, 1, 1, 0};
    const uint32_t right[] = {1, 0}, wrong[] = {0, 1};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 2,
                                  .columns = 2,
                                  .n_classes = 2,
                                  .labels = wrong,
                                  .p = p};

    check_value(compute(&in, "log_loss"), -log(2.220446049250313e-16), "clipped", "log_loss");
    in.labels = right;
    ck_assert_double_eq_tol(compute(&in, "log_loss"), 2.220446049250313e-16, 1e-17);
}
END_TEST

/* -0 and 0 are one score; a score below 0 is a score too. */
START_TEST(scores_of_both_signs)
{
    const float p[] = {-0.0F, 0, -1, 2, -1}, y[] = {1, 0, 0, 1, 1};
    struct mlp_metric_input in = {
        .kind = MLP_OF_LABELS, .rows = 5, .columns = 1, .targets = y, .p = p};

    /* pairs of 1 and 0: (-0,0) half, (-0,-1) and two of 2 right, (-1,0) wrong, (-1,-1) half */
    check_value(compute(&in, "roc_auc"), 4.0 / 6, "signs", "roc_auc");
}
END_TEST

static double in_tenths(const void *arg, size_t column, double y)
{
    const double *shift = arg;

    return y / 10 + shift[column];
}

START_TEST(numbers_in_their_own_units)
{
    const float y[] = {10, 1, 20, 2, 60, 6}, p[] = {10, 2, 30, 2, 60, 9};
    const double shift[] = {100, 0};
    struct mlp_metric_input in = {.kind = MLP_OF_NUMBERS,
                                  .rows = 3,
                                  .columns = 2,
                                  .targets = y,
                                  .decode = in_tenths,
                                  .decode_arg = shift};
    const enum mlp_metric which[] = {MLP_METRIC_MAE, MLP_METRIC_R2, MLP_METRIC_MAPE};
    struct mlp_meter *meter = NULL;

    ck_assert_int_eq(mlp_meter_new(&in, which, 3, 0, &meter), MLP_OK);
    ck_assert_int_eq(mlp_meter_add(meter, p, 3), MLP_OK);
    check_value(mlp_meter_read_column(meter, MLP_METRIC_MAE, 0).value, 1.0 / 3, "units", "mae");
    check_value(mlp_meter_read_column(meter, MLP_METRIC_MAE, 1).value, 0.4 / 3, "units", "mae");
    check_value(mlp_meter_read(meter, MLP_METRIC_MAE).value, 1.4 / 6, "units", "mae");
    check_value(mlp_meter_read_column(meter, MLP_METRIC_R2, 0).value, 1 - 1.0 / 14, "units", "r2");
    check_value(mlp_meter_read_column(meter, MLP_METRIC_MAPE, 0).value, 1.0 / 102 / 3, "units",
                "mape");
    ck_assert(isnan(mlp_meter_read_column(meter, MLP_METRIC_MAE, 2).value));
    ck_assert(isnan(mlp_meter_read(meter, MLP_METRIC_RMSE).value)); /* not made for it */
    mlp_meter_free(&meter);
}
END_TEST

/* The mean of three times 0.1 is off by a rounding: still a constant. */
START_TEST(a_constant_that_rounds)
{
    const float y[] = {1, 1, 1}, p[] = {1, 1, 2};
    const double shift[] = {0};
    struct mlp_metric_input in = {.kind = MLP_OF_NUMBERS,
                                  .rows = 3,
                                  .columns = 1,
                                  .targets = y,
                                  .p = y,
                                  .decode = in_tenths,
                                  .decode_arg = shift};

    ck_assert((0.1 + 0.1 + 0.1) / 3 != 0.1);
    ck_assert_double_eq(compute(&in, "r2"), 1);
    ck_assert_double_eq(compute(&in, "explained_variance"), 1);
    in.p = p;
    ck_assert_double_eq(compute(&in, "r2"), 0);
    ck_assert_double_eq(compute(&in, "explained_variance"), 0);
}
END_TEST

START_TEST(tau_is_one_half)
{
    const float y[] = {1, 2}, p[] = {0, 5};
    struct mlp_metric_input in = {
        .kind = MLP_OF_NUMBERS, .rows = 2, .columns = 1, .targets = y, .p = p};

    check_value(compute(&in, "pinball"), (0.5 + 1.5) / 2, "no tau", "pinball");
}
END_TEST

/* A number of weight 0 may be anything. */
START_TEST(a_row_of_weight_0)
{
    const float y[] = {1, 2, -1e30F, 4}, p[] = {1.5F, 2, -1, 3}, w[] = {1, 1, 0, 1};
    const float kept_y[] = {1, 2, 4}, kept_p[] = {1.5F, 2, 3};
    struct mlp_metric_input in = {.kind = MLP_OF_NUMBERS,
                                  .rows = 4,
                                  .columns = 1,
                                  .targets = y,
                                  .weights = w,
                                  .p = p,
                                  .power = 1};
    struct mlp_metric_input kept = {.kind = MLP_OF_NUMBERS,
                                    .rows = 3,
                                    .columns = 1,
                                    .targets = kept_y,
                                    .p = kept_p,
                                    .power = 1};

    for (size_t k = 0; k < MLP_METRICS; k++) {
        if (mlp_metric_applies((enum mlp_metric)k, MLP_OF_NUMBERS)) {
            const char *name = mlp_metric_names()[k];
            double want = compute(&kept, name);

            ck_assert(isfinite(want));
            check_value(compute(&in, name), want, "a row of weight 0", name);
        }
    }
}
END_TEST

/* A class whose rows have weight 0: it is one of the classes that macro averages count, and
 * not one that balanced_accuracy does; a ranking misses it. */
START_TEST(a_class_of_weight_0)
{
    const float p[] = {0.75F, 0.25F, 0, 0.25F, 0.75F, 0, 0, 0.25F, 0.75F}, w[] = {1, 1, 0};
    const uint32_t labels[] = {0, 1, 2};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = 3,
                                  .columns = 3,
                                  .n_classes = 3,
                                  .labels = labels,
                                  .weights = w,
                                  .p = p};

    check_value(compute(&in, "balanced_accuracy"), 1, "weight 0", "balanced_accuracy");
    check_value(compute(&in, "recall_macro"), 2.0 / 3, "weight 0", "recall_macro");
    check_value(compute(&in, "recall_weighted"), 1, "weight 0", "recall_weighted");
    check_value(compute(&in, "roc_auc"), (double)NAN, "weight 0", "roc_auc");
}
END_TEST

START_TEST(names_and_directions)
{
    static const char *const lower[] = {"log_loss", "brier", "mse",     "rmse",   "mae",
                                        "median_ae", "mape",  "rmsle", "pinball", "deviance"};
    enum mlp_metric which;
    size_t n = 0, n_lower = 0;

    for (; mlp_metric_names()[n] != NULL; n++) {
        bool is_lower = false;

        ck_assert(mlp_metric_parse(mlp_metric_names()[n], &which) && (size_t)which == n);
        for (size_t k = 0; k < sizeof(lower) / sizeof(*lower); k++) {
            is_lower |= strcmp(lower[k], mlp_metric_names()[n]) == 0;
        }
        ck_assert(mlp_metric_higher_is_better(which) == !is_lower);
        n_lower += is_lower;
        ck_assert(mlp_metric_applies(which, MLP_OF_NUMBERS) !=
                  mlp_metric_applies(which, MLP_OF_CLASSES));
    }
    ck_assert_uint_eq(n, MLP_METRICS);
    ck_assert_uint_eq(n_lower, sizeof(lower) / sizeof(*lower));
    ck_assert(!mlp_metric_parse("loss", &which) && !mlp_metric_parse("", &which));
    ck_assert(mlp_metric_applies(MLP_METRIC_F1, MLP_OF_LABELS));
    ck_assert(!mlp_metric_applies(MLP_METRIC_MCC, MLP_OF_LABELS));
}
END_TEST

/* Many rows: the sort, against the definition by pairs. */
START_TEST(many_ranks)
{
    enum { ROWS = 3000 };
    float *p = calloc(ROWS, sizeof(*p)), *w = calloc(ROWS, sizeof(*w));
    uint32_t *labels = calloc(ROWS, sizeof(*labels));
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES,
                                  .rows = ROWS,
                                  .columns = 1,
                                  .n_classes = 2,
                                  .labels = labels,
                                  .weights = w,
                                  .p = p};
    double pairs = 0, all = 0;
    uint32_t state = 1;

    ck_assert(p != NULL && w != NULL && labels != NULL);
    for (size_t i = 0; i < ROWS; i++) {
        state = state * 1664525 + 1013904223;
        p[i] = (float)(state >> 8) / (i % 3 == 0 ? 0x1p24F : 0x1p36F); /* near 0 too */
        p[i] = i % 5 == 0 ? 0.25F : p[i];
        labels[i] = state >> 30 == 0;
        w[i] = (float)(i % 4);
    }
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < ROWS && labels[i] == 1; k++) {
            double both = labels[k] == 0 ? (double)w[i] * (double)w[k] : 0;

            all += both;
            pairs += both * (p[i] > p[k] ? 1 : p[i] == p[k] ? 0.5 : 0);
        }
    }
    check_value(compute(&in, "roc_auc"), pairs / all, "many", "roc_auc");
    free(p);
    free(w);
    free(labels);
}
END_TEST

int main(void)
{
    enum { CASES = sizeof(golden_cases) / sizeof(*golden_cases) };
    Suite *s = suite_create("mlp_metrics");
    TCase *c = tcase_create("metrics");

    tcase_add_loop_test(c, as_scikit_learn, 0, CASES);
    tcase_add_loop_test(c, slices_cannot_be_seen, 0, CASES);
    tcase_add_test(c, curves_as_scikit_learn);
    tcase_add_test(c, matrix_as_scikit_learn);
    tcase_add_test(c, ties_go_to_the_lowest_class);
    tcase_add_test(c, one_column_for_two_classes);
    tcase_add_test(c, truth_in_shares);
    tcase_add_test(c, two_labels);
    tcase_add_test(c, log_loss_is_clipped);
    tcase_add_test(c, scores_of_both_signs);
    tcase_add_test(c, numbers_in_their_own_units);
    tcase_add_test(c, a_constant_that_rounds);
    tcase_add_test(c, tau_is_one_half);
    tcase_add_test(c, a_row_of_weight_0);
    tcase_add_test(c, a_class_of_weight_0);
    tcase_add_test(c, names_and_directions);
    tcase_add_test(c, many_ranks);
    suite_add_tcase(s, c);
    return help_run(s);
}
