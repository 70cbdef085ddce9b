/* Lines of a text that arrives in pieces; see reader_priv.h.
 *
 * A line lies in one buffer until its end is there. What ends a line may change from line to line:
 * LF, CRLF and a lone CR all do. Runs on the reader's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/cell.h"
#include "data/reader_priv.h"

typedef int take_f(void *ctx, char *line, size_t len, struct err *err);

static int whole_line(struct reader_lines *l, take_f *take, void *ctx, struct err *err)
{
    char empty[1] = "", *line = l->line.data != NULL ? l->line.data : empty;
    int rc;

    if (memchr(line, '\0', l->line.len) != NULL) {
        return err_add_cell(err, 0, l->number, NULL, "line %lld: a NUL byte; is this a text?",
                            (long long)l->number);
    }
    if (!text_is_utf8(line, l->line.len)) {
        return err_add_cell(err, 0, l->number, NULL,
                            "line %lld: invalid UTF-8; save the text as UTF-8",
                            (long long)l->number);
    }
    rc = take(ctx, line, l->line.len, err);
    buf_clear(&l->line);
    return rc;
}

int reader_lines_feed(struct reader_lines *l, const char *bytes, size_t len, take_f *take,
                      void *ctx, struct err *err)
{
    const char *p = bytes, *end = bytes + len;

    while (p < end) {
        const char *stop = p;

        if (l->after_cr) {
            l->after_cr = false;
            if (*p == '\n') {
                p++;
                continue;
            }
        }
        while (stop < end && *stop != '\n' && *stop != '\r') {
            stop++;
        }
        if (l->line.len + (size_t)(stop - p) > READER_MAX_ROW) {
            return err_add_cell(err, 0, l->number, NULL, "line %lld has more than %u MiB",
                                (long long)l->number, READER_MAX_ROW >> 20);
        }
        if (buf_append(&l->line, p, (size_t)(stop - p)) != 0) {
            return err_set(err, ERR_NO_MEMORY, "not enough memory to read the table");
        }
        p = stop;
        if (p == end) {
            return 0;
        }
        l->after_cr = *p++ == '\r';
        if (whole_line(l, take, ctx, err) != 0) {
            return -1;
        }
        l->number++;
    }
    return 0;
}

int reader_lines_finish(struct reader_lines *l, take_f *take, void *ctx, struct err *err)
{
    return l->line.len > 0 ? whole_line(l, take, ctx, err) : 0;
}

size_t reader_utf8(uint32_t c, char *out)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

char *reader_show(const char *s, size_t len)
{
    char *copy, *shown;
    size_t i;

    if (memchr(s, '\0', len) == NULL && text_is_utf8(s, len)) {
        return cell_show(s, len);
    }
    copy = xmalloc(len);
    for (i = 0; i < len; i++) {
        copy[i] = s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?';
    }
    shown = cell_show(copy, len);
    free(copy);
    return shown;
}
