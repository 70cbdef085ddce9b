/* Where weights come from besides the seed: a job's own initial_weights, and a model to start
 * from, with or without the state its training ended with.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct daemon d;
static int64_t parent; /* a model of iris, tanh, adam, 4 epochs */

#define IRIS "'preset': 'simple', 'data': {'dataset': 'iris', 'target': 'species'}"
#define PARENT                                                                                     \
    "{'name': 'parent', " IRIS                                                                     \
    ", 'architecture': {'hidden': [{'units': 6, 'activation': 'tanh'}, "                           \
    "{'units': 6, 'batch_norm': true}]}, 'optimizer': {'type': 'adam', 'learning_rate': 0.005}, "  \
    "'training': {'epochs': %d, 'seed': 5, 'early_stopping': null}}"

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    upload_example("iris");
    parent = trained(train(PARENT, 4));
}

static void stop(void)
{
    daemon_retire(&d);
}

static const char *sha_of(int64_t model)
{
    return str(want(http_get("/models/%lld", (long long)model), 200), "/weights_sha256");
}

/* The resolved form of a job makes the same weights again. */
static void repeats(int64_t id)
{
    struct reply *a = wait_for_job(id, "succeeded");
    struct reply *b = want(http_post(canonical(at(a, "/resolved")), "/train"), 202);

    b = wait_for_job(integer(b, "/id"), "succeeded");
    want_same(canonical(at(a, "/resolved")), canonical(at(b, "/resolved")));
    ck_assert_str_eq(sha_of(integer(a, "/model_id")), sha_of(integer(b, "/model_id")));
}

/* ---- weights in the job --------------------------------------------------------------- */

START_TEST(given_weights_are_where_it_starts)
{
    int64_t id = train(
        "{'preset': 'simple', 'data': {'x': [[1,2],[2,1],[3,3],[4,1]], 'y': [1.5,2.5,3.5,4.5]}, "
        "'architecture': {'hidden': [{'units': 2, 'activation': 'prelu'}], "
        "'input_scale': true}, 'optimizer': {'type': 'sgd', 'learning_rate': "
        "1e-12}, 'training': {'epochs': 1, 'seed': 1}, 'initial_weights': "
        "{'layers': [{'weights': [[0.1,0.2],[0.3,-0.4]], 'bias': [0.5,0.6], "
        "'slopes': [0.1,0.3]}, {'bias': [0.25]}], 'input_scale': [1.5, 0.5]}}");
    struct reply *r;
    int64_t model;

    repeats(id);
    model = trained(id);
    r = want(http_get("/models/%lld/weights", (long long)model), 200);
    ck_assert_double_eq_tol(num(r, "/layers/0/weights/1/1"), -0.4, 1e-6);
    ck_assert_double_eq_tol(num(r, "/layers/0/bias/1"), 0.6, 1e-6);
    ck_assert_double_eq_tol(num(r, "/layers/0/slopes/1"), 0.3, 1e-6);
    ck_assert_double_eq_tol(num(r, "/layers/1/bias/0"), 0.25, 1e-6);
    ck_assert_double_eq_tol(num(r, "/input_scale/0"), 1.5, 1e-6);
    ck_assert(fabs(num(r, "/layers/1/weights/0/0")) > 1e-3); /* drawn: not given */
}
END_TEST

/* What GET /models/{id}/weights shows may be sent back as it is. */
START_TEST(shown_weights_may_be_sent)
{
    char *shown = canonical(at(want(http_get("/models/%lld/weights", (long long)parent), 200), ""));
    struct reply *r;
    int64_t id;
    char *job = text("{\"preset\": \"simple\", "
                     "\"data\": {\"dataset\": \"iris\", \"target\": \"species\"}, "
                     "\"architecture\": {\"hidden\": [{\"units\": 6, \"activation\": \"tanh\"}, "
                     "{\"units\": 6, \"batch_norm\": true}]}, \"optimizer\": {\"type\": \"sgd\", "
                     "\"learning_rate\": 1e-30}, \"training\": {\"epochs\": 1, \"seed\": 5}, "
                     "\"initial_weights\": %s}",
                     shown);

    id = integer(want(http_post(job, "/train"), 202), "/id");
    r = want(http_get("/models/%lld/weights", (long long)trained(id)), 200);
    ck_assert_double_eq(num(r, "/layers/0/weights/2/3"),
                        num(want(http_get("/models/%lld/weights", (long long)parent), 200),
                            "/layers/0/weights/2/3"));
}
END_TEST

START_TEST(weights_of_another_shape_fail)
{
    struct reply *r = want(http_post(q("{" IRIS ", 'architecture': {'hidden': [3]}, "
                                       "'initial_weights': [{'weights': [[1,2,3]]}, {}]}"),
                                     "/train"),
                           202); /* the inputs are known when the rows are */

    r = wait_for_job(integer(r, "/id"), "failed");
    ck_assert_ptr_nonnull(strstr(str(r, "/error/detail"), "must be 4 rows of 3 numbers"));
}
END_TEST

/* ---- a model to start from -------------------------------------------------------------- */

START_TEST(a_model_is_tuned_further)
{
    struct reply *r;
    int64_t id = train("{" IRIS ", 'start_from': %lld, 'training': {'epochs': 3, 'seed': 9, "
                       "'early_stopping': null}}",
                       (long long)parent);

    r = wait_for_job(id, "succeeded");
    ck_assert_int_eq(integer(r, "/resolved/start_from/model"), parent);
    ck_assert_str_eq(str(r, "/resolved/start_from/weights_sha256"), sha_of(parent));
    ck_assert_str_eq(str(r, "/resolved/start_from/optimizer_state"), "reset");
    ck_assert_str_eq(str(r, "/resolved/architecture/hidden/0/activation"), "tanh");
    ck_assert(truth(r, "/resolved/architecture/hidden/1/batch_norm"));
    ck_assert(strcmp(sha_of(integer(r, "/model_id")), sha_of(parent)) != 0);
    repeats(id);
    /* by the family's name, with a loss and a dropout of its own */
    id = train("{" IRIS ", 'start_from': 'parent', 'loss': 'focal', 'architecture': {'dropout': "
               "0.2}, 'training': {'epochs': 2, 'seed': 9}}");
    r = wait_for_job(id, "succeeded");
    ck_assert_double_eq(num(r, "/resolved/architecture/hidden/0/dropout"), 0.2);
    repeats(id);
}
END_TEST

START_TEST(frozen_layers_stay)
{
    int64_t id = train("{" IRIS ", 'start_from': {'model': %lld, 'freeze': [0]}, 'training': "
                       "{'epochs': 3, 'seed': 9}}",
                       (long long)parent);
    struct reply *a = want(http_get("/models/%lld/weights", (long long)parent), 200), *b;

    b = want(http_get("/models/%lld/weights", (long long)trained(id)), 200);
    want_same(canonical(at(a, "/layers/0")), canonical(at(b, "/layers/0")));
    ck_assert(strcmp(canonical(at(a, "/layers/1")), canonical(at(b, "/layers/1"))) != 0);
    ck_assert(strcmp(canonical(at(a, "/layers/2")), canonical(at(b, "/layers/2"))) != 0);
    repeats(id);
}
END_TEST

/* 4 epochs and then 3 are 7, to the last bit. */
START_TEST(a_training_goes_on)
{
    int64_t whole = trained(train(PARENT, 7));
    struct reply *r = wait_for_job(
        train("{" IRIS ", 'start_from': {'model': %lld, 'optimizer_state': 'continue'}, "
              "'training': {'epochs': 3, 'seed': 5, 'early_stopping': null}}",
              (long long)parent),
        "succeeded");

    ck_assert_double_eq(num(r, "/resolved/optimizer/learning_rate"), 0.005); /* the parent's */
    ck_assert_str_eq(sha_of(integer(r, "/model_id")), sha_of(whole));
    repeats(integer(r, "/id"));
    /* and on again */
    r = wait_for_job(train("{" IRIS
                           ", 'start_from': {'model': %lld, 'optimizer_state': 'continue'}, "
                           "'training': {'epochs': 2, 'seed': 5, 'early_stopping': null}}",
                           (long long)integer(r, "/model_id")),
                     "succeeded");
    ck_assert_str_eq(sha_of(integer(r, "/model_id")), sha_of(trained(train(PARENT, 9))));
}
END_TEST

/* A parent answers with its best weights; who goes on, goes on from its last. */
START_TEST(going_on_is_from_the_last_weights)
{
    int64_t whole = trained(train(PARENT, 7)), best, last;

    best = trained(train("{" IRIS ", 'architecture': {'hidden': [{'units': 6, 'activation': "
                         "'tanh'}, {'units': 6, 'batch_norm': true}]}, 'optimizer': {'type': "
                         "'adam', 'learning_rate': 0.005}, 'training': {'epochs': 4, 'seed': 5, "
                         "'early_stopping': {'min_delta': 1e9}}}")); /* the first is the best */
    ck_assert(strcmp(sha_of(best), sha_of(parent)) != 0);
    last = trained(train("{" IRIS ", 'start_from': {'model': %lld, 'optimizer_state': "
                         "'continue'}, 'training': {'epochs': 3, 'seed': 5, 'early_stopping': "
                         "null}}",
                         (long long)best));
    ck_assert_str_eq(sha_of(last), sha_of(whole));
}
END_TEST

/* Weights of rows are the job's, not the parent's. */
START_TEST(row_weights_are_the_jobs)
{
    static const char rows[] =
        "'preset': 'simple', 'data': {'x': [[1,3],[2,1],[3,1],[4,2]], 'y': [1.5,2.5,1,4], "
        "'features': ['a', 'w']%s}, 'training': {'epochs': 3, 'seed': 1}";
    int64_t plain = trained(train("{%s}", text(rows, ", 'exclude': ['w']")));
    int64_t weighed = trained(train("{%s}", text(rows, ", 'sample_weight': 'w'")));
    const char *a = sha_of(trained(
        train("{%s, 'start_from': %lld}", text(rows, ", 'exclude': ['w']"), (long long)plain)));
    const char *b = sha_of(trained(
        train("{%s, 'start_from': %lld}", text(rows, ", 'sample_weight': 'w'"), (long long)plain)));

    ck_assert(strcmp(a, b) != 0);
    (void)trained(
        train("{%s, 'start_from': %lld}", text(rows, ", 'exclude': ['w']"), (long long)weighed));
}
END_TEST

/* Classes that a part of the rows lacks are still the parent's. */
START_TEST(the_parents_classes_stay)
{
    struct reply *r;
    int64_t id;

    want(http_csv("sepal_length,sepal_width,petal_length,petal_width,species\n5,3,1.5,0.2,setosa\n"
                  "6,3,4.5,1.5,versicolor\n5.1,3.2,1.4,0.2,setosa\n",
                  "/datasets?name=two"),
         201);
    id = train("{'preset': 'simple', 'data': {'dataset': 'two', 'target': 'species'}, "
               "'start_from': %lld, 'training': "
               "{'epochs': 2, 'class_weight': 'balanced'}}",
               (long long)parent);
    r = want(http_get("/models/%lld", (long long)trained(id)), 200);
    ck_assert_uint_eq(length(r, "/classes"), 3);
    ck_assert_double_eq(
        num(r, "/features/0/mean"),
        num(want(http_get("/models/%lld", (long long)parent), 200), "/features/0/mean"));
}
END_TEST

#define FROM(more) "{" IRIS ", 'start_from': %lld" more "}"

START_TEST(what_does_not_fit_is_refused)
{
    static const struct {
        const char *job, *pointer, *fragment;
    } wrong[] = {
        {FROM(", 'architecture': {'hidden': [6]}"), "/architecture/hidden",
         "has 2 hidden layers, not 1"},
        {FROM(", 'architecture': {'hidden': [{'units': 6, 'activation': 'tanh'}, {'units': 7, "
              "'batch_norm': true}]}"),
         "/architecture/hidden/1/units", "has 6"},
        {FROM(", 'architecture': {'activation': 'relu'}"), "/architecture/hidden/0/activation",
         "has tanh"},
        {FROM(", 'architecture': {'layer_norm': true, 'batch_norm': false}"),
         "/architecture/hidden/1/batch_norm", "has it"},
        {FROM(", 'architecture': {'input_scale': true}"), "/architecture/input_scale", "has none"},
        {FROM(", 'preprocess': {'numeric': 'none'}"), "/preprocess/numeric",
         "the model it starts from has \"standardize\""},
        {FROM(", 'loss': 'mse'"), NULL, NULL},
        {"{'preset': 'simple', 'data': {'dataset': 'iris', 'target': 'species', 'exclude': "
         "['sepal_width']}, "
         "'start_from': %lld}",
         "/start_from", "the model needs the column \"sepal_width\""},
        {"{'preset': 'simple', 'data': {'dataset': 'iris', 'target': 'petal_width'}, 'start_from': "
         "%lld}",
         "/data/target", "the model it starts from predicts \"species\""},
        {"{'preset': 'simple', 'data': {'dataset': 'more', 'target': 'species'}, 'start_from': "
         "%lld}",
         "/start_from", "the column \"stem\" is no feature of the model"},
        {"{'preset': 'simple', 'data': {'dataset': 'more', 'target': 'species', 'exclude': "
         "['stem']}, 'start_from': "
         "%lld}",
         "/data/target", "\"rosa\" is no class of the model"},
        {"{" IRIS ", 'start_from': {'model': %lld, 'freeze': [3]}}", "/start_from/freeze/0",
         "the network's last layer is 2"},
        {"{" IRIS ", 'start_from': {'model': %lld, 'freeze': [0, 1, 2]}}", "/start_from/freeze",
         "there is nothing to train"},
        {"{" IRIS ", 'start_from': {'model': %lld, 'weights_sha256': 'abc'}}",
         "/start_from/weights_sha256", "the model has other weights"},
        {"{" IRIS ", 'start_from': {'model': %lld, 'optimizer_state': 'continue'}, 'optimizer': "
         "'sgd'}",
         "/optimizer/type", "must be adam to go on"},
        {"{" IRIS ", 'start_from': {'model': %lld, 'optimizer_state': 'continue'}, 'loss': "
         "'focal'}",
         "/loss", "goes on with cross_entropy"},
        {"{'preset': 'simple', 'data': {'dataset': 'iris', 'target': 'species', 'offset': "
         "'petal_width'}, "
         "'start_from': %lld}",
         "/data/offset", "the offset of the model it starts from is none"},
    };

    want(http_csv("sepal_length,sepal_width,petal_length,petal_width,stem,species\n"
                  "5,3,1.5,0.2,1,rosa\n6,3,4.5,1.5,2,setosa\n5.1,3.2,1.4,0.2,3,setosa\n",
                  "/datasets?name=more"),
         201);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char *job = keep(strdup(wrong[i].job)), *hole = strstr(job, "%lld");

        job = text("%.*s%lld%s", (int)(hole - job), job, (long long)parent, hole + 4);
        want_problem(http_post(q("%s", job), "/train"), 422, wrong[i].pointer, wrong[i].fragment);
    }
    want_problem(http_post(q("{" IRIS ", 'start_from': 999999}"), "/train"), 422, "/start_from",
                 "no model 999999");
    want_problem(http_post(q("{" IRIS ", 'start_from': 'nobody'}"), "/train"), 422, "/start_from",
                 "no model named nobody");
}
END_TEST

/* A parent cannot go while a job that needs it waits; afterwards its state goes with it. */
START_TEST(a_parent_is_needed)
{
    int64_t model = trained(train(PARENT, 1));
    int64_t blocker = integer(want(http_post(slow_job(FOREVER, 1, ""), "/train"), 202), "/id");
    int64_t child = train("{" IRIS ", 'start_from': %lld}", (long long)model);

    want_problem(http_delete("/models/%lld", (long long)model), 409, NULL, "has not ended");
    cancel_job(child);
    want(http_delete("/models/%lld", (long long)model), 204);
    cancel_job(blocker);
    want_problem(http_post(q("{" IRIS ", 'start_from': %lld}", (long long)model), "/train"), 422,
                 "/start_from", "no model");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_start");
    TCase *tc = case_with("start", start, stop);

    tcase_set_timeout(tc, 120 * PATIENCE);
    tcase_add_test(tc, given_weights_are_where_it_starts);
    tcase_add_test(tc, shown_weights_may_be_sent);
    tcase_add_test(tc, weights_of_another_shape_fail);
    tcase_add_test(tc, a_model_is_tuned_further);
    tcase_add_test(tc, frozen_layers_stay);
    tcase_add_test(tc, a_training_goes_on);
    tcase_add_test(tc, going_on_is_from_the_last_weights);
    tcase_add_test(tc, row_weights_are_the_jobs);
    tcase_add_test(tc, the_parents_classes_stay);
    tcase_add_test(tc, what_does_not_fit_is_refused);
    tcase_add_test(tc, a_parent_is_needed);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
