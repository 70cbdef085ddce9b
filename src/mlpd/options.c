/* Flags and environment; see options.h. Main thread, before any other. */
#include "mlpd/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

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

/* A value and where it came from, for messages. */
struct given {
    const char *value;
    const char *source;
};

void options_help(void)
{
    size_t i;

    printf("Usage: mlpd [OPTION]...\n"
           "A daemon that trains multi-layer perceptrons and serves predictions over HTTP.\n\n");
    for (i = 0; i < OPTIONS; i++) {
        printf("  %s %s\n      %s", known[i].flag, known[i].argument, known[i].help);
        if (known[i].otherwise != NULL) {
            printf(" (default: %s)", known[i].otherwise);
        }
        printf(" [$%s]\n", known[i].variable);
    }
    printf("  --version\n  --help\n\nSizes take K, M, G or T (units of 1024). A flag wins over its "
           "variable.\n");
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

static int refuse(struct err *err, const struct given *g, const char *want)
{
    return err_set(err, ERR_INVALID, "%s must be %s, not \"%.100s\"", g->source, want, g->value);
}

static int read_count(const struct given *g, uint64_t min, uint64_t max, uint64_t *out,
                      struct err *err)
{
    char want[64];
    uint64_t n;

    if (strspn(g->value, "0123456789") != strlen(g->value) || !options_size(g->value, &n) ||
        n < min || n > max) {
        (void)snprintf(want, sizeof want, "a number from %llu to %llu", (unsigned long long)min,
                       (unsigned long long)max);
        return refuse(err, g, want);
    }
    *out = n;
    return 0;
}

static int read_size(const struct given *g, uint64_t min, uint64_t max, uint64_t *out,
                     struct err *err)
{
    uint64_t n;

    if (!options_size(g->value, &n) || n < min || n > max) {
        return refuse(err, g, "a size like 64M, within reason");
    }
    *out = n;
    return 0;
}

/* "127.0.0.1:6573" or "[::1]:6573". */
static int read_listen(const struct given *g, struct options *out, struct err *err)
{
    const char *colon = strrchr(g->value, ':');
    struct given port = {.source = g->source};
    unsigned char address[sizeof(struct in6_addr)];
    uint64_t n = 0;
    size_t len;
    bool v6 = g->value[0] == '[';

    if (colon == NULL) {
        return refuse(err, g, "ADDR:PORT, for example 127.0.0.1:6573");
    }
    port.value = colon + 1;
    if (port.value[0] == '\0' || read_count(&port, 0, 65535, &n, err) != 0) {
        return refuse(err, g, "ADDR:PORT with a port from 0 to 65535");
    }
    len = (size_t)(colon - g->value);
    if (v6) {
        if (len < 2 || colon[-1] != ']') {
            return refuse(err, g, "[ADDR]:PORT for IPv6, for example [::1]:6573");
        }
        out->host = xstrndup(g->value + 1, len - 2);
    } else if (len == strlen("localhost") && strncmp(g->value, "localhost", len) == 0) {
        out->host = xstrdup("127.0.0.1");
    } else {
        out->host = xstrndup(g->value, len);
    }
    if (inet_pton(v6 ? AF_INET6 : AF_INET, out->host, address) != 1) {
        return refuse(err, g, "ADDR:PORT with an address in digits, for example 127.0.0.1:6573");
    }
    out->port = (uint16_t)n;
    return 0;
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

static int interpret(const struct given *g, struct options *out, struct err *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n;

    if (read_listen(&g[OPT_listen], out, err) != 0) {
        return -1;
    }
    out->state = g[OPT_state].value != NULL ? xstrdup(g[OPT_state].value) : default_state();
    if (out->state == NULL || out->state[0] == '\0') {
        return err_set(err, ERR_INVALID, "no state folder: give --state DIR (there is no $HOME)");
    }
    n = cores > 0 ? (uint64_t)cores : 1;
    if (g[OPT_workers].value != NULL && read_count(&g[OPT_workers], 1, 256, &n, err) != 0) {
        return -1;
    }
    out->workers = (size_t)n;
    if (!log_level_parse(g[OPT_log_level].value, &out->log_level)) {
        return refuse(err, &g[OPT_log_level], "debug, info, warn or error");
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
        read_count(&g[OPT_max_queued], 1, 1000000, &n, err) != 0) {
        return -1;
    }
    out->max_queued = (int64_t)n;
    return 0;
}

/* "--flag VALUE" or "--flag=VALUE". Moves *i past what it took. */
static int take_flag(int argc, char *const *argv, int *i, struct given *given, struct err *err)
{
    const char *arg = argv[*i], *flags[OPTIONS + 2];
    size_t len = strcspn(arg, "="), k;
    const char *near;

    for (k = 0; k < OPTIONS; k++) {
        if (strlen(known[k].flag) == len && strncmp(known[k].flag, arg, len) == 0) {
            break;
        }
        flags[k] = known[k].flag;
    }
    if (k == OPTIONS) {
        flags[OPTIONS] = "--version";
        flags[OPTIONS + 1] = "--help";
        near = text_nearest(arg, flags, OPTIONS + 2);
        return near != NULL
                   ? err_set(err, ERR_INVALID, "unknown option %.100s; did you mean %s?", arg, near)
                   : err_set(err, ERR_INVALID, "unknown option %.100s; see mlpd --help", arg);
    }
    if (arg[len] == '=') {
        given[k].value = arg + len + 1;
    } else if (*i + 1 < argc) {
        given[k].value = argv[++*i];
    } else {
        return err_set(err, ERR_INVALID, "%s needs a value: %s", known[k].flag, known[k].argument);
    }
    given[k].source = known[k].flag;
    return 0;
}

int options_parse(int argc, char *const *argv, struct options *out, struct err *err)
{
    struct options options = {.help = false};
    struct given given[OPTIONS];
    size_t k;
    int i;

    for (k = 0; k < OPTIONS; k++) {
        given[k].source = known[k].variable;
        given[k].value = getenv(known[k].variable);
        if (given[k].value == NULL || given[k].value[0] == '\0') {
            given[k].value = known[k].otherwise;
        }
    }
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *out = (struct options){.help = true};
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            *out = (struct options){.version = true};
            return 0;
        }
        if (take_flag(argc, argv, &i, given, err) != 0) {
            return -1;
        }
    }
    if (interpret(given, &options, err) != 0) {
        options_fini(&options);
        return -1;
    }
    *out = options;
    return 0;
}

void options_fini(struct options *options)
{
    free(options->host);
    free(options->state);
    *options = (struct options){.help = false};
}
