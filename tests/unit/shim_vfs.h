/* A layer between SQLite and the system that shows each call to an observer first.
 *
 * The observer may let the call happen (SQLITE_OK) or fail it with another code; then the
 * system below never sees it, and errno is what the observer left. It runs on whatever thread
 * SQLite works on, also on several at once, inside SQLite: it may use other connections, not
 * this one, and no assertion of check. Shared memory and locks go through as they are.
 */
#ifndef MLPD_TESTS_SHIM_VFS_H
#define MLPD_TESTS_SHIM_VFS_H

#include <sqlite3.h>

enum shim_op {
    SHIM_OPEN, SHIM_READ, SHIM_WRITE, SHIM_TRUNCATE, SHIM_SYNC, SHIM_DELETE, SHIM_SHM_MAP,
    SHIM_OPS
};

struct shim_call {
    enum shim_op op;
    const char *path;        /* of the file; "" for one without a name */
    const char *name;        /* the path's last part */
    int flags;               /* open: SQLITE_OPEN_*; sync: SQLITE_SYNC_*; delete: sync the folder */
    const void *bytes;       /* write: borrowed */
    int len;                 /* read, write */
    sqlite3_int64 at;        /* read, write: where; truncate: the new size */
};

typedef int shim_observer_f(const struct shim_call *call);

/* The default for connections opened from here on. */
void shim_install(shim_observer_f *observer);
/* Every connection is closed. */
void shim_remove(void);

#endif
