/* A form in pieces: the first byte says of what size, the boundary is "b". In pieces or whole the
 * same parts with the same bytes, or the same refusal.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/text.h"
#include "http/multipart.h"

static int part(void *arg, const char *name, struct err *err)
{
    (void)err;
    FUZZ_TRUE(*name != '\0' && strlen(name) <= 64 && text_is_utf8(name, strlen(name)));
    buf_printf(arg, "[%s]", name);
    return 0;
}

static int bytes_of(void *arg, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    FUZZ_TRUE(len > 0);
    FUZZ_TRUE(buf_append(arg, bytes, len) == 0);
    return 0;
}

static int read_form(const uint8_t *data, size_t size, size_t piece, struct buf *out,
                     struct err *err)
{
    const struct multipart_sink sink = {.part = part, .bytes = bytes_of, .arg = out};
    struct multipart *m = NULL;
    size_t at = 0;
    int rc = multipart_new("multipart/form-data; boundary=b", &m, err);

    while (rc == 0 && at < size) {
        size_t n = size - at < piece ? size - at : piece;

        rc = multipart_feed(m, data + at, n, &sink, err);
        at += n;
    }
    if (rc == 0) {
        rc = multipart_finish(m, err);
    }
    multipart_free(&m);
    fuzz_err(rc, err);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    struct err err = ERR_INIT, again = ERR_INIT;
    struct multipart *m = NULL;
    char *header;
    int rc;

    fuzz_start();
    if (size == 0) {
        return 0;
    }
    rc = read_form(data + 1, size - 1, SIZE_MAX, &whole, &err);
    FUZZ_TRUE(read_form(data + 1, size - 1, 1 + data[0] % 8, &pieces, &again) == rc);
    FUZZ_TRUE(whole.len == pieces.len &&
              (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0));
    FUZZ_TRUE(strcmp(err.detail, again.detail) == 0);
    err_fini(&err);
    header = fuzz_text(data, size);
    rc = multipart_new(header, &m, &err); /* the header is a stranger's too */
    fuzz_err(rc, &err);
    multipart_free(&m);
    free(header);
    buf_fini(&whole);
    buf_fini(&pieces);
    err_fini(&err);
    err_fini(&again);
    return 0;
}
