/* Time; see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

double clock_monotonic(void)
{
    struct timespec ts;

    CHK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

void clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    PTOK(pthread_condattr_init(&attr));
    PTOK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    PTOK(pthread_cond_init(cond, &attr));
    PTOK(pthread_condattr_destroy(&attr));
}

int64_t clock_now_ms(void)
{
    struct timespec ts;

    CHK(clock_gettime(CLOCK_REALTIME, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_format(int64_t ms, char *out)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    size_t n;

    CHK(ms >= 0 && gmtime_r(&seconds, &tm) != NULL);
    n = strftime(out, CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
    CHK(n > 0);
    (void)snprintf(out + n, CLOCK_TEXT_LEN - n, ".%03dZ", (int)(ms % 1000)); /* fits by design */
}
