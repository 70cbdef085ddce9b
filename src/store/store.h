/* The store: what outlives a kill. Records and bytes; it knows nothing of networks.
 *
 * All functions are synchronous and may be called from any thread. One that writes
 * returns when the change is durable (committed with fsync), so an answer given after
 * it may promise it. A change that HTTP asks for (job_submit, job_cancel, job_pause, job_resume,
 * job_delete, queue_pause, delivery_retry, dataset_*, model_delete) and that could not begin within
 * 2 s ends in ERR_BUSY, undone; a worker's (job_claim, job_note, job_settle, job_finish,
 * job_release, checkpoint_add, curve_append, curve_cut, event_add) and a sender's
 * (delivery_done) waits.
 *
 * Times are milliseconds UTC. Strings in records are owned by the record and freed with
 * its fini; pointers in parameters are borrowed. Texts named *_json are JSON made and read by the
 * layers above; the store keeps them as they are.
 *
 * Errors: ERR_NOT_FOUND, ERR_CONFLICT (a state that forbids it), ERR_BUSY, ERR_NO_SPACE (a
 * later write tries again), ERR_IO and ERR_CORRUPT (from a write: no other is tried in this
 * process; reads go on as far as they can), ERR_NO_MEMORY. Results are set on success only.
 *
 * A backend is one const struct of functions; SQLite's is in store_sqlite.c.
 */
#ifndef MLPD_STORE_STORE_H
#define MLPD_STORE_STORE_H

#include "base/base.h"
#include "base/err.h"
#include "base/hash.h"

/* The finished ones are those from JOB_SUCCEEDED on. */
enum job_state {
    JOB_QUEUED, JOB_RUNNING, JOB_PAUSED, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_STATES
};
const char *job_state_name(enum job_state state); /* "queued", ... */
bool job_state_parse(const char *name, enum job_state *out);

struct store_job {
    int64_t id;
    char *kind;            /* "train" | "evaluate" | "fetch" */
    char *name;            /* family, or NULL */
    enum job_state state;
    int64_t model_id;      /* the model it makes (train) or judges (evaluate); 0: has none */
    int64_t attempt;       /* 0 while it was never claimed */
    int64_t priority;      /* of queued jobs the highest runs first; 0 is usual */
    bool cancel_requested, pause_requested; /* of a running one */
    int64_t crashes;       /* attempts that ended in a fatal signal of the job's own thread */
    int64_t created_at, started_at, finished_at; /* 0 = not yet */
    char *config_json;     /* as posted (inline data replaced by its dataset); NULL in lists */
    char *resolved_json;   /* every default filled in; NULL in lists */
    char *warnings_json;   /* array of sentences */
    char *summary_json;    /* a few words of resolved_json for lists, or NULL */
    char dataset_sha256[HASH_HEX_LEN]; /* the first it needs; "": none */
    char *dataset_name;    /* its newest name, or NULL */
    char *result_json;     /* what came out, NULL before the end */
    char *error_code;      /* failed: "diverged", ...; else NULL */
    char *error_detail;
};
void store_job_fini(struct store_job *job);

/* Whom a job tells of its states. Each is announced by a delivery, written in the same commit. */
enum store_notify_event { /* kept in rows: never given another meaning */
    NOTIFY_RUNNING = 1, NOTIFY_PAUSED = 2, NOTIFY_SUCCEEDED = 4, NOTIFY_FAILED = 8,
    NOTIFY_CANCELLED = 16
};
#define NOTIFY_ENDS (NOTIFY_SUCCEEDED | NOTIFY_FAILED | NOTIFY_CANCELLED)
/* The bit of a state; 0: a job never tells of it. */
unsigned store_notify_bit(enum job_state state);
struct store_notify {
    const char *url;
    const char *receiver;       /* where it leads, the same for all URLs of one server */
    const char *key;            /* random letters and digits, a part of its message ids */
    unsigned events;            /* bits */
};

/* What POST /train, evaluate and a fetch put in. */
struct store_job_new {
    const char *kind;
    const char *name;           /* or NULL */
    int64_t model_id;           /* evaluate: which; train: 0, a new one is made */
    bool no_model;              /* fetch: nor is one made */
    int64_t parent_id;          /* train: the model it goes on from, or 0 */
    const char *config_json;
    const char *resolved_json;
    const char *summary_json;   /* or NULL */
    const char *warnings_json;  /* NULL is "[]" */
    const char *const *datasets; /* sha256 of every dataset it needs; the first is the model's */
    size_t n_datasets;
    int64_t max_queued;         /* this many are queued already: ERR_BUSY; 0 = no limit */
    int64_t priority;
    int64_t disk_bytes;         /* what it may come to on the disk, held until it ends */
    const char *key;            /* Idempotency-Key, or NULL; */
    const char *body_sha256;    /* and the body that came with it */
    const struct store_notify *notify; /* or NULL */
};

/* Where a running job's checkpoint is: file <job>.<generation> of the checkpoint folder. */
struct store_checkpoint {
    int64_t job_id;
    int64_t generation;         /* from 1, above those of all rows that the job has */
    int64_t epoch;              /* finished epochs; curve points past it are not part of it */
    int64_t bytes, at;
    char sha256[HASH_HEX_LEN];  /* of the whole file */
};
#define STORE_CHECKPOINTS 2     /* rows kept of a job: the newest ones */

/* What a worker tells about an attempt that has no new checkpoint yet (see job_note). */
enum store_note {
    NOTE_BATCH,   /* it finished a batch */
    NOTE_LASTED,  /* it has run for STORE_LASTING_SECONDS */
};
#define STORE_LASTING_SECONDS 10

/* What may go: finished jobs, and nameless datasets that no job names (any more). */
struct store_gc_rule {
    int64_t finished_before;    /* ms UTC: only jobs that ended before it may go; 0 = any age */
    int64_t keep_jobs;          /* so many newest finished ones always stay; -1 = all stay */
    int64_t datasets_before;    /* ms UTC: only datasets made before it may go (a younger one's job
                                 * may be on its way); 0 = none */
};
struct store_gc {
    int64_t jobs, datasets;     /* rows */
    int64_t dataset_bytes;      /* of contents that no row names any more, their files */
    bool more;                  /* this was a piece of it: call again */
    char (*orphans)[HASH_HEX_LEN]; /* those contents, unless it was a dry run: the caller
                                    * removes the files, and frees this */
    size_t n_orphans;
};
/* After so long a nameless dataset has its job, or will never have one. */
#define STORE_GC_GRACE_MS (60 * 60 * 1000)

struct store_job_filter {
    const char *kind, *name;    /* NULL = any */
    int state;                  /* enum job_state, -1 = any */
    unsigned states;            /* with state -1: bits 1u << enum job_state; 0 = any */
    int64_t before_id;          /* only ids below it; 0 = from the newest */
    size_t limit;
};

struct store_point {
    int64_t epoch;
    double training_loss, validation_loss; /* NaN = absent; infinite ones come back as NaN */
    double learning_rate;
    double seconds;             /* training of this epoch alone */
    double elapsed_seconds;     /* since the job's start */
    int64_t samples;
    char *metrics_json;         /* object or NULL; owned in results, borrowed in parameters */
    char *gradient_norms_json;  /* array, a number a layer, or NULL; the same */
};

struct store_event {
    int64_t id, at;
    char *kind;                 /* a job's state, "cancel_requested", "pause_requested",
                                 * "resume_requested", or what event_add said */
    char *detail;               /* "attempt 2", "diverged: ...", a sentence, or NULL */
};

enum store_delivery_state { DELIVERY_IS_PENDING, DELIVERY_IS_DELIVERED, DELIVERY_IS_GIVEN_UP };
const char *store_delivery_state_name(enum store_delivery_state state); /* "pending", ... */

/* One message to one receiver. */
struct store_delivery {
    int64_t id;
    char *message_id;           /* the same however often it is sent: "msg_..." */
    char *url, *receiver;
    enum job_state event;       /* the state that it tells of, */
    int64_t at;                 /* since when the job has it, */
    int64_t attempt;            /* and the job's attempt then */
    enum store_delivery_state state;
    int64_t sends;              /* so often it was sent, */
    int64_t step;               /* and so often since it was asked for */
    int64_t next_at;            /* pending: not before; else 0 */
    int64_t last_at;            /* 0: never yet */
    int64_t last_status;        /* 0: no answer */
    char *last_error;           /* a sentence, or NULL */
    /* of its job */
    int64_t job_id, model_id, created_at;
    char *kind, *name;          /* name or NULL */
    char *error_code;           /* of one that failed, or NULL */
};
void store_delivery_fini(struct store_delivery *delivery);

/* What came of sending it once. */
struct store_delivery_result {
    int64_t id;
    enum store_delivery_state state; /* pending: it is tried again, */
    int64_t next_at;            /* not before this */
    bool gone;                  /* the receiver wants no more: what else the job has to tell it is
                                 * given up, too, and nothing is added */
    int64_t status;             /* HTTP's; 0: no answer */
    const char *error;          /* a sentence, or NULL */
};

/* A job has at most so many deliveries of states that are not its end: later ones are not told. */
#define STORE_DELIVERIES_JOB 100
/* So many wait for one receiver: those that come then are given up at once (and can be asked
 * for). */
#define STORE_DELIVERIES_RECEIVER 10000
/* None waits longer than this; one that seems to was written before the clock was set back. */
#define STORE_DELIVERY_MOST_MS ((int64_t)27 * 60 * 60 * 1000)

struct store_dataset {
    int64_t id;
    char *name;                 /* NULL: inline data of a job */
    char sha256[HASH_HEX_LEN];
    int64_t rows, columns, bytes;
    int64_t created_at;
    int64_t parent_id;          /* the version it was appended to, which may be gone; 0: none */
};
void store_dataset_fini(struct store_dataset *ds);

struct store_model {
    int64_t id, job_id;         /* the job may have been deleted since */
    char *name;                 /* family or NULL */
    char *state;                /* "pending" | "ready" | "failed": has it weights to serve? */
    int64_t created_at, finished_at;
    char *spec_json;            /* architecture, exactly; NULL while pending */
    char *encoder_json;         /* NULL while pending and in lists */
    char *info_json;            /* what GET /models/{id} shows besides; NULL while pending */
    char *metrics_json;         /* {"training": {...}, ...}; NULL while pending */
    char dataset_sha256[HASH_HEX_LEN];
    char weights_sha256[HASH_HEX_LEN]; /* "" while pending */
    int64_t parameters;
    char *splits;               /* those that have an evaluation, with spaces; NULL: none has */
    int64_t dataset_id;         /* of its newest name, */
    char *dataset_name;         /* which is this; 0 and NULL: it has none any more */
    int64_t state_bytes;        /* of its trainer's state; 0: not kept */
};
void store_model_fini(struct store_model *model);

/* What a worker brings home. One transaction: the state, the model, its weights. */
struct store_outcome {
    enum job_state state;       /* SUCCEEDED, FAILED or CANCELLED */
    const char *result_json;    /* or NULL */
    const char *warnings_json;  /* or NULL: keep */
    const char *error_code, *error_detail; /* or NULL */
    bool has_model;             /* the fields below are set */
    const char *spec_json, *encoder_json, *info_json, *metrics_json;
    const void *weights;        /* little-endian float32 */
    size_t weights_bytes;
    const void *trainer_state;  /* what a later job needs to go on, or NULL */
    size_t state_bytes;         /* 0: it is not kept */
    int64_t parameters;
    size_t n_evaluations;
    const struct store_evaluation {
        const char *split;      /* "training" | "validation" | "test" | "importance" */
        const char *json;
    } *evaluations;
};

struct store;

struct store_ops {
    void (*close)(struct store **store); /* drains the writer first */

    /* Whether reads and writes work right now; for /readyz. */
    int (*health)(struct store *store, struct err *err);

    /* ---- jobs ---- */
    /* The job, its (pending) model and its event in one commit. ERR_CONFLICT when a dataset
     * has no row any more or the model to judge has failed; ERR_NOT_FOUND without that model.
     * 1: its key made a job in the last 24 hours, and here are that job's ids; with another
     * body: ERR_INVALID. */
    int (*job_submit)(struct store *store, const struct store_job_new *job, int64_t *job_id,
                      int64_t *model_id, struct err *err);
    /* The job that this key made in the last 24 hours: 0, or 1 when there is none. */
    int (*job_by_key)(struct store *store, const char *key, int64_t *job_id, int64_t *model_id,
                      char body_sha256[HASH_HEX_LEN], struct err *err);
    int (*job_get)(struct store *store, int64_t id, struct store_job *out, struct err *err);
    /* Newest first; caller fini's each and frees the array. *more: there are older ones. */
    int (*job_list)(struct store *store, const struct store_job_filter *filter,
                    struct store_job **out, size_t *n, bool *more, struct err *err);
    int (*job_counts)(struct store *store, int64_t counts[JOB_STATES], struct err *err);
    /* How many queued jobs run before this one, from 1 (next); 0 when it is not queued. */
    int (*job_position)(struct store *store, int64_t id, int64_t *out, struct err *err);
    /* The disk_bytes of all jobs that have not ended. */
    int (*job_disk)(struct store *store, int64_t *out, struct err *err);
    /* The queued job of the highest priority, of equals the oldest, becomes running under `owner`
     * with attempt + 1; its curve past its newest checkpoint (all of it without one) is deleted in
     * the same commit. 1 = there is none, or the queue is paused; *wait_ms: in so many
     * milliseconds there may be one without anybody's doing (a job that waits after many
     * attempts), 0 = not. `wait_ms` may be NULL. */
    int (*job_claim_wait)(struct store *store, const char *owner, struct store_job *out,
                          int64_t *wait_ms, struct err *err);
    /* The same without wait_ms. */
    int (*job_claim)(struct store *store, const char *owner, struct store_job *out,
                     struct err *err);
    /* About the attempt under way; only the owner of a running job (else ERR_CONFLICT). */
    int (*job_note)(struct store *store, int64_t id, const char *owner, enum store_note note,
                    struct err *err);
    /* What a running job turned out to be, once its data was there: resolved_json, summary_json,
     * warnings_json, datasets and disk_bytes of `job` take the place of its own, all in one commit. Only its
     * owner; ERR_CONFLICT otherwise, and when a dataset has no row any more. */
    int (*job_settle)(struct store *store, int64_t id, const char *owner,
                      const struct store_job_new *job, struct err *err);
    /* Only the owner of a running job may finish it: else ERR_CONFLICT and nothing changes. */
    int (*job_finish)(struct store *store, int64_t id, const char *owner,
                      const struct store_outcome *outcome, struct err *err);
    /* Without a result, and without a word against it: a running job becomes paused if that was
     * asked, cancelled if that was, else it goes back to the queue. */
    int (*job_release)(struct store *store, int64_t id, const char *owner, struct err *err);
    /* queued, paused -> cancelled; running -> cancel_requested; finished: nothing. *out: the
     * state after it. */
    int (*job_cancel)(struct store *store, int64_t id, enum job_state *out, struct err *err);
    /* queued -> paused; running -> pause_requested (ERR_CONFLICT while it is being cancelled: the
     * stronger word, which takes a pause back); paused: nothing; finished: ERR_CONFLICT. *out: the
     * state after it. */
    int (*job_pause)(struct store *store, int64_t id, enum job_state *out, struct err *err);
    /* paused -> queued, at its old place; running: pause_requested is taken back; queued:
     * nothing; finished: ERR_CONFLICT. */
    int (*job_resume)(struct store *store, int64_t id, enum job_state *out, struct err *err);
    /* While the queue is paused nothing is claimed; running jobs go on. Outlives a restart. */
    int (*queue_pause)(struct store *store, bool paused, struct err *err);
    int (*queue_paused)(struct store *store, bool *out, struct err *err);
    /* A finished one, with curve and events (ERR_CONFLICT otherwise); its model stays. */
    int (*job_delete)(struct store *store, int64_t id, struct err *err);

    /* Only the owner of a running job: else ERR_CONFLICT. An epoch written again keeps the
     * later point, so that an append may be repeated. */
    int (*curve_append)(struct store *store, int64_t job_id, const char *owner,
                        const struct store_point *points, size_t n, struct err *err);
    /* Points with epoch > after, ascending, at most limit (0 = all); none for an unknown job.
     * Free with store_points_free. */
    int (*curve_read)(struct store *store, int64_t job_id, int64_t after, size_t limit,
                      struct store_point **out, size_t *n, struct err *err);
    /* The last point (free its metrics_json; without gradient norms), or 1 when there is none. */
    int (*curve_last)(struct store *store, int64_t job_id, struct store_point *out,
                      struct err *err);

    /* Only the owner of a running job: points past `epoch` and checkpoints past it go, because
     * that is where it really goes on from. */
    int (*curve_cut)(struct store *store, int64_t job_id, const char *owner, int64_t epoch,
                     struct err *err);

    /* ---- checkpoints: rows that name files; a job's rows go with its end ---- */
    /* Only the owner of a running job. The rows past the newest STORE_CHECKPOINTS go. From here on
     * no attempt before counts against the job. */
    int (*checkpoint_add)(struct store *store, const char *owner,
                          const struct store_checkpoint *checkpoint, struct err *err);
    /* Newest first. */
    int (*checkpoint_list)(struct store *store, int64_t job_id,
                           struct store_checkpoint out[STORE_CHECKPOINTS], size_t *n,
                           struct err *err);
    /* Of all jobs, in no order; caller frees. */
    int (*checkpoint_all)(struct store *store, struct store_checkpoint **out, size_t *n,
                          struct err *err);

    int (*event_add)(struct store *store, int64_t job_id, const char *kind, const char *detail,
                     struct err *err);
    int (*event_list)(struct store *store, int64_t job_id, struct store_event **out, size_t *n,
                      struct err *err);

    /* ---- deliveries: what jobs tell others; they go with their job ---- */
    /* Of those that are due at `now` and whose receiver is not among `busy`, the one that waits
     * longest. 1 = there is none; *wait_ms: in so many milliseconds one will be due, 0 = none
     * waits. */
    int (*delivery_next)(struct store *store, int64_t now, const char *const *busy, size_t n_busy,
                         struct store_delivery *out, int64_t *wait_ms, struct err *err);
    /* Only of one that is pending: else ERR_NOT_FOUND, and nothing changes. */
    int (*delivery_done)(struct store *store, const struct store_delivery_result *result,
                         struct err *err);
    /* Of a job, oldest first; none for an unknown job. */
    int (*delivery_list)(struct store *store, int64_t job_id, struct store_delivery **out,
                         size_t *n, struct err *err);
    /* It is due now, whatever its state, and tried as often as a new one; *job_id: whose it is. */
    int (*delivery_retry)(struct store *store, int64_t id, int64_t *job_id, struct err *err);
    /* From here on `wake` is called, on a thread of the store's, after every commit that may have
     * made a delivery due. Once, and `arg` outlives the store; wake may not call the store. */
    void (*delivery_watch)(struct store *store, void (*wake)(void *arg), void *arg);

    /* ---- datasets ---- */
    /* name NULL: inline data; any row with its hash will do (*created false). Same name and
     * hash: the same id, *created false. Same name, other hash: ERR_CONFLICT, or with `replace`
     * the name moves to the new row (the old one stays, nameless). */
    int (*dataset_add)(struct store *store, const char *name, const char *sha256, int64_t rows,
                       int64_t columns, int64_t bytes, bool replace, int64_t *id, bool *created,
                       struct err *err);
    /* The version of `parent_id` that has more rows: a new row, and the parent's name moves to it
     * (`name`, or NULL when it had none). ERR_CONFLICT: the parent has another name by now.
     * ERR_NOT_FOUND: it is gone. */
    int (*dataset_append)(struct store *store, int64_t parent_id, const char *name,
                          const char *sha256, int64_t rows, int64_t columns, int64_t bytes,
                          int64_t *id, struct err *err);
    /* All versions that come from the same first one as `id`, the newest first, at most `limit`. */
    int (*dataset_versions)(struct store *store, int64_t id, size_t limit,
                            struct store_dataset **out, size_t *n, struct err *err);
    /* By id (digits), name, or "sha256:<hex>" (of several, the newest named one). */
    int (*dataset_get)(struct store *store, const char *key, struct store_dataset *out,
                       struct err *err);
    int (*dataset_list)(struct store *store, int64_t before_id, size_t limit,
                        struct store_dataset **out, size_t *n, bool *more, struct err *err);
    /* ERR_CONFLICT while a queued or running job needs its content and no other row holds it.
     * *orphan: no row names this hash any more; the caller removes the file. */
    int (*dataset_delete)(struct store *store, int64_t id, bool *orphan, struct err *err);

    /* ---- models ---- */
    int (*model_get)(struct store *store, int64_t id, struct store_model *out, struct err *err);
    /* The newest ready model of a family whose job succeeded. */
    int (*model_by_name)(struct store *store, const char *name, struct store_model *out,
                         struct err *err);
    int (*model_list)(struct store *store, const char *name, int64_t before_id, size_t limit,
                      struct store_model **out, size_t *n, bool *more, struct err *err);
    /* The bytes, their hash verified (ERR_CORRUPT names the model). Caller frees. */
    int (*model_weights)(struct store *store, int64_t id, void **bytes, size_t *len,
                         struct err *err);
    /* The same of the state its training ended with; ERR_NOT_FOUND: it was not kept. */
    int (*model_state)(struct store *store, int64_t id, void **bytes, size_t *len,
                       struct err *err);
    /* ERR_NOT_FOUND when that split has none. Caller frees. */
    int (*model_evaluation)(struct store *store, int64_t id, const char *split, char **json,
                            struct err *err);
    /* ERR_CONFLICT while a queued or running job makes, judges or goes on from it. */
    int (*model_delete)(struct store *store, int64_t id, struct err *err);

    /* How many there are of both, whatever their state. */
    int (*counts)(struct store *store, int64_t *datasets, int64_t *models, struct err *err);

    /* ---- housekeeping ---- */
    /* Delete by the rule, a piece at a time so that nobody waits long for the writer; or (dry_run)
     * only say what would go, all of it at once. A job whose Idempotency-Key still counts stays. */
    int (*gc)(struct store *store, const struct store_gc_rule *rule, bool dry_run,
              struct store_gc *out, struct err *err);
};

/* A backend's store starts with this. */
struct store {
    const struct store_ops *ops;
};

void store_points_free(struct store_point **points, size_t n);
void store_events_free(struct store_event **events, size_t n);
void store_deliveries_free(struct store_delivery **list, size_t n);
void store_jobs_free(struct store_job **jobs, size_t n);
void store_datasets_free(struct store_dataset **list, size_t n);
void store_models_free(struct store_model **list, size_t n);

#endif
