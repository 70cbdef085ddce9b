/* A byte buffer that grows; see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int buf_reserve(struct buf *buf, size_t more)
{
    size_t want, grown;
    char *data;

    if (!mem_add(buf->len, more, &want) || !mem_add(want, 1, &want)) {
        return -1;
    }
    if (want <= buf->capacity) {
        return 0;
    }
    grown = buf->capacity + buf->capacity / 2;
    if (grown < want) {
        grown = want < 64 ? 64 : want;
    }
    data = realloc(buf->data, grown);
    if (data == NULL) {
        return -1;
    }
    buf->data = data;
    buf->capacity = grown;
    buf->data[buf->len] = '\0';
    return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (buf_reserve(buf, len) != 0) {
        return -1;
    }
    if (len != 0) {
        memcpy(buf->data + buf->len, bytes, len);
    }
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHK(n >= 0 && buf_reserve(buf, (size_t)n) == 0);
    va_start(ap, fmt);
    (void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap); /* measured just above */
    va_end(ap);
    buf->len += (size_t)n;
}

void buf_puts(struct buf *buf, const char *s)
{
    CHK(buf_append(buf, s, strlen(s)) == 0);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

char *buf_take(struct buf *buf)
{
    char *data = buf->data != NULL ? buf->data : xstrdup("");

    *buf = (struct buf)BUF_INIT;
    return data;
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf)BUF_INIT;
}
