/* Logs in logfmt; see log.h.
 *
 * A line is made on the caller's stack and goes out in one write(2), so lines of threads do not
 * mix and nothing is locked. The level is atomic, because a reload changes it while threads log;
 * the context is each thread's own. What is too long is cut, but a line always has its
 * end: what follows in the log is a line of its own.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define MESSAGE_LEN 1024
#define VALUE_LEN   256
#define FIELD_ROOM  64 /* what a field takes at least: its key and a little of its value */
#define LINE_LEN    3072

static atomic_int threshold = LOG_INFO;
static bool prefix; /* set once, before threads */
static _Thread_local char context[LOG_CONTEXT_LEN];

static const struct {
    const char *name;
    char priority; /* syslog's */
} levels[] = {[LOG_DEBUG] = {"debug", '7'},
              [LOG_INFO] = {"info", '6'},
              [LOG_WARN] = {"warn", '4'},
              [LOG_ERROR] = {"error", '3'}};

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load(&threshold);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    CHK((size_t)level < ARRAY_LEN(levels));
    return levels[level].name;
}

void log_set_prefix(bool on)
{
    prefix = on;
}

bool log_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char ours[64];

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }
    (void)snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino); /* it fits: two numbers of 64 bits */
    return strcmp(stream, ours) == 0;
}

void log_context_set(const char *request_id)
{
    (void)snprintf(context, sizeof context, "%s", request_id != NULL ? request_id : "");
}

/* ---- a line in the making; there is always room for its end ---- */

struct line {
    char text[LINE_LEN];
    size_t len;
};

#define LINE_END 2 /* a quote and a newline */

static void put_char(struct line *line, char c)
{
    if (line->len < LINE_LEN - LINE_END) {
        line->text[line->len++] = c;
    }
}

static void put(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        put_char(line, *text);
    }
}

/* In quotes, whatever it holds. A value is whole or cut, its quotes are always a pair. */
static void put_quoted(struct line *line, const char *value, size_t most)
{
    const char *begin = value;

    put_char(line, '"');
    for (; *value != '\0' && (size_t)(value - begin) < most && line->len < LINE_LEN - LINE_END - 2;
         value++) {
        unsigned char c = (unsigned char)*value;

        if (c == '"' || c == '\\') {
            line->text[line->len++] = '\\';
        }
        line->text[line->len++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    line->text[line->len++] = '"';
}

static void begin(struct line *line, enum log_level level)
{
    char time[CLOCK_TEXT_LEN];

    line->len = 0;
    if (prefix) {
        put_char(line, '<');
        put_char(line, levels[level].priority);
        put_char(line, '>');
    }
    clock_format(clock_now_ms(), time);
    put(line, "time=");
    put(line, time);
    put(line, " level=");
    put(line, levels[level].name);
    if (context[0] != '\0') {
        put(line, " req=");
        put(line, context);
    }
    put(line, " msg=");
}

static void end(struct line *line)
{
    line->text[line->len++] = '\n';
    if (write(STDERR_FILENO, line->text, line->len) < 0) {
        return; /* stderr is gone: there is nobody to tell */
    }
}

static void emit(enum log_level level, const char *fmt, va_list ap) PRINTF(2, 0);

static void emit(enum log_level level, const char *fmt, va_list ap)
{
    char text[MESSAGE_LEN];
    struct line line;

    if ((int)level < atomic_load(&threshold)) {
        return;
    }
    (void)vsnprintf(text, sizeof text, fmt, ap); /* a cut message is fine */
    begin(&line, level);
    put_quoted(&line, text, MESSAGE_LEN);
    end(&line);
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

void log_fields(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
    struct line line;
    size_t i;

    if ((int)level < atomic_load(&threshold)) {
        return;
    }
    begin(&line, level);
    put_quoted(&line, message, MESSAGE_LEN);
    for (i = 0; i < n && line.len < LINE_LEN - FIELD_ROOM; i++) {
        if (fields[i].value == NULL) {
            continue;
        }
        put_char(&line, ' ');
        put(&line, fields[i].key);
        put_char(&line, '=');
        if (fields[i].bare) {
            put(&line, fields[i].value);
        } else {
            put_quoted(&line, fields[i].value, VALUE_LEN);
        }
    }
    end(&line);
}
