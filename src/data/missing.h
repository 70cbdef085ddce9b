/* The words of a table that stand for "no value": those of cell_missing unless `defaults` is
 * false, and those that the upload names. The empty cell is always one. A word that is a number
 * stands for that number however it is written: -999 is also -999.0 where numbers are read.
 *
 * Immutable once made; threads may share it.
 */
#ifndef MLPD_DATA_MISSING_H
#define MLPD_DATA_MISSING_H

#include "base/base.h"
#include "base/err.h"

#define MISSING_MAX_WORDS 64
#define MISSING_MAX_BYTES 64 /* of a word */

struct missing {
    bool defaults;
    size_t n;
    char **words; /* owned, no two equal */
    size_t n_numbers;
    double *numbers; /* of the words that are numbers; owned */
};
/* clang-format off */
#define MISSING_INIT { .defaults = true }
/* clang-format on */

/* Add a word; one that is there already, or empty, changes nothing. False: too many, too long. */
bool missing_add(struct missing *m, const char *word, size_t len);
/* Add "-999,unknown": a comma or a backslash in a word is written with a backslash before it.
 * Problems at "/missing". */
int missing_parse(struct missing *m, const char *list, struct err *err) MUST_CHECK;
bool missing_is_text(const struct missing *m, const char *s, size_t len);
bool missing_is_number(const struct missing *m, double value);
void missing_copy(struct missing *to, const struct missing *from); /* over an empty one */
void missing_fini(struct missing *m);

#endif
