/* The network's layers: what each has of its own, what it takes from architecture, what from
 * the model the job starts from.
 *
 * A layer of the printed form spells everything out, so that its defaults never matter again.
 * The width of the inputs is known only when the encoder is: admit.c looks at what depends on
 * it (a residual first layer).
 *
 * Any thread; no state.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_resolve.h"
#include "jobs/config_weights.h"
#include "jobs/json_util.h"

#define USUAL_LAYERS 2

static const size_t usual_units[][USUAL_LAYERS] = {
    [JOB_SIMPLE] = {128, 64}, [JOB_TABULAR] = {256, 256}, [JOB_IMAGES] = {256, 256}};

/* ---- values with two defaults ------------------------------------------------------ */

/* Layer k's own keys; NULL when "hidden" is not given. */
static const struct config_layer *own(const struct resolver *r, size_t k)
{
    return config_has(r->config, KEY_HIDDEN) ? &r->config->layers[k] : NULL;
}

static bool has_own(const struct resolver *r, size_t k, enum config_id id)
{
    return own(r, k) != NULL && config_layer_value(own(r, k), id)->json != NULL;
}

/* The layer's own number, else the architecture's (`general`; KEY_COUNT: there is no such),
 * else `otherwise`. */
static double number_of(const struct resolver *r, size_t k, enum config_id id,
                        enum config_id general, double otherwise)
{
    if (has_own(r, k, id)) {
        return config_layer_value(own(r, k), id)->number;
    }
    return general != KEY_COUNT ? config_number(r->config, general, otherwise) : otherwise;
}

static size_t choice_of(const struct resolver *r, size_t k, enum config_id id,
                        enum config_id general, size_t otherwise)
{
    return has_own(r, k, id) ? config_layer_value(own(r, k), id)->choice
                             : config_choice(r->config, general, otherwise);
}

PRINTF(4, 5)
static void refuse_layer(const struct resolver *r, size_t k, enum config_id id, const char *fmt,
                         ...)
{
    char *pointer =
        xasprintf("/architecture/hidden/%zu/%s", k, strrchr(config_keys[id].path, '/') + 1);
    char *detail;
    va_list ap;

    va_start(ap, fmt);
    detail = xvasprintf(fmt, ap);
    va_end(ap);
    err_add(r->err, pointer, "%s", detail);
    free(detail);
    free(pointer);
}

/* ---- how weights begin ----------------------------------------------------------------- */

static bool has_scale(enum mlp_init init)
{
    return init == MLP_UNIFORM || init == MLP_NORMAL || init == MLP_ORTHOGONAL;
}

static double usual_scale(enum mlp_init init)
{
    return init == MLP_ORTHOGONAL ? 1 : has_scale(init) ? 0.05 : 0;
}

static void resolve_init(struct resolver *r, size_t k, struct mlp_layer_spec *layer)
{
    enum mlp_init usual = layer->activation == MLP_SELU ? MLP_LECUN_NORMAL : MLP_GLOROT_UNIFORM;
    double given = number_of(r, k, KEY_LAYER_INIT_SCALE, KEY_INIT_SCALE, 0);

    layer->init = (enum mlp_init)choice_of(r, k, KEY_LAYER_INIT, KEY_INIT, usual);
    layer->init_scale = !has_scale(layer->init) ? 0 : given > 0 ? given : usual_scale(layer->init);
    if (has_own(r, k, KEY_LAYER_INIT_SCALE) && !has_scale(layer->init)) {
        refuse_layer(r, k, KEY_LAYER_INIT_SCALE,
                     "belongs to uniform, normal and orthogonal, and the init is %s",
                     mlp_init_names()[layer->init]);
    }
}

/* ---- shape ------------------------------------------------------------------------------- */

static void resolve_norm(struct resolver *r, size_t k, struct mlp_layer_spec *layer)
{
    bool own_batch = has_own(r, k, KEY_LAYER_BATCH_NORM);
    bool own_layer = has_own(r, k, KEY_LAYER_LAYER_NORM);
    bool batch =
        number_of(r, k, KEY_LAYER_BATCH_NORM, KEY_BATCH_NORM, layer->norm == MLP_NORM_BATCH) > 0;
    bool by_layer =
        number_of(r, k, KEY_LAYER_LAYER_NORM, KEY_LAYER_NORM, layer->norm == MLP_NORM_LAYER) > 0;

    if (batch && by_layer && own_batch != own_layer) { /* the layer's own word counts */
        batch = own_batch;
        by_layer = own_layer;
    }
    if (batch && by_layer) {
        refuse_layer(r, k, KEY_LAYER_LAYER_NORM, "batch_norm is on too: a layer has one of them");
    }
    layer->norm = batch ? MLP_NORM_BATCH : by_layer ? MLP_NORM_LAYER : MLP_NORM_NONE;
}

static void resolve_residual(struct resolver *r, size_t k, struct mlp_layer_spec *layer)
{
    bool fits = k > 0 && layer->units == r->spec->hidden[k - 1].units;

    layer->residual =
        number_of(r, k, KEY_LAYER_RESIDUAL, KEY_COUNT,
                  layer->residual || (fits && config_number(r->config, KEY_RESIDUAL, 0) > 0)) > 0;
    if (layer->residual && k > 0 && !fits) {
        refuse_layer(r, k, KEY_LAYER_RESIDUAL,
                     "adds the layer's input to its output, and they are %zu and %zu wide",
                     r->spec->hidden[k - 1].units, layer->units);
    }
}

static void resolve_activation(struct resolver *r, size_t k, struct mlp_layer_spec *layer)
{
    bool general = config_has(r->config, KEY_ACTIVATION) || r->parent == NULL || own(r, k) != NULL;

    layer->activation = (enum mlp_activation)choice_of(r, k, KEY_LAYER_ACTIVATION, KEY_ACTIVATION,
                                                       general ? MLP_RELU : layer->activation);
    if (layer->activation == MLP_MAXOUT) {
        layer->pieces =
            (size_t)number_of(r, k, KEY_LAYER_PIECES, KEY_PIECES, (double)layer->pieces);
        if (layer->pieces == 0) {
            refuse_layer(r, k, KEY_LAYER_PIECES,
                         "is required for maxout: how many linear pieces a unit has, 2 to %d",
                         MLP_MAX_PIECES);
        }
        return;
    }
    layer->pieces = 0;
    if (has_own(r, k, KEY_LAYER_PIECES)) {
        refuse_layer(r, k, KEY_LAYER_PIECES, "belongs to maxout, and the activation is %s",
                     mlp_activation_names()[layer->activation]);
    }
}

static void resolve_layer(struct resolver *r, size_t k)
{
    const struct config_parent *parent = own(r, k) == NULL ? r->parent : NULL;
    struct mlp_layer_spec *layer = &r->spec->hidden[k];

    if (parent != NULL) {
        *layer = parent->spec->hidden[k];
    }
    if (own(r, k) != NULL) {
        layer->units = (size_t)config_layer_value(own(r, k), KEY_UNITS)->number;
    } else if (parent == NULL) {
        layer->units = usual_units[r->spec->preset][k];
    }
    resolve_activation(r, k, layer);
    resolve_init(r, k, layer);
    resolve_norm(r, k, layer);
    resolve_residual(r, k, layer);
    layer->dropout = has_own(r, k, KEY_LAYER_DROPOUT)
                         ? config_layer_value(own(r, k), KEY_LAYER_DROPOUT)->number
                         : preset_number(r, KEY_DROPOUT, layer->dropout);
    layer->noise = number_of(r, k, KEY_LAYER_NOISE, KEY_COUNT, layer->noise);
}

/* ---- settings of each layer's training ------------------------------------------------------ */

static bool in_freeze(const struct job_spec *spec, size_t k)
{
    size_t i;

    for (i = 0; i < spec->n_freeze; i++) {
        if (spec->freeze[i] == k) {
            return true;
        }
    }
    return false;
}

static void read_freeze(struct resolver *r)
{
    const json_t *list = r->config->values[KEY_FREEZE].json;
    struct job_spec *spec = r->spec;
    size_t n = json_array_size(list), i;

    spec->n_freeze = n;
    spec->freeze = xcalloc(n > 0 ? n : 1, sizeof *spec->freeze);
    for (i = 0; i < n; i++) {
        spec->freeze[i] = (size_t)json_integer_value(json_array_get(list, i));
        if (spec->freeze[i] > spec->n_hidden) {
            char *pointer = xasprintf("/start_from/freeze/%zu", i);

            err_add(r->err, pointer, "the network's last layer is %zu, the output's",
                    spec->n_hidden);
            free(pointer);
        }
    }
}

static void resolve_layers_training(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    struct mlp_layer_train usual = {spec->train.l1, spec->train.l2, 1, false}, *layers;
    bool any = false, all_frozen = true;
    size_t k;

    layers = xcalloc(spec->n_hidden + 1, sizeof *layers);
    for (k = 0; k <= spec->n_hidden; k++) {
        struct mlp_layer_train *t = &layers[k];

        *t = usual;
        if (k < spec->n_hidden) {
            t->l1 = number_of(r, k, KEY_LAYER_L1, KEY_COUNT, usual.l1);
            t->l2 = number_of(r, k, KEY_LAYER_L2, KEY_COUNT, usual.l2);
            t->rate = number_of(r, k, KEY_LAYER_RATE, KEY_COUNT, 1);
            t->frozen = number_of(r, k, KEY_FROZEN, KEY_COUNT, 0) > 0;
        }
        t->frozen = t->frozen || in_freeze(spec, k);
        all_frozen = all_frozen && t->frozen;
        any = any || t->l1 < usual.l1 || t->l1 > usual.l1 || t->l2 < usual.l2 || t->l2 > usual.l2 ||
              t->rate < 1 || t->rate > 1 || t->frozen;
    }
    if (all_frozen && !spec->input_scale) {
        err_add(r->err, spec->n_freeze > 0 ? "/start_from/freeze" : "/architecture/hidden",
                "every layer is frozen: there is nothing to train");
    }
    if (any) {
        spec->layers = layers;
        spec->train.layers = layers;
    } else {
        free(layers);
    }
}

/* ---- what cannot work ---------------------------------------------------------------------------
 */

/* Steps judged by the loss or the gradient of all rows want the same function each time; a line
 * search a smooth one, and one rate for all. */
static void check_full_batch(const struct resolver *r)
{
    const struct job_spec *spec = r->spec;
    const char *name = mlp_optimizer_names()[spec->train.optimizer];
    bool lbfgs = spec->train.optimizer == MLP_LBFGS;
    size_t k;

    for (k = 0; k < spec->n_hidden && job_spec_full_batch(spec); k++) {
        const struct mlp_layer_spec *h = &spec->hidden[k];
        const struct mlp_layer_train *t = spec->layers != NULL ? &spec->layers[k] : NULL;

        if (h->dropout > 0) {
            refuse_layer(r, k, KEY_LAYER_DROPOUT,
                         "%s needs the same loss in each step, and dropout changes it", name);
        }
        if (h->noise > 0) {
            refuse_layer(r, k, KEY_LAYER_NOISE,
                         "%s needs the same loss in each step, and noise changes it", name);
        }
        if (h->norm == MLP_NORM_BATCH) {
            refuse_layer(r, k, KEY_LAYER_BATCH_NORM,
                         "%s takes all rows in a step, and has no batches to normalise over; "
                         "layer_norm works",
                         name);
        }
        if (lbfgs && t != NULL && t->l1 > 0) {
            refuse_layer(r, k, KEY_LAYER_L1, "lbfgs needs a smooth loss, and l1 has edges");
        }
        if (lbfgs && t != NULL && (t->rate < 1 || t->rate > 1)) {
            refuse_layer(r, k, KEY_LAYER_RATE, "lbfgs has one rate for all");
        }
    }
}

static void refuse_shape(const struct resolver *r, size_t k, enum config_id id, const char *is)
{
    refuse_layer(r, k, id, "the layer of the model it starts from has %s", is);
}

static void check_parents_layer(const struct resolver *r, size_t k)
{
    const struct mlp_layer_spec *ours = &r->spec->hidden[k], *h = &r->parent->spec->hidden[k];
    char is[32];

    if (ours->units != h->units) {
        (void)snprintf(is, sizeof is, "%zu", h->units);
        refuse_shape(r, k, KEY_UNITS, is);
    }
    if (ours->activation != h->activation) {
        refuse_shape(r, k, KEY_LAYER_ACTIVATION, mlp_activation_names()[h->activation]);
    }
    if (ours->pieces != h->pieces && h->activation == MLP_MAXOUT) {
        (void)snprintf(is, sizeof is, "%zu", h->pieces);
        refuse_shape(r, k, KEY_LAYER_PIECES, is);
    }
    if ((ours->norm == MLP_NORM_BATCH) != (h->norm == MLP_NORM_BATCH)) {
        refuse_shape(r, k, KEY_LAYER_BATCH_NORM, h->norm == MLP_NORM_BATCH ? "it" : "none");
    }
    if ((ours->norm == MLP_NORM_LAYER) != (h->norm == MLP_NORM_LAYER)) {
        refuse_shape(r, k, KEY_LAYER_LAYER_NORM, h->norm == MLP_NORM_LAYER ? "it" : "none");
    }
    if (ours->residual != h->residual) {
        refuse_shape(r, k, KEY_LAYER_RESIDUAL, h->residual ? "it" : "none");
    }
}

static void check_parents_shape(const struct resolver *r)
{
    const struct mlp_spec *parent = r->parent->spec;
    size_t k;

    if (r->spec->n_hidden != parent->n_hidden) {
        err_add(r->err, "/architecture/hidden",
                "the model it starts from has %zu hidden layers, not %zu", parent->n_hidden,
                r->spec->n_hidden);
        return;
    }
    for (k = 0; k < parent->n_hidden; k++) {
        check_parents_layer(r, k);
    }
    if (r->spec->input_scale != parent->input_scale) {
        err_add(r->err, "/architecture/input_scale", "the model it starts from has %s",
                parent->input_scale ? "one" : "none");
    }
}

static void check_scales_used(const struct resolver *r)
{
    const struct job_spec *spec = r->spec;
    bool used = has_scale(spec->output_init);
    size_t k;

    for (k = 0; k < spec->n_hidden; k++) {
        used = used || has_scale(spec->hidden[k].init);
    }
    if (config_has(r->config, KEY_INIT_SCALE) && !used) {
        err_add(r->err, "/architecture/init_scale",
                "belongs to uniform, normal and orthogonal, and no layer's init is one of them");
    }
}

/* ---- the whole ---- */

static void read_initial_weights(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    struct mlp_spec net;

    if (!config_has(r->config, KEY_INITIAL_WEIGHTS)) {
        return;
    }
    spec->initial_weights =
        config_weights_read(r->config->values[KEY_INITIAL_WEIGHTS].json, r->err);
    if (spec->initial_weights != NULL) {
        net = job_spec_network(spec, 1, 1, 1); /* both ends are looked at later */
        (void)!config_weights_check(spec->initial_weights, &net, false, r->err);
    }
}

void resolve_network(struct resolver *r)
{
    const struct config *c = r->config;
    const struct mlp_spec *parent = r->parent != NULL ? r->parent->spec : NULL;
    struct job_spec *spec = r->spec;
    size_t k;

    spec->n_hidden = config_has(c, KEY_HIDDEN) ? c->n_layers
                     : parent != NULL          ? parent->n_hidden
                                               : USUAL_LAYERS;
    spec->hidden = xcalloc(spec->n_hidden > 0 ? spec->n_hidden : 1, sizeof *spec->hidden);
    spec->activation = (enum mlp_activation)config_choice(c, KEY_ACTIVATION, MLP_RELU);
    spec->init = (enum mlp_init)config_choice(c, KEY_INIT, MLP_GLOROT_UNIFORM);
    spec->output_init = (enum mlp_init)preset_choice(r, KEY_OUTPUT_INIT, spec->init);
    spec->output_init_scale = has_scale(spec->output_init)
                                  ? config_number(c, KEY_INIT_SCALE, usual_scale(spec->output_init))
                                  : 0;
    spec->input_scale =
        config_number(c, KEY_INPUT_SCALE, parent != NULL && parent->input_scale) > 0;
    spec->input_dropout =
        config_number(c, KEY_INPUT_DROPOUT, parent != NULL ? parent->input_dropout : 0);
    spec->input_noise = config_number(c, KEY_INPUT_NOISE, parent != NULL ? parent->input_noise : 0);
    for (k = 0; k < spec->n_hidden; k++) {
        resolve_layer(r, k);
    }
    if (!config_has(c, KEY_HIDDEN) && parent == NULL) {
        preset_why(r, "architecture.hidden", "the layers of the preset");
    }
    read_freeze(r);
    resolve_layers_training(r);
    check_scales_used(r);
    check_full_batch(r);
    if (parent != NULL) {
        check_parents_shape(r);
    }
    if (config_has(c, KEY_SCALE_RATE) && !spec->input_scale &&
        config_number(c, KEY_SCALE_RATE, 1) != 1) {
        err_add(r->err, "/optimizer/input_scale_multiplier",
                "needs architecture.input_scale: there is none to learn");
    }
    read_initial_weights(r);
}
