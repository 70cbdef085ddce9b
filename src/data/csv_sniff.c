/* Delimiter and header of a CSV text; see csv_sniff.h for the rules. */
#include "data/csv_sniff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"

#define MAX_COLUMNS 1000 /* of the first row that are compared with what is below */

struct field {
    const char *s;
    size_t len; /* without its quotes; what is doubled stays so */
    bool quoted;
};

/* The field at *p. 0: more follow in its line, 1: it ends its line, -1: the head ends within. */
static int next_field(const char **p, const char *end, char delimiter, struct field *out)
{
    const char *s = *p;

    *out = (struct field){.s = s, .quoted = s < end && *s == '"'};
    if (out->quoted) {
        out->s = ++s;
        while (s < end && !(*s == '"' && (s + 1 == end || s[1] != '"'))) {
            s += *s == '"' ? 2 : 1;
        }
        if (s >= end) {
            return -1;
        }
        out->len = (size_t)(s - out->s);
        s++;
    }
    while (s < end && *s != delimiter && *s != '\n' && *s != '\r') {
        s++;
    }
    if (!out->quoted) {
        out->len = (size_t)(s - out->s);
    }
    if (s == end) {
        *p = s;
        return -1;
    }
    *p = s + 1;
    if (*s == delimiter) {
        return 0;
    }
    while (*p < end && (**p == '\n' || **p == '\r')) { /* blank lines too */
        (*p)++;
    }
    return 1;
}

static const char *first_line(const char *head, size_t len)
{
    const char *p = head, *end = head + len;

    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }
    while (p < end && (*p == '\n' || *p == '\r')) {
        p++;
    }
    return p;
}

/* ---- the delimiter ------------------------------------------------------------------- */

/* Fields of the lines: of the first; *even: all whole lines have as many. */
static size_t count_fields(const char *head, size_t len, bool whole, char delimiter, bool *even)
{
    const char *p = first_line(head, len), *end = head + len;
    size_t first = 0, lines = 0, n = 0;
    struct field field;

    *even = true;
    while (p < end && lines < CSV_SNIFF_LINES) {
        int stop = next_field(&p, end, delimiter, &field);

        n++;
        if (stop == 0 && p < end) {
            continue;
        }
        if (stop == 0) {
            n++; /* an empty last field */
        }
        if (stop != 1 && !whole && lines > 0) {
            break; /* cut off */
        }
        first = lines == 0 ? n : first;
        *even = *even && n == first;
        lines++;
        n = 0;
        if (stop < 0) {
            break;
        }
    }
    return first;
}

/* Whether every line has equally many fields with one blank between, and below the first there are
 * numbers alone: what numpy.savetxt writes. Texts have blanks, too. */
static bool numbers_apart(const char *head, size_t len, bool whole)
{
    const char *p = first_line(head, len), *end = head + len;
    size_t lines = 0;
    struct field field;
    double value;
    bool even;

    if (count_fields(head, len, whole, ' ', &even) < 2 || !even) {
        return false;
    }
    while (p < end && lines < CSV_SNIFF_LINES) {
        int stop = next_field(&p, end, ' ', &field);

        if (stop < 0 && !whole) {
            break; /* cut off */
        }
        if (lines > 0 && (field.quoted || !cell_number(field.s, field.len, &value))) {
            return false;
        }
        lines += stop != 0;
    }
    return lines > 1;
}

char csv_sniff_delimiter(const char *head, size_t len, bool whole)
{
    static const char candidates[] = ",\t;|";
    char best = ',';
    size_t most = 1;
    bool best_even = false, even;
    const char *d;

    for (d = candidates; *d != '\0'; d++) {
        size_t n = count_fields(head, len, whole, *d, &even);

        if (n > 1 && ((even && !best_even) || (even == best_even && n > most))) {
            best = *d;
            most = n;
            best_even = even;
        }
    }
    return most == 1 && numbers_apart(head, len, whole) ? ' ' : best;
}

int csv_check_delimiter(char d, struct err *err)
{
    return d == '"' || d == '\r' || d == '\n' || d == '\0' || (unsigned char)d >= 0x80
               ? err_add(err, "/delimiter",
                         "must be one ASCII character other than a quote or a line's end")
               : 0;
}

/* ---- the header ------------------------------------------------------------------------ */

struct column {
    struct field name;
    bool number; /* the first row's cell */
    double value;
    bool below, text_below; /* something is there, and no number */
};

static int compare_names(const void *a, const void *b)
{
    const struct column *x = a, *y = b;
    size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.s, y->name.s, n);

    return order != 0 ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static bool counts_up(const struct column *columns, size_t n)
{
    size_t i;

    for (i = 1; i < n && columns[i].value == columns[i - 1].value + 1; i++) {
    }
    return n >= 2 && i == n && (columns[0].value == 0 || columns[0].value == 1);
}

static bool decide(struct column *columns, size_t n)
{
    size_t numbers = 0, i;

    for (i = 0; i < n; i++) {
        if (!columns[i].number && columns[i].name.len > 0 && columns[i].below &&
            !columns[i].text_below) {
            return true;
        }
        numbers += columns[i].number;
    }
    if (numbers == n && counts_up(columns, n)) {
        return true;
    }
    if (numbers > 0) {
        return false;
    }
    qsort(columns, n, sizeof *columns, compare_names);
    for (i = 1; i < n; i++) {
        if (compare_names(&columns[i - 1], &columns[i]) == 0) {
            return false;
        }
    }
    return true;
}

bool csv_sniff_header(const char *head, size_t len, bool whole, char delimiter)
{
    struct column *columns = xcalloc(MAX_COLUMNS, sizeof *columns);
    const char *p = first_line(head, len), *end = head + len;
    size_t n = 0, k = 0, lines = 0;
    bool result;

    while (p < end && lines < CSV_SNIFF_LINES) {
        struct field field;
        int stop = next_field(&p, end, delimiter, &field);
        double value = 0;
        bool number = cell_number(field.s, field.len, &value);

        if (stop < 0 && !whole && lines > 0) {
            break; /* cut off */
        }
        if (lines == 0 && k < MAX_COLUMNS) {
            columns[k] = (struct column){.name = field, .number = number, .value = value};
            n = k + 1;
        } else if (k < n && !cell_missing(field.s, field.len)) {
            columns[k].below = true;
            columns[k].text_below = columns[k].text_below || !number;
        }
        k++;
        if (stop != 0) {
            lines++;
            k = 0;
        }
    }
    result = n == 0 || decide(columns, n);
    free(columns);
    return result;
}
