/* Between the runner's files only:
 *
 *   runner_data.c      rows of a dataset -> encoded rows with their truth
 *   runner_stream.c    the same for rows that memory does not hold
 *   runner_monitor.c   what decides: a part's loss or metric after each epoch
 *   runner_points.c    one epoch's point: copies, what is kept of a curve, rows of it
 *   runner_curve.c     curve points on their way to the store
 *   runner_watch.c     what a training tells while it runs: curve, live weights, progress
 *   runner_notes.c     what the runner keeps of that beside the trainer's state
 *   runner_report.c    results, information and warnings as JSON
 *   runner_train.c     a job of kind train, start to end
 *   runner_fit.c       its network and training; see runner_training.h
 *   runner_refit.c     the second training, on training and validation rows
 *   runner_sample.c    its training rows by class, more or fewer of them
 *   runner_resume.c    its checkpoints, and going on from one
 *   runner_evaluate.c  a job of kind evaluate
 *   runner_fetch.c     a job of kind fetch, and the data.url of one of kind train
 *   runner.c           which of them, and how a job ends in the store
 */
#ifndef MLPD_JOBS_RUNNER_PRIV_H
#define MLPD_JOBS_RUNNER_PRIV_H

#include "data/split.h"
#include "jobs/decide.h"
#include "jobs/judge.h"
#include "jobs/runner.h"
#include "jobs/spec.h"

/* ---- runner.c ---- */

/* Somebody wants the worker back now. */
bool runner_interrupted(const struct runner_slot *slot);
/* A sign of life; any thread. */
void runner_pulse(const struct runner_slot *slot);
/* Waiting may help against that. */
bool runner_may_heal(enum err_code code);
void runner_pause(const struct runner_slot *slot, long ms);
/* A sentence for the job's list of events; a store that will not is only logged. */
void runner_event(const struct runner_slot *slot, const struct store_job *job, const char *kind,
                  const char *fmt, ...) PRINTF(4, 5);
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
    size_t room;          /* rows that arrays can hold; given: at least so many */
    struct err *streams;  /* given: x is encoded when it is asked for, from the dataset, which stays
                           * open; why that failed, when it did, is told here. NULL: now */
    struct mlp_data data; /* borrows what follows, but by_class; rows 0: the part is absent */
    float *x;             /* (rows, n_inputs) */
    float *targets;       /* (rows, n_outputs), or NULL */
    uint32_t *labels;     /* (rows), or NULL */
    float *weights;       /* (rows), or NULL: all 1 */
    float *offset;        /* (rows), or NULL: all 0 */
    struct runner_stream *stream; /* in place of x, or NULL */
    float *by_class;      /* (rows): weights times those of classes, in place of them while
                           * training; or NULL */
};

/* To compute with: its content verified (see datasets_open_verified). 0, -1, or 1 when the job is
 * to stop or to pause. Give it back with datasets_put. */
int runner_open_dataset(const struct runner_slot *slot, const char *sha256,
                        const struct dataset **out, struct err *err) MUST_CHECK;

/* Encode `rows` ([n]; NULL: rows 0 to n - 1) of `ds` for a network with this output. Weights are
 * those of the column the encoder names, if `ds` has it. 0, -1, or 1 when the job was
 * interrupted. */
int runner_part_encode(const struct runner_slot *slot, const struct encoder *encoder,
                       const struct dataset *ds, const uint64_t *rows, size_t n,
                       enum mlp_output output, struct runner_part *out,
                       struct err *err) MUST_CHECK;
/* The rows of `more` behind those of `part`, which has room for them; `more` is left with a view of
 * them there and owns nothing but its stream. *all is what there is together; `widths`: of x
 * and of targets. */
void runner_part_append(struct runner_part *part, struct runner_part *more, const size_t widths[2],
                        struct mlp_data *all);
/* Only those at `picks` ([m], rising or equal), and `more`, which outlives it, stays as it is. */
int runner_part_append_some(struct runner_part *part, const struct runner_part *more,
                            const uint64_t *picks, size_t m, const size_t widths[2],
                            struct mlp_data *all, struct err *err) MUST_CHECK;
void runner_part_fini(struct runner_part *part);
/* Scale all weights so that those of the training rows have mean 1. */
int runner_weigh(struct runner_part parts[SPLIT_PARTS], struct err *err) MUST_CHECK;
/* by_class of the first n of its rows, mean 1 again; nothing without class weights. */
int runner_weigh_classes(const struct job_spec *spec, const struct encoder *e,
                         struct runner_part *training, size_t n, struct err *err) MUST_CHECK;
/* Scale the weights of n rows to mean 1; there may be none. */
void runner_weigh_again(float *weights, size_t n);

/* ---- runner_stream.c ---- */

/* x of `numbers` ([n]; copied; NULL: rows 0 to n - 1) of `ds`; the rest is borrowed. When it fails
 * later, `why` says so. */
int runner_stream_new(const struct runner_slot *slot, const struct encoder *encoder,
                      const struct dataset *ds, const uint64_t *numbers, size_t n, struct err *why,
                      struct runner_stream **out, struct err *err) MUST_CHECK;
/* The rows of `next`, which outlives it, behind its own. */
void runner_stream_join(struct runner_stream *s, struct runner_stream *next);
/* Only those of its rows at `picks` ([m], rising or equal; copied). */
int runner_stream_join_some(struct runner_stream *s, const struct runner_stream *from,
                            const uint64_t *picks, size_t m, struct err *err) MUST_CHECK;
const struct mlp_source *runner_stream_source(const struct runner_stream *s);
void runner_stream_free(struct runner_stream **stream);

/* ---- runner_points.c ---- */

/* One epoch; NaN = absent. */
struct runner_point {
    size_t epoch, samples;        /* epoch 0: no point */
    double training_loss, validation_loss, validation_accuracy, validation_rmse;
    double learning_rate, seconds, elapsed_seconds;
    const char *monitor;          /* a metric's name, or NULL; constant */
    double monitored;
    const double *gradient_norms; /* [n_norms], or NULL; a set point owns them */
    size_t n_norms;
    bool improved;
};

/* Becomes a copy; `to` is a set point or has epoch 0 and no norms. */
void runner_point_set(struct runner_point *to, const struct runner_point *from);
void runner_point_fini(struct runner_point *p);
/* Whether a curve keeps this epoch whatever comes after it; see runner_curve.c. */
bool runner_point_is_kept(size_t epoch);
/* As the store wants it; the texts in it are the caller's. */
struct store_point runner_point_row(const struct runner_point *p);

/* ---- runner_curve.c ---- */

struct runner_curve;

/* Whose it is; what is pointed to outlives the curve. */
struct runner_curve_job {
    struct store *store;
    int64_t job_id;
    const char *owner;
    int64_t attempt;
    double started;           /* of the attempt, monotonic; 0: nothing is noted of it */
    const atomic_bool *stop;  /* the daemon stops; NULL: never */
    atomic_ulong *pulse;      /* counts while the store is waited for; may be NULL */
};

struct runner_curve *runner_curve_new(const struct runner_curve_job *job);
/* Epochs ascending. Never waits for the store. */
void runner_curve_add(struct runner_curve *curve, const struct runner_point *point);
/* Every point that is kept for good is in the store now; false: the store will not have them,
 * which may pass. */
bool runner_curve_flush(struct runner_curve *curve) MUST_CHECK;
/* The best and the last of the epochs that were skipped since the last kept one: borrowed, epoch
 * 0: none. Another curve goes on where this one was with the same two. */
const struct runner_point *runner_curve_best(const struct runner_curve *curve);
const struct runner_point *runner_curve_last(const struct runner_curve *curve);
void runner_curve_restore(struct runner_curve *curve, const struct runner_point *best,
                          const struct runner_point *last);
/* The attempt has finished a batch; it has a checkpoint. What the store wants to know of an
 * attempt without one (job_note), the curve's thread tells it. */
void runner_curve_began(struct runner_curve *curve);
void runner_curve_saved(struct runner_curve *curve);
/* The store takes no points any more; runner_curve_close says why. */
bool runner_curve_failed(struct runner_curve *curve);
/* The training is over: everything that was added (and is kept, see runner_curve.c) is stored, or
 * -1. Waits for a store that may heal, unless the daemon stops. Frees. */
int runner_curve_close(struct runner_curve **curve, struct err *err) MUST_CHECK;
/* The job is left, to go on from its newest checkpoint, or for nothing: no point is pending for
 * it, and none is insisted on. Frees. */
void runner_curve_leave(struct runner_curve **curve);

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
    const struct store_job *job;
    const struct mlp_net *net;
    size_t epochs, steps_per_epoch;
    double target_scale;               /* for validation_rmse; NaN: not one number */
    double job_started;                /* monotonic seconds, less what earlier attempts took */
    struct runner_curve *curve;
    struct team *team;                 /* NULL: the worker alone */
    const struct job_monitor *what;    /* what decides */
    struct runner_monitor *monitor;    /* measures it; NULL: the trainer has it */
    const char *monitor_name;          /* in the curve: "f1", "test_f1", ... */
    bool at_epochs;                    /* an epoch's end is the only place for a checkpoint */
    size_t epochs_before;              /* of a first training: this is the second, of which neither
                                        * curve nor live weights hear */
    double checkpoint_at;              /* the next is due; infinite: never. runner_resume.c's */
    size_t saved_after;                /* it was asked for one after so many batches; the same */

    /* its own */
    bool due;             /* it told the trainer to stop because a checkpoint is due */
    struct pool_progress progress;
    size_t begun;         /* batches of this attempt */
    size_t batches;       /* of the epoch under way */
    size_t look_in;       /* batches until the next look at the clock */
    size_t looked_after;  /* it is so many since the last one */
    size_t published_epoch;
    double last_epoch_at, last_progress_at, last_publish_at, publish_seconds, last_look_at;
    double epoch_seconds; /* moving average, evaluation included */
};
void runner_watch_start(struct runner_watch *w);
/* Tell the pool what it is at: a constant word. */
void runner_watch_phase(struct runner_watch *w, const char *phase);
/* The name of the metric that points have a value of, or NULL. */
const char *runner_watch_metric(const struct runner_watch *w);
/* Let these weights of an earlier epoch answer from now on. */
void runner_watch_publish(struct runner_watch *w, const mlp_real *params, size_t epoch);
/* For struct mlp_callbacks; arg is the watch. */
bool runner_watch_stop(void *arg);
void runner_watch_epoch(void *arg, const struct mlp_epoch *epoch);
void runner_watch_share(void *arg, size_t n, void (*body)(void *ctx, size_t i), void *ctx);
double runner_watch_monitor(void *arg, const struct mlp_net *net, const struct mlp_epoch *epoch);

/* ---- runner_notes.c: what a checkpoint has of the runner's own ---- */

struct runner_notes {
    double elapsed_seconds; /* of the job, over all attempts */
    double seconds;         /* of its training */
    size_t steps;           /* optimizer steps done */
    size_t batches;         /* the watch's, like what follows */
    double epoch_seconds, epoch_so_far;
    struct mlp_result first;          /* of the first training, in the second; else epochs 0 */
    struct pool_progress progress;    /* epochs, fraction and words are not in it */
    struct runner_point best, last;   /* the curve's; owned in what was read */
};
/* JSON text, the caller's. */
char *runner_notes_write(const struct runner_notes *notes);
/* -1: these are no notes, or another version's. */
int runner_notes_read(const char *text, struct runner_notes *out, struct err *err) MUST_CHECK;
void runner_notes_fini(struct runner_notes *notes);

/* ---- runner_report.c: JSON texts, the caller's ---- */

struct runner_facts {
    const struct job_spec *spec;
    const struct encoder *encoder;
    const struct mlp_result *result;
    const size_t *rows; /* [SPLIT_PARTS] */
    const struct sampled *sampled; /* without classes: nothing was */
    double seconds;     /* of training */
    const struct decision *decision;
    size_t refit_epochs, refit_rows; /* 0: there was none */
    const struct spark *spark;       /* the curve in a few numbers */
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
void runner_fetch(const struct runner_slot *slot, const struct store_job *job);
/* A training whose data is yet to be fetched: that, and then runner_train. */
void runner_fetch_train(const struct runner_slot *slot, const struct store_job *job);

#endif
