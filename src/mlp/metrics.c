/* What a model is judged by, in double, with scikit-learn's definitions.
 *
 * Pure functions of predictions and truth.
 */
#include <math.h>
#include <string.h>

#include "mlp/mlp.h"

#define CLIP 2.220446049250313e-16 /* the double next to 1, minus 1 */

static double clipped(double p)
{
    return p < CLIP ? CLIP : p > 1 - CLIP ? 1 - CLIP : p;
}

/* The largest of n, the lowest index if several. */
static size_t argmax(const mlp_real *p, size_t n)
{
    size_t best = 0;

    for (size_t j = 1; j < n; j++) {
        if (p[j] > p[best]) {
            best = j;
        }
    }
    return best;
}

void mlp_metrics_classes(const mlp_real *p, size_t n_columns, const uint32_t *labels, size_t rows,
                         size_t n_classes, struct mlp_class_metrics *out, uint64_t *confusion)
{
    size_t hits = 0;
    double loss = 0;

    if (confusion != NULL) {
        memset(confusion, 0, n_classes * n_classes * sizeof(*confusion));
    }
    for (size_t i = 0; i < rows; i++) {
        const mlp_real *row = p + i * n_columns;
        size_t truth = labels[i];
        size_t guess = n_columns == 1 ? row[0] >= (mlp_real)0.5 : argmax(row, n_columns);
        double likely = n_columns > 1 ? (double)row[truth]
                        : truth == 1  ? (double)row[0]
                                      : 1 - (double)row[0];

        hits += guess == truth;
        loss -= log(clipped(likely));
        if (confusion != NULL) {
            confusion[truth * n_classes + guess]++;
        }
    }
    out->accuracy = rows > 0 ? (double)hits / (double)rows : NAN;
    out->log_loss = rows > 0 ? loss / (double)rows : NAN;
}

void mlp_metrics_regression(const double *truth, const double *predicted, size_t rows,
                            size_t stride, struct mlp_regression_metrics *out)
{
    double squares = 0, absolute = 0, sum = 0, spread = 0;
    double n = (double)rows;
    bool constant = true;

    *out = (struct mlp_regression_metrics){NAN, NAN, NAN, NAN};
    if (rows == 0) {
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        double error = truth[i * stride] - predicted[i * stride];

        squares += error * error;
        absolute += fabs(error);
        sum += truth[i * stride];
        constant &= truth[i * stride] == truth[0];
    }
    for (size_t i = 0; i < rows; i++) { /* a second pass: the mean is known exactly enough */
        double d = truth[i * stride] - sum / n;

        spread += d * d;
    }
    out->mse = squares / n;
    out->rmse = sqrt(squares / n);
    out->mae = absolute / n;
    if (rows >= 2) {
        /* not "spread > 0": the mean of equal numbers may be off by a rounding */
        out->r2 = !constant ? 1 - squares / spread : squares > 0 ? 0 : 1;
    }
}
