/* What main does while the daemon runs: wait for signals, reload, and tell the service manager that
 * all is well. Main thread.
 */
#ifndef MLPD_MLPD_WAIT_H
#define MLPD_MLPD_WAIT_H

#include <signal.h>

#include "http/server.h"
#include "http/tokens.h"
#include "mlpd/options.h"

struct wait {
    struct store *store;
    struct pool *pool;
    struct server *server;
    struct tokens *tokens;
    const struct options *options; /* as the daemon began */
    int argc;                      /* what they were read from, for a reload */
    char *const *argv;
};

/* SIGTERM and SIGINT, which end the daemon. */
sigset_t wait_stop_signals(void);
/* Before any thread: those and SIGHUP wait until they are asked for; SIGPIPE is ignored. */
void wait_prepare(void);
/* Until one of them comes; meanwhile SIGHUP reloads. The signal. */
int wait_for_stop(const struct wait *w);

#endif
