/* Checkpoints: where a training stands, in a file, so that it goes on there after anything.
 *
 * DIR/<job>.<generation>, written by the worker that trains: a temporary file, fsync, rename, fsync
 * of the folder, and only then the row that names it (store checkpoint_add). Two generations are
 * kept, so that a file that does not verify has one before it. A file that no row names is an
 * orphan of a kill and goes at the next start.
 *
 * File: 8 bytes "mlpdckp1", the head as little-endian integers (lengths of what follows), the
 * SHA-256 of the resolved config (which names data by content, network, optimizer, seed), the notes
 * (what the runner keeps beside the trainer, JSON), the trainer's state as mlp_trainer_save made
 * it, and the SHA-256 of everything before it. Lengths are checked against the file's before
 * anything is allocated.
 *
 * Any thread; one at a time for one job.
 */
#ifndef MLPD_JOBS_CHECKPOINT_H
#define MLPD_JOBS_CHECKPOINT_H

#include "store/store.h"

struct checkpoints;

/* dir: made if absent (0700). Files that no row names are removed. */
int checkpoints_new(const char *dir, struct store *store, struct checkpoints **out,
                    struct err *err) MUST_CHECK;
void checkpoints_free(struct checkpoints **c);

struct checkpoint {
    int64_t generation;
    int64_t epoch;          /* finished epochs */
    char *notes;            /* NUL-terminated text; owned in results, borrowed in parameters */
    void *state;            /* as mlp_trainer_save left it; the same */
    size_t state_bytes;
};
void checkpoint_fini(struct checkpoint *c);

/* Make it durable: file and row. `job` is running under `owner`; generation is chosen here (one
 * more than its newest) and set on success. The file past the second is removed. Errors:
 * ERR_NO_SPACE, ERR_IO, ERR_NO_MEMORY, and the store's (ERR_CONFLICT: it runs elsewhere); what
 * was there before still is. */
int checkpoint_write(struct checkpoints *cs, const struct store_job *job, const char *owner,
                     struct checkpoint *c, struct err *err) MUST_CHECK;

/* The newest one of `job` that verifies and belongs to its resolved config: 0; 1 = there is none.
 * What does not verify is logged, told as an event of the job, and passed over. When the one found
 * is not the newest row, or none is found though there were rows, the curve past it is cut (store
 * curve_cut). -1: no memory or no descriptor for it (which is not the file's fault, so that nothing
 * is passed over), or the store's error. */
int checkpoint_read(struct checkpoints *cs, const struct store_job *job, const char *owner,
                    struct checkpoint *out, struct err *err) MUST_CHECK;

/* The job has ended: its files go. Rows went with the commit of the end. */
void checkpoint_remove(struct checkpoints *cs, int64_t job_id);

/* Verify every file a row names: each problem is one item of `problems`. *n: files looked at. */
int checkpoints_check(const char *dir, struct store *store, size_t *n, struct err *problems,
                      struct err *err) MUST_CHECK;

#endif
