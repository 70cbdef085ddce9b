/* After a start: is everything there that was promised, and nothing else? */
#ifndef MLPD_TESTS_CRASH_VERIFY_H
#define MLPD_TESTS_CRASH_VERIFY_H

#include "world.h"

/* Looks at every job, model and table; each MAYBE becomes a NO or a YES. Must be the first thing
 * after a start: what was asked of running jobs has been settled by that. */
void verify(struct world *w);
/* Let everything come to its end, then look again, and compare every product. */
void verify_end(struct world *w);
/* `mlpd check` of the state folder, without a daemon, has nothing to say. */
void verify_check(struct world *w);

#endif
