/* Every name of the learning core in a job, through the real daemon: each activation, loss,
 * optimizer, schedule, kind of layer and setting trains once on a small table, learns, and its
 * resolved form makes the same weights again. Then what weights, offsets and parents do.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct daemon d;

#define ROWS 240

/* x1..x3 features; c 3 classes, b 2; y > 0, z counts, p1..p3 shares; w weights; o an offset. */
static void upload_names(void)
{
    static const char *const texts[] = {"red", "green", "blue"};
    size_t room = ROWS * 128, len = 0;
    char *csv = keep(malloc(room));

    len += (size_t)snprintf(csv, room, "x1,x2,x3,c,b,y,z,p1,p2,p3,w,o\n");
    for (int i = 0; i < ROWS; i++) {
        double a = sin(i * 0.7), b = cos(i * 1.3), c = sin(i * i * 0.01), s = 0.5 * a + b;
        int class_ = s < -0.4 ? 0 : s < 0.4 ? 1 : 2;
        double p = 0.25 + 0.2 * a, count = floor(exp(1 + s));

        len += (size_t)snprintf(csv + len, room - len,
                                "%.4f,%.4f,%.4f,%s,%s,%.4f,%.0f,%.4f,%.4f,%.4f,%d,%.4f\n", a, b, c,
                                texts[class_], s > 0 ? "yes" : "no", exp(s) + 0.1, count, p,
                                0.75 - p, 0.25, 1 + i % 3, 0.1 * (i % 5));
    }
    want(http_csv(csv, "/datasets?name=names"), 201);
}

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    upload_names();
}

static void stop(void)
{
    daemon_retire(&d);
}

/* A job on x1..x3 for `what`; `net`, `loss` and so on are members of the top, each with its
 * comma in front. */
static char *job_on(const char *what, const char *training, const char *more)
{
    static const char *const columns[] = {"c", "b", "y", "z", "p1", "p2", "p3", "w", "o"};
    char *out = text("%s", "");

    for (size_t i = 0; i < COUNT(columns); i++) {
        char *quoted = text("'%s'", columns[i]);

        if (strstr(what, quoted) == NULL && strstr(more, quoted) == NULL) {
            out = text("%s%s%s", out, *out != '\0' ? ", " : "", quoted);
        }
    }
    return text("{'preset': 'simple', 'data': {'dataset': 'names', 'target': %s, 'exclude': [%s], "
                "'split': null%s}, "
                "'training': {'epochs': 20, 'batch_size': 16, 'seed': 3%s}%s}",
                what, out, strncmp(more, "DATA", 4) == 0 ? more + 4 : "", training,
                strncmp(more, "DATA", 4) == 0 ? "" : more);
}

static const char *sha_of(struct reply *job)
{
    return str(want(http_get("/models/%lld", (long long)integer(job, "/model_id")), 200),
               "/weights_sha256");
}

/* Train it; the loss must fall to `share` of the first epoch's. Then the resolved form again. */
static struct reply *learns(const char *name, const char *job, double share)
{
    struct reply *a = wait_for_job(train("%s", job), "succeeded"), *b, *curve;
    size_t n;
    double first, last;

    curve = want(http_get("/jobs/%lld/curve", (long long)integer(a, "/id")), 200);
    n = length(curve, "/points");
    ck_assert_msg(n > 0, "%s: no curve", name);
    first = num(curve, "/points/0/training_loss");
    last = num(curve, text("/points/%zu/training_loss", n - 1));
    ck_assert_msg(last < share * first, "%s: the loss went from %g to %g", name, first, last);
    b = wait_for_job(integer(want(http_post(canonical(at(a, "/resolved")), "/train"), 202), "/id"),
                     "succeeded");
    want_same(canonical(at(b, "/resolved")), canonical(at(a, "/resolved")));
    ck_assert_msg(strcmp(sha_of(a), sha_of(b)) == 0, "%s: other weights the second time", name);
    return a;
}

struct named {
    const char *name, *target, *training, *more;
    double share;
};

#define LAYERS(text) ", 'architecture': {'hidden': " text "}, 'optimizer': {'learning_rate': 0.01}"

static const struct named activations[] = {
    {"identity", "'y'", "", LAYERS("[{'units': 8, 'activation': 'identity'}]"), 0.9},
    {"sigmoid", "'y'", "", LAYERS("[{'units': 8, 'activation': 'sigmoid'}]"), 0.9},
    {"tanh", "'y'", "", LAYERS("[{'units': 8, 'activation': 'tanh'}]"), 0.9},
    {"relu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'relu'}]"), 0.9},
    {"leaky_relu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'leaky_relu'}]"), 0.9},
    {"prelu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'prelu'}]"), 0.9},
    {"elu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'elu'}]"), 0.9},
    {"selu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'selu', 'dropout': 0.1}]"), 0.95},
    {"gelu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'gelu'}]"), 0.9},
    {"silu", "'y'", "", LAYERS("[{'units': 8, 'activation': 'silu'}]"), 0.9},
    {"softplus", "'y'", "", LAYERS("[{'units': 8, 'activation': 'softplus'}]"), 0.9},
    {"softsign", "'y'", "", LAYERS("[{'units': 8, 'activation': 'softsign'}]"), 0.9},
    {"mish", "'y'", "", LAYERS("[{'units': 8, 'activation': 'mish'}]"), 0.9},
    {"maxout", "'y'", "", LAYERS("[{'units': 8, 'activation': 'maxout', 'pieces': 3}]"), 0.9},
};

static const struct named losses[] = {
    {"cross_entropy", "'c'", "", ", 'loss': 'cross_entropy'", 0.9},
    {"cross_entropy, two classes", "'b'", "", ", 'loss': 'cross_entropy'", 0.9},
    {"cross_entropy, smoothed", "'c'", ", 'label_smoothing': 0.1", ", 'loss': 'cross_entropy'",
     0.95},
    {"cross_entropy of shares", "['p1', 'p2', 'p3']", "",
     ", 'loss': 'cross_entropy', 'architecture': {'output': 'softmax', 'hidden': [16]}, "
     "'optimizer': {'learning_rate': 0.01}",
     0.999},
    {"focal", "'c'", "", ", 'loss': 'focal'", 0.9},
    {"focal, two classes", "'b'", "", ", 'loss': {'type': 'focal', 'gamma': 1}", 0.9},
    {"mse", "'y'", "", ", 'loss': 'mse'", 0.9},
    {"mae", "'y'", "", ", 'loss': 'mae'", 0.9},
    {"huber", "'y'", "", ", 'loss': {'type': 'huber', 'delta': 0.5}", 0.9},
    {"quantile", "'y'", "", ", 'loss': {'type': 'quantile', 'tau': 0.8}", 0.9},
    {"log_cosh", "'y'", "", ", 'loss': 'log_cosh'", 0.9},
    {"poisson", "'z'", "", ", 'loss': 'poisson'", 0.95},
    {"gamma", "'y'", "", ", 'loss': 'gamma'", 0.95},
    {"tweedie", "'z'", "", ", 'loss': {'type': 'tweedie', 'power': 1.3}", 0.95},
    {"poisson of two targets", "['y', 'z']", "", ", 'loss': 'poisson'", 0.95},
};

#define OPT(text) ", 'architecture': {'hidden': [8]}, 'optimizer': " text
static const struct named optimizers[] = {
    {"sgd", "'y'", "",
     OPT("{'type': 'sgd', 'learning_rate': 0.02, 'momentum': 0.9, "
         "'nesterov': true, 'l1': 0.0001}"),
     0.9},
    {"adam", "'y'", "", OPT("{'type': 'adam', 'learning_rate': 0.01, 'amsgrad': true}"), 0.9},
    {"adamw", "'y'", "", OPT("{'type': 'adamw', 'learning_rate': 0.01}"), 0.9},
    {"nadam", "'y'", "", OPT("{'type': 'nadam', 'learning_rate': 0.01}"), 0.9},
    {"radam", "'y'", "", OPT("{'type': 'radam', 'learning_rate': 0.01}"), 0.9},
    {"lion", "'y'", "", OPT("{'type': 'lion', 'learning_rate': 0.003}"), 0.9},
    {"rmsprop", "'y'", "", OPT("{'type': 'rmsprop', 'learning_rate': 0.005, 'momentum': 0.5}"),
     0.9},
    {"adagrad", "'y'", "", OPT("{'type': 'adagrad', 'learning_rate': 0.05}"), 0.9},
    {"adadelta", "'y'", "", OPT("'adadelta'"), 0.95},
};

/* These have no batches. */
static const char *const full_batch[] = {"rprop", "lbfgs"};

#define SCHED(text)                                                                                \
    ", 'optimizer': {'learning_rate': 0.02}, 'architecture': {'hidden': [8]}, "                    \
    "'schedule': " text
static const struct named schedules[] = {
    {"constant", "'y'", "", SCHED("{'type': 'constant', 'warmup_epochs': 1.5}"), 0.9},
    {"step", "'y'", "", SCHED("'step'"), 0.9},
    {"multistep", "'y'", "", SCHED("{'type': 'multistep', 'milestones': [5, 12.5]}"), 0.9},
    {"exponential", "'y'", "", SCHED("'exponential'"), 0.9},
    {"inverse_time", "'y'", "", SCHED("'inverse_time'"), 0.9},
    {"polynomial", "'y'", "", SCHED("{'type': 'polynomial', 'power': 2, 'final': 0.1}"), 0.9},
    {"cosine", "'y'", "",
     SCHED("{'type': 'cosine', 'warmup_epochs': 2, 'cycle_epochs': 4, "
           "'cycle_growth': 2}"),
     0.9},
    {"one_cycle", "'y'", "", SCHED("'one_cycle'"), 0.9},
    {"reduce_on_plateau", "'y'", "",
     SCHED("{'type': 'reduce_on_plateau', 'patience': 1, 'factor':"
           " 0.5}"),
     0.9},
};

static const struct named layers[] = {
    {"batch_norm", "'y'", "", LAYERS("[{'units': 8, 'batch_norm': true}]"), 0.95},
    {"layer_norm", "'y'", "", LAYERS("[{'units': 8, 'layer_norm': true}]"), 0.9},
    {"residual", "'y'", "",
     LAYERS("[{'units': 3, 'residual': true}, {'units': 3, 'residual': "
            "true}, 8]"),
     0.9},
    {"dropout", "'y'", "", LAYERS("[{'units': 16, 'dropout': 0.2}]"), 0.95},
    {"noise", "'y'", "", LAYERS("[{'units': 8, 'gaussian_noise': 0.1}]"), 0.95},
    {"l1 and l2 of its own", "'y'", "", LAYERS("[{'units': 8, 'l1': 0.001, 'l2': 0.001}]"), 0.9},
    {"frozen", "'y'", "",
     LAYERS("[{'units': 16, 'frozen': true}, {'units': 4, "
            "'learning_rate_multiplier': 2}]"),
     0.95},
    {"maxout, normalised, added", "'c'", "",
     LAYERS("[8, {'units': 8, 'activation': 'maxout', 'pieces': 2, 'batch_norm': true, "
            "'residual': true, 'dropout': 0.1}]"),
     0.95},
    {"of the input", "'y'", "",
     ", 'architecture': {'hidden': [8], 'input_scale': true, 'input_dropout': 0.05, "
     "'input_noise': 0.05}, 'optimizer': {'learning_rate': 0.01, 'input_scale_multiplier': 3, "
     "'bias_multiplier': 2}",
     0.95},
    {"linear", "'y'", "", LAYERS("[]"), 0.95},
};

static const char *const inits[] = {
    "glorot_uniform", "glorot_normal",  "he_uniform", "he_normal", "lecun_uniform",
    "lecun_normal",   "uniform_fan_in", "orthogonal", "uniform",   "normal",
};

#define ON_Y ", 'optimizer': {'learning_rate': 0.01}, 'architecture': {'hidden': [8]}"
static const struct named settings[] = {
    {"threads", "'y'", ", 'threads': 3", ON_Y, 0.9},
    {"clip_norm", "'y'", ", 'clip_norm': 1", ON_Y, 0.95},
    {"clip_value", "'y'", ", 'clip_value': 0.1", ON_Y, 0.95},
    {"max_norm", "'y'", ", 'max_norm': 2", ON_Y, 0.9},
    {"accumulate", "'y'", ", 'accumulate': 2, 'drop_last': true", ON_Y, 0.95},
    {"ema", "'y'", ", 'average': {'type': 'ema', 'decay': 0.9}", ON_Y, 0.9},
    {"swa", "'c'", ", 'average': 'swa'", LAYERS("[{'units': 8, 'batch_norm': true}]"), 0.95},
    {"class_weight", "'c'", ", 'class_weight': 'balanced'", ON_Y, 0.9},
    {"class weights", "'b'", ", 'class_weight': {'yes': 3}", ON_Y, 0.9},
    {"sample_weight", "'y'", "", "DATA, 'sample_weight': 'w'", 0.95},
    {"offset", "'y'", "", "DATA, 'offset': 'o'", 0.95},
};

static void learn_all(const struct named *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)learns(cases[i].name, job_on(cases[i].target, cases[i].training, cases[i].more),
                     cases[i].share);
    }
}

START_TEST(every_activation)
{
    learn_all(activations, COUNT(activations));
}
END_TEST

START_TEST(every_loss)
{
    learn_all(losses, COUNT(losses));
}
END_TEST

START_TEST(every_optimizer)
{
    learn_all(optimizers, COUNT(optimizers));
    for (size_t i = 0; i < COUNT(full_batch); i++) {
        (void)learns(full_batch[i],
                     text("{'preset': 'simple', 'data': {'dataset': 'names', 'target': 'y', "
                          "'exclude': ['c', 'b', 'z', "
                          "'p1', 'p2', 'p3', 'w', 'o']}, 'optimizer': '%s', 'training': {'epochs': "
                          "30, 'seed': 3}, 'architecture': {'hidden': [8]}}",
                          full_batch[i]),
                     0.9);
    }
}
END_TEST

START_TEST(every_schedule)
{
    learn_all(schedules, COUNT(schedules));
}
END_TEST

START_TEST(every_kind_of_layer)
{
    learn_all(layers, COUNT(layers));
    for (size_t i = 0; i < COUNT(inits); i++) {
        (void)learns(inits[i],
                     job_on("'y'", "",
                            text(", 'architecture': {'hidden': [8], 'init': '%s'}, 'optimizer': "
                                 "{'learning_rate': 0.02}",
                                 inits[i])),
                     0.95);
    }
}
END_TEST

START_TEST(every_setting)
{
    learn_all(settings, COUNT(settings));
}
END_TEST

/* Pictures of 8 by 8, moved by a pixel. */
START_TEST(pictures_are_moved)
{
    struct reply *r;

    upload_example("digits");
    r = learns("augment",
               "{'preset': 'simple', 'data': {'dataset': 'digits', 'target': 'digit', 'split': "
               "null}, 'preprocess': "
               "{'numeric': 'standardize_together'}, 'architecture': {'hidden': [32]}, "
               "'training': {'epochs': 4, 'seed': 1, 'augment': {'shift': 1}}}",
               0.7);
    ck_assert_int_eq(integer(r, "/resolved/training/augment/height"), 8);
    r = want(http_get("/models/%lld", (long long)integer(r, "/model_id")), 200);
    ck_assert_int_eq(integer(r, "/architecture/inputs"), 64); /* constant pixels too */
    ck_assert_double_gt(num(r, "/metrics/training/accuracy"), 0.7);
}
END_TEST

#define WIDE                                                                                       \
    "{'preset': 'simple', 'data': {'dataset': 'digits', 'target': 'digit', 'split': null}, "       \
    "'architecture': "                                                                             \
    "{'hidden': "                                                                                  \
    "[300, 200]}, 'training': {'epochs': 2, 'batch_size': 256, 'seed': 1%s}}"

/* Wide enough for threads to be used. */
START_TEST(threads_change_no_bit)
{
    const char *one;

    upload_example("digits");
    one = sha_of(wait_for_job(train(WIDE, ""), "succeeded"));
    for (int n = 2; n <= 8; n += n == 3 ? 5 : 1) {
        ck_assert_str_eq(
            one, sha_of(wait_for_job(train(WIDE, text(", 'threads': %d", n)), "succeeded")));
    }
}
END_TEST

/* Where the processor has it, else refused with the reason. */
START_TEST(bfloat16_or_why_not)
{
    struct reply *r;

    upload_example("digits");
    r = http_post(q(WIDE, ", 'precision': 'bfloat16'"), "/train");
    if (r->status == 202) {
        (void)learns("bfloat16", text(WIDE, ", 'precision': 'bfloat16'"), 0.9);
    } else {
        want_problem(r, 422, "/training/precision", "bfloat16 is not possible here: ");
    }
}
END_TEST

/* ---- what ends a training ------------------------------------------------------------- */

START_TEST(trainings_end_for_their_reasons)
{
    struct reply *r;

    r = wait_for_job(train("%s", job_on("'y'",
                                        ", 'early_stopping': {'monitor': 'training_r2', "
                                        "'target': 0.1}",
                                        ON_Y)),
                     "succeeded");
    ck_assert_str_eq(str(r, "/result/stopped_by"), "target");
    ck_assert_str_eq(str(r, "/result/best_of"), "training_r2");
    ck_assert_double_ge(num(r, "/result/best_loss"), 0.1);
    r = wait_for_job(train("{'preset': 'simple', 'data': {'dataset': 'names', 'target': 'y'}, "
                           "'training': {'epochs': "
                           "1000000, 'max_seconds': 0.2, 'early_stopping': null}}"),
                     "succeeded");
    ck_assert_str_eq(str(r, "/result/stopped_by"), "max_seconds");
    r = wait_for_job(train("{'preset': 'simple', 'data': {'dataset': 'names', 'target': 'c'}, "
                           "'training': {'epochs': "
                           "200, 'early_stopping': {'monitor': 'validation_f1_macro', 'patience': "
                           "3}}}"),
                     "succeeded");
    ck_assert_str_eq(str(r, "/result/stopped_by"), "patience");
    ck_assert_str_eq(str(r, "/result/best_of"), "validation_f1_macro");
    r = want(http_get("/jobs/%lld/curve", (long long)integer(r, "/id")), 200);
    ck_assert(has(r, "/points/0/metrics/f1_macro"));
    /* the best is the one that the monitor chose */
    r = wait_for_job(train("{'preset': 'simple', 'data': {'dataset': 'names', 'target': 'y'}, "
                           "'training': {'epochs': "
                           "30, 'seed': 1, 'early_stopping': {'monitor': 'test_mae'}}}"),
                     "succeeded");
    {
        double best = num(r, "/result/best_loss");
        int64_t model = integer(r, "/model_id");

        ck_assert_int_gt(integer(r, "/result/best_epoch"), 1);
        ck_assert_msg(strstr(r->body, "watches the test part") != NULL, "%.2000s", r->body);
        ck_assert_double_eq_tol(
            num(want(http_get("/models/%lld", (long long)model), 200), "/metrics/test/mae"), best,
            1e-12);
    }
}
END_TEST

START_TEST(gradients_are_in_the_curve)
{
    struct reply *r = wait_for_job(
        train("%s", job_on("'y'", ", 'record_gradient_norms': true", LAYERS("[8, 4]"))),
        "succeeded");
    int64_t id = integer(r, "/id");
    const char *csv;

    r = want(http_get("/jobs/%lld/curve", (long long)id), 200);
    ck_assert_uint_eq(length(r, "/points/0/gradient_norms"), 3);
    for (int k = 0; k < 3; k++) {
        ck_assert_double_gt(num(r, text("/points/19/gradient_norms/%d", k)), 0);
    }
    csv = http_send(&(struct request){.path = text("/jobs/%lld/curve", (long long)id),
                                      .headers = (const char *const[]){"Accept: text/csv", NULL}})
              ->body;
    ck_assert_ptr_nonnull(strstr(csv, ",gradient_norm_1,gradient_norm_2,gradient_norm_3\n"));
}
END_TEST

/* ---- weights and offsets -------------------------------------------------------------------- */

/* A row of weight 2 is the same as the row twice. */
START_TEST(a_weight_is_rows)
{
    static const char job[] =
        "{'preset': 'simple', 'data': {'x': [%s], 'y': [%s], 'features': ['x1'%s]%s}, "
        "'architecture': {'hidden': []}, "
        "'training': {'epochs': 1, 'batch_size': 65536, 'shuffle': false, 'seed': 1}, "
        "'optimizer': {'type': 'sgd', 'learning_rate': 0.1}, 'preprocess': {'numeric': 'none', "
        "'target': 'none'}}";
    struct reply *weighed, *twice;
    int64_t a =
        trained(train(job, "[1,2],[2,1],[3,1]", "1.5,2.25,7.5", ", 'w'", ", 'sample_weight': 'w'"));
    int64_t b = trained(train(job, "[1],[1],[2],[3]", "1.5,1.5,2.25,7.5", "", ""));

    weighed = want(http_get("/models/%lld/weights", (long long)a), 200);
    twice = want(http_get("/models/%lld/weights", (long long)b), 200);
    ck_assert_double_eq_tol(num(weighed, "/layers/0/weights/0/0"),
                            num(twice, "/layers/0/weights/0/0"), 1e-6);
    ck_assert_double_eq_tol(num(weighed, "/layers/0/bias/0"), num(twice, "/layers/0/bias/0"), 1e-6);
    weighed = want(http_get("/models/%lld", (long long)a), 200);
    twice = want(http_get("/models/%lld", (long long)b), 200);
    ck_assert_double_eq_tol(num(weighed, "/metrics/training/mae"),
                            num(twice, "/metrics/training/mae"), 1e-6);
    ck_assert_uint_eq(length(weighed, "/features"), 1); /* the weight is none */
}
END_TEST

/* Classes weigh as their rows would, in training; in metrics every row still counts as one. */
START_TEST(a_class_weight_is_its_rows)
{
    static const char job[] =
        "{'preset': 'simple', 'data': {'x': [%s], 'y': [%s], 'features': ['x1', 'w'], 'split': "
        "null, %s}, "
        "'architecture': {'hidden': [4]}, 'training': {'epochs': 5, 'batch_size': 8, 'seed': 2%s}}";
    char *x = text("%s", ""), *y = text("%s", "");
    struct reply *by_class, *by_row, *balanced, *plain;

    for (int i = 0; i < 40; i++) {
        bool yes = i % 4 == 0; /* 10 of 40: n / (K n_k) is 2, and 2/3 for the others */

        x = text("%s%s[%.4f,%d]", x, i > 0 ? "," : "", sin(i * 1.1) + yes, yes ? 3 : 1);
        y = text("%s%s'%s'", y, i > 0 ? "," : "", yes ? "yes" : "no");
    }
    by_class = wait_for_job(train(job, x, y, "'exclude': ['w']", ", 'class_weight': {'yes': 3}"),
                            "succeeded");
    by_row = wait_for_job(train(job, x, y, "'sample_weight': 'w'", ""), "succeeded");
    balanced = wait_for_job(train(job, x, y, "'exclude': ['w']", ", 'class_weight': 'balanced'"),
                            "succeeded");
    plain = wait_for_job(train(job, x, y, "'exclude': ['w']", ""), "succeeded");
    ck_assert_str_eq(sha_of(by_class), sha_of(by_row));
    ck_assert_str_eq(sha_of(by_class), sha_of(balanced)); /* 2 to 2/3 is 3 to 1 */
    ck_assert(strcmp(sha_of(by_class), sha_of(plain)) != 0);
    {
        struct reply *a =
            want(http_get("/models/%lld", (long long)integer(by_class, "/model_id")), 200);
        struct reply *b =
            want(http_get("/models/%lld", (long long)integer(by_row, "/model_id")), 200);

        ck_assert(fabs(num(a, "/metrics/training/log_loss") -
                       num(b, "/metrics/training/log_loss")) > 1e-4);
    }
}
END_TEST

/* Without anything to learn, a poisson model with exposure predicts rate x exposure. */
START_TEST(an_offset_is_added_in_training_and_prediction)
{
    char *x = text("%s", ""), *y = text("%s", "");
    struct reply *r;
    int64_t model;

    for (int i = 0; i < 60; i++) {
        double exposure = 1 + i % 4;

        x = text("%s%s[%d,%.8f]", x, i > 0 ? "," : "", i % 2, log(exposure));
        y = text("%s%s%.1f", y, i > 0 ? "," : "", 3 * exposure + 0.5 * (i % 2 ? 1 : -1));
    }
    model = trained(train(
        "{'preset': 'simple', 'data': {'x': [%s], 'y': [%s], 'features': ['side', 'log_exposure'], "
        "'offset': 'log_exposure', 'split': null}, 'loss': 'poisson', "
        "'architecture': {'hidden': [], 'output_init': 'zeros'}, 'training': "
        "{'epochs': 1, 'seed': 1}, 'optimizer': {'learning_rate': 1e-9}}",
        x, y));
    r = want(http_get("/models/%lld", (long long)model), 200);
    ck_assert_str_eq(str(r, "/offset"), "log_exposure");
    ck_assert_uint_eq(length(r, "/features"), 1);
    ck_assert_str_eq(str(r, "/architecture/output"), "exp");
    r = want(http_get("/models/%lld/predict?side=0&log_exposure=0", (long long)model), 200);
    {
        double one = num(r, "/predictions/0/value");

        ck_assert_double_eq_tol(one, 3, 1e-4); /* right on average before any step */
        r = want(http_post(q("{'instances': [{'side': 0, 'log_exposure': %.9f}]}", log(4.0)),
                           "/models/%lld/predict", (long long)model),
                 200);
        ck_assert_double_eq_tol(num(r, "/predictions/0/value"), 4 * one, 1e-5 * one);
    }
    want_problem(http_get("/models/%lld/predict?side=0", (long long)model), 422, "/log_exposure",
                 "is missing");
    want_problem(
        http_post(q("{'instances': [[0,null]]}"), "/models/%lld/predict", (long long)model), 422,
        "/instances/0/log_exposure", "the model adds it");
    r = want(http_post(q("{'instances': [[0, 0, 3], [1, 0, 3]]}"), "/models/%lld/evaluate",
                       (long long)model),
             200);
    ck_assert(isfinite(num(r, "/metrics/mae")));
}
END_TEST

/* In the target's units, whatever the target is scaled by. */
START_TEST(an_offset_is_in_the_targets_units)
{
    char *x = text("%s", ""), *y = text("%s", "");
    int64_t model;
    double none, some;

    for (int i = 0; i < 60; i++) {
        x = text("%s%s[%.4f,%d]", x, i > 0 ? "," : "", sin(i), 10 * (i % 7));
        y = text("%s%s%.4f", y, i > 0 ? "," : "", 100 + 5 * sin(i) + 10 * (i % 7));
    }
    model = trained(train(
        "{'preset': 'simple', 'data': {'x': [%s], 'y': [%s], 'offset': 'x2'}, 'architecture': "
        "{'hidden': []}, 'optimizer': {'learning_rate': 0.05}, 'training': "
        "{'epochs': 200, 'seed': 1, 'early_stopping': null}}",
        x, y));
    none = num(want(http_get("/models/%lld/predict?x1=0.5&x2=0", (long long)model), 200),
               "/predictions/0/value");
    some = num(want(http_get("/models/%lld/predict?x1=0.5&x2=40", (long long)model), 200),
               "/predictions/0/value");
    ck_assert_double_eq_tol(some - none, 40, 1e-3);
    ck_assert_double_eq_tol(none, 102.5, 1.5);
}
END_TEST

/* Shares of classes come back as probabilities that sum to 1. */
START_TEST(shares_are_predicted)
{
    int64_t model = trained(
        train("%s", job_on("['p1', 'p2', 'p3']", "",
                           ", 'loss': 'cross_entropy', 'architecture': {'output': 'softmax'}")));
    struct reply *r = want(
        http_post(q("{'instances': [[0.5, 0.5, 0]]}"), "/models/%lld/predict", (long long)model),
        200);

    ck_assert_double_eq_tol(num(r, "/predictions/0/probabilities/p1") +
                                num(r, "/predictions/0/probabilities/p2") +
                                num(r, "/predictions/0/probabilities/p3"),
                            1, 1e-5);
    r = wait_for_job(train("{'preset': 'simple', 'data': {'x': [[1],[2],[3],[4]], 'y': "
                           "[[0.5,0.5],[0.2,0.8],[0.5,0.4],"
                           "[1,0]]}, 'loss': 'cross_entropy', 'architecture': {'output': "
                           "'softmax'}}"),
                     "failed");
    ck_assert_ptr_nonnull(strstr(str(r, "/error/detail"), "row 3: the targets are shares"));
    want_problem(http_post(q("{'preset': 'simple', 'data': {'x': [[1],[2],[3],[4]], 'y': "
                             "[[0.5,0.5],[0.2,0.8],[0.5,0.4],"
                             "[1,0]]}, 'loss': 'cross_entropy', 'architecture': {'output': "
                             "'identity'}}"),
                           "/train"),
                 422, "/architecture/output", NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_names");
    TCase *tc = case_with("names", start, stop);

    tcase_set_timeout(tc, 120 * PATIENCE);
    tcase_add_test(tc, every_activation);
    tcase_add_test(tc, every_loss);
    tcase_add_test(tc, every_optimizer);
    tcase_add_test(tc, every_schedule);
    tcase_add_test(tc, every_kind_of_layer);
    tcase_add_test(tc, every_setting);
    tcase_add_test(tc, pictures_are_moved);
    tcase_add_test(tc, threads_change_no_bit);
    tcase_add_test(tc, bfloat16_or_why_not);
    tcase_add_test(tc, trainings_end_for_their_reasons);
    tcase_add_test(tc, gradients_are_in_the_curve);
    tcase_add_test(tc, a_weight_is_rows);
    tcase_add_test(tc, a_class_weight_is_its_rows);
    tcase_add_test(tc, an_offset_is_added_in_training_and_prediction);
    tcase_add_test(tc, an_offset_is_in_the_targets_units);
    tcase_add_test(tc, shares_are_predicted);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
