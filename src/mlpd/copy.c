/* Copying a state folder while a daemon may be writing it; see copy.h.
 *
 * Files do not change once they have their names; they only go. So the database is copied first,
 * at one moment, and then the files that the copy names. Two things may have gone by then. A
 * dataset that was deleted meanwhile is deleted in the copy, too; only when a job needs it there,
 * which has ended since, the copy starts again from the database. A checkpoint, of which a running
 * job makes a new one every few seconds: those there are when the copy begins are held open, so
 * that they can be read after they lost their names; what is missing all the same is forgotten in
 * the copied database, where its job then goes on from the one before.
 *
 * Every file is read back after it was written and must have the hash that the database says,
 * which holds the original to it too. Files are copied, not linked: a copy must outlive damage.
 */
#include "mlpd/copy.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "mlpd/open.h"
#include "store/store_sqlite.h"

#define TRIES        5    /* of the database: jobs end and datasets are deleted all the time */
#define HELD_MOST    4096 /* checkpoints held open */
#define FILES_BESIDE 64   /* descriptors left for all else */
#define PIECE        ((size_t)1 << 20)

struct held {
    struct file *files; /* by name; owned */
    size_t n;
};

struct copy {
    const char *from, *to;
    int from_datasets, to_datasets, from_checkpoints, to_checkpoints; /* -1: there is none */
    struct held held;
    struct store_files named; /* by the copied database */
    struct store_checkpoint *gone;
    size_t n_gone;
    struct copied done;
};

/* ---- one file ---- */

static int write_copy(struct file *in, uint64_t size, struct file *out, struct err *err)
{
    unsigned char *piece = xmalloc(PIECE);
    uint64_t left = size;
    int rc = 0;

    while (left > 0 && rc == 0) {
        size_t n = left < PIECE ? (size_t)left : PIECE;

        rc = file_read(in, piece, n, err) != 0 || file_write(out, piece, n, err) != 0 ? -1 : 0;
        left -= n;
    }
    free(piece);
    return rc;
}

static int hash_file(int folder, const char *name, const char *what, char out[HASH_HEX_LEN],
                     struct err *err)
{
    unsigned char *piece = xmalloc(PIECE);
    struct file f = FILE_INIT;
    struct hash hash;
    uint64_t left = 0;
    int rc = file_open(&f, folder, name, what, &left, err);

    hash_init(&hash);
    while (rc == 0 && left > 0) {
        size_t n = left < PIECE ? (size_t)left : PIECE;

        rc = file_read(&f, piece, n, err);
        if (rc == 0) {
            hash_update(&hash, piece, n);
        }
        left -= n;
    }
    file_done(&f);
    hash_final_hex(&hash, out);
    free(piece);
    return rc;
}

/* The rest of `in`, `size` bytes, as a new file of the same name, verified. Closes `in`. */
static int copy_open_file(struct file *in, uint64_t size, int to, const char *sha256,
                          struct err *err)
{
    struct file out = FILE_INIT;
    char got[HASH_HEX_LEN];
    int rc = file_create(&out, to, in->name, in->what, err);

    if (rc == 0) {
        rc = write_copy(in, size, &out, err) != 0 || file_sync(&out, err) != 0 ||
                     file_close(&out, err) != 0
                 ? -1
                 : 0;
    }
    if (rc == 0) {
        rc = hash_file(to, in->name, in->what, got, err);
    }
    if (rc == 0 && strcmp(got, sha256) != 0) {
        rc = err_set(err, ERR_CORRUPT, "%s %.24s is damaged", in->what, in->name);
    }
    file_done(in);
    if (rc == 0) {
        out.made = false; /* it stays under this name */
    }
    file_discard(&out);
    return rc;
}

/* ---- checkpoints that are there when the copy begins ---- */

static size_t most_held(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 0;
    }
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 0; /* it matters for a daemon that runs, and little there */
    }
    return files.rlim_cur <= FILES_BESIDE ? 0
           : files.rlim_cur - FILES_BESIDE < HELD_MOST ? (size_t)files.rlim_cur - FILES_BESIDE
                                                       : HELD_MOST;
}

static void hold_checkpoints(struct copy *c, const char *dir)
{
    size_t most = most_held();
    DIR *folder = opendir(dir);
    const struct dirent *entry;

    c->held.files = xcalloc(most > 0 ? most : 1, sizeof *c->held.files);
    while (folder != NULL && c->held.n < most && (entry = readdir(folder)) != NULL) {
        struct err ignored = ERR_INIT;
        uint64_t size;

        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            strlen(entry->d_name) < FILE_NAME_LEN &&
            file_open(&c->held.files[c->held.n], c->from_checkpoints, entry->d_name, "checkpoint",
                      &size, &ignored) == 0) {
            c->held.n++;
        }
        err_fini(&ignored); /* gone already, or told when it is needed */
    }
    if (folder != NULL) {
        (void)closedir(folder); /* only read from */
    }
}

/* An open checkpoint, held or by its name now. */
static int take_checkpoint(struct copy *c, const char *name, struct file *out, uint64_t *size,
                           struct err *err)
{
    struct stat st;
    size_t i;

    for (i = 0; i < c->held.n; i++) {
        if (strcmp(c->held.files[i].name, name) == 0 && c->held.files[i].fd >= 0 &&
            fstat(c->held.files[i].fd, &st) == 0) {
            *out = c->held.files[i];
            c->held.files[i].fd = -1;
            *size = (uint64_t)st.st_size;
            return 0;
        }
    }
    if (c->from_checkpoints < 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no folder of checkpoints");
    }
    return file_open(out, c->from_checkpoints, name, "checkpoint", size, err);
}

static int copy_checkpoint(struct copy *c, const struct store_checkpoint *row, struct err *err)
{
    char name[FILE_NAME_LEN];
    struct file in = FILE_INIT;
    struct err why = ERR_INIT;
    uint64_t size = 0;

    (void)snprintf(name, sizeof name, "%" PRId64 ".%" PRId64, row->job_id, row->generation);
    if (take_checkpoint(c, name, &in, &size, &why) == 0 &&
        copy_open_file(&in, size, c->to_checkpoints, row->sha256, &why) == 0) {
        c->done.checkpoints++;
        c->done.bytes += size;
    } else if (why.code == ERR_NOT_FOUND || why.code == ERR_CORRUPT) {
        log_warn("checkpoint %s is left out: %s", name, why.detail);
        c->gone[c->n_gone++] = *row;
    } else {
        err_move(err, &why);
        return -1;
    }
    err_fini(&why);
    return 0;
}

static int copy_checkpoints(struct copy *c, struct err *err)
{
    size_t i;

    c->gone = xcalloc(c->named.n_checkpoints + 1, sizeof *c->gone);
    for (i = 0; i < c->named.n_checkpoints; i++) {
        if (copy_checkpoint(c, &c->named.checkpoints[i], err) != 0) {
            return -1;
        }
    }
    c->done.forgotten = c->n_gone;
    if (file_folder_sync(c->to_checkpoints, "checkpoint", err) != 0) {
        return -1;
    }
    return c->n_gone > 0 ? store_sqlite_forget(c->to, c->gone, c->n_gone, err) : 0;
}

/* ---- the database and its datasets ---- */

static bool names_dataset(const struct store_files *files, const char *sha256)
{
    size_t i;

    for (i = 0; i < files->n_datasets; i++) {
        if (strcmp(files->datasets[i], sha256) == 0) {
            return true;
        }
    }
    return false;
}

/* A file that the copy names is gone: 1 = the original names it no more, start again. */
static int was_deleted(struct copy *c, const char *sha256, struct err *err)
{
    struct store_files now = {.schema = 0};
    bool named;

    if (store_sqlite_files(c->from, &now, err) != 0) {
        return -1;
    }
    named = names_dataset(&now, sha256);
    store_files_fini(&now);
    return named ? err_set(err, ERR_CORRUPT,
                           "the file of dataset sha256:%s is missing: delete that dataset first",
                           sha256)
                 : 1;
}

/* 1 = it has gone since the database was copied. */
static int copy_dataset(struct copy *c, const char *sha256, struct err *err)
{
    struct file in = FILE_INIT;
    struct err why = ERR_INIT;
    uint64_t size = 0;

    if (faccessat(c->to_datasets, sha256, F_OK, 0) == 0) {
        return 0; /* of an earlier try */
    }
    if (c->from_datasets < 0) {
        return was_deleted(c, sha256, err);
    }
    if (file_open(&in, c->from_datasets, sha256, "dataset", &size, &why) != 0 &&
        why.code == ERR_NOT_FOUND) {
        err_fini(&why);
        return was_deleted(c, sha256, err);
    }
    if (!err_is(&why) && copy_open_file(&in, size, c->to_datasets, sha256, &why) == 0) {
        c->done.bytes += size;
        return 0;
    }
    err_move(err, &why);
    return -1;
}

/* 1 = one has gone that a job needs in the copied database. */
static int copy_datasets(struct copy *c, struct err *err)
{
    char(*gone)[HASH_HEX_LEN] = xcalloc(c->named.n_datasets + 1, sizeof *gone);
    size_t n = 0, i;
    int rc = 0;

    for (i = 0; i < c->named.n_datasets && rc == 0; i++) {
        rc = copy_dataset(c, c->named.datasets[i], err);
        if (rc == 1) {
            memcpy(gone[n++], c->named.datasets[i], HASH_HEX_LEN);
            rc = 0;
        }
    }
    if (rc == 0 && n > 0) {
        rc = store_sqlite_forget_datasets(c->to, (const char(*)[HASH_HEX_LEN])gone, n, err);
        if (rc == 0) {
            store_files_fini(&c->named);
            rc = store_sqlite_files(c->to, &c->named, err);
        }
    }
    free(gone);
    return rc;
}

/* What an earlier try copied and the database names no more. */
static int remove_surplus(struct copy *c, struct err *err)
{
    char *path = open_path(c->to, "datasets");
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int rc = 0;

    while (folder != NULL && rc == 0 && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.' && !names_dataset(&c->named, entry->d_name)) {
            rc = file_remove(c->to_datasets, entry->d_name, "dataset", err);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder); /* only read from */
    }
    free(path);
    c->done.datasets = c->named.n_datasets;
    return rc == 0 ? file_folder_sync(c->to_datasets, "dataset", err) : -1;
}

static int copy_database(struct copy *c, struct err *err)
{
    char *path = open_path(c->to, "mlpd.db");
    int rc = 1, tries;

    for (tries = 0; tries < TRIES && rc == 1; tries++) {
        store_files_fini(&c->named);
        rc = unlink(path) != 0 && tries > 0
                 ? err_set(err, ERR_IO, "the copy of the database cannot be made again")
                 : 0;
        if (rc == 0 && (store_sqlite_backup(c->from, path, err) != 0 ||
                        store_sqlite_files(c->to, &c->named, err) != 0)) {
            rc = -1;
        }
        if (rc == 0) {
            rc = copy_datasets(c, err);
        }
    }
    free(path);
    return rc == 1 ? err_set(err, ERR_BUSY,
                             "datasets were deleted all the while; try again when that has ended")
                   : rc;
}

static int verify(struct copy *c, struct err *err)
{
    struct err problems = ERR_INIT;
    char *path = open_path(c->to, "mlpd.db");
    struct stat st;
    int rc = store_sqlite_check(c->to, false, &c->done.models, &problems, err);

    if (rc == 0 && problems.n_items > 0) {
        rc = err_set(&problems, ERR_CORRUPT,
                     "the database is damaged; what belongs to a model or a job can be deleted "
                     "with it");
        err_move(err, &problems);
    }
    if (stat(path, &st) == 0) {
        c->done.bytes += (uint64_t)st.st_size;
    }
    free(path);
    err_fini(&problems);
    return rc;
}

/* ---- all of it ---- */

/* -1 when it is not there. */
static int open_folder(const char *dir, const char *name, bool make, int *out, struct err *err)
{
    char *path = open_path(dir, name);
    int rc = 0;

    *out = -1;
    if (make) {
        rc = file_folder_make(path, name, err);
    }
    if (rc == 0 && (make || access(path, F_OK) == 0)) {
        rc = file_folder_open(path, name, out, err);
    }
    free(path);
    return rc;
}

static int copy_all(struct copy *c, struct err *err)
{
    char *checkpoints;

    if (open_folder(c->from, "datasets", false, &c->from_datasets, err) != 0 ||
        open_folder(c->from, "checkpoints", false, &c->from_checkpoints, err) != 0 ||
        open_folder(c->to, "datasets", true, &c->to_datasets, err) != 0 ||
        open_folder(c->to, "checkpoints", true, &c->to_checkpoints, err) != 0) {
        return -1;
    }
    if (c->from_checkpoints >= 0) {
        checkpoints = open_path(c->from, "checkpoints");
        hold_checkpoints(c, checkpoints);
        free(checkpoints);
    }
    return copy_database(c, err) != 0 || copy_checkpoints(c, err) != 0 ||
                   remove_surplus(c, err) != 0 || verify(c, err) != 0
               ? -1
               : 0;
}

static int sync_folder(const char *dir, struct err *err)
{
    int folder = -1, rc = file_folder_open(dir, "copy", &folder, err);

    if (rc == 0) {
        rc = file_folder_sync(folder, "copy", err);
        file_folder_close(&folder);
    }
    return rc;
}

int copy_state(const char *from, const char *to, struct copied *out, struct err *err)
{
    struct copy c = {.from = from,
                     .to = to,
                     .from_datasets = -1,
                     .to_datasets = -1,
                     .from_checkpoints = -1,
                     .to_checkpoints = -1};
    int *folders[] = {&c.from_datasets, &c.to_datasets, &c.from_checkpoints, &c.to_checkpoints};
    size_t i;
    int rc = copy_all(&c, err);

    if (rc == 0) {
        rc = sync_folder(to, err);
    }
    for (i = 0; i < c.held.n; i++) {
        file_done(&c.held.files[i]);
    }
    for (i = 0; i < ARRAY_LEN(folders); i++) {
        if (*folders[i] >= 0) {
            file_folder_close(folders[i]);
        }
    }
    free(c.held.files);
    free(c.gone);
    store_files_fini(&c.named);
    if (rc == 0) {
        *out = c.done;
    }
    return rc;
}

static void remove_folder(const char *dir)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0); /* rmdir tells */
        }
    }
    if (folder != NULL) {
        (void)closedir(folder); /* only read from */
    }
    if (rmdir(dir) != 0 && access(dir, F_OK) == 0) {
        log_warn("the folder %s could not be removed", dir);
    }
}

void copy_remove(const char *dir)
{
    static const char *const inner[] = {"datasets", "checkpoints"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(inner); i++) {
        char *path = open_path(dir, inner[i]);

        remove_folder(path);
        free(path);
    }
    remove_folder(dir);
}
