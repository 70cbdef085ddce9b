/* Crash points that no request of the loop reaches: in the first start on an empty folder, in the
 * commands beside the daemon, and in a training that fetches its table.
 */
#ifndef MLPD_TESTS_CRASH_ERRANDS_H
#define MLPD_TESTS_CRASH_ERRANDS_H

#include "world.h"

/* Whether a point is one of these, by its name: a guess, only to try the likely way first. */
bool errand_is_likely(const char *point);
/* Try them all with this point; each that dies is done again, and must then be right. `w`'s daemon
 * must be down. True when one has died. */
bool errand_run(struct world *w, const char *point);

#endif
