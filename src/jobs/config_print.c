/* The resolved config: struct job_spec -> JSON, every default spelt out.
 *
 * It parses and resolves to itself. Two choices serve that: "stratify" is "auto" where
 * nobody asked for it, because asking turns small classes into errors; "target_rule" is a
 * key that the parser knows, so that the reason outlives "target_type" being spelt out.
 *
 * Any thread; no state.
 */
#include "jobs/config_priv.h"
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

/* ,"key": and a value; `first` leaves the comma out. */
static void put_key(struct buf *b, const char *key, bool first)
{
    buf_printf(b, "%s\"%s\":", first ? "" : ",", key);
}

static void put_number(struct buf *b, const char *key, double value, bool first)
{
    put_key(b, key, first);
    json_util_number(b, value);
}

static void put_text(struct buf *b, const char *key, const char *text, bool first)
{
    put_key(b, key, first);
    json_util_text(b, text);
}

static void put_bool(struct buf *b, const char *key, bool value)
{
    put_key(b, key, false);
    buf_puts(b, value ? "true" : "false");
}

static void put_split(struct buf *b, const struct job_spec *spec)
{
    put_key(b, "split", false);
    buf_puts(b, "{");
    if (spec->split_column != NULL) {
        put_text(b, "column", spec->split_column, true);
    } else {
        put_number(b, "validation", spec->validation, true);
        put_number(b, "test", spec->test, false);
        put_key(b, "stratify", false);
        buf_puts(b, spec->stratify_asked ? "true" : spec->stratify ? "\"auto\"" : "false");
    }
    if (spec->validation_dataset[0] != '\0') {
        put_key(b, "validation_dataset", false);
        buf_printf(b, "\"sha256:%s\"", spec->validation_dataset);
    }
    if (spec->test_dataset[0] != '\0') {
        put_key(b, "test_dataset", false);
        buf_printf(b, "\"sha256:%s\"", spec->test_dataset);
    }
    buf_puts(b, "}");
}

static void put_data(struct buf *b, const struct job_spec *spec)
{
    buf_printf(b, "\"data\":{\"dataset\":\"sha256:%s\",\"target\":", spec->dataset);
    if (spec->n_targets == 1) {
        json_util_text(b, spec->targets[0]);
    } else {
        put_texts(b, spec->targets, spec->n_targets);
    }
    put_text(b, "target_type",
             config_target_types()[spec->classes ? CONFIG_CLASSES : CONFIG_NUMERIC], false);
    put_text(b, "target_rule", spec->target_rule, false);
    put_key(b, "exclude", false);
    put_texts(b, spec->exclude, spec->n_exclude);
    put_split(b, spec);
    buf_puts(b, "}");
}

static void put_architecture(struct buf *b, const struct job_spec *spec)
{
    size_t i;

    put_key(b, "architecture", false);
    buf_puts(b, "{\"hidden\":[");
    for (i = 0; i < spec->n_hidden; i++) {
        buf_printf(b, "%s{\"units\":%zu,\"activation\":\"%s\",\"init\":\"%s\"}", i > 0 ? "," : "",
                   spec->hidden[i].units, mlp_activation_names()[spec->hidden[i].activation],
                   mlp_init_names()[spec->hidden[i].init]);
    }
    buf_printf(b, "],\"activation\":\"%s\",\"init\":\"%s\",\"output\":\"%s\"}",
               mlp_activation_names()[spec->activation], mlp_init_names()[spec->output_init],
               mlp_output_names()[spec->output]);
}

static void put_optimizer(struct buf *b, const struct mlp_train_spec *train)
{
    put_key(b, "optimizer", false);
    buf_printf(b, "{\"type\":\"%s\"", mlp_optimizer_names()[train->optimizer]);
    put_number(b, "learning_rate", train->learning_rate, false);
    if (train->optimizer == MLP_ADAM) {
        put_number(b, "beta1", train->beta1, false);
        put_number(b, "beta2", train->beta2, false);
        put_number(b, "epsilon", train->epsilon, false);
    } else {
        put_number(b, "momentum", train->momentum, false);
        put_bool(b, "nesterov", train->nesterov);
    }
    put_number(b, "l2", train->l2, false);
    buf_puts(b, "}");
}

static void put_training(struct buf *b, const struct job_spec *spec)
{
    const struct mlp_train_spec *train = &spec->train;

    put_key(b, "training", false);
    buf_printf(b, "{\"epochs\":%zu,\"batch_size\":%zu", train->epochs, train->batch_size);
    put_bool(b, "shuffle", train->shuffle);
    put_number(b, "seed", (double)train->seed, false); /* at most 2^53: exact */
    put_key(b, "early_stopping", false);
    if (spec->early_stopping) {
        buf_printf(b, "{\"monitor\":\"%s\",\"patience\":%zu",
                   config_monitors()[spec->monitor_training ? CONFIG_TRAINING_LOSS
                                                            : CONFIG_VALIDATION_LOSS],
                   train->patience);
        put_number(b, "min_delta", train->min_delta, false);
        put_bool(b, "restore_best", train->restore_best);
        buf_puts(b, "}");
    } else {
        buf_puts(b, "null");
    }
    buf_puts(b, "}");
}

char *config_print(const struct job_spec *spec)
{
    struct buf b = BUF_INIT;

    buf_puts(&b, "{");
    if (spec->name != NULL) {
        put_text(&b, "name", spec->name, true);
        buf_puts(&b, ",");
    }
    put_data(&b, spec);
    put_key(&b, "preprocess", false);
    buf_printf(&b,
               "{\"numeric\":\"%s\",\"missing\":\"%s\",\"categorical\":\"%s\",\"target\":\"%s\"}",
               config_scalings()[spec->numeric], config_missings()[spec->missing],
               config_categoricals()[0], config_scalings()[spec->target_scale]);
    put_architecture(&b, spec);
    put_text(&b, "loss", config_losses()[spec->loss == MLP_MSE ? CONFIG_MSE : CONFIG_CROSS_ENTROPY],
             false);
    put_optimizer(&b, &spec->train);
    put_training(&b, spec);
    put_key(&b, "metrics", false);
    put_texts(&b, spec->metrics, spec->n_metrics);
    buf_puts(&b, "}");
    return buf_take(&b);
}
