/* The dashboard: assets embedded at build, gzip-compressed; who does not take gzip gets them
 * inflated. A name is looked up in a table, never in a file system.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/api.h"
#include "http/media.h"
#include "http/page.h"
#include "http/respond.h"

/* Scripts, styles and connections of our own only; nobody may frame us. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#define CHUNK (64u << 10)

static int inflate_asset(const struct page_asset *asset, struct buf *out)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)asset->gz, /* only read */
                  .avail_in = (unsigned)asset->gz_len};
    int rc = Z_OK;

    CHK(inflateInit2(&z, 15 + 16) == Z_OK); /* 15: the largest window, + 16: gzip only */
    while (rc == Z_OK) {
        if (buf_reserve(out, CHUNK) != 0) {
            break;
        }
        z.next_out = (unsigned char *)out->data + out->len;
        z.avail_out = CHUNK;
        rc = inflate(&z, Z_NO_FLUSH);
        out->len += CHUNK - z.avail_out;
        out->data[out->len] = '\0';
    }
    (void)inflateEnd(&z); /* it only frees */
    return rc == Z_STREAM_END ? 0 : -1;
}

bool api_page_asset(struct request *req)
{
    const struct page_asset *asset = page_find(req->path);
    struct buf plain = BUF_INIT;

    if (asset == NULL) {
        return false;
    }
    respond_header(req, "Content-Security-Policy", "%s", POLICY);
    respond_header(req, "Vary", "Accept-Encoding");
    if (media_takes_gzip(request_header(req, "Accept-Encoding"))) {
        respond_static(req, asset->content_type, asset->gz, asset->gz_len, "gzip", asset->etag);
    } else if (inflate_asset(asset, &plain) != 0) {
        respond_problem(req, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the page");
    } else {
        respond_text(req, MHD_HTTP_OK, asset->content_type, &plain);
    }
    buf_fini(&plain);
    return true;
}

/* A build without the dashboard still says what it is. */
static const char no_page[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>mlpd</title>\n"
    "<p>This mlpd was built without its dashboard. "
    "The API is described at <a href=\"/openapi.json\">/openapi.json</a>.\n";

void api_page(struct request *req)
{
    if (!api_page_asset(req)) {
        respond_header(req, "Content-Security-Policy", "%s", POLICY);
        respond_static(req, "text/html; charset=utf-8", no_page, sizeof no_page - 1, NULL, NULL);
    }
}
