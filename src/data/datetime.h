/* Dates and times in cells: text to seconds since 1970-01-01T00:00:00Z and back.
 *
 * Without a format a text is a datetime when it is written as RFC 3339 and ISO 8601 write it:
 * 2026-11-23 or 2026/11/23, then perhaps T, t or a space, 20:01 or 20:01:02 or 20:01:02.5, then
 * perhaps (after a space or not) Z, UTC, +01:00, +0100 or +01. Without a zone it is UTC. Nothing
 * else is guessed: who writes 01/02/2026 says with a format which of the two is the month.
 *
 * A format is made of
 *   %Y year of four digits        %y of two (69 to 99 are 19..)   %m month  %d day
 *   %b month's English name, whole or three letters               %j day of the year
 *   %H hour  %I hour of twelve, with %p AM or PM  %M minute  %S second
 *   %f fraction of a second       %z zone as above                %s seconds since 1970
 *   %a weekday's English name, read and ignored                   %% a percent sign
 * and of what stands for itself. Numbers may lack leading zeros. A format has %Y, %y or %s, and
 * what it does not name is the first (month, day) or 0.
 *
 * Years are 1 to 9999, days are of the Gregorian calendar, also before there was one; a leap
 * second (23:59:60) is the second after it. Pure functions, any thread.
 */
#ifndef MLPD_DATA_DATETIME_H
#define MLPD_DATA_DATETIME_H

#include "base/base.h"

#define DATETIME_MAX_FORMAT 128 /* bytes */

enum datetime_result {
    DATETIME_OK,
    DATETIME_NOT,    /* not written like one */
    DATETIME_NO_SUCH /* written like one, but there is no such day or time: 2026-02-30 */
};
/* `format` (a good one) or NULL. */
enum datetime_result datetime_parse(const char *s, size_t len, const char *format, double *out);
/* What is wrong with a format, in words; NULL when nothing is. */
const char *datetime_format_problem(const char *format);

#define DATETIME_LEN 40
/* "2026-11-23T20:01:02Z", with up to six digits of a fraction; a number of no year between 1 and
 * 9999 as a plain number. Into out[DATETIME_LEN]. */
void datetime_show(double seconds, char *out);

struct datetime_parts {
    int year, month, day;     /* 1.., 1..12, 1..31 */
    int weekday;              /* 0 Monday .. 6 Sunday */
    int year_day;             /* 1..366 */
    int hour, minute, second; /* UTC */
};
/* The calendar's view of a finite number of seconds; false when its year is not 1 to 9999. */
bool datetime_split(double seconds, struct datetime_parts *out);

#endif
