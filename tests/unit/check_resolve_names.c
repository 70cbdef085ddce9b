/* Resolving the names of the learning core against data: what each becomes, its defaults, what
 * cannot work together, and that every one of them prints to a job that is itself. Parents are
 * in check_resolve_parent.c. */
#include "jobs/config.h"

#include <float.h>
#include <math.h>

#include "base/hash.h"
#include "jobs/config_priv.h"
#include "resolve_help.h"

/* x1, x2 features; c 3 texts, b 2; y > 0, n around 0, z counts from 0; p1..p3 shares; w, o
 * numbers >= 0; w0 zeros; wm with a gap; wn negative. */
static struct dataset *names_table(size_t rows, struct dataset_summary *summary)
{
    static const char *const texts[] = {"red", "green", "blue"};
    struct buf csv = BUF_INIT;
    struct dataset *ds;
    size_t i;

    buf_puts(&csv, "x1,x2,c,b,y,n,z,p1,p2,p3,w,o,w0,wm,wn\n");
    for (i = 0; i < rows; i++) {
        buf_printf(&csv, "%g,%g,%s,%s,%g,%g,%zu,%g,%g,%g,%g,%g,0,%s,%g\n", (double)i * 0.5,
                   sin((double)i), texts[i % 3], i % 2 ? "yes" : "no", 0.25 + (double)i * 0.1,
                   cos((double)i), i, i % 2 ? 0.5 : 0.25, i % 2 ? 0.25 : 0.5, 0.25,
                   (double)(i % 4) * 0.5, (double)(i % 5) * 0.1, i % 7 ? "1" : "",
                   (double)(i % 3) - 1);
    }
    ds = help_dataset(csv.data, summary);
    buf_fini(&csv);
    return ds;
}

#define ROWS_THERE 100
#define ON(target, more)                                                                           \
    "{\"data\":{\"dataset\":\"d\",\"target\":" target ",\"exclude\":[]}" more "}"
#define HIDDEN(layers) ",\"architecture\":{\"hidden\":[" layers "]}"
#define NET(more)      ",\"architecture\":{" more "}"

static void names_open(struct fixture *f)
{
    *f = (struct fixture){.ds = NULL};
    f->ds = names_table(ROWS_THERE, &f->summary);
}

/* Resolved, printed, and resolved again to the same text. */
static void resolve_twice(struct fixture *f, const char *text)
{
    char *first, *second;

    resolve_ok(f, text);
    first = config_print(&f->spec);
    resolve_ok(f, first);
    ck_assert_uint_eq(f->warnings.n_items, 0);
    second = config_print(&f->spec);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
}

/* ---- losses ------------------------------------------------------------------------------ */

static const struct {
    const char *json;
    enum mlp_loss loss;
    enum mlp_output output;
    double parameter;
    enum encoder_numeric scale;
} losses[] = {
    {ON("\"c\"", ",\"loss\":\"cross_entropy\""), MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, 0,
     ENCODER_NONE},
    {ON("\"c\"", ",\"loss\":\"focal\""), MLP_FOCAL, MLP_OUT_SOFTMAX, 2, ENCODER_NONE},
    {ON("\"b\"", ",\"loss\":{\"type\":\"focal\",\"gamma\":0}"), MLP_BINARY_FOCAL, MLP_OUT_SIGMOID,
     0, ENCODER_NONE},
    {ON("\"y\"", ",\"loss\":\"mae\""), MLP_MAE, MLP_OUT_IDENTITY, 0, ENCODER_STANDARDIZE},
    {ON("\"y\"", ",\"loss\":\"huber\""), MLP_HUBER, MLP_OUT_IDENTITY, 1, ENCODER_STANDARDIZE},
    {ON("\"y\"", ",\"loss\":{\"type\":\"huber\",\"delta\":2.5}"), MLP_HUBER, MLP_OUT_IDENTITY, 2.5,
     ENCODER_STANDARDIZE},
    {ON("\"y\"", ",\"loss\":\"quantile\""), MLP_QUANTILE, MLP_OUT_IDENTITY, 0.5,
     ENCODER_STANDARDIZE},
    {ON("\"y\"", ",\"loss\":{\"type\":\"quantile\",\"tau\":0.9}"), MLP_QUANTILE, MLP_OUT_IDENTITY,
     0.9, ENCODER_STANDARDIZE},
    {ON("\"y\"", ",\"loss\":\"log_cosh\""), MLP_LOG_COSH, MLP_OUT_IDENTITY, 0, ENCODER_STANDARDIZE},
    {ON("\"z\"", ",\"loss\":\"poisson\""), MLP_POISSON, MLP_OUT_EXP, 0, ENCODER_NONE},
    {ON("\"y\"", ",\"loss\":\"gamma\""), MLP_GAMMA, MLP_OUT_EXP, 0, ENCODER_NONE},
    {ON("\"z\"", ",\"loss\":\"tweedie\""), MLP_TWEEDIE, MLP_OUT_EXP, 1.5, ENCODER_NONE},
    {ON("\"z\"", ",\"loss\":{\"type\":\"tweedie\",\"power\":1.1}"), MLP_TWEEDIE, MLP_OUT_EXP, 1.1,
     ENCODER_NONE},
    /* shares of classes */
    {ON("[\"p1\",\"p2\",\"p3\"]", ",\"loss\":\"cross_entropy\",\"architecture\":"
                                  "{\"output\":\"softmax\"}"),
     MLP_CROSS_ENTROPY, MLP_OUT_SOFTMAX, 0, ENCODER_NONE},
    {ON("[\"p1\",\"p2\",\"p3\"]", ",\"loss\":\"focal\",\"architecture\":{\"output\":\"softmax\"}"),
     MLP_FOCAL, MLP_OUT_SOFTMAX, 2, ENCODER_NONE},
    {ON("[\"y\",\"z\"]", ",\"loss\":\"poisson\""), MLP_POISSON, MLP_OUT_EXP, 0, ENCODER_NONE},
};

START_TEST(a_loss_becomes)
{
    struct fixture f;

    names_open(&f);
    resolve_twice(&f, losses[_i].json);
    ck_assert_int_eq(f.spec.loss, losses[_i].loss);
    ck_assert_int_eq(f.spec.output, losses[_i].output);
    ck_assert_double_eq(f.spec.loss_parameter, losses[_i].parameter);
    ck_assert_int_eq(f.spec.target_scale, losses[_i].scale);
    fixture_close(&f);
}
END_TEST

/* delta is in the target's units; without one it is 1 in training units. */
START_TEST(delta_is_in_the_targets_units)
{
    struct fixture f;
    struct mlp_spec net;

    names_open(&f);
    resolve_ok(&f, ON("\"y\"", ",\"loss\":{\"type\":\"huber\",\"delta\":3}"));
    net = job_spec_network(&f.spec, 2, 0, 1.5);
    ck_assert_double_eq(net.loss_parameter, 2);
    resolve_ok(&f, ON("\"y\"", ",\"loss\":\"huber\""));
    net = job_spec_network(&f.spec, 2, 0, 1.5);
    ck_assert_double_eq(net.loss_parameter, 1);
    fixture_close(&f);
}
END_TEST

/* ---- optimizers ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    double rate, beta1, beta2, epsilon, rho, decay;
} optimizers[] = {
    {"sgd", 1e-2, 0, 0, 0, 0, 0},
    {"adam", 1e-3, .9, .999, 1e-8, 0, 0},
    {"adamw", 1e-3, .9, .999, 1e-8, 0, .01},
    {"nadam", 2e-3, .9, .999, 1e-8, 0, 0},
    {"radam", 1e-3, .9, .999, 1e-8, 0, 0},
    {"lion", 1e-4, .9, .99, 0, 0, 0},
    {"rmsprop", 1e-2, 0, 0, 1e-8, .99, 0},
    {"adagrad", 1e-2, 0, 0, 1e-10, 0, 0},
    {"adadelta", 1, 0, 0, 1e-6, .9, 0},
    {"rprop", 1e-2, 0, 0, 0, 0, 0},
    {"lbfgs", 1, 0, 0, 0, 0, 0},
};

START_TEST(an_optimizer_has_its_defaults)
{
    char *text = xasprintf("{\"preset\":\"simple\",\"data\":{\"dataset\":\"d\",\"target\":\"y\"},"
                           "\"optimizer\":\"%s\"}",
                           optimizers[_i].name);
    const struct mlp_train_spec *t;
    struct fixture f;

    names_open(&f);
    resolve_twice(&f, text);
    t = &f.spec.train;
    ck_assert_str_eq(mlp_optimizer_names()[t->optimizer], optimizers[_i].name);
    ck_assert_double_eq(t->learning_rate, optimizers[_i].rate);
    ck_assert_double_eq(t->beta1, optimizers[_i].beta1);
    ck_assert_double_eq(t->beta2, optimizers[_i].beta2);
    ck_assert_double_eq(t->epsilon, optimizers[_i].epsilon);
    ck_assert_double_eq(t->rho, optimizers[_i].rho);
    ck_assert_double_eq(t->weight_decay, optimizers[_i].decay);
    ck_assert_double_eq(t->momentum_decay, strcmp(optimizers[_i].name, "nadam") == 0 ? .004 : 0);
    ck_assert(job_spec_full_batch(&f.spec) == (t->optimizer >= MLP_RPROP));
    free(text);
    fixture_close(&f);
}
END_TEST

/* ---- schedules ---------------------------------------------------------------------------------
 */

#define SCHEDULE(text) ON("\"y\"", ",\"training\":{\"epochs\":30},\"schedule\":" text)

START_TEST(a_schedule_has_its_defaults)
{
    struct fixture f;
    const struct mlp_schedule *s = &f.spec.train.schedule;

    names_open(&f);
    resolve_twice(&f, SCHEDULE("\"step\""));
    ck_assert(s->type == MLP_STEP && s->factor == 0.1 && s->every == 10);
    resolve_twice(&f, SCHEDULE("\"multistep\""));
    ck_assert(s->type == MLP_MULTISTEP && s->n_milestones == 2 && s->milestones[0] == 15 &&
              s->milestones[1] == 22.5);
    resolve_twice(&f, SCHEDULE("{\"type\":\"multistep\",\"milestones\":[1,2.5,7],\"factor\":0.5}"));
    ck_assert(s->n_milestones == 3 && s->milestones[1] == 2.5 && s->factor == 0.5);
    resolve_twice(&f, SCHEDULE("\"exponential\""));
    ck_assert_double_eq_tol(pow(s->factor, 30), 0.01, 1e-12);
    resolve_twice(&f, SCHEDULE("\"inverse_time\""));
    ck_assert_double_eq_tol(1 / (1 + s->factor * 30), 0.1, 1e-12);
    resolve_twice(&f, SCHEDULE("\"polynomial\""));
    ck_assert(s->power == 1 && s->final == 0);
    resolve_twice(&f, SCHEDULE("{\"type\":\"cosine\",\"warmup_epochs\":2.5,\"final\":0.1}"));
    ck_assert(s->warmup_epochs == 2.5 && s->final == 0.1 && s->cycle_epochs == 0 &&
              s->cycle_growth == 1);
    resolve_twice(&f, SCHEDULE("{\"type\":\"cosine\",\"cycle_epochs\":4,\"cycle_growth\":2}"));
    ck_assert(s->cycle_epochs == 4 && s->cycle_growth == 2);
    resolve_twice(&f, SCHEDULE("\"one_cycle\""));
    ck_assert(s->peak == 0.3 && s->start_divisor == 25 && s->final_divisor == 1e4);
    resolve_twice(&f, SCHEDULE("\"reduce_on_plateau\""));
    ck_assert(s->type == MLP_PLATEAU && s->factor == 0.1 && s->patience == 10 && s->cooldown == 0);
    resolve_twice(&f, SCHEDULE("null"));
    ck_assert(s->type == MLP_CONSTANT && s->warmup_epochs == 0);
    fixture_close(&f);
}
END_TEST

/* ---- layers ---- */

START_TEST(layers_have_what_they_ask_for)
{
    struct fixture f;
    const struct mlp_layer_spec *h;

    names_open(&f);
    resolve_twice(&f, ON("\"y\"", NET("\"activation\":\"selu\",\"dropout\":0.2,\"batch_norm\":true,"
                                      "\"residual\":true,\"input_dropout\":0.1,\"input_noise\":0.3,"
                                      "\"input_scale\":true,\"hidden\":[8,8,"
                                      "{\"units\":4,\"activation\":\"maxout\",\"pieces\":3,"
                                      "\"layer_norm\":true,\"dropout\":0,\"init\":\"normal\"},"
                                      "{\"units\":4,\"activation\":\"prelu\",\"batch_norm\":false,"
                                      "\"residual\":false,\"gaussian_noise\":0.5,"
                                      "\"init\":\"orthogonal\",\"init_scale\":2}]")));
    h = f.spec.hidden;
    ck_assert(h[0].norm == MLP_NORM_BATCH && h[0].dropout == 0.2 && !h[0].residual);
    ck_assert(h[0].init == MLP_LECUN_NORMAL && h[0].init_scale == 0);
    ck_assert(h[1].residual);
    ck_assert(h[2].norm == MLP_NORM_LAYER && h[2].pieces == 3 && h[2].dropout == 0 &&
              !h[2].residual && h[2].init_scale == 0.05);
    ck_assert(h[3].norm == MLP_NORM_NONE && !h[3].residual && h[3].noise == 0.5 &&
              h[3].init_scale == 2);
    ck_assert(f.spec.input_scale && f.spec.input_dropout == 0.1 && f.spec.input_noise == 0.3);
    ck_assert_ptr_null(f.spec.train.layers);
    resolve_twice(&f, ON("\"y\"", NET("\"activation\":\"maxout\",\"pieces\":2,\"hidden\":[3,4],"
                                      "\"init\":\"uniform\",\"init_scale\":0.3,"
                                      "\"output_init\":\"zeros\"")));
    ck_assert(f.spec.hidden[1].pieces == 2 && f.spec.hidden[1].init_scale == 0.3);
    ck_assert(f.spec.output_init == MLP_ZEROS && f.spec.output_init_scale == 0);
    fixture_close(&f);
}
END_TEST

START_TEST(layers_train_as_they_ask_for)
{
    struct fixture f;
    const struct mlp_layer_train *t;

    names_open(&f);
    resolve_twice(&f, ON("\"y\"", ",\"optimizer\":{\"l1\":0.1,\"l2\":0.2}" HIDDEN(
                                      "{\"units\":3,\"l1\":0,\"l2\":0.5},"
                                      "{\"units\":3,\"learning_rate_multiplier\":0.1},"
                                      "{\"units\":3,\"frozen\":true}")));
    t = f.spec.train.layers;
    ck_assert_ptr_nonnull(t);
    ck_assert(t[0].l1 == 0 && t[0].l2 == 0.5 && t[0].rate == 1 && !t[0].frozen);
    ck_assert(t[1].l1 == 0.1 && t[1].l2 == 0.2 && t[1].rate == 0.1);
    ck_assert(t[2].frozen && !t[3].frozen && t[3].l2 == 0.2);
    fixture_close(&f);
}
END_TEST

/* ---- the rest ---- */

START_TEST(training_has_what_it_asks_for)
{
    struct fixture f;
    const struct mlp_train_spec *t = &f.spec.train;

    names_open(&f);
    resolve_twice(&f,
                  ON("\"c\"", ",\"training\":{\"epochs\":40,\"accumulate\":3,\"drop_last\":true,"
                              "\"threads\":4,\"clip_norm\":5,\"clip_value\":2,\"max_norm\":3,"
                              "\"class_weight\":{\"red\":2.5,\"blue\":0.5},"
                              "\"label_smoothing\":0.1,\"average\":\"swa\","
                              "\"record_gradient_norms\":true,\"max_seconds\":9.5,"
                              "\"early_stopping\":{\"monitor\":\"validation_f1\","
                              "\"target\":0.9,\"min_delta\":0.01}}"));
    ck_assert(t->accumulate == 3 && t->drop_last && t->threads == 4 && t->gradient_norms);
    ck_assert(t->clip_norm == 5 && t->clip_value == 2 && t->max_norm == 3);
    ck_assert(t->label_smoothing == 0.1 && t->max_seconds == 9.5);
    ck_assert(t->average == MLP_AVERAGE_SWA && t->average_start == 30);
    ck_assert_uint_eq(f.spec.n_class_weights, 2);
    ck_assert(f.spec.class_weights[0].weight == 2.5 && !f.spec.balanced);
    ck_assert(t->has_target && t->target == 0.9 && t->maximize && t->min_delta == 0.01);
    ck_assert(f.spec.monitor.part == SPLIT_VALIDATION && f.spec.monitor.of_metric &&
              f.spec.monitor.metric == MLP_METRIC_F1);
    resolve_twice(&f, ON("\"b\"", ",\"training\":{\"class_weight\":\"balanced\",\"average\":"
                                  "{\"type\":\"ema\",\"decay\":0.5}}"));
    ck_assert(f.spec.balanced && t->average == MLP_AVERAGE_EMA && t->average_decay == 0.5);
    resolve_twice(&f, ON("\"y\"", ",\"training\":{\"early_stopping\":{\"monitor\":"
                                  "\"training_rmse\"}}"));
    ck_assert(f.spec.monitor.part == SPLIT_TRAINING && !t->maximize);
    fixture_close(&f);
}
END_TEST

START_TEST(rows_have_weights_and_offsets)
{
    struct fixture f;

    names_open(&f);
    resolve_twice(&f, "{\"data\":{\"dataset\":\"d\",\"target\":\"z\",\"sample_weight\":\"w\","
                      "\"offset\":\"o\"},\"loss\":\"poisson\"}");
    ck_assert_str_eq(f.spec.sample_weight, "w");
    ck_assert_str_eq(f.spec.offset, "o");
    fixture_close(&f);
}
END_TEST

#define PICTURE(more, augment)                                                                     \
    "{\"data\":{\"dataset\":\"d\",\"target\":\"b\",\"exclude\":[\"c\",\"p1\",\"p2\",\"p3\",\"w\"," \
    "\"o\",\"w0\",\"wm\",\"wn\"" more "]},\"preprocess\":{\"numeric\":\"standardize_together\"},"  \
    "\"training\":{\"augment\":{" augment "}}}"

START_TEST(pictures_have_sides)
{
    struct fixture f;
    const struct mlp_augment *a = &f.spec.train.augment;

    names_open(&f);
    resolve_twice(&f, PICTURE(",\"z\"", "\"shift\":1")); /* x1, x2, y, n */
    ck_assert(a->shift == 1 && a->height == 2 && a->width == 2 && a->channels == 1);
    ck_assert_int_eq(f.spec.plan.numeric, ENCODER_TOGETHER);
    ck_assert(!a->mirror && a->rotate == 0 && a->zoom == 0);
    resolve_twice(&f, PICTURE(",\"z\"", "\"mirror\":true"));
    ck_assert(a->shift == 0 && a->mirror && a->height == 2);
    resolve_twice(&f, PICTURE(",\"z\"", "\"shift\":null,\"rotate\":12.5,\"zoom\":0.1"));
    ck_assert(a->shift == 0 && !a->mirror && a->rotate == 12.5 && a->zoom == 0.1);
    ck_assert_int_eq(resolve(&f, PICTURE("", "\"shift\":1")), -1); /* and z: five */
    ck_assert(help_has(&f.err, "/training/augment", "the 5 inputs are no picture of 2 x 2"));
    ck_assert_int_eq(resolve(&f, PICTURE(",\"z\"", "\"shift\":1,\"width\":4")), -1);
    ck_assert(help_has(&f.err, "/training/augment/shift", "sides, 1 and 4"));
    ck_assert_int_eq(resolve(&f, PICTURE(",\"z\"", "\"shift\":1,\"channels\":3")), -1);
    ck_assert(help_has(&f.err, "/training/augment", "3 channels"));
    fixture_close(&f);
}
END_TEST

START_TEST(initial_weights_are_printed)
{
    struct fixture f;
    char *printed;

    names_open(&f);
    resolve_twice(&f, "{\"data\":{\"dataset\":\"d\",\"target\":\"y\"},\"architecture\":"
                      "{\"hidden\":[2,3]},\"initial_weights\":{\"layers\":[{},{\"weights\":"
                      "[[0.1,1e-9,3],[4,5,6]],\"bias\":[1,2,3]},{\"bias\":[7]}]}}");
    printed = config_print(&f.spec);
    ck_assert_ptr_nonnull(strstr(printed, "\"initial_weights\":{\"layers\":[{},{\"weights\":"
                                          "[[0.100000001,9.99999972e-10,3],[4,5,6]],\"bias\":"
                                          "[1,2,3]},{\"bias\":[7]}]}"));
    free(printed);
    fixture_close(&f);
}
END_TEST

/* ---- what cannot work ---- */

static const struct {
    const char *json, *pointer, *fragment;
} wrong[] = {
    /* loss and target */
    {ON("\"c\"", ",\"loss\":\"huber\""), "/loss", "huber needs numbers, and the column \"c\""},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"z\",\"target_type\":\"classes\"},"
     "\"loss\":\"quantile\"}",
     "/loss", "quantile needs numbers, and data.target_type says classes"},
    {ON("\"n\"", ",\"loss\":\"poisson\""), "/loss", "poisson needs numbers >= 0, and \"n\" goes"},
    {ON("\"n\"", ",\"loss\":\"tweedie\""), "/loss", "tweedie needs numbers >= 0"},
    {ON("\"z\"", ",\"loss\":\"gamma\""), "/loss", "gamma needs numbers > 0, and \"z\" goes from 0"},
    {ON("\"w0\"", ",\"loss\":\"poisson\""), "/loss", "needs a number > 0 somewhere"},
    {ON("\"y\"", ",\"loss\":\"poisson\",\"preprocess\":{\"target\":\"standardize\"}"),
     "/preprocess/target", "look at the target as it is"},
    {ON("\"y\"", ",\"loss\":\"gamma\",\"architecture\":{\"output\":\"identity\"}"),
     "/architecture/output", "gamma has a logarithmic link"},
    {ON("\"y\"", ",\"architecture\":{\"output\":\"exp\"}"), "/architecture/output",
     "exp is for poisson"},
    {ON("\"c\"", ",\"architecture\":{\"output\":\"exp\"}"), "/architecture/output",
     "exp gives no probabilities"},
    {ON("[\"p1\",\"z\"]", ",\"loss\":\"cross_entropy\",\"architecture\":{\"output\":\"softmax\"}"),
     "/data/target", "shares of classes go from 0 to 1 and sum to 1, and \"z\""},
    {ON("[\"p1\",\"p2\"]", ",\"loss\":\"cross_entropy\""), "/loss",
     "set architecture.output to softmax"},
    {ON("[\"p1\",\"p2\"]", ",\"loss\":\"cross_entropy\",\"architecture\":{\"output\":\"softmax\"},"
                           "\"preprocess\":{\"target\":\"standardize\"}"),
     "/preprocess/target", "shares of classes"},
    {ON("[\"y\",\"n\"]", ",\"loss\":{\"type\":\"huber\",\"delta\":1}"), "/loss/delta",
     "each of several standardised targets"},
    /* weights and offsets */
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"sample_weight\":\"ww\"}}",
     "/data/sample_weight", "no column \"ww\""},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"sample_weight\":\"c\"}}",
     "/data/sample_weight", "must be numbers, and \"c\" holds texts"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"sample_weight\":\"wn\"}}",
     "/data/sample_weight", "must be >= 0 and not all 0, and \"wn\" goes from -1"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"sample_weight\":\"w0\"}}",
     "/data/sample_weight", "not all 0"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"sample_weight\":\"wm\"}}",
     "/data/sample_weight", "15 rows have no value of \"wm\""},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"offset\":\"c\"}}", "/data/offset",
     "must be numbers"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"offset\":\"oo\"}}", "/data/offset",
     "no column \"oo\""},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"c\",\"offset\":\"o\"}}", "/data/offset",
     "changes nothing in a softmax"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"y\",\"n\"],\"offset\":\"o\"}}", "/data/offset",
     "each of several standardised targets"},
    /* layers */
    {ON("\"y\"", HIDDEN("{\"units\":3,\"activation\":\"maxout\"}")),
     "/architecture/hidden/0/pieces", "is required for maxout"},
    {ON("\"y\"", HIDDEN("3,{\"units\":3,\"pieces\":2}")), "/architecture/hidden/1/pieces",
     "belongs to maxout, and the activation is relu"},
    {ON("\"y\"", HIDDEN("3,{\"units\":4,\"residual\":true}")), "/architecture/hidden/1/residual",
     "they are 3 and 4 wide"},
    {ON("\"y\"", HIDDEN("{\"units\":4,\"batch_norm\":true,\"layer_norm\":true}")),
     "/architecture/hidden/0/layer_norm", "a layer has one of them"},
    {ON("\"y\"", NET("\"batch_norm\":true,\"layer_norm\":true")),
     "/architecture/hidden/1/layer_norm", "a layer has one of them"},
    {ON("\"y\"", HIDDEN("{\"units\":4,\"init_scale\":0.1}")), "/architecture/hidden/0/init_scale",
     "belongs to uniform, normal and orthogonal, and the init is glorot_uniform"},
    {ON("\"y\"", NET("\"init_scale\":0.1")), "/architecture/init_scale", "no layer's init"},
    {ON("\"y\"", HIDDEN("{\"units\":4,\"batch_norm\":true}") ",\"training\":{\"batch_size\":1}"),
     "/training/batch_size", "two rows in a batch"},
    {ON("\"y\"", ",\"optimizer\":{\"input_scale_multiplier\":2}"),
     "/optimizer/input_scale_multiplier", "needs architecture.input_scale"},
    /* all rows in a step */
    {ON("\"y\"", ",\"optimizer\":\"lbfgs\"" NET("\"dropout\":0.1")),
     "/architecture/hidden/1/dropout", "lbfgs needs the same loss in each step"},
    {ON("\"y\"", ",\"optimizer\":\"rprop\"" HIDDEN("{\"units\":4,\"gaussian_noise\":0.1}")),
     "/architecture/hidden/0/gaussian_noise", "rprop needs the same loss"},
    {ON("\"y\"", ",\"optimizer\":\"lbfgs\"" NET("\"batch_norm\":true")),
     "/architecture/hidden/0/batch_norm", "no batches to normalise over"},
    {ON("\"y\"", ",\"optimizer\":\"lbfgs\"" HIDDEN("{\"units\":4,\"l1\":0.1}")),
     "/architecture/hidden/0/l1", "needs a smooth loss"},
    {ON("\"y\"", ",\"optimizer\":\"lbfgs\"" HIDDEN("{\"units\":4,\"learning_rate_multiplier\":2}")),
     "/architecture/hidden/0/learning_rate_multiplier", "one rate for all"},
    /* training */
    {ON("\"y\"", ",\"training\":{\"label_smoothing\":0.1}"), "/training/label_smoothing",
     "is for classes"},
    {ON("\"y\"", ",\"training\":{\"class_weight\":\"balanced\"}"), "/training/class_weight",
     "is for classes, and the target is numbers"},
    {ON("\"c\"", ",\"training\":{\"class_weight\":{\"red\":2,\"pink\":2}}"),
     "/training/class_weight/pink", "no class \"pink\""},
    {ON("\"y\"", ",\"training\":{\"epochs\":5},\"schedule\":{\"type\":\"cosine\","
                 "\"warmup_epochs\":5}"),
     "/schedule/warmup_epochs", "less than the 5 epochs"},
    {ON("\"y\"", ",\"training\":{\"epochs\":5,\"average\":{\"type\":\"swa\",\"start\":5}}"),
     "/training/average/start", "nothing is averaged"},
    {ON("\"y\"", ",\"training\":{\"drop_last\":true,\"batch_size\":101}"), "/training/drop_last",
     "do not fill one batch of 101"},
    {ON("\"y\"", ",\"training\":{\"early_stopping\":{\"monitor\":\"validation_f1\"}}"),
     "/training/early_stopping/monitor", "f1 is for classes, and the target is numbers"},
    {ON("\"c\"", ",\"training\":{\"early_stopping\":{\"monitor\":\"training_rmse\"}}"),
     "/training/early_stopping/monitor", "rmse is for numbers, and the target is classes"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"split\":{\"test\":0}},\"training\":"
     "{\"early_stopping\":{\"monitor\":\"test_loss\"}}}",
     "/training/early_stopping/monitor", "there is no test part"},
    {ON("\"y\"", ",\"training\":{\"augment\":{\"shift\":1}}"), "/training/augment",
     "\"c\" holds texts"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"b\",\"exclude\":[\"c\",\"p1\",\"p2\",\"p3\",\"w\","
     "\"o\",\"w0\",\"wm\",\"wn\",\"z\"]},\"training\":{\"augment\":{\"shift\":1}}}",
     "/training/augment", "each input has a scale of its own"},
    /* initial weights */
    {ON("\"y\"", ",\"initial_weights\":3"), "/initial_weights", "must be an array of 1 to 65"},
    {ON("\"y\"", ",\"initial_weights\":[{}]"), "/initial_weights/layers", "must have 3 layers"},
    {ON("\"y\"", ",\"initial_weights\":{\"layer\":[]}"), "/initial_weights/layer", "unknown here"},
    {ON("\"y\"", ",\"initial_weights\":[3]"), "/initial_weights/0", "must be an object, got 3"},
    {ON("\"y\"", ",\"initial_weights\":[{\"wieghts\":1}]"), "/initial_weights/0/wieghts",
     "known are weights"},
    {ON("\"y\"", ",\"initial_weights\":[{\"weights\":[]}]"), "/initial_weights/0/weights",
     "an array of rows"},
    {ON("\"y\"", ",\"initial_weights\":[{\"weights\":[[1,2],[3]]}]"),
     "/initial_weights/0/weights/1", "must have 2 numbers as the first row, has 1"},
    {ON("\"y\"", ",\"initial_weights\":[{\"weights\":[[1,\"a\"]]}]"),
     "/initial_weights/0/weights/0/1", "must be a number (a float32), got \"a\""},
    {ON("\"y\"", ",\"initial_weights\":[{\"bias\":[1e39]}]"), "/initial_weights/0/bias/0",
     "must be a number (a float32)"},
    {ON("\"y\"", ",\"initial_weights\":[{},{\"weights\":[[1]]},{}]" HIDDEN("3,4")),
     "/initial_weights/layers/1/weights", "must be 3 rows of 4 numbers, got 1 of 1"},
    {ON("\"y\"", ",\"initial_weights\":[{\"bias\":[1]},{},{}]" HIDDEN("3,4")),
     "/initial_weights/layers/0/bias", "must have 3 numbers, has 1"},
    {ON("\"y\"", ",\"initial_weights\":[{\"gain\":[1,1,1]},{}]" HIDDEN("3")),
     "/initial_weights/layers/0/gain", "the layer has none"},
    {ON("\"y\"",
        ",\"initial_weights\":[{\"bias\":[1,1,1]},{}]" HIDDEN("{\"units\":3,\"batch_norm\":true}")),
     "/initial_weights/layers/0/bias", "the layer has none"},
    {ON("\"y\"", ",\"initial_weights\":[{\"variance\":[1,-1,1]},{}]" HIDDEN(
                     "{\"units\":3,\"batch_norm\":true}")),
     "/initial_weights/0/variance", "must not be negative"},
    {ON("\"y\"", ",\"initial_weights\":{\"layers\":[{},{}],\"input_scale\":[1]}" HIDDEN("3")),
     "/initial_weights/input_scale", "is not asked for"},
};

START_TEST(names_that_cannot_work)
{
    struct fixture f;

    names_open(&f);
    ck_assert_msg(resolve(&f, wrong[_i].json) != 0, "%s", wrong[_i].json);
    ck_assert_int_eq(f.err.code, ERR_INVALID);
    ck_assert_msg(help_has(&f.err, wrong[_i].pointer, wrong[_i].fragment), "%s\nwanted %s: %s\n%s",
                  wrong[_i].json, wrong[_i].pointer, wrong[_i].fragment, help_show(&f.err));
    fixture_close(&f);
}
END_TEST

START_TEST(watching_the_test_part_is_warned_of)
{
    struct fixture f;

    names_open(&f);
    resolve_ok(&f, ON("\"y\"", ",\"training\":{\"early_stopping\":{\"monitor\":\"test_loss\"}}"));
    ck_assert_uint_eq(f.warnings.n_items, 1);
    ck_assert_int_eq(f.spec.monitor.part, SPLIT_TEST);
    resolve_ok(&f, "{\"data\":{\"dataset\":\"d\",\"target\":\"y\",\"split\":{\"validation\":0}},"
                   "\"training\":{\"early_stopping\":{\"monitor\":\"validation_mae\"}}}");
    ck_assert_uint_eq(f.warnings.n_items, 1);
    ck_assert_ptr_nonnull(strstr(f.warnings.items[0].detail, "watches training_mae"));
    ck_assert_int_eq(f.spec.monitor.part, SPLIT_TRAINING);
    fixture_close(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolve names");
    TCase *tc = tcase_create("resolve names");

    hash_start();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_loop_test(tc, a_loss_becomes, 0, ARRAY_LEN(losses));
    tcase_add_test(tc, delta_is_in_the_targets_units);
    tcase_add_loop_test(tc, an_optimizer_has_its_defaults, 0, ARRAY_LEN(optimizers));
    tcase_add_test(tc, a_schedule_has_its_defaults);
    tcase_add_test(tc, layers_have_what_they_ask_for);
    tcase_add_test(tc, layers_train_as_they_ask_for);
    tcase_add_test(tc, training_has_what_it_asks_for);
    tcase_add_test(tc, rows_have_weights_and_offsets);
    tcase_add_test(tc, pictures_have_sides);
    tcase_add_test(tc, initial_weights_are_printed);
    tcase_add_loop_test(tc, names_that_cannot_work, 0, ARRAY_LEN(wrong));
    tcase_add_test(tc, watching_the_test_part_is_warned_of);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
