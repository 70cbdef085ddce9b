/* The file of tokens: whose it must be and who may read it, lines that are none, and that a change
 * is there whole or not at all, whatever the disk does and whoever changes it beside. */
#include <errno.h>
#include <sys/wait.h>

#include "tokens_help.h"

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

int main(void)
{
    Suite *suite = suite_create("token file");
    TCase *tc = tcase_create("token file");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, modes);
    tcase_add_test(tc, another_users_file);
    tcase_add_test(tc, what_is_no_file);
    tcase_add_test(tc, lines);
    tcase_add_test(tc, notes);
    tcase_add_test(tc, there_is_a_most);
    tcase_add_test(tc, a_change_is_whole);
    tcase_add_test(tc, a_disk_that_fails);
    tcase_add_test(tc, many_make_some);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
