/* The judge: loss, metrics and evaluation of a network on encoded rows; see judge.h.
 *
 * The loss is the core's own (mlp_evaluate). Everything else is measured here, on what
 * mlp_predict answers, slice by slice, so that the numbers a user sees are those of the
 * answers a user gets. Per kind of target: judge_classes.c, judge_numbers.c; this file has
 * the walk over the rows and the case of several 0/1 labels a row.
 *
 * Threads: any, everything is local. Memory beyond the data: a slice of predictions, counts
 * per class; 8 bytes a row for the curves of two classes, 4 bytes a target value for the
 * residuals, taken when the training arena has already gone.
 */
#include "jobs/judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/judge_priv.h"

#define SLICE_ROWS  1024
#define SLICE_BYTES (4u << 20)
#define CLIP        2.2e-16 /* of probabilities in log_loss, as scikit-learn does */

int judging_slice(struct judging *j, size_t first, size_t *n, struct err *err)
{
    size_t n_inputs = mlp_net_spec(j->net)->n_inputs, left = j->data->rows - first;
    enum mlp_status status;

    *n = left < j->slice ? left : j->slice;
    if (*n == 0) {
        return 0;
    }
    status = mlp_predict(j->net, j->ws, j->data->x + first * n_inputs, *n, j->p);
    return status == MLP_OK ? 0 : model_json_status(err, status, "the evaluation failed");
}

json_t *judge_class_json(const char *label, uint64_t hits, uint64_t chosen, uint64_t support)
{
    double precision = chosen != 0 ? (double)hits / (double)chosen : 0;
    double recall = support != 0 ? (double)hits / (double)support : 0;
    json_t *item = model_json_object();

    model_json_put(item, "label", model_json_string(label));
    model_json_put(item, "precision", model_json_number(precision));
    model_json_put(item, "recall", model_json_number(recall));
    model_json_put(item, "f1",
                   model_json_number(chosen + support != 0
                                         ? 2 * (double)hits / (double)(chosen + support)
                                         : 0));
    model_json_put(item, "support", model_json_count(support));
    return item;
}

/* ---- several 0/1 columns a row ------------------------------------------------------ */

struct label_counts {
    uint64_t hits, chosen, support;
};

/* Adds the slice's counts and its clipped logarithms; (n, width) of both matrices. */
static double count_labels(const mlp_real *p, const mlp_real *truth, size_t n, size_t width,
                           struct label_counts *counts)
{
    double sum = 0;
    size_t i, k;

    for (i = 0; i < n; i++) {
        for (k = 0; k < width; k++) {
            double y = truth[i * width + k], q = p[i * width + k];
            bool is = y >= .5, says = q >= .5;

            q = q < CLIP ? CLIP : q > 1 - CLIP ? 1 - CLIP : q;
            sum -= y * log(q) + (1 - y) * log(1 - q);
            counts[k].hits += is && says;
            counts[k].chosen += says;
            counts[k].support += is;
        }
    }
    return sum;
}

int judge_labels(struct judging *j, struct err *err)
{
    size_t width = mlp_net_spec(j->net)->n_outputs, first, n, k;
    struct label_counts *counts = xcalloc(width, sizeof *counts);
    json_t *labels, *per_class;
    double sum = 0;

    for (first = 0;; first += n) {
        if (judging_slice(j, first, &n, err) != 0) {
            free(counts);
            return -1;
        }
        if (n == 0) {
            break;
        }
        sum += count_labels(j->p, j->data->targets + first * width, n, width, counts);
    }
    model_json_put(j->metrics, "accuracy", model_json_number(j->score.accuracy));
    model_json_put(j->metrics, "log_loss",
                   model_json_number(sum / (double)j->data->rows / (double)width));

    labels = model_json_array();
    per_class = model_json_array();
    for (k = 0; k < width; k++) {
        const char *name = encoder_target_name(j->encoder, k);

        model_json_push(labels, model_json_string(name));
        model_json_push(per_class, judge_class_json(name, counts[k].hits, counts[k].chosen,
                                                    counts[k].support));
    }
    model_json_put(j->evaluation, "labels", labels);
    model_json_put(j->evaluation, "per_class", per_class);
    free(counts);
    return 0;
}

/* ---- all kinds ------------------------------------------------------------------------ */

static int start(struct judging *j, struct err *err)
{
    const struct mlp_spec *spec = mlp_net_spec(j->net);
    size_t width = spec->n_inputs + spec->n_outputs, i;
    enum mlp_status status;

    for (i = 0; i < spec->n_hidden; i++) {
        width += spec->hidden[i].units;
    }
    j->slice = SLICE_BYTES / sizeof *j->p / width;
    j->slice = j->slice < 1 ? 1 : j->slice > SLICE_ROWS ? SLICE_ROWS : j->slice;
    j->slice = j->slice > j->data->rows ? j->data->rows : j->slice;
    j->p = mem_try_alloc(j->slice * spec->n_outputs, sizeof *j->p);
    if (j->p == NULL) {
        return err_set(err, ERR_NO_MEMORY, "no memory to evaluate the model");
    }
    status = mlp_workspace_new(j->net, j->slice, &j->ws);
    if (status == MLP_OK) {
        status = mlp_evaluate(j->net, j->ws, j->data, &j->score);
    }
    return status == MLP_OK ? 0 : model_json_status(err, status, "the evaluation failed");
}

int judge(const struct mlp_net *net, const struct encoder *encoder, const struct mlp_data *data,
          const char *split, struct judged *out, struct err *err)
{
    struct judging j = {.net = net, .encoder = encoder, .data = data};
    bool labels = mlp_net_spec(net)->loss == MLP_BINARY_CROSS_ENTROPY;
    const char *type = "numbers";
    int rc = -1;

    CHK(data->rows > 0);
    if (encoder_is_classes(encoder)) {
        type = "classes";
    } else if (labels) {
        type = "labels";
    }
    j.metrics = model_json_object();
    j.evaluation = model_json_object();
    if (start(&j, err) != 0) {
        goto out;
    }
    model_json_put(j.metrics, "loss", model_json_number(j.score.loss));
    model_json_put(j.evaluation, "split", model_json_string(split));
    model_json_put(j.evaluation, "rows", model_json_count(data->rows));
    model_json_put(j.evaluation, "type", model_json_string(type));
    if (encoder_is_classes(encoder)) {
        rc = judge_classes(&j, err);
    } else {
        rc = labels ? judge_labels(&j, err) : judge_numbers(&j, err);
    }
    if (rc == 0) {
        out->metrics_json = model_json_take(j.metrics);
        out->evaluation_json = model_json_take(j.evaluation);
        j.metrics = j.evaluation = NULL;
    }
out:
    json_decref(j.metrics);
    json_decref(j.evaluation);
    mlp_workspace_free(&j.ws);
    free(j.p);
    return rc;
}

void judged_fini(struct judged *j)
{
    free(j->metrics_json);
    free(j->evaluation_json);
    *j = (struct judged){.metrics_json = NULL};
}
