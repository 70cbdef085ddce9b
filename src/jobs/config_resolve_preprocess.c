/* How cells become numbers: the plan of the features, those of single columns, and the target's
 * scale. A job that starts from a model has that model's plans.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/datetime.h"
#include "jobs/config_resolve.h"
#include "jobs/json_util.h"

/* ---- plans ------------------------------------------------------------------------------- */

/* The keys of a plan: those for all columns, and those of one. */
static const struct plan_key {
    enum config_id all, one;
    unsigned types; /* bits of the column types that look at it */
} plan_keys[] = {
#define BIT(type) (1u << (type))
#define TEXTS     (BIT(COLUMN_CATEGORICAL) | BIT(COLUMN_TEXT))
    {KEY_NUMERIC, KEY_COLUMN_NUMERIC, BIT(COLUMN_NUMERIC)},
    {KEY_MISSING, KEY_COLUMN_MISSING, ~0u},
    {KEY_INDICATOR, KEY_COLUMN_INDICATOR, ~0u},
    {KEY_CATEGORICAL, KEY_COLUMN_CATEGORICAL, TEXTS},
    {KEY_MIN_COUNT, KEY_COLUMN_MIN_COUNT, TEXTS},
    {KEY_UNSEEN, KEY_COLUMN_UNSEEN, TEXTS | BIT(COLUMN_BOOLEAN)},
    {KEY_HASH_BUCKETS, KEY_COLUMN_HASH_BUCKETS, TEXTS},
    {KEY_BOOLEAN, KEY_COLUMN_BOOLEAN, BIT(COLUMN_BOOLEAN)},
    {KEY_TIMES, KEY_COLUMN_TIMES, BIT(COLUMN_DATETIME)},
    {KEY_COUNT, KEY_COLUMN_WIDTH, BIT(COLUMN_CATEGORICAL)},
};

static unsigned times_of(const json_t *array)
{
    unsigned times = 0;
    size_t i, k;

    for (i = 0; i < json_array_size(array); i++) {
        for (k = 0; k < ENCODER_TIMES; k++) {
            times |= strcmp(json_string_value(json_array_get(array, i)), encoder_time_names[k]) == 0
                         ? ENCODER_TIME_BIT(k)
                         : 0;
        }
    }
    return times;
}

static void apply_missing(const struct config_value *value, struct encoder_plan *plan)
{
    const json_t *constant = json_object_get(value->json, "constant");
    char number[CELL_NUMBER_LEN];

    free(plan->constant);
    plan->constant = NULL;
    plan->missing = (enum encoder_missing)value->choice;
    if (json_is_number(constant)) {
        cell_format(json_number_value(constant), number);
        plan->constant = xstrdup(number);
    } else if (constant != NULL) {
        plan->constant = xstrdup(json_is_string(constant) ? json_string_value(constant)
                                 : json_is_true(constant) ? "true"
                                                          : "false");
    }
}

/* One key's value into the plan. `id` is the one for all columns. */
static void apply(enum config_id id, const struct config_value *value, struct encoder_plan *plan)
{
    switch (id) {
    case KEY_NUMERIC:
        plan->numeric = (enum encoder_numeric)value->choice;
        break;
    case KEY_MISSING:
        apply_missing(value, plan);
        break;
    case KEY_INDICATOR:
        plan->indicator = (enum encoder_indicator)value->choice;
        break;
    case KEY_CATEGORICAL:
        plan->categorical = (enum encoder_categorical)value->choice;
        break;
    case KEY_MIN_COUNT:
        plan->min_count = (size_t)value->number;
        break;
    case KEY_UNSEEN:
        plan->unseen = (enum encoder_unseen)value->choice;
        break;
    case KEY_HASH_BUCKETS:
        plan->buckets = (size_t)value->number;
        break;
    case KEY_TIMES:
        plan->times = times_of(value->json);
        break;
    case KEY_BOOLEAN: /* has one value */
        break;
    default: /* KEY_COUNT stands for the width */
        plan->width = (size_t)value->number;
        break;
    }
}

/* Every value that a plan may leave open, so that equal plans are equal. */
static void spell_out(struct encoder_plan *plan)
{
    plan->min_count = plan->min_count > 0 ? plan->min_count : 1;
    plan->buckets = plan->buckets > 0 ? plan->buckets : ENCODER_USUAL_HASH;
    plan->times = plan->times != 0 ? plan->times : ENCODER_USUAL_TIMES;
}

/* A model's plans are spelt out where its job's were; older ones are not. */
static void copy_plan(struct encoder_plan *to, const struct encoder_plan *from)
{
    encoder_plan_copy(to, from);
    spell_out(to);
}

/* The keys that are given, one by one; `pointer` is their object's. What a parent has otherwise is
 * refused, and what a column of the type has no use for (type < 0: of all columns). */
static void apply_keys(struct resolver *r, const struct config_value *values, bool one, int type,
                       const char *name, struct buf *pointer, struct encoder_plan *plan)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < ARRAY_LEN(plan_keys); i++) {
        enum config_id id = one ? plan_keys[i].one : plan_keys[i].all;
        const struct config_value *value = &values[one ? id - CONFIG_COLUMN_FIRST : id];
        struct encoder_plan before;
        const char *leaf;

        if (id == KEY_COUNT || value->json == NULL) {
            continue;
        }
        leaf = strrchr(config_keys[id].path, '/') + 1;
        if (type >= 0 && (plan_keys[i].types & BIT(type)) == 0) {
            config_refuse(r->err, pointer, leaf, "\"%s\" is %s, which has no use for it",
                          json_util_shown(name, shown), column_type_name((enum column_type)type));
            continue;
        }
        encoder_plan_copy(&before, plan);
        apply(plan_keys[i].all, value, plan);
        spell_out(plan);
        if (r->parent != NULL && !encoder_plan_equal(&before, plan)) {
            if (id == KEY_NUMERIC || id == KEY_CATEGORICAL) {
                config_refuse(r->err, pointer, leaf, "the model it starts from has \"%s\"",
                              id == KEY_NUMERIC ? encoder_numeric_names[before.numeric]
                                                : encoder_categorical_names[before.categorical]);
            } else {
                config_refuse(r->err, pointer, leaf, "the model it starts from has another choice");
            }
        }
        encoder_plan_fini(&before);
    }
}

/* ---- single columns ------------------------------------------------------------------------ */

/* The parent's, or what the job has for all. */
static void start_column(const struct resolver *r, const char *name, struct encoder_plan *plan)
{
    const struct encoder *e = r->parent != NULL ? r->parent->encoder : NULL;
    size_t i;

    for (i = 0; e != NULL && i < encoder_n_features(e); i++) {
        if (strcmp(encoder_feature_name(e, i), name) == 0) {
            copy_plan(plan, encoder_feature_plan(e, i));
            return;
        }
    }
    encoder_plan_copy(plan, &r->spec->plan);
}

static void refuse_column(struct resolver *r, const char *name, const struct buf *pointer)
{
    const char **names = xcalloc(r->n_features + 1, sizeof *names), *nearest;
    bool exists = dataset_find(r->ds, name) >= 0;
    char shown[JSON_UTIL_SHOWN], near[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->n_features; i++) {
        names[i] = dataset_column(r->ds, r->features[i])->name;
    }
    nearest = exists ? NULL : text_nearest(name, names, r->n_features);
    json_util_shown(name, shown);
    if (exists) {
        config_refuse(r->err, pointer, NULL, "\"%s\" is not learnt from in this job", shown);
    } else if (nearest != NULL) {
        config_refuse(r->err, pointer, NULL,
                      "the dataset has no column \"%s\", did you mean \"%s\"?", shown,
                      json_util_shown(nearest, near));
    } else {
        config_refuse(r->err, pointer, NULL, "the dataset has no column \"%s\"", shown);
    }
    free(names);
}

/* What the job says of each column of the dataset, or NULL; the caller frees. Others are refused.
 */
static const struct config_column **given_columns(struct resolver *r, struct buf *pointer)
{
    const struct config_column **given = xcalloc(dataset_n_columns(r->ds), sizeof *given);
    bool *is_feature = xcalloc(dataset_n_columns(r->ds), sizeof *is_feature);
    size_t keep, i;

    for (i = 0; i < r->n_features; i++) {
        is_feature[r->features[i]] = true;
    }
    json_util_pointer(pointer, "columns");
    keep = pointer->len;
    for (i = 0; i < r->config->n_columns; i++) {
        const char *name = r->config->columns[i].name;
        ptrdiff_t at = dataset_find(r->ds, name);

        if (at >= 0 && is_feature[at]) {
            given[at] = &r->config->columns[i];
            continue;
        }
        json_util_pointer(pointer, name);
        refuse_column(r, name, pointer);
        pointer->len = keep;
        pointer->data[keep] = '\0';
    }
    free(is_feature);
    return given;
}

/* A constant that the column cannot hold; the encoder would say it after the job began. */
static void check_constant(struct resolver *r, const struct dataset_column *col,
                           const struct encoder_plan *plan, const struct buf *pointer)
{
    char shown[JSON_UTIL_SHOWN], constant[JSON_UTIL_SHOWN];
    double value;
    bool ok = true;

    if (plan->missing != ENCODER_CONSTANT) {
        return;
    }
    switch (col->type) {
    case COLUMN_NUMERIC:
        ok = cell_number(plan->constant, strlen(plan->constant), &value);
        break;
    case COLUMN_DATETIME:
        ok = datetime_parse(plan->constant, strlen(plan->constant), NULL, &value) == DATETIME_OK;
        break;
    case COLUMN_BOOLEAN:
        ok = cell_boolean(plan->constant, strlen(plan->constant), NULL) >= 0;
        break;
    default:
        break;
    }
    if (!ok) {
        config_refuse(r->err, pointer, "missing", "\"%s\" is %s: \"%s\" cannot stand in for it",
                      json_util_shown(col->name, shown), column_type_name(col->type),
                      json_util_shown(plan->constant, constant));
    }
}

static void resolve_columns(struct resolver *r)
{
    static const char all[] = "/preprocess";
    struct job_spec *spec = r->spec;
    struct buf pointer = BUF_INIT;
    const struct config_column **given;
    size_t i;

    buf_puts(&pointer, all);
    given = given_columns(r, &pointer);
    spec->columns = xcalloc(r->n_features + 1, sizeof *spec->columns);
    for (i = 0; i < r->n_features; i++) {
        const struct dataset_column *col = dataset_column(r->ds, r->features[i]);
        const struct config_column *own = given[r->features[i]];
        struct encoder_plan plan;

        buf_clear(&pointer);
        buf_puts(&pointer, all);
        start_column(r, col->name, &plan);
        if (own != NULL) {
            json_util_pointer(&pointer, "columns");
            json_util_pointer(&pointer, col->name);
            apply_keys(r, own->values, true, (int)col->type, col->name, &pointer, &plan);
        }
        check_constant(r, col, &plan, &pointer);
        if (encoder_plan_equal(&plan, &spec->plan)) {
            encoder_plan_fini(&plan);
        } else {
            spec->columns[spec->n_columns++] =
                (struct job_column){.name = xstrdup(col->name), .plan = plan};
        }
    }
    free(given);
    buf_fini(&pointer);
}

/* ---- what no encoder could turn into inputs -------------------------------------------------- */

static bool varies(const struct dataset_column *col, const struct encoder_plan *plan)
{
    if (col->type == COLUMN_NUMERIC && plan->numeric == ENCODER_NONE) {
        return true;
    }
    if (col->type == COLUMN_TEXT && plan->categorical != ENCODER_HASHING) {
        return false;
    }
    if (column_holds_numbers(col->type)) {
        return col->max > col->min ||
               (col->missing > 0 && col->max >= col->min && encoder_plan_indicates(plan));
    }
    return col->n_categories + (col->missing > 0) > 1;
}

static void check_features(const struct resolver *r)
{
    char shown[JSON_UTIL_SHOWN];
    bool any = false;
    size_t at = 0, i;

    for (i = 0; i < r->n_features; i++) {
        const char *name = dataset_column(r->ds, r->features[i])->name;
        const struct encoder_plan *plan = job_spec_plan(r->spec, name, &at);
        const struct dataset_column *col;

        if (any && plan->missing != ENCODER_ERROR) {
            continue; /* nothing to see: a column behind a filter has to be read */
        }
        col = resolver_column(r, r->features[i]);
        if (plan->missing == ENCODER_ERROR && col->missing > 0) {
            err_add(r->err, "/preprocess/missing", "\"%s\" has %llu missing value%s",
                    json_util_shown(col->name, shown), (unsigned long long)col->missing,
                    col->missing == 1 ? "" : "s");
        }
        any = any || varies(col, plan);
    }
    if (!any && r->parent == NULL) {
        err_add(r->err, "/data", "every column to learn from is constant, or free text");
    }
}

/* ---- the target ------------------------------------------------------------------------------ */

/* A choice that a parent has made already. */
static size_t choose(struct resolver *r, enum config_id id, size_t usual, size_t parents)
{
    size_t chosen =
        r->parent != NULL ? config_choice(r->config, id, parents) : preset_choice(r, id, usual);

    if (r->parent != NULL && chosen != parents) {
        char *pointer = xasprintf("/%s", config_keys[id].path);

        err_add(r->err, pointer, "the model it starts from has \"%s\"",
                config_keys[id].choices()[parents]);
        free(pointer);
    }
    return chosen;
}

static void check_log(const struct resolver *r)
{
    char shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        const struct dataset_column *col = resolver_target(r, i);

        if (column_holds_numbers(col->type) && !(col->min > -1)) {
            err_add(r->err, "/preprocess/target",
                    "log1p needs numbers above -1, and \"%s\" goes down to %g",
                    json_util_shown(col->name, shown), col->min);
        }
    }
    if (r->spec->has_delta) {
        err_add(r->err, "/loss/delta",
                "is in the target's units, which log1p leaves: leave it out, or set "
                "preprocess.target to standardize");
    }
    if (r->spec->offset != NULL) {
        err_add(r->err, "/data/offset",
                "is in the target's units, which log1p leaves: set preprocess.target to "
                "standardize or none");
    }
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
    if (scales && spec->target_scale == ENCODER_LOG1P) {
        check_log(r);
        return;
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

/* ---- the whole ------------------------------------------------------------------------------- */

static void resolve_plan(struct resolver *r)
{
    static const enum config_id by_preset[] = {KEY_NUMERIC, KEY_CATEGORICAL, KEY_UNSEEN};
    struct encoder_plan *plan = &r->spec->plan;
    struct buf pointer = BUF_INIT;
    size_t i;

    if (r->parent != NULL) {
        copy_plan(plan, encoder_plan_of(r->parent->encoder));
    }
    for (i = 0; r->parent == NULL && i < ARRAY_LEN(by_preset); i++) {
        struct config_value value = {.choice = preset_choice(r, by_preset[i], 0)};

        apply(by_preset[i], &value, plan);
    }
    spell_out(plan);
    buf_puts(&pointer, "/preprocess");
    apply_keys(r, r->config->values, false, -1, NULL, &pointer, plan);
    buf_fini(&pointer);
}

void resolve_preprocess(struct resolver *r)
{
    const struct encoder *parents = r->parent != NULL ? r->parent->encoder : NULL;
    struct job_spec *spec = r->spec;
    bool scales = job_spec_kind(spec) == MLP_OF_NUMBERS && spec->output == MLP_OUT_IDENTITY;

    resolve_plan(r);
    resolve_columns(r);
    spec->target_scale = (enum encoder_numeric)choose(
        r, KEY_TARGET_SCALE, scales ? ENCODER_STANDARDIZE : ENCODER_NONE,
        parents != NULL ? encoder_target_of(parents) : 0);
    check_target_scale(r, scales);
    check_features(r);
}
