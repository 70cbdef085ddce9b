/* A few threads that share one job's loops: struct mlp_callbacks.parallel_for. They wait for work
 * by spinning for some microseconds, which is how far apart the loops of a training are, and
 * then asleep. A team belongs to the thread that made it.
 */
#ifndef MLPD_JOBS_TEAM_H
#define MLPD_JOBS_TEAM_H

#include "base/base.h"

struct team;

/* The caller and up to threads - 1 helpers, no more than there are processors, with the caller's
 * niceness and blocked signals. NULL when the caller is best alone, or no thread could be
 * started. */
struct team *team_new(size_t threads);
void team_free(struct team **team);

/* body(ctx, i) for every i < n, shared out as threads come for them; returns when all are done.
 * A NULL team does them one after another. */
void team_run(struct team *team, size_t n, void (*body)(void *ctx, size_t i), void *ctx);

#endif
