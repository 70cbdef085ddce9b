/* Runs a fuzz target on what its corpus keeps, without a fuzzing engine.
 *
 *   fuzz_job                 every file of $top_srcdir/tests/fuzz/corpus/job
 *   fuzz_job FILE...         these
 *
 * Each file goes in whole; of a small one also every prefix, each in memory of its own length, and
 * every text with one bit turned over, so that a sanitized build sees more than what once failed.
 * A file's name is printed before it runs: after a crash the last one is the culprit.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

#define SMALL 256 /* bytes of a file whose prefixes are tried too */

static size_t runs;

/* In memory of its own, so that the address sanitizer knows where it ends. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    uint8_t *data;
    size_t size, i;

    printf("# %s\n", path);
    if (f == NULL || fstat(fileno(f), &st) != 0) {
        (void)fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
        return -1;
    }
    size = (size_t)st.st_size;
    data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, f) != size) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        free(data);
        (void)fclose(f);
        return -1;
    }
    (void)fclose(f); /* only read */
    run(data, size);
    for (i = 0; i < size && size <= SMALL; i++) {
        run(data, i);
    }
    for (i = 0; i < size && size <= SMALL; i++) {
        data[i] ^= (uint8_t)(1u << (i % 8));
        run(data, size);
        data[i] ^= (uint8_t)(1u << (i % 8));
    }
    free(data);
    return 0;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By name, so that every run is the same. */
static int run_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_input, alphasort), rc = 0, i;

    if (n <= 0) {
        (void)fprintf(stderr, "no corpus in %s\n", path);
        return -1;
    }
    for (i = 0; i < n; i++) {
        char file[1024];

        (void)snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        rc = rc == 0 ? run_file(file) : rc;
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int main(int argc, char **argv)
{
    const char *top = getenv("top_srcdir"), *name = strstr(program_invocation_short_name, "fuzz_");
    char path[512];
    int rc = 0, i;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    run((const uint8_t *)"", 0);
    for (i = 1; i < argc; i++) {
        rc |= run_file(argv[i]);
    }
    if (argc == 1) {
        (void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
                       name != NULL ? name + 5 : "");
        rc = run_folder(path);
    }
    printf("# %zu inputs\n100%%: Checks: 1, Failures: %d, Errors: 0\n", runs, rc != 0);
    return rc != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
