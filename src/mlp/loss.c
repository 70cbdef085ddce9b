/* From a spec's loss to the kernel that computes it. See loss.h.
 *
 * Pure functions over the caller's buffers.
 */
#include "mlp/loss.h"

bool loss_data_fits(const struct mlp_spec *spec, const struct mlp_data *data)
{
    if (data->x == NULL) {
        return false;
    }
    if (spec->loss != MLP_CROSS_ENTROPY) {
        return data->targets != NULL;
    }
    if (data->labels == NULL) {
        return false;
    }
    for (size_t i = 0; i < data->rows; i++) { /* a label indexes a row of z */
        if (data->labels[i] >= spec->n_outputs) {
            return false;
        }
    }
    return true;
}

struct mlp_data loss_slice(const struct mlp_spec *spec, const struct mlp_data *data, size_t first,
                           size_t rows)
{
    return (struct mlp_data){
        .rows = rows,
        .x = data->x + first * spec->n_inputs,
        .targets = data->targets != NULL ? data->targets + first * spec->n_outputs : NULL,
        .labels = data->labels != NULL ? data->labels + first : NULL,
        .weights = data->weights != NULL ? data->weights + first : NULL,
        .offset = data->offset != NULL ? data->offset + first : NULL,
    };
}

static void run(const struct mlp_net *net, const struct loss_rows *r, mlp_real scale,
                mlp_real smoothing)
{
    const struct mlp_spec *spec = &net->spec;

    net->kernel->loss(&(struct kernel_loss){
        .loss = spec->loss,
        .output = spec->output,
        .parameter = (mlp_real)spec->loss_parameter,
        .smoothing = smoothing,
        .rows = r->truth->rows,
        .cols = spec->n_outputs,
        .z = r->z,
        .labels = r->truth->labels,
        .targets = r->truth->targets,
        .weights = r->truth->weights,
        .scale = scale,
        .row_loss = r->row_loss,
        .row_hit = r->row_hit,
    });
}

void loss_gradient(const struct mlp_net *net, const struct loss_rows *r, size_t batch_rows,
                   mlp_real smoothing)
{
    run(net, r, (mlp_real)(1.0 / (double)batch_rows), smoothing);
}

void loss_measure(const struct mlp_net *net, const struct loss_rows *r)
{
    run(net, r, 0, 0);
}

void loss_sum(const struct mlp_data *truth, const double *row_loss, double *sum)
{
    for (size_t i = 0; i < truth->rows; i++) {
        *sum += truth->weights != NULL ? (double)truth->weights[i] * row_loss[i] : row_loss[i];
    }
}

bool loss_of_classes(enum mlp_loss loss)
{
    return loss <= MLP_BINARY_FOCAL;
}

void loss_output(const struct mlp_net *net, mlp_real *z, size_t rows)
{
    switch (net->spec.output) {
    case MLP_OUT_IDENTITY:
        break;
    case MLP_OUT_SIGMOID:
        net->kernel->activate(MLP_SIGMOID, z, z, rows * net->spec.n_outputs);
        break;
    case MLP_OUT_SOFTMAX:
        net->kernel->softmax(z, rows, net->spec.n_outputs);
        break;
    case MLP_OUT_EXP:
        break;
    }
}
