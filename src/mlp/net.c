/* A network: one block of memory holding its description, the segment table and the
 * flat parameter array. See net.h.
 *
 * Whoever makes a net owns it; readers may share it while nobody writes to its parameters.
 */
#include "mlp/net.h"

#include <string.h>

#include "mlp/gemm.h"

const char *mlp_version(void)
{
    return MLP_VERSION; /* from the build */
}

const char *mlp_backend(void)
{
    return gemm_backend_text(kernel_best());
}

struct mlp_net *net_layout(const struct mlp_spec *spec, struct arena *arena)
{
    size_t n_layers = spec->n_hidden + 1, n_params = 0, n_values = 0;
    size_t n_tables = spec->n_embeddings, most = 1 + n_tables + NET_SEGMENTS_PER_LAYER * n_layers;
    struct mlp_net *net = arena_take(arena, 1, sizeof(*net));
    struct mlp_layer_spec *hidden = arena_take(arena, spec->n_hidden, sizeof(*hidden));
    struct mlp_embedding *embeddings = arena_take(arena, n_tables, sizeof(*embeddings));
    struct table *tables = arena_take(arena, n_tables, sizeof(*tables));
    struct layer *layers = arena_take(arena, n_layers, sizeof(*layers));
    struct segment *segments = arena_take(arena, most, sizeof(*segments));

    if (net_spec_sizes(spec, &n_params, &n_values) != MLP_OK) {
        arena->overflow = true;
    }
    mlp_real *params = arena_take(arena, n_values, sizeof(*params));

    if (net != NULL) {
        *net = (struct mlp_net){
            .spec = *spec,
            .hidden = hidden,
            .embeddings = embeddings,
            .tables = tables,
            .kernel = kernel_best(),
            .n_layers = n_layers,
            .layers = layers,
            .segments = segments,
            .input_scale = NET_NONE,
            .n_params = n_params,
            .n_values = n_values,
            .params = params,
        };
    }
    return net;
}

/* The next parameters of the flat array; 0 of them are none. */
static size_t add_segment(struct mlp_net *net, size_t *at, enum segment_kind kind, size_t layer,
                          size_t length)
{
    size_t offset = *at;

    if (length == 0) {
        return NET_NONE;
    }
    net->segments[net->n_segments++] = (struct segment){.offset = offset,
                                                        .length = length,
                                                        .kind = kind,
                                                        .layer = layer,
                                                        .decay = kind == SEGMENT_WEIGHTS ||
                                                                 kind == SEGMENT_TABLE};
    *at += length;
    return offset;
}

/* The order of mlp_net_params. */
static void fill_tables(struct mlp_net *net)
{
    size_t at = 0, state = net->n_params, column = net->spec.n_inputs - net->spec.n_embeddings;

    net->input_scale = add_segment(net, &at, SEGMENT_INPUT_SCALE, 0,
                                   net->spec.input_scale ? mlp_spec_width(&net->spec) : 0);
    for (size_t i = 0; i < net->spec.n_embeddings; i++) {
        struct table *t = &net->tables[i];

        *t = (struct table){.levels = net->embeddings[i].levels,
                            .width = net->embeddings[i].width,
                            .column = column};
        t->offset = add_segment(net, &at, SEGMENT_TABLE, 0, t->levels * t->width);
        column += t->width;
    }
    for (size_t k = 0; k < net->n_layers; k++) {
        struct layer *l = &net->layers[k];

        net_spec_layer(&net->spec, k, l);
        size_t normed = l->norm != MLP_NORM_NONE ? l->n_z : 0;

        l->weights = add_segment(net, &at, SEGMENT_WEIGHTS, k, l->n_in * l->n_z);
        l->bias = add_segment(net, &at, SEGMENT_BIAS, k, l->norm == MLP_NORM_BATCH ? 0 : l->n_z);
        l->gain = add_segment(net, &at, SEGMENT_GAIN, k, normed);
        l->shift = add_segment(net, &at, SEGMENT_SHIFT, k, normed);
        l->slope =
            add_segment(net, &at, SEGMENT_SLOPE, k, l->activation == MLP_PRELU ? l->n_out : 0);
        if (l->norm == MLP_NORM_BATCH) {
            l->mean = state;
            l->variance = state + l->n_z;
            state += 2 * l->n_z;
        }
    }
}

enum mlp_status mlp_net_new(const struct mlp_spec *spec, struct mlp_net **out)
{
    struct arena arena = {0};
    enum mlp_status status = mlp_spec_check(spec);

    if (status != MLP_OK) {
        return status;
    }
    (void)net_layout(spec, &arena); /* measures only */
    status = arena_begin(&arena);
    if (status != MLP_OK) {
        return status;
    }
    struct mlp_net *net = net_layout(spec, &arena);

    if (spec->n_hidden > 0) {
        memcpy(net->hidden, spec->hidden, spec->n_hidden * sizeof(*net->hidden));
    }
    net->spec.hidden = net->hidden;
    if (spec->n_embeddings > 0) {
        memcpy(net->embeddings, spec->embeddings, spec->n_embeddings * sizeof(*net->embeddings));
    }
    net->spec.embeddings = net->embeddings;
    fill_tables(net);
    memset(net->params, 0, net->n_values * sizeof(*net->params));
    *out = net;
    return MLP_OK;
}

void mlp_net_free(struct mlp_net **net)
{
    if (net != NULL) {
        free(*net); /* one block: the net is its first piece */
        *net = NULL;
    }
}

enum mlp_status mlp_net_set_answers(struct mlp_net *net, double temperature, double threshold)
{
    struct mlp_spec spec = net->spec;

    spec.temperature = temperature;
    spec.threshold = threshold;
    if (!net_answers_make_sense(&spec)) {
        return MLP_E_ARGUMENT;
    }
    net->spec = spec;
    return MLP_OK;
}

const struct mlp_spec *mlp_net_spec(const struct mlp_net *net)
{
    return &net->spec;
}

size_t mlp_net_parameters(const struct mlp_net *net)
{
    return net->n_params;
}

size_t mlp_net_values(const struct mlp_net *net)
{
    return net->n_values;
}

mlp_real *mlp_net_params(struct mlp_net *net)
{
    return net->params;
}

const mlp_real *mlp_net_params_const(const struct mlp_net *net)
{
    return net->params;
}

static const mlp_real *at(const struct mlp_net *net, size_t offset)
{
    return offset != NET_NONE ? net->params + offset : NULL;
}

void mlp_net_layer(const struct mlp_net *net, size_t k, struct mlp_layer_view *out)
{
    const struct layer *l = &net->layers[k];

    *out = (struct mlp_layer_view){.n_in = l->n_in,
                                   .n_out = l->n_z,
                                   .units = l->n_out,
                                   .weights = at(net, l->weights),
                                   .bias = at(net, l->bias),
                                   .gain = at(net, l->gain),
                                   .shift = at(net, l->shift),
                                   .slope = at(net, l->slope),
                                   .mean = at(net, l->mean),
                                   .variance = at(net, l->variance)};
}

const mlp_real *mlp_net_input_scale(const struct mlp_net *net)
{
    return at(net, net->input_scale);
}

const mlp_real *mlp_net_embedding(const struct mlp_net *net, size_t i)
{
    return at(net, net->tables[i].offset);
}
