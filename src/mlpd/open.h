/* Opening the store of a state folder that this process holds the lock of, as the daemon does. */
#ifndef MLPD_MLPD_OPEN_H
#define MLPD_MLPD_OPEN_H

#include "store/store_sqlite.h"

/* The store of DIR, for the boot `owner`. What crashes of earlier boots left in DIR/crashes is
 * counted by it, and cleared. */
int open_store(const char *dir, const char *owner, struct store **out, struct err *err) MUST_CHECK;

/* DIR/name, owned. */
char *open_path(const char *dir, const char *name);

#endif
