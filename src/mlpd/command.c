/* Which commands there are, and how they begin and end; see command.h. Main thread, no other. */
#include "mlpd/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/text.h"

static const char *const flags_state[] = {"--state", "--log-level", NULL};
static const char *const flags_gc[] = {"--state", "--log-level", "--keep-jobs", "--keep-days",
                                       NULL};

static const struct {
    const char *name, *usage, *help;
    command_run_f *run;
    struct options_command takes;
} commands[] = {
    {"backup", "DIR [--state DIR]",
     "copy a state folder, of a running daemon too, to a new or empty DIR", command_backup,
     {.flags = flags_state, .word = "folder to write to"}},
    {"restore", "DIR [--state DIR]",
     "bring a backup to the state folder, which must be absent or empty", command_restore,
     {.flags = flags_state, .word = "folder of a backup"}},
    {"check", "[--quick] [--state DIR]",
     "look for damage in a state folder, of a running daemon too, or in a backup; --quick: in the "
     "database's pages alone",
     command_check, {.flags = flags_state, .switch_flag = "--quick"}},
    {"gc", "[--dry-run] [--keep-jobs N] [--keep-days DAYS] [--state DIR]",
     "remove old jobs, and datasets without a name that no job needs; only while no daemon runs",
     command_gc, {.flags = flags_gc, .switch_flag = "--dry-run"}},
    {"webhook-secret", "show|rotate|retire [--state DIR]",
     "print the secret that webhooks are signed with; rotate: make a new one, beside which the one "
     "before still signs, until retire; a running daemon knows at once",
     command_webhook_secret, {.flags = flags_state, .word = "show, rotate or retire"}},
};

void command_help(void)
{
    size_t i;

    printf("\nCommands, which end with 0 when all is well, 1 when not:\n");
    for (i = 0; i < ARRAY_LEN(commands); i++) {
        printf("  mlpd %s %s\n      %s\n", commands[i].name, commands[i].usage, commands[i].help);
    }
    command_token_help();
}

size_t command_tell(const struct err *problems)
{
    size_t i;

    for (i = 0; i < problems->n_items; i++) {
        printf("%s\n", problems->items[i].detail);
    }
    if (problems->n_dropped > 0) {
        printf("and %zu more\n", problems->n_dropped);
    }
    return problems->n_items + problems->n_dropped;
}

static int unknown(const char *name)
{
    const char *names[ARRAY_LEN(commands) + 1], *near;
    size_t i;

    for (i = 0; i < ARRAY_LEN(commands); i++) {
        names[i] = commands[i].name;
    }
    names[i] = "token";
    near = text_nearest(name, names, ARRAY_LEN(names));
    if (near != NULL) {
        (void)fprintf(stderr, "mlpd: unknown command %.100s; did you mean %s?\n", name, near);
    } else {
        (void)fprintf(stderr, "mlpd: unknown command %.100s; see mlpd --help\n", name);
    }
    return 2;
}

static int run(size_t i, const struct options_line *line)
{
    struct err err = ERR_INIT;
    int rc;

    (void)umask(077); /* the state is nobody else's */
    hash_start();
    log_set_level(line->options.log_level);
    rc = commands[i].run(line, &err);
    if (rc < 0) {
        (void)fprintf(stderr, "mlpd %s: %s\n", commands[i].name, err.detail);
        (void)command_tell(&err);
    }
    err_fini(&err);
    if (fflush(stdout) != 0) {
        perror("mlpd: stdout");
        rc = -1;
    }
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_main(int argc, char *const *argv)
{
    struct options_line line = {.word = NULL};
    struct err err = ERR_INIT;
    size_t i = 0;
    int status;

    if (strcmp(argv[0], "token") == 0) {
        return command_token(argc, argv);
    }
    while (i < ARRAY_LEN(commands) && strcmp(commands[i].name, argv[0]) != 0) {
        i++;
    }
    if (i == ARRAY_LEN(commands)) {
        return unknown(argv[0]);
    }
    if (options_parse_command(argc, argv, &commands[i].takes, &line, &err) != 0) {
        options_complain(&err);
        err_fini(&err);
        return 2;
    }
    if (line.options.help) {
        printf("Usage: mlpd %s %s\n%s\n", commands[i].name, commands[i].usage, commands[i].help);
        return EXIT_SUCCESS;
    }
    status = run(i, &line);
    options_fini(&line.options);
    return status;
}
