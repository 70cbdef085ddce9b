/* Whose fault a fatal signal was.
 *
 * A worker says which job its thread computes (its helpers' threads say the same). When a fatal
 * signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) hits a thread, the handler appends one line,
 * "<owner> <job>\n", to the marker file if that thread had a job, and lets the process die as it
 * would have. The next start reads the lines, and the store counts them against those jobs; a kill
 * from outside leaves none. Not installed in builds with sanitizers, which have handlers of their
 * own.
 */
#ifndef MLPD_BASE_CRASH_H
#define MLPD_BASE_CRASH_H

#include "base/err.h"

/* The job of the calling thread; 0: none. */
void crash_job_set(int64_t job_id);
int64_t crash_job(void);

/* Each thread that may have a job needs a stack of its own for the handler: a worker that ran out
 * of stack could not leave its mark otherwise. Freed by crash_stack_free, on the same thread. */
void *crash_stack_new(void);
void crash_stack_free(void **stack);

/* Open (or make) the marker file and install the handlers; `owner` is this boot's. */
int crash_install(const char *path, const char *owner, struct err *err) MUST_CHECK;

struct crash_mark {
    char owner[33];
    int64_t job_id;
};
/* What earlier boots left; lines that are none are skipped. No file: none. Caller frees *out. */
int crash_read(const char *path, struct crash_mark **out, size_t *n, struct err *err) MUST_CHECK;
/* They have been counted. */
int crash_clear(const char *path, struct err *err) MUST_CHECK;

#endif
