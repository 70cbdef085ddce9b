/* The token file; see token_file.h and, for what a token is, tokens.h.
 *
 * Reading: any thread. Writing: `mlpd token` alone, in a process of its own, under a lock on the
 * folder: the file is read, changed in memory and replaced by a new one that is on the disk before
 * it has the name. A crash leaves the old file or the new one, and perhaps tokens.new, which the
 * next writer removes. What must hold: the file and the new one are nobody's but the owner's, and
 * a secret is never in them.
 */
#include "http/token_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/private_file.h"
#include "base/text.h"

#define WHAT     "token"
#define MAX_FILE ((size_t)TOKENS_MOST * 256)

/* ---- the table ---- */

void token_table_fini(struct token_table *table)
{
    free(table->entries);
    *table = (struct token_table){.n = 0};
}

const struct token_entry *token_table_find(const struct token_table *table, const char *id)
{
    size_t i;

    for (i = 0; i < table->n; i++) {
        if (strcmp(table->entries[i].token.id, id) == 0) {
            return &table->entries[i];
        }
    }
    return NULL;
}

static void add(struct token_table *table, const struct token_entry *entry)
{
    table->entries = xrealloc(table->entries, (table->n + 1) * sizeof *table->entries);
    table->entries[table->n++] = *entry;
}

/* ---- lines ---- */

/* A note is shown in a terminal: no control characters, no line ends. */
static bool is_note(const char *s, size_t len)
{
    size_t i;

    for (i = 0; i < len && (unsigned char)s[i] >= ' ' && s[i] != 0x7f; i++) {
    }
    return i == len && len < sizeof((struct token *)0)->note && text_is_utf8(s, len);
}

/* The next word up to a blank, of `letters` alone, into out[size]. */
static bool take_word(const char **p, const char *end, const char *letters, char *out, size_t size)
{
    size_t len = strspn(*p, letters);

    if (len == 0 || len >= size || len >= (size_t)(end - *p) || (*p)[len] != ' ') {
        return false;
    }
    memcpy(out, *p, len);
    out[len] = '\0';
    *p += len + 1;
    return true;
}

/* A line without its end; what follows it in memory is a line end or a NUL. */
static bool read_line(const char *p, size_t len, struct token_entry *out)
{
    static const char hex[] = "0123456789abcdef", letters[] = "abcdefghijklmnopqrstuvwxyz";
    const char *end = p + len;
    char scope[16];

    *out = (struct token_entry){.token = {.scope = SCOPE_OPEN}};
    if (!take_word(&p, end, hex, out->token.id, sizeof out->token.id) ||
        strlen(out->token.id) != TOKEN_ID_LEN - 1 ||
        !take_word(&p, end, letters, scope, sizeof scope) ||
        !route_scope_parse(scope, &out->token.scope) || out->token.scope == SCOPE_OPEN ||
        !take_word(&p, end, hex, out->sha256, sizeof out->sha256) ||
        strlen(out->sha256) != HASH_HEX_LEN - 1 ||
        !take_word(&p, end, "0123456789-T:.Z", out->token.created, sizeof out->token.created) ||
        !is_note(p, (size_t)(end - p))) {
        return false;
    }
    memcpy(out->token.note, p, (size_t)(end - p));
    return true;
}

static void read_lines(const char *text, size_t size, struct token_table *table)
{
    const char *p = text, *end = text + size, *stop;
    struct token_entry entry;
    unsigned line;

    for (line = 1; p < end; line++, p = stop + 1) {
        stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop != NULL ? stop : end;
        if (stop == p) {
            continue;
        }
        if (table->n < TOKENS_MOST && read_line(p, (size_t)(stop - p), &entry) &&
            token_table_find(table, entry.token.id) == NULL) {
            add(table, &entry);
        } else {
            log_warn("line %u of the token file is no token, and is left out", line);
        }
    }
}

/* ---- the file ---- */

static struct token_stamp stamp_of(const struct stat *st)
{
    return (struct token_stamp){.there = true,
                                .device = st->st_dev,
                                .inode = st->st_ino,
                                .size = st->st_size,
                                .written = st->st_mtim,
                                .changed = st->st_ctim};
}

struct token_stamp token_file_stamp(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 ? stamp_of(&st) : (struct token_stamp){.there = false};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool token_stamp_equal(const struct token_stamp *a, const struct token_stamp *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && same_time(&a->written, &b->written) &&
           same_time(&a->changed, &b->changed);
}

static int read_in(int folder, const char *name, struct token_table *table,
                   struct token_stamp *stamp, struct err *err)
{
    struct stat st;
    char *text = NULL;
    size_t size = 0;

    if (private_file_read(folder, name, WHAT, MAX_FILE, &text, &size, &st, err) != 0) {
        if (err->code == ERR_NOT_FOUND) {
            err_fini(err);
            *stamp = (struct token_stamp){.there = false};
            return 0;
        }
        return -1;
    }
    *stamp = stamp_of(&st);
    read_lines(text, size, table);
    free(text);
    return 0;
}

int token_file_read(const char *path, struct token_table *table, struct token_stamp *stamp,
                    struct err *err)
{
    char *dir;
    const char *name = private_file_split(path, &dir);
    int folder = -1, rc = 0;

    *table = (struct token_table){.n = 0};
    *stamp = token_file_stamp(path);
    if (stamp->there || errno != ENOENT) { /* no folder is no file */
        rc = file_folder_open(dir, WHAT, &folder, err);
        if (rc == 0) {
            rc = read_in(folder, name, table, stamp, err);
            file_folder_close(&folder);
        }
    }
    free(dir);
    return rc;
}

/* ---- changing it ---- */

static int write_in(int folder, const char *name, const struct token_table *table, struct err *err)
{
    struct buf lines = BUF_INIT;
    size_t i;
    int rc;

    for (i = 0; i < table->n; i++) {
        const struct token_entry *e = &table->entries[i];

        buf_printf(&lines, "%s %s %s %s %s\n", e->token.id, route_scope_name(e->token.scope),
                   e->sha256, e->token.created, e->token.note);
    }
    rc = private_file_replace(folder, name, WHAT, lines.data, lines.len, err);
    buf_fini(&lines);
    return rc;
}

/* The change to make: an entry to add, or else the id of one to remove. */
struct change {
    const struct token_entry *add;
    const char *remove;
};

static int apply(struct token_table *table, const struct change *change, struct err *err)
{
    size_t i;

    if (change->add != NULL) {
        if (table->n >= TOKENS_MOST) {
            return err_set(err, ERR_CONFLICT, "there are %d tokens, which is the most",
                           TOKENS_MOST);
        }
        add(table, change->add);
        return 0;
    }
    for (i = 0; i < table->n && strcmp(table->entries[i].token.id, change->remove) != 0; i++) {
    }
    if (i == table->n) {
        return err_set(err, ERR_NOT_FOUND, "there is no token %.64s", change->remove);
    }
    memmove(&table->entries[i], &table->entries[i + 1],
            (table->n - i - 1) * sizeof *table->entries);
    table->n--;
    return 0;
}

static int change_file(const char *path, const struct change *change, struct err *err)
{
    struct token_table table = {.n = 0};
    struct token_stamp stamp;
    char *dir;
    const char *name = private_file_split(path, &dir);
    int folder = -1, rc = private_file_lock(dir, WHAT, &folder, err);

    if (rc == 0) {
        if (read_in(folder, name, &table, &stamp, err) != 0 || apply(&table, change, err) != 0 ||
            write_in(folder, name, &table, err) != 0) {
            rc = -1;
        }
        file_folder_close(&folder); /* the lock goes with it */
    }
    token_table_fini(&table);
    free(dir);
    return rc;
}

int tokens_create(const char *path, enum route_scope scope, const char *note, char *out,
                  struct err *err)
{
    struct token_entry entry = {.token = {.scope = scope}};
    struct change change = {.add = &entry};
    char secret[TOKEN_SECRET_LEN + 1];
    size_t len = strlen(note);
    int rc;

    CHK(scope > SCOPE_OPEN && scope <= SCOPE_ADMIN);
    if (!is_note(note, len)) {
        return err_set(err, ERR_INVALID,
                       "a note is at most %zu bytes of UTF-8 without control characters",
                       sizeof entry.token.note - 1);
    }
    memcpy(entry.token.note, note, len);
    hash_random_hex((TOKEN_ID_LEN - 1) / 2, entry.token.id);
    hash_random_hex(TOKEN_SECRET_LEN / 2, secret);
    hash_hex(secret, TOKEN_SECRET_LEN, entry.sha256);
    clock_format(clock_now_ms(), entry.token.created);
    rc = change_file(path, &change, err);
    if (rc == 0) {
        (void)snprintf(out, TOKEN_TEXT_LEN, TOKEN_PREFIX "%s_%s", entry.token.id, secret);
    }
    sodium_memzero(secret, sizeof secret);
    return rc;
}

int tokens_list(const char *path, struct token **out, size_t *n, struct err *err)
{
    struct token_table table;
    struct token_stamp stamp;
    struct token *tokens;
    size_t i;

    if (token_file_read(path, &table, &stamp, err) != 0) {
        return -1;
    }
    tokens = xcalloc(table.n + 1, sizeof *tokens);
    for (i = 0; i < table.n; i++) {
        tokens[i] = table.entries[i].token;
    }
    *out = tokens;
    *n = table.n;
    token_table_fini(&table);
    return 0;
}

int tokens_revoke(const char *path, const char *id, struct err *err)
{
    return change_file(path, &(struct change){.remove = id}, err);
}
