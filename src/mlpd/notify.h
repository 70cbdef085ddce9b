/* Telling the service manager how it goes: the protocol of sd_notify(3), one datagram a message to
 * the socket that $NOTIFY_SOCKET names. Without it every call does nothing.
 *
 * Main and, during a stop, the thread that watches its length.
 */
#ifndef MLPD_MLPD_NOTIFY_H
#define MLPD_MLPD_NOTIFY_H

#include "base/base.h"

/* Once, before threads: takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment.
 * What is wrong with them is logged, and then nothing is sent. */
void notify_open(void);
void notify_close(void);
/* Whether somebody listens. */
bool notify_is_on(void);
/* How often WATCHDOG=1 should be sent, in seconds: half of what is allowed. 0: never. */
double notify_watchdog(void);

/* "READY=1" or "STATUS=2 running, 5 queued"; several are parted by newlines, of which data in fmt
 * must be free. Waits at most two seconds, and never fails: the manager's troubles are its own. */
void notify_send(const char *fmt, ...) PRINTF(1, 2);

#endif
