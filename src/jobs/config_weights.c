/* Weights that came inside a job; see config_weights.h.
 *
 * Kept as float32 in one array a member, because a large network has millions of them. The
 * first layer's inputs and the last layer's outputs are only known when the encoder is, so
 * shapes are looked at twice: when the job is posted as far as they are sure, and exactly
 * before they are used.
 *
 * One thread at a time; no state.
 */
#include "jobs/config_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"

enum member { WEIGHTS, BIAS, GAIN, SHIFT, SLOPES, MEAN, VARIANCE, MEMBERS };

static const char *const member_names[MEMBERS] = {"weights", "bias", "gain",    "shift",
                                                  "slopes",  "mean", "variance"};

struct given {
    float *values; /* NULL: not given */
    size_t n;
};

struct layer_values {
    struct given of[MEMBERS];
    size_t n_in, n_out; /* of the weights */
};

struct config_weights {
    size_t n_layers;
    struct layer_values *layers;
    size_t n_tables;
    struct layer_values *tables; /* weights alone: (levels, width) */
    struct given input_scale;
};

void config_weights_free(struct config_weights **weights)
{
    struct config_weights *w = *weights;
    size_t i;
    int m;

    if (w == NULL) {
        return;
    }
    for (i = 0; i < w->n_layers; i++) {
        for (m = 0; m < MEMBERS; m++) {
            free(w->layers[i].of[m].values);
        }
    }
    for (i = 0; i < w->n_tables; i++) {
        free(w->tables[i].of[WEIGHTS].values);
    }
    free(w->layers);
    free(w->tables);
    free(w->input_scale.values);
    free(w);
    *weights = NULL;
}

/* ---- reading --------------------------------------------------------------------- */

/* Numbers that a float32 holds, into out. */
static bool read_row(const json_t *array, struct buf *pointer, float *out, struct err *err)
{
    size_t i, keep = pointer->len;

    for (i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        char got[JSON_UTIL_SHOWN + 8];

        out[i] = (float)json_number_value(item);
        if (!json_is_number(item) || !isfinite(out[i])) {
            json_util_pointer_index(pointer, i);
            config_refuse(err, pointer, NULL, "must be a number (a float32), got %s",
                          json_util_describe(item, got));
            pointer->len = keep;
            pointer->data[keep] = '\0';
            return false; /* one is enough of a million */
        }
    }
    return true;
}

static void read_list(const json_t *json, struct buf *pointer, struct given *out, struct err *err)
{
    char got[JSON_UTIL_SHOWN + 8];
    float *values;

    if (json_array_size(json) == 0) {
        config_refuse(err, pointer, NULL, "must be an array of numbers, got %s",
                      json_util_describe(json, got));
        return;
    }
    values = xcalloc(json_array_size(json), sizeof *values);
    if (read_row(json, pointer, values, err)) {
        *out = (struct given){values, json_array_size(json)};
    } else {
        free(values);
    }
}

static void read_matrix(const json_t *json, struct buf *pointer, struct layer_values *layer,
                        struct err *err)
{
    size_t n_in = json_array_size(json), n_out = json_array_size(json_array_get(json, 0)), i, size;
    size_t keep = pointer->len;
    float *values;
    bool ok = true;

    if (n_in == 0 || n_out == 0 || !mem_mul(n_in, n_out, &size) || size > JSON_UTIL_MANY) {
        config_refuse(err, pointer, NULL, "must be an array of rows of numbers, one an input");
        return;
    }
    values = xcalloc(size, sizeof *values);
    for (i = 0; i < n_in && ok; i++) {
        const json_t *row = json_array_get(json, i);

        json_util_pointer_index(pointer, i);
        if (json_array_size(row) != n_out) {
            config_refuse(err, pointer, NULL, "must have %zu numbers as the first row, has %zu",
                          n_out, json_array_size(row));
            ok = false;
        } else {
            ok = read_row(row, pointer, values + i * n_out, err);
        }
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
    if (ok) {
        layer->of[WEIGHTS] = (struct given){values, size};
        layer->n_in = n_in;
        layer->n_out = n_out;
    } else {
        free(values);
    }
}

static void read_layer(const json_t *json, struct buf *pointer, struct layer_values *layer,
                       struct err *err)
{
    size_t keep = pointer->len;
    char got[JSON_UTIL_SHOWN + 8];
    const char *key;
    json_t *value;
    int m;

    if (!json_is_object(json)) {
        config_refuse(err, pointer, NULL, "must be an object, got %s",
                      json_util_describe(json, got));
        return;
    }
    /* The macro wants a pointer that is not const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        for (m = 0; m < MEMBERS && strcmp(member_names[m], key) != 0; m++) {
        }
        if (m == MEMBERS) {
            config_refuse(err, pointer, key,
                          "is unknown here; known are weights, bias, gain, shift, slopes, mean "
                          "and variance");
            continue;
        }
        json_util_pointer(pointer, key);
        if (m == WEIGHTS) {
            read_matrix(value, pointer, layer, err);
        } else if (!json_is_null(value)) {
            read_list(value, pointer, &layer->of[m], err);
        }
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
    for (size_t i = 0; i < layer->of[VARIANCE].n; i++) {
        if (layer->of[VARIANCE].values[i] < 0) {
            config_refuse(err, pointer, "variance", "must not be negative");
            break;
        }
    }
}

static void read_tables(const json_t *json, struct buf *pointer, struct config_weights *w,
                        struct err *err)
{
    size_t n = json_array_size(json), keep = pointer->len, i;
    char got[JSON_UTIL_SHOWN + 8];

    if (n == 0 || n > MLP_MAX_EMBEDDINGS) {
        config_refuse(err, pointer, NULL, "must be an array of 1 to %d tables, got %s",
                      MLP_MAX_EMBEDDINGS, json_util_describe(json, got));
        return;
    }
    w->n_tables = n;
    w->tables = xcalloc(n, sizeof *w->tables);
    for (i = 0; i < n; i++) {
        json_util_pointer_index(pointer, i);
        read_matrix(json_array_get(json, i), pointer, &w->tables[i], err);
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
}

/* "layers", "embeddings" and "input_scale" of the object. */
static const json_t *read_top(const json_t *json, struct buf *pointer, struct config_weights *w,
                              struct err *err)
{
    const json_t *layers = json;
    const char *key;
    json_t *value;

    if (!json_is_object(json)) {
        return layers;
    }
    layers = json_object_get(json, "layers");
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        bool scale = strcmp(key, "input_scale") == 0, tables = strcmp(key, "embeddings") == 0;

        if ((scale || tables) && !json_is_null(value)) {
            struct buf at = BUF_INIT;

            buf_printf(&at, "%s/%s", pointer->data, key);
            if (scale) {
                read_list(value, &at, &w->input_scale, err);
            } else {
                read_tables(value, &at, w, err);
            }
            buf_fini(&at);
        } else if (!scale && !tables && strcmp(key, "layers") != 0 &&
                   strcmp(key, "model_id") != 0 && strcmp(key, "inputs") != 0) {
            config_refuse(err, pointer, key,
                          "is unknown here; known are layers, embeddings and input_scale");
        }
    }
    buf_puts(pointer, "/layers");
    return layers;
}

struct config_weights *config_weights_read(const json_t *json, struct err *err)
{
    struct config_weights *w = xcalloc(1, sizeof *w);
    struct buf pointer = BUF_INIT;
    struct err problems = ERR_INIT;
    const json_t *layers;
    char got[JSON_UTIL_SHOWN + 8];
    size_t keep, i, n;

    buf_puts(&pointer, "/initial_weights");
    layers = read_top(json, &pointer, w, &problems);
    keep = pointer.len;
    n = json_array_size(layers);
    if (n == 0 || n > MLP_MAX_LAYERS + 1) {
        config_refuse(&problems, &pointer, NULL, "must be an array of 1 to %d layers, got %s",
                      MLP_MAX_LAYERS + 1,
                      layers != NULL ? json_util_describe(layers, got) : "none");
        n = 0;
    }
    w->n_layers = n;
    w->layers = xcalloc(n > 0 ? n : 1, sizeof *w->layers);
    for (i = 0; i < n; i++) {
        json_util_pointer_index(&pointer, i);
        read_layer(json_array_get(layers, i), &pointer, &w->layers[i], &problems);
        pointer.len = keep;
        pointer.data[keep] = '\0';
    }
    for (i = 0; i < problems.n_items; i++) {
        err_add(err, problems.items[i].pointer, "%s", problems.items[i].detail);
    }
    if (err_is(&problems)) {
        config_weights_free(&w);
    }
    err_fini(&problems);
    buf_fini(&pointer);
    return w;
}

/* ---- printing ---------------------------------------------------------------------- */

static void print_row(struct buf *out, const float *values, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        buf_printf(out, "%s%.9g", i > 0 ? "," : "[", (double)values[i]);
    }
    buf_puts(out, "]");
}

static void print_matrix(struct buf *out, const struct layer_values *layer)
{
    size_t i;

    for (i = 0; i < layer->n_in; i++) {
        buf_puts(out, i > 0 ? "," : "[");
        print_row(out, layer->of[WEIGHTS].values + i * layer->n_out, layer->n_out);
    }
    buf_puts(out, "]");
}

static void print_layer(struct buf *out, const struct layer_values *layer)
{
    const char *comma = "";
    int m;

    buf_puts(out, "{");
    for (m = 0; m < MEMBERS; m++) {
        const struct given *g = &layer->of[m];

        if (g->values == NULL) {
            continue;
        }
        buf_printf(out, "%s\"%s\":", comma, member_names[m]);
        comma = ",";
        if (m != WEIGHTS) {
            print_row(out, g->values, g->n);
            continue;
        }
        print_matrix(out, layer);
    }
    buf_puts(out, "}");
}

void config_weights_print(const struct config_weights *w, struct buf *out)
{
    size_t i;

    buf_puts(out, "{\"layers\":[");
    for (i = 0; i < w->n_layers; i++) {
        buf_puts(out, i > 0 ? "," : "");
        print_layer(out, &w->layers[i]);
    }
    buf_puts(out, "]");
    if (w->n_tables > 0) {
        buf_puts(out, ",\"embeddings\":");
        for (i = 0; i < w->n_tables; i++) {
            buf_puts(out, i > 0 ? "," : "[");
            print_matrix(out, &w->tables[i]);
        }
        buf_puts(out, "]");
    }
    if (w->input_scale.values != NULL) {
        buf_puts(out, ",\"input_scale\":");
        print_row(out, w->input_scale.values, w->input_scale.n);
    }
    buf_puts(out, "}");
}

/* ---- against a network ---------------------------------------------------------------- */

/* How many numbers the member has in the layer k, 0 when the layer has no such member. */
static size_t expected(const struct mlp_spec *spec, size_t k, int member, size_t *n_in,
                       size_t *n_out)
{
    const struct mlp_layer_spec *h = k < spec->n_hidden ? &spec->hidden[k] : NULL;
    enum mlp_norm norm = h != NULL ? h->norm : MLP_NORM_NONE;

    *n_in = k == 0 ? mlp_spec_width(spec) : spec->hidden[k - 1].units;
    *n_out = h == NULL ? spec->n_outputs : h->units * (h->pieces > 0 ? h->pieces : 1);
    switch (member) {
    case WEIGHTS:
        return *n_in * *n_out;
    case BIAS:
        return norm == MLP_NORM_BATCH ? 0 : *n_out;
    case GAIN:
    case SHIFT:
        return norm != MLP_NORM_NONE ? *n_out : 0;
    case SLOPES:
        return h != NULL && h->activation == MLP_PRELU ? h->units : 0;
    default:
        return norm == MLP_NORM_BATCH ? *n_out : 0;
    }
}

static void check_member(const struct config_weights *w, const struct mlp_spec *spec, size_t k,
                         int m, bool exact, struct err *err)
{
    const struct given *g = &w->layers[k].of[m];
    size_t n_in, n_out, n = expected(spec, k, m, &n_in, &n_out);
    bool in_sure = exact || k > 0, out_sure = exact || k < spec->n_hidden;
    char *pointer = xasprintf("/initial_weights/layers/%zu/%s", k, member_names[m]);

    if (g->values == NULL) {
        /* as drawn */
    } else if (n == 0) {
        err_add(err, pointer, "the layer has none");
    } else if (m == WEIGHTS) {
        if ((in_sure && w->layers[k].n_in != n_in) || (out_sure && w->layers[k].n_out != n_out)) {
            err_add(err, pointer, "must be %zu rows of %zu numbers, got %zu of %zu", n_in, n_out,
                    w->layers[k].n_in, w->layers[k].n_out);
        }
    } else if (out_sure && g->n != n) {
        err_add(err, pointer, "must have %zu numbers, has %zu", n, g->n);
    }
    free(pointer);
}

/* Which columns become tables is known with the encoder. */
static void check_tables(const struct config_weights *w, const struct mlp_spec *spec, bool exact,
                         struct err *err)
{
    size_t i;

    if (!exact || w->n_tables == 0) {
        return;
    }
    if (w->n_tables != spec->n_embeddings) {
        err_add(err, "/initial_weights/embeddings", "must have %zu tables, has %zu",
                spec->n_embeddings, w->n_tables);
        return;
    }
    for (i = 0; i < w->n_tables; i++) {
        const struct mlp_embedding *e = &spec->embeddings[i];

        if (w->tables[i].n_in != e->levels || w->tables[i].n_out != e->width) {
            char *pointer = xasprintf("/initial_weights/embeddings/%zu", i);

            err_add(err, pointer, "must be %zu rows of %zu numbers, got %zu of %zu", e->levels,
                    e->width, w->tables[i].n_in, w->tables[i].n_out);
            free(pointer);
        }
    }
}

int config_weights_check(const struct config_weights *w, const struct mlp_spec *spec, bool exact,
                         struct err *err)
{
    struct err problems = ERR_INIT;
    size_t k, i;
    int m, rc;

    if (w->n_layers != spec->n_hidden + 1) {
        err_add(&problems, "/initial_weights/layers",
                "must have %zu layers, the hidden ones and the output's, has %zu",
                spec->n_hidden + 1, w->n_layers);
    }
    for (k = 0; k < w->n_layers && k <= spec->n_hidden; k++) {
        for (m = 0; m < MEMBERS; m++) {
            check_member(w, spec, k, m, exact, &problems);
        }
    }
    if (w->input_scale.values != NULL && !spec->input_scale) {
        err_add(&problems, "/initial_weights/input_scale",
                "architecture.input_scale is not asked for");
    } else if (w->input_scale.values != NULL && exact && w->input_scale.n != mlp_spec_width(spec)) {
        err_add(&problems, "/initial_weights/input_scale", "must have %zu numbers, has %zu",
                mlp_spec_width(spec), w->input_scale.n);
    }
    check_tables(w, spec, exact, &problems);
    rc = err_is(&problems) ? -1 : 0;
    for (i = 0; i < problems.n_items; i++) {
        err_add(err, problems.items[i].pointer, "%s", problems.items[i].detail);
    }
    err_fini(&problems);
    return rc;
}

static void put(struct mlp_net *net, const mlp_real *at, const struct given *g)
{
    if (at != NULL && g->values != NULL) {
        memcpy(mlp_net_params(net) + (at - mlp_net_params_const(net)), g->values,
               g->n * sizeof *g->values);
    }
}

void config_weights_apply(const struct config_weights *w, struct mlp_net *net)
{
    size_t k;

    for (k = 0; k < w->n_layers; k++) {
        const struct given *of = w->layers[k].of;
        struct mlp_layer_view view;

        mlp_net_layer(net, k, &view);
        put(net, view.weights, &of[WEIGHTS]);
        put(net, view.bias, &of[BIAS]);
        put(net, view.gain, &of[GAIN]);
        put(net, view.shift, &of[SHIFT]);
        put(net, view.slope, &of[SLOPES]);
        put(net, view.mean, &of[MEAN]);
        put(net, view.variance, &of[VARIANCE]);
    }
    for (k = 0; k < w->n_tables; k++) {
        put(net, mlp_net_embedding(net, k), &w->tables[k].of[WEIGHTS]);
    }
    put(net, mlp_net_input_scale(net), &w->input_scale);
}
