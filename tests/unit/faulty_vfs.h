/* A disk that fails on request: the n-th call of some kinds, once or from then on.
 *
 * Set and asked on the test's thread between two operations; calls are counted on any. An n-loop
 * goes n = 1, 2, ... until a run ends without having met its fault.
 */
#ifndef MLPD_TESTS_FAULTY_VFS_H
#define MLPD_TESTS_FAULTY_VFS_H

#include <stdbool.h>

#include "shim_vfs.h"

#define FAULTY(op)      (1u << (op))
/* What changes a file. */
#define FAULTY_CHANGES                                                                             \
    (FAULTY(SHIM_WRITE) | FAULTY(SHIM_SYNC) | FAULTY(SHIM_TRUNCATE) | FAULTY(SHIM_DELETE))
#define FAULTY_ALL      (FAULTY(SHIM_OPS) - 1)

enum faulty_kind {
    FAULTY_BROKEN,      /* EIO */
    FAULTY_FULL,        /* ENOSPC */
    FAULTY_QUOTA,       /* EDQUOT */
    FAULTY_READ_ONLY,   /* EROFS */
    FAULTY_KINDS
};

struct faulty_plan {
    unsigned ops;            /* FAULTY(SHIM_...) of those that count and fail */
    long nth;                /* from 1; 0 = none fails, calls are only counted */
    bool forever;
    enum faulty_kind kind;
};

void faulty_install(void);
void faulty_remove(void);
void faulty_set(struct faulty_plan plan);
/* The disk is good again. */
void faulty_clear(void);
/* Since faulty_set: did any call fail; which kind did first; how many of a kind there were. */
bool faulty_met(void);
enum shim_op faulty_met_at(void);
long faulty_count(enum shim_op op);
/* Called in the middle of the first call that fails, on SQLite's thread; NULL = nothing. */
void faulty_meanwhile(void (*hook)(void));

#endif
