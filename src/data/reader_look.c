/* What the first bytes of an upload look like; see reader.h. Pure functions.
 *
 * Binary formats have magic numbers. Of texts: an object's brace is NDJSON, an @relation or
 * @attribute (after % comments) ARFF, a first line "number index:value ..." libsvm; the rest is
 * CSV.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/cell.h"
#include "data/reader_priv.h"

static const struct {
    const char *bytes;
    size_t len;
    enum reader_format format; /* READER_LOOK: none that we read */
    const char *what;
} magics[] = {
    {"\x93NUMPY", 6, READER_NPY, "NumPy's .npy"},
    {"PK\3\4", 4, READER_NPZ, "a zip file (an .npz, or a spreadsheet)"},
    {"PK\5\6", 4, READER_NPZ, "a zip file with nothing in it"},
    {"\x1f\x8b", 2, READER_LOOK, "gzip within gzip; pack it once"},
    {"PAR1", 4, READER_LOOK, "Parquet, which is not read; save it as CSV"},
    {"\x89HDF", 4, READER_LOOK, "HDF5, which is not read; save it as CSV or .npz"},
    {"ARROW1", 6, READER_LOOK, "Arrow (Feather), which is not read; save it as CSV"},
    {"\xd0\xcf\x11\xe0", 4, READER_LOOK, "an old spreadsheet; save it as CSV"},
    {"%PDF", 4, READER_LOOK, "a PDF; save the table as CSV"},
    {"\x80\4\x95", 3, READER_LOOK, "a Python pickle, which is never read; save it as CSV or .npz"},
    {"SQLite format 3", 16, READER_LOOK, "an SQLite database; save the table as CSV"},
    {"\x89PNG", 4, READER_LOOK, "a picture; tables of pixels are .npy, .npz or IDX"},
    {"\xff\xd8\xff", 3, READER_LOOK, "a picture; tables of pixels are .npy, .npz or IDX"},
    {"BZh", 3, READER_LOOK, "bzip2; unpack it, or pack it with gzip"},
    {"\xfd"
     "7zXZ",
     5, READER_LOOK, "xz; unpack it, or pack it with gzip"},
    {"(\xb5/\xfd", 4, READER_LOOK, "zstd; unpack it, or pack it with gzip"},
    {"\0\0\xfe\xff", 4, READER_LOOK, "text in UTF-32; save it as UTF-8"},
    {"\xff\xfe\0\0", 4, READER_LOOK, "text in UTF-32; save it as UTF-8"},
    {"\xff\xfe", 2, READER_LOOK, "text in UTF-16; save it as UTF-8"},
    {"\xfe\xff", 2, READER_LOOK, "text in UTF-16; save it as UTF-8"},
};

static bool is_idx(const char *head, size_t len)
{
    return len >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14 &&
           head[3] >= 1 && head[3] <= 4;
}

/* Every second byte of a text is zero in UTF-16 without a mark, three of four in UTF-32. */
static bool is_wide(const char *head, size_t len)
{
    size_t n = len < 64 ? len & ~(size_t)3 : 64, zeros = 0, i;

    for (i = 0; i < n; i++) {
        zeros += head[i] == 0;
    }
    return n >= 4 && zeros >= n * 2 / 5 &&
           ((head[0] == 0) != (head[1] == 0) || (head[0] == 0 && head[1] == 0 && head[2] == 0));
}

/* What a server sends in place of a table, more often than not: an error page. */
static bool is_markup(const char *head, size_t len)
{
    static const char *const begins[] = {"<!doctype html", "<html", "<?xml"};
    size_t at = 0, i;

    while (at < len && isspace((unsigned char)head[at])) {
        at++;
    }
    for (i = 0; i < ARRAY_LEN(begins); i++) {
        size_t n = strlen(begins[i]);

        if (len - at >= n && strncasecmp(head + at, begins[i], n) == 0) {
            return true;
        }
    }
    return false;
}

/* A text's byte order mark, which is no part of it. */
static size_t mark_len(const char *head, size_t len)
{
    return len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

const char *reader_foreign(enum reader_format format, const char *head, size_t len)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(magics); i++) {
        if (len >= magics[i].len && memcmp(head, magics[i].bytes, magics[i].len) == 0) {
            return magics[i].format == format ? NULL : magics[i].what;
        }
    }
    i = mark_len(head, len);
    if (format == READER_IDX || format == READER_NPY || format == READER_NPZ) {
        return NULL; /* they say themselves what they miss */
    }
    return is_idx(head, len)    ? "IDX (MNIST's format)"
           : is_wide(head, len) ? "text in UTF-16 or UTF-32; save it as UTF-8"
           : is_markup(head + i, len - i)
               ? "HTML or XML, and no table; is it a page that tells of an error?"
               : NULL;
}

static size_t line_len(const char *p, const char *end)
{
    const char *s = p;

    while (s < end && *s != '\n' && *s != '\r') {
        s++;
    }
    return (size_t)(s - p);
}

/* "-1 3:0.5 7:1", at least one pair; "# comment" may follow. A cut last token is fine. */
static bool is_libsvm_line(const char *p, size_t len, bool cut)
{
    const char *end = p + len;
    double number;
    size_t tokens = 0;

    while (p < end) {
        const char *s = p, *colon;

        while (p < end && *p != ' ' && *p != '\t') {
            p++;
        }
        colon = memchr(s, ':', (size_t)(p - s));
        if (p == s) {
            p++;
            continue;
        }
        if (*s == '#') {
            break;
        }
        if (p == end && cut) {
            break;
        }
        if (tokens == 0 ? !cell_number(s, (size_t)(p - s), &number)
                        : colon == NULL || colon == s ||
                              !(cell_number(s, (size_t)(colon - s), &number) ||
                                (colon - s == 3 && memcmp(s, "qid", 3) == 0)) ||
                              !cell_number(colon + 1, (size_t)(p - colon - 1), &number)) {
            return false;
        }
        tokens++;
    }
    return tokens >= 2;
}

enum reader_format reader_look(const char *head, size_t len, bool whole)
{
    const char *p = head, *end = head + len;
    size_t i, n;

    for (i = 0; i < ARRAY_LEN(magics); i++) {
        if (magics[i].format != READER_LOOK && len >= magics[i].len &&
            memcmp(head, magics[i].bytes, magics[i].len) == 0) {
            return magics[i].format;
        }
    }
    if (is_idx(head, len)) {
        return READER_IDX;
    }
    p += mark_len(head, len);
    while (p < end && isspace((unsigned char)*p)) {
        p++;
    }
    if (p < end && (*p == '{' || *p == '[')) {
        return READER_NDJSON;
    }
    for (i = 0; p < end; p += n + (p + n < end), i++) {
        n = line_len(p, end);
        if (n == 0 || *p == '%') {
            continue;
        }
        if ((n >= 9 && strncasecmp(p, "@relation", 9) == 0) ||
            (n >= 10 && strncasecmp(p, "@attribute", 10) == 0)) {
            return READER_ARFF;
        }
        return *p != '%' && is_libsvm_line(p, n, p + n == end && !whole) ? READER_LIBSVM
                                                                         : READER_CSV;
    }
    return READER_CSV;
}
