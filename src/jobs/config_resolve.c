/* Defaults that depend on the data: struct config + dataset -> struct job_spec.
 *
 * In steps, each needing the ones before: columns, target (classes or numbers, by type,
 * loss and what was asked), output and loss, preprocessing, split, network, optimizer,
 * training. A step goes on after a problem where what follows still means something.
 *
 * The numbers behind the defaults are learning.md's recipe. Resolving what config_print
 * made gives the same spec again: that is the invariant to keep when a default is added.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/admit.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"
#include "jobs/judge.h"

#define CLASS_INTEGERS   20 /* at most so many distinct integers are classes */
#define SPLIT_ROWS       50 /* fewer rows all train, unless a split is asked for */
#define SPLIT_FRACTION   0.15
#define PATIENCE         16
#define ROWS_OF_TRAINING 2e6 /* rows seen in all epochs together, as a start */
#define MIN_EPOCHS       20
#define MAX_EPOCHS       100
#define MIN_STEPS        2000 /* few rows make few steps an epoch: then more epochs, */
#define MAX_EPOCHS_SMALL 500  /* up to so many */
#define MIN_BATCH        16
#define MAX_BATCH        256

struct resolver {
    const struct config *config;
    const struct dataset *ds, *validation, *test;
    struct job_spec *spec;
    size_t *features, n_features, *targets; /* columns of ds */
    size_t n_classes;                       /* 0: numbers; counted to DATASET_MAX_DISTINCT + 1 */
    struct err *warnings, *err;
};

static char **copy_texts(const struct config *config, enum config_id id, size_t *n)
{
    size_t i;
    char **texts;

    *n = config_n_texts(config, id);
    texts = xcalloc(*n > 0 ? *n : 1, sizeof *texts);
    for (i = 0; i < *n; i++) {
        texts[i] = xstrdup(config_text_at(config, id, i));
    }
    return texts;
}

static void copy_hash(char *out, const char *sha256)
{
    CHK(strlen(sha256) < HASH_HEX_LEN);
    memcpy(out, sha256, strlen(sha256) + 1);
}

/* ---- columns ------------------------------------------------------------------ */

/* Another dataset that validates or tests must have the same columns. */
static void check_other(const struct resolver *r, const struct dataset *other, enum config_id id)
{
    char *pointer = xasprintf("/%s", config_keys[id].path), shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->n_features + r->spec->n_targets; i++) {
        bool target = i >= r->n_features;
        const struct dataset_column *want =
            dataset_column(r->ds, target ? r->targets[i - r->n_features] : r->features[i]);
        ptrdiff_t at = dataset_find(other, want->name);

        json_util_shown(want->name, shown);
        if (at < 0) {
            err_add(r->err, pointer, "has no column \"%s\"", shown);
        } else if (dataset_column(other, (size_t)at)->type != want->type) {
            err_add(r->err, pointer, "has \"%s\" as %s, the training data as %s", shown,
                    column_type_name(dataset_column(other, (size_t)at)->type),
                    column_type_name(want->type));
        } else if (target && dataset_column(other, (size_t)at)->missing > 0) {
            err_add(r->err, pointer, "has rows without a value of the target \"%s\"", shown);
        }
    }
    free(pointer);
}

static int resolve_columns(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    const struct config *c = r->config;

    spec->targets = copy_texts(c, KEY_TARGET, &spec->n_targets);
    spec->exclude = copy_texts(c, KEY_EXCLUDE, &spec->n_exclude);
    if (config_has(c, KEY_COLUMN)) {
        spec->split_column = xstrdup(config_text_at(c, KEY_COLUMN, 0));
    }
    if (job_spec_columns(spec, r->ds, &r->features, &r->n_features, &r->targets, r->err) != 0) {
        return -1;
    }
    if (r->validation != NULL) {
        check_other(r, r->validation, KEY_VALIDATION_SET);
    }
    if (r->test != NULL) {
        check_other(r, r->test, KEY_TEST_SET);
    }
    return 0;
}

/* ---- target -------------------------------------------------------------------- */

static const struct dataset_column *target_column(const struct resolver *r, size_t target)
{
    return dataset_column(r->ds, r->targets[target]);
}

/* What the values alone say; *rule is the caller's. */
static bool natural_classes(const struct resolver *r, char **rule)
{
    const struct dataset_column *col = target_column(r, 0);

    if (r->spec->n_targets > 1) {
        *rule = xstrdup("several targets");
        return false;
    }
    if (col->type == COLUMN_CATEGORICAL) {
        *rule = xasprintf("%u distinct texts", col->n_categories);
        return true;
    }
    if (!col->integers) {
        *rule = xstrdup("numbers with fractions");
        return false;
    }
    if (col->distinct <= CLASS_INTEGERS) {
        *rule = xasprintf("%llu distinct integers", (unsigned long long)col->distinct);
        return true;
    }
    *rule = xasprintf("more than %d distinct integers", CLASS_INTEGERS);
    return false;
}

static void refuse_text_targets(const struct resolver *r, const char *pointer, const char *why)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        if (target_column(r, i)->type == COLUMN_CATEGORICAL) {
            err_add(r->err, pointer, "%s, and the column \"%s\" holds texts", why,
                    json_util_shown(r->spec->targets[i], shown));
        }
    }
}

/* Classes or numbers: what was asked decides, then the loss, then the values. */
static void resolve_target_type(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    bool has_loss = config_has(c, KEY_LOSS), asked = config_has(c, KEY_TARGET_TYPE);
    bool cross_entropy = config_choice(c, KEY_LOSS, 0) == CONFIG_CROSS_ENTROPY;
    bool want_classes = config_choice(c, KEY_TARGET_TYPE, 0) == CONFIG_CLASSES;
    char *rule;

    spec->classes = natural_classes(r, &rule);
    if (asked) {
        spec->classes = want_classes;
        free(rule);
        rule = xstrdup(config_has(c, KEY_TARGET_RULE) ? config_text_at(c, KEY_TARGET_RULE, 0)
                                                      : "asked for");
    } else if (has_loss && spec->n_targets == 1 && spec->classes != cross_entropy) {
        spec->classes = cross_entropy;
        free(rule);
        rule = xasprintf("loss %s", cross_entropy ? "cross_entropy" : "mse");
    }
    spec->target_rule = rule;
    if (spec->classes && spec->n_targets > 1) {
        err_add(r->err, "/data/target_type",
                "classes need one target; several targets are numbers");
    }
    if (spec->classes && has_loss && !cross_entropy) {
        err_add(r->err, "/loss", "mse needs numbers, and data.target_type says classes");
    }
    if (!spec->classes) {
        refuse_text_targets(r,
                            asked                 ? "/data/target_type"
                            : spec->n_targets > 1 ? "/data/target"
                                                  : "/loss",
                            asked                 ? "numbers were asked for"
                            : spec->n_targets > 1 ? "several targets must be numbers"
                                                  : "mse needs numbers");
    }
}

/* What no encoder could turn into a truth. */
static void check_target_values(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < spec->n_targets; i++) {
        const struct dataset_column *col = target_column(r, i);

        json_util_shown(col->name, shown);
        if (col->missing > 0) {
            err_add(r->err, "/data/target",
                    "%llu row%s no value of \"%s\"; every row needs its target",
                    (unsigned long long)col->missing, col->missing == 1 ? " has" : "s have", shown);
        }
        if (!spec->classes) {
            continue;
        }
        r->n_classes = col->type == COLUMN_CATEGORICAL ? col->n_categories : (size_t)col->distinct;
        if (r->n_classes == 1) {
            err_add(r->err, "/data/target", "every row has the same class, \"%s\" has one value",
                    shown);
        }
        if (col->type == COLUMN_NUMERIC && !col->integers && col->distinct > DATASET_MAX_DISTINCT) {
            err_add(r->err, config_has(r->config, KEY_LOSS) ? "/loss" : "/data/target_type",
                    "classes of \"%s\", which has more than %d distinct numbers with fractions: "
                    "use the loss mse",
                    shown, DATASET_MAX_DISTINCT);
        }
    }
}

/* Multi-label: columns of 0 and 1, each with a sigmoid of its own. */
static void check_labels(const struct resolver *r)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        const struct dataset_column *col = target_column(r, i);

        if (col->type == COLUMN_NUMERIC && !(col->integers && col->min >= 0 && col->max <= 1)) {
            err_add(r->err, "/loss",
                    "cross_entropy on numbers needs columns of 0 and 1, \"%s\" goes from %g to %g",
                    json_util_shown(col->name, shown), col->min, col->max);
        }
    }
}

static void resolve_output(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    size_t asked = config_choice(c, KEY_OUTPUT, CONFIG_OUTPUT_AUTO);
    bool automatic = asked == CONFIG_OUTPUT_AUTO;
    size_t fits;

    if (spec->classes) {
        fits = r->n_classes == 2 ? MLP_OUT_SIGMOID : MLP_OUT_SOFTMAX;
        if (asked == MLP_OUT_IDENTITY) {
            err_add(r->err, "/architecture/output",
                    "identity gives no probabilities: classes need softmax%s",
                    r->n_classes == 2 ? " or sigmoid" : "");
        } else if (asked == MLP_OUT_SIGMOID && r->n_classes > 2) {
            err_add(r->err, "/architecture/output",
                    "sigmoid tells two classes apart, and the target has %s%zu: use softmax",
                    r->n_classes > DATASET_MAX_DISTINCT ? "more than " : "",
                    r->n_classes > DATASET_MAX_DISTINCT ? (size_t)DATASET_MAX_DISTINCT
                                                        : r->n_classes);
        }
    } else if (config_choice(c, KEY_LOSS, CONFIG_MSE) == CONFIG_CROSS_ENTROPY) {
        fits = MLP_OUT_SIGMOID;
        check_labels(r);
        if (!automatic && asked != MLP_OUT_SIGMOID) {
            err_add(r->err, "/architecture/output",
                    "cross_entropy on columns of 0 and 1 needs sigmoid");
        }
    } else {
        fits = MLP_OUT_IDENTITY;
        if (asked == MLP_OUT_SOFTMAX) {
            err_add(r->err, "/architecture/output",
                    "softmax is for classes, the target is numbers");
        }
    }
    spec->output = (enum mlp_output)(automatic ? fits : asked);
    spec->loss = spec->output == MLP_OUT_SOFTMAX            ? MLP_CROSS_ENTROPY
                 : spec->classes || fits == MLP_OUT_SIGMOID ? MLP_BINARY_CROSS_ENTROPY
                                                            : MLP_MSE;
}

/* ---- preprocessing ---------------------------------------------------------------- */

/* What no encoder could turn into inputs. */
static void check_features(const struct resolver *r)
{
    char shown[JSON_UTIL_SHOWN];
    bool varies = false;
    size_t i;

    for (i = 0; i < r->n_features; i++) {
        const struct dataset_column *col = dataset_column(r->ds, r->features[i]);

        if (r->spec->missing == ENCODER_ERROR && col->missing > 0) {
            err_add(r->err, "/preprocess/missing", "\"%s\" has %llu missing value%s",
                    json_util_shown(col->name, shown), (unsigned long long)col->missing,
                    col->missing == 1 ? "" : "s");
        }
        varies = varies || (col->type == COLUMN_NUMERIC
                                ? r->spec->numeric == ENCODER_NONE || col->max > col->min
                                : col->n_categories + (col->missing > 0) > 1);
    }
    if (!varies) {
        err_add(r->err, "/data", "every column to learn from is constant");
    }
}

static void resolve_preprocess(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    bool scales = spec->loss == MLP_MSE && spec->output == MLP_OUT_IDENTITY;
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    spec->numeric = (enum encoder_numeric)config_choice(c, KEY_NUMERIC, ENCODER_STANDARDIZE);
    spec->missing = (enum encoder_missing)config_choice(c, KEY_MISSING, ENCODER_MEAN);
    spec->target_scale = (enum encoder_numeric)config_choice(
        c, KEY_TARGET_SCALE, scales ? ENCODER_STANDARDIZE : ENCODER_NONE);
    if (!scales && spec->target_scale == ENCODER_STANDARDIZE) {
        err_add(r->err, "/preprocess/target", "must be \"none\": %s",
                spec->classes           ? "the target is classes"
                : spec->loss == MLP_MSE ? "a sigmoid output goes from 0 to 1"
                                        : "the targets are columns of 0 and 1");
    }
    for (i = 0; i < spec->n_targets && !spec->classes; i++) {
        const struct dataset_column *col = target_column(r, i);

        if (spec->loss == MLP_MSE && spec->output == MLP_OUT_SIGMOID &&
            (col->min < 0 || col->max > 1)) {
            err_add(r->err, "/architecture/output",
                    "a sigmoid goes from 0 to 1, and \"%s\" from %g to %g",
                    json_util_shown(col->name, shown), col->min, col->max);
        }
    }
    check_features(r);
}

/* ---- split -------------------------------------------------------------------------- */

static void resolve_split(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    const json_t *stratify = c->values[KEY_STRATIFY].json;
    bool off = c->values[KEY_SPLIT].given && !config_has(c, KEY_SPLIT);
    double usual = off || dataset_rows(r->ds) < SPLIT_ROWS ? 0 : SPLIT_FRACTION;
    bool fractions;

    if (spec->split_column != NULL) {
        return; /* its values say it all */
    }
    spec->validation = config_number(c, KEY_VALIDATION, r->validation != NULL ? 0 : usual);
    spec->test = config_number(c, KEY_TEST, r->test != NULL ? 0 : usual);
    if (spec->validation + spec->test >= 1) {
        err_add(r->err, "/data/split",
                "validation %g and test %g leave no rows to train on (the default of each is %g)",
                spec->validation, spec->test, SPLIT_FRACTION);
    }
    fractions = spec->validation + spec->test > 0;
    spec->stratify_asked = json_is_true(stratify);
    spec->stratify = spec->classes && fractions && !json_is_false(stratify);
    if (spec->stratify_asked && !spec->classes) {
        err_add(r->err, "/data/split/stratify", "is for classes, and the target is numbers");
    }
}

/* ---- network, optimizer, training ------------------------------------------------------ */

static void resolve_network(struct resolver *r)
{
    static const struct config_layer usual[] = {{.units = 128}, {.units = 64}};
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    const struct config_layer *layers = config_has(c, KEY_HIDDEN) ? c->layers : usual;
    size_t i;

    spec->n_hidden = config_has(c, KEY_HIDDEN) ? c->n_layers : ARRAY_LEN(usual);
    spec->activation = (enum mlp_activation)config_choice(c, KEY_ACTIVATION, MLP_RELU);
    spec->output_init = (enum mlp_init)config_choice(c, KEY_INIT, MLP_GLOROT_UNIFORM);
    spec->hidden = xcalloc(spec->n_hidden > 0 ? spec->n_hidden : 1, sizeof *spec->hidden);
    for (i = 0; i < spec->n_hidden; i++) {
        spec->hidden[i] = (struct mlp_layer_spec){
            .units = layers[i].units,
            .activation = layers[i].has_activation ? layers[i].activation : spec->activation,
            .init = layers[i].has_init ? layers[i].init : spec->output_init,
        };
    }
}

static void resolve_optimizer(struct resolver *r)
{
    const struct config *c = r->config;
    struct mlp_train_spec *train = &r->spec->train;
    bool adam;

    train->optimizer = (enum mlp_optimizer)config_choice(c, KEY_OPTIMIZER_TYPE, MLP_ADAM);
    adam = train->optimizer == MLP_ADAM;
    train->learning_rate = config_number(c, KEY_LEARNING_RATE, adam ? 1e-3 : 1e-2);
    train->momentum = config_number(c, KEY_MOMENTUM, 0);
    train->nesterov = config_number(c, KEY_NESTEROV, 0) > 0;
    train->beta1 = adam ? config_number(c, KEY_BETA1, 0.9) : 0;
    train->beta2 = adam ? config_number(c, KEY_BETA2, 0.999) : 0;
    train->epsilon = adam ? config_number(c, KEY_EPSILON, 1e-8) : 0;
    train->l2 = config_number(c, KEY_L2, 0);
}

static double clip(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void resolve_training(struct resolver *r, double n_train)
{
    const struct config *c = r->config;
    struct mlp_train_spec *train = &r->spec->train;
    double batch = clip(exp2(round(log2(n_train / 40))), MIN_BATCH, MAX_BATCH), steps, epochs;

    train->batch_size = (size_t)config_number(c, KEY_BATCH_SIZE, batch);
    steps = ceil(n_train / (double)train->batch_size);
    epochs = clip(floor(ROWS_OF_TRAINING / n_train), MIN_EPOCHS, MAX_EPOCHS);
    epochs = fmax(epochs, fmin(ceil(MIN_STEPS / steps), MAX_EPOCHS_SMALL));
    train->epochs = (size_t)config_number(c, KEY_EPOCHS, epochs);
    train->shuffle = config_number(c, KEY_SHUFFLE, 1) > 0;
    train->seed =
        config_has(c, KEY_SEED) ? (uint64_t)config_number(c, KEY_SEED, 0) : hash_random_seed();
}

static void resolve_stopping(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    bool validates = spec->validation > 0 || spec->split_column != NULL || r->validation != NULL;
    bool given = c->values[KEY_EARLY_STOPPING].given;

    spec->early_stopping = given ? config_has(c, KEY_EARLY_STOPPING) : validates;
    if (!spec->early_stopping) {
        return; /* patience 0: never; the last weights are kept */
    }
    spec->train.patience = (size_t)config_number(c, KEY_PATIENCE, PATIENCE);
    spec->train.min_delta = config_number(c, KEY_MIN_DELTA, 0);
    spec->train.restore_best = config_number(c, KEY_RESTORE_BEST, 1) > 0;
    spec->monitor_training =
        config_choice(c, KEY_MONITOR, validates ? CONFIG_VALIDATION_LOSS : CONFIG_TRAINING_LOSS) ==
        CONFIG_TRAINING_LOSS;
    if (!spec->monitor_training && !validates) {
        spec->monitor_training = true;
        if (r->warnings != NULL) {
            err_add(r->warnings, NULL,
                    "there is no validation part: early stopping watches training_loss");
        }
    }
}

static const char *kind_text(enum mlp_metric_kind kind)
{
    static const char *const texts[] = {[MLP_OF_CLASSES] = "classes",
                                        [MLP_OF_LABELS] = "columns of 0 and 1",
                                        [MLP_OF_NUMBERS] = "numbers"};

    return texts[kind];
}

static void resolve_metrics(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    enum mlp_metric_kind kind = judge_kind(spec->loss, spec->classes);
    enum mlp_metric which;
    size_t i;

    spec->metrics = copy_texts(r->config, KEY_METRICS, &spec->n_metrics);
    for (i = 0; i < spec->n_metrics; i++) {
        if (mlp_metric_parse(spec->metrics[i], &which) && !mlp_metric_applies(which, kind)) {
            bool numbers = mlp_metric_applies(which, MLP_OF_NUMBERS);
            char *pointer = xasprintf("/metrics/%zu", i);

            err_add(r->err, pointer, "%s is for %s, and the target is %s", spec->metrics[i],
                    kind_text(numbers ? MLP_OF_NUMBERS : MLP_OF_CLASSES), kind_text(kind));
            free(pointer);
        }
    }
}

static int resolve(struct resolver *r)
{
    size_t rows[SPLIT_PARTS];

    if (resolve_columns(r) != 0) {
        return -1;
    }
    resolve_target_type(r);
    check_target_values(r);
    resolve_output(r);
    resolve_preprocess(r);
    resolve_split(r);
    resolve_network(r);
    resolve_optimizer(r);
    resolve_metrics(r);
    if (err_is(r->err) || admit_rows(r->spec, r->ds, r->validation, r->test, rows, r->err) != 0) {
        return -1;
    }
    resolve_training(r, (double)rows[SPLIT_TRAINING]);
    resolve_stopping(r);
    return 0;
}

int config_resolve(const struct config *config, const struct dataset *ds, const char *sha256,
                   const struct dataset *validation, const char *validation_sha256,
                   const struct dataset *test, const char *test_sha256, struct job_spec *out,
                   struct err *warnings, struct err *err)
{
    struct job_spec spec = {.name = NULL};
    struct resolver r = {.config = config,
                         .ds = ds,
                         .validation = validation,
                         .test = test,
                         .spec = &spec,
                         .warnings = warnings,
                         .err = err};
    int rc;

    CHK_OBJ(config, CONFIG_MAGIC);
    CHK(config->rows == NULL); /* inline rows are a dataset by now */
    spec.name = config_name(config) != NULL ? xstrdup(config_name(config)) : NULL;
    copy_hash(spec.dataset, sha256);
    copy_hash(spec.validation_dataset, validation != NULL ? validation_sha256 : "");
    copy_hash(spec.test_dataset, test != NULL ? test_sha256 : "");
    rc = resolve(&r);
    free(r.features);
    free(r.targets);
    if (rc != 0) {
        job_spec_fini(&spec);
        return -1;
    }
    *out = spec;
    return 0;
}
