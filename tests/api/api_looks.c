/* What a page asks of a model to look into it: one row's trace with every number in its place, and
 * what cannot be had said as it is.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"

static struct daemon d;
static int64_t iris, mixed; /* models */

#define ROW      "[5.1, 3.5, 1.4, 0.2]"
#define LABELLED "[5.1, 3.5, 1.4, 0.2, 'setosa']"

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    upload_example("iris");
    iris = trained(
        train("{'name': 'iris', 'data': {'dataset': 'iris', 'target': 'species'}, "
              "'architecture': {'hidden': [{'units': 5, 'activation': 'tanh', "
              "'layer_norm': true}, {'units': 5, 'activation': 'relu', 'residual': "
              "true, 'dropout': 0.2}]}, 'preset': 'simple', 'training': {'seed': 1, 'epochs': 20, "
              "'early_stopping': {'monitor': 'validation_accuracy', 'patience': 99}}}"));
    mixed = trained(
        train("{'data': {'x': [[1,'a'],[2,'b'],[3,'a'],[4,'c'],[5,'b'],[7,'c']], 'y': "
              "[1,2.5,3,4,5,6], 'features': ['size', 'kind']}, 'preprocess': "
              "{'columns': {'kind': {'categorical': 'embedding', 'width': 3}}}, 'architecture': "
              "{'hidden': [1100]}, "
              "'preset': 'simple', 'training': {'seed': 1, 'epochs': 2}}"));
}

static void stop(void)
{
    daemon_retire(&d);
}

static struct reply *trace(int64_t model, const char *rows, const char *query)
{
    return http_post(q("{'instances': [%s]}", rows), "/models/%lld/trace%s", (long long)model,
                     query);
}

static double item(const struct reply *r, const char *list, size_t i)
{
    return num(r, text("%s/%zu", list, i));
}

static void near(double a, double b)
{
    ck_assert_msg(fabs(a - b) <= 1e-5 * fmax(1, fabs(b)), "%.9g, not %.9g", a, b);
}

/* The chain rule as the contract tells it, with the answer's own numbers. */
START_TEST(numbers_fit_together)
{
    struct reply *r = want(trace(iris, LABELLED, ""), 200);

    ck_assert_uint_eq(length(r, "/layers"), 3);
    for (size_t k = 0; k < 3; k++) {
        char *layer = text("/layers/%zu", k);
        char *before = k == 0 ? text("/inputs") : text("/layers/%zu", k - 1);
        size_t in = (size_t)integer(r, text("%s/inputs", layer));
        size_t units = (size_t)integer(r, text("%s/units", layer));
        bool norm = !is_null(r, text("%s/y", layer));
        bool residual = k == 1;

        for (size_t j = 0; j < units; j++) {
            double z = item(r, text("%s/b", layer), j);
            double through =
                item(r, text("%s/delta_a", layer), j) * item(r, text("%s/derivative", layer), j);

            for (size_t i = 0; i < in; i++) {
                double a = item(r, text("%s/a", before), i);

                z += a * item(r, text("%s/W/%zu", layer, i), j);
                near(item(r, text("%s/dW/%zu", layer, i), j),
                     a * item(r, text("%s/delta", layer), j));
            }
            near(item(r, text("%s/z", layer), j), z);
            near(item(r, text(norm ? "%s/delta_y" : "%s/delta", layer), j), through);
            near(item(r, text("%s/db", layer), j), item(r, text("%s/delta", layer), j));
        }
        for (size_t i = 0; i < in; i++) { /* what goes back to the layer before */
            double back = residual ? item(r, text("%s/delta_a", layer), i) : 0;

            for (size_t j = 0; j < units; j++) {
                back +=
                    item(r, text("%s/W/%zu", layer, i), j) * item(r, text("%s/delta", layer), j);
            }
            near(item(r, text(k == 0 ? "%s/delta" : "%s/delta_a", before), i), back);
        }
    }
    near(num(r, "/loss/value"), -log(num(r, "/output/p/0")));
    near(item(r, "/layers/2/delta", 0), num(r, "/output/p/0") - 1);
    near(item(r, "/layers/2/delta", 1), num(r, "/output/p/1"));
    ck_assert_str_eq(str(r, "/loss/truth/label"), "setosa");
    want_same(canonical(at(r, "/loss/target")), "[1,0,0]");
}
END_TEST

START_TEST(stages_are_named)
{
    struct reply *r = want(trace(iris, LABELLED, ""), 200);

    want_same(canonical(at(r, "/layers/0/stages")), "[\"linear\",\"layer_norm\",\"tanh\"]");
    want_same(canonical(at(r, "/layers/1/stages")), "[\"linear\",\"relu\",\"residual\"]");
    want_same(canonical(at(r, "/layers/1/left_out")), "[\"dropout\"]");
    want_same(canonical(at(r, "/layers/2/stages")), "[\"linear\"]");
    ck_assert_str_eq(str(r, "/layers/2/name"), "output");
    want_same(canonical(at(r, "/output/names")), "[\"setosa\",\"versicolor\",\"virginica\"]");
    ck_assert_str_eq(str(r, "/inputs/names/2"), "petal_length");
}
END_TEST

/* Whatever form the row has, and as predict answers it. */
START_TEST(every_form_of_a_row)
{
    struct reply *r = want(trace(iris, LABELLED, ""), 200), *other;
    struct reply *p = want(
        http_post(q("{'instances': [" ROW "]}"), "/models/%lld/predict", (long long)iris), 200);
    const char *head = "sepal_length,sepal_width,petal_length,petal_width";
    char *csv;
    size_t len;

    want_same(canonical(at(r, "/prediction")), canonical(at(p, "/predictions/0")));
    other = want(trace(iris,
                       "{'sepal_length': 5.1, 'sepal_width': 3.5, 'petal_length': 1.4, "
                       "'petal_width': 0.2, 'species': 'setosa'}",
                       ""),
                 200);
    want_same(other->body, r->body);
    other = want(http_csv(text("%s,species\n5.1,3.5,1.4,0.2,setosa\n", head), "/models/iris/trace"),
                 200);
    want_same(other->body, r->body);
    /* the truth is seen behind a mark, and in a packed table */
    csv = text("\xef\xbb\xbfspecies,%s\rsetosa,5.1,3.5,1.4,0.2", head);
    other = want(http_csv(csv, "/models/iris/trace"), 200);
    want_same(other->body, r->body);
    csv = body_gzip(csv, strlen(csv), &len);
    other = want(body_post("/models/iris/trace", "text/csv", csv, len), 200);
    want_same(other->body, r->body);
    /* and a cell is no header */
    other = want(http_csv("size,kind\r2,y", "/models/%lld/trace", (long long)mixed), 200);
    ck_assert(is_null(other, "/loss"));
    other = want(trace(iris, ROW, ""), 200);
    ck_assert(is_null(other, "/loss"));
    ck_assert(is_null(other, "/layers/0/dW"));
    ck_assert(is_null(other, "/layers/0/delta"));
    ck_assert(is_null(other, "/inputs/delta"));
    want_same(canonical(at(other, "/layers/1/a")), canonical(at(r, "/layers/1/a")));
    r = want(http_csv(text("%s\n5.1,3.5,1.4,0.2\n", head), "/models/iris/trace"), 200);
    want_same(other->body, r->body);
}
END_TEST

/* What is wide is cut and says so; a unit can be asked for. */
START_TEST(wide_layers)
{
    struct reply *r = want(trace(mixed, "[2, 'b', 2.5]", ""), 200);

    ck_assert_int_ge(integer(r, "/inputs/size"), 4); /* more than 4,096 weights */
    ck_assert(!truth(r, "/layers/0/weights_shown"));
    ck_assert(is_null(r, "/layers/0/W"));
    ck_assert(is_null(r, "/layers/0/dW"));
    ck_assert_int_eq(integer(r, "/layers/0/units"), 1100);
    ck_assert_int_eq(integer(r, "/layers/0/shown"), 1024);
    ck_assert_uint_eq(length(r, "/layers/0/a"), 1024);
    ck_assert(truth(r, "/layers/1/weights_shown"));
    ck_assert_uint_eq(length(r, "/layers/1/W"), 1100);
    ck_assert(is_null(r, "/unit"));
    ck_assert_str_eq(str(r, "/inputs/names/1"), "kind (embedded 1)");
    ck_assert_str_eq(str(r, "/inputs/features/1"), "kind");
    near(num(r, "/loss/truth/values/y"), 2.5);
    r = want(trace(mixed, "[2, 'b', 2.5]", "?layer=0&unit=1099"), 200);
    ck_assert_uint_eq(length(r, "/unit/W/0"), (size_t)integer(r, "/inputs/size"));
    ck_assert_uint_eq(length(r, "/unit/next/W"), 1);
    near(item(r, "/unit/next/W", 0), num(r, "/layers/1/W/1099/0"));
    r = want(trace(mixed, "[2, 'b', 2.5]", "?layer=1&unit=0&from=1090"), 200);
    ck_assert_uint_eq(length(r, "/unit/W/0"), 10);
    near(item(r, "/unit/W/0", 9), num(r, "/layers/1/W/1099/0"));
    ck_assert(is_null(r, "/unit/next"));
}
END_TEST

START_TEST(refusals_of_a_trace)
{
    want_problem(trace(iris, LABELLED ", " LABELLED, ""), 422, "/instances", "one row");
    want_problem(trace(iris, "[5.1, 3.5, 1.4]", ""), 422, "/instances/0", "must have 4 values");
    want_problem(trace(iris, "[5.1, 3.5, 1.4, 0.2, 'tulip']", ""), 422, "/instances/0/species",
                 "no class");
    want_problem(trace(iris, LABELLED, "?layer=3&unit=0"), 400, "/layer", "from 0 to 2");
    want_problem(trace(iris, LABELLED, "?layer=2&unit=3"), 400, "/unit", "from 0 to 2");
    want_problem(trace(iris, LABELLED, "?layer=2"), 400, "/unit", "missing");
    want_problem(trace(iris, LABELLED, "?layr=2"), 400, "/layr", "layer");
    want_problem(trace(999999, LABELLED, ""), 404, NULL, "no model");
}
END_TEST

/* What a histogram says of numbers is true of the numbers themselves. */
static void check_part(const struct reply *r, const char *part, json_t *const *values, size_t n)
{
    size_t bins = length(r, text("%s/counts", part)), counted = 0, bin, i;
    double low = INFINITY, high = -INFINITY, mean = 0, squares = 0;

    ck_assert_uint_eq(length(r, text("%s/edges", part)), bins + 1);
    ck_assert_int_eq(integer(r, text("%s/count", part)), (int64_t)n);
    for (i = 0; i < n; i++) {
        double v = json_number_value(values[i]);

        low = fmin(low, v);
        high = fmax(high, v);
        mean += v / (double)n;
    }
    for (i = 0; i < n; i++) {
        squares += pow(json_number_value(values[i]) - mean, 2) / (double)n;
    }
    near(num(r, text("%s/min", part)), low);
    near(num(r, text("%s/max", part)), high);
    near(num(r, text("%s/mean", part)), mean);
    near(num(r, text("%s/std", part)), sqrt(squares));
    for (bin = 0; bin < bins; bin++) {
        double from = num(r, text("%s/edges/%zu", part, bin)) - 1e-6;
        double to = num(r, text("%s/edges/%zu", part, bin + 1)) + 1e-6;
        int64_t count = integer(r, text("%s/counts/%zu", part, bin)), most = 0;

        for (i = 0; i < n; i++) {
            double v = json_number_value(values[i]);

            most += v >= from && v <= to;
        }
        ck_assert_int_le(count, most);
        counted += (size_t)count;
    }
    ck_assert_uint_eq(counted, n);
}

START_TEST(histograms_are_of_the_weights)
{
    struct reply *r = want(http_get("/models/iris/histograms?bins=7"), 200);
    struct reply *w = want(http_get("/models/iris/weights"), 200);
    json_t *values[200], *row, *value;
    size_t n = 0, i, k;

    ck_assert_uint_eq(length(r, "/layers"), 3);
    ck_assert_int_eq(integer(r, "/stride"), 1);
    ck_assert_uint_eq(length(r, "/layers/0/parts/0/counts"), 7);
    ck_assert_str_eq(str(r, "/layers/0/parts/0/name"), "weights");
    want_same(canonical(at(r, "/layers/0/parts/0/shape")),
              text("[%zu,5]", length(w, "/layers/0/weights")));
    json_array_foreach(at(w, "/layers/0/weights"), i, row)
    {
        json_array_foreach(row, k, value)
        {
            ck_assert_uint_lt(n, COUNT(values));
            values[n++] = value;
        }
    }
    check_part(r, "/layers/0/parts/0", values, n);
    ck_assert_str_eq(str(r, "/layers/0/parts/2/name"), "gain");
    n = 0;
    json_array_foreach(at(w, "/layers/0/gain"), i, value)
    {
        values[n++] = value;
    }
    check_part(r, "/layers/0/parts/2", values, n);
    ck_assert_str_eq(str(r, "/layers/2/name"), "output");
    ck_assert(is_null(r, "/input_scale"));
    r = want(http_get("/models/%lld/histograms", (long long)mixed), 200);
    ck_assert_str_eq(str(r, "/embeddings/0/feature"), "kind");
    ck_assert_int_ge(integer(r, "/embeddings/0/parts/0/zeros"), 3); /* its row of what is missing */
    want_problem(http_get("/models/iris/histograms?bins=4"), 400, "/bins", "5");
    want_problem(http_get("/models/999999/histograms"), 404, NULL, "no model");
}
END_TEST

/* A column that says it all, one that says nothing, and one that never changes. */
START_TEST(importance_finds_the_column)
{
    char *rows = text("%s", "");
    struct reply *r;
    int64_t model;

    for (int i = 0; i < 120; i++) {
        int key = i * 37 % 101, noise = i * 53 % 97;

        rows = text("%s%s[%d,%d,7,'%c']", rows, i > 0 ? "," : "", noise, key, "ab"[i % 2]);
    }
    rows = text("{'data': {'x': [%s], 'features': ['noise', 'key', 'still', 'side'], 'y': [", rows);
    for (int i = 0; i < 120; i++) {
        rows = text("%s%s%d", rows, i > 0 ? "," : "", 3 * (i * 37 % 101));
    }
    rows = text("%s], 'split': {'validation': 0.3, 'test': 0}}, 'preset': 'simple', 'training': "
                "{'epochs': 60, 'seed': 4}}",
                rows);
    model = trained(train("%s", rows));
    r = want(http_get("/models/%lld/importance", (long long)model), 200);
    ck_assert_str_eq(str(r, "/split"), "validation");
    ck_assert_int_eq(integer(r, "/rows"), 36);
    ck_assert_int_eq(integer(r, "/repeats"), 5);
    ck_assert_str_eq(str(r, "/loss/name"), "rmse");
    ck_assert_str_eq(str(r, "/score/name"), "r2");
    ck_assert_uint_eq(length(r, "/features"), 4);
    ck_assert_str_eq(str(r, "/features/0/name"), "key");
    ck_assert_double_gt(num(r, "/features/0/score_drop"), 0.3);
    ck_assert_double_gt(num(r, "/features/0/loss_increase"),
                        5 * fabs(num(r, "/features/1/loss_increase")));
    for (size_t i = 1; i < 4; i++) {
        if (strcmp(str(r, text("/features/%zu/name", i)), "still") == 0) {
            ck_assert_double_eq(num(r, text("/features/%zu/loss_increase", i)), 0);
            ck_assert_double_eq(num(r, text("/features/%zu/score_std", i)), 0);
        }
    }
    near(num(r, "/loss/baseline"),
         num(http_get("/models/%lld", (long long)model), "/metrics/validation/rmse"));
    ck_assert(is_null(r, "/note"));
    ck_assert(truth(http_get("/models/%lld", (long long)model), "/has_importance"));
    /* the same again */
    want_same(canonical(at(want(http_get("/models/%lld/importance?split=validation",
                                         (long long)trained(train("%s", rows))),
                                200),
                           "/features")),
              canonical(at(r, "/features")));
    want_problem(http_get("/models/%lld/importance?split=test", (long long)model), 404, NULL,
                 "validation");
    want_problem(http_get("/models/iris/importance?split=tset"), 400, "/split", "one of");
    want_problem(http_get("/models/999999/importance"), 404, NULL, "999999");
}
END_TEST

/* Counts from each threshold on fit the curve and the matrix at the one in use. */
START_TEST(evaluations_have_counts)
{
    struct reply *r;
    int64_t model, at_threshold = -1;
    size_t n;

    upload_example("breast_cancer");
    model = trained(train("{'data': {'dataset': 'breast_cancer', 'target': 'diagnosis'}, 'preset': "
                          "'simple', 'architecture': {'hidden': [4]}, 'training': {'epochs': 3, "
                          "'seed': 1}}"));
    r = want(http_get("/models/%lld/evaluation?split=training", (long long)model), 200);
    n = length(r, "/roc/points");
    ck_assert_uint_eq(length(r, "/thresholds/points"), n);
    ck_assert_int_eq(integer(r, "/thresholds/positives") + integer(r, "/thresholds/negatives"),
                     integer(r, "/rows"));
    near(num(r, "/threshold"), 0.5);
    for (size_t i = 0; i < n; i++) {
        char *point = text("/thresholds/points/%zu", i);
        int64_t tp = integer(r, text("%s/tp", point)), fn = integer(r, text("%s/fn", point));
        int64_t fp = integer(r, text("%s/fp", point)), tn = integer(r, text("%s/tn", point));

        ck_assert_int_eq(tp + fn, integer(r, "/thresholds/positives"));
        ck_assert_int_eq(fp + tn, integer(r, "/thresholds/negatives"));
        near(num(r, text("/roc/points/%zu/tpr", i)), (double)tp / (double)(tp + fn));
        near(num(r, text("/roc/points/%zu/fpr", i)), (double)fp / (double)(fp + tn));
        if (i > 0 && num(r, text("%s/threshold", point)) >= 0.5) {
            at_threshold = tp;
        }
    }
    ck_assert_int_le(at_threshold, integer(r, "/confusion_matrix/1/1"));
    ck_assert_int_eq(integer(r, "/per_class/1/predicted"),
                     integer(r, "/confusion_matrix/0/1") + integer(r, "/confusion_matrix/1/1"));
    r = want(http_get("/models/%lld/evaluation?split=test", (long long)mixed), 404);
    ck_assert_msg(strstr(r->body, "there is one on: training") != NULL, "%s", r->body);
}
END_TEST

/* What lists show of a job and a model: enough to compare them by. */
START_TEST(lists_say_what_was_done)
{
    struct reply *r = want(http_get("/jobs?name=iris&kind=train"), 200);

    want_same(
        canonical(at(r, "/jobs/0/summary")),
        canonical(at(http_get("/jobs/%lld", (long long)integer(r, "/jobs/0/id")), "/summary")));
    ck_assert_str_eq(str(r, "/jobs/0/summary/dataset/name"), "iris");
    want_same(canonical(at(r, "/jobs/0/summary/hidden")), "[5,5]");
    want_same(canonical(at(r, "/jobs/0/summary/target")), "[\"species\"]");
    ck_assert(is_null(r, "/jobs/0/summary/activation")); /* it has two */
    ck_assert_str_eq(str(r, "/jobs/0/summary/optimizer"), "adam");
    ck_assert_str_eq(str(r, "/jobs/0/summary/preset"), "simple");
    ck_assert_int_eq(integer(r, "/jobs/0/summary/seed"), 1);
    ck_assert_int_eq(integer(r, "/jobs/0/summary/epochs"), 20);
    ck_assert_int_eq(integer(r, "/jobs/0/progress/epochs"), 20);
    ck_assert_str_eq(str(r, "/jobs/0/sparkline/of"), "validation_loss");
    ck_assert_uint_eq(length(r, "/jobs/0/sparkline/values"), 20);
    near(num(r, "/jobs/0/sparkline/values/19"), num(r, "/jobs/0/latest/validation_loss"));
    r = want(http_get("/models?name=iris"), 200);
    want_same(canonical(at(r, "/models/0/architecture/hidden")), "[5,5]");
    want_same(canonical(at(r, "/models/0/architecture/activations")), "[\"tanh\",\"relu\"]");
    ck_assert_str_eq(str(r, "/models/0/dataset/name"), "iris");
    ck_assert_str_eq(str(r, "/models/0/loss"), "cross_entropy");
    ck_assert_str_eq(str(r, "/models/0/score/split"), "test");
    near(num(r, "/models/0/score/value"), num(r, "/models/0/metrics/test/accuracy"));
    r = want(http_get("/models/iris"), 200);
    want_same(canonical(at(r, "/splits")), "[\"training\",\"validation\",\"test\"]");
}
END_TEST

/* The names of columns are in an evaluation's result, whatever they are. */
START_TEST(a_column_called_sparkline)
{
    struct reply *r;
    int64_t id;

    want(http_csv("x,a,sparkline\n1,1,2\n2,2,3\n3,3,5\n4,4,4\n5,6,5\n6,5,7\n",
                  "/datasets?name=odd"),
         201);
    id = trained(train("{'data': {'dataset': 'odd', 'target': ['a', 'sparkline']}, 'preset': "
                       "'simple', 'training': {'epochs': 2}}"));
    id = integer(want(http_post(q("{'dataset': 'odd'}"), "/models/%lld/evaluate", (long long)id),
                      202),
                 "/id");
    wait_for_job(id, "succeeded");
    r = want(http_get("/jobs/%lld", (long long)id), 200);
    ck_assert_ptr_nonnull(r->json);
    ck_assert(is_null(r, "/sparkline"));
    ck_assert(has(r, "/result/metrics/targets/sparkline/rmse"));
}
END_TEST

START_TEST(several_states)
{
    struct reply *r = want(http_get("/jobs?state=queued,succeeded&limit=1"), 200);

    ck_assert_str_eq(str(r, "/jobs/0/state"), "succeeded");
    ck_assert(has(r, "/next_page_token"));
    ck_assert_uint_eq(length(want(http_get("/jobs?state=queued,running"), 200), "/jobs"), 0);
    ck_assert_uint_eq(
        length(want(http_get("/jobs?state=failed,succeeded&name=iris"), 200), "/jobs"), 1);
    ck_assert_uint_eq(length(want(http_get("/jobs?kind=fetch"), 200), "/jobs"), 0);
    want_problem(http_get("/jobs?state=queued,runing"), 400, "/state", "one or more of");
    want_problem(http_get("/jobs?state=queued,"), 400, "/state", "one or more of");
}
END_TEST

/* A curve by points and by columns is the same; the best point is in it however thin. */
START_TEST(curves_by_columns)
{
    int64_t id = integer(http_get("/models/iris"), "/job_id");
    struct reply *p = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    struct reply *c = want(http_get("/jobs/%lld/curve?form=columns", (long long)id), 200);
    int64_t best = integer(c, "/best_epoch");
    bool kept = false;

    ck_assert_int_eq(integer(c, "/points"), 20);
    for (size_t i = 0; i < 20; i++) {
        ck_assert_int_eq(integer(c, text("/columns/epoch/%zu", i)), (int64_t)i + 1);
        near(item(c, "/columns/validation_loss", i),
             num(p, text("/points/%zu/validation_loss", i)));
        near(item(c, "/columns/metrics/accuracy", i),
             num(p, text("/points/%zu/metrics/accuracy", i)));
        ck_assert_int_eq(integer(c, text("/columns/step/%zu", i)),
                         integer(p, text("/points/%zu/step", i)));
    }
    ck_assert(is_null(c, "/columns/gradient_norms"));
    p = want(http_get("/jobs/%lld", (long long)id), 200);
    ck_assert_int_eq(integer(c, "/columns/step/19"), integer(p, "/result/steps"));
    ck_assert_int_eq(best, integer(p, "/result/best_epoch"));
    c = want(http_get("/jobs/%lld/curve?form=columns&max_points=3", (long long)id), 200);
    ck_assert_int_le(integer(c, "/points"), 3);
    ck_assert_int_eq(integer(c, "/of_points"), 20);
    for (int64_t i = 0; i < integer(c, "/points"); i++) {
        kept = kept || integer(c, text("/columns/epoch/%lld", (long long)i)) == best;
    }
    ck_assert(kept);
    want_problem(http_get("/jobs/%lld/curve?form=rows", (long long)id), 400, "/form",
                 "points or columns");
}
END_TEST

/* The example row is one that predict takes. */
START_TEST(an_example_to_begin_with)
{
    struct reply *r = want(http_get("/models/%lld", (long long)mixed), 200);

    ck_assert_str_eq(str(r, "/example/kind"), "a");
    near(num(r, "/example/size"), num(r, "/features/0/example"));
    ck_assert(num(r, "/example/size") >= num(r, "/features/0/min"));
    ck_assert(num(r, "/example/size") <= num(r, "/features/0/max"));
    (void)want(http_post(q("{'instances': [%s]}", canonical(at(r, "/example"))),
                         "/models/%lld/predict", (long long)mixed),
               200);
    r = want(http_get("/models/iris"), 200);
    (void)want(
        http_post(q("{'instances': [%s]}", canonical(at(r, "/example"))), "/models/iris/predict"),
        200);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("api_looks");
    TCase *c = case_with("looks", start, stop);

    tcase_add_test(c, numbers_fit_together);
    tcase_add_test(c, stages_are_named);
    tcase_add_test(c, every_form_of_a_row);
    tcase_add_test(c, wide_layers);
    tcase_add_test(c, refusals_of_a_trace);
    tcase_add_test(c, histograms_are_of_the_weights);
    tcase_add_test(c, importance_finds_the_column);
    tcase_add_test(c, evaluations_have_counts);
    tcase_add_test(c, lists_say_what_was_done);
    tcase_add_test(c, a_column_called_sparkline);
    tcase_add_test(c, several_states);
    tcase_add_test(c, curves_by_columns);
    tcase_add_test(c, an_example_to_begin_with);
    suite_add_tcase(s, c);
    return harness_main(s);
}
