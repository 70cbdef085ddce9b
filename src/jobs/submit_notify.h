/* "notify" on its way from a job's config to its row. */
#ifndef MLPD_JOBS_SUBMIT_NOTIFY_H
#define MLPD_JOBS_SUBMIT_NOTIFY_H

#include "jobs/spec.h"
#include "net/outgoing.h"
#include "store/store.h"

/* Whether its URL could be asked at all; else an item at /notify/url. `notify` may be NULL. */
int submit_notify_check(const struct outgoing *outgoing, const struct job_notify *notify,
                        struct err *err);

struct submit_notify {
    struct store_notify row; /* borrows the job_notify's URL */
    char *receiver;
    char key[17];
};
/* The row to store, in *out until its fini; NULL when nobody is told. */
const struct store_notify *submit_notify_init(struct submit_notify *out,
                                              const struct job_notify *notify);
void submit_notify_fini(struct submit_notify *notify);

#endif
