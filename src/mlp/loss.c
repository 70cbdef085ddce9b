/* From a spec's loss to the kernel that computes it, and what data it can be computed from. See
 * loss.h.
 *
 * Pure functions over the caller's buffers.
 */
#include "mlp/loss.h"

#include <float.h>
#include <math.h>

/* ---- what data fits ------------------------------------------------------------- */

static bool of_softmax(enum mlp_loss loss)
{
    return loss == MLP_CROSS_ENTROPY || loss == MLP_FOCAL;
}

static bool labels_fit(const uint32_t *labels, size_t rows, size_t classes)
{
    for (size_t i = 0; i < rows; i++) { /* a label indexes a row of z */
        if (labels[i] >= classes) {
            return false;
        }
    }
    return true;
}

/* Whether all of x are in [low, high]; a NaN is not. */
static bool within(const mlp_real *x, size_t n, mlp_real low, mlp_real high)
{
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        all &= x[i] >= low && x[i] <= high;
    }
    return all;
}

static bool sums_to_one(const mlp_real *p, size_t n)
{
    double sum = 0;

    for (size_t j = 0; j < n; j++) {
        sum += (double)p[j];
    }
    return fabs(sum - 1) <= 1e-6;
}

static bool shares_fit(const mlp_real *y, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *row = y + i * cols;

        if (!within(row, cols, 0, 1 + (mlp_real)1e-6) || !sums_to_one(row, cols)) {
            return false;
        }
    }
    return true;
}

/* Training takes subnormal numbers for 0: they are no number above 0. */
#ifdef MLP_DOUBLE
#define MOST  DBL_MAX
#define LEAST DBL_MIN
#else
#define MOST  FLT_MAX
#define LEAST FLT_MIN
#endif

static bool targets_fit(enum mlp_loss loss, const mlp_real *y, size_t n)
{
    switch (loss) {
    case MLP_BINARY_CROSS_ENTROPY:
    case MLP_BINARY_FOCAL:
        return within(y, n, 0, 1);
    case MLP_POISSON:
    case MLP_TWEEDIE:
        return within(y, n, 0, MOST);
    case MLP_GAMMA:
        return within(y, n, LEAST, MOST);
    default:
        return within(y, n, -MOST, MOST);
    }
}

static bool weights_fit(const mlp_real *weights, size_t rows)
{
    double sum = 0;

    for (size_t i = 0; i < rows; i++) {
        sum += (double)weights[i];
    }
    return within(weights, rows, 0, MOST) && sum > 0;
}

bool loss_data_fits(const struct mlp_spec *spec, const struct mlp_data *data)
{
    size_t rows = data->rows, cols = spec->n_outputs;

    if ((data->x == NULL) == (data->source == NULL) || (data->weights != NULL && !weights_fit(data->weights, rows)) ||
        (data->offset != NULL && !within(data->offset, rows, -MOST, MOST))) {
        return false;
    }
    if (of_softmax(spec->loss) && data->labels != NULL) {
        return labels_fit(data->labels, rows, cols);
    }
    if (data->targets == NULL) {
        return false;
    }
    return of_softmax(spec->loss) ? shares_fit(data->targets, rows, cols)
                                  : targets_fit(spec->loss, data->targets, rows * cols);
}

struct mlp_data loss_slice(const struct mlp_spec *spec, const struct mlp_data *data, size_t first,
                           size_t rows)
{
    return (struct mlp_data){
        .rows = rows,
        .x = data->x != NULL ? data->x + first * spec->n_inputs : NULL,
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

/* z becomes e^z, z cut to what the link takes. */
static void exp_link(const struct kernel *kernel, mlp_real *z, size_t n)
{
    mlp_real eta[256];
    size_t most = sizeof(eta) / sizeof(*eta);

    for (size_t i = 0; i < n; i += most) {
        size_t m = n - i < most ? n - i : most;

        for (size_t j = 0; j < m; j++) { /* a NaN falls through */
            eta[j] = z[i + j] < -LOSS_LINK_MOST ? -LOSS_LINK_MOST : z[i + j];
            eta[j] = eta[j] > LOSS_LINK_MOST ? LOSS_LINK_MOST : eta[j];
        }
        kernel->exp(eta, z + i, m);
    }
}

void loss_output(const struct mlp_net *net, mlp_real *z, size_t rows)
{
    if (net->spec.temperature > 0) {
        mlp_real factor = (mlp_real)(1 / net->spec.temperature);

        for (size_t i = 0; i < rows * net->spec.n_outputs; i++) {
            z[i] *= factor;
        }
    }
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
        exp_link(net->kernel, z, rows * net->spec.n_outputs);
        break;
    }
}

/* ---- the first bias behind a log link ------------------------------------------------ */

/* log(sum w y / sum w e^offset) of one column: what a constant should predict. */
static double log_mean(const struct mlp_data *d, size_t column, size_t cols)
{
    double truth = 0, exposure = 0;

    for (size_t i = 0; i < d->rows; i++) {
        double w = d->weights != NULL ? (double)d->weights[i] : 1;

        truth += w * (double)d->targets[i * cols + column];
        exposure += w * (d->offset != NULL ? exp((double)d->offset[i]) : 1);
    }
    return log(truth) - log(exposure);
}

enum mlp_status mlp_net_start_bias(struct mlp_net *net, const struct mlp_data *data)
{
    const struct layer *last = &net->layers[net->n_layers - 1];

    if (data->rows == 0 || !loss_data_fits(&net->spec, data)) {
        return MLP_E_ARGUMENT;
    }
    for (size_t j = 0; j < last->n_z && net->spec.output == MLP_OUT_EXP; j++) {
        double eta = log_mean(data, j, last->n_z);

        net->params[last->bias + j] = (mlp_real)fmax(-LOSS_LINK_MOST, fmin(eta, LOSS_LINK_MOST));
    }
    return MLP_OK;
}
