/* What the ways into the queue share: submit.c, submit_evaluate.c, submit_fetch.c. */
#ifndef MLPD_JOBS_SUBMIT_PRIV_H
#define MLPD_JOBS_SUBMIT_PRIV_H

#include "jobs/submit.h"

/* A dataset that a job uses: from the cache, or its own file in a scratch folder. */
struct submit_used {
    char sha256[HASH_HEX_LEN];
    const struct dataset *ds;
    struct dataset *own; /* == ds for inline rows */
};

/* Open the dataset called `key`; what is unknown is a problem at `pointer`. */
int submit_use(struct datasets *datasets, const char *key, const char *pointer,
               struct submit_used *out, struct err *err) MUST_CHECK;
void submit_used_fini(struct datasets *datasets, struct submit_used *u);

/* ERR_BUSY: no more jobs may wait. */
int submit_check_queue(struct store *store, const struct submit_limits *limits,
                       struct err *err) MUST_CHECK;
/* Whether so much may be written, besides what others were promised. */
int submit_check_room(struct store *store, const struct submit_limits *limits, size_t bytes,
                      struct err *err) MUST_CHECK;

#endif
