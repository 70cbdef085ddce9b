/* Tokens: what is good and what is not, and what a changed file grants. The file itself is in
 * check_token_file.c. */
#include <pthread.h>
#include <stdatomic.h>

#include "tokens_help.h"


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
    tcase_add_test(tc, asked_while_it_changes);
    tcase_add_test(tc, scopes_have_names);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
