/* multipart/form-data in pieces; see multipart.h.
 *
 * What ends a part is CR LF "--" boundary. A boundary has no CR, so what was held back as the
 * beginning of one can only begin another with the byte that did not fit. The first boundary may
 * stand at the very beginning: the body counts as if CR LF came before it.
 */
#include "http/multipart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define MAX_BOUNDARY 70   /* RFC 2046 */
#define MAX_HEADERS  8192 /* of a part */
#define MAX_NAME     64

enum phase { PHASE_PREAMBLE, PHASE_AFTER, PHASE_HEADERS, PHASE_BODY, PHASE_END };

struct multipart {
    char delimiter[MAX_BOUNDARY + 5]; /* CR LF - - and the boundary */
    size_t len, matched;
    enum phase phase;
    struct buf headers; /* of the part under way; in PHASE_AFTER what follows the boundary */
};

int multipart_new(const char *content_type, struct multipart **out, struct err *err)
{
    const char *p = content_type;
    struct multipart *m;
    size_t n;

    while ((p = strchr(p, ';')) != NULL) {
        p += 1 + strspn(p + 1, " \t");
        if (strncasecmp(p, "boundary=", 9) == 0) {
            break;
        }
    }
    p = p != NULL ? p + 9 : "";
    n = *p == '"' ? strcspn(++p, "\"") : strcspn(p, "; \t");
    if (n == 0 || n > MAX_BOUNDARY || memchr(p, '\r', n) != NULL) {
        return err_set(err, ERR_SYNTAX,
                       "multipart/form-data comes with a boundary of 1 to %d "
                       "characters in its Content-Type",
                       MAX_BOUNDARY);
    }
    m = xcalloc(1, sizeof *m);
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, p, n);
    m->len = n + 4;
    m->matched = 2;
    *out = m;
    return 0;
}

void multipart_free(struct multipart **m)
{
    if (*m != NULL) {
        buf_fini(&(*m)->headers);
        free(*m);
        *m = NULL;
    }
}

/* ---- headers ----------------------------------------------------------------------------- */

/* The value of `key="..."` among a header's parameters into name; false: it is not there. */
static bool find_parameter(const char *line, size_t len, const char *key, char *name)
{
    size_t key_len = strlen(key), i, n = 0;

    for (i = 1; i + key_len < len; i++) {
        if (strncasecmp(line + i, key, key_len) != 0 ||
            (line[i - 1] != ' ' && line[i - 1] != ';')) {
            continue;
        }
        for (i += key_len; i < len && line[i] != '"' && n < MAX_NAME; i++) {
            name[n++] = line[i];
        }
        name[n] = '\0';
        return n > 0 && i < len && line[i] == '"' && memchr(name, '\0', n) == NULL &&
               text_is_utf8(name, n);
    }
    return false;
}

/* The headers are in: what is the part's name? */
static int take_headers(struct multipart *m, const struct multipart_sink *sink, struct err *err)
{
    const char *line = m->headers.data, *end = line + m->headers.len;
    char name[MAX_NAME + 1];

    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((stop != NULL ? stop : end) - line);

        if (len > 20 && strncasecmp(line, "content-disposition:", 20) == 0 &&
            find_parameter(line + 20, len - 20, "name=\"", name)) {
            return sink->part(sink->arg, name, err);
        }
        line += len + 1;
    }
    return err_set(err, ERR_SYNTAX, "a part of the form has no name (at most %d bytes of UTF-8)",
                   MAX_NAME);
}

/* One byte of what stands between a boundary and a part's bytes. */
static int take_header_byte(struct multipart *m, char c, const struct multipart_sink *sink,
                            struct err *err)
{
    const char *h;
    size_t n;

    if (m->headers.len == MAX_HEADERS) {
        return err_set(err, ERR_SYNTAX, "the headers of a part of the form are too long");
    }
    if (buf_append(&m->headers, &c, 1) != 0) {
        return err_set(err, ERR_NO_MEMORY, "not enough memory to read the form");
    }
    h = m->headers.data;
    n = m->headers.len;
    if (m->phase == PHASE_AFTER) {
        if (n < 2) {
            return 0;
        }
        if (memcmp(h, "--", 2) == 0) {
            m->phase = PHASE_END;
            return 0;
        }
        if (memcmp(h, "\r\n", 2) != 0) {
            return err_set(err, ERR_SYNTAX, "the form is damaged: no line ends after a boundary");
        }
        m->phase = PHASE_HEADERS;
        return 0;
    }
    if (n < 4 || memcmp(h + n - 4, "\r\n\r\n", 4) != 0) {
        return 0;
    }
    m->phase = PHASE_BODY;
    m->matched = 0;
    return take_headers(m, sink, err);
}

/* ---- bytes --------------------------------------------------------------------------------- */

static int give(const struct multipart *m, const void *bytes, size_t len,
                const struct multipart_sink *sink, struct err *err)
{
    return m->phase == PHASE_BODY && len > 0 ? sink->bytes(sink->arg, bytes, len, err) : 0;
}

/* Bytes of a part, or of what stands before the first; *used of them. */
static int take_bytes(struct multipart *m, const char *p, size_t len, size_t *used,
                      const struct multipart_sink *sink, struct err *err)
{
    const char *cr;
    size_t held;

    if (m->matched == 0) {
        cr = memchr(p, '\r', len);
        *used = cr != NULL ? (size_t)(cr - p) : len;
        if (*used > 0) {
            return give(m, p, *used, sink, err);
        }
    }
    if (*p == m->delimiter[m->matched]) {
        *used = 1;
        if (++m->matched == m->len) {
            m->phase = PHASE_AFTER;
            buf_clear(&m->headers);
        }
        return 0;
    }
    held = m->matched; /* they were no boundary; the byte is looked at again */
    m->matched = 0;
    *used = 0;
    return give(m, m->delimiter, held, sink, err);
}

int multipart_feed(struct multipart *m, const void *bytes, size_t len,
                   const struct multipart_sink *sink, struct err *err)
{
    const char *p = bytes, *end = p + len;
    int rc = 0;

    while (rc == 0 && p < end && m->phase != PHASE_END) { /* what follows the end is nobody's */
        size_t used = 1;

        rc = m->phase == PHASE_PREAMBLE || m->phase == PHASE_BODY
                 ? take_bytes(m, p, (size_t)(end - p), &used, sink, err)
                 : take_header_byte(m, *p, sink, err);
        p += used;
    }
    return rc;
}

int multipart_finish(const struct multipart *m, struct err *err)
{
    return m->phase == PHASE_END
               ? 0
               : err_set(err, ERR_SYNTAX, "the form ends early: its last boundary is missing");
}
