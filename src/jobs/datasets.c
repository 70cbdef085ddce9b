/* The daemon's datasets: files, rows and a cache of opened ones; see datasets.h.
 *
 * Two locks. `mtx` is a leaf around the cache and the uploads; files are opened outside it.
 * `publish` makes "is there a row for this file" and what follows from the answer one step:
 * without it a deletion could unlink the file that an upload of the same content is just
 * naming. It is held across a commit, which the leaf never is, and taken first.
 *
 * A deleted dataset that is read lives on in the cache, doomed, until it is put back.
 */
#include "jobs/datasets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crashpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/dataset_view.h"

#define KEEP_OPEN 16 /* datasets kept open that nobody uses */
#define SCRATCH   "scratch-"
#define WHAT      "dataset"

struct opened {
    char sha256[HASH_HEX_LEN];
    struct dataset *ds;
    size_t users;
    uint64_t used; /* when, for the least recently used */
    bool doomed;   /* deleted: not to be handed out again */
    bool verified; /* the file holds what its name says */
    struct opened *next;
};

struct upload {
    int64_t ticket;
    struct datasets_upload shown;
    struct upload *next;
};

struct datasets {
    unsigned magic;
#define DATASETS_MAGIC 0x7d0a5e75
    char *dir;           /* set once */
    int folder;          /* the same, opened; set once */
    struct store *store; /* set once; not ours */
    pthread_mutex_t publish;
    pthread_mutex_t mtx;
    struct opened *opened;  /* guarded by mtx */
    uint64_t clock;         /* guarded by mtx */
    struct upload *uploads; /* guarded by mtx */
    int64_t last_ticket;    /* guarded by mtx */
};

static char *path_of(const char *dir, const char *sha256)
{
    return xasprintf("%s/%s", dir, sha256);
}

static bool is_sha256(const char *name)
{
    return strlen(name) == HASH_HEX_LEN - 1 && strspn(name, "0123456789abcdef") == HASH_HEX_LEN - 1;
}

/* ---- start and end ------------------------------------------------------------- */

void datasets_scratch_free(char **scratch)
{
    struct err err = ERR_INIT;
    DIR *dir;
    const struct dirent *entry;

    if (*scratch == NULL) {
        return;
    }
    dir = opendir(*scratch);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            if (file_remove(dirfd(dir), entry->d_name, WHAT, &err) != 0) {
                err_fini(&err); /* rmdir below tells */
            }
        }
    }
    if (dir != NULL) {
        (void)closedir(dir); /* only read from */
    }
    if (rmdir(*scratch) != 0 && errno != ENOENT) {
        log_warn("could not remove the folder %s", *scratch);
    }
    free(*scratch);
    *scratch = NULL;
}

/* Whether no row names the file; an error counts as "some row does". */
static bool is_orphan(struct store *store, const char *sha256)
{
    struct store_dataset row = {.id = 0};
    struct err err = ERR_INIT;
    char key[sizeof "sha256:" + HASH_HEX_LEN];
    bool orphan;

    (void)snprintf(key, sizeof key, "sha256:%s", sha256); /* fits by its size */
    orphan = store->ops->dataset_get(store, key, &row, &err) != 0 && err.code == ERR_NOT_FOUND;
    store_dataset_fini(&row);
    err_fini(&err);
    return orphan;
}

static bool store_has_datasets(struct store *store)
{
    struct store_dataset *list = NULL;
    struct err err = ERR_INIT;
    size_t n = 0;
    bool more, has;

    has = store->ops->dataset_list(store, 0, 1, &list, &n, &more, &err) == 0 && n > 0;
    store_datasets_free(&list, n);
    err_fini(&err);
    return has;
}

static void unlink_file(const struct datasets *d, const char *sha256)
{
    struct err err = ERR_INIT;

    if (file_remove(d->folder, sha256, WHAT, &err) != 0) {
        log_warn("dataset %.12s...: %s", sha256, err.detail);
        err_fini(&err);
    }
}

static void clean(struct datasets *d)
{
    bool orphans = store_has_datasets(d->store);
    DIR *dir = opendir(d->dir);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, SCRATCH, strlen(SCRATCH)) == 0) {
            char *path = xasprintf("%s/%s", d->dir, entry->d_name);

            datasets_scratch_free(&path);
        } else if (orphans && is_sha256(entry->d_name) && is_orphan(d->store, entry->d_name)) {
            log_info("removing the dataset file %.12s... of an upload that never finished",
                     entry->d_name);
            unlink_file(d, entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir); /* only read from */
    }
}

int datasets_new(const char *dir, struct store *store, struct datasets **out, struct err *err)
{
    struct datasets *d;
    int folder = -1;

    if (file_folder_make(dir, WHAT, err) != 0 || file_folder_open(dir, WHAT, &folder, err) != 0) {
        return -1;
    }
    d = xcalloc(1, sizeof *d);
    d->folder = folder;
    d->magic = DATASETS_MAGIC;
    d->dir = xstrdup(dir);
    d->store = store;
    PTOK(pthread_mutex_init(&d->publish, NULL));
    PTOK(pthread_mutex_init(&d->mtx, NULL));
    dataset_clean_folder(dir);
    clean(d);
    *out = d;
    return 0;
}

void datasets_free(struct datasets **datasets)
{
    struct datasets *d = *datasets;

    if (d == NULL) {
        return;
    }
    CHK_OBJ(d, DATASETS_MAGIC);
    CHK(d->uploads == NULL);
    while (d->opened != NULL) {
        struct opened *o = d->opened;

        CHK(o->users == 0);
        d->opened = o->next;
        dataset_free(&o->ds);
        free(o);
    }
    PTOK(pthread_mutex_destroy(&d->mtx));
    PTOK(pthread_mutex_destroy(&d->publish));
    file_folder_close(&d->folder);
    free(d->dir);
    d->magic = 0;
    free(d);
    *datasets = NULL;
}

const char *datasets_dir(const struct datasets *d)
{
    return d->dir;
}

struct store *datasets_store(const struct datasets *d)
{
    return d->store;
}

/* ---- the cache ------------------------------------------------------------------ */

static struct opened *find_locked(struct datasets *d, const char *sha256)
{
    struct opened *o = d->opened;

    while (o != NULL && (o->doomed || strcmp(o->sha256, sha256) != 0)) {
        o = o->next;
    }
    return o;
}

/* Take out what nobody needs: the doomed, and the least recently used beyond KEEP_OPEN. The
 * caller frees the list, outside the lock. */
static struct opened *take_unneeded_locked(struct datasets *d)
{
    struct opened *taken = NULL, **at, **oldest;
    size_t idle;

    for (;;) {
        idle = 0;
        oldest = NULL;
        for (at = &d->opened; *at != NULL; at = &(*at)->next) {
            if ((*at)->users > 0) {
                continue;
            }
            if ((*at)->doomed) {
                oldest = at;
                idle = KEEP_OPEN + 1;
                break;
            }
            idle++;
            if (oldest == NULL || (*at)->used < (*oldest)->used) {
                oldest = at;
            }
        }
        if (idle <= KEEP_OPEN) {
            return taken;
        }
        struct opened *o = *oldest;

        *oldest = o->next;
        o->next = taken;
        taken = o;
    }
}

static void free_opened(struct opened *list)
{
    while (list != NULL) {
        struct opened *o = list;

        list = o->next;
        dataset_free(&o->ds);
        free(o);
    }
}

static struct opened *use_locked(struct datasets *d, const char *sha256)
{
    struct opened *o = find_locked(d, sha256);

    if (o != NULL) {
        o->users++;
        o->used = ++d->clock;
    }
    return o;
}

int datasets_open(struct datasets *d, const char *sha256, const struct dataset **out,
                  struct err *err)
{
    struct dataset *ds = NULL;
    struct opened *o, *unneeded;
    char *path;
    int rc;

    CHK_OBJ(d, DATASETS_MAGIC);
    CHK(is_sha256(sha256));
    PTOK(pthread_mutex_lock(&d->mtx));
    o = use_locked(d, sha256);
    PTOK(pthread_mutex_unlock(&d->mtx));
    if (o != NULL) {
        *out = o->ds;
        return 0;
    }
    path = path_of(d->dir, sha256);
    rc = dataset_open(path, &ds, err);
    free(path);
    if (rc != 0) {
        return -1;
    }
    PTOK(pthread_mutex_lock(&d->mtx));
    o = use_locked(d, sha256); /* another thread may have been faster */
    if (o == NULL) {
        o = xcalloc(1, sizeof *o);
        memcpy(o->sha256, sha256, HASH_HEX_LEN);
        o->ds = ds;
        ds = NULL;
        o->users = 1;
        o->used = ++d->clock;
        o->next = d->opened;
        d->opened = o;
    }
    *out = o->ds;
    unneeded = take_unneeded_locked(d);
    PTOK(pthread_mutex_unlock(&d->mtx));
    free_opened(unneeded);
    dataset_free(&ds);
    return 0;
}

/* The cache's entry of one that is handed out. */
static struct opened *entry_locked(struct datasets *d, const struct dataset *ds)
{
    struct opened *o = d->opened;

    while (o != NULL && o->ds != ds) {
        o = o->next;
    }
    CHK(o != NULL && o->users > 0);
    return o;
}

int datasets_open_verified(struct datasets *d, const char *sha256, bool (*stop)(void *ctx),
                           void *ctx, const struct dataset **out, struct err *err)
{
    const struct dataset *ds = NULL;
    bool verified;
    int rc;

    if (datasets_open(d, sha256, &ds, err) != 0) {
        return -1;
    }
    PTOK(pthread_mutex_lock(&d->mtx));
    verified = entry_locked(d, ds)->verified;
    PTOK(pthread_mutex_unlock(&d->mtx));
    rc = verified ? 0 : dataset_verify_open(ds, sha256, stop, ctx, err);
    if (rc != 0) {
        datasets_put(d, &ds);
        return rc;
    }
    PTOK(pthread_mutex_lock(&d->mtx));
    entry_locked(d, ds)->verified = true;
    PTOK(pthread_mutex_unlock(&d->mtx));
    *out = ds;
    return 0;
}

void datasets_put(struct datasets *d, const struct dataset **ds)
{
    struct opened *unneeded;

    dataset_view_end(ds);
    if (*ds == NULL) {
        return;
    }
    PTOK(pthread_mutex_lock(&d->mtx));
    entry_locked(d, *ds)->users--;
    unneeded = take_unneeded_locked(d);
    PTOK(pthread_mutex_unlock(&d->mtx));
    free_opened(unneeded);
    *ds = NULL;
}

static void doom(struct datasets *d, const char *sha256)
{
    struct opened *o, *unneeded;

    PTOK(pthread_mutex_lock(&d->mtx));
    o = find_locked(d, sha256);
    if (o != NULL) {
        o->doomed = true;
    }
    unneeded = take_unneeded_locked(d);
    PTOK(pthread_mutex_unlock(&d->mtx));
    free_opened(unneeded);
}

/* ---- rows and files ---------------------------------------------------------------- */

static void remove_file(struct datasets *d, const char *sha256)
{
    doom(d, sha256);
    CRASH_POINT("datasets-before-remove");
    unlink_file(d, sha256);
}

/* The row of a finished file: of the columns of `like`, and appended to it where it has an id. */
static int name_file(struct datasets *d, const struct dataset_summary *summary, const char *name,
                     const struct store_dataset *like, bool replace, int64_t *id, bool *created,
                     struct err *err)
{
    int64_t rows = (int64_t)summary->rows, bytes = (int64_t)summary->bytes;
    const struct store_ops *ops = d->store->ops;
    const char *sha = summary->sha256;
    int rc;

    CHK_OBJ(d, DATASETS_MAGIC);
    PTOK(pthread_mutex_lock(&d->publish));
    CRASH_POINT("datasets-before-row");
    if (faccessat(d->folder, sha, F_OK, 0) != 0) {
        rc = err_set(err, ERR_BUSY, "the same content was just being deleted: send it again");
    } else {
        rc = like->id == 0 ? ops->dataset_add(d->store, name, sha, rows, like->columns, bytes,
                                              replace, id, created, err)
                           : ops->dataset_append(d->store, like->id, name, sha, rows, like->columns,
                                                 bytes, id, err);
        if (rc != 0 && is_orphan(d->store, sha)) {
            remove_file(d, sha);
        }
    }
    CRASH_POINT("datasets-after-row");
    PTOK(pthread_mutex_unlock(&d->publish));
    return rc;
}

int datasets_add(struct datasets *d, const char *name, const struct dataset_summary *summary,
                 size_t n_columns, bool replace, int64_t *id, bool *created, struct err *err)
{
    const struct store_dataset row = {.columns = (int64_t)n_columns};

    return name_file(d, summary, name, &row, replace, id, created, err);
}

int datasets_append(struct datasets *d, const struct store_dataset *parent,
                    const struct dataset_summary *summary, int64_t *id, struct err *err)
{
    return name_file(d, summary, parent->name, parent, false, id, NULL, err);
}

int datasets_delete(struct datasets *d, int64_t id, struct err *err)
{
    struct store_dataset row = {.id = 0};
    char key[24];
    bool orphan = false;
    int rc;

    CHK_OBJ(d, DATASETS_MAGIC);
    (void)snprintf(key, sizeof key, "%lld", (long long)id); /* fits: at most 20 */
    PTOK(pthread_mutex_lock(&d->publish));
    rc = d->store->ops->dataset_get(d->store, key, &row, err);
    if (rc == 0) {
        rc = d->store->ops->dataset_delete(d->store, id, &orphan, err);
    }
    if (rc == 0 && orphan) {
        remove_file(d, row.sha256);
    }
    PTOK(pthread_mutex_unlock(&d->publish));
    store_dataset_fini(&row);
    return rc;
}

int datasets_gc(struct datasets *d, const struct store_gc_rule *rule, bool dry_run,
                struct store_gc *out, struct err *err)
{
    struct store_gc piece = {.jobs = 0};
    size_t i;
    int rc;

    CHK_OBJ(d, DATASETS_MAGIC);
    PTOK(pthread_mutex_lock(&d->publish));
    rc = d->store->ops->gc(d->store, rule, dry_run, &piece, err);
    for (i = 0; i < piece.n_orphans; i++) {
        remove_file(d, piece.orphans[i]);
    }
    PTOK(pthread_mutex_unlock(&d->publish));
    free(piece.orphans);
    piece.orphans = NULL;
    piece.n_orphans = 0;
    if (rc == 0) {
        *out = piece;
    }
    return rc;
}

/* ---- scratch folders ------------------------------------------------------------------ */

int datasets_scratch_new(struct datasets *d, char **out, struct err *err)
{
    char *path = xasprintf("%s/" SCRATCH "XXXXXX", d->dir);

    if (mkdtemp(path) == NULL) {
        int e = errno;

        free(path);
        return err_set(err, e == ENOSPC || e == EDQUOT ? ERR_NO_SPACE : ERR_IO,
                       "cannot make a folder for the rows: %s", strerror(e));
    }
    *out = path;
    return 0;
}

int datasets_scratch_keep(struct datasets *d, const char *scratch, const char *sha256,
                          struct err *err)
{
    int from = -1, rc = -1;

    if (file_folder_open(scratch, WHAT, &from, err) == 0) {
        rc = file_move(from, sha256, d->folder, sha256, WHAT, err);
        rc = rc == 0 ? file_folder_sync(d->folder, WHAT, err) : rc;
    }
    file_folder_close(&from);
    return rc;
}

/* ---- uploads in progress ---------------------------------------------------------------- */

int datasets_upload_begin(struct datasets *d, const char *name, int64_t *ticket, struct err *err)
{
    struct upload *u = xcalloc(1, sizeof *u), *other;
    const char *shown = name != NULL ? name : "";
    int rc = 0;

    CHK_OBJ(d, DATASETS_MAGIC);
    CHK(strlen(shown) < sizeof u->shown.name);
    memcpy(u->shown.name, shown, strlen(shown) + 1);
    u->shown.started_at = clock_now_ms();
    PTOK(pthread_mutex_lock(&d->mtx));
    for (other = d->uploads; other != NULL && rc == 0; other = other->next) {
        if (shown[0] != '\0' && strcmp(other->shown.name, shown) == 0) {
            rc = err_set(err, ERR_CONFLICT, "another upload of \"%s\" is in progress", shown);
        }
    }
    if (rc == 0) {
        u->ticket = *ticket = ++d->last_ticket;
        u->next = d->uploads;
        d->uploads = u;
        u = NULL;
    }
    PTOK(pthread_mutex_unlock(&d->mtx));
    free(u);
    return rc;
}

void datasets_upload_progress(struct datasets *d, int64_t ticket, uint64_t rows, uint64_t bytes)
{
    struct upload *u;

    PTOK(pthread_mutex_lock(&d->mtx));
    for (u = d->uploads; u != NULL; u = u->next) {
        if (u->ticket == ticket) {
            u->shown.rows = rows;
            u->shown.bytes = bytes;
        }
    }
    PTOK(pthread_mutex_unlock(&d->mtx));
}

void datasets_upload_end(struct datasets *d, int64_t ticket)
{
    struct upload **at, *u;

    PTOK(pthread_mutex_lock(&d->mtx));
    at = &d->uploads;
    while (*at != NULL && (*at)->ticket != ticket) {
        at = &(*at)->next;
    }
    u = *at;
    CHK(u != NULL);
    *at = u->next;
    PTOK(pthread_mutex_unlock(&d->mtx));
    free(u);
}

struct datasets_upload *datasets_uploads(struct datasets *d, size_t *n)
{
    struct datasets_upload *out;
    const struct upload *u;
    size_t i = 0;

    PTOK(pthread_mutex_lock(&d->mtx));
    *n = 0;
    for (u = d->uploads; u != NULL; u = u->next) {
        (*n)++;
    }
    out = xcalloc(*n > 0 ? *n : 1, sizeof *out);
    for (u = d->uploads; u != NULL; u = u->next) {
        out[i++] = u->shown;
    }
    PTOK(pthread_mutex_unlock(&d->mtx));
    return out;
}
