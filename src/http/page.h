/* The dashboard's files, built into the program. Read-only after the first call; any thread.
 *
 * Each is kept as gzip only: the caller sends it as it is with "Content-Encoding: gzip", and
 * inflates it for the rare client that does not take gzip.
 */
#ifndef MLPD_HTTP_PAGE_H
#define MLPD_HTTP_PAGE_H

#include <stddef.h>

#define PAGE_ETAG_LEN 35 /* 32 hex digits in quotes, and the NUL */

struct page_asset {
    const char *path;         /* "/", "/app.js", "/app.css", "/examples.json" */
    const char *content_type; /* a text's with its charset */
    const unsigned char *gz;  /* one whole gzip member; static */
    size_t gz_len;            /* bytes */
    char etag[PAGE_ETAG_LEN]; /* a strong one, of the content, in quotes: as the header has it */
};

/* The asset at a path of a URL (case matters, no query), or NULL when there is none; always NULL
 * in a program built with --disable-web. */
const struct page_asset *page_find(const char *path);

/* All of them, *n many (0 with --disable-web). */
const struct page_asset *page_all(size_t *n);

#endif
