/* What a kill left on the disk, seen before anything repairs it.
 *
 * The database and its write-ahead log are copied and the copy is opened, because opening the real
 * one would change it. Held against each other there: checkpoint rows and files, curves and
 * checkpoints, final states and events. Nothing here asks the daemon, which is dead.
 */
#ifndef MLPD_TESTS_CRASH_PEEK_H
#define MLPD_TESTS_CRASH_PEEK_H

#include "world.h"

/* Looks, asserts, and notes for every known job where its newest checkpoint and its curve end. */
void peek(struct world *w);

#endif
