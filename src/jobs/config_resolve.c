/* Defaults that depend on the data: struct config + datasets -> struct job_spec.
 *
 * In steps, each needing the ones before: columns, target with loss and output, preprocessing,
 * split, optimizer, network, metrics, training; config_resolve.h says which file has which.
 * Columns and metrics are here.
 *
 * Any thread; reads datasets, which threads may share.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jobs/admit.h"
#include "jobs/config_resolve.h"
#include "jobs/json_util.h"

static char **copy_texts(const struct config *config, enum config_id id, size_t *n)
{
    size_t i;
    char **texts;

    *n = config_n_texts(config, id);
    texts = xcalloc(*n > 0 ? *n : 1, sizeof *texts);
    for (i = 0; i < *n; i++) {
        texts[i] = xstrdup(config_text_at(config, id, i));
    }
    return texts;
}

static void copy_hash(char *out, const char *sha256)
{
    CHK(strlen(sha256) < HASH_HEX_LEN);
    memcpy(out, sha256, strlen(sha256) + 1);
}

/* ---- columns ------------------------------------------------------------------ */

/* Another dataset that validates or tests must have the same columns. */
static void check_other(const struct resolver *r, const struct dataset *other, enum config_id id)
{
    char *pointer = xasprintf("/%s", config_keys[id].path), shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->n_features + r->spec->n_targets; i++) {
        bool target = i >= r->n_features;
        const struct dataset_column *want =
            dataset_column(r->ds, target ? r->targets[i - r->n_features] : r->features[i]);
        ptrdiff_t at = dataset_find(other, want->name);

        json_util_shown(want->name, shown);
        if (at < 0) {
            err_add(r->err, pointer, "has no column \"%s\"", shown);
        } else if (dataset_column(other, (size_t)at)->type != want->type) {
            err_add(r->err, pointer, "has \"%s\" as %s, the training data as %s", shown,
                    column_type_name(dataset_column(other, (size_t)at)->type),
                    column_type_name(want->type));
        }
    }
    free(pointer);
}

/* And, in the rows that are left of it, every target. */
static void check_others_targets(const struct resolver *r, const struct dataset *other,
                                 enum config_id id)
{
    char *pointer = xasprintf("/%s", config_keys[id].path), shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i < r->spec->n_targets; i++) {
        ptrdiff_t at = dataset_find(other, r->spec->targets[i]);

        if (at >= 0 && resolver_column_in(r, other, (size_t)at)->missing > 0) {
            err_add(r->err, pointer,
                    "has rows without a value of the target \"%s\"; data.missing_target "
                    "\"drop_row\" leaves them out",
                    json_util_shown(r->spec->targets[i], shown));
        }
    }
    free(pointer);
}

/* A column of numbers that every row has: a weight or an offset. */
static void check_row_column(const struct resolver *r, const struct dataset *ds, const char *name,
                             const char *pointer, bool weight)
{
    ptrdiff_t at = dataset_find(ds, name);
    const struct dataset_column *col;
    char shown[JSON_UTIL_SHOWN];

    json_util_shown(name, shown);
    if (at < 0) {
        err_add(r->err, pointer, "has no column \"%s\"", shown);
        return;
    }
    col = resolver_column_in(r, ds, (size_t)at);
    if (col->type != COLUMN_NUMERIC) {
        err_add(r->err, pointer, "must be numbers, and \"%s\" holds %ss", shown,
                col->type == COLUMN_DATETIME ? "datetime" : "text");
    } else if (col->missing > 0) {
        err_add(r->err, pointer, "%llu row%s no value of \"%s\"", (unsigned long long)col->missing,
                col->missing == 1 ? " has" : "s have", shown);
    } else if (weight && (col->min < 0 || col->max <= 0)) {
        err_add(r->err, pointer, "must be >= 0 and not all 0, and \"%s\" goes from %g to %g", shown,
                col->min, col->max);
    }
}

static void resolve_row_columns(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    const struct {
        const char *name;
        enum config_id id;
    } columns[] = {{spec->sample_weight, KEY_SAMPLE_WEIGHT}, {spec->offset, KEY_OFFSET}};
    size_t i;

    for (i = 0; i < ARRAY_LEN(columns); i++) {
        bool weight = columns[i].id == KEY_SAMPLE_WEIGHT;

        if (columns[i].name == NULL) {
            continue;
        }
        check_row_column(r, r->ds, columns[i].name, weight ? "/data/sample_weight" : "/data/offset",
                         weight);
        if (r->validation != NULL) {
            check_row_column(r, r->validation, columns[i].name, "/data/split/validation_dataset",
                             weight);
        }
        if (r->test != NULL) {
            check_row_column(r, r->test, columns[i].name, "/data/split/test_dataset", weight);
        }
    }
}

/* The features must be the parent's, no more and no fewer. */
static void check_parents_features(const struct resolver *r)
{
    const struct encoder *e = r->parent->encoder;
    const char *parents_offset = encoder_offset(e), *offset = r->spec->offset;
    char shown[JSON_UTIL_SHOWN];
    size_t i, k;

    for (i = 0; i < encoder_n_features(e); i++) {
        const char *name = encoder_feature_name(e, i);

        for (k = 0; k < r->n_features; k++) {
            const struct dataset_column *col = dataset_column(r->ds, r->features[k]);

            if (strcmp(col->name, name) != 0) {
                continue;
            }
            if (col->type != encoder_feature_type(e, i)) {
                err_add(r->err, "/start_from", "the model has \"%s\" as %s, the data as %s",
                        json_util_shown(name, shown), column_type_name(encoder_feature_type(e, i)),
                        column_type_name(col->type));
            }
            break;
        }
        if (k == r->n_features) {
            err_add(r->err, "/start_from", "the model needs the column \"%s\"",
                    json_util_shown(name, shown));
        }
    }
    for (k = 0; k < r->n_features; k++) {
        const char *name = dataset_column(r->ds, r->features[k])->name;

        for (i = 0; i < encoder_n_features(e) && strcmp(encoder_feature_name(e, i), name) != 0;
             i++) {
        }
        if (i == encoder_n_features(e)) {
            err_add(r->err, "/start_from",
                    "the column \"%s\" is no feature of the model: leave it out with data.exclude",
                    json_util_shown(name, shown));
        }
    }
    if ((offset == NULL) != (parents_offset == NULL) ||
        (offset != NULL && strcmp(offset, parents_offset) != 0)) {
        err_add(r->err, "/data/offset", "the offset of the model it starts from is %s",
                parents_offset != NULL ? json_util_shown(parents_offset, shown) : "none");
    }
}

static char *copy_text(const struct config *config, enum config_id id)
{
    return config_has(config, id) ? xstrdup(config_text_at(config, id, 0)) : NULL;
}

static void copy_types(struct resolver *r)
{
    const struct config *c = r->config;
    size_t i;

    r->spec->types = xcalloc(c->n_types + 1, sizeof *r->spec->types);
    for (i = 0; i < c->n_types; i++) {
        r->spec->types[i] = (struct job_type){xstrdup(c->types[i].name), c->types[i].type};
    }
    r->spec->n_types = c->n_types;
}

static int resolve_columns(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    const struct config *c = r->config;

    spec->targets = copy_texts(c, KEY_TARGET, &spec->n_targets);
    spec->features = copy_texts(c, KEY_FEATURES, &spec->n_features);
    spec->exclude = copy_texts(c, KEY_EXCLUDE, &spec->n_exclude);
    copy_types(r);
    resolve_split_way(r);
    spec->sample_weight = copy_text(c, KEY_SAMPLE_WEIGHT);
    spec->offset = copy_text(c, KEY_OFFSET);
    if (job_spec_columns(spec, r->ds, &r->features, &r->n_features, &r->targets, r->err) != 0) {
        return -1;
    }
    if (r->validation != NULL) {
        check_other(r, r->validation, KEY_VALIDATION_SET);
    }
    if (r->test != NULL) {
        check_other(r, r->test, KEY_TEST_SET);
    }
    if (r->parent != NULL) {
        check_parents_features(r);
    }
    return 0;
}

/* How much of it is admission's to say where nobody does: it knows the memory there is. */
static void resolve_window(struct resolver *r)
{
    const struct config_value *window = &r->config->values[KEY_WINDOW];

    r->spec->window_auto = !window->given || json_is_string(window->json);
    r->spec->train.window =
        json_is_integer(window->json) ? (size_t)json_integer_value(window->json) : 0;
}

/* ---- metrics ------------------------------------------------------------------------- */

static const char *kind_text(enum mlp_metric_kind kind)
{
    static const char *const texts[] = {[MLP_OF_CLASSES] = "classes",
                                        [MLP_OF_LABELS] = "columns of 0 and 1",
                                        [MLP_OF_NUMBERS] = "numbers"};

    return texts[kind];
}

static void resolve_metrics(struct resolver *r)
{
    struct job_spec *spec = r->spec;
    enum mlp_metric_kind kind = job_spec_kind(spec);
    enum mlp_metric which;
    size_t i;

    spec->metrics = copy_texts(r->config, KEY_METRICS, &spec->n_metrics);
    for (i = 0; i < spec->n_metrics; i++) {
        if (mlp_metric_parse(spec->metrics[i], &which) && !mlp_metric_applies(which, kind)) {
            bool numbers = mlp_metric_applies(which, MLP_OF_NUMBERS);
            char *pointer = xasprintf("/metrics/%zu", i);

            err_add(r->err, pointer, "%s is for %s, and the target is %s", spec->metrics[i],
                    kind_text(numbers ? MLP_OF_NUMBERS : MLP_OF_CLASSES), kind_text(kind));
            free(pointer);
        }
    }
}

static void resolve_start(struct resolver *r)
{
    const struct config_parent *parent = r->parent;
    struct job_spec *spec = r->spec;
    bool goes_on = config_choice(r->config, KEY_START_STATE, CONFIG_RESET) == CONFIG_CONTINUE;

    if (parent == NULL) {
        return;
    }
    spec->start_model = parent->id;
    copy_hash(spec->start_weights, parent->weights_sha256);
    spec->start_continue = goes_on;
    spec->start_inputs = encoder_n_inputs(parent->encoder);
    spec->start_classes = encoder_n_classes(parent->encoder);
    spec->start_tables = job_spec_tables(parent->encoder, &spec->n_start_tables);
    if (goes_on && !parent->has_state) {
        err_add(r->err, "/start_from/optimizer_state",
                "the model's optimizer state was not kept: use \"reset\"");
    }
    if (goes_on && spec->loss != parent->spec->loss) {
        err_add(r->err, "/loss", "a training that goes on goes on with %s",
                mlp_loss_names()[parent->spec->loss]);
    }
    if (config_has(r->config, KEY_START_WEIGHTS) &&
        strcmp(config_text_at(r->config, KEY_START_WEIGHTS, 0), parent->weights_sha256) != 0) {
        err_add(r->err, "/start_from/weights_sha256", "the model has other weights, %s",
                parent->weights_sha256);
    }
}

static int resolve(struct resolver *r)
{
    size_t rows[SPLIT_PARTS];

    if (resolve_columns(r) != 0) {
        return -1;
    }
    resolve_preset(r);
    if (resolve_filter(r) != 0) {
        return -1;
    }
    if (r->validation != NULL) {
        check_others_targets(r, r->validation, KEY_VALIDATION_SET);
    }
    if (r->test != NULL) {
        check_others_targets(r, r->test, KEY_TEST_SET);
    }
    resolve_row_columns(r);
    resolve_target(r);
    resolve_preprocess(r);
    resolve_split(r);
    resolve_sampling(r);
    resolve_window(r);
    resolve_start(r);
    resolve_optimizer(r);
    resolve_network(r);
    resolve_metrics(r);
    if (err_is(r->err) || admit_rows(r->spec, r->ds, r->validation, r->test, rows, r->err) != 0) {
        return -1;
    }
    resolve_training(r, (double)rows[SPLIT_TRAINING]);
    resolve_stopping(r);
    resolve_decision(r);
    return err_is(r->err) ? -1 : 0;
}

int config_resolve(const struct config *config, const struct config_sources *from,
                   struct job_spec *out, struct err *warnings, struct err *err)
{
    struct job_spec spec = {.name = NULL};
    struct config inherited = *config; /* borrows all of it */
    struct resolver r = {.config = &inherited,
                         .ds = from->ds,
                         .validation = from->validation,
                         .test = from->test,
                         .parent = from->parent,
                         .spec = &spec,
                         .warnings = warnings,
                         .err = err};
    json_t *tree = NULL;
    int rc;

    CHK_OBJ(config, CONFIG_MAGIC);
    CHK(config->rows == NULL); /* inline rows are a dataset by now */
    CHK((config->model_key == NULL) == (from->parent == NULL));
    spec.name = config_name(config) != NULL ? xstrdup(config_name(config)) : NULL;
    spec.priority = config_priority(config);
    spec.notify = config_notify(config);
    copy_hash(spec.dataset, from->sha256);
    copy_hash(spec.validation_dataset, from->validation != NULL ? from->validation_sha256 : "");
    copy_hash(spec.test_dataset, from->test != NULL ? from->test_sha256 : "");
    if (from->parent != NULL) {
        resolve_inherit(&inherited, from->parent, &tree, err);
    }
    rc = resolve(&r);
    resolve_filter_end(&r);
    json_decref(tree);
    free(r.features);
    free(r.targets);
    if (rc != 0) {
        job_spec_fini(&spec);
        return -1;
    }
    *out = spec;
    return 0;
}
