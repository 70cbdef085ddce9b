/* Where options come from: flags, the environment, a file, and what is built in; see options.h.
 *
 * Flags are read first, because one of them names the file; what they leave open is looked for in
 * the environment, then in the file, then in options.def. Then all values are judged together
 * (options_values.c). Main thread, before any other, and for a reload.
 */
#include "mlpd/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mlpd/config_file.h"
#include "mlpd/options_priv.h"

const struct option_known options_known[OPTIONS] = {
#define OPTION(field, flag, variable, argument, otherwise, help)                                   \
    {flag, variable, argument, otherwise, help},
#include "mlpd/options.def"
#undef OPTION
};

/* Flags that are no options: they cannot stand in the file that one of them names. */
#define FLAG_CONFIG "--config"
#define FLAG_CHECK  "--check-config"
#define FLAG_PRINT  "--print-config"

bool options_is_switch(size_t k)
{
    return options_known[k].argument == NULL;
}

bool options_is_repeatable(size_t k)
{
    size_t len = options_is_switch(k) ? 0 : strlen(options_known[k].argument);

    return len > 3 && strcmp(options_known[k].argument + len - 3, "...") == 0;
}

/* All that the line, the environment and the file say. */
struct sources {
    struct given given[OPTIONS];
    const char *config; /* the file; borrowed; NULL: none */
    bool check, print;
    struct config_file file;
};

/* ---- the command line ---- */

/* Whether the flag is one of `among` (NULL-terminated; NULL: all are). */
static bool is_among(const char *const *among, const char *flag)
{
    for (; among != NULL && *among != NULL; among++) {
        if (strcmp(*among, flag) == 0) {
            return true;
        }
    }
    return among == NULL;
}

/* A value from `from`: of what may be repeated, beside those before it from there. */
static void put_value(struct given *given, size_t k, enum given_from from, const char *value,
                      const char *source)
{
    if (options_is_repeatable(k)) {
        char *joined =
            given->joined != NULL ? xasprintf("%s,%s", given->joined, value) : xstrdup(value);

        free(given->joined);
        given->joined = joined;
        value = joined;
    }
    given->value = value;
    given->source = source;
    given->from = from;
}

static int unknown_flag(const char *arg, const char *const *among, struct err *err)
{
    const char *flags[OPTIONS + 5], *near;
    size_t k, n = 0;

    for (k = 0; k < OPTIONS; k++) {
        if (is_among(among, options_known[k].flag)) {
            flags[n++] = options_known[k].flag;
        }
    }
    if (among == NULL) {
        flags[n++] = "--version";
        flags[n++] = FLAG_CHECK;
        flags[n++] = FLAG_PRINT;
    }
    flags[n++] = FLAG_CONFIG;
    flags[n++] = "--help";
    near = text_nearest(arg, flags, n);
    return near != NULL
               ? err_set(err, ERR_INVALID, "unknown option %.100s; did you mean %s?", arg, near)
               : err_set(err, ERR_INVALID, "unknown option %.100s; see mlpd --help", arg);
}

/* Whether `arg` is this flag, alone or with "=VALUE". */
static bool is_flag(const char *arg, const char *flag)
{
    size_t len = strcspn(arg, "=");

    return strlen(flag) == len && strncmp(flag, arg, len) == 0;
}

/* The value of argv[*i], which is a flag that takes one. Moves *i past it. */
static const char *value_of(int argc, char *const *argv, int *i)
{
    const char *equals = strchr(argv[*i], '=');

    return equals != NULL ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
}

/* "--flag VALUE", "--flag=VALUE", and of a switch "--flag". Moves *i past what it took. */
static int take_flag(int argc, char *const *argv, int *i, const char *const *among,
                     struct sources *sources, struct err *err)
{
    const char *arg = argv[*i], *value;
    size_t k = 0;

    if (is_flag(arg, FLAG_CONFIG)) {
        sources->config = value_of(argc, argv, i);
        return sources->config != NULL ? 0
                                       : err_set(err, ERR_INVALID, "%s needs a value: FILE", arg);
    }
    if (among == NULL && (strcmp(arg, FLAG_CHECK) == 0 || strcmp(arg, FLAG_PRINT) == 0)) {
        sources->check = sources->check || strcmp(arg, FLAG_CHECK) == 0;
        sources->print = sources->print || strcmp(arg, FLAG_PRINT) == 0;
        return 0;
    }
    while (k < OPTIONS &&
           !(is_among(among, options_known[k].flag) && is_flag(arg, options_known[k].flag))) {
        k++;
    }
    if (k == OPTIONS) {
        return unknown_flag(arg, among, err);
    }
    value = options_is_switch(k) && strchr(arg, '=') == NULL ? "yes" : value_of(argc, argv, i);
    if (value == NULL) {
        return err_set(err, ERR_INVALID, "%s needs a value: %s", options_known[k].flag,
                       options_known[k].argument);
    }
    put_value(&sources->given[k], k, GIVEN_FLAG, value, options_known[k].flag);
    return 0;
}

/* ---- the environment and the file ---- */

/* A variable's value, or NULL when it is absent or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void take_environment(struct sources *sources)
{
    const char *value;
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        value = variable(options_known[k].variable);
        if (sources->given[k].from == GIVEN_NOWHERE && value != NULL) {
            put_value(&sources->given[k], k, GIVEN_ENVIRONMENT, value, options_known[k].variable);
        }
    }
    if (sources->config == NULL) {
        sources->config = variable("MLPD_CONFIG");
    }
}

/* The lines of it that are well count, and are judged, even where others are not. */
static int take_file(struct sources *sources, struct err *err)
{
    struct config_key keys[OPTIONS];
    size_t k, i;
    int rc;

    if (sources->config == NULL) {
        return 0;
    }
    for (k = 0; k < OPTIONS; k++) {
        keys[k] = (struct config_key){options_known[k].flag + 2, options_is_repeatable(k)};
    }
    rc = config_file_read(sources->config, keys, OPTIONS, &sources->file, err);
    for (i = 0; i < sources->file.n; i++) {
        const struct config_entry *entry = &sources->file.entries[i];
        struct given *given = &sources->given[entry->key];

        if (given->from == GIVEN_NOWHERE || given->from == GIVEN_FILE) {
            put_value(given, entry->key, GIVEN_FILE, entry->value, entry->source);
        }
    }
    return rc;
}

static void take_defaults(struct sources *sources)
{
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        if (sources->given[k].from == GIVEN_NOWHERE) {
            sources->given[k].value = options_known[k].otherwise;
            sources->given[k].source = options_known[k].flag;
        }
    }
}

static void sources_fini(struct sources *sources)
{
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        free(sources->given[k].joined);
    }
    config_file_fini(&sources->file);
}

/* After the flags: everything else, and what it means. */
static int finish(struct sources *sources, struct options *out, struct err *err)
{
    struct options options = {.check_config = sources->check, .print_config = sources->print};
    int rc;

    take_environment(sources);
    rc = take_file(sources, err);
    take_defaults(sources);
    options_interpret(sources->given, &options, err);
    if (rc != 0 || err_is(err)) {
        options_fini(&options);
        *out = (struct options){.check_config = sources->check};
        return -1;
    }
    options_note(&options, sources->given);
    *out = options;
    return 0;
}

/* ---- lines ---- */

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static int parse_into(int argc, char *const *argv, struct sources *sources, struct options *out,
                      struct err *err)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (is_help(argv[i])) {
            *out = (struct options){.help = true};
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            *out = (struct options){.version = true};
            return 0;
        }
        if (take_flag(argc, argv, &i, NULL, sources, err) != 0) {
            return -1;
        }
    }
    return finish(sources, out, err);
}

int options_parse(int argc, char *const *argv, struct options *out, struct err *err)
{
    struct sources sources = {.config = NULL};
    int rc;

    *out = (struct options){.help = false};
    rc = parse_into(argc, argv, &sources, out, err);
    sources_fini(&sources);
    return rc;
}

static int parse_command_into(int argc, char *const *argv, const struct options_command *command,
                              struct sources *sources, struct options_line *out, struct err *err)
{
    struct options_line line = {.word = NULL};
    int i;

    for (i = 1; i < argc; i++) {
        if (is_help(argv[i])) {
            *out = (struct options_line){.options = {.help = true}};
            return 0;
        }
        if (command->switch_flag != NULL && strcmp(argv[i], command->switch_flag) == 0) {
            line.switched = true;
        } else if (argv[i][0] == '-') {
            if (take_flag(argc, argv, &i, command->flags, sources, err) != 0) {
                return -1;
            }
        } else if (command->word == NULL || line.word != NULL || argv[i][0] == '\0') {
            return err_set(err, ERR_INVALID, "%s takes %s%s, not \"%.100s\"", argv[0],
                           command->word != NULL ? "one " : "no word",
                           command->word != NULL ? command->word : "", argv[i]);
        } else {
            line.word = argv[i];
        }
    }
    if (command->word != NULL && line.word == NULL) {
        return err_set(err, ERR_INVALID, "%s needs a %s", argv[0], command->word);
    }
    if (finish(sources, &line.options, err) != 0) {
        return -1;
    }
    *out = line;
    return 0;
}

int options_parse_command(int argc, char *const *argv, const struct options_command *command,
                          struct options_line *out, struct err *err)
{
    struct sources sources = {.config = NULL};
    int rc = parse_command_into(argc, argv, command, &sources, out, err);

    sources_fini(&sources);
    return rc;
}

void options_fini(struct options *options)
{
    free(options->host);
    free(options->listen_path);
    free(options->tls_cert);
    free(options->tls_key);
    options_free_list(&options->host_names);
    options_free_list(&options->allow_private);
    options_free_list(&options->fetch_allow);
    free(options->state);
    free(options->ui_dir);
    options_forget(options);
    *options = (struct options){.help = false};
}
