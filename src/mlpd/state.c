/* The state folder and its lock; see state.h.
 *
 * The lock is flock on DIR/lock: the kernel lets it go with the process, however that ends, so
 * there is no stale lock to clean up. The number in the file is for people.
 */
#include "mlpd/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int state_make(const char *dir, struct err *err)
{
    char *path = xstrdup(dir), *slash;
    struct stat st;
    int rc = 0;

    for (slash = strchr(path + 1, '/'); slash != NULL && rc == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            rc = err_set(err, ERR_IO, "cannot make folder %s: %s", path, strerror(errno));
        }
        *slash = '/';
    }
    if (rc == 0 && mkdir(dir, 0700) != 0 && errno != EEXIST) {
        rc = err_set(err, ERR_IO, "cannot make state folder %s: %s", dir, strerror(errno));
    }
    if (rc == 0 && (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))) {
        rc = err_set(err, ERR_IO, "%s is not a folder", dir);
    }
    free(path);
    return rc;
}

static int held_by(int fd, const char *dir, struct err *err)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n > 0) {
        text[strspn(text, "0123456789")] = '\0';
    }
    return err_set(err, ERR_CONFLICT, "state folder %s is held by process %s", dir,
                   n > 0 && text[0] != '\0' ? text : "(not known)");
}

int state_open(const char *dir, int *out, struct err *err)
{
    char text[24], *path;
    int fd, len;

    if (state_make(dir, err) != 0) {
        return -1;
    }
    path = xasprintf("%s/lock", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    if (fd < 0) {
        return err_set(err, ERR_IO, "cannot open %s/lock: %s", dir, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            (void)held_by(fd, dir, err);
        } else {
            (void)err_set(err, ERR_IO, "cannot lock %s/lock: %s", dir, strerror(errno));
        }
        (void)close(fd); /* nothing was written to it */
        return -1;
    }
    len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        (void)err_set(err, ERR_IO, "cannot write %s/lock: %s", dir, strerror(errno));
        (void)close(fd);
        return -1;
    }
    *out = fd;
    return 0;
}

int state_is_whole(const char *dir, struct err *err)
{
    char *path = xasprintf("%s/" STATE_RESTORING, dir);
    bool restoring = access(path, F_OK) == 0;

    free(path);
    return restoring ? err_set(err, ERR_CONFLICT,
                               "a restore into %s was interrupted: run it again", dir)
                     : 0;
}
