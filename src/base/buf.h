/* A byte buffer that grows, with its length: no strlen on what came in. */
#ifndef MLPD_BASE_BUF_H
#define MLPD_BASE_BUF_H

#include "base/base.h"

struct buf {
    char *data;      /* owned; NUL-terminated whenever not NULL */
    size_t len;      /* bytes used, without the NUL */
    size_t capacity;
};

#define BUF_INIT { .data = NULL }

/* Room for `more` bytes after len; -1 (and nothing changed) without memory. */
int buf_reserve(struct buf *buf, size_t more) MUST_CHECK;
/* Append; -1 without memory. */
int buf_append(struct buf *buf, const void *bytes, size_t len) MUST_CHECK;
/* For small texts of our own: aborts without memory. */
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
void buf_puts(struct buf *buf, const char *s);
/* Forget the content, keep the memory. */
void buf_clear(struct buf *buf);
/* Hand over the bytes (caller frees); the buffer ends empty. Never NULL. */
char *buf_take(struct buf *buf);
void buf_fini(struct buf *buf);

#endif
