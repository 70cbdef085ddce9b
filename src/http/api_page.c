/* The dashboard: assets embedded at build, gzip-compressed; who does not take gzip gets them
 * inflated. A name is looked up in a table, never in a file system. With --ui-dir the table's files
 * are read from that folder at each request, for who works on the page; no other name is opened.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "http/api.h"
#include "http/media.h"
#include "http/page.h"
#include "http/respond.h"

/* Scripts, styles and connections of our own only; nobody may frame us. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#define CHUNK     (64u << 10)
#define MOST_FILE (16u << 20) /* of --ui-dir */

static const struct {
    const char *path, *name, *type;
} files[] = {
    {"/", "index.html", "text/html; charset=utf-8"},
    {"/app.js", "app.js", "text/javascript; charset=utf-8"},
    {"/app.css", "app.css", "text/css; charset=utf-8"},
    {"/examples.json", "examples.json", "application/json"},
};

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

static bool file_asset(struct request *req, const char *dir)
{
    struct err err = ERR_INIT;
    struct buf text = BUF_INIT;
    void *bytes = NULL;
    size_t len = 0, i = 0;
    int folder = -1;

    while (i < sizeof files / sizeof files[0] && strcmp(files[i].path, req->path) != 0) {
        i++;
    }
    if (i == sizeof files / sizeof files[0]) {
        return false;
    }
    respond_header(req, "Content-Security-Policy", "%s", POLICY);
    if (file_folder_open(dir, "--ui-dir", &folder, &err) != 0 ||
        file_load(folder, files[i].name, "page", MOST_FILE, &bytes, &len, &err) != 0) {
        respond_problem(req, MHD_HTTP_NOT_FOUND, "%s cannot be read in --ui-dir", files[i].name);
    } else if (buf_append(&text, bytes, len) != 0) {
        respond_problem(req, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the page");
    } else {
        respond_text(req, MHD_HTTP_OK, files[i].type, &text);
    }
    if (folder >= 0) {
        file_folder_close(&folder);
    }
    err_fini(&err);
    buf_fini(&text);
    free(bytes);
    return true;
}

bool api_page_asset(struct request *req)
{
    const struct server_context *c = req->context;
    const struct page_asset *asset = page_find(req->path);
    struct buf plain = BUF_INIT;

    if (c->ui_dir != NULL) {
        return file_asset(req, c->ui_dir);
    }
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
