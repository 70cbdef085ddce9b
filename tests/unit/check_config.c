/* The job config's parser: every key wrong in every way it can be, with the pointer and the
 * words a client gets; what passes; and that no text, however cut, is more than an error. */
#include "jobs/config.h"

#include <time.h>

#include "jobs/config_priv.h"
#include "jobs/json_util.h"
#include "jobs_in_help.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A job with one more member of the given object. */
#define DATA(more)          "{\"data\":{\"dataset\":\"d\",\"target\":\"t\"," more "}}"
#define SPLIT(more)         DATA("\"split\":{" more "}")
#define TOP(more)           "{\"data\":{\"dataset\":\"d\",\"target\":\"t\"}," more "}"
#define PRE(more)           TOP("\"preprocess\":{" more "}")
#define NET(more)           TOP("\"architecture\":{" more "}")
#define LAYER(more)         NET("\"hidden\":[{" more "}]")
#define OPT(more)           TOP("\"optimizer\":{" more "}")
#define SGD(more)           OPT("\"type\":\"sgd\"," more)
#define TRAIN(more)         TOP("\"training\":{" more "}")
#define NOTIFY(more)        TOP("\"notify\":{" more "}")
#define STOP(more)          TRAIN("\"early_stopping\":{" more "}")
#define INLINE(x, y)        "{\"data\":{\"x\":" x ",\"y\":" y "}}"
#define INLINE3(x, y, more) "{\"data\":{\"x\":" x ",\"y\":" y "," more "}}"

static const char whole[] =
    "{\"name\":\"housing-mlp\","
    "\"data\":{\"dataset\":\"california-housing\",\"target\":\"median_house_value\","
    "\"exclude\":[\"id\"],\"sample_weight\":null,\"target_type\":null,\"url\":null,"
    "\"split\":{\"validation\":0.2,\"test\":0.1,\"stratify\":true}},"
    "\"preprocess\":{\"numeric\":\"standardize\",\"missing\":\"mean\",\"categorical\":\"one_hot\","
    "\"target\":\"standardize\"},"
    "\"architecture\":{\"hidden\":[{\"units\":128,\"activation\":\"relu\",\"dropout\":0.0,"
    "\"batch_norm\":false,\"init\":\"glorot_uniform\"},{\"units\":64},32],"
    "\"activation\":\"relu\",\"output\":\"auto\",\"init\":\"he_normal\"},"
    "\"loss\":\"mse\","
    "\"optimizer\":{\"type\":\"adam\",\"learning_rate\":0.001,\"beta1\":0.9,\"beta2\":0.999,"
    "\"epsilon\":1e-8,\"l2\":0.01,\"weight_decay\":0,\"l1\":0},"
    "\"schedule\":{\"type\":\"constant\"},"
    "\"training\":{\"epochs\":100,\"batch_size\":128,\"shuffle\":true,\"seed\":42,\"threads\":1,"
    "\"clip_norm\":null,\"class_weight\":null,\"max_seconds\":null,\"label_smoothing\":0,"
    "\"precision\":\"float32\",\"augment\":null,"
    "\"early_stopping\":{\"monitor\":\"validation_loss\",\"patience\":10,\"min_delta\":0,"
    "\"restore_best\":true}},"
    "\"metrics\":[\"rmse\",\"mae\",\"r2\"],\"start_from\":null,\"priority\":0,\"notify\":null}";

static const struct {
    const char *json, *pointer, *fragment;
} wrong[] = {
    /* the top */
    {"[]", "", "must be an object"},
    {"{}", "/data", "is required"},
    {"{\"data\":3}", "/data", "must be an object, got 3"},
    {"{\"data\":{}}", "/data", "needs \"dataset\", or \"x\" and \"y\""},
    {TOP("\"nmae\":\"a\""), "/nmae", "did you mean \"name\"?"},
    {TOP("\"zzzzzzzzz\":1"), "/zzzzzzzzz", "known here: name, preset, why, data, preprocess"},
    {TOP("\"epochs\":5"), "/epochs", "it belongs in \"training\""},
    {TOP("\"a~b/c\":5"), "/a~0b~1c", "unknown key \"a~b/c\""},
    {TRAIN("\"loss\":\"mse\""), "/training/loss", "it belongs at the top"},
    {TOP("\"name\":3"), "/name", "must be a text, got 3"},
    {TOP("\"name\":\"\""), "/name", "must be a text, got \"\""},
    {TOP("\"name\":\"latest\""), "/name", "not be \"latest\""},
    {TOP("\"name\":\"a b\""), "/name", "must be 1 to 64 letters"},
    {TOP("\"loss\":\"msee\""), "/loss", "did you mean \"mse\"?"},
    {TOP("\"loss\":\"hinge\""), "/loss",
     "must be one of \"cross_entropy\", \"focal\", \"mse\", \"mae\", \"huber\", \"quantile\", "
     "\"log_cosh\", \"poisson\", \"gamma\", \"tweedie\", got \"hinge\""},
    {TOP("\"loss\":1"), "/loss", "must be one of"},
    {TOP("\"metrics\":\"rmse\""), "/metrics", "must be an array of texts"},
    {TOP("\"metrics\":[\"rmse\",\"f2\"]"), "/metrics/1", "\"f1_weighted\", \"log_loss\""},
    {TOP("\"metrics\":[\"rmse\",\"rmse\"]"), "/metrics/1", "is there twice"},
    {TOP("\"priority\":1001"), "/priority", "must be a whole number from -1000 to 1000"},
    {TOP("\"priority\":-1001"), "/priority", "must be a whole number from -1000 to 1000"},
    {TOP("\"priority\":1.5"), "/priority", "must be a whole number from -1000 to 1000"},
    {TOP("\"priority\":\"high\""), "/priority", "must be a whole number"},
    {TOP("\"notify\":true"), "/notify", "must be an object or null"},
    {TOP("\"notify\":{}"), "/notify/url", "is required"},
    {TOP("\"notify\":{\"events\":[\"failed\"]}"), "/notify/url", "is required"},
    {NOTIFY("\"url\":null"), "/notify/url", "must be a text, got null"},
    {NOTIFY("\"url\":\"\""), "/notify/url", "must be a text, got \"\""},
    {NOTIFY("\"url\":\"u\",\"events\":\"failed\""), "/notify/events", "must be an array of texts"},
    {NOTIFY("\"url\":\"u\",\"events\":[]"), "/notify/events", "must name a state"},
    {NOTIFY("\"url\":\"u\",\"events\":[\"failed\",\"finished\"]"), "/notify/events/1",
     "must be one of \"running\", \"paused\", \"succeeded\", \"failed\", \"cancelled\""},
    {NOTIFY("\"url\":\"u\",\"events\":[\"suceeded\"]"), "/notify/events/0",
     "did you mean \"succeeded\"?"},
    {NOTIFY("\"url\":\"u\",\"events\":[\"failed\",\"failed\"]"), "/notify/events/1", "twice"},
    {NOTIFY("\"url\":\"u\",\"secret\":\"s\""), "/notify/secret",
     "unknown key \"secret\"; known here: url, events"},
    /* data */
    {"{\"data\":{\"dataset\":\"d\"}}", "/data/target", "is required"},
    {"{\"data\":{\"dataset\":1.5,\"target\":\"t\"}}", "/data/dataset", "name, id or"},
    {"{\"data\":{\"dataset\":-1,\"target\":\"t\"}}", "/data/dataset", "got -1"},
    {"{\"data\":{\"dataset\":null,\"target\":\"t\"}}", "/data/dataset", "got null"},
    {"{\"data\":{\"dataset\":\"sha256:12\",\"target\":\"t\"}}", "/data/dataset", "64 hexadecimal"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":1}}", "/data/target", "must be a text or an array"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[]}}", "/data/target", "got an empty array"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",2]}}", "/data/target/1", "must be a text"},
    {"{\"data\":{\"dataset\":\"d\",\"target\":[\"a\",\"a\"]}}", "/data/target/1", "twice"},
    {DATA("\"x\":[[1]]"), "/data/x", "either a dataset or x and y"},
    {DATA("\"features\":[]"), "/data/features", "names no column"},
    {DATA("\"exclude\":\"id\""), "/data/exclude", "must be an array of texts, got \"id\""},
    {DATA("\"exclude\":[1]"), "/data/exclude/0", "must be a text, got 1"},
    {DATA("\"exclude\":[\"a\",\"t\"]"), "/data/exclude/1", "is the target"},
    {DATA("\"target_type\":\"number\""), "/data/target_type", "did you mean \"numeric\"?"},
    {DATA("\"target_rule\":1"), "/data/target_rule", "must be a text"},
    {DATA("\"url\":\"https://a\""), "/data/url", "either a dataset or a url"},
    {DATA("\"format\":\"csv\""), "/data/format", "belongs to data.url"},
    {DATA("\"sha256\":\"f\""), "/data/sha256", "belongs to data.url"},
    {"{\"data\":{\"url\":\"https://a\",\"x\":[[1]],\"y\":[1]}}", "/data/x", "not both"},
    {"{\"data\":{\"url\":\"https://a\"}}", "/data/target", "is required"},
    {"{\"data\":{\"url\":\"https://a\",\"target\":\"t\",\"format\":\"xls\"}}", "/data/format", "csv, tsv"},
    {"{\"data\":{\"url\":\"https://a\",\"target\":\"t\",\"sha256\":\"xyz\"}}", "/data/sha256", "64 hexa"},
    {DATA("\"datset\":\"d\""), "/data/datset", "did you mean \"dataset\"?"},
    /* data.split */
    {DATA("\"split\":1"), "/data/split", "must be an object or null, got 1"},
    {SPLIT("\"validation\":\"a\""), "/data/split/validation", "must be a number, got \"a\""},
    {SPLIT("\"validation\":-0.1"), "/data/split/validation", "must be >= 0, got -0.1"},
    {SPLIT("\"validation\":1"), "/data/split/validation", "must be < 1, got 1"},
    {SPLIT("\"test\":1.5"), "/data/split/test", "must be < 1, got 1.5"},
    {SPLIT("\"test\":null"), "/data/split/test", "must be a number, got null"},
    {SPLIT("\"validation\":0.5,\"test\":0.5"), "/data/split", "leave no rows to train on"},
    {SPLIT("\"stratify\":1"), "/data/split/stratify", "true, false or \"auto\", got 1"},
    {SPLIT("\"column\":3"), "/data/split/column", "must be a text"},
    {SPLIT("\"column\":\"t\""), "/data/split/column", "is the target"},
    {SPLIT("\"column\":\"f\",\"validation\":0.1"), "/data/split/validation", "leave it out"},
    {SPLIT("\"column\":\"f\",\"test\":0.1"), "/data/split/test", "leave it out"},
    {SPLIT("\"column\":\"f\",\"stratify\":true"), "/data/split/stratify", "leave it out"},
    {SPLIT("\"column\":\"f\",\"test_dataset\":\"e\""), "/data/split/test_dataset", "not both"},
    {SPLIT("\"column\":\"f\",\"validation_dataset\":\"e\""), "/data/split/validation_dataset",
     "not both"},
    {DATA("\"filter\":3"), "/data/filter", "an array of at most 100 conditions, got 3"},
    {DATA("\"filter\":[5]"), "/data/filter/0", "must be an object such as"},
    {DATA("\"filter\":[{}]"), "/data/filter/0/column", "is required"},
    {DATA("\"filter\":[{\"column\":\"a\"}]"), "/data/filter/0/op", "is required"},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"=\",\"value\":1}]"), "/data/filter/0/op", "must be one of"},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"==\"}]"), "/data/filter/0/value", "is required"},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"==\",\"value\":null}]"), "/data/filter/0/value", "\"missing\""},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"==\",\"value\":[1]}]"), "/data/filter/0/value",
     "must be a number, a text or a boolean"},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"in\",\"value\":1}]"), "/data/filter/0/value", "an array of 1"},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"in\",\"value\":[[1]]}]"), "/data/filter/0/value",
     "must be numbers, texts or booleans"},
    {DATA("\"filter\":[{\"column\":\"a\",\"op\":\"missing\",\"value\":1}]"), "/data/filter/0/value", "has none"},
    {DATA("\"filter\":[{\"colum\":\"a\",\"op\":\"missing\"}]"), "/data/filter/0/colum", "did you mean"},
    {DATA("\"missing_target\":\"drop\""), "/data/missing_target", "must be one of"},
    {SPLIT("\"group\":\"g\",\"stratify\":true"), "/data/split/stratify",
     "the group (data.split.group) says which row goes where"},
    {SPLIT("\"group\":\"g\",\"time\":\"z\""), "/data/split/time",
     "the group (data.split.group) says already which row goes where"},
    {SPLIT("\"column\":\"g\",\"group\":\"z\""), "/data/split/group", "the split column (data.split.column)"},
    {SPLIT("\"group\":\"t\""), "/data/split/group", "is the target, it cannot keep rows together"},
    {SPLIT("\"time\":\"t\""), "/data/split/time", "is the target, it cannot be the time"},
    {SPLIT("\"rows\":{}"), "/data/split/rows/training", "is required: ranges"},
    {SPLIT("\"rows\":{\"training\":[]}"), "/data/split/rows/training", "is required: ranges"},
    {SPLIT("\"rows\":{\"train\":[]}"), "/data/split/rows/train", "known here: training, validation"},
    {SPLIT("\"rows\":{\"training\":5}"), "/data/split/rows/training", "an array of ranges"},
    {SPLIT("\"rows\":{\"training\":[[0,9],[7]]}"), "/data/split/rows/training/1",
     "must be [first, last]: two whole numbers"},
    {SPLIT("\"rows\":{\"training\":[[9,0]]}"), "/data/split/rows/training/0", "first <= last"},
    {SPLIT("\"rows\":{\"training\":[[0,1.5]]}"), "/data/split/rows/training/0", "whole numbers"},
    {SPLIT("\"rows\":{\"training\":[[-1,5]]}"), "/data/split/rows/training/0", "0 <= first"},
    {SPLIT("\"rows\":{\"training\":[[0,9],[20,29]],\"test\":[[40,50],[5,30]]}"),
     "/data/split/rows/test/1", "[5, 30] overlaps with [0, 9] of training"},
    {SPLIT("\"rows\":{\"training\":[[0,9],[20,29]],\"test\":[[40,50],[5,30]]}"),
     "/data/split/rows/training/1", "[20, 29] overlaps with [5, 30] of test"},
    {SPLIT("\"rows\":{\"training\":[[0,9]]},\"test\":0.1"), "/data/split/test",
     "the ranges of rows (data.split.rows) say which rows test"},
    {SPLIT("\"rows\":{\"training\":[[0,9]]},\"test_dataset\":\"e\""), "/data/split/test_dataset",
     "not both"},
    {SPLIT("\"validation_dataset\":\"e\",\"validation\":0.1"), "/data/split/validation",
     "validation_dataset validates"},
    {SPLIT("\"test_dataset\":\"e\",\"test\":0.1"), "/data/split/test", "test_dataset tests"},
    {SPLIT("\"test_dataset\":[]"), "/data/split/test_dataset", "name, id or"},
    {SPLIT("\"train\":0.5"), "/data/split/train", "unknown key"},
    /* preprocess */
    {TOP("\"preprocess\":null"), "/preprocess", "must be an object, got null"},
    {PRE("\"numeric\":\"min_max\""), "/preprocess/numeric", "did you mean \"minmax\"?"},
    {PRE("\"missing_indicator\":1"), "/preprocess/missing_indicator", "true, false or \"auto\""},
    {PRE("\"missing_indicator\":\"yes\""), "/preprocess/missing_indicator", "got \"yes\""},
    {PRE("\"missing\":\"drop\""), "/preprocess/missing", "\"mean\", \"error\""},
    {PRE("\"missing\":\"drop_rows\""), "/preprocess/missing", "did you mean \"drop_row\"?"},
    {PRE("\"missing\":{\"constant\":null}"), "/preprocess/missing", "{\"constant\": number or text}"},
    {PRE("\"missing\":{\"constant\":1,\"x\":1}"), "/preprocess/missing", "got an object"},
    {PRE("\"missing\":{\"constant\":\"\"}"), "/preprocess/missing", "got an object"},
    {PRE("\"categorical\":\"embedded\""), "/preprocess/categorical", "did you mean \"embedding\"?"},
    {PRE("\"min_count\":0"), "/preprocess/min_count", "from 1 to 1000000"},
    {PRE("\"unseen\":\"zero\""), "/preprocess/unseen", "did you mean \"zeros\"?"},
    {PRE("\"hash_buckets\":1"), "/preprocess/hash_buckets", "from 2 to 65536"},
    {PRE("\"boolean\":true"), "/preprocess/boolean", "must be \"auto\""},
    {PRE("\"datetime\":[\"yaer\"]"), "/preprocess/datetime/0", "did you mean \"year\"?"},
    {PRE("\"datetime\":[\"year\",\"year\"]"), "/preprocess/datetime/1", "twice"},
    {PRE("\"columns\":[]"), "/preprocess/columns", "must be an object of column to object"},
    {PRE("\"columns\":{\"a\":1}"), "/preprocess/columns/a", "must be an object such as"},
    {PRE("\"columns\":{\"a/b\":{\"numerc\":1}}"), "/preprocess/columns/a~1b/numerc",
     "did you mean \"numeric\"?"},
    {PRE("\"columns\":{\"a\":{\"missing\":7}}"), "/preprocess/columns/a/missing", "got 7"},
    {PRE("\"columns\":{\"a\":{\"missing_indicator\":7}}"),
     "/preprocess/columns/a/missing_indicator", "true, false or \"auto\""},
    {PRE("\"columns\":{\"a\":{\"width\":257}}"), "/preprocess/columns/a/width", "from 1 to 256"},
    {PRE("\"width\":8"), "/preprocess/width", "it belongs in \"preprocess/columns/*\""},
    {PRE("\"target\":false"), "/preprocess/target", "got false"},
    /* architecture */
    {NET("\"hidden\":128"), "/architecture/hidden", "must be an array of layers, got 128"},
    {NET("\"hidden\":null"), "/architecture/hidden", "must be an array of layers, got null"},
    {NET("\"hidden\":[128,\"a\"]"), "/architecture/hidden/1", "a number of units or an object"},
    {NET("\"hidden\":[0]"), "/architecture/hidden/0", "from 1 to 65536, got 0"},
    {NET("\"hidden\":[-1]"), "/architecture/hidden/0", "got -1"},
    {NET("\"hidden\":[65537]"), "/architecture/hidden/0", "from 1 to 65536, got 65537"},
    {NET("\"hidden\":[1.5]"), "/architecture/hidden/0", "without point or exponent, got 1.5"},
    {NET("\"hidden\":[1e2]"), "/architecture/hidden/0", "without point or exponent, got 100"},
    {NET("\"hidden\":[{}]"), "/architecture/hidden/0/units", "is required"},
    {LAYER("\"units\":0"), "/architecture/hidden/0/units", "from 1 to 65536"},
    {LAYER("\"units\":\"8\""), "/architecture/hidden/0/units", "got \"8\""},
    {LAYER("\"units\":8,\"activation\":\"rleu\""), "/architecture/hidden/0/activation",
     "did you mean \"relu\"?"},
    {LAYER("\"units\":8,\"init\":\"ones\""), "/architecture/hidden/0/init", "\"he_uniform\""},
    {LAYER("\"units\":8,\"bias\":true"), "/architecture/hidden/0/bias", "unknown key \"bias\""},
    {NET("\"activation\":\"gulu\""), "/architecture/activation", "must be one of \"identity\""},
    {NET("\"init\":\"he\""), "/architecture/init", "must be one of \"glorot_uniform\""},
    {NET("\"output\":\"linear\""), "/architecture/output", "\"softmax\", \"exp\", \"auto\""},
    {NET("\"layers\":[8]"), "/architecture/layers", "unknown key \"layers\""},
    /* optimizer */
    {OPT("\"type\":\"adams\""), "/optimizer/type", "did you mean \"adam\"?"},
    {OPT("\"learning_rate\":-1"), "/optimizer/learning_rate", "must be > 0, got -1"},
    {OPT("\"learning_rate\":0"), "/optimizer/learning_rate", "must be > 0, got 0"},
    {OPT("\"learning_rate\":1e39"), "/optimizer/learning_rate", "must be at most 3.40282"},
    {OPT("\"learning_rate\":1e-60"), "/optimizer/learning_rate", "must be at least 1.5e-45"},
    {OPT("\"learning_rate\":true"), "/optimizer/learning_rate", "must be a number, got true"},
    {OPT("\"learning_rte\":0.1"), "/optimizer/learning_rte", "did you mean \"learning_rate\"?"},
    {OPT("\"momentum\":0.9"), "/optimizer/momentum", "belongs to sgd and rmsprop, and the optimizer is adam"},
    {OPT("\"nesterov\":true"), "/optimizer/nesterov", "belongs to sgd"},
    {SGD("\"beta1\":0.9"), "/optimizer/beta1",
     "belongs to adam, adamw, nadam, radam and lion, and the optimizer is sgd"},
    {SGD("\"beta2\":0.9"), "/optimizer/beta2", "belongs to adam"},
    {SGD("\"epsilon\":1e-8"), "/optimizer/epsilon", "belongs to adam"},
    {SGD("\"momentum\":1"), "/optimizer/momentum", "must be < 1, got 1"},
    {SGD("\"momentum\":-0.5"), "/optimizer/momentum", "must be >= 0, got -0.5"},
    {SGD("\"nesterov\":1"), "/optimizer/nesterov", "must be true or false, got 1"},
    {SGD("\"nesterov\":true"), "/optimizer/nesterov", "needs a momentum > 0"},
    {OPT("\"beta1\":1"), "/optimizer/beta1", "must be < 1"},
    {OPT("\"beta2\":-1"), "/optimizer/beta2", "must be >= 0"},
    {OPT("\"epsilon\":0"), "/optimizer/epsilon", "must be >= 1.17549"},
    {OPT("\"l2\":-1"), "/optimizer/l2", "must be >= 0, got -1"},
    {OPT("\"l2\":1e39"), "/optimizer/l2", "must be at most 3.40282"},
    /* training */
    {TRAIN("\"epochs\":0"), "/training/epochs", "from 1 to 1000000, got 0"},
    {TRAIN("\"epochs\":1000001"), "/training/epochs", "from 1 to 1000000, got 1000001"},
    {TRAIN("\"epochs\":2.5"), "/training/epochs", "without point or exponent, got 2.5"},
    {TRAIN("\"epochs\":1e3"), "/training/epochs", "without point or exponent, got 1000"},
    {TRAIN("\"epochs\":\"ten\""), "/training/epochs", "got \"ten\""},
    {TRAIN("\"epochs\":null"), "/training/epochs", "got null"},
    {TRAIN("\"batch_size\":0"), "/training/batch_size", "from 1 to 65536, got 0"},
    {TRAIN("\"batch_size\":65537"), "/training/batch_size", "from 1 to 65536"},
    {TRAIN("\"batch_size\":1.0"), "/training/batch_size", "without point or exponent"},
    {TRAIN("\"shuffle\":\"yes\""), "/training/shuffle", "must be true or false"},
    {TRAIN("\"seed\":-1"), "/training/seed", "from 0 to 9007199254740992, got -1"},
    {TRAIN("\"seed\":9007199254740993"), "/training/seed", "got 9007199254740993"},
    {TRAIN("\"seed\":0.5"), "/training/seed", "got 0.5"},
    {TRAIN("\"early_stopping\":true"), "/training/early_stopping", "an object or null, got true"},
    {STOP("\"monitor\":\"accuracy\""), "/training/early_stopping/monitor",
     "such as \"validation_accuracy\", got \"accuracy\""},
    {STOP("\"patience\":0"), "/training/early_stopping/patience", "from 1 to 1000000"},
    {STOP("\"min_delta\":-1"), "/training/early_stopping/min_delta", "must be >= 0"},
    {STOP("\"restore_best\":null"), "/training/early_stopping/restore_best", "true or false"},
    {STOP("\"patiance\":3"), "/training/early_stopping/patiance", "did you mean \"patience\"?"},
    /* rows inside the job */
    {"{\"data\":{\"x\":[[1]]}}", "/data/y", "is required"},
    {"{\"data\":{\"y\":[1]}}", "/data/x", "is required"},
    {INLINE("[]", "[]"), "/data/x", "one at least, got an empty array"},
    {INLINE("[]", "[]"), "/data/y", "got an empty array"},
    {INLINE("null", "[1]"), "/data/x", "must be an array of rows"},
    {INLINE("[[]]", "[1]"), "/data/x/0", "one at least, got an empty array"},
    {INLINE("[1,2]", "[1,2]"), "/data/x/0", "an array of values, one at least, got 1"},
    {INLINE("[[1],[2],[3]]", "[1,2]"), "/data/y", "has 2 values, and x has 3 rows"},
    {INLINE("[[1,2],[3]]", "[1,2]"), "/data/x/1", "has 1 value, the first row has 2"},
    {INLINE("[[1],3]", "[1,2]"), "/data/x/1", "must be an array of values, got 3"},
    {INLINE("[[1],[true]]", "[1,2]"), "/data/x/1/0", "a number, a text or null, got true"},
    {INLINE("[[1],[\"a\"]]", "[1,2]"), "/data/x/1/0", "must be a number as in the rows before"},
    {INLINE("[[\"a\"],[1]]", "[1,2]"), "/data/x/1/0", "must be a text as in the rows before"},
    {INLINE("[[1],[2]]", "[1,null]"), "/data/y/1", "every row needs its target"},
    {INLINE("[[1],[2]]", "[1,{}]"), "/data/y/1", "true or false, got an object"},
    {INLINE("[[1],[2]]", "[1,\"a\"]"), "/data/y/1", "must be a number as in the rows before"},
    {INLINE("[[1],[2]]", "[[1,2],3]"), "/data/y/1", "an array of numbers as in the first row"},
    {INLINE("[[1],[2]]", "[[1,2],[3]]"), "/data/y/1", "has 1 target, the first row has 2"},
    {INLINE("[[1],[2]]", "[[1,2],[3,\"a\"]]"), "/data/y/1/1", "must be a number, got \"a\""},
    {INLINE("[[1],[2]]", "[[],[]]"), "/data/y/0", "must have 1 to 1000 targets, has 0"},
    {INLINE3("[[1]]", "[1]", "\"features\":[\"a\",\"b\"]"), "/data/features",
     "has 2 names, and the rows of x have 1"},
    {INLINE3("[[1]]", "[1]", "\"features\":[\"y\"]"), "/data/features/0",
     "names a feature and a target; give the target another name"},
    {INLINE3("[[1]]", "[1]", "\"features\":[\"\"]"), "/data/features/0", "a name of 1 to 256"},
    {INLINE3("[[1]]", "[1]", "\"target\":[\"a\",\"b\"]"), "/data/target",
     "has 2 names, and y has 1 target a row"},
    {INLINE3("[[1]]", "[1]", "\"target\":\"x1\""), "/data/target", "names a feature and a target"},
};

START_TEST(wrong_is_refused)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(config_parse(wrong[_i].json, strlen(wrong[_i].json), &config, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_msg(help_has(&err, wrong[_i].pointer, wrong[_i].fragment),
                  "%s\nwanted %s: %s\ngot %s", wrong[_i].json, wrong[_i].pointer,
                  wrong[_i].fragment, help_show(&err));
    err_fini(&err);
}
END_TEST

/* Each object of the table refuses what is none. */
START_TEST(objects_are_objects)
{
    enum config_id id;

    for (id = 0; id < KEY_COUNT; id++) {
        char text[256], pointer[128];
        struct config *config = NULL;
        struct err err = ERR_INIT;

        if (config_keys[id].type != TYPE_OBJECT || strchr(config_keys[id].path, '/') != NULL) {
            continue;
        }
        (void)snprintf(text, sizeof text, "{\"%s\":[]}", config_keys[id].path);
        (void)snprintf(pointer, sizeof pointer, "/%s", config_keys[id].path);
        ck_assert_int_eq(config_parse(text, strlen(text), &config, &err), -1);
        ck_assert_msg(help_has(&err, pointer, "must be an object"), "%s", help_show(&err));
        err_fini(&err);
    }
}
END_TEST

START_TEST(whole_example_passes)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(config_parse(whole, strlen(whole), &config, &err) == 0, "%s", help_show(&err));
    ck_assert_str_eq(config_name(config), "housing-mlp");
    ck_assert_str_eq(config_dataset_key(config), "california-housing");
    ck_assert_ptr_null(config_validation_key(config));
    config_free(&config);
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(small_forms_pass)
{
    static const char *const right[] = {
        TOP("\"name\":null"),
        TOP("\"loss\":null,\"metrics\":null,\"schedule\":null"),
        "{\"data\":{\"dataset\":12,\"target\":[\"a\",\"b\"]}}",
        "{\"data\":{\"dataset\":\"sha256:" HEX64 "\",\"target\":\"t\"}}",
        DATA("\"split\":null"),
        DATA("\"split\":{}"),
        SPLIT("\"column\":\"fold\",\"validation\":0,\"stratify\":false"),
        SPLIT("\"stratify\":\"auto\",\"test_dataset\":\"e\",\"validation_dataset\":3"),
        NET("\"hidden\":[]"),
        NET("\"hidden\":[65536,1]"),
        SGD("\"momentum\":0.9,\"nesterov\":true"),
        OPT("\"l1\":0.0,\"weight_decay\":null"),
        TRAIN("\"seed\":9007199254740992,\"early_stopping\":null,\"threads\":1"),
        TRAIN("\"seed\":null,\"epochs\":1000000,\"batch_size\":65536"),
        INLINE("[[1,\"a\",null]]", "[true]"),
        INLINE3("[[1]]", "[[1,2]]", "\"features\":[\"a\"],\"target\":[\"b\",\"c\"]"),
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(right); i++) {
        struct config *config = NULL;
        struct err err = ERR_INIT;

        ck_assert_msg(config_parse(right[i], strlen(right[i]), &config, &err) == 0, "%s\n%s",
                      right[i], help_show(&err));
        config_free(&config);
    }
}
END_TEST

START_TEST(all_problems_at_once)
{
    static const char text[] = "{\"name\":5,\"data\":{\"dataset\":\"d\",\"split\":{\"test\":2}},"
                               "\"lss\":1,\"optimizer\":{\"learning_rate\":-1},"
                               "\"training\":{\"epochs\":0,\"batch_size\":0}}";
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(config_parse(text, strlen(text), &config, &err), -1);
    ck_assert_uint_eq(err.n_items, 7);
    ck_assert(help_has(&err, "/data/target", "is required"));
    ck_assert(help_has(&err, "/training/batch_size", "got 0"));
    err_fini(&err);
}
END_TEST

/* ---- not JSON ------------------------------------------------------------------ */

static const struct {
    const char *text, *fragment;
} broken[] = {
    {"", "not JSON"},
    {"nonsense", "line 1, column"},
    {"{\"data\":\n {\"dataset\" 1}}", "(line 2, column"},
    {"{\"a\":1,\"b\":{\"c\":2,\"c\":3}}", "duplicate object key"},
    {"{\"a\":NaN}", "not JSON"},
    {"{\"a\":Infinity}", "not JSON"},
    {"{\"a\":1e999}", "too large"},
    {"{\"a\":-1e999}", "too large"},
    {"{\"a\":99999999999999999999999}", "too"},
    {"{\"a\":01}", "not JSON"},
    {"{\"a\":\"\\u0000\"}", "not JSON"},
    {"{\"a\":\"\xff\"}", "not UTF-8"},
    {"{} {}", "not JSON"},
    {"{\"a\":[1,]}", "not JSON"},
    {"\"text\"", "not JSON"},
};

START_TEST(broken_is_syntax)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(config_parse(broken[_i].text, strlen(broken[_i].text), &config, &err), -1);
    ck_assert_msg(err.code == ERR_SYNTAX, "%s: %s", broken[_i].text, help_show(&err));
    ck_assert_msg(strstr(err.detail, broken[_i].fragment) != NULL, "%s: %s", broken[_i].text,
                  err.detail);
    err_fini(&err);
}
END_TEST

START_TEST(nul_byte_is_syntax)
{
    static const char text[] = "{\"a\":1}\0{\"b\":2}";
    struct config *config = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(config_parse(text, sizeof text - 1, &config, &err), -1);
    ck_assert_int_eq(err.code, ERR_SYNTAX);
    err_fini(&err);
}
END_TEST

START_TEST(cut_anywhere_is_an_error)
{
    size_t cut, i;

    for (cut = 0; cut < sizeof whole - 1; cut++) {
        struct config *config = NULL;
        struct err err = ERR_INIT;
        char *copy = xstrndup(whole, cut); /* its own bytes: a sanitizer sees one too many */

        ck_assert_int_eq(config_parse(copy, cut, &config, &err), -1);
        ck_assert_int_eq(err.code, ERR_SYNTAX);
        err_fini(&err);
        free(copy);
    }
    for (i = 0; i < sizeof whole - 1; i++) { /* one byte another */
        struct config *config = NULL;
        struct err err = ERR_INIT;
        char *copy = xstrndup(whole, sizeof whole - 1);

        copy[i] = "\"{}[],:0-e\xc3 x"[i % 13];
        if (config_parse(copy, sizeof whole - 1, &config, &err) == 0) {
            config_free(&config);
        }
        err_fini(&err);
        free(copy);
    }
}
END_TEST

/* ---- limits ------------------------------------------------------------------------ */

static double now(void)
{
    struct timespec t;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(depth_bomb_is_cheap)
{
    size_t len = 4 << 20;
    char *bomb = xmalloc(len);
    struct config *config = NULL;
    struct err err = ERR_INIT;

    memset(bomb, '[', len);
    ck_assert_int_eq(config_parse(bomb, len, &config, &err), -1);
    ck_assert_int_eq(err.code, ERR_SYNTAX);
    err_fini(&err);
    free(bomb);
}
END_TEST

START_TEST(many_layers_are_refused_at_once)
{
    struct buf text = BUF_INIT;
    struct config *config = NULL;
    struct err err = ERR_INIT;
    size_t n;

    for (n = 64; n <= 10000; n += n == 64 ? 1 : 9935) {
        size_t i;
        double start;

        buf_clear(&text);
        buf_puts(&text, "{\"data\":{\"dataset\":\"d\",\"target\":\"t\"},"
                        "\"architecture\":{\"hidden\":[8");
        for (i = 1; i < n; i++) {
            buf_puts(&text, ",8");
        }
        buf_puts(&text, "]}}");
        start = now();
        if (n == 64) {
            ck_assert_int_eq(config_parse(text.data, text.len, &config, &err), 0);
            config_free(&config);
            continue;
        }
        ck_assert_int_eq(config_parse(text.data, text.len, &config, &err), -1);
        ck_assert_double_lt(now() - start, 0.1); /* a millisecond or two; slow machines exist */
        ck_assert_uint_eq(err.n_items, 1);
        ck_assert(help_has(&err, "/architecture/hidden",
                           n == 65 ? "has 65 layers, the limit is 64"
                                   : "has 10000 layers, the limit is 64"));
        err_fini(&err);
    }
    buf_fini(&text);
}
END_TEST

START_TEST(problems_are_counted_to_a_hundred)
{
    struct buf text = BUF_INIT;
    struct config *config = NULL;
    struct err err = ERR_INIT;
    size_t i;

    buf_puts(&text, "{\"data\":{\"x\":[[1]");
    for (i = 0; i < 200000; i++) {
        buf_puts(&text, ",[]");
    }
    buf_puts(&text, "],\"y\":[1");
    for (i = 0; i < 200000; i++) {
        buf_puts(&text, ",1");
    }
    buf_puts(&text, "]}}");
    ck_assert_int_eq(config_parse(text.data, text.len, &config, &err), -1);
    ck_assert_uint_eq(err.n_items, ERR_MAX_ITEMS);
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

/* ---- the table ------------------------------------------------------------------------- */

START_TEST(names_agree_with_the_core)
{
    const char *const *ours = config_outputs(), *const *theirs = mlp_output_names();
    size_t i;

    for (i = 0; theirs[i] != NULL; i++) {
        ck_assert_str_eq(ours[i], theirs[i]);
    }
    ck_assert_uint_eq(i, CONFIG_OUTPUT_AUTO);
    ck_assert_str_eq(ours[i], "auto");
    for (i = 0; i < KEY_COUNT; i++) {
        ck_assert(config_keys[i].type == TYPE_ABSENT ? config_keys[i].neutral != NULL
                                                     : config_keys[i].help != NULL);
        ck_assert((config_keys[i].type == TYPE_CHOICE || config_keys[i].type == TYPE_CHOICES) ==
                  (config_keys[i].choices != NULL));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, wrong_is_refused, 0, ARRAY_LEN(wrong));
    tcase_add_test(tc, objects_are_objects);
    tcase_add_test(tc, whole_example_passes);
    tcase_add_test(tc, small_forms_pass);
    tcase_add_test(tc, all_problems_at_once);
    tcase_add_loop_test(tc, broken_is_syntax, 0, ARRAY_LEN(broken));
    tcase_add_test(tc, nul_byte_is_syntax);
    tcase_add_test(tc, cut_anywhere_is_an_error);
    tcase_add_test(tc, depth_bomb_is_cheap);
    tcase_add_test(tc, many_layers_are_refused_at_once);
    tcase_add_test(tc, problems_are_counted_to_a_hundred);
    tcase_add_test(tc, names_agree_with_the_core);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
