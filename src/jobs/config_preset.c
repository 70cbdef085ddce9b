/* Presets: what a job means where it says nothing, and why.
 *
 *   tabular  for tables: numbers as smooth codes, a wide network with dropout, AdamW with a cosine
 *   images   for pictures: the same, wider, and one scale for all pixels
 *   simple   a plain network of two layers, Adam at a constant rate
 *
 * A preset is a set of rules, each for one key. A key of the job always wins, be it null (then
 * its plain default counts), and a rule that does not fit what the job says (dropout in steps of
 * all rows, say) keeps quiet. Each rule that fires leaves a sentence in "why" of the resolved
 * form. There every key is spelt out, so that posting it lets no rule fire again: its "why" is
 * kept as it came.
 *
 * Any thread; no state.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/config_resolve.h"

/* What makes a table pictures. */
#define PIXELS      256 /* columns at least, */
#define PIXEL_MAX   255 /* all of whole numbers from 0 to this, */
#define PIXEL_LIGHT 128 /* some of them light: counts are small */

/* ---- the reasons ---------------------------------------------------------------------- */

void preset_why(struct resolver *r, const char *path, const char *fmt, ...)
{
    struct job_spec *spec = r->spec;
    struct job_why *why;
    va_list ap;
    size_t i;

    for (i = 0; i < spec->n_why && strcmp(spec->why[i].key, path) != 0; i++) {
    }
    if (i == spec->n_why) {
        spec->why = xrealloc(spec->why, (spec->n_why + 1) * sizeof *spec->why);
        spec->why[spec->n_why++] = (struct job_why){.key = xstrdup(path)};
    }
    why = &spec->why[i];
    free(why->text);
    va_start(ap, fmt);
    why->text = xvasprintf(fmt, ap);
    va_end(ap);
}

/* Of a resolved form that is posted again. */
static void keep_reasons(struct resolver *r)
{
    const json_t *reasons = r->config->values[KEY_WHY].json;
    const char *key;
    json_t *text;

    /* The macro wants a pointer that is not const, and only reads. */
    json_object_foreach((json_t *)(uintptr_t)reasons, key, text)
    {
        preset_why(r, key, "%s", json_string_value(text));
    }
}

/* ---- which preset ------------------------------------------------------------------------ */

static bool are_pictures(const struct resolver *r)
{
    double lightest = 0;
    size_t i;

    for (i = 0; i < r->n_features; i++) {
        const struct dataset_column *col = dataset_column(r->ds, r->features[i]);

        if (col->type != COLUMN_NUMERIC || !col->integers || col->missing > 0 || col->min < 0 ||
            col->max > PIXEL_MAX) {
            return false;
        }
        lightest = fmax(lightest, col->max);
    }
    return r->n_features >= PIXELS && lightest >= PIXEL_LIGHT;
}

void resolve_preset(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    bool given = config_has(r->config, KEY_PRESET);

    keep_reasons(r);
    spec->preset = (enum job_preset)config_choice(r->config, KEY_PRESET, CONFIG_PRESET);
    if (given) {
        return;
    }
    if (spec->preset == JOB_TABULAR && are_pictures(r)) {
        spec->preset = JOB_IMAGES;
        preset_why(r, "preset", "pictures: %zu columns of whole numbers from 0 to 255",
                   r->n_features);
    } else {
        preset_why(r, "preset", "the usual one: nothing else was asked for");
    }
}

/* ---- its rules ----------------------------------------------------------------------------- */

#define T (1u << JOB_TABULAR)
#define I (1u << JOB_IMAGES)

static bool batches(const struct resolver *r)
{
    return !job_spec_full_batch(r->spec);
}

static bool decays(const struct resolver *r)
{
    return r->spec->train.optimizer == MLP_ADAMW;
}

static bool schedules(const struct resolver *r)
{
    return batches(r) && !r->config->values[KEY_SCHEDULE].given;
}

/* Layers that somebody chose have the dropout that somebody chose. */
static bool own_layers(const struct resolver *r)
{
    return batches(r) && r->parent == NULL && !r->config->values[KEY_HIDDEN].given;
}

static bool starts_anew(const struct resolver *r)
{
    return batches(r) && r->parent == NULL && !r->config->values[KEY_INIT].given;
}

static bool several_classes(const struct resolver *r)
{
    return r->spec->classes && r->spec->loss == MLP_CROSS_ENTROPY && r->n_classes > 2;
}

static bool has_probabilities(const struct resolver *r)
{
    return job_spec_kind(r->spec) != MLP_OF_NUMBERS && job_spec_validates(r->spec);
}

static bool has_categories(const struct resolver *r)
{
    size_t i;

    for (i = 0; i < r->n_features; i++) {
        if (dataset_column(r->ds, r->features[i])->type == COLUMN_CATEGORICAL) {
            return true;
        }
    }
    return false;
}

static const struct rule {
    enum config_id id;
    unsigned presets;
    double value;                           /* a choice's index */
    bool (*fits)(const struct resolver *r); /* NULL: always */
    const char *why;
} rules[] = {
    {KEY_NUMERIC, T, ENCODER_AUTO, NULL,
     "outliers bend; few columns come as piecewise-linear codes too, so that steps and bends are "
     "easily learnt"},
    {KEY_NUMERIC, I, ENCODER_TOGETHER, NULL,
     "one scale for all pixels: edges of a picture are not blown up"},
    {KEY_CATEGORICAL, T, ENCODER_CATEGORICAL_AUTO, has_categories,
     "an input for each text; where there are more than 256 a few learnt numbers in their place"},
    {KEY_OPTIMIZER_TYPE, T | I, MLP_ADAMW, NULL, "the decay of weights is apart from the gradient"},
    {KEY_WEIGHT_DECAY, T | I, 0.02, decays, "keeps weights small that little speaks for"},
    {KEY_SCHEDULE_TYPE, T | I, MLP_COSINE, schedules, "the last epochs settle with small steps"},
    {KEY_WARMUP, T, 10, schedules,
     "the first epochs, a tenth of all and 10 at most, feel their way: where little can be learnt, "
     "the best comes early and must not be passed in one stride"},
    {KEY_CLIP_NORM, T | I, 5, batches, "no single batch throws the weights far"},
    {KEY_DROPOUT, T | I, 0.3, own_layers, "wide layers learn rows by heart without it"},
    {KEY_OUTPUT_INIT, T | I, MLP_ZEROS, starts_anew, "training begins with no opinion"},
    {KEY_LABEL_SMOOTHING, T | I, 0.05, several_classes,
     "three classes or more: rows that are labelled wrong count less"},
    {KEY_CALIBRATION, T | I, CONFIG_TEMPERATURE, has_probabilities,
     "probabilities are as often right as they say, by the validation part"},
};

/* The preset's rule for a key that the job says nothing of; it leaves its reason. */
static const struct rule *fire(struct resolver *r, enum config_id id)
{
    unsigned preset = 1u << r->spec->preset;
    char path[80], *p;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rules); i++) {
        const struct rule *rule = &rules[i];

        if (rule->id != id || (rule->presets & preset) == 0 || r->config->values[id].given ||
            (rule->fits != NULL && !rule->fits(r))) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s", config_keys[id].path);
        for (p = path; *p != '\0'; p++) {
            *p = *p == '/' ? '.' : *p;
        }
        preset_why(r, path, "%s", rule->why);
        return rule;
    }
    return NULL;
}

double preset_number(struct resolver *r, enum config_id id, double plain)
{
    const struct rule *rule = fire(r, id);

    return rule != NULL ? rule->value : config_number(r->config, id, plain);
}

size_t preset_choice(struct resolver *r, enum config_id id, size_t plain)
{
    const struct rule *rule = fire(r, id);

    return rule != NULL ? (size_t)rule->value : config_choice(r->config, id, plain);
}
