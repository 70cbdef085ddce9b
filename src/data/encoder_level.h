/* The arithmetic of a feature of texts, the same for rows of a table and cells of a client. For
 * encoder*.c only.
 *
 * A text has a level: its place among the feature's texts, or the one after them for rare texts
 * (`other`), and a missing cell may have the last one. What a level becomes:
 *   LEVELS_ONE_HOT  an input for each level, 1 in the one that is there
 *   LEVELS_RANK     the text's rank (numbers by value, else by bytes), standardised; 0 for no text
 *   LEVELS_INDEX    one more than the level, of an embedding; 0 for no text
 *   LEVELS_HASH     an input for each bucket: encoder_hash modulo their number; then a missing
 * level LEVELS_WORDS    the same for every word of the text (letters, digits and what is not ASCII,
 * in lower case), counted, and the counts divided by their length LEVELS_TRUTH    1 for true, -1
 * for false
 */
#ifndef MLPD_DATA_ENCODER_LEVEL_H
#define MLPD_DATA_ENCODER_LEVEL_H

#include "data/encoder_priv.h"

#define LEVEL_NONE UINT32_MAX /* never seen, or missing without a level */

/* FNV-1a of 64 bits, its upper half folded into the lower. */
uint64_t encoder_hash(const char *s, size_t len);
/* The level of a text; false when it was never seen and the plan calls that an error. Not for
 * LEVELS_WORDS. */
bool encoder_find_level(const struct encoder_feature *f, const char *text,
                        uint32_t *level) MUST_CHECK;
/* The level of no value. */
uint32_t encoder_missing_level(const struct encoder_feature *f);
/* The inputs of a level into out[width]. */
void encoder_put_level(const struct encoder_feature *f, uint32_t level, bool missing, float *out);
/* LEVELS_WORDS: of a text, or of what stands in for none. */
void encoder_put_words(const struct encoder_feature *f, const char *text, bool missing, float *out);
/* How many levels there are, and so inputs of LEVELS_ONE_HOT. */
size_t encoder_n_levels(const struct encoder_feature *f);
/* Fill in what is derived from the texts. */
void encoder_derive_levels(struct encoder_feature *f);

#endif
