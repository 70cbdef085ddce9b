/* How good a model is on given rows: the metrics of one split, and the evaluation that
 * GET /models/{id}/evaluation shows. All in double, in the target's own units but for `loss`.
 */
#ifndef MLPD_JOBS_JUDGE_H
#define MLPD_JOBS_JUDGE_H

#include "data/encoder.h"
#include "mlp/mlp.h"

struct judged {
    char *metrics_json;    /* {"loss":..,"accuracy":..,"log_loss":..} or {"loss","rmse","mae","r2"} */
    char *evaluation_json; /* confusion matrix with labels, or a true/predicted sample and a
                              residual histogram */
};
void judged_fini(struct judged *j);

/* data: encoded rows with their truth. Several targets: rmse, mae, r2 averaged over targets,
 * with "targets": {name: {...}} beside. Predictions go in slices; memory stays small. */
int judge(const struct mlp_net *net, const struct encoder *encoder, const struct mlp_data *data,
          const char *split, struct judged *out, struct err *err) MUST_CHECK;

#endif
