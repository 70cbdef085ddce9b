/* Dates by a pattern; see arff_priv.h. Pure functions. */
#include "data/arff_priv.h"

#include <string.h>

#define LETTERS "yMdHmsSXZ"

bool arff_date_known(const char *pattern)
{
    bool quoted = false;

    for (; *pattern != '\0'; pattern++) {
        bool letter = (*pattern >= 'a' && *pattern <= 'z') || (*pattern >= 'A' && *pattern <= 'Z');

        if (*pattern == '\'') {
            quoted = !quoted;
        } else if (!quoted && letter && strchr(LETTERS, *pattern) == NULL) {
            return false;
        }
    }
    return !quoted;
}

struct parts {
    int64_t year, month, day, hour, minute, second, zone;
    double fraction;
};

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_from(int64_t y, int64_t m, int64_t d)
{
    int64_t era, of_era, of_year;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    of_era = y - era * 400;
    of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Digits at *s: all of them, or where another number follows at once, `width`. */
static bool take_digits(const char **s, const char *end, size_t width, int64_t *out, size_t *n)
{
    int64_t value = 0;

    for (*n = 0; *s < end && **s >= '0' && **s <= '9' && *n < width; (*s)++, (*n)++) {
        value = value * 10 + (**s - '0');
    }
    *out = value;
    return *n > 0;
}

/* "Z", "+01:00", "+0100" or "+01" */
static bool take_zone(const char **s, const char *end, int64_t *seconds)
{
    int64_t hours = 0, minutes = 0;
    size_t n = 0;
    char sign;

    if (*s < end && **s == 'Z') {
        (*s)++;
        *seconds = 0;
        return true;
    }
    if (*s == end || (**s != '+' && **s != '-')) {
        return false;
    }
    sign = *(*s)++;
    if (!take_digits(s, end, 2, &hours, &n) || n != 2) {
        return false;
    }
    if (*s < end && **s == ':') {
        (*s)++;
    }
    if (*s < end && **s >= '0' && **s <= '9' && (!take_digits(s, end, 2, &minutes, &n) || n != 2)) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
    return hours < 24 && minutes < 60;
}

static bool take_field(char letter, size_t width, const char **s, const char *end,
                       struct parts *out)
{
    int64_t value = 0;
    size_t n = 0;
    double scale = 1;

    if (letter == 'X' || letter == 'Z') {
        return take_zone(s, end, &out->zone);
    }
    if (!take_digits(s, end,
                     letter == 'y'   ? (width > 4 ? width : 4)
                     : letter == 'S' ? 9
                                     : 2,
                     &value, &n)) {
        return false;
    }
    switch (letter) {
    case 'y':
        out->year = width == 2 && n == 2 ? value + (value < 70 ? 2000 : 1900) : value;
        break;
    case 'M':
        out->month = value;
        break;
    case 'd':
        out->day = value;
        break;
    case 'H':
        out->hour = value;
        break;
    case 'm':
        out->minute = value;
        break;
    case 's':
        out->second = value;
        break;
    default:
        for (; n > 0; n--) {
            scale *= 10;
        }
        out->fraction = (double)value / scale;
        break;
    }
    return true;
}

static bool exists(const struct parts *p)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (p->year % 4 == 0 && p->year % 100 != 0) || p->year % 400 == 0;

    return p->month >= 1 && p->month <= 12 && p->day >= 1 &&
           p->day <= days[p->month - 1] + (p->month == 2 && leap) && p->hour < 24 &&
           p->minute < 60 && p->second < 61;
}

bool arff_date(const char *pattern, const char *s, size_t len, double *out)
{
    struct parts parts = {.year = 1970, .month = 1, .day = 1};
    const char *end = s + len;
    bool quoted = false;

    while (*pattern != '\0') {
        size_t width = strspn(pattern, (const char[]){*pattern, '\0'});

        if (*pattern == '\'') {
            quoted = !quoted;
            pattern++;
        } else if (!quoted && strchr(LETTERS, *pattern) != NULL) {
            if (!take_field(*pattern, width, &s, end, &parts)) {
                return false;
            }
            pattern += width;
        } else if (s < end && *s == *pattern) {
            s++;
            pattern++;
        } else {
            return false;
        }
    }
    if (s != end || !exists(&parts)) {
        return false;
    }
    *out = (double)(days_from(parts.year, parts.month, parts.day) * 86400 + parts.hour * 3600 +
                    parts.minute * 60 + parts.second - parts.zone) +
           parts.fraction;
    return true;
}
