/* The texts of a categorical column while it is written: text -> code, in order of first
 * appearance, each with its count. One thread at a time.
 */
#ifndef MLPD_DATA_DICT_H
#define MLPD_DATA_DICT_H

#include "base/base.h"

#define DICT_MAX_TEXTS 1000000     /* of one column */
#define DICT_MAX_BYTES (64u << 20) /* of the texts of one column */

struct dict;

enum dict_result { DICT_OK, DICT_TOO_MANY, DICT_TOO_LONG, DICT_NO_MEMORY };

struct dict *dict_new(void);
/* The code of a text, a new one if it is new; counts it. */
enum dict_result dict_add(struct dict *d, const char *text, size_t len, uint32_t *code) MUST_CHECK;
size_t dict_size(const struct dict *d);
/* What a text takes in memory besides its own bytes, about. */
#define DICT_TEXT_OVERHEAD 112
/* Call `visit` for every text in code order; stops when it returns non-zero, and returns that. */
int dict_each(const struct dict *d,
              int (*visit)(void *ctx, const char *text, size_t len, uint64_t count), void *ctx);
void dict_free(struct dict **d);

#endif
