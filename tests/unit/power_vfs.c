/* See power_vfs.h. The record is one list of events; playing it keeps a model of the disk: files
 * (whether a name leads to them or not) with their safe bytes and the events since, and the
 * names, safe ones and changes since. Only the list is shared between threads; it is locked.
 */
#include "power_vfs.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "shim_vfs.h"

#define SECTOR 512
#define NAMES  8
#define FILES  64

enum event_kind { EVENT_OPEN, EVENT_WRITE, EVENT_TRUNCATE, EVENT_SYNC, EVENT_DELETE, EVENT_MARK };

struct event {
    enum event_kind kind;
    size_t name; /* in names[] */
    bool folder; /* open: a journal, whose first sync syncs the folder, too;
                  * delete: it syncs the folder */
    int64_t at;
    size_t len;
    unsigned char *bytes; /* write: owned */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *folder; /* recorded; NULL = nothing is */
static char names[NAMES][40];
static size_t n_names;
static struct event *events;
static size_t n_events, room_events;
static struct buf first[NAMES]; /* what was there at the start; data NULL = no such file */

/* ---- recording --------------------------------------------------------------- */

/* NAMES when there is no more room: seen when it is played. */
static size_t name_of(const char *name)
{
    size_t i = 0;

    while (i < n_names && strcmp(names[i], name) != 0) {
        i++;
    }
    if (i == n_names && i < NAMES && strlen(name) < sizeof names[0]) {
        (void)snprintf(names[n_names++], sizeof names[0], "%s", name);
    }
    return i;
}

static void add_event(struct event event)
{
    if (n_events == room_events) {
        room_events = room_events == 0 ? 1024 : 2 * room_events;
        events = xrealloc(events, room_events * sizeof *events);
    }
    events[n_events++] = event;
}

static bool in_folder(const struct shim_call *call)
{
    size_t len = folder != NULL ? strlen(folder) : 0;

    return folder != NULL && strncmp(call->path, folder, len) == 0 &&
           call->name == call->path + len + 1;
}

static int observe(const struct shim_call *call)
{
    struct event event = {.at = call->at};
    bool seen = true;

    switch (call->op) {
    case SHIM_OPEN:
        event.kind = EVENT_OPEN;
        event.folder = (call->flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
        seen = (call->flags & SQLITE_OPEN_CREATE) != 0;
        break;
    case SHIM_WRITE:
        event.kind = EVENT_WRITE;
        break;
    case SHIM_TRUNCATE:
        event.kind = EVENT_TRUNCATE;
        break;
    case SHIM_SYNC:
        event.kind = EVENT_SYNC;
        break;
    case SHIM_DELETE:
        event.kind = EVENT_DELETE;
        event.folder = call->flags != 0;
        break;
    default:
        seen = false;
    }
    PTOK(pthread_mutex_lock(&lock));
    if (seen && in_folder(call)) {
        event.name = name_of(call->name);
        if (event.kind == EVENT_WRITE) {
            event.len = (size_t)call->len;
            event.bytes = xmalloc(event.len);
            memcpy(event.bytes, call->bytes, event.len);
        }
        add_event(event);
    }
    PTOK(pthread_mutex_unlock(&lock));
    return SQLITE_OK;
}

static void forget(void)
{
    for (size_t i = 0; i < n_events; i++) {
        free(events[i].bytes);
    }
    for (size_t i = 0; i < NAMES; i++) {
        buf_fini(&first[i]);
    }
    n_events = n_names = 0;
    free(folder);
    folder = NULL;
}

void power_install(void)
{
    shim_install(observe);
}

static void read_first(const char *dir, const char *name)
{
    static char block[1 << 16];
    char *path = xasprintf("%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd >= 0) {
        struct buf *to = &first[name_of(name)];

        ck_assert_int_eq(buf_reserve(to, 1), 0); /* an empty file is one, too */
        while ((n = read(fd, block, sizeof block)) > 0) {
            ck_assert_int_eq(buf_append(to, block, (size_t)n), 0);
        }
        (void)close(fd);
    }
    free(path);
}

void power_record(const char *dir)
{
    PTOK(pthread_mutex_lock(&lock));
    forget();
    read_first(dir, "mlpd.db");
    read_first(dir, "mlpd.db-wal");
    folder = xstrdup(dir);
    PTOK(pthread_mutex_unlock(&lock));
}

void power_mark(void)
{
    PTOK(pthread_mutex_lock(&lock));
    add_event((struct event){.kind = EVENT_MARK});
    PTOK(pthread_mutex_unlock(&lock));
}

void power_stop(void)
{
    PTOK(pthread_mutex_lock(&lock));
    free(folder);
    folder = NULL;
    PTOK(pthread_mutex_unlock(&lock));
}

/* ---- playing ----------------------------------------------------------------- */

#define NO_FILE FILES

struct file {
    struct buf safe;
    size_t *since; /* events not synced */
    size_t n_since, room_since;
    bool folder_due; /* its first sync syncs the folder */
};

static struct file files[FILES];
static size_t n_files;
static size_t leads_now[NAMES], leads_safely[NAMES]; /* to which file; NO_FILE */
static struct { /* changes of names since the folder was synced */
    size_t name, file;
} renamed[64];
static size_t n_renamed;
static size_t moment, marks;
static bool lying;

static struct { /* the last image */
    bool there;
    struct buf bytes;
} image[NAMES];

static void change_name(size_t name, size_t file)
{
    ck_assert_uint_lt(n_renamed, ARRAY_LEN(renamed));
    renamed[n_renamed].name = name;
    renamed[n_renamed].file = file;
    n_renamed++;
    leads_now[name] = file;
}

static void sync_folder(void)
{
    if (!lying) {
        memcpy(leads_safely, leads_now, sizeof leads_safely);
        n_renamed = 0;
    }
}

/* One write or truncation on bytes; `garble` what is written, by that generator. */
static void apply(struct buf *bytes, const struct event *e, size_t from, size_t to)
{
    size_t at = (size_t)e->at;

    if (e->kind == EVENT_TRUNCATE) {
        if (at < bytes->len) {
            bytes->len = at;
        } else if (at > bytes->len) {
            ck_assert_int_eq(buf_reserve(bytes, at - bytes->len), 0);
            memset(bytes->data + bytes->len, 0, at - bytes->len);
            bytes->len = at;
        }
        return;
    }
    if (at + to > bytes->len) {
        ck_assert_int_eq(buf_reserve(bytes, at + to - bytes->len), 0);
        memset(bytes->data + bytes->len, 0, at + to - bytes->len);
        bytes->len = at + to;
    }
    memcpy(bytes->data + at + from, e->bytes + from, to - from);
}

static void sync_file(struct file *f)
{
    if (lying) {
        return;
    }
    for (size_t i = 0; i < f->n_since; i++) {
        const struct event *e = &events[f->since[i]];

        apply(&f->safe, e, 0, e->len);
    }
    f->n_since = 0;
    if (f->folder_due) {
        f->folder_due = false;
        sync_folder();
    }
}

static void fini_disk(void)
{
    for (size_t i = 0; i < n_files; i++) {
        buf_fini(&files[i].safe);
        free(files[i].since);
        files[i] = (struct file){.since = NULL};
    }
    for (size_t i = 0; i < NAMES; i++) {
        leads_now[i] = leads_safely[i] = NO_FILE;
    }
    n_files = n_renamed = moment = marks = 0;
}

static size_t new_file(void)
{
    ck_assert_uint_lt(n_files, FILES);
    return n_files++;
}

void power_lie(bool on)
{
    lying = on;
}

void power_play(void)
{
    fini_disk();
    for (size_t i = 0; i < NAMES; i++) {
        if (first[i].data != NULL) {
            size_t file = new_file();

            ck_assert_int_eq(buf_append(&files[file].safe, first[i].data, first[i].len), 0);
            leads_now[i] = leads_safely[i] = file;
        }
    }
}

static void play_open(const struct event *e)
{
    if (leads_now[e->name] == NO_FILE) {
        size_t file = new_file();

        files[file].folder_due = e->folder;
        change_name(e->name, file);
    }
}

bool power_next(void)
{
    const struct event *e;
    struct file *f;

    if (moment == n_events) {
        return false;
    }
    e = &events[moment];
    if (e->kind != EVENT_MARK) {
        ck_assert_uint_lt(e->name, NAMES);
    }
    switch (e->kind) {
    case EVENT_MARK:
        marks++;
        break;
    case EVENT_OPEN:
        play_open(e);
        break;
    case EVENT_DELETE:
        change_name(e->name, NO_FILE);
        if (e->folder) {
            sync_folder();
        }
        break;
    default:
        ck_assert_uint_ne(leads_now[e->name], NO_FILE);
        f = &files[leads_now[e->name]];
        if (e->kind == EVENT_SYNC) {
            sync_file(f);
            break;
        }
        if (f->n_since == f->room_since) {
            f->room_since = f->room_since == 0 ? 64 : 2 * f->room_since;
            f->since = xrealloc(f->since, f->room_since * sizeof *f->since);
        }
        f->since[f->n_since++] = moment;
    }
    moment++;
    return true;
}

size_t power_moment(void)
{
    return moment;
}

size_t power_marks(void)
{
    return marks;
}

/* ---- images ------------------------------------------------------------------ */

static uint64_t chance(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void write_garbled(struct buf *bytes, const struct event *e, size_t from, size_t to,
                          uint64_t *state)
{
    apply(bytes, e, from, to);
    for (size_t i = from; i < to; i++) {
        bytes->data[(size_t)e->at + i] = (char)(chance(state) >> 56);
    }
}

/* Piece by piece: kept, dropped or garbled. */
static void write_mixed(struct buf *bytes, const struct event *e, uint64_t *state)
{
    for (size_t from = 0, to; from < e->len; from = to) {
        size_t sector_end = ((size_t)e->at + from) / SECTOR * SECTOR + SECTOR - (size_t)e->at;

        to = sector_end < e->len ? sector_end : e->len;
        switch (chance(state) % 3) {
        case 0:
            apply(bytes, e, from, to);
            break;
        case 1:
            write_garbled(bytes, e, from, to, state);
            break;
        default:;
        }
    }
}

static bool kept(enum power_fate fate, size_t event, size_t cut, uint64_t *state)
{
    switch (fate) {
    case POWER_DROPPED:
        return false;
    case POWER_EARLY:
        return event < cut;
    case POWER_LATE:
        return event >= cut;
    case POWER_MIXED:
        return chance(state) % 2 == 0;
    default:
        return true;
    }
}

static void image_file(struct buf *bytes, const struct file *f, enum power_fate fate, size_t cut,
                       uint64_t *state)
{
    buf_clear(bytes);
    ck_assert_int_eq(buf_append(bytes, f->safe.data, f->safe.len), 0);
    for (size_t i = 0; i < f->n_since; i++) {
        const struct event *e = &events[f->since[i]];

        if (e->kind == EVENT_WRITE && fate == POWER_MIXED) {
            write_mixed(bytes, e, state);
        } else if (e->kind == EVENT_WRITE && fate == POWER_GARBLED) {
            write_garbled(bytes, e, 0, e->len, state);
        } else if (kept(fate, f->since[i], cut, state)) {
            apply(bytes, e, 0, e->len);
        }
    }
}

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; len > 0; len--, p++) {
        hash = (hash ^ *p) * 0x100000001b3u;
    }
    return hash;
}

/* The first event that is not safe on the disk. */
static size_t first_since(void)
{
    size_t oldest = moment;

    for (size_t i = 0; i < n_files; i++) {
        if (files[i].n_since > 0 && files[i].since[0] < oldest) {
            oldest = files[i].since[0];
        }
    }
    return oldest;
}

uint64_t power_image(enum power_fate fate, uint64_t seed)
{
    uint64_t state = seed * 1000003 + moment, hash = 1;
    size_t from = first_since(), cut = from + (size_t)(chance(&state) % (moment - from + 1));
    size_t leads[NAMES];

    memcpy(leads, leads_safely, sizeof leads);
    for (size_t i = 0; i < n_renamed; i++) {
        /* Names are no data: nothing to garble, and the cut is about bytes. */
        if (fate == POWER_KEPT || fate == POWER_GARBLED ||
            (fate != POWER_DROPPED && chance(&state) % 2 == 0)) {
            leads[renamed[i].name] = renamed[i].file;
        }
    }
    for (size_t i = 0; i < NAMES; i++) {
        image[i].there = leads[i] != NO_FILE;
        if (image[i].there) {
            image_file(&image[i].bytes, &files[leads[i]], fate, cut, &state);
            hash = hash_more(hash + i, image[i].bytes.data, image[i].bytes.len);
        }
    }
    return hash;
}

void power_image_write(const char *dir)
{
    for (size_t i = 0; i < NAMES; i++) {
        char *path;
        int fd;

        if (!image[i].there) {
            continue;
        }
        path = xasprintf("%s/%s", dir, names[i]);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, image[i].bytes.data, image[i].bytes.len),
                         (ssize_t)image[i].bytes.len);
        (void)close(fd);
        free(path);
    }
}

void power_remove(void)
{
    shim_remove();
    fini_disk();
    forget();
    free(events);
    events = NULL;
    room_events = 0;
    for (size_t i = 0; i < NAMES; i++) {
        buf_fini(&image[i].bytes);
    }
    lying = false;
}
