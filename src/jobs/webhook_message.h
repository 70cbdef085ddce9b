/* What a webhook says, how it is signed, and what its answer means: Standard Webhooks 1.0. Pure,
 * any thread.
 */
#ifndef MLPD_JOBS_WEBHOOK_MESSAGE_H
#define MLPD_JOBS_WEBHOOK_MESSAGE_H

#include "base/buf.h"
#include "jobs/webhook_secret.h"
#include "store/store.h"

/* {"type": "job.succeeded", "timestamp": ..., "data": {"id": 12, ...}}, the same bytes each time;
 * the caller's. */
char *webhook_message_body(const struct store_delivery *delivery);

#define WEBHOOK_SIGNATURE_LEN (WEBHOOK_SECRETS * 48)
/* Of "ID.SECONDS.BODY" by each secret: "v1,<base64>", the newest's first, a space between. */
void webhook_message_sign(const struct webhook_secrets *secrets, const char *id, int64_t seconds,
                          const char *body, size_t len, char out[WEBHOOK_SIGNATURE_LEN]);

/* "https://host:port" of a URL that outgoing_check_url has passed, in small letters; the
 * caller's. */
char *webhook_message_receiver(const char *url);

#define WEBHOOK_SENDS 10 /* of one message, unless somebody asks again */
struct webhook_verdict {
    enum store_delivery_state state;
    bool gone;           /* 410: the receiver wants no more of that job's messages */
    double wait_seconds; /* pending: before the next send */
    char why[160];       /* "" when it was delivered */
};
/* After the send number `step`, from 0, was answered with this HTTP status and Retry-After (NaN:
 * without). `chance` is from 0 to 1 and makes waits up to a tenth longer. */
struct webhook_verdict webhook_message_judge(int64_t step, long status, double retry_after,
                                             double chance);
/* The same when there was no answer, for this reason. */
struct webhook_verdict webhook_message_unanswered(int64_t step, const char *why, double chance);

#endif
