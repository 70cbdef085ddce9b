/* Faults and power cuts for files; see file_faults.h.
 *
 * The model of power: a shadow folder holds a second link to every file ever seen, so that a
 * removed one can come back. For every folder there is the list of its durable entries, and for
 * all of them one list of changes to entries since, in order; a sync of a folder makes its changes
 * durable. A content is durable from the sync of its file to the next write. Each event is seen
 * before its call: what the call did is settled when the next one comes.
 */
#include "file_faults.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 256
#define CUT 42

/* ---- faults ------------------------------------------------------------------------ */

static struct {
    long nth, count;
    bool forever, met;
    int code;
} fault;

static int fault_hook(const struct file_event *event)
{
    (void)event;
    fault.count++;
    if (fault.nth == 0 || fault.count < fault.nth || (fault.count > fault.nth && !fault.forever)) {
        return 0;
    }
    fault.met = true;
    return fault.code;
}

void faults_set(long nth, bool forever, int code)
{
    fault.nth = nth;
    fault.count = 0;
    fault.forever = forever;
    fault.met = false;
    fault.code = code;
    file_hook = fault_hook;
}

bool faults_end(void)
{
    file_hook = NULL;
    return fault.met;
}

/* ---- power: what is durable ---------------------------------------------------------- */

/* In the process that is going to die nothing may look like a failed assertion of check. */
#define MUST(expr) ((expr) ? (void)0 : die(#expr, __LINE__))
static _Noreturn void die(const char *expr, int line)
{
    (void)fprintf(stderr, "file_faults.c:%d: %s: %s\n", line, expr, strerror(errno));
    _exit(3);
}

struct inode {
    dev_t dev;
    ino_t ino;
    bool synced;
};

struct entry { /* inode -1 in a change: the name goes */
    int folder, inode;
    char name[FILE_NAME_LEN];
    bool removal; /* a change by FILE_OP_REMOVE */
};

static struct {
    long nth, count;
    enum power_loss loss;
    unsigned seed;
    int shadow;
    char shadow_path[64];
    int folders[MAX];
    struct stat folder_stats[MAX];
    size_t n_folders;
    struct inode inodes[MAX];
    size_t n_inodes;
    struct entry durable[MAX], changes[MAX];
    size_t n_durable, n_changes;
    struct { /* what was about to be called; descriptors may be closed by now */
        bool is;
        enum file_op op;
        int folder, to_folder;
        struct inode *inode;
        char name[FILE_NAME_LEN], to[FILE_NAME_LEN];
    } pending;
} power;

/* Which one; a folder inside the first one joins when it is first seen. */
static int find_folder(int fd)
{
    char link[32], path[256], top[256];
    ssize_t n, len;
    struct stat st;
    size_t i;

    if (fd < 0 || fstat(fd, &st) != 0) {
        return -1;
    }
    for (i = 0; i < power.n_folders; i++) {
        if (power.folder_stats[i].st_dev == st.st_dev &&
            power.folder_stats[i].st_ino == st.st_ino) {
            return (int)i;
        }
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", power.folders[0]);
    len = readlink(link, top, sizeof top);
    if (len <= 0 || n <= len || memcmp(path, top, (size_t)len) != 0) {
        return -1;
    }
    MUST(power.n_folders < MAX);
    power.folders[i] = dup(fd);
    power.folder_stats[i] = st;
    power.n_folders++;
    return (int)i;
}

static void shadow_name(char out[16], int inode)
{
    (void)snprintf(out, 16, "%d", inode);
}

/* The file of that name, linked into the shadow when it is new to us; -1: there is none. */
static int find_inode(int folder, const char *name, bool synced)
{
    struct stat st;
    char shadow[16];
    size_t i;

    if (fstatat(power.folders[folder], name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode)) {
        return -1;
    }
    for (i = 0; i < power.n_inodes; i++) {
        if (power.inodes[i].dev == st.st_dev && power.inodes[i].ino == st.st_ino) {
            return (int)i;
        }
    }
    MUST(power.n_inodes < MAX);
    power.inodes[i] = (struct inode){.dev = st.st_dev, .ino = st.st_ino, .synced = synced};
    power.n_inodes++;
    shadow_name(shadow, (int)i);
    MUST(linkat(power.folders[folder], name, power.shadow, shadow, 0) == 0);
    return (int)i;
}

static struct inode *inode_of_fd(int fd)
{
    struct stat st;
    size_t i;

    if (fstat(fd, &st) == 0) {
        for (i = 0; i < power.n_inodes; i++) {
            if (power.inodes[i].dev == st.st_dev && power.inodes[i].ino == st.st_ino) {
                return &power.inodes[i];
            }
        }
    }
    return NULL;
}

static void change(int folder, const char *name, int inode, bool removal)
{
    struct entry *e = &power.changes[power.n_changes];

    MUST(power.n_changes < MAX);
    *e = (struct entry){.folder = folder, .inode = inode, .removal = removal};
    (void)snprintf(e->name, sizeof e->name, "%s", name);
    power.n_changes++;
}

static void apply(struct entry *list, size_t *n, const struct entry *e)
{
    size_t i;

    for (i = 0; i < *n; i++) {
        if (list[i].folder == e->folder && strcmp(list[i].name, e->name) == 0) {
            list[i] = list[--*n];
            break;
        }
    }
    if (e->inode >= 0) {
        MUST(*n < MAX);
        list[(*n)++] = *e;
    }
}

static void folder_synced(int folder)
{
    size_t i, k = 0;

    for (i = 0; i < power.n_changes; i++) {
        if (power.changes[i].folder == folder) {
            apply(power.durable, &power.n_durable, &power.changes[i]);
        } else {
            power.changes[k++] = power.changes[i];
        }
    }
    power.n_changes = k;
}

/* The event before has happened by now. */
static void settle(void)
{
    int folder = power.pending.folder, to = power.pending.to_folder;

    if (!power.pending.is) {
        return;
    }
    power.pending.is = false;
    switch (power.pending.op) {
    case FILE_OP_CREATE:
        if (folder >= 0) {
            change(folder, power.pending.name, find_inode(folder, power.pending.name, false),
                   false);
        }
        break;
    case FILE_OP_SYNC:
        if (power.pending.inode != NULL) {
            power.pending.inode->synced = true;
        }
        break;
    case FILE_OP_RENAME:
        if (to >= 0) {
            change(to, power.pending.to, find_inode(to, power.pending.to, false), false);
        }
        if (folder >= 0) {
            change(folder, power.pending.name, -1, false);
        }
        break;
    case FILE_OP_REMOVE:
        if (folder >= 0) {
            change(folder, power.pending.name, -1, true);
        }
        break;
    case FILE_OP_FOLDER_SYNC:
        if (folder >= 0) {
            folder_synced(folder);
        }
        break;
    default:
        break;
    }
}

/* ---- power: the cut ------------------------------------------------------------------- */

static unsigned dice(void)
{
    power.seed = power.seed * 1103515245u + 12345u;
    return power.seed >> 16;
}

static void empty_folder(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(own);
    const struct dirent *entry;

    MUST(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;

        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            MUST(unlinkat(fd, entry->d_name, 0) == 0);
        }
    }
    (void)closedir(dir);
}

/* The content of an inode that was never synced, as the cut leaves it. */
static void ruin(int inode)
{
    bool garble = power.loss == POWER_GARBLES || (power.loss == POWER_MIXES && dice() % 2 == 0);
    char shadow[16];
    struct stat st;
    off_t i;
    int fd;

    if (power.loss == POWER_KEEPS || (power.loss == POWER_MIXES && dice() % 3 == 0)) {
        return;
    }
    shadow_name(shadow, inode);
    fd = openat(power.shadow, shadow, O_WRONLY | O_CLOEXEC);
    MUST(fd >= 0 && fstat(fd, &st) == 0);
    if (!garble) {
        MUST(ftruncate(fd, 0) == 0);
    }
    for (i = 0; garble && i < st.st_size; i++) {
        unsigned char rubbish = (unsigned char)dice();

        MUST(pwrite(fd, &rubbish, 1, i) == 1);
    }
    (void)close(fd);
}

static void cut(void)
{
    size_t i;

    for (i = 0; i < power.n_changes; i++) {
        bool happens = power.loss == POWER_KEEPS || power.loss == POWER_GARBLES ||
                       (power.loss == POWER_UNMAKES && power.changes[i].removal) ||
                       (power.loss == POWER_MIXES && dice() % 2 == 0);

        if (happens) {
            apply(power.durable, &power.n_durable, &power.changes[i]);
        }
    }
    for (i = 0; i < power.n_inodes; i++) {
        if (!power.inodes[i].synced) {
            ruin((int)i);
        }
    }
    for (i = 0; i < power.n_folders; i++) {
        empty_folder(power.folders[i]);
    }
    for (i = 0; i < power.n_durable; i++) {
        const struct entry *e = &power.durable[i];
        struct stat st;
        char shadow[16];

        MUST(fstat(power.folders[e->folder], &st) == 0);
        if (st.st_nlink == 0) { /* the folder itself is gone */
            continue;
        }
        shadow_name(shadow, e->inode);
        MUST(linkat(power.shadow, shadow, power.folders[e->folder], e->name, 0) == 0);
    }
}

static int power_hook(const struct file_event *event)
{
    settle();
    if (++power.count == power.nth) {
        cut();
        _exit(CUT);
    }
    if (event == NULL) {
        return 0;
    }
    power.pending.is = true;
    power.pending.op = event->op;
    power.pending.folder = find_folder(event->folder);
    power.pending.to_folder = find_folder(event->to_folder);
    power.pending.inode = inode_of_fd(event->fd);
    (void)snprintf(power.pending.name, FILE_NAME_LEN, "%s", event->folder >= 0 ? event->name : "");
    (void)snprintf(power.pending.to, FILE_NAME_LEN, "%s", event->to != NULL ? event->to : "");
    if (event->op == FILE_OP_WRITE && power.pending.inode != NULL) {
        power.pending.inode->synced = false;
    }
    return 0;
}

void power_point(void)
{
    if (file_hook == power_hook) {
        (void)power_hook(NULL);
    }
}

/* Everything that is there now is durable. */
static void start(const char *const *folders, size_t n_folders)
{
    size_t i;

    (void)snprintf(power.shadow_path, sizeof power.shadow_path, "%.30s/shadow-XXXXXX",
                   strncmp(folders[0], "/tmp/", 5) == 0 ? "/tmp" : "/dev/shm");
    MUST(mkdtemp(power.shadow_path) != NULL);
    power.shadow = open(power.shadow_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(power.shadow >= 0 && n_folders <= MAX);
    power.n_folders = n_folders;
    for (i = 0; i < n_folders; i++) {
        const struct dirent *entry;
        DIR *dir = opendir(folders[i]);

        MUST(dir != NULL);
        power.folders[i] = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        MUST(power.folders[i] >= 0 && fstat(power.folders[i], &power.folder_stats[i]) == 0);
        while ((entry = readdir(dir)) != NULL) {
            int inode = find_inode((int)i, entry->d_name, true);

            if (inode >= 0) {
                struct entry *e = &power.durable[power.n_durable];

                MUST(power.n_durable < MAX);
                *e = (struct entry){.folder = (int)i, .inode = inode};
                (void)snprintf(e->name, sizeof e->name, "%.95s", entry->d_name);
                power.n_durable++;
            }
        }
        (void)closedir(dir);
    }
}

static void end_shadow(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        empty_folder(fd);
        (void)close(fd);
        (void)rmdir(path);
    }
}

int power_run(void (*life)(void), const char *const *folders, size_t n_folders, long nth,
              enum power_loss loss, unsigned seed)
{
    char *shadow = power_share(sizeof power.shadow_path);
    pid_t child;
    int status;

    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        memset(&power, 0, sizeof power);
        power.nth = nth;
        power.loss = loss;
        power.seed = seed;
        start(folders, n_folders);
        memcpy(shadow, power.shadow_path, sizeof power.shadow_path);
        file_hook = power_hook;
        life();
        settle();
        cut();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    end_shadow(shadow);
    power_unshare(shadow, sizeof power.shadow_path);
    ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CUT),
                  "the process before the cut: %x", (unsigned)status);
    return WEXITSTATUS(status) == CUT;
}

void *power_share(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(p, MAP_FAILED);
    return p;
}

void power_unshare(void *memory, size_t bytes)
{
    ck_assert_int_eq(munmap(memory, bytes), 0);
}
