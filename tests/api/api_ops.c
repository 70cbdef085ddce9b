/* How an operator tells the daemon what to do, and hears how it goes: the configuration file, its
 * check, precedence, a reload while it runs, and what a service manager is told.
 */
#include "config.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "certificate.h"
#include "work.h"

static struct daemon d;

static void clean(void)
{
    unsetenv("MLPD_CONFIG");
    unsetenv("MLPD_MAX_QUEUED");
    unsetenv("MLPD_HOST_NAME");
    unsetenv("MLPD_KEEP_DAYS");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
}

static void stop(void)
{
    if (d.pid > 0) {
        daemon_stop(&d);
    }
}

static void write_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(content, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static char *config_with(const char *content)
{
    char *path = scratch_path("mlpd.conf");

    write_file(path, content);
    return path;
}

static void says(const char *said, const char *part)
{
    ck_assert_msg(strstr(said, part) != NULL, "no \"%s\" in: %s", part, said);
}

/* ---- --check-config and --print-config --------------------------------------------------- */

START_TEST(a_good_configuration_is_ok)
{
    char *path = config_with("# all is well\nworkers = 2\nlog-level = debug\n");
    const char *out = NULL, *err = NULL;

    ck_assert_int_eq(
        daemon_run((const char *const[]){"--config", path, "--check-config", NULL}, &out, &err), 0);
    ck_assert_str_eq(out, "ok\n");
    ck_assert_str_eq(err, "");
    ck_assert_int_eq(daemon_run((const char *const[]){"--check-config", NULL}, &out, &err), 0);
    ck_assert_str_eq(out, "ok\n");
    path = source_path("etc/mlpd.conf");
    ck_assert_int_eq(
        daemon_run((const char *const[]){"--config", path, "--check-config", NULL}, &out, &err), 0);
    ck_assert_str_eq(out, "ok\n");
}
END_TEST

START_TEST(all_mistakes_are_told_at_once)
{
    char *path = config_with("lisen = 127.0.0.1:0\n"
                             "workers = many\n"
                             "log-level\n"
                             "behind-proxy = perhaps\n"
                             "tls-cert = /cert.pem\n"
                             "keep-days = 7\n");
    char *wanted = text("mlpd: %s:1: unknown key \"lisen\"; did you mean listen?\n"
                        "mlpd: %s:3: a line is KEY = VALUE, not \"log-level\"\n",
                        path, path);
    const char *const lines[][4] = {{"--config", path, "--check-config", NULL},
                                    {"--config", path, NULL},
                                    {"--check-config", NULL}};
    const char *out = NULL, *err = NULL;

    for (size_t i = 0; i < COUNT(lines); i++) {
        ck_assert_int_eq(setenv("MLPD_CONFIG", i == 2 ? path : "", 1), 0);
        ck_assert_int_eq(daemon_run(lines[i], &out, &err), 2);
        ck_assert_str_eq(out, "");
        ck_assert_msg(strncmp(err, wanted, strlen(wanted)) == 0, "%s", err);
        says(err, text("%s:2: workers must be a number from 1 to 256, not \"many\"\n", path));
        says(err, text("%s:4: behind-proxy must be yes or no, not \"perhaps\"\n", path));
        says(err, text("%s:5: tls-cert needs --tls-key too", path));
        ck_assert_ptr_null(strstr(err, ":6:"));
    }
    ck_assert_int_eq(setenv("MLPD_CONFIG", "", 1), 0);
    ck_assert_int_eq(daemon_run((const char *const[]){"--config", "/not/here", NULL}, &out, &err),
                     2);
    says(err, "mlpd: cannot read /not/here: No such file or directory\n");
    /* commands read it too */
    ck_assert_int_eq(daemon_run((const char *const[]){"check", "--config", path, NULL}, &out, &err),
                     2);
    says(err, text("%s:2: workers must be", path));
}
END_TEST

/* flags > environment > file > built in, and each says where it is from. */
START_TEST(precedence)
{
    char *path = config_with("max-queued = 2\nkeep-days = 3\nkeep-jobs = 4\n"
                             "host-name = a.example\nhost-name = b.example:80\n");
    const char *const line[] = {"--config", path, "--print-config", "--keep-jobs=9", NULL};
    const char *const names[] = {"--config",    path,        "--print-config",
                                 "--host-name", "d.example", NULL};
    const char *out = NULL, *again = NULL;

    setenv("MLPD_MAX_QUEUED", "5", 1);
    setenv("MLPD_KEEP_DAYS", "", 1); /* empty: absent */
    ck_assert_int_eq(daemon_run(line, &out, NULL), 0);
    says(out, "\nmax-queued = 5 ");
    says(out, " # $MLPD_MAX_QUEUED\n");
    says(out, "\nkeep-days = 3 ");
    says(out, text(" # %s:2\n", path));
    says(out, "\nkeep-jobs = 9 ");
    says(out, " # --keep-jobs\n");
    says(out, "\nhost-name = a.example ");
    says(out, "\nhost-name = b.example:80 ");
    says(out, "\nmax-body = 32M ");
    says(out, " # built in\n");
    says(out, "\n# tls-key is not set\n");
    /* what is printed is a configuration, and means the same */
    clean();
    path = config_with(out);
    ck_assert_int_eq(
        daemon_run((const char *const[]){"--config", path, "--print-config", NULL}, &again, NULL),
        0);
    for (const char *p = out, *q = again; *p != '\0'; p = strchr(p, '\n') + 1) {
        size_t len = strcspn(p, "#\n");

        ck_assert_msg(strncmp(p, q, len) == 0, "%.*s is not in %s", (int)len, p, again);
        q = strchr(q, '\n') + 1;
    }
    /* one source counts for each */
    setenv("MLPD_HOST_NAME", "c.example", 1);
    ck_assert_int_eq(daemon_run(line, &out, NULL), 0);
    says(out, "\nhost-name = c.example ");
    ck_assert_ptr_null(strstr(out, "a.example"));
    ck_assert_int_eq(daemon_run(names, &out, NULL), 0);
    says(out, "\nhost-name = d.example ");
    ck_assert_ptr_null(strstr(out, "c.example"));
}
END_TEST

/* ---- SIGHUP ------------------------------------------------------------------------------ */

/* How often the log has this. */
static size_t times(const char *what)
{
    const char *log = file_read(d.log, NULL);
    size_t n = 0;

    for (; (log = strstr(log, what)) != NULL; log++) {
        n++;
    }
    return n;
}

static void wait_for_times(const char *what, size_t wanted)
{
    double deadline = now_seconds() + 10 * PATIENCE;

    while (times(what) < wanted) {
        ck_assert_msg(now_seconds() < deadline, "%s is not in the log %zu times: %s", what, wanted,
                      file_read(d.log, NULL));
        pause_briefly();
    }
}

/* After a reload has been dealt with: its last word. */
static void reload(const char *last)
{
    size_t before = times(last);

    ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
    wait_for_times(last, before + 1);
}

START_TEST(a_reload_changes_the_level)
{
    char *path = config_with("log-level = info\n");

    daemon_start(&d, NULL, (const char *const[]){"--config", path, "--workers", "1", NULL});
    want(http_get("/jobs"), 200);
    ck_assert_uint_eq(times("level=debug"), 0);
    write_file(path, "log-level = debug\n");
    reload("reload: log level debug, info before");
    want(http_get("/jobs"), 200);
    wait_for_times("level=debug", 1);
    /* mistakes are told, and change nothing */
    write_file(path, "log-level = warn\nworker = 2\nmax-queued = no\n");
    reload("max-queued must be");
    says(file_read(d.log, NULL), text("level=error msg=\"reload: nothing is changed: %s:2: unknown "
                                      "key \\\"worker\\\"; did you mean workers?\"",
                                      path));
    ck_assert_uint_eq(times("reload: log level"), 1);
    ck_assert_int_eq(unlink(path), 0);
    reload("nothing is changed: cannot read");
    /* to a level that would not show it */
    write_file(path, "log-level = error\n");
    reload("reload: log level error, debug before");
    want(http_get("/jobs"), 200);
    /* what waits for a restart is named, what a flag says is not the file's */
    write_file(path, "log-level = info\nkeep-jobs = 3\nworkers = 7\nmax-queued = 9\n");
    reload("reload: changed, and not before a restart: max-queued, keep-jobs\"");
    daemon_must_live(&d);
}
END_TEST

START_TEST(a_reload_reads_tokens)
{
    const char *out = NULL;
    char *tokens;

    daemon_start(&d, NULL, NULL);
    reload("reload: 0 tokens, 0 before");
    ck_assert_int_eq(daemon_run((const char *const[]){"token", "create", "--scope", "read",
                                                      "--state", d.state, NULL},
                                &out, NULL),
                     0);
    reload("reload: 1 token, ");
    tokens = text("%s/tokens", d.state);
    ck_assert_int_eq(chmod(tokens, 0644), 0);
    reload("level=error msg=\"reload: tokens: ");
    ck_assert_int_eq(chmod(tokens, 0600), 0);
    reload("reload: 1 token, ");
}
END_TEST

START_TEST(a_reload_reads_the_certificate)
{
    char *cert = scratch_path("cert.pem"), *key = scratch_path("key.pem");

    ck_assert(certificate_make(cert, key, "one", time(NULL) + 86400 * 90));
    daemon_start(&d, NULL, (const char *const[]){"--tls-cert", cert, "--tls-key", key, NULL});
    ck_assert(certificate_make(cert, key, "two", time(NULL) + 86400 * 90));
    reload("reload: certificate and key were read again");
    write_file(cert, "no certificate");
    reload("reload: the certificate stays as it was: ");
    daemon_must_live(&d);
}
END_TEST

/* Many at once are one or more, and none is the end; a terminal that closes sends one too. */
START_TEST(reloads_under_load)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
        want(http_get("/healthz"), 200);
    }
    wait_for_times("reload: 0 tokens", 1);
    daemon_must_live(&d);
}
END_TEST

/* ---- the service manager ------------------------------------------------------------------ */

static int manager = -1;

static void start_manager(bool abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *path = abstract ? text("@mlpd-api-ops-%d", (int)getpid())
                          : text("/tmp/mlpd-api-ops-%d", (int)getpid());
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + !abstract);

    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(manager, 0);
    memcpy(address.sun_path, path, strlen(path));
    if (abstract) {
        address.sun_path[0] = '\0';
    } else {
        (void)unlink(path);
    }
    ck_assert_int_eq(bind(manager, (const struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
}

static void stop_manager(void)
{
    if (manager >= 0) {
        close(manager);
        (void)unlink(text("/tmp/mlpd-api-ops-%d", (int)getpid()));
    }
    manager = -1;
}

/* The next message, at most 10 s; NULL when there is none and wait is false. */
static char *next_message(bool wait)
{
    struct pollfd p = {.fd = manager, .events = POLLIN};
    char said[1024];
    ssize_t n;

    if (poll(&p, 1, wait ? 10000 * PATIENCE : 0) != 1) {
        ck_assert_msg(!wait, "the service manager hears nothing");
        return NULL;
    }
    n = recv(manager, said, sizeof said - 1, 0);
    ck_assert_int_gt(n, 0);
    said[n] = '\0';
    return text("%s", said);
}

/* Messages up to one that begins so; it. */
static char *hear(const char *begins)
{
    double deadline = now_seconds() + 20 * PATIENCE;
    char *said;

    do {
        ck_assert_msg(now_seconds() < deadline, "%s is not said", begins);
        said = next_message(true);
    } while (strncmp(said, begins, strlen(begins)) != 0);
    return said;
}

START_TEST(a_service_manager_is_told)
{
    size_t stopping = 0, extended = 0;
    char *said;

    start_manager(_i == 1);
    setenv("WATCHDOG_USEC", "100000", 1);
    daemon_start(&d, NULL, (const char *const[]){"--workers", "1", NULL});
    ck_assert_str_eq(next_message(true), "READY=1");
    (void)hear("WATCHDOG=1");
    ck_assert_str_eq(hear("STATUS="), "STATUS=0 running, 0 queued");
    (void)hear("WATCHDOG=1");
    (void)hear("WATCHDOG=1");
    (void)train("%s", slow_job(FOREVER, 1, ""));
    (void)train("%s", slow_job(FOREVER, 1, ""));
    do {
        said = hear("STATUS=");
    } while (strcmp(said, "STATUS=1 running, 1 queued") != 0);
    ck_assert_int_eq(kill(d.pid, SIGHUP), 0);
    said = hear("RELOADING=1\n");
    says(said, "\nMONOTONIC_USEC=");
    ck_assert_double_le(
        fabs(strtod(strchr(said, '\n') + strlen("\nMONOTONIC_USEC="), NULL) / 1e6 - now_seconds()),
        10 * PATIENCE);
    (void)hear("READY=1");
    daemon_stop(&d);
    while ((said = next_message(false)) != NULL) {
        stopping += strncmp(said, "STOPPING=1\nSTATUS=", 18) == 0;
        if (strncmp(said, "EXTEND_TIMEOUT_USEC=", 20) == 0) {
            ck_assert_uint_eq(stopping, 1);
            ck_assert_uint_ge(strtoul(said + 20, NULL, 10), 10000000);
            extended++;
        }
        ck_assert_msg(stopping == 0 || strcmp(said, "WATCHDOG=1") != 0, "it goes on");
    }
    ck_assert_uint_eq(stopping, 1);
    ck_assert_uint_ge(extended, 1);
    stop_manager();
}
END_TEST

/* Without a watchdog there are no signs of life, and without a manager nothing is said. */
START_TEST(only_what_is_wanted_is_told)
{
    start_manager(false);
    daemon_start(&d, NULL, NULL);
    (void)hear("READY=1");
    ck_assert_str_eq(next_message(true), "STATUS=0 running, 0 queued");
    daemon_stop(&d);
    for (char *said; (said = next_message(false)) != NULL;) {
        ck_assert_str_ne(said, "WATCHDOG=1");
    }
    /* a manager that has gone, or that never was one, costs nothing */
    stop_manager();
    daemon_start(&d, NULL, NULL);
    want(http_get("/healthz"), 200);
    daemon_stop(&d);
    setenv("NOTIFY_SOCKET", "elsewhere", 1);
    daemon_start(&d, NULL, NULL);
    wait_for_times("NOTIFY_SOCKET is neither a path nor an abstract name", 1);
    daemon_stop(&d);
}
END_TEST

/* Who works on the page sees its files as they are now, and nothing else of the folder. */
START_TEST(the_page_is_served_from_a_folder)
{
    char *folder = scratch_path("page"), *page = text("%s/index.html", folder);
    struct reply *r;

    (void)mkdir(folder, 0700); /* there already: the run before */
    write_file(page, "<p>first");
    write_file(text("%s/secret.js", folder), "no");
    (void)unlink(text("%s/app.js", folder));
    daemon_start(&d, NULL, (const char *const[]){"--ui-dir", folder, NULL});
    r = want(http_get("/"), 200);
    ck_assert_str_eq(r->body, "<p>first");
    ck_assert_ptr_nonnull(strstr(reply_header(r, "Content-Security-Policy"), "default-src 'none'"));
    write_file(page, "<p>second");
    ck_assert_str_eq(want(http_get("/"), 200)->body, "<p>second");
    want_problem(http_get("/app.js"), 404, NULL, "app.js cannot be read in --ui-dir");
    want(http_get("/secret.js"), 404);
    want(http_get("/index.html"), 404);
    daemon_stop(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_ops");
    TCase *tc = tcase_create("ops");

    tcase_set_timeout(tc, 120 * PATIENCE);
    tcase_add_checked_fixture(tc, clean, stop);
    tcase_add_checked_fixture(tc, NULL, test_end);
    tcase_add_test(tc, a_good_configuration_is_ok);
    tcase_add_test(tc, all_mistakes_are_told_at_once);
    tcase_add_test(tc, precedence);
    tcase_add_test(tc, a_reload_changes_the_level);
    tcase_add_test(tc, a_reload_reads_tokens);
    tcase_add_test(tc, a_reload_reads_the_certificate);
    tcase_add_test(tc, reloads_under_load);
    tcase_add_loop_test(tc, a_service_manager_is_told, 0, 2);
    tcase_add_test(tc, only_what_is_wanted_is_told);
    tcase_add_test(tc, the_page_is_served_from_a_folder);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
