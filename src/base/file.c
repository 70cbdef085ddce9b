/* Files that must survive; see file.h for the promise.
 *
 * One function a system call, so that a test can stand before each of them: may() asks the hook
 * and sets errno as the call itself would have. A call that a signal broke off is made again; a
 * write that was short goes on behind what was written. No state of its own but the hook.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

int (*file_hook)(const struct file_event *event);

/* False, with errno set, when the test says so. */
static bool may_event(const struct file_event *event)
{
    int e = file_hook != NULL ? file_hook(event) : 0;

    if (e != 0) {
        errno = e;
    }
    return e == 0;
}

static bool may(enum file_op op, int folder, const char *name, int fd)
{
    return may_event(
        &(struct file_event){.op = op, .folder = folder, .name = name, .fd = fd, .to_folder = -1});
}

/* errno as an error; always -1. */
static int failed(struct err *err, const char *doing, const char *what)
{
    int e = errno;

    switch (e) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return err_set(err, ERR_NO_SPACE, "there is no space left for the %s", what);
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return err_set(err, ERR_NO_MEMORY, "cannot %s the %s file: %s", doing, what,
                       strerrordesc_np(e));
    default:
        return err_set(err, ERR_IO, "cannot %s the %s file: %s", doing, what, strerrordesc_np(e));
    }
}

/* ---- folders ----------------------------------------------------------------------- */

static int sync_parent(const char *path, const char *what, struct err *err)
{
    char *copy = xstrdup(path);
    int folder = -1, rc;

    rc = file_folder_open(dirname(copy), what, &folder, err);
    if (rc == 0) {
        rc = file_folder_sync(folder, what, err);
        file_folder_close(&folder);
    }
    free(copy);
    return rc;
}

int file_folder_make(const char *path, const char *what, struct err *err)
{
    if (!may(FILE_OP_FOLDER_MAKE, -1, path, -1)) {
        return failed(err, "make the folder of", what);
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return failed(err, "make the folder of", what);
    }
    /* One that was there may be left of a start that ended right here. */
    return sync_parent(path, what, err);
}

int file_folder_open(const char *path, const char *what, int *out, struct err *err)
{
    int fd = -1;

    if (may(FILE_OP_FOLDER_OPEN, -1, path, -1)) {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0) {
        return failed(err, "open the folder of", what);
    }
    *out = fd;
    return 0;
}

void file_folder_close(int *folder)
{
    if (*folder >= 0) {
        (void)close(*folder); /* nothing is written through it */
        *folder = -1;
    }
}

int file_folder_sync(int folder, const char *what, struct err *err)
{
    if (!may(FILE_OP_FOLDER_SYNC, folder, "", folder) || fsync(folder) != 0) {
        return failed(err, "sync the folder of", what);
    }
    return 0;
}

/* ---- writing ----------------------------------------------------------------------- */

static void file_set(struct file *f, int folder, const char *name, const char *what)
{
    size_t len = strlen(name);

    CHK(len > 0 && len < sizeof f->name && strchr(name, '/') == NULL);
    *f = (struct file)FILE_INIT;
    f->folder = folder;
    f->what = what;
    memcpy(f->name, name, len + 1);
}

int file_create(struct file *f, int folder, const char *name, const char *what, struct err *err)
{
    file_set(f, folder, name, what);
    if (may(FILE_OP_CREATE, folder, name, -1)) {
        f->fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    f->made = f->fd >= 0;
    return f->made ? 0 : failed(err, "create", what);
}

int file_write(struct file *f, const void *bytes, size_t len, struct err *err)
{
    const char *p = bytes;

    if (!may(FILE_OP_WRITE, f->folder, f->name, f->fd)) {
        return failed(err, "write", f->what);
    }
    while (len > 0) {
        ssize_t n = write(f->fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return failed(err, "write", f->what);
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int file_sync(struct file *f, struct err *err)
{
    if (!may(FILE_OP_SYNC, f->folder, f->name, f->fd) || fsync(f->fd) != 0) {
        return failed(err, "sync", f->what);
    }
    return 0;
}

int file_close(struct file *f, struct err *err)
{
    bool good = may(FILE_OP_CLOSE, f->folder, f->name, f->fd);
    int e = errno, rc = close(f->fd);

    f->fd = -1;
    /* Linux has closed it when a signal came, too. */
    if (good && (rc == 0 || errno == EINTR)) {
        return 0;
    }
    errno = good ? errno : e;
    return failed(err, "close", f->what);
}

int file_rename(struct file *f, const char *to, struct err *err)
{
    CHK(f->fd < 0 && f->made);
    if (file_move(f->folder, f->name, f->folder, to, f->what, err) != 0) {
        return -1;
    }
    f->made = false;
    return 0;
}

void file_discard(struct file *f)
{
    struct err err = ERR_INIT;

    if (f->fd >= 0) {
        (void)close(f->fd); /* its content is thrown away */
        f->fd = -1;
    }
    if (f->made && file_remove(f->folder, f->name, f->what, &err) != 0) {
        err_fini(&err); /* its owner sweeps temporary files at the start */
    }
    f->made = false;
}

int file_move(int from_folder, const char *from, int to_folder, const char *to, const char *what,
              struct err *err)
{
    if (!may_event(&(struct file_event){.op = FILE_OP_RENAME,
                                        .folder = from_folder,
                                        .name = from,
                                        .fd = -1,
                                        .to_folder = to_folder,
                                        .to = to}) ||
        renameat(from_folder, from, to_folder, to) != 0) {
        return failed(err, "name", what);
    }
    return 0;
}

int file_remove(int folder, const char *name, const char *what, struct err *err)
{
    if (!may(FILE_OP_REMOVE, folder, name, -1) ||
        (unlinkat(folder, name, 0) != 0 && errno != ENOENT)) {
        return failed(err, "remove", what);
    }
    return 0;
}

/* ---- reading ----------------------------------------------------------------------- */

int file_open(struct file *f, int folder, const char *name, const char *what, uint64_t *size,
              struct err *err)
{
    struct stat st;

    file_set(f, folder, name, what);
    /* Not blocking: a pipe in its place must not hold us up. */
    if (may(FILE_OP_OPEN, folder, name, -1)) {
        f->fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }
    if (f->fd < 0 && errno == ENOENT) {
        return err_set(err, ERR_NOT_FOUND, "the %s file is not there", what);
    }
    if (f->fd < 0 && errno == ELOOP) {
        return err_set(err, ERR_CORRUPT, "what should be the %s file is something else", what);
    }
    if (f->fd < 0) {
        return failed(err, "open", what);
    }
    if (fstat(f->fd, &st) != 0) {
        failed(err, "open", what);
        file_done(f);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        file_done(f);
        return err_set(err, ERR_CORRUPT, "what should be the %s file is something else", what);
    }
    *size = (uint64_t)st.st_size;
    return 0;
}

int file_read(struct file *f, void *bytes, size_t len, struct err *err)
{
    char *p = bytes;

    if (!may(FILE_OP_READ, f->folder, f->name, f->fd)) {
        return failed(err, "read", f->what);
    }
    while (len > 0) {
        ssize_t n = read(f->fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return failed(err, "read", f->what);
        }
        if (n == 0) {
            return err_set(err, ERR_CORRUPT, "the %s file ends too early", f->what);
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

void file_done(struct file *f)
{
    if (f->fd >= 0) {
        (void)close(f->fd); /* only read from */
        f->fd = -1;
    }
}

int file_load(int folder, const char *name, const char *what, size_t max, void **bytes, size_t *len,
              struct err *err)
{
    struct file f = FILE_INIT;
    uint64_t size = 0;
    char *p = NULL;
    int rc;

    if (file_open(&f, folder, name, what, &size, err) != 0) {
        return -1;
    }
    if (size > max || size >= SIZE_MAX) {
        rc = err_set(err, ERR_TOO_LARGE, "the %s file is larger than it may be", what);
    } else if ((p = mem_try_alloc((size_t)size + 1, 1)) == NULL) {
        rc = err_set(err, ERR_NO_MEMORY, "not enough memory for the %s file", what);
    } else {
        rc = file_read(&f, p, (size_t)size, err);
    }
    file_done(&f);
    if (rc != 0) {
        free(p);
        return -1;
    }
    p[size] = '\0';
    *bytes = p;
    *len = (size_t)size;
    return 0;
}

/* ---- room -------------------------------------------------------------------------- */

int file_free_space(const char *dir, uint64_t *bytes, struct err *err)
{
    struct statvfs vfs;

    if (!may(FILE_OP_SPACE, -1, dir, -1) || statvfs(dir, &vfs) != 0) {
        return err_set(err, ERR_IO, "cannot see how much space is left: %s",
                       strerrordesc_np(errno));
    }
    *bytes = (uint64_t)vfs.f_bavail * (uint64_t)vfs.f_frsize;
    return 0;
}
