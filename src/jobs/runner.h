/* One claimed job, from its row to its outcome. Runs on a worker thread.
 *
 * train:    resolved JSON -> dataset -> split -> encoder (training rows only) -> encoded
 *           rows -> mlp_train, with curve points to the store in batches (at most 256 or
 *           500 ms) and the best weights to the predictor (at most every 500 ms) -> metrics
 *           of every split in inference mode with the published weights -> one commit
 *           (with a data.url, before all: fetch -> dataset -> resolved)
 * evaluate: the model on every row of a dataset
 * fetch:    a URL -> a dataset
 *
 * A training leaves checkpoints, and a job that has one goes on from there: with the bits, the
 * curve and the clock of one that was never interrupted.
 */
#ifndef MLPD_JOBS_RUNNER_H
#define MLPD_JOBS_RUNNER_H

#include <stdatomic.h>

#include "jobs/pool.h"

/* What the runner needs from its worker. */
struct runner_slot {
    struct datasets *datasets;
    struct predictor *predictor;
    const char *owner;
    struct checkpoints *checkpoints; /* NULL: none are made or read */
    double checkpoint_seconds;  /* between two of them; the first after a second, if that is less */
    const struct submit_limits *limits; /* see pool.h; NULL: nothing is fetched */
    atomic_bool *stop;          /* the daemon stops: checkpoint, and release the job */
    atomic_bool *cancel;        /* the job is cancelled: keep its best weights */
    atomic_bool *pause;         /* the job pauses: checkpoint, and release it */
    atomic_ulong *pulse;        /* counts batches, and pieces of work before them: see pool.h */
    /* Called by the runner with fresh numbers; takes the pool's lock. */
    void (*progress)(void *arg, const struct pool_progress *progress);
    /* NULL but in tests: called before each batch; true: a checkpoint is due, whatever the time. */
    bool (*batch)(void *arg);
    void *arg;
};

/* Runs `job` to its end and tells the store (finish or release). Never fails outwards: what
 * goes wrong is the job's error. */
void runner_run(const struct runner_slot *slot, const struct store_job *job);

#endif
