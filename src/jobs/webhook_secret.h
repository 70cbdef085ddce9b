/* The secrets that webhooks are signed with: STATE/webhook-secret, 0600, one or two lines of
 * "whsec_" and base64, the newest first. While there are two, messages carry two signatures, so
 * that receivers can change from one to the other in their own time.
 *
 * The first is made when it is first asked for. A daemon reads the file for each message, so that
 * what `mlpd webhook-secret` changes counts at once. They are in no log, answer, job or backup.
 */
#ifndef MLPD_JOBS_WEBHOOK_SECRET_H
#define MLPD_JOBS_WEBHOOK_SECRET_H

#include "base/base.h"
#include "base/err.h"

#define WEBHOOK_SECRETS       2
#define WEBHOOK_SECRET_LEAST  24 /* bytes */
#define WEBHOOK_SECRET_MOST   64
#define WEBHOOK_SECRET_TEXT   96 /* "whsec_..." and its NUL */

struct webhook_secrets {
    size_t n; /* 1 or 2 */
    struct webhook_secret {
        size_t len;
        unsigned char key[WEBHOOK_SECRET_MOST];
    } of[WEBHOOK_SECRETS]; /* the newest first */
};

/* "whsec_<base64 of 24 to 64 bytes>". False: it is none. */
bool webhook_secret_parse(const char *text, size_t len, struct webhook_secret *out);
void webhook_secret_text(const struct webhook_secret *secret, char out[WEBHOOK_SECRET_TEXT]);

/* Made when there is none. ERR_CONFLICT: others may read the file; ERR_CORRUPT: it holds something
 * else. Wiped by webhook_secrets_wipe. */
int webhook_secrets_read(const char *path, struct webhook_secrets *out, struct err *err) MUST_CHECK;
/* A new one before the one there was; an older one is gone. *out as after it. */
int webhook_secrets_rotate(const char *path, struct webhook_secrets *out,
                           struct err *err) MUST_CHECK;
/* Only the newest is left. */
int webhook_secrets_retire(const char *path, struct webhook_secrets *out,
                           struct err *err) MUST_CHECK;
void webhook_secrets_wipe(struct webhook_secrets *secrets);

#endif
