/* For the tests of tokens: a folder that goes away with the file in it, and asking what a token
 * grants. */
#ifndef MLPD_TESTS_TOKENS_HELP_H
#define MLPD_TESTS_TOKENS_HELP_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "file_faults.h"
#include "http/token_file.h"
#include "http/tokens.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char dir[64], path[96];

static inline int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(name);
}

static inline void setup(void)
{
    hash_start();
    log_set_level(LOG_ERROR); /* lines that are none are warned of */
    (void)snprintf(dir, sizeof dir, "/tmp/mlpd-tokens-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/tokens", dir);
}

static inline void teardown(void)
{
    file_hook = NULL;
    ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void create(enum route_scope scope, const char *note, char text[TOKEN_TEXT_LEN])
{
    struct err err = ERR_INIT;

    ck_assert_msg(tokens_create(path, scope, note, text, &err) == 0, "%s", err.detail);
}

static inline struct tokens *opened(void)
{
    struct tokens *tokens = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(tokens_new(path, &tokens, &err) == 0, "%s", err.detail);
    return tokens;
}

static inline void reload(struct tokens *tokens)
{
    struct err err = ERR_INIT;

    ck_assert_msg(tokens_reload(tokens, &err) == 0, "%s", err.detail);
}

/* SCOPE_OPEN: it is not good. */
static inline enum route_scope granted(struct tokens *tokens, const char *authorization)
{
    char id[TOKEN_ID_LEN] = "before";
    enum route_scope scope = SCOPE_OPEN;

    if (!tokens_check(tokens, authorization, &scope, id)) {
        ck_assert_int_eq(scope, SCOPE_OPEN);
        ck_assert_str_eq(id, "before");
        return SCOPE_OPEN;
    }
    ck_assert_int_ne(scope, SCOPE_OPEN);
    ck_assert_ptr_nonnull(strstr(authorization, id));
    return scope;
}

static inline enum route_scope bears(struct tokens *tokens, const char *text)
{
    char line[TOKEN_TEXT_LEN + 16];

    (void)snprintf(line, sizeof line, "Bearer %s", text);
    return granted(tokens, line);
}

static inline void write_file(const char *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static inline char *read_file(const char *name, size_t *len)
{
    static char text[1 << 20];
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    n = read(fd, text, sizeof text - 1);
    ck_assert_int_ge(n, 0);
    ck_assert_int_eq(close(fd), 0);
    text[n] = '\0';
    if (len != NULL) {
        *len = (size_t)n;
    }
    return text;
}

/* A line for the secret above, or with another hash. */
static inline char *line_of(const char *id, const char *scope, const char *rest)
{
    char sha256[HASH_HEX_LEN];

    hash_hex(SECRET, strlen(SECRET), sha256);
    return xasprintf("%s %s %s %s", id, scope, sha256, rest);
}

/* Until the tokens grant what they should, as they look at the file by themselves. */
static inline void becomes(struct tokens *tokens, const char *text, enum route_scope wanted)
{
    const struct timespec briefly = {.tv_nsec = 10000000};
    double until = clock_monotonic() + 20;

    while (bears(tokens, text) != wanted) {
        ck_assert_msg(clock_monotonic() < until, "it never became %d", (int)wanted);
        (void)nanosleep(&briefly, NULL);
    }
}

#endif
