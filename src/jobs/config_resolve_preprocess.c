/* How cells become numbers: the plan of the features, and the target's scale.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/config_resolve.h"
#include "jobs/json_util.h"

/* What no encoder could turn into inputs. */
static void check_features(const struct resolver *r)
{
    char shown[JSON_UTIL_SHOWN];
    bool varies = false;
    size_t i;

    for (i = 0; i < r->n_features; i++) {
        const struct dataset_column *col = dataset_column(r->ds, r->features[i]);

        if (r->spec->plan.missing == ENCODER_ERROR && col->missing > 0) {
            err_add(r->err, "/preprocess/missing", "\"%s\" has %llu missing value%s",
                    json_util_shown(col->name, shown), (unsigned long long)col->missing,
                    col->missing == 1 ? "" : "s");
        }
        varies = varies || (column_holds_numbers(col->type)
                                ? r->spec->plan.numeric == ENCODER_NONE || col->max > col->min
                                : col->n_categories + (col->missing > 0) > 1);
    }
    if (!varies && r->parent == NULL) {
        err_add(r->err, "/data", "every column to learn from is constant");
    }
}

/* A choice that a parent has made already. */
static size_t choose(struct resolver *r, enum config_id id, size_t usual, size_t parents)
{
    size_t chosen = r->parent != NULL ? config_choice(r->config, id, parents)
                                      : preset_choice(r, id, usual);

    if (r->parent != NULL && chosen != parents) {
        char *pointer = xasprintf("/%s", config_keys[id].path);

        err_add(r->err, pointer, "the model it starts from has \"%s\"",
                config_keys[id].choices()[parents]);
        free(pointer);
    }
    return chosen;
}

static void check_target_scale(const struct resolver *r, bool scales)
{
    const struct job_spec *spec = r->spec;
    bool scaled = spec->target_scale != ENCODER_NONE;

    if (!scales && scaled) {
        err_add(r->err, "/preprocess/target", "must be \"none\": %s",
                spec->classes                 ? "the target is classes"
                : spec->output == MLP_OUT_EXP ? "poisson, gamma and tweedie look at the target "
                                                "as it is"
                : job_spec_is_soft(spec)      ? "the targets are shares of classes"
                : job_spec_kind(spec) == MLP_OF_LABELS ? "the targets are columns of 0 and 1"
                                                       : "a sigmoid output goes from 0 to 1");
    }
    if (scaled && spec->n_targets > 1 && spec->loss == MLP_HUBER && spec->has_delta) {
        err_add(r->err, "/loss/delta",
                "is in the target's units, and each of several standardised targets has its own: "
                "leave it out, or set preprocess.target to none");
    }
    if (scaled && spec->n_targets > 1 && spec->offset != NULL) {
        err_add(r->err, "/data/offset",
                "is in the target's units, and each of several standardised targets has its own: "
                "set preprocess.target to none");
    }
    if (spec->offset != NULL && spec->output == MLP_OUT_SOFTMAX) {
        err_add(r->err, "/data/offset",
                "changes nothing in a softmax, which only sees differences between classes");
    }
}

static void resolve_indicator(struct resolver *r, const struct encoder *parents)
{
    const json_t *json = r->config->values[KEY_INDICATOR].json;
    enum encoder_indicator usual =
        parents != NULL ? encoder_plan_of(parents)->indicator : ENCODER_INDICATOR_AUTO;

    r->spec->plan.indicator = json == NULL           ? usual
                              : json_is_string(json) ? ENCODER_INDICATOR_AUTO
                              : json_is_true(json)   ? ENCODER_INDICATOR_ON
                                                     : ENCODER_INDICATOR_OFF;
    if (parents != NULL && r->spec->plan.indicator != usual) {
        config_refuse_key(r->err, KEY_INDICATOR, "the model it starts from has another choice");
    }
}

void resolve_preprocess(struct resolver *r)
{
    const struct encoder *parents = r->parent != NULL ? r->parent->encoder : NULL;
    struct job_spec *spec = r->spec;
    bool scales = job_spec_kind(spec) == MLP_OF_NUMBERS && spec->output == MLP_OUT_IDENTITY;

    spec->plan.numeric = (enum encoder_numeric)choose(
        r, KEY_NUMERIC, ENCODER_STANDARDIZE,
        parents != NULL ? encoder_plan_of(parents)->numeric : ENCODER_STANDARDIZE);
    spec->plan.missing = (enum encoder_missing)choose(
        r, KEY_MISSING, ENCODER_MEAN,
        parents != NULL ? encoder_plan_of(parents)->missing : ENCODER_MEAN);
    resolve_indicator(r, parents);
    spec->target_scale = (enum encoder_numeric)choose(
        r, KEY_TARGET_SCALE, scales ? ENCODER_STANDARDIZE : ENCODER_NONE,
        parents != NULL ? encoder_target_of(parents) : 0);
    check_target_scale(r, scales);
    check_features(r);
}
