/* mlpd token: who may use the daemon.
 *
 *   mlpd token create --scope SCOPE [--note TEXT] [--state DIR]
 *   mlpd token list [--state DIR]
 *   mlpd token revoke ID [--state DIR]
 *
 * It changes STATE/tokens and nothing else, with a daemon or without one; a daemon that runs sees
 * it within a second. What must hold: the token is printed once, alone on stdout, and when it could
 * not be printed it is revoked again, for nobody has it; every other word goes to stderr, but for
 * the list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/tokens.h"
#include "mlpd/command.h"
#include "mlpd/open.h"
#include "mlpd/state.h"

/* What the line says besides --state and --log-level. */
struct line {
    const char *id, *scope, *note; /* borrowed; NULL: not said */
    bool help;
};

static int create(const char *path, const struct line *line, struct err *err)
{
    char text[TOKEN_TEXT_LEN], id[TOKEN_ID_LEN];
    enum route_scope scope;
    bool shown;

    if (!route_scope_parse(line->scope, &scope)) {
        return err_set(err, ERR_INVALID, "--scope must be read, predict, train or admin");
    }
    if (tokens_create(path, scope, line->note != NULL ? line->note : "", text, err) != 0) {
        return -1;
    }
    (void)snprintf(id, sizeof id, "%.*s", TOKEN_ID_LEN - 1, strchr(text, '_') + 1);
    shown = printf("%s\n", text) > 0 && fflush(stdout) == 0;
    sodium_memzero(text, sizeof text);
    if (!shown) {
        return tokens_revoke(path, id, err) != 0
                   ? -1
                   : err_set(err, ERR_IO, "the token could not be printed, and is revoked");
    }
    (void)fprintf(
        stderr,
        "mlpd: made token %s with the scope %s; the line above is all of it, and is shown "
        "this once\n",
        id, route_scope_name(scope));
    return 0;
}

static int list(const char *path, const struct line *line, struct err *err)
{
    struct token *tokens = NULL;
    size_t n = 0, i;

    (void)line;
    if (tokens_list(path, &tokens, &n, err) != 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        printf("%s  %-7s  %s  %s\n", tokens[i].id, route_scope_name(tokens[i].scope),
               tokens[i].created, tokens[i].note);
    }
    free(tokens);
    (void)fprintf(stderr, "mlpd: %zu token%s\n", n, n == 1 ? "" : "s");
    return 0;
}

static int revoke(const char *path, const struct line *line, struct err *err)
{
    if (tokens_revoke(path, line->id, err) != 0) {
        return -1;
    }
    (void)fprintf(stderr, "mlpd: token %s is revoked; a running daemon knows within a second\n",
                  line->id);
    return 0;
}

static const struct verb {
    const char *name, *usage, *help;
    int (*run)(const char *path, const struct line *line, struct err *err);
    bool makes; /* the state folder, when it is not there; takes --scope and --note */
    bool id;    /* takes one */
} verbs[] = {
    {"create", "--scope read|predict|train|admin [--note TEXT] [--state DIR]",
     "make a token and print it, this once; a scope includes those before it; a running daemon "
     "takes it within a second",
     create, true, false},
    {"list", "[--state DIR]", "id, scope, time and note of each token", list, false, false},
    {"revoke", "ID [--state DIR]", "end a token; a running daemon knows within a second", revoke,
     false, true},
};

void command_token_help(void)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(verbs); i++) {
        printf("  mlpd token %s %s\n      %s\n", verbs[i].name, verbs[i].usage, verbs[i].help);
    }
}

static const struct verb *find_verb(const char *name, struct err *err)
{
    const char *names[ARRAY_LEN(verbs)], *near;
    size_t i;

    for (i = 0; i < ARRAY_LEN(verbs); i++) {
        if (name != NULL && strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
        names[i] = verbs[i].name;
    }
    near = name != NULL ? text_nearest(name, names, ARRAY_LEN(names)) : NULL;
    (void)(near != NULL ? err_set(err, ERR_INVALID,
                                  "unknown command token %.100s; did you mean %s?", name, near)
                        : err_set(err, ERR_INVALID, "token takes create, list or revoke"));
    return NULL;
}

/* "--flag VALUE" or "--flag=VALUE": 1 when it was taken, 0 when it is another, -1. */
static int take_value(int argc, char *const *argv, int *i, const char *flag, const char **out,
                      struct err *err)
{
    size_t len = strlen(flag);

    if (strncmp(argv[*i], flag, len) != 0 || (argv[*i][len] != '\0' && argv[*i][len] != '=')) {
        return 0;
    }
    if (argv[*i][len] == '=') {
        *out = argv[*i] + len + 1;
    } else if (*i + 1 < argc) {
        *out = argv[++*i];
    } else {
        return err_set(err, ERR_INVALID, "%s needs a value", flag);
    }
    return 1;
}

/* Takes its own words out; the others, for options_parse_command, go to rest[argc + 1]. */
static int take_own(int argc, char *const *argv, const struct verb *verb, struct line *line,
                    char **rest, struct err *err)
{
    int i, n = 0, rc;

    rest[n++] = argv[1]; /* its messages begin with the verb */
    for (i = 2; i < argc; i++) {
        rc = !verb->makes ? 0 : take_value(argc, argv, &i, "--scope", &line->scope, err);
        if (rc == 0 && verb->makes) {
            rc = take_value(argc, argv, &i, "--note", &line->note, err);
        }
        if (rc < 0) {
            return -1;
        }
        if (rc == 0) {
            rest[n++] = argv[i];
        }
    }
    return n;
}

static int parse(int argc, char *const *argv, const struct verb *verb, struct line *line,
                 struct options_line *out, struct err *err)
{
    static const char *const flags[] = {"--state", "--log-level", NULL};
    struct options_command takes = {.flags = flags, .word = verb->id ? "token id" : NULL};
    char **rest = xcalloc((size_t)argc + 1, sizeof *rest);
    int n = take_own(argc, argv, verb, line, rest, err), rc = -1;

    if (n >= 0) {
        rc = options_parse_command(n, rest, &takes, out, err);
    }
    free(rest);
    if (rc == 0 && !out->options.help && verb->makes && line->scope == NULL) {
        options_fini(&out->options);
        return err_set(err, ERR_INVALID,
                       "token create needs --scope read, predict, train or admin");
    }
    line->id = rc == 0 ? out->word : NULL;
    return rc;
}

static int run(const struct verb *verb, const struct line *line, const struct options *options,
               struct err *err)
{
    char *path = open_path(options->state, "tokens");
    int rc = 0;

    (void)umask(077); /* the state is nobody else's */
    hash_start();
    log_set_level(options->log_level);
    if (verb->makes) {
        rc = state_make(options->state, err);
    }
    if (rc == 0) {
        rc = verb->run(path, line, err);
    }
    free(path);
    return rc;
}

int command_token(int argc, char *const *argv)
{
    struct options_line options = {.word = NULL};
    struct line line = {.id = NULL};
    struct err err = ERR_INIT;
    const struct verb *verb;
    int status = 2;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        command_token_help();
        return EXIT_SUCCESS;
    }
    verb = find_verb(argc > 1 ? argv[1] : NULL, &err);
    if (verb != NULL && parse(argc, argv, verb, &line, &options, &err) == 0) {
        status = EXIT_SUCCESS;
        if (options.options.help) {
            printf("Usage: mlpd token %s %s\n%s\n", verb->name, verb->usage, verb->help);
        } else if (run(verb, &line, &options.options, &err) != 0) {
            status = EXIT_FAILURE;
        }
        options_fini(&options.options);
    }
    if (err_is(&err)) {
        (void)fprintf(stderr, "mlpd: %s\n", err.detail);
    }
    err_fini(&err);
    if (fflush(stdout) != 0) {
        perror("mlpd: stdout");
        return EXIT_FAILURE;
    }
    return status;
}
