/* The world of the tests of access; see access.h.
 *
 * Things are made while no token is needed; tokens are made while no daemon runs, so that the one
 * which is started then has read them all.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "access.h"

char *credentials[CREDENTIALS], *ids[IDS];

static char *token_of(const char *state, const char *scope)
{
    const char *out = NULL;

    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--state", state,
                                                      "--scope", scope, NULL},
                                &out, NULL),
                     0);
    return text("%.*s", (int)strcspn(out, "\n"), out);
}

static void set(enum credential c, char *line)
{
    free(credentials[c]);
    credentials[c] = strdup(line);
    ck_assert_ptr_nonnull(credentials[c]);
}

static void make_credentials(const char *state)
{
    static const char *const scopes[] = {"read", "predict", "train", "admin"};
    char *token = NULL, *last;

    set(NONE, text("%s", ""));
    for (size_t i = 0; i < COUNT(scopes); i++) {
        token = token_of(state, scopes[i]);
        set(READ + (enum credential)i, text("Authorization: Bearer %s\r\n", token));
    }
    last = token + strlen(token) - 1;
    *last = *last == '0' ? '1' : '0';
    set(WRONG, text("Authorization: Bearer %s\r\n", token));
    set(GARBLED, text("Authorization: Bearer %s, %s\r\n", token_of(state, "admin"), token));
    set(BASIC, text("Authorization: Basic %s\r\n", token_of(state, "admin")));
    set(BARE, text("Authorization: %s\r\n", token_of(state, "admin")));
    set(EMPTY, text("Authorization:\r\n"));
    set(TWICE, text("%s%s", credentials[ADMIN], credentials[ADMIN]));
    token = token_of(state, "admin");
    set(REVOKED, text("Authorization: Bearer %s\r\n", token));
    ck_assert_int_eq(daemon_run((const char *const[]){"token", "revoke", text("%.12s", token + 5),
                                                      "--state", state, NULL},
                                NULL, NULL),
                     0);
}

static void keep_id(size_t i, char *id)
{
    free(ids[i]);
    ids[i] = strdup(id);
}

void access_start(struct daemon *d, bool asks)
{
    static const char *const usual[] = {"--workers", "1", "--allow-private", "127.0.0.0/8",
                                        NULL};
    static const char *const asking[] = {"--workers",       "1",
                                         "--allow-private", "127.0.0.0/8",
                                         "--require-token", "--log-level",
                                         "debug",           NULL};
    int64_t job;

    daemon_start(d, NULL, usual);
    upload_example("iris");
    job = train(XOR_JOB(", 'notify': {'url': 'http://127.0.0.1:9/'}")); /* delivery 1 */
    keep_id(ID_JOB, text("%lld", (long long)job));
    keep_id(ID_MODEL, text("%lld", (long long)trained(job)));
    keep_id(ID_DATASET, text("iris"));
    daemon_stop(d);
    make_credentials(d->state);
    daemon_start(d, text("%s", d->state), asks ? asking : usual);
}

void access_forget(void)
{
    for (size_t c = 0; c < CREDENTIALS; c++) {
        free(credentials[c]);
        credentials[c] = NULL;
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        free(ids[i]);
        ids[i] = NULL;
    }
}
