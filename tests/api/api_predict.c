/* Predictions over HTTP: one row by GET, many by POST as objects, arrays or CSV; what the answers
 * of classes and numbers look like; a model in training; labelled rows and datasets to judge by;
 * the evaluation and the weights.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct daemon d;
static int64_t iris, diabetes, mixed; /* models */

#define ONE_IRIS "sepal_length=5.1&sepal_width=3.5&petal_length=1.4&petal_width=0.2"

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    upload_example("iris");
    upload_example("diabetes");
    iris = trained(train("{'name': 'iris', 'preset': 'simple', "
                         "'data': {'dataset': 'iris', 'target': 'species'},"
                         " 'training': {'seed': 1, 'epochs': 60}}"));
    diabetes = trained(train("{'preset': 'simple', "
                             "'data': {'dataset': 'diabetes', 'target': 'progression'},"
                             " 'training': {'seed': 1, 'epochs': 60}}"));
    want(http_csv("size,kind,price\n1,a,10\n2,b,20\n3,a,30\n4,b,40\n5,a,50.5\n",
                  "/datasets?name=mixed"),
         201);
    mixed = trained(train("{'preset': 'simple', 'data': {'dataset': 'mixed', 'target': 'price'},"
                          " 'training': {'seed': 1, 'epochs': 5}}"));
}

static void stop(void)
{
    daemon_retire(&d);
}

static struct reply *predict(int64_t model, const char *json)
{
    return http_post(json, "/models/%lld/predict", (long long)model);
}

START_TEST(classes_have_probabilities)
{
    struct reply *r = want(http_get("/models/iris/predict?" ONE_IRIS), 200);
    double sum = 0;

    ck_assert_int_eq(integer(r, "/model_id"), iris);
    ck_assert_uint_eq(length(r, "/predictions"), 1);
    ck_assert_str_eq(str(r, "/predictions/0/label"), "setosa");
    ck_assert_uint_eq(length(r, "/predictions/0/probabilities"), 3);
    sum = num(r, "/predictions/0/probabilities/setosa") +
          num(r, "/predictions/0/probabilities/versicolor") +
          num(r, "/predictions/0/probabilities/virginica");
    ck_assert_double_eq_tol(sum, 1, 1e-5);
    ck_assert(!has(r, "/state"));
    ck_assert_str_eq(
        canonical(at(http_get("/models/%lld/predict?" ONE_IRIS, (long long)iris), "/predictions")),
        canonical(at(r, "/predictions")));
}
END_TEST

START_TEST(numbers_are_in_their_own_units)
{
    struct reply *r = want(predict(diabetes, q("{'instances': [[59,2,32.1,101,157,93.2,38,4,4.8598,"
                                               "87]]}")),
                           200);

    /* the target goes from 25 to 346 with mean 152: a standardised answer would be within 3 */
    ck_assert(num(r, "/predictions/0/value") > 20 && num(r, "/predictions/0/value") < 400);
    ck_assert(!has(r, "/predictions/0/label"));
}
END_TEST

/* An object, an array, a CSV row and a query are the same row. */
START_TEST(every_form_is_the_same_row)
{
    const char *wanted =
        canonical(at(http_get("/models/iris/predict?" ONE_IRIS), "/predictions/0"));
    struct reply *r;

    r = want(predict(iris, q("{'instances': [[5.1,3.5,1.4,0.2], {'petal_width': 0.2, "
                             "'sepal_width': 3.5, 'sepal_length': 5.1, 'petal_length': 1.4}]}")),
             200);
    ck_assert_uint_eq(length(r, "/predictions"), 2);
    want_same(canonical(at(r, "/predictions/0")), wanted);
    want_same(canonical(at(r, "/predictions/1")), wanted);
    r = want(http_get("/models/iris/predict?x=5.1,3.5,1.4,0.2"), 200);
    want_same(canonical(at(r, "/predictions/0")), wanted);
    /* columns in any order */
    r = want(http_csv("petal_width,sepal_length,petal_length,sepal_width\n0.2,5.1,1.4,3.5\n",
                      "/models/iris/predict"),
             200);
    want_same(canonical(at(r, "/predictions/0")), wanted);
    /* CSV out */
    r = want(http_send(&(struct request){
                 .method = "POST",
                 .path = "/models/iris/predict",
                 .type = "text/csv",
                 .body = "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n",
                 .headers = (const char *const[]){"Accept: text/csv", NULL}}),
             200);
    ck_assert(strncmp(reply_header(r, "Content-Type"), "text/csv", 8) == 0);
    ck_assert_msg(strstr(r->body, "\nsetosa,") != NULL, "%s", r->body);
}
END_TEST

/* Each of 442 rows alone, and all at once: the same to the last bit. */
START_TEST(a_row_alone_is_the_row_in_a_batch)
{
    char *csv = file_read(source_path("examples/data/diabetes.csv"), NULL), *all = NULL;
    size_t rows = 0;
    struct reply *batch, *one;
    char *line, *save;
    char *instances[500];

    strtok_r(csv, "\n", &save);
    while ((line = strtok_r(NULL, "\r\n", &save)) != NULL) {
        *strrchr(line, ',') = '\0'; /* without the target */
        ck_assert_uint_lt(rows, COUNT(instances));
        instances[rows] = text("[%s]", line);
        all = all == NULL ? instances[rows] : text("%s,%s", all, instances[rows]);
        rows++;
    }
    ck_assert_uint_eq(rows, 442);
    batch = want(predict(diabetes, q("{'instances': [%s]}", all)), 200);
    ck_assert_uint_eq(length(batch, "/predictions"), rows);
    for (size_t i = 0; i < rows; i += 7) {
        one = want(predict(diabetes, q("{'instances': [%s]}", instances[i])), 200);
        want_same(canonical(at(one, "/predictions/0")),
                  canonical(at(batch, text("/predictions/%zu", i))));
    }
}
END_TEST

START_TEST(missing_and_unseen)
{
    struct reply *r;

    /* a missing number is its mean, as in training */
    r = want(predict(mixed, q("{'instances': [{'size': null, 'kind': 'a'}, {'size': 3, 'kind': "
                              "'a'}]}")),
             200);
    ck_assert_double_eq(num(r, "/predictions/0/value"), num(r, "/predictions/1/value"));
    /* a number as a text is a number */
    r = want(predict(mixed, q("{'instances': [{'size': '3', 'kind': 'a'}, {'size': 3, 'kind': "
                              "'a'}]}")),
             200);
    ck_assert_double_eq(num(r, "/predictions/0/value"), num(r, "/predictions/1/value"));
    /* an unseen category is no category: all zeros */
    want(predict(mixed, q("{'instances': [{'size': 3, 'kind': 'never seen'}]}")), 200);
}
END_TEST

START_TEST(a_model_answers_while_it_trains)
{
    int64_t id = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id"), model;
    double deadline = now_seconds() + 30 * PATIENCE;
    int64_t first = 0;
    struct reply *r;

    model = model_of(id);
    do { /* before it has weights: 409; then from the best so far, which move on */
        r = http_get("/models/%lld/predict?x1=0.5&x2=0.5&x3=0.5", (long long)model);
        if (r->status == 200) {
            ck_assert_str_eq(str(r, "/state"), "training");
            ck_assert_int_ge(integer(r, "/epoch"), 1);
            ck_assert(isfinite(num(r, "/predictions/0/value")));
            first = first == 0 ? integer(r, "/epoch") : first;
        } else {
            want_problem(r, 409, NULL, NULL);
        }
        ck_assert_msg(now_seconds() < deadline, "no newer weights: %s", r->body);
        pause_briefly();
    } while (r->status != 200 || integer(r, "/epoch") == first);
    cancel_job(id);
    r = want(http_get("/models/%lld/predict?x1=0.5&x2=0.5&x3=0.5", (long long)model), 200);
    ck_assert(!has(r, "/state"));
}
END_TEST

/* Whoever sees a job's end gets the weights that were stored with it, not those that answered
 * while it trained. */
START_TEST(the_end_is_one_moment)
{
    for (int i = 0; i < 40; i++) {
        int64_t id = train("{'preset': 'simple', "
                           "'data': {'dataset': 'diabetes', 'target': 'progression'}, "
                           "'training': {'epochs': 12, 'seed': %d}}",
                           i);
        int64_t model = trained(id);
        const char *first = weights_of(model);
        struct reply *r;

        ck_assert_str_eq(str(http_get("/models/%lld", (long long)model), "/state"), "ready");
        want_same(first, weights_of(model));
        r = want(http_get("/models/%lld/predict?x=59,2,32.1,101,157,93.2,38,4,4.8598,87",
                          (long long)model),
                 200);
        ck_assert(!has(r, "/state"));
    }
}
END_TEST

START_TEST(evaluate_rows)
{
    struct reply *r;

    r = want(http_post(q("{'instances': [{'sepal_length': 5.1, 'sepal_width': 3.5, 'petal_length': "
                         "1.4, 'petal_width': 0.2, 'species': 'setosa'}, {'sepal_length': 5.1, "
                         "'sepal_width': 3.5, 'petal_length': 1.4, 'petal_width': 0.2, 'species': "
                         "'virginica'}]}"),
                       "/models/iris/evaluate"),
             200);
    ck_assert_double_eq(num(r, "/metrics/accuracy"), 0.5);
    ck_assert_double_gt(num(r, "/metrics/log_loss"), 0);
    r = want(
        http_csv(file_read(source_path("examples/data/iris.csv"), NULL), "/models/iris/evaluate"),
        200);
    ck_assert_double_gt(num(r, "/metrics/accuracy"), 0.85);
    r = want_problem(http_post(q("{'instances': [[5.1,3.5,1.4,0.2]]}"), "/models/iris/evaluate"),
                     422, NULL, NULL);
}
END_TEST

/* Many rows in one body: predicted as a stream; to be judged they go as a dataset. */
START_TEST(many_rows)
{
    size_t n = 10001, len = strlen("5.1,3.5,1.4,0.2,setosa\n"), at_ = 0;
    char *csv = keep(malloc(64 + n * len + 1)), *rows = keep(malloc(64 + n * 24));
    struct reply *r;

    at_ += (size_t)snprintf(csv, 64, "sepal_length,sepal_width,petal_length,petal_width,species\n");
    for (size_t i = 0; i < n; i++, at_ += len) {
        memcpy(csv + at_, "5.1,3.5,1.4,0.2,setosa\n", len + 1);
    }
    want_problem(http_csv(csv, "/models/iris/evaluate"), 413, NULL, "10000");
    csv[at_ - len] = '\0';
    r = want(http_csv(csv, "/models/iris/evaluate"), 200);
    ck_assert_double_eq(num(r, "/metrics/accuracy"), 1);

    at_ = (size_t)snprintf(rows, 64, "{\"instances\": [[5.1,3.5,1.4,0.2]");
    for (size_t i = 1; i < n; i++) {
        at_ += (size_t)snprintf(rows + at_, 24, ",[5.1,3.5,1.4,%zu]", i % 3);
    }
    memcpy(rows + at_, "]}", 3);
    r = want(predict(iris, rows), 200);
    ck_assert_uint_eq(length(r, "/predictions"), n);
    ck_assert_str_eq(str(r, "/predictions/0/label"), "setosa");
}
END_TEST

START_TEST(evaluate_a_dataset)
{
    struct reply *by_rows, *r;
    int64_t id;

    by_rows = want(
        http_csv(file_read(source_path("examples/data/iris.csv"), NULL), "/models/iris/evaluate"),
        200);
    r = want(http_post(q("{'dataset': 'iris'}"), "/models/iris/evaluate"), 202);
    id = integer(r, "/id");
    ck_assert_str_eq(reply_header(r, "Location"), text("/jobs/%lld", (long long)id));
    r = wait_for_job(id, "succeeded");
    ck_assert_str_eq(str(r, "/kind"), "evaluate");
    ck_assert_int_eq(integer(r, "/model_id"), iris);
    ck_assert_double_eq(num(r, "/result/metrics/accuracy"), num(by_rows, "/metrics/accuracy"));
    ck_assert_double_eq_tol(num(r, "/result/metrics/log_loss"), num(by_rows, "/metrics/log_loss"),
                            1e-9);
    want_problem(http_post(q("{'dataset': 'nosuch'}"), "/models/iris/evaluate"), 422, "/dataset",
                 "nosuch");
    want_problem(http_post(q("{'dataset': 'diabetes'}"), "/models/iris/evaluate"), 422, NULL,
                 "sepal_length");
}
END_TEST

START_TEST(evaluation_of_a_split)
{
    struct reply *r = want(http_get("/models/iris/evaluation?split=test"), 200), *m;
    double hits = 0, all = 0;

    m = want(http_get("/models/iris"), 200);
    ck_assert_uint_eq(length(r, "/confusion_matrix"), 3);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            double n = num(r, text("/confusion_matrix/%d/%d", i, k));

            all += n;
            hits += i == k ? n : 0;
        }
    }
    ck_assert_double_eq_tol(hits / all, num(m, "/metrics/test/accuracy"), 1e-12);
    ck_assert_str_eq(str(r, "/labels/0"), "setosa");
    r = want(http_get("/models/%lld/evaluation?split=validation", (long long)diabetes), 200);
    ck_assert(strstr(r->body, "residual") != NULL);
    want_problem(http_get("/models/iris/evaluation?split=exam"), 400, "/split", NULL);
    /* five rows: no test part */
    want_problem(http_get("/models/%lld/evaluation?split=test", (long long)mixed), 404, NULL, NULL);
}
END_TEST

/* What the weights say, worked out by hand, is what the model predicts. */
START_TEST(weights_are_the_model)
{
    struct reply *w, *m, *p;
    double a[2] = {0.5, -1}, z, scale;
    int64_t model;

    model = trained(train("{'preset': 'simple', "
                          "'data': {'x': [[0,1],[1,0],[2,2],[3,1],[4,5]], 'y': "
                          "[0.5,1.5,2,3.5,9.25]}, 'preprocess': {'numeric': 'none', 'target': "
                          "'none'}, 'architecture': {'hidden': []}, 'training': {'epochs': 20, "
                          "'seed': 4}}"));
    w = want(http_get("/models/%lld/weights", (long long)model), 200);
    m = want(http_get("/models/%lld", (long long)model), 200);
    ck_assert_int_eq(integer(w, "/model_id"), model);
    ck_assert_int_eq(integer(m, "/parameters"), 3);
    ck_assert_uint_eq(length(w, "/layers"), 1);
    ck_assert_uint_eq(length(w, "/layers/0/weights"), 2);
    ck_assert_uint_eq(length(w, "/layers/0/weights/0"), 1);
    z = a[0] * num(w, "/layers/0/weights/0/0") + a[1] * num(w, "/layers/0/weights/1/0") +
        num(w, "/layers/0/bias/0");
    p = want(http_get("/models/%lld/predict?x1=0.5&x2=-1", (long long)model), 200);
    scale = fabs(z) > 1 ? fabs(z) : 1;
    ck_assert_double_eq_tol(num(p, "/predictions/0/value"), z, 1e-5 * scale);
}
END_TEST

/* A GET with as many features as an image has. */
START_TEST(a_query_of_784_features)
{
    char *row = text("%s", "1"), *query = text("%s", "x1=1");
    struct reply *r;
    int64_t model;

    for (int i = 2; i <= 784; i++) {
        row = text("%s,%d", row, i % 3);
        query = text("%s&x%d=%d", query, i, i % 3);
    }
    model = trained(train("{'preset': 'simple', "
                          "'data': {'x': [[%s],[%s,1],[%s,2]], 'y': [0.5,1,2]}, 'architecture': "
                          "{'hidden': [2]}, 'training': {'epochs': 1}}",
                          row, text("2%.*s", (int)(strrchr(row, ',') - row) - 1, row + 1),
                          text("3%.*s", (int)(strrchr(row, ',') - row) - 1, row + 1)));
    r = want(http_get("/models/%lld/predict?%s", (long long)model, query), 200);
    ck_assert(isfinite(num(r, "/predictions/0/value")));
    ck_assert_double_lt(r->seconds, 5 * PATIENCE);
}
END_TEST

START_TEST(lists_and_shape_of_models)
{
    static const char *const keys[] = {
        "id",         "name",     "job_id",  "state",   "created_at", "architecture",
        "parameters", "features", "metrics", "dataset", "seed",       "weights_sha256"};
    struct reply *r = want(http_get("/models/iris"), 200);

    for (size_t i = 0; i < COUNT(keys); i++) {
        ck_assert_msg(has(r, text("/%s", keys[i])), "no %s in %s", keys[i], r->body);
    }
    r = want(http_get("/models?limit=2"), 200);
    ck_assert_uint_eq(length(r, "/models"), 2);
    ck_assert_int_gt(integer(r, "/models/0/id"), integer(r, "/models/1/id"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_predict");
    TCase *tc = case_with("predict", start, stop);

    tcase_add_test(tc, classes_have_probabilities);
    tcase_add_test(tc, numbers_are_in_their_own_units);
    tcase_add_test(tc, every_form_is_the_same_row);
    tcase_add_test(tc, a_row_alone_is_the_row_in_a_batch);
    tcase_add_test(tc, missing_and_unseen);
    tcase_add_test(tc, a_model_answers_while_it_trains);
    tcase_add_test(tc, the_end_is_one_moment);
    tcase_add_test(tc, evaluate_rows);
    tcase_add_test(tc, many_rows);
    tcase_add_test(tc, evaluate_a_dataset);
    tcase_add_test(tc, evaluation_of_a_split);
    tcase_add_test(tc, weights_are_the_model);
    tcase_add_test(tc, a_query_of_784_features);
    tcase_add_test(tc, lists_and_shape_of_models);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
