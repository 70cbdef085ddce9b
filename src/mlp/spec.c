/* What a network is, in numbers and in words: checks, sizes, names.
 *
 * Everything here is cheap and allocates nothing, so that a specification from a
 * stranger can be refused before it costs anything. Pure functions.
 */
#include <string.h>

#include "mlp/net.h"

static const char *const activation_names[] = {"identity", "sigmoid", "tanh", "relu", "leaky_relu",
                                               NULL};
static const char *const init_names[] = {"glorot_uniform", "glorot_normal", "he_uniform",
                                         "he_normal", NULL};
static const char *const output_names[] = {"identity", "sigmoid", "softmax", NULL};
static const char *const optimizer_names[] = {"sgd", "adam", NULL};

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
    }
    return "unknown status";
}

const char *const *mlp_activation_names(void)
{
    return activation_names;
}

const char *const *mlp_init_names(void)
{
    return init_names;
}

const char *const *mlp_output_names(void)
{
    return output_names;
}

const char *const *mlp_optimizer_names(void)
{
    return optimizer_names;
}

static bool parse(const char *const *names, const char *name, int *out)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool mlp_activation_parse(const char *name, enum mlp_activation *out)
{
    int i = 0;
    bool found = parse(activation_names, name, &i);

    if (found) {
        *out = (enum mlp_activation)i;
    }
    return found;
}

bool mlp_init_parse(const char *name, enum mlp_init *out)
{
    int i = 0;
    bool found = parse(init_names, name, &i);

    if (found) {
        *out = (enum mlp_init)i;
    }
    return found;
}

bool mlp_output_parse(const char *name, enum mlp_output *out)
{
    int i = 0;
    bool found = parse(output_names, name, &i);

    if (found) {
        *out = (enum mlp_output)i;
    }
    return found;
}

bool mlp_optimizer_parse(const char *name, enum mlp_optimizer *out)
{
    int i = 0;
    bool found = parse(optimizer_names, name, &i);

    if (found) {
        *out = (enum mlp_optimizer)i;
    }
    return found;
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
        return spec->output == MLP_OUT_SOFTMAX;
    case MLP_BINARY_CROSS_ENTROPY:
        return spec->output == MLP_OUT_SIGMOID;
    case MLP_MSE:
        return spec->output == MLP_OUT_IDENTITY || spec->output == MLP_OUT_SIGMOID;
    }
    return false;
}

enum mlp_status mlp_spec_check(const struct mlp_spec *spec)
{
    if (spec->n_hidden > MLP_MAX_LAYERS) { /* first, as it bounds the work below */
        return MLP_E_TOO_LARGE;
    }
    enum mlp_status in = check_width(spec->n_inputs, MLP_MAX_INPUTS);
    enum mlp_status out = check_width(spec->n_outputs, MLP_MAX_UNITS);

    if (in != MLP_OK || out != MLP_OK) {
        return in != MLP_OK ? in : out;
    }
    if (!known((int)spec->output_init, MLP_HE_NORMAL + 1) || !output_fits_loss(spec) ||
        (spec->n_hidden > 0 && spec->hidden == NULL)) {
        return MLP_E_ARGUMENT;
    }
    for (size_t i = 0; i < spec->n_hidden; i++) {
        const struct mlp_layer_spec *h = &spec->hidden[i];
        enum mlp_status width = check_width(h->units, MLP_MAX_UNITS);

        if (width != MLP_OK) {
            return width;
        }
        if (!known((int)h->activation, MLP_LEAKY_RELU + 1) ||
            !known((int)h->init, MLP_HE_NORMAL + 1)) {
            return MLP_E_ARGUMENT;
        }
    }
    return MLP_OK;
}

void net_spec_layer(const struct mlp_spec *spec, size_t k, struct layer *out)
{
    bool last = k == spec->n_hidden;

    *out = (struct layer){
        .n_in = k == 0 ? spec->n_inputs : spec->hidden[k - 1].units,
        .n_out = last ? spec->n_outputs : spec->hidden[k].units,
        .activation = last ? MLP_IDENTITY : spec->hidden[k].activation,
        .init = last ? spec->output_init : spec->hidden[k].init,
    };
}

size_t net_spec_widest(const struct mlp_spec *spec)
{
    size_t widest = spec->n_outputs;

    for (size_t i = 0; i < spec->n_hidden; i++) {
        widest = spec->hidden[i].units > widest ? spec->hidden[i].units : widest;
    }
    return widest;
}

enum mlp_status mlp_spec_parameters(const struct mlp_spec *spec, size_t *out)
{
    enum mlp_status status = mlp_spec_check(spec);
    size_t sum = 0;

    for (size_t k = 0; status == MLP_OK && k <= spec->n_hidden; k++) {
        struct layer l;
        size_t weights = 0;

        net_spec_layer(spec, k, &l);
        if (__builtin_mul_overflow(l.n_in, l.n_out, &weights) ||
            __builtin_add_overflow(weights, l.n_out, &weights) ||
            __builtin_add_overflow(sum, weights, &sum)) {
            status = MLP_E_TOO_LARGE;
        }
    }
    if (status == MLP_OK) {
        *out = sum;
    }
    return status;
}
