/* What a network is, in numbers: checks and sizes.
 *
 * Everything here is cheap and allocates nothing, so that a specification from a
 * stranger can be refused before it costs anything. Pure functions.
 */
#include <math.h>

#include "mlp/net.h"

const char *mlp_status_text(enum mlp_status status)
{
    switch (status) {
    case MLP_OK:
        return "no error";
    case MLP_E_ARGUMENT:
        return "an argument makes no sense";
    case MLP_E_TOO_LARGE:
        return "the network or its data is too large";
    case MLP_E_MEMORY:
        return "out of memory";
    case MLP_E_BACKEND:
        return "the matrix product library failed";
    case MLP_E_SOURCE:
        return "rows could not be read";
    }
    return "unknown status";
}

/* Whether an enum from a caller's hands is one of n. */
static bool known(int value, int n)
{
    return value >= 0 && value < n;
}

static enum mlp_status check_width(size_t units, size_t most)
{
    if (units == 0) {
        return MLP_E_ARGUMENT;
    }
    return units > most ? MLP_E_TOO_LARGE : MLP_OK;
}

static bool output_fits_loss(const struct mlp_spec *spec)
{
    switch (spec->loss) {
    case MLP_CROSS_ENTROPY:
    case MLP_FOCAL:
        return spec->output == MLP_OUT_SOFTMAX;
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        return spec->output == MLP_OUT_SIGMOID;
    case MLP_MSE:
    case MLP_MAE:
    case MLP_HUBER:
    case MLP_QUANTILE:
    case MLP_LOG_COSH:
        return spec->output == MLP_OUT_IDENTITY || spec->output == MLP_OUT_SIGMOID;
    case MLP_POISSON:
    case MLP_GAMMA:
    case MLP_TWEEDIE:
        return spec->output == MLP_OUT_EXP;
    }
    return false;
}

static bool parameter_fits_loss(const struct mlp_spec *spec)
{
    double p = spec->loss_parameter;

    switch (spec->loss) {
    case MLP_FOCAL:
    case MLP_BINARY_FOCAL:
        return p >= 0 && isfinite(p);
    case MLP_HUBER:
        return p > 0 && isfinite(p);
    case MLP_QUANTILE:
        return p > 0 && p < 1;
    case MLP_TWEEDIE:
        return p > 1 && p < 2;
    default:
        return true;
    }
}

static bool share(double x)
{
    return x >= 0 && x < 1;
}

static bool deviation(double x)
{
    return x >= 0 && isfinite(x);
}

static bool hidden_makes_sense(const struct mlp_layer_spec *h, size_t n_in)
{
    bool maxout = h->activation == MLP_MAXOUT;

    return known((int)h->activation, MLP_MAXOUT + 1) && known((int)h->init, MLP_ZEROS + 1) &&
           known((int)h->norm, MLP_NORM_LAYER + 1) &&
           (maxout ? h->pieces >= 2 && h->pieces <= MLP_MAX_PIECES : h->pieces == 0) &&
           (!h->residual || h->units == n_in) && deviation(h->init_scale) && share(h->dropout) &&
           deviation(h->noise);
}

/* The tables, and how wide a_0 is with them. */
static enum mlp_status check_embeddings(const struct mlp_spec *spec, size_t *wide)
{
    size_t n = spec->n_embeddings;

    if (n > spec->n_inputs || (n > 0 && spec->embeddings == NULL)) {
        return MLP_E_ARGUMENT;
    }
    *wide = spec->n_inputs - n;
    for (size_t i = 0; i < n; i++) {
        const struct mlp_embedding *e = &spec->embeddings[i];
        enum mlp_status levels = check_width(e->levels, MLP_MAX_LEVELS);
        enum mlp_status width = check_width(e->width, MLP_MAX_UNITS);

        if (levels != MLP_OK || width != MLP_OK) {
            return levels != MLP_OK ? levels : width;
        }
        *wide += e->width; /* at most MLP_MAX_EMBEDDINGS of MLP_MAX_UNITS */
    }
    return *wide > MLP_MAX_INPUTS ? MLP_E_TOO_LARGE : MLP_OK;
}

bool net_answers_make_sense(const struct mlp_spec *spec)
{
    bool odds = spec->output == MLP_OUT_SOFTMAX || spec->output == MLP_OUT_SIGMOID;

    return (spec->temperature == 0 ||
            (odds && isfinite(spec->temperature) && spec->temperature > 0)) &&
           (spec->threshold == 0 || (odds && spec->threshold > 0 && spec->threshold < 1));
}

enum mlp_status mlp_spec_check(const struct mlp_spec *spec)
{
    size_t wide = 0;

    /* first, as they bound the work below */
    if (spec->n_hidden > MLP_MAX_LAYERS || spec->n_embeddings > MLP_MAX_EMBEDDINGS) {
        return MLP_E_TOO_LARGE;
    }
    enum mlp_status in = check_width(spec->n_inputs, MLP_MAX_INPUTS);
    enum mlp_status out = check_width(spec->n_outputs, MLP_MAX_UNITS);

    if (in != MLP_OK || out != MLP_OK) {
        return in != MLP_OK ? in : out;
    }
    if (!known((int)spec->output_init, MLP_ZEROS + 1) || !deviation(spec->output_init_scale) ||
        !output_fits_loss(spec) || !parameter_fits_loss(spec) || !share(spec->input_dropout) ||
        !deviation(spec->input_noise) || !net_answers_make_sense(spec) ||
        (spec->n_hidden > 0 && spec->hidden == NULL)) {
        return MLP_E_ARGUMENT;
    }
    enum mlp_status tables = check_embeddings(spec, &wide);

    if (tables != MLP_OK) {
        return tables;
    }
    for (size_t i = 0; i < spec->n_hidden; i++) {
        const struct mlp_layer_spec *h = &spec->hidden[i];
        enum mlp_status width = check_width(h->units, MLP_MAX_UNITS);

        if (width != MLP_OK) {
            return width;
        }
        if (!hidden_makes_sense(h, i == 0 ? wide : h[-1].units)) {
            return MLP_E_ARGUMENT;
        }
    }
    return MLP_OK;
}

size_t mlp_spec_width(const struct mlp_spec *spec)
{
    size_t wide = spec->n_inputs - spec->n_embeddings;

    for (size_t i = 0; i < spec->n_embeddings; i++) {
        wide += spec->embeddings[i].width;
    }
    return wide;
}

void net_spec_layer(const struct mlp_spec *spec, size_t k, struct layer *out)
{
    *out = (struct layer){.n_in = k == 0 ? mlp_spec_width(spec) : spec->hidden[k - 1].units,
                          .weights = NET_NONE,
                          .bias = NET_NONE,
                          .gain = NET_NONE,
                          .shift = NET_NONE,
                          .slope = NET_NONE,
                          .mean = NET_NONE,
                          .variance = NET_NONE,
                          .pieces = 1};
    if (k == spec->n_hidden) {
        out->n_out = out->n_z = spec->n_outputs;
        out->activation = MLP_IDENTITY;
        out->init = spec->output_init;
        out->init_scale = spec->output_init_scale;
        return;
    }
    const struct mlp_layer_spec *h = &spec->hidden[k];

    out->n_out = h->units;
    out->activation = h->activation;
    out->pieces = h->pieces > 0 ? h->pieces : 1;
    out->n_z = h->units * out->pieces;
    out->norm = h->norm;
    out->residual = h->residual;
    out->init = h->init;
    out->init_scale = h->init_scale;
    out->dropout = h->dropout;
    out->noise = h->noise;
}

size_t net_spec_widest(const struct mlp_spec *spec)
{
    size_t widest = 0;

    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct layer l;

        net_spec_layer(spec, k, &l);
        widest = l.n_z > widest ? l.n_z : widest;
    }
    return widest;
}

enum mlp_status net_spec_sizes(const struct mlp_spec *spec, size_t *n_params, size_t *n_values)
{
    size_t params = spec->input_scale ? mlp_spec_width(spec) : 0, state = 0, all = 0;

    for (size_t i = 0; i < spec->n_embeddings; i++) {
        size_t table = 0;

        if (__builtin_mul_overflow(spec->embeddings[i].levels, spec->embeddings[i].width, &table) ||
            __builtin_add_overflow(params, table, &params)) {
            return MLP_E_TOO_LARGE;
        }
    }
    for (size_t k = 0; k <= spec->n_hidden; k++) {
        struct layer l;
        size_t weights = 0, others;

        net_spec_layer(spec, k, &l);
        others = l.norm == MLP_NORM_BATCH ? 0 : l.n_z;               /* bias */
        others += l.norm != MLP_NORM_NONE ? 2 * l.n_z : 0;           /* gain, shift */
        others += l.activation == MLP_PRELU ? l.n_out : 0;           /* slopes */
        state += l.norm == MLP_NORM_BATCH ? 2 * l.n_z : 0;
        if (__builtin_mul_overflow(l.n_in, l.n_z, &weights) ||
            __builtin_add_overflow(weights, others, &weights) ||
            __builtin_add_overflow(params, weights, &params) ||
            __builtin_add_overflow(params, state, &all)) {
            return MLP_E_TOO_LARGE;
        }
    }
    *n_params = params;
    *n_values = all;
    return MLP_OK;
}

enum mlp_status mlp_spec_parameters(const struct mlp_spec *spec, size_t *out)
{
    size_t values = 0;
    enum mlp_status status = mlp_spec_check(spec);

    return status == MLP_OK ? net_spec_sizes(spec, out, &values) : status;
}
