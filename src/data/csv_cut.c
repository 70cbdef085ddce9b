/* Lines of CSV without a quote in them, cut into cells where they lie.
 *
 * What is said here of a line is what libcsv says of it, byte by byte, at a sixth of the time
 * (check_csv_cut mixes the two): cells lose the spaces and tabs around them, unless that is what
 * stands between cells; a line of nothing else is blank.
 *
 * Eight bytes are looked at at once: of each pattern, a byte that equals it becomes 0x80 and the
 * others 0, exactly. Where cells end is noted, and told when the line's end is there; a quote
 * before that, and nothing is told of the line.
 *
 * Pure but for the rows it tells; the reader's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/csv_priv.h"
#include "data/dataset_priv.h" /* says that bytes are in this order */

#define ONES  UINT64_C(0x0101010101010101)
#define LOW7  (ONES * 0x7f)
#define CELLS (DATASET_MAX_COLUMNS + 1) /* more: libcsv may say so */

struct csv_cut {
    char delimiter;
    uint64_t delimiters; /* eight of it */
    uint32_t ends[CELLS];
};

struct csv_cut *csv_cut_new(char delimiter)
{
    struct csv_cut *cut = xmalloc(sizeof *cut); /* what is not used of it is not touched */

    cut->delimiter = delimiter;
    cut->delimiters = ONES * (unsigned char)delimiter;
    return cut;
}

void csv_cut_free(struct csv_cut **cut)
{
    free(*cut);
    *cut = NULL;
}

/* 0x80 in each byte that is 0. */
static uint64_t zeros(uint64_t x)
{
    return ~(((x & LOW7) + LOW7) | x | LOW7);
}

static bool is_blank(const struct csv_cut *cut, const char *line, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if ((line[i] != ' ' && line[i] != '\t') || line[i] == cut->delimiter) {
            return false;
        }
    }
    return true;
}

/* Where the line ends, and its cells; NULL: it has a quote, no end, or too many cells. */
static const char *find_end(struct csv_cut *cut, const char *line, const char *end, size_t *n_cells)
{
    const char *p = line;
    size_t n = 0;

    while (p < end) {
        uint64_t word = 0, found;
        size_t have = end - p < 8 ? (size_t)(end - p) : 8;

        memcpy(&word, p, have);
        found = zeros(word ^ cut->delimiters) | zeros(word ^ ONES * '\n') |
                zeros(word ^ ONES * '\r') | zeros(word ^ ONES * '"');
        for (; found != 0; found &= found - 1) {
            const char *at = p + __builtin_ctzll(found) / 8;

            if (*at == '"' || n == CELLS) {
                return NULL;
            }
            cut->ends[n++] = (uint32_t)(at - line);
            if (*at != cut->delimiter) {
                *n_cells = n;
                return at;
            }
        }
        p += have;
    }
    return NULL;
}

size_t csv_cut_lines(struct csv_cut *cut, struct csv_rows *r, const char *bytes, size_t len)
{
    const char *line = bytes, *end = bytes + (len < UINT32_MAX ? len : UINT32_MAX), *stop;
    size_t n = 0;

    while (!r->failed && (stop = find_end(cut, line, end, &n)) != NULL) {
        if (n > 1 || !is_blank(cut, line, (size_t)(stop - line))) {
            csv_rows_cells(r, line, cut->ends, n, cut->delimiter);
        }
        csv_rows_line_end(r, *stop);
        line = stop + 1;
    }
    return (size_t)(line - bytes);
}
