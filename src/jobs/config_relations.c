/* Keys of the job config that need, exclude or belong to each other, as far as no data is
 * needed to see it: the second half of config_parse.
 *
 * What belongs to what (beta1 to adam, peak to one_cycle, ...) stands in tables of bits. Every
 * check looks at what was given, never at defaults, and goes on after a problem; a value that
 * the reader refused counts as not given.
 *
 * Any thread; no state.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

#define BIT(x)  (1u << (x))
#define MAX_WHY 500 /* bytes of a reason */

void config_refuse_key(struct err *err, enum config_id id, const char *fmt, ...)
{
    char *pointer = xasprintf("/%s", config_keys[id].path), *detail;
    va_list ap;

    va_start(ap, fmt);
    detail = xvasprintf(fmt, ap);
    va_end(ap);
    err_add(err, pointer, "%s", detail);
    free(detail);
    free(pointer);
}

void config_list_names(struct buf *out, const char *const *names, unsigned mask)
{
    size_t i, left = (size_t)__builtin_popcount(mask);

    for (i = 0; left > 0; i++) {
        if ((mask & BIT(i)) != 0) {
            left--;
            buf_printf(out, "%s%s", names[i], left > 1 ? ", " : left == 1 ? " and " : "");
        }
    }
}

/* ---- what belongs to what -------------------------------------------------------- */

struct belongs {
    enum config_id key;
    unsigned types; /* bits of the choices that have it */
};

#define ADAMS     (BIT(MLP_ADAM) | BIT(MLP_ADAMW) | BIT(MLP_NADAM) | BIT(MLP_RADAM))
#define NOT_LBFGS (BIT(MLP_LBFGS) - 1)

static const struct belongs of_losses[] = {
    {KEY_DELTA, BIT(CONFIG_HUBER)},
    {KEY_TAU, BIT(CONFIG_QUANTILE)},
    {KEY_GAMMA, BIT(CONFIG_FOCAL)},
    {KEY_POWER, BIT(CONFIG_TWEEDIE)},
};

static const struct belongs of_optimizers[] = {
    {KEY_MOMENTUM, BIT(MLP_SGD) | BIT(MLP_RMSPROP)},
    {KEY_NESTEROV, BIT(MLP_SGD)},
    {KEY_BETA1, ADAMS | BIT(MLP_LION)},
    {KEY_BETA2, ADAMS | BIT(MLP_LION)},
    {KEY_EPSILON, ADAMS | BIT(MLP_RMSPROP) | BIT(MLP_ADAGRAD) | BIT(MLP_ADADELTA)},
    {KEY_RHO, BIT(MLP_RMSPROP) | BIT(MLP_ADADELTA)},
    {KEY_AMSGRAD, BIT(MLP_ADAM) | BIT(MLP_ADAMW)},
    {KEY_MOMENTUM_DECAY, BIT(MLP_NADAM)},
    {KEY_BIAS_RATE, NOT_LBFGS},
    {KEY_SCALE_RATE, NOT_LBFGS},
};

static const struct belongs of_schedules[] = {
    {KEY_FACTOR, BIT(MLP_STEP) | BIT(MLP_MULTISTEP) | BIT(MLP_EXPONENTIAL) | BIT(MLP_INVERSE_TIME) |
                     BIT(MLP_PLATEAU)},
    {KEY_EVERY, BIT(MLP_STEP)},
    {KEY_MILESTONES, BIT(MLP_MULTISTEP)},
    {KEY_SCHEDULE_POWER, BIT(MLP_POLYNOMIAL)},
    {KEY_FINAL, BIT(MLP_POLYNOMIAL) | BIT(MLP_COSINE) | BIT(MLP_PLATEAU)},
    {KEY_CYCLE_EPOCHS, BIT(MLP_COSINE)},
    {KEY_CYCLE_GROWTH, BIT(MLP_COSINE)},
    {KEY_PEAK, BIT(MLP_ONE_CYCLE)},
    {KEY_START_DIVISOR, BIT(MLP_ONE_CYCLE)},
    {KEY_FINAL_DIVISOR, BIT(MLP_ONE_CYCLE)},
    {KEY_PLATEAU_PATIENCE, BIT(MLP_PLATEAU)},
    {KEY_COOLDOWN, BIT(MLP_PLATEAU)},
    {KEY_PLATEAU_DELTA, BIT(MLP_PLATEAU)},
};

static bool find_belongs(const struct belongs *table, size_t n, enum config_id key, size_t type,
                         bool *has)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (table[i].key == key) {
            *has = (table[i].types & BIT(type)) != 0;
            return true;
        }
    }
    return false;
}

bool config_belongs(enum config_id key, size_t type)
{
    bool has = true; /* what stands in no table belongs to all */

    (void)(find_belongs(of_losses, ARRAY_LEN(of_losses), key, type, &has) ||
           find_belongs(of_optimizers, ARRAY_LEN(of_optimizers), key, type, &has) ||
           find_belongs(of_schedules, ARRAY_LEN(of_schedules), key, type, &has));
    return has;
}

/* Refuse the keys of the table that the chosen type has not. */
static void check_belongs(const struct config *config, enum config_id type, size_t usual,
                          const char *what, const struct belongs *table, size_t n, struct err *err)
{
    const char *const *names = config_keys[type].choices();
    size_t chosen = config_choice(config, type, usual), i;

    if (config->values[type].given && !config_has(config, type)) {
        return; /* an unknown type, which was said */
    }
    for (i = 0; i < n; i++) {
        struct buf list = BUF_INIT;

        if (!config_has(config, table[i].key) || (table[i].types & BIT(chosen)) != 0) {
            continue;
        }
        config_list_names(&list, names, table[i].types);
        config_refuse_key(err, table[i].key, "belongs to %s, and the %s is %s", list.data, what,
                          names[chosen]);
        buf_fini(&list);
    }
}

/* An object that must say which. */
static void check_has_type(const struct config *config, enum config_id object, enum config_id type,
                           struct err *err)
{
    if (config_has(config, object) && !config->values[type].given) {
        config_refuse_key(err, type, "is required: %s", config_keys[type].help);
    }
}

static void check_loss(const struct config *config, struct err *err)
{
    check_has_type(config, KEY_LOSS, KEY_LOSS_TYPE, err);
    if (config_has(config, KEY_LOSS_TYPE)) {
        check_belongs(config, KEY_LOSS_TYPE, 0, "loss", of_losses, ARRAY_LEN(of_losses), err);
    }
}

static void check_optimizer(const struct config *config, struct err *err)
{
    bool unsure = config_has(config, KEY_START_FROM) && !config_has(config, KEY_OPTIMIZER_TYPE);

    if (!unsure) { /* else the parent's, and config_resolve looks again */
        check_belongs(config, KEY_OPTIMIZER_TYPE, MLP_ADAM, "optimizer", of_optimizers,
                      ARRAY_LEN(of_optimizers), err);
    }
    if (config_number(config, KEY_NESTEROV, 0) > 0 &&
        config_choice(config, KEY_OPTIMIZER_TYPE, MLP_ADAM) == MLP_SGD &&
        config_number(config, KEY_MOMENTUM, 0) <= 0) {
        config_refuse_key(err, KEY_NESTEROV, "needs a momentum > 0");
    }
}

static void check_schedule(const struct config *config, struct err *err)
{
    size_t type = config_choice(config, KEY_SCHEDULE_TYPE, MLP_CONSTANT);

    check_has_type(config, KEY_SCHEDULE, KEY_SCHEDULE_TYPE, err);
    check_belongs(config, KEY_SCHEDULE_TYPE, MLP_CONSTANT, "schedule", of_schedules,
                  ARRAY_LEN(of_schedules), err);
    if (config_has(config, KEY_FACTOR) && type != MLP_INVERSE_TIME &&
        (config_number(config, KEY_FACTOR, 0) > 1 ||
         (type == MLP_PLATEAU && config_number(config, KEY_FACTOR, 0) >= 1))) {
        config_refuse_key(err, KEY_FACTOR, "must be %s 1, or the rate would not fall",
                          type == MLP_PLATEAU ? "<" : "at most");
    }
    if (config_has(config, KEY_CYCLE_GROWTH) && !config_has(config, KEY_CYCLE_EPOCHS)) {
        config_refuse_key(err, KEY_CYCLE_GROWTH, "needs cycle_epochs, the length of the first");
    }
    if (config_has(config, KEY_MILESTONES) &&
        json_array_size(config->values[KEY_MILESTONES].json) == 0) {
        config_refuse_key(err, KEY_MILESTONES, "has no epoch; without steps it is \"constant\"");
    }
}

/* ---- training ----------------------------------------------------------------------- */

static void check_average(const struct config *config, struct err *err)
{
    static const struct belongs table[] = {
        {KEY_DECAY, BIT(MLP_AVERAGE_EMA - 1)},
        {KEY_AVERAGE_START, BIT(MLP_AVERAGE_SWA - 1)},
    };

    check_has_type(config, KEY_AVERAGE, KEY_AVERAGE_TYPE, err);
    if (config_has(config, KEY_AVERAGE_TYPE)) {
        check_belongs(config, KEY_AVERAGE_TYPE, 0, "average", table, ARRAY_LEN(table), err);
    }
}

static void check_class_weight(const struct config *config, struct err *err)
{
    const json_t *json = config->values[KEY_CLASS_WEIGHT].json;
    struct buf pointer = BUF_INIT;
    char got[JSON_UTIL_SHOWN + 8];
    const char *label;
    json_t *weight;

    if (json == NULL) {
        return;
    }
    if (!json_is_object(json)) {
        if (!json_is_string(json) || strcmp(json_string_value(json), "balanced") != 0) {
            config_refuse_key(err, KEY_CLASS_WEIGHT,
                              "must be \"balanced\", an object of class to number, or null, got %s",
                              json_util_describe(json, got));
        }
        return;
    }
    /* The macro wants a pointer that is not const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)json, label, weight)
    {
        double v = json_number_value(weight);

        if (!json_is_number(weight) || !(v > 0 && v <= (double)FLT_MAX && (float)v > 0)) {
            buf_clear(&pointer);
            buf_puts(&pointer, "/training/class_weight");
            config_refuse(err, &pointer, label, "must be a number > 0, got %s",
                          json_util_describe(weight, got));
        }
    }
    buf_fini(&pointer);
}

static void check_monitor(struct config *config, struct err *err)
{
    static const char *const parts[SPLIT_PARTS] = {"training_", "validation_", "test_"};
    const json_t *json = config->values[KEY_MONITOR].json;
    const char *text = json_string_value(json);
    char got[JSON_UTIL_SHOWN + 8];
    size_t part;

    if (!config->values[KEY_MONITOR].given) {
        return;
    }
    for (part = 0; text != NULL && part < SPLIT_PARTS; part++) {
        size_t len = strlen(parts[part]);

        if (strncmp(text, parts[part], len) == 0) {
            config->monitor.part = (enum split_part)part;
            config->monitor.of_metric = strcmp(text + len, "loss") != 0;
            config->has_monitor =
                !config->monitor.of_metric || mlp_metric_parse(text + len, &config->monitor.metric);
            break;
        }
    }
    if (!config->has_monitor) {
        config_refuse_key(err, KEY_MONITOR,
                          "must be \"training_\", \"validation_\" or \"test_\" and then \"loss\" "
                          "or the name of a metric, such as \"validation_%s\", got %s",
                          mlp_metric_names()[0], json_util_describe(json, got));
    }
}

static bool is_object(enum config_id id)
{
    return config_keys[id].type == TYPE_OBJECT || config_keys[id].type == TYPE_SHORT;
}

/* The key has another value than `neutral`. */
static bool is_used(const struct config *config, enum config_id id, double neutral)
{
    if (id == KEY_SCHEDULE) {
        return config_choice(config, KEY_SCHEDULE_TYPE, MLP_CONSTANT) != MLP_CONSTANT ||
               config_number(config, KEY_WARMUP, 0) > 0;
    }
    return config_has(config, id) && (is_object(id) || config_number(config, id, 0) > neutral);
}

/* What takes all rows in a step has no batches and finds its own steps; and a line search wants
 * the same smooth function each time. */
static void check_full_batch(const struct config *config, struct err *err)
{
    static const struct {
        enum config_id id;
        double neutral;
    } batches[] = {{KEY_BATCH_SIZE, 0}, {KEY_ACCUMULATE, 1}, {KEY_DROP_LAST, 0}};
    static const enum config_id random[] = {KEY_INPUT_DROPOUT, KEY_INPUT_NOISE, KEY_AUGMENT};
    static const enum config_id line_search[] = {KEY_CLIP_NORM, KEY_CLIP_VALUE, KEY_MAX_NORM,
                                                 KEY_AVERAGE,   KEY_L1,         KEY_WEIGHT_DECAY};
    size_t type = config_choice(config, KEY_OPTIMIZER_TYPE, MLP_ADAM), i;
    const char *name = mlp_optimizer_names()[type];

    if (type != MLP_LBFGS && type != MLP_RPROP) {
        return;
    }
    for (i = 0; i < ARRAY_LEN(batches); i++) {
        if (is_used(config, batches[i].id, batches[i].neutral)) {
            config_refuse_key(err, batches[i].id,
                              "%s takes all training rows in a step: leave it out", name);
        }
    }
    if (is_used(config, KEY_SCHEDULE, 0)) {
        config_refuse_key(err, KEY_SCHEDULE, "%s finds the length of its steps itself", name);
    }
    for (i = 0; i < ARRAY_LEN(random); i++) {
        if (is_used(config, random[i], 0)) {
            config_refuse_key(err, random[i],
                              "%s compares losses and gradients of one step and the next, and "
                              "chance would change them: leave it out",
                              name);
        }
    }
    for (i = 0; type == MLP_LBFGS && i < ARRAY_LEN(line_search); i++) {
        if (is_used(config, line_search[i], 0)) {
            config_refuse_key(err, line_search[i],
                              "lbfgs searches along a line for a lower loss, which must be the "
                              "same smooth function each time: leave it out");
        }
    }
}

static void check_training(struct config *config, struct err *err)
{
    const char *why = NULL;

    check_average(config, err);
    check_class_weight(config, err);
    check_monitor(config, err);
    check_full_batch(config, err);
    if (config_choice(config, KEY_PRECISION, MLP_FLOAT32) == MLP_BFLOAT16 &&
        !mlp_bfloat16_available(&why)) {
        config_refuse_key(err, KEY_PRECISION, "bfloat16 is not possible here: %s", why);
    }
    if (config_has(config, KEY_AUGMENT) && !config_has(config, KEY_SHIFT) &&
        config_number(config, KEY_MIRROR, 0) == 0 && !config_has(config, KEY_ROTATE) &&
        !config_has(config, KEY_ZOOM)) {
        config_refuse_key(err, KEY_AUGMENT, "must say what to do: shift, mirror, rotate or zoom");
    }
}

/* Texts by the keys they are about, as config_print writes them. */
static void check_why(const struct config *config, struct err *err)
{
    const json_t *json = config->values[KEY_WHY].json;
    const char *key;
    json_t *text;
    bool ok = json == NULL || json_is_object(json);

    json_object_foreach((json_t *)(uintptr_t)json, key, text)
    {
        ok = ok && json_is_string(text) && json_string_length(text) <= MAX_WHY;
    }
    if (!ok || json_object_size(json) > KEY_COUNT) {
        config_refuse_key(err, KEY_WHY, "must be an object of short texts: leave it out");
    }
}

static void check_threshold(const struct config *config, struct err *err)
{
    static const enum mlp_metric metrics[] = {MLP_METRIC_ACCURACY, MLP_METRIC_BALANCED_ACCURACY,
                                              MLP_METRIC_F1, MLP_METRIC_F1_MACRO, MLP_METRIC_MCC};
    const json_t *json = config->values[KEY_THRESHOLD].json;
    char got[JSON_UTIL_SHOWN + 8];
    enum mlp_metric which;
    bool ok = json == NULL || (json_is_number(json) && json_number_value(json) > 0 &&
                               json_number_value(json) < 1);
    size_t i;

    if (json_is_string(json) && mlp_metric_parse(json_string_value(json), &which)) {
        for (i = 0; i < ARRAY_LEN(metrics); i++) {
            ok = ok || which == metrics[i];
        }
    }
    if (!ok) {
        config_refuse_key(err, KEY_THRESHOLD,
                          "must be a number between 0 and 1, or \"accuracy\", "
                          "\"balanced_accuracy\", \"f1\", \"f1_macro\" or \"mcc\", got %s",
                          json_util_describe(json, got));
    }
}

static void check_start(const struct config *config, struct err *err)
{
    if (config_has(config, KEY_START_FROM) && !config->values[KEY_START_MODEL].given) {
        config_refuse_key(err, KEY_START_MODEL, "is required: the model to go on from");
    }
    if (config_has(config, KEY_START_FROM) && config_has(config, KEY_INITIAL_WEIGHTS)) {
        config_refuse_key(err, KEY_INITIAL_WEIGHTS,
                          "start_from brings its own weights: give one of the two");
    }
}

void config_check_relations(struct config *config, struct err *err)
{
    if (config_has(config, KEY_NAME) && !text_is_name(config_text_at(config, KEY_NAME, 0))) {
        config_refuse_key(err, KEY_NAME,
                          "must be 1 to 64 letters, digits, '.', '_' or '-', begin with a letter "
                          "or '_', and not be \"latest\"");
    }
    config_check_data(config, err);
    check_loss(config, err);
    check_optimizer(config, err);
    check_schedule(config, err);
    check_training(config, err);
    check_start(config, err);
    check_threshold(config, err);
    check_why(config, err);
    config_notify_check(config->values, err);
}
