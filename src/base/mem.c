/* Memory; see mem.h. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Noreturn void chk_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must hold: %s\n", file, line, expr);
    abort();
}

void *xmalloc(size_t bytes)
{
    void *p = malloc(bytes != 0 ? bytes : 1);

    CHK(p != NULL);
    return p;
}

void *xcalloc(size_t n, size_t bytes)
{
    void *p = calloc(n != 0 ? n : 1, bytes != 0 ? bytes : 1);

    CHK(p != NULL);
    return p;
}

void *xrealloc(void *p, size_t bytes)
{
    p = realloc(p, bytes != 0 ? bytes : 1);
    CHK(p != NULL);
    return p;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(n + 1);

    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xvasprintf(const char *fmt, va_list ap)
{
    char *s;

    CHK(vasprintf(&s, fmt, ap) >= 0);
    return s;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = xvasprintf(fmt, ap);
    va_end(ap);
    return s;
}

/* Encoded rows are read in shuffled order: with small pages each would cost more than one look into
 * the page table. */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)16 << 20)

void *mem_try_alloc(size_t n, size_t bytes)
{
    void *p = NULL;
    size_t want;

    if (!mem_mul(n, bytes, &want) || !mem_add(want, 63, &want)) {
        return NULL;
    }
    want = want / 64 * 64;
    if (want < HUGE_FROM) {
        return aligned_alloc(64, want != 0 ? want : 64);
    }
    if (posix_memalign(&p, HUGE_PAGE, want) != 0) {
        return NULL;
    }
    (void)madvise(p, want, MADV_HUGEPAGE); /* a wish; it is as well without */
    return p;
}

size_t mem_resident(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long size, resident = 0;

    if (f == NULL) {
        return 0;
    }
    if (fscanf(f, "%lu %lu", &size, &resident) != 2) {
        resident = 0;
    }
    fclose(f);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}
