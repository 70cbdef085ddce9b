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

struct mlp_data loss_rows(const struct mlp_spec *spec, const struct mlp_data *data, size_t first,
                          size_t rows)
{
    return (struct mlp_data){
        .rows = rows,
        .x = data->x + first * spec->n_inputs,
        .targets = data->targets != NULL ? data->targets + first * spec->n_outputs : NULL,
        .labels = data->labels != NULL ? data->labels + first : NULL,
    };
}

/* scale 0: measure only */
static void run(const struct mlp_net *net, const struct mlp_data *truth, mlp_real *z,
                mlp_real scale, struct kernel_sum *sum)
{
    const struct kernel *k = net->kernel;
    const struct mlp_spec *spec = &net->spec;
    size_t rows = truth->rows, cols = spec->n_outputs;

    switch (spec->loss) {
    case MLP_CROSS_ENTROPY:
        k->softmax_loss(z, truth->labels, rows, cols, scale, sum);
        break;
    case MLP_BINARY_CROSS_ENTROPY:
        k->sigmoid_loss(z, truth->targets, rows, cols, scale, sum);
        break;
    case MLP_MSE:
        k->square_loss(z, truth->targets, spec->output == MLP_OUT_SIGMOID, rows, cols, scale, sum);
        break;
    }
}

double loss_gradient(const struct mlp_net *net, const struct mlp_data *truth, mlp_real *z)
{
    struct kernel_sum sum = {0};

    run(net, truth, z, (mlp_real)(1.0 / (double)truth->rows), &sum);
    return sum.loss / (double)truth->rows;
}

void loss_measure(const struct mlp_net *net, const struct mlp_data *truth, mlp_real *z,
                  struct kernel_sum *sum)
{
    run(net, truth, z, 0, sum);
}

void loss_output(const struct mlp_net *net, mlp_real *z, size_t rows)
{
    switch (net->spec.output) {
    case MLP_OUT_IDENTITY:
        break;
    case MLP_OUT_SIGMOID:
        net->kernel->activate(MLP_SIGMOID, z, rows * net->spec.n_outputs);
        break;
    case MLP_OUT_SOFTMAX:
        net->kernel->softmax(z, rows, net->spec.n_outputs);
        break;
    }
}
