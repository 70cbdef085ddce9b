/* What clients do to the daemon while it waits for its death: one random thing at a time, each
 * answer held against what is known, and what is known brought up to date.
 */
#ifndef MLPD_TESTS_CRASH_ACTS_H
#define MLPD_TESTS_CRASH_ACTS_H

#include "world.h"

/* One random act. False: there was no answer, the daemon is dying. */
bool act(struct world *w);

/* Single ones, for tests that need them; false without an answer. */
bool act_submit(struct world *w, size_t recipe);
bool act_upload(struct world *w);
bool act_predict(struct world *w);

/* Send a job again that may have been lost, by its key: the same job, or one. */
bool act_submit_again(struct world *w, struct job_known *job);

#endif
