/* Words for "no value"; see missing.h. No state of its own, any thread. Sizes are bounded by
 * MISSING_MAX_WORDS and MISSING_MAX_BYTES, so looking through all of them for a cell is cheap.
 */
#include "data/missing.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "data/cell.h"

static bool among(const struct missing *m, const char *s, size_t len)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        if (strlen(m->words[i]) == len && memcmp(m->words[i], s, len) == 0) {
            return true;
        }
    }
    return false;
}

bool missing_add(struct missing *m, const char *word, size_t len)
{
    double value;

    if (len == 0 || among(m, word, len)) {
        return true;
    }
    if (m->n == MISSING_MAX_WORDS || len > MISSING_MAX_BYTES) {
        return false;
    }
    if (m->words == NULL) {
        m->words = xcalloc(MISSING_MAX_WORDS, sizeof *m->words);
        m->numbers = xcalloc(MISSING_MAX_WORDS, sizeof *m->numbers);
    }
    m->words[m->n++] = xstrndup(word, len);
    if (cell_number(word, len, &value)) {
        m->numbers[m->n_numbers++] = value;
    }
    return true;
}

int missing_parse(struct missing *m, const char *list, struct err *err)
{
    struct buf word = BUF_INIT;
    const char *p = list;
    int result = 0;

    while (*p != '\0') {
        buf_clear(&word);
        for (; *p != '\0' && *p != ','; p++) {
            p += *p == '\\' && p[1] != '\0';
            buf_printf(&word, "%c", *p);
        }
        if (word.len > 0 && !missing_add(m, word.data, word.len)) {
            char *shown = cell_show(word.data, word.len);

            result = err_add(err, "/missing",
                             "\"%s\" is one too many or too long: at most %d "
                             "words of at most %d bytes",
                             shown, MISSING_MAX_WORDS, MISSING_MAX_BYTES);
            free(shown);
        }
        p += *p == ',';
    }
    buf_fini(&word);
    return result;
}

bool missing_is_text(const struct missing *m, const char *s, size_t len)
{
    return len == 0 || (m->defaults && cell_missing(s, len)) || (m->n > 0 && among(m, s, len));
}

bool missing_is_number(const struct missing *m, double value)
{
    size_t i;

    for (i = 0; i < m->n_numbers; i++) {
        if (m->numbers[i] == value) {
            return true;
        }
    }
    return false;
}

void missing_copy(struct missing *to, const struct missing *from)
{
    size_t i;

    *to = (struct missing){.defaults = from->defaults};
    for (i = 0; i < from->n; i++) {
        CHK(missing_add(to, from->words[i], strlen(from->words[i])));
    }
}

void missing_fini(struct missing *m)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        free(m->words[i]);
    }
    free(m->words);
    free(m->numbers);
    *m = (struct missing)MISSING_INIT;
}
