/* From a text to inputs; see encoder_level.h. Pure functions, any thread. */
#include "data/encoder_level.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/cell.h"

uint64_t encoder_hash(const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    size_t i;

    for (i = 0; i < len; i++) {
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    }
    return (h ^ h >> 32) & 0xffffffffu;
}

size_t encoder_n_levels(const struct encoder_feature *f)
{
    return (f->levels == LEVELS_HASH ? f->buckets : f->n_texts) + f->other + f->missing_level;
}

bool encoder_find_level(const struct encoder_feature *f, const char *text, uint32_t *level)
{
    ptrdiff_t found;
    int truth;

    *level = LEVEL_NONE;
    switch (f->levels) {
    case LEVELS_HASH:
        *level = (uint32_t)(encoder_hash(text, strlen(text)) % f->buckets);
        return true;
    case LEVELS_TRUTH:
        truth = cell_boolean(text, strlen(text), NULL);
        *level = truth >= 0 ? (uint32_t)truth : LEVEL_NONE;
        return truth >= 0 || f->plan.unseen != ENCODER_UNSEEN_ERROR;
    default:
        break;
    }
    found = encoder_text_find(f->texts, f->n_texts, text);
    if (found >= 0) {
        *level = (uint32_t)found;
        return true;
    }
    if (f->other &&
        (f->plan.unseen == ENCODER_OTHER || encoder_text_find(f->pooled, f->n_pooled, text) >= 0)) {
        *level = (uint32_t)f->n_texts;
        return true;
    }
    return f->plan.unseen != ENCODER_UNSEEN_ERROR;
}

uint32_t encoder_missing_level(const struct encoder_feature *f)
{
    uint32_t level;

    if (f->fill_text != NULL && encoder_find_level(f, f->fill_text, &level)) {
        return level;
    }
    return f->missing_level ? (uint32_t)encoder_n_levels(f) - 1 : LEVEL_NONE;
}

void encoder_put_level(const struct encoder_feature *f, uint32_t level, bool missing, float *out)
{
    size_t n = f->width - f->indicator;

    if (f->indicator) {
        out[n] = (float)missing;
    }
    switch (f->levels) {
    case LEVELS_INDEX:
        out[0] = level != LEVEL_NONE ? (float)level + 1.0f : 0.0f;
        break;
    case LEVELS_RANK:
        out[0] = level < f->n_texts ? f->ranks[level] : 0.0f;
        break;
    case LEVELS_TRUTH:
        out[0] =
            level == LEVEL_NONE ? (float)(missing ? f->center : 0.0) : 2.0f * (float)level - 1.0f;
        break;
    default:
        memset(out, 0, n * sizeof *out);
        if (level != LEVEL_NONE) {
            out[level] = 1.0f;
        }
        break;
    }
}

static bool is_word(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

void encoder_put_words(const struct encoder_feature *f, const char *text, bool missing, float *out)
{
    char word[64];
    double length = 0.0;
    size_t len = 0, i;

    memset(out, 0, f->width * sizeof *out);
    text = missing ? f->fill_text : text;
    if (f->indicator) {
        out[f->width - 1] = (float)missing;
    }
    for (; text != NULL; text++) {
        unsigned char c = (unsigned char)*text;

        if (is_word(c)) {
            if (len < sizeof word) { /* of longer words the beginning counts */
                word[len++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            }
            continue;
        }
        if (len > 0) {
            out[encoder_hash(word, len) % f->buckets] += 1.0f;
            len = 0;
        }
        if (c == '\0') {
            break;
        }
    }
    for (i = 0; i < f->buckets; i++) {
        length += (double)out[i] * (double)out[i];
    }
    length = sqrt(length);
    for (i = 0; length > 0.0 && i < f->buckets; i++) {
        out[i] = (float)((double)out[i] / length);
    }
}

/* ---- ranks ------------------------------------------------------------------- */

struct ranked {
    double value;
    size_t text;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->value < y->value || x->value > y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return x->text < y->text ? -1 : x->text > y->text;
}

void encoder_derive_levels(struct encoder_feature *f)
{
    struct ranked *order;
    bool numbers = true;
    size_t i;

    if (f->levels != LEVELS_RANK) {
        return;
    }
    order = xcalloc(f->n_texts + 1, sizeof *order);
    for (i = 0; i < f->n_texts; i++) {
        order[i].text = i;
        numbers = numbers && cell_number(f->texts[i], strlen(f->texts[i]), &order[i].value);
    }
    for (i = 0; !numbers && i < f->n_texts; i++) {
        order[i].value = 0.0;
    }
    qsort(order, f->n_texts, sizeof *order, compare_ranked);
    f->ranks = xcalloc(f->n_texts + 1, sizeof *f->ranks);
    for (i = 0; i < f->n_texts; i++) {
        f->ranks[order[i].text] = (float)(((double)i - f->center) / f->spread);
    }
    free(order);
}
