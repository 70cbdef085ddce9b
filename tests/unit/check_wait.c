/* Main's wait: signals that are pending when it begins, with everything it asks in our hands. */
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mlpd/notify.h"
#include "mlpd/wait.h"

/* ---- what it asks ------------------------------------------------------------------------ */

static bool store_is_well, tokens_are_well, certificate_is_well;
static int tokens_reloaded, certificate_reloaded;
static int64_t certificate_ends;

static int job_counts(struct store *store, int64_t counts[JOB_STATES], struct err *err)
{
    (void)store;
    memset(counts, 0, JOB_STATES * sizeof *counts);
    counts[JOB_RUNNING] = 2;
    counts[JOB_QUEUED] = 5;
    return store_is_well ? 0 : err_set(err, ERR_IO, "no disk");
}

void pool_counts(struct pool *pool, size_t *workers, size_t *busy)
{
    (void)pool;
    *workers = 2;
    *busy = 2;
}

size_t tokens_count(struct tokens *tokens)
{
    (void)tokens;
    return 1;
}

int tokens_reload(struct tokens *tokens, struct err *err)
{
    (void)tokens;
    tokens_reloaded++;
    return tokens_are_well ? 0 : err_set(err, ERR_IO, "no tokens");
}

int server_reload(struct server *server, struct err *err)
{
    (void)server;
    certificate_reloaded++;
    return certificate_is_well ? 0 : err_set(err, ERR_IO, "no certificate");
}

int64_t server_certificate_expires(const struct server *server)
{
    (void)server;
    return certificate_ends;
}

/* ---- the rig ----------------------------------------------------------------------------- */

static int manager;
static char *argv[] = {NULL, NULL, NULL, NULL};
static struct options options;
static const struct store_ops ops = {.job_counts = job_counts};
static struct store store = {.ops = &ops};
static struct wait rig;

static void start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct err err = ERR_INIT;
    char name[64];

    store_is_well = tokens_are_well = certificate_is_well = true;
    tokens_reloaded = certificate_reloaded = 0;
    certificate_ends = 0;
    (void)snprintf(name, sizeof name, "@mlpd-check-wait-%ld", (long)getpid());
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(manager, 0);
    memcpy(address.sun_path, name, strlen(name));
    address.sun_path[0] = '\0';
    ck_assert_int_eq(bind(manager, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "60000000", 1), 0);
    ck_assert_int_eq(setenv("HOME", "/home/someone", 1), 0);
    ck_assert_int_eq(unsetenv("MLPD_LOG_LEVEL"), 0);
    ck_assert_int_eq(unsetenv("MLPD_CONFIG"), 0);
    argv[0] = strdup("mlpd");
    argv[1] = strdup("--log-level=error");
    ck_assert_int_eq(options_parse(2, argv, &options, &err), 0);
    log_set_level(LOG_ERROR);
    wait_prepare();
    notify_open();
    rig = (struct wait){.store = &store, .options = &options, .argc = 2, .argv = argv};
}

static void stop(void)
{
    notify_close();
    options_fini(&options);
    for (size_t i = 0; i < ARRAY_LEN(argv); i++) {
        free(argv[i]);
        argv[i] = NULL;
    }
    ck_assert_int_eq(close(manager), 0);
}

static void want(const char *begins)
{
    char text[256];
    ssize_t n = recv(manager, text, sizeof text - 1, MSG_DONTWAIT);

    if (begins == NULL) {
        ck_assert_int_eq(n, -1);
        return;
    }
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    ck_assert_msg(strncmp(text, begins, strlen(begins)) == 0, "%s, not %s", text, begins);
}

/* ---- tests ------------------------------------------------------------------------------- */

START_TEST(a_store_that_answers_is_life)
{
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(wait_for_stop(&rig), SIGTERM);
    want("WATCHDOG=1");
    want("STATUS=2 running, 5 queued");
    want(NULL);
    ck_assert_int_eq(raise(SIGINT), 0);
    ck_assert_int_eq(wait_for_stop(&rig), SIGINT);
    ck_assert_int_eq(tokens_reloaded, 0);
}
END_TEST

START_TEST(one_that_does_not_is_none)
{
    store_is_well = false;
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(wait_for_stop(&rig), SIGTERM);
    want("STATUS=the store does not answer");
    want(NULL);
}
END_TEST

/* The reload, whatever fails in it, is told from its beginning to its end. */
START_TEST(a_reload)
{
    tokens_are_well = _i != 1;
    certificate_is_well = _i != 2;
    certificate_ends = _i == 3 ? 0 : 1;
    ck_assert_int_eq(raise(SIGHUP), 0);
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(wait_for_stop(&rig), SIGTERM);
    want("WATCHDOG=1");
    want("STATUS=2 running, 5 queued");
    want("RELOADING=1\nMONOTONIC_USEC=");
    want("READY=1");
    want("WATCHDOG=1"); /* and the status is as it was */
    want(NULL);
    ck_assert_int_eq(tokens_reloaded, 1);
    ck_assert_int_eq(certificate_reloaded, _i != 3);
}
END_TEST

START_TEST(a_reload_with_mistakes_reads_nothing)
{
    certificate_ends = 1;
    argv[2] = strdup("--config=/not/here");
    rig.argc = 3;
    log_set_level(LOG_WARN);
    ck_assert_int_eq(raise(SIGHUP), 0);
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(wait_for_stop(&rig), SIGTERM);
    ck_assert_int_eq(tokens_reloaded, 0);
    ck_assert_int_eq(certificate_reloaded, 0);
    ck_assert_int_eq(log_level(), LOG_WARN);
}
END_TEST

START_TEST(a_reload_of_the_level)
{
    log_set_level(LOG_WARN);
    ck_assert_int_eq(raise(SIGHUP), 0);
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(wait_for_stop(&rig), SIGTERM);
    ck_assert_int_eq(log_level(), LOG_ERROR);
    ck_assert_int_eq(tokens_reloaded, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wait");
    TCase *tc = tcase_create("wait");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_store_that_answers_is_life);
    tcase_add_test(tc, one_that_does_not_is_none);
    tcase_add_loop_test(tc, a_reload, 0, 4);
    tcase_add_test(tc, a_reload_with_mistakes_reads_nothing);
    tcase_add_test(tc, a_reload_of_the_level);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
