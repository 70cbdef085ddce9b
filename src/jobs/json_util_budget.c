/* jansson's allocator; see json_util_budget.h.
 *
 * It is malloc, with a count beside it that is the thread's own, so nothing is locked. The count
 * is of usable bytes, which the C library knows of each block; 8 more stand for its head.
 *
 * Beyond the limit memory is still given, and the reading is refused when it is over: jansson 2.14
 * crashes where some allocations in the middle of a text fail. What it can take at most is bounded
 * by the text, whose values were counted before.
 */
#include "jobs/json_util_budget.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>

#define HEAD 8

static _Thread_local struct {
    size_t limit, used;
    bool counting, met;
} budget;

static void *take(size_t bytes)
{
    void *p = malloc(bytes);

    if (p != NULL && budget.counting) {
        budget.used += malloc_usable_size(p) + HEAD;
        budget.met |= budget.used > budget.limit;
    }
    return p;
}

static void give(void *p)
{
    if (p != NULL && budget.counting) {
        size_t whole = malloc_usable_size(p) + HEAD;

        budget.used -= whole < budget.used ? whole : budget.used;
    }
    free(p);
}

void json_util_budget_install(void)
{
    json_set_alloc_funcs(take, give);
}

void json_util_budget_set(size_t bytes)
{
    budget.limit = bytes;
}

size_t json_util_budget(void)
{
    return budget.limit;
}

void json_util_budget_begin(void)
{
    budget.used = 0;
    budget.met = false;
    budget.counting = budget.limit != 0;
}

bool json_util_budget_end(void)
{
    budget.counting = false;
    return budget.met;
}
