/* Encoders as models before this version stored them:
 *
 *   {"version": 1, "numeric": "standardize", "missing": "mean", "target": "standardize",
 *    "features": [{"name", "type": "numeric", "used", "mean", "std", "min", "max"},
 *                 {"name", "type": "categorical", "used", "missing_level", "texts": [...]}],
 *    "targets": [{"name", "mean", "scale"}],
 *    "classes": null | ["a", ...], "class_values": null | [1, ...]}
 *
 * and, only where there were such, "offset" and "weight" (columns), "together_mean" and
 * "together_std" (of standardize_together). They are never written again.
 */
#include <jansson.h>
#include <math.h>

#include "data/encoder_json.h"

bool encoder_json_old(const json_t *o, struct encoder *e, size_t *n)
{
    static const char *const scalings[] = {"standardize", "none", "standardize_together", NULL};
    static const enum encoder_numeric chosen[] = {ENCODER_STANDARDIZE, ENCODER_NONE,
                                                  ENCODER_TOGETHER};
    static const char *const missings[] = {"mean", "error", NULL};
    static const enum encoder_missing fills[] = {ENCODER_MEAN, ENCODER_ERROR};
    size_t numeric, missing, target;

    if (!encoder_json_choice(o, "numeric", scalings, &numeric) ||
        !encoder_json_choice(o, "missing", missings, &missing) ||
        !encoder_json_choice(o, "target", scalings, &target) || target > ENCODER_NONE) {
        return false;
    }
    e->plan.numeric = chosen[numeric];
    e->plan.missing = fills[missing];
    e->plan.indicator = ENCODER_INDICATOR_AUTO;
    e->target = chosen[target];
    *n = 8 + (json_object_get(o, "offset") != NULL) + (json_object_get(o, "weight") != NULL) +
         (e->plan.numeric == ENCODER_TOGETHER ? 2 : 0);
    return (json_object_get(o, "offset") == NULL ||
            encoder_json_name(o, "offset", false, &e->offset)) &&
           (json_object_get(o, "weight") == NULL ||
            encoder_json_name(o, "weight", false, &e->weight));
}

bool encoder_json_old_number(const json_t *whole, const json_t *o, const struct encoder *e,
                             struct encoder_feature *f)
{
    if (json_object_size(o) != 7 || !encoder_json_number(o, "mean", !f->used, &f->mean) ||
        !encoder_json_number(o, "std", !f->used, &f->std) ||
        !encoder_json_number(o, "min", !f->used, &f->min) ||
        !encoder_json_number(o, "max", !f->used, &f->max)) {
        return false;
    }
    f->fill = f->mean;
    f->value = f->used;
    if (f->used && (!(f->std >= 0.0) || !(f->min <= f->max))) {
        return false;
    }
    if (e->plan.numeric == ENCODER_TOGETHER) {
        return encoder_json_number(whole, "together_mean", false, &f->center) &&
               encoder_json_number(whole, "together_std", false, &f->spread) && f->spread > 0.0;
    }
    if (f->used && e->plan.numeric == ENCODER_STANDARDIZE) {
        f->center = f->mean;
        f->spread = f->std;
    }
    return f->spread > 0.0;
}

bool encoder_json_old_texts(const json_t *o, struct encoder_feature *f)
{
    return json_object_size(o) == 5 && encoder_json_bool(o, "missing_level", &f->missing_level) &&
           encoder_json_texts(json_object_get(o, "texts"), true, &f->n_texts, &f->texts) &&
           (!f->used || f->n_texts + f->missing_level > 1);
}
