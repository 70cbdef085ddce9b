/* What decides which epoch is the best: a part's loss, or a metric of it, measured on the weights
 * that would be published; see runner_priv.h.
 *
 * The metric is the core's own meter, as the judge uses it, so that the number in the curve is
 * the number of the report. Everything is allocated before the training, nothing during it.
 *
 * Runs inside a training, on the worker's thread.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jobs/model_json.h"
#include "jobs/runner_priv.h"

#define SLICE_ROWS 512

struct runner_monitor {
    bool of_metric;
    enum mlp_metric metric;
    const struct mlp_data *data; /* borrowed */
    struct mlp_workspace *ws;
    struct mlp_meter *meter; /* of_metric */
    float *p;                /* of_metric: (SLICE_ROWS, n_outputs) */
    size_t n_inputs;
};

void runner_monitor_free(struct runner_monitor **monitor)
{
    struct runner_monitor *m = *monitor;

    if (m == NULL) {
        return;
    }
    mlp_workspace_free(&m->ws);
    mlp_meter_free(&m->meter);
    free(m->p);
    free(m);
    *monitor = NULL;
}

int runner_monitor_new(const struct job_monitor *what, const struct mlp_net *net,
                       const struct encoder *encoder, const struct mlp_data *data,
                       struct runner_monitor **out, struct err *err)
{
    struct runner_monitor *m = xcalloc(1, sizeof *m);
    struct mlp_metric_input in = judge_input(net, encoder, data);
    enum mlp_status status = mlp_workspace_new(net, SLICE_ROWS, &m->ws);

    m->of_metric = what->of_metric;
    m->metric = what->metric;
    m->data = data;
    m->n_inputs = mlp_net_spec(net)->n_inputs;
    if (status == MLP_OK && m->of_metric) {
        status = mlp_meter_new(&in, &m->metric, 1, 0, &m->meter);
        m->p = mem_try_alloc(SLICE_ROWS * mlp_net_spec(net)->n_outputs, sizeof *m->p);
        status = status == MLP_OK && m->p == NULL ? MLP_E_MEMORY : status;
    }
    if (status != MLP_OK) {
        runner_monitor_free(&m);
        return model_json_status(err, status, "the monitored value cannot be computed");
    }
    *out = m;
    return 0;
}

static double measure_metric(struct runner_monitor *m, const struct mlp_net *net)
{
    const struct mlp_data *d = m->data;
    size_t first, n;

    mlp_meter_reset(m->meter);
    for (first = 0; first < d->rows; first += n) {
        n = d->rows - first < SLICE_ROWS ? d->rows - first : SLICE_ROWS;
        const mlp_real *x = mlp_data_x(d, m->n_inputs, first, n);

        if (x == NULL ||
            mlp_predict_offset(net, m->ws, x, d->offset != NULL ? d->offset + first : NULL, n, m->p) != MLP_OK ||
            mlp_meter_add(m->meter, m->p, n) != MLP_OK) {
            return NAN;
        }
    }
    return mlp_meter_read(m->meter, m->metric).value;
}

double runner_monitor_measure(struct runner_monitor *m, const struct mlp_net *net)
{
    struct mlp_score score;

    if (m->of_metric) {
        return measure_metric(m, net);
    }
    return mlp_evaluate(net, m->ws, m->data, &score) == MLP_OK ? score.loss : NAN;
}
