/* The file of crash marks: what the reader makes of whatever may be in it, and how it is emptied;
 * and the places where a test may kill. How marks get in is in check_crash.c.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/crashpoint.h"

#define OWNER "0123456789abcdef0123456789abcdef"

static char folder[64], path[96];

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");

    ck_assert_int_lt(
        snprintf(folder, sizeof folder, "%s/mlpd-crash-XXXXXX", tmp != NULL ? tmp : "/tmp"),
        (int)sizeof folder);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/crashes", folder);
}

static void teardown(void)
{
    (void)unlink(path); /* some tests make none */
    ck_assert_int_eq(rmdir(folder), 0);
}

static void put(const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    ck_assert_int_eq(close(fd), 0);
}

static size_t marks(struct crash_mark **out)
{
    struct err err = ERR_INIT;
    size_t n = 99;

    *out = NULL;
    ck_assert_msg(crash_read(path, out, &n, &err) == 0, "%s", err.detail);
    return n;
}

START_TEST(no_place_for_the_file)
{
    struct err err = ERR_INIT;
    char nowhere[128];

    (void)snprintf(nowhere, sizeof nowhere, "%s/none/crashes", folder);
    ck_assert_int_eq(crash_install(nowhere, OWNER, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    err_fini(&err);
}
END_TEST

/* ---- reading --------------------------------------------------------------------------- */

START_TEST(no_file_no_marks)
{
    struct err err = ERR_INIT;
    struct crash_mark *found;
    size_t n = 9;

    ck_assert_uint_eq(marks(&found), 0);
    free(found);
    ck_assert_int_eq(crash_clear(path, &err), 0);
    ck_assert_int_ne(access(path, F_OK), 0); /* and none was made */
    ck_assert_int_eq(crash_read(folder, &found, &n, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_uint_eq(n, 9);
    err_fini(&err);
    err = (struct err)ERR_INIT;
    ck_assert_int_eq(crash_clear(folder, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    err_fini(&err);
}
END_TEST

START_TEST(lines_that_are_none_are_skipped)
{
    static const char text[] = "\n"
                               " 5\n"
                               "a\n"
                               "a \n"
                               "a 0\n"
                               "a -1\n"
                               "a +1\n"
                               "a 1 \n"
                               "a 1x\n"
                               "a b 1\n"
                               "a 9223372036854775808\n"
                               "a 99999999999999999999999999\n"
                               "\tb 1\n"
                               "\xff\xfe 1\n"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1\n" /* 33 */
                               "first 1\n"
                               "a\0b 1\n"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 9223372036854775807\r\n"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 9223372036854775807\n"
                               "last 00012\n"
                               "torn 1";
    struct crash_mark *found;

    put(text, sizeof text - 1);
    ck_assert_uint_eq(marks(&found), 3);
    ck_assert_str_eq(found[0].owner, "first");
    ck_assert_int_eq(found[0].job_id, 1);
    ck_assert_str_eq(found[1].owner, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    ck_assert_int_eq(found[1].job_id, INT64_MAX);
    ck_assert_str_eq(found[2].owner, "last");
    ck_assert_int_eq(found[2].job_id, 12);
    free(found);
}
END_TEST

/* A file that something else has filled does not fill memory: a megabyte of it is looked at. */
START_TEST(a_huge_file)
{
    struct crash_mark *found;
    int fd;

    put("a 1\n", 4);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)1 << 34), 0); /* sparse */
    ck_assert_int_eq(pwrite(fd, "\nb 2\n", 5, ((off_t)1 << 34) - 5), 5);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_uint_eq(marks(&found), 1);
    ck_assert_int_eq(found[0].job_id, 1);
    free(found);
}
END_TEST

/* Emptied, not replaced: a handler may hold it. */
START_TEST(clearing_keeps_the_file)
{
    struct err err = ERR_INIT;
    struct stat before, after;

    put("a 1\n", 4);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(crash_clear(path, &err), 0);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(after.st_size, 0);
}
END_TEST

/* ---- places to be killed at -------------------------------------------------------------- */

START_TEST(crash_points)
{
    int status = 0, i;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (setenv("MLPD_CRASH_AT", "check-before-it:3", 1) != 0) {
            _exit(99);
        }
        (void)dup2(open("/dev/null", O_WRONLY), 2); /* it speaks */
        CRASH_POINT("check-after-it");
        for (i = 0; i < 2; i++) {
            CRASH_POINT("check-before-it");
        }
        (void)signal(SIGTERM, SIG_IGN);
        CRASH_POINT("check-before-it");
        _exit(7);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
#ifdef MLPD_CRASH_POINTS
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
#else
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
#endif
    /* not so often, or another: nothing */
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (setenv("MLPD_CRASH_AT", "check-before-it:3", 1) != 0) {
            _exit(99);
        }
        for (i = 0; i < 5; i++) {
            CRASH_POINT("check-before");
            CRASH_POINT("check-before-it-all");
        }
        CRASH_POINT("check-before-it");
        CRASH_POINT("check-before-it");
        _exit(7);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash_marks");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, no_place_for_the_file);
    tcase_add_test(all, no_file_no_marks);
    tcase_add_test(all, lines_that_are_none_are_skipped);
    tcase_add_test(all, a_huge_file);
    tcase_add_test(all, clearing_keeps_the_file);
    tcase_add_test(all, crash_points);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
