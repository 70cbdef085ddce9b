/* mlpd check: everything that can be verified of a state folder, or of a backup, without changing
 * it.
 *
 * A daemon may run and change things meanwhile. What looks wrong of a file is a problem only if
 * the database still names it when asked again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"
#include "jobs/checkpoint.h"
#include "mlpd/command.h"
#include "mlpd/open.h"
#include "store/store_sqlite.h"

/* ---- datasets ---- */

static bool is_named(const struct store_files *files, const char *sha256)
{
    size_t i;

    for (i = 0; i < files->n_datasets; i++) {
        if (strcmp(files->datasets[i], sha256) == 0) {
            return true;
        }
    }
    return false;
}

static int still_named(const char *state, const char *sha256, bool *out, struct err *err)
{
    struct store_files now = {.schema = 0};

    if (store_sqlite_files(state, &now, err) != 0) {
        return -1;
    }
    *out = is_named(&now, sha256);
    store_files_fini(&now);
    return 0;
}

static int check_datasets(const char *state, const struct store_files *files, struct err *problems,
                          struct err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < files->n_datasets && rc == 0; i++) {
        const char *sha256 = files->datasets[i];
        char *folder = open_path(state, "datasets"), *path = open_path(folder, sha256);
        struct err why = ERR_INIT;
        bool named = true;

        if (dataset_verify(path, sha256, &why) != 0) {
            rc = still_named(state, sha256, &named, err);
            if (rc == 0 && named) {
                err_add(problems, NULL, "dataset sha256:%s: %s", sha256,
                        why.code == ERR_NOT_FOUND ? "its file is missing" : why.detail);
            }
        }
        err_fini(&why);
        free(path);
        free(folder);
    }
    return rc;
}

/* ---- checkpoints ---- */

static int check_checkpoints(const char *state, size_t *n, struct err *problems, struct err *err)
{
    char *folder = open_path(state, "checkpoints");
    struct store *store = NULL;
    int rc = store_sqlite_look(state, &store, err);

    if (rc == 0) {
        rc = checkpoints_check(folder, store, n, problems, err);
        store->ops->close(&store);
    }
    free(folder);
    return rc;
}

/* ---- all of it ---- */

struct looked {
    int64_t models;
    size_t datasets, checkpoints;
};

static int check_files(const char *state, struct looked *out, struct err *problems,
                       struct err *err)
{
    struct store_files files = {.schema = 0};
    struct err why = ERR_INIT;
    int rc = store_sqlite_files(state, &files, &why);

    if (rc != 0 && why.code == ERR_CORRUPT) {
        err_add(problems, NULL, "what files belong to it cannot be read: %s", why.detail);
        err_fini(&why);
        return 0;
    }
    if (rc != 0) {
        err_move(err, &why);
        return -1;
    }
    rc = check_datasets(state, &files, problems, err);
    out->datasets = files.n_datasets;
    if (rc == 0 && files.n_checkpoints > 0) {
        rc = check_checkpoints(state, &out->checkpoints, problems, err);
    }
    store_files_fini(&files);
    return rc;
}

int command_check(const struct options_line *line, struct err *err)
{
    const char *state = line->options.state;
    struct err problems = ERR_INIT;
    struct looked looked = {.models = 0};
    size_t n = 0;
    int rc = store_sqlite_check(state, line->switched, &looked.models, &problems, err);

    if (rc == 0 && !line->switched) {
        rc = check_files(state, &looked, &problems, err);
    }
    if (rc == 0) {
        n = command_tell(&problems);
        if (n > 0) {
            printf("%s: %zu problem%s\n", state, n, n == 1 ? "" : "s");
        } else if (line->switched) {
            printf("%s: the database is whole\n", state);
        } else {
            printf("%s: the database, %lld models, %zu datasets and %zu checkpoints are whole\n",
                   state, (long long)looked.models, looked.datasets, looked.checkpoints);
        }
    }
    err_fini(&problems);
    return rc != 0 ? -1 : n > 0 ? 1 : 0;
}
