/* Resolving a config against its data: every default, what the target becomes, what the data
 * forbids, and that the printed form resolves to itself. */
#include "jobs/config.h"

#include "base/hash.h"
#include "jobs/config_priv.h"
#include "resolve_help.h"

/* ---- defaults -------------------------------------------------------------------- */

START_TEST(two_keys_get_every_default)
{
    struct fixture f;
    const struct job_spec *s = &f.spec;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("species", ",\"preset\":\"simple\""));
    ck_assert_ptr_null(s->name);
    ck_assert_str_eq(s->dataset, f.summary.sha256);
    ck_assert_uint_eq(s->n_targets, 1);
    ck_assert_str_eq(s->targets[0], "species");
    ck_assert(s->classes);
    ck_assert_str_eq(s->target_rule, "3 distinct texts");
    ck_assert_uint_eq(s->n_exclude, 0);
    ck_assert_double_eq(s->validation, 0.15);
    ck_assert_double_eq(s->test, 0.15);
    ck_assert(s->stratify && !s->stratify_asked);
    ck_assert_ptr_null(s->split_column);
    ck_assert_str_eq(s->validation_dataset, "");
    ck_assert_str_eq(s->test_dataset, "");
    ck_assert_int_eq(s->plan.numeric, ENCODER_STANDARDIZE);
    ck_assert_int_eq(s->plan.missing, ENCODER_MEAN);
    ck_assert_int_eq(s->target_scale, ENCODER_NONE);
    ck_assert_uint_eq(s->n_hidden, 2);
    ck_assert_uint_eq(s->hidden[0].units, 128);
    ck_assert_uint_eq(s->hidden[1].units, 64);
    ck_assert_int_eq(s->hidden[1].activation, MLP_RELU);
    ck_assert_int_eq(s->hidden[1].init, MLP_GLOROT_UNIFORM);
    ck_assert_int_eq(s->activation, MLP_RELU);
    ck_assert_int_eq(s->output_init, MLP_GLOROT_UNIFORM);
    ck_assert_int_eq(s->output, MLP_OUT_SOFTMAX);
    ck_assert_int_eq(s->loss, MLP_CROSS_ENTROPY);
    ck_assert_int_eq(s->train.optimizer, MLP_ADAM);
    ck_assert_double_eq(s->train.learning_rate, 1e-3);
    ck_assert_double_eq(s->train.beta1, 0.9);
    ck_assert_double_eq(s->train.beta2, 0.999);
    ck_assert_double_eq(s->train.epsilon, 1e-8);
    ck_assert_double_eq(s->train.l2, 0);
    ck_assert_uint_eq(s->train.batch_size, 16);
    ck_assert(s->train.shuffle);
    ck_assert(s->early_stopping && s->monitor.part == SPLIT_VALIDATION && s->train.restore_best);
    ck_assert_uint_eq(s->train.patience, 16);
    ck_assert_double_eq(s->train.min_delta, 0);
    ck_assert_uint_eq(s->n_metrics, 0);
    ck_assert_uint_eq(f.warnings.n_items, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(steps_follow_the_rows)
{
    /* rows, training rows of them, batch, epochs: at least 2000 steps, at most 500 epochs */
    static const struct {
        size_t rows, batch, epochs;
    } cases[] = {
        {4, 16, 500},     /* 1 step an epoch */
        {49, 16, 500},    /* 49 train: 4 steps */
        {150, 16, 286},   /* 105: 7 steps, 2000 / 7 */
        {1200, 16, 100},  /* 840 / 40 = 21: 2^4 */
        {1500, 32, 100},  /* 1050 / 40 = 26: 2^5 */
        {12000, 256, 100} /* 8400 / 40 = 210: 2^8 */
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;

        fixture_open(&f, cases[i].rows);
        resolve_ok(&f, JOB("r", ""));
        ck_assert_uint_eq(f.spec.train.batch_size, cases[i].batch);
        ck_assert_uint_eq(f.spec.train.epochs, cases[i].epochs);
        fixture_close(&f);
    }
}
END_TEST

START_TEST(few_rows_are_not_split)
{
    struct fixture f;
    size_t rows;

    for (rows = 49; rows <= 50; rows++) {
        fixture_open(&f, rows);
        resolve_ok(&f, JOB("species", ""));
        ck_assert_double_eq(f.spec.validation, rows < 50 ? 0 : 0.15);
        ck_assert_double_eq(f.spec.test, rows < 50 ? 0 : 0.15);
        ck_assert(f.spec.stratify == (rows == 50));
        ck_assert(f.spec.early_stopping == (rows == 50));
        ck_assert_uint_eq(f.spec.train.patience, rows < 50 ? 0 : 16);
        ck_assert(f.spec.train.restore_best == (rows == 50));
        fixture_close(&f);
    }
}
END_TEST

START_TEST(split_as_asked)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOBD("species", "\"split\":{\"test\":0.25}"));
    ck_assert_double_eq(f.spec.validation, 0.15);
    ck_assert_double_eq(f.spec.test, 0.25);
    resolve_ok(&f, JOBD("species", "\"split\":null"));
    ck_assert(f.spec.validation + f.spec.test <= 0 && !f.spec.stratify && !f.spec.early_stopping);
    resolve_ok(&f, JOBD("species", "\"split\":{\"stratify\":true}"));
    ck_assert(f.spec.stratify && f.spec.stratify_asked);
    resolve_ok(&f, JOBD("species", "\"split\":{\"stratify\":false}"));
    ck_assert(!f.spec.stratify && !f.spec.stratify_asked);
    resolve_ok(&f, JOBD("r", "\"split\":{\"stratify\":\"auto\"}"));
    ck_assert(!f.spec.stratify);
    resolve_ok(&f, JOBD("species", "\"split\":{\"column\":\"fold\"}"));
    ck_assert(f.spec.validation + f.spec.test <= 0 && f.spec.early_stopping);
    ck_assert_str_eq(f.spec.split_column, "fold");
    resolve_ok(&f, JOBD("species", "\"split\":{\"group\":\"k\",\"test\":0.3}"));
    ck_assert_int_eq(f.spec.split_way, SPLIT_GROUP);
    ck_assert_double_eq(f.spec.validation, 0.15);
    ck_assert(!f.spec.stratify);
    resolve_ok(&f, JOBD("species", "\"split\":{\"rows\":{\"training\":[[0,99]],"
                                   "\"validation\":[[100,120],[140,149]]}}"));
    ck_assert(f.spec.validation + f.spec.test <= 0 && f.spec.early_stopping);
    ck_assert_uint_eq(f.spec.n_ranges[SPLIT_VALIDATION], 2);
    /* What is said of columns is said of the rows that are left. */
    resolve_ok(&f, JOBD("species", "\"filter\":[{\"column\":\"species\",\"op\":\"!=\",\"value\":"
                                   "\"setosa\"}]"));
    ck_assert_uint_eq(f.spec.n_kept, 100);
    ck_assert_int_eq(f.spec.output, MLP_OUT_SIGMOID);
    resolve_ok(&f, JOBD("r", "\"filter\":[{\"column\":\"id\",\"op\":\"<\",\"value\":30}]"));
    ck_assert(f.spec.validation + f.spec.test <= 0); /* fewer than 50 */
    resolve_ok(&f, JOBD("gap", "\"target_type\":\"numeric\",\"missing_target\":\"drop_row\""));
    ck_assert_uint_eq(f.spec.n_kept, 120);
    resolve_ok(&f, JOBD("gap", "\"target_type\":\"numeric\",\"filter\":[{\"column\":\"gap\",\"op\":"
                               "\"not_missing\"}]"));
    ck_assert_uint_eq(f.spec.n_kept, 120);
    resolve_ok(&f, JOBD("species", "\"split\":{\"test_dataset\":\"e\"}"));
    ck_assert_double_eq(f.spec.validation, 0.15);
    ck_assert(f.spec.test <= 0);
    ck_assert_str_eq(f.spec.test_dataset, f.summary.sha256);
    resolve_ok(&f, JOBD("species", "\"split\":{\"validation_dataset\":\"e\",\"test\":0}"));
    ck_assert(f.spec.validation + f.spec.test <= 0 && f.spec.early_stopping);
    ck_assert_str_eq(f.spec.validation_dataset, f.summary.sha256);
    fixture_close(&f);
}
END_TEST

START_TEST(stopping_without_validation_watches_training)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f, "{\"data\":{\"dataset\":\"d\",\"target\":\"r\",\"split\":null},"
                   "\"training\":{\"early_stopping\":{}}}");
    ck_assert(f.spec.early_stopping && f.spec.monitor.part == SPLIT_TRAINING);
    ck_assert_uint_eq(f.warnings.n_items, 0); /* nobody asked for validation_loss */
    resolve_ok(&f, "{\"data\":{\"dataset\":\"d\",\"target\":\"r\",\"split\":null},\"training\":"
                   "{\"early_stopping\":{\"monitor\":\"validation_loss\",\"patience\":3}}}");
    ck_assert(f.spec.early_stopping && f.spec.monitor.part == SPLIT_TRAINING);
    ck_assert_uint_eq(f.spec.train.patience, 3);
    ck_assert_uint_eq(f.warnings.n_items, 1);
    resolve_ok(&f, JOB("r", ",\"training\":{\"early_stopping\":null}"));
    ck_assert(!f.spec.early_stopping && !f.spec.train.restore_best);
    fixture_close(&f);
}
END_TEST

START_TEST(sgd_has_its_own_defaults)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("r", ",\"optimizer\":{\"type\":\"sgd\"}"));
    ck_assert_int_eq(f.spec.train.optimizer, MLP_SGD);
    ck_assert_double_eq(f.spec.train.learning_rate, 1e-2);
    ck_assert_double_eq(f.spec.train.momentum, 0);
    ck_assert(!f.spec.train.nesterov);
    fixture_close(&f);
}
END_TEST

START_TEST(seeds_differ_unless_given)
{
    struct fixture f;
    uint64_t first;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("r", ""));
    first = f.spec.train.seed;
    ck_assert_uint_lt(first, UINT64_C(1) << 53);
    resolve_ok(&f, JOB("r", ""));
    ck_assert_uint_ne(f.spec.train.seed, first);
    resolve_ok(&f, JOB("r", ",\"training\":{\"seed\":9007199254740992}"));
    ck_assert_uint_eq(f.spec.train.seed, UINT64_C(1) << 53);
    fixture_close(&f);
}
END_TEST

START_TEST(layers_inherit)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("r", ",\"architecture\":{\"activation\":\"tanh\",\"init\":\"he_normal\","
                            "\"hidden\":[3,{\"units\":4,\"activation\":\"sigmoid\"},"
                            "{\"units\":5,\"init\":\"glorot_normal\"}]}"));
    ck_assert_uint_eq(f.spec.n_hidden, 3);
    ck_assert_int_eq(f.spec.hidden[0].activation, MLP_TANH);
    ck_assert_int_eq(f.spec.hidden[0].init, MLP_HE_NORMAL);
    ck_assert_int_eq(f.spec.hidden[1].activation, MLP_SIGMOID);
    ck_assert_int_eq(f.spec.hidden[2].init, MLP_GLOROT_NORMAL);
    ck_assert_int_eq(f.spec.output_init, MLP_HE_NORMAL);
    resolve_ok(&f, JOB("r", ",\"architecture\":{\"hidden\":[]}"));
    ck_assert_uint_eq(f.spec.n_hidden, 0);
    fixture_close(&f);
}
END_TEST

/* ---- the target -------------------------------------------------------------------- */

static const struct {
    const char *json, *rule;
    bool classes;
    enum mlp_output output;
    enum mlp_loss loss;
    enum encoder_numeric scale;
} targets[] = {
    {JOB("species", ""), "3 distinct texts", true, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY,
     ENCODER_NONE},
    {JOB("yn", ""), "2 distinct texts", true, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY,
     ENCODER_NONE},
    {JOB("yn", ",\"architecture\":{\"output\":\"softmax\"}"), "2 distinct texts", true,
     MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, ENCODER_NONE},
    {JOB("k", ""), "10 distinct integers", true, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, ENCODER_NONE},
    {JOB("k", ",\"loss\":\"mse\""), "loss mse", false, MLP_OUT_IDENTITY, MLP_MSE,
     ENCODER_STANDARDIZE},
    {JOBD("k", "\"target_type\":\"numeric\""), "asked for", false, MLP_OUT_IDENTITY, MLP_MSE,
     ENCODER_STANDARDIZE},
    {JOB("id", ""), "more than 20 distinct integers", false, MLP_OUT_IDENTITY, MLP_MSE,
     ENCODER_STANDARDIZE},
    {JOB("id", ",\"loss\":\"cross_entropy\""), "loss cross_entropy", true, MLP_OUT_SOFTMAX,
     MLP_CROSS_ENTROPY, ENCODER_NONE},
    {JOBD("id", "\"target_type\":\"classes\""), "asked for", true, MLP_OUT_SOFTMAX,
     MLP_CROSS_ENTROPY, ENCODER_NONE},
    {JOB("r", ""), "numbers with fractions", false, MLP_OUT_IDENTITY, MLP_MSE, ENCODER_STANDARDIZE},
    {JOB("half", ",\"loss\":\"cross_entropy\""), "loss cross_entropy", true, MLP_OUT_SIGMOID,
     MLP_BINARY_CROSS_ENTROPY, ENCODER_NONE},
    {JOB("u", ",\"architecture\":{\"output\":\"sigmoid\"}"), "numbers with fractions", false,
     MLP_OUT_SIGMOID, MLP_MSE, ENCODER_NONE},
    {JOB("r", ",\"preprocess\":{\"target\":\"none\"}"), "numbers with fractions", false,
     MLP_OUT_IDENTITY, MLP_MSE, ENCODER_NONE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"r\"]}}", "several targets", false,
     MLP_OUT_IDENTITY, MLP_MSE, ENCODER_STANDARDIZE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"l2\"]},\"loss\":\"cross_entropy\"}",
     "several targets", false, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, ENCODER_NONE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"l1\",\"target_type\":\"numeric\"},"
     "\"loss\":\"cross_entropy\"}",
     "asked for", false, MLP_OUT_SIGMOID, MLP_BINARY_CROSS_ENTROPY, ENCODER_NONE},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"k\",\"target_type\":\"classes\","
     "\"target_rule\":\"10 distinct integers\"}}",
     "10 distinct integers", true, MLP_OUT_SOFTMAX, MLP_CROSS_ENTROPY, ENCODER_NONE},
};

START_TEST(target_becomes)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    resolve_ok(&f, targets[_i].json);
    ck_assert_msg(f.spec.classes == targets[_i].classes, "%s", targets[_i].json);
    ck_assert_str_eq(f.spec.target_rule, targets[_i].rule);
    ck_assert_int_eq(f.spec.output, targets[_i].output);
    ck_assert_int_eq(f.spec.loss, targets[_i].loss);
    ck_assert_int_eq(f.spec.target_scale, targets[_i].scale);
    fixture_close(&f);
}
END_TEST

/* ---- what the data forbids ------------------------------------------------------------ */

static const struct {
    const char *json, *pointer, *fragment;
} wrong[] = {
    {JOB("specis", ""), "/data/target", "no column \"specis\", did you mean \"species\"?"},
    {JOB("zzzzzzzzzzz", ""), "/data/target", "no column \"zzzzzzzzzzz\""},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"bb\"]}}", "/data/target/1",
     "did you mean \"b\"?"},
    {JOBD("r", "\"filter\":[{\"column\":\"aa\",\"op\":\"missing\"}]"), "/data/filter/0/column",
     "no column \"aa\", did you mean"},
    {JOBD("r", "\"filter\":[{\"column\":\"species\",\"op\":\"<\",\"value\":3}]"), "/data/filter/0/op",
     "\"species\" is categorical"},
    {JOBD("r", "\"filter\":[{\"column\":\"id\",\"op\":\"==\",\"value\":3},{\"column\":\"k\",\"op\":\"<\","
               "\"value\":5}]"),
     "/data/filter", "1 of 150 rows is left, and a job needs 2 at least; alone the conditions keep 1, 75"},
    {JOBD("r", "\"filter\":[{\"column\":\"color\",\"op\":\"==\",\"value\":\"pink\"}]"), "/data/filter",
     "0 of 150 rows are left"},
    {JOBD("species", "\"filter\":[{\"column\":\"species\",\"op\":\"==\",\"value\":\"setosa\"}]"),
     "/data/target", "every row has the same class"},
    {JOBD("gap", "\"target_type\":\"numeric\""), "/data/target",
     "30 rows have no value of \"gap\", the first is row 1; every row needs its target"},
    {JOBD("r", "\"sampling\":\"oversample\""), "/data/sampling", "is for classes"},
    {JOBD("r", "\"split\":{\"group\":\"kk\"}"), "/data/split/group", "no column \"kk\""},
    {JOBD("r", "\"split\":{\"rows\":{\"training\":[[0,99]],\"test\":[[100,150]]}}"),
     "/data/split/rows/test/0", "[100, 150] goes beyond the last row, which is 149"},
    {JOBD("r", "\"exclude\":[\"a\",\"spieces\"]"), "/data/exclude/1", "did you mean \"species\"?"},
    {JOBD("r", "\"split\":{\"column\":\"flod\"}"), "/data/split/column", "no column \"flod\""},
    {JOBD("r", "\"split\":{\"column\":\"a\"}"), "/data/split/column", "not numbers"},
    {JOBD("r", "\"split\":{\"column\":\"color\"}"), "/data/split/column", "holds \"blue\""},
    {JOBD("r", "\"split\":{\"test\":0.9}"), "/data/split", "(the default of each is 0.15)"},
    {JOBD("r", "\"split\":{\"stratify\":true}"), "/data/split/stratify", "is for classes"},
    {JOB("gap", ""), "/data/target", "30 rows have no value of \"gap\""},
    {JOB("one", ""), "/data/target", "same class"},
    {JOB("same", ""), "/data/target", "same class"},
    {JOB("species", ",\"loss\":\"mse\""), "/loss", "the column \"species\" holds texts"},
    {JOBD("species", "\"target_type\":\"numeric\""), "/data/target_type", "holds texts"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"species\"]}}", "/data/target",
     "several targets must be numbers or booleans, and the column \"species\""},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"k\"],\"target_type\":\"classes\"}}",
     "/data/target_type", "classes need one target"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"k\",\"target_type\":\"classes\"},\"loss\":\"mse\"}",
     "/loss", "says classes"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"k\"]},\"loss\":\"cross_entropy\"}", "/loss",
     "columns of 0 and 1, \"k\" goes from 0 to 9"},
    {JOB("r", ",\"loss\":\"cross_entropy\""), "/loss", "more than 64 distinct numbers"},
    {JOB("species", ",\"architecture\":{\"output\":\"sigmoid\"}"), "/architecture/output",
     "the target has 3: use softmax"},
    {JOB("species", ",\"architecture\":{\"output\":\"identity\"}"), "/architecture/output",
     "classes need softmax"},
    {JOB("r", ",\"architecture\":{\"output\":\"softmax\"}"), "/architecture/output",
     "the target is numbers"},
    {JOB("r", ",\"architecture\":{\"output\":\"sigmoid\"}"), "/architecture/output",
     "a sigmoid goes from 0 to 1, and \"r\" goes from 1 to"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"l2\"]},\"loss\":\"cross_entropy\","
     "\"architecture\":{\"output\":\"identity\"}}",
     "/architecture/output", "needs sigmoid"},
    {JOB("species", ",\"preprocess\":{\"target\":\"standardize\"}"), "/preprocess/target",
     "the target is classes"},
    {JOB("r", ",\"preprocess\":{\"missing\":\"error\"}"), "/preprocess/missing",
     "\"gap\" has 30 missing values"},
    {JOB("r", ",\"preprocess\":{\"columns\":{\"gap\":{\"missing\":\"error\"}}}"),
     "/preprocess/missing", "\"gap\" has 30 missing values"},
    {JOB("r", ",\"preprocess\":{\"columns\":{\"colour\":{\"categorical\":\"ordinal\"}}}"),
     "/preprocess/columns/colour", "did you mean \"color\"?"},
    {JOB("r", ",\"preprocess\":{\"columns\":{\"r\":{\"numeric\":\"robust\"}}}"),
     "/preprocess/columns/r", "\"r\" is not learnt from"},
    {JOB("r", ",\"preprocess\":{\"columns\":{\"a\":{\"categorical\":\"ordinal\"}}}"),
     "/preprocess/columns/a/categorical", "\"a\" is numeric, which has no use for it"},
    {JOB("r", ",\"preprocess\":{\"columns\":{\"color\":{\"numeric\":\"minmax\"}}}"),
     "/preprocess/columns/color/numeric", "\"color\" is categorical"},
    {JOB("r", ",\"preprocess\":{\"columns\":{\"a\":{\"missing\":{\"constant\":\"x\"}}}}"),
     "/preprocess/columns/a/missing", "\"x\" cannot stand in for it"},
    {JOB("r", ",\"preprocess\":{\"missing\":{\"constant\":\"x\"}}"), "/preprocess/missing",
     "\"a\" is numeric: \"x\" cannot stand in for it"},
    {JOB("species", ",\"preprocess\":{\"target\":\"log1p\"}"), "/preprocess/target",
     "the target is classes"},
    {JOB("r", ",\"preprocess\":{\"target\":\"log1p\"},\"loss\":{\"type\":\"huber\",\"delta\":2}"),
     "/loss/delta", "which log1p leaves"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":\"r\",\"offset\":\"a\"},"
     "\"preprocess\":{\"target\":\"log1p\"}}",
     "/data/offset", "which log1p leaves"},
    {JOBD("r", "\"exclude\":[\"a\",\"b\",\"color\",\"species\",\"yn\",\"k\",\"id\",\"u\",\"l1\","
               "\"l2\",\"gap\",\"fold\",\"half\"]"),
     "/data", "constant"},
    {JOBD("r", "\"exclude\":[\"a\",\"b\",\"color\",\"species\",\"yn\",\"k\",\"id\",\"u\",\"l1\","
               "\"l2\",\"one\",\"same\",\"gap\",\"fold\",\"half\"]"),
     "/data", "no column is left"},
    {JOB("r", ",\"metrics\":[\"rmse\",\"accuracy\"]"), "/metrics/1",
     "accuracy is for classes, and the target is numbers"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"l2\"]},\"loss\":\"cross_entropy\","
     "\"metrics\":[\"accuracy\",\"rmse\"]}",
     "/metrics/1", "rmse is for numbers"},
    {JOB("species", ",\"metrics\":[\"r2\"]"), "/metrics/0", "r2 is for numbers"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"l2\"]},\"loss\":\"cross_entropy\","
     "\"metrics\":[\"f1_macro\",\"mcc\"]}",
     "/metrics/1", "mcc is for classes, and the target is columns of 0 and 1"},
};

START_TEST(data_forbids)
{
    struct fixture f;

    fixture_open(&f, ROWS);
    ck_assert_msg(resolve(&f, wrong[_i].json) != 0, "%s", wrong[_i].json);
    ck_assert_int_eq(f.err.code, ERR_INVALID);
    ck_assert_msg(help_has(&f.err, wrong[_i].pointer, wrong[_i].fragment), "%s\nwanted %s: %s\n%s",
                  wrong[_i].json, wrong[_i].pointer, wrong[_i].fragment, help_show(&f.err));
    fixture_close(&f);
}
END_TEST

START_TEST(other_datasets_must_fit)
{
    static const char job[] = JOBD("y", "\"split\":{\"test_dataset\":\"e\"}");
    static const char *const others[][2] = {
        {"a,y\n1,2.5\n", "has no column \"b\""},
        {"a,b,y\n1,x,2.5\n", "has \"b\" as categorical, the training data as numeric"},
        {"a,b,y\n1,2,\n3,4,5\n", "has rows without a value of the target \"y\""},
    };
    struct dataset_summary summary, other_summary;
    struct dataset *ds = help_dataset("a,b,y\n1,2,0.5\n2,3,1.5\n", &summary);
    struct job_spec spec;
    size_t i;

    for (i = 0; i < ARRAY_LEN(others); i++) {
        struct dataset *other = help_dataset(others[i][0], &other_summary);
        struct config *config = NULL;
        struct err err = ERR_INIT;

        ck_assert_int_eq(config_parse(job, strlen(job), &config, &err), 0);
        ck_assert_int_eq(config_resolve(config,
                                        &(struct config_sources){
                                            .ds = ds,
                                            .sha256 = summary.sha256,
                                            .test = other,
                                            .test_sha256 = other_summary.sha256,
                                        },
                                        &spec, NULL, &err),
                         -1);
        ck_assert_msg(help_has(&err, "/data/split/test_dataset", others[i][1]), "%s",
                      help_show(&err));
        err_fini(&err);
        config_free(&config);
        dataset_free(&other);
    }
    dataset_free(&ds);
}
END_TEST

/* ---- the printed form ------------------------------------------------------------------- */

static const char *const jobs[] = {
    JOB("species", ""),
    JOB("yn", ""),
    JOB("yn", ",\"architecture\":{\"output\":\"softmax\"}"),
    JOB("k", ",\"loss\":\"mse\",\"metrics\":[\"mae\",\"r2\"]"),
    JOB("r", ",\"name\":\"family-1\",\"optimizer\":{\"learning_rate\":0.1,\"l2\":0.3}"),
    JOB("r", ",\"training\":{\"early_stopping\":null,\"seed\":9007199254740992,"
             "\"shuffle\":false,\"epochs\":3,\"batch_size\":7}"),
    JOB("r", ",\"optimizer\":{\"type\":\"sgd\",\"momentum\":0.9,\"nesterov\":true}"),
    JOB("r", ",\"architecture\":{\"hidden\":[],\"init\":\"he_uniform\",\"activation\":\"tanh\"}"),
    JOB("r", ",\"architecture\":{\"hidden\":[1,{\"units\":2,\"activation\":\"identity\"}]}"),
    JOB("r", ",\"preprocess\":{\"numeric\":\"none\",\"target\":\"none\"}"),
    JOB("r", ",\"preprocess\":{\"numeric\":\"auto\",\"missing\":\"median\","
             "\"missing_indicator\":true}"),
    JOB("r", ",\"preprocess\":{\"target\":\"log1p\",\"missing\":\"drop_row\",\"min_count\":3,"
             "\"categorical\":\"auto\",\"unseen\":\"other\",\"datetime\":[\"hour\",\"year\"],"
             "\"columns\":{\"gap\":{\"missing\":{\"constant\":-1.5},\"numeric\":\"quantile\"},"
             "\"color\":{\"categorical\":\"embedding\",\"width\":3,"
             "\"missing\":{\"constant\":\"gr\\u00fcn\"}},\"b\":{\"numeric\":\"standardize\"},"
             "\"species\":{\"categorical\":\"hashing\",\"hash_buckets\":7,"
             "\"unseen\":\"error\",\"missing_indicator\":false}}}"),
    JOB("r", ",\"priority\":-1000"),
    JOB("r", ",\"priority\":1000"),
    JOBD("species", "\"split\":{\"stratify\":true,\"test\":0.25},\"exclude\":[\"id\",\"fold\"]"),
    JOBD("species", "\"split\":{\"group\":\"k\"}"),
    JOBD("species", "\"sampling\":\"oversample\""),
    JOBD("yn", "\"sampling\":{\"type\":\"undersample\",\"ratio\":0.3}"),
    JOBD("species", "\"missing_target\":\"drop_row\",\"filter\":[{\"column\":\"color\",\"op\":\"in\","
                    "\"value\":[\"red\",7]},{\"column\":\"yn\",\"op\":\"==\",\"value\":true},"
                    "{\"column\":\"gap\",\"op\":\"not_missing\"},{\"column\":\"r\",\"op\":\"<=\",\"value\":40.5}]"),
    JOBD("r", "\"split\":{\"time\":\"id\",\"test\":0.25}"),
    JOBD("r", "\"split\":{\"rows\":{\"training\":[[50,99],[0,9]],\"test\":[[100,149]]}}"),
    JOBD("species", "\"split\":{\"stratify\":false}"),
    JOBD("species", "\"split\":null"),
    JOBD("species", "\"split\":{\"column\":\"fold\"}"),
    JOBD("species", "\"split\":{\"test_dataset\":\"e\",\"validation\":0.3333333333333333}"),
    JOBD("species", "\"split\":{\"validation_dataset\":\"e\",\"test_dataset\":\"e\"}"),
    JOBD("k", "\"target_type\":\"numeric\""),
    "{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"r\"]}}",
    "{\"data\":{\"dataset\":\"d\",\"target\":[\"l1\",\"l2\"]},\"loss\":\"cross_entropy\"}",
    "{\"data\":{\"dataset\":\"d\",\"target\":\"l1\",\"target_type\":\"numeric\"},"
    "\"loss\":\"cross_entropy\"}",
    "{\"data\":{\"dataset\":\"d\",\"target\":\"r\",\"split\":null},\"training\":"
    "{\"early_stopping\":{\"min_delta\":1e-4,\"restore_best\":false}}}",
};

START_TEST(printed_form_is_a_fixed_point)
{
    struct fixture f;
    char *first, *second;

    fixture_open(&f, ROWS);
    resolve_ok(&f, jobs[_i]);
    first = config_print(&f.spec);
    resolve_ok(&f, first);
    ck_assert_uint_eq(f.warnings.n_items, 0); /* said the first time */
    second = config_print(&f.spec);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
    fixture_close(&f);
}
END_TEST

#define LAYER_REST                                                                                 \
    ",\"activation\":\"relu\",\"init\":\"glorot_uniform\",\"batch_norm\":false,"                     \
    "\"layer_norm\":false,\"residual\":false,\"dropout\":0,\"gaussian_noise\":0,\"l1\":0,"           \
    "\"l2\":0,\"learning_rate_multiplier\":1,\"frozen\":false"

START_TEST(printed_form_in_full)
{
    struct fixture f;
    char *printed, *wanted;

    fixture_open(&f, ROWS);
    resolve_ok(&f, JOB("species",
                       ",\"name\":\"n\",\"preset\":\"simple\",\"why\":{\"preset\":\"asked for\"},"
                       "\"architecture\":{\"hidden\":[128,64]},"
                       "\"training\":{\"seed\":7,\"epochs\":286,\"batch_size\":16}"));
    printed = config_print(&f.spec);
    wanted = xasprintf(
        "{\"name\":\"n\",\"preset\":\"simple\",\"why\":{"
        "\"preset\":\"asked for\"},\"data\":{\"dataset\":\"sha256:%s\",\"target\":\"species\","
        "\"target_type\":\"classes\",\"target_rule\":\"3 distinct texts\",\"features\":null,\"exclude\":[],"
        "\"filter\":[],\"types\":{},\"missing_target\":\"error\",\"sampling\":{\"type\":\"none\"},"
        "\"sample_weight\":null,\"offset\":null,"
        "\"split\":{\"validation\":0.15,\"test\":0.15,\"stratify\":\"auto\"},\"window\":null},"
        "\"preprocess\":{\"numeric\":\"standardize\",\"missing\":\"mean\","
        "\"missing_indicator\":\"auto\",\"categorical\":\"one_hot\",\"min_count\":1,"
        "\"unseen\":\"zeros\",\"hash_buckets\":32,\"boolean\":\"auto\",\"datetime\":[\"year\","
        "\"month\",\"day\",\"weekday\",\"hour\",\"month_cycle\",\"weekday_cycle\","
        "\"hour_cycle\"],\"target\":\"none\",\"columns\":{}},"
        "\"architecture\":{\"hidden\":["
        "{\"units\":128" LAYER_REST "},{\"units\":64" LAYER_REST "}],"
        "\"activation\":\"relu\",\"init\":\"glorot_uniform\",\"output\":\"softmax\","
        "\"output_init\":\"glorot_uniform\",\"input_dropout\":0,\"input_noise\":0,"
        "\"input_scale\":false},"
        "\"loss\":\"cross_entropy\","
        "\"optimizer\":{\"type\":\"adam\",\"learning_rate\":0.001,\"beta1\":0.9,\"beta2\":0.999,"
        "\"epsilon\":1e-08,\"amsgrad\":false,\"l1\":0,\"l2\":0,\"weight_decay\":0,"
        "\"bias_multiplier\":1,\"input_scale_multiplier\":1},"
        "\"schedule\":{\"type\":\"constant\",\"warmup_epochs\":0},"
        "\"training\":{\"epochs\":286,\"batch_size\":16,\"accumulate\":1,\"drop_last\":false,"
        "\"shuffle\":true,\"seed\":7,\"threads\":1,\"precision\":\"float32\",\"clip_norm\":null,"
        "\"clip_value\":null,\"max_norm\":null,\"class_weight\":null,\"label_smoothing\":0,"
        "\"average\":null,\"augment\":null,\"record_gradient_norms\":false,\"refit\":false,"
        "\"max_seconds\":null,\"early_stopping\":{\"monitor\":\"validation_loss\",\"patience\":16,\"min_delta\":0,"
        "\"target\":null,\"restore_best\":true}},\"calibration\":\"none\",\"threshold\":null,"
        "\"metrics\":[],\"start_from\":null,\"priority\":0,\"notify\":null}",
        f.summary.sha256);
    ck_assert_str_eq(printed, wanted);
    free(printed);
    free(wanted);
    fixture_close(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolve");
    TCase *tc = tcase_create("resolve");

    hash_start();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, help_setup, help_teardown);
    tcase_add_test(tc, two_keys_get_every_default);
    tcase_add_test(tc, steps_follow_the_rows);
    tcase_add_test(tc, few_rows_are_not_split);
    tcase_add_test(tc, split_as_asked);
    tcase_add_test(tc, stopping_without_validation_watches_training);
    tcase_add_test(tc, sgd_has_its_own_defaults);
    tcase_add_test(tc, seeds_differ_unless_given);
    tcase_add_test(tc, layers_inherit);
    tcase_add_loop_test(tc, target_becomes, 0, ARRAY_LEN(targets));
    tcase_add_loop_test(tc, data_forbids, 0, ARRAY_LEN(wrong));
    tcase_add_test(tc, other_datasets_must_fit);
    tcase_add_loop_test(tc, printed_form_is_a_fixed_point, 0, ARRAY_LEN(jobs));
    tcase_add_test(tc, printed_form_in_full);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
