/* A small crowd at once, by the clients of scripts/bench load (tests/bench/load.c): idle
 * connections, slow readers and writers, bodies that stop, pages that poll with their tags, two
 * jobs that train, more that wait, and predictions of which each must be the same to the last byte.
 * What is asked here is that answers are right, that those who are too slow are ended and leave
 * nothing, and that descriptors and memory come back; never how long something took.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

static struct daemon d;

static void nothing(void)
{
}

/* Runs tests/bench/load with these arguments; its table. */
static char *crowd(const char *const *arguments)
{
    const char *build = getenv("top_builddir"), *mlpd = getenv("MLPD");
    char *program = text("%s/tests/bench/load", build != NULL ? build : ".");
    char *table = scratch_path("table"), *argv[40];
    size_t n = 0;
    int status;
    pid_t pid;

    argv[n++] = program;
    argv[n++] = text("%s", "--mlpd");
    argv[n++] = text("%s", mlpd != NULL ? mlpd : text("%s/mlpd", build != NULL ? build : "."));
    argv[n++] = text("%s", "--out");
    argv[n++] = table;
    while (*arguments != NULL) {
        ck_assert_uint_lt(n, COUNT(argv) - 1);
        argv[n++] = text("%s", *arguments++);
    }
    argv[n] = NULL;
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execv(program, argv);
        _exit(127);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "tests/bench/load ended with 0x%x:\n%s", (unsigned)status,
                  status == 0x100 ? file_read(table, NULL) : "");
    return file_read(table, NULL);
}

/* A number in the line that begins so: the n-th after that, counted from 0. */
static double number_in(const char *table, const char *line, size_t nth)
{
    const char *at = strstr(table, line);

    ck_assert_msg(at != NULL, "no \"%s\" in\n%s", line, table);
    for (at += strlen(line); nth > 0; nth--) {
        at = strchr(at, '|');
        ck_assert_ptr_nonnull(at);
        at++;
    }
    return strtod(at, NULL);
}

enum { OPENED, ENDED, OK, UNCHANGED, REFUSED, WRONG };

START_TEST(everybody_at_once)
{
    const char *table = crowd((const char *const[]){"--seconds", text("%d", 4 + 2 * PATIENCE),
                                                    "--rate",    "100",
                                                    "--idle",    "30",
                                                    "--readers", "8",
                                                    "--writers", "6",
                                                    "--halves",  "6",
                                                    "--pollers", "16",
                                                    "--queued",  "20",
                                                    "--daemon",  "--slow-client-seconds",
                                                    "--daemon",  "2",
                                                    NULL});

    /* that each prediction and page was right, and that descriptors came back, its status says */
    ck_assert_double_ge(number_in(table, "| slow readers |", OPENED), 8);
    ck_assert_double_ge(number_in(table, "| slow writers |", ENDED), 6);
    ck_assert_double_ge(number_in(table, "| idle |", ENDED), 30); /* those without a request */
    ck_assert_double_gt(number_in(table, "| pollers |", OK), 16);
    ck_assert_double_gt(number_in(table, "| pollers |", UNCHANGED), 0);
    ck_assert_double_eq(number_in(table, "| pollers |", REFUSED), 0);
    ck_assert_double_eq(number_in(table, "| pollers |", WRONG), 0);
}
END_TEST

/* Of four server threads none is held by any number of those who read slowly. */
START_TEST(slow_readers_hold_no_thread)
{
    const char *table = crowd((const char *const[]){"--seconds", "2", "--rate", "50", "--idle", "0",
                                                    "--readers", "40", "--writers", "0", "--halves",
                                                    "0", "--pollers", "8", "--queued", "0", NULL});

    ck_assert_double_eq(number_in(table, "| slow readers |", OPENED), 40);
    ck_assert_double_gt(number_in(table, "| pollers |", OK), 8);
}
END_TEST

/* ---- what those leave who are ended ---- */

/* A byte now and then, until the daemon has had enough. */
static void drip_until_ended(int fd)
{
    double until = now_seconds() + 30 * PATIENCE;
    char bytes[512];

    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) != 0) {
        ck_assert_msg(now_seconds() < until, "it may drip for ever");
        if (send(fd, "1", 1, MSG_NOSIGNAL) < 0) {
            return;
        }
        pause_briefly();
    }
}

START_TEST(a_dripping_upload_leaves_nothing)
{
    static const char *const framing[] = {"Content-Length: 100000\r\n\r\na,b\n1,2\n",
                                          "Transfer-Encoding: chunked\r\n\r\n186A0\r\na,b\n1,2\n"};
    char *folder;
    size_t files;

    daemon_start(&d, NULL, (const char *const[]){"--slow-client-seconds", "0.5", NULL});
    folder = strdup(text("%s/datasets", d.state));
    want(http_csv("a,b\n1,2\n", "/datasets?name=whole"), 201);
    files = folder_entries(folder);
    for (size_t i = 0; i < COUNT(framing); i++) {
        char *head = text("POST /datasets?name=drip HTTP/1.1\r\nHost: localhost:%s\r\n"
                          "Content-Type: text/csv\r\n%s",
                          d.port, framing[i]);
        int fd = raw_open();

        raw_write(fd, head, strlen(head));
        drip_until_ended(fd);
        close(fd);
        wait_for_missing("drip");
        ck_assert_uint_eq(folder_entries(folder), files);
    }
    /* the name is free again, and the room too */
    want(http_csv("a,b\n1,2\n3,4\n", "/datasets?name=drip"), 201);
    ck_assert_uint_eq(length(want(http_get("/datasets"), 200), "/datasets"), 2);
    free(folder);
    daemon_stop(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load");
    TCase *tc = case_with("all", nothing, nothing);

    tcase_add_test(tc, everybody_at_once);
    tcase_add_test(tc, slow_readers_hold_no_thread);
    tcase_add_test(tc, a_dripping_upload_leaves_nothing);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
