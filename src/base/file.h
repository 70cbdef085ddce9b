/* Files that must survive: everything of ours outside the database is written through here.
 *
 * The order that survives a power cut is create, write, sync, close, rename, sync of the folder;
 * a file is then there whole or not at all. Names are single components inside a folder that the
 * caller holds open; nothing follows a symbolic link in the place of a file.
 *
 * Functions return 0, or -1 with a sentence that names the `what` given ("dataset") and no path.
 * Codes: ERR_NO_SPACE (ENOSPC, EDQUOT, EFBIG), ERR_NO_MEMORY (no memory or no descriptor left),
 * ERR_NOT_FOUND (reading what is not there), ERR_IO. After a failed sync the content is unknown:
 * throw the file away, do not sync again.
 *
 * Any thread; one at a time per struct file.
 */
#ifndef MLPD_BASE_FILE_H
#define MLPD_BASE_FILE_H

#include "base/base.h"
#include "base/err.h"

#define FILE_NAME_LEN 96 /* of a name, with its NUL */

struct file {
    int folder;       /* descriptor of its folder; borrowed */
    int fd;           /* -1: not open */
    bool made;        /* by file_create, and still under its first name */
    const char *what; /* a constant: "dataset" */
    char name[FILE_NAME_LEN];
};
#define FILE_INIT                                                                                  \
    {                                                                                              \
        .folder = -1, .fd = -1                                                                     \
    }

/* ---- folders ---- */
/* Make the folder if it is absent (0700), its entry in the folder above synced. */
int file_folder_make(const char *path, const char *what, struct err *err) MUST_CHECK;
/* *out: a descriptor to close with file_folder_close. */
int file_folder_open(const char *path, const char *what, int *out, struct err *err) MUST_CHECK;
void file_folder_close(int *folder);
/* The entries made, renamed and removed so far are durable. */
int file_folder_sync(int folder, const char *what, struct err *err) MUST_CHECK;

/* ---- writing ---- */
/* A new file (0600) that was not there before. */
int file_create(struct file *f, int folder, const char *name, const char *what,
                struct err *err) MUST_CHECK;
int file_write(struct file *f, const void *bytes, size_t len, struct err *err) MUST_CHECK;
int file_sync(struct file *f, struct err *err) MUST_CHECK;
/* f is closed either way. */
int file_close(struct file *f, struct err *err) MUST_CHECK;
/* Give a closed one its lasting name in its folder; what has that name is replaced. */
int file_rename(struct file *f, const char *to, struct err *err) MUST_CHECK;
/* Close it and, if it was never renamed, remove it, as well as it goes. FILE_INIT is fine. */
void file_discard(struct file *f);
/* From one folder to another. */
int file_move(int from_folder, const char *from, int to_folder, const char *to, const char *what,
              struct err *err) MUST_CHECK;
/* One that is not there is removed already. */
int file_remove(int folder, const char *name, const char *what, struct err *err) MUST_CHECK;

/* ---- reading ---- */
/* *size: its bytes. What is no regular file is ERR_CORRUPT. End with file_done. */
int file_open(struct file *f, int folder, const char *name, const char *what, uint64_t *size,
              struct err *err) MUST_CHECK;
/* The next `len` bytes; ERR_CORRUPT when there are fewer. */
int file_read(struct file *f, void *bytes, size_t len, struct err *err) MUST_CHECK;
void file_done(struct file *f);
/* The whole of a file of at most `max` bytes (ERR_TOO_LARGE); the caller frees. A NUL follows the
 * bytes. */
int file_load(int folder, const char *name, const char *what, size_t max, void **bytes, size_t *len,
              struct err *err) MUST_CHECK;

/* ---- room ---- */
/* Bytes that we may still write on the file system of `dir`. */
int file_free_space(const char *dir, uint64_t *bytes, struct err *err) MUST_CHECK;

/* ---- for tests ---- */
enum file_op {
    FILE_OP_FOLDER_MAKE,
    FILE_OP_FOLDER_OPEN,
    FILE_OP_FOLDER_SYNC,
    FILE_OP_CREATE,
    FILE_OP_WRITE,
    FILE_OP_SYNC,
    FILE_OP_CLOSE,
    FILE_OP_RENAME,
    FILE_OP_REMOVE,
    FILE_OP_OPEN,
    FILE_OP_READ,
    FILE_OP_SPACE,
    FILE_OPS
};
struct file_event {
    enum file_op op;
    int folder; /* -1 where `name` is a path */
    const char *name;
    int fd;        /* of a write, a sync, a close, a read; else -1 */
    int to_folder; /* of a rename */
    const char *to;
};
/* Called before each operation; what it returns is the errno to fail with, 0: go on. NULL outside
 * tests; set while no other thread is in here. */
extern int (*file_hook)(const struct file_event *event);

#endif
