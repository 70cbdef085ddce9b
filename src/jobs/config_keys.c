/* The table of the job config's keys: what CONFIG_KEYS says, laid out, and what the choices
 * are. The reader, the "did you mean" and the tests walk this one table.
 *
 * Constant data; any thread.
 */
#include "jobs/config_priv.h"

const struct config_key config_keys[KEY_COUNT] = {
#define K(id, where, what, ...) [KEY_##id] = {.path = where, .type = what, __VA_ARGS__},
    CONFIG_KEYS(K)
#undef K
};

const char *const *config_scalings(void)
{
    static const char *const names[] = {"standardize", "none", NULL};

    return names;
}

const char *const *config_missings(void)
{
    static const char *const names[] = {"mean", "error", NULL};

    return names;
}

const char *const *config_categoricals(void)
{
    static const char *const names[] = {"one_hot", NULL};

    return names;
}

const char *const *config_outputs(void)
{
    static const char *const names[] = {"identity", "sigmoid", "softmax", "auto", NULL};

    return names;
}

const char *const *config_losses(void)
{
    static const char *const names[] = {"cross_entropy", "mse", NULL};

    return names;
}

const char *const *config_target_types(void)
{
    static const char *const names[] = {"classes", "numeric", NULL};

    return names;
}

const char *const *config_monitors(void)
{
    static const char *const names[] = {"validation_loss", "training_loss", NULL};

    return names;
}

const char *const *config_metrics(void)
{
    static const char *const names[] = {"accuracy", "log_loss", "rmse", "mae", "r2", NULL};

    return names;
}
