/* This process as the system sees it. */
#ifndef MLPD_BASE_PROCESS_H
#define MLPD_BASE_PROCESS_H

#include "base/base.h"

struct process {
    double cpu_seconds; /* user and system */
    uint64_t resident_bytes, virtual_bytes;
    size_t open_fds, max_fds; /* SIZE_MAX: as many as there are */
    size_t threads;
    double started_at; /* seconds since 1970; the same at every look */
};

/* What cannot be told is 0. Tens of microseconds, and one more for some descriptors. Any thread. */
void process_look(struct process *out);

#endif
