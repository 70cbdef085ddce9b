/* The judge: loss, metrics and evaluation of a network on encoded rows; see judge.h.
 *
 * The loss is the core's own (mlp_evaluate). Everything else is measured on what mlp_predict
 * answers, slice by slice, so that the numbers a user sees are those of the answers a user
 * gets: the metrics and curves by the core's meter; samples and residuals in judge_numbers.c.
 * This file has the walk over the rows and the metrics' JSON.
 *
 * Threads: any, everything is local. Memory beyond the data: a slice of predictions, the meter
 * (4 bytes a score where there are curves and 16 a row to sort them), 4 bytes a target value
 * for the residuals, taken when the training arena has already gone.
 */
#include "jobs/judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/judge_priv.h"

#define SLICE_ROWS  1024 /* MLP_SOURCE_ROWS at most */
#define SLICE_BYTES (4u << 20)

static const enum mlp_metric always_classes[] = {MLP_METRIC_ACCURACY, MLP_METRIC_LOG_LOSS};
static const enum mlp_metric always_numbers[] = {MLP_METRIC_RMSE, MLP_METRIC_MAE, MLP_METRIC_R2};

static double decode(const void *encoder, size_t target, double y)
{
    return encoder_decode_target(encoder, target, y);
}

enum mlp_metric_kind judge_kind(enum mlp_loss loss, bool classes)
{
    switch (loss) {
    case MLP_CROSS_ENTROPY:
    case MLP_FOCAL:
        return MLP_OF_CLASSES; /* shares of classes in the targets too */
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        return classes ? MLP_OF_CLASSES : MLP_OF_LABELS;
    default:
        return MLP_OF_NUMBERS;
    }
}

static enum mlp_metric_kind kind_of(const struct mlp_net *net, const struct encoder *encoder)
{
    return judge_kind(mlp_net_spec(net)->loss, encoder_is_classes(encoder));
}

/* The power of the deviance that a loss is half of; 0 is the squared error. */
static double power_of(const struct mlp_spec *spec)
{
    switch (spec->loss) {
    case MLP_POISSON:
        return 1;
    case MLP_GAMMA:
        return 2;
    case MLP_TWEEDIE:
        return spec->loss_parameter;
    default:
        return 0;
    }
}

struct mlp_metric_input judge_input(const struct mlp_net *net, const struct encoder *encoder,
                                    const struct mlp_data *data)
{
    const struct mlp_spec *spec = mlp_net_spec(net);
    struct mlp_metric_input in = {
        .kind = kind_of(net, encoder),
        .rows = data->rows,
        .columns = spec->n_outputs,
        .labels = data->labels,
        .targets = data->targets,
        .weights = data->weights,
    };

    if (in.kind == MLP_OF_CLASSES) {
        in.threshold = spec->threshold;
        in.n_classes = in.columns > 1 ? in.columns : 2;
    } else if (in.kind == MLP_OF_NUMBERS) {
        in.decode = decode;
        in.decode_arg = encoder;
        in.tau = spec->loss == MLP_QUANTILE ? spec->loss_parameter : 0;
        in.power = power_of(spec);
    }
    return in;
}

/* Adds what is new to j->listed. */
static void list(struct judging *j, enum mlp_metric which)
{
    size_t i;

    for (i = 0; i < j->n_listed; i++) {
        if (j->listed[i] == which) {
            return;
        }
    }
    j->listed[j->n_listed++] = which;
}

static void list_all(struct judging *j, enum mlp_metric_kind kind, char *const *metrics, size_t n)
{
    bool numbers = kind == MLP_OF_NUMBERS;
    const enum mlp_metric *always = numbers ? always_numbers : always_classes;
    size_t n_always = numbers ? ARRAY_LEN(always_numbers) : ARRAY_LEN(always_classes), i;
    enum mlp_metric which;

    for (i = 0; i < n_always; i++) {
        list(j, always[i]);
    }
    for (i = 0; i < n; i++) {
        if (mlp_metric_parse(metrics[i], &which) && mlp_metric_applies(which, kind)) {
            list(j, which);
        }
    }
}

/* ---- the metrics -------------------------------------------------------------------- */

static void put_targets(const struct judging *j)
{
    json_t *each = model_json_object();
    size_t k, i;

    for (k = 0; k < j->width; k++) {
        json_t *item = model_json_object();

        for (i = 0; i < j->n_listed; i++) {
            model_json_put(
                item, mlp_metric_names()[j->listed[i]],
                model_json_number(mlp_meter_read_column(j->meter, j->listed[i], k).value));
        }
        model_json_put(each, encoder_target_name(j->encoder, k), item);
    }
    model_json_put(j->metrics, "targets", each);
}

static void put_metrics(const struct judging *j, enum mlp_metric_kind kind)
{
    json_t *notes = model_json_object();
    size_t i;

    for (i = 0; i < j->n_listed; i++) {
        const char *name = mlp_metric_names()[j->listed[i]];
        struct mlp_metric_value v = mlp_meter_read(j->meter, j->listed[i]);

        model_json_put(j->metrics, name, model_json_number(v.value));
        if (v.why != NULL) {
            model_json_put(notes, name, model_json_string(v.why));
        }
    }
    if (kind == MLP_OF_NUMBERS && j->width > 1) {
        put_targets(j);
    }
    if (json_object_size(notes) > 0) {
        model_json_put(j->metrics, "notes", notes);
    } else {
        json_decref(notes);
    }
}

/* ---- the walk ----------------------------------------------------------------------- */

static int start(struct judging *j, struct err *err)
{
    const struct mlp_spec *spec = mlp_net_spec(j->net);
    struct mlp_metric_input in = judge_input(j->net, j->encoder, j->data);
    size_t width = mlp_spec_width(spec) + spec->n_outputs, i;
    enum mlp_status status;
    unsigned flags;

    j->n_classes = in.n_classes;
    flags = in.kind == MLP_OF_NUMBERS ? 0 : judge_classes_flags(j);

    for (i = 0; i < spec->n_hidden; i++) {
        width += spec->hidden[i].units;
    }
    j->slice = SLICE_BYTES / sizeof *j->p / width;
    j->slice = j->slice < 1 ? 1 : j->slice > SLICE_ROWS ? SLICE_ROWS : j->slice;
    j->slice = j->slice > j->data->rows ? j->data->rows : j->slice;
    j->p = mem_try_alloc(j->slice * j->width, sizeof *j->p);
    if (j->p == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to evaluate the model");
    }
    status = mlp_meter_new(&in, j->listed, j->n_listed, flags, &j->meter);
    if (status == MLP_OK) {
        status = mlp_workspace_new(j->net, j->slice, &j->ws);
    }
    if (status == MLP_OK) {
        status = mlp_evaluate(j->net, j->ws, j->data, &j->score);
    }
    return status == MLP_OK ? 0 : model_json_status(err, status, "the evaluation failed");
}

static enum mlp_status predict(struct judging *j, size_t first, size_t n)
{
    const mlp_real *offset = j->data->offset;
    const mlp_real *x = mlp_data_x(j->data, mlp_net_spec(j->net)->n_inputs, first, n);

    return x == NULL ? MLP_E_SOURCE
                     : mlp_predict_offset(j->net, j->ws, x, offset != NULL ? offset + first : NULL,
                                          n, j->p);
}

/* Every row through the network, to the meter and to `numbers` (which may be NULL). */
static int walk(struct judging *j, struct judge_numbers *numbers, struct err *err)
{
    size_t first, n;

    for (first = 0; first < j->data->rows; first += n) {
        size_t left = j->data->rows - first;
        enum mlp_status status;

        n = left < j->slice ? left : j->slice;
        if (j->pulse != NULL) {
            (void)atomic_fetch_add_explicit(j->pulse, 1, memory_order_relaxed);
        }
        status = predict(j, first, n);
        if (status == MLP_OK) {
            status = mlp_meter_add(j->meter, j->p, n);
        }
        if (status != MLP_OK) {
            return model_json_status(err, status, "the evaluation failed");
        }
        if (numbers != NULL) {
            judge_numbers_add(numbers, j, first, n);
        }
    }
    return 0;
}

static void report(struct judging *j, enum mlp_metric_kind kind, const char *split,
                   const struct judge_numbers *numbers)
{
    static const char *const types[] = {
        [MLP_OF_CLASSES] = "classes", [MLP_OF_LABELS] = "labels", [MLP_OF_NUMBERS] = "numbers"};

    model_json_put(j->metrics, "loss", model_json_number(j->score.loss));
    put_metrics(j, kind);
    model_json_put(j->evaluation, "split", model_json_string(split));
    model_json_put(j->evaluation, "rows", model_json_count(j->data->rows));
    model_json_put(j->evaluation, "type", model_json_string(types[kind]));
    if (kind == MLP_OF_CLASSES) {
        judge_classes_report(j);
    } else if (kind == MLP_OF_LABELS) {
        judge_labels_report(j);
    } else {
        judge_numbers_report(numbers, j);
    }
}

int judge_asked(const struct mlp_net *net, const struct encoder *encoder,
                const struct mlp_data *data, char *const *metrics, size_t n, const char *split,
                atomic_ulong *pulse, struct judged *out, struct err *err)
{
    enum mlp_metric_kind kind = kind_of(net, encoder);
    struct judging j = {.net = net, .encoder = encoder, .data = data, .pulse = pulse};
    struct judge_numbers *numbers = NULL;
    int rc;

    CHK(data->rows > 0);
    j.width = mlp_net_spec(net)->n_outputs;
    list_all(&j, kind, metrics, n);
    rc = start(&j, err);
    if (rc == 0 && kind == MLP_OF_NUMBERS) {
        rc = judge_numbers_new(&j, &numbers, err);
    }
    if (rc == 0) {
        rc = walk(&j, numbers, err);
    }
    if (rc == 0) {
        j.metrics = model_json_object();
        j.evaluation = model_json_object();
        report(&j, kind, split, numbers);
        out->metrics_json = model_json_take(j.metrics);
        out->evaluation_json = model_json_take(j.evaluation);
    }
    judge_numbers_free(&numbers);
    mlp_meter_free(&j.meter);
    mlp_workspace_free(&j.ws);
    free(j.p);
    return rc;
}

int judge(const struct mlp_net *net, const struct encoder *encoder, const struct mlp_data *data,
          const char *split, struct judged *out, struct err *err)
{
    return judge_asked(net, encoder, data, NULL, 0, split, NULL, out, err);
}

void judged_fini(struct judged *j)
{
    free(j->metrics_json);
    free(j->evaluation_json);
    *j = (struct judged){.metrics_json = NULL};
}
