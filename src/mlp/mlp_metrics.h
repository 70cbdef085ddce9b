/* What a model is judged by: metrics of predictions and truth, in double, with
 * scikit-learn's definitions. Part of mlp.h, which includes it; never needed by itself.
 *
 * Pure functions: no state, any thread.
 */
#ifndef MLP_METRICS_H
#define MLP_METRICS_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rest of what a model is judged by. `p` is what mlp_predict gave. */
struct mlp_class_metrics {
    double accuracy;
    double log_loss; /* probabilities clipped at 2.2e-16 */
};
/* p (rows, n_classes) probabilities; ties of the largest: the lowest index. With
 * n_columns 1 and n_classes 2 the column is the probability of class 1 (>= .5 chooses it).
 * confusion, if not NULL, is [n_classes][n_classes], truth by row, cleared first. */
MLP_API void mlp_metrics_classes(const mlp_real *p, size_t n_columns, const uint32_t *labels,
                                 size_t rows, size_t n_classes, struct mlp_class_metrics *out,
                                 uint64_t *confusion);

struct mlp_regression_metrics {
    double mse, rmse, mae;
    double r2; /* constant truth: 1 if exact else 0; NaN under 2 rows */
};
/* Of one target column in its own units; strides in elements. */
MLP_API void mlp_metrics_regression(const double *truth, const double *predicted, size_t rows,
                                    size_t stride, struct mlp_regression_metrics *out);

#ifdef __cplusplus
}
#endif
#endif
