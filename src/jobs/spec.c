/* A training job's description: its memory, and which columns it names; see spec.h.
 *
 * Any thread; a spec belongs to one at a time.
 */
#include "jobs/spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "jobs/config_weights.h"
#include "jobs/json_util.h"

#define COLUMNS_TOLD 8 /* of a table in which one was looked for in vain */

static void free_texts(char **texts, size_t n)
{
    size_t i;

    for (i = 0; texts != NULL && i < n; i++) {
        free(texts[i]);
    }
    free(texts);
}

void job_notify_fini(struct job_notify *notify)
{
    free(notify->url);
    *notify = (struct job_notify){.url = NULL};
}

void job_spec_fini(struct job_spec *spec)
{
    size_t i;

    free(spec->name);
    for (i = 0; i < spec->n_why; i++) {
        free(spec->why[i].key);
        free(spec->why[i].text);
    }
    free(spec->why);
    job_notify_fini(&spec->notify);
    free_texts(spec->targets, spec->n_targets);
    encoder_plan_fini(&spec->plan);
    for (i = 0; i < spec->n_columns; i++) {
        free(spec->columns[i].name);
        encoder_plan_fini(&spec->columns[i].plan);
    }
    free(spec->columns);
    free(spec->target_rule);
    free_texts(spec->features, spec->n_features);
    free_texts(spec->exclude, spec->n_exclude);
    for (i = 0; i < spec->n_types; i++) {
        free(spec->types[i].name);
    }
    free(spec->types);
    free(spec->sample_weight);
    free(spec->offset);
    filter_fini(&spec->filter);
    free(spec->keep);
    free(spec->split_column);
    for (i = 0; i < SPLIT_PARTS; i++) {
        free(spec->keep_of[i]);
        free(spec->ranges[i]);
    }
    free(spec->hidden);
    free(spec->layers);
    free(spec->milestones);
    for (i = 0; i < spec->n_class_weights; i++) {
        free(spec->class_weights[i].label);
    }
    free(spec->class_weights);
    config_weights_free(&spec->initial_weights);
    free(spec->freeze);
    free(spec->start_tables);
    free_texts(spec->metrics, spec->n_metrics);
    *spec = (struct job_spec){.name = NULL};
}

bool job_spec_is_soft(const struct job_spec *spec)
{
    return !spec->classes && spec->output == MLP_OUT_SOFTMAX;
}

enum mlp_metric_kind job_spec_kind(const struct job_spec *spec)
{
    if (spec->classes || job_spec_is_soft(spec)) {
        return MLP_OF_CLASSES;
    }
    return spec->loss == MLP_BINARY_CROSS_ENTROPY || spec->loss == MLP_BINARY_FOCAL
               ? MLP_OF_LABELS
               : MLP_OF_NUMBERS;
}

const char *job_spec_split_pointer(const struct job_spec *spec)
{
    static const char *const pointers[] = {
        [SPLIT_COLUMN] = "/data/split/column",
        [SPLIT_GROUP] = "/data/split/group",
        [SPLIT_TIME] = "/data/split/time",
        [SPLIT_RANGES] = "/data/split/rows",
    };

    return spec->split_way != SPLIT_FRACTIONS ? pointers[spec->split_way]
           : spec->stratify_asked             ? "/data/split/stratify"
                                              : "/data/split";
}

struct split_options job_spec_split(const struct job_spec *spec, const struct dataset *ds)
{
    struct split_options out = {
        .validation = spec->validation,
        .test = spec->test,
        .stratify = spec->stratify,
        .stratify_asked = spec->stratify_asked,
        .seed = spec->train.seed,
        .target = spec->classes ? dataset_find(ds, spec->targets[0]) : -1,
        .way = spec->split_way,
        .keep = spec->keep,
        .ranges = (const struct split_range *const *)spec->ranges,
    };
    ptrdiff_t column = spec->split_column != NULL ? dataset_find(ds, spec->split_column) : 0;

    CHK(column >= 0); /* job_spec_columns looked */
    out.column = (size_t)column;
    memcpy(out.n_ranges, spec->n_ranges, sizeof out.n_ranges);
    return out;
}

bool job_spec_validates(const struct job_spec *spec)
{
    return spec->validation > 0 || spec->split_way == SPLIT_COLUMN ||
           spec->n_ranges[SPLIT_VALIDATION] > 0 ||
           spec->validation_dataset[0] != '\0';
}

bool job_spec_full_batch(const struct job_spec *spec)
{
    return spec->train.optimizer == MLP_LBFGS || spec->train.optimizer == MLP_RPROP;
}

struct mlp_spec job_spec_network(const struct job_spec *spec, size_t n_inputs, size_t n_classes,
                                 double target_scale)
{
    struct mlp_spec net = {
        .n_inputs = n_inputs,
        .n_outputs = spec->n_targets,
        .n_hidden = spec->n_hidden,
        .hidden = spec->hidden,
        .input_scale = spec->input_scale,
        .input_dropout = spec->input_dropout,
        .input_noise = spec->input_noise,
        .output_init = spec->output_init,
        .threshold = spec->threshold < 0.5 || spec->threshold > 0.5 ? spec->threshold : 0,
        .output_init_scale = spec->output_init_scale,
        .output = spec->output,
        .loss = spec->loss,
        .loss_parameter = spec->loss_parameter,
    };

    if (spec->classes) {
        net.n_outputs = spec->output == MLP_OUT_SOFTMAX ? n_classes : 1;
    }
    if (spec->loss == MLP_HUBER) {
        net.loss_parameter = spec->has_delta ? spec->loss_parameter / target_scale : 1;
    }
    return net;
}

struct mlp_embedding *job_spec_tables(const struct encoder *encoder, size_t *n)
{
    struct mlp_embedding *tables;
    size_t i, input;

    *n = encoder_n_embeddings(encoder);
    tables = xcalloc(*n > 0 ? *n : 1, sizeof *tables);
    for (i = 0; i < *n; i++) {
        (void)encoder_embedding(encoder, i, &input, &tables[i].levels, &tables[i].width);
    }
    return tables;
}

char *job_monitor_name(const struct job_monitor *monitor)
{
    static const char *const parts[SPLIT_PARTS] = {"training", "validation", "test"};

    return xasprintf("%s_%s", parts[monitor->part],
                     monitor->of_metric ? mlp_metric_names()[monitor->metric] : "loss");
}

/* Mark the column called `name`; what is missing goes to `err` with the nearest name. */
/* The first names, and how many more there are. */
static void list_columns(struct buf *out, const struct dataset *ds)
{
    size_t n = dataset_n_columns(ds), i;
    char shown[JSON_UTIL_SHOWN];

    for (i = 0; i < n && i < COLUMNS_TOLD; i++) {
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "",
                   json_util_shown(dataset_names(ds)[i], shown));
    }
    if (n > i) {
        buf_printf(out, " and %zu more", n - i);
    }
}

static ptrdiff_t find(const struct dataset *ds, const char *name, const char *pointer,
                      struct err *err)
{
    ptrdiff_t column = dataset_find(ds, name);
    char shown[JSON_UTIL_SHOWN], near[JSON_UTIL_SHOWN];
    struct buf names = BUF_INIT;
    const char *nearest;

    if (column >= 0) {
        return column;
    }
    nearest =
        err_full(err) ? NULL : text_nearest(name, dataset_names(ds), dataset_n_columns(ds));
    json_util_shown(name, shown);
    if (nearest != NULL) {
        err_add(err, pointer, "the dataset has no column \"%s\", did you mean \"%s\"?", shown,
                json_util_shown(nearest, near));
    } else {
        list_columns(&names, ds);
        err_add(err, pointer, "the dataset has no column \"%s\"; it has %s", shown, names.data);
        buf_fini(&names);
    }
    return -1;
}

int job_spec_columns(const struct job_spec *spec, const struct dataset *ds, size_t **features,
                     size_t *n_features, size_t **targets, struct err *err)
{
    size_t n = dataset_n_columns(ds), i, kept = 0;
    bool *out = xcalloc(n > 0 ? n : 1, sizeof *out); /* columns that are not features */
    size_t *f = xcalloc(n > 0 ? n : 1, sizeof *f);
    size_t *t = xcalloc(spec->n_targets > 0 ? spec->n_targets : 1, sizeof *t);
    const struct {
        const char *name, *pointer;
        bool feature; /* it may be one */
    } others[] = {
        {spec->split_column, job_spec_split_pointer(spec), spec->split_way == SPLIT_TIME},
        {spec->sample_weight, "/data/sample_weight", false},
        {spec->offset, "/data/offset", false},
    };
    struct err problems = ERR_INIT;
    ptrdiff_t at;

    for (i = 0; i < spec->n_targets; i++) {
        char *pointer =
            spec->n_targets == 1 ? xstrdup("/data/target") : xasprintf("/data/target/%zu", i);

        at = find(ds, spec->targets[i], pointer, &problems);
        if (at >= 0) {
            t[i] = (size_t)at;
            out[at] = true;
        }
        free(pointer);
    }
    for (i = 0; spec->n_features > 0 && i < n; i++) {
        out[i] = true;
    }
    for (i = 0; i < spec->n_features; i++) {
        char *pointer = xasprintf("/data/features/%zu", i);

        at = find(ds, spec->features[i], pointer, &problems);
        if (at >= 0) {
            out[at] = false;
        }
        free(pointer);
    }
    for (i = 0; i < spec->n_exclude; i++) {
        char *pointer = xasprintf("/data/exclude/%zu", i);

        at = find(ds, spec->exclude[i], pointer, &problems);
        if (at >= 0) {
            out[at] = true;
        }
        free(pointer);
    }
    for (i = 0; i < ARRAY_LEN(others); i++) {
        at = others[i].name != NULL ? find(ds, others[i].name, others[i].pointer, &problems) : -1;
        if (at >= 0 && !others[i].feature) {
            out[at] = true;
        }
    }
    for (i = 0; i < n; i++) {
        if (!out[i]) {
            f[kept++] = i;
        }
    }
    free(out);
    if (!err_is(&problems) && kept == 0) {
        err_add(&problems, "/data", "no column is left to learn from");
    }
    if (err_is(&problems)) {
        err_move(err, &problems);
        free(f);
        free(t);
        return -1;
    }
    *features = f;
    *n_features = kept;
    *targets = t;
    return 0;
}

const struct encoder_plan *job_spec_plan(const struct job_spec *spec, const char *column,
                                         size_t *at)
{
    if (*at < spec->n_columns && strcmp(spec->columns[*at].name, column) == 0) {
        return &spec->columns[(*at)++].plan;
    }
    return &spec->plan;
}

int job_encoder_init(struct job_encoder *out, const struct job_spec *spec, const struct dataset *ds,
                     struct err *err)
{
    struct encoder_options *o = &out->options;
    size_t i, at = 0;

    *out = (struct job_encoder){.options = {.plan = spec->plan,
                                            .target = spec->target_scale,
                                            .classes = spec->classes,
                                            .n_targets = spec->n_targets,
                                            .offset = spec->offset,
                                            .weight = spec->sample_weight}};
    if (job_spec_columns(spec, ds, &out->features, &o->n_features, &out->targets, err) != 0) {
        return -1;
    }
    out->plans = xcalloc(o->n_features + 1, sizeof *out->plans);
    for (i = 0; i < o->n_features; i++) {
        out->plans[i] = *job_spec_plan(spec, dataset_column(ds, out->features[i])->name, &at);
    }
    o->features = out->features;
    o->targets = out->targets;
    o->columns = out->plans;
    return 0;
}

void job_encoder_fini(struct job_encoder *encoder)
{
    free(encoder->features);
    free(encoder->targets);
    free(encoder->plans);
    *encoder = (struct job_encoder){.plans = NULL};
}
