/* Logs in logfmt; see log.h. One write(2) a line, so lines of threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static enum log_level threshold = LOG_INFO; /* set once, before threads */

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_level_parse(const char *name, enum log_level *out)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void emit(enum log_level level, const char *fmt, va_list ap) PRINTF(2, 0);

static void emit(enum log_level level, const char *fmt, va_list ap)
{
    char text[1024], line[2300], time[CLOCK_TEXT_LEN];
    size_t n, i;

    if (level < threshold) {
        return;
    }
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a cut message is fine */
    clock_format(clock_now_ms(), time);
    n = (size_t)snprintf(line, sizeof line, "time=%s level=%s msg=\"", time, level_names[level]);
    for (i = 0; text[i] != '\0' && n < sizeof line - 4; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\') {
            line[n++] = '\\';
            line[n++] = (char)c;
        } else {
            line[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
        }
    }
    line[n++] = '"';
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0) {
        return; /* stderr is gone: there is nobody to tell */
    }
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        emit(level, fmt, ap);                                                                      \
        va_end(ap);                                                                                \
    }

LOG_FUNCTION(log_debug, LOG_DEBUG)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_error, LOG_ERROR)
