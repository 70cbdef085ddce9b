/* A model as its JSON objects; see model_view.h.
 *
 * A finished model tells of itself from what was stored with it. One in training has its shape,
 * features and classes from the live encoder and network; what only its end decides (metrics,
 * hashes) is null until then.
 */
#include "http/model_view.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/model_example.h"
#include "jobs/importance.h"
#include "jobs/json_util.h"

static void write_layer(struct jw *w, const struct mlp_layer_spec *h)
{
    jw_string(w, "init", mlp_init_names()[h->init]);
    if (h->pieces > 0) {
        jw_int(w, "pieces", (int64_t)h->pieces);
    }
    jw_bool(w, "batch_norm", h->norm == MLP_NORM_BATCH);
    jw_bool(w, "layer_norm", h->norm == MLP_NORM_LAYER);
    jw_bool(w, "residual", h->residual);
    jw_double(w, "dropout", h->dropout);
    jw_double(w, "gaussian_noise", h->noise);
}

/* Columns in place of which the network sees learnt numbers. */
static void write_embeddings(struct jw *w, const struct mlp_spec *spec, const struct encoder *e)
{
    size_t i, input, levels, width;

    jw_array(w, "embeddings");
    for (i = 0; i < encoder_n_embeddings(e) && i < spec->n_embeddings; i++) {
        size_t feature = encoder_embedding(e, i, &input, &levels, &width);

        jw_object(w, NULL);
        jw_string(w, "feature", encoder_feature_name(e, feature));
        jw_int(w, "levels", (int64_t)spec->embeddings[i].levels);
        jw_int(w, "width", (int64_t)spec->embeddings[i].width);
        jw_end(w);
    }
    jw_end(w);
}

static void write_architecture(struct jw *w, const struct mlp_spec *spec, const struct encoder *e)
{
    size_t i;

    jw_object(w, "architecture");
    jw_int(w, "inputs", (int64_t)spec->n_inputs);
    write_embeddings(w, spec, e);
    jw_array(w, "hidden");
    for (i = 0; i < spec->n_hidden; i++) {
        jw_object(w, NULL);
        jw_int(w, "units", (int64_t)spec->hidden[i].units);
        jw_string(w, "activation", mlp_activation_names()[spec->hidden[i].activation]);
        write_layer(w, &spec->hidden[i]);
        jw_end(w);
    }
    jw_end(w);
    jw_int(w, "outputs", (int64_t)spec->n_outputs);
    jw_string(w, "output", mlp_output_names()[spec->output]);
    jw_bool(w, "input_scale", spec->input_scale);
    jw_double(w, "input_dropout", spec->input_dropout);
    jw_double(w, "input_noise", spec->input_noise);
    jw_end(w);
    jw_string(w, "loss", mlp_loss_names()[spec->loss]);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = 0, y = 0;
    const char *const *s = a, *const *t = b;

    (void)(text_to_double(*s, strlen(*s), &x) && text_to_double(*t, strlen(*t), &y)); /* all are */
    return (x > y) - (x < y);
}

/* Numbers that a job takes as names are shown in their order. */
static void write_categories(struct jw *w, const struct encoder *e, size_t feature)
{
    const char *const *texts = NULL;
    size_t n = encoder_feature_categories(e, feature, &texts), i;
    const char **sorted = xcalloc(n + 1, sizeof *sorted);

    for (i = 0; i < n; i++) {
        sorted[i] = texts[i];
    }
    if (encoder_feature_stored(e, feature) == COLUMN_NUMERIC) {
        qsort(sorted, n, sizeof *sorted, compare_numbers);
    }
    jw_array(w, "categories");
    for (i = 0; i < n; i++) {
        jw_string(w, NULL, sorted[i]);
    }
    jw_end(w);
    free(sorted);
}


static void write_feature(struct jw *w, const struct encoder *e, size_t feature)
{
    enum column_type type = encoder_feature_type(e, feature);
    struct encoder_shape shape = encoder_feature_shape(e, feature);
    double mean, std, min, max;

    jw_object(w, NULL);
    jw_string(w, "name", encoder_feature_name(e, feature));
    jw_string(w, "type", column_type_name(type));
    jw_string(w, "encoding", encoder_feature_encoding(e, feature));
    jw_int(w, "inputs", (int64_t)shape.inputs);
    if (shape.bins > 0) {
        jw_int(w, "bins", (int64_t)shape.bins);
    }
    if (shape.embedding > 0) {
        jw_int(w, "embedding", (int64_t)shape.embedding);
    }
    jw_bool(w, "missing_indicator", shape.indicator);
    if (column_holds_numbers(type)) {
        encoder_feature_stats(e, feature, &mean, &std, &min, &max);
        jw_double(w, "mean", mean);
        jw_double(w, "std", std);
        jw_double(w, "min", min);
        jw_double(w, "max", max);
    } else {
        write_categories(w, e, feature);
    }
    model_example_value(w, "example", e, feature);
    jw_end(w);
}

static void write_encoder(struct jw *w, const struct encoder *e)
{
    size_t i;

    jw_array(w, "features");
    for (i = 0; i < encoder_n_features(e); i++) {
        write_feature(w, e, i);
    }
    jw_end(w);
    model_example_row(w, "example", e);
    jw_string(w, "offset", encoder_offset(e));
    jw_object(w, "target");
    jw_array(w, "names");
    for (i = 0; i < encoder_n_targets(e); i++) {
        jw_string(w, NULL, encoder_target_name(e, i));
    }
    jw_end(w);
    jw_string(w, "type", encoder_is_classes(e) ? "classes" : "numeric");
    jw_end(w);
    if (!encoder_is_classes(e)) {
        jw_null(w, "classes");
        return;
    }
    jw_array(w, "classes");
    for (i = 0; i < encoder_n_classes(e); i++) {
        jw_string(w, NULL, encoder_class_name(e, i));
    }
    jw_end(w);
}

static void write_member(struct jw *w, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    struct buf text = BUF_INIT;

    if (value != NULL) {
        json_util_dump(&text, value);
    }
    jw_raw(w, key, text.data); /* NULL: null */
    buf_fini(&text);
}

/* The rest of what the runner wrote down about the training. */
static void write_info(struct jw *w, const char *info_json)
{
    static const char *const training[] = {"optimizer",  "batch_size", "epochs",
                                           "best_epoch", "seconds",    "rows"};
    json_t *info = info_json != NULL ? json_loads(info_json, 0, NULL) : NULL;
    size_t i;

    write_member(w, info, "seed");
    if (info == NULL) {
        jw_null(w, "training");
    } else {
        jw_object(w, "training");
        for (i = 0; i < ARRAY_LEN(training); i++) {
            write_member(w, info, training[i]);
        }
        jw_end(w);
    }
    write_member(w, info, "calibration");
    write_member(w, info, "threshold");
    write_member(w, info, "refit");
    write_member(w, info, "versions");
    json_decref(info);
}

/* The newest name under which the same content is still there; the hash alone otherwise. */
static int write_dataset(struct jw *w, const struct server_context *c, const char *sha256,
                         struct err *err)
{
    struct store_dataset ds = {.id = 0};
    char key[HASH_HEX_LEN + 8];
    int rc;

    (void)snprintf(key, sizeof key, "sha256:%s", sha256);
    rc = c->store->ops->dataset_get(c->store, key, &ds, err);
    if (rc != 0 && err->code != ERR_NOT_FOUND) {
        return -1;
    }
    jw_object(w, "dataset");
    jw_string(w, "sha256", sha256);
    if (rc == 0) {
        jw_int(w, "id", ds.id);
        jw_string(w, "name", ds.name);
    } else {
        jw_null(w, "id");
        jw_null(w, "name");
        err_fini(err);
    }
    jw_end(w);
    store_dataset_fini(&ds);
    return 0;
}

static const char *state_of(const struct store_model *model, bool live)
{
    return live && strcmp(model->state, "pending") == 0 ? "training" : model->state;
}

static void write_head(struct jw *w, const struct store_model *model, bool live)
{
    jw_int(w, "id", model->id);
    jw_int(w, "job_id", model->job_id);
    jw_string(w, "name", model->name);
    jw_string(w, "state", state_of(model, live));
    jw_time(w, "created_at", model->created_at);
    jw_time(w, "finished_at", model->finished_at);
}

static int write_stored(struct jw *w, const struct store_model *model, struct err *err)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];
    struct encoder *e = NULL;
    struct mlp_spec spec = {.n_inputs = 0};
    int rc = -1;

    if (predictor_spec_from_json(model->spec_json, strlen(model->spec_json), &spec, hidden, err) !=
            0 ||
        encoder_from_json(model->encoder_json, strlen(model->encoder_json), &e, err) != 0) {
        goto out;
    }
    write_architecture(w, &spec, e);
    write_encoder(w, e);
    rc = 0;
out:
    predictor_spec_fini(&spec);
    encoder_free(&e);
    return rc;
}

static const char *const split_names[] = {"training", "validation", "test"};

/* No name is part of another. */
static bool has_split(const char *splits, const char *name)
{
    return splits != NULL && strstr(splits, name) != NULL;
}

void model_view_splits(struct buf *out, const char *splits)
{
    const char *comma = "";
    size_t i;

    for (i = 0; i < ARRAY_LEN(split_names); i++) {
        if (has_split(splits, split_names[i])) {
            buf_printf(out, "%s%s", comma, split_names[i]);
            comma = ", ";
        }
    }
    buf_puts(out, comma[0] == '\0' ? "none" : "");
}

/* The parts that there is an evaluation of, in their usual order; and whether features were
 * weighed, which is kept among them. */
static void write_splits(struct jw *w, const char *splits)
{
    size_t i;

    jw_array(w, "splits");
    for (i = 0; i < ARRAY_LEN(split_names); i++) {
        if (has_split(splits, split_names[i])) {
            jw_string(w, NULL, split_names[i]);
        }
    }
    jw_end(w);
    jw_bool(w, "has_importance", has_split(splits, MODEL_IMPORTANCE));
}

int model_view_write(struct jw *w, const struct server_context *context,
                     const struct store_model *model, const struct servable *live, struct err *err)
{
    size_t parameters = live != NULL ? mlp_net_parameters(servable_net(live)) : 0;

    jw_object(w, NULL);
    write_head(w, model, live != NULL);
    if (live != NULL && servable_training(live)) {
        jw_int(w, "epoch", (int64_t)servable_epoch(live));
        write_architecture(w, mlp_net_spec(servable_net(live)), servable_encoder(live));
        write_encoder(w, servable_encoder(live));
    } else if (model->spec_json != NULL && model->encoder_json != NULL) {
        if (write_stored(w, model, err) != 0) {
            return -1;
        }
    } else {
        jw_null(w, "architecture");
    }
    if (model->parameters != 0 || parameters != 0) {
        jw_int(w, "parameters", model->parameters != 0 ? model->parameters : (int64_t)parameters);
    } else {
        jw_null(w, "parameters");
    }
    jw_raw(w, "metrics", model->metrics_json != NULL ? model->metrics_json : "{}");
    if (write_dataset(w, context, model->dataset_sha256, err) != 0) {
        return -1;
    }
    write_info(w, model->info_json);
    write_splits(w, model->splits);
    jw_string(w, "weights_sha256", model->weights_sha256[0] != '\0' ? model->weights_sha256 : NULL);
    jw_end(w);
    return 0;
}

static void write_short(struct jw *w, const struct store_model *model)
{
    struct mlp_layer_spec hidden[MLP_MAX_LAYERS];
    struct mlp_spec spec = {.n_inputs = 0};
    struct err err = ERR_INIT;
    size_t i;

    if (model->spec_json == NULL || predictor_spec_from_json(model->spec_json,
                                                             strlen(model->spec_json), &spec,
                                                             hidden, &err) != 0) {
        jw_null(w, "architecture");
        jw_null(w, "loss");
        err_fini(&err); /* who asks for the model itself is told */
        return;
    }
    jw_object(w, "architecture");
    jw_int(w, "inputs", (int64_t)spec.n_inputs);
    jw_array(w, "hidden");
    for (i = 0; i < spec.n_hidden; i++) {
        jw_int(w, NULL, (int64_t)hidden[i].units);
    }
    jw_end(w);
    jw_array(w, "activations");
    for (i = 0; i < spec.n_hidden; i++) {
        jw_string(w, NULL, mlp_activation_names()[hidden[i].activation]);
    }
    jw_end(w);
    jw_int(w, "outputs", (int64_t)spec.n_outputs);
    jw_string(w, "output", mlp_output_names()[spec.output]);
    jw_end(w);
    jw_string(w, "loss", mlp_loss_names()[spec.loss]);
    predictor_spec_fini(&spec);
}

/* The one number by which models are compared, of rows that they were not trained on if there are
 * any. */
static void write_score(struct jw *w, const char *metrics_json)
{
    static const char *const splits[] = {"test", "validation", "training"};
    static const char *const names[] = {"accuracy", "r2"};
    json_t *metrics = metrics_json != NULL ? json_loads(metrics_json, 0, NULL) : NULL;
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(splits); i++) {
        const json_t *part = json_object_get(metrics, splits[i]);

        for (k = 0; k < ARRAY_LEN(names); k++) {
            const json_t *value = json_object_get(part, names[k]);

            if (value != NULL) {
                jw_object(w, "score");
                jw_string(w, "split", splits[i]);
                jw_string(w, "name", names[k]);
                jw_double(w, "value", json_is_number(value) ? json_number_value(value) : NAN);
                jw_end(w);
                json_decref(metrics);
                return;
            }
        }
    }
    jw_null(w, "score");
    json_decref(metrics);
}

void model_view_row(struct jw *w, const struct store_model *model, bool live)
{
    jw_object(w, NULL);
    write_head(w, model, live);
    if (model->parameters != 0) {
        jw_int(w, "parameters", model->parameters);
    } else {
        jw_null(w, "parameters");
    }
    jw_raw(w, "metrics", model->metrics_json != NULL ? model->metrics_json : "{}");
    write_short(w, model);
    write_score(w, model->metrics_json);
    jw_object(w, "dataset");
    jw_string(w, "sha256", model->dataset_sha256);
    if (model->dataset_id != 0) {
        jw_int(w, "id", model->dataset_id);
    } else {
        jw_null(w, "id");
    }
    jw_string(w, "name", model->dataset_name);
    jw_end(w);
    jw_string(w, "weights_sha256", model->weights_sha256[0] != '\0' ? model->weights_sha256 : NULL);
    jw_end(w);
}
