/* POST /train: config -> dataset -> resolved spec -> admission -> committed job.
 *
 * What a worker finds in the job's row:
 *   train     resolved_json is config_print's text: parse and resolve it again
 *             or, while data.url is to be fetched, NULL: config_json is the config
 *   evaluate  resolved_json is {"model_id": 12, "dataset": "sha256:..."}
 *   fetch     config_json is what fetch_wish.h reads
 */
#ifndef MLPD_JOBS_SUBMIT_H
#define MLPD_JOBS_SUBMIT_H

#include "jobs/admit.h"
#include "jobs/datasets.h"

struct fetch_rules;
struct outgoing;
struct pool;

struct submit_limits {
    size_t memory_limit;   /* bytes one job may take */
    int64_t max_queued;    /* jobs waiting at once */
    const char *state;     /* the folder whose disk all is written to; NULL: not looked at */
    uint64_t disk_reserve; /* bytes of it that no job may take; see room.h */
    const struct outgoing *outgoing; /* the rules for "notify"; NULL: there are no webhooks */
    const struct fetch_rules *fetch; /* what may be fetched; NULL: nothing */
};

struct submitted {
    int64_t job_id, model_id;  /* 0 on a dry run */
    bool replayed;             /* its key made this job before: there is no estimate */
    enum job_state state;      /* JOB_QUEUED, or what a replayed one is now */
    char *summary_json;        /* owned; of train, as resolved_json */
    char *resolved_json;       /* owned; NULL: not known before its data is there, like estimate */
    char *warnings_json;       /* owned: array of sentences */
    struct admission estimate;
};
void submitted_fini(struct submitted *s);

/* What a client sent. */
struct submit_body {
    const char *text; /* JSON */
    size_t len;
    bool dry_run;     /* everything but the commit; inline rows are not kept either */
    const char *key;  /* Idempotency-Key, or NULL; a dry run does not look at it */
};

/* On success wakes the pool. With a key that came before with the same body: the job it made
 * then, and nothing is done. Errors: ERR_SYNTAX, ERR_TOO_LARGE (too many values), ERR_INVALID
 * with items (an unknown dataset too), or without (the key came with another body), ERR_BUSY (queue
 * full), ERR_NO_SPACE (see room.h), the store's. */
int submit_train(struct datasets *datasets, struct pool *pool, const struct submit_limits *limits,
                 const struct submit_body *body, struct submitted *out, struct err *err) MUST_CHECK;

/* What a running train job with a data.url turns out to be, now that its data is a dataset: its row
 * gets the resolved config, which a worker finds from here on. All the errors of submit_train, and
 * job_settle's. */
int submit_settle(struct datasets *datasets, const struct submit_limits *limits,
                  const struct store_job *job, const char *owner, const char *sha256,
                  struct err *err) MUST_CHECK;

/* A job of kind fetch: POST /datasets with JSON (fetch_wish.h). It has no model. ERR_SYNTAX,
 * ERR_INVALID with items (the URL's host is not allowed, too), ERR_BUSY, ERR_NO_SPACE, the store's.
 */
int submit_fetch(struct datasets *datasets, struct pool *pool, const struct submit_limits *limits,
                 const struct submit_body *body, struct submitted *out,
                 struct err *err) MUST_CHECK;

/* A job of kind evaluate: judge model `model_id` on a whole dataset (key as in config).
 * `notify`: whom it tells of its states, or NULL. ERR_NOT_FOUND: no such model;
 * ERR_CONFLICT: it has no weights yet; ERR_INVALID: unknown dataset ("/dataset"), one without the
 * model's columns ("/<column>"), or a URL that may not be asked ("/notify/url"). */
int submit_evaluate(struct datasets *datasets, struct pool *pool,
                    const struct submit_limits *limits, int64_t model_id, const char *dataset_key,
                    const struct job_notify *notify, struct submitted *out,
                    struct err *err) MUST_CHECK;

#endif
