/* Text -> code; see dict.h.
 *
 * A uthash table whose entries carry their text; uthash keeps entries in order of insertion,
 * which is the order of codes. The sizes come from users, so running out of memory is an
 * answer here, not an abort; and so do the texts, so the hash is SipHash with a random key:
 * nobody can send a million texts that all fall into one bucket.
 */
#include "data/dict.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)
#include <uthash.h>

#include "base/hash.h"
#include "base/mem.h"

struct entry {
    UT_hash_handle hh;
    uint64_t count;
    uint32_t code;
    bool lost; /* the table had no memory for it */
    char text[];
};

struct dict {
    struct entry *table;
    struct entry *last; /* the text before: columns have runs */
    size_t text_bytes;
    unsigned char key[crypto_shorthash_KEYBYTES];
};

struct dict *dict_new(void)
{
    struct dict *d = xcalloc(1, sizeof *d);

    randombytes_buf(d->key, sizeof d->key);
    return d;
}

static unsigned hash_text(const struct dict *d, const char *text, size_t len)
{
    unsigned char out[crypto_shorthash_BYTES];
    unsigned hash;

    CHK(crypto_shorthash(out, (const unsigned char *)text, len, d->key) == 0);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

static bool is_text(const struct entry *e, const char *text, size_t len)
{
    return e->hh.keylen == len && memcmp(e->text, text, len) == 0;
}

enum dict_result dict_add(struct dict *d, const char *text, size_t len, uint32_t *code)
{
    struct entry *e = d->last;
    unsigned hash = 0;

    if (e == NULL || !is_text(e, text, len)) {
        hash = hash_text(d, text, len);
        HASH_FIND_BYHASHVALUE(hh, d->table, text, len, hash, e);
    }
    if (e == NULL) {
        if (dict_size(d) >= DICT_MAX_TEXTS) {
            return DICT_TOO_MANY;
        }
        if (len > DICT_MAX_BYTES - d->text_bytes) {
            return DICT_TOO_LONG;
        }
        e = malloc(sizeof *e + len + 1);
        if (e == NULL) {
            return DICT_NO_MEMORY;
        }
        e->count = 0;
        e->code = (uint32_t)dict_size(d);
        e->lost = false;
        memcpy(e->text, text, len);
        e->text[len] = '\0';
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, d->table, e->text, len, hash, e);
        if (e->lost) {
            free(e);
            return DICT_NO_MEMORY;
        }
        d->text_bytes += len;
    }
    e->count++;
    d->last = e;
    *code = e->code;
    return DICT_OK;
}

size_t dict_size(const struct dict *d)
{
    return HASH_COUNT(d->table);
}

int dict_each(const struct dict *d,
              int (*visit)(void *ctx, const char *text, size_t len, uint64_t count), void *ctx)
{
    const struct entry *e;

    for (e = d->table; e != NULL; e = e->hh.next) {
        int stop = visit(ctx, e->text, e->hh.keylen, e->count);

        if (stop != 0) {
            return stop;
        }
    }
    return 0;
}

void dict_free(struct dict **d)
{
    struct entry *e, *next;

    if (*d == NULL) {
        return;
    }
    e = (*d)->table;
    HASH_CLEAR(hh, (*d)->table); /* the table only: the entries are still linked by `next` */
    for (; e != NULL; e = next) {
        next = e->hh.next;
        free(e);
    }
    free(*d);
    *d = NULL;
}
