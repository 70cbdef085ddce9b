/* Assertions and thread helpers.
 *
 * Three kinds of trouble get three answers: a bug aborts here with its place
 * (CHK), bad input or a failing environment returns -1 and fills a struct err
 * (err.h), and running out of memory for a small fixed struct aborts in mem.c.
 */
#ifndef MLPD_BASE_BASE_H
#define MLPD_BASE_BASE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Noreturn void chk_failed(const char *expr, const char *file, int line);

/* Always on, in release builds too: what must hold, holds or we stop. */
#define CHK(expr) ((expr) ? (void)0 : chk_failed(#expr, __FILE__, __LINE__))

/* A pthread call that fails is a bug of ours. */
#define PTOK(call) CHK((call) == 0)

/* Long-lived structs start with a magic number of their own. */
#define CHK_OBJ(ptr, want) CHK((ptr) != NULL && (ptr)->magic == (want))

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
