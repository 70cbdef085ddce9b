/* A JSON writer: answers are printed straight into a buffer, without a tree between.
 *
 * `key` is NULL inside arrays and at the root. Commas are kept here, so that calls read
 * like the text they make. Numbers that are not finite become null; doubles are printed in
 * the fewest digits that read back equal. Without memory the writer only remembers so (`failed`),
 * and the answer becomes a 503. One thread at a time.
 */
#ifndef MLPD_HTTP_JW_H
#define MLPD_HTTP_JW_H

#include "base/buf.h"

#define JW_MAX_DEPTH 32

struct jw {
    struct buf buf;
    bool failed; /* no memory: the text is not whole */
    bool comma;  /* the next item follows another */
    unsigned depth;
    char closers[JW_MAX_DEPTH];
};

#define JW_INIT                                                                                    \
    {                                                                                              \
        .buf = BUF_INIT                                                                            \
    }

void jw_fini(struct jw *w);

void jw_object(struct jw *w, const char *key);
void jw_array(struct jw *w, const char *key);
void jw_end(struct jw *w); /* closes the innermost of the two */

void jw_string(struct jw *w, const char *key, const char *value); /* NULL: null */
void jw_int(struct jw *w, const char *key, int64_t value);
void jw_double(struct jw *w, const char *key, double value);
void jw_bool(struct jw *w, const char *key, bool value);
void jw_null(struct jw *w, const char *key);
/* Text that is JSON already; NULL: null. */
void jw_raw(struct jw *w, const char *key, const char *json);
/* Milliseconds UTC as RFC 3339; 0: null. */
void jw_time(struct jw *w, const char *key, int64_t ms);

/* An item of an array, as jw_single has it. */
void jw_float(struct jw *w, float value);
/* An array of float32 numbers, as jw_single has them; NULL: null. */
void jw_singles(struct jw *w, const char *key, const float *values, size_t n);

/* Append a float32 with 9 digits, which read back equal; null when it is not finite. Cheap, for
 * answers that are mostly numbers. */
void jw_single(struct buf *buf, double value);

#endif
