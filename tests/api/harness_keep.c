/* What tests keep until they end, and the time; see harness.h. One thread. */
#include "config.h"

#include "harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void **kept;
static size_t n_kept, kept_room;

void *keep(void *allocated)
{
    ck_assert_ptr_nonnull(allocated);
    if (n_kept == kept_room) {
        kept_room = kept_room == 0 ? 64 : 2 * kept_room;
        kept = realloc(kept, kept_room * sizeof(*kept));
        ck_assert_ptr_nonnull(kept);
    }
    kept[n_kept++] = allocated;
    return allocated;
}

void test_end(void)
{
    while (n_kept > 0) {
        free(kept[--n_kept]);
    }
    free(kept);
    kept = NULL;
    kept_room = 0;
}

char *text(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    ck_assert_int_ge(vasprintf(&s, fmt, ap), 0);
    va_end(ap);
    return keep(s);
}

char *q(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    ck_assert_int_ge(vasprintf(&s, fmt, ap), 0);
    va_end(ap);
    for (char *p = s; *p != '\0'; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }
    return keep(s);
}

double now_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void pause_briefly(void)
{
    const struct timespec ts = {.tv_nsec = 4000000 * PATIENCE};

    nanosleep(&ts, NULL);
}
