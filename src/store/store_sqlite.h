/* The store on SQLite: DIR/mlpd.db. One writer thread with the only read-write connection,
 * batching the commits of many callers; a pool of read-only connections.
 */
#ifndef MLPD_STORE_STORE_SQLITE_H
#define MLPD_STORE_STORE_SQLITE_H

#include "store/store.h"

struct store_sqlite_options {
    const char *dir;    /* the state folder, which the caller holds the lock of */
    const char *owner;  /* this boot's random id: running rows of others go back to queued */
    size_t queue_limit; /* writes waiting at once; 0 = 1024 */
};

/* Opens or creates, migrates, recovers. Errors name what is wrong: a foreign file, a newer
 * schema, a corrupt database. */
int store_sqlite_open(const struct store_sqlite_options *options, struct store **out,
                      struct err *err) MUST_CHECK;

/* "SQLite 3.40.1", for /service and the log. */
const char *store_sqlite_version(void);

#endif
