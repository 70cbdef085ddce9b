/* Between the runner's files only:
 *
 *   runner_data.c      rows of a dataset -> encoded rows with their truth
 *   runner_curve.c     curve points on their way to the store
 *   runner_watch.c     what a training tells while it runs: curve, live weights, progress
 *   runner_report.c    results, information and warnings as JSON
 *   runner_train.c     a job of kind train, start to end
 *   runner_evaluate.c  a job of kind evaluate
 *   runner.c           which of them, and how a job ends in the store
 */
#ifndef MLPD_JOBS_RUNNER_PRIV_H
#define MLPD_JOBS_RUNNER_PRIV_H

#include "data/split.h"
#include "jobs/judge.h"
#include "jobs/runner.h"
#include "jobs/spec.h"

/* ---- runner.c ---- */

/* Somebody wants the job to end now. */
bool runner_interrupted(const struct runner_slot *slot);
/* End a job that was interrupted before it had weights: cancelled, or back to the queue. */
void runner_give_up(const struct runner_slot *slot, const struct store_job *job,
                    const char *warnings_json);
/* Tell the store how the job ended; waits through a busy store and a full disk. */
void runner_finish(const struct runner_slot *slot, const struct store_job *job,
                   const struct store_outcome *outcome);
/* The job failed and left nothing. */
void runner_fail(const struct runner_slot *slot, const struct store_job *job,
                 const struct err *why, const char *warnings_json);
/* One sentence of all that `err` says; caller frees. */
char *runner_sentence(const struct err *err);

/* ---- runner_data.c ---- */

/* Encoded rows; all memory owned. */
struct runner_part {
    struct mlp_data data; /* borrows the three below; rows 0: the part is absent */
    float *x;             /* (rows, n_inputs) */
    float *targets;       /* (rows, n_outputs), or NULL */
    uint32_t *labels;     /* (rows), or NULL */
};

/* Encode `rows` ([n]; NULL: rows 0 to n - 1) of `ds` for a network with this loss. 0, -1, or
 * 1 when the job was interrupted. */
int runner_part_encode(const struct runner_slot *slot, const struct encoder *encoder,
                       const struct dataset *ds, const uint64_t *rows, size_t n,
                       enum mlp_loss loss, struct runner_part *out, struct err *err) MUST_CHECK;
void runner_part_fini(struct runner_part *part);

/* ---- runner_curve.c ---- */

/* One epoch; NaN = absent. */
struct runner_point {
    size_t epoch, samples;
    double training_loss, validation_loss, validation_accuracy, validation_rmse;
    double learning_rate, seconds, elapsed_seconds;
    bool improved;
};

struct runner_curve;

struct runner_curve *runner_curve_new(struct store *store, int64_t job_id, const char *owner);
/* Epochs ascending. Never waits for the store. */
void runner_curve_add(struct runner_curve *curve, const struct runner_point *point);
/* The store takes no points any more; runner_curve_close says why. */
bool runner_curve_failed(struct runner_curve *curve);
/* Everything that was added (and is kept, see runner_curve.c) is stored, or -1. Frees. */
int runner_curve_close(struct runner_curve **curve, struct err *err) MUST_CHECK;

/* ---- runner_watch.c ---- */

/* One training's eyes. Lives on the worker's stack during mlp_train. */
struct runner_watch {
    /* given */
    const struct runner_slot *slot;
    int64_t model_id;
    const struct mlp_net *net;
    size_t epochs, steps_per_epoch;
    double target_scale;               /* for validation_rmse; NaN: not one number */
    double job_started;                /* monotonic seconds */
    struct runner_curve *curve;
    const struct mlp_data *validation; /* evaluated here; NULL: the trainer does, or none */
    struct mlp_workspace *ws;          /* with `validation` */

    /* its own */
    struct pool_progress progress;
    size_t steps, published_epoch;
    double last_epoch_at, last_progress_at, last_publish_at, publish_seconds;
    double epoch_seconds; /* moving average, evaluation included */
};
void runner_watch_start(struct runner_watch *w);
/* For struct mlp_callbacks; arg is the watch. */
bool runner_watch_stop(void *arg);
void runner_watch_epoch(void *arg, const struct mlp_epoch *epoch);

/* ---- runner_report.c: JSON texts, the caller's ---- */

struct runner_facts {
    const struct job_spec *spec;
    const struct encoder *encoder;
    const struct mlp_result *result;
    const size_t *rows; /* [SPLIT_PARTS] */
    double seconds;     /* of training */
};
const char *runner_part_name(enum split_part part);
char *runner_report_result(const struct runner_facts *facts);
char *runner_report_info(const struct runner_facts *facts);
/* {"training": .., ...} of the parts that were judged. */
char *runner_report_metrics(const struct judged judged[SPLIT_PARTS]);
/* {"metrics": .., "evaluation": ..} */
char *runner_report_evaluation(const struct judged *judged);
/* The job's warnings with new ones added once; NULL when nothing is new. */
char *runner_report_warnings(const char *before, const struct err *added);

/* ---- the kinds ---- */

void runner_train(const struct runner_slot *slot, const struct store_job *job);
void runner_evaluate(const struct runner_slot *slot, const struct store_job *job);

#endif
