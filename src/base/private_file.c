/* Files of secrets; see private_file.h.
 *
 * Written in full as NAME.new, synced, and renamed: a crash leaves the old file or the new one.
 * Both are nobody's but their owner's from their first byte on. The lock is flock on the folder,
 * which goes with the process.
 */
#include "base/private_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

const char *private_file_split(const char *path, char **dir)
{
    const char *slash = strrchr(path, '/');

    *dir =
        slash == NULL ? xstrdup(".") : xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
    return slash == NULL ? path : slash + 1;
}

/* Whether nobody else may have read or written it. */
static int is_ours(int fd, const char *what, struct stat *st, struct err *err)
{
    if (fstat(fd, st) != 0) {
        return err_set(err, ERR_IO, "cannot look at the %s file: %s", what, strerror(errno));
    }
    if (st->st_uid != geteuid() && st->st_uid != 0) {
        return err_set(err, ERR_CONFLICT, "the %s file belongs to another user (%lu)", what,
                       (unsigned long)st->st_uid);
    }
    if ((st->st_mode & 077) != 0) {
        return err_set(err, ERR_CONFLICT,
                       "others than its owner may use the %s file (mode %04o): make it 0600", what,
                       (unsigned)(st->st_mode & 07777));
    }
    return 0;
}

int private_file_read(int folder, const char *name, const char *what, size_t max, char **text,
                      size_t *len, struct stat *st, struct err *err)
{
    struct file f = FILE_INIT;
    struct stat unused;
    uint64_t size = 0;
    char *bytes = NULL;
    int rc;

    if (file_open(&f, folder, name, what, &size, err) != 0) {
        return -1;
    }
    rc = is_ours(f.fd, what, st != NULL ? st : &unused, err);
    if (rc == 0 && size > max) {
        rc = err_set(err, ERR_TOO_LARGE, "the %s file is larger than %zu bytes", what, max);
    }
    if (rc == 0) {
        bytes = xcalloc(1, (size_t)size + 1);
        rc = file_read(&f, bytes, (size_t)size, err);
    }
    file_done(&f);
    if (rc != 0) {
        free(bytes);
        return -1;
    }
    *text = bytes;
    *len = (size_t)size;
    return 0;
}

int private_file_lock(const char *dir, const char *what, int *folder, struct err *err)
{
    int fd = -1, rc = file_folder_open(dir, what, &fd, err);

    if (rc != 0) {
        return -1;
    }
    while ((rc = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
    }
    if (rc != 0) {
        (void)err_set(err, ERR_IO, "cannot lock the folder of the %s file: %s", what,
                      strerror(errno));
        file_folder_close(&fd);
        return -1;
    }
    *folder = fd;
    return 0;
}

/* What root makes in another user's state is that user's, whose daemon has to read it. */
static int give_to_owner(int folder, int fd, const char *what, struct err *err)
{
    struct stat st;

    if (geteuid() != 0) {
        return 0;
    }
    if (fstat(folder, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0) {
        return err_set(err, ERR_IO, "cannot give the %s file to the folder's owner: %s", what,
                       strerror(errno));
    }
    return 0;
}

int private_file_replace(int folder, const char *name, const char *what, const void *bytes,
                         size_t len, struct err *err)
{
    struct file f = FILE_INIT;
    char *fresh = xasprintf("%s.new", name);
    int rc = file_remove(folder, fresh, what, err);

    if (rc == 0 && (file_create(&f, folder, fresh, what, err) != 0 ||
                    give_to_owner(folder, f.fd, what, err) != 0 ||
                    file_write(&f, bytes, len, err) != 0 || file_sync(&f, err) != 0 ||
                    file_close(&f, err) != 0 || file_rename(&f, name, err) != 0 ||
                    file_folder_sync(folder, what, err) != 0)) {
        rc = -1;
    }
    file_discard(&f);
    free(fresh);
    return rc;
}
