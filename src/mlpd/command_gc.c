/* mlpd gc: what a running daemon does for POST /gc, when none runs.
 *
 * It holds the lock of the state folder, so nobody is about to name a dataset: nameless ones go
 * whatever their age. A dry run only reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "jobs/retention.h"
#include "mlpd/command.h"
#include "mlpd/open.h"
#include "mlpd/state.h"

static int look(const char *state, const struct store_gc_rule *rule, struct store_gc *out,
                struct err *err)
{
    struct store *store = NULL;
    int rc = store_sqlite_look(state, &store, err);

    if (rc == 0) {
        rc = store->ops->gc(store, rule, true, out, err);
        store->ops->close(&store);
    }
    return rc;
}

static int collect(const char *state, const struct store_gc_rule *rule, struct store_gc *out,
                   struct err *err)
{
    char owner[33], *folder = open_path(state, "datasets");
    struct store_gc piece = {.more = true};
    struct datasets *datasets = NULL;
    struct store *store = NULL;
    int rc;

    hash_random_hex(16, owner);
    rc = open_store(state, owner, &store, err);
    if (rc == 0) {
        rc = datasets_new(folder, store, &datasets, err);
    }
    while (rc == 0 && piece.more) {
        rc = datasets_gc(datasets, rule, false, &piece, err);
        if (rc == 0) {
            out->jobs += piece.jobs;
            out->datasets += piece.datasets;
            out->dataset_bytes += piece.dataset_bytes;
        }
    }
    datasets_free(&datasets);
    if (store != NULL) {
        store->ops->close(&store);
    }
    free(folder);
    return rc;
}

int command_gc(const struct options_line *line, struct err *err)
{
    const struct options *o = &line->options;
    struct retention retention = {.keep_jobs = o->keep_jobs, .keep_days = o->keep_days};
    struct store_gc_rule rule = retention_rule(&retention);
    char *database = open_path(o->state, "mlpd.db");
    bool is_state = access(database, F_OK) == 0;
    struct store_gc done = {.jobs = 0};
    int lock = -1, rc;

    free(database);
    if (!is_state) { /* said before a folder is made for it */
        return err_set(err, ERR_NOT_FOUND, "there is no database in %s", o->state);
    }
    if (state_open(o->state, &lock, err) != 0) {
        return err->code == ERR_CONFLICT
                   ? err_set(err, ERR_CONFLICT,
                             "a daemon runs on %s: ask it, with POST /gc", o->state)
                   : -1;
    }
    rule.datasets_before = clock_now_ms() + 1;
    rc = state_is_whole(o->state, err);
    if (rc == 0) {
        rc = line->switched ? look(o->state, &rule, &done, err)
                            : collect(o->state, &rule, &done, err);
    }
    if (rc == 0) {
        printf("%s: %s %lld jobs and %lld datasets, %.1f MB\n", o->state,
               line->switched ? "would remove" : "removed", (long long)done.jobs,
               (long long)done.datasets, (double)done.dataset_bytes / 1e6);
    }
    (void)close(lock); /* the lock goes with it; the file stays */
    return rc;
}
