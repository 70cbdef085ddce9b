/* The log: its levels, its lines of logfmt with all that could break one escaped, the context that
 * each thread has of its own, and whether a journal reads it. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

START_TEST(log_levels)
{
    enum log_level level = LOG_INFO;

    ck_assert(log_level_parse("warn", &level));
    ck_assert_int_eq(level, LOG_WARN);
    ck_assert(!log_level_parse("loud", &level));
    ck_assert_int_eq(level, LOG_WARN);
}
END_TEST

/* stderr, for the time of a test, is a pipe. */
static int log_ends[2], log_saved;

static void log_catch(void)
{
    log_saved = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe(log_ends), 0);
    ck_assert_int_ge(dup2(log_ends[1], STDERR_FILENO), 0);
}

/* All that was written since. */
static void log_caught(char *out, size_t size)
{
    ssize_t n;
    size_t len = 0;

    ck_assert_int_ge(dup2(log_saved, STDERR_FILENO), 0);
    ck_assert_int_eq(close(log_ends[1]), 0);
    while ((n = read(log_ends[0], out + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    out[len] = '\0';
    ck_assert_int_eq(close(log_ends[0]), 0);
    ck_assert_int_eq(close(log_saved), 0);
}

START_TEST(log_lines_with_fields)
{
    static char longest[4000];
    char text[16384], *line, *rest = text;
    struct log_field fields[] = {{"audit", "true", true},
                                 {"left", NULL, false},
                                 {"object", "a\"b\nlevel=error", false},
                                 {"status", "200", true}};
    struct log_field large[] = {
        {"one", longest, false}, {"two", longest, true}, {"three", "", false}};

    size_t quotes = 0;

    memset(longest, 'x', sizeof longest - 1);
    log_catch();
    log_context_set("req-1.A");
    log_fields(LOG_INFO, "said", fields, ARRAY_LEN(fields));
    log_fields(LOG_DEBUG, "not said", fields, ARRAY_LEN(fields));
    log_context_set(NULL);
    log_set_prefix(true);
    log_warn("w");
    log_set_level(LOG_DEBUG);
    log_debug("d");
    log_set_prefix(false);
    log_set_level(LOG_INFO);
    log_fields(LOG_ERROR, longest, large, ARRAY_LEN(large));
    log_error("last");
    log_caught(text, sizeof text);
    line = strsep(&rest, "\n");
    ck_assert_ptr_nonnull(strstr(line, " level=info req=req-1.A msg=\"said\" audit=true "
                                       "object=\"a\\\"b level=error\" status=200"));
    ck_assert_str_eq(strstr(line, "status=200"), "status=200");
    line = strsep(&rest, "\n");
    ck_assert_int_eq(strncmp(line, "<4>time=", 8), 0);
    ck_assert_ptr_nonnull(strstr(line, " level=warn msg=\"w\""));
    ck_assert_int_eq(strncmp(strsep(&rest, "\n"), "<7>time=", 8), 0);
    line = strsep(&rest, "\n"); /* cut, and still one line with its quotes in pairs */
    ck_assert_uint_lt(strlen(line), 3100);
    ck_assert_ptr_nonnull(strstr(line, "x\" one=\"xxx"));
    ck_assert_ptr_nonnull(strstr(line, "x\" two=xxx"));
    ck_assert_ptr_null(strstr(line, "three"));
    for (; *line != '\0'; line++) {
        quotes += *line == '"';
    }
    ck_assert_uint_eq(quotes, 4);
    line = strsep(&rest, "\n");
    ck_assert_ptr_nonnull(strstr(line, " level=error msg=\"last\""));
    ck_assert_str_eq(rest, "");
}
END_TEST

static void *log_from_a_thread(void *arg)
{
    log_info("another's");
    return arg;
}

START_TEST(log_contexts_are_each_threads_own)
{
    char text[4096], *rest = text, *line;
    pthread_t thread;

    log_catch();
    log_context_set("mine");
    ck_assert_int_eq(pthread_create(&thread, NULL, log_from_a_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    log_info("mine");
    log_context_set(NULL);
    log_caught(text, sizeof text);
    line = strsep(&rest, "\n");
    ck_assert_ptr_null(strstr(line, "req="));
    ck_assert_ptr_nonnull(strstr(rest, " req=mine msg=\"mine\""));
}
END_TEST

/* Only when stderr is that very stream. */
START_TEST(log_knows_its_journal)
{
    struct stat st;
    char name[64];

    ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
    ck_assert(!log_is_journal());
    ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", name, 1), 0);
    ck_assert(log_is_journal());
    (void)snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino + 1);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", name, 1), 0);
    ck_assert(!log_is_journal());
    ck_assert_int_eq(setenv("JOURNAL_STREAM", "", 1), 0);
    ck_assert(!log_is_journal());
    ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
}
END_TEST

/* What a line of the log looks like, by a pipe in place of stderr. */
START_TEST(log_lines)
{
    char line[4096], data[2000];
    int ends[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    memset(data, 'x', sizeof data);
    data[sizeof data - 1] = '\0';
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    log_debug("not shown");
    log_info("a \"quoted\" \\ line\nlevel=error msg=forged %s", data);
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    n = read(ends[0], line, sizeof line - 1);
    ck_assert_int_gt(n, 0);
    line[n] = '\0';
    ck_assert_int_eq(read(ends[0], data, 1), 0); /* one line, no more */
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_int_eq(close(saved), 0);
    ck_assert_int_eq(strncmp(line, "time=2", 6), 0);
    ck_assert_ptr_nonnull(strstr(line, " level=info msg=\"a \\\"quoted\\\" \\\\ line level=error"));
    ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(all, log_levels);
    tcase_add_test(all, log_lines);
    tcase_add_test(all, log_lines_with_fields);
    tcase_add_test(all, log_contexts_are_each_threads_own);
    tcase_add_test(all, log_knows_its_journal);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
