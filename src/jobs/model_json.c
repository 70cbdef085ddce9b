/* JSON helpers of the work half, and the stored form of a network's shape.
 *
 * The shape of a model is stored as JSON with every choice spelt out, because a model must
 * predict the same bytes in ten years, whatever the defaults are by then:
 *
 *   {"n_inputs": 4, "n_outputs": 3,
 *    "hidden": [{"units": 16, "activation": "relu", "init": "glorot_uniform"}],
 *    "output_init": "glorot_uniform", "output": "softmax", "loss": "cross_entropy"}
 *
 * and, where they are not 0, false or none: of a layer "pieces", "norm" ("batch" | "layer"),
 * "residual", "init_scale", "dropout", "gaussian_noise"; of the whole "embeddings" (a list of
 * {"levels": 301, "width": 16}, for the last inputs), "input_scale", "input_dropout",
 * "input_noise", "output_init_scale", "loss_parameter", "temperature", "threshold".
 *
 * Reading it back is strict: none of the first may be missing, none unknown or doubled, and the
 * sizes must pass mlp_spec_check, so that a damaged row ends in ERR_CORRUPT and never in an
 * allocation.
 *
 * Threads: any; nothing here is shared.
 */
#include "jobs/model_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/json_util.h"
#include "jobs/predictor.h"

static const char *const loss_names[] = {
    [MLP_CROSS_ENTROPY] = "cross_entropy",
    [MLP_BINARY_CROSS_ENTROPY] = "binary_cross_entropy",
    [MLP_FOCAL] = "focal",
    [MLP_BINARY_FOCAL] = "binary_focal",
    [MLP_MSE] = "mse",
    [MLP_MAE] = "mae",
    [MLP_HUBER] = "huber",
    [MLP_QUANTILE] = "quantile",
    [MLP_LOG_COSH] = "log_cosh",
    [MLP_POISSON] = "poisson",
    [MLP_GAMMA] = "gamma",
    [MLP_TWEEDIE] = "tweedie",
};

/* jansson answers NULL when memory is out; these texts are small. */
static json_t *need(json_t *value)
{
    CHK(value != NULL);
    return value;
}

json_t *model_json_object(void)
{
    return need(json_object());
}

json_t *model_json_array(void)
{
    return need(json_array());
}

json_t *model_json_number(double value)
{
    return need(isfinite(value) ? json_real(value) : json_null());
}

json_t *model_json_count(uint64_t n)
{
    return need(json_integer((json_int_t)n));
}

json_t *model_json_string(const char *text)
{
    json_t *value = text != NULL ? json_string(text) : json_null();

    return need(value != NULL ? value : json_string("?"));
}

void model_json_put(json_t *object, const char *key, json_t *value)
{
    CHK(json_object_set_new(object, key, value) == 0);
}

void model_json_push(json_t *array, json_t *value)
{
    CHK(json_array_append_new(array, value) == 0);
}

char *model_json_take(json_t *root)
{
    struct buf buf = BUF_INIT;

    json_util_dump(&buf, root);
    json_decref(root);
    return buf_take(&buf);
}

const char *model_json_loss(enum mlp_loss loss)
{
    CHK((size_t)loss < ARRAY_LEN(loss_names));
    return loss_names[loss];
}

static bool loss_parse(const char *name, enum mlp_loss *out)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(loss_names); i++) {
        if (strcmp(name, loss_names[i]) == 0) {
            *out = (enum mlp_loss)i;
            return true;
        }
    }
    return false;
}

int model_json_status(struct err *err, enum mlp_status status, const char *doing)
{
    enum err_code code = ERR_INTERNAL;

    if (status == MLP_E_MEMORY) {
        code = ERR_NO_MEMORY;
    } else if (status == MLP_E_TOO_LARGE || status == MLP_E_ARGUMENT) {
        code = ERR_INVALID;
    }
    return err_set(err, code, "%s: %s", doing, mlp_status_text(status));
}

/* ---- the shape of a network --------------------------------------------------- */

static const char *const norm_names[] = {
    [MLP_NORM_NONE] = "none", [MLP_NORM_BATCH] = "batch", [MLP_NORM_LAYER] = "layer"};

/* A number that is 0 by default. */
static void put_unusual(json_t *object, const char *key, double value)
{
    if (value < 0 || value > 0) {
        model_json_put(object, key, model_json_number(value));
    }
}

static void put_flag(json_t *object, const char *key, bool value)
{
    if (value) {
        model_json_put(object, key, json_true());
    }
}

static json_t *layer_to_json(const struct mlp_layer_spec *layer)
{
    json_t *item = model_json_object();

    model_json_put(item, "units", model_json_count(layer->units));
    model_json_put(item, "activation",
                   model_json_string(mlp_activation_names()[layer->activation]));
    model_json_put(item, "init", model_json_string(mlp_init_names()[layer->init]));
    if (layer->pieces > 0) {
        model_json_put(item, "pieces", model_json_count(layer->pieces));
    }
    if (layer->norm != MLP_NORM_NONE) {
        model_json_put(item, "norm", model_json_string(norm_names[layer->norm]));
    }
    put_flag(item, "residual", layer->residual);
    put_unusual(item, "init_scale", layer->init_scale);
    put_unusual(item, "dropout", layer->dropout);
    put_unusual(item, "gaussian_noise", layer->noise);
    return item;
}

static json_t *tables_to_json(const struct mlp_spec *spec)
{
    json_t *list = model_json_array();
    size_t i;

    for (i = 0; i < spec->n_embeddings; i++) {
        json_t *item = model_json_object();

        model_json_put(item, "levels", model_json_count(spec->embeddings[i].levels));
        model_json_put(item, "width", model_json_count(spec->embeddings[i].width));
        model_json_push(list, item);
    }
    return list;
}

char *predictor_spec_to_json(const struct mlp_spec *spec)
{
    json_t *root = model_json_object();
    json_t *hidden = model_json_array();
    size_t i;

    for (i = 0; i < spec->n_hidden; i++) {
        model_json_push(hidden, layer_to_json(&spec->hidden[i]));
    }
    model_json_put(root, "n_inputs", model_json_count(spec->n_inputs));
    model_json_put(root, "n_outputs", model_json_count(spec->n_outputs));
    model_json_put(root, "hidden", hidden);
    model_json_put(root, "output_init", model_json_string(mlp_init_names()[spec->output_init]));
    model_json_put(root, "output", model_json_string(mlp_output_names()[spec->output]));
    model_json_put(root, "loss", model_json_string(model_json_loss(spec->loss)));
    if (spec->n_embeddings > 0) {
        model_json_put(root, "embeddings", tables_to_json(spec));
    }
    put_flag(root, "input_scale", spec->input_scale);
    put_unusual(root, "input_dropout", spec->input_dropout);
    put_unusual(root, "input_noise", spec->input_noise);
    put_unusual(root, "output_init_scale", spec->output_init_scale);
    put_unusual(root, "loss_parameter", spec->loss_parameter);
    put_unusual(root, "temperature", spec->temperature);
    put_unusual(root, "threshold", spec->threshold);
    return model_json_take(root);
}

static int corrupt(struct err *err, const char *what)
{
    return err_set(err, ERR_CORRUPT, "a stored model's architecture is damaged: %s", what);
}

static bool norm_parse(const char *name, enum mlp_norm *out)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(norm_names); i++) {
        if (strcmp(name, norm_names[i]) == 0) {
            *out = (enum mlp_norm)i;
            return true;
        }
    }
    return false;
}

static int layer_from_json(json_t *item, struct mlp_layer_spec *out, struct err *err)
{
    const char *activation, *init, *norm = "none";
    json_error_t jerr;
    json_int_t units, pieces = 0;
    int residual = 0;

    *out = (struct mlp_layer_spec){.units = 0};
    if (json_unpack_ex(item, &jerr, JSON_STRICT,
                       "{s:I, s:s, s:s, s?I, s?s, s?b, s?F, s?F, s?F}", "units", &units,
                       "activation", &activation, "init", &init, "pieces", &pieces, "norm", &norm,
                       "residual", &residual, "init_scale", &out->init_scale, "dropout",
                       &out->dropout, "gaussian_noise", &out->noise) != 0) {
        return corrupt(err, jerr.text);
    }
    if (units < 1 || units > MLP_MAX_UNITS || pieces < 0 || pieces > MLP_MAX_PIECES) {
        return corrupt(err, "units out of range");
    }
    out->units = (size_t)units;
    out->pieces = (size_t)pieces;
    out->residual = residual != 0;
    if (!mlp_activation_parse(activation, &out->activation)) {
        return corrupt(err, "an unknown activation");
    }
    if (!mlp_init_parse(init, &out->init)) {
        return corrupt(err, "an unknown initialisation");
    }
    return norm_parse(norm, &out->norm) ? 0 : corrupt(err, "an unknown norm");
}

/* What it has set of *spec is to be freed even on failure. */
static int tables_from_json(const json_t *list, struct mlp_spec *spec, struct err *err)
{
    struct mlp_embedding *tables;
    json_error_t jerr;
    size_t i;

    if (list == NULL) {
        return 0;
    }
    if (json_array_size(list) == 0 || json_array_size(list) > MLP_MAX_EMBEDDINGS) {
        return corrupt(err, "its embeddings are not a list of some");
    }
    spec->n_embeddings = json_array_size(list);
    spec->embeddings = tables = xcalloc(spec->n_embeddings, sizeof *tables);
    for (i = 0; i < spec->n_embeddings; i++) {
        json_int_t levels, width;

        if (json_unpack_ex(json_array_get(list, i), &jerr, JSON_STRICT, "{s:I, s:I}", "levels",
                           &levels, "width", &width) != 0) {
            return corrupt(err, jerr.text);
        }
        if (levels < 1 || width < 1) {
            return corrupt(err, "an embedding of nothing");
        }
        tables[i] = (struct mlp_embedding){(size_t)levels, (size_t)width};
    }
    return 0;
}

void predictor_spec_fini(struct mlp_spec *spec)
{
    free((void *)(uintptr_t)spec->embeddings); /* made here */
    spec->embeddings = NULL;
    spec->n_embeddings = 0;
}

static int spec_from_tree(json_t *root, struct mlp_spec *out, struct mlp_layer_spec *hidden,
                          struct err *err)
{
    const char *output_init, *output, *loss;
    json_int_t n_inputs, n_outputs;
    struct mlp_spec spec = {.hidden = hidden};
    json_error_t jerr;
    json_t *layers, *tables = NULL;
    int input_scale = 0;
    size_t i;

    if (json_unpack_ex(root, &jerr, JSON_STRICT,
                       "{s:I, s:I, s:o, s:s, s:s, s:s, s?b, s?F, s?F, s?F, s?F, s?F, s?F, "
                       "s?o}",
                       "n_inputs", &n_inputs, "n_outputs", &n_outputs, "hidden", &layers,
                       "output_init", &output_init, "output", &output, "loss", &loss,
                       "input_scale", &input_scale, "input_dropout", &spec.input_dropout,
                       "input_noise", &spec.input_noise,
                       "output_init_scale", &spec.output_init_scale, "loss_parameter",
                       &spec.loss_parameter, "temperature", &spec.temperature, "threshold",
                       &spec.threshold, "embeddings", &tables) != 0) {
        return corrupt(err, jerr.text);
    }
    spec.input_scale = input_scale != 0;
    if (n_inputs < 1 || n_inputs > MLP_MAX_INPUTS || n_outputs < 1 || n_outputs > MLP_MAX_UNITS) {
        return corrupt(err, "inputs or outputs out of range");
    }
    if (!json_is_array(layers) || json_array_size(layers) > MLP_MAX_LAYERS) {
        return corrupt(err, "its hidden layers are not a list of at most 64");
    }
    spec.n_inputs = (size_t)n_inputs;
    spec.n_outputs = (size_t)n_outputs;
    spec.n_hidden = json_array_size(layers);
    for (i = 0; i < spec.n_hidden; i++) {
        if (layer_from_json(json_array_get(layers, i), &hidden[i], err) != 0) {
            return -1;
        }
    }
    if (!mlp_init_parse(output_init, &spec.output_init) ||
        !mlp_output_parse(output, &spec.output) || !loss_parse(loss, &spec.loss)) {
        return corrupt(err, "an unknown name");
    }
    if (tables_from_json(tables, &spec, err) != 0) {
        predictor_spec_fini(&spec);
        return -1;
    }
    if (mlp_spec_check(&spec) != MLP_OK) {
        predictor_spec_fini(&spec);
        return corrupt(err, "its sizes make no network");
    }
    *out = spec;
    return 0;
}

int predictor_spec_from_json(const char *json, size_t len, struct mlp_spec *out,
                             struct mlp_layer_spec *hidden, struct err *err)
{
    json_error_t jerr;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &jerr);
    int rc;

    *out = (struct mlp_spec){.n_inputs = 0};
    if (root == NULL) {
        return corrupt(err, "not JSON");
    }
    rc = spec_from_tree(root, out, hidden, err);
    json_decref(root);
    return rc;
}
