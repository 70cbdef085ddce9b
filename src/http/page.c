/* The dashboard's files as the assembler put them into read-only memory.
 *
 * web/build.mjs makes and compresses them; nothing here or in the server opens a file for a URL,
 * so no path can lead out of this list. An ETag is the hash of the compressed bytes: another
 * build of the page is another tag, the same page has the same tag after a restart, and a browser
 * that comes back gets 304. The tags are computed once, on the first call.
 *
 * Built with --disable-web the list is empty and the server answers 404 at "/".
 */
#include "config.h"

#include "http/page.h"

#ifdef MLPD_WEB

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/embed.h"
#include "base/hash.h"

EMBED(page_index_html, "index.html.gz");
EMBED(page_app_js, "app.js.gz");
EMBED(page_app_css, "app.css.gz");
EMBED(page_examples, "examples.json.gz");

/* Written by page_start alone, before any reader gets past pthread_once. */
static struct page_asset assets[] = {
    {.path = "/", .content_type = "text/html; charset=utf-8", .gz = page_index_html},
    {.path = "/app.js", .content_type = "text/javascript; charset=utf-8", .gz = page_app_js},
    {.path = "/app.css", .content_type = "text/css; charset=utf-8", .gz = page_app_css},
    {.path = "/examples.json", .content_type = "application/json", .gz = page_examples},
};
#define N_ASSETS (sizeof assets / sizeof assets[0])

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void page_start(void)
{
    /* Lengths are differences of symbols, which C does not take for constants. */
    const size_t lengths[N_ASSETS] = {EMBED_LEN(page_index_html), EMBED_LEN(page_app_js),
                                      EMBED_LEN(page_app_css), EMBED_LEN(page_examples)};
    for (size_t i = 0; i < N_ASSETS; i++) {
        char hex[HASH_HEX_LEN];
        assets[i].gz_len = lengths[i];
        hash_hex(assets[i].gz, assets[i].gz_len, hex);
        snprintf(assets[i].etag, sizeof assets[i].etag, "\"%.32s\"", hex);
    }
}

const struct page_asset *page_all(size_t *n)
{
    (void)pthread_once(&once, page_start);
    *n = N_ASSETS;
    return assets;
}

const struct page_asset *page_find(const char *path)
{
    size_t n;
    const struct page_asset *all = page_all(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].path, path) == 0) return &all[i];
    return NULL;
}

#else

const struct page_asset *page_all(size_t *n)
{
    *n = 0;
    return NULL;
}

const struct page_asset *page_find(const char *path)
{
    (void)path;
    return NULL;
}

#endif
