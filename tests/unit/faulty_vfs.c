/* See faulty_vfs.h. The plan is read by SQLite's threads only while operations of the test run,
 * which began after it was set; the counters are atomic.
 */
#include "faulty_vfs.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

static struct faulty_plan plan;
static void (*meanwhile)(void);
static atomic_long counts[SHIM_OPS], left;
static atomic_int met_at; /* enum shim_op + 1; 0 = none yet */

static int failure(enum shim_op op)
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

    errno = errnos[plan.kind]; /* last: nothing may change it before SQLite looks */
    return plan.kind == FAULTY_FULL && op == SHIM_WRITE ? SQLITE_FULL : codes[op];
}

static int observe(const struct shim_call *call)
{
    int none = 0;

    atomic_fetch_add(&counts[call->op], 1);
    if ((plan.ops & FAULTY(call->op)) == 0 || plan.nth == 0) {
        return SQLITE_OK;
    }
    if (atomic_fetch_sub(&left, 1) > 1) {
        return SQLITE_OK;
    }
    if (!atomic_compare_exchange_strong(&met_at, &none, (int)call->op + 1)) {
        return plan.forever ? failure(call->op) : SQLITE_OK;
    }
    if (meanwhile != NULL) {
        meanwhile();
    }
    return failure(call->op);
}

void faulty_install(void)
{
    faulty_clear();
    meanwhile = NULL;
    shim_install(observe);
}

void faulty_remove(void)
{
    shim_remove();
}

void faulty_set(struct faulty_plan new_plan)
{
    plan = new_plan;
    atomic_store(&left, plan.nth);
    atomic_store(&met_at, 0);
    for (size_t i = 0; i < SHIM_OPS; i++) {
        atomic_store(&counts[i], 0);
    }
}

void faulty_clear(void)
{
    faulty_set((struct faulty_plan){.ops = 0});
}

bool faulty_met(void)
{
    return atomic_load(&met_at) != 0;
}

enum shim_op faulty_met_at(void)
{
    return (enum shim_op)(atomic_load(&met_at) - 1);
}

long faulty_count(enum shim_op op)
{
    return atomic_load(&counts[op]);
}

void faulty_meanwhile(void (*hook)(void))
{
    meanwhile = hook;
}
