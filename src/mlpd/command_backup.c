/* mlpd backup and mlpd restore: the same copy, there and back.
 *
 * A backup is written beside its place, as DIR.part, and gets its name when all of it is on the
 * disk and verified, so that what is called DIR is whole. It looks like a state folder, and mlpd
 * check --state DIR verifies it.
 *
 * A restore holds the lock of the state folder. It writes into STATE/restore.part and moves the
 * pieces out, the database last, and removes that folder when all is in its place; while it is
 * there no daemon starts, and the next restore removes what is left and begins again.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "mlpd/command.h"
#include "mlpd/copy.h"
#include "mlpd/open.h"
#include "mlpd/state.h"

#define WHAT "folder"

static void say(const char *what, const char *dir, const struct copied *c)
{
    printf("%s %s: %lld models, %zu datasets, %zu checkpoints, %.1f MB\n", what, dir,
           (long long)c->models, c->datasets, c->checkpoints, (double)c->bytes / 1e6);
    if (c->forgotten > 0) {
        printf("%zu checkpoints of running jobs were gone and are left out\n", c->forgotten);
    }
}

/* Entries of a folder but `.`, `..` and `except`; 0 when it is not there, -1. */
static int count_entries(const char *dir, const char *except, struct err *err)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    int n = 0;

    if (folder == NULL) {
        return errno == ENOENT ? 0
                               : err_set(err, ERR_IO, "cannot look into %s: %s", dir,
                                         strerror(errno));
    }
    while ((entry = readdir(folder)) != NULL) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
             strcmp(entry->d_name, except) != 0;
    }
    (void)closedir(folder); /* only read from */
    return n;
}

/* ---- backup ---- */

/* DIR without the slashes at its end. */
static char *trimmed(const char *dir)
{
    size_t len = strlen(dir);

    while (len > 1 && dir[len - 1] == '/') {
        len--;
    }
    return xstrndup(dir, len);
}

static int sync_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir =
        slash == NULL ? xstrdup(".") : xstrndup(path, slash > path ? (size_t)(slash - path) : 1);
    int folder = -1, rc = file_folder_open(dir, WHAT, &folder, err);

    if (rc == 0) {
        rc = file_folder_sync(folder, WHAT, err);
        file_folder_close(&folder);
    }
    free(dir);
    return rc;
}

static int back_up(const char *state, const char *dir, const char *part, struct copied *done,
                   struct err *err)
{
    int n = count_entries(dir, ".", err);

    if (n != 0) {
        return n < 0 ? -1 : err_set(err, ERR_CONFLICT, "%s is there already, and not empty", dir);
    }
    if (mkdir(part, 0700) != 0) {
        return errno == EEXIST
                   ? err_set(err, ERR_CONFLICT,
                             "%s is there: another backup is being made, or one was killed; then "
                             "remove it",
                             part)
                   : err_set(err, ERR_IO, "cannot make %s: %s", part, strerror(errno));
    }
    if (copy_state(state, part, done, err) != 0) {
        copy_remove(part);
        return -1;
    }
    CRASH_POINT("backup-before-rename");
    if (rename(part, dir) != 0) { /* an empty folder is replaced */
        (void)err_set(err, ERR_IO, "cannot rename %s to %s: %s", part, dir, strerror(errno));
        copy_remove(part);
        return -1;
    }
    return sync_parent(dir, err);
}

int command_backup(const struct options_line *line, struct err *err)
{
    char *dir = trimmed(line->word), *part = xasprintf("%s.part", dir);
    struct copied done = {.datasets = 0};
    int rc = back_up(line->options.state, dir, part, &done, err);

    if (rc == 0) {
        say("backed up to", dir, &done);
    }
    free(part);
    free(dir);
    return rc;
}

/* ---- restore ---- */

static const char *const pieces[] = {"datasets", "checkpoints", "mlpd.db"}; /* the database last */

/* What an interrupted restore left; only its folder says that it was one. */
static int clear_leftovers(const char *state, const char *part, struct err *err)
{
    char *database = open_path(state, "mlpd.db");
    size_t i;
    int rc = 0;

    if (access(part, F_OK) == 0) {
        if (unlink(database) != 0 && errno != ENOENT) {
            rc = err_set(err, ERR_IO, "cannot remove %s: %s", database, strerror(errno));
        }
        for (i = 0; i < 2 && rc == 0; i++) {
            char *path = open_path(state, pieces[i]);

            if (access(path, F_OK) == 0) {
                copy_remove(path);
            }
            free(path);
        }
        if (rc == 0) {
            copy_remove(part);
        }
    }
    free(database);
    return rc;
}

static int move_pieces(const char *state, const char *part, struct err *err)
{
    int from = -1, to = -1, rc = 0;
    size_t i;

    if (file_folder_open(part, WHAT, &from, err) != 0 ||
        file_folder_open(state, WHAT, &to, err) != 0) {
        rc = -1;
    }
    for (i = 0; i < ARRAY_LEN(pieces) && rc == 0; i++) {
        CRASH_POINT("restore-before-move");
        rc = file_move(from, pieces[i], to, pieces[i], WHAT, err);
    }
    if (rc == 0) {
        rc = file_folder_sync(to, WHAT, err);
    }
    if (rc == 0 && rmdir(part) != 0) {
        rc = err_set(err, ERR_IO, "cannot remove %s: %s", part, strerror(errno));
    }
    if (rc == 0) {
        rc = file_folder_sync(to, WHAT, err);
    }
    if (from >= 0) {
        file_folder_close(&from);
    }
    if (to >= 0) {
        file_folder_close(&to);
    }
    return rc;
}

static int restore(const char *dir, const char *state, struct copied *done, struct err *err)
{
    char *part = open_path(state, STATE_RESTORING);
    int rc = clear_leftovers(state, part, err), n;

    if (rc == 0) {
        n = count_entries(state, "lock", err);
        if (n != 0) {
            rc = n < 0 ? -1
                       : err_set(err, ERR_CONFLICT,
                                 "the state folder %s is not empty: a restore goes to a new one",
                                 state);
        }
    }
    if (rc == 0 && mkdir(part, 0700) != 0) {
        rc = err_set(err, ERR_IO, "cannot make %s: %s", part, strerror(errno));
    } else if (rc == 0) {
        rc = copy_state(dir, part, done, err);
        if (rc != 0) {
            copy_remove(part); /* nothing was moved yet */
        } else {
            rc = move_pieces(state, part, err);
        }
    }
    free(part);
    return rc;
}

int command_restore(const struct options_line *line, struct err *err)
{
    const char *state = line->options.state;
    char *database = open_path(line->word, "mlpd.db");
    struct copied done = {.datasets = 0};
    bool is_backup = access(database, R_OK) == 0;
    int lock = -1, rc;

    free(database);
    if (!is_backup) { /* said before a folder is made for it */
        return err_set(err, ERR_NOT_FOUND, "there is no backup in %s", line->word);
    }
    if (state_open(state, &lock, err) != 0) {
        return -1;
    }
    rc = restore(line->word, state, &done, err);
    if (rc == 0) {
        say("restored to", state, &done);
    }
    (void)close(lock); /* the lock goes with it; the file stays */
    return rc;
}
