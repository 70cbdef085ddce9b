/* Admission: exact parameters, bytes and operations of a job before anything is allocated.
 * Hard caps and the per-job memory limit refuse with the numbers (422).
 */
#ifndef MLPD_JOBS_ADMIT_H
#define MLPD_JOBS_ADMIT_H

#include "data/dataset.h"
#include "data/split.h"
#include "jobs/spec.h"

/* A guess at one core with batches of useful size, for `seconds`. */
#define ADMIT_FLOPS_PER_SECOND 4e10
/* Encoded rows that are in memory at a time where not all are, and nobody says how many. */
#define ADMIT_WINDOW_BYTES (64u << 20)

struct admission {
    size_t n_inputs, n_outputs; /* upper bounds, from the dataset's statistics */
    size_t window;              /* for train.window, where the spec leaves it open */
    size_t parameters;
    size_t data_bytes;          /* encoded rows of all parts, row lists included */
    size_t training_bytes;      /* net + arena */
    size_t state_bytes;         /* of the training's end, kept for a job that goes on from it */
    size_t live_bytes;          /* the copy that answers while it trains */
    size_t bytes;               /* all of it */
    size_t disk_bytes;          /* on the disk at most; rows inside the job not among them */
    double flops;
    double seconds;             /* a guess from a measured rate; for people, not for logic */
};

/* How many rows each part will have, from the fractions or the split column's statistics,
 * before any row is read. Stratified, split_make may put a few rows elsewhere. */
int admit_rows(const struct job_spec *spec, const struct dataset *ds,
               const struct dataset *validation, const struct dataset *test,
               size_t rows[SPLIT_PARTS], struct err *err) MUST_CHECK;

/* How many points are kept of a curve of so many epochs, at most. */
size_t admit_curve_points(size_t epochs);

/* rows: of each part, from admit_rows or counted. memory_limit: bytes a job may take. Errors:
 * ERR_INVALID with pointers. */
int admit(const struct job_spec *spec, const struct dataset *ds, const size_t rows[SPLIT_PARTS],
          size_t memory_limit, struct admission *out, struct err *err) MUST_CHECK;

#endif
