/* What the service manager is told, by a socket of the test's own: in the file system and
 * abstract. */
#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "base/log.h"
#include "mlpd/notify.h"

static char folder[] = "/tmp/mlpd-notify-XXXXXX";
static char name[108];

static void start(void)
{
    ck_assert_int_eq(unsetenv("WATCHDOG_USEC"), 0);
    ck_assert_int_eq(unsetenv("WATCHDOG_PID"), 0);
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(name, sizeof name, "%s/socket", folder);
    log_set_level((enum log_level)(LOG_ERROR + 1));
}

static void stop(void)
{
    notify_close();
    (void)unlink(name);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The manager's socket: `of` as NOTIFY_SOCKET has it. */
static int manager(const char *of)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(of);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(address.sun_path, of, len);
    if (of[0] == '@') {
        address.sun_path[0] = '\0';
    }
    ck_assert_int_eq(
        bind(fd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (of[0] == '/'))),
        0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", of, 1), 0);
    return fd;
}

static void want_message(int fd, const char *wanted)
{
    char text[1024];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    ck_assert_str_eq(text, wanted);
}

START_TEST(messages_arrive)
{
    char abstract[64];
    int fd;

    (void)snprintf(abstract, sizeof abstract, "@mlpd-check-notify-%ld", (long)getpid());
    fd = manager(_i == 0 ? name : abstract);
    notify_open();
    ck_assert(notify_is_on());
    ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
    notify_send("READY=1");
    notify_send("STATUS=%d running, %d queued", 2, 5);
    want_message(fd, "READY=1");
    want_message(fd, "STATUS=2 running, 5 queued");
    ck_assert_int_eq(recv(fd, abstract, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
    /* a manager that was started anew is found again */
    ck_assert_int_eq(close(fd), 0);
    notify_send("READY=1");
    if (_i == 0) {
        ck_assert_int_eq(unlink(name), 0);
        fd = manager(name);
        notify_send("STOPPING=1");
        want_message(fd, "STOPPING=1");
        ck_assert_int_eq(close(fd), 0);
    }
}
END_TEST

/* One byte less than the longest name is a name; nothing else is. */
START_TEST(names_that_are_none)
{
    static const char *const bad[] = {"relative/path", "@", "/", "vsock:2:1", ""};
    char longest[sizeof name + 1];
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
        notify_open();
        ck_assert_msg(!notify_is_on(), "\"%s\" is taken", bad[i]);
        notify_send("READY=1"); /* to nobody */
    }
    memset(longest, 'x', sizeof longest);
    longest[0] = '@';
    longest[sizeof longest - 1] = '\0'; /* 108 bytes */
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", longest, 1), 0);
    notify_open();
    ck_assert(!notify_is_on());
    longest[sizeof longest - 2] = '\0';
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", longest, 1), 0);
    notify_open();
    ck_assert(notify_is_on());
    notify_close();
    ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
    notify_open();
    ck_assert(!notify_is_on());
}
END_TEST

static double watchdog_of(const char *usec, const char *pid)
{
    int fd = manager(name);
    double seconds;

    ck_assert_int_eq(usec != NULL ? setenv("WATCHDOG_USEC", usec, 1) : 0, 0);
    ck_assert_int_eq(pid != NULL ? setenv("WATCHDOG_PID", pid, 1) : 0, 0);
    notify_open();
    seconds = notify_watchdog();
    ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
    ck_assert_ptr_null(getenv("WATCHDOG_PID"));
    notify_close();
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(unlink(name), 0);
    return seconds;
}

START_TEST(the_watchdog)
{
    char ours[24], other[24];

    (void)snprintf(ours, sizeof ours, "%ld", (long)getpid());
    (void)snprintf(other, sizeof other, "%ld", (long)getppid());
    ck_assert_double_eq(watchdog_of(NULL, NULL), 0);
    ck_assert_double_eq(watchdog_of("30000000", NULL), 15);
    ck_assert_double_eq(watchdog_of("30000000", ours), 15);
    ck_assert_double_eq(watchdog_of("30000000", other), 0);
    ck_assert_double_eq(watchdog_of("", NULL), 0);
    ck_assert_double_eq(watchdog_of("-1", NULL), 0);
    ck_assert_double_eq(watchdog_of("1s", NULL), 0);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    notify_open(); /* nobody to tell */
    ck_assert_double_eq(notify_watchdog(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tc = tcase_create("notify");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_loop_test(tc, messages_arrive, 0, 2);
    tcase_add_test(tc, names_that_are_none);
    tcase_add_test(tc, the_watchdog);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
