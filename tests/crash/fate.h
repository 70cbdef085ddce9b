/* How the daemon dies: at a random moment by a thread that sends SIGKILL, or at a crash point.
 *
 * The points' names are found in the sources, so that a new one is tried without being listed.
 */
#ifndef MLPD_TESTS_CRASH_FATE_H
#define MLPD_TESTS_CRASH_FATE_H

#include "world.h"

/* Every CRASH_POINT("name") under src/, sorted; none in builds without crash points. */
const char *const *fate_points(size_t *n);
void fate_forget(void);

/* Start, to die at `point` (NULL: nowhere) when it comes there for the n-th time. False: it died
 * there before it was ready. */
bool fate_start(struct world *w, const char *const *options, const char *point, unsigned n);
/* SIGKILL in so many seconds, unless it is dead by then. One at a time. */
void fate_arm(const struct world *w, double seconds);
/* It is dead, or will be within its time: wait for it. It must have died by SIGKILL. True when that
 * came from the daemon itself. */
bool fate_await(struct world *w);
/* Kill it now; the same. */
bool fate_strike(struct world *w);

#endif
