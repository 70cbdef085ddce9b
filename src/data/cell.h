/* What the text of a cell means: numbers to the last bit, missing values, and how a cell is
 * shown to a person.
 *
 * cell_number accepts and gives exactly what text_to_double (base/text.h) does; most
 * cells of a table take its short way (up to 19 digits whose value and power of ten are exact
 * in double, so that one correctly rounded operation gives the nearest double).
 */
#ifndef MLPD_DATA_CELL_H
#define MLPD_DATA_CELL_H

#include "base/base.h"

bool cell_number(const char *s, size_t len, double *out);
/* The same, sooner, where `room` (at least len) bytes from s may be read, whatever they are. */
bool cell_number_in(const char *s, size_t len, size_t room, double *out);

#define CELL_NUMBER_LEN 32
/* The shortest text that reads back as `value` into out[CELL_NUMBER_LEN]: "3" for 3.0 and
 * "0" for -0.0. */
void cell_format(double value, char *out);

/* Whether the cell stands for "no value" in a table that says nothing else: empty, "?", "NA",
 * "N/A", "NaN", "nan", "null", "NULL". */
bool cell_missing(const char *s, size_t len);

/* The words for true and false come in pairs, in any case. */
enum cell_pair { CELL_TRUE_FALSE, CELL_YES_NO, CELL_T_F, CELL_Y_N, CELL_1_0, CELL_PAIRS };
/* 1 for true, 0 for false, -1 for neither; *pair (or NULL) is set for the first two. */
int cell_boolean(const char *s, size_t len, enum cell_pair *pair);

/* A cell (UTF-8) as an error quotes it: at most 60 bytes, cut between characters, no controls.
 * The caller frees. */
char *cell_show(const char *s, size_t len);

#endif
