/* Packed or plain bytes on their way to a reader; see unpack.h.
 *
 * The first two bytes of each part are held back until both are there: they tell gzip from all
 * else. Plain bytes are counted against the limit before anybody sees them.
 *
 * One thread at a time; no state besides the object.
 */
#include "data/unpack.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/gunzip.h"

struct unpack {
    uint64_t limit, bytes;
    unpack_sink_f *sink;
    void *arg;
    struct gunzip *gunzip; /* NULL: plain bytes, or not known yet */
    unsigned char magic[2];
    size_t n_magic; /* how many of a part's first two bytes are in */
};

struct unpack *unpack_new(uint64_t limit, unpack_sink_f *sink, void *arg)
{
    struct unpack *u = xcalloc(1, sizeof *u);

    u->limit = limit;
    u->sink = sink;
    u->arg = arg;
    return u;
}

void unpack_free(struct unpack **u)
{
    if (*u != NULL) {
        gunzip_free(&(*u)->gunzip);
        free(*u);
        *u = NULL;
    }
}

uint64_t unpack_bytes(const struct unpack *u)
{
    return u->bytes;
}

static int take_plain(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct unpack *u = arg;

    u->bytes += len;
    if (u->bytes > u->limit) {
        return err_set(err, ERR_TOO_LARGE,
                       "the table has more than %" PRIu64 " bytes, which is the limit", u->limit);
    }
    return u->sink(u->arg, bytes, len, err);
}

static int take(struct unpack *u, const void *bytes, size_t len, struct err *err)
{
    return u->gunzip != NULL ? gunzip_feed(u->gunzip, bytes, len, take_plain, u, err)
                             : take_plain(u, bytes, len, err);
}

static int take_first(struct unpack *u, struct err *err)
{
    if (u->n_magic == 2 && u->magic[0] == 0x1f && u->magic[1] == 0x8b) {
        u->gunzip = gunzip_new();
    }
    return u->n_magic != 0 ? take(u, u->magic, u->n_magic, err) : 0;
}

int unpack_feed(struct unpack *u, const void *bytes, size_t len, struct err *err)
{
    const unsigned char *p = bytes;

    while (len != 0 && u->n_magic < 2) {
        u->magic[u->n_magic++] = *p++;
        len--;
        if (u->n_magic == 2 && take_first(u, err) != 0) {
            return -1;
        }
    }
    return len != 0 ? take(u, p, len, err) : 0;
}

int unpack_finish(struct unpack *u, struct err *err)
{
    if (u->n_magic < 2 && take_first(u, err) != 0) {
        return -1;
    }
    if (u->gunzip != NULL && gunzip_finish(u->gunzip, err) != 0) {
        return -1;
    }
    gunzip_free(&u->gunzip);
    u->n_magic = 0;
    return 0;
}
