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

const char *const *config_presets(void)
{
    static const char *const names[] = {"simple", "tabular", "images", NULL};

    return names;
}

const char *const *config_calibrations(void)
{
    static const char *const names[] = {"none", "temperature", NULL};

    return names;
}

const char *const *config_scalings(void)
{
    return encoder_numeric_names;
}

const char *const *config_target_scalings(void)
{
    static const char *const names[] = {"standardize", "none", "log1p", NULL};

    return names;
}

const char *const *config_missings(void)
{
    return encoder_missing_names;
}

const char *const *config_categoricals(void)
{
    return encoder_categorical_names;
}

const char *const *config_unseens(void)
{
    return encoder_unseen_names;
}

const char *const *config_booleans(void)
{
    static const char *const names[] = {"auto", NULL};

    return names;
}

const char *const *config_times(void)
{
    return encoder_time_names;
}

const char *const *config_outputs(void)
{
    static const char *const names[] = {"identity", "sigmoid", "softmax", "exp", "auto", NULL};

    return names;
}

const char *const *config_losses(void)
{
    static const char *const names[] = {"cross_entropy", "focal",    "mse",     "mae",   "huber",
                                        "quantile",      "log_cosh", "poisson", "gamma", "tweedie",
                                        NULL};

    return names;
}

const char *const *config_target_types(void)
{
    static const char *const names[] = {"classes", "numeric", NULL};

    return names;
}

const char *const *config_missing_targets(void)
{
    static const char *const names[] = {"error", "drop_row", NULL};

    return names;
}

const char *const *config_samplings(void)
{
    static const char *const names[] = {"none", "oversample", "undersample", NULL};

    return names;
}

const char *const *config_filter_ops(void)
{
    return filter_op_names;
}

const char *const *config_schedules(void)
{
    static const char *const names[] = {
        "constant",   "step",   "multistep", "exponential",       "inverse_time",
        "polynomial", "cosine", "one_cycle", "reduce_on_plateau", NULL};

    return names;
}

const char *const *config_averages(void)
{
    static const char *const names[] = {"ema", "swa", NULL};

    return names;
}

const char *const *config_precisions(void)
{
    static const char *const names[] = {"float32", "bfloat16", NULL};

    return names;
}

const char *const *config_states(void)
{
    static const char *const names[] = {"continue", "reset", NULL};

    return names;
}

const char *const *config_metrics(void)
{
    return mlp_metric_names();
}

const char *const *config_events(void)
{
    static const char *const names[] = {"running",   "paused", "succeeded", "failed",
                                        "cancelled", NULL};

    return names;
}
