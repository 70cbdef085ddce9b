/* Small questions about text: is it UTF-8, is it a number, what did they mean. */
#ifndef MLPD_BASE_TEXT_H
#define MLPD_BASE_TEXT_H

#include "base/base.h"

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *s, size_t len);

/* A plain decimal number ("-1.5e3"; surrounding spaces allowed) that is finite in
 * double. Refuses "nan", "inf", hexadecimal and locale forms, which strtod takes.
 * `s` need not be NUL-terminated. */
bool text_to_double(const char *s, size_t len, double *out);

/* Names as api.md allows them: [A-Za-z_][A-Za-z0-9._-]{0,63} and not "latest". */
bool text_is_name(const char *s);

/* The word nearest to `word` (edits at most a third of its length, at least 1), or NULL. */
const char *text_nearest(const char *word, const char *const *words, size_t n_words);

#endif
