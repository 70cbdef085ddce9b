/* How long finished jobs are kept, and the thread that lets go of the others: at the start, and
 * once an hour. Models stay when their jobs go; nameless datasets that no job names any more go
 * with them.
 */
#ifndef MLPD_JOBS_RETENTION_H
#define MLPD_JOBS_RETENTION_H

#include "jobs/datasets.h"

#define RETENTION_ALL      (-1)
#define RETENTION_MAX_JOBS 1000000000
#define RETENTION_MAX_DAYS 36500

/* A job stays while either of the two wants it; when neither is said, all stay. */
struct retention {
    int64_t keep_jobs; /* so many newest finished ones; RETENTION_ALL: not said */
    int64_t keep_days; /* those that ended within so many days; the same */
};

/* As the store wants it, now. */
struct store_gc_rule retention_rule(const struct retention *retention);

struct retention_thread;

/* NULL when all stay: then there is nothing to do. `datasets` outlives it. */
struct retention_thread *retention_start(const struct retention *retention,
                                         struct datasets *datasets);
/* At the next piece; joins. NULL is fine. */
void retention_stop(struct retention_thread **thread);

#endif
