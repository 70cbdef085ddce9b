/* From a trained network's outputs to answers: a temperature that makes its probabilities honest,
 * and the probability from which the second of two classes is the answer. Both are chosen on the
 * validation part, stored in the network's spec, and used wherever it predicts or is judged.
 */
#ifndef MLPD_JOBS_DECIDE_H
#define MLPD_JOBS_DECIDE_H

#include <stdatomic.h>

#include "jobs/spec.h"

struct decision {
    bool calibrated;
    double temperature;
    double log_loss_before, log_loss_after; /* of the validation part */
    bool chosen;                            /* a threshold, by threshold_metric */
    double threshold;
    double metric_before, metric_after; /* at .5, and at the threshold; the same part */
    size_t rows;                        /* of the validation part */
};

/* Does what `spec` asks for, on `data` (the validation part, at least one row), and sets it in the
 * net. Outputs that are not finite keep temperature 1. `pulse` counts slices, as signs of life;
 * may be NULL. */
int decide(const struct job_spec *spec, struct mlp_net *net, const struct mlp_data *data,
           atomic_ulong *pulse, struct decision *out, struct err *err) MUST_CHECK;

#endif
