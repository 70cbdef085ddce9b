/* Memory that runs out on request: the n-th allocation, once or from then on.
 *
 * Of those that may fail: every malloc, calloc, realloc and aligned block of our own code (so
 * mem_try_alloc's, the learning core's and those of growing tables). Not of those that abort by
 * design, because they are small: the x-functions, texts appended with buf_puts and its like, JSON
 * that we build. What other libraries allocate for themselves does not count: SQLite's has a test
 * of its own, and jansson (2.14) reads beyond its text when it has no memory in the middle of it.
 * A program with this links with FAILING_MEMORY_LINK (faults.mk).
 */
#ifndef MLPD_TESTS_FAILING_MEMORY_H
#define MLPD_TESTS_FAILING_MEMORY_H

#include <stdbool.h>

/* From now on, on all threads. nth counts from 1. */
void failing_memory_set(long nth, bool forever);
/* The calling thread never runs out. */
void failing_memory_spare(void);
/* There is memory again. Did any allocation fail? */
bool failing_memory_end(void);

#endif
