/* Logs: one line of logfmt to stderr per event, `level=info msg="..." key=value`.
 * Callable from any thread; values are quoted and escaped, so that nothing that
 * came from a user can start a line of its own.
 */
#ifndef MLPD_BASE_LOG_H
#define MLPD_BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* main only, before threads start. */
void log_set_level(enum log_level level);
/* "debug" | "info" | "warn" | "error"; false when it is none of them. */
bool log_level_parse(const char *name, enum log_level *out);

/* fmt makes the message; keep data in it short. */
void log_debug(const char *fmt, ...) PRINTF(1, 2);
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_warn(const char *fmt, ...) PRINTF(1, 2);
void log_error(const char *fmt, ...) PRINTF(1, 2);

#endif
