/* The words for what an MLP is made of: the same in JSON, SQL, messages and documents.
 *
 * Each table is in the order of its enum. Pure functions.
 */
#include <string.h>

#include "mlp/mlp.h"

static const char *const activation_names[] = {
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu",    "selu",
    "gelu",     "silu",    "softplus", "softsign", "mish", "maxout", NULL};
static const char *const init_names[] = {
    "glorot_uniform", "glorot_normal",  "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "uniform_fan_in", "orthogonal", "uniform",   "normal",        "zeros",        NULL};
static const char *const output_names[] = {"identity", "sigmoid", "softmax", "exp", NULL};
/* A loss on a sigmoid has its own entry but the same name: the first one is what parses. */
static const char *const loss_names[] = {
    "cross_entropy", "cross_entropy", "focal",   "focal", "mse",     "mae",
    "huber",         "quantile",      "log_cosh", "poisson", "gamma", "tweedie", NULL};
static const char *const optimizer_names[] = {"sgd",     "adam",    "adamw",    "nadam",
                                              "radam",   "lion",    "rmsprop",  "adagrad",
                                              "adadelta", "rprop",  "lbfgs",    NULL};
static const char *const schedule_names[] = {"constant",   "step",   "multistep", "exponential",
                                             "inverse_time", "polynomial", "cosine", "one_cycle",
                                             "plateau",    NULL};

static bool find(const char *const *names, const char *name, int *out)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* mlp_X_names and mlp_X_parse over the table X_names */
#define WORDS(x, type)                                                                             \
    const char *const *mlp_##x##_names(void)                                                       \
    {                                                                                              \
        return x##_names;                                                                          \
    }                                                                                              \
    bool mlp_##x##_parse(const char *name, type *out)                                              \
    {                                                                                              \
        int i = 0;                                                                                 \
        bool found = find(x##_names, name, &i);                                                    \
                                                                                                   \
        if (found) {                                                                               \
            *out = (type)i;                                                                        \
        }                                                                                          \
        return found;                                                                              \
    }

WORDS(activation, enum mlp_activation)
WORDS(init, enum mlp_init)
WORDS(output, enum mlp_output)
WORDS(loss, enum mlp_loss)
WORDS(optimizer, enum mlp_optimizer)
WORDS(schedule, enum mlp_schedule_type)
