/* See shim_vfs.h. A file here is a head of ours and, behind it in the same block, the file of
 * the system's layer. Any thread; what is static is set while no connection is open.
 */
#include "shim_vfs.h"

#include <check.h>
#include <stddef.h>
#include <string.h>

struct shim_file {
    sqlite3_file head; /* first: SQLite sees only this */
    const char *path;  /* owned by SQLite, as long as the file is open */
    sqlite3_file *real;
};

static sqlite3_vfs *real_vfs, shim_vfs;
static shim_observer_f *observe;
/* Room for the head that leaves what follows it aligned. */
static const size_t head_bytes = (sizeof(struct shim_file) + 15) / 16 * 16;

static struct shim_file *of(sqlite3_file *file)
{
    return (struct shim_file *)(void *)file;
}

static int ask(struct shim_call call, const char *path)
{
    const char *slash;

    call.path = path != NULL ? path : "";
    slash = strrchr(call.path, '/');
    call.name = slash != NULL ? slash + 1 : call.path;
    return observe(&call);
}

#define REAL of(file)->real
#define ASK(...)                                                                                   \
    do {                                                                                           \
        int asked = ask((struct shim_call){__VA_ARGS__}, of(file)->path);                          \
                                                                                                   \
        if (asked != SQLITE_OK) {                                                                  \
            return asked;                                                                          \
        }                                                                                          \
    } while (0)

/* ---- files ---- */

static int shim_close(sqlite3_file *file)
{
    return REAL->pMethods->xClose(REAL);
}

static int shim_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    ASK(.op = SHIM_READ, .len = len, .at = at);
    return REAL->pMethods->xRead(REAL, to, len, at);
}

static int shim_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    ASK(.op = SHIM_WRITE, .bytes = bytes, .len = len, .at = at);
    return REAL->pMethods->xWrite(REAL, bytes, len, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    ASK(.op = SHIM_TRUNCATE, .at = size);
    return REAL->pMethods->xTruncate(REAL, size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    ASK(.op = SHIM_SYNC, .flags = flags);
    return REAL->pMethods->xSync(REAL, flags);
}

static int shim_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return REAL->pMethods->xFileSize(REAL, size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return REAL->pMethods->xLock(REAL, level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return REAL->pMethods->xUnlock(REAL, level);
}

static int shim_check_reserved(sqlite3_file *file, int *out)
{
    return REAL->pMethods->xCheckReservedLock(REAL, out);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
    return REAL->pMethods->xFileControl(REAL, op, arg);
}

static int shim_sector_size(sqlite3_file *file)
{
    return REAL->pMethods->xSectorSize(REAL);
}

static int shim_characteristics(sqlite3_file *file)
{
    return REAL->pMethods->xDeviceCharacteristics(REAL);
}

static int shim_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **out)
{
    ASK(.op = SHIM_SHM_MAP, .len = bytes, .at = page);
    return REAL->pMethods->xShmMap(REAL, page, bytes, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return REAL->pMethods->xShmLock(REAL, offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
    REAL->pMethods->xShmBarrier(REAL);
}

static int shim_shm_unmap(sqlite3_file *file, int delete_flag)
{
    return REAL->pMethods->xShmUnmap(REAL, delete_flag);
}

/* Version 2: shared memory, but no mapped reads, which would pass the observer by. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_file_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_check_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector_size,
    .xDeviceCharacteristics = shim_characteristics,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

/* ---- the layer ---- */

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                     int *flags_out)
{
    int rc;

    (void)vfs;
    file->pMethods = NULL; /* nothing to close, until there is */
    of(file)->path = path;
    of(file)->real = (sqlite3_file *)(void *)((char *)file + head_bytes);
    of(file)->real->pMethods = NULL;
    ASK(.op = SHIM_OPEN, .flags = flags);
    rc = real_vfs->xOpen(real_vfs, path, of(file)->real, flags, flags_out);
    if (of(file)->real->pMethods != NULL) {
        file->pMethods = &methods;
    }
    return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    int rc = ask((struct shim_call){.op = SHIM_DELETE, .flags = sync_folder}, path);

    (void)vfs;
    return rc != SQLITE_OK ? rc : real_vfs->xDelete(real_vfs, path, sync_folder);
}

void shim_install(shim_observer_f *observer)
{
    real_vfs = sqlite3_vfs_find("unix");
    ck_assert_ptr_nonnull(real_vfs);
    observe = observer;
    shim_vfs = *real_vfs; /* times, names and the rest as they are */
    shim_vfs.zName = "shim";
    shim_vfs.szOsFile = (int)head_bytes + real_vfs->szOsFile;
    shim_vfs.xOpen = shim_open;
    shim_vfs.xDelete = shim_delete;
    ck_assert_int_eq(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
}

void shim_remove(void)
{
    ck_assert_int_eq(sqlite3_vfs_register(real_vfs, 1), SQLITE_OK);
    ck_assert_int_eq(sqlite3_vfs_unregister(&shim_vfs), SQLITE_OK);
}
