/* What a list shows of a training's config: the choices that people compare, short enough to
 * stand in every row. Any thread; no state. */
#include <string.h>

#include "jobs/config_priv.h"
#include "jobs/json_util.h"

#define MOST_TARGETS 8

/* The hidden layers' activation; NULL: they have several, or there are none. */
static const char *activation_of(const struct job_spec *spec)
{
    size_t i;

    for (i = 1; i < spec->n_hidden; i++) {
        if (spec->hidden[i].activation != spec->hidden[0].activation) {
            return NULL;
        }
    }
    return spec->n_hidden > 0 ? mlp_activation_names()[spec->hidden[0].activation] : NULL;
}

char *config_summary(const struct job_spec *spec)
{
    const struct mlp_train_spec *t = &spec->train;
    const char *activation = activation_of(spec);
    struct buf b = BUF_INIT;
    size_t i;

    buf_puts(&b, "{\"target\":[");
    for (i = 0; i < spec->n_targets && i < MOST_TARGETS; i++) {
        buf_puts(&b, i > 0 ? "," : "");
        json_util_text(&b, spec->targets[i]);
    }
    buf_puts(&b, "],\"hidden\":[");
    for (i = 0; i < spec->n_hidden; i++) {
        buf_printf(&b, "%s%zu", i > 0 ? "," : "", spec->hidden[i].units);
    }
    buf_puts(&b, "],\"activation\":");
    if (activation != NULL) {
        json_util_text(&b, activation);
    } else {
        buf_puts(&b, "null");
    }
    buf_printf(&b, ",\"loss\":\"%s\",\"optimizer\":\"%s\",\"learning_rate\":",
               mlp_loss_names()[spec->loss], mlp_optimizer_names()[t->optimizer]);
    json_util_number(&b, t->learning_rate);
    if (job_spec_full_batch(spec)) {
        buf_puts(&b, ",\"batch_size\":null");
    } else {
        buf_printf(&b, ",\"batch_size\":%zu", t->batch_size);
    }
    buf_printf(&b, ",\"epochs\":%zu,\"seed\":%llu,\"preset\":\"%s\"}", t->epochs,
               (unsigned long long)t->seed, config_presets()[spec->preset]);
    return buf_take(&b);
}
