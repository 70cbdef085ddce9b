/* Room on the disk of the state folder.
 *
 * What is free is not all there to be taken: every job that has not ended holds what it may still
 * write (store job_disk), and a reserve stays for what must always be possible: commits, the
 * curves of running jobs, a person who cleans up. Asked before a job or a dataset is taken, so that
 * the refusal comes with numbers and nothing half-written.
 *
 * Two that ask at one instant may both be told yes; the reserve is there for that too. Any thread.
 */
#ifndef MLPD_JOBS_ROOM_H
#define MLPD_JOBS_ROOM_H

#include "store/store.h"

struct room {
    uint64_t free; /* bytes we may still write */
    uint64_t held; /* by jobs that have not ended; what they wrote already counts too */
    uint64_t reserve;
};

/* How it is now. dir: the state folder. ERR_IO: it cannot be told, or the folder may not be
 * written; and the store's. */
int room_look(struct store *store, const char *dir, uint64_t reserve, struct room *out,
              struct err *err) MUST_CHECK;
/* What is free, anew; the rest stays as it was. */
int room_look_again(const char *dir, struct room *room, struct err *err) MUST_CHECK;

/* ERR_NO_SPACE, with the numbers and what to do, unless `bytes` (0: anything) can be taken by
 * `what` ("the job", "a dataset"). */
int room_for(const struct room *room, uint64_t bytes, const char *what, struct err *err) MUST_CHECK;

/* "12.3 GB" */
#define ROOM_TEXT_LEN 24
const char *room_text(double bytes, char out[ROOM_TEXT_LEN]);

#endif
