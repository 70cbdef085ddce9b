/* Between the runner's files only:
 *
 *   runner_data.c      rows of a dataset -> encoded rows with their truth
 *   runner_monitor.c   what decides: a part's loss or metric after each epoch
 *   runner_curve.c     curve points on their way to the store
 *   runner_watch.c     what a training tells while it runs: curve, live weights, progress
 *   runner_report.c    results, information and warnings as JSON
 *   runner_train.c     a job of kind train, start to end
 *   runner_fit.c       its network and training; see runner_training.h
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
    struct mlp_data data; /* borrows what follows, but by_class; rows 0: the part is absent */
    float *x;             /* (rows, n_inputs) */
    float *targets;       /* (rows, n_outputs), or NULL */
    uint32_t *labels;     /* (rows), or NULL */
    float *weights;       /* (rows), or NULL: all 1 */
    float *offset;        /* (rows), or NULL: all 0 */
    float *by_class;      /* (rows): weights times those of classes, in place of them while
                           * training; or NULL */
};

/* Encode `rows` ([n]; NULL: rows 0 to n - 1) of `ds` for a network with this output. Weights are
 * those of the column the encoder names, if `ds` has it. 0, -1, or 1 when the job was
 * interrupted. */
int runner_part_encode(const struct runner_slot *slot, const struct encoder *encoder,
                       const struct dataset *ds, const uint64_t *rows, size_t n,
                       enum mlp_output output, struct runner_part *out,
                       struct err *err) MUST_CHECK;
void runner_part_fini(struct runner_part *part);
/* Scale all weights so that those of the training rows have mean 1. */
int runner_weigh(struct runner_part parts[SPLIT_PARTS], struct err *err) MUST_CHECK;
/* by_class of the training rows, mean 1 again; nothing without class weights. */
int runner_weigh_classes(const struct job_spec *spec, const struct encoder *e,
                         struct runner_part *training, struct err *err) MUST_CHECK;

/* ---- runner_curve.c ---- */

/* One epoch; NaN = absent. */
struct runner_point {
    size_t epoch, samples;
    double training_loss, validation_loss, validation_accuracy, validation_rmse;
    double learning_rate, seconds, elapsed_seconds;
    const char *monitor;          /* a metric's name, or NULL; constant */
    double monitored;
    const double *gradient_norms; /* [n_norms], or NULL; copied by runner_curve_add */
    size_t n_norms;
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

/* ---- runner_monitor.c ---- */

struct runner_monitor;

/* What `what` says, of `data` (rows of that part, with their sample weights); the net is only
 * asked for its shape. All memory is taken here. */
int runner_monitor_new(const struct job_monitor *what, const struct mlp_net *net,
                       const struct encoder *encoder, const struct mlp_data *data,
                       struct runner_monitor **out, struct err *err) MUST_CHECK;
void runner_monitor_free(struct runner_monitor **monitor);
/* NaN when it is not defined, or could not be computed. */
double runner_monitor_measure(struct runner_monitor *monitor, const struct mlp_net *net);

/* ---- runner_watch.c ---- */

/* One training's eyes. Lives on the worker's stack during a training. */
struct runner_watch {
    /* given */
    const struct runner_slot *slot;
    int64_t model_id;
    const struct mlp_net *net;
    size_t epochs, steps_per_epoch;
    double target_scale;               /* for validation_rmse; NaN: not one number */
    double job_started;                /* monotonic seconds */
    struct runner_curve *curve;
    struct team *team;                 /* NULL: the worker alone */
    const struct job_monitor *what;    /* what decides */
    struct runner_monitor *monitor;    /* measures it; NULL: the trainer has it */
    const char *monitor_name;          /* in the curve: "f1", "test_f1", ... */

    /* its own */
    struct pool_progress progress;
    size_t batches;       /* of the epoch under way */
    size_t published_epoch;
    double last_epoch_at, last_progress_at, last_publish_at, publish_seconds;
    double epoch_seconds; /* moving average, evaluation included */
};
void runner_watch_start(struct runner_watch *w);
/* For struct mlp_callbacks; arg is the watch. */
bool runner_watch_stop(void *arg);
void runner_watch_epoch(void *arg, const struct mlp_epoch *epoch);
void runner_watch_share(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx);
double runner_watch_monitor(void *arg, const struct mlp_net *net, const struct mlp_epoch *epoch);

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
