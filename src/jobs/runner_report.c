/* What a job leaves behind as JSON: its result, the information GET /models/{id} shows,
 * metrics per split, warnings. The shapes are part of the HTTP contract: http/ copies these
 * texts into its answers as they are.
 *
 *   result  {"stopped_by": "epochs" | "patience" | "target" | "max_seconds" | "converged" |
 *            "cancelled" | "diverged", "epochs",
 *            "best_epoch" (null: none), "best_loss", "steps", "seconds",
 *            "rows": {"training", "validation", "test"},
 *            "calibration": {"temperature", "rows", "log_loss": {"before", "after"}} | null,
 *            "threshold": {"value", "metric", "score": {"before", "after"}} | null,
 *            "refit": {"epochs", "rows"} | null,
 *            "sparkline": {"of": "validation_loss" | "training_loss", "values": [..]} | null,
 *            "sampling": {"type", "ratio", "rows": {"before": {class: n}, "after"}} | null}
 *   info    {"loss", "optimizer": {..}, "seed", "batch_size", "target": {"names", "type",
 *            "rule"}, "classes": [..] | null, "features": [{"name", "type", ..}],
 *            "rows": {..}, "best_epoch", "epochs", "seconds", "calibration", "threshold", "refit"
 *            as above, "versions": {"mlpd", "backend"}}
 *
 * A numeric feature has mean, std, min and max of the training rows, a categorical one its
 * categories. Threads: any.
 */
#include <config.h> /* of the build; in quotes it would be the job config's */

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "jobs/config.h"
#include "jobs/json_util.h"
#include "jobs/model_json.h"
#include "jobs/runner_priv.h"

static void put_number(json_t *object, const char *key, double value)
{
    model_json_put(object, key, model_json_number(value));
}

static void put_count(json_t *object, const char *key, uint64_t n)
{
    model_json_put(object, key, model_json_count(n));
}

static void put_text(json_t *object, const char *key, const char *text)
{
    model_json_put(object, key, model_json_string(text));
}

const char *runner_part_name(enum split_part part)
{
    static const char *const names[SPLIT_PARTS] = {"training", "validation", "test"};

    CHK(part < SPLIT_PARTS);
    return names[part];
}

static const char *stopped_by(enum mlp_stop stop)
{
    static const char *const names[] = {
        [MLP_BY_EPOCHS] = "epochs",
        [MLP_BY_PATIENCE] = "patience",
        [MLP_BY_CALLER] = "cancelled",
        [MLP_BY_DIVERGENCE] = "diverged",
        [MLP_BY_TARGET] = "target",
        [MLP_BY_MAX_SECONDS] = "max_seconds",
        [MLP_BY_CONVERGENCE] = "converged",
    };

    CHK((size_t)stop < ARRAY_LEN(names));
    return names[stop];
}

static json_t *rows_json(const size_t rows[SPLIT_PARTS])
{
    json_t *out = model_json_object();
    enum split_part part;

    for (part = 0; part < SPLIT_PARTS; part++) {
        put_count(out, runner_part_name(part), rows[part]);
    }
    return out;
}

/* best_epoch, epochs, seconds: in the result and in the model's information alike. */
static void put_length(json_t *out, const struct runner_facts *f)
{
    put_count(out, "epochs", f->result->epochs);
    model_json_put(out, "best_epoch",
                   f->result->best_epoch != 0 ? model_json_count(f->result->best_epoch)
                                              : model_json_string(NULL));
    put_number(out, "seconds", f->seconds);
    model_json_put(out, "rows", rows_json(f->rows));
}

static json_t *before_after(double before, double after)
{
    json_t *out = model_json_object();

    put_number(out, "before", before);
    put_number(out, "after", after);
    return out;
}

/* What was chosen on the validation part, and the second training; null where it was not asked
 * for. In the result and in the model's information alike. */
static void put_choices(json_t *out, const struct runner_facts *f)
{
    const struct decision *d = f->decision;
    json_t *item = model_json_string(NULL);

    if (d->calibrated) {
        json_decref(item);
        item = model_json_object();
        put_number(item, "temperature", d->temperature);
        put_count(item, "rows", d->rows);
        model_json_put(item, "log_loss", before_after(d->log_loss_before, d->log_loss_after));
    }
    model_json_put(out, "calibration", item);
    item = model_json_string(NULL);
    if (d->chosen || f->spec->threshold < 0.5 || f->spec->threshold > 0.5) {
        json_decref(item);
        item = model_json_object();
        put_number(item, "value", d->chosen ? d->threshold : f->spec->threshold);
        put_text(item, "metric", d->chosen ? mlp_metric_names()[f->spec->threshold_metric] : NULL);
        model_json_put(item, "score", d->chosen ? before_after(d->metric_before, d->metric_after)
                                                : model_json_string(NULL));
    }
    model_json_put(out, "threshold", item);
    item = model_json_string(NULL);
    if (f->refit_epochs > 0) {
        json_decref(item);
        item = model_json_object();
        put_count(item, "epochs", f->refit_epochs);
        put_count(item, "rows", f->refit_rows);
    }
    model_json_put(out, "refit", item);
}

/* The curve in a few numbers, for lists. */
static json_t *spark_json(const struct runner_facts *f)
{
    double values[SPARK_MOST];
    size_t n = spark_values(f->spark, values), i;
    json_t *out, *list;

    if (n == 0) {
        return model_json_string(NULL);
    }
    out = model_json_object();
    list = model_json_array();
    for (i = 0; i < n; i++) {
        model_json_push(list, model_json_number(values[i]));
    }
    put_text(out, "of", f->rows[SPLIT_VALIDATION] > 0 ? "validation_loss" : "training_loss");
    model_json_put(out, "values", list);
    return out;
}

static json_t *class_rows(const struct encoder *encoder, const uint64_t *rows, size_t n)
{
    json_t *out = model_json_object();
    size_t i;

    for (i = 0; i < n; i++) {
        put_count(out, encoder_class_name(encoder, i), rows[i]);
    }
    return out;
}

static json_t *sampling_json(const struct runner_facts *f)
{
    json_t *out, *rows;

    if (f->sampled->n_classes == 0) {
        return model_json_string(NULL);
    }
    out = model_json_object();
    rows = model_json_object();
    put_text(out, "type", f->spec->sampling == SAMPLE_OVER ? "oversample" : "undersample");
    put_number(out, "ratio", f->spec->sampling_ratio);
    model_json_put(rows, "before",
                   class_rows(f->encoder, f->sampled->before, f->sampled->n_classes));
    model_json_put(rows, "after",
                   class_rows(f->encoder, f->sampled->after, f->sampled->n_classes));
    model_json_put(out, "rows", rows);
    return out;
}

char *runner_report_result(const struct runner_facts *f)
{
    json_t *out = model_json_object();
    char *best_of;

    put_text(out, "stopped_by", stopped_by(f->result->stopped_by));
    put_length(out, f);
    put_number(out, "best_loss", f->result->best_loss);
    best_of = job_monitor_name(&f->spec->monitor);
    put_text(out, "best_of", best_of);
    free(best_of);
    put_count(out, "steps", f->result->steps);
    model_json_put(out, "sampling", sampling_json(f));
    put_choices(out, f);
    model_json_put(out, "sparkline", spark_json(f)); /* the last: lists cut it off */
    return model_json_take(out);
}

/* ---- the model's information ------------------------------------------------------- */

/* As the resolved config shows it. */
static json_t *printed(struct buf *text)
{
    json_t *out = json_loads(text->data, JSON_DECODE_ANY, NULL);

    CHK(out != NULL);
    buf_fini(text);
    return out;
}

static json_t *optimizer_json(const struct mlp_train_spec *train)
{
    struct buf text = BUF_INIT;

    config_print_optimizer(&text, train);
    return printed(&text);
}

static json_t *loss_json(const struct job_spec *spec)
{
    struct buf text = BUF_INIT;

    config_print_loss(&text, spec);
    return printed(&text);
}

static json_t *target_json(const struct job_spec *spec, const struct encoder *encoder)
{
    json_t *out = model_json_object(), *names = model_json_array();
    size_t i;

    for (i = 0; i < encoder_n_targets(encoder); i++) {
        model_json_push(names, model_json_string(encoder_target_name(encoder, i)));
    }
    model_json_put(out, "names", names);
    put_text(out, "type", spec->classes ? "classes" : "numeric");
    put_text(out, "rule", spec->target_rule);
    return out;
}

static json_t *classes_json(const struct encoder *encoder)
{
    json_t *out;
    size_t i;

    if (!encoder_is_classes(encoder)) {
        return model_json_string(NULL);
    }
    out = model_json_array();
    for (i = 0; i < encoder_n_classes(encoder); i++) {
        model_json_push(out, model_json_string(encoder_class_name(encoder, i)));
    }
    return out;
}

static json_t *feature_json(const struct encoder *encoder, size_t feature)
{
    enum column_type type = encoder_feature_type(encoder, feature);
    json_t *out = model_json_object(), *categories;
    const char *const *texts = NULL;
    double mean, std, min, max;
    size_t n, i;

    put_text(out, "name", encoder_feature_name(encoder, feature));
    put_text(out, "type", column_type_name(type));
    if (column_holds_numbers(type)) {
        encoder_feature_stats(encoder, feature, &mean, &std, &min, &max);
        put_number(out, "mean", mean);
        put_number(out, "std", std);
        put_number(out, "min", min);
        put_number(out, "max", max);
        return out;
    }
    categories = model_json_array();
    n = encoder_feature_categories(encoder, feature, &texts);
    for (i = 0; i < n; i++) {
        model_json_push(categories, model_json_string(texts[i]));
    }
    model_json_put(out, "categories", categories);
    return out;
}

char *runner_report_info(const struct runner_facts *f)
{
    json_t *out = model_json_object(), *features = model_json_array();
    json_t *versions = model_json_object();
    size_t i;

    for (i = 0; i < encoder_n_features(f->encoder); i++) {
        model_json_push(features, feature_json(f->encoder, i));
    }
    put_text(versions, "mlpd", PACKAGE_VERSION);
    put_text(versions, "backend", mlp_backend());
    model_json_put(out, "loss", loss_json(f->spec));
    model_json_put(out, "optimizer", optimizer_json(&f->spec->train));
    put_count(out, "seed", f->spec->train.seed);
    put_count(out, "batch_size", f->spec->train.batch_size);
    model_json_put(out, "target", target_json(f->spec, f->encoder));
    model_json_put(out, "classes", classes_json(f->encoder));
    model_json_put(out, "features", features);
    put_length(out, f);
    put_choices(out, f);
    model_json_put(out, "versions", versions);
    return model_json_take(out);
}

/* ---- texts out of texts ----------------------------------------------------------------- */

char *runner_report_metrics(const struct judged judged[SPLIT_PARTS])
{
    struct buf out = BUF_INIT;
    enum split_part part;

    buf_puts(&out, "{");
    for (part = 0; part < SPLIT_PARTS; part++) {
        if (judged[part].metrics_json != NULL) {
            buf_puts(&out, out.len > 1 ? ",\"" : "\"");
            buf_puts(&out, runner_part_name(part));
            buf_puts(&out, "\":");
            buf_puts(&out, judged[part].metrics_json);
        }
    }
    buf_puts(&out, "}");
    return buf_take(&out);
}

char *runner_report_evaluation(const struct judged *judged)
{
    struct buf out = BUF_INIT;

    buf_puts(&out, "{\"metrics\":");
    buf_puts(&out, judged->metrics_json);
    buf_puts(&out, ",\"evaluation\":");
    buf_puts(&out, judged->evaluation_json);
    buf_puts(&out, "}");
    return buf_take(&out);
}

static bool has_text(const json_t *list, const char *text)
{
    const char *other;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        other = json_string_value(json_array_get(list, i));
        if (other != NULL && strcmp(other, text) == 0) {
            return true;
        }
    }
    return false;
}

char *runner_report_warnings(const char *before, const struct err *added)
{
    json_t *list = before != NULL ? json_loads(before, 0, NULL) : NULL;
    bool is_new = false;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(list);
        list = model_json_array();
    }
    for (i = 0; i < added->n_items; i++) {
        if (!has_text(list, added->items[i].detail)) {
            model_json_push(list, model_json_string(added->items[i].detail));
            is_new = true;
        }
    }
    if (added->n_dropped > 0) {
        char *more = xasprintf("and %zu more warnings", added->n_dropped);

        model_json_push(list, model_json_string(more));
        free(more);
        is_new = true;
    }
    if (!is_new) {
        json_decref(list);
        return NULL;
    }
    return model_json_take(list);
}
