/* Memory.
 *
 * The x-functions are for small, fixed needs of our own: they abort when there
 * is no memory. A size that comes from a user goes through mem_mul/mem_add
 * (checked arithmetic) and mem_try_alloc, which returns NULL.
 */
#ifndef MLPD_BASE_MEM_H
#define MLPD_BASE_MEM_H

#include <stdarg.h>

#include "base/base.h"

void *xmalloc(size_t bytes);
void *xcalloc(size_t n, size_t bytes);
void *xrealloc(void *p, size_t bytes);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0);

/* False when the result does not fit size_t; *out is then untouched. */
static inline MUST_CHECK bool mem_mul(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_mul_overflow(a, b, &r)) {
        return false;
    }
    *out = r;
    return true;
}

static inline MUST_CHECK bool mem_add(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_add_overflow(a, b, &r)) {
        return false;
    }
    *out = r;
    return true;
}

/* n * bytes, aligned to 64, not cleared; NULL when it overflows or there is none.
 * Release with free(). */
void *mem_try_alloc(size_t n, size_t bytes) MUST_CHECK;

/* The process's resident memory in bytes (from /proc), 0 when unknown. */
size_t mem_resident(void);

#endif
