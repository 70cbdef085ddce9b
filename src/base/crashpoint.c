/* Places where a test may kill the daemon; see crashpoint.h.
 *
 * Any thread, any point, locks held or not: nothing here waits or allocates. The process ends by
 * SIGKILL, so no handler, no buffer and no destructor gets a last word; what is on the disk at that
 * instant is what the next start finds. The log gets one line before, so that a test can tell this
 * death from another.
 */
#include "base/crashpoint.h"

#ifdef MLPD_CRASH_POINTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char wanted[64]; /* "" = none; set once, like the next */
static unsigned long wanted_time;
static atomic_ulong times;

/* "name:n"; n is 1 when it is not said. */
static void read_wish(void)
{
    const char *wish = getenv("MLPD_CRASH_AT"), *colon;
    size_t len;

    if (wish == NULL) {
        return;
    }
    colon = strchr(wish, ':');
    len = colon != NULL ? (size_t)(colon - wish) : strlen(wish);
    CHK(len < sizeof wanted);
    wanted_time = colon != NULL ? strtoul(colon + 1, NULL, 10) : 1;
    memcpy(wanted, wish, len);
}

void crashpoint_hit(const char *name)
{
    char line[128];
    int len;

    PTOK(pthread_once(&once, read_wish));
    if (strcmp(name, wanted) != 0 || atomic_fetch_add(&times, 1) + 1 != wanted_time) {
        return;
    }
    len = snprintf(line, sizeof line, "level=warn msg=\"crash point %s, time %lu\"\n", name,
                   wanted_time);
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) != len) {
        /* it will be missed in the log, no more */
    }
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause(); /* until it comes */
    }
}

#endif
