/* Dates and times; see datetime.h for what is read.
 *
 * Pure functions on the caller's thread. Days are counted in the proleptic Gregorian calendar by
 * whole arithmetic, no locale and no time zone of the machine is asked, so that a text means the
 * same everywhere. What must hold: what datetime_show writes, datetime_parse reads back to the
 * microsecond.
 */
#include "data/datetime.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/cell.h"

#define DAY_SECONDS 86400

/* What was read of a text. */
struct reading {
    const char *p, *end;
    int year, month, day, year_day;
    int hour, minute, second;
    bool twelve, afternoon;
    int zone; /* seconds east of UTC */
    double fraction;
    double epoch; /* of %s */
    bool is_epoch;
    bool bad; /* written well, but there is no such thing */
};

static const char *const month_names[] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};
static const char *const weekday_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                            "friday", "saturday", "sunday"};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from the year's first to the month's; month 13 is the year's end. */
static int days_before(int year, int month)
{
    static const int sum[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

    return sum[month - 1] + (month > 2 && is_leap(year));
}

/* Days from 0001-01-01 to the year's first. */
static int64_t days_of_years(int year)
{
    int64_t y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400;
}

/* ---- reading ----------------------------------------------------------------- */

/* Between `least` and `most` digits. */
static bool take_digits(struct reading *r, int least, int most, int *out)
{
    int n = 0, value = 0;

    for (; n < most && r->p < r->end && *r->p >= '0' && *r->p <= '9'; n++) {
        value = value * 10 + (*r->p++ - '0');
    }
    *out = value;
    return n >= least;
}

static bool take_char(struct reading *r, const char *any)
{
    if (r->p < r->end && *r->p != '\0' && strchr(any, *r->p) != NULL) {
        r->p++;
        return true;
    }
    return false;
}

static bool take_fraction(struct reading *r)
{
    const char *start = r->p;
    double unit = 1.0, sum = 0.0;

    for (; r->p < r->end && r->p - start < 9 && *r->p >= '0' && *r->p <= '9'; r->p++) {
        sum = sum * 10.0 + (*r->p - '0');
        unit *= 10.0;
    }
    r->fraction = sum / unit;
    return r->p > start;
}

static bool take_word(struct reading *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->p) < len || strncasecmp(r->p, word, len) != 0) {
        return false;
    }
    r->p += len;
    return true;
}

static bool take_zone(struct reading *r)
{
    int hours = 0, minutes = 0, sign;

    if (take_word(r, "utc") || take_word(r, "gmt") || take_char(r, "Zz")) {
        return true;
    }
    if (r->p == r->end || (*r->p != '+' && *r->p != '-')) {
        return false;
    }
    sign = *r->p++ == '-' ? -1 : 1;
    if (!take_digits(r, 2, 2, &hours) ||
        (r->p < r->end && (take_char(r, ":") || (*r->p >= '0' && *r->p <= '9')) &&
         !take_digits(r, 2, 2, &minutes))) {
        return false;
    }
    r->bad = r->bad || hours > 23 || minutes > 59;
    r->zone = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_iso(struct reading *r)
{
    char separator;

    if (!take_digits(r, 4, 4, &r->year) || r->p == r->end || (*r->p != '-' && *r->p != '/')) {
        return false;
    }
    separator = *r->p++;
    if (!take_digits(r, 2, 2, &r->month) || r->p == r->end || *r->p++ != separator ||
        !take_digits(r, 2, 2, &r->day)) {
        return false;
    }
    if (r->p == r->end) {
        return true;
    }
    if (!take_char(r, "Tt ") || !take_digits(r, 2, 2, &r->hour) || !take_char(r, ":") ||
        !take_digits(r, 2, 2, &r->minute)) {
        return false;
    }
    if (take_char(r, ":") &&
        (!take_digits(r, 2, 2, &r->second) || (take_char(r, ".,") && !take_fraction(r)))) {
        return false;
    }
    if (r->p < r->end) {
        (void)take_char(r, " "); /* a space before the zone is fine */
        return take_zone(r);
    }
    return true;
}

/* The place of a name, whole or its first three letters; -1. */
static int take_name(struct reading *r, const char *const *names, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        char first[4] = {names[i][0], names[i][1], names[i][2], '\0'};

        if (take_word(r, names[i]) || take_word(r, first)) {
            return i;
        }
    }
    return -1;
}

static bool take_epoch(struct reading *r)
{
    r->is_epoch = cell_number(r->p, (size_t)(r->end - r->p), &r->epoch);
    r->p = r->end;
    return r->is_epoch;
}

static bool read_directive(struct reading *r, char directive)
{
    int number;

    switch (directive) {
    case 'Y':
        return take_digits(r, 4, 4, &r->year);
    case 'y':
        if (!take_digits(r, 2, 2, &number)) {
            return false;
        }
        r->year = number + (number < 69 ? 2000 : 1900);
        return true;
    case 'm':
        return take_digits(r, 1, 2, &r->month);
    case 'd':
        return take_digits(r, 1, 2, &r->day);
    case 'j':
        if (!take_digits(r, 1, 3, &r->year_day)) {
            return false;
        }
        r->bad = r->bad || r->year_day == 0;
        return true;
    case 'b':
        r->month = take_name(r, month_names, 12) + 1;
        return r->month > 0;
    case 'a':
        return take_name(r, weekday_names, 7) >= 0;
    case 'H':
        return take_digits(r, 1, 2, &r->hour);
    case 'I':
        r->twelve = true;
        return take_digits(r, 1, 2, &r->hour);
    case 'p':
        r->afternoon = r->p < r->end && (*r->p == 'P' || *r->p == 'p');
        return take_word(r, "am") || take_word(r, "pm");
    case 'M':
        return take_digits(r, 1, 2, &r->minute);
    case 'S':
        return take_digits(r, 1, 2, &r->second);
    case 'f':
        return take_fraction(r);
    case 'z':
        return take_zone(r);
    case 's':
        return take_epoch(r);
    default:
        return take_char(r, "%");
    }
}

static bool read_format(struct reading *r, const char *format)
{
    for (; *format != '\0'; format++) {
        if (*format == '%' ? !read_directive(r, *++format) : r->p == r->end || *r->p++ != *format) {
            return false;
        }
    }
    return r->p == r->end;
}

/* The seconds of what was read; false when there is no such moment. */
static bool to_seconds(struct reading *r, double *out)
{
    bool leap_second = r->second == 60 && r->minute == 59;
    int64_t days, seconds;

    if (r->twelve) {
        r->bad = r->bad || r->hour < 1 || r->hour > 12;
        r->hour = r->hour % 12 + (r->afternoon ? 12 : 0);
    }
    if (r->bad || r->year < 1 || r->year > 9999 || r->month < 1 || r->month > 12 || r->day < 1 ||
        r->day > days_before(r->year, r->month + 1) - days_before(r->year, r->month) ||
        r->hour > 23 || r->minute > 59 || (r->second > 59 && !leap_second) ||
        r->year_day > 365 + is_leap(r->year)) {
        return false;
    }
    days = days_of_years(r->year) - days_of_years(1970) +
           (r->year_day != 0 ? r->year_day - 1 : days_before(r->year, r->month) + r->day - 1);
    seconds = days * DAY_SECONDS + r->hour * 3600 + r->minute * 60 + r->second - r->zone;
    *out = (double)seconds + r->fraction;
    return true;
}

enum datetime_result datetime_parse(const char *s, size_t len, const char *format, double *out)
{
    struct reading r = {.p = s, .end = s + len, .month = 1, .day = 1};

    if (!(format != NULL ? read_format(&r, format) : read_iso(&r)) || r.p != r.end) {
        return DATETIME_NOT;
    }
    if (r.is_epoch) {
        struct datetime_parts parts;

        *out = r.epoch;
        return datetime_split(r.epoch, &parts) ? DATETIME_OK : DATETIME_NO_SUCH;
    }
    return to_seconds(&r, out) ? DATETIME_OK : DATETIME_NO_SUCH;
}

const char *datetime_format_problem(const char *format)
{
    bool year = false, twelve = false, half = false;
    const char *p;

    if (strlen(format) > DATETIME_MAX_FORMAT) {
        return "is longer than 128 bytes";
    }
    for (p = format; *p != '\0'; p++) {
        if (*p != '%') {
            continue;
        }
        if (*++p == '\0' || strchr("YymdbjHIpMSfzsa%", *p) == NULL) {
            return "may have %Y %y %m %d %b %j %H %I %p %M %S %f %z %s %a and %%";
        }
        if (*p == 's') {
            return strcmp(format, "%s") == 0 ? NULL : "has %s, which stands alone";
        }
        year = year || *p == 'Y' || *p == 'y';
        twelve = twelve || *p == 'I';
        half = half || *p == 'p';
    }
    if (twelve != half) {
        return "needs %I and %p together";
    }
    return year ? NULL : "has no year: %Y, %y, or %s for seconds";
}

/* ---- showing ----------------------------------------------------------------- */

bool datetime_split(double seconds, struct datetime_parts *out)
{
    static const double first = -62135596800.0, past = 253402300800.0; /* years 1 and 10000 */
    int64_t whole, days, left;
    int year;

    if (!(seconds >= first && seconds < past)) {
        return false;
    }
    whole = (int64_t)floor(seconds) - (int64_t)first;
    days = whole / DAY_SECONDS;
    left = whole % DAY_SECONDS;
    year = (int)(days / 366) + 1; /* never after, and caught up below */
    while (days_of_years(year + 1) <= days) {
        year++;
    }
    out->year = year;
    out->weekday = (int)(days % 7); /* 0001-01-01 was a Monday */
    days -= days_of_years(year);
    out->year_day = (int)days + 1;
    for (out->month = 1; days_before(year, out->month + 1) <= days; out->month++) {
    }
    out->day = (int)days - days_before(year, out->month) + 1;
    out->hour = (int)(left / 3600);
    out->minute = (int)(left / 60 % 60);
    out->second = (int)(left % 60);
    return true;
}

void datetime_show(double seconds, char *out)
{
    double rounded = floor(seconds * 1e6 + 0.5) / 1e6, whole = floor(rounded);
    int micro = (int)lround((rounded - whole) * 1e6);
    struct datetime_parts at;
    char fraction[16] = "";
    size_t len;

    if (micro == 1000000) {
        micro = 0;
        whole += 1.0;
    }
    if (!datetime_split(whole, &at)) {
        cell_format(seconds, out);
        return;
    }
    if (micro != 0) {
        len = (size_t)snprintf(fraction, sizeof fraction, ".%06d", micro);
        while (fraction[len - 1] == '0') {
            fraction[--len] = '\0';
        }
    }
    (void)snprintf(out, DATETIME_LEN, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", at.year, at.month, at.day,
                   at.hour, at.minute, at.second, fraction);
}
