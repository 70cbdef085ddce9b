/* Numbers in cells; see cell.h.
 *
 * Pure functions, any thread. The short way rests on two facts: an integer up to 2^53 and a
 * power of ten up to 10^22 are doubles without rounding, and IEEE multiplication and division
 * round correctly. Where long double has 64 bits (x86) the same goes for integers of 19 digits and
 * powers up to 10^27, rounded twice: that differs from once only if the first rounding ended just
 * between two doubles, which can be seen. Anything else goes to strtod.
 *
 * Where what is behind the cell may be read too, up to 16 digits and a point are taken at once,
 * without a branch that depends on how many there are: a processor guesses that wrong for every
 * other cell, which takes as long as reading it.
 */
#include "data/cell.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"
#include "base/text.h"

#define SHOW_BYTES  60
#define MOST_DIGITS 19 /* they cannot overflow 64 bits */

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define MAX_POWER ((int)ARRAY_LEN(power_of_ten) - 1)

#if LDBL_MANT_DIG == 64
static const long double long_power_of_ten[] = {
    1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L,
    1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
    1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L,
};

static bool scale_long(uint64_t mantissa, int exponent, double *out)
{
    const int most = (int)ARRAY_LEN(long_power_of_ten) - 1;
    long double value = (long double)mantissa;
    uint64_t bits;

    if (exponent < -most || exponent > most) {
        return false;
    }
    value = exponent < 0 ? value / long_power_of_ten[-exponent]
                         : value * long_power_of_ten[exponent];
    memcpy(&bits, &value, sizeof bits); /* the mantissa */
    *out = (double)value;
    return (bits & 0x7ff) != 0x400;
}
#else
static bool scale_long(uint64_t mantissa, int exponent, double *out)
{
    (void)mantissa, (void)exponent, (void)out;
    return false;
}
#endif

static bool scale(uint64_t mantissa, int exponent, double *out)
{
    if (mantissa > (UINT64_C(1) << 53) || exponent < -MAX_POWER || exponent > MAX_POWER) {
        return scale_long(mantissa, exponent, out);
    }
    *out = exponent < 0 ? (double)mantissa / power_of_ten[-exponent]
                        : (double)mantissa * power_of_ten[exponent];
    return true;
}

/* False means "not this way", not "not a number". */
static bool parse_short(const char *s, size_t len, double *out)
{
    const char *p = s, *end = s + len, *first, *point;
    uint64_t mantissa = 0;
    ptrdiff_t digits;
    int exponent = 0;
    bool negative = false;

    if (len == 0 || len > 40) {
        return false;
    }
    if (*p == '-' || *p == '+') {
        negative = *p++ == '-';
    }
    for (first = p; p < end && (unsigned)(*p - '0') < 10; p++) {
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    }
    digits = p - first;
    if (p < end && *p == '.') {
        for (point = ++p; p < end && (unsigned)(*p - '0') < 10; p++) {
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        }
        exponent = (int)(point - p);
        digits += p - point;
    }
    if (digits == 0) {
        return false;
    }
    for (; digits > MOST_DIGITS && (*first == '0' || *first == '.'); first++) {
        digits -= *first == '0'; /* those in front count for nothing */
    }
    if (digits > MOST_DIGITS) {
        return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool down = false;
        int e = 0;

        if (++p < end && (*p == '-' || *p == '+')) {
            down = *p++ == '-';
        }
        if (p == end || end - p > 3) {
            return false;
        }
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            e = e * 10 + (*p - '0');
        }
        exponent += down ? -e : e;
    }
    if (p != end || !scale(mantissa, exponent, out)) {
        return false;
    }
    *out = negative ? -*out : *out;
    return true;
}

#ifdef __SSE2__
/* Eight digits (values, not characters), the first in the lowest byte. */
static uint64_t eight_digits(uint64_t d)
{
    d = d * 10 + (d >> 8); /* pairs in the even bytes */
    return ((d & 0x000000ff000000ff) * 0x000f424000000064 +
            (d >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
           32;
}

/* [-]digits[.digits], MOST_DIGITS of them, a point among the first 16 characters; `room` bytes from
 * s may be read. False as above. */
static bool parse_wide(const char *s, size_t len, size_t room, double *out)
{
    bool negative = len > 0 && *s == '-';
    const char *p = s + negative, *end = s + len;
    size_t length = len - negative, n = length < 16 ? length : 16, point, digits, fraction;
    const __m128i nine = _mm_set1_epi8(9);
    __m128i text, values;
    unsigned within, points, are_digits;
    unsigned __int128 all, before;
    uint64_t mantissa, bits;
    double value;

    if (room <= sizeof text || length - 1 > MOST_DIGITS) {
        return false;
    }
    text = _mm_loadu_si128((const __m128i *)(const void *)p);
    values = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    within = (1u << n) - 1;
    points = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.'))) & within;
    are_digits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(values, nine), values));
    if ((points | (are_digits & within)) != within || (points & (points - 1)) != 0 ||
        points == within || length - (points != 0) > MOST_DIGITS) {
        return false;
    }
    digits = n - (points != 0);
    point = (size_t)__builtin_ctz(points | 1u << n); /* n: there is none */
    memcpy(&all, &values, sizeof all);
    before = ((unsigned __int128)1 << (8 * (point & 15))) - 1;
    before = point == sizeof text ? ~(unsigned __int128)0 : before;
    all = (all & before) | (all >> 8 & ~before);
    all <<= 8 * (sizeof text - digits); /* to the end, zeros in front; what was behind is gone */
    mantissa = eight_digits((uint64_t)all) * 100000000 + eight_digits((uint64_t)(all >> 64));
    for (p += n; p < end; p++) {
        if ((unsigned)(*p - '0') > 9) {
            return false;
        }
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    }
    fraction = points != 0 ? length - 1 - point : 0;
    if (mantissa <= UINT64_C(1) << 53) {
        value = (double)(int64_t)mantissa / power_of_ten[fraction];
    } else if (!scale_long(mantissa, -(int)fraction, &value)) {
        return false;
    }
    memcpy(&bits, &value, sizeof bits);
    bits |= (uint64_t)negative << 63;
    memcpy(out, &bits, sizeof bits);
    return true;
}
#else
static bool parse_wide(const char *s, size_t len, size_t room, double *out)
{
    (void)s, (void)len, (void)room, (void)out;
    return false;
}
#endif

bool cell_number_in(const char *s, size_t len, size_t room, double *out)
{
    return parse_wide(s, len, room, out) || parse_short(s, len, out) || text_to_double(s, len, out);
}

bool cell_number(const char *s, size_t len, double *out)
{
    return parse_short(s, len, out) || text_to_double(s, len, out);
}

void cell_format(double value, char *out)
{
    int digits;

    if (value == 0.0) {
        value = 0.0; /* no "-0" */
    }
    if (fabs(value) < 1e15 && value == trunc(value)) {
        (void)snprintf(out, CELL_NUMBER_LEN, "%.0f", value);
        return;
    }
    for (digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, CELL_NUMBER_LEN, "%.*g", digits, value);
        if (strtod(out, NULL) == value) {
            return;
        }
    }
}

bool cell_missing(const char *s, size_t len)
{
    static const char *const words[] = {"?", "NA", "N/A", "NaN", "nan", "null", "NULL"};
    size_t i;

    if (len == 0) {
        return true;
    }
    if (len > 4 || (*s != '?' && *s != 'N' && *s != 'n')) {
        return false;
    }
    for (i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == len && memcmp(words[i], s, len) == 0) {
            return true;
        }
    }
    return false;
}

int cell_boolean(const char *s, size_t len, enum cell_pair *pair)
{
    static const char *const words[][2] = {
        [CELL_TRUE_FALSE] = {"false", "true"},
        [CELL_YES_NO] = {"no", "yes"},
        [CELL_T_F] = {"f", "t"},
        [CELL_Y_N] = {"n", "y"},
        [CELL_1_0] = {"0", "1"},
    };
    size_t i;

    for (i = 0; len > 0 && len < 6 && i < 2 * ARRAY_LEN(words); i++) {
        const char *word = words[i / 2][i % 2];

        if (strlen(word) == len && strncasecmp(word, s, len) == 0) {
            if (pair != NULL) {
                *pair = (enum cell_pair)(i / 2);
            }
            return (int)(i % 2);
        }
    }
    return -1;
}

char *cell_show(const char *s, size_t len)
{
    size_t n = len, i;
    char *shown;

    if (len > SHOW_BYTES) {
        for (n = SHOW_BYTES; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;) {
            n--; /* a UTF-8 character begins at or before the cut */
        }
    }
    shown = xasprintf("%.*s%s", (int)n, s, n < len ? "..." : "");
    for (i = 0; i < n; i++) {
        if ((unsigned char)shown[i] < 0x20 || shown[i] == 0x7f) {
            shown[i] = ' ';
        }
    }
    return shown;
}
