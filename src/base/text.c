/* Small questions about text; see text.h. */
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool text_is_utf8(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + len;

    while (p < end) {
        uint32_t c = *p++, min;
        int more;

        if (c < 0x80) {
            continue;
        } else if (c >= 0xc2 && c <= 0xdf) {
            more = 1, min = 0x80, c &= 0x1f;
        } else if (c >= 0xe0 && c <= 0xef) {
            more = 2, min = 0x800, c &= 0x0f;
        } else if (c >= 0xf0 && c <= 0xf4) {
            more = 3, min = 0x10000, c &= 0x07;
        } else {
            return false;
        }
        if (end - p < more) {
            return false;
        }
        while (more-- > 0) {
            if ((*p & 0xc0) != 0x80) {
                return false;
            }
            c = c << 6 | (*p++ & 0x3f);
        }
        if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            return false;
        }
    }
    return true;
}

bool text_to_double(const char *s, size_t len, double *out)
{
    char copy[400];
    char *end;
    size_t i;
    double value;

    while (len > 0 && (*s == ' ' || *s == '\t')) {
        s++, len--;
    }
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t')) {
        len--;
    }
    if (len == 0 || len >= sizeof copy) {
        return false;
    }
    for (i = 0; i < len; i++) {
        char c = s[i];

        if (!((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' ||
              c == 'E')) {
            return false;
        }
        copy[i] = c;
    }
    copy[len] = '\0';
    value = strtod(copy, &end); /* the daemon never calls setlocale: the point is a point */
    if (end != copy + len || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

bool text_is_name(const char *s)
{
    size_t i;

    for (i = 0; s[i] != '\0'; i++) {
        char c = s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool later = (c >= '0' && c <= '9') || c == '.' || c == '-';

        if (!letter && !(later && i > 0)) {
            return false;
        }
    }
    return i >= 1 && i <= 64 && strcmp(s, "latest") != 0;
}

/* Levenshtein distance of words up to 63 bytes; longer ones count as far apart. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(a), m = strlen(b), i, j;

    if (n > 63 || m > 63) {
        return 64;
    }
    for (j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (i = 1; i <= n; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[m];
}

const char *text_nearest(const char *word, const char *const *words, size_t n_words)
{
    size_t len = strlen(word), limit = len / 3 + 1, i;
    const char *best = NULL;

    for (i = 0; i < n_words; i++) {
        size_t d = distance(word, words[i]);

        if (d < len && d <= limit && (best == NULL || d < limit)) {
            best = words[i];
            limit = d;
        }
    }
    return best;
}
