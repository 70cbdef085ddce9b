/* Time. Durations come from the monotonic clock, stored times are integer
 * milliseconds UTC, shown times are RFC 3339.
 */
#ifndef MLPD_BASE_CLOCK_H
#define MLPD_BASE_CLOCK_H

#include "base/base.h"

/* Seconds since some fixed moment; never goes back. */
double clock_monotonic(void);
/* A condition whose timed waits are by that clock; ended by pthread_cond_destroy. */
void clock_cond_init(pthread_cond_t *cond);
/* Milliseconds since 1970, UTC. */
int64_t clock_now_ms(void);

#define CLOCK_TEXT_LEN 32
/* "2026-01-02T03:04:05.678Z" into out[CLOCK_TEXT_LEN]. */
void clock_format(int64_t ms, char *out);

#endif
