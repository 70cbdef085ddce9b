/* The judge of classes against numbers worked out by hand, and against the core's own metrics. */
#include "judge_help.h"

START_TEST(three_classes_by_hand)
{
    /* Scores grow with the class's distance: x < 0 says 0, x = 0 is a tie, x > 0 says 2. */
    const float weights[] = {-2, 0, 2}, bias[] = {0, 0, 0};
    const double table[] = {-1, 10, -1, 20, 1, 30, 1, 30, 0, 20};
    const float x[] = {-1, -1, 1, 1, 0};
    const uint32_t labels[] = {0, 1, 2, 2, 1};
    struct encoder *encoder = make_encoder(table, 5, 1, true, false);
    struct mlp_net *net = make_net(3, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, weights, bias);
    struct mlp_data data = {.rows = 5, .x = x, .labels = labels};
    struct judged judged = judge_it(net, encoder, &data);
    const double all = exp(-2) + 1 + exp(2);
    const double loss = (-log(exp(2) / all) * 3 - log(1 / all) - log(1.0 / 3)) / 5;

    check_number(judged.metrics_json, "accuracy", 0.6);
    check_number(judged.metrics_json, "log_loss", loss);
    check_number(judged.metrics_json, "loss", loss);
    check_text(judged.evaluation_json, "split", "test");
    check_text(judged.evaluation_json, "type", "classes");
    check_number(judged.evaluation_json, "rows", 5);
    check_text(judged.evaluation_json, "labels.0", "10");
    check_text(judged.evaluation_json, "labels.2", "30");
    check_number(judged.evaluation_json, "confusion_matrix.0.0", 1);
    check_number(judged.evaluation_json, "confusion_matrix.1.0", 2); /* the tie too: lowest */
    check_number(judged.evaluation_json, "confusion_matrix.1.1", 0);
    check_number(judged.evaluation_json, "confusion_matrix.2.2", 2);
    check_text(judged.evaluation_json, "per_class.0.label", "10");
    check_number(judged.evaluation_json, "per_class.0.precision", 1.0 / 3);
    check_number(judged.evaluation_json, "per_class.0.recall", 1);
    check_number(judged.evaluation_json, "per_class.0.f1", 0.5);
    check_number(judged.evaluation_json, "per_class.1.precision", 0); /* 0 of 0 */
    check_number(judged.evaluation_json, "per_class.1.recall", 0);
    check_number(judged.evaluation_json, "per_class.1.f1", 0);
    check_number(judged.evaluation_json, "per_class.1.support", 2);
    check_number(judged.evaluation_json, "per_class.0.predicted", 3);
    check_number(judged.evaluation_json, "per_class.1.predicted", 0);
    check_number(judged.evaluation_json, "per_class.2.predicted", 2);
    ck_assert_ptr_null(strstr(judged.evaluation_json, "\"positive\":"));
    /* 30 against the rest: both of it score above all others; 10: its one row is a tie of two */
    check_number(judged.evaluation_json, "per_class.2.roc.auc", 1);
    check_number(judged.evaluation_json, "per_class.0.roc.auc", 3.5 / 4);
    check_number(judged.evaluation_json, "per_class.0.roc.points.1.fpr", 0.25);
    check_number(judged.evaluation_json, "per_class.0.roc.points.1.threshold", exp(2) / all);
    check_number(judged.evaluation_json, "per_class.0.thresholds.positives", 1);
    check_number(judged.evaluation_json, "per_class.0.thresholds.negatives", 4);
    check_number(judged.evaluation_json, "per_class.0.thresholds.points.1.threshold",
                 exp(2) / all);
    check_number(judged.evaluation_json, "per_class.0.thresholds.points.1.tp", 1);
    check_number(judged.evaluation_json, "per_class.0.thresholds.points.1.fp", 1);
    check_number(judged.evaluation_json, "per_class.0.thresholds.points.1.tn", 3);
    check_number(judged.evaluation_json, "per_class.0.thresholds.points.1.fn", 0);
    check_number(judged.evaluation_json, "per_class.0.precision_recall.average_precision", 0.5);
    check_number(judged.evaluation_json, "per_class.0.precision_recall.points.1.recall", 1);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* One sigmoid output, against the same question to two softmax outputs. */
START_TEST(two_classes_by_hand)
{
    const float w1[] = {1}, b1[] = {0}, w2[] = {0, 1}, b2[] = {0, 0};
    const double table[] = {0, 0, 0, 1};
    /* Scores: 4+, 3-, 2+ and 2-, 1+, -1- */
    const float x[] = {4, 3, 2, 2, 1, -1}, y[] = {1, 0, 1, 0, 1, 0};
    const uint32_t labels[] = {1, 0, 1, 0, 1, 0};
    struct encoder *encoder = make_encoder(table, 2, 1, true, false);
    struct mlp_net *one = make_net(1, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, w1, b1);
    struct mlp_net *two = make_net(2, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, w2, b2);
    struct mlp_data one_data = {.rows = 6, .x = x, .targets = y};
    struct mlp_data two_data = {.rows = 6, .x = x, .labels = labels};
    struct judged a = judge_it(one, encoder, &one_data), b = judge_it(two, encoder, &two_data);
    struct judged *both[] = {&a, &b};
    size_t i;

    for (i = 0; i < 2; i++) {
        const char *e = both[i]->evaluation_json;

        check_number(both[i]->metrics_json, "accuracy", 4.0 / 6);
        check_number(e, "confusion_matrix.0.1", 2);
        check_text(e, "positive", "1");
        /* Pairs in order: 3 + 1.5 + 1 of 9. */
        check_number(e, "roc.auc", 5.5 / 9);
        check_number(e, "roc.points.0.tpr", 0);
        check_number(e, "roc.points.1.tpr", 1.0 / 3);
        check_number(e, "roc.points.1.fpr", 0);
        check_number(e, "roc.points.1.threshold", 1 / (1 + exp(-4)));
        check_number(e, "roc.points.3.tpr", 2.0 / 3);
        check_number(e, "roc.points.3.fpr", 2.0 / 3);
        check_number(e, "roc.points.5.tpr", 1);
        check_number(e, "roc.points.5.fpr", 1);
        ck_assert_uint_eq(count_points(e, "roc"), 6);
        check_number(e, "threshold", 0.5);
        check_number(e, "per_class.0.predicted", 1);
        check_number(e, "per_class.1.predicted", 5);
        check_number(e, "thresholds.positives", 3);
        check_number(e, "thresholds.negatives", 3);
        check_number(e, "thresholds.points.0.tp", 0);
        check_number(e, "thresholds.points.0.tn", 3);
        check_number(e, "thresholds.points.3.tp", 2);
        check_number(e, "thresholds.points.3.fp", 2);
        check_number(e, "thresholds.points.3.tn", 1);
        check_number(e, "thresholds.points.3.fn", 1);
        check_number(e, "precision_recall.average_precision",
                     (1.0 + 2.0 / 4 + 3.0 / 5) / 3);
        check_number(e, "precision_recall.points.0.precision", 1);
        check_number(e, "precision_recall.points.3.precision", 0.5);
        judged_fini(both[i]);
    }
    mlp_net_free(&one);
    mlp_net_free(&two);
    encoder_free(&encoder);
}
END_TEST

START_TEST(metrics_that_are_asked_for)
{
    static const char *const asked[] = {"f1_macro", "accuracy", "top_2", "rmse", "roc_auc"};
    const float weights[] = {-2, 0, 2}, bias[] = {0, 0, 0};
    const double table[] = {-1, 10, 1, 20, 1, 30};
    const float x[] = {-1, 1, 1};
    const uint32_t labels[] = {0, 2, 2};
    struct encoder *encoder = make_encoder(table, 3, 1, true, false);
    struct mlp_net *net = make_net(3, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, weights, bias);
    struct mlp_data data = {.rows = 3, .x = x, .labels = labels};
    struct judged judged = judge_more(net, encoder, &data, asked, 5);

    /* those that are always there come first, none twice; rmse is of numbers */
    ck_assert_ptr_nonnull(strstr(judged.metrics_json, "{\"loss\":"));
    ck_assert(strstr(judged.metrics_json, "\"log_loss\"") <
              strstr(judged.metrics_json, "\"f1_macro\""));
    ck_assert(strstr(judged.metrics_json, "\"accuracy\"") <
              strstr(judged.metrics_json, "\"log_loss\""));
    ck_assert_ptr_null(strstr(judged.metrics_json, "rmse"));
    check_number(judged.metrics_json, "f1_macro", 1);
    check_number(judged.metrics_json, "top_2", 1);
    ck_assert_ptr_nonnull(strstr(judged.metrics_json, "\"roc_auc\":null"));
    check_text(judged.metrics_json, "notes.roc_auc", "a class has no rows");
    ck_assert_ptr_nonnull(strstr(judged.evaluation_json, "\"roc\":null")); /* of that class */
    check_number(judged.evaluation_json, "per_class.0.roc.auc", 1);
    judged_fini(&judged);
    judged = judge_more(net, encoder, &data, asked, 3);
    ck_assert_ptr_null(strstr(judged.metrics_json, "notes"));
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* Up to JUDGE_MAX_CURVES classes there are curves; beyond, only the areas that are asked for. */
START_TEST(many_classes_have_no_curves)
{
    enum { MOST = JUDGE_MAX_CURVES + 1 };
    static const char *const asked[] = {"roc_auc"};
    size_t n = (size_t)_i;
    float weights[MOST], bias[MOST], x[MOST];
    double table[2 * MOST];
    uint32_t labels[MOST], k;
    struct mlp_data data = {.rows = n, .x = x, .labels = labels};
    struct encoder *encoder;
    struct mlp_net *net;
    struct judged judged;

    for (k = 0; k < n; k++) { /* 2 k x - k^2 is the largest for the k nearest to x */
        weights[k] = 2 * (float)k;
        bias[k] = -(float)(k * k);
        x[k] = (float)k;
        labels[k] = k;
        table[2 * k] = table[2 * k + 1] = k;
    }
    encoder = make_encoder(table, n, 1, true, false);
    net = make_net(n, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, weights, bias);
    judged = judge_more(net, encoder, &data, asked, 1);
    check_number(judged.metrics_json, "accuracy", 1);
    check_number(judged.metrics_json, "roc_auc", 1);
    check_number(judged.evaluation_json, "confusion_matrix.19.19", 1);
    ck_assert((strstr(judged.evaluation_json, "roc") != NULL) == (n <= JUDGE_MAX_CURVES));
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

START_TEST(curves_have_limits)
{
    ck_assert(judge_has_curves(2, 1, SIZE_MAX) && judge_has_curves(2, 2, SIZE_MAX));
    ck_assert(judge_has_curves(20, 20, 838860) && !judge_has_curves(20, 20, 838861));
    ck_assert(judge_has_curves(0, 16, 1u << 20) && !judge_has_curves(0, 16, (1u << 20) + 1));
    ck_assert(!judge_has_curves(21, 21, 1));
}
END_TEST

/* Sample weights and offsets: 3 rows, of which one counts 2 and one nothing. */
START_TEST(rows_by_their_weights)
{
    static const char *const asked[] = {"recall_weighted"};
    const float w[] = {-2, 0, 2}, bias[] = {0, 0, 0};
    const double table[] = {-1, 10, 1, 20, 1, 30};
    const float x[] = {-1, 1, 1}, weights[] = {2, 0, 0.5f}, offset[] = {0, 0, -100};
    const uint32_t labels[] = {0, 1, 1};
    struct encoder *encoder = make_encoder(table, 3, 1, true, false);
    struct mlp_net *net = make_net(3, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, w, bias);
    struct mlp_data data = {.rows = 3, .x = x, .labels = labels, .weights = weights};
    struct judged judged = judge_more(net, encoder, &data, asked, 1);

    check_number(judged.metrics_json, "accuracy", 2 / 2.5);
    check_number(judged.metrics_json, "recall_weighted", 2 / 2.5);
    ck_assert_ptr_nonnull(strstr(judged.evaluation_json, "\"confusion_matrix\":[[2,0,0],"
                                                         "[0,0,0.5],[0,0,0]]"));
    check_number(judged.evaluation_json, "per_class.1.support", 0.5);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);

    /* numbers: an offset goes to each row's z; 0 + offset is the answer */
    encoder = make_encoder(table, 3, 1, false, false);
    net = make_net(1, MLP_OUT_IDENTITY, MLP_MSE, bias, bias);
    data = (struct mlp_data){
        .rows = 3, .x = x, .targets = bias, .weights = weights, .offset = offset};
    judged = judge_more(net, encoder, &data, NULL, 0);
    check_number(judged.metrics_json, "mae", 0.5 * 100 / 2.5);
    check_number(judged.evaluation_json, "targets.0.sample.2.predicted", -100);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* Shares of classes: the target's columns are the classes. */
START_TEST(shares_of_classes)
{
    const float w[] = {-2, 0, 2}, bias[] = {0, 0, 0};
    const double table[] = {0, 1, 0, 0, 1, 0, 1, 0, 2, 0, 0, 1};
    const float x[] = {-1, 1}, shares[] = {0.75f, 0.25f, 0, 0, 0.5f, 0.5f};
    const double all = exp(-2) + 1 + exp(2), first = 2 - log(all), middle = -log(all);
    struct encoder *encoder = make_encoder(table, 3, 3, false, false);
    struct mlp_net *net = make_net(3, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, w, bias);
    struct mlp_data data = {.rows = 2, .x = x, .targets = shares};
    struct judged judged = judge_it(net, encoder, &data);

    check_text(judged.evaluation_json, "type", "classes");
    check_text(judged.evaluation_json, "labels.2", "t2");
    check_number(judged.metrics_json, "accuracy", 0.5);
    check_number(judged.metrics_json, "log_loss",
                 -(0.75 * first + 0.25 * middle + 0.5 * middle + 0.5 * first) / 2);
    check_number(judged.metrics_json, "loss", house_number(judged.metrics_json, "log_loss"));
    check_number(judged.evaluation_json, "confusion_matrix.1.2", 1);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

START_TEST(one_class_only_has_no_curves)
{
    const float w[] = {1}, b[] = {0}, x[] = {1, 2}, y[] = {1, 1};
    const double table[] = {0, 0, 0, 1};
    struct encoder *encoder = make_encoder(table, 2, 1, true, false);
    struct mlp_net *net = make_net(1, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, w, b);
    struct mlp_data data = {.rows = 2, .x = x, .targets = y};
    struct judged judged = judge_it(net, encoder, &data);

    ck_assert_ptr_nonnull(strstr(judged.evaluation_json, "\"roc\":null"));
    ck_assert_ptr_nonnull(strstr(judged.evaluation_json, "\"precision_recall\":null"));
    check_number(judged.metrics_json, "accuracy", 1);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

/* Many rows: slices, thinning, and the core's own metrics as the witness. */
START_TEST(many_rows_agree_with_the_core)
{
    enum { ROWS = 5000 };
    const float w[] = {0.7f}, b[] = {-0.2f};
    const double table[] = {0, 0, 0, 1};
    struct encoder *encoder = make_encoder(table, 2, 1, true, false);
    struct mlp_net *net = make_net(1, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, w, b);
    float *x = xcalloc(ROWS, sizeof *x), *y = xcalloc(ROWS, sizeof *y);
    float *p = xcalloc(ROWS, sizeof *p);
    uint32_t *labels = xcalloc(ROWS, sizeof *labels);
    struct mlp_data data = {.rows = ROWS, .x = x, .targets = y};
    struct mlp_metric_input in = {.kind = MLP_OF_CLASSES, .rows = ROWS, .columns = 1,
                                  .n_classes = 2, .labels = labels, .p = p};
    const enum mlp_metric which[] = {MLP_METRIC_ACCURACY, MLP_METRIC_LOG_LOSS};
    struct mlp_workspace *ws = NULL;
    struct mlp_meter *meter = NULL;
    const double *confusion;
    struct judged judged;
    double auc = 0;
    size_t i, k, positives = 0;

    for (i = 0; i < ROWS; i++) {
        x[i] = (float)((i * 7919) % ROWS) / ROWS * 6 - 3; /* all different */
        labels[i] = (i * 31) % 97 < 30 + (x[i] > 0) * 30;
        y[i] = (float)labels[i];
        positives += labels[i];
    }
    ck_assert_int_eq(mlp_workspace_new(net, 64, &ws), MLP_OK);
    ck_assert_int_eq(mlp_predict(net, ws, x, ROWS, p), MLP_OK);
    ck_assert_int_eq(mlp_meter_new(&in, which, 2, MLP_METER_CONFUSION, &meter), MLP_OK);
    ck_assert_int_eq(mlp_meter_add(meter, p, ROWS), MLP_OK);
    confusion = mlp_meter_confusion(meter);
    judged = judge_it(net, encoder, &data);
    check_number(judged.metrics_json, "accuracy", mlp_meter_read(meter, which[0]).value);
    check_number(judged.metrics_json, "log_loss", mlp_meter_read(meter, which[1]).value);
    check_number(judged.evaluation_json, "confusion_matrix.0.0", confusion[0]);
    check_number(judged.evaluation_json, "confusion_matrix.0.1", confusion[1]);
    check_number(judged.evaluation_json, "confusion_matrix.1.0", confusion[2]);
    check_number(judged.evaluation_json, "confusion_matrix.1.1", confusion[3]);
    mlp_meter_free(&meter);
    for (i = 0; i < ROWS; i++) { /* the definition: pairs in the right order */
        for (k = 0; labels[i] == 1 && k < ROWS; k++) {
            if (labels[k] == 0) {
                auc += p[i] > p[k] ? 1 : p[i] == p[k] ? 0.5 : 0;
            }
        }
    }
    check_number(judged.evaluation_json, "roc.auc",
                 auc / (double)positives / (double)(ROWS - positives));
    ck_assert_uint_eq(count_points(judged.evaluation_json, "roc"), JUDGE_MAX_POINTS);
    check_number(judged.evaluation_json, "roc.points.199.tpr", 1);
    check_number(judged.evaluation_json, "roc.points.199.fpr", 1);
    judged_fini(&judged);
    mlp_workspace_free(&ws);
    free(x);
    free(y);
    free(p);
    free(labels);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

START_TEST(curves_of_each_class_are_thinned)
{
    enum { ROWS = 3 * JUDGE_REST_POINTS };
    const float weights[] = {-1, 0, 1}, bias[] = {0, 0, 0};
    const double table[] = {0, 0, 0, 1, 0, 2};
    float x[ROWS];
    uint32_t labels[ROWS];
    struct encoder *encoder = make_encoder(table, 3, 1, true, false);
    struct mlp_net *net = make_net(3, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, weights, bias);
    struct mlp_data data = {.rows = ROWS, .x = x, .labels = labels};
    struct judged judged;
    size_t i;

    for (i = 0; i < ROWS; i++) {
        x[i] = (float)i / ROWS * 4 - 2;
        labels[i] = i % 3;
    }
    judged = judge_it(net, encoder, &data);
    ck_assert_uint_eq(count_points(judged.evaluation_json, "per_class.2.roc"), JUDGE_REST_POINTS);
    ck_assert_uint_eq(count_points(judged.evaluation_json, "per_class.0.precision_recall"),
                      JUDGE_REST_POINTS);
    check_number(judged.evaluation_json, "per_class.2.roc.points.99.tpr", 1);
    judged_fini(&judged);
    mlp_net_free(&net);
    encoder_free(&encoder);
}
END_TEST

int main(void)
{
    TCase *classes = tcase_create("classes");
    TCase *cases[] = {classes};
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
    }
    tcase_add_test(classes, three_classes_by_hand);
    tcase_add_test(classes, two_classes_by_hand);
    tcase_add_test(classes, metrics_that_are_asked_for);
    tcase_add_loop_test(classes, many_classes_have_no_curves, JUDGE_MAX_CURVES,
                        JUDGE_MAX_CURVES + 2);
    tcase_add_test(classes, curves_have_limits);
    tcase_add_test(classes, rows_by_their_weights);
    tcase_add_test(classes, shares_of_classes);
    tcase_add_test(classes, one_class_only_has_no_curves);
    tcase_add_test(classes, many_rows_agree_with_the_core);
    tcase_add_test(classes, curves_of_each_class_are_thinned);
    return house_run("judge", cases, ARRAY_LEN(cases));
}
