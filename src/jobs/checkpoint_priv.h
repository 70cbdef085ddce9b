/* Checkpoint files by themselves, for checkpoint.c: names, what is in the folder, one file written
 * and one read. The rows that name them are checkpoint.c's. */
#ifndef MLPD_JOBS_CHECKPOINT_PRIV_H
#define MLPD_JOBS_CHECKPOINT_PRIV_H

#include "base/file.h"
#include "jobs/checkpoint.h"

#define CHECKPOINT_WHAT "checkpoint" /* for the sentences of base/file.h */

/* A file's name: <job>.<generation>, with ".tmp" behind it while it is written. */
struct checkpoint_name {
    int64_t job_id, generation;
    bool temporary;
};

/* Every checkpoint's name in the folder, of one job (0: of all), to the caller's free; what has
 * another kind of name is somebody else's. */
int checkpoint_scan(int folder, int64_t job_id, struct checkpoint_name **out, size_t *n,
                    struct err *err) MUST_CHECK;
/* One that stays all the same is logged. */
void checkpoint_file_remove(int folder, const struct checkpoint_name *name);

/* The file of `row` (job, generation, epoch) in its place and durable; row->bytes and row->sha256
 * are set. On failure nothing stays. */
int checkpoint_file_write(int folder, const struct store_job *job, const struct checkpoint *c,
                          struct store_checkpoint *row, struct err *err) MUST_CHECK;
/* Read and verify the file that `row` names and that belongs to the config with this hash. `out`
 * NULL: verify only. */
int checkpoint_file_read(int folder, const struct store_checkpoint *row, const char *config,
                         struct checkpoint *out, struct err *err) MUST_CHECK;

#endif
