/* Logs: one line of logfmt to stderr per event, in one write, so that lines of threads do not mix:
 *
 *     time=2026-05-01T12:00:00.000Z level=info req=5f2b... msg="..." key="value"
 *
 * req= is there while the thread works on a request (log_context_set). Values are quoted and
 * escaped, so that nothing that came from a user can start a line, a field or a level of its own.
 * What must not be read by everyone who reads logs - tokens, keys, headers, rows - never goes in.
 *
 * Callable from any thread.
 */
#ifndef MLPD_BASE_LOG_H
#define MLPD_BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* From the next line on. Any thread. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
/* "debug" | "info" | "warn" | "error"; false when it is none of them. */
bool log_level_parse(const char *name, enum log_level *out);
const char *log_level_name(enum log_level level);

/* Begin each line with its syslog priority, "<6>" and so on, by which a journal sorts and colours
 * what comes from stderr. Main only, before threads. */
void log_set_prefix(bool on);
/* Whether stderr is the journal's own stream ($JOURNAL_STREAM names it). */
bool log_is_journal(void);

#define LOG_CONTEXT_LEN 65
/* What this thread works on from here: a request's id, copied. NULL: nothing any more. The id is
 * of [A-Za-z0-9._-]. */
void log_context_set(const char *request_id);

/* fmt makes the message; keep data in it short. */
void log_debug(const char *fmt, ...) PRINTF(1, 2);
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_warn(const char *fmt, ...) PRINTF(1, 2);
void log_error(const char *fmt, ...) PRINTF(1, 2);

/* A line with fields of its own after the message. Numbers and true are written bare. */
struct log_field {
    const char *key;   /* a constant */
    const char *value; /* NULL: the field is left out */
    bool bare;         /* of [A-Za-z0-9._+-] alone: no quotes */
};
void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t n);

#endif
