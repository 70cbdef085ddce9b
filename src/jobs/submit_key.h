/* Idempotency-Key: a client that did not hear the answer asks again, and gets the same job.
 *
 * A key means its job for 24 hours, also after a restart; the store keeps both. Looking it up comes
 * before any other work of a submission, so that asking again costs a read and never fails for
 * a full queue or disk. Any thread.
 */
#ifndef MLPD_JOBS_SUBMIT_KEY_H
#define MLPD_JOBS_SUBMIT_KEY_H

#include "jobs/submit.h"

/* The job that this key made, as it is now: 0, or 1 when there is none (or it was deleted). The
 * same key with another body is ERR_INVALID. */
int submit_key_find(struct store *store, const char *key, const char *body_sha256,
                    struct submitted *out, struct err *err) MUST_CHECK;
/* The answer for a job that is there already; 1 when it is not any more. */
int submit_key_replay(struct store *store, int64_t job_id, struct submitted *out,
                      struct err *err) MUST_CHECK;

#endif
