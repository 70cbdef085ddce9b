/* How a CSV text is written, told from its beginning, where the client does not say.
 *
 * The delimiter is the one of , tab ; | that cuts every whole line of the head (up to
 * CSV_SNIFF_LINES) into equally many fields, two or more; of several, the one with most fields,
 * then the first in that order. If none does so, the one that cuts the first line into most
 * fields. Where none cuts anything, it is the blank if one stands between equally many fields in
 * every line, all numbers but for the first line's; else the comma. Quoted fields are not looked
 * into.
 *
 * The first row is a header when, in this order: some column has a text there and nothing but
 * numbers below; else not, if it has equal cells; else, if its cells are numbers, only when they
 * count up by one (0, 1, 2, ... or 1, 2, 3, ...) over at least two columns; else, if some cell of
 * it is a number, not; else it is one.
 *
 * `whole`: the head is all of the text. Pure functions.
 */
#ifndef MLPD_DATA_CSV_SNIFF_H
#define MLPD_DATA_CSV_SNIFF_H

#include "base/err.h"

#define CSV_SNIFF_LINES 50

char csv_sniff_delimiter(const char *head, size_t len, bool whole);
bool csv_sniff_header(const char *head, size_t len, bool whole, char delimiter);

/* Whether that character can be one; -1 with a problem at "/delimiter". */
int csv_check_delimiter(char delimiter, struct err *err) MUST_CHECK;

#endif
