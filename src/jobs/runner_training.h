/* One job of kind train while it runs: between runner_train.c, which has its way from the stored
 * config to the commit, and runner_fit.c, which has the network and the training.
 *
 * One worker's.
 */
#ifndef MLPD_JOBS_RUNNER_TRAINING_H
#define MLPD_JOBS_RUNNER_TRAINING_H

#include "jobs/parent.h"
#include "jobs/runner_priv.h"

struct training {
    const struct runner_slot *slot;
    const struct store_job *job;
    double started;

    struct job_spec spec;
    struct parent parent;      /* with start_from */
    const struct dataset *ds, *validation, *test; /* open until the rows are encoded */
    struct err warnings;
    char *warnings_json;       /* NULL: none that the job has not already */

    struct encoder *encoder;   /* live: borrowed from the predictor */
    bool live;
    struct runner_part parts[SPLIT_PARTS];
    struct mlp_net *net;
    struct runner_curve *curve;

    char *monitor_name;
    void *state;               /* the trainer's at its end, or NULL */
    size_t state_bytes;

    struct mlp_result result;
    double seconds;            /* of training */
    struct judged judged[SPLIT_PARTS];
};

/* t->net, with the weights it starts from; checked against what only the encoder knows. */
int runner_make_net(struct training *t, struct err *err) MUST_CHECK;
/* Train it. 0 or -1; an interruption shows in t->result. */
int runner_fit(struct training *t, struct err *err) MUST_CHECK;

#endif
