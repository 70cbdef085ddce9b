/* The configuration file: the whole of it as --config would read it. What is taken prints as lines
 * that are taken too and mean the same.
 */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "mlpd/options.h"

/* The options of a file with these bytes; end with options_fini. */
static int read_options(const void *bytes, size_t size, struct options *out, struct err *err)
{
    static char name[] = "mlpd", flag[] = "--config";
    char path[32], *argv[] = {name, flag, path, NULL};
    int fd = fuzz_file(bytes, size, path), rc;

    rc = options_parse(3, argv, out, err);
    (void)close(fd); /* only read since */
    return rc;
}

/* What options_print would say. */
static char *printed(const struct options *options)
{
    FILE *was = stdout;
    char *text = NULL;
    size_t len = 0;

    stdout = open_memstream(&text, &len);
    FUZZ_TRUE(stdout != NULL);
    options_print(options);
    FUZZ_TRUE(fclose(stdout) == 0);
    stdout = was;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct options options, again;
    struct err err = ERR_INIT;
    char *text, *difference;
    int rc;

    fuzz_start();
    rc = read_options(data, size, &options, &err);
    fuzz_err(rc, &err);
    if (rc == 0) {
        text = printed(&options);
        FUZZ_TRUE(read_options(text, strlen(text), &again, &err) == 0);
        difference = options_difference(&options, &again);
        FUZZ_TRUE(difference == NULL || strcmp(difference, "host-name") == 0);
        free(difference);
        free(text);
        FUZZ_TRUE(options.port == again.port && options.workers == again.workers);
        FUZZ_TRUE(options.max_body == again.max_body && options.keep_days == again.keep_days);
        options_fini(&again);
    }
    options_fini(&options);
    err_fini(&err);
    return 0;
}
