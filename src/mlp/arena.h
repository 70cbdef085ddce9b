/* One block of memory, handed out in 64-byte aligned pieces.
 *
 * A layout function takes its pieces from a struct arena twice: first from an
 * empty one (base NULL), which only measures, then from one with memory. That is
 * why an estimate is exact: it is the same walk. Sizes are checked; once one of
 * them overflows the arena stays failed.
 */
#ifndef MLP_ARENA_H
#define MLP_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "mlp/mlp.h"

#define ARENA_ALIGN ((size_t)64) /* a cache line, and the widest vector */

struct arena {
    unsigned char *base; /* NULL while measuring */
    size_t used;         /* bytes, a multiple of ARENA_ALIGN */
    bool overflow;
};

/* n elements of `size` bytes; NULL while measuring, or when n is 0. Not cleared. */
static inline void *arena_take(struct arena *a, size_t n, size_t size)
{
    size_t bytes = 0, end = 0;

    if (__builtin_mul_overflow(n, size, &bytes) ||
        __builtin_add_overflow(bytes, ARENA_ALIGN - 1, &bytes)) {
        a->overflow = true;
        return NULL;
    }
    bytes -= bytes % ARENA_ALIGN;
    if (__builtin_add_overflow(a->used, bytes, &end)) {
        a->overflow = true;
        return NULL;
    }
    void *p = a->base != NULL && bytes > 0 ? a->base + a->used : NULL;
    a->used = end;
    return p;
}

#define ARENA_HUGE ((size_t)2 << 20) /* what the processor can map as one page */

/* Memory for what a measuring walk used; NULL when there is none. Large blocks ask for large pages:
 * matrices are read across their rows. */
static inline void *arena_alloc(const struct arena *measured)
{
    size_t bytes = measured->used > 0 ? measured->used : ARENA_ALIGN;
    void *p = NULL;

    /* not aligned_alloc: by C11 the size would have to be a multiple of the alignment */
    if (posix_memalign(&p, bytes < ARENA_HUGE ? ARENA_ALIGN : ARENA_HUGE, bytes) != 0) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (bytes >= ARENA_HUGE) {
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* a wish; it is as well without */
    }
#endif
    return p;
}

/* From measuring to handing out: memory for what the first walk used, to be taken by a second one.
 * base is then the caller's to free. MLP_E_TOO_LARGE or MLP_E_MEMORY, and nothing to free. */
static inline enum mlp_status arena_begin(struct arena *a)
{
    if (a->overflow) {
        return MLP_E_TOO_LARGE;
    }
    a->base = arena_alloc(a);
    a->used = 0;
    return a->base != NULL ? MLP_OK : MLP_E_MEMORY;
}

#endif
