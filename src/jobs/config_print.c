/* The resolved config: struct job_spec -> JSON, every default spelt out.
 *
 * It parses and resolves to itself. Three choices serve that: "stratify" is "auto" where
 * nobody asked for it, because asking turns small classes into errors; "target_rule" is a
 * key that the parser knows, so that the reason outlives "target_type" being spelt out; and
 * a key that belongs to another loss, optimizer or schedule is left out.
 *
 * Any thread; no state.
 */
#include <stdlib.h>
#include <string.h>

#include "data/cell.h"
#include "jobs/config_priv.h"
#include "jobs/config_weights.h"
#include "jobs/json_util.h"

static void put_texts(struct buf *b, char *const *texts, size_t n)
{
    size_t i;

    buf_puts(b, "[");
    for (i = 0; i < n; i++) {
        buf_puts(b, i > 0 ? "," : "");
        json_util_text(b, texts[i]);
    }
    buf_puts(b, "]");
}

/* "key": with a comma before it unless it is the first of its object. */
static void put_key(struct buf *b, const char *key)
{
    buf_printf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", key);
}

static void put_open(struct buf *b, const char *key)
{
    put_key(b, key);
    buf_puts(b, "{");
}

static void put_number(struct buf *b, const char *key, double value)
{
    put_key(b, key);
    json_util_number(b, value);
}

/* null for 0, which is "off" */
static void put_limit(struct buf *b, const char *key, double value)
{
    put_key(b, key);
    if (value > 0) {
        json_util_number(b, value);
    } else {
        buf_puts(b, "null");
    }
}

static void put_text(struct buf *b, const char *key, const char *text)
{
    put_key(b, key);
    if (text != NULL) {
        json_util_text(b, text);
    } else {
        buf_puts(b, "null");
    }
}

static void put_bool(struct buf *b, const char *key, bool value)
{
    put_key(b, key);
    buf_puts(b, value ? "true" : "false");
}

/* A number of the table's key, if the type has it. */
static void put_own(struct buf *b, enum config_id id, size_t type, double value)
{
    if (config_belongs(id, type)) {
        put_number(b, strrchr(config_keys[id].path, '/') + 1, value);
    }
}

static void put_hash(struct buf *b, const char *key, const char *sha256)
{
    if (sha256[0] != '\0') {
        put_key(b, key);
        buf_printf(b, "\"sha256:%s\"", sha256);
    }
}

static void put_why(struct buf *b, const struct job_spec *spec)
{
    size_t i;

    put_open(b, "why");
    for (i = 0; i < spec->n_why; i++) {
        buf_puts(b, i > 0 ? "," : "");
        json_util_text(b, spec->why[i].key);
        buf_puts(b, ":");
        json_util_text(b, spec->why[i].text);
    }
    buf_puts(b, "}");
}

static void put_threshold(struct buf *b, const struct job_spec *spec)
{
    if (spec->chooses_threshold) {
        put_text(b, "threshold", mlp_metric_names()[spec->threshold_metric]);
    } else if (spec->threshold < 0.5 || spec->threshold > 0.5) {
        put_number(b, "threshold", spec->threshold);
    } else {
        put_text(b, "threshold", NULL); /* 0.5, where there is anything to decide */
    }
}

/* ---- data ------------------------------------------------------------------------ */

static void put_split(struct buf *b, const struct job_spec *spec)
{
    static const char *const keys[] = {
        [SPLIT_COLUMN] = "column", [SPLIT_GROUP] = "group", [SPLIT_TIME] = "time"};

    put_open(b, "split");
    if (spec->split_way == SPLIT_RANGES) {
        put_key(b, "rows");
        config_print_ranges(b, spec);
    } else if (spec->split_way != SPLIT_FRACTIONS) {
        put_text(b, keys[spec->split_way], spec->split_column);
    }
    if (spec->split_way != SPLIT_RANGES && spec->split_way != SPLIT_COLUMN) {
        put_number(b, "validation", spec->validation);
        put_number(b, "test", spec->test);
    }
    if (spec->split_way == SPLIT_FRACTIONS) {
        put_key(b, "stratify");
        buf_puts(b, spec->stratify_asked ? "true" : spec->stratify ? "\"auto\"" : "false");
    }
    put_hash(b, "validation_dataset", spec->validation_dataset);
    put_hash(b, "test_dataset", spec->test_dataset);
    buf_puts(b, "}");
}

static void put_data(struct buf *b, const struct job_spec *spec)
{
    put_open(b, "data");
    put_hash(b, "dataset", spec->dataset);
    put_key(b, "target");
    if (spec->n_targets == 1) {
        json_util_text(b, spec->targets[0]);
    } else {
        put_texts(b, spec->targets, spec->n_targets);
    }
    put_text(b, "target_type",
             config_target_types()[spec->classes ? CONFIG_CLASSES : CONFIG_NUMERIC]);
    put_text(b, "target_rule", spec->target_rule);
    put_key(b, "features");
    if (spec->n_features > 0) {
        put_texts(b, spec->features, spec->n_features);
    } else {
        buf_puts(b, "null");
    }
    put_key(b, "exclude");
    put_texts(b, spec->exclude, spec->n_exclude);
    put_key(b, "filter");
    config_print_filter(b, &spec->filter);
    put_key(b, "types");
    config_print_types(b, spec);
    put_text(b, "missing_target",
             config_missing_targets()[spec->drop_without_target ? CONFIG_TARGET_DROP
                                                                : CONFIG_TARGET_ERROR]);
    put_open(b, "sampling");
    put_text(b, "type", config_samplings()[spec->sampling]);
    if (spec->sampling != SAMPLE_NONE) {
        put_number(b, "ratio", spec->sampling_ratio);
    }
    buf_puts(b, "}");
    put_text(b, "sample_weight", spec->sample_weight);
    put_text(b, "offset", spec->offset);
    put_split(b, spec);
    if (spec->train.window > 0) {
        put_number(b, "window", (double)spec->train.window);
    } else {
        put_key(b, "window");
        buf_puts(b, "null");
    }
    buf_puts(b, "}");
}

/* ---- network and loss --------------------------------------------------------------- */

static void put_layer(struct buf *b, const struct job_spec *spec, size_t k)
{
    const struct mlp_layer_spec *h = &spec->hidden[k];
    const struct mlp_layer_train usual = {spec->train.l1, spec->train.l2, 1, false};
    const struct mlp_layer_train *t = spec->layers != NULL ? &spec->layers[k] : &usual;

    buf_puts(b, k > 0 ? ",{" : "{");
    put_number(b, "units", (double)h->units);
    put_text(b, "activation", mlp_activation_names()[h->activation]);
    if (h->activation == MLP_MAXOUT) {
        put_number(b, "pieces", (double)h->pieces);
    }
    put_text(b, "init", mlp_init_names()[h->init]);
    if (h->init_scale > 0) {
        put_number(b, "init_scale", h->init_scale);
    }
    put_bool(b, "batch_norm", h->norm == MLP_NORM_BATCH);
    put_bool(b, "layer_norm", h->norm == MLP_NORM_LAYER);
    put_bool(b, "residual", h->residual);
    put_number(b, "dropout", h->dropout);
    put_number(b, "gaussian_noise", h->noise);
    put_number(b, "l1", t->l1);
    put_number(b, "l2", t->l2);
    put_number(b, "learning_rate_multiplier", t->rate);
    put_bool(b, "frozen", t->frozen);
    buf_puts(b, "}");
}

static void put_architecture(struct buf *b, const struct job_spec *spec)
{
    size_t k;

    put_open(b, "architecture");
    put_key(b, "hidden");
    buf_puts(b, "[");
    for (k = 0; k < spec->n_hidden; k++) {
        put_layer(b, spec, k);
    }
    buf_puts(b, "]");
    put_text(b, "activation", mlp_activation_names()[spec->activation]);
    put_text(b, "init", mlp_init_names()[spec->init]);
    put_text(b, "output", mlp_output_names()[spec->output]);
    put_text(b, "output_init", mlp_init_names()[spec->output_init]);
    if (spec->output_init_scale > 0) {
        put_number(b, "init_scale", spec->output_init_scale);
    }
    put_number(b, "input_dropout", spec->input_dropout);
    put_number(b, "input_noise", spec->input_noise);
    put_bool(b, "input_scale", spec->input_scale);
    buf_puts(b, "}");
}

void config_print_loss(struct buf *b, const struct job_spec *spec)
{
    const char *key = NULL;

    switch (spec->loss) {
    case MLP_FOCAL:
    case MLP_BINARY_FOCAL:
        key = "gamma";
        break;
    case MLP_HUBER:
        key = "delta";
        break;
    case MLP_QUANTILE:
        key = "tau";
        break;
    case MLP_TWEEDIE:
        key = "power";
        break;
    default:
        break;
    }
    if (key == NULL) {
        json_util_text(b, mlp_loss_names()[spec->loss]);
        return;
    }
    buf_puts(b, "{");
    put_text(b, "type", mlp_loss_names()[spec->loss]);
    if (spec->loss == MLP_HUBER && !spec->has_delta) {
        put_text(b, key, NULL); /* 1 in training units, whatever these are */
    } else {
        put_number(b, key, spec->loss_parameter);
    }
    buf_puts(b, "}");
}

/* ---- optimizer and schedule ------------------------------------------------------------ */

void config_print_optimizer(struct buf *b, const struct mlp_train_spec *t)
{
    size_t type = t->optimizer;

    buf_puts(b, "{");
    put_text(b, "type", mlp_optimizer_names()[type]);
    put_number(b, "learning_rate", t->learning_rate);
    put_own(b, KEY_MOMENTUM, type, t->momentum);
    if (config_belongs(KEY_NESTEROV, type)) {
        put_bool(b, "nesterov", t->nesterov);
    }
    put_own(b, KEY_BETA1, type, t->beta1);
    put_own(b, KEY_BETA2, type, t->beta2);
    put_own(b, KEY_EPSILON, type, t->epsilon);
    put_own(b, KEY_RHO, type, t->rho);
    if (config_belongs(KEY_AMSGRAD, type)) {
        put_bool(b, "amsgrad", t->amsgrad);
    }
    put_own(b, KEY_MOMENTUM_DECAY, type, t->momentum_decay);
    put_number(b, "l1", t->l1);
    put_number(b, "l2", t->l2);
    put_number(b, "weight_decay", t->weight_decay);
    put_own(b, KEY_BIAS_RATE, type, t->bias_rate);
    put_own(b, KEY_SCALE_RATE, type, t->input_scale_rate);
    buf_puts(b, "}");
}

static void put_schedule(struct buf *b, const struct mlp_schedule *s)
{
    size_t i;

    put_open(b, "schedule");
    put_text(b, "type", config_schedules()[s->type]);
    put_number(b, "warmup_epochs", s->warmup_epochs);
    put_own(b, KEY_FACTOR, s->type, s->factor);
    put_own(b, KEY_EVERY, s->type, s->every);
    if (s->type == MLP_MULTISTEP) {
        put_key(b, "milestones");
        for (i = 0; i < s->n_milestones; i++) {
            buf_puts(b, i > 0 ? "," : "[");
            json_util_number(b, s->milestones[i]);
        }
        buf_puts(b, "]");
    }
    put_own(b, KEY_SCHEDULE_POWER, s->type, s->power);
    put_own(b, KEY_FINAL, s->type, s->final);
    if (s->type == MLP_COSINE) {
        put_limit(b, "cycle_epochs", s->cycle_epochs);
        if (s->cycle_epochs > 0) {
            put_number(b, "cycle_growth", s->cycle_growth);
        }
    }
    put_own(b, KEY_PEAK, s->type, s->peak);
    put_own(b, KEY_START_DIVISOR, s->type, s->start_divisor);
    put_own(b, KEY_FINAL_DIVISOR, s->type, s->final_divisor);
    put_own(b, KEY_PLATEAU_PATIENCE, s->type, (double)s->patience);
    put_own(b, KEY_COOLDOWN, s->type, (double)s->cooldown);
    put_own(b, KEY_PLATEAU_DELTA, s->type, s->min_delta);
    buf_puts(b, "}");
}

/* ---- training ---------------------------------------------------------------------------- */

static void put_average(struct buf *b, const struct mlp_train_spec *t)
{
    if (t->average == MLP_AVERAGE_NONE) {
        put_text(b, "average", NULL);
        return;
    }
    put_open(b, "average");
    put_text(b, "type", config_averages()[t->average - MLP_AVERAGE_EMA]);
    if (t->average == MLP_AVERAGE_EMA) {
        put_number(b, "decay", t->average_decay);
    } else {
        put_number(b, "start", t->average_start);
    }
    buf_puts(b, "}");
}

static void put_augment(struct buf *b, const struct mlp_augment *a)
{
    if (a->height == 0) {
        put_text(b, "augment", NULL);
        return;
    }
    put_open(b, "augment");
    put_limit(b, "shift", (double)a->shift);
    put_bool(b, "mirror", a->mirror);
    put_limit(b, "rotate", a->rotate);
    put_limit(b, "zoom", a->zoom);
    put_number(b, "height", (double)a->height);
    put_number(b, "width", (double)a->width);
    put_number(b, "channels", (double)a->channels);
    buf_puts(b, "}");
}

static void put_class_weight(struct buf *b, const struct job_spec *spec)
{
    size_t i;

    if (spec->balanced || spec->n_class_weights == 0) {
        put_text(b, "class_weight", spec->balanced ? "balanced" : NULL);
        return;
    }
    put_open(b, "class_weight");
    for (i = 0; i < spec->n_class_weights; i++) {
        buf_puts(b, i > 0 ? "," : "");
        json_util_text(b, spec->class_weights[i].label);
        buf_puts(b, ":");
        json_util_number(b, spec->class_weights[i].weight);
    }
    buf_puts(b, "}");
}

static void put_stopping(struct buf *b, const struct job_spec *spec)
{
    char *name;

    if (!spec->early_stopping) {
        put_text(b, "early_stopping", NULL);
        return;
    }
    name = job_monitor_name(&spec->monitor);
    put_open(b, "early_stopping");
    put_text(b, "monitor", name);
    put_number(b, "patience", (double)spec->train.patience);
    put_number(b, "min_delta", spec->train.min_delta);
    put_key(b, "target");
    if (spec->train.has_target) {
        json_util_number(b, spec->train.target);
    } else {
        buf_puts(b, "null");
    }
    put_bool(b, "restore_best", spec->train.restore_best);
    buf_puts(b, "}");
    free(name);
}

static void put_training(struct buf *b, const struct job_spec *spec)
{
    const struct mlp_train_spec *t = &spec->train;

    put_open(b, "training");
    put_number(b, "epochs", (double)t->epochs);
    if (!job_spec_full_batch(spec)) {
        put_number(b, "batch_size", (double)t->batch_size);
        put_number(b, "accumulate", (double)t->accumulate);
        put_bool(b, "drop_last", t->drop_last);
    }
    put_bool(b, "shuffle", t->shuffle);
    put_number(b, "seed", (double)t->seed); /* at most 2^53: exact */
    put_number(b, "threads", (double)t->threads);
    put_text(b, "precision", config_precisions()[t->precision]);
    put_limit(b, "clip_norm", t->clip_norm);
    put_limit(b, "clip_value", t->clip_value);
    put_limit(b, "max_norm", t->max_norm);
    put_class_weight(b, spec);
    put_number(b, "label_smoothing", t->label_smoothing);
    put_average(b, t);
    put_augment(b, &t->augment);
    put_bool(b, "record_gradient_norms", t->gradient_norms);
    put_bool(b, "refit", spec->refit);
    put_limit(b, "max_seconds", t->max_seconds);
    put_stopping(b, spec);
    buf_puts(b, "}");
}

static void put_start(struct buf *b, const struct job_spec *spec)
{
    size_t i;

    if (spec->initial_weights != NULL) {
        put_key(b, "initial_weights");
        config_weights_print(spec->initial_weights, b);
    }
    if (spec->start_model == 0) {
        put_text(b, "start_from", NULL);
        return;
    }
    put_open(b, "start_from");
    put_number(b, "model", (double)spec->start_model);
    put_text(b, "weights_sha256", spec->start_weights);
    put_text(b, "optimizer_state",
             config_states()[spec->start_continue ? CONFIG_CONTINUE : CONFIG_RESET]);
    put_key(b, "freeze");
    buf_puts(b, "[");
    for (i = 0; i < spec->n_freeze; i++) {
        buf_printf(b, "%s%zu", i > 0 ? "," : "", spec->freeze[i]);
    }
    buf_puts(b, "]}");
}

/* ---- preprocess ----------------------------------------------------------------- */

static void put_missing(struct buf *b, const struct encoder_plan *plan)
{
    double value;

    put_key(b, "missing");
    if (plan->missing != ENCODER_CONSTANT) {
        json_util_text(b, encoder_missing_names[plan->missing]);
        return;
    }
    buf_puts(b, "{\"constant\":");
    if (cell_number(plan->constant, strlen(plan->constant), &value)) {
        json_util_number(b, value);
    } else {
        json_util_text(b, plan->constant);
    }
    buf_puts(b, "}");
}

static void put_times(struct buf *b, unsigned times)
{
    const char *comma = "";
    size_t i;

    put_key(b, "datetime");
    buf_puts(b, "[");
    for (i = 0; i < ENCODER_TIMES; i++) {
        if ((times & ENCODER_TIME_BIT(i)) != 0) {
            buf_puts(b, comma);
            json_util_text(b, encoder_time_names[i]);
            comma = ",";
        }
    }
    buf_puts(b, "]");
}

/* A plan, or what of it differs from another. */
static void put_plan(struct buf *b, const struct encoder_plan *plan,
                     const struct encoder_plan *from)
{
    static const char *const indicators[] = {[ENCODER_INDICATOR_AUTO] = "\"auto\"",
                                             [ENCODER_INDICATOR_OFF] = "false",
                                             [ENCODER_INDICATOR_ON] = "true"};

    if (from == NULL || plan->numeric != from->numeric) {
        put_text(b, "numeric", encoder_numeric_names[plan->numeric]);
    }
    if (from == NULL || plan->missing != from->missing ||
        (plan->missing == ENCODER_CONSTANT && strcmp(plan->constant, from->constant) != 0)) {
        put_missing(b, plan);
    }
    if (from == NULL || plan->indicator != from->indicator) {
        put_key(b, "missing_indicator");
        buf_puts(b, indicators[plan->indicator]);
    }
    if (from == NULL || plan->categorical != from->categorical) {
        put_text(b, "categorical", encoder_categorical_names[plan->categorical]);
    }
    if (from != NULL && plan->width != from->width) {
        put_number(b, "width", (double)plan->width);
    }
    if (from == NULL || plan->min_count != from->min_count) {
        put_number(b, "min_count", (double)plan->min_count);
    }
    if (from == NULL || plan->unseen != from->unseen) {
        put_text(b, "unseen", encoder_unseen_names[plan->unseen]);
    }
    if (from == NULL || plan->buckets != from->buckets) {
        put_number(b, "hash_buckets", (double)plan->buckets);
    }
    if (from == NULL) {
        put_text(b, "boolean", config_booleans()[0]);
    }
    if (from == NULL || plan->times != from->times) {
        put_times(b, plan->times);
    }
}

static void put_preprocess(struct buf *b, const struct job_spec *spec)
{
    size_t i;

    put_open(b, "preprocess");
    put_plan(b, &spec->plan, NULL);
    put_text(b, "target", config_target_scalings()[spec->target_scale]);
    put_open(b, "columns");
    for (i = 0; i < spec->n_columns; i++) {
        buf_puts(b, i > 0 ? "," : "");
        json_util_text(b, spec->columns[i].name);
        buf_puts(b, ":{");
        put_plan(b, &spec->columns[i].plan, &spec->plan);
        buf_puts(b, "}");
    }
    buf_puts(b, "}}");
}

char *config_print(const struct job_spec *spec)
{
    struct buf b = BUF_INIT;

    buf_puts(&b, "{");
    if (spec->name != NULL) {
        put_text(&b, "name", spec->name);
    }
    put_text(&b, "preset", config_presets()[spec->preset]);
    put_why(&b, spec);
    put_data(&b, spec);
    put_preprocess(&b, spec);
    put_architecture(&b, spec);
    put_key(&b, "loss");
    config_print_loss(&b, spec);
    put_key(&b, "optimizer");
    config_print_optimizer(&b, &spec->train);
    put_schedule(&b, &spec->train.schedule);
    put_training(&b, spec);
    put_text(&b, "calibration",
             config_calibrations()[spec->calibrate ? CONFIG_TEMPERATURE : CONFIG_NO_CALIBRATION]);
    put_threshold(&b, spec);
    put_key(&b, "metrics");
    put_texts(&b, spec->metrics, spec->n_metrics);
    put_start(&b, spec);
    put_number(&b, "priority", (double)spec->priority);
    put_key(&b, "notify");
    config_print_notify(&b, &spec->notify);
    buf_puts(&b, "}");
    return buf_take(&b);
}
