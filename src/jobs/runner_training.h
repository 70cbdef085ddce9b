/* One job of kind train while it runs: between runner_train.c, which has its way from the stored
 * config to the commit, runner_fit.c, which has the network and the training, and
 * runner_resume.c, which has its checkpoints.
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
    bool anew;                 /* no look at its checkpoints */
    double started;            /* this attempt; monotonic seconds */
    struct runner_slot preparing; /* the slot; deaf to a cancel where there are weights to keep */

    struct job_spec spec;
    struct parent parent;      /* with start_from */
    const struct dataset *ds, *validation, *test; /* open until the rows are encoded; to the end
                                                   * if they are when they are asked for */
    struct err unread;         /* why they could not be */
    struct err warnings;
    char *warnings_json;       /* NULL: none that the job has not already */

    struct encoder *encoder;   /* live: borrowed from the predictor */
    bool live;
    struct runner_part parts[SPLIT_PARTS];
    struct sampled sampled;    /* of the training rows: only the counts */
    struct mlp_net *net;
    struct runner_curve *curve;

    char *monitor_name;
    void *state;               /* the trainer's at its end, or NULL */
    size_t state_bytes;

    /* runner_resume.c's */
    struct checkpoint from;    /* where it goes on; state NULL: at the beginning */
    void *image;               /* room for the next checkpoint's state, or NULL */
    size_t image_bytes;
    size_t saved_steps;        /* optimizer steps in the newest checkpoint */
    double seconds_before;     /* of training, in earlier attempts */
    double fit_started;
    bool no_memory;            /* for that room: no checkpoints */
    bool told;                 /* of trouble with checkpoints */

    /* runner_refit.c's */
    struct mlp_result first;   /* how the first training ended; epochs 0: there is no second one */
    mlp_real *first_weights;   /* its weights, while there is a second one; or NULL */
    struct mlp_data all;       /* training and validation rows, for the second; rows 0: none yet */
    size_t refit_epochs;       /* of the second training, once it has come to its end */

    struct mlp_result result;
    bool leaving;              /* it stops, or pauses: it is not over */
    struct pool_progress progress; /* as the training left it */
    double seconds;            /* of training, in all attempts */
    struct decision decision;
    struct judged judged[SPLIT_PARTS];
    char *importance_json;     /* NULL: it could not be measured */
};

#define RUNNER_INTERRUPTED 1 /* beside 0 and -1 */
#define RUNNER_AGAIN       2 /* nothing of its checkpoints is of use: do all of it anew */

/* ---- runner_fit.c ---- */

/* t->net, with the weights it starts from; checked against what only the encoder knows. */
int runner_make_net(struct training *t, struct err *err) MUST_CHECK;
/* Train it. 0, -1 or RUNNER_INTERRUPTED; how it ended shows in t->result, and in t->leaving. */
int runner_fit(struct training *t, struct err *err) MUST_CHECK;

/* ---- runner_refit.c ---- */

/* The second training of a job with refit, after the first or from a checkpoint. 0, -1,
 * RUNNER_INTERRUPTED or RUNNER_AGAIN. */
bool runner_refit_is_due(const struct training *t);
int runner_refit(struct training *t, struct err *err) MUST_CHECK;
/* The first training's weights in the net, and after the second call the net's own again: what is
 * measured on validation rows is of weights that never saw them. */
void runner_refit_swap(struct training *t);

/* ---- runner_rows.c ---- */

/* Rows that lack a value which they must have, out of every part; of another dataset
 * runner_encode_part drops them. */
int runner_drop_rows(struct training *t, const struct encoder_options *options,
                     struct split *split, struct err *err) MUST_CHECK;
/* The part's rows of the job's dataset, or those of the dataset given for it (NULL: none). */
int runner_encode_part(struct training *t, enum split_part part,
                       const struct encoder_options *options, const struct split *split,
                       const struct dataset *other, struct err *err) MUST_CHECK;

/* ---- runner_sample.c ---- */

/* The training rows of the split, as data.sampling wants them; after the encoder. */
int runner_sample_training(struct training *t, struct split *split, struct err *err) MUST_CHECK;
/* Places in the validation part, for a second training; sampled_fini. */
int runner_sample_validation(const struct training *t, struct sampled *out,
                             struct err *err) MUST_CHECK;

/* ---- runner_resume.c ---- */

/* t->from, if the job has a checkpoint. 0, -1 or RUNNER_INTERRUPTED. */
int runner_resume_read(struct training *t, struct err *err) MUST_CHECK;
/* Take it up: trainer, watch and curve go on as if they had never stopped. *resumed false: there is
 * none, or none that can be used, and all are as new. 0, -1 or RUNNER_INTERRUPTED. */
int runner_resume_load(struct training *t, struct runner_watch *w, struct mlp_trainer *trainer,
                       bool *resumed, struct err *err) MUST_CHECK;
/* When the first checkpoint is due. */
void runner_checkpoint_start(const struct training *t, struct runner_watch *w);
/* Make one, between two runs of the trainer, if there is anything new; then say when the next is
 * due. A job loses nothing by a failure. */
void runner_checkpoint(struct training *t, struct runner_watch *w,
                       const struct mlp_trainer *trainer);

#endif
