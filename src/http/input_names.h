/* What the numbers are called that a network's first layer gets, in their order: those of the
 * columns as encoded, then what was learnt for indexes, feature by feature.
 */
#ifndef MLPD_HTTP_INPUT_NAMES_H
#define MLPD_HTTP_INPUT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct encoder;
struct jw;

/* Writes `key` with the first `most` of them: each one's own name ("sex=male", "age (bin 3)"), or
 * with `columns` that of the column it came from. */
void input_names_write(struct jw *w, const char *key, const struct encoder *e, size_t most,
                       bool columns);

#endif
