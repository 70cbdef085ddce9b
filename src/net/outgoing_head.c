/* What an answer's headers say of its body, as a transfer that may break wants to know it.
 *
 * What cannot be understood is as if it was not there: who asked for a part then sees that this is
 * not the part. Pure, any thread.
 */
#include <stdlib.h>
#include <string.h>

#include "net/outgoing_priv.h"

static const char *header(CURL *easy, const char *name)
{
    struct curl_header *found;

    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value
                                                                                  : "";
}

/* Digits at *text, which goes on behind them. */
static bool read_number(const char **text, uint64_t *out)
{
    size_t n = strspn(*text, "0123456789");

    if (n < 1 || n > 18) {
        return false;
    }
    *out = strtoull(*text, NULL, 10);
    *text += n;
    return true;
}

/* "bytes 5-9/10" or "bytes 5-9/" and a star. */
static void read_range(const char *text, struct outgoing_head *out)
{
    uint64_t first, last, total;

    if (strncmp(text, "bytes ", 6) != 0) {
        return;
    }
    text += 6;
    if (!read_number(&text, &first) || *text++ != '-' || !read_number(&text, &last) ||
        *text++ != '/' || last < first) {
        return;
    }
    out->first = first;
    if (read_number(&text, &total) && *text == '\0' && total > last) {
        out->total = total;
    }
}

void outgoing_head_read(CURL *easy, long status, struct outgoing_head *out)
{
    const char *etag = header(easy, "ETag"), *modified = header(easy, "Last-Modified");
    const char *validator = etag[0] == '"' ? etag : modified; /* a weak tag means less */
    curl_off_t length = -1;

    *out = (struct outgoing_head){.status = status, .first = UINT64_MAX, .total = UINT64_MAX};
    if (strlen(validator) < sizeof out->validator) {
        memcpy(out->validator, validator, strlen(validator) + 1);
    }
    if (status == 206) {
        read_range(header(easy, "Content-Range"), out);
        return;
    }
    out->first = 0;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK &&
        length >= 0) {
        out->total = (uint64_t)length;
    }
}
