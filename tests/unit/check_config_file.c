/* The configuration file: what its lines mean, every way in which one can be wrong, and that the
 * example and the manual have every option. With MLPD_WRITE_DOCS set in the environment the example
 * is written instead of compared. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "doc_compare.h"
#include "mlpd/config_file.h"
#include "mlpd/options.h"
#include "mlpd/options_priv.h"

static const struct config_key keys[] = {
    {"listen", false}, {"workers", false}, {"host-name", true}, {"log-level", false}};

enum { LISTEN, WORKERS, HOST_NAME, LOG_LEVEL };

static char path[] = "/tmp/mlpd-conf-XXXXXX";

static void make_file(void)
{
    int fd;

    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
}

static void remove_file(void)
{
    ck_assert_int_eq(unlink(path), 0);
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static int read_text(const char *text, struct config_file *out, struct err *err)
{
    write_bytes(text, strlen(text));
    return config_file_read(path, keys, ARRAY_LEN(keys), out, err);
}

static void want_entry(const struct config_entry *e, size_t key, const char *value, size_t line)
{
    char *source = xasprintf("%s:%zu: %s", path, line, keys[key].name);

    ck_assert_uint_eq(e->key, key);
    ck_assert_str_eq(e->value, value);
    ck_assert_uint_eq(e->line, line);
    ck_assert_str_eq(e->source, source);
    free(source);
}

START_TEST(lines_are_understood)
{
    struct config_file file;
    struct err err = ERR_INIT;

    ck_assert_msg(read_text("\xef\xbb\xbf# mlpd\n"
                            "\n"
                            "  \t \n"
                            "listen=127.0.0.1:1\n"
                            "\tworkers \t =\t 3   # three\r\n"
                            "host-name = a.example\n"
                            "#workers = 4\n"
                            "host-name = b.example#c = d # e # f\n"
                            "log-level = debug",
                            &file, &err) == 0,
                  "%s", err.detail);
    ck_assert_uint_eq(file.n, 5);
    want_entry(&file.entries[0], LISTEN, "127.0.0.1:1", 4);
    want_entry(&file.entries[1], WORKERS, "3", 5);
    want_entry(&file.entries[2], HOST_NAME, "a.example", 6);
    want_entry(&file.entries[3], HOST_NAME, "b.example#c = d", 8);
    want_entry(&file.entries[4], LOG_LEVEL, "debug", 9);
    config_file_fini(&file);
    ck_assert_int_eq(read_text("", &file, &err), 0);
    ck_assert_uint_eq(file.n, 0);
    config_file_fini(&file);
}
END_TEST

static const struct {
    const char *line, *problem;
} wrong[] = {
    {"workers", "a line is KEY = VALUE, not \"workers\""},
    {"workers 3", "a line is KEY = VALUE, not \"workers 3\""},
    {"= 3", "a line is KEY = VALUE, not \"= 3\""},
    {"workers =", "workers has no value; leave the line out for the default"},
    {"workers = # 3", "workers has no value; leave the line out for the default"},
    {"workers = \"3\"", "the value of workers stands without quotes"},
    {"workers = '3'", "the value of workers stands without quotes"},
    {"workes = 3", "unknown key \"workes\"; did you mean workers?"},
    {"--workers = 3", "unknown key \"--workers\"; did you mean workers?"},
    {"LOG_LEVEL = info", "unknown key \"LOG_LEVEL\"; did you mean log-level?"},
    {"[server]", "a line is KEY = VALUE, not \"[server]\""},
    {"elephant = 3", "unknown key \"elephant\""},
    {"wor kers = 3", "unknown key \"wor kers\"; did you mean workers?"},
    {"workers = \x01", "this is not text in UTF-8"},
    {"workers = 3\r4", "this is not text in UTF-8"},
    {"# \xff", "this is not text in UTF-8"},
    {"listen = [::1]:1", "listen stands in line 1 already"},
};

START_TEST(each_wrong_line_is_named)
{
    char *text = xasprintf("listen = 127.0.0.1:1\n%s\nlog-level = warn\n", wrong[_i].line);
    char *problem = xasprintf("%s:2: %s", path, wrong[_i].problem);
    struct config_file file;
    struct err err = ERR_INIT;

    ck_assert_int_eq(read_text(text, &file, &err), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].detail, problem);
    ck_assert_uint_eq(file.n, 2); /* the others are there */
    want_entry(&file.entries[1], LOG_LEVEL, "warn", 3);
    config_file_fini(&file);
    err_fini(&err);
    free(text);
    free(problem);
}
END_TEST

START_TEST(all_wrong_lines_at_once)
{
    struct config_file file;
    struct err err = ERR_INIT;
    struct buf text = BUF_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(wrong); i++) {
        buf_printf(&text, "%s\n", wrong[i].line);
    }
    ck_assert_int_eq(read_text(text.data, &file, &err), -1);
    ck_assert_uint_eq(err.n_items, ARRAY_LEN(wrong) - 1); /* the last has none before it here */
    ck_assert_uint_eq(file.n, 1);
    config_file_fini(&file);
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

static void want_unreadable(const char *name, const char *why)
{
    char *sentence = xasprintf("cannot read %s: %s", name, why);
    struct config_file file;
    struct err err = ERR_INIT;

    ck_assert_int_eq(config_file_read(name, keys, ARRAY_LEN(keys), &file, &err), -1);
    ck_assert_str_eq(err.detail, sentence);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_uint_eq(file.n, 0);
    config_file_fini(&file);
    err_fini(&err);
    free(sentence);
}

START_TEST(files_that_are_none)
{
    static char bytes[CONFIG_FILE_MOST + 1];
    char pipe_path[sizeof path + 8];
    struct config_file file;
    struct err err = ERR_INIT;

    want_unreadable("/tmp/mlpd/is/not/here", "No such file or directory");
    want_unreadable("/tmp", "it is not a file");
    (void)snprintf(pipe_path, sizeof pipe_path, "%s.pipe", path);
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    want_unreadable(pipe_path, "it is not a file"); /* and at once */
    ck_assert_int_eq(unlink(pipe_path), 0);
    memset(bytes, '#', sizeof bytes);
    write_bytes(bytes, sizeof bytes);
    want_unreadable(path, "it has more than 1048576 bytes");
    write_bytes(bytes, sizeof bytes - 1);
    ck_assert_int_eq(config_file_read(path, keys, ARRAY_LEN(keys), &file, &err), 0);
    config_file_fini(&file);
    write_bytes("workers = 3\0 4\n", 15);
    ck_assert_int_eq(config_file_read(path, keys, ARRAY_LEN(keys), &file, &err), -1);
    config_file_fini(&file);
    err_fini(&err);
}
END_TEST

/* ---- the files that come with it --------------------------------------------------------- */

/* `text` as a comment of at most 78 columns. */
static void comment(struct buf *out, const char *text)
{
    size_t column = 0, len;

    for (; *text != '\0'; text += len + strspn(text + len, " ")) {
        len = strcspn(text, " ");
        if (column != 0 && column + 1 + len > 78) {
            buf_puts(out, "\n");
            column = 0;
        }
        buf_puts(out, column == 0 ? "# " : " ");
        column += column == 0 ? 2 : 1;
        ck_assert_int_eq(buf_append(out, text, len), 0);
        column += len;
    }
    buf_puts(out, "\n");
}

/* etc/mlpd.conf as options.def would have it. */
static void put_example(struct buf *out)
{
    size_t k;

    comment(out,
            "Configuration of mlpd, for mlpd --config FILE; mlpd.conf(5) says how it is read. "
            "A line without its # changes what is said there; a flag and a variable of the "
            "environment win over it. mlpd --config FILE --check-config looks for mistakes; "
            "systemctl reload mlpd takes over a new log-level.");
    for (k = 0; k < OPTIONS; k++) {
        const struct option_known *o = &options_known[k];
        size_t len = o->argument != NULL ? strlen(o->argument) : 0;

        buf_puts(out, "\n");
        comment(out, o->help);
        buf_printf(out, "#%s = ", o->flag + 2);
        if (o->otherwise != NULL) {
            buf_printf(out, "%s\n", o->otherwise);
        } else if (o->argument == NULL) {
            buf_puts(out, "no\n");
        } else {
            buf_printf(out, "%.*s\n", (int)(options_is_repeatable(k) ? len - 3 : len),
                       o->argument);
        }
    }
}

START_TEST(the_example_has_every_option)
{
    struct buf page = BUF_INIT;

    put_example(&page);
    doc_compare("etc/mlpd.conf", "tests/unit/check_config_file", &page);
    buf_fini(&page);
}
END_TEST

/* Without its #, each line that has a value of the program's own is taken, and means the same. */
START_TEST(the_examples_values_are_the_programs_own)
{
    char *is = doc_read("etc/mlpd.conf"), *line, *rest = is;
    struct buf text = BUF_INIT;
    struct options before, after;
    struct err err = ERR_INIT;
    char *argv[] = {strdup("mlpd"), strdup("--config"), strdup(path)}, *difference;
    size_t n = 0, i;

    while ((line = strsep(&rest, "\n")) != NULL) {
        for (i = 0; i < OPTIONS; i++) {
            const struct option_known *o = &options_known[i];
            size_t len = strlen(o->flag + 2);

            if (line[0] == '#' && strncmp(line + 1, o->flag + 2, len) == 0 &&
                strncmp(line + 1 + len, " = ", 3) == 0 &&
                (o->otherwise != NULL || o->argument == NULL)) {
                buf_printf(&text, "%s\n", line + 1);
                n++;
            }
        }
    }
    ck_assert_uint_ge(n, 12);
    write_bytes(text.data, text.len);
    ck_assert_int_eq(options_parse(1, argv, &before, &err), 0);
    ck_assert_msg(options_parse(3, argv, &after, &err) == 0, "%s", err.detail);
    difference = options_difference(&before, &after);
    ck_assert_msg(difference == NULL, "%s", difference);
    options_fini(&before);
    options_fini(&after);
    buf_fini(&text);
    free(is);
    for (i = 0; i < ARRAY_LEN(argv); i++) {
        free(argv[i]);
    }
}
END_TEST

/* "\-\-log\-level" in mlpd(8), with its variable. */
START_TEST(the_manual_has_every_option)
{
    char *manual = doc_read("docs/mlpd.8");
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        struct buf flag = BUF_INIT;
        const char *p;

        for (p = options_known[k].flag; *p != '\0'; p++) {
            buf_printf(&flag, *p == '-' ? "\\%c" : "%c", *p);
        }
        ck_assert_msg(strstr(manual, flag.data) != NULL, "docs/mlpd.8 lacks %s",
                      options_known[k].flag);
        ck_assert_msg(strstr(manual, options_known[k].variable) != NULL, "docs/mlpd.8 lacks %s",
                      options_known[k].variable);
        buf_fini(&flag);
    }
    free(manual);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("configuration file");
    TCase *tc = tcase_create("file");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, make_file, remove_file);
    tcase_add_test(tc, lines_are_understood);
    tcase_add_loop_test(tc, each_wrong_line_is_named, 0, ARRAY_LEN(wrong));
    tcase_add_test(tc, all_wrong_lines_at_once);
    tcase_add_test(tc, files_that_are_none);
    tcase_add_test(tc, the_example_has_every_option);
    tcase_add_test(tc, the_examples_values_are_the_programs_own);
    tcase_add_test(tc, the_manual_has_every_option);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
