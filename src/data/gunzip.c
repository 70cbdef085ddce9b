/* Gzip in pieces; see gunzip.h. Several members in a row are one stream, as gzip has it. */
#include "data/gunzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

#define BLOCK      (64u << 10)
#define FREE_BYTES (1u << 20)

struct gunzip {
    z_stream z;
    bool ended; /* between members, or after the last */
    uint64_t in, out;
    unsigned char block[BLOCK];
};

struct gunzip *gunzip_new(void)
{
    struct gunzip *g = xcalloc(1, sizeof *g);

    CHK(inflateInit2(&g->z, 15 + 16) == Z_OK); /* 15: the largest window, + 16: gzip only */
    return g;
}

void gunzip_free(struct gunzip **g)
{
    if (*g != NULL) {
        (void)inflateEnd(&(*g)->z); /* it only frees */
        free(*g);
        *g = NULL;
    }
}

int gunzip_feed(struct gunzip *g, const void *bytes, size_t len,
                int (*sink)(void *arg, const void *bytes, size_t len, struct err *err), void *arg,
                struct err *err)
{
    g->in += len;
    /* the library's field takes no const, and only reads */
    g->z.next_in = (unsigned char *)(uintptr_t)bytes;
    g->z.avail_in = (unsigned)len;
    CHK(g->z.avail_in == len);
    do {
        size_t n;
        int rc;

        if (g->ended) {
            if (g->z.avail_in == 0) {
                break;
            }
            CHK(inflateReset(&g->z) == Z_OK);
            g->ended = false;
        }
        g->z.next_out = g->block;
        g->z.avail_out = BLOCK;
        rc = inflate(&g->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return err_add(err, NULL, "the gzip data is damaged");
        }
        n = BLOCK - g->z.avail_out;
        g->out += n;
        if (g->out > FREE_BYTES + GUNZIP_RATIO * g->in) {
            return err_set(err, ERR_TOO_LARGE,
                           "the gzip data grows more than %d times, which is the limit",
                           GUNZIP_RATIO);
        }
        g->ended = rc == Z_STREAM_END;
        if (n != 0 && sink(arg, g->block, n, err) != 0) {
            return -1;
        }
    } while (g->z.avail_in != 0 || g->z.avail_out == 0);
    return 0;
}

int gunzip_finish(const struct gunzip *g, struct err *err)
{
    return g->ended ? 0 : err_add(err, NULL, "the gzip data ends early");
}
