/* The store of a state folder, with the marks of earlier crashes; see open.h.
 *
 * Main thread, under the folder's lock. The marks are cleared only when the store has counted them:
 * a kill in between has them told again, which the store does not count twice.
 */
#include "mlpd/open.h"

#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"

char *open_path(const char *dir, const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static struct store_crash *crashes_of(const struct crash_mark *marks, size_t n)
{
    struct store_crash *crashes = xcalloc(n > 0 ? n : 1, sizeof *crashes);
    size_t i;

    for (i = 0; i < n; i++) {
        log_warn("an earlier daemon crashed in job %lld", (long long)marks[i].job_id);
        memcpy(crashes[i].owner, marks[i].owner, sizeof crashes[i].owner);
        crashes[i].job_id = marks[i].job_id;
    }
    return crashes;
}

int open_store(const char *dir, const char *owner, struct store **out, struct err *err)
{
    char *path = open_path(dir, "crashes");
    struct crash_mark *marks = NULL;
    struct store_crash *crashes = NULL;
    struct store_sqlite_options options = {.dir = dir, .owner = owner};
    struct err ignored = ERR_INIT;
    size_t n = 0;
    int rc = crash_read(path, &marks, &n, err);

    if (rc == 0) {
        crashes = crashes_of(marks, n);
        options.crashes = crashes;
        options.n_crashes = n;
        rc = store_sqlite_open(&options, out, err);
    }
    if (rc == 0 && n > 0 && crash_clear(path, &ignored) != 0) {
        log_warn("%s", ignored.detail); /* told again, and not counted again */
        err_fini(&ignored);
    }
    free(crashes);
    free(marks);
    free(path);
    return rc;
}
