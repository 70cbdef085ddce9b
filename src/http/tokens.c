/* The daemon's side of the token file; see tokens.h. What the file looks like is token_file.c's.
 *
 * Any thread of the server. Two locks: `reading` is held by the one thread that looks at the file,
 * which logs and reads under it; `lock` is a leaf and guards the table for as long as one is
 * looked up or put in the other's place. Nobody waits for the disk: while one thread reads, the
 * others go by the table before. What must hold: a file that cannot be read, or that others may
 * read, leaves an empty table, and no secret stays here or goes anywhere; only its hash is kept.
 */
#include "http/tokens.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/token_file.h"

#define TOKENS_MAGIC 0x70ce4501u
#define LOOK_SECONDS 1.0

struct tokens {
    unsigned magic;
    char *path;
    pthread_mutex_t reading; /* before `lock` */
    struct token_stamp seen; /* under `reading` */
    bool sick;               /* the same; it could not be read, and that was said */
    pthread_mutex_t lock;
    struct token_table table; /* under `lock` */
    double look_at;           /* the same; clock_monotonic */
};

/* Read the file and use what it says from now on: nothing, if it cannot be read. */
static int read_reading(struct tokens *t, struct err *err)
{
    struct token_table table = {.n = 0}, before;
    struct token_stamp stamp;
    int rc = token_file_read(t->path, &table, &stamp, err);

    if (rc != 0) {
        token_table_fini(&table);
    }
    t->seen = stamp;
    t->sick = rc != 0;
    PTOK(pthread_mutex_lock(&t->lock));
    before = t->table;
    t->table = table;
    t->look_at = clock_monotonic() + LOOK_SECONDS;
    PTOK(pthread_mutex_unlock(&t->lock));
    token_table_fini(&before);
    return rc;
}

/* Read it if it has changed. One that could not be read may have healed without a trace: when it is
 * due, that is tried again. */
static void look_reading(struct tokens *t, bool due)
{
    struct token_stamp now = token_file_stamp(t->path);
    bool same = token_stamp_equal(&now, &t->seen), was_sick = t->sick;
    struct err err = ERR_INIT;

    if (same && !(was_sick && due)) {
        return;
    }
    if (read_reading(t, &err) == 0) {
        log_info("the tokens have changed: %zu now", t->table.n); /* only `reading` changes it */
    } else if (!same || !was_sick) {
        log_error("%s; no token is good until that is mended", err.detail);
    }
    err_fini(&err);
}

/* At the file: once a second, and for a token that was `missed`, which may be a new one. */
static void look(struct tokens *t, bool missed)
{
    double now = clock_monotonic();
    bool due;
    int rc;

    PTOK(pthread_mutex_lock(&t->lock));
    due = now >= t->look_at;
    if (due) {
        t->look_at = now + LOOK_SECONDS;
    }
    PTOK(pthread_mutex_unlock(&t->lock));
    if (!due && !missed) {
        return;
    }
    rc = pthread_mutex_trylock(&t->reading);
    if (rc == EBUSY) {
        return; /* somebody reads it this moment */
    }
    PTOK(rc);
    look_reading(t, due);
    PTOK(pthread_mutex_unlock(&t->reading));
}

int tokens_new(const char *path, struct tokens **out, struct err *err)
{
    struct tokens *t = xcalloc(1, sizeof *t);

    t->magic = TOKENS_MAGIC;
    t->path = xstrdup(path);
    PTOK(pthread_mutex_init(&t->reading, NULL));
    PTOK(pthread_mutex_init(&t->lock, NULL));
    if (tokens_reload(t, err) != 0) {
        tokens_free(&t);
        return -1;
    }
    *out = t;
    return 0;
}

void tokens_free(struct tokens **tokens)
{
    struct tokens *t = *tokens;

    if (t == NULL) {
        return;
    }
    CHK_OBJ(t, TOKENS_MAGIC);
    *tokens = NULL;
    token_table_fini(&t->table);
    PTOK(pthread_mutex_destroy(&t->lock));
    PTOK(pthread_mutex_destroy(&t->reading));
    free(t->path);
    t->magic = 0;
    free(t);
}

int tokens_reload(struct tokens *tokens, struct err *err)
{
    int rc;

    CHK_OBJ(tokens, TOKENS_MAGIC);
    PTOK(pthread_mutex_lock(&tokens->reading));
    rc = read_reading(tokens, err);
    PTOK(pthread_mutex_unlock(&tokens->reading));
    return rc;
}

size_t tokens_count(struct tokens *tokens)
{
    size_t n;

    CHK_OBJ(tokens, TOKENS_MAGIC);
    PTOK(pthread_mutex_lock(&tokens->lock));
    n = tokens->table.n;
    PTOK(pthread_mutex_unlock(&tokens->lock));
    return n;
}

/* "Bearer mlpd_<id>_<secret>" -> the id, and the hash of the secret. */
static bool take_apart(const char *authorization, char id[TOKEN_ID_LEN], char sha256[HASH_HEX_LEN])
{
    static const char scheme[] = "Bearer ";
    const char *p = authorization;
    size_t len;

    if (strncasecmp(p, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    p += sizeof scheme - 1;
    p += strspn(p, " ");
    len = strlen(p);
    if (len != TOKEN_PREFIX_LEN + TOKEN_ID_LEN + TOKEN_SECRET_LEN ||
        strncmp(p, TOKEN_PREFIX, TOKEN_PREFIX_LEN) != 0 ||
        p[TOKEN_PREFIX_LEN + TOKEN_ID_LEN - 1] != '_') {
        return false;
    }
    p += TOKEN_PREFIX_LEN;
    memcpy(id, p, TOKEN_ID_LEN - 1);
    id[TOKEN_ID_LEN - 1] = '\0';
    hash_hex(p + TOKEN_ID_LEN, TOKEN_SECRET_LEN, sha256);
    return true;
}

static bool find(struct tokens *t, const char *wanted, const char *sha256, enum route_scope *scope)
{
    /* compared with when there is no such id, so that this takes as long */
    static const char nobody[HASH_HEX_LEN] = "";
    const struct token_entry *entry;
    bool good;

    PTOK(pthread_mutex_lock(&t->lock));
    entry = token_table_find(&t->table, wanted);
    good = hash_equal(sha256, entry != NULL ? entry->sha256 : nobody) && entry != NULL;
    if (good) {
        *scope = entry->token.scope;
    }
    PTOK(pthread_mutex_unlock(&t->lock));
    return good;
}

bool tokens_check(struct tokens *tokens, const char *authorization, enum route_scope *scope,
                  char id[TOKEN_ID_LEN])
{
    char wanted[TOKEN_ID_LEN], sha256[HASH_HEX_LEN];
    bool good;

    CHK_OBJ(tokens, TOKENS_MAGIC);
    if (!take_apart(authorization, wanted, sha256)) {
        return false;
    }
    look(tokens, false);
    good = find(tokens, wanted, sha256, scope);
    if (!good) {
        look(tokens, true);
        good = find(tokens, wanted, sha256, scope);
    }
    if (good) {
        memcpy(id, wanted, sizeof wanted);
    }
    return good;
}
