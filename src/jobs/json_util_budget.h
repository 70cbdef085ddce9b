/* How much memory a stranger's JSON may take while it is read: a limit for each thread.
 *
 * jansson asks us for its memory. Between json_util_budget_begin and _end, which json_util_parse
 * calls, the thread's bytes are counted; a reading that took more than its limit is refused, with a
 * sentence that says so. What is allocated at other times, or by threads that set no
 * limit, is not counted: it was made from what had been read within one.
 */
#ifndef MLPD_JOBS_JSON_UTIL_BUDGET_H
#define MLPD_JOBS_JSON_UTIL_BUDGET_H

#include "base/base.h"

/* main only, once, before jansson is used. */
void json_util_budget_install(void);

/* What each reading by this thread may take from now on; 0: no limit. */
void json_util_budget_set(size_t bytes);
size_t json_util_budget(void);

void json_util_budget_begin(void);
/* Whether the limit was met since the beginning. */
bool json_util_budget_end(void);

#endif
