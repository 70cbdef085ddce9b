/* The options that say where and how the daemon listens, and their two forms beside "--flag VALUE":
 * switches, and options that repeat.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mlpd/options.h"

static int parse(struct options *out, struct err *err, const char *const *words)
{
    char *argv[8] = {strdup("mlpd")};
    int argc = 1, i, rc;

    for (; words[argc - 1] != NULL; argc++) {
        argv[argc] = strdup(words[argc - 1]);
    }
    rc = options_parse(argc, argv, out, err);
    for (i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return rc;
}

#define GOOD(o, ...)                                                                               \
    do {                                                                                           \
        struct err err_ = ERR_INIT;                                                                \
        ck_assert_msg(parse((o), &err_, (const char *const[]){__VA_ARGS__, NULL}) == 0, "%s",      \
                      err_.detail);                                                                \
    } while (0)

static void bad(const char *flag, const char *value)
{
    struct err err = ERR_INIT;
    struct options o;

    ck_assert_msg(parse(&o, &err, (const char *const[]){flag, value, NULL}) != 0, "%s %s is taken",
                  flag, value);
    ck_assert_msg(strncmp(err.detail, flag, strcspn(flag, "=")) == 0, "%s", err.detail);
    err_fini(&err);
}

START_TEST(usual_values)
{
    struct options o;

    GOOD(&o, "--state", "/x");
    ck_assert_str_eq(o.host, "127.0.0.1");
    ck_assert(o.listen_path == NULL && o.tls_cert == NULL && o.tls_key == NULL &&
              o.host_names == NULL && !o.behind_proxy);
    ck_assert_uint_eq(o.max_connections, 1000);
    ck_assert_uint_eq(o.max_per_client, SIZE_MAX);
    ck_assert(o.rate == 0 && o.slow_seconds == 60);
    options_fini(&o);
}
END_TEST

START_TEST(unix_paths)
{
    struct options o;
    char path[160] = "unix:/";

    GOOD(&o, "--listen", "unix:/run/mlpd/socket");
    ck_assert(o.host == NULL);
    ck_assert_str_eq(o.listen_path, "/run/mlpd/socket");
    options_fini(&o);
    bad("--listen", "unix:run/socket");
    bad("--listen", "unix:");
    memset(path + 6, 'x', 106);
    GOOD(&o, "--listen", path); /* 107 bytes */
    options_fini(&o);
    path[112] = 'x';
    bad("--listen", path);
}
END_TEST

START_TEST(names_add_up)
{
    struct options o;

    GOOD(&o, "--host-name", "a.example", "--host-name=b.example:80,[::1]:8");
    ck_assert_str_eq(o.host_names[0], "a.example");
    ck_assert_str_eq(o.host_names[1], "b.example:80");
    ck_assert_str_eq(o.host_names[2], "[::1]:8");
    ck_assert_ptr_null(o.host_names[3]);
    options_fini(&o);
    ck_assert_int_eq(setenv("MLPD_HOST_NAME", "c.example, d.example", 1), 0);
    GOOD(&o, "--state", "/x");
    ck_assert_str_eq(o.host_names[0], "c.example");
    ck_assert_str_eq(o.host_names[1], "d.example");
    ck_assert_ptr_null(o.host_names[2]);
    options_fini(&o);
    GOOD(&o, "--host-name", "a.example"); /* a flag wins over its variable */
    ck_assert_str_eq(o.host_names[0], "a.example");
    ck_assert_ptr_null(o.host_names[1]);
    options_fini(&o);
    ck_assert_int_eq(unsetenv("MLPD_HOST_NAME"), 0);
    bad("--host-name", "http://a.example");
    bad("--host-name", "a.example:");
    bad("--host-name", "a.example:0");
    bad("--host-name", "a.example:65536");
    bad("--host-name", "a.example:80x");
    bad("--host-name", "a_b/c");
    bad("--host-name", "[::1");
    bad("--host-name", "[::g]");
    bad("--host-name", ".example");
    bad("--host-name", "*");
}
END_TEST

START_TEST(switches)
{
    struct options o;

    GOOD(&o, "--behind-proxy", "--state", "/x");
    ck_assert(o.behind_proxy);
    ck_assert_str_eq(o.state, "/x");
    options_fini(&o);
    ck_assert_int_eq(setenv("MLPD_BEHIND_PROXY", "on", 1), 0);
    GOOD(&o, "--state", "/x");
    ck_assert(o.behind_proxy);
    options_fini(&o);
    GOOD(&o, "--behind-proxy=no");
    ck_assert(!o.behind_proxy);
    options_fini(&o);
    ck_assert_int_eq(unsetenv("MLPD_BEHIND_PROXY"), 0);
    bad("--behind-proxy=perhaps", NULL);
}
END_TEST

START_TEST(rates_and_numbers)
{
    struct options o;

    GOOD(&o, "--rate", "20");
    ck_assert(o.rate == 20 && o.burst == 20);
    options_fini(&o);
    GOOD(&o, "--rate", "0.5:7");
    ck_assert(o.rate == 0.5 && o.burst == 7);
    options_fini(&o);
    GOOD(&o, "--rate", "0.5");
    ck_assert(o.rate == 0.5 && o.burst == 1);
    options_fini(&o);
    GOOD(&o, "--max-connections", "5", "--max-connections-per-client", "0");
    ck_assert(o.max_connections == 5 && o.max_per_client == 0);
    options_fini(&o);
    bad("--rate", "0");
    bad("--rate", "-1");
    bad("--rate", "20:");
    bad("--rate", "20:0.5");
    bad("--rate", "nan");
    bad("--rate", "1:inf");
    bad("--max-connections", "0");
    bad("--max-connections", "x");
    bad("--slow-client-seconds", "0");
}
END_TEST

START_TEST(certificate_and_key)
{
    struct options o;

    GOOD(&o, "--tls-cert", "c", "--tls-key", "k");
    ck_assert_str_eq(o.tls_cert, "c");
    ck_assert_str_eq(o.tls_key, "k");
    options_fini(&o);
    bad("--tls-cert", "c");
    bad("--tls-key", "k");
}
END_TEST

/* Networks that webhooks may go to, several times, or in one variable. */
START_TEST(networks)
{
    static const char *const wrong[] = {"10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0/8,10.1",
                                        "fd00::1/8"};
    struct options o;
    size_t i;

    GOOD(&o, "--allow-private=10.0.0.0/8", "--allow-private", "::1");
    ck_assert_str_eq(o.allow_private[0], "10.0.0.0/8");
    ck_assert_str_eq(o.allow_private[1], "::1");
    ck_assert_ptr_null(o.allow_private[2]);
    options_fini(&o);
    ck_assert_int_eq(setenv("MLPD_ALLOW_PRIVATE", "fd00::/8, 127.0.0.1/32", 1), 0);
    GOOD(&o, "--workers", "1");
    ck_assert_str_eq(o.allow_private[0], "fd00::/8");
    ck_assert_str_eq(o.allow_private[1], "127.0.0.1/32");
    options_fini(&o);
    ck_assert_int_eq(unsetenv("MLPD_ALLOW_PRIVATE"), 0);
    GOOD(&o, "--workers", "1");
    ck_assert_ptr_null(o.allow_private);
    options_fini(&o);
    for (i = 0; i < ARRAY_LEN(wrong); i++) {
        bad("--allow-private", wrong[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options_listen");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, usual_values);
    tcase_add_test(tc, unix_paths);
    tcase_add_test(tc, names_add_up);
    tcase_add_test(tc, switches);
    tcase_add_test(tc, rates_and_numbers);
    tcase_add_test(tc, certificate_and_key);
    tcase_add_test(tc, networks);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
