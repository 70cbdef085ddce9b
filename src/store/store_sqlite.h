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

/* A copy of DIR/mlpd.db, of a running daemon too, as the new file `path` (which must not exist):
 * one consistent moment, synced. */
int store_sqlite_backup(const char *dir, const char *path, struct err *err) MUST_CHECK;

/* Everything a reader can verify of DIR/mlpd.db: SQLite's integrity check (or the quick one),
 * foreign keys, the hash of every model's weights and state. Each problem is one item of
 * `problems`. -1: it could not be looked at, why is in `err`. */
int store_sqlite_check(const char *dir, bool quick, struct err *problems,
                       struct err *err) MUST_CHECK;

/* "SQLite 3.40.1", for /service and the log. */
const char *store_sqlite_version(void);

#endif
