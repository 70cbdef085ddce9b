/* Errors that a person is meant to read.
 *
 * A function that can fail because of input or environment takes a trailing
 * `struct err *` and returns -1. The struct holds one stable code, one sentence,
 * and for bad input a list of items: every problem at once, each with the JSON
 * pointer of the place, or the row, line and column of a table.
 *
 * Start with `struct err err = ERR_INIT;`, end with err_fini(). Not shared
 * between threads. Messages never hold internals (paths, SQL, addresses).
 */
#ifndef MLPD_BASE_ERR_H
#define MLPD_BASE_ERR_H

#include "base/base.h"

enum err_code {
    ERR_NONE = 0,
    ERR_SYNTAX,       /* not JSON, bad paging: HTTP 400 */
    ERR_INVALID,      /* well-formed but wrong, see items: 422 */
    ERR_NOT_FOUND,    /* 404 */
    ERR_CONFLICT,     /* 409 */
    ERR_TOO_LARGE,    /* 413 */
    ERR_BUSY,         /* a queue is full, try again: 503 + Retry-After */
    ERR_NO_SPACE,     /* the disk is full: 507 */
    ERR_NO_MEMORY,    /* a size that came from a user did not fit: 503 */
    ERR_IO,           /* 500 */
    ERR_CORRUPT,      /* stored bytes do not verify: 500 */
    ERR_INTERNAL,     /* 500 */
};

struct err_item {
    char *pointer;     /* JSON pointer ("/optimizer/learning_rate"), or NULL; owned */
    char *detail;      /* owned */
    char *column;      /* table column, or NULL; owned */
    int64_t row;       /* 1 = first data row; 0 = not about a row */
    int64_t line;      /* 1 = first line of the text; 0 = unknown */
};

struct err {
    enum err_code code;
    char detail[512];
    struct err_item *items; /* owned */
    size_t n_items;
    size_t n_dropped;       /* problems beyond ERR_MAX_ITEMS, counted only */
};

#define ERR_MAX_ITEMS 100
#define ERR_INIT { .code = ERR_NONE }

/* Set code and sentence; always returns -1 so that `return err_set(...)` reads well.
 * Keeps items already there. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF(3, 4);

/* Add one problem of bad input and make the code ERR_INVALID if there was none.
 * `pointer` may be NULL. Returns -1. */
int err_add(struct err *err, const char *pointer, const char *fmt, ...) PRINTF(3, 4);

/* The same for a place in a table: row, line (0 = unknown) and column name (or NULL). */
int err_add_cell(struct err *err, int64_t row, int64_t line, const char *column, const char *fmt,
                 ...) PRINTF(5, 6);

/* Whether one problem more would only be counted. Whoever looks through what a stranger sent stops
 * here: to say of a million names which others are near takes minutes, and nobody reads it. */
static inline bool err_full(const struct err *err)
{
    return err->n_items >= ERR_MAX_ITEMS;
}

static inline bool err_is(const struct err *err)
{
    return err->code != ERR_NONE;
}

/* Give what `from` holds to `to` (whose content is dropped); `from` ends empty. */
void err_move(struct err *to, struct err *from);
void err_fini(struct err *err);

/* The word for logs and JSON: "invalid", "not_found", ... */
const char *err_code_name(enum err_code code);

#endif
