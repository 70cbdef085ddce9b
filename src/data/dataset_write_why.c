/* What is said of a column in words: why it has its type, and what stands out.
 *
 * Pure functions of what the writer knows of the column's cells, so that the same table is always
 * described the same way. A column of numbers looks like an identifier when it holds different
 * integers without a gap, or ever rising or falling ones; one of texts when no two are equal and
 * all are short words.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "data/cell.h"
#include "data/dataset_write_priv.h"
#include "data/datetime.h"

#define IDENTIFIER_ROWS  20
#define IDENTIFIER_BYTES 40 /* of a text on average */
#define MANY_NUMBERS     10 /* different ones, beside */
#define FEW_WORDS        3  /* different texts at most: words for no value, perhaps */

/* Ways to write days that are not guessed, and that are worth a hint where all texts are so. */
#define WAY(date) date, date " %H:%M", date " %H:%M:%S"
static const char *const ways[] = {WAY("%d/%m/%Y"), WAY("%m/%d/%Y"), WAY("%d.%m.%Y"),
                                   WAY("%d-%m-%Y"), WAY("%m-%d-%Y"), WAY("%d-%b-%Y"),
                                   WAY("%d %b %Y"), WAY("%b %d %Y"), WAY("%b %d, %Y")};
_Static_assert(ARRAY_LEN(ways) < 32, "a bit each");
#define ALL_WAYS ((UINT32_C(1) << ARRAY_LEN(ways)) - 1)

/* Of all texts of a column. */
struct texts {
    uint64_t bytes, numbers; /* cells */
    bool words;              /* no space in any */
    uint64_t words_apart;    /* different texts that are no numbers */
    char *first, *word;      /* of all, of these; shown; owned */
    uint32_t ways;           /* bits: of which all are dates */
    bool disguised;          /* all are numbers but for commas, currencies and percent signs */
    bool several;            /* all are two numbers or more with blanks between */
};

/* "1,5", "$1,500", "15%": numbers to a person. */
static bool is_disguised(const char *text, size_t len)
{
    static const char *const signs[] = {",", "$", "%", "\xe2\x82\xac", "\xc2\xa3"};
    char bare[CELL_NUMBER_LEN];
    size_t n = 0, at = 0, i;
    double value;

    while (at < len) {
        for (i = 0; i < ARRAY_LEN(signs); i++) {
            size_t sign = strlen(signs[i]);

            if (len - at >= sign && memcmp(text + at, signs[i], sign) == 0) {
                at += sign;
                break;
            }
        }
        if (i == ARRAY_LEN(signs)) {
            if (n == sizeof bare) {
                return false;
            }
            bare[n++] = text[at++];
        }
    }
    return cell_number(bare, n, &value);
}

static bool is_several(const char *text, size_t len)
{
    size_t numbers = 0, at = 0;
    double value;

    while (at < len) {
        size_t start = at;

        while (at < len && text[at] != ' ' && text[at] != '\t') {
            at++;
        }
        if (at > start && !cell_number(text + start, at - start, &value)) {
            return false;
        }
        numbers += at > start;
        at += at < len;
    }
    return numbers >= 2;
}

static int look_at_text(void *ctx, const char *text, size_t len, uint64_t count)
{
    struct texts *t = ctx;
    double value;
    size_t i;

    for (i = 0; t->ways != 0 && i < ARRAY_LEN(ways); i++) {
        if ((t->ways & UINT32_C(1) << i) != 0 &&
            datetime_parse(text, len, ways[i], &value) != DATETIME_OK) {
            t->ways &= ~(UINT32_C(1) << i);
        }
    }
    t->disguised = t->disguised && is_disguised(text, len);
    t->several = t->several && is_several(text, len);
    t->bytes += len * count;
    if (cell_number(text, len, &value)) {
        t->numbers += count;
    } else if (t->words_apart++ == 0) {
        t->word = cell_show(text, len);
    }
    t->words = t->words && memchr(text, ' ', len) == NULL;
    if (t->first == NULL) {
        t->first = cell_show(text, len);
    }
    return 0;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void why_numbers(const struct writer_column *c, struct buf *why)
{
    unsigned long long n = c->stats.n;

    if (n == 0) {
        buf_printf(why, "no cell has a value");
    } else if (c->type == COLUMN_NUMERIC) {
        buf_printf(why, "%llu number%s", n, plural(n));
    } else {
        buf_printf(why, "%llu datetime%s", n, plural(n));
    }
    if (c->format != NULL && n > 0) {
        buf_printf(why, " written as %s", c->format);
    }
}

static void why_texts(const struct writer_column *c, uint64_t rows, const struct texts *t,
                      struct buf *why)
{
    uint64_t present = rows - c->missing;
    size_t n = dict_size(c->dict);

    if (n == 0) {
        buf_printf(why, "no cell has a value");
    } else if (c->type == COLUMN_BOOLEAN && n == 2) {
        buf_printf(why, "\"%s\" and \"%s\"", c->spelling[1], c->spelling[0]);
    } else if (c->type == COLUMN_BOOLEAN) {
        buf_printf(why, "only \"%s\"", c->spelling[c->spelling[1] != NULL]);
    } else {
        buf_printf(why, "%zu distinct text%s", n, plural(n));
    }
    if (c->type == COLUMN_TEXT && n > 0) {
        buf_printf(why, " in %llu cell%s, %.0f bytes on average", (unsigned long long)present,
                   plural(present), (double)t->bytes / (double)present);
    }
    if (c->type == COLUMN_CATEGORICAL && t->numbers > 0) {
        buf_printf(why, ", %llu of %llu cells are numbers", (unsigned long long)t->numbers,
                   (unsigned long long)present);
    }
}

static bool numbers_identify(const struct writer_column *c)
{
    double span = c->stats.max - c->stats.min + 1.0;

    if (c->type != COLUMN_NUMERIC || !c->integers || c->missing > 0 ||
        c->stats.n < IDENTIFIER_ROWS) {
        return false;
    }
    return c->rising || c->falling ||
           (sketch_is_exact(&c->sketch) && span == (double)c->stats.n &&
            sketch_all_differ(&c->sketch));
}

static bool texts_identify(const struct writer_column *c, uint64_t rows, const struct texts *t)
{
    return c->missing == 0 && rows >= IDENTIFIER_ROWS && dict_size(c->dict) == rows && t->words &&
           t->bytes <= IDENTIFIER_BYTES * rows;
}

/* Numbers but for a word or two that say, perhaps, that there is none. */
static bool are_numbers_but_words(const struct texts *t, uint64_t present, uint64_t distinct)
{
    return t->words_apart > 0 && t->words_apart <= FEW_WORDS && t->numbers > present / 2 &&
           distinct - t->words_apart >= MANY_NUMBERS;
}

/* What the texts could have been, had they been written or declared otherwise; NULL: nothing. */
static char *hint(const struct texts *t, uint64_t present, uint64_t distinct)
{
    const char *way = NULL, *other = NULL;
    size_t i;

    for (i = 0; i < ARRAY_LEN(ways); i++) {
        if ((t->ways & UINT32_C(1) << i) != 0) {
            other = way;
            way = ways[i];
        }
    }
    if (way != NULL) {
        return xasprintf("looks like dates: declare it with types=...:datetime:%s%s%s", way,
                         other != NULL ? " or " : "", other != NULL ? other : "");
    }
    if (are_numbers_but_words(t, present, distinct)) {
        return xasprintf("is numbers in %llu of %llu cells: if \"%s\"%s means no value, upload it "
                         "with missing=",
                         (unsigned long long)t->numbers, (unsigned long long)present, t->word,
                         t->words_apart > 1 ? " and the like" : "");
    }
    return t->disguised && t->numbers < present
               ? xasprintf("looks like numbers, written as \"%s\": write digits and a "
                                    "decimal point only",
                                    t->first)
           : t->several ? xasprintf("holds several numbers, as \"%s\": put one delimiter between "
                                    "them",
                                    t->first)
                        : NULL;
}

static void remark_on(const struct writer_column *c, uint64_t rows, const char *value,
                      struct column_words *out)
{
    if (out->constant) {
        out->remark = xasprintf("constant: %s is %s",
                                c->missing == 0 ? "every value" : "every value there is", value);
    } else if (out->identifier) {
        out->remark = xasprintf("looks like an identifier: %llu distinct of %llu rows",
                                (unsigned long long)rows, (unsigned long long)rows);
    }
}

void dataset_write_why(const struct writer_column *c, uint64_t rows, struct column_words *out)
{
    bool numbers = column_holds_numbers(c->type);
    struct buf why = BUF_INIT;

    *out = (struct column_words){.why = NULL};
    buf_printf(&why, "%s%s: ", c->declared ? "declared " : "", column_type_name(c->type));
    if (numbers) {
        char value[DATETIME_LEN] = "";

        why_numbers(c, &why);
        out->constant = c->stats.n > 0 && c->stats.min == c->stats.max;
        out->identifier = numbers_identify(c);
        if (c->type == COLUMN_NUMERIC) {
            cell_format(c->stats.min, value);
        } else {
            datetime_show(c->stats.min, value);
        }
        remark_on(c, rows, value, out);
    } else {
        struct texts t = {
            .words = true, .ways = ALL_WAYS, .disguised = true, .several = true};
        char *value;

        (void)dict_each(c->dict, look_at_text, &t); /* it stops nowhere */
        why_texts(c, rows, &t, &why);
        out->constant = dict_size(c->dict) == 1;
        out->identifier = texts_identify(c, rows, &t);
        value = xasprintf("\"%s\"", t.first != NULL ? t.first : "");
        remark_on(c, rows, value, out);
        if (!c->declared && c->type != COLUMN_BOOLEAN && dict_size(c->dict) > 0) {
            char *better = hint(&t, rows - c->missing, dict_size(c->dict));

            if (better != NULL) {
                free(out->remark);
                out->remark = better;
                out->identifier = false;
            }
        }
        free(value);
        free(t.first);
        free(t.word);
    }
    if (c->missing > 0 && c->missing < rows) {
        buf_printf(&why, ", %llu missing", (unsigned long long)c->missing);
    }
    out->why = buf_take(&why);
}
