/* How the network is trained: optimizer, schedule, steps, stopping.
 *
 * Defaults of optimizers are PyTorch's, those of schedules follow the number of epochs, batch
 * and epochs follow the rows. A job that goes on with a model's optimizer state has that model's
 * optimizer, number by number, where it does not say otherwise.
 *
 * Any thread; no state.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_resolve.h"
#include "jobs/json_util.h"

#define PATIENCE         16
#define ROWS_OF_TRAINING 2e6 /* rows seen in all epochs together, as a start */
#define MIN_EPOCHS       20
#define MAX_EPOCHS       100
#define MIN_STEPS        2000 /* few rows make few steps an epoch: then more epochs, */
#define MAX_EPOCHS_SMALL 500  /* up to so many */
#define MIN_BATCH        16
#define MAX_BATCH        256

/* ---- optimizer -------------------------------------------------------------------- */

/* PyTorch's; 0 where the optimizer has no such number. */
static const struct usual {
    double rate, beta1, beta2, epsilon, rho, decay, momentum_decay;
} usual[] = {
    [MLP_SGD] = {.rate = 1e-2},
    [MLP_ADAM] = {.rate = 1e-3, .beta1 = .9, .beta2 = .999, .epsilon = 1e-8},
    [MLP_ADAMW] = {.rate = 1e-3, .beta1 = .9, .beta2 = .999, .epsilon = 1e-8, .decay = .01},
    [MLP_NADAM] =
        {.rate = 2e-3, .beta1 = .9, .beta2 = .999, .epsilon = 1e-8, .momentum_decay = .004},
    [MLP_RADAM] = {.rate = 1e-3, .beta1 = .9, .beta2 = .999, .epsilon = 1e-8},
    [MLP_LION] = {.rate = 1e-4, .beta1 = .9, .beta2 = .99},
    [MLP_RMSPROP] = {.rate = 1e-2, .epsilon = 1e-8, .rho = .99},
    [MLP_ADAGRAD] = {.rate = 1e-2, .epsilon = 1e-10},
    [MLP_ADADELTA] = {.rate = 1, .epsilon = 1e-6, .rho = .9},
    [MLP_RPROP] = {.rate = 1e-2},
    [MLP_LBFGS] = {.rate = 1},
};

double config_usual_rate(enum mlp_optimizer optimizer)
{
    return usual[optimizer].rate;
}

void resolve_optimizer(struct resolver *r)
{
    const struct config *c = r->config;
    struct mlp_train_spec *train = &r->spec->train;
    const struct usual *u;

    train->optimizer = (enum mlp_optimizer)preset_choice(r, KEY_OPTIMIZER_TYPE, MLP_ADAM);
    u = &usual[train->optimizer];
    train->learning_rate = config_number(c, KEY_LEARNING_RATE, u->rate);
    train->momentum = config_number(c, KEY_MOMENTUM, 0);
    train->nesterov = config_number(c, KEY_NESTEROV, 0) > 0;
    train->beta1 = config_number(c, KEY_BETA1, u->beta1);
    train->beta2 = config_number(c, KEY_BETA2, u->beta2);
    train->epsilon = config_number(c, KEY_EPSILON, u->epsilon);
    train->rho = config_number(c, KEY_RHO, u->rho);
    train->amsgrad = config_number(c, KEY_AMSGRAD, 0) > 0;
    train->momentum_decay = config_number(c, KEY_MOMENTUM_DECAY, u->momentum_decay);
    train->l1 = config_number(c, KEY_L1, 0);
    train->l2 = config_number(c, KEY_L2, 0);
    train->weight_decay = preset_number(r, KEY_WEIGHT_DECAY, u->decay);
    train->bias_rate = config_number(c, KEY_BIAS_RATE, 1);
    train->input_scale_rate = config_number(c, KEY_SCALE_RATE, 1);
}

/* ---- going on with a parent's ------------------------------------------------------------ */

/* Objects and their members that describe the optimizer. */
static bool of_optimizer(enum config_id id)
{
    return id > KEY_OPTIMIZER && id <= KEY_SCALE_RATE;
}

void resolve_inherit(struct config *config, const struct config_parent *parent, json_t **tree,
                     struct err *err)
{
    struct config_value parents[KEY_COUNT] = {{.given = false}};
    struct buf pointer = BUF_INIT;
    struct err ignored = ERR_INIT; /* a model of an older version may know other keys */
    const json_t *optimizer;
    enum config_id id;

    if (config_choice(config, KEY_START_STATE, CONFIG_RESET) != CONFIG_CONTINUE ||
        parent->info_json == NULL) {
        return;
    }
    *tree = json_loads(parent->info_json, 0, NULL);
    optimizer = json_object_get(*tree, "optimizer");
    if (!json_is_object(optimizer)) {
        return;
    }
    config_read_object(optimizer, "optimizer", &pointer, parents, &ignored);
    err_fini(&ignored);
    buf_fini(&pointer);
    if (config_has(config, KEY_OPTIMIZER_TYPE) &&
        config->values[KEY_OPTIMIZER_TYPE].choice != parents[KEY_OPTIMIZER_TYPE].choice) {
        config_refuse_key(err, KEY_OPTIMIZER_TYPE,
                          "must be %s to go on with the model's optimizer state",
                          mlp_optimizer_names()[parents[KEY_OPTIMIZER_TYPE].choice]);
        return;
    }
    for (id = 0; id < KEY_COUNT; id++) {
        if (of_optimizer(id) && !config->values[id].given) {
            config->values[id] = parents[id];
        }
    }
}

/* ---- schedule ------------------------------------------------------------------------------ */

/* Epochs of a multistep schedule; owned by the spec. */
static void resolve_milestones(struct resolver *r, double epochs)
{
    const json_t *list = r->config->values[KEY_MILESTONES].json;
    struct job_spec *spec = r->spec;
    struct mlp_schedule *s = &spec->train.schedule;
    size_t i;

    s->n_milestones = list != NULL ? json_array_size(list) : 2;
    spec->milestones = xcalloc(s->n_milestones, sizeof *spec->milestones);
    for (i = 0; i < s->n_milestones; i++) {
        spec->milestones[i] = list != NULL ? json_number_value(json_array_get(list, i))
                                           : epochs * (i == 0 ? 0.5 : 0.75);
    }
    s->milestones = spec->milestones;
}

static double usual_factor(enum mlp_schedule_type type, double epochs)
{
    switch (type) {
    case MLP_EXPONENTIAL:
        return pow(0.01, 1 / epochs);
    case MLP_INVERSE_TIME:
        return 9 / epochs;
    default:
        return 0.1;
    }
}

static void resolve_schedule(struct resolver *r)
{
    const struct config *c = r->config;
    struct mlp_schedule *s = &r->spec->train.schedule;
    double epochs = (double)r->spec->train.epochs;
    size_t type = preset_choice(r, KEY_SCHEDULE_TYPE, MLP_CONSTANT);

    s->type = (enum mlp_schedule_type)type;
    s->warmup_epochs = preset_number(r, KEY_WARMUP, 0);
    if (!config_has(c, KEY_WARMUP)) {
        s->warmup_epochs = fmin(s->warmup_epochs, floor(epochs / 10));
    }
    if (s->warmup_epochs >= epochs) {
        config_refuse_key(r->err, KEY_WARMUP,
                          "must be less than the %zu epochs, or the rate never gets there",
                          r->spec->train.epochs);
    }
    if (type == MLP_STEP || type == MLP_MULTISTEP || type == MLP_EXPONENTIAL ||
        type == MLP_INVERSE_TIME || type == MLP_PLATEAU) {
        s->factor = config_number(c, KEY_FACTOR, usual_factor(s->type, epochs));
    }
    switch (s->type) {
    case MLP_STEP:
        s->every = config_number(c, KEY_EVERY, ceil(epochs / 3));
        break;
    case MLP_MULTISTEP:
        resolve_milestones(r, epochs);
        break;
    case MLP_POLYNOMIAL:
        s->power = config_number(c, KEY_SCHEDULE_POWER, 1);
        s->final = config_number(c, KEY_FINAL, 0);
        break;
    case MLP_COSINE:
        s->final = config_number(c, KEY_FINAL, 0);
        s->cycle_epochs = config_number(c, KEY_CYCLE_EPOCHS, 0);
        s->cycle_growth = config_number(c, KEY_CYCLE_GROWTH, 1);
        break;
    case MLP_ONE_CYCLE:
        s->peak = config_number(c, KEY_PEAK, 0.3);
        s->start_divisor = config_number(c, KEY_START_DIVISOR, 25);
        s->final_divisor = config_number(c, KEY_FINAL_DIVISOR, 1e4);
        break;
    case MLP_PLATEAU:
        s->final = config_number(c, KEY_FINAL, 0);
        s->patience = (size_t)config_number(c, KEY_PLATEAU_PATIENCE, 10);
        s->cooldown = (size_t)config_number(c, KEY_COOLDOWN, 0);
        s->min_delta = config_number(c, KEY_PLATEAU_DELTA, 0);
        break;
    default:
        break;
    }
}

/* ---- weights of classes ------------------------------------------------------------------------
 */

/* Whether the target has that class, as far as its statistics know. */
static bool class_known(const struct resolver *r, const char *label)
{
    const struct dataset_column *col = resolver_target(r, 0);
    struct buf number = BUF_INIT;
    bool found = false;
    size_t i;

    if (r->parent != NULL) {
        return encoder_class_find(r->parent->encoder, label) >= 0;
    }
    if (!column_holds_numbers(col->type)) {
        for (i = 0; i < col->n_categories && !found; i++) {
            found = strcmp(col->categories[i], label) == 0;
        }
        return found;
    }
    for (i = 0; col->values != NULL && i < col->distinct && !found; i++) {
        buf_clear(&number);
        json_util_number(&number, col->values[i]);
        found = strcmp(number.data, label) == 0;
    }
    buf_fini(&number);
    return found || col->values == NULL; /* not listed: the rows will say */
}

static void resolve_class_weight(struct resolver *r)
{
    const json_t *json = r->config->values[KEY_CLASS_WEIGHT].json;
    struct job_spec *spec = r->spec;
    char shown[JSON_UTIL_SHOWN];
    const char *label;
    json_t *weight;

    if (json == NULL) {
        return;
    }
    if (!spec->classes) {
        config_refuse_key(r->err, KEY_CLASS_WEIGHT, "is for classes, and the target is %s",
                          job_spec_kind(spec) == MLP_OF_NUMBERS ? "numbers" : "several columns");
        return;
    }
    spec->balanced = json_is_string(json);
    spec->class_weights = xcalloc(json_object_size(json) + 1, sizeof *spec->class_weights);
    json_object_foreach((json_t *)(uintptr_t)json, label, weight)
    {
        if (!err_full(r->err) && !class_known(r, label)) {
            struct buf pointer = BUF_INIT;

            buf_puts(&pointer, "/training/class_weight");
            config_refuse(r->err, &pointer, label, "the target has no class \"%s\"",
                          json_util_shown(label, shown));
            buf_fini(&pointer);
        }
        spec->class_weights[spec->n_class_weights++] =
            (struct job_class_weight){xstrdup(label), json_number_value(weight)};
    }
}

/* ---- pictures ---- */

/* The two sides, from what is given of them and the pixels that there are. */
static bool picture_sides(const struct resolver *r, size_t pixels, struct mlp_augment *a)
{
    size_t height = (size_t)config_number(r->config, KEY_HEIGHT, 0);
    size_t width = (size_t)config_number(r->config, KEY_WIDTH, 0);

    if (height == 0 && width == 0) {
        height = width = (size_t)lround(sqrt((double)pixels));
    } else if (height == 0) {
        height = pixels / width;
    } else if (width == 0) {
        width = pixels / height;
    }
    a->height = height;
    a->width = width;
    return height > 0 && width > 0 && height * width == pixels;
}

static void resolve_augment(struct resolver *r)
{
    struct mlp_augment *a = &r->spec->train.augment;
    const struct config *c = r->config;
    size_t n = r->n_features, i;

    if (!config_has(c, KEY_AUGMENT)) {
        return;
    }
    a->shift = (size_t)config_number(c, KEY_SHIFT, 0);
    a->mirror = config_number(c, KEY_MIRROR, 0) > 0;
    a->rotate = config_number(c, KEY_ROTATE, 0);
    a->zoom = config_number(c, KEY_ZOOM, 0);
    a->channels = (size_t)config_number(c, KEY_CHANNELS, 1);
    for (i = 0; i < n; i++) {
        if (!column_holds_numbers(dataset_column(r->ds, r->features[i])->type)) {
            config_refuse_key(r->err, KEY_AUGMENT, "the inputs are no picture: \"%s\" holds texts",
                              dataset_column(r->ds, r->features[i])->name);
            return;
        }
    }
    if ((r->spec->plan.numeric != ENCODER_TOGETHER && r->spec->plan.numeric != ENCODER_NONE) ||
        r->spec->n_columns > 0) {
        config_refuse_key(
            r->err, KEY_AUGMENT,
            "moves pixels to other inputs, and each input has a scale of its own: set "
            "preprocess.numeric to standardize_together or none");
    }
    if (n % a->channels != 0 || !picture_sides(r, n / a->channels, a)) {
        config_refuse_key(r->err, KEY_AUGMENT,
                          "the %zu inputs are no picture of %zu x %zu pixels and %zu channel%s", n,
                          a->height, a->width, a->channels, a->channels == 1 ? "" : "s");
    } else if (a->shift >= a->height || a->shift >= a->width) {
        config_refuse_key(r->err, KEY_SHIFT, "must be less than the picture's sides, %zu and %zu",
                          a->height, a->width);
    }
}

/* ---- steps ---- */

static double clip(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void resolve_average(struct resolver *r)
{
    const struct config *c = r->config;
    struct mlp_train_spec *train = &r->spec->train;

    if (!config_has(c, KEY_AVERAGE_TYPE)) {
        return;
    }
    train->average = (enum mlp_average)(MLP_AVERAGE_EMA + c->values[KEY_AVERAGE_TYPE].choice);
    if (train->average == MLP_AVERAGE_EMA) {
        train->average_decay = config_number(c, KEY_DECAY, 0.999);
        return;
    }
    train->average_start = config_number(c, KEY_AVERAGE_START, floor(0.75 * (double)train->epochs));
    if (train->average_start >= (double)train->epochs) {
        config_refuse_key(r->err, KEY_AVERAGE_START,
                          "must be less than the %zu epochs, or nothing is averaged",
                          train->epochs);
    }
}

static void check_batches(const struct resolver *r, double n_train)
{
    const struct job_spec *spec = r->spec;
    const struct mlp_train_spec *train = &spec->train;
    size_t k;

    if (train->drop_last && (double)train->batch_size > n_train) {
        config_refuse_key(r->err, KEY_DROP_LAST, "%.0f training rows do not fill one batch of %zu",
                          n_train, train->batch_size);
    }
    for (k = 0; k < spec->n_hidden; k++) {
        if (spec->hidden[k].norm == MLP_NORM_BATCH && !job_spec_full_batch(spec) &&
            train->batch_size == 1) {
            config_refuse_key(r->err, KEY_BATCH_SIZE,
                              "batch_norm needs two rows in a batch at least");
            return;
        }
    }
    if (train->label_smoothing > 0 && job_spec_kind(spec) == MLP_OF_NUMBERS) {
        config_refuse_key(r->err, KEY_LABEL_SMOOTHING, "is for classes, and the target is numbers");
    }
}

void resolve_training(struct resolver *r, double n_train)
{
    const struct config *c = r->config;
    struct mlp_train_spec *train = &r->spec->train;
    double batch = clip(exp2(round(log2(n_train / 40))), MIN_BATCH, MAX_BATCH), steps, epochs;

    train->batch_size = (size_t)config_number(c, KEY_BATCH_SIZE, batch);
    steps = job_spec_full_batch(r->spec) ? 1 : ceil(n_train / (double)train->batch_size);
    epochs = clip(floor(ROWS_OF_TRAINING / n_train), MIN_EPOCHS, MAX_EPOCHS);
    epochs = fmax(epochs, fmin(ceil(MIN_STEPS / steps), MAX_EPOCHS_SMALL));
    train->epochs = (size_t)config_number(c, KEY_EPOCHS, epochs);
    if (!config_has(c, KEY_BATCH_SIZE) && !job_spec_full_batch(r->spec)) {
        preset_why(r, "training.batch_size",
                   "about a fortieth of the %.0f training rows, a power of 2 from %d to %d",
                   n_train, MIN_BATCH, MAX_BATCH);
    }
    if (!config_has(c, KEY_EPOCHS)) {
        preset_why(r, "training.epochs",
                   "%.0f rows in all, %d to %d epochs; %d steps at least, for them up to %d",
                   ROWS_OF_TRAINING, MIN_EPOCHS, MAX_EPOCHS, MIN_STEPS, MAX_EPOCHS_SMALL);
    }
    train->accumulate = (size_t)config_number(c, KEY_ACCUMULATE, 1);
    train->drop_last = config_number(c, KEY_DROP_LAST, 0) > 0;
    train->shuffle = config_number(c, KEY_SHUFFLE, 1) > 0;
    train->seed =
        config_has(c, KEY_SEED) ? (uint64_t)config_number(c, KEY_SEED, 0) : hash_random_seed();
    train->threads = (size_t)config_number(c, KEY_THREADS, 1);
    train->precision = (enum mlp_precision)config_choice(c, KEY_PRECISION, MLP_FLOAT32);
    train->clip_norm = preset_number(r, KEY_CLIP_NORM, 0);
    train->clip_value = config_number(c, KEY_CLIP_VALUE, 0);
    train->max_norm = config_number(c, KEY_MAX_NORM, 0);
    train->label_smoothing = preset_number(r, KEY_LABEL_SMOOTHING, 0);
    train->gradient_norms = config_number(c, KEY_GRADIENT_NORMS, 0) > 0;
    train->max_seconds = config_number(c, KEY_MAX_SECONDS, 0);
    resolve_schedule(r);
    resolve_average(r);
    resolve_class_weight(r);
    resolve_augment(r);
    check_batches(r, n_train);
}

/* ---- stopping ---- */

static void warn(const struct resolver *r, const char *sentence)
{
    if (r->warnings != NULL) {
        err_add(r->warnings, NULL, "%s", sentence);
    }
}

/* The monitor must be of a part that there is, and a metric of this target. */
static void resolve_monitor(struct resolver *r, bool validates)
{
    struct job_spec *spec = r->spec;
    struct job_monitor *m = &spec->monitor;
    bool tests = spec->test > 0 || spec->split_way == SPLIT_COLUMN ||
                 spec->n_ranges[SPLIT_TEST] > 0 || r->test != NULL;
    char *name, *sentence;

    *m = (struct job_monitor){.part = validates ? SPLIT_VALIDATION : SPLIT_TRAINING};
    if (r->config->has_monitor && config_has(r->config, KEY_MONITOR)) {
        *m = r->config->monitor;
    }
    if (m->part == SPLIT_VALIDATION && !validates) {
        m->part = SPLIT_TRAINING;
        name = job_monitor_name(m);
        sentence = xasprintf("there is no validation part: early stopping watches %s", name);
        warn(r, sentence);
        free(sentence);
        free(name);
    } else if (m->part == SPLIT_TEST && !tests) {
        config_refuse_key(r->err, KEY_MONITOR, "there is no test part");
    } else if (m->part == SPLIT_TEST && !config_has(r->config, KEY_TARGET_RULE)) {
        warn(r, "early stopping watches the test part: its metrics say nothing about new rows");
    }
    if (m->of_metric) {
        enum mlp_metric_kind kind = job_spec_kind(spec);

        spec->train.maximize = mlp_metric_higher_is_better(m->metric);
        if (!mlp_metric_applies(m->metric, kind)) {
            config_refuse_key(r->err, KEY_MONITOR, "%s is for %s, and the target is %s",
                              mlp_metric_names()[m->metric],
                              mlp_metric_applies(m->metric, MLP_OF_NUMBERS) ? "numbers" : "classes",
                              kind == MLP_OF_NUMBERS  ? "numbers"
                              : kind == MLP_OF_LABELS ? "columns of 0 and 1"
                                                      : "classes");
        }
    }
}

void resolve_stopping(struct resolver *r)
{
    const struct config *c = r->config;
    struct job_spec *spec = r->spec;
    bool validates = job_spec_validates(spec);
    bool given = c->values[KEY_EARLY_STOPPING].given;

    spec->early_stopping = given ? config_has(c, KEY_EARLY_STOPPING) : validates;
    spec->monitor.part = validates ? SPLIT_VALIDATION : SPLIT_TRAINING;
    if (!spec->early_stopping) {
        return; /* patience 0: never; the last weights are kept */
    }
    spec->train.patience = (size_t)config_number(c, KEY_PATIENCE, PATIENCE);
    spec->train.min_delta = config_number(c, KEY_MIN_DELTA, 0);
    spec->train.restore_best = config_number(c, KEY_RESTORE_BEST, 1) > 0;
    spec->train.has_target = config_has(c, KEY_STOP_TARGET);
    spec->train.target = config_number(c, KEY_STOP_TARGET, 0);
    resolve_monitor(r, validates);
}

/* ---- answers ---- */

/* A number, or the metric that is to choose it. */
static void resolve_threshold(struct resolver *r)
{
    const json_t *json = r->config->values[KEY_THRESHOLD].json;
    struct job_spec *spec = r->spec;

    spec->threshold = 0.5;
    if (json == NULL) {
        return;
    }
    spec->chooses_threshold = json_is_string(json);
    if (spec->chooses_threshold) {
        (void)mlp_metric_parse(json_string_value(json), &spec->threshold_metric); /* was checked */
    } else {
        spec->threshold = json_number_value(json);
    }
    if (!spec->classes || r->n_classes != 2) {
        config_refuse_key(r->err, KEY_THRESHOLD, "is for two classes, and the target has %s",
                          spec->classes ? "more" : "numbers");
    }
}

void resolve_decision(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    bool validates = job_spec_validates(spec);
    size_t calibration = preset_choice(r, KEY_CALIBRATION, CONFIG_NO_CALIBRATION);

    spec->calibrate = calibration == CONFIG_TEMPERATURE;
    resolve_threshold(r);
    spec->refit = config_number(r->config, KEY_REFIT, 0) > 0;
    if (spec->calibrate && job_spec_kind(spec) == MLP_OF_NUMBERS) {
        config_refuse_key(r->err, KEY_CALIBRATION,
                          "is for probabilities, and the target is numbers");
    }
    if (spec->calibrate && !validates) {
        config_refuse_key(r->err, KEY_CALIBRATION, "needs a validation part to be fitted on");
    }
    if (spec->chooses_threshold && !validates) {
        config_refuse_key(r->err, KEY_THRESHOLD, "needs a validation part to be chosen on");
    }
    if (spec->refit && spec->train.schedule.type == MLP_PLATEAU) {
        config_refuse_key(r->err, KEY_REFIT,
                          "has no validation loss that reduce_on_plateau could look at");
    }
    if (spec->refit && !validates) {
        config_refuse_key(r->err, KEY_REFIT,
                          "needs a validation part that says how many epochs are best");
    }
}
