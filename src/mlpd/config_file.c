/* The configuration file, line by line; see config_file.h.
 *
 * The whole file is read first, then looked at, so that a reload never acts on half of one. What
 * must hold: a line is either understood or named as a problem, with the line's number, and all
 * problems are told at once. Main thread.
 */
#include "mlpd/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define BLANKS " \t\r"

/* A line under examination. */
struct reading {
    const char *path;
    const struct config_key *keys;
    size_t n_keys, line;
    struct config_file *out;
    struct err *err;
};

static int slurp(int fd, struct buf *text)
{
    char piece[4096];
    ssize_t n;

    do {
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 || (n > 0 && buf_append(text, piece, (size_t)n) != 0)) {
            return -1;
        }
    } while (n != 0 && text->len <= CONFIG_FILE_MOST);
    return 0;
}

/* A regular file of a size within reason: a reload must not wait for a pipe. */
static int load(const char *path, struct buf *text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = -1;
    struct stat st;

    if (fd < 0) {
        return err_add(err, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)err_add(err, NULL, "cannot read %s: it is not a file", path);
    } else if (slurp(fd, text) != 0) {
        (void)err_add(err, NULL, "cannot read %s: %s", path, strerror(errno));
    } else if (text->len > CONFIG_FILE_MOST) {
        (void)err_add(err, NULL, "cannot read %s: it has more than %u bytes", path,
                      CONFIG_FILE_MOST);
    } else {
        rc = 0;
    }
    (void)close(fd); /* only read */
    return rc;
}

/* The key as it is probably meant: without dashes before it, and with dashes in it. */
static const char *guess(const struct reading *r, const char *word)
{
    const char **names = xcalloc(r->n_keys, sizeof *names), *near;
    char *meant = xstrdup(word + strspn(word, "-")), *p;
    size_t i;

    for (p = meant; *p != '\0'; p++) {
        *p = *p == '_' ? '-' : *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    }
    for (i = 0; i < r->n_keys; i++) {
        names[i] = r->keys[i].name;
    }
    near = text_nearest(meant, names, r->n_keys);
    free(names);
    free(meant);
    return near;
}

static int find_key(const struct reading *r, const char *word, size_t *out)
{
    const char *near;
    size_t i;

    for (i = 0; i < r->n_keys; i++) {
        if (strcmp(r->keys[i].name, word) == 0) {
            *out = i;
            return 0;
        }
    }
    near = guess(r, word);
    return near != NULL
               ? err_add(r->err, NULL, "%s:%zu: unknown key \"%.64s\"; did you mean %s?", r->path,
                         r->line, word, near)
               : err_add(r->err, NULL, "%s:%zu: unknown key \"%.64s\"", r->path, r->line, word);
}

/* The line that gave this key before, or 0. */
static size_t line_of(const struct config_file *file, size_t key)
{
    size_t i;

    for (i = 0; i < file->n; i++) {
        if (file->entries[i].key == key) {
            return file->entries[i].line;
        }
    }
    return 0;
}

static int add(struct reading *r, size_t key, const char *value)
{
    struct config_file *out = r->out;
    size_t before = line_of(out, key);

    if (before != 0 && !r->keys[key].repeatable) {
        return err_add(r->err, NULL, "%s:%zu: %s stands in line %zu already", r->path, r->line,
                       r->keys[key].name, before);
    }
    out->entries = xrealloc(out->entries, (out->n + 1) * sizeof *out->entries);
    out->entries[out->n++] = (struct config_entry){
        .key = key,
        .value = xstrdup(value),
        .source = xasprintf("%s:%zu: %s", r->path, r->line, r->keys[key].name),
        .line = r->line};
    return 0;
}

/* Cut what blanks there are at the end. */
static void trim(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
}

/* A # at the beginning, or after a blank, and all that follows it. */
static void cut_comment(char *text)
{
    char *p;

    for (p = text; *p != '\0'; p++) {
        if (*p == '#' && (p == text || strchr(BLANKS, p[-1]) != NULL)) {
            *p = '\0';
            return;
        }
    }
}

/* `text` is the line's own copy. */
static int take_line(struct reading *r, char *text)
{
    char *equals, *word, *value;
    size_t key = 0;

    cut_comment(text);
    trim(text);
    word = text + strspn(text, BLANKS);
    if (*word == '\0') {
        return 0;
    }
    equals = strchr(word, '=');
    if (equals == NULL || equals == word) {
        return err_add(r->err, NULL, "%s:%zu: a line is KEY = VALUE, not \"%.64s\"", r->path,
                       r->line, word);
    }
    *equals = '\0';
    value = equals + 1 + strspn(equals + 1, BLANKS);
    trim(word);
    if (find_key(r, word, &key) != 0) {
        return -1;
    }
    if (*value == '\0') {
        return err_add(r->err, NULL, "%s:%zu: %s has no value; leave the line out for the default",
                       r->path, r->line, word);
    }
    if (value[0] == '"' || value[0] == '\'') {
        return err_add(r->err, NULL, "%s:%zu: the value of %s stands without quotes", r->path,
                       r->line, word);
    }
    return add(r, key, value);
}

/* Text, with tabs, and \r at the end of lines as some editors have it. */
static bool is_text(const char *line, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];

        if ((c < 0x20 && c != '\t' && !(c == '\r' && i + 1 == len)) || c == 0x7f) {
            return false;
        }
    }
    return text_is_utf8(line, len);
}

static int take_bytes(struct reading *r, const char *line, size_t len)
{
    char *copy;
    int rc;

    if (!is_text(line, len)) {
        return err_add(r->err, NULL, "%s:%zu: this is not text in UTF-8", r->path, r->line);
    }
    copy = xstrndup(line, len);
    rc = take_line(r, copy);
    free(copy);
    return rc;
}

int config_file_read(const char *path, const struct config_key *keys, size_t n_keys,
                     struct config_file *out, struct err *err)
{
    struct reading r = {.path = path, .keys = keys, .n_keys = n_keys, .out = out, .err = err};
    struct buf text = BUF_INIT;
    size_t at = 0, len;
    int rc;

    *out = (struct config_file)CONFIG_FILE_INIT;
    rc = load(path, &text, err);
    while (rc != -1 && at < text.len) {
        const char *line = text.data + at, *end = memchr(line, '\n', text.len - at);

        len = end != NULL ? (size_t)(end - line) : text.len - at;
        r.line++;
        if (r.line == 1 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            line += 3; /* a mark that some editors begin files with */
            at += 3;
            len -= 3;
        }
        if (take_bytes(&r, line, len) != 0) {
            rc = 1;
        }
        at += len + 1;
    }
    buf_fini(&text);
    return rc == 0 ? 0 : -1;
}

void config_file_fini(struct config_file *file)
{
    size_t i;

    for (i = 0; i < file->n; i++) {
        free(file->entries[i].value);
        free(file->entries[i].source);
    }
    free(file->entries);
    *file = (struct config_file)CONFIG_FILE_INIT;
}
