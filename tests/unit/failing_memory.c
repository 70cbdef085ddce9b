/* See failing_memory.h. The linker leads every call of ours to malloc here (--wrap), and those to
 * functions that may not fail through a counter of the thread.
 */
#include "failing_memory.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

static atomic_long fail_in; /* allocations until the fault; 0 = none is planned, < 0 = met */
static atomic_bool fail_forever;
static _Thread_local int spared; /* inside something that aborts without memory */

static bool fail_now(void)
{
    if (spared > 0 || atomic_load(&fail_in) == 0 || atomic_fetch_sub(&fail_in, 1) > 1) {
        return false;
    }
    return atomic_exchange(&fail_in, -1) == 0 || atomic_load(&fail_forever);
}

void failing_memory_set(long nth, bool forever)
{
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_in, nth);
}

void failing_memory_spare(void)
{
    spared++;
}

bool failing_memory_end(void)
{
    return atomic_exchange(&fail_in, 0) < 0;
}

/* ---- what may fail ---- */

#define WRAPPED(result, name, params, args)                                                        \
    result __real_##name params;                                                                   \
    result __wrap_##name params;                                                                   \
    result __wrap_##name params                                                                    \
    {                                                                                              \
        return fail_now() ? NULL : __real_##name args;                                             \
    }

WRAPPED(void *, malloc, (size_t bytes), (bytes))
WRAPPED(void *, calloc, (size_t n, size_t bytes), (n, bytes))
WRAPPED(void *, realloc, (void *old, size_t bytes), (old, bytes))
WRAPPED(void *, aligned_alloc, (size_t to, size_t bytes), (to, bytes))

int __real_posix_memalign(void **out, size_t to, size_t bytes);
int __wrap_posix_memalign(void **out, size_t to, size_t bytes);
int __wrap_posix_memalign(void **out, size_t to, size_t bytes)
{
    return fail_now() ? 12 /* ENOMEM */ : __real_posix_memalign(out, to, bytes);
}

/* ---- what aborts ---- */

#define SPARED(result, name, params, args)                                                         \
    result __real_##name params;                                                                   \
    result __wrap_##name params;                                                                   \
    result __wrap_##name params                                                                    \
    {                                                                                              \
        result got;                                                                                \
                                                                                                   \
        spared++;                                                                                  \
        got = __real_##name args;                                                                  \
        spared--;                                                                                  \
        return got;                                                                                \
    }
#define SPARED_VOID(name, params, args)                                                            \
    void __real_##name params;                                                                     \
    void __wrap_##name params;                                                                     \
    void __wrap_##name params                                                                      \
    {                                                                                              \
        spared++;                                                                                  \
        __real_##name args;                                                                        \
        spared--;                                                                                  \
    }

SPARED(void *, xmalloc, (size_t bytes), (bytes))
SPARED(void *, xcalloc, (size_t n, size_t bytes), (n, bytes))
SPARED(void *, xrealloc, (void *old, size_t bytes), (old, bytes))
SPARED(char *, xstrdup, (const char *text), (text))
SPARED(char *, xstrndup, (const char *text, size_t n), (text, n))
SPARED(void *, emalloc, (size_t bytes), (bytes)) /* check's own */
SPARED(void *, erealloc, (void *old, size_t bytes), (old, bytes))
SPARED(char *, buf_take, (struct buf * buf), (buf))
SPARED_VOID(buf_puts, (struct buf * buf, const char *text), (buf, text))
SPARED_VOID(json_util_number, (struct buf * buf, double value), (buf, value))
SPARED_VOID(json_util_text, (struct buf * buf, const char *text), (buf, text))
SPARED_VOID(json_util_dump, (struct buf * buf, const json_t *json), (buf, json))
SPARED_VOID(json_util_pointer, (struct buf * pointer, const char *key), (pointer, key))
SPARED_VOID(json_util_pointer_index, (struct buf * pointer, size_t index), (pointer, index))

void __wrap_buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
void __wrap_buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;

    va_start(ap, fmt);
    CHK(vasprintf(&text, fmt, ap) >= 0);
    va_end(ap);
    buf_puts(buf, text); /* spares itself */
    free(text);
}
