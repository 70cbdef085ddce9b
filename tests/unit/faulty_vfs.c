/* See faulty_vfs.h. All is under one lock: the writer may still be at work behind an operation's
 * end when the test makes its next plan.
 */
#include "faulty_vfs.h"

#include <errno.h>
#include <stddef.h>

#include "base/base.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct faulty_plan plan;
static void (*meanwhile)(void);
static long counts[SHIM_OPS], left;
static bool met;
static enum shim_op met_at;

static int failure(enum shim_op op, enum faulty_kind kind)
{
    static const int codes[SHIM_OPS] = {
        [SHIM_OPEN] = SQLITE_CANTOPEN,        [SHIM_READ] = SQLITE_IOERR_READ,
        [SHIM_WRITE] = SQLITE_IOERR_WRITE,    [SHIM_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
        [SHIM_SYNC] = SQLITE_IOERR_FSYNC,     [SHIM_DELETE] = SQLITE_IOERR_DELETE,
        [SHIM_SHM_MAP] = SQLITE_IOERR_SHMMAP,
    };
    static const int errnos[FAULTY_KINDS] = {[FAULTY_BROKEN] = EIO,
                                             [FAULTY_FULL] = ENOSPC,
                                             [FAULTY_QUOTA] = EDQUOT,
                                             [FAULTY_READ_ONLY] = EROFS};

    errno = errnos[kind]; /* last: nothing may change it before SQLite looks */
    return kind == FAULTY_FULL && op == SHIM_WRITE ? SQLITE_FULL : codes[op];
}

static int observe(const struct shim_call *call)
{
    void (*hook)(void) = NULL;
    enum faulty_kind kind;
    bool fails = false;

    PTOK(pthread_mutex_lock(&lock));
    counts[call->op]++;
    kind = plan.kind;
    if ((plan.ops & FAULTY(call->op)) != 0 && plan.nth != 0 && --left <= 0) {
        fails = !met || plan.forever;
        if (!met) {
            met = true;
            met_at = call->op;
            hook = meanwhile;
        }
    }
    PTOK(pthread_mutex_unlock(&lock));
    if (hook != NULL) {
        hook();
    }
    return fails ? failure(call->op, kind) : SQLITE_OK;
}

void faulty_install(void)
{
    faulty_clear();
    faulty_meanwhile(NULL);
    shim_install(observe);
}

void faulty_remove(void)
{
    shim_remove();
}

void faulty_set(struct faulty_plan new_plan)
{
    PTOK(pthread_mutex_lock(&lock));
    plan = new_plan;
    left = plan.nth;
    met = false;
    for (size_t i = 0; i < SHIM_OPS; i++) {
        counts[i] = 0;
    }
    PTOK(pthread_mutex_unlock(&lock));
}

void faulty_clear(void)
{
    faulty_set((struct faulty_plan){.ops = 0});
}

bool faulty_met(void)
{
    bool was;

    PTOK(pthread_mutex_lock(&lock));
    was = met;
    PTOK(pthread_mutex_unlock(&lock));
    return was;
}

enum shim_op faulty_met_at(void)
{
    enum shim_op at;

    PTOK(pthread_mutex_lock(&lock));
    at = met_at;
    PTOK(pthread_mutex_unlock(&lock));
    return at;
}

long faulty_count(enum shim_op op)
{
    long n;

    PTOK(pthread_mutex_lock(&lock));
    n = counts[op];
    PTOK(pthread_mutex_unlock(&lock));
    return n;
}

void faulty_meanwhile(void (*hook)(void))
{
    PTOK(pthread_mutex_lock(&lock));
    meanwhile = hook;
    PTOK(pthread_mutex_unlock(&lock));
}
