/* Options told: the help, the values that count with their sources, and what a reload would change;
 * see options.h. Main thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mlpd/options_priv.h"

/* One option as it came. */
struct options_said {
    char *value;  /* NULL: it has none */
    char *source; /* "--workers", "$MLPD_WORKERS", "/etc/mlpd/mlpd.conf:12" or "built in" */
};

void options_complain(const struct err *err)
{
    size_t i;

    if (err->n_items == 0) {
        (void)fprintf(stderr, "mlpd: %s\n", err->detail);
    }
    for (i = 0; i < err->n_items; i++) {
        (void)fprintf(stderr, "mlpd: %s\n", err->items[i].detail);
    }
    if (err->n_dropped > 0) {
        (void)fprintf(stderr, "mlpd: and %zu problems more\n", err->n_dropped);
    }
}

void options_help(void)
{
    size_t i;

    printf("Usage: mlpd [OPTION]...\n       mlpd COMMAND [OPTION]...\n"
           "A daemon that trains multi-layer perceptrons and serves predictions over HTTP.\n\n");
    for (i = 0; i < OPTIONS; i++) {
        printf("  %s%s%s\n      %s", options_known[i].flag, options_is_switch(i) ? "" : " ",
               options_is_switch(i) ? "" : options_known[i].argument, options_known[i].help);
        if (options_known[i].otherwise != NULL) {
            printf(" (default: %s)", options_known[i].otherwise);
        }
        printf(" [$%s]\n", options_known[i].variable);
    }
    printf("  --config FILE\n      a file of \"key = value\" lines, the keys being these options "
           "without their dashes\n      [$MLPD_CONFIG]\n"
           "  --check-config\n      say what is wrong with all this, or \"ok\", and end\n"
           "  --print-config\n      print what all this comes to, and where each value is from, "
           "and end\n"
           "  --version\n  --help\n\nSizes take K, M, G or T (units of 1024). A flag wins over its "
           "variable, and that over the file.\nWhat ends in ... may be given several times; in its "
           "variable, values are parted by commas.\n");
}

/* "FILE:LINE: key" without the key. */
static char *place_of(const struct given *g, size_t k)
{
    const char *key = options_known[k].flag + 2;

    switch (g->from) {
    case GIVEN_FLAG:
        return xstrdup(options_known[k].flag);
    case GIVEN_ENVIRONMENT:
        return xasprintf("$%s", options_known[k].variable);
    case GIVEN_FILE:
        return xstrndup(g->source, strlen(g->source) - strlen(key) - strlen(": "));
    case GIVEN_NOWHERE:
        break;
    }
    return xstrdup("built in");
}

/* The value that counts where nobody said one; owned, or NULL. */
static char *computed(const struct options *o, size_t k)
{
    switch (k) {
    case OPT_state:
        return xstrdup(o->state);
    case OPT_workers:
        return xasprintf("%zu", o->workers);
    case OPT_memory:
        return xasprintf("%zu", o->memory_limit);
    default:
        return options_is_switch(k) ? xstrdup("no") : NULL;
    }
}

void options_note(struct options *options, const struct given given[OPTIONS])
{
    size_t k;

    options->said = xcalloc(OPTIONS, sizeof *options->said);
    for (k = 0; k < OPTIONS; k++) {
        options->said[k].value =
            given[k].value != NULL ? xstrdup(given[k].value) : computed(options, k);
        options->said[k].source = place_of(&given[k], k);
    }
}

void options_forget(struct options *options)
{
    size_t k;

    for (k = 0; options->said != NULL && k < OPTIONS; k++) {
        free(options->said[k].value);
        free(options->said[k].source);
    }
    free(options->said);
    options->said = NULL;
}

/* One line, which a configuration file takes as it is. */
static void print_value(size_t k, const char *value, const char *source)
{
    int width = printf("%s = %s", options_known[k].flag + 2, value);

    printf("%*s # %s\n", width < 44 ? 44 - width : 0, "", source);
}

/* Each of its values on a line of its own. */
static void print_values(size_t k, const char *values, const char *source)
{
    static const char between[] = ", \t";
    const char *at = values + strspn(values, between);

    while (*at != '\0') {
        char *one = xstrndup(at, strcspn(at, between));

        print_value(k, one, source);
        at += strlen(one);
        at += strspn(at, between);
        free(one);
    }
}

void options_print(const struct options *options)
{
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        const struct options_said *said = &options->said[k];

        if (said->value == NULL) {
            printf("# %s is not set\n", options_known[k].flag + 2);
        } else if (options_is_repeatable(k)) {
            print_values(k, said->value, said->source);
        } else {
            print_value(k, said->value, said->source);
        }
    }
}

char *options_difference(const struct options *before, const struct options *now)
{
    struct buf list = BUF_INIT;
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        const char *a = before->said[k].value, *b = now->said[k].value;

        if (k == OPT_log_level || (a == NULL && b == NULL) ||
            (a != NULL && b != NULL && strcmp(a, b) == 0)) {
            continue;
        }
        buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", options_known[k].flag + 2);
    }
    return list.len > 0 ? buf_take(&list) : NULL;
}
