/* The state folder and its lock: one daemon a folder. Main thread. */
#ifndef MLPD_MLPD_STATE_H
#define MLPD_MLPD_STATE_H

#include "base/err.h"

/* Make the folder (0700) if it is not there, and those above it (0755). */
int state_make(const char *dir, struct err *err) MUST_CHECK;

/* The same, and take DIR/lock. *fd holds the lock
 * until it is closed, or the process ends. ERR_CONFLICT: another process has it, named by its id.
 */
int state_open(const char *dir, int *fd, struct err *err) MUST_CHECK;

/* A folder in it, while a backup is being restored, and after that was interrupted. */
#define STATE_RESTORING "restore.part"
/* Under the lock: ERR_CONFLICT when a restore into it was interrupted. */
int state_is_whole(const char *dir, struct err *err) MUST_CHECK;

#endif
