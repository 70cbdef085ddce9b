/* A JSON writer; see jw.h.
 *
 * Any thread, one writer at a time. What must hold: whatever the strings contain, the text is
 * well-formed UTF-8 JSON, because user text (names, labels, error sentences cut at a byte) passes
 * through quote and nothing else.
 */
#include "http/jw.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "jobs/json_util.h"

void jw_fini(struct jw *w)
{
    buf_fini(&w->buf);
    *w = (struct jw)JW_INIT;
}

static void put(struct jw *w, const char *bytes, size_t len)
{
    if (!w->failed && buf_append(&w->buf, bytes, len) != 0) {
        w->failed = true;
    }
}

static void put_text(struct jw *w, const char *s)
{
    put(w, s, strlen(s));
}

/* A sentence cut at a byte may end inside a character; JSON must not. */
static void quote(struct jw *w, const char *s)
{
    char *clean, *p;

    if (text_is_utf8(s, strlen(s))) {
        json_util_text(&w->buf, s);
        return;
    }
    clean = xstrdup(s);
    for (p = clean; *p != '\0'; p++) {
        *p = (unsigned char)*p >= 0x80 ? '?' : *p;
    }
    json_util_text(&w->buf, clean);
    free(clean);
}

/* What stands before a value: the comma and the key. */
static void begin(struct jw *w, const char *key)
{
    if (w->comma) {
        put(w, ",", 1);
    }
    w->comma = true;
    if (key != NULL) {
        quote(w, key);
        put(w, ":", 1);
    }
}

static void nest(struct jw *w, const char *key, const char *opener, char closer)
{
    begin(w, key);
    CHK(w->depth < JW_MAX_DEPTH);
    w->closers[w->depth++] = closer;
    put(w, opener, 1);
    w->comma = false;
}

void jw_object(struct jw *w, const char *key)
{
    nest(w, key, "{", '}');
}

void jw_array(struct jw *w, const char *key)
{
    nest(w, key, "[", ']');
}

void jw_end(struct jw *w)
{
    CHK(w->depth > 0);
    put(w, &w->closers[--w->depth], 1);
    w->comma = true;
}

void jw_string(struct jw *w, const char *key, const char *value)
{
    begin(w, key);
    if (value == NULL) {
        put(w, "null", 4);
    } else {
        quote(w, value);
    }
}

void jw_int(struct jw *w, const char *key, int64_t value)
{
    char text[32];

    begin(w, key);
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put_text(w, text);
}

void jw_double(struct jw *w, const char *key, double value)
{
    begin(w, key);
    json_util_number(&w->buf, value);
}

void jw_single(struct buf *buf, double value)
{
    char text[32];
    int len = isfinite(value) ? snprintf(text, sizeof text, "%.9g", value)
                              : snprintf(text, sizeof text, "null");

    CHK(buf_append(buf, text, (size_t)len) == 0);
}

void jw_float(struct jw *w, float value)
{
    begin(w, NULL);
    jw_single(&w->buf, (double)value);
}

void jw_singles(struct jw *w, const char *key, const float *values, size_t n)
{
    size_t i;

    if (values == NULL) {
        jw_null(w, key);
        return;
    }
    jw_array(w, key);
    for (i = 0; i < n; i++) {
        jw_float(w, values[i]);
    }
    jw_end(w);
}

void jw_bool(struct jw *w, const char *key, bool value)
{
    begin(w, key);
    put_text(w, value ? "true" : "false");
}

void jw_null(struct jw *w, const char *key)
{
    begin(w, key);
    put(w, "null", 4);
}

void jw_raw(struct jw *w, const char *key, const char *json)
{
    begin(w, key);
    put_text(w, json == NULL ? "null" : json);
}

void jw_time(struct jw *w, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_LEN];

    if (ms == 0) {
        jw_null(w, key);
        return;
    }
    clock_format(ms, text);
    jw_string(w, key, text);
}
