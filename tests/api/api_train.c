/* Training over HTTP: what each kind of job learns, what a job, its curve and its events look
 * like, and that the same job gives the same bytes. The queue is in api_queue.c.
 *
 * One daemon with two workers for all tests; a test asks only about jobs of its own.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct daemon d;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- what is learnt --------------------------------------------------------------- */

START_TEST(xor_is_learnt)
{
    struct reply *r = want(http_post(XOR_JOB(""), "/train"), 400); /* single quotes: not JSON */
    int64_t id;

    r = want(http_post(q(XOR_JOB("")), "/train"), 202);
    id = integer(r, "/id");
    ck_assert_str_eq(reply_header(r, "Location"), text("/jobs/%lld", (long long)id));
    ck_assert_ptr_nonnull(reply_header(r, "Retry-After"));
    ck_assert_str_eq(str(r, "/state"), "queued");
    ck_assert_int_gt(integer(r, "/model_id"), 0);
    r = wait_for_job(id, "succeeded");
    r = want(http_post(q("{'instances': [[0,0],[0,1],[1,0],[1,1]]}"), "/models/%lld/predict",
                       (long long)integer(r, "/model_id")),
             200);
    ck_assert_uint_eq(length(r, "/predictions"), 4);
    for (int i = 0; i < 4; i++) {
        const char *right = i == 1 || i == 2 ? "1" : "0";

        ck_assert_str_eq(str(r, text("/predictions/%d/label", i)), right);
        ck_assert_double_gt(num(r, text("/predictions/%d/probabilities/%s", i, right)), 0.7);
    }
}
END_TEST

START_TEST(iris_with_two_keys)
{
    int64_t id;
    struct reply *r, *m;

    upload_example("iris");
    id = train("{'data': {'dataset': 'iris', 'target': 'species'}}");
    r = wait_for_job(id, "succeeded");
    m = want(http_get("/models/%lld", (long long)integer(r, "/model_id")), 200);
    /* complete in the commit that makes the job succeeded */
    ck_assert_double_gt(num(m, "/metrics/test/accuracy"), 0.8);
    ck_assert_double_gt(num(m, "/metrics/validation/accuracy"), 0.8);
    ck_assert_double_gt(num(m, "/metrics/training/accuracy"), 0.8);
    ck_assert(num(m, "/metrics/test/log_loss") >= 0 && num(m, "/metrics/test/loss") >= 0);
    ck_assert_uint_eq(length(m, "/classes"), 3);
    ck_assert_str_eq(str(m, "/classes/0"), "setosa");
    ck_assert_uint_eq(length(m, "/features"), 4);
    ck_assert_str_eq(str(m, "/features/3/name"), "petal_width");
    ck_assert_str_eq(str(m, "/features/3/type"), "numeric");
    ck_assert_int_gt(integer(m, "/parameters"), 0);
    ck_assert_uint_eq(strlen(str(m, "/weights_sha256")), 64);
}
END_TEST

/* One hidden layer fits a sine: 128 points, no split. */
START_TEST(sine_is_fitted)
{
    char *x = text("%s", ""), *y = text("%s", "");
    struct reply *r;
    int64_t model;

    for (int i = 0; i < 128; i++) {
        double at_ = -M_PI + 2 * M_PI * i / 127;

        x = text("%s%s[%.6f]", x, i > 0 ? "," : "", at_);
        y = text("%s%s%.6f", y, i > 0 ? "," : "", sin(at_));
    }
    r = wait_for_job(train("{'preset': 'simple', "
                           "'data': {'x': [%s], 'y': [%s], 'split': {'validation': 0, 'test': 0}},"
                           " 'architecture': {'hidden': [32], 'activation': 'tanh'},"
                           " 'optimizer': {'learning_rate': 0.01},"
                           " 'training': {'epochs': 600, 'batch_size': 16, 'seed': 5}}",
                           x, y),
                     "succeeded");
    model = integer(r, "/model_id");
    r = want(http_get("/models/%lld", (long long)model), 200);
    ck_assert_double_lt(num(r, "/metrics/training/rmse"), 0.05);
    ck_assert(!has(r, "/metrics/validation") && !has(r, "/metrics/test"));
    r = want(http_get("/models/%lld/predict?x1=1.5707963", (long long)model), 200);
    ck_assert_double_eq_tol(num(r, "/predictions/0/value"), 1, 0.1);
}
END_TEST

START_TEST(several_numbers_a_row)
{
    char *x = text("%s", ""), *y = text("%s", "");
    struct reply *r, *m;

    for (int i = 0; i < 100; i++) {
        double a = sin(i), b = cos(3 * i);

        x = text("%s%s[%.5f,%.5f]", x, i > 0 ? "," : "", a, b);
        y = text("%s%s[%.5f,%.5f]", y, i > 0 ? "," : "", 100 + 10 * a, b - a);
    }
    r = wait_for_job(train("{'preset': 'simple', "
                           "'data': {'x': [%s], 'y': [%s]}, 'architecture': {'hidden': []},"
                           " 'optimizer': {'learning_rate': 0.05},"
                           " 'training': {'epochs': 300, 'batch_size': 16, 'seed': 5}}",
                           x, y),
                     "succeeded");
    ck_assert_str_eq(str(r, "/resolved/data/target/0"), "y1");
    ck_assert_str_eq(str(r, "/resolved/data/target/1"), "y2");
    m = want(http_get("/models/%lld", (long long)integer(r, "/model_id")), 200);
    ck_assert_double_gt(num(m, "/metrics/test/r2"), 0.99);
    ck_assert_double_lt(num(m, "/metrics/test/targets/y1/rmse"), 1);
    r = want(http_post(q("{'instances': [[0.5, -0.25]]}"), "/models/%lld/predict",
                       (long long)integer(r, "/model_id")),
             200);
    ck_assert_double_eq_tol(num(r, "/predictions/0/values/y1"), 105, 0.5);
    ck_assert_double_eq_tol(num(r, "/predictions/0/values/y2"), -0.75, 0.05);
}
END_TEST

/* Two 0/1 columns at once: a sigmoid and a cross-entropy each. */
START_TEST(several_labels_a_row)
{
    char *x = text("%s", ""), *y = text("%s", "");
    struct reply *r;
    int64_t model;

    for (int i = 0; i < 100; i++) {
        double a = sin(i), b = cos(3 * i);

        x = text("%s%s[%.5f,%.5f]", x, i > 0 ? "," : "", a, b);
        y = text("%s%s[%d,%d]", y, i > 0 ? "," : "", a > 0, b > a);
    }
    r = wait_for_job(train("{'preset': 'simple', "
                           "'data': {'x': [%s], 'y': [%s]}, 'loss': 'cross_entropy',"
                           " 'architecture': {'hidden': [16]}, 'optimizer': {'learning_rate': "
                           "0.02}, 'training': {'epochs': 200, 'batch_size': 8, 'seed': 5}}",
                           x, y),
                     "succeeded");
    ck_assert_str_eq(str(r, "/resolved/architecture/output"), "sigmoid");
    model = integer(r, "/model_id");
    r = want(http_get("/models/%lld", (long long)model), 200);
    ck_assert_double_gt(num(r, "/metrics/training/accuracy"), 0.8);
    r = want(http_get("/models/%lld/predict?x1=0.9&x2=-0.9", (long long)model), 200);
    ck_assert_double_gt(num(r, "/predictions/0/probabilities/y1"), 0.5);
    ck_assert_double_lt(num(r, "/predictions/0/probabilities/y2"), 0.5);
}
END_TEST

/* ---- dry run and repetition --------------------------------------------------------- */

START_TEST(dry_run_leaves_nothing)
{
    int64_t jobs = (int64_t)length(want(http_get("/jobs"), 200), "/jobs");
    size_t datasets = length(want(http_get("/datasets"), 200), "/datasets");
    size_t files = folder_entries(text("%s/datasets", d.state));
    struct reply *r = want(
        http_post(q("{'preset': 'simple', 'data': {'x': [[1.5,2],[3,4],[5,6]], 'y': [0.25,8.5,3]},"
                    " 'architecture': {'hidden': [3]}}"),
                  "/train?dry_run=1"),
        200);

    ck_assert_int_eq(integer(r, "/estimate/parameters"), 2 * 3 + 3 + 3 + 1);
    ck_assert_double_gt(num(r, "/estimate/bytes"), 0);
    ck_assert_double_gt(num(r, "/estimate/flops"), 0);
    ck_assert_double_ge(num(r, "/estimate/seconds"), 0);
    ck_assert_int_eq(integer(r, "/resolved/architecture/hidden/0/units"), 3);
    ck_assert_str_eq(str(r, "/resolved/loss"), "mse");
    ck_assert(!has(r, "/id") || is_null(r, "/id"));
    ck_assert_int_eq((int64_t)length(want(http_get("/jobs"), 200), "/jobs"), jobs);
    ck_assert_uint_eq(length(want(http_get("/datasets"), 200), "/datasets"), datasets);
    ck_assert_uint_eq(folder_entries(text("%s/datasets", d.state)), files);
}
END_TEST

/* Train, post the resolved config, get the same weights to the last bit. */
static void check_repeats(int64_t first)
{
    struct reply *a = wait_for_job(first, "succeeded"), *b;
    int64_t second;

    b = want(http_post(canonical(at(a, "/resolved")), "/train"), 202);
    second = integer(b, "/id");
    b = wait_for_job(second, "succeeded");
    ck_assert_int_ne(integer(a, "/model_id"), integer(b, "/model_id"));
    want_same(canonical(at(b, "/resolved")), canonical(at(a, "/resolved")));
    want_same(weights_of(integer(a, "/model_id")), weights_of(integer(b, "/model_id")));
    ck_assert_str_eq(
        str(http_get("/models/%lld", (long long)integer(a, "/model_id")), "/weights_sha256"),
        str(http_get("/models/%lld", (long long)integer(b, "/model_id")), "/weights_sha256"));
}

START_TEST(resolved_gives_the_same_weights)
{
    upload_example("iris");
    upload_example("diabetes");
    /* no seed: a random one is drawn, and is in resolved */
    check_repeats(train("{'data': {'dataset': 'iris', 'target': 'species'},"
                        " 'training': {'epochs': 20}}"));
    check_repeats(train("{'preset': 'simple', "
                        "'data': {'dataset': 'diabetes', 'target': 'progression',"
                        " 'split': {'test': 0.25}}, 'training': {'epochs': 20},"
                        " 'optimizer': {'type': 'sgd', 'learning_rate': 0.01, 'momentum': 0.9,"
                        " 'nesterov': true, 'l2': 0.0001}}"));
    check_repeats(train(XOR_JOB("")));
}
END_TEST

START_TEST(inline_rows_become_a_dataset)
{
    int64_t id = train("{'preset': 'simple', "
                       "'data': {'x': [[1,'a'],[2,'b'],[3,'a'],[4.5,'b']], 'y': ['u','v','u','v'],"
                       " 'features': ['size', 'kind']}, 'training': {'epochs': 2}}");
    struct reply *r = wait_for_job(id, "succeeded"), *ds;
    const char *key = str(r, "/resolved/data/dataset");

    ck_assert_uint_eq(strlen(key), 7 + 64);
    ck_assert_str_eq(str(r, "/config/data/dataset"), key);
    ck_assert(!has(r, "/config/data/x"));
    ds = want(http_get("/datasets/%s", key), 200);
    ck_assert_int_eq(integer(ds, "/rows"), 4);
    ck_assert_str_eq(str(ds, "/columns/0/name"), "size");
    ck_assert_str_eq(str(ds, "/columns/1/name"), "kind");
    ck_assert_str_eq(str(ds, "/columns/1/type"), "categorical");
    ck_assert_str_eq(str(ds, "/columns/2/name"), "y");
}
END_TEST

/* ---- what it looks like --------------------------------------------------------------- */

START_TEST(shape_of_a_job)
{
    static const char *const keys[] = {"id",         "kind",        "model_id",       "name",
                                       "state",      "attempt",     "queue_position", "created_at",
                                       "started_at", "finished_at", "progress",       "latest",
                                       "best",       "config",      "resolved",       "warnings",
                                       "error",      "links"};
    int64_t id = train(XOR_JOB(", 'name': 'shape'"));
    struct reply *r = wait_for_job(id, "succeeded");

    for (size_t i = 0; i < COUNT(keys); i++) {
        ck_assert_msg(has(r, text("/%s", keys[i])), "no %s in %s", keys[i], r->body);
    }
    ck_assert_int_eq(integer(r, "/id"), id);
    ck_assert_str_eq(str(r, "/kind"), "train");
    ck_assert_str_eq(str(r, "/name"), "shape");
    ck_assert_int_eq(integer(r, "/attempt"), 1);
    ck_assert(is_null(r, "/queue_position") && is_null(r, "/error"));
    ck_assert(is_time(str(r, "/created_at")) && is_time(str(r, "/started_at")) &&
              is_time(str(r, "/finished_at")));
    ck_assert_int_eq(integer(r, "/progress/epochs"), 400);
    ck_assert_int_le(integer(r, "/progress/epoch"), 400);
    ck_assert_double_le(num(r, "/progress/fraction"), 1);
    ck_assert_int_gt(integer(r, "/latest/epoch"), 0);
    ck_assert_double_ge(num(r, "/latest/training_loss"), 0);
    ck_assert_int_gt(integer(r, "/best/epoch"), 0);
    ck_assert_uint_eq(length(r, "/warnings"), 0);
    ck_assert_str_eq(str(r, "/links/self"), text("/jobs/%lld", (long long)id));
    ck_assert_str_eq(str(r, "/links/curve"), text("/jobs/%lld/curve", (long long)id));
    ck_assert_str_eq(str(r, "/links/model"),
                     text("/models/%lld", (long long)integer(r, "/model_id")));
    ck_assert_ptr_nonnull(reply_header(r, "ETag"));
    ck_assert_str_eq(reply_header(r, "Cache-Control"), "no-cache");
}
END_TEST

/* While it runs: progress moves, latest and best are there, and the curve grows. */
START_TEST(shape_of_a_running_job)
{
    int64_t id = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    double deadline = now_seconds() + 30 * PATIENCE;
    struct reply *r, *curve;

    wait_for_epoch(id, 2);
    r = wait_for_job(id, "running");
    ck_assert_int_eq(integer(r, "/progress/epochs"), FOREVER);
    ck_assert(num(r, "/progress/fraction") > 0 && num(r, "/progress/fraction") < 1);
    ck_assert_double_gt(num(r, "/progress/samples_per_second"), 0);
    ck_assert_double_gt(num(r, "/progress/eta_seconds"), 0);
    ck_assert_double_gt(num(r, "/latest/training_loss"), 0);
    ck_assert_double_gt(num(r, "/latest/validation_loss"), 0);
    ck_assert_double_gt(num(r, "/best/validation_loss"), 0);
    ck_assert(is_null(r, "/finished_at"));
    ck_assert_str_eq(str(r, "/links/cancel"), text("/jobs/%lld/cancel", (long long)id));
    /* the curve is written while the job runs */
    do {
        curve = want(http_get("/jobs/%lld/curve", (long long)id), 200);
        ck_assert_msg(now_seconds() < deadline, "no point in the curve of a running job");
        pause_briefly();
    } while (length(curve, "/points") == 0);
    ck_assert(!truth(curve, "/complete"));
    cancel_job(id);
}
END_TEST

START_TEST(shape_of_a_curve)
{
    int64_t id;
    struct reply *r, *part;
    double elapsed = 0;
    size_t n;

    upload_example("iris");
    id = train("{'preset': 'simple', 'data': {'dataset': 'iris', 'target': 'species'},"
               " 'training': {'epochs': 30, 'seed': 1, 'early_stopping': null}}");
    wait_for_job(id, "succeeded");
    r = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    ck_assert_int_eq(integer(r, "/job_id"), id);
    ck_assert(truth(r, "/complete"));
    n = length(r, "/points");
    ck_assert_uint_eq(n, 30);
    for (size_t i = 0; i < n; i++) {
        const char *p = text("/points/%zu", i);

        ck_assert_int_eq(integer(r, text("%s/epoch", p)), (int64_t)i + 1);
        ck_assert_double_ge(num(r, text("%s/training_loss", p)), 0);
        ck_assert_double_ge(num(r, text("%s/validation_loss", p)), 0);
        ck_assert_double_gt(num(r, text("%s/learning_rate", p)), 0);
        ck_assert_double_ge(num(r, text("%s/metrics/accuracy", p)), 0);
        ck_assert_double_gt(num(r, text("%s/seconds", p)), 0);
        ck_assert_double_lt(num(r, text("%s/seconds", p)), 10 * PATIENCE);
        ck_assert_int_eq(integer(r, text("%s/samples", p)), integer(r, "/points/0/samples"));
        ck_assert_double_ge(num(r, text("%s/elapsed_seconds", p)), elapsed);
        elapsed = num(r, text("%s/elapsed_seconds", p));
    }
    ck_assert_double_lt(num(r, "/points/29/training_loss"), num(r, "/points/0/training_loss"));

    part = want(http_get("/jobs/%lld/curve?after=25", (long long)id), 200);
    ck_assert_uint_eq(length(part, "/points"), 5);
    ck_assert_int_eq(integer(part, "/points/0/epoch"), 26);
    part = want(http_get("/jobs/%lld/curve?after=30", (long long)id), 200);
    ck_assert_uint_eq(length(part, "/points"), 0);
    part = want(http_get("/jobs/%lld/curve?max_points=10", (long long)id), 200);
    ck_assert(length(part, "/points") <= 10 && length(part, "/points") >= 2);
    ck_assert_int_eq(integer(part, "/points/0/epoch"), 1);
    ck_assert_int_eq(integer(part, text("/points/%zu/epoch", length(part, "/points") - 1)), 30);
    want_problem(http_get("/jobs/%lld/curve?after=x", (long long)id), 400, "/after", NULL);
    want_problem(http_get("/jobs/%lld/curve?max_points=0", (long long)id), 400, "/max_points",
                 NULL);
}
END_TEST

START_TEST(curve_as_csv)
{
    int64_t id = train(XOR_JOB(""));
    struct reply *r;
    int lines = 0;

    wait_for_job(id, "succeeded");
    r = want(
        http_send(&(struct request){.path = text("/jobs/%lld/curve?max_points=5", (long long)id),
                                    .headers = (const char *const[]){"Accept: text/csv", NULL}}),
        200);
    ck_assert(strncmp(reply_header(r, "Content-Type"), "text/csv", 8) == 0);
    ck_assert_msg(strncmp(r->body, "epoch,training_loss,", 20) == 0, "%s", r->body);
    for (const char *p = r->body; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    ck_assert_msg(lines >= 3 && lines <= 6, "%s", r->body);
}
END_TEST

START_TEST(polling_gets_304)
{
    static const char *const paths[] = {"/jobs/%lld", "/jobs/%lld/curve"};
    int64_t id = train(XOR_JOB(""));

    wait_for_job(id, "succeeded");
    for (size_t i = 0; i < COUNT(paths); i++) {
        const char *path =
            i == 0 ? text("/jobs/%lld", (long long)id) : text("/jobs/%lld/curve", (long long)id);
        struct reply *r = want(http_get("%s", path), 200), *same;
        const char *etag = reply_header(r, "ETag");

        ck_assert_ptr_nonnull(etag);
        ck_assert_str_eq(reply_header(r, "Cache-Control"), "no-cache");
        same = want(http_send(&(struct request){
                        .path = path,
                        .headers = (const char *const[]){text("If-None-Match: %s", etag), NULL}}),
                    304);
        ck_assert_uint_eq(same->len, 0);
        ck_assert_str_eq(reply_header(same, "ETag"), etag);
        want(http_send(&(struct request){
                 .path = path, .headers = (const char *const[]){"If-None-Match: \"other\"", NULL}}),
             200);
    }
}
END_TEST

START_TEST(events_tell_the_story)
{
    int64_t id = train(XOR_JOB(""));
    struct reply *r;
    size_t n;

    wait_for_job(id, "succeeded");
    r = want(http_get("/jobs/%lld/events", (long long)id), 200);
    n = length(r, "/events");
    ck_assert_uint_ge(n, 3);
    ck_assert_str_eq(str(r, "/events/0/kind"), "queued");
    ck_assert_str_eq(str(r, "/events/1/kind"), "running");
    ck_assert_str_eq(str(r, text("/events/%zu/kind", n - 1)), "succeeded");
    for (size_t i = 0; i < n; i++) {
        ck_assert(is_time(str(r, text("/events/%zu/at", i))));
    }
}
END_TEST

/* 60 labels with one row each of class "rare": goes to training with a warning. */
START_TEST(class_of_one_row_is_a_warning)
{
    char *x = text("%s", ""), *y = text("%s", "");
    struct reply *r;

    for (int i = 0; i < 61; i++) {
        x = text("%s%s[%d,%d]", x, i > 0 ? "," : "", i % 7, i % 5);
        y = text("%s%s'%s'", y, i > 0 ? "," : "", i == 60 ? "rare" : i % 2 ? "odd" : "even");
    }
    r = wait_for_job(train("{'preset': 'simple', "
                           "'data': {'x': [%s], 'y': [%s]}, 'training': {'epochs': 2}}", x, y),
                     "succeeded");
    ck_assert_uint_ge(length(r, "/warnings"), 1);
    ck_assert_msg(strstr(r->body, "rare") != NULL, "%s", r->body);
    want_problem(http_post(q("{'preset': 'simple', "
                             "'data': {'x': [%s], 'y': [%s], 'split': {'test': 0.2, 'stratify': "
                             "true}}, 'training': {'epochs': 2}}",
                             x, y),
                           "/train"),
                 422, NULL, "rare");
}
END_TEST

START_TEST(early_stopping_keeps_the_best)
{
    struct reply *r, *curve;
    double best = INFINITY;
    int64_t id, best_epoch = 0;

    upload_example("diabetes");
    id = train("{'preset': 'simple', "
               "'data': {'dataset': 'diabetes', 'target': 'progression', 'split': {'validation': "
               "0.3}}, 'architecture': {'hidden': [64, 64]}, 'optimizer': {'learning_rate': 0.01},"
               " 'training': {'epochs': 2000, 'seed': 2, 'early_stopping': {'patience': 5}}}");
    r = wait_for_job(id, "succeeded");
    curve = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    ck_assert_uint_lt(length(curve, "/points"), 2000);
    for (size_t i = 0; i < length(curve, "/points"); i++) {
        double loss = num(curve, text("/points/%zu/validation_loss", i));

        if (loss < best) {
            best = loss;
            best_epoch = (int64_t)i + 1;
        }
    }
    ck_assert_int_eq(integer(r, "/best/epoch"), best_epoch);
    ck_assert_double_eq(num(r, "/best/validation_loss"), best);
    ck_assert_uint_eq(length(curve, "/points"), (size_t)best_epoch + 5);
    /* the published weights are that epoch's: the metrics were measured with them */
    r = want(http_get("/models/%lld", (long long)integer(r, "/model_id")), 200);
    ck_assert_double_eq_tol(num(r, "/metrics/validation/loss"), best, 1e-5 * best);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_train");
    TCase *tc = case_with("train", start, stop);

    tcase_add_test(tc, xor_is_learnt);
    tcase_add_test(tc, iris_with_two_keys);
    tcase_add_test(tc, sine_is_fitted);
    tcase_add_test(tc, several_numbers_a_row);
    tcase_add_test(tc, several_labels_a_row);
    tcase_add_test(tc, dry_run_leaves_nothing);
    tcase_add_test(tc, resolved_gives_the_same_weights);
    tcase_add_test(tc, inline_rows_become_a_dataset);
    tcase_add_test(tc, shape_of_a_job);
    tcase_add_test(tc, shape_of_a_running_job);
    tcase_add_test(tc, shape_of_a_curve);
    tcase_add_test(tc, curve_as_csv);
    tcase_add_test(tc, polling_gets_304);
    tcase_add_test(tc, events_tell_the_story);
    tcase_add_test(tc, class_of_one_row_is_a_warning);
    tcase_add_test(tc, early_stopping_keeps_the_best);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
