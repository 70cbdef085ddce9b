/* What the values of options mean; see options.h.
 *
 * Each is judged by itself and every problem is kept, so that a person can mend all of them at
 * once. Main thread, before any other, and for a reload.
 */
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

/* The bytes that a file names; UINT64_MAX for "max", and when it is not there. */
static uint64_t limit_in(const char *path)
{
    FILE *file = fopen(path, "re");
    uint64_t limit = UINT64_MAX;
    char text[32] = "";

    if (file != NULL) {
        if (fgets(text, sizeof text, file) != NULL) {
            text[strcspn(text, "\n")] = '\0';
        }
        (void)fclose(file); /* only read */
    }
    return options_size(text, &limit) && limit != 0 ? limit : UINT64_MAX;
}

/* Our control group's name, "/system.slice/mlpd.service"; owned. "" when there is none. */
static char *control_group(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[1024] = "";
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, "0::/", 4) == 0;
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    line[strcspn(line, "\n")] = '\0';
    return xstrdup(found ? line + 3 : "");
}

/* Memory this process may have: the machine's, or less where a control group above it says so. */
static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 1u << 30, limit;
    char *group = control_group(), *slash = group, *path;

    while (slash != NULL) {
        path = xasprintf("/sys/fs/cgroup%s/memory.max", group);
        limit = limit_in(path);
        bytes = limit < bytes ? limit : bytes;
        free(path);
        slash = strrchr(group, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    }
    free(group);
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

/* Keep the problem that `one` holds, if it went wrong, beside those before it. */
static void judge(int rc, struct err *one, struct err *all)
{
    if (rc != 0) {
        (void)err_add(all, NULL, "%s", one->detail);
    }
    err_fini(one);
}

/* Reads one value; what is wrong with it becomes an item of err. */
#define JUDGE(call) judge(call, &one, err)

static int read_size_t(const struct given *g, uint64_t min, uint64_t max, size_t *out,
                       struct err *err)
{
    uint64_t n = *out;
    int rc = g->value != NULL ? options_read_count(g, min, max, &n, err) : 0;

    *out = (size_t)n;
    return rc;
}

/* Who may come, how, and how much of each. */
static void interpret_clients(const struct given *g, struct options *out, struct err *err)
{
    struct err one = ERR_INIT;

    out->max_connections = 0;
    out->max_per_client = SIZE_MAX;
    JUDGE(options_read_listen(&g[OPT_listen], out, &one));
    JUDGE(options_read_tls(&g[OPT_tls_cert], &g[OPT_tls_key], out, &one));
    JUDGE(options_read_names(&g[OPT_host_name], out, &one));
    JUDGE(options_read_networks(&g[OPT_allow_private], out, &one));
    JUDGE(options_read_hosts(&g[OPT_fetch_allow], out, &one));
    JUDGE(read_seconds(&g[OPT_fetch_seconds], 0.1, false, &out->fetch_seconds, &one));
    JUDGE(options_read_switch(&g[OPT_behind_proxy], &out->behind_proxy, &one));
    JUDGE(options_read_switch(&g[OPT_require_token], &out->require_token, &one));
    JUDGE(options_read_rate(&g[OPT_rate], out, &one));
    JUDGE(read_seconds(&g[OPT_slow_client], 0.1, false, &out->slow_seconds, &one));
    JUDGE(read_size_t(&g[OPT_max_connections], 1, 1000000, &out->max_connections, &one));
    JUDGE(read_size_t(&g[OPT_max_per_client], 0, 1000000, &out->max_per_client, &one));
}

static int read_state(const struct given *g, char **out, struct err *err)
{
    *out = g->value != NULL ? xstrdup(g->value) : default_state();
    return *out != NULL && *out[0] != '\0'
               ? 0
               : err_set(err, ERR_INVALID, "no state folder: give --state DIR (there is no $HOME)");
}

static int read_ui_dir(const struct given *g, char **out, struct err *err)
{
    if (g->value == NULL) {
        return 0;
    }
    if (g->value[0] == '\0') {
        return options_refuse(err, g, "a folder");
    }
    *out = xstrdup(g->value);
    return 0;
}

static int read_level(const struct given *g, enum log_level *out, struct err *err)
{
    return log_level_parse(g->value, out) ? 0
                                          : options_refuse(err, g, "debug, info, warn or error");
}

/* What jobs and data may take. */
static void interpret_jobs(const struct given *g, struct options *out, struct err *err)
{
    uint64_t memory = machine_memory() / 4 * 3, body = 0, queued = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct err one = ERR_INIT;

    out->workers = cores > 0 ? (size_t)cores : 1;
    JUDGE(read_size_t(&g[OPT_workers], 1, 256, &out->workers, &one));
    if (g[OPT_memory].value != NULL) {
        JUDGE(read_size(&g[OPT_memory], 1 << 20, SIZE_MAX / 4, &memory, &one));
    }
    out->memory_limit = (size_t)memory;
    JUDGE(read_size(&g[OPT_max_body], 1 << 10, 1 << 30, &body, &one));
    out->max_body = (size_t)body;
    JUDGE(read_size(&g[OPT_max_dataset], 1 << 10, UINT64_MAX / 4, &out->max_dataset, &one));
    JUDGE(options_read_count(&g[OPT_max_queued], 1, 1000000, &queued, &one));
    out->max_queued = (int64_t)queued;
    JUDGE(read_size(&g[OPT_disk_reserve], 0, UINT64_MAX / 4, &out->disk_reserve, &one));
    JUDGE(read_seconds(&g[OPT_checkpoint_seconds], 0.01, false, &out->checkpoint_seconds, &one));
    JUDGE(read_seconds(&g[OPT_stall_seconds], 0.01, true, &out->stall_seconds, &one));
    JUDGE(read_seconds(&g[OPT_stop_seconds], 0.1, false, &out->stop_seconds, &one));
    JUDGE(read_keep(&g[OPT_keep_jobs], MAX_KEEP_JOBS, &out->keep_jobs, &one));
    JUDGE(read_keep(&g[OPT_keep_days], MAX_KEEP_DAYS, &out->keep_days, &one));
}

void options_interpret(const struct given g[OPTIONS], struct options *out, struct err *err)
{
    struct err one = ERR_INIT;

    JUDGE(read_state(&g[OPT_state], &out->state, &one));
    JUDGE(read_level(&g[OPT_log_level], &out->log_level, &one));
    JUDGE(read_ui_dir(&g[OPT_ui_dir], &out->ui_dir, &one));
    JUDGE(options_read_switch(&g[OPT_log_prefix], &out->log_prefix, &one));
    interpret_clients(g, out, err);
    interpret_jobs(g, out, err);
}
