/* The store on SQLite: DIR/mlpd.db. One writer thread with the only read-write connection,
 * batching the commits of many callers; a pool of read-only connections.
 */
#ifndef MLPD_STORE_STORE_SQLITE_H
#define MLPD_STORE_STORE_SQLITE_H

#include "store/store.h"

/* A fatal signal hit the thread that ran this job for this owner; see base/crash.h. */
struct store_crash {
    char owner[33];
    int64_t job_id;
};

struct store_sqlite_options {
    const char *dir;    /* the state folder, which the caller holds the lock of */
    const char *owner;  /* this boot's random id: running rows of others go back to queued */
    size_t queue_limit; /* writes waiting at once; 0 = 1024 */
    const struct store_crash *crashes; /* of earlier boots; counted once, however often told */
    size_t n_crashes;
};

#define STORE_CRASHES_ALLOWED 2  /* the third fails the job, code "crashed" */
#define STORE_ATTEMPTS        20 /* without a new checkpoint: after the fifth there is a pause of
                                  * a second before each, and after this many the job fails, code
                                  * "no_progress", if each of them lasted or reached no batch */

/* Opens or creates, migrates (after a backup, DIR/backup-schema-N.db), recovers. Errors name what
 * is wrong: a foreign file, a newer schema, a corrupt database. */
int store_sqlite_open(const struct store_sqlite_options *options, struct store **out,
                      struct err *err) MUST_CHECK;

/* The same for looking only, beside a running daemon too: nothing is made, migrated or recovered,
 * and what would write is refused (ERR_CONFLICT). ERR_NOT_FOUND: there is no database.
 * ERR_CONFLICT: it has not this program's schema. */
int store_sqlite_look(const char *dir, struct store **out, struct err *err) MUST_CHECK;

/* Once others are served: if the daemon before did not close the store (a kill, a power cut),
 * SQLite's quick check of the whole file, on a thread and a connection of its own. Damage is
 * logged and ends writing, as any ERR_CORRUPT does; health says so. Closing the store ends it. */
void store_sqlite_quick_check(struct store *store);

/* ---- without a store: DIR/mlpd.db of a running daemon, a stopped one, or a backup ---- */

/* A copy as the new file `path` (which must not exist): one consistent moment, synced. */
int store_sqlite_backup(const char *dir, const char *path, struct err *err) MUST_CHECK;

/* The files that DIR/mlpd.db names, whatever its schema. */
struct store_files {
    int64_t schema;
    char (*datasets)[HASH_HEX_LEN];
    size_t n_datasets;
    struct store_checkpoint *checkpoints;
    size_t n_checkpoints;
};
int store_sqlite_files(const char *dir, struct store_files *out, struct err *err) MUST_CHECK;
void store_files_fini(struct store_files *files);
/* In a copy: these checkpoints have no file there. Their jobs go on from an earlier one. */
int store_sqlite_forget(const char *dir, const struct store_checkpoint *gone, size_t n,
                        struct err *err) MUST_CHECK;

/* The same of datasets, which were deleted since the copy's moment: 0; 1 = a job that has not ended
 * there needs one of them, and nothing was changed. */
int store_sqlite_forget_datasets(const char *dir, const char (*gone)[HASH_HEX_LEN], size_t n,
                                 struct err *err) MUST_CHECK;

/* What a reader can verify: SQLite's integrity check (but for CHECK constraints, at which it does
 * not look on a read-only connection), foreign keys, that every model has what its state promises,
 * the hash of all weights and states; with `quick` SQLite's quick check and the foreign keys
 * alone. Each problem is one item of `problems`. -1: it could not be looked at, why is in `err`.
 * *n_models (may be NULL): models whose weights were verified. */
int store_sqlite_check(const char *dir, bool quick, int64_t *n_models, struct err *problems,
                       struct err *err) MUST_CHECK;

/* "SQLite 3.40.1", for /service and the log. */
const char *store_sqlite_version(void);

#endif
