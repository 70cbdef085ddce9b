/* Errors that a person is meant to read; see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* A sentence that did not fit ends after a whole UTF-8 character. */
static void cut_whole(char *detail)
{
    size_t n = strlen(detail), start = n;

    while (start > 0 && n - start < 4 && ((unsigned char)detail[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start > 0 && (unsigned char)detail[start - 1] >= 0xc0 &&
        !text_is_utf8(detail + start - 1, n - start + 1)) {
        detail[start - 1] = '\0';
    }
}

/* A "%.64s" may have cut a character in two, and what is quoted may be anything: what is no UTF-8
 * becomes "?", since the sentence will be JSON. */
static void mend(char *text)
{
    size_t len = strlen(text), i = 0, n;

    if (text_is_utf8(text, len)) {
        return;
    }
    while (i < len) {
        for (n = 1; n <= 4 && n <= len - i && !text_is_utf8(text + i, n); n++) {
        }
        if (n > 4 || n > len - i) {
            text[i] = '?';
            n = 1;
        }
        i += n;
    }
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    err->code = code;
    va_start(ap, fmt);
    (void)vsnprintf(err->detail, sizeof err->detail, fmt, ap); /* a cut sentence is fine */
    va_end(ap);
    cut_whole(err->detail);
    mend(err->detail);
    return -1;
}

/* NULL when the list is full: the problem is then only counted. */
PRINTF(2, 0)
static struct err_item *add_item(struct err *err, const char *fmt, va_list ap)
{
    struct err_item *item;

    if (err->code == ERR_NONE) {
        err->code = ERR_INVALID;
    }
    if (err->n_items == ERR_MAX_ITEMS) {
        err->n_dropped++;
        return NULL;
    }
    err->items = xrealloc(err->items, (err->n_items + 1) * sizeof *err->items);
    item = &err->items[err->n_items++];
    *item = (struct err_item){.detail = xvasprintf(fmt, ap)};
    mend(item->detail);
    if (err->detail[0] == '\0') {
        (void)snprintf(err->detail, sizeof err->detail, "%s", item->detail);
        cut_whole(err->detail);
    }
    return item;
}

int err_add(struct err *err, const char *pointer, const char *fmt, ...)
{
    struct err_item *item;
    va_list ap;

    va_start(ap, fmt);
    item = add_item(err, fmt, ap);
    va_end(ap);
    if (item != NULL && pointer != NULL) {
        item->pointer = xstrdup(pointer);
    }
    return -1;
}

int err_add_cell(struct err *err, int64_t row, int64_t line, const char *column, const char *fmt,
                 ...)
{
    struct err_item *item;
    va_list ap;

    va_start(ap, fmt);
    item = add_item(err, fmt, ap);
    va_end(ap);
    if (item != NULL) {
        item->row = row;
        item->line = line;
        item->column = column != NULL ? xstrdup(column) : NULL;
    }
    return -1;
}

void err_fini(struct err *err)
{
    size_t i;

    for (i = 0; i < err->n_items; i++) {
        free(err->items[i].pointer);
        free(err->items[i].detail);
        free(err->items[i].column);
    }
    free(err->items);
    *err = (struct err)ERR_INIT;
}

void err_move(struct err *to, struct err *from)
{
    err_fini(to);
    *to = *from;
    *from = (struct err)ERR_INIT;
}

const char *err_code_name(enum err_code code)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",           [ERR_SYNTAX] = "syntax",
        [ERR_INVALID] = "invalid",     [ERR_NOT_FOUND] = "not_found",
        [ERR_CONFLICT] = "conflict",   [ERR_TOO_LARGE] = "too_large",
        [ERR_BUSY] = "busy",           [ERR_NO_SPACE] = "no_space",
        [ERR_NO_MEMORY] = "no_memory", [ERR_IO] = "io",
        [ERR_CORRUPT] = "corrupt",     [ERR_INTERNAL] = "internal",
    };

    CHK((size_t)code < ARRAY_LEN(names));
    return names[code];
}
