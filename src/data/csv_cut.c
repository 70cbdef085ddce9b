/* Lines of CSV without a quote in them, cut into cells where they lie.
 *
 * What is said here of a line is what libcsv says of it, byte by byte, at a sixth of the time
 * (check_csv_cut mixes the two): cells lose the spaces and tabs around them, unless that is what
 * stands between cells; a line of nothing else is blank.
 *
 * Several bytes are looked at at once: 16 where every processor of the kind can, else eight, and of
 * each pattern a byte that equals it becomes 0x80 and the others 0, exactly. Where cells end is
 * noted, and told when the line's end is there; a quote before that, and nothing is told of the
 * line.
 *
 * Pure but for the rows it tells; the reader's thread.
 */
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"
#include "data/csv_priv.h"
#include "data/dataset_priv.h" /* says that bytes are in this order */

#define ONES  UINT64_C(0x0101010101010101)
#define LOW7  (ONES * 0x7f)
#define CELLS (DATASET_MAX_COLUMNS + 1) /* more: libcsv may say so */

struct csv_cut {
    char delimiter;
    uint32_t ends[CELLS];
};

struct csv_cut *csv_cut_new(char delimiter)
{
    struct csv_cut *cut = xmalloc(sizeof *cut); /* what is not used of it is not touched */

    cut->delimiter = delimiter;
    return cut;
}

void csv_cut_free(struct csv_cut **cut)
{
    free(*cut);
    *cut = NULL;
}

/* Which of the next AT_ONCE bytes end a cell, or are a quote: something in BITS bits for each. */
#ifdef __SSE2__
#define AT_ONCE 16
#define BITS    1
static inline uint64_t marks(const char *p, char delimiter)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(delimiter)),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'))),
                                 _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))));

    return (unsigned)_mm_movemask_epi8(found);
}
#else
#define AT_ONCE 8
#define BITS    8
/* 0x80 in each byte that is 0. */
static uint64_t zeros(uint64_t x)
{
    return ~(((x & LOW7) + LOW7) | x | LOW7);
}

static inline uint64_t marks(const char *p, char delimiter)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return zeros(word ^ ONES * (unsigned char)delimiter) | zeros(word ^ ONES * '\n') |
           zeros(word ^ ONES * '\r') | zeros(word ^ ONES * '"');
}
#endif

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
        char last[AT_ONCE] = "";
        size_t have = end - p < AT_ONCE ? (size_t)(end - p) : AT_ONCE;
        uint64_t found;

        if (have < AT_ONCE) { /* NUL is no delimiter */
            memcpy(last, p, have);
        }
        found = marks(have < AT_ONCE ? last : p, cut->delimiter);
        for (; found != 0; found &= found - 1) {
            const char *at = p + __builtin_ctzll(found) / BITS;

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
            csv_rows_cells(r, line, (size_t)(end - line), cut->ends, n, cut->delimiter);
        }
        csv_rows_line_end(r, *stop);
        line = stop + 1;
    }
    return (size_t)(line - bytes);
}
