/* The worker pool: N threads, each claims the next queued job from the store, runs it and
 * brings home what came out. N workers train N jobs at once; the rest wait in the store.
 *
 * Workers run at nice 10 with all signals blocked but those that are faults. Stop, cancel and
 * pause are flags polled every batch. What a running job shows (progress, latest loss) is kept
 * here in memory; its curve goes to the store in batches.
 */
#ifndef MLPD_JOBS_POOL_H
#define MLPD_JOBS_POOL_H

#include <math.h>

#include "jobs/checkpoint.h"
#include "jobs/datasets.h"
#include "jobs/predictor.h"
#include "jobs/spark.h"

struct pool;
struct submit_limits;

struct pool_options {
    size_t workers;
    const char *owner; /* this boot's id, the owner of claims */
    struct checkpoints *checkpoints; /* NULL: none are made */
    double checkpoint_seconds;
    const struct submit_limits *limits; /* what a job with a data.url is held to, and what may be
                                         * fetched; outlives the pool. NULL: nothing is fetched */
    double stall_seconds; /* a job without a pulse for so long is called stalled; 0: never */
};

int pool_new(const struct pool_options *options, struct datasets *datasets,
             struct predictor *predictor, struct pool **out, struct err *err) MUST_CHECK;
/* Start the threads. */
void pool_start(struct pool *pool);
/* Running jobs stop at the next batch, leave a checkpoint and go back to the queue; joins all
 * threads. */
void pool_stop(struct pool *pool);
void pool_free(struct pool **pool);

/* There may be something to claim. */
void pool_wake(struct pool *pool);
/* Tell the worker that runs this job (if one does) to stop with its best weights. */
void pool_cancel(struct pool *pool, int64_t job_id);
/* Tell it to leave a checkpoint and give the worker back; `pause` false: not after all. */
void pool_pause(struct pool *pool, int64_t job_id, bool pause);

void pool_counts(struct pool *pool, size_t *workers, size_t *busy);
/* Of the busy ones, those whose job is called stalled. */
size_t pool_stalled(struct pool *pool);

/* What a running job looks like this moment. */
struct pool_progress {
    const char *phase;          /* "fetching", "preparing", "training", "saving", "judging"; NULL:
                                 * not known */
    size_t epoch, epochs;       /* finished, planned */
    size_t batch;               /* batches done of the epoch under way */
    double fraction;            /* 0..1 */
    double samples_per_second, eta_seconds; /* NaN = not known yet */
    double training_loss, validation_loss, validation_accuracy, validation_rmse; /* NaN = absent */
    double learning_rate;
    size_t best_epoch;          /* 0 = none yet */
    char best_of[64];           /* what made it the best: "validation_loss", "test_f1", ... */
    double best_value;
    size_t parameters;
    struct spark spark;         /* of the validation losses, of the training's without them */
    bool fetching;              /* its data comes: */
    uint64_t fetched_bytes, fetch_bytes; /* so far, and in all (UINT64_MAX: not known) */
    uint64_t fetched_rows;
    bool stalled;               /* no batch has ended for stall_seconds: the pool has logged it and
                                 * made an event of it, and nothing else can be done from outside */
};
/* A job of which nothing is known yet. */
#define POOL_PROGRESS_INIT                                                                         \
    {.samples_per_second = NAN, .eta_seconds = NAN, .training_loss = NAN, .validation_loss = NAN,  \
     .validation_accuracy = NAN, .validation_rmse = NAN, .learning_rate = NAN, .best_value = NAN}
/* False when no worker of ours runs that job. */
bool pool_progress_get(struct pool *pool, int64_t job_id, struct pool_progress *out);

#endif
