/* Tokens: what is good and what is not, what a changed, wrong or unreadable file grants, and that
 * a change of it is there whole or not at all. */
#include "http/tokens.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "file_faults.h"
#include "http/token_file.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char dir[64], path[96];

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(name);
}

static void setup(void)
{
    hash_start();
    log_set_level(LOG_ERROR); /* lines that are none are warned of */
    (void)snprintf(dir, sizeof dir, "/tmp/mlpd-tokens-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/tokens", dir);
}

static void teardown(void)
{
    file_hook = NULL;
    ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void create(enum route_scope scope, const char *note, char text[TOKEN_TEXT_LEN])
{
    struct err err = ERR_INIT;

    ck_assert_msg(tokens_create(path, scope, note, text, &err) == 0, "%s", err.detail);
}

static struct tokens *opened(void)
{
    struct tokens *tokens = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(tokens_new(path, &tokens, &err) == 0, "%s", err.detail);
    return tokens;
}

static void reload(struct tokens *tokens)
{
    struct err err = ERR_INIT;

    ck_assert_msg(tokens_reload(tokens, &err) == 0, "%s", err.detail);
}

/* SCOPE_OPEN: it is not good. */
static enum route_scope granted(struct tokens *tokens, const char *authorization)
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

static enum route_scope bears(struct tokens *tokens, const char *text)
{
    char line[TOKEN_TEXT_LEN + 16];

    (void)snprintf(line, sizeof line, "Bearer %s", text);
    return granted(tokens, line);
}

static void write_file(const char *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static char *read_file(const char *name, size_t *len)
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
static char *line_of(const char *id, const char *scope, const char *rest)
{
    char sha256[HASH_HEX_LEN];

    hash_hex(SECRET, strlen(SECRET), sha256);
    return xasprintf("%s %s %s %s", id, scope, sha256, rest);
}

/* Until the tokens grant what they should, as they look at the file by themselves. */
static void becomes(struct tokens *tokens, const char *text, enum route_scope wanted)
{
    const struct timespec briefly = {.tv_nsec = 10000000};
    double until = clock_monotonic() + 20;

    while (bears(tokens, text) != wanted) {
        ck_assert_msg(clock_monotonic() < until, "it never became %d", (int)wanted);
        (void)nanosleep(&briefly, NULL);
    }
}

START_TEST(each_scope_is_granted)
{
    char text[SCOPE_ADMIN + 1][TOKEN_TEXT_LEN];
    struct tokens *tokens;
    enum route_scope scope;
    struct stat st;

    for (scope = SCOPE_READ; scope <= SCOPE_ADMIN; scope++) {
        create(scope, route_scope_name(scope), text[scope]);
        ck_assert_uint_eq(strlen(text[scope]), TOKEN_PREFIX_LEN + TOKEN_ID_LEN + TOKEN_SECRET_LEN);
        ck_assert_int_eq(strncmp(text[scope], TOKEN_PREFIX, TOKEN_PREFIX_LEN), 0);
    }
    tokens = opened();
    ck_assert_uint_eq(tokens_count(tokens), 4);
    for (scope = SCOPE_READ; scope <= SCOPE_ADMIN; scope++) {
        char line[TOKEN_TEXT_LEN + 16];

        ck_assert_int_eq(bears(tokens, text[scope]), scope);
        (void)snprintf(line, sizeof line, "bEARER   %s", text[scope]);
        ck_assert_int_eq(granted(tokens, line), scope);
    }
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    tokens_free(&tokens);
    ck_assert_ptr_null(tokens);
}
END_TEST

START_TEST(the_file_holds_no_secret)
{
    char text[TOKEN_TEXT_LEN];
    const char *file, *secret;

    create(SCOPE_TRAIN, "a note of words", text);
    secret = text + TOKEN_PREFIX_LEN + TOKEN_ID_LEN;
    ck_assert_uint_eq(strlen(secret), TOKEN_SECRET_LEN);
    file = read_file(path, NULL);
    ck_assert_ptr_null(strstr(file, secret));
    ck_assert_ptr_nonnull(strstr(file, " a note of words\n"));
    ck_assert_int_eq(strncmp(file, text + TOKEN_PREFIX_LEN, TOKEN_ID_LEN - 1), 0);
}
END_TEST

START_TEST(what_is_no_token)
{
    static const char *const never[] = {"",
                                        " ",
                                        "Bearer",
                                        "Bearer ",
                                        "Bearer  ",
                                        "Basic dTpw",
                                        "Bearer mlpd_",
                                        "Bearer mlpd__",
                                        "Bearermlpd_",
                                        "Digest x",
                                        "Bearer null",
                                        "Bearer \xff\xfe"};
    char text[TOKEN_TEXT_LEN], other[TOKEN_TEXT_LEN], line[256];
    struct tokens *tokens;
    size_t i;

    create(SCOPE_ADMIN, "", text);
    create(SCOPE_READ, "", other);
    tokens = opened();
    for (i = 0; i < ARRAY_LEN(never); i++) {
        ck_assert_int_eq(granted(tokens, never[i]), SCOPE_OPEN);
    }
    /* one letter is another, at every place of it */
    for (i = 0; i < strlen(text); i++) {
        char kept = text[i];

        text[i] = kept == '0' ? '1' : '0';
        ck_assert_int_eq(bears(tokens, text), SCOPE_OPEN);
        text[i] = kept;
    }
    /* cut off at every place, and longer */
    for (i = 0; i < strlen(text); i++) {
        (void)snprintf(line, sizeof line, "Bearer %.*s", (int)i, text);
        ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    }
    (void)snprintf(line, sizeof line, "Bearer %s0", text);
    ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    (void)snprintf(line, sizeof line, "Bearer %s ", text);
    ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    (void)snprintf(line, sizeof line, "Bearer %s, Bearer %s", text, text);
    ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    (void)snprintf(line, sizeof line, "%s", text);
    ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    (void)snprintf(line, sizeof line, "Basic %s", text);
    ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    /* the id of one, the secret of the other */
    memcpy(other + TOKEN_PREFIX_LEN, text + TOKEN_PREFIX_LEN, TOKEN_ID_LEN - 1);
    ck_assert_int_eq(bears(tokens, other), SCOPE_OPEN);
    ck_assert_int_eq(bears(tokens, text), SCOPE_ADMIN);
    tokens_free(&tokens);
}
END_TEST

/* A hash is no secret: who reads the file can do nothing with it. */
START_TEST(a_hash_opens_nothing)
{
    char text[TOKEN_TEXT_LEN], line[256];
    struct tokens *tokens;
    const char *hash;

    create(SCOPE_ADMIN, "", text);
    tokens = opened();
    hash = strstr(read_file(path, NULL), " admin ") + strlen(" admin ");
    (void)snprintf(line, sizeof line, "Bearer " TOKEN_PREFIX "%.*s_%.64s", TOKEN_ID_LEN - 1,
                   text + TOKEN_PREFIX_LEN, hash);
    ck_assert_uint_eq(strlen(line), strlen("Bearer ") + strlen(text));
    ck_assert_int_eq(granted(tokens, line), SCOPE_OPEN);
    tokens_free(&tokens);
}
END_TEST

START_TEST(listed_and_revoked)
{
    char text[3][TOKEN_TEXT_LEN], id[TOKEN_ID_LEN];
    struct err err = ERR_INIT;
    struct token *list = NULL;
    struct tokens *tokens;
    size_t n = 0;

    create(SCOPE_READ, "first", text[0]);
    create(SCOPE_TRAIN, "", text[1]);
    create(SCOPE_ADMIN, "the third, \xc3\xa4", text[2]);
    ck_assert_int_eq(tokens_list(path, &list, &n, &err), 0);
    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(list[0].note, "first");
    ck_assert_str_eq(list[1].note, "");
    ck_assert_str_eq(list[2].note, "the third, \xc3\xa4");
    ck_assert_int_eq(list[1].scope, SCOPE_TRAIN);
    ck_assert_uint_eq(strlen(list[1].created), strlen("2026-01-02T03:04:05.678Z"));
    memcpy(id, list[1].id, sizeof id);
    free(list);

    tokens = opened();
    ck_assert_int_eq(tokens_revoke(path, id, &err), 0);
    ck_assert_int_eq(tokens_revoke(path, id, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    err_fini(&err);
    ck_assert_int_eq(tokens_revoke(path, "", &err), -1);
    err_fini(&err);
    ck_assert_int_eq(bears(tokens, text[1]), SCOPE_TRAIN); /* it has looked this second */
    reload(tokens);
    ck_assert_int_eq(bears(tokens, text[1]), SCOPE_OPEN);
    ck_assert_int_eq(bears(tokens, text[0]), SCOPE_READ);
    ck_assert_int_eq(bears(tokens, text[2]), SCOPE_ADMIN);
    ck_assert_int_eq(tokens_list(path, &list, &n, &err), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(list[0].note, "first");
    ck_assert_str_eq(list[1].note, "the third, \xc3\xa4");
    free(list);
    tokens_free(&tokens);
}
END_TEST

START_TEST(changes_are_seen)
{
    char first[TOKEN_TEXT_LEN], second[TOKEN_TEXT_LEN], id[TOKEN_ID_LEN];
    struct tokens *tokens = opened(); /* no file yet */
    struct err err = ERR_INIT;

    ck_assert_uint_eq(tokens_count(tokens), 0);
    create(SCOPE_READ, "", first); /* a new one is good at once */
    ck_assert_int_eq(bears(tokens, first), SCOPE_READ);
    create(SCOPE_TRAIN, "", second);
    ck_assert_int_eq(bears(tokens, second), SCOPE_TRAIN);
    (void)snprintf(id, sizeof id, "%.12s", first + TOKEN_PREFIX_LEN);
    ck_assert_int_eq(tokens_revoke(path, id, &err), 0);
    becomes(tokens, first, SCOPE_OPEN);
    ck_assert_int_eq(bears(tokens, second), SCOPE_TRAIN);
    ck_assert_int_eq(unlink(path), 0);
    becomes(tokens, second, SCOPE_OPEN);
    ck_assert_uint_eq(tokens_count(tokens), 0);
    tokens_free(&tokens);
}
END_TEST

START_TEST(modes)
{
    static const mode_t wrong[] = {0640, 0604, 0644, 0660, 0601, 0777};
    char text[TOKEN_TEXT_LEN];
    struct tokens *tokens, *none = NULL;
    struct err err = ERR_INIT;
    size_t i;

    create(SCOPE_ADMIN, "", text);
    tokens = opened();
    for (i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_int_eq(chmod(path, wrong[i]), 0);
        ck_assert_int_eq(tokens_new(path, &none, &err), -1);
        ck_assert_ptr_null(none);
        ck_assert_ptr_nonnull(strstr(err.detail, "0600"));
        err_fini(&err);
        ck_assert_int_eq(tokens_reload(tokens, &err), -1);
        err_fini(&err);
        ck_assert_int_eq(bears(tokens, text), SCOPE_OPEN);
        ck_assert_int_eq(tokens_create(path, SCOPE_READ, "", text, &err), -1);
        err_fini(&err);
    }
    ck_assert_int_eq(chmod(path, 0600), 0);
    becomes(tokens, text, SCOPE_ADMIN);
    ck_assert_int_eq(chmod(path, 0644), 0);
    becomes(tokens, text, SCOPE_OPEN);
    ck_assert_int_eq(chmod(path, 0400), 0);
    becomes(tokens, text, SCOPE_ADMIN);
    tokens_free(&tokens);
}
END_TEST

START_TEST(another_users_file)
{
    char text[TOKEN_TEXT_LEN];
    struct tokens *tokens = NULL;
    struct err err = ERR_INIT;
    struct stat st;

    if (geteuid() != 0) {
        printf("another user's token file: NOT TRIED, for only root can make one\n");
        return;
    }
    create(SCOPE_ADMIN, "", text);
    ck_assert_int_eq(chown(path, 12345, 12345), 0);
    ck_assert_int_eq(tokens_new(path, &tokens, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.detail, "another user"));
    err_fini(&err);
    /* what root makes is for the daemon whose state it is */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(chown(dir, 12345, 12346), 0);
    create(SCOPE_ADMIN, "", text);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 12345);
    ck_assert_uint_eq(st.st_gid, 12346);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(what_is_no_file)
{
    struct tokens *tokens = NULL;
    struct err err = ERR_INIT;
    char text[TOKEN_TEXT_LEN], other[128];
    static char large[(size_t)TOKENS_MOST * 256 + 1];

    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(tokens_new(path, &tokens, &err), -1);
    err_fini(&err);
    ck_assert_int_eq(rmdir(path), 0);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(tokens_new(path, &tokens, &err), -1);
    err_fini(&err);
    ck_assert_int_eq(unlink(path), 0);

    create(SCOPE_ADMIN, "", text);
    (void)snprintf(other, sizeof other, "%s/other", dir);
    ck_assert_int_eq(rename(path, other), 0);
    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_int_eq(tokens_new(path, &tokens, &err), -1);
    err_fini(&err);
    ck_assert_int_eq(unlink(path), 0);

    memset(large, '\n', sizeof large);
    write_file(large, sizeof large, 0600);
    ck_assert_int_eq(tokens_new(path, &tokens, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    err_fini(&err);

    /* no folder is no file: the daemon makes it later; but nobody may write there */
    (void)snprintf(path, sizeof path, "%s/none/tokens", dir);
    tokens = opened();
    ck_assert_uint_eq(tokens_count(tokens), 0);
    tokens_free(&tokens);
    ck_assert_int_eq(tokens_create(path, SCOPE_READ, "", text, &err), -1);
    err_fini(&err);
}
END_TEST

START_TEST(lines)
{
    static const char rest[] = "2026-01-02T03:04:05.678Z";
    const struct {
        const char *id, *scope, *rest;
        bool good;
    } cases[] = {
        {"00000000000a", "read", "2026-01-02T03:04:05.678Z ", true},
        {"00000000000b", "admin", "2026-01-02T03:04:05.678Z a  note ", true},
        {"00000000000c", "train", "2026-01-02T03:04:05.678Z", false}, /* no blank before the note */
        {"00000000000d", "open", "2026-01-02T03:04:05.678Z ", false},
        {"00000000000e", "Admin", "2026-01-02T03:04:05.678Z ", false},
        {"00000000000f", "", "2026-01-02T03:04:05.678Z ", false},
        {"00000000001A", "read", "2026-01-02T03:04:05.678Z ", false},
        {"00000000001", "read", "2026-01-02T03:04:05.678Z ", false},
        {"0000000000111", "read", "2026-01-02T03:04:05.678Z ", false},
        {" 00000000001b", "read", "2026-01-02T03:04:05.678Z ", false},
        {"00000000001c", "read", "yesterday ", false},
        {"00000000001d", "read", "2026-01-02T03:04:05.678Z a\tb", false},
        {"00000000001e", "read", "2026-01-02T03:04:05.678Z \xff", false},
        {"00000000001f", "read", "2026-01-02T03:04:05.678Z note\r", false},
        {"000000000020", "read",
         "2026-01-02T03:04:05.678Z "
         "12345678901234567890123456789012345678901234567890123456789012345",
         false},
        {"000000000021", "read",
         "2026-01-02T03:04:05.678Z "
         "1234567890123456789012345678901234567890123456789012345678901234",
         true},
        {"00000000000a", "admin", "2026-01-02T03:04:05.678Z the same id again", false},
        {"#00000000022", "read", "2026-01-02T03:04:05.678Z ", false},
        {"000000000023", "predict", "2026-01-02T03:04:05.678Z last, without an end", true},
    };
    char file[8192] = "", text[TOKEN_TEXT_LEN];
    struct tokens *tokens;
    size_t i, n_good = 0;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        char *line = line_of(cases[i].id, cases[i].scope, cases[i].rest);
        size_t len = strlen(file);

        (void)snprintf(file + len, sizeof file - len, "%s%s", line,
                       i + 1 < ARRAY_LEN(cases) ? "\n\n" : "");
        free(line);
        n_good += cases[i].good;
    }
    write_file(file, strlen(file), 0600);
    tokens = opened();
    ck_assert_uint_eq(tokens_count(tokens), n_good);
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        enum route_scope scope = SCOPE_OPEN;

        (void)snprintf(text, sizeof text, TOKEN_PREFIX "%.12s_" SECRET, cases[i].id);
        if (cases[i].good) {
            ck_assert(route_scope_parse(cases[i].scope, &scope));
        } else if (i == 16) {
            scope = SCOPE_READ; /* the first one with that id */
        }
        ck_assert_msg(bears(tokens, text) == scope, "line %zu", i);
    }
    tokens_free(&tokens);

    /* a NUL hides nothing after it */
    i = (size_t)snprintf(file, sizeof file, "00000000000a read ");
    hash_hex(SECRET, strlen(SECRET), file + i);
    i += HASH_HEX_LEN - 1;
    i += (size_t)snprintf(file + i, sizeof file - i, " %s x", rest);
    write_file(file, i + 1, 0600);
    tokens = opened();
    ck_assert_uint_eq(tokens_count(tokens), 0);
    tokens_free(&tokens);
}
END_TEST

START_TEST(notes)
{
    static const char *const wrong[] = {
        "two\nlines", "bell\a",
        "\x7f",       "\xff",
        "tab\t",      "12345678901234567890123456789012345678901234567890123456789012345"};
    char text[TOKEN_TEXT_LEN] = "as it was";
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_int_eq(tokens_create(path, SCOPE_READ, wrong[i], text, &err), -1);
        ck_assert_int_eq(err.code, ERR_INVALID);
        err_fini(&err);
        ck_assert_str_eq(text, "as it was");
        ck_assert_int_ne(access(path, F_OK), 0);
    }
}
END_TEST

START_TEST(there_is_a_most)
{
    char *file = xcalloc(1, (size_t)TOKENS_MOST * 256), text[TOKEN_TEXT_LEN], id[32];
    struct err err = ERR_INIT;
    struct tokens *tokens;
    size_t len = 0;
    unsigned i;

    for (i = 0; i < TOKENS_MOST; i++) {
        char *line;

        (void)snprintf(id, sizeof id, "%012x", i);
        line = line_of(id, "read", "2026-01-02T03:04:05.678Z ");
        len += (size_t)snprintf(file + len, 256, "%s\n", line);
        free(line);
    }
    write_file(file, len, 0600);
    free(file);
    tokens = opened();
    ck_assert_uint_eq(tokens_count(tokens), TOKENS_MOST);
    ck_assert_int_eq(bears(tokens, TOKEN_PREFIX "0000000003e7_" SECRET), SCOPE_READ);
    ck_assert_int_eq(tokens_create(path, SCOPE_READ, "", text, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    err_fini(&err);
    ck_assert_int_eq(tokens_revoke(path, "000000000000", &err), 0);
    ck_assert_int_eq(tokens_create(path, SCOPE_READ, "", text, &err), 0);
    tokens_free(&tokens);
}
END_TEST

/* Every operation fails once, and from then on: the tokens are those before or those after. */
START_TEST(a_change_is_whole)
{
    char text[TOKEN_TEXT_LEN], fresh[TOKEN_TEXT_LEN], id[TOKEN_ID_LEN];
    struct tokens *tokens;
    int failures = 0, rc;
    long nth;

    create(SCOPE_ADMIN, "", text);
    for (nth = 1;; nth++) {
        struct err err = ERR_INIT;
        bool met;

        faults_set(nth, nth % 2 == 0, nth % 3 == 0 ? ENOSPC : EIO);
        memset(fresh, 0, sizeof fresh);
        rc = tokens_create(path, SCOPE_READ, "", fresh, &err);
        met = faults_end();
        failures += rc != 0;
        ck_assert_int_eq(rc != 0, err_is(&err));
        err_fini(&err);
        tokens = opened();
        ck_assert_int_eq(bears(tokens, text), SCOPE_ADMIN);
        if (rc != 0) {
            ck_assert_str_eq(fresh, "");
        } else {
            ck_assert_int_eq(bears(tokens, fresh), SCOPE_READ);
            (void)snprintf(id, sizeof id, "%.12s", fresh + TOKEN_PREFIX_LEN);
            ck_assert_int_eq(tokens_revoke(path, id, &err), 0);
        }
        tokens_free(&tokens);
        if (!met) {
            break;
        }
    }
    ck_assert_int_ge(failures, 8);
    ck_assert_int_eq(rc, 0);
}
END_TEST

/* Reading that fails grants nothing, and heals by itself. */
START_TEST(a_disk_that_fails)
{
    struct tokens *tokens;
    char text[TOKEN_TEXT_LEN];
    struct err err = ERR_INIT;
    long nth;

    create(SCOPE_ADMIN, "", text);
    tokens = opened();
    for (nth = 1; nth <= 3; nth++) { /* folder, file, bytes */
        faults_set(nth, true, EIO);
        ck_assert_int_eq(tokens_reload(tokens, &err), -1);
        ck_assert(faults_end());
        err_fini(&err);
        ck_assert_int_eq(bears(tokens, text), SCOPE_OPEN);
    }
    becomes(tokens, text, SCOPE_ADMIN); /* though the file is the same */
    tokens_free(&tokens);
}
END_TEST

/* Several at once lose nobody's token. */
START_TEST(many_make_some)
{
    enum { PROCESSES = 4, EACH = 5 };
    struct tokens *tokens;
    int i, status;

    for (i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            char text[TOKEN_TEXT_LEN];
            struct err err = ERR_INIT;
            int n, rc = 0;

            for (n = 0; n < EACH && rc == 0; n++) {
                rc = tokens_create(path, SCOPE_READ, "", text, &err);
            }
            _exit(rc == 0 ? 0 : 1);
        }
    }
    for (i = 0; i < PROCESSES; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    tokens = opened();
    ck_assert_uint_eq(tokens_count(tokens), PROCESSES * EACH);
    tokens_free(&tokens);
}
END_TEST

/* ---- threads ---- */

static atomic_bool done;
static struct tokens *shared;
static char lasting[TOKEN_TEXT_LEN];

static void *ask(void *arg)
{
    size_t *asked = arg;

    while (!atomic_load(&done)) {
        ck_assert_int_eq(bears(shared, lasting), SCOPE_TRAIN);
        *asked += 1;
    }
    return NULL;
}

START_TEST(asked_while_it_changes)
{
    pthread_t threads[3];
    size_t asked[3] = {0}, i;
    char text[TOKEN_TEXT_LEN], id[TOKEN_ID_LEN];
    struct err err = ERR_INIT;

    create(SCOPE_TRAIN, "", lasting);
    shared = opened();
    atomic_store(&done, false);
    for (i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_create(&threads[i], NULL, ask, &asked[i]));
    }
    for (i = 0; i < 25; i++) {
        create(SCOPE_READ, "", text);
        reload(shared);
        ck_assert_int_eq(bears(shared, text), SCOPE_READ);
        (void)snprintf(id, sizeof id, "%.12s", text + TOKEN_PREFIX_LEN);
        ck_assert_int_eq(tokens_revoke(path, id, &err), 0);
        reload(shared);
        ck_assert_int_eq(bears(shared, text), SCOPE_OPEN);
    }
    atomic_store(&done, true);
    for (i = 0; i < ARRAY_LEN(threads); i++) {
        PTOK(pthread_join(threads[i], NULL));
        ck_assert_uint_gt(asked[i], 0);
    }
    tokens_free(&shared);
}
END_TEST

START_TEST(scopes_have_names)
{
    enum route_scope scope, out = SCOPE_OPEN;

    for (scope = SCOPE_READ; scope <= SCOPE_ADMIN; scope++) {
        ck_assert(route_scope_parse(route_scope_name(scope), &out));
        ck_assert_int_eq(out, scope);
    }
    ck_assert(!route_scope_parse("open", &out));
    ck_assert(!route_scope_parse("", &out));
    ck_assert(!route_scope_parse("READ", &out));
    ck_assert_int_eq(out, SCOPE_ADMIN);
    ck_assert(SCOPE_READ < SCOPE_PREDICT && SCOPE_PREDICT < SCOPE_TRAIN &&
              SCOPE_TRAIN < SCOPE_ADMIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokens");
    TCase *tc = tcase_create("tokens");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, each_scope_is_granted);
    tcase_add_test(tc, the_file_holds_no_secret);
    tcase_add_test(tc, what_is_no_token);
    tcase_add_test(tc, a_hash_opens_nothing);
    tcase_add_test(tc, listed_and_revoked);
    tcase_add_test(tc, changes_are_seen);
    tcase_add_test(tc, modes);
    tcase_add_test(tc, another_users_file);
    tcase_add_test(tc, what_is_no_file);
    tcase_add_test(tc, lines);
    tcase_add_test(tc, notes);
    tcase_add_test(tc, there_is_a_most);
    tcase_add_test(tc, a_change_is_whole);
    tcase_add_test(tc, a_disk_that_fails);
    tcase_add_test(tc, many_make_some);
    tcase_add_test(tc, asked_while_it_changes);
    tcase_add_test(tc, scopes_have_names);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
