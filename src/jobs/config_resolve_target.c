/* What the target is, and all that follows from it: loss, output, how cells become numbers.
 *
 * What was asked for decides, then the loss, then the values. Losses with a logarithmic link
 * (poisson, gamma, tweedie) have an output of their own and a target that is never
 * standardised. A job that starts from a model has that model's target, classes and scales.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_resolve.h"
#include "jobs/json_util.h"

#define CLASS_INTEGERS 20 /* at most so many distinct integers are classes */

static bool of_classes(size_t loss)
{
    return loss == CONFIG_CROSS_ENTROPY || loss == CONFIG_FOCAL;
}

static bool log_link(size_t loss)
{
    return loss == CONFIG_POISSON || loss == CONFIG_GAMMA || loss == CONFIG_TWEEDIE;
}

/* What the parent minimised, in the job's words. */
static size_t parents_loss(const struct config_parent *parent)
{
    static const size_t words[] = {
        [MLP_CROSS_ENTROPY] = CONFIG_CROSS_ENTROPY,
        [MLP_BINARY_CROSS_ENTROPY] = CONFIG_CROSS_ENTROPY,
        [MLP_FOCAL] = CONFIG_FOCAL,
        [MLP_BINARY_FOCAL] = CONFIG_FOCAL,
        [MLP_MSE] = CONFIG_MSE,
        [MLP_MAE] = CONFIG_MAE,
        [MLP_HUBER] = CONFIG_HUBER,
        [MLP_QUANTILE] = CONFIG_QUANTILE,
        [MLP_LOG_COSH] = CONFIG_LOG_COSH,
        [MLP_POISSON] = CONFIG_POISSON,
        [MLP_GAMMA] = CONFIG_GAMMA,
        [MLP_TWEEDIE] = CONFIG_TWEEDIE,
    };

    return words[parent->spec->loss];
}

static bool has_loss(const struct resolver *r)
{
    return config_has(r->config, KEY_LOSS_TYPE) || r->parent != NULL;
}

static bool is_boolean(const struct resolver *r, size_t target)
{
    const struct dataset_column *col = resolver_target(r, target);
    enum column_type type = col->stored;

    (void)config_type_of(r->config, col->name, &type); /* else it stays what it is */
    return type == COLUMN_BOOLEAN;
}

/* Several columns, and all are booleans: labels that a row has or has not. */
static bool several_booleans(const struct resolver *r)
{
    size_t n = r->spec->n_targets, i;

    for (i = 0; i < n && is_boolean(r, i); i++) {
    }
    return n > 1 && i == n;
}

/* Without one, and without a parent: by the target. */
static size_t chosen_loss(const struct resolver *r)
{
    bool labels = r->spec->classes || several_booleans(r);
    size_t usual = r->parent != NULL ? parents_loss(r->parent)
                   : labels          ? (size_t)CONFIG_CROSS_ENTROPY
                                     : (size_t)CONFIG_MSE;

    return config_choice(r->config, KEY_LOSS_TYPE, usual);
}

/* ---- classes or numbers --------------------------------------------------------- */

/* What the values alone say; *rule is the caller's. */
static bool natural_classes(const struct resolver *r, char **rule)
{
    const struct dataset_column *col = resolver_target(r, 0);

    if (r->spec->n_targets > 1) {
        *rule = xstrdup(several_booleans(r) ? "several booleans" : "several targets");
        return false;
    }
    if (col->type == COLUMN_DATETIME) {
        *rule = xstrdup("datetimes");
        return false;
    }
    if (!column_holds_numbers(col->type)) {
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
        if (!column_holds_numbers(resolver_target(r, i)->type)) {
            err_add(r->err, pointer, "%s, and the column \"%s\" holds texts", why,
                    json_util_shown(r->spec->targets[i], shown));
        }
    }
}

/* A type of a target that makes it numbers: one of several may be a boolean, for 0 and 1. */
static bool is_number(const struct resolver *r, enum column_type type)
{
    return column_holds_numbers(type) || (type == COLUMN_BOOLEAN && r->spec->n_targets > 1);
}

/* data.types of the targets says classes (1) or numbers (0), or nothing (-1). */
static int typed_target(const struct resolver *r)
{
    int classes = -1;
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        enum column_type type;

        if (config_type_of(r->config, r->spec->targets[i], &type)) {
            classes = !is_number(r, type) || classes == 1;
        }
    }
    return classes;
}

/* What a type of a target cannot be: another than data.target_type says, a boolean of other numbers
 * than 0 and 1. */
static void check_typed_targets(const struct resolver *r)
{
    bool asked = config_has(r->config, KEY_TARGET_TYPE);
    bool classes = config_choice(r->config, KEY_TARGET_TYPE, 0) == CONFIG_CLASSES;
    struct buf pointer = BUF_INIT;
    enum column_type type;
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        const struct dataset_column *col = resolver_target(r, i);

        if (!config_type_of(r->config, col->name, &type)) {
            continue;
        }
        buf_clear(&pointer);
        buf_puts(&pointer, "/data/types");
        json_util_pointer(&pointer, col->name);
        if (asked && classes == is_number(r, type)) {
            config_refuse(r->err, &pointer, NULL, "says %s, and data.target_type says %s",
                          column_type_name(type), classes ? "classes" : "numeric");
        }
        if (type == COLUMN_BOOLEAN && col->type == COLUMN_NUMERIC &&
            (!col->integers || col->min < 0 || col->max > 1)) {
            config_refuse(r->err, &pointer, NULL,
                          "a boolean is 0 or 1, and the numbers go from %g to %g%s", col->min,
                          col->max, col->integers ? "" : ", with fractions");
        }
    }
    buf_fini(&pointer);
}

static void check_parents_target(const struct resolver *r)
{
    const struct encoder *e = r->parent->encoder;
    const struct job_spec *spec = r->spec;
    size_t n = encoder_n_targets(e), i;
    bool same = n == spec->n_targets;

    for (i = 0; same && i < n; i++) {
        same = strcmp(encoder_target_name(e, i), spec->targets[i]) == 0;
    }
    if (!same) {
        err_add(r->err, "/data/target", "the model it starts from predicts \"%s\"%s",
                encoder_target_name(e, 0), n > 1 ? " and others" : "");
    }
    if (spec->classes != encoder_is_classes(e)) {
        err_add(r->err, "/data/target_type", "the target of the model it starts from is %s",
                encoder_is_classes(e) ? "classes" : "numbers");
    }
}

static void resolve_target_type(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    bool loss = config_has(c, KEY_LOSS_TYPE), asked = config_has(c, KEY_TARGET_TYPE);
    bool loss_of_classes = of_classes(config_choice(c, KEY_LOSS_TYPE, CONFIG_MSE));
    bool want_classes = config_choice(c, KEY_TARGET_TYPE, 0) == CONFIG_CLASSES;
    const char *name = config_losses()[config_choice(c, KEY_LOSS_TYPE, CONFIG_MSE)];
    char *rule, *needs = xasprintf("%s needs numbers", name);
    int typed = typed_target(r);

    spec->classes = natural_classes(r, &rule);
    if (asked) {
        spec->classes = want_classes;
        free(rule);
        rule = xstrdup(config_has(c, KEY_TARGET_RULE) ? config_text_at(c, KEY_TARGET_RULE, 0)
                                                      : "asked for");
    } else if (typed >= 0) {
        spec->classes = typed > 0;
        free(rule);
        rule = xstrdup("by data.types");
    } else if (r->parent != NULL) {
        spec->classes = encoder_is_classes(r->parent->encoder);
        free(rule);
        rule = xstrdup("as the model it starts from");
    } else if (loss && spec->n_targets == 1 && spec->classes != loss_of_classes) {
        spec->classes = loss_of_classes;
        free(rule);
        rule = xasprintf("loss %s", name);
    }
    spec->target_rule = rule;
    if (spec->classes && spec->n_targets > 1) {
        err_add(r->err, "/data/target_type",
                "classes need one target; several targets are numbers");
    }
    if (spec->classes && loss && !loss_of_classes) {
        err_add(r->err, "/loss", "%s, and %s says classes", needs,
                asked ? "data.target_type" : typed > 0 ? "data.types" : "the model it starts from");
    }
    if (!spec->classes) {
        refuse_text_targets(r,
                            asked                 ? "/data/target_type"
                            : spec->n_targets > 1 ? "/data/target"
                                                  : "/loss",
                            asked                 ? "numbers were asked for"
                            : spec->n_targets > 1 ? "several targets must be numbers or booleans"
                                                  : needs);
    }
    free(needs);
    check_typed_targets(r);
    if (r->parent != NULL) {
        check_parents_target(r);
    }
}

/* ---- its values ---------------------------------------------------------------------- */

/* Classes that the parent never saw. */
static void check_parents_classes(const struct resolver *r, const struct dataset *ds,
                                  const char *pointer)
{
    ptrdiff_t at = dataset_find(ds, r->spec->targets[0]);
    const struct dataset_column *col = at < 0 ? NULL : resolver_column_in(r, ds, (size_t)at);
    char shown[JSON_UTIL_SHOWN];
    struct buf number = BUF_INIT;
    size_t n, i;

    if (col == NULL) {
        return;
    }
    n = !column_holds_numbers(col->type) ? col->n_categories
        : col->values != NULL            ? (size_t)col->distinct
                                         : 0; /* too many to be listed: the rows will say */
    for (i = 0; i < n; i++) {
        const char *text = !column_holds_numbers(col->type) ? col->categories[i] : NULL;

        if (text == NULL) {
            buf_clear(&number);
            json_util_number(&number, col->values[i]);
            text = number.data;
        }
        if (encoder_class_find(r->parent->encoder, text) < 0) {
            err_add(r->err, pointer, "\"%s\" is no class of the model it starts from",
                    json_util_shown(text, shown));
        }
    }
    buf_fini(&number);
}

static void check_classes(struct resolver *r)
{
    const struct dataset_column *col = resolver_target(r, 0);
    char shown[JSON_UTIL_SHOWN];

    json_util_shown(col->name, shown);
    if (r->parent != NULL && encoder_is_classes(r->parent->encoder)) {
        r->n_classes = encoder_n_classes(r->parent->encoder);
        check_parents_classes(r, r->ds, "/data/target");
        if (r->validation != NULL) {
            check_parents_classes(r, r->validation, "/data/split/validation_dataset");
        }
        if (r->test != NULL) {
            check_parents_classes(r, r->test, "/data/split/test_dataset");
        }
        return;
    }
    r->n_classes = !column_holds_numbers(col->type) ? col->n_categories : (size_t)col->distinct;
    if (r->n_classes == 1) {
        err_add(r->err, "/data/target",
                "every row has the same class, \"%s\" has one value; a model needs two to tell "
                "apart",
                shown);
    }
    if (column_holds_numbers(col->type) && !col->integers && col->distinct > DATASET_MAX_DISTINCT) {
        struct buf pointer = BUF_INIT;
        enum column_type type;

        if (config_type_of(r->config, col->name, &type)) {
            buf_puts(&pointer, "/data/types");
            json_util_pointer(&pointer, col->name);
        } else {
            buf_puts(&pointer,
                     config_has(r->config, KEY_LOSS_TYPE) ? "/loss" : "/data/target_type");
        }
        config_refuse(r->err, &pointer, NULL,
                      "classes of \"%s\", which has more than %d distinct numbers with fractions: "
                      "use a loss of numbers, such as mse",
                      shown, DATASET_MAX_DISTINCT);
        buf_fini(&pointer);
    }
}

/* What no encoder could turn into a truth. */
static void check_target_values(struct resolver *r)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        const struct dataset_column *col = resolver_target(r, i);

        if (col->missing > 0) {
            int64_t first = filter_first_missing(r->ds, r->targets[i], r->spec->keep);

            err_add(r->err, "/data/target",
                    "%llu row%s no value of \"%s\", the first is row %lld; every row needs its "
                    "target, or set data.missing_target to \"drop_row\"",
                    (unsigned long long)col->missing, col->missing == 1 ? " has" : "s have",
                    json_util_shown(col->name, shown), (long long)first + 1);
        }
    }
    if (r->spec->classes) {
        check_classes(r);
    }
}

/* Every value of the number targets within [low, high]: else a problem that says why it must. */
static void check_range(const struct resolver *r, double low, double high, const char *pointer,
                        const char *why)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        const struct dataset_column *col = resolver_target(r, i);

        if (column_holds_numbers(col->type) && (col->min < low || col->max > high)) {
            err_add(r->err, pointer, "%s, and \"%s\" goes from %g to %g", why,
                    json_util_shown(col->name, shown), col->min, col->max);
        }
    }
}

/* Multi-label: columns of 0 and 1, each with a sigmoid of its own. */
static void check_labels(const struct resolver *r, const char *loss)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        const struct dataset_column *col = resolver_target(r, i);

        if (column_holds_numbers(col->type) && !(col->integers && col->min >= 0 && col->max <= 1)) {
            err_add(r->err, "/loss",
                    "%s on numbers needs columns of 0 and 1, \"%s\" goes from %g to %g%s", loss,
                    json_util_shown(col->name, shown), col->min, col->max,
                    r->spec->n_targets > 1
                        ? "; for shares that sum to 1 set architecture.output to softmax"
                        : "");
        }
    }
}

/* ---- loss and output -------------------------------------------------------------------- */

static void output_of_classes(const struct resolver *r, size_t asked)
{
    if (asked == MLP_OUT_IDENTITY || asked == MLP_OUT_EXP) {
        err_add(r->err, "/architecture/output", "%s gives no probabilities: classes need softmax%s",
                mlp_output_names()[asked], r->n_classes == 2 ? " or sigmoid" : "");
    } else if (asked == MLP_OUT_SIGMOID && r->n_classes > 2) {
        err_add(r->err, "/architecture/output",
                "sigmoid tells two classes apart, and the target has %s%zu: use softmax",
                r->n_classes > DATASET_MAX_DISTINCT ? "more than " : "",
                r->n_classes > DATASET_MAX_DISTINCT ? (size_t)DATASET_MAX_DISTINCT : r->n_classes);
    }
}

/* Columns of 0 and 1, or shares of classes. */
static void output_of_labels(const struct resolver *r, size_t asked, const char *loss)
{
    if (asked == MLP_OUT_SOFTMAX && r->spec->n_targets > 1) {
        check_range(r, 0, 1, "/data/target", "shares of classes go from 0 to 1 and sum to 1");
        return;
    }
    check_labels(r, loss);
    if (asked != CONFIG_OUTPUT_AUTO && asked != MLP_OUT_SIGMOID) {
        err_add(r->err, "/architecture/output", "%s on columns of 0 and 1 needs sigmoid%s", loss,
                asked == MLP_OUT_SOFTMAX ? "; softmax is for several shares that sum to 1" : "");
    }
}

static void output_of_numbers(const struct resolver *r, size_t asked, size_t loss)
{
    const char *name = config_losses()[loss];

    if (log_link(loss)) {
        char *why = xasprintf("%s needs numbers %s 0", name, loss == CONFIG_GAMMA ? ">" : ">=");
        size_t i;

        check_range(r, loss == CONFIG_GAMMA ? DBL_MIN : 0, DBL_MAX, "/loss", why);
        for (i = 0; i < r->spec->n_targets; i++) {
            if (resolver_target(r, i)->max <= 0 && resolver_target(r, i)->min >= 0) {
                err_add(r->err, "/loss", "%s needs a number > 0 somewhere, and all are 0", name);
            }
        }
        free(why);
        if (asked != CONFIG_OUTPUT_AUTO && asked != MLP_OUT_EXP) {
            err_add(r->err, "/architecture/output", "%s has a logarithmic link: it needs exp",
                    name);
        }
        return;
    }
    if (asked == MLP_OUT_SOFTMAX) {
        err_add(r->err, "/architecture/output", "softmax is for classes, the target is numbers");
    } else if (asked == MLP_OUT_EXP) {
        err_add(r->err, "/architecture/output", "exp is for poisson, gamma and tweedie");
    } else if (asked == MLP_OUT_SIGMOID) {
        check_range(r, 0, 1, "/architecture/output", "a sigmoid goes from 0 to 1");
    }
}

/* The output by itself. */
static enum mlp_output usual_output(const struct resolver *r, size_t loss)
{
    if (r->parent != NULL) {
        return r->parent->spec->output;
    }
    if (r->spec->classes) {
        return r->n_classes == 2 ? MLP_OUT_SIGMOID : MLP_OUT_SOFTMAX;
    }
    return of_classes(loss) ? MLP_OUT_SIGMOID : log_link(loss) ? MLP_OUT_EXP : MLP_OUT_IDENTITY;
}

static void resolve_loss(struct resolver *r, size_t loss)
{
    static const enum mlp_loss losses[] = {
        [CONFIG_CROSS_ENTROPY] = MLP_CROSS_ENTROPY,
        [CONFIG_FOCAL] = MLP_FOCAL,
        [CONFIG_MSE] = MLP_MSE,
        [CONFIG_MAE] = MLP_MAE,
        [CONFIG_HUBER] = MLP_HUBER,
        [CONFIG_QUANTILE] = MLP_QUANTILE,
        [CONFIG_LOG_COSH] = MLP_LOG_COSH,
        [CONFIG_POISSON] = MLP_POISSON,
        [CONFIG_GAMMA] = MLP_GAMMA,
        [CONFIG_TWEEDIE] = MLP_TWEEDIE,
    };
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    bool binary = spec->output != MLP_OUT_SOFTMAX;
    double parents = r->parent != NULL && parents_loss(r->parent) == loss
                         ? r->parent->spec->loss_parameter
                         : NAN;

    spec->loss = losses[loss];
    switch (loss) {
    case CONFIG_CROSS_ENTROPY:
        spec->loss = binary ? MLP_BINARY_CROSS_ENTROPY : MLP_CROSS_ENTROPY;
        break;
    case CONFIG_FOCAL:
        spec->loss = binary ? MLP_BINARY_FOCAL : MLP_FOCAL;
        spec->loss_parameter = config_number(c, KEY_GAMMA, isnan(parents) ? 2 : parents);
        break;
    case CONFIG_HUBER: /* the parent's is in training units */
        spec->has_delta = config_has(c, KEY_DELTA) || !isnan(parents);
        spec->loss_parameter = config_number(
            c, KEY_DELTA,
            isnan(parents) ? 1 : parents * encoder_target_scale(r->parent->encoder, 0));
        break;
    case CONFIG_QUANTILE:
        spec->loss_parameter = config_number(c, KEY_TAU, isnan(parents) ? 0.5 : parents);
        break;
    case CONFIG_TWEEDIE:
        spec->loss_parameter = config_number(c, KEY_POWER, isnan(parents) ? 1.5 : parents);
        break;
    default:
        break;
    }
}

void resolve_target(struct resolver *r)
{
    size_t asked = config_choice(r->config, KEY_OUTPUT, CONFIG_OUTPUT_AUTO), loss;
    struct job_spec *spec = r->spec;
    enum mlp_output usual;

    resolve_target_type(r);
    check_target_values(r);
    loss = chosen_loss(r);
    usual = usual_output(r, loss);
    if (r->parent != NULL && asked == CONFIG_OUTPUT_AUTO) {
        asked = usual;
    }
    if (spec->classes) {
        output_of_classes(r, asked);
    } else if (of_classes(loss)) {
        output_of_labels(r, asked, config_losses()[loss]);
    } else {
        output_of_numbers(r, asked, loss);
    }
    spec->output = asked == CONFIG_OUTPUT_AUTO ? usual : (enum mlp_output)asked;
    if (r->parent != NULL && spec->output != usual) {
        err_add(r->err, "/architecture/output", "the output of the model it starts from is %s",
                mlp_output_names()[usual]);
    }
    if (has_loss(r) && !spec->classes && spec->n_targets == 1 && of_classes(loss) &&
        spec->output == MLP_OUT_SOFTMAX) {
        err_add(r->err, "/architecture/output", "softmax of one column is always 1");
    }
    resolve_loss(r, loss);
}
