/* Flags, environment and defaults; the state folder and its lock. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mlpd/options.h"
#include "mlpd/state.h"

static void clean(void)
{
    static const char *const names[] = {
#define OPTION(field, flag, variable, argument, otherwise, help) variable,
#include "mlpd/options.def"
#undef OPTION
        "MLPD_CONFIG", "STATE_DIRECTORY", "XDG_STATE_HOME"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_int_eq(unsetenv(names[i]), 0);
    }
    ck_assert_int_eq(setenv("HOME", "/home/someone", 1), 0);
}

static int parse(struct options *out, struct err *err, const char *a, const char *b)
{
    char *argv[4] = {strdup("mlpd"), a != NULL ? strdup(a) : NULL, b != NULL ? strdup(b) : NULL};
    int rc = options_parse(1 + (a != NULL) + (b != NULL), argv, out, err);

    free(argv[0]);
    free(argv[1]);
    free(argv[2]);
    return rc;
}

START_TEST(defaults)
{
    struct options o;
    struct err err = ERR_INIT;

    ck_assert_int_eq(parse(&o, &err, NULL, NULL), 0);
    ck_assert_str_eq(o.host, "127.0.0.1");
    ck_assert_uint_eq(o.port, 6573);
    ck_assert_str_eq(o.state, "/home/someone/.local/state/mlpd");
    ck_assert_uint_ge(o.workers, 1);
    ck_assert_int_eq(o.log_level, LOG_INFO);
    ck_assert_uint_eq(o.max_body, (size_t)32 << 20);
    ck_assert_uint_gt(o.memory_limit, 1 << 20);
    ck_assert_uint_eq(o.disk_reserve, (uint64_t)64 << 20);
    ck_assert_double_eq(o.checkpoint_seconds, 10);
    ck_assert_double_eq(o.stall_seconds, 60);
    ck_assert_double_eq(o.stop_seconds, 20);
    ck_assert_int_eq(o.keep_jobs, -1);
    ck_assert_int_eq(o.keep_days, -1);
    options_fini(&o);
}
END_TEST

/* Limits and what lies within them. */
START_TEST(seconds_and_what_is_kept)
{
    static const char *const good[][2] = {
        {"--checkpoint-seconds", "0.01"}, {"--checkpoint-seconds", "86400"},
        {"--stall-seconds", "0"},         {"--stall-seconds", "1.5"},
        {"--stop-seconds", "0.1"},        {"--stop-seconds", "86400"},
        {"--disk-reserve", "0"},          {"--disk-reserve", "10G"},
        {"--keep-jobs", "0"},             {"--keep-jobs", "1000000000"},
        {"--keep-days", "0"},             {"--keep-days", "36500"},
    };
    static const char *const bad[][2] = {
        {"--checkpoint-seconds", "0"},    {"--checkpoint-seconds", "0.009"},
        {"--checkpoint-seconds", "nan"},  {"--checkpoint-seconds", "86400.1"},
        {"--checkpoint-seconds", ""},     {"--checkpoint-seconds", "1s"},
        {"--stall-seconds", "-1"},        {"--stall-seconds", "inf"},
        {"--stop-seconds", "0"},          {"--stop-seconds", "0x10"},
        {"--disk-reserve", "-1"},         {"--keep-jobs", "1000000001"},
        {"--keep-jobs", "1K"},            {"--keep-days", "36501"},
        {"--keep-days", "1.5"},
    };
    struct options o;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err err = ERR_INIT;

        ck_assert_msg(parse(&o, &err, good[i][0], good[i][1]) == 0, "%s", err.detail);
        options_fini(&o);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = ERR_INIT;

        ck_assert_msg(parse(&o, &err, bad[i][0], bad[i][1]) == -1, "%s %s is taken", bad[i][0],
                      bad[i][1]);
        ck_assert_msg(strstr(err.detail, bad[i][0]) != NULL, "%s", err.detail);
        err_fini(&err);
    }
    setenv("MLPD_KEEP_DAYS", "7", 1);
    setenv("MLPD_STALL_SECONDS", "0.5", 1);
    {
        struct err err = ERR_INIT;

        ck_assert_int_eq(parse(&o, &err, "--keep-jobs", "5"), 0);
        ck_assert_int_eq(o.keep_jobs, 5);
        ck_assert_int_eq(o.keep_days, 7);
        ck_assert_double_eq(o.stall_seconds, 0.5);
        ck_assert_ptr_null(o.ui_dir);
        options_fini(&o);
        ck_assert_int_eq(parse(&o, &err, "--ui-dir", "web/dist"), 0);
        ck_assert_str_eq(o.ui_dir, "web/dist");
        options_fini(&o);
        ck_assert_int_eq(parse(&o, &err, "--ui-dir", ""), -1);
        ck_assert_ptr_nonnull(strstr(err.detail, "--ui-dir"));
        err_fini(&err);
    }
}
END_TEST

static int parse_command(char *const *argv, const struct options_command *takes,
                         struct options_line *out, struct err *err)
{
    int argc = 0;

    while (argv[argc] != NULL) {
        argc++;
    }
    return options_parse_command(argc, argv, takes, out, err);
}

START_TEST(lines_of_commands)
{
    static const char *const flags[] = {"--state", NULL};
    static const struct options_command backup = {.flags = flags, .word = "folder"};
    static const struct options_command check = {.flags = flags, .switch_flag = "--quick"};
    static const struct {
        const struct options_command *takes;
        const char *argv[6];
        const char *detail; /* NULL: it is taken */
    } lines[] = {
        {&backup, {"backup", "to"}, NULL},
        {&backup, {"backup", "to", "--state", "/s"}, NULL},
        {&backup, {"backup", "--state=/s", "to"}, NULL},
        {&backup, {"backup"}, "backup needs a folder"},
        {&backup, {"backup", "--state", "/s"}, "backup needs a folder"},
        {&backup, {"backup", "a", "b"}, "takes one folder, not \"b\""},
        {&backup, {"backup", ""}, "takes one folder, not \"\""},
        {&backup, {"backup", "a", "--workers", "2"}, "unknown option --workers"},
        {&backup, {"backup", "a", "--quick"}, "unknown option --quick"},
        {&backup, {"backup", "a", "--stat", "/s"}, "did you mean --state?"},
        {&backup, {"backup", "a", "--state"}, "--state needs a value"},
        {&check, {"check", "--quick"}, NULL},
        {&check, {"check", "a"}, "check takes no word, not \"a\""},
    };
    struct options_line line;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct err err = ERR_INIT;
        char *argv[7] = {NULL};
        int rc;

        for (size_t k = 0; lines[i].argv[k] != NULL; k++) {
            argv[k] = strdup(lines[i].argv[k]);
        }
        rc = parse_command(argv, lines[i].takes, &line, &err);
        if (lines[i].detail == NULL) {
            ck_assert_msg(rc == 0, "%s", err.detail);
            ck_assert_int_eq(line.switched, lines[i].takes == &check);
            ck_assert(lines[i].takes == &check || strcmp(line.word, "to") == 0);
            ck_assert_str_eq(line.options.state,
                             lines[i].argv[2] != NULL ? "/s" : "/home/someone/.local/state/mlpd");
            options_fini(&line.options);
        } else {
            ck_assert_int_eq(rc, -1);
            ck_assert_msg(strstr(err.detail, lines[i].detail) != NULL, "%s", err.detail);
        }
        err_fini(&err);
        for (size_t k = 0; argv[k] != NULL; k++) {
            free(argv[k]);
        }
    }
}
END_TEST

START_TEST(flags_win_over_the_environment)
{
    struct options o;
    struct err err = ERR_INIT;

    setenv("MLPD_WORKERS", "3", 1);
    setenv("MLPD_LISTEN", "[::1]:0", 1);
    setenv("MLPD_MAX_BODY", "", 1); /* empty counts as not set */
    setenv("XDG_STATE_HOME", "/x", 1);
    ck_assert_int_eq(parse(&o, &err, NULL, NULL), 0);
    ck_assert_uint_eq(o.workers, 3);
    ck_assert_str_eq(o.host, "::1");
    ck_assert_uint_eq(o.port, 0);
    ck_assert_str_eq(o.state, "/x/mlpd");
    options_fini(&o);
    setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
    ck_assert_int_eq(parse(&o, &err, "--workers", "5"), 0);
    ck_assert_uint_eq(o.workers, 5);
    ck_assert_str_eq(o.state, "/var/lib/a");
    options_fini(&o);
    ck_assert_int_eq(parse(&o, &err, "--state=/y", "--workers=7"), 0);
    ck_assert_str_eq(o.state, "/y");
    ck_assert_uint_eq(o.workers, 7);
    options_fini(&o);
    ck_assert_int_eq(parse(&o, &err, "--listen", "localhost:1"), 0);
    ck_assert_str_eq(o.host, "127.0.0.1");
    options_fini(&o);
    ck_assert_int_eq(parse(&o, &err, "--nonsense-after", "--help"), -1);
    err_fini(&err);
    ck_assert_int_eq(parse(&o, &err, "--help", "--nonsense"), 0);
    ck_assert(o.help);
}
END_TEST

START_TEST(bad_values_name_their_source)
{
    static const struct {
        const char *flag, *value, *detail;
    } bad[] = {
        {"--listne", "x", "did you mean --listen?"},
        {"extra", NULL, "unknown option extra"},
        {"--workers", NULL, "--workers needs a value"},
        {"--workers", "0", "--workers must be"},
        {"--workers", "257", "1 to 256"},
        {"--workers", "2x", "not \"2x\""},
        {"--workers", "1K", "1 to 256"},
        {"--workers", "", "--workers"},
        {"--listen", "127.0.0.1", "ADDR:PORT"},
        {"--listen", "127.0.0.1:", "port"},
        {"--listen", "127.0.0.1:65536", "65535"},
        {"--listen", "example.org:80", "in digits"},
        {"--listen", "::1:80", "in digits"},
        {"--listen", "[::1]80", "ADDR:PORT"},
        {"--listen", "[::1:80", "[ADDR]:PORT"},
        {"--listen", ":80", "in digits"},
        {"--log-level", "loud", "debug, info"},
        {"--memory-limit", "1X", "--memory-limit"},
        {"--memory-limit", "99999999999T", "--memory-limit"},
        {"--max-body", "2G", "--max-body"},
        {"--max-queued", "-1", "--max-queued"},
    };
    struct options o;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = ERR_INIT;

        ck_assert_msg(parse(&o, &err, bad[i].flag, bad[i].value) == -1, "%s %s is taken",
                      bad[i].flag, bad[i].value);
        ck_assert_msg(strstr(err.detail, bad[i].detail) != NULL, "%s", err.detail);
        err_fini(&err);
    }
    setenv("MLPD_MAX_QUEUED", "none", 1);
    {
        struct err err = ERR_INIT;

        ck_assert_int_eq(parse(&o, &err, NULL, NULL), -1);
        ck_assert_ptr_nonnull(strstr(err.detail, "MLPD_MAX_QUEUED"));
        err_fini(&err);
    }
}
END_TEST

/* A file beneath the environment, and that beneath flags; one source counts for each option. */
START_TEST(a_file_is_beneath)
{
    char path[] = "/tmp/mlpd-options-XXXXXX", line[64];
    struct err err = ERR_INIT;
    struct options o;
    FILE *f = fdopen(mkstemp(path), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs("workers = 3\nmax-queued = 4\nkeep-jobs = 5\nkeep-days = 6\n"
                           "behind-proxy = true\nrequire-token = off\nlog-prefix = on\n"
                           "host-name = a.example\nhost-name = b.example:1\n",
                           f),
                     0);
    ck_assert_int_eq(fclose(f), 0);
    (void)snprintf(line, sizeof line, "--config=%s", path);
    setenv("MLPD_MAX_QUEUED", "40", 1);
    setenv("MLPD_KEEP_JOBS", "50", 1);
    ck_assert_msg(parse(&o, &err, line, "--keep-jobs=500") == 0, "%s", err.detail);
    ck_assert_uint_eq(o.workers, 3);
    ck_assert_int_eq(o.max_queued, 40);
    ck_assert_int_eq(o.keep_jobs, 500);
    ck_assert_int_eq(o.keep_days, 6);
    ck_assert(o.behind_proxy && !o.require_token && o.log_prefix);
    ck_assert_str_eq(o.host_names[0], "a.example");
    ck_assert_str_eq(o.host_names[1], "b.example:1");
    ck_assert_ptr_null(o.host_names[2]);
    options_fini(&o);
    setenv("MLPD_HOST_NAME", "c.example,d.example", 1);
    setenv("MLPD_CONFIG", path, 1);
    ck_assert_int_eq(parse(&o, &err, "--behind-proxy=no", NULL), 0);
    ck_assert(!o.behind_proxy);
    ck_assert_int_eq(o.keep_days, 6);
    ck_assert_str_eq(o.host_names[0], "c.example");
    ck_assert_str_eq(o.host_names[1], "d.example");
    ck_assert_ptr_null(o.host_names[2]);
    options_fini(&o);
    /* --config wins over its variable, and an empty variable is none */
    ck_assert_int_eq(parse(&o, &err, "--config", "/dev/null/no"), -1);
    ck_assert_ptr_nonnull(strstr(err.detail, "/dev/null/no"));
    err_fini(&err);
    setenv("MLPD_CONFIG", "", 1);
    ck_assert_int_eq(parse(&o, &err, NULL, NULL), 0);
    ck_assert_uint_ne(o.max_queued, 4);
    options_fini(&o);
    ck_assert_int_eq(parse(&o, &err, "--config", NULL), -1);
    ck_assert_str_eq(err.detail, "--config needs a value: FILE");
    err_fini(&err);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(all_wrong_values_are_told)
{
    struct err err = ERR_INIT;
    struct options o;

    setenv("MLPD_MAX_QUEUED", "none", 1);
    setenv("MLPD_TLS_KEY", "key", 1);
    setenv("MLPD_HOST_NAME", "a b/c", 1);
    ck_assert_int_eq(parse(&o, &err, "--workers=0", "--log-level=loud"), -1);
    ck_assert_uint_eq(err.n_items, 5);
    ck_assert(!o.check_config);
    err_fini(&err);
    ck_assert_int_eq(parse(&o, &err, "--check-config", NULL), -1);
    ck_assert_uint_eq(err.n_items, 3);
    ck_assert(o.check_config);
    err_fini(&err);
}
END_TEST

START_TEST(differences_are_named)
{
    struct err err = ERR_INIT;
    struct options a, b;
    char *difference;

    ck_assert_int_eq(parse(&a, &err, "--log-level=warn", "--workers=200"), 0);
    ck_assert_int_eq(parse(&b, &err, "--workers=200", NULL), 0);
    ck_assert_ptr_null(options_difference(&a, &b)); /* the level may change */
    options_fini(&b);
    ck_assert_int_eq(parse(&b, &err, "--keep-jobs=1", "--host-name=a.example"), 0);
    difference = options_difference(&a, &b);
    ck_assert_ptr_nonnull(strstr(difference, "host-name, workers, keep-jobs"));
    free(difference);
    options_fini(&a);
    options_fini(&b);
}
END_TEST

START_TEST(sizes)
{
    uint64_t n;

    ck_assert(options_size("0", &n) && n == 0);
    ck_assert(options_size("1024", &n) && n == 1024);
    ck_assert(options_size("3K", &n) && n == 3072);
    ck_assert(options_size("2T", &n) && n == (uint64_t)2 << 40);
    ck_assert(!options_size("", &n) && !options_size("K", &n) && !options_size("1KB", &n) &&
              !options_size("-1", &n) && !options_size(" 1", &n) && !options_size("1.5G", &n) &&
              !options_size("18446744073709551615K", &n) &&
              !options_size("18446744073709551616", &n));
}
END_TEST

START_TEST(one_process_a_folder)
{
    char dir[] = "/tmp/mlpd-state-XXXXXX", *deep, text[64];
    struct err err = ERR_INIT;
    struct stat st;
    int fd = -1, other = -1, status;
    pid_t child;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_gt(asprintf(&deep, "%s/a/b", dir), 0);
    ck_assert_int_eq(state_open(deep, &fd, &err), 0);
    ck_assert_int_eq(stat(deep, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(state_open(deep, &other, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    (void)snprintf(text, sizeof text, "is held by process %ld", (long)getpid());
    ck_assert_ptr_nonnull(strstr(err.detail, text));
    err_fini(&err);
    /* it goes with the process, however that ends */
    ck_assert_int_eq(close(fd), 0);
    child = fork();
    if (child == 0) {
        _exit(state_open(deep, &fd, &err) == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(state_open(deep, &fd, &err), 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(state_is_whole(deep, &err), 0);
    (void)snprintf(text, sizeof text, "%s/restore.part", deep);
    ck_assert_int_eq(mkdir(text, 0700), 0);
    ck_assert_int_eq(state_is_whole(deep, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    err_fini(&err);
    ck_assert_int_eq(rmdir(text), 0);
    ck_assert_int_eq(state_open("/proc/nothing/here", &fd, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    err_fini(&err);
    (void)snprintf(text, sizeof text, "%s/a/b/lock", dir);
    ck_assert_int_eq(state_open(text, &fd, &err), -1); /* a file is no folder */
    err_fini(&err);
    ck_assert_int_eq(unlink(text), 0);
    ck_assert_int_eq(rmdir(deep), 0);
    *strrchr(deep, '/') = '\0';
    ck_assert_int_eq(rmdir(deep), 0);
    ck_assert_int_eq(rmdir(dir), 0);
    free(deep);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("options");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, clean, NULL);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, seconds_and_what_is_kept);
    tcase_add_test(tc, lines_of_commands);
    tcase_add_test(tc, flags_win_over_the_environment);
    tcase_add_test(tc, bad_values_name_their_source);
    tcase_add_test(tc, a_file_is_beneath);
    tcase_add_test(tc, all_wrong_values_are_told);
    tcase_add_test(tc, differences_are_named);
    tcase_add_test(tc, sizes);
    tcase_add_test(tc, one_process_a_folder);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
