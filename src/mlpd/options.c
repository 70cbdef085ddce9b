/* Flags and environment; see options.h. Main thread, before any other. */
#include "mlpd/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "mlpd/options_priv.h"

#define MAX_SECONDS   86400
#define MAX_KEEP_JOBS 1000000000
#define MAX_KEEP_DAYS 36500

enum { /* places in the tables below */
#define OPTION(field, flag, variable, argument, otherwise, help) OPT_##field,
#include "mlpd/options.def"
#undef OPTION
       OPTIONS
};

static const struct known {
    const char *flag, *variable, *argument, *otherwise, *help;
} known[] = {
#define OPTION(field, flag, variable, argument, otherwise, help)                                   \
    {flag, variable, argument, otherwise, help},
#include "mlpd/options.def"
#undef OPTION
};

/* Switches take no value on the command line. */
static bool is_switch(size_t k)
{
    return known[k].argument == NULL;
}

/* Options whose argument ends in "..." may come several times; their values add up. */
static bool is_repeatable(size_t k)
{
    size_t len = is_switch(k) ? 0 : strlen(known[k].argument);

    return len > 3 && strcmp(known[k].argument + len - 3, "...") == 0;
}

void options_help(void)
{
    size_t i;

    printf("Usage: mlpd [OPTION]...\n       mlpd COMMAND [OPTION]...\n"
           "A daemon that trains multi-layer perceptrons and serves predictions over HTTP.\n\n");
    for (i = 0; i < OPTIONS; i++) {
        printf("  %s%s%s\n      %s", known[i].flag, is_switch(i) ? "" : " ",
               is_switch(i) ? "" : known[i].argument, known[i].help);
        if (known[i].otherwise != NULL) {
            printf(" (default: %s)", known[i].otherwise);
        }
        printf(" [$%s]\n", known[i].variable);
    }
    printf("  --version\n  --help\n\nSizes take K, M, G or T (units of 1024). A flag wins over its "
           "variable.\nWhat ends in ... may be given several times; in its variable, "
           "values are parted by commas.\n");
}

bool options_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    const char *unit;
    unsigned long long n;
    char *end;
    unsigned shift = 0;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0) {
        return false;
    }
    if (*end != '\0') {
        unit = strchr(units, *end);
        if (unit == NULL || end[1] != '\0') {
            return false;
        }
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (n << shift >> shift != n) {
        return false;
    }
    *out = (uint64_t)n << shift;
    return true;
}

int options_refuse(struct err *err, const struct given *g, const char *want)
{
    return err_set(err, ERR_INVALID, "%s must be %s, not \"%.100s\"", g->source, want, g->value);
}

int options_read_count(const struct given *g, uint64_t min, uint64_t max, uint64_t *out,
                       struct err *err)
{
    char want[64];
    uint64_t n;

    if (strspn(g->value, "0123456789") != strlen(g->value) || !options_size(g->value, &n) ||
        n < min || n > max) {
        (void)snprintf(want, sizeof want, "a number from %llu to %llu", (unsigned long long)min,
                       (unsigned long long)max);
        return options_refuse(err, g, want);
    }
    *out = n;
    return 0;
}

static int read_size(const struct given *g, uint64_t min, uint64_t max, uint64_t *out,
                     struct err *err)
{
    uint64_t n;

    if (!options_size(g->value, &n) || n < min || n > max) {
        return options_refuse(err, g, "a size like 64M, within reason");
    }
    *out = n;
    return 0;
}

/* Decimals; `zero`: 0 is taken too. */
static int read_seconds(const struct given *g, double min, bool zero, double *out, struct err *err)
{
    char want[64];
    double n;

    if (!text_to_double(g->value, strlen(g->value), &n) ||
        ((n < min || n > MAX_SECONDS) && !(zero && n == 0))) {
        (void)snprintf(want, sizeof want, "seconds from %g to %d%s", min, MAX_SECONDS,
                       zero ? ", or 0" : "");
        return options_refuse(err, g, want);
    }
    *out = n;
    return 0;
}

static int read_keep(const struct given *g, uint64_t max, int64_t *out, struct err *err)
{
    uint64_t n = 0;

    *out = -1;
    if (g->value == NULL) {
        return 0;
    }
    if (options_read_count(g, 0, max, &n, err) != 0) {
        return -1;
    }
    *out = (int64_t)n;
    return 0;
}

int options_read_switch(const struct given *g, bool *out, struct err *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    size_t i;

    *out = false;
    for (i = 0; g->value != NULL && i < ARRAY_LEN(words); i++) {
        if (strcmp(g->value, words[i]) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    }
    return g->value == NULL ? 0 : options_refuse(err, g, "yes or no");
}

int options_read_list(const struct given *g, size_t most, char ***out, struct err *err)
{
    static const char between[] = ", \t";
    const char *at = g->value != NULL ? g->value : "";
    char **list = xcalloc(most + 1, sizeof *list);
    size_t n = 0, len;

    *out = NULL;
    for (at += strspn(at, between); *at != '\0'; at += strspn(at, between)) {
        if (n == most) {
            options_free_list(&list);
            return err_set(err, ERR_INVALID, "%s has more than %zu values", g->source, most);
        }
        len = strcspn(at, between);
        list[n++] = xstrndup(at, len);
        at += len;
    }
    if (n == 0) {
        options_free_list(&list);
    }
    *out = list;
    return 0;
}

void options_free_list(char ***list)
{
    char **one;

    for (one = *list; one != NULL && *one != NULL; one++) {
        free(*one);
    }
    free(*list);
    *list = NULL;
}

/* Memory this process may have: the machine's, or its control group's if that is less. */
static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 1u << 30, limit;
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    char text[32] = "";

    if (file != NULL) {
        if (fgets(text, sizeof text, file) != NULL) {
            text[strcspn(text, "\n")] = '\0';
        }
        (void)fclose(file); /* only read */
    }
    if (options_size(text, &limit) && limit != 0 && limit < bytes) {
        bytes = limit;
    }
    return bytes;
}

static char *default_state(void)
{
    const char *folder = getenv("STATE_DIRECTORY"), *home = getenv("HOME");

    if (folder != NULL && folder[0] != '\0') {
        return xstrndup(folder, strcspn(folder, ":")); /* systemd may name several */
    }
    folder = getenv("XDG_STATE_HOME");
    if (folder != NULL && folder[0] == '/') {
        return xasprintf("%s/mlpd", folder);
    }
    return home != NULL && home[0] != '\0' ? xasprintf("%s/.local/state/mlpd", home) : NULL;
}

/* Who may come, how, and how much of each. */
static int interpret_clients(const struct given *g, struct options *out, struct err *err)
{
    uint64_t n;

    if (options_read_tls(&g[OPT_tls_cert], &g[OPT_tls_key], out, err) != 0 ||
        options_read_names(&g[OPT_host_name], out, err) != 0 ||
        options_read_switch(&g[OPT_behind_proxy], &out->behind_proxy, err) != 0 ||
        options_read_switch(&g[OPT_require_token], &out->require_token, err) != 0 ||
        options_read_rate(&g[OPT_rate], out, err) != 0 ||
        read_seconds(&g[OPT_slow_client], 0.1, false, &out->slow_seconds, err) != 0 ||
        options_read_count(&g[OPT_max_connections], 1, 1000000, &n, err) != 0) {
        return -1;
    }
    out->max_connections = (size_t)n;
    n = SIZE_MAX;
    if (g[OPT_max_per_client].value != NULL &&
        options_read_count(&g[OPT_max_per_client], 0, 1000000, &n, err) != 0) {
        return -1;
    }
    out->max_per_client = (size_t)n;
    return 0;
}

static int interpret(const struct given *g, struct options *out, struct err *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n;

    if (options_read_listen(&g[OPT_listen], out, err) != 0 ||
        interpret_clients(g, out, err) != 0) {
        return -1;
    }
    out->state = g[OPT_state].value != NULL ? xstrdup(g[OPT_state].value) : default_state();
    if (out->state == NULL || out->state[0] == '\0') {
        return err_set(err, ERR_INVALID, "no state folder: give --state DIR (there is no $HOME)");
    }
    n = cores > 0 ? (uint64_t)cores : 1;
    if (g[OPT_workers].value != NULL && options_read_count(&g[OPT_workers], 1, 256, &n, err) != 0) {
        return -1;
    }
    out->workers = (size_t)n;
    if (!log_level_parse(g[OPT_log_level].value, &out->log_level)) {
        return options_refuse(err, &g[OPT_log_level], "debug, info, warn or error");
    }
    n = machine_memory() / 4 * 3;
    if (g[OPT_memory].value != NULL &&
        read_size(&g[OPT_memory], 1 << 20, SIZE_MAX / 4, &n, err) != 0) {
        return -1;
    }
    out->memory_limit = (size_t)n;
    if (read_size(&g[OPT_max_body], 1 << 10, 1 << 30, &n, err) != 0) {
        return -1;
    }
    out->max_body = (size_t)n;
    if (read_size(&g[OPT_max_dataset], 1 << 10, UINT64_MAX / 4, &out->max_dataset, err) != 0 ||
        options_read_count(&g[OPT_max_queued], 1, 1000000, &n, err) != 0) {
        return -1;
    }
    out->max_queued = (int64_t)n;
    if (read_size(&g[OPT_disk_reserve], 0, UINT64_MAX / 4, &out->disk_reserve, err) != 0 ||
        read_seconds(&g[OPT_checkpoint_seconds], 0.01, false, &out->checkpoint_seconds, err) != 0 ||
        read_seconds(&g[OPT_stall_seconds], 0.01, true, &out->stall_seconds, err) != 0 ||
        read_seconds(&g[OPT_stop_seconds], 0.1, false, &out->stop_seconds, err) != 0 ||
        read_keep(&g[OPT_keep_jobs], MAX_KEEP_JOBS, &out->keep_jobs, err) != 0 ||
        read_keep(&g[OPT_keep_days], MAX_KEEP_DAYS, &out->keep_days, err) != 0) {
        return -1;
    }
    return 0;
}

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

/* The value of a flag: of one that may be repeated, beside those before it. */
static void put_value(struct given *given, size_t k, const char *value)
{
    if (is_repeatable(k)) {
        char *joined = given->joined != NULL ? xasprintf("%s,%s", given->joined, value)
                                             : xstrdup(value);

        free(given->joined);
        given->joined = joined;
        value = joined;
    }
    given->value = value;
    given->source = known[k].flag;
}

/* "--flag VALUE", "--flag=VALUE", and of a switch "--flag". Moves *i past what it took. */
static int take_flag(int argc, char *const *argv, int *i, const char *const *among,
                     struct given *given, struct err *err)
{
    const char *arg = argv[*i], *flags[OPTIONS + 2];
    size_t len = strcspn(arg, "="), k, n = 0;
    const char *near;

    for (k = 0; k < OPTIONS; k++) {
        if (!is_among(among, known[k].flag)) {
            continue;
        }
        if (strlen(known[k].flag) == len && strncmp(known[k].flag, arg, len) == 0) {
            break;
        }
        flags[n++] = known[k].flag;
    }
    if (k == OPTIONS) {
        if (among == NULL) {
            flags[n++] = "--version";
        }
        flags[n++] = "--help";
        near = text_nearest(arg, flags, n);
        return near != NULL
                   ? err_set(err, ERR_INVALID, "unknown option %.100s; did you mean %s?", arg, near)
                   : err_set(err, ERR_INVALID, "unknown option %.100s; see mlpd --help", arg);
    }
    if (arg[len] == '=') {
        put_value(&given[k], k, arg + len + 1);
    } else if (is_switch(k)) {
        put_value(&given[k], k, "yes");
    } else if (*i + 1 < argc) {
        put_value(&given[k], k, argv[++*i]);
    } else {
        return err_set(err, ERR_INVALID, "%s needs a value: %s", known[k].flag, known[k].argument);
    }
    return 0;
}

/* Of the environment, else the defaults. */
static void take_environment(struct given given[OPTIONS])
{
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        given[k].joined = NULL;
        given[k].source = known[k].variable;
        given[k].value = getenv(known[k].variable);
        if (given[k].value == NULL || given[k].value[0] == '\0') {
            given[k].value = known[k].otherwise;
        }
    }
}

static void free_given(struct given given[OPTIONS])
{
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        free(given[k].joined);
    }
}

static int interpret_all(const struct given *given, struct options *out, struct err *err)
{
    struct options options = {.help = false};

    if (interpret(given, &options, err) != 0) {
        options_fini(&options);
        return -1;
    }
    *out = options;
    return 0;
}

static int parse_into(int argc, char *const *argv, struct given *given, struct options *out,
                      struct err *err)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *out = (struct options){.help = true};
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            *out = (struct options){.version = true};
            return 0;
        }
        if (take_flag(argc, argv, &i, NULL, given, err) != 0) {
            return -1;
        }
    }
    return interpret_all(given, out, err);
}

int options_parse(int argc, char *const *argv, struct options *out, struct err *err)
{
    struct given given[OPTIONS];
    int rc;

    take_environment(given);
    rc = parse_into(argc, argv, given, out, err);
    free_given(given);
    return rc;
}

static int parse_command_into(int argc, char *const *argv, const struct options_command *command,
                              struct given *given, struct options_line *out, struct err *err)
{
    struct options_line line = {.word = NULL};
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *out = (struct options_line){.options = {.help = true}};
            return 0;
        }
        if (command->switch_flag != NULL && strcmp(argv[i], command->switch_flag) == 0) {
            line.switched = true;
        } else if (argv[i][0] == '-') {
            if (take_flag(argc, argv, &i, command->flags, given, err) != 0) {
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
    if (interpret_all(given, &line.options, err) != 0) {
        return -1;
    }
    *out = line;
    return 0;
}

int options_parse_command(int argc, char *const *argv, const struct options_command *command,
                          struct options_line *out, struct err *err)
{
    struct given given[OPTIONS];
    int rc;

    take_environment(given);
    rc = parse_command_into(argc, argv, command, given, out, err);
    free_given(given);
    return rc;
}

void options_fini(struct options *options)
{
    free(options->host);
    free(options->listen_path);
    free(options->tls_cert);
    free(options->tls_key);
    options_free_list(&options->host_names);
    free(options->state);
    *options = (struct options){.help = false};
}
